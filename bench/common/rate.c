/* SPDX-License-Identifier: Apache-2.0 */
#include "rate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* One that is so far behind does not keep up: the rest would take for ever. */
#define BEHIND_LIMIT_NS (10u * 1000000000ull)

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
                             .tv_nsec = (long)(ns % 1000000000u)};
}

void bench_rate_start(struct bench_rate *rate, const struct bench_work *work)
{
    *rate = (struct bench_rate){
        .fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
        .start_ns = now_ns() + 1000000u,
        .step_ns = 1000000000u / work->rate,
        .total = work->count,
        .latencies_ns = calloc(work->count, sizeof(uint64_t)),
    };
    struct itimerspec when = {.it_value = timespec_of(rate->start_ns),
                              .it_interval = timespec_of(rate->step_ns)};

    if (rate->fd < 0 || !rate->latencies_ns ||
        timerfd_settime(rate->fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
        bench_fail("timer: %s", strerror(errno));
}

uint64_t bench_rate_due(struct bench_rate *rate)
{
    static const struct itimerspec never;
    uint64_t expirations;
    uint64_t now = now_ns();
    uint64_t due = now < rate->start_ns ? 0 : (now - rate->start_ns) / rate->step_ns + 1;

    if (read(rate->fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
        bench_fail("timer: %s", strerror(errno));
    if (due > rate->total)
        due = rate->total;
    uint64_t more = due - rate->sent;
    rate->sent = due;
    if (due == rate->total)
        (void)timerfd_settime(rate->fd, 0, &never, NULL);
    return more;
}

bool bench_rate_answered(struct bench_rate *rate)
{
    uint64_t due_ns = rate->start_ns + rate->received * rate->step_ns;
    uint64_t late_ns = now_ns() - due_ns;

    if (rate->received == rate->sent)
        bench_fail("an answer to nothing");
    if (late_ns > BEHIND_LIMIT_NS)
        bench_fail("does not keep up: 10 s behind");
    rate->latencies_ns[rate->received++] = late_ns;
    return rate->received == rate->total;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

void bench_rate_report(struct bench_rate *rate)
{
    uint64_t skipped = rate->total / 20;
    uint64_t *counted = rate->latencies_ns + skipped;
    uint64_t n = rate->total - skipped;

    qsort(counted, n, sizeof(*counted), compare);
    printf(" bulk_per_message=%.3f", (double)rate->bulk / (double)rate->total);
    printf(" p50_us=%.1f p99_us=%.1f p999_us=%.1f max_us=%.1f", (double)counted[n / 2] / 1e3,
           (double)counted[n * 99 / 100] / 1e3, (double)counted[n * 999 / 1000] / 1e3,
           (double)counted[n - 1] / 1e3);
    close(rate->fd);
    free(rate->latencies_ns);
}
