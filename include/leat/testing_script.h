/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A TCP server that does what a table says: it reads what it is told to read and answers any bytes,
 * split anywhere, late, never, or with the end of the connection. The table is the fault. It is for
 * what the servers of leat/testing.h cannot be made to do by faults alone.
 *
 *     static const struct leat_script_row wrong_password[] = {
 *         {LEAT_SCRIPT_READ_SOCKS5_GREETING},
 *         {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x02")},
 *         {LEAT_SCRIPT_READ_SOCKS5_AUTH},
 *         {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01\x01")},
 *         {LEAT_SCRIPT_CLOSE},
 *     };
 *     code = leat_testing_server_new(
 *         LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SCRIPT, .scripts = {wrong_password}),
 *         &server, NULL);
 */
#ifndef LEAT_TESTING_SCRIPT_H
#define LEAT_TESTING_SCRIPT_H

#include <leat/testing.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What to do next. An action that cannot be done (the connection is gone, other bytes came) is a
 * problem (struct leat_testing_seen), unless it says otherwise, and ends the connection. */
enum leat_script_action {
    /** Ends the connection in order: FIN, then whatever comes is dropped until the other side has
     * ended too, so that no RST is sent. Ends a script. */
    LEAT_SCRIPT_CLOSE,
    /** Ends the connection with a RST. Ends a script. */
    LEAT_SCRIPT_RESET,

    /* -- reading -- */
    LEAT_SCRIPT_READ,                 /**< `number` bytes */
    LEAT_SCRIPT_EXPECT,               /**< exactly these bytes */
    LEAT_SCRIPT_DRAIN,                /**< everything until the other side ends, in order or not */
    LEAT_SCRIPT_READ_SOCKS5_GREETING, /**< RFC 1928 section 3 */
    LEAT_SCRIPT_READ_SOCKS5_AUTH,     /**< RFC 1929 section 2 */
    LEAT_SCRIPT_READ_SOCKS5_REQUEST,  /**< RFC 1928 section 4, CONNECT only */
    LEAT_SCRIPT_READ_TLS_RECORD,      /**< one whole record, not decrypted */
    LEAT_SCRIPT_READ_HTTP_HEAD,       /**< to the empty line */
    /** One masked WebSocket frame; with a `number` its first byte must be that (0x81: whole text).
     */
    LEAT_SCRIPT_READ_FRAME,

    /* -- sending; see `split`, `repeat` and `hold` -- */
    LEAT_SCRIPT_SEND, /**< these bytes */
    /** RFC 1928 section 6, with REP `number` and the address 0.0.0.0:0. */
    LEAT_SCRIPT_SEND_SOCKS5_REPLY,
    /** The 101 of RFC 6455 section 4.2.2 for the last head, with these bytes as further lines (each
     * with its CRLF). */
    LEAT_SCRIPT_SEND_UPGRADE,
    /** An unmasked WebSocket frame: its first byte is `number`, these bytes are its payload. */
    LEAT_SCRIPT_SEND_FRAME,

    /* -- serving -- */
    /** Connects to where the last SOCKS5 request wanted to go and carries bytes both ways until
     * both have ended. Every name is 127.0.0.1 here, unless the options name it. */
    LEAT_SCRIPT_RELAY,
    /** Answers WebSocket frames until a Close frame has come and been answered: data is sent back,
     * Ping gets its Pong. */
    LEAT_SCRIPT_SERVE_ECHO,

    /* -- TLS -- */
    LEAT_SCRIPT_TLS_ACCEPT, /**< a TLS handshake as `tls` says; what follows is inside of it */
    LEAT_SCRIPT_TLS_CLOSE_NOTIFY, /**< says the goodbye of TLS; nothing can be sent after it */

    /* -- time and the end -- */
    LEAT_SCRIPT_WAIT,     /**< until leat_testing_server_release() */
    LEAT_SCRIPT_STALL,    /**< says and reads nothing until the other side has ended */
    LEAT_SCRIPT_SHUTDOWN, /**< FIN only; reading goes on */
};

/** One row of a script. Only what the action names is looked at. A script ends with
 * LEAT_SCRIPT_CLOSE or LEAT_SCRIPT_RESET and outlives the server. */
struct leat_script_row {
    enum leat_script_action action; /**< what to do */
    const void *data;               /**< "these bytes" of the action */
    size_t len;                     /**< how many */
    unsigned number;                /**< the `number` of the action */
    size_t split;  /**< bytes of one write, each a segment of its own; 0 = all in one */
    size_t repeat; /**< how often in all; 0 = once */
    bool hold;     /**< keep the bytes and send them with the next ones, in one write */
    /** The name of this step for leat_testing_server_wait_step(); NULL = none. */
    const char *label;
    const struct leat_testing_tls *tls; /**< for LEAT_SCRIPT_TLS_ACCEPT */
};

/** `data` and `len` of a row, from a string literal, which may hold NULs. */
#define LEAT_SCRIPT_BYTES(literal) .data = (literal), .len = sizeof(literal) - 1
/** Rows: a proxy that asks for nothing, up to its good answer. */
#define LEAT_SCRIPT_SOCKS5_OPEN                                                                    \
    {LEAT_SCRIPT_READ_SOCKS5_GREETING}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")},         \
        {LEAT_SCRIPT_READ_SOCKS5_REQUEST},                                                         \
    {                                                                                              \
        LEAT_SCRIPT_SEND_SOCKS5_REPLY                                                              \
    }
/** Rows: a WebSocket server up to the 101. */
#define LEAT_SCRIPT_UPGRADE                                                                        \
    {LEAT_SCRIPT_READ_HTTP_HEAD},                                                                  \
    {                                                                                              \
        LEAT_SCRIPT_SEND_UPGRADE                                                                   \
    }

#ifdef __cplusplus
}
#endif

#endif
