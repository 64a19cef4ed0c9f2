/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Only the layer's own states are judged; its engine traces under the same name. */
static void rig_trace(const struct leat_trace_event *event, void *user)
{
    static const char *const names[] = {"NEW", "CONNECTING", "OPEN", "CLOSING", "CLOSED"};
    struct rig *rig = user;
    const char *arrow = strstr(event->text, " > ");
    int from = -1;
    int to = -1;

    rig->traced++;
    if (!arrow)
        return;
    for (int i = 0; i < 5; i++) {
        size_t len = strlen(names[i]);
        if (len == (size_t)(arrow - event->text) && strncmp(event->text, names[i], len) == 0)
            from = i;
        if (strcmp(arrow + 3, names[i]) == 0)
            to = i;
    }
    if (from >= 0 && to >= 0 && to <= from)
        rig->traced_wrong = true;
}

int rig_init(struct rig *rig, const struct conformance_layer *under_test,
             const struct scripted_script *script)
{
    memset(rig, 0, sizeof(*rig));
    rig->under_test = under_test;
    rig->tracer = (struct leati_tracer){rig_trace, rig};
    leati_failure_init(&rig->failure);
    scripted_layer_init(&rig->wire, script, &rig->failure);
    int result = under_test->create(&rig->failure, &rig->layer);
    if (result != LEAT_OK) {
        cr_assert_eq(rig->failure.code, result);
        return result;
    }
    cr_assert_eq(rig->layer->state, LEATI_LAYER_NEW);
    cr_assert_eq(rig->layer->ops->layer, under_test->layer);
    rig->layer->lower = &rig->wire.base;
    rig->layer->failure = &rig->failure;
    rig->layer->tracer = &rig->tracer;
    rig->layer->hop = "hop:1";
    rig->peer = under_test->peer_new ? under_test->peer_new() : NULL;
    rig->wire.peer = rig->peer;
    rig->wire.react = under_test->peer_react;
    if (under_test->peer_react)
        under_test->peer_react(rig->peer, &rig->wire);
    return LEAT_OK;
}

void rig_done(struct rig *rig)
{
    if (rig->layer) {
        size_t calls = rig->wire.recv_calls + rig->wire.send_calls;
        rig->layer->ops->destroy(rig->layer);
        cr_assert_eq(rig->wire.recv_calls + rig->wire.send_calls, calls,
                     "destroy touched the lower layer");
    }
    cr_assert_eq(rig->wire.other_calls, 0, "a slot of the lower layer that only the driver calls");
    cr_assert_not(rig->traced_wrong, "a state change backwards");
    if (rig->peer && rig->under_test->peer_free)
        rig->under_test->peer_free(rig->peer);
    scripted_layer_done(&rig->wire);
    leati_failure_done(&rig->failure);
}

int rig_connect_step(struct rig *rig, uint64_t now_ms)
{
    int result = rig->layer->ops->connect(rig->layer, now_ms);
    rig->decided =
        result == LEATI_AGAIN && rig->under_test->decide && rig->under_test->decide(rig->layer);
    return result;
}

int rig_connect(struct rig *rig)
{
    const struct leati_layer_ops *ops = rig->layer->ops;

    for (int i = 0; i < RIG_PATIENCE; i++) {
        int result = rig_connect_step(rig, RIG_START_MS);
        if (result != LEATI_AGAIN) {
            cr_assert(result == LEAT_OK || result > 0, "connect gave %d", result);
            cr_assert_eq(rig->layer->state, result ? LEATI_LAYER_CLOSED : LEATI_LAYER_OPEN);
            return result;
        }
        cr_assert_eq(rig->layer->state, LEATI_LAYER_CONNECTING);
        cr_assert(rig->decided || ops->want(rig->layer, 0) & rig->wire.last_again,
                  "connect waits for %u of the lower layer and wants %u", rig->wire.last_again,
                  ops->want(rig->layer, 0));
    }
    cr_assert_fail("%s: connect is stuck", rig->under_test->name);
    return LEATI_AGAIN;
}

int rig_recv(struct rig *rig, uint8_t *buf, size_t cap, size_t *ret_len)
{
    const struct leati_layer_ops *ops = rig->layer->ops;
    bool pending = ops->pending(rig->layer);
    size_t len = 0;

    /* What is pending must come although the wire gives nothing. */
    rig->wire.mute = pending;
    int result = ops->recv(rig->layer, buf, cap, &len);
    rig->wire.mute = false;
    if (pending && result == LEATI_AGAIN && rig->under_test->pending_is_a_guess)
        cr_assert_not(ops->pending(rig->layer), "still pending, and recv gave nothing");
    else
        cr_assert(!pending || result == LEAT_OK, "pending, and recv gave %d", result);
    if (result == LEAT_OK) {
        cr_assert(len >= 1 && len <= cap, "recv gave %zu of %zu bytes", len, cap);
        *ret_len = len;
    }
    return result;
}

int rig_recv_all(struct rig *rig, uint8_t *buf, size_t len, size_t piece)
{
    size_t pos = 0;
    int patience = RIG_PATIENCE;

    while (pos < len) {
        size_t n = 0;
        int result = rig_recv(rig, buf + pos, len - pos < piece ? len - pos : piece, &n);
        if (result != LEAT_OK && result != LEATI_AGAIN)
            return result;
        pos += n;
        cr_assert(--patience > 0, "%s: recv is stuck", rig->under_test->name);
    }
    return LEAT_OK;
}

int rig_send_all(struct rig *rig, const uint8_t *data, size_t len)
{
    const struct leati_layer_ops *ops = rig->layer->ops;
    size_t pos = 0;
    int patience = RIG_PATIENCE;

    while (pos < len) {
        /* In two parts, at a new address, at first without all that follows. */
        size_t n = patience == RIG_PATIENCE && len > 1 ? len / 2 : len - pos;
        uint8_t *copy = malloc(n);
        memcpy(copy, data + pos, n);
        const struct iovec iov[2] = {{copy, n / 2}, {copy + n / 2, n - n / 2}};
        size_t sent = 0;
        int result = ops->send(rig->layer, iov, 2, &sent);
        memset(copy, 0, n);
        free(copy);
        if (result != LEAT_OK && result != LEATI_AGAIN)
            return result;
        if (result == LEAT_OK)
            cr_assert(sent >= 1 && sent <= n, "send took %zu of %zu bytes", sent, n);
        pos += sent;
        cr_assert(--patience > 0, "%s: send is stuck", rig->under_test->name);
    }
    return LEAT_OK;
}

int rig_recv_early(struct rig *rig, size_t piece)
{
    uint8_t early[sizeof(CONFORMANCE_EARLY) - 1];
    int result = rig_recv_all(rig, early, sizeof(early), piece);
    if (result == LEAT_OK)
        cr_assert_eq(memcmp(early, CONFORMANCE_EARLY, sizeof(early)), 0, "early words are damaged");
    return result;
}

/* The echo of one part before the next is sent: a layer may buffer what it has taken and need recv
 * or send to go on. */
static int rig_echo(struct rig *rig, size_t len, size_t piece)
{
    enum { PART = 4096 };
    uint8_t data[PART];
    uint8_t echo[PART];

    for (size_t pos = 0; pos < len; pos += PART) {
        size_t n = len - pos < PART ? len - pos : PART;
        for (size_t i = 0; i < n; i++)
            data[i] = (uint8_t)((pos + i) * 7 + (pos >> 8));
        int result = rig_send_all(rig, data, n);
        if (result == LEAT_OK)
            result = rig_recv_all(rig, echo, n, piece);
        if (result != LEAT_OK)
            return result;
        cr_assert_eq(memcmp(data, echo, n), 0, "the echo is damaged");
    }
    return LEAT_OK;
}

int rig_run(struct rig *rig, size_t len, size_t piece)
{
    int result = rig_connect(rig);
    if (result == LEAT_OK)
        result = rig_recv_early(rig, piece);
    if (result == LEAT_OK)
        result = rig_echo(rig, len, piece);
    return result;
}

void rig_measure(const struct conformance_layer *under_test, size_t *ret_read, size_t *ret_sent)
{
    struct scripted_script script = scripted_script_plain();
    struct rig rig;

    /* With one byte a call no layer reads beyond its own handshake. */
    script.recv_max_bytes = 1;
    cr_assert_eq(rig_init(&rig, under_test, &script), LEAT_OK);
    cr_assert_eq(rig_connect(&rig), LEAT_OK);
    *ret_read = rig.wire.read;
    *ret_sent = rig.wire.sent.len;
    rig_done(&rig);
}

bool rig_is_one_of(const conformance_codes codes, int code)
{
    for (const int *c = codes; *c; c++) {
        if (*c == code)
            return true;
    }
    return false;
}

void rig_check_failed(struct rig *rig, int code)
{
    const struct leati_layer_ops *ops = rig->layer->ops;
    size_t calls = rig->wire.recv_calls + rig->wire.send_calls;
    uint8_t byte = 0;
    const struct iovec iov = {&byte, 1};
    size_t len;

    cr_assert_eq(rig->failure.code, code, "recorded %d, returned %d", rig->failure.code, code);
    /* Rule 9: a code of the wire that the layer does not rename stays the wire's. */
    bool is_of_wire = code == rig->wire.script.recv_end || code == rig->wire.script.send_end;
    cr_assert_eq(rig->failure.layer,
                 is_of_wire ? rig->wire.base.ops->layer : rig->under_test->layer);
    cr_assert(rig->failure.text && *rig->failure.text, "no text");
    cr_assert_eq(rig->layer->state, LEATI_LAYER_CLOSED);
    cr_assert_eq(ops->connect(rig->layer, RIG_START_MS), code);
    cr_assert_eq(ops->recv(rig->layer, &byte, 1, &len), code);
    cr_assert_eq(ops->send(rig->layer, &iov, 1, &len), code);
    cr_assert_eq(ops->shutdown(rig->layer, RIG_START_MS), code);
    cr_assert_eq(ops->want(rig->layer, 0), 0u);
    cr_assert_not(ops->pending(rig->layer));
    cr_assert_eq(rig->wire.recv_calls + rig->wire.send_calls, calls,
                 "a failed layer touched the lower one");
}
