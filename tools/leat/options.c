/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "exit_status.h"
#include "help.h"
#include "nearest.h"
#include "terminal.h"
#include "wrap.h"

#include <leat/leat.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAME_SIZE = 64, SHOWN_MAX = 60 };

/* ---- what is wrong ---------------------------------------------------------------------- */

static const char *path_separator(const struct tool_command *command)
{
    return command->path[0] ? " " : "";
}

/* @return the columns that it takes. */
static size_t error_begin(const struct tool_command *command)
{
    return (size_t)fprintf(stderr, "leat%s%s: ", path_separator(command), command->path);
}

static bool error_end(const struct tool_command *command)
{
    fprintf(stderr, "\n(leat%s%s --help shows the usage)\n", path_separator(command),
            command->path);
    return false;
}

int tool_usage_error(const struct tool_command *command, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    size_t column = error_begin(command);
    va_start(args, format);
    if (vasprintf(&text, format, args) > 0)
        tool_print_wrapped_at(stderr, text, strlen(text), column, 2);
    free(text);
    va_end(args);
    error_end(command);
    return TOOL_EXIT_USAGE;
}

bool tool_refuse(struct tool_setting *setting, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tool_vformat(setting->why, sizeof(setting->why), format, args);
    va_end(args);
    return false;
}

/* ---- setters ---------------------------------------------------------------------------- */

bool tool_set_flag(struct tool_setting *setting)
{
    *(bool *)setting->target = true;
    return true;
}

bool tool_set_string(struct tool_setting *setting)
{
    *(const char **)setting->target = setting->value;
    return true;
}

bool tool_set_u32(struct tool_setting *setting)
{
    const char *text = setting->value;
    uint32_t max = setting->option->max ? setting->option->max : UINT32_MAX;
    uint64_t value = 0;
    size_t len = strspn(text, "0123456789");
    for (size_t i = 0; i < len && value <= max; i++)
        value = value * 10 + (uint64_t)(text[i] - '0');
    if (len == 0 || text[len])
        return tool_refuse(setting, "'%s' is not a number", tool_excerpt(text, 40).text);
    if (value > max)
        return tool_refuse(setting, "%s is too large, at most %u is possible",
                           tool_excerpt(text, 40).text, max);
    *(uint32_t *)setting->target = (uint32_t)value;
    return true;
}

bool tool_set_duration_ms(struct tool_setting *setting)
{
    static const struct {
        const char *name;
        uint32_t ms;
    } units[] = {{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000}, {"h", 3600000}};
    const char *text = setting->value;
    size_t whole = strspn(text, "0123456789");
    size_t len = whole;
    uint64_t micro = 0; /* millionths of the unit */
    for (size_t i = 0; i < whole && micro < UINT64_MAX / 20; i++)
        micro = micro * 10 + (uint64_t)(text[i] - '0') * 1000000;
    if (whole > 0 && text[whole] == '.') {
        len += 1 + strspn(text + whole + 1, "0123456789");
        uint64_t place = 100000;
        for (size_t i = whole + 1; i < len; i++, place /= 10)
            micro += (uint64_t)(text[i] - '0') * place;
    }
    for (size_t i = 0; whole > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text + len, units[i].name) != 0)
            continue;
        if (micro / 1000000 >= UINT32_MAX / units[i].ms)
            return tool_refuse(setting, "%s is too long", tool_excerpt(text, 40).text);
        *(uint32_t *)setting->target = (uint32_t)(micro * units[i].ms / 1000000);
        return true;
    }
    return tool_refuse(setting, "'%s' is not a time such as 5, 0.5s, 500ms, 2m or 1h",
                       tool_excerpt(text, 40).text);
}

bool tool_refuse_word(struct tool_setting *setting)
{
    const char *words = setting->option->words;
    char nearest[NAME_SIZE];
    if (tool_nearest_word(setting->value, words, nearest, sizeof(nearest)))
        return tool_refuse(setting, "'%s' is unknown; did you mean %s?",
                           tool_excerpt(setting->value, 40).text, nearest);
    return tool_refuse(setting, "'%s' is not one of %s", tool_excerpt(setting->value, 40).text,
                       tool_excerpt(words, 240).text);
}

bool tool_set_word(struct tool_setting *setting)
{
    unsigned index = 0;
    for (const char *word = setting->option->words; *word; index++) {
        size_t len = strcspn(word, "|");
        if (strlen(setting->value) == len && memcmp(word, setting->value, len) == 0) {
            *(unsigned *)setting->target = index;
            return true;
        }
        word += len + (word[len] == '|');
    }
    return tool_refuse_word(setting);
}

/* ---- the line --------------------------------------------------------------------------- */

struct parse {
    const struct tool_command *command;
    int argc, next;
    char **argv;
    char *state;
    int status;
};

static const struct tool_option help_options[] = {
    {.name = "help", .letter = 'h', .help = "this text"},
    {.name = "help-all", .help = "every option, exit statuses, examples"},
    {0},
};

const struct tool_section tool_help_section = {"Help", help_options, 0};

/* Whether it is one of the names that other programs have for the option. */
static bool is_alias(const struct tool_option *option, const char *name, size_t len)
{
    for (const char *alias = option->aliases; alias && *alias;) {
        size_t alias_len = strcspn(alias, "|");
        if (alias_len == len && memcmp(alias, name, len) == 0)
            return true;
        alias += alias_len + (alias[alias_len] == '|');
    }
    return false;
}

static const struct tool_option *option_in(const struct tool_section *section, const char *name,
                                           size_t len, char letter)
{
    for (const struct tool_option *o = section->options; o->name; o++)
        if (name ? (strlen(o->name) == len && memcmp(o->name, name, len) == 0) ||
                       is_alias(o, name, len)
                 : o->letter == letter && letter)
            return o;
    return NULL;
}

/* By name, or by letter where `name` is NULL. */
static const struct tool_option *option_find(const struct tool_command *command, const char *name,
                                             size_t len, char letter,
                                             const struct tool_section **ret_section)
{
    const struct tool_option *option;
    for (const struct tool_section *s = command->sections; s && s->title; s++)
        if ((option = option_in(s, name, len, letter))) {
            *ret_section = s;
            return option;
        }
    *ret_section = &tool_help_section;
    return option_in(&tool_help_section, name, len, letter);
}

static void option_nearest(const struct tool_section *section, const char *name, size_t len,
                           const char **nearest, size_t *best)
{
    for (const struct tool_option *o = section->options; o->name; o++) {
        char alias[NAME_SIZE];
        size_t before = *best;
        tool_nearest(name, len, o->name, nearest, best);
        /* A name that another program has is suggested as the one that it has here. */
        for (const char *rest = o->aliases; rest && *rest;) {
            size_t alias_len = strcspn(rest, "|");
            snprintf(alias, sizeof(alias), "%.*s", (int)alias_len, rest);
            tool_nearest(name, len, alias, nearest, best);
            rest += alias_len + (rest[alias_len] == '|');
        }
        if (*best < before)
            *nearest = o->name;
    }
}

/* What people call an option that has another name here, by its meaning. */
static const struct {
    const char *typed, *name;
} meanings[] = {
    {"bind", "interface"},
    {"bind-address", "interface"},
    {"local-address", "interface"},
    {"source", "interface"},
    {"hosts", "resolve"},
    {"host-resolver", "resolve"},
    {"socks5", "proxy"},
    {"socks5h", "proxy"},
    {"socks5-hostname", "proxy"},
    {"socks", "proxy"},
    {"http-proxy", "proxy"},
    {"cookie", "header"},
    {"token", "header"},
    {"bearer", "header"},
    {"oauth2-bearer", "header"},
    {"referer", "header"},
    {"host", "header"},
    {"location", "redirects"},
    {"follow", "redirects"},
    {"no-verify", "insecure"},
    {"skip-verify", "insecure"},
    {"verify", "insecure"},
    {"password", "user"},
    {"basic", "user"},
    {"login", "user"},
    {"passphrase", "key-password"},
    {"pass", "key-password"},
    {"certificate", "cert"},
    {"client-cert", "cert"},
    {"private-key", "key"},
    {"capath", "ca"},
    {"trust", "ca"},
    {"deflate", "compress"},
    {"gzip", "compress"},
    {"keepalive", "ping"},
    {"keep-alive", "ping"},
    {"heartbeat", "ping"},
    {"retry", "reconnect"},
    {"data", "message"},
    {"send", "message"},
    {"input", "file"},
    {"debug", "trace"},
    {"dump", "trace"},
    {"deadline", "timeout"},
    {"times", "repeat"},
    {"interval", "watch"},
    {"loop", "watch"},
    {"language", "lang"},
};

/* The option of this command that is meant, NULL = none. */
static const char *option_meant(const struct tool_command *command, const char *name, size_t len)
{
    const struct tool_section *section;
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (strlen(meanings[i].typed) == len && memcmp(meanings[i].typed, name, len) == 0 &&
            option_find(command, meanings[i].name, strlen(meanings[i].name), 0, &section))
            return meanings[i].name;
    return NULL;
}

static bool option_unknown(struct parse *p, const char *given, size_t len)
{
    size_t dashes = strspn(given, "-");
    const char *nearest = option_meant(p->command, given + dashes, len - dashes);
    size_t best = nearest ? 0 : SIZE_MAX;
    for (const struct tool_section *s = p->command->sections; s && s->title; s++)
        option_nearest(s, given + dashes, len - dashes, &nearest, &best);
    option_nearest(&tool_help_section, given + dashes, len - dashes, &nearest, &best);
    error_begin(p->command);
    fputs("unknown option ", stderr);
    tool_print_safe(stderr, given, len < SHOWN_MAX ? len : SHOWN_MAX);
    if (nearest)
        fprintf(stderr, "; did you mean --%s?", nearest);
    p->status = TOOL_EXIT_USAGE;
    return error_end(p->command);
}

/* `given` is what the person wrote: "--name" or "-n". */
static bool option_apply(struct parse *p, const struct tool_section *section,
                         const struct tool_option *option, const char *given, const char *value)
{
    p->status = TOOL_EXIT_USAGE;
    if (section == &tool_help_section) {
        tool_help_print(stdout, p->command, option->letter == 0);
        p->status = TOOL_EXIT_OK;
        return false;
    }
    struct tool_setting setting = {
        .option = option,
        .target = p->state + section->offset + option->offset,
        .value = value,
    };
    if (option->set(&setting))
        return true;
    size_t column = error_begin(p->command);
    column += (size_t)fprintf(stderr, "%s: ", given);
    tool_print_wrapped_at(stderr, setting.why, strlen(setting.why), column, 2);
    return error_end(p->command);
}

static bool option_lacks_value(struct parse *p, const char *given, const char *argument)
{
    p->status = tool_usage_error(p->command, "%s needs a value: %s", given, argument);
    return false;
}

static bool parse_long(struct parse *p, const char *given)
{
    size_t len = strcspn(given, "=");
    const char *value = given[len] ? given + len + 1 : NULL;
    const struct tool_section *section;
    const struct tool_option *option = option_find(p->command, given + 2, len - 2, 0, &section);
    if (!option)
        return option_unknown(p, given, len);
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "--%s", option->name);
    if (value && !option->argument) {
        p->status = tool_usage_error(p->command, "%s takes no value", name);
        return false;
    }
    if (option->argument && !value && !option->argument_is_optional) {
        if (p->next >= p->argc)
            return option_lacks_value(p, name, option->argument);
        value = p->argv[p->next++];
    }
    return option_apply(p, section, option, name, value);
}

static bool parse_letters(struct parse *p, const char *given)
{
    for (const char *letter = given + 1; *letter; letter++) {
        char name[3] = {'-', *letter, '\0'};
        const struct tool_section *section;
        const struct tool_option *option = option_find(p->command, NULL, 0, *letter, &section);
        if (!option)
            return option_unknown(p, letter == given + 1 ? given : name,
                                  letter == given + 1 ? strlen(given) : 2);
        const char *value = NULL;
        if (option->argument && !option->argument_is_optional) {
            value = letter[1] ? letter + 1 : p->next < p->argc ? p->argv[p->next++] : NULL;
            if (!value)
                return option_lacks_value(p, name, option->argument);
        }
        if (!option_apply(p, section, option, name, value))
            return false;
        if (value)
            return true;
    }
    return true;
}

static bool arguments_check(struct parse *p, size_t count)
{
    const struct tool_command *command = p->command;
    if (count >= command->arguments_min && count <= command->arguments_max)
        return true;
    p->status = TOOL_EXIT_USAGE;
    error_begin(command);
    if (count < command->arguments_min) {
        fprintf(stderr, "%s is missing", command->argument);
    } else {
        const char *first = p->argv[1 + command->arguments_max];
        fputs("one argument too many: ", stderr);
        tool_print_safe(stderr, first, strnlen(first, SHOWN_MAX));
    }
    return error_end(command);
}

/* A negative number, unless its first digit is a letter of an option. */
static bool is_number(const struct tool_command *command, const char *text)
{
    const struct tool_section *section;
    return text[0] >= '0' && text[0] <= '9' && !option_find(command, NULL, 0, text[0], &section);
}

bool tool_options_parse(const struct tool_command *command, int argc, char **argv, void *state,
                        struct tool_line *ret_line, int *ret_status)
{
    struct parse p = {.command = command, .argc = argc, .next = 1, .argv = argv, .state = state};
    int count = 1;
    bool options = true;
    while (p.next < argc) {
        char *word = argv[p.next++];
        bool well = true;
        if (options && strcmp(word, "--") == 0)
            options = false;
        else if (options && strncmp(word, "--", 2) == 0)
            well = parse_long(&p, word);
        else if (options && word[0] == '-' && word[1] && !is_number(command, word + 1))
            well = parse_letters(&p, word);
        else
            argv[count++] = word;
        if (!well) {
            *ret_status = p.status;
            return false;
        }
    }
    if (!arguments_check(&p, (size_t)count - 1)) {
        *ret_status = p.status;
        return false;
    }
    *ret_line = (struct tool_line){command, argv + 1, (size_t)count - 1};
    return true;
}

/* ---- the command ------------------------------------------------------------------------ */

/* The last word of a path is what stands on the command line. */
static const char *command_word(const struct tool_command *command)
{
    const char *space = strrchr(command->path, ' ');
    return space ? space + 1 : command->path;
}

static const struct tool_command *subcommand_find(const struct tool_command *group,
                                                  const char *word)
{
    for (size_t i = 0; group->subcommands[i]; i++)
        if (strcmp(command_word(group->subcommands[i]), word) == 0)
            return group->subcommands[i];
    return NULL;
}

/* What people call a command that has another name here, by its meaning; the first one that is there. */
static const struct {
    const char *typed, *word;
} command_meanings[] = {
    {"websocket", "ws"}, {"websocket", "echo"}, {"ws", "echo"},      {"server", "echo"},
    {"http", "connect"}, {"https", "connect"},  {"proxy", "socks5"}, {"wscat", "ws"},
    {"connect", "ws"},   {"diagnose", "check"}, {"test", "check"},   {"error", "explain"},
    {"code", "explain"},
};

static const char *subcommand_meant(const struct tool_command *group, const char *word)
{
    for (size_t i = 0; i < sizeof(command_meanings) / sizeof(command_meanings[0]); i++)
        if (strcmp(command_meanings[i].typed, word) == 0 &&
            subcommand_find(group, command_meanings[i].word))
            return command_meanings[i].word;
    return NULL;
}

static const char *const group_options[] = {"--help", "--help-all", "--version"};

static int subcommand_unknown(const struct tool_command *group, const char *word)
{
    const char *nearest = subcommand_meant(group, word);
    size_t best = nearest ? 0 : SIZE_MAX;
    for (size_t i = 0; group->subcommands[i]; i++)
        tool_nearest(word, strlen(word), command_word(group->subcommands[i]), &nearest, &best);
    for (size_t i = 0; word[0] == '-' && i < sizeof(group_options) / sizeof(group_options[0]); i++)
        tool_nearest(word, strlen(word), group_options[i], &nearest, &best);
    error_begin(group);
    fputs(word[0] == '-' ? "unknown option " : "unknown command ", stderr);
    tool_print_safe(stderr, word, strnlen(word, SHOWN_MAX));
    if (nearest)
        fprintf(stderr, "; did you mean %s?", nearest);
    error_end(group);
    return TOOL_EXIT_USAGE;
}

/* `leat help ws` is `leat ws --help`. */
static int help_run(const struct tool_command *group, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const struct tool_command *command =
            group->subcommands ? subcommand_find(group, argv[i]) : NULL;
        if (!command)
            return group->subcommands ? subcommand_unknown(group, argv[i])
                                      : tool_usage_error(group, "it has no commands of its own");
        group = command;
    }
    tool_help_print(stdout, group, false);
    return tool_flush(group, TOOL_EXIT_OK);
}

/* What a group itself understands; -1: `word` is a command. */
static int group_option(const struct tool_command *group, int argc, char **argv)
{
    const char *word = argv[1];
    bool is_root = group->path[0] == '\0';
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return help_run(group, 1, argv);
    if (strcmp(word, "--help-all") == 0) {
        tool_help_print(stdout, group, true);
        return tool_flush(group, TOOL_EXIT_OK);
    }
    if (is_root && strcmp(word, "help") == 0)
        return help_run(group, argc - 1, argv + 1);
    if (is_root && (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)) {
        printf("leat %s\n%s\n", leat_version(), leat_tls_backend());
        return tool_flush(group, TOOL_EXIT_OK);
    }
    if (is_root && strcmp(word, "--describe") == 0) {
        tool_describe_print(stdout, group);
        return tool_flush(group, TOOL_EXIT_OK);
    }
    return -1;
}

static bool is_websocket_url(const char *word)
{
    return strncasecmp(word, "ws://", 5) == 0 || strncasecmp(word, "wss://", 6) == 0 ||
           strncasecmp(word, "ws+unix:", 8) == 0;
}

int tool_run(const struct tool_command *root, int argc, char **argv)
{
    if (!root->subcommands)
        return tool_flush(root, root->run(root, argc, argv));
    if (argc < 2) {
        tool_help_print(stderr, root, false);
        return TOOL_EXIT_USAGE;
    }
    int status = group_option(root, argc, argv);
    if (status >= 0)
        return status;
    if (is_websocket_url(argv[1]) && root->url_command)
        return tool_flush(root->url_command, root->url_command->run(root->url_command, argc, argv));
    const struct tool_command *command = subcommand_find(root, argv[1]);
    if (!command)
        return subcommand_unknown(root, argv[1]);
    return tool_run(command, argc - 1, argv + 1);
}
