/* SPDX-License-Identifier: Apache-2.0 */
/* RSA verification: NIST CAVP SigVer (PKCS #1 v1.5), the examples of RSASSA-PSS that RSA
 * Laboratories published with PKCS #1 v2.1, and what must be refused. */
#include "unit/tls_crypto/hex.h"

#include <criterion/criterion.h>
#include <string.h>

#include <mbedtls/rsa.h>

#define KEY_BYTES 128u

TestSuite(tls_crypto_rsa, .timeout = 60);

struct vector {
    bool pss;
    mbedtls_md_type_t md;
    const char *n, *e, *hash, *signature;
    int ret;
};

#define CAVP_N                                                                                     \
    "e28a13548525e5f36dccb24ecb7cc332cc689dfd64012604c9c7816d72a16c3f5fcdc0e86e7c03280b1c69b586ce" \
    "0"                                                                                            \
    "cd8aec722cc73a5d3b730310bf7dfebdc77ce5d94bbc369dc18a2f7b07bd505ab0f82224aef09fdc1e5063234255" \
    "e"                                                                                            \
    "0b3c40a52e9e8ae60898eb88a766bdd788fe9493d8fd86bcdd2884d5c06216c65469e5"

static const struct vector vectors[] = {
    {false, MBEDTLS_MD_SHA256, CAVP_N, "03",
     "944d593f3e31817d712038dbf88a17c1772b135c34c66b236daf9a7413c2a8af",
     "7b5fba70ec5b521638f182bcab39cec30b76e7bc017bdbd1059658a9a1db0969ab482dce32f3e9865952f0a0de09"
     "78272c951e3c015328ea3758f47029a379ab4200550fba58f11d51264878406fc717d5f7b72b3582946f16a7e531"
     "4a220881fc820f7d29949710273421533d8ac0a449dc6d0fd1a21c22444edd1c0d5b44d3",
     0},
    {false, MBEDTLS_MD_SHA256, CAVP_N, "010001",
     "63030cef0e2d4067573222bef3a3f83e7c98ec4c2d21780a7438673ad48bfe29",
     "52111f4798da3c11b3c74394358348ab0fc797bde99080f238d33a69b04b08ac2bd767b33872473943e23af27ca3"
     "2fd568a43a8c7d6cc55b4fbb380212fdfcb60487e20694d4287e233efdf7b04737c0037a592d03077801828b0519"
     "98c42b9f9e2420063331d5b2349918a64d8b65b21a2011ee7318fcef48aced95b8ddf501",
     0},
    /* Good padding, another hash. */
    {false, MBEDTLS_MD_SHA1, CAVP_N, "03", "9f294f0c7b32da6221a3ef83654322038e8968fa",
     "3203b7647fb7e345aa457681e5131777f1adc371f2fba8534928c4e52ef6206a856425d6269352ecbf64db2f6ad8"
     "2397768cafdd8cd272e512d617ad67992226da6bc291c31404c17fd4b7e2beb20eff284a44f4d7af47fd6629e2c9"
     "5809fa7f2241a04f70ac70d3271bb13258af1ed5c5988c95df7fa26603515791075feccd",
     MBEDTLS_ERR_RSA_VERIFY_FAILED},
    {true, MBEDTLS_MD_SHA1,
     "a2ba40ee07e3b2bd2f02ce227f36a195024486e49c19cb41bbbdfbba98b22b0e577c2eeaffa20d883a76e65e394c"
     "69d4b3c05a1e8fadda27edb2a42bc000fe888b9b32c22d15add0cd76b3e7936e19955b220dd17d4ea904b1ec102b"
     "2e4de7751222aa99151024c7cb41cc5ea21d00eeb41f7c800834d2c6e06bce3bce7ea9a5",
     "010001", "37b66ae0445843353d47ecb0b4fd14c110e62d6a",
     "8daa627d3de7595d63056c7ec659e54406f10610128baae821c8b2a0f3936d54dc3bdce46689f6b7951bb18e8405"
     "42769718d5715d210d85efbb596192032c42be4c29972c856275eb6d5a45f05f51876fc6743deddd28caec9bb30e"
     "a99e02c3488269604fe497f74ccd7c7fca1671897123cbd30def5d54a2b5536ad90a747e",
     0},
};

static void key_load(mbedtls_rsa_context *rsa, const char *n_hex, const char *e_hex, bool pss,
                     mbedtls_md_type_t md)
{
    uint8_t n[KEY_BYTES], e[8];
    size_t e_len = hex_read_some(e_hex, e, sizeof(e));

    hex_read(n_hex, n, sizeof(n));
    mbedtls_rsa_init(rsa);
    cr_assert(mbedtls_rsa_import_raw(rsa, n, sizeof(n), NULL, 0, NULL, 0, NULL, 0, e, e_len) == 0);
    cr_assert(mbedtls_rsa_complete(rsa) == 0);
    if (pss)
        cr_assert(mbedtls_rsa_set_padding(rsa, MBEDTLS_RSA_PKCS_V21, md) == 0);
}

Test(tls_crypto_rsa, known_answers)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const struct vector *vector = &vectors[i];
        uint8_t hash[64], signature[KEY_BYTES];
        size_t hash_len = hex_read_some(vector->hash, hash, sizeof(hash));
        mbedtls_rsa_context rsa;

        hex_read(vector->signature, signature, sizeof(signature));
        key_load(&rsa, vector->n, vector->e, vector->pss, vector->md);
        int ret = mbedtls_rsa_pkcs1_verify(&rsa, vector->md, (unsigned)hash_len, hash, signature);
        cr_expect(ret == vector->ret, "%zu: -0x%x", i, (unsigned)-ret);
        hash[hash_len - 1] ^= 1;
        ret = mbedtls_rsa_pkcs1_verify(&rsa, vector->md, (unsigned)hash_len, hash, signature);
        cr_expect(ret != 0, "%zu with another hash", i);
        mbedtls_rsa_free(&rsa);
    }
}

/* RFC 8017 section 5.2.2: a signature is less than the modulus. */
Test(tls_crypto_rsa, signature_out_of_range)
{
    uint8_t n[KEY_BYTES], out[KEY_BYTES];
    mbedtls_rsa_context rsa;

    hex_read(CAVP_N, n, sizeof(n));
    key_load(&rsa, CAVP_N, "010001", false, MBEDTLS_MD_NONE);
    cr_expect(mbedtls_rsa_public(&rsa, n, out) ==
              MBEDTLS_ERR_RSA_PUBLIC_FAILED + MBEDTLS_ERR_MPI_BAD_INPUT_DATA);
    n[KEY_BYTES - 1]--;
    cr_expect(mbedtls_rsa_public(&rsa, n, out) == 0, "n - 1");
    cr_expect(memcmp(n, out, sizeof(n)) == 0, "(-1)^65537 = -1");
    memset(n, 0, sizeof(n));
    cr_expect(mbedtls_rsa_public(&rsa, n, out) == 0 && memcmp(n, out, sizeof(n)) == 0, "0");
    mbedtls_rsa_free(&rsa);
}

Test(tls_crypto_rsa, keys_that_are_none)
{
    static const char *const exponents[] = {"00", "01", "02"};
    uint8_t n[KEY_BYTES];

    hex_read(CAVP_N, n, sizeof(n));
    for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
        uint8_t e[1];
        mbedtls_rsa_context rsa;

        hex_read(exponents[i], e, sizeof(e));
        mbedtls_rsa_init(&rsa);
        cr_assert(mbedtls_rsa_import_raw(&rsa, n, sizeof(n), NULL, 0, NULL, 0, NULL, 0, e, 1) == 0);
        (void)mbedtls_rsa_complete(&rsa);
        cr_expect(mbedtls_rsa_check_pubkey(&rsa) != 0, "exponent %s", exponents[i]);
        mbedtls_rsa_free(&rsa);
    }
}
