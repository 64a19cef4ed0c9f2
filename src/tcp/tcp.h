/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The bottom layer: one TCP connection, dialled by happy eyeballs (RFC 8305 section 5), or
 * accepted.
 *
 * Owns its descriptors and their watchers. connect starts the first address and, each time the
 * attempt delay passes (deadline_ms) or an attempt fails, the next one; the first to connect wins
 * and the others are closed. Addresses may be added meanwhile. Failure: the errno of the last
 * address tried, the text lists each address with its errno; the deadline is LEAT_E_SOCKET_BASE +
 * ETIMEDOUT.
 *
 * A short read or write is remembered: until the descriptor reports again, recv and send answer
 * LEATI_AGAIN without a system call. So they move only what leati_tcp_layer_watch() waits for.
 * When sending fails because the peer has gone, but what it said before is unread, send takes
 * everything and drops it, pending() is true, and the failure comes out of recv behind the last
 * byte. shutdown sends FIN and reads until the peer's FIN, or until limit_ms: then it closes
 * anyhow. Whatever ends the connection (failure, shutdown) closes the descriptor; destroy frees.
 */
#ifndef LEATI_TCP_TCP_H
#define LEATI_TCP_TCP_H

#include <leat/loop.h>

#include "core/address.h"
#include "core/descriptor.h"
#include "core/layer.h"

struct leati_local_address;

/** RFC 8305 section 8, Connection Attempt Delay. */
#define LEATI_TCP_ATTEMPT_DELAY_MS 250

/** Where descriptors with options, or with a local address, come from. */
struct leati_tcp_opener {
    /** A descriptor (SOCK_STREAM, non-blocking, close-on-exec) that is the layer's then, or -errno.
     */
    int (*open)(int family, void *user);
    void *user;
};

/** From where descriptors connect. */
struct leati_tcp_local {
    const struct leati_address *address; /**< NULL = any; of the family of all addresses */
    const char *interface;               /**< SO_BINDTODEVICE; NULL = any */
};

struct leati_tcp_options {
    leat_loop *loop;
    const struct leati_address *addresses; /**< in the order of preference, copied; interleaved by
                                                family here (RFC 8305 section 4) */
    size_t count;                          /**< at least 1 */
    bool more; /**< leati_tcp_layer_add() will be called: all that fail are not the end before that
                */
    uint32_t timeout_ms; /**< over all attempts; 0 = none but limit_ms */
    /** NULL = fresh ones with TCP_NODELAY. Borrowed until the layer is OPEN. */
    const struct leati_tcp_opener *opener;
    struct leati_tcp_local local; /**< of those that are not bound yet; borrowed likewise */
    const struct leati_descriptor_options
        *descriptor; /**< of all; NULL = none; borrowed likewise */
    bool fast_open;  /**< of fresh ones; see leati_tcp_set_fast_open() */
    /** Something can move: the driver's pump. Runs from dispatch only. */
    void (*ready)(void *user);
    void *user;
};

/** Before connect(2): where the kernel has a cookie of the peer (RFC 7413) that returns at once,
 * and the first bytes that are sent leave with the SYN. A kernel that does not allow it connects as
 * usual. */
void leati_tcp_set_fast_open(int fd);
/** Whether that was done and the kernel has allowed it. */
bool leati_tcp_has_fast_open(int fd);

/** @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_tcp_layer_new(const struct leati_tcp_options *options, struct leati_layer **ret_layer);

/** Others, that became known later (RFC 8305 section 3), at most once; 0 = there are none. They
 * take their turns with those that wait. In every state; the next connect() heeds it.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory; without them it goes on). */
int leati_tcp_layer_add(struct leati_layer *tcp, const struct leati_address *addresses,
                        size_t count);

/** A connection that is there already. */
struct leati_tcp_accepted {
    leat_loop *loop;
    int fd;                             /**< non-blocking; the layer's once it is made */
    const struct leati_address *remote; /**< copied */
    /** The local server whose queue was full when `fd` was to be connected to it; copied. NULL = it
     * is connected. */
    const struct leati_local_address *server;
    /** The name of the hop, copied, of one that can rest: leati_tcp_layer_rest(). NULL = it cannot. */
    const char *rests_as;
    uint32_t timeout_ms;       /**< to wait for it; 0 = no limit */
    void (*ready)(void *user); /**< as in struct leati_tcp_options */
    void *user;
};

/** The layer of a descriptor that is there already: connect() is LEAT_OK at once, unless a local
 * server has no room yet; then it tries again until there is some. TCP_NODELAY is on already: a listener
 * (tcp/listener.h) sees to it.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory; the descriptor stays the caller's). */
int leati_tcp_layer_accepted(const struct leati_tcp_accepted *accepted,
                             struct leati_layer **ret_layer);

/* ---- connections that rest --------------------------------------------------------------------- */

struct leati_io;
struct leati_timer;

/**
 * An open connection without its layer: the descriptor, which is still watched for reading, its
 * address, its name, and a timer for its owner. A seventh of what a layer and its chain take.
 */
struct leati_tcp_seat;

/** Whether nothing is under way: nothing that was read and not given out, nothing that was not taken,
 * and the descriptor is watched for reading. */
bool leati_tcp_layer_may_rest(const struct leati_layer *tcp);
/** Of one that may: makes a seat for a connection that was dialled. false without memory; nothing has changed
 * then. */
bool leati_tcp_layer_take_seat(struct leati_layer *tcp);
/** Frees the layer, but not the connection, whose events are `fn`'s from now on. */
struct leati_tcp_seat *leati_tcp_layer_rest(struct leati_layer *tcp,
                                            void (*fn)(struct leati_io *io, unsigned events,
                                                       void *user),
                                            void *user);
/** The layer again, OPEN, and the seat is its own; its hop is the seat's name. NULL without memory: then
 * it rests on. */
struct leati_layer *leati_tcp_layer_resume(struct leati_tcp_seat *seat, leat_loop *loop,
                                           void (*ready)(void *user), void *user);
/** What `fn` of leati_tcp_layer_rest() has heard, once the layer is there again. */
void leati_tcp_seat_tell(struct leati_tcp_seat *seat, unsigned events);
/** Writes at once what the kernel takes. @return how much; -1 = nothing, or it has failed: the layer
 * will find out. */
long leati_tcp_seat_send(struct leati_tcp_seat *seat, const void *data, size_t len);
/** For the owner of one that rests; also of a layer that may, before it does. Nothing else touches it. */
struct leati_timer *leati_tcp_seat_timer(struct leati_tcp_seat *seat);
struct leati_timer *leati_tcp_layer_seat_timer(const struct leati_layer *tcp);
int leati_tcp_seat_fd(const struct leati_tcp_seat *seat);
const char *leati_tcp_seat_name(const struct leati_tcp_seat *seat);
const struct leati_address *leati_tcp_seat_remote(const struct leati_tcp_seat *seat);
/** Ends both directions: the next event will tell so. */
void leati_tcp_seat_shutdown(struct leati_tcp_seat *seat);
/** Closes the connection. NULL is allowed. */
void leati_tcp_seat_free(struct leati_tcp_seat *seat);

/** Watches the open connection for what the folded want() says.
 * @return LEAT_OK or LEAT_E_SOCKET_BASE + errno, recorded. */
int leati_tcp_layer_watch(struct leati_layer *tcp, unsigned want);

/**
 * Acknowledges what is received before the loop waits again (TCP_QUICKACK, by
 * leati_tcp_layer_watch(), unless something is sent that takes it along) instead of up to 40 ms
 * later, while it is on. For exchanges in which the peer, or a relay in between, holds back its next small segment
 * until the last one is acknowledged (Nagle, RFC 9293 section 3.7.4) and nothing of ours would
 * carry the acknowledgement. Off at first; allowed in every state.
 */
void leati_tcp_layer_set_prompt_acks(struct leati_layer *tcp, bool on);
/** Nothing but the peer's FIN may follow, which nobody holds back: acknowledgements may be late again,
 * that of what has been read as well. */
void leati_tcp_layer_await_fin(struct leati_layer *tcp);

/** The connection is open for good: frees what only dialling needed. leati_tcp_layer_add() must not
 * follow. */
void leati_tcp_layer_settle(struct leati_layer *tcp);

/** The descriptor of the open connection, -1 before and after. Stays the layer's. */
int leati_tcp_layer_fd(const struct leati_layer *tcp);

/** What Nagle's algorithm holds back on the open connection leaves; the algorithm is on, and stays so. */
void leati_tcp_layer_push(const struct leati_layer *tcp);

/** The address that the open connection goes to (before that: the first one to be dialled). */
const struct leati_address *leati_tcp_layer_remote(const struct leati_layer *tcp);

/** Closes the open connection with a RST: its local port is free at once, for another connection to
 * the same peer. */
void leati_tcp_layer_reset(struct leati_layer *tcp);

/** Which addresses are left to dial in another layer: first, unless `without_open`, that of this
 * one's connection, then those that were not tried or not waited for. The ones that failed are not
 * among them. Room for as many as the layer was ever given. @return how many; 0 if it was never
 * open. */
size_t leati_tcp_layer_remaining(const struct leati_layer *tcp, bool without_open,
                                 struct leati_address *ret_addresses);

#endif
