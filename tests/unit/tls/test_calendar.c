/* SPDX-License-Identifier: Apache-2.0 */
/* The calendar that certificates are judged by, against the C library's. */
#include <criterion/criterion.h>
#include <mbedtls/platform_util.h>
#include <time.h>

static void expect_same(int64_t time)
{
    time_t c_time = (time_t)time;
    struct tm ours, theirs;

    cr_assert(mbedtls_platform_gmtime_r(&c_time, &ours) == &ours);
    cr_assert(gmtime_r(&c_time, &theirs));
    cr_assert(ours.tm_year == theirs.tm_year && ours.tm_mon == theirs.tm_mon &&
                  ours.tm_mday == theirs.tm_mday && ours.tm_hour == theirs.tm_hour &&
                  ours.tm_min == theirs.tm_min && ours.tm_sec == theirs.tm_sec,
              "%lld: %d-%d-%d %d:%d:%d", (long long)time, ours.tm_year + 1900, ours.tm_mon + 1,
              ours.tm_mday, ours.tm_hour, ours.tm_min, ours.tm_sec);
}

/* Every day of 800 years, at its ends and somewhere in between. */
Test(calendar, is_that_of_the_c_library)
{
    const int64_t day_s = 86400;

    for (int64_t day = -400 * 366; day < 400 * 366; day++) {
        expect_same(day * day_s);
        expect_same(day * day_s + day_s - 1);
        expect_same(day * day_s + (day & 0xffff) % day_s);
    }
}

/* RFC 5280 section 4.1.2.5: certificates are valid from the year 1 to the year 9999 at most. */
Test(calendar, ends_of_what_a_certificate_can_say)
{
    expect_same(-62135596800);
    expect_same(253402300799);
    expect_same(INT32_MIN);
    expect_same(INT32_MAX);
    expect_same((int64_t)INT32_MAX + 1);
}
