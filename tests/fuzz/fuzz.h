/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the fuzz targets share. A target is one function that takes any bytes; libFuzzer's main or
 * that of replay.c calls it.
 */
#ifndef LEAT_TESTS_FUZZ_FUZZ_H
#define LEAT_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Ends the program, which both mains take for a finding. */
#define FUZZ_MUST(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/** The rest of an input. */
struct fuzz_input {
    const uint8_t *data;
    size_t len;
};

/** The next byte of an input, which chooses something; 0 at its end. */
static inline uint8_t fuzz_take(struct fuzz_input *input)
{
    if (input->len == 0)
        return 0;
    input->len--;
    return *input->data++;
}

/** The next bytes of an input, `limit` at most. */
static inline struct fuzz_input fuzz_take_bytes(struct fuzz_input *input, size_t limit)
{
    struct fuzz_input taken = {input->data, input->len < limit ? input->len : limit};
    if (taken.len > 0)
        input->data += taken.len;
    input->len -= taken.len;
    return taken;
}

/** How many bytes to hand over next when `seed` chooses the portions: all for 0, else 1 to 16. */
static inline size_t fuzz_portion(uint32_t *seed, size_t len)
{
    if (*seed == 0)
        return len;
    *seed = *seed * 1664525u + 1013904223u;
    if (*seed == 0)
        *seed = 1;
    size_t portion = 1 + ((*seed >> 16) & 15);
    return portion < len ? portion : len;
}

/** A copy in a block of its own size, so that a read behind the end is seen by AddressSanitizer; to
 * be freed. `input` as a string if `is_string`. */
static inline char *fuzz_copy(struct fuzz_input input, bool is_string)
{
    size_t size = input.len + (is_string ? 1 : 0);
    char *copy = malloc(size ? size : 1);
    FUZZ_MUST(copy);
    if (input.len > 0)
        memcpy(copy, input.data, input.len);
    if (is_string)
        copy[input.len] = '\0';
    return copy;
}

/** Whether every byte may be shown on a terminal. */
static inline bool fuzz_is_printable(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

/** In place of SHA-1: nothing of the targets depends on its strength. */
bool fuzz_sha1(const void *data, size_t len, uint8_t ret_digest[20]);

#endif
