/* SPDX-License-Identifier: Apache-2.0 */
/* Callbacks of sockets that are exchanged at any time. */
#include "sockets/stream_run.h"

#include <leat/local_socket.h>
#include <leat/tls_socket.h>
#include <leat/udp_socket.h>

#include <stdio.h>

TestSuite(exchange, .init = run_init, .fini = run_done, .timeout = 60);

static char heard[64]; /* by the callbacks that were set later */

static void tcp_message(leat_tcp_socket *tcp, const uint8_t *data, size_t len,
                        const struct leat_remote_info *remote, void *user)
{
    (void)tcp, (void)remote;
    snprintf(heard, sizeof(heard), "%s:%.*s", (const char *)user, (int)len, (const char *)data);
}

static void server_message(leat_tcp_socket_server *server, leat_tcp_socket *tcp,
                           const uint8_t *data, size_t len, const struct leat_remote_info *remote,
                           void *user)
{
    (void)server, (void)remote, (void)user;
    cr_expect_eq(leat_tcp_socket_send(tcp, data, len), LEAT_OK);
}

Test(exchange, tcp)
{
    const struct leat_tcp_socket_callbacks callbacks = {.size = sizeof(callbacks),
                                                        .message = tcp_message};
    const struct leat_tcp_socket_server_callbacks of_server = {.size = sizeof(of_server),
                                                               .message = server_message};
    uint16_t port = run_new_server("127.0.0.1");
    run_new_client();
    run_connect("127.0.0.1", port);
    run_until("connected");
    cr_assert_eq(leat_tcp_socket_set_callbacks(run.tcp, &callbacks, "mine"), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_server_set_callbacks(run.server, &of_server, NULL), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_send(run.tcp, "x", 1), LEAT_OK);
    while (!*heard)
        cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
    cr_expect_str_eq(heard, "mine:x");
    cr_expect_eq(run.received_total, 0u);
    cr_expect_eq(leat_tcp_socket_set_callbacks(run.connection, &callbacks, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_tcp_socket_set_callbacks(run.tcp, NULL, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_tcp_socket_server_set_callbacks(run.server, NULL, NULL), LEAT_E_PARAMETER);
}

static void udp_message(leat_udp_socket *udp, const uint8_t *data, size_t len,
                        const struct leat_remote_info *remote, void *user)
{
    (void)udp, (void)remote;
    snprintf(heard, sizeof(heard), "%s:%.*s", (const char *)user, (int)len, (const char *)data);
}

Test(exchange, udp)
{
    struct leat_udp_socket_callbacks callbacks = {.size = sizeof(callbacks)};
    struct leat_net_address address;
    leat_udp_socket *udp;
    cr_assert_eq(leat_udp_socket_new(run.loop, &callbacks, NULL, &udp), LEAT_OK);
    cr_assert_eq(leat_udp_socket_bind(udp, "127.0.0.1", 0, NULL), LEAT_OK);
    cr_assert_eq(leat_udp_socket_get_local_address(udp, &address), LEAT_OK);
    callbacks.message = udp_message;
    cr_assert_eq(leat_udp_socket_set_callbacks(udp, &callbacks, "mine"), LEAT_OK);
    cr_assert_eq(leat_udp_socket_send(udp, "y", 1, "127.0.0.1", address.port), LEAT_OK);
    while (!*heard)
        cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
    cr_expect_str_eq(heard, "mine:y");
    cr_expect_eq(leat_udp_socket_set_callbacks(udp, NULL, NULL), LEAT_E_PARAMETER);
    leat_udp_socket_free(udp);
}

/* Before anything is connected, and of each other kind. */
Test(exchange, the_other_kinds)
{
    struct leat_local_socket_callbacks of_local = {.size = sizeof(of_local)};
    struct leat_local_socket_server_callbacks of_local_server = {.size = sizeof(of_local_server)};
    struct leat_tls_socket_callbacks of_tls = {.size = sizeof(of_tls)};
    struct leat_tls_socket_server_callbacks of_tls_server = {.size = sizeof(of_tls_server)};
    leat_local_socket *local;
    leat_local_socket_server *local_server;
    leat_tls_socket *tls;
    leat_tls_socket_server *tls_server;
    cr_assert_eq(leat_local_socket_new(run.loop, &of_local, NULL, &local), LEAT_OK);
    cr_assert_eq(leat_local_socket_server_new(run.loop, &of_local_server, NULL, &local_server),
                 LEAT_OK);
    cr_assert_eq(leat_tls_socket_new(run.loop, &of_tls, NULL, &tls), LEAT_OK);
    cr_assert_eq(leat_tls_socket_server_new(run.loop, &of_tls_server, NULL, &tls_server), LEAT_OK);
    cr_expect_eq(leat_local_socket_set_callbacks(local, &of_local, NULL), LEAT_OK);
    cr_expect_eq(leat_local_socket_server_set_callbacks(local_server, &of_local_server, NULL),
                 LEAT_OK);
    cr_expect_eq(leat_tls_socket_set_callbacks(tls, &of_tls, NULL), LEAT_OK);
    cr_expect_eq(leat_tls_socket_server_set_callbacks(tls_server, &of_tls_server, NULL), LEAT_OK);
    of_local.size = of_local_server.size = of_tls.size = of_tls_server.size = 0;
    cr_expect_eq(leat_local_socket_set_callbacks(local, &of_local, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_local_socket_server_set_callbacks(local_server, &of_local_server, NULL),
                 LEAT_E_PARAMETER);
    cr_expect_eq(leat_tls_socket_set_callbacks(tls, &of_tls, NULL), LEAT_E_PARAMETER);
    cr_expect_eq(leat_tls_socket_server_set_callbacks(tls_server, &of_tls_server, NULL),
                 LEAT_E_PARAMETER);
    leat_local_socket_free(local);
    leat_local_socket_server_free(local_server);
    leat_tls_socket_free(tls);
    leat_tls_socket_server_free(tls_server);
}
