/* SPDX-License-Identifier: Apache-2.0 */
/** @file The time of day as HTTP writes it (RFC 9110 section 5.6.7). */
#ifndef LEATI_HTTP_DATE_H
#define LEATI_HTTP_DATE_H

#include <stdint.h>

/** "Sun, 06 Nov 1994 08:49:37 GMT" with its NUL. */
#define LEATI_HTTP_DATE_SIZE 30u

/** Of now, up to the year 9999; independent of the locale. */
void leati_http_date_now(char ret_date[LEATI_HTTP_DATE_SIZE]);

#endif
