/* SPDX-License-Identifier: Apache-2.0 */
/** @file The commands of the tool. Each gets its own argv and returns the exit status. */
#ifndef LEAT_TOOL_COMMAND_H
#define LEAT_TOOL_COMMAND_H

enum leat_exit {
    LEAT_EXIT_OK = 0,
    LEAT_EXIT_FAILED = 1,
    LEAT_EXIT_USAGE = 2,
};

int leat_cmd_ws(int argc, char **argv);
int leat_cmd_check(int argc, char **argv);
int leat_cmd_explain(int argc, char **argv);

#endif
