/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The layer below that of a SOCKS5 proxy which may choose GSS-API: it passes bytes through until the
 * two have agreed on a protection of messages (RFC 1961 section 5), and from then on wraps what goes
 * down and unwraps what comes up, as long as the connection lives. Where nothing of that sort is
 * agreed on, it goes.
 */
#ifndef LEATI_SOCKS5_GSS_PROTECTION_H
#define LEATI_SOCKS5_GSS_PROTECTION_H

#include "core/layer.h"
#include "gss/gss.h"

/** The most bytes that are wrapped at once: with what mechanisms add, proxies that read a message into
 * a buffer of 64 KiB, or of 32, take it. */
#define LEATI_SOCKS5_PROTECTION_PLAIN_BYTES 16384u

/** How many messages without a byte may follow one another: whoever sends more keeps the loop busy. */
#define LEATI_SOCKS5_PROTECTION_MAX_EMPTY 100u

/** The longest datagram that can be: a head, and a token. */
#define LEATI_SOCKS5_PROTECTED_MAX_BYTES (4u + LEATI_GSS_TOKEN_MAX_BYTES)

/** Failures of an open layer: LEAT_E_SOCKS5_DESERIALIZE (a message that is broken, forged or cut off),
 * LEAT_E_SOCKS5_SEND (one that cannot be wrapped).
 * @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory, recorded). */
int leati_socks5_protection_layer_new(struct leati_failure *failure,
                                      struct leati_layer **ret_layer);

/** From now on everything is wrapped by `gss`, which is taken. */
void leati_socks5_protection_begin(struct leati_layer *layer, struct leati_gss *gss,
                                   bool confidential);
/** Whether that is so. */
bool leati_socks5_protection_is_on(const struct leati_layer *layer);
/** Nothing ever will be. */
void leati_socks5_protection_skip(struct leati_layer *layer);

/* Datagrams of the association whose control connection the layer protects are protected likewise, each
 * for itself (section 5). */

/** A datagram for the relay: `ret_datagram` has room for LEATI_SOCKS5_PROTECTED_MAX_BYTES.
 * @return 0, or an errno: EMSGSIZE, EPROTO (the library cannot). */
int leati_socks5_protection_seal(struct leati_layer *layer, const void *data, size_t len,
                                 uint8_t *ret_datagram, size_t *ret_len);
/** One of the relay's, in its place. @return whether it is whole, protected as agreed on and new. */
bool leati_socks5_protection_open(struct leati_layer *layer, uint8_t *datagram, size_t *len);

#endif
