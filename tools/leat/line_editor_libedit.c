/* SPDX-License-Identifier: Apache-2.0 */
/* By libedit. It asks for one character at a time, and waiting for one is where the rest goes on.
 */
#include "line_editor.h"

#include "history.h"
#include "terminal.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum { HISTORY_LINES = 1000, TYPED_BYTES = 4096 };

struct tool_line_editor {
    EditLine *el;
    History *lines;
    struct tool_history *file;
    const char *prompt;
    tool_line_wait_fn wait;
    void *user;
    bool is_reading; /* a line is being typed */
    bool is_hidden;
    char typed[TYPED_BYTES];
    size_t typed_from, typed_to;
    mbstate_t decoding;
};

static struct tool_line_editor *editor_of(EditLine *el)
{
    void *editor = NULL;
    el_get(el, EL_CLIENTDATA, &editor);
    return editor;
}

static char *prompt_get(EditLine *el)
{
    return (char *)editor_of(el)->prompt; /* libedit does not write into it */
}

/* Waits for bytes; false = there are none any more. */
static bool typed_fill(struct tool_line_editor *editor)
{
    for (;;) {
        if (!editor->wait(editor->user)) {
            tool_line_editor_hide(editor); /* it will not be sent */
            return false;
        }
        ssize_t len = read(STDIN_FILENO, editor->typed, sizeof(editor->typed));
        if (len < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        editor->typed_from = 0;
        editor->typed_to = len > 0 ? (size_t)len : 0;
        return len > 0;
    }
}

static int character_read(EditLine *el, wchar_t *ret_character)
{
    struct tool_line_editor *editor = editor_of(el);
    for (;;) {
        if (editor->typed_from == editor->typed_to && !typed_fill(editor))
            return 0;
        size_t left = editor->typed_to - editor->typed_from;
        size_t size =
            mbrtowc(ret_character, editor->typed + editor->typed_from, left, &editor->decoding);
        if (size == (size_t)-2) { /* the rest of the character is to come */
            editor->typed_from = editor->typed_to;
            continue;
        }
        if (size == (size_t)-1) { /* not in this encoding: as if it had not been typed */
            memset(&editor->decoding, 0, sizeof(editor->decoding));
            editor->typed_from++;
            continue;
        }
        editor->typed_from += size ? size : 1;
        return 1;
    }
}

static void history_load(struct tool_line_editor *editor)
{
    HistEvent event;
    history(editor->lines, &event, H_SETSIZE, HISTORY_LINES);
    for (const char *line; (line = tool_history_next(editor->file));)
        if (tool_history_wants(NULL, line))
            history(editor->lines, &event, H_ENTER, line);
}

static bool editor_init(struct tool_line_editor *editor)
{
    /* Messages are UTF-8, whatever the locale; only what can be typed depends on it. */
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
    editor->lines = history_init();
    editor->el = editor->lines ? el_init("leat", stdin, stdout, stderr) : NULL;
    if (!editor->el)
        return false;
    el_set(editor->el, EL_CLIENTDATA, editor);
    el_set(editor->el, EL_PROMPT, prompt_get);
    el_set(editor->el, EL_EDITOR, "emacs");
    el_set(editor->el, EL_SIGNAL, 0);
    el_set(editor->el, EL_HIST, history, editor->lines);
    el_set(editor->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(editor->el, EL_BIND, "\\e[1~", "ed-move-to-beg", NULL);
    el_set(editor->el, EL_BIND, "\\e[4~", "ed-move-to-end", NULL);
    el_set(editor->el, EL_BIND, "\\e[3~", "ed-delete-next-char", NULL);
    el_set(editor->el, EL_BIND, "\\e[1;5C", "em-next-word", NULL);
    el_set(editor->el, EL_BIND, "\\e[1;5D", "ed-prev-word", NULL);
    el_source(editor->el, NULL); /* the person's own ~/.editrc */
    el_set(editor->el, EL_GETCFN, character_read);
    return true;
}

struct tool_line_editor *tool_line_editor_new(const char *prompt, bool has_history,
                                              tool_line_wait_fn wait, void *user)
{
    struct tool_line_editor *editor = calloc(1, sizeof(*editor));
    if (!editor)
        return NULL;
    editor->prompt = prompt;
    editor->wait = wait;
    editor->user = user;
    if (!editor_init(editor)) {
        tool_line_editor_free(editor);
        return NULL;
    }
    editor->file = has_history ? tool_history_open("history") : NULL;
    history_load(editor);
    return editor;
}

void tool_line_editor_free(struct tool_line_editor *editor)
{
    if (!editor)
        return;
    if (editor->el)
        el_end(editor->el);
    if (editor->lines)
        history_end(editor->lines);
    tool_history_close(editor->file);
    free(editor);
}

const char *tool_line_editor_read(struct tool_line_editor *editor, size_t *ret_len)
{
    int len = 0;
    editor->is_reading = true;
    editor->is_hidden = false;
    const char *line = el_gets(editor->el, &len);
    editor->is_reading = false;
    if (!line || len <= 0) {
        fputs("\r\033[J", stdout); /* the prompt, and the ^D that the terminal shows */
        fflush(stdout);
        return NULL;
    }
    size_t end = (size_t)len;
    if (line[end - 1] == '\n')
        end--;
    char *copy = strndup(line, end);
    HistEvent event;
    if (copy && tool_history_wants(editor->file, copy)) {
        history(editor->lines, &event, H_ENTER, copy);
        tool_history_add(editor->file, copy);
    }
    free(copy);
    *ret_len = end;
    return line;
}

/* In which row of the line, which may fill several, the cursor is. */
static size_t cursor_row(struct tool_line_editor *editor)
{
    const LineInfoW *line = el_wline(editor->el);
    size_t column = strlen(editor->prompt);
    for (const wchar_t *c = line->buffer; c < line->cursor; c++) {
        int width = wcwidth(*c);
        column += width > 0 ? (size_t)width : *c < 0x20 || *c == 0x7f ? 2 : 0; /* ^A */
    }
    return column / tool_terminal_columns(stdout);
}

void tool_line_editor_hide(struct tool_line_editor *editor)
{
    if (!editor || !editor->is_reading || editor->is_hidden)
        return;
    size_t row = cursor_row(editor);
    fputc('\r', stdout);
    if (row > 0)
        printf("\033[%zuA", row);
    fputs("\033[J", stdout);
    fflush(stdout);
    editor->is_hidden = true;
}

void tool_line_editor_show(struct tool_line_editor *editor)
{
    if (!editor || !editor->is_hidden)
        return;
    editor->is_hidden = false;
    el_set(editor->el, EL_REFRESH);
}

void tool_line_editor_resized(struct tool_line_editor *editor)
{
    if (!editor)
        return;
    tool_line_editor_hide(editor);
    el_resize(editor->el);
}

void tool_line_editor_resumed(struct tool_line_editor *editor)
{
    if (!editor || !editor->is_reading)
        return;
    el_set(editor->el, EL_PREP_TERM, 1);
    editor->is_hidden = true;
}
