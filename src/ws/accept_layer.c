/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/accept_engine.h"

#include "util/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define READ_BYTES 4096u

enum accept_state {
    ACCEPT_START,
    ACCEPT_READ_REQUEST,
    ACCEPT_ASK,
    ACCEPT_SEND_SWITCH,
    ACCEPT_SEND_REFUSAL,
    ACCEPT_LINGER, /* the refusal is sent and recorded: until the client has read it and left */
    ACCEPT_DONE,
    ACCEPT_FAILED,
};

struct accept_layer {
    struct leati_layer base;
    enum accept_state state;
    struct leati_ws_accept_engine engine;
    size_t response_sent;
    size_t lingered_bytes;
    uint32_t timeout_ms;
    uint64_t step_start_ms;
    struct leati_ws_early early;
};

static const char *accept_state_name(enum accept_state state)
{
    static const char *const names[] = {
        [ACCEPT_START] = "start",
        [ACCEPT_READ_REQUEST] = "read-request",
        [ACCEPT_ASK] = "ask",
        [ACCEPT_SEND_SWITCH] = "send-switch",
        [ACCEPT_SEND_REFUSAL] = "send-refusal",
        [ACCEPT_LINGER] = "linger",
        [ACCEPT_DONE] = "done",
        [ACCEPT_FAILED] = "failed",
    };

    return names[state];
}

static void accept_set_state(struct accept_layer *accept, enum accept_state state)
{
    enum accept_state from = accept->state;

    accept->state = state;
    leati_trace_state(accept->base.tracer, accept->base.ops->layer, "accept", accept->base.hop,
                      accept_state_name(from), accept_state_name(state));
}

static struct accept_layer *accept_of(struct leati_layer *l)
{
    return (struct accept_layer *)l;
}

static const struct accept_layer *accept_of_const(const struct leati_layer *l)
{
    return (const struct accept_layer *)l;
}

/* ---- failing -------------------------------------------------------------------------------- */

static int accept_fail(struct accept_layer *accept, int code, int sys_errno, const char *text)
{
    accept_set_state(accept, ACCEPT_FAILED);
    return leati_layer_fail(&accept->base, code, sys_errno, 0, "%s", text);
}

static int accept_fail_without_memory(struct accept_layer *accept)
{
    return accept_fail(accept, LEAT_E_SYSTEM_INTERNAL, ENOMEM,
                       "no memory for the WebSocket handshake");
}

/* It has been recorded: what the lower layer says keeps its code, and a refusal is one by now. */
static int accept_fail_recorded(struct accept_layer *accept, int code)
{
    struct leati_layer *l = &accept->base;

    accept_set_state(accept, ACCEPT_FAILED);
    l->sticky = code;
    l->deadline_ms = 0;
    leati_layer_set_state(l, LEATI_LAYER_CLOSED);
    return code;
}

static int accept_fail_at_end(struct accept_layer *accept)
{
    char text[128];

    snprintf(text, sizeof(text),
             "the client closed the connection before the request head was complete, after %zu "
             "bytes of it",
             leati_http_head_size(&accept->engine.head));
    return accept_fail(accept, LEAT_E_WS_CONNECT, 0, text);
}

static int accept_expire(struct accept_layer *accept)
{
    uint64_t waited_ms = accept->base.deadline_ms - accept->step_start_ms;
    char text[128];

    switch (accept->state) {
    case ACCEPT_LINGER:
        return accept_fail_recorded(accept, LEAT_E_WS_CONNECT);
    case ACCEPT_ASK:
        snprintf(text, sizeof(text), "nobody decided about the request within %" PRIu64 " ms",
                 waited_ms);
        break;
    case ACCEPT_SEND_SWITCH:
    case ACCEPT_SEND_REFUSAL:
        snprintf(text, sizeof(text), "the client did not take the HTTP %d within %" PRIu64 " ms",
                 accept->engine.status, waited_ms);
        break;
    default:
        snprintf(text, sizeof(text),
                 "the request head was not complete within %" PRIu64 " ms: %zu bytes of it came",
                 waited_ms, leati_http_head_size(&accept->engine.head));
        break;
    }
    return accept_fail(accept, LEAT_E_WS_CONNECT, ETIMEDOUT, text);
}

/* ---- connect: one function for each state --------------------------------------------------- */

static void accept_begin(struct accept_layer *accept, enum accept_state state, uint64_t now_ms,
                         uint32_t timeout_ms)
{
    accept->step_start_ms = now_ms;
    leati_layer_arm(&accept->base, now_ms, timeout_ms);
    accept_set_state(accept, state);
}

static int accept_start(struct accept_layer *accept, uint64_t now_ms)
{
    leati_layer_set_state(&accept->base, LEATI_LAYER_CONNECTING);
    accept_begin(accept, ACCEPT_READ_REQUEST, now_ms, accept->timeout_ms);
    return LEAT_OK;
}

static int accept_read_request(struct accept_layer *accept, uint64_t now_ms)
{
    struct leati_layer *lower = accept->base.lower;
    uint8_t buf[READ_BYTES];

    for (;;) {
        size_t len;
        int rc = lower->ops->recv(lower, buf, sizeof(buf), &len);
        if (rc == LEATI_AGAIN)
            return rc;
        if (rc == LEATI_EOF)
            return accept_fail_at_end(accept);
        if (rc != LEAT_OK)
            return accept_fail_recorded(accept, rc);

        size_t used;
        switch (leati_ws_accept_engine_feed(&accept->engine, buf, len, &used)) {
        case LEATI_WS_ACCEPT_ASK:
            if (!leati_ws_early_keep(&accept->early, buf + used, len - used))
                return accept_fail_without_memory(accept);
            accept_begin(accept, ACCEPT_ASK, now_ms, 0);
            return LEAT_OK;
        case LEATI_WS_ACCEPT_MORE:
            break;
        case LEATI_WS_ACCEPT_REFUSED:
            accept_begin(accept, ACCEPT_SEND_REFUSAL, now_ms, accept->timeout_ms);
            return LEAT_OK;
        case LEATI_WS_ACCEPT_NO_MEMORY:
            return accept_fail_without_memory(accept);
        }
    }
}

static int accept_ask(struct accept_layer *accept, uint64_t now_ms)
{
    if (accept->engine.response == NULL)
        return LEATI_AGAIN;
    accept_begin(accept, accept->engine.status == 101 ? ACCEPT_SEND_SWITCH : ACCEPT_SEND_REFUSAL,
                 now_ms, accept->timeout_ms);
    return LEAT_OK;
}

static int accept_send_response(struct accept_layer *accept)
{
    struct leati_layer *lower = accept->base.lower;
    const struct leati_ws_accept_engine *engine = &accept->engine;

    while (accept->response_sent < engine->response_len) {
        struct iovec iov = {
            .iov_base = engine->response + accept->response_sent,
            .iov_len = engine->response_len - accept->response_sent,
        };
        size_t sent;
        int rc = lower->ops->send(lower, &iov, 1, &sent);
        if (rc == LEATI_AGAIN)
            return rc;
        if (rc != LEAT_OK)
            return accept_fail_recorded(accept, rc);
        accept->response_sent += sent;
    }
    return LEAT_OK;
}

static int accept_send_switch(struct accept_layer *accept)
{
    int rc = accept_send_response(accept);

    if (rc != LEAT_OK)
        return rc;
    leati_free(accept->engine.response);
    accept->engine.response = NULL;
    accept->base.deadline_ms = 0;
    accept->base.passthrough = true;
    accept_set_state(accept, ACCEPT_DONE);
    leati_layer_set_state(&accept->base, LEATI_LAYER_OPEN);
    return LEAT_OK;
}

/* The refusal is what is reported from here on, whatever happens to the connection. */
static int accept_send_refusal(struct accept_layer *accept, uint64_t now_ms)
{
    const struct leati_ws_accept_engine *engine = &accept->engine;
    const struct leati_fault fault = {
        .code = LEAT_E_WS_CONNECT,
        .layer = accept->base.ops->layer,
        .native_code = engine->status,
        .hop = accept->base.hop,
    };

    int rc = accept_send_response(accept);
    if (rc != LEAT_OK)
        return rc;
    leati_failure_set(accept->base.failure, &fault, "the client was refused with HTTP %d %s: %s",
                      engine->status, leati_ws_accept_reason(engine->status), engine->error);
    leati_ws_early_done(&accept->early);
    accept_begin(accept, ACCEPT_LINGER, now_ms, LEATI_WS_ACCEPT_LINGER_MS);
    return LEAT_OK;
}

static int accept_linger(struct accept_layer *accept)
{
    struct leati_layer *lower = accept->base.lower;
    uint8_t ignored[READ_BYTES];
    size_t len;

    while (accept->lingered_bytes < LEATI_WS_ACCEPT_LINGER_BYTES) {
        int rc = lower->ops->recv(lower, ignored, sizeof(ignored), &len);
        if (rc == LEATI_AGAIN)
            return rc;
        if (rc != LEAT_OK)
            break;
        accept->lingered_bytes += len;
    }
    return accept_fail_recorded(accept, LEAT_E_WS_CONNECT);
}

static int accept_step(struct accept_layer *accept, uint64_t now_ms)
{
    switch (accept->state) {
    case ACCEPT_START:
        return accept_start(accept, now_ms);
    case ACCEPT_READ_REQUEST:
        return accept_read_request(accept, now_ms);
    case ACCEPT_ASK:
        return accept_ask(accept, now_ms);
    case ACCEPT_SEND_SWITCH:
        return accept_send_switch(accept);
    case ACCEPT_SEND_REFUSAL:
        return accept_send_refusal(accept, now_ms);
    case ACCEPT_LINGER:
        return accept_linger(accept);
    case ACCEPT_DONE:
    case ACCEPT_FAILED:
        break;
    }
    return accept->base.sticky;
}

static int accept_connect(struct leati_layer *l, uint64_t now_ms)
{
    struct accept_layer *accept = accept_of(l);
    int rc = l->sticky;

    while (rc == LEAT_OK && accept->state != ACCEPT_DONE)
        rc = accept_step(accept, now_ms);
    /* What has arrived in time counts, even if we come late to read it. */
    if (rc == LEATI_AGAIN && leati_layer_expired(l, now_ms))
        return accept_expire(accept);
    return rc;
}

/* ---- the other slots ------------------------------------------------------------------------ */

static int accept_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    if (l->sticky != LEAT_OK)
        return l->sticky;
    size_t len = leati_ws_early_read(&accept_of(l)->early, buf, cap);
    if (len == 0)
        return leati_layer_pass_recv(l, buf, cap, ret_len);
    *ret_len = len;
    return LEAT_OK;
}

static int accept_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    return l->sticky != LEAT_OK ? l->sticky : leati_layer_pass_send(l, iov, n, ret_len);
}

static int accept_shutdown(struct leati_layer *l, uint64_t now_ms)
{
    return l->sticky != LEAT_OK ? l->sticky : leati_layer_nop_shutdown(l, now_ms);
}

static unsigned accept_want(const struct leati_layer *l, unsigned upper)
{
    const struct accept_layer *accept = accept_of_const(l);

    switch (accept->state) {
    case ACCEPT_START:
    case ACCEPT_READ_REQUEST:
    case ACCEPT_LINGER:
        return LEATI_WANT_READ;
    case ACCEPT_ASK:
        return accept->engine.response != NULL ? LEATI_WANT_WRITE : 0u;
    case ACCEPT_SEND_SWITCH:
    case ACCEPT_SEND_REFUSAL:
        return LEATI_WANT_WRITE;
    case ACCEPT_DONE:
    case ACCEPT_FAILED:
        break;
    }
    return upper;
}

static bool accept_pending(const struct leati_layer *l)
{
    const struct accept_layer *accept = accept_of_const(l);

    return accept->state == ACCEPT_DONE && accept->early.bytes != NULL;
}

static void accept_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_ws_accept_engine *engine = &accept_of_const(l)->engine;

    snprintf(buf, cap, "HTTP %d%s%s%s", engine->status,
             engine->protocol != NULL ? ", subprotocol " : "",
             engine->protocol != NULL ? engine->protocol : "",
             engine->has_deflate ? ", permessage-deflate" : "");
}

static void accept_destroy(struct leati_layer *l)
{
    struct accept_layer *accept = accept_of(l);

    leati_ws_accept_engine_done(&accept->engine);
    leati_ws_early_done(&accept->early);
    leati_free(accept);
}

static const struct leati_layer_ops accept_ops = {
    .name = "websocket",
    .layer = LEAT_LAYER_WEBSOCKET,
    .connect = accept_connect,
    .recv = accept_recv,
    .send = accept_send,
    .shutdown = accept_shutdown,
    .want = accept_want,
    .pending = accept_pending,
    .describe = accept_describe,
    .destroy = accept_destroy,
};

int leati_ws_accept_layer_new(const struct leati_ws_accept_options *options,
                              struct leati_failure *failure, struct leati_layer **ret_layer)
{
    static const struct leati_fault fault = {
        .code = LEAT_E_SYSTEM_INTERNAL,
        .layer = LEAT_LAYER_WEBSOCKET,
    };
    struct accept_layer *accept = leati_calloc(1, sizeof(*accept));

    if (accept == NULL)
        return leati_failure_set(failure, &fault, "no memory for the WebSocket handshake");
    leati_layer_init(&accept->base, &accept_ops);
    leati_ws_accept_engine_init(&accept->engine, options);
    accept->timeout_ms = options->timeout_ms;
    *ret_layer = &accept->base;
    return LEAT_OK;
}

/* ---- the owner's side ----------------------------------------------------------------------- */

bool leati_ws_accept_is_asking(const struct leati_layer *accept)
{
    const struct accept_layer *layer = accept_of_const(accept);

    return layer->state == ACCEPT_ASK && layer->engine.response == NULL;
}

const struct leati_ws_accept_request *leati_ws_accept_request(const struct leati_layer *accept)
{
    const struct leati_ws_accept_engine *engine = &accept_of_const(accept)->engine;

    return engine->has_request ? &engine->request : NULL;
}

int leati_ws_accept_answer(struct leati_layer *accept,
                           const struct leati_ws_accept_decision *decision)
{
    if (!leati_ws_accept_is_asking(accept))
        return LEAT_E_PARAMETER;
    return leati_ws_accept_engine_answer(&accept_of(accept)->engine, decision);
}

int leati_ws_accept_status(const struct leati_layer *accept)
{
    return accept_of_const(accept)->engine.status;
}

const char *leati_ws_accept_protocol(const struct leati_layer *accept)
{
    const char *protocol = accept_of_const(accept)->engine.protocol;

    return protocol != NULL ? protocol : "";
}

const struct leati_deflate_params *leati_ws_accept_deflate(const struct leati_layer *accept)
{
    const struct leati_ws_accept_engine *engine = &accept_of_const(accept)->engine;

    return engine->has_deflate ? &engine->deflate : NULL;
}
