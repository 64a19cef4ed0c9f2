/* SPDX-License-Identifier: Apache-2.0 */
/* leat ws: its options, and what they have to do with each other. */
#include "ws.h"

#include "exit_status.h"
#include "options.h"
#include "signals.h"
#include "terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LINGER_MS  1000u
#define DEFAULT_PING_MS    10000u
#define CLOSE_REASON_BYTES 123u

/* ---- setters ---------------------------------------------------------------------------- */

static bool source_add(struct tool_setting *setting, bool is_file)
{
    struct ws_source **end = &((struct ws_options *)setting->target)->sources;
    struct ws_source *source = calloc(1, sizeof(*source));
    if (!source)
        return tool_refuse(setting, "out of memory");
    source->is_file = is_file;
    source->value = setting->value;
    while (*end)
        end = &(*end)->next;
    *end = source;
    return true;
}

static bool set_message(struct tool_setting *setting)
{
    return source_add(setting, false);
}

static bool set_file(struct tool_setting *setting)
{
    return source_add(setting, true);
}

static bool set_linger(struct tool_setting *setting)
{
    struct ws_options *options = setting->target;
    options->linger_is_set = true;
    setting->target = &options->linger_ms;
    return tool_set_duration_ms(setting);
}

static bool set_ping(struct tool_setting *setting)
{
    struct ws_options *options = setting->target;
    options->pings = true;
    options->ping_ms = DEFAULT_PING_MS;
    setting->target = &options->ping_ms;
    if (setting->value && !tool_set_duration_ms(setting))
        return false;
    return options->ping_ms > 0 || tool_refuse(setting, "the time between two pings cannot be 0");
}

static bool set_reconnect(struct tool_setting *setting)
{
    struct ws_options *options = setting->target;
    options->reconnects = true;
    setting->target = &options->reconnect_max;
    return !setting->value || tool_set_u32(setting);
}

static bool set_trace(struct tool_setting *setting)
{
    struct ws_options *options = setting->target;
    options->trace = true;
    if (setting->value && strcmp(setting->value, "payload") != 0)
        return tool_refuse_word(setting);
    options->traces_payload = setting->value != NULL;
    return true;
}

static bool set_max_message(struct tool_setting *setting)
{
    struct ws *s = setting->target;
    uint32_t bytes;
    setting->target = &bytes;
    if (!tool_set_u32(setting))
        return false;
    return leat_config_set_max_message_bytes(s->connection.config, bytes) == LEAT_OK ||
           tool_refuse(setting, "at least 1 byte");
}

static bool set_close(struct tool_setting *setting)
{
    struct ws_options *options = setting->target;
    char digits[8];
    const char *colon = strchrnul(setting->value, ':');
    const struct tool_option number = {.max = 4999};
    uint32_t code;
    snprintf(digits, sizeof(digits), "%.*s", (int)(colon - setting->value), setting->value);
    struct tool_setting code_setting = {.option = &number, .target = &code, .value = digits};
    if (!tool_set_u32(&code_setting))
        return tool_refuse(setting, "%s", code_setting.why);
    bool is_registered = code >= 1000 && code <= 1014 && code != 1002 && code != 1004 &&
                         code != 1005 && code != 1006;
    if (code < 3000 && !is_registered)
        return tool_refuse(setting, "a program may not send the code %u", code);
    options->close_code = (uint16_t)code;
    options->close_reason = *colon ? colon + 1 : NULL;
    return strlen(colon) <= CLOSE_REASON_BYTES + 1 ||
           tool_refuse(setting, "the reason is longer than %u bytes", CLOSE_REASON_BYTES);
}

/* ---- the table -------------------------------------------------------------------------- */

#define FLAG(member) .set = tool_set_flag, .offset = offsetof(struct ws_options, member)

static const struct tool_option message_options[] = {
    {.name = "message",
     .aliases = "execute",
     .letter = 'm',
     .is_usual = true,
     .argument = "TEXT",
     .help = "send TEXT instead of the lines of standard input",
     .detail = "May be given several times, also between --file.",
     .set = set_message},
    {.name = "file",
     .letter = 'f',
     .is_usual = true,
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "send FILE as one message; - is standard input",
     .detail = "At most 16 MiB, without --stream.",
     .set = set_file},
    {.name = "stream",
     .is_usual = true,
     .help = "send all of the input as one message in parts",
     .detail = "Of any length, as it comes. Messages that come are printed part by part, too.",
     FLAG(stream)},
    {.name = "text", .letter = 't', .help = "send text messages (default)", FLAG(text)},
    {.name = "binary",
     .letter = 'b',
     .is_usual = true,
     .help = "send binary messages; print bytes as they come",
     .detail = "Nothing is put between the messages that are printed, unless --null is given.",
     FLAG(binary)},
    {.name = "hex",
     .letter = 'X',
     .is_usual = true,
     .help = "binary messages, read and printed as hexadecimal",
     .detail = "What one prints another one sends. Spaces and colons between bytes are skipped. A "
               "--file is sent as it is.",
     FLAG(hex)},
    {.name = "null",
     .letter = '0',
     .help = "messages end with a NUL byte, not with a line",
     .detail = "In both directions: messages may have several lines then.",
     FLAG(null)},
    {.name = "receive-only",
     .letter = 'r',
     .help = "send nothing and read no input",
     .detail = "Ends with the connection, --count or a signal.",
     FLAG(receive_only)},
    {.name = "count",
     .letter = 'n',
     .is_usual = true,
     .argument = "N",
     .value = TOOL_VALUE_NUMBER,
     .help = "end after N messages have come",
     .detail = "Fewer are a failure. Without --linger they are waited for without limit.",
     .set = tool_set_u32,
     .offset = offsetof(struct ws_options, count)},
    {.name = "linger",
     .aliases = "wait",
     .letter = 'l',
     .is_usual = true,
     .argument = "TIME",
     .value = TOOL_VALUE_DURATION,
     .help = "wait for answers after the end of input (1)",
     .detail = "Counted from the end of the input, and anew from each answer until as many "
               "messages have come "
               "as were sent; in seconds unless a unit follows: 5, 0.5, 500ms, 2m.",
     .set = set_linger},
    {0},
};

static const struct tool_option output_options[] = {
    {.name = "json",
     .letter = 'j',
     .is_usual = true,
     .help = "print events, one JSON object a line, with times",
     .detail =
         "The member \"event\" is open, message, sent, pong, phase, frame, reconnect or closed; "
         "phase and frame with --trace only. Binary messages are hexadecimal.",
     FLAG(json)},
    {.name = "trace",
     .is_usual = true,
     .argument_is_optional = true,
     .argument = "payload",
     .value = TOOL_VALUE_WORD,
     .words = "payload",
     .help = "print each phase and each frame to standard error",
     .detail =
         "> is sent, < is received; with payload also what messages hold, cut after 64 bytes, "
         "in hexadecimal if they are binary. With --json among the other events.",
     .set = set_trace},
    {.name = "quiet", .letter = 'q', .help = "print messages and failures only", FLAG(quiet)},
    {.name = "verbose",
     .letter = 'v',
     .help = "print what happens, also without a terminal",
     FLAG(verbose)},
    {.name = "no-history", .help = "keep no history of typed lines", FLAG(no_history)},
    {0},
};

static const struct tool_option session_options[] = {
    {.name = "ping",
     .is_usual = true,
     .argument_is_optional = true,
     .argument = "TIME",
     .value = TOOL_VALUE_DURATION,
     .help = "send pings (every 10 s) and show their time",
     .detail = "On standard error, unless --quiet is given; with --json among the other events.",
     .set = set_ping},
    {.name = "reconnect",
     .is_usual = true,
     .argument_is_optional = true,
     .argument = "N",
     .value = TOOL_VALUE_NUMBER,
     .help = "connect again when lost, N times at most",
     .detail =
         "After a growing time with a random part, and only where another attempt may help: not "
         "after a wrong certificate, for example.",
     .set = set_reconnect},
    {.name = "keep",
     .help = "send again what a lost connection has not sent",
     .detail = "Needs --reconnect. What was on its way is not known to have arrived, and what was "
               "sent in part goes twice.",
     FLAG(keep)},
    {.name = "close",
     .argument = "CODE[:REASON]",
     .help = "what to close with (1000)",
     .set = set_close},
    {0},
};

static const struct tool_option limit_options[] = {
    {.name = "max-message",
     .argument = "BYTES",
     .value = TOOL_VALUE_NUMBER,
     .help = "the longest message to accept (16777216)",
     .detail = "No limit with --stream.",
     .set = set_max_message},
    {0},
};

static const struct tool_section ws_sections[] = {
    {"messages", message_options, offsetof(struct ws, options)},
    {"output", output_options, offsetof(struct ws, options)},
    {"session", session_options, offsetof(struct ws, options)},
    TOOL_CONNECTION_SECTIONS(offsetof(struct ws, connection)),
    {"limits", limit_options, 0},
    {0},
};

static const struct tool_example ws_examples[] = {
    {"leat ws wss://echo.example", "talk to a server: type lines, see what it says"},
    {"leat ws wss://echo.example -m hello -n 1", "one message, one answer"},
    {"leat ws wss://feed.example --reconnect --json -r | jq -r .text", "follow a feed"},
    {"leat ws wss://host --stream -b -f disk.img", "a large file as one binary message"},
    {"leat ws wss://host -H \"Authorization: Bearer $TOKEN\" --proxy socks5h://127.0.0.1:9050",
     "with a token, through a proxy that resolves the name"},
    {0},
};

/* ---- the command ------------------------------------------------------------------------ */

static int options_check(struct ws *s)
{
    const struct ws_options *o = &s->options;
    const struct tool_command *command = s->command;
    if (o->text + o->binary + o->hex > 1)
        return tool_usage_error(command, "--text, --binary and --hex exclude each other");
    if (o->stream && o->json)
        return tool_usage_error(command, "--json prints whole messages, --stream parts of them");
    if (o->stream && o->hex)
        return tool_usage_error(command, "--stream sends bytes as they are, so not with --hex");
    if (o->stream && o->reconnects)
        return tool_usage_error(command,
                                "half of a --stream cannot go on in another connection, so not "
                                "with --reconnect");
    if (o->keep && !o->reconnects)
        return tool_usage_error(command, "--keep needs --reconnect");
    if (o->keep && s->connection.compresses)
        return tool_usage_error(command, "--keep cannot tell what has left of compressed messages, "
                                         "so not with --compress");
    if (o->receive_only && (o->sources || o->stream))
        return tool_usage_error(command, "--receive-only sends nothing, so not with %s",
                                o->stream ? "--stream" : "--message or --file");
    if (o->quiet && o->verbose)
        return tool_usage_error(command, "--quiet and --verbose exclude each other");
    return TOOL_EXIT_OK;
}

/* What the options mean for this terminal, or pipe. */
static int session_prepare(struct ws *s, const char *url)
{
    struct ws_options *o = &s->options;
    int status = options_check(s);
    if (status != TOOL_EXIT_OK)
        return status;
    struct leat_error error;
    if (leat_websocket_check_url(url, &error) != LEAT_OK)
        return tool_usage_error(s->command, "%s", error.text);
    if (o->stream && !o->sources) {
        struct tool_setting input = {.target = o, .value = "-"};
        if (!source_add(&input, true))
            return TOOL_EXIT_FAILED;
    }
    s->url = url;
    s->input.ended = o->receive_only;
    s->prints_on_terminal = tool_is_terminal(stdout);
    s->is_interactive = tool_is_terminal(stdin) && s->prints_on_terminal &&
                        tool_terminal_has_cursor() && !o->sources && !o->receive_only;
    s->says_status = o->verbose || (tool_is_terminal(stderr) && !o->quiet && !o->json);
    s->says_asked = s->says_status || (!o->quiet && !o->json);
    return ws_input_open(s);
}

static int ws_command(const struct tool_command *command, int argc, char **argv)
{
    struct ws s = {
        .command = command,
        .options = {.linger_ms = DEFAULT_LINGER_MS, .close_code = 1000},
    };
    struct tool_line line;
    int status = TOOL_EXIT_FAILED;
    if (!tool_connection_init(&s.connection))
        return status;
    if (tool_options_parse(command, argc, argv, &s, &line, &status)) {
        status = tool_connection_finish(&s.connection, command)
                     ? session_prepare(&s, line.arguments[0])
                     : TOOL_EXIT_USAGE;
        if (status == TOOL_EXIT_OK)
            status = ws_run(&s);
    }
    ws_done(&s);
    /* As every filter does whose reader has gone, or which is interrupted before it has begun. */
    if (s.pipe_is_broken)
        tool_signals_die(SIGPIPE);
    if (s.end_signal && !s.was_open)
        tool_signals_die(s.end_signal);
    return status;
}

const struct tool_command tool_ws = {
    .path = "ws",
    .argument = "URL",
    .value = TOOL_VALUE_URL,
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "send lines as messages, print messages as lines",
    .detail =
        "In a terminal, lines can be edited and earlier ones be brought back; Ctrl-D ends the "
        "input, Ctrl-C closes the connection, a second Ctrl-C ends at once. A line that begins "
        "with a space is not kept in the history.\n\n"
        "In a pipe, each line of standard input is sent as a text message, and each message "
        "that comes is printed, followed by a new line. At the end of the input answers are "
        "waited for, see --linger.",
    .sections = ws_sections,
    .examples = ws_examples,
    .run = ws_command,
};
