/* SPDX-License-Identifier: Apache-2.0 */
/* UDP through SOCKS5 by GSS-API, whose protection datagrams have as well (RFC 1961 section 5): through
 * dante, and through a relay that attacks. */
#include "sockets/udp_run.h"
#include "support/gss_foreign.h"
#include "support/kdc.h"
#include "support/peers.h"
#include "support/sandbox.h"

#include <leat/proxy_auth.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(udp_kerberos, .fini = sandbox_done, .timeout = 90);

static const struct kdc_options realm = {
    .users = "alice s3cret",
    .services = "rcmd/localhost",
};

/* At least as much as is demanded, and what comes of it. */
static const struct {
    enum leat_socks5_protection protection;
    const char *method;
} levels[] = {
    {LEAT_SOCKS5_PROTECTION_ANY, "GSS-API with confidentiality"},
    {LEAT_SOCKS5_PROTECTION_INTEGRITY, "GSS-API with integrity"},
    {LEAT_SOCKS5_PROTECTION_NONE, "GSS-API"},
};
#define LEVEL_COUNT (sizeof(levels) / sizeof(levels[0]))

static void run_init(struct udp_run *run, uint16_t proxy, enum leat_socks5_protection protection)
{
    udp_run_init(run);
    cr_assert_eq(
        leat_config_set_proxy(run->config, sandbox_format("socks5h://localhost:%u", proxy)),
        LEAT_OK);
    cr_assert_eq(leat_config_set_proxy_auth_schemes(run->config, LEAT_PROXY_AUTH_NEGOTIATE),
                 LEAT_OK);
    cr_assert_eq(leat_config_set_socks5_protection(run->config, protection), LEAT_OK);
}

Test(udp_kerberos, dante)
{
    kdc_start(&realm);
    kdc_login("alice", "s3cret", NULL);
    uint16_t dante = dante_gss_start("clear integrity confidentiality");
    uint16_t port = udp_echo_start("127.0.0.1");
    static uint8_t large[20000];
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        struct udp_run run;
        run_init(&run, dante, levels[i].protection);
        udp_run_bind(&run, "127.0.0.1");
        /* Before there is a relay, and behind that. */
        udp_run_send(&run, "one", "127.0.0.1", port);
        udp_run_until_messages(&run, 1);
        udp_run_expect(&run, 0, "one", "127.0.0.1", "IPv4", port);
        cr_assert_eq(leat_udp_socket_send(run.udp, large, sizeof(large), "127.0.0.1", port),
                     LEAT_OK);
        udp_run_until_messages(&run, 2);
        cr_expect_eq(run.messages[1].len, sizeof(large));
        /* dante tries no second address. */
        if (strcmp(localhost_address(), "127.0.0.1") == 0) {
            udp_run_send(&run, "three", "localhost", port);
            udp_run_until_messages(&run, 3);
        } else {
            puts("left out: udp_kerberos/dante, by name: localhost is ::1 first here");
        }
        cr_expect(strstr(run.trace, levels[i].method), "%s", run.trace);
        udp_run_done(&run);
    }
}

Test(udp_kerberos, a_relay_that_attacks)
{
    kdc_start(&realm);
    kdc_login("alice", "s3cret", NULL);
    uint16_t proxy = socks5_gss_start("0,1,2");
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        bool is_protected = levels[i].protection != LEAT_SOCKS5_PROTECTION_NONE;
        struct leat_udp_drops drops;
        struct udp_run run;
        run_init(&run, proxy, levels[i].protection);
        udp_run_listen(&run, "127.0.0.1");
        for (size_t n = 0; n < 8; n++) {
            udp_run_send(&run, "again", "127.0.0.1", 9);
            udp_run_until_messages(&run, n + 1);
            udp_run_expect(&run, n, "again", "127.0.0.1", "IPv4", 9);
        }
        /* The last one comes twice. */
        do {
            udp_run_settle(&run);
            leat_udp_socket_get_drops(run.udp, &drops);
        } while (is_protected && drops.malformed < 8 * 7 &&
                 leat_loop_dispatch(run.loop, UDP_RUN_TIMEOUT_MS) == LEAT_OK);
        cr_expect_eq(drops.malformed, is_protected ? 8 * 7 : 0);
        cr_expect_eq(run.message_count, 8);
        cr_expect_eq(run.closed_count, 0);
        udp_run_done(&run);
    }
}

static void send_behind_its_end(struct udp_run *run, const char *event)
{
    if (strcmp(event, "error") != 0)
        return;
    run->hook_count++;
    cr_expect_eq(leat_udp_socket_send(run->udp, "late", 4, "127.0.0.1", 9),
                 LEAT_E_SOCKET_BASE + ENOTCONN);
}

/* What protects is gone when the end is told, and nothing leaves without. */
Test(udp_kerberos, the_association_ends)
{
    kdc_start(&realm);
    kdc_login("alice", "s3cret", NULL);
    struct udp_run run;
    run_init(&run, socks5_gss_start("2"), LEAT_SOCKS5_PROTECTION_ANY);
    run.hook = send_behind_its_end;
    udp_run_listen(&run, "127.0.0.1");
    udp_run_send(&run, "bye", "127.0.0.1", 9);
    udp_run_until_error(&run, 1, LEAT_E_SOCKS5_RECV, "ends the association");
    udp_run_until_closed(&run);
    cr_expect_eq(run.hook_count, 1);
    udp_run_done(&run);
}

Test(udp_kerberos, what_does_not_fit)
{
    static uint8_t data[65507];
    kdc_start(&realm);
    kdc_login("alice", "s3cret", NULL);
    struct udp_run run;
    run_init(&run, socks5_gss_start("2"), LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY);
    udp_run_listen(&run, "127.0.0.1");
    /* The header of the relay still fits, and the token around it does not. */
    cr_expect_eq(leat_udp_socket_send(run.udp, data, sizeof(data) - 10, "127.0.0.1", 9),
                 LEAT_E_SOCKET_BASE + EMSGSIZE);
    cr_expect_eq(leat_udp_socket_send(run.udp, data, sizeof(data) - 10 - 127, "127.0.0.1", 9),
                 LEAT_E_SOCKET_BASE + EMSGSIZE);
    /* That relay takes none out of its order: nothing was wrapped yet. */
    udp_run_send(&run, "this does", "127.0.0.1", 9);
    udp_run_until_messages(&run, 1);
    udp_run_done(&run);
}

Test(udp_kerberos, who_does_not_get_in)
{
    kdc_start(&realm);
    struct udp_run run;
    run_init(&run, socks5_gss_start("0,1"), LEAT_SOCKS5_PROTECTION_ANY);
    udp_run_bind(&run, "127.0.0.1");
    udp_run_until_error(&run, 1, LEAT_E_SOCKS5_AUTH, "kinit");
    udp_run_until_closed(&run);
    udp_run_done(&run);
    kdc_login("alice", "s3cret", NULL);
    run_init(&run, socks5_gss_start("0,1"), LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY);
    udp_run_bind(&run, "127.0.0.1");
    udp_run_until_error(&run, 1, LEAT_E_SOCKS5_METHOD, "and confidentiality is wanted");
    udp_run_until_closed(&run);
    udp_run_done(&run);
}
