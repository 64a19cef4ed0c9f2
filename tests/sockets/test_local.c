/* SPDX-License-Identifier: Apache-2.0 */
/* leat_local_socket: connections, addresses, ends. */
#include "local_run.h"

#include "support/process.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(local_socket, .init = local_set_up, .fini = local_tear_down, .timeout = 50);

/* ---- there and back ---------------------------------------------------------------- */

static void check_echo(void)
{
    char address[LEAT_LOCAL_ADDRESS_SIZE] = "x";

    local_new_client();
    local_check_state(false, false, true);
    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    cr_assert_eq(run.log_len, 0, "not inside of the call");
    run_until("connected");
    local_check_state(true, true, false);
    cr_assert_geq(leat_local_socket_get_socket_fd(local), 0);
    cr_assert_eq(leat_local_socket_get_local_address(local, address), LEAT_OK);
    cr_assert_str_eq(address, "");
    cr_assert_eq(leat_local_socket_send(local, "hello", 5), LEAT_OK);
    run_until_received(5);
    cr_assert_str_eq(run.received, "hello");
    cr_assert_eq(leat_local_socket_close(local), LEAT_OK);
    run_until("closed");
    local_check_state(false, false, true);
}

Test(local_socket, echo_by_socat)
{
    const char *const argv[] = {"socat",    "-d", "-d", sandbox_format("UNIX-LISTEN:%s,fork", path),
                                "EXEC:cat", NULL};
    struct process *socat = process_start(&(struct process_options){.argv = argv});

    process_wait_error_text(socat, "listening on");
    check_echo();
    run_check_log("connected; closed");
}

Test(local_socket, our_own_server)
{
    run.echo = true;
    local_new_server();
    check_echo();
    run_until("client 1 closed");
}

Test(local_socket, an_abstract_name)
{
    char address[LEAT_LOCAL_ADDRESS_SIZE];

    path = sandbox_format("@leat-test-%d", (int)getpid());
    run.echo = true;
    local_new_server();
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

    local_new_client();
    cr_assert_eq(leat_local_socket_bind(local, own), LEAT_OK);
    local_check_state(true, false, false);
    cr_assert_eq(leat_local_socket_get_local_address(local, address), LEAT_OK);
    cr_assert_str_eq(address, own);
    local_check_refused(leat_local_socket_bind(local, own), LEAT_E_SOCKET_BASE + EINVAL);
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

    local_new_client();
    cr_assert_eq(leat_local_socket_bind(local, own), LEAT_OK);
    cr_assert_eq(leat_local_socket_close(local), LEAT_OK);
    local_check_state(false, false, true);
    cr_assert_neq(access(own, F_OK), 0);
    cr_assert_eq(leat_local_socket_close(local), LEAT_E_SOCKET_BASE + EBADF);
}

/* ---- addresses --------------------------------------------------------------------- */

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
    local_new_client();
    local_check_refused(leat_local_socket_connect(local, too_long, NULL),
                        LEAT_E_SOCKET_BASE + ENAMETOOLONG);
    local_check_refused(leat_local_socket_bind(local, too_long), LEAT_E_SOCKET_BASE + ENAMETOOLONG);
    local_check_refused(leat_local_socket_connect(local, "", NULL), LEAT_E_PARAMETER);
    local_check_refused(leat_local_socket_connect(local, "@", NULL), LEAT_E_PARAMETER);
    local_check_refused(leat_local_socket_connect(local, NULL, NULL), LEAT_E_PARAMETER);
    local_check_refused(leat_local_socket_bind(local, ""), LEAT_E_PARAMETER);

    path = longest;
    local_new_server();
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
    local_new_client();
    local_check_refused(leat_local_socket_connect(local, path, NULL), LEAT_E_SOCKET_BASE + ENOENT);
    close(raw_local_listen(1));
    local_check_refused(leat_local_socket_connect(local, path, NULL),
                        LEAT_E_SOCKET_BASE + ECONNREFUSED);
    local_check_refused(leat_local_socket_bind(local, path), LEAT_E_SOCKET_BASE + EADDRINUSE);
    local_check_refused(leat_local_socket_bind(local, "/nowhere/at/all"),
                        LEAT_E_SOCKET_BASE + ENOENT);
    local_check_state(false, false, true);
    run_some();
    run_check_log("");
}

/* What is there is never removed, and what is ours only as long as it is ours. */
Test(local_socket, files_of_others_stay)
{
    struct leat_error error;

    close(open(path, O_CREAT | O_CLOEXEC, 0600));
    cr_assert_eq(leat_local_socket_server_new(run.loop, &local_server_callbacks, NULL, &server),
                 LEAT_OK);
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

/* ---- misuse ------------------------------------------------------------------------ */

Test(local_socket, use_in_the_wrong_state)
{
    char address[LEAT_LOCAL_ADDRESS_SIZE];

    local_new_client();
    cr_assert_eq(leat_local_socket_send(local, "x", 1), LEAT_E_SOCKET_BASE + ENOTCONN);
    cr_assert_eq(leat_local_socket_close(local), LEAT_E_SOCKET_BASE + ENOTCONN);
    cr_assert_eq(leat_local_socket_get_local_address(local, address),
                 LEAT_E_SOCKET_BASE + ENOTCONN);
    int peer = local_connect_raw();
    local_check_refused(leat_local_socket_connect(local, path, NULL), LEAT_E_SOCKET_BASE + EISCONN);
    local_check_refused(leat_local_socket_bind(local, path), LEAT_E_SOCKET_BASE + EINVAL);
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

    cr_assert_eq(leat_local_socket_new(NULL, &local_callbacks, NULL, &local), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_new(run.loop, &empty, NULL, &local), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_new(run.loop, &local_callbacks, NULL, NULL), LEAT_E_PARAMETER);
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

/* ---- a full backlog ---------------------------------------------------------------- */

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

    local_new_client();
    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    run_some();
    run_check_log("");
    local_check_state(false, false, false);
    local_check_refused(leat_local_socket_connect(local, path, NULL), LEAT_E_SOCKET_BASE + EISCONN);
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
    local_new_client();
    cr_assert_eq(leat_local_socket_connect(local, path, run.config), LEAT_OK);
    run_until("closed");
    run_check_log("error 2301110; closed");
    local_check_state(false, false, true);

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

    local_new_client();
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

/* ---- ends, options, flow ----------------------------------------------------------- */

Test(local_socket, the_peer_ends)
{
    local_new_client();
    int peer = local_connect_raw();
    cr_assert(raw_send(peer, "bye", 3));
    run_until_received(3);
    close(peer);
    run_until("closed");
    run_check_log("connected; closed");
}

/* One that closes with unread bytes resets. */
Test(local_socket, the_peer_breaks)
{
    local_new_client();
    int peer = local_connect_raw();
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

    local_new_client();
    cr_assert_eq(leat_local_socket_set_extra_options(local, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_local_socket_set_extra_options(local, &options), LEAT_OK);
    leat_local_socket_get_extra_options(local, &got);
    cr_assert_eq(got.send_buffer_size, 30000);
    int peer = local_connect_raw();
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
