/* SPDX-License-Identifier: Apache-2.0 */
/* The text language of faults: whatever is accepted is within the limits, and whatever is refused
 * says where. */
#include "fuzz/fuzz.h"

#include <leat/testing.h>

static void fault_check(const struct leat_testing_fault *fault)
{
    FUZZ_MUST(fault->step <= LEAT_TESTING_STEP_QUERY && fault->step != LEAT_TESTING_STEP_END);
    FUZZ_MUST(fault->action <= LEAT_TESTING_ACTION_RESET);
    FUZZ_MUST(fault->first_connection <= fault->last_connection || fault->last_connection == 0);
    FUZZ_MUST(fault->gap_ms <= LEAT_TESTING_TIME_MS_MAX);
    FUZZ_MUST(fault->action != LEAT_TESTING_ACTION_DELAY ||
              fault->number <= LEAT_TESTING_TIME_MS_MAX);
    FUZZ_MUST((fault->action == LEAT_TESTING_ACTION_BYTES) == (fault->data != NULL));
}

static void accepted_check(const struct leat_testing_fault *faults, size_t count)
{
    size_t bytes = 0;
    unsigned sum = 0;
    FUZZ_MUST((!faults) == (count == 0) && count <= LEAT_TESTING_FAULTS_MAX);
    for (size_t i = 0; i < count; ++i) {
        fault_check(&faults[i]);
        bytes += faults[i].len;
        for (size_t n = 0; n < faults[i].len; ++n) {
            sum += ((const uint8_t *)faults[i].data)[n]; /* all of them can be read */
        }
    }
    FUZZ_MUST(bytes <= LEAT_TESTING_FAULT_BYTES_MAX && sum <= bytes * 255);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct leat_testing_fault *faults = NULL;
    struct leat_testing_problem problem = {0};
    size_t count = 0;
    char *text = fuzz_copy(input, true);

    int code = leat_testing_faults_parse(text, &faults, &count, &problem);
    if (code == LEAT_OK) {
        accepted_check(faults, count);
    } else {
        FUZZ_MUST(code == LEAT_E_PARAMETER && !faults && count == 0);
        FUZZ_MUST(problem.position <= strlen(text));
        FUZZ_MUST(problem.text[0] != '\0' && fuzz_is_printable(problem.text));
    }
    leat_testing_faults_free(faults);
    free(text);
    return 0;
}
