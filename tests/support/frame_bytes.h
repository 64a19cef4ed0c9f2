/* SPDX-License-Identifier: Apache-2.0 */
/** @file Streams of WebSocket frames, built byte by byte. */
#ifndef LEAT_TESTS_SUPPORT_FRAME_BYTES_H
#define LEAT_TESTS_SUPPORT_FRAME_BYTES_H

#include "testing/frame_head.h"

struct bytes {
    uint8_t *data;
    size_t len, cap;
};

void bytes_add(struct bytes *b, const void *data, size_t len);
void bytes_free(struct bytes *b);

/** A frame, also one that no one may send. */
struct raw_frame {
    bool not_fin;
    unsigned rsv;
    unsigned opcode;
    bool masked;
    enum leati_frame_form form;
    uint64_t announce; /**< 0 = the real length */
    const void *payload;
    size_t len;
};

void bytes_add_frame(struct bytes *b, const struct raw_frame *frame);

#endif
