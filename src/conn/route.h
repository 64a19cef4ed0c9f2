/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The way to an origin: what TCP dials, what is resolved here, and which layers follow in which
 * order. This is the only place that knows the order.
 */
#ifndef LEATI_CONN_ROUTE_H
#define LEATI_CONN_ROUTE_H

#include "conn/config.h"
#include "core/address.h"
#include "core/layer.h"
#include "loop/loop.h"

struct leati_route {
    leat_config *config; /**< a copy */
    struct leati_url origin;
    bool secure;
    bool has_proxy;
    bool resolve_origin;  /**< socks5://: this machine resolves the destination */
    const char *hop_host; /**< what TCP dials: the proxy or the origin; borrowed from the above */
    uint16_t hop_port;
    char *hop;                                 /**< "host:port" of it */
    char *origin_hop;                          /**< "host:port" of the origin */
    char *origin_field;                        /**< the value of Host */
    struct leati_tls_credentials *credentials; /**< NULL unless secure */
    struct leati_tls_sessions *sessions;       /**< may be NULL */
    struct leati_layer *upgrade; /**< borrowed from the chain; NULL before it is built */
};

/**
 * Plans the way. Reads certificate files.
 *
 * @return LEAT_OK; recorded in `failure`: LEAT_E_WS_URL, LEAT_E_SOCKS5_SERIALIZE, as
 *         leati_tls_credentials_new(), LEAT_E_SYSTEM_INTERNAL.
 */
int leati_route_new(const char *url, const leat_config *config, struct leati_failure *failure,
                    struct leati_route **ret_route);
void leati_route_free(struct leati_route *route);

/** Drops what only connecting needs; the flags and the "host:port" texts stay. */
void leati_route_trim(struct leati_route *route);

/** The TCP side of building: addresses to dial and whom to wake. */
struct leati_route_dial {
    leat_loop *loop;
    const struct leati_address *addresses;
    size_t count;
    const struct leati_address *origin_address; /**< socks5:// only, NULL otherwise */
    void (*ready)(void *user);
    void *user;
};

/**
 * Makes the layers, linked from `*ret_top` down to `*ret_tcp`; hop is filled in, failure and tracer
 * are the caller's to set.
 *
 * @return LEAT_OK, or the constructors' codes, recorded in `failure`; then nothing is left.
 */
int leati_route_build(struct leati_route *route, const struct leati_route_dial *dial,
                      struct leati_failure *failure, struct leati_layer **ret_top,
                      struct leati_layer **ret_tcp);

/** Destroys a list of layers from the top down. */
void leati_layers_destroy(struct leati_layer *top);

#endif
