/* SPDX-License-Identifier: Apache-2.0 */
/* An open connection: bytes, ends and breaks. */
#include "tcp_fixture.h"

#include "support/sandbox.h"
#include "tcp/tcp_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void peer_write(int peer, const void *data, size_t len)
{
    cr_assert_eq(write(peer, data, len), (ssize_t)len);
}

static void peer_reset(int peer)
{
    struct linger linger = {.l_onoff = 1};

    cr_assert_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    close(peer);
}

static bool loop_is_quiet(const struct tcp_fixture *f)
{
    struct pollfd fd = {.fd = leat_loop_get_fd(f->loop), .events = POLLIN};

    return poll(&fd, 1, 0) == 0;
}

Test(tcp_stream, bytes_both_ways, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    char buf[16];
    size_t len = 0;
    struct iovec iov[3] = {{(void *)(uintptr_t) "ab", 2}, {NULL, 0}, {(void *)(uintptr_t) "c", 1}};

    cr_assert_eq(f.layer->ops->send(f.layer, iov, 3, &len), LEAT_OK);
    cr_assert_eq(len, 3);
    cr_assert_eq(read(peer, buf, sizeof(buf)), 3);
    cr_assert_eq(memcmp(buf, "abc", 3), 0);
    peer_write(peer, "xyz", 3);
    cr_assert_eq(fixture_recv(&f, buf, sizeof(buf), &len), LEAT_OK);
    cr_assert_eq(len, 3);
    cr_assert_eq(memcmp(buf, "xyz", 3), 0);
    fixture_done(&f);
    close(peer);
}

Test(tcp_stream, want_follows_the_state, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);

    for (unsigned upper = 0; upper < 4; upper++)
        cr_assert_eq(f.layer->ops->want(f.layer, upper), upper);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 1), LEATI_AGAIN);
    cr_assert_eq(f.layer->ops->want(f.layer, 0), LEATI_WANT_READ);
    fixture_done(&f);
    close(peer);
}

/* After a short read there is no system call until the descriptor has reported again. */
Test(tcp_stream, a_short_read_is_remembered, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    uint8_t buf[4];
    size_t len = 77;

    peer_write(peer, "abcdef", 6);
    cr_assert_eq(fixture_recv(&f, buf, 4, &len), LEAT_OK);
    cr_assert_eq(len, 4);
    cr_assert_eq(f.layer->ops->recv(f.layer, buf, 4, &len), LEAT_OK, "a full read goes on");
    cr_assert_eq(len, 2);
    peer_write(peer, "gh", 2);
    len = 77;
    cr_assert_eq(f.layer->ops->recv(f.layer, buf, 4, &len), LEATI_AGAIN);
    cr_assert_eq(len, 77, "nothing is written");
    fixture_wait(&f, LEATI_WANT_READ);
    cr_assert_eq(f.layer->ops->recv(f.layer, buf, 4, &len), LEAT_OK);
    cr_assert_eq(len, 2);
    fixture_done(&f);
    close(peer);
}

Test(tcp_stream, eof_behind_a_short_read, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    uint8_t buf[64];
    size_t len;

    peer_write(peer, "last", 4);
    cr_assert_eq(shutdown(peer, SHUT_WR), 0);
    cr_assert_eq(fixture_recv(&f, buf, sizeof(buf), &len), LEAT_OK);
    cr_assert_eq(len, 4);
    cr_assert_eq(fixture_recv(&f, buf, sizeof(buf), &len), LEATI_EOF);
    cr_assert_eq(f.layer->ops->recv(f.layer, buf, sizeof(buf), &len), LEATI_EOF);
    cr_assert_eq(f.failure.code, LEAT_OK, "an orderly end is no failure");
    /* It must not keep the loop awake. */
    cr_assert_eq(leati_tcp_layer_watch(f.layer, LEATI_WANT_READ), LEAT_OK);
    cr_assert(loop_is_quiet(&f));
    /* The other direction is still there. */
    cr_assert_eq(fixture_send(&f, "more", 4, &len), LEAT_OK);
    cr_assert_eq(read(peer, buf, sizeof(buf)), 4);
    fixture_done(&f);
    close(peer);
}

Test(tcp_stream, reset_while_reading, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    uint8_t buf[8];
    size_t len;

    peer_reset(peer);
    cr_assert_eq(fixture_recv(&f, buf, sizeof(buf), &len), LEAT_E_SOCKET_BASE + ECONNRESET);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ECONNRESET);
    cr_assert_not_null(strstr(f.error.text, "receiving from 127.0.0.1:"), "%s", f.error.text);
    cr_assert_not_null(strstr(f.error.text, ": ECONNRESET (Connection reset by peer)"));
    cr_assert(loop_is_quiet(&f));
    fixture_done(&f);
}

Test(tcp_stream, reset_while_writing, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    size_t len;

    peer_reset(peer);
    /* The reset crosses loopback within the call that causes it. */
    cr_assert_eq(fixture_send(&f, "x", 1, &len), LEAT_E_SOCKET_BASE + ECONNRESET);
    fixture_check_failed(&f, LEAT_E_SOCKET_BASE + ECONNRESET);
    cr_assert_not_null(strstr(f.error.text, "sending to 127.0.0.1:"), "%s", f.error.text);
    fixture_done(&f);
}

/* A peer that says why, closes, and resets because it did not read all. */
Test(tcp_stream, what_the_peer_said_before_it_reset_is_read, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    char buf[16];
    size_t len;

    cr_assert_eq(fixture_send(&f, "a large request", 15, &len), LEAT_OK);
    peer_write(peer, "refused", 7);
    close(peer); /* with unread bytes: RST */
    int result = fixture_send(&f, "more of it", 10, &len);
    cr_assert_eq(result, LEAT_OK, "%d", result);
    cr_assert_eq(len, 10, "taken, so that the upper layer comes to read");
    cr_assert(f.layer->ops->pending(f.layer));
    cr_assert_eq(f.failure.code, LEAT_OK);
    cr_assert_eq(leati_tcp_layer_watch(f.layer, LEATI_WANT_WRITE), LEAT_OK);
    cr_assert(loop_is_quiet(&f), "nothing to wait for but the driver, who was told by pending");
    cr_assert_eq(f.layer->ops->recv(f.layer, (uint8_t *)buf, 4, &len), LEAT_OK);
    cr_assert_eq(f.layer->ops->recv(f.layer, (uint8_t *)buf + 4, 12, &len), LEAT_OK);
    cr_assert_eq(memcmp(buf, "refused", 7), 0);
    result = f.layer->ops->recv(f.layer, (uint8_t *)buf, sizeof(buf), &len);
    fixture_check_failed(&f, result);
    cr_assert(result == LEAT_E_SOCKET_BASE + ECONNRESET || result == LEAT_E_SOCKET_BASE + EPIPE);
    cr_assert_not_null(strstr(f.error.text, "sending to"), "%s", f.error.text);
    fixture_done(&f);
}

enum { BIG_BYTES = 8 << 20 };

static uint8_t big_byte(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 12));
}

/* Reads what is there; checks it against the pattern. Returns how much. */
static size_t peer_drain(int peer, size_t at)
{
    static uint8_t buf[65536];
    ssize_t n = recv(peer, buf, sizeof(buf), MSG_DONTWAIT);

    for (ssize_t i = 0; i < n; i++)
        if (buf[i] != big_byte(at + (size_t)i))
            cr_assert_fail("byte %zu", at + (size_t)i);
    return n > 0 ? (size_t)n : 0;
}

Test(tcp_stream, more_than_the_kernel_takes, .timeout = 60)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f), refusals = 0;
    uint8_t *data = malloc(BIG_BYTES);
    size_t sent = 0, received = 0, len = 0;

    for (size_t i = 0; i < BIG_BYTES; i++)
        data[i] = big_byte(i);
    while (sent < BIG_BYTES) {
        int result = fixture_send(&f, data + sent, BIG_BYTES - sent, &len);
        if (result == LEAT_OK) {
            cr_assert_gt(len, 0);
            sent += len;
            continue;
        }
        cr_assert_eq(result, LEATI_AGAIN);
        refusals++;
        while (received < sent) {
            size_t n = peer_drain(peer, received);
            received += n;
            struct pollfd fd = {.fd = peer, .events = POLLIN};
            if (n == 0)
                poll(&fd, 1, -1);
        }
        cr_assert_eq(fixture_send(&f, data + sent, 1, &len), LEATI_AGAIN,
                     "room there is, but it has not been reported");
        fixture_wait(&f, LEATI_WANT_WRITE);
    }
    cr_assert_gt(refusals, 0);
    while (received < BIG_BYTES)
        received += peer_drain(peer, received);
    fixture_done(&f);
    close(peer);
    free(data);
}

Test(tcp_stream, more_segments_than_the_kernel_takes, .timeout = 10)
{
    static struct iovec iov[IOV_MAX + 10];
    static char buf[IOV_MAX + 10];
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    size_t len = 0;

    for (size_t i = 0; i < IOV_MAX + 10; i++)
        iov[i] = (struct iovec){(void *)(uintptr_t) "x", 1};
    cr_assert_eq(f.layer->ops->send(f.layer, iov, IOV_MAX + 10, &len), LEAT_OK);
    cr_assert_eq(len, IOV_MAX);
    cr_assert_eq(f.layer->ops->send(f.layer, iov + len, 10, &len), LEAT_OK, "it goes on at once");
    cr_assert_eq(len, 10);
    cr_assert_eq(recv(peer, buf, sizeof(buf), MSG_WAITALL), IOV_MAX + 10);
    fixture_done(&f);
    close(peer);
}

/* ---- the goodbye ---------------------------------------------------------------------- */

Test(tcp_shutdown, waits_for_the_peer_and_loses_nothing, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    char buf[64];
    size_t len;

    f.layer->limit_ms = 10000;
    cr_assert_eq(fixture_send(&f, "last words", 10, &len), LEAT_OK);
    peer_write(peer, "unread", 6);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 1000), LEATI_AGAIN);
    cr_assert_eq(f.layer->state, LEATI_LAYER_CLOSING);
    cr_assert_eq(f.layer->deadline_ms, 10000);
    peer_write(peer, "more", 4);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 1001), LEATI_AGAIN);
    cr_assert_eq(recv(peer, buf, sizeof(buf), MSG_WAITALL), 10, "all of it, then FIN, no RST");
    close(peer);
    int result;
    while ((result = f.layer->ops->shutdown(f.layer, 1002)) == LEATI_AGAIN)
        fixture_wait(&f, 0);
    cr_assert_eq(result, LEAT_OK);
    cr_assert_eq(f.layer->state, LEATI_LAYER_CLOSED);
    cr_assert_eq(leati_tcp_layer_fd(f.layer), -1);
    cr_assert_eq(f.layer->deadline_ms, 0);
    cr_assert_eq(f.failure.code, LEAT_OK);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 1003), LEAT_OK);
    fixture_done(&f);
}

/* A call for each connection that a server closes. */
Test(tcp_shutdown, reads_when_there_is_something_to_read, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);

    fixture_recv_calls = 0;
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 1), LEATI_AGAIN);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 1), LEATI_AGAIN);
    cr_assert_eq(fixture_recv_calls, 0);
    close(peer);
    fixture_wait(&f, 0);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 1), LEAT_OK);
    cr_assert_eq(fixture_recv_calls, 1);
    fixture_done(&f);
}

Test(tcp_shutdown, ends_at_the_deadline_anyhow, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);

    f.layer->limit_ms = 2000;
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 1000), LEATI_AGAIN);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 1999), LEATI_AGAIN);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 2000), LEAT_OK);
    cr_assert_eq(f.layer->state, LEATI_LAYER_CLOSED);
    cr_assert_eq(f.failure.code, LEAT_OK);
    fixture_done(&f);
    close(peer);
}

Test(tcp_shutdown, at_once_when_the_peer_has_ended_before, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    uint8_t buf[4];
    size_t len;

    cr_assert_eq(shutdown(peer, SHUT_WR), 0);
    cr_assert_eq(fixture_recv(&f, buf, sizeof(buf), &len), LEATI_EOF);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 1), LEAT_OK);
    cr_assert_eq(read(peer, buf, sizeof(buf)), 0, "FIN, not RST");
    fixture_done(&f);
    close(peer);
}

/* As a child of the program may have one: the peer hears of the end all the same. */
Test(tcp_shutdown, a_copy_of_the_descriptor_does_not_keep_it_open, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    int copy = dup(leati_tcp_layer_fd(f.layer));
    char byte;
    size_t len;

    cr_assert_geq(copy, 0);
    shutdown(peer, SHUT_WR);
    fixture_wait(&f, LEATI_WANT_READ);
    cr_assert_eq(fixture_recv(&f, &byte, 1, &len), LEATI_EOF);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 0), LEAT_OK);
    cr_assert_eq(recv(peer, &byte, 1, 0), 0);
    fixture_done(&f);
    close(copy);
    close(peer);
}

Test(tcp_shutdown, a_reset_ends_it_too, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);

    cr_assert_eq(f.layer->ops->shutdown(f.layer, 1), LEATI_AGAIN);
    peer_reset(peer);
    fixture_wait(&f, 0);
    cr_assert_eq(f.layer->ops->shutdown(f.layer, 2), LEAT_OK);
    cr_assert_eq(f.failure.code, LEAT_OK);
    fixture_done(&f);
}

Test(tcp_shutdown, a_flood_is_thrown_away, .timeout = 30)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    static uint8_t junk[65536];

    cr_assert_eq(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < 200; i++) {
        while (write(peer, junk, sizeof(junk)) > 0)
            continue;
        cr_assert_eq(f.layer->ops->shutdown(f.layer, 1), LEATI_AGAIN);
        fixture_wait(&f, 0);
    }
    close(peer);
    while (f.layer->ops->shutdown(f.layer, 1) == LEATI_AGAIN)
        fixture_wait(&f, 0);
    fixture_done(&f);
}

/* ---- in callbacks --------------------------------------------------------------------- */

struct suicide {
    struct leati_layer *layer;
    int calls;
};

static void destroy_layer(void *user)
{
    struct suicide *suicide = user;

    suicide->calls++;
    suicide->layer->ops->destroy(suicide->layer);
}

Test(tcp_stream, destroyed_inside_of_ready, .timeout = 10)
{
    struct leati_address address;
    struct leati_failure failure;
    struct suicide suicide = {0};
    leat_loop *loop;
    int listener = listener_make("127.0.0.1", &address);
    size_t before = open_descriptor_count();

    cr_assert_eq(leat_loop_new(&loop), 0);
    struct leati_tcp_options options = {
        .loop = loop, .addresses = &address, .count = 1, .ready = destroy_layer, .user = &suicide};
    cr_assert_eq(leati_tcp_layer_new(&options, &suicide.layer), 0);
    leati_failure_init(&failure);
    suicide.layer->failure = &failure;
    cr_assert_eq(suicide.layer->ops->connect(suicide.layer, 1), LEATI_AGAIN);
    while (suicide.calls == 0)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    leat_loop_free(loop);
    cr_assert_eq(open_descriptor_count(), before);
    close(listener);
}

static int quick_ack_of(const struct tcp_fixture *f)
{
    int on = -1;
    socklen_t size = sizeof(on);

    cr_assert_eq(getsockopt(leati_tcp_layer_fd(f->layer), IPPROTO_TCP, TCP_QUICKACK, &on, &size),
                 0);
    return on;
}

static void quick_ack_set(const struct tcp_fixture *f, int on)
{
    cr_assert_eq(
        setsockopt(leati_tcp_layer_fd(f->layer), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on)), 0);
}

/* The kernel changes the option by itself, but only when something arrives, is sent, or is due to
 * be acknowledged: none of that happens between the test's own setting and its look. */
Test(tcp_stream, prompt_acks_are_asked_for_before_the_loop_waits, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    char byte;
    size_t len;

    for (int i = 0; i < 6; i++) {
        bool on = i % 2 == 1;
        leati_tcp_layer_set_prompt_acks(f.layer, on);
        peer_write(peer, "a", 1);
        fixture_wait(&f, LEATI_WANT_READ);
        quick_ack_set(&f, 1); /* acknowledges */
        quick_ack_set(&f, 0);
        cr_assert_eq(fixture_recv(&f, &byte, 1, &len), LEAT_OK);
        cr_assert_eq(quick_ack_of(&f), 0);
        cr_assert_eq(leati_tcp_layer_watch(f.layer, LEATI_WANT_READ), LEAT_OK);
        cr_assert_eq(quick_ack_of(&f), on);
        quick_ack_set(&f, 0);
        cr_assert_eq(leati_tcp_layer_watch(f.layer, LEATI_WANT_READ), LEAT_OK);
        cr_assert_eq(quick_ack_of(&f), 0, "once for each read");
    }
    fixture_done(&f);
    close(peer);
}

/* What was read is acknowledged by what is sent, and at the end by nothing at all. */
Test(tcp_stream, no_prompt_acks_where_none_are_needed, .timeout = 10)
{
    struct tcp_fixture f;
    int peer = fixture_open(&f);
    char byte;
    size_t len;

    for (int i = 0; i < 2; i++) {
        const struct iovec iov = {"b", 1};
        leati_tcp_layer_set_prompt_acks(f.layer, true);
        peer_write(peer, "a", 1);
        fixture_wait(&f, LEATI_WANT_READ);
        cr_assert_eq(fixture_recv(&f, &byte, 1, &len), LEAT_OK);
        if (i == 0)
            cr_assert_eq(f.layer->ops->send(f.layer, &iov, 1, &len), LEAT_OK);
        else
            leati_tcp_layer_await_fin(f.layer);
        quick_ack_set(&f, 0);
        cr_assert_eq(leati_tcp_layer_watch(f.layer, LEATI_WANT_READ), LEAT_OK);
        cr_assert_eq(quick_ack_of(&f), 0);
    }
    fixture_done(&f);
    close(peer);
}

Test(tcp_stream, prompt_acks_may_be_set_in_every_state, .timeout = 10)
{
    struct tcp_fixture f;
    struct leati_address address;
    int listener = listener_make("127.0.0.1", &address);

    fixture_init(&f, &address, 1, 0);
    leati_tcp_layer_set_prompt_acks(f.layer, true);
    cr_assert_eq(fixture_connect(&f), LEAT_OK);
    leati_tcp_close((struct leati_tcp_layer *)f.layer);
    leati_tcp_layer_set_prompt_acks(f.layer, true);
    fixture_done(&f);
    close(listener);
}
