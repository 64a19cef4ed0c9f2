/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/mbedtls_private.h"

#include <stddef.h>
#include <string.h>

#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_NUMBER < 0x03060000 || MBEDTLS_VERSION_NUMBER >= 0x03070000
#error "these are the private fields of mbedTLS 3.6"
#endif
#if !defined(MBEDTLS_SSL_PROTO_TLS1_2) || !defined(MBEDTLS_SSL_PROTO_TLS1_3)
#error "mbedTLS must be built with TLS 1.2 and TLS 1.3"
#endif

/* KeyUpdate, RFC 8446 section 4. mbedTLS has no name for it because it does not know it. */
#define HANDSHAKE_TYPE_KEY_UPDATE 24

static const char *const step_names[] = {
    [MBEDTLS_SSL_HELLO_REQUEST] = "ClientHello",
    [MBEDTLS_SSL_CLIENT_HELLO] = "ClientHello",
    [MBEDTLS_SSL_SERVER_HELLO] = "ServerHello",
    [MBEDTLS_SSL_SERVER_CERTIFICATE] = "the server's Certificate",
    [MBEDTLS_SSL_SERVER_KEY_EXCHANGE] = "ServerKeyExchange",
    [MBEDTLS_SSL_CERTIFICATE_REQUEST] = "CertificateRequest",
    [MBEDTLS_SSL_SERVER_HELLO_DONE] = "ServerHelloDone",
    [MBEDTLS_SSL_CLIENT_CERTIFICATE] = "the client's Certificate",
    [MBEDTLS_SSL_CLIENT_KEY_EXCHANGE] = "ClientKeyExchange",
    [MBEDTLS_SSL_CLIENT_CHANGE_CIPHER_SPEC] = "the client's ChangeCipherSpec",
    [MBEDTLS_SSL_CLIENT_FINISHED] = "the client's Finished",
    [MBEDTLS_SSL_SERVER_CHANGE_CIPHER_SPEC] = "the server's ChangeCipherSpec",
    [MBEDTLS_SSL_SERVER_FINISHED] = "the server's Finished",
    [MBEDTLS_SSL_NEW_SESSION_TICKET] = "NewSessionTicket",
    [MBEDTLS_SSL_HELLO_RETRY_REQUEST] = "ServerHello",
    [MBEDTLS_SSL_ENCRYPTED_EXTENSIONS] = "EncryptedExtensions",
    [MBEDTLS_SSL_CLIENT_CERTIFICATE_VERIFY] = "the client's CertificateVerify",
    [MBEDTLS_SSL_CLIENT_CCS_AFTER_SERVER_FINISHED] = "the client's ChangeCipherSpec",
    [MBEDTLS_SSL_CLIENT_CCS_BEFORE_2ND_CLIENT_HELLO] = "ClientHello",
    [MBEDTLS_SSL_SERVER_CCS_AFTER_SERVER_HELLO] = "the server's ChangeCipherSpec",
    [MBEDTLS_SSL_CLIENT_CCS_AFTER_CLIENT_HELLO] = "ClientHello",
    [MBEDTLS_SSL_SERVER_CCS_AFTER_HELLO_RETRY_REQUEST] = "ClientHello",
    [MBEDTLS_SSL_END_OF_EARLY_DATA] = "EndOfEarlyData",
    [MBEDTLS_SSL_TLS1_3_NEW_SESSION_TICKET] = "NewSessionTicket",
    [MBEDTLS_SSL_TLS1_3_NEW_SESSION_TICKET_FLUSH] = "NewSessionTicket",
};

const char *leati_mbedtls_step_name(const mbedtls_ssl_context *ssl)
{
    unsigned state = (unsigned)ssl->MBEDTLS_PRIVATE(state);

    /* In TLS 1.3 that message is optional, and so it mostly is the next one. */
    if (state == MBEDTLS_SSL_CERTIFICATE_REQUEST &&
        mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_3)
        state = MBEDTLS_SSL_SERVER_CERTIFICATE;
    /* In TLS 1.2 only a client sends it, in TLS 1.3 mbedTLS calls that of a client otherwise. */
    if (state == MBEDTLS_SSL_CERTIFICATE_VERIFY)
        return mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_3
                   ? "the server's CertificateVerify"
                   : "the client's CertificateVerify";
    if (state >= sizeof(step_names) / sizeof(step_names[0]) || !step_names[state])
        return "Finished";
    return step_names[state];
}

bool leati_mbedtls_handshake_is_over(const mbedtls_ssl_context *ssl)
{
    return ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_HANDSHAKE_OVER;
}

void leati_mbedtls_fix_alert_keys(mbedtls_ssl_context *ssl)
{
    mbedtls_ssl_transform *application = ssl->MBEDTLS_PRIVATE(transform_application);
    int state = ssl->MBEDTLS_PRIVATE(state);

    if (!application || ssl->MBEDTLS_PRIVATE(transform_out) == application ||
        (state != MBEDTLS_SSL_CLIENT_CERTIFICATE &&
         state != MBEDTLS_SSL_CLIENT_CERTIFICATE_VERIFY && state != MBEDTLS_SSL_CLIENT_FINISHED))
        return;
    /* Nothing but an alert is sent until mbedTLS does the same, counter included. */
    ssl->MBEDTLS_PRIVATE(transform_out) = application;
    memset(ssl->MBEDTLS_PRIVATE(cur_out_ctr), 0, sizeof(ssl->MBEDTLS_PRIVATE(cur_out_ctr)));
}

const mbedtls_x509_crt *leati_mbedtls_shown_certificate(const mbedtls_ssl_context *ssl)
{
    const mbedtls_ssl_session *session = ssl->MBEDTLS_PRIVATE(session_negotiate);

    return session ? session->MBEDTLS_PRIVATE(peer_cert) : NULL;
}

int leati_mbedtls_state(const mbedtls_ssl_context *ssl)
{
    return ssl->MBEDTLS_PRIVATE(state);
}

uint8_t leati_mbedtls_handshake_message(const mbedtls_ssl_context *ssl, const uint8_t **ret_body,
                                        size_t *ret_len)
{
    enum { HEADER_BYTES = 4 }; /* RFC 8446 section 4: type, length */
    const uint8_t *message = ssl->MBEDTLS_PRIVATE(in_msg);
    size_t len = ssl->MBEDTLS_PRIVATE(in_hslen);

    if (ssl->MBEDTLS_PRIVATE(in_msgtype) != MBEDTLS_SSL_MSG_HANDSHAKE || len < HEADER_BYTES ||
        len > ssl->MBEDTLS_PRIVATE(in_msglen))
        return 0;
    *ret_body = message + HEADER_BYTES;
    *ret_len = len - HEADER_BYTES;
    return message[0];
}

bool leati_mbedtls_certificate_due(const mbedtls_ssl_context *ssl)
{
    return ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_SERVER_CERTIFICATE;
}

uint8_t leati_mbedtls_received_alert(const mbedtls_ssl_context *ssl)
{
    /* RFC 8446 section 6: level, then description. mbedTLS has checked that both are there. */
    return ssl->MBEDTLS_PRIVATE(in_msg)[1];
}

bool leati_mbedtls_refused_plain_alert(const mbedtls_ssl_context *ssl, int ret,
                                       uint8_t *ret_description)
{
    /* Type, version, length (no ciphertext is that short), level, description. */
    static const uint8_t header[] = {MBEDTLS_SSL_MSG_ALERT, 3, 3, 0, 2};
    const unsigned char *record = ssl->MBEDTLS_PRIVATE(in_hdr);

    if (ret != MBEDTLS_ERR_SSL_INVALID_MAC || memcmp(record, header, sizeof(header)) != 0)
        return false;
    *ret_description = record[6];
    return true;
}

bool leati_mbedtls_refused_alert(const mbedtls_ssl_context *ssl, int ret, uint8_t *ret_description)
{
    const unsigned char *alert = ssl->MBEDTLS_PRIVATE(in_msg);

    if (ret != MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE ||
        ssl->MBEDTLS_PRIVATE(in_msgtype) != MBEDTLS_SSL_MSG_ALERT ||
        ssl->MBEDTLS_PRIVATE(in_msglen) != 2 || alert[0] != MBEDTLS_SSL_ALERT_LEVEL_FATAL)
        return false;
    *ret_description = alert[1];
    return true;
}

int leati_mbedtls_sent_alert(const mbedtls_ssl_context *ssl, int ret)
{
    return ssl->MBEDTLS_PRIVATE(alert_reason) == ret ? ssl->MBEDTLS_PRIVATE(alert_type) : -1;
}

bool leati_mbedtls_refused_key_update(const mbedtls_ssl_context *ssl,
                                      struct leati_mbedtls_message *ret_message)
{
    uint8_t type;

    if (mbedtls_ssl_get_version_number(ssl) != MBEDTLS_SSL_VERSION_TLS1_3)
        return false;
    type = leati_mbedtls_handshake_message(ssl, &ret_message->body, &ret_message->len);
    ret_message->is_last = ssl->MBEDTLS_PRIVATE(in_hslen) == ssl->MBEDTLS_PRIVATE(in_msglen);
    return type == HANDSHAKE_TYPE_KEY_UPDATE;
}

uint64_t leati_mbedtls_records_written(const mbedtls_ssl_context *ssl)
{
    const unsigned char *counter = ssl->MBEDTLS_PRIVATE(cur_out_ctr);
    uint64_t count = 0;

    for (size_t i = 0; i < sizeof(ssl->MBEDTLS_PRIVATE(cur_out_ctr)); i++)
        count = count << 8 | counter[i];
    return count;
}

bool leati_mbedtls_refused_signature(const mbedtls_ssl_context *ssl, int ret)
{
    return ret == MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER &&
           ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_SERVER_KEY_EXCHANGE;
}

/* Only in mbedTLS' own headers; a shared library need not have it. */
__attribute__((weak)) void mbedtls_ssl_handshake_free(mbedtls_ssl_context *ssl);

unsigned leati_mbedtls_empty_records(mbedtls_ssl_context *ssl)
{
    unsigned count = (unsigned)ssl->MBEDTLS_PRIVATE(nb_zero);

    ssl->MBEDTLS_PRIVATE(nb_zero) = 0;
    return count;
}

size_t leati_mbedtls_record_length(const mbedtls_ssl_context *ssl)
{
    const unsigned char *header = ssl->MBEDTLS_PRIVATE(in_hdr);

    return (size_t)(header[3] << 8 | header[4]);
}

size_t leati_mbedtls_ticket_length(const mbedtls_ssl_session *session)
{
    return session->MBEDTLS_PRIVATE(ticket_len);
}

void leati_mbedtls_forget_ticket(mbedtls_ssl_context *ssl)
{
    mbedtls_ssl_session *session = ssl->MBEDTLS_PRIVATE(session);

    if (!session || !session->MBEDTLS_PRIVATE(ticket))
        return;
    mbedtls_platform_zeroize(session->MBEDTLS_PRIVATE(ticket),
                             session->MBEDTLS_PRIVATE(ticket_len));
    mbedtls_free(session->MBEDTLS_PRIVATE(ticket));
    session->MBEDTLS_PRIVATE(ticket) = NULL;
    session->MBEDTLS_PRIVATE(ticket_len) = 0;
}

static void peer_certificate_free(mbedtls_ssl_session *session)
{
    if (!session || !session->MBEDTLS_PRIVATE(peer_cert))
        return;
    mbedtls_x509_crt_free(session->MBEDTLS_PRIVATE(peer_cert));
    mbedtls_free(session->MBEDTLS_PRIVATE(peer_cert));
    session->MBEDTLS_PRIVATE(peer_cert) = NULL;
}

/* mbedtls_ssl_free() looks for what was being negotiated only where there is a handshake. */
static void handshake_drop(mbedtls_ssl_context *ssl)
{
    mbedtls_free(ssl->MBEDTLS_PRIVATE(handshake));
    ssl->MBEDTLS_PRIVATE(handshake) = NULL;
#if defined(MBEDTLS_SSL_PROTO_TLS1_2)
    /* In TLS 1.3 it was never filled in. */
    mbedtls_free(ssl->MBEDTLS_PRIVATE(transform_negotiate));
    ssl->MBEDTLS_PRIVATE(transform_negotiate) = NULL;
#endif
    if (ssl->MBEDTLS_PRIVATE(session_negotiate)) {
        mbedtls_ssl_session_free(ssl->MBEDTLS_PRIVATE(session_negotiate));
        mbedtls_free(ssl->MBEDTLS_PRIVATE(session_negotiate));
        ssl->MBEDTLS_PRIVATE(session_negotiate) = NULL;
    }
}

/* A client's comes again for a ticket: src/tls/mends/messages.c. */
static bool handshake_may_go(const mbedtls_ssl_context *ssl)
{
#ifdef LEAT_MBEDTLS_MENDED
    return leati_mbedtls_handshake_is_over(ssl);
#else
    return ssl->MBEDTLS_PRIVATE(conf)->MBEDTLS_PRIVATE(endpoint) == MBEDTLS_SSL_IS_SERVER;
#endif
}

void leati_mbedtls_forget_handshake(mbedtls_ssl_context *ssl, bool and_peer_certificate)
{
    if (ssl->MBEDTLS_PRIVATE(handshake) && mbedtls_ssl_handshake_free) {
        mbedtls_ssl_handshake_free(ssl);
        if (handshake_may_go(ssl))
            handshake_drop(ssl);
    }
    if (and_peer_certificate)
        peer_certificate_free(ssl->MBEDTLS_PRIVATE(session));
}

void leati_mbedtls_forget_ticket_handshake(mbedtls_ssl_context *ssl)
{
    if (ssl->MBEDTLS_PRIVATE(handshake) && handshake_may_go(ssl))
        handshake_drop(ssl);
}

/* ---- its two record buffers ------------------------------------------------------------------ */

enum { LENGTH_OFFSET = 3 }; /* in a record's header, behind type and version */

bool leati_mbedtls_buffers_are_idle(const mbedtls_ssl_context *ssl)
{
    return ssl->MBEDTLS_PRIVATE(in_left) == 0 && ssl->MBEDTLS_PRIVATE(out_left) == 0 &&
           ssl->MBEDTLS_PRIVATE(in_hdr) ==
               ssl->MBEDTLS_PRIVATE(in_buf) + LEATI_MBEDTLS_COUNTER_BYTES &&
           !mbedtls_ssl_check_pending(ssl);
}

void leati_mbedtls_buffers_take(mbedtls_ssl_context *ssl, uint8_t **ret_in, uint8_t **ret_out,
                                size_t *ret_out_data)
{
    uint8_t *out = ssl->MBEDTLS_PRIVATE(out_buf);

    *ret_in = ssl->MBEDTLS_PRIVATE(in_buf);
    *ret_out = out;
    *ret_out_data = (size_t)(ssl->MBEDTLS_PRIVATE(out_msg) - out);
    ssl->MBEDTLS_PRIVATE(in_buf) = NULL;
    ssl->MBEDTLS_PRIVATE(out_buf) = NULL;
}

static void out_set(mbedtls_ssl_context *ssl, uint8_t *out, size_t out_data)
{
    uint8_t *record = out + LEATI_MBEDTLS_COUNTER_BYTES;

    ssl->MBEDTLS_PRIVATE(out_buf) = out;
    ssl->MBEDTLS_PRIVATE(out_ctr) = out;
    ssl->MBEDTLS_PRIVATE(out_hdr) = record;
    ssl->MBEDTLS_PRIVATE(out_len) = record + LENGTH_OFFSET;
    ssl->MBEDTLS_PRIVATE(out_iv) = record + LEATI_MBEDTLS_HEADER_BYTES;
    ssl->MBEDTLS_PRIVATE(out_msg) = out + out_data;
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
    ssl->MBEDTLS_PRIVATE(out_cid) = ssl->MBEDTLS_PRIVATE(out_len);
#endif
}

uint8_t *leati_mbedtls_out_exchange(mbedtls_ssl_context *ssl, uint8_t *out)
{
    uint8_t *before = ssl->MBEDTLS_PRIVATE(out_buf);

    out_set(ssl, out, (size_t)(ssl->MBEDTLS_PRIVATE(out_msg) - before));
    return before;
}

void leati_mbedtls_buffers_give(mbedtls_ssl_context *ssl, uint8_t *in, uint8_t *out,
                                size_t out_data)
{
    uint8_t *in_record = in + LEATI_MBEDTLS_COUNTER_BYTES;

    ssl->MBEDTLS_PRIVATE(in_buf) = in;
    ssl->MBEDTLS_PRIVATE(in_ctr) = in;
    ssl->MBEDTLS_PRIVATE(in_hdr) = in_record;
    ssl->MBEDTLS_PRIVATE(in_len) = in_record + LENGTH_OFFSET;
    ssl->MBEDTLS_PRIVATE(in_iv) = in_record + LEATI_MBEDTLS_HEADER_BYTES;
    ssl->MBEDTLS_PRIVATE(in_msg) = in_record + LEATI_MBEDTLS_HEADER_BYTES;

    out_set(ssl, out, out_data);
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID)
    ssl->MBEDTLS_PRIVATE(in_cid) = ssl->MBEDTLS_PRIVATE(in_len);
#endif
}

const char *leati_mbedtls_issuer_problem(const mbedtls_x509_crt *issuer, bool is_sent, int depth)
{
    if ((is_sent || issuer->version >= 3) && !issuer->MBEDTLS_PRIVATE(ca_istrue))
        return "its issuer is no CA (basicConstraints)";
    if (mbedtls_x509_crt_check_key_usage(issuer, MBEDTLS_X509_KU_KEY_CERT_SIGN) != 0)
        return "bad usage: the keyUsage extension of its issuer does not allow it (keyCertSign)";
    int limit = issuer->MBEDTLS_PRIVATE(max_pathlen); /* with the issuer itself; 0 = none */
    if (limit > 0 && limit < 1 + depth)
        return "its issuer has more CAs below it than its pathlen allows (basicConstraints)";
    return NULL;
}

void leati_mbedtls_sha512_set_start(mbedtls_sha512_context *context, const uint64_t start[8])
{
    memcpy(context->MBEDTLS_PRIVATE(state), start, sizeof(context->MBEDTLS_PRIVATE(state)));
}
