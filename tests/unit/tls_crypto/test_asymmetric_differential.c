/* SPDX-License-Identifier: Apache-2.0 */
/* Random keys, points, hashes and signatures: libcrypto and mbedTLS' own code must agree in every
 * byte and every code. */
#include "unit/tls_crypto/asymmetric.h"
#include "unit/tls_crypto/cases.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/rsa.h>

static void both_start(void)
{
    cr_assert(asymmetric_in_use.start() == 0 && asymmetric_original.start() == 0);
}

TestSuite(tls_crypto_asymmetric_differential, .timeout = 600, .init = both_start);

static int random_fill(void *user, unsigned char *buf, size_t len)
{
    (void)user;
    for (size_t i = 0; i < len; i++)
        buf[i] = (uint8_t)next();
    return 0;
}

struct curve {
    mbedtls_ecp_group_id id;
    size_t len; /* of a number */
    mbedtls_md_type_t md;
    long signatures, agreements;
};

static struct curve curves[] = {
    {MBEDTLS_ECP_DP_SECP256R1, 32, MBEDTLS_MD_SHA256, 2000, 2000},
    {MBEDTLS_ECP_DP_SECP384R1, 48, MBEDTLS_MD_SHA384, 800, 800},
    /* What curves.c leaves to mbedTLS goes another way too. */
    {MBEDTLS_ECP_DP_SECP521R1, 66, MBEDTLS_MD_SHA512, 100, 100},
    {MBEDTLS_ECP_DP_CURVE25519, 32, MBEDTLS_MD_NONE, 0, 2500},
};

ParameterizedTestParameters(tls_crypto_asymmetric_differential, ecdsa)
{
    return cr_make_param_array(struct curve, curves, 3);
}

ParameterizedTestParameters(tls_crypto_asymmetric_differential, ecdh)
{
    return cr_make_param_array(struct curve, curves, 4);
}

struct key {
    uint8_t secret[SCALAR_MAX_BYTES];
    uint8_t point[POINT_MAX_BYTES];
    struct bytes secret_bytes, point_bytes;
};

/* A key pair; for X25519 the secret is clamped. */
static void key_make(const struct curve *curve, struct key *ret_key)
{
    mbedtls_ecp_keypair pair;
    size_t len;

    mbedtls_ecp_keypair_init(&pair);
    cr_assert(mbedtls_ecp_gen_key(curve->id, &pair, random_fill, NULL) == 0);
    cr_assert(mbedtls_mpi_write_binary(&pair.MBEDTLS_PRIVATE(d), ret_key->secret, curve->len) == 0);
    cr_assert(mbedtls_ecp_point_write_binary(&pair.MBEDTLS_PRIVATE(grp), &pair.MBEDTLS_PRIVATE(Q),
                                             MBEDTLS_ECP_PF_UNCOMPRESSED, &len, ret_key->point,
                                             sizeof(ret_key->point)) == 0);
    mbedtls_ecp_keypair_free(&pair);
    ret_key->secret_bytes = (struct bytes){ret_key->secret, curve->len};
    ret_key->point_bytes = (struct bytes){ret_key->point, len};
}

/* Mostly a bit, sometimes many, sometimes the first ones, which hold the encoding. */
static void damage(uint8_t *bytes, size_t len)
{
    switch (below(4)) {
    case 0:
        bytes[below(len < 6 ? len : 6)] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        random_fill(NULL, bytes + len / 2, len - len / 2);
        break;
    case 2:
        memset(bytes + 1, below(2) != 0 ? 0xff : 0, below(len));
        break;
    default:
        bytes[below(len)] ^= (uint8_t)(1u << below(8));
    }
}

ParameterizedTest(struct curve *curve, tls_crypto_asymmetric_differential, ecdsa)
{
    long good = 0;
    struct key key;

    state = curve->len;
    for (long i = 0, n = cases(curve->signatures); i < n; i++) {
        uint8_t hash[64], signature[SIGNATURE_MAX_BYTES], other[SIGNATURE_MAX_BYTES];
        struct bytes hash_bytes = {hash, below(sizeof(hash) + 1)};
        size_t len, other_len;

        if (i % 8 == 0)
            key_make(curve, &key);
        random_fill(NULL, hash, sizeof(hash));
        cr_assert(asymmetric_in_use.ecdsa_sign(curve->id, key.secret_bytes, hash_bytes, curve->md,
                                               signature, &len) == 0);
        if (i % 4 == 0) {
            cr_assert(asymmetric_original.ecdsa_sign(curve->id, key.secret_bytes, hash_bytes,
                                                     curve->md, other, &other_len) == 0);
            cr_assert(len == other_len && memcmp(signature, other, len) == 0, "case %ld", i);
        }
        if (i % 3 == 1)
            damage(signature, len);
        if (i % 16 == 5)
            damage(key.point, key.point_bytes.len);
        if (i % 16 == 6)
            hash_bytes.len /= 2;

        struct bytes signed_bytes = {signature, len};
        int wanted =
            asymmetric_original.ecdsa_verify(curve->id, key.point_bytes, hash_bytes, signed_bytes);
        int ret =
            asymmetric_in_use.ecdsa_verify(curve->id, key.point_bytes, hash_bytes, signed_bytes);
        cr_assert(ret == wanted, "case %ld: -0x%x, not -0x%x", i, (unsigned)-ret,
                  (unsigned)-wanted);
        good += ret == 0;
        if (i % 16 == 5)
            key_make(curve, &key);
    }
    cr_assert(good > cases(curve->signatures) / 4, "%ld were good", good);
}

static void shared_compare(const struct curve *curve, long i, struct bytes secret,
                           struct bytes point)
{
    uint8_t wanted[SCALAR_MAX_BYTES] = {0}, got[SCALAR_MAX_BYTES] = {0};
    int wanted_ret = asymmetric_original.ecdh_shared(curve->id, secret, point, wanted);
    int ret = asymmetric_in_use.ecdh_shared(curve->id, secret, point, got);

    cr_assert(ret == wanted_ret, "case %ld: -0x%x, not -0x%x", i, (unsigned)-ret,
              (unsigned)-wanted_ret);
    cr_assert(memcmp(got, wanted, sizeof(got)) == 0, "case %ld", i);
}

/* Bytes as PSA takes them: X25519 is little-endian there, and clamps by itself. */
static void psa_compare(const struct curve *curve, long i, struct bytes secret, struct bytes point)
{
    uint8_t wanted[SCALAR_MAX_BYTES] = {0}, got[SCALAR_MAX_BYTES] = {0};
    uint8_t wanted_public[POINT_MAX_BYTES] = {0}, got_public[POINT_MAX_BYTES] = {0};
    int wanted_ret = asymmetric_original.psa_agree(curve->id, secret, point, wanted_public, wanted);
    int ret = asymmetric_in_use.psa_agree(curve->id, secret, point, got_public, got);

    cr_assert(ret == wanted_ret, "case %ld: %d, not %d", i, ret, wanted_ret);
    /* PSA answers a failure with random bytes. */
    cr_assert(ret != 0 || memcmp(got, wanted, sizeof(got)) == 0, "case %ld", i);
    cr_assert(memcmp(got_public, wanted_public, sizeof(got_public)) == 0, "case %ld", i);
}

ParameterizedTest(struct curve *curve, tls_crypto_asymmetric_differential, ecdh)
{
    struct key own, peer;

    state = curve->len + 1000;
    for (long i = 0, n = cases(curve->agreements); i < n; i++) {
        key_make(curve, &own);
        key_make(curve, &peer);
        if (i % 4 == 1)
            damage(peer.point, peer.point_bytes.len);
        if (i % 16 == 2)
            random_fill(NULL, own.secret, curve->len);
        if (i % 16 == 3)
            random_fill(NULL, peer.point, peer.point_bytes.len);
        if (i % 64 == 7)
            peer.point_bytes.len = below(peer.point_bytes.len);
        if (i % 64 == 11)
            memset(own.secret, (int)below(2), curve->len);
        if (i % 2 == 0)
            shared_compare(curve, i, own.secret_bytes, peer.point_bytes);
        else
            psa_compare(curve, i, own.secret_bytes, peer.point_bytes);
    }
}

/* ---- RSA ------------------------------------------------------------------------------------- */

#define RSA_MAX_BYTES 512u

struct rsa_key {
    uint8_t modulus[RSA_MAX_BYTES], p[RSA_MAX_BYTES / 2], q[RSA_MAX_BYTES / 2], exponent[8];
    struct bytes n, p_bytes, q_bytes, e;
    mbedtls_rsa_context context;
};

static void rsa_key_make(struct rsa_key *key, unsigned bits, int exponent)
{
    size_t len = bits / 8;

    mbedtls_rsa_init(&key->context);
    cr_assert(mbedtls_rsa_gen_key(&key->context, random_fill, NULL, bits, exponent) == 0);
    cr_assert(mbedtls_rsa_export_raw(&key->context, key->modulus, len, key->p, len / 2, key->q,
                                     len / 2, NULL, 0, key->exponent, 8) == 0);
    key->n = (struct bytes){key->modulus, len};
    key->p_bytes = (struct bytes){key->p, len / 2};
    key->q_bytes = (struct bytes){key->q, len / 2};
    key->e = (struct bytes){key->exponent, 8};
}

struct rsa_row {
    unsigned bits;
    int exponent;
    long verifications, powers, private_operations;
};

static struct rsa_row rsa_rows[] = {
    {1024, 3, 3000, 20000, 60},
    {2048, 65537, 3000, 8000, 60},
    {3072, 65539, 1000, 2000, 20},
    {4096, 65537, 500, 1000, 8},
};

ParameterizedTestParameters(tls_crypto_asymmetric_differential, rsa)
{
    return cr_make_param_array(struct rsa_row, rsa_rows, sizeof(rsa_rows) / sizeof(rsa_rows[0]));
}

static void rsa_verifications_compare(struct rsa_key *key, long n)
{
    static const mbedtls_md_type_t mds[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384,
                                            MBEDTLS_MD_SHA512};
    uint8_t signature[RSA_MAX_BYTES], changed[RSA_MAX_BYTES], hash[64];
    mbedtls_md_type_t md = MBEDTLS_MD_NONE;
    struct bytes hash_bytes = {hash, 0};
    long good = 0;
    int pss = 0;

    for (long i = 0; i < n; i++) {
        if (i % 40 == 0) {
            md = mds[below(3)];
            pss = (int)below(2);
            hash_bytes.len = mbedtls_md_get_size(mbedtls_md_info_from_type(md));
            random_fill(NULL, hash, sizeof(hash));
            cr_assert(mbedtls_rsa_set_padding(&key->context,
                                              pss ? MBEDTLS_RSA_PKCS_V21 : MBEDTLS_RSA_PKCS_V15,
                                              pss ? md : MBEDTLS_MD_NONE) == 0);
            cr_assert(mbedtls_rsa_pkcs1_sign(&key->context, random_fill, NULL, md,
                                             (unsigned)hash_bytes.len, hash, signature) == 0);
        }
        memcpy(changed, signature, key->n.len);
        if (i % 4 != 0)
            damage(changed, key->n.len);
        struct bytes changed_bytes = {changed, key->n.len};
        int wanted =
            asymmetric_original.rsa_verify(key->n, key->e, pss, md, hash_bytes, changed_bytes);
        int ret = asymmetric_in_use.rsa_verify(key->n, key->e, pss, md, hash_bytes, changed_bytes);
        cr_assert(ret == wanted, "case %ld: -0x%x, not -0x%x", i, (unsigned)-ret,
                  (unsigned)-wanted);
        good += ret == 0;
    }
    cr_assert(good >= n / 4, "%ld were good", good);
}

/* Also for moduli that nobody made from two primes, even ones among them. */
static void rsa_powers_compare(const struct rsa_key *key, long n)
{
    uint8_t modulus[RSA_MAX_BYTES], exponent[8], input[RSA_MAX_BYTES];
    size_t len = key->n.len;

    for (long i = 0; i < n; i++) {
        uint8_t wanted[RSA_MAX_BYTES] = {0}, got[RSA_MAX_BYTES] = {0};
        random_fill(NULL, modulus, len);
        random_fill(NULL, exponent, sizeof(exponent));
        random_fill(NULL, input, len);
        modulus[0] |= 0x80;
        modulus[len - 1] |= (uint8_t)(i % 8 != 0);
        size_t exponent_len = 1 + below(i % 16 == 0 ? 8 : 3);
        struct bytes e = {exponent, exponent_len};
        struct bytes modulus_bytes = {modulus, len}, input_bytes = {input, len};
        int wanted_ret = asymmetric_original.rsa_public(modulus_bytes, e, input_bytes, wanted);
        int ret = asymmetric_in_use.rsa_public(modulus_bytes, e, input_bytes, got);
        cr_assert(ret == wanted_ret, "case %ld: -0x%x, not -0x%x", i, (unsigned)-ret,
                  (unsigned)-wanted_ret);
        cr_assert(memcmp(got, wanted, len) == 0, "case %ld", i);
    }
}

static void rsa_private_compare(const struct rsa_key *key, long n)
{
    uint8_t input[RSA_MAX_BYTES];

    for (long i = 0; i < n; i++) {
        uint8_t wanted[RSA_MAX_BYTES] = {0}, got[RSA_MAX_BYTES] = {0};
        random_fill(NULL, input, key->n.len);
        struct bytes input_bytes = {input, key->n.len};
        int wanted_ret = asymmetric_original.rsa_private(key->p_bytes, key->q_bytes, key->e,
                                                         input_bytes, wanted);
        int ret =
            asymmetric_in_use.rsa_private(key->p_bytes, key->q_bytes, key->e, input_bytes, got);
        cr_assert(ret == wanted_ret && memcmp(got, wanted, key->n.len) == 0, "case %ld", i);
    }
}

ParameterizedTest(struct rsa_row *row, tls_crypto_asymmetric_differential, rsa)
{
    struct rsa_key key;

    state = row->bits;
    rsa_key_make(&key, row->bits, row->exponent);
    rsa_verifications_compare(&key, cases(row->verifications));
    rsa_powers_compare(&key, cases(row->powers));
    rsa_private_compare(&key, cases(row->private_operations));
    mbedtls_rsa_free(&key.context);
}
