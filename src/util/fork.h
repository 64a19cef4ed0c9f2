/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * fork(2) in a program with threads. The child has the one thread that called it and all memory as
 * it was at that moment: a lock that another thread held stays held for ever, and what it guards is
 * half done. So a fork waits until no thread is in between leati_fork_hold() and leati_fork_let(),
 * and none begins meanwhile: the child finds every lock of ours free.
 *
 * All locks of leat are taken by leati_lock(). Held is also what takes locks of others that nobody
 * frees in the child: libcrypto, c-ares, parts of the C library. Never held while a callback of the
 * program runs, which may wait for the thread that forks, nor while waiting for anything but a
 * lock.
 */
#ifndef LEATI_UTIL_FORK_H
#define LEATI_UTIL_FORK_H

#include <pthread.h>
#include <stdbool.h>

/** Calls nest. Cannot fail; waits for a fork that is going on. Not in a signal handler. */
void leati_fork_hold(void);
void leati_fork_let(void);

/** Locks, and holds. For locks that are kept for a short time. */
void leati_lock(pthread_mutex_t *mutex);
void leati_unlock(pthread_mutex_t *mutex);

/** pthread_once(), held. */
void leati_once(pthread_once_t *once, void (*fn)(void));

/** How many forks lie behind this process: what was made at another count belongs to a parent. */
unsigned leati_fork_count(void);

#endif
