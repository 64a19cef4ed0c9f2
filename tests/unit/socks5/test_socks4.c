/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks4_engine.h"

#include "core/exchange.h"
#include "support/leak_check.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(socks4_engine, .timeout = 30, .fini = leak_check);

/* Bytes with their length, for strings that hold NUL. */
#define BYTES(s) (s), sizeof(s) - 1

static const struct leati_socks4_options by_name = {
    .host = "example.com", .port = 443, .carries_names = true};

static void engine_start(struct leati_socks4_engine *engine,
                         const struct leati_socks4_options *options)
{
    struct leati_failure failure;
    leati_failure_init(&failure);
    cr_assert_eq(leati_socks4_engine_init(engine, options, &failure), LEAT_OK);
    cr_assert_eq(failure.code, LEAT_OK);
}

Test(socks4_engine, requests)
{
    static const struct {
        struct leati_socks4_options options;
        const char *bytes;
        size_t len;
    } cases[] = {
        {{.host = "192.0.2.1", .port = 80}, BYTES("\x04\x01\x00\x50\xc0\x00\x02\x01\x00")},
        {{.host = "192.0.2.1", .port = 80, .carries_names = true, .user = "me", .password = ""},
         BYTES("\x04\x01\x00\x50\xc0\x00\x02\x01me\x00")},
        {{.host = "[::ffff:192.0.2.1]", .port = 65535},
         BYTES("\x04\x01\xff\xff\xc0\x00\x02\x01\x00")},
        {{.host = "a.example.", .port = 443, .carries_names = true, .user = ""},
         BYTES("\x04\x01\x01\xbb\x00\x00\x00\x01\x00"
               "a.example\x00")},
        {{.host = "0.0.0.0", .port = 1}, BYTES("\x04\x01\x00\x01\x00\x00\x00\x00\x00")},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leati_socks4_engine engine;
        const uint8_t *data;
        engine_start(&engine, &cases[i].options);
        cr_assert_eq(leati_engine_output(&engine.base, &data), cases[i].len, "case %zu", i);
        cr_assert_eq(memcmp(data, cases[i].bytes, cases[i].len), 0, "case %zu", i);
        cr_assert_eq(leati_engine_need(&engine.base), 0, "sends and reads at once");
        leati_engine_done(&engine.base);
    }
}

Test(socks4_engine, the_longest_request)
{
    struct leati_socks4_engine engine;
    const uint8_t *data;
    char user[256] = "", name[256] = "";
    memset(user, 'u', 255);
    memset(name, 'n', 255);
    const struct leati_socks4_options options = {
        .host = name, .port = 1, .carries_names = true, .user = user};
    engine_start(&engine, &options);
    cr_assert_eq(leati_engine_output(&engine.base, &data), LEATI_SOCKS4_REQUEST_MAX_BYTES);
    leati_engine_done(&engine.base);
}

Test(socks4_engine, what_cannot_be_said)
{
    static char long_text[257];
    memset(long_text, 'x', sizeof(long_text) - 1);
    const struct {
        struct leati_socks4_options options;
        const char *text;
    } cases[] = {
        {{.host = "a.example", .port = 1}, "socks4a"},
        {{.host = "2001:db8::1", .port = 1, .carries_names = true}, "IPv6"},
        {{.host = "0.0.0.1", .port = 1, .carries_names = true}, "0.0.0"},
        {{.host = "0.0.0.255", .port = 1}, "0.0.0"},
        {{.host = "192.0.2.1", .port = 0}, "port"},
        {{.host = "", .port = 1, .carries_names = true}, "empty"},
        {{.host = long_text, .port = 1, .carries_names = true}, "longer than 255"},
        {{.host = "192.0.2.1", .port = 1, .user = long_text}, "user id is longer than 255"},
        {{.host = "192.0.2.1", .port = 1, .user = "u", .password = "s3cret"}, "password"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct leati_socks4_engine engine;
        struct leati_failure failure;
        leati_failure_init(&failure);
        cr_assert_eq(leati_socks4_engine_init(&engine, &cases[i].options, &failure),
                     LEAT_E_SOCKS5_SERIALIZE, "case %zu", i);
        cr_assert(strstr(failure.text, cases[i].text), "%s", failure.text);
        cr_assert_not(strstr(failure.text, "s3cret"));
        leati_failure_done(&failure);
    }
}

/* ---- the answer ----------------------------------------------------------------------- */

/* All of `reply`, at most `step` bytes a call, then the proxy's end if it was too little. */
static int answer(struct leati_socks4_engine *engine, const char *reply, size_t len, size_t step,
                  size_t *ret_used)
{
    size_t pos = 0;
    size_t used = 1;
    int code = LEAT_OK;
    const uint8_t *data;

    while (leati_engine_output(&engine->base, &data) > 0)
        leati_engine_sent(&engine->base, 1);
    while (pos < len && used > 0 && code == LEAT_OK) {
        cr_assert_eq(leati_engine_need(&engine->base), LEATI_SOCKS4_REPLY_BYTES - pos);
        code = leati_engine_feed(&engine->base, (const uint8_t *)reply + pos,
                                 len - pos < step ? len - pos : step, &used);
        pos += used;
    }
    *ret_used = pos;
    return code == LEAT_OK && engine->base.state != LEATI_SOCKS4_DONE
               ? leati_engine_end(&engine->base)
               : code;
}

static const struct {
    const char *reply;
    size_t len;
    int code, native_code;
    unsigned retry;
    const char *text;
} answers[] = {
    {BYTES("\x00\x5a\x01\x02\x03\x04\x05\x06"), LEAT_OK, 0, 0, ""},
    {BYTES("\x00\x5a\x01\x02\x03\x04\x05\x06HTTP"), LEAT_OK, 0, 0, ""},
    {BYTES("\x00\x5b\0\0\0\0\0\0"), LEAT_E_SOCKS5_CONNECT_REMOTE, 91,
     LEATI_RETRY_TARGET | LEATI_RETRY_PROXY, "example.com:443: rejected or failed"},
    {BYTES("\x00\x5b"), LEAT_E_SOCKS5_CONNECT_REMOTE, 91, LEATI_RETRY_TARGET | LEATI_RETRY_PROXY,
     "socks4:// resolves the name here"},
    {BYTES("\x00\x00\0\0\0\0\0\0"), LEAT_E_SOCKS5_CONNECT_REMOTE, 0,
     LEATI_RETRY_TARGET | LEATI_RETRY_PROXY, "reply 0"},
    {BYTES("\x00\x5c\0\0\0\0\0\0"), LEAT_E_SOCKS5_AUTH, 92, 0, "could not reach identd"},
    {BYTES("\x00\x5d\0\0\0\0\0\0"), LEAT_E_SOCKS5_AUTH, 93, 0, "another user"},
    {BYTES("\x04\x5a\0\0\0\0\0\0"), LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "0x04"},
    {BYTES("\x05\xff"), LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "not a SOCKS4 proxy"},
    {BYTES("HTTP/1.1 400"), LEAT_E_SOCKS5_DESERIALIZE, 0, 0, "0x48"},
    {BYTES(""), LEAT_E_SOCKS5_RECV, 0, LEATI_RETRY_TARGET | LEATI_RETRY_PROXY,
     "closed the connection instead of answering the request: the target example.com:443 may be "},
    {BYTES("\x00"), LEAT_E_SOCKS5_DESERIALIZE, 0, LEATI_RETRY_TARGET | LEATI_RETRY_PROXY,
     "in the middle"},
    {BYTES("\x00\x5a\0\0\0\0\0"), LEAT_E_SOCKS5_DESERIALIZE, 0,
     LEATI_RETRY_TARGET | LEATI_RETRY_PROXY, "after 7 bytes"},
};

Test(socks4_engine, answers_in_pieces_of_every_size)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        for (size_t step = 1; step <= 12; step++) {
            struct leati_socks4_engine engine;
            size_t used;
            engine_start(&engine, &by_name);
            int code = answer(&engine, answers[i].reply, answers[i].len, step, &used);
            cr_assert_eq(code, answers[i].code, "case %zu: %d %s", i, code, engine.text);
            cr_assert_eq(engine.base.native_code, answers[i].native_code, "case %zu", i);
            cr_assert_eq(engine.base.retry, answers[i].retry, "case %zu", i);
            cr_assert(strstr(engine.text, answers[i].text), "%s", engine.text);
            cr_assert(code != LEAT_OK || used == LEATI_SOCKS4_REPLY_BYTES);
            cr_assert_eq(leati_engine_need(&engine.base), 0);
            if (code != LEAT_OK)
                cr_assert_eq(leati_engine_end(&engine.base), code, "the first failure wins");
            leati_engine_done(&engine.base);
        }
}

Test(socks4_engine, a_refused_user_id_says_whether_there_was_one)
{
    struct leati_socks4_options options = by_name;
    for (int i = 0; i < 2; i++) {
        struct leati_socks4_engine engine;
        size_t used;
        options.user = i ? "s3cret" : NULL;
        engine_start(&engine, &options);
        cr_assert_eq(answer(&engine, BYTES("\x00\x5d\0\0\0\0\0\0"), 8, &used), LEAT_E_SOCKS5_AUTH);
        cr_assert_eq(!strstr(engine.text, "none was configured"), i, "%s", engine.text);
        cr_assert_not(strstr(engine.text, "s3cret"));
        for (size_t at = 0; at < sizeof(engine.request); at++)
            cr_assert_eq(engine.request[at], 0, "the user id is still there");
        leati_engine_done(&engine.base);
    }
}

/* An engine that has a user id, and whether its request has left. */
static void user_start(struct leati_socks4_engine *engine, bool is_sent)
{
    struct leati_socks4_options options = by_name;
    const uint8_t *data;
    options.user = "s3cret";
    engine_start(engine, &options);
    if (is_sent)
        leati_engine_sent(&engine->base, leati_engine_output(&engine->base, &data));
}

Test(socks4_engine, silence)
{
    for (int is_sent = 0; is_sent < 2; is_sent++) {
        struct leati_socks4_engine engine;
        user_start(&engine, is_sent);
        leati_engine_expire(&engine.base, 250);
        cr_assert_eq(engine.base.code, LEAT_E_SOCKS5_RECV);
        cr_assert_eq(engine.base.native_code, 0);
        cr_assert_eq(engine.base.sys_errno, ETIMEDOUT);
        cr_assert_eq(engine.base.retry,
                     is_sent ? LEATI_RETRY_TARGET | LEATI_RETRY_PROXY : LEATI_RETRY_PROXY);
        cr_assert(strstr(engine.text, "within 250 ms"), "%s", engine.text);
        cr_assert_null(memmem(&engine, sizeof(engine), "s3cret", 6));
        leati_engine_done(&engine.base);
    }
}

Test(socks4_engine, nothing_is_left_of_a_user_id_that_did_not_leave)
{
    struct leati_socks4_engine engine;
    user_start(&engine, false);
    cr_assert(memmem(&engine, sizeof(engine), "s3cret", 6));
    leati_engine_done(&engine.base);
    cr_assert_null(memmem(&engine, sizeof(engine), "s3cret", 6));
}

Test(socks4_engine, a_connection_that_breaks)
{
    for (int is_sent = 0; is_sent < 2; is_sent++) {
        struct leati_socks4_engine engine;
        unsigned retry = 0;
        user_start(&engine, is_sent);
        int code = engine.base.ops->lost(&engine.base, LEAT_E_SOCKET_BASE + EPIPE, &retry);
        cr_assert_eq(code, is_sent ? LEAT_E_SOCKS5_RECV : LEAT_E_SOCKS5_SEND);
        cr_assert_eq(retry, is_sent ? LEATI_RETRY_TARGET | LEATI_RETRY_PROXY : LEATI_RETRY_PROXY);
        cr_assert_str_eq(engine.text,
                         is_sent ? "receiving the answer to the request failed: the target "
                                   "example.com:443 may be what failed, some proxies close instead "
                                   "of refusing; or it does not speak SOCKS4"
                                 : "sending the request failed");
        leati_engine_done(&engine.base);
    }
}

Test(socks4_engine, what_it_says_of_itself)
{
    for (int i = 0; i < 4; i++) {
        struct leati_socks4_options options = by_name;
        struct leati_socks4_engine engine;
        bool has_user = i & 1, is_answered = i & 2;
        char text[128], expected[128];
        size_t used;
        options.user = has_user ? "me" : "";
        engine_start(&engine, &options);
        if (is_answered)
            cr_assert_eq(answer(&engine, BYTES("\x00\x5a\0\0\0\0\0\0"), 8, &used), LEAT_OK);
        engine.base.ops->describe(&engine.base, text, sizeof(text));
        snprintf(expected, sizeof(expected), "example.com:443, %s%s",
                 has_user ? "user id" : "no user id", is_answered ? "" : ", not answered yet");
        cr_assert_str_eq(text, expected);
        leati_engine_done(&engine.base);
    }
}

static bool always(void)
{
    return true;
}

Test(socks4_engine, the_layer_around_it)
{
    struct leati_socks4_options options = by_name;
    struct leati_layer *layer = NULL;
    struct leati_failure failure;
    leati_failure_init(&failure);
    for (int i = 0; i < 2; i++) {
        options.optimistic = i;
        cr_assert_eq(leati_socks4_layer_new(&options, &failure, &layer), LEAT_OK);
        cr_assert_eq(leati_exchange_of(layer)->optimistic, i);
        layer->ops->destroy(layer);
    }
    layer = NULL;
    leati_alloc_fail_hook = always;
    cr_assert_eq(leati_socks4_layer_new(&options, &failure, &layer), LEAT_E_SYSTEM_INTERNAL);
    leati_alloc_fail_hook = NULL;
    cr_assert_null(layer);
    leati_failure_done(&failure);

    leati_failure_init(&failure);
    options.port = 0;
    cr_assert_eq(leati_socks4_layer_new(&options, &failure, &layer), LEAT_E_SOCKS5_SERIALIZE);
    cr_assert_null(layer);
    leati_failure_done(&failure);
}
