/* SPDX-License-Identifier: Apache-2.0 */
/* The server's role against `openssl s_client` over real sockets. */
#include "support/certificates.h"
#include "support/patience.h"
#include "support/process.h"
#include "support/sandbox.h"
#include "unit/tls/socket_layer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct socket_end server;
static struct leati_tls_credentials *credentials;
static struct process *client;
static int listener;
static uint16_t port;

static void listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(listener, (struct sockaddr *)&address, len) == 0);
    cr_assert(listen(listener, 1) == 0);
    cr_assert(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    port = ntohs(address.sin_port);

    struct leati_tls_credentials_options options = {.ca_path = certificate_path("ca.pem"),
                                                    .cert_path = certificate_path("server.pem"),
                                                    .key_path = certificate_path("server.key"),
                                                    .need_ca = true,
                                                    .is_server = true};
    struct leati_failure failure;
    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &credentials) == LEAT_OK);
}

static void listen_no_more(void)
{
    leati_tls_credentials_unref(credentials);
    close(listener);
    sandbox_done();
}

TestSuite(tls_s_client, .timeout = 60, .init = listen_somewhere, .fini = listen_no_more);

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const version_options[] = {"-tls1_2", "-tls1_3"};

static void accept_one(enum leat_client_verification verification, const char *const *arguments)
{
    const char *argv[40] = {"openssl",
                            "s_client",
                            "-connect",
                            sandbox_format("127.0.0.1:%u", port),
                            "-CAfile",
                            certificate_path("ca.pem"),
                            "-verify_return_error",
                            "-servername",
                            "localhost",
                            "-nocommands"};
    for (size_t i = 0; arguments[i]; i++)
        argv[10 + i] = arguments[i];
    client = process_start(&(struct process_options){.argv = argv, .has_input = true});
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    cr_assert(fd >= 0);
    static const char *const alpn[] = {"http/1.1", NULL};
    const struct leati_tls_layer_options options = {
        .is_server = true,
        .credentials = credentials,
        .client_verification = verification,
        .tickets = true,
        .min_protocol = LEAT_TLS_V12,
        .max_protocol = LEAT_TLS_V13,
        .alpn = alpn,
        .close_timeout_ms = PATIENCE_MS(5000),
    };
    socket_end_init(&server, fd, &options);
}

static void client_say(const char *text)
{
    cr_assert(write(client->input_fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void hear(const char *text)
{
    char buf[256] = "";
    size_t got = 0;

    while (got < strlen(text)) {
        size_t n = 0;
        int result = socket_end_recv(&server, buf + got, sizeof(buf) - 1 - got, &n);
        cr_assert(result == LEAT_OK, "%d: %s", result, server.failure.text);
        got += n;
    }
    cr_assert_str_eq(buf, text);
}

static void converse(void)
{
    int result = socket_end_connect(&server);
    cr_assert(result == LEAT_OK, "%d: %s", result, server.failure.text);
    client_say("hello from there\n");
    hear("hello from there\n");
    socket_end_send(&server, "hello from here\n", 16);
    char rest[200];
    process_wait_line(client, "hello from here", rest, sizeof(rest));
}

static void end(void)
{
    socket_end_shutdown(&server);
    socket_end_done(&server);
    process_stop(client);
}

Test(tls_s_client, talks_both_ways)
{
    for (size_t i = 0; i < 2; i++) {
        char rest[200];
        accept_one(LEAT_CLIENT_VERIFICATION_NONE,
                   ARGUMENTS(version_options[i], "-alpn", "http/1.1"));
        converse();
        process_wait_line(client, "ALPN protocol: http/1.1", rest, sizeof(rest));
        end();
    }
}

Test(tls_s_client, client_certificate)
{
    for (size_t i = 0; i < 2; i++) {
        accept_one(LEAT_CLIENT_VERIFICATION_REQUIRED,
                   ARGUMENTS(version_options[i], "-cert", certificate_path("client.pem"), "-key",
                             certificate_path("client.key")));
        converse();
        end();
        accept_one(LEAT_CLIENT_VERIFICATION_REQUIRED, ARGUMENTS(version_options[i]));
        int result = socket_end_connect(&server);
        cr_assert(result == LEAT_E_TLS_VERIFY, "%d: %s", result, server.failure.text);
        socket_end_done(&server);
        /* RFC 8446 section 4.4.2.4 wants certificate_required; mbedTLS 3.6.6 says this. */
        process_wait_error_text(client,
                                i == 0 ? "alert handshake failure" : "alert no certificate");
        process_stop(client);
    }
}

Test(tls_s_client, resumes)
{
    for (size_t i = 0; i < 2; i++) {
        const char *session = sandbox_path(version_options[i]);
        struct leat_tls_info info;
        accept_one(LEAT_CLIENT_VERIFICATION_NONE,
                   ARGUMENTS(version_options[i], "-sess_out", session));
        converse();
        end();
        accept_one(LEAT_CLIENT_VERIFICATION_NONE,
                   ARGUMENTS(version_options[i], "-sess_in", session));
        converse();
        leati_tls_layer_info(server.tls, &info);
        cr_assert(info.resumed);
        end();
    }
}
