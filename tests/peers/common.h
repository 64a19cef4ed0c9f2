/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the tests against independent peers share. */
#ifndef LEAT_TESTS_PEERS_COMMON_H
#define LEAT_TESTS_PEERS_COMMON_H

#include "integration/common.h"
#include "support/patience.h"
#include "support/proxies.h"
#include "support/raw_socket.h"
#include "support/server_run.h"

#include <stdlib.h>

/** How long a foreign program may take for all that it does. */
#define PROGRAM_TIMEOUT_MS PATIENCE_MS(20000)

#define PEERS_SUITE(name) TestSuite(name, .fini = sandbox_done, .timeout = 90)

/** Runs a program to its end, which must be in order. */
static inline void program_expect(const char *const *argv)
{
    const char *const environment[] = {"NODE_PATH=/usr/share/nodejs", NULL};
    struct process *process =
        process_start(&(struct process_options){.argv = argv, .environment = environment});
    int status = process_wait(process, PROGRAM_TIMEOUT_MS);
    char *output = file_read(process->output_path);
    char *error = file_read(process->error_path);
    cr_expect(status == 0, "%s ended with %d behind\n%s\n%s", argv[0], status, output, error);
    free(output);
    free(error);
}

/** Nothing went wrong in the server, and it has no connection any more. */
static inline void server_content_expect(struct server_run *server)
{
    struct server_seen seen;
    server_run_seen(server, &seen);
    server_run_until_closed(server, seen.connected);
}

#endif
