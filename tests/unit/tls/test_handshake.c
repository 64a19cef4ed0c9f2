/* SPDX-License-Identifier: Apache-2.0 */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(tls_handshake, .timeout = 60, .fini = sandbox_done);

static struct tls_end client;
static struct ssl_peer peer;

static void handshake(const struct tls_end_options *options,
                      const struct ssl_peer_options *peer_options)
{
    ssl_peer_init(&peer, peer_options);
    tls_end_init(&client, options, NULL);
    tls_end_open(&client, &peer);
}

static void done(void)
{
    tls_end_done(&client);
    ssl_peer_done(&peer);
}

static void expect_description(const char *expected)
{
    char text[200];

    client.tls->ops->describe(client.tls, text, sizeof(text));
    cr_assert(strcmp(text, expected) == 0, "%s", text);
}

Test(tls_handshake, tls_1_3_with_alpn)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL};
    struct leat_tls_info info;

    handshake(
        &(struct tls_end_options){.alpn = alpn},
        &(struct ssl_peer_options){.alpn = "http/1.1", .ciphersuites = "TLS_AES_256_GCM_SHA384"});
    leati_tls_layer_info(client.tls, &info);
    cr_assert_str_eq(info.protocol, "TLSv1.3");
    cr_assert_str_eq(info.alpn, "http/1.1");
    cr_assert_str_eq(info.cipher, "TLS_AES_256_GCM_SHA384");
    cr_assert(!info.resumed);
    expect_description("TLSv1.3 TLS_AES_256_GCM_SHA384, ALPN http/1.1");
    done();
}

Test(tls_handshake, tls_1_2)
{
    struct leat_tls_info info;

    handshake(&(struct tls_end_options){0},
              &(struct ssl_peer_options){.max_version = TLS1_2_VERSION,
                                         .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"});
    leati_tls_layer_info(client.tls, &info);
    cr_assert_str_eq(info.protocol, "TLSv1.2");
    cr_assert_str_eq(info.alpn, "");
    cr_assert(!info.resumed);
    expect_description("TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    done();
}

Test(tls_handshake, rsa_server)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        handshake(&(struct tls_end_options){0},
                  &(struct ssl_peer_options){.cert_path = certificate_path("rsa.pem"),
                                             .key_path = certificate_path("rsa.key"),
                                             .min_version = version,
                                             .max_version = version});
        done();
    }
}

/* A TLS 1.2 server that signs with PSS because TLS 1.3 was offered, too. mbedTLS 3.6.6 refuses it
 * (its issue 10668) unless it is mended; then the text must say so, and offering TLS 1.2 only must
 * help. */
Test(tls_handshake, rsa_server_with_its_own_order)
{
    struct ssl_peer_options options = {.cert_path = certificate_path("rsa.pem"),
                                       .key_path = certificate_path("rsa.key"),
                                       .max_version = TLS1_2_VERSION,
                                       .own_preference = true};

    ssl_peer_init(&peer, &options);
    tls_end_init(&client, &(struct tls_end_options){0}, NULL);
    ssl_peer_accept(&peer, &client.wire);
    int code = tls_end_connect(&client);
#ifdef LEAT_MBEDTLS_MENDED
    cr_assert(code == LEAT_OK, "%d: %s", code, client.failure.text);
#else
    if (code != LEAT_OK) {
        cr_assert(client.failure.code == LEAT_E_TLS_ENGINE);
        tls_end_expect_text(&client, "signs with RSA-PSS");
    }
#endif
    done();
    handshake(&(struct tls_end_options){.max_protocol = LEAT_TLS_V12}, &options);
    done();
    options.max_version = TLS1_3_VERSION;
    handshake(&(struct tls_end_options){0}, &options);
    done();
}

#ifdef LEAT_MBEDTLS_MENDED

/* RFC 8446 section 4.2.3: RSASSA-PSS in TLS 1.2, each hash, whatever else is offered. */
Test(tls_handshake, rsa_pss_in_tls_1_2)
{
    static const char *const names[] = {"rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384",
                                        "rsa_pss_rsae_sha512"};
    struct ssl_peer_options options = {.cert_path = certificate_path("rsa.pem"),
                                       .key_path = certificate_path("rsa.key"),
                                       .max_version = TLS1_2_VERSION};

    for (int max = LEAT_TLS_V12; max <= LEAT_TLS_V13; max++)
        for (size_t i = 0; i < 3; i++)
            for (int alone = 0; alone < 2; alone++) {
                const struct leati_tls_credentials_options more = {.signature_algorithms =
                                                                       names[i]};
                options.sigalgs = names[i];
                handshake(
                    &(struct tls_end_options){.max_protocol = max, .more = alone ? &more : NULL},
                    &options);
                done();
            }
}

/* As the sample of HarmonyOS has it. */
Test(tls_handshake, rsa_pss_and_ecdsa_in_tls_1_2)
{
    const struct leati_tls_credentials_options more = {.signature_algorithms =
                                                           "rsa_pss_rsae_sha256:ECDSA+SHA256",
                                                       .cipher_suites = "AES256-SHA256"};
    const struct leati_tls_credentials_options ecdhe = {.signature_algorithms =
                                                            "rsa_pss_rsae_sha256:ECDSA+SHA256"};
    const struct ssl_peer_options options = {.cert_path = certificate_path("rsa.pem"),
                                             .key_path = certificate_path("rsa.key"),
                                             .max_version = TLS1_2_VERSION};

    handshake(&(struct tls_end_options){.max_protocol = LEAT_TLS_V12, .more = &more}, &options);
    done();
    handshake(&(struct tls_end_options){.max_protocol = LEAT_TLS_V12, .more = &ecdhe}, &options);
    done();
}

/* A server takes no signature that was not offered to it. */
Test(tls_handshake, rsa_pss_that_was_not_offered)
{
    const struct leati_tls_credentials_options more = {.signature_algorithms = "RSA+SHA256"};

    ssl_peer_init(&peer, &(struct ssl_peer_options){.cert_path = certificate_path("rsa.pem"),
                                                    .key_path = certificate_path("rsa.key"),
                                                    .sigalgs = "rsa_pss_rsae_sha256",
                                                    .max_version = TLS1_2_VERSION});
    tls_end_init(&client, &(struct tls_end_options){.more = &more}, NULL);
    tls_end_refuse(&client, &peer, LEAT_E_TLS_ENGINE);
    done();
}

#endif

Test(tls_handshake, a_name_goes_out_as_sni)
{
    handshake(&(struct tls_end_options){.server_name = "localhost."},
              &(struct ssl_peer_options){0});
    cr_assert_str_eq(SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name), "localhost");
    done();
}

Test(tls_handshake, an_address_does_not_go_out_as_sni)
{
    static const char *const addresses[] = {"127.0.0.1", "::1", "::1%lo"};

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        handshake(&(struct tls_end_options){.server_name = addresses[i]},
                  &(struct ssl_peer_options){0});
        cr_assert_null(SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name));
        done();
    }
}

Test(tls_handshake, sni_goes_out_also_without_verification)
{
    handshake(&(struct tls_end_options){.server_name = "not-its-name.example", .skip_verify = true},
              &(struct ssl_peer_options){.cert_path = certificate_path("self-signed.pem")});
    cr_assert_str_eq(SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name),
                     "not-its-name.example");
    done();
}

Test(tls_handshake, each_flight_leaves_in_one_write)
{
    handshake(&(struct tls_end_options){0},
              &(struct ssl_peer_options){.min_version = TLS1_3_VERSION});
    cr_assert(client.wire.sent_calls == 2, "%zu", client.wire.sent_calls);
    done();
    handshake(&(struct tls_end_options){0},
              &(struct ssl_peer_options){.max_version = TLS1_2_VERSION});
    cr_assert(client.wire.sent_calls == 2, "%zu", client.wire.sent_calls);
    done();
}

static void refuse(const struct tls_end_options *options,
                   const struct ssl_peer_options *peer_options, int code, const char *text)
{
    ssl_peer_init(&peer, peer_options);
    tls_end_init(&client, options, NULL);
    tls_end_refuse(&client, &peer, code);
    tls_end_expect_text(&client, text);
    cr_assert(client.failure.native_code < 0);
}

Test(tls_handshake, no_common_version)
{
    refuse(&(struct tls_end_options){.min_protocol = LEAT_TLS_V13},
           &(struct ssl_peer_options){.max_version = TLS1_2_VERSION}, LEAT_E_TLS_ENGINE,
           "protocol_version");
    done();
    refuse(&(struct tls_end_options){.max_protocol = LEAT_TLS_V12},
           &(struct ssl_peer_options){.min_version = TLS1_3_VERSION}, LEAT_E_TLS_ENGINE,
           "alert protocol_version (70)");
    done();
    refuse(&(struct tls_end_options){0}, &(struct ssl_peer_options){.max_version = TLS1_1_VERSION},
           LEAT_E_TLS_ENGINE, "protocol_version");
    done();
}

Test(tls_handshake, no_common_cipher)
{
    refuse(&(struct tls_end_options){0},
           &(struct ssl_peer_options){.max_version = TLS1_2_VERSION,
                                      .ciphers = "AES128-SHA:@SECLEVEL=0"},
           LEAT_E_TLS_ENGINE, "alert handshake_failure (40)");
    done();
}

Test(tls_handshake, no_common_alpn)
{
    static const char *const alpn[] = {"http/1.1", NULL};

    refuse(&(struct tls_end_options){.alpn = alpn}, &(struct ssl_peer_options){.alpn = "h2"},
           LEAT_E_TLS_ENGINE, "alert no_application_protocol (120)");
    done();
}

Test(tls_handshake, client_certificate)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        handshake(&(struct tls_end_options){.cert_path = certificate_path("client.pem"),
                                            .key_path = certificate_path("client-encrypted.key"),
                                            .key_password = CERTIFICATE_KEY_PASSWORD},
                  &(struct ssl_peer_options){.client_ca_path = certificate_path("ca.pem"),
                                             .min_version = version,
                                             .max_version = version});
        char subject[100];
        X509_NAME_oneline(X509_get_subject_name(SSL_get0_peer_certificate(peer.ssl)), subject,
                          sizeof(subject));
        cr_assert_str_eq(subject, "/CN=leat client");
        done();
    }
}

Test(tls_handshake, client_certificate_missing_in_tls_1_2)
{
    refuse(&(struct tls_end_options){0},
           &(struct ssl_peer_options){.client_ca_path = certificate_path("ca.pem"),
                                      .max_version = TLS1_2_VERSION},
           LEAT_E_TLS_ENGINE, "alert handshake_failure (40)");
    done();
}

/* In TLS 1.3 the client is done before the server looks at its certificate. */
Test(tls_handshake, client_certificate_missing_in_tls_1_3)
{
    char byte;
    size_t n;

    handshake(&(struct tls_end_options){0},
              &(struct ssl_peer_options){.client_ca_path = certificate_path("ca.pem"),
                                         .min_version = TLS1_3_VERSION});
    cr_assert(tls_end_read(&client, &byte, 1, &n) == LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&client, "alert certificate_required (116)");
    cr_assert(client.failure.native_code == -0x7780);
    done();
}

Test(tls_handshake, not_a_tls_server)
{
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

    tls_end_init(&client, &(struct tls_end_options){0}, NULL);
    scripted_layer_reply(&client.wire, http, sizeof(http) - 1);
    tls_end_refuse(&client, NULL, LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&client, "not a TLS server?");
    tls_end_expect_text(&client, "\"HTTP/\"");
    tls_end_done(&client);
}

Test(tls_handshake, not_a_tls_server_in_binary)
{
    tls_end_init(&client, &(struct tls_end_options){0}, NULL);
    scripted_layer_reply(&client.wire, "\x05\xff\"\\z", 5);
    tls_end_refuse(&client, NULL, LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&client, "\"\\x05\\xff\\x22\\x5cz\"");
    tls_end_done(&client);
}

Test(tls_handshake, timeout_names_the_step)
{
    struct leati_layer *tls;

    tls_end_init(&client, &(struct tls_end_options){.timeout_ms = 500}, NULL);
    tls = client.tls;
    cr_assert(tls->ops->connect(tls, 1000) == LEATI_AGAIN);
    cr_assert(tls->deadline_ms == 1500);
    cr_assert(tls->ops->want(tls, 0) == LEATI_WANT_READ);
    cr_assert(tls->ops->connect(tls, 1499) == LEATI_AGAIN);
    cr_assert(tls->ops->connect(tls, 1500) == LEAT_E_TLS_READ);
    tls_end_expect_text(&client, "timed out while waiting for ServerHello");
    cr_assert(tls->ops->connect(tls, 1501) == LEAT_E_TLS_READ);
    tls_end_done(&client);
}

Test(tls_handshake, timeout_while_nothing_can_be_written)
{
    struct leati_layer *tls;

    tls_end_init(&client, &(struct tls_end_options){.timeout_ms = 500}, NULL);
    tls = client.tls;
    client.wire.mute = true;
    cr_assert(tls->ops->connect(tls, 1000) == LEATI_AGAIN);
    cr_assert(tls->ops->want(tls, 0) & LEATI_WANT_WRITE);
    cr_assert(tls->ops->connect(tls, 2000) == LEAT_E_TLS_READ);
    tls_end_expect_text(&client, "timed out while writing");
    tls_end_done(&client);
}

Test(tls_handshake, limit_of_the_chain_is_a_deadline_too)
{
    tls_end_init(&client, &(struct tls_end_options){.timeout_ms = 0}, NULL);
    client.tls->limit_ms = 1200;
    cr_assert(client.tls->ops->connect(client.tls, 1000) == LEATI_AGAIN);
    cr_assert(client.tls->deadline_ms == 1200);
    cr_assert(client.tls->ops->connect(client.tls, 1200) == LEAT_E_TLS_READ);
    tls_end_done(&client);
}

Test(tls_handshake, the_alert_reaches_the_server)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        refuse(&(struct tls_end_options){0},
               &(struct ssl_peer_options){.cert_path = certificate_path("unknown-ca.pem"),
                                          .min_version = version,
                                          .max_version = version},
               LEAT_E_TLS_VERIFY, "unknown issuer");
        cr_assert(peer.last_error == SSL_ERROR_SSL, "the server has seen no alert");
        done();
    }
}

Test(tls_handshake, verification_without_cas_is_refused)
{
    struct leati_tls_credentials_options none = {.need_ca = false};
    struct leati_tls_credentials *credentials;
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&none, &failure, &credentials) == LEAT_OK);
    cr_assert(tls_end_try(&client, &(struct tls_end_options){.credentials = credentials}, NULL) ==
              LEAT_E_TLS_ENGINE);
    tls_end_done(&client);
    leati_tls_credentials_unref(credentials);
}

Test(tls_handshake, destroy_in_every_state)
{
    tls_end_init(&client, &(struct tls_end_options){0}, NULL);
    cr_assert(client.tls->state == LEATI_LAYER_NEW);
    tls_end_done(&client);

    tls_end_init(&client, &(struct tls_end_options){0}, NULL);
    cr_assert(client.tls->ops->connect(client.tls, 1000) == LEATI_AGAIN);
    cr_assert(client.tls->state == LEATI_LAYER_CONNECTING);
    tls_end_done(&client);

    handshake(&(struct tls_end_options){0}, &(struct ssl_peer_options){0});
    cr_assert(client.tls->state == LEATI_LAYER_OPEN);
    done();

    handshake(&(struct tls_end_options){.close_timeout_ms = 1000}, &(struct ssl_peer_options){0});
    cr_assert(tls_end_shutdown(&client, 1000) == LEATI_AGAIN);
    cr_assert(client.tls->state == LEATI_LAYER_CLOSING);
    done();
}
