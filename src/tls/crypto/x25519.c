/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/crypto/curves.h"
#include "tls/crypto/libcrypto.h"
#include "tls/crypto/memory.h"

#include <mbedtls/platform_util.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define X25519_BYTES 32u

static bool public_compute(const uint8_t secret[X25519_BYTES], uint8_t ret_public[X25519_BYTES])
{
    size_t len = X25519_BYTES;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(leati_crypto_context(), "X25519", NULL, secret,
                                                    X25519_BYTES);
    bool ok = key && EVP_PKEY_get_raw_public_key(key, ret_public, &len) == 1;

    EVP_PKEY_free(key);
    return ok;
}

/* libcrypto works out the public half of a private key whenever it gets one without, which takes as
 * long as the agreement itself, where it is of no use. So it gets the base point instead. */
static EVP_PKEY *half_pair_new(uint8_t secret[X25519_BYTES])
{
    uint8_t base[X25519_BYTES] = {9};
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, secret, X25519_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, base, X25519_BYTES),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(leati_crypto_context(), "X25519", NULL);
    EVP_PKEY *pair = NULL;

    if (context && EVP_PKEY_fromdata_init(context) == 1)
        (void)EVP_PKEY_fromdata(context, &pair, EVP_PKEY_KEYPAIR, parameters);
    EVP_PKEY_CTX_free(context);
    return pair;
}

static bool shared_compute(uint8_t secret[X25519_BYTES], const uint8_t point[X25519_BYTES],
                           uint8_t ret_shared[X25519_BYTES])
{
    OSSL_LIB_CTX *library = leati_crypto_context();
    size_t len = X25519_BYTES;
    EVP_PKEY *own = half_pair_new(secret);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(library, "X25519", NULL, point, X25519_BYTES);
    EVP_PKEY_CTX *context = own ? EVP_PKEY_CTX_new_from_pkey(library, own, NULL) : NULL;
    bool ok = peer && context && EVP_PKEY_derive_init(context) == 1 &&
              EVP_PKEY_derive_set_peer_ex(context, peer, 0) == 1 &&
              EVP_PKEY_derive(context, ret_shared, &len) == 1;

    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(own);
    return ok;
}

static int compute(mbedtls_ecp_point *R, const mbedtls_mpi *m, const mbedtls_ecp_point *P,
                   bool is_base)
{
    uint8_t secret[X25519_BYTES];
    uint8_t point[X25519_BYTES];
    uint8_t product[X25519_BYTES];
    int ret = mbedtls_mpi_write_binary_le(m, secret, sizeof(secret));

    if (ret == 0)
        ret = mbedtls_mpi_write_binary_le(&P->X, point, sizeof(point));
    if (ret == 0 &&
        (!leati_crypto_context() ||
         !(is_base ? public_compute(secret, product) : shared_compute(secret, point, product))))
        ret = MBEDTLS_ERR_ECP_ALLOC_FAILED;
    if (ret == 0)
        ret = mbedtls_mpi_read_binary_le(&R->X, product, sizeof(product));
    if (ret == 0)
        ret = mbedtls_mpi_lset(&R->Z, 1);
    mbedtls_mpi_free(&R->Y);
    mbedtls_platform_zeroize(secret, sizeof(secret));
    mbedtls_platform_zeroize(product, sizeof(product));
    return ret;
}

int leati_crypto_x25519(mbedtls_ecp_point *R, const mbedtls_mpi *m, const mbedtls_ecp_point *P,
                        bool is_base)
{
    leati_crypto_begin();
    int ret = compute(R, m, P, is_base);
    leati_crypto_end();
    if (ret != 0)
        leati_tls_memory_note();
    return ret;
}
