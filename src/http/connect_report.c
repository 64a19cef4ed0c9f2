/* SPDX-License-Identifier: Apache-2.0 */
/* What others hear of CONNECT: the rounds of authentication in the trace, the question that is open,
 * the response of a refusal. */
#include "http/connect_engine.h"

#include "core/exchange.h"
#include "util/clock.h"
#include "util/readable.h"

static void round_trace_end(const struct leati_engine *e, struct leati_http_auth *auth,
                            const char *outcome, int code)
{
    char text[240];

    if (auth->round_start_us == 0)
        return;
    leati_readable_format(text, sizeof(text), "%s: %s", auth->round_text, outcome);
    leati_trace_phase_end(e->tracer, LEAT_LAYER_HTTP_PROXY, "proxy-auth", e->hop,
                          auth->round_start_us, code, text);
    auth->round_start_us = 0;
}

static void round_trace_start(const struct leati_engine *e, struct leati_http_auth *auth)
{
    char name[80];

    leati_http_auth_name(auth, name, sizeof(name));
    leati_readable_format(auth->round_text, sizeof(auth->round_text), "%s of %s", name,
                          auth->names);
    auth->round_start_us = leati_clock_us();
    leati_trace_phase_start(e->tracer, LEAT_LAYER_HTTP_PROXY, "proxy-auth", e->hop,
                            auth->round_start_us);
}

/* A round ends with the next one's challenge; one that goes on over a new connection is the same. */
void leati_http_connect_trace_rounds(struct leati_http_connect_engine *engine)
{
    const struct leati_engine *e = &engine->base;
    struct leati_http_auth *auth = engine->auth;
    bool is_over = e->state == LEATI_HTTP_CONNECT_DONE ||
                   e->state == LEATI_HTTP_CONNECT_RECV_BODY ||
                   (e->state == LEATI_HTTP_CONNECT_FAILED && !(e->retry & LEATI_RETRY_AGAIN));

    if (!auth || !leati_tracer_listens(e->tracer))
        return;
    if (is_over) {
        round_trace_end(e, auth, e->code == LEAT_OK ? "accepted" : "refused", e->code);
    } else if (auth->rounds != engine->rounds) {
        round_trace_end(e, auth, "asked again", LEAT_OK);
        round_trace_start(e, auth);
    }
    engine->rounds = auth->rounds;
}

struct leati_http_auth *leati_http_connect_question(const struct leati_layer *connect)
{
    const struct leati_http_connect_engine *engine = leati_exchange_engine(connect);

    return engine->base.state == LEATI_HTTP_CONNECT_ASKING &&
                   leati_http_auth_has_question(engine->auth)
               ? engine->auth
               : NULL;
}

struct leati_http_response *leati_http_connect_take_response(struct leati_layer *connect)
{
    struct leati_http_connect_engine *engine = leati_exchange_engine(connect);

    if (!engine->is_refused)
        return NULL;
    struct leati_http_response *response = leati_http_response_take(&engine->head, &engine->body);
    engine->is_refused = !response;
    return response;
}
