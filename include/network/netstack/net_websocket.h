/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The WebSocket client of the HarmonyOS C NDK, on Linux over leat. A program written for HarmonyOS
 * compiles unchanged: -Iinclude -lnet_websocket.
 *
 *     Constructor > AddHeader ... > Connect > onOpen > Send, onMessage ... > Close > onClose >
 * Destroy
 *
 * 1. All callbacks run on one thread of the library, one at a time, for all clients. It starts with
 *    the first client and ends with the last.
 * 2. Every function may be called from every thread at any time, also from inside callbacks, and
 *    none waits for the network.
 * 3. A connection ends with exactly one callback: onError if it never opened, onClose if it did;
 *    none if the program cancelled the attempt by OH_WebSocketClient_Close().
 * 4. Strings and data given to a function are copied. What a callback is given is valid until it
 *    returns.
 * 5. Every function checks its client against the list of living ones before it touches it: NULL is
 *    WEBSOCKET_CLIENT_NULL, any other strange pointer is WEBSOCKET_CLIENT_NOT_CREATED.
 * 6. wss:// verifies the server's certificate and name, with the system's CAs unless
 *    leat_ohos_set_config() of <leat/ohos.h> says otherwise.
 * 7. After fork() the clients belong to the parent: in the child they are
 *    WEBSOCKET_CLIENT_NOT_CREATED, and it can make its own. A child forked inside a callback must
 *    call exec or _exit.
 *
 * Library: libnet_websocket.so
 */
#ifndef NET_WEBSOCKET_H
#define NET_WEBSOCKET_H

#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "net_websocket_type.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Makes a client. Each callback may be NULL: then nobody hears of that event.
 *
 * @return the client, to be freed with OH_WebSocketClient_Destroy(); NULL without memory, thread or
 *         descriptors, and once the process is exiting. There is no limit on their number.
 */
struct WebSocket *OH_WebSocketClient_Constructor(WebSocket_OnOpenCallback onOpen,
                                                 WebSocket_OnMessageCallback onMessage,
                                                 WebSocket_OnErrorCallback onError,
                                                 WebSocket_OnCloseCallback onclose);

/**
 * Adds a header to the upgrade requests of all later calls of OH_WebSocketClient_Connect(), behind
 * those added before. `header.next` is not looked at. The list can be seen in
 * client->requestOptions.
 *
 * @return WEBSOCKET_OK, WEBSOCKET_CLIENT_NULL, WEBSOCKET_CLIENT_NOT_CREATED,
 *         WEBSOCKET_NO_HEADER_CONTEXT (name or value NULL), WEBSOCKET_PROTOCOL_ERROR (not a header
 *         of HTTP, or one that belongs to the handshake, such as Host or Sec-WebSocket-Key),
 *         WEBSOCKET_HEADER_EXCEEDED, WEBSOCKET_CONNECTION_NO_MEMORY.
 */
int OH_WebSocketClient_AddHeader(struct WebSocket *client, struct WebSocket_Header header);

/**
 * Starts connecting: onOpen or onError follows. The same client may connect again after its onError
 * or onClose, and from inside of them.
 *
 * @param url ws:// or wss://; without "://" it is taken for ws://, as HarmonyOS does
 * @param options further headers; those of client->requestOptions are sent in any case, and once.
 * @return WEBSOCKET_OK, WEBSOCKET_CLIENT_NULL, WEBSOCKET_CLIENT_NOT_CREATED,
 *         WEBSOCKET_CONNECTION_ERROR (it is connecting, open or closing),
 *         WEBSOCKET_CONNECTION_PARSE_URL_ERROR (also for NULL), WEBSOCKET_CONNECTION_NO_MEMORY
 *         (also for an empty URL, as HarmonyOS answers), and for a header in `options` the codes of OH_WebSocketClient_AddHeader().
 */
int OH_WebSocketClient_Connect(struct WebSocket *client, const char *url,
                               struct WebSocket_RequestOptions options);

/**
 * Sends a message: as text if it is UTF-8 without a NUL, as binary otherwise. It need not end with
 * a NUL. Before onOpen it waits for the connection, and is dropped if there will be none.
 *
 * @param length at most 4 MiB; 0 = nothing is sent, and that is no error.
 * @return WEBSOCKET_OK: it waits to be sent; WEBSOCKET_CLIENT_NULL, WEBSOCKET_CLIENT_NOT_CREATED,
 *         WEBSOCKET_SEND_DATA_NULL, WEBSOCKET_DATA_LENGTH_EXCEEDED, WEBSOCKET_NO_CONNECTION (after
 *         OH_WebSocketClient_Close() and after onClose), WEBSOCKET_QUEUE_LENGTH_EXCEEDED (the peer
 *         does not read, and 16 MiB wait already), WEBSOCKET_SEND_NO_MEMORY.
 */
int OH_WebSocketClient_Send(struct WebSocket *client, char *data, size_t length);

/**
 * Closes: what waits is sent, then a Close frame, and onClose follows when the peer has answered,
 * within 5 s. While connecting it cancels the attempt, without a callback. A code that must not be
 * sent (RFC 6455 section 7.4), also 0, is 1000; a reason that is NULL is "CLOSE_NORMAL".
 *
 * @return WEBSOCKET_OK, also when it is closing already; WEBSOCKET_CLIENT_NULL,
 *         WEBSOCKET_CLIENT_NOT_CREATED, WEBSOCKET_NO_CONNECTION (not open; also when an attempt was
 *         cancelled), WEBSOCKET_PROTOCOL_ERROR (a reason that is not UTF-8), WEBSOCKET_DATA_LENGTH_EXCEEDED (the reason).
 */
int OH_WebSocketClient_Close(struct WebSocket *client, struct WebSocket_CloseOption options);

/**
 * Frees a client, whatever it is doing. An open connection is closed in order in the background
 * (code 1000, at most 5 s); when the process exits meanwhile, it waits up to 2 s for that.
 *
 * No callback of this client comes any more. One that is running on the library's thread is waited
 * for, unless this is the call inside of it; so do not hold a lock here that the callback takes.
 * Inside its own callback the client may be read until that returns.
 *
 * @return WEBSOCKET_OK; WEBSOCKET_NO_CONNECTION_CONTEXT: it is freed as well, but has never
 *         been told to connect;
 *         WEBSOCKET_CLIENT_NULL, WEBSOCKET_CLIENT_NOT_CREATED.
 */
int OH_WebSocketClient_Destroy(struct WebSocket *client);

#ifdef __cplusplus
}
#endif

#endif
