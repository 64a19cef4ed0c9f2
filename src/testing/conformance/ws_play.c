/* SPDX-License-Identifier: Apache-2.0 */
/* What the peer says, frame by frame, and the course of a case. */
#include "testing/conformance/ws_heard.h"

#include <stdio.h>
#include <string.h>

struct play {
    struct leati_wire *wire;
    const struct leati_ws_case *now;
    const struct leati_ws_rules *rules;
    struct leati_ws_heard heard;
    bool has_closed; /* our Close has left */
};

/* ---- sending -------------------------------------------------------------------------------- */

static void play_send(struct play *play, const struct leati_bytes *bytes)
{
    size_t chunk = play->rules->chunk ? play->rules->chunk : play->now->chunk_bytes;
    (void)leati_wire_send(play->wire, bytes->data, bytes->len, chunk);
}

static void close_send(struct play *play, uint16_t code)
{
    struct leati_bytes bye = {0};
    const uint8_t body[] = {(uint8_t)(code >> 8), (uint8_t)code};
    leati_ws_frame_append(&bye,
                          LEATI_WS_FRAME(.opcode = LEATI_WS_CLOSE, .masked = play->rules->masks,
                                         .payload = body, .len = code ? sizeof(body) : 0));
    (void)leati_wire_give(play->wire, &bye, 0);
    play->has_closed = true;
}

/* ---- listening ------------------------------------------------------------------------------ */

static bool is_told(const struct play *play)
{
    const struct leati_ws_heard *heard = &play->heard;
    return heard->messages.len >= play->now->messages.len &&
           leati_ws_pongs_do(&play->now->pongs, &heard->pongs, false);
}

/* Listens until the Close, the end, or what is awaited has come, or nothing comes any more. */
static void hear(struct play *play, bool until_told, unsigned patience_ms)
{
    struct leati_wire *wire = play->wire;
    while (!leati_ws_heard_is_over(&play->heard)) {
        leati_ws_heard_take(&play->heard, &wire->in);
        if (leati_ws_heard_is_over(&play->heard) || (until_told && is_told(play)))
            return;
        if (!leati_wire_more(wire, wire->in.len, patience_ms)) {
            leati_ws_heard_take(&play->heard, &wire->in);
            return;
        }
    }
}

static unsigned patience_of(const struct play *play)
{
    bool may_wait =
        play->now->demand == LEATI_WS_FAIL_FAST || play->now->demand == LEATI_WS_INFORMATIONAL;
    unsigned patience_ms = play->wire->patience_ms;
    unsigned fail_fast_ms = play->rules->fail_fast_ms ? play->rules->fail_fast_ms : patience_ms / 5;
    return may_wait ? fail_fast_ms : patience_ms;
}

/* After the Close: a server ends TCP by itself, a client once the server has. */
static void end_await(struct play *play)
{
    struct leati_wire *wire = play->wire;
    struct leati_ws_heard *heard = &play->heard;
    unsigned end_ms = wire->patience_ms / 2;
    if (!play->has_closed && play->now->is_violation)
        close_send(play, heard->close_code);
    if (!play->rules->masks)
        leati_wire_shut(wire);
    bool has_ended = leati_wire_wait_end(wire, end_ms);
    heard->lingers = !has_ended;
    if (!has_ended && play->rules->masks) {
        leati_wire_shut(wire);
        has_ended = leati_wire_wait_end(wire, end_ms);
    }
    heard->stays = !has_ended;
    heard->behind = wire->in.len;
}

void leati_ws_play(struct leati_wire *wire, const struct leati_ws_case *now,
                   const struct leati_ws_rules *rules, struct leati_finding *ret_finding)
{
    struct play play = {.wire = wire, .now = now, .rules = rules};
    if (!leati_ws_heard_init(&play.heard, now->terms, !rules->masks)) {
        leati_find(ret_finding, NOT_RUN, "there was no memory");
        return;
    }
    play.has_closed = now->ends && !now->is_violation;
    play_send(&play, &now->input);
    if (now->demand == LEATI_WS_TOLERABLE)
        close_send(&play, 1000);
    hear(&play, !now->ends, patience_of(&play));
    if (!now->ends && is_told(&play) && !play.heard.is_closed) {
        close_send(&play, 1000);
        hear(&play, false, wire->patience_ms);
    }
    if (play.heard.is_closed)
        end_await(&play);
    play.heard.end = wire->end;
    leati_ws_heard_judge(&play.heard, now, rules, ret_finding);
    leati_ws_heard_done(&play.heard);
}

/* One short frame; a Ping of a peer that wants to know is answered. */
static bool echo_hear(struct leati_wire *wire, const char *text, size_t text_len, bool masks)
{
    for (;;) {
        struct leati_bytes pong = {0};
        size_t start = masks ? 2 : 6;
        if (!leati_wire_need(wire, start))
            return false;
        uint8_t *frame = wire->in.data;
        size_t len = frame[1] & 0x7f;
        if (len > 125 || !leati_wire_need(wire, start + len))
            return false;
        frame = wire->in.data;
        for (size_t i = 0; !masks && i < len; ++i)
            frame[start + i] ^= frame[2 + i % 4];
        bool is_ping = (frame[0] & 0xf) == LEATI_WS_PING;
        bool is_right =
            frame[0] == 0x81 && len == text_len && memcmp(frame + start, text, text_len) == 0;
        if (is_ping)
            leati_ws_frame_append(&pong, LEATI_WS_FRAME(.opcode = LEATI_WS_PONG, .masked = masks,
                                                        .payload = frame + start, .len = len));
        leati_bytes_consume(&wire->in, start + len);
        if (!is_ping)
            return is_right;
        (void)leati_wire_give(wire, &pong, 0);
    }
}

bool leati_ws_echo(struct leati_wire *wire, const char *text, bool masks)
{
    struct leati_bytes frame = {0};
    size_t len = strlen(text); /* below 126 */
    leati_ws_frame_append(&frame, LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .masked = masks,
                                                 .payload = text, .len = len));
    return leati_wire_give(wire, &frame, 0) && echo_hear(wire, text, len, masks);
}

/* ---- words ---------------------------------------------------------------------------------- */

static size_t count_append(char *text, size_t cap, size_t at, size_t count, const char *one,
                           const char *many)
{
    if (count == 0 || at >= cap)
        return at;
    int len = count == 1 ? snprintf(text + at, cap - at, "%s%s", at ? ", " : "", one)
                         : snprintf(text + at, cap - at, "%s%zu %s", at ? ", " : "", count, many);
    return at + (size_t)len;
}

void leati_ws_case_describe(const struct leati_ws_case *now, char *ret_text, size_t cap)
{
    size_t at = 0;
    ret_text[0] = '\0';
    at = count_append(ret_text, cap, at, now->message_count, "the message back", "messages back");
    at = count_append(ret_text, cap, at, now->pong_count, "a Pong", "Pongs, at least the last");
    if (at >= cap)
        return;
    if (!now->ends)
        snprintf(ret_text + at, cap - at, "%sa Close for ours", at ? ", " : "");
    else if (now->close_code == 0)
        snprintf(ret_text + at, cap - at, "%sa Close without a code", at ? ", " : "");
    else
        snprintf(ret_text + at, cap - at, "%sClose %u%s", at ? ", " : "", now->close_code,
                 now->demand == LEATI_WS_FAIL_FAST       ? " at once"
                 : now->demand == LEATI_WS_TOLERABLE     ? ", though it may be taken"
                 : now->demand == LEATI_WS_INFORMATIONAL ? ", or as it likes"
                                                         : "");
}
