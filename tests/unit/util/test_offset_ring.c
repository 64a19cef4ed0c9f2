/* SPDX-License-Identifier: Apache-2.0 */
#include "util/offset_ring.h"

#include "util/alloc.h"

#include <criterion/criterion.h>

Test(offset_ring, keeps_what_has_not_been_passed, .timeout = 10)
{
    struct leati_offset_ring ring = {0};
    for (uint64_t i = 1; i <= 100; i++) {
        cr_assert(leati_offset_ring_push(&ring, i * 10));
        leati_offset_ring_pass(&ring, i * 5);
        cr_assert_eq(ring.count, i - i / 2);
    }
    leati_offset_ring_pass(&ring, 999);
    cr_assert_eq(ring.count, 1);
    leati_offset_ring_pass(&ring, 1000);
    cr_assert_eq(ring.count, 0);
    leati_offset_ring_done(&ring);
}

static bool always_fails(void)
{
    return true;
}

Test(offset_ring, stays_as_it_was_without_memory, .timeout = 10)
{
    struct leati_offset_ring ring = {0};
    size_t pushed = 0;
    cr_assert(leati_offset_ring_push(&ring, ++pushed));
    leati_alloc_fail_hook = always_fails;
    while (leati_offset_ring_push(&ring, pushed + 1))
        pushed++;
    leati_alloc_fail_hook = NULL;
    cr_assert_eq(ring.count, pushed);
    leati_offset_ring_pass(&ring, pushed);
    cr_assert_eq(ring.count, 0);
    leati_offset_ring_done(&ring);
}
