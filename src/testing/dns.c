/* SPDX-License-Identifier: Apache-2.0 */
/* A DNS server: RFC 1035 section 4.2, over UDP and TCP. */
#include "testing/dns_table.h"
#include "testing/datagrams.h"
#include "testing/resolve.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* The step `query`: what the faults make of an answer. false = the connection is over. */
static bool query_step(struct leati_peer *p, const struct leati_dns_verdict *verdict,
                       const uint8_t **data, size_t *len)
{
    if (!leati_peer_step(p, LEAT_TESTING_STEP_QUERY, "%s", verdict->question))
        return false;
    leati_datagram_shape(p, data, len);
    if (p->shape.skip)
        *len = 0;
    return true;
}

/* ---- over UDP -------------------------------------------------------------------------------- */

/* An answer that is delayed does not hold up the others: it waits in the link. */
static bool datagram_take(struct leati_peer *p, struct leati_datagram_link *link,
                          const uint8_t *query, size_t query_len, uint8_t *answer)
{
    struct leati_dns_verdict verdict;
    pthread_mutex_lock(&p->server->lock);
    p->server->seen.datagrams_in++;
    pthread_mutex_unlock(&p->server->lock);
    if (!leati_peer_datagram_moved(p, false, query_len))
        return false;
    leati_dns_answer(p->server->dns, query, query_len, true, answer, &verdict);
    if (verdict.len == 0 && !verdict.is_silent) {
        (void)leati_peer_problem(p, "%zu bytes that are no query", query_len);
        return true;
    }
    const uint8_t *data = answer;
    size_t len = verdict.len;
    if (!query_step(p, &verdict, &data, &len))
        return false;
    leati_datagram_link_refresh(p, link);
    uint64_t when_us = leati_clock_us() + (uint64_t)verdict.delay_ms * 1000;
    if (len > 0 && !leati_flow_push(&link->down, data, len, 0, when_us))
        return leati_peer_problem(p, "no memory for an answer");
    return leati_peer_step_done(p);
}

/* What is due on the way to the server is only then looked at. */
static bool queries_take(struct leati_peer *p, struct leati_datagram_link *link, uint8_t *answer)
{
    const uint8_t *data;
    size_t len;
    unsigned tag;
    while ((data = leati_datagram_due(&link->up, &len, &tag))) {
        if (!datagram_take(p, link, data, len, answer))
            return false;
        leati_flow_sent(&link->up, len, leati_clock_us());
    }
    return leati_datagrams_answer(p, link);
}

static void datagrams_serve(struct leati_peer *p, uint8_t *query, uint8_t *answer)
{
    struct leati_datagram_link link;
    uint64_t last_ms = leati_clock_ms();
    leati_datagram_link_init(p, &link);
    while ((link.down.first || leati_clock_ms() - last_ms < LEATI_DATAGRAMS_IDLE_MS) &&
           queries_take(p, &link, answer)) {
        struct pollfd fds[] = {{.fd = p->server->stop_fd, .events = POLLIN},
                               {.fd = p->fd, .events = POLLIN}};
        int wait_ms = leati_datagram_link_wait_ms(&link, LEATI_DATAGRAMS_IDLE_MS);
        if ((poll(fds, 2, wait_ms) < 0 && errno != EINTR) || fds[0].revents != 0)
            break;
        if (fds[1].revents == 0)
            continue;
        ssize_t len = recv(p->fd, query, LEATI_DNS_BYTES_MAX, MSG_DONTWAIT);
        if (len < 0)
            continue;
        last_ms = leati_clock_ms();
        leati_datagram_link_refresh(p, &link);
        if (!leati_flow_push(&link.up, query, (size_t)len, 0, leati_clock_us()))
            break;
    }
    leati_datagram_link_done(&link);
}

/* ---- over TCP -------------------------------------------------------------------------------- */

static bool message_serve(struct leati_peer *p, uint8_t *answer)
{
    struct leati_dns_verdict verdict;
    if (!leati_peer_need(p, 2))
        return false;
    size_t query_len = (size_t)(p->in[0] << 8 | p->in[1]);
    if (!leati_peer_need(p, 2 + query_len))
        return leati_peer_problem(p, "no whole query came");
    leati_dns_answer(p->server->dns, p->in + 2, query_len, false, answer + 2, &verdict);
    leati_peer_consume(p, 2 + query_len);
    if (verdict.len == 0 && !verdict.is_silent)
        return leati_peer_problem(p, "%zu bytes that are no query", query_len);
    const uint8_t *data = answer + 2;
    size_t len = verdict.len;
    if (!query_step(p, &verdict, &data, &len) ||
        (verdict.delay_ms > 0 && !leati_peer_sleep(p, verdict.delay_ms)))
        return false;
    if (len == 0)
        return leati_peer_step_done(p);
    if (len > LEATI_DNS_BYTES_MAX)
        return leati_peer_problem(p, "an answer of more than 65535 bytes");
    if (data != answer + 2)
        memcpy(answer + 2, data, len);
    answer[0] = (uint8_t)(len >> 8);
    answer[1] = (uint8_t)len;
    return leati_peer_send(p, answer, 2 + len) && leati_peer_step_done(p);
}

void leati_testing_serve_dns(struct leati_peer *p)
{
    uint8_t *bufs = leati_malloc(2 * ((size_t)LEATI_DNS_BYTES_MAX + 2));
    bool goes_on = bufs;
    if (bufs && p->dispatch_fd >= 0) {
        datagrams_serve(p, bufs, bufs + LEATI_DNS_BYTES_MAX);
    } else {
        while (goes_on)
            goes_on = message_serve(p, bufs);
        (void)leati_peer_end(p, p->ending == LEATI_PEER_ABANDON ? LEATI_PEER_CLOSE : p->ending);
    }
    leati_free(bufs);
}
