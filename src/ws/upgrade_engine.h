/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client's opening handshake (RFC 6455 section 4.1) without I/O: one request, and the check of
 * the response.
 */
#ifndef LEATI_WS_UPGRADE_ENGINE_H
#define LEATI_WS_UPGRADE_ENGINE_H

#include "http/body.h"
#include "http/message.h"
#include "ws/upgrade.h"

#define LEATI_WS_NONCE_BYTES 16u
/** How many interim responses (RFC 9110 section 15.2) may precede the final one. */
#define LEATI_WS_MAX_INTERIM 16u

struct leati_ws_upgrade_engine {
    struct leati_ws_handshake common; /* its agreement has the head, if it can be read */
    struct leati_http_message request; /**< to be sent first; freed by drop_request() */
    char expected_accept[LEATI_WS_ACCEPT_SIZE];
    char *offered;  /**< the subprotocols as they stand in the request; NULL = none */
    char *protocol; /**< the chosen one, for the agreement; NULL = none */
    bool offers_deflate;
    struct leati_deflate_offer deflate_offer;
    unsigned interim_count;
    struct leati_http_body body;
};

/** @param nonce unpredictable (section 4.1 item 7). @return false without memory or SHA-1. */
bool leati_ws_upgrade_engine_init(struct leati_ws_upgrade_engine *engine,
                                  const struct leati_ws_upgrade_options *options,
                                  const uint8_t nonce[LEATI_WS_NONCE_BYTES]);
void leati_ws_upgrade_engine_done(struct leati_ws_upgrade_engine *engine);

/** Wipes and frees the request once it is sent. */
void leati_ws_upgrade_engine_drop_request(struct leati_ws_upgrade_engine *engine);

/** Reads the next bytes of the response. `*ret_used` counts for VALID, where the bytes behind it
 * are frames, for BODY, and for MORE. Nothing may be fed after another result than MORE. */
enum leati_ws_head_result leati_ws_upgrade_engine_feed(struct leati_ws_upgrade_engine *engine,
                                                       const uint8_t *data, size_t len,
                                                       size_t *ret_used);

/** Reads bytes behind the head after BODY. @return whether more of them would matter. */
bool leati_ws_upgrade_engine_body(struct leati_ws_upgrade_engine *engine, const uint8_t *data,
                                  size_t len);

#endif
