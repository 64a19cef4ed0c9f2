/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking face against real servers and scripted ones. */
#include "integration/common.h"
#include "support/patience.h"

#include <stdlib.h>

INTEGRATION_SUITE(blocking);

#define TIMEOUT_MS  PATIENCE_MS(5000)
#define LARGE_BYTES (1u << 20)

static const struct server_options plain = {0};
static const struct server_options tls = {.cert = "server.pem"};

static leat_blocking_websocket *blocking_open(const char *url, leat_config *config)
{
    leat_blocking_websocket *ws = NULL;
    struct leat_error error;
    int code = leat_blocking_websocket_connect(url, config, &ws, &error);
    cr_assert(code == LEAT_OK, "%d %s", code, error.text);
    return ws;
}

static void blocking_echo(leat_blocking_websocket *ws, enum leat_message_type type,
                          const void *data, size_t len)
{
    struct leat_message message;
    cr_expect(!leat_blocking_websocket_get_close_event(ws));
    cr_assert(leat_blocking_websocket_send(ws, type, data, len, TIMEOUT_MS, NULL) == LEAT_OK);
    int code = leat_blocking_websocket_recv(ws, &message, TIMEOUT_MS, NULL);
    cr_assert(code == LEAT_OK, "%d", code);
    cr_expect(message.type == type && message.len == len && memcmp(message.data, data, len) == 0);
}

static void end_expect(const struct leat_error *error, int close_code, const char *text)
{
    cr_expect(error->code == LEAT_E_SOCKET_BASE + EBADF && error->sys_errno == EBADF);
    cr_expect(error->layer == LEAT_LAYER_WEBSOCKET && error->native_code == close_code);
    cr_expect(strcmp(error->text, text) == 0, "%s", error->text);
    cr_expect(strncmp(error->hop, "127.0.0.1:", 10) == 0, "%s", error->hop);
}

static void blocking_close(leat_blocking_websocket *ws)
{
    cr_expect(leat_blocking_websocket_close(ws, 1000, "done", NULL) == LEAT_OK);
    const struct leat_close_event *event = leat_blocking_websocket_get_close_event(ws);
    cr_assert(event);
    cr_expect(event->error.code == LEAT_OK && event->close_code == 1000);
    cr_expect(event->closed_by == LEAT_CLOSED_BY_LOCAL);
    struct leat_message message;
    struct leat_error error;
    cr_expect(leat_blocking_websocket_recv(ws, &message, 0, &error) == LEAT_E_SOCKET_BASE + EBADF);
    end_expect(&error, 1000,
               "this program has closed the connection; the server answered with close code 1000: "
               "\"done\"");
    cr_expect(leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, "x", 1, 0, NULL) ==
              LEAT_E_SOCKET_BASE + EBADF);
    cr_expect(leat_blocking_websocket_close(ws, 1000, NULL, NULL) == LEAT_E_SOCKET_BASE + EBADF);
    leat_blocking_websocket_free(ws);
}

static void server_expect(const char *url, leat_config *config)
{
    static uint8_t data[LARGE_BYTES];
    leat_blocking_websocket *ws = blocking_open(url, config);
    blocking_echo(ws, LEAT_MESSAGE_TEXT, "hello", 5);
    blocking_echo(ws, LEAT_MESSAGE_BINARY, data, sizeof(data));
    memset(data, 'x', sizeof(data));
    blocking_echo(ws, LEAT_MESSAGE_TEXT, data, sizeof(data));
    blocking_close(ws);
    leat_config_free(config);
}

Test(blocking, python)
{
    server_expect(url_of("ws", python_server_start(&plain), "/echo"), NULL);
}

Test(blocking, node_with_tls)
{
    server_expect(url_of("wss", node_server_start(&tls), "/echo"), client_config_new());
}

Test(blocking, microsocks_with_password_and_tls)
{
    leat_config *config = client_config_new();
    cr_assert(leat_config_set_proxy(config, sandbox_format("socks5h://alice:secret@127.0.0.1:%u",
                                                           microsocks_start("alice", "secret"))) ==
              LEAT_OK);
    server_expect(url_of("wss", python_server_start(&tls), "/echo"), config);
}

Test(blocking, messages_stay_in_order)
{
    leat_blocking_websocket *ws =
        blocking_open(url_of("ws", python_server_start(&plain), "/echo"), NULL);
    for (unsigned i = 0; i < 200; ++i)
        cr_assert(leat_blocking_websocket_send(ws, LEAT_MESSAGE_BINARY, &i, sizeof(i), TIMEOUT_MS,
                                               NULL) == 0);
    for (unsigned i = 0; i < 200; ++i) {
        struct leat_message message;
        cr_assert(leat_blocking_websocket_recv(ws, &message, TIMEOUT_MS, NULL) == LEAT_OK);
        cr_assert(message.len == sizeof(i) && memcmp(message.data, &i, sizeof(i)) == 0);
    }
    blocking_close(ws);
}

static void recv_timeout_expect(const char *url, leat_config *config, int expected)
{
    struct leat_message message;
    leat_blocking_websocket *ws = blocking_open(url, config);
    struct leat_error error;
    int code = leat_blocking_websocket_recv(ws, &message, 20, &error);
    cr_expect(code == expected && error.code == expected && error.sys_errno == ETIMEDOUT);
    cr_expect(strstr(error.text, "no message came within 20 ms"), "%s", error.text);
    code = leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, "\xff", 1, 0, &error);
    cr_expect(code == LEAT_E_PARAMETER && error.code == code && strstr(error.text, "UTF-8"));
    code = leat_blocking_websocket_close(ws, 1005, NULL, &error);
    cr_expect(code == LEAT_E_PARAMETER && error.code == code && strstr(error.text, "close code"));
    blocking_echo(ws, LEAT_MESSAGE_TEXT, "still usable", 12);
    blocking_close(ws);
    leat_config_free(config);
}

Test(blocking, receive_times_out)
{
    recv_timeout_expect(url_of("ws", python_server_start(&plain), "/echo"), NULL,
                        LEAT_E_SOCKET_BASE + ETIMEDOUT);
}

Test(blocking, receive_times_out_over_tls)
{
    recv_timeout_expect(url_of("wss", python_server_start(&tls), "/echo"), client_config_new(),
                        LEAT_E_TLS_READ);
}

static void send_timeout_expect(const char *url, leat_config *config, int expected)
{
    static const uint8_t data[32 << 20]; /* more than the kernel's buffers hold */
    struct leat_error error;
    leat_blocking_websocket *ws = blocking_open(url, config);
    int code =
        leat_blocking_websocket_send(ws, LEAT_MESSAGE_BINARY, data, sizeof(data), 100, &error);
    cr_expect(code == expected && error.code == expected && error.sys_errno == ETIMEDOUT);
    cr_expect(strstr(error.text, "the server has not taken the message"), "%s", error.text);
    leat_blocking_websocket_free(ws);
    leat_config_free(config);
}

Test(blocking, send_times_out)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    send_timeout_expect(url_of("ws", leat_testing_server_get_port(peer), "/"), NULL,
                        LEAT_E_SOCKET_BASE + ETIMEDOUT);
    leat_testing_server_free(peer);
}

Test(blocking, send_times_out_over_tls)
{
    struct leat_testing_tls accept = {.cert_path = certificate_path("server.pem"),
                                      .key_path = certificate_path("server.key")};
    const struct leat_script_row script[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &accept},
                                             LEAT_SCRIPT_UPGRADE,
                                             {LEAT_SCRIPT_STALL},
                                             {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    send_timeout_expect(url_of("wss", leat_testing_server_get_port(peer), "/"), client_config_new(),
                        LEAT_E_TLS_WRITE);
    leat_testing_server_free(peer);
}

Test(blocking, server_closes)
{
    struct leat_message message;
    leat_blocking_websocket *ws = blocking_open(
        url_of("ws", python_server_start(&plain), "/close?code=4001&reason=enough"), NULL);
    struct leat_error error;
    cr_expect(leat_blocking_websocket_recv(ws, &message, TIMEOUT_MS, &error) ==
              LEAT_E_SOCKET_BASE + EBADF);
    const struct leat_close_event *event = leat_blocking_websocket_get_close_event(ws);
    cr_assert(event);
    cr_expect(event->closed_by == LEAT_CLOSED_BY_REMOTE && event->close_code == 4001);
    cr_expect(strcmp(event->reason, "enough") == 0);
    static const char story[] = "the server has closed the connection with close code 4001: "
                                "\"enough\"";
    end_expect(&error, 4001, story);
    memset(&error, 0, sizeof(error));
    cr_expect(leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, "x", 1, 0, &error) ==
              LEAT_E_SOCKET_BASE + EBADF);
    end_expect(&error, 4001, story);
    memset(&error, 0, sizeof(error));
    cr_expect(leat_blocking_websocket_close(ws, 1000, NULL, &error) == LEAT_E_SOCKET_BASE + EBADF);
    end_expect(&error, 4001, story);
    leat_blocking_websocket_free(ws);
}

/* The peer sends all of it at once: the 101, two messages and its Close frame. */
Test(blocking, messages_before_the_end_are_still_received)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND_UPGRADE, .hold = true},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("1"), .number = 0x81, .hold = true},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("2"), .number = 0x81, .hold = true},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\x03\xe8"), .number = 0x88},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_CLOSE},
    };
    struct leat_message message;
    leat_testing_server *peer = script_server_start(script);
    leat_blocking_websocket *ws = NULL;
    int code = leat_blocking_websocket_connect(
        url_of("ws", leat_testing_server_get_port(peer), "/"), NULL, &ws, NULL);
    cr_assert(code == LEAT_OK, "%d", code);
    cr_expect(leat_blocking_websocket_recv(ws, &message, TIMEOUT_MS, NULL) == LEAT_OK &&
              message.data[0] == '1');
    cr_expect(leat_blocking_websocket_recv(ws, &message, TIMEOUT_MS, NULL) == LEAT_OK &&
              message.data[0] == '2');
    cr_expect(leat_blocking_websocket_recv(ws, &message, TIMEOUT_MS, NULL) ==
              LEAT_E_SOCKET_BASE + EBADF);
    const struct leat_close_event *event = leat_blocking_websocket_get_close_event(ws);
    cr_assert(event);
    cr_expect(event->error.code == LEAT_OK && event->close_code == 1000);
    leat_blocking_websocket_free(ws);
    peer_content_expect(peer);
    leat_testing_server_free(peer);
}

Test(blocking, connection_is_lost)
{
    static const struct leat_script_row script[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_CLOSE}};
    struct leat_message message;
    leat_testing_server *peer = script_server_start(script);
    leat_blocking_websocket *ws =
        blocking_open(url_of("ws", leat_testing_server_get_port(peer), "/"), NULL);
    struct leat_error error;
    cr_expect(leat_blocking_websocket_recv(ws, &message, TIMEOUT_MS, &error) == LEAT_E_WS_CONNECT);
    cr_expect(error.code == LEAT_E_WS_CONNECT && error.native_code == 1006);
    cr_expect(error.violation == 0 && strstr(error.text, "without a Close frame"), "%s",
              error.text);
    leat_blocking_websocket_free(ws);
    leat_testing_server_free(peer);
}

/* What the server sends, then what recv says. */
static void violation_expect(struct leat_script_row frame, uint16_t close_code, const char *text)
{
    const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, frame, {LEAT_SCRIPT_READ_FRAME, .number = 0x88}, {LEAT_SCRIPT_CLOSE}};
    struct leat_message message;
    struct leat_error error;
    leat_testing_server *peer = script_server_start(script);
    leat_blocking_websocket *ws =
        blocking_open(url_of("ws", leat_testing_server_get_port(peer), "/"), NULL);
    cr_expect(leat_blocking_websocket_recv(ws, &message, TIMEOUT_MS, &error) == LEAT_E_WS_CONNECT);
    cr_expect(error.violation == close_code && error.native_code == close_code, "%u",
              error.violation);
    cr_expect(strstr(error.text, text), "%s", error.text);
    leat_blocking_websocket_free(ws);
    leat_testing_server_free(peer);
}

Test(blocking, violations_are_told_apart)
{
    violation_expect(
        (struct leat_script_row){LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\xff"), .number = 0x81},
        1007, "UTF-8");
    violation_expect(
        (struct leat_script_row){LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("x"), .number = 0x80},
        1002, "continuation");
}

/* A check that was forgotten never means "no proxy": nobody is dialled. */
Test(blocking, a_refused_setter_refuses_to_connect)
{
    leat_config *config;
    leat_blocking_websocket *ws = NULL;
    struct leat_error error;
    const char *url = url_of("ws", python_server_start(&plain), "/echo");
    cr_assert(leat_config_new(&config) == LEAT_OK);
    (void)!leat_config_set_proxy(config, "socks6://127.0.0.1");
    cr_expect(leat_blocking_websocket_connect(url, config, &ws, &error) == LEAT_E_PARAMETER && !ws);
    cr_expect(error.code == LEAT_E_PARAMETER);
    cr_expect(strstr(error.text, "leat_config_set_proxy() was refused before: "), "%s", error.text);
    cr_assert(leat_config_set_proxy(config, NULL) == LEAT_OK);
    ws = blocking_open(url, config);
    blocking_close(ws);
    leat_config_free(config);
}

Test(blocking, protocol_is_known)
{
    leat_config *config = client_config_new();
    cr_assert(leat_config_add_subprotocol(config, "chat") == LEAT_OK);
    uint16_t port = python_server_start(&(struct server_options){.protocol = "chat"});
    leat_blocking_websocket *ws = blocking_open(url_of("ws", port, "/echo"), config);
    cr_expect(strcmp(leat_websocket_get_subprotocol(leat_blocking_websocket_get_websocket(ws)),
                     "chat") == 0);
    blocking_close(ws);
    leat_config_free(config);
}

Test(blocking, failed_connect_returns_its_detail)
{
    leat_blocking_websocket *ws = NULL;
    struct leat_error error;
    int code =
        leat_blocking_websocket_connect(url_of("ws", refusing_port(), "/"), NULL, &ws, &error);
    cr_expect(code == LEAT_E_SOCKET_BASE + ECONNREFUSED && !ws);
    cr_expect(error.code == code && error.sys_errno == ECONNREFUSED);
    cr_expect(error.layer == LEAT_LAYER_TCP);
    cr_expect(leat_blocking_websocket_connect("ws://", NULL, &ws, NULL) == LEAT_E_WS_URL && !ws);
    cr_expect(leat_blocking_websocket_connect(NULL, NULL, &ws, &error) == LEAT_E_PARAMETER);
    leat_blocking_websocket_free(NULL);
}

Test(blocking, hundred_connections_leave_no_descriptor)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    const char *url = url_of("ws", leat_testing_server_get_port(peer), "/");
    size_t before = open_descriptor_count();
    for (int i = 0; i < 100; ++i) {
        leat_blocking_websocket *ws = blocking_open(url, NULL);
        if (i % 2 == 0)
            cr_expect(leat_blocking_websocket_close(ws, 1000, NULL, NULL) == LEAT_OK);
        leat_blocking_websocket_free(ws);
        cr_expect(i % 2 != 0 || leat_testing_server_wait_idle(peer, STEP_WAIT_MS));
    }
    cr_expect(leat_testing_server_wait_idle(peer, STEP_WAIT_MS));
    cr_expect(open_descriptor_count() == before);
    leat_testing_server_free(peer);
}
