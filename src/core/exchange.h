/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The one layer around the engines of handshakes: SOCKS5, CONNECT, the WebSocket upgrade and its
 * server's side. An engine says whose turn it is, gives out bytes and takes them in; the exchange
 * does all that is the same for each of them: it sends until everything has left, reads, keeps what
 * came glued to the peer's last word for the layer above, arms and judges deadlines, records the
 * verdict, and steps aside once the handshake is done.
 *
 * A new handshake is an engine and one table of the functions below.
 */
#ifndef LEATI_CORE_EXCHANGE_H
#define LEATI_CORE_EXCHANGE_H

#include "core/layer.h"

struct leati_exchange;

/** Who has to move. */
enum leati_exchange_turn {
    LEATI_EXCHANGE_OURS,   /**< output() has bytes that must leave */
    LEATI_EXCHANGE_THEIRS, /**< the peer's bytes are needed */
    LEATI_EXCHANGE_OWNERS, /**< somebody above must decide; nothing is read or written until then */
    LEATI_EXCHANGE_HELPERS, /**< a helper is at work, and wakes the driver when it is done */
    /** Refused, and the verdict is final; what the peer still sends is fed for at most
     * aftermath_ms, and whatever happens there does not change the verdict. */
    LEATI_EXCHANGE_AFTERMATH,
    LEATI_EXCHANGE_DONE,
    LEATI_EXCHANGE_FAILED,
};

/** How a handshake has failed, valid in AFTERMATH and FAILED. */
struct leati_exchange_verdict {
    int code;
    int sys_errno;
    int native_code;
    unsigned retry;   /**< LEATI_RETRY_* */
    const char *text; /**< lives as long as the engine */
};

struct leati_exchange_ops {
    struct leati_layer_ops layer; /**< filled in by LEATI_EXCHANGE_LAYER() */
    /** The first connect: from here on base.tracer and base.hop are valid. */
    void (*start)(struct leati_exchange *x);
    enum leati_exchange_turn (*turn)(const struct leati_exchange *x);
    /** The bytes to send, in OURS: at least one. Valid until the next call that is not const. */
    size_t (*output)(const struct leati_exchange *x, const uint8_t **ret_data);
    void (*sent)(struct leati_exchange *x, size_t len);
    /** In THEIRS, at most how many bytes may be read because they surely belong to the handshake;
     * SIZE_MAX where that cannot be known: then feed leaves what is the upper layer's. */
    size_t (*need)(const struct leati_exchange *x);
    /** Takes bytes of the peer in THEIRS and AFTERMATH. Fewer than `len` are used only with the
     * handshake's end, or in OWNERS and HELPERS. */
    void (*feed)(struct leati_exchange *x, const uint8_t *data, size_t len, size_t *ret_used);
    /** Goes on with what the helper has made, in HELPERS. @return false: it is still at work. NULL for a
     * handshake without helpers. */
    bool (*resume)(struct leati_exchange *x);
    /** The peer's direction has ended, in THEIRS and AFTERMATH: FAILED. */
    void (*end)(struct leati_exchange *x);
    /** The deadline has come, after `waited_ms`, in every turn but AFTERMATH: FAILED. */
    void (*expire)(struct leati_exchange *x, uint64_t waited_ms);
    /** Behind expire(): what is said to the peer if it can be at once; 0 bytes = nothing. Optional. */
    size_t (*farewell)(const struct leati_exchange *x, const uint8_t **ret_data);
    /** The lower layer has failed with `code` and recorded it: what this layer's connect returns,
     * by leati_exchange_keep_lower() or leati_layer_relabel(). */
    int (*lower_failed)(struct leati_exchange *x, int code);
    struct leati_exchange_verdict (*verdict)(const struct leati_exchange *x);
    /** Frees what the engine holds; the exchange frees `x`. */
    void (*done)(struct leati_exchange *x);
    uint32_t aftermath_ms;
};

/** First member of every layer of a handshake. */
struct leati_exchange {
    struct leati_layer base;
    /** OPEN as soon as everything is sent: the upper layer's first bytes leave behind it, and recv
     * reads the replies, and records what connect would have. Set by the layer's constructor. */
    bool optimistic;
    /** For a message of ours and the answer to it, or for the peer's first word; 0 = none but
     * limit_ms. Set by the layer's constructor. */
    uint32_t timeout_ms;
    uint32_t owner_timeout_ms;     /**< the same for a decision of the owner */
    enum leati_exchange_turn turn; /**< that base.deadline_ms was set for */
    uint64_t step_start_ms;
    uint8_t *early; /**< what came behind the handshake; NULL = nothing (left) */
    size_t early_len, early_read;
};

#define LEATI_EXCHANGE_LAYER(name_, layer_, describe_)                                             \
    {                                                                                              \
        .name = (name_), .layer = (layer_), .connect = leati_exchange_connect,                     \
        .recv = leati_exchange_recv, .send = leati_exchange_send,                                  \
        .shutdown = leati_exchange_shutdown, .want = leati_exchange_want,                          \
        .pending = leati_exchange_pending, .describe = (describe_),                                \
        .destroy = leati_exchange_destroy                                                          \
    }

/** Fills in a fresh exchange; `x` stands at the beginning of what leati_free() frees. */
void leati_exchange_init(struct leati_exchange *x, const struct leati_exchange_ops *ops,
                         uint32_t timeout_ms);

/** Whether connect waits for somebody above to decide. */
bool leati_exchange_is_owners_turn(const struct leati_layer *exchange);

/** For lower_failed: the record stays as it is, its code becomes sticky here too. */
int leati_exchange_keep_lower(struct leati_exchange *x, int code);

/* The slots of the layer. */
int leati_exchange_connect(struct leati_layer *l, uint64_t now_ms);
int leati_exchange_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len);
int leati_exchange_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len);
int leati_exchange_shutdown(struct leati_layer *l, uint64_t now_ms);
unsigned leati_exchange_want(const struct leati_layer *l, unsigned upper);
bool leati_exchange_pending(const struct leati_layer *l);
void leati_exchange_destroy(struct leati_layer *l);

#endif
