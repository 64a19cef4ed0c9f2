/* SPDX-License-Identifier: Apache-2.0 */
/** @file A handshake whose key is the example of RFC 6455 section 1.3. */
#ifndef TEST_WS_UPGRADE_FIXTURE_H
#define TEST_WS_UPGRADE_FIXTURE_H

#include "ws/upgrade_engine.h"

#include <criterion/criterion.h>

#define EXAMPLE_KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define EXAMPLE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/** The nonce behind EXAMPLE_KEY. */
extern const uint8_t example_nonce[LEATI_WS_NONCE_BYTES];

/** A valid response; `extra` are further fields, each with its CRLF. */
#define RESPONSE_WITH(extra)                                                                       \
    "HTTP/1.1 101 Switching Protocols\r\n"                                                         \
    "Upgrade: websocket\r\n"                                                                       \
    "Connection: Upgrade\r\n"                                                                      \
    "Sec-WebSocket-Accept: " EXAMPLE_ACCEPT "\r\n" extra "\r\n"

/** SHA-1 (FIPS 180-4), slow and short. */
bool reference_sha1(const void *data, size_t len, uint8_t ret_digest[20]);
bool broken_sha1(const void *data, size_t len, uint8_t ret_digest[20]);

/** The accept value for a key. */
void accept_of(const char *key, char ret_accept[29]);

/** /chat at server.example.com, offers "chat" and "superchat". */
struct leati_ws_upgrade_options example_options(void);

#endif
