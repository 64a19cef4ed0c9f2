/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The part of Criterion's interface that these tests use, with a runner that only forks. For builds
 * with ThreadSanitizer: Criterion's own runner wants memory at addresses that the sanitizer has
 * taken.
 */
#ifndef LEAT_TESTS_PLAIN_CRITERION_H
#define LEAT_TESTS_PLAIN_CRITERION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plain_options {
    int unused;
    void (*init)(void);
    void (*fini)(void);
    double timeout; /* seconds */
};

struct criterion_test_params {
    void *params;
    size_t size, length;
};

struct plain_test {
    struct plain_test *next;
    const char *suite;
    const char *name; /* NULL = the options of the suite */
    void (*run)(void *parameter);
    struct criterion_test_params (*parameters)(void); /* NULL = it has none */
    struct plain_options options;
};

void plain_test_register(struct plain_test *test);
void plain_failure(bool is_fatal, const char *file, int line, const char *what, const char *format,
                   ...) __attribute__((format(printf, 5, 6)));
void plain_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* For programs with a `main` of their own. */
struct criterion_test_set;
extern struct plain_criterion_options {
    const char *pattern; /* SUITE/TEST; NULL = all */
} criterion_options;
struct criterion_test_set *criterion_initialize(void);
int criterion_handle_args(int argc, char **argv, bool handle_unknown);
int criterion_run_all_tests(struct criterion_test_set *tests);
void criterion_finalize(struct criterion_test_set *tests);

/* clang-format off */
#define PLAIN_REGISTER(symbol, suite_text, name_text, function, parameter_function, ...)           \
    static struct plain_test symbol = {.suite = suite_text,                                        \
                                       .name = name_text,                                          \
                                       .run = function,                                            \
                                       .parameters = parameter_function,                           \
                                       .options = {.unused = 0, ##__VA_ARGS__}};                   \
    __attribute__((constructor)) static void symbol##_register(void)                               \
    {                                                                                              \
        plain_test_register(&symbol);                                                              \
    }
/* clang-format on */

#define TestSuite(suite, ...) PLAIN_REGISTER(suite##_suite, #suite, NULL, NULL, NULL, ##__VA_ARGS__)
#define Test(suite, test, ...)                                                                     \
    static void suite##_##test##_body(void);                                                       \
    static void suite##_##test##_run(void *parameter)                                              \
    {                                                                                              \
        (void)parameter;                                                                           \
        suite##_##test##_body();                                                                   \
    }                                                                                              \
    PLAIN_REGISTER(suite##_##test, #suite, #test, suite##_##test##_run, NULL, ##__VA_ARGS__)       \
    static void suite##_##test##_body(void)

#define cr_make_param_array(type, array, count)                                                    \
    ((struct criterion_test_params){(void *)(array), sizeof(type), count})
#define ParameterizedTestParameters(suite, test)                                                   \
    static struct criterion_test_params suite##_##test##_parameters(void)
#define ParameterizedTest(parameter, suite, test, ...)                                             \
    static void suite##_##test##_body(parameter);                                                  \
    static void suite##_##test##_run(void *at)                                                     \
    {                                                                                              \
        suite##_##test##_body(at);                                                                 \
    }                                                                                              \
    PLAIN_REGISTER(suite##_##test, #suite, #test, suite##_##test##_run,                            \
                   suite##_##test##_parameters, ##__VA_ARGS__)                                     \
    static void suite##_##test##_body(parameter)

#define PLAIN_CHECK(is_fatal, condition, ...)                                                      \
    ((condition) ? (void)0                                                                         \
                 : plain_failure(is_fatal, __FILE__, __LINE__, #condition, " " __VA_ARGS__))

#define cr_assert(condition, ...)         PLAIN_CHECK(true, condition, __VA_ARGS__)
#define cr_expect(condition, ...)         PLAIN_CHECK(false, condition, __VA_ARGS__)
#define cr_assert_not(value, ...)         PLAIN_CHECK(true, !(value), __VA_ARGS__)
#define cr_expect_not(value, ...)         PLAIN_CHECK(false, !(value), __VA_ARGS__)
#define cr_assert_null(value, ...)        PLAIN_CHECK(true, !(value), __VA_ARGS__)
#define cr_expect_null(value, ...)        PLAIN_CHECK(false, !(value), __VA_ARGS__)
#define cr_assert_not_null(value, ...)    PLAIN_CHECK(true, (value), __VA_ARGS__)
#define cr_expect_not_null(value, ...)    PLAIN_CHECK(false, (value), __VA_ARGS__)
#define cr_assert_eq(a, b, ...)           PLAIN_CHECK(true, (a) == (b), __VA_ARGS__)
#define cr_expect_eq(a, b, ...)           PLAIN_CHECK(false, (a) == (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...)          PLAIN_CHECK(true, (a) != (b), __VA_ARGS__)
#define cr_expect_neq(a, b, ...)          PLAIN_CHECK(false, (a) != (b), __VA_ARGS__)
#define cr_assert_lt(a, b, ...)           PLAIN_CHECK(true, (a) < (b), __VA_ARGS__)
#define cr_expect_lt(a, b, ...)           PLAIN_CHECK(false, (a) < (b), __VA_ARGS__)
#define cr_assert_gt(a, b, ...)           PLAIN_CHECK(true, (a) > (b), __VA_ARGS__)
#define cr_expect_gt(a, b, ...)           PLAIN_CHECK(false, (a) > (b), __VA_ARGS__)
#define cr_assert_leq(a, b, ...)          PLAIN_CHECK(true, (a) <= (b), __VA_ARGS__)
#define cr_expect_leq(a, b, ...)          PLAIN_CHECK(false, (a) <= (b), __VA_ARGS__)
#define cr_assert_geq(a, b, ...)          PLAIN_CHECK(true, (a) >= (b), __VA_ARGS__)
#define cr_expect_geq(a, b, ...)          PLAIN_CHECK(false, (a) >= (b), __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)       PLAIN_CHECK(true, strcmp(a, b) == 0, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)       PLAIN_CHECK(false, strcmp(a, b) == 0, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)      PLAIN_CHECK(true, strcmp(a, b) != 0, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...)      PLAIN_CHECK(false, strcmp(a, b) != 0, __VA_ARGS__)
#define cr_assert_str_empty(text, ...)    PLAIN_CHECK(true, (text)[0] == '\0', __VA_ARGS__)
#define cr_expect_str_empty(text, ...)    PLAIN_CHECK(false, (text)[0] == '\0', __VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...) PLAIN_CHECK(true, memcmp(a, b, size) == 0, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, size, ...) PLAIN_CHECK(false, memcmp(a, b, size) == 0, __VA_ARGS__)
#define cr_assert_fail(...)               PLAIN_CHECK(true, false, __VA_ARGS__)
#define cr_expect_fail(...)               PLAIN_CHECK(false, false, __VA_ARGS__)
#define cr_skip(...)                      plain_skip(__VA_ARGS__)
#define cr_skip_test(...)                 plain_skip(__VA_ARGS__)

#endif
