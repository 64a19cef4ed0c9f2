/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What to do when a proxy does not lead to the goal: which of its addresses, or of the addresses of
 * what it was asked for, is tried next, in a new chain of layers.
 *
 * A proxy that does not get to an address of a name that was resolved here is asked for the next
 * one; one that closes, or does not answer, counts as such a proxy, because some have no other way
 * to say it. When there is no other address of the target, or the proxy has not come to the point
 * of being asked, the next address of the proxy itself follows. Whatever a proxy has decided (a
 * password, a rule of HTTP, a protocol that it does not speak) is final.
 */
#ifndef LEATI_CONN_NEXT_ADDRESS_H
#define LEATI_CONN_NEXT_ADDRESS_H

#include "conn/chain.h"

/** The most chains of layers for one connection. */
#define LEATI_CHAIN_MAX_ATTEMPTS 16u

/** Whether a connection that counted as open, by fast open, was refused. */
bool leati_chain_was_refused(const struct leati_chain *chain);

/**
 * After a failure while connecting: whether there is something else to try.
 *
 * @return LEAT_OK: the failure is kept aside, and the layers are to be built anew; LEATI_AGAIN: DNS
 *         may still know an address, which wakes the chain, and then this is to be called again with
 *         nothing changed; LEATI_EOF: no.
 */
int leati_chain_next_address(struct leati_chain *chain, uint64_t now_ms);

/** Drops what is kept of earlier ones. */
void leati_chain_forget_attempts(struct leati_chain *chain);

/** Nothing is left: makes the record say which addresses were tried before. @return its code, or
 * `code` if there is no record. */
int leati_chain_conclude(struct leati_chain *chain, int code);

#endif
