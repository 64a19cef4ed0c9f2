/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshake messages in any number of records (RFC 8446 section 5.1): cut at any byte, glued
 * together, longer than a record, and what must not be between them.
 */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "tls/mends/mends.h"
#include "unit/tls/record_editor.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <mbedtls/version.h>
#include <stdlib.h>
#include <string.h>

#ifdef LEAT_MBEDTLS_MENDED

enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11 };

static struct tls_end end;
static struct ssl_peer peer;
static struct record_editor editor;

TestSuite(tls_handshake_messages, .timeout = 120, .fini = sandbox_done);

/* One connection whose peer has an editor; the handshake, some data both ways and the end must go
 * well. */
static void begin(const struct tls_end_options *options,
                  const struct ssl_peer_options *peer_options)
{
    ssl_peer_init(&peer, peer_options);
    tls_end_init(&end, options, NULL);
    record_editor_init(&editor, &peer, &end.wire);
}

static void finish(void)
{
    tls_end_done(&end);
    record_editor_done(&editor);
    ssl_peer_done(&peer);
}

/* Those of an editor; mbedTLS before 3.6.6 takes a ClientHello in one record only. */
static size_t pieces_for(bool is_server, size_t piece)
{
    return is_server && MBEDTLS_VERSION_NUMBER < 0x03060600 ? 0 : piece;
}

static void talk(void)
{
    char back[6];
    size_t n;

    tls_end_open(&end, &peer);
    cr_assert(tls_end_write(&end, "hello", 5) == LEAT_OK, "%s", end.failure.text);
    cr_assert(tls_end_read(&end, back, 5, &n) == LEAT_OK && memcmp(back, "hello", 5) == 0, "%s",
              end.failure.text);
    cr_assert(tls_end_shutdown(&end, 1000) == LEAT_OK);
    cr_assert(peer.got_close_notify);
}

static void talk_in_pieces(bool is_server, int version, bool client_cert, size_t piece,
                           size_t first)
{
    const char *cert = client_cert ? certificate_path("client.pem") : NULL;
    const char *key = client_cert ? certificate_path("client.key") : NULL;
    struct tls_end_options options = {.is_server = is_server};
    struct ssl_peer_options peer_options = {
        .is_client = is_server, .min_version = version, .max_version = version, .echo = true};

    if (is_server) {
        options.client_verification =
            client_cert ? LEAT_CLIENT_VERIFICATION_REQUIRED : LEAT_CLIENT_VERIFICATION_NONE;
        peer_options.cert_path = cert;
        peer_options.key_path = key;
    } else {
        options.cert_path = cert;
        options.key_path = key;
        peer_options.client_ca_path = client_cert ? certificate_path("ca.pem") : NULL;
    }
    begin(&options, &peer_options);
    editor.piece = pieces_for(is_server, piece);
    editor.first = first;
    talk();
    finish();
}

Test(tls_handshake_messages, cut_into_pieces)
{
    static const size_t pieces[] = {0, 1, 2, 3, 4, 5, 7, 33, 100, 1000};

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        for (int role = 0; role < 4; role++)
            for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
                talk_in_pieces(role & 1, version, role & 2, pieces[i], 0);
}

/* The flight that is encrypted, cut once: at each byte near the beginning of one of its messages.
 */
Test(tls_handshake_messages, cut_at_each_header)
{
    for (int is_server = 0; is_server < 2; is_server++) {
        for (size_t first = 1; first < 24; first++)
            talk_in_pieces(is_server, TLS1_3_VERSION, true, 0, first);
        for (size_t first = 500; first < 1200; first += 3)
            talk_in_pieces(is_server, TLS1_3_VERSION, true, 0, first);
    }
}

/* ---- long ones ------------------------------------------------------------------------------- */

Test(tls_handshake_messages, longer_than_a_record)
{
    static const size_t pieces[] = {0, 4000, 1001, 7};

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        for (int is_server = 0; is_server < 2; is_server++)
            for (size_t bytes = 16000; bytes <= 64000; bytes += 16000) {
                begin(&(struct tls_end_options){.is_server = is_server,
                                                .client_verification =
                                                    LEAT_CLIENT_VERIFICATION_REQUIRED},
                      &(struct ssl_peer_options){
                          .is_client = is_server,
                          .cert_path = is_server ? certificate_path("client.pem") : NULL,
                          .key_path = is_server ? certificate_path("client.key") : NULL,
                          .min_version = version,
                          .max_version = version,
                          .echo = true});
                record_chain_lengthen(peer.context, bytes);
                editor.piece = pieces_for(is_server, pieces[bytes / 16000 - 1]);
                talk();
                cr_assert(end.tls->state == LEATI_LAYER_CLOSED);
                finish();
            }
}

/* The message that is replaced has its true length in front, or one that was made up. */
static size_t claimed;
static size_t sent;

static void certificate_replace(struct record_editor *e, struct scripted_bytes *messages)
{
    uint8_t *message = record_message_find(messages, CERTIFICATE);

    (void)e;
    if (!message)
        return;
    messages->len = (size_t)(message - messages->data);
    uint8_t header[] = {CERTIFICATE, (uint8_t)(claimed >> 16), (uint8_t)(claimed >> 8),
                        (uint8_t)claimed};
    scripted_bytes_append(messages, header, sizeof(header));
    uint8_t *body = calloc(1, sent + 1);
    scripted_bytes_append(messages, body, sent);
    free(body);
}

static void refuse_certificate(int version, size_t claim, size_t send, const char *text,
                               const char *alert)
{
    begin(&(struct tls_end_options){0},
          &(struct ssl_peer_options){.min_version = version, .max_version = version});
    editor.change = certificate_replace;
    claimed = claim;
    sent = send;
    tls_end_refuse(&end, &peer, LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&end, text);
    tls_end_expect_text(&end, alert);
    finish();
}

Test(tls_handshake_messages, longer_than_the_limit)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        static const char alert[] = "answered with the alert illegal_parameter";
        refuse_certificate(version, 65537, 20,
                           "the server's Certificate has 65537 bytes, at most 65536 are taken",
                           alert);
        refuse_certificate(version, 0xffffff, 0, "has 16777215 bytes, at most 65536", alert);
        refuse_certificate(version, 0xffffff, 40000, "has 16777215 bytes, at most 65536", alert);
        /* As long as it may be, but no certificate. */
        refuse_certificate(version, 65536, 65536,
                           "the server's Certificate: ", "answered with the alert decode_error");
    }
}

/* ---- what is not to be there ----------------------------------------------------------------- */

static void insert_between(int version, int type, const char *data, size_t len)
{
    begin(&(struct tls_end_options){0},
          &(struct ssl_peer_options){.min_version = version, .max_version = version});
    static const uint8_t half[] = {SERVER_HELLO, 0, 0, 90, 3, 3};
    ssl_peer_accept(&peer, &end.wire);
    peer.held = true;
    cr_assert(tls_end_connect(&end) == LEATI_AGAIN);
    record_editor_send(&editor, RECORD_HANDSHAKE, half, sizeof(half));
    record_editor_send(&editor, type, data, len);
    int code = tls_end_connect(&end);
    cr_assert(code == LEAT_E_TLS_ENGINE, "%d: %s", code, end.failure.text);
}

Test(tls_handshake_messages, nothing_comes_between_the_parts)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        insert_between(version, RECORD_DATA, "data", 4);
        tls_end_expect_text(&end, "answered with the alert unexpected_message");
        finish();
        insert_between(version, RECORD_CCS, "\1", 1);
        tls_end_expect_text(&end, "answered with the alert unexpected_message");
        finish();
        /* Whoever cannot go on says so: that is what is told. */
        insert_between(version, RECORD_ALERT, "\2\50", 2);
        tls_end_expect_text(
            &end, "the server ended the TLS handshake with the alert handshake_failure (40)");
        finish();
        /* Nobody may send an empty one. */
        insert_between(version, RECORD_HANDSHAKE, "", 0);
        tls_end_expect_text(&end, "answered with the alert decode_error");
        finish();
    }
}

/* In TLS 1.3 an empty one is encrypted. */
static void finished_empty(struct record_editor *e, struct scripted_bytes *messages)
{
    if (!e->is_encrypted)
        return;
    record_editor_send(e, RECORD_HANDSHAKE, messages->data, 3);
    record_editor_send(e, RECORD_HANDSHAKE, "", 0);
}

Test(tls_handshake_messages, an_empty_record)
{
    begin(&(struct tls_end_options){0}, &(struct ssl_peer_options){.min_version = TLS1_3_VERSION});
    editor.change = finished_empty;
    tls_end_refuse(&end, &peer, LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&end, "answered with the alert unexpected_message");
    finish();
}

/* What stands behind ServerHello in its record came with other keys than what is to follow. */
static size_t behind;

static void hello_append(struct record_editor *e, struct scripted_bytes *messages)
{
    static const uint8_t encrypted_extensions[] = {8, 0, 0, 2, 0, 0};

    if (!e->is_encrypted)
        scripted_bytes_append(messages, encrypted_extensions, behind);
}

Test(tls_handshake_messages, none_spans_a_change_of_keys)
{
    for (behind = 1; behind <= 6; behind++) {
        begin(&(struct tls_end_options){0},
              &(struct ssl_peer_options){.min_version = TLS1_3_VERSION});
        editor.change = hello_append;
        tls_end_refuse(&end, &peer, LEAT_E_TLS_ENGINE);
        tls_end_expect_text(&end, "answered with the alert unexpected_message");
        finish();
    }
}

#endif
