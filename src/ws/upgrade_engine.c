/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/upgrade_engine.h"

#include "core/version.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"
#include "ws/deflate.h"

#include <string.h>

#define KEY_SIZE 25u /* base64 of the nonce, with the final NUL */

/* ---- the request ---------------------------------------------------------------------------- */

static char *protocols_join(const struct leati_ws_upgrade_options *options)
{
    size_t cap = 1;
    for (size_t i = 0; i < options->protocol_count; i++)
        cap += strlen(options->protocols[i]) + 2;

    char *joined = leati_malloc(cap);
    if (!joined)
        return NULL;
    size_t pos = 0;
    for (size_t i = 0; i < options->protocol_count; i++) {
        leati_text_put(joined, cap, &pos, i == 0 ? "" : ", ");
        leati_text_put(joined, cap, &pos, options->protocols[i]);
    }
    return joined;
}

/* One of the program's own takes the place of ours. */
static const char *unless_own(const struct leati_ws_upgrade_options *options, const char *name,
                              const char *value)
{
    return leati_http_fields_have(options->headers, options->header_count, name) ? NULL : value;
}

static bool request_build(struct leati_ws_upgrade_engine *engine, const char *key,
                          const struct leati_ws_upgrade_options *options)
{
    char offer[LEATI_DEFLATE_HEADER_SIZE];

    if (engine->offers_deflate)
        leati_deflate_offer_format(&engine->deflate_offer, offer);
    const struct leati_http_field own[] = {
        {"Host", options->host_field},
        {"Upgrade", "websocket"},
        {"Connection", "Upgrade"},
        {"Sec-WebSocket-Key", key},
        {"Sec-WebSocket-Version", "13"},
        {"User-Agent", unless_own(options, "User-Agent", leati_user_agent(options->user_agent))},
        {"Origin", unless_own(options, "Origin", options->origin)},
        {"Sec-WebSocket-Protocol", engine->offered},
        {"Sec-WebSocket-Extensions", engine->offers_deflate ? offer : NULL},
    };
    const struct leati_http_message_parts parts = {
        .start = (const char *const[]){"GET ", options->target, " HTTP/1.1", NULL},
        .own = own,
        .own_count = sizeof(own) / sizeof(own[0]),
        .fields = options->headers,
        .field_count = options->header_count,
    };
    return leati_http_message_build(&parts, &engine->request);
}

bool leati_ws_upgrade_engine_init(struct leati_ws_upgrade_engine *engine,
                                  const struct leati_ws_upgrade_options *options,
                                  const uint8_t nonce[LEATI_WS_NONCE_BYTES])
{
    char key[KEY_SIZE];

    memset(engine, 0, sizeof(*engine));
    leati_ws_handshake_init(&engine->common, LEATI_HTTP_RESPONSE);
    if (!leati_text_base64_encode(nonce, LEATI_WS_NONCE_BYTES, key, sizeof(key)) ||
        !leati_ws_accept_value(key, options->sha1, engine->expected_accept))
        return false;
    if (options->deflate && leati_deflate_is_built_in()) {
        engine->offers_deflate = true;
        engine->deflate_offer = *options->deflate;
    }
    if (options->protocol_count > 0) {
        engine->offered = protocols_join(options);
        if (!engine->offered)
            return false;
    }
    if (!request_build(engine, key, options)) {
        leati_ws_upgrade_engine_done(engine);
        return false;
    }
    return true;
}

void leati_ws_upgrade_engine_drop_request(struct leati_ws_upgrade_engine *engine)
{
    leati_free_secret(engine->request.bytes);
    engine->request = (struct leati_http_message){0};
}

void leati_ws_upgrade_engine_done(struct leati_ws_upgrade_engine *engine)
{
    leati_ws_upgrade_engine_drop_request(engine);
    leati_free(engine->offered);
    leati_free(engine->protocol);
    leati_http_head_done(&engine->common.head);
    leati_http_body_done(&engine->body);
    engine->offered = engine->protocol = NULL;
}

/* ---- the response --------------------------------------------------------------------------- */

static enum leati_ws_head_result check_accept(struct leati_ws_upgrade_engine *engine)
{
    size_t count = leati_http_head_count(&engine->common.head, "Sec-WebSocket-Accept");
    if (count == 0)
        return leati_ws_refuse(&engine->common,
                               "Sec-WebSocket-Accept is missing in the 101 response");
    if (count > 1)
        return leati_ws_refuse(&engine->common,
                               "Sec-WebSocket-Accept comes %zu times in the 101 response", count);
    const char *accept = leati_http_head_get(&engine->common.head, "Sec-WebSocket-Accept");
    if (strcmp(accept, engine->expected_accept) != 0)
        return leati_ws_refuse(&engine->common, "Sec-WebSocket-Accept is wrong: got \"%s\"",
                               leati_excerpt(accept, 64).text);
    return LEATI_WS_HEAD_VALID;
}

static bool protocol_is_offered(const struct leati_ws_upgrade_engine *engine, const char *protocol)
{
    const char *cursor = engine->offered;
    const char *item;
    size_t len;

    if (!cursor)
        return false;
    while (leati_http_list_next(&cursor, &item, &len))
        if (len == strlen(protocol) && memcmp(item, protocol, len) == 0)
            return true;
    return false;
}

static enum leati_ws_head_result choose_protocol(struct leati_ws_upgrade_engine *engine)
{
    size_t count = leati_http_head_count(&engine->common.head, "Sec-WebSocket-Protocol");
    if (count == 0)
        return LEATI_WS_HEAD_VALID; /* the server speaks none of them: the program decides */
    if (count > 1)
        return leati_ws_refuse(&engine->common, "the server chose %zu subprotocols, one is allowed",
                               count);
    const char *protocol = leati_http_head_get(&engine->common.head, "Sec-WebSocket-Protocol");
    if (!protocol_is_offered(engine, protocol))
        return leati_ws_refuse(&engine->common,
                               "the server chose the subprotocol \"%s\", which was not offered",
                               leati_excerpt(protocol, 64).text);
    engine->protocol = leati_strdup(protocol);
    if (!engine->protocol)
        return LEATI_WS_HEAD_NO_MEMORY;
    engine->common.agreement.protocol = engine->protocol;
    return LEATI_WS_HEAD_VALID;
}

static enum leati_ws_head_result choose_deflate(struct leati_ws_upgrade_engine *engine)
{
    const struct leati_deflate_offer *offer =
        engine->offers_deflate ? &engine->deflate_offer : NULL;
    struct leati_deflate_fault fault;

    switch (leati_deflate_response_check(&engine->common.head, offer, &engine->common.deflate,
                                         &fault)) {
    case LEATI_DEFLATE_INVALID:
        return leati_ws_refuse(&engine->common, "the server chose %s \"%s\"", fault.reason,
                               leati_excerpt_of(fault.element, fault.element_len, 100).text);
    case LEATI_DEFLATE_AGREED:
        engine->common.agreement.deflate = &engine->common.deflate;
        break;
    case LEATI_DEFLATE_DECLINED:
        break;
    }
    return LEATI_WS_HEAD_VALID;
}

/* To that and to nothing besides. */
static bool switches_to_websocket(const struct leati_http_head *head)
{
    const char *protocol = leati_http_head_get(head, "Upgrade");
    return protocol && leati_http_head_count(head, "Upgrade") == 1 &&
           leati_text_is_nocase(protocol, "websocket");
}

/* The list in section 4.1 under "the client MUST validate the server's response". */
static enum leati_ws_head_result check_switch(struct leati_ws_upgrade_engine *engine)
{
    const struct leati_http_head *head = &engine->common.head;

    if (leati_http_head_minor_version(head) == 0)
        return leati_ws_refuse(&engine->common,
                               "HTTP 101 in an HTTP/1.0 response, which cannot switch");
    if (!switches_to_websocket(head))
        return leati_ws_refuse(&engine->common, "no \"Upgrade: websocket\" in the 101 response");
    if (!leati_http_head_has_token(head, "Connection", "upgrade"))
        return leati_ws_refuse(&engine->common, "no \"Connection: Upgrade\" in the 101 response");
    enum leati_ws_head_result result = check_accept(engine);
    if (result != LEATI_WS_HEAD_VALID)
        return result;
    result = choose_deflate(engine);
    return result == LEATI_WS_HEAD_VALID ? choose_protocol(engine) : result;
}

static bool status_redirects(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static enum leati_ws_head_result engine_finish(struct leati_ws_upgrade_engine *engine)
{
    struct leati_ws_agreement *agreement = &engine->common.agreement;
    const struct leati_http_head *head = &engine->common.head;
    const char *reason = leati_http_head_reason(head);
    int status = agreement->status = leati_http_head_status(head);

    if (status == 101) {
        enum leati_ws_head_result result = check_switch(engine);
        agreement->head = result == LEATI_WS_HEAD_NO_MEMORY ? NULL : head;
        return result;
    }
    agreement->head = head;
    if (status_redirects(status) && leati_http_head_count(head, "Location") == 1)
        agreement->location = leati_http_head_get(head, "Location");
    leati_http_body_init(&engine->body, head);
    leati_ws_refuse(&engine->common, "the server answered HTTP %d%s%s", status,
                    reason[0] != '\0' ? " " : "", leati_excerpt(reason, 100).text);
    return leati_http_body_is_done(&engine->body) ? LEATI_WS_HEAD_REFUSED : LEATI_WS_HEAD_BODY;
}

static bool head_is_interim(const struct leati_http_head *head)
{
    int status = leati_http_head_status(head);
    return status >= 100 && status <= 199 && status != 101;
}

static enum leati_ws_head_result engine_feed_head(struct leati_ws_upgrade_engine *engine,
                                                  const uint8_t *data, size_t len, size_t *ret_used)
{
    switch (leati_http_head_feed(&engine->common.head, data, len, ret_used)) {
    case LEATI_HTTP_DONE:
        return LEATI_WS_HEAD_VALID;
    case LEATI_HTTP_MORE:
        return LEATI_WS_HEAD_MORE;
    case LEATI_HTTP_NO_MEMORY:
        return LEATI_WS_HEAD_NO_MEMORY;
    case LEATI_HTTP_MALFORMED:
    case LEATI_HTTP_TOO_LARGE:
        break;
    }
    engine->common.agreement.status = leati_http_head_status(&engine->common.head);
    return leati_ws_refuse(&engine->common, "malformed response head: %s",
                           leati_http_head_error(&engine->common.head));
}

enum leati_ws_head_result leati_ws_upgrade_engine_feed(struct leati_ws_upgrade_engine *engine,
                                                       const uint8_t *data, size_t len,
                                                       size_t *ret_used)
{
    size_t used = 0;

    for (;;) {
        size_t head_used = 0;
        enum leati_ws_head_result result =
            engine_feed_head(engine, data + used, len - used, &head_used);
        *ret_used = used += head_used;
        if (result != LEATI_WS_HEAD_VALID)
            return result;
        if (!head_is_interim(&engine->common.head))
            return engine_finish(engine);
        if (++engine->interim_count > LEATI_WS_MAX_INTERIM)
            return leati_ws_refuse(&engine->common, "more than %u interim responses",
                                   LEATI_WS_MAX_INTERIM);
        leati_http_head_done(&engine->common.head);
    }
}

bool leati_ws_upgrade_engine_body(struct leati_ws_upgrade_engine *engine, const uint8_t *data,
                                  size_t len)
{
    return leati_http_body_feed(&engine->body, data, len) == LEATI_HTTP_MORE;
}
