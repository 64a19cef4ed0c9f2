/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/mask.h"

#include <string.h>

#define WIDE_BLOCK_BYTES 128u
/* What is shorter is not worth the question whether the machine has wider vectors. */
#define WIDE_MIN_BYTES 256u

/* The machine's vectors, or what the compiler makes of its words. */
typedef uint64_t vector __attribute__((vector_size(16)));

/* memcpy: neither side need be aligned, and the compiler makes plain loads and stores of it. How a
 * vector is passed depends on the machine, so that none is. */
static inline void vector_mask(uint8_t *dst, const uint8_t *src, const vector *key)
{
    vector bytes;
    memcpy(&bytes, src, sizeof(bytes));
    bytes ^= *key;
    memcpy(dst, &bytes, sizeof(bytes));
}

static inline void word_mask(uint8_t *dst, const uint8_t *src, uint64_t key)
{
    uint64_t bytes;
    memcpy(&bytes, src, sizeof(bytes));
    bytes ^= key;
    memcpy(dst, &bytes, sizeof(bytes));
}

/* The key, turned to where this part of the payload begins: as bytes, so that the order of bytes in a
 * word does not matter. */
static uint64_t key_turn(const uint8_t key[LEATI_WS_MASK_KEY_BYTES], size_t offset)
{
    uint8_t twice[2 * LEATI_WS_MASK_KEY_BYTES];
    uint32_t turned;

    memcpy(twice, key, LEATI_WS_MASK_KEY_BYTES);
    memcpy(twice + LEATI_WS_MASK_KEY_BYTES, key, LEATI_WS_MASK_KEY_BYTES);
    memcpy(&turned, twice + offset % LEATI_WS_MASK_KEY_BYTES, sizeof(turned));
    return (uint64_t)turned << 32 | turned;
}

static void mask_plain(uint8_t *dst, const uint8_t *src, size_t len, uint64_t key)
{
    const vector key_vector = {key, key};
    size_t done = 0;

    for (; len - done >= 4 * sizeof(vector); done += 4 * sizeof(vector)) {
        vector_mask(dst + done, src + done, &key_vector);
        vector_mask(dst + done + sizeof(vector), src + done + sizeof(vector), &key_vector);
        vector_mask(dst + done + 2 * sizeof(vector), src + done + 2 * sizeof(vector), &key_vector);
        vector_mask(dst + done + 3 * sizeof(vector), src + done + 3 * sizeof(vector), &key_vector);
    }
    for (; len - done >= sizeof(vector); done += sizeof(vector))
        vector_mask(dst + done, src + done, &key_vector);
    for (; len - done >= sizeof(key); done += sizeof(key))
        word_mask(dst + done, src + done, key);
    for (size_t i = 0; done < len; done++, i++)
        dst[done] = src[done] ^ ((const uint8_t *)&key)[i];
}

/* What asks the processor has 5 KiB. */
#if defined(__x86_64__) && !defined(__OPTIMIZE_SIZE__)
typedef uint64_t wide_vector __attribute__((vector_size(32)));

/* As much as there are whole blocks. */
__attribute__((target("avx2"))) static size_t mask_blocks_avx2(uint8_t *dst, const uint8_t *src,
                                                               size_t len, uint64_t key)
{
    const wide_vector key_vector = {key, key, key, key};
    size_t done = 0;

    for (; len - done >= WIDE_BLOCK_BYTES; done += WIDE_BLOCK_BYTES) {
#pragma GCC unroll 4
        for (size_t i = 0; i < WIDE_BLOCK_BYTES; i += sizeof(wide_vector)) {
            wide_vector bytes;
            memcpy(&bytes, src + done + i, sizeof(bytes));
            bytes ^= key_vector;
            memcpy(dst + done + i, &bytes, sizeof(bytes));
        }
    }
    return done;
}

static size_t mask_blocks(uint8_t *dst, const uint8_t *src, size_t len, uint64_t key)
{
    return __builtin_cpu_supports("avx2") ? mask_blocks_avx2(dst, src, len, key) : 0;
}
#else
static size_t mask_blocks(uint8_t *dst, const uint8_t *src, size_t len, uint64_t key)
{
    (void)dst;
    (void)src;
    (void)len;
    (void)key;
    return 0;
}
#endif

void leati_ws_mask_copy(uint8_t *dst, const uint8_t *src, size_t len,
                        const uint8_t key[LEATI_WS_MASK_KEY_BYTES], size_t offset)
{
    if (len == 0)
        return; /* `dst` and `src` may be NULL, to which nothing may be added */
    uint64_t turned = key_turn(key, offset);
    size_t done = len >= WIDE_MIN_BYTES ? mask_blocks(dst, src, len, turned) : 0;

    mask_plain(dst + done, src + done, len - done, turned);
}

void leati_ws_mask_copy_plain(uint8_t *dst, const uint8_t *src, size_t len,
                              const uint8_t key[LEATI_WS_MASK_KEY_BYTES], size_t offset)
{
    mask_plain(dst, src, len, key_turn(key, offset));
}
