/* SPDX-License-Identifier: Apache-2.0 */
/* What can be read of a server's answer: status, headers and body of a refusal, by the server or by
 * an HTTP proxy, and the headers of the response that accepts. */
#include "integration/common.h"

#include <stdlib.h>

INTEGRATION_SUITE(refusals);

/* A peer that reads one head and answers with these bytes. */
static leat_testing_server *answering_peer(const char *answer, size_t len, bool ends)
{
    static struct leat_script_row scripts[16][4];
    static size_t used;
    cr_assert(used < sizeof(scripts) / sizeof(scripts[0]));
    struct leat_script_row *script = scripts[used++];
    script[0] = (struct leat_script_row){LEAT_SCRIPT_READ_HTTP_HEAD};
    script[1] = (struct leat_script_row){LEAT_SCRIPT_SEND, .data = answer, .len = len};
    script[2] = (struct leat_script_row){ends ? LEAT_SCRIPT_CLOSE : LEAT_SCRIPT_STALL};
    script[3] = (struct leat_script_row){LEAT_SCRIPT_CLOSE};
    return script_server_start(script);
}

#define BODY_EXPECT(answer, ends, status, body)                                                    \
    body_expect(answer, sizeof(answer) - 1, ends, status, body, sizeof(body) - 1)

static void body_expect(const char *answer, size_t len, bool ends, int status, const char *body,
                        size_t body_len)
{
    struct client_run run;
    size_t got_len = 99;
    leat_testing_server *peer = answering_peer(answer, len, ends);
    client_run_init(&run);
    int code = client_run_refused(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(code == LEAT_E_WS_CONNECT, "%d: %s", code, run.close.error.text);
    cr_expect(run.close.error.native_code == status, "%d", run.close.error.native_code);
    cr_expect(run.close.close_code == 0 && run.close.closed_by == LEAT_CLOSED_BY_NOBODY);
    cr_expect(leat_websocket_get_http_status(run.ws) == status);
    const char *got = leat_websocket_get_http_body(run.ws, &got_len);
    cr_expect(got_len == body_len && memcmp(got, body, body_len) == 0 && got[got_len] == '\0',
              "%zu bytes instead of %zu: %s", got_len, body_len, got);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* ---- the body
 * ------------------------------------------------------------------------------------ */

Test(refusals, bodies)
{
    BODY_EXPECT("HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nhello", true, 401, "hello");
    BODY_EXPECT("HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nhello", false, 403, "hello");
    BODY_EXPECT("HTTP/1.1 500 No\r\n\r\nuntil the end", true, 500, "until the end");
    BODY_EXPECT("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", false, 503, "");
    BODY_EXPECT("HTTP/1.1 404 \r\nContent-Length: 3\r\n\r\na\0b", true, 404, "a\0b");
    BODY_EXPECT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, 200, "ok");
    BODY_EXPECT("HTTP/1.1 204 No Content\r\n\r\n", false, 204, "");
}

Test(refusals, bodies_in_chunks)
{
    BODY_EXPECT("HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: 1\r\n\r\n",
                false, 404, "hello");
    BODY_EXPECT("HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\nnonsense\r\n",
                false, 404, "hel");
}

Test(refusals, bodies_that_break_off)
{
    BODY_EXPECT("HTTP/1.1 404 No\r\nContent-Length: 100\r\n\r\nhello", true, 404, "hello");
    BODY_EXPECT("HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhello", true, 404,
                "hello");
}

/* A server that stops in the middle is not waited for until the deadline. */
Test(refusals, bodies_that_never_end)
{
    BODY_EXPECT("HTTP/1.1 404 No\r\nContent-Length: 100\r\n\r\nhello", false, 404, "hello");
    BODY_EXPECT("HTTP/1.1 404 No\r\n\r\nhello", false, 404, "hello");
    BODY_EXPECT("HTTP/1.1 404 No\r\n\r\n", false, 404, "");
}

#define KEPT 4096

static void long_body_expect(const char *head, size_t len, size_t kept)
{
    static char answer[100000];
    size_t head_len = strlen(head);
    memcpy(answer, head, head_len);
    for (size_t i = 0; i < len; ++i)
        answer[head_len + i] = (char)('a' + i % 26);
    body_expect(answer, head_len + len, false, 404, answer + head_len, kept);
}

Test(refusals, four_kibibytes_are_kept)
{
    static const char until_end[] = "HTTP/1.1 404 No\r\n\r\n";
    long_body_expect("HTTP/1.1 404 No\r\nContent-Length: 4095\r\n\r\n", KEPT - 1, KEPT - 1);
    long_body_expect("HTTP/1.1 404 No\r\nContent-Length: 4096\r\n\r\n", KEPT, KEPT);
    long_body_expect("HTTP/1.1 404 No\r\nContent-Length: 4097\r\n\r\n", KEPT + 1, KEPT);
    long_body_expect(until_end, KEPT + 1, KEPT);
    long_body_expect(until_end, 90000, KEPT);
}

/* ---- the headers
 * --------------------------------------------------------------------------------- */

static const char headers_answer[] =
    "HTTP/1.1 418 I am a teapot\r\nX-First:  one \r\nWWW-Authenticate: Basic realm=\"a\"\r\n"
    "www-authenticate: Bearer\r\nX-Empty:\r\nContent-Length: 3\r\n\r\ntea";

static void headers_expect(const leat_websocket *ws)
{
    static const char *const fields[][2] = {
        {"X-First", "one"},
        {"WWW-Authenticate", "Basic realm=\"a\""},
        {"www-authenticate", "Bearer"},
        {"X-Empty", ""},
        {"Content-Length", "3"},
    };
    const char *name = "untouched";
    const char *value = "untouched";
    size_t count = sizeof(fields) / sizeof(fields[0]);
    for (size_t i = 0; i < count; ++i) {
        cr_assert(leat_websocket_get_http_header_at(ws, i, &name, &value), "%zu", i);
        cr_expect(strcasecmp(name, fields[i][0]) == 0 && strcmp(value, fields[i][1]) == 0, "%s: %s",
                  name, value);
    }
    name = value = "untouched";
    cr_expect(!leat_websocket_get_http_header_at(ws, count, &name, &value));
    cr_expect(!leat_websocket_get_http_header_at(ws, SIZE_MAX, &name, &value));
    cr_expect(strcmp(name, "untouched") == 0 && strcmp(value, "untouched") == 0);
    value = leat_websocket_get_http_header(ws, "Www-Authenticate");
    cr_expect(value && strcmp(value, "Basic realm=\"a\"") == 0, "the first of that name");
    value = leat_websocket_get_http_header(ws, "x-empty");
    cr_expect(value && *value == '\0');
    cr_expect(!leat_websocket_get_http_header(ws, "X-Absent"));
    cr_expect(!leat_websocket_get_http_header(ws, ""));
    cr_expect(strcmp(leat_websocket_get_http_body(ws, NULL), "tea") == 0);
}

static void nothing_expect(const leat_websocket *ws)
{
    const char *name;
    const char *value;
    size_t len = 99;
    cr_expect(!leat_websocket_get_http_header(ws, "X-First"));
    cr_expect(!leat_websocket_get_http_header_at(ws, 0, &name, &value));
    cr_expect(strcmp(leat_websocket_get_http_body(ws, &len), "") == 0 && len == 0);
}

static void look_in_closed(struct client_run *run, const char *callback)
{
    if (strcmp(callback, "closed") == 0) {
        headers_expect(run->ws);
        ++*(unsigned *)run->user;
    }
}

Test(refusals, can_be_read_until_the_next_connect)
{
    struct client_run run;
    unsigned looked = 0;
    leat_testing_server *peer = answering_peer(headers_answer, sizeof(headers_answer) - 1, true);
    client_run_init(&run);
    run.on_event = look_in_closed;
    run.user = &looked;
    nothing_expect(run.ws);
    client_run_refused(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(looked == 1);
    headers_expect(run.ws);
    run.on_event = NULL;
    run.closed_count = 0;
    cr_assert(client_run_connect(&run, url_of("ws", refusing_port(), "/")) == LEAT_OK);
    nothing_expect(run.ws);
    cr_expect(leat_websocket_get_http_status(run.ws) == 0);
    client_run_until_closed(&run);
    nothing_expect(run.ws);
    cr_expect(leat_websocket_get_http_status(run.ws) == 0);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* Also in pieces of one byte, and a connect that is refused at once forgets it as well. */
Test(refusals, byte_by_byte)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES(headers_answer), .split = 1},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = script_server_start(script);
    client_run_init(&run);
    client_run_refused(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    headers_expect(run.ws);
    cr_expect(client_run_connect(&run, "nonsense") == LEAT_E_WS_URL);
    nothing_expect(run.ws);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* A header of the program cannot give the request an end, or a way, of its own. */
Test(refusals, headers_that_frame_a_request_are_not_the_programs)
{
    static const char *const names[] = {
        "Host",           "connection", "Upgrade", "Content-Length",    "TRANSFER-ENCODING",
        "HTTP2-Settings", "Keep-Alive", "TE",      "Proxy-Connection",  "Sec-WebSocket-Key",
        "Trailer",        "Expect",     "host",    "Sec-WebSocket-Foo", "sec-websocket-accept",
    };
    leat_config *config;
    struct leat_error error;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        cr_expect(leat_config_add_header(config, names[i], "0") == LEAT_E_PARAMETER, "%s",
                  names[i]);
        leat_config_get_error(config, &error);
        cr_expect(strstr(error.text, "handshake"), "%s", error.text);
    }
    cr_expect(leat_config_add_header(config, "Content-Type", "x") == LEAT_OK);
    cr_expect(leat_config_add_header(config, "X-Host", "x") == LEAT_OK);
    leat_config_free(config);
}

Test(refusals, arguments_are_checked)
{
    const char *name;
    size_t len = 99;
    cr_expect(!leat_websocket_get_http_header(NULL, "X"));
    cr_expect(!leat_websocket_get_http_header_at(NULL, 0, &name, &name));
    cr_expect(strcmp(leat_websocket_get_http_body(NULL, &len), "") == 0 && len == 0);
    cr_expect(leat_websocket_get_http_status(NULL) == 0);
}

Test(refusals, python)
{
    struct client_run run;
    client_run_init(&run);
    uint16_t port = python_server_start(&(struct server_options){0});
    int code = client_run_refused(&run, url_of("ws", port, "/status?code=429"));
    cr_expect(code == LEAT_E_WS_CONNECT && leat_websocket_get_http_status(run.ws) == 429);
    const char *reason = leat_websocket_get_http_header(run.ws, "x-reason");
    cr_expect(reason && strcmp(reason, "the test wants it") == 0);
    cr_expect(strcmp(leat_websocket_get_http_body(run.ws, NULL), "no\n") == 0);
    client_run_done(&run);
}

/* ---- the response that accepts
 * -------------------------------------------------------------------- */

static void look_in_opened(struct client_run *run, const char *callback)
{
    const char *name;
    const char *value;
    size_t len = 99;
    if (strcmp(callback, "opened") != 0)
        return;
    value = leat_websocket_get_http_header(run->ws, "x-SESSION");
    cr_expect(value && strcmp(value, "abc") == 0, "%s", value ? value : "none");
    value = leat_websocket_get_http_header(run->ws, "Upgrade");
    cr_expect(value && strcasecmp(value, "websocket") == 0);
    size_t count = 0;
    while (leat_websocket_get_http_header_at(run->ws, count, &name, &value))
        ++count;
    cr_expect(count == 5, "%zu", count);
    cr_expect(strcmp(leat_websocket_get_http_body(run->ws, &len), "") == 0 && len == 0);
    cr_expect(leat_websocket_get_http_status(run->ws) == 101);
    ++*(unsigned *)run->user;
}

Test(refusals, headers_inside_opened)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND_UPGRADE, LEAT_SCRIPT_BYTES("X-Session: abc\r\nSet-Cookie: a=b\r\n"),
         .hold = true},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("glued"), .number = 0x81},
        {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    unsigned looked = 0;
    leat_testing_server *peer = script_server_start(script);
    client_run_init(&run);
    run.on_event = look_in_opened;
    run.user = &looked;
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(looked == 1);
    client_run_until_messages(&run, 1);
    client_run_close(&run);
    nothing_expect(run.ws);
    cr_expect(leat_websocket_get_http_status(run.ws) == 101);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* ---- an HTTP proxy
 * ------------------------------------------------------------------------------- */

Test(refusals, by_a_proxy)
{
    static const char answer[] =
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n"
        "Content-Length: 11\r\n\r\nask the IT\n";
    struct client_run run;
    size_t len;
    leat_testing_server *peer = answering_peer(answer, sizeof(answer) - 1, true);
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(
                  run.config, url_of("http", leat_testing_server_get_port(peer), "")) == LEAT_OK);
    int code = client_run_refused(&run, "ws://far.test/");
    cr_expect(code == LEAT_E_WS_CONNECT && run.close.error.native_code == 407, "%d: %s", code,
              run.close.error.text);
    cr_expect(run.close.error.layer == LEAT_LAYER_HTTP_PROXY);
    cr_expect(leat_websocket_get_http_status(run.ws) == 0, "no server has answered");
    const char *value = leat_websocket_get_http_header(run.ws, "proxy-authenticate");
    cr_expect(value && strcmp(value, "Basic realm=\"p\"") == 0);
    cr_expect(strcmp(leat_websocket_get_http_body(run.ws, &len), "ask the IT\n") == 0 && len == 11);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* The proxy agrees, the server behind it refuses: the answer is the server's. */
Test(refusals, behind_a_proxy)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 200 OK\r\nX-From: proxy\r\n\r\n")},
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES("HTTP/1.1 404 No\r\nX-From: server\r\nContent-Length: 2\r\n\r\nno")},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = script_server_start(script);
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(
                  run.config, url_of("http", leat_testing_server_get_port(peer), "")) == LEAT_OK);
    client_run_refused(&run, "ws://far.test/");
    cr_expect(leat_websocket_get_http_status(run.ws) == 404);
    const char *value = leat_websocket_get_http_header(run.ws, "X-From");
    cr_expect(value && strcmp(value, "server") == 0);
    cr_expect(strcmp(leat_websocket_get_http_body(run.ws, NULL), "no") == 0);
    client_run_done(&run);
    leat_testing_server_free(peer);
}
