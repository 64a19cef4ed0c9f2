/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks5_engine.h"

#include "support/leak_check.h"
#include "support/mutation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(socks5_engine, .timeout = 30, .fini = leak_check);

/* Bytes with their length, for strings that hold NUL. */
#define BYTES(s) (s), sizeof(s) - 1

static const struct leati_socks5_options anonymous = {.host = "example.com", .port = 443};
static const struct leati_socks5_options with_password = {
    .host = "example.com",
    .port = 443,
    .user = "user",
    .password = "s3cret",
};

static void engine_start(struct leati_socks5_engine *engine,
                         const struct leati_socks5_options *options)
{
    struct leati_failure failure;
    leati_failure_init(&failure);
    cr_assert_eq(leati_socks5_engine_init(engine, options, &failure), LEAT_OK);
    cr_assert_eq(failure.code, LEAT_OK);
}

static void check_output(const struct leati_socks5_engine *engine, const void *expected, size_t len)
{
    const uint8_t *data = NULL;
    size_t output_len = leati_engine_output(&engine->base, &data);
    cr_assert_eq(output_len, len, "%zu bytes instead of %zu", output_len, len);
    cr_assert_eq(memcmp(data, expected, len), 0);
    cr_assert_eq(leati_engine_need(&engine->base), 0, "sends and reads at once");
}

/* Sends what is due, one byte at a time. */
static void send_all(struct leati_socks5_engine *engine)
{
    const uint8_t *data;
    while (leati_engine_output(&engine->base, &data) > 0)
        leati_engine_sent(&engine->base, 1);
}

/* The bytes of a proxy, whatever it is asked, at most `step` a call. Returns the code. */
static int feed_in_steps(struct leati_socks5_engine *engine, const void *replies, size_t len,
                         size_t step, size_t *ret_used)
{
    const uint8_t *data = replies;
    size_t pos = 0;
    size_t used = 1;
    int result = LEAT_OK;

    send_all(engine);
    while (pos < len && used > 0 && result == LEAT_OK) {
        result = leati_engine_feed(&engine->base, data + pos, len - pos < step ? len - pos : step,
                                   &used);
        pos += used;
        send_all(engine);
    }
    *ret_used = pos;
    return result;
}

/* ---- what is sent --------------------------------------------------------------------- */

Test(socks5_engine, messages_without_authentication)
{
    struct leati_socks5_engine engine;
    size_t used;

    engine_start(&engine, &anonymous);
    check_output(&engine, BYTES("\x05\x01\x00"));
    leati_engine_sent(&engine.base, 3);
    cr_assert_eq(leati_engine_need(&engine.base), 2);
    cr_assert_eq(leati_engine_feed(&engine.base, (const uint8_t *)"\x05\x00", 2, &used), LEAT_OK);
    check_output(&engine, BYTES("\x05\x01\x00\x03\x0b"
                                "example.com\x01\xbb"));
    leati_engine_done(&engine.base);
}

Test(socks5_engine, messages_with_password)
{
    struct leati_socks5_engine engine;
    size_t used;

    engine_start(&engine, &with_password);
    check_output(&engine, BYTES("\x05\x02\x00\x02"));
    leati_engine_sent(&engine.base, 4);
    cr_assert_eq(leati_engine_feed(&engine.base, (const uint8_t *)"\x05\x02", 2, &used), LEAT_OK);
    check_output(&engine, BYTES("\x01\x04user\x06s3cret"));
    leati_engine_sent(&engine.base, 13);
    cr_assert_eq(leati_engine_feed(&engine.base, (const uint8_t *)"\x01\x00", 2, &used), LEAT_OK);
    check_output(&engine, BYTES("\x05\x01\x00\x03\x0b"
                                "example.com\x01\xbb"));
    leati_engine_done(&engine.base);
}

/* What no RFC forbids a proxy to accept: the decision is its own. */
Test(socks5_engine, a_user_without_a_password_sends_an_empty_one)
{
    for (int i = 0; i < 2; i++) {
        const struct leati_socks5_options options = {
            .host = "example.com", .port = 443, .user = "user", .password = i ? "" : NULL};
        struct leati_socks5_engine engine;
        size_t used;

        engine_start(&engine, &options);
        check_output(&engine, BYTES("\x05\x02\x00\x02"));
        leati_engine_sent(&engine.base, 4);
        cr_assert_eq(leati_engine_feed(&engine.base, (const uint8_t *)"\x05\x02", 2, &used),
                     LEAT_OK);
        check_output(&engine, BYTES("\x01\x04user\x00"));
        leati_engine_done(&engine.base);
    }
}

Test(socks5_engine, neither_user_nor_password_is_no_authentication)
{
    const struct leati_socks5_options options = {
        .host = "example.com", .port = 443, .user = "", .password = ""};
    struct leati_socks5_engine engine;

    engine_start(&engine, &options);
    check_output(&engine, BYTES("\x05\x01\x00"));
    leati_engine_done(&engine.base);
}

Test(socks5_engine, the_version_of_an_authentication_reply)
{
    static const struct {
        const char *reply;
        int code;
    } cases[] = {
        {"\x01\x00", LEAT_OK},
        {"\x05\x00", LEAT_OK},
        {"\x01\x01", LEAT_E_SOCKS5_AUTH},
        {"\x05\xff", LEAT_E_SOCKS5_AUTH},
        {"\x00\x00", LEAT_E_SOCKS5_DESERIALIZE},
        {"\x02\x00", LEAT_E_SOCKS5_DESERIALIZE},
        {"\x04\x00", LEAT_E_SOCKS5_DESERIALIZE},
        {"\xff\x00", LEAT_E_SOCKS5_DESERIALIZE},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int pipelined = 0; pipelined < 2; pipelined++) {
            struct leati_socks5_options options = with_password;
            struct leati_socks5_engine engine;
            size_t used;
            options.pipelining = pipelined ? LEATI_SOCKS5_PIPELINED : LEATI_SOCKS5_LOCK_STEP;
            engine_start(&engine, &options);
            send_all(&engine);
            cr_assert_eq(feed_in_steps(&engine, "\x05\x02", 2, 1, &used), LEAT_OK);
            cr_expect_eq(feed_in_steps(&engine, cases[i].reply, 2, 1, &used), cases[i].code,
                         "case %zu", i);
            leati_engine_done(&engine.base);
        }
}

static void check_address(const char *host, const void *expected, size_t len)
{
    const struct leati_socks5_options options = {.host = host, .port = 0x1234};
    struct leati_socks5_engine engine;
    size_t used;

    engine_start(&engine, &options);
    leati_engine_sent(&engine.base, 3);
    cr_assert_eq(leati_engine_feed(&engine.base, (const uint8_t *)"\x05\x00", 2, &used), LEAT_OK);
    check_output(&engine, expected, len);
    leati_engine_done(&engine.base);
}

Test(socks5_engine, address_forms)
{
#define LOOPBACK6  "\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34"
#define LINK_LOCAL "\x05\x01\x00\x04\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34"
    check_address("127.0.0.1", BYTES("\x05\x01\x00\x01\x7f\x00\x00\x01\x12\x34"));
    check_address("127.0.0.1.", BYTES("\x05\x01\x00\x01\x7f\x00\x00\x01\x12\x34"));
    check_address("::1", BYTES(LOOPBACK6));
    check_address("[::1]", BYTES(LOOPBACK6));
    check_address("fe80::1", BYTES(LINK_LOCAL));
    check_address("fe80::1%no-such-interface", BYTES(LINK_LOCAL));
    check_address("[fe80::1%lo]", BYTES(LINK_LOCAL));
    check_address("[a", BYTES("\x05\x01\x00\x03\x02[a\x12\x34"));
    check_address("a]", BYTES("\x05\x01\x00\x03\x02"
                              "a]\x12\x34"));
    check_address("localhost", BYTES("\x05\x01\x00\x03\x09localhost\x12\x34"));
    check_address("localhost.", BYTES("\x05\x01\x00\x03\x09localhost\x12\x34"));
    check_address("127.1", BYTES("\x05\x01\x00\x03\x05"
                                 "127.1\x12\x34"));
    check_address("a%b", BYTES("\x05\x01\x00\x03\x03"
                               "a%b\x12\x34"));
}

static void check_refused(const char *host, uint16_t port, const char *user, const char *password,
                          const char *text)
{
    const struct leati_socks5_options options = {
        .host = host,
        .port = port,
        .user = user,
        .password = password,
    };
    struct leati_socks5_engine engine;
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert_eq(leati_socks5_engine_init(&engine, &options, &failure), LEAT_E_SOCKS5_SERIALIZE);
    cr_assert_eq(failure.code, LEAT_E_SOCKS5_SERIALIZE);
    cr_assert_eq(failure.layer, LEAT_LAYER_SOCKS5);
    cr_assert_str_eq(failure.text, text);
    leati_failure_done(&failure);
}

Test(socks5_engine, what_no_message_can_carry_is_named)
{
    char longest[256], too_long[257];
    struct leati_failure failure;

    memset(longest, 'x', 255);
    longest[255] = '\0';
    memset(too_long, 'x', 256);
    too_long[256] = '\0';

    check_refused("", 1, NULL, NULL, "the destination's host name is empty");
    check_refused(".", 1, NULL, NULL, "the destination's host name is empty");
    check_refused("[]", 1, NULL, NULL, "the destination's host name is empty");
    check_refused(&"."[1], 1, NULL, NULL, "the destination's host name is empty");
    check_refused(too_long, 1, NULL, NULL, "the destination's host name is longer than 255 bytes");
    check_refused("h", 0, NULL, NULL, "the destination's port is 0");
    check_refused("h", 1, too_long, "p", "the proxy's user name is longer than 255 bytes");
    check_refused("h", 1, "u", too_long, "the proxy's password is longer than 255 bytes");
    check_refused("h", 1, "", "p",
                  "there is a password for the proxy and no user name, which RFC 1929 wants");
    check_refused("h", 1, NULL, "p",
                  "there is a password for the proxy and no user name, which RFC 1929 wants");

    leati_failure_init(&failure);
    cr_assert_eq(leati_socks5_check_credentials(NULL, NULL, &failure), LEAT_OK);
    cr_assert_eq(leati_socks5_check_credentials(longest, longest, &failure), LEAT_OK);
}

Test(socks5_engine, longest_fields_fit)
{
    char longest[256];
    const struct leati_socks5_options options = {
        .host = longest,
        .port = 65535,
        .user = longest,
        .password = longest,
    };
    struct leati_socks5_engine engine;
    const uint8_t *data;
    size_t used;

    memset(longest, 'x', 255);
    longest[255] = '\0';
    engine_start(&engine, &options);
    leati_engine_sent(&engine.base, 4);
    leati_engine_feed(&engine.base, (const uint8_t *)"\x05\x02", 2, &used);
    cr_assert_eq(leati_engine_output(&engine.base, &data), LEATI_SOCKS5_AUTH_MAX_BYTES);
    leati_engine_sent(&engine.base, LEATI_SOCKS5_AUTH_MAX_BYTES);
    leati_engine_feed(&engine.base, (const uint8_t *)"\x01\x00", 2, &used);
    cr_assert_eq(leati_engine_output(&engine.base, &data), LEATI_SOCKS5_REQUEST_MAX_BYTES);
    leati_engine_sent(&engine.base, LEATI_SOCKS5_REQUEST_MAX_BYTES);
    leati_engine_feed(&engine.base, (const uint8_t *)"\x05\x05", 2, &used);
    cr_assert_eq(engine.base.code, LEAT_E_SOCKS5_CONNECT_REMOTE);
    cr_assert_neq(strstr(engine.text, longest), NULL);
    cr_assert_neq(strstr(engine.text, "connection refused (reply 0x05)"), NULL, "cut off");
    leati_engine_done(&engine.base);
}

Test(socks5_engine, password_is_gone_once_it_is_of_no_more_use)
{
    static const char *const after[] = {"\x05\x02", "\x05\x00", "\x05\xff", "\x04"};
    for (size_t i = 0; i < 4; i++) {
        struct leati_socks5_engine engine;
        size_t used;
        engine_start(&engine, &with_password);
        cr_assert_neq(memmem(&engine, sizeof(engine), "s3cret", 6), NULL);
        feed_in_steps(&engine, after[i], strnlen(after[i], 1) + (i < 3), 2, &used);
        cr_assert_eq(memmem(&engine, sizeof(engine), "s3cret", 6), NULL, "case %zu", i);
        leati_engine_done(&engine.base);
    }
}

/* ---- what comes back ------------------------------------------------------------------ */

struct reply_case {
    const struct leati_socks5_options *options;
    const char *replies;
    size_t len;
    size_t used; /* of `len`: the rest is not the engine's */
    int code;
    int native_code;
    const char *text;
};

#define CONNECTED  "\x05\x00\x00\x01\0\0\0\0\0\0"
#define REFUSED_TO "the proxy could not connect to example.com:443: "

static const struct reply_case reply_cases[] = {
    /* every form of address in a good reply */
    {&anonymous, BYTES("\x05\x00" CONNECTED), 12, LEAT_OK, 0, ""},
    {&anonymous, BYTES("\x05\x00" CONNECTED "TLS"), 12, LEAT_OK, 0, ""},
    {&anonymous, BYTES("\x05\x00\x05\x00\x00\x03\x00\x00\x00TLS"), 9, LEAT_OK, 0, ""},
    {&anonymous, BYTES("\x05\x00\x05\x00\x00\x03\x01x\x00\x00TLS"), 10, LEAT_OK, 0, ""},
    {&anonymous, BYTES("\x05\x00\x05\x00\x00\x04zzzzzzzzzzzzzzzz\x00\x00TLS"), 24, LEAT_OK, 0, ""},
    {&anonymous, BYTES("\x05\x00\x05\x00\xff\x01\0\0\0\0\0\0"), 12, LEAT_OK, 0, ""},
    {&with_password, BYTES("\x05\x00" CONNECTED), 12, LEAT_OK, 0, ""},
    {&with_password, BYTES("\x05\x02\x01\x00" CONNECTED), 14, LEAT_OK, 0, ""},
    {&with_password, BYTES("\x05\x02\x05\x00" CONNECTED), 14, LEAT_OK, 0, ""},
    /* methods */
    {&anonymous, BYTES("\x05\xff"), 2, LEAT_E_SOCKS5_METHOD, 0xff,
     "the proxy accepts none of the offered methods (no authentication; it may demand a user name "
     "and a password, or GSS-API)"},
    {&with_password, BYTES("\x05\xff"), 2, LEAT_E_SOCKS5_METHOD, 0xff,
     "the proxy accepts none of the offered methods (no authentication, user name and password)"},
    {&anonymous, BYTES("\x05\x02"), 2, LEAT_E_SOCKS5_AUTH, 0,
     "the proxy demands a user name and a password, and none was configured"},
    {&anonymous, BYTES("\x05\x01"), 2, LEAT_E_SOCKS5_METHOD, 0x01,
     "the proxy chose method 0x01, which was not offered"},
    {&with_password, BYTES("\x05\x80"), 2, LEAT_E_SOCKS5_METHOD, 0x80,
     "the proxy chose method 0x80, which was not offered"},
    /* versions */
    {&anonymous, BYTES("HTTP/1.1 400 Bad Request"), 1, LEAT_E_SOCKS5_DESERIALIZE, 0,
     "the proxy's answer to the greeting begins with byte 0x48 instead of 0x05: not a SOCKS5 "
     "proxy"},
    {&anonymous, BYTES("\x00\x5b"), 1, LEAT_E_SOCKS5_DESERIALIZE, 0,
     "the proxy's answer to the greeting begins with byte 0x00 instead of 0x05: not a SOCKS5 "
     "proxy"},
    {&with_password, BYTES("\x05\x02\x02\x00"), 3, LEAT_E_SOCKS5_DESERIALIZE, 0,
     "the proxy's answer to the user name and password begins with byte 0x02 instead of 0x01"},
    {&anonymous, BYTES("\x05\x00\x04\x00"), 3, LEAT_E_SOCKS5_DESERIALIZE, 0,
     "the proxy's answer to the request begins with byte 0x04 instead of 0x05"},
    /* authentication */
    {&with_password, BYTES("\x05\x02\x01\x01"), 4, LEAT_E_SOCKS5_AUTH, 1,
     "the proxy refused the user name and password (status 0x01)"},
    {&with_password, BYTES("\x05\x02\x01\xff"), 4, LEAT_E_SOCKS5_AUTH, 0xff,
     "the proxy refused the user name and password (status 0xff)"},
    /* refusals: known as soon as REP is there, whatever follows */
    {&anonymous, BYTES("\x05\x00\x05\x01"), 4, LEAT_E_SOCKS5_CONNECT_REMOTE, 1,
     REFUSED_TO "general SOCKS server failure (reply 0x01)"},
    {&anonymous, BYTES("\x05\x00\x05\x02\x00\x00"), 4, LEAT_E_SOCKS5_CONNECT_REMOTE, 2,
     REFUSED_TO "connection not allowed by ruleset (reply 0x02)"},
    {&anonymous, BYTES("\x05\x00\x05\x05\x00\x63xyz"), 4, LEAT_E_SOCKS5_CONNECT_REMOTE, 5,
     REFUSED_TO "connection refused (reply 0x05)"},
    {&anonymous, BYTES("\x05\x00\x05\x08\x00\x01\0\0\0\0\0\0"), 4, LEAT_E_SOCKS5_CONNECT_REMOTE, 8,
     REFUSED_TO "address type not supported (reply 0x08)"},
    {&anonymous, BYTES("\x05\x00\x05\x09"), 4, LEAT_E_SOCKS5_CONNECT_REMOTE, 9,
     REFUSED_TO "reply 0x09"},
    {&anonymous, BYTES("\x05\x00\x05\xf0"), 4, LEAT_E_SOCKS5_CONNECT_REMOTE, 0xf0,
     REFUSED_TO "onion service descriptor cannot be found (reply 0xf0)"},
    {&anonymous, BYTES("\x05\x00\x05\xf7"), 4, LEAT_E_SOCKS5_CONNECT_REMOTE, 0xf7,
     REFUSED_TO "onion service introduction timed out (reply 0xf7)"},
    {&with_password, BYTES("\x05\x02\x01\x00\x05\x02\x00\x01"), 6, LEAT_E_SOCKS5_CONNECT_REMOTE, 2,
     REFUSED_TO "connection not allowed by ruleset (reply 0x02)"},
    /* success with an address of no known form */
    {&anonymous, BYTES("\x05\x00\x05\x00\x00\x00\x00"), 6, LEAT_E_SOCKS5_DESERIALIZE, 0,
     "the proxy's answer to the request has the unknown address type 0x00"},
    {&anonymous, BYTES("\x05\x00\x05\x00\x00\x02"), 6, LEAT_E_SOCKS5_DESERIALIZE, 0,
     "the proxy's answer to the request has the unknown address type 0x02"},
};

Test(socks5_engine, replies_in_any_fragmentation)
{
    for (size_t i = 0; i < sizeof(reply_cases) / sizeof(reply_cases[0]); i++) {
        const struct reply_case *c = &reply_cases[i];
        for (size_t step = 1; step <= c->len; step++) {
            struct leati_socks5_engine engine;
            size_t used;
            engine_start(&engine, c->options);
            cr_expect_eq(feed_in_steps(&engine, c->replies, c->len, step, &used), c->code,
                         "case %zu: %d", i, engine.base.code);
            cr_expect_eq(used, c->used, "case %zu, step %zu: used %zu", i, step, used);
            cr_expect_eq(engine.base.state, c->code ? LEATI_SOCKS5_FAILED : LEATI_SOCKS5_DONE);
            cr_expect_eq(engine.base.native_code, c->native_code, "case %zu", i);
            cr_expect_str_eq(engine.text, c->text, "case %zu", i);
            cr_expect_eq(leati_engine_need(&engine.base), 0);
            leati_engine_done(&engine.base);
        }
    }
}

Test(socks5_engine, need_never_asks_for_a_byte_behind_the_reply)
{
    for (size_t i = 0; i < sizeof(reply_cases) / sizeof(reply_cases[0]); i++) {
        const struct reply_case *c = &reply_cases[i];
        struct leati_socks5_engine engine;
        size_t pos = 0;
        size_t need;
        engine_start(&engine, c->options);
        send_all(&engine);
        while ((need = leati_engine_need(&engine.base)) > 0) {
            size_t used;
            cr_assert_leq(need, c->len - pos, "case %zu", i);
            leati_engine_feed(&engine.base, (const uint8_t *)c->replies + pos, need, &used);
            pos += used;
            send_all(&engine);
        }
        cr_expect_eq(pos, c->used, "case %zu", i);
        leati_engine_done(&engine.base);
    }
}

Test(socks5_engine, every_truncation_is_named)
{
    static const char replies[] = "\x05\x02\x01\x00\x05\x00\x00\x03\x02hi\x00\x50";
    /* where each reply begins: between them it is "instead of", within "in the middle" */
    static const char *const steps[] = {"greeting", "user name and password", "request"};
    char expected[256];

    for (size_t len = 0; len < sizeof(replies) - 1; len++) {
        struct leati_socks5_engine engine;
        size_t used;
        size_t step = len < 2 ? 0 : len < 4 ? 1 : 2;
        size_t begun = len - 2 * step;
        engine_start(&engine, &with_password);
        cr_assert_eq(feed_in_steps(&engine, replies, len, 1, &used), LEAT_OK);
        int code = begun ? LEAT_E_SOCKS5_DESERIALIZE : LEAT_E_SOCKS5_RECV;
        cr_assert_eq(leati_engine_end(&engine.base), code, "%zu bytes", len);
        cr_assert_eq(leati_engine_end(&engine.base), code);
        cr_assert_eq(leati_engine_feed(&engine.base, (const uint8_t *)"\x05", 1, &used), code);
        if (begun)
            snprintf(expected, sizeof(expected),
                     "the proxy closed the connection in the middle of its answer to the %s (after "
                     "%zu bytes)",
                     steps[step], begun);
        else
            snprintf(expected, sizeof(expected),
                     "the proxy closed the connection instead of answering the %s%s", steps[step],
                     step == 2 ? ": the target example.com:443 may be what failed, some proxies "
                                 "close instead of refusing"
                               : "");
        cr_assert_str_eq(engine.text, expected);
        leati_engine_done(&engine.base);
    }
}

/* What must come of `replies` with byte `at` set to `value`. */
static int code_of_wrong_byte(size_t at, uint8_t value)
{
    switch (at) {
    case 0: /* VER of each reply */
    case 4:
        return value == 5 ? LEAT_OK : LEAT_E_SOCKS5_DESERIALIZE;
    case 1:
        /* With 00 the status of RFC 1929 that follows is taken for a reply, and is none. */
        return value == 2 ? LEAT_OK : value == 0 ? LEAT_E_SOCKS5_DESERIALIZE : LEAT_E_SOCKS5_METHOD;
    case 2:
        /* 05, the version of SOCKS, is what some proxies put there. */
        return value == 1 || value == 5 ? LEAT_OK : LEAT_E_SOCKS5_DESERIALIZE;
    case 3:
        return value == 0 ? LEAT_OK : LEAT_E_SOCKS5_AUTH;
    case 5:
        return value == 0 ? LEAT_OK : LEAT_E_SOCKS5_CONNECT_REMOTE;
    case 7:
        return value == 1 || value == 3 || value == 4 ? LEAT_OK : LEAT_E_SOCKS5_DESERIALIZE;
    default:
        return LEAT_OK;
    }
}

Test(socks5_engine, every_wrong_byte)
{
    static const char good[] = "\x05\x02\x01\x00\x05\x00\x00\x01\x0a\x00\x00\x01\x00\x50";

    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t replies[sizeof(good) - 1];
            struct leati_socks5_engine engine;
            size_t used;
            memcpy(replies, good, sizeof(replies));
            replies[at] = (uint8_t)value;
            engine_start(&engine, &with_password);
            cr_assert_eq(feed_in_steps(&engine, replies, sizeof(replies), 3, &used),
                         code_of_wrong_byte(at, (uint8_t)value), "byte %zu = 0x%02x: %d", at, value,
                         engine.base.code);
            cr_assert_eq(strstr(engine.text, "s3cret"), NULL);
            leati_engine_done(&engine.base);
        }
    }
}

Test(socks5_engine, reply_names)
{
    int named = 0;
    for (unsigned rep = 0; rep < 256; rep++)
        named += leati_socks5_reply_name((uint8_t)rep) != NULL;
    cr_assert_eq(named, 9 + 8);
    cr_assert_str_eq(leati_socks5_reply_name(4), "host unreachable");
    cr_assert_null(leati_socks5_reply_name(9));
    cr_assert_null(leati_socks5_reply_name(0xff));
}

Test(socks5_engine, mutated_replies_do_not_depend_on_fragmentation)
{
    struct mutation mutation;
    mutation_init(&mutation, 3);
    for (int i = 0; i < 20000; i++) {
        const struct reply_case *c =
            &reply_cases[mutation_below(&mutation, sizeof(reply_cases) / sizeof(reply_cases[0]))];
        struct leati_socks5_engine whole, bytes;
        size_t whole_used, bytes_used;
        size_t len = mutation_next(&mutation, c->replies, c->len);
        engine_start(&whole, c->options);
        engine_start(&bytes, c->options);
        int code = feed_in_steps(&whole, mutation.bytes, len, SIZE_MAX, &whole_used);
        cr_assert_eq(feed_in_steps(&bytes, mutation.bytes, len, 1, &bytes_used), code);
        cr_assert_eq(whole_used, bytes_used);
        cr_assert_eq(whole.base.state, bytes.base.state);
        cr_assert_str_eq(whole.text, bytes.text);
        if (whole.base.state != LEATI_SOCKS5_DONE)
            cr_assert_eq(leati_engine_end(&whole.base), leati_engine_end(&bytes.base));
        leati_engine_done(&whole.base);
        leati_engine_done(&bytes.base);
    }
}

/* ---- UDP ASSOCIATE ---------------------------------------------------------------------- */

static const struct leati_socks5_options associate = {.command = LEATI_SOCKS5_UDP_ASSOCIATE};

Test(socks5_engine, associate_asks_for_nothing_in_particular)
{
    struct leati_socks5_engine engine;
    size_t used;

    engine_start(&engine, &associate);
    leati_engine_sent(&engine.base, 3);
    cr_assert_eq(leati_engine_feed(&engine.base, (const uint8_t *)"\x05\x00", 2, &used), LEAT_OK);
    check_output(&engine, BYTES("\x05\x03\x00\x01\0\0\0\0\0\0"));
    leati_engine_done(&engine.base);
}

struct bound_case {
    const char *reply;
    size_t len;
    const char *bound; /* NULL = refused */
    const char *text;
};

static const struct bound_case bound_cases[] = {
    {BYTES("\x05\x00\x00\x01\x7f\0\0\x01\x12\x34"), "127.0.0.1:4660", ""},
    {BYTES("\x05\x00\x00\x01\0\0\0\0\x12\x34"), "0.0.0.0:4660", ""},
    {BYTES("\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34"), "[::1]:4660", ""},
    {BYTES("\x05\x00\x00\x03\x05relay\x12\x34"), "relay:4660", ""},
    {BYTES("\x05\x00\x00\x03\x00\x12\x34"), NULL,
     "the proxy's answer to the request has no address of a relay"},
    {BYTES("\x05\x00\x00\x03\x01\x00\x12\x34"), NULL,
     "the proxy's answer to the request has no address of a relay"},
    {BYTES("\x05\x00\x00\x01\x7f\0\0\x01\0\0"), NULL,
     "the proxy's answer to the request has port 0 for the relay"},
};

Test(socks5_engine, the_relay_is_told_in_any_fragmentation)
{
    for (size_t i = 0; i < sizeof(bound_cases) / sizeof(bound_cases[0]); i++) {
        const struct bound_case *c = &bound_cases[i];
        char bytes[64] = "\x05\x00";
        memcpy(bytes + 2, c->reply, c->len);
        for (size_t step = 1; step <= c->len + 2; step++) {
            struct leati_socks5_engine engine;
            char bound[300];
            size_t used;
            engine_start(&engine, &associate);
            cr_expect_eq(feed_in_steps(&engine, bytes, c->len + 2, step, &used),
                         c->bound ? LEAT_OK : LEAT_E_SOCKS5_DESERIALIZE, "case %zu", i);
            cr_expect_eq(used, c->len + 2);
            cr_expect_eq(engine.base.state, c->bound ? LEATI_SOCKS5_DONE : LEATI_SOCKS5_FAILED);
            cr_expect_str_eq(engine.text, c->text, "case %zu", i);
            cr_expect_eq(engine.base.native_code, 0, "case %zu", i);
            leati_socks5_address_format(&engine.bound, bound, sizeof(bound));
            if (c->bound)
                cr_expect_str_eq(bound, c->bound);
            leati_engine_done(&engine.base);
        }
    }
}

Test(socks5_engine, associate_refused)
{
    struct leati_socks5_engine engine;
    size_t used;

    engine_start(&engine, &associate);
    cr_assert_eq(feed_in_steps(&engine, "\x05\x00\x05\x07", 4, 4, &used),
                 LEAT_E_SOCKS5_CONNECT_REMOTE);
    cr_assert_eq(engine.base.native_code, 7);
    cr_assert_str_eq(engine.text,
                     "the proxy could not relay UDP: command not supported (reply 0x07)");
    leati_engine_done(&engine.base);
}
