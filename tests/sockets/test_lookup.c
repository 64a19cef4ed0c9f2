/* SPDX-License-Identifier: Apache-2.0 */
/* leat_get_addresses_by_name(): names, literals, failures, and giving up. */
#include "sockets/stream_run.h"
#include "support/alloc_failure.h"
#include "support/dns_server.h"

#include <leat/resolver.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(lookup, .init = run_init, .fini = run_done, .timeout = 60);

static const struct dns_record records[] = {
    {.name = "both.test", .v4 = {"192.0.2.1", "192.0.2.2"}, .v6 = {"2001:db8::1"}},
    {.name = "four.test", .v6_behaviour = DNS_LATE, .v4 = {"192.0.2.4"}, .v6 = {"2001:db8::4"}},
    {.name = "empty.test"},
    {.name = "silent.test", .behaviour = DNS_SILENCE},
    {.name = NULL},
};

struct answer {
    unsigned count; /* of answers */
    char addresses[512];
    struct leat_error error;
    leat_lookup *lookup; /* to be cancelled inside */
};

static void on_answer(const struct leat_net_address *addresses, size_t count,
                      const struct leat_error *error, void *user)
{
    struct answer *answer = user;
    size_t len = 0;
    answer->count++;
    answer->error = *error;
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(addresses[i].port, 0);
        len += (size_t)snprintf(answer->addresses + len, sizeof(answer->addresses) - len, "%s/%d ",
                                addresses[i].address, (int)addresses[i].family);
    }
    leat_lookup_cancel(answer->lookup);
}

static struct answer ask(const char *host)
{
    struct answer answer = {0};
    cr_assert_eq(
        leat_get_addresses_by_name(run.loop, host, run.config, on_answer, &answer, &answer.lookup),
        LEAT_OK, "%s", host);
    cr_expect_eq(answer.count, 0u, "it answers inside of the call");
    while (answer.count == 0)
        cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
    return answer;
}

static struct dns_server *names_serve(void)
{
    struct dns_server *dns = dns_server_start(records);
    cr_assert_eq(leat_config_set_dns_servers(run.config, dns_server_address(dns)), LEAT_OK);
    return dns;
}

Test(lookup, names_and_literals)
{
    struct dns_server *dns = names_serve();
    struct answer answer = ask("both.test.");
    cr_expect_eq(answer.error.code, LEAT_OK);
    cr_expect(strstr(answer.addresses, "192.0.2.1/1 ") &&
                  strstr(answer.addresses, "192.0.2.2/1 ") &&
                  strstr(answer.addresses, "2001:db8::1/2 "),
              "%s", answer.addresses);
    answer = ask("four.test.");
    cr_expect(strstr(answer.addresses, "192.0.2.4/1 ") &&
                  strstr(answer.addresses, "2001:db8::4/2 "),
              "%s", answer.addresses);
    unsigned asked = dns_server_query_count(dns);
    answer = ask("127.1");
    cr_expect_str_eq(answer.addresses, "127.0.0.1/1 ");
    answer = ask("::1");
    cr_expect_str_eq(answer.addresses, "::1/2 ");
    cr_expect_eq(dns_server_query_count(dns), asked);
    dns_server_free(dns);
}

Test(lookup, failures)
{
    struct dns_server *dns = names_serve();
    struct answer answer = ask("nowhere.test.");
    cr_expect_eq(answer.error.code, LEAT_E_SOCKET_BASE + EHOSTUNREACH);
    cr_expect_eq(answer.error.layer, LEAT_LAYER_DNS);
    cr_expect(strstr(answer.error.text, "nowhere.test"), "%s", answer.error.text);
    answer = ask("empty.test.");
    cr_expect_eq(answer.error.code, LEAT_E_SOCKET_BASE + EHOSTUNREACH);
    answer = ask("::1%lo");
    cr_expect_eq(answer.error.code, LEAT_E_SOCKET_BASE + EINVAL);
    answer = ask("fe80::1%nonesuch0");
    cr_expect_eq(answer.error.code, LEAT_E_SOCKET_BASE + ENODEV);
    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_DNS, 50), LEAT_OK);
    answer = ask("silent.test.");
    cr_expect_eq(answer.error.code, LEAT_E_SOCKET_BASE + ETIMEDOUT);
    dns_server_free(dns);
}

Test(lookup, cancelled_and_refused)
{
    struct dns_server *dns = names_serve();
    struct answer answer = {0};
    leat_lookup *lookup;
    cr_assert_eq(leat_get_addresses_by_name(run.loop, "silent.test.", run.config, on_answer,
                                            &answer, &lookup),
                 LEAT_OK);
    leat_lookup_cancel(lookup);
    cr_assert_eq(
        leat_get_addresses_by_name(run.loop, "127.0.0.1", run.config, on_answer, &answer, &lookup),
        LEAT_OK);
    leat_lookup_cancel(lookup);
    leat_lookup_cancel(NULL);
    ask("both.test.");
    cr_expect_eq(answer.count, 0u);
    static const char *const bad[] = {"", "a b", "a..b", "[::1]", "256.256.256.256"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_eq(
            leat_get_addresses_by_name(run.loop, bad[i], run.config, on_answer, &answer, NULL),
            LEAT_E_PARAMETER, "%s", bad[i]);
    cr_expect_eq(leat_get_addresses_by_name(NULL, "a", NULL, on_answer, NULL, NULL),
                 LEAT_E_PARAMETER);
    cr_expect_eq(leat_get_addresses_by_name(run.loop, "a", NULL, NULL, NULL, NULL),
                 LEAT_E_PARAMETER);
    (void)!leat_config_set_dns_servers(run.config, "x");
    cr_expect_eq(leat_get_addresses_by_name(run.loop, "a", run.config, on_answer, &answer, NULL),
                 LEAT_E_PARAMETER);
    dns_server_free(dns);
}

/* ---- without memory ------------------------------------------------------------------------- */

static const char *wanted;

static bool lookup_attempt(void)
{
    struct answer answer = {0};
    int code = leat_get_addresses_by_name(run.loop, wanted, run.config, on_answer, &answer, NULL);
    cr_expect(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    if (code != LEAT_OK)
        return false;
    while (answer.count == 0)
        cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
    return answer.error.code == LEAT_OK && answer.addresses[0] != '\0';
}

Test(lookup, every_allocation_fails_once)
{
    struct dns_server *dns = names_serve();
    wanted = "both.test.";
    cr_assert_gt(alloc_failure_run_all(lookup_attempt), 2);
    wanted = "127.0.0.1";
    cr_assert_gt(alloc_failure_run_all(lookup_attempt), 1);
    dns_server_free(dns);
}

static bool exclusion_attempt(void)
{
    leat_config *config;
    if (leat_config_new(&config) != LEAT_OK)
        return false;
    int code = leat_config_add_proxy_exclusion(config, "a.example");
    if (code == LEAT_OK)
        code = leat_config_add_proxy_exclusion(config, "10.0.0.0/8");
    cr_expect(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    leat_config_free(config);
    return code == LEAT_OK;
}

Test(lookup, exclusions_without_memory)
{
    cr_assert_gt(alloc_failure_run_all(exclusion_attempt), 3);
}
