/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/dns/fixture.h"

#include "dns/resolver.h"
#include "loop/loop.h"

#include "support/alloc_failure.h"
#include "support/sandbox.h"
#include "support/still_clock.h"
#include "util/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static bool resolver_has_channel(void)
{
    struct leati_resolver *resolver;

    cr_assert(leati_resolver_get(loop, dns_server_address(server), &resolver) == ARES_SUCCESS);
    bool has_channel = resolver->channel;
    leati_resolver_release(resolver);
    return has_channel;
}

/* 75 KB, for whoever only meets names of this machine. */
Test(dns_resolver, no_channel_before_dns_is_asked, .init = set_up, .fini = tear_down, .timeout = 60)
{
    struct outcome here = {0}, there = {0};

    ask("localhost", leati_clock_ms() + 30000, &here);
    await_end(&here);
    cr_assert_eq(here.error.code, LEAT_OK, "%s", here.error.text);
    cr_assert_not(resolver_has_channel());
    ask("both.test", leati_clock_ms() + 30000, &there);
    await_end(&there);
    cr_assert_eq(there.error.code, LEAT_OK, "%s", there.error.text);
    cr_assert(resolver_has_channel());
}

static bool attempt_query(void)
{
    struct outcome outcome = {0};
    bool (*hook)(void) = leati_alloc_fail_hook;

    leati_alloc_fail_hook = NULL;
    cr_assert_eq(leat_loop_new(&loop), 0);
    leati_alloc_fail_hook = hook;
    int result =
        ask_server(dns_server_address(server), "both.test", leati_clock_ms() + 500, &outcome);
    if (result == LEAT_OK) {
        await_end(&outcome);
        result = outcome.error.code;
    } else {
        cr_assert_eq(result, LEAT_E_SYSTEM_INTERNAL);
    }
    leat_loop_free(loop);
    return result == LEAT_OK;
}

Test(dns_memory, every_allocation_can_fail, .timeout = 120)
{
    server = dns_server_start(records);
    still_clock_start();
    cr_assert_gt(alloc_failure_run_all(attempt_query), 3);
    dns_server_free(server);
}

/* On one loop: whatever the lack of memory has left of the resolver, the next one is asked. */
static bool attempt_query_on_one_loop(void)
{
    struct outcome outcome = {0}, next = {0};
    bool (*hook)(void) = leati_alloc_fail_hook;
    int result =
        ask_server(dns_server_address(server), "both.test", leati_clock_ms() + 500, &outcome);
    if (result == LEAT_OK) {
        await_end(&outcome);
        result = outcome.error.code;
    }
    leati_alloc_fail_hook = NULL;
    ask("both.test", leati_clock_ms() + 5000, &next);
    await_end(&next);
    cr_assert_eq(next.error.code, LEAT_OK, "%s", next.error.text);
    cr_assert_eq(next.count, 3);
    leati_alloc_fail_hook = hook;
    return result == LEAT_OK;
}

Test(dns_memory, the_next_query_is_well, .timeout = 60)
{
    server = dns_server_start(records);
    cr_assert_eq(leat_loop_new(&loop), 0);
    still_clock_start();
    cr_assert_gt(alloc_failure_run_all(attempt_query_on_one_loop), 1);
    leat_loop_free(loop);
    dns_server_free(server);
}

static void resolv_conf_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* An own /etc/resolv.conf for this process alone; false if that is not permitted. */
static bool resolv_conf_replace(const char *path)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0;
}

Test(dns_config, a_changed_resolv_conf_is_read_again, .timeout = 30)
{
    const char *path = sandbox_write("resolv.conf", "search a.test\n");
    struct outcome pending = {0}, before = {0}, after = {0};

    if (!resolv_conf_replace(path)) {
        sandbox_done();
        cr_skip_test("no mount namespace");
    }
    set_up();
    ask("silent.test", leati_clock_ms() + 200, &pending);
    ask("host", 0, &before);
    await(&before);
    cr_assert_eq(before.count, 1, "%s", before.error.text);
    cr_assert_str_eq(before.texts[0], "10.0.0.1:443");
    resolv_conf_write(path, "search b.test\n# longer than before\n");
    ask("host", 0, &after);
    await(&after);
    cr_assert_eq(after.count, 1, "%s", after.error.text);
    cr_assert_str_eq(after.texts[0], "10.0.0.2:443");
    await(&pending); /* the old resolver stays until then */
    check_failed(&pending, ETIMEDOUT, "silent.test", "answered in time");
    tear_down();
    sandbox_done();
}

/* The search list is gone through for each family alone: what comes out must be one name's. */
Test(dns_config, both_families_are_of_the_same_name, .timeout = 30)
{
    static const struct {
        const char *search, *host, *address;
    } cases[] = {
        {"search a.test b.test\n", "split", "[2001:db8::a]:443"},
        {"search b.test a.test\n", "split", "10.0.0.2:443"},
        {"search b.test\n", "a.test", "[2001:db8::1]:443"},
        {"search b.test\noptions ndots:2\n", "a.test", "10.0.0.3:443"},
    };
    const char *path = sandbox_write("resolv.conf", "#");

    if (!resolv_conf_replace(path)) {
        sandbox_done();
        cr_skip_test("no mount namespace");
    }
    set_up();
    resolution_delay_ms = ENDLESS_DELAY_MS;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome outcome = {0};
        resolv_conf_write(path, cases[i].search);
        ask(cases[i].host, 0, &outcome);
        await(&outcome);
        cr_assert_eq(outcome.count, 1, "%zu: %s", i, outcome.error.text);
        cr_assert_str_eq(outcome.texts[0], cases[i].address, "%zu: %s", i, outcome.texts[0]);
    }
    tear_down();
    sandbox_done();
}

Test(dns_config, server_lists, .timeout = 10)
{
    static const char *const valid[] = {
        "127.0.0.1", "127.0.0.1:53", "127.0.0.1:65535",
        "[::1]",     "[::1]:53",     "1.1.1.1,8.8.8.8:53,[2001:db8::1],[2001:db8::2]:5353",
    };
    static const char *const invalid[] = {
        "",          ",",        "1.1.1.1,",  ",1.1.1.1",      "1.1.1.1,,2.2.2.2",
        "1.1.1.1:0", "1.1.1.1:", "1.1.1.1:x", "1.1.1.1:65536", "::1",
        "[::1",      "[::1]x",   "[::1]:",    "[1.1.1.1]",     "[]",
        "[",         "dns.test", " 1.1.1.1",  "[fe80::1%lo]",  "1.1.1.1 2.2.2.2",
        "1.1.1",
    };

    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
        cr_assert(leati_dns_servers_valid(valid[i]), "%s", valid[i]);
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
        cr_assert_not(leati_dns_servers_valid(invalid[i]), "%s", invalid[i]);
}

TestSuite(dns_servers, .init = set_up, .fini = tear_down, .timeout = 30);

/* c-ares takes what leati_dns_servers_valid() allows. */
Test(dns_servers, every_form_of_a_server_list)
{
    static const char *const forms[] = {"", ",[::1]:53", ",127.0.0.1", ",[::1]"};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct outcome outcome = {0};
        char servers[128];
        size_t len = (size_t)snprintf(servers, sizeof(servers), "%s%s", dns_server_address(server),
                                      forms[i]);
        cr_assert_lt(len, sizeof(servers));
        cr_assert(leati_dns_servers_valid(servers));
        cr_assert_eq(ask_server(servers, "v4.test", 0, &outcome), LEAT_OK);
        await(&outcome);
        cr_assert_eq(outcome.count, 1, "%s: %s", servers, outcome.error.text);
    }
}

/* One resolver serves them all: that nobody waits for an answer any more is no fault of it. */
Test(dns_servers, a_cancelled_lookup_leaves_the_resolver)
{
    struct leati_resolver *before, *after;
    struct outcome outcome = {0};

    cr_assert_eq(leati_resolver_get(loop, dns_server_address(server), &before), ARES_SUCCESS);
    leati_resolver_release(before);
    ask("silent.test", 0, &outcome);
    cancel(&outcome);
    cr_assert_eq(leati_resolver_get(loop, dns_server_address(server), &after), ARES_SUCCESS);
    leati_resolver_release(after);
    cr_assert_eq(before, after);
    cr_assert_not(after->retired);
}
