/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data messages (RFC 6455 sections 5.4 and 5.6, RFC 7692): order, limits, UTF-8, inflation. A frame
 * comes in pieces; nothing is copied that need not be unmasked, inflated or collected.
 */
#include "ws/session_private.h"

#include <inttypes.h>
#include <string.h>

/* The most that is unmasked or inflated before it is looked at. */
#define PORTION_BYTES 16384u
/* The most compressed payload that is unmasked at a time. */
#define MASKED_INPUT_BYTES 4096u
/* What a frame must still have to come before it is read without a detour: below that, one read
 * may as well bring the frames behind it. */
#define ROOM_MIN_BYTES 32768u
/* The most that is read without a look at it: it should still be in the cache then. */
#define ROOM_MAX_BYTES 262144u

/* ---- the beginning of a frame --------------------------------------------------------------- */

static bool session_has_limit(const struct leati_ws_session *session)
{
    return session->max_message_bytes != 0 || !session->gives_pieces;
}

static void incoming_begin(struct leati_ws_incoming *incoming, const struct leati_ws_frame *frame)
{
    *incoming = (struct leati_ws_incoming){
        .is_open = true,
        .is_compressed = frame->rsv != 0,
        .type = frame->opcode == LEATI_WS_OP_TEXT ? LEAT_MESSAGE_TEXT : LEAT_MESSAGE_BINARY,
    };
}

int leati_ws_session_begin_data(struct leati_ws_session *session,
                                const struct leati_ws_frame *frame, struct leati_ws_event *event)
{
    struct leati_ws_incoming *incoming = &session->incoming;
    bool continues = frame->opcode == LEATI_WS_OP_CONTINUATION;

    if (continues && !incoming->is_open)
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                          "continuation frame without a message to continue");
    if (!continues && incoming->is_open)
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                          "new message before the end of a fragmented one");
    if (!continues)
        incoming_begin(incoming, frame);
    /* What is compressed is counted when it is inflated. */
    if (!incoming->is_compressed && session_has_limit(session) &&
        frame->len > session->max_message_bytes - incoming->len)
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_MESSAGE_TOO_BIG,
                                          "message of %" PRIu64 " bytes exceeds the limit of %zu",
                                          frame->len + incoming->len, session->max_message_bytes);
    return LEATI_AGAIN;
}

/* ---- bytes of the message, wherever they come from ------------------------------------------ */

/* Counts and checks them. */
static int incoming_check(struct leati_ws_session *session, const uint8_t *data, size_t len,
                          bool is_end, struct leati_ws_event *event)
{
    struct leati_ws_incoming *incoming = &session->incoming;

    incoming->len += len;
    if (incoming->type != LEAT_MESSAGE_TEXT)
        return LEATI_AGAIN;
    if (!leati_utf8_feed(&incoming->utf8, data, len))
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_INVALID_PAYLOAD,
                                          "text message that is not UTF-8");
    if (is_end && !leati_utf8_complete(&incoming->utf8))
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_INVALID_PAYLOAD,
                                          "text message that ends within a UTF-8 character");
    return LEATI_AGAIN;
}

static int incoming_deliver(struct leati_ws_session *session, const uint8_t *data, size_t len,
                            bool is_end, struct leati_ws_event *event)
{
    struct leati_ws_incoming *incoming = &session->incoming;

    leati_ws_event_emit(event, session->gives_pieces ? LEATI_WS_PIECE : LEATI_WS_MESSAGE, data,
                        len);
    event->type = incoming->type;
    event->is_first = !incoming->has_given;
    event->is_last = is_end;
    incoming->has_given = true;
    incoming->is_open = !is_end;
    session->workspace->message_len = 0; /* the bytes stay until the next call */
    return LEAT_OK;
}

/* The workspace's message has grown by `len` bytes, which are checked already. */
static int incoming_grown(struct leati_ws_session *session, size_t len, bool is_end,
                          struct leati_ws_event *event)
{
    struct leati_ws_workspace *workspace = session->workspace;

    workspace->message_len += len;
    if (is_end || (session->gives_pieces && len > 0))
        return incoming_deliver(session, workspace->message, workspace->message_len, is_end, event);
    return LEATI_AGAIN;
}

/* ---- messages that are not compressed ------------------------------------------------------- */

/* From where they lie in the input. */
static int data_in_place(struct leati_ws_session *session, const struct leati_ws_frame_piece *piece,
                         bool is_end, struct leati_ws_event *event)
{
    int code = incoming_check(session, piece->data, piece->len, is_end, event);
    if (code != LEATI_AGAIN)
        return code;
    if (!is_end && piece->len == 0)
        return LEATI_AGAIN;
    return incoming_deliver(session, piece->data, piece->len, is_end, event);
}

/* The most that the workspace has to hold, of a frame of which `len` bytes are to be collected now.
 * A message that ends with it needs no more than what is known to come. */
static size_t collect_max(const struct leati_ws_session *session, size_t len)
{
    const struct leati_ws_workspace *workspace = session->workspace;

    if (session->gives_pieces)
        return PORTION_BYTES;
    if (!workspace->reader.frame.fin)
        return session->max_message_bytes;
    return workspace->message_len + len + (size_t)workspace->reader.left;
}

static int data_copy(struct leati_ws_session *session, const struct leati_ws_frame_piece *piece,
                     bool is_end, struct leati_ws_event *event)
{
    struct leati_ws_workspace *workspace = session->workspace;
    uint8_t *room = NULL;

    if (piece->len > 0) {
        room = leati_ws_workspace_reserve(workspace, piece->len, collect_max(session, piece->len));
        if (!room)
            return leati_ws_session_out_of_memory(session);
        leati_ws_frame_piece_copy(piece, room);
    }
    int code = incoming_check(session, room, piece->len, is_end, event);
    return code != LEATI_AGAIN ? code : incoming_grown(session, piece->len, is_end, event);
}

uint8_t *leati_ws_session_room(struct leati_ws_session *session, size_t *ret_size)
{
    struct leati_ws_workspace *workspace = session->workspace;

    /* Pieces are delivered as they come: nothing is collected of them. */
    if (!workspace || workspace->message_len == 0 || session->sticky != LEAT_OK ||
        session->incoming.is_compressed)
        return NULL;
    const struct leati_ws_frame_reader *reader = &workspace->reader;
    if (reader->left < ROOM_MIN_BYTES || leati_ws_opcode_is_control(reader->frame.opcode))
        return NULL;
    size_t size = reader->left < ROOM_MAX_BYTES ? (size_t)reader->left : ROOM_MAX_BYTES;
    size_t spare = workspace->message_cap - workspace->message_len;
    /* What is only announced makes the buffer grow no more than what has arrived. */
    size_t most = spare > workspace->message_len ? spare : workspace->message_len;
    if (size > most)
        size = most;
    uint8_t *room = leati_ws_workspace_reserve(workspace, size, collect_max(session, 0));
    if (room)
        *ret_size = size;
    return room;
}

static int data_plain(struct leati_ws_session *session, const struct leati_ws_frame_piece *piece,
                      const uint8_t **data, size_t *len, struct leati_ws_event *event)
{
    bool is_end = piece->is_last && piece->frame.fin;
    bool is_whole = session->gives_pieces || (is_end && session->workspace->message_len == 0);

    if (is_whole && !piece->frame.masked)
        return data_in_place(session, piece, is_end, event);
    if (!session->gives_pieces || piece->len <= PORTION_BYTES)
        return data_copy(session, piece, is_end, event);
    struct leati_ws_frame_piece portion = *piece;
    portion.len = PORTION_BYTES;
    leati_ws_frame_reader_unread(&session->workspace->reader, data, len,
                                 piece->len - PORTION_BYTES);
    return data_copy(session, &portion, false, event);
}

/* ---- messages that are compressed (RFC 7692 section 7.2.2) ---------------------------------- */

/* How much may come out of the inflater at once: one byte beyond the limit tells that there is more
 * than the limit, and stops a bomb. */
static size_t inflate_room(const struct leati_ws_session *session)
{
    uint64_t left = session->max_message_bytes - session->incoming.len;

    return session_has_limit(session) && left < PORTION_BYTES ? (size_t)left + 1 : PORTION_BYTES;
}

/* The most that the workspace has to hold for it. */
static size_t inflate_max(const struct leati_ws_session *session)
{
    if (session->gives_pieces)
        return PORTION_BYTES;
    return session->max_message_bytes < SIZE_MAX ? session->max_message_bytes + 1 : SIZE_MAX;
}

static void inflate_set_stage(struct leati_ws_incoming *incoming, bool has_more, bool has_input)
{
    if (has_more && incoming->stage != LEATI_WS_INFLATE_END)
        incoming->stage = has_input ? LEATI_WS_INFLATE_INPUT : LEATI_WS_INFLATE_REST;
    else if (!has_more)
        incoming->stage = incoming->has_all ? LEATI_WS_INFLATE_END : LEATI_WS_INFLATE_INPUT;
}

/* One call of the inflater, and what comes out of it. */
static int inflate_step(struct leati_ws_session *session, const uint8_t **in, size_t *in_len,
                        struct leati_ws_event *event)
{
    struct leati_ws_incoming *incoming = &session->incoming;
    struct leati_inflater *inflater = &session->compression->inflater;
    struct leati_ws_workspace *workspace = session->workspace;
    bool is_end = incoming->stage == LEATI_WS_INFLATE_END;
    size_t cap = inflate_room(session);
    size_t out_len = 0;

    uint8_t *out = leati_ws_workspace_reserve(workspace, cap, inflate_max(session));
    if (!out)
        return leati_ws_session_out_of_memory(session);
    enum leati_deflate_result result =
        is_end ? leati_inflater_end(inflater, out, cap, &out_len)
               : leati_inflater_feed(inflater, in, in_len, out, cap, &out_len);
    if (result == LEATI_DEFLATE_NO_MEMORY)
        return leati_ws_session_out_of_memory(session);
    session->compression->inflated_bytes += out_len;
    bool has_more = result == LEATI_DEFLATE_MORE;
    bool is_complete = is_end && result == LEATI_DEFLATE_DONE;
    /* In the order of the bytes, so that the answer does not depend on how they came. */
    bool is_too_big =
        session_has_limit(session) && out_len > session->max_message_bytes - incoming->len;
    int code = is_too_big ? incoming_check(session, out, out_len - 1, false, event)
                          : incoming_check(session, out, out_len, is_complete, event);
    if (code != LEATI_AGAIN)
        return code;
    if (is_too_big)
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_MESSAGE_TOO_BIG,
                                          "inflated message exceeds the limit of %zu bytes",
                                          session->max_message_bytes);
    if (result == LEATI_DEFLATE_CORRUPT) /* behind the bytes that came before it */
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_INVALID_PAYLOAD,
                                          "compressed message that cannot be inflated");
    inflate_set_stage(incoming, has_more, *in_len > 0);
    if (is_complete)
        incoming->stage = LEATI_WS_INFLATE_INPUT;
    return incoming_grown(session, out_len, is_complete, event);
}

int leati_ws_session_go_on(struct leati_ws_session *session, struct leati_ws_event *event)
{
    const uint8_t *none = NULL;
    size_t none_len = 0;
    int code = LEATI_AGAIN;

    while (code == LEATI_AGAIN && session->incoming.stage != LEATI_WS_INFLATE_INPUT)
        code = inflate_step(session, &none, &none_len, event);
    return code;
}

/* Part of a piece; `*ret_left` of it were not used when an event comes. */
static int inflate_portion(struct leati_ws_session *session,
                           const struct leati_ws_frame_piece *portion, size_t *ret_left,
                           struct leati_ws_event *event)
{
    uint8_t unmasked[MASKED_INPUT_BYTES];
    const uint8_t *in = portion->data;
    size_t left = portion->len;
    int code = LEATI_AGAIN;

    if (portion->frame.masked) {
        leati_ws_frame_piece_copy(portion, unmasked);
        in = unmasked;
    }
    session->incoming.has_all = portion->is_last && portion->frame.fin;
    while (code == LEATI_AGAIN && left > 0)
        code = inflate_step(session, &in, &left, event);
    *ret_left = left;
    return code;
}

static int data_compressed(struct leati_ws_session *session,
                           const struct leati_ws_frame_piece *piece, const uint8_t **data,
                           size_t *len, struct leati_ws_event *event)
{
    struct leati_ws_incoming *incoming = &session->incoming;
    int code = LEATI_AGAIN;

    for (size_t done = 0; code == LEATI_AGAIN && done < piece->len;) {
        struct leati_ws_frame_piece portion = *piece;
        size_t left;
        portion.data += done;
        portion.len -= done;
        portion.key_offset += done;
        if (portion.frame.masked && portion.len > MASKED_INPUT_BYTES)
            portion.len = MASKED_INPUT_BYTES;
        portion.is_last = piece->is_last && done + portion.len == piece->len;
        code = inflate_portion(session, &portion, &left, event);
        done += portion.len - left;
        if (code == LEATI_AGAIN)
            code = leati_ws_session_go_on(session, event);
        if (code != LEATI_AGAIN && done < piece->len)
            leati_ws_frame_reader_unread(&session->workspace->reader, data, len, piece->len - done);
    }
    if (code == LEATI_AGAIN && piece->len == 0 && piece->is_last && piece->frame.fin) {
        incoming->stage = LEATI_WS_INFLATE_END;
        code = leati_ws_session_go_on(session, event);
    }
    return code;
}

int leati_ws_session_data(struct leati_ws_session *session,
                          const struct leati_ws_frame_piece *piece, const uint8_t **data,
                          size_t *len, struct leati_ws_event *event)
{
    if (session->incoming.is_compressed)
        return data_compressed(session, piece, data, len, event);
    return data_plain(session, piece, data, len, event);
}
