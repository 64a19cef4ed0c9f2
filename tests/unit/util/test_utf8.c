/* SPDX-License-Identifier: Apache-2.0 */
#include "util/utf8.h"

#include <criterion/criterion.h>
#include <string.h>

/* The definition, decoded in full: slow, and shares nothing with the code under test. */
static bool reference_valid(const uint8_t *s, size_t len)
{
    while (len > 0) {
        uint32_t c = s[0];
        size_t tail = c < 0x80 ? 0 : c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        static const uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
        if ((c >= 0x80 && c < 0xC0) || c >= 0xF8 || len < tail + 1)
            return false;
        if (tail > 0)
            c &= 0x3Fu >> tail;
        for (size_t i = 1; i <= tail; i++) {
            if ((s[i] & 0xC0) != 0x80)
                return false;
            c = c << 6 | (s[i] & 0x3Fu);
        }
        if (c < lowest[tail] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
            return false;
        s += tail + 1;
        len -= tail + 1;
    }
    return true;
}

static bool valid_in_pieces(const uint8_t *s, size_t len, size_t split)
{
    struct leati_utf8 utf8 = {0};

    return leati_utf8_feed(&utf8, s, split) && leati_utf8_feed(&utf8, s + split, len - split) &&
           leati_utf8_complete(&utf8);
}

Test(utf8, all_sequences_of_up_to_three_bytes, .timeout = 120)
{
    uint8_t s[3];

    for (unsigned a = 0; a < 256; a++) {
        s[0] = (uint8_t)a;
        cr_assert_eq(leati_utf8_valid(s, 1), reference_valid(s, 1));
        for (unsigned b = 0; b < 256; b++) {
            s[1] = (uint8_t)b;
            if (leati_utf8_valid(s, 2) != reference_valid(s, 2))
                cr_assert_fail("%02x %02x", a, b);
            for (unsigned c = 0; c < 256; c++) {
                s[2] = (uint8_t)c;
                if (leati_utf8_valid(s, 3) != reference_valid(s, 3))
                    cr_assert_fail("%02x %02x %02x", a, b, c);
            }
        }
    }
}

Test(utf8, four_byte_sequences_over_all_boundaries, .timeout = 60)
{
    static const uint8_t edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                    0xC1, 0xC2, 0xDF, 0xE0, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF};
    const size_t n = sizeof(edges);

    for (unsigned a = 0xE0; a < 256; a++) {
        for (size_t i = 0; i < n * n * n; i++) {
            uint8_t s[4] = {(uint8_t)a, edges[i % n], edges[i / n % n], edges[i / n / n]};
            bool expected = reference_valid(s, 4);
            for (size_t split = 0; split <= 4; split++)
                if (valid_in_pieces(s, 4, split) != expected)
                    cr_assert_fail("%02x %02x %02x %02x", s[0], s[1], s[2], s[3]);
        }
    }
}

Test(utf8, fails_at_the_first_bad_byte, .timeout = 10)
{
    static const struct {
        const char *text;
        size_t good; /* bytes that can begin a valid text */
    } cases[] = {
        {"\xC0\x80", 0},
        {"\xE0\x9F", 1},
        {"\xED\xA0", 1},
        {"\xF0\x8F", 1},
        {"\xF4\x90", 1},
        {"\xF5", 0},
        {"a\xE2\x82"
         "a",
         3},
        {"\x80", 0},
        {"\xF0\x9F\x98\x41", 3},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leati_utf8 utf8 = {0};
        const uint8_t *s = (const uint8_t *)cases[i].text;
        for (size_t k = 0; k < cases[i].good; k++)
            cr_assert(leati_utf8_feed(&utf8, s + k, 1), "case %zu byte %zu", i, k);
        cr_assert_not(leati_utf8_feed(&utf8, s + cases[i].good, 1), "case %zu", i);
        cr_assert_not(leati_utf8_feed(&utf8, (const uint8_t *)"a", 1), "it stays invalid");
        cr_assert_not(leati_utf8_complete(&utf8));
    }
}

Test(utf8, an_open_character_is_not_complete, .timeout = 10)
{
    struct leati_utf8 utf8 = {0};
    const uint8_t *s = (const uint8_t *)"\xF0\x9F\x98\x80";

    cr_assert(leati_utf8_complete(&utf8), "the empty text");
    for (size_t i = 0; i < 4; i++) {
        cr_assert(leati_utf8_feed(&utf8, s + i, 1));
        cr_assert_eq(leati_utf8_complete(&utf8), i == 3);
    }
    cr_assert(leati_utf8_feed(&utf8, s, 0));
}

/* The blocks of the fast path against byte by byte: one character at each place of a long text,
 * with one byte of it changed, and cut at each place. */
Test(utf8, long_texts_block_by_block_and_byte_by_byte, .timeout = 120)
{
    static const char *const inserts[] = {
        "",     "\xC3\xA9",     "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
        "\x80", "\xED\xA0\x80", "\xFF",         "\xE2\x82"};
    uint8_t text[220];

    for (size_t k = 0; k < sizeof(inserts) / sizeof(inserts[0]); k++) {
        size_t insert_len = strlen(inserts[k]);
        for (size_t at = 0; at + insert_len <= sizeof(text); at++) {
            memset(text, 'a', sizeof(text));
            memcpy(text + at, inserts[k], insert_len);
            bool expected = reference_valid(text, sizeof(text));
            cr_assert_eq(leati_utf8_valid(text, sizeof(text)), expected);
            for (size_t split = 0; split <= sizeof(text); split += 7)
                cr_assert_eq(valid_in_pieces(text, sizeof(text), split), expected);
            struct leati_utf8 utf8 = {0};
            bool valid = true;
            for (size_t i = 0; i < sizeof(text); i++)
                valid = leati_utf8_feed(&utf8, text + i, 1);
            cr_assert_eq(valid && leati_utf8_complete(&utf8), expected);
        }
    }
}

/* A whole block of ASCII inside of a character is not to be passed over. */
Test(utf8, a_character_cut_by_a_block_of_ascii, .timeout = 10)
{
    enum { BLOCK = 128 };
    uint8_t text[3 * BLOCK];

    for (size_t at = 0; at < BLOCK; at++) {
        struct leati_utf8 utf8 = {0};
        memset(text, 'a', sizeof(text));
        memcpy(text + at, "\xE2\x82", 2);
        text[at + 2 + BLOCK] = 0xAC;
        cr_assert_not(leati_utf8_valid(text, sizeof(text)));
        cr_assert(leati_utf8_feed(&utf8, text, at + 2));
        cr_assert_not(leati_utf8_feed(&utf8, text + at + 2, BLOCK));
    }
}

Test(utf8, multibyte_text_longer_than_a_block, .timeout = 10)
{
    static const char word[] = "\xE4\xBD\xA0\xE5\xA5\xBD \xD0\xB0 \xF0\x9F\x98\x80z";
    const size_t word_len = sizeof(word) - 1;
    uint8_t text[64 * (sizeof(word) - 1)];

    for (size_t i = 0; i < 64; i++)
        memcpy(text + i * word_len, word, word_len);
    cr_assert(leati_utf8_valid(text, sizeof(text)));
    for (size_t len = 0; len <= sizeof(text); len++)
        cr_assert_eq(leati_utf8_valid(text, len), reference_valid(text, len));
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] ^= 0x40;
        cr_assert_eq(leati_utf8_valid(text, sizeof(text)), reference_valid(text, sizeof(text)));
        text[i] ^= 0x40;
    }
}
