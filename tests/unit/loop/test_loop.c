/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include "support/alloc_failure.h"
#include "support/sandbox.h"

#include <leat/error_codes.h>

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

Test(loop, life_leaves_no_descriptor, .timeout = 10)
{
    size_t before = open_descriptor_count();

    leat_loop *loop = loop_make();
    cr_assert_eq(open_descriptor_count(), before + 3);
    cr_assert_geq(leat_loop_get_fd(loop), 0);
    leat_loop_free(loop);
    cr_assert_eq(open_descriptor_count(), before);
    leat_loop_free(NULL);
}

static bool attempt_new(void)
{
    leat_loop *loop = NULL;
    int result = leat_loop_new(&loop);

    cr_assert_eq(loop != NULL, result == 0);
    cr_assert(result == 0 || result == LEAT_E_SYSTEM_INTERNAL);
    leat_loop_free(loop);
    return result == 0;
}

Test(loop, every_allocation_of_new_can_fail, .timeout = 10)
{
    size_t before = open_descriptor_count();

    cr_assert_eq(alloc_failure_run_all(attempt_new), 2);
    cr_assert_eq(open_descriptor_count(), before);
}

Test(loop, no_descriptors_left, .timeout = 10)
{
    size_t before = open_descriptor_count();

    for (size_t more = 0; more <= 3; more++) {
        leat_loop *loop = NULL;
        struct rlimit limit;
        int next = dup(0);
        cr_assert(next >= 0 && close(next) == 0);
        cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
        rlim_t old = limit.rlim_cur;
        limit.rlim_cur = (rlim_t)next + more;
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        int result = leat_loop_new(&loop);
        limit.rlim_cur = old;
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        cr_assert_eq(result, more == 3 ? 0 : LEAT_E_SOCKET_BASE + EMFILE);
        leat_loop_free(loop);
        cr_assert_eq(open_descriptor_count(), before);
    }
}

Test(loop, wrong_arguments, .timeout = 10)
{
    leat_loop *loop = loop_make();
    leat_timer *timer;

    cr_assert_eq(leat_loop_new(NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_loop_dispatch(NULL, 0), LEAT_E_PARAMETER);
    cr_assert_eq(leat_loop_dispatch(loop, -2), LEAT_E_PARAMETER);
    cr_assert_eq(leat_loop_run(NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_loop_post(loop, NULL, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_timer_new(loop, NULL, NULL, &timer), LEAT_E_PARAMETER);
    leat_loop_free(loop);
}

Test(loop, nothing_to_do_is_not_readable, .timeout = 10)
{
    leat_loop *loop = loop_make();

    cr_assert_not(loop_is_readable(loop, 0));
    cr_assert_eq(leat_loop_dispatch(loop, 0), 0);
    cr_assert_eq(leat_loop_dispatch(loop, 1), 0);
    leat_loop_free(loop);
}

static void nest(leat_loop *loop, void *user)
{
    int *calls = user;

    ++*calls;
    cr_assert_eq(leat_loop_dispatch(loop, 0), LEAT_E_PARAMETER);
    cr_assert_eq(leat_loop_run(loop), LEAT_E_PARAMETER);
}

Test(loop, nested_dispatch_is_refused, .timeout = 10)
{
    leat_loop *loop = loop_make();
    int calls = 0;

    cr_assert_eq(leat_loop_post(loop, nest, &calls), 0);
    loop_turn(loop);
    cr_assert_eq(calls, 1);
    loop_turn(loop);
    leat_loop_free(loop);
}

static leat_loop *signal_loop;
static volatile bool errno_was_kept;

static void on_signal(int number)
{
    int before = errno;
    (void)number;
    errno = 77;
    leat_loop_stop(signal_loop);
    errno_was_kept = errno == 77;
    errno = before;
}

Test(loop, stop_from_a_signal_handler, .timeout = 10)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval soon = {.it_value.tv_usec = 20000};

    signal_loop = loop_make();
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
    cr_assert_eq(leat_loop_run(signal_loop), 0);
    cr_assert(errno_was_kept);
    leat_loop_free(signal_loop);
}

static void stop_and_count(leat_loop *loop, void *user)
{
    int *calls = user;

    ++*calls;
    leat_loop_stop(loop);
}

Test(loop, stop_ends_the_run_that_it_is_in_and_only_that, .timeout = 10)
{
    leat_loop *loop = loop_make();
    int calls = 0;

    for (int i = 1; i <= 3; i++) {
        cr_assert_eq(leat_loop_post(loop, stop_and_count, &calls), 0);
        cr_assert_eq(leat_loop_run(loop), 0);
        cr_assert_eq(calls, i);
    }
    leat_loop_free(loop);
}

Test(loop, stop_before_run_ends_the_next_one, .timeout = 10)
{
    leat_loop *loop = loop_make();

    leat_loop_stop(loop);
    cr_assert_eq(leat_loop_run(loop), 0);
    leat_loop_stop(loop);
    /* A round in between sees the wake-up, but it is not what was to be stopped. */
    loop_turn(loop);
    cr_assert_eq(leat_loop_run(loop), 0);
    leat_loop_free(loop);
}

static void attachment_destroy(void *object)
{
    journal_add(object, 'd');
}

Test(loop, attachments_live_as_long_as_the_loop, .timeout = 10)
{
    static const char key_a, key_b;
    leat_loop *loop = loop_make();
    struct journal journal = {0};

    cr_assert_null(leati_loop_attachment_get(loop, &key_a));
    cr_assert_eq(leati_loop_attachment_set(loop, &key_a, &journal, attachment_destroy), 0);
    cr_assert_eq(leati_loop_attachment_get(loop, &key_a), &journal);
    cr_assert_null(leati_loop_attachment_get(loop, &key_b));
    alloc_failure_countdown = 1;
    leati_alloc_fail_hook = alloc_failure_hook;
    cr_assert_eq(leati_loop_attachment_set(loop, &key_b, &journal, attachment_destroy),
                 LEAT_E_SYSTEM_INTERNAL);
    leati_alloc_fail_hook = NULL;
    cr_assert_str_eq(journal.text, "");
    leat_loop_free(loop);
    cr_assert_str_eq(journal.text, "d");
}

Test(loop, lends_a_buffer_and_chunks, .timeout = 10)
{
    leat_loop *loop = loop_make();
    struct leati_byte_queue q;

    memset(leati_loop_scratch(loop), 1, LEATI_SCRATCH_BYTES);
    leati_byte_queue_init(&q, leati_loop_chunk_pool(loop));
    cr_assert(leati_byte_queue_append(&q, "x", 1));
    leati_byte_queue_clear(&q);
    cr_assert_eq(leati_loop_chunk_pool(loop)->count, 1);
    leat_loop_free(loop);
}
