/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The session, an engine of frames and messages (RFC 6455 sections 5 to 8) that stands above the
 * chain: bytes in, events out, frames out.
 *
 * One thread at a time per session and per pool. May include: core, util, public headers.
 * May be included by: conn.
 */
#ifndef LEATI_WS_SESSION_H
#define LEATI_WS_SESSION_H

#include <leat/websocket.h>

#include "core/failure.h"
#include "util/byte_queue.h"

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
    size_t max_message_bytes;
    struct leati_ws_pool *pool; /**< NULL = straight from the allocator */
};

enum leati_ws_event_kind {
    LEATI_WS_MESSAGE, /**< `type`, `data`, `len` */
    LEATI_WS_PING,    /**< `data`, `len`; the Pong is the caller's to send */
    LEATI_WS_PONG,
    LEATI_WS_CLOSE,     /**< `close_code` (1005 if none), `data` = the reason; nothing follows */
    LEATI_WS_VIOLATION, /**< the peer broke the protocol: answer with `close_code`; `text` says why;
                             nothing follows */
};

/** Borrowed until the next call on the session. */
struct leati_ws_event {
    enum leati_ws_event_kind kind;
    enum leat_message_type type;
    const uint8_t *data;
    size_t len;
    uint16_t close_code;
    char text[128];
};

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

/** RFC 6455 section 5.2 opcodes. */
enum leati_ws_opcode {
    LEATI_WS_OP_CONTINUATION = 0x0,
    LEATI_WS_OP_TEXT = 0x1,
    LEATI_WS_OP_BINARY = 0x2,
    LEATI_WS_OP_CLOSE = 0x8,
    LEATI_WS_OP_PING = 0x9,
    LEATI_WS_OP_PONG = 0xa,
};

/** Appends one whole frame (FIN set), masked while it is copied if we are the client.
 * All or nothing. @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory, no randomness). */
int leati_ws_session_write(struct leati_ws_session *session, enum leati_ws_opcode opcode,
                           const void *data, size_t len, struct leati_byte_queue *out);
/** Appends a Close frame; code 0 = without a body. A reason above 123 bytes is cut, not through a
 * character. @return as leati_ws_session_write(). */
int leati_ws_session_write_close(struct leati_ws_session *session, uint16_t code,
                                 const char *reason, size_t reason_len,
                                 struct leati_byte_queue *out);
/** How many bytes a frame of `len` payload bytes takes on the wire. */
size_t leati_ws_session_frame_size(const struct leati_ws_session *session, size_t len);
/** Whether a program may send this code (section 7.4, and the IANA registry's 1012 to 1014). */
bool leati_ws_close_code_sendable(uint16_t code);

#endif
