/* SPDX-License-Identifier: Apache-2.0 */
/* leat_websocket_server as far as it speaks HTTP: answers to what is no upgrade, or is not wanted,
 * decisions that come later, origins, whose request it is; and what tries to smuggle. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/raw_socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

INTEGRATION_SUITE(http);

/* What a request is answered with, by its path. */
struct desk {
    struct both_ends ends;
    leat_http_request *held; /* of the path /later */
    unsigned asked, accepted, errors, closed;
    char method[16], client[LEAT_NET_ADDRESS_SIZE];
    bool was_upgrade;
    struct leat_error error;
    bool frees_server;
};

static const struct leat_http_header cookie = {"Set-Cookie", "id=7"};

static void on_request(leat_websocket_server *server, leat_http_request *request, void *user)
{
    static const struct leat_http_header challenge = {"WWW-Authenticate", "Basic realm=\"x\""};
    static const struct leat_http_header allow = {"Allow", "GET, HEAD"};
    static const struct leat_http_header location = {"Location", "/elsewhere"};
    static const struct leat_http_header json = {"content-type", "application/json"};
    static const struct leat_http_header evil = {"X", "a\r\nSet-Cookie: b"};
    static const struct leat_http_header ours = {"Content-Length", "9"};
    struct desk *desk = user;
    struct leat_net_address client;
    desk->asked++;
    snprintf(desk->method, sizeof(desk->method), "%s", leat_http_request_get_method(request));
    desk->was_upgrade = leat_http_request_is_upgrade(request);
    cr_assert(leat_http_request_get_client(request, &client));
    snprintf(desk->client, sizeof(desk->client), "%s", client.address);
    const char *target = leat_http_request_get_target(request);
    int code;
    if (desk->frees_server) {
        leat_websocket_server_free(server);
        desk->ends.server = NULL;
        cr_expect_str_eq(leat_http_request_get_target(request), "");
        code = leat_http_request_answer(request, 200, NULL, 0, NULL, 0);
        cr_expect(code == LEAT_E_SOCKET_BASE + EBADF, "%d", code);
        return;
    }
    if (strcmp(target, "/healthz") == 0) {
        code = leat_http_request_answer(request, 200, &json, 1, "{\"ok\":1}", 8);
    } else if (strcmp(target, "/private") == 0) {
        code = leat_http_request_answer(request, 401, &challenge, 1, NULL, 0);
    } else if (strcmp(target, "/old") == 0) {
        code = leat_http_request_answer(request, 308, &location, 1, NULL, 0);
    } else if (strcmp(target, "/nothing") == 0) {
        code = leat_http_request_answer(request, 204, NULL, 0, "x", 1);
    } else if (strcmp(target, "/later") == 0) {
        desk->held = request;
        return;
    } else if (!leat_http_request_is_upgrade(request)) {
        cr_expect(leat_http_request_accept(request, NULL, 0) == LEAT_E_PARAMETER, "no upgrade");
        cr_expect(leat_http_request_answer(request, 101, NULL, 0, NULL, 0) == LEAT_E_PARAMETER);
        cr_expect(leat_http_request_answer(request, 600, NULL, 0, NULL, 0) == LEAT_E_PARAMETER);
        cr_expect(leat_http_request_answer(request, 200, &evil, 1, NULL, 0) == LEAT_E_PARAMETER);
        cr_expect(leat_http_request_answer(request, 200, &ours, 1, NULL, 0) == LEAT_E_PARAMETER);
        code = leat_http_request_answer(request, 405, &allow, 1, "no\0t", 4);
    } else {
        code = leat_http_request_accept(request, &cookie, 1);
        desk->accepted++;
    }
    cr_expect(code == LEAT_OK, "%d", code);
}

static void on_error(leat_websocket_server *server, const struct leat_error *error, void *user)
{
    struct desk *desk = user;
    (void)server;
    desk->errors++;
    desk->error = *error;
}

static void on_connected(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    struct desk *desk = user;
    struct leat_net_address client;
    (void)server;
    desk->ends.connected++;
    cr_expect(leat_websocket_get_client_address(ws, &client) == LEAT_OK);
    snprintf(desk->client, sizeof(desk->client), "%s", client.address);
}

static void on_closed(leat_websocket_server *server, leat_websocket *ws,
                      const struct leat_close_event *event, void *user)
{
    (void)server;
    (void)ws;
    (void)event;
    ((struct desk *)user)->closed++;
}

static const struct leat_websocket_server_callbacks callbacks = {
    .size = sizeof(callbacks),
    .connected = on_connected,
    .closed = on_closed,
    .error = on_error,
    .http_request = on_request,
};

static void desk_init(struct desk *desk)
{
    *desk = (struct desk){.ends = {.loop = NULL}};
    both_ends_init(&desk->ends);
}

static void desk_open(struct desk *desk)
{
    cr_assert(leat_websocket_server_new(desk->ends.loop, &callbacks, desk, &desk->ends.server) ==
              LEAT_OK);
    cr_assert(leat_websocket_server_start(desk->ends.server, "127.0.0.1", 0,
                                          desk->ends.server_config) == LEAT_OK);
    desk->ends.port = leat_websocket_server_get_port(desk->ends.server);
}

static void desk_done(struct desk *desk)
{
    leat_http_request_free(desk->held);
    both_ends_done(&desk->ends);
}

static void spin(struct desk *desk)
{
    cr_assert(leat_loop_dispatch(desk->ends.loop, 5) == LEAT_OK);
}

/* Sends, and reads one answer: its head, and as much of content as that says. "" = the end. */
static const char *ask(struct desk *desk, int fd, const char *request)
{
    static char answer[8192];
    size_t have = 0, want = SIZE_MAX;
    if (*request)
        cr_assert(raw_send(fd, request, strlen(request)));
    for (int rounds = 0; have < want; rounds++) {
        ssize_t n = recv(fd, answer + have, have + 1 < sizeof(answer) ? 1 : 0, MSG_DONTWAIT);
        cr_assert(rounds < 20000, "no answer to %s", request);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        if (n < 0) {
            spin(desk);
            continue;
        }
        have += (size_t)n;
        answer[have] = '\0';
        const char *end = want == SIZE_MAX && have >= 4 ? strstr(answer, "\r\n\r\n") : NULL;
        if (!end)
            continue;
        const char *length = strstr(answer, "Content-Length: ");
        bool is_head = strncmp(request, "HEAD ", 5) == 0;
        want = have + (length && !is_head ? strtoul(length + 16, NULL, 10) : 0);
    }
    answer[have] = '\0';
    return answer;
}

static void expect_has(const char *answer, const char *text)
{
    cr_expect(strstr(answer, text), "no %s in\n%s", text, answer);
}

static void expect_lacks(const char *answer, const char *text)
{
    cr_expect(!strstr(answer, text), "%s in\n%s", text, answer);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

Test(http, answers_on_one_connection)
{
    struct desk desk;
    desk_init(&desk);
    desk_open(&desk);
    int fd = raw_connect(NULL, desk.ends.port);
    const char *answer = ask(&desk, fd, GET("/healthz"));
    cr_expect(strncmp(answer, "HTTP/1.1 200 OK\r\nDate: ", 23) == 0, "%s", answer);
    expect_has(answer, " GMT\r\n");
    expect_has(answer, "content-type: application/json\r\n");
    expect_lacks(answer, "text/plain");
    expect_lacks(answer, "Connection:");
    expect_has(answer, "Content-Length: 8\r\n");
    expect_has(answer, "\r\n\r\n{\"ok\":1}");
    answer = ask(&desk, fd, "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_expect_str_eq(desk.method, "HEAD");
    expect_has(answer, "Content-Length: 8\r\n");
    cr_expect_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    answer = ask(&desk, fd, GET("/private"));
    expect_has(answer, "401 Unauthorized");
    expect_has(answer, "WWW-Authenticate: Basic realm=\"x\"\r\n");
    expect_has(answer, "\r\n\r\nUnauthorized");
    answer = ask(&desk, fd, GET("/old"));
    expect_has(answer, "308 Permanent Redirect\r\n");
    expect_has(answer, "Location: /elsewhere\r\n");
    expect_has(answer, "Content-Length: 0\r\n");
    answer = ask(&desk, fd, GET("/nothing"));
    expect_has(answer, "204 No Content\r\n");
    expect_lacks(answer, "Content-Length");
    answer = ask(&desk, fd, "POST /what HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(desk.method, "POST");
    expect_has(answer, "405 Method Not Allowed\r\n");
    expect_has(answer, "Allow: GET, HEAD\r\n");
    expect_lacks(answer, "Allow: GET\r\n");
    answer = ask(&desk, fd, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_has(answer, "405 ");
    /* And then it is a WebSocket all the same. */
    answer = ask(&desk, fd, RAW_UPGRADE("/"));
    expect_has(answer, "101 Switching Protocols\r\n");
    expect_has(answer, "Set-Cookie: id=7\r\n");
    expect_lacks(answer, "Date:");
    while (desk.ends.connected == 0)
        spin(&desk);
    cr_expect(desk.ends.connected == 1 && desk.asked == 8 && desk.accepted == 1);
    close(fd);
    while (desk.closed == 0)
        spin(&desk);
    cr_expect(desk.errors == 0);
    fd = raw_connect(NULL, desk.ends.port);
    expect_has(ask(&desk, fd, GET("/healthz")), "200 OK\r\n");
    expect_has(ask(&desk, fd, "GET / HTTP/1.1\r\n\r\n"), "400 Bad Request\r\n");
    close(fd);
    while (desk.errors == 0)
        spin(&desk);
    cr_expect(desk.error.native_code == 400, "a refusal behind an answer: %s", desk.error.text);
    desk_done(&desk);
}

/* What ends the connection behind the answer. */
Test(http, last_answers)
{
    static const char *const requests[] = {
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        GET("/healthz") GET("/private"), /* more than one at once: the second is not read */
    };
    struct desk desk;
    desk_init(&desk);
    desk_open(&desk);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        int fd = raw_connect(NULL, desk.ends.port);
        const char *answer = ask(&desk, fd, requests[i]);
        expect_has(answer, "200 OK\r\n");
        expect_has(answer, "Connection: close\r\n");
        cr_expect(desk.asked == i + 1);
        cr_expect(shutdown(fd, SHUT_WR) == 0);
        cr_expect_str_eq(ask(&desk, fd, ""), "");
        close(fd);
    }
    cr_expect(desk.errors == 0, "a health check is no failure: %s", desk.error.text);
    int fd = raw_connect(NULL, desk.ends.port);
    expect_has(ask(&desk, fd, "GET /private HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
               "401");
    close(fd);
    for (int i = 0; desk.errors == 0 && i < 1000; i++)
        spin(&desk);
    cr_expect(desk.errors == 1 && desk.error.native_code == 401, "%d %s", desk.error.native_code,
              desk.error.text);
    desk_done(&desk);
}

/* A share for each connection: 100 requests. */
Test(http, not_for_ever)
{
    struct desk desk;
    desk_init(&desk);
    desk_open(&desk);
    int fd = raw_connect(NULL, desk.ends.port);
    unsigned count = 0;
    for (const char *answer = "";; count++) {
        answer = ask(&desk, fd, GET("/healthz"));
        cr_assert(strstr(answer, "200 OK"), "%u: %s", count, answer);
        if (strstr(answer, "Connection: close"))
            break;
        cr_assert(count < 200);
    }
    cr_expect(count == 99, "%u", count);
    close(fd);
    desk_done(&desk);
}

/* Nobody is asked about these, and nothing behind them is read as a request. */
Test(http, smuggling)
{
    static const struct {
        const char *request;
        const char *status;
    } cases[] = {
        {"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /", "400 "},
        {"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
         "400 "},
        {"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 5\r\n\r\n", "400 "},
        {"POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "400 "},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 "},
        {"GET / HTTP/1.1\r\n\r\n", "400 "},
        {"GET /\nx HTTP/1.1\r\nHost: a\r\n\r\n", "400 "},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "405 "},
        {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "405 "},
        {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "501 "},
        {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400 "},
    };
    struct desk desk;
    desk_init(&desk);
    desk_open(&desk);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = raw_connect(NULL, desk.ends.port);
        const char *answer = ask(&desk, fd, cases[i].request);
        cr_expect(strncmp(answer + 9, cases[i].status, 4) == 0, "%s\n%s", cases[i].request, answer);
        expect_has(answer, "Connection: close\r\n");
        cr_expect(desk.asked == 0);
        close(fd);
        /* Good traffic goes on. */
        fd = raw_connect(NULL, desk.ends.port);
        expect_has(ask(&desk, fd, GET("/healthz")), "200 OK");
        close(fd);
        desk.asked = 0;
    }
    desk_done(&desk);
}

/* ---- decisions that come later ----------------------------------------------------------------- */

Test(http, decided_later)
{
    struct desk desk;
    desk_init(&desk);
    desk_open(&desk);
    int fd = raw_connect(NULL, desk.ends.port);
    cr_assert(raw_send(fd, RAW_UPGRADE("/later"), strlen(RAW_UPGRADE("/later"))));
    while (!desk.held)
        spin(&desk);
    for (int i = 0; i < 20; i++)
        spin(&desk);
    cr_expect(desk.asked == 1 && desk.ends.connected == 0, "asked once");
    cr_expect_str_eq(leat_http_request_get_target(desk.held), "/later");
    cr_expect_str_eq(leat_http_request_get_header(desk.held, "upgrade"), "websocket");
    /* Others are served meanwhile. */
    int other = raw_connect(NULL, desk.ends.port);
    expect_has(ask(&desk, other, GET("/healthz")), "200 OK");
    close(other);
    cr_expect(leat_http_request_accept(desk.held, NULL, 0) == LEAT_OK);
    desk.held = NULL;
    expect_has(ask(&desk, fd, ""), "101 ");
    cr_expect(desk.ends.connected == 1);
    close(fd);
    desk_done(&desk);
}

Test(http, decided_never)
{
    struct desk desk;
    desk_init(&desk);
    cr_assert(leat_config_set_phase_timeout(desk.ends.server_config, LEAT_PHASE_UPGRADE, 200) ==
              LEAT_OK);
    desk_open(&desk);
    int fd = raw_connect(NULL, desk.ends.port);
    expect_has(ask(&desk, fd, RAW_UPGRADE("/later")), "503 Service Unavailable\r\n");
    while (desk.errors == 0)
        spin(&desk);
    cr_expect(desk.error.sys_errno == ETIMEDOUT, "%s", desk.error.text);
    cr_expect_str_eq(leat_http_request_get_target(desk.held), "");
    cr_expect(leat_http_request_answer(desk.held, 200, NULL, 0, NULL, 0) ==
              LEAT_E_SOCKET_BASE + EBADF);
    desk.held = NULL;
    close(fd);
    desk_done(&desk);
}

/* The server goes while somebody waits, or inside of the question. */
Test(http, the_server_goes)
{
    struct desk desk;
    desk_init(&desk);
    desk_open(&desk);
    int fd = raw_connect(NULL, desk.ends.port);
    cr_assert(raw_send(fd, GET("/later"), strlen(GET("/later"))));
    while (!desk.held)
        spin(&desk);
    cr_assert(leat_websocket_server_stop(desk.ends.server) == LEAT_OK);
    cr_expect(leat_http_request_accept(desk.held, NULL, 0) == LEAT_E_SOCKET_BASE + EBADF);
    desk.held = NULL;
    close(fd);
    leat_websocket_server_free(desk.ends.server);
    desk_open(&desk);
    desk.frees_server = true;
    fd = raw_connect(NULL, desk.ends.port);
    cr_assert(raw_send(fd, GET("/"), strlen(GET("/"))));
    while (desk.ends.server)
        spin(&desk);
    spin(&desk);
    close(fd);
    desk_done(&desk);
}

/* ---- slow heads ---------------------------------------------------------------------------------- */

Test(http, slow_heads_are_told_so)
{
    struct desk desk;
    desk_init(&desk);
    cr_assert(leat_config_set_phase_timeout(desk.ends.server_config, LEAT_PHASE_UPGRADE, 150) ==
              LEAT_OK);
    desk_open(&desk);
    int fd = raw_connect(NULL, desk.ends.port);
    const char *answer = ask(&desk, fd, "GET / HTTP/1.1\r\nHost:");
    expect_has(answer, "408 Request Timeout\r\n");
    expect_has(answer, "Connection: close\r\n");
    close(fd);
    /* Who has said nothing at all hears nothing. */
    fd = raw_connect(NULL, desk.ends.port);
    cr_expect_str_eq(ask(&desk, fd, ""), "");
    close(fd);
    while (desk.errors < 2)
        spin(&desk);
    cr_expect(desk.asked == 0 && desk.error.sys_errno == ETIMEDOUT);
    desk_done(&desk);
}

/* ---- origins --------------------------------------------------------------------------------------- */

#define FROM(origin)                                                                               \
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" origin "\r\n"

Test(http, origins)
{
    static const struct {
        const char *request;
        const char *status;
    } cases[] = {
        {FROM("Origin: https://example.com\r\n"), "101"},
        {FROM("Origin: HTTPS://EXAMPLE.com\r\n"), "101"},
        {FROM(""), "101"},
        {FROM("Origin: https://example.com:444\r\n"), "403"},
        {FROM("Origin: http://example.com\r\n"), "403"},
        {FROM("Origin: https://evil.com\r\n"), "403"},
        {FROM("Origin: https://example.com.evil.com\r\n"), "403"},
        {FROM("Origin: null\r\n"), "403"},
        {FROM("Origin: https://a.example.org\r\n"), "101"},
        {FROM("Origin: https://b.a.example.org\r\n"), "101"},
        {FROM("Origin: https://example.org\r\n"), "403"},
        {FROM("Origin: https://.example.org\r\n"), "403"},
        {FROM("Origin: https://evil.com/.example.org\r\n"), "403"},
        {FROM("Origin: \r\n"), "403"},
    };
    struct desk desk;
    desk_init(&desk);
    leat_config *config = desk.ends.server_config;
    cr_assert(leat_config_add_allowed_origin(config, "https://example.com") == LEAT_OK);
    cr_assert(leat_config_add_allowed_origin(config, "https://*.example.org") == LEAT_OK);
    desk_open(&desk);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = raw_connect(NULL, desk.ends.port);
        unsigned asked = desk.asked;
        const char *answer = ask(&desk, fd, cases[i].request);
        cr_expect(strncmp(answer + 9, cases[i].status, 3) == 0, "%s\n%s", cases[i].request, answer);
        cr_expect(desk.asked - asked == (cases[i].status[0] == '1'), "nobody is asked");
        close(fd);
    }
    desk_done(&desk);
}

/* ---- whose request it is -------------------------------------------------------------------------- */

static void forwarded_expect(struct desk *desk, const char *from, const char *fields,
                             const char *client)
{
    int fd = raw_connect(from, desk->ends.port);
    unsigned connected = desk->ends.connected;
    const char *request = sandbox_format(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
        fields);
    expect_has(ask(desk, fd, request), "101 ");
    for (int i = 0; desk->ends.connected == connected && i < 1000; i++)
        spin(desk);
    cr_expect_str_eq(desk->client, client, "from %s with %s: %s, not %s", from ? from : "here",
                     fields, desk->client, client);
    close(fd);
}

Test(http, x_forwarded_for)
{
    struct desk desk;
    desk_init(&desk);
    leat_config *config = desk.ends.server_config;
    cr_assert(leat_config_add_trusted_proxy(config, "127.0.0.1") == LEAT_OK);
    cr_assert(leat_config_add_trusted_proxy(config, "10.0.0.0/8") == LEAT_OK);
    cr_assert(leat_config_set_max_connections_for_one_client(config, 1) == LEAT_OK);
    desk_open(&desk);
    forwarded_expect(&desk, NULL, "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1");
    forwarded_expect(&desk, NULL, "X-Forwarded-For: 203.0.113.9, 192.0.2.2\r\n", "192.0.2.2");
    forwarded_expect(&desk, NULL, "X-Forwarded-For: 192.0.2.3, 10.1.2.3\r\n", "192.0.2.3");
    forwarded_expect(&desk, NULL, "X-Forwarded-For: 192.0.2.4\r\nX-Forwarded-For: 10.0.0.1\r\n",
                     "192.0.2.4");
    forwarded_expect(&desk, NULL, "X-Forwarded-For: [2001:db8::1]:443\r\n", "2001:db8::1");
    forwarded_expect(&desk, NULL, "X-Forwarded-For: 2001:db8:1::1\r\n", "2001:db8:1::1");
    forwarded_expect(&desk, NULL, "X-Forwarded-For: 192.0.2.5:4711\r\n", "192.0.2.5");
    forwarded_expect(&desk, NULL, "X-Forwarded-For: 192.0.2.6, unknown, 10.0.0.9\r\n", "10.0.0.9");
    forwarded_expect(&desk, NULL, "X-Forwarded-For: , ,192.0.2.7,\r\n", "192.0.2.7");
    forwarded_expect(&desk, NULL, "Forwarded: for=192.0.2.8\r\n", "127.0.0.1");
    /* Who is not trusted may say what he likes. */
    forwarded_expect(&desk, "127.0.0.2", "X-Forwarded-For: 192.0.2.1\r\n", "127.0.0.2");
    desk_done(&desk);
}

Test(http, forwarded)
{
    struct desk desk;
    desk_init(&desk);
    leat_config *config = desk.ends.server_config;
    cr_assert(leat_config_add_trusted_proxy(config, "127.0.0.0/8") == LEAT_OK);
    cr_assert(leat_config_set_forwarded_header(config, LEAT_FORWARDED_FORWARDED) == LEAT_OK);
    desk_open(&desk);
    forwarded_expect(&desk, NULL, "Forwarded: for=192.0.2.1;proto=https;by=203.0.113.43\r\n",
                     "192.0.2.1");
    forwarded_expect(&desk, NULL, "Forwarded: proto=http; For=\"[2001:db8:cafe::17]:4711\"\r\n",
                     "2001:db8:cafe::17");
    forwarded_expect(&desk, NULL, "Forwarded: for=9.9.9.9, for=192.0.2.43\r\n", "192.0.2.43");
    forwarded_expect(&desk, NULL, "Forwarded: for=9.9.9.9, for=_hidden\r\n", "127.0.0.1");
    forwarded_expect(&desk, NULL, "Forwarded: host=\"a;for=1.2.3.4\"\r\n", "127.0.0.1");
    forwarded_expect(&desk, NULL, "X-Forwarded-For: 192.0.2.1\r\n", "127.0.0.1");
    desk_done(&desk);
}

/* The one who is named is the one who is counted. */
Test(http, limits_count_whom_a_proxy_names)
{
    struct desk desk;
    desk_init(&desk);
    leat_config *config = desk.ends.server_config;
    cr_assert(leat_config_add_trusted_proxy(config, "127.0.0.1") == LEAT_OK);
    cr_assert(leat_config_set_max_connections_for_one_client(config, 1) == LEAT_OK);
    desk_open(&desk);
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = raw_connect(NULL, desk.ends.port);
    expect_has(ask(&desk, fds[0], FROM("X-Forwarded-For: 192.0.2.1\r\n")), "101 ");
    expect_has(ask(&desk, fds[1], FROM("X-Forwarded-For: 192.0.2.1\r\n")), "503 ");
    expect_has(ask(&desk, fds[2], FROM("X-Forwarded-For: 192.0.2.2\r\n")), "101 ");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    desk_done(&desk);
}

/* A proxy may bring requests of several clients by one connection. */
Test(http, each_request_has_its_own_client)
{
    struct desk desk;
    desk_init(&desk);
    cr_assert(leat_config_add_trusted_proxy(desk.ends.server_config, "127.0.0.1") == LEAT_OK);
    desk_open(&desk);
    int fd = raw_connect(NULL, desk.ends.port);
    (void)ask(&desk, fd, "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
    cr_expect_str_eq(desk.client, "192.0.2.1");
    (void)ask(&desk, fd, GET("/healthz"));
    cr_expect_str_eq(desk.client, "127.0.0.1");
    (void)ask(&desk, fd, FROM("X-Forwarded-For: 192.0.2.2\r\n"));
    cr_expect_str_eq(desk.client, "192.0.2.2");
    close(fd);
    desk_done(&desk);
}

/* Who was let in meanwhile counts. */
Test(http, decided_later_than_others)
{
    struct desk desk;
    desk_init(&desk);
    cr_assert(leat_config_set_max_concurrent_clients_number(desk.ends.server_config, 1) == LEAT_OK);
    desk_open(&desk);
    int fds[2];
    leat_http_request *held[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = raw_connect(NULL, desk.ends.port);
        desk.held = NULL;
        cr_assert(raw_send(fds[i], RAW_UPGRADE("/later"), strlen(RAW_UPGRADE("/later"))));
        while (!desk.held)
            spin(&desk);
        held[i] = desk.held;
    }
    desk.held = NULL;
    cr_expect(leat_http_request_accept(held[1], NULL, 0) == LEAT_OK);
    cr_expect(leat_http_request_accept(held[0], NULL, 0) == LEAT_E_SOCKET_BASE + EUSERS);
    expect_has(ask(&desk, fds[1], ""), "101 ");
    expect_has(ask(&desk, fds[0], ""), "503 ");
    close(fds[0]);
    close(fds[1]);
    desk_done(&desk);
}
