/* SPDX-License-Identifier: Apache-2.0 */
#include "check_watch.h"

#include "check_look.h"
#include "exit_status.h"
#include "json.h"
#include "report.h"
#include "signals.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- certificates that expire ----------------------------------------------------------- */

const struct check_certificate *check_expiring(const struct check_run *run, int64_t within_s)
{
    const struct check_certificate *first = NULL;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (size_t i = 0; within_s >= 0 && i < run->certificate_count; i++) {
        const struct check_certificate *certificate = &run->certificates[i];
        if (certificate->not_after - (int64_t)now.tv_sec < within_s &&
            (!first || certificate->not_after < first->not_after))
            first = certificate;
    }
    return first;
}

int check_run_status(const struct check_plan *plan, const struct check_run *run, int64_t within_s)
{
    const struct leat_error *error = &run->error;
    bool was_open = run->connect_us > 0;
    if (error->code == LEAT_OK)
        return check_expiring(run, within_s) ? TOOL_EXIT_CERTIFICATE : TOOL_EXIT_OK;
    return plan->connection
               ? tool_connection_exit_status(plan->connection, error, was_open, run->http_status)
               : tool_answered_exit_status(error, was_open, run->http_status);
}

/* What stands in front: "* 12:34:56  ". */
enum { TIME_COLUMNS = 12 };

/* ---- lines ------------------------------------------------------------------------------ */

/* What is compared to tell a change: the phase and code, or that it is well. */
struct state {
    bool is_known;
    int status, code;
    char phase[16];
};

static struct state state_of(const struct check_watch *watch, const struct check_run *run)
{
    const struct check_phase *phase = check_failed_phase(run);
    struct state state = {
        .is_known = true,
        .status = check_run_status(watch->plan, run, watch->expires_in_s),
        .code = run->error.code,
    };
    snprintf(state.phase, sizeof(state.phase), "%s", phase ? phase->name : "");
    return state;
}

static bool has_changed(const struct state *before, const struct state *now)
{
    return before->is_known && (before->status != now->status || before->code != now->code ||
                                strcmp(before->phase, now->phase) != 0);
}

static void print_well(const struct check_watch *watch, const struct check_run *run)
{
    const struct check_certificate *expiring = check_expiring(run, watch->expires_in_s);
    bool is_zh = watch->plan->language == LEAT_LANGUAGE_ZH;
    enum tool_style style = expiring ? TOOL_STYLE_YELLOW : TOOL_STYLE_GREEN;
    printf("%s%s%s  %9.3f ms", check_style(style), is_zh ? "正常" : "ok    ",
           check_style(TOOL_STYLE_PLAIN), check_ms(run->connect_us));
    if (!expiring)
        return;
    printf(is_zh ? "  证书剩余 %lld 天：" : "  certificate has %lld days left: ",
           (long long)check_days_left(expiring));
    check_print_text(expiring->subject);
}

/* One line, also on a terminal: the rest of a text that is too long is what `leat check` tells. */
static void print_failure(const struct check_watch *watch, const struct check_run *run)
{
    const struct tool_story story = check_story(watch->plan, run);
    const struct check_phase *phase = check_failed_phase(run);
    enum leat_language language = watch->plan->language;
    const char *mark = language == LEAT_LANGUAGE_ZH ? "失败" : "failed";
    char text[LEAT_ERROR_TEXT_SIZE + 256];
    tool_format(text, sizeof(text), "%s  %d %s%s%s",
                phase ? check_phase_word(phase->name, language) : leat_layer_name(run->error.layer),
                run->error.code, tool_story_heading(&story, language),
                run->error.text[0] ? "  " : "", run->error.text);
    printf("%s%s%s  ", check_style(TOOL_STYLE_RED), mark, check_style(TOOL_STYLE_PLAIN));
    size_t taken = TIME_COLUMNS + tool_text_columns(mark) + 2;
    size_t columns = tool_is_terminal(stdout) ? tool_terminal_columns(stdout) : SIZE_MAX;
    check_print_clipped(text, columns > taken ? columns - taken : 0);
}

static void print_line(const struct check_watch *watch, const struct check_run *run,
                       const struct state *state, bool changed)
{
    char time_text[16] = "";
    time_t now = time(NULL);
    struct tm tm;
    if (localtime_r(&now, &tm))
        strftime(time_text, sizeof(time_text), "%H:%M:%S", &tm);
    printf("%s%s  ", changed ? "* " : "  ", time_text);
    if (state->code == LEAT_OK)
        print_well(watch, run);
    else
        print_failure(watch, run);
    putchar('\n');
}

static void print_json(const struct check_watch *watch, const struct check_run *run,
                       const struct state *state, bool changed)
{
    struct tool_json json = {.out = stdout};
    char time_text[32] = "";
    time_t now = time(NULL);
    struct tm tm;
    if (gmtime_r(&now, &tm))
        strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    tool_json_object(&json, NULL);
    tool_json_string(&json, "time", time_text);
    tool_json_bool(&json, "ok", state->status == TOOL_EXIT_OK);
    tool_json_bool(&json, "changed", changed);
    tool_json_number(&json, "status", state->status);
    if (run->connect_us > 0)
        tool_json_thousandths(&json, "connect_ms", run->connect_us);
    else
        tool_json_null(&json, "connect_ms");
    tool_json_string(&json, "failed_phase", state->phase[0] ? state->phase : NULL);
    if (state->code != LEAT_OK) {
        const struct tool_story story = check_story(watch->plan, run);
        tool_error_describe(&json, "error", &run->error);
        tool_json_string(&json, "heading", tool_story_heading(&story, watch->plan->language));
    }
    const struct check_certificate *expiring = check_expiring(run, watch->expires_in_s);
    if (expiring) {
        tool_json_string(&json, "expiring", expiring->subject);
        tool_json_number(&json, "days_left", check_days_left(expiring));
    }
    tool_json_object_end(&json);
    tool_json_end(&json);
}

/* ---- again and again -------------------------------------------------------------------- */

static bool is_over(const struct check_watch *watch, const struct state *state)
{
    if (watch->until == CHECK_UNTIL_OK)
        return state->status == TOOL_EXIT_OK;
    return watch->until == CHECK_UNTIL_FAIL && state->status != TOOL_EXIT_OK;
}

/* Until the next one is due. @return false: a signal asks to end. */
static bool pause_well(int signal_fd, uint32_t interval_ms)
{
    struct pollfd signals = {.fd = signal_fd, .events = POLLIN};
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int64_t left_ms = interval_ms;;) {
        (void)poll(&signals, 1, (int)(left_ms < INT32_MAX ? left_ms : INT32_MAX));
        if (tool_signals_take().end)
            return false;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t passed_ms =
            (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
        left_ms = (int64_t)interval_ms - passed_ms;
        if (left_ms <= 0)
            return true;
    }
}

int check_watch(const struct check_watch *watch)
{
    int signal_fd = tool_signals_catch();
    struct check_probe *probe = check_probe_new(watch->probe);
    struct check_run *run = malloc(sizeof(*run));
    struct state before = {.is_known = false};
    if (!probe || !run || signal_fd < 0) {
        fputs("leat check: out of memory\n", stderr);
        before.status = TOOL_EXIT_FAILED;
    }
    while (probe && run && signal_fd >= 0) {
        check_probe_run(probe, watch->plan->url, watch->config, run);
        struct state now = state_of(watch, run);
        bool changed = has_changed(&before, &now);
        (watch->json ? print_json : print_line)(watch, run, &now, changed);
        before = now;
        if (!tool_flush_line(watch->command, &before.status) || is_over(watch, &now) ||
            now.status == TOOL_EXIT_USAGE || !pause_well(signal_fd, watch->interval_ms))
            break;
    }
    check_probe_free(probe);
    free(run);
    return before.status;
}
