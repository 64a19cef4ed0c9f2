/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Calls into mbedTLS, and data through it. What a peer sends between its data is dealt with here:
 * tickets, empty
 * records, changes of keys.
 */
#ifndef LEATI_TLS_DATA_H
#define LEATI_TLS_DATA_H

#include "tls/tls_layer.h"

/** Empty records of data are allowed (RFC 8446 section 5.1), but who sends nothing else only keeps
 * us busy. */
#define LEATI_TLS_EMPTY_RECORDS_LIMIT 32u

/** Before each call into mbedTLS: what is remembered is of this call. Returns 0, or why there is
 * none. */
int leati_tls_call_enter(struct leati_tls_layer *tls);
/** After each call into mbedTLS. It goes on after some allocations that failed, with a wrong record
 * or a wrong verdict; then nothing that it says counts. */
int leati_tls_call_leave(int ret);
/** mbedTLS says WANT_READ also when it has only digested something that is not data. */
bool leati_tls_nothing_to_read(const struct leati_tls_layer *tls, int ret);

/** Data (> 0), or the code of mbedTLS that ends the reading for now; tickets are kept on the way.
 */
int leati_tls_data_read(struct leati_tls_layer *tls, uint8_t *buf, size_t cap);
/** Bytes taken (> 0) or the code of mbedTLS; `*ret_sent` of them have left, in records that leave
 * together. Handshake messages that were read but not yet digested are digested here; as the queue
 * of `bio` never refuses, no byte of `iov` is in mbedTLS meanwhile. */
int leati_tls_data_write(struct leati_tls_layer *tls, const struct iovec *iov, int n,
                         size_t *ret_sent);

/** Once nothing is to be done for now in a connection that is open: gives away what is of use only
 * while a record is read or written. */
void leati_tls_data_rest(struct leati_tls_layer *tls);

#endif
