/* SPDX-License-Identifier: Apache-2.0 */
/** @file A child process that says by its exit status whether all was well. */
#ifndef LEAT_TESTS_FORK_CHILD_H
#define LEAT_TESTS_FORK_CHILD_H

#include "support/patience.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/** How long a child may take. */
#define CHILD_TIMEOUT_MS PATIENCE_MS(10000)

/** In a child: ends it unless the condition holds. Criterion's assertions are of its parent. */
#define CHILD_CHECK(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "child: %s:%d: %s\n", __FILE__, __LINE__, #condition);                 \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/** Waits for a child. One that hangs is killed, and fails the test as one does that fails. */
static inline void child_wait(pid_t child)
{
    int status = -1;
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
    cr_assert(ended.fd >= 0);
    bool hangs = poll(&ended, 1, CHILD_TIMEOUT_MS) != 1;
    if (hangs)
        kill(child, SIGKILL);
    cr_assert(waitpid(child, &status, 0) == child);
    close(ended.fd);
    cr_assert(!hangs, "the child hangs");
    cr_assert(status == 0, "status %x", (unsigned)status);
}

/** Runs `fn` in a child and waits for its end. */
static inline void child_run(void (*fn)(void *user), void *user)
{
    fflush(NULL);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        fn(user);
        _exit(0);
    }
    child_wait(child);
}

#endif
