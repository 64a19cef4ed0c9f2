/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * TLS 1.2 and 1.3 by mbedTLS, as a layer.
 *
 * The only folder that sees mbedTLS. May include: core, util, public headers.
 * May be included by: conn.
 */
#ifndef LEATI_TLS_TLS_H
#define LEATI_TLS_TLS_H

#include <leat/config.h>
#include <leat/websocket_server.h>

#include "core/layer.h"

/* ---- credentials: parsed once, shared, counted ------------------------------------------ */

/** What connections trust and show: CAs, own chain and key. A server's have the keys of its session
 * tickets, too. Immutable; may be used by several threads at once. */
struct leati_tls_credentials;

struct leati_tls_credentials_options {
    const char *ca_path;   /**< file or directory; NULL = the system's bundle */
    const char *cert_path; /**< own chain; NULL = no certificate */
    const char *key_path;
    const char *key_password;
    bool need_ca;   /**< false when nothing will be verified: no CA is loaded */
    bool is_server; /**< a certificate is needed */
};

/** Reads and parses. The parsed system bundle, or the file of `ca_path` while it is unchanged, is
 * shared by all credentials of the process.
 * @return LEAT_OK; recorded in `failure`: LEAT_E_WS_CERT_FILE (missing, not readable; errno),
 *         LEAT_E_TLS_VERIFY (not parseable, key does not fit), LEAT_E_TLS_ENGINE (wrong key
 *         password, unusable key, a server without a certificate), LEAT_E_SYSTEM_INTERNAL. */
int leati_tls_credentials_new(const struct leati_tls_credentials_options *options,
                              struct leati_failure *failure,
                              struct leati_tls_credentials **ret_credentials);
struct leati_tls_credentials *leati_tls_credentials_ref(struct leati_tls_credentials *credentials);
void leati_tls_credentials_unref(struct leati_tls_credentials *credentials);

/* ---- sessions: what can be resumed ------------------------------------------------------ */

/** Sessions by "host:port", the newest few; locked inside, may be used by several threads. */
struct leati_tls_sessions;

struct leati_tls_sessions *leati_tls_sessions_new(void); /* NULL without memory */
struct leati_tls_sessions *leati_tls_sessions_ref(struct leati_tls_sessions *sessions);
void leati_tls_sessions_unref(struct leati_tls_sessions *sessions);

/* ---- the layer -------------------------------------------------------------------------- */

/** A client, or with `is_server` the other end; each has members that only it looks at. */
struct leati_tls_options {
    bool is_server;
    const char *server_name; /**< client: host name or IP literal, for SNI and verification */
    uint16_t server_port;    /**< client: with the name the key of the session */
    struct leati_tls_credentials *credentials; /**< a reference is taken */
    struct leati_tls_sessions *sessions; /**< client: NULL = no resumption; a reference is taken */
    bool verify;                         /**< client: whether the server is verified */
    enum leat_client_verification client_verification; /**< server */
    bool tickets; /**< server: gives out session tickets, with which clients resume */
    enum leat_tls_protocol min_protocol;
    enum leat_tls_protocol max_protocol;
    const char *const *alpn;   /**< NULL-terminated, NULL = none; must outlive the layer */
    const char *key_log_path;  /**< NULL = never; copied */
    uint32_t timeout_ms;       /**< of the handshake; 0 = none but limit_ms */
    uint32_t close_timeout_ms; /**< how long shutdown waits for the peer's close_notify */
};

/** @return LEAT_OK; recorded: LEAT_E_TLS_ENGINE, LEAT_E_SYSTEM_INTERNAL. */
int leati_tls_layer_new(const struct leati_tls_options *options, struct leati_failure *failure,
                        struct leati_layer **ret_layer);

struct leati_tls_info {
    const char *protocol; /**< "TLSv1.3"; static */
    const char *cipher;   /**< the suite's name as mbedTLS has it; static */
    const char *alpn;     /**< "" = none; valid while the layer lives */
    bool resumed;
};

/** Of an OPEN layer. */
void leati_tls_layer_info(const struct leati_layer *tls, struct leati_tls_info *ret_info);

/* ---- digests for others ----------------------------------------------------------------- */

/** SHA-1, for Sec-WebSocket-Accept (RFC 6455 section 4.2.2). false if the engine refuses. */
bool leati_tls_sha1(const void *data, size_t len, uint8_t ret_digest[20]);

#endif
