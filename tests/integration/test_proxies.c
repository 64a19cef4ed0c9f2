/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS5 through proxies that others wrote, and who resolves the names. */
#include "integration/common.h"
#include "support/worlds.h"

INTEGRATION_SUITE(proxies);

static const struct server_options plain = {0};
static const struct server_options tls = {.cert = "server.pem"};

/* Opens, echoes and closes through a proxy; returns with the run still there. */
static void echo_through(struct client_run *run, const char *proxy, const char *url)
{
    cr_assert(leat_config_set_proxy(run->config, proxy) == LEAT_OK);
    client_run_open(run, url);
    client_run_echo(run, "through the proxy");
    client_run_close(run);
    cr_expect(trace_has(run, "end tcp 0"), "%s", run->trace);
    cr_expect(trace_has(run, "end socks5 0"), "%s", run->trace);
    cr_expect(trace_has(run, "end websocket 0"), "%s", run->trace);
}

static void proxy_expect(const char *proxy, const struct server_options *server)
{
    struct client_run run;
    client_run_init(&run);
    uint16_t port = python_server_start(server);
    echo_through(&run, proxy,
                 sandbox_format("%s://localhost:%u/echo", server->cert ? "wss" : "ws", port));
    client_run_done(&run);
}

Test(proxies, microsocks)
{
    proxy_expect(sandbox_format("socks5h://127.0.0.1:%u", microsocks_start(NULL, NULL)), &plain);
}

Test(proxies, microsocks_with_password)
{
    proxy_expect(sandbox_format("socks5h://alice:s%%40cret@127.0.0.1:%u",
                                microsocks_start("alice", "s@cret")),
                 &plain);
}

Test(proxies, microsocks_with_password_and_tls)
{
    proxy_expect(
        sandbox_format("socks5h://alice:secret@localhost:%u", microsocks_start("alice", "secret")),
        &tls);
}

Test(proxies, dante)
{
    proxy_expect(sandbox_format("socks5h://127.0.0.1:%u", dante_start()), &tls);
}

Test(proxies, ssh)
{
    proxy_expect(sandbox_format("socks5h://127.0.0.1:%u", ssh_proxy_start()), &tls);
}

Test(proxies, credentials_are_offered_but_not_demanded)
{
    struct client_run run;
    client_run_init(&run);
    uint16_t proxy = dante_start();
    echo_through(&run, sandbox_format("socks5h://alice:secret@127.0.0.1:%u", proxy),
                 url_of("ws", python_server_start(&plain), "/echo"));
    client_run_done(&run);
}

Test(proxies, ipv6_destination)
{
    if (!machine_has_ipv6())
        cr_skip_test("this machine has no ::1");
    struct client_run run;
    client_run_init(&run);
    uint16_t proxy = microsocks_start(NULL, NULL);
    uint16_t port =
        python_server_start(&(struct server_options){.host = "::1", .cert = "server.pem"});
    echo_through(&run, sandbox_format("socks5h://127.0.0.1:%u", proxy),
                 sandbox_format("wss://[::1]:%u/echo", port));
    client_run_done(&run);
}

Test(proxies, ipv6_proxy)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_SOCKS5_OPEN, {LEAT_SCRIPT_RELAY}, {LEAT_SCRIPT_CLOSE}};
    if (!machine_has_ipv6())
        cr_skip_test("this machine has no ::1");
    struct client_run run;
    client_run_init(&run);
    leat_testing_server *proxy =
        script_server_new(&(struct leat_testing_options){.scripts = {script}, .address = "::1"});
    echo_through(&run, sandbox_format("socks5h://[::1]:%u", leat_testing_server_get_port(proxy)),
                 url_of("ws", python_server_start(&plain), "/echo"));
    client_run_done(&run);
    peer_content_expect(proxy);
    leat_testing_server_free(proxy);
}

/* ---- who resolves, and what the proxy is asked for
 * ------------------------------------------------ */

static const struct dns_record records[] = {{.name = "echo.test", .v4 = {"127.0.0.1"}},
                                            {.name = "proxy.test", .v4 = {"127.0.0.1"}},
                                            {NULL}};

static const struct leat_script_row relaying[] = {
    LEAT_SCRIPT_SOCKS5_OPEN, {LEAT_SCRIPT_RELAY}, {LEAT_SCRIPT_CLOSE}};

struct resolving {
    struct client_run run;
    struct dns_server *dns;
    leat_testing_server *proxy;
    struct leat_testing_seen seen;
    unsigned queries;
};

/* Echoes to a URL through the scripted proxy with the test's DNS server configured. */
static void resolving_run(struct resolving *r, const char *scheme, const char *host)
{
    r->dns = dns_server_start(records);
    r->proxy = script_server_start(relaying);
    client_run_init(&r->run);
    cr_assert(leat_config_set_dns_servers(r->run.config, dns_server_address(r->dns)) == LEAT_OK);
    echo_through(
        &r->run,
        sandbox_format("%s://127.0.0.1:%u", scheme, leat_testing_server_get_port(r->proxy)),
        sandbox_format("wss://%s:%u/echo", host, python_server_start(&tls)));
    client_run_done(&r->run);
    peer_content_expect(r->proxy);
    leat_testing_server_get_seen(r->proxy, &r->seen);
    r->queries = dns_server_query_count(r->dns);
    leat_testing_server_free(r->proxy);
    dns_server_free(r->dns);
}

Test(proxies, no_dns_query_leaves_when_the_proxy_resolves)
{
    struct resolving r;
    resolving_run(&r, "socks5h", "echo.test");
    cr_expect(r.queries == 0, "%u queries", r.queries);
    cr_expect(r.seen.address_type == 3 && strcmp(r.seen.host, "echo.test") == 0, "asked for %s",
              r.seen.host);
}

/* The same without any setting: on a machine whose only name server is the test's. */
static unsigned system_queries(const char *scheme)
{
    struct client_run run;
    world_with_name_server();
    struct dns_server *dns = dns_server_start_on(records, 53);
    leat_testing_server *proxy = script_server_start(relaying);
    cr_assert(dns && proxy);
    client_run_init(&run);
    echo_through(&run,
                 sandbox_format("%s://127.0.0.1:%u", scheme, leat_testing_server_get_port(proxy)),
                 sandbox_format("wss://echo.test:%u/echo", python_server_start(&tls)));
    client_run_done(&run);
    peer_content_expect(proxy);
    unsigned queries = dns_server_query_count(dns);
    leat_testing_server_free(proxy);
    dns_server_free(dns);
    return queries;
}

Test(proxies, no_dns_query_leaves_for_the_system_either)
{
    unsigned queries = system_queries("socks5h");
    cr_expect(queries == 0, "%u queries", queries);
}

Test(proxies, the_system_is_asked_with_socks5)
{
    cr_expect(system_queries("socks5") > 0, "nobody was asked");
}

Test(proxies, the_machine_resolves_with_socks5)
{
    struct resolving r;
    resolving_run(&r, "socks5", "echo.test");
    cr_expect(r.queries > 0, "nobody was asked");
    cr_expect(r.seen.address_type == 1 && strcmp(r.seen.host, "127.0.0.1") == 0, "asked for %s",
              r.seen.host);
}

Test(proxies, a_literal_goes_out_as_an_address)
{
    struct resolving r;
    resolving_run(&r, "socks5h", "127.0.0.1");
    cr_expect(r.queries == 0 && r.seen.address_type == 1, "asked for %s", r.seen.host);
}

Test(proxies, one_round_trip_for_each_step)
{
    struct resolving r;
    resolving_run(&r, "socks5h", "echo.test");
    /* greeting, request; what the relay carries is not counted */
    cr_expect(r.seen.flights == 2, "%u round trips", r.seen.flights);
}

Test(proxies, no_direct_connection_when_the_proxy_is_unusable)
{
    static const struct leat_script_row script[] = {{LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    client_run_init(&run);
    leat_testing_server *server = script_server_start(script);
    cr_assert(leat_config_set_proxy(run.config, sandbox_format("socks5h://127.0.0.1:%u",
                                                               refusing_port())) == LEAT_OK);
    int code = client_run_refused(&run, url_of("ws", leat_testing_server_get_port(server), "/"));
    cr_expect(code == LEAT_E_SOCKS5_CONNECT_PROXY, "%d", code);
    cr_expect(run.close.error.sys_errno == ECONNREFUSED);
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(server, &seen);
    cr_expect(seen.connections == 0);
    client_run_done(&run);
    leat_testing_server_free(server);
}
