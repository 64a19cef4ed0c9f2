/* SPDX-License-Identifier: Apache-2.0 */
#include "http/message.h"

#include "util/alloc.h"

#include <stdint.h>
#include <string.h>

/* Room is there; returns what is behind it. */
static char *text_put(char *at, const char *text)
{
    return mempcpy(at, text, strlen(text));
}

static char *fields_put(char *at, const struct leati_http_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].value)
            continue;
        at = text_put(at, fields[i].name);
        at = text_put(at, ": ");
        at = text_put(at, fields[i].value);
        at = text_put(at, "\r\n");
    }
    return at;
}

static size_t fields_len(const struct leati_http_field *fields, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        if (fields[i].value)
            len += strlen(fields[i].name) + strlen(fields[i].value) + strlen(": \r\n");
    return len;
}

bool leati_http_message_build(const struct leati_http_message_parts *parts,
                              struct leati_http_message *ret)
{
    size_t len = strlen("\r\n\r\n") + fields_len(parts->own, parts->own_count) +
                 fields_len(parts->fields, parts->field_count);

    for (const char *const *piece = parts->start; *piece; piece++)
        len += strlen(*piece);
    if (parts->content_len >= SIZE_MAX - len)
        return false;
    char *bytes = leati_malloc(len + parts->content_len + 1);
    if (!bytes)
        return false;
    char *at = bytes;
    for (const char *const *piece = parts->start; *piece; piece++)
        at = text_put(at, *piece);
    at = fields_put(text_put(at, "\r\n"), parts->own, parts->own_count);
    ret->fields_at = (size_t)(at - bytes);
    at = text_put(fields_put(at, parts->fields, parts->field_count), "\r\n");
    if (parts->content_len > 0)
        memcpy(at, parts->content, parts->content_len);
    at[parts->content_len] = '\0';
    ret->bytes = bytes;
    ret->len = len + parts->content_len;
    return true;
}
