/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the files of src/tcp share. */
#ifndef LEATI_TCP_TCP_PRIVATE_H
#define LEATI_TCP_TCP_PRIVATE_H

#include "tcp/tcp.h"

#include "loop/loop.h"

/** One address that is dialled, or was. */
struct leati_tcp_attempt {
    struct leati_tcp_layer *tcp;
    struct leati_tcp_attempt *next; /**< to be dialled behind this one */
    struct leati_address address;
    int fd; /**< -1 = not dialled yet, or failed */
    struct leati_io io;
    uint16_t events;    /**< reported and not looked at yet */
    uint16_t sys_errno; /**< why it failed; 0 = it has not */
    uint32_t start_us;  /**< the lower half of the clock's; only with a trace */
};

/** What only a layer needs that connects by itself. */
struct leati_tcp_dialling {
    uint32_t timeout_ms;
    const struct leati_tcp_opener *opener; /**< may be NULL */
    struct leati_tcp_local local;
    const struct leati_descriptor_options *descriptor; /**< may be NULL */
    bool fast_open;
    bool more;                /**< others may still be added */
    uint64_t expires_ms;      /**< deadline over all attempts; 0 = none */
    uint64_t next_attempt_ms; /**< when not to wait longer for those in flight */
    size_t started;           /**< attempts that were dialled, from the first on */
    size_t in_flight;
    struct leati_tcp_attempt *latest;   /**< that was dialled; NULL = none */
    struct leati_tcp_attempt *late;     /**< memory of those that were added; NULL = none */
    struct leati_local_address *server; /**< with a full queue; NULL = it is none, or has room */
};

/** What a connection is without its layer: see leati_tcp_layer_rest(). Its address stays,
 * because the loop knows it. */
struct leati_tcp_seat {
    struct leati_tcp_attempt attempt;
    struct leati_timer timer; /**< its owner's */
    char name[];              /**< the hop's */
};

struct leati_tcp_layer {
    struct leati_layer base;
    leat_loop *loop;
    void (*ready)(void *user);
    void *user;
    struct leati_tcp_dialling *dialling; /**< NULL = it was connected when it came */
    struct leati_tcp_attempt *open;      /**< the winner */
    bool readable;                       /**< recv may give something; else it waits for an event */
    bool writable;
    bool eof;
    bool prompt_acks;
    bool ack_due;      /**< what was read is to be acknowledged, unless something is sent now */
    bool said_goodbye; /**< FIN is sent */
    bool has_seat;     /**< whose attempt is the only one */
    int send_errno;    /**< sending is over, but what the peer said before is still to be read */

    /** Those that were there at first: behind the layer, or the seat of one that was accepted. The
     * first of them is dialled first, and leads to all others by `next`. */
    struct leati_tcp_attempt *attempts;
};

/** Starts and follows the attempts. LEAT_OK: `tcp->open` is the winner, all others are closed.
 * LEATI_AGAIN: deadline_ms is set. Otherwise the recorded failure; nothing is open any more. */
int leati_tcp_dial(struct leati_tcp_layer *tcp, uint64_t now_ms);

/** Makes a descriptor the only attempt, and its winner unless a server is yet to take it. */
void leati_tcp_adopt(struct leati_tcp_layer *tcp, int fd);

/** Hears of events on the descriptor of an attempt. */
void leati_tcp_attempt_on_event(struct leati_io *io, unsigned events, void *user);

/** NULL without memory. */
struct leati_tcp_seat *leati_tcp_seat_new(const char *name);

/** The layer of a connection that is there: neither linked nor watched. NULL without memory. */
struct leati_tcp_layer *leati_tcp_layer_of_seat(struct leati_tcp_seat *seat, leat_loop *loop);

/** The next to be dialled; NULL = none. */
struct leati_tcp_attempt *leati_tcp_waiting(const struct leati_tcp_layer *tcp);

/** Puts attempts among those that wait: RFC 8305 section 4, the families take turns, and within a
 * family the order stays. */
void leati_tcp_enqueue(struct leati_tcp_layer *tcp, struct leati_tcp_attempt *attempts,
                       const struct leati_address *addresses, size_t count);

/** Closes all descriptors. */
void leati_tcp_close(struct leati_tcp_layer *tcp);

#endif
