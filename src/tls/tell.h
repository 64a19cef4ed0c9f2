/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the trace hears of a handshake. mbedTLS forgets most of it at once, so it is told while it
 * is there. Nothing here is called without a trace, and nothing here can fail a connection.
 */
#ifndef LEATI_TLS_TELL_H
#define LEATI_TLS_TELL_H

#include "tls/tls_layer.h"

/** After a step of the handshake that began in `state`: notes the group and the signature algorithm
 * if the message that was read names them. Clients only. */
void leati_tls_note_step(struct leati_tls_layer *tls, int state);

/** One certificate of the chain that is verified; `problem` is empty if it is accepted. */
void leati_tls_tell_verified(const struct leati_tls_layer *tls, const mbedtls_x509_crt *cert,
                             int depth, const struct leati_tls_reasons *problem);

/** The chain as the peer has sent it, where nothing is verified. */
void leati_tls_tell_unverified(const struct leati_tls_layer *tls);

/** What the handshake has agreed on; of an OPEN layer. */
void leati_tls_tell_agreed(const struct leati_tls_layer *tls);

#endif
