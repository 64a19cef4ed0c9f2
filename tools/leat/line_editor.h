/* SPDX-License-Identifier: Apache-2.0 */
/** @file Reading lines from a terminal, with editing and history, while other things go on. */
#ifndef LEAT_TOOL_LINE_EDITOR_H
#define LEAT_TOOL_LINE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

struct tool_line_editor;

/** Waits until standard input is readable and does meanwhile what else there is to do. false: stop
 * reading. */
typedef bool (*tool_line_wait_fn)(void *user);

/** @param has_history keep lines from one session to the next. @return NULL: no memory, no
 * terminal. */
struct tool_line_editor *tool_line_editor_new(const char *prompt, bool has_history,
                                              tool_line_wait_fn wait, void *user);
/** Leaves the terminal as it was. NULL is allowed. */
void tool_line_editor_free(struct tool_line_editor *editor);

/** The next line without its end, valid until the next call; NULL: end of input, or `wait` said
 * stop. */
const char *tool_line_editor_read(struct tool_line_editor *editor, size_t *ret_len);

/** Takes the line that is being typed off the screen, so that something can be printed. */
void tool_line_editor_hide(struct tool_line_editor *editor);
/** Puts it back, below what was printed. */
void tool_line_editor_show(struct tool_line_editor *editor);

void tool_line_editor_resized(struct tool_line_editor *editor);
/** The process was stopped, and the terminal has been somebody else's. */
void tool_line_editor_resumed(struct tool_line_editor *editor);

#endif
