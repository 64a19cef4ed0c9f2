/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the tests of links share. */
#ifndef LEAT_TESTS_LINKS_COMMON_H
#define LEAT_TESTS_LINKS_COMMON_H

#include "integration/common.h"
#include "support/raw_socket.h"
#include "support/server_run.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LINKS_SUITE(name) TestSuite(name, .fini = sandbox_done, .timeout = 60)

static inline uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/** Stands still until a moment is over. */
static inline void clock_pass(uint64_t at_ms)
{
    for (uint64_t now_ms; (now_ms = clock_ms()) <= at_ms;)
        (void)poll(NULL, 0, (int)(at_ms + 1 - now_ms));
}

/** The connection was lost without a Close frame. */
static inline void lost_expect(const struct leat_close_event *close, int code, int sys_errno)
{
    cr_expect(close->error.code == code, "%d instead of %d: %s", close->error.code, code,
              close->error.text);
    cr_expect(close->error.sys_errno == sys_errno, "errno %d: %s", close->error.sys_errno,
              close->error.text);
    cr_expect(close->close_code == 1006, "%u", close->close_code);
    cr_expect(close->closed_by == LEAT_CLOSED_BY_NOBODY, "%d", close->closed_by);
    cr_expect(close->error.text[0] != '\0');
}

#endif
