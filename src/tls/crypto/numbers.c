/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/crypto/numbers.h"

#include <mbedtls/platform_util.h>

BIGNUM *leati_crypto_number_copy(BN_CTX *context, const mbedtls_mpi *number, size_t len)
{
    unsigned char bytes[LEATI_CRYPTO_NUMBER_MAX_BYTES];
    BIGNUM *copy = BN_CTX_get(context);

    if (!copy || len > sizeof(bytes) || mbedtls_mpi_write_binary(number, bytes, len) != 0)
        return NULL;
    copy = BN_bin2bn(bytes, (int)len, copy);
    mbedtls_platform_zeroize(bytes, len);
    return copy;
}

int leati_crypto_number_store(mbedtls_mpi *X, const BIGNUM *number, size_t len)
{
    unsigned char bytes[LEATI_CRYPTO_NUMBER_MAX_BYTES];

    if (len > sizeof(bytes) || BN_bn2binpad(number, bytes, (int)len) < 0)
        return MBEDTLS_ERR_MPI_BAD_INPUT_DATA;
    int ret = mbedtls_mpi_read_binary(X, bytes, len);
    mbedtls_platform_zeroize(bytes, len);
    return ret;
}
