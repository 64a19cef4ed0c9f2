/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An echo server whose numbers are read by Prometheus: the same port answers GET /metrics in its text
 * form, /healthz with 200, and everything else that is no WebSocket with 404.
 *
 *     metrics_server PORT      (0 = a free port; prints where it listens)
 *
 * Ends in order on SIGINT and SIGTERM, within five seconds.
 *
 *     cc -Iinclude examples/metrics_server.c -Lbuild/release/lib -lleat -o metrics_server
 */
#include <leat/leat.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_MS 5000

static leat_loop *loop;

static void on_signal(int number)
{
    (void)number;
    leat_loop_stop(loop);
}

static size_t metrics_write(const leat_websocket_server *server, char *buf, size_t cap)
{
    struct leat_websocket_server_counters c = {0};
    if (leat_websocket_server_get_counters(server, &c, sizeof(c)) != LEAT_OK)
        return 0;
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"accepted_total", "counter", "Connections that came.", c.accepted},
        {"opened_total", "counter", "Connections that became WebSockets.", c.opened},
        {"closed_total", "counter", "WebSockets that have ended.", c.closed},
        {"failed_total", "counter", "Connections that did not become WebSockets.", c.failed},
        {"answered_total", "counter", "Requests that were answered.", c.answered},
        {"received_messages_total", "counter", "Messages received.", c.messages_received},
        {"received_bytes_total", "counter", "Bytes of messages received.", c.bytes_received},
        {"sent_bytes_total", "counter", "Bytes sent.", c.bytes_sent},
        {"throttled_total", "counter", "Times that a client was held up.", c.throttled},
        {"overflowed_total", "counter", "Connections ended because all queues were full.",
         c.overflowed},
        {"open", "gauge", "WebSockets that are open.", c.open},
        {"handshakes", "gauge", "Handshakes that are not done.", c.handshakes},
        {"queued_bytes", "gauge", "Bytes that wait to be sent.", c.queued_bytes},
    };
    size_t len = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && len < cap; i++)
        len += (size_t)snprintf(
            buf + len, cap - len, "# HELP leat_%s %s\n# TYPE leat_%s %s\nleat_%s %" PRIu64 "\n",
            rows[i].name, rows[i].help, rows[i].name, rows[i].type, rows[i].name, rows[i].value);
    return len < cap ? len : cap;
}

static void on_request(leat_websocket_server *server, leat_http_request *request, void *user)
{
    static const struct leat_http_header prometheus = {"Content-Type",
                                                       "text/plain; version=0.0.4; charset=utf-8"};
    char text[4096];
    const char *target = leat_http_request_get_target(request);
    int code;
    (void)user;

    if (leat_http_request_is_upgrade(request)) {
        code = leat_http_request_accept(request, NULL, 0);
    } else if (strcmp(target, "/metrics") == 0) {
        size_t len = metrics_write(server, text, sizeof(text));
        code = leat_http_request_answer(request, 200, &prometheus, 1, text, len);
    } else if (strcmp(target, "/healthz") == 0) {
        code = leat_http_request_answer(request, 200, NULL, 0, "ok\n", 3);
    } else {
        code = leat_http_request_answer(request, 404, NULL, 0, NULL, 0);
    }
    if (code != LEAT_OK)
        fprintf(stderr, "%s\n", leat_strerror(code));
}

static void on_message(leat_websocket_server *server, leat_websocket *ws,
                       enum leat_message_type type, const uint8_t *data, size_t len, void *user)
{
    (void)server;
    (void)user;
    if (leat_websocket_send(ws, type, data, len) != LEAT_OK)
        leat_websocket_free(ws);
}

static const struct leat_websocket_server_callbacks callbacks = {
    .size = sizeof(callbacks),
    .message = on_message,
    .http_request = on_request,
};

static int serve(leat_websocket_server *server, unsigned port)
{
    int code = leat_websocket_server_start(server, "127.0.0.1", port, NULL);
    if (code != LEAT_OK) {
        struct leat_error error;
        leat_websocket_server_get_error(server, &error);
        fprintf(stderr, "%d %s %s\n", code, leat_strerror(code), error.text);
        return code;
    }
    printf("listening on ws://127.0.0.1:%u\n", leat_websocket_server_get_port(server));
    fflush(stdout);
    code = leat_loop_run(loop);
    if (code == LEAT_OK)
        code = leat_websocket_server_drain(server, DRAIN_MS);
    while (code == LEAT_OK && leat_websocket_server_list(server, NULL, 0) > 0)
        code = leat_loop_dispatch(loop, -1);
    return code;
}

int main(int argc, char **argv)
{
    leat_websocket_server *server = NULL;

    if (argc != 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    if (leat_loop_new(&loop) != LEAT_OK)
        return 1;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    int code = leat_websocket_server_new(loop, &callbacks, NULL, &server);
    if (code == LEAT_OK)
        code = serve(server, (unsigned)strtoul(argv[1], NULL, 10));
    leat_websocket_server_free(server);
    leat_loop_free(loop);
    return code != LEAT_OK;
}
