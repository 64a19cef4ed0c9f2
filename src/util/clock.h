/* SPDX-License-Identifier: Apache-2.0 */
/** @file CLOCK_MONOTONIC. */
#ifndef LEATI_UTIL_CLOCK_H
#define LEATI_UTIL_CLOCK_H

#include <stdint.h>

uint64_t leati_clock_ms(void);
uint64_t leati_clock_us(void);

#endif
