/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/alerts.h"

#include <stddef.h>

/* The registry of IANA, so that also alerts of TLS 1.0 and of extensions have their names. */
static const char *const alert_names[256] = {
    [0] = "close_notify",
    [10] = "unexpected_message",
    [20] = "bad_record_mac",
    [21] = "decryption_failed",
    [22] = "record_overflow",
    [30] = "decompression_failure",
    [40] = "handshake_failure",
    [41] = "no_certificate",
    [42] = "bad_certificate",
    [43] = "unsupported_certificate",
    [44] = "certificate_revoked",
    [45] = "certificate_expired",
    [46] = "certificate_unknown",
    [47] = "illegal_parameter",
    [48] = "unknown_ca",
    [49] = "access_denied",
    [50] = "decode_error",
    [51] = "decrypt_error",
    [52] = "too_many_cids_requested",
    [60] = "export_restriction",
    [70] = "protocol_version",
    [71] = "insufficient_security",
    [80] = "internal_error",
    [86] = "inappropriate_fallback",
    [90] = "user_canceled",
    [100] = "no_renegotiation",
    [109] = "missing_extension",
    [110] = "unsupported_extension",
    [111] = "certificate_unobtainable",
    [112] = "unrecognized_name",
    [113] = "bad_certificate_status_response",
    [114] = "bad_certificate_hash_value",
    [115] = "unknown_psk_identity",
    [116] = "certificate_required",
    [120] = "no_application_protocol",
    [121] = "ech_required",
};

const char *leati_tls_alert_name(uint8_t description)
{
    return alert_names[description] ? alert_names[description] : "unknown_alert";
}

const char *leati_tls_message_name(uint8_t type)
{
    static const char *const names[256] = {
        [0] = "HelloRequest",        [1] = "ClientHello",
        [2] = "ServerHello",         [4] = "NewSessionTicket",
        [5] = "EndOfEarlyData",      [8] = "EncryptedExtensions",
        [11] = "Certificate",        [12] = "ServerKeyExchange",
        [13] = "CertificateRequest", [14] = "ServerHelloDone",
        [15] = "CertificateVerify",  [16] = "ClientKeyExchange",
        [20] = "Finished",           [22] = "CertificateStatus",
        [24] = "KeyUpdate",          [25] = "CompressedCertificate",
    };

    return names[type] ? names[type] : "handshake message";
}
