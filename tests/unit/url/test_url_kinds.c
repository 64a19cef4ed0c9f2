/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of proxy a URL names, what is said of hosts behind user info, and where one byte more, or
 * another, makes a difference. */
#include "url/url.h"

#include "url/host.h"

#include "support/leak_check.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(url_kinds, .timeout = 30, .fini = leak_check);

Test(url_kinds, each_scheme_is_of_one_kind)
{
    static const struct {
        const char *text;
        bool is_socks5, is_socks4;
    } rows[] = {
        {"socks5://h", true, false}, {"socks5h://h", true, false}, {"socks://h", true, false},
        {"socks4://h", false, true}, {"socks4a://h", false, true}, {"http://h", false, false},
        {"https://h", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct leati_failure failure;
        struct leati_url url;
        leati_failure_init(&failure);
        cr_assert_eq(leati_url_parse_proxy(rows[i].text, &failure, &url), LEAT_OK);
        cr_expect_eq(leati_url_is_socks5(&url), rows[i].is_socks5, "%s", rows[i].text);
        cr_expect_eq(leati_url_is_socks4(&url), rows[i].is_socks4, "%s", rows[i].text);
        cr_expect_eq(leati_url_is_socks(&url), rows[i].is_socks5 || rows[i].is_socks4);
        cr_expect(leati_url_is_scheme(&url, url.scheme));
        cr_expect_not(leati_url_is_scheme(&url, "sock"));
        cr_expect_not(leati_url_is_scheme(&url, "ws"));
        leati_url_done(&url);
        leati_url_done(&url); /* is empty now */
        leati_failure_done(&failure);
    }
}

static void check_refused(int (*parse)(const char *, struct leati_failure *, struct leati_url *),
                          const char *text, const char *reason)
{
    struct leati_failure failure;
    struct leati_url url;
    leati_failure_init(&failure);
    cr_expect_neq(parse(text, &failure, &url), LEAT_OK, "%s", text);
    cr_expect(failure.text && strstr(failure.text, reason), "%s: %s", text, failure.text);
    leati_failure_done(&failure);
}

Test(url_kinds, the_host_begins_behind_the_user_info)
{
    static const char brackets[] = "an IPv6 address must stand in brackets in a URL";
    check_refused(leati_url_parse_proxy, "socks5h://u:p@2001:db8::1", brackets);
    check_refused(leati_url_parse_proxy, "socks5h://u:p@[::1]:x", "the port is not a number");
}

/* Labels that RFC 5891 does not allow. */
Test(url_kinds, what_is_no_international_name_says_so)
{
    check_refused(leati_url_parse_websocket, "ws://\xc2\xad\xcc\x81/",
                  "the host is not a valid internationalized name (IDNA)");
    check_refused(leati_url_parse_websocket, "ws://\xcc\x81x/",
                  "the host is not a valid internationalized name (IDNA)");
}

static void check_ws_host(const char *text, const char *host)
{
    struct leati_failure failure;
    struct leati_url url;
    leati_failure_init(&failure);
    cr_assert_eq(leati_url_parse_websocket(text, &failure, &url), LEAT_OK, "%s: %s", text,
                 failure.text);
    cr_expect_str_eq(url.host, host);
    leati_url_done(&url);
}

/* An u and its dots apart are one letter. */
Test(url_kinds, an_international_name_is_composed)
{
    check_ws_host("ws://bu\xcc\x88"
                  "cher.example/",
                  "xn--bcher-kva.example");
}

/* ---- one byte more, or another ----------------------------------------------------------- */

Test(url_kinds, hosts_at_an_edge)
{
    check_ws_host("ws://AZ.az.example/", "az.az.example");
    check_ws_host("ws://a./", "a");
    check_ws_host("ws://0xa.1/", "10.0.0.1");
    check_ws_host("ws://[fe80::1%25a-b._~Z9]/", "fe80::1%a-b._~Z9");
    check_ws_host("ws://[fe80::1%25abcdefghijklmno]/", "fe80::1%abcdefghijklmno");
    check_refused(leati_url_parse_websocket, "ws://[fe80::1%25abcdefghijklmnop]/",
                  "the zone of the IPv6 address is empty or too long");
    check_refused(leati_url_parse_websocket, "ws://[fe80::1%25!a]/",
                  "holds a character that the name of no interface has");
    check_refused(leati_url_parse_websocket, "ws://a%80/", "the host is not valid UTF-8");
    check_refused(leati_url_parse_websocket, "ws://1.2.a.4/", "is not an IPv4 address");
    check_refused(leati_url_parse_websocket, "ws://1.2.3.4.0/", "is not an IPv4 address");
    check_refused(leati_url_parse_websocket, "ws://0x_.1/", "is not an IPv4 address");
}

/* uriparser refuses most of them before. */
Test(url_kinds, what_is_no_ipv6_address)
{
    static const char *const literals[] = {
        "",
        "1::2::3",
        "1::2::3%eth0",
        "0000:0000:0000:0000:0000:0000:111.111.111.1111",
        "0000:0000:0000:0000:0000:0000:1111.111.111.1111",
    };
    for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
        const char *reason = NULL;
        char *host = NULL;
        cr_expect_eq(leati_host_from_ipv6(literals[i], strlen(literals[i]), &host, &reason),
                     LEAT_E_PARAMETER, "%s", literals[i]);
        cr_expect_str_eq(reason, "the host is not an IPv6 address");
        leati_free(host);
    }
}

Test(url_kinds, bytes_at_an_edge)
{
    check_refused(leati_url_parse_websocket, "ws://h/\x7f",
                  "the URL has the control byte 0x7f at offset 7");
    check_refused(leati_url_parse_websocket, "ws://h/\x80",
                  "the URL has byte 0x80 at offset 7, which must be percent-encoded");
    check_refused(leati_url_parse_websocket, "ws://h/\x1f",
                  "the URL has the control byte 0x1f at offset 7");
}

/* What is wrong behind a good port is not the port. */
Test(url_kinds, what_is_wrong_elsewhere)
{
    check_refused(leati_url_parse_websocket, "ws://h:80/<",
                  "the URL is not valid at its character '<'");
    check_refused(leati_url_parse_websocket, "ws://[::1", "the URL is not valid: ws://[::1");
    check_refused(leati_url_parse_websocket, "ws://h]/",
                  "the URL is not valid at its character ']'");
    check_refused(leati_url_parse_websocket, "ws://]a[/",
                  "the URL is not valid at its character ']'");
    check_refused(leati_url_parse_websocket, "ws://]a[%25x/",
                  "the URL is not valid at its character ']'");
}

/* Only what stands behind "//" can be user info. */
Test(url_kinds, what_is_no_user_info)
{
    static const char nameless[] = "/:a b@h", short_name[] = "/x:a b@h";
    check_refused(leati_url_parse_proxy, "socks5h:a b@h", "the proxy URL has a space at offset 9");
    /* Whatever stands before the text. */
    check_refused(leati_url_parse_proxy, nameless + 1, "the proxy URL has a space at offset 2");
    check_refused(leati_url_parse_proxy, short_name + 1, "the proxy URL has a space at offset 3");
}

Test(url_kinds, what_an_escape_is)
{
    static const char text[] = "in the user name or the password of the proxy URL must be written";
    check_refused(leati_url_parse_proxy, "socks5h://u:%gf@h", text);
    check_refused(leati_url_parse_proxy, "socks5h://u:%fg@h", text);
    check_refused(leati_url_parse_proxy, "socks5h://u:%f@h", text);
    check_refused(leati_url_parse_proxy, "socks5h://u:%41<@h", text);
}

/* A text shows a URL as long as there is room for all of it. */
Test(url_kinds, the_longest_url_that_is_shown)
{
    for (int len = 159; len <= 160; len++) {
        char text[256];
        struct leati_failure failure;
        struct leati_url url;
        leati_failure_init(&failure);
        snprintf(text, sizeof(text), "no://%0*d", len - (int)strlen("no://"), 0);
        cr_assert_eq(leati_url_parse_websocket(text, &failure, &url), LEAT_E_WS_URL);
        cr_expect_eq(strstr(failure.text, text) != NULL, len == 159, "%s", failure.text);
        cr_expect_eq(strstr(failure.text, "no://") != NULL, len == 159, "%s", failure.text);
        leati_failure_done(&failure);
    }
}

/* ---- redirects --------------------------------------------------------------------------- */

/* NULL = to no valid URL; else the new URL, to be freed. */
static char *redirect(const char *reference, struct leati_failure *failure)
{
    struct leati_url base;
    char *text = NULL;
    leati_failure_init(failure);
    cr_assert_eq(leati_url_parse_websocket("ws://h/", failure, &base), LEAT_OK);
    int code = leati_url_resolve_redirect(&base, reference, failure, &text);
    cr_expect_eq(code, text ? LEAT_OK : LEAT_E_WS_URL);
    leati_url_done(&base);
    return text;
}

Test(url_kinds, a_redirect_in_terms_of_http_leaves_its_fragment)
{
    static const char *const rows[][2] = {
        {"http://other/x#f", "ws://other/x"},
        {"https://other/x#f", "wss://other/x"},
        {"ws://other/x#f", "ws://other/x"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct leati_failure failure;
        char *text = redirect(rows[i][0], &failure);
        cr_assert_not_null(text, "%s", rows[i][0]);
        cr_expect_str_eq(text, rows[i][1]);
        leati_free(text);
    }
}

Test(url_kinds, the_longest_redirect_that_is_shown)
{
    for (int len = 200; len <= 201; len++) {
        char text[256];
        struct leati_failure failure;
        snprintf(text, sizeof(text), "ws://[%0*d", len - (int)strlen("ws://["), 0);
        cr_assert_null(redirect(text, &failure));
        cr_expect_eq(strstr(failure.text, text) != NULL, len == 200, "%s", failure.text);
        leati_failure_done(&failure);
    }
}
