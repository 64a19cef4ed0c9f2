/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts over MIT Kerberos with a realm of the test's own: tickets, passwords, and all that is
 * wrong with them. */
#include "gss/gss_api.h"
#include "support/gss_foreign.h" /* what we owe them is counted in test_gss.c */
#include "support/kdc.h"
#include "support/sandbox.h"
#include "unit/gss/fixture.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/socket.h>

static void teardown(void)
{
    leat_loop_free(loop);
    sandbox_done();
}

TestSuite(gss_kdc, .init = loop_setup, .fini = teardown);

static const struct kdc_options realm = {
    .users = "alice s3cret",
    .services = "rcmd/localhost HTTP/localhost",
};

/* ---- the other end, by the library itself --------------------------------------------------------- */

struct acceptor {
    uint32_t (*accept)(uint32_t *minor, leati_gss_handle *context, leati_gss_handle cred,
                       const struct leati_gss_buffer *token, const void *bindings,
                       leati_gss_handle *ret_name, const struct leati_gss_oid **ret_mechanism,
                       struct leati_gss_buffer *ret_token, uint32_t *ret_flags, uint32_t *ret_time,
                       leati_gss_handle *ret_delegated);
    const struct leati_gss_api *api;
    leati_gss_handle context;
};

static void acceptor_init(struct acceptor *acceptor)
{
    const char *why = NULL;
    *acceptor = (struct acceptor){.api = leati_gss_api(&why)};
    cr_assert(acceptor->api, "%s", why);
    void *symbol = dlsym(dlopen(leati_gss_library_name, RTLD_NOW), "gss_accept_sec_context");
    memcpy(&acceptor->accept, &symbol, sizeof(symbol));
    cr_assert(symbol);
}

/* Steps until both are done. */
static void establish(struct party *party, struct acceptor *acceptor)
{
    struct leati_gss_buffer answer = {0};
    uint32_t minor, unused;
    enum leati_gss_turn turn = party_step(party, NULL, 0);

    while (turn == LEATI_GSS_CONTINUES) {
        const uint8_t *token = NULL;
        size_t len = leati_gss_token(party->gss, &token);
        const struct leati_gss_buffer input = {len, (void *)(uintptr_t)token};
        uint32_t major = acceptor->accept(&minor, &acceptor->context, NULL, &input, NULL, NULL,
                                          NULL, &answer, NULL, NULL, NULL);
        cr_assert_not(LEATI_GSS_ERROR(major), "acceptor: %x, %d", major, (int)minor);
        turn = party_step(party, answer.value, answer.length);
        acceptor->api->release_buffer(&unused, &answer);
    }
    cr_assert_eq(turn, LEATI_GSS_DONE, "%s", leati_gss_failure(party->gss)->text);
}

static void exchange(struct party *party, struct acceptor *acceptor, bool confidential)
{
    struct leati_gss_bytes sealed, opened;
    struct leati_gss_buffer plain = {0}, answer = {0};
    uint32_t minor;
    int is_confidential;

    cr_assert(leati_gss_wrap(party->gss, confidential, "some words", 10, &sealed));
    const struct leati_gss_buffer input = {sealed.len, sealed.data};
    cr_assert_eq(
        acceptor->api->unwrap(&minor, acceptor->context, &input, &plain, &is_confidential, NULL),
        0);
    cr_assert_eq(!!is_confidential, confidential);
    cr_assert(plain.length == 10 && memcmp(plain.value, "some words", 10) == 0);
    cr_assert_eq(acceptor->api->wrap(&minor, acceptor->context, confidential, 0, &plain,
                                     &is_confidential, &answer),
                 0);
    cr_assert(leati_gss_unwrap(party->gss, confidential, answer.value, answer.length, &opened));
    cr_assert(opened.len == 10 && memcmp(opened.data, "some words", 10) == 0);
    /* The same again is a replay. */
    cr_assert_not(leati_gss_unwrap(party->gss, confidential, answer.value, answer.length, &opened));
    leati_gss_bytes_done(party->gss, &sealed);
    acceptor->api->release_buffer(&minor, &plain);
    acceptor->api->release_buffer(&minor, &answer);
}

static void succeed(enum leati_gss_mechanism mechanism, const char *user, const char *password)
{
    struct acceptor acceptor;
    struct party party;
    uint32_t unused;

    acceptor_init(&acceptor);
    party_init(&party, mechanism, "rcmd", user, password);
    establish(&party, &acceptor);
    cr_assert(leati_gss_is_mutual(party.gss));
    if (mechanism == LEATI_GSS_KERBEROS) {
        exchange(&party, &acceptor, false);
        exchange(&party, &acceptor, true);
    }
    acceptor.api->delete_sec_context(&unused, &acceptor.context, NULL);
    leati_gss_free(party.gss);
}

static void refuse(enum leati_gss_mechanism mechanism, const char *service, const char *user,
                   const char *password, enum leati_gss_reason reason, const char *words)
{
    struct party party;
    party_init(&party, mechanism, service, user, password);
    party_refused(&party, reason, words);
}

/* ---- a realm that works, and those who are wrong in it --------------------------------------------- */

Test(gss_kdc, tickets_and_passwords)
{
    kdc_start(&realm);
    refuse(LEATI_GSS_KERBEROS, "rcmd", NULL, NULL, LEATI_GSS_NO_CREDENTIALS, "kinit");
    refuse(LEATI_GSS_SPNEGO, "rcmd", NULL, NULL, LEATI_GSS_NO_CREDENTIALS, "kinit");
    succeed(LEATI_GSS_KERBEROS, "alice", "s3cret");
    kdc_login("alice", "s3cret", NULL);
    succeed(LEATI_GSS_KERBEROS, NULL, NULL);
    succeed(LEATI_GSS_SPNEGO, NULL, NULL);
    refuse(LEATI_GSS_KERBEROS, "nothing", NULL, NULL, LEATI_GSS_TARGET_UNKNOWN,
           "nothing@localhost");
    refuse(LEATI_GSS_SPNEGO, "nothing", NULL, NULL, LEATI_GSS_TARGET_UNKNOWN, "nothing@localhost");
    succeed(LEATI_GSS_SPNEGO, "alice@LEAT.TEST", "s3cret");
    refuse(LEATI_GSS_KERBEROS, "rcmd", "alice", "wrong", LEATI_GSS_WRONG_PASSWORD, "password");
    refuse(LEATI_GSS_SPNEGO, "rcmd", "alice", "wrong", LEATI_GSS_WRONG_PASSWORD, "password");
    refuse(LEATI_GSS_KERBEROS, "rcmd", "nobody", "s3cret", LEATI_GSS_WRONG_PASSWORD, "nobody");
    refuse(LEATI_GSS_KERBEROS, "rcmd", "alice@ELSEWHERE.TEST", "s3cret", LEATI_GSS_REALM_UNKNOWN,
           "krb5.conf");
    kdc_logout();
    refuse(LEATI_GSS_KERBEROS, "rcmd", NULL, NULL, LEATI_GSS_NO_CREDENTIALS, "kinit");
    succeed(LEATI_GSS_KERBEROS, "alice", "s3cret");
}

Test(gss_kdc, many_at_once)
{
    enum { COUNT = 12 };
    struct party parties[COUNT];
    kdc_start(&realm);
    kdc_login("alice", "s3cret", NULL);
    for (int i = 0; i < COUNT; i++) {
        party_init(&parties[i], i % 3 ? LEATI_GSS_KERBEROS : LEATI_GSS_SPNEGO,
                   i % 2 ? "rcmd" : "nothing", NULL, NULL);
        leati_gss_step(parties[i].gss, NULL, 0);
    }
    for (int i = 0; i < COUNT; i++) {
        cr_expect_eq(party_wait(&parties[i]), i % 2 ? LEATI_GSS_CONTINUES : LEATI_GSS_FAILED);
        leati_gss_free(parties[i].gss);
    }
}

/* ---- a KDC that is away ---------------------------------------------------------------------------- */

Test(gss_kdc, nobody_listens)
{
    kdc_pretend(refusing_port());
    refuse(LEATI_GSS_KERBEROS, "rcmd", "alice", "s3cret", LEATI_GSS_KDC_AWAY, "KDC");
}

/* It takes datagrams and connections, and never answers. The loop goes on, and giving up does not
 * wait for the helper. */
Test(gss_kdc, a_frozen_kdc_stops_nobody)
{
    struct party stuck, other;
    struct process *kdc = kdc_start(&realm);
    kdc_login("alice", "s3cret", NULL);
    cr_assert_eq(kill(-kdc->pid, SIGSTOP), 0);
    party_init(&stuck, LEATI_GSS_KERBEROS, "rcmd", "alice", "s3cret");
    leati_gss_step(stuck.gss, NULL, 0);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(leat_loop_dispatch(loop, 5), 0);
    cr_assert_eq(leati_gss_turn(stuck.gss), LEATI_GSS_WORKING);
    party_init(&other, LEATI_GSS_KERBEROS, "rcmd", NULL, NULL);
    leati_gss_step(other.gss, NULL, 0);
    cr_assert_eq(leat_loop_dispatch(loop, 5), 0);
    cr_assert_eq(leati_gss_turn(other.gss), LEATI_GSS_WORKING);
    leati_gss_free(stuck.gss);
    leati_gss_free(other.gss);
    cr_assert_eq(stuck.ready_count + other.ready_count, 0);
    cr_assert_eq(kill(-kdc->pid, SIGCONT), 0);
    succeed(LEATI_GSS_KERBEROS, "alice", "s3cret");
}

/* ---- no library -------------------------------------------------------------------------------------- */

Test(gss_kdc, without_the_library)
{
    leati_gss_library_name = "libgssapi_of_nobody.so.2";
    refuse(LEATI_GSS_KERBEROS, "rcmd", NULL, NULL, LEATI_GSS_NO_LIBRARY,
           "install libgssapi-krb5-2");
    refuse(LEATI_GSS_SPNEGO, "rcmd", NULL, NULL, LEATI_GSS_NO_LIBRARY, "install libgssapi-krb5-2");
}

Test(gss_kdc, with_another_library)
{
    leati_gss_library_name = "libm.so.6";
    refuse(LEATI_GSS_KERBEROS, "rcmd", NULL, NULL, LEATI_GSS_NO_LIBRARY, "gss_import_name");
}
