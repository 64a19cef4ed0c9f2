/* SPDX-License-Identifier: Apache-2.0 */
/** @file The server's side of the WebSocket handshake: the wire plays a client. */
#include "conformance/conformance.h"

#include "ws/ws.h"

#include <criterion/criterion.h>
#include <string.h>

static bool constant_digest(const void *data, size_t len, uint8_t ret_digest[20])
{
    (void)data;
    (void)len;
    memset(ret_digest, 0x5a, 20);
    return true;
}

static int accept_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    const struct leati_ws_accept_options options = {
        .timeout_ms = CONFORMANCE_TIMEOUT_MS,
        .sha1 = constant_digest,
    };
    return leati_ws_accept_layer_new(&options, failure, ret_layer);
}

/* Without memory the answer fails, and the next round asks again. */
static bool accept_decide(struct leati_layer *layer)
{
    static const struct leati_ws_accept_decision decision = {.status = 101, .protocol = "chat"};

    if (!leati_ws_accept_is_asking(layer))
        return false;
    leati_ws_accept_answer(layer, &decision);
    return true;
}

struct accept_peer {
    bool has_asked;
    size_t seen; /* bytes of `sent` that are the response or have been echoed */
};

static void *accept_peer_new(void)
{
    static struct accept_peer peer;

    peer = (struct accept_peer){0};
    return &peer;
}

/* A client that does not wait for the answer with its first words. */
static void accept_peer_react(void *state, struct scripted_layer *wire)
{
    static const char request[] = "GET /chat HTTP/1.1\r\n"
                                  "Host: example.com\r\n"
                                  "Upgrade: websocket\r\n"
                                  "Connection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Sec-WebSocket-Protocol: chat, superchat\r\n"
                                  "Sec-WebSocket-Version: 13\r\n\r\n" CONFORMANCE_EARLY;
    struct accept_peer *peer = state;

    if (!peer->has_asked) {
        peer->has_asked = true;
        scripted_layer_reply(wire, request, sizeof(request) - 1);
    }
    if (wire->sent.len == 0)
        return;
    if (peer->seen == 0) {
        const char *sent = (const char *)wire->sent.data;
        const char *end = memmem(sent, wire->sent.len, "\r\n\r\n", 4);
        if (!end)
            return;
        /* One that was too slow is told so. */
        bool is_late = strncmp(sent, "HTTP/1.1 408 ", 13) == 0;
        cr_assert(is_late || strncmp(sent, "HTTP/1.1 101 ", 13) == 0);
        peer->seen = (size_t)(end - sent) + 4;
    }
    scripted_layer_echo(wire, &peer->seen);
}

const struct conformance_layer conformance_accept = {
    .name = "websocket accept",
    .layer = LEAT_LAYER_WEBSOCKET,
    .create = accept_create,
    .peer_new = accept_peer_new,
    .peer_react = accept_peer_react,
    .decide = accept_decide,
    .passthrough = true,
    CONFORMANCE_HTTP_CODES,
    CONFORMANCE_OPEN_CODES,
};
