/* SPDX-License-Identifier: Apache-2.0 */
#include "errors/code_text.h"

#include "util/text.h"

#include <string.h>

/* ---- characters ----------------------------------------------------------------------------- */

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

/** Copies in one spelling. "" if there is no room. */
static void characters_copy(char dst[LEATI_CODE_TEXT_SIZE], const char *text)
{
    size_t len = 0;
    while (*text) {
        char c;
        text += character_read(text, &c);
        c = c == '~' && len > 0 ? '-' : c;
        if (c == ' ' && *text && space_is_idle(dst, len))
            continue;
        len = idle_spaces_drop(dst, len, c);
        if (len + 1 >= LEATI_CODE_TEXT_SIZE) {
            len = 0;
            break;
        }
        dst[len++] = c;
    }
    dst[len] = '\0';
}

/* ---- words in front ------------------------------------------------------------------------- */

static const struct {
    const char *words;
    enum leati_foreign_table_id table;
} prefixes[] = {
    {"ssl alert number", LEATI_FOREIGN_ALERT},
    {"tls alert number", LEATI_FOREIGN_ALERT},
    {"ssl alert", LEATI_FOREIGN_ALERT},
    {"tls alert", LEATI_FOREIGN_ALERT},
    {"alert", LEATI_FOREIGN_ALERT},
    {"close code", LEATI_FOREIGN_CLOSE},
    {"close", LEATI_FOREIGN_CLOSE},
    {"http status", LEATI_FOREIGN_HTTP},
    {"http/1.1", LEATI_FOREIGN_HTTP},
    {"http/1.0", LEATI_FOREIGN_HTTP},
    {"http", LEATI_FOREIGN_HTTP},
    {"socks5 rep", LEATI_FOREIGN_SOCKS5_REPLY},
    {"socks5 reply", LEATI_FOREIGN_SOCKS5_REPLY},
    {"socks5", LEATI_FOREIGN_SOCKS5_REPLY},
    {"socks4", LEATI_FOREIGN_SOCKS5_REPLY},
    {"rep", LEATI_FOREIGN_SOCKS5_REPLY},
    {"errcode", LEATI_FOREIGN_NONE},
    {"error code", LEATI_FOREIGN_NONE},
    {"error", LEATI_FOREIGN_NONE},
    {"err", LEATI_FOREIGN_NONE},
    {"code", LEATI_FOREIGN_NONE},
    {"错误码", LEATI_FOREIGN_NONE},
};

/** What the documents write instead of a key. */
static const struct {
    const char *written, *key;
} spellings[] = {
    {"其他", "others"},
    {"其它", "others"},
    {"其它 result=", "status=others result="},
    {"其他 result=", "status=others result="},
    {"一个负数", "<0"},
};

/** Where the text goes on behind `words` and a space, colon or equals sign; NULL = it does not. */
static const char *behind(const char *text, const char *words)
{
    size_t len = strlen(words);
    if (strlen(text) <= len + 1 || !leati_text_equal_nocase(text, len, words, len) ||
        !strchr(" :=", text[len])) {
        return NULL;
    }
    const char *rest = text + len + 1;
    rest += text[len] == ':' && *rest == ' ';
    return *rest == ' ' ? NULL : rest;
}

static const char *prefix_skip(const char *text, enum leati_foreign_table_id *ret_table)
{
    const char *rest;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        rest = behind(text, prefixes[i].words);
        if (rest) {
            *ret_table = prefixes[i].table;
            return rest;
        }
    }
    for (int table = LEATI_FOREIGN_NONE + 1; table < LEATI_FOREIGN_END; table++) {
        rest = behind(text, leati_foreign_tables[table].name);
        if (rest) {
            *ret_table = (enum leati_foreign_table_id)table;
            return rest;
        }
    }
    return text;
}

static void spelling_replace(char text[LEATI_CODE_TEXT_SIZE])
{
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        size_t written_len = strlen(spellings[i].written);
        size_t key_len = strlen(spellings[i].key);
        size_t rest_len = strlen(text) - written_len;
        bool goes_on = spellings[i].key[key_len - 1] == '=';
        if (strncmp(text, spellings[i].written, written_len) == 0 && (rest_len > 0) == goes_on &&
            key_len + rest_len < LEATI_CODE_TEXT_SIZE) {
            memmove(text + key_len, text + written_len, rest_len + 1);
            memcpy(text, spellings[i].key, key_len);
            return;
        }
    }
}

void leati_code_text_read(const char *text, struct leati_code_text *ret_text)
{
    ret_text->table = LEATI_FOREIGN_NONE;
    characters_copy(ret_text->text, text);
    const char *behind_prefix = prefix_skip(ret_text->text, &ret_text->table);
    char *rest = ret_text->text + (behind_prefix - ret_text->text);
    if (rest != ret_text->text) {
        rest[strcspn(rest, ",;")] = '\0'; /* "ErrCode:10054,ErrorType:0" of a log */
    }
    memmove(ret_text->text, rest, strlen(rest) + 1);
    spelling_replace(ret_text->text);
}
