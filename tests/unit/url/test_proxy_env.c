/* SPDX-License-Identifier: Apache-2.0 */
#include "url/proxy_env.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "support/mutation.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(proxy_env, .timeout = 30, .fini = leak_check);

/* An environment: names and values, NULL at the end. */
static const char *table_getenv(const char *name, void *user)
{
    for (const char *const *entry = user; *entry; entry += 2) {
        if (strcmp(entry[0], name) == 0)
            return entry[1];
    }
    return NULL;
}

static struct leati_url origin_of(const char *scheme, const char *host, uint16_t port)
{
    return (struct leati_url){
        .scheme = (char *)(uintptr_t)scheme,
        .host = (char *)(uintptr_t)host,
        .port = port,
    };
}

struct env_case {
    const char *scheme;
    const char *env[9];
    const char *url; /* NULL = direct */
    const char *variable;
};

#define URL_OF(name) "http://" #name ":1"

static const struct env_case cases[] = {
    {"wss", {NULL}, NULL, ""},
    {"ws", {NULL}, NULL, ""},
    {"wss", {"https_proxy", "http://p:1"}, "http://p:1", "https_proxy"},
    {"wss", {"HTTPS_PROXY", "http://p:1"}, "http://p:1", "HTTPS_PROXY"},
    {"wss", {"http_proxy", "http://p:1", "HTTP_PROXY", "http://p:1"}, NULL, ""},
    {"ws", {"https_proxy", "http://p:1", "HTTPS_PROXY", "http://p:1"}, NULL, ""},
    {"ws", {"http_proxy", "http://p:1"}, "http://p:1", "http_proxy"},
    {"ws", {"HTTP_PROXY", "http://p:1"}, "http://p:1", "HTTP_PROXY"},
    {"ws", {"HTTP_PROXY", "http://evil:1", "REQUEST_METHOD", "GET"}, NULL, ""},
    {"ws",
     {"HTTP_PROXY", "http://evil:1", "REQUEST_METHOD", "GET", "ALL_PROXY", "socks5h://p"},
     "socks5h://p",
     "ALL_PROXY"},
    {"ws",
     {"HTTP_PROXY", "http://evil:1", "REQUEST_METHOD", "GET", "http_proxy", "http://p:1"},
     "http://p:1",
     "http_proxy"},
    {"wss", {"HTTPS_PROXY", "http://p:1", "REQUEST_METHOD", "GET"}, "http://p:1", "HTTPS_PROXY"},
    {"tcp", {"https_proxy", "http://p:1", "http_proxy", "http://p:1"}, NULL, ""},
    {"tcp", {"http_proxy", "http://p:1", "all_proxy", "socks5h://p"}, "socks5h://p", "all_proxy"},
    /* The nearer the name, and the smaller the letters, the sooner it counts. */
    {"wss",
     {"https_proxy", URL_OF(c), "WSS_PROXY", URL_OF(b), "wss_proxy", URL_OF(a)},
     URL_OF(a),
     "wss_proxy"},
    {"wss",
     {"HTTPS_PROXY", URL_OF(d), "https_proxy", URL_OF(c), "WSS_PROXY", URL_OF(b)},
     URL_OF(b),
     "WSS_PROXY"},
    {"wss",
     {"all_proxy", URL_OF(e), "HTTPS_PROXY", URL_OF(d), "https_proxy", URL_OF(c)},
     URL_OF(c),
     "https_proxy"},
    {"wss", {"ALL_PROXY", URL_OF(f), "all_proxy", URL_OF(e)}, URL_OF(e), "all_proxy"},
    {"ws",
     {"http_proxy", URL_OF(c), "WS_PROXY", URL_OF(b), "ws_proxy", URL_OF(a)},
     URL_OF(a),
     "ws_proxy"},
    {"ws", {"HTTP_PROXY", URL_OF(d), "http_proxy", URL_OF(c)}, URL_OF(c), "http_proxy"},
    {"ws", {"ALL_PROXY", URL_OF(f), "HTTP_PROXY", URL_OF(d)}, URL_OF(d), "HTTP_PROXY"},
    /* Empty is not set. */
    {"wss", {"https_proxy", "", "HTTPS_PROXY", "http://p:1"}, "http://p:1", "HTTPS_PROXY"},
    {"wss", {"https_proxy", ""}, NULL, ""},
    /* Without a scheme it is an HTTP proxy. */
    {"wss", {"https_proxy", "p:3128"}, "http://p:3128", "https_proxy"},
    {"wss", {"https_proxy", "user:pw@[::1]:3128"}, "http://user:pw@[::1]:3128", "https_proxy"},
    {"wss", {"all_proxy", "SOCKS5://p"}, "SOCKS5://p", "all_proxy"},
    /* no_proxy */
    {"wss", {"all_proxy", "p", "no_proxy", "a.example"}, NULL, "no_proxy"},
    {"wss", {"all_proxy", "p", "NO_PROXY", "a.example"}, NULL, "NO_PROXY"},
    {"wss",
     {"all_proxy", "p", "NO_PROXY", "a.example", "no_proxy", "b.example"},
     "http://p",
     "all_proxy"},
    {"wss", {"all_proxy", "p", "NO_PROXY", "a.example", "no_proxy", ""}, NULL, "NO_PROXY"},
    {"wss", {"no_proxy", "a.example"}, NULL, ""},
};

Test(proxy_env, which_variable_counts)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct env_case *c = &cases[i];
        struct leati_proxy_env choice;
        void *env = (void *)(uintptr_t)c->env;
        const struct leati_url origin = origin_of(c->scheme, "a.example", 443);
        cr_assert_eq(leati_proxy_env_select(table_getenv, env, &origin, &choice), LEAT_OK);
        if (c->url)
            cr_expect(choice.url && strcmp(choice.url, c->url) == 0, "case %zu: %s", i, choice.url);
        else
            cr_expect_null(choice.url, "case %zu: %s", i, choice.url);
        cr_expect_str_eq(choice.variable, c->variable, "case %zu", i);
        leati_proxy_env_done(&choice);
        cr_expect_null(choice.url);
    }
}

struct list_case {
    const char *list;
    const char *host;
    uint16_t port;
    bool matches;
};

static const struct list_case lists[] = {
    {"", "a.example", 443, false},
    {" ,, ", "a.example", 443, false},
    {"*", "a.example", 443, true},
    {"*", "::1", 443, true},
    {"b.example, *", "a.example", 443, true},
    {"*:80", "a.example", 443, false},
    {"*:443", "a.example", 443, true},
    /* names */
    {"a.example", "a.example", 443, true},
    {"A.EXAMPLE", "a.example", 443, true},
    {"a.example.", "a.example", 443, true},
    {"example", "a.example", 443, true},
    {".example", "a.example", 443, true},
    {"*.example", "a.example", 443, true},
    {".a.example", "a.example", 443, true},
    {"*.a.example", "a.example", 443, true},
    {"b.example", "a.example", 443, false},
    {"xample", "a.example", 443, false},
    {"a.example", "aa.example", 443, false},
    {"a.example", "a.example.com", 443, false},
    {"10.1", "10.0.0.1", 443, true},
    {"0x0a.1", "::ffff:10.0.0.1", 443, true},
    {"10.1", "10.0.0.2", 443, false},
    {".1", "10.0.0.1", 443, false},
    {"10.1", "a.10.example", 443, false},
    {"a*.example", "a.example", 443, false},
    {"..example", "a.example", 443, false},
    {".", "a.example", 443, false},
    {"localhost", "localhost", 80, true},
    {"b\xc3\xbc"
     "cher.example",
     "www.xn--bcher-kva.example", 443, true},
    {"xn--bcher-kva.example", "xn--bcher-kva.example", 443, true},
    /* separators */
    {"b.example,a.example", "a.example", 443, true},
    {"*.example,b.test", "a.example", 443, true},
    {".example,b.test", "a.example", 443, true},
    {"b.example a.example", "a.example", 443, true},
    {"  b.example\t,\r\n a.example  ", "a.example", 443, true},
    {"b.example;a.example", "a.example", 443, false},
    /* ports */
    {"a.example:443", "a.example", 443, true},
    {"a.example:80", "a.example", 443, false},
    {"a.example:80,a.example:443", "a.example", 443, true},
    {".example:443", "a.example", 443, true},
    {"a.example:", "a.example", 443, false},
    {"a.example:x", "a.example", 443, false},
    {"a.example:65979", "a.example", 443, false},
    {":443", "a.example", 443, false},
    /* addresses */
    {"10.0.0.1", "10.0.0.1", 443, true},
    {"10.0.0.1:443", "10.0.0.1", 443, true},
    {"10.0.0.1:80", "10.0.0.1", 443, false},
    {"10.0.0.1", "10.0.0.10", 443, false},
    {"0.0.1", "10.0.0.1", 443, false},
    {".0.0.1", "10.0.0.1", 443, false},
    {"1", "10.0.0.1", 443, false},
    {"::1", "::1", 443, true},
    {"[::1]", "::1", 443, true},
    {"[::1]:443", "::1", 443, true},
    {"[::1]:80", "::1", 443, false},
    {"0:0:0::1", "::1", 443, true},
    {"fe80::1", "fe80::1%eth0", 443, true},
    {"10.0.0.0/8", "10.9.8.7", 443, true},
    {"10.0.0.0/8", "11.9.8.7", 443, false},
    {"fd00::/8", "fd12::1", 443, true},
    {"fd00::/8", "fe12::1", 443, false},
    {"10.0.0.0/8", "10.example", 443, false},
    {"0.0.0.0/0,::/0", "a.example", 443, false},
    {"10.0.0.0/99, 10.0.0.0/8", "10.9.8.7", 443, true},
};

Test(proxy_env, no_proxy)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const struct list_case *c = &lists[i];
        bool matches = !c->matches;
        cr_assert_eq(leati_no_proxy_matches(c->list, c->host, c->port, &matches), LEAT_OK);
        cr_expect_eq(matches, c->matches, "\"%s\" and %s", c->list, c->host);
    }
}

/* What a program may put into a list by itself. */
Test(proxy_env, entries)
{
    static const char *const good[] = {"*",
                                       "a.example",
                                       ".a.example",
                                       "*.a.example",
                                       "A.example",
                                       "b\u00fccher.example",
                                       "10.0.0.1",
                                       "127.1",
                                       "::1",
                                       "[::1]",
                                       "[::1]:80",
                                       "10.0.0.0/8",
                                       "fd00::/8",
                                       "a.example:443",
                                       "*:80",
                                       "10.0.0.1:80",
                                       "localhost",
                                       "*.a.example:80",
                                       ".a.example:80"};
    static const char *const bad[] = {"",
                                      ",",
                                      "a b",
                                      "a,b",
                                      "10.0.0.0/33",
                                      "a.example/8",
                                      "a.example:0",
                                      "a.example:x",
                                      ":80",
                                      "a.example:65536",
                                      "http://a.example",
                                      "a..b",
                                      "[::1",
                                      "*.",
                                      ".",
                                      "1.2.3.4.5",
                                      "fe80::1%a,b"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect_eq(leati_no_proxy_check(good[i]), LEAT_OK, "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_eq(leati_no_proxy_check(bad[i]), LEAT_E_PARAMETER, "%s", bad[i]);
}

Test(proxy_env, damaged_lists)
{
    static const char list[] = "a.example:443, [::1]:80 10.0.0.0/8,*.b.example\tfd00::/8";
    struct mutation mutation;

    mutation_init(&mutation, 3);
    for (int i = 0; i < 30000; i++) {
        size_t len = mutation_next(&mutation, list, sizeof(list) - 1);
        char *text = malloc(len + 1);
        bool matches;
        memcpy(text, mutation.bytes, len);
        text[len] = '\0';
        cr_assert_eq(leati_no_proxy_matches(text, "www.b.example", 443, &matches), LEAT_OK);
        cr_assert_eq(leati_no_proxy_matches(text, "fd00::1", 80, &matches), LEAT_OK);
        free(text);
    }
}

static bool attempt(void)
{
    static const char *const env[] = {"all_proxy", "user:secret@p", "no_proxy",
                                      "b.example,c.example", NULL};
    const struct leati_url origin = origin_of("ws", "a.example", 80);
    struct leati_proxy_env choice;

    int result = leati_proxy_env_select(table_getenv, (void *)(uintptr_t)env, &origin, &choice);
    cr_assert(result == LEAT_OK || result == LEAT_E_SYSTEM_INTERNAL);
    if (result == LEAT_OK) {
        cr_assert_str_eq(choice.url, "http://user:secret@p");
        leati_proxy_env_done(&choice);
    }
    return result == LEAT_OK;
}

Test(proxy_env, lack_of_memory)
{
    cr_assert_geq(alloc_failure_run_all(attempt), 5);
}
