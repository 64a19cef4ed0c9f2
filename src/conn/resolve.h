/* SPDX-License-Identifier: Apache-2.0 */
/** @file The chain's step from a host to addresses: a literal at once, a name through DNS. */
#ifndef LEATI_CONN_RESOLVE_H
#define LEATI_CONN_RESOLVE_H

#include "conn/chain.h"

/**
 * Fills `addresses`; called from the pump until it is done.
 *
 * @return LEAT_OK; LEATI_AGAIN while DNS works, which wakes the chain; or DNS's code, recorded.
 */
int leati_chain_resolve(struct leati_chain *chain, const char *host, uint16_t port,
                        struct leati_chain_addresses *addresses);

#endif
