/* SPDX-License-Identifier: Apache-2.0 */
/** @file Both sides' heads of an upgrade, for the judges of servers and of clients. */
#ifndef LEATI_TESTING_CONFORMANCE_WS_UPGRADE_H
#define LEATI_TESTING_CONFORMANCE_WS_UPGRADE_H

#include "testing/conformance/judge.h"

#define LEATI_WS_KEY "dGhlIHNhbXBsZSBub25jZQ=="

/** Finds a field of a head. @return how often it is there; the value of the first time, or, if it is a list,
 * all of them with ", " between. */
unsigned leati_head_field(const char *head, const char *name, char *ret_value, size_t cap);
/** Whether a value is a list with this word. */
bool leati_head_lists(const char *value, const char *word);
/** The status of a response, 0 = it is none. */
unsigned leati_head_status(const char *head);

/** Connects, sends a request and reads the head of the answer; what is behind it stays in the wire. false:
 * see the finding. */
bool leati_ws_request(struct leat_testing_conformance *judge, const struct leati_bytes *request,
                      size_t chunk, struct leati_wire *ret_wire, char *ret_head, size_t cap,
                      struct leati_finding *ret_finding);
/** The usual request, with further lines. */
void leati_ws_request_write(const struct leat_testing_conformance *judge, const char *lines,
                            struct leati_bytes *ret_request);
/** Whether a head is a 101 as section 4.1 wants it; otherwise the finding says why not. */
bool leati_ws_head_is_right(const char *head, const char *key, struct leati_finding *ret_finding);

/** Whether an agreement to permessage-deflate keeps an offer (RFC 7692 section 7.1). */
bool leati_ws_agreement_check(const char *offer, const char *agreement, char *ret_problem,
                              size_t cap);

void leati_ws_server_heads(struct leat_testing_conformance *judge);

#endif
