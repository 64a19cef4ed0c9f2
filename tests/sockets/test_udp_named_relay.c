/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy that gives a name for its relay (ATYP 3 in the reply to UDP ASSOCIATE, RFC 1928 section
 * 6): it is resolved here. */
#include "sockets/udp_run.h"

#include "support/dns_server.h"
#include "support/sandbox.h"
#include "support/script_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(udp_named_relay, .fini = sandbox_done, .timeout = 50);

#define TO_9 "\x01\x7f\x00\x00\x01\x00\x09" /* 127.0.0.1:9 */

static const struct dns_record names[] = {
    {.name = "relay.test", .v4 = {"127.0.0.1"}},
    {.name = "both.test", .v4 = {"127.0.0.1"}, .v6 = {"::1"}},
    {.name = "any.test", .v4 = {"0.0.0.0"}},
    {.name = "six.test", .v6 = {"::1"}},
    {.name = "silent.test", .behaviour = DNS_SILENCE},
    {.name = "held.test", .behaviour = DNS_HELD, .v4 = {"127.0.0.1"}},
    {NULL}};

/* A run, a proxy whose reply has a name, and the socket that is the relay. */
struct bench {
    struct udp_run run;
    struct dns_server *dns;
    leat_testing_server *proxy;
    int relay_fd;
    char reply[64];
    struct leat_script_row script[8];
};

/* Behind its reply the proxy waits to be released, and closes. */
static void bench_init(struct bench *bench, const char *name)
{
    uint16_t port;
    memset(bench, 0, sizeof(*bench));
    bench->relay_fd = udp_plain_open("127.0.0.1", &port);
    size_t name_len = strlen(name);
    int len = snprintf(bench->reply, sizeof(bench->reply), "\x05%c%c\x03%c%s%c%c", 0, 0,
                       (int)name_len, name, port >> 8, port & 0xff);
    const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")},
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("\x05\x03\x00\x01\0\0\0\0\0\0")},
        {LEAT_SCRIPT_SEND, .data = bench->reply, .len = (size_t)len},
        {LEAT_SCRIPT_WAIT},
        {LEAT_SCRIPT_CLOSE},
    };
    memcpy(bench->script, script, sizeof(script));
    bench->dns = dns_server_start(names);
    bench->proxy = script_server_start(bench->script);
    cr_assert(bench->dns && bench->proxy);
    udp_run_init(&bench->run);
    leat_config *config = bench->run.config;
    cr_assert_eq(leat_config_set_dns_servers(config, dns_server_address(bench->dns)), LEAT_OK);
    cr_assert_eq(
        leat_config_set_proxy(config, sandbox_format("socks5h://127.0.0.1:%u",
                                                     leat_testing_server_get_port(bench->proxy))),
        LEAT_OK);
}

static void bench_done(struct bench *bench)
{
    udp_run_done(&bench->run);
    leat_testing_server_free(bench->proxy);
    dns_server_free(bench->dns);
    close(bench->relay_fd);
}

/* Whatever is sent before the relay is known waits for it. */
static void check_relay(const char *name, bool is_asked)
{
    static const char expected[] = "\0\0\0" TO_9 "waits";
    struct bench bench;
    char received[64];
    uint16_t from;
    bench_init(&bench, name);
    udp_run_bind(&bench.run, "127.0.0.1");
    udp_run_send(&bench.run, "waits", "127.0.0.1", 9);
    while (bench.run.listening_count == 0)
        cr_assert_eq(leat_loop_dispatch(bench.run.loop, UDP_RUN_TIMEOUT_MS), 0, "%s", name);
    size_t len = udp_plain_recv(bench.relay_fd, received, sizeof(received), &from);
    cr_expect(len == sizeof(expected) - 1 && memcmp(received, expected, len) == 0, "%s", name);
    udp_plain_send(bench.relay_fd, "\0\0\0" TO_9 "back", 14, "127.0.0.1", from);
    udp_run_until_messages(&bench.run, 1);
    udp_run_expect(&bench.run, 0, "back", "127.0.0.1", "IPv4", 9);
    cr_expect_eq(dns_server_query_count(bench.dns) > 0, is_asked, "%s", name);
    bench_done(&bench);
}

Test(udp_named_relay, is_found)
{
    check_relay("relay.test", true);
    check_relay("relay.test.", true);
    check_relay("both.test", true);
    check_relay("any.test", true); /* then it is where the proxy is */
    check_relay("127.0.0.1", false);
}

static void check_refusal(const char *name, int code, int sys_errno, const char *detail)
{
    struct bench bench;
    bench_init(&bench, name);
    cr_assert_eq(leat_config_set_phase_timeout(bench.run.config, LEAT_PHASE_DNS, 300), LEAT_OK);
    udp_run_bind(&bench.run, "127.0.0.1");
    udp_run_until_closed(&bench.run);
    cr_expect_eq(bench.run.error_count, 1, "%s", name);
    udp_run_until_error(&bench.run, 1, code, detail);
    cr_expect_eq(bench.run.errors[0].layer, LEAT_LAYER_SOCKS5);
    cr_expect_eq(bench.run.errors[0].sys_errno, sys_errno);
    cr_expect_eq(bench.run.listening_count, 0);
    bench_done(&bench);
}

Test(udp_named_relay, is_not_found)
{
    check_refusal("nobody.test", LEAT_E_SOCKS5_CONNECT_PROXY, EHOSTUNREACH, "nobody.test");
    check_refusal("silent.test", LEAT_E_SOCKS5_CONNECT_PROXY, ETIMEDOUT, "silent.test");
    check_refusal("six.test", LEAT_E_SOCKS5_SERIALIZE, 0, "no address of the family");
    check_refusal(".", LEAT_E_SOCKS5_CONNECT_PROXY, EHOSTUNREACH, "relay");
    check_refusal("", LEAT_E_SOCKS5_DESERIALIZE, 0, "no address of a relay");
}

Test(udp_named_relay, the_control_connection_ends_while_it_is_resolved)
{
    struct bench bench;
    bench_init(&bench, "held.test");
    udp_run_bind(&bench.run, "127.0.0.1");
    while (dns_server_query_count(bench.dns) == 0)
        cr_assert_eq(leat_loop_dispatch(bench.run.loop, 10), 0);
    leat_testing_server_release(bench.proxy);
    udp_run_until_closed(&bench.run);
    udp_run_until_error(&bench.run, 1, LEAT_E_SOCKS5_RECV, "closed the control connection");
    bench_done(&bench);
}

Test(udp_named_relay, the_socket_is_closed_while_it_is_resolved)
{
    struct bench bench;
    bench_init(&bench, "held.test");
    udp_run_bind(&bench.run, "127.0.0.1");
    while (dns_server_query_count(bench.dns) == 0)
        cr_assert_eq(leat_loop_dispatch(bench.run.loop, 10), 0);
    cr_assert_eq(leat_udp_socket_close(bench.run.udp), LEAT_OK);
    udp_run_until_closed(&bench.run);
    cr_expect_eq(bench.run.error_count, 0);
    dns_server_release(bench.dns);
    udp_run_settle(&bench.run);
    cr_expect_eq(bench.run.listening_count, 0);
    bench_done(&bench);
}
