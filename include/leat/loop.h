/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The event loop. One epoll descriptor stands for everything that leat waits for (I/O, timers and
 * deferred work), so it can be put into any other loop: poll leat_loop_get_fd() for reading and call
 * leat_loop_dispatch(loop, 0) when it is readable. A program without a loop calls leat_loop_run().
 *
 * A loop, and every object made on it, belongs to one thread at a time. Only leat_loop_post() and
 * leat_loop_stop() may be called from another.
 *
 * fork(2): loops and what was made on them stay with the parent, which goes on. The child cannot
 * use them: leat_loop_dispatch(), leat_loop_run() and leat_loop_post(), and so every blocking call,
 * return LEAT_E_SOCKET_BASE + EBADF. It may free what belonged to the thread that forked, which
 * closes its copies of the descriptors and neither says anything on the wire nor touches the
 * parent's. It can make its own, also with a configuration that it has inherited; no lock that a
 * thread of the parent held is in its way. A daemon makes its loop behind daemon(3). A child that
 * is forked inside a callback must call exec or _exit.
 */
#ifndef LEAT_LOOP_H
#define LEAT_LOOP_H

#include <leat/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A loop. Opaque. */
typedef struct leat_loop leat_loop;
/** A timer of a loop. Opaque. */
typedef struct leat_timer leat_timer;

/** Work to be done on the loop's thread. */
typedef void (*leat_task_fn)(leat_loop *loop, void *user);
/** A timer that has fired. It may be started again or freed from in here. */
typedef void (*leat_timer_fn)(leat_timer *timer, void *user);

/**
 * Makes a loop.
 *
 * @return LEAT_OK; LEAT_E_SYSTEM_INTERNAL (no memory); LEAT_E_SOCKET_BASE + errno (EMFILE, ENFILE
 *         ...) when the kernel refuses a descriptor; LEAT_E_PARAMETER. On error `*ret_loop` is
 *         untouched.
 */
LEAT_API LEAT_MUST_CHECK int leat_loop_new(leat_loop **ret_loop);

/**
 * Frees a loop. Every object made on it must have been freed before. Posted tasks that have not
 * run are dropped. NULL is allowed. Not from inside a callback of this loop.
 */
LEAT_API void leat_loop_free(leat_loop *loop);

/** The descriptor to wait for: readable whenever leat_loop_dispatch() has something to do. It
 * belongs to the loop; do not close it and do not read from it. -1 for NULL. */
LEAT_API int leat_loop_get_fd(const leat_loop *loop);

/**
 * Waits up to `timeout_ms` (0 = not at all, -1 = without limit) until there is something to do,
 * then does it: I/O, timers, deferred work, and so all callbacks. Returns after one round. When it
 * comes late, because the program or the machine stood still, nothing is given up whose answer has
 * come meanwhile.
 *
 * @return LEAT_OK, also when nothing happened or a signal came; LEAT_E_PARAMETER when called from
 *         inside a callback of this loop; LEAT_E_SOCKET_BASE + EBADF in a process that was forked;
 *         LEAT_E_SOCKET_BASE + errno if epoll itself fails.
 */
LEAT_API LEAT_MUST_CHECK int leat_loop_dispatch(leat_loop *loop, int timeout_ms);

/** Dispatches until leat_loop_stop(). @return as leat_loop_dispatch(). */
LEAT_API LEAT_MUST_CHECK int leat_loop_run(leat_loop *loop);

/** Lets leat_loop_run() return after the round that it is in, or the next one to come. The loop's
 * thread may free the loop then, also while this call is still returning. @thread any, also from a
 * signal handler. */
LEAT_API void leat_loop_stop(leat_loop *loop);

/**
 * Hands work to the loop's thread: `fn(loop, user)` runs from its next dispatch. Tasks of one
 * thread run in the order in which they were posted.
 *
 * @return LEAT_OK; LEAT_E_SYSTEM_INTERNAL (no memory); LEAT_E_PARAMETER; LEAT_E_SOCKET_BASE + EBADF
 *         in a process that was forked. @thread any.
 */
LEAT_API LEAT_MUST_CHECK int leat_loop_post(leat_loop *loop, leat_task_fn fn, void *user);

/** Makes a timer, stopped. @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory), LEAT_E_PARAMETER.
 */
LEAT_API LEAT_MUST_CHECK int leat_timer_new(leat_loop *loop, leat_timer_fn fn, void *user,
                                            leat_timer **ret_timer);
/** Fires once, `delay_ms` from now (0 = at the next dispatch); a running timer is set anew. What
 * had come into the kernel by then is told before it fires, however late the program is: a timer
 * that waits for an answer does not beat one that is there. */
LEAT_API void leat_timer_start(leat_timer *timer, uint64_t delay_ms);
/** Stops a timer; its function does not run any more. A stopped timer stays stopped. */
LEAT_API void leat_timer_stop(leat_timer *timer);
/** Stops and frees a timer, also from inside its own function. NULL is allowed. */
LEAT_API void leat_timer_free(leat_timer *timer);

#ifdef __cplusplus
}
#endif

#endif
