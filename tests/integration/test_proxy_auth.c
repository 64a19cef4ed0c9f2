/* SPDX-License-Identifier: Apache-2.0 */
/* Authentication to HTTP proxies that play scripts: which scheme is taken, over which connection, and
 * what is never sent. Digest's answers are judged by programs that others wrote (peers_proxy_auth)
 * and by vectors (http_digest). */
#include "integration/proxy_auth.h"

#include <stdio.h>

INTEGRATION_SUITE(proxy_auth);

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

SCRIPT basic_opens[] = {BASIC, OPENS};
SCRIPT any_opens[] = {ASKED, OPENS};
SCRIPT bare_closes[] = {BARE, CLOSE};
SCRIPT any_closes[] = {ASKED, CLOSE};

SCRIPT no_need[] = {BARE, OPENS};
SCRIPT basic_kept[] = {BARE, WANTS(ASKS_BASIC), BASIC, OPENS};
SCRIPT basic_no_body[] = {BARE, WANTS_RAW(ASKS_BASIC "Content-Length: 0\r\n\r\n"), BASIC, OPENS};
SCRIPT basic_chunked[] = {BARE, WANTS_RAW(ASKS_BASIC "Transfer-Encoding: chunked\r\n\r\n"
    "3;x=y\r\nwho\r\n2\r\n?\n\r\n0\r\nX-Trailer: y\r\n\r\n"), BASIC, OPENS};
SCRIPT basic_old_kept[] = {BARE, SEND("HTTP/1.0 407 Who\r\nProxy-Connection: Keep-Alive\r\n" ASKS_BASIC "Content-Length: 0\r\n\r\n"), BASIC, OPENS};
SCRIPT digest_kept[] = {BARE, WANTS(ASKS_BASIC ASKS_DIGEST), ASKED, OPENS};
SCRIPT digest_stale[] = {BARE, WANTS(ASKS_DIGEST), ASKED, WANTS(STALE("n2")), ASKED, WANTS(STALE("n3")), ASKED, OPENS};
SCRIPT interim[] = {BARE, SEND("HTTP/1.1 102 Wait\r\n\r\n"), WANTS(ASKS_BASIC), BASIC, SEND("HTTP/1.1 102 Wait\r\n\r\n"), OPENS};

#define ONCE(name_, answer_) SCRIPT name_[] = {BARE, answer_, CLOSE}
ONCE(says_close, WANTS("Connection: close\r\n" ASKS_BASIC));
ONCE(says_proxy_close, WANTS("Proxy-Connection: Close\r\n" ASKS_BASIC));
ONCE(is_old, SEND("HTTP/1.0 407 Who\r\n" ASKS_BASIC "Content-Length: 0\r\n\r\n"));
ONCE(until_end, WANTS_RAW(ASKS_BASIC "\r\nwho?"));
ONCE(too_long, WANTS_RAW(ASKS_BASIC "Content-Length: 10000000\r\n\r\nwho?"));
ONCE(two_lengths, WANTS_RAW(ASKS_BASIC "Content-Length: 0\r\nContent-Length: 5\r\n\r\n"));
ONCE(two_ways, WANTS_RAW(ASKS_BASIC "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
ONCE(says_more, WANTS_RAW(ASKS_BASIC "Content-Length: 1\r\n\r\nwho?"));
ONCE(just_closes, WANTS(ASKS_BASIC));
ONCE(half_a_body, WANTS_RAW(ASKS_BASIC "Content-Length: 99\r\n\r\nwho?"));
ONCE(bad_chunks, WANTS_RAW(ASKS_BASIC "Transfer-Encoding: chunked\r\n\r\nzz\r\n"));
SCRIPT then_closes[] = {BARE, WANTS(ASKS_BASIC), BASIC, CLOSE};
SCRIPT then_resets[] = {BARE, WANTS(ASKS_BASIC), BASIC, {LEAT_SCRIPT_RESET}};
SCRIPT digest_closes[] = {BARE, WANTS("Connection: close\r\n" ASKS_DIGEST), CLOSE};

SCRIPT basic_wrong[] = {BARE, WANTS(ASKS_BASIC), BASIC, WANTS(ASKS_BASIC), DRAINED};
SCRIPT digest_wrong[] = {BARE, WANTS(ASKS_DIGEST), ASKED, WANTS(ASKS_DIGEST), DRAINED};
SCRIPT weakens[] = {BARE, WANTS(ASKS_DIGEST ASKS_BASIC), ASKED, WANTS(ASKS_BASIC), DRAINED};
#define ROUND(n_) ASKED, WANTS(STALE(n_))
SCRIPT endless[] = {ROUND("1"), ROUND("2"), ROUND("3"), ROUND("4"), ROUND("5"), ROUND("6"), ROUND("7"), ROUND("8"), ROUND("9"), DRAINED};
SCRIPT endless_closing[] = {ASKED, WANTS("Connection: close\r\n" STALE("n")), CLOSE};
#define REFUSED(name_, fields_) SCRIPT name_[] = {BARE, WANTS(fields_), DRAINED}
REFUSED(names_nothing, "");
REFUSED(unknown, "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM, X-Own a=b\r\n");
REFUSED(malformed, "Proxy-Authenticate: Digest realm=\"lab, nonce=x\r\n");
REFUSED(no_nonce, "Proxy-Authenticate: Digest realm=\"lab\", qop=\"auth\"\r\n");
REFUSED(two_nonces, "Proxy-Authenticate: Digest realm=\"lab\", nonce=a, nonce=b\r\n");
REFUSED(other_hash, "Proxy-Authenticate: Digest realm=\"lab\", nonce=a, algorithm=SHA3\r\n");
REFUSED(other_qop, "Proxy-Authenticate: Digest realm=\"lab\", nonce=a, qop=\"auth-conf\"\r\n");
SCRIPT integrity[] = {BARE, WANTS("Proxy-Authenticate: Digest realm=\"lab\", nonce=\"n1\", qop=\"auth-int\"\r\n"), ASKED, OPENS};
#define PROOF(name_, info_) SCRIPT name_[] = {BARE, WANTS(ASKS_DIGEST), ASKED, SEND("HTTP/1.1 200 OK\r\nProxy-Authentication-Info: " info_ "\r\n\r\n"), DRAINED}
PROOF(no_proof, "rspauth=\"00000000000000000000000000000000\"");
PROOF(other_proof, "rspauth=\"00000000000000000000000000000000\", nc=00000002");
REFUSED(wants_basic, ASKS_BASIC);
REFUSED(wants_digest, ASKS_DIGEST);
REFUSED(wants_bearer, ASKS_BEARER);
SCRIPT malformed_or_basic[] = {BARE, WANTS("Proxy-Authenticate: Digest realm=, nonce\r\n" ASKS_BASIC), BASIC, OPENS};
SCRIPT basic_loose[] = {BARE, WANTS("proxy-authenticate: BASIC realm=Our lab\r\n"), BASIC, OPENS};
SCRIPT basic_bare[] = {BARE, WANTS("Proxy-Authenticate: Basic\r\n"), BASIC, OPENS};
SCRIPT other_hash_or_basic[] = {BARE, WANTS("Proxy-Authenticate: Digest realm=x, nonce=a, algorithm=SHA3, " "Basic realm=y\r\n"), BASIC, OPENS};

SCRIPT preemptive_wrong[] = {BASIC, WANTS(ASKS_BASIC), DRAINED};
SCRIPT preemptive_digest[] = {BASIC, WANTS(ASKS_DIGEST), ASKED, OPENS};
SCRIPT preemptive_401[] = {BASIC, SEND("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"), DRAINED};


#define EVERY (LEAT_PROXY_AUTH_BASIC | LEAT_PROXY_AUTH_DIGEST | LEAT_PROXY_AUTH_BEARER)

struct auth_case {
    const char *name;
    const struct leat_script_row *scripts[3];
    const char *text; /* of the refusal; NULL = it opens */
    int status;
    unsigned connections;
    unsigned disallowed; /* LEAT_PROXY_AUTH_* */
    bool anonymous, preemptive;
};

#define OPENED(name_, connections_, ...) {.name = #name_, .connections = (connections_), .scripts = {name_, __VA_ARGS__}}
#define FAILS(name_, connections_, text_) {.name = #name_, .connections = (connections_), .scripts = {name_}, .text = (text_), .status = 407}

static const struct auth_case cases[] = {
    OPENED(no_need, 1), OPENED(basic_kept, 1), OPENED(basic_no_body, 1), OPENED(basic_chunked, 1),
    OPENED(basic_old_kept, 1), OPENED(digest_kept, 1), OPENED(digest_stale, 1), OPENED(interim, 1),
    OPENED(says_close, 2, basic_opens), OPENED(says_proxy_close, 2, basic_opens), OPENED(is_old, 2, basic_opens),
    OPENED(until_end, 2, basic_opens), OPENED(too_long, 2, basic_opens), OPENED(two_lengths, 2, basic_opens),
    OPENED(two_ways, 2, basic_opens), OPENED(says_more, 2, basic_opens), OPENED(just_closes, 2, basic_opens),
    OPENED(half_a_body, 2, basic_opens), OPENED(bad_chunks, 2, basic_opens),
    OPENED(then_closes, 2, basic_opens), OPENED(then_resets, 2, basic_opens),
    OPENED(digest_closes, 2, any_opens),
    OPENED(malformed_or_basic, 1), OPENED(basic_loose, 1), OPENED(basic_bare, 1), OPENED(other_hash_or_basic, 1),
    {"closes whenever it has our credentials", {then_closes, any_closes}, "closed the connection before its answer", 0, 2},
    {"closes at once", {bare_closes}, "the target may be what failed", 0, 1},
    FAILS(basic_wrong, 1, "it refuses the user name or the password; credentials were sent (Basic)"),
    FAILS(digest_wrong, 1, "it refuses the user name or the password; credentials were sent (Digest MD5)"),
    FAILS(weakens, 1, "it does not take Digest, and weaker schemes are not tried"),
    FAILS(endless, 1, "it has not decided after 8 rounds"),
    FAILS(endless_closing, 9, "it has not decided after 8 rounds"),
    FAILS(names_nothing, 1, "it names no authentication scheme"),
    FAILS(unknown, 1, "Negotiate is not allowed by the program; NTLM is not allowed by the program"),
    FAILS(malformed, 1, "Digest cannot be answered: a parameter cannot be read"),
    FAILS(no_nonce, 1, "Digest cannot be answered: it has no nonce"),
    FAILS(two_nonces, 1, "Digest cannot be answered: a parameter comes twice"),
    FAILS(other_hash, 1, "Digest cannot be answered: its algorithm is not known"),
    FAILS(other_qop, 1, "Digest cannot be answered: its qop"),
    OPENED(integrity, 1),
    {"an rspauth that is wrong", {no_proof}, "its rspauth is wrong: it does not know the password", 200, 1},
    {"one of another request", {other_proof}, "belongs to another request", 200, 1},
    FAILS(wants_bearer, 1, "the program has no token for Bearer"),
    {"Basic is not allowed", {wants_basic}, "Basic is not allowed by the program", 407, 1, .disallowed = LEAT_PROXY_AUTH_BASIC},
    {"nothing is allowed", {wants_digest}, "Digest is not allowed by the program", 407, 1, .disallowed = EVERY},
    {"Digest is not allowed", {basic_kept}, NULL, 0, 1, .disallowed = LEAT_PROXY_AUTH_DIGEST},
    {"nobody's", {wants_basic}, "no credentials are configured", 407, 1, .anonymous = true},
    {"nobody's, by Digest", {wants_digest}, "no credentials are configured", 407, 1, .anonymous = true},
    {"unasked", {basic_opens}, NULL, 0, 1, .preemptive = true},
    {"unasked and wrong", {preemptive_wrong}, "it refuses the user name or the password", 407, 1, .preemptive = true},
    {"unasked, then Digest", {preemptive_digest}, NULL, 0, 1, .preemptive = true},
    {"unasked, then 401", {preemptive_401}, "credentials were sent (Basic)", 401, 1, .preemptive = true},
    {"Basic unasked and not allowed", {no_need}, NULL, 0, 1, .preemptive = true, .disallowed = LEAT_PROXY_AUTH_BASIC},
    {"unasked, and nobody's", {no_need}, NULL, 0, 1, .preemptive = true, .anonymous = true},
};
/* clang-format on */

static void case_run(const struct auth_case *c)
{
    leat_testing_server *proxy = proxy_start(c->scripts);
    struct leat_testing_seen seen;
    struct client_run run;
    run_init(&run, proxy_url(proxy, c->anonymous ? "" : "alice:s3cret@"));
    run.name = c->name;
    cr_assert(leat_config_set_proxy_auth_schemes(run.config, EVERY & ~c->disallowed) == LEAT_OK);
    cr_assert(leat_config_set_proxy_basic_preemptive(run.config, c->preemptive) == LEAT_OK);
    if (c->text) {
        (void)client_run_refused(&run, "ws://one.test/");
        refusal_expect(&run, c->status, c->text);
    } else {
        client_run_open(&run, "ws://one.test/");
        client_run_echo(&run, "in");
        client_run_close(&run);
    }
    cr_expect(!run.trace || !strstr(run.trace, "s3cret"), "%s: the password is in the trace",
              c->name);
    client_run_done(&run);
    peer_content_expect(proxy);
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(seen.connections == c->connections, "%s: %u connections", c->name, seen.connections);
    leat_testing_server_free(proxy);
}

Test(proxy_auth, cases)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i)
        case_run(&cases[i]);
}

/* ---- long ones ------------------------------------------------------------------------------- */

Test(proxy_auth, a_nonce_without_end)
{
    static char answer[1 << 20];
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 407 Who\r\nProxy-Authenticate: Digest realm=r, nonce=\"");
    memset(answer + len, 'n', sizeof(answer) - (size_t)len);
    const struct leat_script_row script[] = {
        BARE, {LEAT_SCRIPT_SEND, .data = answer, .len = sizeof(answer)}, DRAINED};
    const struct leat_script_row *const scripts[3] = {script};
    leat_testing_server *proxy = proxy_start(scripts);
    struct client_run run;
    run_init(&run, proxy_url(proxy, "alice:s3cret@"));
    run.name = "1 MiB";
    (void)client_run_refused(&run, "ws://one.test/");
    refusal_expect(&run, 407, "longer than 16384 bytes");
    client_run_done(&run);
    leat_testing_server_free(proxy);
}

Test(proxy_auth, a_nonce_that_is_too_long_leaves_basic)
{
    static char answer[16384];
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 407 Who\r\n" ASKS_BASIC "Content-Length: 0\r\n"
                       "Proxy-Authenticate: Digest realm=r, nonce=\"");
    memset(answer + len, 'n', 9000);
    len += 9000;
    len += snprintf(answer + len, sizeof(answer) - (size_t)len, "\"\r\n\r\n");
    const struct leat_script_row script[] = {
        BARE, {LEAT_SCRIPT_SEND, .data = answer, .len = (size_t)len}, BASIC, OPENS};
    const struct auth_case c = {.name = "9000 bytes", .scripts = {script}, .connections = 1};
    case_run(&c);
}
