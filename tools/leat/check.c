/* SPDX-License-Identifier: Apache-2.0 */
/* leat check: what happens on the way to a server, how long it takes, and what is wrong. */
#include "check_suites.h"

#include "connection.h"
#include "exit_status.h"
#include "options.h"
#include "report.h"
#include "signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEAT_MAX = 10000 };

struct check {
    struct tool_connection connection;
    struct check_probe_options probe;
    uint32_t repeat;
    bool compare, json, no_resume;
    unsigned language;        /* enum leat_language */
    struct check_way proxied; /* or the only one */
    struct check_way direct;
    leat_config *direct_config;
};

static bool set_repeat(struct tool_setting *setting)
{
    if (!tool_set_u32(setting))
        return false;
    return *(uint32_t *)setting->target > 0 || tool_refuse(setting, "at least 1 is possible");
}

static const struct tool_option check_options[] = {
    {.name = "repeat",
     .letter = 'n',
     .is_usual = true,
     .argument = "N",
     .value = TOOL_VALUE_NUMBER,
     .help = "connect N times; median and 99th percentile",
     .detail = "One after the other; Ctrl-C ends the counting and prints what there is. TLS "
               "sessions are resumed from the second on where the server "
               "allows it; see --no-resume.",
     .max = REPEAT_MAX,
     .set = set_repeat,
     .offset = offsetof(struct check, repeat)},
    {.name = "compare",
     .is_usual = true,
     .help = "without and with the proxy, side by side",
     .detail = "Needs --proxy. Each connection makes a full TLS handshake. With --repeat the "
               "medians are compared.",
     .set = tool_set_flag,
     .offset = offsetof(struct check, compare)},
    {.name = "json",
     .is_usual = true,
     .help = "print one JSON object instead",
     .set = tool_set_flag,
     .offset = offsetof(struct check, json)},
    TOOL_LANGUAGE_OPTION(struct check, language),
    {.name = "no-echo",
     .is_usual = true,
     .help = "send nothing: open, then close",
     .detail = "Otherwise the text \"leat check\" is sent, and, if it does not come back within a "
               "second, a Ping, which every server has to answer.",
     .set = tool_set_flag,
     .offset = offsetof(struct check, probe.no_echo)},
    {.name = "echo-timeout",
     .argument = "TIME",
     .value = TOOL_VALUE_DURATION,
     .help = "how long to wait for the echo (5)",
     .set = tool_set_duration_ms,
     .offset = offsetof(struct check, probe.echo_timeout_ms)},
    {.name = "no-resume",
     .help = "a full TLS handshake each time",
     .set = tool_set_flag,
     .offset = offsetof(struct check, no_resume)},
    {0},
};

static const struct tool_section check_sections[] = {
    {"options", check_options, 0},
    TOOL_CONNECTION_SECTIONS(offsetof(struct check, connection)),
    {0},
};

/* The ways take turns, so that what changes with the time changes for both. */
static bool check_run(struct check *check, const char *url)
{
    struct check_probe *probe = check_probe_new(&check->probe);
    struct check_run *run = malloc(sizeof(*run));
    bool done = probe && run;
    /* The first Ctrl-C ends the counting, not the report. */
    bool is_counting = check->repeat > 1 && tool_signals_catch() >= 0;
    for (uint32_t i = 0; done && i < check->repeat; i++) {
        if (is_counting && i > 0 && tool_signals_take().end)
            break;
        if (check->compare) {
            check_probe_run(probe, url, check->direct.config, run);
            done = check_way_add(&check->direct, run);
        }
        if (done) {
            check_probe_run(probe, url, check->proxied.config, run);
            done = check_way_add(&check->proxied, run);
        }
    }
    check_probe_free(probe);
    free(run);
    if (done && check->compare)
        check_suites_ask(&check->direct, &check->connection);
    if (done)
        check_suites_ask(&check->proxied, &check->connection);
    return done;
}

static bool check_prepare(struct check *check)
{
    leat_config *config = check->connection.config;
    if (leat_config_set_session_resumption(config, !check->no_resume && !check->compare) !=
            LEAT_OK ||
        !check_way_init(&check->proxied, config, check->repeat))
        return false;
    return !check->compare || (leat_config_copy(config, &check->direct_config) == LEAT_OK &&
                               leat_config_set_proxy(check->direct_config, NULL) == LEAT_OK &&
                               check_way_init(&check->direct, check->direct_config, check->repeat));
}

static int way_status(const struct check *check, const struct check_way *way)
{
    if (!way->failed)
        return TOOL_EXIT_OK;
    const struct leat_error *error = &way->failed->error;
    bool was_open = way->failed->connect_us > 0;
    int http_status = way->failed->http_status;
    return way == &check->proxied
               ? tool_connection_exit_status(&check->connection, error, was_open, http_status)
               : tool_answered_exit_status(error, was_open, http_status);
}

static int check_tell(const struct check *check, const char *url)
{
    const struct check_plan plan = {
        .url = url,
        .proxy_count = check->connection.proxy_count,
        .no_echo = check->probe.no_echo,
        .language = check->language ? LEAT_LANGUAGE_ZH : LEAT_LANGUAGE_EN,
        .connection = &check->connection,
    };
    const struct check_run *failed = check->proxied.failed;
    /* Nothing was tried: the URL, or a file that an option names. */
    if (!check->json && failed && failed->phase_count == 0) {
        const struct tool_story story = check_story(&plan, failed);
        tool_report(stderr, &story, plan.language);
        return way_status(check, &check->proxied);
    }
    if (check->compare && check->json)
        check_json_comparison(&plan, &check->direct, &check->proxied);
    else if (check->compare)
        check_print_comparison(&plan, &check->direct, &check->proxied);
    else if (check->json)
        check_json_way(&plan, &check->proxied);
    else
        check_print_way(&plan, &check->proxied);
    int status = way_status(check, &check->proxied);
    return status == TOOL_EXIT_OK ? way_status(check, &check->direct) : status;
}

static int check_start(struct check *check, const struct tool_line *line)
{
    if (!tool_connection_finish(&check->connection, line->command))
        return TOOL_EXIT_USAGE;
    if (check->compare && check->connection.proxy_count == 0)
        return tool_usage_error(line->command, "--compare needs --proxy");
    if (!check_prepare(check) || !check_run(check, line->arguments[0])) {
        fputs("leat check: out of memory\n", stderr);
        return TOOL_EXIT_FAILED;
    }
    return tool_flush(line->command, check_tell(check, line->arguments[0]));
}

static int check_command(const struct tool_command *command, int argc, char **argv)
{
    struct check check = {
        .repeat = 1,
        .probe.echo_timeout_ms = 5000,
        .language = tool_language() == LEAT_LANGUAGE_ZH,
    };
    struct tool_line line;
    int status = TOOL_EXIT_FAILED;
    if (!tool_connection_init(&check.connection))
        return status;
    if (tool_options_parse(command, argc, argv, &check, &line, &status))
        status = check_start(&check, &line);
    check_way_done(&check.proxied);
    check_way_done(&check.direct);
    leat_config_free(check.direct_config);
    tool_connection_done(&check.connection);
    return status;
}

static const struct tool_example check_examples[] = {
    {"leat check wss://example.com/", "what happens on the way, and what is wrong"},
    {"leat check -x socks5h://proxy:1080 --compare -n 20 wss://example.com/",
     "what the proxy costs"},
    {0},
};

const struct tool_command tool_check = {
    .path = "check",
    .argument = "URL",
    .value = TOOL_VALUE_URL,
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "connect, show each phase and what is wrong with it, close",
    .detail = "Shows a waterfall of the phases, the addresses that were tried, what TLS has agreed "
              "on, and the certificates with the days that are left. When a phase fails it is "
              "marked with x, and the code, its meaning, its causes and what helps follow.\n\n"
              "A server that sends no message back, but answers a Ping, is well. With --compare "
              "the exit status is that of the proxied way, or, if that is 0, of the direct one.",
    .sections = check_sections,
    .examples = check_examples,
    .run = check_command,
};
