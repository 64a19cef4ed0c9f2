/* SPDX-License-Identifier: Apache-2.0 */
/** @file Numbers on their way between mbedTLS and libcrypto. */
#ifndef LEATI_TLS_CRYPTO_NUMBERS_H
#define LEATI_TLS_CRYPTO_NUMBERS_H

#include <stdbool.h>

#include <mbedtls/bignum.h>
#include <openssl/bn.h>

/** The copy of a number of at most `len` bytes (and LEATI_CRYPTO_NUMBER_MAX_BYTES) that belongs to
 * `context`; it is wiped with it. NULL: no memory. */
BIGNUM *leati_crypto_number_copy(BN_CTX *context, const mbedtls_mpi *number, size_t len);

/** X = the number, which must not be negative. 0 or an mbedTLS code. */
int leati_crypto_number_store(mbedtls_mpi *X, const BIGNUM *number, size_t len);

/** The longest number of mbedTLS. */
#define LEATI_CRYPTO_NUMBER_MAX_BYTES MBEDTLS_MPI_MAX_SIZE

#endif
