/* SPDX-License-Identifier: Apache-2.0 */
/** @file UTF-8 validation (RFC 3629) that can stop and go on at any byte. */
#ifndef LEATI_UTIL_UTF8_H
#define LEATI_UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Where a text stands between two calls; all zero = at the start. */
struct leati_utf8 {
    uint8_t state;
};

/** Checks the next bytes. false = no valid text can begin so (fails at the first bad byte). */
bool leati_utf8_feed(struct leati_utf8 *utf8, const uint8_t *data, size_t len);
/** Whether the text may end here: no character is open. */
bool leati_utf8_complete(const struct leati_utf8 *utf8);
/** The length in bytes of the character that `text` begins with, and the character; 0 if those
 * bytes are none. */
size_t leati_utf8_decode(const void *text, size_t len, uint32_t *ret_character);
/** Whether the whole text is valid. */
bool leati_utf8_valid(const void *data, size_t len);

#endif
