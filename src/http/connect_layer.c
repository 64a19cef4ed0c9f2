/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connect.h"

#include "core/exchange.h"
#include "http/connect_engine.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/readable.h"

#include <stdio.h>

struct connect_layer {
    struct leati_exchange exchange;
    struct leati_http_connect_engine engine;
    void (*ready)(void *user);
    void *ready_user;
    unsigned rounds; /* of authentication that were traced */
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

/* ---- each round of authentication is a phase of the trace -------------------------------- */

static void round_trace_end(const struct leati_exchange *x, struct leati_http_auth *auth,
                            const char *outcome, int code)
{
    char text[240];

    if (auth->round_start_us == 0)
        return;
    leati_readable_format(text, sizeof(text), "%s: %s", auth->round_text, outcome);
    leati_trace_phase_end(x->base.tracer, LEAT_LAYER_HTTP_PROXY, "proxy-auth", x->base.hop,
                          auth->round_start_us, code, text);
    auth->round_start_us = 0;
}

static void round_trace_start(const struct leati_exchange *x, struct leati_http_auth *auth)
{
    char name[80];

    leati_http_auth_name(auth, name, sizeof(name));
    leati_readable_format(auth->round_text, sizeof(auth->round_text), "%s of %s", name,
                          auth->names);
    auth->round_start_us = leati_clock_us();
    leati_trace_phase_start(x->base.tracer, LEAT_LAYER_HTTP_PROXY, "proxy-auth", x->base.hop,
                            auth->round_start_us);
}

/* Behind whatever may have brought the proxy's answer. A round ends with the next one's challenge;
 * one that goes on over a new connection is the same. */
static void rounds_trace(struct leati_exchange *x)
{
    struct connect_layer *connect = (struct connect_layer *)x;
    const struct leati_http_connect_engine *engine = &connect->engine;
    struct leati_http_auth *auth = engine->auth;
    bool is_over =
        engine->state == LEATI_HTTP_CONNECT_DONE || engine->state == LEATI_HTTP_CONNECT_RECV_BODY ||
        (engine->state == LEATI_HTTP_CONNECT_FAILED && !(engine->retry & LEATI_RETRY_AGAIN));

    if (!auth || !leati_tracer_listens(x->base.tracer))
        return;
    if (is_over) {
        round_trace_end(x, auth, engine->code == LEAT_OK ? "accepted" : "refused", engine->code);
    } else if (auth->rounds != connect->rounds) {
        round_trace_end(x, auth, "asked again", LEAT_OK);
        round_trace_start(x, auth);
    }
    connect->rounds = auth->rounds;
}

/* ---- the table of the exchange ------------------------------------------------------------ */

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
    case LEATI_HTTP_CONNECT_RECV_CHALLENGE:
        return LEATI_EXCHANGE_THEIRS;
    case LEATI_HTTP_CONNECT_ASKING:
        return leati_http_auth_is_helped(engine_of_const(x)->auth) ? LEATI_EXCHANGE_HELPERS
                                                                   : LEATI_EXCHANGE_OWNERS;
    case LEATI_HTTP_CONNECT_VERIFYING:
        return LEATI_EXCHANGE_HELPERS;
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
    rounds_trace(x);
}

/* What the helper has made was taken when it came. */
static bool connect_resume(struct leati_exchange *x)
{
    enum leati_http_connect_state state = engine_of(x)->state;

    return state != LEATI_HTTP_CONNECT_ASKING && state != LEATI_HTTP_CONNECT_VERIFYING;
}

static void connect_end(struct leati_exchange *x)
{
    leati_http_connect_engine_end(engine_of(x));
    rounds_trace(x);
}

static void connect_expire(struct leati_exchange *x, uint64_t waited_ms)
{
    leati_http_connect_engine_expire(engine_of(x), waited_ms);
    rounds_trace(x);
}

static int connect_lower_failed(struct leati_exchange *x, int code)
{
    if (code != LEAT_E_SYSTEM_INTERNAL)
        x->base.retry = leati_http_connect_engine_lost(engine_of(x))
                            ? LEATI_RETRY_AGAIN
                            : LEATI_RETRY_TARGET | LEATI_RETRY_PROXY;
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
    struct leati_http_auth *auth = engine_of(x)->auth;

    if (auth)
        auth->answered = NULL;
    leati_http_connect_engine_done(engine_of(x));
}

static void connect_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct leati_http_connect_engine *engine = engine_of_layer(l);
    bool is_redial = engine->retry & LEATI_RETRY_AGAIN;
    bool is_sent = engine->auth && engine->auth->is_sent;
    char name[80] = "no authentication";

    if (is_sent || is_redial)
        leati_http_auth_name(engine->auth, name, sizeof(name));
    snprintf(buf, cap, "%s, HTTP %d, %s%s", engine->destination, engine->status,
             engine->has_own_credentials ? "with credentials" : name,
             is_redial ? " on a new connection" : "");
}

static const struct leati_exchange_ops connect_ops = {
    .layer = LEATI_EXCHANGE_LAYER("http-proxy", LEAT_LAYER_HTTP_PROXY, connect_describe),
    .start = connect_start,
    .turn = connect_turn,
    .output = connect_output,
    .sent = connect_sent,
    .need = connect_need,
    .feed = connect_feed,
    .resume = connect_resume,
    .end = connect_end,
    .expire = connect_expire,
    .lower_failed = connect_lower_failed,
    .verdict = connect_verdict,
    .done = connect_done,
    .aftermath_ms = LEATI_HTTP_CONNECT_BODY_WAIT_MS,
};

/* ---- somebody is asked -------------------------------------------------------------------- */

static void connect_answered(void *user)
{
    struct connect_layer *connect = user;

    leati_http_connect_engine_answered(&connect->engine);
    rounds_trace(&connect->exchange);
    if (connect->ready)
        connect->ready(connect->ready_user);
}

struct leati_http_auth *leati_http_connect_question(const struct leati_layer *connect)
{
    const struct leati_http_connect_engine *engine = engine_of_layer(connect);

    return engine->state == LEATI_HTTP_CONNECT_ASKING && leati_http_auth_has_question(engine->auth)
               ? engine->auth
               : NULL;
}

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
    connect->ready = options->ready;
    connect->ready_user = options->ready_user;
    if (connect->engine.auth) {
        connect->rounds = connect->engine.auth->rounds;
        connect->engine.auth->answered = connect_answered;
        connect->engine.auth->answered_user = connect;
    }
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
