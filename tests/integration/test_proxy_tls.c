/* SPDX-License-Identifier: Apache-2.0 */
/* TLS to a proxy and TLS to the server have settings of their own: what is set for one never
 * touches the other. Proxies and server are libleat-testing's. */
#include "integration/common.h"

#include <leat/tcp_socket.h>

INTEGRATION_SUITE(proxy_tls);

enum outcome {
    OPENS,
    PROXY_IS_REFUSED,  /* and has seen no request, so no password */
    SERVER_IS_REFUSED, /* through the proxy, which is fine */
};

static leat_testing_server *server_start(const struct leat_testing_options *options)
{
    leat_testing_server *server;
    struct leat_testing_problem problem = {.text = ""};
    cr_assert(leat_testing_server_new(options, &server, &problem) == LEAT_OK, "%s", problem.text);
    return server;
}

static struct leat_testing_tls tls_of(const char *cert)
{
    const char *key = strcmp(cert, "rsa.pem") == 0 ? "rsa.key" : "server.key";
    return (struct leat_testing_tls){
        .cert_path = certificate_path(cert), .key_path = certificate_path(key), .may_fail = true};
}

static leat_testing_server *origin_start(const struct leat_testing_tls *tls)
{
    return server_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .tls = tls));
}

static leat_testing_server *proxy_start(const struct leat_testing_tls *tls)
{
    return server_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .tls = tls,
                                             .user = "alice", .password = "secret"));
}

static const char *proxy_url(const leat_testing_server *proxy)
{
    return sandbox_format("https://alice:secret@localhost:%u",
                          (unsigned)leat_testing_server_get_port(proxy));
}

static void config_replace(struct client_run *run)
{
    leat_config_free(run->config);
    cr_assert(leat_config_new(&run->config) == LEAT_OK);
}

static bool has_asked(leat_testing_server *proxy)
{
    return leat_testing_server_wait_step(proxy, "head", 1, 0);
}

/* One connection through the proxies that are set. */
static void outcome_expect(struct client_run *run, const char *name, leat_testing_server *origin,
                           leat_testing_server *proxy, enum outcome outcome, int code)
{
    const leat_testing_server *refused = outcome == PROXY_IS_REFUSED ? proxy : origin;
    const char *url = leat_testing_server_get_url(origin);
    run->opened_count = run->closed_count = 0;
    if (outcome == OPENS) {
        client_run_open(run, url);
        client_run_echo(run, name);
        client_run_close(run);
        return;
    }
    int got = client_run_refused(run, url);
    cr_expect(got == code, "%s: %d %s", name, got, run->close.error.text);
    const char *hop = sandbox_format(":%u", (unsigned)leat_testing_server_get_port(refused));
    cr_expect(strstr(run->close.error.hop, hop), "%s: %s, not %s", name, run->close.error.hop, hop);
    cr_expect(has_asked(proxy) == (outcome == SERVER_IS_REFUSED), "%s", name);
}

#define SET(call) cr_assert((call) == LEAT_OK)

static void nothing(leat_config *c)
{
    (void)c;
}

static void server_ca(leat_config *c)
{
    SET(leat_config_set_ca_path(c, certificate_path("ca.pem")));
}

static void server_skip(leat_config *c)
{
    SET(leat_config_set_skip_server_cert_verification(c, true));
}

static void proxy_ca(leat_config *c)
{
    SET(leat_config_set_proxy_tls_ca_path(c, certificate_path("ca.pem")));
}

static void proxy_skip(leat_config *c)
{
    SET(leat_config_set_proxy_tls_skip_verification(c, true));
}

Test(proxy_tls, trust)
{
    static const struct {
        const char *name, *origin, *proxy;
        void (*set[2])(leat_config *c);
        enum outcome outcome;
    } rows[] = {
        {"each CA for its side", "server.pem", "server.pem", {server_ca, proxy_ca}, OPENS},
        {"-k does not reach the proxy",
         "unknown-ca.pem",
         "unknown-ca.pem",
         {server_skip, nothing},
         PROXY_IS_REFUSED},
        {"nor a good one's certificate",
         "server.pem",
         "server.pem",
         {server_skip, nothing},
         PROXY_IS_REFUSED},
        {"nor does the server's CA",
         "server.pem",
         "server.pem",
         {server_ca, nothing},
         PROXY_IS_REFUSED},
        {"the proxy's CA is its own",
         "server.pem",
         "server.pem",
         {proxy_ca, nothing},
         SERVER_IS_REFUSED},
        {"and so is skipping",
         "server.pem",
         "unknown-ca.pem",
         {proxy_skip, nothing},
         SERVER_IS_REFUSED},
        {"skipping with a CA", "server.pem", "unknown-ca.pem", {proxy_skip, server_ca}, OPENS},
        {"the other way round", "unknown-ca.pem", "server.pem", {server_skip, proxy_ca}, OPENS},
        {"wrong name of the proxy",
         "server.pem",
         "wrong-host.pem",
         {server_skip, proxy_ca},
         PROXY_IS_REFUSED},
        {"wrong name of the server",
         "wrong-host.pem",
         "server.pem",
         {proxy_skip, server_ca},
         SERVER_IS_REFUSED},
        {"both skipped", "expired.pem", "expired.pem", {proxy_skip, server_skip}, OPENS},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const struct leat_testing_tls origin_tls = tls_of(rows[i].origin);
        const struct leat_testing_tls proxy_tls = tls_of(rows[i].proxy);
        leat_testing_server *origin = origin_start(&origin_tls);
        leat_testing_server *proxy = proxy_start(&proxy_tls);
        struct client_run run;
        client_run_init(&run);
        config_replace(&run);
        rows[i].set[0](run.config);
        rows[i].set[1](run.config);
        SET(leat_config_set_proxy(run.config, proxy_url(proxy)));
        outcome_expect(&run, rows[i].name, origin, proxy, rows[i].outcome, LEAT_E_TLS_VERIFY);
        client_run_done(&run);
        leat_testing_server_free(proxy);
        leat_testing_server_free(origin);
    }
}

/* Each hop of a chain is judged by the proxies' settings, the server by its own. */
Test(proxy_tls, chain_of_proxies)
{
    const struct leat_testing_tls good = tls_of("server.pem"), bad = tls_of("unknown-ca.pem");
    leat_testing_server *origin = origin_start(&bad);
    for (int i = 0; i < 3; ++i) {
        leat_testing_server *first = proxy_start(i == 1 ? &bad : &good);
        leat_testing_server *second = proxy_start(i == 2 ? &bad : &good);
        struct client_run run;
        client_run_init(&run);
        config_replace(&run);
        server_skip(run.config);
        proxy_ca(run.config);
        SET(leat_config_set_proxy(run.config, proxy_url(first)));
        SET(leat_config_add_proxy(run.config, proxy_url(second)));
        outcome_expect(&run, "chain", origin, i == 1 ? first : second,
                       i == 0 ? OPENS : PROXY_IS_REFUSED, LEAT_E_TLS_VERIFY);
        cr_expect(has_asked(first) == (i != 1));
        client_run_done(&run);
        leat_testing_server_free(first);
        leat_testing_server_free(second);
    }
    leat_testing_server_free(origin);
}

/* ---- our certificate ------------------------------------------------------------------------- */

static void server_cert(leat_config *c)
{
    SET(leat_config_set_client_cert(c, certificate_path("client.pem"),
                                    certificate_path("client.key"), NULL));
}

static void proxy_cert(leat_config *c)
{
    SET(leat_config_set_proxy_tls_client_cert(c, certificate_path("client-encrypted.pem"),
                                              certificate_path("client-encrypted.key"),
                                              CERTIFICATE_KEY_PASSWORD));
}

/* With TLS 1.2, in which the refusal is part of the handshake. */
Test(proxy_tls, certificate_of_ours)
{
    static const struct {
        const char *name;
        bool origin_asks, proxy_asks;
        void (*set[2])(leat_config *c);
        enum outcome outcome;
    } rows[] = {
        {"each its own", true, true, {server_cert, proxy_cert}, OPENS},
        {"the server's is no proxy's", false, true, {server_cert, nothing}, PROXY_IS_REFUSED},
        {"the proxy's is no server's", true, false, {proxy_cert, nothing}, SERVER_IS_REFUSED},
        {"only the proxy asks", false, true, {proxy_cert, nothing}, OPENS},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        struct leat_testing_tls origin_tls = tls_of("server.pem"), tls = tls_of("server.pem");
        origin_tls.client_ca_path = rows[i].origin_asks ? certificate_path("ca.pem") : NULL;
        tls.client_ca_path = rows[i].proxy_asks ? certificate_path("ca.pem") : NULL;
        origin_tls.max_version = tls.max_version = LEAT_TLS_V12;
        leat_testing_server *origin = origin_start(&origin_tls);
        leat_testing_server *proxy = proxy_start(&tls);
        struct client_run run;
        client_run_init(&run);
        rows[i].set[0](run.config);
        rows[i].set[1](run.config);
        SET(leat_config_set_proxy(run.config, proxy_url(proxy)));
        outcome_expect(&run, rows[i].name, origin, proxy, rows[i].outcome, LEAT_E_TLS_ENGINE);
        client_run_done(&run);
        leat_testing_server_free(proxy);
        leat_testing_server_free(origin);
    }
}

Test(proxy_tls, files_that_are_not_good)
{
    const struct leat_testing_tls tls = tls_of("server.pem");
    leat_testing_server *proxy = proxy_start(&tls);
    struct client_run run;
    client_run_init(&run);
    SET(leat_config_set_proxy(run.config, proxy_url(proxy)));
    cr_expect(leat_config_set_proxy_tls_ca_path(run.config, "") == LEAT_E_PARAMETER);
    cr_expect(leat_config_set_proxy_tls_client_cert(run.config, "/a.pem", NULL, NULL) ==
              LEAT_E_PARAMETER);
    cr_expect(leat_config_set_proxy_tls_cipher_suite(run.config, "ROT13") == LEAT_E_PARAMETER);
    cr_expect(leat_config_set_proxy_tls_protocols(run.config, LEAT_TLS_V13, LEAT_TLS_V12) ==
              LEAT_E_PARAMETER);
    leat_config_clear_error(run.config); /* they would count until they succeed */
    SET(leat_config_set_proxy_tls_client_cert(run.config, certificate_path("client-encrypted.pem"),
                                              certificate_path("client-encrypted.key"), "wrong"));
    cr_expect(client_run_connect(&run, "ws://server.test/") == LEAT_E_TLS_ENGINE);
    SET(leat_config_set_proxy_tls_client_cert(run.config, NULL, NULL, NULL));
    SET(leat_config_set_proxy_tls_ca_path(run.config, "/nowhere/ca.pem"));
    cr_expect(client_run_connect(&run, "ws://server.test/") == LEAT_E_WS_CERT_FILE);
    client_run_done(&run);
    leat_testing_server_free(proxy);
}

/* ---- versions and suites
 * -------------------------------------------------------------------------
 */

static void server_13(leat_config *c)
{
    SET(leat_config_set_tls_protocols(c, LEAT_TLS_V13, LEAT_TLS_V13));
}

static void proxy_13(leat_config *c)
{
    SET(leat_config_set_proxy_tls_protocols(c, LEAT_TLS_V13, LEAT_TLS_V13));
}

static void server_rsa(leat_config *c)
{
    SET(leat_config_set_cipher_suite(c, "AES128-GCM-SHA256"));
}

static void proxy_rsa(leat_config *c)
{
    SET(leat_config_set_proxy_tls_cipher_suite(c, "AES128-GCM-SHA256"));
}

Test(proxy_tls, versions_and_suites)
{
    static const struct {
        const char *name;
        bool origin_is_old, proxy_is_old; /* TLS 1.2 with a key exchange by RSA only */
        void (*set[2])(leat_config *c);
        enum outcome outcome;
    } rows[] = {
        {"neither", true, false, {nothing, nothing}, SERVER_IS_REFUSED},
        {"the server's suite", true, false, {server_rsa, nothing}, OPENS},
        {"is not the proxy's", false, true, {server_rsa, nothing}, PROXY_IS_REFUSED},
        {"the proxy's suite", false, true, {proxy_rsa, nothing}, OPENS},
        {"is not the server's", true, true, {proxy_rsa, nothing}, SERVER_IS_REFUSED},
        {"both", true, true, {proxy_rsa, server_rsa}, OPENS},
        {"the server's version", false, true, {server_13, proxy_rsa}, OPENS},
        {"the proxy's version", true, false, {proxy_13, server_rsa}, OPENS},
        {"a version that it lacks", false, true, {proxy_13, nothing}, PROXY_IS_REFUSED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        struct leat_testing_tls old = tls_of("rsa.pem");
        const struct leat_testing_tls good = tls_of("server.pem");
        old.max_version = LEAT_TLS_V12;
        old.cipher_list = "AES128-GCM-SHA256";
        leat_testing_server *origin = origin_start(rows[i].origin_is_old ? &old : &good);
        leat_testing_server *proxy = proxy_start(rows[i].proxy_is_old ? &old : &good);
        struct client_run run;
        client_run_init(&run);
        rows[i].set[0](run.config);
        rows[i].set[1](run.config);
        SET(leat_config_set_proxy(run.config, proxy_url(proxy)));
        outcome_expect(&run, rows[i].name, origin, proxy, rows[i].outcome, LEAT_E_TLS_ENGINE);
        client_run_done(&run);
        leat_testing_server_free(proxy);
        leat_testing_server_free(origin);
    }
}

/* ---- sessions
 * ------------------------------------------------------------------------------------
 */

static void again(struct client_run *run, const char *url, bool resumes)
{
    size_t before = run->trace_len;
    run->opened_count = run->closed_count = 0;
    client_run_open(run, url);
    client_run_echo(run, "a ticket comes");
    client_run_close(run);
    cr_expect((strstr(run->trace + before, "resumed") != NULL) == resumes, "%s",
              run->trace + before);
}

/* A session that was made while nothing was verified is none for whoever verifies. */
Test(proxy_tls, sessions_stay_with_their_settings)
{
    const struct server_options bad = {.cert = "unknown-ca.pem"};
    const char *url =
        sandbox_format("wss://localhost:%u/echo", (unsigned)python_server_start(&bad));
    struct client_run run;
    leat_config *copy;
    client_run_init(&run);
    server_skip(run.config);
    again(&run, url, false);
    again(&run, url, true);
    SET(leat_config_copy(run.config, &copy));
    SET(leat_config_set_skip_server_cert_verification(run.config, false));
    run.opened_count = run.closed_count = 0;
    cr_expect(client_run_refused(&run, url) == LEAT_E_TLS_VERIFY);
    server_skip(run.config);
    again(&run, url, false);
    SET(leat_config_set_cipher_suite(run.config, "ECDHE-ECDSA-AES128-GCM-SHA256"));
    again(&run, url, false);
    server_cert(run.config);
    again(&run, url, false);
    again(&run, url, true);

    leat_config_free(run.config);
    run.config = copy;
    again(&run, url, true);
    client_run_done(&run);
}

/* ---- sockets --------------------------------------------------------------------------------- */

static struct {
    bool is_over;
    bool is_connected;
    struct leat_error error;
} seen;

static void tcp_connected(leat_tcp_socket *tcp, void *user)
{
    (void)tcp;
    (void)user;
    seen.is_over = seen.is_connected = true;
}

static void tcp_error(leat_tcp_socket *tcp, const struct leat_error *error, void *user)
{
    (void)tcp;
    (void)user;
    seen.is_over = true;
    seen.error = *error;
}

Test(proxy_tls, sockets)
{
    static const struct leat_tcp_socket_callbacks callbacks = {
        .size = sizeof(callbacks), .connected = tcp_connected, .error = tcp_error};
    static const struct {
        void (*set)(leat_config *c);
        bool opens;
    } rows[] = {
        {server_ca, false},
        {server_skip, false},
        {proxy_ca, true},
        {proxy_skip, true},
    };
    const struct leat_testing_tls tls = tls_of("server.pem");
    leat_testing_server *to = origin_start(NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        leat_testing_server *proxy = proxy_start(&tls);
        leat_loop *loop;
        leat_config *config;
        leat_tcp_socket *tcp;
        memset(&seen, 0, sizeof(seen));
        SET(leat_loop_new(&loop));
        SET(leat_config_new(&config));
        rows[i].set(config);
        SET(leat_config_set_proxy(config, proxy_url(proxy)));
        SET(leat_tcp_socket_new(loop, &callbacks, NULL, &tcp));
        SET(leat_tcp_socket_connect(tcp, "127.0.0.1", leat_testing_server_get_port(to), config));
        while (!seen.is_over)
            SET(leat_loop_dispatch(loop, CLIENT_RUN_TIMEOUT_MS));
        cr_expect(seen.is_connected == rows[i].opens, "%zu: %s", i, seen.error.text);
        cr_expect(rows[i].opens || seen.error.code == LEAT_E_TLS_VERIFY, "%d", seen.error.code);
        cr_expect(has_asked(proxy) == rows[i].opens);
        leat_tcp_socket_free(tcp);
        leat_config_free(config);
        leat_loop_free(loop);
        leat_testing_server_free(proxy);
    }
    leat_testing_server_free(to);
}
