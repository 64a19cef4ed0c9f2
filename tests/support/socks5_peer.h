/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A proxy at the end of a scripted wire: checks each message, answers it from a table.
 */
#ifndef TESTS_SUPPORT_SOCKS5_PEER_H
#define TESTS_SUPPORT_SOCKS5_PEER_H

#include "support/scripted_layer.h"

#define SOCKS5_PEER_STEPS 4

struct socks5_peer_step {
    const void *expected; /**< what the client sends; NULL = the end of the table */
    size_t expected_len;
    const void *answer; /**< what comes back once all of it is there */
    size_t answer_len;
};

struct socks5_peer {
    struct socks5_peer_step steps[SOCKS5_PEER_STEPS + 1];
    size_t step;
    size_t seen; /**< bytes of the wire that earlier steps have used */
};

/** For scripted_layer.react, `peer` is a struct socks5_peer. Behind the last step it echoes. A
 * message that is not the expected one fails the test. */
void socks5_peer_react(void *peer, struct scripted_layer *wire);

#endif
