/* SPDX-License-Identifier: Apache-2.0 */
/* What the trace hears of a handshake: the chain, and what was agreed on. */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <openssl/x509.h>

TestSuite(tls_tell, .timeout = 60, .fini = sandbox_done);

enum { SEEN_MAX = 8 };

/* The strings of an event are borrowed. */
struct seen_certificate {
    struct leat_certificate_info info;
    char subject[256], issuer[256], names[2100], problem[512], key_type[16], signature[64];
};

static struct {
    struct seen_certificate certificates[SEEN_MAX];
    size_t count;
    size_t agreed_count;
    struct leat_tls_info agreed;
    char alpn[32];
} seen;

static struct tls_end client;
static struct ssl_peer peer;

#define KEEP(field) snprintf(to->field, sizeof(to->field), "%s", info->field)

static void certificate_keep(const struct leat_certificate_info *info)
{
    cr_assert(seen.count < SEEN_MAX);
    struct seen_certificate *to = &seen.certificates[seen.count++];
    to->info = *info;
    KEEP(subject);
    KEEP(issuer);
    KEEP(names);
    KEEP(problem);
    KEEP(key_type);
    KEEP(signature);
    const uint8_t *der = info->der;
    X509 *parsed = d2i_X509(NULL, &der, (long)info->der_len);
    cr_assert_not_null(parsed, "the DER is a whole certificate");
    cr_assert(der == info->der + info->der_len);
    X509_free(parsed);
}

static void on_trace(const struct leat_trace_event *event, void *user)
{
    (void)user;
    cr_assert((event->certificate != NULL) == (event->kind == LEAT_TRACE_CERTIFICATE));
    cr_assert((event->tls != NULL) == (event->kind == LEAT_TRACE_TLS));
    cr_assert_null(event->address);
    if (event->certificate || event->tls) {
        cr_assert(event->layer == LEAT_LAYER_TLS);
        cr_assert_str_eq(event->name, "tls");
        cr_assert_str_eq(event->hop, "wire:443");
        cr_assert_str_eq(event->text, "");
    }
    if (event->certificate) {
        cr_assert(seen.agreed_count == 0, "certificates come first");
        certificate_keep(event->certificate);
    }
    if (event->tls) {
        seen.agreed = *event->tls;
        snprintf(seen.alpn, sizeof(seen.alpn), "%s", event->tls->alpn);
        seen.agreed_count++;
    }
}

static void begin(const struct tls_end_options *options,
                  const struct ssl_peer_options *peer_options)
{
    memset(&seen, 0, sizeof(seen));
    ssl_peer_init(&peer, peer_options);
    tls_end_init(&client, options, NULL);
    client.tracer.fn = on_trace;
}

static void done(void)
{
    tls_end_done(&client);
    ssl_peer_done(&peer);
}

static void handshake(const struct tls_end_options *options,
                      const struct ssl_peer_options *peer_options)
{
    begin(options, peer_options);
    tls_end_open(&client, &peer);
    cr_assert(seen.agreed_count == 1);
}

Test(tls_tell, verified_chain_from_its_root)
{
    handshake(&(struct tls_end_options){0},
              &(struct ssl_peer_options){.cert_path = certificate_path("chain.pem"),
                                         .key_path = certificate_path("server.key")});
    cr_assert(seen.count == 3, "%zu", seen.count);
    for (size_t i = 0; i < seen.count; i++) {
        const struct seen_certificate *c = &seen.certificates[i];
        cr_assert(c->info.depth == seen.count - 1 - i);
        cr_assert(c->info.verified);
        cr_assert_str_eq(c->problem, "");
        cr_assert_str_eq(c->key_type, "EC");
        cr_assert(c->info.key_bits == 256);
        if (i > 0)
            cr_assert_str_eq(c->issuer, seen.certificates[i - 1].subject);
    }
    cr_assert_str_eq(seen.certificates[0].subject, "CN=leat test CA");
    cr_assert_str_eq(seen.certificates[0].names, "");
    cr_assert_str_eq(seen.certificates[2].subject, "CN=localhost");
    cr_assert_str_eq(seen.certificates[2].names, "localhost, any.test, anything.test, echo.test, proxy.test, two.test, 127.0.0.1, ::1");
    cr_assert_str_eq(seen.certificates[2].signature, "ECDSA with SHA256");
    done();
}

Test(tls_tell, times_are_seconds_since_1970)
{
    handshake(&(struct tls_end_options){0}, &(struct ssl_peer_options){0});
    cr_assert(seen.count == 2);
    cr_assert(seen.certificates[1].info.not_before == 1577836800, "2020-01-01 00:00:00 UTC");
    cr_assert(seen.certificates[1].info.not_after == 2524521600, "2049-12-31 00:00:00 UTC: %lld",
              (long long)seen.certificates[1].info.not_after);
    done();
}

Test(tls_tell, refused_certificate_says_why)
{
    begin(&(struct tls_end_options){0},
          &(struct ssl_peer_options){.cert_path = certificate_path("expired.pem"),
                                     .key_path = certificate_path("server.key")});
    tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
    cr_assert(seen.count == 2 && seen.agreed_count == 0);
    cr_assert_str_eq(seen.certificates[0].problem, "");
    cr_assert_str_eq(seen.certificates[1].problem, "expired since 2021-01-01 00:00:00 UTC");
    done();
}

Test(tls_tell, all_reasons_of_one_certificate)
{
    begin(&(struct tls_end_options){0},
          &(struct ssl_peer_options){.cert_path = certificate_path("expired-wrong.pem"),
                                     .key_path = certificate_path("server.key")});
    tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
    cr_assert(seen.count == 1);
    const char *problem = seen.certificates[0].problem;
    cr_assert(strstr(problem, "expired since") && strstr(problem, "self-signed") &&
                  strstr(problem, "host name mismatch"),
              "%s", problem);
    cr_assert_null(strstr(problem, "subject"));
    done();
}

/* Nothing is judged, and only what was sent is there: no root. */
Test(tls_tell, unverified_chain_as_it_was_sent)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        handshake(&(struct tls_end_options){.skip_verify = true, .server_name = "elsewhere"},
                  &(struct ssl_peer_options){.cert_path = certificate_path("chain.pem"),
                                             .key_path = certificate_path("server.key"),
                                             .min_version = version,
                                             .max_version = version});
        cr_assert(seen.count == 2, "%zu", seen.count);
        cr_assert(seen.certificates[0].info.depth == 1 && seen.certificates[1].info.depth == 0);
        cr_assert(!seen.certificates[0].info.verified && !seen.certificates[1].info.verified);
        cr_assert_str_eq(seen.certificates[1].subject, "CN=localhost");
        cr_assert_str_eq(seen.certificates[1].problem, "");
        done();
    }
}

Test(tls_tell, agreed_with_tls_1_3)
{
    static const char *const alpn[] = {"http/1.1", NULL};
    struct leat_tls_info info;

    handshake(
        &(struct tls_end_options){.alpn = alpn},
        &(struct ssl_peer_options){.ciphersuites = "TLS_AES_128_GCM_SHA256", .alpn = "http/1.1"});
    cr_assert_str_eq(seen.agreed.protocol, "TLSv1.3");
    cr_assert_str_eq(seen.agreed.cipher, "TLS_AES_128_GCM_SHA256");
    cr_assert_str_eq(seen.alpn, "http/1.1");
    cr_assert(!seen.agreed.resumed);
    cr_assert_str_eq(seen.agreed.signature_algorithm, "ecdsa_secp256r1_sha256");
    bool is_p256 = (int)SSL_get_negotiated_group(peer.ssl) == NID_X9_62_prime256v1;
    cr_assert_str_eq(seen.agreed.group, is_p256 ? "secp256r1" : "x25519");
    leati_tls_layer_info(client.tls, &info);
    cr_assert_str_eq(info.group, seen.agreed.group);
    done();
}

/* The server does not take the group of the first ClientHello. */
Test(tls_tell, group_after_a_hello_retry_request)
{
    begin(&(struct tls_end_options){0}, &(struct ssl_peer_options){0});
    cr_assert(SSL_CTX_set1_groups_list(peer.context, "P-384") == 1);
    tls_end_open(&client, &peer);
    cr_assert_str_eq(seen.agreed.group, "secp384r1");
    done();
}

/* The first that is offered to a server with an RSA key, src/tls/tls_config.c. */
#ifdef LEAT_MBEDTLS_MENDED
#define RSA_SIGNATURE "rsa_pss_rsae_sha256"
#else
#define RSA_SIGNATURE "rsa_pkcs1_sha256"
#endif

Test(tls_tell, agreed_with_tls_1_2)
{
    static const struct {
        const char *cipher, *cert, *group, *signature;
    } rows[] = {
        {"ECDHE-ECDSA-AES128-GCM-SHA256", NULL, "secp384r1", "ecdsa_secp256r1_sha256"},
        {"ECDHE-RSA-AES128-GCM-SHA256", "rsa.pem", "secp384r1", RSA_SIGNATURE},
        {"DHE-RSA-AES128-GCM-SHA256", "rsa.pem", "", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        /* DHE is offered only where it is named (RFC 9325 section 4.2.1). */
        const struct leati_tls_credentials_options more = {.cipher_suites = rows[i].cipher};
        begin(&(struct tls_end_options){.more = &more},
              &(struct ssl_peer_options){
                  .cert_path = rows[i].cert ? certificate_path(rows[i].cert) : NULL,
                  .key_path = rows[i].cert ? certificate_path("rsa.key") : NULL,
                  .max_version = TLS1_2_VERSION,
                  .ciphers = rows[i].cipher,
                  .no_tickets = true});
        cr_assert(SSL_CTX_set1_groups_list(peer.context, "P-384") == 1);
        cr_assert(SSL_CTX_set_dh_auto(peer.context, 1) == 1);
        tls_end_open(&client, &peer);
        cr_assert_str_eq(seen.agreed.protocol, "TLSv1.2");
        cr_assert_str_eq(seen.agreed.group, rows[i].group);
        cr_assert_str_eq(seen.agreed.signature_algorithm, rows[i].signature);
        done();
    }
}

/* A message that comes one byte at a time. */
Test(tls_tell, agreed_byte_by_byte)
{
    struct scripted_script script = scripted_script_plain();

    script.recv_max_bytes = 1;
    memset(&seen, 0, sizeof(seen));
    ssl_peer_init(&peer, &(struct ssl_peer_options){0});
    tls_end_init(&client, &(struct tls_end_options){0}, &script);
    client.tracer.fn = on_trace;
    tls_end_open(&client, &peer);
    cr_assert(seen.count == 2 && seen.agreed_count == 1);
    cr_assert_str_eq(seen.agreed.signature_algorithm, "ecdsa_secp256r1_sha256");
    done();
}

/* The server's messages are spread over records that end anywhere in them. */
Test(tls_tell, agreed_over_messages_in_pieces)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        begin(&(struct tls_end_options){0},
              &(struct ssl_peer_options){.cert_path = certificate_path("chain.pem"),
                                         .key_path = certificate_path("server.key"),
                                         .min_version = version,
                                         .max_version = version});
        cr_assert(SSL_CTX_set_max_send_fragment(peer.context, 512) == 1);
        tls_end_open(&client, &peer);
        cr_assert(seen.count == 3 && seen.agreed_count == 1);
        cr_assert_str_eq(seen.agreed.signature_algorithm, "ecdsa_secp256r1_sha256");
        cr_assert_str_neq(seen.agreed.group, "");
        done();
    }
}

Test(tls_tell, nothing_is_noted_without_a_trace)
{
    struct leat_tls_info info;

    begin(&(struct tls_end_options){0}, &(struct ssl_peer_options){0});
    client.tracer.fn = NULL;
    leati_tls_layer_info(client.tls, &info);
    cr_assert_str_eq(info.protocol, "", "before the handshake");
    cr_assert_str_eq(info.cipher, "");
    tls_end_open(&client, &peer);
    leati_tls_layer_info(client.tls, &info);
    cr_assert_str_eq(info.protocol, "TLSv1.3");
    cr_assert_str_eq(info.group, "");
    cr_assert_str_eq(info.signature_algorithm, "");
    done();
}

Test(tls_tell, resumed_session_shows_no_certificate)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        for (int verifies = 0; verifies <= 1; verifies++) {
            struct leati_failure failure;
            struct leati_tls_credentials *credentials;
            struct leati_tls_sessions *sessions = leati_tls_sessions_new();
            uint8_t byte;
            size_t n;

            leati_failure_init(&failure);
            cr_assert(leati_tls_credentials_new(
                          &(struct leati_tls_credentials_options){
                              .ca_path = certificate_path("ca.pem"), .need_ca = verifies == 1},
                          &failure, &credentials) == LEAT_OK);
            const struct tls_end_options options = {
                .credentials = credentials, .sessions = sessions, .skip_verify = verifies == 0};
            begin(&options,
                  &(struct ssl_peer_options){.min_version = version, .max_version = version});
            tls_end_open(&client, &peer);
            cr_assert(seen.count > 0 && !seen.agreed.resumed);
            ssl_peer_write(&peer, &client.wire, "y", 1);
            cr_assert(tls_end_read(&client, &byte, 1, &n) == LEAT_OK);
            cr_assert(tls_end_shutdown(&client, 1000) == LEAT_OK);
            tls_end_done(&client);

            memset(&seen, 0, sizeof(seen));
            tls_end_init(&client, &options, NULL);
            client.tracer.fn = on_trace;
            tls_end_open(&client, &peer);
            cr_assert(seen.agreed.resumed && seen.count == 0);
            cr_assert_str_eq(seen.agreed.signature_algorithm, "");
            done();
            leati_tls_sessions_unref(sessions);
            leati_tls_credentials_unref(credentials);
        }
    }
}

Test(tls_tell, names_that_do_not_fit)
{
    begin(&(struct tls_end_options){.server_name = "elsewhere.example"},
          &(struct ssl_peer_options){.cert_path = certificate_path("many-names.pem"),
                                     .key_path = certificate_path("server.key")});
    tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
    const char *names = seen.certificates[seen.count - 1].names;
    cr_assert(strlen(names) < 2048 && strlen(names) > 1900, "%zu", strlen(names));
    cr_assert(strncmp(names, "host-001.example.org, host-002", 30) == 0, "%s", names);
    cr_assert_str_eq(names + strlen(names) - 5, ", ...");
    tls_end_expect_text(&client, ", ...");
    done();
}
