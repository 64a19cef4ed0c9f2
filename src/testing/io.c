/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/link.h"
#include "testing/peer.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/clock.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* How often a limited rate lets bytes through. */
#define PACE_PER_SECOND 50u

bool leati_peer_problem(struct leati_peer *p, const char *format, ...)
{
    struct leat_testing_server *server = p->server;
    pthread_mutex_lock(&server->lock);
    if (p->problem[0] == '\0' && !server->stopping) {
        va_list args;
        va_start(args, format);
        leati_readable_vformat(p->problem, sizeof(p->problem), format, args);
        va_end(args);
        if (server->seen.problem[0] == '\0')
            memcpy(server->seen.problem, p->problem, sizeof(p->problem));
    }
    pthread_mutex_unlock(&server->lock);
    return false;
}

void leati_peer_ended(struct leati_peer *p, bool to_client, bool is_reset)
{
    leati_capture_end(p, to_client, is_reset);
    leati_record_end(p, to_client, is_reset);
}

bool leati_peer_end(struct leati_peer *p, enum leati_peer_ending ending)
{
    p->ending = ending;
    return false;
}

/* ---- waiting --------------------------------------------------------------------------------- */

bool leati_peer_wait_fd(struct leati_peer *p, int fd, short events, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = p->server->stop_fd, .events = POLLIN},
                           {.fd = fd, .events = events}};
    int ready;
    do {
        ready = poll(fds, 2, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && fds[0].revents == 0;
}

bool leati_testing_server_sleep(const struct leat_testing_server *server, uint64_t ms)
{
    uint64_t end_ms = leati_clock_ms() + ms;
    for (uint64_t now_ms; (now_ms = leati_clock_ms()) < end_ms;) {
        struct pollfd stop = {.fd = server->stop_fd, .events = POLLIN};
        if (poll(&stop, 1, (int)(end_ms - now_ms)) > 0)
            return false;
    }
    return true;
}

bool leati_peer_sleep(struct leati_peer *p, uint64_t ms)
{
    return leati_testing_server_sleep(p->server, ms);
}

bool leati_peer_datagram_moved(struct leati_peer *p, bool to_client, size_t len)
{
    int wait_ms = 0;
    p->carrying = true;
    while (leati_peer_allowed(p, to_client, len, &wait_ms) == 0 && wait_ms > 0)
        if (!leati_peer_sleep(p, (uint64_t)wait_ms))
            return false;
    return leati_peer_moved(p, to_client, NULL, len);
}

/* ---- the wire -------------------------------------------------------------------------------- */

size_t leati_peer_allowed(struct leati_peer *p, bool to_client, size_t len, int *ret_wait_ms)
{
    const struct leati_peer_drop *drop = to_client ? &p->drop_out : &p->drop_in;
    uint64_t done = to_client ? p->bytes_out : p->bytes_in;
    uint64_t now_us = leati_clock_us();
    if (p->pace_us[to_client] > now_us) {
        *ret_wait_ms = (int)((p->pace_us[to_client] - now_us + 999) / 1000);
        return 0;
    }
    if (p->rate != 0 && len > p->rate / PACE_PER_SECOND)
        len = p->rate > PACE_PER_SECOND ? (size_t)(p->rate / PACE_PER_SECOND) : 1;
    if (drop->armed && drop->at > done && len > drop->at - done)
        len = (size_t)(drop->at - done);
    return len;
}

bool leati_peer_moved(struct leati_peer *p, bool to_client, const void *data, size_t len)
{
    if (data)
        leati_capture_bytes(p, to_client, data, len);
    if (data && !p->in_tls)
        leati_record_bytes(p, to_client, data, len);
    struct leat_testing_server *server = p->server;
    uint64_t *done = to_client ? &p->bytes_out : &p->bytes_in;
    struct leati_peer_drop *drop = to_client ? &p->drop_out : &p->drop_in;
    *done += len;
    pthread_mutex_lock(&server->lock);
    *(to_client ? &server->seen.bytes_out : &server->seen.bytes_in) += len;
    server->seen.flights += !to_client && !p->listening && !p->carrying;
    pthread_mutex_unlock(&server->lock);
    p->listening = !to_client;
    if (p->rate != 0 && (to_client || p->carrying))
        p->pace_us[to_client] = leati_clock_us() + len * 1000000 / p->rate;
    return !drop->armed || *done < drop->at || leati_peer_drop(p, drop);
}

bool leati_peer_wire_recv(struct leati_peer *p, uint8_t *buf, size_t cap, size_t *ret_len)
{
    int wait_ms = 0;
    if (!leati_peer_wait_fd(p, p->fd, POLLIN, -1))
        return false;
    if (p->drop_in.armed)
        cap = leati_peer_allowed(p, false, cap, &wait_ms);
    ssize_t len = recv(p->fd, buf, cap ? cap : 1, 0);
    if (len <= 0)
        leati_peer_ended(p, false, len < 0);
    if (len <= 0 || !leati_peer_moved(p, false, buf, (size_t)len))
        return false;
    *ret_len = (size_t)len;
    return true;
}

/* How long the next piece is, of `len` bytes of which `sent` have gone before. */
static size_t piece_len(const struct leati_peer_shape *shape, size_t sent, size_t len)
{
    if (shape->split != 0 && shape->split < len)
        return shape->split;
    if (sent < shape->split_at && shape->split_at - sent < len)
        return shape->split_at - sent;
    return len;
}

/* One segment, which a limited rate may cut further. */
static bool piece_send(struct leati_peer *p, const uint8_t *data, size_t len)
{
    while (len > 0) {
        int wait_ms = 0;
        size_t part = leati_peer_allowed(p, true, len, &wait_ms);
        if (part == 0) {
            if (!leati_peer_sleep(p, (uint64_t)wait_ms))
                return false;
            continue;
        }
        if (!leati_peer_wait_fd(p, p->fd, POLLOUT, -1))
            return false;
        ssize_t sent = send(p->fd, data, part, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent > 0 && !leati_peer_moved(p, true, data, (size_t)sent))
            return false;
        data += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

bool leati_peer_wire_send(struct leati_peer *p, const void *data, size_t len)
{
    const struct leati_peer_shape *shape = &p->shape;
    for (size_t at = 0; at < len;) {
        size_t piece = piece_len(shape, at, len - at);
        if (!piece_send(p, (const uint8_t *)data + at, piece))
            return false;
        at += piece;
        if (at < len && shape->gap_ms != 0 && !leati_peer_sleep(p, shape->gap_ms))
            return false;
        if (piece < len && p->link && !leati_link_settle(p))
            return false;
        if (piece < len) {
            sched_yield(); /* so that the other side may read this piece alone */
        }
    }
    p->listening = false;
    return true;
}

/* ---- bytes, inside of TLS where there is one ------------------------------------------------- */

/* Room for `len` more bytes at the end of `in`; NULL if that is too much. */
static uint8_t *input_reserve(struct leati_peer *p, size_t len)
{
    size_t used = p->block ? (size_t)(p->in - p->block) : 0;
    if (p->block_size - used - p->in_len >= len)
        return p->in + p->in_len;
    if (p->block_size - p->in_len >= len && used >= p->in_len) {
        memcpy(p->block, p->in, p->in_len);
        p->in = p->block;
        return p->in + p->in_len;
    }
    size_t size = 2 * p->in_len + len;
    uint8_t *block = size <= LEAT_TESTING_INPUT_BYTES_MAX * 2ull ? leati_malloc(size) : NULL;
    if (!block) {
        leati_peer_problem(p, "more than %u bytes to keep", LEAT_TESTING_INPUT_BYTES_MAX);
        return NULL;
    }
    if (p->in_len > 0)
        memcpy(block, p->in, p->in_len);
    leati_free(p->block);
    p->block = p->in = block;
    p->block_size = size;
    return p->in + p->in_len;
}

bool leati_peer_need(struct leati_peer *p, size_t len)
{
    while (p->in_len < len) {
        size_t got = 0;
        uint8_t *room = input_reserve(p, LEATI_TESTING_READ_BYTES);
        if (!room || !(p->tls ? leati_peer_tls_recv(p, room, LEATI_TESTING_READ_BYTES, &got)
                              : leati_peer_wire_recv(p, room, LEATI_TESTING_READ_BYTES, &got)))
            return false;
        p->in_len += got;
    }
    return true;
}

void leati_peer_consume(struct leati_peer *p, size_t len)
{
    p->in_len -= len;
    p->in = p->in_len > 0 ? p->in + len : p->block;
}

bool leati_peer_send(struct leati_peer *p, const void *data, size_t len)
{
    return p->tls ? leati_peer_tls_send(p, data, len) : leati_peer_wire_send(p, data, len);
}
