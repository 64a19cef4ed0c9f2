/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/rig.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>

/* Static, because parameters are read in another process. */
static size_t indices[32];

static struct criterion_test_params all_layers(void)
{
    size_t count = 0;
    while (conformance_layers[count]) {
        indices[count] = count;
        count++;
    }
    return cr_make_param_array(size_t, indices, count);
}

/* Every check is run once for every instance: `layer` is the one. */
#define CONFORMANCE_TEST(name)                                                                     \
    static void check_##name(const struct conformance_layer *layer);                               \
    ParameterizedTestParameters(conformance, name)                                                 \
    {                                                                                              \
        return all_layers();                                                                       \
    }                                                                                              \
    ParameterizedTest(size_t *index, conformance, name, .timeout = 240)                            \
    {                                                                                              \
        check_##name(conformance_layers[*index]);                                                  \
        leak_check();                                                                              \
    }                                                                                              \
    static void check_##name(const struct conformance_layer *layer)

static size_t stride_of(const struct conformance_layer *layer)
{
    return layer->stride_bytes ? layer->stride_bytes : 1;
}

/* ---- whole, in pieces, and refused every other time ---------------------------------- */

CONFORMANCE_TEST(any_fragmentation)
{
    static const size_t sizes[][3] = {
        /* recv, send, piece that the layer above reads */
        {0, 0, 4096}, {1, 1, 1}, {1, 0, 4096}, {0, 1, 1}, {3, 2, 5}, {1000, 700, 4096},
    };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int again = 0; again < 2; again++) {
            struct scripted_script script = scripted_script_plain();
            struct rig rig;
            script.recv_max_bytes = sizes[i][0];
            script.send_max_bytes = sizes[i][1];
            script.again_every_other = again;
            cr_assert_eq(rig_init(&rig, layer, &script), LEAT_OK);
            cr_assert_eq(rig_run(&rig, 5000, sizes[i][2]), LEAT_OK, "%s, sizes %zu, again %d",
                         layer->name, i, again);
            cr_assert_eq(rig.failure.code, LEAT_OK);
            rig_done(&rig);
        }
    }
}

CONFORMANCE_TEST(much_data)
{
    struct scripted_script script = scripted_script_plain();
    struct rig rig;

    script.recv_max_bytes = 1447;
    script.send_max_bytes = 999;
    script.again_every_other = true;
    cr_assert_eq(rig_init(&rig, layer, &script), LEAT_OK);
    cr_assert_eq(rig_run(&rig, 300000, 1000), LEAT_OK);
    rig_done(&rig);
}

CONFORMANCE_TEST(open_layer_is_what_it_says)
{
    struct scripted_script script = scripted_script_plain();
    struct rig rig;
    char text[256] = "x";

    cr_assert_eq(rig_init(&rig, layer, &script), LEAT_OK);
    cr_assert_eq(rig_connect(&rig), LEAT_OK);
    cr_assert_eq(rig.layer->passthrough, layer->passthrough);
    cr_assert_eq(rig.layer->deadline_ms, 0, "a deadline outlives the handshake");
    cr_assert_eq(rig.layer->sticky, LEAT_OK);
    cr_assert_gt(rig.traced, 0);
    rig.layer->ops->describe(rig.layer, text, sizeof(text));
    cr_assert_neq(memchr(text, '\0', sizeof(text)), NULL);
    cr_assert_eq(strstr(text, "secret"), NULL, "a secret in the description");
    for (unsigned upper = 0; layer->passthrough && upper < 4; upper++)
        cr_assert_eq(rig.layer->ops->want(rig.layer, upper), upper);
    cr_assert_eq(rig_recv_early(&rig, 1), LEAT_OK);
    cr_assert_not(rig.layer->ops->pending(rig.layer), "pending with nothing to give");
    rig_done(&rig);
}

CONFORMANCE_TEST(nothing_to_read_is_again)
{
    struct scripted_script script = scripted_script_plain();
    struct rig rig;
    uint8_t byte;
    size_t len;

    cr_assert_eq(rig_init(&rig, layer, &script), LEAT_OK);
    cr_assert_eq(rig_connect(&rig), LEAT_OK);
    cr_assert_eq(rig_recv_early(&rig, 4096), LEAT_OK);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(rig_recv(&rig, &byte, 1, &len), LEATI_AGAIN);
    cr_assert(rig.layer->ops->want(rig.layer, LEATI_WANT_READ) & LEATI_WANT_READ);
    rig_done(&rig);
}

CONFORMANCE_TEST(no_room_to_write_is_again_and_loses_nothing)
{
    static const uint8_t words[] = "words that must arrive once";
    struct scripted_script script = scripted_script_plain();
    struct rig rig;
    uint8_t echo[sizeof(words)];
    size_t sent = 0;

    cr_assert_eq(rig_init(&rig, layer, &script), LEAT_OK);
    cr_assert_eq(rig_connect(&rig), LEAT_OK);
    cr_assert_eq(rig_recv_early(&rig, 4096), LEAT_OK);
    /* A layer with a buffer may take some, but not for ever. */
    rig.wire.mute = true;
    const struct iovec iov = {(void *)(uintptr_t)words, sizeof(words)};
    int result = rig.layer->ops->send(rig.layer, &iov, 1, &sent);
    cr_assert(result == LEATI_AGAIN || result == LEAT_OK);
    if (result == LEATI_AGAIN)
        sent = 0;
    rig.wire.mute = false;
    if (sent < sizeof(words))
        cr_assert_eq(rig_send_all(&rig, words + sent, sizeof(words) - sent), LEAT_OK);
    cr_assert_eq(rig_recv_all(&rig, echo, sizeof(echo), 4096), LEAT_OK);
    cr_assert_eq(memcmp(words, echo, sizeof(words)), 0);
    rig_done(&rig);
}

/* ---- the wire breaks in the handshake ------------------------------------------------- */

/* Whether a handshake that came through although the wire broke at `at` may have done so. */
static bool may_be_complete(const struct conformance_layer *layer, size_t at, size_t handshake)
{
    return at + layer->handshake_jitter_bytes >= handshake;
}

/* Connects over a wire that ends as `script` says. Returns the code. */
static int connect_over(const struct conformance_layer *layer, const struct scripted_script *script,
                        const conformance_codes codes)
{
    struct rig rig;
    cr_assert_eq(rig_init(&rig, layer, script), LEAT_OK);
    int result = rig_connect(&rig);
    if (result != LEAT_OK) {
        cr_assert(rig_is_one_of(codes, result), "%s: %d (%s)", layer->name, result,
                  rig.failure.text);
        cr_assert_eq(rig.failure.sys_errno, script->end_errno, "%s: errno %d (%s)", layer->name,
                     rig.failure.sys_errno, rig.failure.text);
        rig_check_failed(&rig, result);
    }
    rig_done(&rig);
    return result;
}

static void break_recv_at_each_byte(const struct conformance_layer *layer, int end, int end_errno,
                                    const conformance_codes codes)
{
    size_t handshake, unused;
    rig_measure(layer, &handshake, &unused);
    for (size_t at = 0; at < handshake; at += stride_of(layer)) {
        struct scripted_script script = scripted_script_plain();
        script.recv_end_at = at;
        script.recv_end = end;
        script.end_errno = end_errno;
        int result = connect_over(layer, &script, codes);
        cr_assert(result != LEAT_OK || may_be_complete(layer, at, handshake), "%s: open at %zu",
                  layer->name, at);
    }
}

CONFORMANCE_TEST(eof_at_each_byte_of_the_handshake)
{
    break_recv_at_each_byte(layer, LEATI_EOF, 0, layer->handshake_eof);
}

CONFORMANCE_TEST(recv_error_at_each_byte_of_the_handshake)
{
    break_recv_at_each_byte(layer, LEAT_E_SOCKET_BASE + ECONNRESET, ECONNRESET,
                            layer->handshake_recv);
}

CONFORMANCE_TEST(send_error_at_each_byte_of_the_handshake)
{
    size_t unused, handshake;
    rig_measure(layer, &unused, &handshake);
    for (size_t at = 0; at < handshake; at += stride_of(layer)) {
        struct scripted_script script = scripted_script_plain();
        script.send_max_bytes = 1 + at % 7;
        script.send_end_at = at;
        script.send_end = LEAT_E_SOCKET_BASE + EPIPE;
        script.end_errno = EPIPE;
        int result = connect_over(layer, &script, layer->handshake_send);
        cr_assert(result != LEAT_OK || may_be_complete(layer, at, handshake), "%s: open at %zu",
                  layer->name, at);
    }
}

CONFORMANCE_TEST(an_earlier_failure_is_kept)
{
    if (!layer->handshake_eof[0])
        return;
    struct scripted_script script = scripted_script_plain();
    struct rig rig;
    const struct leati_fault fault = {.code = LEAT_E_WS_DOMAIN, .layer = LEAT_LAYER_DNS};

    script.recv_end_at = 0;
    script.recv_end = LEATI_EOF;
    cr_assert_eq(rig_init(&rig, layer, &script), LEAT_OK);
    leati_failure_set(&rig.failure, &fault, "the first");
    int result = rig_connect(&rig);
    cr_assert(rig_is_one_of(layer->handshake_eof, result), "%d", result);
    cr_assert_eq(rig.failure.code, LEAT_E_WS_DOMAIN);
    cr_assert_str_eq(rig.failure.text, "the first");
    rig_done(&rig);
}

/* ---- the wire breaks when the layer is open ------------------------------------------- */

static void break_open(const struct conformance_layer *layer, int end, int end_errno,
                       const conformance_codes codes)
{
    struct scripted_script script = scripted_script_plain();
    struct rig rig;
    uint8_t byte;
    size_t len;

    cr_assert_eq(rig_init(&rig, layer, &script), LEAT_OK);
    cr_assert_eq(rig_connect(&rig), LEAT_OK);
    cr_assert_eq(rig_recv_early(&rig, 4096), LEAT_OK);
    rig.wire.script.recv_end_at = rig.wire.read;
    rig.wire.script.recv_end = end;
    rig.wire.script.end_errno = end_errno;
    int result = rig_recv(&rig, &byte, 1, &len);
    cr_assert(rig_is_one_of(codes, result), "%s: %d", layer->name, result);
    cr_assert_eq(rig_recv(&rig, &byte, 1, &len), result, "not the same again");
    if (result > 0) {
        cr_assert_eq(rig.failure.code, result);
        cr_assert_eq(rig.failure.sys_errno, end_errno);
    }
    rig_done(&rig);
}

CONFORMANCE_TEST(eof_when_open)
{
    break_open(layer, LEATI_EOF, 0, layer->open_eof);
}

CONFORMANCE_TEST(recv_error_when_open)
{
    break_open(layer, LEAT_E_SOCKET_BASE + ECONNRESET, ECONNRESET, layer->open_recv);
}

/* ---- time ------------------------------------------------------------------------------ */

/* The other end is silent from byte `at` on; the layer waits until `deadline_ms` and not longer. */
static void check_silence(const struct conformance_layer *layer, size_t at, uint64_t limit_ms,
                          uint64_t deadline_ms)
{
    struct scripted_script script = scripted_script_plain();
    struct rig rig;

    cr_assert_eq(rig_init(&rig, layer, &script), LEAT_OK);
    struct leati_layer *l = rig.layer;
    l->limit_ms = limit_ms;
    rig.wire.script.recv_end_at = at;
    rig.wire.script.recv_end = LEATI_AGAIN;
    for (int i = 0; i < 10; i++)
        cr_assert_eq(l->ops->connect(l, RIG_START_MS), LEATI_AGAIN);
    cr_assert_eq(l->deadline_ms, deadline_ms, "%s: deadline %llu", layer->name,
                 (unsigned long long)l->deadline_ms);
    cr_assert_eq(l->ops->connect(l, deadline_ms - 1), LEATI_AGAIN);
    int result = l->ops->connect(l, deadline_ms);
    cr_assert(rig_is_one_of(layer->handshake_timeout, result), "%s: %d", layer->name, result);
    cr_assert_eq(rig.failure.sys_errno, ETIMEDOUT);
    rig_check_failed(&rig, result);
    rig_done(&rig);
}

CONFORMANCE_TEST(silence_ends_at_the_deadline)
{
    if (!layer->handshake_timeout[0])
        return;
    size_t handshake, unused;
    const uint64_t own = RIG_START_MS + CONFORMANCE_TIMEOUT_MS;
    rig_measure(layer, &handshake, &unused);
    size_t end = handshake - layer->handshake_jitter_bytes;
    for (size_t at = 0; at < end; at += stride_of(layer)) {
        check_silence(layer, at, 0, own);
        check_silence(layer, at, own + 1, own);
        check_silence(layer, at, own - 1, own - 1);
    }
}

/* ---- ends ------------------------------------------------------------------------------- */

CONFORMANCE_TEST(destroy_in_each_state)
{
    for (int calls = 0;; calls++) {
        struct scripted_script script = scripted_script_plain();
        struct rig rig;
        int result = LEATI_AGAIN;
        script.recv_max_bytes = stride_of(layer);
        script.send_max_bytes = stride_of(layer);
        script.again_every_other = true;
        cr_assert_eq(rig_init(&rig, layer, &script), LEAT_OK);
        for (int i = 0; i < calls; i++)
            result = rig_connect_step(&rig, RIG_START_MS);
        rig_done(&rig);
        if (result == LEAT_OK)
            return;
        cr_assert_lt(calls, RIG_PATIENCE);
    }
}

CONFORMANCE_TEST(shutdown_twice)
{
    for (int again = 0; again < 2; again++) {
        struct scripted_script script = scripted_script_plain();
        struct rig rig;
        int result = LEATI_AGAIN;

        script.again_every_other = again;
        cr_assert_eq(rig_init(&rig, layer, &script), LEAT_OK);
        cr_assert_eq(rig_connect(&rig), LEAT_OK);
        cr_assert_eq(rig_recv_early(&rig, 4096), LEAT_OK);
        for (uint64_t i = 0; i < 100 && result == LEATI_AGAIN; i++)
            result = rig.layer->ops->shutdown(rig.layer, RIG_START_MS + i * CONFORMANCE_TIMEOUT_MS);
        cr_assert_eq(result, LEAT_OK, "%s: shutdown gave %d", layer->name, result);
        cr_assert_eq(rig.layer->state, LEATI_LAYER_CLOSED);
        size_t sent = rig.wire.sent.len;
        cr_assert_eq(rig.layer->ops->shutdown(rig.layer, RIG_START_MS), LEAT_OK);
        cr_assert_eq(rig.wire.sent.len, sent, "a second goodbye");
        rig_done(&rig);
    }
}

/* ---- memory ----------------------------------------------------------------------------- */

static const struct conformance_layer *layer_without_memory;

static bool run_without_memory(void)
{
    struct scripted_script script = scripted_script_plain();
    struct rig rig;

    int result = rig_init(&rig, layer_without_memory, &script);
    if (result == LEAT_OK)
        result = rig_run(&rig, 5000, 4096);
    cr_assert(result == LEAT_OK || result == LEAT_E_SYSTEM_INTERNAL, "%s: %d (%s)",
              layer_without_memory->name, result, rig.failure.text);
    cr_assert_eq(rig.failure.code, result);
    rig_done(&rig);
    return result == LEAT_OK;
}

CONFORMANCE_TEST(every_allocation_may_fail)
{
    layer_without_memory = layer;
    size_t stride = layer->stride_allocations ? layer->stride_allocations : 1;
    cr_assert_gt(alloc_failure_run_some(run_without_memory, (long)stride), 0);
}
