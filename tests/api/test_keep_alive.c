/* SPDX-License-Identifier: Apache-2.0 */
/* Keep-alive (leat_config_set_ping_interval(), leat_config_set_pong_timeout()) and the queue's
 * limit in messages. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/still_clock.h"

#include <stdlib.h>

INTEGRATION_SUITE(keep_alive);

static void keep_alive(leat_config *config, uint32_t interval_ms, uint32_t timeout_ms)
{
    cr_assert(leat_config_set_ping_interval(config, interval_ms) == LEAT_OK);
    cr_assert(leat_config_set_pong_timeout(config, timeout_ms) == LEAT_OK);
}

static void dead_expect(const struct leat_close_event *close)
{
    cr_expect(close->error.code == LEAT_E_WS_CONNECT, "%d: %s", close->error.code,
              close->error.text);
    cr_expect(close->error.sys_errno == ETIMEDOUT, "%d", close->error.sys_errno);
    cr_expect(close->error.layer == LEAT_LAYER_WEBSOCKET);
    cr_expect(close->close_code == 1006 && close->closed_by == LEAT_CLOSED_BY_NOBODY);
}

/* ---- silence
 * ------------------------------------------------------------------------------------- */

/* It sees the Ping and says nothing any more. */
Test(keep_alive, silent_peer)
{
    static const struct leat_script_row script[] = {LEAT_SCRIPT_UPGRADE,
                                                    {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
                                                    {LEAT_SCRIPT_STALL},
                                                    {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    struct leat_testing_seen seen;
    still_clock_start();
    leat_testing_server *peer = scripted_begin(&run, script);
    keep_alive(run.config, 50, 50);
    scripted_open(&run, peer);
    client_run_until_closed(&run);
    dead_expect(&run.close);
    peer_content_expect(peer);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.frame_first_byte == 0x89 && seen.frame_len == 0);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* The first Ping is answered, the second one is not. */
Test(keep_alive, peer_that_falls_silent)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES(""), .number = 0x8a},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
        {LEAT_SCRIPT_STALL},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    still_clock_start();
    leat_testing_server *peer = scripted_begin(&run, script);
    keep_alive(run.config, 50, 2000);
    scripted_open(&run, peer);
    client_run_until_closed(&run);
    dead_expect(&run.close);
    cr_expect(run.pong_count == 1);
    scripted_end(&run, peer);
}

Test(keep_alive, silent_peer_inside_tls)
{
    static struct leat_testing_tls tls;
    static const struct leat_script_row script[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls},
                                                    LEAT_SCRIPT_UPGRADE,
                                                    {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
                                                    {LEAT_SCRIPT_STALL},
                                                    {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    tls.cert_path = certificate_path("server.pem");
    tls.key_path = certificate_path("server.key");
    still_clock_start();
    leat_testing_server *peer = scripted_begin(&run, script);
    keep_alive(run.config, 50, 50);
    client_run_open(&run, url_of("wss", leat_testing_server_get_port(peer), "/"));
    client_run_until_closed(&run);
    dead_expect(&run.close);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* ---- life
 * ---------------------------------------------------------------------------------------- */

/* Each of them is an answer: a message, part of one, a Ping, an unasked Pong. */
Test(keep_alive, any_data_is_life)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("text"), .number = 0x81},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x82")},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01")},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("x")},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("p"), .number = 0x89},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x8a},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("unasked"), .number = 0x8a},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\x03\xe8"), .number = 0x88},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    still_clock_start();
    leat_testing_server *peer = scripted_begin(&run, script);
    keep_alive(run.config, 30, 10000);
    scripted_open(&run, peer);
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == LEAT_OK && run.close.close_code == 1000, "%s",
              run.close.error.text);
    cr_expect(run.message_count == 2 && run.pong_count == 1);
    scripted_end(&run, peer);
}

/* Without a timeout Pings go out for ever, and only one at a time. */
Test(keep_alive, no_timeout)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_READ_FRAME, .number = 0x89, .label = "first"},
        {LEAT_SCRIPT_WAIT, .label = "wait"},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES(""), .number = 0x8a},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x89},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\x03\xe8"), .number = 0x88},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    keep_alive(run.config, 30, 0);
    scripted_open(&run, peer);
    while (!leat_testing_server_wait_step(peer, "wait", 1, 0))
        cr_assert(leat_loop_dispatch(run.loop, 10) == LEAT_OK);
    for (int i = 0; i < 10; ++i)
        cr_assert(leat_loop_dispatch(run.loop, 20) == LEAT_OK);
    cr_expect(run.closed_count == 0);
    leat_testing_server_release(peer);
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == LEAT_OK, "%s", run.close.error.text);
    scripted_end(&run, peer);
}

/* The timer fires in the middle, and nothing has gone out before our Close frame. */
static void timer_fired(leat_timer *timer, void *user)
{
    struct client_run *run = user;
    (void)timer;
    cr_expect(leat_websocket_close(run->ws, 1000, NULL) == LEAT_OK);
}

Test(keep_alive, interval_0_is_off)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\x03\xe8"), .number = 0x88},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_timer *timer;
    leat_testing_server *peer = scripted_begin(&run, script);
    keep_alive(run.config, 0, 10);
    scripted_open(&run, peer);
    cr_assert(leat_timer_new(run.loop, timer_fired, &run, &timer) == LEAT_OK);
    leat_timer_start(timer, 200);
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == LEAT_OK, "%s", run.close.error.text);
    peer_content_expect(peer);
    leat_timer_free(timer);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* Whoever is paused reads no Pong either; the judgement begins when it goes on. */
Test(keep_alive, paused_connection_is_not_judged)
{
    struct both_ends ends;
    still_clock_start();
    both_ends_init(&ends);
    keep_alive(ends.client_config, 20, 20);
    both_ends_open(&ends);
    leat_websocket_pause(ends.client);
    for (int i = 0; i < 15; ++i)
        cr_assert(leat_loop_dispatch(ends.loop, 20) == LEAT_OK);
    cr_expect(ends.closed == 0, "%s", ends.client_close.error.text);
    leat_websocket_resume(ends.client);
    unsigned pongs = ends.at_client.pongs;
    while (ends.at_client.pongs < pongs + 3 && ends.closed == 0)
        cr_assert(leat_loop_dispatch(ends.loop, 1000) == LEAT_OK);
    cr_expect(ends.closed == 0, "%s", ends.client_close.error.text);
    both_ends_done(&ends);
}

/* The other end does not read, and so does not answer: the server notices. */
Test(keep_alive, of_the_server)
{
    struct both_ends ends;
    still_clock_start();
    both_ends_init(&ends);
    keep_alive(ends.client_config, 0, 0);
    keep_alive(ends.server_config, 50, 50);
    both_ends_open(&ends);
    leat_websocket_pause(ends.client);
    both_ends_until_server_closed(&ends);
    dead_expect(&ends.server_close);
    both_ends_done(&ends);
}

static void connect_again(struct client_run *run, const char *callback)
{
    if (strcmp(callback, "closed") == 0 && run->closed_count == 1)
        cr_assert(client_run_connect(run, run->user) == LEAT_OK);
}

/* The old silence is not held against the new connection. */
Test(keep_alive, connects_again_when_dead)
{
    static const struct leat_script_row silent[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row echo[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *peer =
        script_server_new(&(struct leat_testing_options){.scripts = {silent, echo}});
    still_clock_start();
    client_run_init(&run);
    keep_alive(run.config, 100, 1000);
    char *url = (char *)(uintptr_t)url_of("ws", leat_testing_server_get_port(peer), "/");
    run.on_event = connect_again;
    run.user = url;
    client_run_open(&run, url);
    client_run_until_closed(&run);
    dead_expect(&run.close);
    while (run.pong_count < 2 && run.closed_count == 1)
        cr_assert(leat_loop_dispatch(run.loop, 1000) == LEAT_OK);
    cr_expect(run.opened_count == 2 && run.closed_count == 1, "%s", run.close.error.text);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* ---- the queue's limit in messages
 * --------------------------------------------------------------- */

/* Pings are counted, and a refusal is followed by `writable`. */
static void messages_limit_expect(size_t limit)
{
    struct both_ends ends;
    both_ends_init(&ends);
    cr_assert(leat_config_set_send_queue_messages(ends.client_config, limit) == LEAT_OK);
    keep_alive(ends.client_config, 0, 0);
    both_ends_open(&ends);
    for (size_t i = 0; i < limit; ++i) {
        int code = i % 3 == 2 ? leat_websocket_ping(ends.client, NULL, 0)
                              : leat_websocket_send(ends.client, LEAT_MESSAGE_TEXT, "x", i % 3);
        cr_assert(code == LEAT_OK, "%zu of %zu: %d", i, limit, code);
    }
    cr_expect(leat_websocket_send(ends.client, LEAT_MESSAGE_TEXT, "", 0) ==
              LEAT_E_SOCKET_BASE + EAGAIN);
    cr_expect(leat_websocket_ping(ends.client, NULL, 0) == LEAT_E_SOCKET_BASE + EAGAIN);
    cr_expect(leat_websocket_send_part(ends.client, LEAT_MESSAGE_TEXT, "x", 1, true, true) ==
              LEAT_E_SOCKET_BASE + EAGAIN);
    while (ends.client_writable == 0 && ends.closed == 0)
        cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    cr_assert(ends.client_writable == 1);
    cr_expect(leat_websocket_send(ends.client, LEAT_MESSAGE_TEXT, "last", 4) == LEAT_OK);
    both_ends_until_received(&ends, &ends.at_server, (unsigned)(limit - limit / 3 + 1));
    cr_expect(ends.client_writable == 1, "once for each refusal");
    /* A Close frame is never refused. */
    for (size_t i = 0; i < limit; ++i)
        cr_assert(leat_websocket_send(ends.client, LEAT_MESSAGE_TEXT, "", 0) == LEAT_OK);
    cr_assert(leat_websocket_close(ends.client, 1000, NULL) == LEAT_OK);
    both_ends_until_closed(&ends);
    cr_expect(ends.client_close.error.code == LEAT_OK, "%s", ends.client_close.error.text);
    both_ends_done(&ends);
}

Test(keep_alive, queue_limit_in_messages)
{
    messages_limit_expect(1);
    messages_limit_expect(2);
    messages_limit_expect(7);
    messages_limit_expect(100);
}

/* Also while the peer does not read, however small the messages are. */
Test(keep_alive, queue_limit_towards_a_peer_that_does_not_read)
{
    static uint8_t large[1 << 20];
    struct both_ends ends;
    unsigned sent = 0;
    int code = LEAT_OK;
    both_ends_init(&ends);
    cr_assert(leat_config_set_send_queue_messages(ends.client_config, 10) == LEAT_OK);
    cr_assert(leat_config_set_send_queue_limit(ends.client_config, SIZE_MAX) == LEAT_OK);
    keep_alive(ends.client_config, 0, 0);
    both_ends_open(&ends);
    leat_websocket_pause(ends.connection);
    for (; sent < 200 && code == LEAT_OK; sent += code == LEAT_OK) {
        code = leat_websocket_send(ends.client, LEAT_MESSAGE_BINARY, large, sizeof(large));
        cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    }
    cr_expect(code == LEAT_E_SOCKET_BASE + EAGAIN && sent >= 10, "%d behind %u", code, sent);
    cr_expect(leat_websocket_get_buffered_bytes(ends.client) <= 10 * (sizeof(large) + 14));
    cr_expect(ends.client_writable == 0);
    leat_websocket_resume(ends.connection);
    both_ends_until_received(&ends, &ends.at_server, sent);
    cr_expect(ends.client_writable == 1);
    cr_expect(leat_websocket_get_buffered_bytes(ends.client) == 0);
    both_ends_done(&ends);
}

static uint8_t longer_than_limit[1 << 20];

/* Until it is refused, whenever it is told that there is room. */
static void send_when_writable(struct both_ends *ends, const char *callback)
{
    unsigned *sent = ends->user;
    if (strcmp(callback, "writable") == 0 && ends->client_writable < 1000) {
        while (*sent < 20 &&
               leat_websocket_send(ends->client, LEAT_MESSAGE_BINARY, longer_than_limit,
                                   sizeof(longer_than_limit)) == LEAT_OK) {
            ++*sent;
        }
    }
}

/* A message that fits only into an empty queue waits for that, and not in a circle. */
Test(keep_alive, writable_comes_when_the_refused_message_fits)
{
    struct both_ends ends;
    unsigned sent = 0;
    both_ends_init(&ends);
    cr_assert(leat_config_set_send_queue_limit(ends.client_config, 256 * 1024) == LEAT_OK);
    keep_alive(ends.client_config, 0, 0);
    both_ends_open(&ends);
    leat_websocket_pause(ends.connection);
    ends.on_event = send_when_writable;
    ends.user = &sent;
    unsigned fitting = 0;
    while (leat_websocket_send(ends.client, LEAT_MESSAGE_BINARY, longer_than_limit,
                               sizeof(longer_than_limit)) == LEAT_OK) {
        fitting++;
        cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    }
    leat_websocket_resume(ends.connection);
    both_ends_until_received(&ends, &ends.at_server, fitting + 20);
    cr_expect_leq(ends.client_writable, sent, "it was told of room that there was not");
    ends.on_event = NULL;
    both_ends_done(&ends);
}
