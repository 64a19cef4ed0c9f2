/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How long to wait before the next attempt: exponential, jittered, capped, and from the start again
 * once a connection has held. Pure: time and randomness are the caller's.
 */
#ifndef LEATI_WEBSOCKET_BACKOFF_H
#define LEATI_WEBSOCKET_BACKOFF_H

#include <leat/reconnect.h>

struct leati_backoff {
    uint32_t initial_ms;
    uint32_t max_ms;
    uint32_t stable_ms;
    enum leat_jitter jitter;
    uint32_t attempts; /**< since the last connection that held */
    bool is_open;
    uint64_t opened_ms;
};

/** The connection is open. */
void leati_backoff_opened(struct leati_backoff *backoff, uint64_t now_ms);

/** The connection has ended, or was never open: forgets the attempts if it has held. */
void leati_backoff_ended(struct leati_backoff *backoff, uint64_t now_ms);

/**
 * Counts an attempt and gives the time to wait before it: initial_ms, doubled with each attempt up
 * to max_ms, is the limit; of that NONE takes all, EQUAL something from its half up, FULL anything.
 *
 * @param random 32 unpredictable bits.
 */
uint32_t leati_backoff_next_ms(struct leati_backoff *backoff, uint32_t random);

#endif
