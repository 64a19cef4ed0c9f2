/* SPDX-License-Identifier: Apache-2.0 */
/** @file The lines that were typed, in a file that only its owner can read. */
#ifndef LEAT_TOOL_HISTORY_H
#define LEAT_TOOL_HISTORY_H

#include <stdbool.h>

struct tool_history;

/** Opens `name` below the directory leat of XDG_STATE_HOME, or of ~/.local/state. NULL if there can
 * be none: nothing is kept then. Old lines are dropped when the file has become large. */
struct tool_history *tool_history_open(const char *name);
void tool_history_close(struct tool_history *history);

/** The next line, the oldest first; NULL at the end. Valid until the next call. */
const char *tool_history_next(struct tool_history *history);

/** Whether a line is worth keeping: text, not empty, not very long, not the same as the last one,
 * and not begun with a space, which is how one keeps a secret out of a history. */
bool tool_history_wants(const struct tool_history *history, const char *line);
/** Appends a line at once, so that sessions side by side do not lose each other's. */
void tool_history_add(struct tool_history *history, const char *line);

#endif
