/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: a binary heap of embedded nodes over one timerfd. The timerfd is only ever set to an
 * earlier time; a timer that is moved to later or stopped leaves it alone, and the round in which
 * it fires for nothing sets it anew. So an idle timer that moves with every message costs no system
 * call. */
#include "loop/loop_private.h"

#include "util/alloc.h"
#include "util/clock.h"

#include <leat/error_codes.h>

#include <sys/timerfd.h>

#define NOT_RUNNING SIZE_MAX

struct leat_timer {
    struct leati_timer base;
    leat_timer_fn fn;
    void *user;
};

/* ---- the heap -------------------------------------------------------------------------------- */

static bool timer_is_before(const struct leati_timer *a, const struct leati_timer *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void heap_put(leat_loop *loop, size_t index, struct leati_timer *timer)
{
    loop->heap[index] = timer;
    timer->heap_index = index;
}

static void heap_sift_up(leat_loop *loop, size_t index)
{
    struct leati_timer *timer = loop->heap[index];

    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (!timer_is_before(timer, loop->heap[parent]))
            break;
        heap_put(loop, index, loop->heap[parent]);
        index = parent;
    }
    heap_put(loop, index, timer);
}

static void heap_sift_down(leat_loop *loop, size_t index)
{
    struct leati_timer *timer = loop->heap[index];

    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= loop->heap_len)
            break;
        if (child + 1 < loop->heap_len && timer_is_before(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (!timer_is_before(loop->heap[child], timer))
            break;
        heap_put(loop, index, loop->heap[child]);
        index = child;
    }
    heap_put(loop, index, timer);
}

/* The node at `index` has got another key. */
static void heap_restore(leat_loop *loop, size_t index)
{
    struct leati_timer *timer = loop->heap[index];

    heap_sift_up(loop, index);
    heap_sift_down(loop, timer->heap_index);
}

static bool heap_ensure(leat_loop *loop, size_t count)
{
    if (count <= loop->heap_cap)
        return true;
    size_t cap = loop->heap_cap < 16 ? 16 : loop->heap_cap * 2;
    if (cap < count)
        cap = count;
    struct leati_timer **heap = leati_realloc(loop->heap, cap * sizeof(struct leati_timer *));
    if (!heap)
        return false;
    loop->heap = heap;
    loop->heap_cap = cap;
    return true;
}

/* ---- timers ---------------------------------------------------------------------------------- */

void leati_timer_init(struct leati_timer *timer, leat_loop *loop, leati_timer_fn fn, void *user)
{
    *timer = (struct leati_timer){.loop = loop, .heap_index = NOT_RUNNING, .fn = fn, .user = user};
}

/* Room in the heap is there. */
static void timer_place(struct leati_timer *timer, uint64_t at_ms)
{
    leat_loop *loop = timer->loop;

    /* Behind everything that the expiry now going on is to run, so that it comes to an end. */
    timer->at_ms = at_ms > loop->timers_now_ms ? at_ms : loop->timers_now_ms;
    timer->order = ++loop->timer_order;
    if (timer->heap_index == NOT_RUNNING)
        heap_put(loop, loop->heap_len++, timer);
    heap_restore(loop, timer->heap_index);
    if (!loop->dispatching)
        leati_loop_arm_timers(loop);
}

int leati_timer_set(struct leati_timer *timer, uint64_t at_ms)
{
    leat_loop *loop = timer->loop;

    if (timer->heap_index == NOT_RUNNING &&
        !heap_ensure(loop, loop->heap_len + 1 + loop->heap_reserved))
        return LEAT_E_SYSTEM_INTERNAL;
    timer_place(timer, at_ms);
    return LEAT_OK;
}

bool leati_timer_fires_by(const struct leati_timer *timer, uint64_t at_ms)
{
    return timer->heap_index != NOT_RUNNING && timer->at_ms <= at_ms;
}

void leati_timer_stop(struct leati_timer *timer)
{
    leat_loop *loop = timer->loop;
    size_t index = timer->heap_index;

    if (index == NOT_RUNNING)
        return;
    timer->heap_index = NOT_RUNNING;
    struct leati_timer *last = loop->heap[--loop->heap_len];
    if (last == timer)
        return;
    heap_put(loop, index, last);
    heap_restore(loop, index);
}

bool leati_loop_is_timer_due(const leat_loop *loop, uint64_t now_ms)
{
    return loop->heap_len > 0 && loop->heap[0]->at_ms <= now_ms;
}

void leati_loop_run_timers(leat_loop *loop, uint64_t now_ms)
{
    uint64_t last_order = loop->timer_order;

    loop->timers_now_ms = now_ms;
    while (leati_loop_is_timer_due(loop, now_ms) && !leati_loop_is_inherited(loop)) {
        struct leati_timer *timer = loop->heap[0];
        if (timer->order > last_order)
            break;
        leati_timer_stop(timer);
        timer->fn(timer, timer->user);
    }
    loop->timers_now_ms = 0;
}

void leati_loop_arm_timers(leat_loop *loop)
{
    if (loop->heap_len == 0 || loop->heap[0]->at_ms >= loop->armed_at_ms ||
        leati_loop_is_inherited(loop))
        return;

    uint64_t at_ms = loop->heap[0]->at_ms;
    struct itimerspec spec = {
        .it_value = {.tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000},
    };
    if (at_ms == 0)
        spec.it_value.tv_nsec = 1; /* all zero would disarm */
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    loop->armed_at_ms = at_ms;
}

/* ---- the public face ------------------------------------------------------------------------- */

static void public_timer_fire(struct leati_timer *base, void *user)
{
    leat_timer *timer = user;

    (void)base;
    timer->fn(timer, timer->user);
}

int leat_timer_new(leat_loop *loop, leat_timer_fn fn, void *user, leat_timer **ret_timer)
{
    if (!loop || !fn || !ret_timer)
        return LEAT_E_PARAMETER;
    if (!heap_ensure(loop, loop->heap_len + loop->heap_reserved + 1))
        return LEAT_E_SYSTEM_INTERNAL;
    leat_timer *timer = leati_malloc(sizeof(*timer));
    if (!timer)
        return LEAT_E_SYSTEM_INTERNAL;

    leati_timer_init(&timer->base, loop, public_timer_fire, timer);
    timer->fn = fn;
    timer->user = user;
    loop->heap_reserved++;
    *ret_timer = timer;
    return LEAT_OK;
}

void leat_timer_start(leat_timer *timer, uint64_t delay_ms)
{
    uint64_t at_ms = leati_clock_ms();

    if (!timer)
        return;
    /* The clock is cut to whole milliseconds: one more, so that it never fires early. */
    if (delay_ms > 0)
        at_ms = delay_ms < INT64_MAX / 2 ? at_ms + delay_ms + 1 : INT64_MAX / 2;
    timer_place(&timer->base, at_ms);
}

void leat_timer_stop(leat_timer *timer)
{
    if (timer)
        leati_timer_stop(&timer->base);
}

void leat_timer_free(leat_timer *timer)
{
    if (!timer)
        return;
    leati_timer_stop(&timer->base);
    timer->base.loop->heap_reserved--;
    leati_free(timer);
}
