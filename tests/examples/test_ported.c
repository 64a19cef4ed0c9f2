/* SPDX-License-Identifier: Apache-2.0 */
/* The samples of HarmonyOS that were ported, as a user runs them. */
#include "integration/common.h"
#include "sockets/udp_run.h"
#include "support/patience.h"

#include <stdlib.h>

TestSuite(ported, .fini = sandbox_done, .timeout = 100);

#define PROGRAM_TIMEOUT_MS PATIENCE_MS(20000)
#define EXAMPLE(name)      LEAT_EXAMPLES_DIR "/" name

static void output_expect(const char *const *argv, const char *expected)
{
    struct process *process = process_start(&(struct process_options){.argv = argv});
    int status = process_wait(process, PROGRAM_TIMEOUT_MS);
    char *error = file_read(process->error_path), *output = file_read(process->output_path);
    cr_expect_eq(status, 0, "%d: %s", status, error);
    cr_expect_str_eq(output, expected);
    free(error);
    free(output);
}

/* A server that speaks nothing but what the guide's options name, and wants a certificate. */
Test(ported, tls_socket)
{
    const char *const arguments[] = {"-cert",
                                     certificate_path("rsa.pem"),
                                     "-key",
                                     certificate_path("rsa.key"),
                                     "-CAfile",
                                     certificate_path("ca.pem"),
                                     "-Verify",
                                     "4",
                                     "-verify_return_error",
                                     "-tls1_2",
                                     "-cipher",
                                     "AES256-SHA256:@SECLEVEL=0",
                                     "-alpn",
                                     "http/1.1",
                                     "-rev",
                                     NULL};
    uint16_t port;
    openssl_server_start(arguments, &port);
    const char *const argv[] = {EXAMPLE("harmonyos_tls_socket"),
                                "127.0.0.1",
                                sandbox_format("%u", port),
                                certificate_path("ca.pem"),
                                certificate_path("client.pem"),
                                certificate_path("client.key"),
                                NULL};
    output_expect(argv, "connected: TLSv1.2 TLS_RSA_WITH_AES_256_CBC_SHA256, ALPN \"http/1.1\", a "
                        "certificate of the server: yes\n"
                        "message from 127.0.0.1: !revres ,olleH\n"
                        "closed\n");
}

Test(ported, tcp_socket)
{
    const char *const argv[] = {EXAMPLE("harmonyos_tcp_socket"), NULL};
    struct process *process = process_start(&(struct process_options){.argv = argv});
    cr_assert_eq(process_wait(process, PROGRAM_TIMEOUT_MS), 0);
    char *output = file_read(process->output_path);
    static const char *const lines[] = {"server: client 1 from 127.0.0.1\n", "client: connected\n",
                                        "client: message \"Hello, client!\" from 127.0.0.1, IPv4\n",
                                        "server: message \"Hello, server!\"\n", "server: closed\n"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        cr_expect(strstr(output, lines[i]), "%s: %s", lines[i], output);
    free(output);
}

Test(ported, udp_proxy)
{
    uint16_t port = udp_echo_start("127.0.0.1");
    const char *const argv[] = {EXAMPLE("harmonyos_udp_proxy"),      "127.0.0.1",
                                sandbox_format("%u", port),          "127.0.0.1",
                                sandbox_format("%u", dante_start()), NULL};
    output_expect(argv, "listening, IPv4\n"
                        "message from 127.0.0.1 (IPv4), 14 bytes: Hello, server!\n"
                        "closed\n");
}
