/* SPDX-License-Identifier: Apache-2.0 */
/* What resolv.conf(5) says, and which names follow from it. */
#include "dns/resolv_conf.h"

#include "support/alloc_failure.h"
#include "util/alloc.h"
#include "util/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(resolv_conf, .timeout = 10);

static struct leati_resolv_conf conf_of(const char *file, const char *local_domain,
                                        const char *options)
{
    struct leati_resolv_conf conf;
    const struct leati_resolv_conf_source source = {.file = file,
                                                    .local_domain = local_domain,
                                                    .options = options,
                                                    .host_name = "me.home.example"};

    cr_assert(leati_resolv_conf_parse(&source, &conf));
    return conf;
}

/* "a b": the names for a host, in their order. */
static void check_names(const char *file, const char *host, const char *expected)
{
    struct leati_resolv_conf conf = conf_of(file, NULL, NULL);
    struct leati_search search;
    char name[LEATI_DNS_NAME_SIZE], names[4096] = "";
    size_t len = strlen(host), left;
    char copy[LEATI_DNS_NAME_SIZE];

    bool is_absolute = len > 0 && host[len - 1] == '.';
    snprintf(copy, sizeof(copy), "%.*s", (int)(len - is_absolute), host);
    leati_search_init(&search, &conf, copy, is_absolute);
    left = leati_search_left(&search);
    while (leati_search_next(&search, name)) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, "%s%s", used ? " " : "", name);
        cr_expect_eq(leati_search_left(&search), --left);
    }
    cr_expect_eq(left, 0);
    cr_expect_str_eq(names, expected, "%s with %s: %s", host, file, names);
    leati_resolv_conf_done(&conf);
}

Test(resolv_conf, the_order_of_the_names)
{
    check_names("", "host", "host.home.example host");
    check_names("search\n", "host", "host.home.example host");
    check_names("search a.test b.test\n", "host", "host.a.test host.b.test host");
    check_names("search a.test b.test\n", "www.host", "www.host www.host.a.test www.host.b.test");
    check_names("search a.test\noptions ndots:2\n", "www.host", "www.host.a.test www.host");
    check_names("search a.test\noptions ndots:0\n", "host", "host host.a.test");
    check_names("domain a.test b.test\n", "host", "host.a.test host");
    check_names("search a.test\ndomain b.test\n", "host", "host.b.test host");
    check_names("domain b.test\nsearch a.test\n", "host", "host.a.test host");
    check_names("search a.test\noptions no_tld_query\n", "host", "host.a.test");
    check_names("search a.test\noptions no-tld-query\n", "w.host", "w.host w.host.a.test");
    check_names("search .\noptions no-tld-query\n", "host", "host");
}

/* What systemd-resolved writes where there is no domain. */
Test(resolv_conf, the_root_is_the_name_itself)
{
    check_names("search .\n", "host", "host");
    check_names("search .\n", "www.host", "www.host");
    check_names("search a.test .\n", "host", "host.a.test host");
    check_names("search . a.test\n", "host", "host host.a.test");
    check_names("search a.test .\n", "www.host", "www.host www.host.a.test");
}

Test(resolv_conf, a_final_dot_ends_the_search)
{
    check_names("search a.test\n", "host.", "host");
    check_names("search a.test\noptions ndots:5\n", "www.svc.test.", "www.svc.test");
    check_names("search a.test\noptions no-tld-query\n", "host.", "host");
}

/* RFC 7686: such a name must not come to a DNS server, whatever stands behind it. */
Test(resolv_conf, onion_names_are_not_searched_for)
{
    check_names("search a.test\noptions ndots:5\n", "x.onion", "x.onion");
    check_names("search a.test\n", "x.oNion", "x.oNion");
    check_names("search a.test\n", "onion", "onion");
    check_names("search a.test\n", "xonion", "xonion.a.test xonion");
}

Test(resolv_conf, what_is_no_name_is_passed_over)
{
    char file[1024], label[80] = "", host[300] = "";

    memset(label, 'a', 64);
    snprintf(file, sizeof(file), "search a..b %s.test .c.test d.test. .. e.test\n", label);
    check_names(file, "host", "host.c.test host.d.test host host.e.test");
    label[63] = '\0';
    snprintf(file, sizeof(file), "search %s.test\n", label);
    snprintf(host, sizeof(host), "host.%s.test host", label);
    check_names(file, "host", host);
    check_names("search a.test\n", "a..b", "");
    check_names("search a.test\n", "", "");

    /* 253 bytes are the most (RFC 1035 section 2.3.4 as text). */
    snprintf(host, sizeof(host), "%s.%s.%s.%.53s", label, label, label, label);
    cr_assert_eq(strlen(host), 245);
    snprintf(file, sizeof(file), "%s %s.7654321", host, host);
    check_names("search 7654321 87654321\n", host, file);
    memset(host, 'a', 255);
    host[255] = '\0';
    check_names("search a.test\n", host, "");
}

Test(resolv_conf, the_form_of_the_file)
{
    check_names("# search x\n;search y\n search z\nsearch\ta.test \t b.test  \r\n", "host",
                "host.a.test host.b.test host");
    check_names("searching x\nsearch=x\nsearch a.test", "host", "host.a.test host");
    check_names("nameserver 127.0.0.1\nsearch a.test\nsearch b.test\n", "host", "host.b.test host");
}

Test(resolv_conf, the_longest_list)
{
    char file[2048], expected[2048];
    size_t file_len = 0, expected_len = 0;

    leati_text_append(file, sizeof(file), &file_len, "search");
    for (int i = 0; i < LEATI_RESOLV_CONF_MAX_DOMAINS + 2; i++) {
        leati_text_append(file, sizeof(file), &file_len, " d%d", i);
        if (i < LEATI_RESOLV_CONF_MAX_DOMAINS)
            leati_text_append(expected, sizeof(expected), &expected_len, "h.d%d ", i);
    }
    leati_text_append(expected, sizeof(expected), &expected_len, "h");
    check_names(file, "h", expected);
}

Test(resolv_conf, the_environment_goes_first)
{
    struct leati_resolv_conf conf =
        conf_of("search a.test\noptions ndots:3 rotate\n", "b.test c.test", "ndots:2 use-vc");

    cr_expect_eq(conf.domain_count, 2);
    cr_expect_str_eq(conf.domains[0], "b.test");
    cr_expect_str_eq(conf.domains[1], "c.test");
    cr_expect_eq(conf.ndots, 2);
    cr_expect(conf.rotate && conf.use_vc);
    leati_resolv_conf_done(&conf);
    conf = conf_of("search a.test\n", "", NULL);
    cr_expect_eq(conf.domain_count, 0);
    leati_resolv_conf_done(&conf);
}

Test(resolv_conf, options)
{
    struct leati_resolv_conf conf = conf_of("", NULL, NULL);

    cr_expect_eq(conf.ndots, 1);
    cr_expect_eq(conf.timeout_ms, 0);
    cr_expect_eq(conf.attempts, 0);
    cr_expect_not(conf.rotate || conf.use_vc || conf.edns0 || conf.single_request || conf.no_aaaa ||
                  conf.no_tld_query || conf.no_reload);
    leati_resolv_conf_done(&conf);

    conf = conf_of("options timeout:3 edns0\noptions trust-ad\tno-aaaa no-reload inet6 timeouts:9 "
                   "ndots: ndots:x attempts:0x3 use-vcs rotated\n",
                   NULL, NULL);
    cr_expect_eq(conf.timeout_ms, 3000);
    cr_expect_eq(conf.attempts, 1); /* as little as is possible */
    cr_expect_eq(conf.ndots, 1);
    cr_expect(conf.edns0 && conf.no_aaaa && conf.no_reload);
    cr_expect_not(conf.use_vc || conf.rotate || conf.single_request);
    leati_resolv_conf_done(&conf);

    conf = conf_of(NULL, NULL, "single-request-reopen timeout:99999999999 attempts:7 ndots:16");
    cr_expect(conf.single_request);
    cr_expect_eq(conf.timeout_ms, 30000);
    cr_expect_eq(conf.attempts, 5);
    cr_expect_eq(conf.ndots, 15);
    leati_resolv_conf_done(&conf);

    conf = conf_of("options attempts:3\n", NULL, NULL);
    cr_expect_eq(conf.timeout_ms, 5000, "the default of the other one");
    leati_resolv_conf_done(&conf);
    conf = conf_of("options timeout:0\n", NULL, NULL);
    cr_expect_eq(conf.timeout_ms, 1000);
    cr_expect_eq(conf.attempts, 2);
    leati_resolv_conf_done(&conf);
}

static bool read_without_memory(void)
{
    struct leati_resolv_conf conf;
    bool read = leati_resolv_conf_read(&conf);

    if (read)
        leati_resolv_conf_done(&conf);
    return read;
}

Test(resolv_conf, every_allocation_may_fail)
{
    cr_expect_eq(alloc_failure_run_all(read_without_memory), 2);
}
