/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the files of src/loop share. */
#ifndef LEATI_LOOP_LOOP_PRIVATE_H
#define LEATI_LOOP_LOOP_PRIVATE_H

#include "loop/loop.h"
#include "util/random.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>

/** Events that one round fetches at most; the rest waits for the next round. */
#define LEATI_LOOP_BATCH 128
/** timer_fd and event_fd. */
#define LEATI_LOOP_OWN_FDS 2

struct leati_posted;

struct leati_attachment {
    struct leati_attachment *next;
    const void *key;
    void *object;
    void (*destroy)(void *object);
};

struct leat_loop {
    int epoll_fd;
    /* Both are watched edge-triggered, so that neither has to be read. */
    int timer_fd;
    int event_fd;
    unsigned fork_count; /**< of the process that made it */

    bool dispatching;
    uint32_t round;   /**< of dispatching; comes round */
    bool timers_due;  /**< timer_fd has fired */
    bool woken;       /**< event_fd was written for tasks and has not been seen yet */
    bool posted_due;  /**< event_fd was seen in this round */
    bool has_fetched; /**< the last round has asked the kernel */
    /** leat_loop_get_fd() has given the descriptor away: it must show what is left to be done. */
    atomic_uint is_polled; /**< words, because RISC-V exchanges nothing smaller without libatomic */
    atomic_uint stopping;
    atomic_uint stoppers; /**< threads inside of leat_loop_stop() */

    /** The batch of this round; an entry is cleared when its watcher goes away. */
    struct epoll_event events[LEATI_LOOP_BATCH];
    int event_next, event_count;
    size_t watched_count; /**< watchers in the epoll set */

    struct leati_timer **heap; /**< by (at_ms, order) */
    size_t heap_len, heap_cap;
    size_t heap_reserved;   /**< public timers: starting one of them cannot fail */
    uint64_t timer_order;   /**< of the last set */
    uint64_t timers_now_ms; /**< of the expiry that is going on; 0 = none is */
    uint64_t armed_at_ms;   /**< what timer_fd waits for; UINT64_MAX = nothing */
    uint64_t judged_ms;     /**< see leati_loop_judged_ms() */

    struct leati_task tasks;      /**< head of the circular list of what is scheduled */
    struct leati_task tasks_mark; /**< ends what one round runs */

    pthread_mutex_t posted_lock;
    struct leati_posted *posted_first, **posted_end;
    struct leati_posted *posted_running; /**< of this round; the loop's thread only */

    struct leati_attachment *attachments;
    struct leati_chunk_pool chunk_pool;
    struct leati_random_pool random_pool;
    uint8_t *scratch;
};

/** Makes leat_loop_get_fd() readable. Async-signal-safe. */
void leati_loop_wake(leat_loop *loop);

/** Whether a timer has expired. */
bool leati_loop_is_timer_due(const leat_loop *loop, uint64_t now_ms);
/** Runs what has expired, in order. */
void leati_loop_run_timers(leat_loop *loop, uint64_t now_ms);
/** Sets timer_fd if the earliest timer is earlier than what it waits for. */
void leati_loop_arm_timers(leat_loop *loop);

/** Runs the tasks that are scheduled now; what they schedule stays for the next round. */
void leati_loop_run_tasks(leat_loop *loop);
bool leati_loop_has_tasks(const leat_loop *loop);

/** Runs what other threads have posted up to now. */
void leati_loop_run_posted(leat_loop *loop);
void leati_loop_drop_posted(leat_loop *loop);

#endif
