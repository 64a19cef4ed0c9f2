/* SPDX-License-Identifier: Apache-2.0 */
/* leat check: what happens on the way to a server, how long it takes, and what is wrong. */
#include "check_suites.h"
#include "check_watch.h"

#include "conformance.h"
#include "connection.h"
#include "exit_status.h"
#include "options.h"
#include "report.h"
#include "signals.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEAT_MAX = 10000 };

struct check {
    struct tool_connection connection;
    struct check_probe_options probe;
    uint32_t repeat;
    bool compare, json, no_resume, verbose;
    bool watches;
    uint32_t watch_ms;
    unsigned until; /* enum check_until - 1, of those that were named */
    bool until_is_set;
    int64_t expires_in_s;     /* -1 = no matter when */
    unsigned language;        /* enum leat_language */
    struct check_way proxied; /* or the only one */
    struct check_way direct;
    leat_config *direct_config;
#ifdef LEAT_TOOL_SERVE
    struct tool_conformance conformance;
    bool judges;
    uint32_t parallel, patience_ms;
    const char *target_host;
#endif
};

static bool set_repeat(struct tool_setting *setting)
{
    if (!tool_set_u32(setting))
        return false;
    return *(uint32_t *)setting->target > 0 || tool_refuse(setting, "at least 1 is possible");
}

static bool set_watch(struct tool_setting *setting)
{
    struct check *check = setting->target;
    check->watches = true;
    setting->target = &check->watch_ms;
    return !setting->value ||
           (tool_set_duration_ms(setting) &&
            (check->watch_ms > 0 || tool_refuse(setting, "the time cannot be 0")));
}

static bool set_until(struct tool_setting *setting)
{
    struct check *check = setting->target;
    check->until_is_set = true;
    setting->target = &check->until;
    return tool_set_word(setting);
}

/* Days, unless a unit follows. */
static bool set_expires_in(struct tool_setting *setting)
{
    static const struct {
        const char *name;
        int64_t s;
    } units[] = {
        {"", 86400},
        {"d", 86400},
        {"w", 604800},
        {"h", 3600},
    };
    const size_t digits_max = 5;
    struct check *check = setting->target;
    size_t len = strspn(setting->value, "0123456789");
    for (size_t i = 0; len > 0 && len <= digits_max && i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(setting->value + len, units[i].name) == 0) {
            check->expires_in_s = strtoll(setting->value, NULL, 10) * units[i].s;
            return true;
        }
    return tool_refuse(setting, "'%s' is not a time such as 14d, 2w or 36h",
                       tool_excerpt(setting->value, 40).text);
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
    {.name = "watch",
     .is_usual = true,
     .argument_is_optional = true,
     .argument = "TIME",
     .value = TOOL_VALUE_DURATION,
     .help = "again and again (every 10 s), one line each",
     .detail = "* marks what has changed. Ctrl-C ends it; the exit status is that of the last "
               "connection. With --json one object a line.",
     .set = set_watch},
    {.name = "until",
     .argument = "ok|fail",
     .value = TOOL_VALUE_WORD,
     .words = "ok|fail",
     .help = "end --watch when it is well, or fails",
     .set = set_until},
    {.name = "expires-in",
     .argument = "TIME",
     .help = "fail if a certificate expires within TIME",
     .detail = "In days unless a unit follows: 14d, 2w, 36h. The exit status is 7.",
     .set = set_expires_in},
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
    {.name = "message",
     .letter = 'm',
     .aliases = "execute",
     .argument = "TEXT",
     .help = "send TEXT instead of \"leat check\"",
     .set = tool_set_string,
     .offset = offsetof(struct check, probe.message)},
    {.name = "verbose",
     .letter = 'v',
     .help = "show the headers of the answer, too",
     .set = tool_set_flag,
     .offset = offsetof(struct check, verbose)},
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

#ifdef LEAT_TOOL_SERVE

static bool set_parallel(struct tool_setting *setting)
{
    if (!tool_set_u32(setting))
        return false;
    return *(uint32_t *)setting->target > 0 || tool_refuse(setting, "at least 1 is possible");
}

static bool set_patience(struct tool_setting *setting)
{
    if (!tool_set_duration_ms(setting))
        return false;
    uint32_t ms = *(uint32_t *)setting->target;
    return (ms > 0 && ms <= 3600000) || tool_refuse(setting, "from 1 ms to an hour is possible");
}

static const struct tool_option check_conformance_options[] = {
    {.name = "conformance",
     .is_usual = true,
     .help = "judge what is at URL by a few hundred cases",
     .detail = "ws or wss: an echo server, by RFC 6455 and RFC 7692. socks5: a proxy, by RFC 1928 "
               "and RFC 1929. http: a proxy that knows CONNECT, by RFC 9110 and RFC 9112. The exit "
               "status is 1 if a case has failed. The list: docs/CONFORMANCE.md.",
     .set = tool_set_flag,
     .offset = offsetof(struct check, judges)},
    TOOL_CONFORMANCE_OPTIONS(struct check, conformance),
    {.name = "parallel",
     .argument = "N",
     .value = TOOL_VALUE_NUMBER,
     .help = "so many connections at a time (4)",
     .max = 64,
     .set = set_parallel,
     .offset = offsetof(struct check, parallel)},
    {.name = "patience",
     .argument = "TIME",
     .value = TOOL_VALUE_DURATION,
     .help = "how long it may do nothing (5)",
     .set = set_patience,
     .offset = offsetof(struct check, patience_ms)},
    {.name = "target-host",
     .argument = "ADDRESS",
     .help = "where a proxy reaches this machine (127.0.0.1)",
     .set = tool_set_string,
     .offset = offsetof(struct check, target_host)},
    {0},
};

static int check_judge(struct check *check, const struct tool_line *line)
{
    struct leat_testing_conformance_options options = {
        .size = sizeof(options),
        .url = line->arguments[0],
        .parallel = check->parallel,
        .patience_ms = check->patience_ms,
        .target_address = check->target_host,
        .ca_path = check->connection.ca_path,
        .trusts_anybody = check->connection.is_insecure,
    };
    check->conformance.json = check->json;
    check->conformance.verbose = check->verbose;
    if (check->watches || check->compare || check->repeat > 1)
        return tool_usage_error(line->command, "--conformance goes with neither --repeat nor "
                                               "--compare nor --watch");
    if (check->connection.proxy_count > 0)
        return tool_usage_error(line->command, "--conformance goes without --proxy");
    if (!tool_conformance_subject(options.url, &options.subject))
        return tool_usage_error(line->command,
                                "--conformance needs a URL that begins with ws://, wss://, "
                                "socks5:// or http://");
    return tool_conformance_run(line->command, &check->conformance, &options);
}

#endif

static const struct tool_section check_sections[] = {
    {"options", check_options, 0},
#ifdef LEAT_TOOL_SERVE
    {"conformance", check_conformance_options, 0},
#endif
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

static int way_status(const struct check_plan *plan, const struct check_way *way)
{
    if (way->failed)
        return check_run_status(plan, way->failed, -1);
    return way->first ? check_run_status(plan, way->first, plan->expires_in_s) : TOOL_EXIT_OK;
}

static struct check_plan plan_make(const struct check *check, const char *url)
{
    return (struct check_plan){
        .url = url,
        .proxy_count = check->connection.proxy_count,
        .no_echo = check->probe.no_echo,
        .verbose = check->verbose,
        .expires_in_s = check->expires_in_s,
        .language = check->language ? LEAT_LANGUAGE_ZH : LEAT_LANGUAGE_EN,
        .connection = &check->connection,
    };
}

static int check_tell(const struct check *check, const char *url)
{
    const struct check_plan plan = plan_make(check, url);
    const struct check_run *failed = check->proxied.failed;
    /* Nothing was tried: the URL, or a file that an option names. */
    if (!check->json && failed && failed->phase_count == 0) {
        const struct tool_story story = check_story(&plan, failed);
        tool_report(stderr, &story, plan.language);
        return way_status(&plan, &check->proxied);
    }
    if (check->compare && check->json)
        check_json_comparison(&plan, &check->direct, &check->proxied);
    else if (check->compare)
        check_print_comparison(&plan, &check->direct, &check->proxied);
    else if (check->json)
        check_json_way(&plan, &check->proxied);
    else
        check_print_way(&plan, &check->proxied);
    struct check_plan direct_plan = plan;
    direct_plan.connection = NULL;
    int status = way_status(&plan, &check->proxied);
    return status == TOOL_EXIT_OK ? way_status(&direct_plan, &check->direct) : status;
}

static int check_watch_url(struct check *check, const struct tool_line *line)
{
    const struct check_plan plan = plan_make(check, line->arguments[0]);
    const struct check_watch watch = {
        .command = line->command,
        .plan = &plan,
        .probe = &check->probe,
        .config = check->connection.config,
        .interval_ms = check->watch_ms,
        .until = check->until_is_set ? (enum check_until)(check->until + 1) : CHECK_UNTIL_NEVER,
        .expires_in_s = check->expires_in_s,
        .json = check->json,
    };
    if (leat_config_set_session_resumption(watch.config, !check->no_resume) != LEAT_OK)
        return TOOL_EXIT_FAILED;
    return tool_flush(line->command, check_watch(&watch));
}

static int check_start(struct check *check, const struct tool_line *line)
{
#ifdef LEAT_TOOL_SERVE
    if (check->judges)
        return check_judge(check, line);
    if (check->conformance.lists || check->conformance.cases)
        return tool_usage_error(line->command, "--list and --cases need --conformance");
#endif
    if (!tool_connection_finish(&check->connection, line->command))
        return TOOL_EXIT_USAGE;
    if (check->until_is_set && !check->watches)
        return tool_usage_error(line->command, "--until needs --watch");
    if (check->watches && (check->compare || check->repeat > 1))
        return tool_usage_error(line->command, "--watch goes with neither --repeat nor --compare");
    if (check->compare && check->connection.proxy_count == 0)
        return tool_usage_error(line->command, "--compare needs --proxy");
    check->probe.max_time_ms = check->connection.max_time_ms;
    if (check->watches)
        return check_watch_url(check, line);
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
        .watch_ms = 10000,
        .expires_in_s = -1,
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
    {"leat check --watch=1m --until fail --expires-in 14d wss://example.com/",
     "wait until it fails, or its certificate expires soon"},
#ifdef LEAT_TOOL_SERVE
    {"leat check --conformance ws://127.0.0.1:9000/", "whether an echo server keeps the RFCs"},
#endif
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
