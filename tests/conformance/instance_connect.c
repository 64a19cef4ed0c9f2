/* SPDX-License-Identifier: Apache-2.0 */
/** @file CONNECT through an HTTP proxy that wants a password: before it asks, and behind its 407. */
#include "conformance/conformance.h"

#include "http/connect.h"
#include "support/connect_auth.h"

#include <criterion/criterion.h>
#include <string.h>

static int layer_create(bool preemptive, struct leati_failure *failure,
                        struct leati_layer **ret_layer)
{
    static const struct leati_http_field headers[] = {{"X-Trace", "1"}};
    struct leati_http_auth *auth = connect_auth_new("user", "secret", preemptive);
    const struct leati_http_connect_options options = {
        .host = "2001:db8::1",
        .port = 443,
        .auth = auth,
        .headers = headers,
        .header_count = 1,
        .step_timeout_ms = CONFORMANCE_TIMEOUT_MS,
    };
    if (!auth)
        return leati_failure_set(failure, &(struct leati_fault){.code = LEAT_E_SYSTEM_INTERNAL},
                                 "out of memory");
    int code = leati_http_connect_layer_new(&options, failure, ret_layer);
    leati_http_auth_unref(auth);
    return code;
}

static int connect_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    return layer_create(true, failure, ret_layer);
}

static int rounds_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    return layer_create(false, failure, ret_layer);
}

struct connect_peer {
    bool has_asked; /* for credentials, or need not */
    bool has_answered;
    size_t seen; /* bytes of `sent` that are the request or have been echoed */
};

static void *connect_peer_new(void)
{
    static struct connect_peer peer;

    peer = (struct connect_peer){.has_asked = true};
    return &peer;
}

static void *rounds_peer_new(void)
{
    struct connect_peer *peer = connect_peer_new();

    peer->has_asked = false;
    return peer;
}

static void connect_peer_react(void *state, struct scripted_layer *wire)
{
    static const char start[] = "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n";
    static const char answer[] = "HTTP/1.1 100 Continue\r\n\r\n"
                                 "HTTP/1.0 200 Connection established\r\n"
                                 "Content-Length: 7\r\n\r\n" CONFORMANCE_EARLY;
    static const char challenge[] = "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n4\r\nwho?\r\n0\r\n\r\n";
    struct connect_peer *peer = state;
    const char *sent = (const char *)wire->sent.data + peer->seen;
    size_t len = wire->sent.len - peer->seen;
    const char *end = len ? memmem(sent, len, "\r\n\r\n", 4) : NULL;

    if (end && !peer->has_asked) {
        peer->has_asked = true;
        peer->seen += (size_t)(end - sent) + 4;
        scripted_layer_reply(wire, challenge, sizeof(challenge) - 1);
        return;
    }
    if (!end && !peer->has_answered)
        return;
    if (!peer->has_answered) {
        cr_assert_eq(memcmp(sent, start, sizeof(start) - 1), 0, "unexpected request");
        peer->has_answered = true;
        peer->seen += (size_t)(end - sent) + 4;
        scripted_layer_reply(wire, answer, sizeof(answer) - 1);
    }
    scripted_layer_echo(wire, &peer->seen);
}

const struct conformance_layer conformance_connect = {
    .name = "http connect",
    .layer = LEAT_LAYER_HTTP_PROXY,
    .create = connect_create,
    .peer_new = connect_peer_new,
    .peer_react = connect_peer_react,
    .passthrough = true,
    CONFORMANCE_HTTP_CODES,
    CONFORMANCE_OPEN_CODES,
};

const struct conformance_layer conformance_connect_rounds = {
    .name = "http connect, asked for a password",
    .layer = LEAT_LAYER_HTTP_PROXY,
    .create = rounds_create,
    .peer_new = rounds_peer_new,
    .peer_react = connect_peer_react,
    .passthrough = true,
    CONFORMANCE_HTTP_CODES,
    CONFORMANCE_OPEN_CODES,
};
