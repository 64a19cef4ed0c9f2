/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The WebSocket server (RFC 6455), for ws and wss. A connection is a leat_websocket, as at the client:
 * leat_websocket_send(), _ping(), _close(), _pause(), _resume(), _post() and the getters serve both.
 *
 *     leat_websocket_server_new > leat_websocket_server_start > request > connected > message ... > closed
 *
 * 1. Callbacks run only from the loop's dispatch.
 * 2. For a connection that was reported by `connected`, `closed` comes exactly once; when it returns
 *    the server frees the connection. leat_websocket_free() ends it at once, without a goodbye:
 *    `closed` follows, with LEAT_E_SOCKET_ECANCELED.
 * 3. Stopping or freeing the server is allowed in every callback.
 * 4. Several loops, one server on each, can share one port: leat_config_set_reuse_port(), and
 *    leat/loop_threads.h.
 * 5. About TLS all that leat/tls_options.h says holds as well (leat_config_set_tls_options()): several
 *    certificates, chosen by the name that a client asks for, ALPN, client certificates, whose subject
 *    leat_tls_options_set_verify_callback() shows. Session tickets (leat_config_set_session_resumption())
 *    have keys that change every two hours; a server that wants client certificates gives out none. There is no OCSP stapling: mbedTLS has none.
 */
#ifndef LEAT_WEBSOCKET_SERVER_H
#define LEAT_WEBSOCKET_SERVER_H

#include <leat/websocket.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A WebSocket server. Opaque. */
typedef struct leat_websocket_server leat_websocket_server;

/** A request of HTTP that waits for an answer: the callback `http_request`. It is the program's until
 * it has answered, exactly once, or freed it, also if the client or the server has gone meanwhile.
 * Opaque. */
typedef struct leat_http_request leat_http_request;

/** A field of an answer. */
struct leat_http_header {
    const char *name;  /**< a token */
    const char *value; /**< no CR or LF */
};

/** A client's request to open a connection. Borrowed until the callback returns. */
struct leat_upgrade_request {
    const char *target; /**< as in the request: path and query */
    const char *host;   /**< value of Host */
    const char *origin; /**< value of Origin, "" if absent (RFC 6455 section 10.2) */
    /** The client's address and port: whom a trusted proxy names (leat_config_add_trusted_proxy()),
     * otherwise who has connected. */
    const struct leat_net_address *client;
    /** The subprotocol that the server would choose: the first of its own that the client offers,
     * "" if there is none in common. */
    const char *subprotocol;
    /** Looks up a header of the request, NULL if absent; the name's case does not matter. */
    const char *(*header)(const struct leat_upgrade_request *request, const char *name);
};

/** What a server tells its user. Slots may be NULL. */
struct leat_websocket_server_callbacks {
    /** sizeof(struct leat_websocket_server_callbacks) */
    size_t size;
    /**
     * Decides about a client: returns 101 to accept, or the HTTP status of the refusal (400 to 599;
     * 403 for an Origin that is not welcome, 404 for an unknown path). NULL = all are accepted.
     *
     * Nobody is asked about what is no valid request for an upgrade: 400 (malformed, RFC 9112), 405
     * and 501 (another method than GET), 414 and 431 (a request line, header fields above the
     * limit of 16 KiB for a head), 426 (no upgrade, or another version than 13; RFC 6455 section
     * 4.4), 505 (not HTTP/1.x). HEAD is answered as GET would be, without content.
     */
    int (*request)(leat_websocket_server *server, const struct leat_upgrade_request *request,
                   void *user);
    /** A connection is open. */
    void (*connected)(leat_websocket_server *server, leat_websocket *ws, void *user);
    /** A whole message; as in struct leat_websocket_callbacks. */
    void (*message)(leat_websocket_server *server, leat_websocket *ws, enum leat_message_type type,
                    const uint8_t *data, size_t len, void *user);
    /** What the connection's queue has refused would fit now, and it is at most half full. */
    void (*writable)(leat_websocket_server *server, leat_websocket *ws, void *user);
    /** The end of a connection. */
    void (*closed)(leat_websocket_server *server, leat_websocket *ws,
                   const struct leat_close_event *event, void *user);
    /** A client that did not become a connection: refused, too slow, over a limit, TLS failed; or a
     * listener that cannot accept. `error->hop` is the client's address. */
    void (*error)(leat_websocket_server *server, const struct leat_error *error, void *user);
    /** Messages in parts, instead of `message`; as in struct leat_websocket_callbacks. */
    void (*message_part)(leat_websocket_server *server, leat_websocket *ws,
                         enum leat_message_type type, const uint8_t *data, size_t len,
                         bool is_first, bool is_last, void *user);
    /** A Pong frame from the client, asked for or not. */
    void (*pong)(leat_websocket_server *server, leat_websocket *ws, const uint8_t *payload,
                 size_t len, void *user);
    /**
     * Decides about every request of HTTP, an upgrade or not, instead of `request`: calls
     * leat_http_request_accept() or leat_http_request_answer(), here or later, from the loop's
     * thread. Until then nothing more is read of the client; the phase timeout UPGRADE holds, after
     * which it is told 503 and `error` comes.
     *
     * With this slot HTTP/1.0, HEAD, and the methods of RFC 9110 but CONNECT and TRACE are welcome;
     * a request with a body is refused with 400 and ends the connection. Behind an answer the same
     * connection may ask again (at most 100 times), unless it has sent more already, or says
     * "Connection: close"; each time within the phase timeout UPGRADE.
     */
    void (*http_request)(leat_websocket_server *server, leat_http_request *request, void *user);
};

/* ---- configuration: what only a server needs, beside leat/config.h ----------------------- */

/** PEM files of the server's certificate chain and key: the server speaks wss. All NULL = ws
 * (default). Read when the server starts. @return as leat_config_set_client_cert(). */
LEAT_API LEAT_MUST_CHECK int leat_config_set_server_cert(leat_config *config, const char *cert_path,
                                                         const char *key_path,
                                                         const char *key_password);

/** Client certificates are verified against leat_config_set_ca_path().
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_client_verification(
    leat_config *config, enum leat_client_verification verification);

/**
 * Lets in upgrades from pages of this origin (RFC 6454, RFC 6455 section 10.2): "https://example.com",
 * "https://example.com:8443", "null"; a host that begins with "*." is every name below the rest.
 * Others that have an Origin are refused with 403, and nobody is asked; those without are no browsers, and
 * pass. None (default) = all are let in, and the program may look. May be called several times.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER (not an origin, or too many: 128); LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_add_allowed_origin(leat_config *config,
                                                            const char *origin);

/**
 * Believes proxies of this network in what they say about whose request they bring: "10.0.0.0/8",
 * "fd00::/8", an address, or "unix" for all who come by a local socket. The client that they name is
 * that of struct leat_upgrade_request, leat_http_request_get_client() and
 * leat_websocket_get_client_address(), and the one that the limit for one client counts. Nobody else
 * is believed (default: nobody), and where several proxies stand in a row all but the first have to
 * be trusted. May be called several times.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER (not a network, or too many: 128); LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_add_trusted_proxy(leat_config *config,
                                                           const char *network);

/** Where a trusted proxy says whose request it brings. */
enum leat_forwarded_header {
    LEAT_FORWARDED_NONE,            /**< in no header */
    LEAT_FORWARDED_X_FORWARDED_FOR, /**< nginx, HAProxy, the clouds; default */
    LEAT_FORWARDED_FORWARDED,       /**< RFC 7239, the parameter "for" */
};

/** The one header that trusted proxies write; the other is a client's own word.
 * @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_forwarded_header(leat_config *config,
                                                              enum leat_forwarded_header header);

/** Trusted proxies (leat_config_add_trusted_proxy()) begin each connection with a header of the PROXY
 * protocol, version 1 or 2, in front of TLS, within the phase timeout PROXY: whom it names is the
 * client, unless X-Forwarded-For goes on from there. Who is trusted and sends none, or a wrong one, is
 * cut off, and `error` says so; who is not trusted must not send any. Default false.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
LEAT_API LEAT_MUST_CHECK int leat_config_set_received_proxy_protocol(leat_config *config,
                                                                     bool received);

/**
 * How much one connection of a server may send in a second, bytes (on the wire, and what becomes of
 * them when they are unpacked) and whole messages, with a second's worth in advance. Who sends more
 * is read more slowly: what is above waits in the kernel, and the client is held up. 0 = any number
 * (default).
 *
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_receive_rate(leat_config *config, size_t bytes_per_s,
                                                          size_t messages_per_s);

/**
 * What may wait to be sent on all connections of a server together, whatever each of them may have by
 * leat_config_set_send_queue_limit(). When a message would go beyond it, the connection on which most
 * waits is ended, and the next one if that is not enough: whoever reads too slowly pays, not whoever is sent
 * something. Its `closed` has LEAT_E_SOCKET_BASE + ENOBUFS, and the text says how much waited; the counter is
 * `overflowed`. A send that this hits itself, or of more than the whole limit, returns
 * LEAT_E_SOCKET_BASE + ENOBUFS and queues nothing. A message for many counts for each of them; what topics
 * keep back, and TLS, does not. 0 = any number (default).
 *
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_server_queue_limit(leat_config *config, size_t bytes);

/* ---- the server ----------------------------------------------------------------------------- */

/** Makes a server; nothing listens yet. `callbacks` is copied.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL (no memory). */
LEAT_API LEAT_MUST_CHECK int leat_websocket_server_new(
    leat_loop *loop, const struct leat_websocket_server_callbacks *callbacks, void *user,
    leat_websocket_server **ret_server);

/** Exchanges the callbacks and `user`, at any time, also inside of a callback: what comes from now on
 * is told to them. `callbacks` is copied; a NULL slot is off. Whether messages come
 * whole or in parts stays as it was when the connection was opened: `message_part` gets what comes
 * whole as one part, `message` gets nothing of what comes in parts.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, a `size` of 0). */
LEAT_API LEAT_MUST_CHECK int leat_websocket_server_set_callbacks(
    leat_websocket_server *server, const struct leat_websocket_server_callbacks *callbacks,
    void *user);

/** Ends every connection at once, without a goodbye, and frees. No callback comes any more. NULL is
 * allowed. */
LEAT_API void leat_websocket_server_free(leat_websocket_server *server);

/**
 * Listens. Subprotocols of `config` are those that the server speaks; its phase timeouts TLS and
 * UPGRADE limit a client's handshake, its message and queue limits, keep-alive, close timeout and trace
 * hold for every connection; proxies, domains and headers are ignored.
 *
 * @param server_ip an IPv4 or IPv6 literal; NULL or "" = every address of this machine;
 *                  "ws+unix:/path/to/socket" or "ws+unix:@name" = a local socket, for which the port
 *                  does not count and clients have no address: their number is limited in total only.
 *                  A path that is there is LEAT_E_WS_PORT, and the file goes with the server.
 * @param server_port 1 to 65535, wider than a port so that what is above it is refused and not cut;
 *                    0 = any free one, see leat_websocket_server_get_port().
 * @return LEAT_OK; otherwise nothing was started and leat_websocket_server_get_error() has the detail:
 *         LEAT_E_WS_EXISTS (it listens already), LEAT_E_WS_NIC (not an address of this machine),
 *         LEAT_E_WS_PORT (in use or not permitted, errno kept; above 65535), LEAT_E_WS_CERT_FILE,
 *         LEAT_E_TLS_VERIFY or LEAT_E_TLS_ENGINE (certificates or key unusable),
 *         LEAT_E_SOCKET_BASE + errno, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_websocket_server_start(leat_websocket_server *server,
                                                         const char *server_ip,
                                                         unsigned server_port,
                                                         const leat_config *config);

/** Stops listening and closes every connection with 1001; their `closed` follow. Handshakes that are
 * not done are dropped. After it the server may start again. @return LEAT_OK, LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_websocket_server_stop(leat_websocket_server *server);

/**
 * Listens on a descriptor that listens already: of systemd (leat_get_listen_descriptors()), or one
 * that another process has handed over. It is the server's from here on, in every case; the file of a
 * local socket stays. Otherwise as leat_websocket_server_start().
 *
 * @return as leat_websocket_server_start(); LEAT_E_SOCKET_BASE + EBADF, ENOTSOCK, EINVAL (it does not
 *         listen).
 */
LEAT_API LEAT_MUST_CHECK int leat_websocket_server_start_descriptor(leat_websocket_server *server,
                                                                    int fd,
                                                                    const leat_config *config);

/** The descriptors that systemd has opened for this process (sd_listen_fds(3): LISTEN_PID and
 * LISTEN_FDS), in the order of the socket unit; they are made close-on-exec. Writes at most `cap` of
 * them and returns how many there are: 0 = it was not started so. */
LEAT_API size_t leat_get_listen_descriptors(int *ret_fds, size_t cap);

/** Stops listening, but not the descriptor, which is the caller's from here on: for the process that
 * comes next (over exec, or SCM_RIGHTS), so that no client finds nobody. Connections stay as they are:
 * see leat_websocket_server_drain(). @return -1 if it does not listen. */
LEAT_API int leat_websocket_server_release_descriptor(leat_websocket_server *server);

/** As leat_websocket_server_stop(), with a deadline over all: connections that are still there after
 * `timeout_ms` are cut off, and their `closed` comes. When the last one has gone
 * leat_websocket_server_list() is empty. @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL (no
 * memory: without a deadline). */
LEAT_API LEAT_MUST_CHECK int leat_websocket_server_drain(leat_websocket_server *server,
                                                         uint32_t timeout_ms);

/** Reads the certificates, the key and everything else about TLS of `config` for the clients that come
 * from now on; those that are there keep theirs. What else stands in `config` does not count. A server
 * of ws stays one. @return LEAT_OK; otherwise nothing has changed, and
 * leat_websocket_server_get_error() has the detail: LEAT_E_PARAMETER (it has not been started, or
 * `config` has no certificate), and the codes of certificates of leat_websocket_server_start(). */
LEAT_API LEAT_MUST_CHECK int leat_websocket_server_reload_certificates(
    leat_websocket_server *server, const leat_config *config);

/** What has happened since leat_websocket_server_new(), and what is now. */
struct leat_websocket_server_counters {
    uint64_t accepted;          /**< connections of TCP, or of a local socket */
    uint64_t opened;            /**< that became WebSockets */
    uint64_t closed;            /**< of these, those that have ended */
    uint64_t failed;            /**< that did not become one: refused, too slow, TLS failed */
    uint64_t answered;          /**< of requests that came whole, those that were not with a 101 */
    uint64_t messages_received; /**< whole ones, or last parts */
    uint64_t bytes_received;    /**< of payload */
    uint64_t bytes_sent;        /**< on the wire, above TLS, the heads of HTTP not counted */
    uint64_t throttled;    /**< how often a client was held up: leat_config_set_receive_rate() */
    uint64_t open;         /**< connections now */
    uint64_t handshakes;   /**< that are not done now */
    uint64_t queued_bytes; /**< that wait to be sent now, of all connections */
    uint64_t overflowed;   /**< connections ended by leat_config_set_server_queue_limit() */
};

/** Fills in as much as the caller knows. Goes through all connections.
 * @param size sizeof(struct leat_websocket_server_counters), as the program was built
 * @return LEAT_OK, LEAT_E_PARAMETER (NULL, a `size` of 0). */
LEAT_API LEAT_MUST_CHECK int leat_websocket_server_get_counters(
    const leat_websocket_server *server, struct leat_websocket_server_counters *ret_counters,
    size_t size);

/** The port that it listens on, 0 if it does not. */
LEAT_API uint16_t leat_websocket_server_get_port(const leat_websocket_server *server);

/** Lists the open connections: writes at most `cap` of them and returns how many there are. */
LEAT_API size_t leat_websocket_server_list(const leat_websocket_server *server,
                                           leat_websocket **ret_connections, size_t cap);

/** The client's address at a server: whom a trusted proxy names, otherwise who has connected. At a
 * client, as leat_websocket_get_remote_address().
 * @return LEAT_OK; as leat_websocket_get_remote_address(). */
LEAT_API LEAT_MUST_CHECK int leat_websocket_get_client_address(
    const leat_websocket *ws, struct leat_net_address *ret_address);

/* ---- requests of HTTP ------------------------------------------------------------------------ */

/** What it asks for. Texts are the client's own words, borrowed until it is answered; once the client
 * has gone all are "", or NULL for a header, and an answer is LEAT_E_SOCKET_BASE + EBADF. */
LEAT_API const char *leat_http_request_get_method(const leat_http_request *request);
/** Path and query. "" once the client has gone. */
LEAT_API const char *leat_http_request_get_target(const leat_http_request *request);
/** Value of Host; "" also if there is none (HTTP/1.0). */
LEAT_API const char *leat_http_request_get_host(const leat_http_request *request);
/** A field, NULL if it is absent; the name's case does not matter. */
LEAT_API const char *leat_http_request_get_header(const leat_http_request *request,
                                                  const char *name);
/** Whether it is a valid request for an upgrade: only such a one can be accepted. */
LEAT_API bool leat_http_request_is_upgrade(const leat_http_request *request);
/** The subprotocol that would be chosen, "" = none. */
LEAT_API const char *leat_http_request_get_subprotocol(const leat_http_request *request);
/** Whose request it is, as in struct leat_upgrade_request. @return whether it is known: the client is
 * still there. */
LEAT_API bool leat_http_request_get_client(const leat_http_request *request,
                                           struct leat_net_address *ret_address);

/**
 * Lets the client in: 101, with fields of the program's own (Set-Cookie, say) behind ours; `connected`
 * follows. NULL is allowed for `headers` with a count of 0.
 *
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + EBADF (the client has gone, or the server has been stopped),
 *         + EUSERS (the server has become full: the client was told 503); the request is gone after
 *         all of them. LEAT_E_PARAMETER (not an upgrade; a header that is none, or
 *         one that belongs to the handshake): nothing is answered yet.
 */
LEAT_API LEAT_MUST_CHECK int leat_http_request_accept(leat_http_request *request,
                                                      const struct leat_http_header *headers,
                                                      size_t header_count);

/**
 * Answers with something else: 200 to 599. Date, Content-Length and, unless `headers` have them,
 * Content-Type (text/plain; UTF-8) and with 405 Allow are added. Nothing of a body leaves in answer
 * to HEAD, or with 204 and 304. An answer below 400 is no failure: `error` does not come for it.
 *
 * @param body NULL with `len` 0 = none; from 400 on the name of the status
 * @return as leat_http_request_accept().
 */
LEAT_API LEAT_MUST_CHECK int leat_http_request_answer(leat_http_request *request, int status,
                                                      const struct leat_http_header *headers,
                                                      size_t header_count, const void *body,
                                                      size_t len);

/** Gives up a request: the client is told 500, if it is still there. NULL is allowed. */
LEAT_API void leat_http_request_free(leat_http_request *request);

/** Why the last start was refused. */
LEAT_API void leat_websocket_server_get_error(const leat_websocket_server *server,
                                              struct leat_error *ret_error);

#ifdef __cplusplus
}
#endif

#endif
