/* SPDX-License-Identifier: Apache-2.0 */
/* leat_tls_socket: connections, their ends and their failures. */
#include "tls_run.h"

#include "support/certificates.h"
#include "support/peers.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(tls_socket, .init = run_init, .fini = run_done, .timeout = 60);

static void check_state(bool is_bound, bool is_connected, bool is_close)
{
    struct leat_socket_state state;

    leat_tls_socket_get_state(run.tls, &state);
    cr_assert_eq(state.is_bound, is_bound);
    cr_assert_eq(state.is_connected, is_connected);
    cr_assert_eq(state.is_close, is_close);
}

/* The error that `connect` led to, or with which it was refused. */
static void check_failure(int code, const char *text)
{
    struct leat_error error;

    leat_tls_socket_get_error(run.tls, &error);
    cr_assert_eq(error.code, code, "%d: %s", error.code, error.text);
    cr_assert(strstr(error.text, text), "\"%s\" is not in \"%s\"", text, error.text);
}

static void check_ends(int code, const char *text)
{
    run_until_client("closed");
    run_check(&run.client_log, sandbox_format("error %d; closed", code));
    check_failure(code, text);
    check_state(false, false, true);
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static uint16_t s_server(const char *const *arguments)
{
    const char *all[24] = {"-cert", certificate_path("server.pem"), "-key",
                           certificate_path("server.key")};
    uint16_t port;

    for (size_t i = 0; arguments[i]; i++)
        all[4 + i] = arguments[i];
    openssl_server_start(all, &port);
    return port;
}

/* ---- there and back ------------------------------------------------------------------------- */

Test(tls_socket, with_s_server)
{
    static const char *const options[] = {"-tls1_2", "-tls1_3"};

    for (size_t i = 0; i < 2; i++) {
        struct leat_net_address local, remote;
        run_new_client();
        check_state(false, false, true);
        uint16_t port = s_server(ARGUMENTS("-rev", options[i]));
        run_connect(port);
        check_state(false, false, false);
        run_until_client("connected");
        check_state(true, true, false);
        cr_assert_str_eq(leat_tls_socket_get_protocol(run.tls), i == 0 ? "TLSv1.2" : "TLSv1.3");
        cr_assert_geq(leat_tls_socket_get_socket_fd(run.tls), 0);
        cr_assert_eq(leat_tls_socket_get_local_address(run.tls, &local), LEAT_OK);
        cr_assert_eq(leat_tls_socket_get_remote_address(run.tls, &remote), LEAT_OK);
        cr_assert_str_eq(remote.address, "127.0.0.1");
        cr_assert_eq(remote.port, port);
        cr_assert_eq(local.family, LEAT_ADDRESS_IPV4);
        run_send("hello\n");
        run_until_client("olleh");
        cr_assert_eq(leat_tls_socket_close(run.tls), LEAT_OK);
        run_until_client("closed");
        run_check(&run.client_log, "connected; message olleh\n; closed");
        check_state(false, false, true);
        leat_tls_socket_free(run.tls);
        run.tls = NULL;
    }
}

Test(tls_socket, much_data_and_a_full_queue)
{
    enum { PART = 30000, TOTAL = 6000000 };
    uint8_t *data = malloc(PART);
    size_t sent = 0;
    bool refused = false;

    for (size_t i = 0; i < PART; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    cr_assert_eq(leat_config_set_send_queue_limit(run.config, 100000), LEAT_OK);
    run_open(run_new_server());
    run.echo = false;
    while (sent < TOTAL) {
        int code = leat_tls_socket_send(run.tls, data, PART);
        if (code == LEAT_OK) {
            sent += PART;
            continue;
        }
        cr_assert_eq(code, LEAT_E_TLS_WRITE);
        cr_assert_gt(leat_tls_socket_get_buffered_bytes(run.tls), 0);
        refused = true;
        run_until_client("writable");
        run_check(&run.client_log, "writable");
    }
    cr_assert(refused);
    run_until_received(&run.server_log, TOTAL);
    for (size_t i = 0; i < sizeof(run.server_log.received) - 1; i += 997)
        cr_assert_eq((uint8_t)run.server_log.received[i], data[i % PART], "at %zu", i);
    free(data);
}

Test(tls_socket, what_was_agreed_on)
{
    const uint8_t *der;
    size_t len;
    const char *names[4] = {NULL};

    run_new_client();
    cr_assert_str_eq(leat_tls_socket_get_protocol(run.tls), "");
    cr_assert_str_eq(leat_tls_socket_get_cipher_suite(run.tls), "");
    cr_assert_eq(leat_tls_socket_get_signature_algorithms(run.tls, names, 4), 0);
    cr_assert_eq(leat_tls_socket_get_remote_certificate(run.tls, 0, &der, &len),
                 LEAT_E_TLS_SOCKET_ENOTCONN);

    const char *const protocols[] = {"h2", "http/1.1"};
    cr_assert_eq(leat_tls_options_set_alpn_protocols(run.options, protocols, 2), LEAT_OK);
    cr_assert_eq(leat_tls_options_set_alpn_protocols(run.server_options, protocols + 1, 1),
                 LEAT_OK);
    cr_assert_eq(leat_tls_options_set_cipher_suite(run.options, "ECDHE-ECDSA-AES128-GCM-SHA256"),
                 LEAT_OK);
    cr_assert_eq(
        leat_tls_options_set_signature_algorithms(run.options, "ECDSA+SHA256:ECDSA+SHA384"),
        LEAT_OK);
    cr_assert_eq(leat_tls_options_set_protocol_names(run.options, "TLSv1.2"), LEAT_OK);
    run_open(run_new_server());
    cr_assert_str_eq(leat_tls_socket_get_protocol(run.tls), "TLSv1.2");
    cr_assert_str_eq(leat_tls_socket_get_cipher_suite(run.tls),
                     "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    cr_assert_str_eq(leat_tls_socket_get_alpn_protocol(run.tls), "http/1.1");
    cr_assert_str_eq(leat_tls_socket_get_alpn_protocol(run.connection), "http/1.1");
    cr_assert_eq(leat_tls_socket_get_signature_algorithms(run.tls, names, 4), 2);
    cr_assert_str_eq(names[1], "ecdsa_secp384r1_sha384");
    cr_assert(!leat_tls_socket_is_session_reused(run.tls));

    cr_assert_eq(leat_tls_socket_get_remote_certificate(run.tls, 0, &der, &len), LEAT_OK);
    cr_assert(der && len > 100 && der[0] == 0x30);
    cr_assert_eq(leat_tls_socket_get_remote_certificate(run.tls, 1, &der, &len), LEAT_OK);
    cr_assert(!der && len == 0);
    cr_assert_eq(leat_tls_socket_get_certificate(run.tls, 0, &der, &len), LEAT_OK);
    cr_assert(!der);
    cr_assert_eq(leat_tls_socket_get_certificate(run.connection, 0, &der, &len), LEAT_OK);
    cr_assert(der && len > 100);
}

Test(tls_socket, sessions_are_resumed)
{
    for (int resume = 1; resume >= 0; resume--) {
        uint16_t port = run_new_server();
        cr_assert_eq(leat_tls_options_set_session_resumption(run.options, resume == 1), LEAT_OK);
        run.echo = true;
        for (int i = 0; i < 2; i++) {
            run_open(port);
            cr_assert_eq(leat_tls_socket_is_session_reused(run.tls), resume == 1 && i > 0);
            cr_assert_eq(leat_tls_socket_is_session_reused(run.connection), resume == 1 && i > 0);
            run_send("hello"); /* its echo comes behind the ticket */
            run_until_client("message hello");
            cr_assert_eq(leat_tls_socket_close(run.tls), LEAT_OK);
            run_until_client("closed");
            run_check(&run.client_log, "message hello; closed");
            run_until_server("closed");
            run_check(&run.server_log, "message hello; closed");
        }
        leat_tls_socket_server_free(run.server);
        run.server = NULL;
    }
}

Test(tls_socket, through_a_proxy)
{
    uint16_t proxy = microsocks_start("user", "secret");

    cr_assert_eq(leat_config_set_proxy(run.config,
                                       sandbox_format("socks5h://user:secret@127.0.0.1:%u", proxy)),
                 LEAT_OK);
    run_open(run_new_server());
    run.echo = true;
    run_send("hello");
    run_until_client("message hello");
}

Test(tls_socket, a_name_of_its_own)
{
    cr_assert_eq(leat_tls_options_set_server_name(run.options, "anything.test"), LEAT_OK);
    run_open(run_new_server());
}

Test(tls_socket, bound_to_an_address)
{
    struct leat_net_address local;

    run_new_client();
    cr_assert_eq(leat_tls_socket_bind(run.tls, "127.0.0.1", 0), LEAT_OK);
    check_state(true, false, false);
    cr_assert_eq(leat_tls_socket_bind(run.tls, "127.0.0.1", 0), LEAT_E_TLS_SOCKET_EINVAL);
    cr_assert_eq(leat_tls_socket_get_local_address(run.tls, &local), LEAT_OK);
    uint16_t port = local.port;
    run_open(run_new_server());
    cr_assert_eq(leat_tls_socket_get_local_address(run.tls, &local), LEAT_OK);
    cr_assert_eq(local.port, port);
}

Test(tls_socket, extra_options)
{
    struct leat_tcp_extra_options options = {.size = sizeof(options), .keep_alive = true};
    int on = 0;
    socklen_t size = sizeof(on);

    run_new_client();
    cr_assert_eq(leat_tls_socket_set_extra_options(run.tls, &options), LEAT_OK);
    run_open(run_new_server());
    int fd = leat_tls_socket_get_socket_fd(run.tls);
    cr_assert(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &size) == 0 && on == 1);
    leat_tls_socket_get_extra_options(run.tls, &options);
    cr_assert(options.keep_alive && !options.tcp_no_delay);
    options.receive_buffer_size = UINT32_MAX;
    cr_assert_eq(leat_tls_socket_set_extra_options(run.tls, &options), LEAT_E_PARAMETER);
}

Test(tls_socket, pause_and_resume)
{
    run_open(run_new_server());
    run.echo = true;
    leat_tls_socket_pause(run.tls);
    run_send("one");
    run_until_server("message one");
    cr_assert_eq(leat_tls_socket_send(run.connection, "two", 3), LEAT_OK);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(leat_loop_dispatch(run.loop, 5), LEAT_OK);
    cr_assert_eq(run.client_log.received_total, 0);
    leat_tls_socket_resume(run.tls);
    run_until_received(&run.client_log, 6);
    cr_assert_str_eq(run.client_log.received, "onetwo");
}

/* ---- codes of the kernel, 23031xx ----------------------------------------------------------- */

Test(tls_socket, refused)
{
    run_new_client();
    run_connect(refusing_port());
    check_ends(LEAT_E_TLS_SOCKET_BASE + ECONNREFUSED, "ECONNREFUSED");
}

Test(tls_socket, tcp_timed_out)
{
    run_new_client();
    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_TCP, 100), LEAT_OK);
    run_connect(unanswering_port());
    check_ends(LEAT_E_TLS_SOCKET_ETIMEDOUT, "");
}

Test(tls_socket, proxy_is_not_there)
{
    cr_assert_eq(
        leat_config_set_proxy(run.config, sandbox_format("socks5://127.0.0.1:%u", refusing_port())),
        LEAT_OK);
    run_new_client();
    run_connect(443);
    check_ends(LEAT_E_SOCKS5_CONNECT_PROXY, "");
}

Test(tls_socket, address_in_use_or_not_here)
{
    uint16_t port;
    int listener = raw_listen(&port);

    run_new_client();
    cr_assert_eq(leat_tls_socket_bind(run.tls, "127.0.0.1", port), LEAT_E_TLS_SOCKET_EADDRINUSE);
    check_failure(LEAT_E_TLS_SOCKET_EADDRINUSE, "cannot bind");
    cr_assert_eq(leat_tls_socket_bind(run.tls, "192.0.2.1", 0), LEAT_E_TLS_SOCKET_EADDRNOTAVAIL);
    cr_assert_eq(leat_tls_socket_bind(run.tls, "no literal", 0), LEAT_E_PARAMETER);
    close(listener);
}

Test(tls_socket, wrong_moments)
{
    struct leat_net_address address;

    run_new_client();
    cr_assert_eq(leat_tls_socket_send(run.tls, "x", 1), LEAT_E_TLS_SOCKET_ENOTCONN);
    cr_assert_eq(leat_tls_socket_close(run.tls), LEAT_E_TLS_SOCKET_ENOTCONN);
    cr_assert_eq(leat_tls_socket_get_local_address(run.tls, &address), LEAT_E_TLS_SOCKET_ENOTCONN);
    uint16_t port = run_new_server();
    run_open(port);
    cr_assert_eq(leat_tls_socket_connect(run.tls, "127.0.0.1", port, NULL, NULL),
                 LEAT_E_TLS_SOCKET_EISCONN);
    check_failure(LEAT_E_TLS_SOCKET_EISCONN, "connected already");
    cr_assert_eq(leat_tls_socket_close(run.tls), LEAT_OK);
    cr_assert_eq(leat_tls_socket_send(run.tls, "x", 1), LEAT_E_TLS_SOCKET_EBADF);
    run_until_client("closed");
    cr_assert_eq(leat_tls_socket_send(run.tls, "x", 1), LEAT_E_TLS_SOCKET_EBADF);
    cr_assert_eq(leat_tls_socket_close(run.tls), LEAT_E_TLS_SOCKET_EBADF);
    cr_assert_eq(leat_tls_socket_get_remote_address(run.tls, &address), LEAT_E_TLS_SOCKET_EBADF);
    run_check(&run.client_log, "closed");
    run_until_server("closed");
    run_check(&run.server_log, "closed");
    run_open(port); /* and once more */
}

Test(tls_socket, wrong_arguments)
{
    cr_assert_eq(leat_tls_socket_new(NULL, &run_client_callbacks, NULL, &run.tls),
                 LEAT_E_PARAMETER);
    run_new_client();
    cr_assert_eq(leat_tls_socket_connect(run.tls, NULL, 1, NULL, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tls_socket_connect(run.tls, "127.0.0.1", 0, run.options, NULL),
                 LEAT_E_PARAMETER);
    cr_assert_eq(leat_tls_socket_connect(run.tls, "", 443, run.options, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tls_socket_send(NULL, "x", 1), LEAT_E_PARAMETER);
    cr_assert_eq(leat_tls_socket_close(NULL), LEAT_E_PARAMETER);
    leat_tls_socket_free(NULL);
    check_state(false, false, true);
}

/* ---- codes of TLS, 23035xx ------------------------------------------------------------------ */

/* Dispatches until the client is there. */
static int accept_client(int listener)
{
    struct pollfd pfd = {.fd = listener, .events = POLLIN};

    while (poll(&pfd, 1, 0) == 0)
        cr_assert_eq(leat_loop_dispatch(run.loop, 10), LEAT_OK);
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

Test(tls_socket, not_a_tls_server)
{
    uint16_t port;
    int listener = raw_listen(&port);

    run_new_client();
    run_connect(port);
    int fd = accept_client(listener);
    cr_assert(raw_send(fd, "220 ready\r\n", 11));
    check_ends(LEAT_E_TLS_ENGINE, "not a TLS server? Its answer begins with \"220 r\"");
    close(fd);
    close(listener);
}

Test(tls_socket, handshake_times_out)
{
    uint16_t port;
    int listener = raw_listen(&port);

    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_TLS, 100), LEAT_OK);
    run_new_client();
    run_connect(port);
    check_ends(LEAT_E_TLS_READ, "timed out while waiting for ServerHello");
    close(listener);
}

Test(tls_socket, handshake_is_reset)
{
    uint16_t port;
    int listener = raw_listen(&port);

    run_new_client();
    run_connect(port);
    int fd = accept_client(listener);
    char hello[1];
    while (recv(fd, hello, 1, MSG_DONTWAIT) != 1)
        cr_assert_eq(leat_loop_dispatch(run.loop, 10), LEAT_OK);
    raw_reset(fd);
    check_ends(LEAT_E_TLS_SYSCALL, "connection lost during the TLS handshake");
    close(listener);
}

Test(tls_socket, certificates_that_are_not_accepted)
{
    static const struct {
        const char *cert, *text;
    } cases[] = {
        {"expired.pem", "expired since"},
        {"wrong-host.pem", "host name mismatch"},
        {"unknown-ca.pem", "unknown issuer"},
        {"self-signed.pem", "self-signed"},
    };
    const char *key = run_text(certificate_path("server.key"));

    run_new_client();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *cert = run_text(certificate_path(cases[i].cert));
        cr_assert_eq(leat_tls_options_set_cert(run.server_options, &cert, 1, key, NULL), LEAT_OK);
        uint16_t port = run_new_server();
        run_connect(port);
        check_ends(LEAT_E_TLS_VERIFY, cases[i].text);
        run_until_server("client error");
        run_check(&run.server_log, sandbox_format("client error %d", LEAT_E_TLS_ENGINE));

        cr_assert_eq(leat_tls_options_set_skip_remote_validation(run.options, true), LEAT_OK);
        run_open(port);
        cr_assert_eq(leat_tls_options_set_skip_remote_validation(run.options, false), LEAT_OK);
        leat_tls_socket_server_free(run.server);
        run.server = NULL;
        run_until_client("closed");
        run.client_log.text[0] = '\0';
        run.client_log.len = 0;
    }
}

Test(tls_socket, pin_and_name_must_fit)
{
    static const char *const pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    cr_assert_eq(leat_tls_options_set_public_key_pins(run.options, &pin, 1), LEAT_OK);
    run_new_client();
    run_connect(run_new_server());
    check_ends(LEAT_E_TLS_VERIFY, "public-key pin mismatch");
}

/* A server that is killed ends TCP without close_notify. */
Test(tls_socket, truncated)
{
    const char *const all[] = {"-cert", certificate_path("server.pem"),
                               "-key",  certificate_path("server.key"),
                               "-rev",  NULL};
    uint16_t port;
    struct process *server = openssl_server_start(all, &port);

    run_open(port);
    process_stop(server);
    check_ends(LEAT_E_TLS_SYSCALL, "");
}

static void send_after_close(void)
{
    cr_assert_eq(leat_tls_socket_send(run.tls, "late", 4), LEAT_OK);
}

/* What is queued when the peer says goodbye still goes out: RFC 8446 section 6.1. */
Test(tls_socket, peer_closes)
{
    uint16_t port = run_new_server();

    run_open(port);
    cr_assert_eq(leat_tls_socket_close(run.connection), LEAT_OK);
    run_until_client("closed");
    run_check(&run.client_log, "closed");
    check_state(false, false, true);

    run_until_server("closed");
    run.server_log.text[0] = '\0';
    run.server_log.len = 0;
    run_open(port);
    run.act_at = "message";
    run.act = send_after_close;
    cr_assert_eq(leat_tls_socket_send(run.connection, "bye", 3), LEAT_OK);
    cr_assert_eq(leat_tls_socket_close(run.connection), LEAT_OK);
    run_until_client("closed");
    run_check(&run.client_log, "message bye; closed");
}

Test(tls_socket, peer_takes_nothing)
{
    struct leat_tcp_extra_options options = {
        .size = sizeof(options), .socket_timeout_ms = 200, .send_buffer_size = 4096};
    static uint8_t data[8000000];

    run_new_client();
    cr_assert_eq(leat_tls_socket_set_extra_options(run.tls, &options), LEAT_OK);
    run_open(run_new_server());
    leat_tls_socket_pause(run.connection);
    cr_assert_eq(leat_tls_socket_send(run.tls, data, sizeof(data)), LEAT_OK);
    check_ends(LEAT_E_TLS_WRITE, "taken nothing for too long");
}

Test(tls_socket, bidirectional_authentication)
{
    const char *cert = run_text(certificate_path("client.pem"));
    const char *key = run_text(certificate_path("client-encrypted.key"));
    const uint8_t *der;
    size_t len;

    cr_assert_eq(leat_tls_options_set_is_bidirectional_authentication(run.server_options, true),
                 LEAT_OK);
    uint16_t port = run_new_server();
    run_new_client();
    run_connect(port);
    run_until_client("closed");
    cr_assert_eq(run.client_log.error.code, LEAT_E_TLS_ENGINE, "%s", run.client_log.error.text);
    run_until_server("client error");
    run_check(&run.server_log, sandbox_format("client error %d", LEAT_E_TLS_VERIFY));

    cr_assert_eq(leat_tls_options_set_is_bidirectional_authentication(run.options, true), LEAT_OK);
    cr_assert_eq(leat_tls_socket_connect(run.tls, "127.0.0.1", port, run.options, run.config),
                 LEAT_E_PARAMETER);
    check_failure(LEAT_E_PARAMETER, "needs a certificate of our own");
    cr_assert_eq(leat_tls_options_set_cert(run.options, &cert, 1, key, "wrong"), LEAT_OK);
    cr_assert_eq(leat_tls_socket_connect(run.tls, "127.0.0.1", port, run.options, run.config),
                 LEAT_E_TLS_ENGINE);
    check_failure(LEAT_E_TLS_ENGINE, "wrong password");
    cr_assert_eq(leat_tls_options_set_cert(run.options, &cert, 1, key, CERTIFICATE_KEY_PASSWORD),
                 LEAT_OK);
    run.client_log.text[0] = '\0';
    run.client_log.len = 0;
    for (int i = 0; i < 2; i++) {
        run_open(port);
        cr_assert_eq(leat_tls_socket_get_remote_certificate(run.connection, 0, &der, &len),
                     LEAT_OK);
        cr_assert(der && len > 100, "the server does not see who it is");
        cr_assert_eq(leat_tls_socket_close(run.tls), LEAT_OK);
        run_until_client("closed");
        run_check(&run.client_log, "closed");
        run_until_server("closed");
        run_check(&run.server_log, "closed");
    }
}
