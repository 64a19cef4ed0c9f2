/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The layer that reads the header of the PROXY protocol (core/proxy_protocol.h) of a client that was
 * accepted from a trusted proxy, in front of everything else.
 */
#ifndef LEATI_TCP_PROXY_READER_H
#define LEATI_TCP_PROXY_READER_H

#include "core/layer.h"
#include "core/proxy_protocol.h"

struct leati_proxy_reader_options {
    uint32_t timeout_ms;
    /** Whom the header names, once it is there; stays as it is if it names nobody. Outlives the layer. */
    struct leati_address *client;
};

/** A header that is wrong or missing is LEAT_E_SOCKET_BASE + EPROTO, one that does not come in time
 * + ETIMEDOUT. @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory), recorded in `failure`. */
int leati_proxy_reader_layer_new(const struct leati_proxy_reader_options *options,
                                 struct leati_failure *failure, struct leati_layer **ret_layer);

#endif
