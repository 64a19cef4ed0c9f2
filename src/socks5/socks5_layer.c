/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks5.h"

#include "socks5/socks5_engine.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <stdio.h>

struct socks5_layer {
    struct leati_layer base;
    struct leati_socks5_engine engine;
    bool optimistic; /* OPEN before the replies have come */
    uint32_t step_timeout_ms;
    uint64_t step_start_ms;
};

static struct socks5_layer *socks5_of(struct leati_layer *l)
{
    return (struct socks5_layer *)l;
}

static const struct socks5_layer *socks5_of_const(const struct leati_layer *l)
{
    return (const struct socks5_layer *)l;
}

/* A step is a message and the reply to it. */
static void step_start(struct socks5_layer *socks5, uint64_t now_ms)
{
    socks5->step_start_ms = now_ms;
    leati_layer_arm(&socks5->base, now_ms, socks5->step_timeout_ms);
}

static int lower_fail(struct socks5_layer *socks5, int lower_code, int code, const char *verb)
{
    char what[96];

    /* Lack of memory has nothing to do with the proxy; the lower layer's record says it all. */
    if (lower_code == LEAT_E_SYSTEM_INTERNAL)
        return leati_layer_fail(&socks5->base, lower_code, 0, 0, "no memory");
    snprintf(what, sizeof(what), "%s the %s failed", verb,
             leati_socks5_engine_step(&socks5->engine));
    return leati_layer_relabel(&socks5->base, code, what);
}

static int engine_fail(struct socks5_layer *socks5)
{
    const struct leati_socks5_engine *engine = &socks5->engine;
    return leati_layer_fail(&socks5->base, engine->code, 0, engine->native_code, "%s",
                            engine->text);
}

static int timeout_fail(struct socks5_layer *socks5)
{
    return leati_layer_fail(&socks5->base, LEAT_E_SOCKS5_RECV, ETIMEDOUT, 0,
                            "the proxy did not answer the %s within %llu ms",
                            leati_socks5_engine_step(&socks5->engine),
                            (unsigned long long)(socks5->base.deadline_ms - socks5->step_start_ms));
}

/* Sends what the engine has to say, in one write as long as the lower layer takes it all. */
static int message_send(struct socks5_layer *socks5)
{
    struct leati_layer *lower = socks5->base.lower;
    const uint8_t *data = NULL;
    size_t len;

    while ((len = leati_socks5_engine_output(&socks5->engine, &data)) > 0) {
        /* iovec has no const. */
        const struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
        size_t sent;
        int result = lower->ops->send(lower, &iov, 1, &sent);
        if (result == LEATI_AGAIN)
            return result;
        if (result != LEAT_OK)
            return lower_fail(socks5, result, LEAT_E_SOCKS5_SEND, "sending");
        leati_socks5_engine_sent(&socks5->engine, sent);
    }
    return LEAT_OK;
}

/* Reads one reply and not a byte more: what follows it is the upper layer's. */
static int reply_recv(struct socks5_layer *socks5)
{
    struct leati_layer *lower = socks5->base.lower;
    uint8_t buf[LEATI_SOCKS5_REPLY_MAX_BYTES];
    size_t need;

    while ((need = leati_socks5_engine_need(&socks5->engine)) > 0) {
        size_t len;
        int result = lower->ops->recv(lower, buf, need, &len);
        if (result == LEATI_AGAIN)
            return result;
        if (result == LEATI_EOF) {
            leati_socks5_engine_eof(&socks5->engine);
            return engine_fail(socks5);
        }
        if (result != LEAT_OK)
            return lower_fail(socks5, result, LEAT_E_SOCKS5_RECV, "receiving the answer to");
        if (leati_socks5_engine_feed(&socks5->engine, buf, len, &len) != LEAT_OK)
            return engine_fail(socks5);
    }
    return LEAT_OK;
}

static int exchange_run(struct socks5_layer *socks5, uint64_t now_ms)
{
    while (socks5->engine.state != LEATI_SOCKS5_DONE) {
        int result = message_send(socks5);
        if (result == LEAT_OK)
            result = reply_recv(socks5);
        if (result != LEAT_OK)
            return result;
        step_start(socks5, now_ms);
    }
    return LEAT_OK;
}

/* From here on the layer is not needed. */
static void exchange_end(struct socks5_layer *socks5)
{
    socks5->base.deadline_ms = 0;
    socks5->base.passthrough = true;
}

static int socks5_connect(struct leati_layer *l, uint64_t now_ms)
{
    struct socks5_layer *socks5 = socks5_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (l->state == LEATI_LAYER_NEW) {
        socks5->engine.tracer = l->tracer;
        socks5->engine.hop = l->hop;
        leati_layer_set_state(l, LEATI_LAYER_CONNECTING);
        step_start(socks5, now_ms);
    }
    int result = socks5->optimistic ? message_send(socks5) : exchange_run(socks5, now_ms);
    if (result == LEATI_AGAIN && leati_layer_expired(l, now_ms))
        return timeout_fail(socks5);
    if (result != LEAT_OK)
        return result;
    if (!socks5->optimistic)
        exchange_end(socks5);
    leati_layer_set_state(l, LEATI_LAYER_OPEN);
    return LEAT_OK;
}

/* Of an optimistic layer: the replies come before the first byte for the upper layer. */
static int socks5_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    struct socks5_layer *socks5 = socks5_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (socks5->engine.state != LEATI_SOCKS5_DONE) {
        uint64_t now_ms = leati_clock_ms();
        int result = exchange_run(socks5, now_ms);
        if (result == LEATI_AGAIN && leati_layer_expired(l, now_ms))
            return timeout_fail(socks5);
        if (result != LEAT_OK)
            return result;
        exchange_end(socks5);
    }
    return leati_layer_pass_recv(l, buf, cap, ret_len);
}

static unsigned socks5_want(const struct leati_layer *l, unsigned upper)
{
    const uint8_t *data;

    if (l->state == LEATI_LAYER_OPEN)
        return l->passthrough ? upper : upper | LEATI_WANT_READ;
    if (l->state != LEATI_LAYER_CONNECTING)
        return 0;
    return leati_socks5_engine_output(&socks5_of_const(l)->engine, &data) > 0 ? LEATI_WANT_WRITE
                                                                              : LEATI_WANT_READ;
}

static void socks5_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_socks5_engine *engine = &socks5_of_const(l)->engine;
    snprintf(buf, cap, "%s, %s%s", engine->destination,
             engine->offers_password && (engine->authenticated || engine->pipelined)
                 ? "user name and password"
                 : "no authentication",
             engine->state == LEATI_SOCKS5_DONE ? "" : ", not answered yet");
}

static void socks5_destroy(struct leati_layer *l)
{
    leati_socks5_engine_done(&socks5_of(l)->engine);
    leati_free(l);
}

static const struct leati_layer_ops socks5_ops = {
    .name = "socks5",
    .layer = LEAT_LAYER_SOCKS5,
    .connect = socks5_connect,
    .recv = socks5_recv,
    .send = leati_layer_pass_send,
    .shutdown = leati_layer_nop_shutdown,
    .want = socks5_want,
    .pending = leati_layer_never_pending,
    .describe = socks5_describe,
    .destroy = socks5_destroy,
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
    leati_layer_init(&socks5->base, &socks5_ops);
    socks5->optimistic = options->pipelining == LEATI_SOCKS5_OPTIMISTIC;
    socks5->step_timeout_ms = options->step_timeout_ms;
    socks5->step_start_ms = 0;
    *ret_layer = &socks5->base;
    return LEAT_OK;
}

const struct leati_socks5_address *leati_socks5_layer_bound(const struct leati_layer *layer)
{
    return &socks5_of_const(layer)->engine.bound;
}
