/* SPDX-License-Identifier: Apache-2.0 */
#include "util/random.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void check_wiped(const struct leati_random_pool *pool)
{
    size_t kept = 0;

    for (size_t i = pool->left; i < sizeof(pool->bytes); i++)
        kept += pool->bytes[i] != 0;
    cr_assert_eq(kept, 0, "%zu bytes that were given are still there", kept);
}

Test(random, keys_are_used_once_and_wiped, .timeout = 10)
{
    enum { COUNT = 1000 };
    struct leati_random_pool pool = {0};
    static uint32_t drawn[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        cr_assert(leati_random_pool_take(&pool, &drawn[i], sizeof(drawn[i])));
        check_wiped(&pool);
    }
    size_t equal = 0;
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < i; k++)
            equal += drawn[i] == drawn[k];
    cr_assert_leq(equal, 2, "%zu keys came twice", equal); /* by chance once in 8,600 runs */
    leati_random_pool_wipe(&pool);
    cr_assert_eq(pool.left, 0);
}

/* Of every length, also where the rest of the stock is too short for it. */
Test(random, any_length_is_filled, .timeout = 10)
{
    struct leati_random_pool pool = {0};
    uint8_t bytes[LEATI_RANDOM_POOL_BYTES + 1];

    for (size_t len = 0; len <= LEATI_RANDOM_POOL_BYTES; len++) {
        memset(bytes, 0, sizeof(bytes));
        cr_assert(leati_random_pool_take(&pool, bytes, len));
        cr_assert_eq(bytes[len], 0);
        size_t zeros = 0;
        for (size_t i = 0; i < len; i++)
            zeros += bytes[i] == 0;
        cr_assert_leq(zeros, 8 + len / 32, "%zu of %zu bytes are 0", zeros, len);
        check_wiped(&pool);
    }
    cr_assert(leati_random_pool_take(NULL, bytes, 16));
}

/* What lay in stock at a fork is the parent's: a child that took it would repeat the parent's keys. */
Test(random, a_child_does_not_repeat_its_parent, .timeout = 20)
{
    struct leati_random_pool pool = {0};
    uint8_t ours[16], theirs[16];
    int ends[2], status;

    cr_assert(leati_random_pool_take(&pool, ours, sizeof(ours)));
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        bool done = leati_random_pool_take(&pool, theirs, sizeof(theirs)) &&
                    write(ends[1], theirs, sizeof(theirs)) == (ssize_t)sizeof(theirs);
        _exit(done ? 0 : 1);
    }
    cr_assert_gt(child, 0);
    cr_assert(leati_random_pool_take(&pool, ours, sizeof(ours)));
    cr_assert_eq(read(ends[0], theirs, sizeof(theirs)), (ssize_t)sizeof(theirs));
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_neq(memcmp(ours, theirs, sizeof(ours)), 0);
    close(ends[0]);
    close(ends[1]);
}
