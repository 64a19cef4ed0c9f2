/* SPDX-License-Identifier: Apache-2.0 */
#include <leat/loop_threads.h>

#include "util/alloc.h"

#include <leat/error_codes.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#define MAX_THREADS 1024u

struct loop_thread {
    struct leat_loop_threads *all;
    pthread_t thread;
    unsigned index;
    leat_loop *loop;
    void *object;
    int code;        /* of begin */
    bool is_started; /* there is something to be joined */
};

struct leat_loop_threads {
    unsigned count;
    leat_loop_begin_fn begin;
    leat_loop_end_fn end;
    void *user;
    sem_t begun; /* posted by each thread when it has */
    sem_t go;    /* posted for each thread when all have */
    int code;    /* the first that is not LEAT_OK; before `go` */
    struct loop_thread threads[];
};

static void semaphore_wait(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0 && errno == EINTR)
        ;
}

static void *thread_run(void *argument)
{
    struct loop_thread *thread = argument;
    struct leat_loop_threads *all = thread->all;
    thread->code = all->begin(thread->loop, thread->index, all->user, &thread->object);
    sem_post(&all->begun);
    semaphore_wait(&all->go);
    /* Only epoll itself could fail, and nobody is there to be told: the thread waits for the end. */
    int ran = all->code == LEAT_OK ? leat_loop_run(thread->loop) : LEAT_OK;
    (void)ran;
    if (thread->code == LEAT_OK)
        all->end(thread->loop, thread->index, thread->object, all->user);
    return NULL;
}

static int threads_start(struct leat_loop_threads *all)
{
    unsigned started = 0;
    for (; started < all->count && all->code == LEAT_OK; started += all->code == LEAT_OK) {
        struct loop_thread *thread = &all->threads[started];
        thread->all = all;
        thread->index = started;
        all->code = leat_loop_new(&thread->loop);
        if (all->code == LEAT_OK && pthread_create(&thread->thread, NULL, thread_run, thread) != 0)
            all->code = LEAT_E_SYSTEM_INTERNAL;
        thread->is_started = all->code == LEAT_OK;
    }
    for (unsigned i = 0; i < started; i++)
        semaphore_wait(&all->begun);
    for (unsigned i = 0; i < started && all->code == LEAT_OK; i++)
        all->code = all->threads[i].code;
    for (unsigned i = 0; i < started; i++)
        sem_post(&all->go);
    return all->code;
}

int leat_loop_threads_new(unsigned count, leat_loop_begin_fn begin, leat_loop_end_fn end,
                          void *user, leat_loop_threads **ret_threads)
{
    if (count == 0 || count > MAX_THREADS || !begin || !end || !ret_threads)
        return LEAT_E_PARAMETER;
    struct leat_loop_threads *all = leati_calloc(1, sizeof(*all) + count * sizeof(all->threads[0]));
    if (!all)
        return LEAT_E_SYSTEM_INTERNAL;
    all->count = count;
    all->begin = begin;
    all->end = end;
    all->user = user;
    (void)sem_init(&all->begun, 0, 0);
    (void)sem_init(&all->go, 0, 0);
    int code = threads_start(all);
    if (code == LEAT_OK)
        *ret_threads = all;
    else
        leat_loop_threads_free(all);
    return code;
}

leat_loop *leat_loop_threads_get_loop(const leat_loop_threads *threads, unsigned index)
{
    return threads && index < threads->count ? threads->threads[index].loop : NULL;
}

void leat_loop_threads_free(leat_loop_threads *threads)
{
    if (!threads)
        return;
    for (unsigned i = 0; i < threads->count; i++) {
        struct loop_thread *thread = &threads->threads[i];
        if (thread->is_started) {
            leat_loop_stop(thread->loop);
            pthread_join(thread->thread, NULL);
        }
        leat_loop_free(thread->loop);
    }
    sem_destroy(&threads->begun);
    sem_destroy(&threads->go);
    leati_free(threads);
}
