/* SPDX-License-Identifier: Apache-2.0 */
/* The server object: a listener, and a leat_tcp_socket for each connection. */
#include "sockets/faces.h"
#include "sockets/socket_options.h"
#include "sockets/tcp_private.h"
#include "util/alloc.h"
#include "util/known.h"

#include <errno.h>
#include <unistd.h>

/* ---- life -------------------------------------------------------------------------- */

int leati_tcp_server_new(leat_loop *loop, const struct leati_clients_owner *owner,
                         const struct leati_stream_face *face, void *user,
                         struct leat_tcp_socket_server **ret_server)
{
    struct leat_tcp_socket_server *server = leati_calloc(1, sizeof(*server));
    if (!server)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_clients_init(&server->base, loop, owner, user);
    server->connection_face = face;
    server->options.size = sizeof(server->options);
    *ret_server = server;
    return LEAT_OK;
}

void leat_tcp_socket_server_free(leat_tcp_socket_server *server)
{
    if (!server)
        return;
    leati_tcp_listener_free(server->listener);
    leati_clients_done(&server->base);
    leati_tls_setup_done(&server->setup);
    leati_free(server);
}

int leat_tcp_socket_server_new(leat_loop *loop,
                               const struct leat_tcp_socket_server_callbacks *callbacks, void *user,
                               leat_tcp_socket_server **ret_server)
{
    leat_tcp_socket_server *server;
    if (!loop || !callbacks || callbacks->size == 0 || !ret_server)
        return LEAT_E_PARAMETER;
    int code = leati_tcp_server_new(loop, &leati_tcp_server_owner, &leati_tcp_connection_face, user,
                                    &server);
    if (code != LEAT_OK)
        return code;
    leati_copy_known(&server->callbacks.tcp, sizeof(server->callbacks.tcp), callbacks,
                     callbacks->size);
    *ret_server = server;
    return LEAT_OK;
}

/* ---- accepting --------------------------------------------------------------------- */

/* The socket of a connection, whose stream has been started. Takes `fd` in every case. */
static int connection_new(struct leat_tcp_socket_server *server, int fd,
                          const struct leati_address *remote, const char *text,
                          struct leat_tcp_socket **ret_tcp)
{
    struct leati_stream_limits limits = leati_stream_limits_of(server->base.settings);
    struct leat_tcp_extra_options options = server->options;
    struct leat_tcp_socket *tcp;
    struct leati_route *route;
    /* Else a connection in TIME_WAIT would keep the next listener from the port. */
    options.reuse_address = true;
    struct leat_tcp_extra_options applied = options;
    applied.tcp_no_delay = true;
    int sys_errno = leati_tcp_extra_options_apply(&applied, fd);
    if (sys_errno == 0) /* again: the extra options have a keep-alive of their own */
        sys_errno = leati_descriptor_set(&server->base.settings->descriptor, fd,
                                         remote->any.sa_family, true);
    int code = sys_errno == 0 ? LEAT_OK : LEAT_E_SOCKET_BASE + sys_errno;
    if (code == LEAT_OK)
        code = leati_tcp_socket_new(server->base.loop, server->connection_face, NULL, &tcp);
    if (code != LEAT_OK) {
        close(fd);
        return code;
    }
    tcp->options = options;
    tcp->has_tls = tcp->was_open = server->base.has_handshake;
    leati_net_address_from(remote, &tcp->remote);
    limits.stall_timeout_ms = options.socket_timeout_ms;
    limits.linger = options.socket_linger;
    tcp->base.limits = limits;
    code = leati_route_new_stream(fd, remote, text, &route);
    if (code == LEAT_OK) {
        route->tls = tcp->has_tls ? &server->setup.options : NULL;
        code = leati_stream_start(&tcp->base.stream, route, &server->base.settings->tracer,
                                  &tcp->base.limits);
    }
    if (code != LEAT_OK)
        leati_stream_socket_dispose(&tcp->base);
    else
        *ret_tcp = tcp;
    return code;
}

static void server_accepted(int fd, const struct leati_address *remote, void *user)
{
    leat_tcp_socket_server *server = user;
    struct leat_tcp_socket *tcp = NULL; /* gcc 12 with ThreadSanitizer cannot see that it is set */
    char text[LEATI_ADDRESS_TEXT_SIZE];
    leati_address_format(remote, text, sizeof(text));
    if (!leati_clients_let_in(&server->base, remote, text)) {
        close(fd);
        return;
    }
    int code = connection_new(server, fd, remote, text, &tcp);
    if (code == LEAT_OK)
        code = leati_clients_add(&server->base, &tcp->base.client, remote);
    if (code != LEAT_OK)
        leati_clients_report(&server->base, code, text, "the connection cannot be accepted");
}

static void server_paused(int sys_errno, void *user)
{
    leat_tcp_socket_server *server = user;
    char text[LEATI_ADDRESS_TEXT_SIZE];
    leati_address_format(leati_tcp_listener_local(server->listener), text, sizeof(text));
    leati_clients_paused(&server->base, sys_errno, text);
}

/* ---- what a program asks for ------------------------------------------------------- */

int leat_tcp_socket_server_listen(leat_tcp_socket_server *server, const char *address,
                                  uint16_t port, const leat_config *config)
{
    struct leati_address local;
    if (!server || !address)
        return LEAT_E_PARAMETER;
    if (server->listener)
        return leati_clients_refuse(&server->base, LEAT_E_SOCKET_BASE + EINVAL, EINVAL,
                                    "it listens already");
    char refusal[LEATI_SETTER_REFUSAL_TEXT_SIZE];
    int code = leati_setter_refusal_format(&server->refusal, refusal);
    if (code != LEAT_OK)
        return leati_clients_refuse(&server->base, code, 0, "%s", refusal);
    int sys_errno = leati_address_read(address, port, &local);
    if (sys_errno == ENOENT)
        return leati_clients_refuse(&server->base, LEAT_E_PARAMETER, 0,
                                    "the address is not an IPv4 or IPv6 literal");
    if (sys_errno != 0)
        return leati_clients_refuse(&server->base, LEAT_E_SOCKET_BASE + sys_errno, sys_errno, "%s",
                                    leati_literal_reason(address, sys_errno).text);
    code = leati_clients_take_settings(&server->base, config);
    if (code != LEAT_OK)
        return code;
    const struct leati_tcp_listener_options options = {
        .loop = server->base.loop,
        .address = &local,
        .reuse_port = server->base.settings->reuse_port,
        .descriptor = &server->base.settings->descriptor,
        .accepted = server_accepted,
        .paused = server_paused,
        .user = server,
    };
    return leati_tcp_listener_new(&options, &server->base.failure, &server->listener);
}

int leat_tcp_socket_server_close(leat_tcp_socket_server *server)
{
    if (!server)
        return LEAT_E_PARAMETER;
    if (!server->listener)
        return LEAT_E_SOCKET_BASE + EBADF;
    leati_tcp_listener_free(server->listener);
    server->listener = NULL;
    leati_clients_close_all(&server->base);
    return LEAT_OK;
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
    server->refusal.setter = NULL;
    if (leati_tcp_extra_options_check(options, &reason, &server->options) == LEAT_OK)
        return LEAT_OK;
    server->refusal = (struct leati_setter_refusal){
        .setter = server->base.has_handshake ? "leat_tls_socket_server_set_extra_options"
                                             : "leat_tcp_socket_server_set_extra_options",
        .reason = reason,
        .code = LEAT_E_PARAMETER,
    };
    return leati_clients_refuse(&server->base, LEAT_E_PARAMETER, 0, "%s", reason);
}

int leat_tcp_socket_server_send_all(leat_tcp_socket_server *server, const void *data, size_t len)
{
    return server ? leati_clients_send_all(&server->base, data, len, NULL) : LEAT_E_PARAMETER;
}
