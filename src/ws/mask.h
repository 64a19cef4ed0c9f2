/* SPDX-License-Identifier: Apache-2.0 */
/** @file Masking (RFC 6455 section 5.3) and its keys. */
#ifndef LEATI_WS_MASK_H
#define LEATI_WS_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEATI_WS_MASK_KEY_BYTES = 4,
    LEATI_WS_MASK_BATCH_BYTES = 256,
};

/** Masking keys in stock, so that not every frame costs a system call. All zero = empty. Each key
 * comes from the kernel, is used once, and is wiped when it is handed out (section 10.3). */
struct leati_ws_mask_keys {
    uint8_t bytes[LEATI_WS_MASK_BATCH_BYTES];
    size_t left; /**< unused ones, at the front */
};

/** The next key. false = the kernel gives no randomness. */
bool leati_ws_mask_keys_next(struct leati_ws_mask_keys *keys,
                             uint8_t ret_key[LEATI_WS_MASK_KEY_BYTES]);
void leati_ws_mask_keys_wipe(struct leati_ws_mask_keys *keys);

/** Copies `len` bytes and masks them on the way; `offset` is where in the payload they begin.
 * `dst` may be `src`; otherwise they do not overlap. */
void leati_ws_mask_copy(uint8_t *dst, const uint8_t *src, size_t len,
                        const uint8_t key[LEATI_WS_MASK_KEY_BYTES], size_t offset);

#endif
