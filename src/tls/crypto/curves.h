/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Arithmetic on elliptic curves and modulo primes by libcrypto, with mbedTLS' own numbers and
 * points and with its contracts. What libcrypto does not do faster is left to mbedTLS.
 *
 * All that can fail in libcrypto behind the checks of the arguments is an allocation: it is noted
 * in tls/crypto/memory.h and is the code of the module for that.
 */
#ifndef LEATI_TLS_CRYPTO_CURVES_H
#define LEATI_TLS_CRYPTO_CURVES_H

#include <stdbool.h>

#include <mbedtls/ecp.h>

/** R = m * P, exactly as mbedtls_ecp_mul() (`m` may be secret). Stands for it where mbedTLS' own
 * files are compiled with its name replaced. */
int leati_crypto_ecp_mul(mbedtls_ecp_group *group, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                         const mbedtls_ecp_point *P,
                         int (*f_rng)(void *user, unsigned char *out, size_t len), void *p_rng);

/** R = m * G + n * Q for what a signature is verified with: 0 <= m, n < N, nothing is secret.
 * MBEDTLS_ERR_ECP_INVALID_KEY: Q is not a point of the curve. R may be the point at infinity. */
int leati_crypto_ecp_muladd(mbedtls_ecp_group *group, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                            const mbedtls_mpi *n, const mbedtls_ecp_point *Q);

/** X = A^-1 mod N for 0 < A < N and a prime N, in a time that does not depend on A. */
int leati_crypto_inverse(mbedtls_mpi *X, const mbedtls_mpi *A, const mbedtls_mpi *N);

/** R = m * P on Curve25519, for a clamped `m` (secret) and a P that mbedTLS has checked, shorter
 * than 256 bits. `is_base`: P is the base point. */
int leati_crypto_x25519(mbedtls_ecp_point *R, const mbedtls_mpi *m, const mbedtls_ecp_point *P,
                        bool is_base);

#endif
