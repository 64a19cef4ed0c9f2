/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP CONNECT: 200 with the proxy's status; TCP and TLS to the proxy keep their own codes. */
#include "fault/fault.h"

#include <errno.h>

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

#define SCRIPT static const struct leat_script_row
#define PROXY_ANSWER(name_, text_)                                                                 \
    SCRIPT answer_##name_[] = {{LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES(text_)}, {LEAT_SCRIPT_CLOSE}}
#define STATUS(status_, reason_)                                                                   \
    PROXY_ANSWER(status_, "HTTP/1.1 " #status_ " " reason_ "\r\nContent-Length: 3\r\n\r\nno\n")

STATUS(301, "Moved Permanently");
STATUS(400, "Bad Request");
STATUS(403, "Forbidden");
STATUS(404, "Not Found");
STATUS(502, "Bad Gateway");
STATUS(503, "Service Unavailable");
STATUS(504, "Gateway Timeout");
PROXY_ANSWER(407, "HTTP/1.1 407 Proxy Authentication Required\r\n"
                  "Proxy-Authenticate: Basic realm=\"leat\"\r\nContent-Length: 0\r\n\r\n");
PROXY_ANSWER(scheme, "HTTP/1.1 407 Who\r\nProxy-Authenticate: X-Own abc\r\nContent-Length: 0\r\n\r\n");
PROXY_ANSWER(broken, "HTTP/1.1 407 Who\r\nProxy-Authenticate: Digest realm=\"x\r\nContent-Length: 0\r\n\r\n");
PROXY_ANSWER(stale, "HTTP/1.1 407 Who\r\nProxy-Authenticate: Digest realm=x, nonce=y, stale=true\r\nContent-Length: 0\r\n\r\n");
PROXY_ANSWER(not_http, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
PROXY_ANSWER(tls_alert, "\x15\x03\x03\x00\x02\x02\x28");

SCRIPT refused_then_reset[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 403 Forbidden\r\n\r\n")}, {LEAT_SCRIPT_RESET}};
SCRIPT refused_first[] = {
    {LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 503 Service Unavailable\r\n\r\n")},
    {LEAT_SCRIPT_RESET}};
SCRIPT stalls[] = {{LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT half[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 200 O")}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT closes[] = {{LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_CLOSE}};
SCRIPT speaks_http[] = {
    {LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 400 Bad Request\r\n\r\n")},
    {LEAT_SCRIPT_CLOSE}};

#define PROXIED(code_, layer_)                                                                     \
    .proxy_url = "http://127.0.0.1:%u", .code = (code_), .layer = LEAT_LAYER_##layer_
#define HTTP(status_)                                                                              \
    {                                                                                              \
        .name = "the HTTP proxy says " #status_, .proxy = answer_##status_,                        \
        PROXIED(LEAT_E_WS_CONNECT, HTTP_PROXY), .native_code = (status_), .text = #status_         \
    }

static const struct fault faults[] = {
    HTTP(301),
    HTTP(400),
    HTTP(403),
    HTTP(404),
    HTTP(407),
    HTTP(502),
    HTTP(503),
    HTTP(504),
    {.name = "no credentials for the HTTP proxy", .proxy = answer_407,
     PROXIED(LEAT_E_WS_CONNECT, HTTP_PROXY), .native_code = 407, .text = "no credentials"},
    {.name = "credentials that the HTTP proxy refuses", .proxy = answer_407,
     .proxy_url = "http://alice:secret@127.0.0.1:%u", .code = LEAT_E_WS_CONNECT,
     .layer = LEAT_LAYER_HTTP_PROXY, .native_code = 407, .text = "credentials were sent"},
#define AS_ALICE(text_) .proxy_url = "http://alice:secret@127.0.0.1:%u", .code = LEAT_E_WS_CONNECT, \
     .layer = LEAT_LAYER_HTTP_PROXY, .native_code = 407, .text = (text_)
    {.name = "the HTTP proxy asks for what nobody knows", .proxy = answer_scheme, AS_ALICE("X-Own is not known here")},
    {.name = "the HTTP proxy's challenge cannot be read", .proxy = answer_broken, AS_ALICE("cannot be answered")},
    {.name = "the HTTP proxy closes whenever it should take credentials", .proxy = answer_stale, AS_ALICE("which it had asked to authenticate")},
    {.name = "the HTTP proxy says 403, then reset: the first failure counts",
     .proxy = refused_then_reset, PROXIED(LEAT_E_WS_CONNECT, HTTP_PROXY), .native_code = 403},
    {.name = "the HTTP proxy says 503 before the request, then reset", .proxy = refused_first,
     .peer_is_first = true, PROXIED(LEAT_E_WS_CONNECT, HTTP_PROXY), .native_code = 503},
    {.name = "the HTTP proxy does not speak HTTP", .proxy = answer_not_http,
     PROXIED(LEAT_E_WS_CONNECT, HTTP_PROXY)},
    {.name = "the HTTP proxy wants TLS", .proxy = answer_tls_alert,
     PROXIED(LEAT_E_WS_CONNECT, HTTP_PROXY), .text = "TLS"},
    {.name = "the HTTP proxy does not answer in time", .proxy = stalls,
     .deadline = {LEAT_PHASE_PROXY, 50}, PROXIED(LEAT_E_WS_CONNECT, HTTP_PROXY),
     .sys_errno = ETIMEDOUT},
    {.name = "half an answer of the HTTP proxy in time", .proxy = half,
     .deadline = {LEAT_PHASE_PROXY, 50}, PROXIED(LEAT_E_WS_CONNECT, HTTP_PROXY),
     .sys_errno = ETIMEDOUT},
    {.name = "the HTTP proxy closes instead of answering", .proxy = closes,
     PROXIED(LEAT_E_WS_CONNECT, HTTP_PROXY)},
    {.name = "the HTTP proxy refuses the connection", .proxy = peer_refusing,
     PROXIED(LEAT_E_SOCKET_BASE + ECONNREFUSED, TCP), .sys_errno = ECONNREFUSED},
    {.name = "the HTTP proxy does not answer", .proxy = peer_unanswering,
     .deadline = {LEAT_PHASE_TCP, 50}, PROXIED(LEAT_E_SOCKET_BASE + ETIMEDOUT, TCP),
     .sys_errno = ETIMEDOUT},
    {.name = "the HTTPS proxy has no TLS", .proxy = speaks_http,
     .proxy_url = "https://127.0.0.1:%u", .code = LEAT_E_TLS_ENGINE, .layer = LEAT_LAYER_TLS,
     .any_native = true},
};

FAULT_TABLE(http_proxy);
