/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What leat_tls_socket, its server and its options share. A leat_tls_socket is the object behind
 * leat_tcp_socket with TLS on its route, and so is its server.
 */
#ifndef LEATI_SOCKETS_TLS_PRIVATE_H
#define LEATI_SOCKETS_TLS_PRIVATE_H

#include "sockets/tcp_private.h"

/** Takes what connections need. `options` and `config` may be NULL for the defaults.
 * @return LEAT_OK; recorded in `failure`: as leati_tls_credentials_new(), LEAT_E_PARAMETER. Then
 * the setup is empty. */
int leati_tls_setup_client(struct leati_tls_setup *setup, leat_tls_options *options,
                           const char *address, uint16_t port, const leat_config *config,
                           struct leati_failure *failure);
int leati_tls_setup_server(struct leati_tls_setup *setup, leat_tls_options *options,
                           const leat_config *config, struct leati_failure *failure);

/** The code of a TLS socket object for one of TCP (ERRORS.md, TLS). */
int leati_tls_socket_code(int tcp_code);
/** The same for that of a send. */
int leati_tls_send_code(const struct leati_stream *stream, int tcp_code);
/** The same for a whole error. A timeout means that the peer takes nothing if `was_open`, otherwise
 * that it is not there. */
void leati_tls_socket_translate(struct leat_error *error, bool was_open);

#endif
