/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/frame_reader.h"

#include "ws/frame_writer.h"

#include <string.h>
#include <wslay/wslay.h>

/* wslay's recv callback. */
static ssize_t reader_take_input(uint8_t *buf, size_t len, int flags, void *user_data)
{
    struct leati_ws_frame_reader *reader = user_data;
    size_t size = len < reader->input_len ? len : reader->input_len;

    (void)flags;
    if (size == 0)
        return -1; /* wslay knows no other "nothing now" */
    memcpy(buf, reader->input, size);
    reader->input += size;
    reader->input_len -= size;
    reader->unparsed += size;
    reader->ahead += size;
    return (ssize_t)size;
}

bool leati_ws_frame_reader_init(struct leati_ws_frame_reader *reader)
{
    const struct wslay_frame_callbacks callbacks = {.recv_callback = reader_take_input};

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
    return reader->unparsed == 0 && reader->ahead == 0 && reader->frame_left == 0;
}

/* Tells the caller that `size` of the bytes that it gave are used. */
static void reader_release(struct leati_ws_frame_reader *reader, const uint8_t **data, size_t *len,
                           size_t size)
{
    if (size > *len)
        size = *len;
    if (size == 0)
        return;
    reader->ahead -= size;
    *data += size;
    *len -= size;
}

static void reader_count_piece(struct leati_ws_frame_reader *reader,
                               const struct wslay_frame_iocb *iocb,
                               struct leati_ws_frame_piece *piece)
{
    size_t size = iocb->data_length;

    piece->is_first = reader->frame_left == 0;
    if (piece->is_first) {
        /* wslay does not tell how long the header was, but lets only the shortest form pass. */
        size += leati_ws_frame_header_size(iocb->mask != 0, iocb->payload_length);
        reader->frame_left = iocb->payload_length;
    }
    reader->frame_left -= iocb->data_length;
    piece->is_last = reader->frame_left == 0;
    reader->unparsed -= size;
}

enum leati_ws_frame_result leati_ws_frame_reader_next(struct leati_ws_frame_reader *reader,
                                                      const uint8_t **data, size_t *len,
                                                      struct leati_ws_frame_piece *ret_piece)
{
    size_t skip = reader->ahead < *len ? reader->ahead : *len;
    reader->input_len = *len - skip;
    reader->input = reader->input_len > 0 ? *data + skip : NULL;

    struct wslay_frame_iocb iocb;
    ssize_t n = wslay_frame_recv(reader->wslay, &iocb);
    if (n == WSLAY_ERR_WANT_READ) {
        reader_release(reader, data, len, *len);
        return LEATI_WS_FRAME_MORE;
    }
    if (n < 0)
        return LEATI_WS_FRAME_MALFORMED;

    reader_count_piece(reader, &iocb, ret_piece);
    if (reader->ahead > reader->unparsed)
        reader_release(reader, data, len, reader->ahead - reader->unparsed);
    ret_piece->fin = iocb.fin != 0;
    ret_piece->masked = iocb.mask != 0;
    ret_piece->rsv = iocb.rsv;
    ret_piece->opcode = iocb.opcode;
    ret_piece->frame_len = iocb.payload_length;
    ret_piece->data = iocb.data;
    ret_piece->len = iocb.data_length;
    return LEATI_WS_FRAME_PIECE;
}
