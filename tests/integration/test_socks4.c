/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS4 and SOCKS4A through programs that others wrote, who resolves the names, and each way in
 * which such a proxy can fail. */
#include "integration/common.h"
#include "support/dns_server.h"

INTEGRATION_SUITE(socks4);

static const struct server_options plain = {0};
static const struct server_options tls = {.cert = "server.pem"};

static void proxy_set(struct client_run *run, const char *scheme, uint16_t port)
{
    client_run_init(run);
    cr_assert(leat_config_set_proxy(run->config, sandbox_format("%s127.0.0.1:%u", scheme, port)) ==
              LEAT_OK);
}

static void echo_through(struct client_run *run, const char *url)
{
    client_run_open(run, url);
    client_run_echo(run, "through the proxy");
    client_run_close(run);
    cr_expect(trace_has(run, "end socks4 0"), "%s", run->trace);
    client_run_done(run);
}

Test(socks4, openssh)
{
    struct client_run run;
    uint16_t proxy = ssh_proxy_start();
    proxy_set(&run, "socks4://", proxy);
    echo_through(&run, url_of("ws", python_server_start(&plain), "/echo"));
    proxy_set(&run, "socks4a://somebody@", proxy);
    echo_through(&run, sandbox_format("wss://localhost:%u/echo", python_server_start(&tls)));
    proxy_set(&run, "socks4a://", proxy);
    cr_assert(leat_config_set_socks5_pipelining(run.config, LEAT_SOCKS5_PIPELINED_WITH_DATA) ==
              LEAT_OK);
    echo_through(&run, sandbox_format("wss://localhost:%u/echo", python_server_start(&tls)));
}

/* It takes the address that says that a name follows for an address. */
Test(socks4, dante_knows_no_names)
{
    struct client_run run;
    uint16_t proxy = dante_start();
    proxy_set(&run, "socks4://somebody@", proxy);
    echo_through(&run, sandbox_format("wss://localhost:%u/echo", python_server_start(&tls)));
    proxy_set(&run, "socks4a://", proxy);
    int code = client_run_refused(&run, "ws://localhost:1/");
    cr_expect(code == LEAT_E_SOCKS5_CONNECT_REMOTE, "%d: %s", code, run.close.error.text);
    cr_expect(strstr(run.close.error.text, "socks4://"), "%s", run.close.error.text);
    client_run_done(&run);
}

Test(socks4, in_a_chain)
{
    struct client_run run;
    proxy_set(&run, "socks4a://", ssh_proxy_start());
    cr_assert(leat_config_add_proxy(run.config, sandbox_format("socks5h://127.0.0.1:%u",
                                                               microsocks_start(NULL, NULL))) ==
              LEAT_OK);
    echo_through(&run, sandbox_format("wss://localhost:%u/echo", python_server_start(&tls)));
}

/* ---- names ------------------------------------------------------------------------------ */

static void name_expect(struct dns_server *dns, const char *scheme, uint16_t proxy,
                        const char *host, int code, const char *text)
{
    struct client_run run;
    proxy_set(&run, scheme, proxy);
    cr_assert(leat_config_set_dns_servers(run.config, dns_server_address(dns)) == LEAT_OK);
    const char *url = sandbox_format("ws://%s:%u/echo", host, python_server_start(&plain));
    if (code == LEAT_OK) {
        echo_through(&run, url);
    } else {
        int got = client_run_refused(&run, url);
        cr_expect(got == code, "%d: %s", got, run.close.error.text);
        cr_expect(run.close.error.layer == LEAT_LAYER_SOCKS5);
        cr_expect(strstr(run.close.error.text, text), "%s", run.close.error.text);
        client_run_done(&run);
    }
}

/* SOCKS4 has no way to say an IPv6 address. */
Test(socks4, only_ipv4_is_looked_up_here)
{
    static const struct dns_record records[] = {
        {.name = "both.test", .v4 = {"127.0.0.1"}, .v6 = {"::1", "2001:db8::1"}},
        {.name = "six.test", .v6 = {"::1"}},
        {NULL}};
    struct dns_server *dns = dns_server_start(records);
    uint16_t proxy = ssh_proxy_start();
    cr_assert(dns);
    name_expect(dns, "socks4://", proxy, "both.test", LEAT_OK, "");
    name_expect(dns, "socks4://", proxy, "six.test", LEAT_E_SOCKS5_SERIALIZE,
                "no IPv4 address, which is all that SOCKS4 carries");
    name_expect(dns, "socks4://", proxy, "[::1]", LEAT_E_SOCKS5_SERIALIZE, "IPv6");
    name_expect(dns, "socks4a://", proxy, "[::1]", LEAT_E_SOCKS5_SERIALIZE, "IPv6");
    dns_server_free(dns);
}

Test(socks4, the_proxy_resolves_for_socks4a)
{
    static const struct dns_record records[] = {{NULL}};
    struct client_run run;
    struct dns_server *dns = dns_server_start(records);
    cr_assert(dns);
    proxy_set(&run, "socks4a://", ssh_proxy_start());
    cr_assert(leat_config_set_dns_servers(run.config, dns_server_address(dns)) == LEAT_OK);
    echo_through(&run, sandbox_format("ws://localhost:%u/echo", python_server_start(&plain)));
    cr_expect(dns_server_query_count(dns) == 0, "the name was looked up here");
    dns_server_free(dns);
}

/* ---- failures --------------------------------------------------------------------------- */

#define REQUEST_BYTES 9 /* with an empty user id and an IPv4 address */
#define READ_REQUEST                                                                               \
    {                                                                                              \
        LEAT_SCRIPT_READ, .number = REQUEST_BYTES                                                  \
    }
#define ANSWERS(literal, end)                                                                      \
    {                                                                                              \
        READ_REQUEST, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES(literal)}, {end},                       \
        {                                                                                          \
            LEAT_SCRIPT_CLOSE                                                                      \
        }                                                                                          \
    }

static const struct {
    const char *name;
    struct leat_script_row script[4];
    int code, native_code, sys_errno;
    const char *text;
} failures[] = {
    {"91", ANSWERS("\x00\x5b\0\0\0\0\0\0", LEAT_SCRIPT_CLOSE), LEAT_E_SOCKS5_CONNECT_REMOTE, 91, 0,
     "rejected or failed"},
    {"91 and silence", ANSWERS("\x00\x5b", LEAT_SCRIPT_STALL), LEAT_E_SOCKS5_CONNECT_REMOTE, 91, 0,
     "127.0.0.1:9"},
    {"92", ANSWERS("\x00\x5c\0\0\0\0\0\0", LEAT_SCRIPT_CLOSE), LEAT_E_SOCKS5_AUTH, 92, 0, "identd"},
    {"93", ANSWERS("\x00\x5d\0\0\0\0\0\0", LEAT_SCRIPT_RESET), LEAT_E_SOCKS5_AUTH, 93, 0,
     "user id"},
    {"unknown", ANSWERS("\x00\x01\0\0\0\0\0\0", LEAT_SCRIPT_CLOSE), LEAT_E_SOCKS5_CONNECT_REMOTE, 1,
     0, "reply 1"},
    {"SOCKS5", ANSWERS("\x05\xff", LEAT_SCRIPT_CLOSE), LEAT_E_SOCKS5_DESERIALIZE, 0, 0,
     "not a SOCKS4 proxy"},
    {"HTTP", ANSWERS("HTTP/1.1 400 Bad Request\r\n\r\n", LEAT_SCRIPT_CLOSE),
     LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "0x48"},
    {"cut", ANSWERS("\x00\x5a\0\0", LEAT_SCRIPT_CLOSE), LEAT_E_SOCKS5_DESERIALIZE, 0, 0,
     "after 4 bytes"},
    {"reset in the answer", ANSWERS("\x00\x5a\0\0", LEAT_SCRIPT_RESET), LEAT_E_SOCKS5_RECV, 0,
     ECONNRESET, "the request"},
    {"closes",
     {READ_REQUEST, {LEAT_SCRIPT_CLOSE}},
     LEAT_E_SOCKS5_RECV,
     0,
     0,
     "instead of answering the request"},
    {"resets",
     {READ_REQUEST, {LEAT_SCRIPT_RESET}},
     LEAT_E_SOCKS5_RECV,
     0,
     ECONNRESET,
     "the request"},
    {"is silent",
     {READ_REQUEST, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}},
     LEAT_E_SOCKS5_RECV,
     0,
     ETIMEDOUT,
     "did not answer the request"},
};

Test(socks4, each_failure_has_its_code)
{
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
        for (int optimistic = 0; optimistic < 2; optimistic++) {
            struct client_run run;
            leat_testing_server *proxy = script_server_start(failures[i].script);
            proxy_set(&run, "socks4://", leat_testing_server_get_port(proxy));
            cr_assert(leat_config_set_phase_timeout(run.config, LEAT_PHASE_PROXY, 300) == LEAT_OK);
            if (optimistic)
                cr_assert(leat_config_set_socks5_pipelining(
                              run.config, LEAT_SOCKS5_PIPELINED_WITH_DATA) == LEAT_OK);
            int code = client_run_refused(&run, "ws://127.0.0.1:9/");
            const struct leat_error *error = &run.close.error;
            cr_expect(code == failures[i].code, "%s: %d: %s", failures[i].name, code, error->text);
            cr_expect(error->layer == LEAT_LAYER_SOCKS5, "%s", failures[i].name);
            cr_expect(error->native_code == failures[i].native_code, "%s: %d", failures[i].name,
                      error->native_code);
            cr_expect(error->sys_errno == failures[i].sys_errno, "%s: %d", failures[i].name,
                      error->sys_errno);
            cr_expect(strstr(error->text, failures[i].text), "%s: %s", failures[i].name,
                      error->text);
            client_run_done(&run);
            leat_testing_server_free(proxy);
        }
}

Test(socks4, the_proxy_is_away)
{
    struct client_run run;
    proxy_set(&run, "socks4a://", refusing_port());
    int code = client_run_refused(&run, "ws://localhost/");
    cr_expect(code == LEAT_E_SOCKS5_CONNECT_PROXY, "%d: %s", code, run.close.error.text);
    cr_expect(run.close.error.sys_errno == ECONNREFUSED);
    client_run_done(&run);
}

/* It hangs up instead of refusing. */
Test(socks4, openssh_cannot_reach_the_destination)
{
    struct client_run run;
    proxy_set(&run, "socks4://", ssh_proxy_start());
    int code = client_run_refused(&run, url_of("ws", refusing_port(), "/"));
    cr_expect(code == LEAT_E_SOCKS5_RECV, "%d: %s", code, run.close.error.text);
    client_run_done(&run);
}

/* A password is never dropped in silence. */
Test(socks4, a_password_is_refused)
{
    struct client_run run;
    client_run_init(&run);
    cr_expect(leat_config_set_proxy(run.config, "socks4://me:s3cret@127.0.0.1") ==
              LEAT_E_SOCKS5_SERIALIZE);
    leat_config_clear_error(run.config);
    cr_assert(leat_config_set_proxy(run.config, "socks4://127.0.0.1:9") == LEAT_OK);
    cr_assert(leat_config_set_proxy_credentials(run.config, "me", "s3cret") == LEAT_OK);
    int code = client_run_refused(&run, "ws://127.0.0.1/");
    cr_expect(code == LEAT_E_SOCKS5_SERIALIZE, "%d: %s", code, run.close.error.text);
    cr_expect(!strstr(run.close.error.text, "s3cret"), "%s", run.close.error.text);
    client_run_done(&run);
}
