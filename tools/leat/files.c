/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_BYTES_MAX = 4096,
    /* `--password-file <(pass show proxy)` may ask a person first. */
    WRITER_WAIT_MS = 60000,
};

/* Reads up to the end of a line. @return how much, -1 with errno. */
static ssize_t line_read(int fd, char *line, size_t cap)
{
    size_t len = 0;
    while (len < cap && !memchr(line, '\n', len)) {
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
    ssize_t len = line ? line_read(fd, line, LINE_BYTES_MAX) : -1;
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
