/* SPDX-License-Identifier: Apache-2.0 */
#include "util/alloc.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool (*_Atomic leati_alloc_fail_hook)(void);

static bool alloc_fails(void)
{
    bool (*hook)(void) = atomic_load_explicit(&leati_alloc_fail_hook, memory_order_relaxed);

    return __builtin_expect(hook != NULL, 0) && hook();
}

void *leati_malloc(size_t size)
{
    /* malloc(0) may be NULL, which callers would take for a failure. */
    return alloc_fails() ? NULL : malloc(size == 0 ? 1 : size);
}

void *leati_calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes) || alloc_fails())
        return NULL;
    return calloc(1, bytes == 0 ? 1 : bytes);
}

void *leati_realloc(void *ptr, size_t size)
{
    return alloc_fails() ? NULL : realloc(ptr, size == 0 ? 1 : size);
}

bool leati_resize(void *array, size_t count, size_t size)
{
    void *items;
    memcpy(&items, array, sizeof(items));
    items = leati_realloc(items, count * size);
    if (items)
        memcpy(array, &items, sizeof(items));
    return items;
}

bool leati_grow(void *array, size_t *cap, size_t first, size_t size)
{
    size_t grown_cap = *cap ? 2 * *cap : first;
    if (!leati_resize(array, grown_cap, size))
        return false;
    *cap = grown_cap;
    return true;
}

bool leati_reserve(void *data, size_t *cap, size_t len, size_t more)
{
    size_t grown_cap = 2 * len + more + 64;
    if (*cap - len >= more)
        return true;
    if (!leati_resize(data, grown_cap, 1))
        return false;
    *cap = grown_cap;
    return true;
}

char *leati_bytes_dup(const void *data, size_t len)
{
    char *copy = leati_malloc(len + 1);

    if (!copy)
        return NULL;
    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = '\0';
    return copy;
}

char *leati_strdup(const char *s)
{
    return leati_bytes_dup(s, strlen(s));
}

bool leati_strdup_optional(char **ret_copy, const char *s)
{
    *ret_copy = s ? leati_strdup(s) : NULL;
    return !s || *ret_copy;
}

char *leati_concat_all(const char *const *strings)
{
    size_t len = 0;

    for (const char *const *s = strings; *s; s++)
        len += strlen(*s);
    char *all = leati_malloc(len + 1);
    if (!all)
        return NULL;
    char *at = all;
    *at = '\0';
    for (const char *const *s = strings; *s; s++)
        at = stpcpy(at, *s);
    return all;
}

char *leati_asprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        return NULL;

    char *s = leati_malloc((size_t)len + 1);
    if (!s)
        return NULL;
    va_start(args, format);
    vsnprintf(s, (size_t)len + 1, format, args);
    va_end(args);
    return s;
}

void leati_free(void *ptr)
{
    free(ptr);
}

void leati_wipe(void *ptr, size_t size)
{
    if (size > 0)
        explicit_bzero(ptr, size);
}

void leati_free_secret(char *s)
{
    if (!s)
        return;
    leati_wipe(s, strlen(s));
    leati_free(s);
}
