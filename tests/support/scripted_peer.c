/* SPDX-License-Identifier: Apache-2.0 */
#include "support/scripted_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- steps ------------------------------------------------------------------------------------
 */

static bool step_read(struct scripted_connection *c, size_t len)
{
    if (!scripted_need(c, len)) {
        return scripted_problem(c, "%zu of %zu bytes came", c->in_len, len);
    }
    scripted_consume(c, len);
    return true;
}

static bool step_expect(struct scripted_connection *c, const struct peer_step *step)
{
    if (!scripted_need(c, step->len)) {
        return scripted_problem(c, "%zu of %zu bytes came", c->in_len, step->len);
    }
    if (memcmp(c->in, step->data, step->len) != 0) {
        return scripted_problem(c, "other bytes came than were expected");
    }
    scripted_consume(c, step->len);
    return true;
}

static bool step_drain(struct scripted_connection *c)
{
    do {
        c->in_len = 0;
    } while (scripted_need(c, 1));
    return true;
}

static bool step_wait(struct scripted_connection *c)
{
    struct scripted_peer *peer = c->peer;
    pthread_mutex_lock(&peer->lock);
    while (peer->releases == 0 && !peer->stopping) {
        pthread_cond_wait(&peer->changed, &peer->lock);
    }
    peer->releases -= peer->releases > 0;
    bool goes_on = !peer->stopping;
    pthread_mutex_unlock(&peer->lock);
    return goes_on;
}

static bool step_stall(struct scripted_connection *c)
{
    return scripted_wait_fd(c, c->fd, POLLRDHUP);
}

static bool step_shutdown(struct scripted_connection *c)
{
    return shutdown(c->fd, SHUT_WR) == 0;
}

static bool step_run(struct scripted_connection *c, const struct peer_step *step)
{
    switch (step->action) {
    case PEER_READ:
        return step_read(c, step->number);
    case PEER_EXPECT:
        return step_expect(c, step);
    case PEER_DRAIN:
        return step_drain(c);
    case PEER_READ_SOCKS5_GREETING:
        return scripted_read_socks5_greeting(c);
    case PEER_READ_SOCKS5_AUTH:
        return scripted_read_socks5_auth(c);
    case PEER_READ_SOCKS5_REQUEST:
        return scripted_read_socks5_request(c);
    case PEER_READ_TLS_RECORD:
        return scripted_read_tls_record(c);
    case PEER_READ_HTTP_HEAD:
        return scripted_read_http_head(c);
    case PEER_READ_FRAME:
        return scripted_read_frame(c, step);
    case PEER_SEND:
        return scripted_send(c, step, step->data, step->len);
    case PEER_SEND_SOCKS5_REPLY:
        return scripted_send_socks5_reply(c, step);
    case PEER_SEND_UPGRADE:
        return scripted_send_upgrade(c, step);
    case PEER_SEND_FRAME:
        return scripted_send_frame(c, step);
    case PEER_RELAY:
        return scripted_relay(c);
    case PEER_SERVE_ECHO:
        return scripted_serve_echo(c);
    case PEER_TLS_ACCEPT:
        return scripted_tls_accept(c, step->tls);
    case PEER_TLS_CLOSE_NOTIFY:
        return scripted_tls_close_notify(c);
    case PEER_WAIT:
        return step_wait(c);
    case PEER_STALL:
        return step_stall(c);
    case PEER_SHUTDOWN:
        return step_shutdown(c);
    case PEER_CLOSE:
    case PEER_RESET:
        break;
    }
    return false;
}

/* ---- one connection
 * ------------------------------------------------------------------------------ */

static void step_announce(struct scripted_peer *peer, const char *label)
{
    if (label != NULL) {
        pthread_mutex_lock(&peer->lock);
        if (peer->label_count < SCRIPTED_LABELS) {
            peer->labels[peer->label_count++] = label;
        }
        pthread_cond_broadcast(&peer->changed);
        pthread_mutex_unlock(&peer->lock);
    }
}

static void connection_end(struct scripted_connection *c, const struct peer_step *last)
{
    uint8_t dropped[4096];
    size_t len;
    if (last->action == PEER_CLOSE) {
        shutdown(c->fd, SHUT_WR);
        while (scripted_raw_recv(c, dropped, sizeof(dropped), &len)) {
        }
    } else if (last->action == PEER_RESET) {
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
                   sizeof(struct linger));
    }
    scripted_tls_free(c->tls);
    close(c->fd);
    free(c->in);
    free(c->held);
}

static void *connection_run(void *user)
{
    struct scripted_connection *c = user;
    struct scripted_peer *peer = c->peer;
    const struct peer_step *step = c->script;
    for (;; ++step) {
        step_announce(peer, step->label);
        if (!step_run(c, step)) {
            break;
        }
    }
    connection_end(c, step);
    free(c);

    pthread_mutex_lock(&peer->lock);
    --peer->live;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
    return NULL;
}

static void connection_start(struct scripted_peer *peer, int fd)
{
    struct scripted_connection *c = calloc(1, sizeof(*c));
    pthread_attr_t detached;
    pthread_t thread;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);

    pthread_mutex_lock(&peer->lock);
    unsigned index = peer->seen.connections++;
    ++peer->live;
    pthread_mutex_unlock(&peer->lock);
    size_t script = index < peer->script_count ? index : peer->script_count - 1;
    if (c != NULL) {
        *c = (struct scripted_connection){
            .peer = peer, .script = peer->options.scripts[script], .fd = fd};
    }
    if (c == NULL || pthread_create(&thread, &detached, connection_run, c) != 0) {
        free(c);
        close(fd);
        pthread_mutex_lock(&peer->lock);
        --peer->live;
        pthread_mutex_unlock(&peer->lock);
    }
    pthread_attr_destroy(&detached);
}

/* ---- the peer
 * --------------------------------------------------------------------------------------- */

static void *listener_run(void *user)
{
    struct scripted_peer *peer = user;
    struct pollfd fds[] = {
        {.fd = peer->stop_fd,  .events = POLLIN},
        {.fd = peer->listener, .events = POLLIN}
    };
    while (fds[0].revents == 0) {
        if (poll(fds, 2, -1) > 0 && fds[1].revents != 0) {
            int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0) {
                connection_start(peer, fd);
            }
        }
    }
    return NULL;
}

static int listener_open(bool ipv6, uint16_t *ret_port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *address = ipv6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t size = ipv6 ? sizeof(v6) : sizeof(v4);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, address, size) == 0 && listen(fd, 128) == 0 &&
        getsockname(fd, address, &size) == 0) {
        *ret_port = ntohs(ipv6 ? v6.sin6_port : v4.sin_port);
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

struct scripted_peer *scripted_peer_new(const struct scripted_peer_options *options)
{
    struct scripted_peer *peer = calloc(1, sizeof(*peer));
    if (peer == NULL) {
        return NULL;
    }
    peer->options = *options;
    while (peer->script_count < SCRIPTED_PEER_SCRIPTS &&
           options->scripts[peer->script_count] != NULL) {
        ++peer->script_count;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&peer->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&peer->lock, NULL);
    peer->stop_fd = eventfd(0, EFD_CLOEXEC);
    peer->listener = listener_open(options->ipv6, &peer->port);
    if (peer->script_count > 0 && peer->stop_fd >= 0 && peer->listener >= 0 &&
        pthread_create(&peer->thread, NULL, listener_run, peer) == 0) {
        return peer;
    }
    if (peer->listener >= 0) {
        close(peer->listener);
    }
    if (peer->stop_fd >= 0) {
        close(peer->stop_fd);
    }
    free(peer);
    return NULL;
}

struct scripted_peer *scripted_peer_start(const struct peer_step *script)
{
    return scripted_peer_new(&(struct scripted_peer_options){.scripts = {script}});
}

void scripted_peer_free(struct scripted_peer *peer)
{
    if (peer == NULL) {
        return;
    }
    pthread_mutex_lock(&peer->lock);
    peer->stopping = true;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
    (void)eventfd_write(peer->stop_fd, 1);
    pthread_join(peer->thread, NULL);
    pthread_mutex_lock(&peer->lock);
    while (peer->live > 0) {
        pthread_cond_wait(&peer->changed, &peer->lock);
    }
    pthread_mutex_unlock(&peer->lock);
    close(peer->listener);
    close(peer->stop_fd);
    pthread_mutex_destroy(&peer->lock);
    pthread_cond_destroy(&peer->changed);
    free(peer);
}

uint16_t scripted_peer_port(const struct scripted_peer *peer)
{
    return peer->port;
}

void scripted_peer_release(struct scripted_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    ++peer->releases;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
}

static bool label_seen(const struct scripted_peer *peer, const char *label)
{
    for (size_t i = 0; i < peer->label_count; ++i) {
        if (strcmp(peer->labels[i], label) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_idle(const struct scripted_peer *peer)
{
    return peer->seen.connections > 0 && peer->live == 0;
}

/* Waits until a label was seen, or, without one, until the peer is idle. */
static bool peer_wait(struct scripted_peer *peer, const char *label, int timeout_ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += timeout_ms / 1000;
    end.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    pthread_mutex_lock(&peer->lock);
    int result = 0;
    while (result == 0 && !(label ? label_seen(peer, label) : is_idle(peer))) {
        result = pthread_cond_timedwait(&peer->changed, &peer->lock, &end);
    }
    pthread_mutex_unlock(&peer->lock);
    return result == 0;
}

bool scripted_peer_wait(struct scripted_peer *peer, const char *label, int timeout_ms)
{
    return peer_wait(peer, label, timeout_ms);
}

bool scripted_peer_wait_idle(struct scripted_peer *peer, int timeout_ms)
{
    return peer_wait(peer, NULL, timeout_ms);
}

void scripted_peer_seen(struct scripted_peer *peer, struct peer_seen *ret_seen)
{
    pthread_mutex_lock(&peer->lock);
    *ret_seen = peer->seen;
    pthread_mutex_unlock(&peer->lock);
}
