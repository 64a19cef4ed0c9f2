/* SPDX-License-Identifier: Apache-2.0 */
#include "support/frame_bytes.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

void bytes_add(struct bytes *b, const void *data, size_t len)
{
    if (b->len + len > b->cap) {
        b->cap = (b->len + len) * 2;
        b->data = realloc(b->data, b->cap);
        cr_assert_not_null(b->data);
    }
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
}

void bytes_free(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){0};
}

static void add_number(struct bytes *b, uint64_t value, unsigned size)
{
    for (unsigned i = size; i-- > 0;) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        bytes_add(b, &byte, 1);
    }
}

void bytes_add_frame(struct bytes *b, const struct raw_frame *frame)
{
    static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint64_t len = frame->announce != 0 ? frame->announce : frame->len;
    enum length_form form = frame->form;

    if (form == LENGTH_SHORTEST)
        form = len < 126 ? LENGTH_7 : len < 65536 ? LENGTH_16 : LENGTH_64;
    uint8_t mask_bit = frame->masked ? 0x80 : 0;
    uint8_t head[2] = {
        (uint8_t)((frame->not_fin ? 0 : 0x80) | (frame->rsv << 4) | frame->opcode),
        (uint8_t)(mask_bit | (form == LENGTH_7    ? len
                              : form == LENGTH_16 ? 126u
                                                  : 127u)),
    };
    bytes_add(b, head, 2);
    if (form != LENGTH_7)
        add_number(b, len, form == LENGTH_16 ? 2 : 8);
    if (!frame->masked) {
        bytes_add(b, frame->payload, frame->len);
        return;
    }
    bytes_add(b, key, sizeof(key));
    size_t start = b->len;
    bytes_add(b, frame->payload, frame->len);
    for (size_t i = 0; i < frame->len; i++)
        b->data[start + i] ^= key[i % 4];
}
