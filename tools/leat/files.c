/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *tool_read_first_line(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    char *line = NULL;
    size_t cap = 0;
    errno = ENODATA; /* what an empty file lacks */
    ssize_t len = getline(&line, &cap, file);
    int read_errno = errno;
    fclose(file);
    if (len < 0) {
        free(line);
        errno = read_errno;
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}
