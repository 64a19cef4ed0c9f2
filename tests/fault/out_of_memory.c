/* SPDX-License-Identifier: Apache-2.0 */
/* A whole connection (loop, client, connect, one echo, close) while its n-th allocation fails, for
 * all n, alone and together with all that follow: it ends with 2300002 or as if nothing had
 * happened, and nothing is lost. */
#include "fault/fault.h"
#include "support/certificates.h"
#include "support/mbedtls_leaks.h"
#include "support/patience.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#define DISPATCH_TIMEOUT_MS PATIENCE_MS(5000)
#define ALLOCATIONS_MAX     20000
/* TLS makes some 10,000 allocations; beyond the first ones only some of them fail, a prime apart.
 */
#define ALLOCATIONS_IN_FULL 300
#define ALLOCATION_STRIDE   23

TestSuite(out_of_memory, .timeout = 240, .fini = sandbox_done);

/* What one attempt has come to. */
struct attempt {
    leat_websocket *ws;
    int code; /* the first that was not LEAT_OK */
    bool echoed;
    bool ended;
    char text[LEAT_ERROR_TEXT_SIZE];
};

static void attempt_fail(struct attempt *attempt, int code)
{
    if (code != LEAT_OK) {
        attempt->code = attempt->code ? attempt->code : code;
        attempt->ended = true;
    }
}

static void attempt_opened(leat_websocket *ws, void *user)
{
    attempt_fail(user, leat_websocket_send(ws, LEAT_MESSAGE_TEXT, "hello", 5));
}

static void attempt_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                            size_t len, void *user)
{
    struct attempt *attempt = user;
    attempt->echoed = type == LEAT_MESSAGE_TEXT && len == 5 && data[0] == 'h';
    attempt_fail(attempt, leat_websocket_close(ws, 1000, NULL));
}

static void attempt_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct attempt *attempt = user;
    (void)ws;
    snprintf(attempt->text, sizeof(attempt->text), "%s", event->error.text);
    attempt_fail(attempt, event->error.code);
    attempt->ended = true;
}

static void attempt_run(struct attempt *attempt, leat_loop *loop, const char *url,
                        const leat_config *config)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks),
        .opened = attempt_opened,
        .message = attempt_message,
        .closed = attempt_closed,
    };
    attempt_fail(attempt, leat_websocket_new(loop, &callbacks, attempt, &attempt->ws));
    if (!attempt->ended)
        attempt_fail(attempt, leat_websocket_connect(attempt->ws, url, config));
    while (!attempt->ended)
        attempt_fail(attempt, leat_loop_dispatch(loop, DISPATCH_TIMEOUT_MS));
}

/* Returns whether the fault was met at all. `lost_answer` is the code of a DNS answer that c-ares
 * has dropped for lack of memory and waits for in vain; 0 = nothing is resolved. */
static bool attempt_with(const struct shim_fault *fault, const char *url, const leat_config *config,
                         int lost_answer)
{
    struct attempt attempt = {.code = LEAT_OK};
    leat_loop *loop = NULL;
    shim_arm(fault);
    attempt_fail(&attempt, leat_loop_new(&loop));
    if (!attempt.ended)
        attempt_run(&attempt, loop, url, config);
    bool met = shim_hits() > 0;
    leat_websocket_free(attempt.ws);
    leat_loop_free(loop);
    shim_arm(NULL);
    cr_expect(attempt.code == LEAT_E_SYSTEM_INTERNAL || attempt.code == lost_answer ||
                  (attempt.code == LEAT_OK && attempt.echoed),
              "%s, allocation %u%s: %d %s", url, fault->skip, fault->once ? " alone" : "",
              attempt.code, attempt.text);
    cr_expect(met || attempt.code == LEAT_OK);
    return met;
}

static void every_allocation_fails(const char *url, const leat_config *config, int lost_answer)
{
    for (int once = 0; once < 2; ++once) {
        struct shim_fault fault = {.call = SHIM_ALLOCATION, .once = once};
        while (attempt_with(&fault, url, config, lost_answer)) {
            fault.skip += fault.skip < ALLOCATIONS_IN_FULL ? 1 : ALLOCATION_STRIDE;
            cr_assert(fault.skip < ALLOCATIONS_MAX, "there is no end of it");
        }
        cr_expect(fault.skip > 10, "only %u allocations", fault.skip);
    }
}

Test(out_of_memory, plain)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    leat_config *config = client_config_new();
    every_allocation_fails(sandbox_format("ws://127.0.0.1:%u/", leat_testing_server_get_port(peer)),
                           config, 0);
    leat_config_free(config);
    leat_testing_server_free(peer);
}

Test(out_of_memory, through_a_proxy_with_names)
{
    static const struct dns_record records[] = {{.name = "proxy.test", .v4 = {"127.0.0.1"}},
                                                {NULL}};
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x02")},
        {LEAT_SCRIPT_READ_SOCKS5_AUTH},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01\x00")},
        {LEAT_SCRIPT_READ_SOCKS5_REQUEST},
        {LEAT_SCRIPT_SEND_SOCKS5_REPLY},
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_CLOSE},
    };
    struct dns_server *dns = dns_server_start(records);
    leat_testing_server *peer = script_server_start(script);
    leat_config *config = client_config_new();
    const char *proxy =
        sandbox_format("socks5h://alice:secret@proxy.test:%u", leat_testing_server_get_port(peer));
    cr_assert(leat_config_set_proxy(config, proxy) == LEAT_OK);
    cr_assert(leat_config_set_dns_servers(config, dns_server_address(dns)) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(config, LEAT_PHASE_DNS, 200) == LEAT_OK);
    every_allocation_fails("ws://echo.test/", config, LEAT_E_SOCKS5_CONNECT_PROXY);
    leat_config_free(config);
    leat_testing_server_free(peer);
    dns_server_free(dns);
}

/* Behind Tor, with credentials that are made for it, and a header of the PROXY protocol that names
 * nobody. */
Test(out_of_memory, through_tor_with_a_proxy_header)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x02")},
        {LEAT_SCRIPT_READ_SOCKS5_AUTH},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01\x00")},
        {LEAT_SCRIPT_READ_SOCKS5_REQUEST},
        {LEAT_SCRIPT_SEND_SOCKS5_REPLY},
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0")},
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *peer = script_server_start(script);
    leat_config *config = client_config_new();
    const char *proxy =
        sandbox_format("socks5h://127.0.0.1:%u", leat_testing_server_get_port(peer));
    cr_assert(leat_config_set_proxy(config, proxy) == LEAT_OK);
    cr_assert(leat_config_set_tor_isolation(config, true) == LEAT_OK);
    cr_assert(leat_config_set_sent_proxy_protocol(config, LEAT_PROXY_PROTOCOL_2, NULL) == LEAT_OK);
    every_allocation_fails("ws://nowhere.onion/", config, 0);
    leat_config_free(config);
    leat_testing_server_free(peer);
}

/* Straight to the server: the header has addresses. */
Test(out_of_memory, with_a_proxy_header)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("PROXY TCP6 2001:db8::1 ::ffff:127.0.0.1 ")},
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    leat_config *config = client_config_new();
    cr_assert(leat_config_set_sent_proxy_protocol(config, LEAT_PROXY_PROTOCOL_1, "2001:db8::1") ==
              LEAT_OK);
    every_allocation_fails(sandbox_format("ws://127.0.0.1:%u/", leat_testing_server_get_port(peer)),
                           config, 0);
    leat_config_free(config);
    leat_testing_server_free(peer);
}

Test(out_of_memory, through_socks4a)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("\x04\x01\x00\x50\x00\x00\x00\x01"
                                               "me\0echo.test\0")},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x00\x5a\0\0\0\0\0\0")},
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *peer = script_server_start(script);
    leat_config *config = client_config_new();
    cr_assert(leat_config_set_proxy(config, sandbox_format("socks4a://me@127.0.0.1:%u",
                                                           leat_testing_server_get_port(peer))) ==
              LEAT_OK);
    every_allocation_fails("ws://echo.test/", config, 0);
    leat_config_free(config);
    leat_testing_server_free(peer);
}

static void no_token(leat_proxy_challenge *challenge, void *user)
{
    (void)user;
    cr_expect(leat_proxy_challenge_answer(challenge, NULL) == LEAT_OK);
}

static void a_token(leat_proxy_challenge *challenge, void *user)
{
    (void)user;
    int code = leat_proxy_challenge_answer(challenge, "t0ken");
    cr_expect(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
}

/* Each connection is asked again, also when it answers with what is remembered. */
static void through_rounds(leat_proxy_token_fn token_fn, const struct leat_script_row *script)
{
    leat_testing_server *peer = script_server_start(script);
    leat_config *config = client_config_new();
    cr_assert(leat_config_set_proxy(config, sandbox_format("http://alice:secret@127.0.0.1:%u",
                                                           leat_testing_server_get_port(peer))) ==
              LEAT_OK);
    cr_assert(leat_config_set_proxy_token_callback(config, token_fn, NULL) == LEAT_OK);
    every_allocation_fails("ws://echo.test/", config, 0);
    leat_config_free(config);
    leat_testing_server_free(peer);
}

Test(out_of_memory, through_rounds_of_digest)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES("HTTP/1.1 407 Who\r\nProxy-Authenticate: Bearer realm=\"r\", Digest "
                           "realm=\"r\", nonce=\"n\", opaque=\"o\", qop=\"auth\", stale=true, "
                           "algorithm=SHA-256-sess, userhash=true\r\nContent-Length: 4\r\n\r\n"
                           "who?")},
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES("HTTP/1.1 200 OK\r\nProxy-Authentication-Info: nextnonce=m\r\n\r\n")},
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_CLOSE},
    };
    through_rounds(no_token, script);
}

Test(out_of_memory, through_rounds_with_a_token)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES("HTTP/1.1 407 Who\r\nProxy-Authenticate: Bearer realm=\"r\"\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")},
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 200 OK\r\n\r\n")},
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SERVE_ECHO},
        {LEAT_SCRIPT_CLOSE},
    };
    through_rounds(a_token, script);
}

Test(out_of_memory, to_the_next_address)
{
    static const struct dns_record records[] = {
        {.name = "echo.test", .v4 = {"127.0.0.2", "127.0.0.1"}}, {NULL}};
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    struct dns_server *dns = dns_server_start(records);
    leat_testing_server *peer = script_server_start(script);
    leat_testing_server *proxy = NULL;
    leat_config *config = client_config_new();
    cr_assert(leat_testing_server_new(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5), &proxy,
                                      NULL) == LEAT_OK);
    cr_assert(leat_config_set_proxy(config, sandbox_format("socks5://127.0.0.1:%u",
                                                           leat_testing_server_get_port(proxy))) ==
              LEAT_OK);
    cr_assert(leat_config_set_dns_servers(config, dns_server_address(dns)) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(config, LEAT_PHASE_DNS, 200) == LEAT_OK);
    every_allocation_fails(sandbox_format("ws://echo.test:%u/", leat_testing_server_get_port(peer)),
                           config, LEAT_E_SOCKET_BASE + ETIMEDOUT);
    leat_config_free(config);
    leat_testing_server_free(proxy);
    leat_testing_server_free(peer);
    dns_server_free(dns);
}

Test(out_of_memory, over_tls)
{
    struct leat_testing_tls accept = {.cert_path = certificate_path("server.pem"),
                                      .key_path = certificate_path("server.key"),
                                      .may_fail = true};
    const struct leat_script_row script[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &accept},
                                             LEAT_SCRIPT_UPGRADE,
                                             {LEAT_SCRIPT_SERVE_ECHO},
                                             {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    leat_config *config = client_config_new();
    every_allocation_fails(
        sandbox_format("wss://127.0.0.1:%u/", leat_testing_server_get_port(peer)), config, 0);
    leat_config_free(config);
    leat_testing_server_free(peer);
}
