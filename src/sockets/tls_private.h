/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What leat_tls_socket, its server and its options share. A TLS socket is a leat_tcp_socket with a
 * TLS layer in its chain: it calls the functions of TCP, and TCP's callbacks come to it.
 *
 * May be included by: src/sockets/tls_*.c.
 */
#ifndef LEATI_SOCKETS_TLS_PRIVATE_H
#define LEATI_SOCKETS_TLS_PRIVATE_H

#include <leat/tls_socket.h>

#include "sockets/tcp_private.h"
#include "tls/tls.h"

/** What the TLS layers of one object are made of; TCP's routes borrow `options`. All zero = empty.
 */
struct leati_tls_setup {
    struct leati_tls_layer_options options;
    char *server_name;
    char *key_log_path;
};

/** Takes what connections need. `options` and `config` may be NULL for the defaults.
 * @return LEAT_OK; recorded in `failure`: as leati_tls_credentials_new(), LEAT_E_PARAMETER. Then
 * the setup is empty. */
int leati_tls_setup_client(struct leati_tls_setup *setup, leat_tls_options *options,
                           const char *address, uint16_t port, const leat_config *config,
                           struct leati_failure *failure);
int leati_tls_setup_server(struct leati_tls_setup *setup, leat_tls_options *options,
                           const leat_config *config, struct leati_failure *failure);
void leati_tls_setup_done(struct leati_tls_setup *setup);

struct leat_tls_socket {
    leat_tcp_socket *tcp;
    struct leat_tls_socket_callbacks callbacks;
    void *user;
    struct leati_tls_setup setup;
    bool was_open; /* of this connection, or the last */

    /* Of a server's connection. */
    struct leat_tls_socket *prev, *next;
    void *client_data;
};

/** The code of a TLS socket object for one of TCP (ERRORS.md, TLS). */
int leati_tls_socket_code(int tcp_code);
/** The same for a whole error; `was_open` tells a peer that takes nothing from one that is not
 * there. */
void leati_tls_socket_translate(struct leat_error *error, bool was_open);

#endif
