/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure leaves to be tried, that no byte is asked for which need not come, and what an engine
 * says and leaves behind. */
#include "socks5/socks5_engine.h"

#include "support/leak_check.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(socks5_engine_retry, .timeout = 30, .fini = leak_check);

#define BOTH (LEATI_RETRY_TARGET | LEATI_RETRY_PROXY)

static const struct leati_socks5_options anonymous = {.host = "example.com", .port = 443};
static const struct leati_socks5_options with_password = {
    .host = "example.com", .port = 443, .user = "user", .password = "s3cret"};

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

static void engine_start_as(struct leati_socks5_engine *engine,
                            const struct leati_socks5_options *options)
{
    struct leati_failure failure;
    leati_failure_init(&failure);
    cr_assert_eq(leati_socks5_engine_init(engine, options, &failure), LEAT_OK);
}

static void engine_start(struct leati_socks5_engine *engine)
{
    engine_start_as(engine, &anonymous);
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
        cr_expect_eq(engine.base.native_code, 0, "%zu bytes", come);
        leati_engine_done(&engine.base);

        engine_start(&engine);
        feed_bytes(&engine, reply, needs, come);
        send_all(&engine);
        leati_engine_expire(&engine.base, 1000);
        cr_expect_eq(engine.base.code, LEAT_E_SOCKS5_RECV);
        cr_expect_eq(engine.base.retry, expected, "silence behind %zu bytes: %u", come,
                     engine.base.retry);
        cr_expect_eq(engine.base.native_code, 0, "%zu bytes", come);
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

/* Also one that is given up before the password could leave. */
Test(socks5_engine_retry, nothing_is_left_of_a_password_that_did_not_leave)
{
    struct leati_socks5_engine engine;

    engine_start_as(&engine, &with_password);
    leati_engine_done(&engine.base);
    cr_assert_null(memmem(&engine, sizeof(engine), "s3cret", 6));
}

/* The method that the proxy took, not the best that was offered. */
Test(socks5_engine_retry, the_method_that_was_taken_is_told)
{
    static const struct {
        const uint8_t replies[14];
        size_t needs[14], len;
        const char *text;
    } rows[] = {
        {{5}, {2}, 1, "example.com:443, no authentication, not answered yet"},
        {{5, 0, 5, 0, 0, 1},
         {2, 1, 2, 1, 2, 1, 6, 5, 4, 3, 2, 1},
         12,
         "example.com:443, no authentication"},
        {{5, 2, 1, 0, 5},
         {2, 1, 2, 1, 2},
         5,
         "example.com:443, user name and password, not answered yet"},
        {{5, 2, 1, 0, 5, 0, 0, 1},
         {2, 1, 2, 1, 2, 1, 2, 1, 6, 5, 4, 3, 2, 1},
         14,
         "example.com:443, user name and password"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct leati_socks5_engine engine;
        char text[128];

        engine_start_as(&engine, &with_password);
        cr_assert_eq(feed_bytes(&engine, rows[i].replies, rows[i].needs, rows[i].len), LEAT_OK);
        engine.base.ops->describe(&engine.base, text, sizeof(text));
        cr_expect_str_eq(text, rows[i].text);
        leati_engine_done(&engine.base);
    }
}
