/* SPDX-License-Identifier: Apache-2.0 */
#include "gss/helper.h"

#include "util/alloc.h"
#include "util/fork.h"
#include "util/thread.h"

#include <leat/error_codes.h>

#include <errno.h>

enum work_state {
    WORK_WAITS, /* in the queue */
    WORK_RUNS,
    WORK_RAN, /* its end is on the way to the loop */
};

struct leati_helper_work {
    struct leati_helper_work *next;
    const struct leati_helper_ops *ops;
    void *data, *user;
    leat_loop *loop;
    struct leati_posted *posted; /* until it is used */
    enum work_state state;
    bool given_up;
    unsigned fork_count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    struct leati_helper_work *first, **end; /* the queue */
    unsigned threads;
    unsigned fork_count;
    bool is_stuck; /* a fork has left the foreign library in the middle of something */
} helpers;

/* In a child, the threads and the queue are the parent's. */
static void helpers_look_for_fork(void)
{
    if (helpers.fork_count == leati_fork_count())
        return;
    helpers.is_stuck |= helpers.threads > 0;
    helpers.threads = 0;
    helpers.first = NULL;
    helpers.fork_count = leati_fork_count();
}

static void work_free(struct leati_helper_work *work)
{
    leati_loop_post_unreserve(work->posted);
    leati_free(work);
}

/* ---- the helper's side ----------------------------------------------------------------------- */

static void work_arrived(leat_loop *loop, void *user)
{
    struct leati_helper_work *work = user;

    (void)loop;
    /* The thread that has posted it is still inside of the lock. */
    leati_lock(&lock);
    leati_unlock(&lock);
    void *data = work->data;
    void *receiver = work->user;
    const struct leati_helper_ops *ops = work->ops;
    work_free(work);
    ops->ran(data, receiver);
}

/* Returns the one to be dropped, NULL = somebody waits for it. */
static struct leati_helper_work *work_finish(struct leati_helper_work *work)
{
    work->state = WORK_RAN;
    if (work->given_up)
        return work;
    struct leati_posted *posted = work->posted;
    work->posted = NULL;
    leati_loop_post_reserved(work->loop, posted, work_arrived, work);
    return NULL;
}

static struct leati_helper_work *queue_pop(void)
{
    struct leati_helper_work *work = helpers.first;

    if (work) {
        helpers.first = work->next;
        work->state = WORK_RUNS;
    } else {
        helpers.threads--;
    }
    return work;
}

static void *thread_main(void *arg)
{
    struct leati_helper_work *work = arg;

    while (work) {
        work->ops->run(work->data);
        leati_lock(&lock);
        struct leati_helper_work *dropped = work_finish(work);
        leati_unlock(&lock);
        if (dropped) {
            dropped->ops->drop(dropped->data, true);
            work_free(dropped);
        }
        leati_lock(&lock);
        work = queue_pop();
        leati_unlock(&lock);
    }
    return NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------- */

static void queue_push(struct leati_helper_work *work)
{
    if (!helpers.first)
        helpers.end = &helpers.first;
    *helpers.end = work;
    helpers.end = &work->next;
}

/* Takes it out of the queue, if it waits there. */
static bool queue_remove(struct leati_helper_work *work)
{
    for (struct leati_helper_work **link = &helpers.first; *link; link = &(*link)->next) {
        if (*link != work)
            continue;
        *link = work->next;
        if (helpers.end == &work->next)
            helpers.end = link;
        return true;
    }
    return false;
}

static int work_start(struct leati_helper_work *work)
{
    helpers_look_for_fork();
    if (helpers.is_stuck)
        return LEAT_E_SOCKET_BASE + EDEADLK;
    if (helpers.threads == LEATI_HELPER_MAX_THREADS) {
        queue_push(work);
        return LEAT_OK;
    }
    work->state = WORK_RUNS;
    if (!leati_thread_start_detached("leat_gss", thread_main, work))
        return LEAT_E_SYSTEM_INTERNAL;
    helpers.threads++;
    return LEAT_OK;
}

int leati_helper_start(leat_loop *loop, const struct leati_helper_ops *ops, void *data, void *user,
                       struct leati_helper_work **ret_work)
{
    struct leati_helper_work *work = leati_malloc(sizeof(*work));
    if (!work)
        return LEAT_E_SYSTEM_INTERNAL;
    *work = (struct leati_helper_work){
        .ops = ops,
        .data = data,
        .user = user,
        .loop = loop,
        .posted = leati_loop_post_reserve(),
        .fork_count = leati_fork_count(),
    };
    int code = LEAT_E_SYSTEM_INTERNAL;
    if (work->posted) {
        leati_lock(&lock);
        code = work_start(work);
        leati_unlock(&lock);
    }
    if (code == LEAT_OK)
        *ret_work = work;
    else
        work_free(work);
    return code;
}

void leati_helper_give_up(struct leati_helper_work *work)
{
    bool is_inherited = work->fork_count != leati_fork_count();

    leati_lock(&lock);
    helpers_look_for_fork();
    bool runs = !is_inherited && work->state == WORK_RUNS;
    bool ran = work->state == WORK_RAN;
    if (runs)
        work->given_up = true;
    else if (!ran)
        (void)queue_remove(work);
    leati_unlock(&lock);
    if (runs)
        return;
    if (ran)
        leati_loop_post_cancel(work->loop, work_arrived, work);
    work->ops->drop(work->data, !is_inherited);
    work_free(work);
}
