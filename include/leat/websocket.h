/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The WebSocket client (RFC 6455), driven by events.
 *
 *     leat_websocket_new > leat_websocket_connect > opened > message ... > closed
 *
 * 1. Callbacks run only from the loop's dispatch, never inside the call that caused them.
 * 2. After leat_websocket_connect() has returned LEAT_OK, `closed` comes exactly once and is the
 *    last callback of that connection, whatever happens, unless the object is freed before.
 * 3. leat_websocket_free() is allowed in every callback; nothing is called back after it.
 * 4. After `closed` the same object may connect again.
 * 5. Data passed to a callback is borrowed until the callback returns.
 * 6. All functions but leat_websocket_post() belong to the thread of the loop.
 */
#ifndef LEAT_WEBSOCKET_H
#define LEAT_WEBSOCKET_H

#include <leat/config.h>
#include <leat/loop.h>
#include <leat/net_address.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One end of a WebSocket connection. Opaque. */
typedef struct leat_websocket leat_websocket;

/** The type of a message (RFC 6455 section 5.6). */
enum leat_message_type {
    LEAT_MESSAGE_TEXT = 1, /**< valid UTF-8, checked */
    LEAT_MESSAGE_BINARY = 2,
};

/** Who ended the connection. */
enum leat_closed_by {
    LEAT_CLOSED_BY_NOBODY, /**< it broke, or could not be opened */
    /** Our Close frame was the first, or leat_websocket_close() came before it was open. */
    LEAT_CLOSED_BY_LOCAL,
    LEAT_CLOSED_BY_REMOTE, /**< the peer's Close frame was the first */
};

/** How a connection ended. */
struct leat_close_event {
    /** code LEAT_OK: the close handshake was done. Else what went wrong first. */
    struct leat_error error;
    enum leat_closed_by closed_by; /**< who ended it */
    /** The close code of RFC 6455 section 7.1.5: 1005 if the peer's Close frame had none, 1006 if
     * there was no Close frame from the peer and no violation, otherwise the peer's code, or, for a
     * violation by the peer, the code that it was answered with. 0 if it was never open. */
    uint16_t close_code;
    /** The reason in the Close frame, UTF-8, with a final NUL; at most 123 bytes, among which there
     * may be NULs (RFC 6455 section 5.5.1). Never NULL. */
    const char *reason;
    size_t reason_len; /**< bytes, without the final NUL */
};

/** What a connection tells its user. Slots may be NULL. */
struct leat_websocket_callbacks {
    /** sizeof(struct leat_websocket_callbacks) */
    size_t size;
    /** The handshake is done; messages can be sent (RFC 6455 section 4.1). */
    void (*opened)(leat_websocket *ws, void *user);
    /** A whole message. `data[len]` is not NUL. */
    void (*message)(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                    size_t len, void *user);
    /** A Pong frame, asked for or not. */
    void (*pong)(leat_websocket *ws, const uint8_t *payload, size_t len, void *user);
    /** What the send queue has refused would fit now, and it is at most half full. */
    void (*writable)(leat_websocket *ws, void *user);
    /** The end. The object may be freed, or connect again. */
    void (*closed)(leat_websocket *ws, const struct leat_close_event *event, void *user);
    /** If set, `message` is never called: messages come in parts, as soon as bytes of them are there,
     * and are not held. Only the last part may be empty. Text may be cut within a character; it is
     * checked as far as it has come. */
    void (*message_part)(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                         size_t len, bool is_first, bool is_last, void *user);
};

/**
 * Makes a client. Nothing happens before leat_websocket_connect(). `callbacks` is copied.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, or a `size` of 0); LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_websocket_new(leat_loop *loop,
                                                const struct leat_websocket_callbacks *callbacks,
                                                void *user, leat_websocket **ret_ws);

/** Exchanges the callbacks and `user`, at any time, also inside of a callback: what comes from now on
 * is told to them. `callbacks` is copied; a NULL slot is off. Whether messages come
 * whole or in parts stays as it was when the connection was opened: `message_part` gets what comes
 * whole as one part, `message` gets nothing of what comes in parts.
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL, a `size` of 0; a connection of a server, whose callbacks are the server's). */
LEAT_API LEAT_MUST_CHECK int leat_websocket_set_callbacks(
    leat_websocket *ws, const struct leat_websocket_callbacks *callbacks, void *user);

/**
 * Ends the connection at once, without a goodbye on the wire, and frees the object. No callback
 * comes any more. A connection of a server is ended only: its `closed` follows, with
 * LEAT_E_SOCKET_ECANCELED, and then the server frees it. NULL is allowed.
 */
LEAT_API void leat_websocket_free(leat_websocket *ws);

/**
 * Starts connecting to `url` (ws:// or wss://, RFC 6455 section 3). Never blocks. `config` may be
 * NULL for the defaults.
 *
 * The host is a name, also in UTF-8 (IDNA), an IPv4 address in any form of inet_aton(3) ("127.1"), or
 * an IPv6 address in brackets; link-local ones with their zone, "[fe80::1%25eth0]" (RFC 6874), which
 * stays on this machine: without it the failure is LEAT_E_SOCKET_BASE + EINVAL, with the name of no
 * interface + ENODEV.
 *
 * "ws+unix:/path/to/socket:/path/of/request" connects to a local socket, past all proxies, with
 * "localhost" as Host and for the domain policy; "ws+unix:@name:/path" to one with an abstract name. Its
 * path is percent-decoded, so that a colon can be in it as %3A. What it answers as a redirect is a
 * refusal. That it cannot be reached is told by the return value: LEAT_E_SOCKET_BASE + errno. While the
 * server's queue is full it is tried again and again, up to the connect timeout: then `closed` has
 * LEAT_E_SOCKET_BASE + ETIMEDOUT.
 *
 * @return LEAT_OK: `opened` or `closed` follows. Otherwise nothing was started, and
 *         leat_websocket_get_error() has the detail: LEAT_E_WS_URL; LEAT_E_WS_EXISTS (it is
 *         connecting, open or closing, or a server's connection); LEAT_E_WS_CERT_FILE;
 *         LEAT_E_TLS_VERIFY or LEAT_E_TLS_ENGINE (certificates or key unusable); LEAT_E_SOCKS5_SERIALIZE (the host name is too long for
 *         the proxy); LEAT_E_PARAMETER; LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_websocket_connect(leat_websocket *ws, const char *url,
                                                    const leat_config *config);

/**
 * Whether leat_websocket_connect() takes this URL. Nothing is looked up.
 *
 * @param ret_error may be NULL; filled with the detail when the URL is refused.
 * @return LEAT_OK, LEAT_E_WS_URL, LEAT_E_PARAMETER (NULL), LEAT_E_SYSTEM_INTERNAL (no memory).
 * @thread any.
 */
LEAT_API LEAT_MUST_CHECK int leat_websocket_check_url(const char *url,
                                                      struct leat_error *ret_error);

/**
 * Queues a message. It is copied, and leaves together with whatever else is queued in the same
 * round of the loop.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL with a length; text that is not UTF-8);
 *         LEAT_E_SOCKET_BASE + ENOTCONN (before `opened`), + EBADF (closing or closed);
 *         the queue is full: LEAT_E_TLS_WRITE over TLS, LEAT_E_SOCKET_BASE + EAGAIN otherwise;
 *         `writable` follows then; LEAT_E_SOCKET_BASE + ENOBUFS: leat_config_set_server_queue_limit();
 *         LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_websocket_send(leat_websocket *ws, enum leat_message_type type,
                                                 const void *data, size_t len);

/**
 * Queues part of a message whose length need not be known (a fragment, RFC 6455 section 5.4). Pings may
 * be sent in between, other messages not. The parts of a text need not end between characters.
 *
 * @param is_first,is_last of the message; `type` is the same each time.
 * @return as leat_websocket_send(); LEAT_E_PARAMETER also for the first part of a message while another
 *         one is open, for another part while none is, for another type, and from
 *         leat_websocket_send() while a message is open. A part that is refused because the queue is
 *         full is to be repeated after `writable`.
 */
LEAT_API LEAT_MUST_CHECK int leat_websocket_send_part(leat_websocket *ws,
                                                      enum leat_message_type type, const void *data,
                                                      size_t len, bool is_first, bool is_last);

/**
 * Queues a message from any thread: the one function of this header that another thread may call. It
 * is copied, waits for the connection to open if it is not yet, and for the end of a message that is
 * being sent in parts, and is dropped if the connection ends first. The caller sees to it that the
 * object is not freed meanwhile.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER (NULL with a length; text that is not UTF-8);
 *         LEAT_E_SOCKET_BASE + EAGAIN (as much waits as the send queue may hold);
 *         LEAT_E_SYSTEM_INTERNAL (no memory). @thread any.
 */
LEAT_API LEAT_MUST_CHECK int leat_websocket_post(leat_websocket *ws, enum leat_message_type type,
                                                 const void *data, size_t len);

/** Queues a Ping frame with up to 125 bytes of payload (RFC 6455 section 5.5.2).
 * @return as leat_websocket_send(); LEAT_E_PARAMETER also when `len` is above 125. */
LEAT_API LEAT_MUST_CHECK int leat_websocket_ping(leat_websocket *ws, const void *payload,
                                                 size_t len);

/**
 * Starts the close handshake: what is queued is sent, then a Close frame, and `closed` follows when
 * the peer has answered, or when the close deadline is over. While connecting it cancels the attempt.
 *
 * @param code 1000, 1001, 1003, 1007 to 1014 or 3000 to 4999; 0 = a Close frame without a code.
 * @param reason UTF-8, at most 123 bytes; NULL = none.
 * @return LEAT_OK, also while closing already; LEAT_E_PARAMETER (code or reason not allowed);
 *         LEAT_E_SOCKET_BASE + ENOTCONN (never connected), + EBADF (closed).
 */
LEAT_API LEAT_MUST_CHECK int leat_websocket_close(leat_websocket *ws, uint16_t code,
                                                  const char *reason);

/** Stops reading: no `message` and no `pong` comes, and TCP holds back the peer. Its Close frame and
 * the loss of the connection are not seen either until leat_websocket_resume(). */
LEAT_API void leat_websocket_pause(leat_websocket *ws);
/** Goes on reading. */
LEAT_API void leat_websocket_resume(leat_websocket *ws);

/** Bytes of frames that wait to be written. */
LEAT_API size_t leat_websocket_get_buffered_bytes(const leat_websocket *ws);

/** The subprotocol that the server chose, "" if none. Valid until the next connect or free. */
LEAT_API const char *leat_websocket_get_subprotocol(const leat_websocket *ws);

/** At a server: what the client asked for, path and query; "" at a client. Valid until `closed` has
 * returned. */
LEAT_API const char *leat_websocket_get_target(const leat_websocket *ws);

/** "host:port" of the other end: the origin at a client, the client's address at a server; "" while
 * there is no connection. */
LEAT_API const char *leat_websocket_get_peer(const leat_websocket *ws);

/** What the two ends of an open connection have agreed on (OpenResult and more). Strings are valid
 * until `closed` comes. */
struct leat_websocket_opened_info {
    int http_status;         /**< of the answer to the upgrade: 101 */
    const char *subprotocol; /**< "" = none */
    const char *target;      /**< at a server: what the client asked for, path and query; else "" */
    /** How many headers leat_websocket_get_http_header_at() has: inside of `opened`, or `connected`, those
     * of the response at a client, of the request at a server; behind it none. */
    size_t header_count;
    bool is_compressed; /**< permessage-deflate was agreed to */
    /** Its parameters: both windows have 8 to 15 bits. Level, memory level and threshold are no
     * matter of agreement, and 0. All zero without compression. */
    struct leat_compression compression;
};

/** What was agreed on, at both ends, from `opened` until before `closed`.
 * @return false, and nothing written, at any other time. */
LEAT_API bool leat_websocket_get_opened_info(const leat_websocket *ws,
                                             struct leat_websocket_opened_info *ret_info);

/** The address and port of the other end; at a client through a proxy what the proxy was asked for,
 * perhaps a name.
 * @return LEAT_OK; LEAT_E_SOCKET_BASE + ENOTCONN (before `opened`), + EBADF (closed);
 *         LEAT_E_PARAMETER. */
LEAT_API LEAT_MUST_CHECK int leat_websocket_get_remote_address(
    const leat_websocket *ws, struct leat_net_address *ret_address);
/** The address and port of this end. @return as leat_websocket_get_remote_address(). */
LEAT_API LEAT_MUST_CHECK int leat_websocket_get_local_address(const leat_websocket *ws,
                                                              struct leat_net_address *ret_address);
/** The descriptor of the open connection, -1 if there is none. Stays the connection's: do not close
 * it and do not read from it. */
LEAT_API int leat_websocket_get_socket_fd(const leat_websocket *ws);

/** A pointer of the program's own, for what belongs to one connection; NULL at first. The `user` of
 * a server's callbacks is the server's. */
LEAT_API void leat_websocket_set_data(leat_websocket *ws, void *data);
/** What leat_websocket_set_data() was given. */
LEAT_API void *leat_websocket_get_data(const leat_websocket *ws);

/** What TLS has agreed on, at both ends. The strings are valid until `closed` comes.
 * @return false, and nothing written, over plain TCP, before TLS is up and from `closed` on. */
LEAT_API bool leat_websocket_get_tls_info(const leat_websocket *ws, struct leat_tls_info *ret_info);

/**
 * Changes the keys of TLS 1.3 in both directions (RFC 8446 section 4.6.3): ours at once, the peer's when it
 * has read that. leat does so by itself before a key has encrypted as much as it may (section 5.5), so
 * few programs need it. More than 16 calls without a message sent in between have no effect.
 *
 * @return LEAT_OK, also if it could not be written: then `error` tells; LEAT_E_PARAMETER (NULL; the
 *         connection is not TLS 1.3; leat was built with LEAT_MBEDTLS=system);
 *         LEAT_E_SOCKET_BASE + ENOTCONN (not open yet), + EBADF (closing or closed).
 */
LEAT_API LEAT_MUST_CHECK int leat_websocket_update_keys(leat_websocket *ws);

/** Whether permessage-deflate was agreed to. */
LEAT_API bool leat_websocket_is_compressed(const leat_websocket *ws);

/** The first failure of the current or last connection, or of the last connect call that was
 * refused. `ret_error->code` is LEAT_OK if there was none. */
LEAT_API void leat_websocket_get_error(const leat_websocket *ws, struct leat_error *ret_error);

/** The HTTP status of the server's answer, 0 if none came. */
LEAT_API int leat_websocket_get_http_status(const leat_websocket *ws);

/**
 * The value of the first header of that name in the response to the upgrade, without regard to case;
 * NULL if absent. At a server's connection, inside `connected`, of the request. Inside `opened` the
 * response is that of the server that accepted, from `closed` on
 * that of the server, or of the HTTP proxy, that refused. Its strings are valid until the callback
 * returns, or, behind `closed`, until the next connect or free.
 */
LEAT_API const char *leat_websocket_get_http_header(const leat_websocket *ws, const char *name);
/** The header of the response at an index; false = there are not so many. */
LEAT_API bool leat_websocket_get_http_header_at(const leat_websocket *ws, size_t index,
                                                const char **ret_name, const char **ret_value);
/** The first 4 KiB of the body of a refusal, as they came, with a final NUL; never NULL. `ret_len`
 * may be NULL. */
LEAT_API const char *leat_websocket_get_http_body(const leat_websocket *ws, size_t *ret_len);

#ifdef __cplusplus
}
#endif

#endif
