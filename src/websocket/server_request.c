/* SPDX-License-Identifier: Apache-2.0 */
/* What a client asks of a server, before it is a connection: whose request it is, who decides, and
 * when. */
#include "websocket/server_private.h"

#include "conn/clients.h"
#include "core/net_address.h"
#include "http/forwarded.h"
#include "tcp/tcp.h"
#include "util/alloc.h"

#include <errno.h>
#include <string.h>

/** When a client that found the server full may come again, in seconds. */
#define RETRY_AFTER "5"

struct leat_http_request {
    struct server_client *client; /* NULL = it has gone */
    struct leati_layer *accept;   /* while it has not */
    const char *protocol;         /* that would be chosen; NULL = none */
};

/* The public request with what its `header` function needs. */
struct request_view {
    struct leat_upgrade_request public;
    const struct leati_http_head *head;
};

static const char *request_header(const struct leat_upgrade_request *request, const char *name)
{
    return leati_http_head_get(((const struct request_view *)request)->head, name);
}

/* The first of ours that the client offers. */
static const char *choose_protocol(const struct leati_settings *settings,
                                   const struct leati_ws_accept_request *request)
{
    for (size_t i = 0; i < settings->protocols.count; i++)
        for (size_t j = 0; j < request->protocol_count; j++)
            if (strcmp(settings->protocols.items[i], request->protocols[j]) == 0)
                return request->protocols[j];
    return NULL;
}

/* ---- whose request ------------------------------------------------------------------------- */

/* Whom a trusted proxy names, or who has connected. */
static const struct leati_address *client_address(const struct server_client *client)
{
    return client->forwarded ? client->forwarded : leati_stream_remote(&client->ws.stream);
}

static bool settings_trust(const struct leati_address *address, const void *user)
{
    return leati_settings_trust(user, address);
}

/* A proxy may bring requests of several clients by one connection. false without memory. */
static bool client_forget_forwarded(struct server_client *client)
{
    if (!client->forwarded)
        return true;
    leati_free(client->forwarded);
    client->forwarded = NULL;
    return leati_client_rename(&client->base, leati_tcp_layer_remote(client->ws.stream.chain->tcp));
}

/* Takes whom trusted proxies name, if they do; that one is counted from now on. false without
 * memory. */
static bool client_take_forwarded(struct server_client *client, const struct leati_http_head *head)
{
    struct leati_clients *base = client->base.server;
    const struct leati_settings *settings = base->settings;
    const struct leati_http_truster truster = {settings_trust, settings};
    const struct leati_chain *chain = client->ws.stream.chain;
    const struct leati_address *named = &chain->route->named_client;
    bool is_named = named->any.sa_family != AF_UNSPEC;
    struct leati_address address = is_named ? *named : *leati_tcp_layer_remote(chain->tcp);
    if (settings->trusted_proxies.count == 0)
        return true;
    if (settings->forwarded_header != LEAT_FORWARDED_NONE) {
        const struct leati_address from = address;
        is_named |= leati_http_forwarded_client(
            head,
            settings->forwarded_header == LEAT_FORWARDED_FORWARDED ? LEATI_HTTP_FORWARDED
                                                                   : LEATI_HTTP_X_FORWARDED_FOR,
            &from, &truster, &address);
    }
    if (!is_named)
        return client_forget_forwarded(client);
    if (!client->forwarded)
        client->forwarded = leati_malloc(sizeof(*client->forwarded));
    if (!client->forwarded)
        return false;
    *client->forwarded = address;
    return leati_client_rename(&client->base, &address);
}

/* ---- deciding ------------------------------------------------------------------------------- */

static int server_ask(leat_websocket_server *server, const struct server_client *client,
                      const struct leati_ws_accept_request *request, const char *protocol)
{
    struct leat_net_address address;
    if (!server->callbacks.request)
        return 101;
    leati_net_address_from(client_address(client), &address);
    const struct request_view view = {
        .public =
            {
                .target = request->target,
                .host = request->host,
                .origin = request->origin ? request->origin : "",
                .client = &address,
                .subprotocol = protocol ? protocol : "",
                .header = request_header,
            },
        .head = request->head,
    };
    return server->callbacks.request(server, &view.public, server->base.user);
}

/* Tells the acceptance; what cannot be told ends the connection. @return LEAT_OK; LEAT_E_PARAMETER:
 * nothing is decided. */
static int client_answer(struct server_client *client, struct leati_layer *accept,
                         struct leati_ws_accept_decision *decision)
{
    const struct leati_settings *settings = client->base.server->settings;
    const struct leati_deflate_params limits = leati_settings_deflate_limits(settings);
    if (decision->status != 101)
        decision->protocol = NULL;
    else if (settings->compresses)
        decision->deflate = &limits;
    int code = leati_ws_accept_answer(accept, decision);
    if (code == LEAT_E_PARAMETER)
        return code;
    client->ws.is_served = code == LEAT_OK && decision->status != 101 && decision->status < 400;
    server_of(client)->counters.answered += decision->status != 101;
    leati_chain_owner_has_answered(client->ws.stream.chain);
    if (code != LEAT_OK)
        leati_websocket_break(&client->ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
    else if (decision->status == 101)
        leati_client_open(&client->base);
    return LEAT_OK;
}

/* Whether an upgrade is refused before anybody is asked. */
static bool client_is_refused(const struct server_client *client,
                              const struct leati_ws_accept_request *request,
                              struct leati_ws_accept_decision *ret_decision)
{
    static const struct leati_http_field retry_after = {"Retry-After", RETRY_AFTER};
    enum leati_admission_verdict verdict = leati_client_judge(&client->base);
    if (verdict != LEATI_ADMISSION_OK) {
        *ret_decision = (struct leati_ws_accept_decision){
            .status = 503,
            .headers = &retry_after,
            .header_count = 1,
            .text = leati_admission_verdict_text(verdict),
        };
        return true;
    }
    if (!request->origin ||
        leati_settings_allow_origin(client->base.server->settings, request->origin))
        return false;
    *ret_decision = (struct leati_ws_accept_decision){
        .status = 403, .text = "pages of this origin are not let in"};
    return true;
}

/* The program gets the request for its own, and may answer at once. */
static void client_hand_over(struct server_client *client, struct leati_layer *accept,
                             const char *protocol)
{
    leat_websocket_server *server = server_of(client);
    struct leat_http_request *request = leati_malloc(sizeof(*request));
    if (!request) {
        leati_websocket_break(&client->ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
        return;
    }
    *request = (struct leat_http_request){client, accept, protocol};
    client->request = request;
    server->callbacks.http_request(server, request, server->base.user);
}

static void client_ask(struct server_client *client, struct leati_layer *accept,
                       const struct leati_ws_accept_request *request)
{
    leat_websocket_server *server = server_of(client);
    struct leati_chain *chain = client->ws.stream.chain;
    struct leati_ws_accept_decision decision;
    if (request->is_upgrade && client_is_refused(client, request, &decision)) {
        (void)client_answer(client, accept, &decision);
        return;
    }
    const char *protocol = choose_protocol(server->base.settings, request);
    if (server->callbacks.http_request) {
        client_hand_over(client, accept, protocol);
        return;
    }
    decision = (struct leati_ws_accept_decision){.protocol = protocol};
    decision.status = server_ask(server, client, request, protocol);
    if (chain->state == LEATI_CHAIN_CLOSED)
        return;
    /* What is no answer of `request`: that it can answer with less than 400 is not promised. */
    if (decision.status != 101 && decision.status < 400)
        decision.status = 500;
    if (client_answer(client, accept, &decision) != LEAT_OK) {
        decision.status = 500;
        (void)client_answer(client, accept, &decision);
    }
}

void leati_server_on_asked(leat_websocket *ws, struct leati_layer *accept, void *user)
{
    struct server_client *client = user;
    const struct leati_ws_accept_request *request = leati_ws_accept_request(accept);
    client->ws.is_served = false;
    if (client_take_forwarded(client, request->head))
        client_ask(client, accept, request);
    else
        leati_websocket_break(ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
}

void leati_server_forget_request(struct server_client *client)
{
    if (client->request)
        client->request->client = NULL;
    client->request = NULL;
}

/* ---- what a program asks for, and answers ----------------------------------------------------- */

/* NULL once the client has gone. */
static const struct leati_ws_accept_request *request_of(const leat_http_request *request)
{
    return request && request->client ? leati_ws_accept_request(request->accept) : NULL;
}

const char *leat_http_request_get_method(const leat_http_request *request)
{
    const struct leati_ws_accept_request *asked = request_of(request);
    return asked ? asked->method : "";
}

const char *leat_http_request_get_target(const leat_http_request *request)
{
    const struct leati_ws_accept_request *asked = request_of(request);
    return asked ? asked->target : "";
}

const char *leat_http_request_get_host(const leat_http_request *request)
{
    const struct leati_ws_accept_request *asked = request_of(request);
    return asked ? asked->host : "";
}

const char *leat_http_request_get_header(const leat_http_request *request, const char *name)
{
    const struct leati_ws_accept_request *asked = request_of(request);
    return asked && name ? leati_http_head_get(asked->head, name) : NULL;
}

bool leat_http_request_is_upgrade(const leat_http_request *request)
{
    const struct leati_ws_accept_request *asked = request_of(request);
    return asked && asked->is_upgrade;
}

const char *leat_http_request_get_subprotocol(const leat_http_request *request)
{
    return request_of(request) && request->protocol ? request->protocol : "";
}

bool leat_http_request_get_client(const leat_http_request *request,
                                  struct leat_net_address *ret_address)
{
    if (!request_of(request) || !ret_address)
        return false;
    leati_net_address_from(client_address(request->client), ret_address);
    return true;
}

/* The request is gone, unless it is LEAT_E_PARAMETER. */
static int request_decide(leat_http_request *request, struct leati_ws_accept_decision *decision)
{
    struct server_client *client = request->client;
    int code = LEAT_E_SOCKET_BASE + EBADF;
    struct leati_ws_accept_decision full;
    if (client && client->ws.stream.chain->state != LEATI_CHAIN_CLOSED) {
        bool is_full = decision->status == 101 &&
                       client_is_refused(client, leati_ws_accept_request(request->accept), &full);
        code = client_answer(client, request->accept, is_full ? &full : decision);
        if (is_full && code == LEAT_OK)
            code = LEAT_E_SOCKET_BASE + EUSERS;
    }
    if (code == LEAT_E_PARAMETER)
        return code;
    if (client)
        client->request = NULL;
    leati_free(request);
    return code;
}

/* struct leat_http_header is struct leati_http_field under its public name. */
static const struct leati_http_field *headers_of(const struct leat_http_header *headers)
{
    _Static_assert(sizeof(struct leat_http_header) == sizeof(struct leati_http_field),
                   "a field is a name and a value");
    return (const struct leati_http_field *)headers;
}

int leat_http_request_accept(leat_http_request *request, const struct leat_http_header *headers,
                             size_t header_count)
{
    if (!request || (!headers && header_count > 0))
        return LEAT_E_PARAMETER;
    struct leati_ws_accept_decision decision = {
        .status = 101,
        .protocol = request->protocol,
        .headers = headers_of(headers),
        .header_count = header_count,
    };
    return request_decide(request, &decision);
}

int leat_http_request_answer(leat_http_request *request, int status,
                             const struct leat_http_header *headers, size_t header_count,
                             const void *body, size_t len)
{
    if (!request || (!headers && header_count > 0) || (!body && len > 0) || status < 200 ||
        status > 599)
        return LEAT_E_PARAMETER;
    struct leati_ws_accept_decision decision = {
        .status = status,
        .headers = headers_of(headers),
        .header_count = header_count,
        .body = body,
        .body_len = len,
    };
    return request_decide(request, &decision);
}

void leat_http_request_free(leat_http_request *request)
{
    if (request && leat_http_request_answer(request, 500, NULL, 0, NULL, 0) == LEAT_E_PARAMETER)
        leati_free(request);
}
