/* SPDX-License-Identifier: Apache-2.0 */
/** @file Bytes that are written once and then read by whoever holds a reference, in any thread. */
#ifndef LEATI_UTIL_SHARED_BYTES_H
#define LEATI_UTIL_SHARED_BYTES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct leati_shared_bytes {
    atomic_size_t refs;
    size_t len;
    uint8_t data[]; /**< not written to any more, once there is a second reference */
};

/** `len` bytes that are to be filled in, with one reference; NULL without memory. */
struct leati_shared_bytes *leati_shared_bytes_new(size_t len);
struct leati_shared_bytes *leati_shared_bytes_ref(struct leati_shared_bytes *bytes);
/** NULL is allowed. */
void leati_shared_bytes_unref(struct leati_shared_bytes *bytes);

#endif
