/* SPDX-License-Identifier: Apache-2.0 */
#include "websocket/backoff.h"

#include <criterion/criterion.h>

TestSuite(backoff, .timeout = 30);

static struct leati_backoff backoff_of(enum leat_jitter jitter)
{
    return (struct leati_backoff){
        .initial_ms = 1000,
        .max_ms = 30000,
        .stable_ms = 5000,
        .jitter = jitter,
    };
}

static const uint32_t limits[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};

Test(backoff, doubles_up_to_the_cap)
{
    struct leati_backoff backoff = backoff_of(LEAT_JITTER_NONE);

    for (uint32_t i = 0; i < 8; i++) {
        cr_assert_eq(leati_backoff_next_ms(&backoff, 12345), limits[i]);
        cr_assert_eq(backoff.attempts, i + 1);
    }
}

Test(backoff, jitter_stays_in_its_range_and_reaches_both_ends)
{
    static const uint32_t randoms[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, UINT32_MAX};

    for (size_t i = 0; i < 8; i++) {
        for (size_t j = 0; j < 6; j++) {
            struct leati_backoff full = backoff_of(LEAT_JITTER_FULL);
            struct leati_backoff equal = backoff_of(LEAT_JITTER_EQUAL);
            full.attempts = equal.attempts = (uint32_t)i;
            uint32_t full_ms = leati_backoff_next_ms(&full, randoms[j]);
            uint32_t equal_ms = leati_backoff_next_ms(&equal, randoms[j]);
            cr_assert_leq(full_ms, limits[i]);
            cr_assert_leq(equal_ms, limits[i]);
            cr_assert_geq(equal_ms, limits[i] / 2);
            if (randoms[j] == 0) {
                cr_assert_eq(full_ms, 0u);
                cr_assert_eq(equal_ms, limits[i]);
            }
            if (randoms[j] == UINT32_MAX) {
                cr_assert_eq(full_ms, limits[i]);
                cr_assert_eq(equal_ms, limits[i] - limits[i] / 2);
            }
        }
    }
}

Test(backoff, extremes_do_not_overflow)
{
    struct leati_backoff backoff = {
        .initial_ms = UINT32_MAX,
        .max_ms = UINT32_MAX,
        .jitter = LEAT_JITTER_FULL,
    };

    for (int i = 0; i < 100; i++)
        cr_assert_eq(leati_backoff_next_ms(&backoff, UINT32_MAX), UINT32_MAX);
    backoff.attempts = UINT32_MAX;
    backoff.initial_ms = 1;
    cr_assert_eq(leati_backoff_next_ms(&backoff, UINT32_MAX), 1u << 31);
    cr_assert_eq(backoff.attempts, UINT32_MAX);
}

Test(backoff, only_a_connection_that_has_held_resets)
{
    struct leati_backoff backoff = backoff_of(LEAT_JITTER_NONE);
    const uint64_t now = 1000000;

    leati_backoff_next_ms(&backoff, 0);
    leati_backoff_next_ms(&backoff, 0);
    leati_backoff_ended(&backoff, now);
    cr_assert_eq(backoff.attempts, 2u, "never open");
    leati_backoff_opened(&backoff, now);
    leati_backoff_ended(&backoff, now + 4999);
    cr_assert_eq(backoff.attempts, 2u, "too short");
    leati_backoff_ended(&backoff, now + 100000);
    cr_assert_eq(backoff.attempts, 2u, "not open any more");
    leati_backoff_opened(&backoff, now);
    leati_backoff_ended(&backoff, now + 5000);
    cr_assert_eq(backoff.attempts, 0u);
    cr_assert_eq(leati_backoff_next_ms(&backoff, 0), 1000u);
}
