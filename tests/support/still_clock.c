/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of libc that tell the time and wait for it are defined here, in the program, so
 * that the library calls these; they lead to those of libc unless the clock of the thread stands
 * still. */
#include "support/still_clock.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

/* How long it must be quiet, looked at every so often: packets have a way to go even on loopback.
 */
#define LOOK_EVERY_MS 5
#define QUIET_LOOKS   10
#define TIMERS_MAX    8

struct timer {
    int fd;
    int64_t at_ns; /* 0 = not set */
};

static _Thread_local bool is_still;
static _Thread_local int64_t now_ns;
static _Thread_local struct timer timers[TIMERS_MAX];

static int (*libc_clock_gettime)(clockid_t, struct timespec *);
static int (*libc_timerfd_settime)(int, int, const struct itimerspec *, struct itimerspec *);
static int (*libc_epoll_wait)(int, struct epoll_event *, int, int);

/* Others than constructors of libraries do not call them before. */
__attribute__((constructor)) static void libc_find(void)
{
    *(void **)&libc_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    *(void **)&libc_timerfd_settime = dlsym(RTLD_NEXT, "timerfd_settime");
    *(void **)&libc_epoll_wait = dlsym(RTLD_NEXT, "epoll_wait");
    if (!libc_clock_gettime || !libc_timerfd_settime || !libc_epoll_wait)
        abort();
}

static int64_t ns_of(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

void still_clock_start(void)
{
    struct timespec now;
    libc_clock_gettime(CLOCK_MONOTONIC, &now);
    now_ns = ns_of(&now);
    memset(timers, 0, sizeof(timers));
    is_still = true;
}

void still_clock_stop(void)
{
    is_still = false;
}

PUBLIC int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    if (!libc_clock_gettime)
        libc_find();
    if (!is_still || clock != CLOCK_MONOTONIC)
        return libc_clock_gettime(clock, ret_time);
    *ret_time = (struct timespec){.tv_sec = (time_t)(now_ns / 1000000000),
                                  .tv_nsec = (long)(now_ns % 1000000000)};
    return 0;
}

/* Fires at once, or not before that is called again. */
static void timer_set(int fd, bool is_due)
{
    const struct itimerspec spec = {.it_value = {.tv_nsec = is_due ? 1 : 0}};
    libc_timerfd_settime(fd, 0, &spec, NULL);
}

PUBLIC int timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old)
{
    if (!is_still || flags != TFD_TIMER_ABSTIME)
        return libc_timerfd_settime(fd, flags, spec, old);
    struct timer *timer = timers;
    while (timer->fd != fd && timer->at_ns != 0) {
        if (++timer == timers + TIMERS_MAX)
            abort();
    }
    *timer = (struct timer){fd, ns_of(&spec->it_value)};
    timer_set(fd, timer->at_ns <= now_ns);
    return 0;
}

/* To the first of them, if it comes before `limit_ns`. @return whether there was one. */
static bool clock_jump(int64_t limit_ns)
{
    struct timer *first = NULL;
    for (struct timer *timer = timers; timer < timers + TIMERS_MAX; ++timer) {
        if (timer->at_ns > now_ns && (!first || timer->at_ns < first->at_ns))
            first = timer;
    }
    if (!first || first->at_ns > limit_ns)
        return false;
    now_ns = first->at_ns;
    for (struct timer *timer = timers; timer < timers + TIMERS_MAX; ++timer) {
        if (timer->at_ns == now_ns)
            timer_set(timer->fd, true);
    }
    return true;
}

static bool task_runs(const char *id)
{
    char path[300];
    char line[512];
    snprintf(path, sizeof(path), "/proc/self/task/%s/stat", id);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const char *state = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
    bool sleeps = state && strchr("SZX", state[2]);
    fclose(file);
    return !sleeps;
}

/* Whether another thread runs or could. */
static bool others_run(void)
{
    bool run = false;
    char self[32];
    snprintf(self, sizeof(self), "%d", (int)gettid());
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        run = run || (task->d_name[0] != '.' && strcmp(task->d_name, self) != 0 &&
                      task_runs(task->d_name));
    }
    closedir(tasks);
    return run;
}

PUBLIC int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
    if (!is_still || timeout_ms == 0)
        return libc_epoll_wait(fd, events, max, timeout_ms);
    int64_t limit_ns = timeout_ms < 0 ? INT64_MAX : now_ns + (int64_t)timeout_ms * 1000000;
    for (int looks = 0;;) {
        int count = libc_epoll_wait(fd, events, max, LOOK_EVERY_MS);
        if (count != 0)
            return count;
        looks = others_run() ? 0 : looks + 1;
        if (looks == QUIET_LOOKS) {
            looks = 0;
            if (!clock_jump(limit_ns) && timeout_ms > 0) {
                now_ns = limit_ns;
                return 0;
            }
        }
    }
}
