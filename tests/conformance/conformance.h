/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The battery that every layer passes: the rules of src/core/layer.h, over a scripted wire.
 *
 * To put a layer under test:
 *  1. Write instance_NAME.c with one `const struct conformance_layer`: how the layer is made, and
 * its other end, which sees what the layer has sent (`wire->sent`) and answers by
 *     scripted_layer_reply(). The other end does the handshake; right behind its last byte of it,
 *     in the same reply, it says CONFORMANCE_EARLY to the layer above (in the layer's own form:
 *     encrypted, say); then it sends back whatever the layer above says.
 *  2. Name it below and in the table of instances.c, and link its folder in CMakeLists.txt.
 * A layer that cannot pass a check has a fault, or the rule is to be changed in layer.h first.
 */
#ifndef TESTS_CONFORMANCE_CONFORMANCE_H
#define TESTS_CONFORMANCE_CONFORMANCE_H

#include "support/scripted_layer.h"

#include <errno.h>

/** What the other end says unasked as soon as the layer is open. */
#define CONFORMANCE_EARLY "the first words of the layer above"

/** The deadline that `create` gives the layer for a silent other end. */
#define CONFORMANCE_TIMEOUT_MS 1000

/** Codes of which one must come out, ended by 0. LEATI_EOF may be among them. */
typedef int conformance_codes[5];

struct conformance_layer {
    const char *name;
    enum leat_layer layer;
    int (*create)(struct leati_failure *failure, struct leati_layer **ret_layer);

    /** State of the other end. Either may be NULL if there is nothing to make, or to free. */
    void *(*peer_new)(void);
    void (*peer_free)(void *peer);
    /** Called before the layer's first connect, and then after every send that took bytes. */
    void (*peer_react)(void *peer, struct scripted_layer *wire);

    /** Called after every connect that gave LEATI_AGAIN, for a layer whose owner has a say in the
     * handshake; returns whether it was asked. NULL = it has none. */
    bool (*decide)(struct leati_layer *layer);

    /** pending() may be true for bytes that turn out to be no data, such as part of a record; a recv
     * that finds none ends it. */
    bool pending_is_a_guess;
    bool passthrough; /**< what an OPEN layer says of itself, rule 6 */
    /** Runs differ by so many bytes in their handshake (random lengths). */
    size_t handshake_jitter_bytes;
    /** Checks that break the wire after the n-th byte take every stride-th n; 0 = each. */
    size_t stride_bytes;
    /** The check that lets the n-th allocation fail takes every stride-th n; 0 = each. */
    size_t stride_allocations;

    conformance_codes handshake_eof;  /**< the wire ends during connect */
    conformance_codes handshake_recv; /**< recv of the wire fails with ECONNRESET during connect */
    conformance_codes handshake_send; /**< send of the wire fails with EPIPE during connect */
    conformance_codes handshake_timeout; /**< nothing comes; {0} = the layer has no handshake */
    conformance_codes open_eof;  /**< the wire ends when the layer is OPEN: recv gives this */
    conformance_codes open_recv; /**< recv of the wire fails when the layer is OPEN */
};

/** Of handshakes in HTTP: what breaks below keeps the code of the layer that it broke in. */
#define CONFORMANCE_HTTP_CODES                                                                     \
    .handshake_eof = {LEAT_E_WS_CONNECT}, .handshake_recv = {LEAT_E_SOCKET_BASE + ECONNRESET},     \
    .handshake_send = {LEAT_E_SOCKET_BASE + EPIPE}, .handshake_timeout = {LEAT_E_WS_CONNECT}
/** Of those in SOCKS, but for `handshake_timeout`. */
#define CONFORMANCE_SOCKS_CODES                                                                    \
    .handshake_eof = {LEAT_E_SOCKS5_RECV, LEAT_E_SOCKS5_DESERIALIZE},                              \
    .handshake_recv = {LEAT_E_SOCKS5_RECV}, .handshake_send = {LEAT_E_SOCKS5_SEND}
/** Of a layer that says nothing about the end of an open connection. */
#define CONFORMANCE_OPEN_CODES                                                                     \
    .open_eof = {LEATI_EOF}, .open_recv = {LEAT_E_SOCKET_BASE + ECONNRESET}

extern const struct conformance_layer conformance_null;
extern const struct conformance_layer conformance_socks5;
extern const struct conformance_layer conformance_socks5_password;
extern const struct conformance_layer conformance_socks5_gss;
extern const struct conformance_layer conformance_gss_integrity;
extern const struct conformance_layer conformance_gss_confidentiality;
extern const struct conformance_layer conformance_socks4;
extern const struct conformance_layer conformance_upgrade;
extern const struct conformance_layer conformance_connect;
extern const struct conformance_layer conformance_connect_rounds;
extern const struct conformance_layer conformance_accept;
extern const struct conformance_layer conformance_tls_1_2;
extern const struct conformance_layer conformance_tls_1_3;
extern const struct conformance_layer conformance_tls_server;

/** All of the above, ended by NULL. */
extern const struct conformance_layer *const conformance_layers[];

#endif
