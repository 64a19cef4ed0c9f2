/* SPDX-License-Identifier: Apache-2.0 */
/* The server object: a listening descriptor, and a leat_local_socket for each connection. */
#include "config/settings.h"
#include "sockets/socket_options.h"
#include "sockets/local_private.h"
#include "tcp/acceptor.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct leat_local_socket_server {
    leat_loop *loop;
    struct leat_local_socket_server_callbacks callbacks;
    void *user;
    struct leat_extra_options options;
    int fd; /* -1 = it does not listen */
    struct leati_acceptor acceptor;
    struct leati_local_file file;
    char address[LEAT_LOCAL_ADDRESS_SIZE];
    const struct leati_settings *settings; /* of the last listen */
    struct leati_connections connections;
    struct leati_failure failure;
};

static const struct leati_stream_owner connection_owner;

/* ---- life -------------------------------------------------------------------------- */

int leat_local_socket_server_new(leat_loop *loop,
                                 const struct leat_local_socket_server_callbacks *callbacks,
                                 void *user, leat_local_socket_server **ret_server)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_server)
        return LEAT_E_PARAMETER;
    leat_local_socket_server *server = leati_calloc(1, sizeof(*server));
    if (!server)
        return LEAT_E_SYSTEM_INTERNAL;
    size_t known = sizeof(server->callbacks);
    memcpy(&server->callbacks, callbacks, callbacks->size < known ? callbacks->size : known);
    server->loop = loop;
    server->fd = -1;
    server->user = user;
    server->options.size = sizeof(server->options);
    leati_failure_init(&server->failure);
    *ret_server = server;
    return LEAT_OK;
}

static void server_unlisten(leat_local_socket_server *server)
{
    if (server->fd < 0)
        return;
    leati_acceptor_done(&server->acceptor);
    leati_local_file_remove(&server->file);
    close(server->fd);
    server->fd = -1;
}

void leat_local_socket_server_free(leat_local_socket_server *server)
{
    if (!server)
        return;
    server_unlisten(server);
    while (server->connections.first) {
        struct leat_local_socket *local = server->connections.first->socket;
        leati_connections_remove(&server->connections, &local->connection);
        leati_local_socket_dispose(local);
    }
    leati_connections_done(&server->connections);
    leati_settings_unref(server->settings);
    leati_failure_done(&server->failure);
    leati_free(server);
}

static int server_refuse(leat_local_socket_server *server, int code, int sys_errno,
                         const char *text)
{
    const struct leati_fault fault = {
        .code = code, .layer = LEAT_LAYER_TCP, .sys_errno = sys_errno};
    leati_failure_done(&server->failure);
    return leati_failure_set(&server->failure, &fault, "%s", text);
}

/* ---- connections ------------------------------------------------------------------- */

static void connection_opened(struct leati_stream *stream, void *user)
{
    struct leat_local_socket *local = user;
    leat_local_socket_server *server = local->server;
    (void)stream;
    leati_connections_set_reported(&server->connections, &local->connection, true);
    if (server->callbacks.connected)
        server->callbacks.connected(server, local, server->user);
}

static void connection_received(struct leati_stream *stream, const uint8_t *data, size_t len,
                                void *user)
{
    struct leat_local_socket *local = user;
    leat_local_socket_server *server = local->server;
    (void)stream;
    if (!server->callbacks.message)
        return;
    server->callbacks.message(server, local, data, len, local->address, server->user);
}

static void connection_writable(struct leati_stream *stream, void *user)
{
    struct leat_local_socket *local = user;
    leat_local_socket_server *server = local->server;
    (void)stream;
    if (server->callbacks.writable)
        server->callbacks.writable(server, local, server->user);
}

/* Every callback may free the server, and with it the connection. */
static void connection_ended(struct leati_stream *stream, void *user)
{
    struct leat_local_socket *local = user;
    leat_local_socket_server *server = local->server;
    struct leat_error error;
    leati_failure_get(&stream->failure, &error);
    bool reported = local->connection.reported;
    leati_connections_set_reported(&server->connections, &local->connection, false);
    if (error.code != LEAT_OK && server->callbacks.error)
        server->callbacks.error(server, reported ? local : NULL, &error, server->user);
    if (local->server && reported && server->callbacks.closed)
        server->callbacks.closed(server, local, server->user);
    if (!local->server)
        return;
    leati_connections_remove(&server->connections, &local->connection);
    leati_local_socket_dispose(local);
}

static const struct leati_stream_owner connection_owner = {
    .opened = connection_opened,
    .received = connection_received,
    .writable = connection_writable,
    .ended = connection_ended,
    .left = leati_local_socket_left,
};

/* ---- accepting --------------------------------------------------------------------- */

static void server_report(leat_local_socket_server *server, int code, const char *text)
{
    struct leati_failure failure;
    struct leat_error error;
    const struct leati_fault fault = {
        .code = code,
        .layer = LEAT_LAYER_TCP,
        .sys_errno = code == LEAT_E_SYSTEM_INTERNAL ? 0 : code - LEAT_E_SOCKET_BASE,
        .hop = server->address,
    };
    if (!server->callbacks.error)
        return;
    leati_failure_init(&failure);
    leati_failure_set(&failure, &fault, "%s", text);
    leati_failure_get(&failure, &error);
    leati_failure_done(&failure);
    server->callbacks.error(server, NULL, &error, server->user);
}

static int server_add(leat_local_socket_server *server, int fd)
{
    int sys_errno = leati_extra_options_apply(&server->options, fd);
    struct leat_local_socket *local = leati_local_socket_alloc(server->loop, &connection_owner);
    if (!local || sys_errno != 0) {
        close(fd);
        leati_free(local);
        return local ? LEAT_E_SOCKET_BASE + sys_errno : LEAT_E_SYSTEM_INTERNAL;
    }
    local->options = server->options;
    memcpy(local->address, server->address, sizeof(local->address));
    local->tracer = server->settings->tracer;
    leati_local_socket_limits(server->settings, &server->options, &local->limits);
    int code = leati_local_socket_start(local, fd);
    if (code != LEAT_OK) {
        leati_local_socket_dispose(local);
        return code;
    }
    local->server = server;
    leati_connections_add(&server->connections, &local->connection, &local->stream, local);
    return LEAT_OK;
}

static void server_accepted(int fd, const struct sockaddr_storage *remote, void *user)
{
    leat_local_socket_server *server = user;
    (void)remote;
    if (server->connections.count >= server->settings->max_clients) {
        close(fd);
        server_report(server, LEAT_E_SOCKET_BASE + EUSERS, "there are too many connections");
        return;
    }
    int code = server_add(server, fd);
    if (code != LEAT_OK)
        server_report(server, code, "the connection cannot be accepted");
}

static void server_paused(int sys_errno, void *user)
{
    server_report(user, LEAT_E_SOCKET_BASE + sys_errno, "connections cannot be accepted for now");
}

/* ---- what a program asks for ------------------------------------------------------- */

static int server_take_settings(leat_local_socket_server *server, const leat_config *config)
{
    const struct leati_settings *settings;
    if (leati_settings_of(config, &settings) != LEAT_OK)
        return server_refuse(server, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
    leati_settings_unref(server->settings);
    server->settings = settings;
    return LEAT_OK;
}

static int server_refuse_errno(leat_local_socket_server *server, int sys_errno, const char *what)
{
    char reason[128];
    char text[512];
    leati_errno_format(sys_errno, reason, sizeof(reason));
    leati_readable_format(text, sizeof(text), "%s %s: %s", what, server->address, reason);
    return server_refuse(server, LEAT_E_SOCKET_BASE + sys_errno, sys_errno, text);
}

static int server_open(leat_local_socket_server *server, const struct leati_local_address *address)
{
    int fd = leati_local_open(&server->options);
    if (fd < 0)
        return server_refuse_errno(server, -fd, "cannot make a socket for");
    int sys_errno = leati_local_bind(fd, address, &server->file);
    if (sys_errno == 0 && listen(fd, SOMAXCONN) < 0)
        sys_errno = errno;
    if (sys_errno == 0) {
        int code = leati_acceptor_init(&server->acceptor, server->loop, fd, server_accepted,
                                       server_paused, server);
        sys_errno = code == LEAT_OK ? 0 : code - LEAT_E_SOCKET_BASE;
    }
    if (sys_errno == 0) {
        server->fd = fd;
        return LEAT_OK;
    }
    leati_local_file_remove(&server->file);
    close(fd);
    return server_refuse_errno(server, sys_errno, "cannot listen on");
}

int leat_local_socket_server_listen(leat_local_socket_server *server, const char *address,
                                    const leat_config *config)
{
    struct leati_local_address parsed;
    if (!server || !address)
        return LEAT_E_PARAMETER;
    if (server->fd >= 0)
        return server_refuse_errno(server, EINVAL, "it listens already on");
    int code = leati_local_address_parse(address, &parsed);
    if (code == LEAT_E_PARAMETER)
        return server_refuse(server, code, 0, "the address is empty");
    snprintf(server->address, sizeof(server->address), "%s", address);
    if (code != LEAT_OK)
        return server_refuse_errno(server, ENAMETOOLONG, "the address begins with");
    code = server_take_settings(server, config);
    if (code != LEAT_OK)
        return code;
    leati_failure_done(&server->failure);
    return server_open(server, &parsed);
}

int leat_local_socket_server_close(leat_local_socket_server *server)
{
    if (!server)
        return LEAT_E_PARAMETER;
    if (server->fd < 0)
        return LEAT_E_SOCKET_BASE + EBADF;
    server_unlisten(server);
    leati_connections_close(&server->connections);
    return LEAT_OK;
}

void leat_local_socket_server_get_state(const leat_local_socket_server *server,
                                        struct leat_socket_state *ret_state)
{
    if (!server || !ret_state)
        return;
    *ret_state = (struct leat_socket_state){
        .is_bound = server->fd >= 0,
        .is_connected = server->connections.reported_count > 0,
        .is_close = server->fd < 0,
    };
}

int leat_local_socket_server_get_local_address(const leat_local_socket_server *server,
                                               char ret_address[LEAT_LOCAL_ADDRESS_SIZE])
{
    if (!server || !ret_address)
        return LEAT_E_PARAMETER;
    if (server->fd < 0)
        return LEAT_E_SOCKET_BASE + EBADF;
    memcpy(ret_address, server->address, sizeof(server->address));
    return LEAT_OK;
}

int leat_local_socket_server_get_socket_fd(const leat_local_socket_server *server)
{
    return server ? server->fd : -1;
}

int leat_local_socket_server_set_extra_options(leat_local_socket_server *server,
                                               const struct leat_extra_options *options)
{
    const char *reason;
    if (!server)
        return LEAT_E_PARAMETER;
    if (leati_extra_options_check(options, &reason, &server->options) != LEAT_OK)
        return server_refuse(server, LEAT_E_PARAMETER, 0, reason);
    return LEAT_OK;
}

void leat_local_socket_server_get_extra_options(const leat_local_socket_server *server,
                                                struct leat_extra_options *ret_options)
{
    if (server && ret_options)
        *ret_options = server->options;
}

size_t leat_local_socket_server_connection_count(const leat_local_socket_server *server)
{
    return server ? server->connections.reported_count : 0;
}

leat_local_socket *leat_local_socket_server_find(const leat_local_socket_server *server,
                                                 uint64_t client_id)
{
    return server ? leati_connections_find(&server->connections, client_id) : NULL;
}

int leat_local_socket_server_send_all(leat_local_socket_server *server, const void *data,
                                      size_t len)
{
    if (!server || (!data && len > 0))
        return LEAT_E_PARAMETER;
    return leati_connections_send(&server->connections, data, len);
}

void leat_local_socket_server_get_error(const leat_local_socket_server *server,
                                        struct leat_error *ret_error)
{
    if (server && ret_error)
        leati_failure_get(&server->failure, ret_error);
}

uint64_t leat_local_socket_get_client_id(const leat_local_socket *local)
{
    return local ? local->connection.id : 0;
}

void leat_local_socket_set_client_data(leat_local_socket *local, void *data)
{
    if (local)
        local->connection.data = data;
}

void *leat_local_socket_get_client_data(const leat_local_socket *local)
{
    return local ? local->connection.data : NULL;
}
