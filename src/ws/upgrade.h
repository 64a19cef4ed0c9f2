/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client's opening handshake (RFC 6455 section 4.1) as a layer that is passthrough once OPEN.
 *
 * One thread at a time per layer. May include: http/head.h, core, util, public headers.
 * May be included by: conn.
 */
#ifndef LEATI_WS_UPGRADE_H
#define LEATI_WS_UPGRADE_H

#include "core/layer.h"
#include "ws/handshake.h"

struct leati_ws_upgrade_options {
    const char *host_field; /**< value of Host: with the port unless it is the default one */
    const char *target;     /**< origin-form */
    const struct leati_ws_header *headers; /**< the user's, checked already */
    size_t header_count;
    const char *const *protocols; /**< to offer */
    size_t protocol_count;
    /** From the request to the end of the response head; 0 = none but limit_ms. */
    uint32_t timeout_ms;
    leati_ws_sha1_fn *sha1;
};

/** @return LEAT_OK; recorded: LEAT_E_SYSTEM_INTERNAL. */
int leati_ws_upgrade_layer_new(const struct leati_ws_upgrade_options *options,
                               struct leati_failure *failure, struct leati_layer **ret_layer);
/** The subprotocol that the server chose, "" if none. Valid while the layer lives. */
const char *leati_ws_upgrade_protocol(const struct leati_layer *upgrade);
/** The status of the response, 0 before. */
int leati_ws_upgrade_status(const struct leati_layer *upgrade);

#endif
