/* SPDX-License-Identifier: Apache-2.0 */
#include "util/clock.h"

/* A year begins with March here: the day that comes every fourth year is its last. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    enum { DAYS_TO_1970 = 719468 }; /* from the first of March of year 0 */
    int64_t whole_years = month > 2 ? year : year - 1;
    int64_t months = month > 2 ? month - 3 : month + 9;
    return whole_years * 365 + whole_years / 4 - whole_years / 100 + whole_years / 400 +
           (153 * months + 2) / 5 + day - 1 - DAYS_TO_1970;
}

int64_t leati_clock_seconds_of(const struct tm *tm)
{
    int64_t days =
        days_since_1970((int64_t)tm->tm_year + 1900, (int64_t)tm->tm_mon + 1, tm->tm_mday);
    return ((days * 24 + tm->tm_hour) * 60 + tm->tm_min) * 60 + tm->tm_sec;
}

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
