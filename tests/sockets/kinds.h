/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The kinds of stream sockets, TCP, TLS and local, as one table of functions: what all of them promise
 * is tested once (test_kinds.c). A client and a server of leat on the loop of stream_run.h, whose log
 * holds what both tell: "connected", "writable", "error CODE", "closed" of the client, the same behind
 * "client ID" of the server's connections.
 */
#ifndef TESTS_SOCKETS_KINDS_H
#define TESTS_SOCKETS_KINDS_H

#include "stream_run.h"

#include <leat/local_socket.h>
#include <leat/tls_socket.h>

struct kind {
    int errno_base;
    int full;    /**< what a full queue says */
    int stalled; /**< how a peer that takes nothing ends it */

    int (*new)(leat_loop *loop, void **ret_socket);
    void (*free)(void *socket);
    int (*connect)(void *socket); /**< to the server of the run */
    int (*bind)(void *socket);
    int (*send)(void *socket, const void *data, size_t len);
    int (*close)(void *socket);
    void (*pause)(void *socket);
    void (*resume)(void *socket);
    int (*set_timeout)(void *socket, uint32_t timeout_ms);
    size_t (*buffered)(const void *socket);
    int (*fd)(const void *socket);
    void (*get_state)(const void *socket, struct leat_socket_state *ret_state);
    void (*get_error)(const void *socket, struct leat_error *ret_error);
    uint64_t (*id)(const void *socket);
    void (*set_data)(void *socket, void *data);
    void *(*data)(const void *socket);

    int (*server_new)(leat_loop *loop, void **ret_server);
    void (*server_free)(void *server);
    int (*listen)(void *server);
    int (*server_close)(void *server);
    int (*server_fd)(const void *server);
    size_t (*count)(const void *server);
    void *(*find)(const void *server, uint64_t id);
    void (*server_get_state)(const void *server, struct leat_socket_state *ret_state);
    void (*server_get_error)(const void *server, struct leat_error *ret_error);
};

extern const struct kind kind_tcp, kind_tls, kind_local;

/** What is done inside of a callback, once. */
enum kind_act {
    KIND_NOTHING,
    KIND_FREE, /**< the client; in a callback of the server: the server */
    KIND_CLOSE,
    KIND_CONNECT,
    KIND_PAUSE,
    KIND_SEND,
};

struct kind_run {
    const struct kind *kind;
    void *client, *server;
    void *connection; /**< the last one of the server */
    bool echo; /**< the server's: each message goes back; else nothing of it is kept but the size */
    size_t server_received;
    unsigned closed_count; /**< how often the client was told `closed` */
    const char *act_at;    /**< the callback in which ... */
    enum kind_act act;     /**< ... this is done */
    int act_result;
    const char *send; /**< for KIND_SEND */
    size_t send_len;
};
extern struct kind_run ends;

/** Makes a server that listens and a client. */
void ends_init(const struct kind *kind);
/** Frees all of it. */
void ends_clear(void);
/** The same at the end of a test. */
void ends_done(void);
/** Connects the client; both sides have told. */
void ends_open(void);
/** The client has been told `closed`, this time. */
void ends_until_closed(void);
/** Forgets what was told, and lets come what still comes: a callback of a client that is gone fails. */
void ends_forget(void);

#endif
