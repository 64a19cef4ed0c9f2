/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/accept_engine.h"

#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"
#include "ws/deflate.h"

#include <stdarg.h>
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
    leati_http_head_init(&engine->head, LEATI_HTTP_REQUEST);
}

void leati_ws_accept_engine_done(struct leati_ws_accept_engine *engine)
{
    leati_free(engine->response);
    leati_free(engine->host);
    leati_free(engine->target);
    leati_free(engine->protocols);
    leati_http_head_done(&engine->head);
    engine->response = engine->host = engine->target = NULL;
    engine->protocols = NULL;
}

/* ---- the response --------------------------------------------------------------------------- */

const char *leati_ws_accept_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {101, "Switching Protocols"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {421, "Misdirected Request"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Refused";
}

/* `start` is the status line and our own fields, each with its CRLF. */
static bool response_build(struct leati_ws_accept_engine *engine, const char *start,
                           const struct leati_ws_header *headers, size_t header_count,
                           const char *body)
{
    size_t cap = strlen(start) + strlen(body) + sizeof("\r\n");
    for (size_t i = 0; i < header_count; i++)
        cap += strlen(headers[i].name) + strlen(headers[i].value) + strlen(": \r\n");

    char *response = leati_malloc(cap);
    if (!response)
        return false;
    size_t len = 0;
    leati_text_append(response, cap, &len, "%s", start);
    for (size_t i = 0; i < header_count; i++)
        leati_text_append(response, cap, &len, "%s: %s\r\n", headers[i].name, headers[i].value);
    leati_text_append(response, cap, &len, "\r\n%s", body);
    engine->response = response;
    engine->response_len = len;
    return true;
}

static bool header_is(const struct leati_ws_header *header, const char *name)
{
    return leati_text_equal_nocase(header->name, strlen(header->name), name, strlen(name));
}

/* What RFC 9110 demands with a status (sections 15.5.22, 15.5.6), and RFC 6455 section 4.4. */
static const char *refusal_fields(int status)
{
    switch (status) {
    case 405:
        return "Connection: close\r\n"
               "Allow: GET\r\n";
    case 426:
        return "Upgrade: websocket\r\n"
               "Connection: Upgrade, close\r\n"
               "Sec-WebSocket-Version: 13\r\n";
    default:
        return "Connection: close\r\n";
    }
}

static bool request_is_head(const struct leati_ws_accept_engine *engine)
{
    return leati_http_head_method_is(&engine->head, "HEAD");
}

static bool refusal_build(struct leati_ws_accept_engine *engine, int status, const char *text,
                          const struct leati_ws_header *headers, size_t header_count)
{
    const char *type = "Content-Type: text/plain; charset=utf-8\r\n";
    char start[256];
    size_t pos = 0;

    for (size_t i = 0; i < header_count; i++)
        if (header_is(&headers[i], "Content-Type"))
            type = "";
    leati_text_append(start, sizeof(start), &pos, "HTTP/1.1 %d %s\r\n%s%sContent-Length: %zu\r\n",
                      status, leati_ws_accept_reason(status), refusal_fields(status), type,
                      strlen(text));
    /* The length is that of a GET, the content stays away (RFC 9110 section 9.3.2). */
    if (!response_build(engine, start, headers, header_count, request_is_head(engine) ? "" : text))
        return false;
    engine->status = status;
    return true;
}

static int switch_build(struct leati_ws_accept_engine *engine, const char *protocol,
                        const struct leati_ws_accept_decision *decision)
{
    char accept[LEATI_WS_ACCEPT_SIZE];
    char extensions[LEATI_DEFLATE_HEADER_SIZE] = "";
    struct leati_deflate_params deflate = {0};

    if (!leati_ws_accept_value(leati_http_head_get(&engine->head, "Sec-WebSocket-Key"),
                               engine->sha1, accept))
        return LEAT_E_SYSTEM_INTERNAL;
    bool has_deflate =
        decision->deflate && leati_deflate_is_built_in() &&
        leati_deflate_offers_choose(&engine->head, decision->deflate, &deflate, extensions);
    char *start =
        leati_asprintf("HTTP/1.1 101 Switching Protocols\r\n"
                       "Upgrade: websocket\r\n"
                       "Connection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n%s%s%s%s%s%s",
                       accept, protocol ? "Sec-WebSocket-Protocol: " : "", protocol ? protocol : "",
                       protocol ? "\r\n" : "", has_deflate ? "Sec-WebSocket-Extensions: " : "",
                       extensions, has_deflate ? "\r\n" : "");
    if (!start)
        return LEAT_E_SYSTEM_INTERNAL;
    bool built = response_build(engine, start, decision->headers, decision->header_count, "");
    leati_free(start);
    if (!built)
        return LEAT_E_SYSTEM_INTERNAL;
    engine->protocol = protocol;
    engine->has_deflate = has_deflate;
    engine->deflate = deflate;
    engine->status = 101;
    return LEAT_OK;
}

/* ---- the decision --------------------------------------------------------------------------- */

static bool headers_valid(const struct leati_ws_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!headers[i].name || !headers[i].value ||
            !leati_text_is_token(headers[i].name, strlen(headers[i].name)) ||
            !leati_text_is_field_value(headers[i].value, strlen(headers[i].value)) ||
            leati_ws_header_is_ours(headers[i].name))
            return false;
    return true;
}

/* The client's copy of the name, so that it lives as long as the engine; NULL if not offered. */
static const char *protocol_find(const struct leati_ws_accept_engine *engine, const char *protocol)
{
    for (size_t i = 0; i < engine->request.protocol_count; i++)
        if (strcmp(engine->protocols[i], protocol) == 0)
            return engine->protocols[i];
    return NULL;
}

int leati_ws_accept_engine_answer(struct leati_ws_accept_engine *engine,
                                  const struct leati_ws_accept_decision *decision)
{
    int status = decision->status;
    const char *protocol = NULL;

    if (status != 101 && (status < 400 || status > 599))
        return LEAT_E_PARAMETER;
    if (!headers_valid(decision->headers, decision->header_count))
        return LEAT_E_PARAMETER;
    if (status == 101 && decision->protocol) {
        protocol = protocol_find(engine, decision->protocol);
        if (!protocol)
            return LEAT_E_PARAMETER;
    }

    if (status == 101)
        return switch_build(engine, protocol, decision);
    const char *reason = leati_ws_accept_reason(status);
    const char *text = decision->text ? decision->text : reason;
    if (!refusal_build(engine, status, text, decision->headers, decision->header_count))
        return LEAT_E_SYSTEM_INTERNAL;
    leati_readable_format(engine->error, sizeof(engine->error), "%s",
                          decision->text ? decision->text : "by the program's decision");
    leati_ws_make_printable(engine->error);
    return LEAT_OK;
}

/* ---- the request ---------------------------------------------------------------------------- */

static enum leati_ws_accept_result engine_refuse(struct leati_ws_accept_engine *engine, int status,
                                                 const char *format, ...) LEAT_PRINTF(3, 4);

static enum leati_ws_accept_result engine_refuse(struct leati_ws_accept_engine *engine, int status,
                                                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    leati_readable_vformat(engine->error, sizeof(engine->error), format, args);
    va_end(args);
    leati_ws_make_printable(engine->error);
    return refusal_build(engine, status, engine->error, NULL, 0) ? LEATI_WS_ACCEPT_REFUSED
                                                                 : LEATI_WS_ACCEPT_NO_MEMORY;
}

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

/* What makes it a request of HTTP/1.1 for an upgrade at all. Bytes behind the head would be taken
 * for frames, so it must not have a body. HEAD is answered as GET is, up to the upgrade itself. */
static enum leati_ws_accept_result check_http(struct leati_ws_accept_engine *engine)
{
    const struct leati_http_head *head = &engine->head;

    const char *method = leati_http_head_method(head);
    if (strcmp(method, "GET") != 0 && !request_is_head(engine))
        return engine_refuse(engine, method_is_known(method) ? 405 : 501, "the method is not GET");
    if (leati_http_head_minor_version(head) == 0)
        return engine_refuse(engine, 400, "HTTP/1.0 cannot be upgraded");
    size_t lengths = leati_http_head_count(head, "Content-Length");
    const char *length = leati_http_head_get(head, "Content-Length");
    if (leati_http_head_get(head, "Transfer-Encoding") || lengths > 1 ||
        (length && strcmp(length, "0") != 0))
        return engine_refuse(engine, 400, "the request has a body");
    return LEATI_WS_ACCEPT_ASK;
}

/* Section 4.2.1 items 3 to 6. */
static enum leati_ws_accept_result check_upgrade(struct leati_ws_accept_engine *engine)
{
    const struct leati_http_head *head = &engine->head;

    if (!leati_http_head_has_token(head, "Upgrade", "websocket"))
        return engine_refuse(engine, 426, "no \"Upgrade: websocket\" in the request");
    if (!leati_http_head_has_token(head, "Connection", "upgrade"))
        return engine_refuse(engine, 426, "no \"Connection: Upgrade\" in the request");
    const char *version = field_once(head, "Sec-WebSocket-Version");
    if (!version || strcmp(version, "13") != 0)
        return engine_refuse(engine, 426, "Sec-WebSocket-Version is not 13");
    const char *key = field_once(head, "Sec-WebSocket-Key");
    if (!key || strlen(key) != KEY_LEN || !key_valid(key))
        return engine_refuse(engine, 400, "Sec-WebSocket-Key is not 16 bytes in base64");
    if (leati_http_head_count(head, "Origin") > 1)
        return engine_refuse(engine, 400, "more than one Origin");
    if (request_is_head(engine))
        return engine_refuse(engine, 405, "the method is not GET");
    return LEATI_WS_ACCEPT_ASK;
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

/* Origin-form, or the absolute form that a server must understand too, whose authority then takes
 * the place of Host (RFC 9112 sections 3.2.1 and 3.2.2). */
static enum leati_ws_accept_result take_target(struct leati_ws_accept_engine *engine)
{
    struct leati_ws_accept_request *request = &engine->request;
    const char *target = leati_http_head_target(&engine->head);

    request->host = field_once(&engine->head, "Host");
    if (!request->host || request->host[0] == '\0')
        return engine_refuse(engine, 400, "not exactly one Host");
    if (!leati_http_host_valid(request->host))
        return engine_refuse(engine, 400, "Host is not a host and a port");
    size_t scheme = scheme_len(target);
    if (scheme > 0) {
        const char *authority = target + scheme;
        size_t len = strcspn(authority, "/?#");
        target = authority + len;
        engine->host = leati_bytes_dup(authority, len);
        engine->target = leati_asprintf("%s%s", target[0] == '/' ? "" : "/", target);
        if (!engine->host || !engine->target)
            return LEATI_WS_ACCEPT_NO_MEMORY;
        request->host = engine->host;
        target = engine->target;
    }
    if (target[0] != '/' || strchr(target, '#'))
        return engine_refuse(engine, 400, "the request target is not a path");
    if (!leati_http_host_valid(request->host))
        return engine_refuse(engine, 400, "the request target has no valid host");
    request->target = target;
    return LEATI_WS_ACCEPT_ASK;
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
static enum leati_ws_accept_result take_protocols(struct leati_ws_accept_engine *engine)
{
    struct protocol_cursor cursor = {0};
    size_t count = 0;
    size_t text_size = 0;
    const char *item;
    size_t len;

    while (protocol_next(&engine->head, &cursor, &item, &len)) {
        if (!leati_text_is_token(item, len))
            return engine_refuse(engine, 400, "Sec-WebSocket-Protocol is not a list of tokens");
        if (++count > LEATI_WS_ACCEPT_MAX_PROTOCOLS)
            return engine_refuse(engine, 400, "more than %u subprotocols",
                                 LEATI_WS_ACCEPT_MAX_PROTOCOLS);
        text_size += len + 1;
    }
    if (count == 0)
        return LEATI_WS_ACCEPT_ASK;
    engine->protocols = leati_malloc(count * sizeof(engine->protocols[0]) + text_size);
    if (!engine->protocols)
        return LEATI_WS_ACCEPT_NO_MEMORY;
    char *text = (char *)(engine->protocols + count);
    cursor = (struct protocol_cursor){0};
    while (protocol_next(&engine->head, &cursor, &item, &len)) {
        if (protocol_is_known(engine, item, len))
            return engine_refuse(engine, 400, "a subprotocol is offered twice");
        memcpy(text, item, len);
        text[len] = '\0';
        engine->protocols[engine->request.protocol_count++] = text;
        text += len + 1;
    }
    engine->request.protocols = engine->protocols;
    return LEATI_WS_ACCEPT_ASK;
}

static enum leati_ws_accept_result engine_finish(struct leati_ws_accept_engine *engine)
{
    static enum leati_ws_accept_result (*const steps[])(struct leati_ws_accept_engine *) = {
        check_http,
        take_target, /* a Host that is missing is 400, whatever is asked (RFC 9112 section 3.2) */
        check_upgrade,
        take_protocols,
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        enum leati_ws_accept_result result = steps[i](engine);
        if (result != LEATI_WS_ACCEPT_ASK)
            return result;
    }
    engine->request.head = &engine->head;
    engine->request.origin = leati_http_head_get(&engine->head, "Origin");
    engine->has_request = true;
    return LEATI_WS_ACCEPT_ASK;
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

enum leati_ws_accept_result leati_ws_accept_engine_feed(struct leati_ws_accept_engine *engine,
                                                        const uint8_t *data, size_t len,
                                                        size_t *ret_used)
{
    size_t room = engine->max_head_bytes - leati_http_head_size(&engine->head);
    size_t used = 0;

    switch (leati_http_head_feed(&engine->head, data, len < room ? len : room, &used)) {
    case LEATI_HTTP_DONE:
        *ret_used = used;
        return engine_finish(engine);
    case LEATI_HTTP_MORE:
        *ret_used = used;
        if (leati_http_head_size(&engine->head) < engine->max_head_bytes)
            return LEATI_WS_ACCEPT_MORE;
        return engine_refuse(engine, status_of_fault(leati_http_head_large_part(&engine->head)),
                             "the request head is longer than %zu bytes", engine->max_head_bytes);
    case LEATI_HTTP_NO_MEMORY:
        return LEATI_WS_ACCEPT_NO_MEMORY;
    case LEATI_HTTP_MALFORMED:
    case LEATI_HTTP_TOO_LARGE:
        break;
    }
    const char *error = leati_http_head_error(&engine->head);
    int status = status_of_fault(leati_http_head_fault(&engine->head));
    return status == 400 ? engine_refuse(engine, status, "malformed request head: %s", error)
                         : engine_refuse(engine, status, "%s", error);
}
