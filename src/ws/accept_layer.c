/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exchange.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "ws/accept_engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum accept_state {
    ACCEPT_READ_REQUEST,
    ACCEPT_ASK,
    ACCEPT_SEND_SWITCH,
    ACCEPT_SEND_REFUSAL,
    ACCEPT_LINGER, /* the refusal is sent: until the client has read it and left */
    ACCEPT_DONE,
    ACCEPT_FAILED,
};

struct accept_layer {
    struct leati_exchange exchange;
    enum accept_state state;
    struct leati_ws_accept_engine engine;
    size_t response_sent;
    size_t lingered_bytes;
    size_t farewell_len; /* of a response that is sent if it can be at once */
    int code;            /* of LINGER and FAILED */
    int sys_errno;
    int status; /* of LINGER and FAILED: of the refusal that was sent */
    char text[400];
    struct leati_ws_agreement agreement;
};

static const char *accept_state_name(enum accept_state state)
{
    static const char *const names[] = {
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
    const struct leati_layer *l = &accept->exchange.base;
    enum accept_state from = accept->state;

    accept->state = state;
    leati_trace_state(l->tracer, l->ops->layer, "accept", l->hop, accept_state_name(from),
                      accept_state_name(state));
}

static struct accept_layer *accept_of(struct leati_exchange *x)
{
    return (struct accept_layer *)x;
}

static const struct accept_layer *accept_of_const(const struct leati_exchange *x)
{
    return (const struct accept_layer *)x;
}

static const struct leati_ws_accept_engine *engine_of_layer(const struct leati_layer *l)
{
    return &((const struct accept_layer *)l)->engine;
}

static void accept_fail(struct accept_layer *accept, int code, int sys_errno, const char *format,
                        ...) LEAT_PRINTF(4, 5);

static void accept_fail(struct accept_layer *accept, int code, int sys_errno, const char *format,
                        ...)
{
    va_list args;
    va_start(args, format);
    leati_readable_vformat(accept->text, sizeof(accept->text), format, args);
    va_end(args);
    accept->code = code;
    accept->sys_errno = sys_errno;
    accept_set_state(accept, ACCEPT_FAILED);
}

static void accept_start(struct leati_exchange *x)
{
    (void)x;
}

static enum leati_exchange_turn accept_turn(const struct leati_exchange *x)
{
    static const enum leati_exchange_turn turns[] = {
        [ACCEPT_READ_REQUEST] = LEATI_EXCHANGE_THEIRS, [ACCEPT_ASK] = LEATI_EXCHANGE_OWNERS,
        [ACCEPT_SEND_SWITCH] = LEATI_EXCHANGE_OURS,    [ACCEPT_SEND_REFUSAL] = LEATI_EXCHANGE_OURS,
        [ACCEPT_LINGER] = LEATI_EXCHANGE_AFTERMATH,    [ACCEPT_DONE] = LEATI_EXCHANGE_DONE,
        [ACCEPT_FAILED] = LEATI_EXCHANGE_FAILED,
    };

    return turns[accept_of_const(x)->state];
}

static size_t accept_need(const struct leati_exchange *x)
{
    (void)x;
    return SIZE_MAX;
}

static void agreement_write(struct accept_layer *accept)
{
    const struct leati_ws_accept_engine *engine = &accept->engine;

    accept->agreement = (struct leati_ws_agreement){
        .status = engine->status,
        .protocol = engine->protocol ? engine->protocol : "",
        .target = engine->has_request ? engine->request.target : NULL,
        .deflate = engine->has_deflate ? &engine->deflate : NULL,
        .head = engine->has_request ? &engine->head : NULL,
    };
}

/* ---- the request ---------------------------------------------------------------------------- */

static void linger_feed(struct accept_layer *accept, size_t len)
{
    accept->lingered_bytes += len;
    if (accept->lingered_bytes >= LEATI_WS_ACCEPT_LINGER_BYTES)
        accept_set_state(accept, ACCEPT_FAILED);
}

static void accept_feed(struct leati_exchange *x, const uint8_t *data, size_t len, size_t *ret_used)
{
    struct accept_layer *accept = accept_of(x);
    size_t used = len;

    *ret_used = len;
    if (accept->state == ACCEPT_LINGER) {
        linger_feed(accept, len);
        return;
    }
    enum leati_ws_accept_result result =
        leati_ws_accept_engine_feed(&accept->engine, data, len, &used);
    agreement_write(accept);
    switch (result) {
    case LEATI_WS_ACCEPT_ASK:
        *ret_used = used;
        accept_set_state(accept, ACCEPT_ASK);
        break;
    case LEATI_WS_ACCEPT_MORE:
        break;
    case LEATI_WS_ACCEPT_REFUSED:
        accept_set_state(accept, ACCEPT_SEND_REFUSAL);
        break;
    case LEATI_WS_ACCEPT_NO_MEMORY:
        accept_fail(accept, LEAT_E_SYSTEM_INTERNAL, ENOMEM,
                    "no memory for the WebSocket handshake");
        break;
    }
}

static void accept_end(struct leati_exchange *x)
{
    struct accept_layer *accept = accept_of(x);

    if (accept->state == ACCEPT_LINGER)
        accept_set_state(accept, ACCEPT_FAILED);
    else
        accept_fail(accept, LEAT_E_WS_CONNECT, 0,
                    "the client closed the connection before the request head was complete, after "
                    "%zu bytes of it",
                    leati_http_head_size(&accept->engine.head));
}

/* What a client hears that was too slow, or had to wait too long. */
static void farewell_write(struct accept_layer *accept, int status, const char *text)
{
    struct leati_ws_accept_engine *engine = &accept->engine;

    leati_readable_format(engine->error, sizeof(engine->error), "%s", text);
    if (leati_ws_accept_refusal(engine, status))
        accept->farewell_len = engine->response_len;
}

static size_t accept_farewell(const struct leati_exchange *x, const uint8_t **ret_data)
{
    const struct accept_layer *accept = accept_of_const(x);

    *ret_data = (const uint8_t *)accept->engine.response;
    return accept->farewell_len;
}

static void accept_expire(struct leati_exchange *x, uint64_t waited_ms)
{
    struct accept_layer *accept = accept_of(x);

    switch (accept->state) {
    case ACCEPT_ASK:
        farewell_write(accept, 503, "nobody has decided about the request in time");
        accept_fail(accept, LEAT_E_WS_CONNECT, ETIMEDOUT,
                    "nobody decided about the request within %" PRIu64 " ms", waited_ms);
        break;
    case ACCEPT_SEND_SWITCH:
    case ACCEPT_SEND_REFUSAL:
        accept_fail(accept, LEAT_E_WS_CONNECT, ETIMEDOUT,
                    "the client did not take the HTTP %d within %" PRIu64 " ms",
                    accept->engine.status, waited_ms);
        break;
    default:
        if (leati_http_head_size(&accept->engine.head) > 0)
            farewell_write(accept, 408, "the request was not complete in time");
        accept_fail(accept, LEAT_E_WS_CONNECT, ETIMEDOUT,
                    "the request head was not complete within %" PRIu64 " ms: %zu bytes of it came",
                    waited_ms, leati_http_head_size(&accept->engine.head));
        break;
    }
}

/* ---- the response --------------------------------------------------------------------------- */

static size_t accept_output(const struct leati_exchange *x, const uint8_t **ret_data)
{
    const struct accept_layer *accept = accept_of_const(x);

    *ret_data = (const uint8_t *)accept->engine.response + accept->response_sent;
    return accept->engine.response_len - accept->response_sent;
}

static void switch_sent(struct accept_layer *accept)
{
    leati_free(accept->engine.response);
    accept->engine.response = NULL;
    accept_set_state(accept, ACCEPT_DONE);
}

static void refusal_sent(struct accept_layer *accept)
{
    struct leati_ws_accept_engine *engine = &accept->engine;

    accept->farewell_len = 0;
    if (engine->keeps_alive) {
        leati_ws_accept_engine_again(engine);
        accept->response_sent = 0;
        agreement_write(accept);
        accept_set_state(accept, ACCEPT_READ_REQUEST);
        return;
    }
    leati_readable_format(accept->text, sizeof(accept->text),
                          "the client was refused with HTTP %d %s: %s", engine->status,
                          leati_ws_accept_reason(engine->status), engine->error);
    accept->code = LEAT_E_WS_CONNECT;
    accept->status = engine->status;
    accept_set_state(accept, ACCEPT_LINGER);
}

static void accept_sent(struct leati_exchange *x, size_t len)
{
    struct accept_layer *accept = accept_of(x);

    accept->response_sent += len;
    if (accept->response_sent < accept->engine.response_len)
        return;
    if (accept->state == ACCEPT_SEND_SWITCH)
        switch_sent(accept);
    else
        refusal_sent(accept);
}

static struct leati_exchange_verdict accept_verdict(const struct leati_exchange *x)
{
    const struct accept_layer *accept = accept_of_const(x);

    return (struct leati_exchange_verdict){
        .code = accept->code,
        .sys_errno = accept->sys_errno,
        .native_code = accept->status,
        .text = accept->text,
    };
}

/* ---- the layer ------------------------------------------------------------------------------ */

static void accept_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_ws_accept_engine *engine = engine_of_layer(l);

    snprintf(buf, cap, "HTTP %d%s%s%s", engine->status, engine->protocol ? ", subprotocol " : "",
             engine->protocol ? engine->protocol : "",
             engine->has_deflate ? ", permessage-deflate" : "");
}

static void accept_done(struct leati_exchange *x)
{
    leati_ws_accept_engine_done(&accept_of(x)->engine);
}

static const struct leati_exchange_ops accept_ops = {
    .layer = LEATI_EXCHANGE_LAYER("websocket", LEAT_LAYER_WEBSOCKET, accept_describe),
    .start = accept_start,
    .turn = accept_turn,
    .output = accept_output,
    .sent = accept_sent,
    .need = accept_need,
    .feed = accept_feed,
    .end = accept_end,
    .expire = accept_expire,
    .farewell = accept_farewell,
    .lower_failed = leati_exchange_keep_lower,
    .verdict = accept_verdict,
    .done = accept_done,
    .aftermath_ms = LEATI_WS_ACCEPT_LINGER_MS,
};

int leati_ws_accept_layer_new(const struct leati_ws_accept_options *options,
                              struct leati_failure *failure, struct leati_layer **ret_layer)
{
    static const struct leati_fault fault = {
        .code = LEAT_E_SYSTEM_INTERNAL,
        .layer = LEAT_LAYER_WEBSOCKET,
    };
    struct accept_layer *accept = leati_calloc(1, sizeof(*accept));

    if (!accept)
        return leati_failure_set(failure, &fault, "no memory for the WebSocket handshake");
    leati_exchange_init(&accept->exchange, &accept_ops, options->timeout_ms);
    if (options->takes_requests)
        accept->exchange.owner_timeout_ms = options->timeout_ms;
    leati_ws_accept_engine_init(&accept->engine, options);
    agreement_write(accept);
    *ret_layer = &accept->exchange.base;
    return LEAT_OK;
}

/* ---- the owner's side ----------------------------------------------------------------------- */

bool leati_ws_accept_is_asking(const struct leati_layer *accept)
{
    return ((const struct accept_layer *)accept)->state == ACCEPT_ASK;
}

const struct leati_ws_accept_request *leati_ws_accept_request(const struct leati_layer *accept)
{
    const struct leati_ws_accept_engine *engine = engine_of_layer(accept);

    return engine->has_request ? &engine->request : NULL;
}

int leati_ws_accept_answer(struct leati_layer *accept,
                           const struct leati_ws_accept_decision *decision)
{
    if (!leati_ws_accept_is_asking(accept))
        return LEAT_E_PARAMETER;
    struct accept_layer *layer = accept_of((struct leati_exchange *)accept);
    int code = leati_ws_accept_engine_answer(&layer->engine, decision);
    agreement_write(layer);
    if (code == LEAT_OK)
        accept_set_state(layer,
                         layer->engine.status == 101 ? ACCEPT_SEND_SWITCH : ACCEPT_SEND_REFUSAL);
    return code;
}

const struct leati_ws_agreement *leati_ws_accept_agreement(const struct leati_layer *accept)
{
    return &((const struct accept_layer *)accept)->agreement;
}
