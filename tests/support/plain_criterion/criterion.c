/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every test in a process of its own, one after the other: PROGRAM [--filter PATTERN], of
 * SUITE/TEST. For script/mutate: with LEAT_TEST_STOP in the environment only until one fails, and
 * without those that match LEAT_TEST_WITHOUT. For script/cross: with LEAT_TEST_TOGETHER one process
 * runs them all until one fails, because qemu translates a program anew in each process; what failed
 * behind others is tried by itself. */
#include "criterion/criterion.h"
#include "../patience.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_S 60

struct plain_criterion_options criterion_options;

static struct plain_test *first;
static const struct plain_test *running; /* in this process */
static atomic_uint failures;             /* of that */

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

/* As tests/support/criterion_hooks.c says it. */
void plain_skip(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("left out: %s/%s: ", running->suite, running->name);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    exit(0);
}

static const struct plain_options *suite_options(const char *suite)
{
    static const struct plain_options none;
    for (const struct plain_test *test = first; test; test = test->next) {
        if (!test->name && strcmp(test->suite, suite) == 0)
            return &test->options;
    }
    return &none;
}

static void call(void (*function)(void))
{
    if (function)
        function();
}

static double first_not_zero(double a, double b, double c)
{
    return a > 0 ? a : b > 0 ? b : c;
}

static void test_run(const struct plain_test *test, void *parameter)
{
    const struct plain_options *suite = suite_options(test->suite);
    double timeout = first_not_zero(test->options.timeout, suite->timeout, DEFAULT_TIMEOUT_S);
    alarm((unsigned)PATIENCE_S(timeout) + 1);
    running = test;
    call(suite->init);
    call(test->options.init);
    test->run(parameter);
    call(test->options.fini);
    call(suite->fini);
}

struct test_case {
    const struct plain_test *test;
    size_t index;
    void *parameter;
};

/* Ends by exit(), so that the sanitizer can say what it has found. */
static void cases_run(const struct test_case *cases, size_t count, size_t *begun)
{
    while (*begun < count && atomic_load(&failures) == 0) {
        const struct test_case *next = &cases[(*begun)++];
        test_run(next->test, next->parameter);
    }
    exit(atomic_load(&failures) > 0);
}

/* In one process of their own, until one fails or is left out; tells how many that were. */
static size_t cases_run_apart(const struct test_case *cases, size_t count, bool *passed)
{
    static size_t *begun;
    int status = -1;
    if (!begun)
        begun =
            mmap(NULL, sizeof(*begun), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (begun == MAP_FAILED)
        abort();
    *begun = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        cases_run(cases, count, begun);
    *passed = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    if (*begun == 0)
        *begun = 1;
    const struct test_case *last = &cases[*begun - 1];
    if (!*passed)
        printf("%s/%s %zu: %s %d\n", last->test->suite, last->test->name, last->index,
               WIFSIGNALED(status) ? "signal" : "exit status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return *begun;
}

struct text {
    const char *at, *end;
};

static bool text_matches(struct text pattern, struct text text);

/* One of the alternatives of (A|B), whose "(" and ")" are not in `list`. */
static bool one_matches(struct text list, struct text text)
{
    int depth = 0;
    const char *begin = list.at;
    for (const char *p = list.at; p <= list.end; p++) {
        if (p == list.end || (*p == '|' && depth == 0)) {
            if (text_matches((struct text){begin, p}, text))
                return true;
            begin = p + 1;
        } else {
            depth += (*p == '(') - (*p == ')');
        }
    }
    return false;
}

/* What is behind the list that begins at `p`: at its ")", or at the end. */
static const char *list_end(const char *p, const char *end)
{
    int depth = 0;
    while (p < end && (*p != ')' || depth > 0)) {
        depth += (*p == '(') - (*p == ')');
        p++;
    }
    return p;
}

/* As fnmatch(3) with FNM_EXTMATCH, which only glibc has: *, !(A|B) and @(A|B). */
static bool text_matches(struct text pattern, struct text text)
{
    if (pattern.at == pattern.end)
        return text.at == text.end;
    const char kind = *pattern.at;
    const bool has_list = (kind == '!' || kind == '@') && pattern.at[1] == '(';
    if (kind != '*' && !has_list)
        return text.at < text.end && kind == *text.at &&
               text_matches((struct text){pattern.at + 1, pattern.end},
                            (struct text){text.at + 1, text.end});

    struct text list = {pattern.at, pattern.at}, rest = {pattern.at + 1, pattern.end};
    if (has_list) {
        list.at = pattern.at + 2;
        list.end = list_end(list.at, pattern.end);
        rest.at = list.end < pattern.end ? list.end + 1 : pattern.end;
    }
    for (const char *p = text.at; p <= text.end; p++) {
        bool fits = !has_list || one_matches(list, (struct text){text.at, p}) == (kind == '@');
        if (fits && text_matches(rest, (struct text){p, text.end}))
            return true;
    }
    return false;
}

static bool name_matches(const char *pattern, const char *name)
{
    return text_matches((struct text){pattern, pattern + strlen(pattern)},
                        (struct text){name, name + strlen(name)});
}

static bool is_wanted(const struct plain_test *test)
{
    const char *wanted = criterion_options.pattern;
    char name[512];
    snprintf(name, sizeof(name), "%s/%s", test->suite, test->name);
    const char *unwanted = getenv("LEAT_TEST_WITHOUT");
    if (unwanted && name_matches(unwanted, name))
        return false;
    return !wanted || name_matches(wanted, name);
}

/* ---- what a program calls -------------------------------------------------------------------- */

struct criterion_test_set *criterion_initialize(void)
{
    return NULL;
}

int criterion_handle_args(int argc, char **argv, bool handle_unknown)
{
    (void)handle_unknown;
    bool is_filter = argc == 3 && strcmp(argv[1], "--filter") == 0;
    criterion_options.pattern = is_filter ? argv[2] : NULL;
    return argc == 1 || is_filter;
}

/* All that are wanted. */
static struct test_case *cases_collect(size_t *count)
{
    struct test_case *cases = NULL;
    *count = 0;
    for (const struct plain_test *test = first; test; test = test->next) {
        if (!test->name || !is_wanted(test))
            continue;
        struct criterion_test_params parameters = {.length = 1};
        if (test->parameters)
            parameters = test->parameters();
        cases = realloc(cases, (*count + parameters.length) * sizeof(*cases));
        if (!cases)
            abort();
        for (size_t i = 0; i < parameters.length; i++) {
            char *parameter = parameters.params;
            cases[(*count)++] =
                (struct test_case){test, i, parameter ? parameter + i * parameters.size : NULL};
        }
    }
    return cases;
}

int criterion_run_all_tests(struct criterion_test_set *tests)
{
    (void)tests;
    const bool stops = getenv("LEAT_TEST_STOP") != NULL;
    const bool together = getenv("LEAT_TEST_TOGETHER") != NULL;
    size_t count, run = 0, failed = 0;
    struct test_case *cases = cases_collect(&count);
    while (run < count && !(stops && failed > 0)) {
        bool passed;
        size_t begun = cases_run_apart(cases + run, together ? count - run : 1, &passed);
        run += begun;
        if (!passed && begun > 1)
            (void)cases_run_apart(cases + run - 1, 1, &passed);
        failed += !passed;
    }
    free(cases);
    printf("%zu of %zu tests passed\n", run - failed, run);
    return run > 0 && failed == 0;
}

void criterion_finalize(struct criterion_test_set *tests)
{
    (void)tests;
}

__attribute__((weak)) int main(int argc, char **argv)
{
    struct criterion_test_set *tests = criterion_initialize();
    bool passed = criterion_handle_args(argc, argv, true) && criterion_run_all_tests(tests);
    criterion_finalize(tests);
    return passed ? 0 : 1;
}
