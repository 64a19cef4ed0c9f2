/* SPDX-License-Identifier: Apache-2.0 */
/* A server that goes away and comes back, and a program that waits for it with leat_reconnect; and
 * a connection that nobody reads from while it ends. */
#include "links/common.h"

#include <leat/reconnect.h>

LINKS_SUITE(reconnect);

struct program {
    struct client_run run;
    leat_reconnect *reconnect;
    leat_timer *timer;
    const char *url;
    unsigned attempts;
};

static void timer_fired(leat_timer *timer, void *user)
{
    struct program *program = user;
    (void)timer;
    cr_expect(client_run_connect(&program->run, program->url) == LEAT_OK);
}

static void program_event(struct client_run *run, const char *callback)
{
    struct program *program = run->user;
    uint32_t delay_ms;
    if (strcmp(callback, "opened") == 0) {
        leat_reconnect_opened(program->reconnect);
    } else if (strcmp(callback, "closed") == 0 && leat_reconnect_is_advised(&run->close) &&
               leat_reconnect_next_delay_ms(program->reconnect, &delay_ms)) {
        ++program->attempts;
        leat_timer_start(program->timer, delay_ms);
    }
}

static bool opened_again(const struct client_run *run)
{
    return run->opened_count == 2;
}

static bool failed_twice(const struct client_run *run)
{
    return run->closed_count >= 3;
}

Test(reconnect, server_goes_and_comes_back)
{
    static const struct leat_reconnect_options options = {
        .size = sizeof(options), .initial_delay_ms = 20, .max_delay_ms = 200};
    struct server_run *server = server_run_start(&(struct server_run_options){0});
    uint16_t port = server_run_port(server);
    struct program program = {.url = url_of("ws", port, "/echo")};
    client_run_init(&program.run);
    program.run.on_event = program_event;
    program.run.user = &program;
    cr_assert(leat_reconnect_new(&options, &program.reconnect) == LEAT_OK);
    cr_assert(leat_timer_new(program.run.loop, timer_fired, &program, &program.timer) == LEAT_OK);

    client_run_open(&program.run, program.url);
    server_run_free(server);
    cr_assert(client_run_until(&program.run, failed_twice), "%u", program.run.closed_count);
    server = server_run_start(&(struct server_run_options){.port = port});
    cr_assert(client_run_until(&program.run, opened_again), "%s", program.run.close.error.text);
    cr_expect(program.attempts >= 3 &&
                  program.attempts == leat_reconnect_get_attempts(program.reconnect),
              "%u", program.attempts);
    program.run.closed_count = 0;
    client_run_echo(&program.run, "here again");
    leat_timer_free(program.timer);
    leat_reconnect_free(program.reconnect);
    client_run_done(&program.run);
    server_run_free(server);
}

/* ---- paused
 * ---------------------------------------------------------------------------------------- */

/* Ends while the program reads nothing: no callback, no busy loop, and the end comes behind resume.
 */
static void ends_while_paused(const struct leat_script_row *script, int code, uint16_t close_code)
{
    struct client_run run;
    leat_testing_server *peer = script_server_start(script);
    unsigned rounds = 0;
    client_run_init(&run);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    leat_websocket_pause(run.ws);
    leat_testing_server_release(peer);
    uint64_t end_ms = clock_ms() + 300;
    for (uint64_t now = clock_ms(); now < end_ms; now = clock_ms()) {
        cr_assert(leat_loop_dispatch(run.loop, (int)(end_ms - now)) == LEAT_OK);
        ++rounds;
    }
    cr_expect(rounds < 50, "%u rounds in 300 ms", rounds);
    cr_expect(run.message_count == 0);
    leat_websocket_resume(run.ws);
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == code, "%d: %s", run.close.error.code, run.close.error.text);
    cr_expect(run.close.close_code == close_code, "%u", run.close.close_code);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(reconnect, end_of_a_paused_connection)
{
    static const struct leat_script_row resets[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_RESET}};
    static const struct leat_script_row ends[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row closes[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_WAIT},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("x"), .number = 0x81},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\x0f\xa1"), .number = 0x88},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_CLOSE}};
    ends_while_paused(resets, LEAT_E_SOCKET_BASE + ECONNRESET, 1006);
    ends_while_paused(ends, LEAT_E_WS_CONNECT, 1006);
    ends_while_paused(closes, LEAT_OK, 4001);
}
