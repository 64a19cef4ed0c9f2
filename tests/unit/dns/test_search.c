/* SPDX-License-Identifier: Apache-2.0 */
/* The names that a host stands for, at a server that answers each in its way, and how
 * resolv.conf(5) wants it to be asked. */
#include "unit/dns/fixture.h"

#include "support/sandbox.h"
#include "util/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(dns_search, .init = set_up, .fini = tear_down, .timeout = 30);

static void resolve_by(const char *search, const char *options)
{
    cr_assert_eq(setenv("LOCALDOMAIN", search, 1), 0);
    cr_assert_eq(setenv("RES_OPTIONS", options, 1), 0);
}

static const char *questions(void)
{
    static char text[4096];

    dns_server_questions(server, text, sizeof(text));
    return text;
}

static unsigned times_asked(const char *question)
{
    unsigned times = 0;

    for (const char *at = questions(); (at = strstr(at, question)); at++)
        times++;
    return times;
}

static void check_found(const char *host, uint64_t deadline_ms, const char *address)
{
    struct outcome outcome = {0};

    ask(host, deadline_ms, &outcome);
    await(&outcome);
    cr_assert_eq(outcome.error.code, LEAT_OK, "%s: %s", host, outcome.error.text);
    cr_assert_eq(outcome.count, 1);
    cr_assert_str_eq(outcome.texts[0], address);
    cancel(&outcome);
}

static void check_not_found(const char *host, const char *status)
{
    struct outcome outcome = {0};

    ask(host, 0, &outcome);
    await(&outcome);
    check_failed(&outcome, EHOSTUNREACH, host, status);
}

/* ---- which one it is -------------------------------------------------------------------- */

Test(dns_search, the_root)
{
    resolve_by(".", "");
    check_found("single", 0, "192.0.2.1:443");
    cr_expect_str_neq(questions(), "");
    check_not_found("nothere.test", "ENOTFOUND");
    check_not_found("nothere", "ENOTFOUND");
}

Test(dns_search, what_is_no_name_is_passed_over)
{
    resolve_by("a..b xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.test .",
               "");
    check_found("single", 0, "192.0.2.1:443");
    check_not_found("nothere.test", "ENOTFOUND");
}

Test(dns_search, what_does_not_exist_or_has_no_address)
{
    resolve_by("none.test empty.test a.test", "");
    check_found("host", 0, "10.0.0.1:443");
    cr_expect_eq(times_asked("A host.empty.test"), 2); /* also AAAA */
}

Test(dns_search, servers_that_fail)
{
    resolve_by("broken.test refused.test a.test", "");
    check_found("host", leati_clock_ms() + 60000, "10.0.0.1:443");
}

/* resolver(3) would go on with the name itself only. */
Test(dns_search, silence)
{
    resolve_by("silent.test a.test", "");
    check_found("host", leati_clock_ms() + 6000, "10.0.0.1:443");
}

/* By c-ares' own end of trying, without a deadline. */
Test(dns_search, silence_without_a_deadline)
{
    resolve_by("silent.test a.test", "timeout:1 attempts:1");
    check_found("host", 0, "10.0.0.1:443");
    cr_expect_eq(times_asked("AAAA host.silent.test"), 1);
}

/* The name as it is keeps what is left of the time, though others have had their chance. */
Test(dns_search, an_answer_that_is_late_goes_first)
{
    struct outcome outcome = {0};

    resolve_by("held.test silent.test", "");
    ask("host", leati_clock_ms() + 9000, &outcome);
    while (times_asked("A host.silent.test") == 0)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    cr_assert_eq(outcome.calls, 0);
    dns_server_release(server);
    await(&outcome);
    cr_assert_eq(outcome.count, 1, "%s", outcome.error.text);
    cr_assert_str_eq(outcome.texts[0], "10.0.0.9:443");
    cancel(&outcome);
}

Test(dns_search, all_are_silent)
{
    struct outcome outcome = {0};
    uint64_t deadline_ms = leati_clock_ms() + 3000;

    resolve_by("silent.test", "ndots:2");
    ask("x.silent", deadline_ms, &outcome);
    await(&outcome);
    cr_assert_geq(leati_clock_ms(), deadline_ms);
    check_failed(&outcome, ETIMEDOUT, "x.silent", "answered in time");
    cr_expect_geq(times_asked("A x.silent.silent.test"), 1);
    cr_expect_geq(times_asked("A x.silent\n"), 1);
}

/* As resolver(3) does it: of the name itself, if it was the first; otherwise what says the most. */
Test(dns_search, which_failure_is_reported)
{
    resolve_by("empty.test", "");
    check_not_found("x.y", "ENOTFOUND");
    check_not_found("host", "ENODATA");
    resolve_by("", "");
    check_not_found("unknown", "ENOTFOUND");
}

Test(dns_search, ndots)
{
    resolve_by("b.test", "ndots:2");
    check_found("a.test", 0, "10.0.0.3:443");
    check_found("a.b.test", 0, "10.0.0.4:443");
    cr_expect_eq(times_asked("a.b.test.b.test"), 0);
}

Test(dns_search, an_absolute_name)
{
    struct outcome outcome = {0};

    resolve_by("b.test", "ndots:5");
    is_absolute = true;
    check_found("v4.test", 0, "192.0.2.7:443");
    ask("a.test", 0, &outcome);
    await(&outcome);
    cr_assert_str_eq(outcome.texts[0], "[2001:db8::1]:443");
    cancel(&outcome);
    check_not_found("split", "ENOTFOUND");
    cr_expect_eq(times_asked(".b.test"), 0);
    cr_expect_eq(times_asked("split\n"), 2);
    /* The same host, searched for, is another one. */
    is_absolute = false;
    check_found("a.test", 0, "10.0.0.3:443");
}

Test(dns_search, onion_names_are_not_asked_for)
{
    resolve_by("a.test", "ndots:5");
    check_not_found("x.onion", "ENOTFOUND");
    cr_expect_str_eq(questions(), "");
}

Test(dns_search, cancelled_between_two_names)
{
    struct outcome outcome = {0}, other = {0};

    resolve_by("silent silent.silent.test", "");
    ask("x", leati_clock_ms() + 6000, &outcome);
    while (times_asked("A x.silent.silent.test") == 0)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    cancel(&outcome);
    ask("v4.test", 0, &other);
    await(&other);
    cr_expect_eq(outcome.calls, 0);
}

/* ---- how it is asked -------------------------------------------------------------------- */

/* Where UDP is lost. */
Test(dns_search, use_vc)
{
    struct dns_server *tcp_only = dns_server_start_tcp(records);
    struct outcome outcome = {0};

    resolve_by("", "use-vc");
    cr_assert_eq(ask_server(dns_server_address(tcp_only), "v4.test", 0, &outcome), LEAT_OK);
    await(&outcome);
    cr_assert_eq(outcome.count, 1, "%s", outcome.error.text);
    cancel(&outcome);
    dns_server_free(tcp_only);
}

Test(dns_search, attempts)
{
    struct outcome outcome = {0};

    resolve_by("", "timeout:1 attempts:2");
    ask("silent.test", 0, &outcome);
    await(&outcome);
    check_failed(&outcome, ETIMEDOUT, "silent.test", "answered in time");
    cr_expect_eq(times_asked("AAAA silent.test"), 2);
}

Test(dns_search, edns0)
{
    resolve_by("", "");
    check_found("v4.test", 0, "192.0.2.7:443");
    cr_expect_eq(times_asked("edns0"), 0);
    leat_loop_free(loop);
    cr_assert_eq(leat_loop_new(&loop), 0);
    resolve_by("", "edns0 trust-ad");
    check_found("v4.test", 0, "192.0.2.7:443");
    cr_expect_eq(times_asked("edns0"), 2);
}

Test(dns_search, no_aaaa)
{
    struct outcome outcome = {0};

    resolve_by("", "no-aaaa");
    ask("both.test", 0, &outcome);
    await(&outcome);
    cr_expect_eq(outcome.count, 2);
    cr_expect_not(outcome.more);
    cr_expect_str_eq(questions(), "A both.test\n");
    check_not_found("v6.test", "ENODATA");
    family = AF_INET6;
    check_not_found("both.test", "ENODATA");
}

/* For routers that lose the second of two questions. */
Test(dns_search, single_request)
{
    struct outcome outcome = {0};

    resolve_by("", "single-request");
    resolution_delay_ms = ENDLESS_DELAY_MS;
    ask("held-v4.test", 0, &outcome);
    while (times_asked("A held-v4.test") == 0)
        cr_assert_eq(leat_loop_dispatch(loop, 10), 0);
    cr_assert_eq(leat_loop_dispatch(loop, 50), 0);
    cr_expect_str_eq(questions(), "A held-v4.test\n");
    dns_server_release(server);
    await(&outcome);
    cr_expect_eq(outcome.count, 2);
    cr_expect_str_eq(questions(), "A held-v4.test\nAAAA held-v4.test\n");
}

/* ---- what is never asked ---------------------------------------------------------------- */

Test(dns_search, localhost)
{
    static const char *const hosts[] = {"app.localhost", "APP.LocalHost", "a.b.localhost"};

    resolve_by("a.test", "ndots:5");
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct outcome outcome = {0};
        is_absolute = i % 2 == 0;
        ask(hosts[i], 0, &outcome);
        await(&outcome);
        cr_assert_eq(outcome.error.code, LEAT_OK, "%s", outcome.error.text);
        cr_expect(outcome_has(&outcome, "127.0.0.1:443") && outcome_has(&outcome, "[::1]:443"));
        cr_expect_eq(outcome.count, 2);
        cr_expect_not(outcome.more);
    }
    cr_expect_str_eq(questions(), "");
    /* Only names below it. */
    is_absolute = true;
    check_not_found("notlocalhost", "ENOTFOUND");
    check_not_found("localhost.test", "ENOTFOUND");
}

Test(dns_search, localhost_of_one_family)
{
    struct outcome outcome = {0};

    family = AF_INET;
    ask("app.localhost", 0, &outcome);
    await(&outcome);
    cr_expect_eq(outcome.count, 1);
    cr_expect_str_eq(outcome.texts[0], "127.0.0.1:443");
    cr_expect_str_eq(questions(), "");
}
