/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP CONNECT through tinyproxy and squid, proxies behind proxies, and the environment's. */
#include "peers/common.h"

PEERS_SUITE(proxies);

static const struct server_options plain = {0};
static const struct server_options tls = {.cert = "server.pem"};

static const char *proxy_url(const char *scheme, const char *credentials, uint16_t port)
{
    return sandbox_format("%s://%s127.0.0.1:%u", scheme, credentials, port);
}

static const char *echo_url(const struct server_options *server)
{
    return sandbox_format("%s://localhost:%u/echo", server->cert ? "wss" : "ws",
                          python_server_start(server));
}

/* How often it stands in the trace. */
static unsigned trace_count(const struct client_run *run, const char *text)
{
    unsigned count = 0;
    for (const char *at = run->trace; at && (at = strstr(at, text)); ++at)
        ++count;
    return count;
}

/* Opens, echoes and closes; `hops` proxies of HTTP are on the way. */
static void echo_expect(struct client_run *run, const char *url, unsigned hops)
{
    client_run_open(run, url);
    client_run_echo(run, "through the proxy");
    cr_expect(trace_count(run, ", HTTP 200,") == hops, "%s", run->trace);
    client_run_close(run);
    client_run_done(run);
}

static void through(const char *proxy, const struct server_options *server)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config, proxy) == LEAT_OK);
    echo_expect(&run, echo_url(server), 1);
}

/* The proxy refuses: 200 with this HTTP status, and whose fault it is. */
static void refused_through(const char *proxy, const char *url, int status, const char *text)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config, proxy) == LEAT_OK);
    int code = client_run_refused(&run, url);
    cr_expect(code == LEAT_E_WS_CONNECT, "%d", code);
    cr_expect(run.close.error.layer == LEAT_LAYER_HTTP_PROXY, "%s",
              leat_layer_name(run.close.error.layer));
    cr_expect(run.close.error.native_code == status, "%d: %s", run.close.error.native_code,
              run.close.error.text);
    cr_expect(strstr(run.close.error.text, text), "%s", run.close.error.text);
    cr_expect(!strstr(run.close.error.text, "s3cret"), "the password is in the text");
    cr_expect(!run.trace || !strstr(run.trace, "s3cret"), "the password is in the trace");
    client_run_done(&run);
}

/* ---- one proxy
 * ------------------------------------------------------------------------------------- */

Test(proxies, tinyproxy)
{
    uint16_t port = tinyproxy_start(NULL, NULL);
    through(proxy_url("http", "", port), &plain);
    through(proxy_url("http", "", port), &tls);
}

Test(proxies, tinyproxy_with_a_password)
{
    uint16_t port = tinyproxy_start("alice", "s3cret");
    through(proxy_url("http", "alice:s3cret@", port), &plain);
    refused_through(proxy_url("http", "alice:s3cret2@", port), "ws://localhost:1/", 401,
                    "credentials were sent"); /* 401, not 407: its own idea */
    refused_through(proxy_url("http", "", port), "ws://localhost:1/", 407, "Basic");
}

Test(proxies, tinyproxy_cannot_reach_the_server)
{
    uint16_t port = tinyproxy_start(NULL, NULL);
    refused_through(proxy_url("http", "", port), url_of("ws", refusing_port(), "/"), 500, "");
}

Test(proxies, squid)
{
    uint16_t port = squid_start(NULL, NULL);
    through(proxy_url("http", "", port), &plain);
    through(proxy_url("http", "", port), &tls);
    refused_through(proxy_url("http", "", port), url_of("wss", refusing_port(), "/"), 503, "");
}

Test(proxies, squid_with_a_password)
{
    uint16_t port = squid_start("alice", NULL);
    through(proxy_url("http", "alice:s3cret@", port), &tls);
    refused_through(proxy_url("http", "bob:s3cret@", port), "wss://localhost:1/", 403, "");
    refused_through(proxy_url("http", "", port), "wss://localhost:1/", 407, "Basic");
}

/* ---- a proxy reached over TLS
 * ---------------------------------------------------------------------- */

Test(proxies, squid_over_tls)
{
    uint16_t tls_port;
    squid_start("alice", &tls_port);
    through(proxy_url("https", "alice:s3cret@", tls_port), &plain);
    through(proxy_url("https", "alice:s3cret@", tls_port), &tls);
}

Test(proxies, tinyproxy_behind_socat_over_tls)
{
    uint16_t port = socat_tls_start(tinyproxy_start(NULL, NULL));
    through(proxy_url("https", "", port), &tls);
}

/* ---- several hops
 * ---------------------------------------------------------------------------------- */

Test(proxies, http_then_socks5_then_tls)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config, proxy_url("http", "alice:s3cret@",
                                                          tinyproxy_start("alice", "s3cret"))) ==
              LEAT_OK);
    cr_assert(leat_config_add_proxy(run.config, proxy_url("socks5h", "bob:other@",
                                                          microsocks_start("bob", "other"))) ==
              LEAT_OK);
    echo_expect(&run, echo_url(&tls), 1);
}

Test(proxies, five_hops_of_every_kind)
{
    struct client_run run;
    uint16_t squid_tls;
    client_run_init(&run);
    uint16_t squid = squid_start(NULL, &squid_tls);
    const char *const hops[] = {
        proxy_url("socks5h", "", microsocks_start(NULL, NULL)), proxy_url("https", "", squid_tls),
        proxy_url("http", "", tinyproxy_start(NULL, NULL)), proxy_url("http", "", squid),
        proxy_url("socks5", "", microsocks_start(NULL, NULL))};
    for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); ++i)
        cr_assert(leat_config_add_proxy(run.config, hops[i]) == LEAT_OK, "%s", hops[i]);
    echo_expect(&run, echo_url(&tls), 3);
}

Test(proxies, the_second_hop_is_away)
{
    struct client_run run;
    uint16_t away = refusing_port();
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config,
                                    proxy_url("socks5h", "", microsocks_start(NULL, NULL))) == 0);
    cr_assert(leat_config_add_proxy(run.config, proxy_url("http", "", away)) == LEAT_OK);
    int code = client_run_refused(&run, echo_url(&plain));
    cr_expect(code == LEAT_E_SOCKS5_CONNECT_REMOTE, "%d: %s", code, run.close.error.text);
    cr_expect(strstr(run.close.error.text, sandbox_format("%u", away)),
              "the text names the hop that is away: %s", run.close.error.text);
    client_run_done(&run);
}

/* ---- the environment's
 * ----------------------------------------------------------------------------- */

static const char *const variables[] = {"WSS_PROXY",   "wss_proxy",   "WS_PROXY",   "ws_proxy",
                                        "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy",
                                        "ALL_PROXY",   "all_proxy",   "NO_PROXY",   "no_proxy"};

static void environment_clear(void)
{
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); ++i)
        unsetenv(variables[i]);
}

static void system_run(struct client_run *run)
{
    client_run_init(run);
    cr_assert(leat_config_set_proxy(run->config, "system") == LEAT_OK);
}

Test(proxies, environment_is_used_when_asked_for)
{
    struct client_run run;
    environment_clear();
    setenv("HTTPS_PROXY", proxy_url("http", "", tinyproxy_start(NULL, NULL)), 1);
    system_run(&run);
    echo_expect(&run, echo_url(&tls), 1);
    environment_clear();
    setenv("all_proxy", proxy_url("socks5h", "", microsocks_start(NULL, NULL)), 1);
    system_run(&run);
    client_run_open(&run, echo_url(&plain));
    cr_expect(trace_has(&run, "end socks5 0"), "%s", run.trace);
    client_run_close(&run);
    client_run_done(&run);
}

Test(proxies, environment_is_not_used_unless_asked_for)
{
    struct client_run run;
    environment_clear();
    for (size_t i = 0; i < 10; ++i)
        setenv(variables[i], proxy_url("http", "", refusing_port()), 1);
    client_run_init(&run);
    echo_expect(&run, echo_url(&tls), 0);
}

Test(proxies, environment_names_exceptions)
{
    static const char *const lists[] = {"localhost", "*", ".test,localhost",
                                        "127.0.0.0/8,localhost"};
    environment_clear();
    setenv("ALL_PROXY", proxy_url("http", "", refusing_port()), 1);
    const char *url = echo_url(&plain);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); ++i) {
        struct client_run run;
        setenv("NO_PROXY", lists[i], 1);
        system_run(&run);
        echo_expect(&run, url, 0);
    }
}

Test(proxies, environment_names_nothing)
{
    struct client_run run;
    environment_clear();
    system_run(&run);
    echo_expect(&run, echo_url(&plain), 0);
}

/* ---- never directly
 * -------------------------------------------------------------------------------- */

/* The server sees nobody, whatever is wrong with the proxy. */
static void never_directly(const char *proxy)
{
    struct server_run *server = server_run_start(&(struct server_run_options){0});
    struct server_seen seen;
    struct client_run run;
    client_run_init(&run);
    if (leat_config_set_proxy(run.config, proxy) == LEAT_OK) {
        int code = client_run_connect(&run, url_of("ws", server_run_port(server), "/echo"));
        if (code == LEAT_OK)
            client_run_until_closed(&run);
        cr_expect(run.opened_count == 0, "%s: it opened", proxy);
    }
    client_run_done(&run);
    server_run_seen(server, &seen);
    cr_expect(seen.connected == 0 && seen.refused == 0, "%s: the server was reached", proxy);
    server_run_free(server);
}

Test(proxies, never_directly)
{
    static const struct leat_script_row silent[] = {{LEAT_SCRIPT_READ_HTTP_HEAD},
                                                    {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row refusing[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")},
        {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peers[] = {script_server_start(silent), script_server_start(refusing)};
    never_directly(proxy_url("http", "", refusing_port()));
    never_directly(proxy_url("https", "", refusing_port()));
    never_directly(proxy_url("https", "", tinyproxy_start(NULL, NULL))); /* does not speak TLS */
    never_directly(proxy_url("http", "", leat_testing_server_get_port(peers[0])));
    never_directly(proxy_url("http", "", leat_testing_server_get_port(peers[1])));
    never_directly("http://no-such-proxy.invalid:8080");
    never_directly("nonsense");
    environment_clear();
    setenv("ALL_PROXY", proxy_url("http", "", refusing_port()), 1);
    never_directly("system");
    setenv("ALL_PROXY", "gopher://127.0.0.1:70", 1);
    never_directly("system");
    setenv("ALL_PROXY", "http://", 1);
    never_directly("system");
    leat_testing_server_free(peers[0]);
    leat_testing_server_free(peers[1]);
}
