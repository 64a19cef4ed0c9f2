/* SPDX-License-Identifier: Apache-2.0 */
#include "config/lists.h"

#include "config/settings.h"
#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

bool leati_text_list_append(struct leati_text_list *list, const char *text)
{
    char *copy = NULL;
    if (!leati_resize(&list->items, list->count + 1, sizeof(copy)) || !(copy = leati_strdup(text)))
        return false;
    list->items[list->count++] = copy;
    return true;
}

bool leati_text_list_copy(struct leati_text_list *dst, const struct leati_text_list *src)
{
    for (size_t i = 0; i < src->count; i++)
        if (!leati_text_list_append(dst, src->items[i]))
            return false;
    return true;
}

void leati_text_list_clear(struct leati_text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        leati_free(list->items[i]);
    leati_free(list->items);
    *list = (struct leati_text_list){0};
}

bool leati_field_list_append(struct leati_field_list *list, const char *name, const char *value)
{
    if (!leati_resize(&list->items, list->count + 1, sizeof(list->items[0])))
        return false;
    struct leati_http_field field = {leati_strdup(name), leati_strdup(value)};
    if (!field.name || !field.value) {
        leati_free((char *)field.name);
        leati_free_secret((char *)field.value);
        return false;
    }
    list->items[list->count++] = field;
    list->bytes += strlen(name) + strlen(value);
    return true;
}

bool leati_field_list_copy(struct leati_field_list *dst, const struct leati_field_list *src)
{
    for (size_t i = 0; i < src->count; i++)
        if (!leati_field_list_append(dst, src->items[i].name, src->items[i].value))
            return false;
    return true;
}

void leati_field_list_clear(struct leati_field_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        leati_free_secret((char *)list->items[i].name);
        leati_free_secret((char *)list->items[i].value);
    }
    leati_free(list->items);
    *list = (struct leati_field_list){0};
}

const char *leati_field_list_problem(const struct leati_field_list *list, const char *name,
                                     const char *value, bool (*is_reserved)(const char *name),
                                     const char *reserved)
{
    if (!name || !value)
        return "a header needs a name and a value";
    if (!leati_text_is_token(name, strlen(name)))
        return "the header's name is not a token of RFC 9110";
    if (!leati_text_is_field_value(value, strlen(value)))
        return "the header's value holds CR or LF";
    if (is_reserved(name))
        return reserved;
    if (list->count >= LEATI_CONFIG_MAX_ENTRIES ||
        list->bytes + strlen(name) + strlen(value) > LEATI_CONFIG_MAX_HEADER_BYTES)
        return "too many headers, or too long ones";
    return NULL;
}
