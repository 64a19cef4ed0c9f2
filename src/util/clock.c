/* SPDX-License-Identifier: Apache-2.0 */
#include "util/clock.h"

#include <time.h>

uint64_t leati_clock_us(void)
{
    struct timespec now;

    /* Cannot fail: the clock exists and the address is good. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t leati_clock_ms(void)
{
    return leati_clock_us() / 1000u;
}
