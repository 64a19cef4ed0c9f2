/* SPDX-License-Identifier: Apache-2.0 */
#include "meter.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t timeval_ns(const struct timeval *tv)
{
    return (uint64_t)tv->tv_sec * 1000000000u + (uint64_t)tv->tv_usec * 1000u;
}

struct bench_meter bench_meter_now(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (struct bench_meter){
        .wall_ns = clock_ns(CLOCK_MONOTONIC),
        .cpu_ns = timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime),
    };
}

struct bench_meter bench_meter_since(const struct bench_meter *start)
{
    struct bench_meter now = bench_meter_now();

    return (struct bench_meter){now.wall_ns - start->wall_ns, now.cpu_ns - start->cpu_ns};
}

struct bench_meter bench_meter_since_exec(const struct bench_meter *main_start)
{
    struct bench_meter now = bench_meter_now();

    return (struct bench_meter){now.wall_ns - main_start->wall_ns, now.cpu_ns};
}

/* The value in bytes of "NAME:  n kB" in a file below /proc, 0 without it. */
static uint64_t proc_value(const char *path, const char *format)
{
    char line[256];
    uint64_t kib = 0;
    FILE *file = fopen(path, "re");

    if (!file)
        return 0;
    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, format, &kib) == 1)
            break;
    }
    fclose(file);
    return kib * 1024;
}

struct bench_memory bench_memory_now(void)
{
    struct mallinfo2 info = mallinfo2();

    return (struct bench_memory){
        .heap_bytes = info.uordblks + info.hblkhd,
        .resident_bytes = proc_value("/proc/self/smaps_rollup", "Rss: %" SCNu64),
    };
}

struct bench_memory bench_memory_since(const struct bench_memory *start)
{
    struct bench_memory now = bench_memory_now();

    return (struct bench_memory){
        .heap_bytes = now.heap_bytes - start->heap_bytes,
        .resident_bytes = now.resident_bytes > start->resident_bytes
                              ? now.resident_bytes - start->resident_bytes
                              : 0,
    };
}

static double per(uint64_t ns, uint64_t count)
{
    return count != 0 ? (double)ns / 1000.0 / (double)count : 0.0;
}

static void report_idle(const struct bench_work *work, const struct bench_result *result)
{
    printf(" heap_per_connection=%.0f resident_per_connection=%.0f connect_us=%.3f"
           " connect_cpu_us=%.3f echo_one_cpu_us=%.3f echo_spread_cpu_us=%.3f",
           (double)result->grown.heap_bytes / work->connections,
           (double)result->grown.resident_bytes / work->connections,
           per(result->connecting.wall_ns, work->connections),
           per(result->connecting.cpu_ns, work->connections),
           per(result->echo_one.cpu_ns, work->count), per(result->echo_spread.cpu_ns, work->count));
}

static struct bench_meter echo_measure(void (*echo_all)(unsigned connections, void *user),
                                       unsigned connections, void *user)
{
    struct bench_meter start = bench_meter_now();

    echo_all(connections, user);
    return bench_meter_since(&start);
}

void bench_idle_run(const struct bench_work *work, struct bench_result *result,
                    void (*open_one)(unsigned index, void *user),
                    void (*echo_all)(unsigned connections, void *user), void *user)
{
    struct bench_memory before = bench_memory_now();
    struct bench_meter start = bench_meter_now();

    for (unsigned i = 0; i < work->connections; i++)
        open_one(i, user);
    result->connecting = bench_meter_since(&start);
    result->grown = bench_memory_since(&before);
    result->echo_one = echo_measure(echo_all, 1, user);
    result->echo_spread = echo_measure(echo_all, work->connections, user);
    result->spent = result->connecting;
    result->messages = work->connections;
}

void bench_report(const struct bench_work *work, const struct bench_result *result)
{
    double wall_s = (double)result->spent.wall_ns / 1e9;
    /* Of the address space, unlike ru_maxrss, which remembers the process that this one was. */
    uint64_t peak = proc_value("/proc/self/status", "VmHWM: %" SCNu64);

    printf("client=%s version=%s wall_s=%.6f cpu_s=%.6f messages=%" PRIu64
           " cpu_us_per_message=%.4f"
           " messages_per_s=%.1f mb_per_s=%.2f peak_kib=%" PRIu64,
           result->client, result->version, wall_s, (double)result->spent.cpu_ns / 1e9,
           result->messages, per(result->spent.cpu_ns, result->messages),
           (double)result->messages / wall_s, (double)result->bytes / 1e6 / wall_s, peak / 1024);
    if (work->kind == BENCH_IDLE)
        report_idle(work, result);
    if (result->rate)
        bench_rate_report(result->rate);
    putchar('\n');
    fflush(stdout);
}

size_t bench_raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_max;
}
