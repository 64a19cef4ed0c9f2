/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * WebSocket (RFC 6455): the upgrade as a layer, and the session, an engine of frames and messages
 * that stands above the chain.
 *
 * The only folder that sees wslay. May include: http/head.h, core, util, public headers.
 * May be included by: conn.
 */
#ifndef LEATI_WS_WS_H
#define LEATI_WS_WS_H

#include <leat/websocket.h>

#include "core/layer.h"
#include "util/byte_queue.h"

/* ---- the upgrade (section 4.1), a layer that is passthrough once OPEN ----------------- */

struct leati_ws_header {
    const char *name;
    const char *value;
};

struct leati_ws_upgrade_options {
    const char *host_field; /**< value of Host: with the port unless it is the default one */
    const char *target;     /**< origin-form */
    const struct leati_ws_header *headers; /**< the user's, checked already */
    size_t header_count;
    const char *const *protocols; /**< to offer */
    size_t protocol_count;
    /** From the request to the end of the response head; 0 = none but limit_ms. */
    uint32_t timeout_ms;
    /** SHA-1, lent by whoever has a crypto library. */
    bool (*sha1)(const void *data, size_t len, uint8_t ret_digest[20]);
};

/** @return LEAT_OK; recorded: LEAT_E_SYSTEM_INTERNAL. */
int leati_ws_upgrade_layer_new(const struct leati_ws_upgrade_options *options,
                               struct leati_failure *failure, struct leati_layer **ret_layer);
/** The subprotocol that the server chose, "" if none. Valid while the layer lives. */
const char *leati_ws_upgrade_protocol(const struct leati_layer *upgrade);
/** The status of the response, 0 before. */
int leati_ws_upgrade_status(const struct leati_layer *upgrade);

/* ---- the session: sections 5 to 8, bytes in, events out, frames out ------------------- */

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
