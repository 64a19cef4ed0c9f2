/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/crypto/curves.h"

#include "tls/crypto/libcrypto.h"
#include "tls/crypto/memory.h"
#include "tls/crypto/numbers.h"

#include <stdatomic.h>

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

struct curve {
    mbedtls_ecp_group_id id;
    int nid;
    /* mbedTLS has a table for the base point. Where libcrypto has none it is the slower one. */
    bool base_by_libcrypto;
    _Atomic(EC_GROUP *) group;
};

static struct curve curves[] = {
    {.id = MBEDTLS_ECP_DP_SECP256R1, .nid = NID_X9_62_prime256v1, .base_by_libcrypto = true},
    {.id = MBEDTLS_ECP_DP_SECP384R1, .nid = NID_secp384r1, .base_by_libcrypto = false},
};

static struct curve *curve_find(mbedtls_ecp_group_id id)
{
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (curves[i].id == id)
            return &curves[i];
    return NULL;
}

/* Made once, when it is needed first; if two threads make it at the same time one copy is freed. */
static const EC_GROUP *curve_group(struct curve *curve)
{
    EC_GROUP *group = atomic_load_explicit(&curve->group, memory_order_acquire);
    OSSL_LIB_CTX *context = group ? NULL : leati_crypto_context();

    if (group || !context)
        return group;
    EC_GROUP *made = EC_GROUP_new_by_curve_name_ex(context, NULL, curve->nid);
    if (!made || atomic_compare_exchange_strong(&curve->group, &group, made))
        return made;
    EC_GROUP_free(made);
    return group;
}

static bool point_load(const EC_GROUP *group, EC_POINT *point, const mbedtls_ecp_point *P,
                       size_t len, BN_CTX *context)
{
    BIGNUM *x = leati_crypto_number_copy(context, &P->X, len);
    BIGNUM *y = leati_crypto_number_copy(context, &P->Y, len);

    return x && y && EC_POINT_set_affine_coordinates(group, point, x, y, context);
}

static int point_store(const EC_GROUP *group, mbedtls_ecp_point *R, const EC_POINT *point,
                       size_t len, BN_CTX *context)
{
    BIGNUM *x = BN_CTX_get(context);
    BIGNUM *y = BN_CTX_get(context);

    if (EC_POINT_is_at_infinity(group, point))
        return mbedtls_ecp_set_zero(R);
    if (!y || !EC_POINT_get_affine_coordinates(group, point, x, y, context))
        return MBEDTLS_ERR_ECP_ALLOC_FAILED;
    int ret = leati_crypto_number_store(&R->X, x, len);
    if (ret == 0)
        ret = leati_crypto_number_store(&R->Y, y, len);
    if (ret == 0)
        ret = mbedtls_mpi_lset(&R->Z, 1);
    return ret;
}

/* R = m * G + n * P; without `m` or without `n` and `P` it is one product, whose factor may be
 * secret. */
static int curve_compute(struct curve *curve, const mbedtls_ecp_group *grp, mbedtls_ecp_point *R,
                         const mbedtls_mpi *m, const mbedtls_mpi *n, const mbedtls_ecp_point *P)
{
    const EC_GROUP *group = curve_group(curve);
    BN_CTX *context = group ? BN_CTX_new_ex(leati_crypto_context()) : NULL;
    EC_POINT *point = context ? EC_POINT_new(group) : NULL;
    EC_POINT *result = point ? EC_POINT_new(group) : NULL;
    size_t len = mbedtls_mpi_size(&grp->P);
    BIGNUM *base_factor = NULL;
    BIGNUM *factor = NULL;
    int ret = MBEDTLS_ERR_ECP_ALLOC_FAILED;

    if (!result)
        goto out;
    BN_CTX_start(context);
    if (m && !(base_factor = leati_crypto_number_copy(context, m, len)))
        goto out;
    if (n && (!(factor = leati_crypto_number_copy(context, n, len)) ||
              !point_load(group, point, P, len, context)))
        goto out;
    if (EC_POINT_mul(group, result, base_factor, n ? point : NULL, factor, context))
        ret = point_store(group, R, result, len, context);
out:
    EC_POINT_clear_free(result);
    EC_POINT_free(point);
    BN_CTX_free(context);
    return ret;
}

static int curve_compute_noted(struct curve *curve, const mbedtls_ecp_group *grp,
                               mbedtls_ecp_point *R, const mbedtls_mpi *m, const mbedtls_mpi *n,
                               const mbedtls_ecp_point *P)
{
    leati_crypto_begin();
    int ret = curve_compute(curve, grp, R, m, n, P);
    leati_crypto_end();
    if (ret != 0)
        leati_tls_memory_note();
    return ret;
}

static bool point_is_base(const mbedtls_ecp_group *grp, const mbedtls_ecp_point *P)
{
    return P == &grp->G || mbedtls_ecp_point_cmp(P, &grp->G) == 0;
}

int leati_crypto_ecp_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                         const mbedtls_ecp_point *P, int (*f_rng)(void *, unsigned char *, size_t),
                         void *p_rng)
{
    struct curve *curve = curve_find(grp->id);
    bool is_base = point_is_base(grp, P);
    /* libcrypto ignores a bit 255 of an X25519 point, as RFC 7748 section 5 has it on the wire;
     * mbedTLS did so when it read the point and has it count here. */
    bool is_x25519 = grp->id == MBEDTLS_ECP_DP_CURVE25519 && mbedtls_mpi_bitlen(&P->X) < 256;

    if (!f_rng || (!curve && !is_x25519) || (curve && is_base && !curve->base_by_libcrypto))
        return mbedtls_ecp_mul(grp, R, m, P, f_rng, p_rng);

    int ret = mbedtls_ecp_check_privkey(grp, m);
    if (ret == 0)
        ret = mbedtls_ecp_check_pubkey(grp, P);
    if (ret != 0)
        return ret;
    if (is_x25519)
        return leati_crypto_x25519(R, m, P, is_base);
    return is_base ? curve_compute_noted(curve, grp, R, m, NULL, NULL)
                   : curve_compute_noted(curve, grp, R, NULL, m, P);
}

int leati_crypto_ecp_muladd(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                            const mbedtls_mpi *n, const mbedtls_ecp_point *Q)
{
    struct curve *curve = curve_find(grp->id);

    if (!curve)
        return mbedtls_ecp_muladd(grp, R, m, &grp->G, n, Q);
    int ret = mbedtls_ecp_check_pubkey(grp, Q);
    return ret != 0 ? ret : curve_compute_noted(curve, grp, R, m, n, Q);
}
