/* SPDX-License-Identifier: Apache-2.0 */
#include "codes/foreign.h"

#include "util/text.h"

#include <string.h>

size_t leat_foreign_table_count(void)
{
    return LEATI_FOREIGN_END - 1;
}

const leat_foreign_table *leat_foreign_table_at(size_t index)
{
    return index < leat_foreign_table_count() ? &leati_foreign_tables[index + 1] : NULL;
}

const leat_foreign_table *leat_foreign_table_find(const char *name)
{
    for (size_t i = 0; name && i < leat_foreign_table_count(); i++) {
        const leat_foreign_table *table = leat_foreign_table_at(i);
        if (leati_text_equal_nocase(name, strlen(name), table->name, strlen(table->name)))
            return table;
    }
    return NULL;
}

const char *leat_foreign_table_name(const leat_foreign_table *table)
{
    return table ? table->name : "";
}

const char *leat_foreign_table_title(const leat_foreign_table *table, enum leat_language language)
{
    return table ? table->title[language == LEAT_LANGUAGE_ZH] : "";
}

size_t leat_foreign_table_code_count(const leat_foreign_table *table)
{
    return table ? table->count : 0;
}

const leat_foreign_code *leat_foreign_table_code_at(const leat_foreign_table *table, size_t index)
{
    return table && index < table->count ? &table->codes[index] : NULL;
}

const leat_foreign_table *leat_foreign_code_table(const leat_foreign_code *code)
{
    return code ? &leati_foreign_tables[code->table] : NULL;
}

const char *leat_foreign_code_key(const leat_foreign_code *code)
{
    return code ? code->key : "";
}

const char *leat_foreign_code_name(const leat_foreign_code *code)
{
    return code && code->name ? code->name : "";
}

static bool range_give(const struct leati_foreign_range *range, bool has_range, int64_t *ret_first,
                       int64_t *ret_last)
{
    if (!has_range || !ret_first || !ret_last)
        return false;
    *ret_first = range->first;
    *ret_last = range->last;
    return true;
}

bool leat_foreign_code_range(const leat_foreign_code *code, int64_t *ret_first, int64_t *ret_last)
{
    return code && range_give(&code->range, code->has_range, ret_first, ret_last);
}

bool leat_foreign_code_twin_range(const leat_foreign_code *code, int64_t *ret_first,
                                  int64_t *ret_last)
{
    return code && range_give(&code->twin, code->has_twin, ret_first, ret_last);
}

const char *leat_foreign_code_meaning(const leat_foreign_code *code, enum leat_language language)
{
    return code ? code->texts[language == LEAT_LANGUAGE_ZH].meaning : "";
}

const char *leat_foreign_code_note(const leat_foreign_code *code, enum leat_language language)
{
    return code ? code->texts[language == LEAT_LANGUAGE_ZH].note : "";
}

int leat_foreign_code_leat_code(const leat_foreign_code *code)
{
    return code ? code->leat_code : LEAT_OK;
}

int leat_foreign_code_errno(const leat_foreign_code *code)
{
    /* All of them are of the one family; leat_code_errno() would want libleat. */
    return code && code->leat_code != LEAT_OK ? code->leat_code - LEAT_E_SOCKET_BASE : 0;
}

bool leat_foreign_code_is_form(const leat_foreign_code *code)
{
    return code && code->kind == LEATI_FOREIGN_FORM;
}

const leat_foreign_table *leat_foreign_code_inner_table(const leat_foreign_code *code)
{
    return code && code->inner != LEATI_FOREIGN_NONE ? &leati_foreign_tables[code->inner] : NULL;
}
