/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connect.h"

#include "http/connect_engine.h"
#include "util/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define READ_BYTES 4096u

struct connect_layer {
    struct leati_layer base;
    struct leati_http_connect_engine engine;
    uint32_t step_timeout_ms;
    uint64_t step_start_ms;
    uint8_t *early; /* what came glued to the response head; NULL = nothing (left) */
    size_t early_len;
    size_t early_read;
};

static struct connect_layer *connect_of(struct leati_layer *l)
{
    return (struct connect_layer *)l;
}

static const struct connect_layer *connect_of_const(const struct leati_layer *l)
{
    return (const struct connect_layer *)l;
}

/* ---- failing ---------------------------------------------------------------------------- */

static int engine_fail(struct connect_layer *connect)
{
    const struct leati_http_connect_engine *engine = &connect->engine;
    return leati_layer_fail(&connect->base, engine->code, 0, engine->status, "%s", engine->text);
}

/* The lower layer has recorded what happened, and its code stays. */
static int lower_fail(struct connect_layer *connect, int code)
{
    struct leati_layer *l = &connect->base;

    l->sticky = code;
    l->deadline_ms = 0;
    leati_layer_set_state(l, LEATI_LAYER_CLOSED);
    return code;
}

static int timeout_fail(struct connect_layer *connect)
{
    const struct leati_http_connect_engine *engine = &connect->engine;
    uint64_t waited_ms = connect->base.deadline_ms - connect->step_start_ms;
    size_t received = leati_http_head_size(&engine->head);

    if (engine->state == LEATI_HTTP_CONNECT_SEND_REQUEST)
        return leati_layer_fail(&connect->base, LEAT_E_WS_CONNECT, ETIMEDOUT, 0,
                                "the proxy did not take the CONNECT request for %s within %" PRIu64
                                " ms",
                                engine->destination, waited_ms);
    return leati_layer_fail(&connect->base, LEAT_E_WS_CONNECT, ETIMEDOUT, 0,
                            "the proxy did not answer CONNECT %s within %" PRIu64
                            " ms: %zu bytes of the head came",
                            engine->destination, waited_ms, received);
}

/* A refusal is reported from here on, whatever happens to its body. */
static void refusal_record(struct connect_layer *connect, uint64_t now_ms)
{
    struct leati_layer *l = &connect->base;
    const uint64_t deadline_ms = l->deadline_ms;
    const struct leati_fault fault = {
        .code = connect->engine.code,
        .layer = l->ops->layer,
        .native_code = connect->engine.status,
        .hop = l->hop,
    };

    leati_failure_set(l->failure, &fault, "%s", connect->engine.text);
    leati_layer_arm(l, now_ms, LEATI_HTTP_CONNECT_BODY_WAIT_MS);
    if (deadline_ms != 0 && deadline_ms < l->deadline_ms)
        l->deadline_ms = deadline_ms;
}

/* ---- connect: one function for each state ------------------------------------------------ */

/* In one write as long as the lower layer takes it all. */
static int request_send(struct connect_layer *connect)
{
    struct leati_layer *lower = connect->base.lower;
    const uint8_t *data = NULL;
    size_t len;

    while ((len = leati_http_connect_engine_output(&connect->engine, &data)) > 0) {
        /* iovec has no const. */
        const struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
        size_t sent;
        int result = lower->ops->send(lower, &iov, 1, &sent);
        if (result == LEATI_AGAIN)
            return result;
        if (result != LEAT_OK)
            return lower_fail(connect, result);
        leati_http_connect_engine_sent(&connect->engine, sent);
    }
    return LEAT_OK;
}

static int early_keep(struct connect_layer *connect, const uint8_t *data, size_t len)
{
    if (len == 0)
        return LEAT_OK;
    connect->early = leati_malloc(len);
    if (!connect->early)
        return leati_layer_fail(&connect->base, LEAT_E_SYSTEM_INTERNAL, ENOMEM, 0,
                                "no memory for what followed the proxy's answer to CONNECT");
    memcpy(connect->early, data, len);
    connect->early_len = len;
    return LEAT_OK;
}

static int head_recv(struct connect_layer *connect, uint64_t now_ms)
{
    struct leati_layer *lower = connect->base.lower;
    struct leati_http_connect_engine *engine = &connect->engine;
    uint8_t buf[READ_BYTES];
    size_t len = 0;
    size_t used = 0;

    int result = lower->ops->recv(lower, buf, sizeof(buf), &len);
    if (result == LEATI_AGAIN)
        return result;
    if (result == LEATI_EOF)
        leati_http_connect_engine_end(engine);
    else if (result != LEAT_OK)
        return lower_fail(connect, result);
    else
        leati_http_connect_engine_feed(engine, buf, len, &used);
    if (engine->state == LEATI_HTTP_CONNECT_RECV_BODY)
        refusal_record(connect, now_ms);
    if (engine->state == LEATI_HTTP_CONNECT_DONE)
        return early_keep(connect, buf + used, len - used);
    return LEAT_OK;
}

static int body_recv(struct connect_layer *connect)
{
    struct leati_layer *lower = connect->base.lower;
    uint8_t buf[READ_BYTES];
    size_t len;

    int result = lower->ops->recv(lower, buf, sizeof(buf), &len);
    if (result == LEATI_AGAIN)
        return result;
    if (result == LEAT_OK)
        leati_http_connect_engine_feed(&connect->engine, buf, len, &len);
    else
        leati_http_connect_engine_end(&connect->engine);
    return LEAT_OK;
}

static int exchange_run(struct connect_layer *connect, uint64_t now_ms)
{
    int result = LEAT_OK;

    while (result == LEAT_OK) {
        switch (connect->engine.state) {
        case LEATI_HTTP_CONNECT_SEND_REQUEST:
            result = request_send(connect);
            break;
        case LEATI_HTTP_CONNECT_RECV_HEAD:
            result = head_recv(connect, now_ms);
            break;
        case LEATI_HTTP_CONNECT_RECV_BODY:
            result = body_recv(connect);
            break;
        case LEATI_HTTP_CONNECT_DONE:
            return LEAT_OK;
        case LEATI_HTTP_CONNECT_FAILED:
            return engine_fail(connect);
        }
    }
    return result;
}

/* What has arrived in time counts, even if we come late to read it. */
static int exchange_expire(struct connect_layer *connect)
{
    if (connect->engine.state != LEATI_HTTP_CONNECT_RECV_BODY)
        return timeout_fail(connect);
    leati_http_connect_engine_end(&connect->engine);
    return engine_fail(connect);
}

static int connect_connect(struct leati_layer *l, uint64_t now_ms)
{
    struct connect_layer *connect = connect_of(l);

    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (l->state == LEATI_LAYER_OPEN)
        return LEAT_OK;
    if (l->state == LEATI_LAYER_NEW) {
        connect->engine.tracer = l->tracer;
        connect->engine.hop = l->hop;
        connect->step_start_ms = now_ms;
        leati_layer_set_state(l, LEATI_LAYER_CONNECTING);
        leati_layer_arm(l, now_ms, connect->step_timeout_ms);
    }
    int result = exchange_run(connect, now_ms);
    if (result == LEATI_AGAIN && leati_layer_expired(l, now_ms))
        return exchange_expire(connect);
    if (result != LEAT_OK)
        return result;
    l->deadline_ms = 0;
    leati_layer_set_state(l, LEATI_LAYER_OPEN);
    return LEAT_OK;
}

/* ---- the other slots -------------------------------------------------------------------- */

static int connect_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    struct connect_layer *connect = connect_of(l);

    if (l->sticky != LEAT_OK || !connect->early)
        return leati_layer_pass_recv(l, buf, cap, ret_len);
    size_t len = connect->early_len - connect->early_read;
    if (len > cap)
        len = cap;
    memcpy(buf, connect->early + connect->early_read, len);
    connect->early_read += len;
    if (connect->early_read == connect->early_len) {
        leati_free(connect->early);
        connect->early = NULL;
    }
    *ret_len = len;
    return LEAT_OK;
}

static unsigned connect_want(const struct leati_layer *l, unsigned upper)
{
    if (l->state == LEATI_LAYER_OPEN)
        return upper;
    if (l->state != LEATI_LAYER_CONNECTING)
        return 0;
    return connect_of_const(l)->engine.state == LEATI_HTTP_CONNECT_SEND_REQUEST ? LEATI_WANT_WRITE
                                                                                : LEATI_WANT_READ;
}

static bool connect_pending(const struct leati_layer *l)
{
    return connect_of_const(l)->early != NULL;
}

static void connect_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_http_connect_engine *engine = &connect_of_const(l)->engine;
    snprintf(buf, cap, "%s, HTTP %d, %s", engine->destination, engine->status,
             engine->sends_credentials ? "with credentials" : "no authentication");
}

static void connect_destroy(struct leati_layer *l)
{
    struct connect_layer *connect = connect_of(l);

    leati_http_connect_engine_done(&connect->engine);
    leati_free(connect->early);
    leati_free(connect);
}

static const struct leati_layer_ops connect_ops = {
    .name = "http-proxy",
    .layer = LEAT_LAYER_HTTP_PROXY,
    .connect = connect_connect,
    .recv = connect_recv,
    .send = leati_layer_pass_send,
    .shutdown = leati_layer_nop_shutdown,
    .want = connect_want,
    .pending = connect_pending,
    .describe = connect_describe,
    .destroy = connect_destroy,
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
    leati_layer_init(&connect->base, &connect_ops);
    connect->base.passthrough = true;
    connect->step_timeout_ms = options->step_timeout_ms;
    *ret_layer = &connect->base;
    return LEAT_OK;
}

/* ---- what the proxy said ---------------------------------------------------------------- */

int leati_http_connect_status(const struct leati_layer *connect)
{
    return connect_of_const(connect)->engine.status;
}

struct leati_http_response *leati_http_connect_take_response(struct leati_layer *connect)
{
    struct leati_http_connect_engine *engine = &connect_of(connect)->engine;

    if (!engine->is_refused)
        return NULL;
    struct leati_http_response *response = leati_http_response_take(&engine->head, &engine->body);
    engine->is_refused = response == NULL;
    return response;
}

const struct leati_http_head *leati_http_connect_head(const struct leati_layer *connect)
{
    const struct leati_http_connect_engine *engine = &connect_of_const(connect)->engine;
    return engine->is_refused ? &engine->head : NULL;
}

const char *leati_http_connect_body(const struct leati_layer *connect, size_t *ret_len)
{
    return leati_http_body_bytes(&connect_of_const(connect)->engine.body, ret_len);
}
