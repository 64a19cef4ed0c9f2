/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of WebSocket servers. */
#include "testing/conformance/ws_play.h"
#include "testing/conformance/ws_upgrade.h"

#include "util/alloc.h"
#include "util/readable.h"

#include <stdio.h>
#include <string.h>

#define HEAD_BYTES 16384

/* ---- what is agreed to ---------------------------------------------------------------------- */

/* Whether a case can be played with what the server has agreed to. */
static bool agreement_fits(const char *head, const struct leati_ws_terms *terms,
                           struct leati_finding *finding)
{
    char extensions[512], problem[160];
    (void)leati_head_field(head, "Sec-WebSocket-Extensions", extensions, sizeof(extensions));
    if (!terms && extensions[0] == '\0')
        return true;
    if (!terms)
        return leati_find(finding, FAIL, "it agrees to '%s', which nobody offered", extensions);
    if (extensions[0] == '\0')
        return leati_find(finding, NOT_RUN, "it does not agree to '%s'", terms->offer);
    if (!leati_ws_agreement_check(terms->offer, extensions, problem, sizeof(problem)))
        return leati_find(finding, FAIL, "%s: '%s'", problem, extensions);
    if (strstr(extensions, "client_no_context_takeover") && !terms->no_context_takeover)
        return leati_find(finding, NOT_RUN,
                          "it wants client_no_context_takeover, which this case does not keep");
    return true;
}

static void case_play(struct leat_testing_conformance *judge, const struct leati_trial *trial,
                      struct leati_judge_guest *guest, struct leati_finding *ret_finding)
{
    const struct leati_ws_case *now = trial->data;
    const struct leati_ws_rules rules = {.masks = true};
    struct leati_bytes request = {0};
    struct leati_wire wire;
    char head[HEAD_BYTES], line[256] = "";
    (void)guest;
    if (now->terms)
        snprintf(line, sizeof(line), "Sec-WebSocket-Extensions: %s\r\n", now->terms->offer);
    leati_ws_request_write(judge, line, &request);
    if (leati_ws_request(judge, &request, 0, &wire, head, sizeof(head), ret_finding)) {
        if (leati_ws_head_is_right(head, LEATI_WS_KEY, ret_finding) &&
            agreement_fits(head, now->terms, ret_finding))
            leati_ws_play(&wire, now, &rules, ret_finding);
        leati_wire_close(&wire);
    }
    leati_bytes_done(&request);
}

/* ---- a connection that stays beside the cases ----------------------------------------------- */

struct beside {
    struct leati_wire wire;
    bool is_open;
    unsigned said;
};

static bool beside_open(struct leat_testing_conformance *judge, struct beside *beside)
{
    struct leati_bytes request = {0};
    struct leati_finding finding = {.seen = ""};
    char head[HEAD_BYTES];
    leati_ws_request_write(judge, "", &request);
    bool has_answered =
        leati_ws_request(judge, &request, 0, &beside->wire, head, sizeof(head), &finding);
    beside->is_open = has_answered && leati_ws_head_is_right(head, LEATI_WS_KEY, &finding);
    if (has_answered && !beside->is_open)
        leati_wire_close(&beside->wire);
    leati_bytes_done(&request);
    return beside->is_open;
}

static void *beside_begin(struct leat_testing_conformance *judge)
{
    struct beside *beside = leati_calloc(1, sizeof(*beside));
    if (beside && !beside_open(judge, beside)) {
        leati_free(beside);
        return NULL; /* the cases say what is wrong */
    }
    return beside;
}

static bool beside_check(struct leat_testing_conformance *judge, void *worker,
                         struct leati_finding *finding)
{
    struct beside *beside = worker;
    char text[64];
    if (!beside->is_open && !beside_open(judge, beside))
        return false;
    leati_wire_limit(&beside->wire);
    snprintf(text, sizeof(text), "still here, %u", beside->said++);
    if (leati_ws_echo(&beside->wire, text, true) || beside->wire.end == LEATI_WIRE_STOPPED)
        return true;
    const char *what = leati_wire_describe(&beside->wire);
    const struct leati_excerpt seen = leati_excerpt(finding->seen, 120);
    leati_find(finding, FAIL, "another connection, which was open, was harmed: %s; %s", what,
               seen.text);
    leati_wire_close(&beside->wire);
    beside->is_open = false;
    return false;
}

static void beside_end(void *worker)
{
    struct beside *beside = worker;
    if (beside->is_open)
        leati_wire_close(&beside->wire);
    leati_free(beside);
}

/* ---- all cases ------------------------------------------------------------------------------ */

static void collect(struct leat_testing_conformance *judge)
{
    char expected[160];
    leati_ws_server_heads(judge);
    judge->ws_cases = leati_ws_cases_new(true);
    for (size_t i = 0; i < judge->ws_cases.count; ++i) {
        const struct leati_ws_case *now = &judge->ws_cases.items[i];
        leati_ws_case_describe(now, expected, sizeof(expected));
        leati_judge_add(judge, now->id, now->section, now->title, expected, case_play, now);
    }
}

const struct leati_subject leati_subject_ws_server = {
    .subject = LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER,
    .schemes = "ws wss",
    .tls_scheme = "wss",
    .collect = collect,
    .worker_begin = beside_begin,
    .worker_check = beside_check,
    .worker_end = beside_end,
};
