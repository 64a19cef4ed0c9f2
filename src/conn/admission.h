/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How many connections a server has, and whom it lets in. Handshakes that are not done are counted
 * apart from connections that are open, so that those who only connect never keep out those who
 * have something to say: where there are too many of them, the oldest one goes.
 *
 * A client is an IPv4 address, or the /64 network of an IPv6 address, because who has one address of
 * it has all of it (RFC 6177 section 2). An IPv4-mapped address is the IPv4 address.
 */
#ifndef LEATI_CONN_ADMISSION_H
#define LEATI_CONN_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>

#include "config/settings.h"
#include "core/address.h"

/** Handshakes that are not done: as many as there may be open connections, and never fewer than
 * these, so that clients that come at the same time do not push one another out. */
#define LEATI_ADMISSION_MIN_HANDSHAKES        256u
#define LEATI_ADMISSION_MIN_HANDSHAKES_OF_ONE 64u
/** Handshakes that are given up at once when the kernel has no descriptor for a new connection. */
#define LEATI_ADMISSION_SHORTAGE_VICTIMS 32u

struct leati_admission_client;

enum leati_admission_state {
    LEATI_GUEST_AWAY, /**< not counted */
    LEATI_GUEST_HANDSHAKE,
    LEATI_GUEST_OPEN,
};

struct leati_guest;

/** A handshake that is not done. */
struct leati_handshake {
    struct leati_guest *guest;
    struct leati_handshake *older, *newer;         /**< among all handshakes */
    struct leati_handshake *own_older, *own_newer; /**< among those of the client */
};

/** One connection; embedded in its owner, all zero at first. */
struct leati_guest {
    struct leati_admission_client *client;
    struct leati_handshake *handshake; /**< NULL = it is done */
    enum leati_admission_state state : 8;
    bool reported; /**< the owner's: the program has been told of it, and not of its end */
};

/** All zero = nobody is there. */
struct leati_admission {
    struct leati_admission_client **buckets;
    size_t bucket_count;
    size_t client_count;
    size_t open;
    size_t handshakes;
    struct leati_handshake *oldest, *newest;
};

enum leati_admission_verdict {
    LEATI_ADMISSION_OK,
    LEATI_ADMISSION_FULL,            /**< as many are open as may be in total */
    LEATI_ADMISSION_FULL_FOR_CLIENT, /**< as many as may be of this client */
};

/** Frees. Guests that are still counted must not be used any more. */
void leati_admission_done(struct leati_admission *admission);

/** A connection has come and is in its handshake. One of AF_UNIX counts in total only. false without
 * memory. */
bool leati_admission_enter(struct leati_admission *admission, struct leati_guest *guest,
                           const struct leati_address *address);
/** Which handshake has to go because `guest` has come: the oldest one of its client, or of all;
 * NULL = there is room. */
struct leati_guest *leati_admission_excess(const struct leati_admission *admission,
                                           const struct leati_admission_limits *limits,
                                           const struct leati_guest *guest);
/** Whether one more connection from this address may be open. */
enum leati_admission_verdict leati_admission_judge(const struct leati_admission *admission,
                                                   const struct leati_admission_limits *limits,
                                                   const struct leati_address *address);
/** The same for the client of this guest, which is in its handshake. */
enum leati_admission_verdict leati_admission_judge_guest(
    const struct leati_admission *admission, const struct leati_admission_limits *limits,
    const struct leati_guest *guest);
/** Its handshake is done. */
void leati_admission_open(struct leati_admission *admission, struct leati_guest *guest);
/** It has gone, or does not count any more. For a guest that is AWAY nothing happens. */
void leati_admission_leave(struct leati_admission *admission, struct leati_guest *guest);

/** What a verdict says to the program: one line, "" for LEATI_ADMISSION_OK. */
const char *leati_admission_verdict_text(enum leati_admission_verdict verdict);
/** What is said of a handshake that had to go. */
extern const char leati_admission_excess_text[];
/** Whether accept(2) has failed for want of something that a connection holds. */
bool leati_admission_is_shortage(int sys_errno);

#endif
