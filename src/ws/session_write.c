/* SPDX-License-Identifier: Apache-2.0 */
/* What goes out: whole messages, messages in parts, control frames. */
#include "ws/session_private.h"

#include <string.h>

#define CLOSE_CODE_BYTES       2u
#define CLOSE_REASON_MAX_BYTES (LEATI_WS_CONTROL_MAX_BYTES - CLOSE_CODE_BYTES)
#define DEFLATE_OUT_BYTES      4096u

void leati_ws_session_trace_sent(const struct leati_ws_session *session, uint8_t first_byte,
                                 size_t len)
{
    leati_ws_session_trace(session, &(struct leat_trace_frame){
                                        .is_sent = true,
                                        .fin = (first_byte & LEATI_WS_FIN) != 0,
                                        .masked = !session->is_server,
                                        .rsv = first_byte >> 4 & 7,
                                        .opcode = first_byte & 0xf,
                                        .payload_len = len,
                                    });
}

static int session_write_frame(struct leati_ws_session *session, uint8_t first_byte,
                               const void *data, size_t len, struct leati_byte_queue *out)
{
    if (!leati_ws_frame_write(out, session->keys, first_byte, data, len, &session->drain))
        return LEAT_E_SYSTEM_INTERNAL;
    if (session->tracer)
        leati_ws_session_trace_sent(session, first_byte, len);
    return LEAT_OK;
}

/* A frame whose payload is compressed, and taken out of `packed`. */
static int session_write_packed(struct leati_ws_session *session, uint8_t first_byte,
                                struct leati_byte_queue *packed, struct leati_byte_queue *out)
{
    size_t len = packed->len;

    if (!leati_ws_frame_write_queue(out, session->keys, first_byte, packed))
        return LEAT_E_SYSTEM_INTERNAL;
    if (session->tracer)
        leati_ws_session_trace_sent(session, first_byte, len);
    return LEAT_OK;
}

/* ---- compressing (RFC 7692 section 7.2.1) --------------------------------------------------- */

bool leati_ws_session_compresses(const struct leati_ws_session *session, size_t len)
{
    return session->compression && len > 0 && len >= session->compression->threshold_bytes;
}

bool leati_ws_deflate_payload(struct leati_deflater *deflater, const void *data, size_t len,
                              bool is_end, struct leati_byte_queue *packed)
{
    uint8_t buf[DEFLATE_OUT_BYTES];
    const uint8_t *in = data;
    enum leati_deflate_result result;
    size_t size;

    do {
        result = leati_deflater_feed(deflater, &in, &len, buf, sizeof(buf), &size);
        if (result == LEATI_DEFLATE_NO_MEMORY || !leati_byte_queue_append(packed, buf, size))
            return false;
    } while (result == LEATI_DEFLATE_MORE);
    if (!is_end)
        return true;
    do {
        result = leati_deflater_end(deflater, buf, sizeof(buf), &size);
        if (result == LEATI_DEFLATE_NO_MEMORY || !leati_byte_queue_append(packed, buf, size))
            return false;
    } while (result == LEATI_DEFLATE_MORE);
    return true;
}

void leati_ws_deflater_restart(struct leati_deflater *deflater)
{
    const struct leati_deflater_options options = deflater->options;

    leati_deflater_done(deflater);
    leati_deflater_init(deflater, &options);
}

static int session_write_compressed(struct leati_ws_session *session, uint8_t first_byte,
                                    const void *data, size_t len, struct leati_byte_queue *out)
{
    struct leati_deflater *deflater = &session->compression->deflater;
    struct leati_byte_queue packed;
    int code = LEAT_E_SYSTEM_INTERNAL;

    leati_byte_queue_init(&packed, out->pool);
    if (leati_ws_deflate_payload(deflater, data, len, true, &packed)) {
        bool is_useless = packed.len >= len && deflater->options.no_context_takeover;
        code = is_useless ? session_write_frame(session, first_byte, data, len, out)
                          : session_write_packed(session, first_byte | LEATI_WS_RSV1, &packed, out);
    }
    leati_byte_queue_clear(&packed);
    if (code != LEAT_OK)
        leati_ws_deflater_restart(deflater);
    return code;
}

/* ---- whole messages and control frames ------------------------------------------------------ */

int leati_ws_session_may_write(const struct leati_ws_session *session)
{
    switch (session->outgoing.parts) {
    case LEATI_WS_PARTS_NONE:
        return LEAT_OK;
    case LEATI_WS_PARTS_BROKEN:
        return LEAT_E_SYSTEM_INTERNAL;
    case LEATI_WS_PARTS_PLAIN:
    case LEATI_WS_PARTS_COMPRESSED:
        break;
    }
    return LEAT_E_PARAMETER;
}

/* Most messages of a server: a frame of two bytes and the payload, which nobody watches. false: not in
 * one piece. */
static bool session_write_short(uint8_t first_byte, const void *data, size_t len,
                                struct leati_byte_queue *out)
{
    uint8_t *room = leati_byte_queue_room(out, 2 + len);

    if (!room)
        return false;
    room[0] = first_byte;
    room[1] = (uint8_t)len;
    if (len > 0)
        memcpy(room + 2, data, len);
    leati_byte_queue_commit(out, 2 + len);
    return true;
}

int leati_ws_session_write(struct leati_ws_session *session, enum leati_ws_opcode opcode,
                           const void *data, size_t len, struct leati_byte_queue *out)
{
    uint8_t first_byte = (uint8_t)(LEATI_WS_FIN | opcode);

    if (len <= LEATI_WS_FRAME_SHORT_MAX && !session->keys && !session->tracer &&
        !session->compression && session->outgoing.parts == LEATI_WS_PARTS_NONE &&
        session_write_short(first_byte, data, len, out))
        return LEAT_OK;
    if (session->outgoing.parts == LEATI_WS_PARTS_NONE && !session->compression &&
        !leati_ws_opcode_is_control((uint8_t)opcode))
        return session_write_frame(session, first_byte, data, len, out);
    if (leati_ws_opcode_is_control((uint8_t)opcode)) {
        if (len > LEATI_WS_CONTROL_MAX_BYTES)
            return LEAT_E_SYSTEM_INTERNAL; /* callers check; a broken frame must not get out */
        return session_write_frame(session, first_byte, data, len, out);
    }
    int code = leati_ws_session_may_write(session);
    if (code != LEAT_OK)
        return code;
    if (leati_ws_session_compresses(session, len))
        return session_write_compressed(session, first_byte, data, len, out);
    return session_write_frame(session, first_byte, data, len, out);
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

/* ---- messages in parts (section 5.4) -------------------------------------------------------- */

/* Whether the part may come now; gives what the message is when it has been taken. */
static int outgoing_check(const struct leati_ws_session *session,
                          const struct leati_ws_outgoing *part, const void *data, size_t len,
                          bool is_first, bool is_last, struct leati_ws_outgoing *ret_outgoing)
{
    const struct leati_ws_outgoing *now = &session->outgoing;
    struct leati_ws_outgoing next = is_first ? *part : *now;

    if (now->parts == LEATI_WS_PARTS_BROKEN)
        return LEAT_E_SYSTEM_INTERNAL;
    if (is_first != (now->parts == LEATI_WS_PARTS_NONE) || next.type != part->type)
        return LEAT_E_PARAMETER;
    if (next.type == LEAT_MESSAGE_TEXT &&
        (!leati_utf8_feed(&next.utf8, data, len) || (is_last && !leati_utf8_complete(&next.utf8))))
        return LEAT_E_PARAMETER;
    *ret_outgoing = next;
    return LEAT_OK;
}

static uint8_t outgoing_first_byte(const struct leati_ws_outgoing *outgoing, bool is_last)
{
    uint8_t fin = is_last ? LEATI_WS_FIN : 0;

    if (outgoing->has_frame)
        return fin | LEATI_WS_OP_CONTINUATION;
    if (outgoing->parts == LEATI_WS_PARTS_COMPRESSED)
        fin |= LEATI_WS_RSV1;
    return fin | (outgoing->type == LEAT_MESSAGE_TEXT ? LEATI_WS_OP_TEXT : LEATI_WS_OP_BINARY);
}

/* Without the bytes that were lost the peer cannot inflate the rest of the message. */
static void outgoing_break(struct leati_ws_session *session, bool is_first)
{
    if (is_first)
        leati_ws_deflater_restart(&session->compression->deflater);
    else
        session->outgoing.parts = LEATI_WS_PARTS_BROKEN;
}

/* A part that gives no bytes yet gives no frame. */
static int part_write(struct leati_ws_session *session, struct leati_ws_outgoing *next,
                      const void *data, size_t len, bool is_last, struct leati_byte_queue *out)
{
    uint8_t first_byte = outgoing_first_byte(next, is_last);
    struct leati_byte_queue packed;
    int code = LEAT_E_SYSTEM_INTERNAL;

    if (next->parts == LEATI_WS_PARTS_PLAIN) {
        if (len == 0 && !is_last)
            return LEAT_OK;
        next->has_frame = true;
        return session_write_frame(session, first_byte, data, len, out);
    }
    leati_byte_queue_init(&packed, out->pool);
    if (leati_ws_deflate_payload(&session->compression->deflater, data, len, is_last, &packed)) {
        code = LEAT_OK;
        if (packed.len > 0 || is_last) {
            next->has_frame = true;
            code = session_write_packed(session, first_byte, &packed, out);
        }
    }
    leati_byte_queue_clear(&packed);
    return code;
}

int leati_ws_session_write_part(struct leati_ws_session *session, enum leat_message_type type,
                                const void *data, size_t len, bool is_first, bool is_last,
                                struct leati_byte_queue *out)
{
    bool compresses =
        is_last ? leati_ws_session_compresses(session, len) : session->compression != NULL;
    const struct leati_ws_outgoing part = {
        .parts = compresses ? LEATI_WS_PARTS_COMPRESSED : LEATI_WS_PARTS_PLAIN,
        .type = type,
    };
    struct leati_ws_outgoing next;

    int code = outgoing_check(session, &part, data, len, is_first, is_last, &next);
    if (code != LEAT_OK)
        return code;
    code = part_write(session, &next, data, len, is_last, out);
    if (code == LEAT_OK)
        session->outgoing = is_last ? (struct leati_ws_outgoing){0} : next;
    else if (next.parts == LEATI_WS_PARTS_COMPRESSED)
        outgoing_break(session, is_first);
    return code;
}
