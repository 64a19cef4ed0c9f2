/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include "support/alloc_failure.h"

#include <leat/error_codes.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, POSTS = 5000 };

struct poster {
    pthread_t thread;
    leat_loop *loop;
    int received;
    int *total;
    struct note {
        struct poster *poster;
        int number;
    } notes[POSTS];
};

static void note_receive(leat_loop *loop, void *user)
{
    struct note *note = user;
    struct poster *poster = note->poster;

    cr_assert_eq(loop, poster->loop);
    cr_assert_eq(note->number, poster->received, "in the order of posting");
    poster->received++;
    if (++*poster->total == THREADS * POSTS)
        leat_loop_stop(loop);
}

static void *poster_run(void *user)
{
    struct poster *poster = user;

    for (int i = 0; i < POSTS; i++) {
        poster->notes[i] = (struct note){.poster = poster, .number = i};
        if (leat_loop_post(poster->loop, note_receive, &poster->notes[i]) != 0)
            return poster;
    }
    return NULL;
}

Test(post, four_threads_each_in_order, .timeout = 60)
{
    static struct poster posters[THREADS];
    leat_loop *loop = loop_make();
    int total = 0;

    for (int i = 0; i < THREADS; i++) {
        posters[i].loop = loop;
        posters[i].total = &total;
        cr_assert_eq(pthread_create(&posters[i].thread, NULL, poster_run, &posters[i]), 0);
    }
    cr_assert_eq(leat_loop_run(loop), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(posters[i].thread, &failed);
        cr_assert_null(failed);
        cr_assert_eq(posters[i].received, POSTS);
    }
    leat_loop_free(loop);
}

static void count(leat_loop *loop, void *user)
{
    (void)loop;
    ++*(int *)user;
}

Test(post, shows_in_the_descriptor_and_runs_from_dispatch, .timeout = 10)
{
    leat_loop *loop = loop_make();
    int calls = 0;

    cr_assert_eq(leat_loop_post(loop, count, &calls), 0);
    cr_assert_eq(leat_loop_post(loop, count, &calls), 0);
    cr_assert_eq(calls, 0);
    cr_assert(loop_is_readable(loop, 0));
    loop_turn(loop);
    cr_assert_eq(calls, 2);
    cr_assert_not(loop_is_readable(loop, 0));
    leat_loop_free(loop);
}

static void post_again(leat_loop *loop, void *user)
{
    int *calls = user;

    ++*calls;
    cr_assert_eq(leat_loop_post(loop, post_again, user), 0);
}

Test(post, what_is_posted_meanwhile_waits_for_the_next_round, .timeout = 10)
{
    leat_loop *loop = loop_make();
    int calls = 0;

    cr_assert_eq(leat_loop_post(loop, post_again, &calls), 0);
    for (int i = 1; i <= 3; i++) {
        cr_assert(loop_is_readable(loop, 0));
        loop_turn(loop);
        cr_assert_eq(calls, i);
    }
    leat_loop_free(loop); /* with one that is dropped */
    cr_assert_eq(calls, 3);
}

Test(post, without_memory, .timeout = 10)
{
    leat_loop *loop = loop_make();

    alloc_failure_countdown = 1;
    leati_alloc_fail_hook = alloc_failure_hook;
    cr_assert_eq(leat_loop_post(loop, count, NULL), LEAT_E_SYSTEM_INTERNAL);
    leati_alloc_fail_hook = NULL;
    cr_assert_not(loop_is_readable(loop, 0));
    leat_loop_free(loop);
}

/* ---- two loops in two threads ---------------------------------------------------------------- */

struct player {
    pthread_t thread;
    leat_loop *loop, *other;
    struct player *opponent;
    struct leati_timer timer;
    int hits, ticks;
};

static void player_tick(struct leati_timer *timer, void *user)
{
    struct player *player = user;

    player->ticks++;
    cr_assert_eq(leati_timer_set(timer, 0), 0);
}

/* Runs on the player's own loop; the ball goes back by a post to the other one. */
static void player_hit(leat_loop *loop, void *user)
{
    struct player *player = user;

    cr_assert_eq(loop, player->loop);
    if (++player->hits == 1000)
        leat_loop_stop(loop);
    cr_assert_eq(leat_loop_post(player->other, player_hit, player->opponent), 0);
}

static void *player_run(void *user)
{
    struct player *player = user;

    leati_timer_init(&player->timer, player->loop, player_tick, player);
    if (leati_timer_set(&player->timer, 0) != 0 || leat_loop_run(player->loop) != 0)
        return player;
    return NULL;
}

Test(threads, two_loops_are_independent, .timeout = 60)
{
    static struct player players[2];

    for (int i = 0; i < 2; i++)
        players[i].loop = loop_make();
    for (int i = 0; i < 2; i++) {
        players[i].other = players[1 - i].loop;
        players[i].opponent = &players[1 - i];
        cr_assert_eq(pthread_create(&players[i].thread, NULL, player_run, &players[i]), 0);
    }
    cr_assert_eq(leat_loop_post(players[0].loop, player_hit, &players[0]), 0);
    for (int i = 0; i < 2; i++) {
        void *failed;
        pthread_join(players[i].thread, &failed);
        cr_assert_null(failed);
        cr_assert_geq(players[i].hits, 1000);
        cr_assert_gt(players[i].ticks, 0);
    }
    for (int i = 0; i < 2; i++)
        leat_loop_free(players[i].loop);
}

/* ---- a loop that returns and is freed while another thread is still stopping it -------------- */

static _Thread_local bool holds_writes; /* of the thread that stops */
static atomic_bool run_returned, loop_freed, freed_before_write;

/* How long the loop's thread has to free too early. */
#define FREE_WAIT_MS 100

ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
    if (holds_writes) {
        while (!run_returned)
            sched_yield();
        for (int i = 0; i < FREE_WAIT_MS && !loop_freed; i++)
            (void)poll(NULL, 0, 1);
        freed_before_write = loop_freed;
    }
    return __real_write(fd, buf, len);
}

static leat_loop *_Atomic race_loop;

/* Sees the flag without being woken. */
static void race_tick(leat_timer *timer, void *user)
{
    (void)user;
    leat_timer_start(timer, 0);
}

static void *race_run(void *user)
{
    leat_loop *loop = loop_make();
    leat_timer *timer;

    (void)user;
    cr_assert_eq(leat_timer_new(loop, race_tick, NULL, &timer), 0);
    leat_timer_start(timer, 0);
    race_loop = loop;
    cr_assert_eq(leat_loop_run(loop), 0);
    run_returned = true;
    leat_timer_free(timer);
    leat_loop_free(loop);
    loop_freed = true;
    return NULL;
}

Test(stop, from_another_thread_against_a_loop_that_is_freed, .timeout = 10)
{
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, race_run, NULL), 0);
    while (!race_loop)
        sched_yield();
    holds_writes = true;
    leat_loop_stop(race_loop);
    holds_writes = false;
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_not(freed_before_write, "the wake-up went to a descriptor that was closed");
}
