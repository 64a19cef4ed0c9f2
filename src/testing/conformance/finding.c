/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/conformance/finding.h"

#include "util/readable.h"

#include <stdarg.h>

bool leati_find(struct leati_finding *finding, enum leat_testing_verdict verdict,
                const char *format, ...)
{
    va_list args;
    finding->verdict = verdict;
    va_start(args, format);
    leati_readable_vformat(finding->seen, sizeof(finding->seen), format, args);
    va_end(args);
    return false;
}
