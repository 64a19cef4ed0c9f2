/* SPDX-License-Identifier: Apache-2.0 */
/* The server object: a leat_tcp_socket_server whose connections have TLS, and a leat_tls_socket for
 * each of them, made when its handshake is done. */
#include "sockets/tls_private.h"
#include "util/alloc.h"

#include <errno.h>
#include <string.h>

struct leat_tls_socket_server {
    leat_tcp_socket_server *tcp;
    struct leat_tls_socket_server_callbacks callbacks;
    void *user;
    struct leati_tls_setup setup;
    struct leat_tls_socket *connections; /* those that are reported */
    struct leati_failure failure;        /* of TLS; that of TCP counts if there is none */
};

/* ---- connections --------------------------------------------------------------------------- */

static void connection_link(leat_tls_socket_server *server, leat_tls_socket *tls)
{
    tls->next = server->connections;
    if (tls->next)
        tls->next->prev = tls;
    server->connections = tls;
}

static void connection_unlink(leat_tls_socket_server *server, leat_tls_socket *tls)
{
    if (tls->prev)
        tls->prev->next = tls->next;
    else
        server->connections = tls->next;
    if (tls->next)
        tls->next->prev = tls->prev;
}

/* ---- what TCP calls; the server may be gone when the program's callback returns ----------------
 */

static void server_report_no_memory(leat_tls_socket_server *server)
{
    const struct leat_error error = {.code = LEAT_E_SYSTEM_INTERNAL,
                                     .layer = LEAT_LAYER_TLS,
                                     .text = "out of memory for a connection"};
    if (server->callbacks.error)
        server->callbacks.error(server, NULL, &error, server->user);
}

static void tcp_connected(leat_tcp_socket_server *tcp_server, leat_tcp_socket *tcp, void *user)
{
    leat_tls_socket_server *server = user;
    leat_tls_socket *tls = leati_calloc(1, sizeof(*tls));
    (void)tcp_server;
    if (!tls) {
        leat_tcp_socket_free(tcp);
        server_report_no_memory(server);
        return;
    }
    tls->tcp = tcp;
    tls->was_open = true;
    leat_tcp_socket_set_client_data(tcp, tls);
    connection_link(server, tls);
    if (server->callbacks.connected)
        server->callbacks.connected(server, tls, server->user);
}

static void tcp_message(leat_tcp_socket_server *tcp_server, leat_tcp_socket *tcp,
                        const uint8_t *data, size_t len, const struct leat_remote_info *remote,
                        void *user)
{
    leat_tls_socket_server *server = user;
    leat_tls_socket *tls = leat_tcp_socket_get_client_data(tcp);
    (void)tcp_server;
    if (tls && server->callbacks.message)
        server->callbacks.message(server, tls, data, len, remote, server->user);
}

static void tcp_writable(leat_tcp_socket_server *tcp_server, leat_tcp_socket *tcp, void *user)
{
    leat_tls_socket_server *server = user;
    leat_tls_socket *tls = leat_tcp_socket_get_client_data(tcp);
    (void)tcp_server;
    if (tls && server->callbacks.writable)
        server->callbacks.writable(server, tls, server->user);
}

static void tcp_error(leat_tcp_socket_server *tcp_server, leat_tcp_socket *tcp,
                      const struct leat_error *of_tcp, void *user)
{
    leat_tls_socket_server *server = user;
    leat_tls_socket *tls = leat_tcp_socket_get_client_data(tcp);
    struct leat_error error = *of_tcp;
    (void)tcp_server;
    leati_tls_socket_translate(&error, tls != NULL);
    if (server->callbacks.error)
        server->callbacks.error(server, tls, &error, server->user);
}

static void tcp_closed(leat_tcp_socket_server *tcp_server, leat_tcp_socket *tcp, void *user)
{
    leat_tls_socket_server *server = user;
    leat_tls_socket *tls = leat_tcp_socket_get_client_data(tcp);
    (void)tcp_server;
    if (!tls)
        return;
    connection_unlink(server, tls);
    if (server->callbacks.closed)
        server->callbacks.closed(server, tls, server->user);
    leati_free(tls);
}

static const struct leat_tcp_socket_server_callbacks tcp_callbacks = {
    .size = sizeof(tcp_callbacks),
    .connected = tcp_connected,
    .message = tcp_message,
    .writable = tcp_writable,
    .error = tcp_error,
    .closed = tcp_closed,
};

/* ---- life ------------------------------------------------------------------------------------ */

int leat_tls_socket_server_new(leat_loop *loop,
                               const struct leat_tls_socket_server_callbacks *callbacks, void *user,
                               leat_tls_socket_server **ret_server)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_server)
        return LEAT_E_PARAMETER;
    leat_tls_socket_server *server = leati_calloc(1, sizeof(*server));
    if (!server)
        return LEAT_E_SYSTEM_INTERNAL;
    int code = leat_tcp_socket_server_new(loop, &tcp_callbacks, server, &server->tcp);
    if (code != LEAT_OK) {
        leati_free(server);
        return code;
    }
    size_t known = sizeof(server->callbacks);
    memcpy(&server->callbacks, callbacks, callbacks->size < known ? callbacks->size : known);
    server->user = user;
    leati_failure_init(&server->failure);
    *ret_server = server;
    return LEAT_OK;
}

void leat_tls_socket_server_free(leat_tls_socket_server *server)
{
    if (!server)
        return;
    leat_tcp_socket_server_free(server->tcp);
    while (server->connections) {
        leat_tls_socket *tls = server->connections;
        server->connections = tls->next;
        leati_free(tls);
    }
    leati_tls_setup_done(&server->setup);
    leati_failure_done(&server->failure);
    leati_free(server);
}

/* ---- what a program asks for ----------------------------------------------------------------- */

/* What listens keeps its setup: TCP refuses a second listen by itself. */
static int setup_renew(leat_tls_socket_server *server, leat_tls_options *options,
                       const leat_config *config)
{
    struct leati_tls_setup setup;
    int code = leati_tls_setup_server(&setup, options, config, &server->failure);
    if (code != LEAT_OK)
        return code;
    leati_tls_setup_done(&server->setup);
    server->setup = setup;
    leati_tcp_socket_server_set_tls(server->tcp, &server->setup.options);
    return LEAT_OK;
}

int leat_tls_socket_server_listen(leat_tls_socket_server *server, const char *address,
                                  uint16_t port, leat_tls_options *options,
                                  const leat_config *config)
{
    if (!server || !address || !options)
        return LEAT_E_PARAMETER;
    leati_failure_done(&server->failure);
    leati_failure_init(&server->failure);
    bool listens = leat_tcp_socket_server_get_socket_fd(server->tcp) >= 0;
    int code = listens ? LEAT_OK : setup_renew(server, options, config);
    if (code == LEAT_OK)
        code = leat_tcp_socket_server_listen(server->tcp, address, port, config);
    return leati_tls_socket_code(code);
}

int leat_tls_socket_server_close(leat_tls_socket_server *server)
{
    return server ? leati_tls_socket_code(leat_tcp_socket_server_close(server->tcp))
                  : LEAT_E_PARAMETER;
}

void leat_tls_socket_server_get_state(const leat_tls_socket_server *server,
                                      struct leat_socket_state *ret_state)
{
    if (server)
        leat_tcp_socket_server_get_state(server->tcp, ret_state);
}

int leat_tls_socket_server_get_local_address(const leat_tls_socket_server *server,
                                             struct leat_net_address *ret_address)
{
    return server ? leati_tls_socket_code(
                        leat_tcp_socket_server_get_local_address(server->tcp, ret_address))
                  : LEAT_E_PARAMETER;
}

int leat_tls_socket_server_get_socket_fd(const leat_tls_socket_server *server)
{
    return server ? leat_tcp_socket_server_get_socket_fd(server->tcp) : -1;
}

int leat_tls_socket_server_set_extra_options(leat_tls_socket_server *server,
                                             const struct leat_tcp_extra_options *options)
{
    if (!server)
        return LEAT_E_PARAMETER;
    leati_failure_done(&server->failure);
    leati_failure_init(&server->failure);
    return leati_tls_socket_code(leat_tcp_socket_server_set_extra_options(server->tcp, options));
}

void leat_tls_socket_server_get_extra_options(const leat_tls_socket_server *server,
                                              struct leat_tcp_extra_options *ret_options)
{
    if (server)
        leat_tcp_socket_server_get_extra_options(server->tcp, ret_options);
}

size_t leat_tls_socket_server_connection_count(const leat_tls_socket_server *server)
{
    return server ? leat_tcp_socket_server_connection_count(server->tcp) : 0;
}

leat_tls_socket *leat_tls_socket_server_find(const leat_tls_socket_server *server,
                                             uint64_t client_id)
{
    return server ? leat_tcp_socket_get_client_data(
                        leat_tcp_socket_server_find(server->tcp, client_id))
                  : NULL;
}

void leat_tls_socket_server_get_error(const leat_tls_socket_server *server,
                                      struct leat_error *ret_error)
{
    if (!server || !ret_error)
        return;
    if (server->failure.code != LEAT_OK)
        leati_failure_get(&server->failure, ret_error);
    else
        leat_tcp_socket_server_get_error(server->tcp, ret_error);
    leati_tls_socket_translate(ret_error, false);
}
