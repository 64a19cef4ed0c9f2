/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A client of the NDK. What the program asks for is noted in it under one lock; the library's
 * thread takes it from there and does it. So no call waits for that thread, and a call from inside
 * a callback is like any other.
 */
#ifndef LEATI_OHOS_CLIENT_H
#define LEATI_OHOS_CLIENT_H

#include <leat/leat.h>
#include <network/netstack/net_websocket.h>

/** The longest message to send. */
#define LEATI_NDK_MESSAGE_MAX_BYTES ((size_t)4 << 20)
/** Messages that wait for the connection's own queue, without the last one. */
#define LEATI_NDK_OUTBOX_MAX_BYTES ((size_t)16 << 20)
/** RFC 6455 section 5.5. */
#define LEATI_NDK_REASON_MAX_BYTES 123u

enum leati_ndk_state {
    LEATI_NDK_IDLE, /**< not connected, and not since the last connection or attempt */
    LEATI_NDK_CONNECTING,
    LEATI_NDK_OPEN,
    LEATI_NDK_CLOSING, /**< the program has closed, the end is not yet known */
    LEATI_NDK_ENDED,   /**< was open */
};

struct leati_ndk_message {
    struct leati_ndk_message *next;
    size_t len;
    char data[];
};

/** Messages in their order. */
struct leati_ndk_messages {
    struct leati_ndk_message *first, **end;
};

/** A header that the program has added. */
struct leati_ndk_header {
    struct leati_ndk_header *next;
    struct WebSocket_Header seen; /**< what the program finds in requestOptions */
    const char *name;             /**< both in `text`; the program cannot change them */
    const char *value;
    size_t text_size;
    char text[];
};

struct leati_ndk_client {
    struct WebSocket handle; /**< what the program holds; its address is the client's */

    /* ---- under the lock ---- */
    struct leati_ndk_client *prev, *next; /**< all clients, also destroyed ones that still close */
    struct leati_ndk_client *next_queued;
    bool is_queued;     /**< the library's thread has something to do for it */
    bool is_registered; /**< until OH_WebSocketClient_Destroy() */
    bool has_connected; /**< OH_WebSocketClient_Connect() has succeeded */
    enum leati_ndk_state state;
    struct leati_ndk_header *first_header, *last_header;
    struct leati_ndk_messages outbox;
    size_t outbox_bytes; /**< of `outbox` and `unsent` */
    /* What is asked for, in the order in which it is done. */
    bool cancel_asked; /**< until it is done, nothing is reported of the old attempt */
    char *connect_url; /**< NULL = no connect is asked for */
    leat_config *connect_config;
    bool close_asked;
    uint16_t close_code;
    char close_reason[LEATI_NDK_REASON_MAX_BYTES + 1];

    /* ---- of the library's thread ---- */
    leat_websocket *ws; /**< NULL = no connection and no attempt */
    bool is_open;
    bool close_waits; /**< for `unsent` to leave */
    bool close_sent;
    struct leati_ndk_messages unsent; /**< what the connection's own queue has not taken yet */
};

/* ---- client.c: called by the program's threads ----------------------------------------------- */

/** NULL without memory. */
struct leati_ndk_client *leati_ndk_client_new(void);
/** Without a connection, and not registered any more. */
void leati_ndk_client_free(struct leati_ndk_client *client);

struct leati_ndk_message *leati_ndk_message_new(const void *data, size_t len);
void leati_ndk_messages_init(struct leati_ndk_messages *messages);
void leati_ndk_messages_append(struct leati_ndk_messages *messages,
                               struct leati_ndk_message *message);
/** Frees them all. */
void leati_ndk_messages_clear(struct leati_ndk_messages *messages);

/* ---- connection.c: called by the library's thread -------------------------------------------- */

/** Does what the program has asked for. May free the client. */
void leati_ndk_client_work(struct leati_ndk_client *client);
/** Ends its connection because the loop has failed. */
void leati_ndk_client_break(struct leati_ndk_client *client, int code);

/* ---- request.c: headers ---------------------------------------------------------------------- */

/**
 * Makes the configuration of a connection: that of the process, the client's own headers, then
 * `more`, up to the first of the client's own. Under the lock.
 *
 * @return WEBSOCKET_OK, WEBSOCKET_NO_HEADER_CONTEXT, WEBSOCKET_PROTOCOL_ERROR,
 *         WEBSOCKET_HEADER_EXCEEDED, WEBSOCKET_CONNECTION_NO_MEMORY.
 */
int leati_ndk_request_config(const struct leati_ndk_client *client,
                             const struct WebSocket_Header *more, leat_config **ret_config);

/** Adds a header to the client's own. Under the lock. @return as leati_ndk_request_config(). */
int leati_ndk_request_add_header(struct leati_ndk_client *client,
                                 const struct WebSocket_Header *header);
void leati_ndk_request_clear_headers(struct leati_ndk_client *client);

#endif
