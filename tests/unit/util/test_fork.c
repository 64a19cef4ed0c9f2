/* SPDX-License-Identifier: Apache-2.0 */
#include "util/fork.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(fork, .timeout = 10);

/* How long a fork has time to come too early. */
#define EARLY_MS 50

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool held, let, forks;

static void *holder_main(void *user)
{
    bool locks = *(bool *)user;

    locks ? leati_lock(&mutex) : leati_fork_hold();
    leati_fork_hold();
    held = true;
    while (!forks)
        sched_yield();
    (void)poll(NULL, 0, EARLY_MS);
    leati_fork_let();
    let = true;
    locks ? leati_unlock(&mutex) : leati_fork_let();
    return NULL;
}

static int child_status(pid_t child)
{
    int status = -1;

    cr_assert_gt(child, 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

static void expect_fork_waits(bool locks)
{
    pthread_t thread;
    unsigned count = leati_fork_count();

    held = let = forks = false;
    cr_assert_eq(pthread_create(&thread, NULL, holder_main, &locks), 0);
    while (!held)
        sched_yield();
    forks = true;
    pid_t child = fork();
    if (child == 0) {
        bool is_free = let && pthread_mutex_trylock(&mutex) == 0;
        _exit(is_free && leati_fork_count() == count + 1 ? 0 : 1);
    }
    cr_expect_eq(child_status(child), 0, "the child was made while a thread held");
    cr_expect_eq(leati_fork_count(), count, "the parent is the same process");
    cr_assert_eq(pthread_join(thread, NULL), 0);
}

Test(fork, waits_for_whom_holds)
{
    expect_fork_waits(false);
}

Test(fork, waits_for_whom_has_locked)
{
    expect_fork_waits(true);
}

/* As in a callback that should not be: it survives in the child with what it holds. */
Test(fork, by_the_thread_that_holds)
{
    leati_lock(&mutex);
    pid_t child = fork();
    if (child == 0) {
        leati_unlock(&mutex);
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(leati_fork_count() == 2 ? 0 : 1);
        _exit(child_status(grandchild));
    }
    cr_expect_eq(child_status(child), 0);
    leati_unlock(&mutex);
}

static void *worker_main(void *user)
{
    atomic_bool *stop = user;

    while (!*stop) {
        leati_lock(&mutex);
        leati_unlock(&mutex);
        sched_yield();
    }
    return NULL;
}

/* More threads than counters, and forks by two of them at a time. */
static void *forker_main(void *user)
{
    (void)user;
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(pthread_mutex_trylock(&mutex) == 0 ? 0 : 1);
        cr_assert_eq(child_status(child), 0);
    }
    return NULL;
}

Test(fork, among_many_threads)
{
    enum { WORKERS = 80 };
    pthread_t workers[WORKERS], forker;
    atomic_bool stop = false;

    for (int i = 0; i < WORKERS; i++)
        cr_assert_eq(pthread_create(&workers[i], NULL, worker_main, &stop), 0);
    cr_assert_eq(pthread_create(&forker, NULL, forker_main, NULL), 0);
    forker_main(NULL);
    cr_assert_eq(pthread_join(forker, NULL), 0);
    stop = true;
    for (int i = 0; i < WORKERS; i++)
        cr_assert_eq(pthread_join(workers[i], NULL), 0);
}

/* Handlers of others may call us, before and behind ours. */
static pthread_mutex_t handler_mutex = PTHREAD_MUTEX_INITIALIZER;

static void handler_calls(void)
{
    leati_lock(&handler_mutex);
    leati_unlock(&handler_mutex);
}

Test(fork, called_by_other_handlers)
{
    cr_assert_eq(pthread_atfork(handler_calls, handler_calls, handler_calls), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(pthread_mutex_trylock(&handler_mutex) == 0 ? 0 : 1);
    cr_expect_eq(child_status(child), 0);
    cr_expect_eq(pthread_mutex_trylock(&handler_mutex), 0);
    pthread_mutex_unlock(&handler_mutex);
}
