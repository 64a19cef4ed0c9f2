/* SPDX-License-Identifier: Apache-2.0 */
/* The space of single frames, against an oracle written from RFC 6455 section 5.2. */
#include "ws_stream.h"

#include "support/leak_check.h"

#include <string.h>

#define LIMIT 200000u

TestSuite(frames, .fini = leak_check);

static const size_t chunks[] = {0, 1, 7, 4096};

static bool is_control(unsigned opcode)
{
    return opcode >= 8;
}

static bool is_legal(const struct raw_frame *frame, bool is_server)
{
    enum leati_frame_form shortest = frame->len < 126     ? LEATI_FRAME_7
                                     : frame->len < 65536 ? LEATI_FRAME_16
                                                          : LEATI_FRAME_64;
    if (frame->rsv != 0 || frame->masked != is_server || frame->form != shortest)
        return false;
    if (is_control(frame->opcode))
        return frame->opcode <= 10 && !frame->not_fin && frame->len <= 125;
    return frame->opcode == 1 || frame->opcode == 2; /* nothing to continue */
}

static void check_legal(const struct raw_frame *frame, const struct seen_list *seen)
{
    static const enum leati_ws_event_kind kinds[] = {
        [1] = LEATI_WS_MESSAGE, [2] = LEATI_WS_MESSAGE, [8] = LEATI_WS_CLOSE,
        [9] = LEATI_WS_PING,    [10] = LEATI_WS_PONG,
    };

    if (frame->not_fin) {
        must(seen->count == 0, "event from an unfinished message");
        return;
    }
    must(seen->count == 1, "%zu events", seen->count);
    const struct seen *event = &seen->items[0];
    if (frame->opcode == 8 && frame->len == 1) {
        must(event->kind == LEATI_WS_VIOLATION && event->close_code == 1002, "close of 1 byte");
        return;
    }
    must(event->kind == kinds[frame->opcode], "opcode %u gives %d", frame->opcode, event->kind);
    size_t skip = frame->opcode == 8 && frame->len > 0 ? 2 : 0;
    must(event->len == frame->len - skip, "%zu bytes", event->len);
    must(memcmp(event->data, (const uint8_t *)frame->payload + skip, event->len) == 0, "payload");
    if (frame->opcode == 8)
        must(event->close_code == (frame->len == 0 ? 1005 : 1000), "code %u", event->close_code);
}

static void check_frame(const struct raw_frame *frame, bool is_server, size_t chunk)
{
    struct bytes stream = {0};

    bytes_add_frame(&stream, frame);
    struct seen_list seen = session_run(is_server, LIMIT, &stream, chunk);
    must(seen.code == LEATI_AGAIN, "code %d", seen.code);
    if (is_legal(frame, is_server))
        check_legal(frame, &seen);
    else
        must(seen.count == 1 && seen.items[0].kind == LEATI_WS_VIOLATION &&
                 seen.items[0].close_code == 1002 && seen.items[0].text[0] != '\0',
             "opcode %u fin %d rsv %u masked %d form %d len %zu passes", frame->opcode,
             !frame->not_fin, frame->rsv, frame->masked, frame->form, frame->len);
    seen_free(&seen);
    bytes_free(&stream);
}

/* 1000 as a close code, then text. */
static const uint8_t *payload_make(void)
{
    static uint8_t payload[70000];

    memset(payload, 'a', sizeof(payload));
    payload[0] = 0x03;
    payload[1] = 0xe8;
    return payload;
}

static void check_lengths(const struct raw_frame *base, bool is_server)
{
    static const size_t lengths[] = {0, 1, 2, 3, 64, 124, 125, 126, 127, 128, 300, 65535, 65536};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        for (enum leati_frame_form form = LEATI_FRAME_7; form <= LEATI_FRAME_64; form++) {
            struct raw_frame frame = *base;
            frame.len = lengths[i];
            frame.form = form;
            bool fits = form == LEATI_FRAME_64 || (form == LEATI_FRAME_16 && frame.len < 65536) ||
                        (form == LEATI_FRAME_7 && frame.len < 126);
            if (!fits)
                continue;
            /* 0xe8 is no UTF-8 beginning that ends here: text gets other bytes. */
            frame.payload = payload_make();
            if (frame.opcode == 1)
                frame.payload = payload_make() + 2;
            for (size_t k = 0; k < sizeof(chunks) / sizeof(chunks[0]); k++)
                if (frame.len < 1000 || chunks[k] == 0 || chunks[k] == 4096)
                    check_frame(&frame, is_server, chunks[k]);
        }
}

Test(frames, every_opcode_flag_and_length_form, .timeout = 120)
{
    for (unsigned opcode = 0; opcode < 16; opcode++)
        for (unsigned bits = 0; bits < 16; bits++)
            for (unsigned role = 0; role < 4; role++) {
                struct raw_frame frame = {
                    .opcode = opcode,
                    .not_fin = (bits & 8) != 0,
                    .rsv = bits & 7,
                    .masked = (role & 1) != 0,
                };
                check_lengths(&frame, (role & 2) != 0);
            }
}

Test(frames, length_with_the_highest_bit, .timeout = 10)
{
    for (unsigned i = 0; i < 4; i++) {
        struct bytes stream = {0};
        uint8_t header[] = {0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, (uint8_t)(i * 60)};
        bytes_add(&stream, header, sizeof(header));
        struct seen_list seen = session_run(false, SIZE_MAX, &stream, chunks[i]);
        cr_assert_eq(seen.count, 1);
        cr_assert_eq(seen.items[0].close_code, 1002);
        seen_free(&seen);
        bytes_free(&stream);
    }
}

Test(frames, the_texts_name_the_culprit, .timeout = 10)
{
    static const struct {
        struct raw_frame frame;
        const char *text;
    } cases[] = {
        {{.opcode = 2, .rsv = 4}, "reserved bit RSV1 set without an extension"},
        {{.opcode = 2, .rsv = 2}, "reserved bit RSV2 set without an extension"},
        {{.opcode = 9, .rsv = 1}, "reserved bit RSV3 set without an extension"},
        {{.opcode = 3}, "reserved opcode 0x3"},
        {{.opcode = 15}, "reserved opcode 0xf"},
        {{.opcode = 2, .masked = true}, "masked frame from a server"},
        {{.opcode = 0}, "continuation frame without a message to continue"},
        {{.opcode = 8, .payload = "x", .len = 1}, "Close frame with a body of 1 byte"},
        {{.opcode = 8, .payload = "\x03\xed", .len = 2},
         "Close frame with the code 1005, which must not be sent"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes stream = {0};
        bytes_add_frame(&stream, &cases[i].frame);
        struct seen_list seen = session_run(false, 100, &stream, 0);
        cr_assert_eq(seen.count, 1);
        cr_assert_eq(seen.items[0].kind, LEATI_WS_VIOLATION);
        cr_assert_str_eq(seen.items[0].text, cases[i].text);
        seen_free(&seen);
        bytes_free(&stream);
    }
}

Test(frames, close_bodies_of_every_size, .timeout = 30)
{
    uint8_t body[126] = {0x0f, 0xa0}; /* 4000 */
    memset(body + 2, 'r', sizeof(body) - 2);

    for (size_t len = 0; len <= 126; len++)
        for (size_t k = 0; k < sizeof(chunks) / sizeof(chunks[0]); k++) {
            struct bytes stream = {0};
            bytes_add_frame(&stream, &(struct raw_frame){.opcode = 8, .payload = body, .len = len});
            /* Nothing may come out of what follows. */
            bytes_add_frame(&stream, &(struct raw_frame){.opcode = 1, .payload = "late", .len = 4});
            struct seen_list seen = session_run(false, 1000, &stream, chunks[k]);
            must(seen.count == 1, "%zu: %zu events", len, seen.count);
            const struct seen *event = &seen.items[0];
            if (len == 1 || len == 126) {
                must(event->kind == LEATI_WS_VIOLATION && event->close_code == 1002, "%zu", len);
            } else {
                must(event->kind == LEATI_WS_CLOSE, "%zu", len);
                must(event->close_code == (len == 0 ? 1005 : 4000), "%zu", len);
                must(event->len == (len == 0 ? 0 : len - 2), "%zu", len);
            }
            seen_free(&seen);
            bytes_free(&stream);
        }
}
