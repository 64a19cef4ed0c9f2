/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the engines of handshakes have in common: SOCKS4, SOCKS5 and its GSS-API, CONNECT, the
 * WebSocket upgrade and its server's side, the PROXY protocol. An engine says whose turn it is,
 * gives out bytes and takes them in; it does no I/O and has no clock. It embeds struct leati_engine
 * as its first member, and has one table of functions. The exchange (core/exchange.h) makes a layer
 * of it; tests call the functions below themselves:
 *
 *     while leati_engine_output() has bytes: send them, leati_engine_sent()
 *     then read at most leati_engine_need() bytes, leati_engine_feed()
 */
#ifndef LEATI_CORE_ENGINE_H
#define LEATI_CORE_ENGINE_H

#include "core/layer.h"

struct leati_engine;

/** Who has to move. */
enum leati_exchange_turn {
    LEATI_EXCHANGE_OURS,   /**< there is output that must leave */
    LEATI_EXCHANGE_THEIRS, /**< the peer's bytes are needed */
    LEATI_EXCHANGE_OWNERS, /**< somebody above must decide; nothing is read or written until then */
    LEATI_EXCHANGE_HELPERS, /**< a helper is at work, and wakes the driver when it is done */
    /** Refused, and the verdict is final; what the peer still sends is fed for at most
     * aftermath_ms, and whatever happens there does not change the verdict. */
    LEATI_EXCHANGE_AFTERMATH,
    LEATI_EXCHANGE_DONE,
    LEATI_EXCHANGE_FAILED,
};

struct leati_engine_state {
    const char *name; /**< in the trace */
    enum leati_exchange_turn turn;
};

struct leati_engine_ops {
    struct leati_layer_ops layer; /**< filled in by LEATI_EXCHANGE_LAYER() */
    const char *name;             /**< of the states, in the trace; NULL = they are not traced */
    const struct leati_engine_state *states; /**< by number; it begins in 0 */
    int failed;                              /**< the number of the one in which it has failed */
    uint32_t aftermath_ms;

    /* All but `describe` may be NULL. */
    /** The first connect: from here on tracer and hop are valid. */
    void (*start)(struct leati_engine *e);
    /** NULL = as the state says. */
    enum leati_exchange_turn (*turn)(const struct leati_engine *e);
    /** All of the output has left. */
    void (*sent)(struct leati_engine *e);
    /** In THEIRS, at most how many bytes may be read because they surely belong to the handshake;
     * NULL = that cannot be known: then feed leaves what is the upper layer's. */
    size_t (*need)(const struct leati_engine *e);
    /** Takes bytes of the peer in THEIRS and AFTERMATH. @return how many; fewer than `len` only
     * with the handshake's end, or in OWNERS and HELPERS. */
    size_t (*feed)(struct leati_engine *e, const uint8_t *data, size_t len);
    /** Goes on with what the helper has made, in HELPERS. @return false: it is still at work. NULL =
     * the helper moves the engine itself. */
    bool (*resume)(struct leati_engine *e);
    /** The peer's direction has ended, in THEIRS and AFTERMATH: FAILED. */
    void (*end)(struct leati_engine *e);
    /** The deadline has come, after `waited_ms`, in every turn but AFTERMATH: FAILED. If there is
     * output then, it is sent if that can be at once. */
    void (*expire)(struct leati_engine *e, uint64_t waited_ms);
    /** The lower layer has failed with `code` (which is not lack of memory) and recorded it.
     * @return the code that this layer's connect is to return, with what is to stand before the
     * record in `text`; LEAT_OK = the record stays as it is. */
    int (*lost)(struct leati_engine *e, int code, unsigned *ret_retry);
    /** Whoever spoke in place of this engine has come to its end. */
    void (*spoken)(struct leati_engine *e);
    /** One line about what was negotiated. */
    void (*describe)(const struct leati_engine *e, char *buf, size_t cap);
    /** Frees and wipes what the engine holds. */
    void (*done)(struct leati_engine *e);
};

/** First member of every engine. */
struct leati_engine {
    const struct leati_engine_ops *ops;
    int state;                         /**< set by leati_engine_set_state() */
    const struct leati_tracer *tracer; /**< told of every change of state; may be NULL */
    const char *hop;                   /**< for the trace; may be NULL */
    struct leati_engine *speaker;      /**< speaks in its place for a while; NULL = nobody does */
    const uint8_t *output;             /**< what must leave, in OURS */
    size_t output_len;                 /**< what is left of it */

    /* The verdict, valid in AFTERMATH and FAILED. */
    int code;
    int sys_errno;
    int native_code;
    unsigned retry; /**< LEATI_RETRY_* */
    char *text;     /**< in the engine */
    size_t text_size;
};

/** Fills in a fresh one, in state 0. `text` has room for what it may say about a failure. */
void leati_engine_init(struct leati_engine *e, const struct leati_engine_ops *ops, char *text,
                       size_t text_size);
void leati_engine_done(struct leati_engine *e);

/** The one setter of `state`; traces. */
void leati_engine_set_state(struct leati_engine *e, int state);
/** The same for one of OURS: these bytes are to leave. They stay where they are until then. */
void leati_engine_set_output(struct leati_engine *e, int state, const void *data, size_t len);
/** Records the verdict, and that there is nothing to send; FAILED. @return code */
int leati_engine_fail(struct leati_engine *e, int code, int native_code, const char *format, ...)
    LEAT_PRINTF(4, 5);

enum leati_exchange_turn leati_engine_turn(const struct leati_engine *e);
/** Whoever speaks now, whose verdict counts: the engine itself, as a rule. */
const struct leati_engine *leati_engine_speaker(const struct leati_engine *e);
/** The bytes to send now; 0 = none. Valid until the next call that is not const. */
size_t leati_engine_output(const struct leati_engine *e, const uint8_t **ret_data);
/** The first `len` bytes of the output are sent. */
void leati_engine_sent(struct leati_engine *e, size_t len);
/** How many bytes of the peer may be read now; 0 = it is not its turn. */
size_t leati_engine_need(const struct leati_engine *e);
/** @param ret_used how many bytes were taken, written always
 * @return the code of the verdict; LEAT_OK = none, look at the turn. The same of the next. */
int leati_engine_feed(struct leati_engine *e, const uint8_t *data, size_t len, size_t *ret_used);
int leati_engine_end(struct leati_engine *e);
int leati_engine_expire(struct leati_engine *e, uint64_t waited_ms);
/** @return whether the helper had come to its end. */
bool leati_engine_resume(struct leati_engine *e);

#endif
