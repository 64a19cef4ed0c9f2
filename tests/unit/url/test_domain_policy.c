/* SPDX-License-Identifier: Apache-2.0 */
#include "url/domain_policy.h"

#include <leat/error_codes.h>

#include "support/alloc_failure.h"
#include "support/leak_check.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(domain_policy, .timeout = 30, .fini = leak_check);

static void policy_fill(struct leati_domain_policy *policy, const char *const *allow,
                        const char *const *deny)
{
    const char *reason = "";

    leati_domain_policy_init(policy);
    for (; *allow; allow++)
        cr_assert_eq(leati_domain_policy_add(policy, LEATI_DOMAIN_ALLOW, *allow, &reason), LEAT_OK,
                     "%s: %s", *allow, reason);
    for (; *deny; deny++)
        cr_assert_eq(leati_domain_policy_add(policy, LEATI_DOMAIN_DENY, *deny, &reason), LEAT_OK,
                     "%s: %s", *deny, reason);
}

struct policy_case {
    const char *allow[3];
    const char *deny[3];
    const char *host;
    bool allowed;
    const char *entry; /* that denies it; NULL = none */
};

#define BUECHER                                                                                    \
    "b\xc3\xbc"                                                                                    \
    "cher.example"

static const struct policy_case cases[] = {
    {{NULL}, {NULL}, "a.example", true, NULL},
    {{NULL}, {NULL}, "::1", true, NULL},
    {{"a.example"}, {NULL}, "a.example", true, NULL},
    {{"A.Example."}, {NULL}, "a.example", true, NULL},
    {{"a.example"}, {NULL}, "b.a.example", false, NULL},
    {{"a.example"}, {NULL}, "example", false, NULL},
    {{"a.example"}, {NULL}, "aa.example", false, NULL},
    {{"a.example", "b.example"}, {NULL}, "b.example", true, NULL},
    {{"*.example"}, {NULL}, "a.example", true, NULL},
    {{"*.example"}, {NULL}, "b.a.example", true, NULL},
    {{"*.example"}, {NULL}, "example", false, NULL},
    {{"*.a.example"}, {NULL}, "ba.example", false, NULL},
    {{"*.a.example", "a.example"}, {NULL}, "a.example", true, NULL},
    /* what is denied is denied */
    {{NULL}, {"a.example"}, "a.example", false, "a.example"},
    {{NULL}, {"a.example"}, "b.example", true, NULL},
    {{"a.example"}, {"a.example"}, "a.example", false, "a.example"},
    {{"*.example"}, {"*.A.example"}, "b.a.example", false, "*.a.example"},
    {{"*.example"}, {"*.a.example"}, "a.example", true, NULL},
    {{"b.a.example"}, {"*.example"}, "b.a.example", false, "*.example"},
    /* IDNA */
    {{BUECHER}, {NULL}, "xn--bcher-kva.example", true, NULL},
    {{"xn--bcher-kva.example"}, {NULL}, "xn--bcher-kva.example", true, NULL},
    {{NULL}, {"*." BUECHER}, "www.xn--bcher-kva.example", false, "*.xn--bcher-kva.example"},
    /* addresses */
    {{"10.0.0.1"}, {NULL}, "10.0.0.1", true, NULL},
    {{"10.0.0.1"}, {NULL}, "10.0.0.2", false, NULL},
    {{"*.example"}, {NULL}, "10.0.0.1", false, NULL},
    {{NULL}, {"10.0.0.1"}, "::ffff:10.0.0.1", false, "10.0.0.1"},
    {{NULL}, {"::ffff:a00:1"}, "10.0.0.1", false, "::ffff:a00:1"},
    {{NULL}, {"%31%30.0.0.1"}, "10.0.0.1", false, "10.0.0.1"},
    {{NULL}, {"0x0a.1"}, "10.0.0.1", false, "10.0.0.1"},
    {{NULL}, {"10.1"}, "::ffff:10.0.0.1", false, "10.0.0.1"},
    {{NULL}, {"[FE80::1]"}, "fe80::1%eth0", false, "[FE80::1]"},
    {{"2001:db8::1"}, {NULL}, "2001:db8::1", true, NULL},
    {{"2001:db8::1"}, {NULL}, "2001:db8::2", false, NULL},
};

static void check_case(const struct leati_domain_policy *policy, size_t i)
{
    const struct policy_case *c = &cases[i];
    const char *entry = NULL;

    cr_expect_eq(leati_domain_policy_allows(policy, c->host, &entry), c->allowed, "case %zu: %s", i,
                 c->host);
    cr_expect_eq(entry != NULL, c->entry != NULL, "case %zu", i);
    if (entry && c->entry)
        cr_expect_str_eq(entry, c->entry);
}

Test(domain_policy, who_is_allowed)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leati_domain_policy policy, copy;
        policy_fill(&policy, cases[i].allow, cases[i].deny);
        check_case(&policy, i);
        cr_assert_eq(leati_domain_policy_copy(&policy, &copy), LEAT_OK);
        leati_domain_policy_done(&policy);
        leati_domain_policy_done(&policy); /* is empty now */
        check_case(&copy, i);
        leati_domain_policy_done(&copy);
    }
}

Test(domain_policy, entries_that_are_none)
{
    static const char *const entries[] = {
        "",
        "*",
        "*.",
        ".example",
        "a..example",
        "*a.example",
        "a.*.example",
        "*.*.example",
        "*.10.0.0.1",
        "*.::1",
        "1.2.3.256", /* 1.2.3 is 1.2.0.3 */
        "a.example:443",
        "a b",
        "a/b",
        "10.0.0.0/8",
        "wss://a.example",
        "\xff.example",
        "a\r\n",
    };
    struct leati_domain_policy policy;

    leati_domain_policy_init(&policy);
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        const char *reason = NULL;
        cr_expect_eq(leati_domain_policy_add(&policy, LEATI_DOMAIN_DENY, entries[i], &reason),
                     LEAT_E_PARAMETER, "%s", entries[i]);
        cr_expect(reason && *reason);
    }
    const char *entry;
    cr_assert_eq(policy.lists[LEATI_DOMAIN_DENY].count, 0u);
    cr_assert(leati_domain_policy_allows(&policy, "a.example", &entry));
    leati_domain_policy_done(&policy);
}

Test(domain_policy, a_list_has_a_limit)
{
    struct leati_domain_policy policy;
    const char *reason = NULL;
    char entry[32];

    leati_domain_policy_init(&policy);
    for (unsigned i = 0; i < LEATI_DOMAIN_POLICY_MAX_ENTRIES; i++) {
        snprintf(entry, sizeof(entry), "n%u.example", i);
        cr_assert_eq(leati_domain_policy_add(&policy, LEATI_DOMAIN_ALLOW, entry, &reason), LEAT_OK);
    }
    cr_assert_eq(leati_domain_policy_add(&policy, LEATI_DOMAIN_ALLOW, "x.example", &reason),
                 LEAT_E_PARAMETER);
    cr_assert_str_eq(reason, "the list of domains is full");
    leati_domain_policy_done(&policy);
}

static bool attempt(void)
{
    static const char *const entries[] = {"*.a.example", "10.0.0.1", "b.example"};
    struct leati_domain_policy policy, copy;
    const char *reason;
    int result = LEAT_OK;

    leati_domain_policy_init(&policy);
    leati_domain_policy_init(&copy);
    for (size_t i = 0; i < 3 && result == LEAT_OK; i++)
        result = leati_domain_policy_add(&policy, LEATI_DOMAIN_DENY, entries[i], &reason);
    if (result == LEAT_OK)
        result = leati_domain_policy_copy(&policy, &copy);
    cr_assert(result == LEAT_OK || result == LEAT_E_SYSTEM_INTERNAL);
    leati_domain_policy_done(&policy);
    leati_domain_policy_done(&copy);
    return result == LEAT_OK;
}

Test(domain_policy, lack_of_memory)
{
    cr_assert_geq(alloc_failure_run_all(attempt), 10);
}
