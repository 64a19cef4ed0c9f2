/* SPDX-License-Identifier: Apache-2.0 */
/* Carries bytes between a client and the connection of a server, as the conditions want it. */
#include "testing/link.h"
#include "testing/flow.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One direction. */
struct lane {
    struct leati_flow flow;
    int from, to;
    bool is_shut;    /* `to` was told that `from` has ended */
    bool is_blocked; /* `to` takes no more at the moment */
};

struct leati_link {
    struct leat_testing_server *server;
    pthread_t thread;
    int client, inner;
    int wake_fd;
    unsigned version;     /* of the server's conditions that hold here */
    atomic_bool resets;   /* the connection ends with a RST */
    atomic_bool is_left;  /* it has closed its end */
    struct lane lanes[2]; /* down, up */
    uint8_t *buf;         /* LEATI_TESTING_READ_BYTES */
};

/* Whether something else is to be done before the end of the link. */
enum outcome { GOES_ON, OVER, OVER_CLOSE, OVER_RESET };

static void conditions_refresh(struct leati_link *link)
{
    struct leat_testing_server *server = link->server;
    eventfd_t dropped;
    (void)eventfd_read(link->wake_fd, &dropped);
    struct leati_condition_set *set = leati_testing_conditions_newer(server, &link->version);
    if (!set)
        return;
    uint64_t now_us = leati_clock_us();
    for (size_t i = 0; i < 2; ++i)
        leati_flow_set(&link->lanes[i].flow, set->conditions, set->count, now_us);
    leati_testing_conditions_release(server, set);
}

static bool is_retry(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EINTR);
}

static enum outcome lane_read(struct leati_link *link, struct lane *lane)
{
    ssize_t len = recv(lane->from, link->buf, LEATI_TESTING_READ_BYTES, MSG_DONTWAIT);
    if (is_retry(len))
        return GOES_ON;
    uint64_t now_us = leati_clock_us();
    if (len == 0 || (len < 0 && lane->from == link->inner)) {
        leati_flow_finish(&lane->flow, now_us); /* the connection may have left bytes unread */
        return GOES_ON;
    }
    if (len < 0)
        return OVER; /* the client is gone */
    return leati_flow_push(&lane->flow, link->buf, (size_t)len, 0, now_us) ? GOES_ON : OVER;
}

/* Sends what is due. */
static enum outcome lane_write(struct lane *lane, uint64_t *wait_us)
{
    const uint8_t *data;
    unsigned tag;
    for (;;) {
        uint64_t now_us = leati_clock_us();
        size_t len = leati_flow_take(&lane->flow, now_us, &data, &tag, wait_us);
        if (len == 0)
            return GOES_ON;
        ssize_t sent = send(lane->to, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (is_retry(sent)) {
            lane->is_blocked = true;
            return GOES_ON;
        }
        if (sent < 0 && lane->flow.direction == LEAT_TESTING_DOWN)
            return OVER;
        leati_flow_sent(&lane->flow, sent < 0 ? len : (size_t)sent, now_us);
    }
}

/* Moves what is due in one direction, and tells the end of it. */
static enum outcome lane_run(struct leati_link *link, struct lane *lane, uint64_t *wait_us)
{
    lane->is_blocked = false;
    enum outcome outcome = lane_write(lane, wait_us);
    if (outcome != GOES_ON || lane->is_shut)
        return outcome;
    switch (leati_flow_end(&lane->flow, leati_clock_us(), wait_us)) {
    case LEATI_FLOW_GOES_ON:
        return GOES_ON;
    case LEATI_FLOW_ENDED:
        if (lane->to == link->client && atomic_load(&link->resets))
            return OVER_RESET;
        shutdown(lane->to, SHUT_WR);
        lane->is_shut = true;
        return GOES_ON;
    case LEATI_FLOW_CLOSE:
        return OVER_CLOSE;
    case LEATI_FLOW_RESET:
        return OVER_RESET;
    }
    return GOES_ON;
}

static int wait_ms_of(uint64_t wait_us)
{
    if (wait_us == UINT64_MAX)
        return -1;
    return wait_us / 1000 < 60000 ? (int)((wait_us + 999) / 1000) : 60000;
}

/* Waits for what can move next, and reads. */
static enum outcome link_poll(struct leati_link *link, uint64_t wait_us)
{
    struct pollfd fds[] = {
        {.fd = link->server->stop_fd, .events = POLLIN},
        {.fd = link->wake_fd, .events = POLLIN},
        {.fd = -1}, /* down: reads from the connection */
        {.fd = -1}, /* up: reads from the client */
        {.fd = -1}, /* down: writes */
        {.fd = -1}, /* up: writes */
    };
    for (size_t i = 0; i < 2; ++i) {
        const struct lane *lane = &link->lanes[i];
        if (leati_flow_has_room(&lane->flow))
            fds[2 + i] = (struct pollfd){.fd = lane->from, .events = POLLIN};
        if (lane->is_blocked)
            fds[4 + i] = (struct pollfd){.fd = lane->to, .events = POLLOUT};
    }
    if (poll(fds, 6, wait_ms_of(wait_us)) < 0)
        return errno == EINTR ? GOES_ON : OVER;
    if (fds[0].revents != 0)
        return OVER;
    if (fds[1].revents != 0)
        conditions_refresh(link);
    for (size_t i = 0; i < 2; ++i)
        if (fds[2 + i].fd >= 0 && fds[2 + i].revents != 0 &&
            lane_read(link, &link->lanes[i]) != GOES_ON)
            return OVER;
    return GOES_ON;
}

/* FIN, and what still comes is dropped for a while: a RST would take from the client what it has not
 * read. */
static void client_close(struct leati_link *link)
{
    uint64_t end_ms = leati_clock_ms() + LEATI_TESTING_DELIVERY_MS;
    shutdown(link->client, SHUT_WR);
    for (uint64_t now_ms; (now_ms = leati_clock_ms()) < end_ms;) {
        struct pollfd fds[] = {{.fd = link->server->stop_fd, .events = POLLIN},
                               {.fd = link->client, .events = POLLIN}};
        if (poll(fds, 2, (int)(end_ms - now_ms)) <= 0 || fds[0].revents != 0)
            return;
        ssize_t len = recv(link->client, link->buf, LEATI_TESTING_READ_BYTES, MSG_DONTWAIT);
        if (len == 0 || (len < 0 && !is_retry(len)))
            return;
    }
}

/* Both ends have been told of the end of the other, or there is nobody any more to be told. */
static bool link_is_done(struct leati_link *link)
{
    return link->lanes[0].is_shut && (link->lanes[1].is_shut || atomic_load(&link->is_left));
}

static void *link_run(void *user)
{
    struct leati_link *link = user;
    enum outcome outcome = GOES_ON;
    while (outcome == GOES_ON && !link_is_done(link)) {
        uint64_t wait_us = UINT64_MAX;
        for (size_t i = 0; i < 2 && outcome == GOES_ON; ++i)
            outcome = lane_run(link, &link->lanes[i], &wait_us);
        if (outcome == GOES_ON && !link_is_done(link))
            outcome = link_poll(link, wait_us);
    }
    close(link->inner); /* the connection sees its end */
    if (outcome == OVER_RESET)
        leati_testing_socket_reset(link->server, link->client);
    else if (outcome == OVER_CLOSE)
        client_close(link);
    close(link->client);
    return NULL;
}

/* ---- its life -------------------------------------------------------------------------------- */

static void link_free(struct leati_link *link)
{
    if (link->wake_fd >= 0)
        close(link->wake_fd);
    leati_flow_done(&link->lanes[0].flow);
    leati_flow_done(&link->lanes[1].flow);
    leati_free(link->buf);
    leati_free(link);
}

bool leati_link_start(struct leati_peer *p)
{
    int pair[2] = {-1, -1};
    struct leati_link *link = leati_calloc(1, sizeof(*link));
    if (!link)
        return false;
    link->server = p->server;
    link->client = p->fd;
    link->buf = leati_malloc(LEATI_TESTING_READ_BYTES);
    link->wake_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK); /* 1: it asks for the conditions */
    uint64_t seed = leati_flow_seed(p->server->options.seed, p->number);
    leati_flow_init(&link->lanes[0].flow, LEAT_TESTING_DOWN, false, seed);
    leati_flow_init(&link->lanes[1].flow, LEAT_TESTING_UP, false, seed);
    if (!link->buf || link->wake_fd < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        link_free(link);
        return false;
    }
    link->inner = pair[0];
    link->lanes[0].from = link->lanes[1].to = pair[0];
    link->lanes[0].to = link->lanes[1].from = p->fd;
    conditions_refresh(link);
    if (pthread_create(&link->thread, NULL, link_run, link) != 0) {
        close(pair[0]);
        close(pair[1]);
        link_free(link);
        return false;
    }
    p->fd = pair[1];
    pthread_mutex_lock(&p->server->lock);
    p->link = link;
    leati_link_wake(link); /* for what has changed meanwhile */
    pthread_mutex_unlock(&p->server->lock);
    return true;
}

void leati_link_finish(struct leati_peer *p)
{
    struct leati_link *link = p->link;
    atomic_store(&link->is_left, true);
    leati_link_wake(link);
    pthread_join(link->thread, NULL);
    pthread_mutex_lock(&p->server->lock);
    p->link = NULL;
    pthread_mutex_unlock(&p->server->lock);
    link_free(link);
}

void leati_link_reset(struct leati_link *link)
{
    atomic_store(&link->resets, true);
}

void leati_link_wake(struct leati_link *link)
{
    (void)eventfd_write(link->wake_fd, 1);
}

bool leati_link_settle(struct leati_peer *p)
{
    int unread = 0;
    while (ioctl(p->fd, SIOCOUTQ, &unread) == 0 && unread > 0)
        if (!leati_peer_sleep(p, 1))
            return false;
    return true;
}
