/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages over the frames of frame_reader.c: order of opcodes, limits, UTF-8, close codes. A frame
 * comes in pieces; nothing is collected that came in one.
 */
#include "ws/session.h"

#include "util/alloc.h"
#include "util/utf8.h"
#include "ws/close_code.h"
#include "ws/frame_writer.h"
#include "ws/workspace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CLOSE_CODE_BYTES       2u
#define CLOSE_REASON_MAX_BYTES (LEATI_WS_CONTROL_MAX_BYTES - CLOSE_CODE_BYTES)

struct leati_ws_session {
    bool is_server;
    bool in_message; /* a data frame has begun a message whose last frame has not ended */
    int sticky;      /* what every read returns from now on; LEAT_OK = it goes on */
    enum leat_message_type type; /* of the message, as the UTF-8 below */
    struct leati_utf8 utf8;
    size_t max_message_bytes;
    struct leati_ws_pool *pool;
    struct leati_ws_workspace *workspace; /* NULL while idle */
    struct leati_ws_mask_keys keys;
};

struct leati_ws_session *leati_ws_session_new(const struct leati_ws_session_options *options)
{
    struct leati_ws_session *session = leati_calloc(1, sizeof(*session));

    if (session == NULL)
        return NULL;
    session->is_server = options->is_server;
    session->max_message_bytes = options->max_message_bytes;
    session->pool = options->pool;
    return session;
}

void leati_ws_session_free(struct leati_ws_session *session)
{
    if (session == NULL)
        return;
    leati_ws_workspace_release(session->workspace, session->pool);
    leati_ws_mask_keys_wipe(&session->keys);
    leati_free(session);
}

/* ---- events --------------------------------------------------------------------------------- */

static int event_emit(struct leati_ws_event *event, enum leati_ws_event_kind kind,
                      const uint8_t *data, size_t len)
{
    event->kind = kind;
    event->data = data;
    event->len = len;
    event->close_code = 0;
    event->text[0] = '\0';
    return LEAT_OK;
}

static int session_violation(struct leati_ws_session *session, struct leati_ws_event *event,
                             uint16_t close_code, const char *format, ...) LEAT_PRINTF(4, 5);

static int session_violation(struct leati_ws_session *session, struct leati_ws_event *event,
                             uint16_t close_code, const char *format, ...)
{
    event_emit(event, LEATI_WS_VIOLATION, NULL, 0);
    event->close_code = close_code;
    va_list args;
    va_start(args, format);
    vsnprintf(event->text, sizeof(event->text), format, args);
    va_end(args);
    session->sticky = LEATI_AGAIN;
    return LEAT_OK;
}

/* Without the bytes that found no room the rest of the stream has no meaning. */
static int session_out_of_memory(struct leati_ws_session *session)
{
    session->sticky = LEAT_E_SYSTEM_INTERNAL;
    return session->sticky;
}

/* ---- control frames (section 5.5) ----------------------------------------------------------- */

static int session_close(struct leati_ws_session *session, const uint8_t *body, size_t len,
                         struct leati_ws_event *event)
{
    if (len == 0) {
        event_emit(event, LEATI_WS_CLOSE, body, 0);
        event->close_code = LEATI_WS_CLOSE_NO_STATUS;
        session->sticky = LEATI_AGAIN;
        return LEAT_OK;
    }
    if (len < CLOSE_CODE_BYTES)
        return session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                 "Close frame with a body of 1 byte");

    uint16_t code = (uint16_t)(body[0] << 8 | body[1]);
    if (!leati_ws_close_code_receivable(code))
        return session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                 "Close frame with the code %u, which must not be sent", code);
    const uint8_t *reason = body + CLOSE_CODE_BYTES;
    size_t reason_len = len - CLOSE_CODE_BYTES;
    if (!leati_utf8_valid(reason, reason_len))
        return session_violation(session, event, LEATI_WS_CLOSE_INVALID_PAYLOAD,
                                 "the reason in the Close frame is not UTF-8");

    event_emit(event, LEATI_WS_CLOSE, reason, reason_len);
    event->close_code = code;
    session->sticky = LEATI_AGAIN;
    return LEAT_OK;
}

static int session_control(struct leati_ws_session *session, uint8_t opcode, const uint8_t *body,
                           size_t len, struct leati_ws_event *event)
{
    switch (opcode) {
    case LEATI_WS_OP_PING:
        return event_emit(event, LEATI_WS_PING, body, len);
    case LEATI_WS_OP_PONG:
        return event_emit(event, LEATI_WS_PONG, body, len);
    default:
        return session_close(session, body, len, event);
    }
}

static int session_control_piece(struct leati_ws_session *session,
                                 const struct leati_ws_frame_piece *piece,
                                 struct leati_ws_event *event)
{
    struct leati_ws_workspace *workspace = session->workspace;

    if (piece->is_first && piece->is_last)
        return session_control(session, piece->opcode, piece->data, piece->len, event);

    /* The reader lets no control frame pass that is longer than the buffer. */
    memcpy(workspace->control + workspace->control_len, piece->data, piece->len);
    workspace->control_len += piece->len;
    if (!piece->is_last)
        return LEATI_AGAIN;
    size_t len = workspace->control_len;
    workspace->control_len = 0;
    return session_control(session, piece->opcode, workspace->control, len, event);
}

/* ---- data frames (sections 5.4 and 5.6) ----------------------------------------------------- */

static int session_message(struct leati_ws_session *session, const uint8_t *data, size_t len,
                           struct leati_ws_event *event)
{
    session->in_message = false;
    session->workspace->message_len = 0; /* the bytes stay until the next call */
    event->type = session->type;
    return event_emit(event, LEATI_WS_MESSAGE, data, len);
}

static int session_data_piece(struct leati_ws_session *session,
                              const struct leati_ws_frame_piece *piece,
                              struct leati_ws_event *event)
{
    struct leati_ws_workspace *workspace = session->workspace;
    bool is_text = session->type == LEAT_MESSAGE_TEXT;
    bool is_end = piece->is_last && piece->fin;

    if (is_text && !leati_utf8_feed(&session->utf8, piece->data, piece->len))
        return session_violation(session, event, LEATI_WS_CLOSE_INVALID_PAYLOAD,
                                 "text message that is not UTF-8");
    if (is_text && is_end && !leati_utf8_complete(&session->utf8))
        return session_violation(session, event, LEATI_WS_CLOSE_INVALID_PAYLOAD,
                                 "text message that ends within a UTF-8 character");

    if (is_end && workspace->message_len == 0)
        return session_message(session, piece->data, piece->len, event);
    if (!leati_ws_workspace_collect(workspace, piece->data, piece->len, session->max_message_bytes))
        return session_out_of_memory(session);
    if (!is_end)
        return LEATI_AGAIN;
    return session_message(session, workspace->message, workspace->message_len, event);
}

/* ---- the beginning of a frame --------------------------------------------------------------- */

static bool opcode_is_control(uint8_t opcode)
{
    return (opcode & 0x8) != 0;
}

static bool opcode_is_known(uint8_t opcode)
{
    return opcode <= LEATI_WS_OP_BINARY ||
           (opcode >= LEATI_WS_OP_CLOSE && opcode <= LEATI_WS_OP_PONG);
}

/* What holds for every frame (section 5.2). An extension that is given meaning to a reserved bit
 * lets it pass here. */
static int session_check_header(struct leati_ws_session *session,
                                const struct leati_ws_frame_piece *piece,
                                struct leati_ws_event *event)
{
    if (piece->rsv != 0)
        return session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                 "reserved bit RSV%d set without an extension",
                                 piece->rsv & 4   ? 1
                                 : piece->rsv & 2 ? 2
                                                  : 3);
    if (!opcode_is_known(piece->opcode))
        return session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                 "reserved opcode 0x%x", (unsigned)piece->opcode);
    if (piece->masked != session->is_server)
        return session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                 piece->masked ? "masked frame from a server"
                                               : "frame without a mask from a client");
    return LEATI_AGAIN;
}

/* Order of the opcodes and size of the message. */
static int session_begin_data(struct leati_ws_session *session,
                              const struct leati_ws_frame_piece *piece,
                              struct leati_ws_event *event)
{
    bool continues = piece->opcode == LEATI_WS_OP_CONTINUATION;
    if (continues && !session->in_message)
        return session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                 "continuation frame without a message to continue");
    if (!continues && session->in_message)
        return session_violation(session, event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                 "new message before the end of a fragmented one");

    size_t held = session->workspace->message_len;
    if (piece->frame_len > session->max_message_bytes - held)
        return session_violation(session, event, LEATI_WS_CLOSE_MESSAGE_TOO_BIG,
                                 "message of %" PRIu64 " bytes exceeds the limit of %zu",
                                 piece->frame_len + held, session->max_message_bytes);
    if (!continues) {
        session->in_message = true;
        session->type = piece->opcode == LEATI_WS_OP_TEXT ? LEAT_MESSAGE_TEXT : LEAT_MESSAGE_BINARY;
        session->utf8 = (struct leati_utf8){0};
    }
    return LEATI_AGAIN;
}

/* LEATI_AGAIN = no event yet. */
static int session_piece(struct leati_ws_session *session, const struct leati_ws_frame_piece *piece,
                         struct leati_ws_event *event)
{
    int rc = LEATI_AGAIN;

    if (piece->is_first)
        rc = session_check_header(session, piece, event);
    if (rc != LEATI_AGAIN)
        return rc;
    if (opcode_is_control(piece->opcode))
        return session_control_piece(session, piece, event);
    if (piece->is_first)
        rc = session_begin_data(session, piece, event);
    if (rc != LEATI_AGAIN)
        return rc;
    return session_data_piece(session, piece, event);
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

int leati_ws_session_read(struct leati_ws_session *session, const uint8_t **data, size_t *len,
                          struct leati_ws_event *ret_event)
{
    if (session->sticky != LEAT_OK)
        return session_read_ended(session, data, len);
    if (session->workspace == NULL) {
        if (*len == 0)
            return LEATI_AGAIN;
        session->workspace = leati_ws_workspace_acquire(session->pool);
        if (session->workspace == NULL)
            return session_out_of_memory(session);
    }

    for (;;) {
        struct leati_ws_frame_piece piece;
        switch (leati_ws_frame_reader_next(&session->workspace->reader, data, len, &piece)) {
        case LEATI_WS_FRAME_MORE:
            if (leati_ws_workspace_is_idle(session->workspace))
                session_drop_workspace(session);
            return LEATI_AGAIN;
        case LEATI_WS_FRAME_MALFORMED:
            return session_violation(session, ret_event, LEATI_WS_CLOSE_PROTOCOL_ERROR,
                                     "malformed frame header: bad form of the length, or a "
                                     "fragmented or overlong control frame");
        case LEATI_WS_FRAME_PIECE:
            break;
        }
        int rc = session_piece(session, &piece, ret_event);
        if (rc != LEATI_AGAIN)
            return rc;
    }
}

/* ---- writing -------------------------------------------------------------------------------- */

int leati_ws_session_write(struct leati_ws_session *session, enum leati_ws_opcode opcode,
                           const void *data, size_t len, struct leati_byte_queue *out)
{
    struct leati_ws_mask_keys *keys = session->is_server ? NULL : &session->keys;

    if (opcode_is_control((uint8_t)opcode) && len > LEATI_WS_CONTROL_MAX_BYTES)
        return LEAT_E_SYSTEM_INTERNAL; /* callers check; a broken frame must not get out */
    return leati_ws_frame_write(out, keys, (uint8_t)opcode, data, len) ? LEAT_OK
                                                                       : LEAT_E_SYSTEM_INTERNAL;
}

/* How much of the reason fits, without a cut through a character. */
static size_t reason_fit(const char *reason, size_t len)
{
    if (len <= CLOSE_REASON_MAX_BYTES)
        return len;
    len = CLOSE_REASON_MAX_BYTES;
    while (len > 0 && ((uint8_t)reason[len] & 0xc0) == 0x80)
        len--;
    return len;
}

int leati_ws_session_write_close(struct leati_ws_session *session, uint16_t code,
                                 const char *reason, size_t reason_len,
                                 struct leati_byte_queue *out)
{
    uint8_t body[LEATI_WS_CONTROL_MAX_BYTES];

    if (code == 0)
        return leati_ws_session_write(session, LEATI_WS_OP_CLOSE, NULL, 0, out);
    body[0] = (uint8_t)(code >> 8);
    body[1] = (uint8_t)code;
    reason_len = reason_fit(reason, reason_len);
    if (reason_len > 0)
        memcpy(body + CLOSE_CODE_BYTES, reason, reason_len);
    return leati_ws_session_write(session, LEATI_WS_OP_CLOSE, body, CLOSE_CODE_BYTES + reason_len,
                                  out);
}

size_t leati_ws_session_frame_size(const struct leati_ws_session *session, size_t len)
{
    return leati_ws_frame_header_size(!session->is_server, len) + len;
}
