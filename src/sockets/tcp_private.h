/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What leat_tcp_socket and its server share, and lend to TLS sockets.
 *
 * May be included by: src/sockets/tcp_socket*.c, tls_*.c.
 */
#ifndef LEATI_SOCKETS_TCP_PRIVATE_H
#define LEATI_SOCKETS_TCP_PRIVATE_H

#include <leat/tcp_socket.h>

#include "sockets/connections.h"
#include "sockets/stream.h"

struct leat_tcp_socket {
    struct leati_stream stream;
    struct leat_tcp_socket_callbacks callbacks;
    void *user;
    struct leat_tcp_extra_options options;
    int bound_fd;               /* -1 = none; the first connect(2) takes it */
    struct leati_address bound; /* of AF_UNSPEC = not bound */
    struct leati_tcp_opener opener;
    bool in_error;                             /* inside of the callback `error` */
    struct leat_net_address remote;            /* of the connection that is, or is being made */
    const struct leati_tls_layer_options *tls; /* of a TLS socket, which owns it; NULL = none */

    /* Of a server's connection. */
    struct leat_tcp_socket_server *server; /* NULL = none, or it has gone */
    struct leati_connection connection;
};

/** Connections to come have TLS. Borrowed while the server listens. */
void leati_tcp_socket_server_set_tls(leat_tcp_socket_server *server,
                                     const struct leati_tls_layer_options *tls);

/** A socket object for the stream of a server's connection. NULL without memory. */
struct leat_tcp_socket *leati_tcp_socket_alloc(leat_loop *loop,
                                               const struct leati_stream_owner *owner);
/** Ends it without a word; the memory goes now or when the callback is left. */
void leati_tcp_socket_dispose(struct leat_tcp_socket *tcp);
/** Frees what was released: the `left` of every owner. */
void leati_tcp_socket_left(struct leati_stream *stream, void *user);
void leati_tcp_socket_remote_info(const struct leat_tcp_socket *tcp, size_t len,
                                  struct leat_remote_info *ret_info);
/** The part of the limits that a configuration and the options say. */
void leati_tcp_socket_limits(const struct leati_settings *settings,
                             const struct leat_tcp_extra_options *options,
                             struct leati_stream_limits *ret_limits);

#endif
