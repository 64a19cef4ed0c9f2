/* SPDX-License-Identifier: Apache-2.0 */
/* When a session may be freed and made anew without anybody noticing. */
#include "ws_stream.h"

#include "support/leak_check.h"

#include <string.h>

TestSuite(rest, .fini = leak_check);

/* Whether it may after the first `len` bytes of the frames (0 = all). */
static bool may_rest_after(const struct raw_frame *frames, size_t count, size_t len)
{
    struct leati_ws_session *session = session_make(false, 1000);
    struct bytes stream = {0};
    struct seen_list seen = {0};

    for (size_t i = 0; i < count; i++)
        bytes_add_frame(&stream, &frames[i]);
    session_feed(session, stream.data, len > 0 ? len : stream.len, 0, &seen);
    bool may = leati_ws_session_may_rest(session);
    seen_free(&seen);
    bytes_free(&stream);
    leati_ws_session_free(session);
    return may;
}

Test(rest, between_two_messages_only, .timeout = 10)
{
    static const struct raw_frame whole[] = {{.opcode = 1, .payload = "hello", .len = 5}};
    static const struct raw_frame parts[] = {
        {.opcode = 1, .not_fin = true, .payload = "hel", .len = 3},
        {.opcode = 9, .payload = "ping", .len = 4},
        {.opcode = 0, .payload = "lo", .len = 2},
    };
    static const struct raw_frame empty[] = {{.opcode = 2, .not_fin = true}};

    struct leati_ws_session *session = session_make(false, 1000);
    cr_assert(leati_ws_session_may_rest(session), "nothing has come");
    leati_ws_session_free(session);
    cr_assert(may_rest_after(whole, 1, 0));
    for (size_t len = 1; len < 7; len++)
        cr_assert_not(may_rest_after(whole, 1, len), "%zu bytes of a frame", len);
    cr_assert_not(may_rest_after(parts, 1, 0), "a message has begun");
    cr_assert_not(may_rest_after(parts, 2, 0), "a Ping does not end it");
    cr_assert(may_rest_after(parts, 3, 0));
    cr_assert_not(may_rest_after(empty, 1, 0), "it has begun, though nothing is held of it");
}

Test(rest, never_after_the_end, .timeout = 10)
{
    static const struct raw_frame ends[] = {{.opcode = 8},
                                            {.opcode = 8, .payload = "\x03\xe8", .len = 2},
                                            {.opcode = 3},
                                            {.opcode = 0}};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        cr_assert_not(may_rest_after(&ends[i], 1, 0), "end %zu", i);
}

/* Nothing is in the workspace then: only what is said of the message tells. */
Test(rest, not_with_a_workspace_that_was_given_back, .timeout = 10)
{
    static const struct raw_frame frames[] = {
        {.opcode = 2, .not_fin = true, .payload = "x", .len = 1}};
    const struct leati_ws_session_options options = {.pieces = true};
    struct leati_ws_session *session = session_make_with(&options);
    struct bytes stream = {0};
    struct seen_list seen = {0};

    bytes_add_frame(&stream, frames);
    session_feed(session, stream.data, stream.len, 0, &seen);
    cr_assert_eq(seen.count, 1);
    cr_assert_not(leati_ws_session_may_rest(session));
    seen_free(&seen);
    bytes_free(&stream);
    leati_ws_session_free(session);
}

Test(rest, not_while_a_message_goes_out_in_parts, .timeout = 10)
{
    struct leati_ws_session *session = session_make(true, 1000);
    struct leati_byte_queue out;

    leati_byte_queue_init(&out, NULL);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(leati_ws_session_may_rest(session));
        cr_assert_eq(leati_ws_session_write_part(session, LEAT_MESSAGE_TEXT, i < 2 ? "a" : "",
                                                 i < 2, true, false, &out),
                     LEAT_OK);
        cr_assert_not(leati_ws_session_may_rest(session), "part %u", i);
        cr_assert_eq(
            leati_ws_session_write_part(session, LEAT_MESSAGE_TEXT, "b", 1, false, true, &out),
            LEAT_OK);
    }
    cr_assert(leati_ws_session_may_rest(session));
    leati_byte_queue_clear(&out);
    leati_ws_session_free(session);
}

static void trace_nothing(const struct leat_trace_event *event, void *user)
{
    (void)event;
    (void)user;
}

Test(rest, not_while_it_is_traced, .timeout = 10)
{
    const struct leati_tracer tracer = {.fn = trace_nothing};
    const struct leati_tracer deaf = {0};
    const struct leati_tracer *const tracers[] = {NULL, &deaf, &tracer};

    for (size_t i = 0; i < 3; i++) {
        const struct leati_ws_session_options options = {
            .max_message_bytes = 10, .tracer = tracers[i], .hop = "host:80"};
        struct leati_ws_session *session = session_make_with(&options);
        cr_assert_eq(leati_ws_session_may_rest(session), i < 2);
        leati_ws_session_free(session);
    }
}
