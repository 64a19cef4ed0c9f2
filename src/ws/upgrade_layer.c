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

static void upgrade_sent(struct leati_engine *e)
{
    leati_ws_upgrade_engine_drop_request((void *)e);
    leati_engine_set_state(e, UPGRADE_READ_RESPONSE);
}

/* ---- the response --------------------------------------------------------------------------- */

/* The engine has said why. */
static void upgrade_refused(struct leati_ws_upgrade_engine *engine, enum upgrade_state state)
{
    struct leati_engine *base = &engine->common.base;

    base->code = LEAT_E_WS_CONNECT;
    base->native_code = engine->common.agreement.status;
    leati_engine_set_state(base, (int)state);
}

static void body_feed(struct leati_ws_upgrade_engine *engine, const uint8_t *data, size_t len)
{
    if (!leati_ws_upgrade_engine_body(engine, data, len))
        upgrade_refused(engine, UPGRADE_FAILED);
}

static size_t upgrade_feed(struct leati_engine *e, const uint8_t *data, size_t len)
{
    struct leati_ws_upgrade_engine *engine = (void *)e;
    size_t used = len;

    if (e->state == UPGRADE_READ_REFUSAL) {
        body_feed(engine, data, len);
        return len;
    }
    enum leati_ws_head_result result = leati_ws_upgrade_engine_feed(engine, data, len, &used);
    switch (result) {
    case LEATI_WS_HEAD_VALID:
        leati_engine_set_state(e, UPGRADE_DONE);
        return used;
    case LEATI_WS_HEAD_MORE:
        break;
    case LEATI_WS_HEAD_BODY:
        upgrade_refused(engine, UPGRADE_READ_REFUSAL);
        body_feed(engine, data + used, len - used);
        break;
    case LEATI_WS_HEAD_REFUSED:
        upgrade_refused(engine, UPGRADE_FAILED);
        break;
    case LEATI_WS_HEAD_NO_MEMORY:
        leati_ws_fail_memory(&engine->common);
        break;
    }
    return len;
}

static void upgrade_end(struct leati_engine *e)
{
    struct leati_ws_upgrade_engine *engine = (void *)e;

    if (e->state == UPGRADE_READ_REFUSAL)
        upgrade_refused(engine, UPGRADE_FAILED);
    else
        leati_engine_fail(e, LEAT_E_WS_CONNECT, engine->common.agreement.status,
                          "the connection was closed before the response head was complete, after "
                          "%zu bytes of it",
                          leati_http_head_size(&engine->common.head));
}

static void upgrade_expire(struct leati_engine *e, uint64_t waited_ms)
{
    e->sys_errno = ETIMEDOUT;
    leati_engine_fail(e, LEAT_E_WS_CONNECT, ((struct leati_ws_handshake *)e)->agreement.status,
                      "no response head within %" PRIu64 " ms", waited_ms);
}

/* ---- the layer ------------------------------------------------------------------------------ */

static void upgrade_done(struct leati_engine *e)
{
    leati_ws_upgrade_engine_done((void *)e);
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
    .describe = leati_ws_handshake_describe,
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
    struct leati_layer *layer =
        leati_exchange_new(&upgrade_ops, sizeof(struct leati_ws_upgrade_engine),
                           options->timeout_ms, no_memory, failure);
    if (!layer)
        return LEAT_E_SYSTEM_INTERNAL;
    struct leati_ws_upgrade_engine *engine = leati_exchange_engine(layer);
    if (!leati_ws_upgrade_engine_init(engine, options, nonce)) {
        leati_free(layer);
        return leati_failure_set(failure, &fault, no_memory);
    }
    struct leati_ws_handshake *common = &engine->common;
    leati_engine_init(&common->base, &upgrade_ops, common->error, sizeof(common->error));
    common->base.output = (const uint8_t *)engine->request.bytes;
    common->base.output_len = engine->request.len;
    *ret_layer = layer;
    return LEAT_OK;
}

const void *leati_ws_upgrade_request(const struct leati_layer *upgrade, size_t *ret_len)
{
    const struct leati_ws_upgrade_engine *engine = leati_exchange_engine(upgrade);

    *ret_len = engine->request.len;
    return engine->request.bytes;
}

struct leati_http_response *leati_ws_upgrade_take_response(struct leati_layer *upgrade)
{
    struct leati_ws_upgrade_engine *engine = leati_exchange_engine(upgrade);
    struct leati_ws_agreement *agreement = &engine->common.agreement;

    if (!agreement->head)
        return NULL;
    struct leati_http_response *response =
        leati_http_response_take(&engine->common.head, &engine->body);
    if (response) {
        agreement->head = NULL;
        agreement->location = NULL;
    }
    return response;
}
