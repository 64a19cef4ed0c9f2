/* SPDX-License-Identifier: Apache-2.0 */
/** @file What all tests of the loop need. */
#ifndef TESTS_UNIT_LOOP_FIXTURE_H
#define TESTS_UNIT_LOOP_FIXTURE_H

#include "loop/loop.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static inline leat_loop *loop_make(void)
{
    leat_loop *loop = NULL;

    cr_assert_eq(leat_loop_new(&loop), 0);
    return loop;
}

/** Whether the loop's descriptor becomes readable within the time. */
static inline bool loop_is_readable(leat_loop *loop, int timeout_ms)
{
    struct pollfd fd = {.fd = leat_loop_get_fd(loop), .events = POLLIN};

    return poll(&fd, 1, timeout_ms) == 1;
}

/** One round that must not wait. */
static inline void loop_turn(leat_loop *loop)
{
    cr_assert_eq(leat_loop_dispatch(loop, 0), 0);
}

/** What has run, in order, one letter each. */
struct journal {
    char text[256];
    size_t len;
};

static inline void journal_add(struct journal *journal, char c)
{
    cr_assert_lt(journal->len, sizeof(journal->text) - 1);
    journal->text[journal->len++] = c;
    journal->text[journal->len] = '\0';
}

#endif
