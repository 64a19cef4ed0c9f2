/* SPDX-License-Identifier: Apache-2.0 */
/* How connections end: the close handshake from both sides, connections that break, free() in every
 * callback, and the same object again. */
#include "integration/common.h"
#include "support/still_clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

INTEGRATION_SUITE(closing);

static const struct server_options plain = {0};

/* ---- the close handshake --------------------------------------------------------------------- */

Test(closing, our_code_and_reason_reach_the_server)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    struct leat_testing_seen seen;
    leat_testing_server *peer = scripted_begin(&run, script);
    scripted_open(&run, peer);
    cr_expect(leat_websocket_send(run.ws, LEAT_MESSAGE_TEXT, "last", 4) == LEAT_OK);
    cr_expect(leat_websocket_close(run.ws, 4321, "gr\xc3\xbc\xc3\x9f dich") == LEAT_OK);
    cr_expect(leat_websocket_close(run.ws, 1000, NULL) == LEAT_OK, "closing already is no error");
    cr_expect(leat_websocket_send(run.ws, LEAT_MESSAGE_TEXT, "late", 4) ==
              LEAT_E_SOCKET_BASE + EBADF);
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == LEAT_OK, "%s", run.close.error.text);
    cr_expect(run.close.closed_by == LEAT_CLOSED_BY_LOCAL);
    cr_expect(run.close.close_code == 4321);
    cr_expect(strcmp(run.close_reason, "gr\xc3\xbc\xc3\x9f dich") == 0, "%s", run.close_reason);
    cr_expect(run.message_count == 1, "what was queued before is sent and answered");
    peer_content_expect(peer);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(memcmp(seen.frame_payload, "\x10\xe1gr\xc3\xbc\xc3\x9f dich", 13) == 0);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(closing, without_a_code)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    struct leat_testing_seen seen;
    leat_testing_server *peer = scripted_begin(&run, script);
    scripted_open(&run, peer);
    cr_expect(leat_websocket_close(run.ws, 0, NULL) == LEAT_OK);
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == LEAT_OK && run.close.close_code == 1005);
    peer_content_expect(peer);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.frame_first_byte == 0x88 && seen.frame_len == 0);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

static void remote_close_expect(const char *url)
{
    struct client_run run;
    client_run_init(&run);
    client_run_open(&run, url);
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == LEAT_OK, "%s", run.close.error.text);
    cr_expect(run.close.closed_by == LEAT_CLOSED_BY_REMOTE);
    cr_expect(run.close.close_code == 4001, "%u", run.close.close_code);
    cr_expect(strcmp(run.close_reason, "enough") == 0, "%s", run.close_reason);
    client_run_done(&run);
}

/* NUL is a character of UTF-8 like others: the length is true, and no byte comes from elsewhere. */
Test(closing, reasons_with_nuls)
{
    static const char longest[125] = "\x0f\xa1"
                                     "A\0B";
    static const struct leat_script_row inside[] = {LEAT_SCRIPT_UPGRADE,
                                                    {LEAT_SCRIPT_SEND_FRAME, .number = 0x88,
                                                     LEAT_SCRIPT_BYTES("\x0f\xa1"
                                                                       "a\0b\0\0")},
                                                    {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
                                                    {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row only[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, .number = 0x88, LEAT_SCRIPT_BYTES("\x0f\xa1\0")},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row most[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, .number = 0x88, .data = longest, .len = sizeof(longest)},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row *const scripts[] = {inside, only, most};

    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        const struct leat_script_row *sent = &scripts[i][2];
        const char *reason = (const char *)sent->data + 2;
        leat_testing_server *peer =
            script_server_new(&(struct leat_testing_options){.scripts = {scripts[i], scripts[i]}});
        const char *url = url_of("ws", leat_testing_server_get_port(peer), "/");
        struct client_run run;
        client_run_init(&run);
        client_run_open(&run, url);
        client_run_until_closed(&run);
        cr_expect(run.close.error.code == LEAT_OK, "%s", run.close.error.text);
        cr_expect(run.close.close_code == 4001 && run.close.reason_len == sent->len - 2, "%zu",
                  run.close.reason_len);
        cr_expect(memcmp(run.close_reason, reason, sent->len - 2) == 0);

        leat_blocking_websocket *ws;
        struct leat_error error;
        struct leat_message message;
        cr_assert(leat_blocking_websocket_connect(url, run.config, &ws, &error) == LEAT_OK, "%s",
                  error.text);
        cr_expect(leat_blocking_websocket_recv(ws, &message, CLIENT_RUN_TIMEOUT_MS, NULL) !=
                  LEAT_OK);
        const struct leat_close_event *end = leat_blocking_websocket_get_close_event(ws);
        cr_assert(end && end->reason_len == sent->len - 2);
        cr_expect(memcmp(end->reason, reason, sent->len - 2) == 0);
        leat_blocking_websocket_free(ws);
        client_run_done(&run);
        leat_testing_server_free(peer);
    }
}

Test(closing, by_python)
{
    remote_close_expect(
        url_of("ws", python_server_start(&plain), "/close?code=4001&reason=enough"));
}

Test(closing, by_node_with_tls)
{
    uint16_t port = node_server_start(&(struct server_options){.cert = "server.pem"});
    remote_close_expect(url_of("wss", port, "/close?code=4001&reason=enough"));
}

Test(closing, by_the_server_without_a_code)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES(""), .number = 0x88},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    scripted_open(&run, peer);
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == LEAT_OK && run.close.close_code == 1005);
    cr_expect(run.close.closed_by == LEAT_CLOSED_BY_REMOTE);
    scripted_end(&run, peer);
}

/* ---- connections that break
 * ---------------------------------------------------------------------- */

/* Opens and waits until the connection has broken. */
static void broken_run(struct client_run *run, leat_testing_server *peer)
{
    client_run_init(run);
    cr_assert(leat_config_set_phase_timeout(run->config, LEAT_PHASE_CLOSE, 200) == LEAT_OK);
    client_run_open(run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    client_run_until_closed(run);
    cr_expect(run->close.close_code == 1006, "%u", run->close.close_code);
    cr_expect(run->close.reason_len == 0);
}

Test(closing, end_without_a_close_frame)
{
    static const struct leat_script_row script[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *peer = script_server_start(script);
    broken_run(&run, peer);
    cr_expect(run.close.error.code == LEAT_E_WS_CONNECT && run.close.error.native_code == 1006);
    cr_expect(run.close.closed_by == LEAT_CLOSED_BY_NOBODY);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(closing, reset)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_RESET}};
    struct client_run run;
    leat_testing_server *peer = script_server_start(script);
    leat_testing_server_release(peer);
    broken_run(&run, peer);
    cr_expect(run.close.error.code == LEAT_E_SOCKET_BASE + ECONNRESET, "%d", run.close.error.code);
    cr_expect(run.close.error.layer == LEAT_LAYER_TCP);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

static void close_on_opened(struct client_run *run, const char *callback)
{
    if (strcmp(callback, "opened") == 0)
        cr_expect(leat_websocket_close(run->ws, 1000, NULL) == LEAT_OK);
}

Test(closing, nobody_answers_the_close_frame)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    run.on_event = close_on_opened;
    cr_assert(leat_config_set_phase_timeout(run.config, LEAT_PHASE_CLOSE, 100) == LEAT_OK);
    scripted_open(&run, peer);
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == LEAT_E_WS_CONNECT, "%d", run.close.error.code);
    cr_expect(run.close.error.sys_errno == ETIMEDOUT);
    cr_expect(run.close.closed_by == LEAT_CLOSED_BY_LOCAL && run.close.close_code == 1006);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(closing, server_keeps_tcp_open_after_the_handshake)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    cr_assert(leat_config_set_phase_timeout(run.config, LEAT_PHASE_CLOSE, 100) == LEAT_OK);
    scripted_open(&run, peer);
    client_run_close(&run); /* in order all the same */
    client_run_done(&run);
    leat_testing_server_free(peer);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Not anew for each part of the goodbye. */
Test(closing, the_deadline_is_over_the_whole)
{
    enum { DEADLINE_MS = 400 };
    static const struct leat_script_row answers[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row is_silent[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
    const struct leat_script_row *const scripts[] = {answers, is_silent};
    for (size_t i = 0; i < 2; i++) {
        struct client_run run;
        leat_testing_server *peer = scripted_begin(&run, scripts[i]);
        cr_assert(leat_config_set_phase_timeout(run.config, LEAT_PHASE_CLOSE, DEADLINE_MS) ==
                  LEAT_OK);
        scripted_open(&run, peer);
        still_clock_start();
        uint64_t start_ms = now_ms();
        cr_assert(leat_websocket_close(run.ws, 1000, NULL) == LEAT_OK);
        client_run_until_closed(&run);
        uint64_t took_ms = now_ms() - start_ms;
        still_clock_stop();
        cr_expect(took_ms >= DEADLINE_MS && took_ms < DEADLINE_MS * 3 / 2, "%zu: %" PRIu64 " ms", i,
                  took_ms);
        client_run_done(&run);
        leat_testing_server_free(peer);
    }
}

static bool is_tcp_connected(const struct client_run *run)
{
    return trace_has(run, "end tcp 0");
}

Test(closing, before_anything_was_started)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(client_run_connect(&run, url_of("ws", refusing_port(), "/")) == LEAT_OK);
    cr_expect(leat_websocket_close(run.ws, 1000, NULL) == LEAT_OK);
    cr_expect(run.closed_count == 0, "closed inside of close()");
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == LEAT_E_SOCKET_BASE + ECANCELED, "%d", run.close.error.code);
    client_run_done(&run);
}

Test(closing, while_connecting_cancels)
{
    static const struct leat_script_row script[] = {{LEAT_SCRIPT_STALL, .label = "accepted"},
                                                    {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    cr_assert(client_run_connect(&run, url_of("ws", leat_testing_server_get_port(peer), "/")) ==
              LEAT_OK);
    cr_expect(client_run_until(&run, is_tcp_connected));
    cr_expect(leat_websocket_close(run.ws, 1000, NULL) == LEAT_OK);
    cr_expect(run.closed_count == 0, "closed inside of close()");
    client_run_until_closed(&run);
    cr_expect(run.opened_count == 0 && run.close.close_code == 0);
    cr_expect(run.close.closed_by == LEAT_CLOSED_BY_LOCAL);
    cr_expect(run.close.error.code == LEAT_E_SOCKET_BASE + ECANCELED, "%d", run.close.error.code);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* ---- free() in every callback
 * -------------------------------------------------------------------- */

static void free_on(struct client_run *run, const char *callback)
{
    if (strcmp(callback, run->user) == 0 && run->ws) {
        leat_websocket_free(run->ws);
        run->ws = NULL;
    }
}

static bool is_freed(const struct client_run *run)
{
    return !run->ws;
}

/* Runs until `callback` has freed the object; nothing may be called after it. */
static void freed_run(const char *scheme, uint16_t port, const char *path, const char *callback,
                      void (*act)(struct client_run *run))
{
    struct client_run run;
    client_run_init(&run);
    run.on_event = free_on;
    run.user = (void *)(uintptr_t)callback;
    cr_assert(leat_config_set_send_queue_limit(run.config, 1 << 16) == LEAT_OK);
    cr_assert(client_run_connect(&run, url_of(scheme, port, path)) == LEAT_OK);
    client_run_until_opened(&run);
    if (act && run.ws)
        act(&run);
    cr_assert(client_run_until(&run, is_freed), "%s never came:\n%s", callback, run.trace);
    unsigned calls = run.opened_count + run.closed_count + run.writable_count;
    size_t messages = run.message_count + run.pong_count;
    for (int i = 0; i < 10; ++i)
        cr_assert(leat_loop_dispatch(run.loop, 0) == LEAT_OK);
    cr_expect(calls == run.opened_count + run.closed_count + run.writable_count);
    cr_expect(messages == run.message_count + run.pong_count);
    client_run_done(&run);
}

static void two_messages(struct client_run *run)
{
    cr_expect(leat_websocket_send(run->ws, LEAT_MESSAGE_TEXT, "1", 1) == LEAT_OK);
    cr_expect(leat_websocket_send(run->ws, LEAT_MESSAGE_TEXT, "2", 1) == LEAT_OK);
}

static void one_ping(struct client_run *run)
{
    cr_expect(leat_websocket_ping(run->ws, "1", 1) == LEAT_OK);
}

static void too_much(struct client_run *run)
{
    static const uint8_t data[1 << 17];
    cr_expect(leat_websocket_send(run->ws, LEAT_MESSAGE_BINARY, data, sizeof(data)) == LEAT_OK);
    cr_expect(leat_websocket_send(run->ws, LEAT_MESSAGE_BINARY, data, sizeof(data)) != LEAT_OK);
}

static void normal_close(struct client_run *run)
{
    cr_expect(leat_websocket_close(run->ws, 1000, NULL) == LEAT_OK);
}

/* Frees in each callback once. */
static void freed_everywhere(const char *scheme, uint16_t port)
{
    freed_run(scheme, port, "/echo", "opened", NULL);
    freed_run(scheme, port, "/echo", "message", two_messages);
    freed_run(scheme, port, "/echo", "pong", one_ping);
    freed_run(scheme, port, "/echo", "writable", too_much);
    freed_run(scheme, port, "/echo", "closed", normal_close);
    freed_run(scheme, port, "/close?code=1000", "closed", NULL);
}

Test(closing, free_in_every_callback)
{
    freed_everywhere("ws", python_server_start(&plain));
}

Test(closing, free_in_every_callback_over_tls)
{
    freed_everywhere("wss", python_server_start(&(struct server_options){.cert = "server.pem"}));
}

Test(closing, free_in_closed_of_a_failed_connect)
{
    freed_run("ws", refusing_port(), "/", "closed", NULL);
}

Test(closing, free_at_every_round)
{
    /* after 0, 1, 2 ... rounds of the loop, up to an open connection */
    uint16_t port = python_server_start(&(struct server_options){.cert = "server.pem"});
    bool opened = false;
    for (int rounds = 0; !opened; ++rounds) {
        struct client_run run;
        client_run_init(&run);
        cr_assert(client_run_connect(&run, sandbox_format("wss://localhost:%u/", port)) == 0);
        for (int i = 0; i < rounds && run.opened_count == 0; ++i)
            cr_assert(leat_loop_dispatch(run.loop, CLIENT_RUN_TIMEOUT_MS) == LEAT_OK);
        opened = run.opened_count > 0;
        cr_expect(run.closed_count == 0, "%s\n%s", run.close.error.text, run.trace);
        client_run_done(&run);
        cr_assert(rounds < 200);
    }
}

/* ---- once more
 * -------------------------------------------------------------------------------------- */

Test(closing, same_object_connects_again)
{
    struct client_run run;
    uint16_t port = python_server_start(&plain);
    client_run_init(&run);
    for (int i = 0; i < 3; ++i) {
        run.opened_count = run.closed_count = 0;
        client_run_open(&run, url_of("ws", port, "/echo"));
        cr_expect(client_run_connect(&run, url_of("ws", port, "/echo")) == LEAT_E_WS_EXISTS);
        struct leat_error error;
        leat_websocket_get_error(run.ws, &error);
        cr_expect(error.code == LEAT_E_WS_EXISTS, "%d", error.code);
        client_run_echo(&run, "unharmed");
        client_run_close(&run);
        leat_websocket_get_error(run.ws, &error);
        cr_expect(error.code == LEAT_OK, "%d: %s", error.code, error.text);
    }
    client_run_done(&run);
}

static void connect_on_closed(struct client_run *run, const char *callback)
{
    if (strcmp(callback, "closed") == 0 && run->closed_count == 1) {
        int code = client_run_connect(run, run->user);
        cr_expect(code == LEAT_OK, "%d", code);
    }
}

static bool is_closed_twice(const struct client_run *run)
{
    return run->closed_count == 2;
}

Test(closing, connects_again_inside_closed)
{
    struct client_run run;
    uint16_t port = python_server_start(&plain);
    client_run_init(&run);
    run.on_event = connect_on_closed;
    run.user = (void *)(uintptr_t)url_of("ws", port, "/close?code=1000");
    cr_assert(client_run_connect(&run, url_of("ws", refusing_port(), "/")) == LEAT_OK);
    cr_expect(client_run_until(&run, is_closed_twice));
    cr_expect(run.opened_count == 1);
    cr_expect(run.close.error.code == LEAT_OK && run.close.close_code == 1000);
    client_run_done(&run);
}

Test(closing, configuration_can_go_at_once)
{
    struct client_run run;
    client_run_init(&run);
    uint16_t port = python_server_start(&(struct server_options){.cert = "server.pem"});
    cr_assert(client_run_connect(&run, url_of("wss", port, "/echo")) == LEAT_OK);
    leat_config_free(run.config);
    run.config = NULL;
    client_run_until_opened(&run);
    cr_assert(run.opened_count == 1, "%s", run.close.error.text);
    client_run_echo(&run, "still here");
    client_run_close(&run);
    client_run_done(&run);
}

Test(closing, thousand_connections_leave_no_descriptor)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *peer = script_server_start(script);
    const char *url = url_of("ws", leat_testing_server_get_port(peer), "/");
    client_run_init(&run);
    cr_assert(leat_config_set_trace(run.config, NULL, NULL) == LEAT_OK);
    size_t before = 0;
    for (int i = 0; i <= 1000; ++i) {
        run.opened_count = run.closed_count = 0;
        client_run_open(&run, url);
        client_run_close(&run);
        cr_expect(leat_testing_server_wait_idle(peer, STEP_WAIT_MS));
        before = i == 0 ? open_descriptor_count() : before;
    }
    cr_expect(open_descriptor_count() == before, "%zu before, %zu after", before,
              open_descriptor_count());
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(closing, thousand_failures_leave_no_descriptor)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_trace(run.config, NULL, NULL) == LEAT_OK);
    const char *url = sandbox_format("ws://localhost:%u/", refusing_port());
    size_t before = 0;
    for (int i = 0; i <= 1000; ++i) {
        run.closed_count = 0;
        cr_expect(client_run_refused(&run, url) == LEAT_E_SOCKET_BASE + ECONNREFUSED);
        before = i == 0 ? open_descriptor_count() : before;
    }
    cr_expect(open_descriptor_count() == before);
    client_run_done(&run);
}
