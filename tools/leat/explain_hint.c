/* SPDX-License-Identifier: Apache-2.0 */
#include "explain_hint.h"

#include "nearest.h"
#include "terminal.h"

#include <leat/foreign_code.h>

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { SHOWN_MAX = 60, NAME_MIN = 4 };

/** What a person typed, without anything that a terminal would act upon. */
static void print_quoted(const char *text)
{
    fputc('\'', stderr);
    tool_print_safe(stderr, text, strnlen(text, SHOWN_MAX));
    fputs(strlen(text) > SHOWN_MAX ? "...'" : "'", stderr);
}

static bool is_hexadecimal(const char *text)
{
    return strncasecmp(text, "0x", 2) == 0;
}

/** Whether the row is no more than the rest of its table, "others", and the query is not written as
 * that table's codes are: then every number would be hinted at. */
static bool is_any_number(const struct leat_foreign_match *match, const char *query)
{
    bool has_column = strchr(leat_foreign_code_key(match->code), '=') != NULL;
    return strstr(leat_foreign_code_key(match->code), "others") &&
           !(has_column ? strchr(query, '=') != NULL : is_hexadecimal(query));
}

/** The first table that has the code if it is asked for, of those that are written in hexadecimal,
 * or of the others. NULL if none has. */
static const char *table_of(const char *query, bool hexadecimal)
{
    struct leat_foreign_match match;
    for (size_t i = 0; i < leat_foreign_table_count(); i++) {
        const leat_foreign_table *table = leat_foreign_table_at(i);
        const char *first_key = leat_foreign_code_key(leat_foreign_table_code_at(table, 0));
        if (is_hexadecimal(first_key) == hexadecimal &&
            leat_foreign_code_find(table, query, &match, 1) > 0 && !is_any_number(&match, query))
            return leat_foreign_table_name(table);
    }
    return NULL;
}

static const char *any_table_of(const char *query)
{
    int code;
    if (leat_code_find(query, &code, 1) > 0)
        return leat_family_name(leat_code_family(code));
    const char *table = table_of(query, is_hexadecimal(query));
    return table ? table : table_of(query, !is_hexadecimal(query));
}

/** The name that was mistyped, of all codes and tables; NULL if none resembles it. */
static const char *nearest_name(const char *query)
{
    char name[64];
    const char *nearest = NULL;
    size_t best = SIZE_MAX, len = strlen(query);
    if (len < NAME_MIN || len >= sizeof(name) || !isalpha((unsigned char)query[0]))
        return NULL;
    for (size_t i = 0; i < len; i++)
        name[i] = (char)toupper((unsigned char)query[i]);
    for (int sys_errno = 1; sys_errno < 256; sys_errno++)
        tool_nearest(name, len, leat_errno_name(sys_errno), &nearest, &best);
    for (size_t i = 0; i < leat_foreign_table_count(); i++) {
        const leat_foreign_table *table = leat_foreign_table_at(i);
        for (size_t k = 0; k < leat_foreign_table_code_count(table); k++) {
            const char *row = leat_foreign_code_name(leat_foreign_table_code_at(table, k));
            tool_nearest(islower((unsigned char)row[0]) ? query : name, len, row, &nearest, &best);
        }
    }
    return nearest;
}

void explain_hint(const char *query)
{
    const char *table = any_table_of(query);
    const char *nearest = table ? NULL : nearest_name(query);
    fputs("leat explain: unknown code ", stderr);
    print_quoted(query);
    if (table)
        fprintf(stderr, " here; --table %s has it", table);
    else if (nearest)
        fprintf(stderr, "; did you mean %s?", nearest);
    fputc('\n', stderr);
}
