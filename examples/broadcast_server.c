/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that sends each message to everybody who is connected to the same path: a room.
 *
 *     broadcast_server PORT [CERT.pem KEY.pem]      (0 = a free port; prints where it listens)
 *
 * Ends in order on SIGINT and SIGTERM: every client gets a Close frame with 1001.
 *
 *     cc -Iinclude examples/broadcast_server.c -Lbuild/release/lib -lleat -o broadcast_server
 */
#include <leat/leat.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS_MAX 1000

static leat_loop *loop;
static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
    leat_loop_stop(loop);
}

/* A client that does not read as fast as others write is dropped, so that it holds up nobody. */
static void on_message(leat_websocket_server *server, leat_websocket *from,
                       enum leat_message_type type, const uint8_t *data, size_t len, void *user)
{
    static leat_websocket *clients[CLIENTS_MAX];
    const char *room = leat_websocket_get_target(from);
    size_t count = leat_websocket_server_list(server, clients, CLIENTS_MAX);
    leat_prepared_message *message; /* framed once, and copied for none of them */
    (void)user;

    if (leat_prepared_message_new(type, data, len, &message) != LEAT_OK)
        return;
    for (size_t i = 0; i < count && i < CLIENTS_MAX; i++) {
        if (strcmp(leat_websocket_get_target(clients[i]), room) != 0)
            continue;
        int code = leat_websocket_send_prepared(clients[i], message);
        if (code != LEAT_OK && leat_websocket_close(clients[i], 1008, "too slow") != LEAT_OK)
            fprintf(stderr, "%s: %s\n", leat_websocket_get_peer(clients[i]), leat_strerror(code));
    }
    leat_prepared_message_free(message);
}

static void on_connected(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    (void)server;
    (void)user;
    printf("%s has entered %s\n", leat_websocket_get_peer(ws), leat_websocket_get_target(ws));
    fflush(stdout);
}

static void on_closed(leat_websocket_server *server, leat_websocket *ws,
                      const struct leat_close_event *event, void *user)
{
    (void)server;
    (void)user;
    printf("%s has left: %u %s\n", leat_websocket_get_peer(ws), event->close_code,
           event->error.code == LEAT_OK ? event->reason : event->error.text);
    fflush(stdout);
}

static void on_error(leat_websocket_server *server, const struct leat_error *error, void *user)
{
    (void)server;
    (void)user;
    fprintf(stderr, "%s was not let in: %d %s\n", error->hop, error->code, error->text);
}

static const struct leat_websocket_server_callbacks callbacks = {
    .size = sizeof(callbacks),
    .connected = on_connected,
    .message = on_message,
    .closed = on_closed,
    .error = on_error,
};

static int start(leat_websocket_server *server, unsigned port, const char *cert_path,
                 const char *key_path)
{
    leat_config *config = NULL;
    int code = leat_config_new(&config);
    if (code == LEAT_OK && cert_path)
        code = leat_config_set_server_cert(config, cert_path, key_path, NULL);
    if (code == LEAT_OK)
        code = leat_config_set_max_concurrent_clients_number(config, CLIENTS_MAX);
    if (code == LEAT_OK)
        code = leat_websocket_server_start(server, "127.0.0.1", port, config);
    leat_config_free(config);
    if (code != LEAT_OK) {
        struct leat_error error;
        leat_websocket_server_get_error(server, &error);
        fprintf(stderr, "%d %s %s\n", code, leat_strerror(code), error.text);
        return code;
    }
    printf("listening on %s://127.0.0.1:%u\n", cert_path ? "wss" : "ws",
           leat_websocket_server_get_port(server));
    fflush(stdout);
    return LEAT_OK;
}

/* The Close frames leave, and the clients' answers come, from the loop. */
static int stop(leat_websocket_server *server)
{
    int code = leat_websocket_server_stop(server);
    while (code == LEAT_OK && leat_websocket_server_list(server, NULL, 0) > 0)
        code = leat_loop_dispatch(loop, -1);
    return code;
}

int main(int argc, char **argv)
{
    leat_websocket_server *server = NULL;

    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: %s PORT [CERT.pem KEY.pem]\n", argv[0]);
        return 2;
    }
    int code = leat_loop_new(&loop);
    if (code != LEAT_OK)
        return 1;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    code = leat_websocket_server_new(loop, &callbacks, NULL, &server);
    if (code == LEAT_OK)
        code = start(server, (unsigned)strtoul(argv[1], NULL, 10), argc == 4 ? argv[2] : NULL,
                     argc == 4 ? argv[3] : NULL);
    if (code == LEAT_OK)
        code = leat_loop_run(loop);
    if (code == LEAT_OK && stopping)
        code = stop(server);
    leat_websocket_server_free(server);
    leat_loop_free(loop);
    return code != LEAT_OK;
}
