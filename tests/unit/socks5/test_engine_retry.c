/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure leaves to be tried, and that no byte is asked for which need not come. */
#include "socks5/socks5_engine.h"

#include "support/leak_check.h"

#include <criterion/criterion.h>

TestSuite(socks5_engine_retry, .timeout = 30, .fini = leak_check);

#define BOTH (LEATI_RETRY_TARGET | LEATI_RETRY_PROXY)

static const struct leati_socks5_options anonymous = {.host = "example.com", .port = 443};

static void send_all(struct leati_socks5_engine *engine)
{
    const uint8_t *data;
    while (leati_engine_output(&engine->base, &data) > 0)
        leati_engine_sent(&engine->base, 1);
}

/* A byte at a time, and how many are wanted before each. */
static int feed_bytes(struct leati_socks5_engine *engine, const uint8_t *bytes, const size_t *needs,
                      size_t len)
{
    int code = LEAT_OK;
    for (size_t i = 0; i < len; i++) {
        size_t used;
        send_all(engine);
        cr_assert_eq(leati_engine_need(&engine->base), needs[i], "%zu before byte %zu",
                     leati_engine_need(&engine->base), i);
        code = leati_engine_feed(&engine->base, bytes + i, 1, &used);
        cr_assert_eq(used, 1);
    }
    return code;
}

static void engine_start(struct leati_socks5_engine *engine)
{
    struct leati_failure failure;
    leati_failure_init(&failure);
    cr_assert_eq(leati_socks5_engine_init(engine, &anonymous, &failure), LEAT_OK);
}

/* RFC 1928 section 6. Another proxy helps where this one knew no way; another address always may. */
Test(socks5_engine_retry, each_refusal_says_what_may_be_tried)
{
    for (unsigned rep = 1; rep <= 9; rep++) {
        const uint8_t reply[] = {5, 0, 5, (uint8_t)rep};
        const size_t needs[] = {2, 1, 2, 1};
        const bool knew_no_way = rep == 1 || rep == 3 || rep == 4 || rep == 6;
        struct leati_socks5_engine engine;

        engine_start(&engine);
        cr_assert_eq(feed_bytes(&engine, reply, needs, sizeof(reply)),
                     LEAT_E_SOCKS5_CONNECT_REMOTE);
        cr_expect_eq(engine.base.native_code, (int)rep);
        cr_expect_eq(engine.base.retry, knew_no_way ? BOTH : LEATI_RETRY_TARGET, "%u: %u", rep,
                     engine.base.retry);
        cr_expect_eq(leati_engine_need(&engine.base), 0);
        leati_engine_done(&engine.base);
    }
}

/* Where the proxy goes says whether the target may be the cause. */
Test(socks5_engine_retry, an_end_and_silence_say_what_may_be_tried)
{
    const uint8_t reply[] = {5, 0, 5};
    const size_t needs[] = {2, 1, 2};
    for (size_t come = 0; come <= sizeof(reply); come++) {
        const unsigned expected = come >= 2 ? BOTH : LEATI_RETRY_PROXY;
        struct leati_socks5_engine engine;

        engine_start(&engine);
        feed_bytes(&engine, reply, needs, come);
        send_all(&engine);
        cr_expect_eq(leati_engine_end(&engine.base),
                     come % 2 == 0 ? LEAT_E_SOCKS5_RECV : LEAT_E_SOCKS5_DESERIALIZE);
        cr_expect_eq(engine.base.retry, expected, "the end behind %zu bytes: %u", come,
                     engine.base.retry);
        leati_engine_done(&engine.base);

        engine_start(&engine);
        feed_bytes(&engine, reply, needs, come);
        send_all(&engine);
        leati_engine_expire(&engine.base, 1000);
        cr_expect_eq(engine.base.code, LEAT_E_SOCKS5_RECV);
        cr_expect_eq(engine.base.retry, expected, "silence behind %zu bytes: %u", come,
                     engine.base.retry);
        leati_engine_done(&engine.base);
    }
}

/* The length of a name is asked for by itself, since it may be 0. */
Test(socks5_engine_retry, a_name_is_asked_for_by_its_length)
{
    const uint8_t reply[] = {5, 0, 5, 0, 0, 3, 2, 'h', 'i', 0, 80};
    const size_t needs[] = {2, 1, 2, 1, 2, 1, 1, 4, 3, 2, 1};
    struct leati_socks5_engine engine;

    engine_start(&engine);
    cr_assert_eq(feed_bytes(&engine, reply, needs, sizeof(reply)), LEAT_OK);
    cr_assert_eq(engine.base.state, LEATI_SOCKS5_DONE);
    cr_assert_eq(leati_engine_need(&engine.base), 0);
    leati_engine_done(&engine.base);
}
