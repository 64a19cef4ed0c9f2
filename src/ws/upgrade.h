/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client's opening handshake (RFC 6455 section 4.1) as a layer that is passthrough once OPEN.
 *
 * One thread at a time per layer.
 */
#ifndef LEATI_WS_UPGRADE_H
#define LEATI_WS_UPGRADE_H

#include "core/layer.h"
#include "http/head.h"
#include "http/response.h"
#include "ws/deflate_params.h"
#include "ws/handshake.h"

/** How long the body of a refusal is waited for, from the end of its head; see below. */
#define LEATI_WS_UPGRADE_BODY_WAIT_MS 5000u

struct leati_random_pool;

struct leati_ws_upgrade_options {
    const char *host_field; /**< value of Host: with the port unless it is the default one */
    const char *target;     /**< origin-form */
    /** NULL = "leat/VERSION", "" = none; also none where `headers` have one. */
    const char *user_agent;
    const char *origin;                     /**< the same; NULL = none */
    const struct leati_http_field *headers; /**< the user's, checked already */
    size_t header_count;
    const char *const *protocols; /**< to offer */
    size_t protocol_count;
    /** permessage-deflate, if the build has it; NULL = not offered. */
    const struct leati_deflate_offer *deflate;
    /** From the request to the end of the response head; 0 = none but limit_ms. */
    uint32_t timeout_ms;
    leati_ws_sha1_fn *sha1;
    struct leati_random_pool *random; /**< for the nonce; NULL = straight from the kernel */
};

/**
 * Makes the layer; nothing of `options` is needed afterwards. What connect records when it fails:
 *  - LEAT_E_WS_CONNECT, native code = the HTTP status as far as it is known: any other status than
 *    101, a 101 that is not valid by section 4.1, a malformed or too large head, the end of the
 *    connection before the head is complete, the deadline (errno ETIMEDOUT);
 *  - LEAT_E_SYSTEM_INTERNAL: no memory;
 *  - the lower layer's failure, as it is.
 *
 * A status other than 101 is recorded as soon as its head is complete. connect then stays
 * LEATI_AGAIN until the body is complete, is longer than is kept, breaks off, or
 * LEATI_WS_UPGRADE_BODY_WAIT_MS or the deadline are over; whatever happens in it, the refusal is
 * what is reported.
 *
 * @return LEAT_OK; recorded: LEAT_E_SYSTEM_INTERNAL (no memory), LEAT_E_WS_INTERNAL (no
 * randomness).
 */
int leati_ws_upgrade_layer_new(const struct leati_ws_upgrade_options *options,
                               struct leati_failure *failure, struct leati_layer **ret_layer);
/** The request, until it has been sent. */
const void *leati_ws_upgrade_request(const struct leati_layer *upgrade, size_t *ret_len);

/** Moves head and body out, so that they outlive the layer; the caller frees. NULL if there is no
 * complete head, and without memory. */
struct leati_http_response *leati_ws_upgrade_take_response(struct leati_layer *upgrade);

#endif
