/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClientHello, and what a server answers. A session that is offered binds nobody to its version
 * (RFC 8446 section 2.2, RFC 5246 section 7.4.1.3), and a HelloRetryRequest may have a cookie (RFC
 * 8446 section 4.2.2).
 */
#include "tls/mends/calls.h"
#include "tls/mends/mends.h"

#include <string.h>

/* ---- the ClientHello ------------------------------------------------------------------------- */

/* mbedTLS has bound the versions to that of the session. A random number of TLS 1.2 begins with the
 * time, which one of TLS 1.3 does not. */
static int versions_offer(mbedtls_ssl_context *ssl)
{
    enum { TIME_BYTES = 4 };

    ssl->handshake->min_tls_version = ssl->conf->min_tls_version;
    if (ssl->tls_version == ssl->conf->max_tls_version)
        return 0;
    ssl->tls_version = ssl->conf->max_tls_version;
    return ssl->conf->f_rng(ssl->conf->p_rng, ssl->handshake->randbytes, TIME_BYTES);
}

int leati_mend_start_handshake_msg(mbedtls_ssl_context *ssl, unsigned char type,
                                   unsigned char **buf, size_t *buf_len)
{
    if (type == MBEDTLS_SSL_HS_CLIENT_HELLO && ssl->handshake->resume != 0) {
        int ret = versions_offer(ssl);
        if (ret != 0)
            return ret;
    }
    return mbedtls_ssl_start_handshake_msg(ssl, type, buf, buf_len);
}

/* The ticket of a session of TLS 1.3 is for pre_shared_key; that of TLS 1.2 has another extension.
 */
int leati_mend_tls12_write_client_hello_exts(mbedtls_ssl_context *ssl, unsigned char *buf,
                                             const unsigned char *end, int uses_ec, size_t *out_len)
{
    mbedtls_ssl_session *session = ssl->session_negotiate;
    size_t ticket_len = session->ticket_len;

    if (session->tls_version == MBEDTLS_SSL_VERSION_TLS1_3)
        session->ticket_len = 0;
    int ret = mbedtls_ssl_tls12_write_client_hello_exts(ssl, buf, end, uses_ec, out_len);
    session->ticket_len = ticket_len;
    return ret;
}

/* ---- the ServerHello ------------------------------------------------------------------------- */

static int refuse(mbedtls_ssl_context *ssl, unsigned char alert, int ret)
{
    mbedtls_ssl_pend_fatal_alert(ssl, alert, ret);
    return ret;
}

static int refuse_parameter(mbedtls_ssl_context *ssl)
{
    return refuse(ssl, MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER, MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER);
}

static void ticket_drop(mbedtls_ssl_session *session)
{
    mbedtls_zeroize_and_free(session->ticket, session->ticket_len);
    session->ticket = NULL;
    session->ticket_len = 0;
}

/* The server speaks TLS 1.2. Whoever has sent early data must not go on (RFC 8446 section 4.2.10),
 * and a session of TLS 1.3 is none for TLS 1.2. */
static int tls12_enter(mbedtls_ssl_context *ssl)
{
#ifdef MBEDTLS_SSL_EARLY_DATA
    if (ssl->early_data_state != MBEDTLS_SSL_EARLY_DATA_STATE_IDLE &&
        ssl->early_data_state != MBEDTLS_SSL_EARLY_DATA_STATE_NO_IND_SENT)
        return refuse_parameter(ssl);
#endif
    if (ssl->session_negotiate->tls_version != MBEDTLS_SSL_VERSION_TLS1_2) {
        ssl->handshake->resume = 0;
        ticket_drop(ssl->session_negotiate);
    }
    return 0;
}

static bool is_retry_request(const unsigned char *hello, size_t len)
{
    const size_t magic_len = sizeof(mbedtls_ssl_tls13_hello_retry_request_magic);
    enum { RANDOM_OFFSET = 2 };

    return len >= RANDOM_OFFSET + magic_len &&
           memcmp(hello + RANDOM_OFFSET, mbedtls_ssl_tls13_hello_retry_request_magic, magic_len) ==
               0;
}

int leati_mend_add_hs_msg_to_checksum(mbedtls_ssl_context *ssl, unsigned type,
                                      unsigned char const *msg, size_t msg_len)
{
    if (type == MBEDTLS_SSL_HS_SERVER_HELLO && ssl->tls_version == MBEDTLS_SSL_VERSION_TLS1_2) {
        int ret = tls12_enter(ssl);
        if (ret != 0)
            return ret;
    } else if (type == MBEDTLS_SSL_HS_SERVER_HELLO && !is_retry_request(msg, msg_len) &&
               (ssl->handshake->received_extensions & MBEDTLS_SSL_EXT_MASK(PRE_SHARED_KEY)) == 0) {
        /* Nothing is resumed: what a session left is not of the new one. */
        ssl->handshake->resume = 0;
        ticket_drop(ssl->session_negotiate);
    }
    return mbedtls_ssl_add_hs_msg_to_checksum(ssl, type, msg, msg_len);
}

/* ---- the HelloRetryRequest ------------------------------------------------------------------- */

/* A cookie is the one extension that a server may send without having been asked (RFC 8446
 * section 4.2.2). */
int leati_mend_tls13_check_received_extension(mbedtls_ssl_context *ssl, int msg_type,
                                              unsigned int extension, uint32_t allowed)
{
    if (msg_type == MBEDTLS_SSL_TLS1_3_HS_HELLO_RETRY_REQUEST &&
        extension == MBEDTLS_TLS_EXT_COOKIE)
        mbedtls_ssl_tls13_set_hs_sent_ext_mask(ssl, extension);
    return mbedtls_ssl_tls13_check_received_extension(ssl, msg_type, extension, allowed);
}

/* A session may be offered again only if its hash is that of the suite which the server has chosen
 * (RFC 8446 section 4.1.4). */
static void psk_reconsider(mbedtls_ssl_context *ssl)
{
    const mbedtls_ssl_ciphersuite_t *suite =
        mbedtls_ssl_ciphersuite_from_id(ssl->session_negotiate->ciphersuite);

    if (!suite || suite->mac != ssl->handshake->ciphersuite_info->mac)
        ssl->handshake->resume = 0;
}

/* The last call before the second ClientHello is prepared. It keeps the key share of the first one
 * unless the server has asked for another (RFC 8446 section 4.1.2); mbedTLS would make a new one.
 */
int leati_mend_reset_transcript_for_hrr(mbedtls_ssl_context *ssl)
{
    struct leati_tls_mends *mends = mbedtls_ssl_get_user_data_p(ssl);
    mbedtls_ssl_handshake_params *handshake = ssl->handshake;
    uint32_t received = handshake->received_extensions;

    /* One that changes nothing is refused (RFC 8446 section 4.1.4). */
    if ((received & (MBEDTLS_SSL_EXT_MASK(KEY_SHARE) | MBEDTLS_SSL_EXT_MASK(COOKIE))) == 0)
        return refuse_parameter(ssl);
    /* A cookie has one byte at least (section 4.2.2). */
    if ((received & MBEDTLS_SSL_EXT_MASK(COOKIE)) != 0 && handshake->cookie_len == 0)
        return refuse(ssl, MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR, MBEDTLS_ERR_SSL_DECODE_ERROR);
    if (mends && handshake->cookie_len > LEATI_TLS_COOKIE_LIMIT_BYTES) {
        mends->long_cookie = handshake->cookie_len;
        return refuse_parameter(ssl);
    }
    if (mends && (received & MBEDTLS_SSL_EXT_MASK(KEY_SHARE)) == 0) {
        mends->key_share = handshake->xxdh_psa_privkey;
        handshake->xxdh_psa_privkey = MBEDTLS_SVC_KEY_ID_INIT;
    }
    psk_reconsider(ssl);
    return mbedtls_ssl_reset_transcript_for_hrr(ssl);
}

int leati_mend_tls13_write_xxdh_key_exchange(mbedtls_ssl_context *ssl, uint16_t group,
                                             unsigned char *buf, unsigned char *end,
                                             size_t *out_len)
{
    struct leati_tls_mends *mends = mbedtls_ssl_get_user_data_p(ssl);

    if (!mends || mends->key_share == 0)
        return mbedtls_ssl_tls13_generate_and_write_xxdh_key_exchange(ssl, group, buf, end,
                                                                      out_len);
    ssl->handshake->xxdh_psa_privkey = mends->key_share;
    mends->key_share = 0;
    if (psa_export_public_key(ssl->handshake->xxdh_psa_privkey, buf, (size_t)(end - buf),
                              out_len) != PSA_SUCCESS)
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    return 0;
}
