/* SPDX-License-Identifier: Apache-2.0 */
/* Happy eyeballs: RFC 8305 section 5 over addresses that are already in order. */
#include "tcp/local_address.h"
#include "tcp/tcp_private.h"

#include "util/clock.h"
#include "util/readable.h"
#include "util/text.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- one attempt ----------------------------------------------------------------------------- */

static void attempt_close(struct leati_tcp_attempt *attempt)
{
    if (attempt->fd < 0)
        return;
    leati_io_done(&attempt->io);
    close(attempt->fd);
    attempt->fd = -1;
}

void leati_tcp_close(struct leati_tcp_layer *tcp)
{
    for (struct leati_tcp_attempt *attempt = tcp->attempts; attempt; attempt = attempt->next)
        attempt_close(attempt);
    if (tcp->dialling)
        tcp->dialling->in_flight = 0;
}

/* 0: connected; ECANCELED: another one was faster. */
static void attempt_trace(const struct leati_tcp_attempt *attempt, int sys_errno)
{
    const struct leati_layer *l = &attempt->tcp->base;
    char address[LEATI_ADDRESS_TEXT_SIZE];
    struct leati_reason reason = {"connected"};

    if (!leati_tracer_listens(l->tracer))
        return;
    leati_address_format(&attempt->address, address, sizeof(address));
    if (sys_errno == ECANCELED)
        reason = (struct leati_reason){"another address was faster"};
    else if (sys_errno != 0)
        reason = leati_address_reason(&attempt->address, sys_errno);
    uint64_t now_us = leati_clock_us();
    leati_trace_event(l->tracer,
                      &(struct leat_trace_event){
                          .kind = LEAT_TRACE_ADDRESS,
                          .layer = LEAT_LAYER_TCP,
                          .name = l->ops->name,
                          .hop = l->hop ? l->hop : "",
                          .start_us = now_us - ((uint32_t)now_us - attempt->start_us),
                          .end_us = now_us,
                          .result = sys_errno != 0 ? LEAT_E_SOCKET_BASE + sys_errno : LEAT_OK,
                          .text = reason.text,
                          .address = address,
                      });
}

static void attempt_fail(struct leati_tcp_attempt *attempt, int sys_errno)
{
    attempt->sys_errno = (uint16_t)sys_errno;
    attempt_trace(attempt, sys_errno);
    attempt_close(attempt);
}

void leati_tcp_attempt_on_event(struct leati_io *io, unsigned events, void *user)
{
    struct leati_tcp_attempt *attempt = user;
    struct leati_tcp_layer *tcp = attempt->tcp;

    (void)io;
    attempt->events = (uint16_t)(attempt->events | events);
    if (events & (LEATI_IO_READ | LEATI_IO_HANGUP))
        tcp->readable = true;
    if (events & (LEATI_IO_WRITE | LEATI_IO_HANGUP))
        tcp->writable = true;
    /* Last: it may destroy the layer. */
    tcp->ready(tcp->user);
}

void leati_tcp_set_fast_open(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on));
}

bool leati_tcp_has_fast_open(int fd)
{
    int on = 0;
    socklen_t size = sizeof(on);

    return getsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, &size) == 0 && on != 0;
}

/* Whether the program has bound it. */
static bool socket_is_bound(int fd)
{
    struct leati_address address;
    socklen_t size = sizeof(address);

    memset(&address, 0, sizeof(address));
    return getsockname(fd, &address.any, &size) == 0 && leati_address_port(&address) != 0;
}

/* 0 or the errno why not. A port is chosen when it connects, so that one address serves more
 * connections than it has ports. */
static int socket_bind(int fd, const struct leati_tcp_local *local)
{
    int on = 1;

    if (local->interface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, local->interface,
                                       (socklen_t)strlen(local->interface) + 1) < 0)
        return errno;
    if (!local->address || socket_is_bound(fd))
        return 0;
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(fd, &local->address->any, leati_address_size(local->address)) < 0 ? errno : 0;
}

/* A descriptor, or -errno. */
static int socket_open(const struct leati_tcp_layer *tcp, int family)
{
    int on = 1;

    if (tcp->dialling->opener)
        return tcp->dialling->opener->open(family, tcp->dialling->opener->user);
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0) {
        int sys_errno = errno;
        close(fd);
        return -sys_errno;
    }
    if (tcp->dialling->fast_open)
        leati_tcp_set_fast_open(fd);
    return fd;
}

/* One that may be connected to the address: with what the configuration says, whoever has made it. */
static int socket_prepare(const struct leati_tcp_layer *tcp, const struct leati_address *address)
{
    int fd = socket_open(tcp, address->any.sa_family);
    if (fd < 0)
        return fd;
    int sys_errno = socket_bind(fd, &tcp->dialling->local);
    if (sys_errno == 0 && tcp->dialling->descriptor)
        sys_errno = leati_descriptor_prepare(tcp->dialling->descriptor, fd, address, true);
    if (sys_errno == 0)
        return fd;
    close(fd);
    return -sys_errno;
}

/* 0: dialling (EINPROGRESS counts as success), or the errno why not. */
static int attempt_dial(struct leati_tcp_attempt *attempt)
{
    const struct leati_address *address = &attempt->address;

    if (leati_tracer_listens(attempt->tcp->base.tracer))
        attempt->start_us = (uint32_t)leati_clock_us();
    int fd = socket_prepare(attempt->tcp, address);

    if (fd < 0)
        return -fd;
    attempt->fd = fd;
    leati_io_init(&attempt->io, attempt->tcp->loop, fd, leati_tcp_attempt_on_event, attempt);
    if (connect(attempt->fd, &address->any, leati_address_size(address)) < 0 &&
        errno != EINPROGRESS && errno != EINTR)
        return errno;
    /* A connection that is there at once is writable at once: one path for both. */
    int result = leati_io_set(&attempt->io, LEATI_IO_WRITE);
    return result == LEAT_OK ? 0 : result - LEAT_E_SOCKET_BASE;
}

/* Dialling a free port of this machine's ephemeral range can meet itself (simultaneous open):
 * what looks like a connection is an echo. */
static bool attempt_met_itself(const struct leati_tcp_attempt *attempt)
{
    struct leati_address local;
    socklen_t size = sizeof(local);

    memset(&local, 0, sizeof(local));
    return getsockname(attempt->fd, &local.any, &size) == 0 &&
           leati_address_matches(&local, &attempt->address);
}

/* LEAT_OK: connected; LEATI_AGAIN: not yet; otherwise failed, and closed. */
static int attempt_check(struct leati_tcp_attempt *attempt)
{
    int sys_errno = 0;
    socklen_t size = sizeof(sys_errno);

    bool has_error = (attempt->events & LEATI_IO_HANGUP) != 0;
    if (attempt->events == 0)
        return LEATI_AGAIN;
    attempt->events = 0;
    /* epoll reports an error beside the rest: without one there is none to ask for. */
    if (has_error && getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &sys_errno, &size) < 0)
        sys_errno = errno;
    if (sys_errno == 0 && attempt_met_itself(attempt))
        sys_errno = ECONNREFUSED;
    if (sys_errno == 0)
        return LEAT_OK;
    attempt_fail(attempt, sys_errno);
    return LEAT_E_SOCKET_BASE + sys_errno;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void attempts_describe(const struct leati_tcp_layer *tcp, char *buf, size_t cap)
{
    size_t pos = 0;

    buf[0] = '\0';
    const struct leati_tcp_attempt *waiting = leati_tcp_waiting(tcp);
    bool is_dialled = true;
    for (const struct leati_tcp_attempt *attempt = tcp->attempts; attempt;
         attempt = attempt->next) {
        char address[LEATI_ADDRESS_TEXT_SIZE];
        leati_address_format(&attempt->address, address, sizeof(address));
        is_dialled &= attempt != waiting;
        leati_readable_append(
            buf, cap, &pos, "%s%s: %s", pos == 0 ? "" : ", ", address,
            !is_dialled ? "not tried"
            : attempt->sys_errno == 0
                ? "no answer"
                : leati_address_reason(&attempt->address, attempt->sys_errno).text);
    }
}

static int dial_fail_all(struct leati_tcp_layer *tcp)
{
    char text[LEAT_ERROR_TEXT_SIZE];
    int sys_errno = tcp->dialling->latest->sys_errno;

    attempts_describe(tcp, text, sizeof(text));
    return leati_layer_fail(&tcp->base, LEAT_E_SOCKET_BASE + sys_errno, sys_errno, 0, "%s", text);
}

/* All that are still dialling. */
static void dial_trace_rest(const struct leati_tcp_layer *tcp,
                            const struct leati_tcp_attempt *winner, int sys_errno)
{
    for (const struct leati_tcp_attempt *attempt = tcp->attempts; attempt; attempt = attempt->next)
        if (attempt != winner && attempt->fd >= 0)
            attempt_trace(attempt, sys_errno);
}

static int dial_fail_expired(struct leati_tcp_layer *tcp)
{
    char text[LEAT_ERROR_TEXT_SIZE];

    attempts_describe(tcp, text, sizeof(text));
    dial_trace_rest(tcp, NULL, ETIMEDOUT);
    leati_tcp_close(tcp);
    return leati_layer_fail(&tcp->base, LEAT_E_SOCKET_BASE + ETIMEDOUT, ETIMEDOUT, 0,
                            "no connection in time: %s", text);
}

static void dial_start_next(struct leati_tcp_layer *tcp, uint64_t now_ms)
{
    /* What fails at once does not make the next one wait. */
    struct leati_tcp_attempt *attempt;
    while ((attempt = leati_tcp_waiting(tcp))) {
        tcp->dialling->latest = attempt;
        tcp->dialling->started++;
        int sys_errno = attempt_dial(attempt);
        if (sys_errno == 0) {
            tcp->dialling->in_flight++;
            tcp->dialling->next_attempt_ms = now_ms + LEATI_TCP_ATTEMPT_DELAY_MS;
            return;
        }
        attempt_fail(attempt, sys_errno);
    }
}

static void dial_elect(struct leati_tcp_layer *tcp, struct leati_tcp_attempt *winner)
{
    for (struct leati_tcp_attempt *attempt = tcp->attempts; attempt; attempt = attempt->next)
        if (attempt != winner)
            attempt_close(attempt);
    if (tcp->dialling)
        tcp->dialling->in_flight = 0;
    tcp->open = winner;
    tcp->readable = tcp->writable = true;
    tcp->base.deadline_ms = 0;
}

struct leati_tcp_attempt *leati_tcp_waiting(const struct leati_tcp_layer *tcp)
{
    return tcp->dialling->latest ? tcp->dialling->latest->next : tcp->attempts;
}

/* Takes the first one off a list. */
static struct leati_tcp_attempt *attempt_pop(struct leati_tcp_attempt **list)
{
    struct leati_tcp_attempt *attempt = *list;

    *list = attempt->next;
    attempt->next = NULL;
    return attempt;
}

void leati_tcp_enqueue(struct leati_tcp_layer *tcp, struct leati_tcp_attempt *attempts,
                       const struct leati_address *addresses, size_t count)
{
    struct leati_tcp_attempt *families[2] = {NULL, NULL};
    struct leati_tcp_attempt **ends[2] = {&families[0], &families[1]};
    struct leati_tcp_attempt *list = attempts != tcp->attempts ? leati_tcp_waiting(tcp) : NULL;
    struct leati_tcp_attempt *added = attempts, *head;

    for (size_t i = 0; i < count; i++)
        attempts[i] = (struct leati_tcp_attempt){
            .tcp = tcp,
            .address = addresses[i],
            .fd = -1,
            .next = i + 1 < count ? &attempts[i + 1] : NULL,
        };
    /* The turn of the first one; behind one that was dialled, of the other family. */
    struct leati_tcp_attempt *latest = tcp->dialling ? tcp->dialling->latest : NULL;
    const struct leati_tcp_attempt *turn = latest ? latest : tcp->attempts;
    bool is_v6 = (turn->address.any.sa_family == AF_INET6) != (latest != NULL);
    while (list || added) {
        struct leati_tcp_attempt *attempt = attempt_pop(list ? &list : &added);
        struct leati_tcp_attempt ***end = &ends[attempt->address.any.sa_family == AF_INET6];
        **end = attempt;
        *end = &attempt->next;
    }
    struct leati_tcp_attempt **link = latest ? &latest->next : &head;
    *link = NULL;
    while (families[0] || families[1]) {
        is_v6 = families[is_v6] ? is_v6 : !is_v6;
        *link = attempt_pop(&families[is_v6]);
        link = &(*link)->next;
        is_v6 = !is_v6;
    }
}

void leati_tcp_adopt(struct leati_tcp_layer *tcp, int fd)
{
    struct leati_tcp_attempt *attempt = tcp->attempts;

    attempt->fd = fd;
    leati_io_init(&attempt->io, tcp->loop, fd, leati_tcp_attempt_on_event, attempt);
    if (tcp->dialling) {
        tcp->dialling->latest = attempt;
        tcp->dialling->started = 1;
    }
    if (tcp->dialling && tcp->dialling->server)
        return;
    dial_elect(tcp, attempt);
    /* Mostly too early to have brought anything: if not, epoll tells. */
    tcp->readable = false;
}

/* The server has a place for it, or another 10 ms pass. */
static int dial_local(struct leati_tcp_layer *tcp, uint64_t now_ms)
{
    struct leati_tcp_attempt *attempt = tcp->attempts;
    int sys_errno = 0;

    if (connect(attempt->fd, (const struct sockaddr *)&tcp->dialling->server->un,
                tcp->dialling->server->size) < 0)
        sys_errno = errno;
    if (sys_errno == 0) {
        dial_elect(tcp, attempt);
        return LEAT_OK;
    }
    if (sys_errno == EAGAIN &&
        !leati_layer_is_over(&tcp->base, tcp->dialling->expires_ms, now_ms)) {
        uint64_t retry_ms = now_ms + LEATI_LOCAL_RETRY_MS;
        bool is_last = tcp->dialling->expires_ms != 0 && tcp->dialling->expires_ms < retry_ms;
        tcp->base.deadline_ms = is_last ? tcp->dialling->expires_ms : retry_ms;
        return LEATI_AGAIN;
    }
    struct leati_reason reason = leati_errno_reason(sys_errno);
    if (sys_errno == EAGAIN) {
        sys_errno = ETIMEDOUT;
        reason = (struct leati_reason){"no connection in time: the server's queue stayed full"};
    }
    leati_tcp_close(tcp);
    return leati_layer_fail(&tcp->base, LEAT_E_SOCKET_BASE + sys_errno, sys_errno, 0,
                            "cannot connect to the local socket: %s", reason.text);
}

int leati_tcp_dial(struct leati_tcp_layer *tcp, uint64_t now_ms)
{
    const struct leati_tcp_attempt *waiting = leati_tcp_waiting(tcp);
    bool failed = false;

    if (tcp->dialling->server)
        return dial_local(tcp, now_ms);
    for (struct leati_tcp_attempt *attempt = tcp->attempts; attempt != waiting;
         attempt = attempt->next) {
        if (attempt->fd < 0)
            continue;
        int result = attempt_check(attempt);
        if (result == LEAT_OK) {
            attempt_trace(attempt, 0);
            dial_trace_rest(tcp, attempt, ECANCELED);
            dial_elect(tcp, attempt);
            /* Who has dialled speaks first, nearly always: if not, epoll tells. */
            tcp->readable = false;
            return LEAT_OK;
        }
        if (result != LEATI_AGAIN) {
            tcp->dialling->in_flight--;
            failed = true;
        }
    }

    if (leati_layer_is_over(&tcp->base, tcp->dialling->expires_ms, now_ms))
        return dial_fail_expired(tcp);
    if (failed || tcp->dialling->in_flight == 0 ||
        leati_layer_is_over(&tcp->base, tcp->dialling->next_attempt_ms, now_ms))
        dial_start_next(tcp, now_ms);
    /* RFC 8305 section 3: addresses that are still asked for may do better. */
    if (tcp->dialling->in_flight == 0 && !tcp->dialling->more)
        return dial_fail_all(tcp);

    tcp->base.deadline_ms = tcp->dialling->expires_ms;
    if (leati_tcp_waiting(tcp) && (tcp->dialling->expires_ms == 0 ||
                                   tcp->dialling->next_attempt_ms < tcp->dialling->expires_ms))
        tcp->base.deadline_ms = tcp->dialling->next_attempt_ms;
    return LEATI_AGAIN;
}
