/* SPDX-License-Identifier: Apache-2.0 */
/* Upgrades that are refused, and where redirects lead. */
#include "peers/common.h"

PEERS_SUITE(refusals);

static const struct server_options plain = {0};
static const struct server_options tls = {.cert = "server.pem"};

/* ---- what can be read of a refusal
 * ----------------------------------------------------------------- */

static void status_expect(struct client_run *run, const char *url, int status)
{
    int code = client_run_refused(run, url);
    cr_expect(code == LEAT_E_WS_CONNECT && run->close.error.native_code == status, "%d: %s", code,
              run->close.error.text);
    cr_expect(leat_websocket_get_http_status(run->ws) == status, "%d",
              leat_websocket_get_http_status(run->ws));
}

static void python_refuses(const struct server_options *server, int status)
{
    struct client_run run;
    size_t len = 0;
    client_run_init(&run);
    status_expect(&run,
                  url_of(server->cert ? "wss" : "ws", python_server_start(server),
                         sandbox_format("/status?code=%d", status)),
                  status);
    const char *reason = leat_websocket_get_http_header(run.ws, "x-reason");
    cr_expect(reason && strcmp(reason, "the test wants it") == 0, "%s", reason);
    const char *body = leat_websocket_get_http_body(run.ws, &len);
    cr_expect(len == 3 && strcmp(body, "no\n") == 0, "%zu bytes: %s", len, body);
    client_run_done(&run);
}

Test(refusals, python)
{
    python_refuses(&plain, 401);
    python_refuses(&plain, 403);
    python_refuses(&tls, 503);
}

Test(refusals, nginx_cannot_reach_the_server)
{
    struct client_run run;
    client_run_init(&run);
    status_expect(&run, url_of("wss", nginx_start(&tls, refusing_port()), "/"), 502);
    cr_expect(strstr(leat_websocket_get_http_body(run.ws, NULL), "502 Bad Gateway"), "%s",
              leat_websocket_get_http_body(run.ws, NULL));
    const char *server = leat_websocket_get_http_header(run.ws, "Server");
    cr_expect(server && strncmp(server, "nginx", 5) == 0, "%s", server);
    client_run_done(&run);
}

Test(refusals, squid_says_why)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(
                  run.config, sandbox_format("http://127.0.0.1:%u", squid_start(NULL, NULL))) == 0);
    int code = client_run_refused(&run, url_of("wss", refusing_port(), "/"));
    cr_expect(code == LEAT_E_WS_CONNECT && run.close.error.layer == LEAT_LAYER_HTTP_PROXY, "%d: %s",
              code, run.close.error.text);
    const char *name = leat_websocket_get_http_header(run.ws, "X-Squid-Error");
    cr_expect(name && strncmp(name, "ERR_CONNECT_FAIL", 16) == 0, "%s", name);
    cr_expect(strstr(leat_websocket_get_http_body(run.ws, NULL), "<html"));
    client_run_done(&run);
}

/* ---- redirects
 * ------------------------------------------------------------------------------------- */

/* A peer that redirects every request to `location`. Its script outlives it. */
static leat_testing_server *redirecting(const char *location)
{
    static struct leat_script_row scripts[2][3];
    static size_t count;
    cr_assert(count < 2, "more than two redirecting peers in one test");
    struct leat_script_row *script = scripts[count++];
    const char *answer =
        sandbox_format("HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", location);
    script[0] = (struct leat_script_row){LEAT_SCRIPT_READ_HTTP_HEAD};
    script[1] = (struct leat_script_row){LEAT_SCRIPT_SEND, .data = answer, .len = strlen(answer)};
    script[2] = (struct leat_script_row){LEAT_SCRIPT_CLOSE};
    return script_server_start(script);
}

static void headers_add(leat_config *config)
{
    cr_assert(leat_config_add_header(config, "Authorization", "Bearer s3cret") == LEAT_OK);
    cr_assert(leat_config_add_header(config, "Cookie", "id=s3cret") == LEAT_OK);
    cr_assert(leat_config_add_header(config, "proxy-authorization", "Basic s3cret") == LEAT_OK);
    cr_assert(leat_config_add_header(config, "X-Other", "stays") == LEAT_OK);
}

Test(refusals, redirect_is_not_followed_unless_asked_for)
{
    struct client_run run;
    leat_testing_server *first = redirecting(url_of("ws", python_server_start(&plain), "/echo"));
    client_run_init(&run);
    status_expect(&run, url_of("ws", leat_testing_server_get_port(first), "/"), 302);
    cr_expect(leat_websocket_get_http_header(run.ws, "Location"));
    client_run_done(&run);
    leat_testing_server_free(first);
}

Test(refusals, redirect_is_followed_and_carries_no_credentials_elsewhere)
{
    struct client_run run;
    struct leat_testing_seen seen;
    leat_testing_server *first = redirecting(url_of("wss", python_server_start(&tls), "/headers"));
    client_run_init(&run);
    headers_add(run.config);
    cr_assert(leat_config_set_max_redirects(run.config, 1) == LEAT_OK);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(first), "/"));
    client_run_until_messages(&run, 1);
    const char *headers = (const char *)run.messages[0].data;
    cr_expect(strstr(headers, "X-Other: stays\n"), "%s", headers);
    cr_expect(!strstr(headers, "s3cret"), "another port got\n%s", headers);
    leat_testing_server_get_seen(first, &seen);
    cr_expect(strstr(seen.http_head, "Bearer s3cret"), "%s", seen.http_head);
    client_run_close(&run);
    client_run_done(&run);
    leat_testing_server_free(first);
}

Test(refusals, redirects_are_counted)
{
    struct client_run run;
    leat_testing_server *last = redirecting(url_of("ws", python_server_start(&plain), "/echo"));
    leat_testing_server *first = redirecting(url_of("ws", leat_testing_server_get_port(last), "/"));
    client_run_init(&run);
    cr_assert(leat_config_set_max_redirects(run.config, 1) == LEAT_OK);
    status_expect(&run, url_of("ws", leat_testing_server_get_port(first), "/"), 302);
    cr_assert(leat_config_set_max_redirects(run.config, 2) == LEAT_OK);
    run.closed_count = 0;
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(first), "/"));
    client_run_echo(&run, "there at last");
    client_run_close(&run);
    client_run_done(&run);
    leat_testing_server_free(first);
    leat_testing_server_free(last);
}

static void redirect_text_expect(const char *url, unsigned redirects, const char *expected)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_max_redirects(run.config, redirects) == LEAT_OK);
    (void)client_run_refused(&run, url);
    cr_expect(strstr(run.close.error.text, expected), "%s, not %s", run.close.error.text, expected);
    cr_expect(!strstr(run.close.error.text, "s3cret"), "%s", run.close.error.text);
    client_run_done(&run);
}

/* How many were followed and where to, whatever went wrong there; a query may hold a token. */
Test(refusals, the_text_tells_the_way_of_redirects)
{
    uint16_t nobody = refusing_port();
    leat_testing_server *last =
        redirecting(sandbox_format("ws://127.0.0.1:%u/three?token=s3cret", nobody));
    uint16_t last_port = leat_testing_server_get_port(last);
    leat_testing_server *first =
        redirecting(sandbox_format("ws://127.0.0.1:%u/two?token=s3cret", last_port));
    const char *url = url_of("ws", leat_testing_server_get_port(first), "/one?token=s3cret");
    redirect_text_expect(url, 0,
                         sandbox_format("the server answered HTTP 302 Found, to "
                                        "ws://127.0.0.1:%u/two; redirects are not followed",
                                        last_port));
    redirect_text_expect(url, 1,
                         sandbox_format("after 1 redirect, at ws://127.0.0.1:%u/two: the server "
                                        "answered HTTP 302 Found, to ws://127.0.0.1:%u/three; no "
                                        "more redirects are followed",
                                        last_port, nobody));
    redirect_text_expect(url, 2,
                         sandbox_format("after 2 redirects, at ws://127.0.0.1:%u/three: "
                                        "127.0.0.1:%u: ECONNREFUSED",
                                        nobody, nobody));
    leat_testing_server_free(first);
    leat_testing_server_free(last);
}

/* The second place must not be asked at all. */
static void redirect_refused(const char *scheme, const char *location, uint16_t nobody, int code,
                             void (*configure)(leat_config *config))
{
    struct leat_testing_tls good = {.cert_path = certificate_path("server.pem"),
                                    .key_path = certificate_path("server.key")};
    const char *answer =
        sandbox_format("HTTP/1.1 307 x\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", location);
    const struct leat_script_row over_tls[] = {
        {LEAT_SCRIPT_TLS_ACCEPT, .tls = &good},
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND, .data = answer, .len = strlen(answer)},
        {LEAT_SCRIPT_CLOSE}};
    bool is_tls = strcmp(scheme, "wss") == 0;
    leat_testing_server *first = script_server_start(is_tls ? over_tls : over_tls + 1);
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_max_redirects(run.config, 5) == LEAT_OK);
    if (configure)
        configure(run.config);
    int found = client_run_refused(&run, url_of(scheme, leat_testing_server_get_port(first), "/"));
    cr_expect(found == code, "%s: %d: %s", location, found, run.close.error.text);
    cr_expect(!strstr(run.trace, sandbox_format(":%u", nobody)), "%s", run.trace);
    client_run_done(&run);
    leat_testing_server_free(first);
}

static void localhost_denied(leat_config *config)
{
    cr_assert(leat_config_add_denied_domain(config, "localhost") == LEAT_OK);
}

Test(refusals, redirects_that_must_not_be_followed)
{
    uint16_t nobody = refusing_port();
    redirect_refused("wss", url_of("ws", nobody, "/"), nobody, LEAT_E_WS_CONNECT, NULL);
    redirect_refused("wss", sandbox_format("http://127.0.0.1:%u/", nobody), nobody,
                     LEAT_E_WS_CONNECT, NULL);
    redirect_refused("ws", sandbox_format("ftp://127.0.0.1:%u/", nobody), nobody, LEAT_E_WS_URL,
                     NULL);
    redirect_refused("ws", sandbox_format("ws://localhost:%u/", nobody), nobody, LEAT_E_WS_DOMAIN,
                     localhost_denied);
}

Test(refusals, redirect_to_itself_ends)
{
    struct client_run run;
    leat_testing_server *peer = redirecting("/again");
    client_run_init(&run);
    cr_assert(leat_config_set_max_redirects(run.config, 20) == LEAT_OK);
    status_expect(&run, url_of("ws", leat_testing_server_get_port(peer), "/"), 302);
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.connections == 21, "%u", seen.connections);
    client_run_done(&run);
    leat_testing_server_free(peer);
}
