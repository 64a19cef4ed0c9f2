/* SPDX-License-Identifier: Apache-2.0 */
/** @file One connection of a replay, and what its client is compared with. */
#ifndef LEATI_TESTING_REPLAY_H
#define LEATI_TESTING_REPLAY_H

#include "testing/peer.h"
#include "testing/recording.h"

struct leati_replay {
    struct leati_peer *p;
    const struct leati_recorded_connection *connection;
    size_t heard;   /**< what the client had said by now, in bytes of the recording */
    size_t message; /**< the next one that is to come */
    size_t said;    /**< of the server's bytes */
    uint64_t last_us;
    bool has_relay;
    char key_then[128], key_now[128]; /**< of the last upgrade; "" = none */
};

/** Waits until the client has said all that it had said by now. false: it has not, or something
 * else, which is a problem then; or the connection is over. */
bool leati_replay_await(struct leati_replay *replay);
/** Waits for its end, which was in this line; 0 = in none. */
bool leati_replay_await_end(struct leati_replay *replay, unsigned line);

#endif
