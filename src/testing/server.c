/* SPDX-License-Identifier: Apache-2.0 */
/* The object: its threads, and what can be asked of it. */
#include "testing/datagrams.h"
#include "testing/dns_table.h"
#include "testing/link.h"
#include "testing/peer.h"
#include "testing/recording.h"
#include "testing/resolve.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/clock.h"
#include "util/errno_text.h"
#include "util/fork.h"
#include "util/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- one connection -------------------------------------------------------------------------- */

/* Drops what still comes until the other side has ended, so that no RST is sent. */
static void connection_linger(struct leati_peer *p)
{
    uint8_t dropped[4096];
    p->drop_in.armed = false;
    shutdown(p->fd, SHUT_WR);
    leati_peer_ended(p, true, false);
    while (leati_peer_wait_fd(p, p->fd, POLLIN, -1)) {
        ssize_t len = recv(p->fd, dropped, sizeof(dropped), 0);
        if (len <= 0)
            leati_peer_ended(p, false, len < 0);
        if (len <= 0 || !leati_peer_moved(p, false, dropped, (size_t)len))
            return;
    }
}

/* A RST makes the kernel drop what it has not delivered: that goes first. */
void leati_testing_socket_reset(const struct leat_testing_server *server, int fd)
{
    uint64_t end_ms = leati_clock_ms() + LEATI_TESTING_DELIVERY_MS;
    int undelivered = 0;
    while (ioctl(fd, SIOCOUTQ, &undelivered) == 0 && undelivered > 0 && leati_clock_ms() < end_ms &&
           leati_testing_server_sleep(server, 1)) {
    }
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
}

static void connection_end(struct leati_peer *p)
{
    if (p->dispatch_fd >= 0) {
        pthread_mutex_lock(&p->server->lock);
        p->is_leaving = true;
        pthread_mutex_unlock(&p->server->lock);
    } else if (p->ending == LEATI_PEER_CLOSE) {
        connection_linger(p);
    } else if (p->ending == LEATI_PEER_RESET) {
        if (p->link)
            leati_link_reset(p->link);
        else
            leati_testing_socket_reset(p->server, p->fd);
    }
    leati_capture_done(p);
    leati_record_end(p, true, p->ending == LEATI_PEER_RESET);
    leati_peer_tls_free(p->tls);
    leati_peer_faults_done(p);
    close(p->fd);
    if (p->link)
        leati_link_finish(p);
    leati_free(p->block);
    leati_free(p->held);
}

static void connection_serve(struct leati_peer *p, const char *client)
{
    static void (*const serve[])(struct leati_peer *) = {
        [LEAT_TESTING_SOCKS5] = leati_testing_serve_socks5,
        [LEAT_TESTING_CONNECT] = leati_testing_serve_connect,
        [LEAT_TESTING_WEBSOCKET] = leati_testing_serve_websocket,
        [LEAT_TESTING_SCRIPT] = leati_testing_serve_script,
        [LEAT_TESTING_TCP] = leati_testing_serve_tcp,
        [LEAT_TESTING_UDP] = leati_testing_serve_udp,
        [LEAT_TESTING_DNS] = leati_testing_serve_dns,
        [LEAT_TESTING_HTTP] = leati_testing_serve_http,
        [LEAT_TESTING_SOCKS4] = leati_testing_serve_socks4,
        [LEAT_TESTING_REPLAY] = leati_testing_serve_replay,
    };
    if (leati_peer_step(p, LEAT_TESTING_STEP_ACCEPT, "%s", client) && leati_peer_proxy_header(p))
        (p->server->serve ? p->server->serve : serve[p->server->options.kind])(p);
}

static void client_describe(const struct leati_peer *p, char *buf, size_t cap)
{
    struct sockaddr_storage address = p->client;
    socklen_t size = sizeof(address);
    char host[INET6_ADDRSTRLEN] = "?";
    uint16_t port = 0;
    bool is_known =
        p->dispatch_fd >= 0 || getpeername(p->fd, (struct sockaddr *)&address, &size) == 0;
    if (is_known && address.ss_family == AF_UNIX) {
        snprintf(buf, cap, "unix");
        return;
    }
    if (is_known) {
        leati_testing_address_unmap(&address);
        const struct sockaddr_in *v4 = (const void *)&address;
        const struct sockaddr_in6 *v6 = (const void *)&address;
        bool is_v6 = address.ss_family == AF_INET6;
        inet_ntop(address.ss_family, is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, host,
                  sizeof(host));
        port = ntohs(is_v6 ? v6->sin6_port : v4->sin_port);
    }
    snprintf(buf, cap, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

static void *connection_run(void *user)
{
    struct leati_peer *p = user;
    struct leat_testing_server *server = p->server;
    char client[64];
    socklen_t size = sizeof(p->local);
    client_describe(p, client, sizeof(client));
    (void)getsockname(p->fd, (struct sockaddr *)&p->local, &size);
    leati_testing_address_unmap(&p->local);
    leati_capture_begin(p);
    if (!server->has_links || p->dispatch_fd >= 0 || leati_link_start(p))
        connection_serve(p, client);
    else
        (void)leati_peer_problem(p, "no memory or thread for a link");
    connection_end(p);

    leati_testing_server_reached(server, p, NULL, LEAT_TESTING_STEP_END, p->problem);
    pthread_mutex_lock(&server->lock);
    p->finished = true;
    --server->seen.live;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

void leati_testing_connection_start(struct leat_testing_server *server, int fd, int dispatch_fd,
                                    const struct sockaddr_storage *client)
{
    struct leati_peer *p = leati_calloc(1, sizeof(*p));
    if (dispatch_fd < 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    pthread_mutex_lock(&server->lock);
    unsigned number = ++server->seen.connections;
    if (p) {
        *p = (struct leati_peer){
            .server = server, .fd = fd, .number = number, .dispatch_fd = dispatch_fd};
        if (client)
            p->client = *client;
        if (pthread_create(&p->thread, NULL, connection_run, p) == 0) {
            ++server->seen.live;
            p->next = server->peers;
            server->peers = p;
            fd = -1;
        }
    }
    pthread_mutex_unlock(&server->lock);
    if (fd >= 0) {
        leati_free(p);
        close(fd);
        if (dispatch_fd >= 0)
            close(dispatch_fd);
    }
}

/* Joins the threads that are done, or all of them. */
void leati_testing_connections_join(struct leat_testing_server *server, bool all)
{
    struct leati_peer *done = NULL;
    pthread_mutex_lock(&server->lock);
    for (struct leati_peer **link = &server->peers; *link;) {
        struct leati_peer *p = *link;
        if (all || p->finished) {
            *link = p->next;
            p->next = done;
            done = p;
        } else {
            link = &p->next;
        }
    }
    pthread_mutex_unlock(&server->lock);
    while (done) {
        struct leati_peer *p = done;
        done = p->next;
        pthread_join(p->thread, NULL);
        if (p->dispatch_fd >= 0)
            close(p->dispatch_fd);
        leati_free(p);
    }
}

/* ---- the listener ---------------------------------------------------------------------------- */

/* Waits until there is room for one more connection. */
static void listener_wait_room(struct leat_testing_server *server)
{
    pthread_mutex_lock(&server->lock);
    while (server->seen.live >= LEAT_TESTING_CONNECTIONS_MAX && !server->stopping)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

static void *listener_run(void *user)
{
    struct leat_testing_server *server = user;
    struct pollfd fds[] = {{.fd = server->stop_fd, .events = POLLIN},
                           {.fd = server->listener, .events = POLLIN}};
    while (fds[0].revents == 0) {
        if (poll(fds, 2, -1) > 0 && fds[1].revents != 0) {
            leati_testing_connections_join(server, false);
            listener_wait_room(server);
            int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0) {
                leati_testing_connection_start(server, fd, -1, NULL);
            } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
                (void)poll(fds, 1, LEATI_TESTING_ACCEPT_RETRY_MS); /* until one is free */
            }
        }
    }
    return NULL;
}

static int stream_listener_open(struct leat_testing_server *server)
{
    if (server->options.unix_path)
        return leati_testing_unix_listen(server);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(server->options.port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(server->options.port)};
    bool is_v6 = inet_pton(AF_INET, server->options.address, &v4.sin_addr) != 1;
    if (is_v6) {
        (void)inet_pton(AF_INET6, server->options.address, &v6.sin6_addr); /* was checked */
    }
    struct sockaddr *address = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t size = is_v6 ? sizeof(v6) : sizeof(v4);
    server->listener = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener < 0 ||
        (server->options.port != 0 &&
         setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0) ||
        bind(server->listener, address, size) != 0 ||
        /* Behind bind(2) it chooses no port, but lets another server have this one again. */
        setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
        listen(server->listener, LEATI_TESTING_BACKLOG) != 0 ||
        getsockname(server->listener, address, &size) != 0)
        return LEAT_E_SOCKET_BASE + errno;
    server->port = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
    return LEAT_OK;
}

/* DNS has one port for both: another free one is tried while the number is taken for UDP. */
static int listener_open(struct leat_testing_server *server)
{
    enum leat_testing_kind kind = server->options.kind;
    int code = LEAT_OK;
    if (kind == LEAT_TESTING_UDP)
        return leati_datagrams_open(server);
    for (int attempt = 0; attempt < LEATI_TESTING_PORT_ATTEMPTS; ++attempt) {
        code = stream_listener_open(server);
        if (code != LEAT_OK || kind != LEAT_TESTING_DNS)
            return code;
        code = leati_datagrams_open(server);
        if (code != LEAT_E_SOCKET_BASE + EADDRINUSE || server->options.port != 0)
            return code;
        close(server->listener);
        server->listener = -1;
    }
    return code;
}

/* Starts the threads that take what comes. false: there are none, or not all. */
static bool threads_start(struct leat_testing_server *server)
{
    server->has_thread =
        server->listener >= 0 && pthread_create(&server->thread, NULL, listener_run, server) == 0;
    server->has_datagram_thread =
        server->datagram_fd >= 0 &&
        pthread_create(&server->datagram_thread, NULL, leati_datagrams_run, server) == 0;
    return server->has_thread == (server->listener >= 0) &&
           server->has_datagram_thread == (server->datagram_fd >= 0);
}

static void threads_stop(struct leat_testing_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    (void)eventfd_write(server->stop_fd, 1);
    if (server->has_thread)
        pthread_join(server->thread, NULL);
    if (server->has_datagram_thread)
        pthread_join(server->datagram_thread, NULL);
    server->has_thread = server->has_datagram_thread = false;
    leati_testing_connections_join(server, true);
}

/* ---- the object ------------------------------------------------------------------------------ */

bool leati_testing_server_is_inherited(const struct leat_testing_server *server)
{
    return server->fork_count != leati_fork_count();
}

static void server_close(struct leat_testing_server *server)
{
    if (server->listener >= 0)
        close(server->listener);
    if (server->datagram_fd >= 0)
        close(server->datagram_fd);
    if (server->stop_fd >= 0)
        close(server->stop_fd);
}

void leati_testing_server_destroy(struct leat_testing_server *server)
{
    if (server->owns_path && !leati_testing_server_is_inherited(server))
        unlink(server->options.unix_path);
    server_close(server);
    leati_testing_server_events_drop(server);
    leati_free(server->events);
    pthread_mutex_destroy(&server->log_lock);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->changed);
    leati_free(server->conditions);
    leati_free(server->faults);
    leati_dns_table_free(server->dns);
    leati_recording_free(server->recording);
    leati_record_free(server->record);
    leati_testing_server_unconfigure(server);
    leati_free(server);
}

static int server_start(struct leat_testing_server *server,
                        const struct leat_testing_options *options,
                        struct leat_testing_problem *ret_problem)
{
    int code = leati_testing_server_configure(server, options, ret_problem);
    if (code == LEAT_OK)
        code = leati_record_new(server, ret_problem);
    if (code == LEAT_OK) {
        code = listener_open(server);
        if (code != LEAT_OK) {
            const char *reason = leati_errno_text(code - LEAT_E_SOCKET_BASE);
            const char *path = server->options.unix_path;
            leati_readable_format(ret_problem->text, sizeof(ret_problem->text),
                                  path ? "cannot listen on %s%.0u: %s"
                                       : "cannot listen on %s port %u: %s",
                                  path ? path : server->options.address, server->options.port,
                                  reason ? reason : "unknown reason");
        }
    }
    if (code != LEAT_OK)
        return code;
    uint8_t nonce[16];
    if (!leati_random_bytes(server->ticket_keys, sizeof(server->ticket_keys)) ||
        !leati_random_bytes(nonce, sizeof(nonce)))
        return LEAT_E_SYSTEM_INTERNAL;
    for (size_t i = 0; i < sizeof(nonce); ++i)
        snprintf(server->nonce + 2 * i, 3, "%02x", nonce[i]);
    server->stop_fd = eventfd(0, EFD_CLOEXEC);
    bool is_named = server->stop_fd >= 0 && leati_testing_server_name(server);
    if (is_named)
        leati_record_begin(server);
    if (!is_named || !threads_start(server)) {
        if (server->stop_fd >= 0)
            threads_stop(server);
        leati_readable_format(ret_problem->text, sizeof(ret_problem->text), "no memory or thread");
        return LEAT_E_SYSTEM_INTERNAL;
    }
    return LEAT_OK;
}

int leat_testing_server_new(const struct leat_testing_options *options,
                            leat_testing_server **ret_server,
                            struct leat_testing_problem *ret_problem)
{
    return leati_testing_server_new(options, NULL, NULL, ret_server, ret_problem);
}

int leati_testing_server_new(const struct leat_testing_options *options,
                             void (*serve)(struct leati_peer *p), void *serve_user,
                             leat_testing_server **ret_server,
                             struct leat_testing_problem *ret_problem)
{
    struct leat_testing_problem problem = {0};
    if (!ret_server)
        return LEAT_E_PARAMETER;
    struct leat_testing_server *server = leati_calloc(1, sizeof(*server));
    int code = LEAT_E_SYSTEM_INTERNAL;
    if (server) {
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&server->changed, &monotonic);
        pthread_condattr_destroy(&monotonic);
        pthread_mutex_init(&server->lock, NULL);
        pthread_mutex_init(&server->log_lock, NULL);
        server->listener = server->datagram_fd = server->stop_fd = -1;
        server->fork_count = leati_fork_count();
        server->start_us = leati_clock_us();
        server->serve = serve;
        server->serve_user = serve_user;
        code = server_start(server, options, &problem);
    }
    if (code == LEAT_OK) {
        *ret_server = server;
        return LEAT_OK;
    }
    if (ret_problem)
        *ret_problem = problem;
    if (server)
        leati_testing_server_destroy(server);
    return code;
}

void leati_testing_server_stop(struct leat_testing_server *server)
{
    threads_stop(server);
    /* Its port is free from now on. */
    if (server->listener >= 0)
        close(server->listener);
    if (server->datagram_fd >= 0)
        close(server->datagram_fd);
    server->listener = server->datagram_fd = -1;
}

void leat_testing_server_free(leat_testing_server *server)
{
    if (!server)
        return;
    if (leati_testing_server_is_inherited(server)) {
        server_close(server);
        leati_record_leave(server->record);
        return;
    }
    leati_testing_server_stop(server);
    leati_testing_server_destroy(server);
}

uint16_t leat_testing_server_get_port(const leat_testing_server *server)
{
    return server ? server->port : 0;
}

const char *leat_testing_server_get_address(const leat_testing_server *server)
{
    return server ? server->address : "";
}

const char *leat_testing_server_get_url(const leat_testing_server *server)
{
    return server ? server->url : "";
}

void leat_testing_server_release(leat_testing_server *server)
{
    if (!server || leati_testing_server_is_inherited(server))
        return;
    pthread_mutex_lock(&server->lock);
    ++server->releases;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}
