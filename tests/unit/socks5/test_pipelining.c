/* SPDX-License-Identifier: Apache-2.0 */
/** @file All messages in one flight, and the upper layer's bytes behind them: flights counted. */
#include "socks5/socks5.h"

#include "support/leak_check.h"
#include "support/scripted_layer.h"
#include "util/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(socks5_pipelining, .timeout = 30, .fini = leak_check);

/* Everything that a client with a password says when nothing holds it back. */
static const char flight[] = "\x05\x01\x02"
                             "\x01\x04user\x06s3cret"
                             "\x05\x01\x00\x03\x0b"
                             "example.com\x01\xbb";
#define FLIGHT_BYTES (sizeof(flight) - 1)

struct bench {
    struct scripted_layer wire;
    struct leati_failure failure;
    struct leati_layer *layer;
};

static void bench_init(struct bench *bench, enum leati_socks5_pipelining pipelining,
                       const char *user)
{
    const struct leati_socks5_options options = {
        .pipelining = pipelining,
        .host = "example.com",
        .port = 443,
        .user = user,
        .password = user ? "s3cret" : NULL,
        .step_timeout_ms = 250,
    };
    struct scripted_script script = scripted_script_plain();
    memset(bench, 0, sizeof(*bench));
    leati_failure_init(&bench->failure);
    scripted_layer_init(&bench->wire, &script, &bench->failure);
    cr_assert_eq(leati_socks5_layer_new(&options, &bench->failure, &bench->layer), LEAT_OK);
    bench->layer->lower = &bench->wire.base;
    bench->layer->failure = &bench->failure;
    bench->layer->hop = "proxy:1080";
}

static void bench_done(struct bench *bench)
{
    bench->layer->ops->destroy(bench->layer);
    scripted_layer_done(&bench->wire);
    leati_failure_done(&bench->failure);
}

static int bench_recv(struct bench *bench, char *text, size_t cap)
{
    size_t len = 0;
    int result = bench->layer->ops->recv(bench->layer, (uint8_t *)text, cap - 1, &len);
    text[len] = '\0';
    return result;
}

/* How many times the client waits for the proxy before the tunnel is open. */
static size_t count_round_trips(enum leati_socks5_pipelining pipelining, const char *replies[],
                                size_t reply_lens[])
{
    struct bench bench;
    size_t trips = 0;
    bench_init(&bench, pipelining, "user");
    while (bench.layer->ops->connect(bench.layer, 1000) == LEATI_AGAIN && trips < 10) {
        scripted_layer_reply(&bench.wire, replies[trips], reply_lens[trips]);
        trips++;
    }
    cr_assert_eq(bench.layer->state, LEATI_LAYER_OPEN);
    bench_done(&bench);
    return trips;
}

Test(socks5_pipelining, saves_two_round_trips_and_then_the_last)
{
    const char *lock_step[] = {"\x05\x02", "\x01\x00", "\x05\x00\x00\x01\0\0\0\0\0\0"};
    const char *pipelined[] = {"\x05\x02\x01\x00\x05\x00\x00\x01\0\0\0\0\0\0"};

    cr_assert_eq(count_round_trips(LEATI_SOCKS5_LOCK_STEP, lock_step, (size_t[]){2, 2, 10}), 3);
    cr_assert_eq(count_round_trips(LEATI_SOCKS5_PIPELINED, pipelined, (size_t[]){14}), 1);
    cr_assert_eq(count_round_trips(LEATI_SOCKS5_OPTIMISTIC, NULL, NULL), 0);
}

Test(socks5_pipelining, one_write_that_offers_the_password_only)
{
    struct bench bench;
    bench_init(&bench, LEATI_SOCKS5_PIPELINED, "user");
    cr_assert_eq(bench.layer->ops->connect(bench.layer, 1000), LEATI_AGAIN);
    cr_assert_eq(bench.wire.sent_calls, 1);
    cr_assert_eq(bench.wire.sent.len, FLIGHT_BYTES);
    cr_assert_eq(memcmp(bench.wire.sent.data, flight, FLIGHT_BYTES), 0);
    bench_done(&bench);

    bench_init(&bench, LEATI_SOCKS5_PIPELINED, NULL);
    cr_assert_eq(bench.layer->ops->connect(bench.layer, 1000), LEATI_AGAIN);
    cr_assert_eq(memcmp(bench.wire.sent.data, "\x05\x01\x00\x05\x01\x00\x03\x0b", 8), 0);
    bench_done(&bench);
}

/* A proxy that wants no password has got it all the same: that must not look like success. */
Test(socks5_pipelining, a_method_that_was_not_offered_fails)
{
    struct bench bench;
    bench_init(&bench, LEATI_SOCKS5_PIPELINED, "user");
    scripted_layer_reply(&bench.wire, "\x05\x00", 2);
    cr_assert_eq(bench.layer->ops->connect(bench.layer, 1000), LEAT_E_SOCKS5_METHOD);
    bench_done(&bench);
}

Test(socks5_pipelining, optimistic_bytes_go_ahead_and_come_back_behind_the_replies)
{
    static const char replies[] = "\x05\x02\x01\x00\x05\x00\x00\x01\0\0\0\0\0\0hello";
    for (size_t portion = 0; portion < 8; portion++) {
        struct bench bench;
        char text[16];
        size_t len;
        bench_init(&bench, LEATI_SOCKS5_OPTIMISTIC, "user");
        bench.wire.script.recv_max_bytes = portion;
        bench.wire.script.again_every_other = portion % 2 == 1;
        int result;
        while ((result = bench.layer->ops->connect(bench.layer, leati_clock_ms())) == LEATI_AGAIN)
            ;
        cr_assert_eq(result, LEAT_OK);
        cr_assert_not(bench.layer->passthrough);
        struct iovec iov = {.iov_base = "CLIENTHELLO", .iov_len = 11};
        while ((result = bench.layer->ops->send(bench.layer, &iov, 1, &len)) == LEATI_AGAIN)
            ;
        cr_assert_eq(result, LEAT_OK);
        cr_assert_eq(memcmp(bench.wire.sent.data + FLIGHT_BYTES, "CLIENTHELLO", 11), 0);
        cr_assert_eq(bench_recv(&bench, text, sizeof(text)), LEATI_AGAIN);
        cr_assert_eq(bench.layer->ops->want(bench.layer, 0), LEATI_WANT_READ);

        scripted_layer_reply(&bench.wire, replies, sizeof(replies) - 1);
        size_t got = 0;
        for (int i = 0; i < 200 && got < 5; i++)
            if (bench_recv(&bench, text, sizeof(text)) == LEAT_OK) {
                cr_assert_eq(memcmp(text, &"hello"[got], strlen(text)), 0);
                got += strlen(text);
            }
        cr_assert_eq(got, 5);
        cr_assert(bench.layer->passthrough);
        cr_assert_eq(bench.layer->deadline_ms, 0);
        bench_done(&bench);
    }
}

Test(socks5_pipelining, optimistic_failures_come_out_of_recv_with_their_codes)
{
    static const struct {
        const char *replies;
        size_t len;
        int code, native_code;
    } cases[] = {
        {"\x05\xff", 2, LEAT_E_SOCKS5_METHOD, 0xff},
        {"\x05\x02\x01\x01", 4, LEAT_E_SOCKS5_AUTH, 1},
        {"\x05\x02\x01\x00\x05\x05", 6, LEAT_E_SOCKS5_CONNECT_REMOTE, 5},
        {"\x04\x02", 2, LEAT_E_SOCKS5_DESERIALIZE, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        char text[16];
        bench_init(&bench, LEATI_SOCKS5_OPTIMISTIC, "user");
        cr_assert_eq(bench.layer->ops->connect(bench.layer, leati_clock_ms()), LEAT_OK);
        scripted_layer_reply(&bench.wire, cases[i].replies, cases[i].len);
        cr_assert_eq(bench_recv(&bench, text, sizeof(text)), cases[i].code);
        cr_assert_eq(bench_recv(&bench, text, sizeof(text)), cases[i].code);
        cr_assert_eq(bench.failure.code, cases[i].code);
        cr_assert_eq(bench.failure.layer, LEAT_LAYER_SOCKS5);
        cr_assert_eq(bench.failure.native_code, cases[i].native_code);
        bench_done(&bench);
    }
}

/* The clock of recv is the machine's: a step that began long ago is over. */
Test(socks5_pipelining, optimistic_silence_ends_at_the_deadline)
{
    struct bench bench;
    char text[16];
    bench_init(&bench, LEATI_SOCKS5_OPTIMISTIC, "user");
    cr_assert_eq(bench.layer->ops->connect(bench.layer, leati_clock_ms() - 1000), LEAT_OK);
    cr_assert_eq(bench_recv(&bench, text, sizeof(text)), LEAT_E_SOCKS5_RECV);
    cr_assert_eq(bench.failure.sys_errno, ETIMEDOUT);
    bench_done(&bench);
}

/* It is the upper layer's bytes that find the connection broken: the proxy's failure all the same. */
Test(socks5_pipelining, optimistic_bytes_that_cannot_be_sent_are_the_proxys_failure)
{
    struct bench bench;
    size_t len;
    const struct iovec iov = {.iov_base = "CLIENTHELLO", .iov_len = 11};
    bench_init(&bench, LEATI_SOCKS5_OPTIMISTIC, "user");
    bench.wire.script.send_end_at = FLIGHT_BYTES;
    bench.wire.script.send_end = LEAT_E_SOCKET_BASE + ECONNRESET;
    bench.wire.script.end_errno = ECONNRESET;
    cr_assert_eq(bench.layer->ops->connect(bench.layer, leati_clock_ms()), LEAT_OK);
    cr_assert_eq(bench.layer->ops->send(bench.layer, &iov, 1, &len), LEAT_E_SOCKS5_RECV);
    cr_assert_eq(bench.layer->ops->send(bench.layer, &iov, 1, &len), LEAT_E_SOCKS5_RECV);
    cr_assert_eq(bench.failure.code, LEAT_E_SOCKS5_RECV);
    cr_assert_eq(bench.failure.layer, LEAT_LAYER_SOCKS5);
    cr_assert_eq(bench.failure.sys_errno, ECONNRESET);
    bench_done(&bench);
}
