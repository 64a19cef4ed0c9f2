/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that leave before anything has been agreed on: TCP fast open. */
#include "early_server.h"

#include "support/net_namespace.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

INTEGRATION_SUITE(first_bytes);

/* ---- TCP fast open -------------------------------------------------------------------------- */

static void fast_open_allow(void)
{
    net_namespaces_init();
    int fd = open("/proc/sys/net/ipv4/tcp_fastopen", O_WRONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, "3", 1) == 1, "%s", strerror(errno));
    close(fd);
}

static void fast_open_twice(const char *scheme, struct early_server *server, bool fast_open)
{
    struct client_run run;
    const char *url = url_of(scheme, server->port, "/");

    client_run_init(&run);
    cr_assert_eq(leat_config_set_tcp_fast_open(run.config, fast_open), LEAT_OK);
    for (int i = 0; i < 2; ++i) {
        open_anew(&run, url);
        client_run_echo(&run, "hello");
        client_run_close(&run);
    }
    client_run_done(&run);
    early_server_done(server);
    cr_expect_not(server->seen[0].had_data_in_syn, "without a cookie");
    cr_expect_eq(server->seen[1].had_data_in_syn, fast_open);
}

Test(first_bytes, upgrade_request_in_the_syn)
{
    struct early_server server = {.count = 2};

    fast_open_allow();
    early_server_start(&server);
    fast_open_twice("ws", &server, true);
}

Test(first_bytes, client_hello_in_the_syn)
{
    struct early_server server = {.count = 2};

    fast_open_allow();
    early_server_start_tls(&server, 0);
    fast_open_twice("wss", &server, true);
}

Test(first_bytes, nothing_in_the_syn_unless_asked_for)
{
    struct early_server server = {.count = 2};

    fast_open_allow();
    early_server_start(&server);
    fast_open_twice("ws", &server, false);
}

/* The server has forgotten the cookie: the bytes are sent again by the kernel. */
Test(first_bytes, cookie_that_is_not_good_any_more)
{
    static const uint8_t other_key[16] = {1, 2, 3};
    struct early_server server = {.count = 2};
    struct client_run run;

    fast_open_allow();
    early_server_start(&server);
    client_run_init(&run);
    cr_assert_eq(leat_config_set_tcp_fast_open(run.config, true), LEAT_OK);
    for (int i = 0; i < 2; ++i) {
        open_anew(&run, url_of("ws", server.port, "/"));
        client_run_echo(&run, "hello");
        client_run_close(&run);
        cr_assert_eq(setsockopt(server.listener, IPPROTO_TCP, TCP_FASTOPEN_KEY, other_key,
                                sizeof(other_key)),
                     0);
    }
    client_run_done(&run);
    early_server_done(&server);
    cr_expect_not(server.seen[1].had_data_in_syn);
}

Test(first_bytes, need_a_configuration)
{
    cr_expect_eq(leat_config_set_tcp_fast_open(NULL, true), LEAT_E_PARAMETER);
    cr_expect_eq(leat_config_set_early_data(NULL, true), LEAT_E_PARAMETER);
}

/* Has a cookie of 127.0.0.1, for whatever port, from a server that is gone. @return its URL. */
static const char *cookie_get(struct client_run *run)
{
    struct early_server server = {.count = 1};

    fast_open_allow();
    early_server_start(&server);
    client_run_init(run);
    cr_assert_eq(leat_config_set_tcp_fast_open(run->config, true), LEAT_OK);
    const char *url = url_of("ws", server.port, "/");
    open_anew(run, url);
    client_run_close(run);
    early_server_done(&server);
    run->opened_count = run->closed_count = 0;
    return url;
}

/* The address counts as reached when it is dialled; what is wrong with it is found by sending. */
Test(first_bytes, nobody_listens_any_more)
{
    struct client_run run;
    const char *url = cookie_get(&run);

    cr_expect_eq(client_run_refused(&run, url), LEAT_E_SOCKET_BASE + ECONNREFUSED, "%s",
                 run.close.error.text);
    cr_expect_eq(run.close.error.layer, LEAT_LAYER_TCP);
    client_run_done(&run);
}

Test(first_bytes, proxy_that_is_away)
{
    struct client_run run;

    cookie_get(&run);
    cr_assert_eq(leat_config_set_proxy(run.config,
                                       sandbox_format("socks5h://127.0.0.1:%u", refusing_port())),
                 LEAT_OK);
    cr_expect_eq(client_run_refused(&run, "ws://server.test/"), LEAT_E_SOCKS5_CONNECT_PROXY, "%s",
                 run.close.error.text);
    cr_expect_eq(run.close.error.layer, LEAT_LAYER_SOCKS5);
    cr_expect_eq(run.close.error.sys_errno, ECONNREFUSED);
    client_run_done(&run);
}

/* An address that counted as reached and refuses is followed by the next one, of a server and of a
 * proxy. */
static void next_address_expect(const char *proxy)
{
    static const struct dns_record records[] = {
        {.name = "two.test", .v4 = {"127.0.0.1", "127.0.0.2"}}, {NULL}};
    static const struct leat_script_row server_script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row proxy_script[] = {LEAT_SCRIPT_SOCKS5_OPEN,
                                                          LEAT_SCRIPT_UPGRADE,
                                                          {LEAT_SCRIPT_SERVE_ECHO},
                                                          {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    uint16_t port = 0;

    cr_assert_eq(sscanf(cookie_get(&run), "ws://127.0.0.1:%hu/", &port), 1);
    struct dns_server *dns = dns_server_start(records);
    leat_testing_server *second = script_server_new(&(struct leat_testing_options){
        .scripts = {proxy ? proxy_script : server_script}, .address = "127.0.0.2", .port = port});
    cr_assert(dns && second != NULL);
    cr_assert_eq(leat_config_set_dns_servers(run.config, dns_server_address(dns)), LEAT_OK);
    if (proxy)
        cr_assert_eq(
            leat_config_set_proxy(run.config, sandbox_format("%s://two.test:%u", proxy, port)),
            LEAT_OK);
    client_run_open(&run, proxy ? "ws://server.test/" : sandbox_format("ws://two.test:%u/", port));
    client_run_echo(&run, "there");
    client_run_close(&run);
    /* The connection that got the cookie, the one that seemed to be there, and the one that is. */
    const char *at = run.trace;
    for (int i = 0; i < 3; ++i) {
        at = strstr(at, "end tcp 0");
        cr_assert(at != NULL, "%d connections: %s", i, run.trace);
        at++;
    }
    client_run_done(&run);
    leat_testing_server_free(second);
    dns_server_free(dns);
}

Test(first_bytes, the_next_address_of_a_server)
{
    next_address_expect(NULL);
}

Test(first_bytes, the_next_address_of_a_proxy)
{
    next_address_expect("socks5h");
}

/* Without the kernel's permission it is a connection like any other. */
Test(first_bytes, fast_open_that_is_forbidden)
{
    struct early_server server = {.count = 2};
    struct client_run run;

    net_namespaces_init();
    int fd = open("/proc/sys/net/ipv4/tcp_fastopen", O_WRONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, "0", 1) == 1, "%s", strerror(errno));
    close(fd);
    early_server_start(&server);
    client_run_init(&run);
    cr_assert_eq(leat_config_set_tcp_fast_open(run.config, true), LEAT_OK);
    for (int i = 0; i < 2; ++i) {
        open_anew(&run, url_of("ws", server.port, "/"));
        client_run_close(&run);
    }
    client_run_done(&run);
    early_server_done(&server);
    cr_expect_not(server.seen[1].had_data_in_syn);
}
