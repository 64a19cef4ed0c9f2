/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The link between a client and a connection of a server: a thread that has the client's socket and
 * one end of a pair of sockets, whose other end is the connection's wire.
 */
#ifndef LEATI_TESTING_LINK_H
#define LEATI_TESTING_LINK_H

#include "testing/peer.h"

/** Conditions as all links of a server have them; counted under the server's lock. */
struct leati_condition_set {
    unsigned refs;
    size_t count;
    struct leat_testing_condition conditions[LEAT_TESTING_CONDITIONS_MAX];
};

/** Puts a link in front of a connection that has not started yet: `p->fd` becomes its inner end.
 * false without memory, descriptors or a thread: nothing has changed. */
bool leati_link_start(struct leati_peer *p);
/** The connection is going to end with a RST. */
void leati_link_reset(struct leati_link *link);
/** The connection has closed its end: waits until everything has gone to the client, and frees. */
void leati_link_finish(struct leati_peer *p);
/** The conditions of its server have changed. Under the server's lock. */
void leati_link_wake(struct leati_link *link);
/** Waits until the link has taken what was sent, so that the next sending is another piece. */
bool leati_link_settle(struct leati_peer *p);

#endif
