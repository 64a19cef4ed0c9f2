/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/mask.h"

#include <string.h>

/* The machine's vectors, or what the compiler makes of its words. */
typedef uint64_t vector __attribute__((vector_size(16)));

/* memcpy: neither side need be aligned, and the compiler makes plain loads and stores of it. */
static inline void vector_mask(uint8_t *dst, const uint8_t *src, vector key)
{
    vector bytes;
    memcpy(&bytes, src, sizeof(bytes));
    bytes ^= key;
    memcpy(dst, &bytes, sizeof(bytes));
}

void leati_ws_mask_copy(uint8_t *dst, const uint8_t *src, size_t len,
                        const uint8_t key[LEATI_WS_MASK_KEY_BYTES], size_t offset)
{
    /* The key, again and again, turned to where this part of the payload begins: as bytes, so that
     * the order of bytes in a word does not matter. */
    uint8_t turned[sizeof(vector)];
    for (size_t i = 0; i < sizeof(turned); i++)
        turned[i] = key[(offset + i) % LEATI_WS_MASK_KEY_BYTES];
    vector key_vector;
    memcpy(&key_vector, turned, sizeof(key_vector));

    size_t done = 0;
    for (; len - done >= 4 * sizeof(vector); done += 4 * sizeof(vector)) {
        vector_mask(dst + done, src + done, key_vector);
        vector_mask(dst + done + sizeof(vector), src + done + sizeof(vector), key_vector);
        vector_mask(dst + done + 2 * sizeof(vector), src + done + 2 * sizeof(vector), key_vector);
        vector_mask(dst + done + 3 * sizeof(vector), src + done + 3 * sizeof(vector), key_vector);
    }
    for (; len - done >= sizeof(vector); done += sizeof(vector))
        vector_mask(dst + done, src + done, key_vector);
    for (size_t i = 0; done < len; done++, i++)
        dst[done] = src[done] ^ turned[i];
}
