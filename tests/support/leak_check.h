/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Lost memory fails the program that lost it. Only in a build with AddressSanitizer; Criterion's
 * workers end without the check that the sanitizer makes at exit.
 */
#ifndef TESTS_SUPPORT_LEAK_CHECK_H
#define TESTS_SUPPORT_LEAK_CHECK_H

#include <stdlib.h>

extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/** At the end of a test, or as `.fini`. An assertion would not do: Criterion does not count those
 * of a `.fini`. */
static inline void leak_check(void)
{
    if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() != 0)
        abort();
}

#endif
