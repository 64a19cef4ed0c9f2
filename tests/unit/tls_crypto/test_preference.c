/* SPDX-License-Identifier: Apache-2.0 */
/* What is agreed on when nobody has chosen, and that a choice stays a choice. */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "tls/crypto/crypto.h"
#include "tls/preference.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <string.h>

TestSuite(tls_preference, .timeout = 60, .fini = sandbox_done);

/* Every suite once, whatever the order. */
Test(tls_preference, no_suite_is_lost)
{
    const int *all = mbedtls_ssl_list_ciphersuites(), *ours = leati_tls_cipher_preference();
    size_t all_count = 0, count = 0, found = 0;

    while (all[all_count] != 0)
        all_count++;
    for (; ours[count] != 0; count++)
        for (size_t i = 0; i < all_count; i++)
            found += all[i] == ours[count];
    cr_assert(count == all_count);
    cr_assert(found == all_count);
}

static void expect_agreed(int protocol, const char *ciphers, const char *expected)
{
    struct leati_tls_credentials_options more = {.cipher_suites = ciphers};
    struct tls_end client, server;
    struct leat_tls_info info;
    int client_code, server_code;

    tls_end_init(&client, &(struct tls_end_options){.max_protocol = protocol, .more = &more}, NULL);
    tls_end_init(&server, &(struct tls_end_options){.is_server = true}, NULL);
    tls_end_link(&client, &server);
    tls_end_connect_both(&client, &server, &client_code, &server_code);
    cr_assert(client_code == LEAT_OK && server_code == LEAT_OK, "%s", client.failure.text);
    leati_tls_layer_info(client.tls, &info);
    cr_assert(strstr(info.cipher, expected) != NULL, "%s", info.cipher);
    tls_end_done(&client);
    tls_end_done(&server);
}

Test(tls_preference, the_fastest_is_agreed_on)
{
    const char *fastest = leati_tls_crypto_prefers_aes() ? "AES_128_GCM" : "CHACHA20_POLY1305";

    expect_agreed(LEAT_TLS_V12, NULL, fastest);
    expect_agreed(LEAT_TLS_V13, NULL, fastest);
}

Test(tls_preference, what_is_chosen_counts)
{
    expect_agreed(LEAT_TLS_V13, "TLS_AES_256_GCM_SHA384", "AES_256_GCM");
    expect_agreed(LEAT_TLS_V13, "TLS_CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305");
}

/* A build and a processor that compute AES-GCM well must not end with the other one. */
Test(tls_preference, aes_needs_its_instructions)
{
#if defined(LEAT_CRYPTO_LIBCRYPTO) && defined(__x86_64__)
    cr_assert(leati_tls_crypto_prefers_aes() == (bool)__builtin_cpu_supports("aes"));
#elif !defined(LEAT_CRYPTO_LIBCRYPTO)
    cr_assert(!leati_tls_crypto_prefers_aes());
#endif
}
