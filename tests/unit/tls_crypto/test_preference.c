/* SPDX-License-Identifier: Apache-2.0 */
/* What is offered, taken and agreed on when nobody has chosen, and that a choice stays a choice. */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "tls/crypto/crypto.h"
#include "tls/preference.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <string.h>

TestSuite(tls_preference, .timeout = 60, .fini = sandbox_done);

/* RFC 9325 sections 4.1 and 4.2, as numbers of the IANA registry. */
static const int good[] = {0x1301, 0x1302, 0x1303, 0x1304, 0xc02b, 0xc02f,
                           0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc0ac, 0xc0ad};
static const int old[] = {0xc023, 0xc027, 0xc024, 0xc028, 0xc009, 0xc013, 0xc00a, 0xc014};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_one_of(const int *suites, size_t count, int suite)
{
    for (size_t i = 0; i < count; i++)
        if (suites[i] == suite)
            return true;
    return false;
}

/* Takes what stands at the front of a list. How many mbedTLS was built with. */
static size_t expect_group(const int **at, const int *suites, size_t count)
{
    size_t built = 0;

    for (size_t i = 0; i < count; i++)
        built += mbedtls_ssl_ciphersuite_from_id(suites[i]) != NULL;
    for (size_t i = 0; i < built; i++) {
        cr_assert(is_one_of(suites, count, (*at)[i]), "%04x", (unsigned)(*at)[i]);
        cr_assert(!is_one_of(*at, i, (*at)[i]), "%04x twice", (unsigned)(*at)[i]);
    }
    *at += built;
    return built;
}

Test(tls_preference, forward_secrecy_and_aead_first)
{
    const int *client = leati_tls_cipher_preference(false);
    const int *server = leati_tls_cipher_preference(true);

    cr_assert(expect_group(&client, good, COUNT(good)) >= 6);
    cr_assert(expect_group(&client, old, COUNT(old)) >= 4);
    cr_assert(*client == 0);
    expect_group(&server, good, COUNT(good));
    cr_assert(*server == 0);
}

/* What a ClientHello says, with the renegotiation signal (RFC 5746) that is no suite. */
static void expect_offer(int min_protocol, int max_protocol)
{
    struct tls_end client;
    size_t count = 0;

    tls_end_init(
        &client,
        &(struct tls_end_options){.min_protocol = min_protocol, .max_protocol = max_protocol},
        NULL);
    cr_assert(tls_end_connect(&client) == LEATI_AGAIN);
    const uint8_t *hello = client.wire.sent.data;
    cr_assert(client.wire.sent.len > 44 && hello[0] == 22 && hello[5] == 1);
    const uint8_t *at = hello + 44 + hello[43];
    size_t len = (size_t)at[0] << 8 | at[1];
    cr_assert(client.wire.sent.len > 46u + hello[43] + len);
    bool old_before = false;
    for (size_t i = 2; i < 2 + len; i += 2) {
        int suite = at[i] << 8 | at[i + 1];
        bool is_good = is_one_of(good, COUNT(good), suite);
        if (suite == 0x00ff)
            continue;
        cr_assert(is_good || is_one_of(old, COUNT(old), suite), "%04x", (unsigned)suite);
        cr_assert(!is_good || !old_before, "%04x comes late", (unsigned)suite);
        cr_assert(suite >> 8 != 0x13 || max_protocol == LEAT_TLS_V13);
        cr_assert(suite >> 8 == 0x13 || min_protocol == LEAT_TLS_V12);
        old_before = old_before || !is_good;
        count++;
    }
    cr_assert(count > 0);
    cr_assert(old_before == (min_protocol == LEAT_TLS_V12));
    tls_end_done(&client);
}

Test(tls_preference, the_offer_on_the_wire)
{
    expect_offer(LEAT_TLS_V12, LEAT_TLS_V13);
    expect_offer(LEAT_TLS_V12, LEAT_TLS_V12);
    expect_offer(LEAT_TLS_V13, LEAT_TLS_V13);
}

/* ---- against OpenSSL, which has only one suite of TLS 1.2 ------------------------------------ */

static void expect_suite(bool is_server, const char *cert, const char *theirs, const char *chosen,
                         bool agreed)
{
    struct leati_tls_credentials_options more = {.cipher_suites = chosen};
    const char *key = certificate_path(sandbox_format("%s.key", cert));
    const char *chain = certificate_path(sandbox_format("%s.pem", cert));
    struct tls_end end;
    struct ssl_peer peer;

    ssl_peer_init(&peer, &(struct ssl_peer_options){.is_client = is_server,
                                                    .ciphers = theirs,
                                                    .cert_path = is_server ? NULL : chain,
                                                    .key_path = is_server ? NULL : key,
                                                    .max_version = TLS1_2_VERSION});
    tls_end_init(&end,
                 &(struct tls_end_options){.is_server = is_server,
                                           .more = &more,
                                           .cert_path = is_server ? chain : NULL,
                                           .key_path = is_server ? key : NULL},
                 NULL);
    if (agreed) {
        tls_end_open(&end, &peer);
    } else {
        tls_end_refuse(&end, &peer, LEAT_E_TLS_ENGINE);
        tls_end_expect_text(&end, "handshake_failure");
    }
    tls_end_done(&end);
    ssl_peer_done(&peer);
}

Test(tls_preference, what_is_left_out_must_be_named)
{
    static const struct {
        const char *cert, *suite;
        bool client_by_default, server_by_default;
    } rows[] = {
        {"server", "ECDHE-ECDSA-AES128-GCM-SHA256", true, true},
        {"server", "ECDHE-ECDSA-CHACHA20-POLY1305", true, true},
        {"rsa", "ECDHE-RSA-AES256-GCM-SHA384", true, true},
        {"server", "ECDHE-ECDSA-AES128-SHA", true, false},
        {"server", "ECDHE-ECDSA-AES256-SHA384", true, false},
        {"rsa", "ECDHE-RSA-AES128-SHA256", true, false},
        {"rsa", "AES128-GCM-SHA256", false, false},
        {"rsa", "AES256-SHA", false, false},
        {"rsa", "AES128-SHA256", false, false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *suite = rows[i].suite;
        expect_suite(false, rows[i].cert, suite, NULL, rows[i].client_by_default);
        expect_suite(true, rows[i].cert, suite, NULL, rows[i].server_by_default);
        expect_suite(false, rows[i].cert, suite, suite, true);
        expect_suite(true, rows[i].cert, suite, suite, true);
    }
}

/* CCM with a tag of 8 bytes is not even known by name. */
Test(tls_preference, short_tags_are_never_agreed_on)
{
    expect_suite(false, "server", "ECDHE-ECDSA-AES128-CCM8", NULL, false);
    expect_suite(true, "server", "ECDHE-ECDSA-AES256-CCM8", NULL, false);
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
    cr_assert(strstr(info.cipher, expected), "%s", info.cipher);
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
