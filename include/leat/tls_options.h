/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Everything that a program can say about TLS, in one object for every connection: TLS sockets and
 * their servers take it as it is (leat/tls_socket.h; TLSSecureOptions and what TLSConnectOptions has of
 * TLS in the HarmonyOS Network Kit), WebSockets, their servers and proxies through their configuration
 * (leat_config_set_tls_options(), leat_config_set_proxy_tls_options()).
 *
 * Who takes options takes what they say at this time, so that they can be changed or freed at once.
 * Connections from the same options, or the same configuration, share the parsed certificates and resume
 * each other's sessions.
 *
 * Texts are copied; keys and passwords are wiped when they are replaced or freed. A setter that fails
 * leaves the options as they were and its reason in leat_tls_options_get_error(). It is not forgotten:
 * who takes such options is refused (LEAT_E_PARAMETER), so that a check that was left out never means "no
 * pins". It counts until the same setter succeeds, one that adds until leat_tls_options_clear_error().
 */
#ifndef LEAT_TLS_OPTIONS_H
#define LEAT_TLS_OPTIONS_H

#include <leat/config.h>
#include <leat/error.h>
#include <leat/tls_info.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Makes options with the defaults that each setter names.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL (no memory). */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_new(leat_tls_options **ret_options);

/** Wipes and frees. NULL is allowed. */
LEAT_API void leat_tls_options_free(leat_tls_options *options);

/** Why the last setter that failed did so; code LEAT_OK if none has. */
LEAT_API void leat_tls_options_get_error(const leat_tls_options *options,
                                         struct leat_error *ret_error);

/** Forgets every setter that was refused, for a program that has seen to it. */
LEAT_API void leat_tls_options_clear_error(leat_tls_options *options);

/** The CAs to trust (`ca`), as PEM texts with one certificate or several each. None = those of
 * leat_tls_options_set_ca_path() (default).
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. They are parsed when a socket connects
 *         or a server listens. */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_ca(leat_tls_options *options,
                                                     const char *const *texts, size_t count);

/** A PEM file, or a directory of them, with the CAs to trust. NULL = the system's (default).
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_ca_path(leat_tls_options *options,
                                                          const char *path);

/**
 * The own certificate chain (`cert`), its key (`key`) and the key's password, as PEM texts. A
 * server needs them.
 *
 * @param texts one text with the whole chain, or several; the own certificate first. None = no
 *              certificate (default), then `key` is NULL.
 * @param key PKCS #1, PKCS #8 or SEC 1.
 * @param password NULL if the key is not encrypted.
 * @return LEAT_OK, LEAT_E_PARAMETER (one without the other), LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_cert(leat_tls_options *options,
                                                       const char *const *texts, size_t count,
                                                       const char *key, const char *password);

/**
 * The same as PEM files, which are read when a connection starts or a server listens; one file may
 * hold both. All NULL = no certificate (default).
 * @return LEAT_OK, LEAT_E_PARAMETER (one path without the other), LEAT_E_SYSTEM_INTERNAL. A file that
 *         is not there or not readable is LEAT_E_WS_CERT_FILE then.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_cert_path(leat_tls_options *options,
                                                            const char *cert_path,
                                                            const char *key_path,
                                                            const char *password);

/**
 * One more certificate with its key, beside those of leat_tls_options_set_cert(), of a server that has
 * them for several names or several kinds of keys: of those that are for the name which its client asks
 * for (SNI, RFC 6066 section 3), or of all if none is, it shows the first one whose key the client can
 * verify (ECDSA before RSA, as a rule). A client shows the first. At most 8; the setters above drop them all. `password` is
 * NULL if the key is not encrypted.
 * @return LEAT_OK, LEAT_E_PARAMETER (one without the other; a ninth), LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_add_cert(leat_tls_options *options,
                                                       const char *const *texts, size_t count,
                                                       const char *key, const char *password);
/** The same as PEM files, as leat_tls_options_set_cert_path(); `password` may be NULL. */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_add_cert_path(leat_tls_options *options,
                                                            const char *cert_path,
                                                            const char *key_path,
                                                            const char *password);

/** What a key that is elsewhere is to sign. Borrowed until the callback returns. */
struct leat_tls_sign_request {
    /** "EC": ECDSA; "RSA": RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2). */
    const char *key_type;
    const char *hash; /**< with which it was hashed: "SHA256", "SHA384", "SHA512" */
    /** What CKM_ECDSA and CKM_RSA_PKCS of PKCS #11 take: the digest, for RSA in a DigestInfo. */
    const uint8_t *data;
    size_t len; /**< bytes of it */
};

/**
 * Signs with the private key of our certificate.
 *
 * Called in the midst of the handshake, in the thread of the connection's loop, which waits; it must
 * not call into objects of that loop.
 *
 * @param signature to be filled with what those mechanisms give: for EC r and s, each as long as the
 *                  field (64 bytes with P-256, 96 with P-384, 132 with P-521); for RSA as many bytes as
 *                  the modulus.
 * @param cap room for it: 1024 bytes.
 * @return false: it cannot be signed.
 */
typedef bool (*leat_tls_sign_fn)(const struct leat_tls_sign_request *request, uint8_t *signature,
                                 size_t cap, size_t *ret_len, void *user);

/**
 * The own certificate chain, whose key is elsewhere: in a TPM, a smart card, a PKCS #11 token, another
 * process. Instead of leat_tls_options_set_cert(). ECDSA on P-256, P-384 and P-521 in TLS 1.2 and 1.3;
 * RSA in TLS 1.2 only, which is then the highest version. A callback that fails, or signs with another
 * key, ends the handshake (LEAT_E_TLS_ENGINE). Not with LEAT_MBEDTLS=system: LEAT_E_TLS_ENGINE when a
 * connection starts.
 *
 * @param user must live as long as connections of these options are made.
 * @return LEAT_OK, LEAT_E_PARAMETER (no certificate, or nobody who signs), LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_cert_signer(leat_tls_options *options,
                                                              const char *const *texts,
                                                              size_t count, leat_tls_sign_fn sign,
                                                              void *user);

/** Revocation lists of any of the CAs, as PEM texts. A CA without one is not checked. None =
 * nothing is (default). @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_crl(leat_tls_options *options,
                                                      const char *const *texts, size_t count);

/**
 * Public keys that are known beforehand, each as "sha256/" and the Base64 of the SHA-256 of its
 * SubjectPublicKeyInfo (RFC 7469 section 2.4). One must be of a certificate in the peer's verified
 * chain; where verification is skipped, of the peer's own. None = any key is welcome (default).
 * @return LEAT_OK, LEAT_E_PARAMETER (not such a text), LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_public_key_pins(leat_tls_options *options,
                                                                  const char *const *pins,
                                                                  size_t count);

/**
 * Looks at a chain of certificates that is verified: `chain[0]` is the peer's own, the last one the
 * trusted root. `server_name` is what it is for, "" for a client's. All is borrowed until it returns.
 *
 * Called in the midst of the handshake, in the thread of the connection's loop, into whose objects it
 * must not call.
 *
 * @return NULL = no objection. Otherwise why not, for the text of the error (LEAT_E_TLS_VERIFY), which
 *         copies it; it is static or lives until the next call.
 */
typedef const char *(*leat_tls_verify_fn)(const struct leat_certificate_info *chain, size_t count,
                                          const char *server_name, void *user);

/**
 * Asks the program about each chain that is verified. It can refuse one and never accept one: for a
 * chain that is not good it is not called, nor where verification is skipped, nor for a session that is
 * resumed, which was looked at when it was made. NULL = nobody is asked (default). `user` must live as
 * long as connections of these options are made.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_verify_callback(leat_tls_options *options,
                                                                  leat_tls_verify_fn callback,
                                                                  void *user);

/** The lowest and the highest version (`protocols`). Defaults LEAT_TLS_V12, LEAT_TLS_V13.
 * @return LEAT_OK, LEAT_E_PARAMETER (unknown version, or min above max). */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_protocols(leat_tls_options *options,
                                                            enum leat_tls_protocol min,
                                                            enum leat_tls_protocol max);

/** Versions by their names in HarmonyOS, "TLSv1.2" and "TLSv1.3", with ':', ',' or spaces between.
 * @return LEAT_OK, LEAT_E_PARAMETER (an unknown name: the text lists the known ones; none). */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_protocol_names(leat_tls_options *options,
                                                                 const char *names);

/**
 * Cipher suites (`cipherSuite`) in the order of preference, by their names in the IANA registry or
 * in OpenSSL ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"), with ':',
 * ',' or spaces between. As with OpenSSL all suites of TLS 1.3 are used if none of them is named;
 * TLS 1.2 uses exactly the named ones. NULL (default) = only suites with forward secrecy (RFC 9325
 * sections 4.1 and 4.2), the fastest first: ECDHE with an AEAD, and at a client ECDHE with CBC
 * behind them. Others, such as "AES128-GCM-SHA256" with its key exchange by RSA, must be named.
 * @return LEAT_OK, LEAT_E_PARAMETER (an unknown name: the text has the nearest one, and lists the known ones; a name twice),
 *         LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_cipher_suite(leat_tls_options *options,
                                                               const char *names);

/** Signature algorithms in the order of preference: "ecdsa_secp256r1_sha256" or "ECDSA+SHA256".
 * NULL (default) = all that are good enough. Otherwise as leat_tls_options_set_cipher_suite(). */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_signature_algorithms(leat_tls_options *options,
                                                                       const char *names);

/** Groups of the key exchange in the order of preference, by their names in the IANA registry or of
 * NIST: "x25519:P-256". The first one is what a client of TLS 1.3 guesses; a guess that the server does
 * not take costs a round trip. NULL (default) = x25519, secp256r1, secp384r1 and what else there is.
 * Otherwise as leat_tls_options_set_cipher_suite(). */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_groups(leat_tls_options *options,
                                                         const char *names);

/** true = a server chooses by the client's order of cipher suites. Default false.
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_use_remote_cipher_prefer(
    leat_tls_options *options, bool prefer);

/** true = both sides show a certificate: a server demands its clients', a client does not start
 * without its own. Default false. @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_is_bidirectional_authentication(
    leat_tls_options *options, bool bidirectional);

/** Protocols for ALPN (`ALPNProtocols`, RFC 7301), the preferred one first. None = no ALPN
 * (default), of a WebSocket "http/1.1".
 * @return LEAT_OK, LEAT_E_PARAMETER (shorter than 1 or longer than 255 bytes),
 *         LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_alpn_protocols(leat_tls_options *options,
                                                                 const char *const *protocols,
                                                                 size_t count);

/** true = a client does not verify the server's certificate and name (but for pins). Default false.
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_skip_remote_validation(leat_tls_options *options,
                                                                         bool skip);

/** The name that the server's certificate must be for and that SNI sends, if it is not the address
 * that is connected to. NULL = that address (default).
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_server_name(leat_tls_options *options,
                                                              const char *name);

/** Resumes sessions of earlier connections; a server gives out tickets for it, unless it wants
 * certificates of clients (leat_config_set_session_resumption()). Default true.
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_tls_options_set_session_resumption(leat_tls_options *options,
                                                                     bool resume);

#ifdef __cplusplus
}
#endif

#endif
