/* SPDX-License-Identifier: Apache-2.0 */
/** @file What a stream socket tells the server that it belongs to. */
#ifndef LEATI_SOCKETS_STREAM_SERVER_PRIVATE_H
#define LEATI_SOCKETS_STREAM_SERVER_PRIVATE_H

#include "sockets/stream_socket.h"

/** Its handshake is done. @return whether it is let in; else its end follows. */
bool leati_stream_server_opened(struct leati_stream_server *server, struct leati_stream_socket *s);
/** It has ended: the program is told, and the connection disposed of. */
void leati_stream_server_ended(struct leati_stream_server *server, struct leati_stream_socket *s);

#endif
