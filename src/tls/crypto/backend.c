/* SPDX-License-Identifier: Apache-2.0 */
#include <leat/base.h>

#include "tls/crypto/crypto.h"
#include "util/fork.h"

#include <pthread.h>
#include <stdio.h>

#include <mbedtls/version.h>

#if defined(LEAT_CRYPTO_LIBCRYPTO)
#include <openssl/crypto.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif
#endif

static char name[64];

/* The versions are those of the shared libraries in use, not of the headers. */
static void name_write(void)
{
    char version[16];

    mbedtls_version_get_string(version);
#if defined(LEAT_CRYPTO_LIBCRYPTO)
    snprintf(name, sizeof(name), "mbedTLS %s, primitives by OpenSSL %.16s", version,
             OpenSSL_version(OPENSSL_VERSION_STRING));
#else
    snprintf(name, sizeof(name), "mbedTLS %s", version);
#endif
}

const char *leat_tls_backend(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    leati_once(&once, name_write);
    return name;
}

#if defined(LEAT_CRYPTO_LIBCRYPTO)
/* Instructions for AES and for the product of GCM. */
bool leati_tls_crypto_prefers_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
    const unsigned long wanted = HWCAP_AES | HWCAP_PMULL;
    return (getauxval(AT_HWCAP) & wanted) == wanted;
#else
    return false;
#endif
}
#else
int leati_tls_crypto_start(void)
{
    return 0;
}

/* mbedTLS' own AES-GCM is slower than its ChaCha20-Poly1305 even with AES instructions: 278 MB/s
 * and 355 MB/s, docs/decisions/0004-libcrypto-primitives.md. */
bool leati_tls_crypto_prefers_aes(void)
{
    return false;
}
#endif
