/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a session, and what holds for every frame that comes in. Messages are made in
 * session_data.c; what goes out is in session_write.c.
 */
#include "ws/session_private.h"

#include "util/alloc.h"
#include "util/random.h"
#include "util/readable.h"
#include "ws/mask.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CLOSE_CODE_BYTES 2u
/* Longer ones are collected, and checked as they come. */
#define WHOLE_MASKED_MAX 4096u

/* ---- life ----------------------------------------------------------------------------------- */

static struct leati_ws_compression *compression_new(const struct leati_ws_session_options *options)
{
    const struct leati_deflate_params *params = options->deflate;
    bool is_server = options->is_server;
    struct leati_ws_compression *compression = leati_malloc(sizeof(*compression));

    if (!compression)
        return NULL;
    const struct leati_deflater_options ours = {
        .window_bits = is_server ? params->server_max_window_bits : params->client_max_window_bits,
        .no_context_takeover =
            is_server ? params->server_no_context_takeover : params->client_no_context_takeover,
        .level = options->deflate_level,
        .mem_level = options->deflate_mem_level,
    };
    const struct leati_inflater_options theirs = {
        .window_bits = is_server ? params->client_max_window_bits : params->server_max_window_bits,
        .no_context_takeover =
            is_server ? params->client_no_context_takeover : params->server_no_context_takeover,
    };
    leati_deflater_init(&compression->deflater, &ours);
    leati_inflater_init(&compression->inflater, &theirs);
    compression->threshold_bytes = options->deflate_threshold_bytes;
    return compression;
}

struct leati_ws_session *leati_ws_session_new(const struct leati_ws_session_options *options)
{
    struct leati_ws_session *session = leati_calloc(1, sizeof(*session));

    if (!session)
        return NULL;
    session->is_server = options->is_server;
    session->gives_pieces = options->pieces;
    session->max_message_bytes = options->max_message_bytes;
    session->most_message_bytes =
        options->pieces && options->max_message_bytes == 0 ? SIZE_MAX : options->max_message_bytes;
    session->takes_whole = !(options->tracer && options->tracer->fn);
    session->pool = options->pool;
    session->drain = options->drain;
    if (options->tracer && options->tracer->fn) {
        session->tracer = options->tracer;
        session->hop = options->hop;
    }
    if (options->deflate)
        session->compression = compression_new(options);
    session->owns_keys = !options->is_server && !options->random;
    if (session->owns_keys)
        session->keys = leati_calloc(1, sizeof(*session->keys));
    else if (!options->is_server)
        session->keys = options->random;
    if ((options->deflate && !session->compression) || (!options->is_server && !session->keys)) {
        leati_ws_session_free(session);
        return NULL;
    }
    return session;
}

void leati_ws_session_free(struct leati_ws_session *session)
{
    if (!session)
        return;
    if (session->compression) {
        leati_deflater_done(&session->compression->deflater);
        leati_inflater_done(&session->compression->inflater);
        leati_free(session->compression);
    }
    leati_ws_workspace_release(session->workspace, session->pool);
    if (session->owns_keys && session->keys) {
        leati_random_pool_wipe(session->keys);
        leati_free(session->keys);
    }
    leati_free(session);
}

void leati_ws_session_trim(struct leati_ws_session *session)
{
    if (!session->compression)
        return;
    leati_deflater_trim(&session->compression->deflater);
    if (!session->incoming.is_open)
        leati_inflater_trim(&session->compression->inflater);
}

bool leati_ws_session_may_rest(const struct leati_ws_session *session)
{
    return !session->workspace && session->sticky == LEAT_OK && !session->incoming.is_open &&
           session->outgoing.parts == LEATI_WS_PARTS_NONE && !session->tracer;
}

/* ---- events --------------------------------------------------------------------------------- */

int leati_ws_event_emit(struct leati_ws_event *event, enum leati_ws_event_kind kind,
                        const uint8_t *data, size_t len)
{
    event->kind = kind;
    event->data = data;
    event->len = len;
    event->close_code = 0;
    event->is_first = event->is_last = true;
    event->text[0] = '\0';
    return LEAT_OK;
}

/* Nothing that a failure came through goes to another session, whatever it says of itself. */
static void session_fail(struct leati_ws_session *session, int sticky)
{
    session->sticky = sticky;
    if (session->workspace)
        session->workspace->has_failed = true;
}

int leati_ws_session_violation(struct leati_ws_session *session, struct leati_ws_event *event,
                               uint16_t close_code, const char *format, ...)
{
    leati_ws_event_emit(event, LEATI_WS_VIOLATION, NULL, 0);
    event->close_code = close_code;
    va_list args;
    va_start(args, format);
    leati_readable_vformat(event->text, sizeof(event->text), format, args);
    va_end(args);
    session_fail(session, LEATI_AGAIN);
    return LEAT_OK;
}

int leati_ws_session_out_of_memory(struct leati_ws_session *session)
{
    session_fail(session, LEAT_E_SYSTEM_INTERNAL);
    return LEAT_E_SYSTEM_INTERNAL;
}

/* ---- control frames (section 5.5) ----------------------------------------------------------- */

static int session_close(struct leati_ws_session *session, const uint8_t *body, size_t len,
                         struct leati_ws_event *event)
{
    if (len == 0) {
        leati_ws_event_emit(event, LEATI_WS_CLOSE, body, 0);
        event->close_code = LEATI_WS_CLOSE_NO_STATUS;
        session->sticky = LEATI_AGAIN;
        return LEAT_OK;
    }
    if (len < CLOSE_CODE_BYTES)
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                          "Close frame with a body of 1 byte");

    uint16_t code = (uint16_t)(body[0] << 8 | body[1]);
    if (!leati_ws_close_code_receivable(code))
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                          "Close frame with the code %u, which must not be sent",
                                          code);
    const uint8_t *reason = body + CLOSE_CODE_BYTES;
    size_t reason_len = len - CLOSE_CODE_BYTES;
    if (!leati_utf8_valid(reason, reason_len))
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_INVALID_PAYLOAD,
                                          "the reason in the Close frame is not UTF-8");

    leati_ws_event_emit(event, LEATI_WS_CLOSE, reason, reason_len);
    event->close_code = code;
    session->sticky = LEATI_AGAIN;
    return LEAT_OK;
}

static int session_control(struct leati_ws_session *session, uint8_t opcode, const uint8_t *body,
                           size_t len, struct leati_ws_event *event)
{
    switch (opcode) {
    case LEATI_WS_OP_PING:
        return leati_ws_event_emit(event, LEATI_WS_PING, body, len);
    case LEATI_WS_OP_PONG:
        return leati_ws_event_emit(event, LEATI_WS_PONG, body, len);
    default:
        return session_close(session, body, len, event);
    }
}

static int session_control_piece(struct leati_ws_session *session,
                                 const struct leati_ws_frame_piece *piece,
                                 struct leati_ws_event *event)
{
    struct leati_ws_workspace *workspace = session->workspace;
    uint8_t opcode = piece->frame.opcode;

    if (piece->is_first && piece->is_last && !piece->frame.masked)
        return session_control(session, opcode, piece->data, piece->len, event);

    /* The reader lets no control frame pass that is longer than the buffer. */
    leati_ws_frame_piece_copy(piece, workspace->control + workspace->control_len);
    workspace->control_len += piece->len;
    if (!piece->is_last)
        return LEATI_AGAIN;
    size_t len = workspace->control_len;
    workspace->control_len = 0;
    return session_control(session, opcode, workspace->control, len, event);
}

/* ---- the beginning of a frame --------------------------------------------------------------- */

static bool opcode_is_known(uint8_t opcode)
{
    return opcode <= LEATI_WS_OP_BINARY ||
           (opcode >= LEATI_WS_OP_CLOSE && opcode <= LEATI_WS_OP_PONG);
}

void leati_ws_session_trace(const struct leati_ws_session *session,
                            const struct leat_trace_frame *frame)
{
    static const char *const names[] = {
        [LEATI_WS_OP_CONTINUATION] = "continuation",
        [LEATI_WS_OP_TEXT] = "text",
        [LEATI_WS_OP_BINARY] = "binary",
        [LEATI_WS_OP_CLOSE] = "close",
        [LEATI_WS_OP_PING] = "ping",
        [LEATI_WS_OP_PONG] = "pong",
    };
    const char *name = opcode_is_known(frame->opcode) ? names[frame->opcode] : "reserved";
    leati_trace_frame(session->tracer, session->hop, name, frame);
}

enum {
    RSV1 = 4,
    RSV2 = 2,
};

/* RFC 7692 section 6: RSV1 belongs to the first frame of a compressed message, and to no other. */
static int session_check_rsv(struct leati_ws_session *session, const struct leati_ws_frame *frame,
                             struct leati_ws_event *event)
{
    uint8_t rsv = frame->rsv;

    if (rsv == RSV1 && session->compression) {
        if (frame->opcode == LEATI_WS_OP_TEXT || frame->opcode == LEATI_WS_OP_BINARY ||
            !opcode_is_known(frame->opcode))
            return LEATI_AGAIN;
        return leati_ws_session_violation(
            session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR, "RSV1 set on %s frame",
            leati_ws_opcode_is_control(frame->opcode) ? "a control" : "a continuation");
    }
    if (rsv != 0)
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                          "reserved bit RSV%d set without an extension",
                                          rsv & RSV1 && !session->compression ? 1
                                          : rsv & RSV2                        ? 2
                                                                              : 3);
    return LEATI_AGAIN;
}

/* What holds for every frame (section 5.2). */
static int session_check_header(struct leati_ws_session *session,
                                const struct leati_ws_frame *frame, struct leati_ws_event *event)
{
    int code = session_check_rsv(session, frame, event);
    if (code != LEATI_AGAIN)
        return code;
    if (!opcode_is_known(frame->opcode))
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                          "reserved opcode 0x%x", (unsigned)frame->opcode);
    if (frame->masked != session->is_server)
        return leati_ws_session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                          frame->masked ? "masked frame from a server"
                                                        : "frame without a mask from a client");
    return LEATI_AGAIN;
}

static void session_trace_header(const struct leati_ws_session *session,
                                 const struct leati_ws_frame *frame)
{
    leati_ws_session_trace(session, &(struct leat_trace_frame){
                                        .fin = frame->fin,
                                        .masked = frame->masked,
                                        .rsv = frame->rsv,
                                        .opcode = frame->opcode,
                                        .payload_len = frame->len,
                                    });
}

/* LEATI_AGAIN = no event yet. */
static int session_piece(struct leati_ws_session *session, const struct leati_ws_frame_piece *piece,
                         const uint8_t **data, size_t *len, struct leati_ws_event *event)
{
    int code = LEATI_AGAIN;

    if (piece->is_first && session->tracer)
        session_trace_header(session, &piece->frame);
    if (piece->is_first)
        code = session_check_header(session, &piece->frame, event);
    if (code != LEATI_AGAIN)
        return code;
    if (leati_ws_opcode_is_control(piece->frame.opcode))
        return session_control_piece(session, piece, event);
    if (piece->is_first)
        code = leati_ws_session_begin_data(session, &piece->frame, event);
    if (code != LEATI_AGAIN)
        return code;
    return leati_ws_session_data(session, piece, data, len, event);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void session_drop_workspace(struct leati_ws_session *session)
{
    leati_ws_workspace_release(session->workspace, session->pool);
    session->workspace = NULL;
}

static int session_read_ended(struct leati_ws_session *session, const uint8_t **data, size_t *len)
{
    session_drop_workspace(session);
    if (*len > 0)
        *data += *len;
    *len = 0;
    return session->sticky;
}

/* Everything has been used. */
static int session_rest(struct leati_ws_session *session)
{
    if (leati_ws_workspace_is_idle(session->workspace))
        session_drop_workspace(session);
    if (session->compression && !session->incoming.is_open)
        leati_inflater_trim(&session->compression->inflater);
    return LEATI_AGAIN;
}

static bool session_may_take_whole(const struct leati_ws_session *session)
{
    return session->takes_whole && !session->incoming.is_open && session->sticky == LEAT_OK &&
           (!session->workspace || leati_ws_workspace_is_idle(session->workspace));
}

/* false: it is not UTF-8, and the reader tells where. */
static bool session_emit_whole(const struct leati_ws_session *session, bool is_text,
                               const uint8_t *payload, size_t len, struct leati_ws_event *event)
{
    if (is_text && !leati_utf8_valid(payload, len))
        return false;
    leati_ws_event_emit(event, session->gives_pieces ? LEATI_WS_PIECE : LEATI_WS_MESSAGE, payload,
                        len);
    event->type = is_text ? LEAT_MESSAGE_TEXT : LEAT_MESSAGE_BINARY;
    return true;
}

/* Where a short masked payload is put to be read; NULL without memory. */
static const uint8_t *session_unmask(struct leati_ws_session *session, const uint8_t *masked,
                                     size_t len)
{
    static const uint8_t nothing[1];

    if (!session->workspace)
        session->workspace = leati_ws_workspace_acquire(session->pool);
    if (session->workspace && len == 0)
        return nothing;
    uint8_t *room = session->workspace
                        ? leati_ws_workspace_reserve(session->workspace, len, WHOLE_MASKED_MAX)
                        : NULL;
    if (room)
        leati_ws_mask_copy(room, masked, len, masked - LEATI_WS_MASK_KEY_BYTES, 0);
    else
        (void)leati_ws_session_out_of_memory(session);
    return room;
}

/* Whether the input begins with a whole message that nothing has to be done for, between two
 * messages. What this refuses, for whatever reason, the long way judges and names. */
static bool session_read_whole(struct leati_ws_session *session, const uint8_t **data, size_t *len,
                               struct leati_ws_event *event)
{
    size_t payload_len;

    if (!session_may_take_whole(session))
        return false;
    size_t header_len = session->is_server ? leati_ws_frame_whole_masked(*data, *len, &payload_len)
                                           : leati_ws_frame_whole(*data, *len, &payload_len);
    if (header_len == 0 || payload_len > session->most_message_bytes ||
        (session->is_server && payload_len > WHOLE_MASKED_MAX))
        return false;
    const uint8_t *payload = *data + header_len;
    bool is_text = **data == (LEATI_WS_FIN | LEATI_WS_OP_TEXT);
    const uint8_t *plain =
        session->is_server ? session_unmask(session, payload, payload_len) : payload;
    if (!plain || !session_emit_whole(session, is_text, plain, payload_len, event))
        return false;
    *data = payload + payload_len;
    *len -= header_len + payload_len;
    return true;
}

int leati_ws_session_read(struct leati_ws_session *session, const uint8_t **data, size_t *len,
                          struct leati_ws_event *ret_event)
{
    if (session_read_whole(session, data, len, ret_event))
        return LEAT_OK;
    if (session->sticky != LEAT_OK)
        return session_read_ended(session, data, len);
    if (!session->workspace) {
        if (*len == 0)
            return LEATI_AGAIN;
        session->workspace = leati_ws_workspace_acquire(session->pool);
        if (!session->workspace)
            return leati_ws_session_out_of_memory(session);
    }

    int code = leati_ws_session_go_on(session, ret_event);
    while (code == LEATI_AGAIN) {
        struct leati_ws_frame_piece piece;
        switch (leati_ws_frame_reader_next(&session->workspace->reader, data, len, &piece)) {
        case LEATI_WS_FRAME_MORE:
            return session_rest(session);
        case LEATI_WS_FRAME_MALFORMED:
            return leati_ws_session_violation(session, ret_event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                              "malformed frame header: bad form of the length, or "
                                              "a fragmented or overlong control frame");
        case LEATI_WS_FRAME_PIECE:
            break;
        }
        code = session_piece(session, &piece, data, len, ret_event);
    }
    return code;
}

size_t leati_ws_session_take_inflated(struct leati_ws_session *session)
{
    if (!session->compression)
        return 0;
    size_t bytes = session->compression->inflated_bytes;
    session->compression->inflated_bytes = 0;
    return bytes;
}
