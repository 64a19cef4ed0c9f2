/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include "exit_status.h"
#include "json.h"

#include <leat/leat.h>

#include <string.h>

enum {
    COLUMNS = 80,
    /* Where the explanations start; a longer option has its explanation on the next line. */
    TEXT_COLUMN = 27,
};

/* Fills lines with words, from `column` on, where the cursor is already. */
static void print_wrapped(FILE *out, const char *text, size_t column)
{
    size_t at = column;
    while (*text) {
        size_t len = strcspn(text, " \n");
        if (at > column && at + 1 + len > COLUMNS) {
            fprintf(out, "\n%*s", (int)column, "");
            at = column;
        }
        at += (size_t)fprintf(out, "%s%.*s", at > column ? " " : "", (int)len, text);
        text += len;
        if (*text == '\n') {
            fprintf(out, "\n%*s", text[1] == '\n' ? 0 : (int)column, "");
            at = column;
        }
        text += *text != '\0';
    }
    fputc('\n', out);
}

static void words_print(FILE *out, const char *words)
{
    size_t at = (size_t)fprintf(out, "%*sone of", TEXT_COLUMN, "");
    while (*words) {
        size_t len = strcspn(words, "|");
        if (at + 2 + len > COLUMNS)
            at = (size_t)fprintf(out, "\n%*s", TEXT_COLUMN - 1, "") - 1;
        at += (size_t)fprintf(out, " %.*s%s", (int)len, words, words[len] ? "," : "");
        words += len + (words[len] == '|');
    }
    fputc('\n', out);
}

static void aliases_print(FILE *out, const char *aliases)
{
    fprintf(out, "%*sAlso", TEXT_COLUMN, "");
    while (*aliases) {
        size_t len = strcspn(aliases, "|");
        fprintf(out, " --%.*s%s", (int)len, aliases, aliases[len] ? "," : ".\n");
        aliases += len + (aliases[len] == '|');
    }
}

static void option_print(FILE *out, const struct tool_option *option, bool all)
{
    int column = option->letter ? fprintf(out, "  -%c, --%s", option->letter, option->name)
                                : fprintf(out, "      --%s", option->name);
    if (option->argument)
        column += fprintf(out, option->argument_is_optional ? "[=%s]" : " %s", option->argument);
    if (column + 2 > TEXT_COLUMN) {
        fputc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", TEXT_COLUMN - column, "");
    print_wrapped(out, option->help, TEXT_COLUMN);
    if (all && option->words && strcmp(option->words, option->argument) != 0)
        words_print(out, option->words);
    if (all && option->detail) {
        fprintf(out, "%*s", TEXT_COLUMN, "");
        print_wrapped(out, option->detail, TEXT_COLUMN);
    }
    if (all && option->aliases)
        aliases_print(out, option->aliases);
}

static void usage_print(FILE *out, const struct tool_command *command)
{
    fprintf(out, "usage: leat%s%s", command->path[0] ? " " : "", command->path);
    if (command->subcommands)
        fputs(" COMMAND ...", out);
    else
        fprintf(out, " [OPTION]...%s%s", command->argument ? " " : "",
                command->argument ? command->argument : "");
    fprintf(out, "\n%s\n", command->summary);
    fputs(command->subcommands ? "" : "\n", out);
}

static void subcommands_print(FILE *out, const struct tool_command *group)
{
    fputs("\ncommands:\n", out);
    for (size_t i = 0; group->subcommands[i]; i++) {
        const struct tool_command *command = group->subcommands[i];
        const char *space = strrchr(command->path, ' ');
        fprintf(out, "  %-9s ", space ? space + 1 : command->path);
        print_wrapped(out, command->summary, 12);
    }
    fprintf(out, "\nleat%s%s COMMAND --help tells more", group->path[0] ? " " : "", group->path);
    fputs(group->path[0] ? "\n" : "; leat --version tells the version\n", out);
}

static size_t shown_count(const struct tool_section *section, bool all)
{
    size_t count = 0;
    for (const struct tool_option *o = section->options; o->name; o++)
        count += all || o->is_usual;
    return count;
}

static void sections_print(FILE *out, const struct tool_command *command, bool all)
{
    bool rows_left = false;
    fputs(all ? "" : "options:\n", out);
    for (const struct tool_section *s = command->sections; s && s->title; s++) {
        size_t count = shown_count(s, all);
        rows_left = rows_left || count < shown_count(s, true);
        if (count == 0)
            continue;
        if (all)
            fprintf(out, "%s%s:\n", s != command->sections ? "\n" : "", s->title);
        for (const struct tool_option *o = s->options; o->name; o++)
            if (all || o->is_usual)
                option_print(out, o, all);
    }
    if (!all)
        fprintf(out, "      --help-all           %s\n",
                rows_left ? "all options, exit statuses, examples" : "exit statuses, examples");
}

static void exit_statuses_print(FILE *out)
{
    fputs("\nexit status:\n", out);
    for (size_t i = 0; i < tool_exit_count(); i++) {
        fprintf(out, "  %2d  ", (int)i);
        print_wrapped(out, tool_exit_meaning((enum tool_exit)i), 6);
    }
}

static void examples_print(FILE *out, const struct tool_command *command)
{
    if (!command->examples)
        return;
    fputs("\nexamples:\n", out);
    for (const struct tool_example *e = command->examples; e->command; e++)
        fprintf(out, "  %s\n      %s\n", e->command, e->text);
}

void tool_help_print(FILE *out, const struct tool_command *command, bool all)
{
    usage_print(out, command);
    if (all && command->detail) {
        print_wrapped(out, command->detail, 0);
        fputc('\n', out);
    }
    if (command->subcommands)
        subcommands_print(out, command);
    else
        sections_print(out, command, all);
    if (all) {
        exit_statuses_print(out);
        examples_print(out, command);
    }
}

/* ---- the same as JSON ------------------------------------------------------------------- */

static const char *value_name(enum tool_value value)
{
    static const char *const names[] = {
        [TOOL_VALUE_TEXT] = "text",           [TOOL_VALUE_NUMBER] = "number",
        [TOOL_VALUE_DURATION] = "duration",   [TOOL_VALUE_FILE] = "file",
        [TOOL_VALUE_DIRECTORY] = "directory", [TOOL_VALUE_URL] = "url",
        [TOOL_VALUE_WORD] = "word",           [TOOL_VALUE_COMMAND] = "command",
    };
    return names[value];
}

static void value_describe(struct tool_json *json, const char *name, enum tool_value value,
                           const char *words)
{
    tool_json_string(json, "argument", name);
    if (!name)
        return;
    tool_json_string(json, "value", value_name(value));
    if (!words)
        return;
    tool_json_array(json, "words");
    while (*words) {
        size_t len = strcspn(words, "|");
        tool_json_text(json, NULL, words, len);
        words += len + (words[len] == '|');
    }
    tool_json_array_end(json);
}

static void aliases_describe(struct tool_json *json, const char *aliases)
{
    if (!aliases)
        return;
    tool_json_array(json, "aliases");
    while (*aliases) {
        size_t len = strcspn(aliases, "|");
        tool_json_text(json, NULL, aliases, len);
        aliases += len + (aliases[len] == '|');
    }
    tool_json_array_end(json);
}

static void option_describe(struct tool_json *json, const struct tool_option *option)
{
    tool_json_object(json, NULL);
    tool_json_string(json, "name", option->name);
    if (option->letter)
        tool_json_text(json, "letter", &option->letter, 1);
    aliases_describe(json, option->aliases);
    value_describe(json, option->argument, option->value, option->words);
    if (option->argument)
        tool_json_bool(json, "argument_is_optional", option->argument_is_optional);
    tool_json_bool(json, "is_usual", option->is_usual);
    tool_json_string(json, "help", option->help);
    tool_json_string(json, "detail", option->detail);
    tool_json_object_end(json);
}

static void section_describe(struct tool_json *json, const struct tool_section *section)
{
    tool_json_object(json, NULL);
    tool_json_string(json, "title", section->title);
    tool_json_array(json, "options");
    for (const struct tool_option *o = section->options; o->name; o++)
        option_describe(json, o);
    tool_json_array_end(json);
    tool_json_object_end(json);
}

static void command_describe(struct tool_json *json, const char *name,
                             const struct tool_command *command)
{
    tool_json_object(json, name);
    tool_json_string(json, "path", command->path);
    tool_json_string(json, "summary", command->summary);
    tool_json_string(json, "detail", command->detail);
    value_describe(json, command->argument, command->value, command->words);
    tool_json_number(json, "arguments_min", (int64_t)command->arguments_min);
    /* As many as one likes. */
    if (command->arguments_max > INT32_MAX)
        tool_json_null(json, "arguments_max");
    else
        tool_json_number(json, "arguments_max", (int64_t)command->arguments_max);
    tool_json_array(json, "sections");
    for (const struct tool_section *s = command->sections; s && s->title; s++)
        section_describe(json, s);
    section_describe(json, &tool_help_section);
    tool_json_array_end(json);
    tool_json_array(json, "examples");
    for (const struct tool_example *e = command->examples; e && e->command; e++) {
        tool_json_object(json, NULL);
        tool_json_string(json, "command", e->command);
        tool_json_string(json, "text", e->text);
        tool_json_object_end(json);
    }
    tool_json_array_end(json);
    tool_json_array(json, "commands");
    for (size_t i = 0; command->subcommands && command->subcommands[i]; i++)
        command_describe(json, NULL, command->subcommands[i]);
    tool_json_array_end(json);
    tool_json_object_end(json);
}

void tool_describe_print(FILE *out, const struct tool_command *root)
{
    struct tool_json json = {.out = out};
    tool_json_object(&json, NULL);
    tool_json_string(&json, "version", leat_version());
    command_describe(&json, "tool", root);
    tool_json_array(&json, "exit_statuses");
    for (size_t i = 0; i < tool_exit_count(); i++) {
        tool_json_object(&json, NULL);
        tool_json_number(&json, "status", (int64_t)i);
        tool_json_string(&json, "meaning", tool_exit_meaning((enum tool_exit)i));
        tool_json_object_end(&json);
    }
    tool_json_array_end(&json);
    tool_json_object_end(&json);
    tool_json_end(&json);
}
