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

const char *tool_error_description(const struct leat_error *error, enum leat_language language)
{
    if (!error_is_of_setting(error))
        return leat_code_description(error->code, language);
    return language == LEAT_LANGUAGE_ZH ? "环境变量中的代理无法使用。"
                                        : "The environment names a proxy that cannot be used.";
}

const char *tool_error_causes(const struct leat_error *error, enum leat_language language)
{
    if (!error_is_of_setting(error))
        return leat_code_causes(error->code, language);
    return language == LEAT_LANGUAGE_ZH ? "变量的值不是代理的 URL，或用户名、密码中有字符未转义。"
                                        : "The variable's value is not the URL of a proxy, or a "
                                          "character of its user name or "
                                          "password is not escaped.";
}

const char *tool_error_remedies(const struct leat_error *error, enum leat_language language)
{
    if (!error_is_of_setting(error))
        return leat_code_remedies(error->code, language);
    return language == LEAT_LANGUAGE_ZH ? "修正详情中指出的变量：socks5h://"
                                          "[用户:密码@]主机[:端口]，或 socks5、http、https。\n"
                                          "在用户名和密码中，@ 写作 %40，/ 写作 %2F，: 写作 %3A，# "
                                          "写作 %23，? 写作 %3F，% 写作 %25。"
                                        : "Correct the variable that the detail names: "
                                          "socks5h://[USER:PASSWORD@]HOST[:PORT], "
                                          "or socks5, http, https.\n"
                                          "In user name and password write @ as %40, / as %2F, : "
                                          "as %3A, # as %23, ? as %3F, "
                                          "% as %25.";
}

/* ---- telling it --------------------------------------------------------------------------- */

static void print_remedies(FILE *out, const struct leat_error *error, enum leat_language language)
{
    const char *line = tool_error_remedies(error, language);
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
    fprintf(out, "%s%s", leat_layer_name(error->layer), error->hop[0] ? ", " : "");
    tool_print_safe(out, error->hop, strlen(error->hop));
    fputc('\n', out);
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
    print_remedies(out, error, language);
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
    tool_json_object_end(json);
}
