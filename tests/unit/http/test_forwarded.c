/* SPDX-License-Identifier: Apache-2.0 */
/* Whose request it is. Whoever asks a proxy can write in front of what that writes behind it, and
 * must gain nothing by it. */
#include "http/forwarded.h"

#include "support/leak_check.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(http_forwarded, .timeout = 10, .fini = leak_check);

/* The proxies are 10.0.0.0/8. */
static bool is_ours(const struct leati_address *address, const void *user)
{
    char text[LEATI_ADDRESS_TEXT_SIZE];
    (void)user;
    leati_address_format(address, text, sizeof(text));
    return strncmp(text, "10.", 3) == 0;
}

/* `fields` with their line ends; `client` as an address is written, with its port. */
static void check(enum leati_http_forwarded header, const char *fields, const char *client)
{
    static const struct leati_http_truster truster = {.trusts = is_ours};
    struct leati_http_head head;
    struct leati_address remote, found;
    char request[2048], text[LEATI_ADDRESS_TEXT_SIZE];
    size_t used;
    int len = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    leati_http_head_init(&head, LEATI_HTTP_REQUEST);
    cr_assert_eq(leati_http_head_feed(&head, request, (size_t)len, &used), LEATI_HTTP_DONE);
    cr_assert(leati_address_parse("10.0.0.1", 9, &remote));
    bool is_another = leati_http_forwarded_client(&head, header, &remote, &truster, &found);
    leati_address_format(&found, text, sizeof(text));
    cr_expect_str_eq(text, client, "%s: %s, not %s", fields, text, client);
    cr_expect_eq(is_another, strcmp(client, "10.0.0.1:9") != 0, "%s", fields);
    leati_http_head_done(&head);
}

struct row {
    const char *fields, *client;
};

#define CHECK_ALL(header, rows)                                                                    \
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)                                    \
    check(header, rows[i].fields, rows[i].client)

/* It has no quotes: a comma is always one. */
Test(http_forwarded, x_forwarded_for)
{
    static const struct row rows[] = {
        {"", "10.0.0.1:9"},
        {"X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1:0"},
        {"X-Forwarded-For: 192.0.2.1:80 , ,\r\n", "192.0.2.1:80"},
        {"X-Forwarded-For: 6.6.6.6:1\", 192.0.2.1\r\n", "192.0.2.1:0"},
        {"X-Forwarded-For: [6.6.6.6]\", 192.0.2.1\r\n", "192.0.2.1:0"},
        {"X-Forwarded-For: \", 192.0.2.1\r\n", "192.0.2.1:0"},
        {"X-Forwarded-For: 6.6.6.6\\\", 192.0.2.1, 10.0.0.2\r\n", "192.0.2.1:0"},
        {"X-Forwarded-For: \"\r\nX-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1:0"},
        {"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: ,\r\nX-Forwarded-For: 10.0.0.2\r\n",
         "192.0.2.1:0"},
        {"X-Forwarded-For: [2001:db8::1]\r\n", "[2001:db8::1]:0"},
        {"X-Forwarded-For: [2001:db8::1]:443\r\n", "[2001:db8::1]:443"},
    };
    CHECK_ALL(LEATI_HTTP_X_FORWARDED_FOR, rows);
}

/* What is nearly an address is none: the last one before it counts. */
Test(http_forwarded, not_an_address)
{
    static const char *const nodes[] = {
        "unknown",
        "192.0.2.1:",
        "192.0.2.1:x",
        "192.0.2.1:65536",
        "192.0.2.1:1\"",
        "192.0.2.1:_",
        "[2001:db8::1",
        "[2001:db8::1]443",
        "[2001:db8::1]x",
        "[2001:db8::1]:",
        "[]",
        "[192.0.2.1]\":1",
        ":80",
        "192.0.2.1;",
        "192.0.2.1 80",
    };
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        char fields[256];
        snprintf(fields, sizeof(fields), "X-Forwarded-For: 6.6.6.6, %s\r\n", nodes[i]);
        check(LEATI_HTTP_X_FORWARDED_FOR, fields, "10.0.0.1:9");
        snprintf(fields, sizeof(fields), "X-Forwarded-For: 6.6.6.6, %s, 10.0.0.2\r\n", nodes[i]);
        check(LEATI_HTTP_X_FORWARDED_FOR, fields, "10.0.0.2:0");
    }
}

Test(http_forwarded, forwarded)
{
    static const struct row rows[] = {
        {"Forwarded: for=192.0.2.1\r\n", "192.0.2.1:0"},
        {"Forwarded: for=6.6.6.6;x=\", for=192.0.2.1\r\n", "192.0.2.1:0"},
        {"Forwarded: for=6.6.6.6;x=\", for=\"[2001:db8::1]:80\"\r\n", "[2001:db8::1]:80"},
        {"Forwarded: for=6.6.6.6;x=\"\\, for=192.0.2.1;host=\"a\"\r\n", "192.0.2.1:0"},
        {"Forwarded: \", for=192.0.2.1, for=10.0.0.2\r\n", "192.0.2.1:0"},
        {"Forwarded: for=6.6.6.6;x=\"\r\nForwarded: for=192.0.2.1\r\n", "192.0.2.1:0"},
        /* commas, semicolons and quotes within a proxy's own quotes */
        {"Forwarded: for=6.6.6.6, host=\"a,b\";for=192.0.2.1\r\n", "192.0.2.1:0"},
        {"Forwarded: host=\"a\\\";for=6.6.6.6;\";for=192.0.2.1\r\n", "192.0.2.1:0"},
        {"Forwarded: for=192.0.2.1;host=\"a\\\\\", for=10.0.0.2\r\n", "192.0.2.1:0"},
        {"Forwarded: for=\"192.0.2.1:_hidden\"\r\n", "192.0.2.1:0"},
        {"Forwarded: for=_hidden\r\n", "10.0.0.1:9"},
        {"Forwarded: by=6.6.6.6\r\n", "10.0.0.1:9"},
        {"Forwarded: host=\"a;for=6.6.6.6\r\n", "10.0.0.1:9"},
    };
    CHECK_ALL(LEATI_HTTP_FORWARDED, rows);
}

/* No text of a client's in front of what a proxy writes changes whom that names. */
Test(http_forwarded, any_text_in_front)
{
    static const char alphabet[] = "\"\\,;=[]: f6\t";
    static const char *const written[] = {"for=192.0.2.1", "for=\"192.0.2.1\";by=10.0.0.3"};
    for (unsigned n = 0; n < 12 * 12 * 12 * 12; n++) {
        char text[8] = "", fields[256];
        for (unsigned i = 0, rest = n; i < 4; i++, rest /= 12)
            text[i] = alphabet[rest % 12];
        snprintf(fields, sizeof(fields), "Forwarded: for=6.6.6.6%s, %s\r\n", text, written[n % 2]);
        check(LEATI_HTTP_FORWARDED, fields, "192.0.2.1:0");
        snprintf(fields, sizeof(fields), "X-Forwarded-For: 6.6.6.6%s,192.0.2.1\r\n", text);
        check(LEATI_HTTP_X_FORWARDED_FOR, fields, "192.0.2.1:0");
    }
}
