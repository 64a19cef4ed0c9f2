/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 section 5.4. */
#include "testing/conformance/ws_cases.h"

#include <string.h>

static void part(struct leati_ws_cases *cases, unsigned opcode, const char *text, bool is_last)
{
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = opcode, .not_fin = !is_last,
                                              .payload = text, .len = strlen(text)));
}

static void ping(struct leati_ws_cases *cases, const char *text)
{
    leati_ws_case_send(cases, LEATI_WS_PING, text, strlen(text));
    leati_ws_case_expect_pong(cases, text, strlen(text));
}

static void good(struct leati_ws_cases *cases, unsigned opcode)
{
    const char *name = leati_ws_opcode_name(opcode);
    leati_ws_case_begin(cases, "two.%1$s|a %1$s message in two fragments", name);
    part(cases, opcode, "fragment1", false);
    part(cases, LEATI_WS_CONTINUATION, "fragment2", true);
    leati_ws_case_expect(cases, opcode, "fragment1fragment2", 18);

    leati_ws_case_begin(cases, "ping.%1$s|a Ping between two fragments, %1$s", name);
    part(cases, opcode, "fragment1", false);
    ping(cases, "ping");
    part(cases, LEATI_WS_CONTINUATION, "fragment2", true);
    leati_ws_case_expect(cases, opcode, "fragment1fragment2", 18);

    leati_ws_case_begin(cases, "controls.%1$s|Pings and Pongs among 50 fragments, %1$s", name);
    struct leati_bytes whole = {0};
    part(cases, opcode, "", false);
    for (int i = 0; i < 50; ++i) {
        part(cases, LEATI_WS_CONTINUATION, i % 3 ? "piece" : "", false);
        leati_bytes_add(&whole, "piece", i % 3 ? 5 : 0);
        if (i % 7 == 0)
            ping(cases, i % 2 ? "" : "are you there?");
        if (i % 9 == 0)
            leati_ws_case_send(cases, LEATI_WS_PONG, "nobody asked", 12);
    }
    part(cases, LEATI_WS_CONTINUATION, "", true);
    leati_ws_case_expect(cases, opcode, whole.data, whole.len);
    leati_bytes_done(&whole);

    leati_ws_case_begin(cases, "empty.%1$s|fragments that are all empty, %1$s", name);
    part(cases, opcode, "", false);
    part(cases, LEATI_WS_CONTINUATION, "", false);
    part(cases, LEATI_WS_CONTINUATION, "", true);
    leati_ws_case_expect(cases, opcode, "", 0);

    leati_ws_case_begin(cases, "several.%1$s|five messages in fragments, %1$s", name);
    for (int i = 0; i < 5; ++i) {
        part(cases, opcode, "a", false);
        part(cases, LEATI_WS_CONTINUATION, "b", true);
        leati_ws_case_expect(cases, opcode, "ab", 2);
    }
}

static void frames_of_one_size(struct leati_ws_cases *cases, size_t size)
{
    static uint8_t data[262144];
    memset(data, 'f', sizeof(data));
    leati_ws_case_begin(cases, "size.%2$zu|%1$zu bytes in fragments of %2$zu", sizeof(data), size);
    for (size_t at = 0; at < sizeof(data); at += size)
        leati_ws_case_frame(cases,
                            LEATI_WS_FRAME(.opcode = at ? LEATI_WS_CONTINUATION : LEATI_WS_BINARY,
                                           .not_fin = at + size < sizeof(data),
                                           .payload = data + at, .len = size));
    leati_ws_case_expect(cases, LEATI_WS_BINARY, data, sizeof(data));
}

static void bad(struct leati_ws_cases *cases, bool is_last)
{
    const char *which = is_last ? "fin" : "not-fin";

    leati_ws_case_begin(cases, "bad.nothing.%1$s|a continuation of nothing, %1$s", which);
    part(cases, LEATI_WS_CONTINUATION, "nothing to continue", is_last);
    part(cases, LEATI_WS_TEXT, "never read", true);
    leati_ws_case_expect_close(cases, 1002);

    leati_ws_case_begin(cases, "bad.nothing-empty.%1$s|an empty continuation of nothing, %1$s",
                        which);
    part(cases, LEATI_WS_CONTINUATION, "", is_last);
    leati_ws_case_expect_close(cases, 1002);

    leati_ws_case_begin(cases, "bad.behind-whole.%1$s|a continuation behind a whole message, %1$s",
                        which);
    part(cases, LEATI_WS_TEXT, "whole", true);
    leati_ws_case_expect(cases, LEATI_WS_TEXT, "whole", 5);
    part(cases, LEATI_WS_CONTINUATION, "nothing to continue", is_last);
    leati_ws_case_expect_close(cases, 1002);

    leati_ws_case_begin(cases, "bad.behind-end.%1$s|a continuation behind the last fragment, %1$s",
                        which);
    part(cases, LEATI_WS_BINARY, "a", false);
    part(cases, LEATI_WS_CONTINUATION, "b", true);
    leati_ws_case_expect(cases, LEATI_WS_BINARY, "ab", 2);
    part(cases, LEATI_WS_CONTINUATION, "c", is_last);
    leati_ws_case_expect_close(cases, 1002);

    for (unsigned opcode = LEATI_WS_TEXT; opcode <= LEATI_WS_BINARY; ++opcode) {
        leati_ws_case_begin(cases, "bad.within.%1$s.%2$s|a %1$s message within another, %2$s",
                            leati_ws_opcode_name(opcode), which);
        part(cases, LEATI_WS_TEXT, "begin", false);
        part(cases, opcode, "again", is_last);
        leati_ws_case_expect_close(cases, 1002);

        leati_ws_case_begin(
            cases,
            "bad.within-empty.%1$s.%2$s|a %1$s message within one that is empty so far, %2$s",
            leati_ws_opcode_name(opcode), which);
        part(cases, LEATI_WS_BINARY, "", false);
        ping(cases, "still well");
        part(cases, opcode, "", is_last);
        leati_ws_case_expect_close(cases, 1002);
    }
}

void leati_ws_cases_fragments(struct leati_ws_cases *cases)
{
    leati_ws_cases_group(cases, "fragments", "RFC 6455 section 5.4");
    good(cases, LEATI_WS_TEXT);
    good(cases, LEATI_WS_BINARY);
    for (size_t size = 64; size <= 262144; size *= 4)
        frames_of_one_size(cases, size);
    bad(cases, true);
    bad(cases, false);
    leati_ws_case_begin(cases, "close-within|a Close within a message");
    part(cases, LEATI_WS_TEXT, "begin", false);
    leati_ws_case_send(cases, LEATI_WS_CLOSE, "\x03\xe9", 2);
    leati_ws_case_expect_answer(cases, 1001);
}
