/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 section 5.4. */
#include "rfc/cases.h"

#include <string.h>

static void part(struct rfc_cases *cases, unsigned opcode, const char *text, bool is_last)
{
    rfc_case_frame(
        cases, &(struct raw_frame){
                   .opcode = opcode, .not_fin = !is_last, .payload = text, .len = strlen(text)});
}

static void ping(struct rfc_cases *cases, const char *text)
{
    rfc_case_send(cases, RFC_PING, text, strlen(text));
    rfc_case_expect_pong(cases, text, strlen(text));
}

static void good(struct rfc_cases *cases, unsigned opcode)
{
    rfc_case_begin(cases, "two fragments of %u", opcode);
    part(cases, opcode, "fragment1", false);
    part(cases, RFC_CONTINUATION, "fragment2", true);
    rfc_case_expect(cases, opcode, "fragment1fragment2", 18);

    rfc_case_begin(cases, "a Ping between two fragments of %u", opcode);
    part(cases, opcode, "fragment1", false);
    ping(cases, "ping");
    part(cases, RFC_CONTINUATION, "fragment2", true);
    rfc_case_expect(cases, opcode, "fragment1fragment2", 18);

    rfc_case_begin(cases, "Pings and Pongs among many fragments of %u", opcode);
    struct bytes whole = {0};
    part(cases, opcode, "", false);
    for (int i = 0; i < 50; ++i) {
        part(cases, RFC_CONTINUATION, i % 3 ? "piece" : "", false);
        bytes_add(&whole, "piece", i % 3 ? 5 : 0);
        if (i % 7 == 0)
            ping(cases, i % 2 ? "" : "are you there?");
        if (i % 9 == 0)
            rfc_case_send(cases, RFC_PONG, "nobody asked", 12);
    }
    part(cases, RFC_CONTINUATION, "", true);
    rfc_case_expect(cases, opcode, whole.data, whole.len);
    bytes_free(&whole);

    rfc_case_begin(cases, "fragments of %u that are all empty", opcode);
    part(cases, opcode, "", false);
    part(cases, RFC_CONTINUATION, "", false);
    part(cases, RFC_CONTINUATION, "", true);
    rfc_case_expect(cases, opcode, "", 0);

    rfc_case_begin(cases, "one message of %u behind the other, in fragments", opcode);
    for (int i = 0; i < 5; ++i) {
        part(cases, opcode, "a", false);
        part(cases, RFC_CONTINUATION, "b", true);
        rfc_case_expect(cases, opcode, "ab", 2);
    }
}

static void frames_of_one_size(struct rfc_cases *cases, size_t size)
{
    static uint8_t data[262144];
    memset(data, 'f', sizeof(data));
    rfc_case_begin(cases, "%zu bytes in fragments of %zu", sizeof(data), size);
    for (size_t at = 0; at < sizeof(data); at += size) {
        rfc_case_frame(cases, &(struct raw_frame){.opcode = at ? RFC_CONTINUATION : RFC_BINARY,
                                                  .not_fin = at + size < sizeof(data),
                                                  .payload = data + at,
                                                  .len = size});
    }
    rfc_case_expect(cases, RFC_BINARY, data, sizeof(data));
}

static void bad(struct rfc_cases *cases, bool is_last)
{
    const char *which = is_last ? "last" : "not the last";

    rfc_case_begin(cases, "continuation of nothing, %s", which);
    part(cases, RFC_CONTINUATION, "nothing to continue", is_last);
    part(cases, RFC_TEXT, "never read", true);
    rfc_case_expect_close(cases, 1002);

    rfc_case_begin(cases, "empty continuation of nothing, %s", which);
    part(cases, RFC_CONTINUATION, "", is_last);
    rfc_case_expect_close(cases, 1002);

    rfc_case_begin(cases, "continuation behind a whole message, %s", which);
    part(cases, RFC_TEXT, "whole", true);
    rfc_case_expect(cases, RFC_TEXT, "whole", 5);
    part(cases, RFC_CONTINUATION, "nothing to continue", is_last);
    rfc_case_expect_close(cases, 1002);

    rfc_case_begin(cases, "continuation behind the end of a message, %s", which);
    part(cases, RFC_BINARY, "a", false);
    part(cases, RFC_CONTINUATION, "b", true);
    rfc_case_expect(cases, RFC_BINARY, "ab", 2);
    part(cases, RFC_CONTINUATION, "c", is_last);
    rfc_case_expect_close(cases, 1002);

    for (unsigned opcode = RFC_TEXT; opcode <= RFC_BINARY; ++opcode) {
        rfc_case_begin(cases, "a message of %u within another, %s", opcode, which);
        part(cases, RFC_TEXT, "begin", false);
        part(cases, opcode, "again", is_last);
        rfc_case_expect_close(cases, 1002);

        rfc_case_begin(cases, "a message of %u within one that is empty, %s", opcode, which);
        part(cases, RFC_BINARY, "", false);
        ping(cases, "still well");
        part(cases, opcode, "", is_last);
        rfc_case_expect_close(cases, 1002);
    }
}

void rfc_cases_fragments(struct rfc_cases *cases)
{
    good(cases, RFC_TEXT);
    good(cases, RFC_BINARY);
    for (size_t size = 64; size <= 262144; size *= 4)
        frames_of_one_size(cases, size);
    bad(cases, true);
    bad(cases, false);
    rfc_case_begin(cases, "the end within a message");
    part(cases, RFC_TEXT, "begin", false);
    rfc_case_send(cases, RFC_CLOSE, "\x03\xe9", 2);
    rfc_case_expect_close(cases, 1001);
}
