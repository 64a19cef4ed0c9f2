/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks5.h"

#include "socks5/gss_negotiation.h"
#include "socks5/gss_protection.h"
#include "socks5/socks5_engine.h"
#include "socks5/socks_lost.h"
#include "util/alloc.h"

#include <stdio.h>

struct socks5_layer {
    struct leati_exchange exchange;
    struct leati_socks5_engine engine;
    /** Speaks while the engine is NEGOTIATING_GSS; its `gss` is NULL where that is not offered. */
    struct leati_socks5_gss_negotiation gss;
    struct leati_layer *protection; /* NULL = none (any more) */
    bool protection_is_told;
};

static struct socks5_layer *layer_of(struct leati_exchange *x)
{
    return (struct socks5_layer *)x;
}

static struct leati_socks5_engine *engine_of(struct leati_exchange *x)
{
    return &layer_of(x)->engine;
}

static const struct leati_socks5_engine *engine_of_const(const struct leati_exchange *x)
{
    return &((const struct socks5_layer *)x)->engine;
}

/* Whoever speaks GSS-API now; NULL = nobody does. */
static struct leati_socks5_gss_negotiation *gss_of(struct leati_exchange *x)
{
    return engine_of(x)->state == LEATI_SOCKS5_NEGOTIATING_GSS ? &layer_of(x)->gss : NULL;
}

static const struct leati_socks5_gss_negotiation *gss_of_const(const struct leati_exchange *x)
{
    return engine_of_const(x)->state == LEATI_SOCKS5_NEGOTIATING_GSS
               ? &((const struct socks5_layer *)x)->gss
               : NULL;
}

static void socks5_start(struct leati_exchange *x)
{
    engine_of(x)->tracer = x->base.tracer;
    engine_of(x)->hop = x->base.hop;
}

/* ---- GSS-API ------------------------------------------------------------------------------------- */

/* The layer below is told before the request goes down to it. */
static void protection_tell(struct socks5_layer *socks5, bool protects)
{
    struct leati_layer *protection = socks5->protection;

    if (!protection || socks5->protection_is_told)
        return;
    socks5->protection_is_told = true;
    if (protects) {
        leati_socks5_protection_begin(protection, leati_socks5_gss_take(&socks5->gss),
                                      socks5->gss.granted ==
                                          LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY);
        return;
    }
    leati_socks5_protection_skip(protection);
    socks5->protection = NULL; /* it goes, maybe before this one */
}

/* After each step of either: from one to the other. */
static void negotiation_follow(struct leati_exchange *x)
{
    struct socks5_layer *socks5 = layer_of(x);
    struct leati_socks5_gss_negotiation *gss = gss_of(x);

    if (gss && gss->state == LEATI_SOCKS5_GSS_DONE) {
        protection_tell(socks5, gss->granted >= LEAT_SOCKS5_PROTECTION_INTEGRITY);
        leati_socks5_engine_negotiated(&socks5->engine);
    }
    if (socks5->engine.state == LEATI_SOCKS5_DONE)
        protection_tell(socks5, false);
}

static bool socks5_resume(struct leati_exchange *x)
{
    bool was_ready = leati_socks5_gss_resume(gss_of(x));

    negotiation_follow(x);
    return was_ready;
}

static enum leati_exchange_turn gss_turn(const struct leati_socks5_gss_negotiation *gss)
{
    switch (gss->state) {
    case LEATI_SOCKS5_GSS_MAKE_TOKEN:
        return LEATI_EXCHANGE_HELPERS;
    case LEATI_SOCKS5_GSS_SEND_TOKEN:
    case LEATI_SOCKS5_GSS_SEND_LEVEL:
        return LEATI_EXCHANGE_OURS;
    case LEATI_SOCKS5_GSS_RECV_TOKEN:
    case LEATI_SOCKS5_GSS_RECV_LEVEL:
        return LEATI_EXCHANGE_THEIRS;
    case LEATI_SOCKS5_GSS_DONE: /* the engine has gone on */
    case LEATI_SOCKS5_GSS_FAILED:
        break;
    }
    return LEATI_EXCHANGE_FAILED;
}

/* ---- the exchange -------------------------------------------------------------------------------- */

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
    case LEATI_SOCKS5_NEGOTIATING_GSS:
        return gss_turn(gss_of_const(x));
    case LEATI_SOCKS5_DONE:
        return LEATI_EXCHANGE_DONE;
    case LEATI_SOCKS5_FAILED:
        break;
    }
    return LEATI_EXCHANGE_FAILED;
}

static size_t socks5_output(const struct leati_exchange *x, const uint8_t **ret_data)
{
    const struct leati_socks5_gss_negotiation *gss = gss_of_const(x);

    return gss ? leati_socks5_gss_output(gss, ret_data)
               : leati_socks5_engine_output(engine_of_const(x), ret_data);
}

static void socks5_sent(struct leati_exchange *x, size_t len)
{
    struct leati_socks5_gss_negotiation *gss = gss_of(x);

    if (gss)
        leati_socks5_gss_sent(gss, len);
    else
        leati_socks5_engine_sent(engine_of(x), len);
}

/* One reply and not a byte more: what follows it is the upper layer's. */
static size_t socks5_need(const struct leati_exchange *x)
{
    const struct leati_socks5_gss_negotiation *gss = gss_of_const(x);

    return gss ? leati_socks5_gss_negotiation_need(gss)
               : leati_socks5_engine_need(engine_of_const(x));
}

static void socks5_feed(struct leati_exchange *x, const uint8_t *data, size_t len, size_t *ret_used)
{
    struct leati_socks5_gss_negotiation *gss = gss_of(x);

    *ret_used = len;
    if (gss)
        leati_socks5_gss_negotiation_feed(gss, data, len);
    else
        (void)leati_socks5_engine_feed(engine_of(x), data, len, ret_used);
    if (!gss && gss_of(x))
        leati_socks5_gss_begin(gss_of(x));
    negotiation_follow(x);
}

static void socks5_end(struct leati_exchange *x)
{
    struct leati_socks5_gss_negotiation *gss = gss_of(x);

    if (gss)
        leati_socks5_gss_eof(gss);
    else
        (void)leati_socks5_engine_eof(engine_of(x));
}

static void socks5_expire(struct leati_exchange *x, uint64_t waited_ms)
{
    struct leati_socks5_gss_negotiation *gss = gss_of(x);

    if (gss)
        leati_socks5_gss_expire(gss, waited_ms);
    else
        leati_socks5_engine_expire(engine_of(x), waited_ms);
}

static int socks5_lower_failed(struct leati_exchange *x, int code)
{
    const struct leati_socks5_engine *engine = engine_of_const(x);
    const struct leati_socks5_gss_negotiation *gss = gss_of_const(x);
    char suspect[LEATI_SOCKS5_SUSPECT_SIZE];
    const struct leati_socks_lost lost = {
        .is_sending = socks5_turn(x) == LEATI_EXCHANGE_OURS,
        .step = gss ? leati_socks5_gss_step(gss) : leati_socks5_engine_step(engine),
        .suspect = suspect,
        .retry = leati_socks5_engine_retry_if_lost(engine),
    };

    /* A protected message that cannot be read says so itself. */
    if (code == LEAT_E_SOCKS5_DESERIALIZE)
        return leati_exchange_keep_lower(x, code);
    leati_socks5_engine_suspect(engine, suspect, sizeof(suspect));
    return leati_socks_lost(x, code, &lost);
}

static struct leati_exchange_verdict socks5_verdict(const struct leati_exchange *x)
{
    const struct leati_socks5_engine *engine = engine_of_const(x);
    const struct leati_socks5_gss_negotiation *gss = gss_of_const(x);

    if (gss)
        return (struct leati_exchange_verdict){
            .code = gss->code,
            .sys_errno = gss->sys_errno,
            .native_code = gss->native_code,
            .retry = gss->code == LEAT_E_SOCKS5_RECV ? LEATI_RETRY_PROXY : 0,
            .text = gss->text,
        };
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
    leati_socks5_gss_done(&layer_of(x)->gss);
    leati_socks5_engine_done(engine_of(x));
}

static const char *method_text(const struct socks5_layer *socks5)
{
    const struct leati_socks5_engine *engine = &socks5->engine;

    switch (socks5->gss.granted) {
    case LEAT_SOCKS5_PROTECTION_ANY:
        break;
    case LEAT_SOCKS5_PROTECTION_NONE:
        return "GSS-API";
    case LEAT_SOCKS5_PROTECTION_INTEGRITY:
        return "GSS-API with integrity";
    case LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY:
        return "GSS-API with confidentiality";
    }
    return engine->offers_password && (engine->authenticated || engine->pipelined)
               ? "user name and password"
               : "no authentication";
}

static void socks5_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_socks5_engine *engine = engine_of_const((const struct leati_exchange *)l);

    snprintf(buf, cap, "%s, %s%s", engine->destination,
             method_text((const struct socks5_layer *)(const void *)l),
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
    .resume = socks5_resume,
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
        leati_gss_free(options->gss);
        return leati_failure_set(failure, &fault, "no memory for the SOCKS5 layer");
    }
    int result = leati_socks5_engine_init(&socks5->engine, options, failure);
    if (result != LEAT_OK) {
        leati_gss_free(options->gss);
        leati_free(socks5);
        return result;
    }
    leati_exchange_init(&socks5->exchange, &socks5_ops, options->step_timeout_ms);
    leati_socks5_gss_init(&socks5->gss, options->gss, options->protection,
                          options->protection_layer);
    socks5->protection = options->protection_layer;
    socks5->protection_is_told = false;
    socks5->exchange.optimistic =
        socks5->engine.pipelined && options->pipelining == LEATI_SOCKS5_OPTIMISTIC;
    *ret_layer = &socks5->exchange.base;
    return LEAT_OK;
}

const struct leati_socks5_address *leati_socks5_layer_bound(const struct leati_layer *layer)
{
    return &engine_of_const((const struct leati_exchange *)layer)->bound;
}

struct leati_layer *leati_socks5_layer_protection(const struct leati_layer *layer)
{
    struct leati_layer *protection = ((const struct socks5_layer *)(const void *)layer)->protection;

    return protection && leati_socks5_protection_is_on(protection) ? protection : NULL;
}
