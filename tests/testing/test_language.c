/* SPDX-License-Identifier: Apache-2.0 */
/* The text language of faults: every production, and every error with its position. */
#include "support/alloc_failure.h"

#include <leat/testing.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(language, .timeout = 60);

static struct leat_testing_fault *parsed(const char *text, size_t count)
{
    struct leat_testing_fault *faults = NULL;
    struct leat_testing_problem problem = {0};
    size_t found = 0;
    int code = leat_testing_faults_parse(text, &faults, &found, &problem);
    cr_assert(code == LEAT_OK, "%s: %zu: %s", text, problem.position, problem.text);
    cr_assert(found == count, "%s: %zu faults", text, found);
    return faults;
}

static void bytes_expect(const char *text, const void *bytes, size_t len)
{
    struct leat_testing_fault *faults = parsed(text, 1);
    cr_expect(faults->action == LEAT_TESTING_ACTION_BYTES);
    cr_expect(faults->len == len, "%s: %zu bytes", text, faults->len);
    cr_expect(faults->len == len && memcmp(faults->data, bytes, len) == 0, "%s", text);
    leat_testing_faults_free(faults);
}
#define BYTES_EXPECT(text, literal) bytes_expect(text, literal, sizeof(literal) - 1)

Test(language, nothing_is_no_fault)
{
    static const char *const texts[] = {"", " \t\r\n", NULL};
    for (size_t i = 0; i < 3; ++i) {
        struct leat_testing_fault *faults = parsed(texts[i], 0);
        cr_expect(!faults);
    }
}

Test(language, bytes)
{
    BYTES_EXPECT("reply=05,01,00,01", "\x05\x01\x00\x01");
    BYTES_EXPECT("reply=fF,Ab", "\xff\xab");
    BYTES_EXPECT(" reply = 05 , 01 ; ", "\x05\x01");
    BYTES_EXPECT("reply=\"HTTP/1.1 403 Forbidden\\r\\n\\r\\n\"", "HTTP/1.1 403 Forbidden\r\n\r\n");
    BYTES_EXPECT("reply=\"\\t\\0\\\\\\\"\\x41\\xfe;,=\"", "\t\0\\\"A\xfe;,=");
    BYTES_EXPECT("reply=\"\"", "");
    BYTES_EXPECT("reply=05,\"ab\",00", "\x05"
                                       "ab\x00");
    BYTES_EXPECT("reply=\"ab\"*3,01*2", "ababab\x01\x01");
    BYTES_EXPECT("reply=\"\"*4294967295,41", "A");
}

Test(language, long_bytes)
{
    struct leat_testing_fault *faults = parsed("reply=\"ab\"*524288", 1);
    cr_expect(faults->len == LEAT_TESTING_FAULT_BYTES_MAX);
    cr_expect(((const char *)faults->data)[faults->len - 1] == 'b');
    leat_testing_faults_free(faults);
}

Test(language, every_action)
{
    static const struct {
        const char *text;
        enum leat_testing_action action;
        uint64_t number;
        uint32_t gap_ms;
    } actions[] = {
        {"reply=delay 200", LEAT_TESTING_ACTION_DELAY, 200, 0},
        {"reply=hold", LEAT_TESTING_ACTION_HOLD, 0, 0},
        {"reply=skip", LEAT_TESTING_ACTION_SKIP, 0, 0},
        {"reply=refuse", LEAT_TESTING_ACTION_REFUSE, 0, 0},
        {"reply=refuse 5", LEAT_TESTING_ACTION_REFUSE, 5, 0},
        {"reply=split 1", LEAT_TESTING_ACTION_SPLIT, 1, 0},
        {"reply=split 1 20", LEAT_TESTING_ACTION_SPLIT, 1, 20},
        {"relay=split-at 3", LEAT_TESTING_ACTION_SPLIT_AT, 3, 0},
        {"relay=split-at 3 9", LEAT_TESTING_ACTION_SPLIT_AT, 3, 9},
        {"reply=truncate 0", LEAT_TESTING_ACTION_TRUNCATE, 0, 0},
        {"relay=rate 1000", LEAT_TESTING_ACTION_RATE, 1000, 0},
        {"relay=drop-after 4294967295", LEAT_TESTING_ACTION_DROP_AFTER, 4294967295, 0},
        {"relay=drop-after-received 7", LEAT_TESTING_ACTION_DROP_AFTER_RECEIVED, 7, 0},
        {"accept=shutdown", LEAT_TESTING_ACTION_SHUTDOWN, 0, 0},
        {"accept=stall", LEAT_TESTING_ACTION_STALL, 0, 0},
        {"accept=close", LEAT_TESTING_ACTION_CLOSE, 0, 0},
        {"accept=reset", LEAT_TESTING_ACTION_RESET, 0, 0},
    };
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); ++i) {
        struct leat_testing_fault *faults = parsed(actions[i].text, 1);
        cr_expect(faults->action == actions[i].action, "%s", actions[i].text);
        cr_expect(faults->number == actions[i].number, "%s", actions[i].text);
        cr_expect(faults->gap_ms == actions[i].gap_ms, "%s", actions[i].text);
        cr_expect(faults->step == (actions[i].text[0] == 'a'   ? LEAT_TESTING_STEP_ACCEPT
                                   : actions[i].text[2] == 'p' ? LEAT_TESTING_STEP_REPLY
                                                               : LEAT_TESTING_STEP_RELAY));
        leat_testing_faults_free(faults);
    }
}

Test(language, every_step)
{
    char text[64];
    for (int step = 0; step <= LEAT_TESTING_STEP_QUERY; ++step) {
        const char *name = leat_testing_step_name((enum leat_testing_step)step);
        cr_assert(name);
        snprintf(text, sizeof(text), "%s=delay 1", name);
        if (step == LEAT_TESTING_STEP_END)
            continue;
        struct leat_testing_fault *faults = parsed(text, 1);
        cr_expect((int)faults->step == step, "%s", text);
        leat_testing_faults_free(faults);
    }
    cr_expect(!leat_testing_step_name((enum leat_testing_step)(LEAT_TESTING_STEP_QUERY + 1)));
}

Test(language, then_connections_and_occurrences)
{
    struct leat_testing_fault *f =
        parsed("reply=05,01;then=delay 1,close;connection=2;accept=reset;connection=3-;"
               "message#3=skip;connection=4-5;ping=skip;connection=*;close=skip;",
               7);
    cr_expect(!f[0].then && f[0].first_connection == 0 && f[0].last_connection == 0);
    cr_expect(f[1].then && f[1].step == LEAT_TESTING_STEP_REPLY && f[1].number == 1);
    cr_expect(f[2].then && f[2].action == LEAT_TESTING_ACTION_CLOSE);
    cr_expect(!f[3].then && f[3].first_connection == 2 && f[3].last_connection == 2);
    cr_expect(f[4].occurrence == 3 && f[4].first_connection == 3 && f[4].last_connection == 0);
    cr_expect(f[5].occurrence == 0 && f[5].first_connection == 4 && f[5].last_connection == 5);
    cr_expect(f[6].first_connection == 0 && f[6].last_connection == 0);
    leat_testing_faults_free(f);
}

Test(language, bytes_between_actions)
{
    struct leat_testing_fault *f = parsed("reply=05,delay 10,01,02,close", 4);
    cr_expect(f[0].len == 1 && memcmp(f[0].data, "\x05", 1) == 0);
    cr_expect(f[1].action == LEAT_TESTING_ACTION_DELAY);
    cr_expect(f[2].len == 2 && memcmp(f[2].data, "\x01\x02", 2) == 0);
    cr_expect(f[3].action == LEAT_TESTING_ACTION_CLOSE);
    leat_testing_faults_free(f);
}

static const struct {
    const char *text;
    size_t position;
    const char *detail;
} errors[] = {
    {"repli=close", 0, "found 'repli', expected a step (accept"},
    {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnop=close", 0,
     "found 'abcdefghijklmnopqrstuvwxyzabcdef...', expected a step"},
    {"=close", 0, "found '=', expected a step"},
    {";", 0, "found ';', expected a step"},
    {"reply=close;;", 12, "found ';', expected a step"},
    {"end=close", 0, "the step end"},
    {"then=close", 0, "then has no step before it"},
    {"reply=skip;connection=2;then=close", 24, "then has no step before it"},
    {"reply", 5, "found the end, expected ="},
    {"reply close", 6, "found 'close', expected ="},
    {"reply=", 6, "found the end, expected bytes, delay"},
    {"reply=clos", 6, "found 'clos', expected bytes, delay"},
    {"reply=5", 6, "found '5', expected bytes"},
    {"reply=050", 6, "found '0', expected bytes"},
    {"reply=05,,", 9, "found ',', expected bytes"},
    {"reply=05 01", 9, "found '0', expected a comma"},
    {"reply=delay", 11, "expected a number up to 4294967295"},
    {"reply=delay -1", 12, "found '-', expected a number"},
    {"reply=delay 4294967296", 12, "a number up to 4294967295"},
    {"reply=delay 99999999999999999999", 12, "a number up to 4294967295"},
    {"reply=delay 3600001", 6, "more than an hour"},
    {"reply=hold 1", 11, "found '1', expected a comma"},
    {"reply=split 0", 6, "at least 1 byte"},
    {"reply=split 1 3600001", 6, "at most an hour"},
    {"relay=rate 0", 6, "a rate of 0"},
    {"relay=drop-after 0", 6, "a drop after 0 bytes"},
    {"request=skip", 8, "no answer that could be left out"},
    {"relay=truncate 1", 6, "no answer that could be left out"},
    {"greeting=split 1", 9, "no answer that could be split"},
    {"datagram=split 1", 9, "a datagram cannot be split"},
    {"datagram=skip;then=01", 19, "after a datagram"},
    {"reply=skip;then=skip", 16, "no answer that could be left out"},
    {"connect=refuse", 8, "cannot refuse so"},
    {"close=refuse", 6, "cannot refuse so"},
    {"reply=refuse 5000", 6, "cannot refuse so"},
    {"reply=close,01", 12, "nothing can come after stall"},
    {"reply=reset;reply=05", 18, "nothing can come after stall"},
    {"relay=drop-after 9,skip", 19, "behind a drop there can be only"},
    {"reply=\"abc", 10, "found the end, expected the \""},
    {"reply=\"a\nc\"", 8, "found byte 0a, expected the \""},
    {"reply=\"\\q\"", 8, "found 'q', expected r, n, t, 0, x"},
    {"reply=\"\\", 8, "found the end, expected r, n, t"},
    {"reply=\"\\x4\"", 9, "found '4', expected two hexadecimal"},
    {"reply=01*", 9, "found the end, expected a number"},
    {"reply=01*0", 9, "a number from 1"},
    {"reply=\"ab\"*524289", 17, "more than 1 MiB"},
    {"reply=\"ab\"*4294967295", 21, "more than 1 MiB"},
    {"connection=", 11, "found the end, expected a number"},
    {"connection=0;accept=close", 11, "a number from 1"},
    {"connection=3-2;accept=close", 13, "a number from 1"},
    {"connection=x", 11, "found 'x', expected a number"},
    {"message#0=skip", 8, "a number from 1"},
    {"message#=skip", 8, "found '=', expected a number"},
    {"reply=\xff", 6, "found byte ff, expected bytes"},
    {"accept=close then=close", 13, "found 'then', expected a comma"},
};

Test(language, errors_say_where_and_what)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); ++i) {
        struct leat_testing_fault *faults = NULL;
        struct leat_testing_problem problem = {0};
        size_t count = 99;
        int code = leat_testing_faults_parse(errors[i].text, &faults, &count, &problem);
        cr_expect(code == LEAT_E_PARAMETER, "%s: %d", errors[i].text, code);
        cr_expect(problem.position == errors[i].position, "%s: at %zu: %s", errors[i].text,
                  problem.position, problem.text);
        cr_expect(strstr(problem.text, errors[i].detail), "%s: %s", errors[i].text, problem.text);
        cr_expect(!faults && count == 99, "written on failure");
        cr_expect(leat_testing_faults_parse(errors[i].text, &faults, &count, NULL) ==
                  LEAT_E_PARAMETER);
    }
}

Test(language, too_many_faults)
{
    enum { CLAUSE = 8 };
    char *text = malloc(CLAUSE * (LEAT_TESTING_FAULTS_MAX + 1) + 1);
    struct leat_testing_fault *faults = NULL;
    struct leat_testing_problem problem = {0};
    size_t count = 0;
    for (size_t i = 0; i <= LEAT_TESTING_FAULTS_MAX; ++i)
        memcpy(text + CLAUSE * i, "ping=01;", CLAUSE + 1);
    cr_expect(leat_testing_faults_parse(text, &faults, &count, &problem) == LEAT_E_PARAMETER);
    cr_expect(problem.position == CLAUSE * LEAT_TESTING_FAULTS_MAX + 5, "%zu", problem.position);
    text[CLAUSE * LEAT_TESTING_FAULTS_MAX] = '\0';
    faults = parsed(text, LEAT_TESTING_FAULTS_MAX);
    leat_testing_faults_free(faults);
    free(text);
}

static bool parse_everything(void)
{
    struct leat_testing_fault *faults = NULL;
    size_t count = 0;
    int code = leat_testing_faults_parse(
        "reply=\"abc\"*100,delay 1;then=01,close;message#2=split 1 2", &faults, &count, NULL);
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL);
    cr_assert(code == LEAT_OK || !faults);
    leat_testing_faults_free(faults);
    return code == LEAT_OK;
}

Test(language, every_allocation_fails_once)
{
    int failed = alloc_failure_run_all(parse_everything);
    cr_expect(failed >= 4, "%d", failed);
}
