/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks5_engine.h"

#include "core/exchange.h"
#include "socks5/gss_protection.h"
#include "socks5/socks_lost.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    SOCKS_VERSION = 5,
    AUTH_VERSION = 1, /* of the subnegotiation, RFC 1929 section 2 */
};

/* REP of a reply (RFC 1928 section 6). */
enum {
    REP_FAILURE = 1,
    REP_NETWORK_UNREACHABLE = 3,
    REP_HOST_UNREACHABLE = 4,
    REP_TTL_EXPIRED = 6,
};

/* Where the fields of a reply stand (RFC 1928 section 6). */
enum {
    REPLY_REP = 1,
    REPLY_ATYP = 3,
    REPLY_ADDRESS = 4,
};

const char *leati_socks5_reply_name(uint8_t rep)
{
    static const char *const names[256] = {
        [0x00] = "succeeded",
        [0x01] = "general SOCKS server failure",
        [0x02] = "connection not allowed by ruleset",
        [0x03] = "network unreachable",
        [0x04] = "host unreachable",
        [0x05] = "connection refused",
        [0x06] = "TTL expired",
        [0x07] = "command not supported",
        [0x08] = "address type not supported",
        /* Tor, proposal 304 */
        [0xf0] = "onion service descriptor cannot be found",
        [0xf1] = "onion service descriptor is invalid",
        [0xf2] = "onion service introduction failed",
        [0xf3] = "onion service rendezvous failed",
        [0xf4] = "onion service needs client authorization",
        [0xf5] = "onion service refused the client authorization",
        [0xf6] = "onion service address is invalid",
        [0xf7] = "onion service introduction timed out",
    };
    return names[rep];
}

static const char *engine_step(const struct leati_socks5_engine *engine)
{
    switch (engine->base.state) {
    case LEATI_SOCKS5_SEND_GREETING:
    case LEATI_SOCKS5_RECV_METHOD:
        return "greeting";
    case LEATI_SOCKS5_SEND_AUTH:
    case LEATI_SOCKS5_RECV_AUTH_STATUS:
        return "user name and password";
    case LEATI_SOCKS5_NEGOTIATING_GSS:
        return leati_socks5_gss_step(&engine->gss);
    case LEATI_SOCKS5_SEND_REQUEST:
    case LEATI_SOCKS5_RECV_REPLY:
        return "request";
    default:
        return "exchange";
    }
}

static void auth_wipe(struct leati_socks5_engine *engine)
{
    leati_wipe(engine->messages + engine->greeting_len, engine->auth_len);
}

/* What is to leave in a state: the messages stand one behind the other. */
static size_t message_of(const struct leati_socks5_engine *engine, enum leati_socks5_state state,
                         const uint8_t **ret_message)
{
    *ret_message = engine->messages;
    switch (state) {
    case LEATI_SOCKS5_SEND_GREETING:
        return engine->greeting_len +
               (engine->pipelined ? engine->auth_len + engine->request_len : 0);
    case LEATI_SOCKS5_SEND_AUTH:
        *ret_message += engine->greeting_len;
        return engine->auth_len;
    case LEATI_SOCKS5_SEND_REQUEST:
        *ret_message += engine->greeting_len + engine->auth_len;
        return engine->request_len;
    default:
        return 0;
    }
}

static void engine_set_state(struct leati_socks5_engine *engine, enum leati_socks5_state state)
{
    const uint8_t *message;
    size_t len = message_of(engine, state, &message);

    leati_engine_set_output(&engine->base, (int)state, message, len);
    engine->reply_len = 0;
    if (state > (engine->pipelined ? LEATI_SOCKS5_SEND_GREETING : LEATI_SOCKS5_SEND_AUTH))
        auth_wipe(engine);
}

static int engine_fail(struct leati_socks5_engine *engine, int code, int native_code,
                       const char *format, ...) LEAT_PRINTF(4, 5);

/* In one flight the messages may be what the proxy has failed about. */
static int engine_fail(struct leati_socks5_engine *engine, int code, int native_code,
                       const char *format, ...)
{
    char text[LEATI_SOCKS5_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    leati_readable_vformat(text, sizeof(text), format, args);
    va_end(args);
    auth_wipe(engine);
    return leati_engine_fail(
        &engine->base, code, native_code, "%s%s", text,
        engine->pipelined ? " (it was asked in one flight, which not every proxy understands)"
                          : "");
}

static void engine_done(struct leati_engine *e)
{
    struct leati_socks5_engine *engine = (void *)e;

    leati_socks5_gss_done(&engine->gss);
    leati_wipe(engine, sizeof(*engine));
}

/* ---- bytes out ----------------------------------------------------------------------- */

/* Behind each state that sends stands the one that reads the reply. */
static void message_sent(struct leati_engine *e)
{
    engine_set_state((void *)e, (enum leati_socks5_state)(e->state + 1));
}

/* Goes on to send a message, or, if it has left already, to read the reply to it. */
static void engine_go_to(struct leati_socks5_engine *engine, enum leati_socks5_state send_state)
{
    engine_set_state(engine, engine->pipelined ? send_state + 1 : send_state);
}

/* ---- the protection of GSS-API --------------------------------------------------------- */

/* The layer below is told before the request goes down to it. */
static void protection_tell(struct leati_socks5_engine *engine, bool protects)
{
    struct leati_layer *protection = engine->protection;

    if (!protection || engine->protection_is_told)
        return;
    engine->protection_is_told = true;
    if (protects) {
        leati_socks5_protection_begin(protection, leati_socks5_gss_take(&engine->gss),
                                      engine->gss.granted ==
                                          LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY);
        return;
    }
    leati_socks5_protection_skip(protection);
    engine->protection = NULL; /* it goes, maybe before this one */
}

static void gss_spoken(struct leati_engine *e)
{
    struct leati_socks5_engine *engine = (void *)e;

    protection_tell(engine, engine->gss.granted >= LEAT_SOCKS5_PROTECTION_INTEGRITY);
    engine_set_state(engine, LEATI_SOCKS5_SEND_REQUEST);
}

/* ---- bytes in ------------------------------------------------------------------------ */

/* The bytes of a CONNECT reply, as far as those that have come tell: 2 is enough to see a refusal,
 * behind which some proxies send nothing, or nothing valid. */
static size_t reply_known_len(const struct leati_socks5_engine *engine)
{
    if (engine->reply_len <= REPLY_REP)
        return REPLY_REP + 1;
    if (engine->reply_len <= REPLY_ATYP)
        return REPLY_ATYP + 1;
    if (engine->reply[REPLY_ATYP] == LEATI_SOCKS5_IPV4)
        return REPLY_ADDRESS + 4 + 2;
    if (engine->reply[REPLY_ATYP] == LEATI_SOCKS5_IPV6)
        return REPLY_ADDRESS + 16 + 2;
    if (engine->reply_len == REPLY_ADDRESS)
        return REPLY_ADDRESS + 1;
    return REPLY_ADDRESS + 1 + (size_t)engine->reply[REPLY_ADDRESS] + 2;
}

/* One reply and not a byte more: what follows it is the upper layer's. */
static size_t reply_need(const struct leati_engine *e)
{
    const struct leati_socks5_engine *engine = (const void *)e;

    return (e->state == LEATI_SOCKS5_RECV_REPLY ? reply_known_len(engine) : 2) - engine->reply_len;
}

static int version_check(struct leati_socks5_engine *engine, uint8_t version)
{
    if (engine->reply[0] == version)
        return LEAT_OK;
    return engine_fail(engine, LEAT_E_SOCKS5_DESERIALIZE, 0,
                       "the proxy's answer to the %s begins with byte 0x%02x instead of 0x%02x%s",
                       engine_step(engine), engine->reply[0], version,
                       engine->base.state == LEATI_SOCKS5_RECV_METHOD ? ": not a SOCKS5 proxy"
                                                                      : "");
}

static const char *methods_text(const struct leati_socks5_engine *engine)
{
    if (!engine->offers_none && engine->offers_password)
        return engine->offers_gss ? "GSS-API, user name and password" : "user name and password";
    if (!engine->offers_none)
        return "GSS-API alone, since its protection is wanted";
    if (engine->offers_gss)
        return engine->offers_password
                   ? "no authentication, GSS-API, user name and password"
                   : "no authentication, GSS-API; it may demand a user name and a password";
    return engine->offers_password
               ? "no authentication, user name and password"
               : "no authentication; it may demand a user name and a password, or GSS-API";
}

static int method_read(struct leati_socks5_engine *engine)
{
    if (engine->reply_len == 1)
        return version_check(engine, SOCKS_VERSION);

    uint8_t method = engine->reply[1];
    if (method == LEATI_SOCKS5_METHOD_NONE && engine->offers_none) {
        engine_go_to(engine, LEATI_SOCKS5_SEND_REQUEST);
        return LEAT_OK;
    }
    if (method == LEATI_SOCKS5_METHOD_GSS && engine->offers_gss) {
        engine_set_state(engine, LEATI_SOCKS5_NEGOTIATING_GSS);
        engine->base.speaker = &engine->gss.base;
        leati_socks5_gss_begin(&engine->gss);
        return LEAT_OK;
    }
    if (method == LEATI_SOCKS5_METHOD_PASSWORD && engine->offers_password) {
        engine_go_to(engine, LEATI_SOCKS5_SEND_AUTH);
        return LEAT_OK;
    }
    if (method == LEATI_SOCKS5_METHOD_PASSWORD && engine->offers_none)
        return engine_fail(engine, LEAT_E_SOCKS5_AUTH, 0,
                           "the proxy demands a user name and a password, and none was configured");
    if (method == LEATI_SOCKS5_METHOD_UNACCEPTABLE)
        return engine_fail(engine, LEAT_E_SOCKS5_METHOD, method,
                           "the proxy accepts none of the offered methods (%s)",
                           methods_text(engine));
    return engine_fail(engine, LEAT_E_SOCKS5_METHOD, method,
                       "the proxy chose method 0x%02x, which was not offered", method);
}

static int auth_status_read(struct leati_socks5_engine *engine)
{
    /* Some proxies put the version of SOCKS there; the status means the same. */
    if (engine->reply_len == 1)
        return engine->reply[0] == SOCKS_VERSION ? LEAT_OK : version_check(engine, AUTH_VERSION);

    uint8_t status = engine->reply[1];
    if (status != 0)
        return engine_fail(engine, LEAT_E_SOCKS5_AUTH, status,
                           "the proxy refused the user name and password (status 0x%02x)", status);
    engine->authenticated = true;
    engine_go_to(engine, LEATI_SOCKS5_SEND_REQUEST);
    return LEAT_OK;
}

/* Another address of the target may be reachable, or allowed, whatever the proxy says of this one.
 * Another proxy may know a way where this one knows none; where this one has got an answer, or a
 * rule, it would say the same. */
static unsigned refusal_retry(uint8_t rep)
{
    switch (rep) {
    case REP_FAILURE:
    case REP_NETWORK_UNREACHABLE:
    case REP_HOST_UNREACHABLE:
    case REP_TTL_EXPIRED:
        return LEATI_RETRY_TARGET | LEATI_RETRY_PROXY;
    default:
        return LEATI_RETRY_TARGET;
    }
}

static int refusal_fail(struct leati_socks5_engine *engine, uint8_t rep)
{
    const char *name = leati_socks5_reply_name(rep);
    engine->base.retry = refusal_retry(rep);
    return engine_fail(
        engine, LEAT_E_SOCKS5_CONNECT_REMOTE, rep, "the proxy could not %s %s: %s%sreply 0x%02x%s",
        engine->command == LEATI_SOCKS5_CONNECT ? "connect to" : "relay", engine->destination,
        name ? name : "", name ? " (" : "", rep, name ? ")" : "");
}

/* The proxy may give a name of any length, or an empty one, to a client that connects: nobody looks
 * at it. A client of a relay cannot do without. */
static int bound_read(struct leati_socks5_engine *engine)
{
    size_t used;

    if (engine->command == LEATI_SOCKS5_CONNECT)
        return LEAT_OK;
    if (leati_socks5_address_read(engine->reply + REPLY_ATYP, engine->reply_len - REPLY_ATYP,
                                  &engine->bound, &used) != LEATI_SOCKS5_READ_OK)
        return engine_fail(engine, LEAT_E_SOCKS5_DESERIALIZE, 0,
                           "the proxy's answer to the request has no address of a relay");
    if (engine->bound.port == 0)
        return engine_fail(engine, LEAT_E_SOCKS5_DESERIALIZE, 0,
                           "the proxy's answer to the request has port 0 for the relay");
    return LEAT_OK;
}

static int reply_read(struct leati_socks5_engine *engine)
{
    uint8_t last = engine->reply[engine->reply_len - 1];

    if (engine->reply_len == 1)
        return version_check(engine, SOCKS_VERSION);
    if (engine->reply_len == REPLY_REP + 1 && last != 0)
        return refusal_fail(engine, last);
    if (engine->reply_len == REPLY_ATYP + 1 && last != LEATI_SOCKS5_IPV4 &&
        last != LEATI_SOCKS5_NAME && last != LEATI_SOCKS5_IPV6)
        return engine_fail(engine, LEAT_E_SOCKS5_DESERIALIZE, 0,
                           "the proxy's answer to the request has the unknown address type 0x%02x",
                           last);
    if (reply_known_len(engine) != engine->reply_len)
        return LEAT_OK;
    int result = bound_read(engine);
    if (result != LEAT_OK)
        return result;
    engine_set_state(engine, LEATI_SOCKS5_DONE);
    protection_tell(engine, false);
    return LEAT_OK;
}

static size_t reply_feed(struct leati_engine *e, const uint8_t *data, size_t len)
{
    struct leati_socks5_engine *engine = (void *)e;
    size_t used = 0;

    while (used < len && !e->speaker && leati_engine_need(e) > 0) {
        engine->reply[engine->reply_len++] = data[used++];
        if (e->state == LEATI_SOCKS5_RECV_METHOD)
            method_read(engine);
        else if (e->state == LEATI_SOCKS5_RECV_AUTH_STATUS)
            auth_status_read(engine);
        else
            reply_read(engine);
    }
    return used;
}

/* Should the connection break off at this point, or the answer not come. */
static unsigned retry_if_lost(const struct leati_engine *e)
{
    return e->state == LEATI_SOCKS5_RECV_REPLY ? LEATI_RETRY_TARGET | LEATI_RETRY_PROXY
                                               : LEATI_RETRY_PROXY;
}

static bool waits_for_target(const struct leati_socks5_engine *engine)
{
    return engine->base.state == LEATI_SOCKS5_RECV_REPLY && engine->command == LEATI_SOCKS5_CONNECT;
}

/* What that could mean, to stand behind the text about it. OpenSSH has no other way to say that it
 * does not reach what it was asked for. */
static const char *suspect(const struct leati_socks5_engine *engine,
                           char buf[LEATI_SOCKS5_SUSPECT_SIZE])
{
    if (!waits_for_target(engine))
        return "";
    snprintf(buf, LEATI_SOCKS5_SUSPECT_SIZE,
             ": the target %s may be what failed, some proxies close instead of refusing",
             engine->destination);
    return buf;
}

static void reply_end(struct leati_engine *e)
{
    struct leati_socks5_engine *engine = (void *)e;
    const char *step = engine_step(engine);
    char buf[LEATI_SOCKS5_SUSPECT_SIZE];

    if (e->state == LEATI_SOCKS5_FAILED)
        return;
    e->retry = retry_if_lost(e);
    if (engine->reply_len == 0)
        engine_fail(engine, LEAT_E_SOCKS5_RECV, 0,
                    "the proxy closed the connection instead of answering the %s%s", step,
                    suspect(engine, buf));
    else
        engine_fail(engine, LEAT_E_SOCKS5_DESERIALIZE, 0,
                    "the proxy closed the connection in the middle of its answer to the %s "
                    "(after %zu bytes)",
                    step, engine->reply_len);
}

static void engine_expire(struct leati_engine *e, uint64_t waited_ms)
{
    struct leati_socks5_engine *engine = (void *)e;
    bool is_target = waits_for_target(engine);

    e->sys_errno = ETIMEDOUT;
    e->retry = retry_if_lost(e);
    engine_fail(engine, LEAT_E_SOCKS5_RECV, 0,
                "the proxy did not answer the %s within %" PRIu64 " ms%s%s", engine_step(engine),
                waited_ms, is_target ? ": it may be waiting for the target " : "",
                is_target ? engine->destination : "");
}

/* A protected message that cannot be read says so itself. */
static int engine_lost(struct leati_engine *e, int code, unsigned *ret_retry)
{
    struct leati_socks5_engine *engine = (void *)e;
    char buf[LEATI_SOCKS5_SUSPECT_SIZE];

    if (code == LEAT_E_SOCKS5_DESERIALIZE)
        return LEAT_OK;
    *ret_retry = retry_if_lost(e);
    return leati_socks_lost(e, engine_step(engine), suspect(engine, buf));
}

/* ---- the layer ------------------------------------------------------------------------ */

static const char *method_text(const struct leati_socks5_engine *engine)
{
    switch (engine->gss.granted) {
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

static void engine_describe(const struct leati_engine *e, char *buf, size_t cap)
{
    const struct leati_socks5_engine *engine = (const void *)e;

    snprintf(buf, cap, "%s, %s%s", engine->destination, method_text(engine),
             e->state == LEATI_SOCKS5_DONE ? "" : ", not answered yet");
}

static const struct leati_engine_state states[] = {
    [LEATI_SOCKS5_SEND_GREETING] = {"SEND_GREETING", LEATI_EXCHANGE_OURS},
    [LEATI_SOCKS5_RECV_METHOD] = {"RECV_METHOD", LEATI_EXCHANGE_THEIRS},
    [LEATI_SOCKS5_SEND_AUTH] = {"SEND_AUTH", LEATI_EXCHANGE_OURS},
    [LEATI_SOCKS5_RECV_AUTH_STATUS] = {"RECV_AUTH_STATUS", LEATI_EXCHANGE_THEIRS},
    [LEATI_SOCKS5_NEGOTIATING_GSS] = {"NEGOTIATING_GSS", LEATI_EXCHANGE_HELPERS},
    [LEATI_SOCKS5_SEND_REQUEST] = {"SEND_REQUEST", LEATI_EXCHANGE_OURS},
    [LEATI_SOCKS5_RECV_REPLY] = {"RECV_REPLY", LEATI_EXCHANGE_THEIRS},
    [LEATI_SOCKS5_DONE] = {"DONE", LEATI_EXCHANGE_DONE},
    [LEATI_SOCKS5_FAILED] = {"FAILED", LEATI_EXCHANGE_FAILED},
};

static const struct leati_engine_ops engine_ops = {
    .layer = LEATI_EXCHANGE_LAYER("socks5", LEAT_LAYER_SOCKS5),
    .name = "socks5",
    .states = states,
    .failed = LEATI_SOCKS5_FAILED,
    .sent = message_sent,
    .need = reply_need,
    .feed = reply_feed,
    .end = reply_end,
    .expire = engine_expire,
    .lost = engine_lost,
    .spoken = gss_spoken,
    .describe = engine_describe,
    .done = engine_done,
};

int leati_socks5_engine_init(struct leati_socks5_engine *engine,
                             const struct leati_socks5_options *options,
                             struct leati_failure *failure)
{
    memset(engine, 0, sizeof(*engine));
    int code = leati_socks5_messages_write(engine, options, failure);
    if (code != LEAT_OK)
        return code;
    leati_engine_init(&engine->base, &engine_ops, engine->text, sizeof(engine->text));
    leati_socks5_gss_init(&engine->gss, options->gss, options->protection,
                          options->protection_layer);
    engine->protection = options->protection_layer;
    engine->base.output_len = message_of(engine, LEATI_SOCKS5_SEND_GREETING, &engine->base.output);
    return LEAT_OK;
}

int leati_socks5_layer_new(const struct leati_socks5_options *options,
                           struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct leati_layer *layer =
        leati_exchange_new(&engine_ops, sizeof(struct leati_socks5_engine),
                           options->step_timeout_ms, "no memory for the SOCKS5 layer", failure);
    struct leati_socks5_engine *engine = layer ? leati_exchange_engine(layer) : NULL;
    int code = layer ? leati_socks5_engine_init(engine, options, failure) : LEAT_E_SYSTEM_INTERNAL;

    if (code != LEAT_OK) {
        leati_gss_free(options->gss);
        leati_free(layer);
        return code;
    }
    leati_exchange_of(layer)->optimistic =
        engine->pipelined && options->pipelining == LEATI_SOCKS5_OPTIMISTIC;
    *ret_layer = layer;
    return LEAT_OK;
}

const struct leati_socks5_address *leati_socks5_layer_bound(const struct leati_layer *layer)
{
    return &((const struct leati_socks5_engine *)leati_exchange_engine(layer))->bound;
}

struct leati_layer *leati_socks5_layer_protection(const struct leati_layer *layer)
{
    const struct leati_socks5_engine *engine = leati_exchange_engine(layer);

    return engine->protection && leati_socks5_protection_is_on(engine->protection)
               ? engine->protection
               : NULL;
}
