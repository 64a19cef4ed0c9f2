/* SPDX-License-Identifier: Apache-2.0 */
/* Servers of datagrams: one socket, a session with a thread for each client, the relay for UDP. */
#include "testing/datagrams.h"
#include "testing/link.h"
#include "testing/resolve.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* ---- conditions ------------------------------------------------------------------------------ */

void leati_datagram_link_init(struct leati_peer *p, struct leati_datagram_link *link)
{
    uint64_t seed = leati_flow_seed(p->server->options.seed, p->number);
    link->version = 0;
    leati_flow_init(&link->down, LEAT_TESTING_DOWN, true, seed);
    leati_flow_init(&link->up, LEAT_TESTING_UP, true, seed);
    leati_datagram_link_refresh(p, link);
}

void leati_datagram_link_done(struct leati_datagram_link *link)
{
    leati_flow_done(&link->down);
    leati_flow_done(&link->up);
}

void leati_datagram_link_refresh(struct leati_peer *p, struct leati_datagram_link *link)
{
    struct leat_testing_server *server = p->server;
    struct leati_condition_set *set = leati_testing_conditions_newer(server, &link->version);
    if (!set)
        return;
    uint64_t now_us = leati_clock_us();
    leati_flow_set(&link->down, set->conditions, set->count, now_us);
    leati_flow_set(&link->up, set->conditions, set->count, now_us);
    leati_testing_conditions_release(server, set);
}

int leati_datagram_link_wait_ms(struct leati_datagram_link *link, int otherwise_ms)
{
    const uint8_t *data;
    unsigned tag;
    uint64_t wait_us = (uint64_t)otherwise_ms * 1000, now_us = leati_clock_us();
    (void)leati_flow_take(&link->down, now_us, &data, &tag, &wait_us);
    if (data)
        return 0;
    (void)leati_flow_take(&link->up, now_us, &data, &tag, &wait_us);
    return data ? 0 : (int)((wait_us + 999) / 1000);
}

/* ---- the socket, and who gets what ----------------------------------------------------------- */

int leati_datagrams_open(struct leat_testing_server *server)
{
    struct sockaddr_storage address;
    uint16_t port = server->port ? server->port : server->options.port;
    if (!leati_testing_address_parse(server->options.address, port, &address))
        return LEAT_E_SOCKET_BASE + EINVAL;
    socklen_t size = leati_testing_address_size(&address);
    server->datagram_fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->datagram_fd < 0 ||
        bind(server->datagram_fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(server->datagram_fd, (struct sockaddr *)&address, &size) != 0) {
        int code = LEAT_E_SOCKET_BASE + errno;
        if (server->datagram_fd >= 0)
            close(server->datagram_fd);
        server->datagram_fd = -1;
        return code;
    }
    server->port =
        ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
                                            : ((struct sockaddr_in *)(void *)&address)->sin_port);
    return LEAT_OK;
}

/* Gives a datagram to the session of its client. false: it has none. */
static bool session_feed(struct leat_testing_server *server, const struct sockaddr_storage *client,
                         const uint8_t *data, size_t len)
{
    bool is_found = false;
    pthread_mutex_lock(&server->lock);
    for (struct leati_peer *p = server->peers; p && !is_found; p = p->next) {
        is_found = p->dispatch_fd >= 0 && !p->finished && !p->is_leaving &&
                   memcmp(&p->client, client, leati_testing_address_size(client)) == 0;
        if (is_found)
            (void)send(p->dispatch_fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT); /* or it is lost */
    }
    pthread_mutex_unlock(&server->lock);
    return is_found;
}

static void session_start(struct leat_testing_server *server, const struct sockaddr_storage *client)
{
    int pair[2];
    pthread_mutex_lock(&server->lock);
    bool is_full = server->seen.live >= LEAT_TESTING_CONNECTIONS_MAX;
    pthread_mutex_unlock(&server->lock);
    if (!is_full && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0)
        leati_testing_connection_start(server, pair[1], pair[0], client);
}

void *leati_datagrams_run(void *user)
{
    struct leat_testing_server *server = user;
    struct pollfd fds[] = {{.fd = server->stop_fd, .events = POLLIN},
                           {.fd = server->datagram_fd, .events = POLLIN}};
    uint8_t *buf = leati_malloc(LEATI_TESTING_DATAGRAM_BYTES);
    while (buf && fds[0].revents == 0) {
        struct sockaddr_storage client;
        socklen_t size = sizeof(client);
        if (poll(fds, 2, -1) <= 0 || fds[1].revents == 0)
            continue;
        memset(&client, 0, sizeof(client));
        ssize_t len = recvfrom(server->datagram_fd, buf, LEATI_TESTING_DATAGRAM_BYTES, MSG_DONTWAIT,
                               (struct sockaddr *)&client, &size);
        if (len < 0)
            continue;
        if (!session_feed(server, &client, buf, (size_t)len)) {
            leati_testing_connections_join(server, false);
            session_start(server, &client);
            (void)session_feed(server, &client, buf, (size_t)len);
        }
    }
    leati_free(buf);
    return NULL;
}

/* ---- the relay ------------------------------------------------------------------------------- */

void leati_datagram_shape(const struct leati_peer *p, const uint8_t **data, size_t *len)
{
    if (p->shape.datagram) {
        *data = p->shape.datagram->data;
        *len = p->shape.datagram->len;
    }
    *len = *len < p->shape.truncate ? *len : p->shape.truncate;
}

bool leati_datagram_carry(struct leati_peer *p, struct leati_datagram_link *link, bool to_client,
                          const char *other, unsigned tag, const uint8_t *data, size_t len)
{
    struct leat_testing_server *server = p->server;
    pthread_mutex_lock(&server->lock);
    server->seen.datagrams_in += !to_client;
    pthread_mutex_unlock(&server->lock);
    if (!to_client && !leati_peer_datagram_moved(p, false, len))
        return false;
    if (!leati_peer_step(p, LEAT_TESTING_STEP_DATAGRAM, "%s %s %zu", to_client ? "in" : "out",
                         other, len))
        return false;
    leati_datagram_shape(p, &data, &len);
    leati_datagram_link_refresh(p, link);
    struct leati_flow *flow = to_client ? &link->down : &link->up;
    if (!p->shape.skip && !leati_flow_push(flow, data, len, tag, leati_clock_us()))
        return leati_peer_problem(p, "no memory for a datagram");
    return leati_peer_step_done(p);
}

static bool datagram_answer(struct leati_peer *p, const uint8_t *data, size_t len)
{
    if (!leati_peer_datagram_moved(p, true, len))
        return false;
    pthread_mutex_lock(&p->server->lock);
    p->server->seen.datagrams_out++;
    pthread_mutex_unlock(&p->server->lock);
    (void)sendto(p->server->datagram_fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT,
                 (struct sockaddr *)&p->client, leati_testing_address_size(&p->client));
    return true;
}

const uint8_t *leati_datagram_due(struct leati_flow *flow, size_t *ret_len, unsigned *ret_tag)
{
    const uint8_t *data;
    uint64_t wait_us = UINT64_MAX;
    *ret_len = leati_flow_take(flow, leati_clock_us(), &data, ret_tag, &wait_us);
    return data;
}

bool leati_datagrams_answer(struct leati_peer *p, struct leati_datagram_link *link)
{
    const uint8_t *data;
    size_t len;
    unsigned tag;
    while ((data = leati_datagram_due(&link->down, &len, &tag))) {
        if (!datagram_answer(p, data, len))
            return false;
        leati_flow_sent(&link->down, len, leati_clock_us());
    }
    return true;
}

/* Sends what is due, either way. */
static bool due_send(struct leati_peer *p, struct leati_datagram_link *link, int outside)
{
    const uint8_t *data;
    size_t len;
    unsigned tag;
    uint64_t wait_us = UINT64_MAX;
    while ((data = leati_datagram_due(&link->up, &len, &tag))) {
        if (send(outside, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == ECONNREFUSED)
            (void)leati_peer_problem(p, "%s: connection refused", p->server->options.to);
        leati_flow_sent(&link->up, len, leati_clock_us());
    }
    if (!leati_datagrams_answer(p, link))
        return false;
    uint64_t now_us = leati_clock_us();
    return leati_flow_end(&link->up, now_us, &wait_us) == LEATI_FLOW_GOES_ON &&
           leati_flow_end(&link->down, now_us, &wait_us) == LEATI_FLOW_GOES_ON;
}

static void relay_run(struct leati_peer *p, struct leati_datagram_link *link, int outside,
                      uint8_t *buf)
{
    uint64_t last_ms = leati_clock_ms();
    while (leati_clock_ms() - last_ms < LEATI_DATAGRAMS_IDLE_MS && due_send(p, link, outside)) {
        struct pollfd fds[] = {{.fd = p->server->stop_fd, .events = POLLIN},
                               {.fd = p->fd, .events = POLLIN},
                               {.fd = outside, .events = POLLIN}};
        if (poll(fds, 3, leati_datagram_link_wait_ms(link, LEATI_DATAGRAMS_IDLE_MS)) < 0 &&
            errno != EINTR)
            return;
        if (fds[0].revents != 0)
            return;
        for (int i = 1; i < 3; ++i) {
            ssize_t len = fds[i].revents == 0
                              ? -1
                              : recv(fds[i].fd, buf, LEATI_TESTING_DATAGRAM_BYTES, MSG_DONTWAIT);
            if (len < 0)
                continue;
            last_ms = leati_clock_ms();
            if (!leati_datagram_carry(p, link, i == 2, p->server->options.to, 0, buf, (size_t)len))
                return;
        }
    }
}

void leati_testing_serve_udp(struct leati_peer *p)
{
    const char *to = p->server->options.to;
    struct leati_peer_request *request = &p->request;
    struct sockaddr_storage address;
    struct leati_datagram_link link;
    if (!leati_testing_destination_parse(to, request->host, &request->port))
        return;
    leati_peer_show_request(p);
    if (!leati_peer_step(p, LEAT_TESTING_STEP_CONNECT, "%s", to))
        return;
    if (leati_peer_resolve(p, request->host, request->port, SOCK_DGRAM, &address, 1) != 1) {
        (void)leati_peer_problem(p, "%s: there is no such host", to);
        return;
    }
    uint8_t *buf = leati_malloc(LEATI_TESTING_DATAGRAM_BYTES);
    int outside = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    leati_datagram_link_init(p, &link);
    if (buf && outside >= 0 &&
        connect(outside, (struct sockaddr *)&address, leati_testing_address_size(&address)) == 0)
        relay_run(p, &link, outside, buf);
    leati_datagram_link_done(&link);
    if (outside >= 0)
        close(outside);
    leati_free(buf);
}
