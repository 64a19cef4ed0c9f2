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

void bytes_add_frame(struct bytes *b, const struct raw_frame *frame)
{
    const struct leati_frame_head head = {
        .first_byte = (uint8_t)((frame->not_fin ? 0 : 0x80) | (frame->rsv << 4) | frame->opcode),
        .masked = frame->masked,
        .form = frame->form,
        .len = frame->announce != 0 ? frame->announce : frame->len,
    };
    uint8_t written[LEATI_FRAME_HEAD_MAX_BYTES];
    bytes_add(b, written, leati_frame_head_write(&head, written));
    size_t start = b->len;
    bytes_add(b, frame->payload, frame->len);
    if (frame->masked)
        leati_frame_mask(b->data + start, frame->len);
}
