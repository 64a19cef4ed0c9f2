/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 sections 5.5.1 and 7. */
#include "testing/conformance/ws_cases.h"

#include <string.h>

static void close_send(struct leati_ws_cases *cases, unsigned code, const void *reason, size_t len)
{
    uint8_t body[2 + 200] = {(uint8_t)(code >> 8), (uint8_t)code};
    if (len > 0)
        memcpy(body + 2, reason, len);
    leati_ws_case_send(cases, LEATI_WS_CLOSE, body, 2 + len);
    if (cases->items[cases->count - 1].reason.len == 0)
        leati_ws_case_expect_reason(cases, reason, len);
}

static void codes(struct leati_ws_cases *cases)
{
    static const uint16_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                    1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    static const uint16_t bad[] = {0,    1,    999,  1004, 1005,  1006,  1015, 1016,
                                   1100, 2000, 2999, 5000, 10000, 32768, 65535};
    for (size_t i = 0; i < 2 * sizeof(good) / sizeof(good[0]); ++i) {
        leati_ws_case_begin(cases, "code.%1$u%2$s|a Close with code %1$u%3$s", good[i / 2],
                            i % 2 ? ".reason" : "", i % 2 ? " and a reason" : "");
        close_send(cases, good[i / 2], "because", i % 2 ? 7 : 0);
        leati_ws_case_expect_answer(cases, good[i / 2]);
    }
    for (size_t i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); ++i) {
        leati_ws_case_begin(cases, "bad-code.%1$u%2$s|a Close with code %1$u%3$s, which is none",
                            bad[i / 2], i % 2 ? ".reason" : "", i % 2 ? " and a reason" : "");
        close_send(cases, bad[i / 2], "because", i % 2 ? 7 : 0);
        leati_ws_case_expect_close(cases, 1002);
    }
}

static void bodies(struct leati_ws_cases *cases)
{
    static const char nuls[123] = "A";
    char longest[123];
    memset(longest, '*', sizeof(longest));

    leati_ws_case_begin(cases, "empty|a Close without a body");
    leati_ws_case_send(cases, LEATI_WS_CLOSE, NULL, 0);
    leati_ws_case_expect_answer(cases, 0);
    leati_ws_case_begin(cases, "one-byte|a Close with a body of one byte");
    leati_ws_case_send(cases, LEATI_WS_CLOSE, "\x03", 1);
    leati_ws_case_expect_close(cases, 1002);
    leati_ws_case_begin(cases, "reason.123|a Close with the longest reason, 123 bytes");
    close_send(cases, 1000, longest, sizeof(longest));
    leati_ws_case_expect_answer(cases, 1000);
    leati_ws_case_begin(cases, "reason.124|a Close with a reason of 124 bytes, which is too long");
    close_send(cases, 1000, memset((char[124]){0}, 'x', 124), 124);
    leati_ws_case_expect_close(cases, 1002);
    for (size_t len = 1; len <= sizeof(nuls); len = len * 2 + 1) {
        leati_ws_case_begin(
            cases, "reason.nul.%1$zu|a Close with a reason of %1$zu bytes, most of them NUL", len);
        close_send(cases, 1000, nuls, len);
        leati_ws_case_expect_answer(cases, 1000);
        leati_ws_case_begin(cases, "reason.nuls.%1$zu|a Close with a reason of %1$zu NULs",
                            len - 1);
        close_send(cases, 4000, nuls + 1, len - 1);
        leati_ws_case_expect_answer(cases, 4000);
    }
}

static void reasons(struct leati_ws_cases *cases)
{
    static const char *const bad[] = {
        "\xff",
        "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\200edited",
        "cut\xe2\x82",
        "\xc0\xaf",
        "\xf4\x90\x80\x80",
        "\x80"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        leati_ws_case_begin(
            cases, "reason.not-utf8.%1$zu|a Close with a reason that is not UTF-8 (%1$zu)", i + 1);
        close_send(cases, 1000, bad[i], strlen(bad[i]));
        leati_ws_case_expect_close(cases, 1007);
    }
    leati_ws_case_begin(cases, "reason.utf8|a Close with a reason that is UTF-8");
    close_send(cases, 1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf0\x9f\x98\x80", 16);
    leati_ws_case_expect_answer(cases, 1000);
}

/* Nothing is answered any more. */
static void behind_the_close(struct leati_ws_cases *cases)
{
    leati_ws_case_begin(cases, "behind.message|a message behind the Close");
    leati_ws_case_message(cases, LEATI_WS_TEXT, "first", 5);
    close_send(cases, 1000, NULL, 0);
    leati_ws_case_send(cases, LEATI_WS_TEXT, "late", 4);
    leati_ws_case_expect_answer(cases, 1000);
    leati_ws_case_begin(cases, "behind.ping|a Ping behind the Close");
    close_send(cases, 1000, NULL, 0);
    leati_ws_case_send(cases, LEATI_WS_PING, "late", 4);
    leati_ws_case_expect_answer(cases, 1000);
    leati_ws_case_begin(cases, "behind.close|two Closes");
    close_send(cases, 1000, "first", 5);
    close_send(cases, 1001, "second", 6);
    leati_ws_case_expect_answer(cases, 1000);
    leati_ws_case_begin(cases, "behind.malformed|a malformed frame behind the Close");
    close_send(cases, 1001, NULL, 0);
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = LEATI_WS_PING, .form = LEATI_FRAME_64));
    leati_ws_case_expect_answer(cases, 1001);
    leati_ws_case_begin(cases, "behind.half|half a frame behind the Close");
    close_send(cases, 1001, NULL, 0);
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = LEATI_WS_BINARY, .announce = 1000));
    leati_ws_case_expect_answer(cases, 1001);
    leati_ws_case_begin(cases, "behind.continuation|a continuation behind the Close");
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .not_fin = true));
    close_send(cases, 1001, NULL, 0);
    leati_ws_case_send(cases, LEATI_WS_CONTINUATION, "rest", 4);
    leati_ws_case_expect_answer(cases, 1001);
}

void leati_ws_cases_closing(struct leati_ws_cases *cases)
{
    leati_ws_cases_group(cases, "close", "RFC 6455 section 7");
    codes(cases);
    bodies(cases);
    reasons(cases);
    behind_the_close(cases);
}
