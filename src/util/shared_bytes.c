/* SPDX-License-Identifier: Apache-2.0 */
#include "util/shared_bytes.h"

#include "util/alloc.h"

struct leati_shared_bytes *leati_shared_bytes_new(size_t len)
{
    struct leati_shared_bytes *bytes;

    if (len > SIZE_MAX - sizeof(*bytes))
        return NULL;
    bytes = leati_malloc(sizeof(*bytes) + len);
    if (!bytes)
        return NULL;
    atomic_init(&bytes->refs, 1);
    bytes->len = len;
    return bytes;
}

struct leati_shared_bytes *leati_shared_bytes_ref(struct leati_shared_bytes *bytes)
{
    atomic_fetch_add_explicit(&bytes->refs, 1, memory_order_relaxed);
    return bytes;
}

void leati_shared_bytes_unref(struct leati_shared_bytes *bytes)
{
    if (bytes && atomic_fetch_sub_explicit(&bytes->refs, 1, memory_order_acq_rel) == 1)
        leati_free(bytes);
}
