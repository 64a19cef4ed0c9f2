/* SPDX-License-Identifier: Apache-2.0 */
#include "util/utf8.h"

#include <string.h>

/* A finite automaton over bytes, after the syntax table of RFC 3629 section 4. A state is a shift
 * count; the row of a byte holds, at that shift, the next state. So one step is a load that does
 * not depend on the state, and a shift: the chain from byte to byte is as short as it can be. A
 * transition that a row does not name is REJECT, which no byte leaves. */
enum utf8_state {
    REJECT = 0,
    ACCEPT = 6,  /* between characters */
    TAIL_1 = 12, /* one more byte 80..BF */
    TAIL_2 = 18,
    TAIL_3 = 24,
    AFTER_E0 = 30, /* A0..BF only: anything lower is overlong */
    AFTER_ED = 36, /* 80..9F only: anything higher is a surrogate */
    AFTER_F0 = 42, /* 90..BF only: anything lower is overlong */
    AFTER_F4 = 48, /* 80..8F only: anything higher is above U+10FFFF */
    STATE_MASK = 63,
};

#define MOVE(from, to) ((uint64_t)(to) << (from))
#define TAIL           (MOVE(TAIL_1, ACCEPT) | MOVE(TAIL_2, TAIL_1) | MOVE(TAIL_3, TAIL_2))

static const uint64_t rows[256] = {
    [0x00 ... 0x7F] = MOVE(ACCEPT, ACCEPT),
    [0x80 ... 0x8F] = TAIL | MOVE(AFTER_ED, TAIL_1) | MOVE(AFTER_F4, TAIL_2),
    [0x90 ... 0x9F] = TAIL | MOVE(AFTER_ED, TAIL_1) | MOVE(AFTER_F0, TAIL_2),
    [0xA0 ... 0xBF] = TAIL | MOVE(AFTER_E0, TAIL_1) | MOVE(AFTER_F0, TAIL_2),
    [0xC2 ... 0xDF] = MOVE(ACCEPT, TAIL_1),
    [0xE0] = MOVE(ACCEPT, AFTER_E0),
    [0xE1 ... 0xEC] = MOVE(ACCEPT, TAIL_2),
    [0xED] = MOVE(ACCEPT, AFTER_ED),
    [0xEE ... 0xEF] = MOVE(ACCEPT, TAIL_2),
    [0xF0] = MOVE(ACCEPT, AFTER_F0),
    [0xF1 ... 0xF3] = MOVE(ACCEPT, TAIL_3),
    [0xF4] = MOVE(ACCEPT, AFTER_F4),
};

#undef MOVE
#undef TAIL

/* Bytes that are looked at together, as vectors that every machine has or the compiler makes of its
 * words. */
#define BLOCK_BYTES 128u
#define HIGH_BITS   UINT64_C(0x8080808080808080)

typedef uint64_t vector __attribute__((vector_size(16)));

/* That no interface has them, which would depend on the machine: all of it is static. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

static uint64_t state_after(uint64_t state, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        state = rows[data[i]] >> (state & STATE_MASK);
    return state & STATE_MASK;
}

/* Need not be aligned: the compiler makes a plain load of it. */
static vector vector_load(const uint8_t *bytes)
{
    vector loaded;

    memcpy(&loaded, bytes, sizeof(loaded));
    return loaded;
}

static bool block_is_ascii(const uint8_t *block)
{
    vector all = vector_load(block);

#pragma GCC unroll 8
    for (size_t i = sizeof(vector); i < BLOCK_BYTES; i += sizeof(vector))
        all |= vector_load(block + i);
    return ((all[0] | all[1]) & HIGH_BITS) == 0;
}

bool leati_utf8_feed(struct leati_utf8 *utf8, const uint8_t *data, size_t len)
{
    /* Stored so that a zeroed struct is ACCEPT. */
    uint64_t state = utf8->state ^ (uint64_t)ACCEPT;

    for (; len >= BLOCK_BYTES && state != REJECT; data += BLOCK_BYTES, len -= BLOCK_BYTES)
        if (state != ACCEPT || !block_is_ascii(data))
            state = state_after(state, data, BLOCK_BYTES);
    for (; len >= sizeof(vector) && state != REJECT;
         data += sizeof(vector), len -= sizeof(vector)) {
        vector bytes = vector_load(data);
        if (state != ACCEPT || ((bytes[0] | bytes[1]) & HIGH_BITS) != 0)
            state = state_after(state, data, sizeof(vector));
    }
    if (state != REJECT)
        state = state_after(state, data, len);
    utf8->state = (uint8_t)(state ^ ACCEPT);
    return state != REJECT;
}

bool leati_utf8_complete(const struct leati_utf8 *utf8)
{
    return utf8->state == 0;
}

bool leati_utf8_valid(const void *data, size_t len)
{
    struct leati_utf8 utf8 = {0};

    return leati_utf8_feed(&utf8, data, len) && leati_utf8_complete(&utf8);
}

size_t leati_utf8_decode(const void *text, size_t len, uint32_t *ret_character)
{
    const uint8_t *bytes = text;
    if (len == 0)
        return 0;
    size_t size = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    if (size > len || !leati_utf8_valid(bytes, size))
        return 0;
    uint32_t character = size == 1 ? bytes[0] : bytes[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++)
        character = character << 6 | (bytes[i] & 0x3fu);
    *ret_character = character;
    return size;
}
