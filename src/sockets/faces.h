/* SPDX-License-Identifier: Apache-2.0 */
/** @file The faces of TCP, TLS and local sockets: of a socket, of a server's connection, of a server. */
#ifndef LEATI_SOCKETS_FACES_H
#define LEATI_SOCKETS_FACES_H

#include "sockets/stream_socket.h"

extern const struct leati_stream_face leati_tcp_face, leati_tls_face, leati_local_face;
extern const struct leati_stream_face leati_tcp_connection_face, leati_tls_connection_face,
    leati_local_connection_face;
extern const struct leati_clients_owner leati_tcp_server_owner, leati_tls_server_owner,
    leati_local_server_owner;

#endif
