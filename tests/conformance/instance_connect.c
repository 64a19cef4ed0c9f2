/* SPDX-License-Identifier: Apache-2.0 */
/** @file CONNECT through an HTTP proxy that wants a password. */
#include "conformance/conformance.h"

#include "http/connect.h"
#include "support/connect_auth.h"

#include <criterion/criterion.h>
#include <string.h>

static int connect_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    static const struct leati_http_field headers[] = {{"X-Trace", "1"}};
    struct leati_http_auth *auth = connect_auth_new("user", "secret", true);
    const struct leati_http_connect_options options = {
        .host = "2001:db8::1",
        .port = 443,
        .auth = auth,
        .headers = headers,
        .header_count = 1,
        .step_timeout_ms = CONFORMANCE_TIMEOUT_MS,
    };
    int code = leati_http_connect_layer_new(&options, failure, ret_layer);
    leati_http_auth_unref(auth);
    return code;
}

struct connect_peer {
    bool has_answered;
    size_t seen; /* bytes of `sent` that are the request or have been echoed */
};

static void *connect_peer_new(void)
{
    static struct connect_peer peer;

    peer = (struct connect_peer){0};
    return &peer;
}

static void connect_peer_free(void *peer)
{
    (void)peer;
}

static void connect_peer_react(void *state, struct scripted_layer *wire)
{
    static const char start[] = "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n";
    static const char answer[] = "HTTP/1.1 100 Continue\r\n\r\n"
                                 "HTTP/1.0 200 Connection established\r\n"
                                 "Content-Length: 7\r\n\r\n" CONFORMANCE_EARLY;
    struct connect_peer *peer = state;
    const char *sent = (const char *)wire->sent.data;
    const char *end = wire->sent.len ? memmem(sent, wire->sent.len, "\r\n\r\n", 4) : NULL;

    if (!end)
        return;
    if (!peer->has_answered) {
        cr_assert_eq(memcmp(sent, start, sizeof(start) - 1), 0, "unexpected request");
        peer->has_answered = true;
        peer->seen = (size_t)(end - sent) + 4;
        scripted_layer_reply(wire, answer, sizeof(answer) - 1);
    }
    if (wire->sent.len > peer->seen)
        scripted_layer_reply(wire, wire->sent.data + peer->seen, wire->sent.len - peer->seen);
    peer->seen = wire->sent.len;
}

const struct conformance_layer conformance_connect = {
    .name = "http connect",
    .layer = LEAT_LAYER_HTTP_PROXY,
    .create = connect_create,
    .peer_new = connect_peer_new,
    .peer_free = connect_peer_free,
    .peer_react = connect_peer_react,
    .passthrough = true,
    .handshake_eof = {LEAT_E_WS_CONNECT},
    /* What breaks below keeps the code of the layer that it broke in. */
    .handshake_recv = {LEAT_E_SOCKET_BASE + 104 /* ECONNRESET */},
    .handshake_send = {LEAT_E_SOCKET_BASE + 32 /* EPIPE */},
    .handshake_timeout = {LEAT_E_WS_CONNECT},
    .open_eof = {LEATI_EOF},
    .open_recv = {LEAT_E_SOCKET_BASE + 104 /* ECONNRESET */},
};
