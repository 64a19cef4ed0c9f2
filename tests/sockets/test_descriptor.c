/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration sets on descriptors before they connect, and the hook that sees them. */
#include "sockets/stream_run.h"

#include <leat/udp_socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(descriptor, .init = run_init, .fini = run_done, .timeout = 60);

static struct {
    unsigned count;
    int answer;
    char address[320];
} seen;

static int hook(int fd, const struct leat_net_address *address, void *user)
{
    int type = 0;
    socklen_t size = sizeof(type);
    cr_expect_eq(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size), 0);
    cr_expect_eq(user, &seen);
    seen.count++;
    snprintf(seen.address, sizeof(seen.address), "%s:%u%s", address->address, address->port,
             type == SOCK_DGRAM ? " udp" : "");
    return seen.answer;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    cr_expect_eq(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static void options_expect(int fd)
{
    cr_assert_geq(fd, 0);
    cr_expect_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 12345);
    cr_expect_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    cr_expect_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 77);
    cr_expect_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
    cr_expect_eq(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 5);
    cr_expect_eq(option(fd, IPPROTO_IP, IP_TOS), 46 << 2);
}

static void everything_set(void)
{
    cr_assert_eq(leat_config_set_tcp_user_timeout(run.config, 12345), LEAT_OK);
    cr_assert_eq(leat_config_set_tcp_keep_alive(run.config, true, 77, 7, 5), LEAT_OK);
    cr_assert_eq(leat_config_set_dscp(run.config, 46), LEAT_OK);
    cr_assert_eq(leat_config_set_descriptor_hook(run.config, hook, &seen), LEAT_OK);
}

Test(descriptor, of_a_client_and_of_a_servers_connection)
{
    everything_set();
    uint16_t port = run_new_server("127.0.0.1");
    cr_expect_eq(seen.count, 0u); /* the one that listens does not connect */
    run_new_client();
    run_connect("127.0.0.1", port);
    run_until("connected");
    options_expect(leat_tcp_socket_get_socket_fd(run.tcp));
    cr_expect_eq(seen.count, 1u);
    char expected[64];
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", port);
    cr_expect_str_eq(seen.address, expected);
    while (!run.connection)
        cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
    options_expect(leat_tcp_socket_get_socket_fd(run.connection));
}

/* Its errno is that of the address. */
Test(descriptor, the_hook_refuses)
{
    everything_set();
    seen.answer = ENONET;
    uint16_t port = run_new_server("127.0.0.1");
    run_new_client();
    run_connect("127.0.0.1", port);
    run_until("closed");
    cr_expect_eq(run.error.code, LEAT_E_SOCKET_BASE + ENONET);
    cr_expect(strstr(run.error.text, "ENONET"), "%s", run.error.text);
    seen.answer = -1; /* is none */
    leat_tcp_socket_free(run.tcp);
    run_new_client();
    run.log_len = 0;
    run.log[0] = '\0';
    run_connect("127.0.0.1", port);
    run_until("closed");
    cr_expect_eq(run.error.code, LEAT_E_SOCKET_BASE + EINVAL);
}

/* Sockets heed where connections come from, as WebSockets do. */
Test(descriptor, local_address_and_interface_of_a_socket)
{
    struct leat_net_address local;
    uint16_t port = run_new_server("127.0.0.1");
    cr_assert_eq(leat_config_set_local_address(run.config, "127.0.0.77"), LEAT_OK);
    cr_assert_eq(leat_config_set_interface(run.config, "lo"), LEAT_OK);
    run_new_client();
    run_connect("127.0.0.1", port);
    run_until("connected");
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_OK);
    cr_expect_str_eq(local.address, "127.0.0.77");
    leat_tcp_socket_free(run.tcp);

    /* What the program binds stays bound so. */
    run_new_client();
    run.log_len = 0;
    run.log[0] = '\0';
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, "127.0.0.5", 0), LEAT_OK);
    run_connect("127.0.0.1", port);
    run_until("connected");
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_OK);
    cr_expect_str_eq(local.address, "127.0.0.5");
    leat_tcp_socket_free(run.tcp);

    run_new_client();
    cr_assert_eq(leat_config_set_interface(run.config, "nonesuch0"), LEAT_OK);
    run_connect("127.0.0.1", port);
    run_until("error");
    cr_expect_eq(run.error.code, LEAT_E_SOCKET_BASE + ENODEV);
}

/* The kernel says no to who may not: then it is said, and nothing goes out unmarked. */
Test(descriptor, mark)
{
    const struct leat_udp_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    leat_udp_socket *udp;
    uint32_t mark = 0x1234;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool may = setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0;
    close(fd);

    cr_assert_eq(leat_config_set_mark(run.config, mark), LEAT_OK);
    cr_assert_eq(leat_udp_socket_new(run.loop, &callbacks, NULL, &udp), LEAT_OK);
    int code = leat_udp_socket_bind(udp, "127.0.0.1", 0, run.config);
    cr_expect_eq(code, may ? (int)LEAT_OK : LEAT_E_SOCKET_BASE + EPERM);
    if (may)
        cr_expect_eq(option(leat_udp_socket_get_socket_fd(udp), SOL_SOCKET, SO_MARK), 0x1234);
    leat_udp_socket_free(udp);
    if (!may)
        cr_skip_test("SO_MARK: CAP_NET_ADMIN is not there, so only its refusal was looked at");

    uint16_t port = run_new_server("127.0.0.1");
    run_new_client();
    run_connect("127.0.0.1", port);
    run_until("connected");
    cr_expect_eq(option(leat_tcp_socket_get_socket_fd(run.tcp), SOL_SOCKET, SO_MARK), 0x1234);
}

Test(descriptor, of_udp)
{
    const struct leat_udp_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    leat_udp_socket *udp;
    everything_set();
    cr_assert_eq(leat_udp_socket_new(run.loop, &callbacks, NULL, &udp), LEAT_OK);
    cr_assert_eq(leat_udp_socket_bind(udp, "127.0.0.1", 0, run.config), LEAT_OK);
    cr_expect_eq(option(leat_udp_socket_get_socket_fd(udp), IPPROTO_IP, IP_TOS), 46 << 2);
    cr_expect_str_eq(seen.address, "127.0.0.1:0 udp");
    leat_udp_socket_free(udp);
    seen.answer = EPERM;
    cr_assert_eq(leat_udp_socket_new(run.loop, &callbacks, NULL, &udp), LEAT_OK);
    cr_expect_eq(leat_udp_socket_bind(udp, "127.0.0.1", 0, run.config), LEAT_E_SOCKET_BASE + EPERM);
    leat_udp_socket_free(udp);
}

Test(descriptor, what_is_refused)
{
    cr_expect_eq(leat_config_set_tcp_user_timeout(run.config, UINT32_MAX), LEAT_E_PARAMETER);
    cr_expect_eq(leat_config_set_tcp_keep_alive(run.config, true, 32768, 0, 0), LEAT_E_PARAMETER);
    cr_expect_eq(leat_config_set_tcp_keep_alive(run.config, true, 0, 32768, 0), LEAT_E_PARAMETER);
    cr_expect_eq(leat_config_set_tcp_keep_alive(run.config, true, 0, 0, 128), LEAT_E_PARAMETER);
    cr_expect_eq(leat_config_set_dscp(run.config, 64), LEAT_E_PARAMETER);
    cr_expect_eq(leat_config_set_dscp(run.config, -2), LEAT_E_PARAMETER);
    cr_expect_eq(leat_config_set_mark(run.config, 0), LEAT_OK);
    cr_expect_eq(leat_config_set_dscp(NULL, 0), LEAT_E_PARAMETER);
    leat_config_clear_error(run.config);
}
