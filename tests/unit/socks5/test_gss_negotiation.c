/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of GSS-API by itself: which protection is enough and possible, and what an end and silence
 * leave to be tried. */
#include "socks5/gss_negotiation.h"

#include "gss_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(socks5_negotiation, .init = gss_rig_setup, .fini = gss_rig_teardown);

static const char token_answer[] = "\x01\x01\x00\x0a"
                                   "acceptor 1";
enum {
    TOKEN_ANSWER_BYTES = sizeof(token_answer) - 1,
    SAID_BYTES = TOKEN_ANSWER_BYTES + LEATI_SOCKS5_GSS_HEAD_BYTES + 1 + FAKE_GSS_OVERHEAD,
};

static struct leati_socks5_gss_negotiation negotiation;

static void negotiation_begin(enum leat_socks5_protection wanted, bool can_protect)
{
    leati_socks5_gss_init(&negotiation, gss_rig_context(), wanted, can_protect);
    leati_socks5_gss_begin(&negotiation);
}

/* As far as it comes without the proxy. */
static void negotiation_run(void)
{
    const uint8_t *data;
    if (leati_engine_turn(&negotiation.base) == LEATI_EXCHANGE_HELPERS) {
        gss_rig_await(negotiation.gss);
        cr_assert(leati_engine_resume(&negotiation.base));
    }
    size_t len = leati_engine_output(&negotiation.base, &data);
    if (len > 0)
        leati_engine_sent(&negotiation.base, len);
}

static void negotiation_hear(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        size_t used;
        negotiation_run();
        cr_assert_eq(leati_engine_turn(&negotiation.base), LEATI_EXCHANGE_THEIRS, "%s",
                     negotiation.text);
        leati_engine_feed(&negotiation.base, bytes + i, 1, &used);
    }
}

static uint8_t level_heard(void)
{
    const uint8_t *message;
    uint8_t level;
    bool is_confidential;
    gss_rig_await(negotiation.gss);
    cr_assert(leati_engine_resume(&negotiation.base));
    size_t len = leati_engine_output(&negotiation.base, &message);
    cr_assert_eq(len, LEATI_SOCKS5_GSS_HEAD_BYTES + 1 + FAKE_GSS_OVERHEAD);
    cr_assert(fake_gss_open(message + LEATI_SOCKS5_GSS_HEAD_BYTES, 1 + FAKE_GSS_OVERHEAD, &level,
                            &is_confidential));
    return level;
}

static void check_grant(enum leat_socks5_protection wanted, uint8_t level, char outcome)
{
    uint8_t message[GSS_RIG_MESSAGE_MAX_BYTES];
    size_t len = gss_rig_seal(LEATI_SOCKS5_GSS_PROTECTION, false, &level, 1, message);
    negotiation_hear(message, len);
    if (outcome == '+') {
        cr_expect_eq(negotiation.base.state, LEATI_SOCKS5_GSS_DONE, "%d, level %u: %s", wanted,
                     level, negotiation.text);
        cr_expect_eq((int)negotiation.granted, LEAT_SOCKS5_PROTECTION_NONE + level);
        return;
    }
    cr_expect_eq(negotiation.base.state, LEATI_SOCKS5_GSS_FAILED, "%d, level %u", wanted, level);
    cr_expect_eq(negotiation.base.code, LEAT_E_SOCKS5_METHOD);
    cr_expect_eq(negotiation.base.native_code, level);
    cr_expect_eq(negotiation.base.retry, 0);
    cr_expect(strstr(negotiation.text, outcome == '<' ? "may take less" : "no means"), "%s",
              negotiation.text);
}

/* What both ends' libraries have agreed on is what the proxy may choose from, and no less than what is
 * wanted. */
Test(socks5_negotiation, which_levels_are_possible_and_enough)
{
    enum {
        BARE = LEATI_GSS_C_MUTUAL,
        SUMS = BARE | LEATI_GSS_C_INTEG,
        SECRETS = BARE | LEATI_GSS_C_CONF,
        ALL = SUMS | SECRETS,
    };
    static const struct {
        enum leat_socks5_protection wanted;
        uint32_t flags;
        bool can_protect;
        uint8_t asked;
        const char *outcomes; /* of the levels 0, 1, 2: + taken, < less than wanted, - impossible */
    } cases[] = {
        {LEAT_SOCKS5_PROTECTION_ANY, ALL, true, 2, "+++"},
        {LEAT_SOCKS5_PROTECTION_ANY, SUMS, true, 1, "++-"},
        {LEAT_SOCKS5_PROTECTION_ANY, SECRETS, true, 2, "+-+"},
        {LEAT_SOCKS5_PROTECTION_ANY, BARE, true, 0, "+--"},
        {LEAT_SOCKS5_PROTECTION_ANY, ALL, false, 0, "+--"},
        {LEAT_SOCKS5_PROTECTION_NONE, ALL, true, 0, "+++"},
        {LEAT_SOCKS5_PROTECTION_NONE, BARE, true, 0, "+--"},
        {LEAT_SOCKS5_PROTECTION_INTEGRITY, ALL, true, 1, "<++"},
        {LEAT_SOCKS5_PROTECTION_INTEGRITY, SUMS, true, 1, "<+-"},
        {LEAT_SOCKS5_PROTECTION_INTEGRITY, BARE, true, 1, "<--"},
        {LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY, ALL, true, 2, "<<+"},
        {LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY, SUMS, true, 2, "<<-"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (uint8_t level = 0; level <= 2; level++) {
            fake_gss_use(&(struct fake_gss){.flags = cases[i].flags});
            negotiation_begin(cases[i].wanted, cases[i].can_protect);
            negotiation_hear(token_answer, TOKEN_ANSWER_BYTES);
            cr_expect_eq(level_heard(), cases[i].asked, "case %zu", i);
            check_grant(cases[i].wanted, level, cases[i].outcomes[level]);
            leati_socks5_gss_done(&negotiation);
        }
}

/* What a proxy could say up to its level, the first `len` bytes of it. */
static void negotiate_part(size_t len)
{
    uint8_t said[TOKEN_ANSWER_BYTES + GSS_RIG_MESSAGE_MAX_BYTES];
    memcpy(said, token_answer, TOKEN_ANSWER_BYTES);
    gss_rig_seal(LEATI_SOCKS5_GSS_PROTECTION, false, "\x02", 1, said + TOKEN_ANSWER_BYTES);
    negotiation_begin(LEAT_SOCKS5_PROTECTION_ANY, true);
    negotiation_hear(said, len);
    negotiation_run();
}

/* The status of the library's that helps its owner goes with the failure. */
Test(socks5_negotiation, the_library_cannot_protect_a_level)
{
    const struct fake_gss failing = {.protects_nothing = true, .major = 13u << 16, .minor = 4711};
    fake_gss_use(&failing);
    negotiate_part(TOKEN_ANSWER_BYTES);
    cr_expect_eq(negotiation.base.code, LEAT_E_SOCKS5_AUTH);
    cr_expect_eq(negotiation.base.native_code, 4711);
    cr_expect(strstr(negotiation.text, "level cannot be sent: Kerberos"), "%s", negotiation.text);
    leati_socks5_gss_done(&negotiation);

    fake_gss.protects_nothing = false;
    negotiate_part(SAID_BYTES - 1);
    fake_gss.protects_nothing = true;
    negotiation_hear("?", 1);
    cr_expect_eq(negotiation.base.code, LEAT_E_SOCKS5_DESERIALIZE);
    cr_expect_eq(negotiation.base.native_code, 4711);
    cr_expect(strstr(negotiation.text, "level cannot be read: Kerberos"), "%s", negotiation.text);
    leati_socks5_gss_done(&negotiation);
}

static void check_failure(size_t at, int code, int sys_errno, unsigned retry)
{
    cr_expect_eq(negotiation.base.state, LEATI_SOCKS5_GSS_FAILED);
    cr_expect_eq(negotiation.base.code, code, "after %zu bytes: %s", at, negotiation.text);
    cr_expect_eq(negotiation.base.sys_errno, sys_errno);
    cr_expect_eq(negotiation.base.native_code, 0, "after %zu bytes: %d", at,
                 negotiation.base.native_code);
    cr_expect_eq(negotiation.base.retry, retry, "after %zu bytes: %u", at, negotiation.base.retry);
    leati_socks5_gss_done(&negotiation);
}

/* Another address of the proxy may help where this one is silent, and not where it has spoken badly. */
Test(socks5_negotiation, an_end_says_what_may_be_tried)
{
    for (size_t len = 0; len < SAID_BYTES; len++) {
        const bool is_between = len == 0 || len == TOKEN_ANSWER_BYTES;
        negotiate_part(len);
        leati_engine_end(&negotiation.base);
        check_failure(len, is_between ? LEAT_E_SOCKS5_RECV : LEAT_E_SOCKS5_DESERIALIZE, 0,
                      is_between ? LEATI_RETRY_PROXY : 0);
    }
}

Test(socks5_negotiation, silence_says_what_may_be_tried)
{
    for (size_t len = 0; len < SAID_BYTES; len++) {
        negotiate_part(len);
        leati_engine_expire(&negotiation.base, 1000);
        check_failure(len, LEAT_E_SOCKS5_RECV, ETIMEDOUT, LEATI_RETRY_PROXY);
    }
}

/* The same KDC would be asked for every address of the proxy. */
Test(socks5_negotiation, a_kdc_that_is_away_is_so_for_every_proxy)
{
    fake_gss_use(&(struct fake_gss){.blocks = true});
    negotiation_begin(LEAT_SOCKS5_PROTECTION_ANY, true);
    leati_engine_expire(&negotiation.base, 1000);
    check_failure(0, LEAT_E_SOCKS5_AUTH, ETIMEDOUT, 0);
    atomic_store(&fake_gss.blocks, false);
}
