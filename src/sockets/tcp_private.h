/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The one object behind leat_tcp_socket and leat_tls_socket, and the one behind their servers: a
 * TLS socket is a TCP socket with TLS on its route and a face of its own.
 */
#ifndef LEATI_SOCKETS_TCP_PRIVATE_H
#define LEATI_SOCKETS_TCP_PRIVATE_H

#include <leat/tcp_socket.h>
#include <leat/tls_socket.h>

#include "sockets/stream_socket.h"
#include "tcp/listener.h"
#include "tls/tls.h"

/** What the TLS layers of one object are made of; routes borrow `options`. All zero = empty. */
struct leati_tls_setup {
    struct leati_tls_layer_options options;
    char *server_name;
    char *key_log_path;
};
void leati_tls_setup_done(struct leati_tls_setup *setup);

struct leat_tcp_socket {
    struct leati_stream_socket base;
    union {
        struct leat_tcp_socket_callbacks tcp;
        struct leat_tls_socket_callbacks tls;
    } callbacks; /* of a client, by its face */
    struct leat_tcp_extra_options options;
    struct leati_address bound; /* base.fd; of AF_UNSPEC = not bound */
    struct leati_tcp_opener opener;
    struct leat_net_address remote; /* of the connection that is, or is being made */

    /* Of a TLS socket. */
    bool has_tls;
    bool was_open; /* TLS, in this connection, or the last */
    struct leati_tls_setup setup;
};

struct leat_tcp_socket_server {
    struct leati_clients base;
    const struct leati_stream_face *connection_face;
    union {
        struct leat_tcp_socket_server_callbacks tcp;
        struct leat_tls_socket_server_callbacks tls;
    } callbacks; /* by its face */
    struct leat_tcp_extra_options options;
    struct leati_tcp_listener *listener; /* NULL = it does not listen */
    struct leati_tls_setup setup;        /* of a TLS server; lent to its connections */
    struct leati_setter_refusal refusal;
};

/** Makes an object for the program; its callbacks are to be filled in. @return LEAT_OK,
 * LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
int leati_tcp_socket_new(leat_loop *loop, const struct leati_stream_face *face, void *user,
                         struct leat_tcp_socket **ret_tcp);
/** For `unbind` and `done` of every face. */
void leati_tcp_socket_unbind(struct leati_stream_socket *s);
void leati_tcp_socket_done(struct leati_stream_socket *s);
struct leat_remote_info leati_tcp_socket_remote_info(const struct leat_tcp_socket *tcp, size_t len);
/** A client's connection is open: notes the other end's address. */
void leati_tcp_socket_opened(struct leat_tcp_socket *tcp);

/** The same for a server, whose connections have `face`. */
int leati_tcp_server_new(leat_loop *loop, const struct leati_clients_owner *owner,
                         const struct leati_stream_face *face, void *user,
                         struct leat_tcp_socket_server **ret_server);

#endif
