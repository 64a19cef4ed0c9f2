/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/dns/fixture.h"

#include "loop/loop.h"
#include "support/still_clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
const struct dns_record records[] = {
    {.name = "both.test", .v4 = {"127.0.0.1", "127.0.0.2"}, .v6 = {"::1"}},
    {.name = "v4.test", .v4 = {"192.0.2.7"}},
    {.name = "v6.test", .v6 = {"2001:db8::7"}},
    {.name = "empty.test"},
    {.name = "none.test", .behaviour = DNS_NAME_ERROR},
    {.name = "broken.test", .behaviour = DNS_SERVER_FAILURE},
    {.name = "refused.test", .behaviour = DNS_REFUSED},
    {.name = "silent.test", .behaviour = DNS_SILENCE},
    {.name = "garbage.test", .behaviour = DNS_GARBAGE},
    {.name = "host.a.test", .v4 = {"10.0.0.1"}},
    {.name = "host.b.test", .v4 = {"10.0.0.2"}},
    {.name = "silent-v6.test", .v4 = {"192.0.2.7"}, .v6_behaviour = DNS_SILENCE},
    {.name = "silent-v4.test", .v6 = {"2001:db8::7"}, .v4_behaviour = DNS_SILENCE},
    {.name = "held-v6.test", .v4 = {"192.0.2.7"}, .v6 = {"2001:db8::7"}, .v6_behaviour = DNS_HELD},
    {.name = "held-v4.test", .v4 = {"192.0.2.7"}, .v6 = {"2001:db8::7"}, .v4_behaviour = DNS_HELD},
    {.name = "broken-v6.test", .v4 = {"192.0.2.7"}, .v6_behaviour = DNS_SERVER_FAILURE},
    {.name = "denied-v6.test", .v4 = {"192.0.2.7"}, .v4_behaviour = DNS_HELD,
     .v6_behaviour = DNS_NAME_ERROR},
    {.name = "denied-v4.test", .v4_behaviour = DNS_NAME_ERROR, .v6_behaviour = DNS_SILENCE},
    {.name = "empty-v4.test", .v6 = {"2001:db8::7"}, .v6_behaviour = DNS_HELD},
    {.name = "split.a.test", .v6 = {"2001:db8::a"}},
    {.name = "split.b.test", .v4 = {"10.0.0.2"}},
    {.name = "a.test", .v6 = {"2001:db8::1"}},
    {.name = "a.test.b.test", .v4 = {"10.0.0.3"}},
    {.name = "a.b.test", .v4 = {"10.0.0.4"}},
    {.name = "single", .v4 = {"192.0.2.1"}},
    {.name = "host.empty.test"},
    {.name = "host.broken.test", .behaviour = DNS_SERVER_FAILURE},
    {.name = "host.refused.test", .behaviour = DNS_REFUSED},
    {.name = "host.silent.test", .behaviour = DNS_SILENCE},
    {.name = "host.held.test", .v4 = {"10.0.0.9"}, .v4_behaviour = DNS_HELD},
    {.name = "x.silent", .behaviour = DNS_SILENCE},
    {.name = "x.silent.silent.test", .behaviour = DNS_SILENCE},
    {.name = "late-v4.test", .v4 = {"127.0.0.1"}, .v6 = {"::1"}, .v4_behaviour = DNS_HELD},
    {.name = "mapped.test", .v6 = {"::ffff:192.0.2.7"}},
    {0},
};
/* clang-format on */

leat_loop *loop;
struct dns_server *server;
static bool in_start;

void set_up(void)
{
    cr_assert_eq(leat_loop_new(&loop), 0);
    server = dns_server_start(records);
    cr_assert_not_null(server);
    still_clock_start();
}

void tear_down(void)
{
    leat_loop_free(loop);
    dns_server_free(server);
}

static void on_answer(const struct leati_dns_answer *answer, void *user)
{
    struct outcome *outcome = user;

    cr_assert_not(in_start, "called inside of start");
    cr_assert_eq(leat_loop_dispatch(loop, 0), LEAT_E_PARAMETER, "called from outside of dispatch");
    outcome->calls++;
    outcome->more = answer->more;
    outcome->lacks_family = answer->lacks_family;
    if (!answer->more)
        outcome->query = NULL;
    leati_failure_get(answer->failure, &outcome->error);
    if (outcome->calls == 1)
        cr_assert_eq(answer->count > 0, outcome->error.code == LEAT_OK);
    else
        cr_assert(outcome->calls == 2 && outcome->error.code == LEAT_OK && !answer->more);
    for (size_t i = 0; i < answer->count; i++, outcome->count++)
        leati_address_format(&answer->addresses[i], outcome->texts[outcome->count],
                             sizeof(outcome->texts[0]));
    if (outcome->cancels)
        leati_dns_cancel(outcome->cancels->query);
}

uint32_t resolution_delay_ms;
bool dials, is_absolute;
int family;

int ask_server(const char *servers, const char *host, uint64_t deadline_ms, struct outcome *outcome)
{
    struct leati_failure failure;
    struct leati_dns_options options = {
        .loop = loop,
        .servers = servers,
        .host = host,
        .is_absolute = is_absolute,
        .family = family,
        .port = 443,
        .dials = dials,
        .deadline_ms = deadline_ms,
        .resolution_delay_ms = resolution_delay_ms,
        .fn = on_answer,
        .user = outcome,
    };

    leati_failure_init(&failure);
    in_start = true;
    int result = leati_dns_start(&options, &failure, &outcome->query);
    in_start = false;
    cr_assert_eq(failure.code, result);
    leati_failure_done(&failure);
    return result;
}

void ask(const char *host, uint64_t deadline_ms, struct outcome *outcome)
{
    cr_assert_eq(ask_server(dns_server_address(server), host, deadline_ms, outcome), LEAT_OK);
}

void await(const struct outcome *outcome)
{
    while (outcome->calls == 0)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
    cr_assert_eq(outcome->calls, 1);
}

void await_end(const struct outcome *outcome)
{
    while (outcome->calls == 0 || outcome->more)
        cr_assert_eq(leat_loop_dispatch(loop, -1), 0);
}

void cancel(struct outcome *outcome)
{
    if (outcome->query)
        leati_dns_cancel(outcome->query);
    outcome->query = NULL;
    outcome->more = false;
}

bool outcome_has(const struct outcome *outcome, const char *text)
{
    for (size_t i = 0; i < outcome->count; i++) {
        if (strcmp(outcome->texts[i], text) == 0)
            return true;
    }
    return false;
}

void check_failed(const struct outcome *outcome, int sys_errno, const char *host,
                  const char *status)
{
    const struct leat_error *error = &outcome->error;
    char hop[128];

    cr_assert_eq(error->code, LEAT_E_SOCKET_BASE + sys_errno, "%d %s", error->code, error->text);
    cr_assert_eq(error->layer, LEAT_LAYER_DNS);
    cr_assert_eq(error->sys_errno, sys_errno);
    cr_assert_neq(error->native_code, 0);
    cr_assert_not_null(strstr(error->text, host), "%s", error->text);
    cr_assert_not_null(strstr(error->text, status), "%s", error->text);
    snprintf(hop, sizeof(hop), "%s:443", host);
    cr_assert_str_eq(error->hop, hop);
}
