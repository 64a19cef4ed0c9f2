/* SPDX-License-Identifier: Apache-2.0 */
/** @file Masking (RFC 6455 section 5.3). */
#ifndef LEATI_WS_MASK_H
#define LEATI_WS_MASK_H

#include <stddef.h>
#include <stdint.h>

enum {
    LEATI_WS_MASK_KEY_BYTES = 4,
};

/** Copies `len` bytes and masks them on the way; `offset` is where in the payload they begin.
 * `dst` may be `src`; otherwise they do not overlap. */
void leati_ws_mask_copy(uint8_t *dst, const uint8_t *src, size_t len,
                        const uint8_t key[LEATI_WS_MASK_KEY_BYTES], size_t offset);
/** The same by what every machine has, for its comparison. */
void leati_ws_mask_copy_plain(uint8_t *dst, const uint8_t *src, size_t len,
                              const uint8_t key[LEATI_WS_MASK_KEY_BYTES], size_t offset);

#endif
