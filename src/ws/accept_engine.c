/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/accept_engine.h"

#include "util/alloc.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

#define KEY_LEN    24u /* base64 of 16 bytes */
#define KEY_DIGITS 22u

void leati_ws_accept_engine_init(struct leati_ws_accept_engine *engine,
                                 const struct leati_ws_accept_options *options)
{
    size_t max =
        options->max_head_bytes != 0 ? options->max_head_bytes : (size_t)LEATI_WS_ACCEPT_HEAD_BYTES;

    memset(engine, 0, sizeof(*engine));
    engine->max_head_bytes = max < LEATI_HTTP_HEAD_MAX_BYTES ? max : LEATI_HTTP_HEAD_MAX_BYTES;
    engine->sha1 = options->sha1;
    engine->date = options->date;
    engine->takes_requests = options->takes_requests;
    leati_ws_handshake_init(&engine->common, LEATI_HTTP_REQUEST);
}

void leati_ws_accept_engine_again(struct leati_ws_accept_engine *engine)
{
    const struct leati_ws_accept_engine next = {
        .common.base = engine->common.base,
        .max_head_bytes = engine->max_head_bytes,
        .sha1 = engine->sha1,
        .date = engine->date,
        .takes_requests = engine->takes_requests,
        .served = engine->served + 1,
    };

    leati_ws_accept_engine_done(engine);
    *engine = next;
    leati_ws_handshake_init(&engine->common, LEATI_HTTP_REQUEST);
}

void leati_ws_accept_engine_done(struct leati_ws_accept_engine *engine)
{
    leati_free(engine->response.bytes);
    leati_free(engine->host);
    leati_free(engine->target);
    leati_free(engine->protocols);
    leati_http_head_done(&engine->common.head);
    engine->response.bytes = engine->host = engine->target = NULL;
    engine->protocols = NULL;
}

/* ---- the request ---------------------------------------------------------------------------- */

/* Answers what stands in `error`. */
static enum leati_ws_head_result engine_refuse(struct leati_ws_accept_engine *engine, int status,
                                               enum leati_ws_head_result refused)
{
    return leati_ws_accept_refusal(engine, status) ? refused : LEATI_WS_HEAD_NO_MEMORY;
}

#define REFUSE(engine, status, ...)                                                                \
    engine_refuse(engine, status, leati_ws_refuse(&(engine)->common, __VA_ARGS__))

/* The value of a field that must come exactly once; NULL otherwise. */
static const char *field_once(const struct leati_http_head *head, const char *name)
{
    return leati_http_head_count(head, name) == 1 ? leati_http_head_get(head, name) : NULL;
}

static bool key_valid(const char *key)
{
    for (size_t i = 0; i < KEY_DIGITS; i++) {
        char c = key[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/'))
            return false;
    }
    return strcmp(key + KEY_DIGITS, "==") == 0;
}

/* Methods that a server may know and still not offer (RFC 9110 section 9.1): all others are 501. */
static bool method_is_known(const char *method)
{
    static const char *const methods[] = {"POST",    "PUT",   "DELETE", "OPTIONS",
                                          "CONNECT", "TRACE", "PATCH",  "HEAD"};

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(methods[i], method) == 0)
            return true;
    return false;
}

/* Of these a program may want to hear: not of those that are for proxies, or for tests. */
static bool method_is_answered(const char *method)
{
    return method_is_known(method) && strcmp(method, "CONNECT") != 0 &&
           strcmp(method, "TRACE") != 0;
}

/* What makes it a request of HTTP/1.1 for an upgrade at all. Bytes behind the head would be taken
 * for frames, so it must not have a body. HEAD is answered as GET is, up to the upgrade itself. */
static enum leati_ws_head_result check_http(struct leati_ws_accept_engine *engine)
{
    const struct leati_http_head *head = &engine->common.head;

    const char *method = leati_http_head_method(head);
    bool is_asked_for = engine->takes_requests && method_is_answered(method);
    if (strcmp(method, "GET") != 0 && !leati_ws_accept_is_head(engine) && !is_asked_for)
        return REFUSE(engine, method_is_known(method) ? 405 : 501, "the method is not GET");
    if (leati_http_head_minor_version(head) == 0 && !engine->takes_requests)
        return REFUSE(engine, 400, "HTTP/1.0 cannot be upgraded");
    size_t lengths = leati_http_head_count(head, "Content-Length");
    const char *length = leati_http_head_get(head, "Content-Length");
    if (leati_http_head_get(head, "Transfer-Encoding") || lengths > 1 ||
        (length && strcmp(length, "0") != 0))
        return REFUSE(engine, 400, "the request has a body");
    return LEATI_WS_HEAD_VALID;
}

/* Section 4.2.1 items 3 to 6. */
static enum leati_ws_head_result check_upgrade(struct leati_ws_accept_engine *engine)
{
    const struct leati_http_head *head = &engine->common.head;

    if (!engine->request.is_upgrade)
        return LEATI_WS_HEAD_VALID;
    if (!leati_http_head_has_token(head, "Upgrade", "websocket"))
        return REFUSE(engine, 426, "no \"Upgrade: websocket\" in the request");
    if (!leati_http_head_has_token(head, "Connection", "upgrade"))
        return REFUSE(engine, 426, "no \"Connection: Upgrade\" in the request");
    const char *version = field_once(head, "Sec-WebSocket-Version");
    if (!version || strcmp(version, "13") != 0)
        return REFUSE(engine, 426, "Sec-WebSocket-Version is not 13");
    const char *key = field_once(head, "Sec-WebSocket-Key");
    if (!key || strlen(key) != KEY_LEN || !key_valid(key))
        return REFUSE(engine, 400, "Sec-WebSocket-Key is not 16 bytes in base64");
    if (leati_http_head_count(head, "Origin") > 1)
        return REFUSE(engine, 400, "more than one Origin");
    if (leati_ws_accept_is_head(engine))
        return REFUSE(engine, 405, "the method is not GET");
    return LEATI_WS_HEAD_VALID;
}

/* How long "http://" or another scheme of ours is at the start; 0 = there is none. */
static size_t scheme_len(const char *target)
{
    static const char *const schemes[] = {"http://", "https://", "ws://", "wss://"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);
        if (strlen(target) >= len && leati_text_equal_nocase(target, len, schemes[i], len))
            return len;
    }
    return 0;
}

/* OPTIONS may be about no path at all (RFC 9112 section 3.2.4). */
static enum leati_ws_head_result take_path(struct leati_ws_accept_engine *engine,
                                           const char *target, const char *host)
{
    bool is_whole =
        strcmp(target, "*") == 0 && leati_http_head_method_is(&engine->common.head, "OPTIONS");

    if (!is_whole && (target[0] != '/' || strchr(target, '#')))
        return REFUSE(engine, 400, "the request target is not a path");
    engine->request.target = target;
    engine->request.host = host;
    return LEATI_WS_HEAD_VALID;
}

/* Origin-form, or the absolute form that a server must understand too, whose authority then takes
 * the place of Host (RFC 9112 sections 3.2.1 and 3.2.2). */
static enum leati_ws_head_result take_target(struct leati_ws_accept_engine *engine)
{
    struct leati_ws_accept_request *request = &engine->request;
    const char *target = leati_http_head_target(&engine->common.head);

    request->host = field_once(&engine->common.head, "Host");
    if (engine->takes_requests && leati_http_head_minor_version(&engine->common.head) == 0 &&
        leati_http_head_count(&engine->common.head, "Host") == 0)
        return take_path(engine, target, ""); /* HTTP/1.0 has none */
    if (!request->host || request->host[0] == '\0')
        return REFUSE(engine, 400, "not exactly one Host");
    if (!leati_http_host_valid(request->host))
        return REFUSE(engine, 400, "Host is not a host and a port");
    size_t scheme = scheme_len(target);
    if (scheme > 0) {
        const char *authority = target + scheme;
        size_t len = strcspn(authority, "/?#");
        target = authority + len;
        engine->host = leati_bytes_dup(authority, len);
        engine->target = leati_concat(target[0] == '/' ? "" : "/", target);
        if (!engine->host || !engine->target)
            return LEATI_WS_HEAD_NO_MEMORY;
        request->host = engine->host;
        target = engine->target;
    }
    if (target[0] == '/' && !strchr(target, '#') && !leati_http_host_valid(request->host))
        return REFUSE(engine, 400, "the request target has no valid host");
    return take_path(engine, target, request->host);
}

/* Goes through the elements of all Sec-WebSocket-Protocol fields. */
struct protocol_cursor {
    size_t field;
    const char *list; /* NULL = the next field */
};

static bool protocol_next(const struct leati_http_head *head, struct protocol_cursor *cursor,
                          const char **ret_item, size_t *ret_len)
{
    for (;;) {
        if (!cursor->list)
            cursor->list = leati_http_head_next(head, "Sec-WebSocket-Protocol", &cursor->field);
        if (!cursor->list)
            return false;
        if (leati_http_list_next(&cursor->list, ret_item, ret_len))
            return true;
        cursor->list = NULL;
    }
}

static bool protocol_is_known(const struct leati_ws_accept_engine *engine, const char *item,
                              size_t len)
{
    for (size_t i = 0; i < engine->request.protocol_count; i++)
        if (strlen(engine->protocols[i]) == len && memcmp(engine->protocols[i], item, len) == 0)
            return true;
    return false;
}

/* Section 4.1 item 10: tokens, each of them once. */
static enum leati_ws_head_result take_protocols(struct leati_ws_accept_engine *engine)
{
    struct protocol_cursor cursor = {0};
    size_t count = 0;
    size_t text_size = 0;
    const char *item;
    size_t len;

    while (protocol_next(&engine->common.head, &cursor, &item, &len)) {
        if (!leati_text_is_token(item, len))
            return REFUSE(engine, 400, "Sec-WebSocket-Protocol is not a list of tokens");
        if (++count > LEATI_WS_ACCEPT_MAX_PROTOCOLS)
            return REFUSE(engine, 400, "more than %u subprotocols", LEATI_WS_ACCEPT_MAX_PROTOCOLS);
        text_size += len + 1;
    }
    if (count == 0 || !engine->request.is_upgrade)
        return LEATI_WS_HEAD_VALID;
    engine->protocols = leati_malloc(count * sizeof(engine->protocols[0]) + text_size);
    if (!engine->protocols)
        return LEATI_WS_HEAD_NO_MEMORY;
    char *text = (char *)(engine->protocols + count);
    cursor = (struct protocol_cursor){0};
    while (protocol_next(&engine->common.head, &cursor, &item, &len)) {
        if (protocol_is_known(engine, item, len))
            return REFUSE(engine, 400, "a subprotocol is offered twice");
        memcpy(text, item, len);
        text[len] = '\0';
        engine->protocols[engine->request.protocol_count++] = text;
        text += len + 1;
    }
    engine->request.protocols = engine->protocols;
    return LEATI_WS_HEAD_VALID;
}

/* Whether it is to be one, right or wrong. */
static bool wants_upgrade(const struct leati_ws_accept_engine *engine)
{
    return leati_http_head_method_is(&engine->common.head, "GET") &&
           leati_http_head_minor_version(&engine->common.head) > 0 &&
           leati_http_head_has_token(&engine->common.head, "Upgrade", "websocket");
}

static enum leati_ws_head_result engine_finish(struct leati_ws_accept_engine *engine)
{
    static enum leati_ws_head_result (*const steps[])(struct leati_ws_accept_engine *) = {
        check_http,
        take_target, /* a Host that is missing is 400, whatever is asked (RFC 9112 section 3.2) */
        check_upgrade,
        take_protocols,
    };

    engine->request.is_upgrade = !engine->takes_requests || wants_upgrade(engine);
    engine->request.method = leati_http_head_method(&engine->common.head);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        enum leati_ws_head_result result = steps[i](engine);
        if (result != LEATI_WS_HEAD_VALID)
            return result;
    }
    engine->request.head = engine->common.agreement.head = &engine->common.head;
    engine->common.agreement.target = engine->request.target;
    engine->request.origin = leati_http_head_get(&engine->common.head, "Origin");
    return LEATI_WS_HEAD_VALID;
}

static int status_of_fault(enum leati_http_fault fault)
{
    switch (fault) {
    case LEATI_HTTP_FAULT_METHOD:
        return 501;
    case LEATI_HTTP_FAULT_TARGET:
        return 414;
    case LEATI_HTTP_FAULT_FIELDS:
        return 431;
    case LEATI_HTTP_FAULT_VERSION:
        return 505;
    case LEATI_HTTP_FAULT_NONE:
        break;
    }
    return 400;
}

enum leati_ws_head_result leati_ws_accept_engine_feed(struct leati_ws_accept_engine *engine,
                                                      const uint8_t *data, size_t len,
                                                      size_t *ret_used)
{
    size_t room = engine->max_head_bytes - leati_http_head_size(&engine->common.head);
    size_t used = 0;

    switch (leati_http_head_feed(&engine->common.head, data, len < room ? len : room, &used)) {
    case LEATI_HTTP_DONE:
        *ret_used = used;
        engine->has_rest = used < len;
        return engine_finish(engine);
    case LEATI_HTTP_MORE:
        *ret_used = used;
        if (leati_http_head_size(&engine->common.head) < engine->max_head_bytes)
            return LEATI_WS_HEAD_MORE;
        return REFUSE(engine, status_of_fault(leati_http_head_large_part(&engine->common.head)),
                      "the request head is longer than %zu bytes", engine->max_head_bytes);
    case LEATI_HTTP_NO_MEMORY:
        return LEATI_WS_HEAD_NO_MEMORY;
    case LEATI_HTTP_MALFORMED:
    case LEATI_HTTP_TOO_LARGE:
        break;
    }
    const char *error = leati_http_head_error(&engine->common.head);
    int status = status_of_fault(leati_http_head_fault(&engine->common.head));
    return status == 400 ? REFUSE(engine, status, "malformed request head: %s", error)
                         : REFUSE(engine, status, "%s", error);
}
