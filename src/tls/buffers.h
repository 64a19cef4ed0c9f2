/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The buffers that mbedTLS needs for its records: 2 x 16.3 KiB, two thirds of what a TLS connection
 * takes. They are of use only while a record is read or written, so a connection at rest has none:
 * what it gives back waits here for the next one that has something to do.
 *
 * An mbedTLS whose buffers differ in length (MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH, or one content
 * length for each direction) leaves each connection its own.
 */
#ifndef LEATI_TLS_BUFFERS_H
#define LEATI_TLS_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/mbedtls_private.h"

/** Of one connection. Zeroed: it has the buffers that mbedTLS gave it. */
struct leati_tls_buffers {
    bool away;
    uint8_t in_counter[LEATI_MBEDTLS_COUNTER_BYTES]; /* the next record's number */
    size_t out_data; /* where a record's data begin; it depends on the cipher */
};

/** Before any call that reads or writes records. Returns 0 or MBEDTLS_ERR_SSL_ALLOC_FAILED. */
int leati_tls_buffers_attach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl);

/** After the handshake, once nothing is to be read or written for now; never after a failure.
 * Leaves the buffers where they are, and says so with false, while anything of a record is in them.
 * `used`: how many bytes at most a record had that was read since they were attached; they are
 * wiped, so that nobody finds another connection's data in a buffer. */
bool leati_tls_buffers_detach(struct leati_tls_buffers *buffers, mbedtls_ssl_context *ssl,
                              size_t used);

#endif
