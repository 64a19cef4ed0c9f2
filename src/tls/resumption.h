/* SPDX-License-Identifier: Apache-2.0 */
/** @file Between the sessions of mbedTLS and the store. Resumption is best effort: nothing here
 * fails a connection, except a lack of memory that leaves mbedTLS in doubt. */
#ifndef LEATI_TLS_RESUMPTION_H
#define LEATI_TLS_RESUMPTION_H

#include "tls/tls_layer.h"

/** How long sessions are offered at most that rest on one full handshake, however often they are
 * renewed meanwhile: who stole a key or lost a certificate is found out then (RFC 8446 section 4.6.1).
 * Where the chain that was verified ends earlier they end with it. */
#define LEATI_TLS_SESSION_LIFETIME_S 86400

/** The key under which a layer's sessions are kept: all that must be equal for a session to be
 * offered again. NULL without memory. */
char *leati_tls_resumption_key(const struct leati_tls_layer_options *options,
                               const char *server_name);

/** Offers a stored session; to be called before the handshake starts. Returns 0 or the mbedTLS code
 * with which the connection cannot go on. */
int leati_tls_resumption_offer(struct leati_tls_layer *tls);
/** Behind a handshake, before the verifier is done: from now on sessions are kept. */
void leati_tls_resumption_begin(struct leati_tls_layer *tls, bool is_resumed);
/** Keeps the session that mbedTLS has now: after a TLS 1.2 handshake, or for each TLS 1.3 ticket.
 */
void leati_tls_resumption_save(struct leati_tls_layer *tls);
/** After a handshake that failed: if a session was offered, it may be the reason (mbedTLS then
 * offers no other protocol version than the session's), so the next connection starts without any.
 */
void leati_tls_resumption_forget(struct leati_tls_layer *tls);
/** After a connection that failed by TLS itself, once it was open: its tickets are not to be used
 * again (RFC 8446 section 6, RFC 5246 section 7.2). */
void leati_tls_resumption_discard(struct leati_tls_layer *tls);

#endif
