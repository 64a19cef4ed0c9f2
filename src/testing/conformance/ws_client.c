/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of WebSocket clients. They come as to Autobahn's fuzzing server: /getCaseCount, /runCase?case=N&agent=NAME,
 * /getCaseInfo, /getCaseStatus, /updateReports; any other path is the next case. */
#include "testing/conformance/ws_client.h"

#include "testing/peer.h"
#include "util/alloc.h"
#include "util/fork.h"
#include "util/readable.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

/* ---- talking -------------------------------------------------------------------------------- */

bool leati_ws_client_accept(struct leati_judge_guest *guest, const char *lines)
{
    struct leati_bytes answer = {0};
    char key[256], accept[29];
    (void)leati_head_field(guest->head, "Sec-WebSocket-Key", key, sizeof(key));
    leati_peer_websocket_accept(key, strlen(key), accept);
    leati_bytes_text(&answer,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
                     accept, lines);
    bool sent = !answer.failed && leati_wire_give(&guest->wire, &answer, 0);
    return sent;
}

/* A text, or none, then the end in good order. */
void leati_ws_client_dismiss(struct leati_judge_guest *guest, const char *text)
{
    struct leati_bytes frames = {0};
    if (text)
        leati_ws_frame_append(
            &frames, LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .payload = text, .len = strlen(text)));
    leati_ws_frame_append(
        &frames, LEATI_WS_FRAME(.opcode = LEATI_WS_CLOSE, .payload = "\x03\xe8", .len = 2));
    (void)leati_wire_give(&guest->wire, &frames, 0);
    (void)leati_wire_need(&guest->wire, guest->wire.in.len + 6); /* its Close */
    leati_wire_shut(&guest->wire);
    (void)leati_wire_wait_end(&guest->wire, guest->wire.patience_ms);
}

static void refuse(struct leati_judge_guest *guest, const char *status)
{
    struct leati_bytes answer = {0};
    leati_bytes_text(&answer, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                     status);
    (void)leati_wire_give(&guest->wire, &answer, 0);
    leati_wire_shut(&guest->wire);
    (void)leati_wire_wait_end(&guest->wire, guest->wire.patience_ms);
}

/* ---- cases behind the upgrade --------------------------------------------------------------- */

static void case_play(struct leat_testing_conformance *judge, const struct leati_trial *trial,
                      struct leati_judge_guest *guest, struct leati_finding *ret_finding)
{
    const struct leati_ws_case *now = trial->data;
    const struct leati_ws_rules rules = {.masks = false};
    (void)judge;
    char offer[1024], problem[160], line[256] = "";
    (void)leati_head_field(guest->head, "Sec-WebSocket-Extensions", offer, sizeof(offer));
    bool fits = !now->terms ||
                (leati_head_lists(offer, "permessage-deflate") &&
                 leati_ws_agreement_check(offer, now->terms->answer, problem, sizeof(problem)));
    if (fits && now->terms)
        snprintf(line, sizeof(line), "Sec-WebSocket-Extensions: %s\r\n", now->terms->answer);
    if (!leati_ws_client_accept(guest, line)) {
        leati_find(ret_finding, FAIL, "it does not wait for the answer: %s",
                   leati_wire_describe(&guest->wire));
    } else if (!fits) {
        leati_ws_client_dismiss(guest, NULL);
        leati_find(ret_finding, NOT_RUN, "it does not offer '%s'", now->terms->answer);
    } else {
        leati_ws_play(&guest->wire, now, &rules, ret_finding);
    }
}

/* ---- what a client wants -------------------------------------------------------------------- */

struct wish {
    char path[64];
    char agent[80];
    char tuple[256]; /* the id of a case */
    uint64_t number; /* of a case, from 1; 0 = none */
};

static void parameter_read(struct wish *wish, const char *text, size_t len)
{
    char value[256];
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len, value_len = 0;
    if (!equals || len - name_len > sizeof(value) ||
        !leati_text_percent_decode(equals + 1, len - name_len - 1, value, &value_len))
        return;
    if (name_len == 5 && memcmp(text, "agent", 5) == 0)
        leati_readable_format(wish->agent, sizeof(wish->agent), "%s", value);
    else if (name_len == 9 && memcmp(text, "casetuple", 9) == 0)
        snprintf(wish->tuple, sizeof(wish->tuple), "%s", value);
    else if (name_len == 4 && memcmp(text, "case", 4) == 0)
        (void)leati_text_parse_u64(value, value_len, UINT32_MAX, &wish->number);
}

static void wish_read(const char *head, struct wish *ret_wish)
{
    *ret_wish = (struct wish){.number = 0};
    const char *target = strchr(head, ' ');
    if (!target)
        return;
    ++target;
    size_t len = strcspn(target, " \r\n"), path_len = strcspn(target, " \r\n?");
    snprintf(ret_wish->path, sizeof(ret_wish->path), "%.*s", (int)path_len, target);
    for (size_t at = path_len + 1; at < len;) {
        size_t part = strcspn(target + at, "& \r\n");
        parameter_read(ret_wish, target + at, part);
        at += part + 1;
    }
}

static struct leati_trial *trial_of(struct leat_testing_conformance *judge, const struct wish *wish)
{
    if (wish->tuple[0]) {
        for (size_t i = 0; i < judge->trial_count; ++i)
            if (strcmp(judge->trials[i].id, wish->tuple) == 0)
                return &judge->trials[i];
        return NULL;
    }
    return wish->number > 0 && wish->number <= judge->trial_count ? &judge->trials[wish->number - 1]
                                                                  : NULL;
}

/* Autobahn's words. */
static void status_tell(struct leat_testing_conformance *judge, struct leati_judge_guest *guest,
                        const struct leati_trial *trial)
{
    static const char *const words[] = {"UNIMPLEMENTED", "OK", "INFORMATIONAL", "NON-STRICT",
                                        "FAILED"};
    char text[80];
    leati_lock(&judge->lock);
    snprintf(text, sizeof(text), "{\"behavior\": \"%s\"}", words[trial->finding.verdict]);
    leati_unlock(&judge->lock);
    leati_ws_client_dismiss(guest, text);
}

static void info_tell(struct leati_judge_guest *guest, const struct leati_trial *trial)
{
    char text[512];
    size_t at =
        (size_t)snprintf(text, sizeof(text), "{\"id\": \"%s\", \"description\": \"", trial->id);
    for (const char *c = trial->title; *c && at + 8 < sizeof(text); ++c) {
        if (*c == '"' || *c == '\\')
            text[at++] = '\\';
        text[at++] = (unsigned char)*c < ' ' ? '?' : *c;
    }
    snprintf(text + at, sizeof(text) - at, "\"}");
    leati_ws_client_dismiss(guest, text);
}

/* Notes who it is, and whether its key was used before. */
static void guest_note(struct leat_testing_conformance *judge,
                       const struct leati_judge_guest *guest, const struct wish *wish)
{
    char key[256];
    if (leati_head_field(guest->head, "Sec-WebSocket-Key", key, sizeof(key)) != 1 ||
        strlen(key) != 24)
        key[0] = '\0';
    leati_lock(&judge->lock);
    if (wish->agent[0])
        memcpy(judge->agent, wish->agent, sizeof(judge->agent));
    judge->says_when_done = judge->says_when_done || wish->path[1] == 'g' || wish->path[1] == 'r';
    if (!judge->keys)
        judge->keys = leati_calloc(LEATI_JUDGE_KEYS_MAX, sizeof(*judge->keys));
    for (size_t i = 0; key[0] && judge->keys && i < judge->key_count; ++i)
        judge->has_reused_key = judge->has_reused_key || strcmp(judge->keys[i], key) == 0;
    if (key[0] && judge->keys && judge->key_count < LEATI_JUDGE_KEYS_MAX)
        memcpy(judge->keys[judge->key_count++], key, sizeof(*judge->keys));
    leati_unlock(&judge->lock);
}

static void question_answer(struct leat_testing_conformance *judge, struct leati_judge_guest *guest,
                            const struct wish *wish)
{
    char text[24];
    const struct leati_trial *trial = trial_of(judge, wish);
    bool is_count = strcmp(wish->path, "/getCaseCount") == 0;
    bool is_end = strcmp(wish->path, "/updateReports") == 0;
    if (!is_count && !is_end && !trial) {
        refuse(guest, "404 Not Found");
        return;
    }
    if (!leati_ws_client_accept(guest, ""))
        return;
    snprintf(text, sizeof(text), "%zu", judge->trial_count);
    if (is_count)
        leati_ws_client_dismiss(guest, text);
    else if (is_end)
        leati_ws_client_dismiss(guest, NULL);
    else if (strcmp(wish->path, "/getCaseStatus") == 0)
        status_tell(judge, guest, trial);
    else
        info_tell(guest, trial);
    if (is_end)
        leati_judge_finish(judge);
}

static bool is_question(const char *path)
{
    static const char *const questions[] = {"/getCaseCount", "/getCaseInfo", "/getCaseStatus",
                                            "/updateReports"};
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); ++i)
        if (strcmp(path, questions[i]) == 0)
            return true;
    return false;
}

static void receive(struct leat_testing_conformance *judge, struct leati_judge_guest *guest)
{
    struct wish wish;
    if (!leati_judge_take_head(guest))
        return;
    wish_read(guest->head, &wish);
    if (strcmp(wish.path, LEATI_WS_REDIRECTED) == 0) {
        if (leati_ws_client_accept(guest, ""))
            leati_ws_client_dismiss(guest, NULL);
        return;
    }
    guest_note(judge, guest, &wish);
    bool names_one = wish.number > 0 || wish.tuple[0] || strcmp(wish.path, "/runCase") == 0;
    if (is_question(wish.path)) {
        question_answer(judge, guest, &wish);
        return;
    }
    struct leati_trial *trial = names_one ? trial_of(judge, &wish) : leati_judge_next(judge);
    if (trial)
        leati_judge_try(judge, trial, guest);
    else
        refuse(guest, names_one ? "404 Not Found" : "410 Gone");
}

static void collect(struct leat_testing_conformance *judge)
{
    char expected[160];
    leati_ws_client_heads(judge);
    judge->ws_cases = leati_ws_cases_new(false);
    for (size_t i = 0; i < judge->ws_cases.count; ++i) {
        const struct leati_ws_case *now = &judge->ws_cases.items[i];
        leati_ws_case_describe(now, expected, sizeof(expected));
        leati_judge_add(judge, now->id, now->section, now->title, expected, case_play, now);
    }
    leati_ws_client_requests(judge);
}

const struct leati_subject leati_subject_ws_client = {
    .subject = LEAT_TESTING_SUBJECT_WEBSOCKET_CLIENT,
    .listens = true,
    .schemes = "ws",
    .tls_scheme = "wss",
    .collect = collect,
    .receive = receive,
};
