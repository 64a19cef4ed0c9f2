/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that lie whole in the input are given from there, without a reader: the same events as by
 * the long way, which a session with a trace goes. */
#include "ws_stream.h"

#include "support/leak_check.h"
#include "ws/frame_reader.h"
#include "ws/session_private.h"

#include <stdlib.h>
#include <string.h>

#define PAYLOAD_BYTES 70000u

TestSuite(whole, .fini = leak_check);

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

static void frames_count(const struct leat_trace_event *event, void *user)
{
    (void)event;
    ++*(size_t *)user;
}

/* Lengths at which the header changes, and around the limit. */
static size_t random_len(uint64_t *state)
{
    static const size_t edges[] = {0,   1,   2,   63,   64,   124,   125,  126,
                                   127, 128, 999, 1000, 1001, 65535, 65536};

    return edges[random_next(state) % (sizeof(edges) / sizeof(edges[0]))];
}

static void frame_add(struct bytes *stream, uint64_t *state, const uint8_t *payload, bool masked,
                      bool spoils)
{
    static const unsigned opcodes[] = {1, 2, 1, 2, 1, 2, 1, 2, 9, 10, 0};
    struct raw_frame frame = {
        .opcode = opcodes[random_next(state) % 11], .masked = masked, .payload = payload};

    frame.len = frame.opcode > 8 ? (size_t)(random_next(state) % 126) : random_len(state);
    frame.not_fin = frame.opcode < 8 && random_next(state) % 16 == 0;
    if (frame.opcode == 2)
        frame.payload = payload + PAYLOAD_BYTES;
    if (!spoils) {
        bytes_add_frame(stream, &frame);
        return;
    }
    size_t begin = stream->len;
    frame.masked = masked != (random_next(state) % 8 == 0);
    bytes_add_frame(stream, &frame);
    stream->data[begin + random_next(state) % (stream->len - begin)] ^=
        (uint8_t)(1u << random_next(state) % 8);
}

static struct bytes stream_make(uint64_t *state, const uint8_t *payload, bool masked)
{
    struct bytes stream = {0};
    size_t count = 1 + (size_t)(random_next(state) % 12);

    for (size_t i = 0; i < count; i++)
        frame_add(&stream, state, payload, masked, random_next(state) % 32 == 0);
    return stream;
}

/* The first half is text, the second is not. */
static uint8_t *payload_make(void)
{
    static const char text[] =
        "a, \xc3\xa4, \xe2\x82\xac, \xf0\x9f\x98\x80 and so on without end; ";
    uint8_t *payload = malloc(2 * (size_t)PAYLOAD_BYTES);

    for (size_t i = 0; i < PAYLOAD_BYTES; i++) {
        payload[i] = (uint8_t)text[i % (sizeof(text) - 1)];
        payload[PAYLOAD_BYTES + i] = (uint8_t)(i * 31 + 200);
    }
    return payload;
}

Test(whole, random_streams_are_read_as_by_the_long_way, .timeout = 120)
{
    uint8_t *payload = payload_make();
    uint64_t state = 88172645463325252u;
    size_t frames = 0;
    const struct leati_tracer tracer = {.fn = frames_count, .user = &frames};

    for (unsigned i = 0; i < 6000; i++) {
        bool is_server = i / 12 % 2 != 0;
        struct bytes stream = stream_make(&state, payload, is_server);
        struct leati_ws_session_options options = {
            .is_server = is_server,
            .pieces = i % 3 == 0,
            .max_message_bytes = i % 2 == 0 ? 1000 : 100000,
        };
        if (options.pieces && i % 2 == 0)
            options.max_message_bytes = 0;
        size_t chunk = i % 4 == 0 ? 0 : 1 + (size_t)(random_next(&state) % 3000);
        struct seen_list seen = session_run_with(&options, &stream, chunk);
        options.tracer = &tracer;
        options.hop = "host:80";
        struct seen_list expected = session_run_with(&options, &stream, chunk);
        must(seen_equal(&seen, &expected), "stream %u: other events", i);
        for (size_t k = 0; k < seen.count; k++)
            must(seen.items[k].is_first == expected.items[k].is_first &&
                     seen.items[k].is_last == expected.items[k].is_last,
                 "stream %u: another place in the message", i);
        seen_free(&seen);
        seen_free(&expected);
        free(stream.data);
    }
    cr_assert_gt(frames, 6000);
    free(payload);
}

/* Every header of up to four bytes, with just enough behind it, and with one byte less. */
Test(whole, header_is_taken_or_left, .timeout = 60)
{
    static uint8_t bytes[4 + 65535];

    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++)
            for (unsigned low = 0; low < 256; low += second == 126 ? 1 : 255) {
                size_t payload_len = 0;
                bytes[0] = (uint8_t)first;
                bytes[1] = (uint8_t)second;
                bytes[2] = 0;
                bytes[3] = (uint8_t)low;
                bool is_message = first == 0x81 || first == 0x82;
                size_t header_len = second == 126 ? 4 : 2;
                size_t expected = second == 126 ? low : second;
                bool taken = is_message && (second < 126 || (second == 126 && low >= 126));
                must(leati_ws_frame_whole(bytes, header_len + expected, &payload_len) ==
                         (taken ? header_len : 0),
                     "%02x %02x %02x", first, second, low);
                must(!taken || payload_len == expected, "%02x %02x %02x: %zu", first, second, low,
                     payload_len);
                must(leati_ws_frame_whole(bytes, header_len + expected - 1, &payload_len) == 0,
                     "%02x %02x %02x: incomplete", first, second, low);
            }
    cr_assert_eq(leati_ws_frame_whole(bytes, 0, &(size_t){0}), 0);
}

/* The same of a client's. */
Test(whole, masked_header_is_taken_or_left, .timeout = 60)
{
    static uint8_t bytes[8 + 65535];

    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++)
            for (unsigned low = 0; low < 256; low += second == 0xfe ? 1 : 255)
                for (unsigned high = 0; high < 2; high++) {
                    size_t payload_len = 0;
                    bytes[0] = (uint8_t)first;
                    bytes[1] = (uint8_t)second;
                    bytes[2] = (uint8_t)high;
                    bytes[3] = (uint8_t)low;
                    bool is_message = first == 0x81 || first == 0x82;
                    size_t header_len = (second & 0x7f) == 126 ? 8 : 6;
                    size_t expected = (second & 0x7f) == 126 ? high << 8 | low : second & 0x7f;
                    bool taken = is_message && second >= 0x80 && second != 0xff &&
                                 (second < 0xfe || expected >= 126);
                    must(leati_ws_frame_whole_masked(bytes, header_len + expected, &payload_len) ==
                             (taken ? header_len : 0),
                         "%02x %02x %02x %02x", first, second, high, low);
                    must(!taken || payload_len == expected, "%02x %02x %02x %02x: %zu", first,
                         second, high, low, payload_len);
                    must(leati_ws_frame_whole_masked(bytes, header_len + expected - 1,
                                                     &payload_len) == 0,
                         "%02x %02x %02x %02x: incomplete", first, second, high, low);
                }
    for (size_t len = 0; len < 8; len++)
        cr_assert_eq(leati_ws_frame_whole_masked((const uint8_t[8]){0x82, 0xfe}, len, &(size_t){0}),
                     0);
}

static bool is_taken(bool is_server, bool pieces, size_t limit, size_t len)
{
    static const uint8_t payload[16];
    const struct leati_ws_session_options options = {
        .is_server = is_server, .pieces = pieces, .max_message_bytes = limit};
    struct bytes stream = {0};
    bytes_add_frame(&stream, &(struct raw_frame){
                                 .opcode = 2, .masked = is_server, .payload = payload, .len = len});
    struct seen_list seen = session_run_with(&options, &stream, 0);
    must(seen.count == 1, "%zu bytes, limit %zu: %zu events", len, limit, seen.count);
    bool taken = seen.items[0].kind == (pieces ? LEATI_WS_PIECE : LEATI_WS_MESSAGE);
    must(taken || seen.items[0].close_code == 1009, "%zu bytes, limit %zu: %d", len, limit,
         seen.items[0].kind);
    seen_free(&seen);
    bytes_free(&stream);
    return taken;
}

Test(whole, the_limit_holds_for_them_too, .timeout = 20)
{
    for (unsigned kind = 0; kind < 4; kind++)
        for (size_t limit = 0; limit < 4; limit++)
            for (size_t len = 0; len < 6; len++) {
                bool has_none = limit == 0 && (kind & 1) != 0;
                must(is_taken(kind & 2, kind & 1, limit, len) == (has_none || len <= limit),
                     "kind %u, limit %zu, %zu bytes", kind, limit, len);
            }
}

/* What the short way is for: a server's messages need no workspace, and a client's are given before a
 * reader has seen them. */
Test(whole, they_need_no_reader, .timeout = 10)
{
    for (unsigned is_server = 0; is_server < 2; is_server++) {
        struct leati_ws_session *session = session_make(is_server, 100000);
        struct bytes stream = {0};
        struct leati_ws_event event;
        for (unsigned i = 0; i < 3; i++)
            bytes_add_frame(&stream,
                            &(struct raw_frame){
                                .opcode = 1, .masked = is_server, .payload = "hello", .len = 5});
        const uint8_t *pos = stream.data;
        size_t left = stream.len;
        for (unsigned i = 0; i < 3; i++) {
            cr_assert_eq(leati_ws_session_read(session, &pos, &left, &event), LEAT_OK);
            cr_assert_eq(event.kind, LEATI_WS_MESSAGE);
            cr_assert_eq(session->incoming.len, 0, "the long way counts");
            cr_assert(is_server || !session->workspace);
        }
        cr_assert_eq(leati_ws_session_read(session, &pos, &left, &event), LEATI_AGAIN);
        cr_assert_null(session->workspace, "an idle session has none");
        leati_ws_session_free(session);
        bytes_free(&stream);
    }
}
