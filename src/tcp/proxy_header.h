/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The layer that sends the header of the PROXY protocol (core/proxy_protocol.h) in front of everything
 * that goes to the origin. It waits for no answer, since there is none.
 */
#ifndef LEATI_TCP_PROXY_HEADER_H
#define LEATI_TCP_PROXY_HEADER_H

#include "core/layer.h"
#include "core/proxy_protocol.h"

struct leati_proxy_header_options {
    enum leati_proxy_protocol_version version;
    const struct leati_layer *tcp; /**< whose descriptor has the addresses; outlives the layer */
    /** Whether they are those of the way to the origin: nothing is between. Otherwise the header
     * names nobody, unless there is a client. */
    bool is_direct;
    const struct leati_address *client;      /**< instead of our own; of AF_UNSPEC = none; copied */
    const struct leati_address *destination; /**< where not direct; NULL = not known here; copied */
    uint16_t destination_port;               /**< of a destination that is not known */
};

/** @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory), recorded in `failure`. */
int leati_proxy_header_layer_new(const struct leati_proxy_header_options *options,
                                 struct leati_failure *failure, struct leati_layer **ret_layer);

#endif
