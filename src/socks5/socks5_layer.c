/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks5.h"

#include "socks5/socks5_engine.h"
#include "socks5/socks_lost.h"
#include "util/alloc.h"

#include <stdio.h>

struct socks5_layer {
    struct leati_exchange exchange;
    struct leati_socks5_engine engine;
};

static struct leati_socks5_engine *engine_of(struct leati_exchange *x)
{
    return &((struct socks5_layer *)x)->engine;
}

static const struct leati_socks5_engine *engine_of_const(const struct leati_exchange *x)
{
    return &((const struct socks5_layer *)x)->engine;
}

static void socks5_start(struct leati_exchange *x)
{
    engine_of(x)->tracer = x->base.tracer;
    engine_of(x)->hop = x->base.hop;
}

static enum leati_exchange_turn socks5_turn(const struct leati_exchange *x)
{
    switch (engine_of_const(x)->state) {
    case LEATI_SOCKS5_SEND_GREETING:
    case LEATI_SOCKS5_SEND_AUTH:
    case LEATI_SOCKS5_SEND_REQUEST:
        return LEATI_EXCHANGE_OURS;
    case LEATI_SOCKS5_RECV_METHOD:
    case LEATI_SOCKS5_RECV_AUTH_STATUS:
    case LEATI_SOCKS5_RECV_REPLY:
        return LEATI_EXCHANGE_THEIRS;
    case LEATI_SOCKS5_DONE:
        return LEATI_EXCHANGE_DONE;
    case LEATI_SOCKS5_FAILED:
        break;
    }
    return LEATI_EXCHANGE_FAILED;
}

static size_t socks5_output(const struct leati_exchange *x, const uint8_t **ret_data)
{
    return leati_socks5_engine_output(engine_of_const(x), ret_data);
}

static void socks5_sent(struct leati_exchange *x, size_t len)
{
    leati_socks5_engine_sent(engine_of(x), len);
}

/* One reply and not a byte more: what follows it is the upper layer's. */
static size_t socks5_need(const struct leati_exchange *x)
{
    return leati_socks5_engine_need(engine_of_const(x));
}

static void socks5_feed(struct leati_exchange *x, const uint8_t *data, size_t len, size_t *ret_used)
{
    (void)leati_socks5_engine_feed(engine_of(x), data, len, ret_used);
}

static void socks5_end(struct leati_exchange *x)
{
    (void)leati_socks5_engine_eof(engine_of(x));
}

static void socks5_expire(struct leati_exchange *x, uint64_t waited_ms)
{
    leati_socks5_engine_expire(engine_of(x), waited_ms);
}

static int socks5_lower_failed(struct leati_exchange *x, int code)
{
    const struct leati_socks5_engine *engine = engine_of_const(x);
    char suspect[LEATI_SOCKS5_SUSPECT_SIZE];
    const struct leati_socks_lost lost = {
        .is_sending = socks5_turn(x) == LEATI_EXCHANGE_OURS,
        .step = leati_socks5_engine_step(engine),
        .suspect = suspect,
        .retry = leati_socks5_engine_retry_if_lost(engine),
    };

    leati_socks5_engine_suspect(engine, suspect, sizeof(suspect));
    return leati_socks_lost(x, code, &lost);
}

static struct leati_exchange_verdict socks5_verdict(const struct leati_exchange *x)
{
    const struct leati_socks5_engine *engine = engine_of_const(x);

    return (struct leati_exchange_verdict){
        .code = engine->code,
        .sys_errno = engine->sys_errno,
        .native_code = engine->native_code,
        .retry = engine->retry,
        .text = engine->text,
    };
}

static void socks5_done(struct leati_exchange *x)
{
    leati_socks5_engine_done(engine_of(x));
}

static void socks5_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_socks5_engine *engine = engine_of_const((const struct leati_exchange *)l);

    snprintf(buf, cap, "%s, %s%s", engine->destination,
             engine->offers_password && (engine->authenticated || engine->pipelined)
                 ? "user name and password"
                 : "no authentication",
             engine->state == LEATI_SOCKS5_DONE ? "" : ", not answered yet");
}

static const struct leati_exchange_ops socks5_ops = {
    .layer = LEATI_EXCHANGE_LAYER("socks5", LEAT_LAYER_SOCKS5, socks5_describe),
    .start = socks5_start,
    .turn = socks5_turn,
    .output = socks5_output,
    .sent = socks5_sent,
    .need = socks5_need,
    .feed = socks5_feed,
    .end = socks5_end,
    .expire = socks5_expire,
    .lower_failed = socks5_lower_failed,
    .verdict = socks5_verdict,
    .done = socks5_done,
};

int leati_socks5_layer_new(const struct leati_socks5_options *options,
                           struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct socks5_layer *socks5 = leati_malloc(sizeof(*socks5));
    if (!socks5) {
        const struct leati_fault fault = {
            .code = LEAT_E_SYSTEM_INTERNAL,
            .layer = LEAT_LAYER_SOCKS5,
        };
        return leati_failure_set(failure, &fault, "no memory for the SOCKS5 layer");
    }
    int result = leati_socks5_engine_init(&socks5->engine, options, failure);
    if (result != LEAT_OK) {
        leati_free(socks5);
        return result;
    }
    leati_exchange_init(&socks5->exchange, &socks5_ops, options->step_timeout_ms);
    socks5->exchange.optimistic = options->pipelining == LEATI_SOCKS5_OPTIMISTIC;
    *ret_layer = &socks5->exchange.base;
    return LEAT_OK;
}

const struct leati_socks5_address *leati_socks5_layer_bound(const struct leati_layer *layer)
{
    return &engine_of_const((const struct leati_exchange *)layer)->bound;
}
