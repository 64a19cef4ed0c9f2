/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 sections 5.6 and 8.1: what UTF-8 is says RFC 3629. */
#include "testing/conformance/ws_cases.h"

#include <stdio.h>
#include <string.h>

static const char *const good[] = {
    "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
    "\x7f",
    "\xc2\x80",
    "\xdf\xbf",
    "\xe0\xa0\x80",
    "\xed\x9f\xbf",
    "\xee\x80\x80",
    "\xef\xbf\xbd",
    "\xef\xbf\xbe", /* U+FFFE and U+FFFF are characters like others here */
    "\xef\xbf\xbf",
    "\xf0\x90\x80\x80",
    "\xf4\x8f\xbf\xbf",
    "\xef\xb7\x90",
    "\xf0\x9f\xbf\xbe\xf0\x9f\xbf\xbf",
    "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!",
    "\xef\xbb\xbfwith a byte order mark",
    "a\xcc\x81\xcc\x82\xcc\x83",
};

static const char *const bad[] = {
    "\x80",
    "\xbf",
    "\x80\xbf\x80",
    "\xc2",
    "\xc3 ",
    "\xe0\xa0",
    "\xe1\x80 ",
    "\xf0\x90\x80",
    "\xf1\x80\x80 ",
    "\xc0\x80",
    "\xc0\xaf",
    "\xc1\xbf",
    "\xe0\x80\xaf",
    "\xe0\x9f\xbf",
    "\xf0\x80\x80\xaf",
    "\xf0\x8f\xbf\xbf",
    "\xed\xa0\x80",
    "\xed\xaf\xbf",
    "\xed\xb0\x80",
    "\xed\xbf\xbf",
    "\xed\xa0\x80\xed\xb0\x80",
    "\xf4\x90\x80\x80",
    "\xf5\x80\x80\x80",
    "\xf8\x88\x80\x80\x80",
    "\xfc\x84\x80\x80\x80\x80",
    "\xfe",
    "\xff",
    "\xfe\xfe\xff\xff",
    "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\200edited",
    "\xe2\x28\xa1",
    "\xf0\x28\x8c\xbc",
    "\xc3\x28",
};

static void valid_texts(struct leati_ws_cases *cases)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        size_t len = strlen(good[i]);
        leati_ws_case_begin(cases, "valid.%1$zu|valid text %1$zu", i + 1);
        leati_ws_case_message(cases, LEATI_WS_TEXT, good[i], len);
        leati_ws_case_begin(
            cases, "valid-fragments.%1$zu|valid text %1$zu, a fragment for each byte", i + 1);
        for (size_t at = 0; at < len; ++at)
            leati_ws_case_frame(
                cases, LEATI_WS_FRAME(.opcode = at ? LEATI_WS_CONTINUATION : LEATI_WS_TEXT,
                                      .not_fin = at + 1 < len, .payload = good[i] + at, .len = 1));
        leati_ws_case_expect(cases, LEATI_WS_TEXT, good[i], len);
    }
    leati_ws_case_begin(cases, "valid.nul|a text of NULs");
    leati_ws_case_message(cases, LEATI_WS_TEXT, "\0\0\0", 3);
    leati_ws_case_begin(cases, "valid.all|all valid texts on one connection");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i)
        leati_ws_case_message(cases, LEATI_WS_TEXT, good[i], strlen(good[i]));
}

/* "e2 82", cut. */
static void hex_write(const char *text, char *ret_hex, size_t cap)
{
    size_t at = 0;
    ret_hex[0] = '\0';
    for (; *text && at + 4 < cap; ++text)
        at += (size_t)snprintf(ret_hex + at, cap - at, "%s%02x", at ? " " : "", (uint8_t)*text);
}

static void invalid_text(struct leati_ws_cases *cases, size_t number)
{
    const char *text = bad[number];
    size_t len = strlen(text);
    char shown[40];
    hex_write(text, shown, sizeof(shown));

    leati_ws_case_begin(cases, "invalid.%1$zu|invalid text %1$zu: %2$s", number + 1, shown);
    leati_ws_case_message(cases, LEATI_WS_TEXT, "fine", 4);
    leati_ws_case_send(cases, LEATI_WS_TEXT, text, len);
    leati_ws_case_expect_close(cases, 1007);

    leati_ws_case_begin(cases,
                        "invalid-between.%1$zu|invalid text %1$zu between good characters: %2$s",
                        number + 1, shown);
    struct leati_bytes whole = {0};
    leati_bytes_add(&whole, "good ", 5);
    leati_bytes_add(&whole, text, len);
    leati_bytes_add(&whole, " good", 5);
    leati_ws_case_send(cases, LEATI_WS_TEXT, whole.data, whole.len);
    leati_bytes_done(&whole);
    leati_ws_case_expect_close(cases, 1007);

    leati_ws_case_begin(
        cases, "invalid-fragments.%1$zu|invalid text %1$zu, a fragment for each byte: %2$s",
        number + 1, shown);
    for (size_t at = 0; at < len; ++at)
        leati_ws_case_frame(cases,
                            LEATI_WS_FRAME(.opcode = at ? LEATI_WS_CONTINUATION : LEATI_WS_TEXT,
                                           .not_fin = true, .payload = text + at, .len = 1));
    leati_ws_case_send(cases, LEATI_WS_CONTINUATION, NULL, 0);
    leati_ws_case_expect_close(cases, 1007);

    leati_ws_case_begin(cases, "binary.%1$zu|invalid text %1$zu as a binary message: %2$s",
                        number + 1, shown);
    leati_ws_case_message(cases, LEATI_WS_BINARY, text, len);
}

/* As soon as no byte that may follow can make it good: the rest never comes. */
static void fails_at_once(struct leati_ws_cases *cases)
{
    static const char text[] = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90";

    leati_ws_case_begin(cases, "fast.first|invalid in the first fragment, the second never comes")
        ->demand = LEATI_WS_FAIL_FAST;
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .not_fin = true,
                                              .payload = text, .len = sizeof(text) - 1));
    leati_ws_case_expect_close(cases, 1007);
    leati_ws_case_begin(cases, "fast.second|invalid in the second fragment, the third never comes")
        ->demand = LEATI_WS_FAIL_FAST;
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .not_fin = true,
                                              .payload = text, .len = sizeof(text) - 2));
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = LEATI_WS_CONTINUATION, .not_fin = true,
                                              .payload = "\x90", .len = 1));
    leati_ws_case_expect_close(cases, 1007);
    leati_ws_case_begin(cases,
                        "fast.frame|invalid in the middle of a frame, whose rest never comes")
        ->demand = LEATI_WS_FAIL_FAST;
    leati_ws_case_frame(cases, LEATI_WS_FRAME(.opcode = LEATI_WS_TEXT, .announce = 1000,
                                              .payload = text, .len = sizeof(text) - 1));
    leati_ws_case_expect_close(cases, 1007);
}

void leati_ws_cases_text(struct leati_ws_cases *cases)
{
    leati_ws_cases_group(cases, "utf8", "RFC 6455 section 8.1");
    valid_texts(cases);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i)
        invalid_text(cases, i);
    fails_at_once(cases);
}
