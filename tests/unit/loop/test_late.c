/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that stand still: what has come meanwhile is told before any timer fires. */
#include "loop_fixture.h"

#include "loop/loop_private.h"

#include "util/clock.h"

#include <stdlib.h>
#include <sys/eventfd.h>

/* More than three fetches. */
enum { WATCHED = 3 * LEATI_LOOP_BATCH + 7 };

/* As a connection: the watcher notes that there is something, a task reads it. */
struct connection {
    struct leati_io io;
    struct leati_task task;
    int fd;
    bool was_read;
    bool is_deaf; /* its task leaves everything as it is, so that it stays ready */
};

static struct connection connections[WATCHED];

static void connection_on_event(struct leati_io *io, unsigned events, void *user)
{
    struct connection *c = user;

    (void)io;
    cr_assert_eq(events, LEATI_IO_READ);
    leati_task_schedule(&c->task);
}

static void connection_on_task(struct leati_task *task, void *user)
{
    struct connection *c = user;
    eventfd_t count;

    (void)task;
    if (!c->is_deaf)
        cr_assert_eq(eventfd_read(c->fd, &count), 0);
    c->was_read = true;
}

static void connection_make(struct connection *c, leat_loop *loop)
{
    *c = (struct connection){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    cr_assert_geq(c->fd, 0);
    leati_io_init(&c->io, loop, c->fd, connection_on_event, c);
    leati_task_init(&c->task, loop, connection_on_task, c);
    cr_assert_eq(leati_io_set(&c->io, LEATI_IO_READ), 0);
}

static void connection_end(struct connection *c)
{
    leati_io_done(&c->io);
    leati_task_cancel(&c->task);
    close(c->fd);
}

static size_t unread_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < WATCHED; i++)
        count += !connections[i].was_read;
    return count;
}

/* Stands still until a moment is over. */
static void stand_still_until(uint64_t at_ms)
{
    while (leati_clock_ms() <= at_ms)
        (void)poll(NULL, 0, 1);
}

struct deadline {
    struct leati_timer timer;
    int fired;
    size_t unread; /* when it fired */
    uint64_t judged_ms;
};

static void deadline_on_timer(struct leati_timer *timer, void *user)
{
    struct deadline *d = user;

    d->fired++;
    d->unread = unread_count();
    d->judged_ms = *leati_loop_judged_ms(timer->loop);
    cr_assert_geq(d->judged_ms, timer->at_ms);
}

/* The timerfd became ready first, so it stands in the first of several fetches. */
static void expect_all_read_before_timer(bool is_deaf)
{
    leat_loop *loop = loop_make();
    struct deadline d = {0};
    uint64_t at_ms = leati_clock_ms() + 1;

    for (size_t i = 0; i < WATCHED; i++) {
        connection_make(&connections[i], loop);
        connections[i].is_deaf = is_deaf;
    }
    leati_timer_init(&d.timer, loop, deadline_on_timer, &d);
    cr_assert_eq(leati_timer_set(&d.timer, at_ms), 0);
    cr_assert(loop_is_readable(loop, 5000));
    stand_still_until(at_ms);
    for (size_t i = 0; i < WATCHED; i++)
        cr_assert_eq(eventfd_write(connections[i].fd, 1), 0);
    loop_turn(loop);
    cr_expect_eq(d.fired, 1);
    cr_expect_eq(d.unread, 0, "%zu of %d were not read when the timer fired", d.unread, WATCHED);
    for (size_t i = 0; i < WATCHED; i++)
        connection_end(&connections[i]);
    cr_expect_eq(loop->watched_count, 0);
    leat_loop_free(loop);
}

Test(late, everything_that_is_ready_comes_before_a_timer, .timeout = 60)
{
    expect_all_read_before_timer(false);
}

/* What stays ready does not keep the others, or the timer, from their turn. */
Test(late, what_stays_ready_holds_up_nothing, .timeout = 60)
{
    expect_all_read_before_timer(true);
}

struct pair {
    struct connection *connection;
    struct deadline *deadline;
};

/* A deadline begins, the answer comes, and then the deadline is over. */
static void pair_stand_still(leat_loop *loop, void *user)
{
    struct pair *pair = user;
    uint64_t deadline_ms = leati_clock_ms() + 1;

    cr_assert_eq(leati_timer_set(&pair->deadline->timer, deadline_ms), 0);
    cr_assert_eq(eventfd_write(pair->connection->fd, 1), 0);
    stand_still_until(deadline_ms);
    cr_expect_lt(*leati_loop_judged_ms(loop), deadline_ms,
                 "nobody has looked what has come until then");
}

static void pair_on_timer(struct leati_timer *timer, void *user)
{
    (void)user;
    pair_stand_still(timer->loop, user);
}

static void expect_answer_before_deadline(bool inside_of_timer)
{
    leat_loop *loop = loop_make();
    struct deadline d = {0};
    struct leati_timer still;
    struct pair pair = {&connections[0], &d};

    connection_make(&connections[0], loop);
    for (size_t i = 1; i < WATCHED; i++)
        connections[i].was_read = true;
    leati_timer_init(&d.timer, loop, deadline_on_timer, &d);
    leati_timer_init(&still, loop, pair_on_timer, &pair);
    if (inside_of_timer)
        cr_assert_eq(leati_timer_set(&still, 0), 0);
    else
        cr_assert_eq(leat_loop_post(loop, pair_stand_still, &pair), 0);
    while (d.fired == 0)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    cr_expect_eq(d.unread, 0, "the deadline was judged before the answer was read");
    connection_end(&connections[0]);
    leat_loop_free(loop);
}

Test(late, callback_that_stands_still, .timeout = 60)
{
    expect_answer_before_deadline(false);
}

Test(late, timer_that_stands_still, .timeout = 60)
{
    expect_answer_before_deadline(true);
}

/* A program that asks for the time itself does not look before the loop has. */
Test(late, judgement_stands_still_without_timers, .timeout = 60)
{
    leat_loop *loop = loop_make();

    cr_expect_eq(*leati_loop_judged_ms(loop), 0);
    loop_turn(loop);
    stand_still_until(leati_clock_ms() + 2);
    loop_turn(loop);
    cr_expect_eq(*leati_loop_judged_ms(loop), 0);
    leat_loop_free(loop);
}
