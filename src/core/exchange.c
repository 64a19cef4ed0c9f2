/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exchange.h"

#include "util/alloc.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

#define READ_BYTES 4096u

struct leati_exchange *leati_exchange_of(struct leati_layer *exchange)
{
    return (struct leati_exchange *)exchange;
}

static struct leati_engine *engine_of(const struct leati_layer *l)
{
    return ((const struct leati_exchange *)l)->engine;
}

void *leati_exchange_engine(const struct leati_layer *exchange)
{
    return engine_of(exchange);
}

struct leati_layer *leati_exchange_new(const struct leati_engine_ops *ops, size_t engine_size,
                                       uint32_t timeout_ms, const char *text,
                                       struct leati_failure *failure)
{
    const struct leati_fault fault = {.code = LEAT_E_SYSTEM_INTERNAL, .layer = ops->layer.layer};
    struct leati_exchange *x = leati_calloc(1, sizeof(*x) + engine_size);

    if (!x) {
        leati_failure_set(failure, &fault, "%s", text);
        return NULL;
    }
    leati_layer_init(&x->base, &ops->layer);
    x->engine = (void *)x->engine_bytes;
    x->timeout_ms = timeout_ms;
    return &x->base;
}

static void early_drop(struct leati_exchange *x)
{
    leati_free(x->early);
    x->early = NULL;
}

void leati_exchange_destroy(struct leati_layer *l)
{
    struct leati_exchange *x = leati_exchange_of(l);

    leati_engine_done(x->engine);
    early_drop(x);
    leati_free(x);
}

bool leati_exchange_is_owners_turn(const struct leati_layer *exchange)
{
    return leati_engine_turn(engine_of(exchange)) == LEATI_EXCHANGE_OWNERS;
}

/* ---- failing -------------------------------------------------------------------------------- */

static int exchange_fail(struct leati_exchange *x)
{
    const struct leati_engine *e = leati_engine_speaker(x->engine);

    x->base.retry = e->retry;
    return leati_layer_fail(&x->base, e->code, e->sys_errno, e->native_code, "%s", e->text);
}

/* Lack of memory has nothing to do with the peer; the lower layer's record says it all. */
static int lower_failed(struct leati_exchange *x, int code)
{
    struct leati_engine *e = x->engine;
    int own = code != LEAT_E_SYSTEM_INTERNAL && e->ops->lost ? e->ops->lost(e, code, &x->base.retry)
                                                             : LEAT_OK;

    if (own != LEAT_OK)
        return leati_layer_relabel(&x->base, own, e->text);
    x->base.sticky = code;
    x->base.deadline_ms = 0;
    leati_layer_set_state(&x->base, LEATI_LAYER_CLOSED);
    return code;
}

/* The verdict is what is reported from here on, whatever happens in the aftermath, which is no
 * reason to wait longer than for the answer itself. */
static void aftermath_begin(struct leati_exchange *x, uint64_t now_ms)
{
    struct leati_layer *l = &x->base;
    const struct leati_engine *e = leati_engine_speaker(x->engine);
    const struct leati_fault fault = {
        .code = e->code,
        .layer = l->ops->layer,
        .sys_errno = e->sys_errno,
        .native_code = e->native_code,
        .hop = l->hop,
    };
    const uint64_t deadline_ms = l->deadline_ms;

    leati_failure_set(l->failure, &fault, "%s", e->text);
    early_drop(x);
    leati_layer_arm(l, now_ms, e->ops->aftermath_ms);
    if (deadline_ms != 0 && deadline_ms < l->deadline_ms)
        l->deadline_ms = deadline_ms;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static void step_start(struct leati_exchange *x, uint64_t now_ms, uint32_t timeout_ms)
{
    x->step_start_ms = now_ms;
    leati_layer_arm(&x->base, now_ms, timeout_ms);
}

/* A step is a message of ours and the answer to it, the peer's first word, or the owner's time. */
static void turn_follow(struct leati_exchange *x, uint64_t now_ms)
{
    enum leati_exchange_turn from = x->turn;

    x->turn = leati_engine_turn(x->engine);
    if (x->turn == from)
        return;
    switch (x->turn) {
    case LEATI_EXCHANGE_THEIRS:
        break;
    case LEATI_EXCHANGE_OURS:
    case LEATI_EXCHANGE_HELPERS:
        step_start(x, now_ms, x->timeout_ms);
        break;
    case LEATI_EXCHANGE_OWNERS:
        step_start(x, now_ms, x->owner_timeout_ms);
        break;
    case LEATI_EXCHANGE_AFTERMATH:
        aftermath_begin(x, now_ms);
        break;
    case LEATI_EXCHANGE_DONE:
    case LEATI_EXCHANGE_FAILED:
        x->base.deadline_ms = 0;
        break;
    }
}

/* In one write as long as the lower layer takes it all. */
static int output_send(struct leati_exchange *x)
{
    struct leati_layer *lower = x->base.lower;
    const uint8_t *data = NULL;
    size_t sent;

    size_t len = leati_engine_output(x->engine, &data);
    /* iovec has no const. */
    const struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    int code = lower->ops->send(lower, &iov, 1, &sent);
    if (code == LEATI_AGAIN)
        return code;
    if (code != LEAT_OK)
        return lower_failed(x, code);
    leati_engine_sent(x->engine, sent);
    return LEAT_OK;
}

static int early_keep(struct leati_exchange *x, const uint8_t *data, size_t len)
{
    if (len == 0)
        return LEAT_OK;
    x->early = leati_malloc(len);
    if (!x->early)
        return leati_layer_fail(&x->base, LEAT_E_SYSTEM_INTERNAL, ENOMEM, 0,
                                "no memory for what followed the handshake");
    memcpy(x->early, data, len);
    x->early_len = len;
    x->early_read = 0;
    return LEAT_OK;
}

static int input_recv(struct leati_exchange *x)
{
    struct leati_layer *lower = x->base.lower;
    uint8_t buf[READ_BYTES];
    size_t len;
    size_t used = 0;
    bool is_aftermath = x->turn == LEATI_EXCHANGE_AFTERMATH;

    size_t need = is_aftermath ? sizeof(buf) : leati_engine_need(x->engine);
    int code = lower->ops->recv(lower, buf, need < sizeof(buf) ? need : sizeof(buf), &len);
    if (code == LEATI_AGAIN)
        return code;
    if (code == LEATI_EOF || (code != LEAT_OK && is_aftermath)) {
        leati_engine_end(x->engine);
        return LEAT_OK;
    }
    if (code != LEAT_OK)
        return lower_failed(x, code);
    leati_engine_feed(x->engine, buf, len, &used);
    return early_keep(x, buf + used, len - used);
}

/* Goes on as far as it can without waiting. An optimistic connect stops when all is sent. */
static int exchange_run(struct leati_exchange *x, uint64_t now_ms, bool stops_when_sent)
{
    for (;;) {
        int code = LEAT_OK;

        turn_follow(x, now_ms);
        switch (x->turn) {
        case LEATI_EXCHANGE_OURS:
            code = output_send(x);
            break;
        case LEATI_EXCHANGE_THEIRS:
            if (stops_when_sent)
                return LEAT_OK;
            code = input_recv(x);
            break;
        case LEATI_EXCHANGE_AFTERMATH:
            code = input_recv(x);
            break;
        case LEATI_EXCHANGE_OWNERS:
            return LEATI_AGAIN;
        case LEATI_EXCHANGE_HELPERS:
            if (!leati_engine_resume(x->engine))
                return LEATI_AGAIN;
            break;
        case LEATI_EXCHANGE_DONE:
            x->base.passthrough = true;
            return LEAT_OK;
        case LEATI_EXCHANGE_FAILED:
            return exchange_fail(x);
        }
        if (code != LEAT_OK)
            return code;
    }
}

/* What has arrived in time counts, even if we come late to read it: this is asked after reading. */
static int exchange_expire(struct leati_exchange *x)
{
    struct leati_layer *lower = x->base.lower;
    const uint8_t *data = NULL;
    size_t sent;

    if (x->turn == LEATI_EXCHANGE_AFTERMATH)
        return exchange_fail(x);
    /* The limit of the whole may have passed before this step began. */
    bool has_waited = x->base.deadline_ms > x->step_start_ms;
    leati_engine_expire(x->engine, has_waited ? x->base.deadline_ms - x->step_start_ms : 0);
    size_t len = leati_engine_output(x->engine, &data);
    int code = exchange_fail(x);
    /* The verdict is there already, and whatever comes of it. */
    const struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    if (len > 0)
        (void)lower->ops->send(lower, &iov, 1, &sent);
    return code;
}

static int exchange_advance(struct leati_exchange *x, uint64_t now_ms, bool stops_when_sent)
{
    int code = exchange_run(x, now_ms, stops_when_sent);

    return code == LEATI_AGAIN && leati_layer_expired(&x->base, now_ms) ? exchange_expire(x) : code;
}

/* ---- the slots ------------------------------------------------------------------------------ */

static void engine_start(struct leati_exchange *x)
{
    struct leati_engine *e = x->engine;

    e->tracer = x->base.tracer;
    e->hop = x->base.hop;
    if (e->ops->start)
        e->ops->start(e);
}

int leati_exchange_connect(struct leati_layer *l, uint64_t now_ms)
{
    struct leati_exchange *x = leati_exchange_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (l->state == LEATI_LAYER_OPEN)
        return LEAT_OK;
    if (l->state == LEATI_LAYER_NEW) {
        leati_layer_set_state(l, LEATI_LAYER_CONNECTING);
        engine_start(x);
        x->turn = leati_engine_turn(x->engine);
        step_start(x, now_ms, x->timeout_ms);
    }
    int code = exchange_advance(x, now_ms, x->optimistic);
    if (code != LEAT_OK)
        return code;
    leati_layer_set_state(l, LEATI_LAYER_OPEN);
    return LEAT_OK;
}

int leati_exchange_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    struct leati_exchange *x = leati_exchange_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (!l->passthrough) {
        int code = exchange_advance(x, leati_clock_ms(), false);
        if (code != LEAT_OK)
            return code;
    }
    if (!x->early)
        return leati_layer_pass_recv(l, buf, cap, ret_len);
    size_t left = x->early_len - x->early_read;
    size_t len = left < cap ? left : cap;
    memcpy(buf, x->early + x->early_read, len);
    x->early_read += len;
    if (len == left)
        early_drop(x);
    *ret_len = len;
    return LEAT_OK;
}

/* Of an optimistic layer: the connection that breaks before the verdict has come is this layer's
 * failure, though it is the upper layer's bytes that find it. */
int leati_exchange_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    if (l->passthrough || l->sticky != LEAT_OK)
        return leati_layer_pass_send(l, iov, n, ret_len);
    int code = l->lower->ops->send(l->lower, iov, n, ret_len);
    return code == LEAT_OK || code == LEATI_AGAIN ? code : lower_failed(leati_exchange_of(l), code);
}

int leati_exchange_shutdown(struct leati_layer *l, uint64_t now_ms)
{
    return l->sticky != LEAT_OK ? l->sticky : leati_layer_nop_shutdown(l, now_ms);
}

unsigned leati_exchange_want(const struct leati_layer *l, unsigned upper)
{
    const struct leati_exchange *x = (const struct leati_exchange *)l;

    if (l->state == LEATI_LAYER_OPEN)
        return l->passthrough ? upper : upper | LEATI_WANT_READ;
    if (l->sticky != LEAT_OK)
        return 0;
    switch (leati_engine_turn(x->engine)) {
    case LEATI_EXCHANGE_OURS:
        return LEATI_WANT_WRITE;
    case LEATI_EXCHANGE_THEIRS:
    case LEATI_EXCHANGE_AFTERMATH:
        return LEATI_WANT_READ;
    case LEATI_EXCHANGE_OWNERS:
    case LEATI_EXCHANGE_HELPERS:
    case LEATI_EXCHANGE_DONE:
    case LEATI_EXCHANGE_FAILED:
        break;
    }
    return 0;
}

bool leati_exchange_pending(const struct leati_layer *l)
{
    const struct leati_exchange *x = (const struct leati_exchange *)l;

    return l->state == LEATI_LAYER_OPEN && x->early;
}

void leati_exchange_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_engine *e = engine_of(l);

    e->ops->describe(e, buf, cap);
}
