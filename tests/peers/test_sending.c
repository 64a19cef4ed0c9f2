/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in parts whose number nobody knows before, and messages from other threads. */
#include "peers/common.h"

#include <pthread.h>
#include <stdio.h>

PEERS_SUITE(sending);

static const struct server_options plain = {0};
static const struct server_options tls = {.cert = "server.pem"};

/* ---- parts
 * ----------------------------------------------------------------------------------------- */

static void part_send(struct client_run *run, const void *data, size_t len, bool is_first,
                      bool is_last)
{
    int code = leat_websocket_send_part(run->ws, LEAT_MESSAGE_TEXT, data, len, is_first, is_last);
    cr_assert(code == LEAT_OK, "%d", code);
}

static void parts_expect(const char *url, bool compressed)
{
    static const char text[] = "gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x90\x91";
    const struct leat_compression compression = {.size = sizeof(compression)};
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_compression(run.config, compressed ? &compression : NULL) == LEAT_OK);
    client_run_open(&run, url);
    cr_expect(leat_websocket_is_compressed(run.ws) == compressed);
    /* cut within characters, with Pings between */
    for (size_t i = 0; i + 1 < sizeof(text); ++i) {
        part_send(&run, text + i, 1, i == 0, false);
        cr_expect(leat_websocket_ping(run.ws, "x", 1) == LEAT_OK);
        cr_expect(leat_websocket_send(run.ws, LEAT_MESSAGE_TEXT, "no", 2) == LEAT_E_PARAMETER);
    }
    part_send(&run, NULL, 0, false, true);
    client_run_until_messages(&run, 1);
    cr_expect(strcmp((const char *)run.messages[0].data, text) == 0, "%s",
              (const char *)run.messages[0].data);
    /* one part, no part, then a plain message */
    part_send(&run, "one", 3, true, true);
    part_send(&run, "", 0, true, true);
    client_run_until_messages(&run, 3);
    cr_expect(strcmp((const char *)run.messages[1].data, "one") == 0);
    cr_expect(run.messages[2].len == 0);
    client_run_echo(&run, "plain");
    cr_expect(run.pong_count > 0);
    client_run_close(&run);
    client_run_done(&run);
}

Test(sending, parts_to_python)
{
    parts_expect(url_of("ws", python_server_start(&plain), "/echo"), false);
    parts_expect(url_of("wss", python_server_start(&tls), "/echo"), true);
}

Test(sending, parts_to_node)
{
    parts_expect(url_of("ws", node_server_start(&plain), "/echo"), false);
    setenv("PEER_DEFLATE", "1", 1);
    parts_expect(url_of("ws", node_server_start(&plain), "/echo"), true);
}

/* ---- threads
 * --------------------------------------------------------------------------------------- */

#define THREADS  4
#define MESSAGES 500

struct poster {
    leat_websocket *ws;
    unsigned number;
    pthread_t thread;
    unsigned refused;
};

static void *poster_run(void *user)
{
    struct poster *poster = user;
    char text[32];
    for (unsigned i = 0; i < MESSAGES; ++i) {
        int len = snprintf(text, sizeof(text), "%u %u", poster->number, i);
        poster->refused +=
            leat_websocket_post(poster->ws, LEAT_MESSAGE_TEXT, text, (size_t)len) != LEAT_OK;
    }
    return NULL;
}

/* Each thread's messages in their order. */
static void order_expect(const struct client_run *run)
{
    unsigned next[THREADS] = {0};
    for (size_t i = 0; i < run->message_count; ++i) {
        unsigned thread = THREADS;
        unsigned number = 0;
        int fields = sscanf((const char *)run->messages[i].data, "%u %u", &thread, &number);
        cr_assert(fields == 2 && thread < THREADS, "%s", (const char *)run->messages[i].data);
        cr_assert(next[thread] == number, "thread %u: %u instead of %u", thread, number,
                  next[thread]);
        ++next[thread];
    }
}

static void threads_expect(const char *url, bool opens_before)
{
    struct poster posters[THREADS];
    struct client_run run;
    client_run_init(&run);
    if (opens_before) {
        client_run_open(&run, url);
    } else {
        cr_assert(client_run_connect(&run, url) == LEAT_OK);
    }
    for (unsigned i = 0; i < THREADS; ++i) {
        posters[i] = (struct poster){.ws = run.ws, .number = i};
        cr_assert(pthread_create(&posters[i].thread, NULL, poster_run, &posters[i]) == 0);
    }
    client_run_until_messages(&run, (size_t)THREADS * MESSAGES);
    for (unsigned i = 0; i < THREADS; ++i) {
        pthread_join(posters[i].thread, NULL);
        cr_expect(posters[i].refused == 0, "%u", posters[i].refused);
    }
    order_expect(&run);
    client_run_close(&run);
    client_run_done(&run);
}

Test(sending, from_several_threads)
{
    threads_expect(url_of("ws", python_server_start(&plain), "/echo"), true);
    threads_expect(url_of("wss", python_server_start(&tls), "/echo"), true);
}

Test(sending, from_several_threads_before_it_is_open)
{
    threads_expect(url_of("wss", python_server_start(&tls), "/echo"), false);
}

Test(sending, what_is_posted_to_a_queue_that_is_full_is_refused)
{
    static const uint8_t data[4096];
    struct client_run run;
    int code = LEAT_OK;
    client_run_init(&run);
    cr_assert(leat_config_set_send_queue_limit(run.config, 65536) == LEAT_OK);
    client_run_open(&run, url_of("ws", python_server_start(&plain), "/mute"));
    unsigned count = 0;
    for (; count < 100 && code == LEAT_OK; ++count)
        code = leat_websocket_post(run.ws, LEAT_MESSAGE_BINARY, data, sizeof(data));
    cr_expect(code == LEAT_E_SOCKET_BASE + EAGAIN, "%d behind %u messages", code, count);
    client_run_done(&run);
}

Test(sending, queue_is_limited_in_messages)
{
    struct client_run run;
    int code = LEAT_OK;
    client_run_init(&run);
    cr_assert(leat_config_set_send_queue_messages(run.config, 10) == LEAT_OK);
    client_run_open(&run, url_of("ws", python_server_start(&plain), "/echo"));
    unsigned count = 0;
    for (; count < 100 && code == LEAT_OK; ++count)
        code = leat_websocket_send(run.ws, LEAT_MESSAGE_TEXT, "x", 1);
    cr_expect(code == LEAT_E_SOCKET_BASE + EAGAIN && count == 11, "%d behind %u messages", code,
              count);
    client_run_until_messages(&run, 10);
    cr_expect(run.writable_count == 1, "%u", run.writable_count);
    client_run_close(&run);
    client_run_done(&run);
}
