/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the files of the judge of WebSocket clients share. */
#ifndef LEATI_TESTING_CONFORMANCE_WS_CLIENT_H
#define LEATI_TESTING_CONFORMANCE_WS_CLIENT_H

#include "testing/conformance/ws_play.h"
#include "testing/conformance/ws_upgrade.h"

/** Where redirects lead: a connection that is no case. */
#define LEATI_WS_REDIRECTED "/redirected"

/** Answers the upgrade, with further lines. */
bool leati_ws_client_accept(struct leati_judge_guest *guest, const char *lines);
/** Sends a text, or NULL, and ends in good order. */
void leati_ws_client_dismiss(struct leati_judge_guest *guest, const char *text);

/** Adds the trials about answers of a server, and about what a client sends. */
void leati_ws_client_heads(struct leat_testing_conformance *judge);
void leati_ws_client_requests(struct leat_testing_conformance *judge);

#endif
