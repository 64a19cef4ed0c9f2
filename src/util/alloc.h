/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The only way to memory. Tests make the n-th allocation fail; foreign libraries that take
 * allocators get these.
 */
#ifndef LEATI_UTIL_ALLOC_H
#define LEATI_UTIL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

void *leati_malloc(size_t size);
void *leati_calloc(size_t count, size_t size); /* zeroed, checked for overflow */
void *leati_realloc(void *ptr, size_t size);
/** Room for `count` items of `size` bytes in an array; `array` is where the pointer to it stands. false
 * without memory: nothing has changed. */
bool leati_resize(void *array, size_t count, size_t size);
/** The same for twice as many as before, `first` at first. */
bool leati_grow(void *array, size_t *cap, size_t first, size_t size);
/** The same for `more` bytes behind `len`, and as many as there are for those that come next. */
bool leati_reserve(void *data, size_t *cap, size_t len, size_t more);
char *leati_strdup(const char *s);
/** A copy of all `len` bytes, NULs among them, with a NUL behind. */
char *leati_bytes_dup(const void *data, size_t len);
/** A copy of a string that may be absent; false only without memory, then `*ret_copy` is NULL. */
bool leati_strdup_optional(char **ret_copy, const char *s);
/** The strings one behind the other; NULL without memory. */
#define leati_concat(...) leati_concat_all((const char *const[]){__VA_ARGS__, NULL})
/** The same up to a NULL. */
char *leati_concat_all(const char *const *strings);
/** A formatted string of the size it needs; NULL without memory. */
char *leati_asprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void leati_free(void *ptr);
/** Overwrites, in a way that is not optimised away. */
void leati_wipe(void *ptr, size_t size);
/** Wipes a string and frees it. NULL is allowed. */
void leati_free_secret(char *s);

/** Test hook: called before each allocation, of any thread; returning true makes it fail. NULL =
 * none. */
extern bool (*_Atomic leati_alloc_fail_hook)(void);

#endif
