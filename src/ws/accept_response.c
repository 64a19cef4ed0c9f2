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

/* One of the program's own takes the place of ours. */
static const char *unless_own(const struct leati_ws_accept_decision *decision, const char *name,
                              const char *value)
{
    return leati_http_fields_have(decision->headers, decision->header_count, name) ? NULL : value;
}

static const char *connection_field(const struct leati_ws_accept_engine *engine, bool offers)
{
    if (engine->keeps_alive)
        return offers ? "Upgrade" : NULL;
    return offers ? "Upgrade, close" : "close";
}

bool leati_ws_accept_is_head(const struct leati_ws_accept_engine *engine)
{
    return leati_http_head_method_is(&engine->common.head, "HEAD");
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
    bool has_content = status_has_content(status), is_426 = status == 426;
    /* The length is that of a GET, the content stays away (RFC 9110 section 9.3.2). */
    bool sends_content = has_content && !leati_ws_accept_is_head(engine);
    char date[LEATI_HTTP_DATE_SIZE], status_text[LEATI_DECIMAL_SIZE], length[LEATI_DECIMAL_SIZE];

    if (engine->date)
        engine->date(date);
    /* What RFC 9110 demands with a status (sections 15.5.22, 15.5.6, 10.2.1), RFC 6455 section 4.4,
     * and that this is the last answer, if it is. */
    const struct leati_http_field own[] = {
        {"Date", engine->date ? unless_own(decision, "Date", date) : NULL},
        {"Upgrade", is_426 ? "websocket" : NULL},
        {"Connection", connection_field(engine, is_426)},
        {"Sec-WebSocket-Version", is_426 ? "13" : NULL},
        {"Allow", status == 405 ? unless_own(decision, "Allow", "GET") : NULL},
        {"Content-Type", has_content && (decision->body_len > 0 || status >= 400)
                             ? unless_own(decision, "Content-Type", "text/plain; charset=utf-8")
                             : NULL},
        {"Content-Length", has_content ? leati_text_decimal(decision->body_len, length) : NULL},
    };
    const struct leati_http_message_parts parts = {
        .start =
            (const char *const[]){"HTTP/1.1 ", leati_text_decimal((uint64_t)status, status_text),
                                  " ", leati_ws_accept_reason(status), NULL},
        .own = own,
        .own_count = sizeof(own) / sizeof(own[0]),
        .fields = decision->headers,
        .field_count = decision->header_count,
        .content = decision->body,
        .content_len = sends_content ? decision->body_len : 0,
    };
    if (!leati_http_message_build(&parts, &engine->response))
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
    char extensions[LEATI_DEFLATE_HEADER_SIZE];
    struct leati_ws_agreement *agreement = &engine->common.agreement;
    struct leati_deflate_params deflate = {0};

    if (!leati_ws_accept_value(leati_http_head_get(&engine->common.head, "Sec-WebSocket-Key"),
                               engine->sha1, accept))
        return LEAT_E_SYSTEM_INTERNAL;
    bool has_deflate =
        decision->deflate && leati_deflate_is_built_in() &&
        leati_deflate_offers_choose(&engine->common.head, decision->deflate, &deflate, extensions);
    const struct leati_http_field own[] = {
        {"Upgrade", "websocket"},
        {"Connection", "Upgrade"},
        {"Sec-WebSocket-Accept", accept},
        {"Sec-WebSocket-Protocol", protocol},
        {"Sec-WebSocket-Extensions", has_deflate ? extensions : NULL},
    };
    const struct leati_http_message_parts parts = {
        .start = (const char *const[]){"HTTP/1.1 101 Switching Protocols", NULL},
        .own = own,
        .own_count = sizeof(own) / sizeof(own[0]),
        .fields = decision->headers,
        .field_count = decision->header_count,
    };
    if (!leati_http_message_build(&parts, &engine->response))
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
