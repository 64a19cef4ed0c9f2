/* SPDX-License-Identifier: Apache-2.0 */
/* Carries bytes between a client and its destination, as fast as both take them. */
#include "testing/link.h"
#include "testing/peer.h"
#include "util/alloc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One direction. Towards the client the buffer holds what goes onto the wire, so TLS records where
 * there is TLS. */
struct way {
    int from, to;
    bool to_client;
    bool ended;     /* `from` has ended */
    bool shut;      /* and `to` was told */
    bool has_piece; /* a piece of the shape was begun */
    size_t at, len;
    uint8_t *buf; /* LEATI_TESTING_READ_BYTES */
};

static bool is_retry(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Tells `to` about the end once everything has gone. */
static void way_shut(struct leati_peer *p, struct way *way)
{
    if (way->ended && way->len == 0 && !way->shut) {
        if (way->to_client && p->tls)
            (void)leati_peer_tls_close_notify(p);
        if (way->to_client)
            leati_peer_ended(p, true, false);
        shutdown(way->to, SHUT_WR);
        way->shut = true;
    }
}

static void way_take_plain(struct leati_peer *p, struct way *way)
{
    way->at = 0;
    way->len = leati_peer_tls_take(p, way->buf, LEATI_TESTING_READ_BYTES);
}

/* Fills the buffer. false = the connection is over. */
static bool client_read(struct leati_peer *p, struct way *way, size_t allowed)
{
    uint8_t wire[LEATI_TESTING_WIRE_BYTES];
    bool in_tls = p->tls;
    size_t cap = in_tls ? sizeof(wire) : LEATI_TESTING_READ_BYTES;
    ssize_t len =
        recv(way->from, in_tls ? wire : way->buf, allowed < cap ? allowed : cap, MSG_DONTWAIT);
    if (is_retry(len))
        return true;
    if (len <= 0) {
        leati_peer_ended(p, false, len < 0);
        way->ended = true;
        return len == 0;
    }
    if (!leati_peer_moved(p, false, in_tls ? wire : way->buf, (size_t)len))
        return false;
    if (in_tls) {
        if (!leati_peer_tls_feed(p, wire, (size_t)len))
            return false;
        way_take_plain(p, way);
    } else {
        way->at = 0;
        way->len = (size_t)len;
    }
    return true;
}

static bool upstream_read(struct leati_peer *p, struct way *way)
{
    uint8_t plain[LEATI_TESTING_PLAIN_BYTES];
    bool in_tls = p->tls;
    ssize_t len = recv(way->from, in_tls ? plain : way->buf,
                       in_tls ? sizeof(plain) : LEATI_TESTING_READ_BYTES, MSG_DONTWAIT);
    if (is_retry(len))
        return true;
    if (len < 0)
        return leati_peer_end(p, LEATI_PEER_RESET);
    way->ended = len == 0;
    way->at = 0;
    way->len = (size_t)len;
    if (in_tls && len > 0) {
        way->len = leati_peer_tls_wrap(p, plain, (size_t)len, way->buf);
        return way->len > 0;
    }
    return true;
}

/* How much of the buffer is one segment. */
static size_t way_piece(const struct leati_peer *p, const struct way *way)
{
    size_t split = p->shape.split != 0 ? p->shape.split : p->shape.split_at;
    bool is_cut = way->to_client && split != 0 && split < way->len;
    return is_cut && (p->shape.split != 0 || !way->has_piece) ? split : way->len;
}

static bool way_write(struct leati_peer *p, struct way *way, size_t allowed)
{
    ssize_t sent = send(way->to, way->buf + way->at, allowed, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (is_retry(sent))
        return true;
    if (sent < 0)
        return !way->to_client && leati_peer_end(p, LEATI_PEER_RESET);
    const uint8_t *data = way->buf + way->at;
    way->at += (size_t)sent;
    way->len -= (size_t)sent;
    if (!way->to_client)
        return true;
    bool more = leati_peer_moved(p, true, data, (size_t)sent);
    if (more && (p->shape.split != 0 || (p->shape.split_at != 0 && !way->has_piece))) {
        way->has_piece = true;
        if (p->link && !leati_link_settle(p))
            return false;
        more = p->shape.gap_ms == 0 || way->len == 0 || leati_peer_sleep(p, p->shape.gap_ms);
    }
    return more;
}

/* What a way waits for; 0 = nothing now. `*timeout_ms` is shortened if it waits for its rate. */
static short way_wants(struct leati_peer *p, const struct way *way, size_t *ret_allowed,
                       int *timeout_ms)
{
    bool writes = way->len > 0;
    bool is_paced = writes == way->to_client; /* the side of the client */
    size_t wanted = writes ? way_piece(p, way) : LEATI_TESTING_READ_BYTES;
    int wait_ms = 0;
    *ret_allowed = wanted;
    if (!writes && way->ended)
        return 0;
    if (is_paced) {
        *ret_allowed = leati_peer_allowed(p, way->to_client, wanted, &wait_ms);
        if (*ret_allowed == 0) {
            *timeout_ms = *timeout_ms < 0 || wait_ms < *timeout_ms ? wait_ms : *timeout_ms;
            return 0;
        }
    }
    return writes ? POLLOUT : POLLIN;
}

/* One round: waits and moves what can be moved. false = the relay is over. */
static bool relay_round(struct leati_peer *p, struct way ways[2])
{
    struct pollfd fds[3] = {{.fd = p->server->stop_fd, .events = POLLIN}};
    size_t allowed[2];
    int timeout_ms = -1;
    for (int i = 0; i < 2; ++i) {
        short wants = way_wants(p, &ways[i], &allowed[i], &timeout_ms);
        fds[1 + i].fd = wants == 0 ? -1 : wants == POLLOUT ? ways[i].to : ways[i].from;
        fds[1 + i].events = wants;
    }
    if ((poll(fds, 3, timeout_ms) < 0 && errno != EINTR) || fds[0].revents != 0)
        return false;
    for (int i = 0; i < 2; ++i) {
        struct way *way = &ways[i];
        if (fds[1 + i].fd < 0 || fds[1 + i].revents == 0)
            continue;
        bool goes_on = way->len > 0     ? way_write(p, way, allowed[i])
                       : way->to_client ? upstream_read(p, way)
                                        : client_read(p, way, allowed[i]);
        if (!goes_on)
            return false;
        if (!way->to_client && way->len == 0 && p->tls) {
            way_take_plain(p, way); /* a record more may lie ready */
        }
    }
    way_shut(p, &ways[0]);
    way_shut(p, &ways[1]);
    return true;
}

bool leati_peer_relay(struct leati_peer *p, int upstream)
{
    uint8_t *buffers = leati_malloc(2 * (size_t)LEATI_TESTING_READ_BYTES);
    struct way ways[2] = {
        {.from = p->fd, .to = upstream, .buf = buffers},
        {.from = upstream,
         .to = p->fd,
         .buf = buffers ? buffers + LEATI_TESTING_READ_BYTES : NULL,
         .to_client = true},
    };
    bool goes_on = buffers;
    p->carrying = true;
    /* What has come behind the request goes first. */
    while (goes_on && (p->in_len > 0 || ways[0].len > 0)) {
        if (ways[0].len == 0) {
            ways[0].at = 0;
            ways[0].len =
                p->in_len < LEATI_TESTING_READ_BYTES ? p->in_len : LEATI_TESTING_READ_BYTES;
            memcpy(ways[0].buf, p->in, ways[0].len);
            leati_peer_consume(p, ways[0].len);
        }
        goes_on = relay_round(p, ways);
    }
    if (goes_on && p->tls)
        way_take_plain(p, &ways[0]);
    while (goes_on && !(ways[0].shut && ways[1].shut))
        goes_on = relay_round(p, ways);
    p->carrying = false;
    close(upstream);
    leati_free(buffers);
    return goes_on;
}
