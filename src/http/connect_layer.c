/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connect.h"

#include "core/exchange.h"
#include "http/connect_engine.h"
#include "util/alloc.h"

#include <stdio.h>

struct connect_layer {
    struct leati_exchange exchange;
    struct leati_http_connect_engine engine;
};

static struct leati_http_connect_engine *engine_of(struct leati_exchange *x)
{
    return &((struct connect_layer *)x)->engine;
}

static const struct leati_http_connect_engine *engine_of_const(const struct leati_exchange *x)
{
    return &((const struct connect_layer *)x)->engine;
}

static const struct leati_http_connect_engine *engine_of_layer(const struct leati_layer *l)
{
    return engine_of_const((const struct leati_exchange *)l);
}

static void connect_start(struct leati_exchange *x)
{
    engine_of(x)->tracer = x->base.tracer;
    engine_of(x)->hop = x->base.hop;
}

static enum leati_exchange_turn connect_turn(const struct leati_exchange *x)
{
    switch (engine_of_const(x)->state) {
    case LEATI_HTTP_CONNECT_SEND_REQUEST:
        return LEATI_EXCHANGE_OURS;
    case LEATI_HTTP_CONNECT_RECV_HEAD:
        return LEATI_EXCHANGE_THEIRS;
    case LEATI_HTTP_CONNECT_RECV_BODY:
        return LEATI_EXCHANGE_AFTERMATH;
    case LEATI_HTTP_CONNECT_DONE:
        return LEATI_EXCHANGE_DONE;
    case LEATI_HTTP_CONNECT_FAILED:
        break;
    }
    return LEATI_EXCHANGE_FAILED;
}

static size_t connect_output(const struct leati_exchange *x, const uint8_t **ret_data)
{
    return leati_http_connect_engine_output(engine_of_const(x), ret_data);
}

static void connect_sent(struct leati_exchange *x, size_t len)
{
    leati_http_connect_engine_sent(engine_of(x), len);
}

static size_t connect_need(const struct leati_exchange *x)
{
    (void)x;
    return SIZE_MAX;
}

static void connect_feed(struct leati_exchange *x, const uint8_t *data, size_t len,
                         size_t *ret_used)
{
    leati_http_connect_engine_feed(engine_of(x), data, len, ret_used);
}

static void connect_end(struct leati_exchange *x)
{
    leati_http_connect_engine_end(engine_of(x));
}

static void connect_expire(struct leati_exchange *x, uint64_t waited_ms)
{
    leati_http_connect_engine_expire(engine_of(x), waited_ms);
}

static int connect_lower_failed(struct leati_exchange *x, int code)
{
    if (code != LEAT_E_SYSTEM_INTERNAL)
        x->base.retry = LEATI_RETRY_TARGET | LEATI_RETRY_PROXY;
    return leati_exchange_keep_lower(x, code);
}

static struct leati_exchange_verdict connect_verdict(const struct leati_exchange *x)
{
    const struct leati_http_connect_engine *engine = engine_of_const(x);

    return (struct leati_exchange_verdict){
        .code = engine->code,
        .sys_errno = engine->sys_errno,
        .native_code = engine->status,
        .retry = engine->retry,
        .text = engine->text,
    };
}

static void connect_done(struct leati_exchange *x)
{
    leati_http_connect_engine_done(engine_of(x));
}

static void connect_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_http_connect_engine *engine = engine_of_layer(l);

    snprintf(buf, cap, "%s, HTTP %d, %s", engine->destination, engine->status,
             engine->sends_credentials ? "with credentials" : "no authentication");
}

static const struct leati_exchange_ops connect_ops = {
    .layer = LEATI_EXCHANGE_LAYER("http-proxy", LEAT_LAYER_HTTP_PROXY, connect_describe),
    .start = connect_start,
    .turn = connect_turn,
    .output = connect_output,
    .sent = connect_sent,
    .need = connect_need,
    .feed = connect_feed,
    .end = connect_end,
    .expire = connect_expire,
    .lower_failed = connect_lower_failed,
    .verdict = connect_verdict,
    .done = connect_done,
    .aftermath_ms = LEATI_HTTP_CONNECT_BODY_WAIT_MS,
};

int leati_http_connect_layer_new(const struct leati_http_connect_options *options,
                                 struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct connect_layer *connect = leati_calloc(1, sizeof(*connect));
    if (!connect) {
        const struct leati_fault fault = {
            .code = LEAT_E_SYSTEM_INTERNAL,
            .layer = LEAT_LAYER_HTTP_PROXY,
        };
        return leati_failure_set(failure, &fault, "no memory for the CONNECT layer");
    }
    int result = leati_http_connect_engine_init(&connect->engine, options, failure);
    if (result != LEAT_OK) {
        leati_free(connect);
        return result;
    }
    leati_exchange_init(&connect->exchange, &connect_ops, options->step_timeout_ms);
    *ret_layer = &connect->exchange.base;
    return LEAT_OK;
}

/* ---- what the proxy said ---------------------------------------------------------------- */

struct leati_http_response *leati_http_connect_take_response(struct leati_layer *connect)
{
    struct leati_http_connect_engine *engine = engine_of((struct leati_exchange *)connect);

    if (!engine->is_refused)
        return NULL;
    struct leati_http_response *response = leati_http_response_take(&engine->head, &engine->body);
    engine->is_refused = !response;
    return response;
}
