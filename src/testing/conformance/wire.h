/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A connection to what is judged, in either role, plain or in TLS: everything has a deadline, and
 * what comes is read while something is sent, so that neither side waits for the other.
 */
#ifndef LEATI_TESTING_CONFORMANCE_WIRE_H
#define LEATI_TESTING_CONFORMANCE_WIRE_H

#include "testing/conformance/bytes.h"

#include <sys/socket.h>

/** More than this is not kept: the peer floods. */
#define LEATI_WIRE_BYTES_MAX ((size_t)32 << 20)

struct ssl_st;
struct ssl_ctx_st;

/** How the other side has ended its direction. */
enum leati_wire_end {
    LEATI_WIRE_OPEN,
    LEATI_WIRE_FIN,
    LEATI_WIRE_RESET,   /**< RST, or TLS broke off */
    LEATI_WIRE_FLOOD,   /**< LEATI_WIRE_BYTES_MAX were reached */
    LEATI_WIRE_STOPPED, /**< the judge was told to end */
    LEATI_WIRE_LATE,    /**< it was still open at its limit */
};

struct leati_wire {
    int fd;               /**< -1 = none */
    int stop_fd;          /**< readable = end; -1 = none */
    unsigned patience_ms; /**< how long the other side may do nothing where nothing else is said */
    unsigned gap_ms;      /**< between the pieces of what is sent */
    struct ssl_st *ssl;
    struct leati_bytes in; /**< what has come and was not taken yet */
    uint64_t received;     /**< bytes in all */
    uint64_t limit_ms;     /**< when it is over, whatever still moves */
    enum leati_wire_end end;
    bool is_mute; /**< nothing can be sent any more */
};

/** Begins with a socket, which becomes the wire's. */
void leati_wire_init(struct leati_wire *wire, int fd, int stop_fd, unsigned patience_ms);
void leati_wire_close(struct leati_wire *wire);
/** How long a connection of a case may last, whatever still moves: a peer that never stops talking. */
#define LEATI_WIRE_LIMIT_MS(patience_ms) (10 * (patience_ms))
/** It is over so long from now on; there is no limit before. */
void leati_wire_limit(struct leati_wire *wire);
/** Connects. @return 0 or an errno (ETIMEDOUT, ECANCELED); then there is nothing to close. */
int leati_wire_connect(struct leati_wire *wire, const struct sockaddr_storage *address,
                       unsigned patience_ms, int stop_fd);
/** TLS in a role; `name` is whom a client asks for and whose certificate it wants, NULL = nobody. */
bool leati_wire_tls(struct leati_wire *wire, struct ssl_ctx_st *context, bool is_server,
                    const char *name);

/** Sends all of it, in pieces of `chunk` bytes with a pause between them (0 = at once), as long as
 * something moves while it has patience. false: nobody takes it. */
bool leati_wire_send(struct leati_wire *wire, const void *data, size_t len, size_t chunk);
/** The same with bytes, which are done then. */
bool leati_wire_give(struct leati_wire *wire, struct leati_bytes *bytes, size_t chunk);
/** Waits until more has come than `had`, the length of `in` before. false: it has ended, or the time
 * is over (then `end` is LEATI_WIRE_OPEN). */
bool leati_wire_more(struct leati_wire *wire, size_t had, unsigned timeout_ms);
/** Waits until `in` holds `len` bytes. */
bool leati_wire_need(struct leati_wire *wire, size_t len);
/** Waits until a text is in `in`, among the first `max` bytes. @return the bytes up to its end, 0 = it did
 * not come. */
size_t leati_wire_until(struct leati_wire *wire, const char *text, size_t max);
/** Takes a head of HTTP off, up to its empty line. false: none of less than `cap` bytes has come. */
bool leati_wire_take_head(struct leati_wire *wire, char *ret_head, size_t cap);
/** Waits for the end of what comes. @return whether it came. What comes is kept in `in`. */
bool leati_wire_wait_end(struct leati_wire *wire, unsigned timeout_ms);
/** Says that nothing more will be sent. */
void leati_wire_shut(struct leati_wire *wire);
/** Ends with a RST. */
void leati_wire_reset(struct leati_wire *wire);
/** "ended TCP", "reset TCP", "did nothing for 5 s" */
const char *leati_wire_describe(const struct leati_wire *wire);

#endif
