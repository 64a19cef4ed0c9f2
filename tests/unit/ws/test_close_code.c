/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/close_code.h"

#include "ws_stream.h"

static bool is_in(unsigned code, unsigned first, unsigned last)
{
    return code >= first && code <= last;
}

/* The registry of close codes, as intervals. */
static bool may_be_on_the_wire(unsigned code)
{
    return is_in(code, 1000, 1003) || is_in(code, 1007, 1014) || is_in(code, 3000, 4999);
}

Test(close_code, every_number, .timeout = 10)
{
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        bool wire = may_be_on_the_wire(code);
        must(leati_ws_close_code_receivable((uint16_t)code) == wire, "receive %u", code);
        must(leati_ws_close_code_sendable((uint16_t)code) == (wire && code != 1002), "send %u",
             code);
    }
}

Test(close_code, every_number_in_a_close_frame, .timeout = 30)
{
    for (unsigned code = 0; code <= 5001; code++) {
        uint8_t body[] = {(uint8_t)(code >> 8), (uint8_t)code, 'b', 'y', 'e'};
        struct bytes stream = {0};
        bytes_add_frame(&stream, &(struct raw_frame){.opcode = 8, .payload = body, .len = 5});
        struct seen_list seen = session_run(false, 100, &stream, 0);

        must(seen.count == 1, "%u: %zu events", code, seen.count);
        const struct seen *event = &seen.items[0];
        if (may_be_on_the_wire(code)) {
            must(event->kind == LEATI_WS_CLOSE && event->close_code == code, "%u", code);
            must(event->len == 3 && memcmp(event->data, "bye", 3) == 0, "%u", code);
        } else {
            must(event->kind == LEATI_WS_VIOLATION && event->close_code == 1002, "%u", code);
        }
        must(seen.code == LEATI_AGAIN, "%u: %d", code, seen.code);
        seen_free(&seen);
        bytes_free(&stream);
    }
    const uint8_t beyond[] = {0xff, 0xff};
    struct bytes stream = {0};
    bytes_add_frame(&stream, &(struct raw_frame){.opcode = 8, .payload = beyond, .len = 2});
    struct seen_list seen = session_run(false, 100, &stream, 1);
    cr_assert_eq(seen.items[0].close_code, 1002);
    seen_free(&seen);
    bytes_free(&stream);
}
