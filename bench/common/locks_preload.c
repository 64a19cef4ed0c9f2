/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_locks.so, for LD_PRELOAD: counts the locks of a process, of its libraries too, and of these the ones that had to
 * be waited for: each is first tried. Those inside of the C library (malloc's arenas) are not seen.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

void bench_locks_count(uint64_t *ret_taken, uint64_t *ret_contended);

static atomic_uint_fast64_t taken, contended;

static void count(int tried)
{
    atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
    if (tried != 0)
        atomic_fetch_add_explicit(&contended, 1, memory_order_relaxed);
}

static void *next_of(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static int (*next)(pthread_mutex_t *);
    int tried = pthread_mutex_trylock(mutex);

    count(tried);
    if (tried == 0)
        return 0;
    if (!next)
        *(void **)&next = next_of("pthread_mutex_lock");
    return next(mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    static int (*next)(pthread_rwlock_t *);
    int tried = pthread_rwlock_tryrdlock(lock);

    count(tried);
    if (tried == 0)
        return 0;
    if (!next)
        *(void **)&next = next_of("pthread_rwlock_rdlock");
    return next(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    static int (*next)(pthread_rwlock_t *);
    int tried = pthread_rwlock_trywrlock(lock);

    count(tried);
    if (tried == 0)
        return 0;
    if (!next)
        *(void **)&next = next_of("pthread_rwlock_wrlock");
    return next(lock);
}

void bench_locks_count(uint64_t *ret_taken, uint64_t *ret_contended)
{
    *ret_taken = atomic_load(&taken);
    *ret_contended = atomic_load(&contended);
}
