/* SPDX-License-Identifier: Apache-2.0 */
#include "core/layer.h"

#include <assert.h>
#include <stdarg.h>

void leati_layer_init(struct leati_layer *l, const struct leati_layer_ops *ops)
{
    *l = (struct leati_layer){.ops = ops, .state = LEATI_LAYER_NEW};
}

static const char *state_name(enum leati_layer_state state)
{
    static const char *const names[] = {
        [LEATI_LAYER_NEW] = "NEW",       [LEATI_LAYER_CONNECTING] = "CONNECTING",
        [LEATI_LAYER_OPEN] = "OPEN",     [LEATI_LAYER_CLOSING] = "CLOSING",
        [LEATI_LAYER_CLOSED] = "CLOSED",
    };

    return names[state];
}

void leati_layer_set_state(struct leati_layer *l, enum leati_layer_state state)
{
    if (state == l->state)
        return;
    assert(state > l->state);
    enum leati_layer_state from = l->state;
    l->state = state;
    leati_trace_state(l->tracer, l->ops->layer, l->ops->name, l->hop, state_name(from),
                      state_name(state));
}

void leati_layer_arm(struct leati_layer *l, uint64_t now_ms, uint32_t timeout_ms)
{
    l->deadline_ms = timeout_ms > 0 ? now_ms + timeout_ms : 0;
    if (l->limit_ms != 0 && (l->deadline_ms == 0 || l->deadline_ms > l->limit_ms))
        l->deadline_ms = l->limit_ms;
}

bool leati_layer_is_over(const struct leati_layer *l, uint64_t at_ms, uint64_t now_ms)
{
    return at_ms != 0 && (l->judged_ms ? *l->judged_ms : now_ms) >= at_ms;
}

bool leati_layer_expired(const struct leati_layer *l, uint64_t now_ms)
{
    return leati_layer_is_over(l, l->deadline_ms, now_ms);
}

static int layer_end_failed(struct leati_layer *l, int code)
{
    l->sticky = code;
    l->deadline_ms = 0;
    leati_layer_set_state(l, LEATI_LAYER_CLOSED);
    return code;
}

int leati_layer_fail(struct leati_layer *l, int code, int sys_errno, int native_code,
                     const char *format, ...)
{
    struct leati_fault fault = {
        .code = code,
        .layer = l->ops->layer,
        .sys_errno = sys_errno,
        .native_code = native_code,
        .hop = l->hop,
    };
    va_list args;
    va_start(args, format);
    leati_failure_setv(l->failure, &fault, format, args);
    va_end(args);
    return layer_end_failed(l, code);
}

int leati_layer_relabel(struct leati_layer *l, int code, const char *what)
{
    struct leati_failure *failure = l->failure;

    if (failure->code == LEAT_OK)
        return leati_layer_fail(l, code, 0, 0, "%s", what);
    /* A late answer of a proxy keeps its code, whichever layer has read it. */
    if (failure->layer == LEAT_LAYER_SOCKS5 && l->ops->layer != LEAT_LAYER_SOCKS5)
        return layer_end_failed(l, failure->code);

    leati_failure_relabel(failure, code, l->ops->layer, what);
    return layer_end_failed(l, code);
}

int leati_layer_pass_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    if (l->sticky != LEAT_OK)
        return l->sticky;
    return l->lower->ops->recv(l->lower, buf, cap, ret_len);
}

int leati_layer_pass_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    if (l->sticky != LEAT_OK)
        return l->sticky;
    return l->lower->ops->send(l->lower, iov, n, ret_len);
}

int leati_layer_nop_shutdown(struct leati_layer *l, uint64_t now_ms)
{
    (void)now_ms;
    leati_layer_set_state(l, LEATI_LAYER_CLOSED);
    return l->sticky;
}

unsigned leati_layer_pass_want(const struct leati_layer *l, unsigned upper)
{
    (void)l;
    return upper;
}
