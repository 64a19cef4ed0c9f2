/* SPDX-License-Identifier: Apache-2.0 */
/* The server's handshake: requests in, responses out. */
#include "accept_fixture.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "support/mutation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(accept_engine, .fini = leak_check);

/* Feeds in chunks (0 = all at once); the engine is to be freed. */
static enum leati_ws_head_result feed(struct leati_ws_accept_engine *engine,
                                      const struct leati_ws_accept_options *options,
                                      const void *request, size_t len, size_t chunk,
                                      size_t *ret_used)
{
    enum leati_ws_head_result result = LEATI_WS_HEAD_MORE;

    leati_ws_accept_engine_init(engine, options);
    *ret_used = 0;
    while (*ret_used < len && result == LEATI_WS_HEAD_MORE) {
        size_t size = chunk != 0 && chunk < len - *ret_used ? chunk : len - *ret_used;
        uint8_t *copy = malloc(size);
        size_t used = 0;
        memcpy(copy, (const char *)request + *ret_used, size);
        result = leati_ws_accept_engine_feed(engine, copy, size, &used);
        cr_assert_leq(used, size);
        cr_assert(result != LEATI_WS_HEAD_MORE || used == size);
        *ret_used += used;
        free(copy);
    }
    return result;
}

static enum leati_ws_head_result feed_text(struct leati_ws_accept_engine *engine,
                                           const char *request)
{
    struct leati_ws_accept_options options = example_accept_options();
    size_t used;

    return feed(engine, &options, request, strlen(request), 0, &used);
}

Test(accept_engine, the_example_of_the_rfc, .timeout = 10)
{
    static const char request[] = REQUEST_WITH("Origin: https://example.com\r\n"
                                               "Sec-WebSocket-Protocol: chat, superchat\r\n"
                                               "Cookie: a=b\r\n"
                                               "Sec-WebSocket-Protocol: third\r\n");
    struct leati_ws_accept_options options = example_accept_options();

    for (size_t chunk = 0; chunk < 5; chunk++) {
        struct leati_ws_accept_engine engine;
        size_t used;
        cr_assert_eq(feed(&engine, &options, request, sizeof(request) - 1, chunk, &used),
                     LEATI_WS_HEAD_VALID);
        cr_assert_eq(used, sizeof(request) - 1);
        cr_assert_str_eq(engine.request.target, "/chat?room=1");
        cr_assert_str_eq(engine.request.host, "server.example.com:8080");
        cr_assert_str_eq(engine.request.origin, "https://example.com");
        cr_assert_eq(engine.request.protocol_count, 3);
        cr_assert_str_eq(engine.request.protocols[0], "chat");
        cr_assert_str_eq(engine.request.protocols[1], "superchat");
        cr_assert_str_eq(engine.request.protocols[2], "third");
        cr_assert_str_eq(leati_http_head_get(engine.request.head, "cookie"), "a=b");

        static const struct leati_http_field headers[] = {{"Set-Cookie", "c=d"}};
        const struct leati_ws_accept_decision decision = {
            .status = 101, .protocol = "superchat", .headers = headers, .header_count = 1};
        cr_assert_eq(leati_ws_accept_engine_answer(&engine, &decision), LEAT_OK);
        cr_assert_eq(engine.common.agreement.status, 101);
        cr_assert_str_eq(engine.response.bytes, SWITCH_WITH("Sec-WebSocket-Protocol: superchat\r\n"
                                                      "Set-Cookie: c=d\r\n"));
        cr_assert_eq(engine.response.len, strlen(engine.response.bytes));
        leati_ws_accept_engine_done(&engine);
    }
}

Test(accept_engine, without_anything_optional, .timeout = 10)
{
    struct leati_ws_accept_engine engine;
    const struct leati_ws_accept_decision decision = {.status = 101};

    cr_assert_eq(feed_text(&engine, REQUEST_WITH("")), LEATI_WS_HEAD_VALID);
    cr_assert_null(engine.request.origin);
    cr_assert_eq(engine.request.protocol_count, 0);
    cr_assert_eq(leati_ws_accept_engine_answer(&engine, &decision), LEAT_OK);
    cr_assert_str_eq(engine.response.bytes, SWITCH_WITH(""));
    leati_ws_accept_engine_done(&engine);
}

Test(accept_engine, bytes_behind_the_request_are_not_used, .timeout = 10)
{
    static const char request[] = REQUEST_WITH("") "\x81\x80wxyz";
    struct leati_ws_accept_options options = example_accept_options();
    struct leati_ws_accept_engine engine;
    size_t used;

    cr_assert_eq(feed(&engine, &options, request, sizeof(request) - 1, 0, &used),
                 LEATI_WS_HEAD_VALID);
    cr_assert_eq(used, sizeof(request) - 1 - 6);
    leati_ws_accept_engine_done(&engine);
}

Test(accept_engine, forms_of_the_target, .timeout = 10)
{
    static const struct {
        const char *sent, *target, *host; /* target NULL = 400 */
    } cases[] = {
        {"/", "/", "h"},
        {"//x", "//x", "h"},
        {"http://other:1/a?b", "/a?b", "other:1"},
        {"WSS://other", "/", "other"},
        {"ws://[::1]:8/", "/", "[::1]:8"},
        {"*", NULL, NULL},
        {"x", NULL, NULL},
        {"server.example.com:8080", NULL, NULL},
        {"ftp://other/a", NULL, NULL},
        {"http:///a", NULL, NULL},
        {"http://other?a", "/?a", "other"},
        {"http://u@other/", NULL, NULL},
        {"/a#b", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char request[512];
        struct leati_ws_accept_engine engine;
        snprintf(request, sizeof(request),
                 "GET %s HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                 "Sec-WebSocket-Key: " EXAMPLE_KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n",
                 cases[i].sent);
        enum leati_ws_head_result result = feed_text(&engine, request);
        if (cases[i].target) {
            cr_assert_eq(result, LEATI_WS_HEAD_VALID, "%s", cases[i].sent);
            cr_assert_str_eq(engine.request.target, cases[i].target);
            cr_assert_str_eq(engine.request.host, cases[i].host);
        } else {
            cr_assert_eq(result, LEATI_WS_HEAD_REFUSED, "%s", cases[i].sent);
            cr_assert_eq(engine.common.agreement.status, 400);
        }
        leati_ws_accept_engine_done(&engine);
    }
}

/* ---- what nobody is asked about ------------------------------------------------------------- */

#define START  "GET / HTTP/1.1\r\n"
#define HOST   "Host: h\r\n"
#define UP     "Upgrade: websocket\r\n"
#define CONN   "Connection: Upgrade\r\n"
#define KEY    "Sec-WebSocket-Key: " EXAMPLE_KEY "\r\n"
#define V13    "Sec-WebSocket-Version: 13\r\n"
#define NORMAL START HOST UP CONN KEY V13

static const struct {
    const char *request;
    int status;
    const char *error;
} refused[] = {
    {"POST / HTTP/1.1\r\n" HOST UP CONN KEY V13 "\r\n", 405, "the method is not GET"},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 405, "the method is not GET"},
    {"CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n", 405, "the method is not GET"},
    {"BREW / HTTP/1.1\r\n" HOST UP CONN KEY V13 "\r\n", 501, "the method is not GET"},
    {"get / HTTP/1.1\r\n" HOST UP CONN KEY V13 "\r\n", 501, "the method is not GET"},
    {"HEAD / HTTP/1.1\r\n" HOST UP CONN KEY V13 "\r\n", 405, "the method is not GET"},
    {"HEAD / HTTP/1.1\r\n" HOST "\r\n", 426, "no \"Upgrade: websocket\" in the request"},
    {"HEAD / HTTP/1.1\r\n\r\n", 400, "not exactly one Host"},
    {"HEAD / HTTP/1.1\r\n a: b\r\n\r\n", 400,
     "malformed request head: header field 1 begins with white space"},
    {"HEAD / HTTP/2.0\r\n", 505, "the request is of HTTP/2, not of HTTP/1.x"},
    {"HEAD / x\r\n", 400,
     "malformed request head: the request line does not end with \"HTTP/1.\" and a digit"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "the request is of HTTP/2, not of HTTP/1.x"},
    {"GET / HTTP/0.9\r\n", 505, "the request is of HTTP/0, not of HTTP/1.x"},
    {"GET / HTTP/2\r\n", 400,
     "malformed request head: the request line does not end with \"HTTP/1.\" and a digit"},
    {START "\r\n", 400, "not exactly one Host"},
    {"GET / HTTP/1.0\r\n" HOST UP CONN KEY V13 "\r\n", 400, "HTTP/1.0 cannot be upgraded"},
    {NORMAL "Content-Length: 1\r\n\r\n", 400, "the request has a body"},
    {NORMAL "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400, "the request has a body"},
    {NORMAL "Transfer-Encoding: chunked\r\n\r\n", 400, "the request has a body"},
    {START HOST "\r\n", 426, "no \"Upgrade: websocket\" in the request"},
    {START HOST "Upgrade: h2c\r\n" CONN KEY V13 "\r\n", 426,
     "no \"Upgrade: websocket\" in the request"},
    {START HOST UP KEY V13 "\r\n", 426, "no \"Connection: Upgrade\" in the request"},
    {START HOST UP CONN KEY "\r\n", 426, "Sec-WebSocket-Version is not 13"},
    {START HOST UP CONN KEY "Sec-WebSocket-Version: 8\r\n\r\n", 426,
     "Sec-WebSocket-Version is not 13"},
    {START HOST UP CONN KEY "Sec-WebSocket-Version: 13, 8\r\n\r\n", 426,
     "Sec-WebSocket-Version is not 13"},
    {NORMAL V13 "\r\n", 426, "Sec-WebSocket-Version is not 13"},
    {START HOST UP CONN V13 "\r\n", 400, "Sec-WebSocket-Key is not 16 bytes in base64"},
    {NORMAL KEY "\r\n", 400, "Sec-WebSocket-Key is not 16 bytes in base64"},
    {START UP CONN KEY V13 "\r\n", 400, "not exactly one Host"},
    {NORMAL HOST "\r\n", 400, "not exactly one Host"},
    {START "Host:\r\n" UP CONN KEY V13 "\r\n", 400, "not exactly one Host"},
    {START "Host: a b\r\n" UP CONN KEY V13 "\r\n", 400, "Host is not a host and a port"},
    {START "Host: u@h\r\n" UP CONN KEY V13 "\r\n", 400, "Host is not a host and a port"},
    {START "Host: h:x\r\n" UP CONN KEY V13 "\r\n", 400, "Host is not a host and a port"},
    {START "Host: a, b\r\n" UP CONN KEY V13 "\r\n", 400, "Host is not a host and a port"},
    {"GET http://u@h/ HTTP/1.1\r\n" HOST UP CONN KEY V13 "\r\n", 400,
     "the request target has no valid host"},
    {"GET ws:///x HTTP/1.1\r\n" HOST UP CONN KEY V13 "\r\n", 400,
     "the request target has no valid host"},
    {START HOST "A: b\r\n c\r\n" UP CONN KEY V13 "\r\n", 400,
     "malformed request head: header field 3 begins with white space (line folding)"},
    {START HOST "A : b\r\n" UP CONN KEY V13 "\r\n", 400,
     "malformed request head: white space before the colon of header field 2"},
    {NORMAL "Origin: a\r\nOrigin: b\r\n\r\n", 400, "more than one Origin"},
    {NORMAL "Sec-WebSocket-Protocol: a b\r\n\r\n", 400,
     "Sec-WebSocket-Protocol is not a list of tokens"},
    {NORMAL "Sec-WebSocket-Protocol: a, \"b\"\r\n\r\n", 400,
     "Sec-WebSocket-Protocol is not a list of tokens"},
    {NORMAL "Sec-WebSocket-Protocol: a, b, a\r\n\r\n", 400, "a subprotocol is offered twice"},
    {NORMAL "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a\r\n\r\n", 400,
     "a subprotocol is offered twice"},
    {START " Host: h\r\n\r\n", 400,
     "malformed request head: header field 1 begins with white space"},
    {"\x16\x03\x01", 400, "malformed request head: byte 0x16 in the request line"},
};

/* The whole answer, from what the RFCs demand with each status. */
static void expect_refusal(const struct leati_ws_accept_engine *engine, int status,
                           const char *error, bool has_content)
{
    static const struct {
        int status;
        const char *start;
    } starts[] = {
        {400, "400 Bad Request\r\nConnection: close\r\n"},
        {405, "405 Method Not Allowed\r\nConnection: close\r\nAllow: GET\r\n"},
        {414, "414 URI Too Long\r\nConnection: close\r\n"},
        {426, "426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
              "Sec-WebSocket-Version: 13\r\n"},
        {431, "431 Request Header Fields Too Large\r\nConnection: close\r\n"},
        {501, "501 Not Implemented\r\nConnection: close\r\n"},
        {505, "505 HTTP Version Not Supported\r\nConnection: close\r\n"},
    };
    char expected[1024] = "";

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (starts[i].status == status)
            snprintf(expected, sizeof(expected),
                     "HTTP/1.1 %sContent-Type: text/plain; charset=utf-8\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     starts[i].start, strlen(error), has_content ? error : "");
    cr_assert_eq(engine->common.agreement.status, status, "%d instead of %d: %s",
                 engine->common.agreement.status, status, error);
    cr_assert_str_eq(engine->common.error, error);
    cr_assert_str_eq(engine->response.bytes, expected);
}

Test(accept_engine, what_is_refused_without_asking, .timeout = 10)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct leati_ws_accept_engine engine;
        const char *error = refused[i].error;
        cr_assert_eq(feed_text(&engine, refused[i].request), LEATI_WS_HEAD_REFUSED, "%s", error);
        expect_refusal(&engine, refused[i].status, error,
                       strncmp(refused[i].request, "HEAD ", 5) != 0);
        leati_ws_accept_engine_done(&engine);
    }
}

Test(accept_engine, keys, .timeout = 10)
{
    static const char *const bad[] = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZQAA",
        "dGhlIHNhbXBsZSBub25jZ===",
        "dGhlIHNhbXBsZSBub25jZ-==",
        "dGhlIHNhbXBsZSBub25j Q==",
    };
    char request[512];
    struct leati_ws_accept_engine engine;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(request, sizeof(request), START HOST UP CONN V13 "Sec-WebSocket-Key: %s\r\n\r\n",
                 bad[i]);
        cr_assert_eq(feed_text(&engine, request), LEATI_WS_HEAD_REFUSED, "%s", bad[i]);
        cr_assert_eq(engine.common.agreement.status, 400);
        leati_ws_accept_engine_done(&engine);
    }
    cr_assert_eq(feed_text(&engine, START HOST UP CONN V13
                           "Sec-WebSocket-Key:  +/09AZaz+/09AZaz+/09AA==  \r\n\r\n"),
                 LEATI_WS_HEAD_VALID);
    leati_ws_accept_engine_done(&engine);
}

/* ---- limits --------------------------------------------------------------------------------- */

Test(accept_engine, limit_of_the_head, .timeout = 10)
{
    static const char request[] = REQUEST_WITH("");
    size_t len = sizeof(request) - 1;

    for (size_t max = len - 3; max <= len + 1; max++)
        for (size_t chunk = 0; chunk < 3; chunk++) {
            struct leati_ws_accept_options options = example_accept_options();
            struct leati_ws_accept_engine engine;
            size_t used;
            options.max_head_bytes = max;
            enum leati_ws_head_result result = feed(&engine, &options, request, len, chunk, &used);
            cr_assert_eq(result, max < len ? LEATI_WS_HEAD_REFUSED : LEATI_WS_HEAD_VALID);
            if (max < len) {
                char error[64];
                snprintf(error, sizeof(error), "the request head is longer than %zu bytes", max);
                expect_refusal(&engine, 431, error, true);
            }
            leati_ws_accept_engine_done(&engine);
        }
}

Test(accept_engine, the_default_limit_holds_against_what_never_ends, .timeout = 10)
{
    static char request[70000];
    struct leati_ws_accept_options options = example_accept_options();
    struct leati_ws_accept_engine engine;
    size_t used;

    int len = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n");
    while ((size_t)len + 6 < sizeof(request))
        len += snprintf(request + len, sizeof(request) - (size_t)len, "a: b\r\n");
    for (size_t chunk = 0; chunk < 3; chunk++) {
        /* The limit of fields, 256, comes first here. */
        cr_assert_eq(feed(&engine, &options, request, (size_t)len, chunk, &used),
                     LEATI_WS_HEAD_REFUSED);
        cr_assert_lt(engine.common.head.cap, 16385);
        leati_ws_accept_engine_done(&engine);
    }
    memset(request + 4, 'x', sizeof(request) - 4);
    options.max_head_bytes = SIZE_MAX;
    cr_assert_eq(feed(&engine, &options, request, sizeof(request), 1000, &used),
                 LEATI_WS_HEAD_REFUSED);
    cr_assert_lt(engine.common.head.cap, LEATI_HTTP_HEAD_MAX_BYTES + 1);
    leati_ws_accept_engine_done(&engine);
}

/* Which part of the head is too long is told, by our limit and by that of the parser. */
Test(accept_engine, statuses_of_what_is_too_long, .timeout = 10)
{
    static const struct {
        const char *before, *after;
        int status;
        bool has_content;
    } cases[] = {
        {"GET /", " HTTP/1.1\r\n" HOST "\r\n", 414, true},
        {"\r\nGET /?", " HTTP/1.1\r\n" HOST "\r\n", 414, true},
        {"HEAD /", " HTTP/1.1\r\n" HOST "\r\n", 414, false},
        {"POST /", " HTTP/1.1\r\n" HOST "\r\n", 414, true},
        {"GET", " / HTTP/1.1\r\n\r\n", 501, true},
        {NORMAL "Cookie: ", "\r\n\r\n", 431, true},
        {NORMAL, ": x\r\n\r\n", 431, true},
        {"HEAD / HTTP/1.1\r\n"
         "Cookie: ",
         "\r\n\r\n", 431, false},
    };
    static char request[70000];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t max = 1000; max <= 64000; max += 63000) {
            struct leati_ws_accept_options options = example_accept_options();
            struct leati_ws_accept_engine engine;
            char error[sizeof(engine.common.error)];
            size_t used;
            options.max_head_bytes = max;
            int len = snprintf(request, sizeof(request), "%s", cases[i].before);
            memset(request + len, 'a', 17000);
            len += 17000;
            len += snprintf(request + len, sizeof(request) - (size_t)len, "%s", cases[i].after);
            cr_assert_eq(feed(&engine, &options, request, (size_t)len, 100, &used),
                         LEATI_WS_HEAD_REFUSED);
            snprintf(error, sizeof(error), "%s", engine.common.error);
            expect_refusal(&engine, cases[i].status, error, cases[i].has_content);
            leati_ws_accept_engine_done(&engine);
        }
    int len = snprintf(request, sizeof(request), START);
    for (int i = 0; i < 257; i++)
        len += snprintf(request + len, sizeof(request) - (size_t)len, "a: b\r\n");
    struct leati_ws_accept_engine engine;
    cr_assert_eq(feed_text(&engine, request), LEATI_WS_HEAD_REFUSED);
    expect_refusal(&engine, 431, "more than 256 header fields", true);
    leati_ws_accept_engine_done(&engine);
}

Test(accept_engine, limit_of_the_subprotocols, .timeout = 10)
{
    for (unsigned count = 63; count <= 65; count++) {
        char fields[1024] = "Sec-WebSocket-Protocol: ", request[2048];
        size_t len = strlen(fields);
        for (unsigned i = 0; i < count; i++)
            len += (size_t)snprintf(fields + len, sizeof(fields) - len, "%sp%u", i ? "," : "", i);
        snprintf(request, sizeof(request), NORMAL "%s\r\n\r\n", fields);
        struct leati_ws_accept_engine engine;
        cr_assert_eq(feed_text(&engine, request),
                     count > 64 ? LEATI_WS_HEAD_REFUSED : LEATI_WS_HEAD_VALID);
        leati_ws_accept_engine_done(&engine);
    }
}

/* ---- decisions ------------------------------------------------------------------------------ */

Test(accept_engine, refusals, .timeout = 10)
{
    static const struct leati_http_field headers[] = {
        {"Retry-After", "120"},
        {"content-type", "application/json"},
    };
    static const struct {
        struct leati_ws_accept_decision decision;
        const char *response;
    } cases[] = {
        {{.status = 403},
         "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain; "
         "charset=utf-8\r\nContent-Length: 9\r\n\r\nForbidden"},
        {{.status = 404, .text = "no such room\n"},
         "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Type: text/plain; "
         "charset=utf-8\r\nContent-Length: 13\r\n\r\nno such room\n"},
        {{.status = 503, .text = "{}", .headers = headers, .header_count = 2},
         "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 2\r\n"
         "Retry-After: 120\r\ncontent-type: application/json\r\n\r\n{}"},
        {{.status = 599, .text = ""},
         "HTTP/1.1 599 Refused\r\nConnection: close\r\nContent-Type: text/plain; "
         "charset=utf-8\r\nContent-Length: 0\r\n\r\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leati_ws_accept_engine engine;
        cr_assert_eq(feed_text(&engine, REQUEST_WITH("")), LEATI_WS_HEAD_VALID);
        cr_assert_eq(leati_ws_accept_engine_answer(&engine, &cases[i].decision), LEAT_OK);
        cr_assert_str_eq(engine.response.bytes, cases[i].response);
        cr_assert_eq(engine.common.agreement.status, cases[i].decision.status);
        leati_ws_accept_engine_done(&engine);
    }
}

Test(accept_engine, decisions_that_cannot_be, .timeout = 10)
{
    static const struct leati_http_field headers[] = {
        {"a b", "x"},
        {"", "x"},
        {"a:", "x"},
        {"a\r\nb", "x"},
        {"a", "x\r\nb: c"},
        {"a", "x\ny"},
        {"connection", "close"},
        {"UPGRADE", "h2c"},
        {"Content-Length", "7"},
        {"transfer-encoding", "chunked"},
        {"Trailer", "x"},
        {"Keep-Alive", "timeout=5"},
        {"proxy-connection", "close"},
        {"TE", "trailers"},
        {"sec-websocket-accept", "x"},
        {"Sec-WebSocket-Extensions", "x"},
        {NULL, "x"},
        {"a", NULL},
    };
    static const int statuses[] = {0, 100, 200, 302, 399, 600, -1};
    static const char *const protocols[] = {"superchat", "", "chat\r\nx: y"};
    struct leati_ws_accept_engine engine;

    cr_assert_eq(feed_text(&engine, REQUEST_WITH("Sec-WebSocket-Protocol: chat\r\n")),
                 LEATI_WS_HEAD_VALID);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        for (int status = 101; status <= 403; status += 302) {
            const struct leati_ws_accept_decision decision = {
                .status = status, .headers = &headers[i], .header_count = 1};
            cr_assert_eq(leati_ws_accept_engine_answer(&engine, &decision), LEAT_E_PARAMETER,
                         "header %zu", i);
        }
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        const struct leati_ws_accept_decision decision = {.status = statuses[i]};
        cr_assert_eq(leati_ws_accept_engine_answer(&engine, &decision), LEAT_E_PARAMETER);
    }
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        const struct leati_ws_accept_decision decision = {.status = 101, .protocol = protocols[i]};
        cr_assert_eq(leati_ws_accept_engine_answer(&engine, &decision), LEAT_E_PARAMETER);
    }
    cr_assert_null(engine.response.bytes);
    /* It still asks. */
    const struct leati_ws_accept_decision good = {.status = 101, .protocol = "chat"};
    cr_assert_eq(leati_ws_accept_engine_answer(&engine, &good), LEAT_OK);
    leati_ws_accept_engine_done(&engine);
}

Test(accept_engine, without_sha1, .timeout = 10)
{
    struct leati_ws_accept_engine engine;
    const struct leati_ws_accept_decision decision = {.status = 101};

    cr_assert_eq(feed_text(&engine, REQUEST_WITH("")), LEATI_WS_HEAD_VALID);
    engine.sha1 = broken_sha1;
    cr_assert_eq(leati_ws_accept_engine_answer(&engine, &decision), LEAT_E_SYSTEM_INTERNAL);
    cr_assert_null(engine.response.bytes);
    leati_ws_accept_engine_done(&engine);
}

/* ---- memory, damage ------------------------------------------------------------------------- */

static const char *attempt_request;
static int attempt_status;

static bool attempt(void)
{
    struct leati_ws_accept_engine engine;
    const struct leati_ws_accept_decision decision = {.status = attempt_status};

    enum leati_ws_head_result result = feed_text(&engine, attempt_request);
    bool succeeded = result != LEATI_WS_HEAD_NO_MEMORY;
    if (result == LEATI_WS_HEAD_VALID) {
        int code = leati_ws_accept_engine_answer(&engine, &decision);
        cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL);
        cr_assert_eq(code == LEAT_OK, engine.response.bytes != NULL);
        succeeded = code == LEAT_OK;
    }
    leati_ws_accept_engine_done(&engine);
    return succeeded;
}

Test(accept_engine, each_allocation_fails, .timeout = 10)
{
    attempt_request =
        "GET http://h/ HTTP/1.1\r\n" HOST UP CONN KEY V13 "Sec-WebSocket-Protocol: a, b\r\n\r\n";
    attempt_status = 101;
    cr_assert_geq(alloc_failure_run_all(attempt), 6);
    attempt_status = 404;
    cr_assert_geq(alloc_failure_run_all(attempt), 5);
    attempt_request = START "\r\n";
    cr_assert_geq(alloc_failure_run_all(attempt), 2);
}

/* No request, whatever it holds, puts a line of its own into our response. */
static void check_response(const struct leati_ws_accept_engine *engine, unsigned number)
{
    const char *body = strstr(engine->response.bytes, "\r\n\r\n");
    unsigned length;

    cr_assert_not_null(body);
    cr_assert(strncmp(engine->response.bytes, "HTTP/1.1 4", 10) == 0 ||
              strncmp(engine->response.bytes, "HTTP/1.1 50", 11) == 0);
    const char *field = strstr(engine->response.bytes, "Content-Length: ");
    cr_assert(field && field < body);
    cr_assert_eq(sscanf(field, "Content-Length: %u", &length), 1);
    cr_assert_eq(length, strlen(body + 4), "case %u", number);
    for (const char *c = engine->response.bytes; *c != '\0'; c++)
        cr_assert((*c >= ' ' && *c <= '~') || *c == '\r' || *c == '\n', "case %u", number);
}

Test(accept_engine, damaged_requests, .timeout = 60)
{
    static const char request[] = REQUEST_WITH("Origin: https://example.com\r\n"
                                               "Sec-WebSocket-Protocol: chat, superchat\r\n");
    static struct mutation mutation;
    unsigned asked = 0, refusals = 0;

    mutation_init(&mutation, 20261121);
    for (unsigned number = 0; number < 30000; number++) {
        struct leati_ws_accept_options options = example_accept_options();
        struct leati_ws_accept_engine whole, parts;
        size_t used, used_in_parts;
        size_t len = mutation_next(&mutation, request, sizeof(request) - 1);
        enum leati_ws_head_result result = feed(&whole, &options, mutation.bytes, len, 0, &used);
        cr_assert_eq(feed(&parts, &options, mutation.bytes, len, 1 + number % 50, &used_in_parts),
                     result, "case %u", number);
        cr_assert_str_eq(parts.common.error, whole.common.error);
        if (result == LEATI_WS_HEAD_REFUSED) {
            refusals++;
            check_response(&whole, number);
            cr_assert_str_eq(parts.response.bytes, whole.response.bytes);
        } else if (result == LEATI_WS_HEAD_VALID) {
            asked++;
            cr_assert_eq(used_in_parts, used);
            cr_assert_eq(whole.request.target[0], '/');
        }
        leati_ws_accept_engine_done(&whole);
        leati_ws_accept_engine_done(&parts);
    }
    cr_assert_gt(asked, 1000);
    cr_assert_gt(refusals, 5000);
}
