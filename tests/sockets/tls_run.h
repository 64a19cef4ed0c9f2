/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A TLS client and a TLS server on one loop, and logs of what they tell: "connected", "message
 * TEXT", "writable", "error CODE", "closed". One for each test.
 */
#ifndef TESTS_SOCKETS_TLS_RUN_H
#define TESTS_SOCKETS_TLS_RUN_H

#include <leat/tls_socket.h>

#include <criterion/criterion.h>

/** What one side tells. */
struct tls_log {
    char text[4096];
    size_t len;
    struct leat_error error; /**< the last one */
    char received[1 << 20];  /**< all messages, with a NUL */
    size_t received_len;
    size_t received_total; /**< may be more than there is room for */
};

struct tls_run {
    leat_loop *loop;
    leat_config *config;
    leat_tls_options *options;        /**< the client's, with the test's CA */
    leat_tls_options *server_options; /**< with server.pem, and the test's CA */
    leat_tls_socket *tls;
    leat_tls_socket_server *server;
    leat_tls_socket *connection; /**< the last one of the server */
    struct tls_log client_log, server_log;
    bool echo;                 /**< the server sends back each message */
    const char *act_at;        /**< the client's callback in which ... */
    void (*act)(void);         /**< ... this is called, once */
    const char *server_act_at; /**< the same at the server */
    void (*server_act)(void);
};

extern struct tls_run run;

void run_init(void);
/** Frees what is left, ends the peers, looks for lost memory. */
void run_done(void);

/** Makes the client. */
void run_new_client(void);
/** Makes the server, which listens on 127.0.0.1. @return its port. */
uint16_t run_new_server(void);
void run_connect(uint16_t port);
/** connect, "connected" on both sides if the server is ours; empties the logs. */
void run_open(uint16_t port);

/** Dispatches until that side's log holds the text. */
void run_until_client(const char *text);
void run_until_server(const char *text);
/** Dispatches until so many bytes have come to that side. */
void run_until_received(const struct tls_log *log, size_t len);
/** Compares the whole log of a side, and empties it. */
void run_check(struct tls_log *log, const char *expected);
/** The client's. */
void run_send(const char *text);

/** Files as texts for the setters; they live as long as the test. */
const char *run_text(const char *path);
/** The callbacks of the client, for sockets that are made otherwise. */
extern const struct leat_tls_socket_callbacks run_client_callbacks;

#endif
