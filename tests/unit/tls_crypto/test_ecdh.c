/* SPDX-License-Identifier: Apache-2.0 */
/* ECDH as TLS uses it, through PSA and through mbedtls_ecdh: NIST CAVP (KAS ECC CDH primitive),
 * RFC 7748, and the points that must be refused. */
#include "unit/tls_crypto/hex.h"

#include <criterion/criterion.h>
#include <string.h>

#include <mbedtls/ecdh.h>
#include <psa/crypto.h>

#define MAX_BYTES 48u

static void psa_start(void)
{
    cr_assert(psa_crypto_init() == PSA_SUCCESS);
}

TestSuite(tls_crypto_ecdh, .timeout = 60, .init = psa_start);

struct agreement {
    const char *name;
    psa_ecc_family_t family;
    size_t bits;
    const char *secret, *public; /* ours; the public half as PSA exports it */
    const char *peer, *shared;
};

#define P256_PUBLIC                                                                                \
    "04ead218590119e8876b29146ff89ca61770c4edbbf97d38ce385ed281d8a6b23028af61281fd35e2fa7002523ac" \
    "c85"                                                                                          \
    "a429cb06ee6648325389f59edfce1405141"
#define P256_PEER                                                                                  \
    "04700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287db71e509e3fd9b060ddb20ba5c" \
    "51"                                                                                           \
    "dcc5948d46fbf640dfe0441782cab85fa4ac"
#define P384_PEER                                                                                  \
    "04a7c76b970c3b5fe8b05d2838ae04ab47697b9eaf52e764592efda27fe7513272734466b400091adbf2d68c58e0" \
    "c5"                                                                                           \
    "0066ac68f19f2e1cb879aed43a9969b91a0839c4c38a49749b661efedf243451915ed0905a32b060992b468c6476" \
    "6fc"                                                                                          \
    "8437a"

static const struct agreement agreements[] = {
    {"CAVP P-256", PSA_ECC_FAMILY_SECP_R1, 256,
     "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534", P256_PUBLIC, P256_PEER,
     "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"},
    {"CAVP P-384", PSA_ECC_FAMILY_SECP_R1, 384,
     "3cc3122a68f0d95027ad38c067916ba0eb8c38894d22e1b15618b6818a661774ad463b205da88cf699ab4d43c9cf9"
     "8a1",
     NULL, P384_PEER,
     "5f9d29dc5e31a163060356213669c8ce132e22f57c9a04f40ba7fcead493b457e5621e766c40a2e3d4d6a04b25e53"
     "3f1"},
    {"RFC 7748 section 6.1, Alice", PSA_ECC_FAMILY_MONTGOMERY, 255,
     "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
     "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
     "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
    {"RFC 7748 section 5.2, first", PSA_ECC_FAMILY_MONTGOMERY, 255,
     "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", NULL,
     "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
     "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
    {"RFC 7748 section 5.2, second (bit 255 is set)", PSA_ECC_FAMILY_MONTGOMERY, 255,
     "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", NULL,
     "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
     "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
};

static psa_key_id_t key_import(psa_ecc_family_t family, size_t bits, const char *secret)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    uint8_t bytes[MAX_BYTES];
    size_t len = hex_read_some(secret, bytes, sizeof(bytes));
    psa_key_id_t key;

    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(family));
    psa_set_key_bits(&attributes, bits);
    cr_assert(psa_import_key(&attributes, bytes, len, &key) == PSA_SUCCESS);
    return key;
}

Test(tls_crypto_ecdh, known_answers)
{
    for (size_t i = 0; i < sizeof(agreements) / sizeof(agreements[0]); i++) {
        const struct agreement *it = &agreements[i];
        psa_key_id_t key = key_import(it->family, it->bits, it->secret);
        uint8_t peer[2 * MAX_BYTES + 1], wanted[2 * MAX_BYTES + 1], got[2 * MAX_BYTES + 1];
        size_t peer_len = hex_read_some(it->peer, peer, sizeof(peer));
        size_t wanted_len = hex_read_some(it->shared, wanted, sizeof(wanted));
        size_t len;

        cr_assert(psa_raw_key_agreement(PSA_ALG_ECDH, key, peer, peer_len, got, sizeof(got),
                                        &len) == PSA_SUCCESS,
                  "%s", it->name);
        cr_expect(len == wanted_len && memcmp(got, wanted, len) == 0, "%s", it->name);
        if (it->public) {
            wanted_len = hex_read_some(it->public, wanted, sizeof(wanted));
            cr_assert(psa_export_public_key(key, got, sizeof(got), &len) == PSA_SUCCESS);
            cr_expect(len == wanted_len && memcmp(got, wanted, len) == 0, "%s", it->name);
        }
        psa_destroy_key(key);
    }
}

/* RFC 7748 section 5.2: k and u begin as 9, then k is the product and u the k before. */
static void iterate(int times, const char *wanted_hex)
{
    uint8_t k[32] = {9}, u[32] = {9}, product[32], wanted[32];
    mbedtls_ecp_group grp;
    mbedtls_ecp_point P;
    mbedtls_mpi d, z;

    mbedtls_ecp_group_init(&grp);
    mbedtls_ecp_point_init(&P);
    mbedtls_mpi_init(&d);
    mbedtls_mpi_init(&z);
    cr_assert(mbedtls_ecp_group_load(&grp, MBEDTLS_ECP_DP_CURVE25519) == 0);
    for (int i = 0; i < times; i++) {
        uint8_t clamped[32];
        memcpy(clamped, k, 32);
        clamped[0] &= 0xf8;
        clamped[31] = (uint8_t)((clamped[31] & 0x7f) | 0x40);
        cr_assert(mbedtls_mpi_read_binary_le(&d, clamped, 32) == 0);
        cr_assert(mbedtls_ecp_point_read_binary(&grp, &P, u, 32) == 0);
        cr_assert(mbedtls_ecdh_compute_shared(&grp, &z, &P, &d, hex_rng, NULL) == 0);
        cr_assert(mbedtls_mpi_write_binary_le(&z, product, 32) == 0);
        memcpy(u, k, 32);
        memcpy(k, product, 32);
    }
    hex_read(wanted_hex, wanted, 32);
    cr_expect(memcmp(k, wanted, 32) == 0, "after %d", times);
    mbedtls_mpi_free(&z);
    mbedtls_mpi_free(&d);
    mbedtls_ecp_point_free(&P);
    mbedtls_ecp_group_free(&grp);
}

Test(tls_crypto_ecdh, x25519_once)
{
    iterate(1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
}

Test(tls_crypto_ecdh, x25519_thousand_times)
{
    iterate(1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

/* ---- what is refused ------------------------------------------------------------------------- */

static psa_status_t agree(const struct agreement *with, const uint8_t *peer, size_t len)
{
    psa_key_id_t key = key_import(with->family, with->bits, with->secret);
    uint8_t shared[MAX_BYTES];
    size_t shared_len;
    psa_status_t status =
        psa_raw_key_agreement(PSA_ALG_ECDH, key, peer, len, shared, sizeof(shared), &shared_len);

    psa_destroy_key(key);
    return status;
}

/* All of the order 1, 2, 4 and 8, on the curve and on its twist, and the same not reduced:
 * https://cr.yp.to/ecdh.html#validate */
Test(tls_crypto_ecdh, x25519_points_of_low_order)
{
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        /* The same with bit 255, which does not count. */
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };

    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        uint8_t point[32];
        hex_read(points[i], point, sizeof(point));
        cr_expect(agree(&agreements[2], point, sizeof(point)) == PSA_ERROR_INVALID_ARGUMENT, "%s",
                  points[i]);
    }
}

/* A number that is not reduced is one (RFC 7748 section 5): p + 9 is the base point. */
Test(tls_crypto_ecdh, x25519_point_not_reduced)
{
    uint8_t point[32];

    hex_read("f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", point, 32);
    cr_expect(agree(&agreements[2], point, sizeof(point)) == PSA_SUCCESS);
    cr_expect(agree(&agreements[2], point, 31) == PSA_ERROR_INVALID_ARGUMENT, "too short");
}

Test(tls_crypto_ecdh, points_that_are_none)
{
    for (size_t i = 0; i < 2; i++) {
        const struct agreement *it = &agreements[i];
        uint8_t good[2 * MAX_BYTES + 1], bad[2 * MAX_BYTES + 1];
        size_t len = hex_read_some(it->peer, good, sizeof(good));

        cr_assert(agree(it, good, len) == PSA_SUCCESS);

        memcpy(bad, good, len);
        bad[len - 1] ^= 1;
        cr_expect(agree(it, bad, len) == PSA_ERROR_INVALID_ARGUMENT, "not on the curve");
        memset(bad + 1, 0xff, len / 2);
        cr_expect(agree(it, bad, len) == PSA_ERROR_INVALID_ARGUMENT, "not reduced");
        memset(bad + 1, 0, len - 1);
        cr_expect(agree(it, bad, len) == PSA_ERROR_INVALID_ARGUMENT, "(0, 0)");
        memcpy(bad, good, len);
        bad[0] = 2;
        cr_expect(agree(it, bad, len / 2 + 1) == PSA_ERROR_INVALID_ARGUMENT, "compressed");
        bad[0] = 0;
        cr_expect(agree(it, bad, 1) != PSA_SUCCESS, "at infinity");
        cr_expect(agree(it, good, len - 1) == PSA_ERROR_INVALID_ARGUMENT, "cut");
    }
}

/* A point of the curve y^2 = x^3 - 3x + 1, which has a small subgroup: what an attacker would send
 * to learn the secret. It is no point of P-256. */
Test(tls_crypto_ecdh, point_of_another_curve)
{
    mbedtls_ecp_group grp;
    mbedtls_ecp_point P;
    mbedtls_mpi d, z;

    mbedtls_ecp_group_init(&grp);
    mbedtls_ecp_point_init(&P);
    mbedtls_mpi_init(&d);
    mbedtls_mpi_init(&z);
    cr_assert(mbedtls_ecp_group_load(&grp, MBEDTLS_ECP_DP_SECP256R1) == 0);
    cr_assert(mbedtls_ecp_point_read_string(&P, 16, "0", "1") == 0);
    cr_assert(mbedtls_mpi_lset(&d, 7) == 0);
    cr_expect(mbedtls_ecdh_compute_shared(&grp, &z, &P, &d, hex_rng, NULL) ==
              MBEDTLS_ERR_ECP_INVALID_KEY);
    cr_assert(mbedtls_ecp_copy(&P, &grp.G) == 0 && mbedtls_mpi_lset(&d, 0) == 0);
    cr_expect(mbedtls_ecdh_compute_shared(&grp, &z, &P, &d, hex_rng, NULL) ==
              MBEDTLS_ERR_ECP_INVALID_KEY);
    cr_assert(mbedtls_mpi_copy(&d, &grp.N) == 0);
    cr_expect(mbedtls_ecdh_compute_shared(&grp, &z, &P, &d, hex_rng, NULL) ==
              MBEDTLS_ERR_ECP_INVALID_KEY);
    mbedtls_mpi_free(&z);
    mbedtls_mpi_free(&d);
    mbedtls_ecp_point_free(&P);
    mbedtls_ecp_group_free(&grp);
}
