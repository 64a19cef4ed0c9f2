/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include "loop/loop_private.h"

#include "support/alloc_failure.h"
#include "util/clock.h"

#include <leat/error_codes.h>

struct alarm {
    struct leati_timer timer;
    struct journal *journal;
    char letter;
    struct alarm *stops, *sets;
    uint64_t set_ms;
};

static void alarm_ring(struct leati_timer *timer, void *user)
{
    struct alarm *alarm = user;

    cr_assert_eq(timer, &alarm->timer);
    cr_assert_geq(leati_clock_ms(), timer->at_ms, "never early");
    journal_add(alarm->journal, alarm->letter);
    if (alarm->stops)
        leati_timer_stop(&alarm->stops->timer);
    if (alarm->sets)
        cr_assert_eq(leati_timer_set(&alarm->sets->timer, alarm->set_ms), 0);
}

static void alarm_make(struct alarm *alarm, leat_loop *loop, struct journal *journal, char letter)
{
    *alarm = (struct alarm){.journal = journal, .letter = letter};
    leati_timer_init(&alarm->timer, loop, alarm_ring, alarm);
}

Test(timer, shows_in_the_descriptor_when_due_and_not_before, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct alarm a;
    uint64_t at_ms = leati_clock_ms() + 50;

    alarm_make(&a, loop, &journal, 'a');
    cr_assert_eq(leati_timer_set(&a.timer, at_ms), 0);
    loop_turn(loop);
    cr_assert(loop_is_readable(loop, 5000));
    cr_assert_geq(leati_clock_ms(), at_ms);
    loop_turn(loop);
    cr_assert_str_eq(journal.text, "a");
    cr_assert_not(loop_is_readable(loop, 0));
    leat_loop_free(loop);
}

Test(timer, equal_times_fire_in_the_order_of_their_setting, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct alarm alarms[10];
    uint64_t at_ms = leati_clock_ms() + 10;

    for (int i = 0; i < 10; i++) {
        alarm_make(&alarms[i], loop, &journal, (char)('a' + i));
        cr_assert_eq(leati_timer_set(&alarms[i].timer, at_ms), 0);
    }
    cr_assert_eq(leati_timer_set(&alarms[3].timer, at_ms), 0);
    while (journal.len < 10)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    cr_assert_str_eq(journal.text, "abcefghijd");
    leat_loop_free(loop);
}

Test(timer, stopped_and_destroyed_by_another_one_of_the_same_round, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct alarm a, c, *b = malloc(sizeof(*b));

    alarm_make(&a, loop, &journal, 'a');
    alarm_make(b, loop, &journal, 'b');
    alarm_make(&c, loop, &journal, 'c');
    a.stops = b;
    cr_assert_eq(leati_timer_set(&a.timer, 1), 0);
    cr_assert_eq(leati_timer_set(&b->timer, 2), 0);
    cr_assert_eq(leati_timer_set(&c.timer, 3), 0);
    cr_assert(loop_is_readable(loop, 1000));
    loop_turn(loop);
    cr_assert_str_eq(journal.text, "ac");
    free(b);
    loop_turn(loop);
    leat_loop_free(loop);
}

Test(timer, set_to_the_past_in_a_callback_fires_in_a_later_round, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct alarm a, b;

    alarm_make(&a, loop, &journal, 'a');
    alarm_make(&b, loop, &journal, 'b');
    a.sets = &a;
    cr_assert_eq(leati_timer_set(&a.timer, 0), 0);
    cr_assert_eq(leati_timer_set(&b.timer, 1), 0);
    cr_assert(loop_is_readable(loop, 1000));
    loop_turn(loop);
    cr_assert_str_eq(journal.text, "ab", "the new setting does not push itself before b");
    cr_assert(loop_is_readable(loop, 1000));
    loop_turn(loop);
    cr_assert_str_eq(journal.text, "aba");
    leati_timer_stop(&a.timer);
    leat_loop_free(loop);
}

/* The timerfd is left alone: the descriptor is readable at the old time, one empty round goes by,
 * and then the new time rules. */
Test(timer, moved_to_later, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct alarm a;
    uint64_t now_ms = leati_clock_ms();

    alarm_make(&a, loop, &journal, 'a');
    cr_assert_eq(leati_timer_set(&a.timer, now_ms + 20), 0);
    cr_assert_eq(leati_timer_set(&a.timer, now_ms + 60), 0);
    cr_assert(loop_is_readable(loop, 5000));
    loop_turn(loop);
    while (journal.len == 0)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    cr_assert_geq(leati_clock_ms(), now_ms + 60);
    leat_loop_free(loop);
}

Test(timer, moved_to_earlier, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct alarm a;

    alarm_make(&a, loop, &journal, 'a');
    cr_assert_eq(leati_timer_set(&a.timer, leati_clock_ms() + 3600000), 0);
    cr_assert_eq(leati_timer_set(&a.timer, leati_clock_ms()), 0);
    cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    cr_assert_str_eq(journal.text, "a");
    leat_loop_free(loop);
}

enum { RANDOM_COUNT = 1000 };

static struct {
    struct leati_timer timer;
    bool fired, stopped;
} random_timers[RANDOM_COUNT];

static uint64_t random_last_at_ms;
static int random_fired;

static void random_fire(struct leati_timer *timer, void *user)
{
    size_t i = (size_t)(uintptr_t)user;

    cr_assert_eq(timer, &random_timers[i].timer);
    cr_assert_not(random_timers[i].fired);
    cr_assert_not(random_timers[i].stopped);
    cr_assert_geq(timer->at_ms, random_last_at_ms, "earlier ones come first");
    random_last_at_ms = timer->at_ms;
    random_timers[i].fired = true;
    random_fired++;
}

Test(timer, a_thousand_at_random, .timeout = 60)
{
    leat_loop *loop = loop_make();
    uint64_t state = 88172645463325252u, base_ms = leati_clock_ms() + 100;
    int expected = RANDOM_COUNT;

    for (size_t i = 0; i < RANDOM_COUNT; i++)
        leati_timer_init(&random_timers[i].timer, loop, random_fire, (void *)(uintptr_t)i);
    for (size_t step = 0; step < 4 * RANDOM_COUNT; step++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        struct leati_timer *timer = &random_timers[step % RANDOM_COUNT].timer;
        if (state % 5 == 0)
            leati_timer_stop(timer);
        else
            cr_assert_eq(leati_timer_set(timer, base_ms + state / 5 % 300), 0);
    }
    for (size_t i = 0; i < RANDOM_COUNT; i++) {
        random_timers[i].stopped = random_timers[i].timer.heap_index == SIZE_MAX;
        expected -= random_timers[i].stopped;
    }
    cr_assert(expected > RANDOM_COUNT / 2 && expected < RANDOM_COUNT);
    while (random_fired < expected)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    leat_loop_free(loop);
}

Test(timer, no_memory_for_the_heap, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct journal journal = {0};
    struct alarm a;

    alarm_make(&a, loop, &journal, 'a');
    alloc_failure_countdown = 1;
    leati_alloc_fail_hook = alloc_failure_hook;
    cr_assert_eq(leati_timer_set(&a.timer, 0), LEAT_E_SYSTEM_INTERNAL);
    leati_alloc_fail_hook = NULL;
    leati_timer_stop(&a.timer);
    loop_turn(loop);
    cr_assert_eq(journal.len, 0);
    leat_loop_free(loop);
}

/* ---- the public face ------------------------------------------------------------------ */

struct ticker {
    leat_timer *timer;
    int calls;
    bool restarts, frees;
};

static void ticker_tick(leat_timer *timer, void *user)
{
    struct ticker *ticker = user;

    cr_assert_eq(timer, ticker->timer);
    ticker->calls++;
    if (ticker->restarts)
        leat_timer_start(timer, 1);
    if (ticker->frees)
        leat_timer_free(timer);
}

Test(public_timer, fires_once_and_not_early, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct ticker ticker = {0};
    uint64_t start_us = leati_clock_us();

    cr_assert_eq(leat_timer_new(loop, ticker_tick, &ticker, &ticker.timer), 0);
    loop_turn(loop);
    cr_assert_eq(ticker.calls, 0, "made stopped");
    leat_timer_start(ticker.timer, 5);
    while (ticker.calls == 0)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    cr_assert_geq(leati_clock_us(), start_us + 5000);
    loop_turn(loop);
    leat_timer_start(ticker.timer, 0);
    cr_assert(loop_is_readable(loop, 1000));
    loop_turn(loop);
    cr_assert_eq(ticker.calls, 2);
    leat_timer_start(ticker.timer, UINT64_MAX);
    loop_turn(loop);
    leat_timer_stop(ticker.timer);
    leat_timer_stop(ticker.timer);
    leat_timer_free(ticker.timer);
    leat_timer_free(NULL);
    cr_assert_eq(ticker.calls, 2);
    leat_loop_free(loop);
}

Test(public_timer, restarted_and_freed_inside_of_its_function, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct ticker ticker = {.restarts = true};

    cr_assert_eq(leat_timer_new(loop, ticker_tick, &ticker, &ticker.timer), 0);
    leat_timer_start(ticker.timer, 0);
    while (ticker.calls < 3)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    ticker.frees = true;
    while (ticker.calls < 4)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    leat_loop_free(loop);
}

/* Starting has no way to fail: the room in the heap comes with the timer. */
Test(public_timer, start_needs_no_memory, .timeout = 10)
{
    enum { PUBLIC = 20, INTERNAL = 60 };
    static struct ticker tickers[PUBLIC];
    static struct alarm alarms[INTERNAL];
    struct journal journal = {0};

    for (size_t count = 0; count <= INTERNAL; count++) {
        leat_loop *loop = loop_make();
        for (size_t i = 0; i < PUBLIC; i++)
            cr_assert_eq(leat_timer_new(loop, ticker_tick, &tickers[i], &tickers[i].timer), 0);
        for (size_t i = 0; i < count; i++) {
            alarm_make(&alarms[i], loop, &journal, 'x');
            cr_assert_eq(leati_timer_set(&alarms[i].timer, UINT64_MAX / 4), 0);
        }
        alloc_failure_countdown = 1;
        leati_alloc_fail_hook = alloc_failure_hook;
        for (size_t i = 0; i < PUBLIC; i++)
            leat_timer_start(tickers[i].timer, 1000000);
        leati_alloc_fail_hook = NULL;
        cr_assert_eq(alloc_failure_countdown, 1, "nothing was allocated");
        /* What has no room in the heap would have been written behind its end. */
        cr_assert_leq(loop->heap_len, loop->heap_cap);
        for (size_t i = 0; i < PUBLIC; i++)
            leat_timer_free(tickers[i].timer);
        leat_loop_free(loop);
    }
}

static leat_loop *attempt_loop;

static bool attempt_timer_new(void)
{
    leat_timer *timer = NULL;
    int result = leat_timer_new(attempt_loop, ticker_tick, NULL, &timer);

    cr_assert_eq(timer != NULL, result == 0);
    leat_timer_free(timer);
    return result == 0;
}

Test(public_timer, every_allocation_of_new_can_fail, .timeout = 10)
{
    attempt_loop = loop_make();
    cr_assert_geq(alloc_failure_run_all(attempt_timer_new), 2);
    leat_loop_free(attempt_loop);
}
