/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the rows of struct tool_connection's sections share; their target is that struct. */
#ifndef LEAT_TOOL_CONNECTION_OPTIONS_H
#define LEAT_TOOL_CONNECTION_OPTIONS_H

#include "connection.h"

/** A setter of the configuration has taken a value, or refused it: its reason, which never holds a
 * secret. */
bool tool_connection_accept(struct tool_setting *setting, int code);
leat_config *tool_connection_config(struct tool_setting *setting);

/** Lets "@FILE" stand for the first line of a file. `*ret_owned` is for
 * tool_connection_secret_done(), also where it fails. */
bool tool_connection_secret(struct tool_setting *setting, char **ret_owned);
/** Wipes and frees; NULL is allowed. */
void tool_connection_secret_done(char *owned);

/** "NAME:VALUE" for one of the configuration's setters. */
bool tool_connection_take_header(struct tool_setting *setting,
                                 int (*add)(leat_config *config, const char *name,
                                            const char *value));

#endif
