/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The types of the WebSocket client in the HarmonyOS C NDK: the same names, layouts and values.
 * Unlike the header of the SDK this one is C11 too: every struct also has a typedef of its name,
 * which changes nothing for C++.
 *
 * Library: libnet_websocket.so
 */
#ifndef NET_WEBSOCKET_TYPE_H
#define NET_WEBSOCKET_TYPE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Lets C name the structs as C++ does. */
typedef struct WebSocket WebSocket;
typedef struct WebSocket_CloseResult WebSocket_CloseResult;       /**< see WebSocket */
typedef struct WebSocket_CloseOption WebSocket_CloseOption;       /**< see WebSocket */
typedef struct WebSocket_ErrorResult WebSocket_ErrorResult;       /**< see WebSocket */
typedef struct WebSocket_OpenResult WebSocket_OpenResult;         /**< see WebSocket */
typedef struct WebSocket_Header WebSocket_Header;                 /**< see WebSocket */
typedef struct WebSocket_RequestOptions WebSocket_RequestOptions; /**< see WebSocket */

/** How a connection that was open has ended. */
struct WebSocket_CloseResult {
    /** The close code: the peer's; after OH_WebSocketClient_Close() the one given there; 1005 if
     * the peer named none; 1006 if the connection broke; 1002, 1007 or 1009 if the peer broke the
     * protocol. */
    uint32_t code;
    /** The reason that belongs to the code, or what broke the connection: "2301104 Connection reset
     * by peer. ...". UTF-8, never NULL. */
    const char *reason;
};

/** What to say when closing. */
struct WebSocket_CloseOption {
    /** 1000, 1001, 1003, 1007 to 1014 or 3000 to 4999; 0 = 1000. */
    uint32_t code;
    /** UTF-8 of at most 123 bytes; NULL = "". */
    const char *reason;
};

/** A failure. */
struct WebSocket_ErrorResult {
    /** One of WebSocket_ErrCode. */
    uint32_t errorCode;
    /** The code of leat, its message and the details: "2303504 X509 certificate verification
     * failed. ...". UTF-8, never NULL. */
    const char *errorMessage;
};

/** What the server has answered. */
struct WebSocket_OpenResult {
    /** 101, the HTTP status of every successful upgrade. */
    uint32_t code;
    /** "Switching Protocols" */
    const char *reason;
};

/** The connection is open. */
typedef void (*WebSocket_OnOpenCallback)(struct WebSocket *client, WebSocket_OpenResult openResult);

/** A whole message, text or binary. `data` has `length` bytes and a NUL behind them, and belongs to
 * the library. */
typedef void (*WebSocket_OnMessageCallback)(struct WebSocket *client, char *data, uint32_t length);

/** Something went wrong. Before the connection is open this is the end of the attempt; afterwards
 * onClose is. */
typedef void (*WebSocket_OnErrorCallback)(struct WebSocket *client,
                                          WebSocket_ErrorResult errorResult);

/** A connection that was open has ended. */
typedef void (*WebSocket_OnCloseCallback)(struct WebSocket *client,
                                          WebSocket_CloseResult closeResult);

/** A header of the upgrade request, and the next one. */
struct WebSocket_Header {
    const char *fieldName;  /**< a token of RFC 9110 */
    const char *fieldValue; /**< without CR, LF and NUL */
    /** NULL at the end. */
    struct WebSocket_Header *next;
};

/** What OH_WebSocketClient_Connect() may be given besides the URL. */
struct WebSocket_RequestOptions {
    /** NULL = none. */
    struct WebSocket_Header *headers;
};

/**
 * A client. Only OH_WebSocketClient_Constructor() makes one. The callbacks may be exchanged or set
 * to NULL while it is not connected; all else is for reading.
 */
struct WebSocket {
    WebSocket_OnOpenCallback onOpen;       /**< the connection is open */
    WebSocket_OnMessageCallback onMessage; /**< a message has come */
    WebSocket_OnErrorCallback onError;     /**< something went wrong */
    WebSocket_OnCloseCallback onClose;     /**< an open connection has ended */
    /** The headers that OH_WebSocketClient_AddHeader() has added. */
    WebSocket_RequestOptions requestOptions;
};

/** What the functions return, and the errorCode of WebSocket_ErrorResult. */
typedef enum WebSocket_ErrCode {
    WEBSOCKET_OK = 0,
    /** No code: what the others are counted from. */
    E_BASE = 1000,
    /** The client is NULL. */
    WEBSOCKET_CLIENT_NULL = (E_BASE + 1),
    /** The client was not made by OH_WebSocketClient_Constructor(), or has been destroyed. */
    WEBSOCKET_CLIENT_NOT_CREATED = (E_BASE + 2),
    /** The connection could not be made, or there is one already. */
    WEBSOCKET_CONNECTION_ERROR = (E_BASE + 3),
    /** The URL is not a ws:// or wss:// URL. */
    WEBSOCKET_CONNECTION_PARSE_URL_ERROR = (E_BASE + 5),
    /** No memory to connect. */
    WEBSOCKET_CONNECTION_NO_MEMORY = (E_BASE + 6),
    /** The peer has closed the connection. Not used here: onClose tells it. */
    WEBSOCKET_CONNECTION_CLOSED_BY_PEER = (E_BASE + 7),
    /** The connection has been destroyed. Not used here: WEBSOCKET_CLIENT_NOT_CREATED tells it. */
    WEBSOCKET_DESTROYED = (E_BASE + 8),
    /** A header, close code or reason that the protocol does not allow; the peer has broken it. */
    WEBSOCKET_PROTOCOL_ERROR = (E_BASE + 9),
    /** No memory to send. */
    WEBSOCKET_SEND_NO_MEMORY = (E_BASE + 10),
    /** The data to send is NULL. */
    WEBSOCKET_SEND_DATA_NULL = (E_BASE + 11),
    /** A message of more than 4 MiB to send, a close reason of more than 123 bytes, or a received
     * message that is longer than the limit. */
    WEBSOCKET_DATA_LENGTH_EXCEEDED = (E_BASE + 12),
    /** 16 MiB wait to be sent. */
    WEBSOCKET_QUEUE_LENGTH_EXCEEDED = (E_BASE + 13),
    /** Not used here: a client has all it needs from the start. */
    WEBSOCKET_NO_CLIENT_CONTEXT = (E_BASE + 14),
    /** The name or the value of a header is NULL. */
    WEBSOCKET_NO_HEADER_CONTEXT = (E_BASE + 15),
    /** More headers than 128, or than 16 KiB. */
    WEBSOCKET_HEADER_EXCEEDED = (E_BASE + 16),
    /** There is no open connection. */
    WEBSOCKET_NO_CONNECTION = (E_BASE + 17),
    /** The client was destroyed, and had never been connected. */
    WEBSOCKET_NO_CONNECTION_CONTEXT = (E_BASE + 18),
} WebSocket_ErrCode;

#ifdef __cplusplus
}
#endif

#endif
