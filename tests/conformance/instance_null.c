/* SPDX-License-Identifier: Apache-2.0 */
/** @file A layer that does nothing: what the battery says of it, it says of itself. */
#include "conformance/conformance.h"

#include "util/alloc.h"

static int null_connect(struct leati_layer *l, uint64_t now_ms)
{
    (void)now_ms;
    leati_layer_set_state(l, LEATI_LAYER_CONNECTING);
    leati_layer_set_state(l, LEATI_LAYER_OPEN);
    return LEAT_OK;
}

static bool null_pending(const struct leati_layer *l)
{
    (void)l;
    return false;
}

static void null_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    (void)l;
    if (cap > 0)
        buf[0] = '\0';
}

static void null_destroy(struct leati_layer *l)
{
    leati_free(l);
}

static const struct leati_layer_ops null_ops = {
    .name = "null",
    .layer = LEAT_LAYER_NONE,
    .connect = null_connect,
    .recv = leati_layer_pass_recv,
    .send = leati_layer_pass_send,
    .shutdown = leati_layer_nop_shutdown,
    .want = leati_layer_pass_want,
    .pending = null_pending,
    .describe = null_describe,
    .destroy = null_destroy,
};

static int null_create(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct leati_layer *l = leati_malloc(sizeof(*l));
    if (!l) {
        const struct leati_fault fault = {.code = LEAT_E_SYSTEM_INTERNAL};
        return leati_failure_set(failure, &fault, "no memory");
    }
    leati_layer_init(l, &null_ops);
    l->passthrough = true;
    *ret_layer = l;
    return LEAT_OK;
}

struct null_peer {
    bool said_early;
    size_t seen;
};

static void *null_peer_new(void)
{
    static struct null_peer peer;
    peer = (struct null_peer){0};
    return &peer;
}

static void null_peer_react(void *peer, struct scripted_layer *wire)
{
    struct null_peer *null = peer;
    if (!null->said_early)
        scripted_layer_reply(wire, CONFORMANCE_EARLY, sizeof(CONFORMANCE_EARLY) - 1);
    null->said_early = true;
    scripted_layer_echo(wire, &null->seen);
}

const struct conformance_layer conformance_null = {
    .name = "null",
    .layer = LEAT_LAYER_NONE,
    .create = null_create,
    .peer_new = null_peer_new,
    .peer_react = null_peer_react,
    .passthrough = true,
    CONFORMANCE_OPEN_CODES,
};
