/* SPDX-License-Identifier: Apache-2.0 */
#include "support/scripted_internal.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define READ_BYTES 65536u

bool scripted_problem(struct scripted_connection *c, const char *format, ...)
{
    pthread_mutex_lock(&c->peer->lock);
    if (c->peer->seen.problem[0] == '\0' && !c->peer->stopping) {
        va_list args;
        va_start(args, format);
        vsnprintf(c->peer->seen.problem, sizeof(c->peer->seen.problem), format, args);
        va_end(args);
    }
    pthread_mutex_unlock(&c->peer->lock);
    return false;
}

/* ---- the wire ------------------------------------------------------------------------------ */

bool scripted_wait_fd(struct scripted_connection *c, int fd, short events)
{
    struct pollfd fds[] = {
        {.fd = c->peer->stop_fd, .events = POLLIN},
        {.fd = fd,               .events = events}
    };
    int ready;
    do {
        ready = poll(fds, 2, -1);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && fds[0].revents == 0;
}

bool scripted_raw_recv(struct scripted_connection *c, uint8_t *buf, size_t cap, size_t *ret_len)
{
    if (!scripted_wait_fd(c, c->fd, POLLIN)) {
        return false;
    }
    ssize_t len = recv(c->fd, buf, cap, 0);
    if (len <= 0) {
        return false;
    }
    pthread_mutex_lock(&c->peer->lock);
    c->peer->seen.bytes_in += (uint64_t)len;
    c->peer->seen.flights += !c->listening;
    pthread_mutex_unlock(&c->peer->lock);
    c->listening = true;
    *ret_len = (size_t)len;
    return true;
}

bool scripted_raw_send(struct scripted_connection *c, const void *data, size_t len, size_t split)
{
    const uint8_t *next = data;
    while (len > 0) {
        size_t part = split != 0 && split < len ? split : len;
        if (!scripted_wait_fd(c, c->fd, POLLOUT)) {
            return false;
        }
        ssize_t sent = send(c->fd, next, part, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        size_t done = sent > 0 ? (size_t)sent : 0;
        next += done;
        len -= done;
        pthread_mutex_lock(&c->peer->lock);
        c->peer->seen.bytes_out += done;
        pthread_mutex_unlock(&c->peer->lock);
        if (split != 0) {
            sched_yield(); /* so that the other side may read this part alone */
        }
    }
    c->listening = false;
    return true;
}

/* ---- the script's bytes, inside of TLS where there is one ------------------------------------ */

uint8_t *scripted_reserve(struct scripted_connection *c, size_t len)
{
    if (c->in_cap - c->in_len < len) {
        size_t cap = 2 * c->in_cap + len;
        uint8_t *grown = cap <= SCRIPTED_INPUT_BYTES ? realloc(c->in, cap) : NULL;
        if (grown == NULL) {
            scripted_problem(c, "more than %u bytes to keep", SCRIPTED_INPUT_BYTES);
            return NULL;
        }
        c->in = grown;
        c->in_cap = cap;
    }
    return c->in + c->in_len;
}

bool scripted_need(struct scripted_connection *c, size_t len)
{
    while (c->in_len < len) {
        size_t got = 0;
        uint8_t *room = scripted_reserve(c, READ_BYTES);
        if (room == NULL || !(c->tls ? scripted_tls_recv(c, room, READ_BYTES, &got)
                                     : scripted_raw_recv(c, room, READ_BYTES, &got))) {
            return false;
        }
        c->in_len += got;
    }
    return true;
}

void scripted_consume(struct scripted_connection *c, size_t len)
{
    c->in_len -= len;
    memmove(c->in, c->in + len, c->in_len);
}

static bool plain_send(struct scripted_connection *c, const void *data, size_t len, size_t split)
{
    return c->tls ? scripted_tls_send(c, data, len, split) : scripted_raw_send(c, data, len, split);
}

bool scripted_send(struct scripted_connection *c, const struct peer_step *how, const void *data,
                   size_t len)
{
    size_t times = how->repeat ? how->repeat : 1;
    if (!how->hold && c->held_len == 0 && times == 1) {
        return plain_send(c, data, len, how->split);
    }
    uint8_t *all = realloc(c->held, c->held_len + times * len + 1);
    if (all == NULL) {
        return scripted_problem(c, "no memory for %zu bytes", times * len);
    }
    c->held = all;
    for (size_t i = 0; i < times; ++i) {
        memcpy(all + c->held_len, data, len);
        c->held_len += len;
    }
    if (how->hold) {
        return true;
    }
    size_t all_len = c->held_len;
    c->held_len = 0;
    return plain_send(c, all, all_len, how->split);
}
