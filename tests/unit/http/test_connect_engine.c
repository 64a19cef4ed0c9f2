/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connect_engine.h"

#include "support/alloc_failure.h"
#include "support/connect_auth.h"
#include "support/mutation.h"
#include "util/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(http_connect_engine, .timeout = 30);

static const struct leati_http_connect_options plain = {.host = "example.com", .port = 443};

static void engine_start(struct leati_http_connect_engine *engine,
                         const struct leati_http_connect_options *options)
{
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert_eq(leati_http_connect_engine_init(engine, options, &failure), LEAT_OK, "%s",
                 failure.text);
}

/* The whole request, in `buf`; takes it out `step` bytes at a time. */
static const char *request_of(const struct leati_http_connect_options *options, size_t step,
                              char *buf, size_t cap)
{
    struct leati_http_connect_engine engine;
    const uint8_t *data = NULL;
    size_t len;
    size_t pos = 0;

    engine_start(&engine, options);
    while ((len = leati_engine_output(&engine.base, &data)) > 0) {
        if (len > step)
            len = step;
        cr_assert_lt(pos + len, cap);
        memcpy(buf + pos, data, len);
        pos += len;
        leati_engine_sent(&engine.base, len);
    }
    buf[pos] = '\0';
    cr_assert_eq(engine.base.state, LEATI_HTTP_CONNECT_RECV_HEAD);
    cr_assert_null(engine.request, "the request outlives its sending");
    leati_engine_done(&engine.base);
    return buf;
}

#define AGENT "User-Agent: leat/"

Test(http_connect_engine, request)
{
    char buf[2048];
    char expected[512];

    snprintf(expected, sizeof(expected),
             "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n" AGENT "%s\r\n\r\n",
             leat_version());
    for (size_t step = 1; step < sizeof(buf); step *= 2)
        cr_assert_str_eq(request_of(&plain, step, buf, sizeof(buf)), expected);
}

Test(http_connect_engine, request_with_credentials_and_headers)
{
    static const struct leati_http_field headers[] = {
        {"X-Trace", "a b\xc3\xa9"},
        {"user-agent", "curl/8"},
        {"X-Empty", ""},
    };
    /* the example of RFC 7617 section 2 */
    const struct leati_http_connect_options options = {
        .host = "10.0.0.1",
        .port = 80,
        .auth = connect_auth_new("Aladdin", "open sesame", true),
        .headers = headers,
        .header_count = 3,
    };
    char buf[2048];

    cr_assert_str_eq(request_of(&options, 4096, buf, sizeof(buf)),
                     "CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: 10.0.0.1:80\r\n"
                     "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
                     "X-Trace: a b\xc3\xa9\r\nuser-agent: curl/8\r\nX-Empty: \r\n\r\n");
    leati_http_auth_unref(options.auth);
}

Test(http_connect_engine, user_agent)
{
    static const struct leati_http_field own = {"User-AGENT", "own/2"};
    struct leati_http_connect_options options = {.host = "a", .port = 1, .user_agent = "mine/1"};
    char buf[2048];

    cr_assert(strstr(request_of(&options, 4096, buf, sizeof(buf)), "\r\nUser-Agent: mine/1\r\n"));
    options.headers = &own;
    options.header_count = 1;
    cr_assert_null(strstr(request_of(&options, 4096, buf, sizeof(buf)), "mine/1"));
    options.header_count = 0;
    options.user_agent = "";
    cr_assert_null(strcasestr(request_of(&options, 4096, buf, sizeof(buf)), "user-agent"));
}

Test(http_connect_engine, destinations)
{
    static const char *const cases[][2] = {
        {"example.com", "CONNECT example.com:443 "},
        {"example.com.", "CONNECT example.com:443 "},
        {"xn--bcher-kva.test", "CONNECT xn--bcher-kva.test:443 "},
        {"::1", "CONNECT [::1]:443 "},
        {"[2001:db8::1]", "CONNECT [2001:db8::1]:443 "},
        {"fe80::1%eth0", "CONNECT [fe80::1]:443 "},
        {"[::ffff:192.0.2.1]", "CONNECT 192.0.2.1:443 "},
        {"[fe80::1%\r\nX: y]", "CONNECT [fe80::1]:443 "},
    };
    char buf[2048];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct leati_http_connect_options options = {.host = cases[i][0], .port = 443};
        request_of(&options, 4096, buf, sizeof(buf));
        cr_expect_eq(strncmp(buf, cases[i][1], strlen(cases[i][1])), 0, "%s: %s", cases[i][0], buf);
    }
}

Test(http_connect_engine, empty_passwords_are_credentials)
{
    char buf[2048];

    struct leati_http_connect_options options = plain;
    options.auth = connect_auth_new("user", NULL, true);
    cr_assert_neq(strstr(request_of(&options, 4096, buf, sizeof(buf)), "Basic dXNlcjo=\r\n"), NULL);
    leati_http_auth_unref(options.auth);
    options.auth = connect_auth_new("", "x", true);
    cr_assert_neq(strstr(request_of(&options, 4096, buf, sizeof(buf)), "Basic Ong=\r\n"), NULL);
    leati_http_auth_unref(options.auth);
}

/* ---- nothing can be injected ------------------------------------------------------------ */

static void check_refused(const struct leati_http_connect_options *options, const char *what)
{
    struct leati_http_connect_engine engine;
    struct leati_failure failure;

    leati_failure_init(&failure);
    int result = leati_http_connect_engine_init(&engine, options, &failure);
    cr_expect_eq(result, LEAT_E_PARAMETER, "%s: %d", what, result);
    cr_expect_eq(failure.code, LEAT_E_PARAMETER);
    cr_expect_eq(failure.layer, LEAT_LAYER_HTTP_PROXY);
    cr_expect(failure.text && *failure.text);
    cr_expect_null(strstr(failure.text, "secret"));
    cr_expect_null(engine.request);
    leati_failure_done(&failure);
}

Test(http_connect_engine, every_byte_in_the_host)
{
    for (int byte = 1; byte < 256; byte++) {
        char host[8];
        snprintf(host, sizeof(host), "a%cb", byte);
        const struct leati_http_connect_options options = {.host = host, .port = 1};
        bool ok = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                  (byte >= 'A' && byte <= 'Z') || strchr("-._", byte);
        if (ok) {
            char buf[512];
            request_of(&options, 4096, buf, sizeof(buf));
        } else {
            check_refused(&options, host);
        }
    }
}

Test(http_connect_engine, refused_destinations)
{
    static const char *const hosts[] = {"", ".", "[]", "[::1", "::1]x", ":", "1::2::3", "a:80"};
    char longest[257];

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        const struct leati_http_connect_options options = {.host = hosts[i], .port = 443};
        check_refused(&options, hosts[i]);
    }
    memset(longest, 'a', 256);
    longest[256] = '\0';
    check_refused(&(struct leati_http_connect_options){.host = longest, .port = 443}, "256 bytes");
    check_refused(&(struct leati_http_connect_options){.host = "a", .port = 0}, "port 0");
}

Test(http_connect_engine, refused_credentials_and_headers)
{
    static const struct leati_http_field fields[] = {
        {"X-A", "b\r\nX-Secret: c"},
        {"X-A", "b\nc"},
        {"X-A", "\x7f"},
        {"X-A\r\nX-B", "c"},
        {"X A", "c"},
        {"", "c"},
        {"X-A:", "c"},
        {"host", "other.example"},
        {"CONTENT-LENGTH", "5"},
        {"Transfer-Encoding", "chunked"},
    };
    struct leati_http_connect_options options = plain;

    options.header_count = 1;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        options.headers = &fields[i];
        check_refused(&options, fields[i].name);
    }
    options.headers = &(struct leati_http_field){"Proxy-Authorization", "Bearer x"};
    options.auth = connect_auth_new("user", NULL, false);
    check_refused(&options, "authorization twice");
    leati_http_auth_unref(options.auth);

    options = plain;
    static const char *const pairs[][3] = {
        {"us:er", NULL, "a colon"},
        {"us\ner", NULL, "LF in the user"},
        {"user", "secret\r\n", "CRLF in the password"},
        {NULL, "secret", "no user"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        options.auth = connect_auth_new(pairs[i][0], pairs[i][1], false);
        check_refused(&options, pairs[i][2]);
        leati_http_auth_unref(options.auth);
    }
}

Test(http_connect_engine, request_has_a_limit)
{
    static char value[LEATI_HTTP_CONNECT_REQUEST_MAX_BYTES];
    static char buf[LEATI_HTTP_CONNECT_REQUEST_MAX_BYTES + 1];
    struct leati_http_field header = {"X", value};
    struct leati_http_connect_options options = plain;

    options.headers = &header;
    options.header_count = 1;
    size_t rest = LEATI_HTTP_CONNECT_REQUEST_MAX_BYTES - strlen(request_of(&options, 99, buf, 999));
    memset(value, 'v', rest);
    cr_assert_eq(strlen(request_of(&options, 99999, buf, sizeof(buf))),
                 LEATI_HTTP_CONNECT_REQUEST_MAX_BYTES);
    value[rest] = 'v';
    check_refused(&options, "one byte too long");
}

/* ---- responses -------------------------------------------------------------------------- */

/* An engine that has sent its request and is fed `data` in steps; returns how much it used. */
static size_t engine_run(struct leati_http_connect_engine *engine, const char *data, size_t len,
                         size_t step)
{
    const uint8_t *request;
    size_t pos = 0;

    leati_engine_sent(&engine->base, leati_engine_output(&engine->base, &request));
    while (pos < len && (engine->base.state == LEATI_HTTP_CONNECT_RECV_HEAD ||
                         engine->base.state == LEATI_HTTP_CONNECT_RECV_BODY)) {
        size_t n = len - pos < step ? len - pos : step;
        size_t used;
        uint8_t *piece = malloc(n);
        memcpy(piece, data + pos, n);
        leati_engine_feed(&engine->base, piece, n, &used);
        free(piece);
        pos += used;
    }
    return pos;
}

#define HINT "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"

Test(http_connect_engine, every_2xx_is_a_tunnel_without_a_body)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 200 OK\nVia: lf\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 299 Sure\r\n\r\n",
        "HTTP/1.2 200 OK\r\nVia: 1.1 a,\r\n\t1.1 b\r\n\r\n",
        "HTTP/1.1 103 Hints\r\nContent-Length: 9\r\nLink: <x>,\r\n <y>\r\n\r\nHTTP/1.1 204 "
        "OK\r\n\r\n",
        HINT "HTTP/1.1 100 Continue\r\n\r\n" HINT "HTTP/1.1 200 OK\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        size_t head_len = strlen(heads[i]);
        char data[256];
        size_t len = (size_t)snprintf(data, sizeof(data), "%s\x16\x03HTTP/1.1 403 No", heads[i]);
        for (size_t step = 1; step <= len; step++) {
            struct leati_http_connect_engine engine;
            engine_start(&engine, &plain);
            cr_assert_eq(engine_run(&engine, data, len, step), head_len, "head %zu, step %zu", i,
                         step);
            cr_assert_eq(engine.base.state, LEATI_HTTP_CONNECT_DONE);
            cr_assert_eq(engine.status / 100, 2);
            cr_assert_eq(engine.base.code, LEAT_OK);
            leati_engine_done(&engine.base);
        }
        for (size_t cut = 0; cut < head_len; cut++) {
            struct leati_http_connect_engine engine;
            engine_start(&engine, &plain);
            cr_assert_eq(engine_run(&engine, data, cut, 7), cut);
            cr_assert_eq(engine.base.state, LEATI_HTTP_CONNECT_RECV_HEAD);
            leati_engine_end(&engine.base);
            cr_assert_eq(engine.base.state, LEATI_HTTP_CONNECT_FAILED);
            cr_assert_eq(engine.base.code, LEAT_E_WS_CONNECT);
            leati_engine_done(&engine.base);
        }
    }
}

struct refusal_case {
    const char *data;
    int status;
    const char *text; /* behind "the proxy answered CONNECT example.com:443 " */
    const char *body;
};

static const struct refusal_case refusals[] = {
    {"HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\nno way\n", 403, "with HTTP 403 Forbidden",
     "no way\n"},
    {"HTTP/1.0 502\r\n\r\nwhy", 502, "with HTTP 502", "why"},
    {"HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n", 302, "with HTTP 302 Found", ""},
    {"HTTP/1.1 101 Switching Protocols\r\n\r\nx", 101, "with HTTP 101 Switching Protocols", ""},
    {HINT "HTTP/1.1 503 Go\x1b[31m away\r\n\r\n", 0,
     "with a malformed head: byte 0x1b in the status line", ""},
    {"HTTP/1.1 503 Go \xc3\xa9\r\n\r\n", 503, "with HTTP 503 Go ??", ""},
    {"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"lab\"\r\n"
     "proxy-authenticate: Negotiate\r\nContent-Length: 2\r\n\r\nhm",
     407,
     "with HTTP 407 Proxy Authentication Required; it asks for Basic realm=\"lab\", Negotiate; "
     "Negotiate is not allowed by the program; no credentials are configured",
     "hm"},
    {"HTTP/1.1 407 Who\r\n\r\n", 407,
     "with HTTP 407 Who; it names no authentication scheme; no credentials are configured", ""},
    {"HTTP/1.1 407 Who\r\nProxy-Authenticate: "
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234\r\n"
     "\r\n",
     407,
     "with HTTP 407 Who; it asks for "
     "01234567890123456789012345678901234567890123456789012345678901234567890123456...; "
     "012345678901234567890... is not known here; no credentials are configured",
     ""},
    {"HTTP/1.1 401 Unauthorized\r\n\r\n", 401,
     "with HTTP 401 Unauthorized; no credentials are configured", ""},
    {"SSH-2.0-OpenSSH\r\n", 0,
     "with a malformed head: not an HTTP response: byte 0 is 0x53 instead of 'H'", ""},
    {"\x15\x03\x03", 0,
     "with a malformed head: byte 0x15 in the status line (a TLS alert: the proxy expects TLS)",
     ""},
    {"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", 200,
     "with a malformed head: white space before the colon of header field 1", ""},
};

Test(http_connect_engine, everything_else_is_a_refusal)
{
    static const char prefix[] = "the proxy answered CONNECT example.com:443 ";

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal_case *c = &refusals[i];
        for (size_t step = 1; step <= strlen(c->data); step++) {
            struct leati_http_connect_engine engine;
            size_t body_len;
            struct leati_http_connect_options options = plain;
            options.auth = connect_auth_new(NULL, NULL, true);
            engine_start(&engine, &options);
            leati_http_auth_unref(options.auth);
            engine_run(&engine, c->data, strlen(c->data), step);
            leati_engine_end(&engine.base);
            cr_expect_eq(engine.base.state, LEATI_HTTP_CONNECT_FAILED);
            cr_expect_eq(engine.base.code, LEAT_E_WS_CONNECT);
            cr_expect_eq(engine.status, c->status, "case %zu: %d", i, engine.status);
            cr_expect_eq(strncmp(engine.text, prefix, strlen(prefix)), 0);
            cr_expect_str_eq(engine.text + strlen(prefix), c->text, "case %zu", i);
            cr_expect_str_eq(leati_http_body_bytes(&engine.body, &body_len), c->body);
            leati_engine_done(&engine.base);
        }
    }
}

Test(http_connect_engine, refused_credentials_are_told_from_missing_ones)
{
    static const char data[] = "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n";
    struct leati_http_connect_engine engine;
    struct leati_http_connect_options options = plain;

    options.auth = connect_auth_new("user", "secret", true);
    engine_start(&engine, &options);
    leati_http_auth_unref(options.auth);
    engine_run(&engine, data, sizeof(data) - 1, 4096);
    cr_assert_eq(engine.base.state, LEATI_HTTP_CONNECT_FAILED, "there is nothing to wait for");
    cr_assert_neq(strstr(engine.text, "; credentials were sent"), NULL);
    cr_assert_null(strstr(engine.text, "secret"));
    leati_engine_done(&engine.base);
}

Test(http_connect_engine, interim_responses_have_a_limit)
{
    char data[4096];
    size_t pos = 0;
    struct leati_http_connect_engine engine;

    for (unsigned i = 0; i <= LEATI_HTTP_CONNECT_MAX_INTERIM; i++)
        leati_text_append(data, sizeof(data), &pos, "HTTP/1.1 100 Continue\r\n\r\n");
    engine_start(&engine, &plain);
    engine_run(&engine, data, pos, 4096);
    cr_assert_eq(engine.base.state, LEATI_HTTP_CONNECT_FAILED);
    cr_assert_neq(strstr(engine.text, "more than 16 interim"), NULL);
    leati_engine_done(&engine.base);
}

Test(http_connect_engine, a_head_without_end_has_a_limit)
{
    struct leati_http_connect_engine engine;
    char line[1024];
    size_t fed = 0;

    engine_start(&engine, &plain);
    engine_run(&engine, "HTTP/1.1 200 OK\r\n", 17, 17);
    memset(line, 'v', sizeof(line));
    line[0] = 'X';
    line[1] = ':';
    line[sizeof(line) - 1] = '\n';
    while (engine.base.state == LEATI_HTTP_CONNECT_RECV_HEAD && fed < 1000000) {
        size_t used;
        leati_engine_feed(&engine.base, (const uint8_t *)line, sizeof(line), &used);
        fed += sizeof(line);
    }
    cr_assert_eq(engine.base.state, LEATI_HTTP_CONNECT_FAILED);
    cr_assert_leq(fed, LEATI_HTTP_HEAD_MAX_BYTES + sizeof(line));
    leati_engine_done(&engine.base);
}

Test(http_connect_engine, damaged_responses)
{
    static const char data[] = HINT
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    struct mutation mutation;

    mutation_init(&mutation, 2);
    for (int i = 0; i < 20000; i++) {
        struct leati_http_connect_engine engine;
        size_t len = mutation_next(&mutation, data, sizeof(data) - 1);
        engine_start(&engine, &plain);
        size_t used = engine_run(&engine, (const char *)mutation.bytes, len, 1 + len / 3);
        cr_assert_leq(used, len);
        if (engine.base.state != LEATI_HTTP_CONNECT_DONE) {
            leati_engine_end(&engine.base);
            cr_assert_eq(engine.base.code, LEAT_E_WS_CONNECT);
            for (const char *c = engine.text; *c; c++)
                cr_assert(*c >= ' ' && *c <= '~');
        }
        leati_engine_done(&engine.base);
    }
}

static bool attempt(void)
{
    static const char data[] = "HTTP/1.1 407 No\r\nA: b\r\nContent-Length: 5\r\n\r\nhello";
    struct leati_http_connect_engine engine;
    struct leati_http_connect_options options = plain;
    struct leati_failure failure;

    options.auth = connect_auth_new("user", NULL, true);
    if (!options.auth)
        return false;
    leati_failure_init(&failure);
    int result = leati_http_connect_engine_init(&engine, &options, &failure);
    cr_assert(result == LEAT_OK || result == LEAT_E_SYSTEM_INTERNAL);
    if (result == LEAT_OK) {
        const uint8_t *request;
        size_t used;
        leati_engine_sent(&engine.base, leati_engine_output(&engine.base, &request));
        leati_engine_feed(&engine.base, (const uint8_t *)data, sizeof(data) - 1, &used);
        cr_assert_eq(engine.base.state, LEATI_HTTP_CONNECT_FAILED);
        result = engine.base.code;
        cr_assert(result == LEAT_E_WS_CONNECT || result == LEAT_E_SYSTEM_INTERNAL);
    }
    leati_engine_done(&engine.base);
    leati_http_auth_unref(options.auth);
    leati_failure_done(&failure);
    return result == LEAT_E_WS_CONNECT;
}

Test(http_connect_engine, lack_of_memory)
{
    cr_assert_geq(alloc_failure_run_all(attempt), 5);
}
