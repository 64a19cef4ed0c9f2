/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_run.h"

#include "support/patience.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct stream_run run;

/* ---- the log ----------------------------------------------------------------------- */

void run_log(const char *format, ...)
{
    va_list args;

    if (run.log_len > 0 && run.log_len < sizeof(run.log) - 3)
        run.log_len += (size_t)snprintf(run.log + run.log_len, sizeof(run.log) - run.log_len, "; ");
    va_start(args, format);
    run.log_len +=
        (size_t)vsnprintf(run.log + run.log_len, sizeof(run.log) - run.log_len, format, args);
    va_end(args);
    cr_assert_lt(run.log_len, sizeof(run.log));
}

void run_check_log(const char *expected)
{
    cr_assert_str_eq(run.log, expected, "%s (%s)", run.log, run.error.text);
    run.log[0] = '\0';
    run.log_len = 0;
}

static void received_add(const uint8_t *data, size_t len)
{
    size_t room = sizeof(run.received) - 1 - run.received_len;
    size_t part = len < room ? len : room;

    cr_assert_gt(len, 0);
    memcpy(run.received + run.received_len, data, part);
    run.received_len += part;
    run.received[run.received_len] = '\0';
    run.received_total += len;
}

/* ---- the client -------------------------------------------------------------------- */

void run_act(const char *at)
{
    if (run.act == STREAM_NOTHING || strcmp(run.act_at, at) != 0)
        return;
    enum stream_act act = run.act;
    run.act = STREAM_NOTHING;
    if (act == STREAM_CLOSE) {
        run.act_result = leat_tcp_socket_close(run.tcp);
    } else if (act == STREAM_CONNECT) {
        run.act_result =
            leat_tcp_socket_connect(run.tcp, run.target.address, run.target.port, run.config);
    } else if (run.server) {
        leat_tcp_socket_server_free(run.server);
        run.server = NULL;
    } else {
        leat_tcp_socket_free(run.tcp);
        run.tcp = NULL;
    }
}

static void on_connected(leat_tcp_socket *tcp, void *user)
{
    cr_assert_eq(user, &run);
    cr_assert_eq(tcp, run.tcp);
    run_log("connected");
    run_act("connected");
}

static void on_message(leat_tcp_socket *tcp, const uint8_t *data, size_t len,
                       const struct leat_remote_info *remote, void *user)
{
    struct leat_net_address address;

    cr_assert_eq(user, &run);
    cr_assert_eq(leat_tcp_socket_get_remote_address(tcp, &address), LEAT_OK);
    cr_assert_str_eq(remote->address, address.address);
    cr_assert_eq(remote->port, address.port);
    cr_assert_eq(remote->size, len);
    cr_assert_str_eq(remote->family, address.family == LEAT_ADDRESS_DOMAIN ? "Domain"
                                     : address.family == LEAT_ADDRESS_IPV6 ? "IPv6"
                                                                           : "IPv4");
    received_add(data, len);
    run_act("message");
}

static void on_writable(leat_tcp_socket *tcp, void *user)
{
    cr_assert_eq(user, &run);
    (void)tcp;
    run_log("writable");
    run_act("writable");
}

static void on_error(leat_tcp_socket *tcp, const struct leat_error *error, void *user)
{
    cr_assert_eq(user, &run);
    (void)tcp;
    run.error = *error;
    run_log("error %d", error->code);
    run_act("error");
}

static void on_closed(leat_tcp_socket *tcp, void *user)
{
    cr_assert_eq(user, &run);
    (void)tcp;
    run_log("closed");
    run_act("closed");
}

void run_new_client(void)
{
    static const struct leat_tcp_socket_callbacks callbacks = {
        .size = sizeof(callbacks),
        .connected = on_connected,
        .message = on_message,
        .writable = on_writable,
        .error = on_error,
        .closed = on_closed,
    };

    cr_assert_eq(leat_tcp_socket_new(run.loop, &callbacks, &run, &run.tcp), LEAT_OK);
}

/* ---- the server -------------------------------------------------------------------- */

static void on_client(leat_tcp_socket_server *server, leat_tcp_socket *tcp, void *user)
{
    cr_assert_eq(user, &run);
    cr_assert_eq(server, run.server);
    run.connection = tcp;
    run_log("client %lu", (unsigned long)leat_tcp_socket_get_client_id(tcp));
    run_act("client");
}

static void on_client_message(leat_tcp_socket_server *server, leat_tcp_socket *tcp,
                              const uint8_t *data, size_t len,
                              const struct leat_remote_info *remote, void *user)
{
    struct leat_net_address address;

    cr_assert_eq(user, &run);
    (void)server;
    cr_assert_eq(leat_tcp_socket_get_remote_address(tcp, &address), LEAT_OK);
    cr_assert_str_eq(remote->address, address.address);
    cr_assert_eq(remote->port, address.port);
    if (run.echo)
        cr_assert_eq(leat_tcp_socket_send(tcp, data, len), LEAT_OK);
    else
        received_add(data, len);
    run_act("client message");
}

static void on_client_writable(leat_tcp_socket_server *server, leat_tcp_socket *tcp, void *user)
{
    cr_assert_eq(user, &run);
    (void)server;
    run_log("client %lu writable", (unsigned long)leat_tcp_socket_get_client_id(tcp));
    run_act("client writable");
}

static void on_client_error(leat_tcp_socket_server *server, leat_tcp_socket *tcp,
                            const struct leat_error *error, void *user)
{
    cr_assert_eq(user, &run);
    (void)server;
    run.error = *error;
    run_log("client %lu error %d", (unsigned long)leat_tcp_socket_get_client_id(tcp), error->code);
    run_act("client error");
}

static void on_client_closed(leat_tcp_socket_server *server, leat_tcp_socket *tcp, void *user)
{
    cr_assert_eq(user, &run);
    (void)server;
    run_log("client %lu closed", (unsigned long)leat_tcp_socket_get_client_id(tcp));
    run_act("client closed");
}

uint16_t run_new_server(const char *address)
{
    static const struct leat_tcp_socket_server_callbacks callbacks = {
        .size = sizeof(callbacks),
        .connected = on_client,
        .message = on_client_message,
        .writable = on_client_writable,
        .error = on_client_error,
        .closed = on_client_closed,
    };
    struct leat_net_address local;

    cr_assert_eq(leat_tcp_socket_server_new(run.loop, &callbacks, &run, &run.server), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_server_listen(run.server, address, 0, run.config), LEAT_OK);
    cr_assert_eq(leat_tcp_socket_server_get_local_address(run.server, &local), LEAT_OK);
    cr_assert_str_eq(local.address, address);
    cr_assert_neq(local.port, 0);
    return local.port;
}

/* ---- the loop ---------------------------------------------------------------------- */

void run_init(void)
{
    cr_assert_eq(leat_loop_new(&run.loop), LEAT_OK);
    cr_assert_eq(leat_config_new(&run.config), LEAT_OK);
    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_CLOSE, PATIENCE_MS(100)),
                 LEAT_OK);
}

void run_done(void)
{
    leat_tcp_socket_free(run.tcp);
    leat_tcp_socket_server_free(run.server);
    leat_config_free(run.config);
    leat_loop_free(run.loop);
    sandbox_done();
}

void run_connect(const char *host, uint16_t port)
{
    snprintf(run.target.address, sizeof(run.target.address), "%s", host);
    run.target.port = port;
    int code = leat_tcp_socket_connect(run.tcp, host, port, run.config);
    leat_tcp_socket_get_error(run.tcp, &run.error);
    cr_assert_eq(code, LEAT_OK, "%s", run.error.text);
}

void run_until(const char *text)
{
    while (!strstr(run.log, text))
        cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
}

void run_until_received(size_t len)
{
    while (run.received_total < len)
        cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
}

void run_some(void)
{
    for (int i = 0; i < 20; i++)
        cr_assert_eq(leat_loop_dispatch(run.loop, 1), LEAT_OK);
}

void run_send(const char *text)
{
    cr_assert_eq(leat_tcp_socket_send(run.tcp, text, strlen(text)), LEAT_OK);
}

/* ---- the other end ----------------------------------------------------------------- */

int peer_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    cr_assert_geq(fd, 0);
    return fd;
}

int run_connect_raw(void)
{
    uint16_t port;
    int listener = raw_listen(&port);

    run_connect("127.0.0.1", port);
    run_until("connected");
    int fd = peer_accept(listener);
    close(listener);
    return fd;
}
