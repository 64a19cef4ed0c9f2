/* SPDX-License-Identifier: Apache-2.0 */
/* Part of every test program: Criterion's timeouts are scaled as all others are
 * (cmake/LeatHelpers.cmake), and a test that was left out says so, which script/test collects. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdio.h>

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
    FOREACH_SET(struct criterion_suite_set * suite, set->suites)
    {
        if (suite->suite.data)
            suite->suite.data->timeout *= LEAT_TEST_PATIENCE;
        FOREACH_SET(struct criterion_test * test, suite->tests)
        {
            test->data->timeout *= LEAT_TEST_PATIENCE;
        }
    }
}

ReportHook(POST_TEST)(struct criterion_test_stats *stats)
{
    if (stats->test_status == CR_STATUS_SKIPPED) {
        printf("left out: %s/%s: %s\n", stats->test->category, stats->test->name,
               stats->message ? stats->message : "it does not say why");
        fflush(stdout);
    }
}
