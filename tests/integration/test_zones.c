/* SPDX-License-Identifier: Apache-2.0 */
/* The zone of a link-local address (RFC 4007 section 11): it chooses the interface, and stays on
 * this machine (RFC 6874 section 4). In network namespaces, whose hosts have such addresses for
 * certain. */
#include "integration/common.h"

#include "support/net_namespace.h"

#include <stdio.h>

TestSuite(zones, .init = net_namespaces_init, .fini = sandbox_done, .timeout = TEST_TIMEOUT_S);

#define LINK_LOCAL "fe80::99"

static const struct leat_script_row echo_script[] = {
    LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};

static void link_local_add(void)
{
    net_ip(NET_NEAR, (const char *const[]){"address", "add", LINK_LOCAL "/64", "dev", "cable0",
                                           "nodad", NULL});
}

static leat_testing_server *server_at(const char *address, const struct leat_script_row *first,
                                      const struct leat_script_row *second)
{
    return script_server_new(
        &(struct leat_testing_options){.address = address, .scripts = {first, second}});
}

static const char *zone_url(uint16_t port, const char *path)
{
    return sandbox_format("ws://[" LINK_LOCAL "%%25cable0]:%u%s", port, path);
}

static void host_field_expect(leat_testing_server *server, const char *request_line)
{
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(server, &seen);
    const char *head = sandbox_format("%s\r\nHost: [" LINK_LOCAL "]:%u\r\n", request_line,
                                      leat_testing_server_get_port(server));
    cr_expect(strncmp(seen.http_head, head, strlen(head)) == 0, "%s", seen.http_head);
    cr_expect(!strchr(seen.http_head, '%'), "%s", seen.http_head);
}

Test(zones, host_is_without_one)
{
    struct client_run run;
    link_local_add();
    leat_testing_server *server = server_at("::", echo_script, NULL);
    client_run_init(&run);
    client_run_open(&run, zone_url(leat_testing_server_get_port(server), "/"));
    client_run_echo(&run, "over the link");
    client_run_close(&run);
    host_field_expect(server, "GET / HTTP/1.1");
    client_run_done(&run);
    leat_testing_server_free(server);
}

static void redirect_expect(const char *location)
{
    static struct leat_script_row redirect[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND}, {LEAT_SCRIPT_CLOSE}};
    static char answer[256];
    struct client_run run;
    uint16_t port = free_port();
    leat_testing_server *server = script_server_new(&(struct leat_testing_options){
        .address = "::", .port = port, .scripts = {redirect, echo_script}});
    snprintf(answer, sizeof(answer), "HTTP/1.1 302 x\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
             strstr(location, "%u") ? sandbox_format("ws://[" LINK_LOCAL "]:%u/new", port)
                                    : location);
    redirect[1].data = answer;
    redirect[1].len = strlen(answer);
    client_run_init(&run);
    cr_assert(leat_config_set_max_redirects(run.config, 1) == LEAT_OK);
    client_run_open(&run, zone_url(port, "/old"));
    client_run_echo(&run, "over the same link");
    client_run_close(&run);
    host_field_expect(server, "GET /new HTTP/1.1");
    client_run_done(&run);
    leat_testing_server_free(server);
}

/* The server knows of no zone: where it sends back to itself, the same interface is meant. */
Test(zones, redirects_keep_it)
{
    link_local_add();
    redirect_expect("/new");
    redirect_expect("ws://[" LINK_LOCAL "]:%u/new");
}

static void proxied_expect(enum leat_testing_kind kind, const char *scheme)
{
    struct client_run run;
    struct leat_testing_seen seen;
    struct leat_testing_problem problem;
    leat_testing_server *proxy;
    const struct leat_testing_options options = {.size = sizeof(options), .kind = kind};
    cr_assert(leat_testing_server_new(&options, &proxy, &problem) == LEAT_OK, "%s", problem.text);
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(
                  run.config, sandbox_format("%s://127.0.0.1:%u", scheme,
                                             leat_testing_server_get_port(proxy))) == LEAT_OK);
    /* Without a zone the proxy's own connect fails, as it must. */
    client_run_refused(&run, zone_url(9, "/"));
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(strcmp(seen.host, LINK_LOCAL) == 0, "%s: %s", scheme, seen.host);
    cr_expect(!strchr(seen.http_head, '%'), "%s", seen.http_head);
    client_run_done(&run);
    leat_testing_server_free(proxy);
}

Test(zones, proxies_are_not_told)
{
    link_local_add();
    proxied_expect(LEAT_TESTING_SOCKS5, "socks5h");
    proxied_expect(LEAT_TESTING_SOCKS5, "socks5");
    proxied_expect(LEAT_TESTING_CONNECT, "http");
}

/* ---- of no use -------------------------------------------------------------------------- */

static void unusable_expect(struct client_run *run, const char *url, int code, int sys_errno,
                            const char *text)
{
    const struct leat_error *error = &run->close.error;
    run->closed_count = 0;
    client_run_refused(run, url);
    cr_expect(error->code == code, "%s: %d %s", url, error->code, error->text);
    cr_expect(error->sys_errno == sys_errno, "%s: %d", url, error->sys_errno);
    cr_expect(strstr(error->text, text), "%s: %s", url, error->text);
    cr_expect(error->layer != LEAT_LAYER_DNS, "%s", url);
}

/* A literal is never asked for in DNS, and never means what DNS would answer. */
Test(zones, unknown_interface)
{
    static const struct dns_record records[] = {{NULL}};
    static const char no_device[] = "this machine has no interface \"gone0\": ENODEV";
    struct dns_server *dns = dns_server_start(records);
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_dns_servers(run.config, dns_server_address(dns)) == LEAT_OK);
    unusable_expect(&run, "ws://[fe80::99%25gone0]:9/", LEAT_E_SOCKET_BASE + ENODEV, ENODEV,
                    no_device);
    unusable_expect(&run, "ws://[fe80::99%gone0]:9/", LEAT_E_SOCKET_BASE + ENODEV, ENODEV,
                    no_device);
    unusable_expect(&run, "ws://[fe80::99%2577]:9/", LEAT_E_SOCKET_BASE + ENODEV, ENODEV,
                    "no interface \"77\"");
    unusable_expect(&run, "ws://[2001:db8::1%25lo]:9/", LEAT_E_SOCKET_BASE + EINVAL, EINVAL,
                    "only a link-local address has a zone");
    cr_assert(leat_config_set_proxy(run.config, "socks5h://[fe80::99%25gone0]:9") == LEAT_OK);
    unusable_expect(&run, "ws://x.example/", LEAT_E_SOCKS5_CONNECT_PROXY, ENODEV, no_device);
    cr_assert(leat_config_set_proxy(run.config, "http://[fe80::99%25gone0]:9") == LEAT_OK);
    unusable_expect(&run, "ws://x.example/", LEAT_E_SOCKET_BASE + ENODEV, ENODEV, no_device);
    cr_expect(dns_server_query_count(dns) == 0, "%u", dns_server_query_count(dns));
    client_run_done(&run);
    dns_server_free(dns);
}

/* All that the kernel says is EINVAL. */
Test(zones, a_missing_one_is_said_to_be_missing)
{
    static const char missing[] = "the zone is missing that names the interface: fe80::99%eth0";
    struct client_run run;
    client_run_init(&run);
    unusable_expect(&run, "ws://[fe80::99]:9/", LEAT_E_SOCKET_BASE + EINVAL, EINVAL, missing);
    cr_assert(leat_config_set_proxy(run.config, "socks5h://[fe80::99]:9") == LEAT_OK);
    unusable_expect(&run, "ws://x.example/", LEAT_E_SOCKS5_CONNECT_PROXY, EINVAL, missing);
    client_run_done(&run);
}
