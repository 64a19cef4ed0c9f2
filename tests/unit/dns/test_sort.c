/* SPDX-License-Identifier: Apache-2.0 */
/* The order of RFC 6724, with the examples of its section 10.2. */
#include "dns/sort.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MAX_ROWS 4

struct row {
    const char *destination;
    const char *source; /* NULL = out of reach */
};

struct order {
    struct row rows[MAX_ROWS]; /* as they stand before */
    int expected[MAX_ROWS];    /* their numbers afterwards */
};

static struct leati_address parse(const char *host)
{
    struct leati_address address;

    cr_assert(leati_address_parse(host, 0, &address), "%s", host);
    return address;
}

static bool row_source(const struct leati_address *destination, struct leati_address *ret_source,
                       void *user)
{
    const struct row *row = user;
    char text[LEATI_ADDRESS_TEXT_SIZE];

    leati_address_format_host(destination, text, sizeof(text));
    while (strcmp(row->destination, text) != 0)
        row++;
    if (!row->source)
        return false;
    *ret_source = parse(row->source);
    return true;
}

static void check_order(struct order order)
{
    struct leati_address addresses[MAX_ROWS];
    char text[LEATI_ADDRESS_TEXT_SIZE];
    size_t count = 0;

    for (; count < MAX_ROWS && order.rows[count].destination; count++)
        addresses[count] = parse(order.rows[count].destination);
    leati_dns_sort_by(addresses, count, row_source, order.rows);
    for (size_t i = 0; i < count; i++) {
        leati_address_format_host(&addresses[i], text, sizeof(text));
        cr_assert_str_eq(text, order.rows[order.expected[i]].destination);
    }
}

/* clang-format off */
Test(dns_sort, the_examples_of_the_rfc)
{
    static const struct order orders[] = {
        /* matching scope */
        {{{"198.51.100.121", "198.51.100.117"}, {"2001:db8:1::1", "2001:db8:1::2"}}, {1, 0}},
        {{{"2001:db8:1::1", "fe80::1"}, {"198.51.100.121", "198.51.100.117"}}, {1, 0}},
        {{{"2001:db8:1::1", "2001:db8:1::2"}, {"10.1.2.3", "10.1.2.4"}}, {0, 1}},
        /* smaller scope */
        {{{"2001:db8:1::1", "2001:db8:1::2"}, {"fe80::1", "fe80::2"}}, {1, 0}},
        /* matching label: 6to4 from 6to4 before native from 6to4 */
        {{{"2001:db8:1::1", "2002:c633:6401::2"}, {"2002:c633:6401::1", "2002:c633:6401::2"}}, {1, 0}},
        /* higher precedence: native before 6to4 */
        {{{"2002:c633:6401::1", "2002:c633:6401::2"}, {"2001:db8:1::1", "2001:db8:1::2"}}, {1, 0}},
    };

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
        check_order(orders[i]);
}

Test(dns_sort, what_is_out_of_reach_comes_last)
{
    check_order((struct order){
        {{"2001:db8:1::1", NULL}, {"192.0.2.1", "192.0.2.9"}, {"::1", NULL}}, {1, 2, 0}});
}

Test(dns_sort, loopback_v6_before_v4)
{
    check_order((struct order){{{"127.0.0.1", "127.0.0.1"}, {"::1", "::1"}}, {1, 0}});
}

Test(dns_sort, unique_local_after_v4)
{
    check_order((struct order){{{"fd00::1", "fd00::2"}, {"192.0.2.1", "192.0.2.9"}}, {1, 0}});
}

Test(dns_sort, the_longer_common_prefix)
{
    check_order((struct order){
        {{"2001:db8:2::1", "2001:db8:1::9"}, {"2001:db8:1::1", "2001:db8:1::9"}}, {1, 0}});
}

/* As the server gave them: it may spread its load so. No such rule for IPv4. */
Test(dns_sort, equal_ones_stay)
{
    check_order((struct order){
        {{"192.0.2.200", "192.0.2.9"}, {"192.0.2.8", "192.0.2.9"}, {"192.0.2.1", "192.0.2.9"}},
        {0, 1, 2}});
}
/* clang-format on */

Test(dns_sort, by_what_the_kernel_says)
{
    struct leati_address addresses[2] = {parse("127.0.0.1"), parse("::1")};
    struct leati_address one = parse("127.0.0.1");

    leati_dns_sort(addresses, 2); /* whatever this machine has: nothing is lost */
    cr_assert(addresses[0].any.sa_family != addresses[1].any.sa_family);
    leati_dns_sort(&one, 1);
    leati_dns_sort(&one, 0);
    cr_assert_eq(one.any.sa_family, AF_INET);
}
