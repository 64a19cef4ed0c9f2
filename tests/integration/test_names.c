/* SPDX-License-Identifier: Apache-2.0 */
/* Names as people and machines write them: what DNS is asked for, and what servers and proxies are
 * told. */
#include "integration/common.h"

#include <stdlib.h>

INTEGRATION_SUITE(names);

static const struct dns_record records[] = {
    {.name = "www.svc.test", .v4 = {"127.0.0.1"}},
    {.name = "single", .v4 = {"127.0.0.1"}},
    {.name = "host.silent.test", .behaviour = DNS_SILENCE},
    {.name = "host", .v4 = {"127.0.0.1"}},
    {.name = NULL},
};

static const struct leat_script_row echo_script[] = {
    LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};

struct names {
    struct client_run run;
    struct dns_server *dns;
    leat_testing_server *server;
    uint16_t port;
    char asked[4096];
};

/* `search` and `options` as in resolv.conf. */
static void names_init(struct names *names, const char *search, const char *options,
                       const struct leat_script_row *first)
{
    cr_assert_eq(setenv("LOCALDOMAIN", search, 1), 0);
    cr_assert_eq(setenv("RES_OPTIONS", options, 1), 0);
    names->dns = dns_server_start(records);
    names->server =
        script_server_new(&(struct leat_testing_options){.scripts = {first, echo_script}});
    names->port = leat_testing_server_get_port(names->server);
    client_run_init(&names->run);
    cr_assert_eq(leat_config_set_dns_servers(names->run.config, dns_server_address(names->dns)),
                 LEAT_OK);
}

static void names_done(struct names *names)
{
    client_run_done(&names->run);
    leat_testing_server_free(names->server);
    dns_server_free(names->dns);
}

static const char *questions(struct names *names)
{
    dns_server_questions(names->dns, names->asked, sizeof(names->asked));
    return names->asked;
}

static void names_echo(struct names *names, const char *host)
{
    client_run_open(&names->run, sandbox_format("ws://%s:%u/", host, names->port));
    client_run_echo(&names->run, host);
    client_run_close(&names->run);
}

static void host_field_expect(struct names *names, const char *host)
{
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(names->server, &seen);
    cr_expect(strstr(seen.http_head, sandbox_format("\r\nHost: %s:%u\r\n", host, names->port)),
              "%s", seen.http_head);
}

/* Kubernetes writes ndots:5: the dot saves the questions, and nobody else can answer them. */
Test(names, absolute)
{
    struct names names;
    names_init(&names, "corp.test", "ndots:5", echo_script);
    names_echo(&names, "www.svc.test.");
    host_field_expect(&names, "www.svc.test");
    cr_expect(!strstr(questions(&names), "corp.test"), "%s", names.asked);
    names_done(&names);
}

static const struct leat_script_row redirect_script[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD},
    {LEAT_SCRIPT_SEND,
     LEAT_SCRIPT_BYTES("HTTP/1.1 302 x\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n")},
    {LEAT_SCRIPT_CLOSE}};

Test(names, absolute_behind_a_redirect)
{
    struct names names;
    names_init(&names, "corp.test", "ndots:5", redirect_script);
    cr_assert_eq(leat_config_set_max_redirects(names.run.config, 1), LEAT_OK);
    names_echo(&names, "www.svc.test.");
    cr_expect(!strstr(questions(&names), "corp.test"), "%s", names.asked);
    names_done(&names);
}

static void proxy_expect(enum leat_testing_kind kind, const char *scheme, const char *seen_host)
{
    static const struct leat_testing_name proxy_names[] = {{"www.svc.test", "127.0.0.1"},
                                                           {NULL, NULL}};
    struct names names;
    struct leat_testing_seen seen;
    leat_testing_server *proxy;
    const struct leat_testing_options options = {
        .size = sizeof(options), .kind = kind, .names = proxy_names};
    cr_assert_eq(leat_testing_server_new(&options, &proxy, NULL), LEAT_OK);
    names_init(&names, "corp.test", "ndots:5", echo_script);
    cr_assert_eq(leat_config_set_proxy(names.run.config,
                                       sandbox_format("%s://127.0.0.1:%u", scheme,
                                                      leat_testing_server_get_port(proxy))),
                 LEAT_OK);
    names_echo(&names, "www.svc.test.");
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect_str_eq(seen.host, seen_host);
    cr_expect(!strstr(questions(&names), "corp.test"), "%s", names.asked);
    names_done(&names);
    leat_testing_server_free(proxy);
}

/* They look in their rules for the name as it is usually written. */
Test(names, absolute_through_proxies)
{
    proxy_expect(LEAT_TESTING_SOCKS5, "socks5h", "www.svc.test");
    proxy_expect(LEAT_TESTING_SOCKS5, "socks5", "127.0.0.1");
    proxy_expect(LEAT_TESTING_CONNECT, "http", "www.svc.test");
}

Test(names, of_a_proxy_itself)
{
    struct names names;
    leat_testing_server *proxy;
    const struct leat_testing_options options = {.size = sizeof(options),
                                                 .kind = LEAT_TESTING_SOCKS5};
    cr_assert_eq(leat_testing_server_new(&options, &proxy, NULL), LEAT_OK);
    names_init(&names, "corp.test", "ndots:5", echo_script);
    cr_assert_eq(leat_config_set_proxy(names.run.config,
                                       sandbox_format("socks5h://www.svc.test.:%u",
                                                      leat_testing_server_get_port(proxy))),
                 LEAT_OK);
    names_echo(&names, "127.0.0.1");
    cr_expect(!strstr(questions(&names), "corp.test"), "%s", names.asked);
    names_done(&names);
    leat_testing_server_free(proxy);
}

/* What systemd-resolved writes, what is no name, and what does not answer. */
Test(names, that_are_searched_for)
{
    static const char *const searches[] = {".", "corp.test .", "a..b", "silent.test"};
    for (size_t i = 0; i < sizeof(searches) / sizeof(searches[0]); ++i) {
        struct names names;
        names_init(&names, searches[i], "", echo_script);
        cr_assert_eq(leat_config_set_phase_timeout(names.run.config, LEAT_PHASE_DNS, 4000),
                     LEAT_OK);
        names_echo(&names, i == 3 ? "host" : "single");
        names_done(&names);
    }
}

Test(names, of_this_machine)
{
    static const char *const hosts[] = {"app.localhost", "App.LOCALHOST.", "localhost."};
    static const char *const fields[] = {"app.localhost", "app.localhost", "localhost"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); ++i) {
        struct names names;
        names_init(&names, "corp.test", "ndots:5", echo_script);
        names_echo(&names, hosts[i]);
        host_field_expect(&names, fields[i]);
        cr_expect_str_eq(questions(&names), "");
        names_done(&names);
    }
}
