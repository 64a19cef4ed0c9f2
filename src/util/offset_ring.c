/* SPDX-License-Identifier: Apache-2.0 */
#include "util/offset_ring.h"

#include "util/alloc.h"

#define FIRST_CAP 16u

void leati_offset_ring_done(struct leati_offset_ring *ring)
{
    leati_free(ring->offsets);
    *ring = (struct leati_offset_ring){0};
}

static bool ring_grow(struct leati_offset_ring *ring)
{
    size_t cap = ring->cap ? ring->cap * 2 : FIRST_CAP;
    uint64_t *offsets = leati_calloc(cap, sizeof(*offsets));
    if (!offsets)
        return false;
    for (size_t i = 0; i < ring->count; i++)
        offsets[i] = ring->offsets[(ring->first + i) & (ring->cap - 1)];
    leati_free(ring->offsets);
    ring->offsets = offsets;
    ring->first = 0;
    ring->cap = cap;
    return true;
}

bool leati_offset_ring_push(struct leati_offset_ring *ring, uint64_t offset)
{
    if (ring->count == ring->cap && !ring_grow(ring))
        return false;
    ring->offsets[(ring->first + ring->count++) & (ring->cap - 1)] = offset;
    return true;
}

void leati_offset_ring_pass(struct leati_offset_ring *ring, uint64_t reached)
{
    while (ring->count > 0 && ring->offsets[ring->first] <= reached) {
        ring->first = (ring->first + 1) & (ring->cap - 1);
        ring->count--;
    }
}
