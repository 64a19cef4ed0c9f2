/* SPDX-License-Identifier: Apache-2.0 */
#include "core/address.h"

#include <criterion/criterion.h>
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
    check_text("::ffff:192.0.2.1", 5, "[::ffff:192.0.2.1]:5");
}

Test(address, zones_only_on_link_local, .timeout = 10)
{
    struct leati_address address;
    char text[LEATI_ADDRESS_TEXT_SIZE];

    check_text("fe80::1%lo", 7, "[fe80::1%lo]:7");
    check_text("fe80::1%4000000", 7, "[fe80::1%4000000]:7");
    cr_assert_not(leati_address_parse("::1%lo", 7, &address));
    cr_assert_not(leati_address_parse("fe80::1%", 7, &address));
    cr_assert_not(leati_address_parse("fe80::1%0", 7, &address));
    cr_assert_not(leati_address_parse("fe80::1%no-such-if", 7, &address));
    cr_assert(leati_address_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, &address));
    leati_address_format(&address, text, sizeof(text));
    cr_assert_str_eq(text, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
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
