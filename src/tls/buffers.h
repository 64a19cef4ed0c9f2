/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The buffers that mbedTLS needs for its records: 2 x 18 KiB, two thirds of what a TLS connection
 * takes. They are of use only while a record is read or written, so a connection at rest has none:
 * what it gives back waits for the next one of the same thread that has something to do. No lock is
 * taken for that, and after a fork each process has what its one thread had.
 *
 * The one for reading is longer than a record, and is the window of the connection's bio: one read
 * fetches a record with what is behind it, to where mbedTLS decrypts it.
 *
 * An mbedTLS whose buffers differ in length (MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH, or one content
 * length for each direction) leaves each connection its own, and a short window beside them.
 */
#ifndef LEATI_TLS_BUFFERS_H
#define LEATI_TLS_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/bio.h"
#include "tls/mbedtls_private.h"

/** Of one connection. Zeroed: it has the buffers that mbedTLS gave it. */
struct leati_tls_buffers {
    bool away;
    bool ours;                                       /* not those that mbedTLS gave it */
    uint8_t in_counter[LEATI_MBEDTLS_COUNTER_BYTES]; /* the next record's number */
    size_t out_data; /* where a record's data begin; it depends on the cipher */
    uint8_t *window; /* beside the buffers that mbedTLS gave it */
};

/** Gives `bio` the window of a handshake. Returns 0 or MBEDTLS_ERR_SSL_ALLOC_FAILED. */
int leati_tls_buffers_init(struct leati_tls_buffers *buffers, struct leati_tls_bio *bio);
void leati_tls_buffers_done(struct leati_tls_buffers *buffers);

/** Before any call that reads or writes records. Returns 0 or MBEDTLS_ERR_SSL_ALLOC_FAILED. */
int leati_tls_buffers_attach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl,
                             struct leati_tls_bio *bio);

/** After the handshake, once nothing is to be read or written for now; never after a failure.
 * Leaves the buffers where they are, and says so with false, while anything of a record is in them.
 * What was read is wiped, so that nobody finds another connection's data in a buffer. */
bool leati_tls_buffers_detach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl,
                              struct leati_tls_bio *bio);

/** After a record was written: lets mbedTLS write the next one elsewhere. Returns the buffer that
 * the record is in, or NULL: there is no memory, or these buffers stay. */
uint8_t *leati_tls_buffers_next_out(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl);
/** Such a buffer is of no use any more. */
void leati_tls_buffer_give(uint8_t *buffer);

#endif
