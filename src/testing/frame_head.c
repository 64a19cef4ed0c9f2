/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/frame_head.h"

#include <string.h>

static const uint8_t mask_key[4] = {0x37, 0xfa, 0x21, 0x3d};

static enum leati_frame_form form_of(const struct leati_frame_head *head)
{
    if (head->form != LEATI_FRAME_SHORTEST)
        return head->form;
    return head->len < 126 ? LEATI_FRAME_7 : head->len < 65536 ? LEATI_FRAME_16 : LEATI_FRAME_64;
}

size_t leati_frame_head_write(const struct leati_frame_head *head,
                              uint8_t ret_bytes[LEATI_FRAME_HEAD_MAX_BYTES])
{
    enum leati_frame_form form = form_of(head);
    uint64_t short_len = form == LEATI_FRAME_7 ? head->len : form == LEATI_FRAME_16 ? 126 : 127;
    unsigned long_bytes = form == LEATI_FRAME_7 ? 0 : form == LEATI_FRAME_16 ? 2 : 8;
    size_t at = 0;

    ret_bytes[at++] = head->first_byte;
    ret_bytes[at++] = (uint8_t)((head->masked ? 0x80 : 0) | short_len);
    while (long_bytes-- > 0)
        ret_bytes[at++] = (uint8_t)(head->len >> (8 * long_bytes));
    if (head->masked) {
        memcpy(ret_bytes + at, mask_key, sizeof(mask_key));
        at += sizeof(mask_key);
    }
    return at;
}

void leati_frame_mask(uint8_t *payload, size_t len)
{
    for (size_t i = 0; i < len; ++i)
        payload[i] ^= mask_key[i % 4];
}
