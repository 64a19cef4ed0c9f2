/* SPDX-License-Identifier: Apache-2.0 */
#include "util/fork.h"

#include <poll.h>
#include <sched.h>
#include <stdatomic.h>

/* Threads share a counter when there are more of them than counters. */
#define COUNTERS 64
/* How often a fork yields to those who hold it before it naps. */
#define YIELDS 100

/* Threads that hold; each on a cache line of its own, so that they do not wait for one another. */
static struct {
    _Alignas(64) atomic_uint holding;
} counters[COUNTERS];

static atomic_bool forking;
/* Held by the thread that forks, from the preparation to the end. */
static pthread_mutex_t fork_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned fork_count;

static atomic_uint thread_count;
static _Thread_local unsigned own_number; /* from 1; 0 = none yet */
static _Thread_local unsigned own_depth;
static _Thread_local bool own_fork;

static atomic_uint *own_counter(void)
{
    if (own_number == 0)
        own_number = atomic_fetch_add(&thread_count, 1) + 1;
    return &counters[own_number % COUNTERS].holding;
}

void leati_fork_hold(void)
{
    /* A thread that forks may call us from a handler of its own. */
    if (own_depth++ > 0 || own_fork)
        return;
    atomic_uint *counter = own_counter();
    for (;;) {
        atomic_fetch_add(counter, 1);
        if (!atomic_load(&forking))
            return;
        atomic_fetch_sub(counter, 1);
        pthread_mutex_lock(&fork_lock);
        pthread_mutex_unlock(&fork_lock);
    }
}

void leati_fork_let(void)
{
    if (own_depth == 0 || --own_depth > 0 || own_fork)
        return;
    atomic_fetch_sub_explicit(own_counter(), 1, memory_order_release);
}

void leati_lock(pthread_mutex_t *mutex)
{
    leati_fork_hold();
    pthread_mutex_lock(mutex);
}

void leati_unlock(pthread_mutex_t *mutex)
{
    pthread_mutex_unlock(mutex);
    leati_fork_let();
}

void leati_once(pthread_once_t *once, void (*fn)(void))
{
    leati_fork_hold();
    pthread_once(once, fn);
    leati_fork_let();
}

unsigned leati_fork_count(void)
{
    return fork_count;
}

/* ---- the fork -------------------------------------------------------------------------------- */

static void fork_prepare(void)
{
    pthread_mutex_lock(&fork_lock);
    atomic_store(&forking, true);
    for (size_t i = 0; i < COUNTERS; i++) {
        /* The thread that forks survives it, with what it holds. */
        unsigned own = own_depth > 0 && &counters[i].holding == own_counter();
        for (int tries = 0; atomic_load(&counters[i].holding) > own; tries++) {
            if (tries < YIELDS)
                sched_yield();
            else
                (void)poll(NULL, 0, 1);
        }
    }
    own_fork = true;
}

static void fork_end(void)
{
    own_fork = false;
    atomic_store(&forking, false);
    pthread_mutex_unlock(&fork_lock);
}

/* Of the counters only that of the surviving thread counts; others were just looking in. */
static void fork_child(void)
{
    fork_count++;
    for (size_t i = 0; i < COUNTERS; i++)
        atomic_store(&counters[i].holding, 0);
    if (own_depth > 0)
        atomic_store(own_counter(), 1);
    fork_end();
}

/* At the start of the program, so that handlers that come later are prepared before: they may take
 * locks of theirs that are held while they call us. */
__attribute__((constructor)) static void fork_watch(void)
{
    (void)pthread_atfork(fork_prepare, fork_end, fork_child);
}
