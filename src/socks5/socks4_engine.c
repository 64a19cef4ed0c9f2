/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks4_engine.h"

#include "util/alloc.h"
#include "util/readable.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
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

static void engine_set_state(struct leati_socks4_engine *engine, enum leati_socks4_state state)
{
    static const char *const names[] = {
        [LEATI_SOCKS4_SEND_REQUEST] = "SEND_REQUEST",
        [LEATI_SOCKS4_RECV_REPLY] = "RECV_REPLY",
        [LEATI_SOCKS4_DONE] = "DONE",
        [LEATI_SOCKS4_FAILED] = "FAILED",
    };

    if (engine->tracer)
        leati_trace_state(engine->tracer, LEAT_LAYER_SOCKS5, "socks4", engine->hop,
                          names[engine->state], names[state]);
    engine->state = state;
    leati_wipe(engine->request, sizeof(engine->request));
}

static int engine_fail(struct leati_socks4_engine *engine, int code, int native_code,
                       const char *format, ...) LEAT_PRINTF(4, 5);

static int engine_fail(struct leati_socks4_engine *engine, int code, int native_code,
                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    leati_readable_vformat(engine->text, sizeof(engine->text), format, args);
    va_end(args);
    engine->code = code;
    engine->native_code = native_code;
    engine_set_state(engine, LEATI_SOCKS4_FAILED);
    return code;
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
static int ip_of(const struct leati_socks4_options *options, struct leati_socks5_address *to,
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
    leati_address_unmap(&to->ip);
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
    engine->by_name = to.is_name;
    engine->has_user = *user != '\0';
    put(engine, head, sizeof(head));
    put(engine, ip, sizeof(ip));
    put(engine, user, strlen(user) + 1);
    if (to.is_name)
        put(engine, to.name, strlen(to.name) + 1);
    leati_socks5_address_format(&to, engine->destination, sizeof(engine->destination));
    return LEAT_OK;
}

void leati_socks4_engine_done(struct leati_socks4_engine *engine)
{
    leati_wipe(engine, sizeof(*engine));
}

size_t leati_socks4_engine_output(const struct leati_socks4_engine *engine,
                                  const uint8_t **ret_data)
{
    if (engine->state != LEATI_SOCKS4_SEND_REQUEST)
        return 0;
    *ret_data = engine->request + engine->sent;
    return engine->request_len - engine->sent;
}

void leati_socks4_engine_sent(struct leati_socks4_engine *engine, size_t len)
{
    engine->sent += len;
    if (engine->sent == engine->request_len)
        engine_set_state(engine, LEATI_SOCKS4_RECV_REPLY);
}

/* ---- the answer ----------------------------------------------------------------------- */

size_t leati_socks4_engine_need(const struct leati_socks4_engine *engine)
{
    return engine->state == LEATI_SOCKS4_RECV_REPLY ? sizeof(engine->reply) - engine->reply_len : 0;
}

static int user_fail(struct leati_socks4_engine *engine, uint8_t reply)
{
    return engine_fail(engine, LEAT_E_SOCKS5_AUTH, reply,
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
    engine->retry = LEATI_RETRY_TARGET | LEATI_RETRY_PROXY;
    return engine_fail(
        engine, LEAT_E_SOCKS5_CONNECT_REMOTE, reply,
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
        engine_fail(
            engine, LEAT_E_SOCKS5_DESERIALIZE, 0,
            "the proxy's answer to the request begins with byte 0x%02x instead of 0x00: not "
            "a SOCKS4 proxy",
            last);
    else if (engine->reply_len == REPLY_CODE_AT + 1 &&
             (last == REPLY_NO_IDENTD || last == REPLY_USER_DIFFERS))
        user_fail(engine, last);
    else if (engine->reply_len == REPLY_CODE_AT + 1 && last != REPLY_GRANTED)
        refusal_fail(engine, last);
    else if (engine->reply_len == sizeof(engine->reply))
        engine_set_state(engine, LEATI_SOCKS4_DONE);
}

int leati_socks4_engine_feed(struct leati_socks4_engine *engine, const uint8_t *data, size_t len,
                             size_t *ret_used)
{
    size_t used = 0;

    while (used < len && leati_socks4_engine_need(engine) > 0) {
        engine->reply[engine->reply_len++] = data[used++];
        reply_read(engine);
    }
    *ret_used = used;
    return engine->code;
}

unsigned leati_socks4_engine_retry_if_lost(const struct leati_socks4_engine *engine)
{
    return engine->state == LEATI_SOCKS4_RECV_REPLY ? LEATI_RETRY_TARGET | LEATI_RETRY_PROXY
                                                    : LEATI_RETRY_PROXY;
}

/* OpenSSH has no other way to say that it does not reach what it was asked for, and a proxy of
 * SOCKS5 only none to say that it is one. */
void leati_socks4_engine_suspect(const struct leati_socks4_engine *engine, char *buf, size_t cap)
{
    if (engine->state == LEATI_SOCKS4_RECV_REPLY)
        snprintf(
            buf, cap,
            ": the target %s may be what failed, some proxies close instead of refusing; or it "
            "does not speak SOCKS4",
            engine->destination);
    else
        snprintf(buf, cap, "%s", "");
}

int leati_socks4_engine_eof(struct leati_socks4_engine *engine)
{
    char suspect[LEATI_SOCKS4_SUSPECT_SIZE];

    if (engine->state == LEATI_SOCKS4_FAILED)
        return engine->code;
    leati_socks4_engine_suspect(engine, suspect, sizeof(suspect));
    engine->retry = leati_socks4_engine_retry_if_lost(engine);
    if (engine->reply_len == 0)
        return engine_fail(engine, LEAT_E_SOCKS5_RECV, 0,
                           "the proxy closed the connection instead of answering the request%s",
                           suspect);
    return engine_fail(engine, LEAT_E_SOCKS5_DESERIALIZE, 0,
                       "the proxy closed the connection in the middle of its answer to the request "
                       "(after %zu bytes)",
                       engine->reply_len);
}

void leati_socks4_engine_expire(struct leati_socks4_engine *engine, uint64_t waited_ms)
{
    engine->sys_errno = ETIMEDOUT;
    engine->retry = leati_socks4_engine_retry_if_lost(engine);
    (void)engine_fail(engine, LEAT_E_SOCKS5_RECV, 0,
                      "the proxy did not answer the request within %" PRIu64
                      " ms: it may be waiting for the target %s",
                      waited_ms, engine->destination);
}
