/* SPDX-License-Identifier: Apache-2.0 */
/* GSS-API within SOCKS5 over a library of the test's own: what proxies may answer, and what they may
 * not. */
#include "gss_rig.h"
#include "socks5/gss_protection.h"
#include "socks5/socks5.h"
#include "support/alloc_failure.h"
#include "support/scripted_layer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define GREETING_ANSWER "\x05\x01"
#define TOKEN_ANSWER                                                                               \
    "\x01\x01\x00\x0a"                                                                             \
    "acceptor 1"
#define REPLY "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"

TestSuite(socks5_gss, .init = gss_rig_setup, .fini = gss_rig_teardown);

/* ---- a layer over the layer that protects, over a wire ---------------------------------------------- */

struct stack {
    struct leati_failure failure;
    struct scripted_layer wire;
    struct leati_layer *protection;
    struct leati_layer *socks5;
    struct leati_gss *gss; /* borrowed until the handshake is over */
};

static int stack_init(struct stack *stack, enum leat_socks5_protection wanted)
{
    const struct scripted_script script = scripted_script_plain();
    memset(stack, 0, sizeof(*stack));
    leati_failure_init(&stack->failure);
    scripted_layer_init(&stack->wire, &script, &stack->failure);
    int code = leati_socks5_protection_layer_new(&stack->failure, &stack->protection);
    if (code != LEAT_OK)
        return code;
    stack->gss = gss_rig_context();
    if (!stack->gss)
        return LEAT_E_SYSTEM_INTERNAL;
    const struct leati_socks5_options options = {
        .host = "example.com",
        .port = 443,
        .step_timeout_ms = 1000,
        .gss = stack->gss,
        .protection = wanted,
        .protection_layer = stack->protection,
    };
    code = leati_socks5_layer_new(&options, &stack->failure, &stack->socks5);
    if (code != LEAT_OK)
        return code;
    stack->protection->lower = &stack->wire.base;
    stack->socks5->lower = stack->protection;
    stack->socks5->failure = stack->protection->failure = &stack->failure;
    stack->socks5->hop = stack->protection->hop = "proxy.example:1080";
    cr_assert_eq(stack->protection->ops->connect(stack->protection, 1), LEAT_OK);
    return LEAT_OK;
}

static void stack_done(struct stack *stack)
{
    if (stack->socks5)
        stack->socks5->ops->destroy(stack->socks5);
    if (stack->protection)
        stack->protection->ops->destroy(stack->protection);
    scripted_layer_done(&stack->wire);
    leati_failure_done(&stack->failure);
}

/* Connects until that needs more of the proxy. */
static int stack_connect(struct stack *stack)
{
    for (;;) {
        int code = stack->socks5->ops->connect(stack->socks5, 1);
        if (code != LEATI_AGAIN || leati_gss_turn(stack->gss) != LEATI_GSS_WORKING)
            return code;
        gss_rig_await(stack->gss);
    }
}

static void answer(struct stack *stack, const void *data, size_t len)
{
    scripted_layer_reply(&stack->wire, data, len);
}

/* A message with a sealed token. */
static void answer_sealed(struct stack *stack, enum leati_socks5_gss_type type, bool confidential,
                          const void *data, size_t len)
{
    uint8_t message[GSS_RIG_MESSAGE_MAX_BYTES];
    answer(stack, message, gss_rig_seal(type, confidential, data, len, message));
}

/* What the layer has sent, and has not been looked at. */
static size_t looked_at;

static void sent_is(const struct stack *stack, const void *data, size_t len)
{
    cr_assert_eq(stack->wire.sent.len - looked_at, len, "%zu bytes",
                 stack->wire.sent.len - looked_at);
    cr_assert_eq(memcmp(stack->wire.sent.data + looked_at, data, len), 0);
    looked_at += len;
}

static void sent_sealed_is(const struct stack *stack, enum leati_socks5_gss_type type,
                           bool confidential, const void *data, size_t len)
{
    const uint8_t *message = stack->wire.sent.data + looked_at;
    uint8_t head[LEATI_SOCKS5_GSS_HEAD_BYTES], opened[256];
    bool was_confidential;
    leati_socks5_gss_head(type, len + FAKE_GSS_OVERHEAD, head);
    cr_assert_eq(stack->wire.sent.len - looked_at, sizeof(head) + len + FAKE_GSS_OVERHEAD);
    cr_assert_eq(memcmp(message, head, sizeof(head)), 0);
    cr_assert(
        fake_gss_open(message + sizeof(head), len + FAKE_GSS_OVERHEAD, opened, &was_confidential));
    cr_assert_eq(was_confidential, confidential);
    cr_assert_eq(memcmp(opened, data, len), 0);
    looked_at = stack->wire.sent.len;
}

static void refused(struct stack *stack, int code, int native_code, const char *text)
{
    cr_expect_eq(stack_connect(stack), code);
    cr_expect_eq(stack->failure.code, code);
    cr_expect_eq(stack->failure.native_code, native_code, "%d", stack->failure.native_code);
    cr_expect(strstr(stack->failure.text, text), "%s", stack->failure.text);
    stack_done(stack);
}

/* Until the proxy is asked for its level. */
static void until_level(struct stack *stack, enum leat_socks5_protection wanted, uint8_t level)
{
    cr_assert_eq(stack_init(stack, wanted), LEAT_OK);
    answer(stack, GREETING_ANSWER TOKEN_ANSWER, sizeof(GREETING_ANSWER TOKEN_ANSWER) - 1);
    cr_assert_eq(stack_connect(stack), LEATI_AGAIN, "%s", stack->failure.text);
    looked_at = stack->wire.sent.len - (LEATI_SOCKS5_GSS_HEAD_BYTES + 1 + FAKE_GSS_OVERHEAD);
    sent_sealed_is(stack, LEATI_SOCKS5_GSS_PROTECTION, false, &level, 1);
}

/* ---- what works -------------------------------------------------------------------------------------- */

Test(socks5_gss, each_level)
{
    static const char request[] = "\x05\x01\x00\x03\x0b"
                                  "example.com\x01\xbb";
    uint8_t buf[64];
    size_t len;
    for (uint8_t level = 0; level <= 2; level++) {
        struct stack stack;
        fake_gss_use(&(struct fake_gss){0});
        until_level(&stack, LEAT_SOCKS5_PROTECTION_ANY, 2);
        answer_sealed(&stack, LEATI_SOCKS5_GSS_PROTECTION, false, &level, 1);
        cr_assert_eq(stack_connect(&stack), LEATI_AGAIN, "%s", stack.failure.text);
        if (level == 0)
            sent_is(&stack, request, sizeof(request) - 1);
        else
            sent_sealed_is(&stack, LEATI_SOCKS5_GSS_DATA, level == 2, request, sizeof(request) - 1);
        /* The reply in two messages, with the upper layer's first bytes in the second. */
        if (level == 0) {
            answer(&stack, REPLY "words", sizeof(REPLY "words") - 1);
        } else {
            answer_sealed(&stack, LEATI_SOCKS5_GSS_DATA, level == 2, REPLY, 4);
            answer_sealed(&stack, LEATI_SOCKS5_GSS_DATA, level == 2, &REPLY "words"[4],
                          sizeof(REPLY "words") - 1 - 4);
        }
        cr_assert_eq(stack_connect(&stack), LEAT_OK, "%s", stack.failure.text);
        cr_assert(stack.socks5->passthrough);
        cr_assert_eq(stack.protection->passthrough, level == 0);
        cr_assert_eq(stack.socks5->ops->recv(stack.socks5, buf, sizeof(buf), &len), LEAT_OK);
        cr_assert(len == 5 && memcmp(buf, "words", 5) == 0);
        stack.socks5->ops->describe(stack.socks5, (char *)buf, sizeof(buf));
        cr_assert(strstr((char *)buf, "GSS-API"));
        stack_done(&stack);
    }
}

Test(socks5_gss, the_proxy_needs_nothing_of_it)
{
    struct stack stack;
    fake_gss_use(&(struct fake_gss){0});
    cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_NONE), LEAT_OK);
    looked_at = 0;
    cr_assert_null(leati_socks5_layer_protection(stack.socks5));
    answer(&stack, "\x05\x00" REPLY, 12);
    cr_assert_eq(stack_connect(&stack), LEAT_OK);
    cr_assert_null(leati_socks5_layer_protection(stack.socks5));
    cr_assert_eq(memcmp(stack.wire.sent.data, "\x05\x02\x00\x01", 4), 0);
    cr_assert(stack.protection->passthrough);
    cr_assert_eq(atomic_load(&fake_gss.calls), 0);
    stack_done(&stack);
}

Test(socks5_gss, a_protection_that_is_wanted_leaves_no_other_method)
{
    struct stack stack;
    fake_gss_use(&(struct fake_gss){0});
    cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_INTEGRITY), LEAT_OK);
    answer(&stack, "\x05\x00", 2);
    refused(&stack, LEAT_E_SOCKS5_METHOD, 0, "0x00, which was not offered");
    cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY), LEAT_OK);
    answer(&stack, "\x05\xff", 2);
    looked_at = 0;
    cr_assert_eq(stack_connect(&stack), LEAT_E_SOCKS5_METHOD);
    sent_is(&stack, "\x05\x01\x01", 3);
    refused(&stack, LEAT_E_SOCKS5_METHOD, 0xff, "GSS-API alone");
}

/* ---- tokens ------------------------------------------------------------------------------------------- */

Test(socks5_gss, answers_to_the_token)
{
    static const struct {
        const char *bytes;
        size_t len;
        int code, native_code;
        const char *text;
    } cases[] = {
        {"\x01\xff", 2, LEAT_E_SOCKS5_AUTH, 0xff, "refused GSS-API (rcmd@proxy.example)"},
        {"\x05\x00", 2, LEAT_E_SOCKS5_DESERIALIZE, 0, "byte 0x05 instead of 0x01"},
        {"\x01\x02", 2, LEAT_E_SOCKS5_DESERIALIZE, 0, "of the type 0x02"},
        {"\x01\x01\x00\x00", 4, LEAT_E_SOCKS5_DESERIALIZE, 0, "is empty"},
        {"\x01\x01\x00\x01x", 5, LEAT_E_SOCKS5_AUTH, 0, "damaged"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stack stack;
        fake_gss_use(&(struct fake_gss){0});
        cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_ANY), LEAT_OK);
        answer(&stack, GREETING_ANSWER, 2);
        answer(&stack, cases[i].bytes, cases[i].len);
        refused(&stack, cases[i].code, cases[i].native_code, cases[i].text);
    }
}

Test(socks5_gss, the_connection_ends_between_and_within)
{
    for (size_t at = 2; at < 16; at++) {
        struct stack stack;
        bool begun = at > 2;
        fake_gss_use(&(struct fake_gss){0});
        cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_ANY), LEAT_OK);
        answer(&stack, GREETING_ANSWER TOKEN_ANSWER, 16);
        stack.wire.script.recv_end_at = at;
        stack.wire.script.recv_end = LEATI_EOF;
        refused(&stack, begun ? LEAT_E_SOCKS5_DESERIALIZE : LEAT_E_SOCKS5_RECV, 0,
                begun ? "in the middle" : "may have refused GSS-API");
    }
}

/* While GSS-API speaks, it is its step that a broken connection breaks. */
Test(socks5_gss, the_connection_breaks_within_a_step)
{
    struct stack stack;
    fake_gss_use(&(struct fake_gss){0});
    cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_ANY), LEAT_OK);
    answer(&stack, GREETING_ANSWER, 2);
    stack.wire.script.recv_end_at = 2;
    stack.wire.script.recv_end = LEAT_E_SOCKET_BASE + ECONNRESET;
    refused(&stack, LEAT_E_SOCKS5_RECV, 0, "receiving the answer to the GSS-API token failed");
}

Test(socks5_gss, tokens_without_end)
{
    struct stack stack;
    char token[32];
    fake_gss_use(&(struct fake_gss){.rounds = 100});
    cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_ANY), LEAT_OK);
    answer(&stack, GREETING_ANSWER, 2);
    for (int i = 1; i < 20; i++) {
        int len = snprintf(token, sizeof(token), "%c%c%c%cacceptor %d", 1, 1, 0, 10 + (i > 9), i);
        answer(&stack, token, (size_t)len);
    }
    refused(&stack, LEAT_E_SOCKS5_AUTH, 0, "never comes to an end");
}

Test(socks5_gss, a_last_token_of_ours)
{
    struct stack stack;
    fake_gss_use(&(struct fake_gss){.last_token = true});
    cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_ANY), LEAT_OK);
    answer(&stack, GREETING_ANSWER TOKEN_ANSWER "\x01\x01\x00\x00\x01\xff", 22);
    refused(&stack, LEAT_E_SOCKS5_AUTH, 0xff, "refused GSS-API");
    cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_ANY), LEAT_OK);
    answer(&stack, GREETING_ANSWER TOKEN_ANSWER "\x01\x01\x00\x01x", 21);
    refused(&stack, LEAT_E_SOCKS5_DESERIALIZE, 0, "there was nothing left to say");
}

Test(socks5_gss, what_the_library_says)
{
    struct stack stack;
    fake_gss_use(
        &(struct fake_gss){.fails_at = 1, .major = 0x70000, .minor = (uint32_t)-1765328243});
    cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_ANY), LEAT_OK);
    answer(&stack, GREETING_ANSWER, 2);
    refused(&stack, LEAT_E_SOCKS5_AUTH, -1765328243, "kinit");
    /* One that does not make the proxy prove who it is. */
    fake_gss_use(&(struct fake_gss){.flags = LEATI_GSS_C_INTEG});
    cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_ANY), LEAT_OK);
    answer(&stack, GREETING_ANSWER TOKEN_ANSWER, 16);
    refused(&stack, LEAT_E_SOCKS5_AUTH, 0, "has not proved to be rcmd@proxy.example");
}

Test(socks5_gss, a_kdc_that_is_away)
{
    struct stack stack;
    fake_gss_use(&(struct fake_gss){.blocks = true});
    cr_assert_eq(stack_init(&stack, LEAT_SOCKS5_PROTECTION_ANY), LEAT_OK);
    answer(&stack, GREETING_ANSWER, 2);
    struct leati_layer *l = stack.socks5;
    cr_assert_eq(l->ops->connect(l, 50), LEATI_AGAIN);
    cr_assert_eq(l->ops->want(l, 0), 0);
    cr_assert_eq(l->deadline_ms, 1050);
    cr_assert_eq(l->ops->connect(l, 1049), LEATI_AGAIN);
    cr_assert_eq(l->ops->connect(l, 1050), LEAT_E_SOCKS5_AUTH);
    cr_assert_eq(stack.failure.sys_errno, ETIMEDOUT);
    cr_assert(strstr(stack.failure.text, "KDC may be away"), "%s", stack.failure.text);
    stack_done(&stack);
    atomic_store(&fake_gss.blocks, false);
}

/* ---- levels ------------------------------------------------------------------------------------------- */

Test(socks5_gss, answers_to_the_level)
{
    static const struct {
        enum leat_socks5_protection wanted;
        uint8_t asked;
        const char *bytes;
        size_t len;
        int code, native_code;
        const char *text;
    } cases[] = {
        {LEAT_SOCKS5_PROTECTION_ANY, 2, "\x03", 1, LEAT_E_SOCKS5_METHOD, 3, "level 3"},
        {LEAT_SOCKS5_PROTECTION_ANY, 2, "", 0, LEAT_E_SOCKS5_DESERIALIZE, 0, "0 bytes"},
        {LEAT_SOCKS5_PROTECTION_ANY, 2, "\x01\x01", 2, LEAT_E_SOCKS5_DESERIALIZE, 0, "2 bytes"},
        {LEAT_SOCKS5_PROTECTION_INTEGRITY, 1, "\x00", 1, LEAT_E_SOCKS5_METHOD, 0,
         "grants no protection, and integrity is wanted"},
        {LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY, 2, "\x01", 1, LEAT_E_SOCKS5_METHOD, 1,
         "leat_config_set_socks5_protection()"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stack stack;
        fake_gss_use(&(struct fake_gss){0});
        until_level(&stack, cases[i].wanted, cases[i].asked);
        answer_sealed(&stack, LEATI_SOCKS5_GSS_PROTECTION, false, cases[i].bytes, cases[i].len);
        refused(&stack, cases[i].code, cases[i].native_code, cases[i].text);
    }
}

Test(socks5_gss, levels_that_are_none)
{
    struct stack stack;
    fake_gss_use(&(struct fake_gss){0});
    until_level(&stack, LEAT_SOCKS5_PROTECTION_ANY, 2);
    answer(&stack,
           "\x01\x02\x00\x07"
           "forged!",
           11);
    refused(&stack, LEAT_E_SOCKS5_DESERIALIZE, 0, "protection level cannot be read");
    until_level(&stack, LEAT_SOCKS5_PROTECTION_ANY, 2);
    answer(&stack, "\x01\xff", 2);
    refused(&stack, LEAT_E_SOCKS5_AUTH, 0xff, "refused GSS-API");
    until_level(&stack, LEAT_SOCKS5_PROTECTION_ANY, 2);
    answer(&stack, "\x01\x02\x00\x00", 4);
    refused(&stack, LEAT_E_SOCKS5_DESERIALIZE, 0, "protection level cannot be read");
}

/* ---- messages ----------------------------------------------------------------------------------------- */

static void until_open(struct stack *stack)
{
    fake_gss_use(&(struct fake_gss){0});
    until_level(stack, LEAT_SOCKS5_PROTECTION_ANY, 2);
    answer_sealed(stack, LEATI_SOCKS5_GSS_PROTECTION, false, "\x02", 1);
    answer_sealed(stack, LEATI_SOCKS5_GSS_DATA, true, REPLY, sizeof(REPLY) - 1);
    cr_assert_eq(stack_connect(stack), LEAT_OK, "%s", stack->failure.text);
    looked_at = stack->wire.sent.len;
}

static void broken(struct stack *stack, const char *text)
{
    uint8_t buf[64];
    size_t len;
    struct leati_layer *l = stack->protection;
    cr_expect_eq(l->ops->recv(l, buf, sizeof(buf), &len), LEAT_E_SOCKS5_DESERIALIZE);
    cr_expect_eq(l->ops->recv(l, buf, sizeof(buf), &len), LEAT_E_SOCKS5_DESERIALIZE, "not sticky");
    cr_expect(strstr(stack->failure.text, text), "%s", stack->failure.text);
    cr_expect_eq(stack->failure.sys_errno, 0);
    stack_done(stack);
}

Test(socks5_gss, broken_messages)
{
    struct stack stack;
    until_open(&stack);
    answer(&stack,
           "\x01\x03\x00\x07"
           "forged!",
           11);
    broken(&stack, "cannot be read");
    until_open(&stack);
    answer(&stack, "\x01\x03\x00\x00", 4);
    broken(&stack, "cannot be read");
    until_open(&stack);
    answer(&stack, "\x01\x01", 2);
    broken(&stack, "a head that is none");
    until_open(&stack);
    answer(&stack, "\x17\x03", 2);
    broken(&stack, "a head that is none");
    until_open(&stack);
    answer(&stack, "\x01\xff", 2);
    broken(&stack, "gives up");
    until_open(&stack);
    answer_sealed(&stack, LEATI_SOCKS5_GSS_DATA, false, "in the clear", 12);
    broken(&stack, "confidentiality that was agreed on");
    until_open(&stack);
    for (int i = 0; i < 101; i++)
        answer_sealed(&stack, LEATI_SOCKS5_GSS_DATA, true, "", 0);
    broken(&stack, "again and again");
    for (size_t at = 1; at < 11; at++) {
        until_open(&stack);
        answer_sealed(&stack, LEATI_SOCKS5_GSS_DATA, true, "x", 1);
        stack.wire.script.recv_end_at = stack.wire.read + at;
        stack.wire.script.recv_end = LEATI_EOF;
        broken(&stack, "was cut off");
    }
}

static int send_bytes(struct stack *stack, const void *data, size_t len, size_t *ret_len)
{
    /* Nothing can also stand before something. */
    const struct iovec iov[] = {{NULL, 0}, {(void *)(uintptr_t)data, len}};
    return stack->protection->ops->send(stack->protection, iov, 2, ret_len);
}

Test(socks5_gss, nothing_to_send_is_no_message)
{
    struct stack stack;
    size_t len = 1;
    until_open(&stack);
    stack.wire.mute = true;
    cr_expect_eq(send_bytes(&stack, NULL, 0, &len), LEAT_OK);
    cr_expect_eq(len, 0);
    cr_expect_eq(stack.wire.sent.len, looked_at);
    stack.wire.mute = false;
    cr_expect_eq(send_bytes(&stack, "words", 5, &len), LEAT_OK);
    cr_expect_eq(len, 5);
    sent_sealed_is(&stack, LEATI_SOCKS5_GSS_DATA, true, "words", 5);
    stack_done(&stack);
}

/* Between the pieces the caller may come with nothing, or with less. */
Test(socks5_gss, a_message_that_leaves_in_pieces)
{
    struct stack stack;
    size_t len;
    int code;
    until_open(&stack);
    stack.wire.script.send_max_bytes = 3;
    stack.wire.script.again_every_other = true;
    while ((code = send_bytes(&stack, "words", 5, &len)) == LEATI_AGAIN) {
        len = 1;
        cr_assert_eq(send_bytes(&stack, NULL, 0, &len), LEAT_OK);
        cr_assert_eq(len, 0);
    }
    cr_expect_eq(code, LEAT_OK);
    cr_expect_eq(len, 5);
    sent_sealed_is(&stack, LEATI_SOCKS5_GSS_DATA, true, "words", 5);
    cr_assert_eq(send_bytes(&stack, "more", 4, &len), LEATI_AGAIN);
    while ((code = send_bytes(&stack, "mo", 2, &len)) == LEATI_AGAIN)
        ;
    cr_assert(code == LEAT_OK && len == 2);
    sent_sealed_is(&stack, LEATI_SOCKS5_GSS_DATA, true, "more", 4);
    cr_assert_eq(send_bytes(&stack, "re", 2, &len), LEAT_OK);
    cr_assert_eq(len, 2);
    cr_assert_eq(stack.wire.sent.len, looked_at);
    stack_done(&stack);
}

/* The proxy's reply can be broken in the same ways, and the request's record says so. */
Test(socks5_gss, a_broken_reply)
{
    struct stack stack;
    fake_gss_use(&(struct fake_gss){0});
    until_level(&stack, LEAT_SOCKS5_PROTECTION_ANY, 2);
    answer_sealed(&stack, LEATI_SOCKS5_GSS_PROTECTION, false, "\x01", 1);
    answer(&stack,
           "\x01\x03\x00\x07"
           "forged!",
           11);
    refused(&stack, LEAT_E_SOCKS5_DESERIALIZE, 0, "cannot be read");
    until_level(&stack, LEAT_SOCKS5_PROTECTION_ANY, 2);
    answer_sealed(&stack, LEATI_SOCKS5_GSS_PROTECTION, false, "\x01", 1);
    answer_sealed(&stack, LEATI_SOCKS5_GSS_DATA, false, "\x05\x05", 2);
    refused(&stack, LEAT_E_SOCKS5_CONNECT_REMOTE, 5, "connection refused");
}

/* ---- datagrams ---------------------------------------------------------------------------------------- */

Test(socks5_gss, datagrams)
{
    static const char text[] = "a datagram";
    enum { LEN = sizeof(text) - 1, SEALED = LEATI_SOCKS5_GSS_HEAD_BYTES + LEN + FAKE_GSS_OVERHEAD };
    static uint8_t room[LEATI_SOCKS5_PROTECTED_MAX_BYTES], large[65530];
    uint8_t head[LEATI_SOCKS5_GSS_HEAD_BYTES], good[SEALED + 1];
    struct stack stack;
    size_t len;
    until_open(&stack);
    struct leati_layer *layer = leati_socks5_layer_protection(stack.socks5);
    cr_assert_eq(layer, stack.protection);
    cr_assert_eq(leati_socks5_protection_seal(layer, text, LEN, room, &len), 0);
    leati_socks5_gss_head(LEATI_SOCKS5_GSS_DATA, LEN + FAKE_GSS_OVERHEAD, head);
    cr_assert(len == SEALED && memcmp(room, head, sizeof(head)) == 0);
    memcpy(good, room, SEALED);
    cr_assert(leati_socks5_protection_open(layer, room, &len));
    cr_assert(len == LEN && memcmp(room, text, LEN) == 0);
    for (size_t cut = 0; cut <= SEALED + 1; cut++) {
        memcpy(room, good, SEALED);
        len = cut;
        cr_expect_eq(leati_socks5_protection_open(layer, room, &len), cut == SEALED, "%zu", cut);
    }
    for (size_t bad = 0; bad < SEALED; bad++) {
        memcpy(room, good, SEALED);
        room[bad] ^= 0x80;
        len = SEALED;
        cr_expect_not(leati_socks5_protection_open(layer, room, &len), "byte %zu", bad);
    }
    memcpy(room, head, sizeof(head));
    fake_gss_seal(false, text, LEN, room + sizeof(head));
    len = SEALED;
    cr_expect_not(leati_socks5_protection_open(layer, room, &len), "in the clear");
    cr_expect_eq(leati_socks5_protection_seal(layer, large, sizeof(large), room, &len), EMSGSIZE);
    cr_assert_eq(leati_socks5_protection_seal(layer, "", 0, room, &len), 0);
    cr_assert(leati_socks5_protection_open(layer, room, &len) && len == 0);
    stack_done(&stack);
}

/* ---- memory ------------------------------------------------------------------------------------------- */

static bool run_without_memory(void)
{
    struct stack stack;
    fake_gss_use(&(struct fake_gss){0});
    int code = stack_init(&stack, LEAT_SOCKS5_PROTECTION_ANY);
    if (code == LEAT_OK) {
        answer(&stack, GREETING_ANSWER TOKEN_ANSWER, 16);
        answer_sealed(&stack, LEATI_SOCKS5_GSS_PROTECTION, false, "\x02", 1);
        answer_sealed(&stack, LEATI_SOCKS5_GSS_DATA, true, REPLY, sizeof(REPLY) - 1);
        code = stack_connect(&stack);
    }
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    stack_done(&stack);
    return code == LEAT_OK;
}

Test(socks5_gss, every_allocation_may_fail)
{
    cr_assert_gt(alloc_failure_run_all(run_without_memory), 10);
}
