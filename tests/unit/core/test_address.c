/* SPDX-License-Identifier: Apache-2.0 */
#include "core/address.h"

#include "core/failure.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static void check_text(const char *host, uint16_t port, const char *expected)
{
    struct leati_address address;
    char text[LEATI_ADDRESS_TEXT_SIZE];

    cr_assert(leati_address_parse(host, port, &address), "%s", host);
    cr_assert_eq(leati_address_port(&address), port);
    leati_address_format(&address, text, sizeof(text));
    cr_assert_str_eq(text, expected);
}

Test(address, literals_there_and_back, .timeout = 10)
{
    check_text("127.0.0.1", 80, "127.0.0.1:80");
    check_text("255.255.255.255", 65535, "255.255.255.255:65535");
    check_text("::1", 443, "[::1]:443");
    check_text("::", 0, "[::]:0");
    check_text("2001:DB8:0:0:0:0:0:1", 1, "[2001:db8::1]:1");
}

/* RFC 4291 section 2.5.5.2: it is an IPv4 address, whichever way it is written. */
Test(address, what_is_mapped_is_ipv4, .timeout = 10)
{
    struct leati_address address;

    check_text("::ffff:192.0.2.1", 5, "192.0.2.1:5");
    check_text("::FFFF:c000:201", 65535, "192.0.2.1:65535");
    check_text("0:0:0:0:0:ffff:0:0", 1, "0.0.0.0:1");
    check_text("::fffe:192.0.2.1", 5, "[::fffe:c000:201]:5");
    cr_assert_eq(leati_address_read("::ffff:192.0.2.1%lo", 1, &address), EINVAL);
    /* Only compatible; each libc writes it in another way. */
    cr_assert(leati_address_parse("::192.0.2.1", 5, &address));
    cr_assert_eq(address.any.sa_family, AF_INET6);

    memset(&address, 0, sizeof(address));
    address.v6 = (struct sockaddr_in6){
        .sin6_family = AF_INET6,
        .sin6_port = htons(7),
        .sin6_flowinfo = 1,
        .sin6_addr = {.s6_addr = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}},
    };
    leati_address_unmap(&address);
    cr_assert_eq(address.any.sa_family, AF_INET);
    cr_assert_eq(leati_address_port(&address), 7);
    cr_assert_eq(ntohl(address.v4.sin_addr.s_addr), 0x0a000001);
    leati_address_unmap(&address);
    cr_assert_eq(ntohl(address.v4.sin_addr.s_addr), 0x0a000001, "only once");
}

Test(address, equals_by_address_port_and_zone, .timeout = 10)
{
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.2", "::1", "fe80::1%lo"};
    struct leati_address a, b;

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); ++i) {
        memset(&a, 0, sizeof(a));
        memset(&b, 0xff, sizeof(b)); /* what a family does not use is not looked at */
        for (size_t k = 0; k < sizeof(hosts) / sizeof(hosts[0]); ++k) {
            cr_assert(leati_address_parse(hosts[i], 7, &a));
            cr_assert(leati_address_parse(hosts[k], 7, &b));
            cr_expect_eq(leati_address_equals(&a, &b), i == k, "%s, %s", hosts[i], hosts[k]);
        }
        b = a;
        leati_address_set_port(&b, 8);
        cr_expect(!leati_address_matches(&a, &b), "%s", hosts[i]);
    }
    cr_assert(leati_address_parse("fe80::1%lo", 7, &a));
    b = a;
    b.v6.sin6_scope_id = 0;
    cr_expect(leati_address_matches(&a, &b));
    cr_expect(!leati_address_equals(&a, &b));
    a.any.sa_family = b.any.sa_family = AF_UNIX;
    cr_expect(!leati_address_matches(&a, &b), "of which nothing is kept");
}

Test(address, zones_only_on_link_local, .timeout = 10)
{
    struct leati_address address;
    char text[LEATI_ADDRESS_TEXT_SIZE];

    check_text("fe80::1%lo", 7, "[fe80::1%lo]:7");
    check_text("ff02::1%1", 7, "[ff02::1%lo]:7");
    cr_assert_not(leati_address_parse("::1%lo", 7, &address));
    cr_assert_not(leati_address_parse("fe80::1%", 7, &address));
    cr_assert_not(leati_address_parse("fe80::1%no-such-if", 7, &address));
    cr_assert(leati_address_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, &address));
    leati_address_format(&address, text, sizeof(text));
    cr_assert_str_eq(text, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

/* Not a name either: whoever asks DNS for what is no literal must be able to tell. */
Test(address, what_is_wrong_with_a_literal, .timeout = 10)
{
    static const struct {
        const char *host;
        int sys_errno;
        const char *text;
    } cases[] = {
        {"fe80::1%gone0", ENODEV, "fe80::1%gone0: this machine has no interface \"gone0\": ENODEV"},
        {"fe80::1%", ENODEV, "no interface \"\""},
        {"fe80::1%0", ENODEV, "\"0\""},
        {"fe80::1%4000000", ENODEV, "\"4000000\""}, /* a number, but of none */
        {"fe80::1%99999999999", ENODEV, "\"99999999999\""},
        {"ff02::1%gone0", ENODEV, "ff02::1%gone0"},
        {"::1%lo", EINVAL, "::1%lo: only a link-local address has a zone: EINVAL"},
        {"2001:db8::1%gone0", EINVAL, "only a link-local address"},
        {"gone0", ENOENT, NULL},
        {"fe80::x%lo", ENOENT, NULL},
        {"127.0.0.1%lo", ENOENT, NULL},
        {"%lo", ENOENT, NULL},
        {"", ENOENT, NULL},
    };
    struct leati_address address;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(leati_address_read(cases[i].host, 1, &address), cases[i].sys_errno, "%s",
                     cases[i].host);
        if (!cases[i].text)
            continue;
        const struct leati_reason reason = leati_literal_reason(cases[i].host, cases[i].sys_errno);
        cr_expect_not_null(strstr(reason.text, cases[i].text), "%s", reason.text);
    }
}

/* What the kernel says of it is only EINVAL. */
Test(address, a_zone_that_is_missing, .timeout = 10)
{
    static const struct {
        const char *host;
        int sys_errno;
        bool explained;
    } cases[] = {
        {"fe80::1", EINVAL, true},        {"ff02::1", EINVAL, true}, {"fe80::1%lo", EINVAL, false},
        {"fe80::1", ECONNREFUSED, false}, {"::1", EINVAL, false},    {"127.0.0.1", EINVAL, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leati_address address;
        cr_assert(leati_address_parse(cases[i].host, 1, &address));
        const struct leati_reason plain_reason = leati_errno_reason(cases[i].sys_errno);
        const struct leati_reason reason = leati_address_reason(&address, cases[i].sys_errno);
        const char *plain = plain_reason.text, *text = reason.text;
        cr_expect_eq(strncmp(text, plain, strlen(plain)), 0, "%s", text);
        cr_expect_eq(strcmp(text, plain) != 0, cases[i].explained, "%s", text);
        cr_expect_eq(strstr(text, "the zone is missing") != NULL, cases[i].explained, "%s", text);
    }
}

Test(address, what_is_no_literal, .timeout = 10)
{
    static const char *const wrong[] = {
        "",
        "localhost",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4.",
        "0x7f.0.0.1",
        "127.1",
        "[::1]",
        ":::",
        "1::2::3",
        "12345::",
        " ::1",
        "::1 ",
        "127.0.0.1:80",
        "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111",
    };
    struct leati_address address;

    memset(&address, 0x55, sizeof(address));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        cr_assert_not(leati_address_parse(wrong[i], 1, &address), "%s", wrong[i]);
    cr_assert_eq(address.any.sa_family, 0x5555, "nothing is written on failure");
}

Test(address, size_and_port, .timeout = 10)
{
    struct leati_address address;

    cr_assert(leati_address_parse("1.2.3.4", 1, &address));
    cr_assert_eq(leati_address_size(&address), sizeof(struct sockaddr_in));
    leati_address_set_port(&address, 65535);
    cr_assert_eq(leati_address_port(&address), 65535);
    cr_assert(leati_address_parse("::1", 1, &address));
    cr_assert_eq(leati_address_size(&address), sizeof(struct sockaddr_in6));
    leati_address_set_port(&address, 258);
    cr_assert_eq(leati_address_port(&address), 258);
}

Test(address, host_and_port, .timeout = 10)
{
    char text[32];

    leati_host_port_format("example.org", 443, text, sizeof(text));
    cr_assert_str_eq(text, "example.org:443");
    leati_host_port_format("::1", 443, text, sizeof(text));
    cr_assert_str_eq(text, "[::1]:443");
    leati_host_port_format("[::1]", 443, text, sizeof(text));
    cr_assert_str_eq(text, "[::1]:443");
    leati_host_port_format("a-name-that-is-longer-than-the-buffer", 1, text, sizeof(text));
    cr_assert_eq(strlen(text), sizeof(text) - 1);
}
