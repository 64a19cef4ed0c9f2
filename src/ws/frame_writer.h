/* SPDX-License-Identifier: Apache-2.0 */
/** @file Frames out (RFC 6455 section 5.2). */
#ifndef LEATI_WS_FRAME_WRITER_H
#define LEATI_WS_FRAME_WRITER_H

#include "util/byte_queue.h"
#include "ws/mask.h"

struct leati_random_pool;

/** The longest header: 2 bytes, a length of 8, a masking key. */
#define LEATI_WS_FRAME_HEADER_MAX 14u
/** Payloads whose length stands in the second byte. */
#define LEATI_WS_FRAME_SHORT_MAX 125u

/** Two bytes, the extended length that `payload_len` needs, and the masking key. */
static inline size_t leati_ws_frame_header_size(bool masked, uint64_t payload_len)
{
    size_t extended = payload_len > UINT16_MAX ? 8 : payload_len > LEATI_WS_FRAME_SHORT_MAX ? 2 : 0;
    return 2 + extended + (masked ? LEATI_WS_MASK_KEY_BYTES : 0);
}

/** Bits of a frame's first byte, beside the opcode. */
enum {
    LEATI_WS_FIN = 0x80,
    LEATI_WS_RSV1 = 0x40,
};

/** Where a long frame may leave while it is being written. */
struct leati_ws_drain_ops {
    /** Takes bytes out of the queue, if it can: what was masked last is still in the cache. */
    void (*flush)(void *user);
    /** Takes bytes from where they are, and says how many; the queue is empty. */
    size_t (*give)(void *user, const struct iovec *iov, int n);
};

struct leati_ws_drain {
    const struct leati_ws_drain_ops *ops; /**< NULL = nothing leaves */
    void *user;
};

/**
 * Appends one frame, or gives the beginning of one that is long, and not masked, to the drain. All or
 * nothing.
 *
 * @param keys where masking keys come from (RFC 6455 section 10.3); NULL = not masked.
 * @return false without memory or randomness.
 */
bool leati_ws_frame_write(struct leati_byte_queue *out, struct leati_random_pool *keys,
                          uint8_t first_byte, const void *payload, size_t len,
                          const struct leati_ws_drain *drain);

/** The same with a payload that lies in a queue, out of which it is taken. */
bool leati_ws_frame_write_queue(struct leati_byte_queue *out, struct leati_random_pool *keys,
                                uint8_t first_byte, struct leati_byte_queue *payload);

#endif
