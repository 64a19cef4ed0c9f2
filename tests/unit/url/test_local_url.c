/* SPDX-License-Identifier: Apache-2.0 */
/* Servers and proxies behind sockets of this machine: what their URLs name. */
#include "url/local_url.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(local_url, .timeout = 30, .fini = leak_check);

/* ---- servers ----------------------------------------------------------------------------- */

Test(local_url, servers)
{
    static const struct {
        const char *text, *path, *target;
    } rows[] = {
        {"ws+unix:/run/s", "/run/s", "/"},
        {"WS+Unix:/run/s:", "/run/s", "/"},
        {"ws+unix:/run/s:/a/b?c=d:e", "/run/s", "/a/b?c=d:e"},
        {"ws+unix:/run/s:a", "/run/s", "/a"},
        {"ws+unix:/run/s:?a", "/run/s", "/?a"},
        {"ws+unix:///run/s:/", "/run/s", "/"},
        {"ws+unix:@name:/", "@name", "/"},
        {"ws+unix:s", "s", "/"},
        {"ws+unix:/a%20b%3ac", "/a b:c", "/"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct leati_failure failure;
        struct leati_url url;
        char *path = NULL;
        leati_failure_init(&failure);
        cr_assert(leati_url_is_local(rows[i].text));
        cr_assert_eq(leati_url_parse_local(rows[i].text, &failure, &path, &url), LEAT_OK, "%s",
                     rows[i].text);
        cr_expect_str_eq(path, rows[i].path);
        cr_expect_str_eq(url.scheme, "ws");
        cr_expect_str_eq(url.host, "localhost");
        cr_expect_str_eq(url.target, rows[i].target);
        leati_free(path);
        leati_url_done(&url);
    }
    cr_expect_not(leati_url_is_local("ws+unix"));
    cr_expect_not(leati_url_is_local("wss+unix:/run/s"));
    cr_expect_not(leati_url_is_local("ws://ws+unix:/"));
}

static void check_refused(const char *text, const char *reason)
{
    struct leati_failure failure;
    struct leati_url url = {.port = 4711};
    char *path = NULL;
    leati_failure_init(&failure);
    cr_expect_eq(leati_url_parse_local(text, &failure, &path, &url), LEAT_E_WS_URL, "%s", text);
    cr_expect_eq(failure.code, LEAT_E_WS_URL);
    cr_expect_eq(failure.layer, LEAT_LAYER_WEBSOCKET);
    cr_expect(strstr(failure.text, reason), "%s", failure.text);
    cr_expect_null(path);
    cr_expect_eq(url.port, 4711);
    leati_failure_done(&failure);
}

Test(local_url, servers_that_are_refused)
{
    static const char how[] = "write it as ws+unix:/path/to/socket:/path/of/the/request";
    check_refused("ws+unix:", how);
    check_refused("ws+unix::/", how);
    check_refused("ws+unix://run/s", how);
    check_refused("ws+unix:////run/s", how);
    check_refused("ws+unix:/run%00/s", "the path of the local socket holds an encoded NUL");
    check_refused("ws+unix:/run/s:/a b", "has a space");
    check_refused("ws+unix:/run/s:/a#b", "has a fragment");
}

/* So many bytes, and the first of them. */
static char *text_of_length(const char *start, size_t len)
{
    char *text = leati_malloc(len + 1);
    memset(text, 'x', len);
    memcpy(text, start, strlen(start));
    text[len] = '\0';
    return text;
}

Test(local_url, the_limit_holds_to_the_byte)
{
    struct leati_failure failure;
    struct leati_url url;
    char *path = NULL;
    leati_failure_init(&failure);
    char *longest = text_of_length("ws+unix:/", LEATI_URL_MAX_BYTES);
    cr_assert_eq(leati_url_parse_local(longest, &failure, &path, &url), LEAT_OK);
    cr_expect_eq(strlen(path), LEATI_URL_MAX_BYTES - strlen("ws+unix:"));
    leati_url_done(&url);
    leati_free(path);
    leati_free(longest);
    char *too_long = text_of_length("ws+unix:/", LEATI_URL_MAX_BYTES + 1);
    check_refused(too_long, "the URL is longer than 8192 bytes");
    leati_free(too_long);

    longest = text_of_length("socks5+unix:/", LEATI_URL_MAX_BYTES);
    cr_assert_eq(leati_url_parse_local_proxy(longest, &failure, &url), LEAT_OK);
    leati_url_done(&url);
    leati_free(longest);
    too_long = text_of_length("socks5+unix:/", LEATI_URL_MAX_BYTES + 1);
    cr_assert_eq(leati_url_parse_local_proxy(too_long, &failure, &url), LEAT_E_PARAMETER);
    cr_expect_str_eq(failure.text, "the proxy URL is longer than 8192 bytes");
    leati_free(too_long);
    leati_failure_done(&failure);
}

/* ---- proxies ----------------------------------------------------------------------------- */

Test(local_url, proxies)
{
    static const struct {
        const char *text, *scheme, *path;
    } rows[] = {
        {"socks5h+unix:/run/p", "socks5h", "/run/p"},
        {"SOCKS+UNIX:./p", "socks5h", "./p"},
        {"http+unix:@name", "http", "@name"},
        {"socks4a+unix:///run/p", "socks4a", "/run/p"},
        {"https+unix:/a%3ab", "https", "/a:b"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct leati_failure failure;
        struct leati_url url;
        leati_failure_init(&failure);
        cr_assert(leati_url_is_local_proxy(rows[i].text));
        cr_assert_eq(leati_url_parse_proxy(rows[i].text, &failure, &url), LEAT_OK, "%s",
                     rows[i].text);
        cr_expect_str_eq(url.scheme, rows[i].scheme);
        cr_expect_str_eq(url.host, "localhost");
        cr_expect_str_eq(url.unix_path, rows[i].path);
        leati_url_done(&url);
    }
    cr_expect_not(leati_url_is_local_proxy("socks5h://h/+unix:/p"));
    cr_expect_not(leati_url_is_local_proxy("socks5h+unix"));
}

Test(local_url, proxies_that_are_refused)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"socks5h+unix:", "write a proxy behind a local socket as"},
        {"socks5h+unix:p", "write a proxy behind a local socket as"},
        {"socks5h+unix://p", "write a proxy behind a local socket as"},
        {"socks5h+unix:////p", "write a proxy behind a local socket as"},
        {"socks5h+unix:@", "write a proxy behind a local socket as"},
        {"socks5h+unix:/p%00", "the path of the proxy's local socket holds an encoded NUL"},
        {"ftp+unix:/p", "the scheme of the proxy URL is not one of"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct leati_failure failure;
        struct leati_url url = {.port = 4711};
        leati_failure_init(&failure);
        cr_expect_eq(leati_url_parse_proxy(rows[i].text, &failure, &url), LEAT_E_PARAMETER, "%s",
                     rows[i].text);
        cr_expect_eq(failure.code, LEAT_E_PARAMETER);
        cr_expect(strstr(failure.text, rows[i].reason), "%s", failure.text);
        cr_expect_eq(url.port, 4711);
        leati_failure_done(&failure);
    }
}

/* ---- memory ------------------------------------------------------------------------------ */

static bool server_without_memory(void)
{
    struct leati_failure failure;
    struct leati_url url;
    char *path;
    leati_failure_init(&failure);
    int code = leati_url_parse_local("ws+unix:/run/s:/x", &failure, &path, &url);
    cr_assert_eq(failure.code, code);
    cr_assert_eq(failure.layer, code == LEAT_OK ? LEAT_LAYER_NONE : LEAT_LAYER_WEBSOCKET);
    if (code == LEAT_OK) {
        leati_free(path);
        leati_url_done(&url);
    }
    leati_failure_done(&failure);
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    return code == LEAT_OK;
}

static bool proxy_without_memory(void)
{
    struct leati_failure failure;
    struct leati_url url;
    leati_failure_init(&failure);
    int code = leati_url_parse_proxy("socks5h+unix:/run/p", &failure, &url);
    cr_assert_eq(failure.code, code);
    if (code == LEAT_OK)
        leati_url_done(&url);
    leati_failure_done(&failure);
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    return code == LEAT_OK;
}

Test(local_url, every_allocation_may_fail)
{
    cr_assert_gt(alloc_failure_run_all(server_without_memory), 3);
    cr_assert_gt(alloc_failure_run_all(proxy_without_memory), 3);
}
