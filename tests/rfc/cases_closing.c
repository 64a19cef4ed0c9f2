/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 sections 5.5.1 and 7. */
#include "rfc/cases.h"

#include <string.h>

static void close_send(struct rfc_cases *cases, unsigned code, const void *reason, size_t len)
{
    uint8_t body[2 + 200] = {(uint8_t)(code >> 8), (uint8_t)code};
    if (len > 0)
        memcpy(body + 2, reason, len);
    rfc_case_send(cases, RFC_CLOSE, body, 2 + len);
    if (cases->items[cases->count - 1].reason.len == 0)
        rfc_case_expect_reason(cases, reason, len);
}

static void codes(struct rfc_cases *cases)
{
    static const uint16_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                    1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    static const uint16_t bad[] = {0,    1,    999,  1004, 1005,  1006,  1015, 1016,
                                   1100, 2000, 2999, 5000, 10000, 32768, 65535};
    for (size_t i = 0; i < 2 * sizeof(good) / sizeof(good[0]); ++i) {
        rfc_case_begin(cases, "close code %u%s", good[i / 2], i % 2 ? " with a reason" : "");
        close_send(cases, good[i / 2], "because", i % 2 ? 7 : 0);
        rfc_case_expect_close(cases, good[i / 2]);
    }
    for (size_t i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); ++i) {
        rfc_case_begin(cases, "close code %u%s", bad[i / 2], i % 2 ? " with a reason" : "");
        close_send(cases, bad[i / 2], "because", i % 2 ? 7 : 0);
        rfc_case_expect_close(cases, 1002);
    }
}

static void bodies(struct rfc_cases *cases)
{
    static const char nuls[123] = "A";
    char longest[123];
    memset(longest, '*', sizeof(longest));

    rfc_case_begin(cases, "Close without a body");
    rfc_case_send(cases, RFC_CLOSE, NULL, 0);
    rfc_case_expect_close(cases, 0);
    rfc_case_begin(cases, "Close with a body of one byte");
    rfc_case_send(cases, RFC_CLOSE, "\x03", 1);
    rfc_case_expect_close(cases, 1002);
    rfc_case_begin(cases, "Close with the longest reason");
    close_send(cases, 1000, longest, sizeof(longest));
    rfc_case_expect_close(cases, 1000);
    rfc_case_begin(cases, "Close with a reason that is too long");
    close_send(cases, 1000, memset((char[124]){0}, 'x', 124), 124);
    rfc_case_expect_close(cases, 1002);
    for (size_t len = 1; len <= sizeof(nuls); len = len * 2 + 1) {
        rfc_case_begin(cases, "Close with a reason of %zu bytes, most of them NUL", len);
        close_send(cases, 1000, nuls, len);
        rfc_case_expect_close(cases, 1000);
        rfc_case_begin(cases, "Close with a reason of %zu NULs", len);
        close_send(cases, 4000, nuls + 1, len - 1);
        rfc_case_expect_close(cases, 4000);
    }
}

static void reasons(struct rfc_cases *cases)
{
    static const char *const bad[] = {
        "\xff",
        "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\200edited",
        "cut\xe2\x82",
        "\xc0\xaf",
        "\xf4\x90\x80\x80",
        "\x80"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        rfc_case_begin(cases, "Close with reason %zu that is not UTF-8", i);
        close_send(cases, 1000, bad[i], strlen(bad[i]));
        rfc_case_expect_close(cases, 1007);
    }
    rfc_case_begin(cases, "Close with a reason that is UTF-8");
    close_send(cases, 1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf0\x9f\x98\x80", 16);
    rfc_case_expect_close(cases, 1000);
}

/* Nothing is answered any more. */
static void behind_the_close(struct rfc_cases *cases)
{
    rfc_case_begin(cases, "a message behind the Close");
    rfc_case_message(cases, RFC_TEXT, "first", 5);
    close_send(cases, 1000, NULL, 0);
    rfc_case_send(cases, RFC_TEXT, "late", 4);
    rfc_case_expect_close(cases, 1000);
    rfc_case_begin(cases, "a Ping behind the Close");
    close_send(cases, 1000, NULL, 0);
    rfc_case_send(cases, RFC_PING, "late", 4);
    rfc_case_expect_close(cases, 1000);
    rfc_case_begin(cases, "two Closes");
    close_send(cases, 1000, "first", 5);
    close_send(cases, 1001, "second", 6);
    rfc_case_expect_close(cases, 1000);
    rfc_case_begin(cases, "what is malformed behind the Close");
    close_send(cases, 1001, NULL, 0);
    rfc_case_frame(cases, &(struct raw_frame){.opcode = RFC_PING, .form = LENGTH_64});
    rfc_case_expect_close(cases, 1001);
    rfc_case_begin(cases, "half a frame behind the Close");
    close_send(cases, 1001, NULL, 0);
    rfc_case_frame(cases, &(struct raw_frame){.opcode = RFC_BINARY, .announce = 1000});
    rfc_case_expect_close(cases, 1001);
    rfc_case_begin(cases, "a continuation behind the Close");
    rfc_case_frame(cases, &(struct raw_frame){.opcode = RFC_TEXT, .not_fin = true});
    close_send(cases, 1001, NULL, 0);
    rfc_case_send(cases, RFC_CONTINUATION, "rest", 4);
    rfc_case_expect_close(cases, 1001);
}

void rfc_cases_closing(struct rfc_cases *cases)
{
    codes(cases);
    bodies(cases);
    reasons(cases);
    behind_the_close(cases);
}
