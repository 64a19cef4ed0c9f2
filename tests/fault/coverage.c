/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/fault.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <leat/catalogue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COVERAGE_VARIABLE "LEAT_FAULT_COVERAGE"

void coverage_begin(void)
{
    char path[] = "/tmp/leat-fault-coverage.XXXXXX";
    int fd = mkstemp(path);
    if (fd >= 0) {
        close(fd);
        setenv(COVERAGE_VARIABLE, path, 1);
    }
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
static void reached_read(bool *reached)
{
    const char *path = getenv(COVERAGE_VARIABLE);
    FILE *file = path ? fopen(path, "re") : NULL;
    int code;
    while (file != NULL && fscanf(file, "%d", &code) == 1) {
        for (size_t i = 0; i < leat_code_count(); ++i) {
            reached[i] = reached[i] || leat_code_at(i) == code;
        }
    }
    if (file != NULL) {
        fclose(file);
        unlink(path);
    }
}

bool coverage_end(bool partial)
{
    size_t count = leat_code_count();
    size_t reached_count = 0;
    bool *reached = calloc(count, sizeof(*reached));
    if (reached == NULL) {
        return false;
    }
    reached_read(reached);
    for (size_t i = 0; i < count && !partial; ++i) {
        reached_count += reached[i];
        if (!reached[i]) {
            printf("NOT REACHED: %d %s\n", leat_code_at(i), leat_code_name(leat_code_at(i)));
        }
    }
    free(reached);
    if (!partial) {
        printf("codes: %zu of %zu documented rows reached\n", reached_count, count);
    }
    return partial || reached_count == count;
}
