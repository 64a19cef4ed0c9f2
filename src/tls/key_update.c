/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/key_update.h"

#include "tls/mbedtls_private.h"

#include <mbedtls/ssl_ciphersuites.h>

/* KeyUpdateRequest, RFC 8446 section 4.6.3. */
enum { UPDATE_NOT_REQUESTED = 0, UPDATE_REQUESTED = 1 };

static uint64_t records_max(const struct leati_tls_layer *tls)
{
    if (tls->key_records_max != 0)
        return tls->key_records_max;
    switch (mbedtls_ssl_get_ciphersuite_id_from_ssl(&tls->ssl)) {
    case MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256:
        return UINT64_MAX;
    case MBEDTLS_TLS1_3_AES_128_CCM_SHA256:
    case MBEDTLS_TLS1_3_AES_128_CCM_8_SHA256:
        return LEATI_TLS_KEY_RECORDS_CCM;
    default:
        return LEATI_TLS_KEY_RECORDS_GCM;
    }
}

int leati_tls_key_update_send(struct leati_tls_layer *tls, bool request)
{
    int ret = leati_tls_keys_announce(&tls->ssl, request);

    if (ret == 0)
        ret = leati_tls_keys_update(&tls->ssl, false);
    if (ret == 0)
        tls->own_key_updates++;
    return ret;
}

int leati_tls_key_update_if_due(struct leati_tls_layer *tls)
{
    if (!leati_tls_keys_can_update(&tls->ssl) ||
        leati_mbedtls_records_written(&tls->ssl) < records_max(tls))
        return 0;
    return leati_tls_key_update_send(tls, false);
}

int leati_tls_key_update_take(struct leati_tls_layer *tls, int ret)
{
    struct leati_mbedtls_message message;

    if (ret != MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE ||
        !leati_mbedtls_refused_key_update(&tls->ssl, &message))
        return ret;
    if (!leati_tls_keys_can_update(&tls->ssl))
        return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
    if (++tls->key_updates > LEATI_TLS_KEY_UPDATES_LIMIT)
        return MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
    if (message.len != 1)
        return MBEDTLS_ERR_SSL_DECODE_ERROR;
    /* What follows has other keys, so it is in another record (RFC 8446 section 5.1). */
    if (!message.is_last)
        return MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
    if (message.body[0] > UPDATE_REQUESTED)
        return MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER;
    bool answer = message.body[0] == UPDATE_REQUESTED && !tls->close_notify_sent;
    ret = leati_tls_keys_update(&tls->ssl, true);
    if (ret == 0 && answer)
        ret = leati_tls_key_update_send(tls, false);
    return ret;
}
