/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Several loops, each in a thread of its own: for servers that want more than one processor. With
 * leat_config_set_reuse_port() all of them listen on the same port, and the kernel spreads the
 * clients.
 *
 *     leat_loop_threads_new(4, begin, end, user, &threads): begin() starts a server in each thread
 *     leat_loop_threads_free(threads):                      end() frees them
 */
#ifndef LEAT_LOOP_THREADS_H
#define LEAT_LOOP_THREADS_H

#include <leat/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Threads with a loop each. Opaque. */
typedef struct leat_loop_threads leat_loop_threads;

/** Makes what belongs to the loop, in its thread, before it runs. Whatever it returns but LEAT_OK ends
 * all threads, and is what leat_loop_threads_new() returns. `index` counts from 0. `*ret_object` goes
 * to the end. */
typedef int (*leat_loop_begin_fn)(leat_loop *loop, unsigned index, void *user, void **ret_object);
/** Frees what belongs to the loop, in its thread, when that does not run any more; for each that has
 * begun. */
typedef void (*leat_loop_end_fn)(leat_loop *loop, unsigned index, void *object, void *user);

/**
 * Starts the threads, and returns when all have begun.
 *
 * @param count 1 to 1024
 * @return LEAT_OK; LEAT_E_PARAMETER; the code of `begin`; LEAT_E_SYSTEM_INTERNAL (no memory, no
 *         thread); LEAT_E_SOCKET_BASE + errno, as leat_loop_new().
 */
LEAT_API LEAT_MUST_CHECK int leat_loop_threads_new(unsigned count, leat_loop_begin_fn begin,
                                                   leat_loop_end_fn end, void *user,
                                                   leat_loop_threads **ret_threads);

/** A thread's loop, for leat_loop_post(); NULL if there is none with this index. @thread any, while
 * the threads are there. */
LEAT_API leat_loop *leat_loop_threads_get_loop(const leat_loop_threads *threads, unsigned index);

/** Stops the loops, waits for the threads, and frees. Not from one of them. NULL is allowed. */
LEAT_API void leat_loop_threads_free(leat_loop_threads *threads);

#ifdef __cplusplus
}
#endif

#endif
