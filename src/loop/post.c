/* SPDX-License-Identifier: Apache-2.0 */
/* Work from other threads. */
#include "loop/loop_private.h"

#include "util/alloc.h"
#include "util/fork.h"

#include <leat/error_codes.h>

#include <errno.h>

struct leati_posted {
    struct leati_posted *next;
    leat_task_fn fn;
    void *user;
};

struct leati_posted *leati_loop_post_reserve(void)
{
    return leati_malloc(sizeof(struct leati_posted));
}

void leati_loop_post_unreserve(struct leati_posted *posted)
{
    leati_free(posted);
}

void leati_loop_post_reserved(leat_loop *loop, struct leati_posted *posted, leat_task_fn fn,
                              void *user)
{
    if (leati_loop_is_inherited(loop)) {
        leati_free(posted);
        return;
    }
    *posted = (struct leati_posted){.fn = fn, .user = user};

    leati_lock(&loop->posted_lock);
    bool was_empty = !loop->posted_first;
    *loop->posted_end = posted;
    loop->posted_end = &posted->next;
    /* Under the lock: once it is free, the loop may run this and be freed by its owner. */
    if (was_empty)
        leati_loop_wake(loop);
    leati_unlock(&loop->posted_lock);
}

int leat_loop_post(leat_loop *loop, leat_task_fn fn, void *user)
{
    if (!loop || !fn)
        return LEAT_E_PARAMETER;
    if (leati_loop_is_inherited(loop))
        return LEAT_E_SOCKET_BASE + EBADF;
    struct leati_posted *posted = leati_loop_post_reserve();
    if (!posted)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_loop_post_reserved(loop, posted, fn, user);
    return LEAT_OK;
}

static struct leati_posted *posted_take_all(leat_loop *loop)
{
    leati_lock(&loop->posted_lock);
    struct leati_posted *first = loop->posted_first;
    loop->posted_first = NULL;
    loop->posted_end = &loop->posted_first;
    leati_unlock(&loop->posted_lock);
    return first;
}

void leati_loop_run_posted(leat_loop *loop)
{
    loop->posted_running = posted_take_all(loop);
    while (loop->posted_running && !leati_loop_is_inherited(loop)) {
        struct leati_posted *posted = loop->posted_running;
        loop->posted_running = posted->next;
        if (posted->fn)
            posted->fn(loop, posted->user);
        leati_free(posted);
    }
}

static size_t posted_cancel(struct leati_posted *posted, leat_task_fn fn, const void *user)
{
    size_t count = 0;

    for (; posted; posted = posted->next) {
        if (posted->fn != fn || posted->user != user)
            continue;
        posted->fn = NULL;
        count++;
    }
    return count;
}

size_t leati_loop_post_cancel(leat_loop *loop, leat_task_fn fn, const void *user)
{
    size_t count = posted_cancel(loop->posted_running, fn, user);

    leati_lock(&loop->posted_lock);
    count += posted_cancel(loop->posted_first, fn, user);
    leati_unlock(&loop->posted_lock);
    return count;
}

void leati_loop_drop_posted(leat_loop *loop)
{
    struct leati_posted *posted = posted_take_all(loop);

    while (posted) {
        struct leati_posted *next = posted->next;
        leati_free(posted);
        posted = next;
    }
}
