/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KeyUpdate of TLS 1.3 (RFC 8446 sections 4.6.3 and 7.2), which mbedTLS does not know: the next
 * secret of one direction, and from it the key that its cipher context gets.
 */
#include "tls/mends/calls.h"
#include "tls/mends/mends.h"

#include <string.h>

#include <mbedtls/platform_util.h>
#include <ssl_tls13_keys.h>

enum { KEY_UPDATE = 24 };

/* All that is derived, which is wiped as one. */
struct next {
    unsigned char secret[MBEDTLS_TLS1_3_MD_MAX_SIZE];
    unsigned char key[MBEDTLS_MAX_KEY_LENGTH];
    unsigned char iv[MBEDTLS_MAX_IV_LENGTH];
};

#define EXPAND(hash, secret, len, label, to, to_len)                                               \
    mbedtls_ssl_tls13_hkdf_expand_label(hash, secret, len, MBEDTLS_SSL_TLS1_3_LBL_WITH_LEN(label), \
                                        NULL, 0, to, to_len)

static int next_derive(psa_algorithm_t hash, const unsigned char *secret, size_t key_len,
                       size_t iv_len, struct next *next)
{
    size_t len = PSA_HASH_LENGTH(hash);

    if (len > sizeof(next->secret) || key_len > sizeof(next->key) || iv_len > sizeof(next->iv))
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    int ret = EXPAND(hash, secret, len, traffic_upd, next->secret, len);
    if (ret == 0)
        ret = EXPAND(hash, next->secret, len, key, next->key, key_len);
    if (ret == 0)
        ret = EXPAND(hash, next->secret, len, iv, next->iv, iv_len);
    return ret;
}

/* The secret of the client's or the server's data. */
static unsigned char *secret_of(mbedtls_ssl_session *session, bool of_client)
{
    return of_client ? session->app_secrets.client_application_traffic_secret_N
                     : session->app_secrets.server_application_traffic_secret_N;
}

bool leati_tls_keys_can_update(const mbedtls_ssl_context *ssl)
{
    return ssl->tls_version == MBEDTLS_SSL_VERSION_TLS1_3 && ssl->transform_application &&
           mbedtls_ssl_is_handshake_over((mbedtls_ssl_context *)(uintptr_t)ssl) == 1;
}

int leati_tls_keys_update(mbedtls_ssl_context *ssl, bool inbound)
{
    mbedtls_ssl_transform *keys = ssl->transform_application;
    const mbedtls_ssl_ciphersuite_t *suite =
        mbedtls_ssl_ciphersuite_from_id(ssl->session->ciphersuite);
    mbedtls_cipher_context_t *cipher = inbound ? &keys->cipher_ctx_dec : &keys->cipher_ctx_enc;
    bool is_server = ssl->conf->endpoint == MBEDTLS_SSL_IS_SERVER;
    int bits = mbedtls_cipher_get_key_bitlen(cipher);
    struct next next;

    if (!suite)
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    psa_algorithm_t hash = mbedtls_md_psa_alg_from_type((mbedtls_md_type_t)suite->mac);
    unsigned char *secret = secret_of(ssl->session, inbound == is_server);
    int ret = next_derive(hash, secret, (size_t)bits / 8, keys->ivlen, &next);
    if (ret == 0)
        ret = mbedtls_cipher_setkey(cipher, next.key, bits,
                                    inbound ? MBEDTLS_DECRYPT : MBEDTLS_ENCRYPT);
    if (ret == 0) {
        memcpy(secret, next.secret, PSA_HASH_LENGTH(hash));
        memcpy(inbound ? keys->iv_dec : keys->iv_enc, next.iv, keys->ivlen);
        if (inbound)
            memset(ssl->in_ctr, 0, MBEDTLS_SSL_SEQUENCE_NUMBER_LEN);
        else
            memset(ssl->cur_out_ctr, 0, sizeof(ssl->cur_out_ctr));
    }
    mbedtls_platform_zeroize(&next, sizeof(next));
    return ret;
}

int leati_tls_keys_announce(mbedtls_ssl_context *ssl, bool request)
{
    const unsigned char message[] = {KEY_UPDATE, 0, 0, 1, request};
    enum { FORCE_FLUSH = 1 };

    ssl->out_msgtype = MBEDTLS_SSL_MSG_HANDSHAKE;
    ssl->out_msglen = sizeof(message);
    memcpy(ssl->out_msg, message, sizeof(message));
    return mbedtls_ssl_write_record(ssl, FORCE_FLUSH);
}
