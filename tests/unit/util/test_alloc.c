/* SPDX-License-Identifier: Apache-2.0 */
#include "util/alloc.h"
#include "util/clock.h"
#include "util/random.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

static bool always_fails(void)
{
    return true;
}

Test(alloc, every_function_obeys_the_hook, .timeout = 10)
{
    char *s = leati_strdup("x");

    leati_alloc_fail_hook = always_fails;
    cr_assert_null(leati_malloc(1));
    cr_assert_null(leati_calloc(1, 1));
    cr_assert_null(leati_realloc(s, 100));
    cr_assert_null(leati_strdup("a"));
    cr_assert_null(leati_bytes_dup("a", 1));
    cr_assert_null(leati_asprintf("%d", 1));
    cr_assert_null(leati_concat("a"));
    leati_alloc_fail_hook = NULL;
    cr_assert_str_eq(s, "x", "a failed realloc leaves the old block");
    leati_free(s);
}

Test(alloc, zero_bytes_are_not_a_failure, .timeout = 10)
{
    void *a = leati_malloc(0);
    void *b = leati_calloc(0, 8);
    void *c = leati_realloc(leati_malloc(8), 0);

    cr_assert(a && b && c);
    leati_free(a);
    leati_free(b);
    leati_free(c);
    leati_free(NULL);
}

Test(alloc, arrays_grow_and_keep_what_is_in_them, .timeout = 10)
{
    uint16_t *items = NULL;
    size_t cap = 0;

    cr_assert(leati_grow(&items, &cap, 3, sizeof(*items)) && items && cap == 3);
    items[2] = 7;
    cr_assert(leati_grow(&items, &cap, 3, sizeof(*items)) && cap == 6);
    cr_assert(leati_resize(&items, 100, sizeof(*items)));
    items[99] = 8;
    cr_assert_eq(items[2], 7);

    uint16_t *before = items;
    leati_alloc_fail_hook = always_fails;
    cr_assert(!leati_grow(&items, &cap, 3, sizeof(*items)) && cap == 6);
    cr_assert_not(leati_resize(&items, 200, sizeof(*items)));
    leati_alloc_fail_hook = NULL;
    cr_assert(items == before && items[99] == 8, "without memory nothing has changed");
    leati_free(items);
}

Test(alloc, room_for_bytes_is_behind_those_that_are_there, .timeout = 10)
{
    char *data = NULL;
    size_t cap = 0;

    cr_assert(leati_reserve(&data, &cap, 0, 0) && !data && cap == 0, "nothing needs no room");
    cr_assert(leati_reserve(&data, &cap, 0, 5) && data && cap >= 5);
    memcpy(data, "abcde", 5);

    size_t full = cap;
    char *before = data;
    leati_alloc_fail_hook = always_fails;
    cr_assert(leati_reserve(&data, &cap, 5, full - 5), "that there is already");
    cr_assert_not(leati_reserve(&data, &cap, 5, full - 4));
    cr_assert(data == before && cap == full, "without memory nothing has changed");
    leati_alloc_fail_hook = NULL;
    cr_assert(leati_reserve(&data, &cap, full, 1000) && cap >= 2 * full + 1000);
    cr_assert(memcmp(data, "abcde", 5) == 0);
    memset(data, 'x', cap);
    leati_free(data);
}

Test(alloc, calloc_checks_for_overflow, .timeout = 10)
{
    volatile size_t huge = SIZE_MAX / 2;

    cr_assert_null(leati_calloc(huge, 3));
}

Test(alloc, strings, .timeout = 10)
{
    char *a = leati_bytes_dup("abcdef", 3);
    char *b = leati_bytes_dup("a\0b", 3);
    char *none = leati_bytes_dup(NULL, 0);
    char *c = leati_asprintf("%s-%05d", "n", 42);
    char *d = leati_concat("", "a", "", "%s");

    cr_assert_str_eq(a, "abc");
    cr_assert(memcmp(b, "a\0b", 4) == 0, "NULs are bytes like others");
    cr_assert_str_eq(none, "");
    cr_assert_str_eq(c, "n-00042");
    cr_assert_str_eq(d, "a%s");
    leati_free(d);
    leati_free(a);
    leati_free(b);
    leati_free(none);
    leati_free_secret(c);
    leati_free_secret(NULL);
}

Test(alloc, wipe_clears, .timeout = 10)
{
    char buf[16];

    memset(buf, 'x', sizeof(buf));
    leati_wipe(buf, sizeof(buf));
    for (size_t i = 0; i < sizeof(buf); i++)
        cr_assert_eq(buf[i], 0);
    leati_wipe(NULL, 0);
}

Test(clock, is_the_monotonic_clock, .timeout = 10)
{
    struct timespec now;

    uint64_t before_us = leati_clock_us();
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t after_ms = leati_clock_ms();
    uint64_t now_us = (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
    cr_assert_leq(before_us, now_us);
    cr_assert_leq(now_us / 1000, after_ms);
}

Test(random, fills_all_of_the_buffer, .timeout = 10)
{
    /* 64 KiB: longer than what getrandom(2) promises to give in one piece. */
    static uint8_t buf[65536];
    size_t zeros = 0;

    cr_assert(leati_random_bytes(buf, sizeof(buf)));
    for (size_t i = 0; i < sizeof(buf); i++)
        zeros += buf[i] == 0;
    /* 256 are to be expected; 1024 or none do not happen. */
    cr_assert(zeros > 0 && zeros < 1024, "%zu", zeros);
    cr_assert(leati_random_bytes(buf, 0));
}
