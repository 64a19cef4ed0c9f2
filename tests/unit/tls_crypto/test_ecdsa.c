/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA: RFC 6979 appendix A.2.5 and A.2.6, NIST CAVP SigVer, and what a verifier must refuse. */
#include "unit/tls_crypto/hex.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include <mbedtls/asn1.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>

TestSuite(tls_crypto_ecdsa, .timeout = 60);

/* No pointers: each parameter goes to a process of its own. */
struct vector {
    mbedtls_ecp_group_id curve;
    mbedtls_md_type_t md;
    char d[100], x[100], y[100];
    char text[8];
    char r[100], s[100];
};

#define P256_D "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define P256_X "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define P256_Y "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define P384_D                                                                                     \
    "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2" \
    "edf5"
#define P384_X                                                                                     \
    "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480" \
    "bc13"
#define P384_Y                                                                                     \
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd253326" \
    "4720"

static struct vector rfc6979[] = {
    {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_MD_SHA256, P256_D, P256_X, P256_Y, "sample",
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_MD_SHA384, P256_D, P256_X, P256_Y, "sample",
     "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719",
     "4861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954"},
    {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_MD_SHA512, P256_D, P256_X, P256_Y, "sample",
     "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00",
     "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe"},
    {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_MD_SHA256, P256_D, P256_X, P256_Y, "test",
     "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
    {MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_MD_SHA384, P384_D, P384_X, P384_Y, "sample",
     "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fa"
     "be46",
     "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a3862"
     "8ac8"},
};

ParameterizedTestParameters(tls_crypto_ecdsa, rfc6979)
{
    return cr_make_param_array(struct vector, rfc6979, sizeof(rfc6979) / sizeof(rfc6979[0]));
}

static void number_read(mbedtls_mpi *number, const char *hex)
{
    mbedtls_mpi_init(number);
    cr_assert(mbedtls_mpi_read_string(number, 16, hex) == 0);
}

static void public_key_read(mbedtls_ecp_group *grp, mbedtls_ecp_point *Q,
                            mbedtls_ecp_group_id curve, const char *x, const char *y)
{
    mbedtls_ecp_group_init(grp);
    mbedtls_ecp_point_init(Q);
    cr_assert(mbedtls_ecp_group_load(grp, curve) == 0);
    cr_assert(mbedtls_ecp_point_read_string(Q, 16, x, y) == 0);
}

ParameterizedTest(struct vector *vector, tls_crypto_ecdsa, rfc6979)
{
    const mbedtls_md_info_t *md = mbedtls_md_info_from_type(vector->md);
    uint8_t hash[64];
    mbedtls_ecp_group grp;
    mbedtls_ecp_point Q;
    mbedtls_mpi d, wanted_r, wanted_s, r, s;

    public_key_read(&grp, &Q, vector->curve, vector->x, vector->y);
    number_read(&d, vector->d);
    number_read(&wanted_r, vector->r);
    number_read(&wanted_s, vector->s);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    cr_assert(mbedtls_md(md, (const uint8_t *)vector->text, strlen(vector->text), hash) == 0);

    cr_assert(mbedtls_ecdsa_sign_det_ext(&grp, &r, &s, &d, hash, mbedtls_md_get_size(md),
                                         vector->md, hex_rng, NULL) == 0);
    cr_expect(mbedtls_mpi_cmp_mpi(&r, &wanted_r) == 0 && mbedtls_mpi_cmp_mpi(&s, &wanted_s) == 0);
    cr_expect(mbedtls_ecdsa_verify(&grp, hash, mbedtls_md_get_size(md), &Q, &r, &s) == 0);
    hash[0] ^= 1;
    cr_expect(mbedtls_ecdsa_verify(&grp, hash, mbedtls_md_get_size(md), &Q, &r, &s) ==
              MBEDTLS_ERR_ECP_VERIFY_FAILED);

    mbedtls_mpi_free(&s);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&wanted_s);
    mbedtls_mpi_free(&wanted_r);
    mbedtls_mpi_free(&d);
    mbedtls_ecp_point_free(&Q);
    mbedtls_ecp_group_free(&grp);
}

/* ---- CAVP 186-4 SigVer, P-256 with SHA-256 --------------------------------------------------- */

struct sig_ver {
    const char *message, *x, *y, *r, *s;
    bool good;
};

static const struct sig_ver sig_vers[] = {
    {"e1130af6a38ccb412a9c8d13e15dbfc9e69a16385af3c3f1e5da954fd5e7c45fd75e2b8c36699228e92840c0562f"
     "bf3772f07e17f1add56588dd45f7450e1217ad239922dd9c32695dc71ff2424ca0dec1321aa47064a044b7fe3c2b"
     "97d03ce470a592304c5ef21eed9f93da56bb232d1eeb0035f9bf0dfafdcc4606272b20a3",
     "e424dc61d4bb3cb7ef4344a7f8957a0c5134e16f7a67c074f82e6e12f49abf3c",
     "970eed7aa2bc48651545949de1dddaf0127e5965ac85d1243d6f60e7dfaee927",
     "bf96b99aa49c705c910be33142017c642ff540c76349b9dab72f981fd9347f4f",
     "17c55095819089c2e03b9cd415abdf12444e323075d98f31920b9e0f57ec871c", true},
    {"e4796db5f785f207aa30d311693b3702821dff1168fd2e04c0836825aefd850d9aa60326d88cde1a23c7745351392"
     "ca2288d632c264f197d05cd424a30336c19fd09bb229654f0222fcb881a4b35c290a093ac159ce13409111ff03584"
     "11133c24f5b8e2090d6db6558afc36f06ca1f6ef779785adba68db27a409859fc4c4a0",
     "87f8f2b218f49845f6f10eec3877136269f5c1a54736dbdf69f89940cad41555",
     "e15f369036f49842fac7a86c8a2b0557609776814448b8f5e84aa9f4395205e9",
     "d19ff48b324915576416097d2544f7cbdf8768b1454ad20e0baac50e211f23b0",
     "a3e81e59311cdfff2d4784949f7a2cb50ba6c3a91fa54710568e61aca3e847c6", false},
};

Test(tls_crypto_ecdsa, cavp)
{
    for (size_t i = 0; i < sizeof(sig_vers) / sizeof(sig_vers[0]); i++) {
        const struct sig_ver *vector = &sig_vers[i];
        uint8_t message[256], hash[32];
        mbedtls_ecp_group grp;
        mbedtls_ecp_point Q;
        mbedtls_mpi r, s;

        size_t len = hex_read_some(vector->message, message, sizeof(message));
        cr_assert(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), message, len, hash) ==
                  0);
        public_key_read(&grp, &Q, MBEDTLS_ECP_DP_SECP256R1, vector->x, vector->y);
        number_read(&r, vector->r);
        number_read(&s, vector->s);
        int ret = mbedtls_ecdsa_verify(&grp, hash, sizeof(hash), &Q, &r, &s);
        cr_expect(ret == (vector->good ? 0 : MBEDTLS_ERR_ECP_VERIFY_FAILED), "%zu: %d", i, ret);
        mbedtls_mpi_free(&s);
        mbedtls_mpi_free(&r);
        mbedtls_ecp_point_free(&Q);
        mbedtls_ecp_group_free(&grp);
    }
}

/* ---- what is refused ------------------------------------------------------------------------- */

struct signed_hash {
    mbedtls_ecp_group grp;
    mbedtls_ecp_point Q;
    mbedtls_mpi d, r, s;
    uint8_t hash[32];
};

static void signed_hash_make(struct signed_hash *it)
{
    public_key_read(&it->grp, &it->Q, MBEDTLS_ECP_DP_SECP256R1, P256_X, P256_Y);
    number_read(&it->d, P256_D);
    number_read(&it->r, "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716");
    number_read(&it->s, "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
    cr_assert(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), (const uint8_t *)"sample", 6,
                         it->hash) == 0);
}

static void signed_hash_free(struct signed_hash *it)
{
    mbedtls_mpi_free(&it->s);
    mbedtls_mpi_free(&it->r);
    mbedtls_mpi_free(&it->d);
    mbedtls_ecp_point_free(&it->Q);
    mbedtls_ecp_group_free(&it->grp);
}

static int verify(struct signed_hash *it, const mbedtls_mpi *r, const mbedtls_mpi *s)
{
    return mbedtls_ecdsa_verify(&it->grp, it->hash, sizeof(it->hash), &it->Q, r, s);
}

Test(tls_crypto_ecdsa, numbers_out_of_range)
{
    struct signed_hash it;
    mbedtls_mpi wrong[6];
    const size_t count = sizeof(wrong) / sizeof(wrong[0]);

    signed_hash_make(&it);
    for (size_t i = 0; i < count; i++)
        mbedtls_mpi_init(&wrong[i]);
    cr_assert(mbedtls_mpi_lset(&wrong[0], 0) == 0);
    cr_assert(mbedtls_mpi_lset(&wrong[1], -1) == 0);
    cr_assert(mbedtls_mpi_copy(&wrong[2], &it.grp.N) == 0);
    cr_assert(mbedtls_mpi_add_mpi(&wrong[3], &it.grp.N, &it.r) == 0);
    cr_assert(mbedtls_mpi_add_mpi(&wrong[4], &it.grp.N, &it.s) == 0);
    cr_assert(mbedtls_mpi_lset(&wrong[5], 1) == 0 && mbedtls_mpi_shift_l(&wrong[5], 4000) == 0);

    cr_assert(verify(&it, &it.r, &it.s) == 0);
    for (size_t i = 0; i < count; i++) {
        cr_expect(verify(&it, &wrong[i], &it.s) == MBEDTLS_ERR_ECP_VERIFY_FAILED, "r %zu", i);
        cr_expect(verify(&it, &it.r, &wrong[i]) == MBEDTLS_ERR_ECP_VERIFY_FAILED, "s %zu", i);
        cr_expect(verify(&it, &wrong[i], &wrong[i]) == MBEDTLS_ERR_ECP_VERIFY_FAILED, "%zu", i);
        mbedtls_mpi_free(&wrong[i]);
    }
    /* Known: with s also -s is a signature. TLS does not mind. */
    cr_assert(mbedtls_mpi_sub_mpi(&it.s, &it.grp.N, &it.s) == 0);
    cr_expect(verify(&it, &it.r, &it.s) == 0);
    signed_hash_free(&it);
}

Test(tls_crypto_ecdsa, keys_that_are_none)
{
    struct signed_hash it;

    signed_hash_make(&it);
    cr_assert(mbedtls_mpi_add_int(&it.Q.MBEDTLS_PRIVATE(Y), &it.Q.MBEDTLS_PRIVATE(Y), 1) == 0);
    cr_expect(verify(&it, &it.r, &it.s) == MBEDTLS_ERR_ECP_INVALID_KEY, "not on the curve");
    cr_assert(mbedtls_mpi_lset(&it.Q.MBEDTLS_PRIVATE(X), -1) == 0);
    cr_expect(verify(&it, &it.r, &it.s) == MBEDTLS_ERR_ECP_INVALID_KEY, "negative");
    cr_assert(mbedtls_mpi_copy(&it.Q.MBEDTLS_PRIVATE(X), &it.grp.P) == 0);
    cr_expect(verify(&it, &it.r, &it.s) == MBEDTLS_ERR_ECP_INVALID_KEY, "not reduced");
    cr_assert(mbedtls_mpi_shift_l(&it.Q.MBEDTLS_PRIVATE(X), 3000) == 0);
    cr_expect(verify(&it, &it.r, &it.s) == MBEDTLS_ERR_ECP_INVALID_KEY, "long");
    cr_assert(mbedtls_ecp_set_zero(&it.Q) == 0);
    cr_expect(verify(&it, &it.r, &it.s) == MBEDTLS_ERR_ECP_INVALID_KEY, "at infinity");
    signed_hash_free(&it);
}

/* r = s = 1 and a hash for which u1 * G + u2 * Q is the point at infinity: e = -d. */
Test(tls_crypto_ecdsa, sum_at_infinity)
{
    struct signed_hash it;
    mbedtls_mpi one, e;

    signed_hash_make(&it);
    mbedtls_mpi_init(&one);
    mbedtls_mpi_init(&e);
    cr_assert(mbedtls_mpi_lset(&one, 1) == 0);
    cr_assert(mbedtls_mpi_sub_mpi(&e, &it.grp.N, &it.d) == 0);
    cr_assert(mbedtls_mpi_write_binary(&e, it.hash, sizeof(it.hash)) == 0);
    cr_expect(verify(&it, &one, &one) == MBEDTLS_ERR_ECP_VERIFY_FAILED);
    mbedtls_mpi_free(&e);
    mbedtls_mpi_free(&one);
    signed_hash_free(&it);
}

Test(tls_crypto_ecdsa, short_and_zero_hashes)
{
    static const size_t lens[] = {0, 1, 20, 31, 32, 33, 64};
    uint8_t hash[64] = {0};
    struct signed_hash it;

    signed_hash_make(&it);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        for (int filled = 0; filled < 2; filled++) {
            memset(hash, filled ? 0xff : 0, sizeof(hash));
            cr_assert(mbedtls_ecdsa_sign(&it.grp, &it.r, &it.s, &it.d, hash, lens[i], hex_rng,
                                         NULL) == 0);
            cr_expect(mbedtls_ecdsa_verify(&it.grp, hash, lens[i], &it.Q, &it.r, &it.s) == 0,
                      "%zu bytes", lens[i]);
        }
    }
    signed_hash_free(&it);
}

/* The encoding of a signature: X.690, and what mbedTLS says about what is none. */
Test(tls_crypto_ecdsa, encodings)
{
    static const struct {
        const char *der;
        int ret;
    } rows[] = {
        {"", MBEDTLS_ERR_ECP_BAD_INPUT_DATA + MBEDTLS_ERR_ASN1_OUT_OF_DATA},
        {"3006020101020101", MBEDTLS_ERR_ECP_VERIFY_FAILED},
        {"3006020100020101", MBEDTLS_ERR_ECP_VERIFY_FAILED},
        {"30060201ff020101", MBEDTLS_ERR_ECP_VERIFY_FAILED},
        {"3003020101", MBEDTLS_ERR_ECP_BAD_INPUT_DATA + MBEDTLS_ERR_ASN1_OUT_OF_DATA},
        {"300602010102010100", MBEDTLS_ERR_ECP_BAD_INPUT_DATA + MBEDTLS_ERR_ASN1_LENGTH_MISMATCH},
        {"3106020101020101", MBEDTLS_ERR_ECP_BAD_INPUT_DATA + MBEDTLS_ERR_ASN1_UNEXPECTED_TAG},
    };
    mbedtls_ecdsa_context key;
    struct signed_hash it;

    signed_hash_make(&it);
    mbedtls_ecdsa_init(&key);
    cr_assert(mbedtls_ecp_group_load(&key.MBEDTLS_PRIVATE(grp), MBEDTLS_ECP_DP_SECP256R1) == 0);
    cr_assert(mbedtls_ecp_copy(&key.MBEDTLS_PRIVATE(Q), &it.Q) == 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t der[16];
        size_t len = hex_read_some(rows[i].der, der, sizeof(der));
        int ret = mbedtls_ecdsa_read_signature(&key, it.hash, sizeof(it.hash), der, len);
        cr_expect(ret == rows[i].ret || (i == 4 && ret != 0), "%s: -0x%x", rows[i].der,
                  (unsigned)-ret);
    }
    mbedtls_ecdsa_free(&key);
    signed_hash_free(&it);
}

Test(tls_crypto_ecdsa, private_keys_out_of_range)
{
    struct signed_hash it;

    signed_hash_make(&it);
    cr_assert(mbedtls_mpi_lset(&it.d, 0) == 0);
    cr_expect(mbedtls_ecdsa_sign(&it.grp, &it.r, &it.s, &it.d, it.hash, 32, hex_rng, NULL) ==
              MBEDTLS_ERR_ECP_INVALID_KEY);
    cr_assert(mbedtls_mpi_copy(&it.d, &it.grp.N) == 0);
    cr_expect(mbedtls_ecdsa_sign(&it.grp, &it.r, &it.s, &it.d, it.hash, 32, hex_rng, NULL) ==
              MBEDTLS_ERR_ECP_INVALID_KEY);
    mbedtls_ecp_group_free(&it.grp);
    mbedtls_ecp_group_init(&it.grp);
    cr_assert(mbedtls_ecp_group_load(&it.grp, MBEDTLS_ECP_DP_CURVE25519) == 0);
    cr_expect(verify(&it, &it.r, &it.s) == MBEDTLS_ERR_ECP_BAD_INPUT_DATA, "a curve without");
    signed_hash_free(&it);
}
