/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Frames in: wslay's frame layer, fed from memory. The only file that sees wslay is frame_reader.c.
 *
 * wslay copies ahead into a buffer of its own (4 KiB). The reader hides that: what it reports as
 * used ends exactly where the frame piece ends, and when the caller comes with those bytes again,
 * the ones that wslay holds already are skipped.
 */
#ifndef LEATI_WS_FRAME_READER_H
#define LEATI_WS_FRAME_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wslay_frame_context;

/** What wslay's context takes from the heap, for those who count. */
#define LEATI_WS_FRAME_READER_BYTES 4256u

struct leati_ws_frame_reader {
    struct wslay_frame_context *wslay;
    const uint8_t *input; /**< what wslay may take during a call */
    size_t input_len;
    size_t unparsed;     /**< bytes that wslay has taken and not made into a frame */
    size_t ahead;        /**< bytes that wslay has taken and the caller will give once more */
    uint64_t frame_left; /**< payload bytes of the current frame that are still to come */
};

/** Part of a frame's payload, unmasked. Borrowed until the next call. */
struct leati_ws_frame_piece {
    bool is_first; /**< of its frame */
    bool is_last;
    bool fin;
    bool masked;
    uint8_t rsv; /**< RSV1 is 4, RSV2 is 2, RSV3 is 1 */
    uint8_t opcode;
    uint64_t frame_len; /**< of the whole payload */
    const uint8_t *data;
    size_t len; /**< 0 only if frame_len is 0 */
};

enum leati_ws_frame_result {
    LEATI_WS_FRAME_PIECE,
    LEATI_WS_FRAME_MORE, /**< everything was used */
    /** A header against section 5.2 or 5.5: a length that is not in its shortest form or has its
     * highest bit set, a control frame that is fragmented or longer than 125 bytes. Nothing can be
     * read after it. */
    LEATI_WS_FRAME_MALFORMED,
};

/** false without memory. */
bool leati_ws_frame_reader_init(struct leati_ws_frame_reader *reader);
void leati_ws_frame_reader_done(struct leati_ws_frame_reader *reader);

/** Whether it stands between two frames and holds nothing. */
bool leati_ws_frame_reader_is_idle(const struct leati_ws_frame_reader *reader);

/** Reads on until the next piece, and moves `*data` and `*len` past what it has used. The header of
 * a frame is reported with the first byte of its payload. */
enum leati_ws_frame_result leati_ws_frame_reader_next(struct leati_ws_frame_reader *reader,
                                                      const uint8_t **data, size_t *len,
                                                      struct leati_ws_frame_piece *ret_piece);

#endif
