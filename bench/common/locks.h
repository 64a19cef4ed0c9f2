/* SPDX-License-Identifier: Apache-2.0 */
/** @file How many locks a process takes: counted by bench_locks.so, if it is preloaded. */
#ifndef LEAT_BENCH_LOCKS_H
#define LEAT_BENCH_LOCKS_H

#include <stdint.h>

struct bench_locks {
    uint64_t taken;     /**< mutexes, and locks for reading or writing */
    uint64_t contended; /**< of these, those that another thread had */
};

/** Up to now; of nothing without bench_locks.so. */
struct bench_locks bench_locks_of_process(void);
/** Prints what was taken since `start` for each message. Nothing without bench_locks.so. */
void bench_locks_report(const struct bench_locks *start, uint64_t messages);

#endif
