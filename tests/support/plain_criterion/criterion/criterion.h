/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The part of Criterion's interface that these tests use, with a runner that only forks. For builds
 * with ThreadSanitizer: Criterion's own runner wants memory at addresses that the sanitizer has
 * taken. Without parameterized tests.
 */
#ifndef LEAT_TESTS_PLAIN_CRITERION_H
#define LEAT_TESTS_PLAIN_CRITERION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct plain_options {
    int unused;
    void (*init)(void);
    void (*fini)(void);
    double timeout; /* seconds */
};

struct plain_test {
    struct plain_test *next;
    const char *suite;
    const char *name; /* NULL = the options of the suite */
    void (*run)(void);
    struct plain_options options;
};

void plain_test_register(struct plain_test *test);
void plain_failure(bool is_fatal, const char *file, int line, const char *what,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));
void plain_skip(void);

#define PLAIN_REGISTER(symbol, suite_text, name_text, function, ...)                               \
    static struct plain_test symbol = {.suite = suite_text,                                        \
                                       .name = name_text,                                          \
                                       .run = function,                                            \
                                       .options = {.unused = 0, ##__VA_ARGS__}};                   \
    __attribute__((constructor)) static void symbol##_register(void)                               \
    {                                                                                              \
        plain_test_register(&symbol);                                                              \
    }

#define TestSuite(suite, ...) PLAIN_REGISTER(suite##_suite, #suite, NULL, NULL, ##__VA_ARGS__)
#define Test(suite, test, ...)                                                                     \
    static void suite##_##test##_run(void);                                                        \
    PLAIN_REGISTER(suite##_##test, #suite, #test, suite##_##test##_run, ##__VA_ARGS__)             \
    static void suite##_##test##_run(void)

#define PLAIN_CHECK(is_fatal, condition, ...)                                                      \
    ((condition) ? (void)0                                                                         \
                 : plain_failure(is_fatal, __FILE__, __LINE__, #condition, " " __VA_ARGS__))

#define cr_assert(condition, ...)       PLAIN_CHECK(true, condition, __VA_ARGS__)
#define cr_expect(condition, ...)       PLAIN_CHECK(false, condition, __VA_ARGS__)
#define cr_assert_not(value, ...)       PLAIN_CHECK(true, !(value), __VA_ARGS__)
#define cr_expect_not(value, ...)       PLAIN_CHECK(false, !(value), __VA_ARGS__)
#define cr_assert_null(value, ...)      PLAIN_CHECK(true, (value) == NULL, __VA_ARGS__)
#define cr_expect_null(value, ...)      PLAIN_CHECK(false, (value) == NULL, __VA_ARGS__)
#define cr_assert_not_null(value, ...)  PLAIN_CHECK(true, (value) != NULL, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)         PLAIN_CHECK(true, (a) == (b), __VA_ARGS__)
#define cr_expect_eq(a, b, ...)         PLAIN_CHECK(false, (a) == (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...)        PLAIN_CHECK(true, (a) != (b), __VA_ARGS__)
#define cr_assert_lt(a, b, ...)         PLAIN_CHECK(true, (a) < (b), __VA_ARGS__)
#define cr_assert_gt(a, b, ...)         PLAIN_CHECK(true, (a) > (b), __VA_ARGS__)
#define cr_assert_leq(a, b, ...)        PLAIN_CHECK(true, (a) <= (b), __VA_ARGS__)
#define cr_assert_geq(a, b, ...)        PLAIN_CHECK(true, (a) >= (b), __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)     PLAIN_CHECK(true, strcmp(a, b) == 0, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)     PLAIN_CHECK(false, strcmp(a, b) == 0, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)    PLAIN_CHECK(true, strcmp(a, b) != 0, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...) PLAIN_CHECK(true, memcmp(a, b, size) == 0, __VA_ARGS__)
#define cr_assert_fail(...)             PLAIN_CHECK(true, false, __VA_ARGS__)
#define cr_expect_fail(...)             PLAIN_CHECK(false, false, __VA_ARGS__)
#define cr_skip_test(...)               plain_skip()

#endif
