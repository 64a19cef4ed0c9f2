/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a failure says: its documented code and the detail behind it.
 */
#ifndef LEAT_ERROR_H
#define LEAT_ERROR_H

#include <leat/base.h>
#include <leat/error_codes.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Room for "host:port" in struct leat_error, with the final NUL. */
#define LEAT_ERROR_HOP_SIZE 272
/** Room for the text in struct leat_error, with the final NUL. */
#define LEAT_ERROR_TEXT_SIZE 1024

/** The layer in which a phase runs or a failure happened. */
enum leat_layer {
    LEAT_LAYER_NONE,
    LEAT_LAYER_DNS,
    LEAT_LAYER_TCP,
    LEAT_LAYER_SOCKS5, /**< SOCKS4 too */
    LEAT_LAYER_HTTP_PROXY,
    LEAT_LAYER_TLS,
    LEAT_LAYER_WEBSOCKET,
    LEAT_LAYER_UDP,
};

/**
 * One failure, as a value: plain data, free to copy and to keep. The first failure of an object
 * is the one that is reported; what it causes later never overwrites it.
 */
struct leat_error {
    /** A documented code (enum leat_code, or LEAT_E_SOCKET_BASE + errno ...); LEAT_OK = none. */
    int code;
    enum leat_layer layer; /**< where it happened */
    /** errno of the system call behind it, 0 if there was none. */
    int sys_errno;
    /**
     * The number that the layer itself knows: the mbedTLS code (TLS), the c-ares status (DNS), the
     * REP byte, method or RFC 1929 status (SOCKS5; the reply of SOCKS4), the HTTP status or the close code (HTTP proxy,
     * WebSocket). 0 if there is none.
     */
    int native_code;
    /** The close code (RFC 6455 section 7.4.1) that a violation of the WebSocket protocol by the
     * other end is answered with: 1002, 1007 or 1009; 0 if there was no violation. */
    uint16_t violation;
    /** "host:port" of the hop that was dialled when it happened, "" if there was none. */
    char hop[LEAT_ERROR_HOP_SIZE];
    /** One line in English that names the culprit. Never holds a password. May quote the other end,
     * and is fit for a terminal and a log all the same: what is not UTF-8, or acts upon a terminal
     * or on the direction of text, is '?'. Ends in "..." where there was no room for all of it. */
    char text[LEAT_ERROR_TEXT_SIZE];
};

/** The name of a layer as the trace and the tool print it: "dns", "tcp", "socks5", "http-proxy",
 * "tls", "websocket", "udp", "none". Static, never NULL. @thread any. */
LEAT_API const char *leat_layer_name(enum leat_layer layer);

/** The documented message of a code, e.g. "Socks5 serialization error.". Total: every int has an
 * answer ("Unknown error." for what no table knows). Static, never NULL. @thread any. */
LEAT_API const char *leat_strerror(int code);

/**
 * Whether what a function that sends (leat_websocket_send(), leat_websocket_post(),
 * leat_tcp_socket_send() and those like them) has returned says that its queue is full: nothing was
 * taken, the connection stands, and the call can be repeated after `writable`. @thread any.
 */
LEAT_API bool leat_is_queue_full(int code);

#ifdef __cplusplus
}
#endif

#endif
