/* SPDX-License-Identifier: Apache-2.0 */
/* The loop itself: descriptors, rounds, and what it lends. */
#include "loop/loop_private.h"

#include "util/alloc.h"
#include "util/clock.h"
#include "util/fork.h"

#include <leat/error_codes.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Chunks that are kept for the next queue: 2 MiB. */
#define POOL_CHUNKS 128

/* ---- life ------------------------------------------------------------------------------------ */

static int fd_watch(leat_loop *loop, int fd, void *mark)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = mark};

    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int loop_open(leat_loop *loop)
{
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        return LEAT_E_SOCKET_BASE + errno;
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->timer_fd < 0)
        return LEAT_E_SOCKET_BASE + errno;
    loop->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->event_fd < 0)
        return LEAT_E_SOCKET_BASE + errno;
    if (fd_watch(loop, loop->timer_fd, &loop->timer_fd) < 0 ||
        fd_watch(loop, loop->event_fd, &loop->event_fd) < 0)
        return LEAT_E_SOCKET_BASE + errno;
    return LEAT_OK;
}

static void fd_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void loop_close(leat_loop *loop)
{
    fd_close(loop->event_fd);
    fd_close(loop->timer_fd);
    fd_close(loop->epoll_fd);
}

int leat_loop_new(leat_loop **ret_loop)
{
    if (!ret_loop)
        return LEAT_E_PARAMETER;
    leat_loop *loop = leati_calloc(1, sizeof(*loop));
    if (!loop)
        return LEAT_E_SYSTEM_INTERNAL;

    int result = LEAT_E_SYSTEM_INTERNAL;
    loop->epoll_fd = loop->timer_fd = loop->event_fd = -1;
    loop->scratch = leati_malloc(LEATI_SCRATCH_BYTES);
    if (!loop->scratch)
        goto out;
    result = loop_open(loop);
    if (result != LEAT_OK)
        goto out;

    loop->fork_count = leati_fork_count();
    pthread_mutex_init(&loop->posted_lock, NULL);
    loop->posted_end = &loop->posted_first;
    loop->tasks.prev = loop->tasks.next = &loop->tasks;
    loop->armed_at_ms = UINT64_MAX;
    leati_chunk_pool_init(&loop->chunk_pool, POOL_CHUNKS);
    *ret_loop = loop;
    return LEAT_OK;
out:
    loop_close(loop);
    leati_free(loop->scratch);
    leati_free(loop);
    return result;
}

/* Who is inside of leat_loop_stop() is out at once. */
static void loop_wait_for_stoppers(const leat_loop *loop)
{
    while (atomic_load(&loop->stoppers) > 0 && !leati_loop_is_inherited(loop))
        (void)poll(NULL, 0, 1);
}

void leat_loop_free(leat_loop *loop)
{
    if (!loop)
        return;
    if (loop->dispatching && leati_loop_is_inherited(loop)) {
        loop_close(loop); /* another thread was in the middle of it */
        return;
    }
    assert(!loop->dispatching);
    while (loop->attachments) {
        struct leati_attachment *attachment = loop->attachments;
        loop->attachments = attachment->next;
        attachment->destroy(attachment->object);
        leati_free(attachment);
    }
    loop_wait_for_stoppers(loop);
    leati_loop_drop_posted(loop);
    pthread_mutex_destroy(&loop->posted_lock);
    leati_chunk_pool_done(&loop->chunk_pool);
    leati_random_pool_wipe(&loop->random_pool);
    loop_close(loop);
    leati_free(loop->heap);
    leati_free(loop->scratch);
    leati_free(loop);
}

/* A program that polls the descriptor instead of calling dispatch must see what is left. */
static void loop_wake_for_tasks(leat_loop *loop)
{
    if (leati_loop_has_tasks(loop) && loop->is_polled && !loop->woken) {
        loop->woken = true;
        leati_loop_wake(loop);
    }
}

int leat_loop_get_fd(const leat_loop *loop)
{
    /* The loop is not const where it is kept; what it waits for does not change. */
    leat_loop *polled = (leat_loop *)(uintptr_t)loop;

    if (!polled)
        return -1;
    if (!atomic_exchange(&polled->is_polled, true) && !polled->dispatching)
        loop_wake_for_tasks(polled);
    return polled->epoll_fd;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

void leati_io_init(struct leati_io *io, leat_loop *loop, int fd, leati_io_fn fn, void *user)
{
    *io = (struct leati_io){.loop = loop, .fd = fd, .fn = fn, .user = user};
}

int leati_io_set(struct leati_io *io, unsigned mask)
{
    struct epoll_event event = {.data.ptr = io};

    if (mask == io->mask)
        return LEAT_OK;
    if (leati_loop_is_inherited(io->loop)) {
        if (mask != 0)
            return LEAT_E_SOCKET_BASE + EBADF;
        io->mask = 0;
        return LEAT_OK;
    }
    if (mask & LEATI_IO_READ)
        event.events |= EPOLLIN;
    if (mask & LEATI_IO_WRITE)
        event.events |= EPOLLOUT;
    int op = io->mask == 0 ? EPOLL_CTL_ADD : mask == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    if (epoll_ctl(io->loop->epoll_fd, op, io->fd, &event) < 0)
        return LEAT_E_SOCKET_BASE + errno;
    io->loop->watched_count += io->mask == 0;
    io->loop->watched_count -= mask == 0;
    io->mask = mask;
    return LEAT_OK;
}

void leati_io_done(struct leati_io *io)
{
    leat_loop *loop = io->loop;

    /* A descriptor that the program has closed has left the epoll set by itself. */
    if (leati_io_set(io, 0) != LEAT_OK)
        loop->watched_count--;
    io->mask = 0;
    for (int i = loop->event_next; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == io)
            loop->events[i].data.ptr = NULL;
}

bool leati_io_move(struct leati_io *from, struct leati_io *to)
{
    leat_loop *loop = from->loop;
    const unsigned mask = from->mask;

    *to = *from;
    to->mask = ~mask; /* so that the kernel is told of the place */
    if (leati_io_set(to, mask) != LEAT_OK)
        return false;
    from->mask = 0;
    for (int i = loop->event_next; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == from)
            loop->events[i].data.ptr = to;
    return true;
}

static void io_deliver(struct leati_io *io, uint32_t epoll_events)
{
    unsigned events = 0;

    if (epoll_events & EPOLLIN)
        events |= LEATI_IO_READ;
    if (epoll_events & EPOLLOUT)
        events |= LEATI_IO_WRITE;
    events &= io->mask;
    /* The mask may have been cleared by another callback of this round. */
    if ((epoll_events & (EPOLLERR | EPOLLHUP)) && io->mask != 0)
        events |= LEATI_IO_HANGUP;
    if (events != 0)
        io->fn(io, events, io->user);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

void leati_loop_wake(leat_loop *loop)
{
    int saved_errno = errno;
    uint64_t one = 1;

    if (leati_loop_is_inherited(loop))
        return;
    /* Fails only when the counter is full: then the descriptor is readable anyhow. */
    ssize_t n = write(loop->event_fd, &one, sizeof(one));
    (void)n;
    errno = saved_errno;
}

static void event_deliver(leat_loop *loop, const struct epoll_event *event)
{
    void *ptr = event->data.ptr;

    if (ptr == &loop->timer_fd) {
        loop->timers_due = true;
        loop->armed_at_ms = UINT64_MAX;
    } else if (ptr == &loop->event_fd) {
        loop->posted_due = true;
        loop->woken = false;
    } else if (ptr) {
        io_deliver(ptr, event->events);
    }
}

/* One epoll_wait(2); calls the watchers of what it has brought. `*ret_full`: there may be more. */
static int loop_fetch(leat_loop *loop, int timeout_ms, bool *ret_full)
{
    int count;

    do
        count = epoll_wait(loop->epoll_fd, loop->events, LEATI_LOOP_BATCH, timeout_ms);
    while (count < 0 && errno == EINTR && timeout_ms == 0);
    *ret_full = count == LEATI_LOOP_BATCH;
    if (count < 0)
        return errno == EINTR ? LEAT_OK : LEAT_E_SOCKET_BASE + errno;
    loop->event_count = count;
    for (loop->event_next = 0; loop->event_next < count && !leati_loop_is_inherited(loop);)
        event_deliver(loop, &loop->events[loop->event_next++]);
    loop->event_count = 0;
    return LEAT_OK;
}

/* Fetches all that is ready now. What is fetched and stays ready goes to the end of the kernel's
 * list, so that as many fetches as it takes for all descriptors have shown each of them. */
static int loop_fetch_all(leat_loop *loop)
{
    size_t rest = loop->watched_count + LEATI_LOOP_OWN_FDS;
    bool full;

    for (;;) {
        leati_loop_run_tasks(loop);
        int result = loop_fetch(loop, 0, &full);
        if (result != LEAT_OK)
            return result;
        if (!full || rest <= LEATI_LOOP_BATCH)
            return LEAT_OK;
        rest -= LEATI_LOOP_BATCH;
    }
}

/* A program that stood still finds timers due and, in the kernel, the answers that they wait for,
 * more of them perhaps than one fetch brings. The answers come first: whoever judges a deadline has
 * read what had come in time. */
static int loop_expire(leat_loop *loop)
{
    uint64_t until_ms = leati_clock_ms();

    if (!leati_loop_is_timer_due(loop, until_ms)) {
        loop->timers_due = false;
        return LEAT_OK;
    }
    int result = loop_fetch_all(loop);
    if (result != LEAT_OK)
        return result;
    loop->timers_due = false;
    loop->judged_ms = until_ms;
    leati_loop_run_tasks(loop);
    leati_loop_run_timers(loop, until_ms);
    return LEAT_OK;
}

/* Where only tasks wait, and nothing is watched that could be ready, every other round asks the
 * kernel: for what others have posted, and who has stopped the loop. */
static bool loop_may_skip_fetch(const leat_loop *loop)
{
    return loop->has_fetched && loop->watched_count == 0 && leati_loop_has_tasks(loop) &&
           !loop->timers_due && !loop->is_polled;
}

static int loop_round(leat_loop *loop, int timeout_ms)
{
    int result = LEAT_OK;
    bool full;

    if (leati_loop_is_inherited(loop))
        return LEAT_E_SOCKET_BASE + EBADF;
    if (leati_loop_has_tasks(loop) || loop->timers_due)
        timeout_ms = 0;
    loop->dispatching = true;
    loop->round++;
    loop->has_fetched = !loop_may_skip_fetch(loop);
    if (loop->has_fetched)
        result = loop_fetch(loop, timeout_ms, &full);
    if (result == LEAT_OK && loop->timers_due)
        result = loop_expire(loop);
    if (result == LEAT_OK && loop->posted_due) {
        loop->posted_due = false;
        leati_loop_run_posted(loop);
    }
    if (result == LEAT_OK)
        leati_loop_run_tasks(loop);
    loop->dispatching = false;
    leati_loop_arm_timers(loop);
    /* A callback may have forked: this is the child. */
    return leati_loop_is_inherited(loop) ? LEAT_E_SOCKET_BASE + EBADF : result;
}

int leat_loop_dispatch(leat_loop *loop, int timeout_ms)
{
    if (!loop || timeout_ms < -1 || loop->dispatching)
        return LEAT_E_PARAMETER;
    int result = loop_round(loop, timeout_ms);
    loop_wake_for_tasks(loop);
    return result;
}

int leat_loop_run(leat_loop *loop)
{
    if (!loop || loop->dispatching)
        return LEAT_E_PARAMETER;

    int result;
    do {
        /* A stop that came before may have been seen by a dispatch in between. */
        result = loop_round(loop, atomic_load(&loop->stopping) ? 0 : -1);
    } while (result == LEAT_OK && !atomic_exchange(&loop->stopping, false));
    loop_wake_for_tasks(loop);
    return result;
}

/* As soon as the flag is set the loop's thread may return and free the loop: leat_loop_free() waits
 * until nobody is between the two. No lock, because a signal handler may come here. */
void leat_loop_stop(leat_loop *loop)
{
    if (!loop || leati_loop_is_inherited(loop))
        return;
    atomic_fetch_add(&loop->stoppers, 1);
    atomic_store(&loop->stopping, true);
    leati_loop_wake(loop);
    atomic_fetch_sub(&loop->stoppers, 1);
}

/* ---- what a loop lends ----------------------------------------------------------------------- */

uint8_t *leati_loop_scratch(leat_loop *loop)
{
    return loop->scratch;
}

struct leati_chunk_pool *leati_loop_chunk_pool(leat_loop *loop)
{
    return &loop->chunk_pool;
}

struct leati_random_pool *leati_loop_random_pool(leat_loop *loop)
{
    return &loop->random_pool;
}

uint32_t leati_loop_round(const leat_loop *loop)
{
    return loop->round;
}

bool leati_loop_is_inherited(const leat_loop *loop)
{
    return loop->fork_count != leati_fork_count();
}

const uint64_t *leati_loop_judged_ms(const leat_loop *loop)
{
    return &loop->judged_ms;
}

void *leati_loop_attachment_get(const leat_loop *loop, const void *key)
{
    for (struct leati_attachment *a = loop->attachments; a; a = a->next)
        if (a->key == key)
            return a->object;
    return NULL;
}

int leati_loop_attachment_set(leat_loop *loop, const void *key, void *object,
                              void (*destroy)(void *object))
{
    assert(!leati_loop_attachment_get(loop, key));
    struct leati_attachment *attachment = leati_malloc(sizeof(*attachment));
    if (!attachment)
        return LEAT_E_SYSTEM_INTERNAL;
    *attachment = (struct leati_attachment){
        .next = loop->attachments, .key = key, .object = object, .destroy = destroy};
    loop->attachments = attachment;
    return LEAT_OK;
}
