/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What TCP, TLS and local sockets have in common, and their servers: one object with a face. The
 * face is what differs: whom to call, and what the object holds besides its stream.
 *
 * The public objects begin with these structs. Everything here is called by one thread, the loop's.
 */
#ifndef LEATI_SOCKETS_STREAM_SOCKET_H
#define LEATI_SOCKETS_STREAM_SOCKET_H

#include "conn/clients.h"
#include "sockets/socket_options.h"

struct leati_stream_socket;

/** Calls the program, if it wants to know. Every callback may free the socket, or the server and
 * with it the socket. */
struct leati_stream_face {
    void (*connected)(struct leati_stream_socket *s);
    void (*message)(struct leati_stream_socket *s, const uint8_t *data, size_t len);
    void (*writable)(struct leati_stream_socket *s);
    void (*error)(struct leati_stream_socket *s, const struct leat_error *error);
    void (*closed)(struct leati_stream_socket *s);
    /** Lets go of what belongs to a bound descriptor, which is then closed. */
    void (*unbind)(struct leati_stream_socket *s);
    /** Frees the object's own; then the memory goes. NULL = there is nothing. */
    void (*done)(struct leati_stream_socket *s);
};

struct leati_stream_socket {
    struct leati_stream stream;
    struct leati_stream_limits limits; /* the stream's */
    const struct leati_stream_face *face;
    void *user;
    int fd;                     /**< bound, or waiting to be connected; -1 = neither */
    bool in_error;              /**< inside of the callback `error` */
    struct leati_client client; /**< of a server's connection */
    void *client_data;          /**< the program's */
    struct leati_setter_refusal refusal;
};

/* ---- sockets ------------------------------------------------------------------------------- */

/** Fills in; `s` stands at the beginning of what leati_free() frees. */
void leati_stream_socket_init(struct leati_stream_socket *s, leat_loop *loop,
                              const struct leati_stream_face *face, void *user);
/** The program frees: at once, or, for a server's connection, by its end. NULL is allowed. */
void leati_stream_socket_free(struct leati_stream_socket *s);
/** Ends it without a word; the memory goes now or when the callback is left. */
void leati_stream_socket_dispose(struct leati_stream_socket *s);
/** Closes the descriptor that is bound, if any. */
void leati_stream_socket_unbind(struct leati_stream_socket *s);
/** Whether a connect or bind is out of the question: it runs, it ends, or it is a server's. */
bool leati_stream_socket_is_busy(const struct leati_stream_socket *s);

/** Records why a call is refused: "`what`: ENAME (...)". Returns LEAT_E_SOCKET_BASE + errno. */
int leati_stream_socket_refuse_errno(struct leati_stream_socket *s, int sys_errno,
                                     const char *what);
/** The same for LEAT_E_PARAMETER. */
int leati_stream_socket_refuse(struct leati_stream_socket *s, const char *text);

/** For a setter: the same, and whoever binds or connects next is refused with it, too. `text` lives
 * for ever; `sys_errno` 0 = LEAT_E_PARAMETER. */
int leati_stream_socket_refuse_setter(struct leati_stream_socket *s, const char *setter,
                                      int sys_errno, const char *text);
/** The setter that was refused last, recorded. @return its code; LEAT_OK. */
int leati_stream_socket_check_setter(struct leati_stream_socket *s);

/* The public functions that are the same for every face; NULL is allowed for `s`. */
int leati_stream_socket_send(struct leati_stream_socket *s, const void *data, size_t len);
int leati_stream_socket_close(struct leati_stream_socket *s);
int leati_stream_socket_get_fd(const struct leati_stream_socket *s);

/** What is known of it. */
struct leat_socket_state leati_stream_socket_state(const struct leati_stream_socket *s,
                                                   bool is_bound);

/** The socket that contains `client`. */
struct leati_stream_socket *leati_stream_socket_of(struct leati_client *client);
/** For `stream` and `dispose` of every server. */
struct leati_stream *leati_stream_socket_stream_of(struct leati_client *client);
void leati_stream_socket_dispose_client(struct leati_client *client);

#endif
