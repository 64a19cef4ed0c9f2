/* SPDX-License-Identifier: Apache-2.0 */
/** @file How many clients a server has, in total and from each address. */
#ifndef LEATI_CONN_SERVER_CLIENTS_H
#define LEATI_CONN_SERVER_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/address.h"

struct leati_address_count;

/** Counters by address, ports not counted; all zero = none. */
struct leati_address_counts {
    struct leati_address_count **buckets;
    size_t bucket_count;
    size_t address_count;
};

void leati_address_counts_done(struct leati_address_counts *counts);
/** How many were added and not removed. */
size_t leati_address_counts_get(const struct leati_address_counts *counts,
                                const struct leati_address *address);
/** false without memory. */
bool leati_address_counts_add(struct leati_address_counts *counts,
                              const struct leati_address *address);
void leati_address_counts_remove(struct leati_address_counts *counts,
                                 const struct leati_address *address);

#endif
