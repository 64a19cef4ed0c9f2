/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/frame_reader.h"

#include <string.h>
#include <wslay/wslay.h>

enum {
    HEADER_START = 2, /* FIN, RSV, opcode; MASK, length */
    MASK_BIT = 0x80,
    LENGTH_BITS = 0x7f,
    LENGTH_IN_2_BYTES = 126,
    LENGTH_IN_8_BYTES = 127,
};

/* wslay's recv callback. It is told the number of payload bytes but not given the bytes: its buffer
 * keeps its old content, which is not read. */
static ssize_t reader_feed_wslay(uint8_t *buf, size_t len, int flags, void *user_data)
{
    struct leati_ws_frame_reader *reader = user_data;
    size_t size = len < reader->feed_len ? len : reader->feed_len;

    (void)flags;
    if (size > 0)
        memcpy(buf, reader->feed, size);
    reader->feed += size;
    reader->feed_len -= size;
    size_t phantom = len - size < reader->phantom ? len - size : (size_t)reader->phantom;
    reader->phantom -= phantom;
    size += phantom;
    return size > 0 ? (ssize_t)size : -1; /* wslay knows no other "nothing now" */
}

bool leati_ws_frame_reader_init(struct leati_ws_frame_reader *reader)
{
    const struct wslay_frame_callbacks callbacks = {.recv_callback = reader_feed_wslay};

    memset(reader, 0, sizeof(*reader));
    return wslay_frame_context_init(&reader->wslay, &callbacks, reader) == 0;
}

void leati_ws_frame_reader_done(struct leati_ws_frame_reader *reader)
{
    wslay_frame_context_free(reader->wslay);
    reader->wslay = NULL;
}

bool leati_ws_frame_reader_is_idle(const struct leati_ws_frame_reader *reader)
{
    return reader->header_len == 0 && reader->left == 0 && !reader->is_broken;
}

/* ---- headers -------------------------------------------------------------------------------- */

static size_t extended_length_size(uint8_t second_byte)
{
    switch (second_byte & LENGTH_BITS) {
    case LENGTH_IN_2_BYTES:
        return 2;
    case LENGTH_IN_8_BYTES:
        return 8;
    default:
        return 0;
    }
}

static size_t header_size(const struct leati_ws_frame_reader *reader)
{
    if (reader->header_len < HEADER_START)
        return HEADER_START;
    uint8_t second = reader->header[1];
    return HEADER_START + extended_length_size(second) +
           ((second & MASK_BIT) != 0 ? LEATI_WS_MASK_KEY_BYTES : 0);
}

/* Whether the header is complete. */
static bool header_collect(struct leati_ws_frame_reader *reader, const uint8_t **data, size_t *len)
{
    size_t need;

    while ((need = header_size(reader)) > reader->header_len) {
        size_t size = need - reader->header_len;
        if (*len == 0)
            return false;
        if (size > *len)
            size = *len;
        memcpy(reader->header + reader->header_len, *data, size);
        reader->header_len += size;
        *data += size;
        *len -= size;
    }
    return true;
}

/* wslay reports a header with the first bytes of the payload, so it is told of some that there must
 * be: all of a short payload, and the fewest that a longer length can mean. */
static bool header_parse(struct leati_ws_frame_reader *reader)
{
    uint8_t second = reader->header[1];
    size_t size = HEADER_START + extended_length_size(second);
    struct wslay_frame_iocb iocb;

    reader->header[1] = second & LENGTH_BITS;
    reader->feed = reader->header;
    reader->feed_len = size;
    reader->phantom = (second & LENGTH_BITS) <= LENGTH_IN_2_BYTES ? (second & LENGTH_BITS)
                                                                  : (unsigned)LENGTH_IN_2_BYTES;
    reader->header_len = 0;
    if (wslay_frame_recv(reader->wslay, &iocb) < 0)
        return false;

    reader->frame = (struct leati_ws_frame){
        .fin = iocb.fin != 0,
        .masked = (second & MASK_BIT) != 0,
        .rsv = iocb.rsv,
        .opcode = iocb.opcode,
        .len = iocb.payload_length,
    };
    reader->left = iocb.payload_length;
    reader->owed = iocb.payload_length - iocb.data_length;
    if (reader->frame.masked)
        memcpy(reader->key, reader->header + size, sizeof(reader->key));
    return true;
}

/* ---- payloads ------------------------------------------------------------------------------- */

/* Tells wslay of payload, so that it is through with it when the frame ends. */
static bool payload_tell(struct leati_ws_frame_reader *reader, size_t size)
{
    struct wslay_frame_iocb iocb;

    reader->phantom = size < reader->owed ? size : reader->owed;
    reader->owed -= reader->phantom;
    while (reader->phantom > 0)
        if (wslay_frame_recv(reader->wslay, &iocb) < 0)
            return false;
    return true;
}

/* wslay keeps what it has refused, and would take it for the beginning of the next frame. */
static enum leati_ws_frame_result reader_break(struct leati_ws_frame_reader *reader)
{
    reader->is_broken = true;
    return LEATI_WS_FRAME_MALFORMED;
}

enum leati_ws_frame_result leati_ws_frame_reader_next(struct leati_ws_frame_reader *reader,
                                                      const uint8_t **data, size_t *len,
                                                      struct leati_ws_frame_piece *ret_piece)
{
    bool is_first = reader->left == 0;

    if (reader->is_broken)
        return LEATI_WS_FRAME_MALFORMED;
    if (is_first && !header_collect(reader, data, len))
        return LEATI_WS_FRAME_MORE;
    if (is_first && !header_parse(reader))
        return reader_break(reader);
    if (!is_first && *len == 0)
        return LEATI_WS_FRAME_MORE;

    size_t size = *len < reader->left ? *len : (size_t)reader->left;
    if (!payload_tell(reader, size))
        return reader_break(reader);
    uint64_t offset = reader->frame.len - reader->left;
    *ret_piece = (struct leati_ws_frame_piece){
        .frame = reader->frame,
        .is_first = is_first,
        .is_last = size == reader->left,
        .data = *data,
        .len = size,
        .key_offset = (size_t)(offset % LEATI_WS_MASK_KEY_BYTES),
        .key = reader->key,
    };
    reader->left -= size;
    if (size > 0)
        *data += size;
    *len -= size;
    return LEATI_WS_FRAME_PIECE;
}

void leati_ws_frame_reader_unread(struct leati_ws_frame_reader *reader, const uint8_t **data,
                                  size_t *len, size_t size)
{
    reader->left += size;
    *data -= size;
    *len += size;
}

void leati_ws_frame_piece_copy(const struct leati_ws_frame_piece *piece, uint8_t *dst)
{
    if (piece->len == 0)
        return;
    if (piece->frame.masked)
        leati_ws_mask_copy(dst, piece->data, piece->len, piece->key, piece->key_offset);
    else if (dst != piece->data)
        memcpy(dst, piece->data, piece->len);
}
