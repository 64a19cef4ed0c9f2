/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a fuzz target may know of the form of its inputs, so that what is made of one gets further
 * than to its first length: an input is a head of bytes that choose something, and pieces (frames,
 * lines, replies), which are left out, doubled, moved, put in, and changed in their own ways.
 */
#ifndef LEAT_TESTS_FUZZ_MUTATOR_H
#define LEAT_TESTS_FUZZ_MUTATOR_H

#include "fuzz/fuzz.h"

#define MUTATOR_MAX_BYTES 65536u

/** A piece that is being changed. */
struct mutator_piece {
    uint8_t *bytes;
    size_t len;
    size_t cap;
};

struct mutator_known {
    const char *bytes;
    size_t len;
};

#define MUTATOR_KNOWN(text)                                                                        \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

struct mutator_format {
    /** How many bytes before the first piece choose something. */
    size_t head_bytes;
    /** The length of the piece at `data`, number `index`; 1 to `len`. */
    size_t (*measure)(const uint8_t *data, size_t len, size_t index);
    /** Changes a piece in one of the ways that its kind has, and leaves the rest of it true. `head`
     * is what chooses, or NULL if the input has less. */
    void (*change)(struct mutator_piece *piece, const uint8_t *head, uint32_t *seed);
    /** Pieces that are put in. */
    const struct mutator_known *known;
    size_t known_count;
};

extern const struct mutator_format mutator_frames, mutator_http, mutator_socks5, mutator_gss;

/** @return the new size. */
size_t mutator_run(const struct mutator_format *format, uint8_t *data, size_t size, size_t max_size,
                   uint32_t seed);

/** A number below `below`, which is not 0. */
uint32_t mutator_choose(uint32_t *seed, uint32_t below);
/** Changes bytes of a piece in the ways of the engine, which know no form. */
void mutator_change_bytes(struct mutator_piece *piece, size_t at, size_t len, uint32_t *seed);
/** Puts `len` bytes, or as many zeros if `bytes` is NULL, in the place of `old_len`; not at all if
 * they have no room. */
void mutator_replace(struct mutator_piece *piece, size_t at, size_t old_len, const void *bytes,
                     size_t len);

/** The engine's. Not every engine has it. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));

#endif
