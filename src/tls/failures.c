/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/failures.h"

#include "tls/alerts.h"
#include "tls/signer.h"
#include "tls/certificate_text.h"
#include "tls/data.h"
#include "tls/key_update.h"
#include "tls/mbedtls_private.h"
#include "tls/mbedtls_process.h"
#include "tls/resumption.h"
#include "tls/tls_layer.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <stdarg.h>
#include <stdio.h>

#include <mbedtls/bignum.h>
#include <mbedtls/x509.h>

#define TEXT_SIZE 160u

int leati_tls_record(struct leati_failure *failure, int code, int sys_errno, int native_code,
                     const char *format, ...)
{
    struct leati_fault fault = {
        .code = code,
        .layer = LEAT_LAYER_TLS,
        .sys_errno = sys_errno,
        .native_code = native_code,
    };
    va_list args;

    va_start(args, format);
    code = leati_failure_setv(failure, &fault, format, args);
    va_end(args);
    return code;
}

int leati_tls_ready(struct leati_failure *failure)
{
    leati_mbedtls_enter();
    int ret = leati_mbedtls_start();
    if (ret == 0)
        return LEAT_OK;
    if (leati_mbedtls_out_of_memory())
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, ret,
                                "out of memory while starting the TLS engine");
    return leati_tls_record(failure, LEAT_E_TLS_ENGINE, 0, ret,
                            "the TLS engine cannot be started (PSA status %d)", ret);
}

static bool is_handshaking(const struct leati_tls_layer *tls)
{
    return tls->base.state == LEATI_LAYER_CONNECTING;
}

/* mbedTLS adds up two codes: a high-level one in steps of 0x80, a low-level one below that. */
static int high_code(int ret)
{
    return -(-ret & 0xff80);
}

static bool is_out_of_memory(int ret)
{
    return leati_mbedtls_out_of_memory() || high_code(ret) == MBEDTLS_ERR_SSL_ALLOC_FAILED ||
           high_code(ret) == MBEDTLS_ERR_X509_ALLOC_FAILED ||
           ret + (-ret & 0xff80) == MBEDTLS_ERR_MPI_ALLOC_FAILED;
}

static bool is_verification(int ret)
{
    int high = high_code(ret);

    /* The range of X.509 errors: a certificate of the server that cannot be parsed, or not
     * verified. */
    return (high <= MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE &&
            high >= MBEDTLS_ERR_X509_BUFFER_TOO_SMALL) ||
           high == MBEDTLS_ERR_X509_FATAL_ERROR || high == MBEDTLS_ERR_SSL_BAD_CERTIFICATE ||
           high == MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED;
}

int leati_tls_fail_lower(struct leati_tls_layer *tls)
{
    const char *what = is_handshaking(tls) ? "connection lost during the TLS handshake"
                                           : "connection lost below TLS";
    int code = tls->bio.lower_result == LEAT_E_SYSTEM_INTERNAL ? LEAT_E_SYSTEM_INTERNAL
                                                               : LEAT_E_TLS_SYSCALL;

    if (tls->peer_closed && code == LEAT_E_TLS_SYSCALL) {
        code = LEAT_E_TLS_CLOSED;
        what = "cannot send: the peer has ended TLS with close_notify";
    }
    return leati_layer_relabel(&tls->base, code, what);
}

static int fail_eof(struct leati_tls_layer *tls)
{
    if (is_handshaking(tls))
        return leati_layer_fail(&tls->base, LEAT_E_TLS_SYSCALL, 0, MBEDTLS_ERR_SSL_CONN_EOF,
                                "connection closed during the TLS handshake, at %s",
                                leati_mbedtls_step_name(&tls->ssl));
    return leati_layer_fail(&tls->base, LEAT_E_TLS_SYSCALL, 0, MBEDTLS_ERR_SSL_CONN_EOF,
                            "connection closed without close_notify: data may be missing "
                            "(truncated)");
}

static int fail_verification(struct leati_tls_layer *tls, int ret)
{
    uint32_t flags = mbedtls_ssl_get_verify_result(&tls->ssl);

    /* Nothing was verified when the certificate could not even be parsed. */
    if (!tls->verifier.leaf_seen && flags != UINT32_MAX)
        return leati_layer_fail(&tls->base, LEAT_E_TLS_VERIFY, 0, ret,
                                "the %s's certificate cannot be used: %s", leati_tls_peer_name(tls),
                                leati_mbedtls_error_text(ret));
    const char *reasons = leati_tls_verifier_reasons(&tls->verifier, flags);
    int native_code = tls->verifier.native_code != 0 ? tls->verifier.native_code
                                                     : MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
    return leati_layer_fail(&tls->base, LEAT_E_TLS_VERIFY, 0, native_code,
                            "the %s's certificate is not accepted: %s", leati_tls_peer_name(tls),
                            reasons);
}

/* mbedTLS leaves a client of TLS 1.2 without an answer: RFC 5246 section 7.4.6 names this one. */
static int fail_no_certificate(struct leati_tls_layer *tls, int ret)
{
    if (mbedtls_ssl_get_version_number(&tls->ssl) == MBEDTLS_SSL_VERSION_TLS1_2)
        (void)mbedtls_ssl_send_alert_message(&tls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                             MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    return leati_layer_fail(&tls->base, LEAT_E_TLS_VERIFY, 0, ret,
                            "the client has no certificate, and one is required");
}

int leati_tls_fail_optional_certificate(struct leati_tls_layer *tls)
{
    (void)mbedtls_ssl_send_alert_message(&tls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                         MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    int code = is_out_of_memory(0) ? leati_layer_fail(&tls->base, LEAT_E_SYSTEM_INTERNAL, 0,
                                                      MBEDTLS_ERR_SSL_ALLOC_FAILED,
                                                      "out of memory in the TLS engine")
                                   : fail_verification(tls, MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
    (void)leati_tls_bio_flush(&tls->bio);
    return code;
}

int leati_tls_fail_pin(struct leati_tls_layer *tls)
{
    const mbedtls_x509_crt *cert = mbedtls_ssl_get_peer_cert(&tls->ssl);
    char pin[LEATI_TLS_PIN_TEXT_SIZE] = "none";

    if (cert)
        leati_tls_pin_format(cert, pin);
    (void)mbedtls_ssl_send_alert_message(&tls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                         MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    int code =
        leati_layer_fail(&tls->base, LEAT_E_TLS_VERIFY, 0, 0,
                         "public-key pin mismatch (the %s's is %s)", leati_tls_peer_name(tls), pin);
    (void)leati_tls_bio_flush(&tls->bio);
    return code;
}

static int fail_received_alert(struct leati_tls_layer *tls, int ret, uint8_t description)
{
    return leati_layer_fail(
        &tls->base, LEAT_E_TLS_ENGINE, 0, ret, "the %s ended the TLS %s with the alert %s (%u)",
        leati_tls_peer_name(tls), is_handshaking(tls) ? "handshake" : "connection",
        leati_tls_alert_name(description), description);
}

static int fail_not_tls(struct leati_tls_layer *tls, int ret)
{
    char greeting[4 * LEATI_TLS_GREETING_BYTES + 1];
    size_t pos = 0;

    for (size_t i = 0; i < tls->bio.greeting_len; i++) {
        uint8_t c = tls->bio.greeting[i];
        bool printable = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        leati_readable_append(greeting, sizeof(greeting), &pos, printable ? "%c" : "\\x%02x", c);
    }
    return leati_layer_fail(&tls->base, LEAT_E_TLS_ENGINE, 0, ret,
                            tls->is_server ? "not a TLS client? It begins with \"%s\""
                                           : "not a TLS server? Its answer begins with \"%s\"",
                            greeting);
}

/* What a peer is told about a failure that mbedTLS keeps to itself (RFC 8446 section 6.2). */
static uint8_t alert_for(int ret)
{
    switch (high_code(ret)) {
    case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
    case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD:
        return MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
    case MBEDTLS_ERR_SSL_DECODE_ERROR:
        return MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR;
    case MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER:
        return MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER;
    case MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION:
        return MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_EXT;
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
        return MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION;
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
        return MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
    default:
        return MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR;
    }
}

/* What the peer has been told, by mbedTLS or here; -1 = not known. */
static int alert_ensure(struct leati_tls_layer *tls, int ret, uint8_t description)
{
    int sent = leati_mbedtls_sent_alert(&tls->ssl, ret);

    if (sent < 0)
        sent = tls->bio.plain_alert;
    if (sent < 0 && ret == MBEDTLS_ERR_SSL_INVALID_MAC)
        sent = MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC;
    if (sent >= 0 || tls->bio.alert_sent)
        return sent;
    if (mbedtls_ssl_send_alert_message(&tls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, description) != 0)
        return -1;
    return description;
}

/* Nobody verified it, and what comes next needs its key. */
static bool has_unusable_key(const struct leati_tls_layer *tls)
{
    const mbedtls_x509_crt *cert = leati_mbedtls_shown_certificate(&tls->ssl);

    return cert && cert->raw.len > 0 && mbedtls_pk_get_type(&cert->pk) == MBEDTLS_PK_NONE;
}

static int fail_unusable_key(struct leati_tls_layer *tls, int ret)
{
    const mbedtls_x509_crt *cert = leati_mbedtls_shown_certificate(&tls->ssl);

    (void)alert_ensure(tls, ret, MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT);
    return leati_layer_fail(
        &tls->base, LEAT_E_TLS_VERIFY, 0, ret, "the %s's certificate cannot be used: its key: %s",
        leati_tls_peer_name(tls), leati_mbedtls_error_text(leati_tls_key_parser_code(cert)));
}

/* Records the failure of mbedTLS, `what`, and with what alert the peer is left. */
static int fail_with_alert(struct leati_tls_layer *tls, int ret, uint8_t description,
                           const char *what)
{
    int sent = alert_ensure(tls, ret, description);

    if (sent < 0)
        return leati_layer_fail(&tls->base, LEAT_E_TLS_ENGINE, 0, ret, "%s", what);
    return leati_layer_fail(&tls->base, LEAT_E_TLS_ENGINE, 0, ret, "%s; answered with the alert %s",
                            what, leati_tls_alert_name((uint8_t)sent));
}

static int fail_key_update(struct leati_tls_layer *tls, int ret)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text), "the %s sent a KeyUpdate, which this mbedTLS does not support",
             leati_tls_peer_name(tls));
    return fail_with_alert(tls, ret, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE, text);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static int fail_long_message(struct leati_tls_layer *tls, int ret)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text), "the %s's %s has %zu bytes, at most %u are taken",
             leati_tls_peer_name(tls), leati_tls_message_name(tls->mends.too_long_type),
             tls->mends.too_long, LEATI_TLS_MESSAGE_LIMIT_BYTES);
    return fail_with_alert(tls, ret, MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER, text);
}

static int fail_long_cookie(struct leati_tls_layer *tls, int ret)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text),
             "the server's HelloRetryRequest has a cookie of %zu bytes, at most %u are sent back",
             tls->mends.long_cookie, LEATI_TLS_COOKIE_LIMIT_BYTES);
    return fail_with_alert(tls, ret, MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER, text);
}

static int fail_empty_records(struct leati_tls_layer *tls, int ret)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text), "the %s sent %u empty records in a row, at most %u are taken",
             leati_tls_peer_name(tls), tls->empty_records, LEATI_TLS_EMPTY_RECORDS_LIMIT);
    return fail_with_alert(tls, ret, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE, text);
}

static int fail_flood(struct leati_tls_layer *tls, int ret)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text),
             "the %s sent more than %u bytes in records that carry nothing or in one message",
             leati_tls_peer_name(tls), LEATI_TLS_IDLE_LIMIT_BYTES);
    return fail_with_alert(tls, ret, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE, text);
}

static int fail_key_updates(struct leati_tls_layer *tls, int ret)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text),
             "the %s sent %u KeyUpdates without data in between, at most %u are taken",
             leati_tls_peer_name(tls), tls->key_updates, LEATI_TLS_KEY_UPDATES_LIMIT);
    return fail_with_alert(tls, ret, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE, text);
}

/* The longest record of TLS 1.3 (RFC 8446 section 5.2), of TLS 1.2 and in the clear (RFC 5246
 * section 6.2). */
static size_t record_limit(const struct leati_tls_layer *tls)
{
    enum { TLS_1_3 = 16384 + 256, TLS_1_2 = 16384 + 2048 };

    return mbedtls_ssl_get_version_number(&tls->ssl) == MBEDTLS_SSL_VERSION_TLS1_3 ? TLS_1_3
                                                                                   : TLS_1_2;
}

static bool is_long_record(const struct leati_tls_layer *tls, int ret)
{
    return (ret == MBEDTLS_ERR_SSL_BAD_INPUT_DATA || ret == MBEDTLS_ERR_SSL_INVALID_RECORD) &&
           leati_mbedtls_record_length(&tls->ssl) > record_limit(tls);
}

static int fail_long_record(struct leati_tls_layer *tls, int ret)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text), "the %s sent a record of %zu bytes, at most %zu are allowed",
             leati_tls_peer_name(tls), leati_mbedtls_record_length(&tls->ssl), record_limit(tls));
    return fail_with_alert(tls, ret, MBEDTLS_SSL_ALERT_MSG_RECORD_OVERFLOW, text);
}

/* ---- everything else ------------------------------------------------------------------------- */

/* Why mbedTLS may be wrong, where it is not leat's own. */
static const char *excuse(const struct leati_tls_layer *tls, int ret)
{
#ifndef LEAT_MBEDTLS_MENDED
    if (is_handshaking(tls) && leati_mbedtls_refused_signature(&tls->ssl, ret))
        return " (mbedTLS 3.6.6 says so when a TLS 1.2 server signs with RSA-PSS, which a client "
               "that offers TLS 1.2 only "
               "avoids)";
#endif
    (void)tls;
    (void)ret;
    return "";
}

static int fail_by_text(struct leati_tls_layer *tls, int ret)
{
    char text[LEAT_ERROR_TEXT_SIZE];
    size_t pos = 0;

    if (is_handshaking(tls))
        leati_readable_append(text, sizeof(text), &pos, "TLS handshake failed at %s: %s",
                              leati_mbedtls_step_name(&tls->ssl), leati_mbedtls_error_text(ret));
    else
        leati_readable_append(text, sizeof(text), &pos, "TLS connection failed: %s",
                              leati_mbedtls_error_text(ret));
    leati_readable_append(text, sizeof(text), &pos, "%s", excuse(tls, ret));
    return fail_with_alert(tls, ret, alert_for(ret), text);
}

static int fail_by_code(struct leati_tls_layer *tls, int ret)
{
    uint8_t description;

    if (is_out_of_memory(ret))
        return leati_layer_fail(&tls->base, LEAT_E_SYSTEM_INTERNAL, 0, ret,
                                "out of memory in the TLS engine");
    if (tls->bio.overflow)
        return leati_layer_fail(&tls->base, LEAT_E_TLS_WRITE, 0, ret,
                                "the peer does not read what TLS must answer it");
    if (leati_tls_bio_is_flooded(&tls->bio))
        return fail_flood(tls, ret);
    if (ret == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
        return fail_received_alert(tls, ret, leati_mbedtls_received_alert(&tls->ssl));
    if (leati_mbedtls_refused_plain_alert(&tls->ssl, ret, &description) ||
        leati_mbedtls_refused_alert(&tls->ssl, ret, &description))
        return fail_received_alert(tls, ret, description);
    if (!leati_tls_bio_speaks_tls(&tls->bio))
        return fail_not_tls(tls, ret);
    if (is_handshaking(tls) && ret == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
        return fail_no_certificate(tls, ret);
    if (is_handshaking(tls) && is_verification(ret))
        return fail_verification(tls, ret);
    if (is_handshaking(tls) && leati_tls_signer_has_failed())
        return fail_with_alert(tls, ret, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR,
                               "the program's callback has not signed with the key of our "
                               "certificate");
    if (is_handshaking(tls) && has_unusable_key(tls))
        return fail_unusable_key(tls, ret);
    if (tls->mends.too_long > 0)
        return fail_long_message(tls, ret);
    if (tls->mends.long_cookie > 0)
        return fail_long_cookie(tls, ret);
    if (tls->empty_records > LEATI_TLS_EMPTY_RECORDS_LIMIT)
        return fail_empty_records(tls, ret);
    if (is_long_record(tls, ret))
        return fail_long_record(tls, ret);
    if (tls->key_updates > LEATI_TLS_KEY_UPDATES_LIMIT)
        return fail_key_updates(tls, ret);
    if (ret == MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE && !is_handshaking(tls))
        return fail_key_update(tls, ret);
    return fail_by_text(tls, ret);
}

int leati_tls_fail(struct leati_tls_layer *tls, int ret)
{
    if (is_handshaking(tls))
        leati_tls_resumption_forget(tls);
    else if (tls->bio.lower_result == LEAT_OK || tls->bio.lower_result == LEATI_AGAIN)
        leati_tls_resumption_discard(tls);
    if (tls->bio.lower_result > LEAT_OK)
        return leati_tls_fail_lower(tls);
    if (tls->bio.lower_result == LEATI_EOF)
        return fail_eof(tls);

    int code = fail_by_code(tls, ret);
    /* The alert is to reach the peer; what cannot be written at once is given up. */
    (void)leati_tls_bio_flush(&tls->bio);
    return code;
}
