/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/socks5_engine.h"

#include "util/alloc.h"
#include "util/readable.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    SOCKS_VERSION = 5,
    AUTH_VERSION = 1,      /* of the subnegotiation, RFC 1929 section 2 */
    FIELD_MAX_BYTES = 255, /* what a length byte can say */
};

enum method {
    METHOD_NONE = 0x00,
    METHOD_GSS = 0x01,
    METHOD_PASSWORD = 0x02,
    METHOD_UNACCEPTABLE = 0xff,
};

/* REP of a reply (RFC 1928 section 6). */
enum {
    REP_FAILURE = 1,
    REP_NETWORK_UNREACHABLE = 3,
    REP_HOST_UNREACHABLE = 4,
    REP_TTL_EXPIRED = 6,
};

/* CMD of a request (RFC 1928 section 4). */
static const uint8_t command_bytes[] = {
    [LEATI_SOCKS5_CONNECT] = 1,
    [LEATI_SOCKS5_UDP_ASSOCIATE] = 3,
};

/* Where the fields of a reply stand (RFC 1928 section 6). */
enum {
    REPLY_REP = 1,
    REPLY_ATYP = 3,
    REPLY_ADDRESS = 4,
};

const char *leati_socks5_state_name(enum leati_socks5_state state)
{
    static const char *const names[] = {
        [LEATI_SOCKS5_SEND_GREETING] = "SEND_GREETING",
        [LEATI_SOCKS5_RECV_METHOD] = "RECV_METHOD",
        [LEATI_SOCKS5_SEND_AUTH] = "SEND_AUTH",
        [LEATI_SOCKS5_RECV_AUTH_STATUS] = "RECV_AUTH_STATUS",
        [LEATI_SOCKS5_NEGOTIATING_GSS] = "NEGOTIATING_GSS",
        [LEATI_SOCKS5_SEND_REQUEST] = "SEND_REQUEST",
        [LEATI_SOCKS5_RECV_REPLY] = "RECV_REPLY",
        [LEATI_SOCKS5_DONE] = "DONE",
        [LEATI_SOCKS5_FAILED] = "FAILED",
    };
    return names[state];
}

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

const char *leati_socks5_engine_step(const struct leati_socks5_engine *engine)
{
    switch (engine->state) {
    case LEATI_SOCKS5_SEND_GREETING:
    case LEATI_SOCKS5_RECV_METHOD:
        return "greeting";
    case LEATI_SOCKS5_SEND_AUTH:
    case LEATI_SOCKS5_RECV_AUTH_STATUS:
        return "user name and password";
    case LEATI_SOCKS5_NEGOTIATING_GSS:
        return "GSS-API token";
    case LEATI_SOCKS5_SEND_REQUEST:
    case LEATI_SOCKS5_RECV_REPLY:
        return "request";
    case LEATI_SOCKS5_DONE:
    case LEATI_SOCKS5_FAILED:
        break;
    }
    return "exchange";
}

static void engine_set_state(struct leati_socks5_engine *engine, enum leati_socks5_state state)
{
    if (engine->tracer)
        leati_trace_state(engine->tracer, LEAT_LAYER_SOCKS5, "socks5", engine->hop,
                          leati_socks5_state_name(engine->state), leati_socks5_state_name(state));
    engine->state = state;
    engine->sent = 0;
    engine->reply_len = 0;
    if (state > (engine->pipelined ? LEATI_SOCKS5_SEND_GREETING : LEATI_SOCKS5_SEND_AUTH))
        leati_wipe(engine->messages + engine->greeting_len, engine->auth_len);
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
    snprintf(engine->text, sizeof(engine->text), "%s%s", text,
             engine->pipelined ? " (it was asked in one flight, which not every proxy understands)"
                               : "");
    engine->code = code;
    engine->native_code = native_code;
    engine_set_state(engine, LEATI_SOCKS5_FAILED);
    return code;
}

/* ---- messages ------------------------------------------------------------------------ */

static bool is_empty(const char *s)
{
    return !s || !*s;
}

int leati_socks5_check_credentials(const char *user, const char *password,
                                   struct leati_failure *failure)
{
    if (is_empty(user) && is_empty(password))
        return LEAT_OK;
    if (is_empty(user))
        return leati_socks5_serialize_fail(
            failure, "there is a password for the proxy and no user name, which RFC 1929 wants");
    if (strlen(user) > FIELD_MAX_BYTES)
        return leati_socks5_serialize_fail(failure,
                                           "the proxy's user name is longer than 255 bytes");
    if (password && strlen(password) > FIELD_MAX_BYTES)
        return leati_socks5_serialize_fail(failure,
                                           "the proxy's password is longer than 255 bytes");
    return LEAT_OK;
}

/* Appends to a message; `messages` has room for the longest form of all. */
static void put_byte(uint8_t *message, size_t *len, size_t byte)
{
    message[(*len)++] = (uint8_t)byte;
}

static void put_field(uint8_t *message, size_t *len, const char *field)
{
    size_t field_len = strlen(field);
    put_byte(message, len, field_len);
    memcpy(message + *len, field, field_len);
    *len += field_len;
}

/* No authentication first: some proxies take the first method, not the best, of those they know,
 * and then refuse the password that they did not want. Pipelined, the proxy has no choice. */
static void greeting_write(struct leati_socks5_engine *engine)
{
    uint8_t *message = engine->messages;
    size_t *len = &engine->greeting_len;

    put_byte(message, len, SOCKS_VERSION);
    put_byte(message, len,
             (size_t)engine->offers_none + engine->offers_gss + engine->offers_password);
    if (engine->offers_none)
        put_byte(message, len, METHOD_NONE);
    if (engine->offers_gss)
        put_byte(message, len, METHOD_GSS);
    if (engine->offers_password)
        put_byte(message, len, METHOD_PASSWORD);
}

static void auth_write(struct leati_socks5_engine *engine, const char *user, const char *password)
{
    uint8_t *message = engine->messages + engine->greeting_len;

    put_byte(message, &engine->auth_len, AUTH_VERSION);
    put_field(message, &engine->auth_len, user);
    put_field(message, &engine->auth_len, password);
}

static void request_write(struct leati_socks5_engine *engine,
                          const struct leati_socks5_address *destination)
{
    uint8_t *message = engine->messages + engine->greeting_len + engine->auth_len;
    size_t *len = &engine->request_len;

    put_byte(message, len, SOCKS_VERSION);
    put_byte(message, len, command_bytes[engine->command]);
    put_byte(message, len, 0);
    *len += leati_socks5_address_write(destination, message + *len);
}

/* The others protect nothing. */
static void methods_choose(struct leati_socks5_engine *engine,
                           const struct leati_socks5_options *options)
{
    bool only_gss = options->gss && options->protection >= LEAT_SOCKS5_PROTECTION_INTEGRITY;

    engine->offers_gss = options->gss;
    engine->pipelined = !options->gss && options->pipelining != LEATI_SOCKS5_LOCK_STEP;
    engine->offers_password = !only_gss && !is_empty(options->user);
    engine->offers_none =
        !only_gss && !options->requires_user && (!engine->offers_password || !engine->pipelined);
}

/* Where a client of UDP ASSOCIATE will send from is not known before the relay is; 0.0.0.0:0 says
 * so (RFC 1928 section 4), and relays that check the field accept nothing else. */
static int destination_of(const struct leati_socks5_options *options, struct leati_failure *failure,
                          struct leati_socks5_address *ret_destination)
{
    const struct leati_address unknown = {.v4 = {.sin_family = AF_INET}};

    if (options->command == LEATI_SOCKS5_CONNECT)
        return leati_socks5_address_from_host(options->host, options->port, failure,
                                              ret_destination);
    leati_socks5_address_from_ip(&unknown, ret_destination);
    return LEAT_OK;
}

int leati_socks5_engine_init(struct leati_socks5_engine *engine,
                             const struct leati_socks5_options *options,
                             struct leati_failure *failure)
{
    struct leati_socks5_address destination;

    int result = destination_of(options, failure, &destination);
    if (result == LEAT_OK)
        result = leati_socks5_check_credentials(options->user, options->password, failure);
    if (result != LEAT_OK)
        return result;

    memset(engine, 0, sizeof(*engine));
    engine->command = options->command;
    methods_choose(engine, options);
    greeting_write(engine);
    if (engine->offers_password)
        auth_write(engine, options->user, options->password ? options->password : "");
    request_write(engine, &destination);
    if (engine->command == LEATI_SOCKS5_CONNECT)
        leati_socks5_address_format(&destination, engine->destination, sizeof(engine->destination));
    else
        snprintf(engine->destination, sizeof(engine->destination), "UDP");
    return LEAT_OK;
}

void leati_socks5_engine_done(struct leati_socks5_engine *engine)
{
    leati_wipe(engine, sizeof(*engine));
}

/* ---- bytes out ----------------------------------------------------------------------- */

size_t leati_socks5_engine_output(const struct leati_socks5_engine *engine,
                                  const uint8_t **ret_data)
{
    const uint8_t *message = engine->messages;
    size_t len;

    switch (engine->state) {
    case LEATI_SOCKS5_SEND_GREETING:
        len = engine->greeting_len;
        if (engine->pipelined)
            len += engine->auth_len + engine->request_len;
        break;
    case LEATI_SOCKS5_SEND_AUTH:
        message += engine->greeting_len;
        len = engine->auth_len;
        break;
    case LEATI_SOCKS5_SEND_REQUEST:
        message += engine->greeting_len + engine->auth_len;
        len = engine->request_len;
        break;
    default:
        return 0;
    }
    *ret_data = message + engine->sent;
    return len - engine->sent;
}

void leati_socks5_engine_sent(struct leati_socks5_engine *engine, size_t len)
{
    const uint8_t *rest;

    engine->sent += len;
    if (leati_socks5_engine_output(engine, &rest) > 0)
        return;
    /* Behind each state that sends stands the one that reads the reply. */
    engine_set_state(engine, engine->state + 1);
}

/* Goes on to send a message, or, if it has left already, to read the reply to it. */
static void engine_go_to(struct leati_socks5_engine *engine, enum leati_socks5_state send_state)
{
    engine_set_state(engine, engine->pipelined ? send_state + 1 : send_state);
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

void leati_socks5_engine_negotiated(struct leati_socks5_engine *engine)
{
    engine->authenticated = true;
    engine_set_state(engine, LEATI_SOCKS5_SEND_REQUEST);
}

size_t leati_socks5_engine_need(const struct leati_socks5_engine *engine)
{
    switch (engine->state) {
    case LEATI_SOCKS5_RECV_METHOD:
    case LEATI_SOCKS5_RECV_AUTH_STATUS:
        return 2 - engine->reply_len;
    case LEATI_SOCKS5_RECV_REPLY:
        return reply_known_len(engine) - engine->reply_len;
    default:
        return 0;
    }
}

static int version_check(struct leati_socks5_engine *engine, uint8_t version)
{
    if (engine->reply[0] == version)
        return LEAT_OK;
    return engine_fail(engine, LEAT_E_SOCKS5_DESERIALIZE, 0,
                       "the proxy's answer to the %s begins with byte 0x%02x instead of 0x%02x%s",
                       leati_socks5_engine_step(engine), engine->reply[0], version,
                       engine->state == LEATI_SOCKS5_RECV_METHOD ? ": not a SOCKS5 proxy" : "");
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
    if (method == METHOD_NONE && engine->offers_none) {
        engine_go_to(engine, LEATI_SOCKS5_SEND_REQUEST);
        return LEAT_OK;
    }
    if (method == METHOD_GSS && engine->offers_gss) {
        engine_set_state(engine, LEATI_SOCKS5_NEGOTIATING_GSS);
        return LEAT_OK;
    }
    if (method == METHOD_PASSWORD && engine->offers_password) {
        engine_go_to(engine, LEATI_SOCKS5_SEND_AUTH);
        return LEAT_OK;
    }
    if (method == METHOD_PASSWORD && engine->offers_none)
        return engine_fail(engine, LEAT_E_SOCKS5_AUTH, 0,
                           "the proxy demands a user name and a password, and none was configured");
    if (method == METHOD_UNACCEPTABLE)
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
    engine->retry = refusal_retry(rep);
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
    if (result == LEAT_OK)
        engine_set_state(engine, LEATI_SOCKS5_DONE);
    return result;
}

int leati_socks5_engine_feed(struct leati_socks5_engine *engine, const uint8_t *data, size_t len,
                             size_t *ret_used)
{
    size_t used = 0;

    while (used < len && leati_socks5_engine_need(engine) > 0) {
        engine->reply[engine->reply_len++] = data[used++];
        if (engine->state == LEATI_SOCKS5_RECV_METHOD)
            method_read(engine);
        else if (engine->state == LEATI_SOCKS5_RECV_AUTH_STATUS)
            auth_status_read(engine);
        else
            reply_read(engine);
    }
    *ret_used = used;
    return engine->code;
}

unsigned leati_socks5_engine_retry_if_lost(const struct leati_socks5_engine *engine)
{
    return engine->state == LEATI_SOCKS5_RECV_REPLY ? LEATI_RETRY_TARGET | LEATI_RETRY_PROXY
                                                    : LEATI_RETRY_PROXY;
}

/* OpenSSH has no other way to say that it does not reach what it was asked for. */
void leati_socks5_engine_suspect(const struct leati_socks5_engine *engine, char *buf, size_t cap)
{
    if (engine->state == LEATI_SOCKS5_RECV_REPLY && engine->command == LEATI_SOCKS5_CONNECT)
        snprintf(buf, cap,
                 ": the target %s may be what failed, some proxies close instead of refusing",
                 engine->destination);
    else
        snprintf(buf, cap, "%s", "");
}

int leati_socks5_engine_eof(struct leati_socks5_engine *engine)
{
    const char *step = leati_socks5_engine_step(engine);
    char suspect[LEATI_SOCKS5_SUSPECT_SIZE];

    if (engine->state == LEATI_SOCKS5_FAILED)
        return engine->code;
    leati_socks5_engine_suspect(engine, suspect, sizeof(suspect));
    engine->retry = leati_socks5_engine_retry_if_lost(engine);
    if (engine->reply_len == 0)
        return engine_fail(engine, LEAT_E_SOCKS5_RECV, 0,
                           "the proxy closed the connection instead of answering the %s%s", step,
                           suspect);
    return engine_fail(engine, LEAT_E_SOCKS5_DESERIALIZE, 0,
                       "the proxy closed the connection in the middle of its answer to the %s "
                       "(after %zu bytes)",
                       step, engine->reply_len);
}

void leati_socks5_engine_expire(struct leati_socks5_engine *engine, uint64_t waited_ms)
{
    bool waits_for_target =
        engine->state == LEATI_SOCKS5_RECV_REPLY && engine->command == LEATI_SOCKS5_CONNECT;

    engine->sys_errno = ETIMEDOUT;
    engine->retry = leati_socks5_engine_retry_if_lost(engine);
    (void)engine_fail(engine, LEAT_E_SOCKS5_RECV, 0,
                      "the proxy did not answer the %s within %" PRIu64 " ms%s%s",
                      leati_socks5_engine_step(engine), waited_ms,
                      waits_for_target ? ": it may be waiting for the target " : "",
                      waits_for_target ? engine->destination : "");
}
