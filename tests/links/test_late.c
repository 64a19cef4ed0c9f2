/* SPDX-License-Identifier: Apache-2.0 */
/* A program that stands still until every deadline is over, while the answers come into the kernel:
 * what has come counts, and only who has said nothing is given up. All on one loop, with more
 * connections than one round of it fetches. */
#include "links/common.h"

#include <poll.h>
#include <sys/socket.h>

LINKS_SUITE(late);

/* Of each kind: all together are more than the 128 events of one round. */
#define COUNT 24
/* In the first pass nothing stands still, and nothing may be late. */
#define ENDLESS_MS 600000u

enum outcome {
    STAYS_OPEN,
    CLOSES,    /* the program closes it: in order */
    TIMES_OUT, /* the control: who judges nothing would pass all others */
};

struct kind {
    const char *name;
    const struct leat_script_row *script; /* waits once, for the end of the standstill */
    const char *scheme;
    void (*configure)(leat_config *config, uint32_t timeout_ms);
    const char *proxy_scheme; /* NULL = the script is the server */
    enum outcome outcome;
    bool waits_for_us; /* the script reads nothing before it waits */
};

struct client {
    const struct kind *kind;
    leat_websocket *ws;
    unsigned opened, closed, pongs;
    struct leat_error error; /* of the end */
};

struct peer {
    leat_testing_server *server;
    struct client clients[COUNT];
};

/* ---- the peers ------------------------------------------------------------------------------- */

static struct leat_testing_tls tls;

#define HELD                                                                                       \
    {                                                                                              \
        LEAT_SCRIPT_WAIT, .label = "held"                                                          \
    }
#define CLOSE_FRAME LEAT_SCRIPT_BYTES("\x03\xe8"), .number = 0x88

/* clang-format off */
static const struct leat_script_row upgrade[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD}, HELD, {LEAT_SCRIPT_SEND_UPGRADE}, {LEAT_SCRIPT_DRAIN},
    {LEAT_SCRIPT_CLOSE}};
static const struct leat_script_row upgrade_in_tls[] = {
    {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls}, {LEAT_SCRIPT_READ_HTTP_HEAD}, HELD,
    {LEAT_SCRIPT_SEND_UPGRADE}, {LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
static const struct leat_script_row handshake[] = {
    HELD, {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls}, LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_DRAIN},
    {LEAT_SCRIPT_CLOSE}};
static const struct leat_script_row socks5[] = {
    {LEAT_SCRIPT_READ_SOCKS5_GREETING}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")},
    {LEAT_SCRIPT_READ_SOCKS5_REQUEST}, HELD, {LEAT_SCRIPT_SEND_SOCKS5_REPLY}, LEAT_SCRIPT_UPGRADE,
    {LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
static const struct leat_script_row http_connect[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD}, HELD,
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 200 OK\r\n\r\n")}, LEAT_SCRIPT_UPGRADE,
    {LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
static const struct leat_script_row pong[] = {
    LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_READ_FRAME, .number = 0x89}, HELD,
    {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES(""), .number = 0x8a}, {LEAT_SCRIPT_DRAIN},
    {LEAT_SCRIPT_CLOSE}};
static const struct leat_script_row closing[] = {
    LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_READ_FRAME, .number = 0x88}, HELD,
    {LEAT_SCRIPT_SEND_FRAME, CLOSE_FRAME}, {LEAT_SCRIPT_CLOSE}};
static const struct leat_script_row closing_in_tls[] = {
    {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls}, LEAT_SCRIPT_UPGRADE,
    {LEAT_SCRIPT_READ_FRAME, .number = 0x88}, HELD, {LEAT_SCRIPT_SEND_FRAME, CLOSE_FRAME},
    {LEAT_SCRIPT_TLS_CLOSE_NOTIFY}, {LEAT_SCRIPT_CLOSE}};
static const struct leat_script_row silent[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD}, HELD, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
/* clang-format on */

/* ---- the kinds ------------------------------------------------------------------------------- */

static void phase(leat_config *config, enum leat_phase phase, uint32_t timeout_ms)
{
    cr_assert(leat_config_set_phase_timeout(config, phase, timeout_ms) == LEAT_OK);
}

static void configure_upgrade(leat_config *config, uint32_t timeout_ms)
{
    phase(config, LEAT_PHASE_UPGRADE, timeout_ms);
}

static void configure_tls(leat_config *config, uint32_t timeout_ms)
{
    phase(config, LEAT_PHASE_TLS, timeout_ms);
}

static void configure_proxy(leat_config *config, uint32_t timeout_ms)
{
    phase(config, LEAT_PHASE_PROXY, timeout_ms);
}

static void configure_whole(leat_config *config, uint32_t timeout_ms)
{
    cr_assert(leat_config_set_connect_timeout(config, timeout_ms) == LEAT_OK);
}

static void configure_close(leat_config *config, uint32_t timeout_ms)
{
    phase(config, LEAT_PHASE_CLOSE, timeout_ms);
}

static void configure_pong(leat_config *config, uint32_t timeout_ms)
{
    cr_assert(leat_config_set_ping_interval(config, 1) == LEAT_OK);
    cr_assert(leat_config_set_pong_timeout(config, timeout_ms) == LEAT_OK);
}

/* clang-format off */
static const struct kind kinds[] = {
    {.name = "upgrade", .script = upgrade, .scheme = "ws", .configure = configure_upgrade},
    {.name = "the whole way", .script = upgrade, .scheme = "ws", .configure = configure_whole},
    {.name = "upgrade inside of TLS",
     .script = upgrade_in_tls,
     .scheme = "wss",
     .configure = configure_upgrade},
    {.name = "TLS handshake",
     .script = handshake,
     .scheme = "wss",
     .configure = configure_tls,
     .waits_for_us = true},
    {.name = "SOCKS5",
     .script = socks5,
     .scheme = "ws",
     .configure = configure_proxy,
     .proxy_scheme = "socks5h"},
    {.name = "CONNECT",
     .script = http_connect,
     .scheme = "ws",
     .configure = configure_proxy,
     .proxy_scheme = "http"},
    {.name = "Pong", .script = pong, .scheme = "ws", .configure = configure_pong},
    {.name = "closing",
     .script = closing,
     .scheme = "ws",
     .configure = configure_close,
     .outcome = CLOSES},
    {.name = "closing inside of TLS",
     .script = closing_in_tls,
     .scheme = "wss",
     .configure = configure_close,
     .outcome = CLOSES},
    {.name = "a peer that says nothing",
     .script = silent,
     .scheme = "ws",
     .configure = configure_upgrade,
     .outcome = TIMES_OUT},
};
/* clang-format on */
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- the program ----------------------------------------------------------------------------- */

struct scene {
    leat_loop *loop;
    uint32_t timeout_ms;
    struct peer peers[KINDS];
    leat_timer *timer;
    leat_websocket_server *server;
    int asking[COUNT], leaving[COUNT]; /* its clients: with a request to come, with a Close frame */
    leat_websocket *connections[COUNT];
    unsigned connected, closed_in_order;
    struct leat_error server_error;
};

static void on_opened(leat_websocket *ws, void *user)
{
    struct client *client = user;
    client->opened++;
    if (client->kind->outcome == CLOSES)
        cr_assert(leat_websocket_close(ws, 1000, NULL) == LEAT_OK);
}

static void on_pong(leat_websocket *ws, const uint8_t *data, size_t len, void *user)
{
    (void)ws, (void)data, (void)len;
    ((struct client *)user)->pongs++;
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct client *client = user;
    (void)ws;
    client->closed++;
    client->error = event->error;
}

static leat_config *config_new(const struct kind *kind, uint32_t timeout_ms, uint16_t port)
{
    leat_config *config = NULL;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_ca_path(config, certificate_path("ca.pem")) == LEAT_OK);
    cr_assert(leat_config_set_connect_timeout(config, 0) == LEAT_OK);
    cr_assert(leat_config_set_ping_interval(config, 0) == LEAT_OK);
    for (int p = LEAT_PHASE_DNS; p <= LEAT_PHASE_CLOSE; ++p)
        phase(config, (enum leat_phase)p, ENDLESS_MS);
    if (kind->proxy_scheme)
        cr_assert(leat_config_set_proxy(config, url_of(kind->proxy_scheme, port, "")) == LEAT_OK);
    kind->configure(config, timeout_ms);
    return config;
}

static void peer_start(struct scene *scene, size_t index)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks), .opened = on_opened, .pong = on_pong, .closed = on_closed};
    const struct kind *kind = &kinds[index];
    struct peer *peer = &scene->peers[index];
    peer->server = script_server_start(kind->script);
    cr_assert(peer->server);
    uint16_t port = leat_testing_server_get_port(peer->server);
    leat_config *config = config_new(kind, scene->timeout_ms, port);
    const char *url = url_of(kind->scheme, port, "/");
    for (size_t i = 0; i < COUNT; ++i) {
        struct client *client = &peer->clients[i];
        client->kind = kind;
        cr_assert(leat_websocket_new(scene->loop, &callbacks, client, &client->ws) == LEAT_OK);
        cr_assert(leat_websocket_connect(client->ws, url, config) == LEAT_OK);
    }
    leat_config_free(config);
}

/* ---- our server ------------------------------------------------------------------------------ */

static void on_connected(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    struct scene *scene = user;
    (void)server;
    if (scene->connected < COUNT) {
        scene->connections[scene->connected] = ws;
        cr_assert(leat_websocket_close(ws, 1001, NULL) == LEAT_OK);
    }
    ++scene->connected;
}

static void on_server_closed(leat_websocket_server *server, leat_websocket *ws,
                             const struct leat_close_event *event, void *user)
{
    struct scene *scene = user;
    (void)server, (void)ws;
    cr_expect(event->error.code == LEAT_OK, "a client of ours: %s", event->error.text);
    ++scene->closed_in_order;
}

static void on_server_error(leat_websocket_server *server, const struct leat_error *error,
                            void *user)
{
    (void)server;
    ((struct scene *)user)->server_error = *error;
}

static void server_start(struct scene *scene)
{
    static const struct leat_websocket_server_callbacks callbacks = {.size = sizeof(callbacks),
                                                                     .connected = on_connected,
                                                                     .closed = on_server_closed,
                                                                     .error = on_server_error};
    static const struct kind kind = {.configure = configure_close};
    leat_config *config = config_new(&kind, scene->timeout_ms, 0);
    configure_upgrade(config, scene->timeout_ms);
    cr_assert(leat_websocket_server_new(scene->loop, &callbacks, scene, &scene->server) == LEAT_OK);
    cr_assert(leat_websocket_server_start(scene->server, "127.0.0.1", 0, config) == LEAT_OK);
    leat_config_free(config);
    uint16_t port = leat_websocket_server_get_port(scene->server);
    for (size_t i = 0; i < COUNT; ++i) {
        scene->leaving[i] = raw_connect(NULL, port);
        cr_assert(raw_send(scene->leaving[i], RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    }
    for (size_t i = 0; i < COUNT; ++i)
        scene->asking[i] = raw_connect(NULL, port);
}

/* ---- the standstill -------------------------------------------------------------------------- */

static bool all_wait(struct scene *scene)
{
    for (size_t k = 0; k < KINDS; ++k) {
        if (!leat_testing_server_wait_step(scene->peers[k].server, "held", COUNT, 0))
            return false;
    }
    if (scene->connected < COUNT ||
        raw_arrived(leat_websocket_server_get_port(scene->server), true, 0) < 2 * COUNT) {
        return false;
    }
    for (size_t i = 0; i < COUNT; ++i) {
        if (leat_websocket_get_buffered_bytes(scene->connections[i]) > 0)
            return false;
    }
    return true;
}

static void run_until_all_wait(struct scene *scene)
{
    while (!all_wait(scene))
        cr_assert(leat_loop_dispatch(scene->loop, 1) == LEAT_OK);
    for (size_t k = 0; k < KINDS; ++k) {
        uint16_t port = leat_testing_server_get_port(scene->peers[k].server);
        if (kinds[k].waits_for_us)
            cr_assert(raw_arrived(port, true, STEP_WAIT_MS) == COUNT);
    }
}

/* A timer that is due before the answers come, so that the kernel names it before them. */
static void timer_becomes_due(struct scene *scene)
{
    struct pollfd poll_fd = {.fd = leat_loop_get_fd(scene->loop), .events = POLLIN};
    leat_timer_start(scene->timer, 0);
    cr_assert(poll(&poll_fd, 1, STEP_WAIT_MS) == 1);
}

static void on_timer(leat_timer *timer, void *user)
{
    (void)timer, (void)user;
}

static void answers_come(struct scene *scene)
{
    static const uint8_t close_frame[] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9};
    for (size_t k = 0; k < KINDS; ++k) {
        leat_testing_server *server = scene->peers[k].server;
        for (size_t i = 0; i < COUNT; ++i)
            leat_testing_server_release(server);
        if (kinds[k].outcome != TIMES_OUT) {
            cr_assert(raw_arrived(leat_testing_server_get_port(server), false, STEP_WAIT_MS) ==
                          COUNT,
                      "%s", kinds[k].name);
        }
    }
    for (size_t i = 0; i < COUNT; ++i) {
        cr_assert(raw_send(scene->leaving[i], close_frame, sizeof(close_frame)));
        cr_assert(shutdown(scene->leaving[i], SHUT_WR) == 0);
        cr_assert(raw_send(scene->asking[i], RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    }
    uint16_t port = leat_websocket_server_get_port(scene->server);
    cr_assert(raw_arrived(port, true, STEP_WAIT_MS) == 2 * COUNT);
}

static bool client_is_done(const struct client *client)
{
    if (client->kind->outcome != STAYS_OPEN || client->closed > 0)
        return client->closed > 0;
    return client->opened > 0 && (client->kind->script != pong || client->pongs > 0);
}

static bool all_done(const struct scene *scene)
{
    for (size_t k = 0; k < KINDS; ++k) {
        for (size_t i = 0; i < COUNT; ++i) {
            if (!client_is_done(&scene->peers[k].clients[i]) &&
                (scene->timeout_ms != ENDLESS_MS || kinds[k].outcome != TIMES_OUT)) {
                return false;
            }
        }
    }
    return scene->server_error.code != LEAT_OK ||
           (scene->connected == 2 * COUNT && scene->closed_in_order == COUNT);
}

static void scene_expect(const struct scene *scene)
{
    for (size_t k = 0; k < KINDS; ++k) {
        unsigned good = 0;
        const char *text = "";
        for (size_t i = 0; i < COUNT; ++i) {
            const struct client *client = &scene->peers[k].clients[i];
            bool timed_out = client->closed > 0 && client->error.sys_errno == ETIMEDOUT;
            bool in_order = client->closed > 0 && client->error.code == LEAT_OK;
            good += kinds[k].outcome == TIMES_OUT ? timed_out
                    : kinds[k].outcome == CLOSES  ? in_order
                                                  : client->closed == 0;
            text = client->closed > 0 ? client->error.text : text;
        }
        cr_expect(good == COUNT, "%s: %u of %u as it should be; %s", kinds[k].name, good, COUNT,
                  text);
    }
    cr_expect(scene->server_error.code == LEAT_OK, "our server: %s", scene->server_error.text);
}

static void scene_end(struct scene *scene)
{
    for (size_t k = 0; k < KINDS; ++k) {
        for (size_t i = 0; i < COUNT; ++i)
            leat_websocket_free(scene->peers[k].clients[i].ws);
        leat_testing_server_free(scene->peers[k].server);
    }
    for (size_t i = 0; i < COUNT; ++i) {
        close(scene->asking[i]);
        close(scene->leaving[i]);
    }
    leat_timer_free(scene->timer);
    leat_websocket_server_free(scene->server);
    leat_loop_free(scene->loop);
}

/* @return how long it took until all answers were due. */
static uint32_t scene_play(uint32_t timeout_ms)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    cr_assert(scene);
    scene->timeout_ms = timeout_ms;
    cr_assert(leat_loop_new(&scene->loop) == LEAT_OK);
    cr_assert(leat_timer_new(scene->loop, on_timer, NULL, &scene->timer) == LEAT_OK);
    uint64_t start_ms = clock_ms();
    server_start(scene);
    for (size_t k = 0; k < KINDS; ++k)
        peer_start(scene, k);
    run_until_all_wait(scene);
    uint64_t wait_ms = clock_ms();
    timer_becomes_due(scene);
    answers_come(scene);
    if (timeout_ms != ENDLESS_MS)
        clock_pass(wait_ms + timeout_ms);
    while (!all_done(scene))
        cr_assert(leat_loop_dispatch(scene->loop, -1) == LEAT_OK);
    if (timeout_ms != ENDLESS_MS)
        scene_expect(scene);
    scene_end(scene);
    free(scene);
    return (uint32_t)(wait_ms - start_ms);
}

/* The first pass tells how long this machine takes for everything but the standstill. */
Test(late, what_has_come_counts)
{
    tls.cert_path = certificate_path("server.pem");
    tls.key_path = certificate_path("server.key");
    uint32_t setup_ms = scene_play(ENDLESS_MS);
    scene_play(500 + 10 * setup_ms);
}

/* ---- standing still in a callback ------------------------------------------------------------ */

struct still {
    leat_testing_server *peer;
    uint64_t end_ms;
    struct client client;
};

/* What the program calls here wakes the connection in this round, which has looked before. */
static void stand_still(leat_loop *loop, void *user)
{
    struct still *still = user;
    (void)loop;
    clock_pass(still->end_ms);
    leat_testing_server_release(still->peer);
    cr_assert(raw_arrived(leat_testing_server_get_port(still->peer), false, STEP_WAIT_MS) == 1);
    leat_websocket_pause(still->client.ws);
    leat_websocket_resume(still->client.ws);
}

static void expect_no_judgement_in_between(const struct kind *kind)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks), .opened = on_opened, .pong = on_pong, .closed = on_closed};
    struct still still = {.client.kind = kind, .peer = script_server_start(kind->script)};
    const uint32_t timeout_ms = 3000;
    leat_loop *loop = NULL;
    leat_config *config = config_new(kind, timeout_ms, 0);
    const char *url = url_of("ws", leat_testing_server_get_port(still.peer), "/");
    cr_assert(leat_loop_new(&loop) == LEAT_OK);
    cr_assert(leat_websocket_new(loop, &callbacks, &still.client, &still.client.ws) == LEAT_OK);
    cr_assert(leat_websocket_connect(still.client.ws, url, config) == LEAT_OK);
    while (!leat_testing_server_wait_step(still.peer, "held", 1, 0))
        cr_assert(leat_loop_dispatch(loop, 1) == LEAT_OK);
    still.end_ms = clock_ms() + timeout_ms;
    cr_assert(leat_loop_post(loop, stand_still, &still) == LEAT_OK);
    while (!client_is_done(&still.client))
        cr_assert(leat_loop_dispatch(loop, -1) == LEAT_OK);
    cr_expect(still.client.error.code == LEAT_OK, "%s: %s", kind->name, still.client.error.text);
    leat_websocket_free(still.client.ws);
    leat_config_free(config);
    leat_loop_free(loop);
    leat_testing_server_free(still.peer);
}

Test(late, callback_that_stands_still)
{
    for (size_t k = 0; k < KINDS; ++k) {
        if (kinds[k].script == pong || kinds[k].script == closing)
            expect_no_judgement_in_between(&kinds[k]);
    }
}
