/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The chain's step from hosts to addresses: a literal at once, a name through DNS. The first family
 * that answers is enough to go on; what the other one brings later (RFC 8305 section 3) is added to
 * the addresses of the hop, and to those that TCP dials.
 */
#ifndef LEATI_CONN_RESOLVE_H
#define LEATI_CONN_RESOLVE_H

#include "conn/chain.h"

/**
 * Resolves every hop of the route that is to be resolved here, one after the other; called from the
 * pump until each has an address.
 *
 * @return LEAT_OK; LEATI_AGAIN while DNS works, which wakes the chain; or DNS's code, recorded,
 * with the hop in `chain->lookup`.
 */
int leati_chain_resolve(struct leati_chain *chain);

/** Nothing that is still asked for is of use any more. */
void leati_chain_stop_lookups(struct leati_chain *chain);

#endif
