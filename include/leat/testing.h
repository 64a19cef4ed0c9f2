/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * libleat-testing: real local servers for the tests of any network client, and every way in which
 * they can go wrong. A library of its own (leat::testing, pkg-config leat-testing): it needs
 * neither libleat nor a test framework.
 *
 *     leat_testing_server *proxy = NULL;
 *     int code = leat_testing_server_new(
 *         LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .user = "a", .password = "b",
 *                              .faults = "reply=05,05,00,01,00,00,00,00,00,00;then=close"),
 *         &proxy, NULL);
 *     ... leat_testing_server_get_url(proxy) is "socks5h://a:b@127.0.0.1:41234" ...
 *     leat_testing_server_wait_step(proxy, "request", 1, 5000);
 *     leat_testing_server_free(proxy);
 *
 * A server listens when leat_testing_server_new() returns, on a free port of 127.0.0.1 unless told
 * otherwise, in threads of its own: one that accepts and one for each connection. It uses no
 * signals and never raises SIGPIPE. Whatever a client sends ends at most that client's connection.
 * NULL where no comment allows it is LEAT_E_PARAMETER or, where no code is returned, ignored.
 *
 * Steps
 * -----
 * Each connection goes through named steps. A step is reached when that has happened which its name
 * says: for what the client sends, when all of it has come; for what the server answers, when the
 * answer is ready and not yet sent. It is then counted (leat_testing_server_wait_step()), logged,
 * and the faults of that step are carried out.
 *
 * | step         | of                  | reached when                                | answer |
 * |--------------|---------------------|---------------------------------------------|--------|
 * | `accept`     | all                 | a client has connected                      | none   |
 * | `tls`        | CONNECT, WebSocket, | the TLS handshake is done                   | none   |
 * |              | TCP, HTTP, SOCKS4   |                                             |        |
 * | `greeting`   | SOCKS5              | the methods have come (RFC 1928 section 3)  | none   |
 * | `method`     | SOCKS5              | a method has been chosen                    | yes    |
 * | `auth`       | SOCKS5              | user and password have come (RFC 1929)      | none   |
 * | `auth-reply` | SOCKS5              | they have been judged                       | yes    |
 * | `request`    | SOCKS5, SOCKS4      | the request has come (RFC 1928 section 4)   | none   |
 * | `head`       | CONNECT, WebSocket, | a request's head has come                   | none   |
 * |              | HTTP                |                                             |        |
 * | `connect`    | SOCKS5, CONNECT,    | the destination is about to be dialled      | none   |
 * |              | TCP, HTTP, SOCKS4   |                                             |        |
 * | `reply`      | SOCKS5, CONNECT,    | it is connected, or is not                  | yes    |
 * |              | HTTP, SOCKS4        |                                             |        |
 * | `relay`      | SOCKS5, CONNECT,    | bytes are carried from now on               | stream |
 * |              | TCP, HTTP, SOCKS4   |                                             |        |
 * | `datagram`   | SOCKS5, UDP         | a datagram is to be carried, either way     | yes    |
 * | `upgrade`    | WebSocket           | the request has been judged                 | yes    |
 * | `message`    | WebSocket           | a whole message has come; its echo is ready | yes    |
 * | `ping`       | WebSocket           | a Ping has come; its Pong is ready          | yes    |
 * | `send`       | WebSocket           | a message of the options is ready           | yes    |
 * | `close`      | WebSocket           | a Close has come, or the server closes      | yes    |
 * | `end`        | all                 | the connection is over (no faults)          | none   |
 * | `proxy`      | all over TCP        | a header of the PROXY protocol has come     | none   |
 * | `query`      | DNS                 | a query has come; its answer is ready       | yes    |
 *
 * A replay reaches those of its recording: leat/testing_recording.h.
 *
 * The text language of faults
 * ---------------------------
 *
 *     reply=05,01,00,01;then=close            another answer, then the end
 *     method=delay 200                        the right answer, late
 *     reply=split 1                           the right answer, byte by byte
 *     relay=drop-after 4096,reset             the connection breaks after 4 KiB
 *     upgrade="HTTP/1.1 403 Forbidden\r\n\r\n";then=close
 *     upgrade=refuse 403                      the same, as the server itself refuses
 *     connection=2;accept=reset               only the second connection
 *     message#3=skip                          the third message gets no echo
 *
 *     faults     = [ clause { ";" clause } [ ";" ] ] ;
 *     clause     = "connection" "=" ( "*" | number [ "-" [ number ] ] )
 *                | step [ "#" number ] "=" actions
 *                | "then" "=" actions ;
 *     actions    = action { "," action } ;
 *     action     = bytes
 *                | ( "delay" | "rate" | "truncate" | "drop-after" | "drop-after-received" ) number
 *                | ( "split" | "split-at" ) number [ number ]
 *                | "refuse" [ number ]
 *                | "hold" | "skip" | "shutdown" | "stall" | "close" | "reset" ;
 *     bytes      = item { "," item } ;
 *     item       = ( hex hex | string ) [ "*" number ] ;
 *     string     = '"' { character | escape } '"' ;
 *     escape     = "\" ( "r" | "n" | "t" | "0" | "\" | '"' | "x" hex hex ) ;
 *     number     = digit { digit } ;
 *
 * `step` is a name of the table above. Spaces, tabs and line ends may stand between any two tokens.
 * A character of a string is any byte but `"`, `\`, CR, LF and NUL. `*` repeats an item.
 * `connection` holds for the clauses behind it; at the start it is `*`. Actions are carried out
 * from left to right; those of `then` after the step's own answer has been sent, or would have
 * been. What each action does, and where it may stand: enum leat_testing_action.
 *
 * @thread Every function may be called from any thread; leat_testing_server_free() only when no
 * other call is under way.
 */
#ifndef LEAT_TESTING_H
#define LEAT_TESTING_H

#include <leat/base.h>
#include <leat/error_codes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- limits ---------------------------------------------------------------------------------- */

/** Connections at once; a further one waits in the kernel until one has ended. */
#define LEAT_TESTING_CONNECTIONS_MAX 256
/** What a connection keeps unread, and so the longest message. */
#define LEAT_TESTING_INPUT_BYTES_MAX (64u << 20)
/** A request's head. */
#define LEAT_TESTING_HEAD_BYTES_MAX 16384
/** The last events are kept for leat_testing_server_get_event(). */
#define LEAT_TESTING_EVENTS_MAX 4096
/** Faults of one server. */
#define LEAT_TESTING_FAULTS_MAX 256
/** The bytes in them. */
#define LEAT_TESTING_FAULT_BYTES_MAX (1u << 20)
/** The longest of all times. */
#define LEAT_TESTING_TIME_MS_MAX 3600000

/* ---- faults ---------------------------------------------------------------------------------- */

/** The steps of a connection; see the table at the top. */
enum leat_testing_step {
    LEAT_TESTING_STEP_ACCEPT,
    LEAT_TESTING_STEP_TLS,
    LEAT_TESTING_STEP_GREETING,
    LEAT_TESTING_STEP_METHOD,
    LEAT_TESTING_STEP_AUTH,
    LEAT_TESTING_STEP_AUTH_REPLY,
    LEAT_TESTING_STEP_REQUEST,
    LEAT_TESTING_STEP_HEAD,
    LEAT_TESTING_STEP_CONNECT,
    LEAT_TESTING_STEP_REPLY,
    LEAT_TESTING_STEP_RELAY,
    LEAT_TESTING_STEP_DATAGRAM,
    LEAT_TESTING_STEP_UPGRADE,
    LEAT_TESTING_STEP_MESSAGE,
    LEAT_TESTING_STEP_PING,
    LEAT_TESTING_STEP_SEND,
    LEAT_TESTING_STEP_CLOSE,
    LEAT_TESTING_STEP_END,
    LEAT_TESTING_STEP_PROXY,
    LEAT_TESTING_STEP_QUERY,
};

/** What a fault does. */
enum leat_testing_action {
    /** Sends `data` now; the step's own answer is left out. In TLS where there is TLS. At
     * `datagram` it goes in place of the datagram: with its SOCKS5 header on the way to the client,
     * without on the way out. */
    LEAT_TESTING_ACTION_BYTES,
    /** Waits for `number` milliseconds. */
    LEAT_TESTING_ACTION_DELAY,
    /** Waits for a leat_testing_server_release(). */
    LEAT_TESTING_ACTION_HOLD,
    /** Leaves out the step's own answer and goes on as if it had been sent. Only where there is
     * one; a `datagram` is lost. */
    LEAT_TESTING_ACTION_SKIP,
    /** The server's own refusal in place of the answer, then the end: for `method` FF, for
     * `auth-reply` the status `number` (default 1), for `reply` the REP `number` of SOCKS5 (default
     * 1) or the HTTP status (default 502), for `upgrade` the HTTP status (default 403), for
     * `message`, `ping` and `send` a Close with the code `number` (default 1011). Nowhere else. */
    LEAT_TESTING_ACTION_REFUSE,
    /** Sends what this step sends in pieces of `number` bytes, each a segment of its own, with
     * `gap_ms` between them. Only where there is an answer, and at `relay` for what is carried to
     * the client. In TLS the pieces are those of the records. */
    LEAT_TESTING_ACTION_SPLIT,
    /** The same with one cut, behind the first `number` bytes. */
    LEAT_TESTING_ACTION_SPLIT_AT,
    /** Sends only the first `number` bytes of the step's own answer. Only where there is one. */
    LEAT_TESTING_ACTION_TRUNCATE,
    /** From now to the end of the connection: `number` bytes per second to the client, and at
     * `relay` as many from it. */
    LEAT_TESTING_ACTION_RATE,
    /** From now on: when `number` further bytes have gone to the client, whatever stands behind
     * this action is carried out (nothing: `close`), and the connection is over. Behind it only
     * bytes, `delay`, `hold`, `shutdown`, `stall`, `close` and `reset` may stand, and its bytes do
     * not go through TLS. The datagram that reaches the number is not
     * carried any more. */
    LEAT_TESTING_ACTION_DROP_AFTER,
    /** The same when `number` further bytes have come from the client. */
    LEAT_TESTING_ACTION_DROP_AFTER_RECEIVED,
    /** FIN to the client; reading goes on. What the step would send is left out. */
    LEAT_TESTING_ACTION_SHUTDOWN,
    /** Says and reads nothing until the client has ended. Nothing may stand behind it. */
    LEAT_TESTING_ACTION_STALL,
    /** Ends in order: FIN, and what still comes is dropped until the client has ended too, so that
     * there is no RST. Nothing may stand behind it. */
    LEAT_TESTING_ACTION_CLOSE,
    /** Ends with a RST, once the client's kernel has all that was sent before (at most a second
     * later). Nothing may stand behind it. */
    LEAT_TESTING_ACTION_RESET,
};

/** One action at one step. The faults of a step are carried out in the order of the array. */
struct leat_testing_fault {
    enum leat_testing_step step; /**< where */
    /** After the step's own answer, not before it. */
    bool then;
    /** Only when the connection reaches the step for the n-th time; 0 = every time. */
    uint32_t occurrence;
    /** Only the connections from this one to `last_connection`, counted from 1; 0 = no bound. */
    uint32_t first_connection;
    uint32_t last_connection;        /**< see first_connection */
    enum leat_testing_action action; /**< what; it says which of the following it looks at */
    const void *data;                /**< the bytes to send */
    size_t len;                      /**< how many */
    uint64_t number;                 /**< the number of the action */
    uint32_t gap_ms;                 /**< between pieces */
};

/** Why something was refused. */
struct leat_testing_problem {
    size_t position; /**< in the text of the faults, from 0; 0 if there was none */
    char text[256];  /**< one line in English */
};

/**
 * Reads the language that is described at the top. Touches nothing but its arguments.
 *
 * @param text NULL = "".
 * @param ret_faults one block, with the bytes of the faults; to be freed with
 *        leat_testing_faults_free(). For an empty text NULL, and `*ret_count` 0.
 * @param ret_problem written only on failure; NULL = not wanted.
 * @return LEAT_OK, LEAT_E_PARAMETER (see `*ret_problem`), LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_faults_parse(const char *text,
                                                       struct leat_testing_fault **ret_faults,
                                                       size_t *ret_count,
                                                       struct leat_testing_problem *ret_problem);

/** NULL is allowed. */
LEAT_API void leat_testing_faults_free(struct leat_testing_fault *faults);

/** "auth-reply". NULL for what is no step. Static. */
LEAT_API const char *leat_testing_step_name(enum leat_testing_step step);

/* ---- servers --------------------------------------------------------------------------------- */

/** A server. Opaque. */
typedef struct leat_testing_server leat_testing_server;
/** A file of packets: leat/testing_capture.h. Opaque. */
typedef struct leat_testing_capture leat_testing_capture;

/** What a server is. */
enum leat_testing_kind {
    /** A SOCKS5 proxy (RFC 1928, 1929): CONNECT and UDP ASSOCIATE, IPv4, IPv6 and names. */
    LEAT_TESTING_SOCKS5,
    /** An HTTP proxy that knows only CONNECT (RFC 9110 section 9.3.6), with Basic, also over TLS.
     */
    LEAT_TESTING_CONNECT,
    /** A WebSocket server (RFC 6455), ws or wss: sends its messages, echoes, answers Ping and
       Close. */
    LEAT_TESTING_WEBSOCKET,
    /** A TCP server that does what a table says: leat/testing_script.h. */
    LEAT_TESTING_SCRIPT,
    /** A relay for any protocol over TCP, to the destination `to`; with TLS on either side. */
    LEAT_TESTING_TCP,
    /** The same for UDP: each client that sends is a connection, which ends a minute after its last
     * datagram. */
    LEAT_TESTING_UDP,
    /** A DNS server over UDP and TCP that answers from `records` (RFC 1035). */
    LEAT_TESTING_DNS,
    /** An HTTP proxy that forwards requests in absolute form (RFC 9112 section 3.2.2), one on each
     * connection, and knows CONNECT. */
    LEAT_TESTING_HTTP,
    /** A SOCKS4 and SOCKS4A proxy: CONNECT. */
    LEAT_TESTING_SOCKS4,
    /** What another server has recorded, said again: leat/testing_recording.h. */
    LEAT_TESTING_REPLAY,
};

/** "socks5", "connect", "websocket", "script", "tcp", "udp", "dns", "http", "socks4", "replay". NULL for what is no kind. Static. */
LEAT_API const char *leat_testing_kind_name(enum leat_testing_kind kind);

/** Whether connections to a server of this kind can reach the step, and so faults may name it. */
LEAT_API bool leat_testing_kind_has_step(enum leat_testing_kind kind, enum leat_testing_step step);

/** TLS in front of a server, or in a script. Paths are PEM files, read for each handshake. */
struct leat_testing_tls {
    const char *cert_path; /**< the chain, the server's own certificate first */
    const char *key_path;  /**< without a password */
    /** Ask for a client certificate of this CA, and refuse if none comes. NULL = do not ask. */
    const char *client_ca_path;
    int min_version; /**< 0x0303 = TLS 1.2, 0x0304 = TLS 1.3; 0 = any */
    int max_version; /**< as min_version */
    /** OpenSSL's list for TLS up to 1.2; NULL = ECDHE with an AEAD (RFC 9325 section 4.2), or
     * OpenSSL's default where `max_version` is below TLS 1.2. */
    const char *cipher_list;
    /** The handshake is expected to fail: that is no problem, and a script goes on. */
    bool may_fail;
};

/** One name that a proxy resolves. */
struct leat_testing_name {
    /** compared without regard to case and to one final dot; "*" = every name */
    const char *name;
    const char *address; /**< IPv4 or IPv6 literal; "" = there is no such host */
};

/** The types of messages, by their opcodes (RFC 6455 section 5.2). */
enum leat_testing_message_type {
    LEAT_TESTING_MESSAGE_TEXT = 1,
    LEAT_TESTING_MESSAGE_BINARY = 2,
    LEAT_TESTING_MESSAGE_PING = 9,
    LEAT_TESTING_MESSAGE_PONG = 10,
};

/** A message to send. */
struct leat_testing_message {
    enum leat_testing_message_type type; /**< of the message */
    const void *data;                    /**< its bytes, sent as they are */
    size_t len;                          /**< how many; 0 is allowed */
};

struct leat_script_row;

/** The most scripts of one server. */
#define LEAT_TESTING_SCRIPTS_MAX 8

struct leat_testing_condition;
struct leat_testing_event;

/** TLS towards the destination of a relay. */
struct leat_testing_to_tls {
    /** The name that the destination's certificate must have, and that is asked for (SNI); NULL =
     * the host of `to`. */
    const char *name;
    const char *ca_path; /**< PEM file of whom to trust; NULL = whom the system trusts */
    bool no_verify;      /**< any certificate will do */
};

/** Whether a header of the PROXY protocol comes first. */
enum leat_testing_proxy_header {
    LEAT_TESTING_PROXY_HEADER_NONE,     /**< it would be taken for what the client says */
    LEAT_TESTING_PROXY_HEADER_ALLOWED,  /**< if one comes it is taken away */
    LEAT_TESTING_PROXY_HEADER_REQUIRED, /**< who has none is a problem, and is closed */
};

/** Challenges of a proxy (RFC 9110 section 11). */
enum leat_testing_auth {
    LEAT_TESTING_AUTH_BASIC,      /**< RFC 7617 */
    LEAT_TESTING_AUTH_DIGEST,     /**< RFC 7616 with SHA-256, qop=auth */
    LEAT_TESTING_AUTH_DIGEST_MD5, /**< the same with MD5 */
    /** Asks for Negotiate (RFC 4559) and takes any token. */
    LEAT_TESTING_AUTH_NEGOTIATE,
    /** Asks for NTLM, answers its first message with a challenge and takes the third message,
     * whatever is in it. */
    LEAT_TESTING_AUTH_NTLM,
    /** RFC 6750: `user` is the token that is taken; another one is told that it is invalid. */
    LEAT_TESTING_AUTH_BEARER,
};

/** How a replay compares what its client says with what the recorded one has said. */
enum leat_testing_match {
    LEAT_TESTING_MATCH_MESSAGES, /**< by messages: leat/testing_recording.h */
    LEAT_TESTING_MATCH_EXACT,    /**< byte for byte */
    LEAT_TESTING_MATCH_ANY,      /**< as many messages, whatever is in them */
};

/** What a server is to be. Members that are not named are 0 or NULL and mean the default. All is
 * copied but `scripts` and `tls` in their rows, which outlive the server. */
struct leat_testing_options {
    /** sizeof(struct leat_testing_options) */
    size_t size;
    enum leat_testing_kind kind; /**< what it is to be */
    /** IPv4 or IPv6 literal to listen on; NULL = 127.0.0.1 */
    const char *address;
    uint16_t port; /**< 0 = a free one */
    /** In the text language; NULL = none. */
    const char *faults;
    /** Further faults, as data. */
    const struct leat_testing_fault *fault_list;
    size_t fault_count; /**< how many */
    /** Called for every event, from the server's threads, one call at a time. It must not call into
     * the server but for leat_testing_server_release(). NULL = not wanted. */
    void (*log)(const struct leat_testing_event *event, void *user);
    void *log_user; /**< what `log` is given as `user` */

    /* -- SOCKS5, CONNECT -- */
    /** Whoever comes must name them (RFC 1929; Basic); NULL = nobody is asked. */
    const char *user;
    const char *password; /**< NULL = "" */
    /** Looked at before the system is asked; ended by {NULL}; NULL = none. "localhost" and names
     * below it (RFC 6761 section 6.3), and literals, are never asked for in DNS. */
    const struct leat_testing_name *names;

    /* -- CONNECT, WebSocket -- */
    const struct leat_testing_tls *tls; /**< NULL = plain */

    /* -- WebSocket -- */
    /** Subprotocols, ended by NULL: the first one that the client offers is chosen. */
    const char *const *subprotocols;
    /** Further lines of the 101, each with its CRLF. */
    const char *headers;
    /** What is sent once the connection is open. */
    const struct leat_testing_message *messages;
    size_t message_count; /**< how many */
    /** Behind the messages: Close with this code; 0 = goes on with the echo. */
    uint16_t close_code;
    const char *close_reason; /**< NULL = "" */
    /** What is sent goes in frames of at most so many bytes; 0 = one frame for each message. */
    size_t fragment_bytes;
    bool no_echo; /**< messages are taken and not sent back */

    /* -- scripts -- */
    /** What the first, the second ... connection gets; the last one is for all that follow. */
    const struct leat_script_row *scripts[LEAT_TESTING_SCRIPTS_MAX];

    /* -- relays -- */
    const char *to;                           /**< "HOST:PORT", "[::1]:PORT" */
    const struct leat_testing_to_tls *to_tls; /**< NULL = plain */

    /* -- all: leat/testing_conditions.h -- */
    const char *conditions; /**< of the link to the client, as text; NULL = none */
    /** Further conditions, as data. */
    const struct leat_testing_condition *condition_list;
    size_t condition_count; /**< how many */
    uint64_t seed;          /**< of all that is chance */
    /** Conditions may be set while it runs: leat_testing_server_set_conditions(). */
    bool is_changeable;

    /** Path of a Unix socket to listen on, instead of `address` and `port`: made with mode 0600, gone
     * at the end; a dead one is replaced. At most 107 bytes; not with TLS in front. NULL = none. */
    const char *unix_path;

    /** What DNS answers: "NAME TYPE VALUE [ttl SECONDS] [delay MS]", separated by ; or line ends. NAME
     * may be *, for what has no other record. TYPE: A, AAAA, CNAME, TXT, PTR, NS, or * for all. VALUE:
     * an address, a name, a text in double quotes; or in place of an answer nxdomain, servfail,
     * refused, empty, silence, truncate (over UDP; over TCP it is as if it were not there) or junk.
     * What has no record at all is NXDOMAIN. */
    const char *records;

    /** A header of the PROXY protocol (haproxy's proxy-protocol.txt, versions 1 and 2) in front of
     * what TCP clients say. */
    enum leat_testing_proxy_header proxy_header;

    /** How CONNECT and HTTP proxies ask who is there, if there is a `user`. */
    enum leat_testing_auth auth;

    /** WebSocket: takes permessage-deflate (RFC 7692) if it is offered, without context takeover. */
    bool deflate;
    /** TLS sessions can be resumed (RFC 8446 section 2.2, RFC 5077); otherwise each handshake is a
     * whole one. */
    bool session_tickets;

    /** What connections do goes into it as well: leat/testing_capture.h. It outlives the server. NULL =
     * none. */
    leat_testing_capture *capture;

    /** The file of a recording that is written, as leat/testing_recording.h has it; NULL = none. */
    const char *record_path;
    const char *replay_path;       /**< of the recording that a LEAT_TESTING_REPLAY says again */
    enum leat_testing_match match; /**< for a replay */
    bool keeps_times;              /**< for a replay: answers take as long as they took then */
};

/** An options struct in place, as the argument of leat_testing_server_new(). For C; in C++ fill
 * one. */
#define LEAT_TESTING_OPTIONS(...)                                                                  \
    (&(struct leat_testing_options){.size = sizeof(struct leat_testing_options), __VA_ARGS__})

/**
 * Starts a server; it accepts when this returns.
 *
 * @param ret_problem written only on failure; NULL = not wanted.
 * @return LEAT_OK; LEAT_E_PARAMETER (a fault or step that this kind does not have, a bad address, a
 *         certificate that cannot be used: see `*ret_problem`); LEAT_E_SOCKET_BASE + errno (e.g.
 *         EADDRINUSE); LEAT_E_SYSTEM_INTERNAL (no memory or thread).
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_server_new(const struct leat_testing_options *options,
                                                     leat_testing_server **ret_server,
                                                     struct leat_testing_problem *ret_problem);

/** Ends every connection at once, waits for the threads and frees. Only a look-up of the system
 * that is under way can make it wait. NULL is allowed. In a process that was forked the server is
 * the parent's: this closes its copies of the descriptors, and all else sees nothing and does
 * nothing. */
LEAT_API void leat_testing_server_free(leat_testing_server *server);

/** The port that it listens on; 0 for a Unix socket. */
LEAT_API uint16_t leat_testing_server_get_port(const leat_testing_server *server);

/** "127.0.0.1:41234", "[::1]:41234"; that of a client on this machine where the server listens on
 * all addresses. Lives as long as the server. */
LEAT_API const char *leat_testing_server_get_address(const leat_testing_server *server);

/** What a client is told: "socks5h://a:b@127.0.0.1:41234", "http://...", "https://localhost:...",
 * "ws://...", "wss://localhost:41234/", "tcp://127.0.0.1:41234" for a script and a relay, which is
 * "tls://localhost:..." with TLS. With TLS on 127.0.0.1
 * the host is "localhost". Lives as long as the server. */
LEAT_API const char *leat_testing_server_get_url(const leat_testing_server *server);

/**
 * Replaces the faults of a server: from its next step on each connection has the new ones. What the
 * former ones have begun goes on: a rate, a drop that counts its bytes.
 *
 * @param faults in the text language; NULL = none.
 * @return LEAT_OK; LEAT_E_PARAMETER (see `*ret_problem`: the text, or a step that this kind does not
 *         have); LEAT_E_SYSTEM_INTERNAL (no memory). Then nothing has changed.
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_server_set_faults(
    leat_testing_server *server, const char *faults, struct leat_testing_problem *ret_problem);

/** Lets one held connection (`hold`, LEAT_SCRIPT_WAIT) go on, the present one or the next. */
LEAT_API void leat_testing_server_release(leat_testing_server *server);

/* ---- what a server has seen ------------------------------------------------------------------ */

/**
 * Waits until a step was reached `count` times in all, on whatever connections.
 *
 * @param step a name of the table at the top, or a label of a script.
 * @param timeout_ms 0 = only looks.
 * @return whether it was, in time.
 */
LEAT_API LEAT_MUST_CHECK bool leat_testing_server_wait_step(leat_testing_server *server,
                                                            const char *step, unsigned count,
                                                            int timeout_ms);

/** Waits until there has been a connection and none is left. @return whether it came so, in time.
 */
LEAT_API LEAT_MUST_CHECK bool leat_testing_server_wait_idle(leat_testing_server *server,
                                                            int timeout_ms);

/** Something that happened. What it points to is borrowed: in the log until it returns, otherwise
 * until LEAT_TESTING_EVENTS_MAX further events have come, and not longer than the server lives. */
struct leat_testing_event {
    uint64_t time_us;    /**< since the server started */
    unsigned connection; /**< from 1 */
    const char *step;    /**< a name of the table at the top, or a label of a script */
    /** What came or goes: the client's address (accept), TLS version and cipher (tls), user (auth),
     * destination (request, connect, reply, datagram), request line (head), status line or REP
     * (reply, upgrade), type and size (message, send), code (close), the problem or "" (end). Behind it
     * what faults make of it: "00; fault: truncate 1, reset". Never a password. Never NULL. */
    const char *text;
    uint64_t bytes_in;  /**< of this connection so far, on the wire */
    uint64_t bytes_out; /**< as bytes_in */
};

/** The n-th event since the start, from 0. @return false if there is none yet, or it is not kept any
 * more. */
LEAT_API LEAT_MUST_CHECK bool leat_testing_server_get_event(leat_testing_server *server,
                                                            size_t index,
                                                            struct leat_testing_event *ret_event);

/** How many events are not kept any more: the number of the first one that is. */
LEAT_API uint64_t leat_testing_server_get_lost_events(leat_testing_server *server);

/** What a server has seen so far, of its newest connection where it is not a sum. Texts end with a
 * NUL. */
struct leat_testing_seen {
    unsigned connections; /**< in all */
    unsigned live;        /**< of them, now */
    unsigned flights; /**< in all: how often bytes came after the server had spoken or at the start,
                           so the round trips; what a proxy carries is not looked at */
    uint64_t bytes_in;      /**< in all, on the wire of the clients */
    uint64_t bytes_out;     /**< as bytes_in */
    uint64_t datagrams_in;  /**< in all, from clients */
    uint64_t datagrams_out; /**< in all, to clients */
    uint8_t methods[255];   /**< of a SOCKS5 greeting */
    size_t method_count;    /**< how many */
    char user[256];         /**< as the client named it */
    char password[256];     /**< as the client named it */
    uint8_t address_type;   /**< ATYP of a SOCKS5 request */
    char host[256];         /**< of a request to a proxy: a name, or an address as text */
    uint16_t port;          /**< of a request to a proxy */
    char http_head[LEAT_TESTING_HEAD_BYTES_MAX]; /**< of the last request, with its empty line */
    uint8_t frame_first_byte;                    /**< of the last WebSocket frame */
    uint8_t frame_payload[256];                  /**< its beginning */
    size_t frame_len;                            /**< its whole length */
    /** The first thing that a client did against the protocol or the script, "" = nothing. */
    char problem[256];
};

/** Copies what has been seen. */
LEAT_API void leat_testing_server_get_seen(leat_testing_server *server,
                                           struct leat_testing_seen *ret_seen);

/**
 * Writes what happened so far as a sequence diagram of Mermaid, a text that many programs draw: an arrow
 * for each step that somebody sends, notes for the others, the first 16 connections.
 *
 * @param path of a file that is made or replaced.
 * @param ret_problem written only on failure; NULL = not wanted.
 * @return LEAT_OK; LEAT_E_PARAMETER (the server is the parent's); LEAT_E_SOCKET_BASE + errno (the file
 *         cannot be written); LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_server_save_diagram(
    leat_testing_server *server, const char *path, struct leat_testing_problem *ret_problem);

#ifdef __cplusplus
}
#endif

#endif
