/* SPDX-License-Identifier: Apache-2.0 */
/* The options of leat serve about the link to the client, and about where a relay carries to. */
#include "options.h"
#include "serve.h"
#include "terminal.h"

#include <stdlib.h>
#include <string.h>

static bool set_link(struct tool_setting *setting)
{
    struct tool_serve_state *serve = setting->target;
    struct leat_testing_condition *parsed = NULL;
    struct leat_testing_problem problem = {.text = "out of memory"};
    size_t count = 0;
    if (leat_testing_conditions_parse(setting->value, &parsed, &count, &problem) != LEAT_OK)
        return tool_refuse(setting, "character %zu of '%s': %s", problem.position + 1,
                           tool_excerpt(setting->value, 40).text, problem.text);
    if (count == 0)
        return true;
    struct leat_testing_condition *grown =
        realloc(serve->conditions, (serve->condition_count + count) * sizeof(*grown));
    if (grown) {
        memcpy(grown + serve->condition_count, parsed, count * sizeof(*grown));
        serve->conditions = grown;
        serve->condition_count += count;
    }
    leat_testing_conditions_free(parsed);
    return grown || tool_refuse(setting, "out of memory");
}

const struct tool_option tool_serve_link_options[] = {
    {.name = "link",
     .letter = 'l',
     .is_usual = true,
     .argument = "CONDITIONS",
     .help = "what the network does; may be repeated",
     .detail =
         "latency=80 makes each round trip 80 ms longer; latency=80 20 normal between 60 and 100; "
         "bandwidth=BYTES [BURST], slice=BYTES [VARIATION [GAP_US]], limit=BYTES, slow-close=MS, "
         "timeout=MS, reset=MS, loss=PERCENT%, duplicate=PERCENT%. up: or both: in front is "
         "another direction than to the client, @10% behind a share of the connections; ; stands "
         "between two. The whole language: leat/testing_conditions.h.",
     .set = set_link},
    {.name = "seed",
     .argument = "N",
     .value = TOOL_VALUE_NUMBER,
     .help = "another run of chance (0)",
     .detail = "The same number gives the same shares, jitter and losses again.",
     .set = tool_set_u32,
     .offset = offsetof(struct tool_serve_state, seed)},
    {0},
};

const struct tool_option tool_serve_to_host_options[] = {
    {.name = "to",
     .is_usual = true,
     .argument = "HOST:PORT",
     .help = "where it carries to",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, to)},
    {0},
};

const struct tool_option tool_serve_to_options[] = {
    {.name = "to",
     .is_usual = true,
     .argument = "HOST:PORT",
     .help = "where it carries to",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, to)},
    {.name = "to-tls",
     .is_usual = true,
     .help = "speak TLS to it",
     .set = tool_set_flag,
     .offset = offsetof(struct tool_serve_state, has_to_tls)},
    {.name = "to-ca",
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "PEM file of whom to trust there",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, to_ca)},
    {.name = "to-name",
     .argument = "NAME",
     .help = "the name in its certificate, if not HOST",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, to_name)},
    {.name = "to-insecure",
     .help = "take any certificate of it",
     .set = tool_set_flag,
     .offset = offsetof(struct tool_serve_state, to_insecure)},
    {0},
};

/* As the library reads them: what is wrong is told when the server starts. */
static bool add_record(struct tool_setting *setting)
{
    struct tool_serve_state *serve = setting->target;
    size_t had = serve->records ? strlen(serve->records) : 0, len = strlen(setting->value);
    char *grown = realloc(serve->records, had + len + 2);
    if (!grown)
        return tool_refuse(setting, "out of memory");
    memcpy(grown + had, setting->value, len);
    memcpy(grown + had + len, ";", 2);
    serve->records = grown;
    return true;
}

const struct tool_option tool_serve_record_options[] = {
    {.name = "record",
     .letter = 'r',
     .is_usual = true,
     .argument = "RECORD",
     .help = "what it answers; may be repeated",
     .detail =
         "\"NAME TYPE VALUE [ttl SECONDS] [delay MS]\": 'a.test A 192.0.2.1', '* AAAA ::1 delay "
         "3000', 'b.test TXT \"hello\"'. TYPE is A, AAAA, CNAME, TXT, PTR, NS or *; in place of a "
         "value stands nxdomain, servfail, refused, empty, silence, truncate or junk. What has no "
         "record is NXDOMAIN.",
     .set = add_record},
    {0},
};

const struct tool_option tool_serve_recording_options[] = {
    {.name = "record",
     .is_usual = true,
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "write what is said, for leat serve replay",
     .detail =
         "One JSON object on each line, with times, directions and bytes, as they are inside of "
         "TLS that ends here. Mode 0600: passwords are among the bytes. leat/testing_recording.h "
         "describes the file, which may be edited.",
     .set = tool_set_string,
     .offset = offsetof(struct tool_serve_state, record)},
    {0},
};

const struct tool_option tool_serve_replay_options[] = {
    {.name = "match",
     .is_usual = true,
     .argument = "HOW",
     .value = TOOL_VALUE_WORD,
     .words = "messages|exact|any",
     .help = "what the client must say again (messages)",
     .detail =
         "messages: the same heads of HTTP but for keys, dates, User-Agent and the port in Host; "
         "the same WebSocket frames whatever their masks; the same bytes else. exact: the same "
         "bytes. any: as many messages, whatever is in them.",
     .set = tool_set_word,
     .offset = offsetof(struct tool_serve_state, match)},
    {.name = "keep-times",
     .is_usual = true,
     .help = "answer as late as then, not at once",
     .set = tool_set_flag,
     .offset = offsetof(struct tool_serve_state, keeps_times)},
    {0},
};

const struct tool_option tool_serve_auth_options[] = {
    {.name = "auth",
     .argument = "SCHEME",
     .value = TOOL_VALUE_WORD,
     .words = "basic|digest|digest-md5|negotiate|ntlm|bearer",
     .help = "how it asks for --user (basic)",
     .detail = "The tokens of negotiate and ntlm are not looked into; that of bearer is --user.",
     .set = tool_set_word,
     .offset = offsetof(struct tool_serve_state, auth)},
    {0},
};
