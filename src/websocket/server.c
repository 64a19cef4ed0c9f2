/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server object: a listener, and a leat_websocket for each client. The server is the user of
 * its websockets' callbacks and passes them on with itself in front.
 */
#include <leat/websocket_server.h>

#include "config/settings.h"
#include "conn/admission.h"
#include "websocket/websocket.h"
#include "tcp/listener.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"
#include "ws/accept.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/** When a client that found the server full may come again, in seconds. */
#define RETRY_AFTER "5"

struct server_client {
    struct server_client *prev, *next;
    leat_websocket_server *server;
    leat_websocket *ws;
    struct leati_address remote;
    struct leati_guest guest;
    bool connected;
};

struct leat_websocket_server {
    leat_loop *loop;
    struct leat_websocket_server_callbacks callbacks;
    void *user;
    const struct leati_settings *settings;
    struct leati_tls_credentials *credentials; /* NULL = ws */
    struct leati_tcp_listener *listener;       /* NULL = it does not listen */
    struct server_client *clients;
    struct leati_admission admission;
    struct leati_failure failure;
};

/* ---- clients -------------------------------------------------------------------------- */

static void client_unlink(struct server_client *client)
{
    leat_websocket_server *server = client->server;
    if (client->prev)
        client->prev->next = client->next;
    else
        server->clients = client->next;
    if (client->next)
        client->next->prev = client->prev;
    leati_admission_leave(&server->admission, &client->guest);
}

static bool client_link(struct server_client *client)
{
    leat_websocket_server *server = client->server;
    if (!leati_admission_enter(&server->admission, &client->guest, &client->remote))
        return false;
    client->next = server->clients;
    if (client->next)
        client->next->prev = client;
    server->clients = client;
    return true;
}

static void client_free(struct server_client *client)
{
    leati_websocket_dispose(client->ws);
    leati_free(client);
}

static void server_report(leat_websocket_server *server, const struct leat_error *error)
{
    if (server->callbacks.error)
        server->callbacks.error(server, error, server->user);
}

static void on_opened(leat_websocket *ws, void *user)
{
    struct server_client *client = user;
    client->connected = true;
    if (client->server->callbacks.connected)
        client->server->callbacks.connected(client->server, ws, client->server->user);
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    leat_websocket_server *server = ((struct server_client *)user)->server;
    if (server->callbacks.message)
        server->callbacks.message(server, ws, type, data, len, server->user);
}

static void on_message_part(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                            size_t len, bool is_first, bool is_last, void *user)
{
    leat_websocket_server *server = ((struct server_client *)user)->server;
    server->callbacks.message_part(server, ws, type, data, len, is_first, is_last, server->user);
}

static void on_writable(leat_websocket *ws, void *user)
{
    leat_websocket_server *server = ((struct server_client *)user)->server;
    if (server->callbacks.writable)
        server->callbacks.writable(server, ws, server->user);
}

/* The client leaves the server first: the callback may free the server. */
static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct server_client *client = user;
    leat_websocket_server *server = client->server;
    client_unlink(client);
    if (!client->connected)
        server_report(server, &event->error);
    else if (server->callbacks.closed)
        server->callbacks.closed(server, ws, event, server->user);
    client_free(client);
}

static const struct leat_websocket_callbacks client_callbacks = {
    .size = sizeof(client_callbacks),
    .opened = on_opened,
    .message = on_message,
    .writable = on_writable,
    .closed = on_closed,
    .message_part = on_message_part,
};

/* ---- the request ------------------------------------------------------------------------ */

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
    for (size_t i = 0; i < settings->protocol_count; i++)
        for (size_t j = 0; j < request->protocol_count; j++)
            if (strcmp(settings->protocols[i], request->protocols[j]) == 0)
                return request->protocols[j];
    return NULL;
}

static int server_ask(leat_websocket_server *server, const struct server_client *client,
                      const struct leati_ws_accept_request *request, const char *protocol)
{
    char address[LEATI_ADDRESS_TEXT_SIZE];
    if (!server->callbacks.request)
        return 101;
    leati_address_format_host(&client->remote, address, sizeof(address));
    const struct request_view view = {
        .public =
            {
                .target = request->target,
                .host = request->host,
                .origin = request->origin ? request->origin : "",
                .client_address = address,
                .client_port = leati_address_port(&client->remote),
                .protocol = protocol ? protocol : "",
                .header = request_header,
            },
        .head = request->head,
    };
    return server->callbacks.request(server, &view.public, server->user);
}

/* What the program thinks of it, unless the server is full. */
static void server_decide(leat_websocket_server *server, struct server_client *client,
                          const struct leati_ws_accept_request *request,
                          struct leati_ws_accept_decision *ret_decision)
{
    static const struct leati_ws_header retry_after = {"Retry-After", RETRY_AFTER};
    const struct leati_admission_limits limits = leati_settings_admission_limits(server->settings);
    enum leati_admission_verdict verdict =
        leati_admission_judge_guest(&server->admission, &limits, &client->guest);
    if (verdict != LEATI_ADMISSION_OK) {
        *ret_decision = (struct leati_ws_accept_decision){
            .status = 503,
            .headers = &retry_after,
            .header_count = 1,
            .text = leati_admission_verdict_text(verdict),
        };
        return;
    }
    const char *protocol = choose_protocol(server->settings, request);
    *ret_decision = (struct leati_ws_accept_decision){.protocol = protocol};
    ret_decision->status = server_ask(server, client, request, protocol);
}

static void on_asked(leat_websocket *ws, struct leati_layer *accept, void *user)
{
    struct server_client *client = user;
    leat_websocket_server *server = client->server;
    const struct leati_ws_accept_request *request = leati_ws_accept_request(accept);
    struct leati_ws_accept_decision decision;
    bool accepts_compression = server->settings->compresses;
    const struct leati_deflate_params limits = leati_settings_deflate_limits(server->settings);
    server_decide(server, client, request, &decision);
    if (ws->stream.chain->state == LEATI_CHAIN_CLOSED)
        return;
    if (decision.status != 101)
        decision.protocol = NULL;
    else if (accepts_compression)
        decision.deflate = &limits;
    int code = leati_ws_accept_answer(accept, &decision);
    if (code == LEAT_E_PARAMETER) {
        /* The program's answer was none. */
        decision.status = 500;
        code = leati_ws_accept_answer(accept, &decision);
    }
    if (code != LEAT_OK)
        leati_websocket_break(ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
    else if (decision.status == 101)
        leati_admission_open(&server->admission, &client->guest);
}

/* ---- accepting --------------------------------------------------------------------------- */

static struct server_client *client_new(leat_websocket_server *server,
                                        const struct leati_address *remote)
{
    struct server_client *client = leati_calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    client->server = server;
    client->remote = *remote;
    struct leat_websocket_callbacks callbacks = client_callbacks;
    if (!server->callbacks.message_part)
        callbacks.message_part = NULL;
    if (leat_websocket_new(server->loop, &callbacks, client, &client->ws) != LEAT_OK ||
        !client_link(client)) {
        client_free(client);
        return NULL;
    }
    return client;
}

static void server_report_no_memory(leat_websocket_server *server)
{
    const struct leat_error error = {.code = LEAT_E_SYSTEM_INTERNAL,
                                     .layer = LEAT_LAYER_WEBSOCKET,
                                     .text = "out of memory for a client"};
    server_report(server, &error);
}

/* The handshake of this guest makes room; its `error` follows. */
static void server_give_up(leat_websocket_server *server, struct leati_guest *guest)
{
    struct server_client *client =
        (struct server_client *)((char *)guest - offsetof(struct server_client, guest));
    leati_admission_leave(&server->admission, guest);
    leati_websocket_break(client->ws, LEAT_E_SOCKET_BASE + EUSERS, EUSERS,
                          leati_admission_excess_text);
}

static void on_accepted(int fd, const struct leati_address *remote, void *user)
{
    leat_websocket_server *server = user;
    struct server_client *client = client_new(server, remote);
    if (!client) {
        close(fd);
        server_report_no_memory(server);
        return;
    }
    const struct leati_route_accepted accepted = {
        .fd = fd,
        .remote = remote,
        .settings = server->settings,
        .credentials = server->credentials,
    };
    if (leati_websocket_accept(client->ws, &accepted, on_asked) != LEAT_OK) {
        client_unlink(client);
        client_free(client);
        server_report_no_memory(server);
        return;
    }
    const struct leati_admission_limits limits = leati_settings_admission_limits(server->settings);
    struct leati_guest *excess =
        leati_admission_excess(&server->admission, &limits, &client->guest);
    if (excess)
        server_give_up(server, excess);
}

static void on_paused(int sys_errno, void *user)
{
    leat_websocket_server *server = user;
    struct leati_failure failure;
    struct leat_error error;
    unsigned victims =
        leati_admission_is_shortage(sys_errno) ? LEATI_ADMISSION_SHORTAGE_VICTIMS : 0;
    for (; victims > 0 && server->admission.oldest; victims--)
        server_give_up(server, server->admission.oldest);
    leati_failure_init(&failure);
    leati_failure_set(&failure,
                      &(struct leati_fault){.code = LEAT_E_SOCKET_BASE + sys_errno,
                                            .layer = LEAT_LAYER_TCP,
                                            .sys_errno = sys_errno},
                      "clients cannot be accepted for now: %s", strerrordesc_np(sys_errno));
    leati_failure_get(&failure, &error);
    leati_failure_done(&failure);
    server_report(server, &error);
}

/* ---- what the program calls ---------------------------------------------------------------- */

int leat_websocket_server_new(leat_loop *loop,
                              const struct leat_websocket_server_callbacks *callbacks, void *user,
                              leat_websocket_server **ret_server)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_server)
        return LEAT_E_PARAMETER;
    leat_websocket_server *server = leati_calloc(1, sizeof(*server));
    if (!server)
        return LEAT_E_SYSTEM_INTERNAL;
    size_t known = sizeof(server->callbacks);
    memcpy(&server->callbacks, callbacks, callbacks->size < known ? callbacks->size : known);
    server->loop = loop;
    server->user = user;
    leati_failure_init(&server->failure);
    *ret_server = server;
    return LEAT_OK;
}

static void server_stop_listening(leat_websocket_server *server)
{
    leati_tcp_listener_free(server->listener);
    server->listener = NULL;
}

static void server_drop_settings(leat_websocket_server *server)
{
    leati_tls_credentials_unref(server->credentials);
    server->credentials = NULL;
    leati_settings_unref(server->settings);
    server->settings = NULL;
}

void leat_websocket_server_free(leat_websocket_server *server)
{
    if (!server)
        return;
    server_stop_listening(server);
    while (server->clients) {
        struct server_client *client = server->clients;
        client_unlink(client);
        client_free(client);
    }
    leati_admission_done(&server->admission);
    server_drop_settings(server);
    leati_failure_done(&server->failure);
    leati_free(server);
}

/* The errno of bind tells whether it is the address or the port that cannot be had. */
static int listen_code(int code)
{
    switch (code - LEAT_E_SOCKET_BASE) {
    case EADDRNOTAVAIL:
        return LEAT_E_WS_NIC;
    case EADDRINUSE:
    case EACCES:
        return LEAT_E_WS_PORT;
    default:
        return code;
    }
}

static int server_listen(leat_websocket_server *server, const struct leati_address *address)
{
    const struct leati_tcp_listener_options options = {
        .loop = server->loop,
        .address = address,
        .reuse_port = server->settings->reuse_port,
        .accepted = on_accepted,
        .paused = on_paused,
        .user = server,
    };
    int code = leati_tcp_listener_new(&options, &server->failure, &server->listener);
    int documented = listen_code(code);
    if (documented == code)
        return code;
    return leati_failure_relabel(&server->failure, documented, LEAT_LAYER_WEBSOCKET,
                                 "the server cannot listen");
}

static int server_refuse(leat_websocket_server *server, int code, const char *format,
                         const char *culprit)
{
    const struct leati_fault fault = {.code = code, .layer = LEAT_LAYER_WEBSOCKET};
    char text[256];
    size_t pos = 0;
    leati_readable_append(text, sizeof(text), &pos, "%s%s", format, culprit);
    return leati_failure_set(&server->failure, &fault, "%s", text);
}

static int server_prepare(leat_websocket_server *server, const leat_config *config)
{
    int code = leati_settings_of(config, &server->failure, &server->settings);
    if (code == LEAT_OK && server->settings->server_cert.cert_path)
        code = leati_settings_server_tls(server->settings, &server->failure, &server->credentials);
    if (code != LEAT_OK)
        leati_failure_set(&server->failure, &(struct leati_fault){.code = code}, "out of memory");
    return code;
}

int leat_websocket_server_start(leat_websocket_server *server, const char *server_ip,
                                unsigned server_port, const leat_config *config)
{
    struct leati_address address;
    if (!server)
        return LEAT_E_PARAMETER;
    leati_failure_done(&server->failure);
    if (server->listener)
        return server_refuse(server, LEAT_E_WS_EXISTS, "the server listens already", "");
    if (server_port > UINT16_MAX)
        return server_refuse(server, LEAT_E_WS_PORT, "the port is above 65535", "");
    if (!server_ip || !*server_ip)
        server_ip = "::";
    if (!leati_address_parse(server_ip, (uint16_t)server_port, &address))
        return server_refuse(server, LEAT_E_WS_NIC, "not an IP address: ", server_ip);
    if (server->clients)
        return server_refuse(server, LEAT_E_WS_EXISTS,
                             "connections of the last start are still closing", "");
    server_drop_settings(server);
    int code = server_prepare(server, config);
    return code == LEAT_OK ? server_listen(server, &address) : code;
}

int leat_websocket_server_stop(leat_websocket_server *server)
{
    if (!server)
        return LEAT_E_PARAMETER;
    server_stop_listening(server);
    for (struct server_client *client = server->clients; client;) {
        struct server_client *next = client->next;
        if (!client->connected) {
            client_unlink(client);
            client_free(client);
        } else if (leat_websocket_close(client->ws, 1001, "server is going away") != LEAT_OK) {
            leati_websocket_break(client->ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
        }
        client = next;
    }
    return LEAT_OK;
}

uint16_t leat_websocket_server_port(const leat_websocket_server *server)
{
    return server && server->listener
               ? leati_address_port(leati_tcp_listener_local(server->listener))
               : 0;
}

size_t leat_websocket_server_list(const leat_websocket_server *server,
                                  leat_websocket **ret_connections, size_t cap)
{
    size_t count = 0;
    if (!server)
        return 0;
    for (struct server_client *client = server->clients; client; client = client->next) {
        if (!client->connected)
            continue;
        if (count < cap && ret_connections)
            ret_connections[count] = client->ws;
        count++;
    }
    return count;
}

void leat_websocket_server_get_error(const leat_websocket_server *server,
                                     struct leat_error *ret_error)
{
    if (server && ret_error)
        leati_failure_get(&server->failure, ret_error);
}
