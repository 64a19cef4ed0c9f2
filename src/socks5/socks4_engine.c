/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks4_engine.h"

#include "core/exchange.h"
#include "socks5/socks_lost.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SOCKS_VERSION = 4,
    COMMAND_CONNECT = 1,
    REPLY_VERSION = 0,
    REPLY_CODE_AT = 1,
};

enum {
    REPLY_GRANTED = 90,
    REPLY_REJECTED = 91,
    REPLY_NO_IDENTD = 92,
    REPLY_USER_DIFFERS = 93,
};

static void request_wipe(struct leati_socks4_engine *engine)
{
    leati_wipe(engine->request, sizeof(engine->request));
}

/* ---- the request ---------------------------------------------------------------------- */

static bool is_empty(const char *s)
{
    return !s || !*s;
}

int leati_socks4_check_credentials(const char *user, const char *password,
                                   struct leati_failure *failure)
{
    if (!is_empty(password))
        return leati_socks5_serialize_fail(
            failure, "there is a password for the proxy, and SOCKS4 carries a user id only");
    if (user && strlen(user) > LEATI_SOCKS4_USER_MAX_BYTES)
        return leati_socks5_serialize_fail(failure, "the proxy's user id is longer than 255 bytes");
    return LEAT_OK;
}

/* The four bytes of an address, or in place of them what says that a name follows. */
static int ip_of(const struct leati_socks4_options *options, const struct leati_socks5_address *to,
                 struct leati_failure *failure, uint8_t *ret_ip)
{
    static const uint8_t name_follows[] = {0, 0, 0, 1};

    if (to->is_name && !options->carries_names)
        return leati_socks5_serialize_fail(
            failure, "SOCKS4 carries no names: use socks4a:// to let the proxy resolve them");
    if (to->is_name) {
        memcpy(ret_ip, name_follows, sizeof(name_follows));
        return LEAT_OK;
    }
    if (to->ip.any.sa_family != AF_INET)
        return leati_socks5_serialize_fail(failure,
                                           "the destination is an IPv6 address, and SOCKS4 carries "
                                           "IPv4 only");
    memcpy(ret_ip, &to->ip.v4.sin_addr, sizeof(to->ip.v4.sin_addr));
    if (memcmp(ret_ip, name_follows, 3) == 0 && ret_ip[3] != 0)
        return leati_socks5_serialize_fail(
            failure, "the destination's address begins with 0.0.0, which means a name to SOCKS4A");
    return LEAT_OK;
}

static void put(struct leati_socks4_engine *engine, const void *data, size_t len)
{
    memcpy(engine->request + engine->request_len, data, len);
    engine->request_len += len;
}

static void engine_done(struct leati_engine *e)
{
    leati_wipe(e, sizeof(struct leati_socks4_engine));
}

static void request_sent(struct leati_engine *e)
{
    request_wipe((void *)e);
    leati_engine_set_state(e, LEATI_SOCKS4_RECV_REPLY);
}

/* ---- the answer ----------------------------------------------------------------------- */

/* The answer and not a byte more: what follows it is the upper layer's. */
static size_t reply_need(const struct leati_engine *e)
{
    const struct leati_socks4_engine *engine = (const void *)e;

    return sizeof(engine->reply) - engine->reply_len;
}

static int user_fail(struct leati_socks4_engine *engine, uint8_t reply)
{
    return leati_engine_fail(&engine->base, LEAT_E_SOCKS5_AUTH, reply,
                             "the proxy refused the user id%s: %s (reply %u)",
                             engine->has_user ? "" : ", of which none was configured",
                             reply == REPLY_NO_IDENTD ? "it could not reach identd on this machine"
                                                      : "identd on this machine names another user",
                             reply);
}

/* 91 is all that SOCKS4 has for a failure, whatever it is: another address, or another proxy, may
 * do. */
static int refusal_fail(struct leati_socks4_engine *engine, uint8_t reply)
{
    engine->base.retry = LEATI_RETRY_TARGET | LEATI_RETRY_PROXY;
    return leati_engine_fail(
        &engine->base, LEAT_E_SOCKS5_CONNECT_REMOTE, reply,
        reply == REPLY_REJECTED
            ? "the proxy could not connect to %s: rejected or failed (reply %u)%s"
            : "the proxy could not connect to %s: reply %u%s",
        engine->destination, reply,
        engine->by_name ? "; it may not know SOCKS4A, socks4:// resolves the name here" : "");
}

/* The byte that has come; the address behind the first two means nothing to a client that connects.
 */
static void reply_read(struct leati_socks4_engine *engine)
{
    uint8_t last = engine->reply[engine->reply_len - 1];

    if (engine->reply_len == 1 && last != REPLY_VERSION)
        leati_engine_fail(
            &engine->base, LEAT_E_SOCKS5_DESERIALIZE, 0,
            "the proxy's answer to the request begins with byte 0x%02x instead of 0x00: not "
            "a SOCKS4 proxy",
            last);
    else if (engine->reply_len == REPLY_CODE_AT + 1 &&
             (last == REPLY_NO_IDENTD || last == REPLY_USER_DIFFERS))
        user_fail(engine, last);
    else if (engine->reply_len == REPLY_CODE_AT + 1 && last != REPLY_GRANTED)
        refusal_fail(engine, last);
    else if (engine->reply_len == sizeof(engine->reply))
        leati_engine_set_state(&engine->base, LEATI_SOCKS4_DONE);
}

static size_t reply_feed(struct leati_engine *e, const uint8_t *data, size_t len)
{
    struct leati_socks4_engine *engine = (void *)e;
    size_t used = 0;

    while (used < len && leati_engine_need(e) > 0) {
        engine->reply[engine->reply_len++] = data[used++];
        reply_read(engine);
    }
    return used;
}

/* Should the connection break off at this point, or the answer not come. */
static unsigned retry_if_lost(const struct leati_engine *e)
{
    return e->state == LEATI_SOCKS4_RECV_REPLY ? LEATI_RETRY_TARGET | LEATI_RETRY_PROXY
                                               : LEATI_RETRY_PROXY;
}

/* What that could mean, to stand behind the text about it: OpenSSH has no other way to say that it
 * does not reach what it was asked for, and a proxy of SOCKS5 only none to say that it is one. */
static const char *suspect(const struct leati_socks4_engine *engine,
                           char buf[LEATI_SOCKS4_SUSPECT_SIZE])
{
    if (engine->base.state != LEATI_SOCKS4_RECV_REPLY)
        return "";
    snprintf(buf, LEATI_SOCKS4_SUSPECT_SIZE,
             ": the target %s may be what failed, some proxies close instead of refusing; or it "
             "does not speak SOCKS4",
             engine->destination);
    return buf;
}

static void reply_end(struct leati_engine *e)
{
    struct leati_socks4_engine *engine = (void *)e;
    char buf[LEATI_SOCKS4_SUSPECT_SIZE];

    if (e->state == LEATI_SOCKS4_FAILED)
        return;
    e->retry = retry_if_lost(e);
    if (engine->reply_len == 0)
        leati_engine_fail(e, LEAT_E_SOCKS5_RECV, 0,
                          "the proxy closed the connection instead of answering the request%s",
                          suspect(engine, buf));
    else
        leati_engine_fail(e, LEAT_E_SOCKS5_DESERIALIZE, 0,
                          "the proxy closed the connection in the middle of its answer to the "
                          "request (after %zu bytes)",
                          engine->reply_len);
}

static void engine_expire(struct leati_engine *e, uint64_t waited_ms)
{
    struct leati_socks4_engine *engine = (void *)e;

    request_wipe(engine);
    e->sys_errno = ETIMEDOUT;
    e->retry = retry_if_lost(e);
    leati_engine_fail(e, LEAT_E_SOCKS5_RECV, 0,
                      "the proxy did not answer the request within %" PRIu64
                      " ms: it may be waiting for the target %s",
                      waited_ms, engine->destination);
}

static int engine_lost(struct leati_engine *e, int code, unsigned *ret_retry)
{
    char buf[LEATI_SOCKS4_SUSPECT_SIZE];

    (void)code;
    *ret_retry = retry_if_lost(e);
    return leati_socks_lost(e, "request", suspect((void *)e, buf));
}

static void engine_describe(const struct leati_engine *e, char *buf, size_t cap)
{
    const struct leati_socks4_engine *engine = (const void *)e;

    snprintf(buf, cap, "%s, %s%s", engine->destination, engine->has_user ? "user id" : "no user id",
             e->state == LEATI_SOCKS4_DONE ? "" : ", not answered yet");
}

/* ---- the layer ------------------------------------------------------------------------ */

static const struct leati_engine_state states[] = {
    [LEATI_SOCKS4_SEND_REQUEST] = {"SEND_REQUEST", LEATI_EXCHANGE_OURS},
    [LEATI_SOCKS4_RECV_REPLY] = {"RECV_REPLY", LEATI_EXCHANGE_THEIRS},
    [LEATI_SOCKS4_DONE] = {"DONE", LEATI_EXCHANGE_DONE},
    [LEATI_SOCKS4_FAILED] = {"FAILED", LEATI_EXCHANGE_FAILED},
};

static const struct leati_engine_ops engine_ops = {
    .layer = LEATI_EXCHANGE_LAYER("socks4", LEAT_LAYER_SOCKS5),
    .name = "socks4",
    .states = states,
    .failed = LEATI_SOCKS4_FAILED,
    .sent = request_sent,
    .need = reply_need,
    .feed = reply_feed,
    .end = reply_end,
    .expire = engine_expire,
    .lost = engine_lost,
    .describe = engine_describe,
    .done = engine_done,
};

int leati_socks4_engine_init(struct leati_socks4_engine *engine,
                             const struct leati_socks4_options *options,
                             struct leati_failure *failure)
{
    struct leati_socks5_address to;
    uint8_t ip[sizeof(struct in_addr)];

    int result = leati_socks5_address_from_host(options->host, options->port, failure, &to);
    if (result == LEAT_OK)
        result = ip_of(options, &to, failure, ip);
    if (result == LEAT_OK)
        result = leati_socks4_check_credentials(options->user, options->password, failure);
    if (result != LEAT_OK)
        return result;

    const uint8_t head[] = {SOCKS_VERSION, COMMAND_CONNECT, (uint8_t)(to.port >> 8),
                            (uint8_t)(to.port & 0xff)};
    const char *user = options->user ? options->user : "";
    memset(engine, 0, sizeof(*engine));
    leati_engine_init(&engine->base, &engine_ops, engine->text, sizeof(engine->text));
    engine->by_name = to.is_name;
    engine->has_user = *user != '\0';
    put(engine, head, sizeof(head));
    put(engine, ip, sizeof(ip));
    put(engine, user, strlen(user) + 1);
    if (to.is_name)
        put(engine, to.name, strlen(to.name) + 1);
    engine->base.output = engine->request;
    engine->base.output_len = engine->request_len;
    leati_socks5_address_format(&to, engine->destination, sizeof(engine->destination));
    return LEAT_OK;
}

int leati_socks4_layer_new(const struct leati_socks4_options *options,
                           struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct leati_layer *layer =
        leati_exchange_new(&engine_ops, sizeof(struct leati_socks4_engine),
                           options->step_timeout_ms, "no memory for the SOCKS4 layer", failure);
    if (!layer)
        return LEAT_E_SYSTEM_INTERNAL;
    int code = leati_socks4_engine_init(leati_exchange_engine(layer), options, failure);
    if (code != LEAT_OK) {
        leati_free(layer);
        return code;
    }
    leati_exchange_of(layer)->optimistic = options->optimistic;
    *ret_layer = layer;
    return LEAT_OK;
}
