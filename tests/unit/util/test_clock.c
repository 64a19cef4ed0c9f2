/* SPDX-License-Identifier: Apache-2.0 */
#include "util/clock.h"

#include <criterion/criterion.h>

/* Each day from 1900 to 9999, by counting them. */
Test(clock, seconds_of_every_day, .timeout = 10)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = -25567; /* 70 years with 17 days more */
    for (int year = 1900; year < 10000; year++) {
        const int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (int month = 0; month < 12; month++) {
            const int length = lengths[month] + (month == 1 && is_leap);
            for (int day = 1; day <= length; day++, days++) {
                const struct tm tm = {.tm_year = year - 1900, .tm_mon = month, .tm_mday = day};
                cr_assert(leati_clock_seconds_of(&tm) == days * 86400, "%d-%d-%d", year, month + 1,
                          day);
            }
        }
    }
}

Test(clock, seconds_of_moments, .timeout = 10)
{
    const struct tm first = {.tm_year = 70, .tm_mday = 1};
    const struct tm last = {.tm_year = 149, .tm_mon = 11, .tm_mday = 31};
    const struct tm some = {
        .tm_year = 138, .tm_mon = 0, .tm_mday = 19, .tm_hour = 3, .tm_min = 14, .tm_sec = 8};
    cr_expect(leati_clock_seconds_of(&first) == 0);
    cr_expect(leati_clock_seconds_of(&last) == INT64_C(2524521600));
    cr_expect(leati_clock_seconds_of(&some) == INT64_C(2147483648));
}
