/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the tool says about itself, from the tables of its commands. */
#ifndef LEAT_TOOL_HELP_H
#define LEAT_TOOL_HELP_H

#include "command.h"

#include <stdio.h>

/** --help and --help-all, which every command has. */
extern const struct tool_section tool_help_section;

/** `all`: every option with its detail, exit statuses and examples. Otherwise what fits a screen of
 * 80 columns and 24 lines. */
void tool_help_print(FILE *out, const struct tool_command *command, bool all);

/** Everything, as one JSON object: what manual pages and completions are made from. */
void tool_describe_print(FILE *out, const struct tool_command *root);

#endif
