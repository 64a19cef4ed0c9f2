/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_BYTES_MAX = 4096,
    FILE_BYTES_MAX = 16 << 20, /* as the library takes */
    /* `--password-file <(pass show proxy)` may ask a person first. */
    WRITER_WAIT_MS = 60000,
};

/* Reads up to the end of a line, or of the file. @return how much, -1 with errno. */
static ssize_t text_read(int fd, bool is_line, char *line, size_t cap)
{
    size_t len = 0;
    while (len < cap && !(is_line && memchr(line, '\n', len))) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t size = read(fd, line + len, cap - len);
        if (size == 0)
            break;
        if (size > 0) {
            len += (size_t)size;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return -1;
        int polled = errno == EAGAIN ? poll(&ready, 1, WRITER_WAIT_MS) : 1;
        if (polled == 0)
            errno = ETIMEDOUT;
        if (polled == 0 || (polled < 0 && errno != EINTR))
            return -1;
    }
    return (ssize_t)len;
}

char *tool_read_first_line(const char *path)
{
    /* A FIFO that nobody writes to is empty instead of a wait without end. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    char *line = calloc(1, LINE_BYTES_MAX + 1);
    ssize_t len = line ? text_read(fd, true, line, LINE_BYTES_MAX) : -1;
    int sys_errno = errno;
    close(fd);
    if (len == 0)
        sys_errno = ENODATA;
    else if (len == LINE_BYTES_MAX && !strpbrk(line, "\r\n"))
        sys_errno = EFBIG, len = -1;
    if (len > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        return line;
    }
    if (line)
        explicit_bzero(line, LINE_BYTES_MAX);
    free(line);
    errno = sys_errno;
    return NULL;
}

char *tool_read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    char *text = malloc(FILE_BYTES_MAX + 1);
    ssize_t len = text ? text_read(fd, false, text, FILE_BYTES_MAX) : -1;
    int sys_errno = errno;
    close(fd);
    if (len == FILE_BYTES_MAX || (len >= 0 && memchr(text, '\0', (size_t)len)))
        sys_errno = len == FILE_BYTES_MAX ? EFBIG : EINVAL, len = -1;
    char *fitting = len >= 0 ? realloc(text, (size_t)len + 1) : NULL;
    if (fitting) {
        fitting[len] = '\0';
        return fitting;
    }
    free(text);
    errno = sys_errno;
    return NULL;
}
