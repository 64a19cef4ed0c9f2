/* SPDX-License-Identifier: Apache-2.0 */
/* leat_tls_socket: what callbacks may do, and what may go while it connects. */
#include "tls_run.h"

#include "support/sandbox.h"

#include <errno.h>

TestSuite(tls_socket_callbacks, .init = run_init, .fini = run_done, .timeout = 60);

static void free_client(void)
{
    leat_tls_socket_free(run.tls);
    run.tls = NULL;
}

static void close_client(void)
{
    cr_assert_eq(leat_tls_socket_close(run.tls), LEAT_OK);
}

Test(tls_socket_callbacks, free_in_every_callback)
{
    static const char *const at[] = {"connected", "message", "closed"};
    uint16_t port = run_new_server();

    run.echo = true;
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        run_new_client();
        run.act_at = at[i];
        run.act = free_client;
        run_connect(port);
        if (i > 0) {
            run_until_client("connected");
            run_send("hello");
        }
        if (i == 2) {
            run_until_client("message");
            close_client();
        }
        run_until_client(at[i]);
        cr_assert_null(run.tls);
        run.client_log.text[0] = '\0';
        run.client_log.len = 0;
    }
    run_new_client();
    run.act_at = "error";
    run.act = free_client;
    run_connect(refusing_port());
    run_until_client("error");
    for (int i = 0; i < 5; i++)
        cr_assert_eq(leat_loop_dispatch(run.loop, 5), LEAT_OK);
    run_check(&run.client_log, sandbox_format("error %d", LEAT_E_TLS_SOCKET_BASE + ECONNREFUSED));
}

Test(tls_socket_callbacks, close_while_connecting)
{
    run_new_client();
    run_connect(run_new_server());
    cr_assert_eq(leat_tls_socket_close(run.tls), LEAT_OK);
    run_until_client("closed");
    run_check(&run.client_log, "closed");
}

Test(tls_socket_callbacks, free_while_connecting)
{
    run_new_client();
    run_connect(run_new_server());
    free_client();
    for (int i = 0; i < 5; i++)
        cr_assert_eq(leat_loop_dispatch(run.loop, 5), LEAT_OK);
    run_check(&run.client_log, "");
}

/* The options may go as soon as a connection has begun. */
Test(tls_socket_callbacks, options_are_taken_over)
{
    uint16_t port = run_new_server();

    run_new_client();
    run_connect(port);
    leat_tls_options_free(run.options);
    leat_config_free(run.config);
    run.options = NULL;
    run.config = NULL;
    run_until_client("connected");
}
