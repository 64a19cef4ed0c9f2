/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/upgrade_engine.h"

#include "util/alloc.h"
#include "util/random.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define READ_BYTES 4096u

enum upgrade_state {
    UPGRADE_START,
    UPGRADE_SEND_REQUEST,
    UPGRADE_READ_RESPONSE,
    UPGRADE_READ_REFUSAL, /* the head of a refusal is complete and recorded: its body */
    UPGRADE_DONE,
    UPGRADE_FAILED,
};

struct upgrade_layer {
    struct leati_layer base;
    enum upgrade_state state;
    struct leati_ws_upgrade_engine engine;
    size_t request_sent;
    uint32_t timeout_ms;
    uint64_t started_ms;
    struct leati_ws_early early;
};

static const char *upgrade_state_name(enum upgrade_state state)
{
    static const char *const names[] = {
        [UPGRADE_START] = "start",
        [UPGRADE_SEND_REQUEST] = "send-request",
        [UPGRADE_READ_RESPONSE] = "read-response",
        [UPGRADE_READ_REFUSAL] = "read-refusal",
        [UPGRADE_DONE] = "done",
        [UPGRADE_FAILED] = "failed",
    };

    return names[state];
}

static void upgrade_set_state(struct upgrade_layer *upgrade, enum upgrade_state state)
{
    enum upgrade_state from = upgrade->state;

    upgrade->state = state;
    leati_trace_state(upgrade->base.tracer, upgrade->base.ops->layer, "upgrade", upgrade->base.hop,
                      upgrade_state_name(from), upgrade_state_name(state));
}

static struct upgrade_layer *upgrade_of(struct leati_layer *l)
{
    return (struct upgrade_layer *)l;
}

static const struct upgrade_layer *upgrade_of_const(const struct leati_layer *l)
{
    return (const struct upgrade_layer *)l;
}

/* ---- failing -------------------------------------------------------------------------------- */

static int upgrade_fail(struct upgrade_layer *upgrade, int code, int sys_errno, const char *text)
{
    upgrade_set_state(upgrade, UPGRADE_FAILED);
    return leati_layer_fail(&upgrade->base, code, sys_errno, upgrade->engine.status, "%s", text);
}

/* It has been recorded: what the lower layer says keeps its code, and a refusal is one by now. */
static int upgrade_fail_recorded(struct upgrade_layer *upgrade, int code)
{
    upgrade_set_state(upgrade, UPGRADE_FAILED);
    upgrade->base.sticky = code;
    upgrade->base.deadline_ms = 0;
    leati_layer_set_state(&upgrade->base, LEATI_LAYER_CLOSED);
    return code;
}

static int upgrade_fail_without_memory(struct upgrade_layer *upgrade)
{
    return upgrade_fail(upgrade, LEAT_E_SYSTEM_INTERNAL, ENOMEM,
                        "no memory for the WebSocket handshake");
}

static int upgrade_fail_at_end(struct upgrade_layer *upgrade)
{
    size_t size = leati_http_head_size(&upgrade->engine.head);
    char text[128];

    snprintf(text, sizeof(text),
             "the connection was closed before the response head was complete, after %zu bytes of "
             "it",
             size);
    return upgrade_fail(upgrade, LEAT_E_WS_CONNECT, 0, text);
}

static int upgrade_expire(struct upgrade_layer *upgrade, uint64_t now_ms)
{
    if (upgrade->state == UPGRADE_READ_REFUSAL)
        return upgrade_fail_recorded(upgrade, LEAT_E_WS_CONNECT);

    uint64_t waited_ms = now_ms - upgrade->started_ms;
    char text[64];

    /* limit_ms may have ended it earlier than the own timeout. */
    if (upgrade->timeout_ms > 0 && waited_ms > upgrade->timeout_ms)
        waited_ms = upgrade->timeout_ms;
    snprintf(text, sizeof(text), "no response head within %" PRIu64 " ms", waited_ms);
    return upgrade_fail(upgrade, LEAT_E_WS_CONNECT, ETIMEDOUT, text);
}

/* ---- connect: one function for each state --------------------------------------------------- */

static int upgrade_start(struct upgrade_layer *upgrade, uint64_t now_ms)
{
    leati_layer_set_state(&upgrade->base, LEATI_LAYER_CONNECTING);
    upgrade->started_ms = now_ms;
    leati_layer_arm(&upgrade->base, now_ms, upgrade->timeout_ms);
    upgrade_set_state(upgrade, UPGRADE_SEND_REQUEST);
    return LEAT_OK;
}

static int upgrade_send_request(struct upgrade_layer *upgrade)
{
    struct leati_layer *lower = upgrade->base.lower;
    struct leati_ws_upgrade_engine *engine = &upgrade->engine;

    while (upgrade->request_sent < engine->request_len) {
        struct iovec iov = {
            .iov_base = engine->request + upgrade->request_sent,
            .iov_len = engine->request_len - upgrade->request_sent,
        };
        size_t sent;
        int rc = lower->ops->send(lower, &iov, 1, &sent);
        if (rc == LEATI_AGAIN)
            return rc;
        if (rc != LEAT_OK)
            return upgrade_fail_recorded(upgrade, rc);
        upgrade->request_sent += sent;
    }
    leati_ws_upgrade_engine_drop_request(engine);
    upgrade_set_state(upgrade, UPGRADE_READ_RESPONSE);
    return LEAT_OK;
}

static int upgrade_finish(struct upgrade_layer *upgrade, const uint8_t *frames, size_t frames_len)
{
    if (!leati_ws_early_keep(&upgrade->early, frames, frames_len))
        return upgrade_fail_without_memory(upgrade);
    upgrade->base.deadline_ms = 0;
    upgrade->base.passthrough = true;
    upgrade_set_state(upgrade, UPGRADE_DONE);
    leati_layer_set_state(&upgrade->base, LEATI_LAYER_OPEN);
    return LEAT_OK;
}

/* The refusal is what is reported from here on, whatever happens to its body. */
static int upgrade_begin_refusal(struct upgrade_layer *upgrade, const uint8_t *body,
                                 size_t body_len, uint64_t now_ms)
{
    struct leati_layer *l = &upgrade->base;
    const uint64_t deadline_ms = l->deadline_ms;
    const struct leati_fault fault = {
        .code = LEAT_E_WS_CONNECT,
        .layer = l->ops->layer,
        .native_code = upgrade->engine.status,
        .hop = l->hop,
    };

    leati_failure_set(l->failure, &fault, "%s", upgrade->engine.error);
    if (!leati_ws_upgrade_engine_body(&upgrade->engine, body, body_len))
        return upgrade_fail_recorded(upgrade, LEAT_E_WS_CONNECT);
    leati_layer_arm(l, now_ms, LEATI_WS_UPGRADE_BODY_WAIT_MS);
    if (deadline_ms != 0 && deadline_ms < l->deadline_ms)
        l->deadline_ms = deadline_ms;
    upgrade_set_state(upgrade, UPGRADE_READ_REFUSAL);
    return LEAT_OK;
}

static int upgrade_read_response(struct upgrade_layer *upgrade, uint64_t now_ms)
{
    struct leati_layer *lower = upgrade->base.lower;
    uint8_t buf[READ_BYTES];

    for (;;) {
        size_t len;
        int rc = lower->ops->recv(lower, buf, sizeof(buf), &len);
        if (rc == LEATI_AGAIN)
            return rc;
        if (rc == LEATI_EOF)
            return upgrade_fail_at_end(upgrade);
        if (rc != LEAT_OK)
            return upgrade_fail_recorded(upgrade, rc);

        size_t used;
        switch (leati_ws_upgrade_engine_feed(&upgrade->engine, buf, len, &used)) {
        case LEATI_WS_UPGRADE_DONE:
            return upgrade_finish(upgrade, buf + used, len - used);
        case LEATI_WS_UPGRADE_MORE:
            break;
        case LEATI_WS_UPGRADE_BODY:
            return upgrade_begin_refusal(upgrade, buf + used, len - used, now_ms);
        case LEATI_WS_UPGRADE_REFUSED:
            return upgrade_fail(upgrade, LEAT_E_WS_CONNECT, 0, upgrade->engine.error);
        case LEATI_WS_UPGRADE_NO_MEMORY:
            return upgrade_fail_without_memory(upgrade);
        }
    }
}

static int upgrade_read_refusal(struct upgrade_layer *upgrade)
{
    struct leati_layer *lower = upgrade->base.lower;
    uint8_t buf[READ_BYTES];
    size_t len;
    int rc;

    do {
        rc = lower->ops->recv(lower, buf, sizeof(buf), &len);
        if (rc == LEATI_AGAIN)
            return rc;
    } while (rc == LEAT_OK && leati_ws_upgrade_engine_body(&upgrade->engine, buf, len));
    return upgrade_fail_recorded(upgrade, LEAT_E_WS_CONNECT);
}

static int upgrade_step(struct upgrade_layer *upgrade, uint64_t now_ms)
{
    switch (upgrade->state) {
    case UPGRADE_START:
        return upgrade_start(upgrade, now_ms);
    case UPGRADE_SEND_REQUEST:
        return upgrade_send_request(upgrade);
    case UPGRADE_READ_RESPONSE:
        return upgrade_read_response(upgrade, now_ms);
    case UPGRADE_READ_REFUSAL:
        return upgrade_read_refusal(upgrade);
    case UPGRADE_DONE:
    case UPGRADE_FAILED:
        break;
    }
    return upgrade->base.sticky;
}

static int upgrade_connect(struct leati_layer *l, uint64_t now_ms)
{
    struct upgrade_layer *upgrade = upgrade_of(l);
    int rc = l->sticky;

    while (rc == LEAT_OK && upgrade->state != UPGRADE_DONE)
        rc = upgrade_step(upgrade, now_ms);
    /* What has arrived in time counts, even if we come late to read it. */
    if (rc == LEATI_AGAIN && leati_layer_expired(l, now_ms))
        return upgrade_expire(upgrade, now_ms);
    return rc;
}

/* ---- the other slots ------------------------------------------------------------------------ */

static int upgrade_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    if (l->sticky != LEAT_OK)
        return l->sticky;
    size_t len = leati_ws_early_read(&upgrade_of(l)->early, buf, cap);
    if (len == 0)
        return leati_layer_pass_recv(l, buf, cap, ret_len);
    *ret_len = len;
    return LEAT_OK;
}

static int upgrade_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    if (l->sticky != LEAT_OK)
        return l->sticky;
    return leati_layer_pass_send(l, iov, n, ret_len);
}

static int upgrade_shutdown(struct leati_layer *l, uint64_t now_ms)
{
    return l->sticky != LEAT_OK ? l->sticky : leati_layer_nop_shutdown(l, now_ms);
}

static unsigned upgrade_want(const struct leati_layer *l, unsigned upper)
{
    switch (upgrade_of_const(l)->state) {
    case UPGRADE_START:
    case UPGRADE_SEND_REQUEST:
        return LEATI_WANT_WRITE;
    case UPGRADE_READ_RESPONSE:
    case UPGRADE_READ_REFUSAL:
        return LEATI_WANT_READ;
    case UPGRADE_DONE:
    case UPGRADE_FAILED:
        break;
    }
    return upper;
}

static bool upgrade_pending(const struct leati_layer *l)
{
    return upgrade_of_const(l)->early.bytes != NULL;
}

static void upgrade_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct upgrade_layer *upgrade = upgrade_of_const(l);

    const char *protocol = upgrade->engine.protocol;
    snprintf(buf, cap, "HTTP %d%s%s%s", upgrade->engine.status,
             protocol != NULL ? ", subprotocol " : "", protocol != NULL ? protocol : "",
             upgrade->engine.has_deflate ? ", permessage-deflate" : "");
}

static void upgrade_destroy(struct leati_layer *l)
{
    struct upgrade_layer *upgrade = upgrade_of(l);

    leati_ws_upgrade_engine_done(&upgrade->engine);
    leati_ws_early_done(&upgrade->early);
    leati_free(upgrade);
}

static const struct leati_layer_ops upgrade_ops = {
    .name = "websocket",
    .layer = LEAT_LAYER_WEBSOCKET,
    .connect = upgrade_connect,
    .recv = upgrade_recv,
    .send = upgrade_send,
    .shutdown = upgrade_shutdown,
    .want = upgrade_want,
    .pending = upgrade_pending,
    .describe = upgrade_describe,
    .destroy = upgrade_destroy,
};

int leati_ws_upgrade_layer_new(const struct leati_ws_upgrade_options *options,
                               struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct leati_fault fault = {.code = LEAT_E_WS_INTERNAL, .layer = LEAT_LAYER_WEBSOCKET};
    uint8_t nonce[LEATI_WS_NONCE_BYTES];

    if (!leati_random_bytes(nonce, sizeof(nonce)))
        return leati_failure_set(failure, &fault, "no randomness for the WebSocket key");
    fault.code = LEAT_E_SYSTEM_INTERNAL;
    struct upgrade_layer *upgrade = leati_calloc(1, sizeof(*upgrade));
    if (upgrade == NULL || !leati_ws_upgrade_engine_init(&upgrade->engine, options, nonce)) {
        leati_free(upgrade);
        return leati_failure_set(failure, &fault, "no memory or SHA-1 for the WebSocket handshake");
    }
    leati_layer_init(&upgrade->base, &upgrade_ops);
    upgrade->timeout_ms = options->timeout_ms;
    *ret_layer = &upgrade->base;
    return LEAT_OK;
}

const void *leati_ws_upgrade_request(const struct leati_layer *upgrade, size_t *ret_len)
{
    const struct leati_ws_upgrade_engine *engine = &upgrade_of_const(upgrade)->engine;

    *ret_len = engine->request_len;
    return engine->request;
}

const char *leati_ws_upgrade_protocol(const struct leati_layer *upgrade)
{
    const char *protocol = upgrade_of_const(upgrade)->engine.protocol;
    return protocol != NULL ? protocol : "";
}

const struct leati_deflate_params *leati_ws_upgrade_deflate(const struct leati_layer *upgrade)
{
    const struct leati_ws_upgrade_engine *engine = &upgrade_of_const(upgrade)->engine;

    return engine->has_deflate ? &engine->deflate : NULL;
}

int leati_ws_upgrade_status(const struct leati_layer *upgrade)
{
    return upgrade_of_const(upgrade)->engine.status;
}

const struct leati_http_head *leati_ws_upgrade_head(const struct leati_layer *upgrade)
{
    const struct leati_ws_upgrade_engine *engine = &upgrade_of_const(upgrade)->engine;

    return engine->is_complete ? &engine->head : NULL;
}

struct leati_http_response *leati_ws_upgrade_take_response(struct leati_layer *upgrade)
{
    struct leati_ws_upgrade_engine *engine = &upgrade_of(upgrade)->engine;

    if (!engine->is_complete)
        return NULL;
    struct leati_http_response *response = leati_http_response_take(&engine->head, &engine->body);
    engine->is_complete = response == NULL;
    return response;
}

const char *leati_ws_upgrade_body(const struct leati_layer *upgrade, size_t *ret_len)
{
    return leati_http_body_bytes(&upgrade_of_const(upgrade)->engine.body, ret_len);
}

static bool status_redirects(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

const char *leati_ws_upgrade_location(const struct leati_layer *upgrade)
{
    const struct leati_ws_upgrade_engine *engine = &upgrade_of_const(upgrade)->engine;

    if (!engine->is_complete || !status_redirects(engine->status) ||
        leati_http_head_count(&engine->head, "Location") != 1)
        return NULL;
    return leati_http_head_get(&engine->head, "Location");
}
