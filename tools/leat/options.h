/* SPDX-License-Identifier: Apache-2.0 */
/** @file Reading a command line by the table of its command. */
#ifndef LEAT_TOOL_OPTIONS_H
#define LEAT_TOOL_OPTIONS_H

#include "command.h"

/** What stands on a command line beside the options. */
struct tool_line {
    const struct tool_command *command;
    char **arguments;
    size_t count;
};

/**
 * Reads `argv` by the table of `command` into `state`, which holds the defaults already. Options
 * may stand behind arguments, until "--". A dash and a digit begin an argument, unless the digit is
 * an option.
 *
 * @return true: go on. false: everything is said (help, or what is wrong) and `*ret_status` is what
 * to exit with.
 */
bool tool_options_parse(const struct tool_command *command, int argc, char **argv, void *state,
                        struct tool_line *ret_line, int *ret_status);

/** Finds the command that the words in front of `argv` name and runs it. */
int tool_run(const struct tool_command *root, int argc, char **argv);

/** Says on standard error what is wrong with a command line that could be read, options that do not
 * go together for example, and where the help is. @return TOOL_EXIT_USAGE */
int tool_usage_error(const struct tool_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- setters, for the rows of the tables ------------------------------------------------ */

/** Refuses a value, for a reason that reads well behind "--option: ". @return false */
bool tool_refuse(struct tool_setting *setting, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Refuses a value that is none of the option's words, and names the nearest. @return false */
bool tool_refuse_word(struct tool_setting *setting);

bool tool_set_flag(struct tool_setting *setting);        /**< target: bool */
bool tool_set_string(struct tool_setting *setting);      /**< target: const char * */
bool tool_set_u32(struct tool_setting *setting);         /**< target: uint32_t */
bool tool_set_duration_ms(struct tool_setting *setting); /**< target: uint32_t */
bool tool_set_word(struct tool_setting *setting);        /**< target: unsigned, the word's index */

#endif
