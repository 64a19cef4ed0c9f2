/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A server, or what stands behind one that ends TLS, may not want to act on a request that came as
 * early data, because somebody may have sent it a second time: it answers 425 (RFC 8470 section
 * 5.2). Then the request is sent once more by itself, over a new connection, and neither then nor
 * later as early data.
 */
#ifndef LEATI_CONN_TOO_EARLY_H
#define LEATI_CONN_TOO_EARLY_H

#include "conn/chain.h"

/** Whether the upgrade request of this way may leave as early data. */
bool leati_route_may_be_early(const struct leati_route *route);

/** Whether `layer` is the upgrade and has the answer 425 to a request that was early data; its body
 * need not be there. */
bool leati_chain_came_too_early(const struct leati_chain *chain, const struct leati_layer *layer);

/** Drops that failure, and lets the layers that are built next send no early data. */
void leati_chain_be_later(struct leati_chain *chain);

/** Lets a recorded 425 say whether it is an answer to early data, and what follows. */
void leati_chain_tell_too_early(struct leati_chain *chain);

#endif
