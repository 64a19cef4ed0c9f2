/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket: 200 and 2302xxx. */
#include "fault/fault.h"

#include <criterion/criterion.h>
#include <errno.h>

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

#define WS(code_) .code = (code_), .layer = LEAT_LAYER_WEBSOCKET
#define SCRIPT    static const struct leat_script_row

/* ---- answers to the upgrade ------------------------------------------------------------------ */

#define ANSWER(name_, text_)                                                                       \
    SCRIPT answer_##name_[] = {{LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES(text_)}, {LEAT_SCRIPT_CLOSE}}
#define STATUS(status_, reason_)                                                                   \
    ANSWER(status_, "HTTP/1.1 " #status_ " " reason_ "\r\nContent-Length: 3\r\n\r\nno\n")
STATUS(200, "OK");
STATUS(301, "Moved Permanently");
STATUS(400, "Bad Request");
STATUS(401, "Unauthorized");
STATUS(403, "Forbidden");
STATUS(404, "Not Found");
STATUS(426, "Upgrade Required");
STATUS(500, "Internal Server Error");
STATUS(503, "Service Unavailable");

#define ACCEPT_HEAD                                                                                \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
ANSWER(no_accept, ACCEPT_HEAD "\r\n");
ANSWER(wrong_accept, ACCEPT_HEAD "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
ANSWER(no_upgrade, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n");
ANSWER(no_connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
ANSWER(not_http, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
ANSWER(bad_status, "HTTP/1.1 abc\r\n\r\n");
ANSWER(bad_header, "HTTP/1.1 101 Switching Protocols\r\nno colon here\r\n\r\n");

SCRIPT refused_first[] = {
    {LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 503 Service Unavailable\r\n\r\n")},
    {LEAT_SCRIPT_RESET}};
SCRIPT refused_then_reset[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 403 Forbidden\r\n\r\n")}, {LEAT_SCRIPT_RESET}};
SCRIPT foreign_protocol[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND_UPGRADE, LEAT_SCRIPT_BYTES("Sec-WebSocket-Protocol: other\r\n")},
    {LEAT_SCRIPT_CLOSE}};
SCRIPT foreign_extension[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD},
    {LEAT_SCRIPT_SEND_UPGRADE, LEAT_SCRIPT_BYTES("Sec-WebSocket-Extensions: x-unheard-of\r\n")}, {LEAT_SCRIPT_CLOSE}};
SCRIPT endless_head[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD},
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 101 Switching Protocols\r\n"), .hold = true},
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("X-Header: 0123456789abcdef0123456789abcdef\r\n"), .repeat = 10000},
    {LEAT_SCRIPT_CLOSE}};
SCRIPT no_answer[] = {{LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT half_an_answer[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 101 Swi")}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT closes_instead[] = {{LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_CLOSE}};
SCRIPT closes_in_the_head[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 101 Swi")}, {LEAT_SCRIPT_CLOSE}};

/* ---- after the upgrade ----------------------------------------------------------------------- */

SCRIPT ends[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_CLOSE}};
SCRIPT ends_in_a_frame[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x81\x05hel")}, {LEAT_SCRIPT_CLOSE}};

/* The peer sends a frame and then waits for our Close frame. */
#define VIOLATES(name_, bytes_)                                                                    \
    SCRIPT violates_##name_[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES(bytes_)},                    \
                                 {LEAT_SCRIPT_READ_FRAME, .number = 0x88}, {LEAT_SCRIPT_CLOSE}}
VIOLATES(reserved_bit, "\xc1\x01x");
VIOLATES(opcode, "\x83\x00");
VIOLATES(control_opcode, "\x8b\x00");
VIOLATES(masked, "\x81\x81\x00\x00\x00\x00x");
VIOLATES(continuation, "\x80\x01x");
VIOLATES(interleaved, "\x01\x01x\x81\x01y");
VIOLATES(fragmented_ping, "\x09\x01x");
VIOLATES(long_ping, "\x89\x7e\x00\x7e");
VIOLATES(close_of_one_byte, "\x88\x01\x03");
VIOLATES(close_code, "\x88\x02\x03\xed");
VIOLATES(utf8, "\x81\x04" "caf\xe9");
VIOLATES(utf8_in_close, "\x88\x04\x03\xe8\xc3\x28");
VIOLATES(huge, "\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00x");
VIOLATES(negative, "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00");

SCRIPT violates_then_resets[] = {
    LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x81\x01\xff")}, {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
    {LEAT_SCRIPT_RESET}};
SCRIPT stalls[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT close_is_not_answered[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_READ_FRAME, .number = 0x88}, {LEAT_SCRIPT_CLOSE}};

SCRIPT redirects[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD},
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 302 Found\r\nLocation: ws://a.Denied.test/\r\n"
                           "Content-Length: 0\r\n\r\n")},
    {LEAT_SCRIPT_CLOSE}};
SCRIPT untouched_proxy[] = {{LEAT_SCRIPT_CLOSE}};
static const struct dns_record no_names[] = {{NULL}};

/* ---- what the client does -------------------------------------------------------------------- */

static int connect_again(struct client_run *run)
{
    return client_run_connect(run, "ws://127.0.0.1:1/");
}

static int connect_while_connecting(struct client_run *run)
{
    cr_expect(client_run_connect(run, "ws://127.0.0.1:1/") == LEAT_OK);
    return client_run_connect(run, "ws://127.0.0.1:1/");
}

static int close_and_wait(struct client_run *run)
{
    cr_expect(leat_websocket_close(run->ws, 1000, NULL) == LEAT_OK);
    client_run_until_closed(run);
    cr_expect(run->close.close_code == 1006);
    return run->close.error.code;
}

static int blocking_close(leat_blocking_websocket *ws)
{
    return leat_blocking_websocket_close(ws, 1000, NULL, NULL);
}

static int allow_others(leat_config *config)
{
    return leat_config_add_allowed_domain(config, "*.example.com");
}

static int deny_below(leat_config *config)
{
    return leat_config_add_denied_domain(config, "*.Denied.test");
}

static int deny_books(leat_config *config)
{
    return leat_config_add_denied_domain(config, "xn--bcher-kva.test");
}

static int redirect_and_deny(leat_config *config)
{
    cr_assert(leat_config_set_max_redirects(config, 2) == LEAT_OK);
    return deny_below(config);
}

static int short_keep_alive(leat_config *config)
{
    cr_assert(leat_config_set_ping_interval(config, 20) == LEAT_OK);
    return leat_config_set_pong_timeout(config, 30);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define HTTP(status_)                                                                              \
    {                                                                                              \
        .name = "HTTP " #status_, .server = answer_##status_, WS(LEAT_E_WS_CONNECT),               \
        .native_code = (status_), .text = #status_                                                 \
    }
#define BAD_ANSWER(name_, server_, native_, text_)                                                 \
    {                                                                                              \
        .name = (name_), .server = (server_), WS(LEAT_E_WS_CONNECT), .native_code = (native_),     \
        .text = (text_)                                                                            \
    }
#define VIOLATION(name_, server_, close_)                                                          \
    {                                                                                              \
        .name = (name_), .moment = FAULT_OPEN, .server = (server_), WS(LEAT_E_WS_CONNECT),         \
        .native_code = (close_), .close_code = (close_)                                            \
    }
/* Nothing was sent, and no name was asked for. */
#define UNTOUCHED .dns = no_names, .peers_are_counted = true, .connections = 0
#define TEN(text) text text text text text text text text text text
#define BAD_URL(url_)                                                                              \
    {                                                                                              \
        .name = "URL " url_, .moment = FAULT_REFUSED, .url = (url_), WS(LEAT_E_WS_URL)             \
    }

static const struct fault faults[] = {
    HTTP(200),
    HTTP(301),
    HTTP(400),
    HTTP(401),
    HTTP(403),
    HTTP(404),
    HTTP(426),
    HTTP(500),
    HTTP(503),
    BAD_ANSWER("HTTP 403, then reset: the first failure counts", refused_then_reset, 403, "403"),
    {.name = "HTTP 503, said before the request, then reset", .server = refused_first,
     .peer_is_first = true, WS(LEAT_E_WS_CONNECT), .native_code = 503},
    BAD_ANSWER("no Sec-WebSocket-Accept", answer_no_accept, 101, "Sec-WebSocket-Accept"),
    BAD_ANSWER("wrong Sec-WebSocket-Accept", answer_wrong_accept, 101, "Sec-WebSocket-Accept"),
    BAD_ANSWER("no Upgrade", answer_no_upgrade, 101, "Upgrade"),
    BAD_ANSWER("no Connection", answer_no_connection, 101, "Connection"),
    BAD_ANSWER("a subprotocol that was not offered", foreign_protocol, 101, "other"),
    BAD_ANSWER("an extension that was not offered", foreign_extension, 101, "x-unheard-of"),
    BAD_ANSWER("not HTTP", answer_not_http, 0, NULL),
    BAD_ANSWER("a status line without a status", answer_bad_status, 0, NULL),
    BAD_ANSWER("a header without a colon", answer_bad_header, 101, NULL),
    BAD_ANSWER("a head without an end", endless_head, 101, NULL),
    BAD_ANSWER("closed instead of an answer", closes_instead, 0, NULL),
    BAD_ANSWER("closed in the middle of the head", closes_in_the_head, 0, NULL),
    {.name = "no answer in time", .server = no_answer, .deadline = {LEAT_PHASE_UPGRADE, 50},
     WS(LEAT_E_WS_CONNECT), .sys_errno = ETIMEDOUT},
    {.name = "half an answer in time", .server = half_an_answer,
     .deadline = {LEAT_PHASE_UPGRADE, 50}, WS(LEAT_E_WS_CONNECT), .sys_errno = ETIMEDOUT},
    {.name = "no answer within the whole deadline", .server = no_answer, .connect_timeout_ms = 50,
     WS(LEAT_E_WS_CONNECT), .sys_errno = ETIMEDOUT},
    VIOLATION("the end without a Close frame", ends, 1006),
    VIOLATION("the end in the middle of a frame", ends_in_a_frame, 1006),
    {.name = "nothing comes after a Ping", .moment = FAULT_OPEN, .server = stalls,
     .configure = short_keep_alive, WS(LEAT_E_WS_CONNECT), .sys_errno = ETIMEDOUT,
     .native_code = 1006, .text = "Ping"},
    VIOLATION("a reserved bit", violates_reserved_bit, 1002),
    VIOLATION("an unknown opcode", violates_opcode, 1002),
    VIOLATION("an unknown control opcode", violates_control_opcode, 1002),
    VIOLATION("a masked frame", violates_masked, 1002),
    VIOLATION("a continuation of nothing", violates_continuation, 1002),
    VIOLATION("a message inside of another", violates_interleaved, 1002),
    VIOLATION("a Ping in fragments", violates_fragmented_ping, 1002),
    VIOLATION("a Ping that is too long", violates_long_ping, 1002),
    VIOLATION("a Close frame of one byte", violates_close_of_one_byte, 1002),
    VIOLATION("a close code that must not be sent", violates_close_code, 1002),
    VIOLATION("a text that is not UTF-8", violates_utf8, 1007),
    VIOLATION("a reason that is not UTF-8", violates_utf8_in_close, 1007),
    VIOLATION("a message over the limit", violates_huge, 1009),
    VIOLATION("a length with its highest bit", violates_negative, 1002),
    VIOLATION("a violation, then reset: the first failure counts", violates_then_resets, 1007),
    {.name = "the end instead of an answer to our Close frame", .moment = FAULT_ACTION,
     .server = close_is_not_answered, .act = close_and_wait, .blocking_act = blocking_close,
     WS(LEAT_E_WS_CONNECT)},
    {.name = "no answer to our Close frame in time", .moment = FAULT_ACTION, .server = stalls,
     .deadline = {LEAT_PHASE_CLOSE, 50}, .act = close_and_wait, .blocking_act = blocking_close,
     WS(LEAT_E_WS_CONNECT)},
    /* 2302001 */
    {.name = "a host longer than DNS allows", .moment = FAULT_REFUSED,
     .url = "ws://" TEN(TEN("a") ".") TEN(TEN("a") ".") TEN(TEN("a") ".") ":%u/", WS(LEAT_E_WS_URL),
     .text = "host"},
    BAD_URL(""),
    BAD_URL("ws://"),
    BAD_URL("ws:///path"),
    BAD_URL("http://localhost/"),
    BAD_URL("localhost"),
    BAD_URL("ws://localhost:0/"),
    BAD_URL("ws://localhost:65536/"),
    BAD_URL("ws://localhost:port/"),
    BAD_URL("ws://localhost/#fragment"),
    BAD_URL("ws://[::1/"),
    BAD_URL("ws://local host/"),
    BAD_URL("ws://user:secret@localhost/"),
    /* 2302999 */
    {.name = "no randomness for the key", .server = no_answer, .shim = {SHIM_GETRANDOM, ENOSYS},
     WS(LEAT_E_WS_INTERNAL), .text = "random"},
    /* 2302998 */
    {.name = "a host that is not among the allowed", .moment = FAULT_REFUSED, .server = ends,
     UNTOUCHED, .configure = allow_others, WS(LEAT_E_WS_DOMAIN), .text = "127.0.0.1"},
    {.name = "a name that is not among the allowed", .moment = FAULT_REFUSED, .server = ends,
     .url = "ws://example.test:%u/", UNTOUCHED, .configure = allow_others, WS(LEAT_E_WS_DOMAIN),
     .text = "example.test"},
    {.name = "a host that is denied", .moment = FAULT_REFUSED, .server = ends,
     .url = "ws://a.denied.test:%u/", UNTOUCHED, .configure = deny_below, WS(LEAT_E_WS_DOMAIN),
     .text = "a.denied.test"},
    {.name = "a host that is denied, in capitals", .moment = FAULT_REFUSED, .server = ends,
     .url = "ws://A.DENIED.TEST.:%u/", UNTOUCHED, .configure = deny_below, WS(LEAT_E_WS_DOMAIN),
     .text = "a.denied.test"},
    {.name = "a host that is denied, behind a proxy", .moment = FAULT_REFUSED,
     .proxy = untouched_proxy, .url = "ws://a.denied.test/?%u", UNTOUCHED,
     .configure = deny_below, WS(LEAT_E_WS_DOMAIN), .text = "a.denied.test"},
    {.name = "an international name that is denied as an A-label", .moment = FAULT_REFUSED,
     .server = ends, .url = "ws://b\xc3\xbc" "cher.test:%u/", UNTOUCHED,
     .configure = deny_books, WS(LEAT_E_WS_DOMAIN), .text = "xn--bcher-kva.test"},
    {.name = "a redirect to a host that is denied", .server = redirects, .dns = no_names,
     .peers_are_counted = true, .connections = 1, .configure = redirect_and_deny,
     WS(LEAT_E_WS_DOMAIN), .text = "a.denied.test"},
    /* 2302003 */
    {.name = "connect while open", .moment = FAULT_ACTION, .server = stalls, .act = connect_again,
     .code = LEAT_E_WS_EXISTS},
    {.name = "connect while connecting", .moment = FAULT_IDLE, .act = connect_while_connecting,
     .code = LEAT_E_WS_EXISTS},
};

FAULT_TABLE(websocket);
