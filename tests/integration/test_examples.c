/* SPDX-License-Identifier: Apache-2.0 */
/* The example programs do what their comments say. */
#include "integration/common.h"

#include <stdlib.h>

INTEGRATION_SUITE(examples);

#define PROGRAM_TIMEOUT_MS 30000

/* Runs a program to its end, which must be a good one; returns its output, to be freed. */
static char *program_run(const char *const *argv)
{
    struct process *process = process_start(&(struct process_options){.argv = argv});
    int status = process_wait(process, PROGRAM_TIMEOUT_MS);
    char *error = file_read(process->error_path);
    cr_expect(status == 0, "%s ended with %d: %s", argv[0], status, error);
    free(error);
    return file_read(process->output_path);
}

Test(examples, echo_bench)
{
    const char *url =
        url_of("wss", python_server_start(&(struct server_options){.cert = "server.pem"}), "/echo");
    const char *proxy =
        sandbox_format("socks5h://alice:secret@127.0.0.1:%u", microsocks_start("alice", "secret"));
    const char *const argv[] = {LEAT_EXAMPLES_DIR "/echo_bench", url, proxy,
                                certificate_path("ca.pem"), NULL};
    char *output = program_run(argv);
    cr_expect(strstr(output, "1000 messages of 64 bytes there and back: median ") != NULL, "%s",
              output);
    free(output);
}
