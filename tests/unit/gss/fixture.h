/* SPDX-License-Identifier: Apache-2.0 */
/** @file Contexts of the test, on one loop. */
#ifndef TESTS_UNIT_GSS_FIXTURE_H
#define TESTS_UNIT_GSS_FIXTURE_H

#include "gss/gss.h"
#include "support/patience.h"

#include <leat/loop.h>

#include <criterion/criterion.h>
#include <string.h>

static leat_loop *loop;

static inline void loop_setup(void)
{
    cr_assert_eq(leat_loop_new(&loop), 0);
}

struct party {
    struct leati_gss *gss;
    unsigned ready_count;
};

static inline void party_ready(void *user)
{
    struct party *party = user;
    party->ready_count++;
}

static inline void party_init(struct party *party, enum leati_gss_mechanism mechanism,
                              const char *service, const char *user, const char *password)
{
    *party = (struct party){0};
    const struct leati_gss_options options = {
        .loop = loop,
        .ready = party_ready,
        .user = party,
        .mechanism = mechanism,
        .protects = mechanism == LEATI_GSS_KERBEROS,
        .service = service,
        .host = "localhost",
        .user_name = user,
        .password = password,
    };
    party->gss = leati_gss_new(&options);
    cr_assert(party->gss);
}

/** Runs the loop until it no longer works. @return the turn. */
static inline enum leati_gss_turn party_wait(struct party *party)
{
    for (int i = 0; i < PATIENCE_MS(200) && leati_gss_turn(party->gss) == LEATI_GSS_WORKING; i++)
        cr_assert_eq(leat_loop_dispatch(loop, 100), 0);
    return leati_gss_turn(party->gss);
}

static inline enum leati_gss_turn party_step(struct party *party, const void *token, size_t len)
{
    leati_gss_step(party->gss, token, len);
    return party_wait(party);
}

/** It fails at once, for this reason, and says these words. */
static inline void party_refused(struct party *party, enum leati_gss_reason reason,
                                 const char *words)
{
    cr_expect_eq(party_step(party, NULL, 0), LEATI_GSS_FAILED, "%s",
                 leati_gss_failure(party->gss)->text);
    const struct leati_gss_failure *failure = leati_gss_failure(party->gss);
    cr_expect_eq(failure->reason, reason, "%d, minor %d: %s", failure->reason, (int)failure->minor,
                 failure->text);
    cr_expect(strstr(failure->text, words), "%s", failure->text);
    leati_gss_free(party->gss);
    party->gss = NULL;
}

#endif
