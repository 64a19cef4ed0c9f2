/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of RFC 6455 section 5.2, masked as the first byte of fuzz_session.c wants it. */
#include "fuzz/mutator.h"

#define KEY_BYTES 4u

/* A frame that is all there. */
struct frame {
    uint8_t first;
    uint8_t key[KEY_BYTES];
    bool is_masked;
    size_t head_len;
    uint64_t len;
};

/* @return whether the head is whole. */
static bool frame_read(struct frame *frame, const uint8_t *data, size_t len)
{
    if (len < 2)
        return false;
    size_t at = 2;
    size_t more = (data[1] & 0x7f) == 126 ? 2 : (data[1] & 0x7f) == 127 ? 8 : 0;
    frame->first = data[0];
    frame->is_masked = data[1] & 0x80;
    frame->head_len = 2 + more + (frame->is_masked ? KEY_BYTES : 0);
    if (len < frame->head_len)
        return false;
    frame->len = more > 0 ? 0 : data[1] & 0x7f;
    for (; at < 2 + more; at++)
        frame->len = frame->len << 8 | data[at];
    memset(frame->key, 0, KEY_BYTES);
    if (frame->is_masked)
        memcpy(frame->key, data + at, KEY_BYTES);
    return true;
}

static size_t frame_measure(const uint8_t *data, size_t len, size_t index)
{
    struct frame frame;
    (void)index;
    if (!frame_read(&frame, data, len) || frame.len > len - frame.head_len)
        return len;
    return frame.head_len + (size_t)frame.len;
}

/* The head, with the length in so many more bytes: 0, 2 or 8. @return its length. */
static size_t head_write(uint8_t *head, const struct frame *frame, size_t more)
{
    size_t at = 0;
    head[at++] = frame->first;
    head[at] = frame->is_masked ? 0x80 : 0;
    head[at++] |= (uint8_t)(more == 8 ? 127 : more == 2 ? 126 : frame->len & 0x7f);
    for (size_t i = more; i > 0; i--)
        head[at++] = (uint8_t)(frame->len >> (8 * (i - 1)));
    if (frame->is_masked) {
        memcpy(head + at, frame->key, KEY_BYTES);
        at += KEY_BYTES;
    }
    return at;
}

static void payload_mask(uint8_t *data, size_t len, const uint8_t key[KEY_BYTES])
{
    for (size_t i = 0; i < len; i++)
        data[i] ^= key[i % KEY_BYTES];
}

/* A length at which something begins. */
static void payload_resize(struct mutator_piece *payload, uint32_t *seed)
{
    static const size_t edges[] = {0, 1, 2, 3, 4, 5, 123, 124, 125, 126, 127, 256, 1024, 1025};
    size_t len = edges[mutator_choose(seed, sizeof(edges) / sizeof(edges[0]))];
    if (len <= payload->len)
        payload->len = len;
    else
        mutator_replace(payload, payload->len, 0, NULL, len - payload->len);
}

/* Characters whole and cut, and the codes of a close. */
static void payload_write(struct mutator_piece *payload, uint32_t *seed)
{
    static const struct mutator_known known[] = {
        MUTATOR_KNOWN("\xc3\xbc"),         MUTATOR_KNOWN("\xe2\x82\xac"),
        MUTATOR_KNOWN("\xf0\x9f\x98\x80"), MUTATOR_KNOWN("\xe2\x82"),
        MUTATOR_KNOWN("\xed\xa0\x80"),     MUTATOR_KNOWN("\xf4\x90\x80\x80"),
        MUTATOR_KNOWN("\x03\xe8"),         MUTATOR_KNOWN("\x03\xed"),
        MUTATOR_KNOWN("\x0b\xb8"),         MUTATOR_KNOWN("\x13\x88"),
        MUTATOR_KNOWN("\x00\x00\xff\xff"), MUTATOR_KNOWN("\x4a\x04\x00"),
    };
    const struct mutator_known *what =
        &known[mutator_choose(seed, sizeof(known) / sizeof(known[0]))];
    mutator_replace(payload, mutator_choose(seed, (uint32_t)payload->len + 1), 0, what->bytes,
                    what->len);
}

static void payload_change(struct mutator_piece *payload, uint32_t *seed)
{
    switch (mutator_choose(seed, 4)) {
    case 0:
        payload_resize(payload, seed);
        break;
    case 1:
        payload_write(payload, seed);
        break;
    default:
        mutator_change_bytes(payload, 0, payload->len, seed);
        break;
    }
}

static void first_change(struct frame *frame, uint32_t *seed)
{
    static const uint8_t opcodes[] = {0, 1, 2, 8, 9, 10, 3, 15};
    switch (mutator_choose(seed, 4)) {
    case 0:
        frame->first ^= 0x80; /* FIN */
        break;
    case 1:
        frame->first ^= (uint8_t)(0x10u << mutator_choose(seed, 3)); /* RSV */
        break;
    default:
        frame->first &= 0xf0;
        frame->first |= opcodes[mutator_choose(seed, sizeof(opcodes))];
        break;
    }
}

/* How the length is written: mostly as it should be. */
static size_t length_choose(struct frame *frame, uint32_t *seed)
{
    size_t shortest = frame->len < 126 ? 0 : frame->len < 65536 ? 2 : 8;
    switch (mutator_choose(seed, 32)) {
    case 0:
        return 8;
    case 1:
        return shortest == 8 ? 8 : 2;
    case 2:
        frame->len += 1;
        return 2;
    case 3:
        frame->len |= (uint64_t)1 << (31 + mutator_choose(seed, 33));
        return 8;
    default:
        return shortest;
    }
}

static void frame_change(struct mutator_piece *piece, const uint8_t *head, uint32_t *seed)
{
    static uint8_t bytes[MUTATOR_MAX_BYTES];
    uint8_t new_head[14];
    struct frame frame;
    if (piece->cap < sizeof(new_head) || !frame_read(&frame, piece->bytes, piece->len)) {
        mutator_change_bytes(piece, 0, piece->len, seed);
        return;
    }
    struct mutator_piece payload = {bytes, piece->len - frame.head_len,
                                    piece->cap - sizeof(new_head)};
    if (payload.len > payload.cap)
        payload.len = payload.cap;
    if (payload.len > 0)
        memcpy(bytes, piece->bytes + frame.head_len, payload.len);
    payload_mask(bytes, payload.len, frame.key);
    if (mutator_choose(seed, 3) == 0)
        first_change(&frame, seed);
    else
        payload_change(&payload, seed);
    if (mutator_choose(seed, 8) == 0)
        frame.key[mutator_choose(seed, KEY_BYTES)] ^= (uint8_t)(1 + mutator_choose(seed, 255));
    frame.is_masked = (head[0] & 1) != (mutator_choose(seed, 32) == 0);
    if (frame.is_masked)
        payload_mask(bytes, payload.len, frame.key);
    frame.len = payload.len;
    size_t head_len = head_write(new_head, &frame, length_choose(&frame, seed));
    memcpy(piece->bytes, new_head, head_len);
    if (payload.len > 0)
        memcpy(piece->bytes + head_len, bytes, payload.len);
    piece->len = head_len + payload.len;
}

/* For both roles: masked ones have the key 0. */
static const struct mutator_known known[] = {
    MUTATOR_KNOWN("\x81\x00"),
    MUTATOR_KNOWN("\x01\x01x"),
    MUTATOR_KNOWN("\x80\x01x"),
    MUTATOR_KNOWN("\x00\x00"),
    MUTATOR_KNOWN("\x82\x04"
                  "good"),
    MUTATOR_KNOWN("\x89\x02hi"),
    MUTATOR_KNOWN("\x88\x02\x03\xe8"),
    MUTATOR_KNOWN("\xc1\x07\xca\x48\xcd\xc9\xc9\x07\x00"),
    MUTATOR_KNOWN("\x81\x80\x00\x00\x00\x00"),
    MUTATOR_KNOWN("\x01\x81\x00\x00\x00\x00x"),
    MUTATOR_KNOWN("\x80\x81\x00\x00\x00\x00x"),
    MUTATOR_KNOWN("\x00\x80\x00\x00\x00\x00"),
    MUTATOR_KNOWN("\x82\x84\x00\x00\x00\x00good"),
    MUTATOR_KNOWN("\x89\x82\x00\x00\x00\x00hi"),
    MUTATOR_KNOWN("\x88\x82\x00\x00\x00\x00\x03\xe8"),
    MUTATOR_KNOWN("\xc1\x87\x00\x00\x00\x00\xca\x48\xcd\xc9\xc9\x07\x00"),
};

const struct mutator_format mutator_frames = {
    .head_bytes = 2,
    .measure = frame_measure,
    .change = frame_change,
    .known = known,
    .known_count = sizeof(known) / sizeof(known[0]),
};
