/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/frame_writer.h"

#include <string.h>

enum {
    FIN_BIT = 0x80,
    MASK_BIT = 0x80,
    LENGTH_IN_2_BYTES = 126,
    LENGTH_IN_8_BYTES = 127,
};

size_t leati_ws_frame_header_size(bool masked, uint64_t payload_len)
{
    size_t extended = payload_len > UINT16_MAX ? 8 : payload_len >= LENGTH_IN_2_BYTES ? 2 : 0;
    return 2 + extended + (masked ? LEATI_WS_MASK_KEY_BYTES : 0);
}

static uint8_t *put_big_endian(uint8_t *pos, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        pos[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    return pos + size;
}

static size_t header_encode(uint8_t header[LEATI_WS_FRAME_HEADER_MAX], uint8_t opcode, size_t len,
                            const uint8_t *key)
{
    uint8_t *pos = header;
    uint8_t mask_bit = key != NULL ? MASK_BIT : 0;

    *pos++ = FIN_BIT | opcode;
    if (len > UINT16_MAX) {
        *pos++ = mask_bit | LENGTH_IN_8_BYTES;
        pos = put_big_endian(pos, len, 8);
    } else if (len >= LENGTH_IN_2_BYTES) {
        *pos++ = mask_bit | LENGTH_IN_2_BYTES;
        pos = put_big_endian(pos, len, 2);
    } else {
        *pos++ = mask_bit | (uint8_t)len;
    }
    if (key != NULL) {
        memcpy(pos, key, LEATI_WS_MASK_KEY_BYTES);
        pos += LEATI_WS_MASK_KEY_BYTES;
    }
    return (size_t)(pos - header);
}

bool leati_ws_frame_write(struct leati_byte_queue *out, struct leati_ws_mask_keys *keys,
                          uint8_t opcode, const void *payload, size_t len)
{
    uint8_t key_bytes[LEATI_WS_MASK_KEY_BYTES];
    const uint8_t *key = keys != NULL ? key_bytes : NULL;

    if (len > SIZE_MAX - LEATI_WS_FRAME_HEADER_MAX)
        return false;
    /* All memory first: from here on only the key can be missing, and then nothing is queued. */
    if (!leati_byte_queue_ensure(out, leati_ws_frame_header_size(key != NULL, len) + len))
        return false;
    if (key != NULL && !leati_ws_mask_keys_next(keys, key_bytes))
        return false;

    uint8_t header[LEATI_WS_FRAME_HEADER_MAX];
    size_t header_size = header_encode(header, opcode, len, key);
    if (!leati_byte_queue_append(out, header, header_size))
        return false;
    if (key == NULL)
        return leati_byte_queue_append(out, payload, len);
    const uint8_t *src = payload;
    for (size_t done = 0; done < len;) {
        uint8_t *room;
        size_t size;
        if (!leati_byte_queue_reserve(out, &room, &size))
            return false;
        if (size > len - done)
            size = len - done;
        leati_ws_mask_copy(room, src + done, size, key, done);
        leati_byte_queue_commit(out, size);
        done += size;
    }
    return true;
}
