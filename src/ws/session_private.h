/* SPDX-License-Identifier: Apache-2.0 */
/** @file The inside of a session, which session.c, session_data.c and session_write.c share. */
#ifndef LEATI_WS_SESSION_PRIVATE_H
#define LEATI_WS_SESSION_PRIVATE_H

#include "util/utf8.h"
#include "ws/close_code.h"
#include "ws/deflate.h"
#include "ws/frame_writer.h"
#include "ws/session.h"
#include "ws/workspace.h"

/** permessage-deflate, if it was negotiated. */
struct leati_ws_compression {
    struct leati_deflater deflater;
    struct leati_inflater inflater;
    size_t inflated_bytes; /* since leati_ws_session_take_inflated() */
    size_t threshold_bytes;
};

/** What the inflater of a message that comes in is to be called for next. */
enum leati_ws_inflate_stage {
    LEATI_WS_INFLATE_INPUT, /**< payload, once there is some */
    LEATI_WS_INFLATE_REST,  /**< what is left of payload that it has taken */
    LEATI_WS_INFLATE_END,   /**< the end of the message */
};

/** The data message that is coming in. */
struct leati_ws_incoming {
    bool is_open; /**< its first frame has begun and its last has not ended */
    bool is_compressed;
    bool has_given; /**< part of it has been delivered: LEATI_WS_PIECE */
    bool has_all;   /**< of its payload: the inflater has taken the last byte */
    enum leati_ws_inflate_stage stage;
    enum leat_message_type type;
    struct leati_utf8 utf8;
    uint64_t len; /**< so far, inflated */
};

enum leati_ws_parts {
    LEATI_WS_PARTS_NONE,
    LEATI_WS_PARTS_PLAIN,
    LEATI_WS_PARTS_COMPRESSED,
    LEATI_WS_PARTS_BROKEN, /**< the peer cannot be given the rest of a message */
};

/** The message that goes out in parts. */
struct leati_ws_outgoing {
    enum leati_ws_parts parts;
    bool has_frame; /**< its first frame is queued */
    enum leat_message_type type;
    struct leati_utf8 utf8;
};

struct leati_ws_session {
    bool is_server;
    bool gives_pieces;
    bool owns_keys;
    bool takes_whole; /* what lies whole in the input may be given from there */
    int sticky;       /* what every read returns from now on; LEAT_OK = it goes on */
    size_t max_message_bytes;
    size_t most_message_bytes; /* the same, where there is no limit SIZE_MAX */
    struct leati_ws_incoming incoming;
    struct leati_ws_outgoing outgoing;
    struct leati_ws_compression *compression; /* NULL = not negotiated */
    struct leati_ws_pool *pool;
    struct leati_ws_workspace *workspace; /* NULL while idle */
    struct leati_ws_drain drain;
    struct leati_random_pool *keys;    /* NULL at a server, which masks nothing */
    const struct leati_tracer *tracer; /* NULL = nobody listens */
    const char *hop;
};

/** Fills in an event; LEAT_OK. */
int leati_ws_event_emit(struct leati_ws_event *event, enum leati_ws_event_kind kind,
                        const uint8_t *data, size_t len);
/** The event of a peer that broke the protocol, after which nothing is read; LEAT_OK. */
int leati_ws_session_violation(struct leati_ws_session *session, struct leati_ws_event *event,
                               uint16_t close_code, const char *format, ...) LEAT_PRINTF(4, 5);
/** Without the bytes that found no room the rest of the stream has no meaning. */
int leati_ws_session_out_of_memory(struct leati_ws_session *session);

static inline bool leati_ws_opcode_is_control(uint8_t opcode)
{
    return (opcode & 0x8) != 0;
}

/** Reports a frame; to be called only if somebody listens. */
void leati_ws_session_trace(const struct leati_ws_session *session,
                            const struct leat_trace_frame *frame);

/* ---- session_write.c -------------------------------------------------------------------- */

/** Whether a whole message may begin now: LEAT_OK, or as leati_ws_session_write(). */
int leati_ws_session_may_write(const struct leati_ws_session *session);
/** Whether a message of this length is compressed. */
bool leati_ws_session_compresses(const struct leati_ws_session *session, size_t len);
/** Reports a frame, whose payload has this length on the wire; to be called only if somebody listens. */
void leati_ws_session_trace_sent(const struct leati_ws_session *session, uint8_t first_byte,
                                 size_t len);
/** Compresses part of a message, `is_end` its last one, into `packed`. false without memory. */
bool leati_ws_deflate_payload(struct leati_deflater *deflater, const void *data, size_t len,
                              bool is_end, struct leati_byte_queue *packed);
/** Forgets the context. The peer keeps it, but what begins anew does not refer to it. */
void leati_ws_deflater_restart(struct leati_deflater *deflater);

/* ---- session_data.c: LEATI_AGAIN = no event yet ---------------------------------------- */

/** The first piece of a data frame has come: order of the opcodes and size of the message. */
int leati_ws_session_begin_data(struct leati_ws_session *session,
                                const struct leati_ws_frame *frame, struct leati_ws_event *event);
/** Payload of a data frame. What cannot be used at once goes back to `*data`. */
int leati_ws_session_data(struct leati_ws_session *session,
                          const struct leati_ws_frame_piece *piece, const uint8_t **data,
                          size_t *len, struct leati_ws_event *event);
/** What can still be delivered without new input. */
int leati_ws_session_go_on(struct leati_ws_session *session, struct leati_ws_event *event);

#endif
