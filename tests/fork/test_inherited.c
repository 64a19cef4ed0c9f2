/* SPDX-License-Identifier: Apache-2.0 */
/* A child frees what it has inherited, as destructors do, or tries to use it: the parent goes on,
 * and the child is told. */
#include "fork/child.h"
#include "integration/common.h"
#include "support/raw_socket.h"

#include <arpa/inet.h>
#include <leat/leat.h>
#include <sys/socket.h>
#include <sys/un.h>

TestSuite(inherited, .fini = sandbox_done, .timeout = TEST_TIMEOUT_S);

#define NOT_OURS (LEAT_E_SOCKET_BASE + EBADF)

/* One of each kind, on one loop. */
struct everything {
    leat_loop *loop;
    leat_testing_server *peer; /* for `ws` */
    const char *peer_url;
    leat_websocket *ws;
    leat_websocket_server *server;
    int client_fd; /* of `server` */
    leat_tcp_socket *tcp;
    int tcp_listener, tcp_peer;
    leat_udp_socket *udp;
    leat_local_socket_server *local_server;
    const char *local_path;
    leat_timer *timer;
    unsigned opened, messages, server_messages, tcp_messages, udp_messages, local_clients, ticks;
    unsigned closed;
};

/* ---- callbacks ------------------------------------------------------------------------------- */

static void on_opened(leat_websocket *ws, void *user)
{
    (void)ws;
    ((struct everything *)user)->opened++;
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    (void)ws, (void)type, (void)data, (void)len;
    ((struct everything *)user)->messages++;
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    (void)ws, (void)event;
    ((struct everything *)user)->closed++;
}

static void on_server_message(leat_websocket_server *server, leat_websocket *ws,
                              enum leat_message_type type, const uint8_t *data, size_t len,
                              void *user)
{
    (void)server, (void)ws, (void)type, (void)data, (void)len;
    ((struct everything *)user)->server_messages++;
}

static void on_connected(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    (void)server, (void)ws;
    ((struct everything *)user)->opened++;
}

static void on_tcp_connect(leat_tcp_socket *tcp, void *user)
{
    (void)tcp;
    ((struct everything *)user)->opened++;
}

static void on_tcp_message(leat_tcp_socket *tcp, const uint8_t *data, size_t len,
                           const struct leat_remote_info *remote, void *user)
{
    (void)tcp, (void)data, (void)len, (void)remote;
    ((struct everything *)user)->tcp_messages++;
}

static void on_udp_message(leat_udp_socket *udp, const uint8_t *data, size_t len,
                           const struct leat_remote_info *remote, void *user)
{
    (void)udp, (void)data, (void)len, (void)remote;
    ((struct everything *)user)->udp_messages++;
}

static void on_local_connect(leat_local_socket_server *server, leat_local_socket *local, void *user)
{
    (void)server, (void)local;
    ((struct everything *)user)->local_clients++;
}

static void on_tick(leat_timer *timer, void *user)
{
    (void)timer;
    ((struct everything *)user)->ticks++;
}

/* ---- life ------------------------------------------------------------------------------------ */

static const struct leat_websocket_callbacks ws_callbacks = {
    .size = sizeof(ws_callbacks), .opened = on_opened, .message = on_message, .closed = on_closed};

static void turn(struct everything *all)
{
    cr_assert(leat_loop_dispatch(all->loop, 1000) == LEAT_OK);
}

static void start_websockets(struct everything *all)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_websocket_server_callbacks callbacks = {
        .size = sizeof(callbacks), .connected = on_connected, .message = on_server_message};
    all->peer = script_server_start(script);
    cr_assert(all->peer);
    cr_assert(leat_websocket_new(all->loop, &ws_callbacks, all, &all->ws) == LEAT_OK);
    all->peer_url = url_of("ws", leat_testing_server_get_port(all->peer), "/");
    cr_assert(leat_websocket_connect(all->ws, all->peer_url, NULL) == LEAT_OK);
    cr_assert(leat_websocket_server_new(all->loop, &callbacks, all, &all->server) == LEAT_OK);
    cr_assert(leat_websocket_server_start(all->server, "127.0.0.1", 0, NULL) == LEAT_OK);
    all->client_fd = raw_connect(NULL, leat_websocket_server_get_port(all->server));
    cr_assert(raw_send(all->client_fd, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
}

static void start_sockets(struct everything *all)
{
    static const struct leat_tcp_socket_callbacks tcp_callbacks = {
        .size = sizeof(tcp_callbacks), .connected = on_tcp_connect, .message = on_tcp_message};
    static const struct leat_udp_socket_callbacks udp_callbacks = {.size = sizeof(udp_callbacks),
                                                                   .message = on_udp_message};
    static const struct leat_local_socket_server_callbacks local_callbacks = {
        .size = sizeof(local_callbacks), .connected = on_local_connect};
    uint16_t port;
    all->tcp_listener = raw_listen(&port);
    cr_assert(leat_tcp_socket_new(all->loop, &tcp_callbacks, all, &all->tcp) == LEAT_OK);
    cr_assert(leat_tcp_socket_connect(all->tcp, "127.0.0.1", port, NULL) == LEAT_OK);
    cr_assert(leat_udp_socket_new(all->loop, &udp_callbacks, all, &all->udp) == LEAT_OK);
    cr_assert(leat_udp_socket_bind(all->udp, "127.0.0.1", 0, NULL) == LEAT_OK);
    all->local_path = sandbox_path("local");
    cr_assert(leat_local_socket_server_new(all->loop, &local_callbacks, all, &all->local_server) ==
              LEAT_OK);
    cr_assert(leat_local_socket_server_listen(all->local_server, all->local_path, NULL) == LEAT_OK);
}

static struct everything *everything_new(void)
{
    struct everything *all = calloc(1, sizeof(*all));
    cr_assert(all && leat_loop_new(&all->loop) == LEAT_OK);
    cr_assert(leat_timer_new(all->loop, on_tick, all, &all->timer) == LEAT_OK);
    start_websockets(all);
    start_sockets(all);
    while (all->opened < 3)
        turn(all);
    all->tcp_peer = accept(all->tcp_listener, NULL, NULL);
    cr_assert(all->tcp_peer >= 0);
    return all;
}

static void everything_free(struct everything *all)
{
    leat_timer_free(all->timer);
    leat_websocket_free(all->ws);
    leat_websocket_server_free(all->server);
    leat_tcp_socket_free(all->tcp);
    leat_udp_socket_free(all->udp);
    leat_local_socket_server_free(all->local_server);
    leat_loop_free(all->loop);
}

static void everything_end(struct everything *all)
{
    everything_free(all);
    leat_testing_server_free(all->peer);
    close(all->client_fd);
    close(all->tcp_peer);
    close(all->tcp_listener);
    free(all);
}

/* ---- the parent goes on ---------------------------------------------------------------------- */

static void udp_send_to(const struct everything *all)
{
    struct leat_net_address to;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(leat_udp_socket_get_local_address(all->udp, &to) == LEAT_OK);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(to.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) == 1);
    close(fd);
}

static int local_connect(const struct everything *all)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", all->local_path);
    cr_assert(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "%s: %s",
              all->local_path, strerror(errno));
    return fd;
}

static void expect_all_goes_on(struct everything *all)
{
    static const uint8_t frame[] = {0x81, 0x81, 0, 0, 0, 0, 'x'};
    const struct everything before = *all;
    leat_timer_start(all->timer, 1);
    cr_assert(leat_websocket_send(all->ws, LEAT_MESSAGE_TEXT, "x", 1) == LEAT_OK);
    cr_assert(raw_send(all->client_fd, frame, sizeof(frame)));
    cr_assert(raw_send(all->tcp_peer, "x", 1));
    udp_send_to(all);
    int local_fd = local_connect(all);
    while ((all->ticks == before.ticks || all->messages == before.messages ||
            all->server_messages == before.server_messages ||
            all->tcp_messages == before.tcp_messages || all->udp_messages == before.udp_messages ||
            all->local_clients == before.local_clients) &&
           all->closed == 0) {
        turn(all);
    }
    cr_expect(all->closed == 0);
    close(local_fd);
}

static void free_all(void *user)
{
    struct everything *all = user;
    everything_free(all);
    leat_testing_server_free(all->peer);
}

Test(inherited, freed_by_a_child)
{
    struct everything *all = everything_new();
    expect_all_goes_on(all);
    for (int i = 0; i < 3; ++i) {
        child_run(free_all, all);
        expect_all_goes_on(all);
    }
    everything_end(all);
}

static void close_all(void *user)
{
    struct everything *all = user;
    (void)!leat_websocket_close(all->ws, 1000, NULL);
    (void)!leat_websocket_server_stop(all->server);
    (void)!leat_tcp_socket_close(all->tcp);
    (void)!leat_udp_socket_close(all->udp);
    (void)!leat_local_socket_server_close(all->local_server);
    leat_timer_stop(all->timer);
    CHILD_CHECK(leat_loop_dispatch(all->loop, 0) == NOT_OURS);
    free_all(all);
}

Test(inherited, closed_by_a_child)
{
    struct everything *all = everything_new();
    child_run(close_all, all);
    expect_all_goes_on(all);
    everything_end(all);
}

/* ---- the child is told ----------------------------------------------------------------------- */

static void never(leat_loop *loop, void *user)
{
    (void)loop, (void)user;
    bool runs_in_a_child = true;
    CHILD_CHECK(!runs_in_a_child);
}

/* Its own loop is as good as any. */
static void echo_in_child(const char *url)
{
    leat_blocking_websocket *ws = NULL;
    struct leat_message message;
    CHILD_CHECK(leat_blocking_websocket_connect(url, NULL, &ws, NULL) == LEAT_OK);
    CHILD_CHECK(leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, "child", 5, -1, NULL) ==
                LEAT_OK);
    CHILD_CHECK(leat_blocking_websocket_recv(ws, &message, -1, NULL) == LEAT_OK &&
                message.len == 5);
    leat_blocking_websocket_free(ws);
}

static void use_all(void *user)
{
    struct everything *all = user;
    const struct everything before = *all;
    leat_timer_start(all->timer, 0);
    (void)!leat_websocket_send(all->ws, LEAT_MESSAGE_TEXT, "child", 5);
    (void)!leat_websocket_post(all->ws, LEAT_MESSAGE_TEXT, "child", 5);
    (void)!leat_tcp_socket_send(all->tcp, "child", 5);
    CHILD_CHECK(leat_loop_post(all->loop, never, NULL) == NOT_OURS);
    CHILD_CHECK(leat_loop_dispatch(all->loop, 0) == NOT_OURS);
    CHILD_CHECK(leat_loop_dispatch(all->loop, -1) == NOT_OURS);
    leat_loop_stop(all->loop);
    CHILD_CHECK(leat_loop_run(all->loop) == NOT_OURS);
    CHILD_CHECK(all->ticks == before.ticks && all->messages == before.messages);
    echo_in_child(all->peer_url);
}

Test(inherited, used_by_a_child)
{
    struct everything *all = everything_new();
    child_run(use_all, all);
    cr_expect(all->messages == 0 && all->ticks == 0);
    expect_all_goes_on(all);
    cr_expect(all->messages == 1 && all->ticks == 1 && all->tcp_messages == 1);
    everything_end(all);
}

static void use_blocking(void *user)
{
    leat_blocking_websocket *ws = user;
    struct leat_message message;
    CHILD_CHECK(leat_blocking_websocket_recv(ws, &message, -1, NULL) == NOT_OURS);
    CHILD_CHECK(leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, "child", 5, -1, NULL) ==
                NOT_OURS);
    CHILD_CHECK(leat_blocking_websocket_close(ws, 1000, NULL, NULL) == NOT_OURS);
    leat_blocking_websocket_free(ws);
}

Test(inherited, blocking_websocket)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    leat_blocking_websocket *ws = NULL;
    struct leat_message message;
    const char *url = url_of("ws", leat_testing_server_get_port(peer), "/");
    cr_assert(leat_blocking_websocket_connect(url, NULL, &ws, NULL) == LEAT_OK);
    child_run(use_blocking, ws);
    cr_assert(leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, "parent", 6, -1, NULL) ==
              LEAT_OK);
    cr_assert(leat_blocking_websocket_recv(ws, &message, -1, NULL) == LEAT_OK && message.len == 6);
    cr_expect(leat_blocking_websocket_close(ws, 1000, NULL, NULL) == LEAT_OK);
    leat_blocking_websocket_free(ws);
    leat_testing_server_free(peer);
}

static void ask_peer(void *user)
{
    leat_testing_server *peer = user;
    struct leat_testing_seen seen;
    struct leat_testing_event event;
    CHILD_CHECK(!leat_testing_server_wait_step(peer, "upgrade", 1, -1));
    CHILD_CHECK(!leat_testing_server_wait_idle(peer, 3600000));
    CHILD_CHECK(!leat_testing_server_get_event(peer, 0, &event));
    leat_testing_server_get_seen(peer, &seen);
    leat_testing_server_release(peer);
    leat_testing_server_free(peer);
}

Test(inherited, testing_server)
{
    struct everything *all = everything_new();
    child_run(ask_peer, all->peer);
    expect_all_goes_on(all);
    child_run(use_all, all);
    everything_end(all);
}

/* ---- forked inside of a callback
 * ----------------------------------------------------------------- */

struct forker {
    leat_loop *loop;
    pid_t child;
    unsigned messages;
};

#define FORKER_MESSAGES 200

static void forker_on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                              size_t len, void *user)
{
    struct forker *forker = user;
    (void)ws, (void)type, (void)data, (void)len;
    if (++forker->messages == 2)
        forker->child = fork();
    if (forker->messages == FORKER_MESSAGES)
        leat_loop_stop(forker->loop);
}

/* The child comes back from the callback, which it should not; it takes nothing away all the same.
 */
Test(inherited, child_that_returns_from_a_callback)
{
    static const struct leat_script_row script[] = {LEAT_SCRIPT_UPGRADE,
                                                    {LEAT_SCRIPT_SEND_FRAME,
                                                     LEAT_SCRIPT_BYTES("message"), .number = 0x81,
                                                     .repeat = FORKER_MESSAGES},
                                                    {LEAT_SCRIPT_DRAIN},
                                                    {LEAT_SCRIPT_CLOSE}};
    static const struct leat_websocket_callbacks callbacks = {.size = sizeof(callbacks),
                                                              .message = forker_on_message};
    leat_testing_server *peer = script_server_start(script);
    struct forker forker = {.child = -1};
    leat_websocket *ws = NULL;
    cr_assert(leat_loop_new(&forker.loop) == LEAT_OK);
    cr_assert(leat_websocket_new(forker.loop, &callbacks, &forker, &ws) == LEAT_OK);
    cr_assert(leat_websocket_connect(ws, url_of("ws", leat_testing_server_get_port(peer), "/"),
                                     NULL) == LEAT_OK);
    int code = leat_loop_run(forker.loop);
    if (forker.child == 0) {
        CHILD_CHECK(code == NOT_OURS);
        leat_websocket_free(ws);
        leat_loop_free(forker.loop);
        _exit(0);
    }
    cr_assert(code == LEAT_OK && forker.child > 0);
    cr_expect(forker.messages == FORKER_MESSAGES, "%u", forker.messages);
    child_wait(forker.child);
    leat_websocket_free(ws);
    leat_loop_free(forker.loop);
    leat_testing_server_free(peer);
}
