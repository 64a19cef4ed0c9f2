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
    struct leati_exchange exchange;
    enum upgrade_state state;
    struct leati_ws_upgrade_engine engine;
    size_t request_sent;
    int code; /* of READ_REFUSAL and FAILED */
    int sys_errno;
    struct leati_ws_agreement agreement;
};

static const char *upgrade_state_name(enum upgrade_state state)
{
    static const char *const names[] = {
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
    const struct leati_layer *l = &upgrade->exchange.base;
    enum upgrade_state from = upgrade->state;

    upgrade->state = state;
    leati_trace_state(l->tracer, l->ops->layer, "upgrade", l->hop, upgrade_state_name(from),
                      upgrade_state_name(state));
}

static struct upgrade_layer *upgrade_of(struct leati_exchange *x)
{
    return (struct upgrade_layer *)x;
}

static const struct upgrade_layer *upgrade_of_const(const struct leati_exchange *x)
{
    return (const struct upgrade_layer *)x;
}

static const struct leati_ws_upgrade_engine *engine_of_layer(const struct leati_layer *l)
{
    return &((const struct upgrade_layer *)l)->engine;
}

static void upgrade_start(struct leati_exchange *x)
{
    (void)x;
}

static enum leati_exchange_turn upgrade_turn(const struct leati_exchange *x)
{
    static const enum leati_exchange_turn turns[] = {
        [UPGRADE_SEND_REQUEST] = LEATI_EXCHANGE_OURS,
        [UPGRADE_READ_RESPONSE] = LEATI_EXCHANGE_THEIRS,
        [UPGRADE_READ_REFUSAL] = LEATI_EXCHANGE_AFTERMATH,
        [UPGRADE_DONE] = LEATI_EXCHANGE_DONE,
        [UPGRADE_FAILED] = LEATI_EXCHANGE_FAILED,
    };

    return turns[upgrade_of_const(x)->state];
}

static size_t upgrade_output(const struct leati_exchange *x, const uint8_t **ret_data)
{
    const struct upgrade_layer *upgrade = upgrade_of_const(x);

    *ret_data = (const uint8_t *)upgrade->engine.request + upgrade->request_sent;
    return upgrade->engine.request_len - upgrade->request_sent;
}

static void upgrade_sent(struct leati_exchange *x, size_t len)
{
    struct upgrade_layer *upgrade = upgrade_of(x);

    upgrade->request_sent += len;
    if (upgrade->request_sent < upgrade->engine.request_len)
        return;
    leati_ws_upgrade_engine_drop_request(&upgrade->engine);
    upgrade_set_state(upgrade, UPGRADE_READ_RESPONSE);
}

static size_t upgrade_need(const struct leati_exchange *x)
{
    (void)x;
    return SIZE_MAX;
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

static void upgrade_fail(struct upgrade_layer *upgrade, int code, int sys_errno)
{
    upgrade->code = code;
    upgrade->sys_errno = sys_errno;
    upgrade_set_state(upgrade, UPGRADE_FAILED);
}

static void body_feed(struct upgrade_layer *upgrade, const uint8_t *data, size_t len)
{
    if (!leati_ws_upgrade_engine_body(&upgrade->engine, data, len))
        upgrade_fail(upgrade, LEAT_E_WS_CONNECT, 0);
}

static void upgrade_feed(struct leati_exchange *x, const uint8_t *data, size_t len,
                         size_t *ret_used)
{
    struct upgrade_layer *upgrade = upgrade_of(x);
    size_t used = len;

    *ret_used = len;
    if (upgrade->state == UPGRADE_READ_REFUSAL) {
        body_feed(upgrade, data, len);
        return;
    }
    enum leati_ws_upgrade_result result =
        leati_ws_upgrade_engine_feed(&upgrade->engine, data, len, &used);
    agreement_write(upgrade);
    switch (result) {
    case LEATI_WS_UPGRADE_DONE:
        *ret_used = used;
        upgrade_set_state(upgrade, UPGRADE_DONE);
        break;
    case LEATI_WS_UPGRADE_MORE:
        break;
    case LEATI_WS_UPGRADE_BODY:
        upgrade->code = LEAT_E_WS_CONNECT;
        upgrade_set_state(upgrade, UPGRADE_READ_REFUSAL);
        body_feed(upgrade, data + used, len - used);
        break;
    case LEATI_WS_UPGRADE_REFUSED:
        upgrade_fail(upgrade, LEAT_E_WS_CONNECT, 0);
        break;
    case LEATI_WS_UPGRADE_NO_MEMORY:
        snprintf(upgrade->engine.error, sizeof(upgrade->engine.error),
                 "no memory for the WebSocket handshake");
        upgrade_fail(upgrade, LEAT_E_SYSTEM_INTERNAL, ENOMEM);
        break;
    }
}

static void upgrade_end(struct leati_exchange *x)
{
    struct upgrade_layer *upgrade = upgrade_of(x);
    struct leati_ws_upgrade_engine *engine = &upgrade->engine;

    if (upgrade->state != UPGRADE_READ_REFUSAL)
        snprintf(engine->error, sizeof(engine->error),
                 "the connection was closed before the response head was complete, after %zu bytes "
                 "of it",
                 leati_http_head_size(&engine->head));
    upgrade_fail(upgrade, LEAT_E_WS_CONNECT, 0);
}

static void upgrade_expire(struct leati_exchange *x, uint64_t waited_ms)
{
    struct upgrade_layer *upgrade = upgrade_of(x);

    snprintf(upgrade->engine.error, sizeof(upgrade->engine.error),
             "no response head within %" PRIu64 " ms", waited_ms);
    upgrade_fail(upgrade, LEAT_E_WS_CONNECT, ETIMEDOUT);
}

static struct leati_exchange_verdict upgrade_verdict(const struct leati_exchange *x)
{
    const struct upgrade_layer *upgrade = upgrade_of_const(x);

    return (struct leati_exchange_verdict){
        .code = upgrade->code,
        .sys_errno = upgrade->sys_errno,
        .native_code = upgrade->engine.status,
        .text = upgrade->engine.error,
    };
}

/* ---- the layer ------------------------------------------------------------------------------ */

static void upgrade_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_ws_upgrade_engine *engine = engine_of_layer(l);
    const char *protocol = engine->protocol;

    snprintf(buf, cap, "HTTP %d%s%s%s", engine->status, protocol ? ", subprotocol " : "",
             protocol ? protocol : "", engine->has_deflate ? ", permessage-deflate" : "");
}

static void upgrade_done(struct leati_exchange *x)
{
    leati_ws_upgrade_engine_done(&upgrade_of(x)->engine);
}

static const struct leati_exchange_ops upgrade_ops = {
    .layer = LEATI_EXCHANGE_LAYER("websocket", LEAT_LAYER_WEBSOCKET, upgrade_describe),
    .start = upgrade_start,
    .turn = upgrade_turn,
    .output = upgrade_output,
    .sent = upgrade_sent,
    .need = upgrade_need,
    .feed = upgrade_feed,
    .end = upgrade_end,
    .expire = upgrade_expire,
    .lower_failed = leati_exchange_keep_lower,
    .verdict = upgrade_verdict,
    .done = upgrade_done,
    .aftermath_ms = LEATI_WS_UPGRADE_BODY_WAIT_MS,
};

int leati_ws_upgrade_layer_new(const struct leati_ws_upgrade_options *options,
                               struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct leati_fault fault = {.code = LEAT_E_WS_INTERNAL, .layer = LEAT_LAYER_WEBSOCKET};
    uint8_t nonce[LEATI_WS_NONCE_BYTES];

    if (!leati_random_pool_take(options->random, nonce, sizeof(nonce)))
        return leati_failure_set(failure, &fault, "no randomness for the WebSocket key");
    fault.code = LEAT_E_SYSTEM_INTERNAL;
    struct upgrade_layer *upgrade = leati_calloc(1, sizeof(*upgrade));
    if (!upgrade || !leati_ws_upgrade_engine_init(&upgrade->engine, options, nonce)) {
        leati_free(upgrade);
        return leati_failure_set(failure, &fault, "no memory or SHA-1 for the WebSocket handshake");
    }
    leati_exchange_init(&upgrade->exchange, &upgrade_ops, options->timeout_ms);
    agreement_write(upgrade);
    *ret_layer = &upgrade->exchange.base;
    return LEAT_OK;
}

const void *leati_ws_upgrade_request(const struct leati_layer *upgrade, size_t *ret_len)
{
    const struct leati_ws_upgrade_engine *engine = engine_of_layer(upgrade);

    *ret_len = engine->request_len;
    return engine->request;
}

const struct leati_ws_agreement *leati_ws_upgrade_agreement(const struct leati_layer *upgrade)
{
    return &((const struct upgrade_layer *)upgrade)->agreement;
}

struct leati_http_response *leati_ws_upgrade_take_response(struct leati_layer *upgrade)
{
    struct upgrade_layer *layer = upgrade_of((struct leati_exchange *)upgrade);
    struct leati_ws_upgrade_engine *engine = &layer->engine;

    if (!engine->is_complete)
        return NULL;
    struct leati_http_response *response = leati_http_response_take(&engine->head, &engine->body);
    engine->is_complete = !response;
    agreement_write(layer);
    return response;
}
