/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/mbedtls_private.h"
#include "tls/tls.h"

#include <mbedtls/md5.h>
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <string.h>

/* None of them by PSA: that would seed a generator of random numbers for every program that uses
 * plain ws. */

bool leati_tls_sha1(const void *data, size_t len, uint8_t ret_digest[20])
{
    return mbedtls_sha1(data, len, ret_digest) == 0;
}

bool leati_tls_md5(const void *data, size_t len, uint8_t ret_digest[16])
{
#if defined(MBEDTLS_MD5_C)
    return mbedtls_md5(data, len, ret_digest) == 0;
#else
    (void)data, (void)len, (void)ret_digest;
    return false;
#endif
}

bool leati_tls_sha256(const void *data, size_t len, uint8_t ret_digest[32])
{
    return mbedtls_sha256(data, len, ret_digest, 0) == 0;
}

/* FIPS 180-4 section 5.3.6.2: SHA-512 that begins elsewhere, and of which half is left. mbedTLS has
 * it not by itself. */
bool leati_tls_sha512_256(const void *data, size_t len, uint8_t ret_digest[32])
{
    static const uint64_t start[8] = {
        0x22312194FC2BF72C, 0x9F555FA3C84C64C2, 0x2393B86B6F53B151, 0x963877195940EABD,
        0x96283EE2A88EFFE3, 0xBE5E1E2553863992, 0x2B0199FC2C85B8AA, 0x0EB72DDC81C52CA2,
    };
    mbedtls_sha512_context context;
    uint8_t digest[64];

    mbedtls_sha512_init(&context);
    bool is_done = mbedtls_sha512_starts(&context, 0) == 0;
    leati_mbedtls_sha512_set_start(&context, start);
    is_done = is_done && mbedtls_sha512_update(&context, data, len) == 0 &&
              mbedtls_sha512_finish(&context, digest) == 0;
    mbedtls_sha512_free(&context);
    if (is_done)
        memcpy(ret_digest, digest, 32);
    return is_done;
}
