/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <leat/catalogue.h>

#include <stdio.h>
#include <string.h>

static void print_remedies(int code)
{
    const char *line = leat_code_remedies(code, LEAT_LANGUAGE_EN);
    for (const char *label = "to do:"; *line; label = "") {
        size_t len = strcspn(line, "\n");
        fprintf(stderr, "  %-8s %.*s\n", label, (int)len, line);
        line += len + (line[len] == '\n');
    }
}

void tool_report_error(const struct leat_error *error)
{
    fprintf(stderr, "leat: %d %s\n", error->code, leat_strerror(error->code));
    fprintf(stderr, "  %-8s %s%s%s\n", "layer:", leat_layer_name(error->layer),
            error->hop[0] ? ", " : "", error->hop);
    if (error->text[0])
        fprintf(stderr, "  %-8s %s\n", "detail:", error->text);
    if (error->sys_errno)
        fprintf(stderr, "  %-8s %d %s\n", "errno:", error->sys_errno,
                leat_errno_name(error->sys_errno));
    if (error->native_code)
        fprintf(stderr, "  %-8s %d\n", "native:", error->native_code);
    print_remedies(error->code);
}
