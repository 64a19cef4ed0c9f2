/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/mask.h"

#include "util/alloc.h"
#include "util/random.h"

#include <string.h>

bool leati_ws_mask_keys_next(struct leati_ws_mask_keys *keys,
                             uint8_t ret_key[LEATI_WS_MASK_KEY_BYTES])
{
    if (keys->left == 0) {
        if (!leati_random_bytes(keys->bytes, sizeof(keys->bytes)))
            return false;
        keys->left = sizeof(keys->bytes);
    }
    keys->left -= LEATI_WS_MASK_KEY_BYTES;
    memcpy(ret_key, keys->bytes + keys->left, LEATI_WS_MASK_KEY_BYTES);
    leati_wipe(keys->bytes + keys->left, LEATI_WS_MASK_KEY_BYTES);
    return true;
}

void leati_ws_mask_keys_wipe(struct leati_ws_mask_keys *keys)
{
    leati_wipe(keys, sizeof(*keys));
}

/* memcpy: neither side need be aligned, and the compiler makes plain loads and stores of it. */
static inline void word_mask(uint8_t *restrict dst, const uint8_t *restrict src, uint64_t key)
{
    uint64_t word;
    memcpy(&word, src, sizeof(word));
    word ^= key;
    memcpy(dst, &word, sizeof(word));
}

void leati_ws_mask_copy(uint8_t *restrict dst, const uint8_t *restrict src, size_t len,
                        const uint8_t key[LEATI_WS_MASK_KEY_BYTES], size_t offset)
{
    /* The key, twice, turned to where this part of the payload begins: as bytes, so that the order
     * of bytes in a word does not matter. */
    uint8_t turned[sizeof(uint64_t)];
    for (size_t i = 0; i < sizeof(turned); i++)
        turned[i] = key[(offset + i) % LEATI_WS_MASK_KEY_BYTES];
    uint64_t key_word;
    memcpy(&key_word, turned, sizeof(key_word));

    size_t done = 0;
    for (; len - done >= 4 * sizeof(uint64_t); done += 4 * sizeof(uint64_t)) {
        word_mask(dst + done, src + done, key_word);
        word_mask(dst + done + 8, src + done + 8, key_word);
        word_mask(dst + done + 16, src + done + 16, key_word);
        word_mask(dst + done + 24, src + done + 24, key_word);
    }
    for (; len - done >= sizeof(uint64_t); done += sizeof(uint64_t))
        word_mask(dst + done, src + done, key_word);
    for (size_t i = 0; done < len; done++, i++)
        dst[done] = src[done] ^ turned[i];
}
