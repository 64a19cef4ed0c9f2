/* SPDX-License-Identifier: Apache-2.0 */
/* UDP ASSOCIATE: RFC 1928 section 7. */
#include "testing/datagrams.h"
#include "testing/peer.h"
#include "testing/resolve.h"
#include "testing/socks5.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES_MAX 22
/* Destinations of one association that datagrams may be on their way to at the same time. */
#define DESTINATIONS_MAX 256

struct association {
    int inside;                     /* the client's side, on the address it came to */
    int outside[2];                 /* IPv4, IPv6; -1 = none */
    struct sockaddr_storage client; /* from its first datagram on */
    bool client_is_known;
    uint8_t *buf; /* HEADER_BYTES_MAX before a datagram */
    struct leati_datagram_link link;
    struct sockaddr_storage destinations[DESTINATIONS_MAX]; /* by the tags of what goes out */
    unsigned destination_count;
};

static bool address_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    uint8_t a_bytes[19], b_bytes[19];
    size_t len = leati_testing_socks5_address_write(a, a_bytes);
    return len == leati_testing_socks5_address_write(b, b_bytes) &&
           memcmp(a_bytes, b_bytes, len) == 0;
}

static void address_describe(const struct sockaddr_storage *address, char *buf, size_t cap)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    bool is_v6 = address->ss_family == AF_INET6;
    char host[INET6_ADDRSTRLEN] = "?";
    inet_ntop(address->ss_family, is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, host,
              sizeof(host));
    snprintf(buf, cap, is_v6 ? "[%s]:%u" : "%s:%u", host,
             ntohs(is_v6 ? v6->sin6_port : v4->sin_port));
}

/* ---- one datagram ---------------------------------------------------------------------------- */

/* The number of a destination; the last one is given away again where there are too many. */
static unsigned destination_tag(struct association *a, const struct sockaddr_storage *to)
{
    unsigned tag = 0;
    while (tag < a->destination_count && !address_equal(&a->destinations[tag], to))
        ++tag;
    if (tag == DESTINATIONS_MAX)
        --tag;
    if (tag == a->destination_count)
        ++a->destination_count;
    a->destinations[tag] = *to;
    return tag;
}

/* A datagram goes to `to`, under the conditions. */
static bool datagram_carry(struct leati_peer *p, struct association *a, bool to_client,
                           const struct sockaddr_storage *to, const uint8_t *data, size_t len)
{
    char text[64];
    address_describe(to, text, sizeof(text));
    return leati_datagram_carry(p, &a->link, to_client, text,
                                to_client ? 0 : destination_tag(a, to), data, len);
}

/* What cannot be sent is lost, as datagrams are. */
static void datagram_send(int fd, const struct sockaddr_storage *to, const uint8_t *data,
                          size_t len)
{
    (void)sendto(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)to,
                 leati_testing_address_size(to));
}

/* Sends what is due, either way. */
static bool due_send(struct leati_peer *p, struct association *a)
{
    const uint8_t *data;
    size_t len;
    unsigned tag;
    while ((data = leati_datagram_due(&a->link.up, &len, &tag))) {
        const struct sockaddr_storage *to = &a->destinations[tag];
        datagram_send(a->outside[to->ss_family == AF_INET6], to, data, len);
        leati_flow_sent(&a->link.up, len, leati_clock_us());
    }
    while ((data = leati_datagram_due(&a->link.down, &len, &tag))) {
        pthread_mutex_lock(&p->server->lock);
        p->server->seen.datagrams_out++;
        pthread_mutex_unlock(&p->server->lock);
        if (!leati_peer_datagram_moved(p, true, len))
            return false;
        datagram_send(a->inside, &a->client, data, len);
        leati_flow_sent(&a->link.down, len, leati_clock_us());
    }
    return true;
}

/* The length of the header and where the datagram is to go. 0 = it is to be dropped. */
static size_t header_parse(struct leati_peer *p, const uint8_t *data, size_t len,
                           struct sockaddr_storage *ret_to)
{
    char host[256];
    if (len < 5 || data[2] != 0) { /* fragments are optional, and nobody sends them */
        return 0;
    }
    size_t at = data[3] == 3 ? 5 : 4;
    size_t host_len = data[3] == 1 ? 4 : data[3] == 4 ? 16 : data[3] == 3 ? data[4] : 0;
    if (host_len == 0 || len < at + host_len + 2)
        return 0;
    if (data[3] == 3) {
        memcpy(host, data + at, host_len);
        host[host_len] = '\0';
    } else {
        inet_ntop(data[3] == 1 ? AF_INET : AF_INET6, data + at, host, sizeof(host));
    }
    uint16_t port = (uint16_t)(data[at + host_len] << 8 | data[at + host_len + 1]);
    return leati_peer_resolve(p, host, port, SOCK_DGRAM, ret_to, 1) == 1 ? at + host_len + 2 : 0;
}

static bool from_client(struct leati_peer *p, struct association *a)
{
    struct sockaddr_storage from, to;
    socklen_t size = sizeof(from);
    ssize_t len = recvfrom(a->inside, a->buf, LEATI_TESTING_DATAGRAM_BYTES, MSG_DONTWAIT,
                           (struct sockaddr *)&from, &size);
    if (len < 0 || (a->client_is_known && !address_equal(&from, &a->client)))
        return true;
    size_t header_len = header_parse(p, a->buf, (size_t)len, &to);
    if (header_len == 0) {
        (void)leati_peer_problem(p, "a datagram of %zd bytes that goes nowhere", len);
        return true;
    }
    a->client = from;
    a->client_is_known = true;
    int fd = a->outside[to.ss_family == AF_INET6];
    return fd < 0 ||
           datagram_carry(p, a, false, &to, a->buf + header_len, (size_t)len - header_len);
}

static bool from_outside(struct leati_peer *p, struct association *a, int fd)
{
    struct sockaddr_storage from = {.ss_family = AF_INET};
    socklen_t size = sizeof(from);
    uint8_t header[HEADER_BYTES_MAX] = {0};
    uint8_t *data = a->buf + HEADER_BYTES_MAX;
    ssize_t len = recvfrom(fd, data, LEATI_TESTING_DATAGRAM_BYTES - HEADER_BYTES_MAX, MSG_DONTWAIT,
                           (struct sockaddr *)&from, &size);
    if (len < 0 || !a->client_is_known)
        return true;
    size_t header_len = 3 + leati_testing_socks5_address_write(&from, header + 3);
    memcpy(data - header_len, header, header_len);
    return datagram_carry(p, a, true, &a->client, data - header_len, header_len + (size_t)len);
}

/* ---- the association ------------------------------------------------------------------------- */

static void association_done(struct association *a)
{
    const int fds[] = {a->inside, a->outside[0], a->outside[1]};
    for (size_t i = 0; i < 3; ++i)
        if (fds[i] >= 0)
            close(fds[i]);
    leati_datagram_link_done(&a->link);
    leati_free(a->buf);
}

/* false with an errno. `ret_bound` is where the client is to send to. */
static bool association_init(struct leati_peer *p, struct association *a,
                             struct sockaddr_storage *ret_bound)
{
    socklen_t size;
    *a = (struct association){.inside = -1, .outside = {-1, -1}};
    leati_datagram_link_init(p, &a->link);
    a->buf = leati_malloc(HEADER_BYTES_MAX + (size_t)LEATI_TESTING_DATAGRAM_BYTES);
    *ret_bound = p->local;
    if (!a->buf || (p->local.ss_family != AF_INET && p->local.ss_family != AF_INET6))
        return false;
    in_port_t *port = ret_bound->ss_family == AF_INET
                          ? &((struct sockaddr_in *)(void *)ret_bound)->sin_port
                          : &((struct sockaddr_in6 *)(void *)ret_bound)->sin6_port;
    *port = 0;
    a->inside = socket(ret_bound->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    a->outside[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    a->outside[1] = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    size = leati_testing_address_size(ret_bound);
    return a->inside >= 0 && a->outside[0] >= 0 &&
           bind(a->inside, (struct sockaddr *)ret_bound, size) == 0 &&
           getsockname(a->inside, (struct sockaddr *)ret_bound, &size) == 0;
}

static bool association_run(struct leati_peer *p, struct association *a)
{
    while (due_send(p, a)) {
        struct pollfd fds[] = {
            {.fd = p->server->stop_fd, .events = POLLIN}, {.fd = p->fd, .events = POLLRDHUP},
            {.fd = a->inside, .events = POLLIN},          {.fd = a->outside[0], .events = POLLIN},
            {.fd = a->outside[1], .events = POLLIN},
        };
        int wait_ms = leati_datagram_link_wait_ms(&a->link, LEATI_DATAGRAMS_IDLE_MS);
        if ((poll(fds, 5, wait_ms) < 0 && errno != EINTR) || fds[0].revents != 0)
            return false;
        if (fds[1].revents != 0) {
            return true; /* RFC 1928 section 6: it lives as long as the connection */
        }
        if ((fds[2].revents != 0 && !from_client(p, a)) ||
            (fds[3].revents != 0 && !from_outside(p, a, a->outside[0])) ||
            (fds[4].revents != 0 && !from_outside(p, a, a->outside[1])))
            return false;
    }
    return false;
}

bool leati_peer_associate(struct leati_peer *p)
{
    struct sockaddr_storage bound;
    struct association *a = leati_malloc(sizeof(*a));
    if (!a)
        return leati_testing_socks5_reply(p, 1, NULL);
    bool is_open = association_init(p, a, &bound);
    bool goes_on = leati_testing_socks5_reply(p, is_open ? 0 : 1, &bound) && association_run(p, a);
    association_done(a);
    leati_free(a);
    return goes_on;
}
