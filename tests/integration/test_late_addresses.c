/* SPDX-License-Identifier: Apache-2.0 */
/* An address that DNS tells while others fail is still used (RFC 8305 sections 3 and 5): in both
 * directions, for who is dialled and for what a proxy is asked for. The late family is released
 * when the trace has told that the early one has failed, so nothing here depends on a time. */
#include "integration/common.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(late_addresses, .fini = sandbox_done, .timeout = TEST_TIMEOUT_S);

static const struct dns_record records[] = {
    {.name = "late-v4.test", .v4 = {"127.0.0.1"}, .v6 = {"::1"}, .v4_behaviour = DNS_HELD},
    {.name = "late-v6.test", .v4 = {"127.0.0.1"}, .v6 = {"::1"}, .v6_behaviour = DNS_HELD},
    {.name = "late-nothing.test", .v4 = {"127.0.0.1"}, .v6_behaviour = DNS_HELD},
    {.name = "silent-v6.test", .v4 = {"127.0.0.1"}, .v6_behaviour = DNS_SILENCE},
    {.name = NULL},
};

struct late {
    struct client_run run;
    struct dns_server *dns;
    leat_testing_server *server;
    uint16_t port;
    int refusing_fd;
};

/* A port whose 127.0.0.1 is taken by somebody who does not listen, so that it refuses. */
static void server_start(struct late *late, const struct leat_testing_options *options)
{
    struct sockaddr_in early = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool is_taken = false;
    while (!is_taken) {
        cr_assert_eq(leat_testing_server_new(options, &late->server, NULL), LEAT_OK);
        late->port = leat_testing_server_get_port(late->server);
        early.sin_port = htons(late->port);
        late->refusing_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert(late->refusing_fd >= 0);
        is_taken = strcmp(options->address, "127.0.0.1") == 0 ||
                   bind(late->refusing_fd, (struct sockaddr *)&early, sizeof(early)) == 0;
        if (!is_taken) {
            close(late->refusing_fd);
            leat_testing_server_free(late->server);
        }
    }
}

static void late_init(struct late *late, const char *server_address)
{
    *late = (struct late){.dns = dns_server_start(records)};
    cr_assert(late->dns);
    const struct leat_testing_options options = {.size = sizeof(options),
                                                 .kind = LEAT_TESTING_WEBSOCKET,
                                                 .address =
                                                     server_address ? server_address : "127.0.0.1"};
    server_start(late, &options);
    client_run_init(&late->run);
    cr_assert_eq(leat_config_set_dns_servers(late->run.config, dns_server_address(late->dns)),
                 LEAT_OK);
}

static void late_done(struct late *late)
{
    client_run_done(&late->run);
    close(late->refusing_fd);
    leat_testing_server_free(late->server);
    dns_server_free(late->dns);
}

static void late_connect(struct late *late, const char *host)
{
    cr_assert_eq(client_run_connect(&late->run, sandbox_format("ws://%s:%u/", host, late->port)),
                 LEAT_OK);
}

/* Nothing but the late address is left. */
static bool has_refused(const struct client_run *run)
{
    return trace_has(run, "address tcp 2301111") || run->closed_count > 0;
}

static bool proxy_has_refused(const struct client_run *run)
{
    return trace_has(run, "end socks5 2301208") || run->closed_count > 0;
}

static void late_release(struct late *late, bool (*done)(const struct client_run *run))
{
    cr_assert(client_run_until(&late->run, done), "%s", late->run.trace);
    cr_assert_eq(late->run.closed_count, 0, "%s", late->run.close.error.text);
    dns_server_release(late->dns);
}

static void late_opens(struct late *late)
{
    client_run_until_opened(&late->run);
    cr_assert_eq(late->run.opened_count, 1, "%s", late->run.close.error.text);
    client_run_echo(&late->run, "there");
    client_run_close(&late->run);
}

Test(late_addresses, of_the_server)
{
    static const char *const cases[][2] = {{"late-v4.test", "127.0.0.1"}, {"late-v6.test", "::1"}};
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    for (size_t i = 0; i < 2; ++i) {
        struct late late;
        late_init(&late, cases[i][1]);
        late_connect(&late, cases[i][0]);
        late_release(&late, has_refused);
        late_opens(&late);
        late_done(&late);
    }
}

static leat_testing_server *socks5_start(const char *address, uint16_t *ret_port)
{
    leat_testing_server *proxy;
    const struct leat_testing_options options = {
        .size = sizeof(options), .kind = LEAT_TESTING_SOCKS5, .address = address};
    cr_assert_eq(leat_testing_server_new(&options, &proxy, NULL), LEAT_OK);
    *ret_port = leat_testing_server_get_port(proxy);
    return proxy;
}

Test(late_addresses, of_the_proxy)
{
    static const char *const cases[][2] = {{"late-v4.test", "127.0.0.1"}, {"late-v6.test", "::1"}};
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    for (size_t i = 0; i < 2; ++i) {
        struct late late;
        uint16_t port;
        leat_testing_server *proxy = socks5_start(cases[i][1], &port);
        late_init(&late, NULL);
        cr_assert_eq(leat_config_set_proxy(late.run.config,
                                           sandbox_format("socks5h://%s:%u", cases[i][0], port)),
                     LEAT_OK);
        late_connect(&late, "127.0.0.1");
        late_release(&late, has_refused);
        late_opens(&late);
        late_done(&late);
        leat_testing_server_free(proxy);
    }
}

/* socks5://: the proxy cannot reach the one, and waits to be asked for the other. */
Test(late_addresses, of_what_a_proxy_is_asked_for)
{
    static const char *const cases[][2] = {{"late-v4.test", "127.0.0.1"}, {"late-v6.test", "::1"}};
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    for (size_t i = 0; i < 2; ++i) {
        struct late late;
        struct leat_testing_seen seen;
        uint16_t port;
        leat_testing_server *proxy = socks5_start("127.0.0.1", &port);
        late_init(&late, cases[i][1]);
        cr_assert_eq(
            leat_config_set_proxy(late.run.config, sandbox_format("socks5://127.0.0.1:%u", port)),
            LEAT_OK);
        late_connect(&late, cases[i][0]);
        late_release(&late, proxy_has_refused);
        late_opens(&late);
        leat_testing_server_get_seen(proxy, &seen);
        cr_expect_str_eq(seen.host, cases[i][1]);
        cr_expect_eq(seen.connections, 2);
        late_done(&late);
        leat_testing_server_free(proxy);
    }
}

/* ---- when none comes -------------------------------------------------------------------- */

Test(late_addresses, an_answer_without_one)
{
    struct late late;
    uint16_t port;
    leat_testing_server *proxy = socks5_start("127.0.0.1", &port);
    late_init(&late, "127.0.0.2");
    late_connect(&late, "late-nothing.test");
    late_release(&late, has_refused);
    client_run_until_closed(&late.run);
    cr_expect_eq(late.run.close.error.code, LEAT_E_SOCKET_BASE + ECONNREFUSED, "%s",
                 late.run.close.error.text);
    late_done(&late);

    late_init(&late, "127.0.0.2"); /* anew, for c-ares from 1.31 on remembers answers */
    cr_assert_eq(
        leat_config_set_proxy(late.run.config, sandbox_format("socks5://127.0.0.1:%u", port)),
        LEAT_OK);
    late_connect(&late, "late-nothing.test");
    late_release(&late, proxy_has_refused);
    client_run_until_closed(&late.run);
    cr_expect_eq(late.run.close.error.code, LEAT_E_SOCKS5_CONNECT_REMOTE, "%s",
                 late.run.close.error.text);
    cr_expect_eq(late.run.close.error.native_code, 5);
    late_done(&late);
    leat_testing_server_free(proxy);
}

/* The deadlines of DNS and of the whole end the wait: what failed is what is reported. */
Test(late_addresses, silence)
{
    struct late late;
    uint16_t port;
    leat_testing_server *proxy = socks5_start("127.0.0.1", &port);
    late_init(&late, "127.0.0.2");
    cr_assert_eq(leat_config_set_phase_timeout(late.run.config, LEAT_PHASE_DNS, 1000), LEAT_OK);
    late_connect(&late, "silent-v6.test");
    client_run_until_closed(&late.run);
    cr_expect_eq(late.run.close.error.code, LEAT_E_SOCKET_BASE + ECONNREFUSED, "%s",
                 late.run.close.error.text);

    cr_assert_eq(
        leat_config_set_proxy(late.run.config, sandbox_format("socks5://127.0.0.1:%u", port)),
        LEAT_OK);
    late.run.closed_count = 0;
    late_connect(&late, "silent-v6.test");
    client_run_until_closed(&late.run);
    cr_expect_eq(late.run.close.error.code, LEAT_E_SOCKS5_CONNECT_REMOTE, "%s",
                 late.run.close.error.text);

    cr_assert_eq(leat_config_set_phase_timeout(late.run.config, LEAT_PHASE_DNS, 60000), LEAT_OK);
    cr_assert_eq(leat_config_set_connect_timeout(late.run.config, 1000), LEAT_OK);
    late.run.closed_count = 0;
    late_connect(&late, "silent-v6.test");
    client_run_until_closed(&late.run);
    cr_expect_eq(late.run.close.error.code, LEAT_E_SOCKS5_CONNECT_REMOTE, "%s",
                 late.run.close.error.text);
    late_done(&late);
    leat_testing_server_free(proxy);
}

/* An address that works is not kept waiting, and the other one is nobody's business any more. */
Test(late_addresses, that_are_not_needed)
{
    struct late late;
    late_init(&late, "127.0.0.1");
    late_connect(&late, "late-v6.test");
    late_opens(&late);
    late_connect(&late, "silent-v6.test");
    late.run.opened_count = late.run.closed_count = 0;
    late_opens(&late);
    late_done(&late);
}

Test(late_addresses, closed_while_it_waits)
{
    struct late late;
    uint16_t port;
    leat_testing_server *proxy = socks5_start("127.0.0.1", &port);
    late_init(&late, "127.0.0.2");
    late_connect(&late, "silent-v6.test");
    cr_assert(client_run_until(&late.run, has_refused));
    cr_assert_eq(leat_websocket_close(late.run.ws, 1000, NULL), LEAT_OK);
    client_run_until_closed(&late.run);

    cr_assert_eq(
        leat_config_set_proxy(late.run.config, sandbox_format("socks5://127.0.0.1:%u", port)),
        LEAT_OK);
    late.run.closed_count = 0;
    late_connect(&late, "silent-v6.test");
    cr_assert(client_run_until(&late.run, proxy_has_refused));
    cr_assert_eq(late.run.closed_count, 0);
    leat_websocket_free(late.run.ws);
    late.run.ws = NULL;
    late.run.is_live = false;
    late_done(&late);
    leat_testing_server_free(proxy);
}
