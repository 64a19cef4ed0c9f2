/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/frame_writer.h"

#include "util/random.h"

#include <string.h>

/* How much of a frame is queued before it may leave: it should still be in the cache then, and be
 * worth a system call. The last part stays, for what is queued behind it. */
#define DRAIN_BYTES 1048576u

/* From here on a system call of its own costs less than to copy the payload; of 64 KiB it is not so
 * where they come one by one. */
#define GIVE_BYTES 262144u

/* What is longer goes by chunks anyhow. */
#define WHOLE_MAX_BYTES (LEATI_CHUNK_BYTES - LEATI_WS_FRAME_HEADER_MAX)

enum {
    MASK_BIT = 0x80,
    LENGTH_IN_2_BYTES = 126,
    LENGTH_IN_8_BYTES = 127,
};

static uint8_t *put_big_endian(uint8_t *pos, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        pos[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    return pos + size;
}

static inline size_t header_encode(uint8_t *header, uint8_t first_byte, size_t len,
                                   const uint8_t *key)
{
    uint8_t *pos = header;
    uint8_t mask_bit = key ? MASK_BIT : 0;

    *pos++ = first_byte;
    if (len > UINT16_MAX) {
        *pos++ = mask_bit | LENGTH_IN_8_BYTES;
        pos = put_big_endian(pos, len, 8);
    } else if (len >= LENGTH_IN_2_BYTES) {
        *pos++ = mask_bit | LENGTH_IN_2_BYTES;
        pos = put_big_endian(pos, len, 2);
    } else {
        *pos++ = mask_bit | (uint8_t)len;
    }
    if (key) {
        memcpy(pos, key, LEATI_WS_MASK_KEY_BYTES);
        pos += LEATI_WS_MASK_KEY_BYTES;
    }
    return (size_t)(pos - header);
}

/* The header of a frame whose payload follows; all memory for both first: from here on only the key
 * can be missing, and then nothing is queued. `key` is NULL = not masked. */
static bool frame_begin(struct leati_byte_queue *out, struct leati_random_pool *keys,
                        uint8_t first_byte, size_t len, uint8_t key[LEATI_WS_MASK_KEY_BYTES])
{
    uint8_t header[LEATI_WS_FRAME_HEADER_MAX];

    if (len > SIZE_MAX - LEATI_WS_FRAME_HEADER_MAX)
        return false;
    if (!leati_byte_queue_ensure(out, leati_ws_frame_header_size(keys, len) + len))
        return false;
    if (keys && !leati_random_pool_take(keys, key, LEATI_WS_MASK_KEY_BYTES))
        return false;
    size_t size = header_encode(header, first_byte, len, keys ? key : NULL);
    return leati_byte_queue_append(out, header, size);
}

/* Part of a payload, which begins `offset` bytes into it. */
static bool payload_append(struct leati_byte_queue *out, const uint8_t *payload, size_t len,
                           const uint8_t *key, size_t offset)
{
    if (!key)
        return leati_byte_queue_append(out, payload, len);
    for (size_t done = 0; done < len;) {
        uint8_t *room;
        size_t size;
        if (!leati_byte_queue_reserve(out, &room, &size))
            return false;
        if (size > len - done)
            size = len - done;
        leati_ws_mask_copy(room, payload + done, size, key, offset + done);
        leati_byte_queue_commit(out, size);
        done += size;
    }
    return true;
}

/* The whole frame, where it will leave from, if there is room in one piece. */
static bool frame_write_whole(struct leati_byte_queue *out, struct leati_random_pool *keys,
                              uint8_t first_byte, const void *payload, size_t len)
{
    size_t size = leati_ws_frame_header_size(keys, len) + len;
    uint8_t *room = leati_byte_queue_room(out, size);
    uint8_t key[LEATI_WS_MASK_KEY_BYTES];

    if (!room || (keys && !leati_random_pool_take_word(keys, key)))
        return false;
    size_t header_len = header_encode(room, first_byte, len, keys ? key : NULL);
    if (keys)
        leati_ws_mask_copy(room + header_len, payload, len, key, 0);
    else if (len > 0)
        memcpy(room + header_len, payload, len);
    leati_byte_queue_commit(out, size);
    return true;
}

/* Without a mask the payload leaves from where it is, and only what was not taken is copied. */
static bool frame_give(struct leati_byte_queue *out, uint8_t first_byte, const uint8_t *payload,
                       size_t len, const struct leati_ws_drain *drain)
{
    uint8_t header[LEATI_WS_FRAME_HEADER_MAX];
    size_t size = header_encode(header, first_byte, len, NULL);

    if (len > SIZE_MAX - LEATI_WS_FRAME_HEADER_MAX || !leati_byte_queue_ensure(out, size + len))
        return false;
    const struct iovec frame[] = {{header, size}, {(void *)(uintptr_t)payload, len}};
    size_t given = drain->ops->give(drain->user, frame, 2);
    size_t given_header = given < size ? given : size;
    /* These cannot fail any more. */
    (void)leati_byte_queue_append(out, header + given_header, size - given_header);
    given -= given_header;
    (void)leati_byte_queue_append(out, payload + given, len - given);
    leati_byte_queue_trim(out);
    return true;
}

__attribute__((noinline)) static bool frame_write_long(struct leati_byte_queue *out,
                                                       struct leati_random_pool *keys,
                                                       uint8_t first_byte, const void *payload,
                                                       size_t len,
                                                       const struct leati_ws_drain *drain)
{
    uint8_t key[LEATI_WS_MASK_KEY_BYTES];
    const uint8_t *mask = keys ? key : NULL;
    const uint8_t *bytes = payload;
    size_t done = 0;

    if (!frame_begin(out, keys, first_byte, len, key))
        return false;
    if (len == 0)
        return true; /* `payload` may be NULL, to which not even 0 may be added */
    for (; drain->ops && len - done > DRAIN_BYTES; done += DRAIN_BYTES) {
        if (!payload_append(out, bytes + done, DRAIN_BYTES, mask, done))
            return false;
        drain->ops->flush(drain->user);
    }
    return payload_append(out, bytes + done, len - done, mask, done);
}

bool leati_ws_frame_write(struct leati_byte_queue *out, struct leati_random_pool *keys,
                          uint8_t first_byte, const void *payload, size_t len,
                          const struct leati_ws_drain *drain)
{
    if (len < WHOLE_MAX_BYTES && frame_write_whole(out, keys, first_byte, payload, len))
        return true;
    if (!keys && len >= GIVE_BYTES && drain->ops && out->len == 0)
        return frame_give(out, first_byte, payload, len, drain);
    return frame_write_long(out, keys, first_byte, payload, len, drain);
}

bool leati_ws_frame_write_queue(struct leati_byte_queue *out, struct leati_random_pool *keys,
                                uint8_t first_byte, struct leati_byte_queue *payload)
{
    uint8_t key[LEATI_WS_MASK_KEY_BYTES];
    size_t offset = 0;
    struct iovec part;

    if (!frame_begin(out, keys, first_byte, payload->len, key))
        return false;
    while (leati_byte_queue_peek(payload, &part, 1) == 1) {
        if (!payload_append(out, part.iov_base, part.iov_len, keys ? key : NULL, offset))
            return false;
        offset += part.iov_len;
        leati_byte_queue_consume(payload, part.iov_len);
    }
    return true;
}
