/* SPDX-License-Identifier: Apache-2.0 */
/** @file What came of a case. */
#ifndef LEATI_TESTING_CONFORMANCE_FINDING_H
#define LEATI_TESTING_CONFORMANCE_FINDING_H

#include <leat/testing_conformance.h>
#include <stdbool.h>

/* The verdicts, as the files of this folder write them. */
#define NOT_RUN       LEAT_TESTING_VERDICT_NOT_RUN
#define PASS          LEAT_TESTING_VERDICT_PASS
#define INFORMATIONAL LEAT_TESTING_VERDICT_INFORMATIONAL
#define NON_STRICT    LEAT_TESTING_VERDICT_NON_STRICT
#define FAIL          LEAT_TESTING_VERDICT_FAIL

struct leati_finding {
    enum leat_testing_verdict verdict;
    char seen[240];
};

/** Writes both. @return false, for `return`. */
bool leati_find(struct leati_finding *finding, enum leat_testing_verdict verdict,
                const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
