/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * TLS 1.2 and 1.3 by mbedTLS, as a layer.
 *
 * The only folder that sees mbedTLS.
 */
#ifndef LEATI_TLS_TLS_H
#define LEATI_TLS_TLS_H

#include <leat/config.h>
#include <leat/tls_info.h>
#include <leat/tls_options.h>

#include "core/layer.h"

/* ---- credentials: parsed once, shared, counted ------------------------------------------ */

/** What connections trust, show and speak: CAs, own chain and key, cipher suites. A server's have
 * the keys of its session tickets, too. Immutable; may be used by several threads at once. */
struct leati_tls_credentials;

/** Owned strings. */
struct leati_texts {
    char **items;
    size_t count;
};

/** A certificate chain and its key, as files or as texts; all NULL = none. */
struct leati_cert_source {
    char *cert_path;
    char *key_path;
    struct leati_texts cert; /**< PEM, together the chain */
    char *key;
    char *key_password;
    leat_tls_sign_fn sign; /**< instead of a key; NULL = there is one */
    void *sign_user;
};

/** How many more certificates a server may have for keys of other kinds. */
#define LEATI_TLS_MORE_CERTS_MAX 7u

struct leati_tls_credentials_options {
    const char *ca_path;   /**< file or directory; NULL = the system's bundle */
    const char *cert_path; /**< own chain; NULL = no certificate */
    const char *key_path;
    const char *key_password;
    /* The same as PEM texts, each with one certificate or several, instead of the paths. */
    const char *const *ca_texts;
    size_t ca_text_count;
    const char *const *cert_texts; /**< together the chain, its first certificate first */
    size_t cert_text_count;
    const char *key_text;
    leat_tls_sign_fn sign; /**< instead of a key; NULL = none */
    void *sign_user;
    /** Further certificates of ours; at most LEATI_TLS_MORE_CERTS_MAX. */
    const struct leati_cert_source *more_certs;
    size_t more_cert_count;
    /** Revocation lists (PEM) of any of the CAs. A CA without one is not checked for revocation. */
    const char *const *crl_texts;
    size_t crl_text_count;
    /** Public-key pins, "sha256/BASE64": one must be of a key in the peer's verified chain, or of
     * the peer itself where nothing is verified. */
    const char *const *pins;
    size_t pin_count;
    /** Names as of the IANA registry or OpenSSL, with ':', ',' or spaces between; NULL = what
     * tls/preference.h has first. All suites of TLS 1.3 are used if none of them is named. */
    const char *cipher_suites;
    const char *signature_algorithms;
    const char *groups;
    /** Protocols for ALPN, the preferred one first; for layers whose options name none. */
    const char *const *alpn;
    size_t alpn_count;
    bool need_ca;   /**< false when nothing will be verified: no CA is loaded */
    bool is_server; /**< a certificate is needed */
};

/** Reads and parses. The parsed system bundle, or the file of `ca_path` while it is unchanged, is
 * shared by all credentials of the process.
 * @return LEAT_OK; recorded in `failure`: LEAT_E_WS_CERT_FILE (missing, not readable; errno),
 *         LEAT_E_TLS_VERIFY (not parseable, key does not fit), LEAT_E_TLS_ENGINE (wrong key
 *         password, unusable key, a server without a certificate), LEAT_E_PARAMETER (a name that
 *         nobody knows: the text lists the known ones; a malformed pin), LEAT_E_SYSTEM_INTERNAL. */
int leati_tls_credentials_new(const struct leati_tls_credentials_options *options,
                              struct leati_failure *failure,
                              struct leati_tls_credentials **ret_credentials);
/** Only checks what is named: cipher suites, signature algorithms, groups, pins, ALPN. No file is read.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
int leati_tls_credentials_check(const struct leati_tls_credentials_options *options,
                                struct leati_failure *failure);
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
struct leati_tls_layer_options {
    bool is_server;
    const char *server_name; /**< client: host name or IP literal, for SNI and verification */
    uint16_t server_port;    /**< client: with the name the key of the session */
    struct leati_tls_credentials *credentials; /**< a reference is taken */
    struct leati_tls_sessions *sessions; /**< client: NULL = no resumption; a reference is taken */
    bool verify;                         /**< client: whether the server is verified */
    enum leat_client_verification client_verification; /**< server */
    bool prefer_remote_ciphers;                        /**< server: chooses by the client's order */
    /** Server: gives out session tickets, with which clients resume; none where certificates of
     * clients are wanted. */
    bool tickets;
    enum leat_tls_protocol min_protocol;
    enum leat_tls_protocol max_protocol;
    /** Ended by NULL, static; NULL = those of the credentials, if any. */
    const char *const *alpn;
    bool early_data;              /**< client: see leati_tls_layer_set_early_data() */
    leat_tls_verify_fn verify_fn; /**< may refuse a chain that is verified; NULL = none */
    void *verify_user;
    bool keep_peer_certificate; /**< for leati_tls_layer_peer_certificate(); 2 KiB and more */
    const char *key_log_path;   /**< NULL = never; copied */
    uint32_t timeout_ms;        /**< of the handshake; 0 = none but limit_ms */
    uint64_t key_records_max;   /**< how many records one key of ours encrypts; 0 = as many as its
                                   cipher may */
    uint32_t close_timeout_ms;  /**< how long shutdown waits for the peer's close_notify */
};

/** @return LEAT_OK; recorded: LEAT_E_TLS_ENGINE, LEAT_E_SYSTEM_INTERNAL. */
int leati_tls_layer_new(const struct leati_tls_layer_options *options,
                        struct leati_failure *failure, struct leati_layer **ret_layer);

/** What is to be sent first, once the layer is OPEN: it leaves with the ClientHello where options
 * and session allow it (RFC 8446 section 4.2.10). If the server takes it, the send that comes with
 * the same bytes finds them sent. Borrowed until the layer is OPEN; before connect. */
void leati_tls_layer_set_early_data(struct leati_layer *tls, const void *data, size_t len);

/** Whether the server has taken early data, so that what it says is an answer to them. */
bool leati_tls_layer_took_early_data(const struct leati_layer *tls);

/** Changes the keys of both directions (RFC 8446 section 4.6.3): ours now, the peer's when it has
 * read that. More than some without data in between have no effect.
 * @return LEAT_OK; LEAT_E_PARAMETER: the layer is not OPEN or not of TLS 1.3, or mbedTLS is not
 * leat's own; recorded: LEAT_E_TLS_..., after which the layer has failed. */
int leati_tls_layer_update_keys(struct leati_layer *tls);

/** Of a layer that is, or was, OPEN; `alpn` is valid while the layer lives, the rest is static.
 * Before that all is empty. */
void leati_tls_layer_info(const struct leati_layer *tls, struct leat_tls_info *ret_info);

/** The DER of a certificate of an OPEN layer, which borrows it; 0 is the peer's own, then come
 * those that it sent with it. false = there is none (none was to be kept, nothing was shown, or a
 * session of TLS 1.3 was resumed, which keeps none). */
bool leati_tls_layer_peer_certificate(const struct leati_layer *tls, size_t index,
                                      const uint8_t **ret_der, size_t *ret_len);
/** The same for our own chain. */
bool leati_tls_layer_own_certificate(const struct leati_layer *tls, size_t index,
                                     const uint8_t **ret_der, size_t *ret_len);

/** The IANA name of the index-th signature algorithm that an OPEN layer offers or takes, NULL
 * behind the last one. Static. */
const char *leati_tls_layer_signature_algorithm(const struct leati_layer *tls, size_t index);

/* ---- digests for others ----------------------------------------------------------------- */

/** SHA-1, for Sec-WebSocket-Accept (RFC 6455 section 4.2.2). false if the engine refuses. */
bool leati_tls_sha1(const void *data, size_t len, uint8_t ret_digest[20]);
/** For Digest (RFC 7616). false also if the engine has none. */
bool leati_tls_md5(const void *data, size_t len, uint8_t ret_digest[16]);
bool leati_tls_sha256(const void *data, size_t len, uint8_t ret_digest[32]);
bool leati_tls_sha512_256(const void *data, size_t len, uint8_t ret_digest[32]);

#endif
