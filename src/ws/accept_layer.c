/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exchange.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "ws/accept_engine.h"

#include <errno.h>
#include <inttypes.h>
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
    struct leati_engine base; /* native_code: the status of the refusal that was sent */
    struct leati_ws_accept_engine engine;
    size_t lingered_bytes;
    char text[400];
    struct leati_ws_agreement agreement;
};

static struct accept_layer *accept_of(const struct leati_layer *l)
{
    return leati_exchange_engine(l);
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
        leati_engine_set_state(&accept->base, ACCEPT_FAILED);
}

static void response_send(struct accept_layer *accept, enum accept_state state)
{
    leati_engine_set_output(&accept->base, (int)state, accept->engine.response,
                            accept->engine.response_len);
}

static size_t accept_feed(struct leati_engine *e, const uint8_t *data, size_t len)
{
    struct accept_layer *accept = (void *)e;
    size_t used = len;

    if (e->state == ACCEPT_LINGER) {
        linger_feed(accept, len);
        return len;
    }
    enum leati_ws_accept_result result =
        leati_ws_accept_engine_feed(&accept->engine, data, len, &used);
    agreement_write(accept);
    switch (result) {
    case LEATI_WS_ACCEPT_ASK:
        leati_engine_set_state(e, ACCEPT_ASK);
        return used;
    case LEATI_WS_ACCEPT_MORE:
        break;
    case LEATI_WS_ACCEPT_REFUSED:
        response_send(accept, ACCEPT_SEND_REFUSAL);
        break;
    case LEATI_WS_ACCEPT_NO_MEMORY:
        e->sys_errno = ENOMEM;
        leati_engine_fail(e, LEAT_E_SYSTEM_INTERNAL, 0, "no memory for the WebSocket handshake");
        break;
    }
    return len;
}

static void accept_end(struct leati_engine *e)
{
    struct accept_layer *accept = (void *)e;

    if (e->state == ACCEPT_LINGER)
        leati_engine_set_state(e, ACCEPT_FAILED);
    else
        leati_engine_fail(e, LEAT_E_WS_CONNECT, 0,
                          "the client closed the connection before the request head was complete, "
                          "after %zu bytes of it",
                          leati_http_head_size(&accept->engine.head));
}

/* What a client hears that was too slow, or had to wait too long. */
static void farewell_write(struct accept_layer *accept, int status, const char *text)
{
    struct leati_ws_accept_engine *engine = &accept->engine;

    leati_readable_format(engine->error, sizeof(engine->error), "%s", text);
    if (leati_ws_accept_refusal(engine, status)) {
        accept->base.output = (const uint8_t *)engine->response;
        accept->base.output_len = engine->response_len;
    }
}

static void accept_expire(struct leati_engine *e, uint64_t waited_ms)
{
    struct accept_layer *accept = (void *)e;
    int state = e->state;
    size_t received = leati_http_head_size(&accept->engine.head);

    e->sys_errno = ETIMEDOUT;
    switch (state) {
    case ACCEPT_ASK:
        leati_engine_fail(e, LEAT_E_WS_CONNECT, 0,
                          "nobody decided about the request within %" PRIu64 " ms", waited_ms);
        farewell_write(accept, 503, "nobody has decided about the request in time");
        break;
    case ACCEPT_SEND_SWITCH:
    case ACCEPT_SEND_REFUSAL:
        leati_engine_fail(e, LEAT_E_WS_CONNECT, 0,
                          "the client did not take the HTTP %d within %" PRIu64 " ms",
                          accept->engine.status, waited_ms);
        break;
    default:
        leati_engine_fail(e, LEAT_E_WS_CONNECT, 0,
                          "the request head was not complete within %" PRIu64
                          " ms: %zu bytes of it came",
                          waited_ms, received);
        if (received > 0)
            farewell_write(accept, 408, "the request was not complete in time");
        break;
    }
}

/* ---- the response --------------------------------------------------------------------------- */

static void switch_sent(struct accept_layer *accept)
{
    leati_free(accept->engine.response);
    accept->engine.response = NULL;
    leati_engine_set_state(&accept->base, ACCEPT_DONE);
}

static void refusal_sent(struct accept_layer *accept)
{
    struct leati_ws_accept_engine *engine = &accept->engine;

    if (engine->keeps_alive) {
        leati_ws_accept_engine_again(engine);
        agreement_write(accept);
        leati_engine_set_state(&accept->base, ACCEPT_READ_REQUEST);
        return;
    }
    leati_readable_format(accept->text, sizeof(accept->text),
                          "the client was refused with HTTP %d %s: %s", engine->status,
                          leati_ws_accept_reason(engine->status), engine->error);
    accept->base.code = LEAT_E_WS_CONNECT;
    accept->base.native_code = engine->status;
    leati_engine_set_state(&accept->base, ACCEPT_LINGER);
}

static void accept_sent(struct leati_engine *e)
{
    if (e->state == ACCEPT_SEND_SWITCH)
        switch_sent((void *)e);
    else
        refusal_sent((void *)e);
}

/* ---- the layer ------------------------------------------------------------------------------ */

static void accept_describe(const struct leati_engine *e, char *buf, size_t cap)
{
    const struct leati_ws_accept_engine *engine = &((const struct accept_layer *)e)->engine;

    snprintf(buf, cap, "HTTP %d%s%s%s", engine->status, engine->protocol ? ", subprotocol " : "",
             engine->protocol ? engine->protocol : "",
             engine->has_deflate ? ", permessage-deflate" : "");
}

static void accept_done(struct leati_engine *e)
{
    leati_ws_accept_engine_done(&((struct accept_layer *)e)->engine);
}

static const struct leati_engine_state accept_states[] = {
    [ACCEPT_READ_REQUEST] = {"read-request", LEATI_EXCHANGE_THEIRS},
    [ACCEPT_ASK] = {"ask", LEATI_EXCHANGE_OWNERS},
    [ACCEPT_SEND_SWITCH] = {"send-switch", LEATI_EXCHANGE_OURS},
    [ACCEPT_SEND_REFUSAL] = {"send-refusal", LEATI_EXCHANGE_OURS},
    [ACCEPT_LINGER] = {"linger", LEATI_EXCHANGE_AFTERMATH},
    [ACCEPT_DONE] = {"done", LEATI_EXCHANGE_DONE},
    [ACCEPT_FAILED] = {"failed", LEATI_EXCHANGE_FAILED},
};

static const struct leati_engine_ops accept_ops = {
    .layer = LEATI_EXCHANGE_LAYER("websocket", LEAT_LAYER_WEBSOCKET),
    .name = "accept",
    .states = accept_states,
    .failed = ACCEPT_FAILED,
    .aftermath_ms = LEATI_WS_ACCEPT_LINGER_MS,
    .sent = accept_sent,
    .feed = accept_feed,
    .end = accept_end,
    .expire = accept_expire,
    .describe = accept_describe,
    .done = accept_done,
};

int leati_ws_accept_layer_new(const struct leati_ws_accept_options *options,
                              struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct leati_layer *layer =
        leati_exchange_new(&accept_ops, sizeof(struct accept_layer), options->timeout_ms,
                           "no memory for the WebSocket handshake", failure);
    if (!layer)
        return LEAT_E_SYSTEM_INTERNAL;
    struct accept_layer *accept = accept_of(layer);
    leati_engine_init(&accept->base, &accept_ops, accept->text, sizeof(accept->text));
    if (options->takes_requests)
        leati_exchange_of(layer)->owner_timeout_ms = options->timeout_ms;
    leati_ws_accept_engine_init(&accept->engine, options);
    agreement_write(accept);
    *ret_layer = layer;
    return LEAT_OK;
}

/* ---- the owner's side ----------------------------------------------------------------------- */

bool leati_ws_accept_is_asking(const struct leati_layer *accept)
{
    return accept_of(accept)->base.state == ACCEPT_ASK;
}

const struct leati_ws_accept_request *leati_ws_accept_request(const struct leati_layer *accept)
{
    const struct leati_ws_accept_engine *engine = &accept_of(accept)->engine;

    return engine->has_request ? &engine->request : NULL;
}

int leati_ws_accept_answer(struct leati_layer *accept,
                           const struct leati_ws_accept_decision *decision)
{
    if (!leati_ws_accept_is_asking(accept))
        return LEAT_E_PARAMETER;
    struct accept_layer *layer = accept_of(accept);
    int code = leati_ws_accept_engine_answer(&layer->engine, decision);
    agreement_write(layer);
    if (code == LEAT_OK)
        response_send(layer,
                      layer->engine.status == 101 ? ACCEPT_SEND_SWITCH : ACCEPT_SEND_REFUSAL);
    return code;
}

const struct leati_ws_agreement *leati_ws_accept_agreement(const struct leati_layer *accept)
{
    return &accept_of(accept)->agreement;
}
