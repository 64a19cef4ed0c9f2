/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MBEDTLS_SHA256_PROCESS_ALT, MBEDTLS_SHA512_PROCESS_ALT: the compression functions. All else of
 * the digests, with the contexts that are cloned, stays mbedTLS' own, and nothing is allocated.
 *
 * libcrypto calls these functions deprecated in favour of EVP_MD, whose contexts are allocated for
 * each digest; a handshake makes some hundred of them.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tls/crypto/libcrypto.h"

#include <string.h>

#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <openssl/sha.h>

_Static_assert(sizeof(((SHA256_CTX *)NULL)->h) == sizeof(((mbedtls_sha256_context *)NULL)->state),
               "eight words of 32 bits");
_Static_assert(sizeof(((SHA512_CTX *)NULL)->h) == sizeof(((mbedtls_sha512_context *)NULL)->state),
               "eight words of 64 bits");

int mbedtls_internal_sha256_process(mbedtls_sha256_context *ctx, const unsigned char data[64])
{
    SHA256_CTX block;

    memcpy(block.h, ctx->state, sizeof(block.h));
    SHA256_Transform(&block, data);
    memcpy(ctx->state, block.h, sizeof(block.h));
    mbedtls_platform_zeroize(block.h, sizeof(block.h));
    return 0;
}

int mbedtls_internal_sha512_process(mbedtls_sha512_context *ctx, const unsigned char data[128])
{
    SHA512_CTX block;

    memcpy(block.h, ctx->state, sizeof(block.h));
    SHA512_Transform(&block, data);
    memcpy(ctx->state, block.h, sizeof(block.h));
    mbedtls_platform_zeroize(block.h, sizeof(block.h));
    return 0;
}

/* They take what mbedTLS hands them only while libcrypto keeps its words in the machine's order:
 * FIPS 180-4 appendix B.1, the digest of nothing. */
int leati_crypto_sha2_start(void)
{
    static const unsigned char expected[4] = {0xe3, 0xb0, 0xc4, 0x42};
    unsigned char digest[32];

    if (mbedtls_sha256((const unsigned char *)"", 0, digest, 0) != 0 ||
        memcmp(digest, expected, sizeof(expected)) != 0)
        return MBEDTLS_ERR_SHA256_BAD_INPUT_DATA;
    return 0;
}
