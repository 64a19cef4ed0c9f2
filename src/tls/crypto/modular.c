/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/crypto/modular.h"

#include "tls/crypto/curves.h"
#include "tls/crypto/libcrypto.h"
#include "tls/crypto/memory.h"
#include "tls/crypto/numbers.h"

/* With its leading zeros: how many there are in a nonce or a private exponent is secret. */
static size_t length_of(const mbedtls_mpi *number)
{
    return number->n * sizeof(number->p[0]);
}

/* N is odd, 0 <= A, 0 < E. */
static int power(mbedtls_mpi *X, const mbedtls_mpi *A, const mbedtls_mpi *E, const mbedtls_mpi *N,
                 int (*compute)(BIGNUM *, const BIGNUM *, const BIGNUM *, const BIGNUM *, BN_CTX *,
                                BN_MONT_CTX *))
{
    size_t len = mbedtls_mpi_size(N);
    int ret = MBEDTLS_ERR_MPI_ALLOC_FAILED;

    leati_crypto_begin();
    BN_CTX *context = BN_CTX_new();
    if (context) {
        BN_CTX_start(context);
        BIGNUM *modulus = leati_crypto_number_copy(context, N, len);
        BIGNUM *base = leati_crypto_number_copy(context, A, length_of(A));
        BIGNUM *exponent = leati_crypto_number_copy(context, E, length_of(E));
        BIGNUM *result = BN_CTX_get(context);
        if (modulus && base && exponent && result &&
            compute(result, base, exponent, modulus, context, NULL))
            ret = leati_crypto_number_store(X, result, len);
        BN_CTX_end(context);
    }
    BN_CTX_free(context);
    leati_crypto_end();
    if (ret != 0)
        leati_tls_memory_note();
    return ret;
}

/* What RSA asks for. The rest, with its errors, is for mbedTLS. */
static bool is_usual(const mbedtls_mpi *A, const mbedtls_mpi *E, const mbedtls_mpi *N)
{
    return mbedtls_mpi_cmp_int(N, 1) > 0 && mbedtls_mpi_get_bit(N, 0) == 1 &&
           mbedtls_mpi_cmp_int(E, 0) > 0 && A->s > 0 &&
           mbedtls_mpi_size(N) <= LEATI_CRYPTO_NUMBER_MAX_BYTES &&
           length_of(E) <= LEATI_CRYPTO_NUMBER_MAX_BYTES &&
           length_of(A) <= LEATI_CRYPTO_NUMBER_MAX_BYTES;
}

int leati_crypto_exp_mod(mbedtls_mpi *X, const mbedtls_mpi *A, const mbedtls_mpi *E,
                         const mbedtls_mpi *N, mbedtls_mpi *prec_RR)
{
    return is_usual(A, E, N) ? power(X, A, E, N, BN_mod_exp_mont_consttime)
                             : mbedtls_mpi_exp_mod(X, A, E, N, prec_RR);
}

int leati_crypto_exp_mod_public(mbedtls_mpi *X, const mbedtls_mpi *A, const mbedtls_mpi *E,
                                const mbedtls_mpi *N, mbedtls_mpi *prec_RR)
{
    return is_usual(A, E, N) ? power(X, A, E, N, BN_mod_exp_mont)
                             : mbedtls_mpi_exp_mod(X, A, E, N, prec_RR);
}

/* Fermat: A^(N-2). */
int leati_crypto_inverse(mbedtls_mpi *X, const mbedtls_mpi *A, const mbedtls_mpi *N)
{
    mbedtls_mpi exponent;

    mbedtls_mpi_init(&exponent);
    int ret = mbedtls_mpi_sub_int(&exponent, N, 2);
    if (ret == 0)
        ret = leati_crypto_exp_mod(X, A, &exponent, N, NULL);
    mbedtls_mpi_free(&exponent);
    return ret;
}
