/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Random cases that are the same in every run, so that a failure can be looked at (splitmix64).
 */
#ifndef LEAT_TESTS_UNIT_TLS_CRYPTO_CASES_H
#define LEAT_TESTS_UNIT_TLS_CRYPTO_CASES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/** Where the sequence stands; set it to start one. */
static uint64_t state;

static inline uint64_t next(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/** 0 to `limit` - 1. */
static inline size_t below(size_t limit)
{
    return (size_t)(next() % limit);
}

/** Each Nth case is enough where every instruction is simulated, or under AddressSanitizer. */
static inline long cases_step(void)
{
    const char *divisor = getenv("LEAT_TEST_CASES_DIVISOR");
    return divisor ? strtol(divisor, NULL, 10) : 1;
}

static inline long cases(long wanted)
{
    return (wanted + cases_step() - 1) / cases_step();
}

#endif
