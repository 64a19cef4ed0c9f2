/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/conformance.h"

#include "socks5/socks4.h"
#include "support/socks5_peer.h"

static int socks4_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    const struct leati_socks4_options options = {
        .host = "example.com",
        .port = 443,
        .carries_names = true,
        .user = "user",
        .step_timeout_ms = CONFORMANCE_TIMEOUT_MS,
    };
    return leati_socks4_layer_new(&options, failure, ret_layer);
}

#define REQUEST                                                                                    \
    "\x04\x01\x01\xbb\x00\x00\x00\x01"                                                             \
    "user\0example.com\0"
#define ANSWER "\x00\x5a\x00\x00\x00\x00\x00\x00" CONFORMANCE_EARLY

static struct socks5_peer proxy;

static void *socks4_peer_new(void)
{
    proxy = (struct socks5_peer){
        .steps = {{REQUEST, sizeof(REQUEST) - 1, ANSWER, sizeof(ANSWER) - 1}},
    };
    return &proxy;
}

const struct conformance_layer conformance_socks4 = {
    .name = "socks4a",
    .layer = LEAT_LAYER_SOCKS5,
    .create = socks4_create,
    .peer_new = socks4_peer_new,
    .peer_react = socks5_peer_react,
    .passthrough = true,
    CONFORMANCE_SOCKS_CODES,
    .handshake_timeout = {LEAT_E_SOCKS5_RECV},
    CONFORMANCE_OPEN_CODES,
};
