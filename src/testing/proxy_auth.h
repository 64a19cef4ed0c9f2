/* SPDX-License-Identifier: Apache-2.0 */
/** @file What an HTTP proxy asks of its clients, and how it answers them. */
#ifndef LEATI_TESTING_PROXY_AUTH_H
#define LEATI_TESTING_PROXY_AUTH_H

#include "testing/peer.h"

/** Whether the last head shows who the options want. Notes the user. */
bool leati_proxy_auth_check(struct leati_peer *p);
/** The line of a 407, with its CRLF. */
void leati_proxy_auth_challenge(struct leati_peer *p, char *buf, size_t cap);

/** The step `reply` with a status. false = the connection is over; after a 200 and a 407 it is not. */
bool leati_proxy_reply(struct leati_peer *p, unsigned status);
/** The answer of that step, which has been reached. */
bool leati_proxy_refuse(struct leati_peer *p, unsigned status);
/** Connects, for the step `connect`. -1: the answer has been sent. */
int leati_proxy_dial(struct leati_peer *p, const char *host, uint16_t port);
/** "host:port"; 0 stands for a port that is missing. */
bool leati_proxy_authority_parse(const char *text, size_t len, char ret_host[256],
                                 uint16_t *ret_port);
/** A request in absolute form: forwarded, and what comes back. */
bool leati_proxy_forward(struct leati_peer *p);

#endif
