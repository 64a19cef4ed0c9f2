/* SPDX-License-Identifier: Apache-2.0 */
/* The server's role, against OpenSSL's client in the same process. */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

TestSuite(tls_server, .timeout = 120, .fini = sandbox_done);

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static const char *const http11[] = {"http/1.1", NULL};

static struct tls_end server;
static struct ssl_peer peer;

static void start(struct tls_end_options options, struct ssl_peer_options peer_options, int version)
{
    options.is_server = true;
    peer_options.is_client = true;
    if (version)
        peer_options.min_version = peer_options.max_version = version;
    ssl_peer_init(&peer, &peer_options);
    tls_end_init(&server, &options, NULL);
}

static void done(void)
{
    tls_end_done(&server);
    ssl_peer_done(&peer);
}

static struct leat_tls_info info_of(const struct tls_end *end)
{
    struct leat_tls_info info;

    leati_tls_layer_info(end->tls, &info);
    return info;
}

Test(tls_server, talks_both_ways)
{
    for (size_t i = 0; i < 2; i++) {
        char buf[8];
        size_t n;
        start((struct tls_end_options){.alpn = http11},
              (struct ssl_peer_options){.alpn = "http/1.1", .echo = true}, versions[i]);
        tls_end_open(&server, &peer);
        cr_assert(SSL_is_init_finished(peer.ssl));
        struct leat_tls_info info = info_of(&server);
        cr_assert_str_eq(info.protocol, i == 0 ? "TLSv1.2" : "TLSv1.3");
        cr_assert_str_eq(info.alpn, "http/1.1");
        cr_assert(!info.resumed);
        cr_assert(tls_end_write(&server, "hello", 5) == LEAT_OK);
        cr_assert(tls_end_read(&server, buf, 5, &n) == LEAT_OK && n == 5);
        cr_assert(memcmp(buf, "hello", 5) == 0);
        ssl_peer_close(&peer, &server.wire);
        cr_assert(tls_end_read(&server, buf, 1, &n) == LEATI_EOF);
        cr_assert(tls_end_shutdown(&server, 1000) == LEAT_OK);
        cr_assert(peer.got_close_notify);
        done();
    }
}

Test(tls_server, much_data_in_pieces)
{
    enum { LEN = 200000 };
    uint8_t *data = pattern_new(LEN);
    uint8_t *back = malloc(LEN);

    for (size_t i = 0; i < 2; i++) {
        size_t n;
        start((struct tls_end_options){0}, (struct ssl_peer_options){.echo = true}, versions[i]);
        tls_end_open(&server, &peer);
        server.wire.script.recv_max_bytes = 1447;
        server.wire.script.send_max_bytes = 999;
        server.wire.script.again_every_other = true;
        cr_assert(tls_end_write(&server, data, LEN) == LEAT_OK);
        cr_assert(tls_end_read(&server, back, LEN, &n) == LEAT_OK && n == LEN);
        cr_assert(memcmp(data, back, LEN) == 0);
        done();
    }
    free(data);
    free(back);
}

Test(tls_server, one_byte_at_a_time)
{
    struct scripted_script script = scripted_script_plain();

    script.recv_max_bytes = script.send_max_bytes = 1;
    for (int i = 0; i < 4; i++) {
        int version = versions[i / 2];
        script.again_every_other = i & 1;
        ssl_peer_init(&peer, &(struct ssl_peer_options){.is_client = true,
                                                        .min_version = version,
                                                        .max_version = version});
        tls_end_init(&server, &(struct tls_end_options){.is_server = true, .tickets = true},
                     &script);
        tls_end_open(&server, &peer);
        done();
    }
}

Test(tls_server, alpn_is_not_needed)
{
    start((struct tls_end_options){.alpn = http11}, (struct ssl_peer_options){0}, 0);
    tls_end_open(&server, &peer);
    cr_assert_str_eq(info_of(&server).alpn, "");
    done();
}

/* RFC 7301 section 3.2. */
Test(tls_server, no_alpn_in_common)
{
    start((struct tls_end_options){.alpn = http11}, (struct ssl_peer_options){.alpn = "h2"}, 0);
    tls_end_refuse(&server, &peer, LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&server, "no_application_protocol");
    done();
}

Test(tls_server, protocol_versions_are_limited)
{
    start((struct tls_end_options){.min_protocol = LEAT_TLS_V13}, (struct ssl_peer_options){0},
          TLS1_2_VERSION);
    tls_end_refuse(&server, &peer, LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&server, "protocol_version");
    done();
    start((struct tls_end_options){.max_protocol = LEAT_TLS_V12}, (struct ssl_peer_options){0},
          TLS1_3_VERSION);
    tls_end_refuse(&server, &peer, LEAT_E_TLS_ENGINE);
    done();
    start((struct tls_end_options){.max_protocol = LEAT_TLS_V12}, (struct ssl_peer_options){0}, 0);
    tls_end_open(&server, &peer);
    cr_assert_str_eq(info_of(&server).protocol, "TLSv1.2");
    done();
}

Test(tls_server, no_cipher_in_common)
{
    start((struct tls_end_options){0},
          (struct ssl_peer_options){.ciphers = "ECDHE-RSA-AES128-GCM-SHA256"}, TLS1_2_VERSION);
    tls_end_refuse(&server, &peer, LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&server, "handshake_failure");
    done();
}

Test(tls_server, rsa_certificate)
{
    for (size_t i = 0; i < 2; i++) {
        start((struct tls_end_options){.cert_path = certificate_path("rsa.pem"),
                                       .key_path = certificate_path("rsa.key")},
              (struct ssl_peer_options){0}, versions[i]);
        tls_end_open(&server, &peer);
        done();
    }
}

Test(tls_server, whole_chain_is_sent)
{
    start((struct tls_end_options){.cert_path = certificate_path("chain.pem"),
                                   .key_path = certificate_path("server.key")},
          (struct ssl_peer_options){0}, 0);
    tls_end_open(&server, &peer);
    cr_assert(SSL_get_verify_result(peer.ssl) == X509_V_OK);
    done();
}

/* ---- client certificates --------------------------------------------------------------------- */

#define NONE     LEAT_CLIENT_VERIFICATION_NONE
#define OPTIONAL LEAT_CLIENT_VERIFICATION_OPTIONAL
#define REQUIRED LEAT_CLIENT_VERIFICATION_REQUIRED

struct certificate_case {
    enum leat_client_verification verification;
    const char *cert, *key; /* NULL = the client shows none */
    const char *refusal;    /* NULL = let in */
};

static void certificate_case_run(const struct certificate_case *c, int version)
{
    start((struct tls_end_options){.client_verification = c->verification},
          (struct ssl_peer_options){.cert_path = c->cert, .key_path = c->key}, version);
    if (c->refusal) {
        tls_end_refuse(&server, &peer, LEAT_E_TLS_VERIFY);
        tls_end_expect_text(&server, c->refusal);
        cr_assert(peer.last_error == SSL_ERROR_SSL, "%s %d: the client has seen no alert (%s)",
                  c->cert, version, server.failure.text);
    } else {
        tls_end_open(&server, &peer);
    }
    done();
}

Test(tls_server, client_certificates)
{
    const char *client = certificate_path("client.pem");
    const char *client_key = certificate_path("client.key");
    const char *key = certificate_path("server.key");
    const char *unknown = certificate_path("unknown-ca.pem");
    const char *for_servers = certificate_path("server.pem");
    const char *expired = certificate_path("expired.pem");
    const struct certificate_case cases[] = {
        {NONE, NULL, NULL, NULL},
        {NONE, client, client_key, NULL},
        {NONE, unknown, key, NULL},
        {OPTIONAL, NULL, NULL, NULL},
        {OPTIONAL, client, client_key, NULL},
        {OPTIONAL, unknown, key, "unknown issuer"},
        {OPTIONAL, expired, key, "expired since"},
        {OPTIONAL, for_servers, key, "does not allow a TLS client"},
        {REQUIRED, NULL, NULL, "the client has no certificate"},
        {REQUIRED, client, client_key, NULL},
        {REQUIRED, unknown, key, "the client's certificate is not"},
        {REQUIRED, expired, key, "expired since"},
        {REQUIRED, for_servers, key, "does not allow a TLS client"},
    };

    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
            certificate_case_run(&cases[i], versions[v]);
}

Test(tls_server, verifying_needs_cas)
{
    cr_assert(tls_end_try(&server,
                          &(struct tls_end_options){.is_server = true,
                                                    .client_verification = OPTIONAL,
                                                    .skip_verify = true},
                          NULL) == LEAT_E_TLS_ENGINE);
    tls_end_done(&server);
}

/* ---- tickets --------------------------------------------------------------------------------- */

static struct leati_tls_credentials *server_credentials(void)
{
    struct leati_tls_credentials_options options = {.ca_path = certificate_path("ca.pem"),
                                                    .cert_path = certificate_path("server.pem"),
                                                    .key_path = certificate_path("server.key"),
                                                    .need_ca = true,
                                                    .is_server = true};
    struct leati_tls_credentials *made;
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &made) == LEAT_OK, "%s", failure.text);
    return made;
}

static SSL_SESSION *session_kept;

static int session_keep(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(session_kept);
    session_kept = session;
    return 1;
}

/* A connection that offers what the last one has left. Returns whether both say it was resumed. */
static bool resumes(const struct tls_end_options *options, int version)
{
    struct tls_end_options server_options = *options;
    char buf[1];
    size_t n;

    start(server_options,
          (struct ssl_peer_options){.cert_path = certificate_path("client.pem"),
                                    .key_path = certificate_path("client.key"),
                                    .session = session_kept,
                                    .echo = true},
          version);
    SSL_CTX_set_session_cache_mode(peer.context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(peer.context, session_keep);
    tls_end_open(&server, &peer);
    cr_assert(tls_end_write(&server, "x", 1) == LEAT_OK);
    cr_assert(tls_end_read(&server, buf, 1, &n) == LEAT_OK);
    bool resumed = info_of(&server).resumed;
    cr_assert(resumed == (SSL_session_reused(peer.ssl) == 1));
    ssl_peer_close(&peer, &server.wire); /* or OpenSSL drops the session */
    done();
    return resumed;
}

static void session_drop(void)
{
    SSL_SESSION_free(session_kept);
    session_kept = NULL;
}

Test(tls_server, tickets_resume)
{
    struct leati_tls_credentials *credentials = server_credentials();

    for (size_t v = 0; v < 2; v++) {
        struct tls_end_options options = {.credentials = credentials, .tickets = true};
        cr_assert(!resumes(&options, versions[v]));
        cr_assert(session_kept, "no ticket came");
        cr_assert(resumes(&options, versions[v]), "%zu", v);
        cr_assert(resumes(&options, versions[v]));
        session_drop();
    }
    leati_tls_credentials_unref(credentials);
}

/* Else a client whose certificate has expired would come back for ever. */
Test(tls_server, no_tickets_where_certificates_are_wanted)
{
    struct leati_tls_credentials *credentials = server_credentials();

    for (size_t v = 0; v < 2; v++) {
        for (int verification = OPTIONAL; verification <= (int)REQUIRED; verification++) {
            struct tls_end_options options = {.credentials = credentials,
                                              .client_verification =
                                                  (enum leat_client_verification)verification,
                                              .tickets = true};
            cr_assert(!resumes(&options, versions[v]));
            cr_assert(!resumes(&options, versions[v]), "%zu %d", v, verification);
            session_drop();
        }
    }
    leati_tls_credentials_unref(credentials);
}

Test(tls_server, no_tickets_unless_wanted)
{
    struct leati_tls_credentials *credentials = server_credentials();

    for (size_t v = 0; v < 2; v++) {
        struct tls_end_options options = {.credentials = credentials};
        cr_assert(!resumes(&options, versions[v]));
        cr_assert(!resumes(&options, versions[v]));
        session_drop();
    }
    leati_tls_credentials_unref(credentials);
}

/* Who got in without a certificate must not come back where one is required, nor to another
 * server's keys. */
Test(tls_server, tickets_are_good_only_where_they_come_from)
{
    struct leati_tls_credentials *credentials = server_credentials();
    struct leati_tls_credentials *others = server_credentials();

    for (size_t v = 0; v < 2; v++) {
        struct tls_end_options options = {.credentials = credentials, .tickets = true};
        cr_assert(!resumes(&options, versions[v]));
        options.client_verification = OPTIONAL;
        cr_assert(!resumes(&options, versions[v]));
        options.client_verification = REQUIRED;
        cr_assert(!resumes(&options, versions[v]));
        options.credentials = others;
        cr_assert(!resumes(&options, versions[v]));
        session_drop();
    }
    leati_tls_credentials_unref(credentials);
    leati_tls_credentials_unref(others);
}

/* ---- our client against our server ----------------------------------------------------------- */

static void both_open(struct tls_end *client, int protocol)
{
    int client_result, server_result;

    tls_end_init(client,
                 &(struct tls_end_options){.min_protocol = protocol,
                                           .max_protocol = protocol,
                                           .cert_path = certificate_path("client.pem"),
                                           .key_path = certificate_path("client.key")},
                 NULL);
    tls_end_init(&server,
                 &(struct tls_end_options){
                     .is_server = true, .client_verification = REQUIRED, .tickets = true},
                 NULL);
    tls_end_link(client, &server);
    tls_end_connect_both(client, &server, &client_result, &server_result);
    cr_assert(client_result == LEAT_OK, "%d: %s", client_result, client->failure.text);
    cr_assert(server_result == LEAT_OK, "%d: %s", server_result, server.failure.text);
}

Test(tls_server, our_client)
{
    for (int protocol = LEAT_TLS_V12; protocol <= (int)LEAT_TLS_V13; protocol++) {
        struct tls_end client;
        char buf[8];
        size_t n;
        both_open(&client, protocol);
        cr_assert(tls_end_write(&client, "ping", 4) == LEAT_OK);
        cr_assert(tls_end_read(&server, buf, 4, &n) == LEAT_OK);
        cr_assert(tls_end_write(&server, "pong", 4) == LEAT_OK);
        cr_assert(tls_end_read(&client, buf, 4, &n) == LEAT_OK);
        cr_assert(memcmp(buf, "pong", 4) == 0);
        cr_assert(tls_end_shutdown(&client, 1000) == LEAT_OK);
        cr_assert(tls_end_read(&server, buf, 1, &n) == LEATI_EOF);
        cr_assert(tls_end_shutdown(&server, 1000) == LEAT_OK);
        tls_end_done(&client);
        tls_end_done(&server);
    }
}

/* ---- several loops --------------------------------------------------------------------------- */

enum { THREADS = 4, HANDSHAKES = 12 };

static struct leati_tls_credentials *shared_server, *shared_client;
static struct leati_tls_sessions *shared_sessions;

/* Criterion's assertions belong to the test's own thread. */
static bool pair_connects(bool *ret_resumed)
{
    struct tls_end client, accepted;
    struct leat_tls_info info = {.resumed = false};
    int client_result = -1, server_result = -1;
    uint8_t byte;
    size_t n;

    int code = tls_end_try(
        &client,
        &(struct tls_end_options){.credentials = shared_client, .sessions = shared_sessions}, NULL);
    if (tls_end_try(&accepted,
                    &(struct tls_end_options){
                        .is_server = true, .credentials = shared_server, .tickets = true},
                    NULL) == LEAT_OK &&
        code == LEAT_OK) {
        tls_end_link(&client, &accepted);
        tls_end_connect_both(&client, &accepted, &client_result, &server_result);
        (void)client.tls->ops->recv(client.tls, &byte, 1, &n); /* the tickets */
        leati_tls_layer_info(accepted.tls, &info);
    }
    *ret_resumed = info.resumed;
    tls_end_done(&client);
    tls_end_done(&accepted);
    return client_result == LEAT_OK && server_result == LEAT_OK;
}

static void *thread_run(void *ret_count)
{
    int *resumed_count = ret_count;

    for (int i = 0; i < HANDSHAKES; i++) {
        bool resumed;
        if (!pair_connects(&resumed)) {
            *resumed_count = -1;
            return NULL;
        }
        *resumed_count += resumed;
    }
    return NULL;
}

/* Loops in several threads share the credentials, the keys of the tickets, and the sessions. */
Test(tls_server, threads_share_tickets)
{
    struct leati_tls_credentials_options options = {.ca_path = certificate_path("ca.pem"),
                                                    .need_ca = true};
    struct leati_failure failure;
    pthread_t threads[THREADS];
    int resumed_counts[THREADS] = {0};
    int resumed = 0;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &shared_client) == LEAT_OK);
    shared_server = server_credentials();
    shared_sessions = leati_tls_sessions_new();
    for (int i = 0; i < THREADS; i++)
        cr_assert(pthread_create(&threads[i], NULL, thread_run, &resumed_counts[i]) == 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        cr_assert(resumed_counts[i] >= 0, "a handshake of thread %d failed", i);
        resumed += resumed_counts[i];
    }
    cr_assert(resumed > 0, "nothing was resumed");
    leati_tls_sessions_unref(shared_sessions);
    leati_tls_credentials_unref(shared_client);
    leati_tls_credentials_unref(shared_server);
}

/* ---- peers that are none --------------------------------------------------------------------- */

Test(tls_server, plain_http_is_named)
{
    tls_end_init(&server, &(struct tls_end_options){.is_server = true}, NULL);
    scripted_layer_reply(&server.wire, "GET / HTTP/1.1\r\n\r\n", 18);
    tls_end_refuse(&server, NULL, LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&server, "not a TLS client? It begins with \"GET /\"");
    tls_end_done(&server);
}

Test(tls_server, silence_ends_at_the_deadline)
{
    tls_end_init(&server, &(struct tls_end_options){.is_server = true, .timeout_ms = 500}, NULL);
    struct leati_layer *tls = server.tls;
    cr_assert(tls->ops->connect(tls, 1000) == LEATI_AGAIN);
    cr_assert(tls->deadline_ms == 1500);
    cr_assert(tls->ops->want(tls, 0) == LEATI_WANT_READ);
    cr_assert(tls->ops->connect(tls, 1499) == LEATI_AGAIN);
    cr_assert(tls->ops->connect(tls, 1500) == LEAT_E_TLS_READ);
    tls_end_expect_text(&server, "timed out while waiting for ClientHello");
    tls_end_done(&server);
}

Test(tls_server, a_client_that_does_not_trust_us)
{
    for (size_t v = 0; v < 2; v++) {
        start((struct tls_end_options){.cert_path = certificate_path("unknown-ca.pem"),
                                       .key_path = certificate_path("server.key")},
              (struct ssl_peer_options){0}, versions[v]);
        tls_end_refuse(&server, &peer, LEAT_E_TLS_ENGINE);
        tls_end_expect_text(&server,
                            "the client ended the TLS handshake with the alert unknown_ca");
        done();
    }
}

Test(tls_server, end_at_every_byte)
{
    struct leati_tls_credentials *credentials = server_credentials();

    for (size_t v = 0; v < 2; v++) {
        ssl_peer_init(&peer, &(struct ssl_peer_options){.is_client = true,
                                                        .min_version = versions[v],
                                                        .max_version = versions[v]});
        for (size_t at = 0;; at++) {
            struct scripted_script script = scripted_script_plain();
            script.recv_end_at = at;
            script.recv_end = LEATI_EOF;
            tls_end_init(&server,
                         &(struct tls_end_options){.is_server = true, .credentials = credentials},
                         &script);
            ssl_peer_accept(&peer, &server.wire);
            int result = tls_end_connect(&server);
            cr_assert(result == LEAT_OK || result == LEAT_E_TLS_SYSCALL, "%d: %s", result,
                      server.failure.text);
            tls_end_done(&server);
            if (result == LEAT_OK)
                break;
        }
        ssl_peer_done(&peer);
    }
    leati_tls_credentials_unref(credentials);
}

Test(tls_server, every_wrong_byte_of_the_client_hello)
{
    struct leati_tls_credentials *credentials = server_credentials();
    size_t len = 1;

    ssl_peer_init(&peer, &(struct ssl_peer_options){.is_client = true});
    for (size_t at = 0; at < len; at++) {
        tls_end_init(&server,
                     &(struct tls_end_options){.is_server = true, .credentials = credentials},
                     NULL);
        ssl_peer_accept(&peer, &server.wire);
        len = server.wire.to_read.len;
        server.wire.to_read.data[at] ^= 0xff;
        int result = tls_end_connect(&server);
        /* A length that grew waits for more; the transcript or a parser sees the rest. */
        cr_assert(result == LEATI_AGAIN || result == LEAT_E_TLS_ENGINE, "%d at %zu: %s", result, at,
                  server.failure.text);
        tls_end_done(&server);
    }
    cr_assert(len > 100);
    ssl_peer_done(&peer);
    leati_tls_credentials_unref(credentials);
}

Test(tls_server, credentials_without_a_certificate)
{
    struct leati_tls_credentials_options options = {.is_server = true};
    struct leati_tls_credentials *none;
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &none) == LEAT_E_TLS_ENGINE);
    cr_assert_str_eq(failure.text, "a server needs a certificate");
    leati_failure_done(&failure);
}
