/* SPDX-License-Identifier: Apache-2.0 */
/* What the server's handshake answers. */
#include "ws/accept_engine.h"

#include "util/alloc.h"
#include "util/text.h"
#include "ws/deflate.h"

#include <string.h>

/* ---- the response --------------------------------------------------------------------------- */

const char *leati_ws_accept_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
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
    return status < 400 ? "Answered" : "Refused";
}

/* Room is there; returns what is behind it. */
static char *text_put(char *at, const char *text)
{
    return mempcpy(at, text, strlen(text));
}

/* The parts of `start`, of which the last is NULL, are the status line and our own fields, each with its
 * CRLF. */
static bool response_build(struct leati_ws_accept_engine *engine, const char *const *start,
                           const struct leati_http_field *headers, size_t header_count,
                           const void *body, size_t body_len)
{
    size_t cap = sizeof("\r\n");
    for (const char *const *part = start; *part; part++)
        cap += strlen(*part);
    for (size_t i = 0; i < header_count; i++)
        cap += strlen(headers[i].name) + strlen(headers[i].value) + strlen(": \r\n");

    char *response = body_len < SIZE_MAX - cap ? leati_malloc(cap + body_len) : NULL;
    if (!response)
        return false;
    char *at = response;
    for (const char *const *part = start; *part; part++)
        at = text_put(at, *part);
    for (size_t i = 0; i < header_count; i++)
        at = text_put(text_put(text_put(text_put(at, headers[i].name), ": "), headers[i].value),
                      "\r\n");
    at = text_put(at, "\r\n");
    if (body_len > 0)
        memcpy(at, body, body_len);
    at[body_len] = '\0'; /* for who reads it as a text */
    engine->response = response;
    engine->response_len = (size_t)(at - response) + body_len;
    return true;
}

static bool header_is(const struct leati_http_field *header, const char *name)
{
    return leati_text_equal_nocase(header->name, strlen(header->name), name, strlen(name));
}

static bool headers_have(const struct leati_ws_accept_decision *decision, const char *name)
{
    for (size_t i = 0; i < decision->header_count; i++)
        if (header_is(&decision->headers[i], name))
            return true;
    return false;
}

bool leati_ws_accept_is_head(const struct leati_ws_accept_engine *engine)
{
    return leati_http_head_method_is(&engine->common.head, "HEAD");
}

/* What RFC 9110 demands with a status (sections 15.5.22, 15.5.6, 10.2.1), RFC 6455 section 4.4, and
 * that this is the last answer, if it is. */
static void status_fields(const struct leati_ws_accept_engine *engine, int status,
                          const struct leati_ws_accept_decision *decision, char *buf, size_t cap,
                          size_t *pos)
{
    const char *close = engine->keeps_alive ? "" : "close";

    if (status == 426)
        leati_text_append(buf, cap, pos,
                          "Upgrade: websocket\r\nConnection: Upgrade%s%s\r\n"
                          "Sec-WebSocket-Version: 13\r\n",
                          *close ? ", " : "", close);
    else if (*close)
        leati_text_append(buf, cap, pos, "Connection: close\r\n");
    if (status == 405 && !headers_have(decision, "Allow"))
        leati_text_append(buf, cap, pos, "Allow: GET\r\n");
}

/* RFC 9110 sections 15.3.5, 15.4.5 and 8.6. */
static bool status_has_content(int status)
{
    return status != 204 && status != 304;
}

static bool refusal_build(struct leati_ws_accept_engine *engine,
                          const struct leati_ws_accept_decision *decision)
{
    int status = decision->status;
    bool has_content = status_has_content(status);
    char start[384];
    size_t pos = 0;

    leati_text_append(start, sizeof(start), &pos, "HTTP/1.1 %d %s\r\n", status,
                      leati_ws_accept_reason(status));
    if (engine->date && !headers_have(decision, "Date")) {
        char date[LEATI_HTTP_DATE_SIZE];
        engine->date(date);
        leati_text_append(start, sizeof(start), &pos, "Date: %s\r\n", date);
    }
    status_fields(engine, status, decision, start, sizeof(start), &pos);
    if (has_content && (decision->body_len > 0 || status >= 400) &&
        !headers_have(decision, "Content-Type"))
        leati_text_append(start, sizeof(start), &pos,
                          "Content-Type: text/plain; charset=utf-8\r\n");
    if (has_content)
        leati_text_append(start, sizeof(start), &pos, "Content-Length: %zu\r\n",
                          decision->body_len);
    /* The length is that of a GET, the content stays away (RFC 9110 section 9.3.2). */
    bool sends_content = has_content && !leati_ws_accept_is_head(engine);
    if (!response_build(engine, (const char *const[]){start, NULL}, decision->headers,
                        decision->header_count, decision->body,
                        sends_content ? decision->body_len : 0))
        return false;
    engine->common.agreement.status = status;
    return true;
}

bool leati_ws_accept_refusal(struct leati_ws_accept_engine *engine, int status)
{
    const struct leati_ws_accept_decision decision = {
        .status = status, .body = engine->common.error, .body_len = strlen(engine->common.error)};

    engine->keeps_alive = false;
    return refusal_build(engine, &decision);
}

static int switch_build(struct leati_ws_accept_engine *engine, const char *protocol,
                        const struct leati_ws_accept_decision *decision)
{
    char accept[LEATI_WS_ACCEPT_SIZE];
    char extensions[LEATI_DEFLATE_HEADER_SIZE] = "";
    struct leati_ws_agreement *agreement = &engine->common.agreement;
    struct leati_deflate_params deflate = {0};

    if (!leati_ws_accept_value(leati_http_head_get(&engine->common.head, "Sec-WebSocket-Key"),
                               engine->sha1, accept))
        return LEAT_E_SYSTEM_INTERNAL;
    bool has_deflate =
        decision->deflate && leati_deflate_is_built_in() &&
        leati_deflate_offers_choose(&engine->common.head, decision->deflate, &deflate, extensions);
    static const char switching[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                    "Upgrade: websocket\r\n"
                                    "Connection: Upgrade\r\n"
                                    "Sec-WebSocket-Accept: ";
    const char *const start[] = {
        switching,
        accept,
        "\r\n",
        protocol ? "Sec-WebSocket-Protocol: " : "",
        protocol ? protocol : "",
        protocol ? "\r\n" : "",
        has_deflate ? "Sec-WebSocket-Extensions: " : "",
        extensions,
        has_deflate ? "\r\n" : "",
        NULL,
    };
    if (!response_build(engine, start, decision->headers, decision->header_count, NULL, 0))
        return LEAT_E_SYSTEM_INTERNAL;
    agreement->protocol = protocol ? protocol : "";
    engine->common.deflate = deflate;
    agreement->deflate = has_deflate ? &engine->common.deflate : NULL;
    agreement->status = 101;
    return LEAT_OK;
}

/* ---- the decision --------------------------------------------------------------------------- */

static bool headers_valid(const struct leati_http_field *headers, size_t count)
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

/* Whether another request may follow: the client says so, nothing of it is here that might be taken
 * for what it is not, and it has not had its share. */
static bool may_keep_alive(const struct leati_ws_accept_engine *engine)
{
    return engine->takes_requests && !engine->has_rest &&
           engine->served + 1 < LEATI_WS_ACCEPT_MAX_REQUESTS &&
           leati_http_head_minor_version(&engine->common.head) > 0 &&
           !leati_http_head_has_token(&engine->common.head, "Connection", "close");
}

static bool decision_is_valid(const struct leati_ws_accept_engine *engine,
                              const struct leati_ws_accept_decision *decision)
{
    int status = decision->status, least = engine->takes_requests ? 200 : 400;

    if (status != 101 && (status < least || status > 599))
        return false;
    if (status == 101 && (!engine->request.is_upgrade || decision->body_len > 0))
        return false;
    return headers_valid(decision->headers, decision->header_count);
}

static int refusal_answer(struct leati_ws_accept_engine *engine,
                          const struct leati_ws_accept_decision *decision)
{
    struct leati_ws_accept_decision full = *decision;
    const char *text = decision->text ? decision->text : leati_ws_accept_reason(full.status);

    if (!full.body && full.status >= 400) {
        full.body = text;
        full.body_len = strlen(text);
    }
    engine->keeps_alive = may_keep_alive(engine);
    if (!refusal_build(engine, &full))
        return LEAT_E_SYSTEM_INTERNAL;
    leati_ws_refuse(&engine->common, "%s",
                    decision->text ? decision->text : "by the program's decision");
    return LEAT_OK;
}

int leati_ws_accept_engine_answer(struct leati_ws_accept_engine *engine,
                                  const struct leati_ws_accept_decision *decision)
{
    const char *protocol = NULL;

    if (!decision_is_valid(engine, decision))
        return LEAT_E_PARAMETER;
    if (decision->status != 101)
        return refusal_answer(engine, decision);
    if (decision->protocol) {
        protocol = protocol_find(engine, decision->protocol);
        if (!protocol)
            return LEAT_E_PARAMETER;
    }
    return switch_build(engine, protocol, decision);
}
