/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Powers by libcrypto, with the names and contracts of mbedTLS: its rsa.c is compiled with these
 * names in the place of its own.
 */
#ifndef LEATI_TLS_CRYPTO_MODULAR_H
#define LEATI_TLS_CRYPTO_MODULAR_H

#include <mbedtls/bignum.h>

/** X = A^E mod N. As mbedtls_mpi_exp_mod(): in a time that does not depend on the bits of E. */
int leati_crypto_exp_mod(mbedtls_mpi *X, const mbedtls_mpi *A, const mbedtls_mpi *E,
                         const mbedtls_mpi *N, mbedtls_mpi *prec_RR);

/** The same for an E that everybody may know. */
int leati_crypto_exp_mod_public(mbedtls_mpi *X, const mbedtls_mpi *A, const mbedtls_mpi *E,
                                const mbedtls_mpi *N, mbedtls_mpi *prec_RR);

#endif
