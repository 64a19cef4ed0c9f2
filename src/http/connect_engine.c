/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connect_engine.h"

#include "core/exchange.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    STATUS_SWITCHING = 101,
    STATUS_UNAUTHORIZED = 401,
    STATUS_AUTHENTICATE = 407,
    STATUS_INTERNAL = 500,
    STATUS_BAD_GATEWAY = 502,
    STATUS_UNAVAILABLE = 503,
    STATUS_GATEWAY_TIMEOUT = 504,
    TLS_ALERT = 0x15, /* the first byte of a TLS record of that type (RFC 8446 section 5.1) */
};

static void request_drop(struct leati_http_connect_engine *engine)
{
    leati_free_secret(engine->request);
    engine->request = NULL;
    engine->request_len = 0;
}

/* With what auth has for it. */
static bool request_renew(struct leati_http_connect_engine *engine)
{
    if (!leati_http_connect_request_write(engine, engine->auth ? engine->auth->value : NULL))
        return false;
    leati_engine_set_output(&engine->base, LEATI_HTTP_CONNECT_SEND_REQUEST, engine->request,
                            engine->request_len);
    return true;
}

static void engine_done(struct leati_engine *e)
{
    struct leati_http_connect_engine *engine = (void *)e;

    request_drop(engine);
    leati_free_secret(engine->pattern.bytes);
    leati_http_head_done(&engine->head);
    leati_http_body_done(&engine->body);
    if (engine->auth && engine->auth->answered_user == engine)
        engine->auth->answered = NULL;
    leati_http_auth_unref(engine->auth);
}

static void request_sent(struct leati_engine *e)
{
    struct leati_http_connect_engine *engine = (void *)e;

    request_drop(engine);
    if (engine->auth)
        leati_http_auth_sent(engine->auth);
    leati_engine_set_state(e, LEATI_HTTP_CONNECT_RECV_HEAD);
}

/* ---- refusals --------------------------------------------------------------------------- */

/* Fills in code and text; the state is the caller's. */
static void engine_blame(struct leati_http_connect_engine *engine, int code, const char *format,
                         ...) LEAT_PRINTF(3, 4);

static void engine_blame(struct leati_http_connect_engine *engine, int code, const char *format,
                         ...)
{
    va_list args;
    va_start(args, format);
    leati_readable_vformat(engine->text, sizeof(engine->text), format, args);
    va_end(args);
    /* It may quote the proxy, which must not write into anybody's terminal. */
    for (char *c = engine->text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    engine->base.code = code;
    engine->base.native_code = engine->status;
}

/* Whether what a refusal asks for was there (RFC 9110 section 11.7.1). Tinyproxy answers wrong
 * credentials with 401, and then names no scheme. */
static void authentication_write(const struct leati_http_connect_engine *engine, char *buf,
                                 size_t cap)
{
    const struct leati_http_auth *auth = engine->auth;
    size_t pos = 0;
    char name[80];

    if (engine->status != STATUS_AUTHENTICATE && engine->status != STATUS_UNAUTHORIZED)
        return;
    if (auth && engine->status == STATUS_AUTHENTICATE)
        leati_http_auth_tell(auth, buf, cap, &pos);
    else if (auth && auth->is_sent)
        leati_readable_append(buf, cap, &pos, "; credentials were sent (%s)",
                              leati_http_auth_name(auth, name, sizeof(name)));
    else
        leati_readable_append(buf, cap, &pos, "; %s",
                              engine->has_own_credentials
                                  ? "credentials were sent (the program's own header)"
                                  : "no credentials are configured");
}

/* The proxy does not know a way (tinyproxy says 500 then), or is busy: another one may help. All
 * others are its decision. */
static unsigned refusal_retry(int status)
{
    switch (status) {
    case STATUS_INTERNAL:
    case STATUS_BAD_GATEWAY:
    case STATUS_UNAVAILABLE:
    case STATUS_GATEWAY_TIMEOUT:
        return LEATI_RETRY_TARGET | LEATI_RETRY_PROXY;
    default:
        return 0;
    }
}

static void engine_refused(struct leati_http_connect_engine *engine)
{
    const char *reason = leati_http_head_reason(&engine->head);
    char authentication[900] = "";

    authentication_write(engine, authentication, sizeof(authentication));
    engine_blame(engine, LEAT_E_WS_CONNECT, "the proxy answered CONNECT %s with HTTP %d%s%s%s",
                 engine->destination, engine->status, *reason ? " " : "",
                 leati_excerpt(reason, 100).text, authentication);
    engine->is_refused = true;
    engine->base.retry = refusal_retry(engine->status);
    /* Of a challenge that was to be answered the body has been read, as far as it came. */
    if (engine->has_challenge && (!engine->is_lost || engine->body.drained > 0)) {
        leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_FAILED);
        return;
    }
    leati_http_body_init(&engine->body, &engine->head);
    leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_RECV_BODY);
}

static void engine_malformed(struct leati_http_connect_engine *engine, const uint8_t *data,
                             size_t len)
{
    bool is_tls = leati_http_head_size(&engine->head) == 0 && len > 0 && data[0] == TLS_ALERT;

    engine->status = leati_http_head_status(&engine->head);
    engine_blame(engine, LEAT_E_WS_CONNECT,
                 "the proxy answered CONNECT %s with a malformed head: "
                 "%s%s",
                 engine->destination, leati_http_head_error(&engine->head),
                 is_tls ? " (a TLS alert: the proxy expects TLS)" : "");
    leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_FAILED);
}

/* ---- rounds of authentication ----------------------------------------------------------- */

static void engine_lacks_memory(struct leati_http_connect_engine *engine)
{
    engine_blame(engine, LEAT_E_SYSTEM_INTERNAL, "no memory for the proxy's answer to CONNECT");
    leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_FAILED);
}

/* RFC 9112 section 9.3, and what HTTP/1.0 made of it. */
static bool head_persists(const struct leati_http_head *head)
{
    if (leati_http_head_has_token(head, "Connection", "close") ||
        leati_http_head_has_token(head, "Proxy-Connection", "close"))
        return false;
    return leati_http_head_minor_version(head) > 0 ||
           leati_http_head_has_token(head, "Connection", "keep-alive") ||
           leati_http_head_has_token(head, "Proxy-Connection", "keep-alive");
}

/* The same again on another connection. */
static void engine_redial(struct leati_http_connect_engine *engine)
{
    engine->base.retry = LEATI_RETRY_AGAIN;
    engine_blame(engine, LEAT_E_WS_CONNECT,
                 "the proxy asks for credentials and closes the connection");
    leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_FAILED);
}

/* auth has a value for the next request, or none. */
static void round_begin(struct leati_http_connect_engine *engine)
{
    if (engine->is_lost && engine->auth->is_bound) {
        (void)leati_http_auth_lost(engine->auth);
        engine_refused(engine);
        return;
    }
    if (engine->is_lost) {
        engine_redial(engine);
        return;
    }
    engine->is_followup = engine->has_challenge;
    engine->has_challenge = false;
    engine->interim_count = 0;
    leati_http_head_done(&engine->head);
    leati_http_body_done(&engine->body);
    if (!request_renew(engine))
        engine_lacks_memory(engine);
}

/* The challenge has been read as far as it is wanted. */
static void round_prepare(struct leati_http_connect_engine *engine)
{
    if (engine->auth->waits)
        leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_ASKING);
    else
        round_begin(engine);
}

static void engine_challenged(struct leati_http_connect_engine *engine)
{
    enum leati_http_auth_step step = leati_http_auth_challenged(engine->auth, &engine->head);
    if (step == LEATI_HTTP_AUTH_NO_MEMORY) {
        engine_lacks_memory(engine);
        return;
    }
    if (step != LEATI_HTTP_AUTH_SENDS && step != LEATI_HTTP_AUTH_WAITS) {
        engine_refused(engine);
        return;
    }
    engine->has_challenge = true;
    engine->is_lost =
        !head_persists(&engine->head) || !leati_http_body_init_drain(&engine->body, &engine->head);
    if (engine->is_lost)
        round_prepare(engine);
    else
        leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_RECV_CHALLENGE);
}

static void challenge_feed(struct leati_http_connect_engine *engine, const uint8_t *data,
                           size_t len)
{
    enum leati_http_result result = leati_http_body_feed(&engine->body, data, len);
    if (result == LEATI_HTTP_MORE)
        return;
    engine->is_lost = result != LEATI_HTTP_DONE || !leati_http_body_is_whole(&engine->body);
    round_prepare(engine);
}

/* The tunnel is open; who the proxy is may be known, or not yet. */
static void engine_opened(struct leati_http_connect_engine *engine, enum leati_http_auth_step step)
{
    switch (step) {
    case LEATI_HTTP_AUTH_WAITS:
        leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_VERIFYING);
        break;
    case LEATI_HTTP_AUTH_LET_IN:
        leati_http_head_done(&engine->head);
        leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_DONE);
        break;
    case LEATI_HTTP_AUTH_NO_MEMORY:
        engine_lacks_memory(engine);
        break;
    case LEATI_HTTP_AUTH_SENDS:
    case LEATI_HTTP_AUTH_UNFIT:
    case LEATI_HTTP_AUTH_REFUSED:
        engine_blame(
            engine, LEAT_E_WS_CONNECT,
            "the proxy answered CONNECT %s with HTTP %d, but it is not who it should be: %s",
            engine->destination, engine->status, engine->auth->reason);
        leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_FAILED);
        break;
    }
}

static void question_answered(struct leati_http_connect_engine *engine)
{
    enum leati_http_auth_step step =
        leati_http_auth_resume(engine->auth, engine->has_challenge ? &engine->head : NULL);
    if (step == LEATI_HTTP_AUTH_NO_MEMORY)
        engine_lacks_memory(engine);
    else if (step == LEATI_HTTP_AUTH_REFUSED)
        engine_refused(engine);
    else if (step != LEATI_HTTP_AUTH_WAITS)
        round_begin(engine);
}

void leati_http_connect_engine_answered(struct leati_http_connect_engine *engine)
{
    if (engine->base.state == LEATI_HTTP_CONNECT_VERIFYING)
        engine_opened(engine, leati_http_auth_verified(engine->auth));
    if (engine->base.state == LEATI_HTTP_CONNECT_ASKING)
        question_answered(engine);
    leati_http_connect_trace_rounds(engine);
}

/* The connection below has failed, which another one may mend: whether it is to be made. */
static bool connection_is_to_be_renewed(struct leati_http_connect_engine *engine)
{
    bool is_followup = engine->is_followup && leati_http_head_size(&engine->head) == 0 &&
                       (engine->base.state == LEATI_HTTP_CONNECT_SEND_REQUEST ||
                        engine->base.state == LEATI_HTTP_CONNECT_RECV_HEAD);
    return (is_followup || engine->base.state == LEATI_HTTP_CONNECT_RECV_CHALLENGE) &&
           leati_http_auth_lost(engine->auth);
}

/* ---- the response ----------------------------------------------------------------------- */

static void head_finish(struct leati_http_connect_engine *engine)
{
    int status = leati_http_head_status(&engine->head);

    if (status >= 100 && status <= 199 && status != STATUS_SWITCHING) {
        leati_http_head_done(&engine->head);
        if (++engine->interim_count <= LEATI_HTTP_CONNECT_MAX_INTERIM)
            return;
        engine_blame(engine, LEAT_E_WS_CONNECT,
                     "the proxy answered CONNECT %s with more than %u interim responses",
                     engine->destination, LEATI_HTTP_CONNECT_MAX_INTERIM);
        leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_FAILED);
        return;
    }
    engine->status = status;
    if (status == STATUS_AUTHENTICATE && engine->auth) {
        engine_challenged(engine);
        return;
    }
    if (status < 200 || status > 299) {
        engine_refused(engine);
        return;
    }
    engine_opened(engine, engine->auth ? leati_http_auth_accepted(engine->auth, &engine->head)
                                       : LEATI_HTTP_AUTH_LET_IN);
}

static size_t head_feed(struct leati_http_connect_engine *engine, const uint8_t *data, size_t len)
{
    size_t used = len;

    switch (leati_http_head_feed(&engine->head, data, len, &used)) {
    case LEATI_HTTP_DONE:
        head_finish(engine);
        break;
    case LEATI_HTTP_MORE:
        break;
    case LEATI_HTTP_NO_MEMORY:
        engine_lacks_memory(engine);
        break;
    case LEATI_HTTP_MALFORMED:
    case LEATI_HTTP_TOO_LARGE:
        engine_malformed(engine, data, len);
        break;
    }
    return used;
}

static size_t engine_feed(struct leati_engine *e, const uint8_t *data, size_t len)
{
    struct leati_http_connect_engine *engine = (void *)e;
    size_t used = 0;

    while (used < len && e->state == LEATI_HTTP_CONNECT_RECV_HEAD)
        used += head_feed(engine, data + used, len - used);
    bool is_open = e->state == LEATI_HTTP_CONNECT_DONE || e->state == LEATI_HTTP_CONNECT_VERIFYING;
    if (e->state == LEATI_HTTP_CONNECT_RECV_CHALLENGE)
        challenge_feed(engine, data + used, len - used);
    /* Without memory there is no body; the refusal is what counts. */
    else if (e->state == LEATI_HTTP_CONNECT_RECV_BODY &&
             leati_http_body_feed(&engine->body, data + used, len - used) != LEATI_HTTP_MORE)
        leati_engine_set_state(e, LEATI_HTTP_CONNECT_FAILED);
    leati_http_connect_trace_rounds(engine);
    return is_open ? used : len;
}

static void engine_closed(struct leati_http_connect_engine *engine)
{
    size_t received = leati_http_head_size(&engine->head);

    engine->base.retry = LEATI_RETRY_TARGET | LEATI_RETRY_PROXY;
    engine_blame(engine, LEAT_E_WS_CONNECT,
                 "the proxy closed the connection before its answer to CONNECT %s was "
                 "complete, after %zu bytes of it%s",
                 engine->destination, received,
                 received > 0          ? ""
                 : engine->is_followup ? ", which it had asked to authenticate"
                                       : ": the target may be what failed, some proxies close "
                                         "instead of refusing");
    leati_engine_set_state(&engine->base, LEATI_HTTP_CONNECT_FAILED);
}

static void engine_end(struct leati_engine *e)
{
    struct leati_http_connect_engine *engine = (void *)e;

    switch (e->state) {
    case LEATI_HTTP_CONNECT_FAILED:
        break;
    case LEATI_HTTP_CONNECT_RECV_BODY:
        leati_engine_set_state(e, LEATI_HTTP_CONNECT_FAILED);
        break;
    case LEATI_HTTP_CONNECT_RECV_CHALLENGE:
        engine->is_lost = true;
        round_prepare(engine);
        break;
    default:
        if (connection_is_to_be_renewed(engine))
            engine_redial(engine);
        else
            engine_closed(engine);
        break;
    }
    leati_http_connect_trace_rounds(engine);
}

static void engine_expire(struct leati_engine *e, uint64_t waited_ms)
{
    struct leati_http_connect_engine *engine = (void *)e;

    if (e->state == LEATI_HTTP_CONNECT_SEND_REQUEST)
        engine_blame(engine, LEAT_E_WS_CONNECT,
                     "the proxy did not take the CONNECT request for %s within %" PRIu64 " ms",
                     engine->destination, waited_ms);
    else if (e->state == LEATI_HTTP_CONNECT_ASKING && leati_http_auth_is_helped(engine->auth))
        engine_blame(engine, LEAT_E_WS_CONNECT,
                     "%s has not made a token for %s@%s within %" PRIu64
                     " ms: the KDC may be away (is its network, a VPN, connected?)",
                     engine->auth->taken->name, engine->auth->service, engine->auth->host,
                     waited_ms);
    else if (e->state == LEATI_HTTP_CONNECT_VERIFYING)
        engine_blame(engine, LEAT_E_WS_CONNECT,
                     "whether the proxy is who it should be was not known within %" PRIu64 " ms: "
                     "%s is still at work on its last token",
                     waited_ms, engine->auth->taken->name);
    else if (e->state == LEATI_HTTP_CONNECT_ASKING)
        engine_blame(engine, LEAT_E_WS_CONNECT,
                     "the proxy asks for credentials (%s), and none were there within %" PRIu64
                     " ms",
                     engine->auth->taken->name, waited_ms);
    else if (e->state == LEATI_HTTP_CONNECT_RECV_CHALLENGE)
        engine_blame(
            engine, LEAT_E_WS_CONNECT,
            "the proxy asks for credentials, but the body of its HTTP %d to CONNECT %s did "
            "not come within %" PRIu64 " ms",
            engine->status, engine->destination, waited_ms);
    else
        engine_blame(engine, LEAT_E_WS_CONNECT,
                     "the proxy did not answer CONNECT %s within %" PRIu64
                     " ms: %zu bytes of the head came",
                     engine->destination, waited_ms, leati_http_head_size(&engine->head));
    e->sys_errno = ETIMEDOUT;
    e->retry = LEATI_RETRY_TARGET | LEATI_RETRY_PROXY;
    leati_engine_set_state(e, LEATI_HTTP_CONNECT_FAILED);
    leati_http_connect_trace_rounds(engine);
}

static int engine_lost(struct leati_engine *e, int code, unsigned *ret_retry)
{
    (void)code;
    *ret_retry = connection_is_to_be_renewed((void *)e) ? LEATI_RETRY_AGAIN
                                                        : LEATI_RETRY_TARGET | LEATI_RETRY_PROXY;
    return LEAT_OK;
}

/* ---- the layer ------------------------------------------------------------------------ */

static enum leati_exchange_turn engine_turn(const struct leati_engine *e)
{
    const struct leati_http_connect_engine *engine = (const void *)e;

    return e->state == LEATI_HTTP_CONNECT_ASKING && leati_http_auth_is_helped(engine->auth)
               ? LEATI_EXCHANGE_HELPERS
               : e->ops->states[e->state].turn;
}

static void engine_describe(const struct leati_engine *e, char *buf, size_t cap)
{
    const struct leati_http_connect_engine *engine = (const void *)e;
    bool is_redial = e->retry & LEATI_RETRY_AGAIN;
    bool is_sent = engine->auth && engine->auth->is_sent;
    char name[80] = "no authentication";

    if (is_sent || is_redial)
        leati_http_auth_name(engine->auth, name, sizeof(name));
    snprintf(buf, cap, "%s, HTTP %d, %s%s", engine->destination, engine->status,
             engine->has_own_credentials ? "with credentials" : name,
             is_redial ? " on a new connection" : "");
}

static const struct leati_engine_state states[] = {
    [LEATI_HTTP_CONNECT_SEND_REQUEST] = {"SEND_REQUEST", LEATI_EXCHANGE_OURS},
    [LEATI_HTTP_CONNECT_RECV_HEAD] = {"RECV_HEAD", LEATI_EXCHANGE_THEIRS},
    [LEATI_HTTP_CONNECT_RECV_CHALLENGE] = {"RECV_CHALLENGE", LEATI_EXCHANGE_THEIRS},
    [LEATI_HTTP_CONNECT_ASKING] = {"ASKING", LEATI_EXCHANGE_OWNERS},
    [LEATI_HTTP_CONNECT_VERIFYING] = {"VERIFYING", LEATI_EXCHANGE_HELPERS},
    [LEATI_HTTP_CONNECT_RECV_BODY] = {"RECV_BODY", LEATI_EXCHANGE_AFTERMATH},
    [LEATI_HTTP_CONNECT_DONE] = {"DONE", LEATI_EXCHANGE_DONE},
    [LEATI_HTTP_CONNECT_FAILED] = {"FAILED", LEATI_EXCHANGE_FAILED},
};

/* What a helper has made is taken when it comes: leati_http_connect_engine_answered(). */
static const struct leati_engine_ops engine_ops = {
    .layer = LEATI_EXCHANGE_LAYER("http-proxy", LEAT_LAYER_HTTP_PROXY),
    .name = "connect",
    .states = states,
    .failed = LEATI_HTTP_CONNECT_FAILED,
    .aftermath_ms = LEATI_HTTP_CONNECT_BODY_WAIT_MS,
    .turn = engine_turn,
    .sent = request_sent,
    .feed = engine_feed,
    .end = engine_end,
    .expire = engine_expire,
    .lost = engine_lost,
    .describe = engine_describe,
    .done = engine_done,
};

static int engine_begin(struct leati_http_connect_engine *engine)
{
    enum leati_http_auth_step step = engine->auth
                                         ? leati_http_auth_begin(engine->auth, engine->destination)
                                         : LEATI_HTTP_AUTH_UNFIT;
    if (step == LEATI_HTTP_AUTH_WAITS) {
        engine->base.state = LEATI_HTTP_CONNECT_ASKING;
        return LEAT_OK;
    }
    return step != LEATI_HTTP_AUTH_NO_MEMORY && request_renew(engine) ? LEAT_OK
                                                                      : LEAT_E_SYSTEM_INTERNAL;
}

int leati_http_connect_engine_init(struct leati_http_connect_engine *engine,
                                   const struct leati_http_connect_options *options,
                                   struct leati_failure *failure)
{
    memset(engine, 0, sizeof(*engine));
    leati_engine_init(&engine->base, &engine_ops, engine->text, sizeof(engine->text));
    engine->ready = options->ready;
    engine->ready_user = options->ready_user;
    leati_http_head_init(&engine->head, LEATI_HTTP_RESPONSE);
    int code = leati_http_connect_request_plan(engine, options, failure);
    if (code == LEAT_OK && options->auth && !engine->has_own_credentials)
        engine->auth = leati_http_auth_ref(options->auth);
    if (code == LEAT_OK)
        code = engine_begin(engine);
    if (code == LEAT_OK) {
        engine->rounds = engine->auth ? engine->auth->rounds : 0;
        return LEAT_OK;
    }
    const struct leati_fault fault = {.code = code, .layer = LEAT_LAYER_HTTP_PROXY};
    leati_failure_set(failure, &fault, "no memory for the CONNECT request");
    engine_done(&engine->base);
    memset(engine, 0, sizeof(*engine));
    return code;
}

static void auth_answered(void *user)
{
    struct leati_http_connect_engine *engine = user;

    leati_http_connect_engine_answered(engine);
    if (engine->ready)
        engine->ready(engine->ready_user);
}

int leati_http_connect_layer_new(const struct leati_http_connect_options *options,
                                 struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct leati_layer *layer =
        leati_exchange_new(&engine_ops, sizeof(struct leati_http_connect_engine),
                           options->step_timeout_ms, "no memory for the CONNECT layer", failure);
    if (!layer)
        return LEAT_E_SYSTEM_INTERNAL;
    struct leati_http_connect_engine *engine = leati_exchange_engine(layer);
    int code = leati_http_connect_engine_init(engine, options, failure);
    if (code != LEAT_OK) {
        leati_free(layer);
        return code;
    }
    if (engine->auth) {
        engine->auth->answered = auth_answered;
        engine->auth->answered_user = engine;
    }
    *ret_layer = layer;
    return LEAT_OK;
}
