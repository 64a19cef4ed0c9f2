/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshake messages out of records. mbedTLS wants the header of a message in one record, and all
 * of it in one record's buffer; RFC 8446 section 5.1 lets a message be cut at any byte, into as
 * many records as it needs.
 */
#include "tls/mends/calls.h"
#include "tls/mends/mends.h"

#include <stdbool.h>
#include <string.h>

#include <mbedtls/platform.h>

#define HEADER_BYTES 4u /* RFC 8446 section 4: type, length */

static size_t message_length(const uint8_t *header)
{
    return HEADER_BYTES + MBEDTLS_GET_UINT24_BE(header, 1);
}

/* Room for `len` bytes in all. */
static int message_reserve(struct leati_tls_mends *mends, size_t len)
{
    if (len <= mends->message_cap)
        return 0;
    size_t cap = 2 * mends->message_cap > len ? 2 * mends->message_cap : len;
    uint8_t *message = mbedtls_calloc(1, cap);
    if (!message)
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    if (mends->message) {
        memcpy(message, mends->message, mends->message_len);
        mbedtls_zeroize_and_free(mends->message, mends->message_cap);
    }
    mends->message = message;
    mends->message_cap = cap;
    return 0;
}

void leati_tls_messages_free(struct leati_tls_mends *mends)
{
    mbedtls_zeroize_and_free(mends->message, mends->message_cap);
    mends->message = NULL;
    mends->message_cap = 0;
    mends->message_len = 0;
}

/* Keeps what the record has, of a message that goes on in the next one. It may be here already, as
 * the rest behind one that was complete. */
static int message_hold(struct leati_tls_mends *mends, mbedtls_ssl_context *ssl)
{
    if (ssl->in_msg != mends->message) {
        int ret = message_reserve(mends, mends->message_len + ssl->in_msglen);
        if (ret != 0)
            return ret;
        memcpy(mends->message + mends->message_len, ssl->in_msg, ssl->in_msglen);
    }
    mends->message_len += ssl->in_msglen;
    return 0;
}

/* All of it has been used; mbedTLS is to read the next record, and takes nothing but handshake
 * messages until this one is complete. */
static int record_next(mbedtls_ssl_context *ssl)
{
    ssl->in_msglen = 0;
    ssl->in_hslen = 0;
    ssl->badmac_seen_or_in_hsfraglen = 1;
    return MBEDTLS_ERR_SSL_CONTINUE_PROCESSING;
}

/* Messages do not span a change of keys (RFC 8446 section 5.1). */
static bool keys_have_changed(struct leati_tls_mends *mends, const mbedtls_ssl_context *ssl)
{
    bool continues =
        mends->message_len > 0 || (mends->rest_len > 0 && mends->rest_len == ssl->in_msglen);

    mends->rest_len = 0;
    if (continues)
        return mends->keys != ssl->transform_in;
    mends->keys = ssl->transform_in;
    return false;
}

/* The message begins at ssl->in_msg; ssl->in_msglen has all that is here of it and behind it. */
static int message_present(struct leati_tls_mends *mends, mbedtls_ssl_context *ssl, size_t len)
{
    ssl->in_hslen = len;
    ssl->badmac_seen_or_in_hsfraglen = 0;
    mends->rest_len = ssl->in_msglen - len;
    mends->message_len = 0;
    return 0;
}

/* A client has dropped what the handshake needed. For a ticket mbedTLS wants it to be there, and takes
 * nothing from it. */
static bool handshake_present(mbedtls_ssl_context *ssl)
{
    if (!ssl->handshake && ssl->conf->endpoint == MBEDTLS_SSL_IS_CLIENT &&
        ssl->tls_version == MBEDTLS_SSL_VERSION_TLS1_3)
        ssl->handshake = mbedtls_calloc(1, sizeof(*ssl->handshake));
    return ssl->handshake || ssl->conf->endpoint == MBEDTLS_SSL_IS_SERVER ||
           ssl->tls_version != MBEDTLS_SSL_VERSION_TLS1_3;
}

/* Called for a record of handshake messages that has been decrypted, and again for what is left of
 * it once its first message has been dealt with. */
int mbedtls_ssl_prepare_handshake_record(mbedtls_ssl_context *ssl)
{
    struct leati_tls_mends *mends = mbedtls_ssl_get_user_data_p(ssl);
    size_t len = 0;

    if (!mends)
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    if (!handshake_present(ssl))
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    /* An empty one is forbidden. */
    if (ssl->in_msglen == 0 || keys_have_changed(mends, ssl))
        return MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;

    if (mends->message_len > 0) {
        int ret = message_hold(mends, ssl);
        if (ret != 0)
            return ret;
        ssl->in_msg = mends->message;
        ssl->in_msglen = mends->message_len;
    }
    if (ssl->in_msglen >= HEADER_BYTES)
        len = message_length(ssl->in_msg);
    if (len > HEADER_BYTES + LEATI_TLS_MESSAGE_LIMIT_BYTES) {
        mends->too_long = len - HEADER_BYTES;
        mends->too_long_type = ssl->in_msg[0];
        return MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER;
    }
    if (len > 0 && ssl->in_msglen >= len)
        return message_present(mends, ssl, len);
    if (mends->message_len == 0) {
        int ret = message_hold(mends, ssl);
        if (ret != 0)
            return ret;
    }
    return record_next(ssl);
}
