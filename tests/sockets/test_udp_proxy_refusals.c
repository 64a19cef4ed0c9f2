/* SPDX-License-Identifier: Apache-2.0 */
/* Proxies that give no relay: every code of SOCKS5, by the fault that it stands for. */
#include "sockets/udp_run.h"

#include "support/dns_server.h"
#include "support/sandbox.h"
#include "support/script_server.h"
#include "support/still_clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(udp_proxy_refusals, .fini = sandbox_done, .timeout = 50);

#define ASSOCIATE                                                                                  \
    {                                                                                              \
        LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("\x05\x03\x00\x01\0\0\0\0\0\0")                      \
    }
#define GREETED                                                                                    \
    {LEAT_SCRIPT_READ_SOCKS5_GREETING},                                                            \
    {                                                                                              \
        LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")                                            \
    }

/* Binds through the proxy of `url` and waits for the end. Returns the error. */
static struct leat_error refusal_of(const char *url, const char *local, int code,
                                    const char *detail)
{
    struct udp_run run;
    udp_run_init(&run);
    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_PROXY, 200), LEAT_OK);
    cr_assert_eq(leat_config_set_proxy(run.config, url), LEAT_OK);
    still_clock_start();
    udp_run_bind(&run, local);
    udp_run_send(&run, "never sent", "127.0.0.1", 9);
    udp_run_until_closed(&run);
    cr_expect_eq(run.error_count, 1);
    cr_expect_eq(run.listening_count, 0);
    udp_run_until_error(&run, 1, code, detail);
    struct leat_error error = run.errors[0];
    udp_run_done(&run);
    still_clock_stop();
    return error;
}

static struct leat_error script_refusal(const struct leat_script_row *script, const char *user,
                                        int code, const char *detail)
{
    struct leat_testing_seen seen;
    leat_testing_server *proxy = script_server_start(script);
    cr_assert(proxy);
    const char *url =
        sandbox_format("socks5h://%s127.0.0.1:%u", user, leat_testing_server_get_port(proxy));
    struct leat_error error = refusal_of(url, "127.0.0.1", code, detail);
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect_str_eq(seen.problem, "");
    leat_testing_server_free(proxy);
    return error;
}

Test(udp_proxy_refusals, nobody_listens)
{
    struct leat_error error = refusal_of(sandbox_format("socks5h://127.0.0.1:%u", refusing_port()),
                                         "127.0.0.1", LEAT_E_SOCKS5_CONNECT_PROXY, "ECONNREFUSED");
    cr_expect_eq(error.sys_errno, ECONNREFUSED);
}

Test(udp_proxy_refusals, no_address_of_the_family)
{
    if (!machine_has_ipv6())
        cr_skip_test("this machine has no ::1");
    refusal_of("socks5h://[::1]:1080", "127.0.0.1", LEAT_E_SOCKS5_SERIALIZE,
               "::1 has no IPv4 address, which the socket is bound to");
    refusal_of("socks5h://127.0.0.1:1080", "::1", LEAT_E_SOCKS5_SERIALIZE,
               "127.0.0.1 has no IPv6 address, which the socket is bound to");
}

Test(udp_proxy_refusals, methods)
{
    static const struct leat_script_row unacceptable[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\xff")},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row password[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x02")},
        {LEAT_SCRIPT_CLOSE}};
    script_refusal(unacceptable, "", LEAT_E_SOCKS5_METHOD, "accepts none");
    script_refusal(password, "", LEAT_E_SOCKS5_AUTH, "demands a user name");
}

Test(udp_proxy_refusals, wrong_password)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x02")},
        {LEAT_SCRIPT_READ_SOCKS5_AUTH},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01\x01")},
        {LEAT_SCRIPT_CLOSE}};
    struct leat_error error =
        script_refusal(script, "alice:hunter2@", LEAT_E_SOCKS5_AUTH, "refused the user name");
    cr_expect(!strstr(error.text, "hunter2"));
}

Test(udp_proxy_refusals, replies)
{
    static const struct leat_script_row refused[] = {
        GREETED,
        ASSOCIATE,
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x07\0\x01\0\0\0\0\0\0")},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row no_port[] = {
        GREETED,
        ASSOCIATE,
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\0\0\x01\x7f\0\0\x01\0\0")},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row other_family[] = {
        GREETED,
        ASSOCIATE,
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES("\x05\0\0\x04\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x09")},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row cut[] = {
        GREETED,
        ASSOCIATE,
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\0\0\x01\x7f")},
        {LEAT_SCRIPT_CLOSE}};
    struct leat_error error = script_refusal(refused, "", LEAT_E_SOCKS5_CONNECT_REMOTE,
                                             "could not relay UDP: command not supported");
    cr_expect_eq(error.native_code, 7);
    script_refusal(no_port, "", LEAT_E_SOCKS5_DESERIALIZE, "port 0");
    script_refusal(other_family, "", LEAT_E_SOCKS5_SERIALIZE, "[fd00::1]:9");
    script_refusal(cut, "", LEAT_E_SOCKS5_DESERIALIZE, "in the middle");
}

Test(udp_proxy_refusals, silence_and_a_closed_door)
{
    static const struct leat_script_row silent[] = {
        GREETED, ASSOCIATE, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row gone[] = {{LEAT_SCRIPT_READ_SOCKS5_GREETING},
                                                  {LEAT_SCRIPT_CLOSE}};
    struct leat_error error =
        script_refusal(silent, "", LEAT_E_SOCKS5_RECV, "did not answer the request");
    cr_expect_eq(error.sys_errno, ETIMEDOUT);
    script_refusal(gone, "", LEAT_E_SOCKS5_RECV, "instead of answering the greeting");
}

/* With a name that has both families, the proxy is dialled in that of the socket. */
Test(udp_proxy_refusals, the_proxys_family_is_the_sockets)
{
    static const struct leat_script_row script[] = {
        GREETED,
        ASSOCIATE,
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x01\0\x01\0\0\0\0\0\0")},
        {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *proxy = script_server_start(script);
    cr_assert(proxy);
    refusal_of(sandbox_format("socks5h://localhost:%u", leat_testing_server_get_port(proxy)),
               "0.0.0.0", LEAT_E_SOCKS5_CONNECT_REMOTE, "reply 0x01");
    leat_testing_server_free(proxy);
}

/* One port at two addresses of a name, whose first one gives no relay. */
static void check_second_proxy(const struct leat_script_row *first, bool is_asked)
{
    static const struct dns_record records[] = {
        {.name = "proxy.test", .v4 = {"127.0.0.1", "127.0.0.2"}}, {NULL}};
    static const struct leat_script_row second[] = {
        GREETED,
        ASSOCIATE,
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\0\0\x01\x7f\0\0\x01\0\x09")},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE}};
    struct udp_run run;
    leat_testing_server *proxies[2] = {NULL, NULL};
    struct dns_server *dns = dns_server_start(records);
    for (int tries = 0; tries < 20 && !proxies[1]; tries++) {
        leat_testing_server_free(proxies[0]);
        proxies[0] = script_server_start(first);
        proxies[1] = script_server_new(
            &(struct leat_testing_options){.scripts = {second},
                                           .address = "127.0.0.2",
                                           .port = leat_testing_server_get_port(proxies[0])});
    }
    cr_assert(dns && proxies[1]);
    udp_run_init(&run);
    cr_assert_eq(leat_config_set_dns_servers(run.config, dns_server_address(dns)), LEAT_OK);
    cr_assert_eq(
        leat_config_set_proxy(run.config, sandbox_format("socks5h://proxy.test:%u",
                                                         leat_testing_server_get_port(proxies[0]))),
        LEAT_OK);
    if (is_asked) {
        udp_run_listen(&run, "0.0.0.0");
    } else {
        udp_run_bind(&run, "0.0.0.0");
        udp_run_until_closed(&run);
        cr_expect_eq(run.error_count, 1);
    }
    udp_run_done(&run);
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(proxies[1], &seen);
    cr_expect_eq(seen.connections, is_asked);
    leat_testing_server_free(proxies[0]);
    leat_testing_server_free(proxies[1]);
    dns_server_free(dns);
}

Test(udp_proxy_refusals, the_next_address_of_the_proxy)
{
    static const struct leat_script_row closes[] = {GREETED, ASSOCIATE, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row fails[] = {
        GREETED,
        ASSOCIATE,
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x01\0\x01\0\0\0\0\0\0")},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row cannot[] = {
        GREETED,
        ASSOCIATE,
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x07\0\x01\0\0\0\0\0\0")},
        {LEAT_SCRIPT_CLOSE}};
    check_second_proxy(closes, true);
    check_second_proxy(fails, true);
    check_second_proxy(cannot, false);
}

static void bind_refused(const char *first, const char *second, const char *detail)
{
    struct udp_run run;
    struct leat_error error;
    udp_run_init(&run);
    cr_assert_eq(leat_config_set_proxy(run.config, first), LEAT_OK);
    if (second)
        cr_assert_eq(leat_config_add_proxy(run.config, second), LEAT_OK);
    cr_expect_eq(leat_udp_socket_bind(run.udp, "127.0.0.1", 0, run.config), LEAT_E_PARAMETER);
    leat_udp_socket_get_error(run.udp, &error);
    cr_expect_eq(error.code, LEAT_E_PARAMETER);
    cr_expect(strstr(error.text, detail), "%s", error.text);
    cr_expect_eq(leat_udp_socket_get_socket_fd(run.udp), -1, "open without its proxy");
    udp_run_settle(&run);
    cr_expect_eq(run.closed_count + run.listening_count, 0);
    udp_run_done(&run);
}

Test(udp_proxy_refusals, proxies_that_carry_no_udp)
{
    bind_refused("http://127.0.0.1:1", NULL, "not through HTTP CONNECT");
    bind_refused("https://127.0.0.1:1", NULL, "not through HTTP CONNECT");
    bind_refused("socks4://127.0.0.1:1", NULL, "not through SOCKS4");
    bind_refused("socks4a://127.0.0.1:1", NULL, "not through SOCKS4");
    bind_refused("socks5h+unix:/nobody", NULL, "carries WebSockets only");
    bind_refused("socks5h://127.0.0.1:1", "socks5h://127.0.0.1:2",
                 "not go through several proxies");
    bind_refused("system", NULL, "the environment names no proxies for UDP");
}
