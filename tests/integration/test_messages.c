/* SPDX-License-Identifier: Apache-2.0 */
/* An open connection: frames in every shape, pause and resume, backpressure, ping and pong. */
#include "integration/common.h"

#include <stdlib.h>

INTEGRATION_SUITE(messages);

static void message_expect(const struct client_run *run, size_t index, const char *text)
{
    cr_assert(run->message_count > index);
    const struct client_message *message = &run->messages[index];
    cr_expect(message->len == strlen(text) && memcmp(message->data, text, message->len) == 0,
              "message %zu is \"%s\"", index, message->data);
}

/* ---- frames ---------------------------------------------------------------------------------- */

Test(messages, frames_glued_to_the_101_are_delivered)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND_UPGRADE, .hold = true},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("first"), .number = 0x81, .hold = true},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("second"), .number = 0x82},
        {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    scripted_open(&run, peer);
    client_run_until_messages(&run, 2);
    message_expect(&run, 0, "first");
    message_expect(&run, 1, "second");
    cr_expect(run.messages[0].type == LEAT_MESSAGE_TEXT);
    cr_expect(run.messages[1].type == LEAT_MESSAGE_BINARY);
    client_run_close(&run);
    scripted_end(&run, peer);
}

Test(messages, frames_glued_to_the_101_behind_proxy_and_tls)
{
    struct leat_testing_tls tls = {.cert_path = certificate_path("server.pem"),
                                   .key_path = certificate_path("server.key")};
    const struct leat_script_row script[] = {
        LEAT_SCRIPT_SOCKS5_OPEN,
        {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND_UPGRADE, .hold = true},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("first"), .number = 0x81},
        {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    cr_assert(
        leat_config_set_proxy(run.config, sandbox_format("socks5h://127.0.0.1:%u",
                                                         leat_testing_server_get_port(peer))) == 0);
    client_run_open(&run, "wss://echo.test/");
    client_run_until_messages(&run, 1);
    message_expect(&run, 0, "first");
    client_run_close(&run);
    scripted_end(&run, peer);
}

Test(messages, everything_byte_by_byte)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00"), .split = 1},
        {LEAT_SCRIPT_READ_SOCKS5_REQUEST},
        {LEAT_SCRIPT_SEND_SOCKS5_REPLY, .split = 1},
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND_UPGRADE, .split = 1},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("gr\xc3\xbc\xc3\x9f dich"), .number = 0x81,
         .split = 1},
        {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    cr_assert(
        leat_config_set_proxy(run.config, sandbox_format("socks5h://127.0.0.1:%u",
                                                         leat_testing_server_get_port(peer))) == 0);
    client_run_open(&run, "ws://echo.test/");
    client_run_until_messages(&run, 1);
    message_expect(&run, 0, "gr\xc3\xbc\xc3\x9f dich");
    client_run_close(&run);
    scripted_end(&run, peer);
}

Test(messages, fragments_with_a_ping_between_them)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("hel"), .number = 0x01},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("are you there"), .number = 0x89},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES(""), .number = 0x00},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x8a},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("lo"), .number = 0x80},
        {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    struct leat_testing_seen seen;
    leat_testing_server *peer = scripted_begin(&run, script);
    scripted_open(&run, peer);
    client_run_until_messages(&run, 1);
    message_expect(&run, 0, "hello");
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.frame_len == 13 && memcmp(seen.frame_payload, "are you there", 13) == 0);
    client_run_close(&run);
    scripted_end(&run, peer);
}

/* ---- pause and resume ------------------------------------------------------------------------ */

static void pause_on_first(struct client_run *run, const char *callback)
{
    if (strcmp(callback, "message") == 0 && run->message_count == 1)
        leat_websocket_pause(run->ws);
}

static const struct leat_script_row three_messages[] = {
    LEAT_SCRIPT_UPGRADE,
    {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("1"), .number = 0x81, .hold = true},
    {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("2"), .number = 0x81, .hold = true},
    {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("3"), .number = 0x81},
    {LEAT_SCRIPT_SERVE_ECHO, .label = "sent"},
    {LEAT_SCRIPT_CLOSE},
};

/* The loop has nothing to do any more that has not been done. */
static void loop_settle(struct client_run *run)
{
    for (int i = 0; i < 10; ++i)
        cr_assert(leat_loop_dispatch(run->loop, 0) == LEAT_OK);
}

Test(messages, pause_inside_a_message_holds_the_next)
{
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, three_messages);
    run.on_event = pause_on_first;
    scripted_open(&run, peer);
    cr_expect(leat_testing_server_wait_step(peer, "sent", 1, STEP_WAIT_MS));
    client_run_until_messages(&run, 1);
    loop_settle(&run);
    cr_expect(run.message_count == 1, "%zu messages while paused", run.message_count);
    leat_websocket_resume(run.ws);
    cr_expect(run.message_count == 1, "a message inside of resume");
    client_run_until_messages(&run, 3);
    message_expect(&run, 2, "3");
    client_run_close(&run);
    scripted_end(&run, peer);
}

static void pause_on_opened(struct client_run *run, const char *callback)
{
    if (strcmp(callback, "opened") == 0)
        leat_websocket_pause(run->ws);
}

Test(messages, nothing_comes_while_paused)
{
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, three_messages);
    run.on_event = pause_on_opened;
    scripted_open(&run, peer);
    cr_expect(leat_testing_server_wait_step(peer, "sent", 1, STEP_WAIT_MS));
    loop_settle(&run);
    cr_expect(run.message_count == 0);
    leat_websocket_resume(run.ws);
    client_run_until_messages(&run, 3);
    message_expect(&run, 0, "1");
    client_run_close(&run);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(messages, tcp_holds_back_a_peer_that_nobody_reads)
{
    /* far more than the kernel's buffers hold */
    static uint8_t payload[1 << 16];
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, .data = payload, .len = sizeof(payload), .number = 0x82,
         .repeat = 512},
        {LEAT_SCRIPT_SERVE_ECHO, .label = "all sent"},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    run.on_event = pause_on_opened;
    run.drop_messages = true;
    scripted_open(&run, peer);
    loop_settle(&run);
    cr_expect(!leat_testing_server_wait_step(peer, "all sent", 1, 1),
              "32 MiB left although nobody reads");
    cr_expect(run.message_count == 0);
    leat_websocket_resume(run.ws);
    client_run_until_messages(&run, 512);
    cr_expect(run.message_bytes == 512 * sizeof(payload));
    client_run_close(&run);
    run.messages = NULL;
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* ---- the send queue
 * -------------------------------------------------------------------------------- */

#define QUEUE_LIMIT  (256u << 10)
#define QUEUE_BLOCK  (64u << 10)
#define BLOCKS_AHEAD 4096

static bool is_writable(const struct client_run *run)
{
    return run->writable_count > 0;
}

/* Sends blocks until the queue refuses one; returns the refusal. */
static int queue_fill(struct client_run *run)
{
    static const uint8_t block[QUEUE_BLOCK];
    int code = LEAT_OK;
    for (int i = 0; i < BLOCKS_AHEAD && code == LEAT_OK; ++i) {
        code = leat_websocket_send(run->ws, LEAT_MESSAGE_BINARY, block, sizeof(block));
        cr_expect(leat_websocket_get_buffered_bytes(run->ws) <= QUEUE_LIMIT, "%zu bytes wait",
                  leat_websocket_get_buffered_bytes(run->ws));
        loop_settle(run);
    }
    return code;
}

static void queue_expect(struct client_run *run, leat_testing_server *peer, int refusal)
{
    int code = queue_fill(run);
    cr_expect(code == refusal, "%d", code);
    cr_expect(run->writable_count == 0);
    cr_expect(run->closed_count == 0, "a full queue is no end");
    leat_testing_server_release(peer);
    cr_expect(client_run_until(run, is_writable), "the queue never becomes writable");
    cr_expect(leat_websocket_get_buffered_bytes(run->ws) <= QUEUE_LIMIT / 2);
    cr_expect(leat_websocket_send(run->ws, LEAT_MESSAGE_TEXT, "x", 1) == LEAT_OK);
    loop_settle(run);
    cr_expect(run->writable_count == 1, "writable %u times for one refusal", run->writable_count);
}

Test(messages, full_queue_refuses_and_says_when_it_is_writable)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    cr_assert(leat_config_set_send_queue_limit(run.config, QUEUE_LIMIT) == LEAT_OK);
    scripted_open(&run, peer);
    queue_expect(&run, peer, LEAT_E_SOCKET_BASE + EAGAIN);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(messages, full_queue_over_tls)
{
    struct leat_testing_tls tls = {.cert_path = certificate_path("server.pem"),
                                   .key_path = certificate_path("server.key")};
    const struct leat_script_row script[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
                                             LEAT_SCRIPT_UPGRADE,
                                             {LEAT_SCRIPT_WAIT},
                                             {LEAT_SCRIPT_DRAIN},
                                             {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    cr_assert(leat_config_set_send_queue_limit(run.config, QUEUE_LIMIT) == LEAT_OK);
    client_run_open(&run, url_of("wss", leat_testing_server_get_port(peer), "/"));
    queue_expect(&run, peer, LEAT_E_TLS_WRITE);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(messages, message_above_the_queue_limit_is_sent_when_nothing_waits)
{
    static uint8_t data[4 * QUEUE_LIMIT];
    struct client_run run;
    uint16_t port = python_server_start(&(struct server_options){0});
    client_run_init(&run);
    cr_assert(leat_config_set_send_queue_limit(run.config, QUEUE_LIMIT) == LEAT_OK);
    client_run_open(&run, url_of("ws", port, "/echo"));
    cr_expect(leat_websocket_send(run.ws, LEAT_MESSAGE_BINARY, data, sizeof(data)) == LEAT_OK);
    cr_expect(leat_websocket_send(run.ws, LEAT_MESSAGE_BINARY, data, 1) != LEAT_OK);
    client_run_until_messages(&run, 1);
    cr_expect(run.messages[0].len == sizeof(data));
    client_run_close(&run);
    client_run_done(&run);
}

/* ---- ping and pong
 * --------------------------------------------------------------------------------- */

static bool has_pong(const struct client_run *run)
{
    return run->pong_count > 0;
}

static void ping_expect(uint16_t port)
{
    struct client_run run;
    client_run_init(&run);
    client_run_open(&run, url_of("ws", port, "/echo"));
    cr_expect(leat_websocket_ping(run.ws, "abc", 3) == LEAT_OK);
    cr_assert(client_run_until(&run, has_pong));
    cr_expect(run.pongs[0].len == 3 && memcmp(run.pongs[0].data, "abc", 3) == 0);
    client_run_close(&run);
    client_run_done(&run);
}

Test(messages, python_answers_our_ping)
{
    ping_expect(python_server_start(&(struct server_options){0}));
}

Test(messages, node_answers_our_ping)
{
    ping_expect(node_server_start(&(struct server_options){0}));
}

static void pong_expect(uint16_t port)
{
    struct client_run run;
    client_run_init(&run);
    client_run_open(&run, url_of("ws", port, "/ping?payload=knock"));
    client_run_until_messages(&run, 1);
    message_expect(&run, 0, "pong");
    client_run_close(&run);
    client_run_done(&run);
}

Test(messages, we_answer_the_ping_of_python)
{
    pong_expect(python_server_start(&(struct server_options){0}));
}

Test(messages, we_answer_the_ping_of_node)
{
    pong_expect(node_server_start(&(struct server_options){0}));
}

/* ---- limits and UTF-8
 * -------------------------------------------------------------------------------- */

/* The peer sends `script`; the client must answer with a Close frame of this code. */
static void violation_expect(const struct leat_script_row *script, uint16_t close_code)
{
    struct client_run run;
    struct leat_testing_seen seen;
    leat_testing_server *peer = scripted_begin(&run, script);
    cr_assert(leat_config_set_max_message_bytes(run.config, 1000) == LEAT_OK);
    scripted_open(&run, peer);
    client_run_until_closed(&run);
    cr_expect(run.message_count == 0);
    cr_expect(run.close.error.code == LEAT_E_WS_CONNECT, "%d", run.close.error.code);
    cr_expect(run.close.error.native_code == close_code, "%d", run.close.error.native_code);
    cr_expect(run.close.close_code == close_code, "%u", run.close.close_code);
    cr_expect(run.close.error.text[0] != '\0');
    peer_content_expect(peer);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.frame_len >= 2 &&
                  (seen.frame_payload[0] << 8 | seen.frame_payload[1]) == close_code,
              "the peer was told %d", seen.frame_payload[0] << 8 | seen.frame_payload[1]);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

#define VIOLATION(first_byte, payload)                                                             \
    {                                                                                              \
        LEAT_SCRIPT_UPGRADE,                                                                       \
            {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES(payload), .number = (first_byte)},          \
            {LEAT_SCRIPT_READ_FRAME, .number = 0x88},                                              \
        {                                                                                          \
            LEAT_SCRIPT_CLOSE                                                                      \
        }                                                                                          \
    }

Test(messages, text_that_is_not_utf8_is_answered_with_1007)
{
    static const struct leat_script_row script[] = VIOLATION(0x81, "caf\xe9");
    violation_expect(script, 1007);
}

Test(messages, unknown_opcode_is_answered_with_1002)
{
    static const struct leat_script_row script[] = VIOLATION(0x83, "");
    violation_expect(script, 1002);
}

Test(messages, reserved_bit_is_answered_with_1002)
{
    static const struct leat_script_row script[] = VIOLATION(0xc1, "x");
    violation_expect(script, 1002);
}

Test(messages, bad_close_code_is_answered_with_1002)
{
    static const struct leat_script_row script[] = VIOLATION(0x88, "\x03\xed"); /* 1005 */
    violation_expect(script, 1002);
}

Test(messages, message_above_the_limit_is_answered_with_1009)
{
    static const uint8_t payload[1001];
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, .data = payload, .len = sizeof(payload), .number = 0x82},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_CLOSE},
    };
    violation_expect(script, 1009);
}

Test(messages, arguments_are_checked)
{
    struct client_run run;
    uint16_t port = python_server_start(&(struct server_options){0});
    client_run_init(&run);
    cr_expect(leat_websocket_send(run.ws, LEAT_MESSAGE_TEXT, "x", 1) ==
              LEAT_E_SOCKET_BASE + ENOTCONN);
    cr_expect(leat_websocket_close(run.ws, 1000, NULL) == LEAT_E_SOCKET_BASE + ENOTCONN);
    client_run_open(&run, url_of("ws", port, "/echo"));
    cr_expect(leat_websocket_send(run.ws, LEAT_MESSAGE_TEXT, "caf\xe9", 4) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_send(run.ws, LEAT_MESSAGE_TEXT, NULL, 1) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_send(run.ws, (enum leat_message_type)3, "x", 1) == LEAT_E_PARAMETER);
    char payload[126] = "";
    cr_expect(leat_websocket_ping(run.ws, payload, 126) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_ping(run.ws, payload, 125) == LEAT_OK);
    cr_expect(leat_websocket_close(run.ws, 1005, NULL) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_close(run.ws, 999, NULL) == LEAT_E_PARAMETER);
    cr_expect(leat_websocket_close(run.ws, 1000, "caf\xe9") == LEAT_E_PARAMETER);
    client_run_echo(&run, "still here");
    client_run_close(&run);
    cr_expect(leat_websocket_send(run.ws, LEAT_MESSAGE_TEXT, "x", 1) == LEAT_E_SOCKET_BASE + EBADF);
    cr_expect(leat_websocket_close(run.ws, 1000, NULL) == LEAT_E_SOCKET_BASE + EBADF);
    client_run_done(&run);
}
