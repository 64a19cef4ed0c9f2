/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Frames in. wslay parses every header; payloads stay where they are. The only file that sees wslay
 * is frame_reader.c.
 *
 * wslay is given a header as soon as it is complete, as that of an unmasked frame (the key is kept
 * here), and is told of the payload, which it then neither copies nor unmasks byte by byte. Nothing
 * is read ahead: what is used ends with the piece.
 */
#ifndef LEATI_WS_FRAME_READER_H
#define LEATI_WS_FRAME_READER_H

#include "ws/frame_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wslay_frame_context;

/** What wslay's context takes from the heap, for those who count. */
#define LEATI_WS_FRAME_READER_BYTES 4256u

/** What a header says. */
struct leati_ws_frame {
    bool fin;
    bool masked;
    uint8_t rsv; /**< RSV1 is 4, RSV2 is 2, RSV3 is 1 */
    uint8_t opcode;
    uint64_t len; /**< of the whole payload */
};

struct leati_ws_frame_reader {
    struct wslay_frame_context *wslay;
    uint8_t header[LEATI_WS_FRAME_HEADER_MAX]; /**< as far as it has come */
    size_t header_len;                         /**< 0 in a payload and between two frames */
    const uint8_t *feed;                       /**< header bytes that wslay may take, in a call */
    size_t feed_len;
    uint64_t phantom; /**< payload bytes that wslay may be told of, in a call */
    uint64_t owed;    /**< payload bytes that wslay has not been told of */
    struct leati_ws_frame frame;
    uint8_t key[LEATI_WS_MASK_KEY_BYTES];
    uint64_t left;  /**< payload bytes of the frame that are still to come */
    bool is_broken; /**< wslay has refused something, and keeps bytes of it */
};

/** Part of a frame's payload, where it lies in the input. */
struct leati_ws_frame_piece {
    struct leati_ws_frame frame;
    bool is_first; /**< of its frame; comes with the header, so it may be empty */
    bool is_last;
    const uint8_t *data; /**< still masked if `frame.masked` */
    size_t len;
    size_t key_offset;  /**< where in the payload it begins, as far as the key is concerned */
    const uint8_t *key; /**< lives as long as the frame */
};

enum leati_ws_frame_result {
    LEATI_WS_FRAME_PIECE,
    LEATI_WS_FRAME_MORE, /**< everything was used */
    /** A header against section 5.2 or 5.5: a length that is not in its shortest form or has its
     * highest bit set, a control frame that is fragmented or longer than 125 bytes. Nothing can be
     * read after it, and every later call says the same. */
    LEATI_WS_FRAME_MALFORMED,
};

/** false without memory. */
bool leati_ws_frame_reader_init(struct leati_ws_frame_reader *reader);
void leati_ws_frame_reader_done(struct leati_ws_frame_reader *reader);

/** Whether it stands between two frames and holds nothing; never again after
 * LEATI_WS_FRAME_MALFORMED. */
bool leati_ws_frame_reader_is_idle(const struct leati_ws_frame_reader *reader);

/** Reads on until the next piece, and moves `*data` and `*len` past what it has used. */
enum leati_ws_frame_result leati_ws_frame_reader_next(struct leati_ws_frame_reader *reader,
                                                      const uint8_t **data, size_t *len,
                                                      struct leati_ws_frame_piece *ret_piece);

/** Gives the last `size` bytes of the latest piece back, to be read once more; the piece is not
 * `is_last` then. */
void leati_ws_frame_reader_unread(struct leati_ws_frame_reader *reader, const uint8_t **data,
                                  size_t *len, size_t size);

/**
 * How long the header is of a message of a server that lies whole at the beginning of the input, in
 * one frame, neither masked nor compressed, with a length in its shortest form: most messages, which
 * need no reader and no wslay. 0 = it is anything else, or something is missing: a reader tells.
 */
static inline size_t leati_ws_frame_whole(const uint8_t *data, size_t len, size_t *ret_payload_len)
{
    enum {
        SHORT_MAX = 125,
        LENGTH_IN_2_BYTES = 126,
    };
    size_t header_len = 2;

    /* FIN; text or binary. */
    if (len < header_len || (data[0] != 0x81 && data[0] != 0x82) || data[1] > LENGTH_IN_2_BYTES)
        return 0;
    size_t payload_len = data[1];
    if (payload_len == LENGTH_IN_2_BYTES) {
        header_len = 4;
        if (len < header_len)
            return 0;
        payload_len = (size_t)data[2] << 8 | data[3];
        if (payload_len <= SHORT_MAX)
            return 0;
    }
    *ret_payload_len = payload_len;
    return len - header_len >= payload_len ? header_len : 0;
}

/** The same of a client's message, which is masked; the key is the last 4 bytes of the header. */
static inline size_t leati_ws_frame_whole_masked(const uint8_t *data, size_t len,
                                                 size_t *ret_payload_len)
{
    enum {
        MASKED = 0x80,
        SHORT_MAX = 125,
        LENGTH_IN_2_BYTES = 126,
    };
    size_t header_len = 6;

    if (len < header_len || (data[0] != 0x81 && data[0] != 0x82) || data[1] < MASKED)
        return 0;
    size_t payload_len = data[1] - (size_t)MASKED;
    if (payload_len > LENGTH_IN_2_BYTES)
        return 0;
    if (payload_len == LENGTH_IN_2_BYTES) {
        header_len = 8;
        payload_len = (size_t)data[2] << 8 | data[3];
        if (len < header_len || payload_len <= SHORT_MAX)
            return 0;
    }
    *ret_payload_len = payload_len;
    return len - header_len >= payload_len ? header_len : 0;
}

/** The payload of a piece, unmasked, to `dst`, which may be where it lies. */
void leati_ws_frame_piece_copy(const struct leati_ws_frame_piece *piece, uint8_t *dst);

#endif
