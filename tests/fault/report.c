/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/fault.h"

#include <criterion/criterion.h>
#include <string.h>

static bool error_fits(const struct fault_report *wanted, const struct leat_error *error)
{
    bool native_fits =
        wanted->any_native ? error->native_code != 0 : error->native_code == wanted->native_code;
    return error->code == wanted->code && error->layer == wanted->layer &&
           error->sys_errno == wanted->sys_errno && native_fits && error->text[0] != '\0' &&
           (!wanted->text || strstr(error->text, wanted->text));
}

void fault_report_expect(const struct fault_report *wanted, int code,
                         const struct leat_error *error)
{
    bool has_error = wanted->layer != LEAT_LAYER_NONE;
    bool fits = code == wanted->code && (!has_error || error_fits(wanted, error));
    cr_expect(fits,
              "%s: got %d, error %d %s errno %d native %d \"%s\"; wanted %d %s errno %d native %d "
              "\"%s\"",
              wanted->name, code, error->code, leat_layer_name(error->layer), error->sys_errno,
              error->native_code, error->text, wanted->code, leat_layer_name(wanted->layer),
              wanted->sys_errno, wanted->native_code, wanted->text ? wanted->text : "");
    if (fits)
        coverage_reached(wanted->code);
}
