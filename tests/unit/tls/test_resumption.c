/* SPDX-License-Identifier: Apache-2.0 */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "tls/resumption.h"
#include "tls/sessions.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <time.h>

static struct ssl_peer peer;
static struct leati_tls_credentials *credentials;
static struct leati_tls_sessions *sessions;

static struct leati_tls_credentials *credentials_make(void)
{
    struct leati_tls_credentials_options options = {.ca_path = certificate_path("ca.pem"),
                                                    .need_ca = true};
    struct leati_tls_credentials *made;
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &made) == LEAT_OK);
    return made;
}

static void set_up(void)
{
    credentials = credentials_make();
    sessions = leati_tls_sessions_new();
}

static void tear_down(void)
{
    ssl_peer_done(&peer);
    leati_tls_sessions_unref(sessions);
    leati_tls_credentials_unref(credentials);
    sandbox_done();
}

TestSuite(tls_resumption, .timeout = 60, .init = set_up, .fini = tear_down);

/* A connection with a byte in each direction. Returns whether both sides say that it was resumed.
 */
static bool resumes_with(const struct tls_end_options *options)
{
    struct tls_end client;
    struct leat_tls_info info;
    uint8_t buf[8];
    size_t n;

    tls_end_init(&client, options, NULL);
    tls_end_open(&client, &peer);
    leati_tls_layer_info(client.tls, &info);
    cr_assert(info.resumed == (SSL_session_reused(peer.ssl) == 1));
    cr_assert(tls_end_write(&client, "x", 1) == LEAT_OK);
    ssl_peer_write(&peer, &client.wire, "y", 1);
    cr_assert(tls_end_read(&client, buf, 1, &n) == LEAT_OK);
    cr_assert(tls_end_shutdown(&client, 1000) == LEAT_OK);
    tls_end_done(&client);
    return info.resumed;
}

static bool resumes(void)
{
    return resumes_with(
        &(struct tls_end_options){.credentials = credentials, .sessions = sessions});
}

Test(tls_resumption, tls_1_3_tickets_are_used_once)
{
    ssl_peer_init(&peer, &(struct ssl_peer_options){.min_version = TLS1_3_VERSION});
    cr_assert(!resumes());
    size_t tickets = leati_tls_sessions_count(sessions);
    cr_assert(tickets >= 1);
    cr_assert(resumes());
    cr_assert(resumes());

    /* A connection that does not read its tickets uses up one. */
    struct tls_end client;
    size_t before = leati_tls_sessions_count(sessions);
    tls_end_init(&client,
                 &(struct tls_end_options){.credentials = credentials, .sessions = sessions}, NULL);
    tls_end_open(&client, &peer);
    cr_assert(leati_tls_sessions_count(sessions) == before - 1);
    tls_end_done(&client);
}

Test(tls_resumption, tls_1_2_tickets)
{
    ssl_peer_init(&peer, &(struct ssl_peer_options){.max_version = TLS1_2_VERSION});
    cr_assert(!resumes());
    cr_assert(leati_tls_sessions_count(sessions) == 1);
    cr_assert(resumes());
    cr_assert(resumes());
}

Test(tls_resumption, tls_1_2_session_ids)
{
    ssl_peer_init(&peer,
                  &(struct ssl_peer_options){.max_version = TLS1_2_VERSION, .no_tickets = true});
    cr_assert(!resumes());
    cr_assert(resumes());
}

Test(tls_resumption, nothing_to_resume)
{
    ssl_peer_init(&peer,
                  &(struct ssl_peer_options){.max_version = TLS1_2_VERSION, .no_tickets = true});
    SSL_CTX_set_session_cache_mode(peer.context, SSL_SESS_CACHE_OFF);
    cr_assert(!resumes());
    cr_assert(!resumes());
}

Test(tls_resumption, is_described)
{
    struct tls_end client;
    char text[100];

    ssl_peer_init(&peer, &(struct ssl_peer_options){.ciphersuites = "TLS_AES_256_GCM_SHA384"});
    cr_assert(!resumes());
    tls_end_init(&client,
                 &(struct tls_end_options){.credentials = credentials, .sessions = sessions}, NULL);
    tls_end_open(&client, &peer);
    client.tls->ops->describe(client.tls, text, sizeof(text));
    cr_assert_str_eq(text, "TLSv1.3 TLS_AES_256_GCM_SHA384, resumed");
    tls_end_done(&client);
}

Test(tls_resumption, not_without_a_store)
{
    ssl_peer_init(&peer, &(struct ssl_peer_options){0});
    cr_assert(!resumes());
    cr_assert(!resumes_with(&(struct tls_end_options){.credentials = credentials}));
    cr_assert(resumes());
}

static time_t ahead_s;

/* In place of libc's, for mbedTLS and OpenSSL alike. */
__attribute__((visibility("default"))) time_t time(time_t *ret_time)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time)
        *ret_time = now.tv_sec + ahead_s;
    return now.tv_sec + ahead_s;
}

/* However often they are renewed. */
Test(tls_resumption, sessions_end_a_day_after_the_full_handshake)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        ssl_peer_init(&peer,
                      &(struct ssl_peer_options){.min_version = version, .max_version = version});
        SSL_CTX_set_timeout(peer.context, 7 * LEATI_TLS_SESSION_LIFETIME_S);
        ahead_s = 0;
        cr_assert(!resumes());
        ahead_s = LEATI_TLS_SESSION_LIFETIME_S / 2;
        cr_assert(resumes());
        ahead_s = LEATI_TLS_SESSION_LIFETIME_S;
        cr_assert(!resumes());
        cr_assert(resumes());
        ahead_s = 0;
        cr_assert(!resumes(), "the clock was set back");
        if (version == TLS1_2_VERSION)
            ssl_peer_done(&peer);
        leati_tls_sessions_unref(sessions);
        sessions = leati_tls_sessions_new();
    }
}

/* The first of the chain. */
static time_t ca_expiry(void)
{
    struct tm tm;
    FILE *file = fopen(certificate_path("ca.pem"), "r");
    cr_assert(file);
    X509 *ca = PEM_read_X509(file, NULL, NULL, NULL);
    cr_assert(ca && ASN1_TIME_to_tm(X509_get0_notAfter(ca), &tm) == 1);
    fclose(file);
    X509_free(ca);
    return timegm(&tm);
}

/* Whom a full handshake would refuse does not come back by an old session. */
Test(tls_resumption, sessions_end_with_the_chain)
{
    enum { MINUTE_S = 60 };
    struct tls_end_options options = {.credentials = credentials, .sessions = sessions};

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_end client;
        ssl_peer_init(&peer,
                      &(struct ssl_peer_options){.min_version = version, .max_version = version});
        ahead_s = 0;
        ahead_s = ca_expiry() - time(NULL) - MINUTE_S;
        cr_assert(!resumes());
        cr_assert(resumes());
        ahead_s += 2 * MINUTE_S;
        tls_end_init(&client, &options, NULL);
        tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
        tls_end_expect_text(&client, "expired since");
        tls_end_done(&client);
        if (version == TLS1_2_VERSION)
            ssl_peer_done(&peer);
        leati_tls_sessions_unref(sessions);
        sessions = options.sessions = leati_tls_sessions_new();
    }
}

/* A session that was made without verification says nothing about who is there. */
Test(tls_resumption, not_from_unverified_to_verified)
{
    struct tls_end_options unverified = {
        .credentials = credentials, .sessions = sessions, .skip_verify = true};

    ssl_peer_init(&peer, &(struct ssl_peer_options){0});
    cr_assert(!resumes_with(&unverified));
    cr_assert(resumes_with(&unverified));
    cr_assert(!resumes());
}

Test(tls_resumption, not_across_credentials_names_or_versions)
{
    struct leati_tls_credentials *others = credentials_make();

    ssl_peer_init(&peer, &(struct ssl_peer_options){0});
    cr_assert(!resumes());
    cr_assert(
        !resumes_with(&(struct tls_end_options){.credentials = others, .sessions = sessions}));
    cr_assert(!resumes_with(&(struct tls_end_options){
        .credentials = credentials, .sessions = sessions, .server_name = "127.0.0.1"}));
    cr_assert(!resumes_with(&(struct tls_end_options){
        .credentials = credentials, .sessions = sessions, .max_protocol = LEAT_TLS_V12}));
    cr_assert(resumes());
    leati_tls_credentials_unref(others);
}

Test(tls_resumption, works_for_addresses)
{
    struct tls_end_options options = {
        .credentials = credentials, .sessions = sessions, .server_name = "::1"};

    ssl_peer_init(&peer, &(struct ssl_peer_options){0});
    cr_assert(!resumes_with(&options));
    cr_assert(resumes_with(&options));
}

/* The server has lost its keys: a full handshake. */
Test(tls_resumption, refused_by_the_server)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct ssl_peer_options options = {.min_version = version, .max_version = version};
        ssl_peer_init(&peer, &options);
        cr_assert(!resumes());
        ssl_peer_done(&peer);
        ssl_peer_init(&peer, &options);
        cr_assert(!resumes());
        cr_assert(resumes());
        if (version == TLS1_2_VERSION)
            ssl_peer_done(&peer);
        leati_tls_sessions_unref(sessions);
        sessions = leati_tls_sessions_new();
    }
}

/* mbedTLS offers only the version of the session, so a server that has changed its version refuses
 * once; the next attempt must not repeat that. */
Test(tls_resumption, a_failed_handshake_forgets_the_sessions)
{
    struct tls_end client;

    ssl_peer_init(&peer, &(struct ssl_peer_options){.min_version = TLS1_3_VERSION});
    cr_assert(!resumes());
    ssl_peer_done(&peer);
    /* It does not know the session, and shows a certificate that nobody takes. */
    ssl_peer_init(&peer, &(struct ssl_peer_options){.cert_path = certificate_path("expired.pem")});
    tls_end_init(&client,
                 &(struct tls_end_options){.credentials = credentials, .sessions = sessions}, NULL);
    tls_end_refuse(&client, &peer, LEAT_E_TLS_VERIFY);
    tls_end_done(&client);
    cr_assert(leati_tls_sessions_count(sessions) == 0);
    ssl_peer_done(&peer);
    ssl_peer_init(&peer, &(struct ssl_peer_options){.min_version = TLS1_3_VERSION});
    cr_assert(!resumes());
    cr_assert(resumes());
}

/* RFC 8446 section 6: what a failed connection has brought is discarded; one that is only lost, or
 * ends without close_notify, has not failed. */
Test(tls_resumption, a_failed_connection_discards_its_sessions)
{
    static const char record[] = "\x17\x03\x03\x00\x20 32 bytes that nobody has .... ";
    uint8_t buf[8];
    size_t n;

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        const struct tls_end_options options = {.credentials = credentials, .sessions = sessions};
        struct tls_end client;
        ssl_peer_init(&peer,
                      &(struct ssl_peer_options){.min_version = version, .max_version = version});
        for (int fails = 0; fails < 2; fails++) {
            tls_end_init(&client, &options, NULL);
            tls_end_open(&client, &peer);
            cr_assert(tls_end_read(&client, buf, 1, &n) == LEATI_AGAIN);
            cr_assert(leati_tls_sessions_count(sessions) > 0);
            if (fails)
                scripted_layer_reply(&client.wire, record, 5 + 32);
            else
                client.wire.script = (struct scripted_script){.recv_end = LEATI_EOF};
            int code = tls_end_read(&client, buf, 1, &n);
            cr_expect(code == (fails ? LEAT_E_TLS_ENGINE : LEAT_E_TLS_SYSCALL), "%d", code);
            cr_expect((leati_tls_sessions_count(sessions) == 0) == fails);
            tls_end_done(&client);
        }
        cr_expect(!resumes());
        cr_expect(resumes());
        ssl_peer_done(&peer);
        leati_tls_sessions_unref(sessions);
        sessions = leati_tls_sessions_new();
    }
    ssl_peer_init(&peer, &(struct ssl_peer_options){0}); /* for tear_down() */
}
