/* SPDX-License-Identifier: Apache-2.0 */
#include "http/date.h"

#include <stdio.h>
#include <time.h>

#define LAST_SECOND 253402300799 /* of the year 9999 */

static void date_format(int64_t seconds, char ret_date[LEATI_HTTP_DATE_SIZE])
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t at = (time_t)(seconds < 0 ? 0 : seconds > LAST_SECOND ? LAST_SECOND : seconds);
    struct tm tm = {0};

    (void)gmtime_r(&at, &tm);
    /* The remainders say to the compiler what the fields can be. */
    snprintf(ret_date, LEATI_HTTP_DATE_SIZE, "%s, %02u %s %04u %02u:%02u:%02u GMT",
             days[(unsigned)tm.tm_wday % 7], (unsigned)tm.tm_mday % 100,
             months[(unsigned)tm.tm_mon % 12], ((unsigned)tm.tm_year + 1900) % 10000,
             (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

void leati_http_date_now(char ret_date[LEATI_HTTP_DATE_SIZE])
{
    struct timespec now = {0};

    clock_gettime(CLOCK_REALTIME, &now);
    date_format(now.tv_sec, ret_date);
}
