/* SPDX-License-Identifier: Apache-2.0 */
#include "url/host_match.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(host_match, .timeout = 30);

static bool parse(const char *text, struct leati_host_ip *ret_ip)
{
    /* Of just that length, so that ASan sees a read beyond it. */
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    bool ok = leati_host_ip_parse(copy, len, ret_ip);
    free(copy);
    return ok;
}

Test(host_match, addresses_that_are_the_same)
{
    static const char *const same[][2] = {
        {"10.0.0.1", "::ffff:10.0.0.1"},       {"::1", "[::1]"},
        {"2001:db8::1", "2001:DB8:0:0::0001"}, {"fe80::1%eth0", "[fe80::1]"},
        {"::ffff:a00:1", "10.0.0.1"},          {"2001:db8::1%x", "2001:db8::1"},
    };
    static const char *const different[][2] = {
        {"10.0.0.1", "10.0.0.2"},
        {"::1", "::2"},
        {"0.0.0.1", "::1"},
    };
    struct leati_host_ip a, b;

    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        cr_assert(parse(same[i][0], &a) && parse(same[i][1], &b), "%s", same[i][0]);
        cr_expect(leati_host_ip_equal(&a, &b), "%s", same[i][0]);
    }
    for (size_t i = 0; i < sizeof(different) / sizeof(different[0]); i++) {
        cr_assert(parse(different[i][0], &a) && parse(different[i][1], &b));
        cr_expect_not(leati_host_ip_equal(&a, &b), "%s", different[i][0]);
    }
}

Test(host_match, what_is_no_address)
{
    static const char *const texts[] = {
        "",      "1.2.3",    "1.2.3.4.5", "256.0.0.1", "010.0.0.1", "0x7f.0.0.1",   "[1.2.3.4]",
        "::1]",  "[::1",     ":::",       "::1::",     "a.example", "1.2.3.4%eth0", "[]",
        "%eth0", "1.2.3.4 ", "::1/128",
    };
    char longest[300];
    struct leati_host_ip ip;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        cr_expect_not(parse(texts[i], &ip), "%s", texts[i]);
    memset(longest, '1', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    for (const char *text = longest; *text; text++)
        cr_expect_not(parse(text, &ip));
}

Test(host_match, prefixes)
{
    static const struct {
        const char *ip;
        const char *prefix;
        bool is_in;
    } cases[] = {
        {"10.1.2.3", "10.0.0.0/8", true},
        {"11.1.2.3", "10.0.0.0/8", false},
        {"10.1.2.3", "10.99.99.99/8", true},
        {"192.168.1.127", "192.168.1.0/25", true},
        {"192.168.1.128", "192.168.1.0/25", false},
        {"1.2.3.4", "0.0.0.0/0", true},
        {"1.2.3.4", "1.2.3.4/32", true},
        {"1.2.3.5", "1.2.3.4/32", false},
        {"::1", "0.0.0.0/0", false},
        {"1.2.3.4", "::/0", false},
        {"fd12::1", "fd00::/8", true},
        {"fe12::1", "fd00::/8", false},
        {"fd12::1", "[fd00::]/8", true},
        {"2001:db8::1", "2001:db8::1/128", true},
        {"2001:db8::2", "2001:db8::1/128", false},
        {"2001:db8::2", "2001:db8::1/126", true},
        {"::ffff:10.1.2.3", "10.0.0.0/8", true},
        {"10.1.2.3", "::ffff:10.0.0.0/104", true},
        {"11.1.2.3", "::ffff:10.0.0.0/104", false},
        {"11.1.2.3", "::ffff:10.0.0.0/95", false},
        {"10.1.2.3", "10.0.0.0/33", false},
        {"10.0.0.0", "10.0.0.0/33", false},
        {"10.0.0.0", "::ffff:10.0.0.0/129", false},
        {"10.1.2.3", "10.0.0.0/", false},
        {"10.1.2.3", "10.0.0.0/-1", false},
        {"10.1.2.3", "10.0.0.0/8/8", false},
        {"10.1.2.3", "10.0.0.0/255.0.0.0", false},
        {"10.1.2.3", "10.0.0.0", false},
        {"10.1.2.3", "10/8", false},
        {"10.1.2.3", "/8", false},
        {"fd12::1", "fd00::/129", false},
        {"fd12::1", "fd12::1/129", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leati_host_ip ip;
        cr_assert(parse(cases[i].ip, &ip));
        cr_expect_eq(leati_host_ip_is_in(&ip, cases[i].prefix, strlen(cases[i].prefix)),
                     cases[i].is_in, "%s in %s", cases[i].ip, cases[i].prefix);
    }
}

Test(host_match, every_prefix_length)
{
    struct leati_host_ip ip;
    char prefix[64];

    cr_assert(parse("255.255.255.255", &ip));
    for (unsigned bits = 0; bits <= 32; bits++) {
        uint32_t last = bits == 0 ? 0 : ~(uint32_t)0 << (32 - bits);
        snprintf(prefix, sizeof(prefix), "%u.%u.%u.%u/%u", last >> 24, last >> 16 & 255,
                 last >> 8 & 255, last & 255, bits);
        cr_expect(leati_host_ip_is_in(&ip, prefix, strlen(prefix)), "%s", prefix);
        if (bits == 0)
            continue;
        last ^= (uint32_t)1 << (32 - bits); /* the last bit that counts */
        snprintf(prefix, sizeof(prefix), "%u.%u.%u.%u/%u", last >> 24, last >> 16 & 255,
                 last >> 8 & 255, last & 255, bits);
        cr_expect_not(leati_host_ip_is_in(&ip, prefix, strlen(prefix)), "%s", prefix);
    }
}

Test(host_match, names_below_a_name)
{
    static const char behind_a_dot[] = ".b.example";
    cr_expect(leati_host_is_below("a.example", "example"));
    cr_expect(leati_host_is_below("a.b.example", "b.example"));
    cr_expect_not(leati_host_is_below("b.example", "b.example"));
    cr_expect_not(leati_host_is_below("ab.example", "b.example"));
    cr_expect_not(leati_host_is_below("example", "b.example"));
    cr_expect_not(leati_host_is_below("b.example.com", "b.example"));
    cr_expect_not(leati_host_is_below("a.example", ""));
    cr_expect_not(leati_host_is_below("", "example"));
    cr_expect(leati_host_is_below("a.b", "b"));
    cr_expect_not(leati_host_is_below(".example", "example"));
    cr_expect_not(leati_host_is_below("a.", ""));
    cr_expect_not(leati_host_is_below(behind_a_dot + 1, "b.example"));
}
