/* SPDX-License-Identifier: Apache-2.0 */
/* What requests say of the program. Heads of responses as RFC 9112 and RFC 9110 want them read:
 * folded fields, later minor versions, interim responses, lengths that mean nothing. Of a server,
 * of a proxy, and in requests to a server of ours. */
#include "integration/common.h"
#include "support/raw_socket.h"
#include "support/server_run.h"

#include <stdio.h>
#include <unistd.h>

INTEGRATION_SUITE(heads);

/* ---- requests ------------------------------------------------------------------------------ */

/* RFC 9110 section 10.1.5: what a program is called stands in both requests, or in neither. */
static void user_agent_expect(const char *chosen, const char *line)
{
    const char *connect =
        sandbox_format("CONNECT target.test:80 HTTP/1.1\r\nHost: target.test:80\r\n%s\r\n", line);
    const char *rest = sandbox_format("Sec-WebSocket-Version: 13\r\n%s\r\n", line);
    const struct leat_script_row script[] = {
        {LEAT_SCRIPT_EXPECT, .data = connect, .len = strlen(connect)},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 200 OK\r\n\r\n")},
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("GET / HTTP/1.1\r\nHost: target.test\r\n"
                                               "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                               "Sec-WebSocket-Key: ")},
        {LEAT_SCRIPT_READ, .number = sizeof("dGhlIHNhbXBsZSBub25jZQ==\r\n") - 1},
        {LEAT_SCRIPT_EXPECT, .data = rest, .len = strlen(rest)},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    cr_assert(leat_config_set_user_agent(run.config, chosen) == LEAT_OK);
    cr_assert(leat_config_set_proxy(
                  run.config, url_of("http", leat_testing_server_get_port(peer), "")) == LEAT_OK);
    cr_expect(client_run_refused(&run, "ws://target.test/") == LEAT_E_WS_CONNECT);
    scripted_end(&run, peer);
}

Test(heads, user_agent)
{
    user_agent_expect(NULL, sandbox_format("User-Agent: leat/%s\r\n", leat_version()));
    user_agent_expect("mine/1 (of me)", "User-Agent: mine/1 (of me)\r\n");
    user_agent_expect("", "");
}

Test(heads, no_user_agent_that_would_be_more)
{
    static char too_long[16386];
    struct client_run run;
    memset(too_long, 'x', sizeof(too_long) - 1);
    client_run_init(&run);
    cr_expect(leat_config_set_user_agent(run.config, "a\r\nX: y") == LEAT_E_PARAMETER);
    cr_expect(leat_config_set_user_agent(run.config, "a\nb") == LEAT_E_PARAMETER);
    cr_expect(leat_config_set_user_agent(run.config, too_long) == LEAT_E_PARAMETER);
    cr_expect(leat_config_set_user_agent(NULL, "a") == LEAT_E_PARAMETER);
    client_run_done(&run);
}

/* What the server has seen of a header, "" = nothing. */
static const char *header_seen(const char *url, const char *name, const char *own)
{
    static char value[256];
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_origin_of_url(run.config, true) == LEAT_OK);
    cr_assert(!own || leat_config_add_header(run.config, name, own) == LEAT_OK);
    client_run_open(&run, url);
    client_run_until_messages(&run, 1);
    const char *at = strcasestr((const char *)run.messages[0].data, name);
    value[0] = '\0';
    if (at) {
        cr_expect(!strcasestr(at + 1, name), "%s comes twice", name);
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
    }
    client_run_close(&run);
    client_run_done(&run);
    return value;
}

/* As HarmonyOS sends it: by the scheme, and without a port. */
Test(heads, origin_of_url)
{
    const struct server_options plain = {0}, tls = {.cert = "server.pem"}, six = {.host = "::1"};
    const char *http = sandbox_format("ws://localhost:%u/headers", python_server_start(&plain));
    const char *https = sandbox_format("wss://LOCALHOST:%u/headers", python_server_start(&tls));
    cr_expect_str_eq(header_seen(http, "origin: ", NULL), "Origin: http://localhost");
    cr_expect_str_eq(header_seen(https, "origin: ", NULL), "Origin: https://localhost");
    cr_expect_str_eq(header_seen(sandbox_format("ws://[::1]:%u/headers", python_server_start(&six)),
                                 "origin: ", NULL),
                     "Origin: http://[::1]");
}

Test(heads, origin_of_the_program)
{
    const struct server_options plain = {0};
    const char *url = sandbox_format("ws://localhost:%u/headers", python_server_start(&plain));
    struct client_run run;
    cr_expect_str_eq(header_seen(url, "origin", "https://mine.test:8443"),
                     "origin: https://mine.test:8443");
    client_run_init(&run);
    client_run_open(&run, url);
    client_run_until_messages(&run, 1);
    cr_expect(!strcasestr((const char *)run.messages[0].data, "origin"));
    client_run_close(&run);
    client_run_done(&run);
}

/* `chosen` is what the program says, and `seen` what the server at `url` hears in the end. */
static void host_expect(const char *url, const char *chosen, const char *seen)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_request_host(run.config, chosen) == LEAT_OK);
    cr_assert(leat_config_set_max_redirects(run.config, 1) == LEAT_OK);
    client_run_open(&run, url);
    client_run_until_messages(&run, 1);
    const char *heads = (const char *)run.messages[0].data;
    cr_expect(strcasestr(heads, sandbox_format("host: %s\n", seen)), "%s", heads);
    client_run_close(&run);
    client_run_done(&run);
}

Test(heads, host_apart_from_the_url)
{
    const struct server_options plain = {0};
    const char *there = sandbox_format("localhost:%u", python_server_start(&plain));
    const char *url = sandbox_format("ws://%s/headers", there);
    const char *answer =
        sandbox_format("HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", url);
    const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND, .data = answer, .len = strlen(answer)},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *peer = script_server_start(script);
    host_expect(url, "virtual.test:8080", "virtual.test:8080");
    host_expect(url, "[::1]", "[::1]");
    host_expect(url, NULL, there);
    host_expect(url_of("ws", leat_testing_server_get_port(peer), "/"), "virtual.test", there);
    peer_content_expect(peer);
    leat_testing_server_free(peer);
}

Test(heads, no_host_that_would_be_more)
{
    static const char *const wrong[] = {"", "a b", "a\r\nX: y", "a/b", "user@a", "\xc3\xa4.test"};
    struct client_run run;
    client_run_init(&run);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i)
        cr_expect(leat_config_set_request_host(run.config, wrong[i]) == LEAT_E_PARAMETER, "%s",
                  wrong[i]);
    cr_expect(leat_config_set_request_host(run.config, sandbox_format("%0262d", 0)) ==
              LEAT_E_PARAMETER);
    cr_expect(leat_config_set_request_host(NULL, "a") == LEAT_E_PARAMETER);
    client_run_done(&run);
}

/* ---- responses ----------------------------------------------------------------------------- */

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

#define SEND(literal)   {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES(literal)}
#define ASKED           {LEAT_SCRIPT_READ_HTTP_HEAD}
#define SERVES          {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}
#define SWITCH(fields)  {LEAT_SCRIPT_SEND_UPGRADE, LEAT_SCRIPT_BYTES(fields)}
#define SCRIPT          static const struct leat_script_row
#define AS_SERVER(name_, ...) SCRIPT name_[] = {ASKED, __VA_ARGS__}
#define AS_PROXY(name_, literal) SCRIPT name_[] = {ASKED, SEND(literal), ASKED, SWITCH(""), SERVES}
#define HINTS "HTTP/1.1 103 Early Hints\r\nLink: <a>,\r\n <b>\r\nContent-Length: 4\r\n\r\n"

AS_SERVER(folded_policy, SWITCH("Content-Security-Policy: a b;\r\n\tc d\r\n"), SERVES);
AS_SERVER(folded_to_nothing, SWITCH("X-A:\r\n \r\n\t\r\nX-B: c\r\n \r\n"), SERVES);
AS_SERVER(folded_with_lf, SWITCH("X-A: b\n c\n"), SERVES);
AS_SERVER(folded_last, SWITCH("X-A: b\r\n  c"  "\r\n"), SERVES);
AS_SERVER(length_in_101, SWITCH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), SERVES);
AS_SERVER(hints_first, SEND(HINTS "HTTP/1.1 100 Continue\r\n\r\n"), SWITCH(""), SERVES);
AS_SERVER(hints_of_1_2, SEND("HTTP/1.2 102 x\r\n\r\n"), SWITCH(""), SERVES);
AS_SERVER(refuses_folded, SEND("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"x\",\r\n  error=\"y\"\r\n"
                               "Content-Length: 0\r\n\r\n"), {LEAT_SCRIPT_CLOSE});
AS_SERVER(refuses_by_1_3, SEND("HTTP/1.3 403 No\r\nContent-Length: 0\r\n\r\n"), {LEAT_SCRIPT_CLOSE});
AS_SERVER(is_http_2, SEND("HTTP/2.0 403 No\r\n\r\n"), {LEAT_SCRIPT_CLOSE});
AS_SERVER(folds_start_line, SEND("HTTP/1.1 403 No\r\n A: b\r\n\r\n"), {LEAT_SCRIPT_CLOSE});
AS_SERVER(has_bare_cr, SEND("HTTP/1.1 403 No\r\nA: b\rc\r\n\r\n"), {LEAT_SCRIPT_CLOSE});
AS_PROXY(proxy_folded, "HTTP/1.1 200 OK\r\nVia: 1.1 one.example,\r\n\t1.1 two.example\r\n\r\n");
AS_PROXY(proxy_1_2, "HTTP/1.2 200 OK\r\n\r\n");
AS_PROXY(proxy_hints, HINTS HINTS "HTTP/1.1 200 OK\r\n\r\n");
AS_PROXY(proxy_lengths, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 77\r\nConnection: close\r\n\r\n");
SCRIPT proxy_refuses_folded[] = {ASKED, SEND("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n realm=\"x\"\r\nContent-Length: 0\r\n\r\n"),
                                 {LEAT_SCRIPT_CLOSE}};
SCRIPT proxy_is_http_2[] = {ASKED, SEND("HTTP/2 200\r\n\r\n"), {LEAT_SCRIPT_CLOSE}};

static const struct head_case {
    const char *name;
    const struct leat_script_row *script;
    bool is_proxy;
    int native_code; /* of the refusal; -1 = it opens */
    const char *text;
} cases[] = {
    {"folded Content-Security-Policy", folded_policy, false, -1},
    {"folded to nothing", folded_to_nothing, false, -1},
    {"folded, lines end with LF", folded_with_lf, false, -1},
    {"the last field is folded", folded_last, false, -1},
    {"a length in 101", length_in_101, false, -1},
    {"interim responses before 101", hints_first, false, -1},
    {"an interim response of HTTP/1.2", hints_of_1_2, false, -1},
    {"401 with a folded challenge", refuses_folded, false, 401, "HTTP 401"},
    {"403 of HTTP/1.3", refuses_by_1_3, false, 403, "HTTP 403"},
    {"HTTP/2.0", is_http_2, false, 0, "the response is of HTTP/2, not of HTTP/1.x"},
    {"white space behind the status line", folds_start_line, false, 403, "begins with white space"},
    {"a bare CR", has_bare_cr, false, 403, "a CR without LF"},
    {"CONNECT, folded", proxy_folded, true, -1},
    {"CONNECT, HTTP/1.2", proxy_1_2, true, -1},
    {"CONNECT, interim responses", proxy_hints, true, -1},
    {"CONNECT, lengths in 200", proxy_lengths, true, -1},
    {"CONNECT, 407 with a folded challenge", proxy_refuses_folded, true, 407, "Basic realm=\"x\""},
    {"CONNECT, HTTP/2", proxy_is_http_2, true, 0, "the response is of HTTP/2, not of HTTP/1.x"},
};
/* clang-format on */

static void case_run(const struct head_case *c)
{
    struct client_run run;
    leat_testing_server *peer = script_server_start(c->script);
    client_run_init(&run);
    run.name = c->name;
    const char *url = url_of("ws", leat_testing_server_get_port(peer), "/");
    if (c->is_proxy) {
        url = url_of("http", leat_testing_server_get_port(peer), "");
        cr_assert_eq(leat_config_set_proxy(run.config, url), LEAT_OK);
        url = "ws://target.test/";
    }
    if (c->native_code < 0) {
        client_run_open(&run, url);
        client_run_echo(&run, "behind such a head");
        client_run_close(&run);
    } else {
        cr_expect_eq(client_run_refused(&run, url), LEAT_E_WS_CONNECT, "%s", c->name);
        cr_expect_eq(run.close.error.native_code, c->native_code, "%s: %d", c->name,
                     run.close.error.native_code);
        cr_expect(strstr(run.close.error.text, c->text), "%s: %s", c->name, run.close.error.text);
    }
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(heads, of_servers_and_proxies)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i)
        case_run(&cases[i]);
}

/* A redirect whose Location is folded leads where it says. */
Test(heads, a_folded_location)
{
    static const struct leat_script_row redirects[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 302 Found\r\nLocation:\r\n /new\r\n"
                                             "Content-Length: 0\r\n\r\n")},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row serves[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    struct leat_testing_seen seen;
    struct client_run run;
    client_run_init(&run);
    cr_assert_eq(leat_config_set_max_redirects(run.config, 1), LEAT_OK);
    leat_testing_server *peer =
        script_server_new(&(struct leat_testing_options){.scripts = {redirects, serves}});
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/old"));
    client_run_close(&run);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(strncmp(seen.http_head, "GET /new HTTP/1.1\r\n", 19) == 0, "%s", seen.http_head);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* ---- requests to a server of ours ------------------------------------------------------------ */

#define REQUEST(start, host, more)                                                                 \
    start host "Upgrade: websocket\r\nConnection: Upgrade\r\n"                                     \
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                                   \
               "Sec-WebSocket-Version: 13\r\n" more "\r\n"
#define GET  "GET /echo HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"

static const struct {
    const char *request;
    int status;
} requests[] = {
    {REQUEST(GET, HOST, ""), 101},
    {REQUEST("\r\n" GET, HOST, ""), 101},
    {REQUEST("GET /echo HTTP/1.2\r\n", HOST, ""), 101},
    {REQUEST("GET /echo HTTP/1.9\r\n", HOST, ""), 101},
    {REQUEST("GET ws://other:1/echo HTTP/1.1\r\n", HOST, ""), 101},
    {REQUEST("GET /echo HTTP/1.0\r\n", HOST, ""), 400},
    {REQUEST("GET /echo HTTP/2.0\r\n", HOST, ""), 505},
    {REQUEST("GET /echo HTTP/1.10\r\n", HOST, ""), 400},
    {REQUEST("GET /echo http/1.1\r\n", HOST, ""), 400},
    {REQUEST("GET  /echo HTTP/1.1\r\n", HOST, ""), 400},
    {REQUEST(GET, HOST, "A: b\r\n c\r\n"), 400},
    {REQUEST(GET " A: b\r\n", HOST, ""), 400},
    {REQUEST(GET, "Host : localhost\r\n", ""), 400},
    {REQUEST(GET, HOST, "A\t: b\r\n"), 400},
    {REQUEST(GET, HOST, "A: b\rc\r\n"), 400},
    {REQUEST(GET, HOST, "A: b\n"), 400},
    {REQUEST(GET, "", ""), 400},
    {REQUEST(GET, HOST HOST, ""), 400},
    {REQUEST(GET, "Host: a b\r\n", ""), 400},
    {REQUEST(GET, "Host: u@h\r\n", ""), 400},
    {REQUEST(GET, HOST, "Content-Length: x\r\n"), 400},
    {REQUEST(GET, HOST, "Transfer-Encoding: gzip\r\n"), 400},
};

Test(heads, of_requests)
{
    struct server_run *server = server_run_start(&(struct server_run_options){.host = NULL});
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); ++i) {
        char answer[2048] = "", expected[32];
        int fd = raw_connect(NULL, server_run_port(server));
        cr_assert(raw_send(fd, requests[i].request, strlen(requests[i].request)));
        cr_expect(raw_recv_until(fd, "\r\n\r\n", answer, sizeof(answer)), "%s",
                  requests[i].request);
        snprintf(expected, sizeof(expected), "HTTP/1.1 %d ", requests[i].status);
        cr_expect(strncmp(answer, expected, strlen(expected)) == 0, "%s: %s", requests[i].request,
                  answer);
        close(fd);
    }
    server_run_free(server);
}
