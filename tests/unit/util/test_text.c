/* SPDX-License-Identifier: Apache-2.0 */
#include "util/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static bool equal(const char *a, const char *b)
{
    return leati_text_equal_nocase(a, strlen(a), b, strlen(b));
}

Test(text, equal_nocase_is_ascii_only, .timeout = 10)
{
    cr_assert(equal("", ""));
    cr_assert(equal("Sec-WebSocket-Key", "sec-websocket-KEY"));
    cr_assert_not(equal("a", "ab"));
    cr_assert_not(equal("a", "b"));
    /* Characters that differ in bit 5 only, and are no letters. */
    cr_assert_not(equal("@", "`"));
    cr_assert_not(equal("[", "{"));
    cr_assert_not(equal("\xC4", "\xE4"));
}

Test(text, begins_nocase_ends_with_the_shorter, .timeout = 10)
{
    cr_assert(leati_text_begins_nocase("WSS://a", "wss:"));
    cr_assert(leati_text_begins_nocase("wss:", "wss:"));
    cr_assert(leati_text_begins_nocase("", ""));
    cr_assert_not(leati_text_begins_nocase("wss", "wss:"));
    cr_assert_not(leati_text_begins_nocase("ws:", "wss:"));
    cr_assert_not(leati_text_begins_nocase("", "wss:"));
    cr_assert(leati_text_is_nocase("LocalHost", "localhost"));
    cr_assert_not(leati_text_is_nocase("localhost.", "localhost"));
}

static bool parse(const char *s, uint64_t max, uint64_t *ret_value)
{
    return leati_text_parse_u64(s, strlen(s), max, ret_value);
}

Test(text, parse_u64_takes_whole_numbers_up_to_max, .timeout = 10)
{
    uint64_t value = 7;

    cr_assert(parse("0", 0, &value) && value == 0);
    cr_assert(parse("65535", 65535, &value) && value == 65535);
    cr_assert(parse("0065535", 65535, &value) && value == 65535);
    cr_assert(parse("18446744073709551615", UINT64_MAX, &value) && value == UINT64_MAX);
    value = 7;
    static const char *const wrong[] = {"",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1a",
                                        "0x1",
                                        "65536",
                                        "18446744073709551616",
                                        "99999999999999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        cr_assert_not(parse(wrong[i], 65535, &value), "%s", wrong[i]);
    cr_assert_not(parse("18446744073709551616", UINT64_MAX, &value));
    cr_assert_not(parse("1", 0, &value));
    cr_assert_not(parse("10", 9, &value));
    cr_assert_eq(value, 7, "nothing is written on failure");
}

Test(text, token_is_the_set_of_rfc_9110, .timeout = 10)
{
    static const char tchar[] = "!#$%&'*+-.^_`|~"
                                "0123456789"
                                "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (int c = 0; c < 256; c++) {
        char s[1] = {(char)c};
        bool expected = c != 0 && strchr(tchar, c);
        cr_assert_eq(leati_text_is_token(s, 1), expected, "%02x", (unsigned)c);
    }
    cr_assert_not(leati_text_is_token("", 0));
    cr_assert_not(leati_text_is_token("a b", 3));
}

Test(text, field_value, .timeout = 10)
{
    cr_assert(leati_text_is_field_value("", 0));
    cr_assert(leati_text_is_field_value("a\tb \xFF", 5));
    cr_assert_not(leati_text_is_field_value("a\rb", 3));
    cr_assert_not(leati_text_is_field_value("a\n", 2));
    cr_assert_not(leati_text_is_field_value("a\0b", 3));
}

static bool decode(const char *s, const char *expected)
{
    char dst[64];
    size_t len = 99;

    memset(dst, 'x', sizeof(dst));
    if (!leati_text_percent_decode(s, strlen(s), dst, &len))
        return false;
    cr_assert_eq(len, strlen(expected));
    cr_assert_str_eq(dst, expected);
    return true;
}

Test(text, percent_decode, .timeout = 10)
{
    cr_assert(decode("", ""));
    cr_assert(decode("abc", "abc"));
    cr_assert(decode("a%40b%3a%3Ac", "a@b::c"));
    cr_assert(decode("%25", "%"));
    cr_assert(decode("%fF", "\xFF"));
    cr_assert_not(decode("%", ""));
    cr_assert_not(decode("a%4", ""));
    cr_assert_not(decode("%4g", ""));
    cr_assert_not(decode("%g4", ""));
    cr_assert_not(decode("%00", ""));
}

Test(text, base64_vectors_of_rfc_4648, .timeout = 10)
{
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFB\xFF\xFE", "+//+"},
    };
    char dst[16];

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const char *plain = vectors[i][0];
        const char *coded = vectors[i][1];
        const uint8_t *data = (const uint8_t *)plain;
        size_t size = strlen(coded) + 1;
        cr_assert(leati_text_base64_encode(data, strlen(plain), dst, size));
        cr_assert_str_eq(dst, coded);
        cr_assert_not(leati_text_base64_encode(data, strlen(plain), dst, size - 1));
        uint8_t back[16];
        size_t len = 99;
        cr_assert(leati_text_base64_decode(coded, strlen(coded), back, &len));
        cr_assert(len == strlen(plain) && memcmp(back, plain, len) == 0, "%s", coded);
    }
    cr_assert_not(leati_text_base64_encode((const uint8_t *)"", 0, dst, 0));
}

Test(text, base64_that_is_none, .timeout = 10)
{
    static const char *const bad[] = {"Z",       "Zm9vY", "Zg=Z",     "Zm9v====", "Zm 9",
                                      "Zm9\x80", "=Zm9",  "Zm9v-_9v", "Zm9v\n"};
    uint8_t back[16];
    size_t len = 99;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_not(leati_text_base64_decode(bad[i], strlen(bad[i]), back, &len), "%s", bad[i]);
    cr_assert_eq(len, 99);
    /* Without its padding. */
    cr_assert(leati_text_base64_decode("Zm8", 3, back, &len));
    cr_assert(len == 2 && memcmp(back, "fo", 2) == 0);
}

Test(text, append_never_passes_the_end, .timeout = 10)
{
    char buf[8];
    size_t pos = 0;

    leati_text_append(buf, sizeof(buf), &pos, "%s", "abc");
    cr_assert_str_eq(buf, "abc");
    cr_assert_eq(pos, 3);
    leati_text_append(buf, sizeof(buf), &pos, "%d", 12345678);
    cr_assert_str_eq(buf, "abc1234");
    cr_assert_eq(pos, 7);
    leati_text_append(buf, sizeof(buf), &pos, "more");
    cr_assert_str_eq(buf, "abc1234");
    pos = 100;
    leati_text_append(buf, sizeof(buf), &pos, "x");
    cr_assert_str_eq(buf, "abc1234");
    leati_text_append(NULL, 0, &pos, "x");
}

Test(text, put_never_passes_the_end, .timeout = 10)
{
    char buf[8];
    size_t pos = 0;

    leati_text_put(buf, sizeof(buf), &pos, "");
    cr_assert_str_eq(buf, "");
    leati_text_put(buf, sizeof(buf), &pos, "%s12");
    cr_assert_str_eq(buf, "%s12");
    cr_assert_eq(pos, 4);
    leati_text_put(buf, sizeof(buf), &pos, "345");
    cr_assert_str_eq(buf, "%s12345");
    leati_text_put(buf, sizeof(buf), &pos, "6");
    cr_assert_str_eq(buf, "%s12345");
    cr_assert_eq(pos, 7);
    pos = 100;
    leati_text_put(buf, sizeof(buf), &pos, "x");
    cr_assert_str_eq(buf, "%s12345");
    leati_text_put(NULL, 0, &pos, "x");
}

Test(text, numbers, .timeout = 10)
{
    char buf[LEATI_DECIMAL_SIZE];

    cr_assert_str_eq(leati_text_decimal(0, buf), "0");
    cr_assert_str_eq(leati_text_decimal(65535, buf), "65535");
    cr_assert_str_eq(leati_text_decimal(UINT64_MAX, buf), "18446744073709551615");
}

Test(text, ipv4, .timeout = 10)
{
    char buf[LEATI_IPV4_SIZE];

    leati_text_ipv4("\0\0\0", buf);
    cr_assert_str_eq(buf, "0.0.0.0");
    leati_text_ipv4("\xff\xff\xff\xff", buf);
    cr_assert_str_eq(buf, "255.255.255.255");
    leati_text_ipv4("\xc0\0\x02\x63", buf);
    cr_assert_str_eq(buf, "192.0.2.99");
}
