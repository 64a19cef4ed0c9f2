/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The inside of the loop: embedded watchers, timers and deferred tasks. None of them allocates when
 * it is used. All of them may be started, stopped and destroyed inside any callback; an event that
 * was fetched for a watcher that is gone is dropped.
 */
#ifndef LEATI_LOOP_LOOP_H
#define LEATI_LOOP_LOOP_H

#include <leat/loop.h>

#include "util/byte_queue.h"

struct leati_posted;
struct leati_random_pool;

/* ---- descriptors ------------------------------------------------------------------------- */

enum {
    LEATI_IO_READ = 1u << 0,
    LEATI_IO_WRITE = 1u << 1,
    LEATI_IO_HANGUP = 1u << 2, /**< reported only: error or hang-up, whatever was asked for */
};

struct leati_io;
typedef void (*leati_io_fn)(struct leati_io *io, unsigned events, void *user);

struct leati_io {
    leat_loop *loop;
    int fd;
    unsigned mask; /**< what is asked for; 0 = not in epoll */
    leati_io_fn fn;
    void *user;
};

/** Fills in; the descriptor stays the caller's, who calls leati_io_done() before close(2). */
void leati_io_init(struct leati_io *io, leat_loop *loop, int fd, leati_io_fn fn, void *user);
/** Changes what is asked for (level-triggered); does nothing if it is the same.
 * @return LEAT_OK or LEAT_E_SOCKET_BASE + errno of epoll_ctl, EBADF where the loop is inherited. */
int leati_io_set(struct leati_io *io, unsigned mask);
void leati_io_done(struct leati_io *io);
/** Watches on at another place in memory, which it fills in. false = it could not; `from` watches on then. */
bool leati_io_move(struct leati_io *from, struct leati_io *to);

/* ---- timers ------------------------------------------------------------------------------ */

struct leati_timer;
typedef void (*leati_timer_fn)(struct leati_timer *timer, void *user);

struct leati_timer {
    leat_loop *loop;
    uint64_t at_ms;
    uint64_t order;    /**< of the calls of set: equal times fire in this order */
    size_t heap_index; /**< SIZE_MAX = not running */
    leati_timer_fn fn;
    void *user;
};

void leati_timer_init(struct leati_timer *timer, leat_loop *loop, leati_timer_fn fn, void *user);
/** Fires once at `at_ms` of CLOCK_MONOTONIC; a running timer is moved. Moving to a later time costs
 * no system call. What is set inside of a timer's function fires in a later round. Before it fires,
 * the watchers have heard of everything that was ready at `at_ms`, and the tasks that they have
 * scheduled have run.
 * @return LEAT_OK or LEAT_E_SYSTEM_INTERNAL (no memory for the heap to grow). */
int leati_timer_set(struct leati_timer *timer, uint64_t at_ms);
void leati_timer_stop(struct leati_timer *timer);
/** Whether it runs and fires at that time or earlier. */
bool leati_timer_fires_by(const struct leati_timer *timer, uint64_t at_ms);

/** Up to when deadlines may be judged: the watchers have heard of everything that was ready then.
 * It moves only when a timer is due; a deadline without one is never over. Whoever judges by the
 * clock instead gives up what lies in the kernel already. */
const uint64_t *leati_loop_judged_ms(const leat_loop *loop);

/* ---- deferred work ------------------------------------------------------------------------- */

struct leati_task;
typedef void (*leati_task_fn)(struct leati_task *task, void *user);

/** Work that runs from dispatch: in the same round when scheduled from inside of it, otherwise in
 * the next. A task that schedules itself again runs in the next round. */
struct leati_task {
    leat_loop *loop;
    struct leati_task *prev, *next;
    bool queued;
    leati_task_fn fn;
    void *user;
};

void leati_task_init(struct leati_task *task, leat_loop *loop, leati_task_fn fn, void *user);
void leati_task_schedule(struct leati_task *task);
void leati_task_cancel(struct leati_task *task);

/** Turns what leat_loop_post() has queued with this function and this `user` into nothing, from the
 * loop's thread. Returns how many tasks will not run. */
size_t leati_loop_post_cancel(leat_loop *loop, leat_task_fn fn, const void *user);

/** What leat_loop_post() needs memory for, got ahead by whoever must not fail later. NULL: no memory. */
struct leati_posted *leati_loop_post_reserve(void);
/** NULL is allowed. */
void leati_loop_post_unreserve(struct leati_posted *posted);
/** leat_loop_post() that cannot fail; takes `posted`. On a loop that a fork has inherited it does
 * nothing. */
void leati_loop_post_reserved(leat_loop *loop, struct leati_posted *posted, leat_task_fn fn,
                              void *user);

/* ---- what a loop lends ---------------------------------------------------------------------- */

/** Bytes of the buffer that leati_loop_scratch() lends. */
#define LEATI_SCRATCH_BYTES 65536u

/** A large buffer for one read; nobody may hold it across a callback. Never NULL. */
uint8_t *leati_loop_scratch(leat_loop *loop);
struct leati_chunk_pool *leati_loop_chunk_pool(leat_loop *loop);
struct leati_random_pool *leati_loop_random_pool(leat_loop *loop);
/** Changes with each round of dispatching. */
uint32_t leati_loop_round(const leat_loop *loop);
/** Whether this process was forked from the one that made the loop. Then the epoll set, the timer
 * and the connections are those of the parent, which goes on with them: the loop touches none of
 * them, dispatches nothing, and its watchers and timers can be taken off and freed, but not run. */
bool leati_loop_is_inherited(const leat_loop *loop);

/** Something that lives as long as the loop (the resolvers). `key` is an address unique to the
 * kind, to be set once; get returns NULL before that. `destroy` runs in leat_loop_free().
 * @return LEAT_OK or LEAT_E_SYSTEM_INTERNAL (no memory; the object stays the caller's). */
void *leati_loop_attachment_get(const leat_loop *loop, const void *key);
int leati_loop_attachment_set(leat_loop *loop, const void *key, void *object,
                              void (*destroy)(void *object));

#endif
