/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/preference.h"

#include "tls/crypto/crypto.h"
#include "util/fork.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/ssl_ciphersuites.h>

/* RFC 9325 sections 4.1 and 4.2: keys by ECDHE, records by an AEAD with its whole tag. Of the two
 * key sizes the shorter one first, as it has fewer rounds. */
static const uint16_t good_suites[] = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS1_3_AES_128_CCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CCM,
};

/* What servers have that are too old for those: forward secret all the same. */
static const uint16_t old_suites[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
};

#define COUNT(suites) (sizeof(suites) / sizeof((suites)[0]))

static int client_suites[COUNT(good_suites) + COUNT(old_suites) + 1];
static int server_suites[COUNT(good_suites) + 1];

static bool is_chacha20(uint16_t suite)
{
    return suite == MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256 ||
           suite == MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 ||
           suite == MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256;
}

/* A system's mbedTLS may have been built without some. */
static bool is_built(uint16_t suite)
{
    return mbedtls_ssl_ciphersuite_from_id(suite);
}

static void suite_append(int *suites, size_t *count, uint16_t suite)
{
    for (size_t i = 0; i < *count; i++)
        if (suites[i] == suite)
            return;
    if (is_built(suite))
        suites[(*count)++] = suite;
}

static void suites_fill(void)
{
    size_t server_count = 0, client_count = 0;

    for (size_t i = 0; i < COUNT(good_suites) && !leati_tls_crypto_prefers_aes(); i++)
        if (is_chacha20(good_suites[i]))
            suite_append(server_suites, &server_count, good_suites[i]);
    for (size_t i = 0; i < COUNT(good_suites); i++)
        suite_append(server_suites, &server_count, good_suites[i]);
    for (size_t i = 0; i < server_count; i++)
        suite_append(client_suites, &client_count, (uint16_t)server_suites[i]);
    for (size_t i = 0; i < COUNT(old_suites); i++)
        suite_append(client_suites, &client_count, old_suites[i]);
}

const int *leati_tls_cipher_preference(bool is_server)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    leati_once(&once, suites_fill);
    return is_server ? server_suites : client_suites;
}
