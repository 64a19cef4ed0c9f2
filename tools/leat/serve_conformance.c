/* SPDX-License-Identifier: Apache-2.0 */
/* leat serve conformance: the judge of clients. */
#include "conformance.h"
#include "options.h"
#include "serve.h"
#include "terminal.h"

#include <string.h>

struct conformance_state {
    struct tool_conformance conformance;
    const char *host;
    uint32_t port;
    bool judges_socks5, judges_connect;
    const char *command;
    const char *cert, *key;
    uint32_t idle_ms, patience_ms;
};

static bool set_time(struct tool_setting *setting)
{
    if (!tool_set_duration_ms(setting))
        return false;
    uint32_t ms = *(uint32_t *)setting->target;
    return (ms > 0 && ms <= 3600000) || tool_refuse(setting, "from 1 ms to an hour is possible");
}

static const struct tool_option conformance_options[] = {
    {.name = "host",
     .is_usual = true,
     .argument = "ADDRESS",
     .help = "listen on this address (127.0.0.1)",
     .set = tool_set_string,
     .offset = offsetof(struct conformance_state, host)},
    {.name = "port",
     .letter = 'p',
     .is_usual = true,
     .argument = "PORT",
     .value = TOOL_VALUE_NUMBER,
     .help = "listen on this port (9001; 0: any free one)",
     .set = tool_set_u32,
     .offset = offsetof(struct conformance_state, port),
     .max = 65535},
    {.name = "socks5",
     .is_usual = true,
     .help = "judge a client of SOCKS5: this is its proxy",
     .detail = "What it reaches through the proxy it is to return, byte by byte; one that speaks "
               "first is believed. Any destination will do. Each connection is a case.",
     .set = tool_set_flag,
     .offset = offsetof(struct conformance_state, judges_socks5)},
    {.name = "connect",
     .is_usual = true,
     .help = "the same for a client of HTTP CONNECT",
     .set = tool_set_flag,
     .offset = offsetof(struct conformance_state, judges_connect)},
    {.name = "run",
     .is_usual = true,
     .argument = "COMMAND",
     .help = "run it in a shell, again and again, until done",
     .detail = "LEAT_URL in its environment is where to connect to. It ends when it comes three "
               "times to nothing.",
     .set = tool_set_string,
     .offset = offsetof(struct conformance_state, command)},
    TOOL_CONFORMANCE_OPTIONS(struct conformance_state, conformance),
    {.name = "json",
     .is_usual = true,
     .help = "print one JSON object; the URL goes to stderr",
     .set = tool_set_flag,
     .offset = offsetof(struct conformance_state, conformance.json)},
    {.name = "verbose",
     .letter = 'v',
     .is_usual = true,
     .help = "show the cases that pass, too",
     .set = tool_set_flag,
     .offset = offsetof(struct conformance_state, conformance.verbose)},
    {.name = "patience",
     .argument = "TIME",
     .value = TOOL_VALUE_DURATION,
     .help = "how long a client may do nothing (5)",
     .set = set_time,
     .offset = offsetof(struct conformance_state, patience_ms)},
    {.name = "idle",
     .argument = "TIME",
     .value = TOOL_VALUE_DURATION,
     .help = "end when nobody comes for so long (60)",
     .set = set_time,
     .offset = offsetof(struct conformance_state, idle_ms)},
    {.name = "cert",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "speak TLS: PEM file of a certificate chain",
     .set = tool_set_string,
     .offset = offsetof(struct conformance_state, cert)},
    {.name = "key",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "PEM file of its key, without a password",
     .set = tool_set_string,
     .offset = offsetof(struct conformance_state, key)},
    {0},
};

static int conformance_command(const struct tool_command *command, int argc, char **argv)
{
    struct conformance_state state = {.port = 9001};
    struct tool_line line;
    int status = TOOL_EXIT_USAGE;
    if (!tool_options_parse(command, argc, argv, &state, &line, &status))
        return status;
    if (!state.cert != !state.key)
        return tool_usage_error(command, "--cert and --key go together");
    if (state.judges_socks5 && state.judges_connect)
        return tool_usage_error(command, "--socks5 and --connect are two runs");
    const struct leat_testing_tls tls = {.cert_path = state.cert, .key_path = state.key};
    struct leat_testing_conformance_options options = {
        .size = sizeof(options),
        .subject = state.judges_socks5    ? LEAT_TESTING_SUBJECT_SOCKS5_CLIENT
                   : state.judges_connect ? LEAT_TESTING_SUBJECT_CONNECT_CLIENT
                                          : LEAT_TESTING_SUBJECT_WEBSOCKET_CLIENT,
        .address = state.host,
        .port = state.conformance.lists ? 0 : (uint16_t)state.port,
        .idle_ms = state.idle_ms,
        .patience_ms = state.patience_ms,
        .tls = state.cert ? &tls : NULL,
    };
    state.conformance.command = state.command;
    return tool_conformance_run(command, &state.conformance, &options);
}

static const struct tool_section sections[] = {
    {"options", conformance_options, 0},
    {0},
};

static const struct tool_example examples[] = {
    {"leat serve conformance", "for a client that loops as it does for Autobahn's server"},
    {"leat serve conformance --run 'node client.js \"$LEAT_URL\"'", "for one that connects once"},
    {"leat serve conformance --socks5 --run 'curl -s -x \"$LEAT_URL\" http://leat.test/'",
     "a client of proxies"},
    {0},
};

const struct tool_command tool_serve_conformance = {
    .path = "serve conformance",
    .summary = "judge a client by a few hundred cases",
    .detail =
        "Prints where to connect to, then judges a WebSocket client that returns every message, by "
        "RFC 6455 and RFC 7692: each connection is the next case. Clients that are made for "
        "Autobahn's fuzzing server run as they are: /getCaseCount, /runCase?case=N&agent=NAME, "
        "/updateReports?agent=NAME, /getCaseStatus and /getCaseInfo are understood. It ends with a "
        "table when all cases were run, the client has asked for /updateReports, or nobody comes "
        "any more; the exit status is 1 if a case has failed, or nobody came. The list: "
        "docs/CONFORMANCE.md.\n\n--socks5 and --connect judge clients of proxies.",
    .sections = sections,
    .examples = examples,
    .run = conformance_command,
};
