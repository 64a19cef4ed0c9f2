/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sends by itself: its request, and the keys of its frames. */
#include "testing/conformance/ws_client.h"

#include "util/fork.h"
#include "util/text.h"

#include <string.h>

/* How long it is watched for what it must not say. */
enum { WATCH_MS = 300, MASKED_FRAMES = 4 };

static void found(struct leati_finding *finding, bool is_well, const char *what, const char *seen)
{
    leati_find(finding, is_well ? PASS : FAIL, "%s%s'%s'", what, what[0] ? ": " : "", seen);
}

static void field_check(const struct leati_judge_guest *guest, const char *name, const char *word,
                        struct leati_finding *finding)
{
    char value[512];
    unsigned count = leati_head_field(guest->head, name, value, sizeof(value));
    bool is_well = count > 0 && (!word || leati_head_lists(value, word));
    found(finding, is_well, count > 0 ? name : "there is none", value);
}

static void line_check(const struct leati_judge_guest *guest, struct leati_finding *finding)
{
    char line[128];
    size_t len = strcspn(guest->head, "\r\n");
    len = len < sizeof(line) ? len : sizeof(line) - 1;
    memcpy(line, guest->head, len);
    line[len] = '\0';
    found(finding,
          strncmp(guest->head, "GET /", 5) == 0 &&
              strncmp(guest->head + strcspn(guest->head, "\r\n") - 9, " HTTP/1.1", 9) == 0,
          "", line);
}

static void host_check(const struct leati_judge_guest *guest, struct leati_finding *finding)
{
    char value[512];
    const char *authority = strstr(guest->judge->url, "://") + 3;
    unsigned count = leati_head_field(guest->head, "Host", value, sizeof(value));
    const char *colon = strrchr(authority, ':');
    const char *port = strrchr(value, ':');
    found(finding, count == 1 && port && colon && strcmp(port, colon) == 0,
          count > 1 ? "there are several" : "", value);
}

static void key_check(const struct leati_judge_guest *guest, struct leati_finding *finding)
{
    char value[512];
    uint8_t nonce[512];
    size_t len = 0;
    unsigned count = leati_head_field(guest->head, "Sec-WebSocket-Key", value, sizeof(value));
    bool is_well = count == 1 && strlen(value) == 24 &&
                   leati_text_base64_decode(value, strlen(value), nonce, &len) && len == 16;
    found(finding, is_well, count > 1 ? "there are several" : "", value);
}

static void key_fresh_check(const struct leati_judge_guest *guest, struct leati_finding *finding)
{
    struct leat_testing_conformance *judge = guest->judge;
    leati_lock(&judge->lock);
    bool is_reused = judge->has_reused_key;
    size_t count = judge->key_count;
    leati_unlock(&judge->lock);
    if (is_reused)
        leati_find(finding, FAIL, "it has used a key twice");
    else if (count < 2)
        leati_find(finding, NOT_RUN, "this is the only connection so far");
    else
        leati_find(finding, PASS, "%zu keys, no two of them the same", count);
}

static void version_check(const struct leati_judge_guest *guest, struct leati_finding *finding)
{
    char value[512];
    unsigned count = leati_head_field(guest->head, "Sec-WebSocket-Version", value, sizeof(value));
    found(finding, count == 1 && strcmp(value, "13") == 0, count > 1 ? "there are several" : "",
          value);
}

static void upgrade_check(const struct leati_judge_guest *guest, struct leati_finding *finding)
{
    field_check(guest, "Upgrade", "websocket", finding);
}

static void connection_check(const struct leati_judge_guest *guest, struct leati_finding *finding)
{
    field_check(guest, "Connection", "Upgrade", finding);
}

static void waiting_check(struct leati_judge_guest *guest, struct leati_finding *finding)
{
    bool has_said = leati_wire_more(&guest->wire, 0, WATCH_MS);
    leati_find(finding, has_said ? FAIL : PASS,
               has_said ? "%zu bytes came behind the request" : "it waits (%zu bytes came)",
               guest->wire.in.len);
}

/* Section 5.3: each frame has a new key, which cannot be foretold. */
static void mask_keys_check(struct leati_judge_guest *guest, struct leati_finding *finding)
{
    static const char text[] = "four bytes";
    enum { TEXT = sizeof(text) - 1, FRAME = 6 + TEXT };
    struct leati_bytes frames = {0};
    struct leati_wire *wire = &guest->wire;
    for (unsigned i = 0; i < MASKED_FRAMES; ++i)
        leati_ws_frame_append(
            &frames, LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .payload = text, .len = TEXT));
    (void)leati_wire_give(wire, &frames, 0);
    if (!leati_wire_need(wire, (size_t)MASKED_FRAMES * FRAME)) {
        leati_find(finding, FAIL, "the messages do not come back: %s", leati_wire_describe(wire));
        return;
    }
    const uint8_t *at = wire->in.data;
    unsigned same = 0, zero = 0;
    for (unsigned i = 0; i < MASKED_FRAMES; ++i) {
        zero += memcmp(at + i * FRAME + 2, "\0\0\0\0", 4) == 0;
        same += i > 0 && memcmp(at + i * FRAME + 2, at + 2, 4) == 0;
    }
    if (same > 0)
        leati_find(finding, FAIL, "%u of %d frames have the %s", same + 1, MASKED_FRAMES,
                   zero > 0 ? "key 00 00 00 00" : "same key");
    else
        leati_find(finding, PASS, "each frame has a key of its own");
    leati_bytes_consume(&wire->in, (size_t)MASKED_FRAMES * FRAME);
}

struct check {
    const char *id, *section, *title, *expected;
    /* Of the head; or of what it does before, or after it was answered. */
    void (*head)(const struct leati_judge_guest *guest, struct leati_finding *finding);
    void (*before)(struct leati_judge_guest *guest, struct leati_finding *finding);
    void (*after)(struct leati_judge_guest *guest, struct leati_finding *finding);
};

#define REQUEST "RFC 6455 section 4.1, the request"

static const struct check checks[] = {
    {"request.line", REQUEST, "the request line", "GET /... HTTP/1.1", line_check, NULL, NULL},
    {"request.host", REQUEST, "Host", "one, with the port", host_check, NULL, NULL},
    {"request.upgrade", REQUEST, "Upgrade", "websocket", upgrade_check, NULL, NULL},
    {"request.connection", REQUEST, "Connection", "a list with Upgrade", connection_check, NULL,
     NULL},
    {"request.key", REQUEST, "Sec-WebSocket-Key", "one, of 16 bytes in base64", key_check, NULL,
     NULL},
    {"request.version", REQUEST, "Sec-WebSocket-Version", "one: 13", version_check, NULL, NULL},
    {"request.waits", REQUEST, "whether it waits for the answer", "nothing comes before", NULL,
     waiting_check, NULL},
    {"mask.keys", "RFC 6455 section 5.3", "the keys of four frames", "each has its own", NULL, NULL,
     mask_keys_check},
    {"request.key-fresh", REQUEST, "the keys of all connections", "no two are the same",
     key_fresh_check, NULL, NULL},
};

static void check_play(struct leat_testing_conformance *judge, const struct leati_trial *trial,
                       struct leati_judge_guest *guest, struct leati_finding *ret_finding)
{
    const struct check *now = trial->data;
    (void)judge;
    if (now->head)
        now->head(guest, ret_finding);
    if (now->before)
        now->before(guest, ret_finding);
    if (!leati_ws_client_accept(guest, ""))
        return;
    if (now->after)
        now->after(guest, ret_finding);
    leati_ws_client_dismiss(guest, NULL);
}

void leati_ws_client_requests(struct leat_testing_conformance *judge)
{
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); ++i)
        leati_judge_add(judge, checks[i].id, checks[i].section, checks[i].title, checks[i].expected,
                        check_play, &checks[i]);
}
