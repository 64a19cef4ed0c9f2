/* SPDX-License-Identifier: Apache-2.0 */
#include "errors/foreign.h"

#include "util/text.h"

#include <string.h>

/** How closely a row stands for what is looked for. Of each table only the closest rows count. */
enum closeness {
    CLOSENESS_NONE,
    CLOSENESS_OTHERS,
    CLOSENESS_FORM,
    CLOSENESS_RANGE,
    CLOSENESS_EXACT,
};

/** What is looked for, read from the text once. */
struct query {
    const char *text;
    bool is_number, is_hexadecimal;
    int64_t number;
    const char *column; /* "status" of "status=6"; NULL = none; not terminated */
    size_t column_len;
    bool one_table;
};

/* Digits of an inner code in a form. */
#define FORM_DIGITS 4

static bool equal_nocase(const char *a, const char *b)
{
    return leati_text_equal_nocase(a, strlen(a), b, strlen(b));
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

static bool digits_parse(const char *s, size_t len, int base, int64_t *ret_number)
{
    int64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = digit_value(s[i]);
        if (digit >= base || number > (INT64_MAX - digit) / base) {
            return false;
        }
        number = number * base + digit;
    }
    *ret_number = number;
    return len > 0;
}

static void query_parse_number(struct query *query, const char *text)
{
    bool negative = *text == '-';
    text += negative;
    bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    text += hexadecimal ? 2 : 0;
    query->is_number = digits_parse(text, strlen(text), hexadecimal ? 16 : 10, &query->number);
    query->is_hexadecimal = hexadecimal;
    if (query->is_number && negative) {
        query->number = -query->number;
    }
}

static struct query query_parse(const leat_foreign_table *table, const char *text)
{
    struct query query = {.text = text, .one_table = table != NULL};
    const char *equals = strchr(text, '=');
    if (equals) {
        query.column = text;
        query.column_len = (size_t)(equals - text);
        query_parse_number(&query, equals + 1);
    } else {
        query_parse_number(&query, text);
    }
    return query;
}

static enum closeness range_closeness(const struct leati_foreign_range *range, int64_t number)
{
    if (number < range->first || number > range->last) {
        return CLOSENESS_NONE;
    }
    return range->first == range->last ? CLOSENESS_EXACT : CLOSENESS_RANGE;
}

/** Whether the query asks for this column of its table: by name, or for any. */
static bool column_wanted(const struct query *query, const char *column)
{
    return !query->column || (column && leati_text_equal_nocase(query->column, query->column_len,
                                                                column, strlen(column)));
}

static enum closeness row_number_closeness(const struct query *query, const leat_foreign_code *row)
{
    if (!query->is_number || (!query->one_table && query->is_hexadecimal != row->hexadecimal)) {
        return CLOSENESS_NONE;
    }
    const leat_foreign_table *table = leat_foreign_code_table(row);
    enum closeness best = CLOSENESS_NONE;
    if (row->has_range && column_wanted(query, table->column)) {
        best = range_closeness(&row->range, query->number);
    }
    if (row->has_twin && column_wanted(query, table->twin_column)) {
        enum closeness twin = range_closeness(&row->twin, query->number);
        best = twin > best ? twin : best;
    }
    if (best == CLOSENESS_NONE && row->kind == LEATI_FOREIGN_OTHERS && query->one_table &&
        (!query->column || column_wanted(query, table->column))) {
        return CLOSENESS_OTHERS;
    }
    return best;
}

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/** Whether the text is the form with digits in place of its last letters; `*ret_digits` is where
 * they begin. Behind a colon the digits need not be padded. */
static bool form_matches(const leat_foreign_code *form, const char *text, const char **ret_digits)
{
    size_t prefix_len = strlen(form->key) - FORM_DIGITS;
    bool after_colon = prefix_len > 0 && form->key[prefix_len - 1] == ':';
    size_t len = strlen(text);
    if (after_colon && strstr(form->key, "::") && !strstr(text, "::")) {
        prefix_len--;
    }
    if (len <= prefix_len || len > prefix_len + FORM_DIGITS ||
        (!after_colon && len != prefix_len + FORM_DIGITS) ||
        !leati_text_equal_nocase(text, prefix_len, form->key, prefix_len)) {
        return false;
    }
    bool any = form->key[strlen(form->key) - 1] == 'z';
    int base = leati_foreign_tables[form->inner].hexadecimal ? 16 : 10;
    *ret_digits = text + prefix_len;
    for (const char *c = *ret_digits; *c; c++) {
        if (any ? !is_letter_or_digit(*c) : digit_value(*c) >= base) {
            return false;
        }
    }
    return true;
}

static enum closeness row_closeness(const struct query *query, const leat_foreign_code *row)
{
    const char *digits;
    if (equal_nocase(query->text, row->key) ||
        (row->name && equal_nocase(query->text, row->name))) {
        return CLOSENESS_EXACT;
    }
    if (row->kind == LEATI_FOREIGN_FORM) {
        return form_matches(row, query->text, &digits) ? CLOSENESS_FORM : CLOSENESS_NONE;
    }
    return row_number_closeness(query, row);
}

static const leat_foreign_code *inner_find(const leat_foreign_code *form, const char *text)
{
    const leat_foreign_table *inner = leat_foreign_code_inner_table(form);
    const char *digits;
    int64_t number;
    if (!inner || !form_matches(form, text, &digits) ||
        !digits_parse(digits, strlen(digits), inner->hexadecimal ? 16 : 10, &number)) {
        return NULL;
    }
    return leat_foreign_code_find_number(inner, number);
}

static enum closeness table_closeness(const struct query *query, const leat_foreign_table *table)
{
    enum closeness best = CLOSENESS_NONE;
    for (size_t i = 0; i < table->count; i++) {
        enum closeness closeness = row_closeness(query, &table->codes[i]);
        best = closeness > best ? closeness : best;
    }
    return best;
}

/** Writes the closest rows of one table behind the first `count`; returns the new count. */
static size_t table_find(const struct query *query, const leat_foreign_table *table,
                         struct leat_foreign_match *ret_matches, size_t cap, size_t count)
{
    enum closeness closest = table_closeness(query, table);
    if (closest == CLOSENESS_NONE) {
        return count;
    }
    for (size_t i = 0; i < table->count; i++) {
        const leat_foreign_code *row = &table->codes[i];
        if (row_closeness(query, row) != closest) {
            continue;
        }
        if (count < cap) {
            ret_matches[count].code = row;
            ret_matches[count].inner = inner_find(row, query->text);
        }
        count++;
    }
    return count;
}

size_t leat_foreign_code_find(const leat_foreign_table *table, const char *text,
                              struct leat_foreign_match *ret_matches, size_t cap)
{
    if (!text || (!ret_matches && cap > 0)) {
        return 0;
    }
    struct query query = query_parse(table, text);
    if (table) {
        return table_find(&query, table, ret_matches, cap, 0);
    }
    size_t count = 0;
    for (size_t i = 0; i < leat_foreign_table_count(); i++) {
        count = table_find(&query, leat_foreign_table_at(i), ret_matches, cap, count);
    }
    return count;
}

const leat_foreign_code *leat_foreign_code_find_number(const leat_foreign_table *table,
                                                       int64_t number)
{
    struct query query = {.text = "", .is_number = true, .number = number, .one_table = true};
    if (!table) {
        return NULL;
    }
    enum closeness closest = table_closeness(&query, table);
    if (closest == CLOSENESS_NONE) {
        return NULL;
    }
    for (size_t i = 0; i < table->count; i++) {
        if (row_closeness(&query, &table->codes[i]) == closest) {
            return &table->codes[i];
        }
    }
    return NULL;
}
