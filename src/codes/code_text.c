/* SPDX-License-Identifier: Apache-2.0 */
#include "codes/code_text.h"

#include <string.h>

/** Words in front that name a table. Its own name does, too. */
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

static char *prefix_skip(char text[LEATI_CODE_SPELLING_SIZE],
                         enum leati_foreign_table_id *ret_table)
{
    char *rest;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        rest = leati_code_spelling_behind(text, prefixes[i].words);
        if (rest) {
            *ret_table = prefixes[i].table;
            return rest;
        }
    }
    for (int table = LEATI_FOREIGN_NONE + 1; table < LEATI_FOREIGN_END; table++) {
        rest = leati_code_spelling_behind(text, leati_foreign_tables[table].name);
        if (rest) {
            *ret_table = (enum leati_foreign_table_id)table;
            return rest;
        }
    }
    return leati_code_spelling_skip_code(text);
}

static void spelling_replace(char text[LEATI_CODE_SPELLING_SIZE])
{
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        size_t written_len = strlen(spellings[i].written);
        size_t key_len = strlen(spellings[i].key);
        size_t rest_len = strlen(text) - written_len;
        bool goes_on = spellings[i].key[key_len - 1] == '=';
        if (strncmp(text, spellings[i].written, written_len) == 0 && (rest_len > 0) == goes_on &&
            key_len + rest_len < LEATI_CODE_SPELLING_SIZE) {
            memmove(text + key_len, text + written_len, rest_len + 1);
            memcpy(text, spellings[i].key, key_len);
            return;
        }
    }
}

void leati_code_text_read(const char *text, struct leati_code_text *ret_text)
{
    ret_text->table = LEATI_FOREIGN_NONE;
    leati_code_spelling_read(text, ret_text->text);
    char *rest = prefix_skip(ret_text->text, &ret_text->table);
    memmove(ret_text->text, rest, strlen(rest) + 1);
    spelling_replace(ret_text->text);
}
