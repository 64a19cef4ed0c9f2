/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the tests of the NDK against servers need. */
#ifndef LEAT_TESTS_OHOS_COMMON_H
#define LEAT_TESTS_OHOS_COMMON_H

#include "ohos/recorder.h"
#include "support/certificates.h"
#include "support/patience.h"
#include "support/peers.h"
#include "support/sandbox.h"
#include "support/script_server.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define STEP_WAIT_MS PATIENCE_MS(5000)

/** A suite whose tests have a sandbox. */
#define NDK_SUITE(name) TestSuite(name, .fini = sandbox_done, .timeout = RECORDER_TIMEOUT_S)

static const struct server_options plain_server = {0};
static const struct server_options tls_server = {.cert = "server.pem"};

/** "SCHEME://127.0.0.1:port/path" as a string of the sandbox. */
static inline const char *url_of(const char *scheme, uint16_t port, const char *path)
{
    return sandbox_format("%s://127.0.0.1:%u%s", scheme, port, path);
}

/** The peer has seen nothing but what its script says. */
static inline void peer_content_expect(leat_testing_server *peer)
{
    struct leat_testing_seen seen;
    cr_expect(leat_testing_server_wait_idle(peer, STEP_WAIT_MS), "the peer still has a connection");
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.problem[0] == '\0', "the peer: %s", seen.problem);
}

/** Destroys the client and waits until nothing of it is left. */
static inline void record_destroy(struct record *record)
{
    cr_expect(OH_WebSocketClient_Destroy(record->client) == WEBSOCKET_OK);
    recorder_wait_thread_gone();
}

#endif
