/* SPDX-License-Identifier: Apache-2.0 */
#include "url/url.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "support/mutation.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(url, .timeout = 60, .fini = leak_check);

typedef int parse_fn(const char *text, struct leati_failure *failure, struct leati_url *ret_url);

/* NULL and "absent" are the same here. */
static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

struct good_url {
    const char *text;
    const char *scheme;
    const char *host;
    uint16_t port;
    bool default_port;
    const char *target;
    const char *user;
    const char *password;
};

static void check_good(parse_fn *parse, const struct good_url *good)
{
    struct leati_failure failure;
    struct leati_url url;

    leati_failure_init(&failure);
    int result = parse(good->text, &failure, &url);
    cr_expect_eq(result, LEAT_OK, "%s: %d %s", good->text, result, failure.text);
    if (result == LEAT_OK) {
        cr_expect_str_eq(url.scheme, good->scheme);
        cr_expect_str_eq(url.host, good->host);
        cr_expect_eq(url.port, good->port, "%s: %u", good->text, url.port);
        cr_expect_eq(url.default_port, good->default_port, "%s", good->text);
        cr_expect_eq(url.host_is_ipv6, strchr(good->host, ':') != NULL);
        cr_expect_str_eq(url.target, good->target);
        cr_expect(is_same(url.user, good->user), "%s: %s", good->text, url.user);
        cr_expect(is_same(url.password, good->password), "%s: %s", good->text, url.password);
        leati_url_done(&url);
        cr_expect_null(url.host);
    }
    leati_failure_done(&failure);
}

static void check_bad(parse_fn *parse, int code, const char *text, const char *reason)
{
    struct leati_failure failure;
    struct leati_url url = {.port = 4711};

    leati_failure_init(&failure);
    cr_expect_eq(parse(text, &failure, &url), code, "%s is accepted", text);
    cr_expect_eq(failure.code, code, "%s", text);
    cr_expect(is_same(failure.text, reason), "%s\n  gave     %s\n  expected %s", text, failure.text,
              reason);
    cr_expect_eq(url.port, 4711, "written although it failed");
    leati_failure_done(&failure);
}

/* ---- ws and wss ------------------------------------------------------------------------ */

#define WS(text, host, port, target)                                                               \
    {                                                                                              \
        (text), "ws", (host), (port), (port) == 80, (target), NULL, NULL                           \
    }

Test(url, websocket)
{
    static const struct good_url urls[] = {
        WS("ws://example.com", "example.com", 80, "/"),
        WS("ws://example.com/", "example.com", 80, "/"),
        WS("WS://EXAMPLE.com/Chat", "example.com", 80, "/Chat"),
        WS("ws://example.com:8080/a/b?c=d&e=%20/?", "example.com", 8080, "/a/b?c=d&e=%20/?"),
        WS("ws://example.com?token=x", "example.com", 80, "/?token=x"),
        WS("ws://example.com:80/?", "example.com", 80, "/?"),
        WS("ws://example.com:/", "example.com", 80, "/"),
        WS("ws://example.com:00443/", "example.com", 443, "/"),
        WS("ws://example.com:1/", "example.com", 1, "/"),
        WS("ws://example.com:65535/", "example.com", 65535, "/"),
        WS("ws://example.com./", "example.com", 80, "/"),
        WS("ws://a_b-c.x1/", "a_b-c.x1", 80, "/"),
        WS("ws://%65xample.com/", "example.com", 80, "/"),
        WS("ws://127.0.0.1:9/", "127.0.0.1", 9, "/"),
        WS("ws://127.0.0.1./", "127.0.0.1", 80, "/"),
        /* IPv4 as inet_aton(3), curl and the URL standard read it; it was refused once */
        WS("ws://127.1/", "127.0.0.1", 80, "/"),
        WS("ws://127.1./", "127.0.0.1", 80, "/"),
        WS("ws://0x7f.1:8080/", "127.0.0.1", 8080, "/"),
        WS("ws://0X7F.0.0.0X1/", "127.0.0.1", 80, "/"),
        WS("ws://0177.0.0.01/", "127.0.0.1", 80, "/"),
        WS("ws://127.0x000001/", "127.0.0.1", 80, "/"),
        WS("ws://2130706433/", "127.0.0.1", 80, "/"),
        WS("ws://0x7f000001/", "127.0.0.1", 80, "/"),
        WS("ws://017700000001/", "127.0.0.1", 80, "/"),
        WS("ws://4294967295/", "255.255.255.255", 80, "/"),
        WS("ws://255.16777215/", "255.255.255.255", 80, "/"),
        WS("ws://1.2.65535/", "1.2.255.255", 80, "/"),
        WS("ws://0x/", "0.0.0.0", 80, "/"),
        WS("ws://0/", "0.0.0.0", 80, "/"),
        WS("ws://1.2.3.0x4.example/", "1.2.3.0x4.example", 80, "/"),
        WS("ws://a.0xg/", "a.0xg", 80, "/"),
        WS("ws://a.1b/", "a.1b", 80, "/"),
        WS("ws://h/a/../b//c;d=1", "h", 80, "/a/../b//c;d=1"),
        WS("ws://h/%c3%a4", "h", 80, "/%c3%a4"),
        {"wss://example.com", "wss", "example.com", 443, true, "/", NULL, NULL},
        {"wSS://example.com:80/", "wss", "example.com", 80, false, "/", NULL, NULL},
        {"wss://example.com:443/", "wss", "example.com", 443, true, "/", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        check_good(leati_url_parse_websocket, &urls[i]);
}

Test(url, ipv6_hosts)
{
    static const struct good_url urls[] = {
        WS("ws://[::1]/", "::1", 80, "/"),
        WS("ws://[::1]:8080/x", "::1", 8080, "/x"),
        WS("ws://[2001:DB8:0:0:0:0:0:1]/", "2001:db8::1", 80, "/"),
        WS("ws://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1", 80, "/"),
        WS("ws://[fe80::1%25eth0]:9/", "fe80::1%eth0", 9, "/"),
        WS("ws://[fe80::1%eth0]/", "fe80::1%eth0", 80, "/"),
        WS("ws://[fe80::1%252]/?q=%25", "fe80::1%2", 80, "/?q=%25"),
    };
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        check_good(leati_url_parse_websocket, &urls[i]);
}

Test(url, international_hosts)
{
    static const struct good_url urls[] = {
        WS("ws://b\xc3\xbc"
           "cher.example/",
           "xn--bcher-kva.example", 80, "/"),
        WS("ws://B\xc3\x9c"
           "CHER.example:81/x",
           "xn--bcher-kva.example", 81, "/x"),
        WS("ws://b%C3%BCcher.example/", "xn--bcher-kva.example", 80, "/"),
        WS("ws://xn--bcher-kva.example/", "xn--bcher-kva.example", 80, "/"),
        /* non-transitional: the sharp s stays itself */
        WS("ws://fa\xc3\x9f.de/", "xn--fa-hia.de", 80, "/"),
        WS("ws://\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88/",
           "xn--r8jz45g.xn--zckzah", 80, "/"),
        /* full-width digits and the ideographic full stop are an address after the mapping */
        WS("ws://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97\xe3\x80\x82"
           "0.0.1/",
           "127.0.0.1", 80, "/"),
    };
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        check_good(leati_url_parse_websocket, &urls[i]);
}

Test(url, websocket_refusals_name_the_culprit)
{
    static const char *const cases[][2] = {
        {"", "the URL is empty"},
        {"example.com/chat", "the URL has no scheme: example.com/chat"},
        {"/chat", "the URL has no scheme: /chat"},
        {"localhost:8080/", "the scheme of the URL is not one of ws and wss: localhost:8080/"},
        {"http://h/", "the scheme of the URL is not one of ws and wss: http://h/"},
        {"wsss://h/", "the scheme of the URL is not one of ws and wss: wsss://h/"},
        {"://h/", "the scheme of the URL is not one of ws and wss: ://h/"},
        {"ws:", "the URL has no host: ws:"},
        {"ws:/chat", "the URL has no host: ws:/chat"},
        {"ws://", "the URL has no host: ws://"},
        {"ws:///chat", "the URL has no host: ws:///chat"},
        {"ws://:80/", "the URL has no host: ws://:80/"},
        {"ws://?q", "the URL has no host: ws://"},
        {"ws://h:0/", "the port is not a number from 1 to 65535: ws://h:0/"},
        {"ws://h:65536/", "the port is not a number from 1 to 65535: ws://h:65536/"},
        {"ws://h:99999999999999999999999/",
         "the port is not a number from 1 to 65535: ws://h:99999999999999999999999/"},
        {"ws://h:-1/", "the port is not a number from 1 to 65535: ws://h:-1/"},
        {"ws://h:80a/", "the port is not a number from 1 to 65535: ws://h:80a/"},
        {"ws://[::1]:x/", "the port is not a number from 1 to 65535: ws://[::1]:x/"},
        {"ws://2001:db8::1/", "an IPv6 address must stand in brackets in a URL: ws://2001:db8::1/"},
        {"ws://h/#", "the URL has a fragment: ws://h/"},
        {"ws://h/x?y#z", "the URL has a fragment: ws://h/x"},
        {"ws://h#z", "the URL has a fragment: ws://h"},
        {"ws://h/a b", "the URL has a space at offset 8: ws://h/a b"},
        {" ws://h/", "the URL has a space at offset 0:  ws://h/"},
        {"ws://h/\r\nX: y", "the URL has the control byte 0x0d at offset 7: ws://h/??X: y"},
        {"ws://h/\xc3\xa4",
         "the URL has byte 0xc3 at offset 7, which must be percent-encoded: ws://h/??"},
        {"ws://h/\"", "the URL is not valid at its character '\"': ws://h/\""},
        {"ws://h/%zz", "the URL is not valid at its character 'z': ws://h/%zz"},
        {"ws://h/?q=<&token=t", "the URL is not valid at its character '<': ws://h/"},
        {"ws://[::1/", "the URL is not valid at its character '/': ws://[::1/"},
        {"ws://[::1]x/", "the URL is not valid at its character 'x': ws://[::1]x/"},
        {"ws://[v1.x]/", "the host is an IP literal of an unknown version: ws://[v1.x]/"},
        {"ws://[fe80::1%25]/",
         "the zone of the IPv6 address is empty or too long: ws://[fe80::1%25]/"},
        {"ws://[fe80::1%25a%2f]/",
         "the zone of the IPv6 address holds a character that the name of no interface has: "
         "ws://[fe80::1%25a%2f]/"},
        /* what stands before an @ is never shown */
        {"ws://user:s3cret@h/", "the URL has user info, which WebSocket URLs do not carry"},
        {"ws://@h/", "the URL has user info, which WebSocket URLs do not carry"},
        {"ws://user:s3?cret@h/", "the port is not a number from 1 to 65535"},
        {"ws://user:s3 cret@h/", "the URL has a space at offset 12"},
        {"ws://user:s3[cret@h/", "the URL is not valid"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_bad(leati_url_parse_websocket, LEAT_E_WS_URL, cases[i][0], cases[i][1]);
    check_bad(leati_url_parse_websocket, LEAT_E_WS_URL, NULL, "the URL is empty");
}

Test(url, host_refusals_name_the_culprit)
{
    static const char *const cases[][2] = {
        {"ws://a..b/", "the host has an empty label: ws://a..b/"},
        {"ws://.a/", "the host has an empty label: ws://.a/"},
        {"ws://a../", "the host has an empty label: ws://a../"},
        {"ws://./", "the host has an empty label: ws://./"},
        {"ws://a%2fb/", "the host holds a character that no host name has: ws://a%2fb/"},
        {"ws://a%00b/", "the host has a broken percent escape: ws://a%00b/"},
        {"ws://a*b/", "the host holds a character that no host name has: ws://a*b/"},
        {"ws://a%ffb/", "the host is not valid UTF-8: ws://a%ffb/"},
        {"ws://a\xff/", "the host is not valid UTF-8: ws://a?/"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_bad(leati_url_parse_websocket, LEAT_E_WS_URL, cases[i][0], cases[i][1]);
}

Test(url, what_ends_in_a_number_is_an_ipv4_address_or_nothing)
{
    static const char *const hosts[] = {
        "256.0.0.1",
        "1.256.1",
        "1.2.65536",
        "1.16777216",
        "4294967296",
        "1.2.3.4.5",
        "1.2.3.08",
        "0x1.2.3.0xg1.7",
        "a.0X",
        "a.1",
        "1.2.3.4.0x",
        "09",
        "0x100000000",
        "99999999999999999999",
        "1.0x1ffffffffffffffff",
    };

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        char text[64], reason[160];
        snprintf(text, sizeof(text), "ws://%s/", hosts[i]);
        snprintf(reason, sizeof(reason), "the host ends in a number and is not an IPv4 address: %s",
                 text);
        check_bad(leati_url_parse_websocket, LEAT_E_WS_URL, text, reason);
    }
}

Test(url, whether_a_name_is_absolute)
{
    static const struct {
        const char *text;
        bool is_absolute;
    } cases[] = {
        {"ws://example.com/", false},
        {"ws://example.com./", true},
        {"ws://svc.:8080/x", true},
        {"ws://example.com%2e/", true},
        {"ws://example.com\xe3\x80\x82/", true}, /* the ideographic full stop */
        {"ws://127.0.0.1./", false},
        {"ws://127.1./", false},
        {"ws://[::1]/", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leati_failure failure;
        struct leati_url url;
        leati_failure_init(&failure);
        cr_assert_eq(leati_url_parse_websocket(cases[i].text, &failure, &url), LEAT_OK, "%s",
                     failure.text);
        cr_expect_eq(url.host_is_absolute, cases[i].is_absolute, "%s", cases[i].text);
        leati_url_done(&url);
    }
}

/* ---- redirects --------------------------------------------------------------------------- */

static void check_redirect(const char *from, const char *reference, const char *expected)
{
    struct leati_failure failure;
    struct leati_url base;
    char *text = NULL;

    leati_failure_init(&failure);
    cr_assert_eq(leati_url_parse_websocket(from, &failure, &base), LEAT_OK);
    int code = leati_url_resolve_redirect(&base, reference, &failure, &text);
    cr_expect_eq(code, expected ? LEAT_OK : LEAT_E_WS_URL, "%s: %d %s", reference, code,
                 failure.text);
    cr_expect(is_same(text, expected), "%s from %s\n  gave     %s\n  expected %s", reference, from,
              text, expected);
    leati_free(text);
    leati_url_done(&base);
    leati_failure_done(&failure);
}

Test(url, where_a_redirect_leads)
{
    check_redirect("ws://h/a/b?c", "d", "ws://h:80/a/d");
    check_redirect("wss://h:1/a/b?c", "/d?e#f", "wss://h:1/d?e");
    check_redirect("ws://h/", "http://other/x", "ws://other/x");
    check_redirect("ws://[::1]:7/a", "b", "ws://[0000:0000:0000:0000:0000:0000:0000:0001]:7/b");
    check_redirect("ws://h/", "ws://[", NULL);
}

/* The server has seen neither: it sends back to the host that it was told. */
Test(url, a_redirect_to_the_same_host_keeps_zone_and_final_dot)
{
    check_redirect("ws://[fe80::1%25eth0]:8080/old", "/new", "ws://[fe80::1%25eth0]:8080/new");
    check_redirect("ws://[fe80::1%25eth0]/old", "ws://[FE80:0::1]:9/new?x",
                   "ws://[fe80::1%25eth0]:9/new?x");
    check_redirect("ws://[fe80::1%25eth0]/old", "https://[fe80::1]/new",
                   "wss://[fe80::1%25eth0]:443/new");
    check_redirect("ws://[fe80::1%25eth0]/old", "ws://[fe80::2]/new",
                   "ws://[fe80:0000:0000:0000:0000:0000:0000:0002]/new");
    check_redirect("ws://[fe80::1%25eth0]/old", "ws://fe80.example/", "ws://fe80.example/");
    check_redirect("ws://www.svc.test./old", "new", "ws://www.svc.test.:80/new");
    check_redirect("ws://www.svc.test./old", "ws://WWW.svc.test:81/", "ws://www.svc.test.:81/");
    check_redirect("ws://www.svc.test./old", "ws://svc.test/", "ws://svc.test/");
    check_redirect("ws://www.svc.test/old", "ws://www.svc.test./", "ws://www.svc.test./");
}

/* "ws://h/" and so many bytes of path that it is `len` long. */
static char *url_of_length(size_t len)
{
    char *text = leati_malloc(len + 1);
    memset(text, 'x', len);
    memcpy(text, "ws://h/", 7);
    text[len] = '\0';
    return text;
}

Test(url, length_limits_hold_to_the_byte)
{
    char text[300];
    struct leati_failure failure;
    struct leati_url url;

    leati_failure_init(&failure);
    char *longest = url_of_length(LEATI_URL_MAX_BYTES);
    cr_assert_eq(leati_url_parse_websocket(longest, &failure, &url), LEAT_OK);
    cr_assert_eq(strlen(url.target), LEATI_URL_MAX_BYTES - strlen("ws://h"));
    leati_url_done(&url);
    leati_free(longest);
    char *too_long = url_of_length(LEATI_URL_MAX_BYTES + 1);
    check_bad(leati_url_parse_websocket, LEAT_E_WS_URL, too_long,
              "the URL is longer than 8192 bytes");
    leati_free(too_long);

    snprintf(text, sizeof(text), "ws://%063d.x/", 0);
    cr_assert_eq(leati_url_parse_websocket(text, &failure, &url), LEAT_OK);
    leati_url_done(&url);
    snprintf(text, sizeof(text), "ws://%064d.x?", 0);
    cr_assert_eq(leati_url_parse_websocket(text, &failure, &url), LEAT_E_WS_URL);
    cr_assert_neq(strstr(failure.text, "a label longer than 63 bytes"), NULL);
    leati_failure_done(&failure);

    snprintf(text, sizeof(text), "ws://%060d.%060d.%060d.%060d.%07dab./", 0, 0, 0, 0, 0);
    cr_assert_eq(leati_url_parse_websocket(text, &failure, &url), LEAT_OK, "%s", failure.text);
    cr_assert_eq(strlen(url.host), 253);
    leati_url_done(&url);
    /* Whether a longer name can be resolved depends on who resolves it. */
    snprintf(text, sizeof(text), "ws://%060d.%060d.%060d.%060d.%07dabc/", 0, 0, 0, 0, 0);
    cr_assert_eq(leati_url_parse_websocket(text, &failure, &url), LEAT_OK);
    cr_assert_eq(strlen(url.host), 254);
    leati_url_done(&url);
}

/* ---- proxies ---------------------------------------------------------------------------- */

Test(url, proxy)
{
    static const struct good_url urls[] = {
        {"socks5://p", "socks5", "p", 1080, true, "/", NULL, NULL},
        {"socks4://p", "socks4", "p", 1080, true, "/", NULL, NULL},
        {"SOCKS4A://u@[::1]:1081/", "socks4a", "::1", 1081, false, "/", "u", NULL},
        {"SOCKS5H://P:1081/", "socks5h", "p", 1081, false, "/", NULL, NULL},
        {"http://p", "http", "p", 80, true, "/", NULL, NULL},
        {"HTTPS://u:p@p/", "https", "p", 443, true, "/", "u", "p"},
        {"socks5h://p:", "socks5h", "p", 1080, true, "/", NULL, NULL},
        {"socks5h://[::1]:1080", "socks5h", "::1", 1080, true, "/", NULL, NULL},
        {"socks5h://u:p@[fe80::1%25lo]", "socks5h", "fe80::1%lo", 1080, true, "/", "u", "p"},
        {"socks5h://user%40x:p%3Aw@host:1080", "socks5h", "host", 1080, true, "/", "user@x", "p:w"},
        {"socks5h://u:a:b@h", "socks5h", "h", 1080, true, "/", "u", "a:b"},
        {"socks5h://u%25:%c3%a4%20@h", "socks5h", "h", 1080, true, "/", "u%", "\xc3\xa4 "},
        {"socks5h://u:\xc3\xa4@h", "socks5h", "h", 1080, true, "/", "u", "\xc3\xa4"},
        {"socks5h://u@h", "socks5h", "h", 1080, true, "/", "u", NULL},
        {"socks5h://u:@h", "socks5h", "h", 1080, true, "/", "u", ""},
        {"socks5h://:p@h", "socks5h", "h", 1080, true, "/", "", "p"},
        {"socks5h://@h", "socks5h", "h", 1080, true, "/", "", NULL},
        {"socks://h/", "socks5h", "h", 1080, true, "/", NULL, NULL},
        {"SOCKS://u:p@h:1", "socks5h", "h", 1, false, "/", "u", "p"},
        {"socks5h://u!$&'()*+,;=-._~:%40@h", "socks5h", "h", 1080, true, "/", "u!$&'()*+,;=-._~",
         "@"},
        {"socks5h://b\xc3\xbc"
         "cher.example",
         "socks5h", "xn--bcher-kva.example", 1080, true, "/", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        check_good(leati_url_parse_proxy, &urls[i]);
}

#define NO_SUCH_SCHEME                                                                             \
    "the scheme of the proxy URL is not one of socks5, socks5h (or socks), socks4, socks4a, http " \
    "and https"

Test(url, proxy_refusals_show_nothing_of_the_url)
{
    static const char *const cases[][2] = {
        {"", "the proxy URL is empty"},
        {"proxy:1080", NO_SUCH_SCHEME},
        {"ftp://proxy:1080", NO_SUCH_SCHEME},
        {"socks5h:proxy", "the proxy URL has no host"},
        {"socks5h://", "the proxy URL has no host"},
        {"socks5h://:1080", "the proxy URL has no host"},
        {"socks5h://u:s3cret@", "the proxy URL has no host"},
        {"socks5h://u:s3cret@:1080", "the proxy URL has no host"},
        {"socks5h://u:s3cret", "the port is not a number from 1 to 65535"},
        {"socks5h://h:0", "the port is not a number from 1 to 65535"},
        {"socks5h://h:65536", "the port is not a number from 1 to 65535"},
        {"socks5h://h/x", "the proxy URL has a path or a query"},
        {"socks5h://h?x", "the proxy URL has a path or a query"},
        {"socks5h://h/?", "the proxy URL has a path or a query"},
        {"socks5h://h#x", "the proxy URL has a fragment"},
        {"socks4h://h", NO_SUCH_SCHEME},
        {"socks5h://h x", "the proxy URL has a space at offset 11"},
        {"socks5h://u:s3\ncret@h", "the proxy URL has the control byte 0x0a at offset 14"},
        {"socks5h://u:s3%00cret@h",
         "the user name or the password of the proxy URL holds an encoded NUL"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_bad(leati_url_parse_proxy, LEAT_E_PARAMETER, cases[i][0], cases[i][1]);
}

/* What a password holds as it is must not be told as a wrong port, or path, or anything else. */
Test(url, what_must_be_escaped_in_a_proxys_user_info_is_named)
{
    static const char bytes[] = "@/?#[]%\\\"<>^`{|} ";
    static const char *const forms[] = {"socks5h://u:s3%ccret@h:1", "http://s3%ccret:p@h/",
                                        "https://s3%ccret@[::1]", "socks://u:%c@h"};

    for (size_t i = 0; i < sizeof(bytes) - 1; i++)
        for (size_t j = 0; j < sizeof(forms) / sizeof(forms[0]); j++) {
            char text[64], expected[128];
            const char *at = strstr(forms[j], "%c");
            snprintf(text, sizeof(text), "%.*s%c%s", (int)(at - forms[j]), forms[j], bytes[i],
                     at + 2);
            snprintf(expected, sizeof(expected),
                     "\"%c\" in the user name or the password of the proxy URL must be written as "
                     "%%%02X",
                     bytes[i], (unsigned)bytes[i]);
            check_bad(leati_url_parse_proxy, LEAT_E_PARAMETER, text, expected);
        }
}

/* ---- memory and damage ------------------------------------------------------------------- */

static bool parse_without_memory(parse_fn *parse, const char *text)
{
    struct leati_failure failure;
    struct leati_url url;

    leati_failure_init(&failure);
    int result = parse(text, &failure, &url);
    cr_assert(result == LEAT_OK || result == LEAT_E_SYSTEM_INTERNAL, "%d", result);
    cr_assert_eq(failure.code, result);
    if (result == LEAT_OK)
        leati_url_done(&url);
    leati_failure_done(&failure);
    return result == LEAT_OK;
}

static bool parse_idn_without_memory(void)
{
    return parse_without_memory(leati_url_parse_websocket, "wss://b\xc3\xbc"
                                                           "cher.example:81/x?y");
}

static bool parse_ipv6_without_memory(void)
{
    return parse_without_memory(leati_url_parse_proxy, "socks5h://user:secret@[fe80::1%25lo]:1");
}

static bool parse_odd_ipv4_without_memory(void)
{
    return parse_without_memory(leati_url_parse_websocket, "ws://0x7f.1/");
}

static bool redirect_without_memory(void)
{
    bool (*hook)(void) = leati_alloc_fail_hook;
    struct leati_failure failure;
    struct leati_url base;
    char *text;

    leati_failure_init(&failure);
    leati_alloc_fail_hook = NULL;
    cr_assert_eq(leati_url_parse_websocket("ws://[fe80::1%25lo]/", &failure, &base), LEAT_OK);
    leati_alloc_fail_hook = hook;
    int code = leati_url_resolve_redirect(&base, "/new", &failure, &text);
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    cr_assert_eq(failure.code, code);
    if (code == LEAT_OK) {
        cr_assert_str_eq(text, "ws://[fe80::1%25lo]:80/new");
        leati_free(text);
    }
    leati_url_done(&base);
    leati_failure_done(&failure);
    return code == LEAT_OK;
}

Test(url, every_allocation_may_fail)
{
    cr_assert_gt(alloc_failure_run_all(parse_odd_ipv4_without_memory), 0);
    cr_assert_gt(alloc_failure_run_all(redirect_without_memory), 0);
    cr_assert_gt(alloc_failure_run_all(parse_idn_without_memory), 0);
    cr_assert_gt(alloc_failure_run_all(parse_ipv6_without_memory), 0);
}

/* What holds for every URL that is accepted, however it came about. */
static void check_invariants(const struct leati_url *url)
{
    cr_assert_gt(strlen(url->host), 0);
    cr_assert_eq(url->target[0], '/');
    cr_assert_gt(url->port, 0);
    for (const char *c = url->host; *c; c++)
        cr_assert(
            strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.:%~ABCDEFGHIJKLMNOPQRSTUVWXYZ", *c),
            "host %s", url->host);
    for (const char *c = url->target; *c; c++)
        cr_assert(*c > ' ' && *c < 0x7f && *c != '#', "target %s", url->target);
}

static void check_mutations(parse_fn *parse, int code, const char *const *seeds, size_t count,
                            uint64_t seed)
{
    struct mutation mutation;
    size_t accepted = 0;

    mutation_init(&mutation, seed);
    for (int i = 0; i < 20000; i++) {
        const char *text = seeds[mutation_below(&mutation, count)];
        struct leati_failure failure;
        struct leati_url url;
        size_t len = mutation_next(&mutation, text, strlen(text));
        /* As long as it is, so that ASan sees a read beyond it. */
        char *copy = strndup((const char *)mutation.bytes, len);
        leati_failure_init(&failure);
        int result = parse(copy, &failure, &url);
        cr_assert(result == LEAT_OK || result == code, "%s: %d", copy, result);
        if (result == LEAT_OK) {
            check_invariants(&url);
            leati_url_done(&url);
            accepted++;
        } else {
            cr_assert_eq(strstr(failure.text, "s3cret"), NULL, "%s: %s", copy, failure.text);
        }
        leati_failure_done(&failure);
        free(copy);
    }
    cr_assert_gt(accepted, 1000, "hardly anything is accepted: %zu", accepted);
}

Test(url, mutated_websocket_urls)
{
    static const char *const seeds[] = {
        "ws://example.com:8080/chat?token=abc",
        "wss://[2001:db8::1%25eth0]:9/x",
        ("ws://b\xc3\xbc"
         "cher.example/?q"),
        "wss://10.0.0.1",
        "ws://%62.c/a/./b/%20",
    };
    check_mutations(leati_url_parse_websocket, LEAT_E_WS_URL, seeds, 5, 4);
}

Test(url, mutated_proxy_urls)
{
    static const char *const seeds[] = {
        "socks5h://user:s3cret@proxy.example:1080",
        "socks5://u%40:s3cret@[::1]",
        "socks5h://10.0.0.1:9/",
    };
    check_mutations(leati_url_parse_proxy, LEAT_E_PARAMETER, seeds, 3, 5);
}
