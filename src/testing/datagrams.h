/* SPDX-License-Identifier: Apache-2.0 */
/** @file What servers of datagrams share: a session for each client, and the conditions of its link. */
#ifndef LEATI_TESTING_DATAGRAMS_H
#define LEATI_TESTING_DATAGRAMS_H

#include "testing/flow.h"
#include "testing/peer.h"

/** A session of a client, which ends so long after its last datagram. */
#define LEATI_DATAGRAMS_IDLE_MS 60000

/** Both directions under the conditions that the server has at the moment. */
struct leati_datagram_link {
    unsigned version;
    struct leati_flow down, up;
};

void leati_datagram_link_init(struct leati_peer *p, struct leati_datagram_link *link);
void leati_datagram_link_done(struct leati_datagram_link *link);
/** Takes over new conditions. */
void leati_datagram_link_refresh(struct leati_peer *p, struct leati_datagram_link *link);
/** How long to wait for what is due next, at most `otherwise_ms`. */
int leati_datagram_link_wait_ms(struct leati_datagram_link *link, int otherwise_ms);

/** What the faults make of a datagram, behind its step. */
void leati_datagram_shape(const struct leati_peer *p, const uint8_t **data, size_t *len);
/** The step `datagram` with one from or to `other`, which then goes on its way. */
bool leati_datagram_carry(struct leati_peer *p, struct leati_datagram_link *link, bool to_client,
                          const char *other, unsigned tag, const uint8_t *data, size_t len);
/** The next datagram that is due, to be followed by leati_flow_sent(); NULL = none is. */
const uint8_t *leati_datagram_due(struct leati_flow *flow, size_t *ret_len, unsigned *ret_tag);
/** Sends what is due to the session's client, and counts it. false if that has ended the session. */
bool leati_datagrams_answer(struct leati_peer *p, struct leati_datagram_link *link);

/** Opens the socket of a server of datagrams, on the port that it has. LEAT_OK or a code. */
int leati_datagrams_open(struct leat_testing_server *server);
/** The thread that gives what comes to the sessions. */
void *leati_datagrams_run(void *server);
/** Starts a connection: over TCP, or, with `dispatch_fd` above -1, of a client that sends datagrams. */
void leati_testing_connection_start(struct leat_testing_server *server, int fd, int dispatch_fd,
                                    const struct sockaddr_storage *client);
void leati_testing_connections_join(struct leat_testing_server *server, bool all);

#endif
