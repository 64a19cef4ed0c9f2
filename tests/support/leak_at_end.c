/* SPDX-License-Identifier: Apache-2.0 */
/* Part of every test program in a build with AddressSanitizer: what a test lost fails it, in spite
 * of Criterion, which does not look at how the process of a test ends and whose runner loses a
 * little memory of its own. */
#include <stdlib.h>

int __lsan_do_recoverable_leak_check(void);
__attribute__((visibility("default"))) const char *__lsan_default_options(void);
void __real_criterion_internal_test_teardown(void);
void __wrap_criterion_internal_test_teardown(void);

const char *__lsan_default_options(void)
{
    return "leak_check_at_exit=0"; /* in this program only, not in those that it starts */
}

/* The last thing that Criterion does in the process of a test, after `.fini`. */
void __wrap_criterion_internal_test_teardown(void)
{
    __real_criterion_internal_test_teardown();
    if (__lsan_do_recoverable_leak_check() != 0)
        abort();
}
