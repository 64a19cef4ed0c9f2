/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the files of leat_udp_socket share.
 *
 * A datagram leaves at once if it can. Otherwise it waits in a lookup, until its name has an
 * address, and in the queue, until the relay is there and the kernel takes it.
 */
#ifndef LEATI_SOCKETS_UDP_PRIVATE_H
#define LEATI_SOCKETS_UDP_PRIVATE_H

#include <leat/udp_socket.h>

#include "core/address.h"
#include "core/failure.h"
#include "core/tracer.h"
#include "loop/loop.h"
#include "sockets/socket_options.h"

#include <sys/uio.h>

/** Datagrams, or errors of them, that one socket may take before the others of the loop have their
 * turn. */
#define LEATI_UDP_READS_PER_TURN 64
/** Datagrams that one call of the kernel takes at most. */
#define LEATI_UDP_SENDS_PER_CALL 64
/** The longest one that waits for others. With longer ones copying costs more than the calls. */
#define LEATI_UDP_DEFER_MAX_BYTES 2048u

enum leati_udp_state {
    LEATI_UDP_CLOSED,
    LEATI_UDP_ASSOCIATING, /**< bound, but the proxy has no relay for us yet */
    LEATI_UDP_OPEN,
    LEATI_UDP_CLOSING, /**< nothing is open any more, `closed` is owed */
};

struct leati_udp_lookup;
struct leati_udp_association;

/** One that could not leave at once. */
struct leati_udp_datagram {
    struct leati_udp_datagram *next;
    struct leati_address to; /**< straight: the destination, once it is known */
    uint64_t deadline_ms;    /**< 0 = none */
    uint32_t timeout_ms;
    uint16_t port;
    size_t header_cap, header_len; /**< of the relay's header; len 0 = straight, or not known yet */
    size_t len;
    uint8_t bytes[]; /**< header_cap for the header, then the data */
};

/** First in, first out. All zero = empty. */
struct leati_udp_datagrams {
    struct leati_udp_datagram *first, *last;
};

/** An address and its text, of the datagram before: most of them have the same. */
struct leati_udp_peer {
    struct leati_address address; /**< AF_UNSPEC = none yet */
    char text[LEATI_ADDRESS_TEXT_SIZE];
};

/** Whether the kernel cuts one long piece into datagrams. */
enum leati_udp_cutting {
    LEATI_UDP_CUTTING_UNKNOWN,
    LEATI_UDP_CUTTING_WORKS,
    LEATI_UDP_CUTTING_FAILS,
};

struct leati_udp_options {
    struct leat_udp_extra_options extra;
    int multicast_ttl;
    bool multicast_loopback;
    unsigned multicast_interface; /**< index, 0 = the kernel's choice */
};

/** The setters whose refusals are kept. */
enum leati_udp_setter {
    LEATI_UDP_SETTER_EXTRA_OPTIONS,
    LEATI_UDP_SETTER_MULTICAST_TTL,
    LEATI_UDP_SETTER_LOOPBACK_MODE,
    LEATI_UDP_SETTER_MULTICAST_INTERFACE,
    LEATI_UDP_SETTER_COUNT,
};

struct leat_udp_socket {
    leat_loop *loop;
    struct leat_udp_socket_callbacks callbacks;
    void *user;
    unsigned depth; /**< of functions that dispatch has called */
    bool freed;     /**< by the user; the memory goes when depth is 0 */

    enum leati_udp_state state;
    struct leati_udp_options options;
    struct leati_setter_refusal refusals[LEATI_UDP_SETTER_COUNT];
    struct leati_failure failure; /**< of the last refused call, or of the association */
    struct leati_task events;     /**< `listening`, `closed` */

    /* From bind to close. */
    int fd;
    int family;
    struct leati_io io;
    const struct leati_settings *settings;
    struct leati_tracer tracer;                /**< of the last bind */
    struct leati_udp_association *association; /**< NULL = straight */
    struct leati_udp_datagrams queue;
    struct leati_udp_lookup *lookups;
    struct leati_timer timer; /**< the earliest deadline of all datagrams */
    size_t buffered_bytes;
    bool send_refused;  /**< `writable` is owed */
    bool flush_due;     /**< the queue has datagrams that nobody has offered to the kernel */
    bool delivers;      /**< the one from `from` is being told */
    bool receives_long; /**< the last datagrams were too long for several to be read at once */
    unsigned deferred;  /**< how many in the queue wait for the end of a callback */
    enum leati_udp_cutting cutting;
    struct leati_udp_peer from, to;
    struct leati_address proven; /**< where the last datagram went; AF_UNSPEC = it was refused */
    struct leat_udp_drops drops;
};

/* ---- udp_socket.c ---------------------------------------------------------------------------- */

/** Around everything that dispatch calls. What was sent in between leaves together in leave, which
 * returns false if the socket has been freed. */
void leati_udp_enter(struct leat_udp_socket *udp);
bool leati_udp_leave(struct leat_udp_socket *udp);

/** The one setter of `state`; traces. */
void leati_udp_set_state(struct leat_udp_socket *udp, enum leati_udp_state state);

/** Records why a call is refused, instead of what was recorded before. Returns `fault->code`. */
int leati_udp_refuse(struct leat_udp_socket *udp, const struct leati_fault *fault,
                     const char *format, ...) LEAT_PRINTF(3, 4);
/** The same for a system call that failed: `what`, and the errno's name. */
int leati_udp_refuse_errno(struct leat_udp_socket *udp, int sys_errno, const char *what);
/** For a literal for which leati_address_read() says ENODEV or EINVAL. */
int leati_udp_refuse_literal(struct leat_udp_socket *udp, const char *literal, int sys_errno);
/** For a system call that failed with an address: `what`, the address and the errno's name. */
int leati_udp_refuse_address(struct leat_udp_socket *udp, const struct leati_address *address,
                             int sys_errno, const char *what);
int leati_udp_no_memory(struct leat_udp_socket *udp);

/** Tells the user; from dispatch only. The socket may be closed or freed when it returns. */
void leati_udp_report(struct leat_udp_socket *udp, const struct leati_fault *fault,
                      const char *format, ...) LEAT_PRINTF(3, 4);

/** Opens and binds, as leat_udp_socket_bind(). */
int leati_udp_open(struct leat_udp_socket *udp, const struct leati_address *local, bool reuse,
                   const leat_config *config);
/** Closes everything, without a word to the user. */
void leati_udp_close(struct leat_udp_socket *udp);
/** Closes everything; `closed` follows. */
void leati_udp_end(struct leat_udp_socket *udp);

/** Whether there is something open that this process may read: not in a child of the one that made
 * the loop. */
bool leati_udp_may_read(const struct leat_udp_socket *udp);
/** Whether there is something open. */
bool leati_udp_is_bound(const struct leat_udp_socket *udp);

/* ---- udp_options.c --------------------------------------------------------------------------- */

void leati_udp_options_init(struct leati_udp_options *options);
/** The first setter whose refusal stands, recorded. @return its code; LEAT_OK. */
int leati_udp_check_setters(struct leat_udp_socket *udp);
/** Sets all of them on a fresh descriptor. @return LEAT_OK, or refused. */
int leati_udp_options_apply(struct leat_udp_socket *udp, bool reuse);

/* ---- udp_queue.c ----------------------------------------------------------------------------- */

void leati_udp_datagrams_append(struct leati_udp_datagrams *list,
                                struct leati_udp_datagram *datagram);
/** NULL if it is empty. */
struct leati_udp_datagram *leati_udp_datagrams_take_first(struct leati_udp_datagrams *list);
/** Takes out the first one whose time is over, NULL if none is. */
struct leati_udp_datagram *leati_udp_datagrams_take_expired(struct leati_udp_datagrams *list,
                                                            uint64_t now_ms);
/** Makes `*at_ms` (0 = never) the earliest of it and all deadlines. */
void leati_udp_datagrams_earliest(const struct leati_udp_datagrams *list, uint64_t *at_ms);
/** Frees all; returns how many. */
size_t leati_udp_datagrams_drop(struct leat_udp_socket *udp, struct leati_udp_datagrams *list);

/** A copy that can wait, with room for a header. NULL if it may not: refused, the queue is full or
 * there is no memory. */
struct leati_udp_datagram *leati_udp_datagram_new(struct leat_udp_socket *udp, size_t header_cap,
                                                  const void *data, size_t len);
/** It waits no more. */
void leati_udp_datagram_forget(struct leat_udp_socket *udp, struct leati_udp_datagram *datagram);

/** Puts off a datagram until the end of the callback that sends it, with a header if it has one. No
 * code can be told of it any more, so that it must be for where another one has just gone, or come
 * from. false: it may not, or there is no memory; then nothing has happened to it. */
bool leati_udp_defer(struct leat_udp_socket *udp, const struct leati_address *to, uint16_t port,
                     const struct iovec iov[2]);
/** Sends what was put off, as far as it goes and without a word to the user: what fails stays for
 * leati_udp_flush(). */
void leati_udp_send_deferred(struct leat_udp_socket *udp);
/** The same at the end of the socket: what fails is gone. */
void leati_udp_send_last(struct leat_udp_socket *udp);
/** One datagram to the kernel; to the relay, if there is one, and not to `to`.
 * @return LEAT_OK, LEATI_AGAIN, or LEAT_E_SOCKET_BASE + errno. */
int leati_udp_transmit(struct leat_udp_socket *udp, const struct leati_address *to,
                       const struct iovec *iov, size_t n);
/** Sends what waits in the queue, as far as it goes. */
void leati_udp_flush(struct leat_udp_socket *udp);
/** Waits for what the socket can do now. */
void leati_udp_queue_watch(struct leat_udp_socket *udp);
/** Drops whatever waits, in the queue and for names. */
void leati_udp_drop_waiting(struct leat_udp_socket *udp);
void leati_udp_report_expired(struct leat_udp_socket *udp, const char *hop, uint32_t timeout_ms,
                              const char *cause);
void leati_udp_timer_fired(struct leati_timer *timer, void *user);

/* ---- udp_batch.c ------------------------------------------------------------------------------ */

/** One call for as many of the queue, which is not empty, as it takes.
 * @return LEAT_OK: some have left, and wait no more; LEATI_AGAIN; or LEAT_E_SOCKET_BASE + errno of
 *         the first one, which waits on. */
int leati_udp_transmit_queue(struct leat_udp_socket *udp);

/* ---- udp_lookup.c ---------------------------------------------------------------------------- */

/** Sends to an address of `host`, as soon as there is one. @return LEAT_OK, or refused. */
int leati_udp_send_to_name(struct leat_udp_socket *udp, const char *host, bool is_absolute,
                           uint16_t port, const void *data, size_t len);
void leati_udp_lookups_drop(struct leat_udp_socket *udp);
void leati_udp_lookups_earliest(const struct leat_udp_socket *udp, uint64_t *at_ms);
/** Reports one datagram whose time is over; false if there is none. */
bool leati_udp_lookups_expire_one(struct leat_udp_socket *udp, uint64_t now_ms);

/* ---- udp_receive.c --------------------------------------------------------------------------- */

/** Delivers what has come. */
void leati_udp_receive(struct leat_udp_socket *udp);
/** Reports what ICMP has said about datagrams that were sent. */
void leati_udp_receive_errors(struct leat_udp_socket *udp);

/* ---- udp_associate.c ------------------------------------------------------------------------- */

/** Starts the control connection to the proxy of the settings; the state becomes OPEN when its
 * relay is known. @return LEAT_OK, or refused. */
int leati_udp_associate(struct leat_udp_socket *udp);
void leati_udp_association_release(struct leati_udp_association *association);

/** Where all datagrams go; the state is OPEN. */
const struct leati_address *leati_udp_association_relay(
    const struct leati_udp_association *association);
/** Whether datagrams to and from the relay are protected (RFC 1961 section 5). The state is OPEN. */
bool leati_udp_association_protects(const struct leati_udp_association *association);
/** Makes one of those that are; it is valid until the next call. @return 0, or an errno: EMSGSIZE,
 * EPROTO (the library cannot), ENOTCONN (the association is over, which is going to be told). */
int leati_udp_association_seal(struct leati_udp_association *association, const struct iovec *iov,
                               size_t n, struct iovec *ret_sealed);
/** Takes the protection away, in its place, if there is one. @return whether it is whole and new. */
bool leati_udp_association_open(struct leati_udp_association *association, uint8_t *datagram,
                                size_t *len);
/** Whether names become addresses here (socks5://) and not at the proxy (socks5h://). */
bool leati_udp_association_resolves_here(const struct leati_udp_association *association);

#endif
