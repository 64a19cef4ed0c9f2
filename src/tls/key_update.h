/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Changes of keys in an open connection of TLS 1.3 (RFC 8446 section 4.6.3): the peer's, which it
 * may want us to answer, and ours, before a key has encrypted more than it should (section 5.5) or
 * when the program asks for it.
 */
#ifndef LEATI_TLS_KEY_UPDATE_H
#define LEATI_TLS_KEY_UPDATE_H

#include "tls/tls_layer.h"

/** How many of the peer's are taken without any data in between. */
#define LEATI_TLS_KEY_UPDATES_LIMIT 32u

/** How many of our own follow each other without any data in between; more would change nothing but
 * be a burden to the peer, which has a limit of this kind itself. */
#define LEATI_TLS_OWN_KEY_UPDATES_LIMIT 16u

/** How many records one key encrypts: below 2^24.5 with AES-GCM (RFC 8446 section 5.5), below 2^23
 * with AES-CCM (RFC 9147 section 4.5.3). ChaCha20-Poly1305 needs no limit. */
#define LEATI_TLS_KEY_RECORDS_GCM (UINT64_C(1) << 24)
#define LEATI_TLS_KEY_RECORDS_CCM (UINT64_C(1) << 22)

/** Deals with what mbedTLS has just refused by `ret`. Returns 0 if it was a KeyUpdate, and reading
 * goes on; else the code of mbedTLS that ends the connection. */
int leati_tls_key_update_take(struct leati_tls_layer *tls, int ret);

/** Changes our key if it has encrypted as much as it may. Before each record of data. Returns 0 or
 * the code of mbedTLS. */
int leati_tls_key_update_if_due(struct leati_tls_layer *tls);

/** Changes our key, and asks the peer to change its own if `request`. Returns 0 or the code of
 * mbedTLS. */
int leati_tls_key_update_send(struct leati_tls_layer *tls, bool request);

#endif
