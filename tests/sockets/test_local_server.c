/* SPDX-License-Identifier: Apache-2.0 */
/* leat_local_socket_server and its connections. */
#include "local_run.h"

#include <leat/websocket_server.h>

#include "support/process.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

TestSuite(local_server, .init = local_set_up, .fini = local_tear_down, .timeout = 50);

Test(local_server, socat_as_the_client)
{
    struct leat_socket_state state;
    char answer[64];

    local_new_server();
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

Test(local_server, several_connections)
{
    int fds[3];
    char buf[32];

    local_new_server();
    for (int i = 0; i < 3; i++) {
        fds[i] = raw_local_connect();
        run_until(sandbox_format("client %d", i + 1));
    }
    cr_assert_eq(leat_local_socket_server_get_connection_count(server), 3);
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

Test(local_server, too_many_clients)
{
    cr_assert_eq(leat_config_set_max_concurrent_clients_number(run.config, 1), LEAT_OK);
    local_new_server();
    int first = raw_local_connect(), second = raw_local_connect();
    run_until("error");
    run_check_log("client 0 error 2301087; client 1");
    cr_assert_str_eq(run.error.hop, path);
    close(first);
    close(second);
}

Test(local_server, server_options)
{
    struct leat_extra_options options = {.size = sizeof(options), .send_buffer_size = 30000}, got;

    local_new_server();
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

Test(local_server, the_server_is_freed_in_each_callback)
{
    static const char *const at[] = {"client", "client message", "client error", "client closed"};

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        run.log[run.log_len = 0] = '\0';
        local_new_server();
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
