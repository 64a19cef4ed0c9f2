/* SPDX-License-Identifier: Apache-2.0 */
/** @file What is sent: a start line, fields, an empty line, content (RFC 9112 section 2.1). */
#ifndef LEATI_HTTP_MESSAGE_H
#define LEATI_HTTP_MESSAGE_H

#include "http/field.h"

#include <stdbool.h>
#include <stddef.h>

struct leati_http_message_parts {
    const char *const *start;           /**< pieces of the start line; the last one is NULL */
    const struct leati_http_field *own; /**< what we say; one without a value is left out */
    size_t own_count;
    const struct leati_http_field *fields; /**< what the program says */
    size_t field_count;
    const void *content; /**< may be NULL if it has no length */
    size_t content_len;
};

struct leati_http_message {
    char *bytes;      /**< with a NUL behind; may hold what authenticates: leati_free_secret() */
    size_t len;       /**< without that NUL */
    size_t fields_at; /**< where the program's fields begin */
};

/** Writes it to memory of its own. false without memory; `ret` is not touched then. */
bool leati_http_message_build(const struct leati_http_message_parts *parts,
                              struct leati_http_message *ret);

#endif
