/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server object: a listener, and a leat_websocket for each client. The server is the user of
 * its websockets' callbacks and passes them on with itself in front.
 */
#include "websocket/server_private.h"

#include "core/net_address.h"
#include "websocket/receive_rate.h"
#include "url/local_url.h"
#include "util/alloc.h"
#include "util/known.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- clients -------------------------------------------------------------------------- */

static void client_dispose(struct leati_client *base)
{
    struct server_client *client = client_of(base);
    leati_server_forget_request(client);
    leati_free(client->forwarded);
    client->forwarded = NULL;
    leati_websocket_dispose(&client->ws);
}

static struct leati_stream *client_stream(struct leati_client *base)
{
    return &client_of(base)->ws.stream;
}

static void server_error(struct leati_clients *base, const struct leat_error *error)
{
    leat_websocket_server *server = (leat_websocket_server *)base;
    if (server->callbacks.error)
        server->callbacks.error(server, error, base->user);
}

static const struct leati_clients_owner server_owner = {
    .layer = LEAT_LAYER_WEBSOCKET,
    .error = server_error,
    .stream = client_stream,
    .dispose = client_dispose,
};

/* false without memory. */
static bool client_limit_rate(leat_websocket_server *server, struct server_client *client)
{
    const struct leati_settings *settings = server->base.settings;
    if (settings->receive_bytes_per_s == 0 && settings->receive_messages_per_s == 0)
        return true;
    struct leati_receive_rate *rate = leati_calloc(1, sizeof(*rate));
    if (!rate)
        return false;
    rate->bytes_per_s = settings->receive_bytes_per_s;
    rate->messages_per_s = settings->receive_messages_per_s;
    client->ws.rate = rate;
    rate->throttled = &server->counters.throttled;
    return true;
}

static void on_opened(leat_websocket *ws, void *user)
{
    struct server_client *client = user;
    leat_websocket_server *server = server_of(client);
    leati_client_set_reported(&client->base, true);
    server->counters.opened++;
    if (!client_limit_rate(server, client)) {
        leati_websocket_break(ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
        return;
    }
    if (server->callbacks.connected)
        server->callbacks.connected(server, ws, server->base.user);
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    leat_websocket_server *server = server_of(user);
    server->counters.messages_received++;
    server->counters.bytes_received += len;
    if (server->callbacks.message_part)
        server->callbacks.message_part(server, ws, type, data, len, true, true, server->base.user);
    else if (server->callbacks.message)
        server->callbacks.message(server, ws, type, data, len, server->base.user);
}

static void on_pong(leat_websocket *ws, const uint8_t *payload, size_t len, void *user)
{
    leat_websocket_server *server = server_of(user);
    if (server->callbacks.pong)
        server->callbacks.pong(server, ws, payload, len, server->base.user);
}

static void on_message_part(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                            size_t len, bool is_first, bool is_last, void *user)
{
    leat_websocket_server *server = server_of(user);
    server->counters.messages_received += is_last;
    server->counters.bytes_received += len;
    if (server->callbacks.message_part)
        server->callbacks.message_part(server, ws, type, data, len, is_first, is_last,
                                       server->base.user);
}

static void on_writable(leat_websocket *ws, void *user)
{
    leat_websocket_server *server = server_of(user);
    if (server->callbacks.writable)
        server->callbacks.writable(server, ws, server->base.user);
}

/* The client leaves the server first: the callback may free the server. */
static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct server_client *client = user;
    leat_websocket_server *server = server_of(client);
    bool reported = client->base.guest.reported;
    server->counters.bytes_sent += ws->stream.sent_bytes;
    server->counters.closed += reported;
    leati_client_set_reported(&client->base, false);
    leati_client_remove(&client->base);
    bool is_served = client->ws.is_served && event->error.code == LEAT_E_WS_CONNECT &&
                     event->error.native_code < 400; /* refused is what came behind the answer */
    leati_server_forget_request(client);
    server->counters.failed += !reported && !is_served;
    if (!reported && !is_served)
        server_error(&server->base, &event->error);
    else if (reported && server->callbacks.closed)
        server->callbacks.closed(server, ws, event, server->base.user);
    client_dispose(&client->base);
}

/* All connections share these: of messages that come whole, and in parts. */
static const struct leat_websocket_callbacks client_callbacks = {
    .size = sizeof(client_callbacks),
    .opened = on_opened,
    .message = on_message,
    .pong = on_pong,
    .writable = on_writable,
    .closed = on_closed,
};

static const struct leat_websocket_callbacks client_part_callbacks = {
    .size = sizeof(client_part_callbacks),
    .opened = on_opened,
    .message = on_message,
    .pong = on_pong,
    .writable = on_writable,
    .closed = on_closed,
    .message_part = on_message_part,
};

/* ---- accepting --------------------------------------------------------------------------- */

/* NULL without memory. */
static struct server_client *client_new(leat_websocket_server *server)
{
    struct server_client *client = leati_calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    leati_websocket_init(&client->ws, server->base.loop,
                         server->callbacks.message_part ? &server->part_terms : &server->terms,
                         client);
    client->ws.is_server = true; /* from its birth: what frees it asks */
    return client;
}

/* Takes `fd` in every case. @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL. */
static int server_add(leat_websocket_server *server, int fd, const struct leati_address *remote)
{
    struct server_client *client = client_new(server);
    if (!client) {
        close(fd);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    const struct leati_settings *settings = server->base.settings;
    server->counters.accepted++;
    const struct leati_route_accepted accepted = {
        .fd = fd,
        .remote = remote,
        .settings = server->base.settings,
        .credentials = server->credentials,
        .asks_about_requests = server->callbacks.http_request,
        .reads_proxy_header =
            settings->receives_proxy_protocol && leati_settings_trust(settings, remote),
    };
    int code = leati_websocket_accept(&client->ws, &accepted);
    if (code == LEAT_OK)
        return leati_clients_add(&server->base, &client->base, remote);
    client_dispose(&client->base);
    return code;
}

static void on_accepted(int fd, const struct leati_address *remote, void *user)
{
    leat_websocket_server *server = user;
    int code = server_add(server, fd, remote);
    if (code != LEAT_OK)
        leati_clients_report(&server->base, code, NULL, "out of memory for a client");
}

static void on_paused(int sys_errno, void *user)
{
    leat_websocket_server *server = user;
    leati_clients_paused(&server->base, sys_errno, NULL);
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
    leati_copy_known(&server->callbacks, sizeof(server->callbacks), callbacks, callbacks->size);
    leati_clients_init(&server->base, loop, &server_owner, user);
    server->base.has_handshake = true;
    server->budget.exceeded = leati_server_make_room;
    server->terms.callbacks = &client_callbacks;
    server->part_terms.callbacks = &client_part_callbacks;
    leati_timer_init(&server->drain_timer, loop, leati_server_drain_over, server);
    *ret_server = server;
    return LEAT_OK;
}

int leat_websocket_server_set_callbacks(leat_websocket_server *server,
                                        const struct leat_websocket_server_callbacks *callbacks,
                                        void *user)
{
    if (!server)
        return LEAT_E_PARAMETER;
    if (!leati_replace_known(&server->callbacks, sizeof(server->callbacks), callbacks))
        return LEAT_E_PARAMETER;
    server->base.user = user;
    return LEAT_OK;
}

static void server_stop_listening(leat_websocket_server *server)
{
    leati_tcp_listener_free(server->listener);
    server->listener = NULL;
}

void leat_websocket_server_free(leat_websocket_server *server)
{
    if (!server)
        return;
    server_stop_listening(server);
    leati_timer_stop(&server->drain_timer);
    leati_clients_done(&server->base);
    leati_tls_credentials_unref(server->credentials);
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

static int server_prepare(leat_websocket_server *server, const leat_config *config)
{
    struct leati_clients *base = &server->base;
    leati_tls_credentials_unref(server->credentials);
    server->credentials = NULL;
    int code = leati_clients_take_settings(base, config);
    if (code == LEAT_OK) {
        leati_websocket_terms_set(&server->terms, base->settings);
        leati_websocket_terms_set(&server->part_terms, base->settings);
        server->budget.most_bytes = base->settings->server_queue_bytes;
        if (server->budget.most_bytes != 0)
            server->terms.stream.budget = server->part_terms.stream.budget = &server->budget;
    }
    if (code == LEAT_OK && leati_settings_serve_tls(base->settings))
        code = leati_settings_server_tls(base->settings, &base->failure, &server->credentials);
    if (code != LEAT_OK)
        leati_failure_set(&base->failure, &(struct leati_fault){.code = code}, "out of memory");
    return code;
}

int leati_server_listen(leat_websocket_server *server, const struct leati_address *address,
                        const struct leati_local_address *path, const int *adopted_fd,
                        const leat_config *config)
{
    leati_timer_stop(&server->drain_timer);
    int prepared = server_prepare(server, config);
    if (prepared != LEAT_OK && adopted_fd)
        close(*adopted_fd);
    if (prepared != LEAT_OK)
        return prepared;
    const struct leati_tcp_listener_options options = {
        .loop = server->base.loop,
        .address = address,
        .path = path,
        .adopted_fd = adopted_fd,
        .reuse_port = server->base.settings->reuse_port,
        .descriptor = &server->base.settings->descriptor,
        .accepted = on_accepted,
        .paused = on_paused,
        .user = server,
    };
    int code = leati_tcp_listener_new(&options, &server->base.failure, &server->listener);
    int documented = listen_code(code);
    if (documented == code)
        return code;
    return leati_failure_relabel(&server->base.failure, documented, LEAT_LAYER_WEBSOCKET,
                                 "the server cannot listen");
}

/* Of "ws+unix:PATH"; a request path makes no sense here. */
static int server_take_path(leat_websocket_server *server, const char *url,
                            struct leati_local_address *ret_path)
{
    struct leati_failure failure;
    struct leati_url parsed;
    char *path = NULL;
    leati_failure_init(&failure);
    int code = leati_url_parse_local(url, &failure, &path, &parsed);
    if (code == LEAT_OK) {
        code = strcmp(parsed.target, "/") == 0 ? leati_local_address_parse(path, ret_path)
                                               : LEAT_E_PARAMETER;
        leati_url_done(&parsed);
    }
    leati_free(path);
    leati_failure_done(&failure);
    if (code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL)
        return code == LEAT_OK ? LEAT_OK
                               : leati_clients_refuse(&server->base, code, 0, "out of memory");
    return leati_clients_refuse(&server->base, LEAT_E_WS_NIC, 0,
                                "not the path of a local socket: %s", url);
}

int leat_websocket_server_start(leat_websocket_server *server, const char *server_ip,
                                unsigned server_port, const leat_config *config)
{
    struct leati_address address;
    struct leati_local_address path;
    if (!server)
        return LEAT_E_PARAMETER;
    struct leati_clients *base = &server->base;
    if (server->listener)
        return leati_clients_refuse(base, LEAT_E_WS_EXISTS, 0, "the server listens already");
    if (server_port > UINT16_MAX)
        return leati_clients_refuse(base, LEAT_E_WS_PORT, 0, "the port is above 65535");
    if (!server_ip || !*server_ip)
        server_ip = "::";
    bool is_local = leati_url_is_local(server_ip);
    if (is_local && server_take_path(server, server_ip, &path) != LEAT_OK)
        return base->failure.code;
    if (!is_local && !leati_address_parse(server_ip, (uint16_t)server_port, &address))
        return leati_clients_refuse(base, LEAT_E_WS_NIC, 0, "not an IP address: %s", server_ip);
    if (base->first)
        return leati_clients_refuse(base, LEAT_E_WS_EXISTS, 0,
                                    "connections of the last start are still closing");
    return leati_server_listen(server, &address, is_local ? &path : NULL, NULL, config);
}

int leat_websocket_server_stop(leat_websocket_server *server)
{
    if (!server)
        return LEAT_E_PARAMETER;
    server_stop_listening(server);
    for (struct leati_client *client = server->base.first; client;) {
        struct leati_client *next = client->next;
        leat_websocket *ws = &client_of(client)->ws;
        if (!client->guest.reported) {
            server->counters.failed += !ws->is_served;
            leati_client_remove(client);
            client_dispose(client);
        } else if (leat_websocket_close(ws, 1001, "server is going away") != LEAT_OK) {
            leati_websocket_break(ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
        }
        client = next;
    }
    return LEAT_OK;
}

uint16_t leat_websocket_server_get_port(const leat_websocket_server *server)
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
    for (struct leati_client *client = server->base.first; client; client = client->next) {
        if (!client->guest.reported)
            continue;
        if (count < cap && ret_connections)
            ret_connections[count] = &client_of(client)->ws;
        count++;
    }
    return count;
}

int leat_websocket_get_client_address(const leat_websocket *ws,
                                      struct leat_net_address *ret_address)
{
    if (!ws || !ret_address)
        return LEAT_E_PARAMETER;
    const struct server_client *client = ws->is_server ? (const struct server_client *)ws : NULL;
    int code = leat_websocket_get_remote_address(ws, ret_address);
    if (code != LEAT_OK || !client || !client->forwarded)
        return code;
    leati_net_address_from(client->forwarded, ret_address);
    return LEAT_OK;
}

void leat_websocket_server_get_error(const leat_websocket_server *server,
                                     struct leat_error *ret_error)
{
    if (server && ret_error)
        leati_failure_get(&server->base.failure, ret_error);
}
