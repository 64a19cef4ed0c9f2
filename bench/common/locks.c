/* SPDX-License-Identifier: Apache-2.0 */
#include "locks.h"

#include <dlfcn.h>
#include <stdio.h>

static void (*counter(void))(uint64_t *ret_taken, uint64_t *ret_contended)
{
    void *found = dlsym(RTLD_DEFAULT, "bench_locks_count");
    void (*fn)(uint64_t *, uint64_t *);

    /* ISO C does not let one cast between the two. */
    *(void **)&fn = found;
    return fn;
}

struct bench_locks bench_locks_of_process(void)
{
    void (*count)(uint64_t *, uint64_t *) = counter();
    struct bench_locks locks = {0};

    if (count)
        count(&locks.taken, &locks.contended);
    return locks;
}

void bench_locks_report(const struct bench_locks *start, uint64_t messages)
{
    struct bench_locks now = bench_locks_of_process();

    if (counter())
        printf("locks_per_message=%.5f contended_per_message=%.6f\n",
               (double)(now.taken - start->taken) / (double)messages,
               (double)(now.contended - start->contended) / (double)messages);
}
