/* SPDX-License-Identifier: Apache-2.0 */
/* Without libedit: what the terminal itself offers, and no history. */
#include "line_editor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 65536 };

struct tool_line_editor {
    const char *prompt;
    tool_line_wait_fn wait;
    void *user;
    char line[LINE_BYTES];
};

struct tool_line_editor *tool_line_editor_new(const char *prompt, bool has_history,
                                              tool_line_wait_fn wait, void *user)
{
    struct tool_line_editor *editor = calloc(1, sizeof(*editor));
    (void)has_history;
    if (editor) {
        editor->prompt = prompt;
        editor->wait = wait;
        editor->user = user;
    }
    return editor;
}

void tool_line_editor_free(struct tool_line_editor *editor)
{
    free(editor);
}

/* A terminal gives one line to each read(2). */
const char *tool_line_editor_read(struct tool_line_editor *editor, size_t *ret_len)
{
    fputs(editor->prompt, stdout);
    fflush(stdout);
    while (editor->wait(editor->user)) {
        ssize_t len = read(STDIN_FILENO, editor->line, sizeof(editor->line));
        if (len < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (len <= 0)
            return NULL;
        *ret_len = (size_t)len - (editor->line[len - 1] == '\n');
        return editor->line;
    }
    return NULL;
}

/* The terminal shows what is typed, and we do not know it. */
void tool_line_editor_hide(struct tool_line_editor *editor)
{
    (void)editor;
}

void tool_line_editor_show(struct tool_line_editor *editor)
{
    (void)editor;
}

void tool_line_editor_resized(struct tool_line_editor *editor)
{
    (void)editor;
}

void tool_line_editor_resumed(struct tool_line_editor *editor)
{
    (void)editor;
}
