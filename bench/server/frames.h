/* SPDX-License-Identifier: Apache-2.0 */
/** @file Masked frames in, unmasked frames out, as the bytes come: nothing is collected. */
#ifndef LEAT_BENCH_FRAMES_H
#define LEAT_BENCH_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER_MAX 14u

/** Where in the client's stream we are. All zero = at its beginning. */
struct frame_reader {
    uint8_t header[FRAME_HEADER_MAX]; /**< as far as it has come */
    uint8_t header_len;
    uint8_t opcode;
    bool fin;
    uint8_t key[8];    /**< the masking key, twice */
    size_t key_pos;    /**< 0 to 3 */
    uint64_t left;     /**< of the payload */
    uint64_t messages; /**< that have come to their end */
    bool closing;      /**< a whole Close frame has come */
    bool broken;       /**< a frame without a mask */
};

/** Takes `len` bytes and writes the answer: every frame as it came but without its mask, a Pong for
 * a Ping; with `discard` only control frames are answered. `out` has room for `len` +
 * FRAME_HEADER_MAX. Returns the length of the answer. */
size_t frames_answer(struct frame_reader *reader, const uint8_t *in, size_t len, bool discard,
                     uint8_t *out);

/** Writes a header without a mask; returns its length. */
size_t frame_header_write(uint8_t *out, uint8_t first_byte, uint64_t payload_len);

#endif
