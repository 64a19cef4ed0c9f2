/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshakes and what comes behind them with bytes turned, put in and taken out, inside of the
 * encryption, and cut anywhere: always a documented code, and never a wrong content.
 * LEAT_CHAOS_CONNECTIONS says how many; by default it is a replay of a few.
 */
#include "support/certificates.h"
#include "support/mutation.h"
#include "support/sandbox.h"
#include "unit/tls/record_editor.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS 600

enum { NEW_SESSION_TICKET = 4, KEY_UPDATE = 24 };

TestSuite(tls_chaos, .timeout = 3000, .fini = sandbox_done);

static struct tls_end end;
static struct ssl_peer peers[4];
static struct record_editor editor;
static struct mutation mutation;
static bool has_other_data; /* of the test's own */
static unsigned change_at;  /* which flight is changed; none if it is never reached */

static void flight_change(struct record_editor *e, struct scripted_bytes *messages)
{
    static const size_t pieces[] = {0, 1, 2, 5, 100, 1000};

    e->piece = pieces[mutation_below(&mutation, 6)];
    if (change_at-- != 0)
        return;
    size_t len = mutation_next(&mutation, messages->data, messages->len);
    messages->len = 0;
    scripted_bytes_append(messages, mutation.bytes, len);
}

/* One record of any kind, or a message that may stand behind the handshake, damaged or not. */
static void something_send(void)
{
    static const uint8_t ticket[] = {NEW_SESSION_TICKET,
                                     0,
                                     0,
                                     20,
                                     0,
                                     0,
                                     14,
                                     16,
                                     1,
                                     2,
                                     3,
                                     4,
                                     1,
                                     9,
                                     0,
                                     4,
                                     't',
                                     'i',
                                     'c',
                                     'k',
                                     0,
                                     2,
                                     7,
                                     7};
    static const uint8_t update[] = {KEY_UPDATE, 0, 0, 1, 1};
    static const uint8_t request[] = {13, 0, 0, 3, 0, 0, 0};
    bool is_ticket = mutation_below(&mutation, 2), is_update = mutation_below(&mutation, 2);
    const uint8_t *message = is_ticket ? ticket : is_update ? update : request;
    size_t len = is_ticket ? sizeof(ticket) : is_update ? sizeof(update) : sizeof(request);
    int type = (int)(RECORD_CCS + mutation_below(&mutation, 5));

    len = mutation_next(&mutation, message, len);
    if (mutation_below(&mutation, 4))
        type = RECORD_HANDSHAKE;
    has_other_data = has_other_data || type == RECORD_DATA;
    record_editor_send(&editor, type, mutation.bytes, mutation_below(&mutation, 8) ? len : 0);
}

static void expect_documented(int code)
{
    cr_assert(code == LEAT_OK || code == LEATI_AGAIN || code == LEATI_EOF ||
                  code == LEAT_E_TLS_ENGINE || code == LEAT_E_TLS_VERIFY ||
                  code == LEAT_E_TLS_SYSCALL || code == LEAT_E_TLS_CLOSED ||
                  code == LEAT_E_TLS_WRITE,
              "%d: %s", code, end.failure.text);
}

/* Data of the peer that come, come as they were sent. */
static void converse(void)
{
    char back[5];
    size_t n = 0;

    int code = tls_end_write(&end, "hello", 5);
    expect_documented(code);
    if (code != LEAT_OK)
        return;
    code = tls_end_read(&end, back, 5, &n);
    expect_documented(code);
    if (!has_other_data)
        cr_expect(memcmp(back, "hello", n) == 0);
}

static void connect_once(struct ssl_peer *peer, bool is_server)
{
    tls_end_init(&end, &(struct tls_end_options){.is_server = is_server}, NULL);
    record_editor_init(&editor, peer, &end.wire);
    editor.change = flight_change;
    has_other_data = false;
    change_at = (unsigned)mutation_below(&mutation, 4);
    ssl_peer_accept(peer, &end.wire);
    int code = tls_end_connect(&end);
    expect_documented(code);
    for (size_t i = mutation_below(&mutation, 3);
         code == LEAT_OK && i > 0 && SSL_version(peer->ssl) == TLS1_3_VERSION; i--) {
        something_send();
        converse();
    }
    if (code == LEAT_OK) {
        converse();
        expect_documented(tls_end_shutdown(&end, 1000));
    }
    tls_end_done(&end);
    record_editor_done(&editor);
}

/* The same process, after all that: a connection as any other. */
static void expect_good(struct ssl_peer *peer, bool is_server)
{
    char back[5];
    size_t n;

    tls_end_init(&end, &(struct tls_end_options){.is_server = is_server}, NULL);
    SSL_CTX_set_keylog_callback(peer->context, NULL);
    tls_end_open(&end, peer);
    cr_assert(tls_end_write(&end, "hello", 5) == LEAT_OK);
    cr_assert(tls_end_read(&end, back, 5, &n) == LEAT_OK && memcmp(back, "hello", 5) == 0);
    tls_end_done(&end);
}

Test(tls_chaos, of_the_peer)
{
    const char *wanted = getenv("LEAT_CHAOS_CONNECTIONS");
    long connections = wanted ? strtol(wanted, NULL, 10) : CONNECTIONS;

    for (int i = 0; i < 4; i++)
        ssl_peer_init(&peers[i], &(struct ssl_peer_options){
                                     .is_client = i & 1,
                                     .min_version = i & 2 ? TLS1_3_VERSION : TLS1_2_VERSION,
                                     .max_version = i & 2 ? TLS1_3_VERSION : TLS1_2_VERSION,
                                     .echo = true});
    for (long n = 0; n < connections; n++) {
        mutation_init(&mutation, (uint64_t)n);
        connect_once(&peers[n % 4], n & 1);
    }
    for (int i = 0; i < 4; i++) {
        expect_good(&peers[i], i & 1);
        ssl_peer_done(&peers[i]);
    }
}
