/* SPDX-License-Identifier: Apache-2.0 */
/* What the peer has said, held against what a case expects of it. */
#include "testing/conformance/ws_heard.h"

#include "util/readable.h"

#include <stdio.h>
#include <string.h>

/* A message up to which a peer has no excuse for a limit of its own. */
enum { COMMON_BYTES = 65536 };

bool leati_ws_pongs_do(const struct leati_bytes *pings, const struct leati_bytes *pongs,
                       bool is_exact)
{
    if (is_exact || pings->len == 0 || leati_bytes_equal(pings, pongs))
        return leati_bytes_equal(pings, pongs);
    size_t asked = 0, said = 0;
    bool is_last = false;
    while (asked < pings->len && said < pongs->len) {
        size_t asked_len = 1u + pings->data[asked], said_len = 1u + pongs->data[said];
        is_last = asked_len == said_len &&
                  memcmp(pings->data + asked, pongs->data + said, asked_len) == 0;
        said += is_last ? said_len : 0;
        asked += asked_len;
    }
    return is_last && asked == pings->len && said == pongs->len;
}

/* Whether what has come is the beginning of what was expected. */
static bool is_beginning(const struct leati_bytes *expected, const struct leati_bytes *seen)
{
    return seen->len <= expected->len &&
           (seen->len == 0 || memcmp(expected->data, seen->data, seen->len) == 0);
}

/* "Close 1002 (protocol error)" */
static const char *ending_write(const struct leati_ws_heard *heard, char *buf, size_t cap)
{
    if (heard->is_closed && heard->close_code == 0)
        return "a Close without a code";
    if (heard->is_closed)
        leati_readable_format(buf, cap, "Close %u%s%s%s", heard->close_code,
                              heard->reason[0] ? " (" : "", leati_excerpt(heard->reason, 90).text,
                              heard->reason[0] ? ")" : "");
    else if (heard->end == LEATI_WIRE_OPEN)
        return "no Close";
    else
        leati_readable_format(buf, cap, "%s without a Close",
                              heard->end == LEATI_WIRE_FIN     ? "TCP ended"
                              : heard->end == LEATI_WIRE_RESET ? "TCP was reset"
                                                               : "more than 32 MiB came");
    return buf;
}

static bool is_error_code(unsigned code)
{
    return (code >= 1002 && code <= 1003) || (code >= 1007 && code <= 1011);
}

static void violation_judge(const struct leati_ws_heard *heard, const struct leati_ws_case *now,
                            struct leati_finding *finding)
{
    char ending[200];
    const char *seen = ending_write(heard, ending, sizeof(ending));
    size_t missing = now->message_count - heard->message_count;
    if (now->demand == LEATI_WS_TOLERABLE && heard->is_closed && !is_error_code(heard->close_code))
        leati_find(finding, NON_STRICT, "it takes it; %s", seen);
    else if (!is_beginning(&now->messages, &heard->messages))
        leati_find(finding, FAIL, "%zu messages came back, not the %zu that were good; %s",
                   heard->message_count, now->message_count, seen);
    else if (!heard->is_closed && heard->end == LEATI_WIRE_OPEN)
        leati_find(finding, now->demand == LEATI_WS_FAIL_FAST ? NON_STRICT : FAIL,
                   now->demand == LEATI_WS_FAIL_FAST ? "it waits for the rest"
                                                     : "it goes on: no Close, and TCP stays open");
    else if (heard->is_closed && heard->close_code == now->close_code && missing == 0)
        leati_find(finding, PASS, "%s", seen);
    else if (heard->is_closed && heard->close_code == now->close_code)
        leati_find(finding, NON_STRICT, "%s, but %zu good %s lost", seen, missing,
                   missing == 1 ? "message in front was" : "messages in front were");
    else if (!heard->is_closed)
        leati_find(finding, NON_STRICT, "%s", seen);
    else if (is_error_code(heard->close_code))
        leati_find(finding, NON_STRICT, "%s instead of %u", seen, now->close_code);
    else
        leati_find(finding, FAIL, "%s, as if nothing were wrong", seen);
}

/* A peer may have a limit below the longest message. */
static bool is_limit(const struct leati_ws_heard *heard, const struct leati_ws_case *now)
{
    return heard->is_closed && heard->close_code == 1009 && now->messages.len > COMMON_BYTES;
}

static void clean_judge(const struct leati_ws_heard *heard, const struct leati_ws_case *now,
                        const struct leati_ws_rules *rules, struct leati_finding *finding)
{
    char ending[200];
    const char *seen = ending_write(heard, ending, sizeof(ending));
    bool is_whole = leati_bytes_equal(&now->messages, &heard->messages);
    bool may_lose = now->ends && is_beginning(&now->messages, &heard->messages);
    if (!is_whole && is_limit(heard, now))
        leati_find(finding, INFORMATIONAL, "its limit is lower: %s", seen);
    else if (!is_whole && !may_lose)
        leati_find(finding, FAIL,
                   is_beginning(&now->messages, &heard->messages)
                       ? "%zu of %zu messages came back; %s"
                       : "what came back is not what was sent (%zu of %zu messages); %s",
                   heard->message_count, now->message_count, seen);
    else if (!leati_ws_pongs_do(&now->pongs, &heard->pongs, rules->is_exact))
        leati_find(finding, FAIL, "%s; %s",
                   heard->pongs.len < now->pongs.len ? "Pongs are missing, the last one too"
                                                     : "its Pongs are not what the Pings had",
                   seen);
    else if (!heard->is_closed)
        leati_find(finding, FAIL, "%s", seen);
    else if (heard->close_code != now->close_code)
        leati_find(finding, NON_STRICT, "%s instead of %s%.0u", seen,
                   now->close_code ? "" : "one without a code", now->close_code);
    else if (!is_whole)
        leati_find(finding, NON_STRICT, "%s, but only %zu of %zu messages in front came back", seen,
                   heard->message_count, now->message_count);
    else
        leati_find(finding, PASS, "%s", seen);
}

static void open_judge(const struct leati_ws_heard *heard, const struct leati_ws_case *now,
                       struct leati_finding *finding)
{
    char ending[200];
    const char *seen = ending_write(heard, ending, sizeof(ending));
    bool is_expected = heard->is_closed && heard->close_code == now->close_code;
    leati_find(finding, is_expected ? PASS : INFORMATIONAL,
               heard->message_count > 0 ? "it took it; %s" : "%s",
               heard->message_count == 0 && !heard->is_closed && heard->end == LEATI_WIRE_OPEN
                   ? "it waits for the rest"
                   : seen);
}

/* How TCP has ended behind the Close. */
static void end_judge(const struct leati_ws_heard *heard, const struct leati_ws_rules *rules,
                      struct leati_finding *finding)
{
    const struct leati_excerpt seen = leati_excerpt(finding->seen, 160);
    const char *text = seen.text;
    if (!heard->is_closed || heard->end == LEATI_WIRE_STOPPED)
        return;
    if (heard->behind > 0)
        leati_find(finding, FAIL, "%zu bytes came behind its Close; %s", heard->behind, text);
    else if (heard->stays)
        leati_find(finding, FAIL, "it never ends TCP; %s", text);
    else if (heard->lingers && rules->masks && finding->verdict < NON_STRICT)
        leati_find(finding, NON_STRICT, "it leaves it to the client to end TCP (section 7.1.1); %s",
                   text);
}

void leati_ws_heard_judge(const struct leati_ws_heard *heard, const struct leati_ws_case *now,
                          const struct leati_ws_rules *rules, struct leati_finding *ret_finding)
{
    if (heard->end == LEATI_WIRE_STOPPED)
        leati_find(ret_finding, NOT_RUN, "the judge was stopped");
    else if (heard->problem[0] != '\0')
        leati_find(ret_finding, FAIL, "%s", heard->problem);
    else if (now->demand == LEATI_WS_INFORMATIONAL)
        open_judge(heard, now, ret_finding);
    else if (now->is_violation)
        violation_judge(heard, now, ret_finding);
    else
        clean_judge(heard, now, rules, ret_finding);
    if (heard->problem[0] == '\0')
        end_judge(heard, rules, ret_finding);
}
