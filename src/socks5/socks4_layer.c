/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks4.h"

#include "socks5/socks4_engine.h"
#include "socks5/socks_lost.h"
#include "util/alloc.h"

#include <stdio.h>

struct socks4_layer {
    struct leati_exchange exchange;
    struct leati_socks4_engine engine;
};

static struct leati_socks4_engine *engine_of(struct leati_exchange *x)
{
    return &((struct socks4_layer *)x)->engine;
}

static const struct leati_socks4_engine *engine_of_const(const struct leati_exchange *x)
{
    return &((const struct socks4_layer *)x)->engine;
}

static void socks4_start(struct leati_exchange *x)
{
    engine_of(x)->tracer = x->base.tracer;
    engine_of(x)->hop = x->base.hop;
}

static enum leati_exchange_turn socks4_turn(const struct leati_exchange *x)
{
    switch (engine_of_const(x)->state) {
    case LEATI_SOCKS4_SEND_REQUEST:
        return LEATI_EXCHANGE_OURS;
    case LEATI_SOCKS4_RECV_REPLY:
        return LEATI_EXCHANGE_THEIRS;
    case LEATI_SOCKS4_DONE:
        return LEATI_EXCHANGE_DONE;
    case LEATI_SOCKS4_FAILED:
        break;
    }
    return LEATI_EXCHANGE_FAILED;
}

static size_t socks4_output(const struct leati_exchange *x, const uint8_t **ret_data)
{
    return leati_socks4_engine_output(engine_of_const(x), ret_data);
}

static void socks4_sent(struct leati_exchange *x, size_t len)
{
    leati_socks4_engine_sent(engine_of(x), len);
}

/* The answer and not a byte more: what follows it is the upper layer's. */
static size_t socks4_need(const struct leati_exchange *x)
{
    return leati_socks4_engine_need(engine_of_const(x));
}

static void socks4_feed(struct leati_exchange *x, const uint8_t *data, size_t len, size_t *ret_used)
{
    (void)leati_socks4_engine_feed(engine_of(x), data, len, ret_used);
}

static void socks4_end(struct leati_exchange *x)
{
    (void)leati_socks4_engine_eof(engine_of(x));
}

static void socks4_expire(struct leati_exchange *x, uint64_t waited_ms)
{
    leati_socks4_engine_expire(engine_of(x), waited_ms);
}

static int socks4_lower_failed(struct leati_exchange *x, int code)
{
    const struct leati_socks4_engine *engine = engine_of_const(x);
    char suspect[LEATI_SOCKS4_SUSPECT_SIZE];
    const struct leati_socks_lost lost = {
        .is_sending = socks4_turn(x) == LEATI_EXCHANGE_OURS,
        .step = "request",
        .suspect = suspect,
        .retry = leati_socks4_engine_retry_if_lost(engine),
    };

    leati_socks4_engine_suspect(engine, suspect, sizeof(suspect));
    return leati_socks_lost(x, code, &lost);
}

static struct leati_exchange_verdict socks4_verdict(const struct leati_exchange *x)
{
    const struct leati_socks4_engine *engine = engine_of_const(x);

    return (struct leati_exchange_verdict){
        .code = engine->code,
        .sys_errno = engine->sys_errno,
        .native_code = engine->native_code,
        .retry = engine->retry,
        .text = engine->text,
    };
}

static void socks4_done(struct leati_exchange *x)
{
    leati_socks4_engine_done(engine_of(x));
}

static void socks4_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_socks4_engine *engine = engine_of_const((const struct leati_exchange *)l);

    snprintf(buf, cap, "%s, %s%s", engine->destination, engine->has_user ? "user id" : "no user id",
             engine->state == LEATI_SOCKS4_DONE ? "" : ", not answered yet");
}

static const struct leati_exchange_ops socks4_ops = {
    .layer = LEATI_EXCHANGE_LAYER("socks4", LEAT_LAYER_SOCKS5, socks4_describe),
    .start = socks4_start,
    .turn = socks4_turn,
    .output = socks4_output,
    .sent = socks4_sent,
    .need = socks4_need,
    .feed = socks4_feed,
    .end = socks4_end,
    .expire = socks4_expire,
    .lower_failed = socks4_lower_failed,
    .verdict = socks4_verdict,
    .done = socks4_done,
};

int leati_socks4_layer_new(const struct leati_socks4_options *options,
                           struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct socks4_layer *socks4 = leati_malloc(sizeof(*socks4));
    if (!socks4) {
        const struct leati_fault fault = {
            .code = LEAT_E_SYSTEM_INTERNAL,
            .layer = LEAT_LAYER_SOCKS5,
        };
        return leati_failure_set(failure, &fault, "no memory for the SOCKS4 layer");
    }
    int result = leati_socks4_engine_init(&socks4->engine, options, failure);
    if (result != LEAT_OK) {
        leati_free(socks4);
        return result;
    }
    leati_exchange_init(&socks4->exchange, &socks4_ops, options->step_timeout_ms);
    socks4->exchange.optimistic = options->optimistic;
    *ret_layer = &socks4->exchange.base;
    return LEAT_OK;
}
