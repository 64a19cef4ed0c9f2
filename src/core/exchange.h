/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The one layer around the engines of handshakes (core/engine.h). The exchange does all that is the
 * same for each of them: it sends until everything has left, reads, keeps what came glued to the
 * peer's last word for the layer above, arms and judges deadlines, records the verdict, and steps
 * aside once the handshake is done.
 *
 * A new handshake is an engine with its table of functions.
 */
#ifndef LEATI_CORE_EXCHANGE_H
#define LEATI_CORE_EXCHANGE_H

#include "core/engine.h"

#include <stddef.h>

struct leati_exchange {
    struct leati_layer base;
    struct leati_engine *engine; /**< stands behind it */
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
    _Alignas(max_align_t) unsigned char engine_bytes[];
};

#define LEATI_EXCHANGE_LAYER(name_, layer_)                                                        \
    {                                                                                              \
        .name = (name_), .layer = (layer_), .connect = leati_exchange_connect,                     \
        .recv = leati_exchange_recv, .send = leati_exchange_send,                                  \
        .shutdown = leati_exchange_shutdown, .want = leati_exchange_want,                          \
        .pending = leati_exchange_pending, .describe = leati_exchange_describe,                    \
        .destroy = leati_exchange_destroy                                                          \
    }

/** Makes the layer with zeroed room for the engine of its table, for leati_exchange_engine(), which the
 * caller initialises, or leati_free()s the layer. @return NULL without memory; recorded, with `text`. */
struct leati_layer *leati_exchange_new(const struct leati_engine_ops *ops, size_t engine_size,
                                       uint32_t timeout_ms, const char *text,
                                       struct leati_failure *failure);

/** The layer as what it is. */
struct leati_exchange *leati_exchange_of(struct leati_layer *exchange);
/** Its engine, of the type that its maker knows. */
void *leati_exchange_engine(const struct leati_layer *exchange);

/** Whether connect waits for somebody above to decide. */
bool leati_exchange_is_owners_turn(const struct leati_layer *exchange);

/* The slots of the layer. */
int leati_exchange_connect(struct leati_layer *l, uint64_t now_ms);
int leati_exchange_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len);
int leati_exchange_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len);
int leati_exchange_shutdown(struct leati_layer *l, uint64_t now_ms);
unsigned leati_exchange_want(const struct leati_layer *l, unsigned upper);
bool leati_exchange_pending(const struct leati_layer *l);
void leati_exchange_describe(const struct leati_layer *l, char *buf, size_t cap);
void leati_exchange_destroy(struct leati_layer *l);

#endif
