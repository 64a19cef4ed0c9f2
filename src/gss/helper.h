/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Work that may block, on threads of its own, for a loop that must not. A piece of work is given to
 * a helper thread, which ends when nothing is left to do; its end is told on the loop's thread.
 *
 * All but `run` is called by the loop's thread.
 */
#ifndef LEATI_GSS_HELPER_H
#define LEATI_GSS_HELPER_H

#include "loop/loop.h"

/** How many pieces are worked on at once; more of them wait their turn. */
#define LEATI_HELPER_MAX_THREADS 32u

struct leati_helper_work;

struct leati_helper_ops {
    /** On a thread of its own. The work belongs to it alone until it returns. */
    void (*run)(void *data);
    /** On the loop's thread: it has run. The work is over. */
    void (*ran)(void *data, void *user);
    /** Frees `data`, of a work that was given up, on whatever thread is left with it. `is_ours`
     * false: it is that of our parent process, a thread of which may have been in the middle of it:
     * what belongs to the foreign library cannot be touched. */
    void (*drop)(void *data, bool is_ours);
};

/** @return LEAT_OK and the work, to be given up if nobody waits for it any more; LEAT_E_SYSTEM_INTERNAL
 * (no memory, no thread), LEAT_E_SOCKET_BASE + EDEADLK: the process was forked while helpers were at
 * work, what they were inside of is locked for ever. `data` stays the caller's then. */
int leati_helper_start(leat_loop *loop, const struct leati_helper_ops *ops, void *data, void *user,
                       struct leati_helper_work **ret_work);

/** Neither waits nor blocks: the work is dropped, now or as soon as its thread comes back from it.
 * `ran` is not called. Not from inside of `ran`. */
void leati_helper_give_up(struct leati_helper_work *work);

#endif
