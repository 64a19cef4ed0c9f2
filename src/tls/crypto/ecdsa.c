/* SPDX-License-Identifier: Apache-2.0 */
/* MBEDTLS_ECDSA_VERIFY_ALT, MBEDTLS_ECDSA_SIGN_ALT: ECDSA of SEC 1 section 4.1 over mbedTLS'
 * numbers, for every curve of mbedTLS. What takes long is in curves.h. */
#include "tls/crypto/curves.h"

#include <mbedtls/ecdsa.h>

/* What a random generator that works does not exceed. */
#define MAX_TRIES 10

static bool is_scalar(const mbedtls_mpi *number, const mbedtls_mpi *order)
{
    return mbedtls_mpi_cmp_int(number, 1) >= 0 && mbedtls_mpi_cmp_mpi(number, order) < 0;
}

static bool curve_signs(const mbedtls_ecp_group *grp)
{
    return mbedtls_ecdsa_can_do(grp->id) && mbedtls_mpi_cmp_int(&grp->N, 0) != 0;
}

/* The leftmost bits of the hash, as many as the order has. */
static int hash_to_number(const mbedtls_ecp_group *grp, const unsigned char *hash, size_t hash_len,
                          mbedtls_mpi *ret_e)
{
    size_t bits = grp->nbits;
    size_t len = (bits + 7) / 8;

    if (hash_len < len)
        len = hash_len;
    int ret = mbedtls_mpi_read_binary(ret_e, hash, len);
    if (ret == 0 && len * 8 > bits)
        ret = mbedtls_mpi_shift_r(ret_e, len * 8 - bits);
    return ret;
}

/* product = a * b mod the order. */
static int multiply(const mbedtls_ecp_group *grp, mbedtls_mpi *product, const mbedtls_mpi *a,
                    const mbedtls_mpi *b)
{
    int ret = mbedtls_mpi_mul_mpi(product, a, b);

    return ret != 0 ? ret : mbedtls_mpi_mod_mpi(product, product, &grp->N);
}

/* u1 = e / s, u2 = r / s. */
static int factors_compute(const mbedtls_ecp_group *grp, const unsigned char *hash, size_t hash_len,
                           const mbedtls_mpi *r, const mbedtls_mpi *s, mbedtls_mpi *ret_u1,
                           mbedtls_mpi *ret_u2)
{
    mbedtls_mpi inverse;

    mbedtls_mpi_init(&inverse);
    int ret = hash_to_number(grp, hash, hash_len, ret_u1);
    if (ret == 0)
        ret = leati_crypto_inverse(&inverse, s, &grp->N);
    if (ret == 0)
        ret = multiply(grp, ret_u1, ret_u1, &inverse);
    if (ret == 0)
        ret = multiply(grp, ret_u2, r, &inverse);
    mbedtls_mpi_free(&inverse);
    return ret;
}

/* Section 4.1.4. */
int mbedtls_ecdsa_verify(mbedtls_ecp_group *grp, const unsigned char *hash, size_t hash_len,
                         const mbedtls_ecp_point *Q, const mbedtls_mpi *r, const mbedtls_mpi *s)
{
    const mbedtls_mpi *order = &grp->N;
    mbedtls_ecp_point R;
    mbedtls_mpi *x = &R.X;
    mbedtls_mpi u1;
    mbedtls_mpi u2;

    if (!curve_signs(grp))
        return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
    if (!is_scalar(r, order) || !is_scalar(s, order))
        return MBEDTLS_ERR_ECP_VERIFY_FAILED;

    mbedtls_ecp_point_init(&R);
    mbedtls_mpi_init(&u1);
    mbedtls_mpi_init(&u2);
    int ret = factors_compute(grp, hash, hash_len, r, s, &u1, &u2);
    if (ret == 0)
        ret = leati_crypto_ecp_muladd(grp, &R, &u1, &u2, Q);
    if (ret == 0 && mbedtls_ecp_is_zero(&R))
        ret = MBEDTLS_ERR_ECP_VERIFY_FAILED;
    if (ret == 0)
        ret = mbedtls_mpi_mod_mpi(x, x, order);
    if (ret == 0 && mbedtls_mpi_cmp_mpi(x, r) != 0)
        ret = MBEDTLS_ERR_ECP_VERIFY_FAILED;
    mbedtls_mpi_free(&u2);
    mbedtls_mpi_free(&u1);
    mbedtls_ecp_point_free(&R);
    return ret;
}

/* k from the generator, r = the x of k * G modulo the order; 0 is told by r. */
static int nonce_generate(mbedtls_ecp_group *grp, mbedtls_mpi *ret_k, mbedtls_mpi *ret_r,
                          int (*f_rng)(void *, unsigned char *, size_t), void *p_rng)
{
    mbedtls_ecp_point R;

    mbedtls_ecp_point_init(&R);
    int ret = mbedtls_ecp_gen_privkey(grp, ret_k, f_rng, p_rng);
    if (ret == 0)
        ret = leati_crypto_ecp_mul(grp, &R, ret_k, &grp->G, f_rng, p_rng);
    if (ret == 0)
        ret = mbedtls_mpi_mod_mpi(ret_r, &R.X, &grp->N);
    mbedtls_ecp_point_free(&R);
    return ret;
}

/* s = (e + r * d) / k; 0 is told by s. */
static int signature_complete(const mbedtls_ecp_group *grp, const mbedtls_mpi *e,
                              const mbedtls_mpi *d, const mbedtls_mpi *k, const mbedtls_mpi *r,
                              mbedtls_mpi *ret_s)
{
    mbedtls_mpi inverse;

    mbedtls_mpi_init(&inverse);
    int ret = mbedtls_mpi_mul_mpi(ret_s, r, d);
    if (ret == 0)
        ret = mbedtls_mpi_add_mpi(ret_s, ret_s, e);
    if (ret == 0)
        ret = leati_crypto_inverse(&inverse, k, &grp->N);
    if (ret == 0)
        ret = multiply(grp, ret_s, ret_s, &inverse);
    mbedtls_mpi_free(&inverse);
    return ret;
}

/* Section 4.1.3. The generator is that of RFC 6979 when mbedTLS signs for TLS: its first number is
 * k, and only another curve than those of curves.c takes more from it. */
int mbedtls_ecdsa_sign(mbedtls_ecp_group *grp, mbedtls_mpi *r, mbedtls_mpi *s, const mbedtls_mpi *d,
                       const unsigned char *hash, size_t hash_len,
                       int (*f_rng)(void *, unsigned char *, size_t), void *p_rng)
{
    mbedtls_mpi e;
    mbedtls_mpi k;

    if (!curve_signs(grp))
        return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
    if (!is_scalar(d, &grp->N))
        return MBEDTLS_ERR_ECP_INVALID_KEY;

    mbedtls_mpi_init(&e);
    mbedtls_mpi_init(&k);
    int ret = hash_to_number(grp, hash, hash_len, &e);
    for (int tries = 0; ret == 0; tries++) {
        if (tries == MAX_TRIES) {
            ret = MBEDTLS_ERR_ECP_RANDOM_FAILED;
            break;
        }
        ret = nonce_generate(grp, &k, r, f_rng, p_rng);
        if (ret != 0 || mbedtls_mpi_cmp_int(r, 0) == 0)
            continue;
        ret = signature_complete(grp, &e, d, &k, r, s);
        if (ret != 0 || mbedtls_mpi_cmp_int(s, 0) != 0)
            break;
    }
    mbedtls_mpi_free(&k);
    mbedtls_mpi_free(&e);
    return ret;
}
