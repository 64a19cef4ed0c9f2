/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The n-th allocation fails, for all n.
 */
#ifndef TESTS_SUPPORT_ALLOC_FAILURE_H
#define TESTS_SUPPORT_ALLOC_FAILURE_H

#include "util/alloc.h"

#include <criterion/criterion.h>
#include <stdbool.h>

/* Of this thread: what others allocate, the servers of libleat-testing for one, is not touched. */
static _Thread_local long alloc_failure_countdown;

static inline bool alloc_failure_hook(void)
{
    return alloc_failure_countdown > 0 && --alloc_failure_countdown == 0;
}

/** As alloc_failure_run_all(), for every step-th allocation. */
static inline int alloc_failure_run_some(bool (*attempt)(void), long step)
{
    int failed = 0;
    for (long n = 1; n < 100000; n += step) {
        alloc_failure_countdown = n;
        leati_alloc_fail_hook = alloc_failure_hook;
        bool succeeded = attempt();
        leati_alloc_fail_hook = NULL;
        bool reached = alloc_failure_countdown == 0;
        if (!succeeded)
            failed++;
        if (!reached) {
            cr_assert(succeeded, "failed without a failing allocation");
            return failed;
        }
    }
    cr_assert_fail("no end of allocations");
    return failed;
}

/**
 * Runs `attempt` again and again while its first, second, third ... allocation fails, until a run
 * has so few that none fails: that one must succeed. `attempt` returns whether it succeeded, checks
 * by itself how it failed, and frees everything in both cases. Returns how many runs failed.
 *
 * A run may succeed although an allocation failed (a lost error text); that is not an error here.
 */
static inline int alloc_failure_run_all(bool (*attempt)(void))
{
    return alloc_failure_run_some(attempt, 1);
}

#endif
