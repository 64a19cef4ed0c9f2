/* SPDX-License-Identifier: Apache-2.0 */
/* Records that leave together, and that come together with what stands behind them. */
#include "support/sandbox.h"
#include "tls/bio.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

TestSuite(tls_batch, .timeout = 120, .fini = sandbox_done);

/* More than one batch. */
#define PIECES      (LEATI_TLS_BATCH_RECORDS + 2)
#define PIECE_BYTES 701u
#define TOTAL_BYTES (PIECES * PIECE_BYTES)

static struct tls_end client;
static struct ssl_peer peer;

static void echo(size_t len)
{
    uint8_t *data = pattern_new(len);
    uint8_t *back = malloc(len + 1);
    size_t got;

    cr_assert(tls_end_write(&client, data, len) == LEAT_OK, "%s", client.failure.text);
    cr_assert(tls_end_read(&client, back, len + 1, &got) == LEATI_AGAIN, "%s", client.failure.text);
    cr_assert(got == len && memcmp(back, data, len) == 0, "%zu", got);
    free(data);
    free(back);
}

/* Behind the first data, whose records are short, and with buffers that can be exchanged. */
static void start(int version, const struct tls_end_options *options)
{
    ssl_peer_init(&peer, &(struct ssl_peer_options){
                             .min_version = version, .max_version = version, .echo = true});
    tls_end_init(&client, options, NULL);
    tls_end_open(&client, &peer);
    echo(20000);
}

static void done(void)
{
    tls_end_done(&client);
    ssl_peer_done(&peer);
}

/* ---- out --------------------------------------------------------------------------------- */

/* A wire that takes a number of bytes, refuses once, and then takes everything. */
static size_t budget;
static bool has_refused;
static const struct leati_layer_ops *wire_ops;

static int budget_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    struct iovec part[LEATI_TLS_BATCH_RECORDS + 4];
    int count = 0;

    if (has_refused)
        return wire_ops->send(l, iov, n, ret_len);
    for (size_t left = budget; count < n && left > 0; count++) {
        part[count] = iov[count];
        if (part[count].iov_len > left)
            part[count].iov_len = left;
        left -= part[count].iov_len;
    }
    if (count == 0) {
        has_refused = true;
        return LEATI_AGAIN;
    }
    int result = wire_ops->send(l, part, count, ret_len);
    if (result == LEAT_OK)
        budget -= *ret_len;
    return result;
}

static void budget_install(void)
{
    static struct leati_layer_ops ops;

    wire_ops = client.wire.base.ops;
    ops = *wire_ops;
    ops.send = budget_send;
    client.wire.base.ops = &ops;
}

/* All pieces, each time from another place. Returns in how many calls that took something. */
static unsigned pieces_send(const uint8_t *data)
{
    uint8_t *copy = malloc(TOTAL_BYTES);
    unsigned calls = 0, refused = 0;

    for (size_t pos = 0; pos < TOTAL_BYTES;) {
        struct iovec iov[PIECES + 1];
        int n = 0;
        size_t taken = 0;
        memcpy(copy + pos, data + pos, TOTAL_BYTES - pos);
        for (size_t at = pos; at < TOTAL_BYTES;) {
            size_t len = PIECE_BYTES - at % PIECE_BYTES;
            iov[n++] = (struct iovec){copy + at, len};
            at += len;
        }
        int result = client.tls->ops->send(client.tls, iov, n, &taken);
        memset(copy, '!', TOTAL_BYTES);
        cr_assert(result == LEAT_OK || (result == LEATI_AGAIN && ++refused < 5), "%d: %s", result,
                  client.failure.text);
        if (result != LEAT_OK)
            continue;
        cr_assert(taken > 0 && taken <= TOTAL_BYTES - pos);
        pos += taken;
        calls++;
    }
    free(copy);
    return calls;
}

static void pieces_expect_back(const uint8_t *data)
{
    uint8_t back[TOTAL_BYTES];
    size_t got;

    cr_assert(tls_end_read(&client, back, TOTAL_BYTES, &got) == LEAT_OK, "%s", client.failure.text);
    cr_assert(memcmp(back, data, TOTAL_BYTES) == 0);
}

Test(tls_batch, records_leave_together)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        uint8_t *data = pattern_new(TOTAL_BYTES);
        start(version, &(struct tls_end_options){0});
        size_t before = client.wire.sent_calls;
        cr_expect_eq(pieces_send(data), 2);
        cr_expect_eq(client.wire.sent_calls - before, 2);
        pieces_expect_back(data);
        done();
        free(data);
    }
}

/* Wherever the wire stops taking them, none is lost, and none comes twice. */
Test(tls_batch, a_wire_may_stop_anywhere)
{
    uint8_t *data = pattern_new(TOTAL_BYTES);

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        start(version, &(struct tls_end_options){0});
        budget_install();
        for (size_t first = 0; first < TOTAL_BYTES + PIECES * 40; first += 23) {
            budget = first;
            has_refused = false;
            pieces_send(data);
            pieces_expect_back(data);
        }
        echo(100000);
        done();
    }
    free(data);
}

/* A KeyUpdate is no data: what it stands in front of does not write over it. */
Test(tls_batch, keys_are_changed_between_the_records)
{
    uint8_t *data = pattern_new(TOTAL_BYTES);

    for (uint64_t limit = 1; limit <= PIECES; limit++) {
        start(TLS1_3_VERSION, &(struct tls_end_options){.key_records_max = limit});
        budget_install();
        for (size_t first = 0; first < TOTAL_BYTES; first += 977) {
            budget = first;
            has_refused = false;
            pieces_send(data);
            pieces_expect_back(data);
        }
        done();
    }
    free(data);
}

/* A peer that takes nothing has one batch to wait for at most, and later single records. */
Test(tls_batch, a_peer_that_is_slow_gets_single_records)
{
    uint8_t *data = pattern_new(TOTAL_BYTES);
    struct iovec iov[2] = {{data, 300}, {data + 300, 300}};
    size_t taken = 0;

    start(TLS1_3_VERSION, &(struct tls_end_options){0});
    client.wire.mute = true;
    cr_assert(client.tls->ops->send(client.tls, iov, 2, &taken) == LEATI_AGAIN);
    client.wire.mute = false;
    cr_assert(client.tls->ops->send(client.tls, iov, 2, &taken) == LEAT_OK);
    cr_expect_eq(taken, 600, "the batch that waited");
    cr_assert(client.tls->ops->send(client.tls, iov, 2, &taken) == LEAT_OK);
    cr_expect_eq(taken, 300);
    cr_assert(client.tls->ops->send(client.tls, iov, 2, &taken) == LEAT_OK);
    cr_expect_eq(taken, 600, "it keeps up again");
    done();
    free(data);
}

/* ---- in ---------------------------------------------------------------------------------- */

static void peer_flush(int result)
{
    cr_assert(result == 1);
    ssl_peer_pump(&peer, &client.wire);
}

/* A mbedTLS that is not mended does not know it. */
static void peer_update_keys(int type)
{
#ifdef LEAT_MBEDTLS_MENDED
    cr_assert(SSL_key_update(peer.ssl, type) == 1);
    peer_flush(SSL_do_handshake(peer.ssl));
#else
    (void)type;
#endif
}

/* All that may stand between data, glued together. Returns how many bytes. */
static size_t peer_mix(void)
{
    size_t before = client.wire.to_read.len;

    ssl_peer_write(&peer, &client.wire, "one", 3);
    peer_update_keys(SSL_KEY_UPDATE_REQUESTED);
    ssl_peer_write(&peer, &client.wire, "two", 3);
    cr_assert(SSL_new_session_ticket(peer.ssl) == 1);
    peer_flush(SSL_do_handshake(peer.ssl));
    ssl_peer_write(&peer, &client.wire, "three", 5);
    peer_update_keys(SSL_KEY_UPDATE_NOT_REQUESTED);
    ssl_peer_write(&peer, &client.wire, "four", 4);
    (void)SSL_shutdown(peer.ssl);
    ssl_peer_pump(&peer, &client.wire);
    return client.wire.to_read.len - before;
}

static void mix_read(size_t cut, size_t max)
{
    char back[32];
    size_t got = 0, more = 0;

    client.wire.script.recv_end_at = client.wire.read + cut;
    client.wire.script.recv_end = LEATI_AGAIN;
    client.wire.script.recv_max_bytes = max;
    int result = tls_end_read(&client, back, 15, &got);
    cr_assert(result == LEATI_AGAIN || result == LEAT_OK, "cut at %zu: %d %s", cut, result,
              client.failure.text);
    client.wire.script.recv_end_at = SCRIPTED_NEVER;
    if (got < 15)
        cr_assert(tls_end_read(&client, back + got, 15 - got, &more) == LEAT_OK, "cut at %zu: %s",
                  cut, client.failure.text);
    cr_expect(memcmp(back, "onetwothreefour", 15) == 0, "cut at %zu", cut);
    cr_expect_eq(tls_end_read(&client, back, 1, &more), LEATI_EOF);
}

Test(tls_batch, what_comes_together_may_be_cut_anywhere)
{
    size_t total = 1;

    for (size_t cut = 0; cut <= total; cut += 5) {
        start(TLS1_3_VERSION, &(struct tls_end_options){0});
        total = peer_mix();
        mix_read(cut, cut % 3 == 1 ? 7 : 0);
        done();
    }
    cr_expect_gt(total, 100);
}

/* ---- whose the buffers are ---------------------------------------------------------------- */

static void *thread_main(void *unused)
{
    (void)unused;
    start(TLS1_3_VERSION, &(struct tls_end_options){0});
    echo(100000);
    return NULL;
}

/* A connection goes on in another thread when the one that began it is over. */
Test(tls_batch, spares_go_with_their_thread)
{
    pthread_t thread;

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pthread_create(&thread, NULL, thread_main, NULL), 0);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        echo(50000);
        done();
    }
}
