/* SPDX-License-Identifier: Apache-2.0 */
#include "websocket/receive_rate.h"

#define US_PER_S 1000000u

/* Microseconds that are still to be waited. */
static uint64_t take(uint64_t *paid_us, size_t rate, uint64_t count, uint64_t now_us)
{
    if (rate == 0)
        return 0;
    uint64_t earliest = now_us > US_PER_S ? now_us - US_PER_S : 0;
    uint64_t cost = count <= UINT64_MAX / US_PER_S ? count * US_PER_S / rate : UINT64_MAX / 2;
    if (*paid_us < earliest)
        *paid_us = earliest;
    *paid_us = cost < UINT64_MAX - *paid_us ? *paid_us + cost : UINT64_MAX;
    return *paid_us > now_us ? *paid_us - now_us : 0;
}

uint64_t leati_receive_rate_take(struct leati_receive_rate *rate, uint64_t now_ms, size_t bytes)
{
    uint64_t now_us = now_ms * 1000;
    uint64_t for_bytes = take(&rate->bytes_paid_us, rate->bytes_per_s, bytes, now_us);
    uint64_t for_messages =
        take(&rate->messages_paid_us, rate->messages_per_s, rate->messages, now_us);
    uint64_t wait_us = for_bytes > for_messages ? for_bytes : for_messages;
    rate->messages = 0;
    rate->until_ms = wait_us > 0 ? now_ms + wait_us / 1000 + 1 : 0;
    return rate->until_ms;
}
