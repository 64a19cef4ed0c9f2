/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How much one client may send in a second. What it sends above that is paid for with time: the time up
 * to which all of it would have come at the rate that is allowed moves on with each byte and message,
 * and nothing is read before it is over. A second's worth may come at once.
 */
#ifndef LEATI_WEBSOCKET_RECEIVE_RATE_H
#define LEATI_WEBSOCKET_RECEIVE_RATE_H

#include <stddef.h>
#include <stdint.h>

struct leati_receive_rate {
    size_t bytes_per_s, messages_per_s; /**< 0 = any number */
    uint64_t bytes_paid_us, messages_paid_us;
    uint64_t until_ms;   /**< nothing is read before; 0 = now */
    size_t messages;     /**< since the last look */
    uint64_t *throttled; /**< the server's counter of those that had to wait */
};

/** Takes bytes, and the messages that were counted. @return until when nothing more may be read; 0 = it
 * may. */
uint64_t leati_receive_rate_take(struct leati_receive_rate *rate, uint64_t now_ms, size_t bytes);

#endif
