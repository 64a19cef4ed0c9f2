/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "terminal.h"

#include <stdlib.h>
#include <string.h>

enum label {
    LABEL_LAYER,
    LABEL_DETAIL,
    LABEL_ERRNO,
    LABEL_NATIVE,
    LABEL_REMEDY,
};

static const char *label_text(enum label label, enum leat_language language)
{
    static const char *const english[] = {"layer:", "detail:", "errno:", "native:", "to do:"};
    static const char *const chinese[] = {"层:", "详情:", "内核:", "内码:", "处理:"};
    return language == LEAT_LANGUAGE_ZH ? chinese[label] : english[label];
}

enum leat_language tool_language(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *value = getenv(variables[i]);
        if (value && *value)
            return strncmp(value, "zh", 2) == 0 ? LEAT_LANGUAGE_ZH : LEAT_LANGUAGE_EN;
    }
    return LEAT_LANGUAGE_EN;
}

static void print_label(FILE *out, const char *label)
{
    const size_t width = 8;
    fprintf(out, "  %s%s%s%*s ", tool_style(out, TOOL_STYLE_DIM), label,
            tool_style(out, TOOL_STYLE_PLAIN), (int)(width - tool_text_columns(label)), "");
}

static void print_remedies(FILE *out, int code, enum leat_language language)
{
    const char *line = leat_code_remedies(code, language);
    for (const char *label = label_text(LABEL_REMEDY, language); *line; label = "") {
        size_t len = strcspn(line, "\n");
        print_label(out, label);
        fprintf(out, "%.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

void tool_report_error(FILE *out, const struct leat_error *error, enum leat_language language)
{
    fprintf(out, "leat: %s%d %s%s\n", tool_style(out, TOOL_STYLE_RED), error->code,
            leat_strerror(error->code), tool_style(out, TOOL_STYLE_PLAIN));
    print_label(out, label_text(LABEL_LAYER, language));
    fprintf(out, "%s%s%s\n", leat_layer_name(error->layer), error->hop[0] ? ", " : "", error->hop);
    if (error->text[0]) {
        print_label(out, label_text(LABEL_DETAIL, language));
        tool_print_safe(out, error->text, strlen(error->text));
        fputc('\n', out);
    }
    if (error->sys_errno) {
        print_label(out, label_text(LABEL_ERRNO, language));
        fprintf(out, "%d %s\n", error->sys_errno, leat_errno_name(error->sys_errno));
    }
    if (error->native_code) {
        print_label(out, label_text(LABEL_NATIVE, language));
        fprintf(out, "%d\n", error->native_code);
    }
    print_remedies(out, error->code, language);
}

void tool_error_describe(struct tool_json *json, const char *name, const struct leat_error *error)
{
    tool_json_object(json, name);
    tool_json_number(json, "code", error->code);
    tool_json_string(json, "name", leat_code_name(error->code));
    tool_json_string(json, "message", leat_strerror(error->code));
    tool_json_string(json, "class", leat_class_name(leat_error_class(error->code)));
    tool_json_string(json, "layer", leat_layer_name(error->layer));
    tool_json_string(json, "hop", error->hop);
    tool_json_string(json, "text", error->text);
    if (error->sys_errno) {
        tool_json_number(json, "errno", error->sys_errno);
        tool_json_string(json, "errno_name", leat_errno_name(error->sys_errno));
    }
    if (error->native_code)
        tool_json_number(json, "native_code", error->native_code);
    tool_json_object_end(json);
}
