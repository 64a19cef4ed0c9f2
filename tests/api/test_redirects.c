/* SPDX-License-Identifier: Apache-2.0 */
/* leat_config_set_max_redirects(): which answers are followed, where to, how often, and what does
 * not go along. */
#include "integration/common.h"
#include "support/still_clock.h"

#include <stdlib.h>

INTEGRATION_SUITE(redirects);

#define SCRIPT_STEPS 6

static const struct leat_script_row echo_script[] = {
    LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};

/* A script that answers with a redirect. Lives as long as the test. */
static const struct leat_script_row *redirect_script(const char *fields, unsigned status)
{
    static struct leat_script_row scripts[LEAT_TESTING_SCRIPTS_MAX * 2][SCRIPT_STEPS];
    static size_t used;
    const char *answer =
        sandbox_format("HTTP/1.1 %u Elsewhere\r\n%sContent-Length: 5\r\n\r\nthere", status, fields);
    cr_assert(used < sizeof(scripts) / sizeof(scripts[0]));
    struct leat_script_row *script = scripts[used++];
    script[0] = (struct leat_script_row){LEAT_SCRIPT_READ_HTTP_HEAD};
    script[1] = (struct leat_script_row){LEAT_SCRIPT_SEND, .data = answer, .len = strlen(answer)};
    script[2] = (struct leat_script_row){LEAT_SCRIPT_CLOSE};
    return script;
}

static const struct leat_script_row *redirect_to(const char *location, unsigned status)
{
    return redirect_script(sandbox_format("Location: %s\r\n", location), status);
}

/* A peer that redirects once and then is an echo server. */
static leat_testing_server *redirecting_peer(const char *location, unsigned status)
{
    return script_server_new(
        &(struct leat_testing_options){.scripts = {redirect_to(location, status), echo_script}});
}

static void follow(struct client_run *run, unsigned redirects)
{
    client_run_init(run);
    cr_assert(leat_config_set_max_redirects(run->config, redirects) == LEAT_OK);
}

static void head_expect(leat_testing_server *peer, const char *request_line)
{
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(strncmp(seen.http_head, request_line, strlen(request_line)) == 0, "%s instead of %s",
              seen.http_head, request_line);
}

/* ---- what is followed
 * ---------------------------------------------------------------------------- */

static void followed_expect(const char *location, unsigned status, const char *request_line)
{
    struct client_run run;
    struct leat_testing_seen seen;
    leat_testing_server *peer = redirecting_peer(location, status);
    follow(&run, 1);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/a/b?q=1"));
    cr_expect(leat_websocket_get_http_status(run.ws) == 101);
    client_run_echo(&run, "there");
    client_run_close(&run);
    cr_expect(run.opened_count == 1 && run.closed_count == 1);
    peer_content_expect(peer);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.connections == 2, "%u", seen.connections);
    head_expect(peer, request_line);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(redirects, each_status)
{
    static const unsigned statuses[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); ++i)
        followed_expect("/there?x=1", statuses[i], "GET /there?x=1 HTTP/1.1\r\n");
}

Test(redirects, relative_references)
{
    followed_expect("c", 302, "GET /a/c HTTP/1.1\r\n");
    followed_expect("../c", 302, "GET /c HTTP/1.1\r\n");
    followed_expect("../../../c", 302, "GET /c HTTP/1.1\r\n");
    followed_expect("?r=2", 302, "GET /a/b?r=2 HTTP/1.1\r\n");
    followed_expect("/", 302, "GET / HTTP/1.1\r\n");
}

/* From one peer to another, by a URL with its scheme. */
static void absolute_expect(const char *format)
{
    struct client_run run;
    leat_testing_server *target = script_server_start(echo_script);
    uint16_t port = leat_testing_server_get_port(target);
    const char *location = sandbox_format("%s127.0.0.1:%u/x", format, port);
    leat_testing_server *peer = redirecting_peer(location, 307);
    follow(&run, 1);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    client_run_echo(&run, location);
    client_run_close(&run);
    peer_content_expect(target);
    head_expect(target, sandbox_format("GET /x HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n", port));
    client_run_done(&run);
    leat_testing_server_free(peer);
    leat_testing_server_free(target);
}

Test(redirects, absolute_references)
{
    absolute_expect("ws://");
    absolute_expect("http://");
    absolute_expect("HTTP://");
    absolute_expect("Ws://");
    absolute_expect("//");
}

Test(redirects, from_ws_to_wss)
{
    static struct leat_testing_tls tls;
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls}, LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_TLS_CLOSE_NOTIFY},        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    tls.cert_path = certificate_path("server.pem");
    tls.key_path = certificate_path("server.key");
    leat_testing_server *target = script_server_start(script);
    leat_testing_server *peer =
        redirecting_peer(url_of("wss", leat_testing_server_get_port(target), "/x"), 301);
    follow(&run, 1);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    client_run_echo(&run, "safe");
    client_run_close(&run);
    client_run_done(&run);
    leat_testing_server_free(peer);
    leat_testing_server_free(target);
}

Test(redirects, what_was_posted_waits_for_the_last_hop)
{
    struct client_run run;
    leat_testing_server *peer = redirecting_peer("/there", 302);
    follow(&run, 3);
    cr_assert(leat_websocket_post(run.ws, LEAT_MESSAGE_TEXT, "early", 5) == LEAT_OK);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    client_run_until_messages(&run, 1);
    cr_expect(strcmp((char *)run.messages[0].data, "early") == 0);
    client_run_close(&run);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* ---- what is not
 * --------------------------------------------------------------------------------- */

/* The answer is a refused upgrade, and its parts can be read. */
static void refused_expect(struct client_run *run, leat_testing_server *peer, unsigned redirects,
                           unsigned connections, int status)
{
    struct leat_testing_seen seen;
    follow(run, redirects);
    int code = client_run_refused(run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(code == LEAT_E_WS_CONNECT, "%d: %s", code, run->close.error.text);
    cr_expect(leat_websocket_get_http_status(run->ws) == status, "%d",
              leat_websocket_get_http_status(run->ws));
    cr_expect(strcmp(leat_websocket_get_http_body(run->ws, NULL), "there") == 0);
    cr_expect(run->close.close_code == 0);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.connections == connections, "%u connections", seen.connections);
}

static void location_expect(const struct client_run *run, const char *expected)
{
    const char *location = leat_websocket_get_http_header(run->ws, "location");
    cr_expect(location && strcmp(location, expected) == 0, "%s", location ? location : "none");
}

Test(redirects, none_unless_asked_for)
{
    struct client_run run;
    leat_testing_server *peer = redirecting_peer("/there", 302);
    refused_expect(&run, peer, 0, 1, 302);
    location_expect(&run, "/there");
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(redirects, no_more_than_allowed)
{
    struct client_run run;
    leat_testing_server *peer = script_server_new(
        &(struct leat_testing_options){.scripts = {redirect_to("/1", 302), redirect_to("/2", 301),
                                                   redirect_to("/3", 308), echo_script}});
    refused_expect(&run, peer, 2, 3, 308);
    location_expect(&run, "/3");
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(redirects, as_many_as_allowed)
{
    struct client_run run;
    leat_testing_server *peer = script_server_new(
        &(struct leat_testing_options){.scripts = {redirect_to("/1", 302), redirect_to("/2", 301),
                                                   redirect_to("/3", 308), echo_script}});
    follow(&run, 3);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    client_run_echo(&run, "at last");
    client_run_close(&run);
    /* The next connect may follow as many again, and finds an echo server at once. */
    run.opened_count = run.closed_count = 0;
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    client_run_done(&run);
    leat_testing_server_free(peer);
}

static bool has_location(const struct client_run *run)
{
    return leat_websocket_get_http_header(run->ws, "Location");
}

/* While the body of the redirect is still on its way. */
Test(redirects, not_behind_a_close)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 302 Found\r\nLocation: /there\r\n"
                                             "Content-Length: 5\r\n\r\nth")},
        {LEAT_SCRIPT_STALL},
        {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *peer =
        script_server_new(&(struct leat_testing_options){.scripts = {script, echo_script}});
    follow(&run, 1);
    cr_assert(!client_run_connect(&run, url_of("ws", leat_testing_server_get_port(peer), "/")));
    cr_assert(client_run_until(&run, has_location));
    cr_assert(!leat_websocket_close(run.ws, 1000, NULL));
    client_run_until_closed(&run);
    cr_expect(run.opened_count == 0 && run.close.closed_by == LEAT_CLOSED_BY_LOCAL);
    cr_expect(run.close.error.native_code == 302, "%s", run.close.error.text);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(redirects, loop_ends)
{
    struct client_run run;
    leat_testing_server *peer = script_server_start(redirect_to("/again", 307));
    refused_expect(&run, peer, 20, 21, 307);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(redirects, limit_is_checked)
{
    leat_config *config = client_config_new();
    cr_expect(leat_config_set_max_redirects(config, 20) == LEAT_OK);
    cr_expect(leat_config_set_max_redirects(config, 21) == LEAT_E_PARAMETER);
    cr_expect(leat_config_set_max_redirects(NULL, 1) == LEAT_E_PARAMETER);
    leat_config_free(config);
}

Test(redirects, other_statuses)
{
    static const unsigned statuses[] = {300, 305, 306, 310, 400, 503};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); ++i) {
        struct client_run run;
        leat_testing_server *peer = redirecting_peer("/there", statuses[i]);
        refused_expect(&run, peer, 5, 1, (int)statuses[i]);
        client_run_done(&run);
        leat_testing_server_free(peer);
    }
}

Test(redirects, without_one_location)
{
    static const char *const fields[] = {"", "Location: /a\r\nLocation: /b\r\n"};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); ++i) {
        struct client_run run;
        leat_testing_server *peer = script_server_start(redirect_script(fields[i], 302));
        refused_expect(&run, peer, 5, 1, 302);
        client_run_done(&run);
        leat_testing_server_free(peer);
    }
}

/* The URL is checked like the first one. */
static void bad_target_expect(const char *location, int expected)
{
    struct client_run run;
    struct leat_testing_seen seen;
    leat_testing_server *peer = redirecting_peer(location, 302);
    follow(&run, 5);
    cr_assert(leat_config_add_denied_domain(run.config, "*.denied.test") == LEAT_OK);
    int code = client_run_refused(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(code == expected, "%s: %d: %s", location, code, run.close.error.text);
    cr_expect(strstr(run.close.error.text, "redirects to what cannot be followed: "), "%s",
              run.close.error.text);
    cr_expect(leat_websocket_get_http_status(run.ws) == 302, "the redirect itself can be read");
    location_expect(&run, location);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.connections == 1, "%u", seen.connections);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(redirects, to_what_is_no_url)
{
    bad_target_expect("ftp://127.0.0.1/", LEAT_E_WS_URL);
    bad_target_expect("ws://", LEAT_E_WS_URL);
    bad_target_expect("ws://127.0.0.1:99999/", LEAT_E_WS_URL);
    bad_target_expect("//:80/", LEAT_E_WS_URL);
}

Test(redirects, to_a_denied_domain)
{
    bad_target_expect("ws://a.denied.test:1/", LEAT_E_WS_DOMAIN);
    bad_target_expect("http://A.Denied.Test/", LEAT_E_WS_DOMAIN);
}

Test(redirects, to_a_domain_that_is_not_allowed)
{
    struct client_run run;
    leat_testing_server *peer = redirecting_peer("ws://localhost:1/", 302);
    follow(&run, 5);
    cr_assert(leat_config_add_allowed_domain(run.config, "127.0.0.1") == LEAT_OK);
    int code = client_run_refused(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(code == LEAT_E_WS_DOMAIN, "%d: %s", code, run.close.error.text);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

static struct leat_testing_tls redirect_tls;

static void tls_redirect_expect(const char *location)
{
    static struct leat_script_row script[SCRIPT_STEPS];
    const struct leat_script_row *plain = redirect_to(location, 302);
    struct client_run run;
    struct leat_testing_seen seen;
    script[0] = (struct leat_script_row){LEAT_SCRIPT_TLS_ACCEPT, .tls = &redirect_tls};
    memcpy(script + 1, plain, 2 * sizeof(script[0]));
    script[3] = (struct leat_script_row){LEAT_SCRIPT_CLOSE};
    leat_testing_server *peer = script_server_start(script);
    follow(&run, 5);
    int code = client_run_refused(&run, url_of("wss", leat_testing_server_get_port(peer), "/"));
    cr_expect(code == LEAT_E_WS_CONNECT, "%d: %s", code, run.close.error.text);
    cr_expect(strstr(run.close.error.text, "TLS"), "%s", run.close.error.text);
    cr_expect(run.close.error.native_code == 302 && leat_websocket_get_http_status(run.ws) == 302);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.connections == 1);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

Test(redirects, never_from_wss_to_ws)
{
    struct leat_testing_seen seen;
    leat_testing_server *target = script_server_start(echo_script);
    redirect_tls.cert_path = certificate_path("server.pem");
    redirect_tls.key_path = certificate_path("server.key");
    tls_redirect_expect(url_of("ws", leat_testing_server_get_port(target), "/"));
    tls_redirect_expect(url_of("http", leat_testing_server_get_port(target), "/"));
    leat_testing_server_get_seen(target, &seen);
    cr_expect(seen.connections == 0);
    leat_testing_server_free(target);
}

/* ---- what goes along
 * ----------------------------------------------------------------------------- */

static void secrets_add(leat_config *config)
{
    cr_assert(leat_config_add_header(config, "authorization", "Bearer secret-1") == LEAT_OK);
    cr_assert(leat_config_add_header(config, "Cookie", "id=secret-2") == LEAT_OK);
    cr_assert(leat_config_add_header(config, "Cookie", "id=secret-3") == LEAT_OK);
    cr_assert(leat_config_add_header(config, "Proxy-Authorization", "Basic secret-4") == LEAT_OK);
    cr_assert(leat_config_add_header(config, "X-Own", "kept") == LEAT_OK);
    cr_assert(leat_config_add_subprotocol(config, "chat") == LEAT_OK);
}

static void secrets_expect(leat_testing_server *peer, bool expected)
{
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(peer, &seen);
    for (int i = 1; i <= 4; ++i) {
        bool has = strstr(seen.http_head, sandbox_format("secret-%d", i));
        cr_expect(has == expected, "secret %d: %s", i, seen.http_head);
    }
    cr_expect(strstr(seen.http_head, "\r\nX-Own: kept\r\n"), "%s", seen.http_head);
    cr_expect(strstr(seen.http_head, "chat"), "%s", seen.http_head);
}

Test(redirects, credentials_stay_with_the_same_host)
{
    struct client_run run;
    leat_testing_server *peer = redirecting_peer("/there", 302);
    follow(&run, 1);
    secrets_add(run.config);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    secrets_expect(peer, true);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* Neither to the other port, nor from there back again. */
Test(redirects, credentials_do_not_go_to_another_port)
{
    struct client_run run;
    leat_testing_server *first;
    struct leat_testing_options options = {.scripts = {NULL, echo_script}};
    static struct leat_script_row there[SCRIPT_STEPS];
    leat_testing_server *second = NULL;
    /* The first must be known to the second, and the second to the first. */
    static struct leat_script_row back[SCRIPT_STEPS];
    options.scripts[0] = there;
    there[0] = back[0] = (struct leat_script_row){LEAT_SCRIPT_READ_HTTP_HEAD};
    there[1] = back[1] = (struct leat_script_row){LEAT_SCRIPT_SEND};
    there[2] = back[2] = (struct leat_script_row){LEAT_SCRIPT_CLOSE};
    first = script_server_new(&options);
    second = script_server_start(back);
    const char *to_second =
        redirect_to(url_of("ws", leat_testing_server_get_port(second), "/"), 302)[1].data;
    const char *to_first =
        redirect_to(url_of("ws", leat_testing_server_get_port(first), "/"), 302)[1].data;
    there[1].data = to_second;
    there[1].len = strlen(to_second);
    back[1].data = to_first;
    back[1].len = strlen(to_first);
    follow(&run, 2);
    secrets_add(run.config);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(first), "/"));
    secrets_expect(second, false);
    secrets_expect(first, false);
    client_run_close(&run);
    /* The configuration of the program still has them. */
    run.opened_count = run.closed_count = 0;
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(first), "/"));
    secrets_expect(first, true);
    client_run_done(&run);
    leat_testing_server_free(first);
    leat_testing_server_free(second);
}

Test(redirects, credentials_do_not_go_to_another_name)
{
    struct client_run run;
    struct leat_testing_options options = {.scripts = {NULL, echo_script}};
    static struct leat_script_row there[SCRIPT_STEPS];
    options.scripts[0] = there;
    there[0] = (struct leat_script_row){LEAT_SCRIPT_READ_HTTP_HEAD};
    there[1] = (struct leat_script_row){LEAT_SCRIPT_SEND};
    there[2] = (struct leat_script_row){LEAT_SCRIPT_CLOSE};
    leat_testing_server *peer = script_server_new(&options);
    const char *location = sandbox_format("ws://localhost:%u/", leat_testing_server_get_port(peer));
    there[1].data = redirect_to(location, 302)[1].data;
    there[1].len = strlen(there[1].data);
    follow(&run, 2);
    secrets_add(run.config);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    secrets_expect(peer, false);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* ---- proxies and time
 * ---------------------------------------------------------------------------- */

static const struct leat_script_row relay_script[] = {
    LEAT_SCRIPT_SOCKS5_OPEN, {LEAT_SCRIPT_RELAY}, {LEAT_SCRIPT_CLOSE}};

/* Every hop goes through the proxy, and through no more than one. */
static void proxied_expect(bool from_environment)
{
    struct client_run run;
    struct leat_testing_seen seen;
    leat_testing_server *proxy = script_server_start(relay_script);
    leat_testing_server *target = script_server_start(echo_script);
    leat_testing_server *peer =
        redirecting_peer(url_of("ws", leat_testing_server_get_port(target), "/"), 302);
    const char *url = url_of("socks5h", leat_testing_server_get_port(proxy), "");
    follow(&run, 1);
    unsetenv("NO_PROXY");
    unsetenv("no_proxy");
    unsetenv("http_proxy");
    cr_assert(setenv("HTTP_PROXY", url, 1) == 0);
    cr_assert(leat_config_set_proxy(run.config, from_environment ? "system" : url) == LEAT_OK);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    client_run_echo(&run, "through the proxy");
    client_run_close(&run);
    peer_content_expect(proxy);
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(seen.connections == 2, "%u connections to the proxy", seen.connections);
    cr_expect(seen.port == leat_testing_server_get_port(target));
    client_run_done(&run);
    leat_testing_server_free(peer);
    leat_testing_server_free(target);
    leat_testing_server_free(proxy);
}

Test(redirects, through_a_proxy)
{
    proxied_expect(false);
}

Test(redirects, through_the_proxy_of_the_environment)
{
    proxied_expect(true);
}

/* The environment is asked for each hop: NO_PROXY may name one and not the other. */
Test(redirects, environment_is_asked_again)
{
    struct client_run run;
    struct leat_testing_seen seen;
    leat_testing_server *proxy = script_server_start(relay_script);
    leat_testing_server *target = script_server_start(echo_script);
    const unsigned port = leat_testing_server_get_port(target);
    leat_testing_server *peer = redirecting_peer(sandbox_format("ws://localhost:%u/", port), 302);
    const char *proxy_url = url_of("socks5h", leat_testing_server_get_port(proxy), "");
    follow(&run, 1);
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    cr_assert(setenv("HTTP_PROXY", proxy_url, 1) == 0);
    cr_assert(setenv("NO_PROXY", "localhost", 1) == 0);
    cr_assert(leat_config_set_proxy(run.config, "system") == LEAT_OK);
    client_run_open(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    client_run_echo(&run, "without the proxy");
    client_run_close(&run);
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(seen.connections == 1, "%u connections to the proxy", seen.connections);
    client_run_done(&run);
    leat_testing_server_free(peer);
    leat_testing_server_free(target);
    leat_testing_server_free(proxy);
}

static const struct leat_script_row silent_script[] = {{LEAT_SCRIPT_STALL, .label = "silent"},
                                                       {LEAT_SCRIPT_CLOSE}};

Test(redirects, deadline_is_for_all_of_them)
{
    struct client_run run;
    leat_testing_server *peer = script_server_new(
        &(struct leat_testing_options){.scripts = {redirect_to("/1", 302), silent_script}});
    follow(&run, 5);
    cr_assert(leat_config_set_connect_timeout(run.config, 300) == LEAT_OK);
    still_clock_start();
    int code = client_run_refused(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(code == LEAT_E_WS_CONNECT && run.close.error.sys_errno == ETIMEDOUT, "%d %d: %s",
              code, run.close.error.sys_errno, run.close.error.text);
    cr_expect(leat_websocket_get_http_status(run.ws) == 0, "nothing came from the last server");
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* Ends it between two hops, in the way that `end` says. */
static void ended_expect(void (*end)(struct client_run *run))
{
    struct client_run run;
    leat_testing_server *peer = script_server_new(
        &(struct leat_testing_options){.scripts = {redirect_to("/1", 302), silent_script}});
    follow(&run, 5);
    cr_assert(client_run_connect(&run, url_of("ws", leat_testing_server_get_port(peer), "/")) ==
              LEAT_OK);
    while (!leat_testing_server_wait_step(peer, "silent", 1, 0))
        cr_assert(leat_loop_dispatch(run.loop, 10) == LEAT_OK);
    end(&run);
    client_run_done(&run);
    peer_content_expect(peer);
    leat_testing_server_free(peer);
}

static void end_by_close(struct client_run *run)
{
    cr_expect(client_run_connect(run, "ws://127.0.0.1:1/") == LEAT_E_WS_EXISTS);
    cr_expect(leat_websocket_close(run->ws, 1000, NULL) == LEAT_OK);
    client_run_until_closed(run);
    cr_expect(run->close.error.code == LEAT_E_SOCKET_BASE + ECANCELED, "%d: %s",
              run->close.error.code, run->close.error.text);
}

static void end_by_free(struct client_run *run)
{
    leat_websocket_free(run->ws);
    run->ws = NULL;
}

Test(redirects, ended_between_two_hops)
{
    ended_expect(end_by_close);
    ended_expect(end_by_free);
}
