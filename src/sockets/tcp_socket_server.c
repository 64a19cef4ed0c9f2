/* SPDX-License-Identifier: Apache-2.0 */
/* The server object: a listener, and a leat_tcp_socket for each connection. */
#include "config/settings.h"
#include "sockets/socket_options.h"
#include "sockets/tcp_private.h"
#include "tcp/listener.h"
#include "util/alloc.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct leat_tcp_socket_server {
    leat_loop *loop;
    struct leat_tcp_socket_server_callbacks callbacks;
    void *user;
    struct leat_tcp_extra_options options;
    struct leati_tcp_listener *listener;   /* NULL = it does not listen */
    const struct leati_settings *settings; /* of the last listen */
    struct leati_connections connections;
    const struct leati_tls_layer_options *tls; /* of a TLS server, which owns it; NULL = none */
    struct leati_failure failure;
};

static const struct leati_stream_owner connection_owner;

/* ---- life -------------------------------------------------------------------------- */

int leat_tcp_socket_server_new(leat_loop *loop,
                               const struct leat_tcp_socket_server_callbacks *callbacks, void *user,
                               leat_tcp_socket_server **ret_server)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_server)
        return LEAT_E_PARAMETER;
    leat_tcp_socket_server *server = leati_calloc(1, sizeof(*server));
    if (!server)
        return LEAT_E_SYSTEM_INTERNAL;
    size_t known = sizeof(server->callbacks);
    memcpy(&server->callbacks, callbacks, callbacks->size < known ? callbacks->size : known);
    server->loop = loop;
    server->user = user;
    server->options.size = sizeof(server->options);
    leati_failure_init(&server->failure);
    *ret_server = server;
    return LEAT_OK;
}

void leati_tcp_socket_server_set_tls(leat_tcp_socket_server *server,
                                     const struct leati_tls_layer_options *tls)
{
    server->tls = tls;
}

void leat_tcp_socket_server_free(leat_tcp_socket_server *server)
{
    if (!server)
        return;
    leati_tcp_listener_free(server->listener);
    while (server->connections.first) {
        struct leat_tcp_socket *tcp = server->connections.first->socket;
        leati_connections_remove(&server->connections, &tcp->connection);
        leati_tcp_socket_dispose(tcp);
    }
    leati_connections_done(&server->connections);
    leati_settings_unref(server->settings);
    leati_failure_done(&server->failure);
    leati_free(server);
}

static int server_refuse(leat_tcp_socket_server *server, int code, int sys_errno, const char *text)
{
    const struct leati_fault fault = {
        .code = code, .layer = LEAT_LAYER_TCP, .sys_errno = sys_errno};
    leati_failure_done(&server->failure);
    return leati_failure_set(&server->failure, &fault, "%s", text);
}

/* ---- connections ------------------------------------------------------------------- */

/* A connection whose handshake is done finds the server full, perhaps. */
static bool server_lets_in(leat_tcp_socket_server *server, struct leati_stream *stream,
                           struct leati_connection *connection)
{
    struct leati_admission *admission = &server->connections.admission;
    if (connection->guest.state != LEATI_GUEST_HANDSHAKE)
        return true;
    const struct leati_admission_limits limits = leati_settings_admission_limits(server->settings);
    enum leati_admission_verdict verdict =
        leati_admission_judge_guest(admission, &limits, &connection->guest);
    if (verdict == LEATI_ADMISSION_OK)
        leati_admission_open(admission, &connection->guest);
    else
        leati_stream_break(stream, EUSERS, leati_admission_verdict_text(verdict));
    return verdict == LEATI_ADMISSION_OK;
}

static void connection_opened(struct leati_stream *stream, void *user)
{
    struct leat_tcp_socket *tcp = user;
    leat_tcp_socket_server *server = tcp->server;
    if (!server_lets_in(server, stream, &tcp->connection))
        return;
    leati_connections_set_reported(&server->connections, &tcp->connection, true);
    if (server->callbacks.connected)
        server->callbacks.connected(server, tcp, server->user);
}

static void connection_received(struct leati_stream *stream, const uint8_t *data, size_t len,
                                void *user)
{
    struct leat_tcp_socket *tcp = user;
    leat_tcp_socket_server *server = tcp->server;
    struct leat_remote_info info;
    (void)stream;
    if (!server->callbacks.message)
        return;
    leati_tcp_socket_remote_info(tcp, len, &info);
    server->callbacks.message(server, tcp, data, len, &info, server->user);
}

static void connection_writable(struct leati_stream *stream, void *user)
{
    struct leat_tcp_socket *tcp = user;
    leat_tcp_socket_server *server = tcp->server;
    (void)stream;
    if (server->callbacks.writable)
        server->callbacks.writable(server, tcp, server->user);
}

/* Every callback may free the server, and with it the connection. */
static void connection_ended(struct leati_stream *stream, void *user)
{
    struct leat_tcp_socket *tcp = user;
    leat_tcp_socket_server *server = tcp->server;
    struct leat_error error;
    leati_failure_get(&stream->failure, &error);
    bool reported = tcp->connection.reported;
    leati_admission_leave(&server->connections.admission, &tcp->connection.guest);
    leati_connections_set_reported(&server->connections, &tcp->connection, false);
    if (error.code != LEAT_OK && server->callbacks.error)
        server->callbacks.error(server, reported ? tcp : NULL, &error, server->user);
    if (tcp->server && reported && server->callbacks.closed)
        server->callbacks.closed(server, tcp, server->user);
    if (!tcp->server)
        return;
    leati_connections_remove(&server->connections, &tcp->connection);
    leati_tcp_socket_dispose(tcp);
}

static const struct leati_stream_owner connection_owner = {
    .opened = connection_opened,
    .received = connection_received,
    .writable = connection_writable,
    .ended = connection_ended,
    .left = leati_tcp_socket_left,
};

/* ---- accepting --------------------------------------------------------------------- */

static void server_report(leat_tcp_socket_server *server, int code, const char *hop,
                          const char *text)
{
    struct leati_failure failure;
    struct leat_error error;
    const struct leati_fault fault = {
        .code = code,
        .layer = LEAT_LAYER_TCP,
        .sys_errno = code == LEAT_E_SYSTEM_INTERNAL ? 0 : code - LEAT_E_SOCKET_BASE,
        .hop = hop,
    };
    if (!server->callbacks.error)
        return;
    leati_failure_init(&failure);
    leati_failure_set(&failure, &fault, "%s", text);
    leati_failure_get(&failure, &error);
    leati_failure_done(&failure);
    server->callbacks.error(server, NULL, &error, server->user);
}

/* Counts what was added; a handshake may have to make room for it. */
static int server_count(leat_tcp_socket_server *server, struct leat_tcp_socket *tcp,
                        const struct leati_address *remote)
{
    struct leati_admission *admission = &server->connections.admission;
    struct leati_guest *guest = &tcp->connection.guest;
    if (!leati_admission_enter(admission, guest, remote)) {
        leati_connections_remove(&server->connections, &tcp->connection);
        leati_tcp_socket_dispose(tcp);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    if (!server->tls) {
        leati_admission_open(admission, guest);
        return LEAT_OK;
    }
    const struct leati_admission_limits limits = leati_settings_admission_limits(server->settings);
    struct leati_guest *excess = leati_admission_excess(admission, &limits, guest);
    if (excess)
        leati_connections_give_up(&server->connections, excess);
    return LEAT_OK;
}

static int server_add(leat_tcp_socket_server *server, int fd, const struct leati_address *remote,
                      const char *text)
{
    struct leati_route *route;
    struct leati_stream_limits limits;
    struct leat_tcp_extra_options options = server->options;
    /* Else a connection in TIME_WAIT would keep the next listener from the port. */
    options.reuse_address = true;
    int sys_errno = leati_tcp_extra_options_apply(&options, fd);
    struct leat_tcp_socket *tcp = leati_tcp_socket_alloc(server->loop, &connection_owner);
    if (!tcp || sys_errno != 0) {
        close(fd);
        leati_free(tcp);
        return tcp ? LEAT_E_SOCKET_BASE + sys_errno : LEAT_E_SYSTEM_INTERNAL;
    }
    tcp->options = options;
    leati_net_address_from(remote, &tcp->remote);
    leati_tcp_socket_limits(server->settings, &options, &limits);
    int code = leati_route_new_stream(fd, remote, text, &route);
    if (code == LEAT_OK) {
        route->tls = server->tls;
        code = leati_stream_start(&tcp->stream, route, &server->settings->tracer, &limits);
    }
    if (code != LEAT_OK) {
        leati_tcp_socket_dispose(tcp);
        return code;
    }
    tcp->server = server;
    leati_connections_add(&server->connections, &tcp->connection, &tcp->stream, tcp);
    return server_count(server, tcp, remote);
}

static void server_accepted(int fd, const struct leati_address *remote, void *user)
{
    leat_tcp_socket_server *server = user;
    char text[LEATI_ADDRESS_TEXT_SIZE];
    leati_address_format(remote, text, sizeof(text));
    const struct leati_admission_limits limits = leati_settings_admission_limits(server->settings);
    enum leati_admission_verdict verdict =
        leati_admission_judge(&server->connections.admission, &limits, remote);
    if (verdict != LEATI_ADMISSION_OK) {
        close(fd);
        server_report(server, LEAT_E_SOCKET_BASE + EUSERS, text,
                      leati_admission_verdict_text(verdict));
        return;
    }
    int code = server_add(server, fd, remote, text);
    if (code != LEAT_OK)
        server_report(server, code, text, "the connection cannot be accepted");
}

static void server_paused(int sys_errno, void *user)
{
    leat_tcp_socket_server *server = user;
    struct leati_admission *admission = &server->connections.admission;
    char text[LEATI_ADDRESS_TEXT_SIZE];
    unsigned victims =
        leati_admission_is_shortage(sys_errno) ? LEATI_ADMISSION_SHORTAGE_VICTIMS : 0;
    for (; victims > 0 && admission->oldest; victims--)
        leati_connections_give_up(&server->connections, admission->oldest);
    leati_address_format(leati_tcp_listener_local(server->listener), text, sizeof(text));
    server_report(server, LEAT_E_SOCKET_BASE + sys_errno, text,
                  "connections cannot be accepted for now");
}

/* ---- what a program asks for ------------------------------------------------------- */

static int server_take_settings(leat_tcp_socket_server *server, const leat_config *config)
{
    const struct leati_settings *settings;
    if (leati_settings_of(config, &settings) != LEAT_OK)
        return server_refuse(server, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
    leati_settings_unref(server->settings);
    server->settings = settings;
    return LEAT_OK;
}

int leat_tcp_socket_server_listen(leat_tcp_socket_server *server, const char *address,
                                  uint16_t port, const leat_config *config)
{
    struct leati_address local;
    if (!server || !address)
        return LEAT_E_PARAMETER;
    if (server->listener)
        return server_refuse(server, LEAT_E_SOCKET_BASE + EINVAL, EINVAL, "it listens already");
    int sys_errno = leati_address_read(address, port, &local);
    if (sys_errno == ENOENT)
        return server_refuse(server, LEAT_E_PARAMETER, 0,
                             "the address is not an IPv4 or IPv6 literal");
    if (sys_errno != 0) {
        char text[256];
        leati_address_fault_format(address, sys_errno, text, sizeof(text));
        return server_refuse(server, LEAT_E_SOCKET_BASE + sys_errno, sys_errno, text);
    }
    int code = server_take_settings(server, config);
    if (code != LEAT_OK)
        return code;
    leati_failure_done(&server->failure);
    const struct leati_tcp_listener_options options = {
        .loop = server->loop,
        .address = &local,
        .reuse_port = server->settings->reuse_port,
        .accepted = server_accepted,
        .paused = server_paused,
        .user = server,
    };
    return leati_tcp_listener_new(&options, &server->failure, &server->listener);
}

int leat_tcp_socket_server_close(leat_tcp_socket_server *server)
{
    if (!server)
        return LEAT_E_PARAMETER;
    if (!server->listener)
        return LEAT_E_SOCKET_BASE + EBADF;
    leati_tcp_listener_free(server->listener);
    server->listener = NULL;
    leati_connections_close(&server->connections);
    return LEAT_OK;
}

void leat_tcp_socket_server_get_state(const leat_tcp_socket_server *server,
                                      struct leat_socket_state *ret_state)
{
    if (!server || !ret_state)
        return;
    *ret_state = (struct leat_socket_state){
        .is_bound = server->listener != NULL,
        .is_connected = server->connections.reported_count > 0,
        .is_close = server->listener == NULL,
    };
}

int leat_tcp_socket_server_get_local_address(const leat_tcp_socket_server *server,
                                             struct leat_net_address *ret_address)
{
    if (!server || !ret_address)
        return LEAT_E_PARAMETER;
    if (!server->listener)
        return LEAT_E_SOCKET_BASE + EBADF;
    leati_net_address_from(leati_tcp_listener_local(server->listener), ret_address);
    return LEAT_OK;
}

int leat_tcp_socket_server_get_socket_fd(const leat_tcp_socket_server *server)
{
    return server && server->listener ? leati_tcp_listener_fd(server->listener) : -1;
}

int leat_tcp_socket_server_set_extra_options(leat_tcp_socket_server *server,
                                             const struct leat_tcp_extra_options *options)
{
    const char *reason;
    if (!server)
        return LEAT_E_PARAMETER;
    if (leati_tcp_extra_options_check(options, &reason, &server->options) != LEAT_OK)
        return server_refuse(server, LEAT_E_PARAMETER, 0, reason);
    return LEAT_OK;
}

void leat_tcp_socket_server_get_extra_options(const leat_tcp_socket_server *server,
                                              struct leat_tcp_extra_options *ret_options)
{
    if (server && ret_options)
        *ret_options = server->options;
}

size_t leat_tcp_socket_server_connection_count(const leat_tcp_socket_server *server)
{
    return server ? server->connections.reported_count : 0;
}

leat_tcp_socket *leat_tcp_socket_server_find(const leat_tcp_socket_server *server,
                                             uint64_t client_id)
{
    return server ? leati_connections_find(&server->connections, client_id) : NULL;
}

int leat_tcp_socket_server_send_all(leat_tcp_socket_server *server, const void *data, size_t len)
{
    if (!server || (!data && len > 0))
        return LEAT_E_PARAMETER;
    return leati_connections_send(&server->connections, data, len);
}

void leat_tcp_socket_server_get_error(const leat_tcp_socket_server *server,
                                      struct leat_error *ret_error)
{
    if (server && ret_error)
        leati_failure_get(&server->failure, ret_error);
}

uint64_t leat_tcp_socket_get_client_id(const leat_tcp_socket *tcp)
{
    return tcp ? tcp->connection.id : 0;
}

void leat_tcp_socket_set_client_data(leat_tcp_socket *tcp, void *data)
{
    if (tcp)
        tcp->connection.data = data;
}

void *leat_tcp_socket_get_client_data(const leat_tcp_socket *tcp)
{
    return tcp ? tcp->connection.data : NULL;
}
