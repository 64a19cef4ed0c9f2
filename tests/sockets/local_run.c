/* SPDX-License-Identifier: Apache-2.0 */
#include "local_run.h"

#include "support/sandbox.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

leat_local_socket *local;
leat_local_socket_server *server;
leat_local_socket *connection;
const char *path;

/* ---- what they tell ---------------------------------------------------------------- */

static void act(const char *at)
{
    if (run.act == STREAM_NOTHING || strcmp(run.act_at, at) != 0)
        return;
    enum stream_act what = run.act;
    run.act = STREAM_NOTHING;
    if (what == STREAM_CONNECT) {
        run.act_result = leat_local_socket_connect(local, path, run.config);
    } else if (what == STREAM_CLOSE) {
        run.act_result = leat_local_socket_close(local);
    } else if (strncmp(at, "client", 6) == 0) {
        leat_local_socket_server_free(server);
        server = NULL;
    } else {
        leat_local_socket_free(local);
        local = NULL;
    }
}

static void received_add(const uint8_t *data, size_t len, const char *address)
{
    cr_assert_str_eq(address, path);
    cr_assert_lt(run.received_len + len, sizeof(run.received));
    memcpy(run.received + run.received_len, data, len);
    run.received_len += len;
    run.received_total += len;
    run.received[run.received_len] = '\0';
}

static void on_connected(leat_local_socket *l, void *user)
{
    (void)l;
    (void)user;
    run_log("connected");
    act("connected");
}

static void on_message(leat_local_socket *l, const uint8_t *data, size_t len, const char *address,
                       void *user)
{
    (void)l;
    (void)user;
    received_add(data, len, address);
    act("message");
}

static void on_writable(leat_local_socket *l, void *user)
{
    (void)l;
    (void)user;
    run_log("writable");
    act("writable");
}

static void on_error(leat_local_socket *l, const struct leat_error *error, void *user)
{
    (void)l;
    (void)user;
    run.error = *error;
    run_log("error %d", error->code);
    act("error");
}

static void on_closed(leat_local_socket *l, void *user)
{
    (void)l;
    (void)user;
    run_log("closed");
    act("closed");
}

const struct leat_local_socket_callbacks local_callbacks = {
    .size = sizeof(local_callbacks),
    .connected = on_connected,
    .message = on_message,
    .writable = on_writable,
    .error = on_error,
    .closed = on_closed,
};

static void on_client(leat_local_socket_server *s, leat_local_socket *l, void *user)
{
    (void)s;
    (void)user;
    connection = l;
    run_log("client %lu", (unsigned long)leat_local_socket_get_client_id(l));
    act("client");
}

static void on_client_message(leat_local_socket_server *s, leat_local_socket *l,
                              const uint8_t *data, size_t len, const char *address, void *user)
{
    (void)s;
    (void)user;
    if (run.echo)
        cr_assert_eq(leat_local_socket_send(l, data, len), LEAT_OK);
    else
        received_add(data, len, address);
    act("client message");
}

static void on_client_writable(leat_local_socket_server *s, leat_local_socket *l, void *user)
{
    (void)s;
    (void)user;
    run_log("client %lu writable", (unsigned long)leat_local_socket_get_client_id(l));
}

static void on_client_error(leat_local_socket_server *s, leat_local_socket *l,
                            const struct leat_error *error, void *user)
{
    (void)s;
    (void)user;
    run.error = *error;
    run_log("client %lu error %d", (unsigned long)leat_local_socket_get_client_id(l), error->code);
    act("client error");
}

static void on_client_closed(leat_local_socket_server *s, leat_local_socket *l, void *user)
{
    (void)s;
    (void)user;
    run_log("client %lu closed", (unsigned long)leat_local_socket_get_client_id(l));
    act("client closed");
}

const struct leat_local_socket_server_callbacks local_server_callbacks = {
    .size = sizeof(local_server_callbacks),
    .connected = on_client,
    .message = on_client_message,
    .writable = on_client_writable,
    .error = on_client_error,
    .closed = on_client_closed,
};

/* ---- the suite --------------------------------------------------------------------- */

void local_set_up(void)
{
    run_init();
    path = sandbox_path("socket");
}

void local_tear_down(void)
{
    leat_local_socket_free(local);
    leat_local_socket_server_free(server);
    run_done();
}

void local_new_client(void)
{
    cr_assert_eq(leat_local_socket_new(run.loop, &local_callbacks, NULL, &local), LEAT_OK);
}

void local_new_server(void)
{
    struct leat_error error;

    cr_assert_eq(leat_local_socket_server_new(run.loop, &local_server_callbacks, NULL, &server),
                 LEAT_OK);
    int code = leat_local_socket_server_listen(server, path, run.config);
    leat_local_socket_server_get_error(server, &error);
    cr_assert_eq(code, LEAT_OK, "%s", error.text);
}

void local_check_refused(int result, int code)
{
    struct leat_error error;

    cr_assert_eq(result, code);
    leat_local_socket_get_error(local, &error);
    cr_assert_eq(error.code, code);
    cr_assert_str_neq(error.text, "");
}

void local_check_state(bool is_bound, bool is_connected, bool is_close)
{
    struct leat_socket_state state;

    leat_local_socket_get_state(local, &state);
    cr_assert_eq(state.is_bound, is_bound);
    cr_assert_eq(state.is_connected, is_connected);
    cr_assert_eq(state.is_close, is_close);
}

static struct sockaddr_un path_address(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    return un;
}

int raw_local_listen(int backlog)
{
    struct sockaddr_un un = path_address();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    cr_assert_eq(listen(fd, backlog), 0);
    return fd;
}

int raw_local_connect(void)
{
    struct sockaddr_un un = path_address();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    return fd;
}

int local_connect_raw(void)
{
    int listener = raw_local_listen(4);

    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    run_until("connected");
    int peer = peer_accept(listener);
    close(listener);
    unlink(path);
    return peer;
}
