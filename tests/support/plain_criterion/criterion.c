/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every test in a process of its own, one after the other: PROGRAM [SUITE/TEST]. */
#include "../patience.h"
#include "criterion/criterion.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_S 60

static struct plain_test *first;
static atomic_uint failures; /* of the test that runs in this process */

void plain_test_register(struct plain_test *test)
{
    test->next = first;
    first = test;
}

void plain_failure(bool is_fatal, const char *file, int line, const char *what, const char *format,
                   ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%d: %s:", file, line, what);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    atomic_fetch_add(&failures, 1);
    if (is_fatal)
        _exit(1);
}

void plain_skip(void)
{
    exit(0);
}

static const struct plain_options *suite_options(const char *suite)
{
    static const struct plain_options none;
    for (const struct plain_test *test = first; test != NULL; test = test->next) {
        if (test->name == NULL && strcmp(test->suite, suite) == 0)
            return &test->options;
    }
    return &none;
}

static void call(void (*function)(void))
{
    if (function != NULL)
        function();
}

static double first_not_zero(double a, double b, double c)
{
    return a > 0 ? a : b > 0 ? b : c;
}

/* Ends by exit(), so that the sanitizer can say what it has found. */
static void test_run(const struct plain_test *test)
{
    const struct plain_options *suite = suite_options(test->suite);
    double timeout = first_not_zero(test->options.timeout, suite->timeout, DEFAULT_TIMEOUT_S);
    alarm((unsigned)PATIENCE_S(timeout) + 1);
    call(suite->init);
    call(test->options.init);
    test->run();
    call(test->options.fini);
    call(suite->fini);
    exit(atomic_load(&failures) > 0);
}

static bool test_passes(const struct plain_test *test)
{
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        test_run(test);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (status != 0)
        printf("%s/%s: %s %d\n", test->suite, test->name,
               WIFSIGNALED(status) ? "signal" : "exit status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return status == 0;
}

static bool is_wanted(const struct plain_test *test, const char *wanted)
{
    char name[512];
    snprintf(name, sizeof(name), "%s/%s", test->suite, test->name);
    return wanted == NULL || strcmp(wanted, name) == 0;
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : NULL;
    unsigned run = 0, passed = 0;
    for (const struct plain_test *test = first; test != NULL; test = test->next) {
        if (test->name == NULL || !is_wanted(test, wanted))
            continue;
        run++;
        passed += test_passes(test);
    }
    printf("%u of %u tests passed\n", passed, run);
    return run == 0 || passed != run;
}
