/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets that have expired and clocks that differ, with a KDC, proxies and a `leat check` for which that
 * is so. */
#include "peers/common.h"
#include "support/gss_foreign.h"
#include "support/kdc.h"

#include <errno.h>

PEERS_SUITE(kerberos_time);

static const struct kdc_options realm = {
    .users = "alice s3cret",
    .services = "rcmd/localhost HTTP/localhost",
};

static const char *proxy_url(const char *scheme, const char *credentials, uint16_t port)
{
    return sandbox_format("%s://%slocalhost:%u", scheme, credentials, port);
}

static void api_refused(const char *proxy, int code, const char *text)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config, proxy) == LEAT_OK);
    cr_assert(leat_config_set_proxy_auth_schemes(run.config, LEAT_PROXY_AUTH_NEGOTIATE) == LEAT_OK);
    int result = client_run_refused(&run, "ws://localhost:1/");
    cr_expect(result == code, "%d: %s", result, run.close.error.text);
    cr_expect(strstr(run.close.error.text, text), "%s", run.close.error.text);
    client_run_done(&run);
}

/* What `leat check` says. */
static void check_expect(const char *proxy, const char *text)
{
    const char *const argv[] = {
        LEAT_TOOL, "check", "-x", proxy, "--proxy-auth", "negotiate", "ws://localhost:1/", NULL};
    struct process *process = process_start(&(struct process_options){.argv = argv});
    int status = process_wait(process, PATIENCE_MS(20000));
    char *output = file_read(process->output_path);
    cr_expect(status != 0);
    cr_expect(strstr(output, text), "%s", output);
    free(output);
    process_stop(process);
}

static void both_say(const char *proxy, int code, const char *text, const char *advice)
{
    api_refused(proxy, code, text);
    check_expect(proxy, advice);
}

/* It was got two hours ago for ten minutes. */
Test(kerberos_time, a_ticket_that_has_expired)
{
    kdc_shift_clock("-2h");
    struct process *kdc = kdc_start(&realm);
    kdc_login("alice", "s3cret", "10m");
    kdc_shift_clock(NULL);
    (void)kdc_restart(kdc);
    both_say(proxy_url("socks5h", "", socks5_gss_start("0,1,2")), LEAT_E_SOCKS5_AUTH,
             "the ticket has expired: get another one with `kinit`",
             "Get one with kinit USER@REALM");
    both_say(proxy_url("http", "", squid_negotiate_start()), LEAT_E_WS_CONNECT,
             "the ticket has expired: get another one with `kinit`",
             "Get one with kinit USER@REALM");
}

/* The clock was right when the ticket was got. (With one that was wrong then, MIT's library counts from
 * the KDC's.) */
Test(kerberos_time, the_clocks_of_kdc_and_client_differ)
{
    static const char *const shifts[] = {"+10m", "-10m"};
    struct process *kdc = kdc_start(&realm);
    for (size_t i = 0; i < 2; i++) {
        kdc_login("alice", "s3cret", NULL);
        kdc_shift_clock(shifts[i]);
        kdc = kdc_restart(kdc);
        kdc_shift_clock(NULL);
        both_say(proxy_url("socks5h", "", socks5_gss_start("0,1,2")), LEAT_E_SOCKS5_AUTH,
                 "set this machine's clock: Kerberos allows 5 minutes of difference",
                 "Set this machine's clock");
        kdc = kdc_restart(kdc);
    }
    both_say(proxy_url("socks5h", "", 1), LEAT_E_SOCKS5_CONNECT_PROXY, "", "Start the proxy");
}

/* One proxy says so, of the other only its log knows more. */
Test(kerberos_time, the_clock_of_the_proxy_is_wrong)
{
    kdc_start(&realm);
    kdc_login("alice", "s3cret", NULL);
    kdc_shift_clock("+10m");
    uint16_t socks = socks5_gss_start("0,1,2"), squid = squid_negotiate_start();
    kdc_shift_clock(NULL);
    both_say(proxy_url("socks5h", "", socks), LEAT_E_SOCKS5_AUTH,
             "set this machine's clock, or the proxy's: Kerberos allows 5 minutes of difference",
             "If it is right, the proxy's or the KDC's is not");
    both_say(proxy_url("http", "", squid), LEAT_E_WS_CONNECT, "its keytab, its clock",
             "See the proxy's log: its keytab may be old, its clock wrong");
}

Test(kerberos_time, the_clock_of_dante_is_wrong)
{
    kdc_start(&realm);
    kdc_login("alice", "s3cret", NULL);
    kdc_shift_clock("-10m");
    uint16_t dante = dante_gss_start("clear integrity confidentiality");
    kdc_shift_clock(NULL);
    /* It says nothing, and closes. */
    both_say(proxy_url("socks5h", "", dante), LEAT_E_SOCKS5_RECV, "it may have refused GSS-API",
             "See the proxy's log: its keytab may be old, its clock wrong");
}
