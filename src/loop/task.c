/* SPDX-License-Identifier: Apache-2.0 */
/* Deferred work: a circular list with a head, so that a task can be unlinked without knowing the
 * list that it is in. */
#include "loop/loop_private.h"

static void task_link_before(struct leati_task *task, struct leati_task *place)
{
    task->next = place;
    task->prev = place->prev;
    place->prev->next = task;
    place->prev = task;
    task->queued = true;
}

static void task_unlink(struct leati_task *task)
{
    task->prev->next = task->next;
    task->next->prev = task->prev;
    task->prev = task->next = NULL;
    task->queued = false;
}

void leati_task_init(struct leati_task *task, leat_loop *loop, leati_task_fn fn, void *user)
{
    *task = (struct leati_task){.loop = loop, .fn = fn, .user = user};
}

void leati_task_schedule(struct leati_task *task)
{
    leat_loop *loop = task->loop;

    if (task->queued)
        return;
    task_link_before(task, &loop->tasks);
    /* Inside of dispatch the end of the round sees to it; and who calls dispatch need not be woken. */
    if (!loop->dispatching && loop->is_polled && !loop->woken) {
        loop->woken = true;
        leati_loop_wake(loop);
    }
}

void leati_task_cancel(struct leati_task *task)
{
    if (task->queued)
        task_unlink(task);
}

bool leati_loop_has_tasks(const leat_loop *loop)
{
    return loop->tasks.next != &loop->tasks;
}

void leati_loop_run_tasks(leat_loop *loop)
{
    struct leati_task *mark = &loop->tasks_mark;

    if (!leati_loop_has_tasks(loop))
        return;
    /* The mark stands behind the last task of this round; the list may change in every way. */
    task_link_before(mark, &loop->tasks);
    while (loop->tasks.next != mark && !leati_loop_is_inherited(loop)) {
        struct leati_task *task = loop->tasks.next;
        task_unlink(task);
        task->fn(task, task->user);
    }
    task_unlink(mark);
}
