/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection that is open and has nothing to say costs a leat_websocket_server: the same
 * clients connect to it from another process, a few at a time, and then stay silent.
 *
 * usage: server_idle [--count N] [--target TARGET] [--broadcasts N] [CERTIFICATE KEY]
 * Prints one line: bytes of heap (malloc) and resident bytes for each connection, between the first
 * hundred, which find everything that exists once, and N more (default 10000). With --broadcasts a
 * second one: processor time of sending 100 bytes to all of them, by a loop of leat_websocket_send()
 * and by leat_topic_publish().
 */
#include "../common/meter.h"
#include "../common/work.h"

#include <leat/leat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARM_UP 100u
/** Handshakes that are under way at the same time. */
#define WINDOW 16u
/** Of the loop, in which the last ones come to rest. */
#define SETTLING_ROUNDS 50u

static void must(int code, const char *what)
{
    if (code != LEAT_OK)
        bench_fail("%s", what);
}

/* ---- the clients, in a process of their own ------------------------------------------------ */

static unsigned opened_count;

static void on_opened(leat_websocket *ws, void *user)
{
    (void)ws;
    (void)user;
    opened_count++;
}

static void on_lost(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    (void)ws;
    (void)user;
    bench_fail("%s", event->error.text);
}

static void clients_open(leat_loop *loop, const leat_config *config, const char *url,
                         unsigned count)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks), .opened = on_opened, .closed = on_lost};
    unsigned started = 0;

    for (opened_count = 0; opened_count < count;) {
        for (; started < count && started - opened_count < WINDOW; started++) {
            leat_websocket *ws;
            must(leat_websocket_new(loop, &callbacks, NULL, &ws), "new");
            must(leat_websocket_connect(ws, url, config), "connect");
        }
        must(leat_loop_dispatch(loop, -1), "dispatch");
    }
}

/* Each number that comes in is how many more to open; each answer is one byte. */
static void clients_run(int commands, int answers, bool secure, const char *target)
{
    unsigned order[2];
    leat_loop *loop;
    leat_config *config;
    char url[256];

    must(leat_loop_new(&loop), "loop");
    must(leat_config_new(&config), "config");
    must(leat_config_set_skip_server_cert_verification(config, true), "config");
    while (read(commands, order, sizeof(order)) == (ssize_t)sizeof(order)) {
        snprintf(url, sizeof(url), "%s://127.0.0.1:%u%s", secure ? "wss" : "ws", order[0], target);
        clients_open(loop, config, url, order[1]);
        if (write(answers, "", 1) != 1)
            bench_fail("write");
    }
    _Exit(0);
}

/* ---- the server ---------------------------------------------------------------------------- */

static unsigned connected_count;
static leat_topic *everybody;

static void on_connected(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    (void)server;
    (void)user;
    if (everybody)
        must(leat_topic_subscribe(everybody, ws), "subscribe");
    connected_count++;
}

static leat_websocket_server *server_start(leat_loop *loop, const char *certificate,
                                           const char *key)
{
    static const struct leat_websocket_server_callbacks callbacks = {.size = sizeof(callbacks),
                                                                     .connected = on_connected};
    leat_websocket_server *server;
    leat_config *config;

    must(leat_config_new(&config), "config");
    must(leat_config_set_max_concurrent_clients_number(config, 1000000), "config");
    must(leat_config_set_max_connections_for_one_client(config, 1000000), "config");
    /* Its timer is part of a connection; but the clients stand still between two orders, answer no Ping
     * meanwhile, and would be taken for gone. */
    must(leat_config_set_ping_interval(config, 3600000), "config");
    if (certificate)
        must(leat_config_set_server_cert(config, certificate, key, NULL), "certificate");
    must(leat_websocket_server_new(loop, &callbacks, NULL, &server), "server");
    must(leat_websocket_server_start(server, "127.0.0.1", 0, config), "start");
    leat_config_free(config);
    return server;
}

/* Lets `count` more come, and returns when nothing is left to be done for them. */
static void server_let_come(leat_loop *loop, unsigned port, unsigned count, int commands,
                            int answers)
{
    const unsigned order[2] = {port, count};
    unsigned wanted = connected_count + count;
    char byte;

    if (write(commands, order, sizeof(order)) != (ssize_t)sizeof(order))
        bench_fail("write");
    while (connected_count < wanted)
        must(leat_loop_dispatch(loop, -1), "dispatch");
    if (read(answers, &byte, 1) != 1)
        bench_fail("the clients have failed");
    for (unsigned i = 0; i < SETTLING_ROUNDS; i++)
        must(leat_loop_dispatch(loop, 10), "dispatch");
}

/* ---- broadcasting --------------------------------------------------------------------------- */

static const char message_text[100] = "x";

static void send_to_all(leat_websocket_server *server, leat_websocket **all, size_t count)
{
    (void)leat_websocket_server_list(server, all, count);
    for (size_t i = 0; i < count; i++)
        must(leat_websocket_send(all[i], LEAT_MESSAGE_BINARY, message_text, sizeof(message_text)),
             "send");
}

static void publish_to_all(void)
{
    leat_prepared_message *message;

    must(leat_prepared_message_new(LEAT_MESSAGE_BINARY, message_text, sizeof(message_text),
                                   &message),
         "prepare");
    must(leat_topic_publish(everybody, message, NULL, NULL), "publish");
    leat_prepared_message_free(message);
}

/* Microseconds for each connection, until all has left. */
static double broadcast_us(leat_loop *loop, leat_websocket_server *server, unsigned rounds,
                           bool publishes)
{
    size_t count = leat_websocket_server_list(server, NULL, 0);
    leat_websocket **all = calloc(count, sizeof(leat_websocket *));
    struct bench_meter start = bench_meter_now();

    if (!all)
        bench_fail("out of memory");
    for (unsigned i = 0; i < rounds; i++) {
        if (publishes)
            publish_to_all();
        else
            send_to_all(server, all, count);
        must(leat_loop_dispatch(loop, 0), "dispatch");
        must(leat_loop_dispatch(loop, 0), "dispatch");
    }
    free(all);
    return (double)bench_meter_since(&start).cpu_ns / 1000.0 / rounds / (double)count;
}

static void broadcast_report(leat_loop *loop, leat_websocket_server *server, unsigned rounds)
{
    double loops = 0, topics = 0;

    /* In turns, so that both have the same neighbours. */
    for (unsigned i = 0; i < rounds; i++) {
        loops += broadcast_us(loop, server, 1, false) / rounds;
        topics += broadcast_us(loop, server, 1, true) / rounds;
    }
    printf("broadcast=100 send_cpu_us=%.3f publish_cpu_us=%.3f ratio=%.2f\n", loops, topics,
           topics / loops);
}

int main(int argc, char **argv)
{
    const char *target = "/";
    unsigned count = 10000, broadcasts = 0;
    int commands[2], answers[2];
    leat_loop *loop;

    bench_raise_descriptor_limit();
    for (; argc > 2 && strncmp(argv[1], "--", 2) == 0; argc -= 2, argv += 2) {
        if (strcmp(argv[1], "--count") == 0)
            count = (unsigned)strtoul(argv[2], NULL, 10);
        else if (strcmp(argv[1], "--target") == 0)
            target = argv[2];
        else if (strcmp(argv[1], "--broadcasts") == 0)
            broadcasts = (unsigned)strtoul(argv[2], NULL, 10);
        else
            bench_fail("usage: server_idle [--count N] [--target TARGET] [--broadcasts N]"
                       " [CERTIFICATE KEY]");
    }
    bool secure = argc > 2;
    if (count == 0 || pipe(commands) < 0 || pipe(answers) < 0)
        bench_fail("bad arguments");
    if (fork() == 0) {
        close(commands[1]);
        clients_run(commands[0], answers[1], secure, target);
    }
    must(leat_loop_new(&loop), "loop");
    if (broadcasts > 0)
        must(leat_topic_new(NULL, &everybody), "topic");
    leat_websocket_server *server =
        server_start(loop, secure ? argv[1] : NULL, secure ? argv[2] : NULL);
    unsigned port = leat_websocket_server_get_port(server);
    server_let_come(loop, port, WARM_UP, commands[1], answers[0]);
    struct bench_memory before = bench_memory_now();
    server_let_come(loop, port, count, commands[1], answers[0]);
    struct bench_memory grown = bench_memory_since(&before);
    printf("server=leat scheme=%s connections=%u heap_per_connection=%.0f"
           " resident_per_connection=%.0f\n",
           secure ? "wss" : "ws", count, (double)grown.heap_bytes / count,
           (double)grown.resident_bytes / count);
    if (broadcasts > 0)
        broadcast_report(loop, server, broadcasts);
    leat_websocket_server_free(server);
    leat_topic_free(everybody);
    leat_loop_free(loop);
    close(commands[1]);
    (void)wait(NULL);
    return 0;
}
