/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/preference.h"

#include "tls/crypto/crypto.h"

#include <pthread.h>
#include <stddef.h>

#include <mbedtls/ssl_ciphersuites.h>

/* More than mbedTLS has. */
#define SUITES_MAX 200u

static int suites[SUITES_MAX + 1];

/* Forward secret suites only: speed is no reason to do without that. Of the two key sizes the
 * shorter one, as it has fewer rounds. */
static unsigned rank_of(int suite)
{
    switch (suite) {
    case MBEDTLS_TLS1_3_AES_128_GCM_SHA256:
    case MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:
    case MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:
        return 0;
    case MBEDTLS_TLS1_3_AES_256_GCM_SHA384:
    case MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:
    case MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
        return 1;
    default:
        return 2;
    }
}

static void suites_order(void)
{
    const int *all = mbedtls_ssl_list_ciphersuites();
    size_t count = 0;

    for (unsigned rank = 0; rank <= 2; rank++)
        for (const int *suite = all; *suite != 0 && count < SUITES_MAX; suite++)
            if (rank_of(*suite) == rank)
                suites[count++] = *suite;
}

const int *leati_tls_cipher_preference(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (!leati_tls_crypto_prefers_aes())
        return mbedtls_ssl_list_ciphersuites();
    pthread_once(&once, suites_order);
    return suites;
}
