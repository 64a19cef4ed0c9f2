/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * System calls that fail when a test says so. The test program is linked with `--wrap` for each of
 * them, so that the library's own calls come here. Only calls of the thread that has armed the shim
 * are touched: the peers of the test run in others.
 */
#ifndef LEAT_TESTS_FAULT_SYSCALL_SHIM_H
#define LEAT_TESTS_FAULT_SYSCALL_SHIM_H

#include <stdbool.h>

enum shim_call {
    SHIM_NONE,
    SHIM_SOCKET,
    SHIM_SETSOCKOPT,
    SHIM_BIND,
    SHIM_LISTEN,
    SHIM_GETSOCKNAME,
    SHIM_CONNECT,
    SHIM_SO_ERROR, /**< how a connect that was under way has ended: getsockopt(2) tells */
    SHIM_SENDMSG,
    SHIM_RECV,
    SHIM_EPOLL_CTL,
    SHIM_EPOLL_WAIT,
    SHIM_GETRANDOM,
    SHIM_ALLOCATION, /**< not a system call, but it can be made to fail just so; no errno */
};

struct shim_fault {
    enum shim_call call;
    int sys_errno;
    unsigned skip; /**< how many calls go well before */
    bool once; /**< one call fails and the later ones go well again; otherwise all of them fail */
};

/** From now on, in this thread. `fault` is copied; NULL = no fault. */
void shim_arm(const struct shim_fault *fault);

/** How many calls have failed since. */
unsigned shim_hits(void);

#endif
