/* SPDX-License-Identifier: Apache-2.0 */
/** @file What came of a case. */
#ifndef LEATI_TESTING_CONFORMANCE_FINDING_H
#define LEATI_TESTING_CONFORMANCE_FINDING_H

#include <leat/testing_conformance.h>

struct leati_finding {
    enum leat_testing_verdict verdict;
    char seen[240];
};

/** Writes both. @return the finding. */
struct leati_finding *leati_find(struct leati_finding *finding, enum leat_testing_verdict verdict,
                                 const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
