/* SPDX-License-Identifier: Apache-2.0 */
/* Authentication to HTTP proxies over several connections: what is remembered, several hops, tokens of
 * the program, many connections on one loop, sockets. */
#include "integration/proxy_auth.h"

INTEGRATION_SUITE(proxy_auth_state);

/* clang-format off */
SCRIPT any_opens[] = {ASKED, OPENS};
SCRIPT any_forbids[] = {ASKED, SEND("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"), CLOSE};
SCRIPT basic_kept[] = {BARE, WANTS(ASKS_BASIC), BASIC, OPENS};
SCRIPT digest_kept[] = {BARE, WANTS(ASKS_BASIC ASKS_DIGEST), ASKED, OPENS};
SCRIPT bearer_kept[] = {BARE, WANTS(ASKS_BEARER ASKS_BASIC), BEARER, OPENS};
SCRIPT bearer_closing[] = {BARE, WANTS("Connection: close\r\n" ASKS_BEARER), CLOSE};
SCRIPT bearer_opens[] = {BEARER, OPENS};
SCRIPT bearer_or_basic[] = {BARE, WANTS(ASKS_BEARER ASKS_BASIC), BASIC, OPENS};
SCRIPT bearer_again[] = {BARE, WANTS(ASKS_BEARER), BEARER, WANTS("Proxy-Authenticate: Bearer error=\"invalid_token\"\r\n"),
    BEARER, WANTS(ASKS_BEARER), BEARER, WANTS(ASKS_BEARER), DRAINED};
SCRIPT wants_bearer[] = {BARE, WANTS(ASKS_BEARER), DRAINED};
SCRIPT says_close[] = {BARE, WANTS("Connection: close\r\n" ASKS_BASIC), CLOSE};
/* clang-format on */

/* ---- what is remembered ------------------------------------------------------------------------- */

/* What was seen of an earlier connection is over. */
static void begin_again(struct client_run *run)
{
    run->opened_count = run->closed_count = 0;
}

/* Connects with `run` once more; the proxy answers with `status`. */
static void refused_again(struct client_run *run, int status)
{
    begin_again(run);
    (void)client_run_refused(run, "ws://one.test/");
    cr_expect(run->close.error.native_code == status, "%s", run->close.error.text);
}

static void opened_once(struct client_run *run)
{
    begin_again(run);
    client_run_open(run, "ws://one.test/");
    client_run_close(run);
}

static const char *last_head(leat_testing_server *proxy)
{
    static struct leat_testing_seen seen;
    leat_testing_server_get_seen(proxy, &seen);
    return seen.http_head;
}

Test(proxy_auth_state, the_next_connection_answers_at_once)
{
    const struct leat_script_row *const scripts[3] = {digest_kept, any_forbids};
    leat_testing_server *proxy = proxy_start(scripts);
    struct client_run run;
    run_init(&run, proxy_url(proxy, "alice:s3cret@"));
    opened_once(&run);
    refused_again(&run, 403);
    const char *head = last_head(proxy);
    cr_expect(strstr(head, "nonce=\"n1\"") && strstr(head, ", nc=00000002,"), "%s", head);
    refused_again(&run, 403);
    cr_expect(strstr(last_head(proxy), ", nc=00000003,"), "%s", last_head(proxy));
    /* a copy of the configuration knows it, too; one that allows no Digest says nothing */
    leat_config *copy;
    cr_assert(leat_config_copy(run.config, &copy) == LEAT_OK);
    leat_config_free(run.config);
    run.config = copy;
    cr_assert(leat_config_set_max_message_bytes(run.config, 1000) == LEAT_OK);
    refused_again(&run, 403);
    cr_expect(strstr(last_head(proxy), ", nc=00000004,"), "%s", last_head(proxy));
    cr_assert(leat_config_set_proxy_auth_schemes(run.config, LEAT_PROXY_AUTH_BASIC) == LEAT_OK);
    refused_again(&run, 403);
    cr_expect(!strstr(last_head(proxy), "Authorization"), "%s", last_head(proxy));
    client_run_done(&run);
    leat_testing_server_free(proxy);
}

Test(proxy_auth_state, nobody_else_gets_what_is_remembered)
{
    const struct leat_script_row *const scripts[3] = {basic_kept, any_forbids};
    const struct leat_script_row *const others[3] = {any_forbids};
    leat_testing_server *proxy = proxy_start(scripts);
    leat_testing_server *other = proxy_start(others);
    struct client_run run;
    run_init(&run, proxy_url(proxy, "alice:s3cret@"));
    opened_once(&run);
    refused_again(&run, 403);
    cr_expect(strstr(last_head(proxy), BASIC_FIELD), "%s", last_head(proxy));
    /* another user, another proxy */
    cr_assert(leat_config_set_proxy(run.config, proxy_url(proxy, "bob:s3cret@")) == LEAT_OK);
    refused_again(&run, 403);
    cr_expect(!strstr(last_head(proxy), "Authorization"), "%s", last_head(proxy));
    cr_assert(leat_config_set_proxy(run.config, proxy_url(other, "alice:s3cret@")) == LEAT_OK);
    refused_again(&run, 403);
    cr_expect(!strstr(last_head(other), "Authorization"), "%s", last_head(other));
    client_run_done(&run);
    leat_testing_server_free(proxy);
    leat_testing_server_free(other);
}

Test(proxy_auth_state, what_is_remembered_may_be_stale)
{
    static const struct leat_script_row stale[] = {ASKED, WANTS(STALE("n2")), ASKED, OPENS};
    static const struct leat_script_row other[] = {ASKED, WANTS(ASKS_DIGEST), ASKED, OPENS};
    const struct leat_script_row *const scripts[3] = {digest_kept, stale, other};
    leat_testing_server *proxy = proxy_start(scripts);
    struct client_run run;
    run_init(&run, proxy_url(proxy, "alice:s3cret@"));
    for (int i = 0; i < 3; ++i)
        opened_once(&run);
    client_run_done(&run);
    peer_content_expect(proxy);
    leat_testing_server_free(proxy);
}

Test(proxy_auth_state, the_proxy_names_the_next_nonce)
{
    static const struct leat_script_row names[] = {
        BARE,
        WANTS(ASKS_DIGEST),
        ASKED,
        SEND("HTTP/1.1 200 OK\r\nProxy-Authentication-Info: nextnonce=\"n9\", qop=auth\r\n\r\n"),
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SERVE_ECHO},
        CLOSE};
    const struct leat_script_row *const scripts[3] = {names, any_forbids};
    leat_testing_server *proxy = proxy_start(scripts);
    struct client_run run;
    run_init(&run, proxy_url(proxy, "alice:s3cret@"));
    opened_once(&run);
    refused_again(&run, 403);
    const char *head = last_head(proxy);
    cr_expect(strstr(head, "nonce=\"n9\"") && strstr(head, ", nc=00000001,"), "%s", head);
    client_run_done(&run);
    leat_testing_server_free(proxy);
}

/* ---- hops ----------------------------------------------------------------------------------------- */

static leat_testing_server *relay_start(const char *user)
{
    const struct leat_testing_options options = {.size = sizeof(options),
                                                 .kind = LEAT_TESTING_CONNECT,
                                                 .user = user,
                                                 .password = user ? "s3cret" : NULL};
    leat_testing_server *relay = NULL;
    cr_assert(leat_testing_server_new(&options, &relay, NULL) == LEAT_OK);
    return relay;
}

Test(proxy_auth_state, a_407_behind_a_proxy_that_has_let_us_in)
{
    static const struct leat_script_row later[] = {ASKED, WANTS(ASKS_BASIC), DRAINED};
    const struct leat_script_row *const scripts[3] = {later};
    leat_testing_server *first = relay_start("alice");
    leat_testing_server *second = proxy_start(scripts);
    struct client_run run;
    run_init(&run, proxy_url(first, "alice:s3cret@"));
    run.name = "the second hop";
    cr_assert(leat_config_add_proxy(run.config, proxy_url(second, "")) == LEAT_OK);
    (void)client_run_refused(&run, "ws://one.test/");
    refusal_expect(&run, 407, "no credentials are configured");
    cr_expect_str_eq(run.close.error.hop,
                     sandbox_format("127.0.0.1:%u", leat_testing_server_get_port(second)));
    cr_expect(!strstr(last_head(second), "Authorization"), "%s", last_head(second));
    client_run_done(&run);
    leat_testing_server_free(first);
    leat_testing_server_free(second);
}

/* The second one closes behind its 407: the first one is dialled, and asked, again. */
Test(proxy_auth_state, the_whole_chain_begins_again)
{
    static const struct leat_script_row closing[] = {
        ASKED, WANTS("Connection: close\r\n" ASKS_DIGEST), CLOSE};
    const struct leat_script_row *const scripts[3] = {closing, any_opens};
    leat_testing_server *first = relay_start("alice");
    leat_testing_server *second = proxy_start(scripts);
    struct leat_testing_seen seen;
    struct client_run run;
    run_init(&run, proxy_url(first, "alice:s3cret@"));
    cr_assert(leat_config_add_proxy(run.config, proxy_url(second, "bob:other@")) == LEAT_OK);
    opened_once(&run);
    client_run_done(&run);
    leat_testing_server_get_seen(first, &seen);
    cr_expect(seen.connections == 2, "%u", seen.connections);
    cr_expect_str_eq(seen.user, "alice");
    leat_testing_server_get_seen(second, &seen);
    cr_expect(seen.connections == 2, "%u", seen.connections);
    leat_testing_server_free(first);
    leat_testing_server_free(second);
}

/* ---- tokens ------------------------------------------------------------------------------------------ */

struct tokens {
    struct client_run run;
    leat_testing_server *proxy;
    leat_proxy_challenge *challenge;
    unsigned asked;
    const char *token; /* given at once */
    bool gives_later, frees, closes;
};

static void on_token(leat_proxy_challenge *challenge, void *user)
{
    struct tokens *t = user;
    const char *error = leat_proxy_challenge_get_parameter(challenge, "error");
    cr_expect_str_eq(leat_proxy_challenge_get_proxy(challenge),
                     sandbox_format("127.0.0.1:%u", leat_testing_server_get_port(t->proxy)));
    cr_expect(leat_proxy_challenge_get_attempt(challenge) == t->asked);
    cr_expect(!error || strcmp(error, "invalid_token") == 0, "%s", error);
    if (t->asked++ == 0)
        cr_expect_str_eq(leat_proxy_challenge_get_parameter(challenge, "SCOPE"), "a b");
    cr_expect_null(leat_proxy_challenge_get_parameter(challenge, "other"));
    t->challenge = challenge;
    if (t->frees) {
        leat_websocket_free(t->run.ws);
        t->run.ws = NULL;
    }
    if (t->closes)
        cr_expect(leat_websocket_close(t->run.ws, 1000, NULL) == LEAT_OK);
    if (t->gives_later)
        return;
    cr_expect(leat_proxy_challenge_answer(challenge, "t0ken\r\nX: y") == LEAT_E_PARAMETER);
    cr_expect(leat_proxy_challenge_answer(challenge, "") == LEAT_E_PARAMETER);
    cr_expect(leat_proxy_challenge_answer(challenge, t->token) == LEAT_OK);
}

static void tokens_init(struct tokens *t, const struct leat_script_row *const scripts[3])
{
    t->proxy = proxy_start(scripts);
    run_init(&t->run, proxy_url(t->proxy, "alice:s3cret@"));
    t->run.name = "token";
    cr_assert(leat_config_set_proxy_token_callback(t->run.config, on_token, t) == LEAT_OK);
}

static void tokens_done(struct tokens *t, unsigned asked)
{
    cr_expect(t->asked == asked, "asked %u times", t->asked);
    client_run_done(&t->run);
    peer_content_expect(t->proxy);
    leat_testing_server_free(t->proxy);
}

static void until_asked(struct tokens *t)
{
    cr_assert(client_run_connect(&t->run, "ws://one.test/") == LEAT_OK);
    while (t->asked == 0)
        cr_assert(leat_loop_dispatch(t->run.loop, -1) == LEAT_OK);
}

Test(proxy_auth_state, a_token_at_once)
{
    struct tokens t = {.token = "t0ken"};
    tokens_init(&t, (const struct leat_script_row *const[3]){bearer_kept});
    opened_once(&t.run);
    tokens_done(&t, 1);
}

Test(proxy_auth_state, a_token_later)
{
    struct tokens t = {.gives_later = true};
    tokens_init(&t, (const struct leat_script_row *const[3]){bearer_closing, bearer_opens});
    until_asked(&t);
    for (int i = 0; i < 3; ++i)
        cr_assert(leat_loop_dispatch(t.run.loop, 10) == LEAT_OK);
    cr_expect(leat_proxy_challenge_answer(t.challenge, "t0ken") == LEAT_OK);
    client_run_until_opened(&t.run);
    client_run_close(&t.run);
    tokens_done(&t, 1);
}

Test(proxy_auth_state, no_token_leaves_basic)
{
    struct tokens t = {.token = NULL};
    tokens_init(&t, (const struct leat_script_row *const[3]){bearer_or_basic});
    opened_once(&t.run);
    tokens_done(&t, 1);
}

Test(proxy_auth_state, a_token_that_is_refused)
{
    struct tokens t = {.token = "t0ken"};
    tokens_init(&t, (const struct leat_script_row *const[3]){bearer_again});
    (void)client_run_refused(&t.run, "ws://one.test/");
    refusal_expect(&t.run, 407, "it refuses the token; credentials were sent (Bearer)");
    tokens_done(&t, 3);
}

Test(proxy_auth_state, the_connection_goes_while_the_program_is_asked)
{
    struct tokens t = {.token = "t0ken", .frees = true};
    tokens_init(&t, (const struct leat_script_row *const[3]){wants_bearer});
    until_asked(&t);
    tokens_done(&t, 1);
}

Test(proxy_auth_state, the_program_closes_while_it_is_asked)
{
    struct tokens t = {.token = "t0ken", .closes = true};
    tokens_init(&t, (const struct leat_script_row *const[3]){wants_bearer});
    until_asked(&t);
    client_run_until_closed(&t.run);
    cr_expect(t.run.opened_count == 0);
    tokens_done(&t, 1);
}

Test(proxy_auth_state, the_connection_goes_before_the_program_answers)
{
    struct tokens t = {.gives_later = true};
    tokens_init(&t, (const struct leat_script_row *const[3]){wants_bearer});
    until_asked(&t);
    leat_websocket_free(t.run.ws);
    t.run.ws = NULL;
    cr_expect_str_eq(leat_proxy_challenge_get_parameter(t.challenge, "realm"), "lab");
    cr_expect(leat_proxy_challenge_answer(t.challenge, "t0ken") == LEAT_OK);
    tokens_done(&t, 1);
}

Test(proxy_auth_state, the_program_does_not_answer_in_time)
{
    struct tokens t = {.gives_later = true};
    tokens_init(&t, (const struct leat_script_row *const[3]){wants_bearer});
    cr_assert(leat_config_set_connect_timeout(t.run.config, 1000) == LEAT_OK);
    (void)client_run_refused(&t.run, "ws://one.test/");
    refusal_expect(&t.run, 407, "the proxy asks for credentials (Bearer), and none were there");
    cr_expect(t.run.close.error.sys_errno == ETIMEDOUT);
    cr_expect(leat_proxy_challenge_answer(t.challenge, "t0ken") == LEAT_OK);
    tokens_done(&t, 1);
}

/* ---- many --------------------------------------------------------------------------------------------- */

enum { MANY = 24 };

struct many {
    leat_websocket *sockets[MANY];
    unsigned opened, closed;
    int codes[MANY];
};

static void on_many_opened(leat_websocket *ws, void *user)
{
    struct many *many = user;
    many->opened++;
    cr_expect(leat_websocket_close(ws, 1000, NULL) == LEAT_OK);
}

static void on_many_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct many *many = user;
    many->closed++;
    for (size_t i = 0; i < MANY; ++i)
        if (many->sockets[i] == ws)
            many->codes[i] = event->error.code == LEAT_OK ? LEAT_OK : event->error.native_code;
}

/* One loop, one configuration for those whose password is right and one for those whose is not; then
 * the same again, with what was remembered. */
Test(proxy_auth_state, many_on_one_loop)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks), .opened = on_many_opened, .closed = on_many_closed};
    leat_testing_server *proxy = relay_start("alice");
    const struct leat_testing_options echo_options = {.size = sizeof(echo_options),
                                                      .kind = LEAT_TESTING_WEBSOCKET};
    leat_testing_server *echo = NULL;
    leat_config *configs[] = {client_config_new(), client_config_new()};
    leat_loop *loop;
    struct many many = {.opened = 0};
    cr_assert(leat_testing_server_new(&echo_options, &echo, NULL) == LEAT_OK);
    cr_assert(leat_loop_new(&loop) == LEAT_OK);
    cr_assert(leat_config_set_proxy(configs[0], proxy_url(proxy, "alice:s3cret@")) == LEAT_OK);
    cr_assert(leat_config_set_proxy(configs[1], proxy_url(proxy, "alice:wrong@")) == LEAT_OK);
    for (unsigned turn = 1; turn <= 3; ++turn) {
        for (size_t i = 0; i < MANY; ++i) {
            if (turn == 1)
                cr_assert(leat_websocket_new(loop, &callbacks, &many, &many.sockets[i]) == LEAT_OK);
            cr_assert(leat_websocket_connect(many.sockets[i],
                                             url_of("ws", leat_testing_server_get_port(echo), "/"),
                                             configs[i % 3 == 0]) == LEAT_OK);
        }
        while (many.closed < turn * MANY)
            cr_assert(leat_loop_dispatch(loop, -1) == LEAT_OK);
        cr_expect(many.opened == turn * (MANY - MANY / 3), "%u", many.opened);
        for (size_t i = 0; i < MANY; ++i)
            cr_expect(many.codes[i] == (i % 3 == 0 ? 407 : LEAT_OK), "%zu: %d", i, many.codes[i]);
    }
    for (size_t i = 0; i < MANY; ++i)
        leat_websocket_free(many.sockets[i]);
    leat_config_free(configs[0]);
    leat_config_free(configs[1]);
    leat_loop_free(loop);
    leat_testing_server_free(proxy);
    leat_testing_server_free(echo);
}

/* ---- sockets ------------------------------------------------------------------------------------------- */

struct tcp_run {
    unsigned connected, failed;
    struct leat_error error;
};

static void on_tcp_connected(leat_tcp_socket *tcp, void *user)
{
    (void)tcp;
    ((struct tcp_run *)user)->connected++;
}

static void on_tcp_error(leat_tcp_socket *tcp, const struct leat_error *error, void *user)
{
    struct tcp_run *run = user;
    (void)tcp;
    run->failed++;
    run->error = *error;
}

/* Its local port is the same on the second connection. */
Test(proxy_auth_state, a_socket_that_is_bound)
{
    static const struct leat_tcp_socket_callbacks callbacks = {
        .size = sizeof(callbacks), .connected = on_tcp_connected, .error = on_tcp_error};
    static const struct leat_script_row tunnel[] = {BASIC, SEND("HTTP/1.1 200 OK\r\n\r\n"),
                                                    DRAINED};
    leat_testing_server *proxy =
        proxy_start((const struct leat_script_row *const[3]){says_close, tunnel});
    struct tcp_run run = {.connected = 0};
    leat_config *config = client_config_new();
    leat_loop *loop;
    leat_tcp_socket *tcp;
    cr_assert(leat_loop_new(&loop) == LEAT_OK);
    cr_assert(leat_config_set_proxy(config, proxy_url(proxy, "alice:s3cret@")) == LEAT_OK);
    cr_assert(leat_config_set_user_agent(config, "") == LEAT_OK);
    cr_assert(leat_tcp_socket_new(loop, &callbacks, &run, &tcp) == LEAT_OK);
    cr_assert(leat_tcp_socket_bind(tcp, "127.0.0.1", 0) == LEAT_OK);
    cr_assert(leat_tcp_socket_connect(tcp, "one.test", 80, config) == LEAT_OK);
    while (run.connected + run.failed == 0)
        cr_assert(leat_loop_dispatch(loop, -1) == LEAT_OK);
    cr_expect(run.connected == 1, "%d: %s", run.error.code, run.error.text);
    leat_tcp_socket_free(tcp);
    leat_config_free(config);
    leat_loop_free(loop);
    peer_content_expect(proxy);
    leat_testing_server_free(proxy);
}
