/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams on their way to the kernel: at once, or when it takes them. */
#include "sockets/udp_private.h"

#include "config/settings.h"
#include "socks5/udp_header.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/** Failures that one flush reports: a program that sends again when it hears of one does not keep
 * the others of the loop waiting. */
#define REFUSALS_PER_FLUSH 64

/* ---- lists of datagrams ------------------------------------------------------------------ */

void leati_udp_datagrams_append(struct leati_udp_datagrams *list,
                                struct leati_udp_datagram *datagram)
{
    datagram->next = NULL;
    if (list->last)
        list->last->next = datagram;
    else
        list->first = datagram;
    list->last = datagram;
}

struct leati_udp_datagram *leati_udp_datagrams_take_first(struct leati_udp_datagrams *list)
{
    struct leati_udp_datagram *datagram = list->first;
    if (datagram) {
        list->first = datagram->next;
        if (!list->first)
            list->last = NULL;
    }
    return datagram;
}

/* Takes out the first one whose time is over. */
struct leati_udp_datagram *leati_udp_datagrams_take_expired(struct leati_udp_datagrams *list,
                                                            uint64_t now_ms)
{
    struct leati_udp_datagram *before = NULL;
    for (struct leati_udp_datagram *d = list->first; d; before = d, d = d->next) {
        if (d->deadline_ms == 0 || d->deadline_ms > now_ms)
            continue;
        if (before)
            before->next = d->next;
        else
            list->first = d->next;
        if (list->last == d)
            list->last = before;
        return d;
    }
    return NULL;
}

void leati_udp_datagrams_earliest(const struct leati_udp_datagrams *list, uint64_t *at_ms)
{
    for (const struct leati_udp_datagram *d = list->first; d; d = d->next)
        if (d->deadline_ms != 0 && (*at_ms == 0 || d->deadline_ms < *at_ms))
            *at_ms = d->deadline_ms;
}

/* What it takes to keep one: datagrams without data need memory too. */
static size_t datagram_cost(size_t header_cap, size_t len)
{
    return sizeof(struct leati_udp_datagram) + header_cap + len;
}

void leati_udp_datagram_forget(struct leat_udp_socket *udp, struct leati_udp_datagram *datagram)
{
    udp->buffered_bytes -= datagram_cost(datagram->header_cap, datagram->len);
    leati_free(datagram);
}

size_t leati_udp_datagrams_drop(struct leat_udp_socket *udp, struct leati_udp_datagrams *list)
{
    size_t count = 0;
    struct leati_udp_datagram *datagram;
    while ((datagram = leati_udp_datagrams_take_first(list))) {
        leati_udp_datagram_forget(udp, datagram);
        count++;
    }
    return count;
}

/* ---- to the kernel ----------------------------------------------------------------------- */

static int datagram_send(struct leat_udp_socket *udp, const struct leati_address *to,
                         const struct iovec *iov, size_t n)
{
    /* sendmsg does not write through the pointers that its struct makes it take. */
    const struct msghdr message = {
        .msg_name = (void *)(uintptr_t)to,
        .msg_namelen = leati_address_size(to),
        .msg_iov = (struct iovec *)(uintptr_t)iov,
        .msg_iovlen = (uint16_t)n, /* a few; in musl it is an int */
    };
    /* What ICMP says about an earlier datagram comes out of the next call, whatever that is: only
     * what comes twice belongs to this one. */
    for (int i = 0; i < 2; i++) {
        if (sendmsg(udp->fd, &message, MSG_NOSIGNAL) >= 0) {
            udp->proven = *to;
            return LEAT_OK;
        }
        if (errno == EAGAIN)
            return LEATI_AGAIN;
    }
    udp->proven.any.sa_family = AF_UNSPEC;
    return LEAT_E_SOCKET_BASE + errno;
}

int leati_udp_transmit(struct leat_udp_socket *udp, const struct leati_address *to,
                       const struct iovec *iov, size_t n)
{
    struct leati_udp_association *association = udp->association;
    struct iovec sealed;
    if (!association)
        return datagram_send(udp, to, iov, n);
    const struct leati_address *relay = leati_udp_association_relay(association);
    if (!leati_udp_association_protects(association))
        return datagram_send(udp, relay, iov, n);
    /* What the kernel has no room for is wrapped again: for the relay one has got lost. */
    int sys_errno = leati_udp_association_seal(association, iov, n, &sealed);
    return sys_errno != 0 ? LEAT_E_SOCKET_BASE + sys_errno : datagram_send(udp, relay, &sealed, 1);
}

/* Where a queued datagram wanted to go. */
static void datagram_describe(const struct leati_udp_datagram *datagram, char *buf, size_t cap)
{
    struct leati_socks5_address destination;
    size_t header_len;
    if (datagram->header_len == 0)
        leati_address_format(&datagram->to, buf, cap);
    else if (leati_socks5_udp_header_read(datagram->bytes, datagram->header_len, &destination,
                                          &header_len) == LEATI_SOCKS5_READ_OK)
        leati_socks5_address_format(&destination, buf, cap);
    else
        snprintf(buf, cap, "?");
}

static void report_unsent(struct leat_udp_socket *udp, int sys_errno, const char *hop,
                          const char *text)
{
    const struct leati_fault fault = leati_errno_fault(LEAT_LAYER_UDP, sys_errno, hop);
    leati_udp_report(udp, &fault, "sending to %s: %s", hop, text);
}

static void report_refused(struct leat_udp_socket *udp, const char *hop, int sys_errno)
{
    report_unsent(udp, sys_errno, hop, leati_errno_reason(sys_errno).text);
}

/* Waits for what the socket can do now. The watch can hardly fail; then the next send tries again.
 */
void leati_udp_queue_watch(struct leat_udp_socket *udp)
{
    unsigned mask = LEATI_IO_READ;
    if (udp->queue.first && udp->state == LEATI_UDP_OPEN)
        mask |= LEATI_IO_WRITE;
    (void)leati_io_set(&udp->io, mask);
}

/* There is room again after a refusal. */
static void report_writable(struct leat_udp_socket *udp)
{
    if (!udp->send_refused || udp->buffered_bytes > udp->settings->send_queue_limit_bytes / 2)
        return;
    udp->send_refused = false;
    if (udp->callbacks.writable)
        udp->callbacks.writable(udp, udp->user);
}

/* The kernel does not want it. */
static void queue_refuse_first(struct leat_udp_socket *udp, int code)
{
    char hop[LEAT_ERROR_HOP_SIZE];
    struct leati_udp_datagram *datagram = leati_udp_datagrams_take_first(&udp->queue);
    datagram_describe(datagram, hop, sizeof(hop));
    leati_udp_datagram_forget(udp, datagram);
    report_refused(udp, hop, code - LEAT_E_SOCKET_BASE);
}

void leati_udp_flush(struct leat_udp_socket *udp)
{
    udp->flush_due = false;
    udp->deferred = 0;
    for (int refused = 0;
         refused < REFUSALS_PER_FLUSH && udp->state == LEATI_UDP_OPEN && udp->queue.first;) {
        int code = leati_udp_transmit_queue(udp);
        if (code == LEATI_AGAIN)
            break;
        if (code != LEAT_OK) {
            queue_refuse_first(udp, code);
            refused++;
        }
    }
    if (!leati_udp_is_bound(udp))
        return;
    leati_udp_queue_watch(udp);
    report_writable(udp);
}

void leati_udp_send_deferred(struct leat_udp_socket *udp)
{
    while (udp->queue.first && leati_udp_transmit_queue(udp) == LEAT_OK)
        ;
}

void leati_udp_send_last(struct leat_udp_socket *udp)
{
    bool is_due = udp->flush_due && udp->state == LEATI_UDP_OPEN && leati_udp_may_read(udp);
    udp->flush_due = false;
    udp->deferred = 0;
    while (is_due && udp->queue.first) {
        int code = leati_udp_transmit_queue(udp);
        if (code == LEATI_AGAIN)
            return;
        if (code != LEAT_OK)
            leati_udp_datagram_forget(udp, leati_udp_datagrams_take_first(&udp->queue));
    }
}

/* ---- waiting ----------------------------------------------------------------------------- */

static int timer_arm(struct leat_udp_socket *udp, uint64_t deadline_ms)
{
    bool running = udp->timer.heap_index != SIZE_MAX;
    if (deadline_ms == 0 || (running && udp->timer.at_ms <= deadline_ms))
        return LEAT_OK;
    return leati_timer_set(&udp->timer, deadline_ms);
}

static void timer_arm_earliest(struct leat_udp_socket *udp)
{
    uint64_t at_ms = 0;
    leati_udp_datagrams_earliest(&udp->queue, &at_ms);
    leati_udp_lookups_earliest(udp, &at_ms);
    /* A timer that has just fired has its place in the heap. */
    (void)timer_arm(udp, at_ms);
}

void leati_udp_report_expired(struct leat_udp_socket *udp, const char *hop, uint32_t timeout_ms,
                              const char *cause)
{
    char text[128];
    leati_readable_format(text, sizeof(text), "ETIMEDOUT, %s within %lu ms", cause,
                          (unsigned long)timeout_ms);
    report_unsent(udp, ETIMEDOUT, hop, text);
}

/* Reports one datagram of the queue whose time is over; false if there is none. */
static bool queue_expire_one(struct leat_udp_socket *udp, uint64_t now_ms)
{
    char hop[LEAT_ERROR_HOP_SIZE];
    struct leati_udp_datagram *datagram = leati_udp_datagrams_take_expired(&udp->queue, now_ms);
    if (!datagram)
        return false;
    uint32_t timeout_ms = datagram->timeout_ms;
    datagram_describe(datagram, hop, sizeof(hop));
    leati_udp_datagram_forget(udp, datagram);
    leati_udp_report_expired(udp, hop, timeout_ms,
                             udp->state == LEATI_UDP_OPEN ? "the kernel had no room for it"
                                                          : "the proxy had no relay for it");
    return true;
}

void leati_udp_timer_fired(struct leati_timer *timer, void *user)
{
    struct leat_udp_socket *udp = user;
    uint64_t now_ms = *leati_loop_judged_ms(udp->loop);
    (void)timer;
    leati_udp_enter(udp);
    while (leati_udp_is_bound(udp) &&
           (queue_expire_one(udp, now_ms) || leati_udp_lookups_expire_one(udp, now_ms)))
        ;
    if (leati_udp_is_bound(udp)) {
        timer_arm_earliest(udp);
        leati_udp_queue_watch(udp);
        report_writable(udp);
    }
    leati_udp_leave(udp);
}

static bool queue_has_room(const struct leat_udp_socket *udp, size_t cost)
{
    size_t limit = udp->settings->send_queue_limit_bytes;
    return udp->buffered_bytes == 0 || (cost <= limit && udp->buffered_bytes <= limit - cost);
}

/* NULL without memory. */
static struct leati_udp_datagram *datagram_make(struct leat_udp_socket *udp, size_t header_cap,
                                                const void *data, size_t len)
{
    size_t cost = datagram_cost(header_cap, len);
    struct leati_udp_datagram *datagram = leati_malloc(cost);
    uint32_t timeout_ms = udp->options.extra.socket_timeout_ms;
    uint64_t deadline_ms = timeout_ms ? leati_clock_ms() + timeout_ms : 0;
    if (!datagram || timer_arm(udp, deadline_ms) != LEAT_OK) {
        leati_free(datagram);
        return NULL;
    }
    *datagram = (struct leati_udp_datagram){
        .deadline_ms = deadline_ms,
        .timeout_ms = timeout_ms,
        .header_cap = header_cap,
        .len = len,
    };
    if (len > 0)
        memcpy(datagram->bytes + header_cap, data, len);
    udp->buffered_bytes += cost;
    return datagram;
}

struct leati_udp_datagram *leati_udp_datagram_new(struct leat_udp_socket *udp, size_t header_cap,
                                                  const void *data, size_t len)
{
    if (!queue_has_room(udp, datagram_cost(header_cap, len))) {
        udp->send_refused = true;
        leati_udp_refuse_errno(udp, EAGAIN, "the send queue is full");
        return NULL;
    }
    struct leati_udp_datagram *datagram = datagram_make(udp, header_cap, data, len);
    if (!datagram)
        leati_udp_no_memory(udp);
    return datagram;
}

static bool may_defer(const struct leat_udp_socket *udp, const struct leati_address *to, size_t len)
{
    if (udp->depth == 0 || udp->state != LEATI_UDP_OPEN || len > LEATI_UDP_DEFER_MAX_BYTES)
        return false;
    /* What waits for the kernel waits for it alone. */
    if (udp->queue.first && udp->deferred == 0)
        return false;
    if (udp->association && leati_udp_association_protects(udp->association))
        return false;
    if (udp->association)
        to = leati_udp_association_relay(udp->association);
    return leati_address_equals(to, &udp->proven) ||
           (udp->delivers && leati_address_equals(to, &udp->from.address));
}

bool leati_udp_defer(struct leat_udp_socket *udp, const struct leati_address *to, uint16_t port,
                     const struct iovec iov[2])
{
    size_t header_len = iov[0].iov_len, len = iov[1].iov_len;
    if (!may_defer(udp, to, header_len + len))
        return false;
    if (udp->deferred == LEATI_UDP_SENDS_PER_CALL ||
        !queue_has_room(udp, datagram_cost(header_len, len)))
        leati_udp_send_deferred(udp);
    if (udp->queue.first && udp->deferred == 0)
        return false;
    struct leati_udp_datagram *datagram = datagram_make(udp, header_len, iov[1].iov_base, len);
    if (!datagram)
        return false;
    datagram->to = *to;
    datagram->port = port;
    datagram->header_len = header_len;
    memcpy(datagram->bytes, iov[0].iov_base, header_len);
    leati_udp_datagrams_append(&udp->queue, datagram);
    udp->deferred++;
    udp->flush_due = true;
    return true;
}

void leati_udp_drop_waiting(struct leat_udp_socket *udp)
{
    leati_udp_lookups_drop(udp);
    leati_udp_datagrams_drop(udp, &udp->queue);
}
