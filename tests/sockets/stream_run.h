/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Stream sockets on a loop, and a log of what they tell: "connected", "message ...", "error CODE",
 * "closed". One for each test.
 */
#ifndef TESTS_SOCKETS_STREAM_RUN_H
#define TESTS_SOCKETS_STREAM_RUN_H

#include <leat/tcp_socket.h>

#include <criterion/criterion.h>

/** What is done to the object inside of a callback. */
enum stream_act {
    STREAM_NOTHING,
    STREAM_FREE,
    STREAM_CLOSE,
    STREAM_CONNECT, /**< connect again, to the same */
};

struct stream_run {
    leat_loop *loop;
    leat_config *config;
    leat_tcp_socket *tcp;
    leat_tcp_socket_server *server;
    leat_tcp_socket *connection; /**< the last one of the server */
    struct leat_error error;     /**< the last one */
    struct leat_net_address target;
    char log[4096];
    size_t log_len;
    char received[1 << 16]; /**< all messages, with a NUL */
    size_t received_len;
    size_t received_total; /**< may be more than there is room for */
    const char *act_at;    /**< the callback in which ... */
    enum stream_act act;   /**< ... this is done */
    int act_result;
    bool echo; /**< the server's: each message goes back */
};

/** The one of this test; also a loop and a configuration with a short close deadline. */
extern struct stream_run run;

void run_init(void);
/** Frees what is left, ends the peers, looks for lost memory. */
void run_done(void);

/** A client with all callbacks. */
void run_new_client(void);
/** A server with all callbacks, listening on a free port of this address. @return its port. */
uint16_t run_new_server(const char *address);

void run_connect(const char *host, uint16_t port);
/** Dispatches until the log holds the text. */
void run_until(const char *text);
/** Dispatches until so many bytes have come. */
void run_until_received(size_t len);
/** Dispatches what is there to do. */
void run_some(void);
/** Compares the whole log, and empties it. */
void run_check_log(const char *expected);
void run_send(const char *text);

/** The next connection of a listener, blocking. */
int peer_accept(int listener);
/** Connects the client to a fresh listener of the test. @return the (blocking) other end. */
int run_connect_raw(void);

void run_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Does what act_at and act say. */
void run_act(const char *at);

#endif
