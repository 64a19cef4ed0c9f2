/* SPDX-License-Identifier: Apache-2.0 */
/* permessage-deflate from bad peers: bits, limits, bombs, and what cannot be inflated. */
#include "compression_run.h"

#include "support/leak_check.h"
#include "ws/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(compression_refusals, .fini = leak_check);

static void check_violation(struct seen_list *seen, size_t events, uint16_t close_code,
                            const char *text)
{
    cr_assert_eq(seen->count, events, "%zu events", seen->count);
    const struct seen *last = &seen->items[seen->count - 1];
    cr_assert_eq(last->kind, LEATI_WS_VIOLATION);
    cr_assert_eq(last->close_code, close_code);
    cr_assert_str_eq(last->text, text);
    seen_free(seen);
}

Test(compression_refusals, rsv1_where_it_must_not_be, .timeout = 10)
{
    static const struct {
        const char *stream;
        size_t len;
        const char *text;
    } cases[] = {
        {"\xc9\x00", 2, "RSV1 set on a control frame"},
        {"\xca\x00", 2, "RSV1 set on a control frame"},
        {"\xc8\x00", 2, "RSV1 set on a control frame"},
        {"\x41\x03\xf2\x48\xcd\xc0\x04\xc9\xc9", 9, "RSV1 set on a continuation frame"},
        {"\x01\x01x\xc0\x04\xc9\xc9", 7, "RSV1 set on a continuation frame"},
        {"\xe1\x00", 2, "reserved bit RSV2 set without an extension"},
        {"\xd1\x00", 2, "reserved bit RSV3 set without an extension"},
        {"\xc3\x00", 2, "reserved opcode 0x3"},
        {"\xcb\x00", 2, "reserved opcode 0xb"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t k = 0; k < 4; k++) {
            struct seen_list seen = client_run(cases[i].stream, cases[i].len, 100, chunks[k]);
            check_violation(&seen, 1, 1002, cases[i].text);
        }
    struct bytes stream = {.data = (uint8_t *)(uintptr_t) "\xc1\x00", .len = 2};
    struct seen_list seen = session_run(false, 100, &stream, 0);
    check_violation(&seen, 1, 1002, "reserved bit RSV1 set without an extension");
}

/* A server's message, compressed, as one frame. */
static struct bytes packed_message(const void *data, size_t len)
{
    struct leati_ws_session_options options = with_deflate(true, SIZE_MAX);
    struct leati_ws_session *session = session_make_with(&options);
    struct leati_byte_queue queue;

    leati_byte_queue_init(&queue, NULL);
    cr_assert_eq(leati_ws_session_write(session, LEATI_WS_OP_TEXT, data, len, &queue), LEAT_OK);
    leati_ws_session_free(session);
    return queue_drain(&queue);
}

Test(compression_refusals, limit_is_that_of_the_inflated_message, .timeout = 20)
{
    static char payload[40001];
    memset(payload, 'x', sizeof(payload));

    for (size_t len = 1; len < 40000; len = len * 3 + 1) {
        struct bytes stream = packed_message(payload, len);
        for (size_t limit = len - 1; limit <= len + 1; limit++)
            for (unsigned pieces = 0; pieces < 2; pieces++) {
                struct leati_ws_session_options options = with_deflate(false, limit);
                char text[100];
                options.pieces = pieces != 0;
                if (limit == 0 && pieces)
                    continue; /* no limit */
                struct seen_list seen = session_run_with(&options, &stream, len < 1000 ? 1 : 0);
                snprintf(text, sizeof(text), "inflated message exceeds the limit of %zu bytes",
                         limit);
                if (limit < len) {
                    seen_join(&seen);
                    check_violation(&seen, 1, 1009, text);
                    continue;
                }
                seen_join(&seen);
                must(seen.count == 1 && seen.items[0].len == len, "%zu: %s", len,
                     seen.items[0].text);
                seen_free(&seen);
            }
        bytes_free(&stream);
    }
}

/* A limit that none is: nothing is added to it. */
Test(compression_refusals, no_message_is_beyond_the_largest_limit, .timeout = 10)
{
    static const char text[] = "a message";
    struct bytes stream = packed_message(text, sizeof(text) - 1);

    for (size_t less = 0; less < 3; less++) {
        struct seen_list seen = client_run(stream.data, stream.len, SIZE_MAX - less, 0);
        cr_assert_eq(seen.count, 1);
        cr_assert_eq(seen.items[0].len, sizeof(text) - 1);
        seen_free(&seen);
    }
    bytes_free(&stream);
}

/* The limit is judged first, and no text ends where it cuts. */
Test(compression_refusals, limit_within_a_character, .timeout = 10)
{
    static const char text[] = "12345678\xe2\x82\xac and more";
    struct bytes stream = packed_message(text, sizeof(text) - 1);

    for (size_t limit = 8; limit <= 11; limit++)
        for (size_t k = 0; k < 4; k++) {
            char expected[100];
            struct seen_list seen = client_run(stream.data, stream.len, limit, chunks[k]);
            snprintf(expected, sizeof(expected), "inflated message exceeds the limit of %zu bytes",
                     limit);
            check_violation(&seen, 1, 1009, expected);
        }
    bytes_free(&stream);
}

/* What comes is not what is collected: there is no room to read it to. */
Test(compression_refusals, payload_is_not_read_to_where_the_message_is, .timeout = 10)
{
    enum { LEN = 200000 };
    struct leati_ws_session_options options = with_deflate(false, 1u << 20);
    struct leati_ws_session *session = session_make_with(&options);
    struct seen_list seen = {0};
    char *noise = malloc(LEN);
    uint64_t state = 7;
    size_t size;

    for (size_t i = 0; i < LEN; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        noise[i] = (char)('!' + (state >> 40) % 90);
    }
    struct bytes stream = packed_message(noise, LEN);
    cr_assert_gt(stream.len, 150000);
    session_feed(session, stream.data, 60000, 0, &seen);
    cr_assert_eq(seen.count, 0);
    cr_assert_gt(session->workspace->message_len, 0);
    cr_assert_null(leati_ws_session_room(session, &size));
    session_feed(session, stream.data + 60000, stream.len - 60000, 0, &seen);
    cr_assert_eq(seen.count, 1);
    cr_assert_eq(seen.items[0].len, LEN);
    cr_assert_eq(memcmp(seen.items[0].data, noise, LEN), 0);
    leati_ws_session_free(session);
    seen_free(&seen);
    bytes_free(&stream);
    free(noise);
}

/* 64 MiB in 64 KiB: it is stopped where the limit is, and no more than that was ever held. */
Test(compression_refusals, a_bomb, .timeout = 60)
{
    size_t len = 64u << 20;
    char *zeros = calloc(1, len);
    struct bytes stream = packed_message(zeros, len);
    struct leati_ws_session_options options = with_deflate(false, 1u << 20);
    struct leati_ws_session *session = session_make_with(&options);
    const uint8_t *data = stream.data;
    size_t left = stream.len;
    struct leati_ws_event event;

    free(zeros);
    cr_assert_lt(stream.len, 100000);
    cr_assert_eq(leati_ws_session_read(session, &data, &left, &event), LEAT_OK);
    cr_assert_eq(event.kind, LEATI_WS_VIOLATION);
    cr_assert_eq(event.close_code, 1009);
    cr_assert_eq(session->workspace->message_cap, (1u << 20) + 1);
    cr_assert_gt(left, stream.len / 2, "most of it is not even looked at");
    leati_ws_session_free(session);

    /* In pieces nothing is held at all. */
    options.pieces = true;
    options.max_message_bytes = 0;
    session = session_make_with(&options);
    data = stream.data;
    left = stream.len;
    size_t total = 0;
    while (leati_ws_session_read(session, &data, &left, &event) == LEAT_OK) {
        cr_assert_eq(event.kind, LEATI_WS_PIECE);
        cr_assert_leq(event.len, 16384);
        cr_assert_leq(session->workspace->message_cap, 16384);
        total += event.len;
    }
    cr_assert_eq(total, len);
    cr_assert(event.is_last);
    leati_ws_session_free(session);
    bytes_free(&stream);
}

Test(compression_refusals, text_is_checked_when_it_is_inflated, .timeout = 10)
{
    static const char *const bad[] = {"gr\xfc", "good \xc3"};
    static const char *const texts[] = {"text message that is not UTF-8",
                                        "text message that ends within a UTF-8 character"};

    for (size_t i = 0; i < 2; i++) {
        struct bytes stream = packed_message(bad[i], strlen(bad[i]));
        for (size_t k = 0; k < 4; k++) {
            struct seen_list seen = client_run(stream.data, stream.len, 100, chunks[k]);
            check_violation(&seen, 1, 1007, texts[i]);
        }
        bytes_free(&stream);
    }
}

Test(compression_refusals, messages_that_are_cut_off, .timeout = 10)
{
    static const char text[] = "a message that is a little longer than the shortest, a message";
    struct bytes stream = packed_message(text, sizeof(text) - 1);

    /* Each shorter payload in a frame that claims to be all. */
    for (size_t len = 1; len + 2 < stream.len; len++) {
        struct bytes cut = {0};
        bytes_add_frame(&cut, &(struct raw_frame){
                                  .opcode = 1, .rsv = 4, .payload = stream.data + 2, .len = len});
        struct seen_list seen = client_run(cut.data, cut.len, 100, chunks[len % 4]);
        /* What is left may end where a block does. */
        bool may_be_whole = seen.items[0].kind == LEATI_WS_MESSAGE;
        cr_assert(!may_be_whole || len + 3 == stream.len, "%zu of %zu", len, stream.len);
        if (!may_be_whole)
            check_violation(&seen, 1, 1007, "compressed message that cannot be inflated");
        else
            seen_free(&seen);
        bytes_free(&cut);
    }
    bytes_free(&stream);

    struct seen_list seen = client_run("\xc1\x01\x07", 3, 100, 0);
    check_violation(&seen, 1, 1007, "compressed message that cannot be inflated");
    /* Back to before the beginning. */
    seen = client_run("\xc1\x05\xf2\x00\x11\x00\x00", 7, 100, 0);
    check_violation(&seen, 1, 1007, "compressed message that cannot be inflated");
}
