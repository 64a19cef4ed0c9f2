/* SPDX-License-Identifier: Apache-2.0 */
/** @file The lists that a configuration holds: texts, and header fields. All zero = empty. */
#ifndef LEATI_CONFIG_LISTS_H
#define LEATI_CONFIG_LISTS_H

#include "http/head.h"

#include <stdbool.h>
#include <stddef.h>

struct leati_text_list {
    char **items;
    size_t count;
};

struct leati_field_list {
    struct leati_http_field *items; /**< owned strings, wiped when they go */
    size_t count;
    size_t bytes; /**< of all names and values */
};

/* These are false without memory; what was copied until then is in the list, and cleared with it. */
bool leati_text_list_append(struct leati_text_list *list, const char *text);
bool leati_text_list_copy(struct leati_text_list *dst, const struct leati_text_list *src);
void leati_text_list_clear(struct leati_text_list *list);

bool leati_field_list_append(struct leati_field_list *list, const char *name, const char *value);
bool leati_field_list_copy(struct leati_field_list *dst, const struct leati_field_list *src);
void leati_field_list_clear(struct leati_field_list *list);
/** Why the program's field cannot be sent, or is one too many; NULL = it can. `reserved` is what is
 * said of those that are ours. */
const char *leati_field_list_problem(const struct leati_field_list *list, const char *name,
                                     const char *value, bool (*is_reserved)(const char *name),
                                     const char *reserved);

#endif
