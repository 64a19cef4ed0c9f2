/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The chain and its driver: names are resolved, layers are built in their order, connected from
 * below, used, shut down from above. One pump, run as a deferred task of the loop, serves every
 * event: I/O, timers, DNS answers and what the owner asks for.
 *
 * A chain is used once, or once more for a redirect. Its owner may release it in every callback.
 */
#ifndef LEATI_CONN_CHAIN_H
#define LEATI_CONN_CHAIN_H

#include "conn/route.h"
#include "core/failure.h"
#include "core/layer.h"
#include "loop/loop.h"

enum leati_chain_state {
    LEATI_CHAIN_NEW,
    LEATI_CHAIN_RESOLVING, /**< one after the other, the hops that are resolved here */
    LEATI_CHAIN_CONNECTING,
    LEATI_CHAIN_OPEN,
    LEATI_CHAIN_CLOSING,
    LEATI_CHAIN_CLOSED,
};

struct leati_chain;

/** What a chain tells its owner; every function runs from the pump. */
struct leati_chain_owner {
    /** A client's request waits for the owner's decision, now or later; servers only. */
    void (*asked)(struct leati_chain *chain, void *user);
    /** All layers are OPEN. The upgrade is still there, for its getters. */
    void (*opened)(struct leati_chain *chain, void *user);
    /** The chain is OPEN: move bytes in both directions until nothing moves; returns what to wait
     * for (LEATI_WANT_*). `now_ms` is for new deadlines; whether one is over, leati_chain_is_over()
     * says. A failure below is in chain->failure; the owner answers with
     * leati_chain_abort(). */
    unsigned (*pump)(struct leati_chain *chain, uint64_t now_ms, void *user);
    /** The chain is CLOSED, in order or by chain->failure. The last call. */
    void (*ended)(struct leati_chain *chain, void *user);
    /** The chain was released inside one of its callbacks and is now left: free what holds it. */
    void (*left)(struct leati_chain *chain, void *user);
};

struct leati_chain {
    leat_loop *loop;
    const struct leati_chain_owner *owner;
    void *user;
    enum leati_chain_state state;
    struct leati_route *route; /**< owned; trimmed once OPEN, and NULL once it is spent */
    char *origin; /**< of a route that is spent, or of the seat; see leati_chain_origin() */
    struct leati_layer *top; /**< NULL while there is none */
    struct leati_layer *tcp; /**< the bottom of the same list */
    struct leati_failure failure;
    struct leati_tracer tracer;
    struct leati_timer timer;
    struct leati_task pump_task;
    uint64_t limit_ms;          /**< of connecting or closing; 0 = none */
    uint64_t owner_deadline_ms; /**< when the owner's pump wants to run again; 0 = not */
    bool running;               /**< inside the pump */
    bool ended;                 /**< the owner has been told */
    bool released;              /**< and CLOSED by that: callers look at the state */
    bool has_rested;            /**< `origin` is the seat's */
    uint32_t turn_bytes; /**< the owner's: what its pump has moved, or unpacked, of its turn */
};

/** Fills in. `route` becomes the chain's. */
void leati_chain_init(struct leati_chain *chain, leat_loop *loop,
                      const struct leati_chain_owner *owner, void *user,
                      const struct leati_tracer *tracer, struct leati_route *route);

/** Starts; everything else happens from dispatch. `timeout_ms` is over the whole; 0 = none. */
void leati_chain_connect(struct leati_chain *chain, uint32_t timeout_ms);

/** Begins again on another route, which becomes the chain's, with the same limit of time. From
 * `ended` only. */
void leati_chain_restart(struct leati_chain *chain, struct leati_route *route);

/** Takes one more layer, puts it on an OPEN chain and connects it: `opened` comes again, or
 * `ended`. `timeout_ms` is over the whole; 0 = none. */
void leati_chain_push(struct leati_chain *chain, struct leati_layer *layer, uint32_t timeout_ms);

/** The layers say goodbye from the top down, until then at the latest (0 = for ever); then `ended`. */
void leati_chain_close(struct leati_chain *chain, uint64_t limit_ms);

/** Ends without a goodbye; then `ended`. Allowed in every state. */
void leati_chain_abort(struct leati_chain *chain);

/** The owner has told the acceptance what becomes of a request: inside of `asked` or later. */
void leati_chain_owner_has_answered(struct leati_chain *chain);

/** "host:port" of the origin, in every state. */
const char *leati_chain_origin(const struct leati_chain *chain);

/** Lets the pump run in this round of the loop, or the next. */
void leati_chain_wake(struct leati_chain *chain);

/** Whether a deadline (0 = none) is over. For the pump, behind its reading: what had come in time
 * has been read, or is still to be read if reading was broken off. */
bool leati_chain_is_over(const struct leati_chain *chain, uint64_t at_ms);

/** Whether an OPEN chain of an accepted TCP connection has nothing under way, and nobody listens to it. From
 * outside of its pump. */
bool leati_chain_may_rest(const struct leati_chain *chain);
/** Frees everything inside but the connection, whose events are `fn`'s from now on; the chain's memory may be
 * freed then. */
struct leati_tcp_seat *leati_chain_rest(struct leati_chain *chain, leati_io_fn fn, void *user);
/** Fills in a chain that is OPEN, and takes the seat. false without memory: nothing has happened. */
bool leati_chain_resume(struct leati_chain *chain, leat_loop *loop,
                        const struct leati_chain_owner *owner, void *user,
                        struct leati_tcp_seat *seat);

/** Closes without a word and frees everything inside: nobody is called any more, but for `left`
 * when this happens inside the pump. Returns true if the owner may free the chain's memory now. */
bool leati_chain_release(struct leati_chain *chain);

#endif
