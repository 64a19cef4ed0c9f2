/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * TLS over TCP: a client that connects straight or through proxies, or upgrades a connection that
 * is open; and a server. Named as TLSSocket and TLSSocketServer of the HarmonyOS Network Kit.
 *
 *     leat_tls_socket_new > (leat_tls_socket_bind >) leat_tls_socket_connect > connected
 *         > send, message ... > closed
 *
 * The rules of leat/tcp_socket.h hold here, too. What is different:
 *
 * 1. `connected` comes when the handshake is done and the peer is verified.
 * 2. A peer that ends its side with close_notify ends the connection, once what is queued has left;
 * one that just ends TCP breaks it (LEAT_E_TLS_SYSCALL), because what it has sent may be cut short.
 * 3. Codes: LEAT_E_TLS_SOCKET_BASE + errno for what fails in TCP before TLS has begun, and for
 * calls that are refused by the state of the socket; LEAT_E_TLS_... for TLS; those of SOCKS5 and
 * HTTP for a proxy.
 */
#ifndef LEAT_TLS_SOCKET_H
#define LEAT_TLS_SOCKET_H

#include <leat/tcp_socket.h>
#include <leat/tls_options.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A TLS socket. Opaque. */
typedef struct leat_tls_socket leat_tls_socket;
/** A TLS server. Opaque. */
typedef struct leat_tls_socket_server leat_tls_socket_server;

/* ---- client --------------------------------------------------------------------------------- */

/** What a socket tells its user. Slots may be NULL. */
struct leat_tls_socket_callbacks {
    /** sizeof(struct leat_tls_socket_callbacks) */
    size_t size;
    /** The handshake is done; bytes can be sent. */
    void (*connected)(leat_tls_socket *tls, void *user);
    /** Bytes, at least one. Through a proxy, `remote` is whom it was asked for. */
    void (*message)(leat_tls_socket *tls, const uint8_t *data, size_t len,
                    const struct leat_remote_info *remote, void *user);
    /** What the send queue has refused would fit now, and it is at most half full. */
    void (*writable)(leat_tls_socket *tls, void *user);
    /**
     * The connection could not be made, or broke: LEAT_E_TLS_SOCKET_BASE + errno (ECONNREFUSED,
     * ETIMEDOUT; EHOSTUNREACH also for a name that does not resolve ...), LEAT_E_TLS_ENGINE,
     * LEAT_E_TLS_READ (handshake timed out), LEAT_E_TLS_WRITE (the peer takes nothing),
     * LEAT_E_TLS_VERIFY, LEAT_E_TLS_SYSCALL (connection lost), LEAT_E_TLS_CLOSED,
     * LEAT_E_SOCKS5_..., LEAT_E_WS_CONNECT (a HTTP proxy refused), LEAT_E_SYSTEM_INTERNAL.
     * `closed` follows.
     */
    void (*error)(leat_tls_socket *tls, const struct leat_error *error, void *user);
    /** The end: by leat_tls_socket_close(), by the peer, or after `error`. */
    void (*closed)(leat_tls_socket *tls, void *user);
};

/** Makes a socket object. Nothing is opened yet. `callbacks` is copied.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, or a `size` of 0); LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_new(leat_loop *loop,
                                                 const struct leat_tls_socket_callbacks *callbacks,
                                                 void *user, leat_tls_socket **ret_tls);

/**
 * Upgrades an open TCP connection (constructTLSSocketInstance(tcpSocket), then connect): the
 * handshake starts, with us as the client. For protocols that begin in the clear (STARTTLS).
 * Allowed in the callbacks of `tcp`.
 *
 * @param tcp connected, not of a server, with nothing waiting to be sent. It becomes part of the
 * new socket: it must not be used any more, and none of its callbacks comes.
 * @param server_name as the address of leat_tls_socket_connect(). It is not resolved.
 * @param options may be NULL for the defaults.
 * @param config may be NULL for the defaults; its TLS deadline and its key log count.
 * @return LEAT_OK: `connected` or `error` follows, and `closed` at the end. Otherwise `tcp` is as
 * it was, and leat_tcp_socket_get_error() has the detail: LEAT_E_TLS_SOCKET_BASE + ENOTCONN (not
 *         connected), + EAGAIN (bytes wait to be sent in the clear), + EINVAL (of a server);
 *         LEAT_E_TLS_VERIFY, LEAT_E_TLS_ENGINE, LEAT_E_WS_CERT_FILE (certificates or key unusable),
 *         LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_upgrade(
    leat_tcp_socket *tcp, const struct leat_tls_socket_callbacks *callbacks, void *user,
    const char *server_name, leat_tls_options *options, const leat_config *config,
    leat_tls_socket **ret_tls);

/** Exchanges the callbacks and `user`, at any time, also inside of a callback: what comes from now on
 * is told to them. `callbacks` is copied; a NULL slot is off.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, a `size` of 0; a connection of a server, whose callbacks are the server's). */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_set_callbacks(
    leat_tls_socket *tls, const struct leat_tls_socket_callbacks *callbacks, void *user);

/** Ends the connection at once and frees; no callback comes any more. NULL is allowed. On a
 * connection of a server it ends the connection only, and the server's `closed` follows. */
LEAT_API void leat_tls_socket_free(leat_tls_socket *tls);

/** Chooses the local address, as leat_tcp_socket_bind(). @return LEAT_OK; LEAT_E_PARAMETER;
 * LEAT_E_TLS_SOCKET_BASE + errno (EADDRINUSE, EADDRNOTAVAIL, EINVAL ...); LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_bind(leat_tls_socket *tls, const char *address,
                                                  uint16_t port);

/**
 * Starts connecting. Never blocks, but for reading certificate files the first time.
 *
 * @param address an IPv4 or IPv6 literal, or a name: the certificate must be for it, and a name is
 *                sent as SNI.
 * @param port 1 to 65535.
 * @param options may be NULL for the defaults.
 * @param config may be NULL for the defaults. Of it count what counts for leat_tcp_socket_connect()
 *               (there are the proxies), and the key log; its other TLS settings are for https://
 *               proxies only.
 * @return LEAT_OK: `connected` or `error` follows, and `closed` at the end. Otherwise nothing was
 *         started, and leat_tls_socket_get_error() has the detail: LEAT_E_PARAMETER (not a host, no
 *         port; bidirectional authentication without a certificate); LEAT_E_TLS_SOCKET_BASE +
 * EISCONN (it is connecting or connected); LEAT_E_TLS_VERIFY (a certificate or list that cannot be
 *         parsed, a key that does not fit), LEAT_E_TLS_ENGINE (an unusable key, a wrong password),
 *         LEAT_E_WS_CERT_FILE (the CA path); LEAT_E_WS_DOMAIN; LEAT_E_SOCKS5_SERIALIZE;
 *         LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_connect(leat_tls_socket *tls, const char *address,
                                                     uint16_t port, leat_tls_options *options,
                                                     const leat_config *config);

/**
 * Queues bytes. They are copied, and leave together with whatever else is queued in the same round
 * of the loop.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL with a length); LEAT_E_TLS_SOCKET_BASE + ENOTCONN (before
 *         `connected`), + EBADF (closing or closed); LEAT_E_TLS_CLOSED (the peer has ended TLS);
 *         LEAT_E_TLS_WRITE (the queue is full; `writable` follows); LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_send(leat_tls_socket *tls, const void *data,
                                                  size_t len);

/** Closes: what is queued is sent, then close_notify and the end of the stream; `closed` follows.
 * @return as leat_tcp_socket_close(), with LEAT_E_TLS_SOCKET_BASE. */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_close(leat_tls_socket *tls);

/**
 * Changes the keys of TLS 1.3 in both directions (RFC 8446 section 4.6.3): ours at once, the peer's
 * when it has read that. leat does so by itself before a key has encrypted as much as it may
 * (section 5.5), so few programs need it. More than 16 calls without bytes sent in between have no
 * effect.
 *
 * @return LEAT_OK, also if it could not be written: then `error` tells; LEAT_E_PARAMETER (NULL; the
 *         connection is not TLS 1.3; leat was built with LEAT_MBEDTLS=system);
 *         LEAT_E_TLS_SOCKET_BASE + ENOTCONN (not open yet), + EBADF (closing or closed).
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_update_keys(leat_tls_socket *tls);

/** Stops reading, as leat_tcp_socket_pause(). */
LEAT_API void leat_tls_socket_pause(leat_tls_socket *tls);
/** Goes on reading. */
LEAT_API void leat_tls_socket_resume(leat_tls_socket *tls);

/** Bytes that wait to be encrypted and handed to the kernel. */
LEAT_API size_t leat_tls_socket_get_buffered_bytes(const leat_tls_socket *tls);

/** What state the socket is in. */
LEAT_API void leat_tls_socket_get_state(const leat_tls_socket *tls,
                                        struct leat_socket_state *ret_state);

/** As leat_tcp_socket_get_socket_fd(). */
LEAT_API int leat_tls_socket_get_socket_fd(const leat_tls_socket *tls);

/** The address and port of this end, as leat_tcp_socket_get_local_address().
 * @return LEAT_OK; LEAT_E_TLS_SOCKET_BASE + ENOTCONN, + EBADF; LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_get_local_address(
    const leat_tls_socket *tls, struct leat_net_address *ret_address);
/** The address and port of the other end, as leat_tcp_socket_get_remote_address().
 * @return as leat_tls_socket_get_local_address(). */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_get_remote_address(
    const leat_tls_socket *tls, struct leat_net_address *ret_address);

/** As leat_tcp_socket_set_extra_options(), with LEAT_E_TLS_SOCKET_BASE + errno. */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_set_extra_options(
    leat_tls_socket *tls, const struct leat_tcp_extra_options *options);
/** The extra options as they are set. */
LEAT_API void leat_tls_socket_get_extra_options(const leat_tls_socket *tls,
                                                struct leat_tcp_extra_options *ret_options);

/** Why the last call that was refused was so, or what ended the last connection; code LEAT_OK if
 * nothing did. */
LEAT_API void leat_tls_socket_get_error(const leat_tls_socket *tls, struct leat_error *ret_error);

/* ---- what an open connection has agreed on -----------------------------------------------------
 *
 * Strings and certificates stay valid until `closed` has returned or the connection is freed;
 * before `connected` and after the end the strings are "" and the certificates absent.
 */

/** The index-th certificate of the own chain (getCertificate), as DER; 0 is the own one.
 * @return LEAT_OK, with `*ret_der` NULL and `*ret_len` 0 if there is none; LEAT_E_PARAMETER;
 *         LEAT_E_TLS_SOCKET_BASE + ENOTCONN, + EBADF. */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_get_certificate(const leat_tls_socket *tls,
                                                             size_t index, const uint8_t **ret_der,
                                                             size_t *ret_len);

/** The same for the chain that the peer has sent (getRemoteCertificate). A session of TLS 1.3 that
 * was resumed has none. */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_get_remote_certificate(const leat_tls_socket *tls,
                                                                    size_t index,
                                                                    const uint8_t **ret_der,
                                                                    size_t *ret_len);

/** "TLSv1.2", "TLSv1.3". */
LEAT_API const char *leat_tls_socket_get_protocol(const leat_tls_socket *tls);
/** The cipher suite in use, by its name in the IANA registry. */
LEAT_API const char *leat_tls_socket_get_cipher_suite(const leat_tls_socket *tls);
/** The protocol that was chosen by ALPN, "" if none was. */
LEAT_API const char *leat_tls_socket_get_alpn_protocol(const leat_tls_socket *tls);
/** Whether the connection resumes an earlier session. */
LEAT_API bool leat_tls_socket_is_session_reused(const leat_tls_socket *tls);

/** The signature algorithms that this side accepts ("ecdsa_secp256r1_sha256"), the preferred one
 * first: writes at most `cap` names and returns how many there are. The names are static. */
LEAT_API size_t leat_tls_socket_get_signature_algorithms(const leat_tls_socket *tls,
                                                         const char **ret_names, size_t cap);

/* ---- server ------------------------------------------------------------------------------------
 *
 *     leat_tls_socket_server_new > leat_tls_socket_server_listen > connected > message ... > closed
 *
 * A connection (TLSSocketConnection) is a leat_tls_socket, and all functions above serve it, but
 * for bind and connect. For each one that was reported by `connected`, `closed` comes exactly once;
 * when it returns the server frees the connection. Closing or freeing the server is allowed in
 * every callback.
 */

/** What a server tells its user. Slots may be NULL. */
struct leat_tls_socket_server_callbacks {
    /** sizeof(struct leat_tls_socket_server_callbacks) */
    size_t size;
    /** A client's handshake is done, and its certificate is verified if one is demanded. */
    void (*connected)(leat_tls_socket_server *server, leat_tls_socket *tls, void *user);
    /** Bytes, at least one. */
    void (*message)(leat_tls_socket_server *server, leat_tls_socket *tls, const uint8_t *data,
                    size_t len, const struct leat_remote_info *remote, void *user);
    /** What the connection's queue has refused would fit now, and it is at most half full. */
    void (*writable)(leat_tls_socket_server *server, leat_tls_socket *tls, void *user);
    /** A connection broke (`closed` follows); with `tls` NULL: a client did not become a
     * connection, because its handshake failed or it could not be accepted. `error->hop` is its
     * address. */
    void (*error)(leat_tls_socket_server *server, leat_tls_socket *tls,
                  const struct leat_error *error, void *user);
    /** The end of a connection. */
    void (*closed)(leat_tls_socket_server *server, leat_tls_socket *tls, void *user);
};

/** Makes a server; nothing listens yet. `callbacks` is copied.
 * @return LEAT_OK, LEAT_E_PARAMETER (NULL, or a `size` of 0), LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_server_new(
    leat_loop *loop, const struct leat_tls_socket_server_callbacks *callbacks, void *user,
    leat_tls_socket_server **ret_server);

/** Exchanges the callbacks and `user`, at any time, also inside of a callback: what comes from now on
 * is told to them. `callbacks` is copied; a NULL slot is off.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, a `size` of 0). */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_server_set_callbacks(
    leat_tls_socket_server *server, const struct leat_tls_socket_server_callbacks *callbacks,
    void *user);

/** Ends every connection at once and frees. No callback comes any more. NULL is allowed. */
LEAT_API void leat_tls_socket_server_free(leat_tls_socket_server *server);

/**
 * Binds and listens.
 *
 * @param address as in leat_tcp_socket_server_listen(), and so is `port`.
 * @param options with a certificate and a key.
 * @param config may be NULL for the defaults. Of it count what counts for
 *               leat_tcp_socket_server_listen(), the deadline of TLS, and the key log.
 *               Handshakes that are not done are counted apart, up to the same numbers, and
 *               beyond them the oldest one makes room. Without others a silent connection
 *               holds its place for the phase timeout of TLS: 15 s.
 * @return LEAT_OK. Otherwise nothing was started, and leat_tls_socket_server_get_error() has the
 *         detail: LEAT_E_PARAMETER (not a literal, no options); LEAT_E_TLS_SOCKET_BASE + EINVAL (it
 *         listens already; link-local without a zone), + ENODEV (the zone is no interface of this
 *         machine), + EADDRINUSE, which is never answered by taking another port,
 *         + EADDRNOTAVAIL, EACCES, EMFILE ...; LEAT_E_TLS_VERIFY, LEAT_E_TLS_ENGINE (no
 * certificate, an unusable key), LEAT_E_WS_CERT_FILE; LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_server_listen(leat_tls_socket_server *server,
                                                           const char *address, uint16_t port,
                                                           leat_tls_options *options,
                                                           const leat_config *config);

/** Stops listening and closes every connection; their `closed` follow. After it the server may
 * listen again. @return LEAT_OK; LEAT_E_TLS_SOCKET_BASE + EBADF (it does not listen);
 * LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_server_close(leat_tls_socket_server *server);

/** As leat_tcp_socket_server_get_state(). */
LEAT_API void leat_tls_socket_server_get_state(const leat_tls_socket_server *server,
                                               struct leat_socket_state *ret_state);
/** As leat_tcp_socket_server_get_local_address(), with LEAT_E_TLS_SOCKET_BASE. */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_server_get_local_address(
    const leat_tls_socket_server *server, struct leat_net_address *ret_address);
/** As leat_tcp_socket_server_get_socket_fd(). */
LEAT_API int leat_tls_socket_server_get_socket_fd(const leat_tls_socket_server *server);
/** Sends the same bytes to all connections. @return LEAT_OK; else the first code of
 * leat_tls_socket_send() that was not LEAT_OK, though the others have been sent to. */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_server_send_all(leat_tls_socket_server *server,
                                                             const void *data, size_t len);
/** As leat_tcp_socket_server_set_extra_options(). */
LEAT_API LEAT_MUST_CHECK int leat_tls_socket_server_set_extra_options(
    leat_tls_socket_server *server, const struct leat_tcp_extra_options *options);
/** The extra options as they are set. */
LEAT_API void leat_tls_socket_server_get_extra_options(const leat_tls_socket_server *server,
                                                       struct leat_tcp_extra_options *ret_options);
/** As leat_tcp_socket_server_get_connection_count(). */
LEAT_API size_t leat_tls_socket_server_get_connection_count(const leat_tls_socket_server *server);
/** As leat_tcp_socket_server_find(). */
LEAT_API leat_tls_socket *leat_tls_socket_server_find(const leat_tls_socket_server *server,
                                                      uint64_t client_id);
/** Why the last call that was refused was so. */
LEAT_API void leat_tls_socket_server_get_error(const leat_tls_socket_server *server,
                                               struct leat_error *ret_error);

/** The number of a server's connection (clientId): 1, 2, 3 ... in the order of their coming; 0 for
 * a socket that is none. */
LEAT_API uint64_t leat_tls_socket_get_client_id(const leat_tls_socket *tls);

/** A pointer of the program's own with a server's connection; NULL at first. */
LEAT_API void leat_tls_socket_set_client_data(leat_tls_socket *tls, void *data);
/** What leat_tls_socket_set_client_data() was given. */
LEAT_API void *leat_tls_socket_get_client_data(const leat_tls_socket *tls);

#ifdef __cplusplus
}
#endif

#endif
