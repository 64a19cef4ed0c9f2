/* SPDX-License-Identifier: Apache-2.0 */
#include "websocket/backoff.h"

void leati_backoff_opened(struct leati_backoff *backoff, uint64_t now_ms)
{
    backoff->is_open = true;
    backoff->opened_ms = now_ms;
}

void leati_backoff_ended(struct leati_backoff *backoff, uint64_t now_ms)
{
    if (backoff->is_open && now_ms - backoff->opened_ms >= backoff->stable_ms)
        backoff->attempts = 0;
    backoff->is_open = false;
}

static uint32_t backoff_limit_ms(const struct leati_backoff *backoff)
{
    /* 32 bits shifted by up to 31 fit into 64. */
    uint32_t doublings = backoff->attempts < 31 ? backoff->attempts : 31;
    uint64_t limit_ms = (uint64_t)backoff->initial_ms << doublings;
    return limit_ms < backoff->max_ms ? (uint32_t)limit_ms : backoff->max_ms;
}

/* Something from 0 to `limit`, both included. */
static uint32_t random_up_to(uint32_t limit, uint32_t random)
{
    return (uint32_t)(((uint64_t)limit + 1) * random >> 32);
}

uint32_t leati_backoff_next_ms(struct leati_backoff *backoff, uint32_t random)
{
    uint32_t limit_ms = backoff_limit_ms(backoff);

    if (backoff->attempts < UINT32_MAX)
        backoff->attempts++;
    switch (backoff->jitter) {
    case LEAT_JITTER_EQUAL:
        return limit_ms - random_up_to(limit_ms / 2, random);
    case LEAT_JITTER_NONE:
        return limit_ms;
    case LEAT_JITTER_FULL:
        break;
    }
    return random_up_to(limit_ms, random);
}
