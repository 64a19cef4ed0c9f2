/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exchange.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "ws/accept_engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum accept_state {
    ACCEPT_READ_REQUEST,
    ACCEPT_ASK,
    ACCEPT_SEND_SWITCH,
    ACCEPT_SEND_REFUSAL,
    ACCEPT_LINGER, /* the refusal is sent: until the client has read it and left */
    ACCEPT_DONE,
    ACCEPT_FAILED,
};

/* ---- the request ---------------------------------------------------------------------------- */

static void linger_feed(struct leati_ws_accept_engine *accept, size_t len)
{
    accept->lingered_bytes += len;
    if (accept->lingered_bytes >= LEATI_WS_ACCEPT_LINGER_BYTES)
        leati_engine_set_state(&accept->common.base, ACCEPT_FAILED);
}

static void response_send(struct leati_ws_accept_engine *accept, enum accept_state state)
{
    leati_engine_set_output(&accept->common.base, (int)state, accept->response.bytes,
                            accept->response.len);
}

static size_t accept_feed(struct leati_engine *e, const uint8_t *data, size_t len)
{
    struct leati_ws_accept_engine *accept = (void *)e;
    size_t used = len;

    if (e->state == ACCEPT_LINGER) {
        linger_feed(accept, len);
        return len;
    }
    enum leati_ws_head_result result = leati_ws_accept_engine_feed(accept, data, len, &used);
    switch (result) {
    case LEATI_WS_HEAD_VALID:
        leati_engine_set_state(e, ACCEPT_ASK);
        return used;
    case LEATI_WS_HEAD_MORE:
        break;
    case LEATI_WS_HEAD_REFUSED:
    case LEATI_WS_HEAD_BODY:
        response_send(accept, ACCEPT_SEND_REFUSAL);
        break;
    case LEATI_WS_HEAD_NO_MEMORY:
        leati_ws_fail_memory(&accept->common);
        break;
    }
    return len;
}

static void accept_end(struct leati_engine *e)
{
    struct leati_ws_accept_engine *accept = (void *)e;

    if (e->state == ACCEPT_LINGER)
        leati_engine_set_state(e, ACCEPT_FAILED);
    else
        leati_engine_fail(e, LEAT_E_WS_CONNECT, 0,
                          "the client closed the connection before the request head was complete, "
                          "after %zu bytes of it",
                          leati_http_head_size(&accept->common.head));
}

/* What a client hears that was too slow, or had to wait too long. */
static void farewell_write(struct leati_ws_accept_engine *accept, int status, const char *text)
{
    leati_ws_refuse(&accept->common, "%s", text);
    if (leati_ws_accept_refusal(accept, status)) {
        accept->common.base.output = (const uint8_t *)accept->response.bytes;
        accept->common.base.output_len = accept->response.len;
        accept->common.agreement.status = 0; /* of no answer that anybody has given */
    }
}

static void accept_expire(struct leati_engine *e, uint64_t waited_ms)
{
    struct leati_ws_accept_engine *accept = (void *)e;
    int state = e->state;
    size_t received = leati_http_head_size(&accept->common.head);

    e->sys_errno = ETIMEDOUT;
    switch (state) {
    case ACCEPT_ASK:
        leati_engine_fail(e, LEAT_E_WS_CONNECT, 0,
                          "nobody decided about the request within %" PRIu64 " ms", waited_ms);
        farewell_write(accept, 503, "nobody has decided about the request in time");
        break;
    case ACCEPT_SEND_SWITCH:
    case ACCEPT_SEND_REFUSAL:
        leati_engine_fail(e, LEAT_E_WS_CONNECT, 0,
                          "the client did not take the HTTP %d within %" PRIu64 " ms",
                          accept->common.agreement.status, waited_ms);
        break;
    default:
        leati_engine_fail(e, LEAT_E_WS_CONNECT, 0,
                          "the request head was not complete within %" PRIu64
                          " ms: %zu bytes of it came",
                          waited_ms, received);
        if (received > 0)
            farewell_write(accept, 408, "the request was not complete in time");
        break;
    }
}

/* ---- the response --------------------------------------------------------------------------- */

static void switch_sent(struct leati_ws_accept_engine *accept)
{
    leati_free(accept->response.bytes);
    accept->response.bytes = NULL;
    leati_engine_set_state(&accept->common.base, ACCEPT_DONE);
}

static void refusal_sent(struct leati_ws_accept_engine *accept)
{
    struct leati_engine *base = &accept->common.base;
    int status = accept->common.agreement.status;

    if (accept->keeps_alive) {
        leati_ws_accept_engine_again(accept);
        leati_engine_set_state(base, ACCEPT_READ_REQUEST);
        return;
    }
    leati_readable_format(accept->text, sizeof(accept->text),
                          "the client was refused with HTTP %d %s: %s", status,
                          leati_ws_accept_reason(status), accept->common.error);
    base->code = LEAT_E_WS_CONNECT;
    base->native_code = status;
    leati_engine_set_state(base, ACCEPT_LINGER);
}

static void accept_sent(struct leati_engine *e)
{
    if (e->state == ACCEPT_SEND_SWITCH)
        switch_sent((void *)e);
    else
        refusal_sent((void *)e);
}

/* ---- the layer ------------------------------------------------------------------------------ */

static void accept_done(struct leati_engine *e)
{
    leati_ws_accept_engine_done((void *)e);
}

static const struct leati_engine_state accept_states[] = {
    [ACCEPT_READ_REQUEST] = {"read-request", LEATI_EXCHANGE_THEIRS},
    [ACCEPT_ASK] = {"ask", LEATI_EXCHANGE_OWNERS},
    [ACCEPT_SEND_SWITCH] = {"send-switch", LEATI_EXCHANGE_OURS},
    [ACCEPT_SEND_REFUSAL] = {"send-refusal", LEATI_EXCHANGE_OURS},
    [ACCEPT_LINGER] = {"linger", LEATI_EXCHANGE_AFTERMATH},
    [ACCEPT_DONE] = {"done", LEATI_EXCHANGE_DONE},
    [ACCEPT_FAILED] = {"failed", LEATI_EXCHANGE_FAILED},
};

static const struct leati_engine_ops accept_ops = {
    .layer = LEATI_EXCHANGE_LAYER("websocket", LEAT_LAYER_WEBSOCKET),
    .name = "accept",
    .states = accept_states,
    .failed = ACCEPT_FAILED,
    .aftermath_ms = LEATI_WS_ACCEPT_LINGER_MS,
    .sent = accept_sent,
    .feed = accept_feed,
    .end = accept_end,
    .expire = accept_expire,
    .describe = leati_ws_handshake_describe,
    .done = accept_done,
};

int leati_ws_accept_layer_new(const struct leati_ws_accept_options *options,
                              struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct leati_layer *layer =
        leati_exchange_new(&accept_ops, sizeof(struct leati_ws_accept_engine), options->timeout_ms,
                           "no memory for the WebSocket handshake", failure);
    if (!layer)
        return LEAT_E_SYSTEM_INTERNAL;
    struct leati_ws_accept_engine *accept = leati_exchange_engine(layer);
    leati_ws_accept_engine_init(accept, options);
    leati_engine_init(&accept->common.base, &accept_ops, accept->text, sizeof(accept->text));
    if (options->takes_requests)
        leati_exchange_of(layer)->owner_timeout_ms = options->timeout_ms;
    *ret_layer = layer;
    return LEAT_OK;
}

/* ---- the owner's side ----------------------------------------------------------------------- */

bool leati_ws_accept_is_asking(const struct leati_layer *accept)
{
    return leati_exchange_is_owners_turn(accept);
}

const struct leati_ws_accept_request *leati_ws_accept_request(const struct leati_layer *layer)
{
    const struct leati_ws_accept_engine *accept = leati_exchange_engine(layer);

    return accept->common.agreement.head ? &accept->request : NULL;
}

int leati_ws_accept_answer(struct leati_layer *layer,
                           const struct leati_ws_accept_decision *decision)
{
    struct leati_ws_accept_engine *accept = leati_exchange_engine(layer);

    if (!leati_ws_accept_is_asking(layer))
        return LEAT_E_PARAMETER;
    int code = leati_ws_accept_engine_answer(accept, decision);
    if (code == LEAT_OK)
        response_send(accept, accept->common.agreement.status == 101 ? ACCEPT_SEND_SWITCH
                                                                     : ACCEPT_SEND_REFUSAL);
    return code;
}
