/* SPDX-License-Identifier: Apache-2.0 */
#include "codes/code_text.h"
#include "codes/foreign.h"

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
    size_t digits;    /* how many the number is written with */
    bool is_range;    /* "14-49" */
    int64_t last;     /* of a range */
    const char *name; /* "E_NORIGHT" of "E_NORIGHT=12", "status" of "status=6"; not terminated */
    size_t name_len;
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
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

static bool digits_parse(const char *s, size_t len, int base, int64_t *ret_number)
{
    int64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = digit_value(s[i]);
        if (digit >= base || number > (INT64_MAX - digit) / base)
            return false;
        number = number * base + digit;
    }
    *ret_number = number;
    return len > 0;
}

/** A number up to the end of `len` bytes: decimal, with a sign, or hexadecimal. */
static bool number_parse(const char *text, size_t len, struct query *query, int64_t *ret_number)
{
    bool negative = len > 0 && *text == '-';
    text += negative;
    len -= negative;
    bool hexadecimal = len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    text += hexadecimal ? 2 : 0;
    len -= hexadecimal ? 2 : 0;
    if (!digits_parse(text, len, hexadecimal ? 16 : 10, ret_number))
        return false;
    query->is_hexadecimal = hexadecimal;
    query->digits = len;
    *ret_number = negative ? -*ret_number : *ret_number;
    return true;
}

static void query_parse_value(struct query *query, const char *text)
{
    size_t len = strcspn(text, "="); /* the document has "E_PARAMERR=16 = 0" */
    const char *dash = len > 0 ? memchr(text + 1, '-', len - 1) : NULL;
    query->is_number = number_parse(text, len, query, &query->number);
    query->is_range =
        !query->is_number && dash &&
        number_parse(dash + 1, len - (size_t)(dash + 1 - text), query, &query->last) &&
        number_parse(text, (size_t)(dash - text), query, &query->number);
}

static struct query query_parse(const leat_foreign_table *table, const char *text)
{
    struct query query = {.text = text, .one_table = table != NULL};
    const char *equals = strchr(text, '=');
    if (equals) {
        query.name = text;
        query.name_len = (size_t)(equals - text);
    }
    query_parse_value(&query, equals ? equals + 1 : text);
    return query;
}

static enum closeness range_closeness(const struct query *query,
                                      const struct leati_foreign_range *range, int64_t number)
{
    if (query->is_range) {
        bool is_it = query->number == range->first && query->last == range->last;
        return is_it ? CLOSENESS_EXACT : CLOSENESS_NONE;
    }
    if (number < range->first || number > range->last)
        return CLOSENESS_NONE;
    return range->first == range->last ? CLOSENESS_EXACT : CLOSENESS_RANGE;
}

static bool name_is(const struct query *query, const char *name)
{
    return name && leati_text_equal_nocase(query->name, query->name_len, name, strlen(name));
}

/** Whether the query asks for this column of its table: by name, or for any. */
static bool column_wanted(const struct query *query, const char *column)
{
    return !query->name || name_is(query, column);
}

/** A code with the highest of 32 bits is often logged as a signed number. */
static bool is_above_int32(const leat_foreign_code *row)
{
    return row->hexadecimal && row->range.first > INT32_MAX;
}

/** Whether a number that is written so can stand for the row. */
static bool spelling_fits(const struct query *query, const leat_foreign_code *row)
{
    if (query->one_table)
        return true;
    bool base_fits = row->any_base || is_above_int32(row);
    return (base_fits || query->is_hexadecimal == row->hexadecimal) &&
           (row->digits == 0 || row->digits == query->digits);
}

static enum closeness row_number_closeness(const struct query *query, const leat_foreign_code *row)
{
    if ((!query->is_number && !query->is_range) || !spelling_fits(query, row))
        return CLOSENESS_NONE;
    const leat_foreign_table *table = leat_foreign_code_table(row);
    int64_t number = query->number;
    if (is_above_int32(row) && number < 0 && number >= INT32_MIN)
        number += (int64_t)UINT32_MAX + 1;
    enum closeness best = CLOSENESS_NONE;
    if (row->has_range && (column_wanted(query, table->column) || name_is(query, row->name)))
        best = range_closeness(query, &row->range, number);
    if (row->has_twin && column_wanted(query, table->twin_column)) {
        enum closeness twin = range_closeness(query, &row->twin, number);
        best = twin > best ? twin : best;
    }
    if (best == CLOSENESS_NONE && row->kind == LEATI_FOREIGN_OTHERS && query->is_number &&
        query->one_table && column_wanted(query, table->column))
        return CLOSENESS_OTHERS;
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
    if (after_colon && strstr(form->key, "::") && !strstr(text, "::"))
        prefix_len--;
    if (len <= prefix_len || len > prefix_len + FORM_DIGITS ||
        (!after_colon && len != prefix_len + FORM_DIGITS) ||
        !leati_text_equal_nocase(text, prefix_len, form->key, prefix_len))
        return false;
    bool any = form->key[strlen(form->key) - 1] == 'z';
    int base = leati_foreign_tables[form->inner].hexadecimal ? 16 : 10;
    *ret_digits = text + prefix_len;
    for (const char *c = *ret_digits; *c; c++)
        if (any ? !is_letter_or_digit(*c) : digit_value(*c) >= base)
            return false;
    return true;
}

static enum closeness row_closeness(const struct query *query, const leat_foreign_code *row)
{
    const char *digits;
    if (equal_nocase(query->text, row->key) || (row->name && equal_nocase(query->text, row->name)))
        return CLOSENESS_EXACT;
    if (row->kind == LEATI_FOREIGN_FORM)
        return form_matches(row, query->text, &digits) ? CLOSENESS_FORM : CLOSENESS_NONE;
    return row_number_closeness(query, row);
}

static const leat_foreign_code *inner_find(const leat_foreign_code *form, const char *text)
{
    const leat_foreign_table *inner = leat_foreign_code_inner_table(form);
    const char *digits;
    int64_t number;
    if (!inner || !form_matches(form, text, &digits) ||
        !digits_parse(digits, strlen(digits), inner->hexadecimal ? 16 : 10, &number))
        return NULL;
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

/** Whether a row that stands as closely as this is shown. In a table with two columns a number is
 * one thing in each: the very code in one does not hide the range in the other. */
static bool closeness_counts(const leat_foreign_table *table, enum closeness closeness,
                             enum closeness closest)
{
    return closeness == closest ||
           (table->twin_column && closeness == CLOSENESS_RANGE && closest == CLOSENESS_EXACT);
}

/** Writes the rows of one table that stand as closely as `wanted` behind the first `count`; returns
 * the new count. */
static size_t table_find(const struct query *query, const leat_foreign_table *table,
                         enum closeness wanted, struct leat_foreign_match *ret_matches, size_t cap,
                         size_t count)
{
    enum closeness closest = table_closeness(query, table);
    bool has_better = count > 0;
    if (!closeness_counts(table, wanted, closest))
        return count;
    for (size_t i = 0; i < table->count; i++) {
        const leat_foreign_code *row = &table->codes[i];
        if (row_closeness(query, row) != wanted)
            continue;
        const leat_foreign_code *inner = inner_find(row, query->text);
        if (wanted == CLOSENESS_FORM && has_better && leat_foreign_code_inner_table(row) &&
            !inner) {
            continue; /* a form that says nothing of these digits */
        }
        if (count < cap) {
            ret_matches[count].code = row;
            ret_matches[count].inner = inner;
        }
        count++;
    }
    return count;
}

size_t leat_foreign_code_find(const leat_foreign_table *table, const char *text,
                              struct leat_foreign_match *ret_matches, size_t cap)
{
    struct leati_code_text code;
    if (!text || (!ret_matches && cap > 0))
        return 0;
    leati_code_text_read(text, &code);
    if (code.table != LEATI_FOREIGN_NONE) {
        const leat_foreign_table *named = &leati_foreign_tables[code.table];
        if (table && table != named)
            return 0;
        table = named;
    }
    struct query query = query_parse(table, code.text);
    size_t count = 0;
    for (enum closeness wanted = CLOSENESS_EXACT; wanted > CLOSENESS_NONE; wanted--) {
        for (size_t i = 0; i < leat_foreign_table_count(); i++) {
            const leat_foreign_table *at = leat_foreign_table_at(i);
            if (!table || at == table)
                count = table_find(&query, at, wanted, ret_matches, cap, count);
        }
    }
    return count;
}

const leat_foreign_code *leat_foreign_code_find_number(const leat_foreign_table *table,
                                                       int64_t number)
{
    struct query query = {.text = "", .is_number = true, .number = number, .one_table = true};
    if (!table)
        return NULL;
    enum closeness closest = table_closeness(&query, table);
    for (size_t i = 0; closest != CLOSENESS_NONE && i < table->count; i++)
        if (row_closeness(&query, &table->codes[i]) == closest)
            return &table->codes[i];
    return NULL;
}
