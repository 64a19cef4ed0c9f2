/* SPDX-License-Identifier: Apache-2.0 */
/* What connections trust, show and speak: texts instead of files, names of ciphers and signatures,
 * pins, revocation lists; and what an open connection tells. */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "tls/crypto/crypto.h"
#include "tls/tls_layer.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

TestSuite(tls_options, .timeout = 60, .fini = sandbox_done);

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static struct tls_end client;
static struct ssl_peer peer;

typedef struct leati_tls_credentials_options more_options;

/* Against a server with `cert` and server.key. */
static void start(const more_options *more, const struct tls_end_options *options,
                  const struct ssl_peer_options *peer_options)
{
    struct tls_end_options all = options ? *options : (struct tls_end_options){0};

    all.more = more;
    ssl_peer_init(&peer, peer_options ? peer_options : &(struct ssl_peer_options){0});
    tls_end_init(&client, &all, NULL);
}

static void done(void)
{
    tls_end_done(&client);
    ssl_peer_done(&peer);
}

static struct leat_tls_info info_of(const struct tls_end *end)
{
    struct leat_tls_info info;

    leati_tls_layer_info(end->tls, &info);
    return info;
}

/* Credentials that must be refused. */
static void refuse(more_options options, int code, const char *text)
{
    struct leati_tls_credentials *none;
    struct leati_failure failure;

    leati_failure_init(&failure);
    int result = leati_tls_credentials_new(&options, &failure, &none);
    cr_assert(result == code, "%d: %s", result, failure.text);
    cr_assert(strstr(failure.text, text), "\"%s\" is not in \"%s\"", text, failure.text);
    leati_failure_done(&failure);
}

/* ---- texts ----------------------------------------------------------------------------------- */

Test(tls_options, everything_as_text)
{
    char *cas[] = {file_read(certificate_path("other-ca.pem")),
                   file_read(certificate_path("ca.pem"))};
    char *cert = file_read(certificate_path("client.pem"));
    char *key = file_read(certificate_path("client-encrypted.key"));
    const more_options more = {
        .ca_texts = (const char *const *)cas,
        .ca_text_count = 2,
        .cert_texts = (const char *const *)&cert,
        .cert_text_count = 1,
        .key_text = key,
    };
    start(&more, &(struct tls_end_options){.key_password = CERTIFICATE_KEY_PASSWORD},
          &(struct ssl_peer_options){.client_ca_path = certificate_path("ca.pem")});
    tls_end_open(&client, &peer);
    X509 *shown = SSL_get1_peer_certificate(peer.ssl);
    cr_assert(shown);
    X509_free(shown);
    done();
    free(cas[0]);
    free(cas[1]);
    free(cert);
    free(key);
}

/* A chain in two texts is sent whole. */
Test(tls_options, chain_of_several_texts)
{
    char *certs[] = {file_read(certificate_path("leaf-only.pem")),
                     file_read(certificate_path("intermediate.pem"))};
    char *key = file_read(certificate_path("server.key"));
    const more_options more = {
        .cert_texts = (const char *const *)certs, .cert_text_count = 2, .key_text = key};
    start(&more, &(struct tls_end_options){.is_server = true},
          &(struct ssl_peer_options){.is_client = true});
    tls_end_open(&client, &peer);
    done();
    free(certs[0]);
    free(certs[1]);
    free(key);
}

Test(tls_options, texts_that_are_none)
{
    static const char *const garbage[] = {
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    static const char *const empty[] = {""};
    char *cert = file_read(certificate_path("client.pem"));
    char *half = file_read(certificate_path("ca.pem"));
    char *key = file_read(certificate_path("other-client.key"));
    const char *const cert_texts[] = {cert};
    const char *const good_and_bad[] = {half, garbage[0]};

    refuse((more_options){.need_ca = true, .ca_texts = garbage, .ca_text_count = 1},
           LEAT_E_TLS_VERIFY, "no CA certificate can be parsed in the given texts");
    refuse((more_options){.need_ca = true, .ca_texts = empty, .ca_text_count = 1},
           LEAT_E_TLS_VERIFY, "no CA certificate can be parsed");
    refuse((more_options){.need_ca = true, .ca_texts = good_and_bad, .ca_text_count = 2},
           LEAT_E_TLS_VERIFY, "a CA certificate cannot be parsed");
    refuse((more_options){.cert_texts = garbage, .cert_text_count = 1, .key_text = key},
           LEAT_E_TLS_VERIFY, "cannot parse the client certificate (as text)");
    refuse((more_options){.cert_texts = cert_texts, .cert_text_count = 1}, LEAT_E_TLS_ENGINE,
           "the client certificate has no key");
    refuse((more_options){.cert_texts = cert_texts, .cert_text_count = 1, .key_text = "no key"},
           LEAT_E_TLS_ENGINE, "cannot use the client key (as text)");
    refuse((more_options){.cert_texts = cert_texts, .cert_text_count = 1, .key_text = key},
           LEAT_E_TLS_VERIFY, "does not belong to the certificate (as text)");
    refuse((more_options){.crl_texts = garbage, .crl_text_count = 1}, LEAT_E_TLS_VERIFY,
           "cannot parse the revocation list");
    half[strlen(half) / 2] = '\0';
    refuse((more_options){.need_ca = true, .ca_texts = good_and_bad, .ca_text_count = 1},
           LEAT_E_TLS_VERIFY, "no CA certificate can be parsed");
    free(cert);
    free(half);
    free(key);
}

/* ---- cipher suites --------------------------------------------------------------------------- */

static void expect_suite(const char *list, int version, const char *expected)
{
    const more_options more = {.cipher_suites = list};

    start(&more, NULL, &(struct ssl_peer_options){.min_version = version, .max_version = version});
    tls_end_open(&client, &peer);
    cr_assert_str_eq(info_of(&client).cipher, expected);
    done();
}

Test(tls_options, cipher_suites_by_either_name)
{
    expect_suite("ECDHE-ECDSA-AES128-GCM-SHA256", TLS1_2_VERSION,
                 "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    expect_suite("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", TLS1_2_VERSION,
                 "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384");
    expect_suite("AES128-SHA:, ecdhe-ecdsa-chacha20-poly1305", TLS1_2_VERSION,
                 "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    expect_suite("TLS_AES_128_GCM_SHA256", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
    /* TLS 1.3 goes on with all of its own, the fastest first. */
    const char *fastest =
        leati_tls_crypto_prefers_aes() ? "TLS_AES_128_GCM_SHA256" : "TLS_CHACHA20_POLY1305_SHA256";
    expect_suite("ECDHE-ECDSA-AES128-GCM-SHA256", TLS1_3_VERSION, fastest);
    expect_suite(" ", TLS1_3_VERSION, fastest);
}

Test(tls_options, without_a_suite_tls_1_2_is_not_offered)
{
    const more_options more = {.cipher_suites = "TLS_AES_128_GCM_SHA256"};

    start(&more, NULL, &(struct ssl_peer_options){.max_version = TLS1_2_VERSION});
    tls_end_refuse(&client, &peer, LEAT_E_TLS_ENGINE);
    done();

    struct tls_end none;
    cr_assert(tls_end_try(&none,
                          &(struct tls_end_options){.more = &more, .max_protocol = LEAT_TLS_V12},
                          NULL) == LEAT_E_TLS_ENGINE);
    tls_end_done(&none);
}

Test(tls_options, no_suite_in_common)
{
    const more_options more = {.cipher_suites = "ECDHE-RSA-AES128-GCM-SHA256"};

    start(&more, NULL, &(struct ssl_peer_options){.max_version = TLS1_2_VERSION});
    tls_end_refuse(&client, &peer, LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&client, "handshake_failure");
    done();
}

Test(tls_options, unknown_names_are_answered_with_the_known_ones)
{
    refuse((more_options){.cipher_suites = "AES128-SHA:ROT13"}, LEAT_E_PARAMETER,
           "unknown cipher suite \"ROT13\". Known: TLS_CHACHA20_POLY1305_SHA256");
    refuse((more_options){.cipher_suites = "ROT13"}, LEAT_E_PARAMETER, " AES128-SHA");
    refuse((more_options){.cipher_suites =
                              "a-name-that-is-far-too-long-to-be-shown-as-a-whole-in-this-text"},
           LEAT_E_PARAMETER, "Known: TLS_CHACHA20");
    refuse((more_options){.cipher_suites = "AES128-SHA:TLS_RSA_WITH_AES_128_CBC_SHA"},
           LEAT_E_PARAMETER, "named twice");
    refuse((more_options){.signature_algorithms = "md5"}, LEAT_E_PARAMETER,
           "unknown signature algorithm \"md5\". Known: ECDSA+SHA256");
}

Test(tls_options, server_chooses_by_its_own_order_or_the_clients)
{
    static const char ours[] = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256";
    static const char theirs[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";
    const more_options more = {.cipher_suites = ours};

    for (int remote = 0; remote < 2; remote++) {
        start(&more,
              &(struct tls_end_options){.is_server = true, .prefer_remote_ciphers = remote == 1},
              &(struct ssl_peer_options){
                  .is_client = true, .max_version = TLS1_2_VERSION, .ciphers = theirs});
        tls_end_open(&client, &peer);
        cr_assert_str_eq(info_of(&client).cipher, remote == 1
                                                      ? "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
                                                      : "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
        done();
    }
}

/* ---- signature algorithms -------------------------------------------------------------------- */

Test(tls_options, signature_algorithms)
{
    static const char list[] = "rsa_pss_rsae_sha256:ECDSA+SHA256";

    for (size_t i = 0; i < 2; i++) {
        const more_options more = {.signature_algorithms = list};
        start(&more, NULL,
              &(struct ssl_peer_options){.min_version = versions[i], .max_version = versions[i]});
        tls_end_open(&client, &peer);
        cr_assert_str_eq(leati_tls_layer_signature_algorithm(client.tls, 0), "rsa_pss_rsae_sha256");
        cr_assert_str_eq(leati_tls_layer_signature_algorithm(client.tls, 1),
                         "ecdsa_secp256r1_sha256");
        cr_assert_null(leati_tls_layer_signature_algorithm(client.tls, 2));
        cr_assert_null(leati_tls_layer_signature_algorithm(client.tls, 3));
        done();
    }
}

Test(tls_options, no_signature_algorithm_in_common)
{
    for (size_t i = 0; i < 2; i++) {
        const more_options more = {.signature_algorithms = "RSA-PSS+SHA256"};
        start(&more, NULL,
              &(struct ssl_peer_options){.min_version = versions[i], .max_version = versions[i]});
        tls_end_refuse(&client, &peer, LEAT_E_TLS_ENGINE);
        tls_end_expect_text(&client, "handshake_failure");
        done();
    }
}

/* ---- pins
 * ---------------------------------------------------------------------------------------- */

static const char *pin_of(const char *path)
{
    unsigned char hash[SHA256_DIGEST_LENGTH], base64[64], *spki = NULL;
    FILE *file = fopen(path, "re");

    cr_assert(file);
    X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    cr_assert(cert);
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    SHA256(spki, (size_t)len, hash);
    EVP_EncodeBlock(base64, hash, sizeof(hash));
    OPENSSL_free(spki);
    X509_free(cert);
    return sandbox_format("%s", (const char *)base64);
}

static void expect_pins(const char *const *pins, size_t count, bool verified, bool welcome)
{
    const more_options more = {.pins = pins, .pin_count = count};

    for (size_t i = 0; i < 2; i++) {
        start(&more, &(struct tls_end_options){.skip_verify = !verified},
              &(struct ssl_peer_options){.min_version = versions[i], .max_version = versions[i]});
        if (welcome) {
            tls_end_open(&client, &peer);
        } else {
            tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
            tls_end_expect_text(&client, "public-key pin mismatch (the server's is sha256/");
            tls_end_expect_text(&client, pin_of(certificate_path("server.pem")));
            cr_assert(peer.last_error == SSL_ERROR_SSL, "the server has seen no alert");
        }
        done();
    }
}

Test(tls_options, pins)
{
    const char *server = pin_of(certificate_path("server.pem"));
    const char *ca = pin_of(certificate_path("ca.pem"));
    const char *other = pin_of(certificate_path("client.pem"));

    expect_pins((const char *[]){other, sandbox_format("sha256/%s", server)}, 2, true, true);
    expect_pins((const char *[]){sandbox_format("sha256//%s", ca)}, 1, true, true);
    expect_pins((const char *[]){other}, 1, true, false);
    expect_pins((const char *[]){ca}, 1, true, true);
    expect_pins(&server, 1, false, true);
    expect_pins(&ca, 1, false, false); /* nobody has checked that chain */
    expect_pins(&other, 1, false, false);
}

Test(tls_options, pins_that_are_none)
{
    static const char *const wrong[] = {"",
                                        "sha256/",
                                        "sha256/AAAA",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=AAAA",
                                        "no base64 at all!",
                                        "sha1/AAAAAAAAAAAAAAAAAAAAAAAAAAA="};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        refuse((more_options){.pins = &wrong[i], .pin_count = 1}, LEAT_E_PARAMETER,
               "not a public-key pin");
}

/* ---- revocation
 * ---------------------------------------------------------------------------------- */

static void expect_revocation(const char *list, const char *cert, const char *refusal)
{
    char *text = file_read(certificate_path(list));
    const more_options more = {.crl_texts = (const char *const *)&text, .crl_text_count = 1};

    for (size_t i = 0; i < 2; i++) {
        start(&more, NULL,
              &(struct ssl_peer_options){
                  .cert_path = cert, .min_version = versions[i], .max_version = versions[i]});
        if (refusal) {
            tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
            tls_end_expect_text(&client, refusal);
        } else {
            tls_end_open(&client, &peer);
        }
        done();
    }
    free(text);
}

Test(tls_options, revocation)
{
    const char *revoked = certificate_path("revoked.pem");

    expect_revocation("revoked.crl", revoked, "revoked");
    expect_revocation("revoked.crl", certificate_path("server.pem"), NULL);
    expect_revocation("empty.crl", revoked, NULL);
    expect_revocation("old.crl", revoked, "revocation list expired");
}

/* ---- what an open connection tells
 * --------------------------------------------------------------- */

static void expect_der(const char *path, size_t index, const uint8_t *der, size_t len)
{
    unsigned char *expected = NULL;
    FILE *file = fopen(path, "re");
    X509 *cert = NULL;

    cr_assert(file);
    for (size_t i = 0; i <= index; i++) {
        X509_free(cert);
        cert = PEM_read_X509(file, NULL, NULL, NULL);
        cr_assert(cert);
    }
    fclose(file);
    int expected_len = i2d_X509(cert, &expected);
    cr_assert(expected_len > 0 && (size_t)expected_len == len);
    cr_assert(memcmp(expected, der, len) == 0);
    OPENSSL_free(expected);
    X509_free(cert);
}

Test(tls_options, certificates_of_both_ends)
{
    const char *chain = certificate_path("chain.pem");
    const uint8_t *der;
    size_t len;

    for (size_t v = 0; v < 2; v++) {
        start(NULL,
              &(struct tls_end_options){.cert_path = certificate_path("client.pem"),
                                        .key_path = certificate_path("client.key"),
                                        .keep_peer_certificate = true},
              &(struct ssl_peer_options){.cert_path = chain,
                                         .client_ca_path = certificate_path("ca.pem"),
                                         .min_version = versions[v],
                                         .max_version = versions[v]});
        tls_end_open(&client, &peer);
        for (size_t i = 0; i < 2; i++) {
            cr_assert(leati_tls_layer_peer_certificate(client.tls, i, &der, &len));
            expect_der(chain, i, der, len);
        }
        cr_assert(!leati_tls_layer_peer_certificate(client.tls, 2, &der, &len));
        cr_assert(leati_tls_layer_own_certificate(client.tls, 0, &der, &len));
        expect_der(certificate_path("client.pem"), 0, der, len);
        cr_assert(!leati_tls_layer_own_certificate(client.tls, 1, &der, &len));
        done();
    }
}

Test(tls_options, no_certificates)
{
    const uint8_t *der;
    size_t len;

    start(NULL, &(struct tls_end_options){.is_server = true},
          &(struct ssl_peer_options){.is_client = true});
    tls_end_open(&client, &peer);
    cr_assert(!leati_tls_layer_peer_certificate(client.tls, 0, &der, &len));
    done();
    start(NULL, NULL, NULL);
    tls_end_open(&client, &peer);
    cr_assert(!leati_tls_layer_own_certificate(client.tls, 0, &der, &len));
    cr_assert(!leati_tls_layer_peer_certificate(client.tls, 0, &der, &len), "not to be kept");
    done();
}

static const mbedtls_ssl_config *configuration_of(const struct tls_end *end)
{
    return ((const struct leati_tls_layer *)end->tls)->ssl.MBEDTLS_PRIVATE(conf);
}

/* 400 bytes and more that nothing of one connection is in. */
Test(tls_options, connections_that_are_alike_share_a_configuration)
{
    static const char *const alpn[] = {"http/1.1", NULL};
    const more_options trusted = {.ca_path = certificate_path("ca.pem"), .need_ca = true};
    struct leati_failure failure;
    struct leati_tls_credentials *credentials;
    struct tls_end other;
    struct leati_tls_sessions *sessions = leati_tls_sessions_new();

    leati_failure_init(&failure);
    cr_assert_eq(leati_tls_credentials_new(&trusted, &failure, &credentials), LEAT_OK);
    start(NULL, &(struct tls_end_options){.credentials = credentials}, NULL);
    tls_end_open(&client, &peer);
    const mbedtls_ssl_config *shared = configuration_of(&client);
    const struct tls_end_options unlike[] = {
        {.credentials = credentials, .skip_verify = true},
        {.credentials = credentials, .max_protocol = LEAT_TLS_V12},
        {.credentials = credentials, .min_protocol = LEAT_TLS_V13},
        {.credentials = credentials, .alpn = alpn},
        {.credentials = credentials, .sessions = sessions},
        {0},
    };
    for (size_t i = 0; i < sizeof(unlike) / sizeof(unlike[0]); i++) {
        tls_end_init(&other, &unlike[i], NULL);
        cr_expect_neq(configuration_of(&other), shared, "%zu", i);
        tls_end_done(&other);
    }
    done();

    start(NULL, &(struct tls_end_options){.credentials = credentials, .server_name = "127.0.0.1"},
          NULL);
    cr_expect_eq(configuration_of(&client), shared, "the name is no part of it");
    done();
    leati_tls_credentials_unref(credentials);
    leati_tls_sessions_unref(sessions);
    leati_failure_done(&failure);
}
