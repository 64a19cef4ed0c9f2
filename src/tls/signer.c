/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/signer.h"

#include <string.h>

#include <mbedtls/psa_util.h>

/** RSA with 8,192 bits. */
#define SIGNATURE_BYTES_MAX 1024u
#define DIGEST_INFO_HEAD    19u

/* RFC 8017 section 9.2, note 1; what TLS 1.2 signs by is no other. */
static const struct hash {
    mbedtls_md_type_t id;
    const char *name;
    uint8_t digest_info[DIGEST_INFO_HEAD];
} hashes[] = {
    {MBEDTLS_MD_SHA256,
     "SHA256",
     {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
      0x05, 0x00, 0x04, 0x20}},
    {MBEDTLS_MD_SHA384,
     "SHA384",
     {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
      0x05, 0x00, 0x04, 0x30}},
    {MBEDTLS_MD_SHA512,
     "SHA512",
     {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03,
      0x05, 0x00, 0x04, 0x40}},
};

static const struct hash *hash_find(mbedtls_md_type_t id)
{
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
        if (hashes[i].id == id)
            return &hashes[i];
    return NULL;
}

static bool is_rsa(const struct leati_tls_identity *identity)
{
    return mbedtls_pk_get_type(&identity->cert.pk) == MBEDTLS_PK_RSA;
}

/* What the program has made, as TLS has it. */
static int signature_finish(const struct leati_tls_identity *identity, const uint8_t *made,
                            size_t made_len, unsigned char *signature, size_t cap, size_t *ret_len)
{
    size_t bits = mbedtls_pk_get_bitlen(&identity->cert.pk);

    if (is_rsa(identity)) {
        if (made_len != (bits + 7) / 8 || made_len > cap)
            return LEATI_TLS_SIGNER_FAILED;
        memcpy(signature, made, made_len);
        *ret_len = made_len;
        return 0;
    }
    if (made_len != 2 * ((bits + 7) / 8) ||
        mbedtls_ecdsa_raw_to_der(bits, made, made_len, signature, cap, ret_len) != 0)
        return LEATI_TLS_SIGNER_FAILED;
    return 0;
}

static _Thread_local bool has_failed;

void leati_tls_signer_begin(void)
{
    has_failed = false;
}

bool leati_tls_signer_has_failed(void)
{
    return has_failed;
}

static int signature_make(struct leati_tls_identity *identity, const struct hash *hash,
                          const unsigned char *digest, size_t digest_len, unsigned char *signature,
                          size_t cap, size_t *ret_len)
{
    uint8_t digest_info[DIGEST_INFO_HEAD + MBEDTLS_MD_MAX_SIZE], made[SIGNATURE_BYTES_MAX];
    size_t made_len = 0;

    memcpy(digest_info, hash->digest_info, DIGEST_INFO_HEAD);
    memcpy(digest_info + DIGEST_INFO_HEAD, digest, digest_len);
    const struct leat_tls_sign_request request = {
        .key_type = is_rsa(identity) ? "RSA" : "EC",
        .hash = hash->name,
        .data = is_rsa(identity) ? digest_info : digest,
        .len = is_rsa(identity) ? DIGEST_INFO_HEAD + digest_len : digest_len,
    };
    if (!identity->sign(&request, made, sizeof(made), &made_len, identity->sign_user) ||
        made_len > sizeof(made))
        return LEATI_TLS_SIGNER_FAILED;
    int ret = signature_finish(identity, made, made_len, signature, cap, ret_len);
    /* A key that is not the certificate's is found here, not by the peer. */
    if (ret == 0 && mbedtls_pk_verify(&identity->cert.pk, hash->id, digest, digest_len, signature,
                                      *ret_len) != 0)
        ret = LEATI_TLS_SIGNER_FAILED;
    return ret;
}

static int sign(void *user, mbedtls_md_type_t hash_id, const unsigned char *digest,
                size_t digest_len, unsigned char *signature, size_t cap, size_t *ret_len)
{
    const struct hash *hash = hash_find(hash_id);
    int ret = LEATI_TLS_SIGNER_FAILED;

    if (hash && digest_len <= MBEDTLS_MD_MAX_SIZE)
        ret = signature_make(user, hash, digest, digest_len, signature, cap, ret_len);
    has_failed = ret != 0;
    return ret;
}

int leati_tls_signer_take(struct leati_tls_identity *identity,
                          const struct leati_cert_source *source)
{
    identity->sign = source->sign;
    identity->sign_user = source->sign_user;
    return leati_tls_key_be_elsewhere(&identity->key, &identity->cert, sign, identity);
}

bool leati_tls_signer_needs_tls_1_2(const struct leati_tls_identity *identity)
{
    return identity->sign && is_rsa(identity);
}
