/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server may send behind the handshake of TLS 1.3 (RFC 8446 section 4.6), beside data:
 * tickets of any kind, which are optional and end no connection, and what ends it, with an alert.
 */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "tls/bio.h"
#include "tls/data.h"
#include "tls/sessions.h"
#include "unit/tls/record_editor.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEW_SESSION_TICKET = 4,
    CERTIFICATE_REQUEST = 13,
    FINISHED = 20,
    KEY_UPDATE = 24,
    DAY_S = 86400
};

static struct tls_end client;
static struct ssl_peer peer;
static struct record_editor editor;
static struct leati_tls_sessions *sessions;

static void teardown(void)
{
    leati_tls_sessions_unref(sessions);
    sandbox_done();
}

TestSuite(tls_post_handshake, .timeout = 60, .fini = teardown);

static void begin(bool resume)
{
    leati_tls_sessions_unref(sessions);
    sessions = resume ? leati_tls_sessions_new() : NULL;
    ssl_peer_init(&peer, &(struct ssl_peer_options){
                             .min_version = TLS1_3_VERSION, .no_tickets = true, .echo = true});
    tls_end_init(&client, &(struct tls_end_options){.sessions = sessions}, NULL);
    record_editor_init(&editor, &peer, &client.wire);
    tls_end_open(&client, &peer);
}

static void finish(void)
{
    tls_end_done(&client);
    record_editor_done(&editor);
    ssl_peer_done(&peer);
}

/* Data both ways, which comes behind what was sent. */
static void expect_open(void)
{
    char back[5];
    size_t n;

    cr_assert(tls_end_write(&client, "hello", 5) == LEAT_OK, "%s", client.failure.text);
    cr_assert(tls_end_read(&client, back, 5, &n) == LEAT_OK, "%s", client.failure.text);
    cr_assert(memcmp(back, "hello", 5) == 0);
}

static void expect_end(const char *text)
{
    char byte;
    size_t n;

    int code = tls_end_read(&client, &byte, 1, &n);
    cr_assert(code == LEAT_E_TLS_ENGINE, "%d", code);
    tls_end_expect_text(&client, text);
}

#ifdef LEAT_MBEDTLS_MENDED

/* ---- tickets --------------------------------------------------------------------------------- */

static size_t ticket_make(uint8_t *buf, uint32_t lifetime_s, size_t nonce_len, size_t ticket_len,
                          size_t extensions_len)
{
    uint8_t head[] = {(uint8_t)(lifetime_s >> 24),
                      (uint8_t)(lifetime_s >> 16),
                      (uint8_t)(lifetime_s >> 8),
                      (uint8_t)lifetime_s,
                      1,
                      2,
                      3,
                      4,
                      (uint8_t)nonce_len};
    size_t at = sizeof(head);

    memcpy(buf, head, at);
    memset(buf + at, 'n', nonce_len);
    at += nonce_len;
    buf[at++] = (uint8_t)(ticket_len >> 8);
    buf[at++] = (uint8_t)ticket_len;
    memset(buf + at, 't', ticket_len);
    at += ticket_len;
    buf[at++] = (uint8_t)(extensions_len >> 8);
    buf[at++] = (uint8_t)extensions_len;
    if (extensions_len > 0) { /* one of a type that nobody knows */
        memset(buf + at, 0x7a, 4);
        buf[at + 2] = (uint8_t)((extensions_len - 4) >> 8);
        buf[at + 3] = (uint8_t)(extensions_len - 4);
        memset(buf + at + 4, 'e', extensions_len - 4);
    }
    return at + extensions_len;
}

Test(tls_post_handshake, tickets_of_any_kind)
{
    static const struct {
        uint32_t lifetime_s;
        size_t nonce_len, ticket_len, extensions_len;
        bool kept;
    } rows[] = {
        {3600, 1, 200, 0, true},
        {7 * DAY_S, 1, 200, 0, true},
        {7 * DAY_S + 1, 1, 200, 0, true},
        {30 * DAY_S, 1, 200, 0, true},
        {UINT32_MAX, 1, 200, 0, true},
        {0, 1, 200, 0, false}, /* RFC 8446 section 4.6.1: to be discarded */
        {3600, 0, 200, 0, true},
        {3600, 64, 200, 0, true},
        {3600, 65, 200, 0, false},
        {3600, 255, 200, 0, false},
        {UINT32_MAX, 255, 65000, 0, false},
        {3600, 1, 1, 0, true},
        {3600, 1, LEATI_TLS_TICKET_LIMIT_BYTES, 0, true},
        {3600, 1, LEATI_TLS_TICKET_LIMIT_BYTES + 1, 0, false},
        {3600, 1, 20000, 0, false},
        {3600, 1, 65000, 0, false},
        {3600, 1, 200, 10, true},
        {3600, 1, 200, 3000, true},
    };
    static const size_t pieces[] = {0, 1, 3, 100};
    uint8_t *ticket = malloc(70000);

    for (int resume = 0; resume < 2; resume++)
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            for (size_t p = 0; p < 4; p++) {
                begin(resume);
                editor.piece = pieces[p];
                size_t len = ticket_make(ticket, rows[i].lifetime_s, rows[i].nonce_len,
                                         rows[i].ticket_len, rows[i].extensions_len);
                record_editor_message(&editor, NEW_SESSION_TICKET, ticket, len);
                expect_open();
                /* And the next one, which is as they mostly are. */
                record_editor_message(&editor, NEW_SESSION_TICKET, ticket,
                                      ticket_make(ticket, 7200, 8, 208, 0));
                expect_open();
                if (resume)
                    cr_expect(leati_tls_sessions_count(sessions) == 1 + (size_t)rows[i].kept,
                              "row %zu", i);
                finish();
            }
    free(ticket);
}

Test(tls_post_handshake, malformed_tickets_get_an_alert)
{
    uint8_t ticket[300];

    for (size_t cut = 0; cut < 30; cut++) {
        begin(true);
        size_t len = ticket_make(ticket, 3600, 4, 10, 0);
        if (cut >= len) {
            finish();
            break;
        }
        record_editor_message(&editor, NEW_SESSION_TICKET, ticket, cut);
        expect_end("answered with the alert");
        cr_expect(leati_tls_sessions_count(sessions) == 0);
        finish();
    }
}

#endif

/* ---- what ends the connection ---------------------------------------------------------------- */

Test(tls_post_handshake, other_messages_get_an_alert)
{
    static const int types[] = {0, 1, 2, 5, 8, 11, CERTIFICATE_REQUEST, 15, FINISHED, 99, 254};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        for (int resume = 0; resume < 2; resume++) {
            begin(resume);
            record_editor_message(&editor, types[i], "\0\0\10\0\15\0\4\0\2\4\3", 11);
            expect_end("answered with the alert unexpected_message");
            cr_expect(peer.last_error == SSL_ERROR_SSL || !peer.ssl);
            finish();
        }
}

/* ---- empty records --------------------------------------------------------------------------- */

static void empty_records(size_t count)
{
    for (size_t i = 0; i < count; i++)
        record_editor_send(&editor, RECORD_DATA, NULL, 0);
}

Test(tls_post_handshake, empty_records_are_taken)
{
    static const size_t counts[] = {1, 2, 3, 4, 5, 31, LEATI_TLS_EMPTY_RECORDS_LIMIT};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        begin(false);
        for (int round = 0; round < 3; round++) {
            empty_records(counts[i]);
            expect_open();
        }
        finish();
    }
}

/* One at a time, as they come over the time. */
Test(tls_post_handshake, too_many_empty_records)
{
    for (int at_once = 0; at_once < 2; at_once++) {
        char byte;
        size_t n;
        begin(false);
        for (size_t i = 0; !at_once && i < LEATI_TLS_EMPTY_RECORDS_LIMIT; i++) {
            empty_records(1);
            cr_assert(tls_end_read(&client, &byte, 1, &n) == LEATI_AGAIN, "%s",
                      client.failure.text);
        }
        empty_records(at_once ? 1000 : 1);
        expect_end("empty records in a row, at most 32 are taken; answered with the alert "
                   "unexpected_message");
        finish();
    }
}

/* Nobody may send an empty record of another kind. */
Test(tls_post_handshake, other_empty_records_get_an_alert)
{
    static const int types[] = {RECORD_HANDSHAKE, RECORD_ALERT, RECORD_CCS + 80};

    for (size_t i = 0; i < 3; i++) {
        begin(false);
        record_editor_send(&editor, types[i], NULL, 0);
        expect_end("answered with the alert");
        finish();
    }
}

/* ---- what mbedTLS drops by itself ------------------------------------------------------------ */

static void ccs_flood(size_t bytes)
{
    static const uint8_t ccs[] = {RECORD_CCS, 3, 3, 0, 1, 1};

    for (size_t sent = 0; sent < bytes; sent += sizeof(ccs))
        scripted_layer_reply(&client.wire, ccs, sizeof(ccs));
}

/* Nobody else on the loop may have to wait for the end of it. */
Test(tls_post_handshake, records_that_carry_nothing_have_an_end)
{
    begin(false);
    for (int round = 0; round < 3; round++) {
        ccs_flood(LEATI_TLS_IDLE_LIMIT_BYTES / 2);
        expect_open();
    }
    ccs_flood(4 * LEATI_TLS_IDLE_LIMIT_BYTES);
    expect_end("the server sent more than 2097152 bytes in records that carry nothing or in one "
               "message; answered with the alert unexpected_message");
    cr_assert(client.wire.read < client.wire.to_read.len - LEATI_TLS_IDLE_LIMIT_BYTES,
              "the rest was read, too");
    finish();
}

#ifdef LEAT_MBEDTLS_MENDED

static void ticket_flood(size_t bytes)
{
    static const uint8_t ticket[12000] = {0};

    for (size_t sent = 0; sent < bytes; sent += sizeof(ticket))
        record_editor_message(&editor, NEW_SESSION_TICKET, ticket, sizeof(ticket));
}

Test(tls_post_handshake, tickets_without_data_have_an_end)
{
    for (int resume = 0; resume < 2; resume++) {
        begin(resume);
        ticket_flood(2 * LEATI_TLS_IDLE_LIMIT_BYTES);
        expect_end("in records that carry nothing");
        finish();
    }
}

#endif

/* ---- records --------------------------------------------------------------------------------- */

Test(tls_post_handshake, a_record_that_is_too_long)
{
    uint8_t *data = pattern_new(17000);

    begin(false);
    record_editor_send(&editor, RECORD_DATA, data, 16384);
    uint8_t *back = malloc(16384);
    size_t n;
    cr_assert(tls_end_read(&client, back, 16384, &n) == LEAT_OK && memcmp(back, data, n) == 0);
    expect_open();
    record_editor_send(&editor, RECORD_DATA, data, 16384 + 240);
    expect_end("sent a record of 16641 bytes, at most 16640 are allowed; answered with the alert "
               "record_overflow");
    finish();
    free(back);
    free(data);
}
