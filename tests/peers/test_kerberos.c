/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS5 and HTTP CONNECT by GSS-API in a realm of Kerberos of the test's own: through a proxy by python3-gssapi, dante, and
 * squid. */
#include "peers/common.h"
#include "support/gss_foreign.h"
#include "support/kdc.h"

#include <errno.h>
#include <signal.h>

PEERS_SUITE(kerberos);

static const struct server_options plain = {0};
static const struct server_options tls = {.cert = "server.pem"};

static const struct kdc_options realm = {
    .users = "alice s3cret bob secret2",
    .services = "rcmd/localhost",
};

static const char *socks_url(const char *credentials, uint16_t port)
{
    return sandbox_format("socks5h://%slocalhost:%u", credentials, port);
}

static const char *echo_url(const struct server_options *server)
{
    return sandbox_format("%s://localhost:%u/echo", server->cert ? "wss" : "ws",
                          python_server_start(server));
}

static void run_init(struct client_run *run, const char *proxy,
                     enum leat_socks5_protection protection)
{
    client_run_init(run);
    cr_assert(leat_config_set_proxy(run->config, proxy) == LEAT_OK);
    cr_assert(leat_config_set_proxy_auth_schemes(
                  run->config, LEAT_PROXY_AUTH_NEGOTIATE | LEAT_PROXY_AUTH_BASIC) == LEAT_OK);
    cr_assert(leat_config_set_socks5_protection(run->config, protection) == LEAT_OK);
}

static void works(const char *proxy, const char *url, enum leat_socks5_protection protection,
                  const char *method)
{
    struct client_run run;
    run_init(&run, proxy, protection);
    client_run_open(&run, url);
    client_run_echo(&run, "through the proxy");
    static char much[200001];
    memset(much, 'x', sizeof(much) - 1);
    client_run_echo(&run, much);
    cr_expect(strstr(run.trace, method), "%s", run.trace);
    cr_expect(!strstr(run.trace, "gss-api"), "a phase of its own: %s", run.trace);
    client_run_close(&run);
    client_run_done(&run);
}

static void refused(const char *proxy, enum leat_socks5_protection protection, int code,
                    const char *text)
{
    struct client_run run;
    run_init(&run, proxy, protection);
    int result = client_run_refused(&run, "ws://localhost:1/");
    cr_expect(result == code, "%d: %s", result, run.close.error.text);
    cr_expect(run.close.error.layer == LEAT_LAYER_SOCKS5);
    cr_expect(strstr(run.close.error.text, text), "%s", run.close.error.text);
    cr_expect(run.close.error.hop[0], "no hop is named");
    cr_expect(!strstr(run.close.error.text, "s3cret"));
    cr_expect(!run.trace || !strstr(run.trace, "s3cret"));
    client_run_done(&run);
}

Test(kerberos, the_proxy_protects_as_it_may)
{
    static const struct {
        const char *levels;
        enum leat_socks5_protection protection;
        const char *method;
    } cases[] = {
        {"0,1,2", LEAT_SOCKS5_PROTECTION_ANY, "GSS-API with confidentiality"},
        {"0,1,2", LEAT_SOCKS5_PROTECTION_INTEGRITY, "GSS-API with integrity"},
        {"0,1,2", LEAT_SOCKS5_PROTECTION_NONE, "GSS-API"},
        {"2", LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY, "GSS-API with confidentiality"},
        {"1", LEAT_SOCKS5_PROTECTION_INTEGRITY, "GSS-API with integrity"},
    };
    kdc_start(&realm);
    kdc_login("alice", "s3cret", NULL);
    const char *const urls[] = {echo_url(&plain), echo_url(&tls)};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        works(socks_url("", socks5_gss_start(cases[i].levels)), urls[i % 2], cases[i].protection,
              cases[i].method);
}

Test(kerberos, one_loop_of_good_and_bad)
{
    kdc_start(&realm);
    const char *url = echo_url(&plain);
    uint16_t proxy = socks5_gss_start("0,1,2");
    refused(socks_url("", proxy), LEAT_SOCKS5_PROTECTION_ANY, LEAT_E_SOCKS5_AUTH, "kinit");
    works(socks_url("alice:s3cret@", proxy), url, LEAT_SOCKS5_PROTECTION_ANY, "GSS-API");
    refused(socks_url("alice:wrong@", proxy), LEAT_SOCKS5_PROTECTION_ANY, LEAT_E_SOCKS5_AUTH,
            "password");
    works(socks_url("bob%40LEAT.TEST:secret2@", proxy), url, LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY,
          "GSS-API");
    kdc_login("alice", "s3cret", NULL);
    works(socks_url("", proxy), url, LEAT_SOCKS5_PROTECTION_ANY, "GSS-API");
    refused(sandbox_format("socks5h://127.0.0.1:%u", proxy), LEAT_SOCKS5_PROTECTION_ANY,
            LEAT_E_SOCKS5_AUTH, "host name");
    works(socks_url("", proxy), url, LEAT_SOCKS5_PROTECTION_ANY, "GSS-API");
}

/* What the proxy grants is less than what is wanted. */
Test(kerberos, less_protection_than_is_wanted)
{
    kdc_start(&realm);
    kdc_login("alice", "s3cret", NULL);
    uint16_t proxy = socks5_gss_start("0,1");
    refused(socks_url("", proxy), LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY, LEAT_E_SOCKS5_METHOD,
            "grants integrity, and confidentiality is wanted");
    works(socks_url("", proxy), echo_url(&plain), LEAT_SOCKS5_PROTECTION_ANY,
          "GSS-API with integrity");
    /* No other method protects anything. */
    refused(socks_url("", microsocks_start(NULL, NULL)), LEAT_SOCKS5_PROTECTION_INTEGRITY,
            LEAT_E_SOCKS5_METHOD, "GSS-API alone");
}

/* Where GSS-API is allowed and not needed, or needed and not allowed. */
Test(kerberos, other_proxies_and_other_programs)
{
    struct client_run run;
    kdc_start(&realm);
    const char *url = echo_url(&plain);
    works(socks_url("", microsocks_start(NULL, NULL)), url, LEAT_SOCKS5_PROTECTION_ANY,
          "no authentication");
    works(socks_url("alice:s3cret@", microsocks_start("alice", "s3cret")), url,
          LEAT_SOCKS5_PROTECTION_ANY, "user name and password");
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config, socks_url("", socks5_gss_start("0,1,2"))) ==
              LEAT_OK);
    cr_expect(client_run_refused(&run, url) == LEAT_E_SOCKS5_METHOD);
    cr_expect(strstr(run.close.error.text, "or GSS-API"), "%s", run.close.error.text);
    client_run_done(&run);
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config, socks_url("", 1)) == LEAT_OK);
    cr_assert(leat_config_set_socks5_protection(run.config,
                                                LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY) == LEAT_OK);
    cr_expect(client_run_refused(&run, url) == LEAT_E_PARAMETER);
    client_run_done(&run);
}

Test(kerberos, the_service_has_another_name)
{
    struct client_run run;
    kdc_start(&(struct kdc_options){.users = "alice s3cret", .services = "socks/localhost"});
    kdc_login("alice", "s3cret", NULL);
    uint16_t proxy = socks5_gss_start("0,1,2");
    refused(socks_url("", proxy), LEAT_SOCKS5_PROTECTION_ANY, LEAT_E_SOCKS5_AUTH, "rcmd@localhost");
    run_init(&run, socks_url("", proxy), LEAT_SOCKS5_PROTECTION_ANY);
    cr_assert(leat_config_set_proxy_service_name(run.config, "socks") == LEAT_OK);
    client_run_open(&run, echo_url(&plain));
    client_run_echo(&run, "by another name");
    client_run_close(&run);
    client_run_done(&run);
    static const char *const bad[] = {"", "a@b", "a/b", "a b", "a\nb"};
    client_run_init(&run);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect(leat_config_set_proxy_service_name(run.config, bad[i]) == LEAT_E_PARAMETER);
    client_run_done(&run);
}

/* ---- a KDC that is away ---------------------------------------------------------------------------- */

static unsigned closed_count;

static void count_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    int *code = user;
    (void)ws;
    *code = event->error.code;
    cr_expect(strstr(event->error.text, "KDC"), "%s", event->error.text);
    closed_count++;
}

/* Some wait for a ticket, others need none: those go on, and the end of all comes at the deadline. */
Test(kerberos, a_frozen_kdc_stops_nobody_else)
{
    enum { COUNT = 5 };
    static const struct leat_websocket_callbacks events = {.size = sizeof(events),
                                                           .closed = count_closed};
    leat_websocket *stuck[COUNT];
    int codes[COUNT] = {0};
    struct client_run run;
    struct process *kdc = kdc_start(&realm);
    const char *url = echo_url(&plain);
    const char *proxy = socks_url("alice:s3cret@", socks5_gss_start("0,1,2"));
    cr_assert(kill(-kdc->pid, SIGSTOP) == 0);
    client_run_init(&run);
    leat_config *config = client_config_new();
    cr_assert(leat_config_set_proxy(config, proxy) == LEAT_OK);
    cr_assert(leat_config_set_proxy_auth_schemes(config, LEAT_PROXY_AUTH_NEGOTIATE) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(config, LEAT_PHASE_PROXY, PATIENCE_MS(200)) == LEAT_OK);
    for (int i = 0; i < COUNT; i++) {
        cr_assert(leat_websocket_new(run.loop, &events, &codes[i], &stuck[i]) == LEAT_OK);
        cr_assert(leat_websocket_connect(stuck[i], url, config) == LEAT_OK);
    }
    client_run_open(&run, url);
    client_run_echo(&run, "nobody waits for me");
    leat_websocket_free(stuck[0]); /* wherever it is */
    while (closed_count < COUNT - 1)
        cr_assert(leat_loop_dispatch(run.loop, PATIENCE_MS(5000)) == LEAT_OK);
    for (int i = 1; i < COUNT; i++) {
        cr_expect(codes[i] == LEAT_E_SOCKS5_AUTH, "%d", codes[i]);
        leat_websocket_free(stuck[i]);
    }
    client_run_echo(&run, "nor do I");
    client_run_close(&run);
    client_run_done(&run);
    /* It comes back, and so do they. */
    cr_assert(kill(-kdc->pid, SIGCONT) == 0);
    works(proxy, url, LEAT_SOCKS5_PROTECTION_ANY, "GSS-API");
    leat_config_free(config);
}

/* ---- dante ------------------------------------------------------------------------------------------ */

Test(kerberos, dante)
{
    static const struct {
        const char *enctype;
        enum leat_socks5_protection protection;
        const char *method;
    } cases[] = {
        {"clear integrity confidentiality", LEAT_SOCKS5_PROTECTION_ANY,
         "GSS-API with confidentiality"},
        {"clear integrity confidentiality", LEAT_SOCKS5_PROTECTION_INTEGRITY,
         "GSS-API with integrity"},
        {"clear integrity confidentiality", LEAT_SOCKS5_PROTECTION_NONE, "GSS-API"},
        {"integrity", LEAT_SOCKS5_PROTECTION_INTEGRITY, "GSS-API with integrity"},
    };
    kdc_start(&realm);
    kdc_login("alice", "s3cret", NULL);
    const char *const urls[] = {echo_url(&plain), echo_url(&tls)};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        works(socks_url("", dante_gss_start(cases[i].enctype)), urls[i % 2], cases[i].protection,
              cases[i].method);
}

static void dante_refuses_service(const char *proxy, const char *service, int code,
                                  const char *text)
{
    struct client_run run;
    run_init(&run, proxy, LEAT_SOCKS5_PROTECTION_ANY);
    cr_assert(leat_config_set_proxy_service_name(run.config, service) == LEAT_OK);
    int result = client_run_refused(&run, "ws://localhost:1/");
    cr_expect(result == code, "%d: %s", result, run.close.error.text);
    cr_expect(strstr(run.close.error.text, text), "%s", run.close.error.text);
    client_run_done(&run);
}

/* One dante, and one loop after the other that gets in or does not. */
Test(kerberos, dante_refuses)
{
    kdc_start(&(struct kdc_options){.users = "alice s3cret",
                                    .services = "rcmd/localhost other/localhost"});
    uint16_t port = dante_gss_start("integrity confidentiality");
    const char *dante = socks_url("", port), *url = echo_url(&plain);
    refused(dante, LEAT_SOCKS5_PROTECTION_ANY, LEAT_E_SOCKS5_AUTH, "kinit");
    refused(socks_url("alice:wrong@", port), LEAT_SOCKS5_PROTECTION_ANY, LEAT_E_SOCKS5_AUTH,
            "password");
    works(socks_url("alice:s3cret@", port), url, LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY, "GSS-API");
    kdc_login("alice", "s3cret", NULL);
    dante_refuses_service(dante, "nosuch", LEAT_E_SOCKS5_AUTH, "has no service of that name");
    /* The realm has that one, and dante not its key: it says nothing, and closes. */
    dante_refuses_service(dante, "other", LEAT_E_SOCKS5_RECV, "it may have refused GSS-API");
    refused(sandbox_format("socks5h://127.0.0.1:%u", port), LEAT_SOCKS5_PROTECTION_ANY,
            LEAT_E_SOCKS5_AUTH, "host name");
    works(dante, url, LEAT_SOCKS5_PROTECTION_INTEGRITY, "GSS-API with integrity");
    refused(socks_url("", dante_gss_start("integrity")), LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY,
            LEAT_E_SOCKS5_RECV, "may have no protection that is wanted (confidentiality)");
}

/* ---- HTTP ------------------------------------------------------------------------------------------- */

static const struct kdc_options web = {
    .users = "alice s3cret",
    .services = "HTTP/localhost",
};

static const char *http_url(const char *credentials, uint16_t port)
{
    return sandbox_format("http://%slocalhost:%u", credentials, port);
}

static void http_init(struct client_run *run, const char *proxy, unsigned schemes)
{
    client_run_init(run);
    cr_assert(leat_config_set_proxy(run->config, proxy) == LEAT_OK);
    cr_assert(leat_config_set_proxy_auth_schemes(run->config, schemes) == LEAT_OK);
}

static unsigned trace_count(const struct client_run *run, const char *text)
{
    unsigned count = 0;
    for (const char *at = run->trace; at && (at = strstr(at, text)); ++at)
        ++count;
    return count;
}

static void http_echo(const char *url, const leat_config *config)
{
    struct client_run run;
    client_run_init(&run);
    leat_config_free(run.config);
    cr_assert(leat_config_copy(config, &run.config) == LEAT_OK);
    client_run_open(&run, url);
    client_run_echo(&run, "through the proxy");
    client_run_close(&run);
    client_run_done(&run);
}

/* Twice by the same configuration: the second one begins with a token. */
static void http_works(const char *proxy, const char *url, unsigned schemes, const char *scheme)
{
    struct client_run run;
    http_init(&run, proxy, schemes);
    http_echo(url, run.config);
    http_echo(url, run.config);
    /* The trace is of the configuration. */
    cr_expect(strstr(run.trace, scheme), "%s", run.trace);
    cr_expect(trace_count(&run, "start tcp") == 2, "another connection: %s", run.trace);
    cr_expect(!strstr(run.trace, "s3cret"));
    client_run_done(&run);
}

static void http_refused_at(const char *proxy, unsigned schemes, const char *url, int status,
                            const char *text)
{
    struct client_run run;
    http_init(&run, proxy, schemes);
    int code = client_run_refused(&run, url);
    cr_expect(code == LEAT_E_WS_CONNECT, "%d: %s", code, run.close.error.text);
    cr_expect(run.close.error.native_code == status, "%d", run.close.error.native_code);
    cr_expect(strstr(run.close.error.text, text), "%s", run.close.error.text);
    cr_expect(!strstr(run.close.error.text, "s3cret"));
    client_run_done(&run);
}

static void http_refused(const char *proxy, unsigned schemes, int status, const char *text)
{
    http_refused_at(proxy, schemes, "ws://localhost:1/", status, text);
}

Test(kerberos, squid_by_negotiate)
{
    enum { BOTH = LEAT_PROXY_AUTH_NEGOTIATE | LEAT_PROXY_AUTH_BASIC };
    kdc_start(&web);
    uint16_t squid = squid_negotiate_start();
    const char *const urls[] = {echo_url(&plain), echo_url(&tls)};
    http_refused(http_url("", squid), BOTH, 407, "kinit");
    http_works(http_url("alice:s3cret@", squid), urls[0], BOTH, "Negotiate");
    http_refused(http_url("alice:wrong@", squid), BOTH, 407, "password");
    kdc_login("alice", "s3cret", NULL);
    http_works(http_url("", squid), urls[1], LEAT_PROXY_AUTH_NEGOTIATE, "Negotiate");
    http_refused(sandbox_format("http://127.0.0.1:%u", squid), BOTH, 407, "host name");
    http_refused(http_url("", squid), LEAT_PROXY_AUTH_BASIC, 407,
                 "Negotiate is not allowed by the program");
    http_works(http_url("", squid), urls[0], BOTH, "Negotiate");
}

/* The last token comes with the open tunnel, or does not come; one of another connection is no proof. */
Test(kerberos, the_proxy_proves_who_it_is)
{
    static const char *const proofs[] = {"field", "info", "none"};
    kdc_start(&web);
    kdc_login("alice", "s3cret", NULL);
    const char *url = echo_url(&plain);
    for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++)
        http_works(http_url("", http_negotiate_start(proofs[i])), url, LEAT_PROXY_AUTH_NEGOTIATE,
                   "Negotiate");
    const char *stale = http_url("", http_negotiate_start("stale"));
    for (int i = 0; i < 3; i++)
        http_refused_at(stale, LEAT_PROXY_AUTH_NEGOTIATE, url, 200,
                        "but it is not who it should be");
}

/* The ticket is for another service than the proxy has a key of. */
Test(kerberos, squid_does_not_take_the_ticket)
{
    struct client_run run;
    kdc_start(&(struct kdc_options){.users = "alice s3cret",
                                    .services = "HTTP/localhost other/localhost"});
    kdc_login("alice", "s3cret", NULL);
    http_init(&run, http_url("", squid_negotiate_start()),
              LEAT_PROXY_AUTH_NEGOTIATE | LEAT_PROXY_AUTH_BASIC);
    cr_assert(leat_config_set_proxy_service_name(run.config, "other") == LEAT_OK);
    cr_expect(client_run_refused(&run, "ws://localhost:1/") == LEAT_E_WS_CONNECT);
    cr_expect(run.close.error.native_code == 407, "%d", run.close.error.native_code);
    cr_expect(strstr(run.close.error.text, "does not take the ticket for other@localhost"), "%s",
              run.close.error.text);
    client_run_done(&run);
}

Test(kerberos, squid_by_ntlm)
{
    uint16_t squid = squid_ntlm_start("LEAT:alice:s3cret");
    const char *const urls[] = {echo_url(&plain), echo_url(&tls)};
    http_works(http_url("LEAT%5Calice:s3cret@", squid), urls[0], LEAT_PROXY_AUTH_NTLM, "NTLM");
    http_refused(http_url("", squid), LEAT_PROXY_AUTH_NTLM, 407, "user and a password");
    http_refused(http_url("LEAT%5Calice:wrong@", squid),
                 LEAT_PROXY_AUTH_NTLM | LEAT_PROXY_AUTH_BASIC, 407, "refuses the user by NTLM");
    http_refused(http_url("alice:s3cret@", squid), LEAT_PROXY_AUTH_NEGOTIATE, 407,
                 "NTLM is not allowed by the program");
    http_works(http_url("alice:s3cret@", squid), urls[1],
               LEAT_PROXY_AUTH_NTLM | LEAT_PROXY_AUTH_BASIC, "NTLM");
}

/* Squid's own helper knows no passwords; who may pass is squid's rule. */
Test(kerberos, squid_by_ntlm_fake_auth)
{
    uint16_t squid = squid_ntlm_fake_start(true, "LEAT\\alice");
    const char *const urls[] = {echo_url(&plain), echo_url(&tls)};
    http_works(http_url("LEAT%5Calice:s3cret@", squid), urls[0], LEAT_PROXY_AUTH_NTLM, "NTLM");
    http_refused(http_url("LEAT%5Cbob:s3cret@", squid), LEAT_PROXY_AUTH_NTLM, 403, "HTTP 403");
    http_refused(http_url("OTHER%5Calice:s3cret@", squid), LEAT_PROXY_AUTH_NTLM, 403, "HTTP 403");
    http_works(http_url("LEAT%5Calice:s3cret@", squid), urls[1], LEAT_PROXY_AUTH_NTLM, "NTLM");
}

/* What it really says is shorter than a challenge of NTLM can be. */
Test(kerberos, squid_by_ntlm_fake_auth_as_it_is)
{
    uint16_t squid = squid_ntlm_fake_start(false, "REQUIRED");
    http_refused(http_url("LEAT%5Calice:s3cret@", squid), LEAT_PROXY_AUTH_NTLM, 407,
                 "Failed to decode data (gss_init_sec_context): the proxy's answer is damaged");
}

Test(kerberos, a_frozen_kdc_and_an_http_proxy)
{
    struct client_run run;
    struct process *kdc = kdc_start(&web);
    uint16_t squid = squid_negotiate_start();
    cr_assert(kill(-kdc->pid, SIGSTOP) == 0);
    http_init(&run, http_url("alice:s3cret@", squid), LEAT_PROXY_AUTH_NEGOTIATE);
    cr_assert(leat_config_set_phase_timeout(run.config, LEAT_PHASE_PROXY, PATIENCE_MS(200)) ==
              LEAT_OK);
    cr_expect(client_run_refused(&run, "ws://localhost:1/") == LEAT_E_WS_CONNECT);
    cr_expect(run.close.error.sys_errno == ETIMEDOUT, "%s", run.close.error.text);
    cr_expect(strstr(run.close.error.text, "KDC may be away"), "%s", run.close.error.text);
    client_run_done(&run);
    cr_assert(kill(-kdc->pid, SIGCONT) == 0);
    http_works(http_url("alice:s3cret@", squid), echo_url(&plain), LEAT_PROXY_AUTH_NEGOTIATE,
               "Negotiate");
}

/* ---- many on one loop --------------------------------------------------------------------------------- */

struct many_case {
    const char *proxy;
    enum leat_socks5_protection protection;
    int code; /* LEAT_OK = it opens */
};

struct many_one {
    leat_websocket *ws;
    const struct many_case *expected;
    bool opened;
    unsigned *ended;
};

static void many_opened(leat_websocket *ws, void *user)
{
    struct many_one *one = user;
    one->opened = true;
    cr_expect(leat_websocket_close(ws, 1000, NULL) == LEAT_OK);
}

static void many_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct many_one *one = user;
    (void)ws;
    cr_expect(event->error.code == one->expected->code, "%s: %d %s", one->expected->proxy,
              event->error.code, event->error.text);
    cr_expect(one->opened == (one->expected->code == LEAT_OK), "%s", one->expected->proxy);
    ++*one->ended;
}

static leat_config *many_config(const struct many_case *c)
{
    leat_config *config = client_config_new();
    cr_assert(leat_config_set_proxy(config, c->proxy) == LEAT_OK);
    cr_assert(leat_config_set_proxy_auth_schemes(config, LEAT_PROXY_AUTH_NEGOTIATE |
                                                             LEAT_PROXY_AUTH_NTLM) == LEAT_OK);
    cr_assert(leat_config_set_socks5_protection(config, c->protection) == LEAT_OK);
    return config;
}

/* Good and bad at once, some of them given up wherever they are, and all of it twice. */
Test(kerberos, many_on_one_loop)
{
    enum { COUNT = 42, KINDS = 6 };
    static const struct leat_websocket_callbacks events = {
        .size = sizeof(events), .opened = many_opened, .closed = many_closed};
    kdc_start(&(struct kdc_options){.users = "alice s3cret",
                                    .services = "rcmd/localhost HTTP/localhost"});
    const char *url = echo_url(&plain);
    uint16_t socks = socks5_gss_start("0,1,2");
    const struct many_case cases[KINDS] = {
        {socks_url("alice:s3cret@", socks), LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY, LEAT_OK},
        {socks_url("alice:wrong@", socks), LEAT_SOCKS5_PROTECTION_ANY, LEAT_E_SOCKS5_AUTH},
        {http_url("alice:s3cret@", http_negotiate_start("field")), LEAT_SOCKS5_PROTECTION_ANY,
         LEAT_OK},
        {http_url("alice:s3cret@", http_negotiate_start("stale")), LEAT_SOCKS5_PROTECTION_ANY,
         LEAT_E_WS_CONNECT},
        {socks_url("alice:s3cret@", microsocks_start(NULL, NULL)), LEAT_SOCKS5_PROTECTION_INTEGRITY,
         LEAT_E_SOCKS5_METHOD},
        {http_url("alice:wrong@", squid_negotiate_start()), LEAT_SOCKS5_PROTECTION_ANY,
         LEAT_E_WS_CONNECT},
    };
    leat_config *configs[KINDS];
    struct many_one ones[COUNT];
    leat_loop *loop;
    cr_assert(leat_loop_new(&loop) == LEAT_OK);
    for (size_t k = 0; k < KINDS; k++)
        configs[k] = many_config(&cases[k]);
    for (unsigned round = 0; round < 2; round++) {
        unsigned ended = 0, wanted = COUNT;
        for (size_t i = 0; i < COUNT; i++) {
            ones[i] = (struct many_one){.expected = &cases[i % KINDS], .ended = &ended};
            cr_assert(leat_websocket_new(loop, &events, &ones[i], &ones[i].ws) == LEAT_OK);
            cr_assert(leat_websocket_connect(ones[i].ws, url, configs[i % KINDS]) == LEAT_OK);
        }
        for (size_t i = 5; i < COUNT; i += 5) {
            cr_assert(leat_loop_dispatch(loop, PATIENCE_MS(5000)) == LEAT_OK);
            unsigned before = ended;
            leat_websocket_free(ones[i].ws);
            ones[i].ws = NULL;
            cr_expect(ended == before, "an event of one that is gone");
            wanted -= !ones[i].opened && before == ended;
        }
        while (ended < wanted)
            cr_assert(leat_loop_dispatch(loop, PATIENCE_MS(5000)) == LEAT_OK);
        for (size_t i = 0; i < COUNT; i++)
            leat_websocket_free(ones[i].ws);
    }
    for (size_t k = 0; k < KINDS; k++)
        leat_config_free(configs[k]);
    leat_loop_free(loop);
}
