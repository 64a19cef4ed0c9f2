/* SPDX-License-Identifier: Apache-2.0 */
/* The server's handshake over a scripted wire; what every layer must do is in tests/conformance. */
#include "accept_fixture.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "support/scripted_layer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(accept_layer, .fini = leak_check);

#define T0 1000u

struct fixture {
    struct scripted_layer wire;
    struct leati_failure failure;
    struct leati_tracer tracer;
    struct leati_layer *layer;
};

static void fixture_make(struct fixture *fixture, const char *request)
{
    struct scripted_script script = scripted_script_plain();
    struct leati_ws_accept_options options = example_accept_options();

    memset(fixture, 0, sizeof(*fixture));
    leati_failure_init(&fixture->failure);
    scripted_layer_init(&fixture->wire, &script, &fixture->failure);
    cr_assert_eq(leati_ws_accept_layer_new(&options, &fixture->failure, &fixture->layer), LEAT_OK);
    fixture->layer->lower = &fixture->wire.base;
    fixture->layer->failure = &fixture->failure;
    fixture->layer->tracer = &fixture->tracer;
    fixture->layer->hop = "client:1";
    scripted_layer_reply(&fixture->wire, request, strlen(request));
}

static void fixture_done(struct fixture *fixture)
{
    fixture->layer->ops->destroy(fixture->layer);
    scripted_layer_done(&fixture->wire);
    leati_failure_done(&fixture->failure);
}

static int connect_at(struct fixture *fixture, uint64_t now_ms)
{
    return fixture->layer->ops->connect(fixture->layer, now_ms);
}

static int answer(struct fixture *fixture, int status, const char *text)
{
    const struct leati_ws_accept_decision decision = {.status = status, .text = text};
    return leati_ws_accept_answer(fixture->layer, &decision);
}

static void check_sent(const struct fixture *fixture, const char *expected)
{
    cr_assert_eq(fixture->wire.sent.len, strlen(expected));
    cr_assert_eq(memcmp(fixture->wire.sent.data, expected, strlen(expected)), 0);
}

static void check_failed(const struct fixture *fixture, int sys_errno, int status, const char *text)
{
    cr_assert_eq(fixture->failure.code, LEAT_E_WS_CONNECT);
    cr_assert_eq(fixture->failure.layer, LEAT_LAYER_WEBSOCKET);
    cr_assert_eq(fixture->failure.sys_errno, sys_errno);
    cr_assert_eq(fixture->failure.native_code, status);
    cr_assert_str_eq(fixture->failure.text, text);
}

Test(accept_layer, asks_once_and_waits_for_the_answer, .timeout = 10)
{
    struct fixture fixture;
    char text[100];

    fixture_make(&fixture, REQUEST_WITH("Sec-WebSocket-Protocol: chat\r\n") "frames");
    cr_assert_not(leati_ws_accept_is_asking(fixture.layer));
    cr_assert_null(leati_ws_accept_request(fixture.layer));
    cr_assert_eq(answer(&fixture, 101, NULL), LEAT_E_PARAMETER, "too early");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(connect_at(&fixture, T0), LEATI_AGAIN);
        cr_assert(leati_ws_accept_is_asking(fixture.layer));
    }
    cr_assert_eq(fixture.layer->deadline_ms, 0, "the owner has all the time");
    cr_assert_eq(fixture.layer->ops->want(fixture.layer, 0), 0u);
    cr_assert_not(fixture.layer->ops->pending(fixture.layer));
    cr_assert_eq(fixture.wire.sent.len, 0);
    cr_assert_str_eq(leati_ws_accept_request(fixture.layer)->target, "/chat?room=1");

    const struct leati_ws_accept_decision decision = {.status = 101, .protocol = "chat"};
    cr_assert_eq(leati_ws_accept_answer(fixture.layer, &decision), LEAT_OK);
    cr_assert_not(leati_ws_accept_is_asking(fixture.layer));
    cr_assert_eq(answer(&fixture, 101, NULL), LEAT_E_PARAMETER, "a second answer");
    cr_assert_eq(fixture.layer->ops->want(fixture.layer, 0), LEATI_WANT_WRITE);
    cr_assert_eq(connect_at(&fixture, T0), LEAT_OK);
    cr_assert_eq(fixture.layer->state, LEATI_LAYER_OPEN);
    cr_assert_eq(leati_ws_agreement(fixture.layer)->status, 101);
    cr_assert_str_eq(leati_ws_agreement(fixture.layer)->protocol, "chat");
    check_sent(&fixture, SWITCH_WITH("Sec-WebSocket-Protocol: chat\r\n"));
    cr_assert_eq(fixture.wire.sent_calls, 1, "the response leaves in one write");
    fixture.layer->ops->describe(fixture.layer, text, sizeof(text));
    cr_assert_str_eq(text, "HTTP 101, subprotocol chat");

    uint8_t frames[6];
    size_t len = 0;
    cr_assert(fixture.layer->ops->pending(fixture.layer));
    cr_assert_eq(fixture.layer->ops->recv(fixture.layer, frames, 4, &len), LEAT_OK);
    cr_assert_eq(len, 4);
    cr_assert(fixture.layer->ops->pending(fixture.layer));
    cr_assert_eq(fixture.layer->ops->recv(fixture.layer, frames + 4, 2, &len), LEAT_OK);
    cr_assert_eq(memcmp(frames, "frames", 6), 0);
    cr_assert_not(fixture.layer->ops->pending(fixture.layer));
    cr_assert_eq(answer(&fixture, 404, NULL), LEAT_E_PARAMETER);
    fixture_done(&fixture);
}

Test(accept_layer, a_refusal_waits_until_the_client_has_left, .timeout = 10)
{
    struct fixture fixture;

    fixture_make(&fixture, REQUEST_WITH("") "frames of a client that could not wait");
    cr_assert_eq(connect_at(&fixture, T0), LEATI_AGAIN);
    cr_assert_eq(answer(&fixture, 403, "not from \x01 there"), LEAT_OK);
    fixture.wire.script.send_max_bytes = 7;
    fixture.wire.script.again_every_other = true;
    for (int i = 0; i < 200; i++)
        cr_assert_eq(connect_at(&fixture, T0 + 10), LEATI_AGAIN);
    check_sent(&fixture, "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n"
                         "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 16\r\n\r\n"
                         "not from \x01 there");
    check_failed(&fixture, 0, 403,
                 "the client was refused with HTTP 403 Forbidden: not from ? there");
    cr_assert_eq(fixture.layer->state, LEATI_LAYER_CONNECTING);
    cr_assert_eq(fixture.layer->ops->want(fixture.layer, 0), LEATI_WANT_READ);
    cr_assert_eq(fixture.layer->deadline_ms, T0 + 10 + LEATI_WS_ACCEPT_LINGER_MS);
    scripted_layer_reply(&fixture.wire, "more", 4);
    cr_assert_eq(connect_at(&fixture, T0 + 20), LEATI_AGAIN);
    fixture.wire.script.again_every_other = false;
    fixture.wire.script.recv_end_at = fixture.wire.to_read.len;
    fixture.wire.script.recv_end = LEATI_EOF;
    cr_assert_eq(connect_at(&fixture, T0 + 30), LEAT_E_WS_CONNECT);
    cr_assert_eq(fixture.layer->state, LEATI_LAYER_CLOSED);
    cr_assert_eq(connect_at(&fixture, T0 + 40), LEAT_E_WS_CONNECT);
    fixture_done(&fixture);
}

Test(accept_layer, a_refused_client_is_not_waited_for_for_ever, .timeout = 10)
{
    static char flood[LEATI_WS_ACCEPT_LINGER_BYTES + 5000];
    struct fixture fixture;

    fixture_make(&fixture, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert_eq(connect_at(&fixture, T0), LEATI_AGAIN);
    cr_assert_not(leati_ws_accept_is_asking(fixture.layer));
    cr_assert_eq(connect_at(&fixture, T0 + LEATI_WS_ACCEPT_LINGER_MS - 1), LEATI_AGAIN);
    cr_assert_eq(connect_at(&fixture, T0 + LEATI_WS_ACCEPT_LINGER_MS), LEAT_E_WS_CONNECT);
    check_failed(&fixture, 0, 426,
                 "the client was refused with HTTP 426 Upgrade Required: no \"Upgrade: websocket\" "
                 "in the request");
    cr_assert_null(leati_ws_accept_request(fixture.layer));
    fixture_done(&fixture);

    /* One that goes on sending is cut off before the time is over. */
    fixture_make(&fixture, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    scripted_layer_reply(&fixture.wire, flood, sizeof(flood));
    cr_assert_eq(connect_at(&fixture, T0), LEAT_E_WS_CONNECT);
    cr_assert_geq(fixture.wire.read, LEATI_WS_ACCEPT_LINGER_BYTES);
    fixture_done(&fixture);
}

Test(accept_layer, slow_handshakes_are_cut_off, .timeout = 10)
{
    struct fixture fixture;

    /* A byte each second does not help. */
    fixture_make(&fixture, "GET /");
    cr_assert_eq(connect_at(&fixture, T0), LEATI_AGAIN);
    cr_assert_eq(fixture.layer->deadline_ms, T0 + 5000);
    for (unsigned i = 1; i < 5; i++) {
        scripted_layer_reply(&fixture.wire, "x", 1);
        cr_assert_eq(connect_at(&fixture, T0 + i * 1000), LEATI_AGAIN);
        cr_assert_eq(fixture.layer->deadline_ms, T0 + 5000);
    }
    cr_assert_eq(connect_at(&fixture, T0 + 5003), LEAT_E_WS_CONNECT);
    check_failed(&fixture, ETIMEDOUT, 0,
                 "the request head was not complete within 5000 ms: 9 bytes of it came");
    fixture_done(&fixture);

    fixture_make(&fixture, REQUEST_WITH(""));
    fixture.layer->limit_ms = T0 + 700;
    cr_assert_eq(connect_at(&fixture, T0), LEATI_AGAIN);
    cr_assert_eq(connect_at(&fixture, T0 + 700), LEAT_E_WS_CONNECT);
    check_failed(&fixture, ETIMEDOUT, 0, "nobody decided about the request within 700 ms");
    fixture_done(&fixture);

    for (int status = 101; status <= 403; status += 302) {
        char text[80];
        fixture_make(&fixture, REQUEST_WITH(""));
        cr_assert_eq(connect_at(&fixture, T0), LEATI_AGAIN);
        cr_assert_eq(answer(&fixture, status, NULL), LEAT_OK);
        fixture.wire.mute = true;
        cr_assert_eq(connect_at(&fixture, T0 + 50), LEATI_AGAIN);
        cr_assert_eq(fixture.layer->ops->want(fixture.layer, 0), LEATI_WANT_WRITE);
        cr_assert_eq(connect_at(&fixture, T0 + 5049), LEATI_AGAIN);
        cr_assert_eq(connect_at(&fixture, T0 + 5050), LEAT_E_WS_CONNECT);
        snprintf(text, sizeof(text), "the client did not take the HTTP %d within 5000 ms", status);
        check_failed(&fixture, ETIMEDOUT, 0, text);
        fixture_done(&fixture);
    }
}

Test(accept_layer, the_client_leaves_early, .timeout = 10)
{
    static const char request[] = REQUEST_WITH("");

    for (size_t len = 0; len < sizeof(request) - 1; len++) {
        struct fixture fixture;
        char text[128];
        fixture_make(&fixture, request);
        fixture.wire.script.recv_end_at = len;
        fixture.wire.script.recv_end = LEATI_EOF;
        cr_assert_eq(connect_at(&fixture, T0), LEAT_E_WS_CONNECT);
        snprintf(text, sizeof(text),
                 "the client closed the connection before the request head was complete, after "
                 "%zu bytes of it",
                 len);
        check_failed(&fixture, 0, 0, text);
        fixture_done(&fixture);
    }
}

static bool attempt(void)
{
    static const struct leati_ws_accept_decision decision = {.status = 101, .protocol = "b"};
    struct scripted_script script = scripted_script_plain();
    struct leati_ws_accept_options options = example_accept_options();
    static const char request[] = REQUEST_WITH("Sec-WebSocket-Protocol: a, b\r\n") "frames";
    struct fixture fixture = {0};
    int code;

    leati_failure_init(&fixture.failure);
    scripted_layer_init(&fixture.wire, &script, &fixture.failure);
    code = leati_ws_accept_layer_new(&options, &fixture.failure, &fixture.layer);
    if (code == LEAT_OK) {
        fixture.layer->lower = &fixture.wire.base;
        fixture.layer->failure = &fixture.failure;
        fixture.layer->tracer = &fixture.tracer;
        scripted_layer_reply(&fixture.wire, request, sizeof(request) - 1);
        code = connect_at(&fixture, T0);
        if (code == LEATI_AGAIN)
            code = leati_ws_accept_answer(fixture.layer, &decision);
        if (code == LEAT_OK)
            code = connect_at(&fixture, T0);
        fixture.layer->ops->destroy(fixture.layer);
    }
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL);
    scripted_layer_done(&fixture.wire);
    leati_failure_done(&fixture.failure);
    return code == LEAT_OK;
}

Test(accept_layer, each_allocation_fails, .timeout = 10)
{
    cr_assert_geq(alloc_failure_run_all(attempt), 6);
}
