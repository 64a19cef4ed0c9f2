/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What leat_local_socket and its server share.
 */
#ifndef LEATI_SOCKETS_LOCAL_PRIVATE_H
#define LEATI_SOCKETS_LOCAL_PRIVATE_H

#include "sockets/stream_socket.h"
#include "tcp/acceptor.h"
#include "tcp/local_address.h"

struct leat_local_socket {
    struct leati_stream_socket base;
    struct leat_local_socket_callbacks callbacks; /* of a client */
    struct leat_extra_options options;
    struct leati_local_file file; /* of base.fd */
    struct leati_local_address peer;
    char address[LEAT_LOCAL_ADDRESS_SIZE]; /* the server's */

    /* While connecting again and again. */
    struct leati_timer retry;
    uint64_t deadline_ms; /* 0 = none */
    bool cancelled;
    struct leati_stream_limits limits;
    struct leati_tracer tracer;
};

struct leat_local_socket_server {
    struct leati_clients base;
    struct leat_local_socket_server_callbacks callbacks;
    struct leat_extra_options options;
    int fd; /* -1 = it does not listen */
    struct leati_acceptor acceptor;
    struct leati_local_file file;
    char address[LEAT_LOCAL_ADDRESS_SIZE];
    struct leati_setter_refusal refusal;
};

/** Makes an object for the program, or for a server. @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL. */
int leati_local_socket_new(leat_loop *loop, const struct leati_stream_face *face, void *user,
                           struct leat_local_socket **ret_local);
/** For `unbind` of every face. */
void leati_local_socket_unbind(struct leati_stream_socket *s);
/** Starts the stream of a connected descriptor, which is taken in every case, by the object's
 * limits and tracer. @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_local_socket_start(struct leat_local_socket *local, int fd);
/** Limits and tracer, as the settings and the options say. */
void leati_local_socket_take_settings(struct leat_local_socket *local,
                                      const struct leati_settings *settings);

#endif
