/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exchange.h"
#include "util/alloc.h"
#include "util/random.h"
#include "ws/upgrade_engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum upgrade_state {
    UPGRADE_SEND_REQUEST,
    UPGRADE_READ_RESPONSE,
    UPGRADE_READ_REFUSAL, /* the head of a refusal is complete: its body */
    UPGRADE_DONE,
    UPGRADE_FAILED,
};

struct upgrade_layer {
    struct leati_engine base; /* its text is the engine's error */
    struct leati_ws_upgrade_engine engine;
    struct leati_ws_agreement agreement;
};

static void upgrade_sent(struct leati_engine *e)
{
    leati_ws_upgrade_engine_drop_request(&((struct upgrade_layer *)e)->engine);
    leati_engine_set_state(e, UPGRADE_READ_RESPONSE);
}

/* ---- the response --------------------------------------------------------------------------- */

static bool status_redirects(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void agreement_write(struct upgrade_layer *upgrade)
{
    const struct leati_ws_upgrade_engine *engine = &upgrade->engine;
    const struct leati_http_head *head = engine->is_complete ? &engine->head : NULL;
    bool redirects =
        head && status_redirects(engine->status) && leati_http_head_count(head, "Location") == 1;

    upgrade->agreement = (struct leati_ws_agreement){
        .status = engine->status,
        .protocol = engine->protocol ? engine->protocol : "",
        .deflate = engine->has_deflate ? &engine->deflate : NULL,
        .head = head,
        .location = redirects ? leati_http_head_get(head, "Location") : NULL,
    };
}

/* The engine has said why. */
static void upgrade_refused(struct upgrade_layer *upgrade, enum upgrade_state state)
{
    upgrade->base.code = LEAT_E_WS_CONNECT;
    upgrade->base.native_code = upgrade->engine.status;
    leati_engine_set_state(&upgrade->base, (int)state);
}

static void body_feed(struct upgrade_layer *upgrade, const uint8_t *data, size_t len)
{
    if (!leati_ws_upgrade_engine_body(&upgrade->engine, data, len))
        upgrade_refused(upgrade, UPGRADE_FAILED);
}

static size_t upgrade_feed(struct leati_engine *e, const uint8_t *data, size_t len)
{
    struct upgrade_layer *upgrade = (void *)e;
    size_t used = len;

    if (e->state == UPGRADE_READ_REFUSAL) {
        body_feed(upgrade, data, len);
        return len;
    }
    enum leati_ws_upgrade_result result =
        leati_ws_upgrade_engine_feed(&upgrade->engine, data, len, &used);
    agreement_write(upgrade);
    switch (result) {
    case LEATI_WS_UPGRADE_DONE:
        leati_engine_set_state(e, UPGRADE_DONE);
        return used;
    case LEATI_WS_UPGRADE_MORE:
        break;
    case LEATI_WS_UPGRADE_BODY:
        upgrade_refused(upgrade, UPGRADE_READ_REFUSAL);
        body_feed(upgrade, data + used, len - used);
        break;
    case LEATI_WS_UPGRADE_REFUSED:
        upgrade_refused(upgrade, UPGRADE_FAILED);
        break;
    case LEATI_WS_UPGRADE_NO_MEMORY:
        e->sys_errno = ENOMEM;
        leati_engine_fail(e, LEAT_E_SYSTEM_INTERNAL, upgrade->engine.status,
                          "no memory for the WebSocket handshake");
        break;
    }
    return len;
}

static void upgrade_end(struct leati_engine *e)
{
    struct upgrade_layer *upgrade = (void *)e;

    if (e->state == UPGRADE_READ_REFUSAL)
        upgrade_refused(upgrade, UPGRADE_FAILED);
    else
        leati_engine_fail(e, LEAT_E_WS_CONNECT, upgrade->engine.status,
                          "the connection was closed before the response head was complete, after "
                          "%zu bytes of it",
                          leati_http_head_size(&upgrade->engine.head));
}

static void upgrade_expire(struct leati_engine *e, uint64_t waited_ms)
{
    e->sys_errno = ETIMEDOUT;
    leati_engine_fail(e, LEAT_E_WS_CONNECT, ((struct upgrade_layer *)e)->engine.status,
                      "no response head within %" PRIu64 " ms", waited_ms);
}

/* ---- the layer ------------------------------------------------------------------------------ */

static void upgrade_describe(const struct leati_engine *e, char *buf, size_t cap)
{
    const struct leati_ws_upgrade_engine *engine = &((const struct upgrade_layer *)e)->engine;
    const char *protocol = engine->protocol;

    snprintf(buf, cap, "HTTP %d%s%s%s", engine->status, protocol ? ", subprotocol " : "",
             protocol ? protocol : "", engine->has_deflate ? ", permessage-deflate" : "");
}

static void upgrade_done(struct leati_engine *e)
{
    leati_ws_upgrade_engine_done(&((struct upgrade_layer *)e)->engine);
}

static const struct leati_engine_state upgrade_states[] = {
    [UPGRADE_SEND_REQUEST] = {"send-request", LEATI_EXCHANGE_OURS},
    [UPGRADE_READ_RESPONSE] = {"read-response", LEATI_EXCHANGE_THEIRS},
    [UPGRADE_READ_REFUSAL] = {"read-refusal", LEATI_EXCHANGE_AFTERMATH},
    [UPGRADE_DONE] = {"done", LEATI_EXCHANGE_DONE},
    [UPGRADE_FAILED] = {"failed", LEATI_EXCHANGE_FAILED},
};

static const struct leati_engine_ops upgrade_ops = {
    .layer = LEATI_EXCHANGE_LAYER("websocket", LEAT_LAYER_WEBSOCKET),
    .name = "upgrade",
    .states = upgrade_states,
    .failed = UPGRADE_FAILED,
    .aftermath_ms = LEATI_WS_UPGRADE_BODY_WAIT_MS,
    .sent = upgrade_sent,
    .feed = upgrade_feed,
    .end = upgrade_end,
    .expire = upgrade_expire,
    .describe = upgrade_describe,
    .done = upgrade_done,
};

int leati_ws_upgrade_layer_new(const struct leati_ws_upgrade_options *options,
                               struct leati_failure *failure, struct leati_layer **ret_layer)
{
    static const char no_memory[] = "no memory or SHA-1 for the WebSocket handshake";
    struct leati_fault fault = {.code = LEAT_E_WS_INTERNAL, .layer = LEAT_LAYER_WEBSOCKET};
    uint8_t nonce[LEATI_WS_NONCE_BYTES];

    if (!leati_random_pool_take(options->random, nonce, sizeof(nonce)))
        return leati_failure_set(failure, &fault, "no randomness for the WebSocket key");
    fault.code = LEAT_E_SYSTEM_INTERNAL;
    struct leati_layer *layer = leati_exchange_new(&upgrade_ops, sizeof(struct upgrade_layer),
                                                   options->timeout_ms, no_memory, failure);
    if (!layer)
        return LEAT_E_SYSTEM_INTERNAL;
    struct upgrade_layer *upgrade = leati_exchange_engine(layer);
    struct leati_ws_upgrade_engine *engine = &upgrade->engine;
    if (!leati_ws_upgrade_engine_init(engine, options, nonce)) {
        leati_free(layer);
        return leati_failure_set(failure, &fault, no_memory);
    }
    leati_engine_init(&upgrade->base, &upgrade_ops, engine->error, sizeof(engine->error));
    upgrade->base.output = (const uint8_t *)engine->request;
    upgrade->base.output_len = engine->request_len;
    agreement_write(upgrade);
    *ret_layer = layer;
    return LEAT_OK;
}

const void *leati_ws_upgrade_request(const struct leati_layer *upgrade, size_t *ret_len)
{
    const struct upgrade_layer *layer = leati_exchange_engine(upgrade);
    const struct leati_ws_upgrade_engine *engine = &layer->engine;

    *ret_len = engine->request_len;
    return engine->request;
}

const struct leati_ws_agreement *leati_ws_upgrade_agreement(const struct leati_layer *upgrade)
{
    return &((const struct upgrade_layer *)leati_exchange_engine(upgrade))->agreement;
}

struct leati_http_response *leati_ws_upgrade_take_response(struct leati_layer *upgrade)
{
    struct upgrade_layer *layer = leati_exchange_engine(upgrade);
    struct leati_ws_upgrade_engine *engine = &layer->engine;

    if (!engine->is_complete)
        return NULL;
    struct leati_http_response *response = leati_http_response_take(&engine->head, &engine->body);
    engine->is_complete = !response;
    agreement_write(layer);
    return response;
}
