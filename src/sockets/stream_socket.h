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

#include "conn/admission.h"
#include "conn/stream.h"

struct leati_stream_socket;
struct leati_stream_server;

/** Calls the program, if it wants to know. Every callback may free the socket, or the server and
 * with it the socket. */
struct leati_stream_face {
    void (*connected)(struct leati_stream_socket *s);
    void (*message)(struct leati_stream_socket *s, const uint8_t *data, size_t len);
    void (*writable)(struct leati_stream_socket *s);
    void (*error)(struct leati_stream_socket *s, const struct leat_error *error);
    void (*closed)(struct leati_stream_socket *s);
    /** Closes what the object holds besides its stream: a bound descriptor. */
    void (*unbind)(struct leati_stream_socket *s);
    /** Frees the object's own; then the memory goes. */
    void (*done)(struct leati_stream_socket *s);
};

struct leati_stream_socket {
    struct leati_stream stream;
    const struct leati_stream_face *face;
    void *user;
    bool in_error; /**< inside of the callback `error` */

    /* Of a server's connection. */
    struct leati_stream_server *server;      /**< NULL = none, or it has gone */
    struct leati_stream_socket *prev, *next; /**< among the server's */
    uint64_t id;                             /**< 0 = of no server */
    bool reported;                           /**< from `connected` to `closed` */
    void *client_data;                       /**< the program's */
    struct leati_guest guest;
};

/** What a server's face adds: an error that belongs to no connection. */
struct leati_stream_server_face {
    struct leati_stream_face connection;
    void (*server_error)(struct leati_stream_server *server, const struct leat_error *error);
};

struct leati_stream_server {
    leat_loop *loop;
    const struct leati_stream_server_face *face;
    void *user;
    bool has_handshake; /**< connections have TLS: until it is done they are counted apart */
    const struct leati_settings *settings; /**< of the last listen; NULL = none yet */
    struct leati_stream_socket *first;
    size_t count; /**< with those that are still to be reported */
    size_t reported_count;
    uint64_t last_id;
    struct leati_admission admission; /**< of those that have an address */
    struct leati_failure failure;
};

/* ---- sockets ------------------------------------------------------------------------------- */

/** Fills in; `s` stands at the beginning of what leati_free() frees. */
void leati_stream_socket_init(struct leati_stream_socket *s, leat_loop *loop,
                              const struct leati_stream_face *face, void *user);
/** The program frees: at once, or, for a server's connection, by its end. NULL is allowed. */
void leati_stream_socket_free(struct leati_stream_socket *s);
/** Ends it without a word; the memory goes now or when the callback is left. */
void leati_stream_socket_dispose(struct leati_stream_socket *s);
/** Whether a connect or bind is out of the question: it runs, it ends, or it is a server's. */
bool leati_stream_socket_is_busy(const struct leati_stream_socket *s);

/** Records why a call is refused: "`what`: ENAME (...)". Returns LEAT_E_SOCKET_BASE + errno. */
int leati_stream_socket_refuse_errno(struct leati_stream_socket *s, int sys_errno,
                                     const char *what);
/** The same for LEAT_E_PARAMETER. */
int leati_stream_socket_refuse(struct leati_stream_socket *s, const char *text);

/* The public functions that are the same for every face; NULL is allowed for `s`. */
int leati_stream_socket_send(struct leati_stream_socket *s, const void *data, size_t len);
void leati_stream_socket_pause(struct leati_stream_socket *s);
void leati_stream_socket_resume(struct leati_stream_socket *s);
size_t leati_stream_socket_buffered_bytes(const struct leati_stream_socket *s);
void leati_stream_socket_get_error(const struct leati_stream_socket *s,
                                   struct leat_error *ret_error);
uint64_t leati_stream_socket_get_client_id(const struct leati_stream_socket *s);
void leati_stream_socket_set_client_data(struct leati_stream_socket *s, void *data);
void *leati_stream_socket_get_client_data(const struct leati_stream_socket *s);

/* ---- servers ------------------------------------------------------------------------------- */

void leati_stream_server_init(struct leati_stream_server *server, leat_loop *loop,
                              const struct leati_stream_server_face *face, void *user);
/** Disposes of every connection. */
void leati_stream_server_done(struct leati_stream_server *server);

/** Records why a call is refused. Returns `code`. */
int leati_stream_server_refuse(struct leati_stream_server *server, int code, int sys_errno,
                               const char *text);
/** For listen. @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL, recorded. */
int leati_stream_server_take_settings(struct leati_stream_server *server,
                                      const leat_config *config);

/** Tells the program why a client did not become a connection. */
void leati_stream_server_report(struct leati_stream_server *server, int code, const char *hop,
                                const char *text);
/** accept(2) has failed: makes room if that helps, and tells the program. */
void leati_stream_server_paused(struct leati_stream_server *server, int sys_errno, const char *hop);
/** Whether a client from this address, NULL = it has none, may come in; else it has been reported.
 */
bool leati_stream_server_lets_in(struct leati_stream_server *server,
                                 const struct leati_address *remote, const char *hop);
/**
 * Makes a connection of a socket whose stream has been started: links, numbers and counts it. A
 * handshake may have to make room for it. Takes `s` in every case.
 *
 * @param remote NULL = it has no address: it counts in total only
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL.
 */
int leati_stream_server_add(struct leati_stream_server *server, struct leati_stream_socket *s,
                            const struct leati_address *remote);
/** Closes every connection, in order. */
void leati_stream_server_close_all(struct leati_stream_server *server);

/* The public functions that are the same for every face. */
struct leati_stream_socket *leati_stream_server_find(const struct leati_stream_server *server,
                                                     uint64_t client_id);
/** To all reported ones. @return the first code that is not LEAT_OK, else LEAT_OK. */
int leati_stream_server_send_all(struct leati_stream_server *server, const void *data, size_t len);
void leati_stream_server_get_error(const struct leati_stream_server *server,
                                   struct leat_error *ret_error);
/** What is known of a server that listens, or not. */
struct leat_socket_state leati_stream_server_state(const struct leati_stream_server *server,
                                                   bool listens);

#endif
