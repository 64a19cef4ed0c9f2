/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the conformance battery cannot know: texts, errno, writes, the trace. */
#include "socks5/socks5.h"

#include "support/leak_check.h"
#include "support/socks5_peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(socks5_layer, .timeout = 30, .fini = leak_check);

#define NOW_MS 7000

static const struct leati_socks5_options options = {
    .host = "example.com",
    .port = 443,
    .user = "user",
    .password = "s3cret",
    .step_timeout_ms = 250,
};

static const struct socks5_peer proxy_with_password = {
    .steps = {{"\x05\x02\x00\x02", 4, "\x05\x02", 2},
              {"\x01\x04user\x06s3cret", 13, "\x01\x00", 2},
              {"\x05\x01\x00\x03\x0b"
               "example.com\x01\xbb",
               18, "\x05\x00\x00\x01\0\0\0\0\0\0TLS", 13}},
};

struct bench {
    struct socks5_peer proxy;
    struct scripted_layer wire;
    struct leati_failure failure;
    struct leati_tracer tracer;
    char trace[4096];
    size_t trace_len;
    struct leati_layer *layer;
};

static void bench_trace(const struct leat_trace_event *event, void *user)
{
    struct bench *bench = user;
    cr_assert_eq(event->layer, LEAT_LAYER_SOCKS5);
    cr_assert_str_eq(event->hop, "proxy:1080");
    bench->trace_len +=
        (size_t)snprintf(bench->trace + bench->trace_len, sizeof(bench->trace) - bench->trace_len,
                         "%s\n", event->text);
}

static void bench_init(struct bench *bench)
{
    struct scripted_script script = scripted_script_plain();

    memset(bench, 0, sizeof(*bench));
    bench->proxy = proxy_with_password;
    leati_failure_init(&bench->failure);
    scripted_layer_init(&bench->wire, &script, &bench->failure);
    bench->wire.react = socks5_peer_react;
    bench->wire.peer = &bench->proxy;
    bench->tracer = (struct leati_tracer){bench_trace, bench};
    cr_assert_eq(leati_socks5_layer_new(&options, &bench->failure, &bench->layer), LEAT_OK);
    bench->layer->lower = &bench->wire.base;
    bench->layer->failure = &bench->failure;
    bench->layer->tracer = &bench->tracer;
    bench->layer->hop = "proxy:1080";
}

static void bench_done(struct bench *bench)
{
    bench->layer->ops->destroy(bench->layer);
    scripted_layer_done(&bench->wire);
    leati_failure_done(&bench->failure);
}

static int bench_connect(struct bench *bench, uint64_t now_ms)
{
    return bench->layer->ops->connect(bench->layer, now_ms);
}

Test(socks5_layer, one_write_a_message_and_not_a_byte_too_many_read)
{
    struct bench bench;
    char text[128];

    bench_init(&bench);
    cr_assert_eq(bench_connect(&bench, NOW_MS), LEAT_OK);
    cr_assert_eq(bench.wire.sent_calls, 3);
    cr_assert_eq(bench.wire.read, 2 + 2 + 10);
    cr_assert_eq(bench.wire.to_read.len - bench.wire.read, strlen("TLS"));
    bench.layer->ops->describe(bench.layer, text, sizeof(text));
    cr_assert_str_eq(text, "example.com:443, user name and password");
    bench_done(&bench);
}

Test(socks5_layer, trace_names_the_states_and_no_secret)
{
    struct bench bench;

    bench_init(&bench);
    cr_assert_eq(bench_connect(&bench, NOW_MS), LEAT_OK);
    cr_assert_str_eq(bench.trace, "NEW > CONNECTING\n"
                                  "SEND_GREETING > RECV_METHOD\n"
                                  "RECV_METHOD > SEND_AUTH\n"
                                  "SEND_AUTH > RECV_AUTH_STATUS\n"
                                  "RECV_AUTH_STATUS > SEND_REQUEST\n"
                                  "SEND_REQUEST > RECV_REPLY\n"
                                  "RECV_REPLY > DONE\n"
                                  "CONNECTING > OPEN\n");
    bench_done(&bench);
}

/* The proxy answers only the first `answers` messages, the last of them after 200 ms. */
static void check_timeout(size_t answers, const char *text)
{
    struct bench bench;

    bench_init(&bench);
    bench.proxy.steps[answers].answer_len = 0;
    cr_assert_eq(bench_connect(&bench, NOW_MS), LEATI_AGAIN);
    cr_assert_eq(bench.layer->deadline_ms, NOW_MS + 250);
    cr_assert_eq(bench_connect(&bench, NOW_MS + 249), LEATI_AGAIN);
    cr_assert_eq(bench_connect(&bench, NOW_MS + 250), LEAT_E_SOCKS5_RECV);
    cr_assert_eq(bench.failure.sys_errno, ETIMEDOUT);
    cr_assert_str_eq(bench.failure.hop, "proxy:1080");
    cr_assert_str_eq(bench.failure.text, text);
    bench_done(&bench);
}

Test(socks5_layer, silence_names_the_step)
{
    check_timeout(0, "the proxy did not answer the greeting within 250 ms");
    check_timeout(1, "the proxy did not answer the user name and password within 250 ms");
    check_timeout(
        2, "the proxy did not answer the request within 250 ms: it may be waiting for the target "
           "example.com:443");
}

Test(socks5_layer, each_step_has_its_own_time)
{
    struct bench bench;

    bench_init(&bench);
    bench.wire.script.recv_end = LEATI_AGAIN;
    for (uint64_t step = 0; step < 3; step++) {
        /* Each answer comes 200 ms after its message. */
        bench.wire.script.recv_end_at = (size_t)(2 * step);
        cr_assert_eq(bench_connect(&bench, NOW_MS + 200 * step), LEATI_AGAIN);
        cr_assert_eq(bench.layer->deadline_ms, NOW_MS + 200 * step + 250);
    }
    bench.wire.script.recv_end_at = SCRIPTED_NEVER;
    cr_assert_eq(bench_connect(&bench, NOW_MS + 600), LEAT_OK);
    cr_assert_eq(bench.layer->deadline_ms, 0);
    bench_done(&bench);
}

Test(socks5_layer, an_answer_in_time_counts_however_late_it_is_read)
{
    struct bench bench;

    bench_init(&bench);
    bench.wire.mute = true;
    cr_assert_eq(bench_connect(&bench, NOW_MS), LEATI_AGAIN);
    bench.wire.mute = false;
    cr_assert_eq(bench_connect(&bench, NOW_MS + 250), LEAT_OK);
    bench_done(&bench);
}

/* The program stood still: the greeting's answer came in time, and no time is left for what follows. */
Test(socks5_layer, a_step_that_begins_when_all_time_is_over_had_none)
{
    struct bench bench;

    bench_init(&bench);
    bench.layer->limit_ms = NOW_MS + 200;
    bench.wire.script.recv_end = LEATI_AGAIN;
    bench.wire.script.recv_end_at = 0;
    cr_assert_eq(bench_connect(&bench, NOW_MS), LEATI_AGAIN);
    bench.wire.script.recv_end_at = 2;
    cr_assert_eq(bench_connect(&bench, NOW_MS + 1000), LEAT_E_SOCKS5_RECV);
    cr_assert_eq(bench.failure.sys_errno, ETIMEDOUT);
    cr_assert_str_eq(bench.failure.text,
                     "the proxy did not answer the user name and password within 0 ms");
    bench_done(&bench);
}

Test(socks5_layer, errors_of_the_wire_keep_their_errno_and_name_the_step)
{
    struct bench bench;

    bench_init(&bench);
    bench.wire.script.recv_end_at = 2;
    bench.wire.script.recv_end = LEAT_E_SOCKET_BASE + ECONNRESET;
    bench.wire.script.end_errno = ECONNRESET;
    cr_assert_eq(bench_connect(&bench, NOW_MS), LEAT_E_SOCKS5_RECV);
    cr_assert_eq(bench.failure.sys_errno, ECONNRESET);
    cr_assert_eq(bench.failure.layer, LEAT_LAYER_SOCKS5);
    cr_assert_str_eq(bench.failure.text,
                     "receiving the answer to the user name and password failed: the wire broke");
    cr_assert_eq(bench.layer->retry, LEATI_RETRY_PROXY);
    bench_done(&bench);

    bench_init(&bench);
    bench.wire.script.send_end_at = 4 + 13;
    bench.wire.script.send_end = LEAT_E_SOCKET_BASE + EPIPE;
    bench.wire.script.end_errno = EPIPE;
    cr_assert_eq(bench_connect(&bench, NOW_MS), LEAT_E_SOCKS5_SEND);
    cr_assert_eq(bench.failure.sys_errno, EPIPE);
    cr_assert_str_eq(bench.failure.text, "sending the request failed: the wire broke");
    cr_assert_eq(bench.layer->retry, LEATI_RETRY_PROXY);
    bench_done(&bench);

    bench_init(&bench);
    bench.wire.script.recv_end_at = 4;
    bench.wire.script.recv_end = LEAT_E_SOCKET_BASE + ECONNRESET;
    cr_assert_eq(bench_connect(&bench, NOW_MS), LEAT_E_SOCKS5_RECV);
    cr_assert_eq(bench.layer->retry, LEATI_RETRY_TARGET | LEATI_RETRY_PROXY);
    cr_assert_str_eq(bench.failure.text,
                     "receiving the answer to the request failed: the target example.com:443 may "
                     "be what failed, some proxies close instead of refusing: the wire broke");
    bench_done(&bench);
}

Test(socks5_layer, lack_of_memory_below_is_not_the_proxys_fault)
{
    struct bench bench;

    bench_init(&bench);
    bench.wire.script.recv_end_at = 0;
    bench.wire.script.recv_end = LEAT_E_SYSTEM_INTERNAL;
    cr_assert_eq(bench_connect(&bench, NOW_MS), LEAT_E_SYSTEM_INTERNAL);
    cr_assert_eq(bench_connect(&bench, NOW_MS), LEAT_E_SYSTEM_INTERNAL);
    cr_assert_str_eq(bench.failure.text, "the wire broke");
    bench_done(&bench);
}

Test(socks5_layer, refusal_carries_its_number)
{
    struct bench bench;

    bench_init(&bench);
    bench.proxy.steps[2].answer = "\x05\x03";
    bench.proxy.steps[2].answer_len = 2;
    cr_assert_eq(bench_connect(&bench, NOW_MS), LEAT_E_SOCKS5_CONNECT_REMOTE);
    cr_assert_eq(bench.failure.native_code, 3);
    cr_assert_eq(bench.failure.sys_errno, 0);
    cr_assert_str_eq(bench.failure.text, "the proxy could not connect to example.com:443: network "
                                         "unreachable (reply 0x03)");
    bench_done(&bench);
}

Test(socks5_layer, unusable_options_make_no_layer)
{
    struct leati_socks5_options wrong = options;
    struct leati_failure failure;
    struct leati_layer *layer = NULL;

    wrong.user = "";
    leati_failure_init(&failure);
    cr_assert_eq(leati_socks5_layer_new(&wrong, &failure, &layer), LEAT_E_SOCKS5_SERIALIZE);
    cr_assert_null(layer);
    leati_failure_done(&failure);
}
