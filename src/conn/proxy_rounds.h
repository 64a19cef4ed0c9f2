/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Rounds of authentication to HTTP proxies, as far as the chain has a part in them: asking the
 * program, and beginning again on a new connection where the proxy closes the old one (http/auth.h
 * counts, so this ends).
 */
#ifndef LEATI_CONN_PROXY_ROUNDS_H
#define LEATI_CONN_PROXY_ROUNDS_H

#include "conn/chain.h"

/** While `connecting` waits: whether that is for an answer of the program which was not asked yet.
 * Then it is asked here, and the chain may be released afterwards. `connecting` may be NULL. */
bool leati_chain_ask_program(struct leati_chain *chain, const struct leati_layer *connecting);

/** Whether a layer that has failed to connect wants the same again on a new connection. */
bool leati_layer_wants_redial(const struct leati_layer *layer);
/** Whether one of them does. */
bool leati_chain_is_to_redial(const struct leati_chain *chain);
/** Forgets the failure. The layers are the caller's to destroy and to build anew. */
void leati_chain_redial(struct leati_chain *chain);

#endif
