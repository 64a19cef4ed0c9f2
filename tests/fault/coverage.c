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

/* What no object of today can report. An entry goes when its object comes: a code in this list that
 * was reached all the same fails the test. */
static const struct {
    int code;
    const char *why;
} not_yet[] = {
    {LEAT_E_TLS_CLOSED, "leat_tls_socket"      },
};

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

/* The object that a code waits for, NULL if it can be reached today. */
static const char *not_yet_why(int code)
{
    for (size_t i = 0; i < sizeof(not_yet) / sizeof(not_yet[0]); ++i) {
        if (not_yet[i].code == code) {
            return not_yet[i].why;
        }
    }
    return leat_code_family(code) == LEAT_FAMILY_TLS_SOCKET ? "leat_tls_socket" : NULL;
}

/* The codes of the last family, "131 codes of the family tls-socket", are one line. */
static void not_yet_print(int code, const char *why, size_t *tls_socket_count)
{
    if (leat_code_family(code) == LEAT_FAMILY_TLS_SOCKET) {
        ++*tls_socket_count;
    } else {
        printf("not yet reachable: %d %s (needs %s)\n", code, leat_code_name(code), why);
    }
}

bool coverage_end(bool partial)
{
    size_t count = leat_code_count();
    size_t reached_count = 0;
    size_t tls_socket_count = 0;
    bool complete = true;
    bool *reached = calloc(count, sizeof(*reached));
    if (reached == NULL) {
        return false;
    }
    reached_read(reached);
    for (size_t i = 0; i < count && !partial; ++i) {
        int code = leat_code_at(i);
        const char *why = not_yet_why(code);
        reached_count += reached[i];
        if (!reached[i] && why != NULL) {
            not_yet_print(code, why, &tls_socket_count);
        } else if (!reached[i]) {
            printf("NOT REACHED: %d %s\n", code, leat_code_name(code));
            complete = false;
        } else if (why != NULL) {
            printf("REACHED, but listed as not reachable: %d %s\n", code, leat_code_name(code));
            complete = false;
        }
    }
    free(reached);
    if (tls_socket_count > 0) {
        printf("not yet reachable: %zu codes of the family tls-socket, %d + errno (needs "
               "leat_tls_socket)\n",
               tls_socket_count, LEAT_E_TLS_SOCKET_BASE);
    }
    if (!partial) {
        printf("codes: %zu of %zu documented rows reached\n", reached_count, count);
    }
    return complete;
}
