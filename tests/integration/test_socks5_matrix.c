/* SPDX-License-Identifier: Apache-2.0 */
/* Each way in which a SOCKS5 proxy can fail, under each face that talks to one: WebSocket in
 * lock-step, in one flight, and with the first bytes of the WebSocket or of TLS behind it, TCP and
 * UDP sockets. The code is the same whoever reads it. All of them are on one loop at the same time,
 * and a good connection on that loop ends it. */
#include "integration/common.h"
#include "support/still_clock.h"

#include <leat/tcp_socket.h>
#include <leat/udp_socket.h>
#include <stdio.h>

INTEGRATION_SUITE(socks5_matrix);

#define STEP_TIMEOUT_MS 500

enum face {
    WS,
    WS_PIPELINED,
    WS_OPTIMISTIC,
    WSS_OPTIMISTIC,
    TCP,
    TCP_PIPELINED,
    UDP,
    UDP_PIPELINED,
    FACES,
};

static const char *const face_names[] = {"ws",  "ws pipelined",  "ws optimistic", "wss optimistic",
                                         "tcp", "tcp pipelined", "udp",           "udp pipelined"};

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

#define BYTES_OF(literal) (literal), sizeof(literal) - 1
#define NOTHING           NULL, 0

/* What the proxy answers to each message; the first NULL ends it, with `end`. */
struct matrix_case {
    const char *name;
    const char *user; /* "user:password@", or "" */
    struct {
        const char *bytes;
        size_t len;
    } method, auth, reply;
    enum leat_script_action end; /* CLOSE, RESET or STALL */
    int code, native_code, sys_errno;
    const char *text;
    /* With credentials in one flight only the password is offered. */
    int pipelined_code, pipelined_native_code;
};

#define CLOSE LEAT_SCRIPT_CLOSE
#define RESET LEAT_SCRIPT_RESET
#define STALL LEAT_SCRIPT_STALL
#define ANON  ""
#define USER  "alice:secret@"
#define NONE  {NOTHING}
#define SAYS(literal) {BYTES_OF(literal)}
#define METHOD_0 SAYS("\x05\x00")
#define METHOD_2 SAYS("\x05\x02")
#define AUTH_OK  SAYS("\x01\x00")

static const struct matrix_case cases[] = {
    /* 2301207 */
    {"a password is demanded", ANON, METHOD_2, NONE, NONE, CLOSE, LEAT_E_SOCKS5_AUTH, 0, 0, "none was configured"},
    {"status 1", USER, METHOD_2, SAYS("\x01\x01"), NONE, CLOSE, LEAT_E_SOCKS5_AUTH, 1, 0, "refused"},
    {"status FF, reset", USER, METHOD_2, SAYS("\x01\xff"), NONE, RESET, LEAT_E_SOCKS5_AUTH, 0xff},
    {"status 1 with version 05", USER, METHOD_2, SAYS("\x05\x01"), NONE, CLOSE, LEAT_E_SOCKS5_AUTH, 1},
    /* 2301208 */
    {"REP 1", ANON, METHOD_0, NONE, SAYS("\x05\x01\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 1, 0, "general"},
    {"REP 2", ANON, METHOD_0, NONE, SAYS("\x05\x02\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 2, 0, "not allowed"},
    {"REP 3", ANON, METHOD_0, NONE, SAYS("\x05\x03\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 3, 0, "network"},
    {"REP 4", ANON, METHOD_0, NONE, SAYS("\x05\x04\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 4, 0, "host"},
    {"REP 5", ANON, METHOD_0, NONE, SAYS("\x05\x05\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 5, 0, "refused"},
    {"REP 6", ANON, METHOD_0, NONE, SAYS("\x05\x06\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 6, 0, "TTL"},
    {"REP 7", ANON, METHOD_0, NONE, SAYS("\x05\x07\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 7, 0, "command"},
    {"REP 8", ANON, METHOD_0, NONE, SAYS("\x05\x08\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 8, 0, "address type"},
    {"REP F6", ANON, METHOD_0, NONE, SAYS("\x05\xf6\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 0xf6, 0, "onion"},
    {"REP 99", ANON, METHOD_0, NONE, SAYS("\x05\x99\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 0x99, 0, "0x99"},
    {"REP 5, ATYP 0", ANON, METHOD_0, NONE, SAYS("\x05\x05\x00\x00\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 5},
    {"REP 5, ATYP 7", ANON, METHOD_0, NONE, SAYS("\x05\x05\x00\x07"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 5},
    {"REP 5, an address that is cut", ANON, METHOD_0, NONE, SAYS("\x05\x05\x00\x01\x7f"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 5},
    {"REP 5, nothing behind it", ANON, METHOD_0, NONE, SAYS("\x05\x05"), STALL, LEAT_E_SOCKS5_CONNECT_REMOTE, 5},
    {"REP 5, then reset", ANON, METHOD_0, NONE, SAYS("\x05\x05\x00\x01\0\0\0\0\0\0"), RESET, LEAT_E_SOCKS5_CONNECT_REMOTE, 5},
    {"REP 4 behind a password", USER, METHOD_2, AUTH_OK, SAYS("\x05\x04\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 4},
    {"REP 4 behind status 0 of version 05", USER, METHOD_2, SAYS("\x05\x00"), SAYS("\x05\x04"), CLOSE, LEAT_E_SOCKS5_CONNECT_REMOTE, 4},
    {"REP 4 to a user who needs no password", USER, METHOD_0, NONE, SAYS("\x05\x04"), CLOSE,
     LEAT_E_SOCKS5_CONNECT_REMOTE, 4, 0, NULL, LEAT_E_SOCKS5_METHOD, 0},
    /* 2301209 */
    {"no method", ANON, SAYS("\x05\xff"), NONE, NONE, CLOSE, LEAT_E_SOCKS5_METHOD, 0xff, 0, "none of the offered"},
    {"no method for a user", USER, SAYS("\x05\xff"), NONE, NONE, CLOSE, LEAT_E_SOCKS5_METHOD, 0xff},
    {"GSSAPI", ANON, SAYS("\x05\x01"), NONE, NONE, CLOSE, LEAT_E_SOCKS5_METHOD, 1, 0, "not offered"},
    {"method 80", USER, SAYS("\x05\x80"), NONE, NONE, CLOSE, LEAT_E_SOCKS5_METHOD, 0x80},
    /* 2301211 */
    {"closes at the greeting", ANON, NONE, NONE, NONE, CLOSE, LEAT_E_SOCKS5_RECV, 0, 0, "greeting"},
    {"resets at the greeting", ANON, NONE, NONE, NONE, RESET, LEAT_E_SOCKS5_RECV, 0, ECONNRESET, "greeting"},
    {"silent at the greeting", ANON, NONE, NONE, NONE, STALL, LEAT_E_SOCKS5_RECV, 0, ETIMEDOUT, "greeting"},
    {"half a greeting, silent", ANON, SAYS("\x05"), NONE, NONE, STALL, LEAT_E_SOCKS5_RECV, 0, ETIMEDOUT, "greeting"},
    {"closes at the password", USER, METHOD_2, NONE, NONE, CLOSE, LEAT_E_SOCKS5_RECV, 0, 0, "password"},
    {"resets at the password", USER, METHOD_2, NONE, NONE, RESET, LEAT_E_SOCKS5_RECV, 0, ECONNRESET, "password"},
    {"silent at the password", USER, METHOD_2, NONE, NONE, STALL, LEAT_E_SOCKS5_RECV, 0, ETIMEDOUT, "password"},
    {"closes at the request", ANON, METHOD_0, NONE, NONE, CLOSE, LEAT_E_SOCKS5_RECV, 0, 0, "request"},
    {"resets at the request", ANON, METHOD_0, NONE, NONE, RESET, LEAT_E_SOCKS5_RECV, 0, ECONNRESET, "request"},
    {"silent at the request", ANON, METHOD_0, NONE, NONE, STALL, LEAT_E_SOCKS5_RECV, 0, ETIMEDOUT, "request"},
    {"half a reply, silent", ANON, METHOD_0, NONE, SAYS("\x05\x00\x00\x03"), STALL, LEAT_E_SOCKS5_RECV, 0, ETIMEDOUT, "request"},
    /* 2301213 */
    {"HTTP", ANON, SAYS("HTTP/1.1 400 Bad Request\r\n\r\n"), NONE, NONE, CLOSE, LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "not a SOCKS5 proxy"},
    {"SOCKS4", ANON, SAYS("\x00\x5b\0\0\0\0\0\0"), NONE, NONE, CLOSE, LEAT_E_SOCKS5_DESERIALIZE},
    {"half a greeting", ANON, SAYS("\x05"), NONE, NONE, CLOSE, LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "in the middle"},
    {"half an answer to the password", USER, METHOD_2, SAYS("\x01"), NONE, CLOSE, LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "in the middle"},
    {"status 0 of version 02", USER, METHOD_2, SAYS("\x02\x00"), NONE, CLOSE, LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "0x02"},
    {"a reply of version 04", ANON, METHOD_0, NONE, SAYS("\x04\x00\x00\x01\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "0x04"},
    {"half a reply", ANON, METHOD_0, NONE, SAYS("\x05"), CLOSE, LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "in the middle"},
    {"a reply whose address is cut", ANON, METHOD_0, NONE, SAYS("\x05\x00\x00\x01\x7f"), CLOSE, LEAT_E_SOCKS5_DESERIALIZE},
    {"a reply whose name is cut", ANON, METHOD_0, NONE, SAYS("\x05\x00\x00\x03\xffrelay"), CLOSE, LEAT_E_SOCKS5_DESERIALIZE},
    {"a good reply with ATYP 0", ANON, METHOD_0, NONE, SAYS("\x05\x00\x00\x00\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "address type 0x00"},
    {"a good reply with ATYP 2", ANON, METHOD_0, NONE, SAYS("\x05\x00\x00\x02\0\0\0\0\0\0"), CLOSE, LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "address type 0x02"},
};
/* clang-format on */

#define CASES (sizeof(cases) / sizeof(cases[0]))

/* One connection, and what it has come to. */
struct slot {
    const struct matrix_case *c;
    enum face face;
    leat_config *config;
    leat_websocket *ws;
    leat_tcp_socket *tcp;
    leat_udp_socket *udp;
    unsigned opened, errors, closed;
    struct leat_error error;
};

/* ---- what the faces tell --------------------------------------------------------------------- */

static void ws_opened(leat_websocket *ws, void *user)
{
    (void)ws;
    ((struct slot *)user)->opened++;
}

static void ws_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct slot *slot = user;
    (void)ws;
    slot->error = event->error;
    slot->errors++;
    slot->closed++;
}

static void tcp_connected(leat_tcp_socket *tcp, void *user)
{
    (void)tcp;
    ((struct slot *)user)->opened++;
}

static void tcp_error(leat_tcp_socket *tcp, const struct leat_error *error, void *user)
{
    struct slot *slot = user;
    (void)tcp;
    slot->error = *error;
    slot->errors++;
}

static void tcp_closed(leat_tcp_socket *tcp, void *user)
{
    (void)tcp;
    ((struct slot *)user)->closed++;
}

static void udp_listening(leat_udp_socket *udp, void *user)
{
    (void)udp;
    ((struct slot *)user)->opened++;
}

static void udp_error(leat_udp_socket *udp, const struct leat_error *error, void *user)
{
    struct slot *slot = user;
    (void)udp;
    slot->error = *error;
    slot->errors++;
}

static void udp_closed(leat_udp_socket *udp, void *user)
{
    (void)udp;
    ((struct slot *)user)->closed++;
}

/* ---- proxies --------------------------------------------------------------------------------- */

struct proxy {
    struct leat_script_row rows[10];
    leat_testing_server *server;
};

static void row_add(struct proxy *proxy, size_t *count, struct leat_script_row row)
{
    proxy->rows[(*count)++] = row;
}

static void proxy_start(struct proxy *proxy, const struct matrix_case *c, bool is_udp)
{
    static const struct leat_script_row associate = {
        LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("\x05\x03\x00\x01\0\0\0\0\0\0")};
    static const struct leat_script_row connect = {LEAT_SCRIPT_READ_SOCKS5_REQUEST};
    size_t n = 0;
    row_add(proxy, &n, (struct leat_script_row){LEAT_SCRIPT_READ_SOCKS5_GREETING});
    if (c->method.len > 0)
        row_add(proxy, &n,
                (struct leat_script_row){LEAT_SCRIPT_SEND, c->method.bytes, c->method.len});
    bool has_password = c->method.len == 2 && c->method.bytes[1] == 2 && c->user[0];
    if (has_password)
        row_add(proxy, &n, (struct leat_script_row){LEAT_SCRIPT_READ_SOCKS5_AUTH});
    if (c->auth.len > 0)
        row_add(proxy, &n, (struct leat_script_row){LEAT_SCRIPT_SEND, c->auth.bytes, c->auth.len});
    bool is_asked = c->method.len == 2 && c->method.bytes[0] == 5 &&
                    (c->method.bytes[1] == 0 || (has_password && c->auth.len == 2 &&
                                                 c->auth.bytes[1] == 0 && c->auth.bytes[0] != 2));
    if (is_asked)
        row_add(proxy, &n, is_udp ? associate : connect);
    if (c->reply.len > 0)
        row_add(proxy, &n,
                (struct leat_script_row){LEAT_SCRIPT_SEND, c->reply.bytes, c->reply.len});
    row_add(proxy, &n, (struct leat_script_row){c->end});
    row_add(proxy, &n, (struct leat_script_row){LEAT_SCRIPT_CLOSE});
    proxy->server = script_server_start(proxy->rows);
    cr_assert(proxy->server);
}

/* ---- connections ----------------------------------------------------------------------------- */

static bool is_of_udp(enum face face)
{
    return face == UDP || face == UDP_PIPELINED;
}

static enum leat_socks5_pipelining pipelining_of(enum face face)
{
    switch (face) {
    case WS_PIPELINED:
    case TCP_PIPELINED:
    case UDP_PIPELINED:
        return LEAT_SOCKS5_PIPELINED;
    case WS_OPTIMISTIC:
    case WSS_OPTIMISTIC:
        return LEAT_SOCKS5_PIPELINED_WITH_DATA;
    default:
        return LEAT_SOCKS5_LOCK_STEP;
    }
}

static void slot_start(struct slot *slot, leat_loop *loop, uint16_t port)
{
    static const struct leat_websocket_callbacks ws_callbacks = {
        .size = sizeof(ws_callbacks), .opened = ws_opened, .closed = ws_closed};
    static const struct leat_tcp_socket_callbacks tcp_callbacks = {.size = sizeof(tcp_callbacks),
                                                                   .connected = tcp_connected,
                                                                   .error = tcp_error,
                                                                   .closed = tcp_closed};
    static const struct leat_udp_socket_callbacks udp_callbacks = {.size = sizeof(udp_callbacks),
                                                                   .listening = udp_listening,
                                                                   .error = udp_error,
                                                                   .closed = udp_closed};
    char proxy[64];
    snprintf(proxy, sizeof(proxy), "socks5h://%s127.0.0.1:%u", slot->c->user, port);
    int code = LEAT_OK;
    slot->config = client_config_new();
    cr_assert(leat_config_set_proxy(slot->config, proxy) == LEAT_OK);
    cr_assert(leat_config_set_connect_timeout(slot->config, 60000) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(slot->config, LEAT_PHASE_PROXY, STEP_TIMEOUT_MS) ==
              LEAT_OK);
    cr_assert(leat_config_set_socks5_pipelining(slot->config, pipelining_of(slot->face)) ==
              LEAT_OK);
    switch (slot->face) {
    case TCP:
    case TCP_PIPELINED:
        cr_assert(leat_tcp_socket_new(loop, &tcp_callbacks, slot, &slot->tcp) == LEAT_OK);
        code = leat_tcp_socket_connect(slot->tcp, "target.test", 7, slot->config);
        break;
    case UDP:
    case UDP_PIPELINED:
        cr_assert(leat_udp_socket_new(loop, &udp_callbacks, slot, &slot->udp) == LEAT_OK);
        code = leat_udp_socket_bind(slot->udp, "127.0.0.1", 0, slot->config);
        break;
    default:
        cr_assert(leat_websocket_new(loop, &ws_callbacks, slot, &slot->ws) == LEAT_OK);
        code = leat_websocket_connect(
            slot->ws, slot->face == WSS_OPTIMISTIC ? "wss://target.test/" : "ws://target.test/",
            slot->config);
        break;
    }
    cr_assert(code == LEAT_OK, "%s, %s: %d", slot->c->name, face_names[slot->face], code);
}

static void slot_expect(const struct slot *slot)
{
    const struct matrix_case *c = slot->c;
    const struct leat_error *error = &slot->error;
    bool differs = c->pipelined_code != 0 && pipelining_of(slot->face) != LEAT_SOCKS5_LOCK_STEP;
    int code = differs ? c->pipelined_code : c->code;
    int native_code = differs ? c->pipelined_native_code : c->native_code;
    cr_expect(slot->opened == 0 && slot->errors == 1 && slot->closed == 1,
              "%s, %s: opened %u, error %u, closed %u", c->name, face_names[slot->face],
              slot->opened, slot->errors, slot->closed);
    cr_expect(error->code == code && error->native_code == native_code &&
                  error->layer == LEAT_LAYER_SOCKS5 && error->sys_errno == c->sys_errno,
              "%s, %s: %d native %d errno %d layer %d: %s", c->name, face_names[slot->face],
              error->code, error->native_code, error->sys_errno, (int)error->layer, error->text);
    cr_expect(differs || !c->text || strstr(error->text, c->text), "%s, %s: %s", c->name,
              face_names[slot->face], error->text);
    cr_expect(!strstr(error->text, "secret"));
}

static void slot_done(struct slot *slot)
{
    leat_websocket_free(slot->ws);
    leat_tcp_socket_free(slot->tcp);
    leat_udp_socket_free(slot->udp);
    leat_config_free(slot->config);
}

static size_t slots_left(const struct slot *slots, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; ++i)
        left += slots[i].closed == 0;
    return left;
}

/* On a loop that has seen all of them fail. */
static void good_connection_expect(leat_loop *loop)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks), .opened = ws_opened, .closed = ws_closed};
    static const struct leat_script_row script[] = {LEAT_SCRIPT_SOCKS5_OPEN,
                                                    LEAT_SCRIPT_UPGRADE,
                                                    {LEAT_SCRIPT_SERVE_ECHO},
                                                    {LEAT_SCRIPT_CLOSE}};
    struct slot slot = {.face = WS};
    leat_testing_server *server = script_server_start(script);
    slot.config = client_config_new();
    cr_assert(leat_config_set_proxy(slot.config,
                                    url_of("socks5h", leat_testing_server_get_port(server), "")) ==
              LEAT_OK);
    cr_assert(leat_websocket_new(loop, &callbacks, &slot, &slot.ws) == LEAT_OK);
    cr_assert(leat_websocket_connect(slot.ws, "ws://target.test/", slot.config) == LEAT_OK);
    while (slot.opened == 0 && slot.closed == 0)
        cr_assert(leat_loop_dispatch(loop, CLIENT_RUN_TIMEOUT_MS) == LEAT_OK);
    cr_expect(slot.closed == 0, "%s", slot.error.text);
    slot_done(&slot);
    leat_testing_server_free(server);
}

Test(socks5_matrix, every_failure_under_every_face)
{
    static struct proxy proxies[CASES][2];
    static struct slot slots[CASES * FACES];
    leat_loop *loop = NULL;
    cr_assert(leat_loop_new(&loop) == LEAT_OK);
    for (size_t i = 0; i < CASES; ++i)
        for (int udp = 0; udp < 2; ++udp)
            proxy_start(&proxies[i][udp], &cases[i], udp);
    still_clock_start();
    for (size_t i = 0; i < CASES * FACES; ++i) {
        slots[i].c = &cases[i / FACES];
        slots[i].face = (enum face)(i % FACES);
        const struct proxy *proxy = &proxies[i / FACES][is_of_udp(slots[i].face)];
        slot_start(&slots[i], loop, leat_testing_server_get_port(proxy->server));
    }
    while (slots_left(slots, CASES * FACES) > 0)
        cr_assert(leat_loop_dispatch(loop, CLIENT_RUN_TIMEOUT_MS) == LEAT_OK);
    still_clock_stop();
    for (size_t i = 0; i < CASES * FACES; ++i) {
        slot_expect(&slots[i]);
        slot_done(&slots[i]);
    }
    good_connection_expect(loop);
    leat_loop_free(loop);
    for (size_t i = 0; i < CASES; ++i)
        for (int udp = 0; udp < 2; ++udp)
            leat_testing_server_free(proxies[i][udp].server);
}
