/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as streams: in pieces without holding them, out in parts of unknown number. */
#include "ws_stream.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "ws/workspace.h"

#include <stdlib.h>
#include <string.h>

TestSuite(pieces, .fini = leak_check);

static const size_t chunks[] = {0, 1, 7, 4096};

static const struct leati_ws_session_options client_in_pieces = {.pieces = true};
static const struct leati_ws_session_options server_in_pieces = {.pieces = true, .is_server = true};

static void add(struct bytes *b, bool masked, unsigned opcode, bool fin, const char *payload)
{
    bytes_add_frame(b, &(struct raw_frame){.opcode = opcode,
                                           .not_fin = !fin,
                                           .masked = masked,
                                           .payload = payload,
                                           .len = strlen(payload)});
}

/* ---- in ------------------------------------------------------------------------------------- */

Test(pieces, bytes_come_as_soon_as_they_are_there, .timeout = 10)
{
    for (unsigned masked = 0; masked < 2; masked++) {
        struct leati_ws_session *session =
            session_make_with(masked ? &server_in_pieces : &client_in_pieces);
        struct bytes stream = {0};
        struct seen_list seen = {0};
        bytes_add_frame(&stream, &(struct raw_frame){.opcode = 2,
                                                     .masked = masked,
                                                     .announce = (uint64_t)1 << 40,
                                                     .payload = "abcdef",
                                                     .len = 6});
        size_t header = stream.len - 6;
        session_feed(session, stream.data, header, 0, &seen);
        cr_assert_eq(seen.count, 0, "a header is no piece");
        session_feed(session, stream.data + header, 6, 2, &seen);
        cr_assert_eq(seen.count, 3);
        for (size_t i = 0; i < 3; i++) {
            cr_assert_eq(seen.items[i].kind, LEATI_WS_PIECE);
            cr_assert_eq(seen.items[i].type, LEAT_MESSAGE_BINARY);
            cr_assert_eq(seen.items[i].len, 2);
            cr_assert_eq(memcmp(seen.items[i].data, &"abcdef"[2 * i], 2), 0);
            cr_assert_eq(seen.items[i].is_first, i == 0);
            cr_assert_not(seen.items[i].is_last);
        }
        seen_free(&seen);
        bytes_free(&stream);
        leati_ws_session_free(session);
    }
}

Test(pieces, empty_messages_and_fragments, .timeout = 10)
{
    for (size_t i = 0; i < 4; i++) {
        struct bytes stream = {0};
        add(&stream, false, 1, true, "");
        add(&stream, false, 2, false, "");
        add(&stream, false, 0, false, "");
        add(&stream, false, 9, true, "p");
        add(&stream, false, 0, true, "");
        add(&stream, false, 1, false, "x");
        add(&stream, false, 0, true, "");
        struct seen_list seen = session_run_with(&client_in_pieces, &stream, chunks[i]);
        cr_assert_eq(seen.count, 5);
        cr_assert(seen.items[0].len == 0 && seen.items[0].is_first && seen.items[0].is_last);
        cr_assert_eq(seen.items[1].kind, LEATI_WS_PING);
        cr_assert(seen.items[2].len == 0 && seen.items[2].is_first && seen.items[2].is_last);
        cr_assert(seen.items[3].len == 1 && seen.items[3].is_first && !seen.items[3].is_last);
        cr_assert(seen.items[4].len == 0 && !seen.items[4].is_first && seen.items[4].is_last);
        seen_free(&seen);
        bytes_free(&stream);
    }
}

/* The same messages, and the same ends, as without pieces. */
Test(pieces, joined_they_are_the_message, .timeout = 60)
{
    static char payload[70001];
    for (size_t i = 0; i + 1 < sizeof(payload); i++)
        payload[i] = (char)('a' + (i * 7 + i / 300) % 26);

    for (unsigned masked = 0; masked < 2; masked++)
        for (size_t len = 0; len < sizeof(payload); len += len < 300 ? 9 : 7919)
            for (size_t i = 0; i < 4; i++) {
                if (chunks[i] == 1 && len > 20000)
                    continue;
                struct bytes stream = {0};
                size_t cut = len / 3;
                bytes_add_frame(&stream, &(struct raw_frame){.opcode = 1,
                                                             .not_fin = true,
                                                             .masked = masked,
                                                             .payload = payload,
                                                             .len = cut});
                add(&stream, masked, 9, true, "ping");
                bytes_add_frame(&stream, &(struct raw_frame){.opcode = 0,
                                                             .masked = masked,
                                                             .payload = payload + cut,
                                                             .len = len - cut});
                add(&stream, masked, 2, true, "next");
                add(&stream, masked, 8, true, "");
                struct seen_list whole = session_run(masked, len + 4, &stream, 0);
                struct seen_list seen = session_run_with(
                    masked ? &server_in_pieces : &client_in_pieces, &stream, chunks[i]);
                seen_join(&seen);
                must(seen_equal(&whole, &seen), "len %zu, chunk %zu", len, chunks[i]);
                seen_free(&whole);
                seen_free(&seen);
                bytes_free(&stream);
            }
}

Test(pieces, a_server_unmasks_no_more_than_16_kib_at_a_time, .timeout = 10)
{
    static uint8_t payload[100000];
    struct leati_ws_pool pool;
    struct leati_ws_session_options options = {.pieces = true, .is_server = true, .pool = &pool};
    struct bytes stream = {0};

    leati_ws_pool_init(&pool, 1u << 20);
    bytes_add_frame(&stream,
                    &(struct raw_frame){
                        .opcode = 2, .masked = true, .payload = payload, .len = sizeof(payload)});
    struct seen_list seen = session_run_with(&options, &stream, 0);
    cr_assert_eq(seen.count, 7);
    cr_assert_eq(pool.free->message_cap, 16384);
    seen_free(&seen);
    bytes_free(&stream);
    leati_ws_pool_done(&pool);
}

/* Where the portions of 16 KiB and the frame end together, or nearly. */
Test(pieces, frames_around_the_portions, .timeout = 10)
{
    static uint8_t payload[3 * 16384 + 2];

    for (size_t portions = 1; portions <= 3; portions++)
        for (size_t len = portions * 16384 - 1; len <= portions * 16384 + 1; len++) {
            struct bytes stream = {0};
            bytes_add_frame(
                &stream,
                &(struct raw_frame){.opcode = 2, .masked = true, .payload = payload, .len = len});
            struct seen_list seen = session_run_with(&server_in_pieces, &stream, 0);
            must(seen.count == (len + 16383) / 16384, "%zu bytes: %zu pieces", len, seen.count);
            size_t total = 0;
            for (size_t i = 0; i < seen.count; i++) {
                must(seen.items[i].is_first == (i == 0), "%zu bytes: first", len);
                must(seen.items[i].is_last == (i + 1 == seen.count), "%zu bytes: last", len);
                total += seen.items[i].len;
            }
            must(total == len, "%zu bytes: %zu", len, total);
            seen_free(&seen);
            bytes_free(&stream);
        }
}

/* What a client reads is not copied. */
Test(pieces, unmasked_ones_stay_where_they_lie, .timeout = 10)
{
    struct leati_ws_session *session = session_make_with(&client_in_pieces);
    struct bytes stream = {0};
    struct leati_ws_event event;

    add(&stream, false, 2, false, "begin");
    add(&stream, false, 0, false, "middle");
    bytes_add_frame(
        &stream, &(struct raw_frame){.opcode = 0, .announce = 70000, .payload = "part", .len = 4});
    const uint8_t *pos = stream.data;
    size_t left = stream.len;
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(leati_ws_session_read(session, &pos, &left, &event), LEAT_OK);
        cr_assert_eq(event.kind, LEATI_WS_PIECE);
        cr_assert_eq(event.data + event.len, pos, "piece %zu", i);
    }
    cr_assert_eq(left, 0);
    bytes_free(&stream);
    leati_ws_session_free(session);
}

Test(pieces, limit_of_the_whole_message, .timeout = 10)
{
    struct leati_ws_session_options options = {.pieces = true, .max_message_bytes = 10};

    for (size_t i = 0; i < 4; i++) {
        struct bytes stream = {0};
        add(&stream, false, 2, false, "12345");
        add(&stream, false, 0, true, "67890");
        add(&stream, false, 2, false, "12345");
        add(&stream, false, 0, false, "67890");
        add(&stream, false, 0, true, "1");
        struct seen_list seen = session_run_with(&options, &stream, chunks[i]);
        const struct seen *last = &seen.items[seen.count - 1];
        cr_assert_eq(last->kind, LEATI_WS_VIOLATION);
        cr_assert_eq(last->close_code, 1009);
        cr_assert_str_eq(last->text, "message of 11 bytes exceeds the limit of 10");
        seen_join(&seen);
        cr_assert_eq(seen.count, 2);
        seen_free(&seen);
        bytes_free(&stream);
    }
}

Test(pieces, text_is_checked_as_it_comes, .timeout = 10)
{
    struct bytes stream = {0};
    add(&stream, false, 1, false, "gr\xc3");
    add(&stream, false, 0, false, "\xbc\xc3");
    add(&stream, false, 0, true, "x");
    struct seen_list seen = session_run_with(&client_in_pieces, &stream, 0);
    cr_assert_eq(seen.count, 3);
    cr_assert_eq(seen.items[0].len, 3, "a piece may end within a character");
    cr_assert_eq(seen.items[2].kind, LEATI_WS_VIOLATION);
    cr_assert_eq(seen.items[2].close_code, 1007);
    seen_free(&seen);
    bytes_free(&stream);

    add(&stream, false, 1, true, "gr\xc3");
    seen = session_run_with(&client_in_pieces, &stream, 0);
    cr_assert_eq(seen.count, 1);
    cr_assert_eq(seen.items[0].close_code, 1007);
    seen_free(&seen);
    bytes_free(&stream);
}

static struct bytes attempt_stream;

static bool read_attempt(void)
{
    struct leati_ws_session *session = leati_ws_session_new(&server_in_pieces);
    struct seen_list seen = {0};

    if (!session)
        return false;
    session_feed(session, attempt_stream.data, attempt_stream.len, 0, &seen);
    int code = seen.code;
    cr_assert(code == LEATI_AGAIN || code == LEAT_E_SYSTEM_INTERNAL);
    seen_free(&seen);
    leati_ws_session_free(session);
    return code == LEATI_AGAIN;
}

Test(pieces, each_allocation_fails, .timeout = 10)
{
    add(&attempt_stream, true, 1, true, "hello");
    cr_assert_geq(alloc_failure_run_all(read_attempt), 3);
    bytes_free(&attempt_stream);
}

/* ---- out ------------------------------------------------------------------------------------ */

static int part(struct leati_ws_session *session, struct leati_byte_queue *out, const char *data,
                bool is_first, bool is_last)
{
    return leati_ws_session_write_part(session, LEAT_MESSAGE_TEXT, data, strlen(data), is_first,
                                       is_last, out);
}

Test(pieces, parts_become_fragments, .timeout = 10)
{
    struct leati_ws_session *session = session_make(true, 100);
    struct leati_byte_queue out;
    static const char expected[] = "\x01\x03one\x89\x01p\x00\x03two\x80\x00"
                                   "\x81\x04only";

    leati_byte_queue_init(&out, NULL);
    cr_assert_eq(part(session, &out, "one", true, false), LEAT_OK);
    cr_assert_eq(leati_ws_session_write(session, LEATI_WS_OP_PING, "p", 1, &out), LEAT_OK);
    cr_assert_eq(part(session, &out, "two", false, false), LEAT_OK);
    cr_assert_eq(part(session, &out, "", false, false), LEAT_OK);
    cr_assert_eq(part(session, &out, "", false, true), LEAT_OK);
    cr_assert_eq(part(session, &out, "only", true, true), LEAT_OK);
    struct bytes sent = queue_drain(&out);
    cr_assert_eq(sent.len, sizeof(expected) - 1);
    cr_assert_eq(memcmp(sent.data, expected, sent.len), 0);
    bytes_free(&sent);

    /* An empty first part does not make a frame of its own. */
    cr_assert_eq(part(session, &out, "", true, false), LEAT_OK);
    cr_assert_eq(out.len, 0);
    cr_assert_eq(part(session, &out, "x", false, true), LEAT_OK);
    sent = queue_drain(&out);
    cr_assert_eq(sent.len, 3);
    cr_assert_eq(memcmp(sent.data, "\x81\x01x", 3), 0);
    bytes_free(&sent);
    leati_ws_session_free(session);
}

static void parts_out_of_order(bool from_server)
{
    struct leati_ws_session *session = session_make(from_server, 100);
    struct leati_byte_queue out;

    leati_byte_queue_init(&out, NULL);
    cr_assert_eq(part(session, &out, "x", false, false), LEAT_E_PARAMETER);
    cr_assert_eq(part(session, &out, "x", false, true), LEAT_E_PARAMETER);
    cr_assert_eq(out.len, 0);
    cr_assert_eq(part(session, &out, "a", true, false), LEAT_OK);
    size_t len = out.len;
    cr_assert_eq(part(session, &out, "x", true, false), LEAT_E_PARAMETER);
    cr_assert_eq(part(session, &out, "x", true, true), LEAT_E_PARAMETER);
    cr_assert_eq(leati_ws_session_write(session, LEATI_WS_OP_TEXT, "x", 1, &out), LEAT_E_PARAMETER);
    cr_assert_eq(leati_ws_session_write(session, LEATI_WS_OP_BINARY, "", 0, &out),
                 LEAT_E_PARAMETER);
    cr_assert_eq(
        leati_ws_session_write_part(session, LEAT_MESSAGE_BINARY, "x", 1, false, true, &out),
        LEAT_E_PARAMETER);
    cr_assert_eq(out.len, len);
    cr_assert_eq(part(session, &out, "b", false, true), LEAT_OK);
    cr_assert_eq(leati_ws_session_write(session, LEATI_WS_OP_TEXT, "c", 1, &out), LEAT_OK);
    cr_assert_eq(leati_ws_session_write_close(session, 1000, "", 0, &out), LEAT_OK);

    struct bytes sent = queue_drain(&out);
    struct seen_list seen = session_run(!from_server, 100, &sent, 0);
    cr_assert_eq(seen.count, 3);
    cr_assert_eq(memcmp(seen.items[0].data, "ab", 2), 0);
    cr_assert_eq(seen.items[0].type, LEAT_MESSAGE_TEXT);
    seen_free(&seen);
    bytes_free(&sent);
    leati_ws_session_free(session);
}

Test(pieces, parts_out_of_order, .timeout = 10)
{
    parts_out_of_order(false);
    parts_out_of_order(true);
}

Test(pieces, parts_of_text_are_text_together, .timeout = 10)
{
    struct leati_ws_session *session = session_make(true, 100);
    struct leati_byte_queue out;

    leati_byte_queue_init(&out, NULL);
    cr_assert_eq(part(session, &out, "\xc3", true, true), LEAT_E_PARAMETER);
    cr_assert_eq(part(session, &out, "\xff", true, false), LEAT_E_PARAMETER);
    cr_assert_eq(part(session, &out, "\xc3", true, false), LEAT_OK);
    size_t len = out.len;
    cr_assert_eq(part(session, &out, "x", false, false), LEAT_E_PARAMETER);
    cr_assert_eq(part(session, &out, "", false, true), LEAT_E_PARAMETER);
    cr_assert_eq(out.len, len, "a refused part changes nothing");
    cr_assert_eq(part(session, &out, "\xbc", false, true), LEAT_OK);
    cr_assert_eq(part(session, &out, "ok", true, true), LEAT_OK, "and the next message is free");
    leati_byte_queue_clear(&out);
    leati_ws_session_free(session);
}

static bool write_attempt(void)
{
    static const struct leati_ws_session_options options = {0};
    static char payload[20000];
    struct leati_ws_session *session = leati_ws_session_new(&options);
    struct leati_byte_queue out;

    if (!session)
        return false;
    leati_byte_queue_init(&out, NULL);
    int failed = 0;
    bool is_first = true;
    for (int i = 0; i < 4; i++) {
        size_t before = out.len;
        int code = leati_ws_session_write_part(session, LEAT_MESSAGE_BINARY, payload,
                                               sizeof(payload), is_first, i == 3, &out);
        cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL);
        cr_assert(code == LEAT_OK || out.len == before, "part of a frame is queued");
        failed += code != LEAT_OK;
        is_first = is_first && code != LEAT_OK;
    }
    leati_byte_queue_clear(&out);
    leati_ws_session_free(session);
    return failed == 0;
}

Test(pieces, each_allocation_of_parts_fails, .timeout = 10)
{
    cr_assert_geq(alloc_failure_run_all(write_attempt), 5);
}
