/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A server and a client on one loop, in one thread, which write down what happens to them.
 */
#ifndef LEAT_TESTS_API_BOTH_ENDS_H
#define LEAT_TESTS_API_BOTH_ENDS_H

#include <leat/leat.h>
#include <leat/websocket_server.h>

/** What one end has received. */
struct received {
    unsigned messages; /**< whole ones, or last parts */
    unsigned parts;
    unsigned pongs;
    uint64_t bytes;
    /** All payloads in a row, up to a mebibyte, with a NUL behind them. */
    char *data;
    size_t data_len;
    enum leat_message_type type; /**< of the last one */
    bool in_message;             /**< between a first part and its last */
};

struct both_ends {
    leat_loop *loop;
    leat_config *server_config; /**< to be changed before both_ends_listen() */
    leat_config *client_config; /**< to be changed before both_ends_connect() */
    leat_websocket_server *server;
    leat_websocket *client;
    leat_websocket *connection; /**< the newest one at the server; NULL behind `closed` */
    uint16_t port;              /**< the server's */

    /* Before both_ends_listen(): */
    bool client_in_parts; /**< the end asks for messages in parts */
    bool server_in_parts;
    bool echo;          /**< the server sends back what it gets, in the form that it gets it */
    int request_answer; /**< what `request` returns; 0 = 101 */

    unsigned requests, connected, server_closed, errors;
    unsigned opened, closed, client_writable, server_writable;
    struct received at_client, at_server;
    struct leat_close_event client_close, server_close; /**< `reason` is a copy */
    char client_reason[128], server_reason[128];
    struct leat_error error; /**< the last of the server's callback `error` */
    /** Called inside the callback of that name ("request", "connected", "server message", "server
     * closed", "error", "opened", "message", "pong", "closed" ...), behind the notes. */
    void (*on_event)(struct both_ends *ends, const char *callback);
    const struct leat_upgrade_request *request; /**< inside "request" */
    void *user;
};

/** Makes everything; nothing listens yet. Failures are the test's. */
void both_ends_init(struct both_ends *ends);
/** Frees everything; what is NULL is skipped. */
void both_ends_done(struct both_ends *ends);

/** Makes the objects again that a test has freed, with the callbacks as they are wished now. */
int both_ends_make_server(struct both_ends *ends);
int both_ends_make_client(struct both_ends *ends);

/** Makes the server and listens on 127.0.0.1. */
void both_ends_listen(struct both_ends *ends);
/** Makes a client and starts to connect to `path` of the server. */
void both_ends_connect(struct both_ends *ends, const char *path);
/** All of that, until both ends are open. Fails the test otherwise. */
void both_ends_open(struct both_ends *ends);

/** Until both ends are open. Fails the test otherwise. */
void both_ends_until_connected(struct both_ends *ends);

/** Dispatches until `done`. @return false after 20 s. */
bool both_ends_until(struct both_ends *ends, bool (*done)(const struct both_ends *ends));
/** The same for the usual ends; they fail the test if the time is over. */
void both_ends_until_closed(struct both_ends *ends); /* at the client */
void both_ends_until_server_closed(struct both_ends *ends);
void both_ends_until_received(struct both_ends *ends, const struct received *end,
                              unsigned messages);

/** Runs the loop until `*number` is at least `least`; fails when it never is. */
void both_ends_until_counted(struct both_ends *ends, const unsigned *number, unsigned least);
/** A client without leat, and its request; until the server has taken or refused it. @return its descriptor. */
int both_ends_raw_open(struct both_ends *ends);
/** What the server has counted. */
struct leat_websocket_server_counters both_ends_counters(const struct both_ends *ends);

#endif
