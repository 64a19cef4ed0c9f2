/* SPDX-License-Identifier: Apache-2.0 */
/* MBEDTLS_ECDH_GEN_PUBLIC_ALT, MBEDTLS_ECDH_COMPUTE_SHARED_ALT. */
#include "tls/crypto/curves.h"

#include <mbedtls/ecdh.h>

int mbedtls_ecdh_gen_public(mbedtls_ecp_group *grp, mbedtls_mpi *d, mbedtls_ecp_point *Q,
                            int (*f_rng)(void *, unsigned char *, size_t), void *p_rng)
{
    int ret = mbedtls_ecp_gen_privkey(grp, d, f_rng, p_rng);

    return ret != 0 ? ret : leati_crypto_ecp_mul(grp, Q, d, &grp->G, f_rng, p_rng);
}

/* SEC 1 section 3.3.1. */
int mbedtls_ecdh_compute_shared(mbedtls_ecp_group *grp, mbedtls_mpi *z, const mbedtls_ecp_point *Q,
                                const mbedtls_mpi *d, int (*f_rng)(void *, unsigned char *, size_t),
                                void *p_rng)
{
    mbedtls_ecp_point shared;

    mbedtls_ecp_point_init(&shared);
    int ret = leati_crypto_ecp_mul(grp, &shared, d, Q, f_rng, p_rng);
    if (ret == 0 && mbedtls_ecp_is_zero(&shared))
        ret = MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
    if (ret == 0)
        ret = mbedtls_mpi_copy(z, &shared.X);
    mbedtls_ecp_point_free(&shared);
    return ret;
}
