/* SPDX-License-Identifier: Apache-2.0 */
/* leat check: one connection, its phases as a waterfall, one echo round trip, an orderly close. */
#include "connection.h"
#include "exit_status.h"
#include "options.h"
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ECHO_TEXT       "leat check"
#define ECHO_TIMEOUT_MS 5000
#define BAR_WIDTH       32

enum { PHASES_MAX = 16 };

struct phase {
    char name[16];
    char hop[96];
    char text[160];
    uint64_t start_us, end_us;
    bool failed;
};

struct check {
    struct tool_connection connection;
    leat_loop *loop;
    leat_websocket *ws;
    leat_timer *echo_timer;
    bool no_echo;
    struct phase phases[PHASES_MAX];
    size_t count;
    struct leat_error error;
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static struct phase *phase_add(struct check *check, const char *name, const char *hop)
{
    struct phase *phase = &check->phases[check->count];
    if (check->count + 1 < PHASES_MAX)
        check->count++;
    *phase = (struct phase){0};
    snprintf(phase->name, sizeof(phase->name), "%s", name);
    snprintf(phase->hop, sizeof(phase->hop), "%s", hop);
    return phase;
}

static void on_trace(const struct leat_trace_event *event, void *user)
{
    if (event->kind != LEAT_TRACE_PHASE_END)
        return;
    struct phase *phase = phase_add(user, event->name, event->hop);
    phase->start_us = event->start_us;
    phase->end_us = event->end_us;
    phase->failed = event->result != LEAT_OK;
    snprintf(phase->text, sizeof(phase->text), "%s", phase->failed ? "failed" : event->text);
}

/* ---- the connection ------------------------------------------------------------------- */

static void start_close(struct check *check)
{
    if (leat_websocket_close(check->ws, 1000, NULL) != LEAT_OK)
        leat_loop_stop(check->loop);
}

static void end_echo(struct check *check, const char *text)
{
    struct phase *phase = &check->phases[check->count - 1];
    leat_timer_stop(check->echo_timer);
    phase->end_us = now_us();
    snprintf(phase->text, sizeof(phase->text), "%s", text);
    start_close(check);
}

static bool waits_for_echo(const struct check *check)
{
    return check->count > 0 && strcmp(check->phases[check->count - 1].name, "echo") == 0 &&
           check->phases[check->count - 1].end_us == 0;
}

static void on_opened(leat_websocket *ws, void *user)
{
    struct check *check = user;
    if (check->no_echo ||
        leat_websocket_send(ws, LEAT_MESSAGE_TEXT, ECHO_TEXT, strlen(ECHO_TEXT)) != LEAT_OK) {
        start_close(check);
        return;
    }
    phase_add(check, "echo", "")->start_us = now_us();
    leat_timer_start(check->echo_timer, ECHO_TIMEOUT_MS);
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct check *check = user;
    (void)ws;
    bool same =
        type == LEAT_MESSAGE_TEXT && len == strlen(ECHO_TEXT) && memcmp(data, ECHO_TEXT, len) == 0;
    if (same && waits_for_echo(check))
        end_echo(check, "one text message there and back");
}

static void on_echo_late(leat_timer *timer, void *user)
{
    (void)timer;
    if (waits_for_echo(user))
        end_echo(user, "the server did not send the message back");
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct check *check = user;
    (void)ws;
    check->error = event->error;
    leat_loop_stop(check->loop);
}

static const struct leat_websocket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

/* ---- the picture ---------------------------------------------------------------------- */

static void draw_bar(char *bar, uint64_t from_us, uint64_t to_us, uint64_t total_us)
{
    size_t from = (size_t)(from_us * BAR_WIDTH / total_us);
    size_t to = (size_t)(to_us * BAR_WIDTH / total_us);
    if (from >= BAR_WIDTH)
        from = BAR_WIDTH - 1;
    if (to <= from)
        to = from + 1;
    memset(bar, ' ', BAR_WIDTH);
    memset(bar + from, '#', (to < BAR_WIDTH ? to : BAR_WIDTH) - from);
    bar[BAR_WIDTH] = '\0';
}

static void print_phases(const struct check *check)
{
    if (check->count == 0)
        return;
    uint64_t start_us = check->phases[0].start_us;
    uint64_t total_us = 1;
    for (size_t i = 0; i < check->count; i++)
        if (check->phases[i].end_us > start_us + total_us)
            total_us = check->phases[i].end_us - start_us;
    for (size_t i = 0; i < check->count; i++) {
        const struct phase *phase = &check->phases[i];
        char bar[BAR_WIDTH + 1];
        uint64_t end_us = phase->end_us ? phase->end_us : phase->start_us;
        draw_bar(bar, phase->start_us - start_us, end_us - start_us, total_us);
        printf("%-9s %9.3f ms  |%s|  %s%s%s\n", phase->name,
               (double)(end_us - phase->start_us) / 1000.0, bar, phase->hop,
               phase->hop[0] && phase->text[0] ? "  " : "", phase->text);
    }
}

/* ---- the command ---------------------------------------------------------------------- */

static const struct tool_option check_options[] = {
    {.name = "no-echo",
     .is_usual = true,
     .help = "send no message",
     .set = tool_set_flag,
     .offset = offsetof(struct check, no_echo)},
    {0},
};

static const struct tool_section check_sections[] = {
    {"options", check_options, 0},
    TOOL_CONNECTION_SECTIONS(offsetof(struct check, connection)),
    {0       },
};

static int check_run(struct check *check, const char *url)
{
    int code = leat_config_set_trace(check->connection.config, on_trace, check);
    if (code == LEAT_OK)
        code = leat_loop_new(&check->loop);
    if (code == LEAT_OK)
        code = leat_timer_new(check->loop, on_echo_late, check, &check->echo_timer);
    if (code == LEAT_OK)
        code = leat_websocket_new(check->loop, &callbacks, check, &check->ws);
    if (code == LEAT_OK) {
        code = leat_websocket_connect(check->ws, url, check->connection.config);
        leat_websocket_get_error(check->ws, &check->error);
    }
    if (code == LEAT_OK)
        code = leat_loop_run(check->loop);
    if (code != LEAT_OK)
        check->error.code = code;
    return check->error.code;
}

static int check_command(const struct tool_command *command, int argc, char **argv)
{
    struct check check = {0};
    struct tool_line line;
    int status = TOOL_EXIT_FAILED;
    if (!tool_connection_init(&check.connection))
        return status;
    if (tool_options_parse(command, argc, argv, &check, &line, &status)) {
        status = TOOL_EXIT_USAGE;
        if (tool_connection_finish(&check.connection, command)) {
            int code = check_run(&check, line.arguments[0]);
            print_phases(&check);
            fflush(stdout);
            if (code != LEAT_OK)
                tool_report_error(stderr, &check.error, tool_language());
            status = tool_exit_status(&check.error, false);
        }
    }
    leat_websocket_free(check.ws);
    leat_timer_free(check.echo_timer);
    leat_loop_free(check.loop);
    tool_connection_done(&check.connection);
    return status;
}

const struct tool_command tool_check = {
    .path = "check",
    .argument = "URL",
    .value = TOOL_VALUE_URL,
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "connect, show each phase, send one echo round trip, close",
    .sections = check_sections,
    .run = check_command,
};
