/* SPDX-License-Identifier: Apache-2.0 */
/* The layer that protects, by itself, between a wire and whoever reads and writes. */
#include "socks5/gss_protection.h"

#include "gss_rig.h"
#include "support/scripted_layer.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(socks5_protection, .init = gss_rig_setup, .fini = gss_rig_teardown);

static struct leati_failure failure;
static struct scripted_layer wire;

static void gss_turn_await(struct leati_gss *gss, enum leati_gss_turn turn)
{
    gss_rig_await(gss);
    cr_assert_eq(leati_gss_turn(gss), turn);
}

static struct leati_layer *layer_open(void)
{
    const struct scripted_script script = scripted_script_plain();
    struct leati_layer *layer;
    leati_failure_init(&failure);
    scripted_layer_init(&wire, &script, &failure);
    struct leati_gss *gss = gss_rig_context();
    leati_gss_step(gss, NULL, 0);
    gss_turn_await(gss, LEATI_GSS_CONTINUES);
    leati_gss_step(gss, (const uint8_t *)"acceptor 1", 10);
    gss_turn_await(gss, LEATI_GSS_DONE);
    cr_assert_eq(leati_socks5_protection_layer_new(&failure, &layer), LEAT_OK);
    layer->lower = &wire.base;
    layer->failure = &failure;
    cr_assert_eq(layer->ops->connect(layer, 1), LEAT_OK);
    cr_expect_eq(layer->state, LEATI_LAYER_OPEN);
    cr_expect_eq(layer->ops->connect(layer, 1), LEAT_OK);
    leati_socks5_protection_begin(layer, gss, false);
    return layer;
}

static void layer_close(struct leati_layer *layer)
{
    layer->ops->destroy(layer);
    scripted_layer_done(&wire);
    leati_failure_done(&failure);
}

static void answer(const void *data, size_t len)
{
    uint8_t message[GSS_RIG_MESSAGE_MAX_BYTES];
    size_t message_len = gss_rig_seal(LEATI_SOCKS5_GSS_DATA, false, data, len, message);
    scripted_layer_reply(&wire, message, message_len);
}

static void check_read(struct leati_layer *layer, size_t cap, const char *expected)
{
    uint8_t buf[64];
    size_t len = 0;
    int code;
    while ((code = layer->ops->recv(layer, buf, cap, &len)) == LEATI_AGAIN &&
           wire.read < wire.to_read.len)
        ;
    cr_assert_eq(code, LEAT_OK, "%s", failure.text);
    cr_assert(len == strlen(expected) && memcmp(buf, expected, len) == 0, "%.*s", (int)len, buf);
}

Test(socks5_protection, messages_are_read_in_parts)
{
    struct leati_layer *layer = layer_open();
    wire.script.recv_max_bytes = 1;
    wire.script.again_every_other = true;
    answer("abcde", 5);
    answer("fgh", 3);
    cr_expect_not(layer->ops->pending(layer));
    check_read(layer, 2, "ab");
    cr_expect(layer->ops->pending(layer));
    check_read(layer, 2, "cd");
    check_read(layer, 2, "e");
    cr_expect_not(layer->ops->pending(layer));
    check_read(layer, 3, "fgh");
    cr_expect_not(layer->ops->pending(layer));
    layer_close(layer);
}

/* Those that hold bytes do not count, and begin the count anew. */
Test(socks5_protection, how_many_empty_messages_may_come)
{
    uint8_t buf[8];
    size_t len;
    struct leati_layer *layer = layer_open();
    for (int turn = 0; turn < 2; turn++) {
        for (unsigned i = 0; i < LEATI_SOCKS5_PROTECTION_MAX_EMPTY; i++)
            answer("", 0);
        for (unsigned i = 0; i <= LEATI_SOCKS5_PROTECTION_MAX_EMPTY; i++)
            answer("x", 1);
    }
    for (unsigned i = 0; i < 2 * (LEATI_SOCKS5_PROTECTION_MAX_EMPTY + 1); i++)
        check_read(layer, 8, "x");
    for (unsigned i = 0; i <= LEATI_SOCKS5_PROTECTION_MAX_EMPTY; i++)
        answer("", 0);
    cr_expect_eq(layer->ops->recv(layer, buf, sizeof(buf), &len), LEAT_E_SOCKS5_DESERIALIZE);
    cr_expect_eq(failure.sys_errno, 0);
    cr_expect_eq(failure.native_code, 0);
    layer_close(layer);
}

static bool no_memory(void)
{
    return true;
}

Test(socks5_protection, there_is_no_room_for_a_token)
{
    uint8_t buf[8];
    size_t len;
    struct leati_layer *layer = layer_open();
    answer("x", 1);
    leati_alloc_fail_hook = no_memory;
    int code = layer->ops->recv(layer, buf, sizeof(buf), &len);
    leati_alloc_fail_hook = NULL;
    cr_expect_eq(code, LEAT_E_SYSTEM_INTERNAL);
    cr_expect_eq(failure.sys_errno, ENOMEM);
    cr_expect_eq(failure.native_code, 0);
    layer_close(layer);
}

/* What is longer than a message goes into the next ones. */
Test(socks5_protection, how_much_one_message_takes)
{
    static uint8_t bytes[LEATI_SOCKS5_PROTECTION_PLAIN_BYTES + 1];
    size_t len;
    struct leati_layer *layer = layer_open();
    for (size_t size = sizeof(bytes) - 2; size <= sizeof(bytes); size++) {
        const struct iovec iov = {bytes, size};
        const size_t taken = size < sizeof(bytes) ? size : sizeof(bytes) - 1,
                     before = wire.sent.len;
        cr_assert_eq(layer->ops->send(layer, &iov, 1, &len), LEAT_OK);
        cr_expect_eq(len, taken);
        cr_expect_eq(wire.sent.len - before,
                     LEATI_SOCKS5_GSS_HEAD_BYTES + taken + FAKE_GSS_OVERHEAD);
    }
    layer_close(layer);
}

Test(socks5_protection, a_message_of_one_byte_in_pieces)
{
    static const struct iovec iov = {"x", 1};
    size_t len = 0;
    int code;
    struct leati_layer *layer = layer_open();
    wire.script.send_max_bytes = 3;
    wire.script.again_every_other = true;
    while ((code = layer->ops->send(layer, &iov, 1, &len)) == LEATI_AGAIN)
        ;
    cr_expect(code == LEAT_OK && len == 1);
    cr_expect_eq(wire.sent.len, LEATI_SOCKS5_GSS_HEAD_BYTES + 1 + FAKE_GSS_OVERHEAD);
    layer_close(layer);
}

Test(socks5_protection, the_end)
{
    struct leati_layer *layer = layer_open();
    cr_expect_eq(layer->ops->shutdown(layer, 1), LEAT_OK);
    cr_expect_eq(layer->state, LEATI_LAYER_CLOSED);
    layer_close(layer);
}

/* ---- datagrams ---------------------------------------------------------------------------------- */

static void check_datagram(struct leati_layer *layer, size_t len)
{
    static uint8_t bytes[LEATI_GSS_TOKEN_MAX_BYTES], room[LEATI_SOCKS5_PROTECTED_MAX_BYTES];
    size_t sealed_len = 0;
    memset(bytes, 'x', sizeof(bytes));
    memset(room, 0, sizeof(room));
    cr_assert_eq(leati_socks5_protection_seal(layer, bytes, len, room, &sealed_len), 0);
    cr_assert_eq(sealed_len, LEATI_SOCKS5_GSS_HEAD_BYTES + len + FAKE_GSS_OVERHEAD);
    cr_assert(leati_socks5_protection_open(layer, room, &sealed_len));
    cr_assert_eq(sealed_len, len);
    cr_assert_eq(memcmp(room, bytes, len), 0);
}

Test(socks5_protection, datagrams_of_each_end)
{
    enum { LONGEST = LEATI_GSS_TOKEN_MAX_BYTES - FAKE_GSS_OVERHEAD };
    static uint8_t bytes[LONGEST + 1];
    static uint8_t room[LEATI_SOCKS5_GSS_HEAD_BYTES + sizeof(bytes) + FAKE_GSS_OVERHEAD];
    size_t len = sizeof(room);
    struct leati_layer *layer = layer_open();
    check_datagram(layer, 1);
    check_datagram(layer, LONGEST);
    leati_socks5_gss_head(LEATI_SOCKS5_GSS_DATA, sizeof(bytes) + FAKE_GSS_OVERHEAD, room);
    fake_gss_seal(false, bytes, sizeof(bytes), room + LEATI_SOCKS5_GSS_HEAD_BYTES);
    cr_expect_not(leati_socks5_protection_open(layer, room, &len), "its length has no room");
    layer_close(layer);
}
