/* SPDX-License-Identifier: Apache-2.0 */
/* The layer over a lower one that is a script: what it gives, in which portions, and how it ends.
 */
#include "upgrade_fixture.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(upgrade_layer, .fini = leak_check);

struct script {
    struct leati_layer base;
    size_t portion; /* the most that one recv or send moves; 0 = all */
    bool stutters;  /* every other call is LEATI_AGAIN */
    bool is_stuttering;
    const char *response; /* the accept value of the real key stands for "@" */
    size_t response_len;
    int end; /* after the response: LEATI_AGAIN, LEATI_EOF or a code */
    int send_error;
    char sent[2048];
    size_t sent_len;
    unsigned sends;
    char input[2048];
    size_t input_len;
    size_t input_read;
};

static bool script_stutter(struct script *script)
{
    script->is_stuttering = script->stutters && !script->is_stuttering;
    return script->is_stuttering;
}

static size_t script_portion(const struct script *script, size_t len)
{
    return script->portion != 0 && script->portion < len ? script->portion : len;
}

/* The request is complete: now the accept value is known. */
static void script_answer(struct script *script)
{
    char key[25], accept[29];
    const char *line = strstr(script->sent, "Sec-WebSocket-Key: ");

    cr_assert_not_null(line);
    memcpy(key, line + strlen("Sec-WebSocket-Key: "), 24);
    key[24] = '\0';
    accept_of(key, accept);
    for (size_t i = 0; i < script->response_len; i++) {
        if (script->response[i] == '@') {
            memcpy(script->input + script->input_len, accept, 28);
            script->input_len += 28;
        } else {
            script->input[script->input_len++] = script->response[i];
        }
    }
}

static int script_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    struct script *script = (struct script *)l;

    cr_assert_eq(n, 1);
    if (script->send_error != 0)
        return script->send_error;
    if (script_stutter(script))
        return LEATI_AGAIN;
    size_t size = script_portion(script, iov->iov_len);
    memcpy(script->sent + script->sent_len, iov->iov_base, size);
    script->sent_len += size;
    script->sends++;
    *ret_len = size;
    if (script->sent_len >= 4 && memcmp(script->sent + script->sent_len - 4, "\r\n\r\n", 4) == 0)
        script_answer(script);
    return LEAT_OK;
}

static int script_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    struct script *script = (struct script *)l;

    if (script_stutter(script))
        return LEATI_AGAIN;
    size_t size = script_portion(script, script->input_len - script->input_read);
    if (size == 0)
        return script->end;
    if (size > cap)
        size = cap;
    memcpy(buf, script->input + script->input_read, size);
    script->input_read += size;
    *ret_len = size;
    return LEAT_OK;
}

static const struct leati_layer_ops script_ops = {
    .name = "script",
    .layer = LEAT_LAYER_TCP,
    .recv = script_recv,
    .send = script_send,
};

struct fixture {
    struct script script;
    struct leati_failure failure;
    struct leati_tracer tracer;
    struct leati_layer *layer;
};

static void fixture_make(struct fixture *fixture, const char *response, size_t len)
{
    memset(fixture, 0, sizeof(*fixture));
    leati_failure_init(&fixture->failure);
    leati_layer_init(&fixture->script.base, &script_ops);
    fixture->script.base.state = LEATI_LAYER_OPEN;
    fixture->script.response = response;
    fixture->script.response_len = len;
    fixture->script.end = LEATI_AGAIN;
    struct leati_ws_upgrade_options options = example_options();
    cr_assert_eq(leati_ws_upgrade_layer_new(&options, &fixture->failure, &fixture->layer), LEAT_OK);
    fixture->layer->lower = &fixture->script.base;
    fixture->layer->failure = &fixture->failure;
    fixture->layer->tracer = &fixture->tracer;
    fixture->layer->hop = "server.example.com:80";
}

static void fixture_done(struct fixture *fixture)
{
    fixture->layer->ops->destroy(fixture->layer);
    leati_failure_done(&fixture->failure);
}

/* Calls connect until it gives something else than AGAIN, or no progress is to be expected. */
static int connect_at(struct fixture *fixture, uint64_t now_ms)
{
    int code = LEATI_AGAIN;
    for (int i = 0; i < 5000 && code == LEATI_AGAIN; i++)
        code = fixture->layer->ops->connect(fixture->layer, now_ms);
    return code;
}

#define GOOD                                                                                       \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: @\r\n"
#define FRAMES "\x81\x05Hello\x82\x00@"

static void check_frames(struct fixture *fixture, size_t cap)
{
    char got[256];
    size_t got_len = 0;
    for (;;) {
        uint8_t buf[256];
        size_t len = 0;
        int code = fixture->layer->ops->recv(fixture->layer, buf, cap, &len);
        if (code == LEATI_AGAIN && fixture->script.input_read < fixture->script.input_len)
            continue;
        if (code == LEATI_AGAIN)
            break;
        cr_assert_eq(code, LEAT_OK);
        cr_assert_gt(len, 0);
        memcpy(got + got_len, buf, len);
        got_len += len;
    }
    cr_assert_not(fixture->layer->ops->pending(fixture->layer));
    cr_assert_eq(got_len, 9 + 28); /* "@" has become an accept value */
    cr_assert_eq(memcmp(got, "\x81\x05Hello\x82\x00", 9), 0);
}

Test(upgrade_layer, opens_and_gives_out_the_glued_frames, .timeout = 20)
{
    static const char response[] = GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n" FRAMES;
    static const size_t portions[] = {0, 1, 2, 3, 7, 50, 160, 200};

    for (size_t i = 0; i < sizeof(portions) / sizeof(portions[0]); i++)
        for (size_t cap = 1; cap <= 64; cap += 9)
            for (unsigned stutters = 0; stutters < 2; stutters++) {
                struct fixture fixture;
                fixture_make(&fixture, response, sizeof(response) - 1);
                fixture.script.portion = portions[i];
                fixture.script.stutters = stutters != 0;
                struct leati_layer *layer = fixture.layer;
                cr_assert_eq(layer->state, LEATI_LAYER_NEW);
                cr_assert_not(layer->passthrough);

                cr_assert_eq(connect_at(&fixture, 1000), LEAT_OK, "%s", fixture.failure.text);
                cr_assert_eq(layer->state, LEATI_LAYER_OPEN);
                cr_assert(layer->passthrough);
                cr_assert_eq(layer->deadline_ms, 0);
                cr_assert_str_eq(leati_ws_agreement(layer)->protocol, "chat");
                cr_assert_eq(leati_ws_agreement(layer)->status, 101);
                char line[64];
                layer->ops->describe(layer, line, sizeof(line));
                cr_assert_str_eq(line, "HTTP 101, subprotocol chat");
                if (portions[i] == 0) {
                    cr_assert_eq(fixture.script.sends, 1, "the request leaves in one write");
                    cr_assert(layer->ops->pending(layer));
                }
                check_frames(&fixture, cap);
                fixture_done(&fixture);
            }
}

Test(upgrade_layer, want_and_deadline_on_the_way, .timeout = 10)
{
    static const char response[] = GOOD "\r\n";
    struct fixture fixture;
    fixture_make(&fixture, response, sizeof(response) - 1);
    fixture.script.stutters = true;
    struct leati_layer *layer = fixture.layer;

    cr_assert_eq(layer->ops->connect(layer, 1000), LEATI_AGAIN);
    cr_assert_eq(layer->state, LEATI_LAYER_CONNECTING);
    cr_assert_eq(layer->ops->want(layer, 0), LEATI_WANT_WRITE);
    cr_assert_eq(layer->deadline_ms, 6000);
    cr_assert_eq(layer->ops->connect(layer, 1000), LEATI_AGAIN);
    cr_assert_eq(layer->ops->want(layer, 0), LEATI_WANT_READ);
    cr_assert_eq(leati_ws_agreement(layer)->status, 0);
    cr_assert_str_eq(leati_ws_agreement(layer)->protocol, "");
    cr_assert_eq(connect_at(&fixture, 1000), LEAT_OK);
    cr_assert_eq(layer->ops->want(layer, LEATI_WANT_READ), LEATI_WANT_READ);
    cr_assert_eq(layer->ops->want(layer, LEATI_WANT_WRITE), LEATI_WANT_WRITE);
    cr_assert_not(layer->ops->pending(layer));
    char line[64];
    layer->ops->describe(layer, line, sizeof(line));
    cr_assert_str_eq(line, "HTTP 101");

    /* Open, it only passes on. */
    struct iovec iov = {.iov_base = "frame", .iov_len = 5};
    size_t len = 0;
    while (layer->ops->send(layer, &iov, 1, &len) == LEATI_AGAIN)
        ;
    cr_assert_eq(len, 5);
    cr_assert_eq(layer->ops->shutdown(layer, 2000), LEAT_OK);
    cr_assert_eq(layer->state, LEATI_LAYER_CLOSED);
    fixture_done(&fixture);
}

static void check_failed(struct fixture *fixture, int code, int sys_errno, int native)
{
    struct leati_layer *layer = fixture->layer;
    uint8_t buf[8];
    size_t len;
    struct iovec iov = {.iov_base = buf, .iov_len = 1};

    cr_assert_eq(fixture->failure.code, code);
    cr_assert_eq(fixture->failure.layer, LEAT_LAYER_WEBSOCKET);
    cr_assert_eq(fixture->failure.sys_errno, sys_errno);
    cr_assert_eq(fixture->failure.native_code, native);
    cr_assert_str_eq(fixture->failure.hop, "server.example.com:80");
    cr_assert_eq(layer->state, LEATI_LAYER_CLOSED);
    cr_assert_eq(layer->deadline_ms, 0);
    cr_assert_eq(layer->ops->connect(layer, 1u << 20), code);
    cr_assert_eq(layer->ops->recv(layer, buf, sizeof(buf), &len), code);
    cr_assert_eq(layer->ops->send(layer, &iov, 1, &len), code);
    cr_assert_eq(layer->ops->shutdown(layer, 1u << 20), code);
    cr_assert_eq(layer->ops->want(layer, 0), 0);
}

Test(upgrade_layer, refusal_carries_the_status, .timeout = 10)
{
    static const char response[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
    struct fixture fixture;
    fixture_make(&fixture, response, sizeof(response) - 1);
    cr_assert_eq(connect_at(&fixture, 1), LEAT_E_WS_CONNECT);
    check_failed(&fixture, LEAT_E_WS_CONNECT, 0, 403);
    cr_assert_str_eq(fixture.failure.text, "the server answered HTTP 403 Forbidden");
    cr_assert_eq(leati_ws_agreement(fixture.layer)->status, 403);
    fixture_done(&fixture);
}

/* The connection ends after each byte of a good response. */
Test(upgrade_layer, end_of_the_connection_anywhere, .timeout = 20)
{
    static const char response[] = GOOD "\r\n";
    for (size_t len = 0; len < sizeof(response) - 1; len++) {
        struct fixture fixture;
        fixture_make(&fixture, response, len);
        fixture.script.end = LEATI_EOF;
        cr_assert_eq(connect_at(&fixture, 1), LEAT_E_WS_CONNECT);
        check_failed(&fixture, LEAT_E_WS_CONNECT, 0, 0);
        char expected[128];
        snprintf(expected, sizeof(expected),
                 "the connection was closed before the response head was complete, after %zu bytes "
                 "of it",
                 fixture.script.input_len);
        cr_assert_str_eq(fixture.failure.text, expected);
        fixture_done(&fixture);
    }
}

Test(upgrade_layer, the_lower_layers_error_stays, .timeout = 10)
{
    static const struct leati_fault reset = {
        .code = LEAT_E_SOCKET_BASE + ECONNRESET, .layer = LEAT_LAYER_TCP, .sys_errno = ECONNRESET};

    for (unsigned in_send = 0; in_send < 2; in_send++) {
        struct fixture fixture;
        fixture_make(&fixture, GOOD, 20);
        leati_failure_set(&fixture.failure, &reset, "connection reset by peer");
        if (in_send)
            fixture.script.send_error = reset.code;
        fixture.script.end = reset.code;
        cr_assert_eq(connect_at(&fixture, 1), reset.code);
        cr_assert_eq(fixture.failure.layer, LEAT_LAYER_TCP);
        cr_assert_str_eq(fixture.failure.text, "connection reset by peer");
        cr_assert_eq(fixture.layer->state, LEATI_LAYER_CLOSED);
        fixture.script.send_error = 0;
        fixture.script.end = LEATI_AGAIN;
        cr_assert_eq(fixture.layer->ops->connect(fixture.layer, 2), reset.code);
        fixture_done(&fixture);
    }
}

Test(upgrade_layer, no_answer_in_time, .timeout = 10)
{
    struct fixture fixture;
    fixture_make(&fixture, "HTTP/1.1 1", 10);
    cr_assert_eq(fixture.layer->ops->connect(fixture.layer, 1000), LEATI_AGAIN);
    cr_assert_eq(fixture.layer->ops->connect(fixture.layer, 5999), LEATI_AGAIN);
    cr_assert_eq(fixture.layer->ops->connect(fixture.layer, 6007), LEAT_E_WS_CONNECT);
    check_failed(&fixture, LEAT_E_WS_CONNECT, ETIMEDOUT, 0);
    cr_assert_str_eq(fixture.failure.text, "no response head within 5000 ms");
    fixture_done(&fixture);

    /* The limit of the chain is the earlier one. */
    fixture_make(&fixture, "", 0);
    fixture.layer->limit_ms = 1800;
    cr_assert_eq(fixture.layer->ops->connect(fixture.layer, 1000), LEATI_AGAIN);
    cr_assert_eq(fixture.layer->deadline_ms, 1800);
    cr_assert_eq(fixture.layer->ops->connect(fixture.layer, 1800), LEAT_E_WS_CONNECT);
    cr_assert_str_eq(fixture.failure.text, "no response head within 800 ms");
    fixture_done(&fixture);
}

static bool make_attempt(void)
{
    struct leati_ws_upgrade_options options = example_options();
    struct leati_failure failure;
    struct leati_layer *layer;

    leati_failure_init(&failure);
    bool made = leati_ws_upgrade_layer_new(&options, &failure, &layer) == LEAT_OK;
    if (made)
        layer->ops->destroy(layer);
    else
        cr_assert_eq(failure.code, LEAT_E_SYSTEM_INTERNAL);
    leati_failure_done(&failure);
    return made;
}

static bool connect_attempt(void)
{
    static const char response[] = GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n" FRAMES;
    struct fixture fixture;
    bool (*hook)(void) = leati_alloc_fail_hook;

    leati_alloc_fail_hook = NULL; /* the making has a test of its own */
    fixture_make(&fixture, response, sizeof(response) - 1);
    leati_alloc_fail_hook = hook;
    int code = connect_at(&fixture, 1);
    if (code != LEAT_OK) {
        cr_assert_eq(code, LEAT_E_SYSTEM_INTERNAL);
        cr_assert_eq(fixture.layer->state, LEATI_LAYER_CLOSED);
    }
    fixture_done(&fixture);
    return code == LEAT_OK;
}

Test(upgrade_layer, each_allocation_fails, .timeout = 10)
{
    cr_assert_geq(alloc_failure_run_all(make_attempt), 3);
    cr_assert_geq(alloc_failure_run_all(connect_attempt), 3);
}

Test(upgrade_layer, without_sha1, .timeout = 10)
{
    struct leati_ws_upgrade_options options = example_options();
    struct leati_failure failure;
    struct leati_layer *layer;

    leati_failure_init(&failure);
    options.sha1 = broken_sha1;
    cr_assert_eq(leati_ws_upgrade_layer_new(&options, &failure, &layer), LEAT_E_SYSTEM_INTERNAL);
    cr_assert_eq(failure.code, LEAT_E_SYSTEM_INTERNAL);
    leati_failure_done(&failure);
}
