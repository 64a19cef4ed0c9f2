/* SPDX-License-Identifier: Apache-2.0 */
/* Messages whose frame is made once for all sessions: what each of them sends, and who can read it. */
#include "ws/prepared.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "ws_stream.h"

#include <stdio.h>
#include <string.h>

TestSuite(prepared, .fini = leak_check);

static uint8_t zeros[70000];

static const struct leati_deflate_params params = {
    .server_max_window_bits = 15,
    .client_max_window_bits = 15,
};

static struct leati_ws_session_options options_make(bool is_server, bool deflates)
{
    return (struct leati_ws_session_options){
        .is_server = is_server,
        .max_message_bytes = sizeof(zeros),
        .deflate = deflates ? &params : NULL,
    };
}

static struct leati_ws_session *session_of(bool is_server, bool deflates)
{
    const struct leati_ws_session_options options = options_make(is_server, deflates);
    return session_make_with(&options);
}

/* What the session sends; it is freed by the caller. */
static struct bytes bytes_written(struct leati_ws_session *session,
                                  struct leati_ws_prepared *message)
{
    struct leati_byte_queue out;
    leati_byte_queue_init(&out, NULL);
    cr_assert_eq(leati_ws_session_write_prepared(session, message, &out), LEAT_OK);
    return queue_drain(&out);
}

static void expect_message(struct leati_ws_session *session, const struct bytes *stream,
                           enum leat_message_type type, const void *data, size_t len)
{
    struct seen_list seen = {0};
    session_feed(session, stream->data, stream->len, 0, &seen);
    cr_assert_eq(seen.count, 1);
    cr_expect_eq(seen.items[0].kind, LEATI_WS_MESSAGE, "%s", seen.items[0].text);
    cr_expect_eq(seen.items[0].type, type);
    cr_assert_eq(seen.items[0].len, len);
    cr_expect(len == 0 || memcmp(seen.items[0].data, data, len) == 0);
    seen_free(&seen);
}

/* ---- not compressed ------------------------------------------------------------------------- */

Test(prepared, the_frame_of_a_server, .timeout = 10)
{
    static const struct {
        size_t len, header_len;
        uint8_t header[10];
    } cases[] = {
        {0, 2, {0x82, 0}},
        {1, 2, {0x82, 1}},
        {125, 2, {0x82, 125}},
        {126, 4, {0x82, 126, 0, 126}},
        {65535, 4, {0x82, 126, 0xff, 0xff}},
        {65536, 10, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
    };
    struct leati_ws_session *session = session_of(true, false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len;
        struct leati_ws_prepared *message =
            leati_ws_prepared_new(LEAT_MESSAGE_BINARY, zeros, cases[i].len);
        const uint8_t *frame = leati_ws_prepared_frame(message, &len);
        cr_expect_eq(leati_ws_prepared_len(message), cases[i].len);
        cr_assert_eq(len, cases[i].header_len + cases[i].len);
        cr_expect_eq(memcmp(frame, cases[i].header, cases[i].header_len), 0);
        for (int turn = 0; turn < 2; turn++) {
            struct bytes sent = bytes_written(session, message);
            cr_expect(sent.len == len && memcmp(sent.data, frame, len) == 0, "%zu", cases[i].len);
            bytes_free(&sent);
        }
        cr_expect_eq(leati_ws_prepared_ref(message), message);
        leati_ws_prepared_unref(message);
        cr_expect_eq(leati_ws_prepared_len(message), cases[i].len);
        leati_ws_prepared_unref(message);
    }
    leati_ws_prepared_unref(NULL);
    leati_ws_session_free(session);
}

Test(prepared, a_client_masks_it, .timeout = 10)
{
    static const enum leat_message_type types[] = {LEAT_MESSAGE_TEXT, LEAT_MESSAGE_BINARY};
    struct leati_ws_session *client = session_of(false, false), *server = session_of(true, false);
    for (int i = 0; i < 2; i++) {
        struct leati_ws_prepared *message = leati_ws_prepared_new(types[i], "words", 5);
        struct bytes sent = bytes_written(client, message);
        expect_message(server, &sent, types[i], "words", 5);
        bytes_free(&sent);
        leati_ws_prepared_unref(message);
    }
    leati_ws_session_free(client);
    leati_ws_session_free(server);
}

Test(prepared, not_within_a_message_in_parts, .timeout = 10)
{
    for (int is_server = 0; is_server < 2; is_server++) {
        struct leati_ws_session *session = session_of(is_server, false);
        struct leati_ws_prepared *message = leati_ws_prepared_new(LEAT_MESSAGE_TEXT, "x", 1);
        struct leati_byte_queue out;
        leati_byte_queue_init(&out, NULL);
        cr_assert_eq(
            leati_ws_session_write_part(session, LEAT_MESSAGE_TEXT, "a", 1, true, false, &out),
            LEAT_OK);
        const size_t before = out.len;
        cr_expect_eq(leati_ws_session_write_prepared(session, message, &out), LEAT_E_PARAMETER);
        cr_expect_eq(out.len, before);
        leati_byte_queue_clear(&out);
        leati_ws_prepared_unref(message);
        leati_ws_session_free(session);
    }
}

/* ---- compressed ----------------------------------------------------------------------------- */

/* Sessions that compress in different ways, each of which comes twice: what is sent is as short as such
 * a session makes it by itself, and another message can follow. */
Test(prepared, each_way_to_compress, .timeout = 10)
{
    static const struct {
        uint8_t window_bits, level, mem_level;
    } ways[] = {{15, 1, 8}, {9, 1, 8}, {15, 9, 8}, {15, 1, 1}};
    char text[4000];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i * i % 997 % 26);
    struct leati_ws_prepared *message =
        leati_ws_prepared_new(LEAT_MESSAGE_TEXT, text, sizeof(text));
    for (size_t i = 0; i < 8; i++) {
        const struct leati_deflate_params way = {
            .server_max_window_bits = ways[i % 4].window_bits,
            .client_max_window_bits = 15,
        };
        struct leati_ws_session_options options = options_make(true, true);
        options.deflate = &way;
        options.deflate_level = ways[i % 4].level;
        options.deflate_mem_level = ways[i % 4].mem_level;
        struct leati_ws_session *server = session_make_with(&options);
        struct leati_ws_session *alone = session_make_with(&options);
        options.is_server = false;
        struct leati_ws_session *client = session_make_with(&options);
        struct leati_byte_queue out;
        leati_byte_queue_init(&out, NULL);
        cr_assert_eq(leati_ws_session_write(alone, LEATI_WS_OP_TEXT, text, sizeof(text), &out),
                     LEAT_OK);
        struct bytes expected = queue_drain(&out);
        for (int turn = 0; turn < 2; turn++) {
            struct bytes sent = bytes_written(server, message);
            cr_expect_eq(sent.data[0], 0xc1);
            cr_expect(sent.len == expected.len &&
                          memcmp(sent.data, expected.data, expected.len) == 0,
                      "way %zu", i);
            expect_message(client, &sent, LEAT_MESSAGE_TEXT, text, sizeof(text));
            bytes_free(&sent);
            cr_assert_eq(leati_ws_session_write(server, LEATI_WS_OP_TEXT, text, 2000, &out),
                         LEAT_OK);
            sent = queue_drain(&out);
            expect_message(client, &sent, LEAT_MESSAGE_TEXT, text, 2000);
            bytes_free(&sent);
        }
        bytes_free(&expected);
        leati_ws_session_free(server);
        leati_ws_session_free(alone);
        leati_ws_session_free(client);
    }
    leati_ws_prepared_unref(message);
}

/* What is exactly as long, or longer, goes as it is. */
Test(prepared, what_would_not_be_shorter, .timeout = 10)
{
    static const char *const texts[] = {"abcdabcdabcdabcd", "abcabcabcabcabca", "aaaaaaaaaaaaaaaa"};
    struct leati_ws_session *server = session_of(true, true);
    for (size_t i = 0; i < 3 * 16; i++) {
        const char *text = texts[i % 3];
        const size_t len = i / 3 + 1;
        struct leati_ws_prepared *message = leati_ws_prepared_new(LEAT_MESSAGE_TEXT, text, len);
        struct bytes sent = bytes_written(server, message);
        cr_expect(sent.len <= 2 + len, "%zu of %s", len, text);
        cr_expect_eq(sent.data[0], sent.len < 2 + len ? 0xc1 : 0x81, "%zu of %s", len, text);
        bytes_free(&sent);
        leati_ws_prepared_unref(message);
    }
    leati_ws_session_free(server);
}

/* ---- the trace ------------------------------------------------------------------------------ */

static char traced[128];

static void on_trace(const struct leat_trace_event *event, void *user)
{
    (void)user;
    snprintf(traced, sizeof(traced), "0x%x fin=%d rsv=%u %llu", event->frame->opcode,
             event->frame->fin, event->frame->rsv, (unsigned long long)event->frame->payload_len);
}

Test(prepared, the_trace_says_how_long_the_payload_is, .timeout = 10)
{
    static const size_t lens[] = {0, 125, 126, 65535, 65536};
    const struct leati_tracer tracer = {.fn = on_trace};
    struct leati_ws_session_options options = options_make(true, false);
    options.tracer = &tracer;
    options.hop = "host:80";
    struct leati_ws_session *session = session_make_with(&options);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        char expected[128];
        struct leati_ws_prepared *message =
            leati_ws_prepared_new(LEAT_MESSAGE_BINARY, zeros, lens[i]);
        snprintf(expected, sizeof(expected), "0x2 fin=1 rsv=0 %zu", lens[i]);
        struct bytes sent = bytes_written(session, message);
        cr_expect_str_eq(traced, expected);
        bytes_free(&sent);
        leati_ws_prepared_unref(message);
    }
    leati_ws_session_free(session);
}

/* ---- memory --------------------------------------------------------------------------------- */

static struct leati_ws_session *of_memory;

static bool write_without_memory(void)
{
    struct leati_ws_prepared *message = leati_ws_prepared_new(LEAT_MESSAGE_TEXT, zeros, 20000);
    struct leati_byte_queue out;
    if (!message)
        return false;
    leati_byte_queue_init(&out, NULL);
    int code = leati_ws_session_write_prepared(of_memory, message, &out);
    cr_assert(code == LEAT_OK || (code == LEAT_E_SYSTEM_INTERNAL && out.len == 0), "%d", code);
    leati_byte_queue_clear(&out);
    leati_ws_prepared_unref(message);
    return code == LEAT_OK;
}

Test(prepared, each_allocation_may_fail, .timeout = 20)
{
    for (int deflates = 0; deflates < 2; deflates++) {
        of_memory = session_of(true, deflates);
        cr_assert_gt(alloc_failure_run_all(write_without_memory), 2);
        leati_ws_session_free(of_memory);
    }
}
