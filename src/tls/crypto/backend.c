/* SPDX-License-Identifier: Apache-2.0 */
#include <leat/base.h>

#include "tls/crypto/crypto.h"

#include <pthread.h>
#include <stdio.h>

#include <mbedtls/version.h>

#if defined(LEAT_CRYPTO_LIBCRYPTO)
#include <openssl/crypto.h>
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

    pthread_once(&once, name_write);
    return name;
}

#if !defined(LEAT_CRYPTO_LIBCRYPTO)
int leati_tls_crypto_start(void)
{
    return 0;
}
#endif
