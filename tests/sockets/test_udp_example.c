/* SPDX-License-Identifier: Apache-2.0 */
/* examples/udp_through_proxy.c, as a user runs it. */
#include "sockets/udp_run.h"

#include "support/peers.h"
#include "support/process.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(udp_example, .fini = sandbox_done, .timeout = 50);

static struct process *example_start(const char *host, uint16_t port, const char *proxy)
{
    const char *const argv[] = {EXAMPLE_PATH, host,  sandbox_format("%u", port),
                                "hello",      proxy, NULL};
    return process_start(&(struct process_options){.argv = argv});
}

static void answer_expect(const char *host, uint16_t port, const char *proxy)
{
    struct process *example = example_start(host, port, proxy);
    cr_assert_eq(process_wait(example, UDP_RUN_TIMEOUT_MS), 0);
    char *output = file_read(example->output_path);
    cr_expect_str_eq(output, sandbox_format("127.0.0.1 port %u (IPv4) answered: hello\n", port));
    free(output);
}

Test(udp_example, straight)
{
    answer_expect("127.0.0.1", udp_echo_start("127.0.0.1"), NULL);
}

Test(udp_example, through_dante)
{
    answer_expect("127.0.0.1", udp_echo_start("127.0.0.1"),
                  sandbox_format("socks5h://127.0.0.1:%u", dante_start()));
}

Test(udp_example, a_proxy_that_is_not_there)
{
    struct process *example =
        example_start("127.0.0.1", 9, sandbox_format("socks5h://127.0.0.1:%u", refusing_port()));
    cr_assert_eq(process_wait(example, UDP_RUN_TIMEOUT_MS), 1);
    char *error = file_read(example->error_path);
    cr_expect(strstr(error, "2301206 Socks5 failed to connect to the proxy server") == error, "%s",
              error);
    free(error);
}
