/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts over a library of the test's own: steps, failures, giving up, forks. */
#include "gss/helper.h"
#include "support/alloc_failure.h"
#include "support/fake_gss.h"
#include "support/leak_check.h"
#include "unit/gss/fixture.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static void setup(void)
{
    loop_setup();
}

/* Nothing of the library's is left, and no thread is inside of it. */
static void teardown(void)
{
    leat_loop_free(loop);
    fake_gss_await_rest(PATIENCE_MS(5000));
    leak_check();
}

TestSuite(gss, .init = setup, .fini = teardown);

static void token_is(const struct party *party, const char *word)
{
    const uint8_t *token = NULL;
    size_t len = leati_gss_token(party->gss, &token);
    cr_assert_eq(len, strlen(word));
    cr_assert(len == 0 || memcmp(token, word, len) == 0, "%.*s", (int)len, token);
}

Test(gss, tokens_go_to_and_fro)
{
    struct party party;
    fake_gss_use(&(struct fake_gss){.rounds = 2});
    party_init(&party, LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
    cr_assert_eq(leati_gss_turn(party.gss), LEATI_GSS_NEW);
    cr_assert_eq(party_step(&party, NULL, 0), LEATI_GSS_CONTINUES);
    token_is(&party, "initiator 1");
    cr_assert_str_eq(fake_gss.target, "rcmd@localhost");
    cr_assert_eq(party_step(&party, (const uint8_t *)"acceptor 1", 10), LEATI_GSS_CONTINUES);
    token_is(&party, "initiator 2");
    cr_assert_eq(party_step(&party, (const uint8_t *)"acceptor 2", 10), LEATI_GSS_DONE);
    token_is(&party, "");
    cr_assert(leati_gss_is_mutual(party.gss) && leati_gss_has_confidentiality(party.gss));
    cr_assert_eq(party.ready_count, 3);
    leati_gss_free(party.gss);
}

Test(gss, messages_are_wrapped_and_looked_at)
{
    struct party party;
    struct leati_gss_bytes token, data;
    fake_gss_use(&(struct fake_gss){0});
    party_init(&party, LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
    cr_assert_eq(party_step(&party, NULL, 0), LEATI_GSS_CONTINUES);
    cr_assert_eq(party_step(&party, (const uint8_t *)"acceptor 1", 10), LEATI_GSS_DONE);
    for (int confidential = 0; confidential < 2; confidential++) {
        cr_assert(leati_gss_wrap(party.gss, confidential, "words", 5, &token));
        cr_assert(leati_gss_unwrap(party.gss, confidential, token.data, token.len, &data));
        cr_assert(data.len == 5 && memcmp(data.data, "words", 5) == 0);
        leati_gss_bytes_done(party.gss, &data);
        /* What was to be secret and is not. */
        cr_assert_eq(leati_gss_unwrap(party.gss, true, token.data, token.len, &data), confidential);
        leati_gss_bytes_done(party.gss, &data);
        token.data[3] ^= 1;
        cr_assert_not(leati_gss_unwrap(party.gss, false, token.data, token.len, &data));
        cr_assert_eq(leati_gss_turn(party.gss), LEATI_GSS_DONE);
        leati_gss_bytes_done(party.gss, &token);
    }
    leati_gss_free(party.gss);
}

Test(gss, a_damaged_token_fails)
{
    struct party party;
    fake_gss_use(&(struct fake_gss){0});
    party_init(&party, LEATI_GSS_SPNEGO, "HTTP", "alice", "s3cret");
    cr_assert_eq(party_step(&party, NULL, 0), LEATI_GSS_CONTINUES);
    cr_assert_str_eq(fake_gss.user, "alice");
    cr_assert_str_eq(fake_gss.password, "s3cret");
    cr_assert_eq(fake_gss.restricted, 1);
    cr_assert_eq(party_step(&party, (const uint8_t *)"acceptor 9", 10), LEATI_GSS_FAILED);
    cr_assert_eq(leati_gss_failure(party.gss)->reason, LEATI_GSS_BAD_TOKEN);
    leati_gss_free(party.gss);
}

/* Statuses of MIT Kerberos, and what is said of each. */
Test(gss, reasons)
{
    static const struct {
        uint32_t major;
        int32_t minor;
        enum leati_gss_reason reason;
        const char *words;
    } cases[] = {
        {0xd0000, -1765328377, LEATI_GSS_TARGET_UNKNOWN, "rcmd@localhost"},
        {0xd0000, -1765328347, LEATI_GSS_CLOCK_SKEW, "clock"},
        {0xd0000, -1765328236, LEATI_GSS_CLOCK_SKEW, "clock"},
        {0x70000, -1765328243, LEATI_GSS_NO_CREDENTIALS, "kinit"},
        {0x70000, -1765328189, LEATI_GSS_NO_CREDENTIALS, "kinit"},
        {0x70000, 0, LEATI_GSS_NO_CREDENTIALS, "kinit"},
        {0xb0000, -1765328352, LEATI_GSS_EXPIRED, "kinit"},
        {0xd0000, -1765328228, LEATI_GSS_KDC_AWAY, "KDC does not answer"},
        {0xd0000, -1765328230, LEATI_GSS_REALM_UNKNOWN, "krb5.conf"},
        {0x70000, -1765328353, LEATI_GSS_WRONG_PASSWORD, "password"},
        {0x10000, 0, LEATI_GSS_NO_LIBRARY, "install"},
        {0xd0000, 5, LEATI_GSS_OTHER, "minor status 5"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct party party;
        fake_gss_use(&(struct fake_gss){
            .fails_at = 1, .major = cases[i].major, .minor = (uint32_t)cases[i].minor});
        party_init(&party, LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
        party_refused(&party, cases[i].reason, cases[i].words);
    }
}

Test(gss, a_token_that_no_message_can_carry)
{
    struct party party;
    fake_gss_use(&(struct fake_gss){.token_bytes = 65536});
    party_init(&party, LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
    party_refused(&party, LEATI_GSS_OTHER, "65535");
}

/* ---- a library that does not come back ----------------------------------------------------------- */

static void wait_inside(int count)
{
    for (int i = 0; i < PATIENCE_MS(5000) && atomic_load(&fake_gss.inside) < count; i++)
        poll(NULL, 0, 1);
    cr_assert_eq(atomic_load(&fake_gss.inside), count);
}

Test(gss, giving_up_never_waits)
{
    struct party stuck;
    fake_gss_use(&(struct fake_gss){.blocks = true});
    party_init(&stuck, LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
    leati_gss_step(stuck.gss, NULL, 0);
    wait_inside(1);
    cr_assert_eq(leat_loop_dispatch(loop, 0), 0);
    cr_assert_eq(leati_gss_turn(stuck.gss), LEATI_GSS_WORKING);
    leati_gss_free(stuck.gss);
    cr_assert_eq(atomic_load(&fake_gss.inside), 1);
    /* The loop goes before the thread does. */
    leat_loop_free(loop);
    loop = NULL;
    atomic_store(&fake_gss.blocks, false);
}

Test(gss, more_than_there_are_threads)
{
    enum { COUNT = LEATI_HELPER_MAX_THREADS + 20 };
    static struct party parties[COUNT];
    fake_gss_use(&(struct fake_gss){.blocks = true});
    for (int i = 0; i < COUNT; i++) {
        party_init(&parties[i], LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
        leati_gss_step(parties[i].gss, NULL, 0);
    }
    wait_inside(LEATI_HELPER_MAX_THREADS);
    /* One in work, one in the queue, the last one of the queue. */
    static const int given_up[] = {3, LEATI_HELPER_MAX_THREADS + 5, COUNT - 1};
    for (size_t i = 0; i < 3; i++) {
        leati_gss_free(parties[given_up[i]].gss);
        parties[given_up[i]].gss = NULL;
    }
    party_init(&parties[3], LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
    leati_gss_step(parties[3].gss, NULL, 0);
    atomic_store(&fake_gss.blocks, false);
    for (int i = 0; i < COUNT; i++) {
        if (parties[i].gss)
            cr_expect_eq(party_wait(&parties[i]), LEATI_GSS_CONTINUES);
        leati_gss_free(parties[i].gss);
    }
    cr_assert_eq(atomic_load(&fake_gss.calls), COUNT - 1);
}

/* What was given up may not have begun yet: no handle alone does not tell that it has ended. */
static void await_call_and_rest(void)
{
    for (int i = 0; i < PATIENCE_MS(5000) && atomic_load(&fake_gss.calls) == 0; i++)
        poll(NULL, 0, 1);
    cr_assert_eq(atomic_load(&fake_gss.calls), 1);
    fake_gss_await_rest(PATIENCE_MS(5000));
}

/* Its end is on the way when it is given up. */
Test(gss, given_up_when_it_is_done)
{
    for (int i = 0; i < 200; i++) {
        struct party party;
        fake_gss_use(&(struct fake_gss){0});
        party_init(&party, LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
        leati_gss_step(party.gss, NULL, 0);
        if (i % 2)
            poll(NULL, 0, 1);
        leati_gss_free(party.gss);
        for (int j = 0; j < 3; j++)
            cr_assert_eq(leat_loop_dispatch(loop, 0), 0);
        cr_assert_eq(party.ready_count, 0);
        await_call_and_rest();
    }
}

/* ---- forks ---------------------------------------------------------------------------------------- */

#if !defined(__SANITIZE_THREAD__)

static void child_check(bool condition)
{
    if (!condition)
        _exit(1);
}

Test(gss, a_child_does_not_touch_what_is_locked)
{
    struct party party, after;
    fake_gss_use(&(struct fake_gss){.blocks = true});
    party_init(&party, LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
    leati_gss_step(party.gss, NULL, 0);
    wait_inside(1);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        leati_gss_free(party.gss);
        leat_loop_free(loop);
        child_check(leat_loop_new(&loop) == 0);
        party_init(&after, LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
        leati_gss_step(after.gss, NULL, 0);
        child_check(leati_gss_turn(after.gss) == LEATI_GSS_FAILED);
        child_check(leati_gss_failure(after.gss)->reason == LEATI_GSS_FORKED);
        leati_gss_free(after.gss);
        _exit(0);
    }
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    atomic_store(&fake_gss.blocks, false);
    cr_assert_eq(party_wait(&party), LEATI_GSS_CONTINUES);
    leati_gss_free(party.gss);
}

Test(gss, a_child_of_a_quiet_parent_begins_anew)
{
    struct party party, after;
    fake_gss_use(&(struct fake_gss){0});
    party_init(&party, LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
    cr_assert_eq(party_step(&party, NULL, 0), LEATI_GSS_CONTINUES);
    leati_gss_free(party.gss);
    /* Until the helper has ended, too. */
    for (int i = 0; i < PATIENCE_MS(5000); i++) {
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            child_check(leat_loop_new(&loop) == 0);
            party_init(&after, LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
            leati_gss_step(after.gss, NULL, 0);
            if (leati_gss_turn(after.gss) == LEATI_GSS_FAILED)
                _exit(leati_gss_failure(after.gss)->reason == LEATI_GSS_FORKED ? 2 : 1);
            child_check(party_wait(&after) == LEATI_GSS_CONTINUES);
            _exit(0);
        }
        int status = -1;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) != 1);
        if (WEXITSTATUS(status) == 0)
            return;
    }
    cr_assert_fail("the helper's thread does not end");
}

#endif

/* ---- memory ---------------------------------------------------------------------------------------- */

static bool begin_without_memory(void)
{
    struct party party = {0};
    const struct leati_gss_options options = {
        .loop = loop,
        .ready = party_ready,
        .user = &party,
        .service = "rcmd",
        .host = "localhost",
        .user_name = "alice",
        .password = "s3cret",
    };
    party.gss = leati_gss_new(&options);
    if (!party.gss)
        return false;
    enum leati_gss_turn turn = party_step(&party, NULL, 0);
    if (turn == LEATI_GSS_CONTINUES)
        turn = party_step(&party, (const uint8_t *)"acceptor 1", 10);
    bool is_done = turn == LEATI_GSS_DONE;
    cr_assert(is_done || leati_gss_failure(party.gss)->reason == LEATI_GSS_NO_MEMORY);
    leati_gss_free(party.gss);
    return is_done;
}

Test(gss, every_allocation_may_fail)
{
    fake_gss_use(&(struct fake_gss){0});
    cr_assert_gt(alloc_failure_run_all(begin_without_memory), 5);
}
