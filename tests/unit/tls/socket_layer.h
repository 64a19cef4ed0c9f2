/* SPDX-License-Identifier: Apache-2.0 */
/** @file A TLS layer over a real socket, waited for by poll(2). */
#ifndef TESTS_UNIT_TLS_SOCKET_LAYER_H
#define TESTS_UNIT_TLS_SOCKET_LAYER_H

#include "tls/tls.h"

struct socket_layer {
    struct leati_layer base;
    int fd;
};

/** One end of a connection. */
struct socket_end {
    struct leati_failure failure;
    struct leati_tracer tracer;
    struct socket_layer lower;
    struct leati_layer *tls;
};

/** Takes a connected socket that does not block. Fails the test if TLS cannot be set up. */
void socket_end_init(struct socket_end *end, int fd, const struct leati_tls_layer_options *options);
/** Closes the socket as it is. */
void socket_end_done(struct socket_end *end);

/* Each waits while the layer says LEATI_AGAIN, and fails the test if nothing happens. */
int socket_end_connect(struct socket_end *end);
int socket_end_recv(struct socket_end *end, void *buf, size_t cap, size_t *ret_len);
/** All of it; it must succeed. */
void socket_end_send(struct socket_end *end, const void *data, size_t len);
/** It must succeed. */
void socket_end_shutdown(struct socket_end *end);

#endif
