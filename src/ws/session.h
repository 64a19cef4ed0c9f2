/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The session, an engine of frames and messages (RFC 6455 sections 5 to 8) that stands above the
 * chain: bytes in, events out, frames out.
 *
 * One thread at a time per session and per pool.
 */
#ifndef LEATI_WS_SESSION_H
#define LEATI_WS_SESSION_H

#include <leat/websocket.h>

#include "core/failure.h"
#include "core/tracer.h"
#include "util/byte_queue.h"
#include "ws/deflate_params.h"
#include "ws/frame_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct leati_ws_session;
struct leati_ws_workspace;

/** What sessions need only while a message is on its way in, to be used again: one pool for the
 * sessions of a loop. Must outlive them. */
struct leati_ws_pool {
    struct leati_ws_workspace *free;
    size_t bytes;       /**< in `free` */
    size_t limit_bytes; /**< how many to keep */
};

/** One workspace takes 4.5 KiB and, once it has collected a message that came in parts, the size of
 * that message: 64 KiB are enough for small messages, 2 MiB for those of 1 MiB. */
void leati_ws_pool_init(struct leati_ws_pool *pool, size_t limit_bytes);
void leati_ws_pool_done(struct leati_ws_pool *pool);

struct leati_ws_session_options {
    bool is_server; /**< false: we mask, the peer must not */
    /** Messages come as LEATI_WS_PIECE, as soon as bytes of them are there, and are not held. */
    bool pieces;
    /** Of one message, inflated; with `pieces`, 0 = no limit. */
    size_t max_message_bytes;
    struct leati_ws_pool *pool; /**< NULL = straight from the allocator */
    /** Where a client's masking keys come from; outlives the session. NULL = it has some of its own. */
    struct leati_random_pool *random;
    struct leati_ws_drain drain; /**< of the queue that is written to, during a write */
    /** What both ends have agreed to (leati_ws_upgrade_deflate(), leati_ws_accept_deflate()), NULL
     * = nothing is compressed. Not needed afterwards. Memory: see ws/deflate.h; none before the
     * first compressed message in a direction. */
    const struct leati_deflate_params *deflate;
    /** Messages that are shorter than this, and empty ones, go as they are. */
    size_t deflate_threshold_bytes;
    uint8_t deflate_level;     /**< 1 (fast) to 9 (small); 0 = zlib's default */
    uint8_t deflate_mem_level; /**< 1 to 9; 0 = zlib's default */
    /** Who hears of frames, and of which hop they are; both are borrowed for the session's life.
     * NULL, or without a function, = nobody. */
    const struct leati_tracer *tracer;
    const char *hop;
};

enum leati_ws_event_kind {
    LEATI_WS_MESSAGE, /**< `type`, `data`, `len` */
    LEATI_WS_PING,    /**< `data`, `len`; the Pong is the caller's to send */
    LEATI_WS_PONG,
    LEATI_WS_CLOSE, /**< `close_code` (1005 if none), `data` = the reason; nothing follows */
    /** The peer broke the protocol: answer with `close_code`; `text` says why; nothing follows.
     * 1002 for frames against RFC 6455 section 5 or RFC 7692 section 6, 1007 for text that is not
     * UTF-8 and for a compressed message that cannot be inflated, 1009 for a message beyond the
     * limit: at once if a header announces it, else as soon as the inflater gives more. */
    LEATI_WS_VIOLATION,
    /** Part of a message: `type`, `data`, `len`, `is_first`, `is_last`. Only the last one may be
     * empty. Text may be cut within a character, and is checked as far as it has come. */
    LEATI_WS_PIECE,
};

/** Borrowed until the next call on the session that is not a write. */
struct leati_ws_event {
    enum leati_ws_event_kind kind;
    enum leat_message_type type;
    const uint8_t *data;
    size_t len;
    uint16_t close_code;
    bool is_first, is_last; /**< of their message */
    char text[128];
};

/** NULL without memory. */
struct leati_ws_session *leati_ws_session_new(const struct leati_ws_session_options *options);
void leati_ws_session_free(struct leati_ws_session *session);

/**
 * Reads frames from `*data`, and moves `*data` and `*len` past what it has used, until one event is
 * complete. What is left begins with the next frame and must be given again, first, to the next
 * call: a caller that pauses keeps it. Call until LEATI_AGAIN: then an idle session gives its
 * buffers back.
 *
 * @return LEAT_OK and `*ret_event`; LEATI_AGAIN when everything has been used and no event is
 *         complete, and for ever after CLOSE or VIOLATION (whatever comes is swallowed);
 *         LEAT_E_SYSTEM_INTERNAL (no memory; again for every later call).
 */
int leati_ws_session_read(struct leati_ws_session *session, const uint8_t **data, size_t *len,
                          struct leati_ws_event *ret_event);
/** How many bytes the inflater has made since the last time: far more than were read, perhaps. */
size_t leati_ws_session_take_inflated(struct leati_ws_session *session);

/**
 * Where payload that is still to come may be read to without a detour: behind the part of a long
 * message that has been collected. What was read there is given to leati_ws_session_read() next,
 * where it lies. NULL when that brings nothing or is not possible; then any buffer will do.
 */
uint8_t *leati_ws_session_room(struct leati_ws_session *session, size_t *ret_size);

/** RFC 6455 section 5.2 opcodes. */
enum leati_ws_opcode {
    LEATI_WS_OP_CONTINUATION = 0x0,
    LEATI_WS_OP_TEXT = 0x1,
    LEATI_WS_OP_BINARY = 0x2,
    LEATI_WS_OP_CLOSE = 0x8,
    LEATI_WS_OP_PING = 0x9,
    LEATI_WS_OP_PONG = 0xa,
};

/** Appends a whole message, or a control frame, as one frame, masked while it is copied if we are
 * the client; compressed if that was negotiated and the threshold is reached, control frames never.
 * All or nothing. @return LEAT_OK; LEAT_E_PARAMETER (a message while another one is open, see
 * leati_ws_session_write_part()); LEAT_E_SYSTEM_INTERNAL (no memory, no randomness). */
int leati_ws_session_write(struct leati_ws_session *session, enum leati_ws_opcode opcode,
                           const void *data, size_t len, struct leati_byte_queue *out);
/**
 * Appends part of a message whose length need not be known, as a fragment (section 5.4); control
 * frames may be written in between. Of a message that is compressed a part may give no frame or
 * several parts' bytes one: zlib collects.
 *
 * @param is_first,is_last of the message; a whole message may be both. `type` is the same each
 * time.
 * @return LEAT_OK; with nothing queued and nothing changed: LEAT_E_PARAMETER (the first part of a
 *         message while another one is open, another part while none is, another type, text that
 *         is not UTF-8 as far as it has come, or is not complete at the end);
 *         LEAT_E_SYSTEM_INTERNAL (no memory, no randomness; if that hits a compressed message which
 *         has begun, again for every later message: the connection should end).
 */
int leati_ws_session_write_part(struct leati_ws_session *session, enum leat_message_type type,
                                const void *data, size_t len, bool is_first, bool is_last,
                                struct leati_byte_queue *out);
/** Appends a Close frame; code 0 = without a body. A reason above 123 bytes is cut, not through a
 * character. @return as leati_ws_session_write(). */
int leati_ws_session_write_close(struct leati_ws_session *session, uint16_t code,
                                 const char *reason, size_t reason_len,
                                 struct leati_byte_queue *out);
/** How many bytes a frame of `len` payload bytes takes on the wire, if it is not compressed. */
size_t leati_ws_session_frame_size(const struct leati_ws_session *session, size_t len);
/** Gives back what compression needs only during a message, if nothing is to be remembered (no
 * context takeover): for a session that is idle, when all that it has queued is sent. */
void leati_ws_session_trim(struct leati_ws_session *session);
/** Whether nothing of a message or a frame is under way in either direction, and nothing has failed: then, unless
 * it compresses, a fresh session with the same options goes on where this one is freed. */
bool leati_ws_session_may_rest(const struct leati_ws_session *session);
/** Whether a program may send this code (section 7.4, and the IANA registry's 1012 to 1014). */
bool leati_ws_close_code_sendable(uint16_t code);

#endif
