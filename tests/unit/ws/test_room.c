/* SPDX-License-Identifier: Apache-2.0 */
/* Payload that is read to where the message is collected: the same events as by way of a buffer. */
#include "ws_stream.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"

#include <stdlib.h>
#include <string.h>

#define LONG_BYTES (1u << 20)

TestSuite(room, .fini = leak_check);

static uint8_t *payload_make(unsigned opcode, size_t len)
{
    uint8_t *payload = malloc(len);

    for (size_t i = 0; i < len; i++)
        payload[i] = opcode == 1 ? (uint8_t)('a' + i % 26) : (uint8_t)(i * 31 + (i >> 8));
    return payload;
}

/* Feeds as the pump does: into the session's room, if it offers some. Returns how many bytes went
 * there. */
static size_t feed_by_room(struct leati_ws_session *session, const struct bytes *stream,
                           size_t chunk, struct seen_list *seen)
{
    size_t direct = 0;

    for (size_t done = 0; done < stream->len && seen->code == LEATI_AGAIN;) {
        size_t cap = 0;
        uint8_t *room = leati_ws_session_room(session, &cap);
        size_t size = chunk < stream->len - done ? chunk : stream->len - done;
        if (!room) {
            session_feed(session, stream->data + done, size, 0, seen);
            done += size;
            continue;
        }
        must(cap > 0, "room for nothing");
        size = size < cap ? size : cap;
        memcpy(room, stream->data + done, size);
        const uint8_t *pos = room;
        size_t left = size;
        struct leati_ws_event event;
        while ((seen->code = leati_ws_session_read(session, &pos, &left, &event)) == LEAT_OK)
            seen_add(seen, &event);
        must(left == 0, "%zu bytes left", left);
        direct += size;
        done += size;
    }
    return direct;
}

static size_t check_equal(const struct leati_ws_session_options *options,
                          const struct bytes *stream, size_t chunk)
{
    struct leati_ws_session *session = session_make_with(options);
    struct seen_list seen = {.code = LEATI_AGAIN};
    struct seen_list expected = session_run_with(options, stream, chunk);
    size_t direct = feed_by_room(session, stream, chunk, &seen);

    must(seen_equal(&seen, &expected), "chunks of %zu: other events", chunk);
    leati_ws_session_free(session);
    seen_free(&seen);
    seen_free(&expected);
    return direct;
}

/* Two long messages: one in one frame, one in three with a Ping between; `spoil` changes a byte. */
static struct bytes make_stream(bool masked, unsigned opcode, size_t spoil)
{
    struct bytes stream = {0};
    uint8_t *payload = payload_make(opcode, LONG_BYTES);
    struct raw_frame frame = {
        .opcode = opcode, .masked = masked, .payload = payload, .len = LONG_BYTES};

    if (spoil != 0)
        payload[spoil] = 0xff;
    bytes_add_frame(&stream, &frame);
    frame.not_fin = true;
    bytes_add_frame(&stream, &frame);
    bytes_add_frame(&stream, &(struct raw_frame){
                                 .opcode = 9, .masked = masked, .payload = payload, .len = 125});
    frame.opcode = 0;
    bytes_add_frame(&stream, &frame);
    frame.not_fin = false;
    bytes_add_frame(&stream, &frame);
    free(payload);
    return stream;
}

static const size_t chunks[] = {1000, 4096, 65536, 100001, 1u << 22};

Test(room, gives_the_same_events, .timeout = 120)
{
    for (unsigned masked = 0; masked < 2; masked++)
        for (unsigned opcode = 1; opcode <= 2; opcode++) {
            struct bytes stream = make_stream(masked, opcode, 0);
            const struct leati_ws_session_options options = {.is_server = masked,
                                                             .max_message_bytes = 3 * LONG_BYTES};
            for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
                size_t direct = check_equal(&options, &stream, chunks[i]);
                must(chunks[i] >= LONG_BYTES || direct > 2 * LONG_BYTES, "only %zu were direct",
                     direct);
            }
            bytes_free(&stream);
        }
}

Test(room, text_that_is_not_utf8_is_refused, .timeout = 60)
{
    static const size_t spoilt[] = {10, 70000, LONG_BYTES - 1};

    for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
        struct bytes stream = make_stream(false, 1, spoilt[i]);
        const struct leati_ws_session_options options = {.max_message_bytes = 3 * LONG_BYTES};
        check_equal(&options, &stream, 65536);
        bytes_free(&stream);
    }
}

/* ---- when there is none --------------------------------------------------------------------- */

static void feed_frame_start(struct leati_ws_session *session, unsigned opcode, uint64_t announce,
                             size_t len)
{
    struct bytes stream = {0};
    struct seen_list seen = {0};
    uint8_t *payload = payload_make(opcode, len + 1);

    bytes_add_frame(&stream,
                    &(struct raw_frame){
                        .opcode = opcode, .announce = announce, .payload = payload, .len = len});
    session_feed(session, stream.data, stream.len, 0, &seen);
    seen_free(&seen);
    bytes_free(&stream);
    free(payload);
}

static bool has_room(const struct leati_ws_session_options *options, unsigned opcode,
                     uint64_t announce, size_t len, size_t *ret_size)
{
    struct leati_ws_session *session = session_make_with(options);

    feed_frame_start(session, opcode, announce, len);
    bool has = leati_ws_session_room(session, ret_size);
    leati_ws_session_free(session);
    return has;
}

Test(room, there_is_none_where_it_brings_nothing, .timeout = 10)
{
    static const struct leati_ws_session_options whole = {.max_message_bytes = 1u << 30};
    static const struct leati_ws_session_options pieces = {.pieces = true};
    struct leati_ws_session *session = session_make_with(&whole);
    size_t size;

    cr_assert_null(leati_ws_session_room(session, &size), "a session that is idle");
    leati_ws_session_free(session);
    cr_assert(has_room(&whole, 2, LONG_BYTES, 1000, &size));
    cr_assert_not(has_room(&whole, 2, LONG_BYTES, 0, &size), "nothing was collected");
    cr_assert_not(has_room(&whole, 2, 2000, 1000, &size), "little is to come");
    cr_assert_not(has_room(&whole, 9, 125, 60, &size), "a Ping");
    cr_assert_not(has_room(&pieces, 2, LONG_BYTES, 1000, &size), "nothing is collected");
    cr_assert_not(has_room(&whole, 3, LONG_BYTES, 1000, &size), "the peer broke the protocol");
}

/* The same where the workspace has held a long message before, so that there would be memory. */
Test(room, there_is_none_in_a_workspace_that_was_used, .timeout = 10)
{
    struct leati_ws_pool pool;
    const struct leati_ws_session_options options = {.max_message_bytes = 1u << 30, .pool = &pool};
    struct leati_ws_session *session;
    size_t size;

    leati_ws_pool_init(&pool, 1u << 21);
    session = session_make_with(&options);
    feed_frame_start(session, 2, 300000, 299999);
    leati_ws_session_free(session); /* in the middle of it: no pool keeps that */
    cr_assert_null(pool.free);
    session = session_make_with(&options);
    struct bytes stream = {0};
    struct seen_list seen = {0};
    uint8_t *payload = payload_make(2, 300000);
    bytes_add_frame(&stream, &(struct raw_frame){.opcode = 2, .payload = payload, .len = 300000});
    session_feed(session, stream.data, stream.len, 100000, &seen);
    cr_assert_eq(seen.count, 1);
    cr_assert_not_null(pool.free, "it has collected a message, and is idle now");
    feed_frame_start(session, 2, LONG_BYTES, 0);
    cr_assert_null(leati_ws_session_room(session, &size), "nothing is collected");
    leati_ws_session_free(session);
    session = session_make_with(&options);
    feed_frame_start(session, 2, LONG_BYTES, 1);
    cr_assert_not_null(leati_ws_session_room(session, &size), "a byte is");
    leati_ws_session_free(session);
    seen_free(&seen);
    bytes_free(&stream);
    free(payload);
    leati_ws_pool_done(&pool);
}

Test(room, there_is_none_when_the_peer_broke_the_protocol, .timeout = 10)
{
    struct leati_ws_session *session = session_make(false, 1u << 30);
    struct bytes stream = {0};
    struct seen_list seen = {0};
    uint8_t *payload = payload_make(2, 10000);
    size_t size;

    bytes_add_frame(&stream, &(struct raw_frame){
                                 .opcode = 2, .not_fin = true, .payload = payload, .len = 10000});
    bytes_add_frame(
        &stream,
        &(struct raw_frame){.opcode = 3, .announce = LONG_BYTES, .payload = payload, .len = 9});
    session_feed(session, stream.data, stream.len, 0, &seen);
    cr_assert_eq(seen.count, 1);
    cr_assert_eq(seen.items[0].kind, LEATI_WS_VIOLATION);
    cr_assert_null(leati_ws_session_room(session, &size));
    leati_ws_session_free(session);
    seen_free(&seen);
    bytes_free(&stream);
    free(payload);
}

/* A header costs a peer nothing; memory is only for what it has sent. */
Test(room, grows_with_what_has_come, .timeout = 10)
{
    static const struct leati_ws_session_options whole = {.max_message_bytes = 1u << 30};
    size_t size;

    cr_assert(has_room(&whole, 2, 1u << 30, 10000, &size));
    cr_assert_leq(size, 10000);
    cr_assert(has_room(&whole, 2, 1u << 30, 5 * LONG_BYTES, &size));
    cr_assert_leq(size, 1u << 18);
}

/* ---- without memory ------------------------------------------------------------------------- */

static struct bytes stream_without_memory;

static bool read_attempt(void)
{
    const struct leati_ws_session_options options = {.max_message_bytes = 3 * LONG_BYTES};
    struct leati_ws_session *session = leati_ws_session_new(&options);
    struct seen_list seen = {.code = LEATI_AGAIN};

    if (!session)
        return false;
    feed_by_room(session, &stream_without_memory, 65536, &seen);
    must(seen.code == LEATI_AGAIN || seen.code == LEAT_E_SYSTEM_INTERNAL, "%d", seen.code);
    bool complete = seen.count == 3;
    must(complete == (seen.code == LEATI_AGAIN), "%zu events, then %d", seen.count, seen.code);
    seen_free(&seen);
    leati_ws_session_free(session);
    return complete;
}

Test(room, each_allocation_may_fail, .timeout = 60)
{
    stream_without_memory = make_stream(false, 2, 0);
    cr_assert_gt(alloc_failure_run_all(read_attempt), 3);
    bytes_free(&stream_without_memory);
}
