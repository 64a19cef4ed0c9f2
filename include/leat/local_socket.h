/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Streams between processes of one machine (Unix domain sockets): a client and a server. Named as
 * LocalSocket and LocalSocketServer of the HarmonyOS Network Kit.
 *
 *     leat_local_socket_new > leat_local_socket_connect > connected > send, message ... > closed
 *
 * The rules are those of leat/tcp_socket.h: callbacks only from dispatch; `closed` exactly once for
 * each connect that returned LEAT_OK, with `error` before it if something went wrong; free, close
 * and (in `closed`) connect are allowed inside of callbacks; borrowed data; one thread.
 *
 * An address is a path of at most LEAT_LOCAL_ADDRESS_SIZE - 1 bytes. One that begins with '@' is an
 * abstract name (unix(7)), which no file system has; write "./@name" for such a file. A name that
 * is longer, here or with '@', is LEAT_E_SOCKET_BASE + ENAMETOOLONG, an empty one LEAT_E_PARAMETER.
 *
 * bind and listen make the file, with the rights that umask(2) leaves. One that is there already,
 * in use or not, is LEAT_E_SOCKET_BASE + EADDRINUSE: nothing is ever removed but what the same
 * object has made, and that when it closes.
 */
#ifndef LEAT_LOCAL_SOCKET_H
#define LEAT_LOCAL_SOCKET_H

#include <leat/config.h>
#include <leat/loop.h>
#include <leat/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Room for the longest address, with the final NUL. */
#define LEAT_LOCAL_ADDRESS_SIZE 108

/** A local socket. Opaque. */
typedef struct leat_local_socket leat_local_socket;

/** What a socket tells its user. Slots may be NULL. */
struct leat_local_socket_callbacks {
    /** sizeof(struct leat_local_socket_callbacks) */
    size_t size;
    /** The connection stands; bytes can be sent. */
    void (*connected)(leat_local_socket *local, void *user);
    /** Bytes, at least one. `address` is the server's. */
    void (*message)(leat_local_socket *local, const uint8_t *data, size_t len, const char *address,
                    void *user);
    /** What the send queue has refused would fit now, and it is at most half full. */
    void (*writable)(leat_local_socket *local, void *user);
    /** The connection could not be made in time (LEAT_E_SOCKET_BASE + ETIMEDOUT: the server does
     * not accept), or broke (+ ECONNRESET, EPIPE ...). `closed` follows. */
    void (*error)(leat_local_socket *local, const struct leat_error *error, void *user);
    /** The end: by leat_local_socket_close(), by the peer, or after `error`. */
    void (*closed)(leat_local_socket *local, void *user);
};

/** Makes a socket object. Nothing is opened yet. `callbacks` is copied.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, or a `size` of 0); LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_new(
    leat_loop *loop, const struct leat_local_socket_callbacks *callbacks, void *user,
    leat_local_socket **ret_local);

/** Exchanges the callbacks and `user`, at any time, also inside of a callback: what comes from now on
 * is told to them. `callbacks` is copied; a NULL slot is off.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, a `size` of 0; a connection of a server, whose callbacks are the server's). */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_set_callbacks(
    leat_local_socket *local, const struct leat_local_socket_callbacks *callbacks, void *user);

/** Ends the connection at once and frees; no callback comes any more. NULL is allowed. On a
 * connection of a server it ends the connection only, and the server's `closed` follows. */
LEAT_API void leat_local_socket_free(leat_local_socket *local);

/** Gives this end an address of its own, which the server sees. Seldom needed.
 * @return LEAT_OK; otherwise nothing has changed, and leat_local_socket_get_error() has the detail:
 *         LEAT_E_PARAMETER; LEAT_E_SOCKET_BASE + EINVAL (bound or connected already), +
 * ENAMETOOLONG,
 *         + EADDRINUSE, ENOENT (no such folder), EACCES ...; LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_bind(leat_local_socket *local, const char *address);

/**
 * Starts connecting. Never blocks: while the server's backlog is full it is tried again and again.
 *
 * @param config may be NULL for the defaults. Of it count: the connect and the close deadline, the
 *               limit of the send queue, and the trace.
 * @return LEAT_OK: `connected` or `error` follows, and `closed` at the end. Otherwise nothing was
 *         started, and leat_local_socket_get_error() has the detail: LEAT_E_PARAMETER;
 *         LEAT_E_SOCKET_BASE + EISCONN (it is connecting or connected), + ENAMETOOLONG, + ENOENT
 * (no such path), + ECONNREFUSED (nobody listens), + EACCES, EPROTOTYPE ...;
 *         LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_connect(leat_local_socket *local,
                                                       const char *address,
                                                       const leat_config *config);

/** Queues bytes. @return as leat_tcp_socket_send(). */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_send(leat_local_socket *local, const void *data,
                                                    size_t len);

/** Closes. @return and effect as leat_tcp_socket_close(). */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_close(leat_local_socket *local);

/** Stops reading: no `message` comes, and the kernel holds back the peer. */
LEAT_API void leat_local_socket_pause(leat_local_socket *local);
/** Goes on reading. */
LEAT_API void leat_local_socket_resume(leat_local_socket *local);

/** Bytes that wait to be handed to the kernel. */
LEAT_API size_t leat_local_socket_get_buffered_bytes(const leat_local_socket *local);

/** is_bound: leat_local_socket_bind() has been called, or it is connected. */
LEAT_API void leat_local_socket_get_state(const leat_local_socket *local,
                                          struct leat_socket_state *ret_state);

/** The descriptor of the bound socket or the open connection, -1 if there is none. Stays the
 * socket's: do not close it and do not read from it. */
LEAT_API int leat_local_socket_get_socket_fd(const leat_local_socket *local);

/** Writes the address of this end, "" if it has none of its own.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + ENOTCONN (neither bound nor connected yet), + EBADF
 * (closed); LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_get_local_address(
    const leat_local_socket *local, char ret_address[LEAT_LOCAL_ADDRESS_SIZE]);

/** Sets the extra options: of the open socket, and of those to come. After a refusal
 * leat_local_socket_bind() and leat_local_socket_connect() are refused as well, with its code, until
 * this has succeeded.
 * @return LEAT_OK; otherwise they are as before: LEAT_E_PARAMETER (NULL, `size` 0, a value out of
 *         range), LEAT_E_SOCKET_BASE + errno of setsockopt(2). */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_set_extra_options(
    leat_local_socket *local, const struct leat_extra_options *options);
/** The extra options as they are set. */
LEAT_API void leat_local_socket_get_extra_options(const leat_local_socket *local,
                                                  struct leat_extra_options *ret_options);

/** Why the last call that was refused was so, or what ended the last connection; code LEAT_OK if
 * nothing did. `error->layer` is LEAT_LAYER_TCP, the layer of the descriptor. */
LEAT_API void leat_local_socket_get_error(const leat_local_socket *local,
                                          struct leat_error *ret_error);

/* ---- server: as in leat/tcp_socket.h ------------------------------------------------------- */

/** A server of local sockets. Opaque. */
typedef struct leat_local_socket_server leat_local_socket_server;

/** What a server tells its user. Slots may be NULL. */
struct leat_local_socket_server_callbacks {
    /** sizeof(struct leat_local_socket_server_callbacks) */
    size_t size;
    /** A client has connected; bytes can be sent. */
    void (*connected)(leat_local_socket_server *server, leat_local_socket *local, void *user);
    /** Bytes, at least one. `address` is the server's. */
    void (*message)(leat_local_socket_server *server, leat_local_socket *local, const uint8_t *data,
                    size_t len, const char *address, void *user);
    /** What the connection's queue has refused would fit now, and it is at most half full. */
    void (*writable)(leat_local_socket_server *server, leat_local_socket *local, void *user);
    /** A connection broke (`closed` follows); with `local` NULL: a client could not be accepted,
     * because there are too many (LEAT_E_SOCKET_BASE + EUSERS), no descriptors (+ EMFILE, + ENFILE)
     * or no memory. */
    void (*error)(leat_local_socket_server *server, leat_local_socket *local,
                  const struct leat_error *error, void *user);
    /** The end of a connection. */
    void (*closed)(leat_local_socket_server *server, leat_local_socket *local, void *user);
};

/** Makes a server; nothing listens yet. `callbacks` is copied.
 * @return LEAT_OK, LEAT_E_PARAMETER (NULL, or a `size` of 0), LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_server_new(
    leat_loop *loop, const struct leat_local_socket_server_callbacks *callbacks, void *user,
    leat_local_socket_server **ret_server);

/** Exchanges the callbacks and `user`, at any time, also inside of a callback: what comes from now on
 * is told to them. `callbacks` is copied; a NULL slot is off.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, a `size` of 0). */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_server_set_callbacks(
    leat_local_socket_server *server, const struct leat_local_socket_server_callbacks *callbacks,
    void *user);

/** Ends every connection at once, removes the file and frees. No callback comes any more. NULL is
 * allowed. */
LEAT_API void leat_local_socket_server_free(leat_local_socket_server *server);

/**
 * Binds and listens.
 *
 * @param config may be NULL for the defaults. Of it count: the limit of the send queue, the number
 * of clients at once (leat_config_set_max_concurrent_clients_number()), the close deadline and the
 * trace.
 * @return LEAT_OK. Otherwise nothing was started, and leat_local_socket_server_get_error() has the
 *         detail: LEAT_E_PARAMETER; LEAT_E_SOCKET_BASE + EINVAL (it listens already), +
 *         ENAMETOOLONG, + EADDRINUSE (the file is there, or the abstract name is in use), ENOENT,
 *         EACCES ...; LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_server_listen(leat_local_socket_server *server,
                                                             const char *address,
                                                             const leat_config *config);

/** Stops listening, removes the file, and closes every connection as leat_local_socket_close();
 * their `closed` follow. After it the server may listen again.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + EBADF (it does not listen); LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_server_close(leat_local_socket_server *server);

/** is_bound: it listens; is_connected: there are connections; is_close: it does not listen. */
LEAT_API void leat_local_socket_server_get_state(const leat_local_socket_server *server,
                                                 struct leat_socket_state *ret_state);

/** Writes the address that it listens on.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + EBADF (it does not listen); LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_server_get_local_address(
    const leat_local_socket_server *server, char ret_address[LEAT_LOCAL_ADDRESS_SIZE]);

/** The descriptor that listens, -1 if none does. Stays the server's. */
LEAT_API int leat_local_socket_server_get_socket_fd(const leat_local_socket_server *server);

/** Sets the extra options of the connections to come; those that are open have their own.
 * After a refusal leat_local_socket_server_listen() is refused as well, until this has succeeded.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, `size` 0, a value out of range). */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_server_set_extra_options(
    leat_local_socket_server *server, const struct leat_extra_options *options);
/** The extra options as they are set. */
LEAT_API void leat_local_socket_server_get_extra_options(const leat_local_socket_server *server,
                                                         struct leat_extra_options *ret_options);

/** How many connections there are, from `connected` to `closed`. */
LEAT_API size_t
leat_local_socket_server_get_connection_count(const leat_local_socket_server *server);

/** The connection with this number, NULL if it has gone. Looks through all of them. */
LEAT_API leat_local_socket *leat_local_socket_server_find(const leat_local_socket_server *server,
                                                          uint64_t client_id);

/** Sends the same bytes to all connections. @return as leat_tcp_socket_server_send_all(). */
LEAT_API LEAT_MUST_CHECK int leat_local_socket_server_send_all(leat_local_socket_server *server,
                                                               const void *data, size_t len);

/** Why the last call that was refused was so. */
LEAT_API void leat_local_socket_server_get_error(const leat_local_socket_server *server,
                                                 struct leat_error *ret_error);

/** The number of a server's connection (clientId): 1, 2, 3 ... in the order of their coming; 0 for
 * a socket that is none. */
LEAT_API uint64_t leat_local_socket_get_client_id(const leat_local_socket *local);

/** A pointer of the program's own with a server's connection; NULL at first. */
LEAT_API void leat_local_socket_set_client_data(leat_local_socket *local, void *data);
/** What leat_local_socket_set_client_data() was given. */
LEAT_API void *leat_local_socket_get_client_data(const leat_local_socket *local);

#ifdef __cplusplus
}
#endif

#endif
