/* SPDX-License-Identifier: Apache-2.0 */
/* Authentication to HTTP proxies that others wrote. Each case is a row of the table in docs/PROXIES.md,
 * which this test compares with what it has seen. */
#include "peers/common.h"

PEERS_SUITE(proxy_auth);

struct peer {
    const char *name; /* in the table */
    const char *offers;
    uint16_t (*start)(void);
    const char *scheme; /* of the URL */
    const char *taken;
    int wrong_status; /* of a wrong password */
    /* Requests until the tunnel is open: of the first connection, of those behind it. */
    unsigned first_requests, next_requests;
    bool closes; /* behind its 407 */
};

static uint16_t tinyproxy_basic(void)
{
    return tinyproxy_start("alice", "s3cret");
}

static uint16_t squid_basic(void)
{
    return squid_auth_start(PROXY_BASIC, NULL);
}

static uint16_t squid_digest(void)
{
    return squid_auth_start(PROXY_DIGEST, NULL);
}

static uint16_t squid_both(void)
{
    return squid_auth_start(PROXY_BASIC | PROXY_DIGEST, NULL);
}

static uint16_t squid_both_tls(void)
{
    uint16_t tls_port;
    squid_auth_start(PROXY_BASIC | PROXY_DIGEST, &tls_port);
    return tls_port;
}

static uint16_t apache_basic(void)
{
    return apache_start(PROXY_BASIC);
}

static uint16_t apache_digest(void)
{
    return apache_start(PROXY_DIGEST);
}

static const struct peer peers[] = {
    {"tinyproxy", "Basic", tinyproxy_basic, "http", "Basic", 401, 2, 1, true},
    {"squid", "Basic", squid_basic, "http", "Basic", 407, 2, 1, false},
    {"squid", "Digest", squid_digest, "http", "Digest MD5", 407, 2, 1, false},
    {"squid", "Basic, Digest", squid_both, "http", "Digest MD5", 407, 2, 1, false},
    {"squid over TLS", "Basic, Digest", squid_both_tls, "https", "Digest MD5", 407, 2, 1, false},
    {"apache2", "Basic", apache_basic, "http", "Basic", 407, 2, 1, false},
    {"apache2", "Digest", apache_digest, "http", "Digest MD5", 407, 2, 1, false},
};
#define PEER_COUNT (sizeof(peers) / sizeof(peers[0]))

static const char *url_with(const struct peer *peer, uint16_t port, const char *credentials)
{
    return sandbox_format("%s://%s127.0.0.1:%u", peer->scheme, credentials, port);
}

static unsigned count_of(const struct client_run *run, const char *text)
{
    unsigned count = 0;
    for (const char *at = run->trace; at && (at = strstr(at, text)); ++at)
        ++count;
    return count;
}

/* Opens once more with the same configuration. */
static void tunnel_expect(struct client_run *run, const struct peer *peer, const char *url,
                          unsigned requests, unsigned connections)
{
    unsigned requests_before = count_of(run, "SEND_REQUEST > RECV_HEAD");
    unsigned connections_before = count_of(run, "end tcp 0");
    run->opened_count = run->closed_count = 0;
    client_run_open(run, url);
    client_run_echo(run, "through the proxy");
    client_run_close(run);
    cr_expect(count_of(run, "SEND_REQUEST > RECV_HEAD") - requests_before == requests, "%s: %s",
              peer->name, run->trace);
    cr_expect(count_of(run, "end tcp 0") - connections_before == connections, "%s: %s", peer->name,
              run->trace);
    cr_expect(strstr(run->trace, sandbox_format(", HTTP 200, %s\n", peer->taken)), "%s",
              run->trace);
    cr_expect(!strstr(run->trace, "s3cret"), "the password is in the trace");
}

static void refused_expect(const struct peer *peer, uint16_t port, const char *credentials,
                           int status, const char *text)
{
    struct client_run run;
    client_run_init(&run);
    run.name = peer->name;
    cr_assert(leat_config_set_proxy(run.config, url_with(peer, port, credentials)) == LEAT_OK);
    int code = client_run_refused(&run, "wss://localhost:443/");
    cr_expect(code == LEAT_E_WS_CONNECT, "%s: %d", peer->name, code);
    cr_expect(run.close.error.native_code == status, "%s: %s", peer->name, run.close.error.text);
    cr_expect(strstr(run.close.error.text, text), "%s: %s", peer->name, run.close.error.text);
    cr_expect(!strstr(run.close.error.text, "s3cret"), "the password is in the text");
    client_run_done(&run);
}

/* The row must stand in the table as it is. */
static void row_expect(const struct peer *peer)
{
    char *page = file_read(PROXIES_PAGE);
    const char *row = sandbox_format(
        "| %s | %s | %s | %u over %u | %u | %d |\n", peer->name, peer->offers, peer->taken,
        peer->first_requests, peer->closes ? 2u : 1u, peer->next_requests, peer->wrong_status);
    cr_expect(strstr(page, row), "docs/PROXIES.md has not this row: %s", row);
    free(page);
}

static void peer_run(const struct peer *peer, const char *url)
{
    uint16_t port = peer->start();
    struct client_run run;
    client_run_init(&run);
    run.name = peer->name;
    cr_assert(leat_config_set_proxy(run.config, url_with(peer, port, "alice:s3cret@")) == LEAT_OK);
    tunnel_expect(&run, peer, url, peer->first_requests, peer->closes ? 2 : 1);
    for (int i = 0; i < 3; ++i)
        tunnel_expect(&run, peer, url, peer->next_requests, 1);
    client_run_done(&run);
    refused_expect(peer, port, "alice:wrong@", peer->wrong_status, "credentials were sent");
    refused_expect(peer, port, "", 407, "no credentials are configured");
    row_expect(peer);
}

static const char *echo_url(void)
{
    static const struct server_options tls = {.cert = "server.pem"};
    return sandbox_format("wss://localhost:%u/echo", python_server_start(&tls));
}

Test(proxy_auth, tinyproxy)
{
    peer_run(&peers[0], echo_url());
}

Test(proxy_auth, squid)
{
    const char *url = echo_url();
    for (size_t i = 1; i < 5; ++i)
        peer_run(&peers[i], url);
}

Test(proxy_auth, apache)
{
    const char *url = echo_url();
    for (size_t i = 5; i < PEER_COUNT; ++i)
        peer_run(&peers[i], url);
}

/* Squid takes a nonce for so many requests only, and says then that it is stale. */
Test(proxy_auth, a_nonce_that_squid_takes_three_times)
{
    struct client_run run;
    const char *url = echo_url();
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config, sandbox_format("http://alice:s3cret@127.0.0.1:%u",
                                                               squid_auth_start(PROXY_DIGEST_SHORT,
                                                                                NULL))) == LEAT_OK);
    for (int i = 0; i < 8; ++i) {
        run.opened_count = run.closed_count = 0;
        client_run_open(&run, url);
        client_run_close(&run);
    }
    unsigned requests = count_of(&run, "SEND_REQUEST > RECV_HEAD");
    cr_expect(requests > 9 && requests < 16, "%u requests: %s", requests, run.trace);
    client_run_done(&run);
}

/* Each has its own user; the second one asks behind the first. */
Test(proxy_auth, apache_behind_squid)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config, sandbox_format("http://alice:s3cret@127.0.0.1:%u",
                                                               squid_digest())) == LEAT_OK);
    uint16_t second = apache_digest();
    cr_assert(leat_config_add_proxy(run.config, sandbox_format("http://127.0.0.1:%u", second)) ==
              LEAT_OK);
    (void)client_run_refused(&run, "wss://localhost:443/");
    cr_expect(run.close.error.native_code == 407, "%s", run.close.error.text);
    cr_expect_str_eq(run.close.error.hop, sandbox_format("127.0.0.1:%u", second));
    cr_assert(leat_config_set_proxy_credentials(run.config, "alice", "s3cret") == LEAT_OK);
    run.closed_count = 0;
    client_run_open(&run, echo_url());
    client_run_close(&run);
    client_run_done(&run);
}
