/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The order in which to try addresses: RFC 6724 section 6, with its default policy table. c-ares
 * sorts what one query found; here both families are put together.
 */
#ifndef LEATI_DNS_SORT_H
#define LEATI_DNS_SORT_H

#include "core/address.h"

/** The address that this machine would send from; false = `destination` is out of reach. */
typedef bool (*leati_dns_source_fn)(const struct leati_address *destination,
                                    struct leati_address *ret_source, void *user);

/** Puts the best destination first; equal ones stay as they stood. At most 64. */
void leati_dns_sort_by(struct leati_address *addresses, size_t count, leati_dns_source_fn source,
                       void *user);

/** The same with the sources that the kernel names. */
void leati_dns_sort(struct leati_address *addresses, size_t count);

/** Whether this machine has a way there, as far as it knows. */
bool leati_dns_reachable(const struct leati_address *destination);

#endif
