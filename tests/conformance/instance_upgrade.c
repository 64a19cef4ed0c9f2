/* SPDX-License-Identifier: Apache-2.0 */
/** @file The WebSocket upgrade, against a server that answers 101. */
#include "conformance/conformance.h"

#include "util/text.h"
#include "ws/ws.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Not SHA-1, but both ends use it: what counts here is that the answer depends on the key. */
static bool toy_digest(const void *data, size_t len, uint8_t ret_digest[20])
{
    const uint8_t *bytes = data;

    memset(ret_digest, 0x5a, 20);
    for (size_t i = 0; i < len; i++)
        ret_digest[i % 20] = (uint8_t)(ret_digest[i % 20] * 31 + bytes[i]);
    return true;
}

static int upgrade_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    static const char *const protocols[] = {"chat", "superchat"};
    static const struct leati_http_field headers[] = {{"Origin", "https://example.com"}};
    const struct leati_ws_upgrade_options options = {
        .host_field = "example.com",
        .target = "/chat?x=1",
        .headers = headers,
        .header_count = 1,
        .protocols = protocols,
        .protocol_count = 2,
        .timeout_ms = CONFORMANCE_TIMEOUT_MS,
        .sha1 = toy_digest,
    };
    return leati_ws_upgrade_layer_new(&options, failure, ret_layer);
}

struct upgrade_peer {
    bool has_answered;
    size_t seen; /* bytes of `sent` that are the request or have been echoed */
};

static void *upgrade_peer_new(void)
{
    static struct upgrade_peer peer;

    peer = (struct upgrade_peer){0};
    return &peer;
}

static void upgrade_peer_accept(const char *request, size_t len, char ret_accept[29])
{
    static const char field[] = "\r\nSec-WebSocket-Key: ";
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const char *key = memmem(request, len, field, sizeof(field) - 1);
    cr_assert(key, "no key in the request");

    char text[24 + sizeof(guid)];
    int text_len = snprintf(text, sizeof(text), "%.24s%s", key + sizeof(field) - 1, guid);
    uint8_t digest[20];
    toy_digest(text, (size_t)text_len, digest);
    cr_assert(leati_text_base64_encode(digest, sizeof(digest), ret_accept, 29));
}

static void upgrade_peer_react(void *state, struct scripted_layer *wire)
{
    struct upgrade_peer *peer = state;
    const char *sent = (const char *)wire->sent.data;
    const char *end = wire->sent.len ? memmem(sent, wire->sent.len, "\r\n\r\n", 4) : NULL;

    if (!end)
        return;
    if (!peer->has_answered) {
        char accept[29], answer[512];
        upgrade_peer_accept(sent, wire->sent.len, accept);
        int len = snprintf(answer, sizeof(answer),
                           "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
                           "HTTP/1.1 101 Switching Protocols\r\n"
                           "Upgrade: WebSocket\r\n"
                           "Connection: keep-alive, Upgrade\r\n"
                           "Sec-WebSocket-Protocol: superchat\r\n"
                           "Sec-WebSocket-Accept: %s\r\n\r\n" CONFORMANCE_EARLY,
                           accept);
        peer->has_answered = true;
        peer->seen = (size_t)(end - sent) + 4;
        scripted_layer_reply(wire, answer, (size_t)len);
    }
    scripted_layer_echo(wire, &peer->seen);
}

const struct conformance_layer conformance_upgrade = {
    .name = "websocket upgrade",
    .layer = LEAT_LAYER_WEBSOCKET,
    .create = upgrade_create,
    .peer_new = upgrade_peer_new,
    .peer_react = upgrade_peer_react,
    .passthrough = true,
    CONFORMANCE_HTTP_CODES,
    CONFORMANCE_OPEN_CODES,
};
