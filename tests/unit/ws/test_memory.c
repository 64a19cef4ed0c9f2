/* SPDX-License-Identifier: Apache-2.0 */
/* What a session takes from the heap, when it gives it back, and what happens when there is none.
 */
#include "ws_stream.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "ws/workspace.h"

#include <malloc.h>
#include <string.h>
#include <wslay/wslay.h>

TestSuite(memory, .fini = leak_check);

int __real_wslay_frame_context_init(wslay_frame_context_ptr *ctx,
                                    const struct wslay_frame_callbacks *callbacks, void *user_data);
int __wrap_wslay_frame_context_init(wslay_frame_context_ptr *ctx,
                                    const struct wslay_frame_callbacks *callbacks, void *user_data);

static bool wslay_has_no_memory;
static unsigned wslay_contexts_made;

int __wrap_wslay_frame_context_init(wslay_frame_context_ptr *ctx,
                                    const struct wslay_frame_callbacks *callbacks, void *user_data)
{
    wslay_contexts_made++;
    return wslay_has_no_memory ? -1 : __real_wslay_frame_context_init(ctx, callbacks, user_data);
}

/* Two large messages in fragments, so that every kind of allocation happens. */
static struct bytes large_stream(void)
{
    static uint8_t payload[30000];
    struct bytes stream = {0};

    memset(payload, 'm', sizeof(payload));
    for (int i = 0; i < 2; i++) {
        bytes_add_frame(
            &stream, &(struct raw_frame){
                         .opcode = 1, .not_fin = true, .payload = payload, .len = sizeof(payload)});
        bytes_add_frame(&stream, &(struct raw_frame){.opcode = 9, .payload = payload, .len = 125});
        bytes_add_frame(
            &stream, &(struct raw_frame){.opcode = 0, .payload = payload, .len = sizeof(payload)});
    }
    return stream;
}

static struct bytes large;

static bool read_attempt(void)
{
    struct leati_ws_session_options options = {.max_message_bytes = 100000};
    struct leati_ws_session *session = leati_ws_session_new(&options);
    struct seen_list seen = {0};

    if (!session)
        return false;
    session_feed(session, large.data, large.len, 0, &seen);
    int code = seen.code;
    if (code == LEATI_AGAIN) {
        cr_assert_eq(seen.count, 4);
    } else {
        cr_assert_eq(code, LEAT_E_SYSTEM_INTERNAL);
        /* Again with memory: the stream has a hole, so the answer stays. */
        session_feed(session, large.data, large.len, 0, &seen);
        cr_assert_eq(seen.code, LEAT_E_SYSTEM_INTERNAL);
    }
    seen_free(&seen);
    leati_ws_session_free(session);
    return code == LEATI_AGAIN;
}

Test(memory, each_allocation_of_a_read_fails, .timeout = 20)
{
    large = large_stream();
    cr_assert_geq(alloc_failure_run_all(read_attempt), 4);
    bytes_free(&large);
}

Test(memory, wslay_without_memory, .timeout = 10)
{
    struct leati_ws_session *session = session_make(false, 100);
    struct seen_list seen = {0};

    wslay_has_no_memory = true;
    session_feed(session, "\x89\x00", 2, 0, &seen);
    wslay_has_no_memory = false;
    cr_assert_eq(seen.code, LEAT_E_SYSTEM_INTERNAL);
    cr_assert_eq(seen.count, 0);
    leati_ws_session_free(session);
    seen_free(&seen);
}

static bool write_is_server;

static bool write_attempt(void)
{
    static uint8_t payload[100000];
    struct leati_ws_session_options options = {.is_server = write_is_server};
    struct leati_ws_session *session = leati_ws_session_new(&options);
    struct leati_byte_queue queue;

    if (!session)
        return false;
    leati_byte_queue_init(&queue, NULL);
    bool written = leati_byte_queue_append(&queue, "before", 6);
    if (written) {
        int code =
            leati_ws_session_write(session, LEATI_WS_OP_BINARY, payload, sizeof(payload), &queue);
        written = code == LEAT_OK;
        cr_assert(written || code == LEAT_E_SYSTEM_INTERNAL);
        size_t size = leati_ws_session_frame_size(session, sizeof(payload));
        cr_assert_eq(queue.len, written ? 6 + size : 6, "part of a frame is queued");
    }
    leati_byte_queue_clear(&queue);
    leati_ws_session_free(session);
    return written;
}

Test(memory, each_allocation_of_a_write_fails, .timeout = 10)
{
    cr_assert_geq(alloc_failure_run_all(write_attempt), 7);
    write_is_server = true;
    cr_assert_geq(alloc_failure_run_all(write_attempt), 7);
}

Test(memory, a_length_beyond_the_address_space, .timeout = 10)
{
    struct leati_ws_session *session = session_make(false, 100);
    struct leati_byte_queue queue;

    leati_byte_queue_init(&queue, NULL);
    cr_assert_eq(leati_ws_session_write(session, LEATI_WS_OP_BINARY, "", SIZE_MAX, &queue),
                 LEAT_E_SYSTEM_INTERNAL);
    cr_assert_eq(queue.len, 0);
    leati_ws_session_free(session);
}

/* A peer announces much and sends little: what is allocated goes by what has come. */
Test(memory, nothing_is_allocated_for_what_is_only_announced, .timeout = 10)
{
    static uint8_t payload[5000];
    struct bytes stream = {0};
    bytes_add_frame(&stream, &(struct raw_frame){.opcode = 2,
                                                 .announce = 1u << 30,
                                                 .payload = payload,
                                                 .len = sizeof(payload)});
    struct leati_ws_workspace *workspace = leati_ws_workspace_acquire(NULL);
    cr_assert_not_null(leati_ws_workspace_reserve(workspace, sizeof(payload), 1u << 30));
    cr_assert_leq(workspace->message_cap, 16384);
    leati_ws_workspace_release(workspace, NULL);
    bytes_free(&stream);
}

Test(memory, the_message_buffer_grows_to_the_limit_and_not_beyond, .timeout = 10)
{
    static uint8_t payload[4096];
    for (size_t limit = 1; limit < 100000; limit = limit * 3 + 1) {
        struct leati_ws_workspace *workspace = leati_ws_workspace_acquire(NULL);
        for (size_t held = 0; held < limit;) {
            size_t size = limit - held < sizeof(payload) ? limit - held : sizeof(payload);
            uint8_t *room = leati_ws_workspace_reserve(workspace, size, limit);
            cr_assert_not_null(room);
            memcpy(room, payload, size);
            workspace->message_len += size;
            held += size;
            cr_assert_leq(workspace->message_cap, limit);
        }
        leati_ws_workspace_release(workspace, NULL);
    }
}

/* What a last frame announces is the most that comes: nothing is got beyond it, once half of it is there. */
Test(memory, the_message_buffer_ends_where_the_message_does, .timeout = 10)
{
    static uint8_t payload[100000];
    struct leati_ws_pool pool;
    const struct leati_ws_session_options options = {.max_message_bytes = 1u << 20, .pool = &pool};
    struct bytes stream = {0};
    struct seen_list seen = {0};

    leati_ws_pool_init(&pool, 1u << 20);
    struct leati_ws_session *session = session_make_with(&options);
    bytes_add_frame(
        &stream, &(struct raw_frame){
                     .opcode = 2, .not_fin = true, .payload = payload, .len = sizeof(payload) / 4});
    bytes_add_frame(&stream, &(struct raw_frame){.opcode = 0,
                                                 .payload = payload,
                                                 .len = sizeof(payload) - sizeof(payload) / 4});
    session_feed(session, stream.data, stream.len, 1000, &seen);
    cr_assert_eq(seen.count, 1);
    cr_assert_eq(seen.items[0].len, sizeof(payload));
    cr_assert_eq(pool.free->message_cap, sizeof(payload));
    leati_ws_session_free(session);
    leati_ws_pool_done(&pool);
    seen_free(&seen);
    bytes_free(&stream);
}

/* ---- the pool ------------------------------------------------------------------------------- */

static struct leati_ws_session *pooled_session(struct leati_ws_pool *pool)
{
    struct leati_ws_session_options options = {.max_message_bytes = 1u << 20, .pool = pool};
    struct leati_ws_session *session = leati_ws_session_new(&options);

    cr_assert_not_null(session);
    return session;
}

static bool no_memory(void)
{
    return true;
}

Test(memory, idle_sessions_share_one_workspace, .timeout = 10)
{
    struct bytes stream = large_stream();
    struct leati_ws_pool pool;
    leati_ws_pool_init(&pool, 1u << 20);
    struct leati_ws_session *sessions[20];
    struct seen_list seen = {0};

    for (int i = 0; i < 20; i++)
        sessions[i] = pooled_session(&pool);
    wslay_contexts_made = 0;
    session_feed(sessions[0], stream.data, stream.len, 0, &seen);
    cr_assert_gt(pool.bytes, 60000);
    leati_alloc_fail_hook = no_memory; /* from here on nothing is allocated any more */
    for (int i = 0; i < 20; i++)
        session_feed(sessions[i], stream.data, stream.len, 1000, &seen);
    leati_alloc_fail_hook = NULL;
    cr_assert_eq(wslay_contexts_made, 1);
    cr_assert_eq(seen.count, 21 * 4);
    cr_assert_not_null(pool.free);
    cr_assert_null(pool.free->next_free);

    for (int i = 0; i < 20; i++)
        leati_ws_session_free(sessions[i]);
    leati_ws_pool_done(&pool);
    cr_assert_eq(pool.bytes, 0);
    seen_free(&seen);
    bytes_free(&stream);
}

Test(memory, the_pool_keeps_no_more_than_its_limit, .timeout = 10)
{
    struct bytes stream = large_stream();
    struct seen_list seen = {0};

    for (size_t limit = 0; limit < 100000; limit += 4500) {
        struct leati_ws_pool pool;
        leati_ws_pool_init(&pool, limit);
        struct leati_ws_session *sessions[5];
        for (int i = 0; i < 5; i++) {
            sessions[i] = pooled_session(&pool);
            /* All are in the middle of a message. */
            session_feed(sessions[i], stream.data, 20000, 0, &seen);
        }
        for (int i = 0; i < 5; i++) {
            session_feed(sessions[i], stream.data + 20000, stream.len - 20000, 0, &seen);
            cr_assert_leq(pool.bytes, limit);
        }
        for (int i = 0; i < 5; i++)
            leati_ws_session_free(sessions[i]);
        cr_assert_leq(pool.bytes, limit);
        leati_ws_pool_done(&pool);
    }
    seen_free(&seen);
    bytes_free(&stream);
}

/* What is left of a broken stream must not get into another session. */
Test(memory, a_workspace_that_holds_bytes_is_not_reused, .timeout = 10)
{
    struct leati_ws_pool pool;
    leati_ws_pool_init(&pool, 1u << 20);
    static const char *const halves[] = {"\x82", "\x82\x05xx", "\x02\x03xxx", "\x89\x03x",
                                         "\x83\x01y"};
    static const size_t lengths[] = {1, 4, 5, 3, 3};

    for (size_t i = 0; i < 5; i++) {
        struct leati_ws_session *session = pooled_session(&pool);
        struct seen_list seen = {0};
        session_feed(session, halves[i], lengths[i], 0, &seen);
        leati_ws_session_free(session);
        seen_free(&seen);

        session = pooled_session(&pool);
        session_feed(session, "\x82\x02ok", 4, 1, &seen); /* at once it needs none */
        cr_assert_eq(seen.count, 1);
        cr_assert_eq(seen.items[0].kind, LEATI_WS_MESSAGE);
        cr_assert_eq(seen.items[0].len, 2);
        leati_ws_session_free(session);
        seen_free(&seen);
    }
    leati_ws_pool_done(&pool);
}

Test(memory, an_idle_session_is_small, .timeout = 10)
{
    struct leati_ws_pool pool;
    leati_ws_pool_init(&pool, 1u << 20);
    struct leati_ws_session *session = pooled_session(&pool);
    struct seen_list seen = {0};

    cr_assert_leq(malloc_usable_size(session), 512);
    session_feed(session, "\x82\x02ok\x01", 5, 0, &seen);
    cr_assert_null(pool.free, "between two bytes of a header");
    session_feed(session, "\x01", 1, 0, &seen);
    cr_assert_null(pool.free);
    session_feed(session, "x", 1, 0, &seen);
    cr_assert_null(pool.free, "a fragment is held");
    session_feed(session, "\x80\x00", 2, 0, &seen);
    cr_assert_not_null(pool.free);
    session_feed(session, "\x02\x00", 2, 0, &seen);
    cr_assert_not_null(pool.free, "an empty fragment needs no memory");
    session_feed(session, "\x80\x00", 2, 0, &seen);
    cr_assert_eq(seen.count, 3);
    leati_ws_session_free(session);
    leati_ws_pool_done(&pool);
    seen_free(&seen);
}

/* For a server's short messages room in one piece is looked for first. */
Test(memory, short_writes_of_a_server_without_any, .timeout = 10)
{
    struct leati_ws_session *session = session_make(true, 100);
    struct leati_byte_queue queue;

    leati_byte_queue_init(&queue, NULL);
    for (size_t len = 0; len <= 126; len++) {
        static const uint8_t payload[126];
        leati_alloc_fail_hook = no_memory;
        int code = leati_ws_session_write(session, LEATI_WS_OP_BINARY, payload, len, &queue);
        leati_alloc_fail_hook = NULL;
        cr_assert_eq(code, LEAT_E_SYSTEM_INTERNAL);
        cr_assert_eq(queue.len, 0);
    }
    cr_assert_eq(leati_ws_session_write(session, LEATI_WS_OP_BINARY, "", 0, &queue), LEAT_OK);
    cr_assert_eq(queue.len, 2);
    leati_byte_queue_clear(&queue);
    leati_ws_session_free(session);
}
