/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th allocation of libcrypto fails, for all n: the operation says so, and the note is there
 * that makes the connection end as out of memory. Nothing is verified, no secret is given out. */
#include "unit/tls_crypto/asymmetric.h"
#include "unit/tls_crypto/cases.h"

#include "tls/crypto/memory.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

/* libcrypto 3.0 loses parts of a library context that it cannot finish: nothing that leat can free.
 */
const char *__lsan_default_suppressions(void)
{
    return "leak:libcrypto.so";
}

static long left = -1; /* allocations until one fails; < 0: none does */
static long failed;

static bool fails(void)
{
    if (left < 0 || left-- != 0)
        return false;
    failed++;
    return true;
}

static void *counted_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : malloc(size);
}

static void *counted_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : realloc(ptr, size);
}

static void plain_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    free(ptr);
}

static bool installed;

/* Before libcrypto has allocated anything, which the libraries of the test itself may make it do.
 */
__attribute__((constructor)) static void allocator_install(void)
{
    /* Since 3.2 libcrypto waits for itself where the first allocation of its own start fails. */
    installed = CRYPTO_set_mem_functions(counted_malloc, counted_realloc, plain_free) == 1 &&
                OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) == 1;
}

static void start(void)
{
    cr_assert(installed);
    cr_assert(asymmetric_in_use.start() == 0);
}

TestSuite(tls_crypto_asymmetric_memory, .timeout = 120, .init = start);

static const uint8_t secret[48] = {[0] = 0x11, [31] = 0x07, [47] = 0x05};
static const uint8_t hash[48] = {1, 2, 3};
static uint8_t point[POINT_MAX_BYTES];
static size_t point_len;
static uint8_t signature[SIGNATURE_MAX_BYTES];
static size_t signature_len;
static mbedtls_ecp_group_id curve;
static size_t curve_len;

static int agree(void)
{
    uint8_t public[POINT_MAX_BYTES] = {0}, shared[SCALAR_MAX_BYTES] = {0};
    struct bytes secret_bytes = {secret, curve_len}, point_bytes = {point, point_len};

    return asymmetric_in_use.psa_agree(curve, secret_bytes, point_bytes, public, shared);
}

static int verify(void)
{
    return asymmetric_in_use.ecdsa_verify(curve, (struct bytes){point, point_len},
                                          (struct bytes){hash, curve_len},
                                          (struct bytes){signature, signature_len});
}

static int sign(void)
{
    uint8_t other[SIGNATURE_MAX_BYTES];
    size_t len;

    return asymmetric_in_use.ecdsa_sign(curve, (struct bytes){secret, curve_len},
                                        (struct bytes){hash, curve_len}, MBEDTLS_MD_SHA256, other,
                                        &len);
}

static int rsa(void)
{
    static uint8_t modulus[256], input[256], output[256];
    static const uint8_t exponent[] = {1, 0, 1};

    memset(modulus, 0xe5, sizeof(modulus));
    memset(input, 0x17, sizeof(input));
    return asymmetric_in_use.rsa_public((struct bytes){modulus, sizeof(modulus)},
                                        (struct bytes){exponent, sizeof(exponent)},
                                        (struct bytes){input, sizeof(input)}, output);
}

/* The first round is the one in which libcrypto gets ready. */
static void starve(int (*operation)(void), long failures_min)
{
    long starved = 0;

    for (long n = 0;; n += cases_step()) {
        left = n;
        failed = 0;
        leati_tls_memory_forget();
        int ret = operation();
        left = -1;
        if (failed == 0) {
            cr_assert(ret == 0, "-0x%x", (unsigned)-ret);
            cr_assert(!leati_tls_memory_is_out());
            break;
        }
        /* libcrypto can do without some. */
        cr_assert(ret == 0 || leati_tls_memory_is_out(), "allocation %ld: -0x%x", n,
                  (unsigned)-ret);
        starved += ret != 0;
    }
    cr_assert(starved >= failures_min / cases_step(), "%ld", starved);
    cr_assert(operation() == 0, "and then it works");
}

static int zero_rng(void *user, unsigned char *out, size_t len)
{
    (void)user;
    memset(out, 1, len);
    return 0;
}

/* The public half of `secret`, by mbedTLS: libcrypto is not to be ready yet. */
static void point_make(void)
{
    mbedtls_ecp_group grp;
    mbedtls_ecp_point P;
    mbedtls_mpi d;

    mbedtls_ecp_group_init(&grp);
    mbedtls_ecp_point_init(&P);
    mbedtls_mpi_init(&d);
    cr_assert(mbedtls_ecp_group_load(&grp, curve) == 0);
    cr_assert(mbedtls_mpi_read_binary(&d, secret, curve_len) == 0);
    if (curve == MBEDTLS_ECP_DP_CURVE25519)
        cr_assert(mbedtls_mpi_lset(&d, 8) == 0 && mbedtls_mpi_set_bit(&d, 254, 1) == 0);
    cr_assert(mbedtls_ecp_mul(&grp, &P, &d, &grp.G, zero_rng, NULL) == 0);
    cr_assert(mbedtls_ecp_point_write_binary(&grp, &P, MBEDTLS_ECP_PF_UNCOMPRESSED, &point_len,
                                             point, sizeof(point)) == 0);
    mbedtls_mpi_free(&d);
    mbedtls_ecp_point_free(&P);
    mbedtls_ecp_group_free(&grp);
}

Test(tls_crypto_asymmetric_memory, agreement_p256)
{
    curve = MBEDTLS_ECP_DP_SECP256R1;
    curve_len = 32;
    point_make();
    starve(agree, 10);
}

Test(tls_crypto_asymmetric_memory, agreement_p384)
{
    curve = MBEDTLS_ECP_DP_SECP384R1;
    curve_len = 48;
    point_make();
    starve(agree, 10);
}

Test(tls_crypto_asymmetric_memory, agreement_x25519)
{
    curve = MBEDTLS_ECP_DP_CURVE25519;
    curve_len = 32;
    point_make();
    starve(agree, 10);
}

static void verification_starves(void)
{
    point_make();
    cr_assert(asymmetric_in_use.ecdsa_sign(curve, (struct bytes){secret, curve_len},
                                           (struct bytes){hash, curve_len}, MBEDTLS_MD_SHA256,
                                           signature, &signature_len) == 0);
    starve(verify, 5);
    /* A wrong one is never good, whatever is missing. */
    signature[signature_len - 1] ^= 1;
    for (long n = 0; n < 40; n++) {
        left = n;
        int ret = verify();
        left = -1;
        cr_assert(ret != 0, "allocation %ld", n);
    }
}

Test(tls_crypto_asymmetric_memory, verification_p256)
{
    curve = MBEDTLS_ECP_DP_SECP256R1;
    curve_len = 32;
    verification_starves();
}

Test(tls_crypto_asymmetric_memory, verification_p384)
{
    curve = MBEDTLS_ECP_DP_SECP384R1;
    curve_len = 48;
    verification_starves();
}

Test(tls_crypto_asymmetric_memory, signature)
{
    curve = MBEDTLS_ECP_DP_SECP256R1;
    curve_len = 32;
    starve(sign, 10);
}

Test(tls_crypto_asymmetric_memory, rsa)
{
    starve(rsa, 3);
}
