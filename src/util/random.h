/* SPDX-License-Identifier: Apache-2.0 */
/** @file Unpredictable bytes from the kernel, for masking keys and nonces. */
#ifndef LEATI_UTIL_RANDOM_H
#define LEATI_UTIL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/** Fills the buffer from getrandom(2). false only if the kernel has no such call. */
bool leati_random_bytes(void *buf, size_t len);

#endif
