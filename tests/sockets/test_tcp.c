/* SPDX-License-Identifier: Apache-2.0 */
/* leat_tcp_socket: connections, their ends and their failures. */
#include "stream_run.h"

#include "support/dns_server.h"
#include "support/peers.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(tcp_socket, .init = run_init, .fini = run_done, .timeout = 50);

static void socat_arguments(const char *port, const void *user, const char **argv)
{
    bool is_v6 = strchr(user, ':');

    argv[0] = "socat";
    argv[1] =
        sandbox_format(is_v6 ? "TCP6-LISTEN:%s,bind=[%s],fork" : "TCP4-LISTEN:%s,bind=%s,fork",
                       port, (const char *)user);
    argv[2] = "EXEC:cat";
}

static uint16_t socat_echo_start(const char *host)
{
    uint16_t port;

    peer_start_listening(socat_arguments, host, &port);
    return port;
}

static void check_state(bool is_bound, bool is_connected, bool is_close)
{
    struct leat_socket_state state;

    leat_tcp_socket_get_state(run.tcp, &state);
    cr_assert_eq(state.is_bound, is_bound);
    cr_assert_eq(state.is_connected, is_connected);
    cr_assert_eq(state.is_close, is_close);
}

static void check_refused(int result, int code)
{
    struct leat_error error;

    cr_assert_eq(result, code);
    leat_tcp_socket_get_error(run.tcp, &error);
    cr_assert_eq(error.code, code);
    cr_assert_str_neq(error.text, "");
    if (code > LEAT_E_SOCKET_BASE && code < LEAT_E_SOCKET_BASE + 200)
        cr_assert_eq(error.sys_errno, code - LEAT_E_SOCKET_BASE);
}

/* ---- there and back ---------------------------------------------------------------- */

static void check_echo(const char *host, uint16_t port, enum leat_address_family family)
{
    struct leat_net_address local, remote;

    run_new_client();
    check_state(false, false, true);
    cr_assert_eq(leat_tcp_socket_get_socket_fd(run.tcp), -1);
    run_connect(host, port);
    check_state(false, false, false);
    run_until("connected");
    check_state(true, true, false);
    cr_assert_geq(leat_tcp_socket_get_socket_fd(run.tcp), 0);
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &local), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_get_remote_address(run.tcp, &remote), LEAT_OK);
    cr_assert_eq(local.family, family);
    cr_assert_eq(remote.family, family);
    cr_assert_eq(remote.port, port);
    cr_assert_neq(local.port, 0);
    run_send("hello ");
    run_send("world");
    run_until_received(11);
    cr_assert_str_eq(run.received, "hello world");
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK);
    check_state(false, false, true);
    run_until("closed");
    run_check_log("connected; closed");
    cr_assert_eq(leat_tcp_socket_get_socket_fd(run.tcp), -1);
}

static void ncat_arguments(const char *port, const void *user, const char **argv)
{
    const char *const command[] = {"ncat", "-l", "-k", "-e", "/bin/cat", user, port};

    memcpy(argv, command, sizeof(command));
}

Test(tcp_socket, echo_by_ncat)
{
    uint16_t port;

    peer_start_listening(ncat_arguments, "127.0.0.1", &port);
    check_echo("127.0.0.1", port, LEAT_ADDRESS_IPV4);
}

Test(tcp_socket, echo_by_socat)
{
    check_echo("127.0.0.1", socat_echo_start("127.0.0.1"), LEAT_ADDRESS_IPV4);
}

Test(tcp_socket, echo_by_socat_over_ipv6)
{
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    check_echo("::1", socat_echo_start("::1"), LEAT_ADDRESS_IPV6);
}

Test(tcp_socket, a_name_becomes_an_address)
{
    struct leat_net_address remote;
    uint16_t port;
    int listener = raw_listen(&port);

    run_new_client();
    run_connect("localhost", port); /* ::1 refuses, if there is one */
    run_until("connected");
    cr_assert_eq(leat_tcp_socket_get_remote_address(run.tcp, &remote), LEAT_OK);
    cr_assert_str_eq(remote.address, "127.0.0.1");
    cr_assert_eq(remote.family, LEAT_ADDRESS_IPV4);
    close(listener);
}

/* ---- misuse ------------------------------------------------------------------------ */

Test(tcp_socket, use_before_connect)
{
    struct leat_net_address address;

    run_new_client();
    cr_assert_eq(leat_tcp_socket_send(run.tcp, "x", 1), LEAT_E_SOCKET_BASE + ENOTCONN);
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_E_SOCKET_BASE + ENOTCONN);
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &address),
                 LEAT_E_SOCKET_BASE + ENOTCONN);
    cr_assert_eq(leat_tcp_socket_get_remote_address(run.tcp, &address),
                 LEAT_E_SOCKET_BASE + ENOTCONN);
    cr_assert_eq(leat_tcp_socket_get_client_id(run.tcp), 0);
    leat_tcp_socket_pause(run.tcp);
    leat_tcp_socket_resume(run.tcp);
    run_some();
    run_check_log("");
}

Test(tcp_socket, use_while_connecting)
{
    struct leat_net_address address;

    run_new_client();
    run_connect("127.0.0.1", unanswering_port());
    run_some();
    cr_assert_eq(leat_tcp_socket_send(run.tcp, "x", 1), LEAT_E_SOCKET_BASE + ENOTCONN);
    cr_assert_eq(leat_tcp_socket_get_remote_address(run.tcp, &address),
                 LEAT_E_SOCKET_BASE + ENOTCONN);
    check_refused(leat_tcp_socket_connect(run.tcp, "127.0.0.1", 1, NULL),
                  LEAT_E_SOCKET_BASE + EISCONN);
    check_refused(leat_tcp_socket_bind(run.tcp, "127.0.0.1", 0), LEAT_E_SOCKET_BASE + EINVAL);
    check_state(false, false, false);
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK);
    cr_assert_eq(run.log_len, 0, "not inside of the call");
    run_until("closed");
    run_check_log("closed");
}

Test(tcp_socket, use_while_open)
{
    run_new_client();
    int peer = run_connect_raw();
    check_refused(leat_tcp_socket_connect(run.tcp, "127.0.0.1", 1, NULL),
                  LEAT_E_SOCKET_BASE + EISCONN);
    check_refused(leat_tcp_socket_bind(run.tcp, "127.0.0.1", 0), LEAT_E_SOCKET_BASE + EINVAL);
    cr_assert_eq(leat_tcp_socket_send(run.tcp, NULL, 1), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_send(run.tcp, NULL, 0), LEAT_OK);
    close(peer);
}

Test(tcp_socket, use_after_close)
{
    struct leat_net_address address;

    run_new_client();
    int peer = run_connect_raw();
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK, "still closing");
    cr_assert_eq(leat_tcp_socket_send(run.tcp, "x", 1), LEAT_E_SOCKET_BASE + EBADF);
    close(peer);
    run_until("closed");
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_E_SOCKET_BASE + EBADF);
    cr_assert_eq(leat_tcp_socket_send(run.tcp, "x", 1), LEAT_E_SOCKET_BASE + EBADF);
    cr_assert_eq(leat_tcp_socket_get_local_address(run.tcp, &address), LEAT_E_SOCKET_BASE + EBADF);
    cr_assert_eq(leat_tcp_socket_get_remote_address(run.tcp, &address), LEAT_E_SOCKET_BASE + EBADF);
}

Test(tcp_socket, wrong_arguments)
{
    static const struct leat_tcp_socket_callbacks empty = {.size = 0}, some = {.size = 8};
    leat_tcp_socket *tcp;

    cr_assert_eq(leat_tcp_socket_new(NULL, &some, NULL, &tcp), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_new(run.loop, NULL, NULL, &tcp), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_new(run.loop, &empty, NULL, &tcp), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_new(run.loop, &some, NULL, NULL), LEAT_E_PARAMETER);
    run_new_client();
    cr_assert_eq(leat_tcp_socket_connect(NULL, "127.0.0.1", 1, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_connect(run.tcp, NULL, 1, NULL), LEAT_E_PARAMETER);
    check_refused(leat_tcp_socket_connect(run.tcp, "", 1, NULL), LEAT_E_PARAMETER);
    check_refused(leat_tcp_socket_connect(run.tcp, "a b", 1, NULL), LEAT_E_PARAMETER);
    check_refused(leat_tcp_socket_connect(run.tcp, "[::1]", 1, NULL), LEAT_E_PARAMETER);
    check_refused(leat_tcp_socket_connect(run.tcp, "127.0.0.1", 0, NULL), LEAT_E_PARAMETER);
    check_refused(leat_tcp_socket_bind(run.tcp, "localhost", 0), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_bind(run.tcp, NULL, 0), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_bind(NULL, "::1", 0), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_close(NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tcp_socket_send(NULL, "x", 1), LEAT_E_PARAMETER);
    leat_tcp_socket_free(NULL);
    run_some();
    run_check_log("");
}

/* ---- failures to connect ----------------------------------------------------------- */

Test(tcp_socket, refused)
{
    run_new_client();
    run_connect("127.0.0.1", refusing_port());
    cr_assert_eq(run.log_len, 0);
    run_until("closed");
    run_check_log("error 2301111; closed");
    cr_assert_eq(run.error.sys_errno, ECONNREFUSED);
    cr_assert_eq(run.error.layer, LEAT_LAYER_TCP);
    check_state(false, false, true);
}

Test(tcp_socket, no_answer_in_time)
{
    cr_assert_eq(leat_config_set_connect_timeout(run.config, 100), LEAT_OK);
    run_new_client();
    run_connect("127.0.0.1", unanswering_port());
    run_until("closed");
    run_check_log("error 2301110; closed");
}

Test(tcp_socket, no_such_name)
{
    static const struct dns_record records[] = {
        {.name = "known.test", .v4 = {"127.0.0.1"}},
        {0},
    };
    struct dns_server *server = dns_server_start(records);
    uint16_t port;
    int listener = raw_listen(&port);

    cr_assert_eq(leat_config_set_dns_servers(run.config, dns_server_address(server)), LEAT_OK);
    run_new_client();
    run_connect("unknown.test", port);
    run_until("closed");
    run_check_log("error 2301113; closed");
    cr_assert_eq(run.error.layer, LEAT_LAYER_DNS);
    run_connect("KNOWN.test.", port);
    run_until("connected");
    close(listener);
    dns_server_free(server);
}

Test(tcp_socket, a_denied_host)
{
    cr_assert_eq(leat_config_add_allowed_domain(run.config, "example.com"), LEAT_OK);
    run_new_client();
    check_refused(leat_tcp_socket_connect(run.tcp, "other.example", 1, run.config),
                  LEAT_E_WS_DOMAIN);
}

/* ---- ends -------------------------------------------------------------------------- */

Test(tcp_socket, the_peer_ends)
{
    run_new_client();
    int peer = run_connect_raw();
    cr_assert(raw_send(peer, "bye", 3));
    close(peer);
    run_until("closed");
    run_check_log("connected; closed");
    cr_assert_str_eq(run.received, "bye");
    check_state(false, false, true);
}

Test(tcp_socket, the_peer_resets)
{
    run_new_client();
    int peer = run_connect_raw();
    raw_reset(peer);
    run_until("closed");
    run_check_log("connected; error 2301104; closed");
    cr_assert_eq(run.error.sys_errno, ECONNRESET);
}

/* A peer that has said all it had to say still hears what was queued for it. */
Test(tcp_socket, the_peer_ends_one_direction)
{
    char buf[64];

    run_new_client();
    int peer = run_connect_raw();
    run_send("answer");
    cr_assert_eq(shutdown(peer, SHUT_WR), 0);
    run_until("closed");
    cr_assert(raw_recv_until(peer, "answer", buf, sizeof(buf)));
    cr_assert_eq(raw_recv_end(peer), 0);
    close(peer);
    run_check_log("connected; closed");
}

/* The peer neither reads nor ends: the deadline does it, and says that bytes were lost. */
Test(tcp_socket, close_has_a_deadline)
{
    enum { SIZE = 8 << 20 };
    char *data = calloc(1, SIZE);

    run_new_client();
    int peer = run_connect_raw();
    cr_assert_eq(leat_tcp_socket_send(run.tcp, data, SIZE), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK);
    run_until("closed");
    run_check_log("connected; error 2301110; closed");
    close(peer);

    /* All is sent, and the peer only does not end. */
    peer = run_connect_raw();
    run_send("x");
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK);
    run_until("closed");
    run_check_log("connected; closed");
    close(peer);
    free(data);
}

/* ---- flow -------------------------------------------------------------------------- */

Test(tcp_socket, paused)
{
    run_new_client();
    int peer = run_connect_raw();
    leat_tcp_socket_pause(run.tcp);
    cr_assert(raw_send(peer, "kept", 4));
    close(peer);
    run_some();
    cr_assert_eq(run.received_total, 0);
    run_check_log("connected");
    leat_tcp_socket_resume(run.tcp);
    run_until("closed");
    cr_assert_str_eq(run.received, "kept");
}

/* Dispatches until `peer` has got everything up to `sent`. */
static void check_arrived(int peer, size_t *received, size_t sent)
{
    static uint8_t data[1 << 20];
    while (*received < sent) {
        cr_assert_eq(leat_loop_dispatch(run.loop, 0), LEAT_OK);
        ssize_t n = recv(peer, data, sizeof(data), MSG_DONTWAIT);
        for (ssize_t i = 0; i < n; i++)
            cr_assert_eq(data[i], (uint8_t)((*received + (size_t)i) % 251));
        *received += n > 0 ? (size_t)n : 0;
    }
}

/* Much that the kernel takes at once, little that is queued, and more than it takes. */
Test(tcp_socket, much_and_little_arrive_in_their_order)
{
    static const size_t lengths[] = {1, 40000, 3, 32768, 32767, 5, 8 << 20, 1, 70000, 300000};
    enum { COUNT = sizeof(lengths) / sizeof(lengths[0]), ROUNDS = 3 };
    static uint8_t data[8 << 20];
    size_t sent = 0, received = 0;

    run_new_client();
    int peer = run_connect_raw();
    for (size_t i = 0; i < ROUNDS * COUNT; i++) {
        size_t len = lengths[i % COUNT];
        for (size_t at = 0; at < len; at++)
            data[at] = (uint8_t)((sent + at) % 251);
        cr_assert_eq(leat_tcp_socket_send(run.tcp, data, len), LEAT_OK);
        memset(data, 0xff, len); /* what was not taken has been copied */
        sent += len;
        if (i % 3 == 2 || len > 500000)
            check_arrived(peer, &received, sent);
    }
    check_arrived(peer, &received, sent);
    cr_assert_eq(leat_tcp_socket_close(run.tcp), LEAT_OK);
    close(peer);
    run_until("closed");
}

/* ---- inside of callbacks ----------------------------------------------------------- */

Test(tcp_socket, connects_again_in_closed_but_not_in_error)
{
    uint16_t port;
    int listener = raw_listen(&port);

    run_new_client();
    run.act_at = "error";
    run.act = STREAM_CONNECT;
    run_connect("127.0.0.1", refusing_port());
    run_until("closed");
    run_check_log("error 2301111; closed");
    cr_assert_eq(run.act_result, LEAT_E_SOCKET_BASE + EISCONN);

    run.act_at = "closed";
    run.act = STREAM_CONNECT;
    run_connect("127.0.0.1", port);
    run_until("connected");
    close(peer_accept(listener));
    run_until("closed");
    cr_assert_eq(run.act_result, LEAT_OK);
    run_check_log("connected; closed");
    run_until("connected");
    close(listener);
}

Test(tcp_socket, freed_while_connecting)
{
    run_new_client();
    run_connect("127.0.0.1", unanswering_port());
    run_some();
    leat_tcp_socket_free(run.tcp);
    run_new_client();
    run_connect("localhost", 1);
    leat_tcp_socket_free(run.tcp);
    run.tcp = NULL;
    run_some();
    run_check_log("");
}
