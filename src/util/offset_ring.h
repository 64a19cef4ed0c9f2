/* SPDX-License-Identifier: Apache-2.0 */
/** @file A ring of growing numbers: where in a stream each of the things ends that wait to leave.
 */
#ifndef LEATI_UTIL_OFFSET_RING_H
#define LEATI_UTIL_OFFSET_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** All zero = empty, without memory. */
struct leati_offset_ring {
    uint64_t *offsets;
    size_t first, count, cap;
};

void leati_offset_ring_done(struct leati_offset_ring *ring);
/** Appends an offset that is not below the last one. false without memory. */
bool leati_offset_ring_push(struct leati_offset_ring *ring, uint64_t offset);
/** Removes every offset up to and including `reached`. */
void leati_offset_ring_pass(struct leati_offset_ring *ring, uint64_t reached);

#endif
