/* SPDX-License-Identifier: Apache-2.0 */
#include "util/readable.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *format(char *buf, size_t cap, const char *text)
{
    leati_readable_format(buf, cap, "%s", text);
    return buf;
}

Test(readable, what_acts_upon_a_terminal_becomes_a_question_mark, .timeout = 10)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {"a\033[31mb\x07", "a?[31mb?"},
        {"line\r\nline\ttab", "line??line?tab"},
        {"\x7f", "?"},
        {"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "???\xc2\xa0"}, /* C1, then U+00A0 */
        {"\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f", "???"},         /* U+061C, U+200E, U+200F */
        {"\xe2\x80\xa8\xe2\x80\xa9", "??"},                  /* U+2028, U+2029 */
        {"\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae\xe2\x80\xaf",
         "?????\xe2\x80\xaf"}, /* U+202A to U+202F */
        {"\xef\xbb\xbf\xef\xbf\xb9\xef\xbf\xba\xef\xbf\xbb\xef\xbf\xbc",
         "????\xef\xbf\xbc"}, /* U+FEFF, U+FFF9 to U+FFFC */
        {"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9\xe2\x81\xaa",
         "\xe2\x81\xa5????\xe2\x81\xaa"}, /* U+2065 to U+206A */
        {"Gr\xc3\xb6\xc3\x9f"
         "e \xe4\xb8\xad \xf0\x9f\x98\x80",
         "Gr\xc3\xb6\xc3\x9f"
         "e \xe4\xb8\xad \xf0\x9f\x98\x80"},
        {"\xff"
         "a\xc3",
         "?a?"},                                               /* no UTF-8 */
        {"\xc0\xae\xed\xa0\x80\xf4\x90\x80\x80", "?????????"}, /* overlong, surrogate, too high */
        {"\xe2\x82", "??"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char buf[64];
        cr_expect_str_eq(format(buf, sizeof(buf), cases[i].text), cases[i].shown, "case %zu: %s", i,
                         buf);
    }
}

Test(readable, what_is_too_long_says_so, .timeout = 10)
{
    static const struct {
        size_t cap;
        const char *text, *shown;
    } cases[] = {
        {12, "eleven char", "eleven char"},
        {11, "eleven char", "eleven ..."},
        {10, "eleven char", "eleven..."},
        {9, "eleven char", "eleve..."},
        {12, "one two three", "one two ..."},
        {11, "one two three", "one two..."},
        {10, "one two three", "one ..."},
        {8, "one two three", "one ..."},
        {7, "one two three", "one..."},
        {4, "one two three", "..."},
        {3, "one two three", ".."},
        {1, "one two three", ""},
        {9, "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6", "\xc3\xb6\xc3\xb6..."}, /* 10 bytes */
        {10, "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6", "\xc3\xb6\xc3\xb6\xc3\xb6..."},
        {10, "aaaaaaaa\xf0\x9f\x98\x80", "aaaaaa..."},
        {11,
         "aaaaaa\xf0\x9f\x98\x80"
         "aa",
         "aaaaaa..."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char buf[64];
        cr_expect_str_eq(format(buf, cases[i].cap, cases[i].text), cases[i].shown, "case %zu: %s",
                         i, buf);
    }
}

/* Whatever is cut where: it fits, is UTF-8, and a word is whole or followed by dots. */
Test(readable, every_length_of_a_text, .timeout = 10)
{
    static const char text[] = "the server chose \"gr\xc3\xb6\xc3\x9f"
                               "er\", \xe4\xb8\xad\xe6\x96\x87 and more";
    for (size_t cap = 1; cap <= sizeof(text) + 1; cap++) {
        char buf[sizeof(text) + 1];
        memset(buf, 'x', sizeof(buf));
        format(buf, cap, text);
        size_t len = strlen(buf);
        cr_assert_lt(len, cap);
        cr_assert(!strchr(buf, '?'), "%s", buf);
        if (cap >= sizeof(text)) {
            cr_assert_str_eq(buf, text);
        } else if (cap > 3) {
            cr_assert_str_eq(buf + len - 3, "...");
            cr_assert(strncmp(buf, text, len - 3) == 0, "%s", buf);
        }
    }
}

Test(readable, append, .timeout = 10)
{
    char buf[16];
    size_t pos = 0;
    leati_readable_append(buf, sizeof(buf), &pos, "%s", "one");
    cr_assert(pos == 3);
    leati_readable_append(buf, sizeof(buf), &pos, ", %s\033", "two");
    cr_assert_str_eq(buf, "one, two?");
    cr_assert(pos == 9);
    leati_readable_append(buf, sizeof(buf), &pos, "%s", "");
    cr_assert(pos == 9);
    leati_readable_append(buf, sizeof(buf), &pos, ", %s", "three");
    cr_assert_str_eq(buf, "one, two?, ...");
    leati_readable_append(buf, sizeof(buf), &pos, "x");
    cr_assert_str_eq(buf, "one, two?, ...");
    leati_readable_append(buf, 0, &pos, "x");
}

Test(readable, excerpts, .timeout = 10)
{
    cr_expect_str_eq(leati_excerpt("short", 10).text, "short");
    cr_expect_str_eq(leati_excerpt("0123456789", 10).text, "0123456789");
    cr_expect_str_eq(leati_excerpt("0123456789a", 10).text, "0123456...");
    cr_expect_str_eq(leati_excerpt_of("0123456789a", 5, 10).text, "01234");
    cr_expect_str_eq(leati_excerpt_of("0123456789a", 11, 10).text, "0123456...");
    cr_expect_str_eq(leati_excerpt_of("", 0, 10).text, "");
    static char large[2000];
    memset(large, 'x', sizeof(large) - 1);
    cr_expect_eq(strlen(leati_excerpt(large, 1000).text), LEATI_EXCERPT_MAX);
}
