/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "terminal.h"
#include "wrap.h"

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

enum { LABEL_COLUMNS = 8, TEXT_COLUMN = 2 + LABEL_COLUMNS + 1 };

static void print_label(FILE *out, const char *label)
{
    fprintf(out, "  %s%s%s%*s ", tool_style(out, TOOL_STYLE_DIM), label,
            tool_style(out, TOOL_STYLE_PLAIN), (int)(LABEL_COLUMNS - tool_text_columns(label)), "");
}

/* ---- what it means ------------------------------------------------------------------------ */

/* The arguments of calls are the tool's own and right; what can be wrong is a proxy of the
 * environment. */
static bool error_is_of_setting(const struct leat_error *error)
{
    return error->code == LEAT_E_PARAMETER &&
           (error->layer == LEAT_LAYER_SOCKS5 || error->layer == LEAT_LAYER_HTTP_PROXY);
}

static enum leat_class error_class(const struct leat_error *error)
{
    return error_is_of_setting(error) ? LEAT_CLASS_CONFIGURATION : leat_error_class(error->code);
}

const char *tool_story_heading(const struct tool_story *story, enum leat_language language)
{
    const char *heading = tool_situation_heading(tool_situation_of(story), language);
    return *heading ? heading : leat_strerror(story->error->code);
}

const char *tool_story_description(const struct tool_story *story, enum leat_language language)
{
    if (!error_is_of_setting(story->error))
        return leat_code_description(story->error->code, language);
    return language == LEAT_LANGUAGE_ZH ? "环境变量中的代理无法使用。"
                                        : "The environment names a proxy that cannot be used.";
}

const char *tool_story_causes(const struct tool_story *story, enum leat_language language)
{
    const char *causes = tool_situation_causes(tool_situation_of(story), language);
    return *causes ? causes : leat_code_causes(story->error->code, language);
}

const char *tool_story_remedies(const struct tool_story *story, enum leat_language language)
{
    const char *remedies = tool_situation_remedies(tool_situation_of(story), language);
    return *remedies ? remedies : leat_code_remedies(story->error->code, language);
}

const char *tool_close_remedies(unsigned close_code, enum leat_language language)
{
    enum tool_situation situation = tool_situation_of_close(close_code);
    return situation == TOOL_SITUATION_CLOSED_OTHER ? ""
                                                    : tool_situation_remedies(situation, language);
}

/* ---- telling it --------------------------------------------------------------------------- */

void tool_report_field(FILE *out, const char *label, const char *text, size_t len)
{
    print_label(out, label);
    tool_print_wrapped(out, text, len, TEXT_COLUMN);
    fputc('\n', out);
}

void tool_report_remedies(FILE *out, const char *remedies, enum leat_language language)
{
    for (const char *label = label_text(LABEL_REMEDY, language); *remedies; label = "") {
        size_t len = strcspn(remedies, "\n");
        tool_report_field(out, label, remedies, len);
        remedies += len + (remedies[len] == '\n');
    }
}

void tool_report(FILE *out, const struct tool_story *story, enum leat_language language)
{
    const struct leat_error *error = story->error;
    char head[256];
    tool_format(head, sizeof(head), "%d %s", error->code, tool_story_heading(story, language));
    fprintf(out, "leat: %s", tool_style(out, TOOL_STYLE_RED));
    tool_print_wrapped_at(out, head, strlen(head), strlen("leat: "), 2);
    fprintf(out, "%s\n", tool_style(out, TOOL_STYLE_PLAIN));
    print_label(out, label_text(LABEL_LAYER, language));
    fprintf(out, "%s%s", leat_layer_name(error->layer), error->hop[0] ? ", " : "");
    tool_print_safe(out, error->hop, strlen(error->hop));
    fputc('\n', out);
    if (error->text[0])
        tool_report_field(out, label_text(LABEL_DETAIL, language), error->text,
                          strlen(error->text));
    if (error->sys_errno) {
        print_label(out, label_text(LABEL_ERRNO, language));
        fprintf(out, "%d %s\n", error->sys_errno, leat_errno_name(error->sys_errno));
    }
    if (error->native_code) {
        print_label(out, label_text(LABEL_NATIVE, language));
        fprintf(out, "%d\n", error->native_code);
    }
    if (story->answer)
        tool_answer_print(out, story->answer, language);
    tool_report_remedies(out, tool_story_remedies(story, language), language);
}

void tool_report_error(FILE *out, const struct leat_error *error, enum leat_language language)
{
    tool_report(out, &(struct tool_story){.error = error}, language);
}

void tool_error_describe(struct tool_json *json, const char *name, const struct leat_error *error)
{
    tool_json_object(json, name);
    tool_json_number(json, "code", error->code);
    tool_json_string(json, "name", leat_code_name(error->code));
    tool_json_string(json, "message", leat_strerror(error->code));
    tool_json_string(json, "class", leat_class_name(error_class(error)));
    tool_json_string(json, "layer", leat_layer_name(error->layer));
    tool_json_string(json, "hop", error->hop);
    tool_json_string(json, "text", error->text);
    if (error->sys_errno) {
        tool_json_number(json, "errno", error->sys_errno);
        tool_json_string(json, "errno_name", leat_errno_name(error->sys_errno));
    }
    if (error->native_code)
        tool_json_number(json, "native_code", error->native_code);
    if (error->violation)
        tool_json_number(json, "violation", error->violation);
    tool_json_object_end(json);
}
