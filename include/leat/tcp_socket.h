/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * TCP: a client that connects straight or through proxies, and a server. Named as TCPSocket and
 * TCPSocketServer of the HarmonyOS Network Kit.
 *
 *     leat_tcp_socket_new > (leat_tcp_socket_bind >) leat_tcp_socket_connect > connected
 *         > send, message ... > closed
 *
 * 1. Callbacks run only from the loop's dispatch, never inside the call that caused them.
 * 2. After leat_tcp_socket_connect() has returned LEAT_OK, `closed` comes exactly once and is the
 *    last callback of that connection, unless the object is freed before. `error` comes before it
 * if the connection could not be made, or broke.
 * 3. leat_tcp_socket_free() is allowed in every callback; nothing is called back after it.
 * 4. After `closed` the same object may bind and connect again.
 * 5. Data passed to a callback is borrowed until the callback returns.
 * 6. All functions belong to the thread of the loop.
 *
 * TCP is a stream: what one side sends at once may come in several messages, and the other way
 * round.
 */
#ifndef LEAT_TCP_SOCKET_H
#define LEAT_TCP_SOCKET_H

#include <leat/config.h>
#include <leat/loop.h>
#include <leat/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A TCP socket. Opaque. */
typedef struct leat_tcp_socket leat_tcp_socket;

/** What a socket tells its user. Slots may be NULL. */
struct leat_tcp_socket_callbacks {
    /** sizeof(struct leat_tcp_socket_callbacks) */
    size_t size;
    /** The connection stands; bytes can be sent. */
    void (*connected)(leat_tcp_socket *tcp, void *user);
    /** Bytes, at least one. Through a proxy, `remote` is whom it was asked for. */
    void (*message)(leat_tcp_socket *tcp, const uint8_t *data, size_t len,
                    const struct leat_remote_info *remote, void *user);
    /** What the send queue has refused would fit now, and it is at most half full. */
    void (*writable)(leat_tcp_socket *tcp, void *user);
    /**
     * The connection could not be made, or broke: LEAT_E_SOCKET_BASE + errno (ECONNREFUSED,
     * ETIMEDOUT, ECONNRESET; EHOSTUNREACH also for a name that does not resolve ...),
     * LEAT_E_SOCKS5_..., LEAT_E_WS_CONNECT (a HTTP proxy refused), LEAT_E_TLS_... (TLS to a proxy),
     * LEAT_E_SYSTEM_INTERNAL. `closed` follows.
     */
    void (*error)(leat_tcp_socket *tcp, const struct leat_error *error, void *user);
    /** The end: by leat_tcp_socket_close(), by the peer, or after `error`. */
    void (*closed)(leat_tcp_socket *tcp, void *user);
};

/** Makes a socket object. Nothing is opened yet. `callbacks` is copied.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, or a `size` of 0); LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_new(leat_loop *loop,
                                                 const struct leat_tcp_socket_callbacks *callbacks,
                                                 void *user, leat_tcp_socket **ret_tcp);

/** Exchanges the callbacks and `user`, at any time, also inside of a callback: what comes from now on
 * is told to them. `callbacks` is copied; a NULL slot is off.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, a `size` of 0; a connection of a server, whose callbacks are the server's). */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_set_callbacks(
    leat_tcp_socket *tcp, const struct leat_tcp_socket_callbacks *callbacks, void *user);

/** Ends the connection at once and frees; no callback comes any more. NULL is allowed. On a
 * connection of a server it ends the connection only, and the server's `closed` follows. */
LEAT_API void leat_tcp_socket_free(leat_tcp_socket *tcp);

/**
 * Chooses the local address for the connection to come. Needed only for a special one: connect
 * finds one by itself.
 *
 * @param address an IPv4 or IPv6 literal of this machine, "0.0.0.0" or "::" for any. It sets the
 *                family: only such addresses of the peer (or the proxy) are asked for and dialled,
 *                all from the one local port. Link-local addresses have their zone
 *                ("fe80::1%eth0").
 * @param port 0 = the kernel chooses one.
 * @return LEAT_OK. Otherwise nothing has changed, and leat_tcp_socket_get_error() has the detail:
 *         LEAT_E_PARAMETER (not a literal); LEAT_E_SOCKET_BASE + EINVAL (bound or connected
 *         already; link-local without a zone), + ENODEV (the zone is no interface of this machine),
 *         + EADDRINUSE, which is never answered by taking another port, + EADDRNOTAVAIL, EACCES
 * ...; LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_bind(leat_tcp_socket *tcp, const char *address,
                                                  uint16_t port);

/**
 * Starts connecting. Never blocks. A name's addresses are tried as in RFC 8305.
 *
 * @param address an IPv4 or IPv6 literal, or a name. Link-local addresses have their zone, which is
 *                not told to a proxy.
 * @param port 1 to 65535.
 * @param config may be NULL for the defaults. Of it count: the proxies, also their credentials and
 *               CAs, the DNS servers, the domain policy, the limit of the send queue, the trace,
 * and the deadlines of connect (over the whole), DNS, TCP, proxy, TLS and close.
 * @return LEAT_OK: `connected` or `error` follows, and `closed` at the end. Otherwise nothing was
 *         started, and leat_tcp_socket_get_error() has the detail: LEAT_E_PARAMETER (not a host, no
 *         port); LEAT_E_SOCKET_BASE + EISCONN (it is connecting or connected); LEAT_E_WS_DOMAIN
 *         (the domain policy); LEAT_E_SOCKS5_SERIALIZE (a host or port that SOCKS5 cannot carry);
 *         LEAT_E_WS_CERT_FILE, LEAT_E_TLS_VERIFY, LEAT_E_TLS_ENGINE (for an https:// proxy);
 *         LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_connect(leat_tcp_socket *tcp, const char *address,
                                                     uint16_t port, const leat_config *config);

/**
 * Queues bytes. What has to wait is copied, and leaves together with whatever else is queued in the
 * same round of the loop; 32 KiB or more may leave at once.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL with a length); LEAT_E_SOCKET_BASE + ENOTCONN (before
 *         `connected`), + EBADF (closing or closed), + EAGAIN (the queue is full; `writable`
 *         follows); LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_send(leat_tcp_socket *tcp, const void *data,
                                                  size_t len);

/**
 * Closes: what is queued is sent, then the end of the stream, and `closed` follows when the peer
 * has ended too, at the latest after LEAT_PHASE_CLOSE or the linger time. Nothing is delivered any
 * more. While connecting it cancels; a socket that is only bound is released at once, without
 * `closed`.
 *
 * @return LEAT_OK, also while closing already; LEAT_E_SOCKET_BASE + ENOTCONN (neither bound nor
 * ever connected), + EBADF (closed); LEAT_E_PARAMETER.
 */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_close(leat_tcp_socket *tcp);

/** Stops reading: no `message` comes, and TCP holds back the peer, whose end is not seen either. */
LEAT_API void leat_tcp_socket_pause(leat_tcp_socket *tcp);
/** Goes on reading. */
LEAT_API void leat_tcp_socket_resume(leat_tcp_socket *tcp);

/** Bytes that wait to be handed to the kernel. */
LEAT_API size_t leat_tcp_socket_get_buffered_bytes(const leat_tcp_socket *tcp);

/** What state the socket is in. */
LEAT_API void leat_tcp_socket_get_state(const leat_tcp_socket *tcp,
                                        struct leat_socket_state *ret_state);

/** The descriptor of the bound socket or the open connection, -1 if there is none. Stays the
 * socket's: do not close it and do not read from it. */
LEAT_API int leat_tcp_socket_get_socket_fd(const leat_tcp_socket *tcp);

/** The address and port of this end.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + ENOTCONN (neither bound nor connected yet), + EBADF
 * (closed); LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_get_local_address(
    const leat_tcp_socket *tcp, struct leat_net_address *ret_address);

/** The address and port of the other end; through a proxy what it was asked for, perhaps a name.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + ENOTCONN (not connected yet), + EBADF (closed);
 *         LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_get_remote_address(
    const leat_tcp_socket *tcp, struct leat_net_address *ret_address);

/**
 * Sets the extra options: of the open socket, and of those to come. Buffer sizes, once set, stay
 * with an open socket.
 *
 * After a refusal leat_tcp_socket_bind() and leat_tcp_socket_connect() are refused as well, with its
 * code, until this has succeeded.
 *
 * @return LEAT_OK; otherwise they are as before: LEAT_E_PARAMETER (NULL, `size` 0, a value out of
 *         range), LEAT_E_SOCKET_BASE + errno of setsockopt(2).
 */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_set_extra_options(
    leat_tcp_socket *tcp, const struct leat_tcp_extra_options *options);
/** The extra options as they are set. */
LEAT_API void leat_tcp_socket_get_extra_options(const leat_tcp_socket *tcp,
                                                struct leat_tcp_extra_options *ret_options);

/** Why the last call that was refused was so, or what ended the last connection; code LEAT_OK if
 * nothing did. */
LEAT_API void leat_tcp_socket_get_error(const leat_tcp_socket *tcp, struct leat_error *ret_error);

/* ---- server --------------------------------------------------------------------------------
 *
 *     leat_tcp_socket_server_new > leat_tcp_socket_server_listen > connected > message ... > closed
 *
 * A connection (TCPSocketConnection) is a leat_tcp_socket, and all functions above serve it, but
 * for bind and connect. For each one that was reported by `connected`, `closed` comes exactly once;
 * when it returns the server frees the connection. Closing or freeing the server is allowed in
 * every callback.
 */

/** A TCP server. Opaque. */
typedef struct leat_tcp_socket_server leat_tcp_socket_server;

/** What a server tells its user. Slots may be NULL. */
struct leat_tcp_socket_server_callbacks {
    /** sizeof(struct leat_tcp_socket_server_callbacks) */
    size_t size;
    /** A client has connected; bytes can be sent. */
    void (*connected)(leat_tcp_socket_server *server, leat_tcp_socket *tcp, void *user);
    /** Bytes, at least one. */
    void (*message)(leat_tcp_socket_server *server, leat_tcp_socket *tcp, const uint8_t *data,
                    size_t len, const struct leat_remote_info *remote, void *user);
    /** What the connection's queue has refused would fit now, and it is at most half full. */
    void (*writable)(leat_tcp_socket_server *server, leat_tcp_socket *tcp, void *user);
    /** A connection broke (`closed` follows); with `tcp` NULL: a client could not be accepted,
     * because there are too many (LEAT_E_SOCKET_BASE + EUSERS), no descriptors (+ EMFILE, + ENFILE)
     * or no memory. */
    void (*error)(leat_tcp_socket_server *server, leat_tcp_socket *tcp,
                  const struct leat_error *error, void *user);
    /** The end of a connection. */
    void (*closed)(leat_tcp_socket_server *server, leat_tcp_socket *tcp, void *user);
};

/** Makes a server; nothing listens yet. `callbacks` is copied.
 * @return LEAT_OK, LEAT_E_PARAMETER (NULL, or a `size` of 0), LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_server_new(
    leat_loop *loop, const struct leat_tcp_socket_server_callbacks *callbacks, void *user,
    leat_tcp_socket_server **ret_server);

/** Exchanges the callbacks and `user`, at any time, also inside of a callback: what comes from now on
 * is told to them. `callbacks` is copied; a NULL slot is off.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, a `size` of 0). */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_server_set_callbacks(
    leat_tcp_socket_server *server, const struct leat_tcp_socket_server_callbacks *callbacks,
    void *user);

/** Ends every connection at once and frees. No callback comes any more. NULL is allowed. */
LEAT_API void leat_tcp_socket_server_free(leat_tcp_socket_server *server);

/**
 * Binds and listens.
 *
 * @param address an IPv4 or IPv6 literal of this machine; "0.0.0.0" = all of IPv4, "::" = all.
 * @param port 0 = the kernel chooses one: leat_tcp_socket_server_get_local_address().
 * @param config may be NULL for the defaults. Of it count: the limit of the send queue, the number
 * of clients at once and of one client (leat_config_set_max_concurrent_clients_number() and
 * leat_config_set_max_connections_for_one_client(): 1,000 and 250), the close deadline, the trace,
 * and leat_config_set_reuse_port(). A connection that says nothing is open all the
 * same: how long it may be silent is the program's to decide.
 * @return LEAT_OK. Otherwise nothing was started, and leat_tcp_socket_server_get_error() has the
 *         detail: LEAT_E_PARAMETER (not a literal); LEAT_E_SOCKET_BASE + EINVAL (it listens
 *         already; link-local without a zone), + ENODEV (the zone is no interface of this machine),
 *         + EADDRINUSE, which is never answered by taking another port, + EADDRNOTAVAIL, EACCES,
 *         EMFILE ...; LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_server_listen(leat_tcp_socket_server *server,
                                                           const char *address, uint16_t port,
                                                           const leat_config *config);

/** Stops listening and closes every connection as leat_tcp_socket_close(); their `closed` follow.
 * After it the server may listen again.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + EBADF (it does not listen); LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_server_close(leat_tcp_socket_server *server);

/** is_bound: it listens; is_connected: there are connections; is_close: it does not listen. */
LEAT_API void leat_tcp_socket_server_get_state(const leat_tcp_socket_server *server,
                                               struct leat_socket_state *ret_state);

/** The address and port that it listens on.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + EBADF (it does not listen); LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_server_get_local_address(
    const leat_tcp_socket_server *server, struct leat_net_address *ret_address);

/** The descriptor that listens, -1 if none does. Stays the server's. */
LEAT_API int leat_tcp_socket_server_get_socket_fd(const leat_tcp_socket_server *server);

/** Sets the extra options of the connections to come; those that are open have their own.
 * After a refusal leat_tcp_socket_server_listen() is refused as well, until this has succeeded.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, `size` 0, a value out of range). */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_server_set_extra_options(
    leat_tcp_socket_server *server, const struct leat_tcp_extra_options *options);
/** The extra options as they are set. */
LEAT_API void leat_tcp_socket_server_get_extra_options(const leat_tcp_socket_server *server,
                                                       struct leat_tcp_extra_options *ret_options);

/** How many connections there are, from `connected` to `closed`. */
LEAT_API size_t leat_tcp_socket_server_get_connection_count(const leat_tcp_socket_server *server);

/** The connection with this number, NULL if it has gone. Looks through all of them. */
LEAT_API leat_tcp_socket *leat_tcp_socket_server_find(const leat_tcp_socket_server *server,
                                                      uint64_t client_id);

/** Sends the same bytes to all connections. @return LEAT_OK; else the first code of
 * leat_tcp_socket_send() that was not LEAT_OK, though the others have been sent to. */
LEAT_API LEAT_MUST_CHECK int leat_tcp_socket_server_send_all(leat_tcp_socket_server *server,
                                                             const void *data, size_t len);

/** Why the last call that was refused was so. */
LEAT_API void leat_tcp_socket_server_get_error(const leat_tcp_socket_server *server,
                                               struct leat_error *ret_error);

/** The number of a server's connection (clientId): 1, 2, 3 ... in the order of their coming; 0 for
 * a socket that is none. */
LEAT_API uint64_t leat_tcp_socket_get_client_id(const leat_tcp_socket *tcp);

/** A pointer of the program's own with a server's connection; NULL at first. */
LEAT_API void leat_tcp_socket_set_client_data(leat_tcp_socket *tcp, void *data);
/** What leat_tcp_socket_set_client_data() was given. */
LEAT_API void *leat_tcp_socket_get_client_data(const leat_tcp_socket *tcp);

#ifdef __cplusplus
}
#endif

#endif
