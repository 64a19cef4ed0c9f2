/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The core of every server: its connections, their numbers, and who comes in. The server of
 * WebSockets and those of TCP, TLS and local sockets begin with it. Everything here is called by one
 * thread, the loop's.
 */
#ifndef LEATI_CONN_CLIENTS_H
#define LEATI_CONN_CLIENTS_H

#include "conn/admission.h"
#include "conn/stream.h"

struct leati_clients;

/** One connection of a server; embedded in what it is for the program, all zero at first. */
struct leati_client {
    struct leati_clients *server;     /**< NULL = of none, or it has gone */
    struct leati_client *prev, *next; /**< among the server's */
    uint64_t id;                      /**< 0 = never of a server */
    struct leati_guest guest;
};

struct leati_clients_owner {
    enum leat_layer layer; /**< of the failures that leati_clients_refuse() records */
    /** Tells the program of an error that belongs to no connection which it knows. It may free the
     * server. */
    void (*error)(struct leati_clients *server, const struct leat_error *error);
    struct leati_stream *(*stream)(struct leati_client *client);
    /** Ends a connection without a word and frees it: now, or when its callback is left. */
    void (*dispose)(struct leati_client *client);
};

struct leati_clients {
    leat_loop *loop;
    const struct leati_clients_owner *owner;
    void *user;         /**< of the program */
    bool has_handshake; /**< connections have one: until it is done they are counted apart */
    const struct leati_settings *settings; /**< of the last listen; NULL = none yet */
    struct leati_client *first;
    size_t count; /**< also those that are not reported yet */
    size_t reported_count;
    uint64_t last_id;
    struct leati_admission admission; /**< of those that have an address */
    struct leati_failure failure;
};

void leati_clients_init(struct leati_clients *server, leat_loop *loop,
                        const struct leati_clients_owner *owner, void *user);
/** Disposes of every connection. */
void leati_clients_done(struct leati_clients *server);

/** Records why a call is refused, instead of what was recorded before. Returns `code`. */
int leati_clients_refuse(struct leati_clients *server, int code, int sys_errno, const char *format,
                         ...) LEAT_PRINTF(4, 5);
/** For listen; forgets what was recorded. @return as leati_settings_of(), recorded. */
int leati_clients_take_settings(struct leati_clients *server, const leat_config *config);

/* ---- who comes in ---------------------------------------------------------------------- */

/** Tells the program why a client did not become a connection. */
void leati_clients_report(struct leati_clients *server, int code, const char *hop,
                          const char *text);
/** accept(2) has failed: makes room if that helps, and tells the program. */
void leati_clients_paused(struct leati_clients *server, int sys_errno, const char *hop);
/** Whether a client from this address, NULL = it has none, may come in; else it has been reported.
 */
bool leati_clients_let_in(struct leati_clients *server, const struct leati_address *remote,
                          const char *hop);
/**
 * Links, numbers and counts a connection whose stream has been started. A handshake may have to
 * make room for it. `client` is disposed of if that fails.
 *
 * @param remote NULL = it has no address: it counts in total only
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL.
 */
int leati_clients_add(struct leati_clients *server, struct leati_client *client,
                      const struct leati_address *remote);
/** One in its handshake is somebody else's: it is counted for that address from now on. false without
 * memory; then it is not counted any more. */
bool leati_client_rename(struct leati_client *client, const struct leati_address *address);
/** Whether one in its handshake may be open. */
enum leati_admission_verdict leati_client_judge(const struct leati_client *client);
/** Its handshake is done, and it is let in. */
void leati_client_open(struct leati_client *client);
/** The program is told of it, or of its end. */
void leati_client_set_reported(struct leati_client *client, bool reported);
/** Stops counting it, while it stays in the list. */
void leati_client_leave(struct leati_client *client);
/** Stops counting it, and takes it out of the list. */
void leati_client_remove(struct leati_client *client);

/* ---- what a program asks for ------------------------------------------------------------ */

/** Closes every connection, in order. */
void leati_clients_close_all(struct leati_clients *server);
struct leati_client *leati_clients_find(const struct leati_clients *server, uint64_t client_id);
/** To all reported ones. @param code_of what a send that was refused with this code is called; NULL = that
 * @return the first code that is not LEAT_OK, else LEAT_OK. */
int leati_clients_send_all(struct leati_clients *server, const void *data, size_t len,
                           int (*code_of)(const struct leati_stream *stream, int code));
/** What is known of a server that listens, or not. */
struct leat_socket_state leati_clients_state(const struct leati_clients *server, bool listens);

#endif
