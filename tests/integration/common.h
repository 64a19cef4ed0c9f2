/* SPDX-License-Identifier: Apache-2.0 */
/** @file What every integration test needs. */
#ifndef LEAT_TESTS_INTEGRATION_COMMON_H
#define LEAT_TESTS_INTEGRATION_COMMON_H

#include "support/certificates.h"
#include "support/client_run.h"
#include "support/dns_server.h"
#include "support/patience.h"
#include "support/peers.h"
#include "support/sandbox.h"
#include "support/script_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define TEST_TIMEOUT_S 50
/* How long a scripted peer may take to come to a step. */
#define STEP_WAIT_MS PATIENCE_MS(5000)

/** A suite whose tests have a sandbox. */
#define INTEGRATION_SUITE(name) TestSuite(name, .fini = sandbox_done, .timeout = TEST_TIMEOUT_S)

/** "SCHEME://127.0.0.1:port/path" as a string of the sandbox. */
static inline const char *url_of(const char *scheme, uint16_t port, const char *path)
{
    return sandbox_format("%s://127.0.0.1:%u%s", scheme, port, path);
}

/** One line of the trace begins with `kind name 0`, e.g. "end tls 0". */
static inline bool trace_has(const struct client_run *run, const char *text)
{
    return run->trace && strstr(run->trace, text);
}

/** The peer has seen nothing but what its script says. */
static inline void peer_content_expect(leat_testing_server *peer)
{
    struct leat_testing_seen seen;
    cr_expect(leat_testing_server_wait_idle(peer, STEP_WAIT_MS), "the peer still has a connection");
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.problem[0] == '\0', "the peer: %s", seen.problem);
}

/** A server that plays the script, and a client that is not connected yet. */
static inline leat_testing_server *scripted_begin(struct client_run *run,
                                                  const struct leat_script_row *script)
{
    client_run_init(run);
    return script_server_start(script);
}

static inline void scripted_open(struct client_run *run, leat_testing_server *peer)
{
    client_run_open(run, url_of("ws", leat_testing_server_get_port(peer), "/"));
}

static inline void scripted_end(struct client_run *run, leat_testing_server *peer)
{
    client_run_done(run);
    peer_content_expect(peer);
    leat_testing_server_free(peer);
}

#endif
