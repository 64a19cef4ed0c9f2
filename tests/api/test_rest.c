/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that have nothing to say, a server's as a client's, give up what they need for moving bytes; nothing of that
 * shows. Statically linked, to see which of them rest and to make allocations fail.
 */
#include <leat/leat.h>

#include "integration/common.h"
#include "util/alloc.h"
#include "websocket/websocket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

INTEGRATION_SUITE(rest);

enum { CLIENTS = 170 };

struct crowd {
    leat_loop *loop;
    leat_config *config;
    leat_config *client_config; /* NULL = as it is */
    leat_websocket_server *server;
    leat_websocket *clients[CLIENTS];
    leat_websocket *connections[CLIENTS + 1]; /* in the order in which they came; NULL = closed */
    bool in_parts;                            /* the clients' messages, when they are opened */
    unsigned connected, opened, echoed, came_back, closed_there, closed_here, pongs;
    struct leat_error last_error; /* of a connection */
    struct leat_error last_error_here;
    char url[128];
    uint16_t last_close_code;
};

static void on_opened(leat_websocket *ws, void *user)
{
    (void)ws;
    ((struct crowd *)user)->opened++;
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    (void)ws;
    (void)type;
    (void)data;
    (void)len;
    ((struct crowd *)user)->came_back++;
}

static void on_part(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                    size_t len, bool is_first, bool is_last, void *user)
{
    (void)is_first;
    if (is_last)
        on_message(ws, type, data, len, user);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct crowd *crowd = user;
    (void)ws;
    crowd->closed_here++;
    crowd->last_error_here = event->error;
}

static const struct leat_websocket_callbacks gets_messages = {
    .size = sizeof(gets_messages),
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};
static const struct leat_websocket_callbacks gets_parts = {
    .size = sizeof(gets_parts),
    .opened = on_opened,
    .message_part = on_part,
    .closed = on_closed,
};

static void on_connected(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    struct crowd *crowd = user;
    (void)server;
    crowd->connections[crowd->connected++] = ws;
}

static void on_server_message(leat_websocket_server *server, leat_websocket *ws,
                              enum leat_message_type type, const uint8_t *data, size_t len,
                              void *user)
{
    (void)server;
    ((struct crowd *)user)->echoed++;
    cr_assert(leat_websocket_send(ws, type, data, len) == LEAT_OK);
}

static void on_server_closed(leat_websocket_server *server, leat_websocket *ws,
                             const struct leat_close_event *event, void *user)
{
    struct crowd *crowd = user;
    (void)server;
    crowd->closed_there++;
    crowd->last_error = event->error;
    crowd->last_close_code = event->close_code;
    for (unsigned i = 0; i < crowd->connected; i++)
        if (crowd->connections[i] == ws)
            crowd->connections[i] = NULL;
}

static void on_server_pong(leat_websocket_server *server, leat_websocket *ws,
                           const uint8_t *payload, size_t len, void *user)
{
    (void)server, (void)ws, (void)payload, (void)len;
    ((struct crowd *)user)->pongs++;
}

static void crowd_until(struct crowd *crowd, const unsigned *number, unsigned least)
{
    for (int i = 0; *number < least && i < 20000; i++)
        cr_assert(leat_loop_dispatch(crowd->loop, 1000) == LEAT_OK);
    cr_assert(*number >= least, "%u of %u", *number, least);
}

static void crowd_init(struct crowd *crowd, const char *target)
{
    static const struct leat_websocket_server_callbacks server_callbacks = {
        .size = sizeof(server_callbacks),
        .connected = on_connected,
        .message = on_server_message,
        .pong = on_server_pong,
        .closed = on_server_closed};

    cr_assert(leat_loop_new(&crowd->loop) == LEAT_OK);
    cr_assert(leat_websocket_server_new(crowd->loop, &server_callbacks, crowd, &crowd->server) ==
              LEAT_OK);
    cr_assert(leat_websocket_server_start(crowd->server, "127.0.0.1", 0, crowd->config) == LEAT_OK);
    snprintf(crowd->url, sizeof(crowd->url), "ws://127.0.0.1:%u%s",
             leat_websocket_server_get_port(crowd->server), target);
    for (unsigned i = 0; i < CLIENTS; i++) {
        cr_assert(leat_websocket_new(crowd->loop, crowd->in_parts ? &gets_parts : &gets_messages,
                                     crowd, &crowd->clients[i]) == LEAT_OK);
        cr_assert(leat_websocket_connect(crowd->clients[i], crowd->url, crowd->client_config) ==
                  LEAT_OK);
        crowd_until(crowd, &crowd->opened, i + 1);
    }
    crowd_until(crowd, &crowd->connected, CLIENTS);
}

static leat_config *many_allowed(void)
{
    leat_config *config;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_max_connections_for_one_client(config, CLIENTS) == LEAT_OK);
    cr_assert(leat_config_set_max_concurrent_clients_number(config, CLIENTS) == LEAT_OK);
    return config;
}

static void crowd_new(struct crowd *crowd, const char *target)
{
    *crowd = (struct crowd){.config = many_allowed()};
    crowd_init(crowd, target);
}

static void crowd_done(struct crowd *crowd)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        leat_websocket_free(crowd->clients[i]);
    leat_websocket_server_free(crowd->server);
    leat_config_free(crowd->config);
    leat_config_free(crowd->client_config);
    leat_loop_free(crowd->loop);
}

static unsigned resting_count(const struct crowd *crowd)
{
    unsigned count = 0;
    for (unsigned i = 0; i < crowd->connected; i++)
        count += crowd->connections[i] && crowd->connections[i]->stream.rest;
    return count;
}

/* The first one that rests: those that came first do. */
static unsigned resting_index(const struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->connected; i++)
        if (crowd->connections[i] && crowd->connections[i]->stream.rest)
            return i;
    cr_assert(false, "nobody rests");
    return 0;
}

static leat_websocket *resting_one(const struct crowd *crowd)
{
    return crowd->connections[resting_index(crowd)];
}

static bool allocation_fails(void)
{
    return true;
}

Test(rest, those_that_came_first_rest_and_answer_as_ever, .timeout = 60)
{
    struct crowd crowd;
    crowd_new(&crowd, "/chat?room=1");
    cr_assert_geq(resting_count(&crowd), 30u);
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < CLIENTS; i++)
            cr_assert(leat_websocket_send(crowd.clients[i], LEAT_MESSAGE_TEXT, "hello", 5) ==
                      LEAT_OK);
        crowd_until(&crowd, &crowd.came_back, round * CLIENTS);
    }
    cr_assert_eq(crowd.closed_there, 0u);
    crowd_done(&crowd);
}

/* More of them than are awake otherwise. */
Test(rest, who_talks_stays_awake_as_long_as_it_talks, .timeout = 120)
{
    struct crowd crowd;
    unsigned rounds = 0;
    crowd_new(&crowd, "/");
    cr_assert_geq(resting_count(&crowd), 30u);
    while (resting_count(&crowd) > 0 && rounds < 10000) {
        for (unsigned i = 0; i < CLIENTS; i++)
            cr_assert(leat_websocket_send(crowd.clients[i], LEAT_MESSAGE_TEXT, "hello", 5) ==
                      LEAT_OK);
        crowd_until(&crowd, &crowd.came_back, ++rounds * CLIENTS);
    }
    cr_assert_eq(resting_count(&crowd), 0u, "all of them talk");
    for (int i = 0; resting_count(&crowd) < 30 && i < 60; i++)
        cr_assert(leat_loop_dispatch(crowd.loop, 1000) == LEAT_OK);
    cr_assert_geq(resting_count(&crowd), 30u, "they have become silent");
    crowd_done(&crowd);
}

Test(rest, what_is_known_of_a_connection_is_known_while_it_rests, .timeout = 60)
{
    struct crowd crowd;
    struct leat_net_address address, client;
    struct leat_websocket_opened_info info;
    char peer[300];
    crowd_new(&crowd, "/chat?room=1");
    leat_websocket *ws = resting_one(&crowd);
    cr_assert_str_eq(leat_websocket_get_target(ws), "/chat?room=1");
    cr_assert_str_eq(leat_websocket_get_subprotocol(ws), "");
    cr_assert(leat_websocket_get_remote_address(ws, &address) == LEAT_OK);
    cr_assert(leat_websocket_get_client_address(ws, &client) == LEAT_OK);
    snprintf(peer, sizeof(peer), "%s:%u", address.address, address.port);
    cr_assert_str_eq(leat_websocket_get_peer(ws), peer);
    cr_assert_eq(client.port, address.port);
    cr_assert(leat_websocket_get_local_address(ws, &address) == LEAT_OK);
    cr_assert_eq(address.port, leat_websocket_server_get_port(crowd.server));
    cr_assert(leat_websocket_get_opened_info(ws, &info));
    cr_assert_eq(info.http_status, 101);
    cr_assert_geq(leat_websocket_get_socket_fd(ws), 0);
    cr_assert(!leat_websocket_get_tls_info(ws, &(struct leat_tls_info){.protocol = ""}));
    cr_assert_eq(leat_websocket_get_buffered_bytes(ws), 0u);
    cr_assert(ws->stream.rest, "none of these wakes it");
    crowd_done(&crowd);
}

Test(rest, it_ends_from_either_side, .timeout = 60)
{
    struct crowd crowd;
    crowd_new(&crowd, "/");
    unsigned index = resting_index(&crowd);
    cr_assert(leat_websocket_close(crowd.clients[index], 1000, "thanks") == LEAT_OK);
    crowd_until(&crowd, &crowd.closed_there, 1);
    cr_assert_eq(crowd.last_error.code, LEAT_OK);
    cr_assert_eq(crowd.last_close_code, 1000);
    cr_assert(leat_websocket_close(resting_one(&crowd), 1001, "bye") == LEAT_OK);
    crowd_until(&crowd, &crowd.closed_there, 2);
    cr_assert_eq(crowd.last_error.code, LEAT_OK);
    leat_websocket_free(resting_one(&crowd));
    crowd_until(&crowd, &crowd.closed_there, 3);
    cr_assert_eq(crowd.last_error.code, LEAT_E_SOCKET_BASE + ECANCELED);
    cr_assert(shutdown(leat_websocket_get_socket_fd(crowd.clients[resting_index(&crowd)]),
                       SHUT_RDWR) == 0);
    crowd_until(&crowd, &crowd.closed_there, 4);
    cr_assert_eq(crowd.last_error.code, LEAT_E_WS_CONNECT);
    cr_assert_eq(crowd.last_close_code, 1006);
    cr_assert(leat_websocket_server_drain(crowd.server, 10000) == LEAT_OK);
    crowd_until(&crowd, &crowd.closed_there, CLIENTS);
    cr_assert_eq(crowd.last_error.code, LEAT_OK);
    crowd_done(&crowd);
}

Test(rest, a_dead_peer_is_found_while_its_connection_rests, .timeout = 60)
{
    struct crowd crowd = {.config = many_allowed()};
    cr_assert(leat_config_set_ping_interval(crowd.config, 300) == LEAT_OK);
    cr_assert(leat_config_set_pong_timeout(crowd.config, 300) == LEAT_OK);
    crowd_init(&crowd, "/");
    for (unsigned i = 0; i < CLIENTS; i++)
        leat_websocket_pause(crowd.clients[i]);
    crowd_until(&crowd, &crowd.closed_there, CLIENTS);
    cr_assert_eq(crowd.last_error.code, LEAT_E_WS_CONNECT);
    cr_assert_eq(crowd.last_error.sys_errno, ETIMEDOUT);
    crowd_done(&crowd);
}

Test(rest, paused_while_it_rests_it_delivers_nothing_until_resumed, .timeout = 60)
{
    struct crowd crowd;
    crowd_new(&crowd, "/");
    unsigned index = resting_index(&crowd);
    leat_websocket *ws = crowd.connections[index];
    leat_websocket_pause(ws);
    cr_assert(leat_websocket_send(crowd.clients[index], LEAT_MESSAGE_TEXT, "x", 1) == LEAT_OK);
    for (int i = 0; ws->stream.rest && i < 1000; i++)
        cr_assert(leat_loop_dispatch(crowd.loop, 10) == LEAT_OK);
    cr_assert(leat_loop_dispatch(crowd.loop, 0) == LEAT_OK);
    cr_assert_eq(crowd.echoed, 0u);
    leat_websocket_resume(ws);
    crowd_until(&crowd, &crowd.came_back, 1);
    crowd_done(&crowd);
}

Test(rest, posted_from_another_thread_or_not_it_arrives, .timeout = 60)
{
    struct crowd crowd;
    crowd_new(&crowd, "/");
    leat_websocket *ws = resting_one(&crowd);
    cr_assert(leat_websocket_post(ws, LEAT_MESSAGE_TEXT, "letter", 6) == LEAT_OK);
    crowd_until(&crowd, &crowd.came_back, 1);
    cr_assert(leat_websocket_send_part(resting_one(&crowd), LEAT_MESSAGE_TEXT, "a", 1, true,
                                       true) == LEAT_OK);
    crowd_until(&crowd, &crowd.came_back, 2);
    cr_assert(leat_websocket_ping(resting_one(&crowd), "p", 1) == LEAT_OK);
    cr_assert(leat_websocket_send(ws, LEAT_MESSAGE_TEXT, "again", 5) == LEAT_OK);
    crowd_until(&crowd, &crowd.came_back, 3);
    crowd_done(&crowd);
}

Test(rest, without_memory_to_wake_it_the_connection_ends_or_the_call_is_refused, .timeout = 60)
{
    struct crowd crowd;
    crowd_new(&crowd, "/");
    leat_websocket *ws = resting_one(&crowd);
    leati_alloc_fail_hook = allocation_fails;
    cr_assert_eq(leat_websocket_send(ws, LEAT_MESSAGE_TEXT, "x", 1), LEAT_E_SYSTEM_INTERNAL);
    cr_assert_eq(leat_websocket_close(ws, 1000, NULL), LEAT_E_SYSTEM_INTERNAL);
    leati_alloc_fail_hook = NULL;
    cr_assert(leat_websocket_send(ws, LEAT_MESSAGE_TEXT, "x", 1) == LEAT_OK, "it lives on");
    crowd_until(&crowd, &crowd.came_back, 1);
    /* The program gives it up, and there is no memory for that either. */
    ws = resting_one(&crowd);
    leati_alloc_fail_hook = allocation_fails;
    leat_websocket_free(ws);
    cr_assert_eq(leat_websocket_send(ws, LEAT_MESSAGE_TEXT, "x", 1), LEAT_E_SOCKET_BASE + EBADF);
    cr_assert(leat_websocket_close(ws, 1000, NULL) == LEAT_OK);
    for (int i = 0; crowd.closed_there == 0 && i < 1000; i++)
        cr_assert(leat_loop_dispatch(crowd.loop, 100) == LEAT_OK);
    leati_alloc_fail_hook = NULL;
    cr_assert_eq(crowd.closed_there, 1u);
    cr_assert_eq(crowd.last_error.code, LEAT_E_SOCKET_BASE + ECANCELED);
    cr_assert_eq(crowd.last_close_code, 1006);
    crowd_done(&crowd);
}

Test(rest, without_memory_for_what_has_come_the_connection_ends, .timeout = 60)
{
    struct crowd crowd;
    const uint8_t frame[] = {0x81, 0x81, 0, 0, 0, 0, 'x'};
    crowd_new(&crowd, "/");
    int fd = leat_websocket_get_socket_fd(crowd.clients[resting_index(&crowd)]);
    cr_assert(send(fd, frame, sizeof(frame), MSG_NOSIGNAL) == (ssize_t)sizeof(frame));
    leati_alloc_fail_hook = allocation_fails;
    for (int i = 0; crowd.closed_there == 0 && i < 1000; i++)
        cr_assert(leat_loop_dispatch(crowd.loop, 100) == LEAT_OK);
    leati_alloc_fail_hook = NULL;
    cr_assert_eq(crowd.closed_there, 1u);
    cr_assert_eq(crowd.last_error.code, LEAT_E_SYSTEM_INTERNAL);
    cr_assert_eq(crowd.echoed, 0u);
    crowd_done(&crowd);
}

/* ---- clients ---------------------------------------------------------------------------------- */

static unsigned resting_client(const struct crowd *crowd)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        if (crowd->clients[i]->stream.rest)
            return i;
    cr_assert(false, "no client rests");
    return 0;
}

Test(rest, clients_rest_and_talk_as_ever, .timeout = 60)
{
    struct crowd crowd;
    crowd_new(&crowd, "/");
    resting_client(&crowd);
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < CLIENTS; i++)
            cr_assert(leat_websocket_send(crowd.clients[i], LEAT_MESSAGE_TEXT, "hello", 5) ==
                      LEAT_OK);
        crowd_until(&crowd, &crowd.came_back, 2 * round * CLIENTS - CLIENTS);
        for (unsigned i = 0; i < CLIENTS; i++)
            cr_assert(leat_websocket_send(crowd.connections[i], LEAT_MESSAGE_TEXT, "to you", 6) ==
                      LEAT_OK);
        crowd_until(&crowd, &crowd.came_back, 2 * round * CLIENTS);
    }
    cr_assert_eq(crowd.closed_there + crowd.closed_here, 0u);
    crowd_done(&crowd);
}

static void callbacks_set(struct crowd *crowd, const struct leat_websocket_callbacks *callbacks)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        cr_assert(leat_websocket_set_callbacks(crowd->clients[i], callbacks, crowd) == LEAT_OK);
}

/* Until it has been read by all. */
static void say_to_all(struct crowd *crowd, size_t len)
{
    static const uint8_t data[300000];
    crowd->pongs = 0;
    for (unsigned i = 0; i < crowd->connected; i++) {
        cr_assert(crowd->connections[i], "%s", crowd->last_error_here.text);
        cr_assert(leat_websocket_send(crowd->connections[i], LEAT_MESSAGE_BINARY, data, len) ==
                  LEAT_OK);
        cr_assert(leat_websocket_ping(crowd->connections[i], NULL, 0) == LEAT_OK);
    }
    while (crowd->pongs < CLIENTS && crowd->closed_here == 0)
        cr_assert(leat_loop_dispatch(crowd->loop, 1000) == LEAT_OK);
    cr_assert_eq(crowd->closed_here, 0u, "%s", crowd->last_error_here.text);
}

/* Whether messages come whole stays as it was when the connection was opened, and so does their
 * limit. */
Test(rest, other_callbacks_change_no_message_of_who_has_rested, .timeout = 60)
{
    for (int in_parts = 0; in_parts < 2; in_parts++) {
        struct crowd crowd = {.config = many_allowed(), .in_parts = in_parts};
        crowd_init(&crowd, "/");
        resting_client(&crowd);
        callbacks_set(&crowd, in_parts ? &gets_messages : &gets_parts);
        say_to_all(&crowd, 300000);
        cr_expect_eq(crowd.came_back, in_parts ? 0u : CLIENTS);
        callbacks_set(&crowd, in_parts ? &gets_parts : &gets_messages);
        say_to_all(&crowd, 5);
        cr_expect_eq(crowd.came_back, in_parts ? CLIENTS : 2u * CLIENTS);
        crowd_done(&crowd);
    }
}

Test(rest, what_is_known_of_a_client_is_known_while_it_rests, .timeout = 60)
{
    struct crowd crowd;
    struct leat_net_address local, remote, seen;
    struct leat_websocket_opened_info info;
    crowd_new(&crowd, "/chat");
    unsigned index = resting_client(&crowd);
    leat_websocket *ws = crowd.clients[index];
    cr_assert_eq(leat_websocket_get_http_status(ws), 101);
    cr_assert(leat_websocket_get_opened_info(ws, &info));
    cr_assert(leat_websocket_get_local_address(ws, &local) == LEAT_OK);
    cr_assert(leat_websocket_get_remote_address(ws, &remote) == LEAT_OK);
    cr_assert(leat_websocket_get_remote_address(crowd.connections[index], &seen) == LEAT_OK);
    cr_assert_eq(remote.port, leat_websocket_server_get_port(crowd.server));
    cr_assert_eq(local.port, seen.port);
    cr_assert_geq(leat_websocket_get_socket_fd(ws), 0);
    cr_assert_eq(leat_websocket_get_buffered_bytes(ws), 0u);
    int code = leat_websocket_connect(ws, crowd.url, NULL);
    cr_assert_eq(code, LEAT_E_WS_EXISTS, "%d", code);
    cr_assert(ws->stream.rest, "none of these wakes it");
    crowd_done(&crowd);
}

Test(rest, a_client_that_rests_ends_from_either_side_and_connects_again, .timeout = 60)
{
    struct crowd crowd;
    crowd_new(&crowd, "/");
    unsigned index = resting_client(&crowd);
    cr_assert(leat_websocket_close(crowd.clients[index], 1000, "thanks") == LEAT_OK);
    crowd_until(&crowd, &crowd.closed_here, 1);
    crowd_until(&crowd, &crowd.closed_there, 1);
    cr_assert_eq(crowd.last_error_here.code, LEAT_OK);
    cr_assert_eq(crowd.last_close_code, 1000);
    cr_assert(leat_websocket_connect(crowd.clients[index], crowd.url, NULL) == LEAT_OK);
    crowd_until(&crowd, &crowd.opened, CLIENTS + 1);
    int code = leat_websocket_send(crowd.clients[index], LEAT_MESSAGE_TEXT, "x", 1);
    cr_assert_eq(code, LEAT_OK, "%d", code);
    crowd_until(&crowd, &crowd.came_back, 1);

    cr_assert(leat_websocket_close(crowd.connections[resting_client(&crowd)], 1001, "bye") ==
              LEAT_OK);
    crowd_until(&crowd, &crowd.closed_here, 2);
    cr_assert_eq(crowd.last_error_here.code, LEAT_OK);
    index = resting_client(&crowd);
    cr_assert(shutdown(leat_websocket_get_socket_fd(crowd.connections[index]), SHUT_RDWR) == 0);
    crowd_until(&crowd, &crowd.closed_here, 3);
    cr_assert_eq(crowd.last_error_here.code, LEAT_E_WS_CONNECT);
    index = resting_client(&crowd);
    unsigned closed_there = crowd.closed_there;
    leat_websocket_free(crowd.clients[index]);
    crowd.clients[index] = NULL;
    crowd_until(&crowd, &crowd.closed_there, closed_there + 1);
    crowd_done(&crowd);
}

Test(rest, a_dead_server_is_found_while_its_client_rests, .timeout = 60)
{
    struct crowd crowd = {.config = many_allowed(), .client_config = many_allowed()};
    cr_assert(leat_config_set_ping_interval(crowd.client_config, 300) == LEAT_OK);
    cr_assert(leat_config_set_pong_timeout(crowd.client_config, 300) == LEAT_OK);
    crowd_init(&crowd, "/");
    for (unsigned i = 0; i < CLIENTS; i++)
        leat_websocket_pause(crowd.connections[i]);
    crowd_until(&crowd, &crowd.closed_here, CLIENTS);
    cr_assert_eq(crowd.last_error_here.code, LEAT_E_WS_CONNECT);
    cr_assert_eq(crowd.last_error_here.sys_errno, ETIMEDOUT);
    crowd_done(&crowd);
}

Test(rest, a_letter_wakes_a_client_and_a_call_without_memory_does_not, .timeout = 60)
{
    struct crowd crowd;
    crowd_new(&crowd, "/");
    leat_websocket *ws = crowd.clients[resting_client(&crowd)];
    cr_assert(leat_websocket_post(ws, LEAT_MESSAGE_TEXT, "letter", 6) == LEAT_OK);
    crowd_until(&crowd, &crowd.came_back, 1);
    ws = crowd.clients[resting_client(&crowd)];
    leati_alloc_fail_hook = allocation_fails;
    cr_assert_eq(leat_websocket_send(ws, LEAT_MESSAGE_TEXT, "x", 1), LEAT_E_SYSTEM_INTERNAL);
    leati_alloc_fail_hook = NULL;
    cr_assert(leat_websocket_send(ws, LEAT_MESSAGE_TEXT, "x", 1) == LEAT_OK, "it lives on");
    crowd_until(&crowd, &crowd.came_back, 2);
    crowd_done(&crowd);
}

/* ---- topics ----------------------------------------------------------------------------------- */

static void publish(leat_topic *topic, const void *data, size_t len)
{
    leat_prepared_message *message;
    size_t count;
    cr_assert(leat_prepared_message_new(LEAT_MESSAGE_BINARY, data, len, &message) == LEAT_OK);
    cr_assert(leat_topic_publish(topic, message, NULL, &count) == LEAT_OK);
    cr_assert_eq(count, leat_topic_get_subscriber_count(topic));
    leat_prepared_message_free(message);
}

Test(rest, what_is_published_reaches_them_in_order_and_wakes_nobody, .timeout = 60)
{
    struct crowd crowd;
    leat_topic *topic;
    crowd_new(&crowd, "/");
    cr_assert(leat_topic_new(NULL, &topic) == LEAT_OK);
    for (unsigned i = 0; i < CLIENTS; i++)
        cr_assert(leat_topic_subscribe(topic, crowd.connections[i]) == LEAT_OK);
    unsigned resting = resting_count(&crowd);
    publish(topic, "one", 3);
    cr_assert_eq(resting_count(&crowd), resting);
    crowd_until(&crowd, &crowd.came_back, CLIENTS);
    for (unsigned i = 0; i < 5; i++) /* all but the first wait for the loop */
        publish(topic, "more", 4);
    crowd_until(&crowd, &crowd.came_back, 6 * CLIENTS);
    leat_topic_free(topic);
    crowd_done(&crowd);
}

Test(rest, what_the_kernel_does_not_take_of_a_publication_follows, .timeout = 60)
{
    static uint8_t large[8 << 20];
    struct crowd crowd;
    leat_topic *topic;
    crowd_new(&crowd, "/");
    cr_assert(leat_topic_new(NULL, &topic) == LEAT_OK);
    leat_websocket *ws = resting_one(&crowd);
    cr_assert(leat_topic_subscribe(topic, ws) == LEAT_OK);
    publish(topic, large, sizeof(large));
    cr_assert(!ws->stream.rest);
    cr_assert_gt(leat_websocket_get_buffered_bytes(ws), 0u);
    publish(topic, "behind it", 9);
    crowd_until(&crowd, &crowd.came_back, 2);
    cr_assert_eq(crowd.closed_there + crowd.closed_here, 0u);
    leat_topic_free(topic);
    crowd_done(&crowd);
}
