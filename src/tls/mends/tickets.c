/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/mends/calls.h"

#include <ssl_tls13_keys.h>

/* NewSessionTicket, RFC 8446 section 4.6.1. */
enum {
    LIFETIME_OFFSET = 0,
    NONCE_OFFSET = 8, /* one byte of length, then as many bytes, then two of the ticket's length */
};

/* A ticket is optional, so none ends the connection: seven days are the longest that one may be
 * kept, whatever its lifetime says, and mbedTLS has no room for a longer nonce. With a lifetime of
 * 0 it drops it. */
static void ticket_moderate(unsigned char *message, size_t len)
{
    uint32_t lifetime_s;

    if (len <= NONCE_OFFSET)
        return;
    lifetime_s = MBEDTLS_GET_UINT32_BE(message, LIFETIME_OFFSET);
    if (lifetime_s > MBEDTLS_SSL_TLS1_3_MAX_ALLOWED_TICKET_LIFETIME)
        lifetime_s = MBEDTLS_SSL_TLS1_3_MAX_ALLOWED_TICKET_LIFETIME;
    if (message[NONCE_OFFSET] > MBEDTLS_SSL_TLS1_3_KEY_SCHEDULE_MAX_CONTEXT_LEN)
        lifetime_s = 0;
    MBEDTLS_PUT_UINT32_BE(lifetime_s, message, LIFETIME_OFFSET);
}

int leati_mend_tls13_fetch_handshake_msg(mbedtls_ssl_context *ssl, unsigned type,
                                         unsigned char **buf, size_t *buf_len)
{
    int ret = mbedtls_ssl_tls13_fetch_handshake_msg(ssl, type, buf, buf_len);

    if (ret == 0 && type == MBEDTLS_SSL_HS_NEW_SESSION_TICKET)
        ticket_moderate(*buf, *buf_len);
    return ret;
}
