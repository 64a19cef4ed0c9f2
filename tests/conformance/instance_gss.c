/* SPDX-License-Identifier: Apache-2.0 */
/* GSS-API within SOCKS5, over a library of the test's own: the handshake, and the layer that protects
 * messages. */
#include "conformance/conformance.h"
#include "gss/gss.h"
#include "loop/loop.h"
#include "socks5/gss_message.h"
#include "socks5/gss_protection.h"
#include "socks5/socks5.h"
#include "support/fake_gss.h"
#include "support/patience.h"
#include "support/socks5_peer.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static leat_loop *loop;
static struct leati_gss *context; /* of the layer that was made last */

static void nobody_waits(void *user)
{
    (void)user;
}

static int context_make(struct leati_failure *failure)
{
    const struct leati_gss_options options = {
        .ready = nobody_waits,
        .mechanism = LEATI_GSS_KERBEROS,
        .protects = true,
        .service = "rcmd",
        .host = "proxy.example",
    };
    struct leati_gss_options with_loop = options;

    /* The loop lives as long as the test: its memory is none of the layer's. */
    if (!loop) {
        bool (*hook)(void) = leati_alloc_fail_hook;
        leati_alloc_fail_hook = NULL;
        cr_assert_eq(leat_loop_new(&loop), 0);
        leati_alloc_fail_hook = hook;
    }
    fake_gss_use(&(struct fake_gss){0});
    with_loop.loop = loop;
    context = leati_gss_new(&with_loop);
    const struct leati_fault fault = {.code = LEAT_E_SYSTEM_INTERNAL, .layer = LEAT_LAYER_SOCKS5};
    return context ? LEAT_OK : leati_failure_set(failure, &fault, "no memory");
}

/* Whether the library was at work. */
static bool context_wait(void)
{
    bool works = context && leati_gss_turn(context) == LEATI_GSS_WORKING;

    for (int i = 0; i < PATIENCE_MS(500) && leati_gss_turn(context) == LEATI_GSS_WORKING; i++)
        cr_assert_eq(leat_loop_dispatch(loop, 100), 0);
    return works;
}

/* ---- the handshake, without protection ----------------------------------------------------------- */

static int gss_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    int code = context_make(failure);
    if (code != LEAT_OK)
        return code;
    const struct leati_socks5_options options = {
        .host = "example.com",
        .port = 443,
        .gss = context,
        .step_timeout_ms = CONFORMANCE_TIMEOUT_MS,
    };
    code = leati_socks5_layer_new(&options, failure, ret_layer);
    if (code != LEAT_OK)
        context = NULL;
    return code;
}

static bool gss_decide(struct leati_layer *layer)
{
    (void)layer;
    return context_wait();
}

#define STEP(expected_bytes, expected_len, answer_bytes, answer_len)                               \
    {                                                                                              \
        (expected_bytes), (expected_len), (answer_bytes), (answer_len)                             \
    }

static struct socks5_peer proxy;

static void *gss_peer_new(void)
{
    static uint8_t level[LEATI_SOCKS5_GSS_HEAD_BYTES + 1 + FAKE_GSS_OVERHEAD];
    leati_socks5_gss_head(LEATI_SOCKS5_GSS_PROTECTION, 1 + FAKE_GSS_OVERHEAD, level);
    fake_gss_seal(false, "", 1, level + LEATI_SOCKS5_GSS_HEAD_BYTES); /* level 0 */
    proxy = (struct socks5_peer){
        .steps = {STEP("\x05\x02\x00\x01", 4, "\x05\x01", 2),
                  STEP("\x01\x01\x00\x0binitiator 1", 15,
                       "\x01\x01\x00\x0a"
                       "acceptor 1",
                       14),
                  STEP(level, sizeof(level), level, sizeof(level)),
                  STEP("\x05\x01\x00\x03\x0b"
                       "example.com\x01\xbb",
                       18, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00" CONFORMANCE_EARLY,
                       10 + sizeof(CONFORMANCE_EARLY) - 1)},
    };
    return &proxy;
}

const struct conformance_layer conformance_socks5_gss = {
    .name = "socks5 with GSS-API",
    .layer = LEAT_LAYER_SOCKS5,
    .create = gss_create,
    .peer_new = gss_peer_new,
    .peer_react = socks5_peer_react,
    .decide = gss_decide,
    .passthrough = true,
    CONFORMANCE_SOCKS_CODES,
    CONFORMANCE_OPEN_CODES,
};

/* ---- protected messages -------------------------------------------------------------------------- */

static int protection_create(struct leati_failure *failure, struct leati_layer **ret_layer,
                             bool confidential)
{
    const struct leati_fault fault = {.code = LEAT_E_SYSTEM_INTERNAL, .layer = LEAT_LAYER_SOCKS5};
    int code = context_make(failure);
    if (code != LEAT_OK)
        return code;
    leati_gss_step(context, NULL, 0);
    (void)context_wait();
    if (leati_gss_turn(context) == LEATI_GSS_CONTINUES)
        leati_gss_step(context, (const uint8_t *)"acceptor 1", 10);
    (void)context_wait();
    if (leati_gss_turn(context) != LEATI_GSS_DONE)
        code = leati_failure_set(failure, &fault, "%s", leati_gss_failure(context)->text);
    if (code == LEAT_OK)
        code = leati_socks5_protection_layer_new(failure, ret_layer);
    if (code == LEAT_OK)
        leati_socks5_protection_begin(*ret_layer, context, confidential);
    else
        leati_gss_free(context);
    context = NULL;
    return code;
}

static int integrity_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    return protection_create(failure, ret_layer, false);
}

static int confidentiality_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    return protection_create(failure, ret_layer, true);
}

struct sealing_peer {
    bool confidential;
    bool said_early;
    size_t seen;
};

static void say(struct sealing_peer *peer, struct scripted_layer *wire, const void *data,
                size_t len)
{
    static uint8_t message[LEATI_SOCKS5_GSS_HEAD_BYTES + 65536];
    size_t token_len = len + FAKE_GSS_OVERHEAD;

    leati_socks5_gss_head(LEATI_SOCKS5_GSS_DATA, token_len, message);
    fake_gss_seal(peer->confidential, data, len, message + LEATI_SOCKS5_GSS_HEAD_BYTES);
    scripted_layer_reply(wire, message, LEATI_SOCKS5_GSS_HEAD_BYTES + token_len);
}

/* Each message comes back, cut in two, with an empty one between. */
static void echo(struct sealing_peer *peer, struct scripted_layer *wire, const uint8_t *token,
                 size_t token_len)
{
    static uint8_t data[65536];
    bool confidential;
    size_t len = token_len - FAKE_GSS_OVERHEAD;

    cr_assert(fake_gss_open(token, token_len, data, &confidential));
    cr_assert_eq(confidential, peer->confidential);
    if (len > 1)
        say(peer, wire, data, len / 2);
    say(peer, wire, "", 0);
    say(peer, wire, data + len / 2, len - len / 2);
}

static void sealing_react(void *user, struct scripted_layer *wire)
{
    struct sealing_peer *peer = user;

    if (!peer->said_early)
        say(peer, wire, CONFORMANCE_EARLY, sizeof(CONFORMANCE_EARLY) - 1);
    peer->said_early = true;
    for (;;) {
        const uint8_t *message = wire->sent.data + peer->seen;
        size_t left = wire->sent.len - peer->seen;
        if (left < LEATI_SOCKS5_GSS_HEAD_BYTES)
            return;
        size_t token_len = (size_t)(message[2] << 8 | message[3]);
        cr_assert(message[0] == 1 && message[1] == LEATI_SOCKS5_GSS_DATA);
        if (left < LEATI_SOCKS5_GSS_HEAD_BYTES + token_len)
            return;
        peer->seen += LEATI_SOCKS5_GSS_HEAD_BYTES + token_len;
        echo(peer, wire, message + LEATI_SOCKS5_GSS_HEAD_BYTES, token_len);
    }
}

static struct sealing_peer sealing;

static void *integrity_peer_new(void)
{
    sealing = (struct sealing_peer){0};
    return &sealing;
}

static void *confidentiality_peer_new(void)
{
    sealing = (struct sealing_peer){.confidential = true};
    return &sealing;
}

const struct conformance_layer conformance_gss_integrity = {
    .name = "messages with integrity",
    .layer = LEAT_LAYER_SOCKS5,
    .create = integrity_create,
    .peer_new = integrity_peer_new,
    .peer_react = sealing_react,
    CONFORMANCE_OPEN_CODES,
};

const struct conformance_layer conformance_gss_confidentiality = {
    .name = "messages with confidentiality",
    .layer = LEAT_LAYER_SOCKS5,
    .create = confidentiality_create,
    .peer_new = confidentiality_peer_new,
    .peer_react = sealing_react,
    CONFORMANCE_OPEN_CODES,
};
