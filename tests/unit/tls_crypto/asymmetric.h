/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What mbedTLS computes with key pairs, as one table. asymmetric.c is compiled twice, against the
 * mbedTLS that leat uses and against mbedTLS with nothing replaced, and both are in the program.
 */
#ifndef TESTS_UNIT_TLS_CRYPTO_ASYMMETRIC_H
#define TESTS_UNIT_TLS_CRYPTO_ASYMMETRIC_H

#include <stddef.h>
#include <stdint.h>

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>

#define SCALAR_MAX_BYTES    66u
#define POINT_MAX_BYTES     (2 * SCALAR_MAX_BYTES + 1)
#define SIGNATURE_MAX_BYTES 160u

struct bytes {
    const uint8_t *at;
    size_t len;
};

/** Each returns 0 or mbedTLS' code. */
struct asymmetric {
    /** PSA, for what goes through it. */
    int (*start)(void);
    /** The signature is DER. */
    int (*ecdsa_verify)(mbedtls_ecp_group_id curve, struct bytes point, struct bytes hash,
                        struct bytes signature);
    /** As TLS signs: RFC 6979. */
    int (*ecdsa_sign)(mbedtls_ecp_group_id curve, struct bytes secret, struct bytes hash,
                      mbedtls_md_type_t md, uint8_t ret_signature[SIGNATURE_MAX_BYTES],
                      size_t *ret_len);
    /** mbedtls_ecdh_compute_shared(), as big-endian number of SCALAR_MAX_BYTES. */
    int (*ecdh_shared)(mbedtls_ecp_group_id curve, struct bytes secret, struct bytes point,
                       uint8_t ret_shared[SCALAR_MAX_BYTES]);
    /** As TLS 1.3 agrees, with PSA: the public half and the shared secret. */
    int (*psa_agree)(mbedtls_ecp_group_id curve, struct bytes secret, struct bytes point,
                     uint8_t ret_public[POINT_MAX_BYTES], uint8_t ret_shared[SCALAR_MAX_BYTES]);
    /** `hash` of `md`; with `pss` RSASSA-PSS, else PKCS #1 v1.5. Numbers are big-endian. */
    int (*rsa_verify)(struct bytes modulus, struct bytes exponent, int pss, mbedtls_md_type_t md,
                      struct bytes hash, struct bytes signature);
    /** The bare operation with a key from its primes: its length is that of `input`. */
    int (*rsa_private)(struct bytes p, struct bytes q, struct bytes exponent, struct bytes input,
                       uint8_t *ret_output);
    int (*rsa_public)(struct bytes modulus, struct bytes exponent, struct bytes input,
                      uint8_t *ret_output);
};

extern const struct asymmetric asymmetric_in_use;
/** mbedTLS' own; only where libcrypto is in use. */
extern const struct asymmetric asymmetric_original;

#endif
