/* SPDX-License-Identifier: Apache-2.0 */
#include "url/uri_memory.h"

#include "util/alloc.h"

static void *uri_malloc(UriMemoryManager *memory, size_t size)
{
    (void)memory;
    return leati_malloc(size);
}

static void *uri_calloc(UriMemoryManager *memory, size_t count, size_t size)
{
    (void)memory;
    return leati_calloc(count, size);
}

static void *uri_realloc(UriMemoryManager *memory, void *ptr, size_t size)
{
    (void)memory;
    return leati_realloc(ptr, size);
}

static void uri_free(UriMemoryManager *memory, void *ptr)
{
    (void)memory;
    leati_free(ptr);
}

UriMemoryManager leati_uri_memory = {
    .malloc = uri_malloc,
    .calloc = uri_calloc,
    .realloc = uri_realloc,
    .reallocarray = uriEmulateReallocarray,
    .free = uri_free,
};
