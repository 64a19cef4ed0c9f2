/* SPDX-License-Identifier: Apache-2.0 */
/* leat_local_socket and leat_local_socket_server. */
#include "stream_run.h"

#include <leat/local_socket.h>
#include <leat/websocket_server.h>

#include "support/alloc_failure.h"
#include "support/peers.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static leat_local_socket *local;
static leat_local_socket_server *server;
static leat_local_socket *connection; /* the last one of the server */
static const char *path;

/* ---- what they tell ------------------------------------------------------------------------- */

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

static const struct leat_local_socket_callbacks callbacks = {
    .size = sizeof(callbacks),
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

static const struct leat_local_socket_server_callbacks server_callbacks = {
    .size = sizeof(server_callbacks),
    .connected = on_client,
    .message = on_client_message,
    .writable = on_client_writable,
    .error = on_client_error,
    .closed = on_client_closed,
};

/* ---- the suite ------------------------------------------------------------------------------- */

static void set_up(void)
{
    run_init();
    path = sandbox_path("socket");
}

static void tear_down(void)
{
    leat_local_socket_free(local);
    leat_local_socket_server_free(server);
    run_done();
}

TestSuite(local_socket, .init = set_up, .fini = tear_down, .timeout = 50);

static void new_client(void)
{
    cr_assert_eq(leat_local_socket_new(run.loop, &callbacks, NULL, &local), LEAT_OK);
}

static void new_server(void)
{
    struct leat_error error;

    cr_assert_eq(leat_local_socket_server_new(run.loop, &server_callbacks, NULL, &server), LEAT_OK);
    int code = leat_local_socket_server_listen(server, path, run.config);
    leat_local_socket_server_get_error(server, &error);
    cr_assert_eq(code, LEAT_OK, "%s", error.text);
}

static void check_refused(int result, int code)
{
    struct leat_error error;

    cr_assert_eq(result, code);
    leat_local_socket_get_error(local, &error);
    cr_assert_eq(error.code, code);
    cr_assert_str_neq(error.text, "");
}

static void check_state(bool is_bound, bool is_connected, bool is_close)
{
    struct leat_socket_state state;

    leat_local_socket_get_state(local, &state);
    cr_assert_eq(state.is_bound, is_bound);
    cr_assert_eq(state.is_connected, is_connected);
    cr_assert_eq(state.is_close, is_close);
}

/* A blocking listener of the test's own at `path`. */
static int raw_local_listen(int backlog)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(un.sun_path, path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    cr_assert_eq(listen(fd, backlog), 0);
    return fd;
}

static int raw_local_connect(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(un.sun_path, path);
    cr_assert_eq(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    return fd;
}

/* The client is open; returns the other end. */
static int connect_raw(void)
{
    int listener = raw_local_listen(4);

    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    run_until("connected");
    int peer = peer_accept(listener);
    close(listener);
    unlink(path);
    return peer;
}

/* ---- there and back -------------------------------------------------------------------------- */

static void check_echo(void)
{
    char address[LEAT_LOCAL_ADDRESS_SIZE] = "x";

    new_client();
    check_state(false, false, true);
    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    cr_assert_eq(run.log_len, 0, "not inside of the call");
    run_until("connected");
    check_state(true, true, false);
    cr_assert_geq(leat_local_socket_get_socket_fd(local), 0);
    cr_assert_eq(leat_local_socket_get_local_address(local, address), LEAT_OK);
    cr_assert_str_eq(address, "");
    cr_assert_eq(leat_local_socket_send(local, "hello", 5), LEAT_OK);
    run_until_received(5);
    cr_assert_str_eq(run.received, "hello");
    cr_assert_eq(leat_local_socket_close(local), LEAT_OK);
    run_until("closed");
    check_state(false, false, true);
}

/* As a server would be that is ready: the file is there, and somebody listens. */
static void await_listening(const char *target)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd;

    strcpy(un.sun_path, target);
    for (;;) {
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
            break;
        close(fd);
        usleep(1000);
    }
    close(fd);
}

Test(local_socket, echo_by_socat)
{
    const char *const argv[] = {"socat", sandbox_format("UNIX-LISTEN:%s,fork", path), "EXEC:cat",
                                NULL};

    process_start(&(struct process_options){.argv = argv});
    await_listening(path);
    check_echo();
    run_check_log("connected; closed");
}

Test(local_socket, our_own_server)
{
    run.echo = true;
    new_server();
    check_echo();
    run_until("client 1 closed");
}

Test(local_socket, an_abstract_name)
{
    char address[LEAT_LOCAL_ADDRESS_SIZE];

    path = sandbox_format("@leat-test-%d", (int)getpid());
    run.echo = true;
    new_server();
    cr_assert_eq(leat_local_socket_server_get_local_address(server, address), LEAT_OK);
    cr_assert_str_eq(address, path);
    cr_assert_neq(access(path, F_OK), 0);
    check_echo();
}

Test(local_socket, bound_before_connect)
{
    const char *own = sandbox_path("own");
    char address[LEAT_LOCAL_ADDRESS_SIZE];
    struct sockaddr_un from;
    socklen_t size = sizeof(from);
    int listener = raw_local_listen(4);

    new_client();
    cr_assert_eq(leat_local_socket_bind(local, own), LEAT_OK);
    check_state(true, false, false);
    cr_assert_eq(leat_local_socket_get_local_address(local, address), LEAT_OK);
    cr_assert_str_eq(address, own);
    check_refused(leat_local_socket_bind(local, own), LEAT_E_SOCKET_BASE + EINVAL);
    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    run_until("connected");
    int peer = accept(listener, (struct sockaddr *)&from, &size);
    cr_assert_str_eq(from.sun_path, own);
    close(peer);
    close(listener);
    run_until("closed");
    cr_assert_neq(access(own, F_OK), 0, "its file is gone");
}

Test(local_socket, only_bound_it_closes_at_once)
{
    const char *own = sandbox_path("own");

    new_client();
    cr_assert_eq(leat_local_socket_bind(local, own), LEAT_OK);
    cr_assert_eq(leat_local_socket_close(local), LEAT_OK);
    check_state(false, false, true);
    cr_assert_neq(access(own, F_OK), 0);
    cr_assert_eq(leat_local_socket_close(local), LEAT_E_SOCKET_BASE + EBADF);
}

/* ---- addresses ---------------------------------------------------------------------------------
 */

Test(local_socket, lengths_of_addresses)
{
    char longest[LEAT_LOCAL_ADDRESS_SIZE], too_long[LEAT_LOCAL_ADDRESS_SIZE + 1];
    char address[LEAT_LOCAL_ADDRESS_SIZE];
    int code;

    cr_assert_eq(chdir(sandbox_dir()), 0);
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    memset(too_long, 'a', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    new_client();
    check_refused(leat_local_socket_connect(local, too_long, NULL),
                  LEAT_E_SOCKET_BASE + ENAMETOOLONG);
    check_refused(leat_local_socket_bind(local, too_long), LEAT_E_SOCKET_BASE + ENAMETOOLONG);
    check_refused(leat_local_socket_connect(local, "", NULL), LEAT_E_PARAMETER);
    check_refused(leat_local_socket_connect(local, "@", NULL), LEAT_E_PARAMETER);
    check_refused(leat_local_socket_connect(local, NULL, NULL), LEAT_E_PARAMETER);
    check_refused(leat_local_socket_bind(local, ""), LEAT_E_PARAMETER);

    path = longest;
    new_server();
    code = leat_local_socket_server_listen(server, too_long, NULL);
    cr_assert_eq(code, LEAT_E_SOCKET_BASE + EINVAL, "it listens");
    cr_assert_eq(leat_local_socket_server_get_local_address(server, address), LEAT_OK);
    cr_assert_str_eq(address, longest);
    cr_assert_eq(leat_local_socket_connect(local, longest, run.config), LEAT_OK);
    run_until("connected");
    cr_assert_eq(leat_local_socket_server_close(server), LEAT_OK);
    cr_assert_eq(leat_local_socket_server_listen(server, too_long, NULL),
                 LEAT_E_SOCKET_BASE + ENAMETOOLONG);
    cr_assert_eq(leat_local_socket_server_listen(server, "", NULL), LEAT_E_PARAMETER);
}

Test(local_socket, nobody_there)
{
    new_client();
    check_refused(leat_local_socket_connect(local, path, NULL), LEAT_E_SOCKET_BASE + ENOENT);
    close(raw_local_listen(1));
    check_refused(leat_local_socket_connect(local, path, NULL), LEAT_E_SOCKET_BASE + ECONNREFUSED);
    check_refused(leat_local_socket_bind(local, path), LEAT_E_SOCKET_BASE + EADDRINUSE);
    check_refused(leat_local_socket_bind(local, "/nowhere/at/all"), LEAT_E_SOCKET_BASE + ENOENT);
    check_state(false, false, true);
    run_some();
    run_check_log("");
}

/* What is there is never removed, and what is ours only as long as it is ours. */
Test(local_socket, files_of_others_stay)
{
    struct leat_error error;

    close(open(path, O_CREAT | O_CLOEXEC, 0600));
    cr_assert_eq(leat_local_socket_server_new(run.loop, &server_callbacks, NULL, &server), LEAT_OK);
    cr_assert_eq(leat_local_socket_server_listen(server, path, NULL),
                 LEAT_E_SOCKET_BASE + EADDRINUSE);
    leat_local_socket_server_get_error(server, &error);
    cr_assert_eq(error.sys_errno, EADDRINUSE);
    cr_assert_eq(access(path, F_OK), 0);
    unlink(path);

    cr_assert_eq(leat_local_socket_server_listen(server, path, NULL), LEAT_OK);
    unlink(path);
    close(open(path, O_CREAT | O_CLOEXEC, 0600));
    cr_assert_eq(leat_local_socket_server_close(server), LEAT_OK);
    cr_assert_eq(access(path, F_OK), 0);
    unlink(path);

    cr_assert_eq(leat_local_socket_server_listen(server, path, NULL), LEAT_OK);
    cr_assert_eq(leat_local_socket_server_close(server), LEAT_OK);
    cr_assert_neq(access(path, F_OK), 0);
}

/* ---- misuse ------------------------------------------------------------------------------------
 */

Test(local_socket, use_in_the_wrong_state)
{
    char address[LEAT_LOCAL_ADDRESS_SIZE];

    new_client();
    cr_assert_eq(leat_local_socket_send(local, "x", 1), LEAT_E_SOCKET_BASE + ENOTCONN);
    cr_assert_eq(leat_local_socket_close(local), LEAT_E_SOCKET_BASE + ENOTCONN);
    cr_assert_eq(leat_local_socket_get_local_address(local, address),
                 LEAT_E_SOCKET_BASE + ENOTCONN);
    int peer = connect_raw();
    check_refused(leat_local_socket_connect(local, path, NULL), LEAT_E_SOCKET_BASE + EISCONN);
    check_refused(leat_local_socket_bind(local, path), LEAT_E_SOCKET_BASE + EINVAL);
    cr_assert_eq(leat_local_socket_send(local, NULL, 1), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_close(local), LEAT_OK);
    cr_assert_eq(leat_local_socket_send(local, "x", 1), LEAT_E_SOCKET_BASE + EBADF);
    close(peer);
    run_until("closed");
    cr_assert_eq(leat_local_socket_close(local), LEAT_E_SOCKET_BASE + EBADF);
    cr_assert_eq(leat_local_socket_get_local_address(local, address), LEAT_E_SOCKET_BASE + EBADF);
}

Test(local_socket, wrong_arguments)
{
    static const struct leat_local_socket_callbacks empty = {.size = 0};
    static const struct leat_local_socket_server_callbacks empty_server = {.size = 0};

    cr_assert_eq(leat_local_socket_new(NULL, &callbacks, NULL, &local), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_new(run.loop, &empty, NULL, &local), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_new(run.loop, &callbacks, NULL, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_server_new(run.loop, &empty_server, NULL, &server),
                 LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_bind(NULL, path), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_connect(NULL, path, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_send(NULL, "x", 1), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_close(NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_server_close(NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_server_listen(NULL, path, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_server_send_all(NULL, "x", 1), LEAT_E_PARAMETER);
}

/* ---- a full backlog
 * ------------------------------------------------------------------------------ */

/* The kernel takes backlog + 1. */
static int full_listener(int fds[2])
{
    int listener = raw_local_listen(1);

    fds[0] = raw_local_connect();
    fds[1] = raw_local_connect();
    return listener;
}

Test(local_socket, waits_for_a_server_that_is_busy)
{
    int fds[2];
    int listener = full_listener(fds);

    new_client();
    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    run_some();
    run_check_log("");
    check_state(false, false, false);
    check_refused(leat_local_socket_connect(local, path, NULL), LEAT_E_SOCKET_BASE + EISCONN);
    close(peer_accept(listener));
    run_until("connected");
    close(fds[0]);
    close(fds[1]);
    close(listener);
}

Test(local_socket, gives_up_in_time)
{
    int fds[2];
    int listener = full_listener(fds);

    cr_assert_eq(leat_config_set_connect_timeout(run.config, 60), LEAT_OK);
    new_client();
    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    run_until("closed");
    run_check_log("error 2301110; closed");
    check_state(false, false, true);

    /* Freed in `error`. */
    run.act_at = "error";
    run.act = STREAM_FREE;
    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    while (local)
        cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
    run_check_log("error 2301110");
    close(fds[0]);
    close(fds[1]);
    close(listener);
}

Test(local_socket, closed_or_freed_while_it_waits)
{
    int fds[2];
    int listener = full_listener(fds);

    new_client();
    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    run_some();
    cr_assert_eq(leat_local_socket_close(local), LEAT_OK);
    cr_assert_eq(run.log_len, 0, "not inside of the call");
    run_until("closed");
    run_check_log("closed");
    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    leat_local_socket_free(local);
    local = NULL;
    run_some();
    run_check_log("");
    close(fds[0]);
    close(fds[1]);
    close(listener);
}

/* ---- ends, options, flow
 * ------------------------------------------------------------------------- */

Test(local_socket, the_peer_ends)
{
    new_client();
    int peer = connect_raw();
    cr_assert(raw_send(peer, "bye", 3));
    run_until_received(3);
    close(peer);
    run_until("closed");
    run_check_log("connected; closed");
}

/* One that closes with unread bytes resets. */
Test(local_socket, the_peer_breaks)
{
    new_client();
    int peer = connect_raw();
    cr_assert_eq(leat_local_socket_send(local, "unread", 6), LEAT_OK);
    run_some();
    close(peer);
    run_until("closed");
    run_check_log("connected; error 2301104; closed");
    cr_assert_not_null(strstr(run.error.text, path), "%s", run.error.text);
}

Test(local_socket, extra_options)
{
    struct leat_extra_options options = {.size = sizeof(options),
                                         .receive_buffer_size = 20000,
                                         .send_buffer_size = 30000,
                                         .reuse_address = true,
                                         .socket_timeout_ms = 60};
    struct leat_extra_options got;
    static char data[4 << 20];
    int value;
    socklen_t size = sizeof(value);

    new_client();
    cr_assert_eq(leat_local_socket_set_extra_options(local, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_set_extra_options(local, &options), LEAT_OK);
    leat_local_socket_get_extra_options(local, &got);
    cr_assert_eq(got.send_buffer_size, 30000);
    int peer = connect_raw();
    int fd = leat_local_socket_get_socket_fd(local);
    cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &size), 0);
    cr_assert_eq(value, 60000);
    cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &size), 0);
    cr_assert_eq(value, 40000);
    cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, &size), 0);
    cr_assert_eq(value, 1);
    cr_assert_eq(leat_local_socket_send(local, data, sizeof(data)), LEAT_OK);
    run_until("closed"); /* nobody reads: the socket timeout */
    run_check_log("connected; error 2301110; closed");
    close(peer);
}

Test(local_socket, the_queue_has_a_limit)
{
    static char part[64 << 10];
    char buf[64 << 10];
    int code;

    cr_assert_eq(leat_config_set_send_queue_limit(run.config, 4 * sizeof(part)), LEAT_OK);
    new_client();
    int peer = connect_raw();
    do {
        code = leat_local_socket_send(local, part, sizeof(part));
        cr_assert_eq(leat_loop_dispatch(run.loop, 0), LEAT_OK);
    } while (code == LEAT_OK);
    cr_assert_eq(code, LEAT_E_SOCKET_BASE + EAGAIN);
    cr_assert_gt(leat_local_socket_buffered_bytes(local), 0);
    while (!strstr(run.log, "writable")) {
        (void)recv(peer, buf, sizeof(buf), MSG_DONTWAIT);
        cr_assert_eq(leat_loop_dispatch(run.loop, 0), LEAT_OK);
    }
    close(peer);
}

Test(local_socket, paused)
{
    new_client();
    int peer = connect_raw();
    leat_local_socket_pause(local);
    cr_assert(raw_send(peer, "kept", 4));
    run_some();
    cr_assert_eq(run.received_total, 0);
    leat_local_socket_resume(local);
    run_until_received(4);
    close(peer);
}

Test(local_socket, freed_in_each_callback)
{
    static const char *const at[] = {"connected", "message", "error", "closed"};

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        new_client();
        run.act_at = at[i];
        run.act = STREAM_FREE;
        int peer = connect_raw();
        if (i == 1)
            cr_assert(raw_send(peer, "x", 1));
        if (i == 2) {
            cr_assert_eq(leat_local_socket_send(local, "unread", 6), LEAT_OK);
            run_some();
        }
        if (i > 1)
            close(peer);
        while (local)
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
        if (i < 2)
            close(peer);
        run.log[run.log_len = 0] = '\0';
        run_some();
        run_check_log("");
    }
}

Test(local_socket, connects_again_in_closed)
{
    new_server();
    new_client();
    run.act_at = "closed";
    run.act = STREAM_CONNECT;
    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    run_until("client 1");
    run_until("connected");
    cr_assert_eq(leat_local_socket_close(connection), LEAT_OK);
    run_until("client 2");
    cr_assert_eq(run.act_result, LEAT_OK);
}

/* ---- the server
 * ----------------------------------------------------------------------------------- */

Test(local_socket, socat_as_the_client)
{
    struct leat_socket_state state;
    char answer[64];

    new_server();
    const char *const argv[] = {"socat", "-t5", "-", sandbox_format("UNIX-CONNECT:%s", path), NULL};
    struct process *socat =
        process_start(&(struct process_options){.argv = argv, .has_input = true});
    cr_assert_eq(write(socat->input_fd, "question\n", 9), 9);
    run_until_received(9);
    leat_local_socket_server_get_state(server, &state);
    cr_assert(state.is_bound && state.is_connected && !state.is_close);
    cr_assert_eq(leat_local_socket_send(connection, "answer\n", 7), LEAT_OK);
    cr_assert_eq(leat_local_socket_close(connection), LEAT_OK);
    run_until("client 1 closed");
    process_wait_line(socat, "ans", answer, sizeof(answer));
    cr_assert_str_eq(answer, "wer");
}

Test(local_socket, several_connections)
{
    int fds[3];
    char buf[32];

    new_server();
    for (int i = 0; i < 3; i++) {
        fds[i] = raw_local_connect();
        run_until(sandbox_format("client %d", i + 1));
    }
    cr_assert_eq(leat_local_socket_server_connection_count(server), 3);
    cr_assert_eq(leat_local_socket_get_client_id(leat_local_socket_server_find(server, 2)), 2);
    cr_assert_null(leat_local_socket_server_find(server, 9));
    leat_local_socket_set_client_data(connection, fds);
    cr_assert_eq(leat_local_socket_get_client_data(connection), fds);
    cr_assert_eq(leat_local_socket_connect(connection, path, NULL), LEAT_E_SOCKET_BASE + EISCONN);
    cr_assert_eq(leat_local_socket_server_send_all(server, "all", 3), LEAT_OK);
    run_some();
    for (int i = 0; i < 3; i++)
        cr_assert(raw_recv_until(fds[i], "all", buf, sizeof(buf)));
    leat_local_socket_free(connection); /* ends it, and the server tells */
    run_until("client 3 closed");
    cr_assert_eq(leat_local_socket_server_close(server), LEAT_OK);
    cr_assert_eq(leat_local_socket_server_close(server), LEAT_E_SOCKET_BASE + EBADF);
    cr_assert_eq(leat_local_socket_server_get_socket_fd(server), -1);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    run_until("client 1 closed");
    run_until("client 2 closed");
}

Test(local_socket, too_many_clients)
{
    cr_assert_eq(leat_config_set_max_concurrent_clients_number(run.config, 1), LEAT_OK);
    new_server();
    int first = raw_local_connect(), second = raw_local_connect();
    run_until("error");
    run_check_log("client 0 error 2301087; client 1");
    cr_assert_str_eq(run.error.hop, path);
    close(first);
    close(second);
}

Test(local_socket, server_options)
{
    struct leat_extra_options options = {.size = sizeof(options), .send_buffer_size = 30000}, got;

    new_server();
    cr_assert_eq(leat_local_socket_server_set_extra_options(server, &options), LEAT_OK);
    cr_assert_eq(leat_local_socket_server_set_extra_options(server, NULL), LEAT_E_PARAMETER);
    leat_local_socket_server_get_extra_options(server, &got);
    cr_assert_eq(got.send_buffer_size, 30000);
    int fd = raw_local_connect();
    run_until("client 1");
    leat_local_socket_get_extra_options(connection, &got);
    cr_assert_eq(got.send_buffer_size, 30000);
    close(fd);
}

Test(local_socket, the_server_is_freed_in_each_callback)
{
    static const char *const at[] = {"client", "client message", "client error", "client closed"};

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        run.log[run.log_len = 0] = '\0';
        new_server();
        int bystander = raw_local_connect();
        run_until("client 1");
        int fd = raw_local_connect();
        if (i > 0)
            run_until("client 2");
        run.act_at = at[i];
        run.act = STREAM_FREE;
        if (i == 1)
            cr_assert(raw_send(fd, "x", 1));
        if (i == 2) {
            cr_assert_eq(leat_local_socket_send(connection, "unread", 6), LEAT_OK);
            run_some();
        }
        if (i > 1)
            close(fd);
        while (server)
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
        run.log[run.log_len = 0] = '\0';
        run_some();
        run_check_log("");
        close(bystander);
        if (i < 2)
            close(fd);
    }
}

/* ---- no memory
 * ---------------------------------------------------------------------------------------- */

static bool attempt_conversation(void)
{
    bool (*hook)(void) = leati_alloc_fail_hook;
    bool succeeded = false;

    leati_alloc_fail_hook = NULL;
    memset(&run, 0, sizeof(run));
    run_init();
    new_server();
    run.echo = true;
    new_client();
    leati_alloc_fail_hook = hook;
    if (leat_local_socket_connect(local, path, NULL) == LEAT_OK) {
        while (!strstr(run.log, "connected") && !strstr(run.log, "closed"))
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
        if (!strstr(run.log, "closed") && leat_local_socket_send(local, "x", 1) == LEAT_OK) {
            while (run.received_total == 0 && !strstr(run.log, "closed"))
                cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
            succeeded = run.received_total == 1;
        }
    }
    leati_alloc_fail_hook = NULL;
    leat_local_socket_free(local);
    leat_local_socket_server_free(server);
    local = NULL;
    server = NULL;
    leat_config_free(run.config);
    leat_loop_free(run.loop);
    run.config = NULL;
    run.loop = NULL;
    return succeeded;
}

Test(local_socket_memory, conversations, .timeout = 50)
{
    path = sandbox_path("socket");
    cr_assert_gt(alloc_failure_run_all(attempt_conversation), 0);
    sandbox_done();
}
