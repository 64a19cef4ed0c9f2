/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The contract of a layer: one fixed table of functions over an engine. A chain of layers is one
 * connection: TCP at the bottom, then any number of proxy hops, TLS, and the WebSocket upgrade.
 *
 * Rules, tested by the conformance battery for every layer:
 *  1. Only recv and send call `lower`. The driver (src/conn) walks the chain for all other slots.
 *  2. connect and shutdown do their own layer's part only, over lower's recv and send, and are
 *     called again after LEATI_AGAIN. connect is called only when the lower layer is OPEN.
 *  3. A length of 0 is never a signal: LEAT_OK means at least one byte. Nothing to read or no room
 *     to write is LEATI_AGAIN; the peer's orderly end is LEATI_EOF (recv only); everything else is
 *     a documented code that has been recorded by leati_layer_fail() and is returned again by every
 *     later call (errors are sticky).
 *  4. After LEATI_AGAIN from send the caller repeats with the same leading bytes, perhaps at
 * another address, perhaps with more behind them.
 *  5. A layer never reads from `lower` what it cannot keep: bytes that follow its own handshake are
 *     kept by the layer and given out by its recv first. While it has such bytes pending() is true.
 *  6. A layer whose work is done when it is OPEN (a proxy, the upgrade) sets `passthrough`. The
 *     driver unlinks it as soon as pending() is false.
 *  7. want() gets what the upper neighbour wants of this layer and returns what this layer wants of
 *     its lower neighbour: it may add to it and take away from it. During connect and shutdown
 *     `upper` is 0.
 *  8. shutdown says this layer's goodbye (TLS close_notify, TCP FIN). destroy frees and says
 * nothing on the wire, is allowed in every state, and never touches `lower`.
 *  9. A failure of the lower layer is recorded there already; the layer above adds nothing to it,
 *     but may return a code of its own (the first record is the one that is reported). A layer
 * whose codes are to be reported for its lower layer's EOF or error records before it returns, and
 * a layer that must rename a lower error uses leati_layer_relabel().
 * 10. Every state change goes through leati_layer_set_state().
 */
#ifndef LEATI_CORE_LAYER_H
#define LEATI_CORE_LAYER_H

#include "core/failure.h"
#include "core/tracer.h"

#include <sys/uio.h>

struct leati_layer;

enum leati_layer_state {
    LEATI_LAYER_NEW,
    LEATI_LAYER_CONNECTING,
    LEATI_LAYER_OPEN,
    LEATI_LAYER_CLOSING,
    LEATI_LAYER_CLOSED, /**< in order or failed; nothing but destroy is left to do */
};

enum {
    LEATI_WANT_READ = 1u << 0,
    LEATI_WANT_WRITE = 1u << 1,
};

/** What may still lead to the goal after the layer of a proxy has failed to connect. */
enum {
    LEATI_RETRY_TARGET = 1u << 0, /**< another address of what the proxy was asked for */
    LEATI_RETRY_PROXY = 1u << 1,  /**< another address of the proxy itself */
    LEATI_RETRY_AGAIN = 1u << 2,  /**< the same on a new connection: nothing has gone wrong */
};

struct leati_layer_ops {
    const char *name; /**< the phase's name: "tcp", "socks5", "tls", "websocket" */
    enum leat_layer layer;
    int (*connect)(struct leati_layer *l, uint64_t now_ms);
    int (*recv)(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len);
    int (*send)(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len);
    int (*shutdown)(struct leati_layer *l, uint64_t now_ms);
    unsigned (*want)(const struct leati_layer *l, unsigned upper);
    bool (*pending)(const struct leati_layer *l);
    /** One line about what an OPEN layer negotiated ("TLSv1.3 ..., resumed"), for the trace. */
    void (*describe)(const struct leati_layer *l, char *buf, size_t cap);
    void (*destroy)(struct leati_layer *l);
};

/** First member of every layer. The driver fills in all but `ops` before it calls connect. */
struct leati_layer {
    const struct leati_layer_ops *ops;
    struct leati_layer *lower;     /**< NULL at the bottom */
    struct leati_failure *failure; /**< of the whole chain */
    const struct leati_tracer *tracer;
    const char *hop; /**< "host:port" that this layer talks to; owned by the chain */
    enum leati_layer_state state;
    bool passthrough; /**< see rule 6 */
    int sticky;       /**< see rule 3: the code that every call returns now */
    unsigned retry;   /**< of a failed one, LEATI_RETRY_*: 0 = no other address would help */
    /** When connect or shutdown must be called again without any I/O; 0 = not. Set by the layer. */
    uint64_t deadline_ms;
    /** The chain's own deadline for what goes on now; 0 = none. Set by the driver. */
    uint64_t limit_ms;
    /** Up to when a deadline may be judged, because all that had come then can be read. Set by the
     * driver, whose loop it belongs to; NULL = up to the `now_ms` of the call. */
    const uint64_t *judged_ms;
};

/** Fills in a fresh layer: state NEW, nothing linked. */
void leati_layer_init(struct leati_layer *l, const struct leati_layer_ops *ops);

/** The one setter of `state`; traces. */
void leati_layer_set_state(struct leati_layer *l, enum leati_layer_state state);

/** Sets deadline_ms to `timeout_ms` from now (0 = no deadline of its own), but not beyond limit_ms.
 */
void leati_layer_arm(struct leati_layer *l, uint64_t now_ms, uint32_t timeout_ms);

/** Whether deadline_ms is over. To be asked behind the last read: what has come in time counts. */
bool leati_layer_expired(const struct leati_layer *l, uint64_t now_ms);
/** The same of another time; 0 = never. */
bool leati_layer_is_over(const struct leati_layer *l, uint64_t at_ms, uint64_t now_ms);

/** Records a failure of this layer (the chain keeps the first), makes it sticky, sets CLOSED,
 * returns `code`. */
int leati_layer_fail(struct leati_layer *l, int code, int sys_errno, int native_code,
                     const char *format, ...) LEAT_PRINTF(5, 6);

/** For a failure that the lower layer has recorded but that belongs to this layer (a reset below
 * TLS is 2303505): gives the record this layer and this code, keeps errno, native code and hop, and
 * puts `what` before its text. What a SOCKS5 proxy has said keeps its name. Makes it sticky, sets
 * CLOSED, returns the code that is recorded now. */
int leati_layer_relabel(struct leati_layer *l, int code, const char *what);

/* Named functions for slots that have nothing to do of their own. */
int leati_layer_pass_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len);
int leati_layer_pass_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len);
int leati_layer_nop_shutdown(struct leati_layer *l, uint64_t now_ms);
unsigned leati_layer_pass_want(const struct leati_layer *l, unsigned upper);

#endif
