/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The blocking face of the WebSocket client, for tests and simple programs: the same code on a loop
 * of its own, one call at a time. An object belongs to one thread at a time.
 */
#ifndef LEAT_BLOCKING_H
#define LEAT_BLOCKING_H

#include <leat/websocket.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A WebSocket whose calls wait. Opaque. */
typedef struct leat_blocking_websocket leat_blocking_websocket;

/** A received message. Belongs to the object until its next call. */
struct leat_message {
    enum leat_message_type type; /**< text or binary */
    const uint8_t *data;         /**< never NULL; `data[len]` is not NUL */
    size_t len;                  /**< bytes, may be 0 */
};

/**
 * Connects and waits until the connection is open. The deadlines are those of `config` (NULL = the
 * defaults).
 *
 * @param ret_error may be NULL; filled whenever the call fails.
 * @return LEAT_OK and `*ret_ws`, to be freed; otherwise the code of the failure: every code of
 *         leat_websocket_connect() and of the `closed` event.
 */
LEAT_API LEAT_MUST_CHECK int leat_blocking_websocket_connect(const char *url,
                                                             const leat_config *config,
                                                             leat_blocking_websocket **ret_ws,
                                                             struct leat_error *ret_error);

/* The calls below say why they failed in `ret_error`, which is written only then. Of a
 * connection that was closed in order it has LEAT_E_SOCKET_BASE + EBADF all the same, with the close
 * code as `native_code`, and who closed it, with which code and reason, in its text. */

/**
 * Sends a message and waits until it has been handed to the kernel.
 *
 * @param timeout_ms -1 = without limit.
 * @param ret_error may be NULL.
 * @return LEAT_OK; the codes of leat_websocket_send(); the deadline is over while the peer does not
 *         read: LEAT_E_TLS_WRITE over TLS, LEAT_E_SOCKET_BASE + ETIMEDOUT otherwise; what broke the
 *         connection.
 */
LEAT_API LEAT_MUST_CHECK int leat_blocking_websocket_send(leat_blocking_websocket *ws,
                                                          enum leat_message_type type,
                                                          const void *data, size_t len,
                                                          int timeout_ms,
                                                          struct leat_error *ret_error);

/**
 * Waits for the next message. Messages are kept in order; at most the limit of one message and
 * what the kernel holds is read ahead.
 *
 * @param ret_error may be NULL.
 * @return LEAT_OK and `*ret_message`; no message within `timeout_ms`: LEAT_E_TLS_READ over TLS,
 *         LEAT_E_SOCKET_BASE + ETIMEDOUT otherwise, and the connection stays usable;
 *         LEAT_E_SOCKET_BASE + EBADF after an orderly close, as soon as every message that came
 *         before it has been given out; what broke the connection.
 */
LEAT_API LEAT_MUST_CHECK int leat_blocking_websocket_recv(leat_blocking_websocket *ws,
                                                          struct leat_message *ret_message,
                                                          int timeout_ms,
                                                          struct leat_error *ret_error);

/** Does the close handshake and waits for its end, at most the close deadline of the configuration.
 * Messages that arrive meanwhile are dropped. `reason` and `ret_error` may be NULL. @return LEAT_OK;
 * LEAT_E_PARAMETER (code or reason not allowed); LEAT_E_SOCKET_BASE + EBADF (closed before); what
 * broke the connection. */
LEAT_API LEAT_MUST_CHECK int leat_blocking_websocket_close(leat_blocking_websocket *ws,
                                                           uint16_t code, const char *reason,
                                                           struct leat_error *ret_error);

/** How the connection ended, NULL while it has not. Valid until leat_blocking_websocket_free(). */
LEAT_API const struct leat_close_event *leat_blocking_websocket_get_close_event(
    const leat_blocking_websocket *ws);

/** The object underneath, for its getters (protocol, status, error). Not to be freed. */
LEAT_API const leat_websocket *leat_blocking_websocket_get_websocket(
    const leat_blocking_websocket *ws);

/** Ends the connection at once and frees. NULL is allowed. */
LEAT_API void leat_blocking_websocket_free(leat_blocking_websocket *ws);

#ifdef __cplusplus
}
#endif

#endif
