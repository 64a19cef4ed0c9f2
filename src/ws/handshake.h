/* SPDX-License-Identifier: Apache-2.0 */
/** @file What both ends of the opening handshake need (RFC 6455 section 4). */
#ifndef LEATI_WS_HANDSHAKE_H
#define LEATI_WS_HANDSHAKE_H

#include "core/engine.h"
#include "http/head.h"
#include "ws/deflate_params.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The size of a Sec-WebSocket-Accept value with its final NUL. */
#define LEATI_WS_ACCEPT_SIZE 29u

/** What the two ends have agreed on. Written by the upgrade or by its acceptance as it becomes
 * known; what it points to lives as long as the layer. */
struct leati_ws_agreement {
    int status;           /**< of the answer to the request, 0 before */
    const char *protocol; /**< the subprotocol, "" = none */
    const char *target;   /**< at a server: what the client has asked for; NULL = not known yet */
    const struct leati_deflate_params *deflate; /**< NULL = no compression */
    /** At a client: of the final response, whatever its status; NULL = none came, or it was
     * malformed, or it has been taken. At a server: of the request. */
    const struct leati_http_head *head;
    /** At a client: where a redirect (301, 302, 303, 307, 308) leads, the URI reference as it was
     * sent; NULL for another status, and without exactly one Location. */
    const char *location;
};

/** What an engine makes of the bytes that it is fed. */
enum leati_ws_head_result {
    LEATI_WS_HEAD_VALID,   /**< the peer's head is complete: both can go on */
    LEATI_WS_HEAD_MORE,    /**< everything was used, the head goes on */
    LEATI_WS_HEAD_REFUSED, /**< not valid: `error` says why */
    LEATI_WS_HEAD_BODY,    /**< REFUSED, and a body follows; only at a client */
    LEATI_WS_HEAD_NO_MEMORY,
};

/** What the engines of the upgrade and of its acceptance begin with. */
struct leati_ws_handshake {
    struct leati_engine base;
    struct leati_ws_agreement agreement;
    struct leati_http_head head;         /**< the peer's */
    struct leati_deflate_params deflate; /**< where the agreement points to */
    char error[256];                     /**< why the peer is refused; printable ASCII */
};

void leati_ws_handshake_init(struct leati_ws_handshake *handshake, enum leati_http_kind peers_head);
/** Writes `error`, fit for any terminal, because it may quote the peer. @return REFUSED */
enum leati_ws_head_result leati_ws_refuse(struct leati_ws_handshake *handshake, const char *format,
                                          ...) LEAT_PRINTF(2, 3);
/** The verdict when there is none. */
void leati_ws_fail_memory(struct leati_ws_handshake *handshake);
/** The engines' `describe`. */
void leati_ws_handshake_describe(const struct leati_engine *e, char *buf, size_t cap);

/** What a layer of either kind has agreed on. Lives as long as the layer. */
const struct leati_ws_agreement *leati_ws_agreement(const struct leati_layer *layer);

/** SHA-1, lent by the folder that has a crypto library. false = it has none. */
typedef bool leati_ws_sha1_fn(const void *data, size_t len, uint8_t ret_digest[20]);

/** Section 4.2.2 item 5.4: the answer to a key of 24 characters. false without SHA-1. */
bool leati_ws_accept_value(const char *key, leati_ws_sha1_fn *sha1,
                           char ret_accept[LEATI_WS_ACCEPT_SIZE]);

/** Whether a field of that name is written by the handshake alone, at either end. */
bool leati_ws_header_is_ours(const char *name);

#endif
