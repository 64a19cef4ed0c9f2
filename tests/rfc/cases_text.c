/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 sections 5.6 and 8.1: what UTF-8 is says RFC 3629. */
#include "rfc/cases.h"

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

static void valid_texts(struct rfc_cases *cases)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        size_t len = strlen(good[i]);
        rfc_case_begin(cases, "valid text %zu", i);
        rfc_case_message(cases, RFC_TEXT, good[i], len);
        rfc_case_begin(cases, "valid text %zu, a fragment for each byte", i);
        for (size_t at = 0; at < len; ++at) {
            rfc_case_frame(cases, &(struct raw_frame){.opcode = at ? RFC_CONTINUATION : RFC_TEXT,
                                                      .not_fin = at + 1 < len,
                                                      .payload = good[i] + at,
                                                      .len = 1});
        }
        rfc_case_expect(cases, RFC_TEXT, good[i], len);
    }
    rfc_case_begin(cases, "text of NULs");
    rfc_case_message(cases, RFC_TEXT, "\0\0\0", 3);
    rfc_case_begin(cases, "all valid texts on one connection");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i)
        rfc_case_message(cases, RFC_TEXT, good[i], strlen(good[i]));
}

static void invalid_text(struct rfc_cases *cases, size_t number)
{
    const char *text = bad[number];
    size_t len = strlen(text);

    rfc_case_begin(cases, "invalid text %zu", number);
    rfc_case_message(cases, RFC_TEXT, "fine", 4);
    rfc_case_send(cases, RFC_TEXT, text, len);
    rfc_case_expect_close(cases, 1007);

    rfc_case_begin(cases, "invalid text %zu between good ones", number);
    struct bytes whole = {0};
    bytes_add(&whole, "good ", 5);
    bytes_add(&whole, text, len);
    bytes_add(&whole, " good", 5);
    rfc_case_send(cases, RFC_TEXT, whole.data, whole.len);
    bytes_free(&whole);
    rfc_case_expect_close(cases, 1007);

    rfc_case_begin(cases, "invalid text %zu, a fragment for each byte", number);
    for (size_t at = 0; at < len; ++at) {
        rfc_case_frame(cases, &(struct raw_frame){.opcode = at ? RFC_CONTINUATION : RFC_TEXT,
                                                  .not_fin = true,
                                                  .payload = text + at,
                                                  .len = 1});
    }
    rfc_case_send(cases, RFC_CONTINUATION, NULL, 0);
    rfc_case_expect_close(cases, 1007);

    rfc_case_begin(cases, "invalid text %zu as binary", number);
    rfc_case_message(cases, RFC_BINARY, text, len);
}

/* As soon as no byte that may follow can make it good: the rest never comes. */
static void fails_at_once(struct rfc_cases *cases)
{
    static const char text[] = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90";

    rfc_case_begin(cases, "invalid in the first fragment, the second never comes");
    rfc_case_frame(
        cases, &(struct raw_frame){
                   .opcode = RFC_TEXT, .not_fin = true, .payload = text, .len = sizeof(text) - 1});
    rfc_case_expect_close(cases, 1007);
    rfc_case_begin(cases, "invalid in the second fragment, the third never comes");
    rfc_case_frame(
        cases, &(struct raw_frame){
                   .opcode = RFC_TEXT, .not_fin = true, .payload = text, .len = sizeof(text) - 2});
    rfc_case_frame(cases,
                   &(struct raw_frame){
                       .opcode = RFC_CONTINUATION, .not_fin = true, .payload = "\x90", .len = 1});
    rfc_case_expect_close(cases, 1007);
    rfc_case_begin(cases, "invalid in the middle of a frame, whose rest never comes");
    rfc_case_frame(
        cases, &(struct raw_frame){
                   .opcode = RFC_TEXT, .announce = 1000, .payload = text, .len = sizeof(text) - 1});
    rfc_case_expect_close(cases, 1007);
}

void rfc_cases_text(struct rfc_cases *cases)
{
    valid_texts(cases);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i)
        invalid_text(cases, i);
    fails_at_once(cases);
}
