/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences of frames: fragmentation, limits, UTF-8, and the end. */
#include "ws_stream.h"

#include "support/leak_check.h"
#include "util/utf8.h"

#include <stdlib.h>
#include <string.h>

TestSuite(messages, .fini = leak_check);

static const size_t chunks[] = {0, 1, 7, 4096};

static void add(struct bytes *b, unsigned opcode, bool fin, const char *payload)
{
    bytes_add_frame(
        b, &(struct raw_frame){
               .opcode = opcode, .not_fin = !fin, .payload = payload, .len = strlen(payload)});
}

static void check_event(const struct seen *event, enum leati_ws_event_kind kind, const char *data)
{
    cr_assert_eq(event->kind, kind);
    cr_assert_eq(event->len, strlen(data));
    cr_assert_eq(memcmp(event->data, data, event->len), 0);
}

Test(messages, fragments_with_control_frames_between, .timeout = 10)
{
    for (size_t i = 0; i < 4; i++) {
        struct bytes stream = {0};
        add(&stream, 1, false, "Hel");
        add(&stream, 9, true, "ping");
        add(&stream, 0, false, "");
        add(&stream, 0, false, "lo, ");
        add(&stream, 10, true, "");
        add(&stream, 0, true, "world");
        add(&stream, 2, false, "");
        add(&stream, 0, true, "");
        add(&stream, 2, false, "");
        add(&stream, 0, true, "whole");
        add(&stream, 8, true, "");
        struct seen_list seen = session_run(false, 100, &stream, chunks[i]);

        cr_assert_eq(seen.count, 6);
        check_event(&seen.items[0], LEATI_WS_PING, "ping");
        check_event(&seen.items[1], LEATI_WS_PONG, "");
        check_event(&seen.items[2], LEATI_WS_MESSAGE, "Hello, world");
        cr_assert_eq(seen.items[2].type, LEAT_MESSAGE_TEXT);
        check_event(&seen.items[3], LEATI_WS_MESSAGE, "");
        cr_assert_eq(seen.items[3].type, LEAT_MESSAGE_BINARY);
        check_event(&seen.items[4], LEATI_WS_MESSAGE, "whole");
        check_event(&seen.items[5], LEATI_WS_CLOSE, "");
        seen_free(&seen);
        bytes_free(&stream);
    }
}

Test(messages, order_of_opcodes, .timeout = 10)
{
    for (unsigned second = 1; second <= 2; second++) {
        struct bytes stream = {0};
        add(&stream, 1, false, "a");
        add(&stream, second, true, "b");
        struct seen_list seen = session_run(false, 100, &stream, 0);
        cr_assert_eq(seen.count, 1);
        cr_assert_eq(seen.items[0].close_code, 1002);
        cr_assert_str_eq(seen.items[0].text, "new message before the end of a fragmented one");
        seen_free(&seen);
        bytes_free(&stream);
    }
    struct bytes stream = {0};
    add(&stream, 1, true, "a");
    add(&stream, 0, true, "b");
    struct seen_list seen = session_run(false, 100, &stream, 0);
    cr_assert_eq(seen.count, 2);
    check_event(&seen.items[0], LEATI_WS_MESSAGE, "a");
    cr_assert_eq(seen.items[1].close_code, 1002);
    seen_free(&seen);
    bytes_free(&stream);
}

Test(messages, a_flood_of_empty_fragments_holds_nothing, .timeout = 20)
{
    struct bytes stream = {0};
    add(&stream, 2, false, "");
    for (int i = 0; i < 200000; i++)
        add(&stream, 0, false, "");
    add(&stream, 0, true, "x");
    struct seen_list seen = session_run(false, 1, &stream, 4096);
    cr_assert_eq(seen.count, 1);
    check_event(&seen.items[0], LEATI_WS_MESSAGE, "x");
    seen_free(&seen);
    bytes_free(&stream);
}

/* ---- limits --------------------------------------------------------------------------------- */

Test(messages, limit_of_one_frame, .timeout = 10)
{
    static char payload[1002];
    memset(payload, 'x', 1001);
    for (size_t len = 999; len <= 1001; len++) {
        struct bytes stream = {0};
        bytes_add_frame(&stream, &(struct raw_frame){.opcode = 2, .payload = payload, .len = len});
        struct seen_list seen = session_run(false, 1000, &stream, 0);
        cr_assert_eq(seen.count, 1);
        cr_assert_eq(seen.items[0].kind,
                     len > 1000 ? (unsigned)LEATI_WS_VIOLATION : (unsigned)LEATI_WS_MESSAGE);
        cr_assert_eq(seen.items[0].close_code, len > 1000 ? 1009 : 0);
        seen_free(&seen);
        bytes_free(&stream);
    }
}

/* Only what the header announces and one byte of payload are there. */
Test(messages, limit_is_checked_against_what_is_announced, .timeout = 10)
{
    static const struct {
        uint64_t announce;
        size_t limit;
        const char *text;
    } cases[] = {
        {20000000, 16777216, "message of 20000000 bytes exceeds the limit of 16777216"},
        {(uint64_t)INT64_MAX, 1000,
         "message of 9223372036854775807 bytes exceeds the limit of 1000"},
        {126, 0, "message of 126 bytes exceeds the limit of 0"},
    };

    for (size_t i = 0; i < 3; i++) {
        struct bytes stream = {0};
        bytes_add_frame(&stream,
                        &(struct raw_frame){
                            .opcode = 2, .announce = cases[i].announce, .payload = "x", .len = 1});
        struct seen_list seen = session_run(false, cases[i].limit, &stream, 0);
        cr_assert_eq(seen.count, 1);
        cr_assert_eq(seen.items[0].close_code, 1009);
        cr_assert_str_eq(seen.items[0].text, cases[i].text);
        seen_free(&seen);
        bytes_free(&stream);
    }
}

/* Around what 31, 32 and 63 bits hold, where a size_t has 32 bits and where it has 64. What the limit
 * allows is waited for, and nothing is allocated for it before it comes. */
Test(messages, lengths_that_no_memory_holds, .timeout = 10)
{
    static const uint64_t announced[] = {INT32_MAX - 1u,      INT32_MAX,        1ULL << 31,
                                         (1ULL << 31) + 1,    UINT32_MAX - 1u,  UINT32_MAX,
                                         1ULL << 32,          (1ULL << 32) + 1, (1ULL << 32) + 5,
                                         (5ULL << 32) + 1000, INT64_MAX - 1,    INT64_MAX};
    static const size_t limits[] = {1000, INT32_MAX, (size_t)INT32_MAX + 1, SIZE_MAX - 1, SIZE_MAX};

    for (size_t i = 0; i < sizeof(announced) / sizeof(announced[0]); i++)
        for (size_t k = 0; k < sizeof(limits) / sizeof(limits[0]); k++)
            for (unsigned kind = 0; kind < 4; kind++) {
                const struct leati_ws_session_options options = {.is_server = (kind & 1) != 0,
                                                                 .pieces = (kind & 2) != 0,
                                                                 .max_message_bytes = limits[k]};
                struct bytes stream = {0};
                bytes_add_frame(&stream, &(struct raw_frame){.opcode = 2,
                                                             .masked = options.is_server,
                                                             .announce = announced[i],
                                                             .payload = "begin",
                                                             .len = 5});
                struct seen_list seen = session_run_with(&options, &stream, chunks[k % 4]);
                bool is_too_long = announced[i] > limits[k];
                must(seen.count > 0 || (!is_too_long && !options.pieces), "%zu, %zu, %u", i, k,
                     kind);
                for (size_t n = 0; n < seen.count; n++)
                    must(is_too_long ? seen.items[n].close_code == 1009
                                     : options.pieces && !seen.items[n].is_last,
                         "%zu, %zu, %u", i, k, kind);
                must(is_too_long || seen.code == LEATI_AGAIN, "%zu, %zu, %u", i, k, kind);
                seen_free(&seen);
                bytes_free(&stream);
            }
}

Test(messages, limit_counts_what_is_held, .timeout = 10)
{
    for (size_t i = 0; i < 4; i++) {
        struct bytes stream = {0};
        add(&stream, 1, false, "12345");
        add(&stream, 9, true, "control frames do not count");
        add(&stream, 0, false, "67890");
        add(&stream, 0, true, "");
        add(&stream, 1, false, "12345");
        bytes_add_frame(
            &stream, &(struct raw_frame){
                         .opcode = 0, .announce = (uint64_t)INT64_MAX, .payload = "6", .len = 1});
        struct seen_list seen = session_run(false, 10, &stream, chunks[i]);
        cr_assert_eq(seen.count, 3);
        check_event(&seen.items[1], LEATI_WS_MESSAGE, "1234567890");
        cr_assert_eq(seen.items[2].close_code, 1009);
        cr_assert_str_eq(seen.items[2].text,
                         "message of 9223372036854775812 bytes exceeds the limit of 10");
        seen_free(&seen);
        bytes_free(&stream);
    }
}

/* ---- UTF-8 ---------------------------------------------------------------------------------- */

static const uint8_t good_text[] =
    "k\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80x\xed\x9f\xbf\xf4\x8f\xbf\xbf";
#define GOOD_TEXT_LEN (sizeof(good_text) - 1)

/* The text in two fragments, cut anywhere, in any chunks. */
Test(messages, text_cut_at_each_byte, .timeout = 10)
{
    for (size_t cut = 0; cut <= GOOD_TEXT_LEN; cut++)
        for (size_t i = 0; i < 4; i++) {
            struct bytes stream = {0};
            bytes_add_frame(&stream,
                            &(struct raw_frame){
                                .opcode = 1, .not_fin = true, .payload = good_text, .len = cut});
            add(&stream, 9, true, "\xff"); /* no text */
            bytes_add_frame(&stream, &(struct raw_frame){.opcode = 0,
                                                         .payload = good_text + cut,
                                                         .len = GOOD_TEXT_LEN - cut});
            struct seen_list seen = session_run(false, 100, &stream, chunks[i]);
            must(seen.count == 2, "cut %zu: %zu events", cut, seen.count);
            must(seen.items[1].kind == LEATI_WS_MESSAGE, "cut %zu", cut);
            must(seen.items[1].len == GOOD_TEXT_LEN, "cut %zu", cut);
            must(memcmp(seen.items[1].data, good_text, GOOD_TEXT_LEN) == 0, "cut %zu", cut);
            seen_free(&seen);
            bytes_free(&stream);
        }
}

/* How many bytes of the stream it takes until the violation comes. */
static size_t violation_position(const struct bytes *stream)
{
    struct leati_ws_session *session = session_make(false, 1000);
    struct seen_list seen = {0};
    size_t pos = 0;

    while (pos < stream->len && seen.count == 0)
        session_feed(session, stream->data + pos++, 1, 0, &seen);
    must(seen.count == 1, "no violation");
    must(seen.items[0].kind == LEATI_WS_VIOLATION && seen.items[0].close_code == 1007, "no 1007");
    seen_free(&seen);
    leati_ws_session_free(session);
    return pos;
}

/* The first byte that cannot go on as UTF-8. */
static size_t first_bad_byte(const uint8_t *text, size_t len)
{
    struct leati_utf8 utf8 = {0};
    for (size_t i = 0; i < len; i++)
        if (!leati_utf8_feed(&utf8, text + i, 1))
            return i;
    return len;
}

Test(messages, a_bad_byte_anywhere_fails_at_once, .timeout = 20)
{
    for (size_t at = 0; at < GOOD_TEXT_LEN; at++) {
        uint8_t text[GOOD_TEXT_LEN];
        memcpy(text, good_text, sizeof(text));
        text[at] = 0xff;
        for (size_t cut = 0; cut <= GOOD_TEXT_LEN; cut++) {
            struct bytes stream = {0};
            bytes_add_frame(
                &stream,
                &(struct raw_frame){.opcode = 1, .not_fin = true, .payload = text, .len = cut});
            size_t second = stream.len;
            bytes_add_frame(&stream, &(struct raw_frame){.opcode = 0,
                                                         .not_fin = true,
                                                         .payload = text + cut,
                                                         .len = GOOD_TEXT_LEN - cut});
            size_t bad = first_bad_byte(text, sizeof(text));
            size_t expected = bad < cut ? 2 + bad + 1 : second + 2 + (bad - cut) + 1;
            size_t got = violation_position(&stream);
            must(got == expected, "at %zu, cut %zu: %zu, not %zu", at, cut, got, expected);
            bytes_free(&stream);
        }
    }
}

Test(messages, text_that_ends_within_a_character, .timeout = 10)
{
    for (size_t len = 0; len <= GOOD_TEXT_LEN; len++)
        for (size_t i = 0; i < 4; i++) {
            struct bytes stream = {0};
            bytes_add_frame(&stream,
                            &(struct raw_frame){.opcode = 1, .payload = good_text, .len = len});
            struct seen_list seen = session_run(false, 100, &stream, chunks[i]);
            bool valid = leati_utf8_valid(good_text, len);
            must(seen.count == 1, "%zu", len);
            must(seen.items[0].kind == (valid ? LEATI_WS_MESSAGE : LEATI_WS_VIOLATION), "%zu", len);
            must(valid || seen.items[0].close_code == 1007, "%zu", len);
            seen_free(&seen);
            bytes_free(&stream);
        }
}

Test(messages, binary_is_not_text, .timeout = 10)
{
    struct bytes stream = {0};
    add(&stream, 1, false, "\xe2\x82");
    add(&stream, 0, true, "\xac");
    add(&stream, 2, false, "\xe2\x82");
    add(&stream, 0, true, "\xff");
    add(&stream, 1, true, "\xe2\x82\xac");
    struct seen_list seen = session_run(false, 100, &stream, 0);
    cr_assert_eq(seen.count, 3);
    check_event(&seen.items[1], LEATI_WS_MESSAGE, "\xe2\x82\xff");
    check_event(&seen.items[2], LEATI_WS_MESSAGE, "\xe2\x82\xac");
    seen_free(&seen);
    bytes_free(&stream);
}

Test(messages, reason_of_a_close_frame_is_text, .timeout = 10)
{
    struct bytes stream = {0};
    add(&stream, 8, true, "\x03\xe8gr\xc3\xbc\xc3\x9f");
    struct seen_list seen = session_run(false, 100, &stream, 1);
    check_event(&seen.items[0], LEATI_WS_CLOSE, "gr\xc3\xbc\xc3\x9f");
    seen_free(&seen);
    bytes_free(&stream);

    static const char *const bad[] = {"\x03\xe8\xff", "\x03\xe8zz\xc3"};
    for (size_t i = 0; i < 2; i++) {
        add(&stream, 8, true, bad[i]);
        seen = session_run(false, 100, &stream, 0);
        cr_assert_eq(seen.count, 1);
        cr_assert_eq(seen.items[0].kind, LEATI_WS_VIOLATION);
        cr_assert_eq(seen.items[0].close_code, 1007);
        seen_free(&seen);
        bytes_free(&stream);
    }
}

/* ---- pausing -------------------------------------------------------------------------------- */

/* After each event what is left must be exactly the frames that follow, so that a caller may stop
 * there, keep them, and come back with them in other portions. */
Test(messages, input_is_used_up_to_the_event_and_no_further, .timeout = 10)
{
    struct bytes stream = {0};
    size_t ends[60];
    for (size_t i = 0; i < 60; i++) {
        char text[200] = {0};
        memset(text, 'a' + (int)(i % 26), i * 3);
        add(&stream, i % 5 == 0 ? 9 : 2, true, i % 5 == 0 ? "" : text);
        ends[i] = stream.len;
    }

    struct leati_ws_session *session = session_make(false, 1000);
    const uint8_t *pos = stream.data;
    size_t left = stream.len;
    struct leati_ws_event event;
    for (size_t i = 0; i < 60; i++) {
        cr_assert_eq(leati_ws_session_read(session, &pos, &left, &event), LEAT_OK);
        cr_assert_eq((size_t)(pos - stream.data), ends[i]);
        cr_assert_eq(left, stream.len - ends[i]);
    }
    cr_assert_eq(leati_ws_session_read(session, &pos, &left, &event), LEATI_AGAIN);
    leati_ws_session_free(session);

    /* The same, but each time with a part only of what was left. */
    session = session_make(false, 1000);
    size_t done = 0, count = 0, portion = 1;
    while (done < stream.len) {
        size_t size = portion++ % 97 + 1;
        if (size > stream.len - done)
            size = stream.len - done;
        uint8_t *copy = malloc(size);
        memcpy(copy, stream.data + done, size);
        const uint8_t *at = copy;
        left = size;
        if (leati_ws_session_read(session, &at, &left, &event) == LEAT_OK)
            count++;
        done += size - left;
        free(copy);
    }
    pos = stream.data;
    left = 0;
    while (leati_ws_session_read(session, &pos, &left, &event) == LEAT_OK)
        count++;
    cr_assert_eq(count, 60);
    leati_ws_session_free(session);
    bytes_free(&stream);
}

/* The reader hands wslay 4096 bytes at a time: here the boundary falls on each byte of a header and
 * around it, while more than that waits behind it. */
Test(messages, a_header_across_the_readers_boundary, .timeout = 20)
{
    static uint8_t payload[5000];
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 13 + i / 256);

    for (unsigned masked = 0; masked < 2; masked++)
        for (size_t first = 4060; first < 4110; first++)
            for (size_t second = 100; second < 5000; second += 26) {
                struct bytes stream = {0};
                const size_t lengths[] = {first, second, 3, second, 0, 130};
                for (size_t i = 0; i < 6; i++)
                    bytes_add_frame(&stream, &(struct raw_frame){.opcode = 2,
                                                                 .masked = masked != 0,
                                                                 .payload = payload + i,
                                                                 .len = lengths[i]});
                struct seen_list seen = session_run(masked != 0, 5000, &stream, 0);
                must(seen.count == 6, "%zu, %zu: %zu events", first, second, seen.count);
                for (size_t i = 0; i < 6; i++) {
                    const struct seen *event = &seen.items[i];
                    must(event->kind == LEATI_WS_MESSAGE && event->len == lengths[i], "%zu: %s",
                         first, event->text);
                    must(memcmp(event->data, payload + i, event->len) == 0, "%zu: bytes", first);
                }
                seen_free(&seen);
                bytes_free(&stream);
            }
}

Test(messages, everything_after_the_end_is_swallowed, .timeout = 10)
{
    struct bytes stream = {0};
    add(&stream, 8, true, "");
    struct leati_ws_session *session = session_make(false, 1000);
    struct seen_list seen = {0};
    session_feed(session, stream.data, stream.len, 0, &seen);
    cr_assert_eq(seen.count, 1);
    bytes_free(&stream);
    for (int i = 0; i < 3; i++) {
        add(&stream, 2, true, "more");
        session_feed(session, stream.data, stream.len, 5, &seen);
        cr_assert_eq(seen.count, 1);
        cr_assert_eq(seen.code, LEATI_AGAIN);
    }
    const uint8_t *none = NULL;
    size_t len = 0;
    struct leati_ws_event event;
    cr_assert_eq(leati_ws_session_read(session, &none, &len, &event), LEATI_AGAIN);
    leati_ws_session_free(session);
    seen_free(&seen);
    bytes_free(&stream);
}
