/* SPDX-License-Identifier: Apache-2.0 */
/** @file Time, processor time and memory of this process, and the one line that says them. */
#ifndef LEAT_BENCH_METER_H
#define LEAT_BENCH_METER_H

#include "rate.h"
#include "work.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bench_meter {
    uint64_t wall_ns;
    uint64_t cpu_ns; /**< user and system, of all threads */
};

struct bench_memory {
    uint64_t heap_bytes;     /**< what malloc has given out */
    uint64_t resident_bytes; /**< Rss of /proc/self/smaps_rollup */
};

/** What a driver has measured. */
struct bench_result {
    const char *client;
    const char *version;
    uint64_t messages;
    uint64_t bytes; /**< of payload, in one direction */
    struct bench_meter spent;
    /* BENCH_IDLE only. */
    struct bench_memory grown;      /**< by all connections together */
    struct bench_meter connecting;  /**< all of them */
    struct bench_meter echo_one;    /**< `count` echoes over the first of them */
    struct bench_meter echo_spread; /**< `count` echoes over all of them in turn */
    struct bench_rate *rate;        /**< BENCH_RATE only */
};

struct bench_meter bench_meter_now(void);
/** What has been spent since `start`. */
struct bench_meter bench_meter_since(const struct bench_meter *start);
/** The processor time since the process began, with that of loading it. */
struct bench_meter bench_meter_since_exec(const struct bench_meter *main_start);

struct bench_memory bench_memory_now(void);
struct bench_memory bench_memory_since(const struct bench_memory *start);

/**
 * BENCH_IDLE: opens the connections one after the other, then sends `count` echoes over the first of
 * them, then over all in turn.
 *
 * @param open_one the connection at `index` is open when it returns
 * @param echo_all all echoes have come back when it returns; `connections` is 1, or all of them
 */
void bench_idle_run(const struct bench_work *work, struct bench_result *result,
                    void (*open_one)(unsigned index, void *user),
                    void (*echo_all)(unsigned connections, void *user), void *user);

/** Prints the line. */
void bench_report(const struct bench_work *work, const struct bench_result *result);

/** Lets the process have as many descriptors as the system allows. @return how many; 0 = not known.
 */
size_t bench_raise_descriptor_limit(void);

#ifdef __cplusplus
}
#endif

#endif
