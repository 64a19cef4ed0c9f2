/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A stream of bytes over a chain: the send queue with its limit, reading, deadlines, closing in
 * order. It is the only pump of bytes. Its owner, a WebSocket or a TCP, TLS or local socket, says
 * what the bytes mean.
 *
 * A stream can be started again when it has ended. Its owner may release it in every callback.
 */
#ifndef LEATI_CONN_STREAM_H
#define LEATI_CONN_STREAM_H

#include <leat/socket.h>

#include "conn/chain.h"
#include "util/byte_queue.h"
#include "util/offset_ring.h"

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
    enum leat_layer layer; /**< of the failures that leati_stream_record() records */

    /** A client's request waits for an answer; only where the route ends in an acceptance. */
    void (*asked)(struct leati_stream *stream, void *user);
    void (*opened)(struct leati_stream *stream, void *user);
    /** Where to read to, `*ret_size` bytes; NULL = anywhere. Optional. */
    uint8_t *(*room)(struct leati_stream *stream, size_t *ret_size, void *user);
    /** Returns how much was used: less than `len` only if the owner has paused the stream, which
     * keeps the rest, or has ended it. */
    size_t (*received)(struct leati_stream *stream, const uint8_t *data, size_t len, void *user);
    /** The peer has ended its direction while the stream was OPEN: close or break. */
    void (*peer_ended)(struct leati_stream *stream, void *user);
    /** The pump has sent what it could. Optional. */
    void (*flushed)(struct leati_stream *stream, void *user);
    /** The queue has refused something, for which there is room now, and is at most half full. */
    void (*writable)(struct leati_stream *stream, void *user);
    /** Behind the pump of an OPEN stream: judges what the owner waits for by leati_chain_is_over(),
     * and returns when to look again, 0 = not. Optional. */
    uint64_t (*judge)(struct leati_stream *stream, uint64_t now_ms, void *user);
    /** All that was queued has left: until when the goodbye has time, 0 = for ever. */
    uint64_t (*close_deadline)(struct leati_stream *stream, void *user);
    /** The peer takes nothing: records why the stream ends, unless it need not be said. */
    void (*stuck)(struct leati_stream *stream, void *user);
    /** It has ended, and the chain is there for the last time: takes what is to be kept of it.
     * Returns a route that is gone on with instead, in what is left of the time to connect;
     * NULL = none, `ended` follows. Optional. */
    struct leati_route *(*over)(struct leati_stream *stream, void *user);
    /** It is CLOSED: in order if `failure` has no code. */
    void (*ended)(struct leati_stream *stream, void *user);
    /** Of a stream with `may_rest`, that nothing has happened on for a while: gives up what is only needed to
     * move bytes. @return false: something is under way, and nothing is given up. */
    bool (*rests)(struct leati_stream *stream, void *user);
    /** Takes it back. false without memory; it may be there already. */
    bool (*wakes)(struct leati_stream *stream, void *user);
    /** It was released inside one of the callbacks, which is now left: free what holds it. */
    void (*left)(struct leati_stream *stream, void *user);
};

/** What the queues of several streams may take together. */
struct leati_stream_budget {
    size_t most_bytes;
    size_t used_bytes; /**< now */
    /** Frees queues of others so that `size` bytes more fit, if it can; ends streams. */
    void (*exceeded)(struct leati_stream_budget *budget, size_t size);
};

/** How much one stream may read, unpack or send before the others of the loop have their turn. */
#define LEATI_STREAM_TURN_BYTES 1048576u

struct leati_stream_limits {
    size_t queue_bytes;
    size_t queue_messages; /**< what leati_stream_queued() counts; 0 = any number */
    uint32_t connect_timeout_ms;
    uint32_t close_timeout_ms;          /**< 0 = none */
    struct leati_stream_budget *budget; /**< NULL = none */
    /* These may change at any time. */
    uint32_t stall_timeout_ms;        /**< how long the peer may take nothing; 0 = for ever */
    struct leat_socket_linger linger; /**< on: instead of close_timeout_ms */
    /** Nagle's algorithm is on: small data waits for acknowledgements (RFC 9293 3.7.4). */
    bool has_nagle;
};

struct leati_stream {
    leat_loop *loop;
    const struct leati_stream_owner *owner;
    void *user;
    /** Borrowed since the start: those of one server share them. */
    const struct leati_stream_limits *limits;
    struct leati_chain *chain;   /**< NULL while idle or closed, and while it rests */
    struct leati_tcp_seat *rest; /**< instead of it, conn/rest.h; NULL = it does not rest */
    struct leati_byte_queue out;
    size_t counted_bytes; /**< of `out`, in the budget */
    uint64_t sent_bytes;  /**< that have left the queue */
    /** Of queued messages, counted as sent_bytes is; NULL unless they are limited. */
    struct leati_offset_ring *ends;
    struct leati_held_bytes *held; /**< read, but not delivered before resume; NULL = none */
    uint64_t stall_ms;    /**< when the peer has taken nothing for too long; 0 = nothing waits */
    size_t refused_bytes; /**< what there was no room for; if send_refused */
    enum leati_stream_state state : 8;
    bool send_refused; /**< `writable` is owed */
    bool waits;        /**< the owner's: the peer may take nothing for as long as it likes */
    bool blocked;      /**< the last bytes were not taken */
    bool paused;
    bool throttled;  /**< the owner's: nothing is read for now, whatever the program says */
    bool has_more;   /**< the owner's: it may have more to say than the bytes; see `received` */
    bool reads_on;   /**< the last pump broke off reading, so that others have their turn */
    bool eof;        /**< the peer has ended its direction */
    bool peer_ended; /**< the owner's: it did so first; stays until the next start */
    bool pumping;    /**< what is queued now leaves with this pump */
    bool ending;     /**< inside of `ended` */
    bool released;
    bool may_rest : 1;  /**< the owner's: it has the functions for it */
    bool was_busy : 1;  /**< since others have come to rest */
    bool was_timed : 1; /**< what woke it was its timer */
    bool is_doomed : 1; /**< it rests, and ends for the reason that `failure` has */
    /* The owner's, for leati_stream_finish(): only the peer's goodbye may follow, not heeded before the queue
     * is empty; the peer is the one to say goodbye first. */
    bool heard_all : 1;
    bool awaits_eof : 1;
    uint8_t rest_time;            /**< when it came to rest, in ticks of rest.c */
    uint16_t rest_place;          /**< among those that are idle; 0 = none */
    uint16_t sent_round;          /**< of the loop's, when leati_stream_send_at_once() sent last */
    uint32_t eof_wait_ms;         /**< how long, once the queue is empty; 0 = no limit of its own */
    struct leati_failure failure; /**< of the last connection, or the last refused call */
};

/** Fills in. */
void leati_stream_init(struct leati_stream *stream, leat_loop *loop,
                       const struct leati_stream_owner *owner, void *user);

/** The part of a stream's limits that the settings say. */
struct leati_stream_limits leati_stream_limits_of(const struct leati_settings *settings);

/** Starts an idle or closed stream: `opened` or `ended` follows. `route` is taken in every case, `limits` are
 * borrowed until the stream ends.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory), recorded. */
int leati_stream_start(struct leati_stream *stream, struct leati_route *route,
                       const struct leati_tracer *tracer, const struct leati_stream_limits *limits);

/** Puts one more layer on an open stream with nothing queued: nothing is delivered until that is
 * OPEN, then `opened` comes again; or `ended`. The deadline of connect holds for it, too. */
void leati_stream_push(struct leati_stream *stream, struct leati_layer *layer);

/** Ends a stream that could not even be started, for the reason that was recorded by
 * leati_stream_refuse(), or for none: `ended` comes from here. From dispatch only. */
void leati_stream_give_up(struct leati_stream *stream);

/** Queues a copy, but for what the kernel takes at once of much.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + ENOTCONN (not yet open), + EBADF (closing or closed), + EAGAIN
 * (the queue is full); LEAT_E_SYSTEM_INTERNAL. */
int leati_stream_send(struct leati_stream *stream, const void *data, size_t len);

/** For an owner that writes to `out` by itself: whether there is room for `size` bytes.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + EAGAIN, then `writable` is owed; LEAT_E_SOCKET_BASE + ENOBUFS: the
 * budget is used up, perhaps by this one, which has ended then. */
int leati_stream_reserve(struct leati_stream *stream, size_t size);
/** The same for what has been queued without asking, since its beginning had left: others may have to go for
 * it. @return LEAT_OK; LEAT_E_SOCKET_BASE + ENOBUFS: this one has ended. */
int leati_stream_enforce_budget(struct leati_stream *stream);
/** Drops what is queued, of a stream that has been broken. */
void leati_stream_drop_queue(struct leati_stream *stream);
/** A message has been put into `out`: it leaves with this pump, or the next. */
void leati_stream_queued(struct leati_stream *stream);
/** Offers the chain what is queued, at once. */
void leati_stream_flush(struct leati_stream *stream);

/** Gives the kernel bytes from where they are, if nothing is queued before them and all is plain TCP.
 * @return how many were taken, 0 = none: whatever the reason, the pump will find it. */
size_t leati_stream_give(struct leati_stream *stream, const struct iovec *iov, int n);

/**
 * The same without a queue and a pump, also while the stream rests; once in a round of the
 * loop, so that what follows is sent together. Only of an OPEN stream on plain TCP with `may_rest`.
 *
 * @return how many were taken, 0 = none: whatever the reason, the pump will find it.
 */
size_t leati_stream_send_at_once(struct leati_stream *stream, const void *data, size_t len);

/** What is queued leaves, then the goodbye; while connecting it cancels. `ended` follows.
 * @return LEAT_OK, also while closing already; LEAT_E_SOCKET_BASE + ENOTCONN (never started), +
 * EBADF (closed). */
int leati_stream_close(struct leati_stream *stream);
/** The same of an OPEN stream, whose queue has `timeout_ms` to leave, 0 = any time. */
void leati_stream_finish(struct leati_stream *stream, uint32_t timeout_ms);
/** How long leati_stream_close() gives the queue and the goodbye. */
uint32_t leati_stream_close_timeout(const struct leati_stream *stream);
/** Ends a running stream at once, because of `code`; `ended` follows. */
void leati_stream_break(struct leati_stream *stream, int code, int sys_errno, const char *text);
/** Ends at once; `ended` follows. */
void leati_stream_abort(struct leati_stream *stream);
/** Records why a running stream is about to end. Returns `code`. */
int leati_stream_record(struct leati_stream *stream, int code, int sys_errno, int native_code,
                        const char *text);

void leati_stream_pause(struct leati_stream *stream);
void leati_stream_resume(struct leati_stream *stream);

/** Before anything is done with the chain of an OPEN stream, or what its owner gives up at rest: has them
 * again. false without memory. */
bool leati_stream_wake(struct leati_stream *stream);
/** Ends a stream that leati_stream_wake() could not wake; `ended` follows. */
void leati_stream_doom(struct leati_stream *stream, const struct leati_fault *fault,
                       const char *text);
/** "host:port" of the origin, "" unless it is running. */
const char *leati_stream_origin(const struct leati_stream *stream);
/** Who is at the other end of a TCP connection that has been open. */
const struct leati_address *leati_stream_remote(const struct leati_stream *stream);
/** The descriptor, -1 if it is not open. */
int leati_stream_fd(const struct leati_stream *stream);
/** Whether it goes through a proxy; while it is running. */
bool leati_stream_has_proxy(const struct leati_stream *stream);
/** From connecting until `ended` has begun. */
bool leati_stream_is_running(const struct leati_stream *stream);
/** Whether bytes may go up and down: not released, broken or ended meanwhile. */
static inline bool leati_stream_is_open(const struct leati_stream *stream)
{
    return stream->state == LEATI_STREAM_OPEN &&
           (stream->chain ? stream->chain->state == LEATI_CHAIN_OPEN : !stream->is_doomed);
}

/** Inside of `received`: the owner has done as much work as `bytes` are. */
static inline void leati_stream_note_work(struct leati_stream *stream, size_t bytes)
{
    size_t left = LEATI_STREAM_TURN_BYTES - stream->chain->turn_bytes;
    stream->chain->turn_bytes += (uint32_t)(bytes < left ? bytes : left);
}
/** Whether what is left is for the next turn: `received` may return, and gets it again. */
static inline bool leati_stream_turn_is_over(const struct leati_stream *stream)
{
    return stream->chain->turn_bytes >= LEATI_STREAM_TURN_BYTES;
}

/** Those of the owner, and those of the queue: while closing all of it has to leave in time, before that some
 * of it. */
void leati_stream_check_deadlines(struct leati_stream *stream, uint64_t now_ms);

/** Records why a call is refused, instead of what was recorded before. Returns `code`. */
int leati_stream_refuse(struct leati_stream *stream, int code, int sys_errno, const char *format,
                        ...) LEAT_PRINTF(4, 5);
/** LEAT_E_SOCKET_BASE + ENOTCONN before the stream is open, + EBADF after; not recorded. */
int leati_stream_not_open(const struct leati_stream *stream);

/** Ends it without a word. @return whether what holds it may be freed now; otherwise `left` comes.
 */
bool leati_stream_release(struct leati_stream *stream);

#endif
