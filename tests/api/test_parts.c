/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in parts: leat_websocket_send_part() and the callback message_part, at both ends. */
#include "both_ends.h"
#include "integration/common.h"

#include <stdlib.h>

INTEGRATION_SUITE(parts);

#define TEXT   LEAT_MESSAGE_TEXT
#define BINARY LEAT_MESSAGE_BINARY

static int part(leat_websocket *ws, const char *text, bool is_first, bool is_last)
{
    return leat_websocket_send_part(ws, TEXT, text, strlen(text), is_first, is_last);
}

static void end_in_order(struct both_ends *ends)
{
    cr_assert(leat_websocket_close(ends->client, 1000, NULL) == LEAT_OK);
    both_ends_until_closed(ends);
    cr_expect(ends->client_close.error.code == LEAT_OK, "%s", ends->client_close.error.text);
    both_ends_until_server_closed(ends);
    cr_expect(ends->server_close.error.code == LEAT_OK, "%s", ends->server_close.error.text);
}

static void compress(struct both_ends *ends)
{
    static const struct leat_compression each = {.size = sizeof(each), .threshold_bytes = 1};
    cr_assert(leat_config_set_compression(ends->client_config, &each) == LEAT_OK);
    cr_assert(leat_config_set_compression(ends->server_config, &each) == LEAT_OK);
}

/* ---- both ways
 * ----------------------------------------------------------------------------------- */

/* `forms`: bit 0 = the client takes parts, bit 1 = the server does, bit 2 = compressed. */
static void echo_expect(unsigned forms)
{
    struct both_ends ends;
    both_ends_init(&ends);
    ends.echo = true;
    ends.client_in_parts = forms & 1;
    ends.server_in_parts = forms & 2;
    if (forms & 4)
        compress(&ends);
    both_ends_open(&ends);
    cr_expect(part(ends.client, "one ", true, false) == LEAT_OK);
    cr_expect(leat_websocket_ping(ends.client, "p", 1) == LEAT_OK, "a Ping may come in between");
    cr_expect(part(ends.client, "", false, false) == LEAT_OK);
    cr_expect(part(ends.client, "two ", false, false) == LEAT_OK);
    cr_expect(leat_websocket_ping(ends.client, NULL, 0) == LEAT_OK);
    cr_expect(part(ends.client, "three", false, true) == LEAT_OK);
    cr_expect(part(ends.client, "|whole", true, true) == LEAT_OK);
    cr_expect(part(ends.client, "", true, true) == LEAT_OK);
    cr_expect(part(ends.client, "|", true, false) == LEAT_OK);
    cr_expect(part(ends.client, "", false, true) == LEAT_OK);
    cr_expect(leat_websocket_send(ends.client, TEXT, "end", 3) == LEAT_OK);
    both_ends_until_received(&ends, &ends.at_client, 5);
    cr_expect(strcmp(ends.at_server.data, "one two three|whole|end") == 0, "%s",
              ends.at_server.data);
    cr_expect(strcmp(ends.at_client.data, "one two three|whole|end") == 0, "%s",
              ends.at_client.data);
    cr_expect(ends.at_client.pongs == 2, "%u", ends.at_client.pongs);
    cr_expect(ends.at_client.messages == 5 && ends.at_server.messages == 5);
    cr_expect(ends.at_client.type == TEXT);
    end_in_order(&ends);
    both_ends_done(&ends);
}

Test(parts, echo_in_each_form)
{
    for (unsigned forms = 0; forms < 8; ++forms)
        echo_expect(forms);
}

Test(parts, text_that_is_cut_within_its_characters)
{
    /* Each byte of: 2, 3 and 4 bytes long characters. */
    static const char text[] = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80.";
    struct both_ends ends;
    both_ends_init(&ends);
    ends.echo = ends.client_in_parts = ends.server_in_parts = true;
    both_ends_open(&ends);
    for (size_t i = 0; i < sizeof(text) - 1; ++i) {
        cr_expect(leat_websocket_send_part(ends.client, TEXT, text + i, 1, i == 0,
                                           i == sizeof(text) - 2) == LEAT_OK);
    }
    both_ends_until_received(&ends, &ends.at_client, 1);
    cr_expect(strcmp(ends.at_client.data, text) == 0);
    cr_expect(ends.at_server.parts >= 2, "%u", ends.at_server.parts);
    end_in_order(&ends);
    both_ends_done(&ends);
}

static void pause_in_parts(struct both_ends *ends, const char *callback)
{
    if (strcmp(callback, "part") == 0)
        leat_websocket_pause(ends->client);
}

static bool client_has_one_message(const struct both_ends *ends)
{
    leat_websocket_resume(ends->client);
    return ends->at_client.messages == 1;
}

/* The last part of a compressed message may come without any byte more of the peer's. */
Test(parts, paused_in_each_part)
{
    static char text[5000];
    struct both_ends ends;
    both_ends_init(&ends);
    compress(&ends);
    ends.client_in_parts = true;
    ends.on_event = pause_in_parts;
    memset(text, 't', sizeof(text));
    both_ends_open(&ends);
    cr_assert(leat_websocket_send(ends.connection, TEXT, text, sizeof(text)) == LEAT_OK);
    cr_assert(both_ends_until(&ends, client_has_one_message), "the end of the message is missing");
    cr_expect(ends.at_client.bytes == sizeof(text) && ends.at_client.parts >= 1);
    leat_websocket_resume(ends.client);
    end_in_order(&ends);
    both_ends_done(&ends);
}

/* ---- misuse
 * -------------------------------------------------------------------------------------- */

Test(parts, misuse)
{
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_open(&ends);
    leat_websocket *ws = ends.client;
    cr_expect(part(NULL, "x", true, true) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_send_part(ws, TEXT, NULL, 1, true, true) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_send_part(ws, (enum leat_message_type)0, "x", 1, true, true) ==
              LEAT_E_PARAMETER);
    cr_expect(part(ws, "x", false, false) == LEAT_E_PARAMETER, "none is open");
    cr_expect(part(ws, "x", false, true) == LEAT_E_PARAMETER, "none is open");
    cr_expect(part(ws, "\xff", true, false) == LEAT_E_PARAMETER);
    cr_expect(part(ws, "\xc3", true, true) == LEAT_E_PARAMETER, "ends within a character");
    cr_expect(leat_websocket_get_buffered_bytes(ws) == 0, "nothing of that was queued");
    cr_expect(part(ws, "a", true, false) == LEAT_OK);
    cr_expect(part(ws, "x", true, false) == LEAT_E_PARAMETER, "one is open");
    cr_expect(part(ws, "x", true, true) == LEAT_E_PARAMETER, "one is open");
    cr_expect(leat_websocket_send(ws, TEXT, "x", 1) == LEAT_E_PARAMETER, "one is open");
    cr_expect(leat_websocket_send_part(ws, BINARY, "x", 1, false, true) == LEAT_E_PARAMETER,
              "another type");
    cr_expect(part(ws, "\xff", false, false) == LEAT_E_PARAMETER);
    cr_expect(part(ws, "\xc3", false, true) == LEAT_E_PARAMETER);
    cr_expect(part(ws, "b\xc3", false, false) == LEAT_OK);
    cr_expect(part(ws, "x", false, false) == LEAT_E_PARAMETER, "does not go on with the character");
    cr_expect(part(ws, "\xa9", false, true) == LEAT_OK, "what was refused has left no trace");
    both_ends_until_received(&ends, &ends.at_server, 1);
    cr_expect(strcmp(ends.at_server.data, "ab\xc3\xa9") == 0, "%s", ends.at_server.data);
    end_in_order(&ends);
    cr_expect(part(ws, "x", true, true) == LEAT_E_SOCKET_BASE + EBADF);
    both_ends_done(&ends);
}

Test(parts, before_it_is_open)
{
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_listen(&ends);
    cr_assert(both_ends_make_client(&ends) == LEAT_OK);
    cr_expect(part(ends.client, "x", true, true) == LEAT_E_SOCKET_BASE + ENOTCONN);
    both_ends_connect(&ends, "/");
    cr_expect(part(ends.client, "x", true, true) == LEAT_E_SOCKET_BASE + ENOTCONN);
    both_ends_done(&ends);
}

/* A message that was begun when the connection ended is not continued on the next one. */
Test(parts, next_connection_begins_anew)
{
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_open(&ends);
    cr_expect(part(ends.client, "lost", true, false) == LEAT_OK);
    cr_assert(leat_websocket_close(ends.client, 1000, NULL) == LEAT_OK);
    both_ends_until_closed(&ends);
    cr_expect(ends.client_close.error.code == LEAT_OK, "%s", ends.client_close.error.text);
    ends.opened = ends.closed = 0;
    both_ends_connect(&ends, "/");
    while (ends.opened == 0)
        cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    cr_expect(part(ends.client, "x", false, true) == LEAT_E_PARAMETER);
    cr_expect(part(ends.client, "new", true, true) == LEAT_OK);
    both_ends_until_received(&ends, &ends.at_server, 1);
    cr_expect(strcmp(ends.at_server.data, "new") == 0, "%s", ends.at_server.data);
    both_ends_done(&ends);
}

/* ---- large ones
 * ---------------------------------------------------------------------------------- */

#define PART_BYTES  ((size_t)256 << 10)
#define PARTS       200u /* 50 MiB */
#define QUEUE_LIMIT ((size_t)1 << 20)

struct sender {
    uint8_t bytes[PART_BYTES];
    unsigned sent;
    size_t most_buffered;
};

static void sender_go_on(struct both_ends *ends)
{
    struct sender *sender = ends->user;
    while (sender->sent < PARTS) {
        int code = leat_websocket_send_part(ends->client, BINARY, sender->bytes, PART_BYTES,
                                            sender->sent == 0, sender->sent == PARTS - 1);
        size_t buffered = leat_websocket_get_buffered_bytes(ends->client);
        sender->most_buffered = buffered > sender->most_buffered ? buffered : sender->most_buffered;
        if (code == LEAT_E_SOCKET_BASE + EAGAIN)
            return;
        cr_assert(code == LEAT_OK, "%d", code);
        ++sender->sent;
    }
}

static void send_large(struct both_ends *ends, const char *callback)
{
    if (strcmp(callback, "opened") == 0 || strcmp(callback, "writable") == 0)
        sender_go_on(ends);
}

/* Neither end holds more than a part, although the message is above the default limit. */
Test(parts, fifty_mebibytes)
{
    static struct sender sender;
    struct both_ends ends;
    both_ends_init(&ends);
    ends.server_in_parts = true;
    ends.on_event = send_large;
    ends.user = &sender;
    cr_assert(leat_config_set_send_queue_limit(ends.client_config, QUEUE_LIMIT) == LEAT_OK);
    both_ends_open(&ends);
    both_ends_until_received(&ends, &ends.at_server, 1);
    cr_expect(ends.at_server.bytes == (uint64_t)PART_BYTES * PARTS);
    cr_expect(ends.at_server.parts > 100, "%u", ends.at_server.parts);
    cr_expect(sender.most_buffered <= QUEUE_LIMIT, "%zu", sender.most_buffered);
    cr_expect(ends.client_writable > 0);
    ends.on_event = NULL;
    end_in_order(&ends);
    both_ends_done(&ends);
}

static void limit_expect(bool in_parts, size_t limit, bool passes)
{
    static uint8_t bytes[1000];
    struct both_ends ends;
    both_ends_init(&ends);
    ends.server_in_parts = in_parts;
    cr_assert(leat_config_set_max_message_bytes(ends.server_config, limit) == LEAT_OK);
    both_ends_open(&ends);
    for (int i = 0; i < 10; ++i) {
        cr_assert(leat_websocket_send_part(ends.client, BINARY, bytes, sizeof(bytes), i == 0,
                                           i == 9) == LEAT_OK);
    }
    if (passes) {
        both_ends_until_received(&ends, &ends.at_server, 1);
        end_in_order(&ends);
    } else {
        both_ends_until_closed(&ends);
        cr_expect(ends.client_close.close_code == 1009, "%u", ends.client_close.close_code);
        cr_expect(ends.at_server.messages == 0);
        cr_expect(ends.at_server.bytes <= limit);
    }
    both_ends_done(&ends);
}

Test(parts, limit_of_all_parts_together)
{
    limit_expect(false, 10000, true);
    limit_expect(false, 9999, false);
    limit_expect(true, 10000, true);
    limit_expect(true, 9999, false);
}

/* ---- what a peer sends
 * --------------------------------------------------------------------------- */

/* Sends a script's frames to a client that takes parts, until the connection ends. */
static void frames_run(struct both_ends *ends, const struct leat_script_row *script)
{
    leat_testing_server *peer = script_server_start(script);
    both_ends_init(ends);
    ends->client_in_parts = true;
    ends->port = leat_testing_server_get_port(peer);
    both_ends_connect(ends, "/");
    both_ends_until_closed(ends);
    leat_testing_server_free(peer);
}

/* The first byte that cannot be UTF-8 ends it, not the end of the message. */
Test(parts, text_that_is_not_utf8_fails_fast)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01\x02"
                                             "ab"
                                             "\x00\x7e\xff\xff"
                                             "good\xff")}, /* and no more */
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE},
    };
    struct both_ends ends;
    frames_run(&ends, script);
    cr_expect(ends.client_close.close_code == 1007, "%u %s", ends.client_close.close_code,
              ends.client_close.error.text);
    cr_expect(ends.at_client.messages == 0);
    cr_expect(strncmp(ends.at_client.data, "abgood", ends.at_client.data_len) == 0);
    both_ends_done(&ends);
}

Test(parts, text_that_ends_within_a_character)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("ab\xc3"), .number = 0x01},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES(""), .number = 0x80},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE},
    };
    struct both_ends ends;
    frames_run(&ends, script);
    cr_expect(ends.client_close.close_code == 1007, "%u", ends.client_close.close_code);
    cr_expect(ends.at_client.messages == 0);
    both_ends_done(&ends);
}

/* Bytes are delivered before their frame, let alone their message, is complete. */
Test(parts, are_not_held)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x02\x7f\x00\x00\x00\x10\x00\x00\x00\x00"
                                             "begin")},
        {LEAT_SCRIPT_SHUTDOWN},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE},
    };
    struct both_ends ends;
    frames_run(&ends, script);
    cr_expect(ends.at_client.bytes == 5 && strcmp(ends.at_client.data, "begin") == 0, "%lu",
              (unsigned long)ends.at_client.bytes);
    cr_expect(ends.at_client.in_message && ends.at_client.messages == 0);
    cr_expect(ends.client_close.error.code == LEAT_E_WS_CONNECT &&
              ends.client_close.close_code == 1006);
    both_ends_done(&ends);
}

Test(parts, byte_by_byte)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES("\x01\x03"
                           "abc"
                           "\x89\x01p"
                           "\x00\x00"
                           "\x80\x02"
                           "de"
                           "\x82\x01"
                           "x"
                           "\x81\x00"
                           "\x88\x02\x03\xe8"),
         .split = 1},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE},
    };
    struct both_ends ends;
    frames_run(&ends, script);
    cr_expect(ends.client_close.error.code == LEAT_OK && ends.client_close.close_code == 1000);
    cr_expect(ends.at_client.messages == 3 && strcmp(ends.at_client.data, "abcdex") == 0, "%u %s",
              ends.at_client.messages, ends.at_client.data);
    both_ends_done(&ends);
}

/* ---- what a callback may do
 * ---------------------------------------------------------------------- */

static void pause_in_part(struct both_ends *ends, const char *callback)
{
    if (strcmp(callback, "server part") == 0)
        leat_websocket_pause(ends->connection);
}

Test(parts, pause_between_two)
{
    struct both_ends ends;
    both_ends_init(&ends);
    ends.server_in_parts = true;
    ends.on_event = pause_in_part;
    both_ends_open(&ends);
    cr_assert(part(ends.client, "one", true, false) == LEAT_OK);
    cr_assert(part(ends.client, "two", false, false) == LEAT_OK);
    cr_assert(part(ends.client, "three", false, true) == LEAT_OK);
    for (unsigned parts = 1; ends.at_server.messages == 0; ++parts) {
        while (ends.at_server.parts < parts)
            cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
        for (int i = 0; i < 10; ++i)
            cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
        cr_assert(ends.at_server.parts == parts, "a part while paused");
        leat_websocket_resume(ends.connection);
    }
    cr_expect(strcmp(ends.at_server.data, "onetwothree") == 0);
    both_ends_done(&ends);
}

static void free_in_part(struct both_ends *ends, const char *callback)
{
    if (strcmp(callback, "part") == 0) {
        leat_websocket_free(ends->client);
        ends->client = NULL;
    }
}

Test(parts, free_in_the_first)
{
    struct both_ends ends;
    both_ends_init(&ends);
    ends.echo = ends.server_in_parts = ends.client_in_parts = true;
    ends.on_event = free_in_part;
    both_ends_open(&ends);
    cr_assert(part(ends.client, "one", true, false) == LEAT_OK);
    cr_assert(part(ends.client, "two", false, true) == LEAT_OK);
    both_ends_until_server_closed(&ends);
    cr_expect(ends.at_client.parts == 1 && ends.closed == 0);
    cr_expect(ends.server_close.close_code == 1006);
    both_ends_done(&ends);
}

static void close_in_part(struct both_ends *ends, const char *callback)
{
    if (strcmp(callback, "part") == 0)
        cr_expect(leat_websocket_close(ends->client, 4000, "enough") == LEAT_OK);
}

/* Data may still come between our Close frame and the answer to it. */
Test(parts, close_in_the_first)
{
    struct both_ends ends;
    both_ends_init(&ends);
    ends.echo = ends.server_in_parts = ends.client_in_parts = true;
    ends.on_event = close_in_part;
    both_ends_open(&ends);
    cr_assert(part(ends.client, "one", true, false) == LEAT_OK);
    cr_assert(part(ends.client, "two", false, true) == LEAT_OK);
    both_ends_until_closed(&ends);
    cr_expect(ends.client_close.error.code == LEAT_OK && ends.client_close.close_code == 4000);
    both_ends_until_server_closed(&ends);
    cr_expect(strcmp(ends.server_reason, "enough") == 0);
    both_ends_done(&ends);
}
