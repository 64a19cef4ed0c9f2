/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled twice: OPERATIONS is the name of the table. */
#include "unit/tls_crypto/asymmetric.h"

#include <string.h>
#include <sys/random.h>

#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/rsa.h>
#include <psa/crypto.h>

/* For blinding: no result depends on it. */
static int blinding_rng(void *user, unsigned char *out, size_t len)
{
    (void)user;
    return getrandom(out, len, 0) == (ssize_t)len ? 0 : -1;
}

static int start(void)
{
    return (int)psa_crypto_init();
}

static int point_read(mbedtls_ecp_group_id curve, struct bytes point, mbedtls_ecp_group *ret_grp,
                      mbedtls_ecp_point *ret_point)
{
    int ret = mbedtls_ecp_group_load(ret_grp, curve);

    return ret != 0 ? ret : mbedtls_ecp_point_read_binary(ret_grp, ret_point, point.at, point.len);
}

static int ecdsa_verify(mbedtls_ecp_group_id curve, struct bytes point, struct bytes hash,
                        struct bytes signature)
{
    mbedtls_ecdsa_context key;

    mbedtls_ecdsa_init(&key);
    int ret = point_read(curve, point, &key.MBEDTLS_PRIVATE(grp), &key.MBEDTLS_PRIVATE(Q));
    if (ret == 0)
        ret = mbedtls_ecdsa_read_signature(&key, hash.at, hash.len, signature.at, signature.len);
    mbedtls_ecdsa_free(&key);
    return ret;
}

static int ecdsa_sign(mbedtls_ecp_group_id curve, struct bytes secret, struct bytes hash,
                      mbedtls_md_type_t md, uint8_t ret_signature[SIGNATURE_MAX_BYTES],
                      size_t *ret_len)
{
    mbedtls_ecdsa_context key;

    mbedtls_ecdsa_init(&key);
    int ret = mbedtls_ecp_group_load(&key.MBEDTLS_PRIVATE(grp), curve);
    if (ret == 0)
        ret = mbedtls_mpi_read_binary(&key.MBEDTLS_PRIVATE(d), secret.at, secret.len);
    if (ret == 0)
        ret = mbedtls_ecdsa_write_signature(&key, md, hash.at, hash.len, ret_signature,
                                            SIGNATURE_MAX_BYTES, ret_len, blinding_rng, NULL);
    mbedtls_ecdsa_free(&key);
    return ret;
}

static int ecdh_shared(mbedtls_ecp_group_id curve, struct bytes secret, struct bytes point,
                       uint8_t ret_shared[SCALAR_MAX_BYTES])
{
    mbedtls_ecp_group grp;
    mbedtls_ecp_point Q;
    mbedtls_mpi d, z;

    mbedtls_ecp_group_init(&grp);
    mbedtls_ecp_point_init(&Q);
    mbedtls_mpi_init(&d);
    mbedtls_mpi_init(&z);
    int ret = point_read(curve, point, &grp, &Q);
    if (ret == 0)
        ret = mbedtls_mpi_read_binary(&d, secret.at, secret.len);
    if (ret == 0)
        ret = mbedtls_ecdh_compute_shared(&grp, &z, &Q, &d, blinding_rng, NULL);
    if (ret == 0)
        ret = mbedtls_mpi_write_binary(&z, ret_shared, SCALAR_MAX_BYTES);
    mbedtls_mpi_free(&z);
    mbedtls_mpi_free(&d);
    mbedtls_ecp_point_free(&Q);
    mbedtls_ecp_group_free(&grp);
    return ret;
}

static int psa_agree(mbedtls_ecp_group_id curve, struct bytes secret, struct bytes point,
                     uint8_t ret_public[POINT_MAX_BYTES], uint8_t ret_shared[SCALAR_MAX_BYTES])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t key = 0;
    size_t len;

    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(curve == MBEDTLS_ECP_DP_CURVE25519
                                                                ? PSA_ECC_FAMILY_MONTGOMERY
                                                                : PSA_ECC_FAMILY_SECP_R1));
    psa_status_t status = psa_import_key(&attributes, secret.at, secret.len, &key);
    if (status == PSA_SUCCESS)
        status = psa_export_public_key(key, ret_public, POINT_MAX_BYTES, &len);
    if (status == PSA_SUCCESS)
        status = psa_raw_key_agreement(PSA_ALG_ECDH, key, point.at, point.len, ret_shared,
                                       SCALAR_MAX_BYTES, &len);
    psa_destroy_key(key);
    return (int)status;
}

static int rsa_load(mbedtls_rsa_context *rsa, struct bytes modulus, struct bytes exponent)
{
    mbedtls_rsa_init(rsa);
    int ret = mbedtls_rsa_import_raw(rsa, modulus.at, modulus.len, NULL, 0, NULL, 0, NULL, 0,
                                     exponent.at, exponent.len);
    return ret != 0 ? ret : mbedtls_rsa_complete(rsa);
}

static int rsa_verify(struct bytes modulus, struct bytes exponent, int pss, mbedtls_md_type_t md,
                      struct bytes hash, struct bytes signature)
{
    mbedtls_rsa_context rsa;
    int ret = rsa_load(&rsa, modulus, exponent);

    if (ret == 0 && pss)
        ret = mbedtls_rsa_set_padding(&rsa, MBEDTLS_RSA_PKCS_V21, md);
    if (ret == 0)
        ret = mbedtls_rsa_pkcs1_verify(&rsa, md, (unsigned)hash.len, hash.at, signature.at);
    mbedtls_rsa_free(&rsa);
    return ret;
}

static int rsa_private(struct bytes p, struct bytes q, struct bytes exponent, struct bytes input,
                       uint8_t *ret_output)
{
    mbedtls_rsa_context rsa;

    mbedtls_rsa_init(&rsa);
    int ret = mbedtls_rsa_import_raw(&rsa, NULL, 0, p.at, p.len, q.at, q.len, NULL, 0, exponent.at,
                                     exponent.len);
    if (ret == 0)
        ret = mbedtls_rsa_complete(&rsa);
    if (ret == 0 && mbedtls_rsa_get_len(&rsa) != input.len)
        ret = MBEDTLS_ERR_RSA_BAD_INPUT_DATA;
    if (ret == 0)
        ret = mbedtls_rsa_private(&rsa, blinding_rng, NULL, input.at, ret_output);
    mbedtls_rsa_free(&rsa);
    return ret;
}

static int rsa_public(struct bytes modulus, struct bytes exponent, struct bytes input,
                      uint8_t *ret_output)
{
    mbedtls_rsa_context rsa;
    int ret = rsa_load(&rsa, modulus, exponent);

    if (ret == 0 && mbedtls_rsa_get_len(&rsa) != input.len)
        ret = MBEDTLS_ERR_RSA_BAD_INPUT_DATA;
    if (ret == 0)
        ret = mbedtls_rsa_public(&rsa, input.at, ret_output);
    mbedtls_rsa_free(&rsa);
    return ret;
}

const struct asymmetric OPERATIONS = {
    .start = start,
    .ecdsa_verify = ecdsa_verify,
    .ecdsa_sign = ecdsa_sign,
    .ecdh_shared = ecdh_shared,
    .psa_agree = psa_agree,
    .rsa_verify = rsa_verify,
    .rsa_private = rsa_private,
    .rsa_public = rsa_public,
};
