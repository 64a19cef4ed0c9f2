/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: 2303501 to 2303505, and the certificate files of 2302002. The files are those of
 * tests/support/certificates.c; the driver stands in their folder. */
#include "fault/fault.h"
#include "support/certificates.h"

#include <criterion/criterion.h>
#include <errno.h>

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

#define TLS(code_) .url = "wss://127.0.0.1:%u/", .code = (code_), .layer = LEAT_LAYER_TLS
#define SCRIPT     static const struct leat_script_row

/* ---- servers --------------------------------------------------------------------------------- */

#define SERVER(name_, cert_, key_)                                                                 \
    static const struct leat_testing_tls tls_##name_ = {                                                   \
        .cert_path = (cert_), .key_path = (key_), .may_fail = true};                               \
    SCRIPT server_##name_[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_##name_}, {LEAT_SCRIPT_CLOSE}}

SERVER(expired, "expired.pem", "server.key");
SERVER(future, "future.pem", "server.key");
SERVER(wrong_host, "wrong-host.pem", "server.key");
SERVER(unknown_ca, "unknown-ca.pem", "server.key");
SERVER(self_signed, "self-signed.pem", "server.key");
SERVER(client_usage, "client-usage.pem", "server.key");
SERVER(weak_hash, "weak-hash.pem", "server.key");
SERVER(weak_key, "weak-key.pem", "weak-key.key");

static const struct leat_testing_tls tls_good = {.cert_path = "server.pem", .key_path = "server.key"};
static const struct leat_testing_tls tls_good12 = {
    .cert_path = "server.pem", .key_path = "server.key", .max_version = 0x0303};
static const struct leat_testing_tls tls_old = {.cert_path = "server.pem",
                                        .key_path = "server.key",
                                        .min_version = 0x0301,
                                        .max_version = 0x0302,
                                        .may_fail = true};
static const struct leat_testing_tls tls_old_cipher = {.cert_path = "server.pem",
                                               .key_path = "server.key",
                                               .max_version = 0x0303,
                                               .cipher_list = "ECDHE-ECDSA-NULL-SHA",
                                               .may_fail = true};
static const struct leat_testing_tls tls_wants_client = {.cert_path = "server.pem",
                                                 .key_path = "server.key",
                                                 .client_ca_path = "ca.pem",
                                                 .may_fail = true};
static const struct leat_testing_tls tls_wants_client12 = {.cert_path = "server.pem",
                                                   .key_path = "server.key",
                                                   .client_ca_path = "ca.pem",
                                                   .max_version = 0x0303,
                                                   .may_fail = true};

SCRIPT old[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_old}, {LEAT_SCRIPT_CLOSE}};
SCRIPT old_cipher[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_old_cipher}, {LEAT_SCRIPT_CLOSE}};
SCRIPT wants_client[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_wants_client}, {LEAT_SCRIPT_CLOSE}};
SCRIPT wants_client12[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_wants_client12}, {LEAT_SCRIPT_CLOSE}};

/* Without any TLS of their own. */
SCRIPT speaks_http[] = {
    {LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 400 Bad Request\r\n\r\n")},
    {LEAT_SCRIPT_CLOSE}};
SCRIPT speaks_ssh[] = {{LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("SSH-2.0-OpenSSH_9.2\r\n")}, {LEAT_SCRIPT_CLOSE}};
SCRIPT alerts[] = {
    {LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x15\x03\x03\x00\x02\x02\x28")}, {LEAT_SCRIPT_CLOSE}};
SCRIPT alerts_and_resets[] = {
    {LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x15\x03\x03\x00\x02\x02\x70"), .split = 1},
    {LEAT_SCRIPT_RESET}};
SCRIPT bad_record[] = {
    {LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x16\x03\x03\x00\x04\x02\x00\x00\x00")},
    {LEAT_SCRIPT_CLOSE}};
SCRIPT silent[] = {{LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT closes[] = {{LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_CLOSE}};
SCRIPT closes_in_a_record[] = {
    {LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x16\x03\x03\x00\x40\x02")}, {LEAT_SCRIPT_CLOSE}};
SCRIPT resets[] = {{LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_RESET}};

/* After a good handshake. */
SCRIPT open_then_reset[] = {
    {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, LEAT_SCRIPT_UPGRADE,
    {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("x"), .number = 0x81}, {LEAT_SCRIPT_RESET}};
SCRIPT open_then_eof[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_CLOSE}};
SCRIPT open_then_eof12[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good12}, LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_CLOSE}};
SCRIPT eof_instead_of_answer[] = {
    {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_CLOSE}};
SCRIPT reset_instead_of_answer[] = {
    {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_RESET}};
SCRIPT open_then_goodbye[] = {
    {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_TLS_CLOSE_NOTIFY}, {LEAT_SCRIPT_CLOSE}};

/* ---- what the client does -------------------------------------------------------------------- */

static int only_tls13(leat_config *config)
{
    return leat_config_set_tls_protocols(config, LEAT_TLS_V13, LEAT_TLS_V13);
}

static int with_missing_ca(leat_config *config)
{
    return leat_config_set_ca_path(config, "missing.pem");
}

static int with_garbage_ca(leat_config *config)
{
    return leat_config_set_ca_path(config, "not-pem.txt");
}

static int with_missing_cert(leat_config *config)
{
    return leat_config_set_client_cert(config, "missing.pem", "client.key", NULL);
}

static int with_missing_key(leat_config *config)
{
    return leat_config_set_client_cert(config, "client.pem", "missing.key", NULL);
}

static int with_garbage_cert(leat_config *config)
{
    return leat_config_set_client_cert(config, "not-pem.txt", "client.key", NULL);
}

static int with_garbage_key(leat_config *config)
{
    return leat_config_set_client_cert(config, "client.pem", "not-pem.txt", NULL);
}

static int with_wrong_password(leat_config *config)
{
    return leat_config_set_client_cert(config, "client.pem", "client-encrypted.key", "wrong");
}

static int without_password(leat_config *config)
{
    return leat_config_set_client_cert(config, "client.pem", "client-encrypted.key", NULL);
}

static int with_another_key(leat_config *config)
{
    return leat_config_set_client_cert(config, "client.pem", "other-client.key", NULL);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define VERIFY(name_, server_, text_)                                                              \
    {                                                                                              \
        .name = (name_), .server = (server_), TLS(LEAT_E_TLS_VERIFY), .any_native = true,          \
        .text = (text_)                                                                            \
    }
#define ENGINE(name_, server_, text_)                                                              \
    {                                                                                              \
        .name = (name_), .server = (server_), TLS(LEAT_E_TLS_ENGINE), .any_native = true,          \
        .text = (text_)                                                                            \
    }
#define FILES(name_, configure_, code_, text_)                                                     \
    {.name = (name_), .moment = FAULT_REFUSED, .configure = (configure_), TLS(code_),              \
     .any_native = true, .text = (text_)}
#define NO_FILE(name_, configure_, text_)                                                          \
    {.name = (name_), .moment = FAULT_REFUSED, .configure = (configure_), TLS(LEAT_E_WS_CERT_FILE), \
     .sys_errno = ENOENT, .text = (text_)}

static const struct fault faults[] = {
    /* 2303501 */
    ENGINE("HTTP instead of TLS", speaks_http, "HTTP/"),
    ENGINE("SSH instead of TLS", speaks_ssh, "SSH-2"),
    ENGINE("alert handshake_failure", alerts, "handshake_failure"),
    ENGINE("alert unrecognized_name byte by byte, then reset", alerts_and_resets,
           "unrecognized_name"),
    ENGINE("a record that is no ServerHello", bad_record, "ServerHello"),
    ENGINE("the server has TLS 1.1 at most", old, "protocol_version"),
    ENGINE("the server has no cipher in common", old_cipher, "handshake_failure"),
    {.name = "the server has TLS 1.2, the client wants 1.3", .server = wants_client12,
     .configure = only_tls13, TLS(LEAT_E_TLS_ENGINE), .any_native = true,
     .text = "protocol_version"},
    ENGINE("a client certificate is demanded, TLS 1.3", wants_client, "certificate_required"),
    ENGINE("a client certificate is demanded, TLS 1.2", wants_client12, "handshake_failure"),
    FILES("wrong key password", with_wrong_password, LEAT_E_TLS_ENGINE, "password"),
    FILES("no key password", without_password, LEAT_E_TLS_ENGINE, "password"),
    FILES("a key that is none", with_garbage_key, LEAT_E_TLS_ENGINE, "not-pem.txt"),
    /* 2303502 */
    {.name = "no answer to the ClientHello", .server = silent, .deadline = {LEAT_PHASE_TLS, 50},
     TLS(LEAT_E_TLS_READ), .sys_errno = ETIMEDOUT, .any_native = true, .text = "ServerHello"},
    {.name = "no answer to the ClientHello within the whole deadline", .server = silent,
     .connect_timeout_ms = 100, TLS(LEAT_E_TLS_READ), .sys_errno = ETIMEDOUT,
     .any_native = true},
    /* 2303504 */
    VERIFY("expired", server_expired, "expired"),
    VERIFY("not yet valid", server_future, "not yet valid"),
    VERIFY("another host", server_wrong_host, "127.0.0.1"),
    VERIFY("unknown issuer", server_unknown_ca, "leat unknown CA"),
    VERIFY("self-signed", server_self_signed, "self-signed"),
    VERIFY("not for servers", server_client_usage, "usage"),
    VERIFY("weak hash", server_weak_hash, "hash"),
    VERIFY("weak key", server_weak_key, "key"),
    FILES("a CA file that is none", with_garbage_ca, LEAT_E_TLS_VERIFY, "not-pem.txt"),
    FILES("a certificate that is none", with_garbage_cert, LEAT_E_TLS_VERIFY, "not-pem.txt"),
    FILES("the key of another certificate", with_another_key, LEAT_E_TLS_VERIFY,
          "other-client.key"),
    /* 2303505 */
    {.name = "closed instead of a ServerHello", .server = closes, TLS(LEAT_E_TLS_SYSCALL),
     .any_native = true, .text = "ServerHello"},
    {.name = "closed in the middle of a record", .server = closes_in_a_record,
     TLS(LEAT_E_TLS_SYSCALL), .any_native = true},
    {.name = "reset instead of a ServerHello", .server = resets, TLS(LEAT_E_TLS_SYSCALL),
     .sys_errno = ECONNRESET},
    {.name = "reset instead of an HTTP answer", .server = reset_instead_of_answer,
     TLS(LEAT_E_TLS_SYSCALL), .sys_errno = ECONNRESET},
    {.name = "closed without close_notify instead of an HTTP answer",
     .server = eof_instead_of_answer, TLS(LEAT_E_TLS_SYSCALL), .any_native = true,
     .text = "close_notify"},
    {.name = "reset of an open connection", .moment = FAULT_OPEN, .server = open_then_reset,
     TLS(LEAT_E_TLS_SYSCALL), .sys_errno = ECONNRESET},
    {.name = "closed without close_notify, TLS 1.3", .moment = FAULT_OPEN,
     .server = open_then_eof, TLS(LEAT_E_TLS_SYSCALL), .any_native = true, .text = "close_notify"},
    {.name = "closed without close_notify, TLS 1.2", .moment = FAULT_OPEN,
     .server = open_then_eof12, TLS(LEAT_E_TLS_SYSCALL), .any_native = true,
     .text = "close_notify"},
    /* For a WebSocket close_notify is but an end without a Close frame. */
    {.name = "close_notify without a Close frame", .moment = FAULT_OPEN,
     .server = open_then_goodbye, .url = "wss://127.0.0.1:%u/", .code = LEAT_E_WS_CONNECT,
     .layer = LEAT_LAYER_WEBSOCKET, .native_code = 1006},
    /* 2302002 */
    NO_FILE("no CA file", with_missing_ca, "missing.pem"),
    NO_FILE("no certificate file", with_missing_cert, "missing.pem"),
    NO_FILE("no key file", with_missing_key, "missing.key"),
};

FAULT_TABLE(tls);
