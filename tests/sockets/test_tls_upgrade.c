/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP connection that becomes a TLS connection, and leat_tls_socket_server. */
#include "tls_run.h"

#include "support/certificates.h"
#include "support/peers.h"
#include "support/process.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"

#include <leat/websocket_server.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(tls_upgrade, .init = run_init, .fini = run_done, .timeout = 60);

static leat_tcp_socket *tcp;
static int tcp_connected_count;
static char tcp_text[256];
static const struct leat_tcp_socket_callbacks tcp_callbacks;

static int upgrade(void)
{
    return leat_tls_socket_upgrade(tcp, &run_client_callbacks, &run, "localhost", run.options,
                                   run.config, &run.tls);
}

static void tcp_connected(leat_tcp_socket *socket, void *user)
{
    cr_assert(socket == tcp && !user);
    tcp_connected_count++;
}

/* "220" of the server asks for "STARTTLS", "ok" upgrades. */
static void tcp_message(leat_tcp_socket *socket, const uint8_t *data, size_t len,
                        const struct leat_remote_info *remote, void *user)
{
    (void)remote;
    (void)user;
    size_t used = strlen(tcp_text);
    cr_assert_lt(used + len, sizeof(tcp_text));
    memcpy(tcp_text + used, data, len);
    tcp_text[used + len] = '\0';
    if (strcmp(tcp_text, "220\n") == 0)
        cr_assert_eq(leat_tcp_socket_send(socket, "STARTTLS\n", 9), LEAT_OK);
    if (strstr(tcp_text, "ok\n"))
        cr_assert_eq(upgrade(), LEAT_OK);
}

static void tcp_closed(leat_tcp_socket *socket, void *user)
{
    (void)socket;
    (void)user;
    cr_assert_fail("closed of a TCP socket that has been upgraded");
}

static const struct leat_tcp_socket_callbacks tcp_callbacks = {
    .size = sizeof(tcp_callbacks),
    .connected = tcp_connected,
    .message = tcp_message,
    .closed = tcp_closed,
};

static void tcp_connect(uint16_t port)
{
    cr_assert_eq(leat_tcp_socket_new(run.loop, &tcp_callbacks, NULL, &tcp), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_connect(tcp, "127.0.0.1", port, run.config), LEAT_OK);
    while (tcp_connected_count == 0)
        cr_assert_eq(leat_loop_dispatch(run.loop, 100), LEAT_OK);
}

static void converse(void)
{
    run_until_client("connected");
    run.echo = true;
    run_send("hello");
    run_until_client("message hello");
    cr_assert_str_eq(leat_tls_socket_get_protocol(run.tls), "TLSv1.3");
    cr_assert_eq(leat_tls_socket_close(run.tls), LEAT_OK);
    run_until_client("closed");
    run_check(&run.client_log, "connected; message hello; closed");
}

Test(tls_upgrade, at_once)
{
    tcp_connect(run_new_server());
    cr_assert_eq(upgrade(), LEAT_OK);
    cr_assert_eq(leat_tls_socket_send(run.tls, "x", 1), LEAT_E_TLS_SOCKET_ENOTCONN);
    converse();
}

Test(tls_upgrade, through_a_proxy)
{
    cr_assert_eq(leat_config_set_proxy(run.config, sandbox_format("socks5://127.0.0.1:%u",
                                                                  microsocks_start(NULL, NULL))),
                 LEAT_OK);
    tcp_connect(run_new_server());
    cr_assert_eq(upgrade(), LEAT_OK);
    converse();
}

Test(tls_upgrade, then_connects_as_a_tls_socket)
{
    uint16_t port = run_new_server();

    tcp_connect(port);
    cr_assert_eq(upgrade(), LEAT_OK);
    converse();
    run_connect(port);
    converse();
}

/* `openssl s_server -starttls` has no server side, so the test speaks the clear part itself and
 * hands the descriptor's bytes on to a TLS server. */
static void relay_some(int from, int to)
{
    char buf[16384];
    ssize_t n = recv(from, buf, sizeof(buf), MSG_DONTWAIT);

    if (n > 0)
        cr_assert(raw_send(to, buf, (size_t)n));
}

Test(tls_upgrade, after_words_in_the_clear)
{
    uint16_t port, tls_port = run_new_server();
    int listener = raw_listen(&port);
    char buf[64];

    tcp_connect(port);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int behind = raw_connect(NULL, tls_port);
    cr_assert(raw_send(fd, "220\n", 4));
    while (!strstr(tcp_text, "220"))
        cr_assert_eq(leat_loop_dispatch(run.loop, 100), LEAT_OK);
    cr_assert_eq(leat_loop_dispatch(run.loop, 0), LEAT_OK);
    cr_assert(raw_recv_until(fd, "STARTTLS\n", buf, sizeof(buf)));
    cr_assert(raw_send(fd, "ok\n", 3));
    run.echo = true;
    bool said = false;
    while (!strstr(run.client_log.text, "message hello")) {
        cr_assert_eq(leat_loop_dispatch(run.loop, 5), LEAT_OK);
        relay_some(fd, behind);
        relay_some(behind, fd);
        if (!said && strstr(run.client_log.text, "connected")) {
            run_send("hello");
            said = true;
        }
    }
    run_check(&run.client_log, "connected; message hello");
    close(fd);
    close(behind);
    close(listener);
}

static void expect_refusal(int code, const char *text)
{
    struct leat_error error;

    cr_assert_eq(upgrade(), code);
    cr_assert_null(run.tls);
    leat_tcp_socket_get_error(tcp, &error);
    cr_assert_eq(error.code, code);
    cr_assert(strstr(error.text, text), "\"%s\" is not in \"%s\"", text, error.text);
}

Test(tls_upgrade, refusals_leave_the_socket_as_it_was)
{
    static const char *const garbage = "no certificate";

    cr_assert_eq(leat_tcp_socket_new(run.loop, &tcp_callbacks, NULL, &tcp), LEAT_OK);
    expect_refusal(LEAT_E_TLS_SOCKET_ENOTCONN, "only a connected client");
    leat_tcp_socket_free(tcp);
    uint16_t port = run_new_server();
    tcp_connect(port);

    cr_assert_eq(leat_tcp_socket_send(tcp, "x", 1), LEAT_OK);
    expect_refusal(LEAT_E_TLS_SOCKET_EAGAIN, "wait to be sent in the clear");
    leat_tcp_socket_free(tcp);
    tcp_connected_count = 0;
    tcp_connect(port);
    cr_assert_eq(leat_tls_options_set_ca(run.options, &garbage, 1), LEAT_OK);
    expect_refusal(LEAT_E_TLS_VERIFY, "no CA certificate can be parsed");
    const char *ca = run_text(certificate_path("ca.pem"));
    cr_assert_eq(leat_tls_options_set_ca(run.options, &ca, 1), LEAT_OK);
    cr_assert_eq(upgrade(), LEAT_OK);
    converse();
}

Test(tls_upgrade, of_a_wrong_name_fails)
{
    cr_assert_eq(leat_tls_options_set_server_name(run.options, "elsewhere.example"), LEAT_OK);
    tcp_connect(run_new_server());
    cr_assert_eq(upgrade(), LEAT_OK);
    run_until_client("closed");
    run_check(&run.client_log, sandbox_format("error %d; closed", LEAT_E_TLS_VERIFY));
}

/* ---- server ---------------------------------------------------------------------------------- */

TestSuite(tls_socket_server, .init = run_init, .fini = run_done, .timeout = 60);

static struct process *s_client(uint16_t port, const char *const *arguments)
{
    const char *argv[24] = {"openssl",
                            "s_client",
                            "-connect",
                            sandbox_format("127.0.0.1:%u", port),
                            "-CAfile",
                            certificate_path("ca.pem"),
                            "-verify_return_error",
                            "-nocommands",
                            "-quiet",
                            "-no_ign_eof"};

    for (size_t i = 0; arguments[i]; i++)
        argv[10 + i] = arguments[i];
    return process_start(&(struct process_options){.argv = argv, .has_input = true});
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(tls_socket_server, with_s_client)
{
    static const char *const options[] = {"-tls1_2", "-tls1_3"};
    uint16_t port = run_new_server();

    run.echo = true;
    for (size_t i = 0; i < 2; i++) {
        char rest[100];
        struct process *client = s_client(port, ARGUMENTS(options[i]));
        run_until_server("connected");
        cr_assert_eq(leat_tls_socket_get_client_id(run.connection), i + 1);
        cr_assert(leat_tls_socket_server_find(run.server, i + 1) == run.connection);
        cr_assert_null(leat_tls_socket_server_find(run.server, 77));
        cr_assert_eq(leat_tls_socket_server_get_connection_count(run.server), 1);
        cr_assert_str_eq(leat_tls_socket_get_protocol(run.connection),
                         i == 0 ? "TLSv1.2" : "TLSv1.3");
        cr_assert(write(client->input_fd, "hello\n", 6) == 6);
        run_until_server("message hello");
        cr_assert_eq(leat_loop_dispatch(run.loop, 0), LEAT_OK);
        process_wait_line(client, "hello", rest, sizeof(rest));
        close(client->input_fd);
        client->input_fd = -1;
        run_until_server("closed");
        run_check(&run.server_log, "connected; message hello\n; closed");
        cr_assert_eq(leat_tls_socket_server_get_connection_count(run.server), 0);
    }
}

Test(tls_socket_server, state_and_addresses)
{
    struct leat_socket_state state;
    struct leat_net_address address;
    uint16_t port = run_new_server();

    leat_tls_socket_server_get_state(run.server, &state);
    cr_assert(state.is_bound && !state.is_connected && !state.is_close);
    cr_assert_geq(leat_tls_socket_server_get_socket_fd(run.server), 0);
    run_open(port);
    leat_tls_socket_server_get_state(run.server, &state);
    cr_assert(state.is_connected);
    cr_assert_eq(leat_tls_socket_get_remote_address(run.connection, &address), LEAT_OK);
    cr_assert_str_eq(address.address, "127.0.0.1");
    leat_tls_socket_set_client_data(run.connection, &address);
    cr_assert(leat_tls_socket_get_client_data(run.connection) == &address);
    cr_assert_eq(leat_tls_socket_server_close(run.server), LEAT_OK);
    run_until_client("closed");
    run_until_server("closed");
    cr_assert_eq(leat_tls_socket_server_close(run.server), LEAT_E_TLS_SOCKET_EBADF);
    cr_assert_eq(leat_tls_socket_server_get_local_address(run.server, &address),
                 LEAT_E_TLS_SOCKET_EBADF);
    cr_assert_eq(leat_tls_socket_server_listen(run.server, "127.0.0.1", port, run.server_options,
                                               run.config),
                 LEAT_OK);
    run_check(&run.client_log, "closed");
    run_check(&run.server_log, "closed");
    run_open(port);
}

static void expect_no_listen(const char *address, uint16_t port, leat_tls_options *options,
                             int code, const char *text)
{
    struct leat_error error;

    cr_assert_eq(leat_tls_socket_server_listen(run.server, address, port, options, run.config),
                 code);
    leat_tls_socket_server_get_error(run.server, &error);
    cr_assert_eq(error.code, code);
    cr_assert(strstr(error.text, text), "\"%s\" is not in \"%s\"", text, error.text);
}

Test(tls_socket_server, refusals)
{
    const char *cert = run_text(certificate_path("server.pem"));
    const char *key = run_text(certificate_path("client.key"));
    uint16_t port = run_new_server();
    leat_tls_socket_server *first = run.server;

    expect_no_listen("127.0.0.1", 0, run.server_options, LEAT_E_TLS_SOCKET_EINVAL,
                     "listens already");
    leat_tls_socket_server_free(first);
    int other = raw_listen(&port);
    (void)run_new_server();
    cr_assert_eq(leat_tls_socket_server_close(run.server), LEAT_OK);
    expect_no_listen("127.0.0.1", port, run.server_options, LEAT_E_TLS_SOCKET_EADDRINUSE, "");
    expect_no_listen("192.0.2.1", 0, run.server_options, LEAT_E_TLS_SOCKET_EADDRNOTAVAIL, "");
    expect_no_listen("no literal", 0, run.server_options, LEAT_E_PARAMETER, "literal");
    expect_no_listen("127.0.0.1", 0, run.options, LEAT_E_TLS_ENGINE, "needs a certificate");
    cr_assert_eq(leat_tls_options_set_cert(run.server_options, &cert, 1, key, NULL), LEAT_OK);
    expect_no_listen("127.0.0.1", 0, run.server_options, LEAT_E_TLS_VERIFY, "does not belong");
    cr_assert_eq(leat_tls_socket_server_listen(run.server, "127.0.0.1", 0, NULL, NULL),
                 LEAT_E_PARAMETER);
    close(other);
}

Test(tls_socket_server, clients_that_do_not_become_one)
{
    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_TLS, 200), LEAT_OK);
    uint16_t port = run_new_server();
    int plain = raw_connect(NULL, port);
    int silent = raw_connect(NULL, port);

    cr_assert(raw_send(plain, "GET / HTTP/1.1\r\n\r\n", 18));
    run_until_server("client error");
    run_check(&run.server_log, sandbox_format("client error %d", LEAT_E_TLS_ENGINE));
    cr_assert(strstr(run.server_log.error.text, "not a TLS client"), "%s",
              run.server_log.error.text);
    cr_assert_eq(strncmp(run.server_log.error.hop, "127.0.0.1:", 10), 0);
    run_until_server("client error");
    run_check(&run.server_log, sandbox_format("client error %d", LEAT_E_TLS_READ));
    cr_assert_eq(leat_tls_socket_server_get_connection_count(run.server), 0);
    close(plain);
    close(silent);
}

static void free_server(void)
{
    leat_tls_socket_server_free(run.server);
    run.server = NULL;
}

static void free_connection(void)
{
    leat_tls_socket_free(run.connection);
}

Test(tls_socket_server, free_in_every_callback)
{
    static const char *const at[] = {"connected", "message", "closed"};

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        run.server_act_at = at[i];
        run.server_act = free_server;
        run_new_client();
        run_connect(run_new_server());
        run_until_client("connected");
        cr_assert_eq(leat_tls_socket_send(run.tls, "hello", 5), LEAT_OK);
        if (i == 2)
            cr_assert_eq(leat_tls_socket_close(run.tls), LEAT_OK);
        run_until_server(at[i]);
        cr_assert_null(run.server);
        leat_tls_socket_free(run.tls);
        run.server_log.text[0] = run.client_log.text[0] = '\0';
        run.server_log.len = run.client_log.len = 0;
    }
    run.tls = NULL;
}

Test(tls_socket_server, freeing_a_connection_closes_it)
{
    run.server_act_at = "message";
    run.server_act = free_connection;
    run_open(run_new_server());
    run_send("hello");
    run_until_server("closed");
    run_check(&run.server_log, "message hello; closed");
    run_until_client("closed");
}

Test(tls_socket_server, too_many_clients)
{
    cr_assert_eq(leat_config_set_max_concurrent_clients_number(run.config, 1), LEAT_OK);
    uint16_t port = run_new_server();

    run_open(port);
    int second = raw_connect(NULL, port);
    run_until_server("client error");
    run_check(&run.server_log, sandbox_format("client error %d", LEAT_E_TLS_SOCKET_BASE + EUSERS));
    close(second);
}

/* Places are for those whose handshake is done: two that come together cannot both have the last
 * one, and the second one learns it when it has said something. */
Test(tls_socket_server, too_many_clients_at_once)
{
    cr_assert_eq(leat_config_set_max_concurrent_clients_number(run.config, 1), LEAT_OK);
    uint16_t port = run_new_server();
    int silent = raw_connect(NULL, port);

    cr_assert_eq(leat_loop_dispatch(run.loop, 0), LEAT_OK);
    run_open(port);
    cr_assert_eq(leat_tls_socket_server_get_connection_count(run.server), 1);
    close(silent);
}

/* With the defaults: 250 of one client may be in their handshake, then the oldest makes room. */
Test(tls_socket_server, silent_connections_keep_nobody_out)
{
    enum { SILENT = 300 };
    uint16_t port = run_new_server();
    int fds[SILENT];

    for (int i = 0; i < SILENT; i++) {
        fds[i] = raw_connect(NULL, port);
        cr_assert_eq(leat_loop_dispatch(run.loop, 0), LEAT_OK);
    }
    run_new_client();
    run_connect(port);
    run_until_client("connected");
    cr_assert_eq(raw_recv_end(fds[0]), 0);
    cr_assert_eq(run.server_log.error.code, LEAT_E_TLS_SOCKET_BASE + EUSERS);
    cr_assert_not_null(strstr(run.server_log.error.text, "handshake"), "%s",
                       run.server_log.error.text);
    for (int i = 0; i < SILENT; i++)
        close(fds[i]);
}
