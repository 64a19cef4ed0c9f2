/* SPDX-License-Identifier: Apache-2.0 */
/* The server object: that of leat_tcp_socket_server with TLS on its connections, and a face of its
 * own. */
#include "sockets/tls_private.h"
#include "sockets/faces.h"
#include "util/known.h"

static leat_tcp_socket_server *tcp_of(leat_tls_socket_server *server)
{
    return (leat_tcp_socket_server *)server;
}

static const leat_tcp_socket_server *tcp_of_const(const leat_tls_socket_server *server)
{
    return (const leat_tcp_socket_server *)server;
}

int leat_tls_socket_server_new(leat_loop *loop,
                               const struct leat_tls_socket_server_callbacks *callbacks, void *user,
                               leat_tls_socket_server **ret_server)
{
    leat_tcp_socket_server *server;
    if (!loop || !callbacks || callbacks->size == 0 || !ret_server)
        return LEAT_E_PARAMETER;
    int code = leati_tcp_server_new(loop, &leati_tls_server_owner, &leati_tls_connection_face, user,
                                    &server);
    if (code != LEAT_OK)
        return code;
    leati_copy_known(&server->callbacks.tls, sizeof(server->callbacks.tls), callbacks,
                     callbacks->size);
    server->base.has_handshake = true;
    *ret_server = (leat_tls_socket_server *)server;
    return LEAT_OK;
}

void leat_tls_socket_server_free(leat_tls_socket_server *server)
{
    leat_tcp_socket_server_free(tcp_of(server));
}

/* ---- what a program asks for ----------------------------------------------------------------- */

/* What listens keeps its setup: TCP refuses a second listen by itself. */
static int setup_renew(leat_tcp_socket_server *server, leat_tls_options *options,
                       const leat_config *config)
{
    struct leati_tls_setup setup;
    leati_failure_done(&server->base.failure);
    int code = leati_tls_setup_server(&setup, options, config, &server->base.failure);
    if (code != LEAT_OK)
        return code;
    leati_tls_setup_done(&server->setup);
    server->setup = setup;
    return LEAT_OK;
}

int leat_tls_socket_server_listen(leat_tls_socket_server *server, const char *address,
                                  uint16_t port, leat_tls_options *options,
                                  const leat_config *config)
{
    leat_tcp_socket_server *tcp = tcp_of(server);
    if (!server || !address || !options)
        return LEAT_E_PARAMETER;
    bool is_refused = tcp->listener || tcp->refusal.setter; /* by TCP, which says why */
    int code = is_refused ? LEAT_OK : setup_renew(tcp, options, config);
    if (code == LEAT_OK)
        code = leat_tcp_socket_server_listen(tcp, address, port, config);
    return leati_tls_socket_code(code);
}

int leat_tls_socket_server_close(leat_tls_socket_server *server)
{
    return leati_tls_socket_code(leat_tcp_socket_server_close(tcp_of(server)));
}

int leat_tls_socket_server_get_local_address(const leat_tls_socket_server *server,
                                             struct leat_net_address *ret_address)
{
    return leati_tls_socket_code(
        leat_tcp_socket_server_get_local_address(tcp_of_const(server), ret_address));
}

int leat_tls_socket_server_get_socket_fd(const leat_tls_socket_server *server)
{
    return leat_tcp_socket_server_get_socket_fd(tcp_of_const(server));
}

int leat_tls_socket_server_send_all(leat_tls_socket_server *server, const void *data, size_t len)
{
    return server ? leati_clients_send_all(&tcp_of(server)->base, data, len, leati_tls_send_code)
                  : LEAT_E_PARAMETER;
}

int leat_tls_socket_server_set_extra_options(leat_tls_socket_server *server,
                                             const struct leat_tcp_extra_options *options)
{
    return leati_tls_socket_code(leat_tcp_socket_server_set_extra_options(tcp_of(server), options));
}
