/* SPDX-License-Identifier: Apache-2.0 */
/* leat_tls_socket_update_keys(). */
#include "tls_run.h"

#include "support/certificates.h"
#include "support/peers.h"

#include <errno.h>

TestSuite(tls_socket_keys, .init = run_init, .fini = run_done, .timeout = 60);

#ifdef LEAT_MBEDTLS_MENDED

Test(tls_socket_keys, of_both_ends)
{
    run_new_client();
    run_open(run_new_server());
    run.echo = true;
    for (size_t i = 1; i <= 50; i++) {
        cr_assert_eq(leat_tls_socket_update_keys(run.tls), LEAT_OK);
        cr_assert_eq(leat_tls_socket_update_keys(run.connection), LEAT_OK);
        run_send("hello");
        run_until_received(&run.client_log, 5 * i);
    }
}

/* Calls and data in any order, in one round of the loop. */
Test(tls_socket_keys, among_data)
{
    run_new_client();
    run_open(run_new_server());
    run.echo = true;
    for (size_t i = 1; i <= 20; i++) {
        run_send("one");
        cr_assert_eq(leat_tls_socket_update_keys(run.tls), LEAT_OK);
        run_send("two");
        for (int more = 0; more < 40; more++)
            cr_assert_eq(leat_tls_socket_update_keys(run.tls), LEAT_OK);
        run_until_received(&run.client_log, 6 * i);
    }
}

Test(tls_socket_keys, with_s_server)
{
    const char *arguments[] = {"-cert", certificate_path("server.pem"),
                               "-key",  certificate_path("server.key"),
                               "-rev",  "-tls1_3",
                               NULL};
    uint16_t port;

    openssl_server_start(arguments, &port);
    run_new_client();
    run_open(port);
    for (size_t i = 1; i <= 20; i++) {
        cr_assert_eq(leat_tls_socket_update_keys(run.tls), LEAT_OK);
        run_send("hello\n");
        run_until_received(&run.client_log, 6 * i);
    }
    cr_expect(strncmp(run.client_log.received, "olleh\nolleh\n", 12) == 0);
}

#endif

static void closing(void)
{
    cr_expect_eq(leat_tls_socket_close(run.tls), LEAT_OK);
    cr_expect_eq(leat_tls_socket_update_keys(run.tls), LEAT_E_TLS_SOCKET_BASE + EBADF);
}

Test(tls_socket_keys, where_there_are_none)
{
    cr_expect_eq(leat_tls_socket_update_keys(NULL), LEAT_E_PARAMETER);
    run_new_client();
    cr_expect_eq(leat_tls_socket_update_keys(run.tls), LEAT_E_TLS_SOCKET_BASE + ENOTCONN);
    cr_assert_eq(leat_tls_options_set_protocols(run.options, LEAT_TLS_V12, LEAT_TLS_V12), LEAT_OK);
    uint16_t port = run_new_server();
    run_connect(port);
    cr_expect_eq(leat_tls_socket_update_keys(run.tls), LEAT_E_TLS_SOCKET_BASE + ENOTCONN);
    run_until_client("connected");
    run_until_server("connected");
    cr_expect_eq(leat_tls_socket_update_keys(run.tls), LEAT_E_PARAMETER, "TLS 1.2");
    run.echo = true;
    run_send("still there");
    run_until_received(&run.client_log, 11);
    closing();
    run_until_client("closed");
    cr_expect_eq(leat_tls_socket_update_keys(run.tls), LEAT_E_TLS_SOCKET_BASE + EBADF);
}
