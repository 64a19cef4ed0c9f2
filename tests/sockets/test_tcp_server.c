/* SPDX-License-Identifier: Apache-2.0 */
/* leat_tcp_socket_server and its connections. */
#include "stream_run.h"

#include <leat/websocket_server.h>

#include "support/patience.h"
#include "support/peers.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(tcp_server, .init = run_init, .fini = run_done, .timeout = 50);

static void check_state(bool is_bound, bool is_connected, bool is_close)
{
    struct leat_socket_state state;

    leat_tcp_socket_server_get_state(run.server, &state);
    cr_assert_eq(state.is_bound, is_bound);
    cr_assert_eq(state.is_connected, is_connected);
    cr_assert_eq(state.is_close, is_close);
}

static void listen_refused(int result, int code)
{
    struct leat_error error;

    cr_assert_eq(result, code);
    leat_tcp_socket_server_get_error(run.server, &error);
    cr_assert_eq(error.code, code);
    cr_assert_str_neq(error.text, "");
}

/* ---- one client -------------------------------------------------------------------- */

static struct process *socat_client_start(const char *target)
{
    const char *const argv[] = {"socat", "-t5", "-", target, NULL};

    return process_start(&(struct process_options){.argv = argv, .has_input = true});
}

static void check_socat(const char *target)
{
    struct leat_net_address local, remote;
    char answer[64];
    struct process *socat = socat_client_start(target);

    cr_assert_eq(write(socat->input_fd, "question\n", 9), 9);
    run_until("client 1");
    run_until_received(9);
    cr_assert_str_eq(run.received, "question\n");
    check_state(true, true, false);
    cr_assert_eq(leat_tcp_socket_server_get_connection_count(run.server), 1);
    cr_assert_eq(leat_tcp_socket_get_local_address(run.connection, &local), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_get_remote_address(run.connection, &remote), LEAT_OK);
    cr_assert_str_eq(remote.address, local.address);
    cr_assert_geq(leat_tcp_socket_get_socket_fd(run.connection), 0);
    cr_assert_eq(leat_tcp_socket_send(run.connection, "answer\n", 7), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_close(run.connection), LEAT_OK);
    run_until("closed");
    process_wait_line(socat, "ans", answer, sizeof(answer));
    cr_assert_str_eq(answer, "wer");
    run_check_log("client 1; client 1 closed");
    check_state(true, false, false);
    cr_assert_eq(leat_tcp_socket_server_get_connection_count(run.server), 0);
}

Test(tcp_server, socat)
{
    uint16_t port = run_new_server("127.0.0.1");

    check_socat(sandbox_format("TCP4:127.0.0.1:%u", port));
}

Test(tcp_server, socat_over_ipv6)
{
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    check_socat(sandbox_format("TCP6:[::1]:%u", run_new_server("::1")));
}

Test(tcp_server, both_families_at_once)
{
    struct leat_net_address remote;

    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    int fd = raw_connect(NULL, run_new_server("::"));
    run_until("client 1");
    cr_assert_eq(leat_tcp_socket_get_remote_address(run.connection, &remote), LEAT_OK);
    cr_assert_str_eq(remote.address, "127.0.0.1");
    close(fd);
}

Test(tcp_server, a_client_that_resets)
{
    int fd = raw_connect(NULL, run_new_server("127.0.0.1"));

    run_until("client 1");
    raw_reset(fd);
    run_until("closed");
    run_check_log("client 1; client 1 error 2301104; client 1 closed");
}

Test(tcp_server, a_connection_is_not_connected_bound_or_freed)
{
    int fd = raw_connect(NULL, run_new_server("127.0.0.1"));

    run_until("client 1");
    cr_assert_eq(leat_tcp_socket_connect(run.connection, "127.0.0.1", 1, NULL),
                 LEAT_E_SOCKET_BASE + EISCONN);
    cr_assert_eq(leat_tcp_socket_bind(run.connection, "127.0.0.1", 0), LEAT_E_SOCKET_BASE + EINVAL);
    cr_assert_null(leat_tcp_socket_get_client_data(run.connection));
    leat_tcp_socket_set_client_data(run.connection, &fd);
    cr_assert_eq(leat_tcp_socket_get_client_data(run.connection), &fd);
    leat_tcp_socket_free(run.connection); /* ends it, and the server tells */
    run_until("closed");
    run_check_log("client 1; client 1 closed");
    close(fd);
}

Test(tcp_server, a_slow_client)
{
    static char data[1 << 20];
    char buf[65536];

    cr_assert_eq(leat_config_set_send_queue_limit(run.config, sizeof(data)), LEAT_OK);
    int fd = raw_connect(NULL, run_new_server("127.0.0.1"));
    run_until("client 1");
    int code;
    do {
        code = leat_tcp_socket_send(run.connection, data, sizeof(data) / 4);
        cr_assert_eq(leat_loop_dispatch(run.loop, 0), LEAT_OK);
    } while (code == LEAT_OK);
    cr_assert_eq(code, LEAT_E_SOCKET_BASE + EAGAIN);
    while (!strstr(run.log, "writable")) {
        (void)recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
        cr_assert_eq(leat_loop_dispatch(run.loop, 0), LEAT_OK);
    }
    run_check_log("client 1; client 1 writable");
    close(fd);
}

/* ---- several ----------------------------------------------------------------------- */

Test(tcp_server, connections_have_numbers)
{
    int fds[3];
    char buf[64];
    uint16_t port = run_new_server("127.0.0.1");

    cr_assert_eq(leat_tcp_socket_server_send_all(run.server, "nobody", 6), LEAT_OK);
    for (int i = 0; i < 3; i++) {
        fds[i] = raw_connect(NULL, port);
        run_until(sandbox_format("client %d", i + 1));
    }
    cr_assert_eq(leat_tcp_socket_server_get_connection_count(run.server), 3);
    for (uint64_t id = 1; id <= 3; id++)
        cr_assert_eq(leat_tcp_socket_get_client_id(leat_tcp_socket_server_find(run.server, id)),
                     id);
    cr_assert_null(leat_tcp_socket_server_find(run.server, 0));
    cr_assert_null(leat_tcp_socket_server_find(run.server, 4));

    cr_assert_eq(leat_tcp_socket_server_send_all(run.server, "to all", 6), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_send(leat_tcp_socket_server_find(run.server, 2), ", to two", 8),
                 LEAT_OK);
    run_some();
    cr_assert(raw_recv_until(fds[0], "to all", buf, sizeof(buf)));
    cr_assert(raw_recv_until(fds[1], "to all, to two", buf, sizeof(buf)));
    cr_assert(raw_recv_until(fds[2], "to all", buf, sizeof(buf)));

    cr_assert_eq(leat_tcp_socket_close(leat_tcp_socket_server_find(run.server, 2)), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_server_send_all(run.server, "x", 1), LEAT_E_SOCKET_BASE + EBADF);
    close(fds[1]);
    run_until("client 2 closed");
    cr_assert_null(leat_tcp_socket_server_find(run.server, 2));
    cr_assert_eq(leat_tcp_socket_server_get_connection_count(run.server), 2);
    fds[1] = raw_connect(NULL, port);
    run_until("client 4");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

Test(tcp_server, a_hundred_python_clients)
{
    static const char script[] =
        "import socket, sys\n"
        "a = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) for i in range(100)]\n"
        "for i, s in enumerate(a): s.sendall(b'%03d' % i)\n"
        "for i, s in enumerate(a):\n"
        "    b = b''\n"
        "    while len(b) < 3: b += s.recv(3)\n"
        "    assert b == b'%03d' % i, b\n"
        "for s in a: s.close()\n"
        "print('DONE')\n";
    uint16_t port = run_new_server("127.0.0.1");
    const char *const argv[] = {"/usr/bin/python3", "-c", script, sandbox_format("%u", port), NULL};

    run.echo = true;
    struct process *python = process_start(&(struct process_options){.argv = argv});
    run_until("client 100");
    while (leat_tcp_socket_server_get_connection_count(run.server) > 0)
        cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
    cr_assert_eq(process_wait(python, PATIENCE_MS(10000)), 0);
}

Test(tcp_server, too_many_clients)
{
    cr_assert_eq(leat_config_set_max_concurrent_clients_number(run.config, 1), LEAT_OK);
    uint16_t port = run_new_server("127.0.0.1");
    int first = raw_connect(NULL, port);

    run_until("client 1");
    int second = raw_connect(NULL, port);
    run_until("error");
    run_check_log("client 1; client 0 error 2301087");
    cr_assert_eq(raw_recv_end(second), 0);
    close(second);
    close(first);
    run_until("client 1 closed");
    first = raw_connect(NULL, port);
    run_until("client 2");
    close(first);
}

/* One address has 250 places of 1,000, and no more. */
Test(tcp_server, one_address_does_not_take_all_places)
{
    enum { PLACES = 250 };
    uint16_t port = run_new_server("::");
    int fds[PLACES];

    for (int i = 0; i < PLACES; i++) {
        fds[i] = raw_connect(NULL, port);
        while (leat_tcp_socket_server_get_connection_count(run.server) <= (size_t)i)
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
    }
    run.log[run.log_len = 0] = '\0';
    int refused = raw_connect(NULL, port);
    run_until("error");
    run_check_log("client 0 error 2301087");
    cr_assert_not_null(strstr(run.error.text, "too many connections of this client"));
    cr_assert_eq(raw_recv_end(refused), 0);
    close(refused);
    int other = raw_connect("127.0.0.2", port);
    run_until("client 251");
    close(other);
    for (int i = 0; i < PLACES; i++)
        close(fds[i]);
}

/* ---- listening --------------------------------------------------------------------- */

Test(tcp_server, listening_and_not)
{
    struct leat_net_address local;
    uint16_t port = run_new_server("127.0.0.1");
    int fd = raw_connect(NULL, port);

    check_state(true, false, false);
    run_until("client 1");
    cr_assert_geq(leat_tcp_socket_server_get_socket_fd(run.server), 0);
    listen_refused(leat_tcp_socket_server_listen(run.server, "127.0.0.1", 0, NULL),
                   LEAT_E_SOCKET_BASE + EINVAL);
    cr_assert_eq(leat_tcp_socket_server_close(run.server), LEAT_OK);
    check_state(false, true, true);
    cr_assert_eq(leat_tcp_socket_server_get_socket_fd(run.server), -1);
    run_some();
    cr_assert_eq(raw_recv_end(fd), 0);
    close(fd);
    run_until("closed");
    run_check_log("client 1; client 1 closed");
    cr_assert_eq(leat_tcp_socket_server_close(run.server), LEAT_E_SOCKET_BASE + EBADF);
    cr_assert_eq(leat_tcp_socket_server_get_local_address(run.server, &local),
                 LEAT_E_SOCKET_BASE + EBADF);
    /* The same port again, though its connections are in TIME_WAIT. */
    cr_assert_eq(leat_tcp_socket_server_listen(run.server, "127.0.0.1", port, NULL), LEAT_OK);
}

Test(tcp_server, a_port_in_use_is_reported)
{
    uint16_t port;
    int listener = raw_listen(&port);

    (void)run_new_server("127.0.0.1");
    cr_assert_eq(leat_tcp_socket_server_close(run.server), LEAT_OK);
    listen_refused(leat_tcp_socket_server_listen(run.server, "127.0.0.1", port, NULL),
                   LEAT_E_SOCKET_BASE + EADDRINUSE);
    listen_refused(leat_tcp_socket_server_listen(run.server, "192.0.2.1", 0, NULL),
                   LEAT_E_SOCKET_BASE + EADDRNOTAVAIL);
    listen_refused(leat_tcp_socket_server_listen(run.server, "localhost", 0, NULL),
                   LEAT_E_PARAMETER);
    check_state(false, false, true);
    close(listener);
}

Test(tcp_server, wrong_arguments)
{
    static const struct leat_tcp_socket_server_callbacks empty = {.size = 0}, some = {.size = 8};
    leat_tcp_socket_server *server;

    cr_assert_eq(leat_tcp_socket_server_new(NULL, &some, NULL, &server), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_server_new(run.loop, &empty, NULL, &server), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_server_new(run.loop, NULL, NULL, &server), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_server_new(run.loop, &some, NULL, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_server_listen(NULL, "::1", 0, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_server_close(NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_server_send_all(NULL, "x", 1), LEAT_E_PARAMETER);
    leat_tcp_socket_server_free(NULL);
}

Test(tcp_server, extra_options_of_its_connections)
{
    struct leat_tcp_extra_options options = {
        .size = sizeof(options), .keep_alive = true, .tcp_no_delay = true};
    struct leat_tcp_extra_options got;
    int value = 0;
    socklen_t size = sizeof(value);
    uint16_t port = run_new_server("127.0.0.1");

    cr_assert_eq(leat_tcp_socket_server_set_extra_options(run.server, &options), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_server_set_extra_options(run.server, NULL), LEAT_E_PARAMETER);
    leat_tcp_socket_server_get_extra_options(run.server, &got);
    cr_assert(got.keep_alive);
    int fd = raw_connect(NULL, port);
    run_until("client 1");
    leat_tcp_socket_get_extra_options(run.connection, &got);
    cr_assert(got.keep_alive && got.tcp_no_delay);
    int connection_fd = leat_tcp_socket_get_socket_fd(run.connection);
    cr_assert_eq(getsockopt(connection_fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
    cr_assert_eq(value, 1);
    /* Of the one. */
    options.keep_alive = options.tcp_no_delay = false;
    cr_assert_eq(leat_tcp_socket_set_extra_options(run.connection, &options), LEAT_OK);
    cr_assert_eq(getsockopt(connection_fd, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    cr_assert_eq(value, 0);
    leat_tcp_socket_server_get_extra_options(run.server, &got);
    cr_assert(got.keep_alive);
    close(fd);
}

/* ---- inside of callbacks ----------------------------------------------------------- */

Test(tcp_server, freed_in_each_callback)
{
    static const char *const callbacks[] = {"client", "client message", "client error",
                                            "client closed"};

    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
        uint16_t port = run_new_server("127.0.0.1");
        int bystander = raw_connect(NULL, port);
        run_until("client 1");
        run.act_at = callbacks[i];
        run.act = STREAM_FREE;
        int fd = raw_connect(NULL, port);
        if (i == 1)
            cr_assert(raw_send(fd, "x", 1));
        while (i > 1 && !strstr(run.log, "client 2"))
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
        if (i == 2)
            raw_reset(fd);
        if (i == 3)
            shutdown(fd, SHUT_WR);
        while (run.server) {
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
            if (i == 3 && strstr(run.log, "client 2"))
                (void)shutdown(fd, SHUT_RDWR);
        }
        run.log[run.log_len = 0] = '\0';
        cr_assert_neq(raw_recv_end(bystander), ETIMEDOUT);
        run_some();
        run_check_log("");
        close(bystander);
        if (i != 2)
            close(fd);
    }
}
