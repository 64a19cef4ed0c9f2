/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A leat_tls_socket and a leat_tls_socket_server that write down how they end.
 */
#ifndef LEAT_TESTS_FAULT_TLS_OBJECT_H
#define LEAT_TESTS_FAULT_TLS_OBJECT_H

#include <leat/tls_socket.h>

#define TLS_OBJECT_CLOSE_TIMEOUT_MS 50

struct tls_object {
    leat_loop *loop;
    leat_config *config;       /**< with short deadlines; to be changed before use */
    leat_tls_options *options; /**< with the test's CA, and server.pem for the server */
    leat_tls_socket *tls;
    leat_tls_socket_server *server;
    unsigned connected_count, error_count, closed_count;
    struct leat_error error; /**< of the last callback `error` */
};

/** Makes everything; nothing is bound or connected. Fails the test if it cannot. */
void tls_object_init(struct tls_object *object);
void tls_object_done(struct tls_object *object);

/** Dispatches until the counter is not 0. Fails the test if it stays. */
void tls_object_until(struct tls_object *object, const unsigned *counter);

/** Connects to 127.0.0.1 and waits until it is connected. Fails the test otherwise. */
void tls_object_open(struct tls_object *object, uint16_t port);

/** Connects and waits for the end, which comes without `connected`, or after it.
 * @return the code of connect if that refuses, else that of the error. */
int tls_object_connect(struct tls_object *object, const char *host, uint16_t port);

#endif
