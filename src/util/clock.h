/* SPDX-License-Identifier: Apache-2.0 */
/** @file CLOCK_MONOTONIC, and the seconds of dates. */
#ifndef LEATI_UTIL_CLOCK_H
#define LEATI_UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

uint64_t leati_clock_ms(void);
uint64_t leati_clock_us(void);

/** Seconds since 1970 of a date in UTC: timegm(3), where time_t ends in 2038, too. From year 0 on. */
int64_t leati_clock_seconds_of(const struct tm *tm);

#endif
