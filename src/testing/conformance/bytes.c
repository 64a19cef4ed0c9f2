/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/conformance/bytes.h"

#include "util/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void leati_bytes_add(struct leati_bytes *bytes, const void *data, size_t len)
{
    if (!leati_reserve(&bytes->data, &bytes->cap, bytes->len, len)) {
        bytes->failed = true;
        return;
    }
    if (len > 0)
        memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

void leati_bytes_text(struct leati_bytes *bytes, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    bytes->failed = bytes->failed || len < 0 || (size_t)len >= sizeof(text);
    if (!bytes->failed)
        leati_bytes_add(bytes, text, (size_t)len);
}

void leati_bytes_consume(struct leati_bytes *bytes, size_t len)
{
    if (len == 0)
        return;
    bytes->len -= len;
    memmove(bytes->data, bytes->data + len, bytes->len);
}

bool leati_bytes_equal(const struct leati_bytes *a, const struct leati_bytes *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

void leati_bytes_done(struct leati_bytes *bytes)
{
    leati_free(bytes->data);
    *bytes = (struct leati_bytes){0};
}
