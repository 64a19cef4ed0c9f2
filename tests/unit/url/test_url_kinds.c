/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of proxy a URL names, and what is said of hosts behind user info. */
#include "url/url.h"

#include "support/leak_check.h"

#include <criterion/criterion.h>
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
        leati_url_done(&url);
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
