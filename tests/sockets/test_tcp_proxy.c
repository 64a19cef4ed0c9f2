/* SPDX-License-Identifier: Apache-2.0 */
/* leat_tcp_socket through proxies that others wrote. */
#include "stream_run.h"

#include "support/dns_server.h"
#include "support/peers.h"
#include "support/proxies.h"
#include "support/sandbox.h"
#include "support/script_server.h"
#include "support/still_clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(tcp_socket_proxy, .init = run_init, .fini = run_done, .timeout = 50);

static void proxy_set(const char *format, uint16_t port)
{
    char url[128];

    snprintf(url, sizeof(url), format, port);
    cr_assert_eq(leat_config_set_proxy(run.config, url), LEAT_OK);
}

/* A server of our own behind the proxy; the remote address is what was asked for. */
static void check_echo(const char *host, enum leat_address_family family)
{
    struct leat_net_address remote;
    bool is_name = family == LEAT_ADDRESS_DOMAIN;
    uint16_t port = run_new_server(is_name ? localhost_address() : host);

    run.echo = true;
    run_new_client();
    run_connect(host, port);
    run_until("connected");
    cr_assert_eq(leat_tcp_socket_get_remote_address(run.tcp, &remote), LEAT_OK);
    cr_assert_str_eq(remote.address, host);
    cr_assert_eq(remote.family, family);
    cr_assert_eq(remote.port, port);
    run_send("through");
    run_until_received(7);
    cr_assert_str_eq(run.received, "through");
}

Test(tcp_socket_proxy, socks5)
{
    proxy_set("socks5h://127.0.0.1:%u", microsocks_start(NULL, NULL));
    check_echo("127.0.0.1", LEAT_ADDRESS_IPV4);
}

Test(tcp_socket_proxy, socks5_with_a_password_and_a_name)
{
    proxy_set("socks5h://joe:secret@127.0.0.1:%u", microsocks_start("joe", "secret"));
    check_echo("localhost", LEAT_ADDRESS_DOMAIN);
}

Test(tcp_socket_proxy, socks5_by_dante)
{
    proxy_set("socks5://127.0.0.1:%u", dante_start());
    check_echo("127.0.0.1", LEAT_ADDRESS_IPV4);
}

/* It closes instead of refusing. */
Test(tcp_socket_proxy, ssh_does_not_reach_the_first_address)
{
    static const struct dns_record records[] = {
        {.name = "two.test", .v4 = {"127.0.0.2", "127.0.0.1"}}, {NULL}};
    struct dns_server *dns = dns_server_start(records);
    uint16_t port = run_new_server("127.0.0.1");

    cr_assert(dns);
    cr_assert_eq(leat_config_set_dns_servers(run.config, dns_server_address(dns)), LEAT_OK);
    proxy_set("socks5://127.0.0.1:%u", ssh_proxy_start());
    run.echo = true;
    run_new_client();
    run_connect("two.test", port);
    run_until("connected");
    run_send("through");
    run_until_received(7);
    cr_assert_str_eq(run.received, "through");
    dns_server_free(dns);
}

/* A connection for each address, all of them from the port that the socket is bound to, though it
 * is the client that closes the first one. */
Test(tcp_socket_proxy, bound_and_there_is_no_answer_for_the_first_address)
{
    static const struct dns_record records[] = {
        {.name = "two.test", .v4 = {"192.0.2.1", "192.0.2.2"}}, {NULL}};
    static const struct leat_script_row refuses[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")},
        {LEAT_SCRIPT_READ_SOCKS5_REQUEST},
        {LEAT_SCRIPT_STALL},
        {LEAT_SCRIPT_CLOSE},
    };
    static const struct leat_script_row works[] = {
        LEAT_SCRIPT_SOCKS5_OPEN, {LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
    struct leat_net_address bound, local;
    struct dns_server *dns = dns_server_start(records);
    leat_testing_server *proxy =
        script_server_new(&(struct leat_testing_options){.scripts = {refuses, works}});

    cr_assert(dns && proxy);
    cr_assert_eq(leat_config_set_dns_servers(run.config, dns_server_address(dns)), LEAT_OK);
    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_PROXY, 300), LEAT_OK);
    proxy_set("socks5://127.0.0.1:%u", leat_testing_server_get_port(proxy));
    still_clock_start();
    run_new_client();
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.3", 0), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &bound), LEAT_OK);
    run_connect("two.test", 1);
    while (!strstr(run.log, "connected") && !strstr(run.log, "closed"))
        cr_assert_eq(leat_loop_dispatch(run.loop, -1), 0);
    still_clock_stop();
    run_check_log("connected");
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_OK);
    cr_expect_eq(local.port, bound.port);
    leat_tcp_socket_free(run.tcp);
    run.tcp = NULL;
    leat_testing_server_free(proxy);
    dns_server_free(dns);
}

Test(tcp_socket_proxy, ssh_does_not_reach_the_only_address)
{
    proxy_set("socks5h://127.0.0.1:%u", ssh_proxy_start());
    run_new_client();
    run_connect("127.0.0.1", refusing_port());
    run_until("closed");
    run_check_log("error 2301211; closed");
    cr_expect(strstr(run.error.text, "the target 127.0.0.1:"), "%s", run.error.text);
}

Test(tcp_socket_proxy, http_connect)
{
    proxy_set("http://127.0.0.1:%u", tinyproxy_start(NULL, NULL));
    check_echo("127.0.0.1", LEAT_ADDRESS_IPV4);
}

Test(tcp_socket_proxy, two_in_a_row)
{
    char url[128];

    proxy_set("socks5h://127.0.0.1:%u", microsocks_start(NULL, NULL));
    snprintf(url, sizeof(url), "socks5h://joe:secret@127.0.0.1:%u",
             microsocks_start("joe", "secret"));
    cr_assert_eq(leat_config_add_proxy(run.config, url), LEAT_OK);
    check_echo("127.0.0.1", LEAT_ADDRESS_IPV4);
}

Test(tcp_socket_proxy, bound_to_a_local_address)
{
    struct leat_net_address local;
    uint16_t port = run_new_server("127.0.0.1");

    proxy_set("socks5h://127.0.0.1:%u", microsocks_start(NULL, NULL));
    run_new_client();
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.3", 0), LEAT_OK);
    run_connect("127.0.0.1", port);
    run_until("connected");
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_OK);
    cr_assert_str_eq(local.address, "127.0.0.3");
}

static void check_failure(uint16_t port, const char *log)
{
    run_new_client();
    run_connect("127.0.0.1", port);
    run_until("closed");
    run_check_log(log);
    cr_assert_eq(run.error.layer, LEAT_LAYER_SOCKS5);
}

Test(tcp_socket_proxy, the_wrong_password)
{
    proxy_set("socks5h://joe:wrong@127.0.0.1:%u", microsocks_start("joe", "secret"));
    check_failure(1, "error 2301207; closed");
}

Test(tcp_socket_proxy, the_target_refuses)
{
    proxy_set("socks5h://127.0.0.1:%u", microsocks_start(NULL, NULL));
    check_failure(refusing_port(), "error 2301208; closed");
}

Test(tcp_socket_proxy, the_proxy_is_not_there)
{
    proxy_set("socks5h://127.0.0.1:%u", refusing_port());
    check_failure(1, "error 2301206; closed");
}

Test(tcp_socket_proxy, what_socks5_cannot_carry)
{
    char host[300];

    memset(host, 'a', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    proxy_set("socks5h://127.0.0.1:%u", refusing_port());
    run_new_client();
    cr_assert_eq(leat_tcp_socket_connect(run.tcp, host, 1, run.config), LEAT_E_SOCKS5_SERIALIZE);
    cr_assert_eq(leat_tcp_socket_connect(run.tcp, "", 1, run.config), LEAT_E_SOCKS5_SERIALIZE);
    cr_assert_eq(leat_tcp_socket_connect(run.tcp, "a.test", 0, run.config),
                 LEAT_E_SOCKS5_SERIALIZE);
}

/* The proxy would refuse: whoever reaches the server has not asked it. */
Test(tcp_socket_proxy, an_excluded_destination_is_reached_directly)
{
    uint16_t port = run_new_server("127.0.0.1");
    cr_assert_eq(leat_config_add_proxy_exclusion(run.config, "a.example"), LEAT_OK);
    proxy_set("socks5h://127.0.0.1:%u", refusing_port());
    run_new_client();
    run_connect("127.0.0.1", port);
    run_until("error 2301206");
    run_until("closed");
    cr_assert_eq(leat_config_add_proxy_exclusion(run.config, "127.0.0.0/8"), LEAT_OK);
    leat_tcp_socket_free(run.tcp);
    run_new_client();
    run.log_len = 0;
    run_connect("127.0.0.1", port);
    run_until("connected");
    cr_assert_eq(leat_config_add_proxy_exclusion(run.config, "no host"), LEAT_E_PARAMETER);
}

/* Of the environment only ALL_PROXY is meant for all protocols. */
Test(tcp_socket_proxy, the_environment)
{
    cr_assert_eq(leat_config_set_proxy(run.config, "system"), LEAT_OK);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    unsetenv("ALL_PROXY");
    setenv("all_proxy", sandbox_format("socks5h://127.0.0.1:%u", microsocks_start(NULL, NULL)), 1);
    check_echo("localhost", LEAT_ADDRESS_DOMAIN);
}

/* As GNOME writes it. */
Test(tcp_socket_proxy, the_environment_says_socks)
{
    cr_assert_eq(leat_config_set_proxy(run.config, "system"), LEAT_OK);
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    setenv("all_proxy", sandbox_format("socks://127.0.0.1:%u/", microsocks_start(NULL, NULL)), 1);
    check_echo("localhost", LEAT_ADDRESS_DOMAIN);
}

static void check_environment(const char *value, int code, enum leat_layer layer, const char *text)
{
    struct leat_error error;

    setenv("all_proxy", value, 1);
    run_new_client();
    cr_expect_eq(leat_tcp_socket_connect(run.tcp, "127.0.0.1", 1, run.config), code, "%s", value);
    leat_tcp_socket_get_error(run.tcp, &error);
    cr_expect_eq(error.code, code, "%s: %d", value, error.code);
    cr_expect_eq(error.layer, layer, "%s: %d", value, (int)error.layer);
    cr_expect(strstr(error.text, "all_proxy: ") == error.text, "%s: %s", value, error.text);
    cr_expect(strstr(error.text, text), "%s: %s", value, error.text);
    cr_expect(!strstr(error.text, "s3cret"), "%s: %s", value, error.text);
    leat_tcp_socket_free(run.tcp);
    run.tcp = NULL;
}

/* The variable, and what to escape in it. */
Test(tcp_socket_proxy, an_environment_that_cannot_be_used)
{
    cr_assert_eq(leat_config_set_proxy(run.config, "system"), LEAT_OK);
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    check_environment("socks5h://u:s3cret@1@h:1", LEAT_E_PARAMETER, LEAT_LAYER_SOCKS5, "%40");
    check_environment("socks://u:s3cret/1@h:1", LEAT_E_PARAMETER, LEAT_LAYER_SOCKS5, "%2F");
    check_environment("http://u:s3cret#1@h:1", LEAT_E_PARAMETER, LEAT_LAYER_HTTP_PROXY, "%23");
    check_environment("u:s3cret?1@h:1", LEAT_E_PARAMETER, LEAT_LAYER_HTTP_PROXY, "%3F");
    check_environment("http://u:s3cret%@h:1", LEAT_E_PARAMETER, LEAT_LAYER_HTTP_PROXY, "%25");
    check_environment("ftp://h:1", LEAT_E_PARAMETER, LEAT_LAYER_HTTP_PROXY, "scheme");
    check_environment("h:99999", LEAT_E_PARAMETER, LEAT_LAYER_HTTP_PROXY, "port");
    check_environment("socks5://:s3cret@h", LEAT_E_SOCKS5_SERIALIZE, LEAT_LAYER_SOCKS5,
                      "no user name");
}
