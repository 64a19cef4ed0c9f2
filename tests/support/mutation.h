/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Damaged variants of a valid input, the same ones on every run: what a fuzzer would try first, as
 * a plain test.
 */
#ifndef TESTS_SUPPORT_MUTATION_H
#define TESTS_SUPPORT_MUTATION_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUTATION_MAX_BYTES 2048

struct mutation {
    uint64_t state;
    uint8_t bytes[MUTATION_MAX_BYTES];
};

static inline void mutation_init(struct mutation *mutation, uint64_t seed)
{
    mutation->state = seed;
}

/* SplitMix64. */
static inline uint64_t mutation_random(struct mutation *mutation)
{
    uint64_t z = mutation->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline size_t mutation_below(struct mutation *mutation, size_t limit)
{
    return (size_t)(mutation_random(mutation) % limit);
}

/* One change somewhere: a byte replaced, one bit turned, a byte put in, a stretch taken out, a
 * stretch doubled, the rest cut off. */
static inline size_t mutation_apply(struct mutation *mutation, size_t len)
{
    static const uint8_t special[] = {0, 1, 5, 0x7f, 0x80, 0xff, ' ', '\r', '\n', '%', ':', '['};
    uint8_t *bytes = mutation->bytes;
    size_t at = mutation_below(mutation, len + 1);
    size_t n = 1 + mutation_below(mutation, 8);
    uint8_t byte = (uint8_t)mutation_random(mutation);

    if (mutation_below(mutation, 2))
        byte = special[mutation_below(mutation, sizeof(special))];
    switch (mutation_below(mutation, 6)) {
    case 0:
        if (at < len)
            bytes[at] = byte;
        return len;
    case 1:
        if (at < len)
            bytes[at] ^= (uint8_t)(1u << mutation_below(mutation, 8));
        return len;
    case 2:
        if (len == MUTATION_MAX_BYTES)
            return len;
        memmove(bytes + at + 1, bytes + at, len - at);
        bytes[at] = byte;
        return len + 1;
    case 3:
        if (n > len - at)
            n = len - at;
        memmove(bytes + at, bytes + at + n, len - at - n);
        return len - n;
    case 4:
        if (n > len - at)
            n = len - at;
        if (len + n > MUTATION_MAX_BYTES)
            return len;
        memmove(bytes + at + n, bytes + at, len - at);
        return len + n;
    default:
        return mutation_below(mutation, 4) ? len : at;
    }
}

/** Puts the next variant into `bytes`; returns its length. */
static inline size_t mutation_next(struct mutation *mutation, const void *input, size_t len)
{
    if (len > MUTATION_MAX_BYTES)
        len = MUTATION_MAX_BYTES;
    memcpy(mutation->bytes, input, len);
    for (size_t changes = 1 + mutation_below(mutation, 3); changes > 0; changes--)
        len = mutation_apply(mutation, len);
    return len;
}

#endif
