/* SPDX-License-Identifier: Apache-2.0 */
/* Negotiate and NTLM over a library of the test's own: rounds, what proxies may say in them, and what
 * they do not get by it. */
#include "gss/gss_api.h"
#include "http/auth.h"
#include "http/connect.h"
#include "support/alloc_failure.h"
#include "support/fake_gss.h"
#include "support/leak_check.h"
#include "support/patience.h"
#include "support/scripted_layer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define STEP_MS 1000u

/* "acceptor 1", "acceptor 2", "initiator 1" and so on in base64. */
#define ACCEPTOR_1  "YWNjZXB0b3IgMQ=="
#define ACCEPTOR_2  "YWNjZXB0b3IgMg=="
#define INITIATOR_1 "aW5pdGlhdG9yIDE="
#define INITIATOR_2 "aW5pdGlhdG9yIDI="
#define ASK(fields) "HTTP/1.1 407 Who\r\n" fields "Content-Length: 0\r\n\r\n"
#define NEGOTIATE   "Proxy-Authenticate: Negotiate"
#define BASIC       "Proxy-Authenticate: Basic realm=\"lab\"\r\n"
#define OPEN        "HTTP/1.1 200 OK\r\n\r\n"

static leat_loop *loop;

static void setup(void)
{
    cr_assert_eq(leat_loop_new(&loop), 0);
}

static void teardown(void)
{
    leat_loop_free(loop);
    fake_gss_await_rest(PATIENCE_MS(5000));
    leak_check();
}

TestSuite(auth_gss, .init = setup, .fini = teardown);

/* A layer over a proxy that answers one request after the other. */
struct fixture {
    struct leati_failure failure;
    struct scripted_layer wire;
    struct leati_layer *layer;
    struct leati_http_auth *auth;
    const char *const *answers;
    size_t seen;
};

static void proxy_react(void *peer, struct scripted_layer *wire)
{
    struct fixture *f = peer;
    const struct scripted_bytes *sent = &wire->sent;
    bool is_whole =
        sent->len > f->seen + 4 && memcmp(sent->data + sent->len - 4, "\r\n\r\n", 4) == 0;

    if (!is_whole || !*f->answers)
        return;
    f->seen = sent->len;
    scripted_layer_reply(wire, *f->answers, strlen(*f->answers));
    f->answers++;
}

static struct leati_http_auth *auth_new(unsigned schemes)
{
    const struct leati_http_auth_options options = {
        .proxy = "proxy:3128",
        .way = "http://proxy:3128 ",
        .user = "alice",
        .password = "s3cret",
        .schemes = schemes,
        .loop = loop,
        .service = "HTTP",
        .host = "proxy.example",
    };
    return leati_http_auth_new(&options);
}

/* Another connection by the same auth. */
static int connection_begin(struct fixture *f, const char *const *answers)
{
    const struct scripted_script script = scripted_script_plain();
    const struct leati_http_connect_options options = {
        .host = "one.test", .port = 80, .auth = f->auth, .step_timeout_ms = STEP_MS};

    leati_failure_init(&f->failure);
    scripted_layer_init(&f->wire, &script, &f->failure);
    f->wire.react = proxy_react;
    f->wire.peer = f;
    f->answers = answers;
    f->seen = 0;
    int code = leati_http_connect_layer_new(&options, &f->failure, &f->layer);
    if (code != LEAT_OK)
        return code;
    f->layer->lower = &f->wire.base;
    f->layer->failure = &f->failure;
    f->layer->hop = "proxy:3128";
    return LEAT_OK;
}

static void connection_end(struct fixture *f)
{
    if (f->layer)
        f->layer->ops->destroy(f->layer);
    f->layer = NULL;
    scripted_layer_done(&f->wire);
    leati_failure_done(&f->failure);
}

static int connection_run(struct fixture *f)
{
    for (;;) {
        int code = f->layer->ops->connect(f->layer, 1);
        if (code != LEATI_AGAIN || !leati_http_auth_is_helped(f->auth))
            return code;
        for (int i = 0; i < PATIENCE_MS(500) && leati_http_auth_is_helped(f->auth); i++)
            cr_assert_eq(leat_loop_dispatch(loop, 100), 0);
    }
}

static bool was_sent(const struct fixture *f, const char *text)
{
    return memmem(f->wire.sent.data, f->wire.sent.len, text, strlen(text));
}

static void refused(unsigned schemes, const char *const *answers, const char *text)
{
    struct fixture f = {.auth = auth_new(schemes)};
    cr_assert_eq(connection_begin(&f, answers), LEAT_OK);
    int code = connection_run(&f);
    if (code == LEATI_AGAIN) { /* for the end of a refusal's body */
        f.wire.script.recv_end_at = f.wire.to_read.len;
        f.wire.script.recv_end = LEATI_EOF;
        code = connection_run(&f);
    }
    cr_expect_eq(code, LEAT_E_WS_CONNECT, "%d instead of \"%s\"", code, text);
    cr_expect_eq(f.failure.native_code, 407);
    cr_expect(strstr(f.failure.text, text), "%s", f.failure.text);
    cr_expect_not(was_sent(&f, "Basic"), "a password by a weaker scheme");
    connection_end(&f);
    leati_http_auth_unref(f.auth);
}

enum { BOTH = LEAT_PROXY_AUTH_NEGOTIATE | LEAT_PROXY_AUTH_BASIC };

/* ---- what works -------------------------------------------------------------------------------------- */

Test(auth_gss, one_round_and_two)
{
    static const char *const one[] = {ASK(NEGOTIATE "\r\n" BASIC), OPEN, NULL};
    static const char *const two[] = {ASK(BASIC NEGOTIATE "\r\n"),
                                      ASK(NEGOTIATE " " ACCEPTOR_1 "\r\n"), OPEN, NULL};
    static const char *const *const proxies[] = {one, two};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f = {.auth = auth_new(BOTH)};
        fake_gss_use(&(struct fake_gss){.rounds = 2});
        cr_assert_eq(connection_begin(&f, proxies[i]), LEAT_OK);
        cr_assert_eq(connection_run(&f), LEAT_OK, "%s", f.failure.text);
        cr_expect(was_sent(&f, "Proxy-Authorization: Negotiate " INITIATOR_1 "\r\n"));
        cr_expect_eq(was_sent(&f, "Proxy-Authorization: Negotiate " INITIATOR_2 "\r\n"), i == 1);
        cr_expect_not(was_sent(&f, "Basic"));
        cr_expect_str_eq(fake_gss.target, "HTTP@proxy.example");
        cr_expect_eq(fake_gss.restricted, 1, "NTLM within Negotiate");
        connection_end(&f);
        leati_http_auth_unref(f.auth);
    }
}

Test(auth_gss, the_next_connection_begins_with_a_token)
{
    static const char *const first[] = {ASK(NEGOTIATE "\r\n"), OPEN, NULL};
    static const char *const next[] = {OPEN, NULL};
    struct fixture f = {.auth = auth_new(BOTH)};
    fake_gss_use(&(struct fake_gss){0});
    cr_assert_eq(connection_begin(&f, first), LEAT_OK);
    cr_assert_eq(connection_run(&f), LEAT_OK);
    connection_end(&f);
    cr_assert_eq(connection_begin(&f, next), LEAT_OK);
    cr_assert_eq(connection_run(&f), LEAT_OK, "%s", f.failure.text);
    cr_expect(was_sent(&f, "Negotiate " INITIATOR_1));
    connection_end(&f);
    leati_http_auth_unref(f.auth);
}

Test(auth_gss, ntlm_comes_behind_the_others)
{
    static const char *const answers[] = {ASK(BASIC "Proxy-Authenticate: NTLM\r\n"),
                                          ASK("Proxy-Authenticate: NTLM " ACCEPTOR_1 "\r\n"), OPEN,
                                          NULL};
    struct fixture f = {.auth = auth_new(BOTH | LEAT_PROXY_AUTH_NTLM)};
    fake_gss_use(&(struct fake_gss){.rounds = 2});
    cr_assert_eq(connection_begin(&f, answers), LEAT_OK);
    cr_assert_eq(connection_run(&f), LEAT_OK, "%s", f.failure.text);
    cr_expect(was_sent(&f, "NTLM " INITIATOR_1) && was_sent(&f, "NTLM " INITIATOR_2));
    cr_expect_str_eq(fake_gss.user, "alice");
    connection_end(&f);
    leati_http_auth_unref(f.auth);
}

/* Where there is no ticket, the next scheme is taken. */
Test(auth_gss, no_ticket)
{
    static const char *const answers[] = {ASK(NEGOTIATE "\r\n" BASIC), OPEN, NULL};
    static const char *const only[] = {ASK(NEGOTIATE "\r\n"), NULL};
    const struct fake_gss none = {.fails_at = 1, .major = 0x70000, .minor = (uint32_t)-1765328243};
    struct fixture f = {.auth = auth_new(BOTH)};
    fake_gss_use(&none);
    cr_assert_eq(connection_begin(&f, answers), LEAT_OK);
    cr_assert_eq(connection_run(&f), LEAT_OK, "%s", f.failure.text);
    cr_expect(was_sent(&f, "Proxy-Authorization: Basic "));
    connection_end(&f);
    leati_http_auth_unref(f.auth);
    fake_gss_use(&none);
    refused(BOTH, only, "kinit");
}

/* The first token is bound to nothing yet. */
Test(auth_gss, the_proxy_closes_when_it_asks)
{
    static const char *const first[] = {ASK(NEGOTIATE "\r\nConnection: close\r\n"), NULL};
    static const char *const next[] = {OPEN, NULL};
    struct fixture f = {.auth = auth_new(BOTH)};
    fake_gss_use(&(struct fake_gss){0});
    cr_assert_eq(connection_begin(&f, first), LEAT_OK);
    cr_assert_eq(connection_run(&f), LEAT_E_WS_CONNECT);
    cr_assert(f.layer->retry & LEATI_RETRY_AGAIN);
    connection_end(&f);
    cr_assert_eq(connection_begin(&f, next), LEAT_OK);
    cr_assert_eq(connection_run(&f), LEAT_OK, "%s", f.failure.text);
    cr_expect(was_sent(&f, "Negotiate " INITIATOR_1));
    connection_end(&f);
    leati_http_auth_unref(f.auth);
}

/* ---- what does not ----------------------------------------------------------------------------------- */

Test(auth_gss, refusals)
{
    static const char *const again[] = {ASK(NEGOTIATE "\r\n" BASIC), ASK(NEGOTIATE "\r\n" BASIC),
                                        NULL};
    static const char *const no_base64[] = {ASK(NEGOTIATE "\r\n" BASIC),
                                            ASK(NEGOTIATE " abcde\r\n" BASIC), NULL};
    static const char *const damaged[] = {ASK(NEGOTIATE "\r\n" BASIC),
                                          ASK(NEGOTIATE " AAAA\r\n" BASIC), NULL};
    static const char *const too_much[] = {ASK(NEGOTIATE "\r\n" BASIC),
                                           ASK(NEGOTIATE " " ACCEPTOR_1 "\r\n" BASIC), NULL};
    static const char *const closes[] = {
        ASK(NEGOTIATE "\r\n" BASIC),
        ASK(NEGOTIATE " " ACCEPTOR_1 "\r\nConnection: close\r\n" BASIC), NULL};
    static const char *const other[] = {ASK(NEGOTIATE "\r\n" BASIC), ASK(BASIC), NULL};
    static const struct {
        unsigned rounds;
        const char *const *answers;
        const char *text;
    } cases[] = {
        {1, again, "does not take the ticket for HTTP@proxy.example"},
        {1, no_base64, "is not base64"},
        {1, damaged, "damaged"},
        {1, too_much, "nothing left to say"},
        {2, closes, "belong to one connection"},
        {1, other, "it does not take Negotiate"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_gss_use(&(struct fake_gss){.rounds = cases[i].rounds});
        refused(BOTH, cases[i].answers, cases[i].text);
    }
}

/* The last token may come with the open tunnel, and what is glued to that is the tunnel's. */
Test(auth_gss, the_proxy_proves_who_it_is)
{
    static const char *const fields[] = {
        NEGOTIATE " " ACCEPTOR_1 "\r\n", "Proxy-Authentication-Info: Negotiate " ACCEPTOR_1 "\r\n",
        BASIC "Proxy-Authenticate: negotiate  " ACCEPTOR_1 " , Basic\r\n", NEGOTIATE "\r\n", ""};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char opens[200];
        const char *const answers[] = {ASK(NEGOTIATE "\r\n"), opens, NULL};
        struct fixture f = {.auth = auth_new(BOTH)};
        uint8_t early[16];
        size_t len;
        snprintf(opens, sizeof(opens), "HTTP/1.1 200 OK\r\n%s\r\nearly", fields[i]);
        fake_gss_use(&(struct fake_gss){0});
        cr_assert_eq(connection_begin(&f, answers), LEAT_OK);
        cr_assert_eq(connection_run(&f), LEAT_OK, "%s: %s", fields[i], f.failure.text);
        cr_expect_eq(atomic_load(&fake_gss.calls), i < 3 ? 2 : 1, "%s", fields[i]);
        cr_assert_eq(f.layer->ops->recv(f.layer, early, sizeof(early), &len), LEAT_OK);
        cr_expect(len == 5 && memcmp(early, "early", 5) == 0);
        connection_end(&f);
        leati_http_auth_unref(f.auth);
    }
}

Test(auth_gss, the_proxy_is_not_who_it_should_be)
{
    static const struct {
        const char *token;
        unsigned rounds;
        const char *text;
    } cases[] = {
        {"AAAA", 1, "damaged"},
        {ACCEPTOR_2, 1, "damaged"},
        {"abcde", 1, "is not base64"},
        {ACCEPTOR_1, 2, "is not the last one"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char opens[200];
        const char *const answers[] = {ASK(NEGOTIATE "\r\n" BASIC), opens, NULL};
        struct fixture f = {.auth = auth_new(BOTH)};
        snprintf(opens, sizeof(opens), "HTTP/1.1 200 OK\r\n" NEGOTIATE " %s\r\n\r\n",
                 cases[i].token);
        fake_gss_use(&(struct fake_gss){.rounds = cases[i].rounds});
        cr_assert_eq(connection_begin(&f, answers), LEAT_OK);
        cr_expect_eq(connection_run(&f), LEAT_E_WS_CONNECT, "%s", cases[i].text);
        cr_expect_eq(f.failure.native_code, 200);
        cr_expect(strstr(f.failure.text, "it is not who it should be"), "%s", f.failure.text);
        cr_expect(strstr(f.failure.text, cases[i].text), "%s", f.failure.text);
        cr_expect_not(f.layer->retry & LEATI_RETRY_AGAIN);
        connection_end(&f);
        leati_http_auth_unref(f.auth);
    }
}

/* The library may take its time for that, too. */
Test(auth_gss, the_proof_takes_too_long)
{
    static const char *const answers[] = {
        ASK(NEGOTIATE "\r\n"), "HTTP/1.1 200 OK\r\n" NEGOTIATE " " ACCEPTOR_1 "\r\n\r\n", NULL};
    struct fixture f = {.auth = auth_new(BOTH)};
    fake_gss_use(&(struct fake_gss){0});
    cr_assert_eq(connection_begin(&f, answers), LEAT_OK);
    cr_assert_eq(f.layer->ops->connect(f.layer, 1), LEATI_AGAIN);
    while (leati_http_auth_is_helped(f.auth))
        cr_assert_eq(leat_loop_dispatch(loop, 100), 0);
    atomic_store(&fake_gss.blocks, true);
    cr_assert_eq(f.layer->ops->connect(f.layer, 50), LEATI_AGAIN);
    cr_assert_eq(f.layer->ops->want(f.layer, 0), 0);
    cr_assert_eq(f.layer->ops->connect(f.layer, 50 + STEP_MS), LEAT_E_WS_CONNECT);
    cr_expect_eq(f.failure.sys_errno, ETIMEDOUT);
    cr_expect(strstr(f.failure.text, "still at work on its last token"), "%s", f.failure.text);
    connection_end(&f);
    leati_http_auth_unref(f.auth);
    atomic_store(&fake_gss.blocks, false);
}

Test(auth_gss, rounds_without_end)
{
    static char tokens[20][128];
    static const char *answers[21];
    static const char *const encoded[] = {
        "YWNjZXB0b3IgMQ==", "YWNjZXB0b3IgMg==", "YWNjZXB0b3IgMw==",
        "YWNjZXB0b3IgNA==", "YWNjZXB0b3IgNQ==", "YWNjZXB0b3IgNg==",
        "YWNjZXB0b3IgNw==", "YWNjZXB0b3IgOA==", "YWNjZXB0b3IgOQ=="};
    answers[0] = ASK(NEGOTIATE "\r\n");
    for (size_t i = 0; i < 9; i++) {
        snprintf(tokens[i], sizeof(tokens[i]), ASK(NEGOTIATE " %s\r\n"), encoded[i]);
        answers[i + 1] = tokens[i];
    }
    fake_gss_use(&(struct fake_gss){.rounds = 100});
    refused(LEAT_PROXY_AUTH_NEGOTIATE, answers, "has not decided after 8 rounds");
}

Test(auth_gss, a_kdc_that_is_away)
{
    static const char *const answers[] = {ASK(NEGOTIATE "\r\n" BASIC), OPEN, NULL};
    struct fixture f = {.auth = auth_new(BOTH)};
    fake_gss_use(&(struct fake_gss){.blocks = true});
    cr_assert_eq(connection_begin(&f, answers), LEAT_OK);
    cr_assert_eq(f.layer->ops->connect(f.layer, 50), LEATI_AGAIN);
    cr_assert_eq(f.layer->ops->want(f.layer, 0), 0);
    cr_assert_eq(f.layer->deadline_ms, 50 + STEP_MS);
    cr_assert_eq(f.layer->ops->connect(f.layer, 49 + STEP_MS), LEATI_AGAIN);
    cr_assert_eq(f.layer->ops->connect(f.layer, 50 + STEP_MS), LEAT_E_WS_CONNECT);
    cr_assert_eq(f.failure.sys_errno, ETIMEDOUT);
    cr_assert(strstr(f.failure.text, "KDC may be away"), "%s", f.failure.text);
    connection_end(&f);
    leati_http_auth_unref(f.auth);
    atomic_store(&fake_gss.blocks, false);
}

/* The connection goes while the library is at work, and what it makes is nobody's. */
Test(auth_gss, given_up_at_work)
{
    static const char *const answers[] = {ASK(NEGOTIATE "\r\n"), NULL};
    static const char *const next[] = {OPEN, NULL};
    struct fixture f = {.auth = auth_new(BOTH)};
    fake_gss_use(&(struct fake_gss){.blocks = true});
    cr_assert_eq(connection_begin(&f, answers), LEAT_OK);
    cr_assert_eq(f.layer->ops->connect(f.layer, 1), LEATI_AGAIN);
    connection_end(&f);
    atomic_store(&fake_gss.blocks, false);
    cr_assert_eq(connection_begin(&f, next), LEAT_OK);
    cr_assert_eq(connection_run(&f), LEAT_OK, "%s", f.failure.text);
    connection_end(&f);
    leati_http_auth_unref(f.auth);
}

/* ---- memory ------------------------------------------------------------------------------------------- */

static bool run_without_memory(void)
{
    static const char *const answers[] = {
        ASK(NEGOTIATE "\r\n"), ASK(NEGOTIATE " " ACCEPTOR_1 "\r\n"),
        "HTTP/1.1 200 OK\r\n" NEGOTIATE " " ACCEPTOR_2 "\r\n\r\n", NULL};
    struct fixture f = {.auth = auth_new(BOTH)};
    fake_gss_use(&(struct fake_gss){.rounds = 2});
    if (!f.auth)
        return false;
    int code = connection_begin(&f, answers);
    if (code == LEAT_OK)
        code = connection_run(&f);
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d %s", code, f.failure.text);
    connection_end(&f);
    leati_http_auth_unref(f.auth);
    return code == LEAT_OK;
}

Test(auth_gss, every_allocation_may_fail)
{
    cr_assert_gt(alloc_failure_run_all(run_without_memory), 10);
}
