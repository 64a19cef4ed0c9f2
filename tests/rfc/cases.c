/* SPDX-License-Identifier: Apache-2.0 */
#include "rfc/cases.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void rfc_record_message(struct bytes *messages, unsigned opcode, const void *data, size_t len)
{
    const uint8_t head[] = {(uint8_t)opcode, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
                            (uint8_t)(len >> 8), (uint8_t)len};
    bytes_add(messages, head, sizeof(head));
    bytes_add(messages, data, len);
}

void rfc_record_pong(struct bytes *pongs, const void *data, size_t len)
{
    const uint8_t head = (uint8_t)len;
    bytes_add(pongs, &head, 1);
    bytes_add(pongs, data, len);
}

static struct rfc_case *case_now(const struct rfc_cases *cases)
{
    return &cases->items[cases->count - 1];
}

struct rfc_case *rfc_case_begin(struct rfc_cases *cases, const char *format, ...)
{
    cases->items = realloc(cases->items, (cases->count + 1) * sizeof(*cases->items));
    cr_assert_not_null(cases->items);
    struct rfc_case *now = &cases->items[cases->count++];
    *now = (struct rfc_case){.close_code = 1000};
    va_list args;
    va_start(args, format);
    vsnprintf(now->name, sizeof(now->name), format, args);
    va_end(args);
    return now;
}

void rfc_case_frame(struct rfc_cases *cases, const struct raw_frame *frame)
{
    struct raw_frame own = *frame;
    own.masked = cases->masks != frame->masked; /* true = the wrong way round */
    bytes_add_frame(&case_now(cases)->input, &own);
}

void rfc_case_send(struct rfc_cases *cases, unsigned opcode, const void *data, size_t len)
{
    rfc_case_frame(cases, &(struct raw_frame){.opcode = opcode, .payload = data, .len = len});
}

void rfc_case_message(struct rfc_cases *cases, unsigned opcode, const void *data, size_t len)
{
    rfc_case_send(cases, opcode, data, len);
    rfc_case_expect(cases, opcode, data, len);
}

void rfc_case_expect(struct rfc_cases *cases, unsigned opcode, const void *data, size_t len)
{
    rfc_record_message(&case_now(cases)->messages, opcode, data, len);
}

void rfc_case_expect_pong(struct rfc_cases *cases, const void *data, size_t len)
{
    rfc_record_pong(&case_now(cases)->pongs, data, len);
}

void rfc_case_expect_reason(struct rfc_cases *cases, const void *data, size_t len)
{
    bytes_free(&case_now(cases)->reason);
    bytes_add(&case_now(cases)->reason, data, len);
}

void rfc_case_expect_close(struct rfc_cases *cases, uint16_t close_code)
{
    case_now(cases)->ends = true;
    case_now(cases)->close_code = close_code;
}

struct rfc_cases rfc_cases_new(bool masks)
{
    struct rfc_cases cases = {.masks = masks};
    rfc_cases_framing(&cases);
    rfc_cases_fragments(&cases);
    rfc_cases_text(&cases);
    rfc_cases_closing(&cases);
    rfc_cases_compression(&cases);
    return cases;
}

void rfc_cases_free(struct rfc_cases *cases)
{
    for (size_t i = 0; i < cases->count; ++i) {
        bytes_free(&cases->items[i].input);
        bytes_free(&cases->items[i].messages);
        bytes_free(&cases->items[i].pongs);
        bytes_free(&cases->items[i].reason);
    }
    free(cases->items);
    *cases = (struct rfc_cases){0};
}
