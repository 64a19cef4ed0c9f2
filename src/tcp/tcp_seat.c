/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that rests: its descriptor, its address and its name, without a layer. */
#include "tcp/tcp_private.h"

#include "util/alloc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct leati_tcp_seat *leati_tcp_seat_new(const char *name)
{
    size_t size = strlen(name) + 1;
    struct leati_tcp_seat *seat = leati_calloc(1, sizeof(*seat) + size);

    if (seat)
        memcpy(seat->name, name, size);
    return seat;
}

bool leati_tcp_layer_may_rest(const struct leati_layer *l)
{
    const struct leati_tcp_layer *tcp = (const struct leati_tcp_layer *)l;

    return !tcp->dialling && l->state == LEATI_LAYER_OPEN && l->sticky == LEAT_OK &&
           l->deadline_ms == 0 && tcp->open && tcp->open->fd >= 0 &&
           tcp->open->io.mask == LEATI_IO_READ && !tcp->readable && tcp->writable && !tcp->eof &&
           !tcp->prompt_acks && !tcp->ack_due && !tcp->said_goodbye && tcp->send_errno == 0;
}

bool leati_tcp_layer_take_seat(struct leati_layer *l)
{
    struct leati_tcp_layer *tcp = (struct leati_tcp_layer *)l;
    struct leati_tcp_seat *seat = tcp->has_seat ? NULL : leati_tcp_seat_new(l->hop);

    if (!seat)
        return tcp->has_seat;
    seat->attempt = *tcp->open;
    seat->attempt.next = NULL;
    if (!leati_io_move(&tcp->open->io, &seat->attempt.io)) {
        leati_free(seat);
        return false;
    }
    seat->attempt.io.user = &seat->attempt;
    tcp->open = tcp->attempts = &seat->attempt;
    tcp->has_seat = true;
    return true;
}

struct leati_tcp_seat *leati_tcp_layer_rest(struct leati_layer *l, leati_io_fn fn, void *user)
{
    struct leati_tcp_layer *tcp = (struct leati_tcp_layer *)l;
    struct leati_tcp_attempt *attempt = tcp->open;

    attempt->tcp = NULL;
    attempt->io.fn = fn;
    attempt->io.user = user;
    leati_free(tcp);
    return (struct leati_tcp_seat *)attempt; /* its first member */
}

struct leati_layer *leati_tcp_layer_resume(struct leati_tcp_seat *seat, leat_loop *loop,
                                           void (*ready)(void *user), void *user)
{
    struct leati_tcp_layer *tcp = leati_tcp_layer_of_seat(seat, loop);

    if (!tcp)
        return NULL;
    tcp->ready = ready;
    tcp->user = user;
    tcp->writable = true;
    tcp->open = &seat->attempt;
    tcp->base.hop = seat->name;
    tcp->base.state = LEATI_LAYER_OPEN; /* it has been: nothing to trace */
    seat->attempt.tcp = tcp;
    seat->attempt.io.fn = leati_tcp_attempt_on_event;
    seat->attempt.io.user = &seat->attempt;
    return &tcp->base;
}

void leati_tcp_seat_tell(struct leati_tcp_seat *seat, unsigned events)
{
    leati_tcp_attempt_on_event(&seat->attempt.io, events, &seat->attempt);
}

long leati_tcp_seat_send(struct leati_tcp_seat *seat, const void *data, size_t len)
{
    if (leati_loop_is_inherited(seat->attempt.io.loop))
        return -1;
    return send(seat->attempt.fd, data, len, MSG_NOSIGNAL);
}

struct leati_timer *leati_tcp_layer_seat_timer(const struct leati_layer *l)
{
    const struct leati_tcp_layer *tcp = (const struct leati_tcp_layer *)l;
    return &((struct leati_tcp_seat *)tcp->open)->timer; /* the attempt is its first member */
}

struct leati_timer *leati_tcp_seat_timer(struct leati_tcp_seat *seat)
{
    return &seat->timer;
}

int leati_tcp_seat_fd(const struct leati_tcp_seat *seat)
{
    return seat->attempt.fd;
}

const char *leati_tcp_seat_name(const struct leati_tcp_seat *seat)
{
    return seat->name;
}

const struct leati_address *leati_tcp_seat_remote(const struct leati_tcp_seat *seat)
{
    return &seat->attempt.address;
}

void leati_tcp_seat_shutdown(struct leati_tcp_seat *seat)
{
    if (!leati_loop_is_inherited(seat->attempt.io.loop))
        (void)shutdown(seat->attempt.fd, SHUT_RDWR);
}

void leati_tcp_seat_free(struct leati_tcp_seat *seat)
{
    if (!seat)
        return;
    leati_io_done(&seat->attempt.io);
    close(seat->attempt.fd);
    leati_free(seat);
}
