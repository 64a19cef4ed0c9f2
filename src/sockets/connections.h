/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The connections of a stream server, numbered in the order of their coming.
 *
 * May be included by: src/sockets.
 */
#ifndef LEATI_SOCKETS_CONNECTIONS_H
#define LEATI_SOCKETS_CONNECTIONS_H

#include "conn/admission.h"
#include "sockets/stream.h"

/** Embedded in a socket object. */
struct leati_connection {
    struct leati_connection *prev, *next;
    struct leati_stream *stream;
    void *socket;  /**< the object that it is in */
    uint64_t id;   /**< 0 = of no server */
    bool reported; /**< from `connected` to `closed` */
    void *data;    /**< the program's */
    struct leati_guest guest;
};

/** All zero = none. */
struct leati_connections {
    struct leati_connection *first;
    size_t count; /**< with those that are still to be reported */
    size_t reported_count;
    uint64_t last_id;
    struct leati_admission admission; /**< of those that have an address */
};

void leati_connections_add(struct leati_connections *list, struct leati_connection *connection,
                           struct leati_stream *stream, void *socket);
void leati_connections_remove(struct leati_connections *list, struct leati_connection *connection);
/** Frees what is left behind the last one. */
void leati_connections_done(struct leati_connections *list);
/** Ends the handshake of a guest to make room: the stream's `ended` follows. */
void leati_connections_give_up(struct leati_connections *list, struct leati_guest *guest);
/** `connected` is called now, or `closed`. */
void leati_connections_set_reported(struct leati_connections *list,
                                    struct leati_connection *connection, bool reported);
/** The socket of a reported connection, NULL if there is none of this number. */
void *leati_connections_find(const struct leati_connections *list, uint64_t id);
/** To all reported ones. @return the first code that is not LEAT_OK, else LEAT_OK. */
int leati_connections_send(const struct leati_connections *list, const void *data, size_t len);
void leati_connections_close(const struct leati_connections *list);

#endif
