/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/conformance.h"

#include "socks5/socks5.h"
#include "support/socks5_peer.h"

static int socks5_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    const struct leati_socks5_options options = {
        .host = "example.com",
        .port = 443,
        .step_timeout_ms = CONFORMANCE_TIMEOUT_MS,
    };
    return leati_socks5_layer_new(&options, failure, ret_layer);
}

static int socks5_password_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    const struct leati_socks5_options options = {
        .host = "2001:db8::1",
        .port = 443,
        .user = "user",
        .password = "secret",
        .step_timeout_ms = CONFORMANCE_TIMEOUT_MS,
    };
    return leati_socks5_layer_new(&options, failure, ret_layer);
}

#define STEP(expected_bytes, answer_bytes)                                                         \
    {                                                                                              \
        (expected_bytes), sizeof(expected_bytes) - 1, (answer_bytes), sizeof(answer_bytes) - 1     \
    }

static struct socks5_peer proxy;

static void *socks5_peer_new(void)
{
    proxy = (struct socks5_peer){
        .steps = {STEP("\x05\x01\x00", "\x05\x00"),
                  STEP("\x05\x01\x00\x03\x0b"
                       "example.com\x01\xbb",
                       "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00" CONFORMANCE_EARLY)},
    };
    return &proxy;
}

static void *socks5_password_peer_new(void)
{
    proxy = (struct socks5_peer){
        .steps = {STEP("\x05\x02\x00\x02", "\x05\x02"), STEP("\x01\x04user\x06secret", "\x01\x00"),
                  STEP("\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb",
                       "\x05\x00\x00\x03\x05"
                       "proxy\x04\x38" CONFORMANCE_EARLY)},
    };
    return &proxy;
}

const struct conformance_layer conformance_socks5 = {
    .name = "socks5 without authentication",
    .layer = LEAT_LAYER_SOCKS5,
    .create = socks5_create,
    .peer_new = socks5_peer_new,
    .peer_react = socks5_peer_react,
    .passthrough = true,
    CONFORMANCE_SOCKS_CODES,
    .handshake_timeout = {LEAT_E_SOCKS5_RECV},
    CONFORMANCE_OPEN_CODES,
};

const struct conformance_layer conformance_socks5_password = {
    .name = "socks5 with a password",
    .layer = LEAT_LAYER_SOCKS5,
    .create = socks5_password_create,
    .peer_new = socks5_password_peer_new,
    .peer_react = socks5_peer_react,
    .passthrough = true,
    CONFORMANCE_SOCKS_CODES,
    .handshake_timeout = {LEAT_E_SOCKS5_RECV},
    CONFORMANCE_OPEN_CODES,
};
