/* SPDX-License-Identifier: Apache-2.0 */
/** @file What both ends of the opening handshake need (RFC 6455 section 4). */
#ifndef LEATI_WS_HANDSHAKE_H
#define LEATI_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The size of a Sec-WebSocket-Accept value with its final NUL. */
#define LEATI_WS_ACCEPT_SIZE 29u

/** One header field to be sent. */
struct leati_ws_header {
    const char *name;
    const char *value;
};

/** SHA-1, lent by whoever has a crypto library. false = it has none. */
typedef bool leati_ws_sha1_fn(const void *data, size_t len, uint8_t ret_digest[20]);

/** Section 4.2.2 item 5.4: the answer to a key of 24 characters. false without SHA-1. */
bool leati_ws_accept_value(const char *key, leati_ws_sha1_fn *sha1,
                           char ret_accept[LEATI_WS_ACCEPT_SIZE]);

/** Makes a text fit for any terminal: what is not printable ASCII becomes '?'. */
void leati_ws_make_printable(char *text);

#endif
