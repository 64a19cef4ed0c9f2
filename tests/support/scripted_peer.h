/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A TCP server that does what a table says: it reads what it is told to read and answers any bytes,
 * split anywhere, late, never, or with the end of the connection. The table is the fault.
 *
 *     static const struct peer_step wrong_password[] = {
 *         {PEER_READ_SOCKS5_GREETING},
 *         {PEER_SEND, PEER_BYTES("\x05\x02")},
 *         {PEER_READ_SOCKS5_AUTH},
 *         {PEER_SEND, PEER_BYTES("\x01\x01")},
 *         {PEER_CLOSE},
 *     };
 *
 * It listens on a free port of 127.0.0.1 (or ::1), in threads of its own, one for each connection.
 * What it has seen can be asked for at any time, and a test can wait for a step or hold one back;
 * so nothing needs a sleep. No test framework is needed: failures come as values.
 */
#ifndef LEAT_TESTS_SUPPORT_SCRIPTED_PEER_H
#define LEAT_TESTS_SUPPORT_SCRIPTED_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What to do next. A step that cannot be done (the connection is gone, other bytes came) is a
 * problem, unless it says otherwise, and ends the connection. */
enum peer_action {
    /** Ends the connection in order: FIN, then whatever comes is dropped until the other side has
     * ended too, so that no RST is sent. Ends a script. */
    PEER_CLOSE,
    /** Ends the connection with a RST. Ends a script. */
    PEER_RESET,

    /* -- reading -- */
    PEER_READ,                 /**< `number` bytes */
    PEER_EXPECT,               /**< exactly these bytes */
    PEER_DRAIN,                /**< everything until the other side ends, in order or not */
    PEER_READ_SOCKS5_GREETING, /**< RFC 1928 section 3 */
    PEER_READ_SOCKS5_AUTH,     /**< RFC 1929 section 2 */
    PEER_READ_SOCKS5_REQUEST,  /**< RFC 1928 section 4, CONNECT only */
    PEER_READ_TLS_RECORD,      /**< one whole record, not decrypted */
    PEER_READ_HTTP_HEAD,       /**< to the empty line */
    /** One masked WebSocket frame; with a `number` its first byte must be that (0x81: whole text).
     */
    PEER_READ_FRAME,

    /* -- sending; see `split`, `repeat` and `hold` -- */
    PEER_SEND,              /**< these bytes */
    PEER_SEND_SOCKS5_REPLY, /**< RFC 1928 section 6, with REP `number` and the address 0.0.0.0:0 */
    /** The 101 of RFC 6455 section 4.2.2 for the last head, with these bytes as further lines (each
     * with its CRLF). */
    PEER_SEND_UPGRADE,
    /** An unmasked WebSocket frame: its first byte is `number`, these bytes are its payload. */
    PEER_SEND_FRAME,

    /* -- serving -- */
    /** Connects to where the last SOCKS5 request wanted to go and carries bytes both ways until
     * both have ended. Every name is 127.0.0.1 here. */
    PEER_RELAY,
    /** Answers WebSocket frames until a Close frame has come and been answered: data is sent back,
     * Ping gets its Pong. */
    PEER_SERVE_ECHO,

    /* -- TLS -- */
    PEER_TLS_ACCEPT,       /**< a TLS handshake as `tls` says; what follows is inside of it */
    PEER_TLS_CLOSE_NOTIFY, /**< says the goodbye of TLS; nothing can be sent after it */

    /* -- time and the end -- */
    PEER_WAIT,     /**< until scripted_peer_release() */
    PEER_STALL,    /**< says and reads nothing until the other side has ended */
    PEER_SHUTDOWN, /**< FIN only; reading goes on */
};

/** How PEER_TLS_ACCEPT behaves. Paths are PEM files. */
struct peer_tls {
    const char *cert_path;
    const char *key_path;
    /** Ask for a client certificate of this CA, and refuse if none comes. NULL = do not ask. */
    const char *client_ca_path;
    int min_version; /**< 0x0303, 0x0304; 0 = any */
    int max_version;
    const char *cipher_list; /**< OpenSSL's cipher list up to TLS 1.2; NULL = its default */
    /** The handshake is expected to fail: that is no problem, and the script goes on. */
    bool may_fail;
};

/** One row of a script. Only what the action names is looked at. */
struct peer_step {
    enum peer_action action;
    const void *data;
    size_t len;
    unsigned number;
    size_t split;  /**< bytes of one write, each a segment of its own; 0 = all in one */
    size_t repeat; /**< how often in all; 0 = once */
    bool hold;     /**< keep the bytes and send them with the next ones, in one write */
    /** For scripted_peer_wait(); NULL = none. */
    const char *label;
    const struct peer_tls *tls;
};

/** `data` and `len` of a step, from a string literal, which may hold NULs. */
#define PEER_BYTES(literal) .data = (literal), .len = sizeof(literal) - 1
/** Rows: a proxy that asks for nothing, up to its good answer. */
#define PEER_SOCKS5_OPEN                                                                           \
    {PEER_READ_SOCKS5_GREETING}, {PEER_SEND, PEER_BYTES("\x05\x00")}, {PEER_READ_SOCKS5_REQUEST},  \
    {                                                                                              \
        PEER_SEND_SOCKS5_REPLY                                                                     \
    }
/** Rows: a WebSocket server up to the 101. */
#define PEER_UPGRADE                                                                               \
    {PEER_READ_HTTP_HEAD},                                                                         \
    {                                                                                              \
        PEER_SEND_UPGRADE                                                                          \
    }

struct scripted_peer;

/** The most scripts of one peer. */
#define SCRIPTED_PEER_SCRIPTS 8

struct scripted_peer_options {
    /** What the first, the second ... connection gets; the last one is for all that follow. Every
     * script ends with PEER_CLOSE or PEER_RESET and outlives the peer. */
    const struct peer_step *scripts[SCRIPTED_PEER_SCRIPTS];
    /** Listen on ::1. */
    bool ipv6;
};

/** What a peer has seen so far, of its newest connection where it is not a sum. */
struct peer_seen {
    unsigned connections; /**< in all */
    unsigned flights; /**< in all: how often bytes came after the peer had spoken or at the start */
    uint64_t bytes_in, bytes_out; /**< in all, on the wire */
    uint8_t socks5_methods[255];
    size_t socks5_method_count;
    char socks5_user[256], socks5_password[256];
    uint8_t socks5_address_type; /**< RFC 1928 ATYP */
    char socks5_host[256];       /**< a name, or an address as text */
    uint16_t socks5_port;
    char http_head[16384];
    uint8_t frame_first_byte;   /**< of the last frame */
    uint8_t frame_payload[256]; /**< its beginning */
    size_t frame_len;
    /** What went otherwise than the first problematic script says, "" = nothing did. */
    char problem[256];
};

/** Starts a peer. @return NULL if there is no memory, thread or port for it. */
struct scripted_peer *scripted_peer_new(const struct scripted_peer_options *options);

/** As scripted_peer_new(), with one script. */
struct scripted_peer *scripted_peer_start(const struct peer_step *script);

/** Ends everything at once and frees. NULL is allowed. */
void scripted_peer_free(struct scripted_peer *peer);

uint16_t scripted_peer_port(const struct scripted_peer *peer);

/** Lets one PEER_WAIT go on, the present one or the next. */
void scripted_peer_release(struct scripted_peer *peer);

/** Waits until a step with this label has begun, on whatever connection. false after the time. */
bool scripted_peer_wait(struct scripted_peer *peer, const char *label, int timeout_ms);

/** Waits until there has been a connection and none is left. false after the time. */
bool scripted_peer_wait_idle(struct scripted_peer *peer, int timeout_ms);

void scripted_peer_seen(struct scripted_peer *peer, struct peer_seen *ret_seen);

#endif
