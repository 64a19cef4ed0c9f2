/* SPDX-License-Identifier: Apache-2.0 */
/* examples/tls_socket.c, as a user runs it. */
#include "support/certificates.h"
#include "support/patience.h"
#include "support/peers.h"
#include "support/process.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(tls_example, .fini = sandbox_done, .timeout = 50);

#define EXAMPLE_TIMEOUT_MS PATIENCE_MS(10000)

static struct process *example_start(const char *cert, const char *ca)
{
    const char *const arguments[] = {
        "-cert", certificate_path(cert), "-key", certificate_path("server.key"), "-rev", "-tls1_3",
        NULL};
    uint16_t port;

    openssl_server_start(arguments, &port);
    const char *const argv[] = {EXAMPLE_PATH, "127.0.0.1", sandbox_format("%u", port),
                                "hello",      ca,          NULL};
    return process_start(&(struct process_options){.argv = argv});
}

Test(tls_example, says_hello)
{
    struct process *example = example_start("server.pem", certificate_path("ca.pem"));

    cr_assert_eq(process_wait(example, EXAMPLE_TIMEOUT_MS), 0);
    char *output = file_read(example->output_path);
    cr_expect_eq(strncmp(output, "TLSv1.3 TLS_", 12), 0, "%s", output);
    cr_expect(strstr(output, "127.0.0.1 answered: olleh\n"), "%s", output);
    free(output);
}

Test(tls_example, tells_what_is_wrong)
{
    struct process *example = example_start("expired.pem", certificate_path("ca.pem"));

    cr_assert_eq(process_wait(example, EXAMPLE_TIMEOUT_MS), 1);
    char *error = file_read(example->error_path);
    cr_expect_eq(strncmp(error, "2303504 ", 8), 0, "%s", error);
    cr_expect(strstr(error, "expired since"), "%s", error);
    free(error);
}
