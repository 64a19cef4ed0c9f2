/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connect.h"

#include "http/body.h"
#include "support/alloc_failure.h"
#include "support/connect_auth.h"
#include "support/scripted_layer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(http_connect_layer, .timeout = 30);

#define START_MS 1000u
#define STEP_MS  5000u

/* The layer over a scripted proxy that says `reply` when the request is complete. */
struct fixture {
    struct leati_failure failure;
    struct scripted_layer wire;
    struct leati_layer *layer;
    const char *reply;
    bool has_replied;
};

static void proxy_react(void *peer, struct scripted_layer *wire)
{
    struct fixture *f = peer;
    const struct scripted_bytes *sent = &wire->sent;

    if (f->has_replied || sent->len < 4 || memcmp(sent->data + sent->len - 4, "\r\n\r\n", 4) != 0)
        return;
    f->has_replied = true;
    scripted_layer_reply(wire, f->reply, strlen(f->reply));
}

static void fixture_init_with(struct fixture *f, const struct leati_http_connect_options *options,
                              const char *reply, const struct scripted_script *script)
{
    memset(f, 0, sizeof(*f));
    leati_failure_init(&f->failure);
    scripted_layer_init(&f->wire, script, &f->failure);
    f->wire.react = proxy_react;
    f->wire.peer = f;
    f->reply = reply;
    cr_assert_eq(leati_http_connect_layer_new(options, &f->failure, &f->layer), LEAT_OK);
    f->layer->lower = &f->wire.base;
    f->layer->failure = &f->failure;
    f->layer->hop = "proxy:3128";
}

static void fixture_init(struct fixture *f, const char *reply, const struct scripted_script *script)
{
    const struct leati_http_connect_options options = {
        .host = "example.com",
        .port = 443,
        .auth = connect_auth_new("user", "secret", true),
        .step_timeout_ms = STEP_MS,
    };
    struct scripted_script plain = scripted_script_plain();
    fixture_init_with(f, &options, reply, script ? script : &plain);
    leati_http_auth_unref(options.auth);
}

static void fixture_done(struct fixture *f)
{
    f->layer->ops->destroy(f->layer);
    scripted_layer_done(&f->wire);
    leati_failure_done(&f->failure);
}

static int fixture_connect(struct fixture *f, uint64_t now_ms)
{
    return f->layer->ops->connect(f->layer, now_ms);
}

static void check_response(struct fixture *f, const char *name, const char *value, const char *body)
{
    struct leati_http_response *response = leati_http_connect_take_response(f->layer);
    size_t len;

    cr_assert_not_null(response);
    cr_assert_str_eq(leati_http_head_get(&response->head, name), value);
    cr_assert_str_eq(leati_http_body_bytes(&response->body, &len), body);
    cr_assert_eq(len, strlen(body));
    leati_http_response_free(response);
}

Test(http_connect_layer, one_write_and_what_follows_the_head_is_kept)
{
    struct fixture f;
    char words[16] = "";
    char text[128];
    size_t pos = 0;
    size_t len;

    fixture_init(&f, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nearly words", NULL);
    cr_assert_eq(fixture_connect(&f, START_MS), LEAT_OK);
    cr_assert_eq(f.wire.sent_calls, 1u);
    cr_assert_eq(f.layer->state, LEATI_LAYER_OPEN);
    cr_assert(f.layer->passthrough);
    cr_assert_eq(f.layer->deadline_ms, 0u);
    cr_assert_null(leati_http_connect_take_response(f.layer));
    while (f.layer->ops->pending(f.layer)) {
        cr_assert_eq(f.layer->ops->recv(f.layer, (uint8_t *)words + pos, 5, &len), LEAT_OK);
        pos += len;
    }
    cr_assert_str_eq(words, "early words");
    cr_assert_eq(f.layer->ops->recv(f.layer, (uint8_t *)words, 5, &len), LEATI_AGAIN);
    f.layer->ops->describe(f.layer, text, sizeof(text));
    cr_assert_str_eq(text, "example.com:443, HTTP 200, Basic");
    fixture_done(&f);
}

Test(http_connect_layer, refusal_with_its_body_at_once)
{
    struct fixture f;

    fixture_init(&f, "HTTP/1.1 403 Forbidden\r\nX-Why: rule 7\r\nContent-Length: 6\r\n\r\nno way",
                 NULL);
    cr_assert_eq(fixture_connect(&f, START_MS), LEAT_E_WS_CONNECT);
    cr_assert_eq(f.failure.code, LEAT_E_WS_CONNECT);
    cr_assert_eq(f.failure.layer, LEAT_LAYER_HTTP_PROXY);
    cr_assert_eq(f.failure.native_code, 403);
    cr_assert_str_eq(f.failure.hop, "proxy:3128");
    cr_assert_str_eq(f.failure.text,
                     "the proxy answered CONNECT example.com:443 with HTTP 403 Forbidden");
    check_response(&f, "X-Why", "rule 7", "no way");
    cr_assert_eq(f.layer->state, LEATI_LAYER_CLOSED);
    fixture_done(&f);
}

/* ---- how long the body of a refusal is waited for ---------------------------------------- */

Test(http_connect_layer, body_that_never_comes_costs_its_wait_only)
{
    struct fixture f;

    fixture_init(&f, "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno", NULL);
    cr_assert_eq(fixture_connect(&f, START_MS), LEATI_AGAIN);
    cr_assert_eq(f.failure.code, LEAT_E_WS_CONNECT, "recorded as soon as the head is there");
    cr_assert_eq(f.layer->deadline_ms, START_MS + LEATI_HTTP_CONNECT_BODY_WAIT_MS);
    cr_assert_eq(f.layer->ops->want(f.layer, 0), LEATI_WANT_READ);
    cr_assert_eq(fixture_connect(&f, f.layer->deadline_ms - 1), LEATI_AGAIN);
    cr_assert_eq(fixture_connect(&f, f.layer->deadline_ms), LEAT_E_WS_CONNECT);
    cr_assert_eq(f.failure.sys_errno, 0, "the refusal is no timeout");
    check_response(&f, "Content-Length", "6", "no");
    fixture_done(&f);
}

Test(http_connect_layer, body_does_not_outlive_the_step)
{
    struct fixture f;

    fixture_init(&f, "HTTP/1.1 403 Forbidden\r\n", NULL);
    cr_assert_eq(fixture_connect(&f, START_MS), LEATI_AGAIN);
    scripted_layer_reply(&f.wire, "\r\n", 2);
    cr_assert_eq(fixture_connect(&f, START_MS + STEP_MS - 10), LEATI_AGAIN);
    cr_assert_eq(f.layer->deadline_ms, START_MS + STEP_MS);
    cr_assert_eq(fixture_connect(&f, START_MS + STEP_MS), LEAT_E_WS_CONNECT);
    cr_assert_eq(f.failure.native_code, 403);
    fixture_done(&f);
}

Test(http_connect_layer, refusal_is_reported_although_its_body_breaks)
{
    static const char reply[] = "HTTP/1.1 407 Who\r\nContent-Length: 60\r\n\r\nplease ...";
    static const int ends[] = {LEATI_EOF, LEAT_E_SOCKET_BASE + ECONNRESET};

    for (size_t i = 0; i < 2; i++) {
        struct scripted_script script = scripted_script_plain();
        struct fixture f;
        script.recv_max_bytes = 1;
        script.recv_end_at = strlen(reply);
        script.recv_end = ends[i];
        script.end_errno = ECONNRESET;
        fixture_init(&f, reply, &script);
        cr_assert_eq(fixture_connect(&f, START_MS), LEAT_E_WS_CONNECT);
        cr_assert_eq(f.failure.code, LEAT_E_WS_CONNECT);
        cr_assert_eq(f.failure.native_code, 407);
        cr_assert_neq(strstr(f.failure.text, "credentials were sent"), NULL);
        check_response(&f, "Content-Length", "60", "please ...");
        fixture_done(&f);
    }
}

/* ---- the wire --------------------------------------------------------------------------- */

Test(http_connect_layer, failure_of_the_lower_layer_stays_what_it_is)
{
    struct scripted_script script = scripted_script_plain();
    struct fixture f;

    script.recv_end_at = 9;
    script.recv_end = LEAT_E_SOCKET_BASE + ECONNRESET;
    script.end_errno = ECONNRESET;
    fixture_init(&f, "HTTP/1.1 200 OK\r\n\r\n", &script);
    cr_assert_eq(fixture_connect(&f, START_MS), LEAT_E_SOCKET_BASE + ECONNRESET);
    cr_assert_eq(f.failure.code, LEAT_E_SOCKET_BASE + ECONNRESET);
    cr_assert_eq(f.failure.layer, LEAT_LAYER_TCP);
    cr_assert_eq(f.failure.sys_errno, ECONNRESET);
    cr_assert_eq(f.layer->state, LEATI_LAYER_CLOSED);
    cr_assert_eq(f.layer->deadline_ms, 0u);
    fixture_done(&f);
}

Test(http_connect_layer, end_in_the_head_names_how_far_it_came)
{
    struct scripted_script script = scripted_script_plain();
    struct fixture f;

    script.recv_end_at = 12;
    script.recv_end = LEATI_EOF;
    fixture_init(&f, "HTTP/1.1 200 OK\r\n\r\n", &script);
    cr_assert_eq(fixture_connect(&f, START_MS), LEAT_E_WS_CONNECT);
    cr_assert_str_eq(f.failure.text, "the proxy closed the connection before its answer to CONNECT "
                                     "example.com:443 was complete, after 12 bytes of it");
    fixture_done(&f);
}

Test(http_connect_layer, silence_names_the_step)
{
    struct scripted_script script = scripted_script_plain();
    struct fixture f;

    fixture_init(&f, "HTTP/1.1 2", NULL);
    cr_assert_eq(fixture_connect(&f, START_MS), LEATI_AGAIN);
    cr_assert_eq(fixture_connect(&f, START_MS + STEP_MS), LEAT_E_WS_CONNECT);
    cr_assert_eq(f.failure.sys_errno, ETIMEDOUT);
    cr_assert_str_eq(f.failure.text, "the proxy did not answer CONNECT example.com:443 within 5000 "
                                     "ms: 10 bytes of the head came");
    fixture_done(&f);

    fixture_init(&f, "", &script);
    f.wire.mute = true;
    cr_assert_eq(fixture_connect(&f, START_MS), LEATI_AGAIN);
    cr_assert_eq(f.layer->ops->want(f.layer, 0), LEATI_WANT_WRITE);
    cr_assert_eq(fixture_connect(&f, START_MS + STEP_MS + 7), LEAT_E_WS_CONNECT);
    cr_assert_str_eq(f.failure.text, "the proxy did not take the CONNECT request for "
                                     "example.com:443 within 5000 ms");
    fixture_done(&f);
}

Test(http_connect_layer, answer_that_came_in_time_counts)
{
    struct fixture f;

    fixture_init(&f, "HTTP/1.1 2", NULL);
    cr_assert_eq(fixture_connect(&f, START_MS), LEATI_AGAIN);
    scripted_layer_reply(&f.wire, "00 OK\r\n\r\n", 9);
    cr_assert_eq(fixture_connect(&f, START_MS + 10 * STEP_MS), LEAT_OK);
    fixture_done(&f);
}

/* ---- states and memory ------------------------------------------------------------------ */

static char trace[512];
static size_t trace_len;

static void trace_state(const struct leat_trace_event *event, void *user)
{
    (void)user;
    cr_assert_eq(event->layer, LEAT_LAYER_HTTP_PROXY);
    cr_assert_lt(trace_len, sizeof(trace));
    trace_len += (size_t)snprintf(trace + trace_len, sizeof(trace) - trace_len, "%s: %s\n",
                                  event->name, event->text);
    cr_assert_null(strstr(trace, "secret"));
}

Test(http_connect_layer, every_state_is_traced)
{
    const struct leati_tracer tracer = {.fn = trace_state};
    struct fixture f;

    fixture_init(&f, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", NULL);
    f.layer->tracer = &tracer;
    cr_assert_eq(fixture_connect(&f, START_MS), LEAT_E_WS_CONNECT);
    cr_assert_str_eq(trace, "http-proxy: NEW > CONNECTING\n"
                            "connect: SEND_REQUEST > RECV_HEAD\n"
                            "connect: RECV_HEAD > RECV_BODY\n"
                            "connect: RECV_BODY > FAILED\n"
                            "http-proxy: CONNECTING > CLOSED\n");
    fixture_done(&f);
}

static bool attempt(void)
{
    const struct leati_http_connect_options options = {
        .host = "example.com",
        .port = 443,
        .auth = connect_auth_new("user", NULL, true),
    };
    static const char reply[] = "HTTP/1.1 200 OK\r\nA: b\r\n\r\nearly";
    struct scripted_script script = scripted_script_plain();
    struct fixture f = {.reply = reply};

    if (!options.auth)
        return false;
    leati_failure_init(&f.failure);
    scripted_layer_init(&f.wire, &script, &f.failure);
    f.wire.react = proxy_react;
    f.wire.peer = &f;
    int result = leati_http_connect_layer_new(&options, &f.failure, &f.layer);
    if (result == LEAT_OK) {
        f.layer->lower = &f.wire.base;
        f.layer->failure = &f.failure;
        result = fixture_connect(&f, START_MS);
        f.layer->ops->destroy(f.layer);
    }
    cr_assert(result == LEAT_OK || result == LEAT_E_SYSTEM_INTERNAL, "%d", result);
    cr_assert_eq(f.failure.code, result);
    leati_http_auth_unref(options.auth);
    scripted_layer_done(&f.wire);
    leati_failure_done(&f.failure);
    return result == LEAT_OK;
}

Test(http_connect_layer, lack_of_memory)
{
    cr_assert_geq(alloc_failure_run_all(attempt), 7);
}
