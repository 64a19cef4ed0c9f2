/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A stream of bytes over a chain: the send queue with its limit, reading, closing in order. What
 * the TCP and local socket objects and the connections of their servers have in common.
 *
 * A stream can be started again when it has ended. Its owner may release it in every callback.
 */
#ifndef LEATI_SOCKETS_STREAM_H
#define LEATI_SOCKETS_STREAM_H

#include <leat/socket.h>

#include "conn/chain.h"
#include "util/byte_queue.h"

enum leati_stream_state {
    LEATI_STREAM_IDLE, /**< never started */
    LEATI_STREAM_CONNECTING,
    LEATI_STREAM_OPEN,
    LEATI_STREAM_CLOSING, /**< nothing is delivered any more: what is queued leaves, then the layers
                               say goodbye */
    LEATI_STREAM_CLOSED,  /**< ended; may start again */
};

struct leati_stream;

/** What a stream tells its owner; all from dispatch. */
struct leati_stream_owner {
    void (*opened)(struct leati_stream *stream, void *user);
    void (*received)(struct leati_stream *stream, const uint8_t *data, size_t len, void *user);
    /** The queue has refused something and is now at most half full. */
    void (*writable)(struct leati_stream *stream, void *user);
    /** It is CLOSED: in order if `failure` has no code. */
    void (*ended)(struct leati_stream *stream, void *user);
    /** It was released inside one of the callbacks, which is now left: free what holds it. */
    void (*left)(struct leati_stream *stream, void *user);
};

struct leati_stream_limits {
    size_t queue_bytes;
    uint32_t connect_timeout_ms;
    uint32_t close_timeout_ms; /**< 0 = none */
    /* These may change at any time. */
    uint32_t stall_timeout_ms;        /**< how long the peer may take nothing; 0 = for ever */
    struct leat_socket_linger linger; /**< on: instead of close_timeout_ms */
};

struct leati_stream {
    leat_loop *loop;
    const struct leati_stream_owner *owner;
    void *user;
    enum leati_stream_state state;
    struct leati_stream_limits limits;
    struct leati_chain *chain; /**< NULL while idle or closed */
    struct leati_byte_queue out;
    uint64_t stall_ms; /**< when the peer has taken nothing for too long; 0 = nothing waits */
    bool paused;
    bool eof;          /**< the peer has ended its direction */
    bool peer_ended;   /**< it did so first; stays until the next start */
    bool pumping;      /**< what is queued now leaves with this pump */
    bool send_refused; /**< `writable` is owed */
    bool ending;       /**< inside of `ended` */
    bool released;
    struct leati_failure failure; /**< of the last connection, or the last refused call */
};

/** Fills in. */
void leati_stream_init(struct leati_stream *stream, leat_loop *loop,
                       const struct leati_stream_owner *owner, void *user);

/** Starts an idle or closed stream: `opened` or `ended` follows. `route` is taken in every case.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory), recorded. */
int leati_stream_start(struct leati_stream *stream, struct leati_route *route,
                       const struct leati_tracer *tracer, const struct leati_stream_limits *limits);

/** Puts one more layer on an open stream with nothing queued: nothing is delivered until that is
 * OPEN, then `opened` comes again; or `ended`. The deadline of connect holds for it, too. */
void leati_stream_push(struct leati_stream *stream, struct leati_layer *layer);

/** Ends a stream that could not even be started, for the reason that was recorded by
 * leati_stream_refuse(), or for none: `ended` comes from here. From dispatch only. */
void leati_stream_give_up(struct leati_stream *stream);

/** Queues a copy. @return LEAT_OK; LEAT_E_SOCKET_BASE + ENOTCONN (not yet open), + EBADF (closing
 * or closed), + EAGAIN (the queue is full); LEAT_E_SYSTEM_INTERNAL. */
int leati_stream_send(struct leati_stream *stream, const void *data, size_t len);

/** What is queued leaves, then the goodbye; while connecting it cancels. `ended` follows.
 * @return LEAT_OK, also while closing already; LEAT_E_SOCKET_BASE + ENOTCONN (never started), +
 * EBADF (closed). */
int leati_stream_close(struct leati_stream *stream);
/** Ends at once because of LEAT_E_SOCKET_BASE + `sys_errno`, while it is running; `ended` follows.
 */
void leati_stream_break(struct leati_stream *stream, int sys_errno, const char *text);
/** Ends at once; `ended` follows. */
void leati_stream_abort(struct leati_stream *stream);

void leati_stream_pause(struct leati_stream *stream);
void leati_stream_resume(struct leati_stream *stream);

/** The descriptor, -1 if it is not open. */
int leati_stream_fd(const struct leati_stream *stream);
/** Whether it goes through a proxy; while it is running. */
bool leati_stream_has_proxy(const struct leati_stream *stream);
/** From connecting until `ended` has begun. */
bool leati_stream_is_running(const struct leati_stream *stream);

/** Records why a call is refused, instead of what was recorded before. Returns `code`. */
int leati_stream_refuse(struct leati_stream *stream, int code, int sys_errno, const char *text);
/** LEAT_E_SOCKET_BASE + ENOTCONN or EBADF, whichever the state is due; not recorded. */
int leati_stream_not_open(const struct leati_stream *stream);

/** Ends it without a word. @return whether what holds it may be freed now; otherwise `left` comes.
 */
bool leati_stream_release(struct leati_stream *stream);

#endif
