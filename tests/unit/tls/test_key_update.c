/* SPDX-License-Identifier: Apache-2.0 */
/* KeyUpdate (RFC 8446 section 4.6.3) against OpenSSL, both ways and in both roles. */
#include "support/certificates.h"
#include "support/patience.h"
#include "support/sandbox.h"
#include "tls/key_update.h"
#include "unit/tls/record_editor.h"
#include "unit/tls/socket_layer.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef LEAT_MBEDTLS_MENDED

enum { KEY_UPDATE = 24 };

static const char *const suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                     "TLS_CHACHA20_POLY1305_SHA256"};

TestSuite(tls_key_update, .timeout = 120, .fini = sandbox_done);

static struct tls_end end;
static struct ssl_peer peer;
static struct record_editor editor;
static bool edited;

/* What of KeyUpdate OpenSSL has read: how many, and how many of them want an answer. */
static unsigned updates_read, requests_read, updates_sent;

static void message_seen(int write, int version, int type, const void *data, size_t len, SSL *ssl,
                         void *user)
{
    const uint8_t *message = data;

    (void)version;
    (void)ssl;
    (void)user;
    if (type != RECORD_HANDSHAKE || len != 5 || message[0] != KEY_UPDATE)
        return;
    updates_sent += write != 0;
    updates_read += write == 0;
    requests_read += write == 0 && message[4] == 1;
}

static void begin_with(bool is_server, const char *suite, uint64_t key_records_max,
                       bool with_editor)
{
    updates_read = requests_read = updates_sent = 0;
    ssl_peer_init(&peer, &(struct ssl_peer_options){.is_client = is_server,
                                                    .min_version = TLS1_3_VERSION,
                                                    .ciphersuites = suite,
                                                    .echo = true});
    SSL_CTX_set_msg_callback(peer.context, message_seen);
    tls_end_init(
        &end, &(struct tls_end_options){.is_server = is_server, .key_records_max = key_records_max},
        NULL);
    edited = with_editor;
    if (with_editor)
        record_editor_init(&editor, &peer, &end.wire);
    tls_end_open(&end, &peer);
}

static void begin(bool is_server, const char *suite)
{
    begin_with(is_server, suite, 0, false);
}

static void finish(void)
{
    tls_end_done(&end);
    if (edited)
        record_editor_done(&editor);
    ssl_peer_done(&peer);
}

static void echo(size_t len)
{
    uint8_t *data = pattern_new(len);
    uint8_t *back = malloc(len);
    size_t n;

    cr_assert(tls_end_write(&end, data, len) == LEAT_OK, "%s", end.failure.text);
    cr_assert(tls_end_read(&end, back, len, &n) == LEAT_OK, "%zu of %zu: %s", n, len,
              end.failure.text);
    cr_assert(memcmp(data, back, len) == 0);
    free(data);
    free(back);
}

/* OpenSSL sends one at once, not before its next data. */
static void peer_update(int type)
{
    cr_assert(SSL_key_update(peer.ssl, type) == 1);
    cr_assert(SSL_do_handshake(peer.ssl) == 1);
    ssl_peer_pump(&peer, &end.wire);
}

static void expect_nothing_to_read(void)
{
    uint8_t byte;
    size_t n;

    cr_assert(tls_end_read(&end, &byte, 1, &n) == LEATI_AGAIN, "%s", end.failure.text);
}

/* ---- the peer's ------------------------------------------------------------------------------ */

Test(tls_key_update, of_the_peer)
{
    for (int is_server = 0; is_server < 2; is_server++)
        for (size_t i = 0; i < 3; i++) {
            begin(is_server, suites[i]);
            echo(10);
            for (int round = 0; round < 40; round++) {
                peer_update(SSL_KEY_UPDATE_NOT_REQUESTED);
                if (round % 2)
                    expect_nothing_to_read();
                echo(10 + (size_t)round * 1000);
            }
            cr_expect(updates_sent == 40 && updates_read == 0);
            cr_assert(tls_end_shutdown(&end, 1000) == LEAT_OK && peer.got_close_notify);
            finish();
        }
}

Test(tls_key_update, of_the_peer_is_answered)
{
    for (int is_server = 0; is_server < 2; is_server++)
        for (size_t i = 0; i < 3; i++) {
            begin(is_server, suites[i]);
            for (unsigned round = 1; round < 20; round++) {
                peer_update(SSL_KEY_UPDATE_REQUESTED);
                /* The answer does not wait for data of ours. */
                expect_nothing_to_read();
                cr_expect(updates_read == round && requests_read == 0, "%u", updates_read);
                echo(100);
            }
            finish();
        }
}

/* Several that are read together, behind data and in front of data. */
Test(tls_key_update, of_the_peer_among_data)
{
    char back[7];
    size_t n;

    begin(false, suites[0]);
    peer.held = true;
    for (int i = 0; i < 3; i++) {
        cr_assert(SSL_write(peer.ssl, "ab", 2) == 2);
        peer_update(i % 2 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    }
    peer.held = false;
    ssl_peer_write(&peer, &end.wire, "c", 1);
    cr_assert(tls_end_read(&end, back, 7, &n) == LEAT_OK && memcmp(back, "abababc", 7) == 0);
    echo(100);
    cr_expect(updates_read == 1);
    finish();
}

/* Cut into pieces, as any handshake message. */
Test(tls_key_update, of_the_peer_in_pieces)
{
    for (int is_server = 0; is_server < 2; is_server++)
        for (size_t piece = 1; piece <= 5; piece++) {
            begin_with(is_server, suites[1], 0, true);
            editor.piece = piece;
            for (int request = 0; request < 2; request++) {
                record_editor_key_update(&editor, request);
                echo(1000);
                peer_update(request ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
                echo(1000);
            }
            cr_expect(updates_read == 2);
            finish();
        }
}

/* By bytes of the wire: what comes behind a KeyUpdate is in the read-ahead, or not there yet. */
Test(tls_key_update, of_the_peer_in_segments)
{
    static const size_t segments[] = {1, 2, 4, 5, 6, 21, 26, 27, 28, 49, 2048, 2049};
    char back[4];
    size_t n;

    for (int is_server = 0; is_server < 2; is_server++)
        for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
            begin(is_server, suites[i % 3]);
            end.wire.script.recv_max_bytes = segments[i];
            for (int every_other = 0; every_other < 2; every_other++) {
                end.wire.script.again_every_other = every_other;
                peer.held = true;
                cr_assert(SSL_write(peer.ssl, "a", 1) == 1);
                peer_update(SSL_KEY_UPDATE_NOT_REQUESTED);
                peer_update(SSL_KEY_UPDATE_REQUESTED);
                cr_assert(SSL_write(peer.ssl, "b", 1) == 1);
                peer_update(SSL_KEY_UPDATE_REQUESTED);
                peer.held = false;
                ssl_peer_write(&peer, &end.wire, "cd", 2);
                cr_assert(tls_end_read(&end, back, 4, &n) == LEAT_OK &&
                          memcmp(back, "abcd", 4) == 0);
                echo(5000);
            }
            cr_expect(updates_read == 4);
            finish();
        }
}

Test(tls_key_update, of_the_peer_behind_our_goodbye)
{
    begin(false, suites[0]);
    peer.held = true;
    peer_update(SSL_KEY_UPDATE_REQUESTED);
    cr_assert(SSL_write(peer.ssl, "late", 4) == 4);
    cr_assert(SSL_shutdown(peer.ssl) == 0);
    cr_assert(tls_end_shutdown(&end, 1000) == LEAT_OK);
    peer.held = false;
    ssl_peer_pump(&peer, &end.wire);
    cr_expect(updates_read == 0, "nothing follows close_notify");
    finish();
}

static void flood(unsigned count, int type)
{
    for (unsigned i = 0; i < count; i++)
        peer_update(type);
}

Test(tls_key_update, too_many_of_the_peer)
{
    for (int type = SSL_KEY_UPDATE_NOT_REQUESTED; type <= SSL_KEY_UPDATE_REQUESTED; type++)
        for (int is_server = 0; is_server < 2; is_server++) {
            uint8_t byte;
            size_t n;
            begin(is_server, suites[0]);
            for (int round = 0; round < 3; round++) {
                flood(LEATI_TLS_KEY_UPDATES_LIMIT, type);
                echo(1);
            }
            flood(LEATI_TLS_KEY_UPDATES_LIMIT + 1, type);
            cr_assert(tls_end_read(&end, &byte, 1, &n) == LEAT_E_TLS_ENGINE);
            tls_end_expect_text(
                &end, "sent 33 KeyUpdates without data in between, at most 32 are taken; answered "
                      "with the alert unexpected_message");
            finish();
        }
}

static void malformed(const char *content, size_t len, const char *text)
{
    uint8_t byte;
    size_t n;

    begin_with(false, suites[0], 0, true);
    record_editor_send(&editor, RECORD_HANDSHAKE, content, len);
    cr_assert(tls_end_read(&end, &byte, 1, &n) == LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&end, text);
    finish();
}

Test(tls_key_update, that_is_malformed)
{
    malformed("\30\0\0\0", 4, "answered with the alert decode_error");
    malformed("\30\0\0\2\0\0", 6, "answered with the alert decode_error");
    malformed("\30\0\0\1\2", 5, "answered with the alert illegal_parameter");
    malformed("\30\0\0\1\377", 5, "answered with the alert illegal_parameter");
    /* What follows has another key, so it cannot be in the same record (RFC 8446 section 5.1). */
    malformed("\30\0\0\1\0\30", 6, "answered with the alert unexpected_message");
    malformed("\30\0\0\1\0\30\0\0\1\0", 10, "answered with the alert unexpected_message");
    malformed("\30\377\377\377\0", 5,
              "the server's KeyUpdate has 16777215 bytes, at most 65536 are taken");
}

/* Not before the handshake is over, and not in TLS 1.2. */
static void update_insert(struct record_editor *e, struct scripted_bytes *messages)
{
    static const uint8_t update[] = {KEY_UPDATE, 0, 0, 1, 0};

    if (e->is_encrypted || SSL_version(e->peer->ssl) == TLS1_2_VERSION) {
        memmove(messages->data + sizeof(update), messages->data, messages->len - sizeof(update));
        memcpy(messages->data, update, sizeof(update));
    }
}

Test(tls_key_update, at_the_wrong_time)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        ssl_peer_init(&peer,
                      &(struct ssl_peer_options){.min_version = version, .max_version = version});
        tls_end_init(&end, &(struct tls_end_options){0}, NULL);
        record_editor_init(&editor, &peer, &end.wire);
        edited = true;
        editor.change = update_insert;
        tls_end_refuse(&end, &peer, LEAT_E_TLS_ENGINE);
        finish();
    }
}

/* ---- our own --------------------------------------------------------------------------------- */

Test(tls_key_update, of_ours)
{
    for (int is_server = 0; is_server < 2; is_server++)
        for (size_t i = 0; i < 3; i++) {
            begin(is_server, suites[i]);
            for (unsigned round = 1; round <= 20; round++) {
                cr_assert(leati_tls_layer_update_keys(end.tls) == LEAT_OK);
                cr_expect(updates_read == round && requests_read == round);
                echo(round * 100);
                cr_expect(updates_sent == round, "the peer has answered");
            }
            finish();
        }
}

/* While nothing is sent in between, more of them are of no use to anybody. */
Test(tls_key_update, of_ours_in_a_row)
{
    begin(false, suites[0]);
    for (int i = 0; i < 1000; i++)
        cr_assert(leati_tls_layer_update_keys(end.tls) == LEAT_OK);
    cr_expect(updates_read == LEATI_TLS_OWN_KEY_UPDATES_LIMIT);
    echo(100);
    cr_assert(leati_tls_layer_update_keys(end.tls) == LEAT_OK);
    cr_expect(updates_read == LEATI_TLS_OWN_KEY_UPDATES_LIMIT + 1);
    echo(100);
    finish();
}

Test(tls_key_update, of_both_at_once)
{
    begin(false, suites[0]);
    for (int round = 0; round < 10; round++) {
        peer.held = true;
        peer_update(SSL_KEY_UPDATE_REQUESTED);
        cr_assert(leati_tls_layer_update_keys(end.tls) == LEAT_OK);
        peer.held = false;
        echo(1000);
    }
    finish();
}

Test(tls_key_update, of_ours_is_refused_where_there_is_none)
{
    ssl_peer_init(&peer, &(struct ssl_peer_options){.max_version = TLS1_2_VERSION, .echo = true});
    tls_end_init(&end, &(struct tls_end_options){0}, NULL);
    edited = false;
    cr_expect(leati_tls_layer_update_keys(end.tls) == LEAT_E_PARAMETER, "not open yet");
    tls_end_open(&end, &peer);
    cr_expect(leati_tls_layer_update_keys(end.tls) == LEAT_E_PARAMETER, "TLS 1.2");
    echo(10);
    finish();
}

/* The wire takes nothing: the KeyUpdate waits in front of the data. */
Test(tls_key_update, of_ours_on_a_wire_that_is_full)
{
    begin(false, suites[0]);
    end.wire.mute = true;
    cr_assert(leati_tls_layer_update_keys(end.tls) == LEAT_OK);
    cr_assert(tls_end_write(&end, "hello", 5) == LEATI_AGAIN);
    cr_expect(updates_read == 0);
    cr_expect(end.tls->ops->want(end.tls, 0) == 0, "nobody is woken who does not want to be");
    end.wire.mute = false;
    end.wire.script.send_max_bytes = 1;
    end.wire.script.recv_max_bytes = 1;
    echo(5);
    cr_expect(updates_read == 1);
    finish();
}

/* ---- before a key has done too much ---------------------------------------------------------- */

static void echo_one_record(void)
{
    const char *data = "one record";
    char back[16];
    size_t len = strlen(data), n;
    struct iovec iov = {(void *)(uintptr_t)data, len};

    cr_assert(end.tls->ops->send(end.tls, &iov, 1, &n) == LEAT_OK && n == len);
    cr_assert(tls_end_read(&end, back, len, &n) == LEAT_OK && memcmp(data, back, len) == 0);
}

Test(tls_key_update, when_a_key_is_used_up)
{
    static const uint64_t limits[] = {1, 2, 3, 10};

    for (int is_server = 0; is_server < 2; is_server++)
        for (size_t i = 0; i < 12; i++) {
            uint64_t limit = limits[i % 4];
            begin_with(is_server, suites[i / 4], limit, false);
            for (int round = 0; round < 300; round++)
                echo_one_record();
            cr_expect(updates_read == (300 - 1) / limit, "%u by %d", updates_read, (int)limit);
            cr_expect(requests_read == 0 && updates_sent == 0);
            finish();
        }
}

/* ---- under load ------------------------------------------------------------------------------ */

#define STREAM_BYTES (64u << 20)
#define CHANGES      100u

/* OpenSSL at the other end of a socket pair: sends back what it reads, and changes keys on its own.
 */
struct opponent {
    SSL_CTX *context;
    bool is_client;
    int fd;
    size_t update_bytes; /* after how many of them; 0 = never */
    pthread_t thread;
};

static void *opponent_run(void *user)
{
    struct opponent *opponent = user;
    static _Thread_local char buf[16384];
    SSL *ssl = SSL_new(opponent->context);
    size_t total = 0, next = opponent->update_bytes;
    int n;

    SSL_set_fd(ssl, opponent->fd);
    if (opponent->is_client)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0) {
        total += (size_t)n;
        if (next != 0 && total >= next) {
            next += opponent->update_bytes;
            if (SSL_key_update(ssl, next / opponent->update_bytes % 2
                                        ? SSL_KEY_UPDATE_REQUESTED
                                        : SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
                break;
        }
        if (SSL_write(ssl, buf, n) != n)
            break;
    }
    SSL_shutdown(ssl);
    SSL_free(ssl);
    return (void *)(uintptr_t)total;
}

static struct leati_tls_credentials *credentials_make(bool is_server)
{
    struct leati_tls_credentials_options options = {
        .ca_path = certificate_path("ca.pem"),
        .cert_path = is_server ? certificate_path("server.pem") : NULL,
        .key_path = is_server ? certificate_path("server.key") : NULL,
        .need_ca = true,
        .is_server = is_server};
    struct leati_tls_credentials *credentials;
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &credentials) == LEAT_OK, "%s",
              failure.text);
    return credentials;
}

static void stream(bool is_server, const char *suite)
{
    struct opponent opponent = {.is_client = is_server, .update_bytes = STREAM_BYTES / CHANGES};
    struct leati_tls_credentials *credentials = credentials_make(is_server);
    struct socket_end mine;
    uint8_t *data = pattern_new(1u << 20), *back = malloc(1u << 20);
    int fds[2];
    void *total;

    updates_read = requests_read = updates_sent = 0;
    cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    opponent.fd = fds[1];
    ssl_peer_init(&peer, &(struct ssl_peer_options){.is_client = is_server,
                                                    .min_version = TLS1_3_VERSION,
                                                    .ciphersuites = suite});
    opponent.context = peer.context;
    SSL_CTX_set_msg_callback(peer.context, message_seen);
    cr_assert(pthread_create(&opponent.thread, NULL, opponent_run, &opponent) == 0);
    socket_end_init(
        &mine, fds[0],
        &(struct leati_tls_layer_options){.is_server = is_server,
                                          .server_name = "localhost",
                                          .credentials = credentials,
                                          .verify = true,
                                          .min_protocol = LEAT_TLS_V13,
                                          .max_protocol = LEAT_TLS_V13,
                                          .key_records_max = STREAM_BYTES / 16384 / CHANGES});
    cr_assert(socket_end_connect(&mine) == LEAT_OK, "%s", mine.failure.text);
    for (size_t sent = 0; sent < STREAM_BYTES; sent += 65536) {
        size_t at = sent % (1u << 20);
        socket_end_send(&mine, data + at, 65536);
        for (size_t got = 0; got < 65536;) {
            size_t n = 0;
            cr_assert(socket_end_recv(&mine, back + got, 65536 - got, &n) == LEAT_OK, "%s",
                      mine.failure.text);
            got += n;
        }
        cr_assert(memcmp(data + at, back, 65536) == 0, "behind %zu bytes", sent);
    }
    shutdown(fds[0], SHUT_WR);
    pthread_join(opponent.thread, &total);
    cr_expect((uintptr_t)total == STREAM_BYTES);
    cr_expect(updates_read >= CHANGES, "%u", updates_read);
    cr_expect(updates_sent >= CHANGES - 1, "%u", updates_sent);
    socket_end_done(&mine);
    close(fds[1]);
    ssl_peer_done(&peer);
    leati_tls_credentials_unref(credentials);
    free(data);
    free(back);
}

/* 64 MiB both ways, in which each side changes its key a hundred times. */
Test(tls_key_update, under_load, .timeout = PATIENCE_MS(120))
{
    for (int is_server = 0; is_server < 2; is_server++)
        stream(is_server, suites[is_server]);
}

#endif
