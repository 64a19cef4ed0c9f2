/* SPDX-License-Identifier: Apache-2.0 */
/** @file Echoes at a fixed rate over one connection (BENCH_RATE): when each is due, and how long it took.
 * A message's time counts from when it was due, not from when it could be sent, so that a client that
 * stands still is charged for all that had to wait for it (no coordinated omission). */
#ifndef LEAT_BENCH_RATE_H
#define LEAT_BENCH_RATE_H

#include "work.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bench_rate {
    int fd; /**< readable when a message is due; the driver's loop watches it */
    uint64_t start_ns;
    uint64_t step_ns;
    uint64_t total;
    uint64_t sent;
    uint64_t received;
    uint64_t bulk; /**< messages that the neighbour has got back meanwhile */
    uint64_t *latencies_ns;
};

/** What is measured begins in a millisecond. */
void bench_rate_start(struct bench_rate *rate, const struct bench_work *work);
/** How many messages are due now and are to be sent: they count as sent. When the descriptor is readable. */
uint64_t bench_rate_due(struct bench_rate *rate);
/** The next answer is there. @return whether it was the last one. */
bool bench_rate_answered(struct bench_rate *rate);
/** Prints what the messages took, without those of the first twentieth. */
void bench_rate_report(struct bench_rate *rate);

#ifdef __cplusplus
}
#endif

#endif
