/* SPDX-License-Identifier: Apache-2.0 */
/* Data in both directions over wires that refuse, split and stall. */
#include "support/sandbox.h"
#include "tls/bio.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(tls_data, .timeout = 120, .fini = sandbox_done);

#define LARGE_BYTES (1024u * 1024u)

static struct tls_end client;
static struct ssl_peer peer;

static void start(int version, const struct scripted_script *script,
                  const struct tls_end_options *options)
{
    ssl_peer_init(&peer, &(struct ssl_peer_options){
                             .min_version = version, .max_version = version, .echo = true});
    tls_end_init(&client, options, script);
    tls_end_open(&client, &peer);
}

static void done(void)
{
    tls_end_done(&client);
    ssl_peer_done(&peer);
}

static void echo(size_t len)
{
    uint8_t *data = pattern_new(len);
    uint8_t *back = malloc(len + 1);
    size_t got;

    cr_assert(tls_end_write(&client, data, len) == LEAT_OK, "%s", client.failure.text);
    cr_assert(peer.received.len == len, "%zu", peer.received.len);
    cr_assert(memcmp(peer.received.data, data, len) == 0);
    int result = tls_end_read(&client, back, len + 1, &got);
    cr_assert(result == LEATI_AGAIN, "%d: %s", result, client.failure.text);
    cr_assert(got == len, "%zu", got);
    cr_assert(memcmp(back, data, len) == 0);
    free(data);
    free(back);
}

static void echo_over(const struct scripted_script *script, size_t len)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        start(version, script, &(struct tls_end_options){0});
        echo(len);
        done();
    }
}

Test(tls_data, large)
{
    echo_over(NULL, LARGE_BYTES);
}

Test(tls_data, sizes_around_a_record)
{
    static const size_t sizes[] = {1, 2, 1000, 16383, 16384, 16385, 32768, 32769};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        echo_over(NULL, sizes[i]);
}

/* The data of the n-th record behind `from`, in its encrypted form; 0 = there is none. RFC 8446
 * section 5.2. */
static size_t record_len(size_t from, int n)
{
    const uint8_t *sent = client.wire.sent.data;

    for (; from + 5 <= client.wire.sent.len; n--) {
        size_t len = (size_t)sent[from + 3] << 8 | sent[from + 4];
        cr_assert(sent[from] == SSL3_RT_APPLICATION_DATA);
        if (n == 0)
            return len;
        from += 5 + len;
    }
    return 0;
}

/* The first ones fit in what TCP sends at once, the next ones are full, and a chunk of the queue is
 * one. */
Test(tls_data, records_are_short_at_first_and_full_then)
{
    uint8_t *data = pattern_new(LEATI_CHUNK_BYTES);
    const size_t overhead = 64;

    start(TLS1_3_VERSION, NULL, &(struct tls_end_options){0});
    size_t from = client.wire.sent.len;
    cr_assert(tls_end_write(&client, data, LEATI_CHUNK_BYTES) == LEAT_OK);
    cr_assert(tls_end_write(&client, data, 8) == LEAT_OK);
    for (int n = 0; record_len(from, n) > 0; n++)
        cr_assert(record_len(from, n) <= 4096 + overhead, "%zu", record_len(from, n));

    struct iovec chunk = {data, LEATI_CHUNK_BYTES};
    size_t taken;
    from = client.wire.sent.len;
    cr_assert(client.tls->ops->send(client.tls, &chunk, 1, &taken) == LEAT_OK);
    cr_assert(taken == LEATI_CHUNK_BYTES, "%zu", taken);
    cr_assert(record_len(from, 0) > LEATI_CHUNK_BYTES && record_len(from, 1) == 0);
    done();
    free(data);
}

Test(tls_data, one_byte_at_a_time_with_refusals)
{
    struct scripted_script script = scripted_script_plain();

    script.recv_max_bytes = script.send_max_bytes = 1;
    script.again_every_other = true;
    echo_over(&script, 20000);
}

Test(tls_data, uneven_pieces)
{
    struct scripted_script script = scripted_script_plain();

    script.recv_max_bytes = 1447;
    script.send_max_bytes = 701;
    script.again_every_other = true;
    echo_over(&script, LARGE_BYTES);
}

Test(tls_data, small_buffers_empty_a_record)
{
    uint8_t byte;
    size_t n;

    start(TLS1_3_VERSION, NULL, &(struct tls_end_options){0});
    ssl_peer_write(&peer, &client.wire, "abc", 3);
    for (int i = 0; i < 3; i++) {
        cr_assert(client.tls->ops->recv(client.tls, &byte, 1, &n) == LEAT_OK);
        cr_assert(byte == "abc"[i]);
        cr_assert(client.tls->ops->pending(client.tls) == (i < 2));
    }
    cr_assert(client.tls->ops->recv(client.tls, &byte, 1, &n) == LEATI_AGAIN);
    cr_assert(!client.tls->ops->pending(client.tls));
    done();
}

/* Many small records are fetched with few calls of the lower layer, and pending() says so. */
Test(tls_data, small_records_are_read_ahead)
{
    uint8_t buf[64];
    size_t n;

    start(TLS1_3_VERSION, NULL, &(struct tls_end_options){0});
    cr_assert(tls_end_read(&client, buf, 1, &n) == LEATI_AGAIN);
    for (int i = 0; i < 20; i++)
        ssl_peer_write(&peer, &client.wire, "0123456789", 10);
    size_t calls = client.wire.recv_calls;
    for (int i = 0; i < 20; i++) {
        cr_assert(client.tls->ops->recv(client.tls, buf, sizeof(buf), &n) == LEAT_OK);
        cr_assert(n == 10);
        cr_assert(client.tls->ops->pending(client.tls) == (i < 19));
    }
    cr_assert(client.wire.recv_calls - calls == 1, "%zu", client.wire.recv_calls - calls);
    done();
}

/* Bytes that follow the server's last flight in one segment belong to the user. */
Test(tls_data, data_glued_to_the_handshake)
{
    uint8_t buf[8];
    size_t n;

    ssl_peer_init(&peer, &(struct ssl_peer_options){.max_version = TLS1_2_VERSION});
    tls_end_init(&client, &(struct tls_end_options){0}, NULL);
    ssl_peer_accept(&peer, &client.wire);
    cr_assert(client.tls->ops->connect(client.tls, 1000) == LEATI_AGAIN);
    peer.held = true;
    cr_assert(client.tls->ops->connect(client.tls, 1000) == LEATI_AGAIN);
    cr_assert(SSL_is_init_finished(peer.ssl), "the server is done, and its Finished held back");
    peer.held = false;
    ssl_peer_write(&peer, &client.wire, "hello", 5);
    cr_assert(client.tls->ops->connect(client.tls, 1000) == LEAT_OK);
    cr_assert(client.tls->ops->pending(client.tls));
    cr_assert(client.tls->ops->recv(client.tls, buf, sizeof(buf), &n) == LEAT_OK);
    cr_assert(n == 5 && memcmp(buf, "hello", 5) == 0);
    done();
}

/* A wire that takes a number of bytes and then none. */
static size_t send_budget;
static const struct leati_layer_ops *wire_ops;

static int budget_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    (void)n;
    if (send_budget == 0)
        return LEATI_AGAIN;
    struct iovec part = {iov->iov_base, iov->iov_len < send_budget ? iov->iov_len : send_budget};
    int result = wire_ops->send(l, &part, 1, ret_len);
    if (result == LEAT_OK)
        send_budget -= *ret_len;
    return result;
}

static void budget_install(struct tls_end *of)
{
    static struct leati_layer_ops ops;

    wire_ops = of->wire.base.ops;
    ops = *wire_ops;
    ops.send = budget_send;
    of->wire.base.ops = &ops;
}

static void ticket_send(void)
{
    cr_assert(SSL_new_session_ticket(peer.ssl) == 1);
    cr_assert(SSL_do_handshake(peer.ssl) == 1);
    ssl_peer_pump(&peer, &client.wire);
}

enum ticket_moment {
    TICKET_READ_WHILE_STUCK,
    TICKET_UNREAD,
    TICKET_READ_ONCE_FREE,
    TICKET_MOMENTS,
};

/* One write stalls after `budget` bytes of its record, a ticket comes, the write goes on.
 * mbedTLS 3.6 by itself sends the data a second time when it digests the ticket between two
 * attempts. */
static void write_around_ticket(size_t budget, enum ticket_moment moment)
{
    enum { LEN = 3000 };
    uint8_t *data = pattern_new(LEN);
    struct iovec iov = {data, LEN};
    uint8_t buf[16];
    size_t n = 0;

    peer.received.len = 0;
    send_budget = budget;
    cr_assert(client.tls->ops->send(client.tls, &iov, 1, &n) == LEATI_AGAIN);
    cr_assert(client.tls->ops->want(client.tls, 0) == LEATI_WANT_WRITE);
    ticket_send();
    if (moment == TICKET_READ_WHILE_STUCK) {
        cr_assert(client.tls->ops->recv(client.tls, buf, sizeof(buf), &n) == LEATI_AGAIN);
        cr_assert(client.tls->ops->send(client.tls, &iov, 1, &n) == LEATI_AGAIN);
    }
    send_budget = SIZE_MAX;
    if (moment == TICKET_READ_ONCE_FREE)
        cr_assert(client.tls->ops->recv(client.tls, buf, sizeof(buf), &n) == LEATI_AGAIN);
    cr_assert(client.tls->ops->send(client.tls, &iov, 1, &n) == LEAT_OK);
    cr_assert(n == LEN, "%zu", n);
    cr_assert(peer.received.len == LEN, "%zu", peer.received.len);
    cr_assert(memcmp(peer.received.data, data, LEN) == 0);
    free(data);
}

Test(tls_data, tickets_around_refused_writes)
{
    static const size_t budgets[] = {0, 1, 5, 6, 1500, 3000, 3021};
    struct leati_tls_sessions *sessions = leati_tls_sessions_new();

    for (int moment = 0; moment < TICKET_MOMENTS; moment++) {
        ssl_peer_init(&peer, &(struct ssl_peer_options){.min_version = TLS1_3_VERSION});
        tls_end_init(&client, &(struct tls_end_options){.sessions = sessions}, NULL);
        tls_end_open(&client, &peer);
        budget_install(&client);
        for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++)
            write_around_ticket(budgets[i], (enum ticket_moment)moment);
        done();
    }
    leati_tls_sessions_unref(sessions);
}

/* Tickets are no data, wherever they come between data, and whether or not anybody keeps them. */
Test(tls_data, tickets_between_data)
{
    struct leati_tls_sessions *sessions[] = {leati_tls_sessions_new(), NULL};
    uint8_t buf[64];
    size_t n;

    for (size_t i = 0; i < 2; i++) {
        start(TLS1_3_VERSION, NULL, &(struct tls_end_options){.sessions = sessions[i]});
        for (int round = 0; round < 5; round++) {
            ticket_send();
            ssl_peer_write(&peer, &client.wire, "data", 4);
            ticket_send();
            ticket_send();
            cr_assert(tls_end_read(&client, buf, 4, &n) == LEAT_OK);
            cr_assert(n == 4 && memcmp(buf, "data", 4) == 0);
            cr_assert(tls_end_write(&client, "up", 2) == LEAT_OK);
            cr_assert(tls_end_read(&client, buf, 2, &n) == LEAT_OK);
            cr_assert(tls_end_read(&client, buf, 1, &n) == LEATI_AGAIN);
        }
        done();
    }
    leati_tls_sessions_unref(sessions[0]);
}

/* A TLS 1.2 server may ask for renegotiation; it is told that there is none, and OpenSSL gives up.
 */
Test(tls_data, renegotiation_is_refused)
{
    uint8_t byte;
    size_t n;

    start(TLS1_2_VERSION, NULL, &(struct tls_end_options){0});
    size_t sent = client.wire.sent.len;
    cr_assert(SSL_renegotiate(peer.ssl) == 1);
    cr_assert(SSL_do_handshake(peer.ssl) == 1);
    ssl_peer_pump(&peer, &client.wire);
    cr_assert(tls_end_read(&client, &byte, 1, &n) == LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&client, "alert handshake_failure (40)");
    cr_assert(client.wire.sent.len > sent, "no answer");
    done();
}

/* A peer that provokes answers and does not read them. */
Test(tls_data, the_output_has_a_limit)
{
    static const unsigned char answer[1000];
    struct leati_tls_bio bio;
    int ret;
    size_t queued = 0;

    tls_end_init(&client, &(struct tls_end_options){0}, NULL);
    leati_tls_bio_init(&bio, client.tls);
    bio.gather = false;
    client.wire.mute = true;
    while ((ret = leati_tls_bio_send(&bio, answer, sizeof(answer))) > 0)
        queued += (size_t)ret;
    cr_assert(bio.overflow);
    cr_assert(queued <= LEATI_TLS_OUTPUT_LIMIT_BYTES);
    cr_assert(queued > LEATI_TLS_OUTPUT_LIMIT_BYTES - sizeof(answer));
    client.wire.mute = false;
    cr_assert(leati_tls_bio_flush(&bio) == LEAT_OK);
    cr_assert(client.wire.sent.len == queued);
    leati_tls_bio_done(&bio);
    tls_end_done(&client);
}
