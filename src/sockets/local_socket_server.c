/* SPDX-License-Identifier: Apache-2.0 */
/* The server object: a listening descriptor, and a leat_local_socket for each connection. */
#include "sockets/local_private.h"
#include "sockets/faces.h"
#include "sockets/socket_options.h"
#include "util/alloc.h"
#include "util/known.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
    leati_clients_done(&server->base);
    leati_free(server);
}

int leat_local_socket_server_new(leat_loop *loop,
                                 const struct leat_local_socket_server_callbacks *callbacks,
                                 void *user, leat_local_socket_server **ret_server)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_server)
        return LEAT_E_PARAMETER;
    leat_local_socket_server *server = leati_calloc(1, sizeof(*server));
    if (!server)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_clients_init(&server->base, loop, &leati_local_server_owner, user);
    leati_copy_known(&server->callbacks, sizeof(server->callbacks), callbacks, callbacks->size);
    server->fd = -1;
    server->options.size = sizeof(server->options);
    *ret_server = server;
    return LEAT_OK;
}

/* ---- accepting --------------------------------------------------------------------- */

/* Takes `fd` in every case. */
static int server_add(leat_local_socket_server *server, int fd)
{
    struct leat_local_socket *local;
    int sys_errno = leati_extra_options_apply(&server->options, fd);
    int code = sys_errno == 0 ? LEAT_OK : LEAT_E_SOCKET_BASE + sys_errno;
    if (code == LEAT_OK)
        code =
            leati_local_socket_new(server->base.loop, &leati_local_connection_face, NULL, &local);
    if (code != LEAT_OK) {
        close(fd);
        return code;
    }
    local->options = server->options;
    memcpy(local->address, server->address, sizeof(local->address));
    leati_local_socket_take_settings(local, server->base.settings);
    code = leati_local_socket_start(local, fd);
    if (code == LEAT_OK)
        return leati_clients_add(&server->base, &local->base.client, NULL);
    leati_stream_socket_dispose(&local->base);
    return code;
}

static void server_accepted(int fd, const struct sockaddr_storage *remote, void *user)
{
    leat_local_socket_server *server = user;
    (void)remote;
    if (!leati_clients_let_in(&server->base, NULL, server->address)) {
        close(fd);
        return;
    }
    int code = server_add(server, fd);
    if (code != LEAT_OK)
        leati_clients_report(&server->base, code, server->address,
                             "the connection cannot be accepted");
}

static void server_paused(int sys_errno, void *user)
{
    leat_local_socket_server *server = user;
    leati_clients_paused(&server->base, sys_errno, server->address);
}

/* ---- what a program asks for ------------------------------------------------------- */

static int server_refuse_errno(leat_local_socket_server *server, int sys_errno, const char *what)
{
    return leati_clients_refuse(&server->base, LEAT_E_SOCKET_BASE + sys_errno, sys_errno,
                                "%s %s: %s", what, server->address,
                                leati_errno_reason(sys_errno).text);
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
        int code = leati_acceptor_init(&server->acceptor, server->base.loop, fd, server_accepted,
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
    char refusal[LEATI_SETTER_REFUSAL_TEXT_SIZE];
    int code = leati_setter_refusal_format(&server->refusal, refusal);
    if (code != LEAT_OK)
        return leati_clients_refuse(&server->base, code, 0, "%s", refusal);
    code = leati_local_address_parse(address, &parsed);
    if (code == LEAT_E_PARAMETER)
        return leati_clients_refuse(&server->base, code, 0, "the address is empty");
    snprintf(server->address, sizeof(server->address), "%s", address);
    if (code != LEAT_OK)
        return server_refuse_errno(server, ENAMETOOLONG, "the address begins with");
    code = leati_clients_take_settings(&server->base, config);
    if (code != LEAT_OK)
        return code;
    return server_open(server, &parsed);
}

int leat_local_socket_server_close(leat_local_socket_server *server)
{
    if (!server)
        return LEAT_E_PARAMETER;
    if (server->fd < 0)
        return LEAT_E_SOCKET_BASE + EBADF;
    server_unlisten(server);
    leati_clients_close_all(&server->base);
    return LEAT_OK;
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
    server->refusal.setter = NULL;
    if (leati_extra_options_check(options, &reason, &server->options) == LEAT_OK)
        return LEAT_OK;
    server->refusal = (struct leati_setter_refusal){
        .setter = __func__,
        .reason = reason,
        .code = LEAT_E_PARAMETER,
    };
    return leati_clients_refuse(&server->base, LEAT_E_PARAMETER, 0, "%s", reason);
}

int leat_local_socket_server_send_all(leat_local_socket_server *server, const void *data,
                                      size_t len)
{
    return server ? leati_clients_send_all(&server->base, data, len, NULL) : LEAT_E_PARAMETER;
}
