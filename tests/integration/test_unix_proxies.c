/* SPDX-License-Identifier: Apache-2.0 */
/* Proxies that listen on local sockets: those that others wrote, behind socat. */
#include "integration/common.h"
#include "support/process.h"
#include "support/proxies.h"

INTEGRATION_SUITE(unix_proxies);

static const struct server_options tls = {.cert = "server.pem"};

/* Takes connections to a local socket to that port. Returns the path. */
static const char *socat_start(const char *address, uint16_t port)
{
    const char *const argv[] = {
        "socat", "-d", "-d", address, sandbox_format("TCP:127.0.0.1:%u", port), NULL};
    process_wait_error_text(process_start(&(struct process_options){.argv = argv}), "listening");
    return address;
}

static const char *socket_start(uint16_t port)
{
    const char *path = sandbox_path("proxy.sock");
    socat_start(sandbox_format("UNIX-LISTEN:%s,fork", path), port);
    return path;
}

static void run_init(struct client_run *run, const char *scheme, const char *path)
{
    client_run_init(run);
    cr_assert(leat_config_set_proxy(run->config, sandbox_format("%s%s", scheme, path)) == LEAT_OK);
}

static void echo_through(struct client_run *run, const char *end)
{
    client_run_open(run, sandbox_format("wss://localhost:%u/echo", python_server_start(&tls)));
    client_run_echo(run, "through the proxy");
    client_run_close(run);
    cr_expect(trace_has(run, end), "%s", run->trace);
    client_run_done(run);
}

Test(unix_proxies, microsocks)
{
    struct client_run run;
    const char *path = socket_start(microsocks_start("alice", "s3cret"));
    run_init(&run, "socks5h+unix:", path);
    cr_assert(leat_config_set_proxy_credentials(run.config, "alice", "s3cret") == LEAT_OK);
    echo_through(&run, "end socks5 0");
    run_init(&run, "SOCKS5+unix://", path);
    cr_assert(leat_config_set_proxy_credentials(run.config, "alice", "s3cret") == LEAT_OK);
    echo_through(&run, "end socks5 0");
}

Test(unix_proxies, the_environment_names_one)
{
    struct client_run run;
    setenv("ALL_PROXY",
           sandbox_format("socks5h+unix:%s", socket_start(microsocks_start(NULL, NULL))), 1);
    run_init(&run, "system", "");
    echo_through(&run, "end socks5 0");
}

Test(unix_proxies, tinyproxy_and_one_behind_it)
{
    struct client_run run;
    run_init(&run, "http+unix:", socket_start(tinyproxy_start(NULL, NULL)));
    cr_assert(leat_config_add_proxy(run.config, sandbox_format("socks5h://127.0.0.1:%u",
                                                               microsocks_start(NULL, NULL))) ==
              LEAT_OK);
    echo_through(&run, "end http-proxy 0");
}

/* TLS with the proxy: its certificate is that of localhost, and of nobody else. */
Test(unix_proxies, over_tls)
{
    struct client_run run;
    const char *path = socket_start(socat_tls_start(tinyproxy_start(NULL, NULL)));
    run_init(&run, "https+unix:", path);
    cr_assert(leat_config_set_proxy_tls_ca_path(run.config, certificate_path("ca.pem")) == LEAT_OK);
    echo_through(&run, "end http-proxy 0");
    run_init(&run, "https+unix:", path);
    cr_assert(leat_config_set_proxy_tls_ca_path(run.config, certificate_path("unknown-ca.pem")) ==
              LEAT_OK);
    int code = client_run_refused(&run, "ws://localhost/");
    cr_expect(code == LEAT_E_TLS_VERIFY, "%d: %s", code, run.close.error.text);
    client_run_done(&run);
}

Test(unix_proxies, the_proxy_is_away)
{
    struct client_run run;
    run_init(&run, "socks5h+unix:", sandbox_path("nobody.sock"));
    int code = client_run_refused(&run, "ws://localhost/");
    cr_expect(code == LEAT_E_SOCKS5_CONNECT_PROXY, "%d: %s", code, run.close.error.text);
    cr_expect(run.close.error.sys_errno == ENOENT);
    cr_expect(strstr(run.close.error.text, "nobody.sock"), "%s", run.close.error.text);
    client_run_done(&run);
    run_init(&run, "http+unix:", sandbox_path("nobody.sock"));
    code = client_run_refused(&run, "ws://localhost/");
    cr_expect(code == LEAT_E_SOCKET_BASE + ENOENT, "%d: %s", code, run.close.error.text);
    client_run_done(&run);
}

/* There is no other address of the proxy to go on with. */
Test(unix_proxies, the_proxy_refuses_or_closes)
{
    static const struct leat_script_row closes[] = {{LEAT_SCRIPT_READ_SOCKS5_GREETING},
                                                    {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *proxy = script_server_start(closes);
    struct client_run run;
    run_init(&run, "socks5h+unix:", socket_start(leat_testing_server_get_port(proxy)));
    int code = client_run_refused(&run, "ws://localhost/");
    cr_expect(code == LEAT_E_SOCKS5_RECV, "%d: %s", code, run.close.error.text);
    client_run_done(&run);
    leat_testing_server_free(proxy);
}

Test(unix_proxies, every_address_of_the_destination_is_asked_for)
{
    struct client_run run;
    const char *path = socket_start(microsocks_start(NULL, NULL));
    uint16_t port = python_server_start(&(struct server_options){0});
    run_init(&run, "socks5+unix:", path);
    cr_assert(leat_config_add_resolve(run.config, "two.test", port, "127.0.0.2,127.0.0.1") ==
              LEAT_OK);
    client_run_open(&run, sandbox_format("ws://two.test:%u/echo", port));
    client_run_close(&run);
    client_run_done(&run);
}

Test(unix_proxies, what_is_refused)
{
    static const char *const urls[] = {
        "socks5h+unix:",
        "socks5h+unix://u:s3cret@/p",
        "socks5h+unix:u:s3cret@/p",
        "socks5h+unix:@",
        "socks5h+unix:/a%00b",
        "gopher+unix:/p",
        "socks5h+unix://host/p",
        "+unix:/p",
    };
    struct client_run run;
    client_run_init(&run);
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct leat_error error;
        cr_expect(leat_config_set_proxy(run.config, urls[i]) == LEAT_E_PARAMETER, "%s", urls[i]);
        leat_config_get_error(run.config, &error);
        cr_expect(error.text[0] && !strstr(error.text, "s3cret"), "%s", error.text);
    }
    leat_config_clear_error(run.config);
    cr_assert(leat_config_set_proxy(run.config, "socks5h://127.0.0.1") == LEAT_OK);
    cr_expect(leat_config_add_proxy(run.config, "socks5h+unix:/p") == LEAT_E_PARAMETER);
    client_run_done(&run);
}
