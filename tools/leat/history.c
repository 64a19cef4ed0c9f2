/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEPT_BYTES = 64 * 1024,  /* after old lines were dropped */
    FILE_BYTES = 128 * 1024, /* when that happens */
    LINE_BYTES = 4096,
};

struct tool_history {
    FILE *file;  /* for appending */
    char *lines; /* what it held, line ends replaced by NUL */
    size_t len, next;
    char *last;
};

/* All folders on the way that are missing, for the owner alone. */
static bool folders_make(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int result = mkdir(path, 0700);
        *slash = '/';
        if (result != 0 && errno != EEXIST)
            return false;
    }
    return true;
}

static char *path_make(const char *name)
{
    char *path = NULL;
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int len = -1;
    /* The specification says that a relative path is to be ignored. */
    if (state && state[0] == '/')
        len = asprintf(&path, "%s/leat/%s", state, name);
    else if (home && home[0] == '/')
        len = asprintf(&path, "%s/.local/state/leat/%s", home, name);
    if (len >= 0 && folders_make(path))
        return path;
    if (len >= 0)
        free(path);
    return NULL;
}

static bool file_is_plain(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid();
}

/* The whole lines among the last bytes of a file. */
static bool lines_load(struct tool_history *history, int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        return false;
    off_t from = size > FILE_BYTES ? size - KEPT_BYTES : 0;
    history->lines = malloc((size_t)(size - from) + 1);
    if (!history->lines)
        return false;
    ssize_t len = pread(fd, history->lines, (size_t)(size - from), from);
    history->len = len > 0 ? (size_t)len : 0;
    history->lines[history->len] = '\n';
    if (from > 0) {
        char *end = memchr(history->lines, '\n', history->len + 1);
        size_t cut = (size_t)(end - history->lines) + 1;
        cut = cut < history->len ? cut : history->len;
        history->len -= cut;
        memmove(history->lines, history->lines + cut, history->len);
    }
    return true;
}

/* Under its own name only when it is complete. */
static int file_shorten(const struct tool_history *history, const char *path)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return -1;
    int fd = mkostemp(temporary, O_APPEND | O_CLOEXEC);
    if (fd >= 0 && (write(fd, history->lines, history->len) != (ssize_t)history->len ||
                    rename(temporary, path) != 0)) {
        unlink(temporary);
        close(fd);
        fd = -1;
    }
    free(temporary);
    return fd;
}

static int file_open(struct tool_history *history, const char *path)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return -1;
    if (!file_is_plain(fd) || fchmod(fd, 0600) != 0 || !lines_load(history, fd)) {
        close(fd);
        return -1;
    }
    if (lseek(fd, 0, SEEK_END) > FILE_BYTES) {
        close(fd);
        fd = file_shorten(history, path);
    }
    return fd;
}

struct tool_history *tool_history_open(const char *name)
{
    struct tool_history *history = calloc(1, sizeof(*history));
    if (!history)
        return NULL;
    char *path = path_make(name);
    int fd = path ? file_open(history, path) : -1;
    free(path);
    if (fd >= 0)
        history->file = fdopen(fd, "a");
    if (fd >= 0 && history->file)
        return history;
    if (fd >= 0)
        close(fd);
    free(history->lines);
    free(history);
    return NULL;
}

void tool_history_close(struct tool_history *history)
{
    if (!history)
        return;
    fclose(history->file);
    free(history->lines);
    free(history->last);
    free(history);
}

const char *tool_history_next(struct tool_history *history)
{
    if (!history || history->next >= history->len)
        return NULL;
    char *line = history->lines + history->next;
    char *end = memchr(line, '\n', history->len - history->next);
    if (!end)
        end = history->lines + history->len; /* has room for the NUL */
    *end = '\0';
    history->next = (size_t)(end - history->lines) + 1;
    return line;
}

/* A file that somebody has damaged must not get to the terminal, nor stop the line editor. */
static bool line_is_typed(const char *line, size_t len)
{
    while (len > 0) {
        unsigned character = 0;
        size_t size = tool_utf8_decode(line, len, &character);
        if (size == 0 || (character < 0x20 && character != '\t') || character == 0x7f)
            return false;
        line += size;
        len -= size;
    }
    return true;
}

bool tool_history_wants(const struct tool_history *history, const char *line)
{
    size_t len = strnlen(line, LINE_BYTES);
    return len > 0 && len < LINE_BYTES && line[0] != ' ' && line_is_typed(line, len) &&
           !(history && history->last && strcmp(history->last, line) == 0);
}

void tool_history_add(struct tool_history *history, const char *line)
{
    if (!history)
        return;
    free(history->last);
    history->last = strdup(line);
    fprintf(history->file, "%s\n", line);
    fflush(history->file);
}
