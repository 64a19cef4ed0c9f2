/* SPDX-License-Identifier: Apache-2.0 */
#include "http/message.h"

#include "support/alloc_failure.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

static const struct leati_http_field own[] = {
    {"Date", NULL}, {"Upgrade", "websocket"}, {"Allow", NULL}};
static const struct leati_http_field fields[] = {{"X-A", ""}, {"X-B", "b"}};

static const struct leati_http_message_parts parts = {
    .start = (const char *const[]){"GET ", "/", " HTTP/1.1", NULL},
    .own = own,
    .own_count = 3,
    .fields = fields,
    .field_count = 2,
    .content = "a\0b",
    .content_len = 3,
};

Test(message, own_fields_without_a_value_are_left_out, .timeout = 10)
{
    static const char expected[] = "GET / HTTP/1.1\r\n"
                                   "Upgrade: websocket\r\n"
                                   "X-A: \r\n"
                                   "X-B: b\r\n"
                                   "\r\n"
                                   "a\0b";
    struct leati_http_message message;

    cr_assert(leati_http_message_build(&parts, &message));
    cr_assert_eq(message.len, sizeof(expected) - 1);
    cr_assert(memcmp(message.bytes, expected, sizeof(expected)) == 0, "%s", message.bytes);
    cr_assert(strncmp(message.bytes + message.fields_at, "X-A: ", 5) == 0);
    leati_free(message.bytes);
}

Test(message, only_a_start_line, .timeout = 10)
{
    const struct leati_http_message_parts least = {
        .start = (const char *const[]){"HTTP/1.1 200 ", NULL}};
    struct leati_http_message message;

    cr_assert(leati_http_message_build(&least, &message));
    cr_assert_str_eq(message.bytes, "HTTP/1.1 200 \r\n\r\n");
    cr_assert_eq(message.len, strlen(message.bytes));
    cr_assert_eq(message.fields_at, message.len - 2);
    leati_free(message.bytes);
}

Test(message, contents_of_any_length, .timeout = 10)
{
    static const char x[300] = "xyz";
    struct leati_http_message message;

    for (size_t len = 0; len <= sizeof(x); len++) {
        struct leati_http_message_parts with = parts;
        with.content = x;
        with.content_len = len;
        cr_assert(leati_http_message_build(&with, &message), "%zu", len);
        cr_expect_eq(memcmp(message.bytes + message.len - len, x, len), 0, "%zu", len);
        cr_expect_eq(message.bytes[message.len], '\0');
        leati_free(message.bytes);
    }
}

static bool build_without_memory(void)
{
    struct leati_http_message message;

    if (!leati_http_message_build(&parts, &message))
        return false;
    leati_free(message.bytes);
    return true;
}

Test(message, no_memory, .timeout = 10)
{
    cr_assert_eq(alloc_failure_run_all(build_without_memory), 1);
}

Test(message, lengths_beyond_all_memory, .timeout = 10)
{
    struct leati_http_message_parts endless = parts;
    struct leati_http_message message;

    /* The head has 53 bytes, and a NUL stands behind it all. */
    for (size_t less = 0; less <= 53; less++) {
        endless.content_len = SIZE_MAX - less;
        cr_assert_not(leati_http_message_build(&endless, &message));
    }
}

Test(message, fields_are_found_without_regard_to_case, .timeout = 10)
{
    cr_assert(leati_http_fields_have(fields, 2, "x-a"));
    cr_assert(leati_http_fields_have(fields, 2, "x-b"));
    cr_assert_not(leati_http_fields_have(fields, 1, "x-b"));
    cr_assert_not(leati_http_fields_have(fields, 2, "X-"));
    cr_assert_not(leati_http_fields_have(NULL, 0, "X-B"));
}

/* Those that say where a message ends, or what its connection is for. */
Test(message, fields_that_frame, .timeout = 10)
{
    static const char *const framing[] = {
        "connection", "CONTENT-LENGTH",   "expect",  "http2-settings",    "keep-alive",
        "te",         "proxy-connection", "trailer", "transfer-encoding", "UPGRADE",
    };
    static const char *const others[] = {"", "T", "TE2", "Host", "Content-Type"};

    for (size_t i = 0; i < sizeof(framing) / sizeof(framing[0]); i++)
        cr_expect(leati_http_field_frames(framing[i]), "%s", framing[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        cr_expect_not(leati_http_field_frames(others[i]), "%s", others[i]);
}
