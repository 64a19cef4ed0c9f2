/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include <leat/error_codes.h>

struct job {
    struct leati_task task;
    struct journal *journal;
    char letter;
    struct job *schedules, *cancels;
};

static void job_run(struct leati_task *task, void *user)
{
    struct job *job = user;

    cr_assert_eq(task, &job->task);
    journal_add(job->journal, job->letter);
    if (job->schedules)
        leati_task_schedule(&job->schedules->task);
    if (job->cancels)
        leati_task_cancel(&job->cancels->task);
}

static void job_make(struct job *job, leat_loop *loop, struct journal *journal, char letter)
{
    *job = (struct job){.journal = journal, .letter = letter};
    leati_task_init(&job->task, loop, job_run, job);
}

Test(task, runs_in_order_from_dispatch, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct job a, b, c;

    job_make(&a, loop, &journal, 'a');
    job_make(&b, loop, &journal, 'b');
    job_make(&c, loop, &journal, 'c');
    leati_task_schedule(&b.task);
    leati_task_schedule(&a.task);
    leati_task_schedule(&c.task);
    leati_task_schedule(&b.task);
    leati_task_cancel(&a.task);
    leati_task_cancel(&a.task);
    cr_assert_str_eq(journal.text, "");
    cr_assert(loop_is_readable(loop, 0));
    loop_turn(loop);
    cr_assert_str_eq(journal.text, "bc");
    cr_assert_not(loop_is_readable(loop, 0));
    leat_loop_free(loop);
}

Test(task, what_a_task_schedules_runs_in_the_next_round, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct job a, b;

    job_make(&a, loop, &journal, 'a');
    job_make(&b, loop, &journal, 'b');
    a.schedules = &a;
    leati_task_schedule(&a.task);
    leati_task_schedule(&b.task);
    loop_turn(loop);
    cr_assert_str_eq(journal.text, "ab");
    for (int i = 0; i < 3; i++) {
        cr_assert(loop_is_readable(loop, 0), "round %d", i);
        loop_turn(loop);
    }
    cr_assert_str_eq(journal.text, "abaaa");
    leati_task_cancel(&a.task);
    loop_turn(loop);
    cr_assert_not(loop_is_readable(loop, 0));
    leat_loop_free(loop);
}

Test(task, cancelled_by_another_task_of_the_same_round, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct job a, b, c;

    job_make(&a, loop, &journal, 'a');
    job_make(&b, loop, &journal, 'b');
    job_make(&c, loop, &journal, 'c');
    a.cancels = &b;
    leati_task_schedule(&a.task);
    leati_task_schedule(&b.task);
    leati_task_schedule(&c.task);
    loop_turn(loop);
    cr_assert_str_eq(journal.text, "ac");
    leat_loop_free(loop);
}

static void post_schedules(leat_loop *loop, void *user)
{
    struct job *job = user;

    (void)loop;
    leati_task_schedule(&job->task);
}

Test(task, scheduled_inside_of_dispatch_runs_in_the_same_round, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct job a;

    job_make(&a, loop, &journal, 'a');
    cr_assert_eq(leat_loop_post(loop, post_schedules, &a), 0);
    loop_turn(loop);
    cr_assert_str_eq(journal.text, "a");
    leat_loop_free(loop);
}

static void stop_loop(leat_loop *loop, void *user)
{
    (void)user;
    leat_loop_stop(loop);
}

Test(task, left_over_when_run_returns_shows_in_the_descriptor, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct job a;

    job_make(&a, loop, &journal, 'a');
    a.schedules = &a;
    leati_task_schedule(&a.task);
    cr_assert_eq(leat_loop_post(loop, stop_loop, NULL), 0);
    cr_assert_eq(leat_loop_run(loop), 0);
    cr_assert(loop_is_readable(loop, 0));
    leati_task_cancel(&a.task);
    leat_loop_free(loop);
}

struct order {
    struct journal journal;
    struct leati_io io;
    struct leati_timer timer;
    struct leati_task task;
};

static void order_on_io(struct leati_io *io, unsigned events, void *user)
{
    struct order *order = user;

    (void)events;
    journal_add(&order->journal, 'i');
    leati_task_schedule(&order->task);
    (void)leati_io_set(io, 0);
}

static void order_on_timer(struct leati_timer *timer, void *user)
{
    struct order *order = user;

    (void)timer;
    journal_add(&order->journal, 't');
    leati_task_schedule(&order->task);
}

static void order_on_task(struct leati_task *task, void *user)
{
    (void)task;
    journal_add(&((struct order *)user)->journal, 'd');
}

/* The tasks that I/O has scheduled read what a timer would give up. */
Test(task, a_round_is_io_then_tasks_then_timers_then_tasks, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct order order = {0};
    int pipe_fds[2];

    cr_assert_eq(pipe(pipe_fds), 0);
    leati_io_init(&order.io, loop, pipe_fds[1], order_on_io, &order);
    leati_timer_init(&order.timer, loop, order_on_timer, &order);
    leati_task_init(&order.task, loop, order_on_task, &order);
    cr_assert_eq(leati_timer_set(&order.timer, 0), 0);
    cr_assert(loop_is_readable(loop, 1000));
    cr_assert_eq(leati_io_set(&order.io, LEATI_IO_WRITE), 0);
    loop_turn(loop);
    cr_assert_str_eq(order.journal.text, "idtd");
    leati_io_done(&order.io);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    leat_loop_free(loop);
}

static void again(struct leati_task *task, void *user)
{
    unsigned *rounds = user;

    ++*rounds;
    leati_task_schedule(task);
}

static void stop_counting(leat_loop *loop, void *user)
{
    (void)loop;
    *(bool *)user = true;
}

/* A loop that nobody polls and that watches nothing does not ask the kernel in every round, but
 * others are heard in between. */
Test(task, that_never_ends_does_not_keep_others_out, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct leati_task task;
    unsigned rounds = 0;
    bool heard = false;

    leati_task_init(&task, loop, again, &rounds);
    leati_task_schedule(&task);
    for (unsigned i = 0; i < 7; i++) {
        heard = false;
        loop_turn(loop);
        cr_assert_eq(leat_loop_post(loop, stop_counting, &heard), LEAT_OK);
        loop_turn(loop);
        loop_turn(loop);
        cr_assert(heard);
    }
    cr_assert_eq(rounds, 21);
    leati_task_cancel(&task);
    leat_loop_free(loop);
}

/* Whoever begins to poll sees what has been left before. */
Test(task, shows_in_a_descriptor_that_is_asked_for_late, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct leati_task task;
    unsigned rounds = 0;

    leati_task_init(&task, loop, again, &rounds);
    leati_task_schedule(&task);
    for (unsigned i = 0; i < 3; i++)
        loop_turn(loop);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(loop_is_readable(loop, 0));
        loop_turn(loop);
    }
    cr_assert_eq(rounds, 6);
    leati_task_cancel(&task);
    cr_assert(loop_is_readable(loop, 0));
    loop_turn(loop);
    cr_assert_not(loop_is_readable(loop, 0));
    leat_loop_free(loop);
}
