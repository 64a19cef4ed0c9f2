/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/fault.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <leat/catalogue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names the file that the processes of a run append to. */
#define COVERAGE_VARIABLE "LEAT_FAULT_CODES"

void coverage_begin(void)
{
    const char *path = getenv(COVERAGE_VARIABLE);
    FILE *file = path ? fopen(path, "we") : NULL;
    if (file)
        fclose(file);
}

void coverage_reached(int code)
{
    char line[16];
    const char *path = getenv(COVERAGE_VARIABLE);
    int len = snprintf(line, sizeof(line), "%d\n", code);
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (fd >= 0) {
        cr_expect(write(fd, line, (size_t)len) == len);
        close(fd);
    }
}

/* Marks the catalogue's codes that are in the file. */
static void reached_read(const char *path, bool *reached)
{
    FILE *file = fopen(path, "re");
    int code;
    while (file && fscanf(file, "%d", &code) == 1) {
        for (size_t i = 0; i < leat_code_count(); ++i)
            reached[i] = reached[i] || leat_code_at(i) == code;
    }
    if (file)
        fclose(file);
}

bool coverage_is_whole(char **paths)
{
    size_t count = leat_code_count();
    size_t reached_count = 0;
    bool *reached = calloc(count, sizeof(*reached));
    if (!reached)
        return false;
    for (; *paths; ++paths)
        reached_read(*paths, reached);
    for (size_t i = 0; i < count; ++i) {
        reached_count += reached[i];
        if (!reached[i])
            printf("NOT REACHED: %d %s\n", leat_code_at(i), leat_code_name(leat_code_at(i)));
    }
    free(reached);
    printf("codes: %zu of %zu documented rows reached\n", reached_count, count);
    return reached_count == count;
}
