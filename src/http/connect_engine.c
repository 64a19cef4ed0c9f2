/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connect_engine.h"

#include "core/address.h"
#include "core/version.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

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
    TLS_ALERT = 0x15,     /* the first byte of a TLS record of that type (RFC 8446 section 5.1) */
    HOST_MAX_BYTES = 255, /* room for what a resolver takes */
};

const char *leati_http_connect_state_name(enum leati_http_connect_state state)
{
    static const char *const names[] = {
        [LEATI_HTTP_CONNECT_SEND_REQUEST] = "SEND_REQUEST",
        [LEATI_HTTP_CONNECT_RECV_HEAD] = "RECV_HEAD",
        [LEATI_HTTP_CONNECT_RECV_BODY] = "RECV_BODY",
        [LEATI_HTTP_CONNECT_DONE] = "DONE",
        [LEATI_HTTP_CONNECT_FAILED] = "FAILED",
    };
    return names[state];
}

static void engine_set_state(struct leati_http_connect_engine *engine,
                             enum leati_http_connect_state state)
{
    if (engine->tracer)
        leati_trace_state(engine->tracer, LEAT_LAYER_HTTP_PROXY, "connect", engine->hop,
                          leati_http_connect_state_name(engine->state),
                          leati_http_connect_state_name(state));
    engine->state = state;
}

/* ---- what may stand in a request -------------------------------------------------------- */

static int parameter_fail(struct leati_failure *failure, const char *format, ...) LEAT_PRINTF(2, 3);

static int parameter_fail(struct leati_failure *failure, const char *format, ...)
{
    const struct leati_fault fault = {
        .code = LEAT_E_PARAMETER,
        .layer = LEAT_LAYER_HTTP_PROXY,
    };
    va_list args;

    va_start(args, format);
    int code = leati_failure_setv(failure, &fault, format, args);
    va_end(args);
    return code;
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static bool has_control(const char *s)
{
    for (; *s; s++) {
        if (is_control(*s))
            return true;
    }
    return false;
}

int leati_http_check_credentials(const char *user, const char *password,
                                 struct leati_failure *failure)
{
    if (!user && password)
        return parameter_fail(failure, "there is a password for the proxy and no user name");
    if (!user)
        return LEAT_OK;
    if (strchr(user, ':'))
        return parameter_fail(failure, "the proxy's user name has a colon, which Basic "
                                       "authentication cannot carry");
    if (has_control(user) || (password && has_control(password)))
        return parameter_fail(failure, "the proxy's user name or password has a control character, "
                                       "which Basic authentication cannot carry");
    return LEAT_OK;
}

static bool is_name(const char *s, const char *name)
{
    return leati_text_equal_nocase(s, strlen(s), name, strlen(name));
}

/* Those that say where the request goes or where it ends are ours, as is what stands there twice.
 */
static int header_check(const struct leati_http_connect_options *options,
                        const struct leati_http_field *header, struct leati_failure *failure)
{
    bool is_kept = is_name(header->name, "Proxy-Connection") || is_name(header->name, "Connection");

    if (!leati_text_is_token(header->name, strlen(header->name)))
        return parameter_fail(failure, "a header for the proxy has a name that is not a token");
    if (has_control(header->value))
        return parameter_fail(failure, "the header %s for the proxy has a control character",
                              leati_excerpt(header->name, 64).text);
    if (is_name(header->name, "Host") || (leati_http_field_frames(header->name) && !is_kept))
        return parameter_fail(failure, "the header %s of a CONNECT request is not free",
                              header->name);
    if (options->user && is_name(header->name, "Proxy-Authorization"))
        return parameter_fail(failure, "there is a header Proxy-Authorization and a user name");
    return LEAT_OK;
}

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

/* Writes the authority-form: "host:port", without the zone, which means an interface of this
 * machine, and without the dot that ends an absolute name, because proxies look in their rules for
 * the name as it is usually written. */
static int destination_write(const struct leati_http_connect_options *options, char *buf,
                             size_t cap, struct leati_failure *failure)
{
    char host[HOST_MAX_BYTES + 1];
    struct leati_address address;
    const char *s = options->host;
    size_t len = strlen(s);

    if (options->port == 0)
        return parameter_fail(failure, "the destination's port is 0");
    if (len >= 2 && s[0] == '[' && s[len - 1] == ']') {
        s++;
        len -= 2;
    }
    bool is_ipv6 = memchr(s, ':', len);
    const char *zone = is_ipv6 ? memchr(s, '%', len) : NULL;
    if (zone)
        len = (size_t)(zone - s);
    else if (len > 0 && s[len - 1] == '.')
        len--;
    if (len == 0)
        return parameter_fail(failure, "the destination's host is empty");
    if (len > HOST_MAX_BYTES)
        return parameter_fail(failure, "the destination's host is longer than %d bytes",
                              HOST_MAX_BYTES);
    memcpy(host, s, len);
    host[len] = '\0';
    if (is_ipv6 && !leati_address_parse(host, options->port, &address))
        return parameter_fail(failure, "the destination is not an IPv6 address");
    for (size_t i = 0; !is_ipv6 && i < len; i++) {
        if (!is_host_byte(host[i]))
            return parameter_fail(failure, "the destination's host has byte 0x%02x",
                                  (unsigned char)host[i]);
    }
    leati_host_port_format(host, options->port, buf, cap);
    return LEAT_OK;
}

static int options_check(const struct leati_http_connect_options *options,
                         struct leati_failure *failure)
{
    int result = leati_http_check_credentials(options->user, options->password, failure);
    for (size_t i = 0; result == LEAT_OK && i < options->header_count; i++)
        result = header_check(options, &options->headers[i], failure);
    return result;
}

/* ---- the request ------------------------------------------------------------------------ */

static int memory_fail(struct leati_failure *failure)
{
    const struct leati_fault fault = {
        .code = LEAT_E_SYSTEM_INTERNAL,
        .layer = LEAT_LAYER_HTTP_PROXY,
    };
    return leati_failure_set(failure, &fault, "no memory for the CONNECT request");
}

/* Base64 of "user:password" (RFC 7617 section 2); NULL without memory. */
static char *credentials_encode(const char *user, const char *password)
{
    char *plain = leati_asprintf("%s:%s", user, password ? password : "");
    if (!plain)
        return NULL;
    size_t len = strlen(plain);
    size_t cap = (len + 2) / 3 * 4 + 1;
    char *encoded = leati_malloc(cap);
    if (encoded)
        leati_text_base64_encode((const uint8_t *)plain, len, encoded, cap);
    leati_free_secret(plain);
    return encoded;
}

static bool has_header(const struct leati_http_connect_options *options, const char *name)
{
    for (size_t i = 0; i < options->header_count; i++) {
        if (is_name(options->headers[i].name, name))
            return true;
    }
    return false;
}

/* Writes as much as there is room for; whatever leati_text_append() cuts off shows in `*pos`. */
static void request_write(const struct leati_http_connect_engine *engine,
                          const struct leati_http_connect_options *options, const char *credentials,
                          char *buf, size_t cap, size_t *pos)
{
    leati_text_append(buf, cap, pos, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", engine->destination,
                      engine->destination);
    const char *agent = leati_user_agent(options->user_agent);
    if (agent && !has_header(options, "User-Agent"))
        leati_text_append(buf, cap, pos, "User-Agent: %s\r\n", agent);
    if (credentials)
        leati_text_append(buf, cap, pos, "Proxy-Authorization: Basic %s\r\n", credentials);
    for (size_t i = 0; i < options->header_count; i++)
        leati_text_append(buf, cap, pos, "%s: %s\r\n", options->headers[i].name,
                          options->headers[i].value);
    leati_text_append(buf, cap, pos, "\r\n");
}

static int request_build(struct leati_http_connect_engine *engine,
                         const struct leati_http_connect_options *options,
                         struct leati_failure *failure)
{
    const size_t cap = LEATI_HTTP_CONNECT_REQUEST_MAX_BYTES + 2;
    char *credentials = NULL;
    char *buf = NULL;
    size_t len = 0;
    int result = LEAT_OK;

    if (options->user) {
        credentials = credentials_encode(options->user, options->password);
        if (!credentials)
            return memory_fail(failure);
    }
    buf = leati_malloc(cap);
    if (!buf) {
        result = memory_fail(failure);
        goto out;
    }
    request_write(engine, options, credentials, buf, cap, &len);
    if (len > LEATI_HTTP_CONNECT_REQUEST_MAX_BYTES) {
        result = parameter_fail(failure, "the CONNECT request is longer than %u bytes",
                                LEATI_HTTP_CONNECT_REQUEST_MAX_BYTES);
        goto out;
    }
    engine->request = leati_bytes_dup(buf, len);
    if (!engine->request) {
        result = memory_fail(failure);
        goto out;
    }
    engine->request_len = len;
    engine->sends_credentials = credentials || has_header(options, "Proxy-Authorization");
out:
    leati_free_secret(buf);
    leati_free_secret(credentials);
    return result;
}

int leati_http_connect_engine_init(struct leati_http_connect_engine *engine,
                                   const struct leati_http_connect_options *options,
                                   struct leati_failure *failure)
{
    memset(engine, 0, sizeof(*engine));
    leati_http_head_init(&engine->head, LEATI_HTTP_RESPONSE);
    int result =
        destination_write(options, engine->destination, sizeof(engine->destination), failure);
    if (result == LEAT_OK)
        result = options_check(options, failure);
    if (result == LEAT_OK)
        result = request_build(engine, options, failure);
    return result;
}

static void request_drop(struct leati_http_connect_engine *engine)
{
    leati_free_secret(engine->request);
    engine->request = NULL;
    engine->request_len = engine->request_sent = 0;
}

void leati_http_connect_engine_done(struct leati_http_connect_engine *engine)
{
    request_drop(engine);
    leati_http_head_done(&engine->head);
    leati_http_body_done(&engine->body);
}

size_t leati_http_connect_engine_output(const struct leati_http_connect_engine *engine,
                                        const uint8_t **ret_data)
{
    if (engine->state != LEATI_HTTP_CONNECT_SEND_REQUEST)
        return 0;
    *ret_data = (const uint8_t *)engine->request + engine->request_sent;
    return engine->request_len - engine->request_sent;
}

void leati_http_connect_engine_sent(struct leati_http_connect_engine *engine, size_t len)
{
    engine->request_sent += len;
    if (engine->request_sent < engine->request_len)
        return;
    request_drop(engine);
    engine_set_state(engine, LEATI_HTTP_CONNECT_RECV_HEAD);
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
    for (char *c = engine->text; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    engine->code = code;
}

/* What 407 asks for (RFC 9110 section 11.7.1), and whether it got anything. */
static void authentication_write(const struct leati_http_connect_engine *engine, char *buf,
                                 size_t cap)
{
    size_t pos = 0;
    size_t cursor = 0;
    const char *challenge;
    const char *separator = "; it asks for ";

    /* Tinyproxy answers wrong credentials with 401, and then names no scheme. */
    if (engine->status != STATUS_AUTHENTICATE && engine->status != STATUS_UNAUTHORIZED)
        return;
    while ((challenge = leati_http_head_next(&engine->head, "Proxy-Authenticate", &cursor))) {
        leati_readable_append(buf, cap, &pos, "%s%s", separator, leati_excerpt(challenge, 80).text);
        separator = ", ";
    }
    if (pos == 0 && engine->status == STATUS_AUTHENTICATE)
        leati_readable_append(buf, cap, &pos, "; it names no authentication scheme");
    leati_readable_append(buf, cap, &pos, "; %s",
                          engine->sends_credentials ? "credentials were sent"
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
    char authentication[480] = "";

    authentication_write(engine, authentication, sizeof(authentication));
    engine_blame(engine, LEAT_E_WS_CONNECT, "the proxy answered CONNECT %s with HTTP %d%s%s%s",
                 engine->destination, engine->status, *reason ? " " : "",
                 leati_excerpt(reason, 100).text, authentication);
    engine->is_refused = true;
    engine->retry = refusal_retry(engine->status);
    leati_http_body_init(&engine->body, &engine->head);
    engine_set_state(engine, LEATI_HTTP_CONNECT_RECV_BODY);
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
    engine_set_state(engine, LEATI_HTTP_CONNECT_FAILED);
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
        engine_set_state(engine, LEATI_HTTP_CONNECT_FAILED);
        return;
    }
    engine->status = status;
    if (status < 200 || status > 299) {
        engine_refused(engine);
        return;
    }
    leati_http_head_done(&engine->head);
    engine_set_state(engine, LEATI_HTTP_CONNECT_DONE);
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
        engine_blame(engine, LEAT_E_SYSTEM_INTERNAL, "no memory for the proxy's answer to CONNECT");
        engine_set_state(engine, LEATI_HTTP_CONNECT_FAILED);
        break;
    case LEATI_HTTP_MALFORMED:
    case LEATI_HTTP_TOO_LARGE:
        engine_malformed(engine, data, len);
        break;
    }
    return used;
}

void leati_http_connect_engine_feed(struct leati_http_connect_engine *engine, const uint8_t *data,
                                    size_t len, size_t *ret_used)
{
    size_t used = 0;

    while (used < len && engine->state == LEATI_HTTP_CONNECT_RECV_HEAD)
        used += head_feed(engine, data + used, len - used);
    *ret_used = used;
    if (engine->state != LEATI_HTTP_CONNECT_RECV_BODY)
        return;
    *ret_used = len;
    /* Without memory there is no body; the refusal is what counts. */
    if (leati_http_body_feed(&engine->body, data + used, len - used) != LEATI_HTTP_MORE)
        engine_set_state(engine, LEATI_HTTP_CONNECT_FAILED);
}

void leati_http_connect_engine_end(struct leati_http_connect_engine *engine)
{
    if (engine->state == LEATI_HTTP_CONNECT_FAILED)
        return;
    if (engine->state != LEATI_HTTP_CONNECT_RECV_BODY) {
        size_t received = leati_http_head_size(&engine->head);
        engine->retry = LEATI_RETRY_TARGET | LEATI_RETRY_PROXY;
        engine_blame(engine, LEAT_E_WS_CONNECT,
                     "the proxy closed the connection before its answer to CONNECT %s was "
                     "complete, after %zu bytes of it%s",
                     engine->destination, received,
                     received == 0 ? ": the target may be what failed, some proxies close instead "
                                     "of refusing"
                                   : "");
    }
    engine_set_state(engine, LEATI_HTTP_CONNECT_FAILED);
}

void leati_http_connect_engine_expire(struct leati_http_connect_engine *engine, uint64_t waited_ms)
{
    if (engine->state == LEATI_HTTP_CONNECT_SEND_REQUEST)
        engine_blame(engine, LEAT_E_WS_CONNECT,
                     "the proxy did not take the CONNECT request for %s within %" PRIu64 " ms",
                     engine->destination, waited_ms);
    else
        engine_blame(engine, LEAT_E_WS_CONNECT,
                     "the proxy did not answer CONNECT %s within %" PRIu64
                     " ms: %zu bytes of the head came",
                     engine->destination, waited_ms, leati_http_head_size(&engine->head));
    engine->sys_errno = ETIMEDOUT;
    engine->retry = LEATI_RETRY_TARGET | LEATI_RETRY_PROXY;
    engine_set_state(engine, LEATI_HTTP_CONNECT_FAILED);
}
