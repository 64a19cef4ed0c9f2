/* SPDX-License-Identifier: Apache-2.0 */
#include "util/code_spelling.h"

#include "util/text.h"

#include <stdbool.h>
#include <string.h>

/** What other characters stand for in the documents. */
static const struct {
    const char *written;
    char ascii;
} characters[] = {
    {"\u2010", '-'}, {"\u2011", '-'}, {"\u2012", '-'}, {"\u2013", '-'},
    {"\u2014", '-'}, {"\u2015", '-'}, {"\u2212", '-'}, {"\u301c", '~'},
    {"\u223c", '~'}, {"\uff5e", '~'}, {"\u3000", ' '}, {"\t", ' '},
};

/** Reads one character of `s`, 1 to 3 bytes, as ASCII if it has such a meaning. */
static size_t character_read(const char *s, char *ret_ascii)
{
    for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++) {
        size_t len = strlen(characters[i].written);
        if (strncmp(s, characters[i].written, len) == 0) {
            *ret_ascii = characters[i].ascii;
            return len;
        }
    }
    const unsigned char *u = (const unsigned char *)s;
    /* U+FF01 to U+FF5E are the full-width forms of 0x21 to 0x7E. */
    if (u[0] == 0xEF && (u[1] == 0xBC || u[1] == 0xBD) && u[2] >= 0x80 && u[2] <= 0xBF) {
        unsigned low = (u[1] == 0xBD ? 0x40u : 0u) + (u[2] - 0x80u);
        if (low >= 1 && low <= 0x5E) {
            *ret_ascii = (char)(low + 0x20);
            return 3;
        }
    }
    *ret_ascii = *s;
    return 1;
}

static bool is_joint(char c)
{
    return c == '=' || c == '_';
}

/** Whether the last word of these begins with a digit: then a dash behind it is that of a range. */
static bool ends_with_number(const char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && text[start - 1] != ' ')
        start--;
    return start < len && text[start] >= '0' && text[start] <= '9';
}

/** Whether a space behind these characters says nothing. */
static bool space_is_idle(const char *text, size_t len)
{
    return len > 0 &&
           (is_joint(text[len - 1]) || (text[len - 1] == '-' && ends_with_number(text, len - 1)));
}

/** The length without the spaces at the end, if they say nothing in front of `c`. */
static size_t idle_spaces_drop(const char *text, size_t len, char c)
{
    size_t word_len = len;
    while (word_len > 0 && text[word_len - 1] == ' ')
        word_len--;
    bool are_idle = is_joint(c) || (c == '-' && ends_with_number(text, word_len));
    return are_idle && word_len > 0 ? word_len : len;
}

void leati_code_spelling_read(const char *text, char ret_text[LEATI_CODE_SPELLING_SIZE])
{
    size_t len = 0;
    while (*text) {
        char c;
        text += character_read(text, &c);
        c = c == '~' && len > 0 ? '-' : c;
        if (c == ' ' && *text && space_is_idle(ret_text, len))
            continue;
        len = idle_spaces_drop(ret_text, len, c);
        if (len + 1 >= LEATI_CODE_SPELLING_SIZE) {
            len = 0;
            break;
        }
        ret_text[len++] = c;
    }
    ret_text[len] = '\0';
}

char *leati_code_spelling_behind(char text[LEATI_CODE_SPELLING_SIZE], const char *words)
{
    size_t len = strlen(words);
    if (strlen(text) <= len + 1 || !leati_text_equal_nocase(text, len, words, len) ||
        !strchr(" :=", text[len]))
        return NULL;
    char *rest = text + len + 1;
    rest += text[len] == ':' && *rest == ' ';
    if (*rest == ' ')
        return NULL;
    rest[strcspn(rest, ",;")] = '\0'; /* "ErrCode:10054,ErrorType:0" of a log */
    return rest;
}

char *leati_code_spelling_skip_code(char text[LEATI_CODE_SPELLING_SIZE])
{
    static const char *const words[] = {"errcode", "error code", "error", "err", "code", "错误码"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char *rest = leati_code_spelling_behind(text, words[i]);
        if (rest)
            return rest;
    }
    return text;
}
