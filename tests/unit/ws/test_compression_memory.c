/* SPDX-License-Identifier: Apache-2.0 */
/* Compression: what it keeps, what happens without memory, and streams that were valid once. */
#include "ws_stream.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "support/mutation.h"
#include "util/fork.h"
#include "util/random.h"
#include "ws/session_private.h"

#include <malloc.h>
#include <string.h>

TestSuite(compression_memory, .fini = leak_check);

static struct leati_deflate_params params_of(bool no_takeover, uint8_t bits)
{
    return (struct leati_deflate_params){
        .server_no_context_takeover = no_takeover,
        .client_no_context_takeover = no_takeover,
        .server_max_window_bits = bits,
        .client_max_window_bits = bits,
    };
}

static void fill(char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (char)('a' + (i * i / 7) % 26);
}

Test(compression_memory, an_idle_session_keeps_what_it_must, .timeout = 10)
{
    static char payload[2000];
    fill(payload, sizeof(payload));

    for (unsigned no_takeover = 0; no_takeover < 2; no_takeover++) {
        struct leati_deflate_params params = params_of(no_takeover != 0, 15);
        struct leati_ws_session_options options = {.max_message_bytes = 5000, .deflate = &params};
        struct leati_ws_session *client = session_make_with(&options);
        options.is_server = true;
        struct leati_ws_session *server = session_make_with(&options);
        struct leati_byte_queue queue;
        struct seen_list seen = {0};

        cr_assert_leq(malloc_usable_size(client), 512);
        cr_assert_null(client->compression->deflater.stream, "nothing before the first message");
        leati_byte_queue_init(&queue, NULL);
        cr_assert_eq(
            leati_ws_session_write(client, LEATI_WS_OP_TEXT, payload, sizeof(payload), &queue),
            LEAT_OK);
        cr_assert_null(client->compression->inflater.stream, "each direction by itself");
        cr_assert_not_null(client->compression->deflater.stream);
        struct bytes stream = queue_drain(&queue);
        session_feed(server, stream.data, stream.len, 100, &seen);
        cr_assert_eq(seen.count, 1);
        leati_ws_session_trim(client);
        cr_assert_eq(!client->compression->deflater.stream, no_takeover != 0);
        cr_assert_eq(!server->compression->inflater.stream, no_takeover != 0);
        cr_assert_null(server->compression->deflater.stream);
        seen_free(&seen);
        bytes_free(&stream);
        leati_ws_session_free(client);
        leati_ws_session_free(server);
    }
}

/* ---- without memory ------------------------------------------------------------------------- */

static bool in_parts;
static bool no_takeover;

static int write_one(struct leati_ws_session *session, const char *data, size_t len,
                     struct leati_byte_queue *queue)
{
    if (!in_parts)
        return leati_ws_session_write(session, LEATI_WS_OP_TEXT, data, len, queue);
    int code =
        leati_ws_session_write_part(session, LEAT_MESSAGE_TEXT, data, len / 2, true, false, queue);
    if (code != LEAT_OK)
        return code;
    return leati_ws_session_write_part(session, LEAT_MESSAGE_TEXT, data + len / 2, len - len / 2,
                                       false, true, queue);
}

/* Four messages; the ones that failed are missing, the others arrive: a failed write leaves the
 * stream whole. In parts there is no way on from a message that has begun. */
static bool write_attempt(void)
{
    static char payload[60000];
    struct leati_deflate_params params = params_of(no_takeover, 12);
    struct leati_ws_session_options options = {
        .is_server = true, .max_message_bytes = 100000, .deflate = &params};
    struct leati_ws_session *session = leati_ws_session_new(&options);
    struct leati_byte_queue queue;
    size_t written = 0;
    bool broken = false;

    if (!session)
        return false;
    fill(payload, sizeof(payload));
    leati_byte_queue_init(&queue, NULL);
    for (size_t i = 0; i < 4; i++) {
        size_t before = queue.len;
        int code = write_one(session, payload + i, sizeof(payload) - 4, &queue);
        cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL);
        cr_assert(code == LEAT_OK || in_parts || queue.len == before, "part of a frame is queued");
        cr_assert(!broken || code == LEAT_E_SYSTEM_INTERNAL);
        broken = session->outgoing.parts == LEATI_WS_PARTS_BROKEN;
        written += code == LEAT_OK;
    }
    cr_assert(in_parts || written >= 3, "a lack of memory that is over stops %zu", 4 - written);
    cr_assert_eq(leati_ws_session_write_close(session, 1000, "", 0, &queue), LEAT_OK);

    bool (*hook)(void) = leati_alloc_fail_hook;
    leati_alloc_fail_hook = NULL;
    struct bytes stream = queue_drain(&queue);
    options.is_server = false;
    struct seen_list seen = session_run_with(&options, &stream, 5000);
    leati_alloc_fail_hook = hook;
    cr_assert_eq(seen.count, written + 1);
    cr_assert_eq(seen.items[written].kind, LEATI_WS_CLOSE);
    for (size_t i = 0; i < written; i++)
        cr_assert_eq(seen.items[i].len, sizeof(payload) - 4);
    seen_free(&seen);
    bytes_free(&stream);
    leati_ws_session_free(session);
    return written == 4;
}

Test(compression_memory, each_allocation_of_a_write_fails, .timeout = 60)
{
    for (unsigned i = 0; i < 4; i++) {
        in_parts = (i & 1) != 0;
        no_takeover = (i & 2) != 0;
        cr_assert_geq(alloc_failure_run_all(write_attempt), 8);
    }
}

static struct bytes packed;
static bool in_pieces;

static bool read_attempt(void)
{
    struct leati_deflate_params params = params_of(false, 12);
    struct leati_ws_session_options options = {
        .max_message_bytes = 100000, .deflate = &params, .pieces = in_pieces};
    struct leati_ws_session *session = leati_ws_session_new(&options);
    struct seen_list seen = {0};

    if (!session)
        return false;
    session_feed(session, packed.data, packed.len, 1000, &seen);
    int code = seen.code;
    cr_assert(code == LEATI_AGAIN || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    for (size_t i = 0; i < seen.count; i++)
        cr_assert_neq(seen.items[i].kind, LEATI_WS_VIOLATION, "the peer is not to blame");
    seen_free(&seen);
    leati_ws_session_free(session);
    return code == LEATI_AGAIN;
}

Test(compression_memory, each_allocation_of_a_read_fails, .timeout = 60)
{
    static char payload[60000];
    struct leati_deflate_params params = params_of(false, 12);
    struct leati_ws_session_options options = {.is_server = true, .deflate = &params};
    struct leati_ws_session *session = session_make_with(&options);
    struct leati_byte_queue queue;

    fill(payload, sizeof(payload));
    leati_byte_queue_init(&queue, NULL);
    cr_assert_eq(
        leati_ws_session_write(session, LEATI_WS_OP_TEXT, payload, sizeof(payload), &queue),
        LEAT_OK);
    packed = queue_drain(&queue);
    cr_assert_geq(alloc_failure_run_all(read_attempt), 6);
    in_pieces = true;
    cr_assert_geq(alloc_failure_run_all(read_attempt), 6);
    bytes_free(&packed);
    leati_ws_session_free(session);
}

/* ---- damage --------------------------------------------------------------------------------- */

/* Compressed and plain messages, whole and in parts, with control frames between. */
static struct bytes random_stream(bool is_server, const struct leati_deflate_params *params,
                                  struct mutation *mutation)
{
    static char payload[900];
    /* Masking keys that are the same on each run. */
    struct leati_random_pool keys = {.left = sizeof(keys.bytes), .fork_count = leati_fork_count()};
    struct leati_ws_session_options options = {
        .is_server = is_server, .random = &keys, .deflate = params, .deflate_threshold_bytes = 20};
    struct leati_ws_session *session = session_make_with(&options);
    struct leati_byte_queue queue;

    for (size_t i = 0; i < sizeof(keys.bytes); i++)
        keys.bytes[i] = (uint8_t)mutation_random(mutation);
    fill(payload, sizeof(payload));
    leati_byte_queue_init(&queue, NULL);
    for (size_t n = 1 + mutation_below(mutation, 4); n > 0; n--) {
        size_t len = mutation_below(mutation, sizeof(payload));
        const char *data = payload + mutation_below(mutation, sizeof(payload) - len);
        if (mutation_below(mutation, 2)) {
            leati_ws_session_write(session, LEATI_WS_OP_TEXT, data, len, &queue);
            continue;
        }
        leati_ws_session_write_part(session, LEAT_MESSAGE_BINARY, data, len / 2, true, false,
                                    &queue);
        leati_ws_session_write(session, LEATI_WS_OP_PING, "p", 1, &queue);
        leati_ws_session_write_part(session, LEAT_MESSAGE_BINARY, data, len / 3, false, true,
                                    &queue);
    }
    leati_ws_session_free(session);
    return queue_drain(&queue);
}

Test(compression_memory, damaged_streams, .timeout = 240)
{
    enum { CASES = 20000, LIMIT = 800 };
    static struct mutation mutation;
    size_t violations = 0, corrupt = 0, messages = 0;

    mutation_init(&mutation, 20261122);
    for (unsigned number = 0; number < CASES; number++) {
        bool is_server = number % 2 != 0;
        struct leati_deflate_params params = params_of(number % 3 == 0, (uint8_t)(9 + number % 7));
        struct bytes valid = random_stream(!is_server, &params, &mutation);
        struct bytes stream = {0};
        bytes_add(&stream, mutation.bytes, mutation_next(&mutation, valid.data, valid.len));

        struct leati_ws_session_options options = {
            .is_server = is_server, .max_message_bytes = LIMIT, .deflate = &params};
        struct seen_list whole = session_run_with(&options, &stream, 0);
        struct seen_list parts =
            session_run_with(&options, &stream, 1 + mutation_below(&mutation, 40));
        must(seen_equal(&whole, &parts), "case %u: depends on the portions", number);
        options.pieces = true;
        struct seen_list pieces =
            session_run_with(&options, &stream, 1 + mutation_below(&mutation, 40));
        seen_join(&pieces);
        must(seen_equal(&whole, &pieces), "case %u: depends on the pieces", number);
        for (size_t i = 0; i < whole.count; i++) {
            const struct seen *event = &whole.items[i];
            must(event->kind != LEATI_WS_VIOLATION || i + 1 == whole.count, "event after the end");
            must(event->kind != LEATI_WS_MESSAGE || event->len <= LIMIT, "limit");
            violations += event->kind == LEATI_WS_VIOLATION;
            corrupt += strcmp(event->text, "compressed message that cannot be inflated") == 0;
            messages += event->kind == LEATI_WS_MESSAGE;
        }
        seen_free(&pieces);
        seen_free(&parts);
        seen_free(&whole);
        bytes_free(&stream);
        bytes_free(&valid);
    }
    cr_assert_gt(violations, CASES / 10);
    cr_assert_gt(corrupt, CASES / 50);
    cr_assert_gt(messages, CASES / 10);
}
