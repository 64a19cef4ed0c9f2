/* SPDX-License-Identifier: Apache-2.0 */
#include "util/errno_text.h"

#include <criterion/criterion.h>

#include <errno.h>

Test(errno_text, each_errno_has_a_name_and_a_text)
{
    static const struct {
        int value;
        const char *name;
    } rows[] = {{EPERM, "EPERM"},
                {ENOENT, "ENOENT"},
                {EAGAIN, "EAGAIN"},
                {EDEADLK, "EDEADLK"},
                {EOPNOTSUPP, "EOPNOTSUPP"},
                {EHWPOISON, "EHWPOISON"},
                {ECONNREFUSED, "ECONNREFUSED"},
                {EHOSTUNREACH, "EHOSTUNREACH"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_str_eq(leati_errno_name(rows[i].value), rows[i].name);
        cr_assert_str_neq(leati_errno_text(rows[i].value), "");
    }
}

Test(errno_text, numbers_that_are_none_have_neither)
{
    static const int values[] = {-1, 41, 4095, 1 << 30};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        cr_assert_null(leati_errno_name(values[i]));
        cr_assert_null(leati_errno_text(values[i]));
    }
}
