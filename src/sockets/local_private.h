/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What leat_local_socket and its server share.
 *
 * May be included by: src/sockets/local_socket*.c.
 */
#ifndef LEATI_SOCKETS_LOCAL_PRIVATE_H
#define LEATI_SOCKETS_LOCAL_PRIVATE_H

#include "sockets/connections.h"
#include "sockets/local_address.h"
#include "sockets/stream.h"

struct leat_local_socket {
    struct leati_stream stream;
    struct leat_local_socket_callbacks callbacks;
    void *user;
    struct leat_extra_options options;
    int fd; /* bound, or waiting for room in the server's backlog; -1 = neither */
    struct leati_local_file file;
    struct leati_local_address peer;
    char address[LEAT_LOCAL_ADDRESS_SIZE]; /* the server's */
    bool in_error;                         /* inside of the callback `error` */

    /* While connecting again and again. */
    struct leati_timer retry;
    uint64_t deadline_ms; /* 0 = none */
    bool cancelled;
    struct leati_stream_limits limits;
    struct leati_tracer tracer;

    /* Of a server's connection. */
    struct leat_local_socket_server *server; /* NULL = none, or it has gone */
    struct leati_connection connection;
};

/** A socket object for the stream of a server's connection. NULL without memory. */
struct leat_local_socket *leati_local_socket_alloc(leat_loop *loop,
                                                   const struct leati_stream_owner *owner);
/** Ends it without a word; the memory goes now or when the callback is left. */
void leati_local_socket_dispose(struct leat_local_socket *local);
/** Frees what was released: the `left` of every owner. */
void leati_local_socket_left(struct leati_stream *stream, void *user);
/** Starts the stream of a connected descriptor, which is taken in every case.
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_local_socket_start(struct leat_local_socket *local, int fd);
/** The part of the limits that a configuration and the options say. */
void leati_local_socket_limits(const struct leati_settings *settings,
                               const struct leat_extra_options *options,
                               struct leati_stream_limits *ret_limits);

#endif
