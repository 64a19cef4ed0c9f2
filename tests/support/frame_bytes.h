/* SPDX-License-Identifier: Apache-2.0 */
/** @file Streams of WebSocket frames, built byte by byte. */
#ifndef LEAT_TESTS_SUPPORT_FRAME_BYTES_H
#define LEAT_TESTS_SUPPORT_FRAME_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t len, cap;
};

void bytes_add(struct bytes *b, const void *data, size_t len);
void bytes_free(struct bytes *b);

enum length_form {
    LENGTH_SHORTEST,
    LENGTH_7,
    LENGTH_16,
    LENGTH_64,
};

/** A frame, also one that no one may send. */
struct raw_frame {
    bool not_fin;
    unsigned rsv;
    unsigned opcode;
    bool masked;
    enum length_form form;
    uint64_t announce; /**< 0 = the real length */
    const void *payload;
    size_t len;
};

void bytes_add_frame(struct bytes *b, const struct raw_frame *frame);

#endif
