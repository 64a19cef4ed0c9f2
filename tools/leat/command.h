/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a command of the tool is: one table row that parsing, help, error messages, shell completion
 * and manual pages come from. Nothing about a command line is written down anywhere else.
 */
#ifndef LEAT_TOOL_COMMAND_H
#define LEAT_TOOL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Exit statuses; exit_status.c says what each means. A number never changes its meaning. */
enum tool_exit {
    TOOL_EXIT_OK = 0,
    TOOL_EXIT_FAILED = 1,
    TOOL_EXIT_USAGE = 2,
    TOOL_EXIT_DNS = 3,
    TOOL_EXIT_TCP = 4,
    TOOL_EXIT_PROXY = 5,
    TOOL_EXIT_TLS = 6,
    TOOL_EXIT_CERTIFICATE = 7,
    TOOL_EXIT_REFUSED = 8,
    TOOL_EXIT_CLOSED = 9,
};

/** What a value is, so that a shell can complete it. */
enum tool_value {
    TOOL_VALUE_TEXT,
    TOOL_VALUE_NUMBER,
    TOOL_VALUE_DURATION, /**< "5", "0.5", "500ms", "2m", "1h" */
    TOOL_VALUE_FILE,
    TOOL_VALUE_DIRECTORY,
    TOOL_VALUE_URL,
    TOOL_VALUE_WORD,    /**< one of `words` */
    TOOL_VALUE_COMMAND, /**< the path of a command of this tool */
};

enum { TOOL_WHY_SIZE = 480 };

struct tool_option;

/** One value on its way from the command line to where it belongs. */
struct tool_setting {
    const struct tool_option *option;
    void *target;      /**< the state that the option belongs to, at the option's offset */
    const char *value; /**< NULL: none was given */
    char why[TOOL_WHY_SIZE];
};

/** One option. */
struct tool_option {
    const char *name; /**< without the dashes */
    /** Names that other programs have for it, "a|b", which are taken, too; NULL = none. */
    const char *aliases;
    char letter; /**< the short form, 0 = none */
    /** A row of `leat COMMAND --help`; all rows are in --help-all and the manual page. */
    bool is_usual;
    bool argument_is_optional; /**< then it is given as --name=VALUE */
    const char *argument;      /**< what the value is called, NULL = the option takes none */
    enum tool_value value;
    const char *words;  /**< "a|b|c" for TOOL_VALUE_WORD */
    const char *help;   /**< fits on the rest of a line: 50 columns */
    const char *detail; /**< more, for --help-all and the manual page; may be NULL */
    /** Takes the value; false = refused, see tool_refuse(). */
    bool (*set)(struct tool_setting *setting);
    size_t offset; /**< of the target, from the section's */
    uint32_t max;  /**< of a number, 0 = no limit */
};

/** Options that stand under one heading, and where their state lies in the command's. */
struct tool_section {
    const char *title;                 /**< NULL ends the sections */
    const struct tool_option *options; /**< ends with a row without a name */
    size_t offset;
};

struct tool_example {
    const char *command; /**< NULL ends the examples */
    const char *text;
};

struct tool_command {
    const char *path;      /**< "ws", "serve socks5" */
    const char *argument;  /**< "URL"; NULL = takes none */
    enum tool_value value; /**< of the arguments */
    const char *words;
    size_t arguments_min, arguments_max;
    const char *summary; /**< a line, at most 60 columns */
    const char *detail;  /**< paragraphs with an empty line between; may be NULL */
    const struct tool_section *sections;
    const struct tool_example *examples; /**< may be NULL */
    /** Of the tool itself: what runs when a ws:// or wss:// URL stands in place of a command. */
    const struct tool_command *url_command;
    /** A group has these, ending with NULL, and no sections, no arguments and no `run`. */
    const struct tool_command *const *subcommands;
    /** `argv[0]` is the command's last word. Returns the exit status. */
    int (*run)(const struct tool_command *command, int argc, char **argv);
};

/** The tool itself: the group of all commands. */
extern const struct tool_command tool_root;

extern const struct tool_command tool_ws;
extern const struct tool_command tool_check;
extern const struct tool_command tool_explain;
extern const struct tool_command tool_serve;

#endif
