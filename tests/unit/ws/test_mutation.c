/* SPDX-License-Identifier: Apache-2.0 */
/* Streams that were valid once. The same numbers on each run. */
#include "ws_stream.h"

#include "support/leak_check.h"
#include "support/mutation.h"
#include "util/utf8.h"
#include "ws/close_code.h"

#include <string.h>

#define CASES 50000
#define LIMIT 2000u

TestSuite(mutation, .fini = leak_check);

static void add_random_frame(struct bytes *stream, bool masked, struct mutation *mutation)
{
    static const unsigned opcodes[] = {0, 0, 1, 1, 2, 9, 10, 8};
    static const char text[] = "gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80 ";
    char payload[400];
    unsigned opcode = opcodes[mutation_below(mutation, mutation_below(mutation, 4) == 0 ? 8 : 7)];
    size_t len = mutation_below(mutation, opcode >= 8 ? 126 : sizeof(payload));

    for (size_t i = 0; i < len; i++)
        payload[i] = text[i % (sizeof(text) - 1)];
    if (opcode == 8 && len >= 2)
        memcpy(payload, "\x03\xe8", 2);
    bytes_add_frame(stream,
                    &(struct raw_frame){.opcode = opcode,
                                        .not_fin = opcode < 8 && mutation_below(mutation, 2) == 0,
                                        .masked = masked,
                                        .payload = payload,
                                        .len = len});
}

static void check_invariants(const struct seen_list *seen, unsigned number)
{
    must(seen->code == LEATI_AGAIN, "case %u: %d", number, seen->code);
    for (size_t i = 0; i < seen->count; i++) {
        const struct seen *event = &seen->items[i];
        bool is_end = event->kind == LEATI_WS_CLOSE || event->kind == LEATI_WS_VIOLATION;
        must(!is_end || i + 1 == seen->count, "case %u: event after the end", number);
        must(event->kind != LEATI_WS_MESSAGE || event->len <= LIMIT, "case %u: limit", number);
        if (event->kind == LEATI_WS_MESSAGE && event->type == LEAT_MESSAGE_TEXT)
            must(leati_utf8_valid(event->data, event->len), "case %u: bad text", number);
        if (event->kind == LEATI_WS_CLOSE)
            must(event->close_code == 1005 || leati_ws_close_code_receivable(event->close_code),
                 "case %u: close code %u", number, event->close_code);
        if (event->kind == LEATI_WS_VIOLATION)
            must((event->close_code == 1002 || event->close_code == 1007 ||
                  event->close_code == 1009) &&
                     event->text[0] != '\0',
                 "case %u: violation %u", number, event->close_code);
    }
}

Test(mutation, streams_of_frames, .timeout = 240)
{
    static struct mutation mutation;
    mutation_init(&mutation, 20261120);
    size_t violations = 0, closes = 0, messages = 0;

    for (unsigned number = 0; number < CASES; number++) {
        bool is_server = number % 2 != 0;
        struct bytes valid = {0}, stream = {0};
        for (size_t n = mutation_below(&mutation, 8) + 1; n > 0; n--)
            add_random_frame(&valid, is_server, &mutation);
        if (number % 4 == 0)
            bytes_add(&stream, valid.data, valid.len);
        else
            bytes_add(&stream, mutation.bytes, mutation_next(&mutation, valid.data, valid.len));

        /* In whatever portions the bytes come, the events are the same. */
        struct seen_list whole = session_run(is_server, LIMIT, &stream, 0);
        check_invariants(&whole, number);
        struct seen_list parts =
            session_run(is_server, LIMIT, &stream, mutation_below(&mutation, 40) + 1);
        must(seen_equal(&whole, &parts), "case %u: depends on the portions", number);
        for (size_t i = 0; i < whole.count; i++) {
            violations += whole.items[i].kind == LEATI_WS_VIOLATION;
            closes += whole.items[i].kind == LEATI_WS_CLOSE;
            messages += whole.items[i].kind == LEATI_WS_MESSAGE;
        }
        seen_free(&parts);
        seen_free(&whole);
        bytes_free(&stream);
        bytes_free(&valid);
    }
    /* The generator reaches all of it. */
    cr_assert_gt(violations, CASES / 10);
    cr_assert_gt(closes, CASES / 100);
    cr_assert_gt(messages, CASES / 10);
}
