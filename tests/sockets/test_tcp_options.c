/* SPDX-License-Identifier: Apache-2.0 */
/* leat_tcp_socket: local addresses and extra options. */
#include "stream_run.h"

#include "support/raw_socket.h"
#include "support/sandbox.h"

#include <leat/proxy_protocol.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(tcp_socket_options, .init = run_init, .fini = run_done, .timeout = 50);

static struct leat_tcp_extra_options options_of(const leat_tcp_socket *tcp)
{
    struct leat_tcp_extra_options options;

    leat_tcp_socket_get_extra_options(tcp, &options);
    return options;
}

static int option_get(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);

    cr_assert_eq(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

/* ---- bind -------------------------------------------------------------------------- */

Test(tcp_socket_options, bound_before_connect)
{
    struct leat_net_address local;
    struct leat_socket_state state;
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    uint16_t port;
    int listener = raw_listen(&port);

    run_new_client();
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.2", 0), LEAT_OK);
    leat_tcp_socket_get_state(run.tcp, &state);
    cr_assert(state.is_bound && !state.is_connected && !state.is_close);
    int fd = leat_tcp_socket_get_socket_fd(run.tcp);
    cr_assert_geq(fd, 0);
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_OK);
    cr_assert_str_eq(local.address, "127.0.0.2");
    cr_assert_neq(local.port, 0);
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.2", 0), LEAT_E_SOCKET_BASE + EINVAL);

    run_connect("127.0.0.1", port);
    run_until("connected");
    cr_assert_eq(leat_tcp_socket_get_socket_fd(run.tcp), fd, "the bound descriptor");
    int peer = accept(listener, (struct sockaddr *)&from, &size);
    cr_assert_eq(from.sin_addr.s_addr, inet_addr("127.0.0.2"));
    cr_assert_eq(ntohs(from.sin_port), local.port);
    close(peer);
    run_until("closed");
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_E_SOCKET_BASE + EBADF);
    close(listener);
}

Test(tcp_socket_options, a_port_in_use_is_reported)
{
    struct leat_error error;
    uint16_t port;
    int listener = raw_listen(&port);

    run_new_client();
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.1", port), LEAT_E_SOCKET_BASE + EADDRINUSE);
    leat_tcp_socket_get_error(run.tcp, &error);
    cr_assert_eq(error.code, LEAT_E_SOCKET_BASE + EADDRINUSE);
    cr_assert_eq(error.sys_errno, EADDRINUSE);
    cr_assert_not_null(strstr(error.text, "127.0.0.1:"), "%s", error.text);
    cr_assert_eq(leat_tcp_socket_get_socket_fd(run.tcp), -1);
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "192.0.2.1", 0), LEAT_E_SOCKET_BASE + EADDRNOTAVAIL);
    close(listener);
}

Test(tcp_socket_options, only_bound_it_closes_at_once)
{
    struct leat_socket_state state;

    run_new_client();
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.1", 0), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK);
    leat_tcp_socket_get_state(run.tcp, &state);
    cr_assert(!state.is_bound && state.is_close);
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_E_SOCKET_BASE + EBADF);
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.1", 0), LEAT_OK, "anew");
    run_some();
    run_check_log("");
}

Test(tcp_socket_options, addresses_of_the_other_family_are_not_dialled)
{
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    run_new_client();
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "::1", 0), LEAT_OK);
    run_connect("127.0.0.1", refusing_port());
    run_until("closed");
    run_check_log("error 2301097; closed");
}

/* The bound descriptor is not needed when the name has no address. */
Test(tcp_socket_options, a_failure_before_dialling_unbinds)
{
    size_t before;

    run_new_client();
    before = open_descriptor_count();
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.1", 0), LEAT_OK);
    run_connect("::1", 1);
    run_until("closed");
    cr_assert_eq(leat_tcp_socket_get_socket_fd(run.tcp), -1);
    cr_assert_eq(open_descriptor_count(), before);
}

/* ---- what the descriptor has ------------------------------------------------------- */

Test(tcp_socket_options, defaults)
{
    run_new_client();
    int peer = run_connect_raw();
    int fd = leat_tcp_socket_get_socket_fd(run.tcp);
    struct leat_tcp_extra_options options = options_of(run.tcp);

    cr_assert_eq(options.size, sizeof(options));
    cr_assert(!options.keep_alive && !options.oob_inline && !options.tcp_no_delay);
    cr_assert_eq(option_get(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    cr_assert_eq(option_get(fd, SOL_SOCKET, SO_OOBINLINE), 0);
    cr_assert_eq(option_get(fd, SOL_SOCKET, SO_REUSEADDR), 0);
    cr_assert_eq(option_get(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    close(peer);
}

static const struct leat_tcp_extra_options all = {
    .size = sizeof(all),
    .receive_buffer_size = 20000,
    .send_buffer_size = 30000,
    .reuse_address = true,
    .socket_timeout_ms = 5000,
    .keep_alive = true,
    .oob_inline = true,
    .tcp_no_delay = true,
    .socket_linger = {.on = true, .linger_ms = 100},
    .tcp_fast_open = true,
};

static void check_all(int fd)
{
    struct leat_tcp_extra_options got = options_of(run.tcp);
    struct linger linger;
    socklen_t size = sizeof(linger);

    cr_assert_eq(memcmp(&got, &all, sizeof(all)), 0);
    cr_assert_eq(option_get(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    cr_assert_eq(option_get(fd, SOL_SOCKET, SO_OOBINLINE), 1);
    cr_assert_eq(option_get(fd, SOL_SOCKET, SO_REUSEADDR), 1);
    cr_assert_eq(option_get(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    /* The kernel doubles them for its own overhead: socket(7). */
    cr_assert_eq(option_get(fd, SOL_SOCKET, SO_RCVBUF), 40000);
    cr_assert_eq(option_get(fd, SOL_SOCKET, SO_SNDBUF), 60000);
    /* close(2) must not wait for it. */
    cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size), 0);
    cr_assert_eq(linger.l_onoff, 0);
}

Test(tcp_socket_options, set_before_connect)
{
    run_new_client();
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &all), LEAT_OK);
    int peer = run_connect_raw();
    check_all(leat_tcp_socket_get_socket_fd(run.tcp));
    cr_assert_eq(
        option_get(leat_tcp_socket_get_socket_fd(run.tcp), IPPROTO_TCP, TCP_FASTOPEN_CONNECT), 1);
    run_send("x");
    cr_assert_eq(recv(peer, (char[1]){0}, 1, MSG_DONTWAIT), -1);
    run_some();
    cr_assert_eq(recv(peer, (char[1]){0}, 1, 0), 1);
    close(peer);
}

Test(tcp_socket_options, set_while_bound_and_while_open)
{
    struct leat_tcp_extra_options none = {.size = sizeof(none)};

    run_new_client();
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.1", 0), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &all), LEAT_OK);
    check_all(leat_tcp_socket_get_socket_fd(run.tcp));
    int peer = run_connect_raw();
    check_all(leat_tcp_socket_get_socket_fd(run.tcp));
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &none), LEAT_OK);
    cr_assert_eq(option_get(leat_tcp_socket_get_socket_fd(run.tcp), IPPROTO_TCP, TCP_NODELAY), 0);
    cr_assert_eq(option_get(leat_tcp_socket_get_socket_fd(run.tcp), SOL_SOCKET, SO_KEEPALIVE), 0);
    close(peer);
}

Test(tcp_socket_options, wrong_ones_change_nothing)
{
    struct leat_tcp_extra_options options = all;

    run_new_client();
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, NULL), LEAT_E_PARAMETER);
    options.size = 0;
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &options), LEAT_E_PARAMETER);
    options = all;
    options.receive_buffer_size = 1u << 31;
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &options), LEAT_E_PARAMETER);
    options = all;
    options.send_buffer_size = 1u << 31;
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &options), LEAT_E_PARAMETER);
    options = all;
    options.socket_linger.linger_ms = 65536;
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &options), LEAT_E_PARAMETER);
    cr_assert(!options_of(run.tcp).keep_alive);
    /* And nobody connects with what is missing, until it is set. */
    cr_assert_eq(leat_tcp_socket_connect(run.tcp, "127.0.0.1", 1, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.1", 0), LEAT_E_PARAMETER);
    /* What an older program knows. */
    options = all;
    options.size = offsetof(struct leat_tcp_extra_options, keep_alive);
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &options), LEAT_OK);
    cr_assert(options_of(run.tcp).reuse_address && !options_of(run.tcp).keep_alive);
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.1", 0), LEAT_OK);
}

/* In front of the first byte of the program. */
Test(tcp_socket_options, header_of_the_proxy_protocol)
{
    char expected[128], seen[128] = "";
    struct leat_net_address local, remote;
    cr_assert_eq(leat_config_set_sent_proxy_protocol(run.config, LEAT_PROXY_PROTOCOL_1, NULL),
                 LEAT_OK);
    run_new_client();
    int peer = run_connect_raw();
    run_send("x");
    run_some();
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_get_remote_address(run.tcp, &remote), LEAT_OK);
    int len = snprintf(expected, sizeof(expected), "PROXY TCP4 127.0.0.1 127.0.0.1 %u %u\r\nx",
                       local.port, remote.port);
    cr_assert_eq(recv(peer, seen, (size_t)len, MSG_WAITALL), len);
    cr_expect_str_eq(seen, expected);
    close(peer);
}

/* Nagle's algorithm is on unless the program says otherwise, but it is for small data: the segment
 * at the end of much is none, even if an earlier one is not acknowledged. */
Test(tcp_socket_options, the_end_of_much_waits_for_no_acknowledgement)
{
    static char data[40000];
    run_new_client();
    int peer = run_connect_raw();
    cr_assert_eq(setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &(int){1 << 20}, sizeof(int)), 0);
    cr_assert_eq(setsockopt(peer, IPPROTO_TCP, TCP_QUICKACK, &(int){0}, sizeof(int)), 0);
    for (int i = 1; i <= 3; i++) {
        int not_sent = -1, on = -1;
        socklen_t size = sizeof(on);
        cr_assert_eq(leat_tcp_socket_send(run.tcp, data, sizeof(data)), LEAT_OK);
        int fd = leat_tcp_socket_get_socket_fd(run.tcp);
        cr_assert_eq(ioctl(fd, SIOCOUTQNSD, &not_sent), 0);
        cr_expect_eq(not_sent, 0, "%d bytes after %d messages", not_sent, i);
        cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
        cr_assert_eq(on, 0);
        cr_assert_eq(recv(peer, data, sizeof(data), MSG_WAITALL), (ssize_t)sizeof(data));
    }
    close(peer);
}

Test(tcp_socket_options, reuse_address_lets_bind_pass_time_wait)
{
    struct leat_tcp_extra_options options = {.size = sizeof(options), .reuse_address = true};
    struct leat_net_address local;

    run_new_client();
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &options), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.1", 0), LEAT_OK);
    int peer = run_connect_raw();
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK); /* first: TIME_WAIT is here */
    run_some();
    close(peer);
    run_until("closed");
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.1", local.port), LEAT_OK);
}

/* ---- what they do ------------------------------------------------------------------ */

static void check_urgent(bool inline_data, const char *expected)
{
    struct leat_tcp_extra_options options = {.size = sizeof(options), .oob_inline = inline_data};

    run.received_len = run.received_total = 0;
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &options), LEAT_OK);
    int peer = run_connect_raw();
    cr_assert_eq(send(peer, "a", 1, 0), 1);
    cr_assert_eq(send(peer, "!", 1, MSG_OOB), 1);
    cr_assert_eq(send(peer, "b", 1, 0), 1);
    run_until_received(strlen(expected));
    close(peer);
    run_until("closed");
    cr_assert_str_eq(run.received, expected);
    run_check_log("connected; closed");
}

Test(tcp_socket_options, urgent_data)
{
    run_new_client();
    check_urgent(true, "a!b");
    check_urgent(false, "ab");
}

Test(tcp_socket_options, linger_zero_throws_away_and_resets)
{
    struct leat_tcp_extra_options options = {.size = sizeof(options),
                                             .socket_linger = {.on = true}};
    static char data[4 << 20];

    run_new_client();
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &options), LEAT_OK);
    int peer = run_connect_raw();
    cr_assert_eq(leat_tcp_socket_send(run.tcp, data, sizeof(data)), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_send(run.tcp, "x", 1), LEAT_E_SOCKET_BASE + EBADF);
    run_until("closed");
    run_check_log("connected; closed");
    cr_assert_eq(raw_recv_end(peer), ECONNRESET);
    close(peer);
}

/* The peer never ends: the linger time does it instead of the configuration's deadline. */
Test(tcp_socket_options, linger_limits_closing)
{
    struct leat_tcp_extra_options options = {.size = sizeof(options),
                                             .socket_linger = {.on = true, .linger_ms = 50}};
    static char data[16 << 20];

    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_CLOSE, 0), LEAT_OK);
    run_new_client();
    int peer = run_connect_raw();
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &options), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_send(run.tcp, data, sizeof(data)), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK);
    run_until("closed");
    run_check_log("connected; error 2301110; closed");
    close(peer);
}

Test(tcp_socket_options, the_socket_timeout_ends_a_connection_that_stands_still)
{
    struct leat_tcp_extra_options options = {.size = sizeof(options), .socket_timeout_ms = 100};
    static char data[16 << 20];

    run_new_client();
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.tcp, &options), LEAT_OK);
    int peer = run_connect_raw();
    run_some(); /* nothing waits: no timeout */
    run_check_log("connected");
    cr_assert_eq(leat_tcp_socket_send(run.tcp, data, sizeof(data)), LEAT_OK);
    run_until("closed");
    run_check_log("error 2301110; closed");
    close(peer);
}
