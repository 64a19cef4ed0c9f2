/* SPDX-License-Identifier: Apache-2.0 */
/* leat_websocket_post(): messages from other threads. */
#include "both_ends.h"
#include "integration/common.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

INTEGRATION_SUITE(post);

static int post(leat_websocket *ws, const char *text)
{
    return leat_websocket_post(ws, LEAT_MESSAGE_TEXT, text, strlen(text));
}

static void until_opened(struct both_ends *ends)
{
    while (ends->opened == 0 && ends->closed == 0)
        cr_assert(leat_loop_dispatch(ends->loop, 10000) == LEAT_OK);
    cr_assert(ends->closed == 0, "%s", ends->client_close.error.text);
}

/* ---- threads
 * ------------------------------------------------------------------------------------- */

#define THREADS  4
#define MESSAGES 500u

struct poster {
    pthread_t thread;
    leat_websocket *ws;
    unsigned id;
    unsigned full; /* how often the queue was full */
};

static void *poster_run(void *user)
{
    struct poster *poster = user;
    for (unsigned i = 0; i < MESSAGES;) {
        char text[32];
        snprintf(text, sizeof(text), "%u %u;", poster->id, i);
        int code = post(poster->ws, text);
        if (code == LEAT_OK) {
            ++i;
        } else if (code == LEAT_E_SOCKET_BASE + EAGAIN) {
            ++poster->full;
            sched_yield();
        } else {
            return "another code";
        }
    }
    return NULL;
}

/* All messages of each thread have come, in its order. */
static void order_expect(const char *data)
{
    unsigned next[THREADS] = {0};
    for (const char *at = data; *at; at = strchr(at, ';') + 1) {
        char *end;
        unsigned long id = strtoul(at, &end, 10);
        unsigned long number = strtoul(end, &end, 10);
        cr_assert(id < THREADS && *end == ';', "%.20s", at);
        cr_assert(number == next[id], "%lu instead of %u of thread %lu", number, next[id], id);
        ++next[id];
    }
    for (unsigned i = 0; i < THREADS; ++i)
        cr_expect(next[i] == MESSAGES, "%u of thread %u", next[i], i);
}

static void threads_expect(size_t queue_limit, size_t queue_messages, bool at_server)
{
    struct both_ends ends;
    struct poster posters[THREADS];
    both_ends_init(&ends);
    cr_assert(leat_config_set_send_queue_limit(ends.client_config, queue_limit) == LEAT_OK);
    cr_assert(leat_config_set_send_queue_messages(ends.client_config, queue_messages) == LEAT_OK);
    cr_assert(leat_config_set_send_queue_limit(ends.server_config, queue_limit) == LEAT_OK);
    cr_assert(leat_config_set_send_queue_messages(ends.server_config, queue_messages) == LEAT_OK);
    if (at_server) {
        both_ends_open(&ends);
    } else {
        both_ends_listen(&ends);
        both_ends_connect(&ends, "/"); /* the threads begin before it is open */
    }
    const struct received *end = at_server ? &ends.at_client : &ends.at_server;
    for (unsigned i = 0; i < THREADS; ++i) {
        posters[i] = (struct poster){.ws = at_server ? ends.connection : ends.client, .id = i};
        cr_assert(pthread_create(&posters[i].thread, NULL, poster_run, &posters[i]) == 0);
    }
    both_ends_until_received(&ends, end, THREADS * MESSAGES);
    for (unsigned i = 0; i < THREADS; ++i) {
        void *problem;
        cr_assert(pthread_join(posters[i].thread, &problem) == 0);
        cr_expect(!problem, "%s", (const char *)problem);
    }
    order_expect(end->data);
    both_ends_done(&ends);
}

Test(post, several_threads)
{
    threads_expect((size_t)16 << 20, 0, false);
}

Test(post, several_threads_and_a_short_queue)
{
    threads_expect(100, 0, false);
}

Test(post, several_threads_and_a_queue_of_few_messages)
{
    threads_expect((size_t)16 << 20, 3, false);
}

Test(post, several_threads_at_the_server)
{
    threads_expect(1000, 5, true);
}

/* ---- when
 * ---------------------------------------------------------------------------------------- */

Test(post, before_connect_and_before_open)
{
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_listen(&ends);
    cr_assert(both_ends_make_client(&ends) == LEAT_OK);
    cr_expect(post(ends.client, "one ") == LEAT_OK);
    for (int i = 0; i < 3; ++i)
        cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    cr_expect(post(ends.client, "two ") == LEAT_OK);
    both_ends_connect(&ends, "/");
    cr_expect(post(ends.client, "three") == LEAT_OK);
    both_ends_until_received(&ends, &ends.at_server, 3);
    cr_expect(strcmp(ends.at_server.data, "one two three") == 0, "%s", ends.at_server.data);
    both_ends_done(&ends);
}

static void send_in_opened(struct both_ends *ends, const char *callback)
{
    if (strcmp(callback, "opened") == 0)
        cr_expect(leat_websocket_send(ends->client, LEAT_MESSAGE_TEXT, "sent ", 5) == LEAT_OK);
}

/* What the program sends in `opened` (a login, say) goes before what was posted. */
Test(post, opened_goes_first)
{
    struct both_ends ends;
    both_ends_init(&ends);
    ends.on_event = send_in_opened;
    both_ends_listen(&ends);
    cr_assert(both_ends_make_client(&ends) == LEAT_OK);
    cr_expect(post(ends.client, "posted") == LEAT_OK);
    both_ends_connect(&ends, "/");
    both_ends_until_received(&ends, &ends.at_server, 2);
    cr_expect(strcmp(ends.at_server.data, "sent posted") == 0, "%s", ends.at_server.data);
    both_ends_done(&ends);
}

/* What waits is dropped with the connection that it waited for. */
Test(post, dropped_when_the_connection_fails)
{
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_listen(&ends);
    uint16_t port = ends.port;
    cr_assert(both_ends_make_client(&ends) == LEAT_OK);
    ends.port = refusing_port();
    both_ends_connect(&ends, "/");
    cr_expect(post(ends.client, "lost") == LEAT_OK);
    both_ends_until_closed(&ends);
    ends.closed = 0;
    ends.port = port;
    both_ends_connect(&ends, "/");
    until_opened(&ends);
    cr_expect(post(ends.client, "found") == LEAT_OK);
    both_ends_until_received(&ends, &ends.at_server, 1);
    cr_expect(strcmp(ends.at_server.data, "found") == 0, "%s", ends.at_server.data);
    both_ends_done(&ends);
}

Test(post, after_close)
{
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_open(&ends);
    cr_assert(leat_websocket_close(ends.client, 1000, NULL) == LEAT_OK);
    cr_expect(post(ends.client, "late") == LEAT_OK, "it is dropped");
    both_ends_until_closed(&ends);
    cr_expect(ends.client_close.error.code == LEAT_OK);
    cr_expect(post(ends.client, "later") == LEAT_OK);
    for (int i = 0; i < 3; ++i)
        cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    cr_expect(ends.at_server.messages == 0);
    both_ends_done(&ends);
}

/* A message in parts is open: what was posted waits for its end. */
Test(post, waits_for_the_last_part)
{
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_open(&ends);
    cr_expect(leat_websocket_send_part(ends.client, LEAT_MESSAGE_TEXT, "be", 2, true, false) ==
              LEAT_OK);
    cr_expect(post(ends.client, "|posted") == LEAT_OK);
    cr_expect(post(ends.client, "|too") == LEAT_OK);
    for (int i = 0; i < 10; ++i)
        cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    cr_expect(leat_websocket_send_part(ends.client, LEAT_MESSAGE_TEXT, "gin", 3, false, true) ==
              LEAT_OK);
    both_ends_until_received(&ends, &ends.at_server, 3);
    cr_expect(strcmp(ends.at_server.data, "begin|posted|too") == 0, "%s", ends.at_server.data);
    both_ends_done(&ends);
}

/* ---- limits and ends
 * ----------------------------------------------------------------------------- */

Test(post, queue_limit)
{
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_listen(&ends);
    cr_assert(leat_config_set_send_queue_limit(ends.client_config, 10) == LEAT_OK);
    both_ends_connect(&ends, "/");
    cr_expect(post(ends.client, "longer than the limit") == LEAT_OK, "when nothing waits");
    cr_expect(post(ends.client, "x") == LEAT_E_SOCKET_BASE + EAGAIN);
    both_ends_until_received(&ends, &ends.at_server, 1);
    cr_expect(post(ends.client, "01234") == LEAT_OK);
    cr_expect(post(ends.client, "56789") == LEAT_OK);
    cr_expect(post(ends.client, "x") == LEAT_E_SOCKET_BASE + EAGAIN);
    both_ends_until_received(&ends, &ends.at_server, 3);
    cr_expect(strcmp(ends.at_server.data, "longer than the limit0123456789") == 0);
    both_ends_done(&ends);
}

Test(post, arguments_are_checked)
{
    struct both_ends ends;
    both_ends_init(&ends);
    cr_assert(both_ends_make_client(&ends) == LEAT_OK);
    cr_expect(leat_websocket_post(NULL, LEAT_MESSAGE_TEXT, "x", 1) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_post(ends.client, LEAT_MESSAGE_TEXT, NULL, 1) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_post(ends.client, (enum leat_message_type)3, "x", 1) ==
              LEAT_E_PARAMETER);
    cr_expect(post(ends.client, "\xff") == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_post(ends.client, LEAT_MESSAGE_BINARY, "\xff", 1) == LEAT_OK);
    cr_expect(leat_websocket_post(ends.client, LEAT_MESSAGE_BINARY, NULL, 0) == LEAT_OK);
    both_ends_done(&ends);
}

/* Lost memory would fail the test (ASan). */
Test(post, free_while_messages_wait)
{
    struct both_ends ends;
    both_ends_init(&ends);
    cr_assert(both_ends_make_client(&ends) == LEAT_OK);
    cr_expect(post(ends.client, "never connected") == LEAT_OK);
    leat_websocket_free(ends.client);
    ends.client = NULL;
    cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    both_ends_open(&ends);
    cr_expect(post(ends.client, "posted") == LEAT_OK);
    cr_expect(leat_websocket_post(ends.connection, LEAT_MESSAGE_TEXT, "by the server", 13) ==
              LEAT_OK);
    leat_websocket_free(ends.client);
    ends.client = NULL;
    both_ends_until_server_closed(&ends);
    cr_expect(ends.at_server.messages == 0);
    both_ends_done(&ends);
}

static void free_in_message(struct both_ends *ends, const char *callback)
{
    if (strcmp(callback, "message") == 0) {
        for (int i = 0; i < 10; ++i)
            cr_expect(post(ends->client, "late") == LEAT_OK);
        leat_websocket_free(ends->client);
        ends->client = NULL;
    }
}

Test(post, free_in_a_callback_while_messages_wait)
{
    struct both_ends ends;
    both_ends_init(&ends);
    ends.echo = true;
    ends.on_event = free_in_message;
    both_ends_open(&ends);
    cr_expect(post(ends.client, "hello") == LEAT_OK);
    both_ends_until_server_closed(&ends);
    cr_expect(ends.at_server.messages == 1);
    both_ends_done(&ends);
}
