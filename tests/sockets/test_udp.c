/* SPDX-License-Identifier: Apache-2.0 */
/* UDP sockets without a proxy: life, datagrams, options, errors. */
#include "sockets/udp_run.h"

#include "support/dns_server.h"
#include "support/process.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(udp, .fini = sandbox_done, .timeout = 50);

#define SOCKET_CODE(e) (LEAT_E_SOCKET_BASE + (e))

/* ---- life -------------------------------------------------------------------------------- */

static void state_expect(const struct udp_run *run, bool is_bound)
{
    struct leat_socket_state state;
    leat_udp_socket_get_state(run->udp, &state);
    cr_expect_eq(state.is_bound, is_bound);
    cr_expect_eq(state.is_close, !is_bound);
    cr_expect(!state.is_connected);
    cr_expect_eq(leat_udp_socket_get_socket_fd(run->udp) >= 0, is_bound);
}

Test(udp, from_new_to_closed_and_again)
{
    struct udp_run run;
    struct leat_net_address local;
    udp_run_init(&run);
    state_expect(&run, false);
    cr_expect_eq(leat_udp_socket_get_local_address(run.udp, &local), SOCKET_CODE(EBADF));
    for (unsigned round = 1; round <= 2; round++) {
        run.closed_count = 0;
        udp_run_bind(&run, "127.0.0.1");
        cr_expect_eq(run.listening_count, round - 1, "called back inside of bind");
        state_expect(&run, true);
        udp_run_settle(&run);
        cr_expect_eq(run.listening_count, round);
        cr_expect_eq(leat_udp_socket_get_local_address(run.udp, &local), LEAT_OK);
        cr_expect_str_eq(local.address, "127.0.0.1");
        cr_expect_eq(local.family, LEAT_ADDRESS_IPV4);
        cr_expect_neq(local.port, 0);
        cr_expect_eq(leat_udp_socket_close(run.udp), LEAT_OK);
        cr_expect_eq(run.closed_count, 0, "called back inside of close");
        state_expect(&run, false);
        cr_expect_eq(leat_udp_socket_bind(run.udp, "127.0.0.1", 0, NULL), SOCKET_CODE(EINVAL));
        udp_run_until_closed(&run);
    }
    cr_expect(strstr(run.trace, "udp udp CLOSED > OPEN"), "%s", run.trace);
    cr_expect(strstr(run.trace, "udp udp CLOSING > CLOSED"), "%s", run.trace);
    udp_run_done(&run);
}

Test(udp, calls_in_the_wrong_state)
{
    struct udp_run run;
    struct leat_error error;
    udp_run_init(&run);
    udp_run_send_refused(&run, "127.0.0.1", 9, SOCKET_CODE(EBADF), "not bound");
    cr_expect_eq(leat_udp_socket_close(run.udp), SOCKET_CODE(EBADF));
    udp_run_listen(&run, "127.0.0.1");
    cr_expect_eq(leat_udp_socket_bind(run.udp, "127.0.0.1", 0, NULL), SOCKET_CODE(EINVAL));
    leat_udp_socket_get_error(run.udp, &error);
    cr_expect_str_eq(error.text, "bind of a socket that is bound: EINVAL (Invalid argument)");
    cr_expect_eq(error.layer, LEAT_LAYER_UDP);
    cr_expect_eq(leat_udp_socket_close(run.udp), LEAT_OK);
    cr_expect_eq(leat_udp_socket_close(run.udp), SOCKET_CODE(EBADF));
    udp_run_send_refused(&run, "127.0.0.1", 9, SOCKET_CODE(EBADF), "not bound");
    udp_run_until_closed(&run);
    udp_run_done(&run);
}

Test(udp, wrong_arguments)
{
    static const struct leat_udp_socket_callbacks none = {.size = sizeof(none)};
    struct udp_run run;
    leat_udp_socket *udp = NULL;
    udp_run_init(&run);
    cr_expect_eq(leat_udp_socket_new(NULL, &none, NULL, &udp), LEAT_E_PARAMETER);
    cr_expect_eq(leat_udp_socket_new(run.loop, NULL, NULL, &udp), LEAT_E_PARAMETER);
    cr_expect_eq(leat_udp_socket_new(run.loop, &none, NULL, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_udp_socket_new(run.loop, &(struct leat_udp_socket_callbacks){0}, NULL, &udp),
                 LEAT_E_PARAMETER);
    cr_expect_eq(leat_udp_socket_bind(NULL, "127.0.0.1", 0, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_udp_socket_bind(run.udp, NULL, 0, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_udp_socket_bind(run.udp, "localhost", 0, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_udp_socket_send(NULL, "x", 1, "127.0.0.1", 9), LEAT_E_PARAMETER);
    cr_expect_eq(leat_udp_socket_close(NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_udp_socket_get_socket_fd(NULL), -1);
    leat_udp_socket_free(NULL);
    udp_run_listen(&run, "127.0.0.1");
    cr_expect_eq(leat_udp_socket_send(run.udp, NULL, 1, "127.0.0.1", 9), LEAT_E_PARAMETER);
    udp_run_send_refused(&run, NULL, 9, LEAT_E_PARAMETER, "missing");
    udp_run_send_refused(&run, "", 9, LEAT_E_PARAMETER, "");
    udp_run_send_refused(&run, "127.0.0.1", 0, LEAT_E_PARAMETER, "port is 0");
    udp_run_send_refused(&run, "a name", 9, LEAT_E_PARAMETER, "");
    udp_run_done(&run);
}

Test(udp, bind_reports_what_the_kernel_says)
{
    struct udp_run run;
    struct leat_error error;
    uint16_t port;
    int taken = udp_plain_open("127.0.0.1", &port);
    udp_run_init(&run);
    cr_expect_eq(leat_udp_socket_bind(run.udp, "127.0.0.1", port, NULL), SOCKET_CODE(EADDRINUSE));
    leat_udp_socket_get_error(run.udp, &error);
    cr_expect(strstr(error.text, "127.0.0.1") && strstr(error.text, "EADDRINUSE"), "%s",
              error.text);
    cr_expect_eq(error.sys_errno, EADDRINUSE);
    cr_expect_eq(leat_udp_socket_bind(run.udp, "192.0.2.1", 0, NULL), SOCKET_CODE(EADDRNOTAVAIL));
    state_expect(&run, false);
    udp_run_settle(&run);
    cr_expect_eq(run.closed_count, 0);
    udp_run_listen(&run, "127.0.0.1");
    udp_run_done(&run);
    close(taken);
}

/* ---- datagrams --------------------------------------------------------------------------- */

static void echo_expect(const char *host, const char *family)
{
    struct udp_run run;
    uint16_t port = udp_echo_start(host);
    udp_run_init(&run);
    udp_run_listen(&run, host);
    udp_run_send(&run, "there and back", host, port);
    udp_run_send(&run, "", host, port);
    udp_run_until_messages(&run, 2);
    udp_run_expect(&run, 0, "there and back", host, family, port);
    udp_run_expect(&run, 1, "", host, family, port);
    cr_expect_eq(leat_udp_socket_get_buffered_bytes(run.udp), 0);
    udp_run_done(&run);
}

Test(udp, echo_over_ipv4)
{
    echo_expect("127.0.0.1", "IPv4");
}

Test(udp, echo_over_ipv6)
{
    if (!machine_has_ipv6())
        cr_skip_test("this machine has no ::1");
    echo_expect("::1", "IPv6");
}

Test(udp, socat_asks_and_gets_its_answer)
{
    struct udp_run run;
    char line[64];
    udp_run_init(&run);
    udp_run_listen(&run, "127.0.0.1");
    const char *const argv[] = {"socat", "-t10", "-",
                                sandbox_format("UDP4:127.0.0.1:%u", udp_run_port(&run)), NULL};
    struct process *socat =
        process_start(&(struct process_options){.argv = argv, .has_input = true});
    cr_assert_eq(write(socat->input_fd, "question\n", 9), 9);
    udp_run_until_messages(&run, 1);
    cr_expect_str_eq(run.messages[0].data, "question\n");
    udp_run_send(&run, "answer 42\n", run.messages[0].address, run.messages[0].port);
    process_wait_line(socat, "answer ", line, sizeof(line));
    cr_expect_str_eq(line, "42");
    udp_run_done(&run);
}

static void limit_expect(const char *host, size_t max)
{
    struct udp_run run;
    struct leat_error error;
    uint16_t port, from;
    static uint8_t data[65536];
    static uint8_t received[65536];
    int peer = udp_plain_open(host, &port);
    udp_run_init(&run);
    udp_run_listen(&run, host);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    cr_assert_eq(leat_udp_socket_send(run.udp, data, max, host, port), LEAT_OK);
    cr_expect_eq(udp_plain_recv(peer, received, sizeof(received), &from), max);
    cr_expect_eq(memcmp(data, received, max), 0);
    udp_plain_send(peer, data, max, host, udp_run_port(&run));
    udp_run_until_messages(&run, 1);
    cr_expect_eq(run.messages[0].len, max);
    cr_expect_eq(leat_udp_socket_send(run.udp, data, max + 1, host, port), SOCKET_CODE(EMSGSIZE));
    leat_udp_socket_get_error(run.udp, &error);
    cr_expect(strstr(error.text, sandbox_format("at most %zu are possible", max)), "%s",
              error.text);
    udp_run_done(&run);
    close(peer);
}

Test(udp, the_largest_datagram_over_ipv4)
{
    limit_expect("127.0.0.1", 65507);
}

Test(udp, the_largest_datagram_over_ipv6)
{
    if (!machine_has_ipv6())
        cr_skip_test("this machine has no ::1");
    limit_expect("::1", 65527);
}

Test(udp, addresses_of_the_other_family_are_refused)
{
    struct udp_run run;
    udp_run_init(&run);
    udp_run_listen(&run, "0.0.0.0");
    udp_run_send_refused(&run, "::1", 9, SOCKET_CODE(EAFNOSUPPORT),
                         "::1 is an IPv6 address, and the socket is bound to IPv4");
    cr_expect_eq(leat_udp_socket_close(run.udp), LEAT_OK);
    udp_run_until_closed(&run);
    if (machine_has_ipv6()) {
        udp_run_listen(&run, "::");
        udp_run_send_refused(&run, "127.0.0.1", 9, SOCKET_CODE(EAFNOSUPPORT),
                             "127.0.0.1 is an IPv4 address, and the socket is bound to IPv6");
    }
    udp_run_done(&run);
}

/* ---- what ICMP says ---------------------------------------------------------------------- */

static void refused_expect(const char *host, const char *hop_format)
{
    struct udp_run run;
    uint16_t nobody, port = udp_echo_start(host);
    close(udp_plain_open(host, &nobody));
    udp_run_init(&run);
    udp_run_listen(&run, host);
    udp_run_send(&run, "lost", host, nobody);
    /* The bad news is there already, and is not for these. */
    udp_run_send(&run, "one", host, port);
    udp_run_send(&run, "two", host, port);
    udp_run_until_error(&run, 1, SOCKET_CODE(ECONNREFUSED), "ECONNREFUSED");
    cr_expect_str_eq(run.errors[0].hop, sandbox_format("%s:%u", hop_format, nobody));
    cr_expect_eq(run.errors[0].layer, LEAT_LAYER_UDP);
    cr_expect_eq(run.errors[0].sys_errno, ECONNREFUSED);
    udp_run_until_messages(&run, 2);
    udp_run_expect(&run, 0, "one", host, host[0] == ':' ? "IPv6" : "IPv4", port);
    udp_run_expect(&run, 1, "two", host, host[0] == ':' ? "IPv6" : "IPv4", port);
    udp_run_settle(&run);
    cr_expect_eq(run.error_count, 1);
    udp_run_done(&run);
}

Test(udp, nobody_listens_over_ipv4)
{
    refused_expect("127.0.0.1", "127.0.0.1");
}

Test(udp, nobody_listens_over_ipv6)
{
    if (!machine_has_ipv6())
        cr_skip_test("this machine has no ::1");
    refused_expect("::1", "[::1]");
}

/* ---- a kernel without room ----------------------------------------------------------------- */

static void file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    cr_assert(file, "%s: %s", path, strerror(errno));
    cr_assert(fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Nobody has 10.77.0.2: datagrams to it fill the send buffer until the kernel gives up. */
static void send_until_full(struct udp_run *run)
{
    static const uint8_t data[1000];
    const struct leat_udp_extra_options options = {
        .size = sizeof(options), .send_buffer_size = 5000, .socket_timeout_ms = 0};
    cr_assert_eq(leat_udp_socket_set_extra_options(run->udp, &options), LEAT_OK);
    for (int i = 0; leat_udp_socket_get_buffered_bytes(run->udp) == 0; i++) {
        cr_assert_lt(i, 100, "the send buffer is never full");
        cr_assert_eq(leat_udp_socket_send(run->udp, data, sizeof(data), "10.77.0.2", 9), LEAT_OK);
    }
}

Test(udp, what_the_kernel_has_no_room_for_waits)
{
    struct udp_run run;
    if (!udp_own_network())
        cr_skip_test("the kernel gives no network of its own");
    file_write("/proc/sys/net/ipv4/neigh/" UDP_OWN_INTERFACE "/retrans_time_ms", "30");
    udp_run_init(&run);
    udp_run_listen(&run, "0.0.0.0");
    send_until_full(&run);
    udp_run_send(&run, "at last", "127.0.0.1", udp_run_port(&run));
    cr_expect_gt(leat_udp_socket_get_buffered_bytes(run.udp), 1007);
    udp_run_until_messages(&run, 1);
    cr_expect_str_eq(run.messages[0].data, "at last");
    cr_expect_eq(leat_udp_socket_get_buffered_bytes(run.udp), 0);
    udp_run_until_error(&run, 1, SOCKET_CODE(EHOSTUNREACH), "10.77.0.2:9");
    udp_run_done(&run);
}

Test(udp, socket_timeout_while_the_kernel_has_no_room)
{
    struct udp_run run;
    if (!udp_own_network())
        cr_skip_test("the kernel gives no network of its own");
    udp_run_init(&run);
    udp_run_listen(&run, "0.0.0.0");
    send_until_full(&run);
    udp_run_set_timeout(&run, 20);
    udp_run_send(&run, "lost", "10.77.0.3", 9);
    udp_run_until_error(&run, 1, SOCKET_CODE(ETIMEDOUT),
                        "sending to 10.77.0.3:9: ETIMEDOUT, the kernel had no room for it within "
                        "20 ms");
    udp_run_done(&run);
}

Test(udp, no_descriptor_is_left)
{
    struct udp_run run;
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    udp_run_init(&run);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 0;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_expect_eq(leat_udp_socket_bind(run.udp, "127.0.0.1", 0, NULL), SOCKET_CODE(EMFILE));
    limit.rlim_cur = before;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    udp_run_listen(&run, "127.0.0.1");
    udp_run_done(&run);
}

/* ---- names ------------------------------------------------------------------------------- */

static const struct dns_record names[] = {
    {.name = "echo.test", .behaviour = DNS_ANSWER, .v4 = {"127.0.0.1"}, .v6 = {"::1"}},
    {.name = "only6.test", .behaviour = DNS_ANSWER, .v6 = {"::1"}},
    {.name = "silent.test", .behaviour = DNS_SILENCE},
    {.name = NULL},
};

static struct dns_server *dns_for(struct udp_run *run)
{
    struct dns_server *server = dns_server_start(names);
    cr_assert(server);
    cr_assert_eq(leat_config_set_dns_servers(run->config, dns_server_address(server)), LEAT_OK);
    return server;
}

Test(udp, names_are_resolved)
{
    struct udp_run run;
    uint16_t port = udp_echo_start("127.0.0.1");
    udp_run_init(&run);
    struct dns_server *server = dns_for(&run);
    udp_run_listen(&run, "127.0.0.1");
    udp_run_send(&run, "one", "echo.test", port);
    udp_run_send(&run, "two", "ECHO.test", port);
    udp_run_send(&run, "three", "echo.test", port);
    cr_expect_gt(leat_udp_socket_get_buffered_bytes(run.udp), 11);
    udp_run_until_messages(&run, 3);
    udp_run_expect(&run, 0, "one", "127.0.0.1", "IPv4", port);
    udp_run_expect(&run, 1, "two", "127.0.0.1", "IPv4", port);
    udp_run_expect(&run, 2, "three", "127.0.0.1", "IPv4", port);
    cr_expect_eq(leat_udp_socket_get_buffered_bytes(run.udp), 0);
    udp_run_done(&run);
    dns_server_free(server);
}

Test(udp, names_without_an_address)
{
    struct udp_run run;
    udp_run_init(&run);
    struct dns_server *server = dns_for(&run);
    udp_run_listen(&run, "127.0.0.1");
    udp_run_send(&run, "lost", "nobody.test", 9);
    udp_run_until_error(&run, 1, SOCKET_CODE(EHOSTUNREACH), "nobody.test");
    cr_expect_eq(run.errors[0].layer, LEAT_LAYER_DNS);
    cr_expect_neq(run.errors[0].native_code, 0);
    udp_run_send(&run, "lost", "only6.test", 9);
    udp_run_send(&run, "lost", "only6.test", 9);
    udp_run_until_error(&run, 2, SOCKET_CODE(EHOSTUNREACH),
                        "only6.test has no IPv4 address, which the socket is bound to (datagrams "
                        "dropped: 2)");
    cr_expect_str_eq(run.errors[1].hop, "only6.test:9");
    cr_expect_eq(leat_udp_socket_get_buffered_bytes(run.udp), 0);
    udp_run_done(&run);
    dns_server_free(server);
}

Test(udp, socket_timeout_while_dns_is_silent)
{
    struct udp_run run;
    udp_run_init(&run);
    struct dns_server *server = dns_for(&run);
    udp_run_listen(&run, "127.0.0.1");
    udp_run_set_timeout(&run, 60000);
    udp_run_send(&run, "patient", "silent.test", 7);
    udp_run_set_timeout(&run, 30);
    udp_run_send(&run, "lost", "silent.test", 9);
    udp_run_until_error(&run, 1, SOCKET_CODE(ETIMEDOUT), "its name had no address within 30 ms");
    cr_expect_str_eq(run.errors[0].hop, "silent.test:9");
    udp_run_settle(&run);
    cr_expect_eq(run.error_count, 1);
    cr_expect_gt(leat_udp_socket_get_buffered_bytes(run.udp), 7);
    udp_run_done(&run);
    dns_server_free(server);
}

Test(udp, dns_deadline)
{
    struct udp_run run;
    udp_run_init(&run);
    struct dns_server *server = dns_for(&run);
    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_DNS, 40), LEAT_OK);
    udp_run_listen(&run, "127.0.0.1");
    udp_run_send(&run, "lost", "silent.test", 9);
    udp_run_until_error(&run, 1, SOCKET_CODE(ETIMEDOUT), "silent.test");
    cr_expect_eq(run.errors[0].layer, LEAT_LAYER_DNS);
    udp_run_done(&run);
    dns_server_free(server);
}

Test(udp, domain_policy)
{
    struct udp_run run;
    udp_run_init(&run);
    struct dns_server *server = dns_for(&run);
    cr_assert_eq(leat_config_add_denied_domain(run.config, "*.test"), LEAT_OK);
    cr_assert_eq(leat_config_add_denied_domain(run.config, "127.0.0.2"), LEAT_OK);
    udp_run_listen(&run, "127.0.0.1");
    udp_run_send_refused(&run, "Echo.TEST", 9, LEAT_E_WS_DOMAIN, "denied by *.test");
    udp_run_send_refused(&run, "127.0.0.2", 9, LEAT_E_WS_DOMAIN, "denied by 127.0.0.2");
    cr_expect_eq(dns_server_query_count(server), 0);
    udp_run_done(&run);
    dns_server_free(server);
}

/* ---- options ----------------------------------------------------------------------------- */

static int kernel_option(const struct udp_run *run, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    cr_assert_eq(getsockopt(leat_udp_socket_get_socket_fd(run->udp), level, name, &value, &size),
                 0);
    return value;
}

Test(udp, broadcast_only_where_it_is_allowed)
{
    struct leat_udp_extra_options options = {.size = sizeof(options), .broadcast = true};
    struct udp_run run, listener;
    udp_run_init(&run);
    udp_run_init(&listener);
    udp_run_listen(&run, "0.0.0.0");
    udp_run_listen(&listener, "0.0.0.0");
    uint16_t port = udp_run_port(&listener);
    udp_run_send_refused(&run, "127.255.255.255", port, SOCKET_CODE(EACCES), "127.255.255.255");
    cr_assert_eq(leat_udp_socket_set_extra_options(run.udp, &options), LEAT_OK);
    udp_run_send(&run, "to all", "127.255.255.255", port);
    udp_run_until_messages(&listener, 1);
    udp_run_expect(&listener, 0, "to all", "127.0.0.1", "IPv4", udp_run_port(&run));
    options.broadcast = false;
    cr_assert_eq(leat_udp_socket_set_extra_options(run.udp, &options), LEAT_OK);
    udp_run_send_refused(&run, "127.255.255.255", port, SOCKET_CODE(EACCES), "EACCES");
    udp_run_done(&listener);
    udp_run_done(&run);
}

static void buffers_expect(const struct udp_run *run, int receive, int send)
{
    /* The kernel keeps twice as much, for what it needs itself. */
    cr_expect_eq(kernel_option(run, SOL_SOCKET, SO_RCVBUF), 2 * receive);
    cr_expect_eq(kernel_option(run, SOL_SOCKET, SO_SNDBUF), 2 * send);
}

Test(udp, options_are_applied_before_and_after_bind)
{
    struct leat_udp_extra_options options = {
        .size = sizeof(options),
        .broadcast = true,
        .receive_buffer_size = 30000,
        .send_buffer_size = 20000,
        .reuse_address = true,
        .socket_timeout_ms = 5,
    };
    struct leat_udp_extra_options seen = {.size = 0};
    struct udp_run run;
    udp_run_init(&run);
    leat_udp_socket_get_extra_options(run.udp, &seen);
    cr_expect(seen.size == sizeof(seen) && !seen.broadcast && !seen.reuse_address &&
              seen.receive_buffer_size == 0 && seen.send_buffer_size == 0 &&
              seen.socket_timeout_ms == 0);
    cr_expect_eq(leat_udp_socket_set_extra_options(run.udp, &options), LEAT_OK);
    udp_run_listen(&run, "127.0.0.1");
    cr_expect_eq(kernel_option(&run, SOL_SOCKET, SO_BROADCAST), 1);
    cr_expect_eq(kernel_option(&run, SOL_SOCKET, SO_REUSEADDR), 1);
    buffers_expect(&run, 30000, 20000);
    options.receive_buffer_size = 25000;
    options.send_buffer_size = 26000;
    cr_expect_eq(leat_udp_socket_set_extra_options(run.udp, &options), LEAT_OK);
    buffers_expect(&run, 25000, 26000);
    leat_udp_socket_get_extra_options(run.udp, &seen);
    cr_expect(seen.broadcast && seen.reuse_address && seen.receive_buffer_size == 25000 &&
              seen.send_buffer_size == 26000 && seen.socket_timeout_ms == 5);
    udp_run_done(&run);
}

Test(udp, options_that_cannot_be)
{
    struct leat_udp_extra_options options = {.size = sizeof(options)};
    struct leat_udp_extra_options seen;
    struct leat_error error;
    struct udp_run run;
    udp_run_init(&run);
    cr_expect_eq(leat_udp_socket_set_extra_options(NULL, &options), LEAT_E_PARAMETER);
    cr_expect_eq(leat_udp_socket_set_extra_options(run.udp, NULL), LEAT_E_PARAMETER);
    options.size = 0;
    cr_expect_eq(leat_udp_socket_set_extra_options(run.udp, &options), LEAT_E_PARAMETER);
    options.size = sizeof(options);
    options.send_buffer_size = UINT32_MAX;
    cr_expect_eq(leat_udp_socket_set_extra_options(run.udp, &options), LEAT_E_PARAMETER);
    leat_udp_socket_get_error(run.udp, &error);
    cr_expect_str_eq(error.text, "send_buffer_size is more than INT_MAX bytes");
    leat_udp_socket_get_extra_options(run.udp, &seen);
    cr_expect_eq(seen.send_buffer_size, 0);
    leat_udp_socket_get_extra_options(NULL, &seen);
    leat_udp_socket_get_extra_options(run.udp, NULL);
    udp_run_done(&run);
}

static int shared_bind(struct udp_run *run, bool reuse, uint16_t port)
{
    const struct leat_udp_extra_options options = {.size = sizeof(options), .reuse_address = reuse};
    cr_assert_eq(leat_udp_socket_set_extra_options(run->udp, &options), LEAT_OK);
    return leat_udp_socket_bind(run->udp, "127.0.0.1", port, NULL);
}

Test(udp, two_sockets_share_a_port_if_both_say_so)
{
    struct udp_run one, two;
    udp_run_init(&one);
    udp_run_init(&two);
    cr_assert_eq(shared_bind(&one, true, 0), LEAT_OK);
    uint16_t port = udp_run_port(&one);
    cr_expect_eq(shared_bind(&two, false, port), SOCKET_CODE(EADDRINUSE));
    cr_expect_eq(shared_bind(&two, true, port), LEAT_OK);
    udp_run_done(&two);
    udp_run_done(&one);
}
