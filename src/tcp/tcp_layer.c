/* SPDX-License-Identifier: Apache-2.0 */
/* The layer at the bottom: one non-blocking socket. */
#include "tcp/local_address.h"
#include "tcp/tcp_private.h"

#include "util/alloc.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>

/* Reads that one call of shutdown throws away; then it is somebody else's turn. */
#define DISCARDS_PER_CALL 16

static struct leati_tcp_layer *tcp_of(struct leati_layer *l)
{
    return (struct leati_tcp_layer *)l;
}

static const struct leati_tcp_layer *tcp_of_const(const struct leati_layer *l)
{
    return (const struct leati_tcp_layer *)l;
}

/* The address that was chosen, which the hop does not tell; a path is its own name. */
static void tcp_format_remote(const struct leati_tcp_layer *tcp, char *buf, size_t cap)
{
    if (tcp->open->address.any.sa_family == AF_UNIX)
        snprintf(buf, cap, "%s", tcp->base.hop);
    else
        leati_address_format(&tcp->open->address, buf, cap);
}

static int tcp_fail(struct leati_tcp_layer *tcp, int sys_errno, const char *what)
{
    char address[LEAT_ERROR_HOP_SIZE];

    tcp_format_remote(tcp, address, sizeof(address));
    leati_tcp_close(tcp);
    return leati_layer_fail(&tcp->base, LEAT_E_SOCKET_BASE + sys_errno, sys_errno, 0, "%s %s: %s",
                            what, address, leati_errno_reason(sys_errno).text);
}

/* The kernel forgets the option by itself: it is set again after what was read. It also sends the
 * acknowledgement that is due. */
static void tcp_ack_promptly(struct leati_tcp_layer *tcp)
{
    int on = 1;

    if (tcp->ack_due)
        (void)setsockopt(tcp->open->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
    tcp->ack_due = false;
}

static struct leati_tcp_attempt *tcp_own_attempts(struct leati_tcp_layer *tcp)
{
    return (struct leati_tcp_attempt *)(void *)(tcp + 1);
}

/* ---- slots ----------------------------------------------------------------------------------- */

static int tcp_connect(struct leati_layer *l, uint64_t now_ms)
{
    struct leati_tcp_layer *tcp = tcp_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (l->state == LEATI_LAYER_NEW) {
        leati_layer_set_state(l, LEATI_LAYER_CONNECTING);
        if (!tcp->open) {
            leati_layer_arm(l, now_ms, tcp->dialling->timeout_ms);
            tcp->dialling->expires_ms = l->deadline_ms;
        }
    }
    if (l->state != LEATI_LAYER_CONNECTING)
        return LEAT_OK;
    int result = tcp->open ? LEAT_OK : leati_tcp_dial(tcp, now_ms);
    if (result == LEAT_OK)
        leati_layer_set_state(l, LEATI_LAYER_OPEN);
    return result;
}

/* In a child process: what belongs to the parent is neither read nor written. */
static bool tcp_is_foreign(const struct leati_tcp_layer *tcp)
{
    return leati_loop_is_inherited(tcp->loop);
}

static int tcp_refuse_foreign(struct leati_tcp_layer *tcp)
{
    return tcp_fail(tcp, EBADF, "this process was forked, and has no use of the connection to");
}

/* What comes of the end of the data: EOF, unless sending had failed before. */
static int tcp_read_end(struct leati_tcp_layer *tcp)
{
    if (tcp->send_errno != 0)
        return tcp_fail(tcp, tcp->send_errno, "sending to");
    tcp->eof = true;
    return LEATI_EOF;
}

static int tcp_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    struct leati_tcp_layer *tcp = tcp_of(l);
    ssize_t n;

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (tcp->eof)
        return LEATI_EOF;
    if (!tcp->readable || !tcp->open || tcp->open->fd < 0)
        return LEATI_AGAIN;
    if (tcp_is_foreign(tcp))
        return tcp_refuse_foreign(tcp);

    do
        n = recv(tcp->open->fd, buf, cap, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        /* Less than asked for: the kernel has no more. An end or an error that stands behind it is
         * a new event of the level-triggered descriptor. */
        tcp->readable = (size_t)n == cap || tcp->send_errno != 0;
        tcp->ack_due = tcp->prompt_acks;
        *ret_len = (size_t)n;
        return LEAT_OK;
    }
    if (n == 0)
        return tcp_read_end(tcp);
    if (errno != EAGAIN)
        return tcp_fail(tcp, errno, "receiving from");
    tcp->readable = false;
    return tcp->send_errno != 0 ? tcp_read_end(tcp) : LEATI_AGAIN;
}

static bool tcp_has_unread(const struct leati_tcp_layer *tcp)
{
    char byte;

    return !tcp->eof && recv(tcp->open->fd, &byte, 1, MSG_PEEK) > 0;
}

/* A peer that answers, closes and resets because it did not read everything (a refusal with a large
 * request under way) has said why: that is read first, and then sending is reported to have failed.
 * What is sent until then goes nowhere, so that whoever has something to say first comes to read.
 */
static int tcp_send_failed(struct leati_tcp_layer *tcp, int sys_errno, size_t len, size_t *ret_len)
{
    if ((sys_errno != EPIPE && sys_errno != ECONNRESET) || !tcp_has_unread(tcp))
        return tcp_fail(tcp, sys_errno, "sending to");
    tcp->send_errno = sys_errno;
    tcp->readable = true;
    *ret_len = len;
    return LEAT_OK;
}

/* By fast open, but the cookie is not good any more and nothing went with the SYN. */
static bool tcp_is_connecting(const struct leati_tcp_layer *tcp, int sys_errno)
{
    return sys_errno == EINPROGRESS && leati_tcp_has_fast_open(tcp->open->fd);
}

static int tcp_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    struct leati_tcp_layer *tcp = tcp_of(l);
    uint16_t count =
        n < IOV_MAX ? (uint16_t)n : IOV_MAX; /* which an int of musl and a size_t hold */
    size_t len = 0;
    ssize_t sent;

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (!tcp->writable || !tcp->open || tcp->open->fd < 0)
        return LEATI_AGAIN;
    if (tcp_is_foreign(tcp))
        return tcp_refuse_foreign(tcp);
    for (size_t i = 0; i < count; i++)
        len += iov[i].iov_len;
    if (tcp->send_errno != 0) {
        *ret_len = len;
        return LEAT_OK;
    }

    /* sendmsg does not write through the pointer that its struct makes it take. */
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = count};
    do
        sent = sendmsg(tcp->open->fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN && !tcp_is_connecting(tcp, errno))
        return tcp_send_failed(tcp, errno, len, ret_len);
    tcp->writable = sent >= 0 && (size_t)sent == len;
    if (sent <= 0)
        return LEATI_AGAIN;
    tcp->ack_due = false; /* it has left with the bytes */
    *ret_len = (size_t)sent;
    return LEAT_OK;
}

/* The descriptor is closed here too: nothing is left to be said on it. */
static int tcp_close_in_order(struct leati_tcp_layer *tcp)
{
    leati_tcp_close(tcp);
    tcp->base.deadline_ms = 0;
    leati_layer_set_state(&tcp->base, LEATI_LAYER_CLOSED);
    return LEAT_OK;
}

/* FIN, then read until the peer's: to close with unread bytes would send RST, and RST makes the
 * peer's kernel throw away what was sent before. */
static int tcp_shutdown(struct leati_layer *l, uint64_t now_ms)
{
    struct leati_tcp_layer *tcp = tcp_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (l->state == LEATI_LAYER_OPEN) {
        leati_layer_set_state(l, LEATI_LAYER_CLOSING);
        leati_layer_arm(l, now_ms, 0);
    }
    if (l->state != LEATI_LAYER_CLOSING || tcp_is_foreign(tcp))
        return tcp_close_in_order(tcp);
    /* Also behind the peer's FIN: where a child of the program has a copy of the descriptor, to close
     * it does not end our direction. */
    if (!tcp->said_goodbye && shutdown(tcp->open->fd, SHUT_WR) < 0)
        return tcp_close_in_order(tcp);
    tcp->said_goodbye = true;
    if (tcp->eof)
        return tcp_close_in_order(tcp);

    /* The answer to a FIN that has just left cannot be there yet: the descriptor tells of it. */
    for (int i = 0; tcp->readable && i < DISCARDS_PER_CALL; i++) {
        ssize_t n =
            recv(tcp->open->fd, leati_loop_scratch(tcp->loop), LEATI_SCRATCH_BYTES, MSG_TRUNC);
        tcp->readable = n >= 0 || errno != EAGAIN;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        /* A reset ends it as well: all that could be done is done. */
        if (n <= 0)
            return tcp_close_in_order(tcp);
        tcp->ack_due = tcp->prompt_acks;
        tcp_ack_promptly(tcp);
    }
    return leati_layer_expired(l, now_ms) ? tcp_close_in_order(tcp) : LEATI_AGAIN;
}

static unsigned tcp_want(const struct leati_layer *l, unsigned upper)
{
    if (l->state == LEATI_LAYER_CLOSING)
        return LEATI_WANT_READ;
    return l->state == LEATI_LAYER_OPEN ? upper : 0;
}

/* Bytes in the kernel show in the descriptor; but after a failed send the driver must come and read
 * them, whatever it waits for. */
static bool tcp_pending(const struct leati_layer *l)
{
    return l->sticky == LEAT_OK && tcp_of_const(l)->send_errno != 0;
}

static void tcp_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_tcp_layer *tcp = tcp_of_const(l);
    char address[LEAT_ERROR_HOP_SIZE] = "not connected";

    if (tcp->open)
        tcp_format_remote(tcp, address, sizeof(address));
    if (tcp->dialling && tcp->dialling->started > 1)
        snprintf(buf, cap, "%s, %zu attempts", address, tcp->dialling->started);
    else
        snprintf(buf, cap, "%s", address);
}

static void dialling_free(struct leati_tcp_dialling *dialling)
{
    if (!dialling)
        return;
    leati_free(dialling->late);
    leati_free(dialling->server);
    leati_free(dialling);
}

static void tcp_destroy(struct leati_layer *l)
{
    struct leati_tcp_dialling *dialling = tcp_of(l)->dialling;

    leati_tcp_close(tcp_of(l));
    dialling_free(dialling);
    if (tcp_of(l)->has_seat)
        leati_free(tcp_of(l)->attempts);
    leati_free(l);
}

static const struct leati_layer_ops tcp_ops = {
    .name = "tcp",
    .layer = LEAT_LAYER_TCP,
    .connect = tcp_connect,
    .recv = tcp_recv,
    .send = tcp_send,
    .shutdown = tcp_shutdown,
    .want = tcp_want,
    .pending = tcp_pending,
    .describe = tcp_describe,
    .destroy = tcp_destroy,
};

/* ---- the door -------------------------------------------------------------------------------- */

static struct leati_tcp_dialling *dialling_new(const struct leati_tcp_options *options)
{
    struct leati_tcp_dialling *dialling = leati_malloc(sizeof(*dialling));

    if (dialling)
        *dialling = (struct leati_tcp_dialling){
            .timeout_ms = options->timeout_ms,
            .opener = options->opener,
            .local = options->local,
            .descriptor = options->descriptor,
            .fast_open = options->fast_open,
            .more = options->more,
        };
    return dialling;
}

/* NULL without memory; then both stay the caller's. `seat` NULL = it has none. */
static struct leati_tcp_layer *tcp_new(const struct leati_tcp_options *options,
                                       struct leati_tcp_dialling *dialling,
                                       struct leati_tcp_seat *seat)
{
    size_t own = seat ? 0 : options->count;
    struct leati_tcp_layer *tcp =
        leati_malloc(sizeof(*tcp) + own * sizeof(struct leati_tcp_attempt));
    if (!tcp)
        return NULL;
    *tcp = (struct leati_tcp_layer){
        .loop = options->loop,
        .ready = options->ready,
        .user = options->user,
        .dialling = dialling,
        .has_seat = seat,
        .attempts = seat ? &seat->attempt : tcp_own_attempts(tcp),
    };
    leati_layer_init(&tcp->base, &tcp_ops);
    return tcp;
}

int leati_tcp_layer_new(const struct leati_tcp_options *options, struct leati_layer **ret_layer)
{
    assert(options->count > 0);
    struct leati_tcp_dialling *dialling = dialling_new(options);
    struct leati_tcp_layer *tcp = dialling ? tcp_new(options, dialling, NULL) : NULL;
    if (!tcp) {
        leati_free(dialling);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    leati_tcp_enqueue(tcp, tcp->attempts, options->addresses, options->count);
    *ret_layer = &tcp->base;
    return LEAT_OK;
}

int leati_tcp_layer_add(struct leati_layer *l, const struct leati_address *addresses, size_t count)
{
    struct leati_tcp_layer *tcp = tcp_of(l);

    assert(!tcp->dialling->late);
    tcp->dialling->more = false;
    if (count == 0)
        return LEAT_OK;
    tcp->dialling->late = leati_malloc(count * sizeof(*tcp->dialling->late));
    if (!tcp->dialling->late)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_tcp_enqueue(tcp, tcp->dialling->late, addresses, count);
    return LEAT_OK;
}

/* One that waits for a local server to have room; NULL without memory. */
static struct leati_tcp_dialling *dialling_of_local(const struct leati_tcp_options *options,
                                                    const struct leati_local_address *server)
{
    struct leati_local_address *copy = leati_malloc(sizeof(*copy));
    struct leati_tcp_dialling *dialling = copy ? dialling_new(options) : NULL;
    if (!dialling) {
        leati_free(copy);
        return NULL;
    }
    *copy = *server;
    dialling->server = copy;
    return dialling;
}

int leati_tcp_layer_accepted(const struct leati_tcp_accepted *accepted,
                             struct leati_layer **ret_layer)
{
    const struct leati_tcp_options options = {
        .loop = accepted->loop,
        .addresses = accepted->remote,
        .count = 1,
        .timeout_ms = accepted->timeout_ms,
        .ready = accepted->ready,
        .user = accepted->user,
    };
    struct leati_tcp_dialling *dialling = NULL;
    struct leati_tcp_seat *seat = NULL;
    struct leati_tcp_layer *tcp = NULL;

    if (accepted->server && !(dialling = dialling_of_local(&options, accepted->server)))
        return LEAT_E_SYSTEM_INTERNAL;
    if (!accepted->rests_as || (seat = leati_tcp_seat_new(accepted->rests_as)))
        tcp = tcp_new(&options, dialling, seat);
    if (!tcp) {
        dialling_free(dialling);
        leati_free(seat);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    leati_tcp_enqueue(tcp, tcp->attempts, options.addresses, options.count);
    leati_tcp_adopt(tcp, accepted->fd);
    *ret_layer = &tcp->base;
    return LEAT_OK;
}

struct leati_tcp_layer *leati_tcp_layer_of_seat(struct leati_tcp_seat *seat, leat_loop *loop)
{
    const struct leati_tcp_options options = {.loop = loop};

    return tcp_new(&options, NULL, seat);
}

int leati_tcp_layer_watch(struct leati_layer *l, unsigned want)
{
    struct leati_tcp_layer *tcp = tcp_of(l);
    unsigned mask = 0;

    if (!tcp->open || tcp->open->fd < 0)
        return LEAT_OK;
    tcp_ack_promptly(tcp);
    /* An end that has been seen stays readable, a broken direction writable: either would wake the
     * loop for ever. */
    if ((want & LEATI_WANT_READ) && !tcp->eof)
        mask |= LEATI_IO_READ;
    if ((want & LEATI_WANT_WRITE) && tcp->send_errno == 0)
        mask |= LEATI_IO_WRITE;
    int result = leati_io_set(&tcp->open->io, mask);
    return result == LEAT_OK ? LEAT_OK
                             : tcp_fail(tcp, result - LEAT_E_SOCKET_BASE, "watching the socket to");
}

void leati_tcp_layer_set_prompt_acks(struct leati_layer *l, bool on)
{
    struct leati_tcp_layer *tcp = tcp_of(l);

    tcp->prompt_acks = on;
}

void leati_tcp_layer_settle(struct leati_layer *l)
{
    struct leati_tcp_layer *tcp = tcp_of(l);

    /* What came late may be what is open. */
    if (!tcp->open || !tcp->dialling || tcp->dialling->late)
        return;
    leati_free(tcp->dialling->server);
    leati_free(tcp->dialling);
    tcp->dialling = NULL;
}

void leati_tcp_layer_await_fin(struct leati_layer *l)
{
    struct leati_tcp_layer *tcp = tcp_of(l);

    tcp->prompt_acks = tcp->ack_due = false;
}

int leati_tcp_layer_fd(const struct leati_layer *l)
{
    const struct leati_tcp_layer *tcp = tcp_of_const(l);

    return tcp->open ? tcp->open->fd : -1;
}

void leati_tcp_layer_push(const struct leati_layer *l)
{
    int fd = leati_tcp_layer_fd(l);
    for (int on = 1; on >= 0; on--)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

const struct leati_address *leati_tcp_layer_remote(const struct leati_layer *l)
{
    const struct leati_tcp_layer *tcp = tcp_of_const(l);

    return tcp->open ? &tcp->open->address : &tcp->attempts[0].address;
}

void leati_tcp_layer_reset(struct leati_layer *l)
{
    const struct linger at_once = {.l_onoff = 1};
    struct leati_tcp_layer *tcp = tcp_of(l);

    if (tcp->open && tcp->open->fd >= 0)
        (void)setsockopt(tcp->open->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    leati_tcp_close(tcp);
}

size_t leati_tcp_layer_remaining(const struct leati_layer *l, bool without_open,
                                 struct leati_address *ret_addresses)
{
    const struct leati_tcp_layer *tcp = tcp_of_const(l);
    size_t count = 0;

    if (!tcp->open)
        return 0;
    if (!without_open)
        ret_addresses[count++] = tcp->open->address;
    for (const struct leati_tcp_attempt *attempt = tcp->attempts; attempt; attempt = attempt->next)
        if (attempt != tcp->open && attempt->sys_errno == 0)
            ret_addresses[count++] = attempt->address;
    return count;
}
