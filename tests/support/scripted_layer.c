/* SPDX-License-Identifier: Apache-2.0 */
#include "support/scripted_layer.h"

#include <stdlib.h>
#include <string.h>

void scripted_bytes_append(struct scripted_bytes *bytes, const void *data, size_t len)
{
    if (bytes->cap - bytes->len < len) {
        bytes->cap = 2 * bytes->cap + len;
        bytes->data = realloc(bytes->data, bytes->cap);
        if (!bytes->data)
            abort();
    }
    if (len > 0)
        memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

struct scripted_script scripted_script_plain(void)
{
    return (struct scripted_script){
        .recv_end_at = SCRIPTED_NEVER,
        .send_end_at = SCRIPTED_NEVER,
    };
}

static struct scripted_layer *scripted_of(struct leati_layer *l)
{
    return (struct scripted_layer *)l;
}

static int wire_again(struct scripted_layer *wire, unsigned direction)
{
    wire->last_again = direction;
    return LEATI_AGAIN;
}

/* Whether this call is one of those that again_every_other refuses. */
static bool is_refused_turn(const struct scripted_layer *wire, bool *turn)
{
    *turn = !*turn;
    return wire->mute || (wire->script.again_every_other && *turn);
}

static int wire_end(struct scripted_layer *wire, int result)
{
    if (result == LEATI_EOF)
        return result;
    if (result == LEATI_AGAIN)
        return wire_again(wire, LEATI_WANT_READ);
    return leati_layer_fail(&wire->base, result, wire->script.end_errno, 0, "the wire broke");
}

static size_t at_most(size_t n, size_t limit)
{
    return n < limit ? n : limit;
}

static int scripted_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    struct scripted_layer *wire = scripted_of(l);
    const struct scripted_script *script = &wire->script;

    wire->recv_calls++;
    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (is_refused_turn(wire, &wire->recv_again))
        return wire_again(wire, LEATI_WANT_READ);
    if (wire->read >= script->recv_end_at)
        return wire_end(wire, script->recv_end);
    size_t len = at_most(cap, wire->to_read.len - wire->read);
    len = at_most(len, script->recv_end_at - wire->read);
    if (script->recv_max_bytes > 0)
        len = at_most(len, script->recv_max_bytes);
    if (len == 0)
        return wire_again(wire, LEATI_WANT_READ);
    memcpy(buf, wire->to_read.data + wire->read, len);
    wire->read += len;
    *ret_len = len;
    return LEAT_OK;
}

static int scripted_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    struct scripted_layer *wire = scripted_of(l);
    const struct scripted_script *script = &wire->script;
    size_t room = script->send_end_at - wire->sent.len;
    size_t taken = 0;

    wire->send_calls++;
    if (l->sticky != LEAT_OK)
        return l->sticky;
    if (is_refused_turn(wire, &wire->send_again))
        return wire_again(wire, LEATI_WANT_WRITE);
    if (room == 0)
        return wire_end(wire, script->send_end);
    if (script->send_max_bytes > 0)
        room = at_most(room, script->send_max_bytes);
    for (int i = 0; i < n && taken < room; i++) {
        size_t len = at_most(iov[i].iov_len, room - taken);
        scripted_bytes_append(&wire->sent, iov[i].iov_base, len);
        taken += len;
    }
    if (taken == 0)
        return wire_again(wire, LEATI_WANT_WRITE);
    wire->sent_calls++;
    if (wire->react)
        wire->react(wire->peer, wire);
    *ret_len = taken;
    return LEAT_OK;
}

static int scripted_connect(struct leati_layer *l, uint64_t now_ms)
{
    (void)now_ms;
    scripted_of(l)->other_calls++;
    return LEAT_OK;
}

static int scripted_shutdown(struct leati_layer *l, uint64_t now_ms)
{
    (void)now_ms;
    scripted_of(l)->other_calls++;
    return LEAT_OK;
}

/* const in the table; that it was called must be recorded all the same. */
static struct scripted_layer *scripted_of_const(const struct leati_layer *l)
{
    return (struct scripted_layer *)(uintptr_t)l;
}

static unsigned scripted_want(const struct leati_layer *l, unsigned upper)
{
    scripted_of_const(l)->other_calls++;
    return upper;
}

static bool scripted_pending(const struct leati_layer *l)
{
    scripted_of_const(l)->other_calls++;
    return false;
}

static void scripted_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    scripted_of_const(l)->other_calls++;
    if (cap > 0)
        buf[0] = '\0';
}

static void scripted_destroy(struct leati_layer *l)
{
    scripted_of(l)->other_calls++;
}

static const struct leati_layer_ops scripted_ops = {
    .name = "scripted",
    .layer = LEAT_LAYER_TCP,
    .connect = scripted_connect,
    .recv = scripted_recv,
    .send = scripted_send,
    .shutdown = scripted_shutdown,
    .want = scripted_want,
    .pending = scripted_pending,
    .describe = scripted_describe,
    .destroy = scripted_destroy,
};

void scripted_layer_init(struct scripted_layer *wire, const struct scripted_script *script,
                         struct leati_failure *failure)
{
    memset(wire, 0, sizeof(*wire));
    leati_layer_init(&wire->base, &scripted_ops);
    wire->base.failure = failure;
    wire->base.hop = "wire:1";
    wire->base.state = LEATI_LAYER_OPEN;
    wire->script = *script;
}

void scripted_layer_done(struct scripted_layer *wire)
{
    free(wire->sent.data);
    free(wire->to_read.data);
}

void scripted_layer_reply(struct scripted_layer *wire, const void *data, size_t len)
{
    scripted_bytes_append(&wire->to_read, data, len);
}

void scripted_layer_echo(struct scripted_layer *wire, size_t *seen)
{
    if (wire->sent.len > *seen)
        scripted_layer_reply(wire, wire->sent.data + *seen, wire->sent.len - *seen);
    *seen = wire->sent.len;
}
