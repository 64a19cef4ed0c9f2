/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/conformance/ws_cases.h"

#include "util/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct leati_ws_case *case_now(const struct leati_ws_cases *cases)
{
    static struct leati_ws_case none; /* without memory what is built is never looked at */
    if (cases->count > 0)
        return &cases->items[cases->count - 1];
    none = (struct leati_ws_case){.title = ""};
    return &none;
}

/* ---- frames --------------------------------------------------------------------------------- */

void leati_ws_frame_append(struct leati_bytes *bytes, const struct leati_ws_frame *frame)
{
    const struct leati_frame_head head = {
        .first_byte = (uint8_t)((frame->not_fin ? 0 : 0x80) | (frame->rsv << 4) | frame->opcode),
        .masked = frame->masked,
        .form = frame->form,
        .len = frame->announce != 0 ? frame->announce : frame->len,
    };
    uint8_t written[LEATI_FRAME_HEAD_MAX_BYTES];
    leati_bytes_add(bytes, written, leati_frame_head_write(&head, written));
    size_t start = bytes->len;
    leati_bytes_add(bytes, frame->payload, frame->len);
    if (frame->masked && !bytes->failed)
        leati_frame_mask(bytes->data + start, frame->len);
}

/* ---- records -------------------------------------------------------------------------------- */

void leati_ws_record_message(struct leati_bytes *messages, unsigned opcode, const void *data,
                             size_t len)
{
    const uint8_t head[] = {(uint8_t)opcode, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
                            (uint8_t)(len >> 8), (uint8_t)len};
    leati_bytes_add(messages, head, sizeof(head));
    leati_bytes_add(messages, data, len);
}

void leati_ws_record_pong(struct leati_bytes *pongs, const void *data, size_t len)
{
    const uint8_t head = (uint8_t)len;
    leati_bytes_add(pongs, &head, 1);
    leati_bytes_add(pongs, data, len);
}

/* ---- building ------------------------------------------------------------------------------- */

const char *leati_ws_opcode_name(unsigned opcode)
{
    static const char *const names[16] = {"continuation", "text",      "binary",    "opcode-3",
                                          "opcode-4",     "opcode-5",  "opcode-6",  "opcode-7",
                                          "close",        "ping",      "pong",      "opcode-11",
                                          "opcode-12",    "opcode-13", "opcode-14", "opcode-15"};
    return names[opcode & 15];
}

void leati_ws_cases_group(struct leati_ws_cases *cases, const char *group, const char *section)
{
    cases->group = group;
    cases->section = section;
}

struct leati_ws_case *leati_ws_case_begin(struct leati_ws_cases *cases, const char *format, ...)
{
    char text[sizeof(((struct leati_ws_case *)NULL)->id) +
              sizeof(((struct leati_ws_case *)NULL)->title)];
    bool has_room = leati_resize(&cases->items, cases->count + 1, sizeof(*cases->items));
    cases->failed = cases->failed || !has_room;
    cases->count += has_room;
    struct leati_ws_case *now = case_now(cases);
    if (!has_room)
        return now;
    *now = (struct leati_ws_case){.section = cases->section, .close_code = 1000};
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    size_t id_len = strcspn(text, "|");
    snprintf(now->id, sizeof(now->id), "%s.%.*s", cases->group, (int)id_len, text);
    snprintf(now->title, sizeof(now->title), "%s", text + id_len + (text[id_len] == '|'));
    return now;
}

void leati_ws_case_frame(struct leati_ws_cases *cases, const struct leati_ws_frame *frame)
{
    struct leati_ws_frame own = *frame;
    own.masked = cases->masks != frame->masked;
    leati_ws_frame_append(&case_now(cases)->input, &own);
}

void leati_ws_case_send(struct leati_ws_cases *cases, unsigned opcode, const void *data, size_t len)
{
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = opcode, .payload = data, .len = len));
}

void leati_ws_case_message(struct leati_ws_cases *cases, unsigned opcode, const void *data,
                           size_t len)
{
    leati_ws_case_send(cases, opcode, data, len);
    leati_ws_case_expect(cases, opcode, data, len);
}

void leati_ws_case_expect(struct leati_ws_cases *cases, unsigned opcode, const void *data,
                          size_t len)
{
    leati_ws_record_message(&case_now(cases)->messages, opcode, data, len);
    ++case_now(cases)->message_count;
}

void leati_ws_case_expect_pong(struct leati_ws_cases *cases, const void *data, size_t len)
{
    leati_ws_record_pong(&case_now(cases)->pongs, data, len);
    ++case_now(cases)->pong_count;
}

void leati_ws_case_expect_reason(struct leati_ws_cases *cases, const void *data, size_t len)
{
    leati_bytes_done(&case_now(cases)->reason);
    leati_bytes_add(&case_now(cases)->reason, data, len);
}

void leati_ws_case_expect_close(struct leati_ws_cases *cases, uint16_t close_code)
{
    case_now(cases)->ends = true;
    case_now(cases)->close_code = close_code;
    case_now(cases)->is_violation = true;
}

void leati_ws_case_expect_answer(struct leati_ws_cases *cases, uint16_t close_code)
{
    leati_ws_case_expect_close(cases, close_code);
    case_now(cases)->is_violation = false;
}

/* ---- all of them ---------------------------------------------------------------------------- */

struct leati_ws_cases leati_ws_cases_new(bool masks)
{
    struct leati_ws_cases cases = {.masks = masks};
    leati_ws_cases_framing(&cases);
    leati_ws_cases_fragments(&cases);
    leati_ws_cases_text(&cases);
    leati_ws_cases_closing(&cases);
    leati_ws_cases_endurance(&cases);
    leati_ws_cases_compression(&cases);
    for (size_t i = 0; i < cases.count; ++i) {
        const struct leati_ws_case *now = &cases.items[i];
        cases.failed = cases.failed || now->input.failed || now->messages.failed ||
                       now->pongs.failed || now->reason.failed;
    }
    return cases;
}

void leati_ws_cases_free(struct leati_ws_cases *cases)
{
    for (size_t i = 0; i < cases->count; ++i) {
        leati_bytes_done(&cases->items[i].input);
        leati_bytes_done(&cases->items[i].messages);
        leati_bytes_done(&cases->items[i].pongs);
        leati_bytes_done(&cases->items[i].reason);
    }
    leati_free(cases->items);
    *cases = (struct leati_ws_cases){0};
}
