/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/dns/fixture.h"

#include "loop/loop.h"

#include "support/sandbox.h"
#include "util/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(dns, .init = set_up, .fini = tear_down, .timeout = 30);

/* ---- answers -------------------------------------------------------------------------- */

Test(dns, both_families)
{
    struct outcome outcome = {0};

    resolution_delay_ms = ENDLESS_DELAY_MS;
    ask("both.test", 0, &outcome);
    cr_assert_eq(outcome.calls, 0);
    await(&outcome);
    cr_assert_eq(outcome.error.code, LEAT_OK);
    cr_assert_eq(outcome.count, 3);
    cr_assert(outcome_has(&outcome, "127.0.0.1:443"));
    cr_assert(outcome_has(&outcome, "127.0.0.2:443"));
    cr_assert(outcome_has(&outcome, "[::1]:443"));
    if (machine_has_ipv6()) /* RFC 6724: ::1 has the higher precedence */
        cr_assert_str_eq(outcome.texts[0], "[::1]:443");
}

Test(dns, one_family)
{
    struct outcome v4 = {0}, v6 = {0};

    ask("v4.test", 0, &v4);
    ask("v6.test", 0, &v6);
    await(&v4);
    await(&v6);
    cr_assert_eq(v4.count, 1);
    cr_assert_str_eq(v4.texts[0], "192.0.2.7:443");
    cr_assert_eq(v6.count, 1);
    cr_assert_str_eq(v6.texts[0], "[2001:db8::7]:443");
}

Test(dns, many_at_once)
{
    enum { COUNT = 100 };
    static struct outcome outcomes[COUNT];

    for (int i = 0; i < COUNT; i++)
        ask("v4.test", 0, &outcomes[i]);
    for (int i = 0; i < COUNT; i++) {
        await(&outcomes[i]);
        cr_assert_eq(outcomes[i].count, 1);
    }
}

Test(dns, names_of_the_hosts_file_need_no_server)
{
    struct outcome outcome = {0};
    char servers[64];

    snprintf(servers, sizeof(servers), "127.0.0.1:%u", refusing_port());
    cr_assert_eq(ask_server(servers, "localhost", 0, &outcome), LEAT_OK);
    cr_assert_eq(outcome.calls, 0);
    await(&outcome);
    cr_assert_eq(outcome.error.code, LEAT_OK, "%s", outcome.error.text);
    cr_assert(outcome_has(&outcome, "127.0.0.1:443"));
    cr_assert_eq(dns_server_query_count(server), 0);
}

Test(dns, localhost_with_the_system_s_servers)
{
    struct outcome outcome = {0};

    cr_assert_eq(ask_server(NULL, "localhost", 0, &outcome), LEAT_OK);
    await(&outcome);
    cr_assert_eq(outcome.error.code, LEAT_OK, "%s", outcome.error.text);
}

Test(dns, the_second_server_when_the_first_is_not_there)
{
    struct outcome outcome = {0};
    char servers[128];

    snprintf(servers, sizeof(servers), "127.0.0.1:%u,%s", refusing_port(),
             dns_server_address(server));
    cr_assert_eq(ask_server(servers, "v4.test", 0, &outcome), LEAT_OK);
    await(&outcome);
    cr_assert_eq(outcome.count, 1, "%s", outcome.error.text);
}

/* ---- one family is late ------------------------------------------------------------------ */

/* The server answers in the order of the questions: what was asked before this has its answer, if
 * it gets one, before this. */
static void ask_and_await_another(void)
{
    struct outcome other = {0};

    ask("both.test", 0, &other);
    await(&other);
}

static void check_one_family(const char *host, const char *address)
{
    struct outcome outcome = {0};

    ask(host, 0, &outcome); /* without a deadline */
    await(&outcome);
    cr_assert_eq(outcome.error.code, LEAT_OK, "%s", outcome.error.text);
    cr_assert_eq(outcome.count, 1);
    cr_assert_str_eq(outcome.texts[0], address);
    cancel(&outcome);
}

Test(dns, a_family_that_never_answers_is_not_waited_for)
{
    check_one_family("silent-v6.test", "192.0.2.7:443");
    check_one_family("silent-v4.test", "[2001:db8::7]:443");
    /* The resolver is as good as before. */
    check_one_family("v4.test", "192.0.2.7:443");
}

static void check_waits(const char *host)
{
    struct outcome outcome = {0};

    resolution_delay_ms = ENDLESS_DELAY_MS;
    ask(host, 0, &outcome);
    ask_and_await_another();
    cr_assert_eq(outcome.calls, 0);
    dns_server_release(server);
    await(&outcome);
    cr_assert_eq(outcome.count, 2);
    cr_assert(outcome_has(&outcome, "192.0.2.7:443"));
    cr_assert(outcome_has(&outcome, "[2001:db8::7]:443"));
}

Test(dns, a_family_that_is_a_little_late_is_waited_for)
{
    check_waits("held-v6.test");
    check_waits("held-v4.test");
}

/* RFC 8305 section 3: what comes later is told later. */
static void check_told_later(const char *host, const char *first, const char *second)
{
    struct outcome outcome = {0};

    resolution_delay_ms = 1;
    ask(host, 0, &outcome);
    await(&outcome);
    cr_assert(outcome.more);
    cr_assert_eq(outcome.count, 1);
    cr_assert_str_eq(outcome.texts[0], first);
    dns_server_release(server);
    await_end(&outcome);
    cr_assert_eq(outcome.calls, 2);
    cr_assert_eq(outcome.count, 2);
    cr_assert_str_eq(outcome.texts[1], second);
}

Test(dns, a_family_that_is_late_is_told_later)
{
    check_told_later("held-v6.test", "192.0.2.7:443", "[2001:db8::7]:443");
    check_told_later("held-v4.test", "[2001:db8::7]:443", "192.0.2.7:443");
}

Test(dns, the_deadline_ends_the_wait_for_a_late_family)
{
    struct outcome outcome = {0};

    resolution_delay_ms = 1;
    ask("silent-v6.test", leati_clock_ms() + 500, &outcome);
    await_end(&outcome);
    cr_assert_eq(outcome.calls, 2);
    cr_assert_eq(outcome.count, 1);
    cr_assert_eq(outcome.error.code, LEAT_OK);
}

Test(dns, a_late_family_without_addresses)
{
    struct outcome outcome = {0}, other = {0};

    resolution_delay_ms = 1;
    cr_assert_eq(setenv("RES_OPTIONS", "timeout:1 attempts:1", 1), 0);
    ask("silent-v6.test", 0, &outcome);
    await_end(&outcome);
    cr_assert_eq(outcome.calls, 2);
    cr_assert_eq(outcome.count, 1);
    ask("v4.test", 0, &other);
    await_end(&other);
}

Test(dns, cancelled_in_its_own_first_answer)
{
    struct outcome outcome = {0}, other = {0};

    resolution_delay_ms = 1;
    outcome.cancels = &outcome;
    ask("silent-v6.test", 0, &outcome);
    await(&outcome);
    cr_assert(outcome.more);
    ask("v4.test", 0, &other);
    await_end(&other);
    cr_assert_eq(outcome.calls, 1);
}

/* IPv6 is dialled at once, if there is a way; who does not dial waits for both. */
Test(dns, what_is_dialled_does_not_wait_for_ipv4)
{
    struct outcome outcome = {0};

    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    dials = true;
    resolution_delay_ms = ENDLESS_DELAY_MS;
    ask("late-v4.test", 0, &outcome);
    await(&outcome);
    cr_assert(outcome.more);
    cr_assert_str_eq(outcome.texts[0], "[::1]:443");
    dns_server_release(server);
    await_end(&outcome);
    cr_assert_str_eq(outcome.texts[1], "127.0.0.1:443");
    check_waits("held-v6.test");
}

Test(dns, one_family_is_of_use)
{
    struct outcome v4 = {0}, v6 = {0}, none = {0}, unknown = {0};
    char asked[4096];

    family = AF_INET;
    ask("silent-v6.test", 0, &v4);
    await(&v4);
    cr_assert_not(v4.more);
    cr_assert_str_eq(v4.texts[0], "192.0.2.7:443");
    ask("v6.test", 0, &none);
    await(&none);
    check_failed(&none, EHOSTUNREACH, "v6.test", "ENODATA");
    cr_assert(none.lacks_family);
    ask("none.test", 0, &unknown);
    await(&unknown);
    cr_assert_not(unknown.lacks_family);
    dns_server_questions(server, asked, sizeof(asked));
    cr_assert_null(strstr(asked, "AAAA"), "%s", asked);
    family = AF_INET6;
    ask("held-v4.test", 0, &v6);
    await(&v6);
    cr_assert_not(v6.more);
    cr_assert_str_eq(v6.texts[0], "[2001:db8::7]:443");
}

/* A record of IPv6 that is an IPv4 address. */
Test(dns, what_is_mapped_is_ipv4)
{
    struct outcome outcome = {0};

    ask("mapped.test", 0, &outcome);
    await_end(&outcome);
    cr_assert_eq(outcome.count, 1);
    cr_assert_str_eq(outcome.texts[0], "192.0.2.7:443");
}

Test(dns, the_failure_of_one_family_does_not_matter)
{
    check_one_family("broken-v6.test", "192.0.2.7:443");
}

/* A name without an address of one family, or one that its server denies for AAAA only, waits for
 * the other family as long as that takes. */
Test(dns, no_address_of_one_family_says_nothing_of_the_other)
{
    static const char *const hosts[] = {"denied-v6.test", "empty-v4.test"};

    resolution_delay_ms = 1;
    for (size_t i = 0; i < 2; i++) {
        struct outcome outcome = {0};
        ask(hosts[i], 0, &outcome);
        ask_and_await_another();
        cr_assert_eq(leat_loop_dispatch(loop, 20), 0);
        cr_assert_eq(outcome.calls, 0);
        dns_server_release(server);
        await(&outcome);
        cr_assert_eq(outcome.count, 1, "%s", outcome.error.text);
    }
}

Test(dns, a_name_that_does_not_exist_has_no_other_family)
{
    struct outcome outcome = {0};

    ask("denied-v4.test", 0, &outcome);
    await(&outcome);
    check_failed(&outcome, EHOSTUNREACH, "denied-v4.test", "ENOTFOUND");
}

Test(dns, the_deadline_while_one_family_is_late)
{
    struct outcome outcome = {0};

    resolution_delay_ms = ENDLESS_DELAY_MS;
    ask("silent-v6.test", leati_clock_ms() + 300, &outcome);
    await(&outcome);
    cr_assert_eq(outcome.error.code, LEAT_OK, "%s", outcome.error.text);
    cr_assert_str_eq(outcome.texts[0], "192.0.2.7:443");
}

Test(dns, cancelled_while_one_family_is_late)
{
    struct outcome outcome = {0};

    resolution_delay_ms = ENDLESS_DELAY_MS;
    ask("silent-v6.test", 0, &outcome);
    ask_and_await_another();
    leati_dns_cancel(outcome.query);
    ask_and_await_another();
    cr_assert_eq(outcome.calls, 0);
}

/* ---- failures ------------------------------------------------------------------------- */

static void check_unresolved(const char *host, const char *status)
{
    struct outcome outcome = {0};

    ask(host, 0, &outcome);
    await(&outcome);
    check_failed(&outcome, EHOSTUNREACH, host, status);
}

Test(dns, no_such_name)
{
    check_unresolved("none.test", "ENOTFOUND");
}

Test(dns, no_address)
{
    check_unresolved("empty.test", "ENODATA");
}

/* The status depends on the version of c-ares: the server's own, or that no server is left. */
Test(dns, the_server_fails)
{
    check_unresolved("broken.test", "");
}

Test(dns, the_server_refuses)
{
    check_unresolved("refused.test", "");
}

Test(dns, names_that_cannot_be_asked_for)
{
    char label[80];

    memset(label, 'a', sizeof(label));
    memcpy(label + 70, ".test", 6);
    check_unresolved(label, "EBADNAME");
}

/* c-ares sees the refusal, or its second query takes the ICMP error of the first one away and it
 * waits. */
Test(dns, nobody_is_at_the_server_s_address)
{
    struct outcome outcome = {0};
    char servers[64];

    snprintf(servers, sizeof(servers), "127.0.0.1:%u", refusing_port());
    cr_assert_eq(ask_server(servers, "v4.test", leati_clock_ms() + 300, &outcome), LEAT_OK);
    await(&outcome);
    if (outcome.error.sys_errno == ETIMEDOUT)
        check_failed(&outcome, ETIMEDOUT, "v4.test", "answered in time");
    else
        check_failed(&outcome, EHOSTUNREACH, "v4.test", "ECONNREFUSED");
}

Test(dns, the_deadline)
{
    struct outcome silent = {0}, other = {0};
    uint64_t deadline_ms = leati_clock_ms() + 100;

    ask("silent.test", deadline_ms, &silent);
    await(&silent);
    cr_assert_geq(leati_clock_ms(), deadline_ms);
    check_failed(&silent, ETIMEDOUT, "silent.test", "answered in time");
    /* The resolver is as good as before. */
    ask("v4.test", leati_clock_ms() + 10000, &other);
    await(&other);
    cr_assert_eq(other.count, 1);
}

Test(dns, a_deadline_of_one_leaves_the_others)
{
    struct outcome first = {0}, second = {0}, third = {0};
    uint64_t now_ms = leati_clock_ms();

    ask("silent.test", now_ms + 50, &first);
    ask("silent.test", now_ms + 150, &second);
    await(&first);
    cr_assert_eq(second.calls, 0);
    ask("v4.test", 0, &third);
    await(&third);
    cr_assert_eq(third.count, 1);
    await(&second);
    check_failed(&second, ETIMEDOUT, "silent.test", "answered in time");
}

Test(dns, a_deadline_in_the_past)
{
    struct outcome outcome = {0};

    ask("silent.test", 1, &outcome);
    cr_assert_eq(outcome.calls, 0);
    await(&outcome);
    check_failed(&outcome, ETIMEDOUT, "silent.test", "answered in time");
}

/* An answer that cannot be parsed is no answer: the deadline or c-ares' status, never a crash. */
Test(dns, garbage)
{
    struct outcome outcome = {0};

    ask("garbage.test", leati_clock_ms() + 300, &outcome);
    await(&outcome);
    cr_assert_neq(outcome.error.code, LEAT_OK);
    cr_assert_eq(outcome.error.layer, LEAT_LAYER_DNS);
}

/* ---- cancel --------------------------------------------------------------------------- */

Test(dns, cancelled_at_once)
{
    size_t before = open_descriptor_count();
    struct outcome outcome = {0}, other = {0};

    ask("v4.test", 0, &outcome);
    leati_dns_cancel(outcome.query);
    cr_assert_eq(open_descriptor_count(), before, "no socket is left");
    ask("v4.test", 0, &other);
    await(&other);
    cr_assert_eq(outcome.calls, 0);
}

Test(dns, cancelled_between_answer_and_delivery)
{
    struct outcome outcome = {0}, other = {0};

    ask("localhost", 0, &outcome); /* c-ares answers inside of start */
    leati_dns_cancel(outcome.query);
    ask("localhost", 0, &other);
    await(&other);
    cr_assert_eq(outcome.calls, 0);
}

Test(dns, cancelled_in_the_callback_of_another)
{
    struct outcome first = {0}, second = {0}, pending = {0}, third = {0}, last = {0};

    /* Both are answered in one round; then one that c-ares still has. */
    ask("localhost", 0, &first);
    ask("localhost", 0, &second);
    first.cancels = &second;
    await(&first);
    ask("silent.test", leati_clock_ms() + 20000, &pending);
    ask("localhost", 0, &third);
    third.cancels = &pending;
    await(&third);
    ask("v4.test", 0, &last);
    await(&last);
    cr_assert_eq(second.calls, 0);
    cr_assert_eq(pending.calls, 0);
}

Test(dns, cancelled_from_a_deadline)
{
    struct outcome first = {0}, second = {0};
    uint64_t now_ms = leati_clock_ms();

    ask("silent.test", now_ms + 20, &first);
    ask("silent.test", now_ms + 20000, &second);
    first.cancels = &second; /* the last one: c-ares forgets both while the answer is borrowed */
    await(&first);
    check_failed(&first, ETIMEDOUT, "silent.test", "answered in time");
    cr_assert_eq(second.calls, 0);
}

Test(dns, cancel_leaves_the_others)
{
    struct outcome cancelled = {0}, kept = {0};

    ask("v4.test", 0, &cancelled);
    ask("v6.test", 0, &kept);
    leati_dns_cancel(cancelled.query);
    await(&kept);
    cr_assert_eq(kept.count, 1);
    cr_assert_eq(cancelled.calls, 0);
}

Test(dns, the_loop_goes_with_abandoned_queries)
{
    struct outcome first = {0}, second = {0};

    ask("silent.test", 0, &first);
    ask("silent.test", 0, &second);
    leati_dns_cancel(first.query);
    cr_assert_eq(leat_loop_dispatch(loop, 0), 0);
    leati_dns_cancel(second.query);
    cr_assert_eq(leat_loop_dispatch(loop, 0), 0);
}
