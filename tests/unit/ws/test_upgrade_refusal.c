/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a refused upgrade, and how long it is waited for. */
#include "upgrade_fixture.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "support/scripted_layer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(upgrade_refusal, .fini = leak_check);

#define T0 1000u

struct fixture {
    struct scripted_layer wire;
    struct leati_failure failure;
    struct leati_tracer tracer;
    struct leati_layer *layer;
};

static void fixture_make(struct fixture *fixture, const void *response, size_t len)
{
    struct scripted_script script = scripted_script_plain();
    struct leati_ws_upgrade_options options = example_options();

    memset(fixture, 0, sizeof(*fixture));
    leati_failure_init(&fixture->failure);
    scripted_layer_init(&fixture->wire, &script, &fixture->failure);
    cr_assert_eq(leati_ws_upgrade_layer_new(&options, &fixture->failure, &fixture->layer), LEAT_OK);
    fixture->layer->lower = &fixture->wire.base;
    fixture->layer->failure = &fixture->failure;
    fixture->layer->tracer = &fixture->tracer;
    fixture->layer->hop = "server.example.com:80";
    scripted_layer_reply(&fixture->wire, response, len);
}

static void fixture_make_text(struct fixture *fixture, const char *response)
{
    fixture_make(fixture, response, strlen(response));
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

static void check_refused(const struct fixture *fixture, int status, const char *text)
{
    cr_assert_eq(fixture->failure.code, LEAT_E_WS_CONNECT);
    cr_assert_eq(fixture->failure.layer, LEAT_LAYER_WEBSOCKET);
    cr_assert_eq(fixture->failure.native_code, status);
    cr_assert_eq(fixture->failure.sys_errno, 0);
    cr_assert_str_eq(fixture->failure.hop, "server.example.com:80");
    cr_assert_str_eq(fixture->failure.text, text);
    cr_assert_eq(leati_ws_agreement(fixture->layer)->status, status);
}

static void check_body(const struct fixture *fixture, const char *expected)
{
    struct leati_http_response *response = leati_ws_upgrade_take_response(fixture->layer);
    size_t len = 99;

    cr_assert_not_null(response);
    cr_assert_str_eq(leati_http_body_bytes(&response->body, &len), expected);
    cr_assert_eq(len, strlen(expected));
    leati_http_response_free(response);
}

Test(upgrade_refusal, head_and_body_in_any_portions, .timeout = 20)
{
    static const char response[] = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n"
                                   "6\r\nplease\r\n8;x=y\r\n log in!\r\n0\r\n\r\nignored";

    for (size_t portion = 0; portion < 10; portion++)
        for (int again = 0; again < 2; again++) {
            struct fixture fixture;
            int code = LEATI_AGAIN;
            fixture_make_text(&fixture, response);
            fixture.wire.script.recv_max_bytes = portion;
            fixture.wire.script.again_every_other = again;
            cr_assert_null(leati_ws_agreement(fixture.layer)->head);
            cr_assert_null(leati_ws_upgrade_take_response(fixture.layer));
            for (int i = 0; i < 1000 && code == LEATI_AGAIN; i++)
                code = connect_at(&fixture, T0);
            cr_assert_eq(code, LEAT_E_WS_CONNECT);
            cr_assert_eq(fixture.layer->state, LEATI_LAYER_CLOSED);
            cr_assert_eq(fixture.layer->deadline_ms, 0);
            check_refused(&fixture, 401, "the server answered HTTP 401 Unauthorized");
            const struct leati_http_head *head = leati_ws_agreement(fixture.layer)->head;
            cr_assert_str_eq(leati_http_head_get(head, "www-authenticate"), "Basic");
            check_body(&fixture, "please log in!");
            cr_assert_eq(connect_at(&fixture, T0 + 10), LEAT_E_WS_CONNECT);
            fixture_done(&fixture);
        }
}

/* Cut off after each byte: what came is kept, and the refusal stands from the end of its head. */
Test(upgrade_refusal, every_truncation, .timeout = 20)
{
    static const char response[] = "HTTP/1.1 503 Busy\r\nContent-Length: 12\r\n\r\ncome back!!!";
    static const char head[] = "HTTP/1.1 503 Busy\r\nContent-Length: 12\r\n\r\n";
    static const int ends[] = {LEATI_EOF, LEAT_E_SOCKET_BASE + ECONNRESET};

    for (size_t len = sizeof(head) - 1; len < sizeof(response) - 1; len++)
        for (size_t i = 0; i < 2; i++) {
            struct fixture fixture;
            char expected[20] = "";
            fixture_make(&fixture, response, len);
            memcpy(expected, response + sizeof(head) - 1, len - (sizeof(head) - 1));
            cr_assert_eq(connect_at(&fixture, T0), LEATI_AGAIN);
            check_refused(&fixture, 503, "the server answered HTTP 503 Busy");
            fixture.wire.script.recv_end_at = len;
            fixture.wire.script.recv_end = ends[i];
            fixture.wire.script.end_errno = i == 0 ? 0 : ECONNRESET;
            cr_assert_eq(connect_at(&fixture, T0 + 10), LEAT_E_WS_CONNECT);
            check_refused(&fixture, 503, "the server answered HTTP 503 Busy");
            check_body(&fixture, expected);
            fixture_done(&fixture);
        }
}

Test(upgrade_refusal, no_more_than_4_kib_is_kept, .timeout = 10)
{
    static const char head[] = "HTTP/1.1 500 Oh\r\n\r\n";
    static char response[20000];
    struct fixture fixture;
    size_t len;

    memset(response, 'b', sizeof(response));
    memcpy(response, head, sizeof(head) - 1);
    fixture_make(&fixture, response, sizeof(response));
    cr_assert_eq(connect_at(&fixture, T0), LEAT_E_WS_CONNECT);
    cr_assert_leq(fixture.wire.read, 3 * 4096, "more is read than is kept");
    struct leati_http_response *refusal = leati_ws_upgrade_take_response(fixture.layer);
    cr_assert_not_null(refusal);
    const char *body = leati_http_body_bytes(&refusal->body, &len);
    cr_assert_eq(len, 4096);
    cr_assert_eq(strspn(body, "b"), 4096);
    leati_http_response_free(refusal);
    fixture_done(&fixture);
}

Test(upgrade_refusal, a_body_that_does_not_come_costs_its_wait, .timeout = 10)
{
    static const char response[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\nwhat";
    struct fixture fixture;

    fixture_make_text(&fixture, response);
    cr_assert_eq(connect_at(&fixture, T0), LEATI_AGAIN);
    cr_assert_eq(fixture.layer->ops->want(fixture.layer, 0), LEATI_WANT_READ);
    cr_assert_eq(fixture.layer->deadline_ms, T0 + LEATI_WS_UPGRADE_BODY_WAIT_MS);
    cr_assert_eq(connect_at(&fixture, T0 + LEATI_WS_UPGRADE_BODY_WAIT_MS - 1), LEATI_AGAIN);
    cr_assert_eq(connect_at(&fixture, T0 + LEATI_WS_UPGRADE_BODY_WAIT_MS), LEAT_E_WS_CONNECT);
    check_refused(&fixture, 404, "the server answered HTTP 404 Not Found");
    check_body(&fixture, "what");
    fixture_done(&fixture);

    /* The deadline of the handshake, and that of the chain, are not moved. */
    fixture_make_text(&fixture, "HTTP/1.1 404 Not Found\r\n");
    cr_assert_eq(connect_at(&fixture, T0), LEATI_AGAIN);
    scripted_layer_reply(&fixture.wire, "\r\n", 2);
    cr_assert_eq(connect_at(&fixture, T0 + 4500), LEATI_AGAIN);
    cr_assert_eq(fixture.layer->deadline_ms, T0 + 5000);
    cr_assert_eq(connect_at(&fixture, T0 + 5000), LEAT_E_WS_CONNECT);
    check_refused(&fixture, 404, "the server answered HTTP 404 Not Found");
    fixture_done(&fixture);

    fixture_make_text(&fixture, response);
    fixture.layer->limit_ms = T0 + 30;
    cr_assert_eq(connect_at(&fixture, T0), LEATI_AGAIN);
    cr_assert_eq(connect_at(&fixture, T0 + 30), LEAT_E_WS_CONNECT);
    check_refused(&fixture, 404, "the server answered HTTP 404 Not Found");
    fixture_done(&fixture);
}

Test(upgrade_refusal, where_a_redirect_leads, .timeout = 10)
{
    static const struct {
        const char *response;
        const char *location;
    } cases[] = {
        {"HTTP/1.1 301 x\r\nLocation: wss://other/a\r\nContent-Length: 0\r\n\r\n", "wss://other/a"},
        {"HTTP/1.1 302 x\r\nlocation: /b?c\r\nContent-Length: 0\r\n\r\n", "/b?c"},
        {"HTTP/1.1 303 x\r\nLocation: c\r\nContent-Length: 0\r\n\r\n", "c"},
        {"HTTP/1.1 307 x\r\nLocation: d\r\nContent-Length: 0\r\n\r\n", "d"},
        {"HTTP/1.1 308 x\r\nLocation: e\r\nContent-Length: 0\r\n\r\n", "e"},
        {"HTTP/1.1 300 x\r\nLocation: f\r\nContent-Length: 0\r\n\r\n", NULL},
        {"HTTP/1.1 304 x\r\nLocation: f\r\nContent-Length: 0\r\n\r\n", NULL},
        {"HTTP/1.1 404 x\r\nLocation: f\r\nContent-Length: 0\r\n\r\n", NULL},
        {"HTTP/1.1 302 x\r\nContent-Length: 0\r\n\r\n", NULL},
        {"HTTP/1.1 302 x\r\nLocation: f\r\nLocation: g\r\nContent-Length: 0\r\n\r\n", NULL},
        {"HTTP/1.1 101 x\r\nLocation: f\r\n\r\n", NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        fixture_make_text(&fixture, cases[i].response);
        cr_assert_eq(connect_at(&fixture, T0), LEAT_E_WS_CONNECT, "case %zu", i);
        const char *location = leati_ws_agreement(fixture.layer)->location;
        if (!cases[i].location)
            cr_assert_null(location, "case %zu", i);
        else
            cr_assert_str_eq(location, cases[i].location);
        fixture_done(&fixture);
    }
}

Test(upgrade_refusal, heads_that_cannot_be_read, .timeout = 10)
{
    struct fixture fixture;

    /* A 101 that is not valid: its head is there, a body is not. */
    fixture_make_text(&fixture, "HTTP/1.1 101 x\r\nServer: y\r\n\r\nframes");
    cr_assert_eq(connect_at(&fixture, T0), LEAT_E_WS_CONNECT);
    cr_assert_str_eq(leati_http_head_get(leati_ws_agreement(fixture.layer)->head, "Server"), "y");
    check_body(&fixture, "");
    fixture_done(&fixture);

    fixture_make_text(&fixture, "HTTP/1.1 403 x\r\nSer ver: y\r\n\r\nbody");
    cr_assert_eq(connect_at(&fixture, T0), LEAT_E_WS_CONNECT);
    cr_assert_null(leati_ws_agreement(fixture.layer)->head);
    cr_assert_null(leati_ws_agreement(fixture.layer)->location);
    cr_assert_null(leati_ws_upgrade_take_response(fixture.layer));
    fixture_done(&fixture);
}

static bool attempt(void)
{
    static const char response[] = "HTTP/1.1 404 x\r\nContent-Length: 2\r\n\r\nno";
    struct fixture fixture;
    bool (*hook)(void) = leati_alloc_fail_hook;

    leati_alloc_fail_hook = NULL; /* the making has a test of its own */
    fixture_make_text(&fixture, response);
    leati_alloc_fail_hook = hook;
    int code = connect_at(&fixture, T0);
    cr_assert(code == LEAT_E_WS_CONNECT || code == LEAT_E_SYSTEM_INTERNAL);
    cr_assert_eq(fixture.layer->state, LEATI_LAYER_CLOSED);
    leati_http_response_free(leati_ws_upgrade_take_response(fixture.layer));
    fixture_done(&fixture);
    return code == LEAT_E_WS_CONNECT;
}

/* Without memory for the body there is still a refusal. */
Test(upgrade_refusal, each_allocation_fails, .timeout = 10)
{
    cr_assert_geq(alloc_failure_run_all(attempt), 1);
}
