/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a ClientHello offers: every version that is configured, whatever session comes with it (RFC
 * 8446 section 2.2), and what a HelloRetryRequest asks for (section 4.1.4).
 */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "tls/mends/mends.h"
#include "tls/sessions.h"
#include "unit/tls/record_editor.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#ifdef LEAT_MBEDTLS_MENDED

enum {
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    EXT_SESSION_TICKET = 35,
    EXT_PRE_SHARED_KEY = 41,
    EXT_EARLY_DATA = 42,
    EXT_SUPPORTED_VERSIONS = 43,
    EXT_COOKIE = 44,
    EXT_KEY_SHARE = 51,
};

static struct tls_end client;
static struct ssl_peer peer;
static struct leati_tls_credentials *credentials;
static struct leati_tls_sessions *sessions;

static void setup(void)
{
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(
                  &(struct leati_tls_credentials_options){.ca_path = certificate_path("ca.pem"),
                                                          .need_ca = true},
                  &failure, &credentials) == LEAT_OK);
    sessions = leati_tls_sessions_new();
    cr_assert(sessions);
}

static void teardown(void)
{
    leati_tls_sessions_unref(sessions);
    leati_tls_credentials_unref(credentials);
    sandbox_done();
}

TestSuite(tls_hello, .timeout = 60, .init = setup, .fini = teardown);

static void begin(const struct tls_end_options *options,
                  const struct ssl_peer_options *peer_options)
{
    struct tls_end_options mine = *options;

    mine.credentials = credentials;
    mine.sessions = sessions;
    ssl_peer_init(&peer, peer_options);
    tls_end_init(&client, &mine, NULL);
}

static void finish(void)
{
    tls_end_done(&client);
    ssl_peer_done(&peer);
}

static void open_and_read(void)
{
    uint8_t byte;
    size_t n;

    tls_end_open(&client, &peer);
    ssl_peer_write(&peer, &client.wire, "x", 1); /* behind the tickets */
    cr_assert(tls_end_read(&client, &byte, 1, &n) == LEAT_OK, "%s", client.failure.text);
}

/* ---- the hello on the wire ------------------------------------------------------------------- */

struct bytes {
    const uint8_t *data;
    size_t len;
};

/* The index-th ClientHello that was sent; each is in one record. */
static struct bytes hello_sent(size_t index)
{
    const struct scripted_bytes *wire = &client.wire.sent;

    for (size_t at = 0; at + 5 < wire->len;
         at += 5 + (size_t)(wire->data[at + 3] << 8 | wire->data[at + 4]))
        if (wire->data[at] == RECORD_HANDSHAKE && wire->data[at + 5] == CLIENT_HELLO &&
            index-- == 0)
            return (struct bytes){wire->data + at + 5, record_message_length(wire->data + at + 5)};
    cr_assert_fail("no such ClientHello");
    return (struct bytes){NULL, 0};
}

/* Where its extensions begin. */
static struct bytes hello_extensions(struct bytes hello)
{
    size_t at = 4 + 2 + 32;

    at += 1 + hello.data[at];                                     /* session id */
    at += 2 + (size_t)(hello.data[at] << 8 | hello.data[at + 1]); /* suites */
    at += 1 + hello.data[at];                                     /* compression */
    return (struct bytes){hello.data + at + 2, hello.len - at - 2};
}

/* data = NULL: it is not there. */
static struct bytes hello_extension(struct bytes hello, int type)
{
    struct bytes all = hello_extensions(hello);

    for (size_t at = 0; at + 4 <= all.len;) {
        size_t len = (size_t)(all.data[at + 2] << 8 | all.data[at + 3]);
        if ((all.data[at] << 8 | all.data[at + 1]) == type)
            return (struct bytes){all.data + at + 4, len};
        at += 4 + len;
    }
    return (struct bytes){NULL, 0};
}

static bool hello_offers(struct bytes hello, int version)
{
    struct bytes versions = hello_extension(hello, EXT_SUPPORTED_VERSIONS);

    if (!versions.data)
        return version == TLS1_2_VERSION;
    for (size_t i = 1; i + 1 < versions.len; i += 2)
        if ((versions.data[i] << 8 | versions.data[i + 1]) == version)
            return true;
    return false;
}

/* ---- versions -------------------------------------------------------------------------------- */

/* A session of the first version is offered to a server of the second one. */
static void change_version(int first, int second)
{
    begin(&(struct tls_end_options){0},
          &(struct ssl_peer_options){.min_version = first, .max_version = first});
    open_and_read();
    finish();
    cr_assert(leati_tls_sessions_count(sessions) > 0);

    begin(&(struct tls_end_options){0},
          &(struct ssl_peer_options){.min_version = second, .max_version = second});
    open_and_read();
    cr_assert(SSL_version(peer.ssl) == second);
    cr_assert(!SSL_session_reused(peer.ssl));
    cr_expect(hello_offers(hello_sent(0), TLS1_2_VERSION));
    cr_expect(hello_offers(hello_sent(0), TLS1_3_VERSION));
    /* Each session by its own extension. */
    cr_expect((hello_extension(hello_sent(0), EXT_PRE_SHARED_KEY).data != NULL) ==
              (first == TLS1_3_VERSION));
    cr_expect((hello_extension(hello_sent(0), EXT_SESSION_TICKET).len > 0) ==
              (first == TLS1_2_VERSION));
    finish();

    /* And what the second one has given is good for itself: nothing is left of the first. */
    begin(&(struct tls_end_options){0},
          &(struct ssl_peer_options){.min_version = second, .max_version = second});
    open_and_read();
    finish();
}

Test(tls_hello, every_version_is_offered_with_each_session)
{
    change_version(TLS1_3_VERSION, TLS1_2_VERSION);
    leati_tls_sessions_unref(sessions);
    sessions = leati_tls_sessions_new();
    change_version(TLS1_2_VERSION, TLS1_3_VERSION);
}

/* What is configured stays the limit. */
Test(tls_hello, no_version_that_is_not_configured)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        for (int round = 0; round < 2; round++) {
            begin(&(struct tls_end_options){.min_protocol = version, .max_protocol = version},
                  &(struct ssl_peer_options){0});
            open_and_read();
            cr_expect(SSL_session_reused(peer.ssl) == 0);
            cr_expect(hello_offers(hello_sent(0), TLS1_2_VERSION) == (version == TLS1_2_VERSION));
            cr_expect(hello_offers(hello_sent(0), TLS1_3_VERSION) == (version == TLS1_3_VERSION));
            finish();
        }
}

/* The same server, with sessions of each version, with tickets and with session numbers. */
Test(tls_hello, sessions_are_resumed)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        for (int no_tickets = 0; no_tickets <= (version == TLS1_2_VERSION); no_tickets++) {
            ssl_peer_init(&peer, &(struct ssl_peer_options){.max_version = version,
                                                            .no_tickets = no_tickets});
            for (int round = 0; round < 3; round++) {
                tls_end_init(
                    &client,
                    &(struct tls_end_options){.credentials = credentials, .sessions = sessions},
                    NULL);
                open_and_read();
                cr_expect(SSL_session_reused(peer.ssl) == (round > 0), "TLS %x, round %d", version,
                          round);
                ssl_peer_hang_up(&peer);
                tls_end_done(&client);
            }
            ssl_peer_done(&peer);
            leati_tls_sessions_unref(sessions);
            sessions = leati_tls_sessions_new();
        }
}

/* ---- HelloRetryRequest ----------------------------------------------------------------------- */

/* The second ClientHello is the first one but for a cookie (RFC 8446 section 4.1.2). */
static void expect_same_but_cookie(struct bytes first, struct bytes second)
{
    struct bytes cookie = hello_extension(second, EXT_COOKIE);
    struct bytes a = hello_extensions(first), b = hello_extensions(second);
    size_t head = (size_t)(a.data - first.data) - 2;

    cr_assert(cookie.data);
    cr_expect(!hello_extension(first, EXT_COOKIE).data);
    cr_assert(second.len == first.len + 4 + cookie.len);
    /* Past the length of the message and that of the extensions. */
    cr_expect(memcmp(first.data + 4, second.data + 4, head - 4) == 0);
    size_t before = (size_t)(cookie.data - 4 - b.data);
    cr_expect(memcmp(a.data, b.data, before) == 0);
    cr_expect(memcmp(a.data + before, cookie.data + cookie.len, a.len - before) == 0);
}

Test(tls_hello, a_cookie_comes_back)
{
    begin(&(struct tls_end_options){0}, &(struct ssl_peer_options){.stateless = true});
    open_and_read();
    expect_same_but_cookie(hello_sent(0), hello_sent(1));
    finish();
}

Test(tls_hello, a_cookie_with_another_group)
{
    begin(&(struct tls_end_options){0}, &(struct ssl_peer_options){.stateless = true});
    cr_assert(SSL_CTX_set1_groups_list(peer.context, "P-384") == 1);
    open_and_read();
    cr_expect(hello_extension(hello_sent(1), EXT_COOKIE).data);
    struct bytes share = hello_extension(hello_sent(1), EXT_KEY_SHARE);
    cr_expect(share.len == 2 + 4 + 97, "one share, of P-384");
    finish();
}

/* A HelloRetryRequest for another suite than the session has: with the same hash it is offered
 * again, else not. */
Test(tls_hello, a_session_goes_with_its_hash)
{
    static const char *const suites[] = {"TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"};

    for (size_t i = 0; i < 2; i++) {
        ssl_peer_init(&peer, &(struct ssl_peer_options){.ciphersuites = "TLS_AES_128_GCM_SHA256"});
        tls_end_init(&client,
                     &(struct tls_end_options){.credentials = credentials, .sessions = sessions},
                     NULL);
        open_and_read();
        ssl_peer_hang_up(&peer);
        tls_end_done(&client);
        cr_assert(SSL_CTX_set_ciphersuites(peer.context, suites[i]) == 1);
        cr_assert(SSL_CTX_set1_groups_list(peer.context, "P-256") == 1);
        tls_end_init(&client,
                     &(struct tls_end_options){.credentials = credentials, .sessions = sessions},
                     NULL);
        open_and_read();
        cr_expect(hello_extension(hello_sent(0), EXT_PRE_SHARED_KEY).data);
        cr_expect((hello_extension(hello_sent(1), EXT_PRE_SHARED_KEY).data != NULL) == (i == 0));
        finish();
    }
}

/* A HelloRetryRequest of the test's own. */
static void retry_request(const uint8_t *extensions, size_t len, const char *text)
{
    static const uint8_t magic[32] = {0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11,
                                      0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
                                      0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E,
                                      0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};
    struct record_editor editor;
    static uint8_t body[20000] = {3, 3};

    begin(&(struct tls_end_options){0}, &(struct ssl_peer_options){0});
    record_editor_init(&editor, &peer, &client.wire);
    ssl_peer_accept(&peer, &client.wire);
    peer.held = true;
    cr_assert(tls_end_connect(&client) == LEATI_AGAIN);
    struct bytes hello = hello_sent(0);
    size_t at = 2;
    memcpy(body + at, magic, 32);
    memcpy(body + at + 32, hello.data + 38, 33); /* session id */
    at += 65;
    memcpy(body + at, "\x13\x01\0", 3);
    at += 3;
    body[at] = (uint8_t)(len >> 8);
    body[at + 1] = (uint8_t)len;
    memcpy(body + at + 2, extensions, len);
    record_editor_message(&editor, SERVER_HELLO, body, at + 2 + len);
    int code = tls_end_connect(&client);
    if (text) {
        cr_expect(code == LEAT_E_TLS_ENGINE, "%d", code);
        tls_end_expect_text(&client, text);
    } else {
        cr_expect(code == LEATI_AGAIN, "%d %s", code, client.failure.text);
        cr_expect(hello_sent(1).len > 0);
    }
    record_editor_done(&editor);
    finish();
}

#define VERSIONS "\0\x2b\0\2\3\4"
#define TRY(extensions, text)                                                                      \
    retry_request((const uint8_t *)(extensions), sizeof(extensions) - 1, text)

Test(tls_hello, retry_requests)
{
    TRY(VERSIONS "\0\x2c\0\3\0\1c", NULL);
    TRY(VERSIONS "\0\x2c\0\3\0\1c\0\x33\0\2\0\x17", NULL);
    TRY("\0\x33\0\2\0\x17" VERSIONS, NULL);
    /* Nothing would change. */
    TRY(VERSIONS, "answered with the alert illegal_parameter");
    TRY(VERSIONS "\0\x33\0\2\0\x1d", "answered with the alert illegal_parameter");
    /* Malformed. */
    TRY(VERSIONS "\0\x2c\0\3\0\2c", "answered with the alert decode_error");
    TRY(VERSIONS "\0\x2c\0\1\0", "answered with the alert decode_error");
    TRY(VERSIONS "\0\x2c\0\2\0\0", "answered with the alert decode_error");
    /* Not asked for. */
    TRY(VERSIONS "\0\x2c\0\3\0\1c\x77\x77\0\0", "answered with the alert");
}

/* It has to go into a ClientHello. */
static void long_cookie(size_t len, const char *text)
{
    uint8_t *extensions = calloc(1, len + 12);

    memcpy(extensions, VERSIONS "\0\x2c", 8);
    extensions[8] = (uint8_t)((len + 2) >> 8);
    extensions[9] = (uint8_t)(len + 2);
    extensions[10] = (uint8_t)(len >> 8);
    extensions[11] = (uint8_t)len;
    retry_request(extensions, len + 12, text);
    free(extensions);
}

Test(tls_hello, long_cookies)
{
    long_cookie(300, NULL);
    long_cookie(LEATI_TLS_COOKIE_LIMIT_BYTES, NULL);
    long_cookie(4097, "the server's HelloRetryRequest has a cookie of 4097 bytes, at most 4096 are "
                      "sent back; answered "
                      "with the alert illegal_parameter");
    long_cookie(19000, "a cookie of 19000 bytes, at most 4096");
}

#endif
