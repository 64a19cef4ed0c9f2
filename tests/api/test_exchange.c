/* SPDX-License-Identifier: Apache-2.0 */
/* Callbacks that are exchanged while a connection stands, as on() and off() of HarmonyOS allow. */
#include "both_ends.h"
#include "integration/common.h"

#include <stdio.h>

INTEGRATION_SUITE(exchange);

/* What callbacks of a test's own have been told. */
struct heard {
    unsigned messages, parts, pongs, closed;
    char last[32];
    leat_websocket *exchange_at; /* the client whose callbacks are exchanged inside of `message` */
    struct leat_websocket_callbacks next;
};

static void client_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                           size_t len, void *user)
{
    struct heard *heard = user;
    (void)type;
    heard->messages++;
    snprintf(heard->last, sizeof(heard->last), "%.*s", (int)len, (const char *)data);
    if (heard->exchange_at == ws)
        cr_expect_eq(leat_websocket_set_callbacks(ws, &heard->next, heard), LEAT_OK);
}

static void client_part(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                        size_t len, bool is_first, bool is_last, void *user)
{
    struct heard *heard = user;
    (void)ws, (void)type;
    heard->parts++;
    cr_expect(is_first && is_last);
    snprintf(heard->last, sizeof(heard->last), "%.*s", (int)len, (const char *)data);
}

static void client_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct heard *heard = user;
    (void)ws, (void)event;
    heard->closed++;
}

static void server_message(leat_websocket_server *server, leat_websocket *ws,
                           enum leat_message_type type, const uint8_t *data, size_t len, void *user)
{
    struct heard *heard = user;
    (void)server;
    heard->messages++;
    cr_expect_eq(leat_websocket_send(ws, type, data, len), LEAT_OK);
}

static void server_pong(leat_websocket_server *server, leat_websocket *ws, const uint8_t *payload,
                        size_t len, void *user)
{
    struct heard *heard = user;
    (void)server, (void)ws;
    heard->pongs++;
    snprintf(heard->last, sizeof(heard->last), "%.*s", (int)len, (const char *)payload);
}

static void heard_until(struct both_ends *ends, const unsigned *count, unsigned wanted)
{
    while (*count < wanted)
        cr_assert_eq(leat_loop_dispatch(ends->loop, -1), LEAT_OK);
    cr_expect_eq(*count, wanted);
}

static void client_say(struct both_ends *ends, const char *text)
{
    cr_assert_eq(leat_websocket_send(ends->client, LEAT_MESSAGE_TEXT, text, strlen(text)), LEAT_OK);
}

Test(exchange, the_client_and_its_server)
{
    struct both_ends ends;
    struct heard at_server = {0}, at_client = {0};
    const struct leat_websocket_server_callbacks server_callbacks = {
        .size = sizeof(server_callbacks), .message = server_message, .pong = server_pong};
    const struct leat_websocket_callbacks whole = {
        .size = sizeof(whole), .message = client_message, .closed = client_closed};
    both_ends_init(&ends);
    both_ends_open(&ends);
    cr_assert_eq(leat_websocket_server_set_callbacks(ends.server, &server_callbacks, &at_server),
                 LEAT_OK);
    cr_assert_eq(leat_websocket_set_callbacks(ends.client, &whole, &at_client), LEAT_OK);
    client_say(&ends, "one");
    heard_until(&ends, &at_client.messages, 1);
    cr_expect_str_eq(at_client.last, "one");
    cr_expect_eq(ends.at_server.messages + ends.at_client.messages, 0u);

    cr_assert_eq(leat_websocket_ping(ends.connection, "here", 4), LEAT_OK);
    heard_until(&ends, &at_server.pongs, 1);
    cr_expect_str_eq(at_server.last, "here");

    /* Inside of a callback, and to parts: what comes whole is one part then. */
    at_client.exchange_at = ends.client;
    at_client.next = (struct leat_websocket_callbacks){
        .size = sizeof(at_client.next), .message_part = client_part, .closed = client_closed};
    client_say(&ends, "two");
    heard_until(&ends, &at_client.messages, 2);
    client_say(&ends, "three");
    heard_until(&ends, &at_client.parts, 1);
    cr_expect_str_eq(at_client.last, "three");
    cr_expect_eq(at_client.messages, 2u);

    const struct leat_websocket_callbacks off = {.size = sizeof(off), .closed = client_closed};
    cr_assert_eq(leat_websocket_set_callbacks(ends.client, &off, &at_client), LEAT_OK);
    client_say(&ends, "four");
    heard_until(&ends, &at_server.messages, 4);
    cr_assert_eq(leat_websocket_close(ends.client, 1000, NULL), LEAT_OK);
    heard_until(&ends, &at_client.closed, 1);
    cr_expect_eq(at_client.messages + at_client.parts, 3u);
    both_ends_done(&ends);
}

/* Of a connection that was opened for parts, whose callback goes: they are told to nobody. */
Test(exchange, parts_without_a_callback)
{
    struct both_ends ends;
    struct heard at_client = {0};
    const struct leat_websocket_callbacks whole = {
        .size = sizeof(whole), .message = client_message, .closed = client_closed};
    const struct leat_websocket_server_callbacks nothing = {.size = sizeof(nothing)};
    both_ends_init(&ends);
    ends.client_in_parts = ends.server_in_parts = ends.echo = true;
    both_ends_open(&ends);
    client_say(&ends, "one");
    both_ends_until_received(&ends, &ends.at_client, 1);
    cr_assert_eq(leat_websocket_set_callbacks(ends.client, &whole, &at_client), LEAT_OK);
    client_say(&ends, "two");
    both_ends_until_received(&ends, &ends.at_server, 2);
    cr_assert_eq(leat_websocket_server_set_callbacks(ends.server, &nothing, NULL), LEAT_OK);
    client_say(&ends, "three");
    cr_assert_eq(leat_websocket_close(ends.client, 1000, NULL), LEAT_OK);
    heard_until(&ends, &at_client.closed, 1);
    cr_expect_eq(at_client.messages, 0u);
    both_ends_done(&ends);
}

Test(exchange, what_is_refused)
{
    struct both_ends ends;
    const struct leat_websocket_callbacks callbacks = {.size = sizeof(callbacks)}, empty = {0};
    both_ends_init(&ends);
    both_ends_open(&ends);
    cr_expect_eq(leat_websocket_set_callbacks(NULL, &callbacks, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_websocket_set_callbacks(ends.client, NULL, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_websocket_set_callbacks(ends.client, &empty, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_websocket_set_callbacks(ends.connection, &callbacks, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_websocket_server_set_callbacks(ends.server, NULL, NULL), LEAT_E_PARAMETER);
    /* Nothing of it has changed anything. */
    ends.echo = true;
    client_say(&ends, "one");
    both_ends_until_received(&ends, &ends.at_client, 1);
    both_ends_done(&ends);
}
