/* SPDX-License-Identifier: Apache-2.0 */
/* What the trace says about frames, in both directions. */
#include "ws_stream.h"

#include "support/leak_check.h"

#include <stdio.h>
#include <string.h>

struct trace {
    char lines[1024];
    size_t len;
};

static void on_trace(const struct leat_trace_event *event, void *user)
{
    struct trace *trace = user;
    const struct leat_trace_frame *frame = event->frame;
    cr_assert(event->kind == LEAT_TRACE_FRAME && frame);
    cr_assert(event->layer == LEAT_LAYER_WEBSOCKET && strcmp(event->name, "frame") == 0);
    cr_assert_str_eq(event->hop, "host:80");
    cr_assert(event->start_us > 0 && event->end_us == event->start_us);
    trace->len +=
        (size_t)snprintf(trace->lines + trace->len, sizeof(trace->lines) - trace->len,
                         "%s %s 0x%x fin=%d rsv=%u masked=%d %llu\n",
                         frame->is_sent ? "sent" : "got", event->text, frame->opcode, frame->fin,
                         frame->rsv, frame->masked, (unsigned long long)frame->payload_len);
    cr_assert(trace->len < sizeof(trace->lines));
}

static struct leati_ws_session_options options_make(const struct leati_tracer *tracer,
                                                    bool is_server)
{
    return (struct leati_ws_session_options){
        .is_server = is_server,
        .max_message_bytes = 1000000,
        .tracer = tracer,
        .hop = "host:80",
    };
}

TestSuite(trace, .fini = leak_check);

Test(trace, frames_that_are_sent, .timeout = 10)
{
    struct trace trace = {0};
    const struct leati_tracer tracer = {.fn = on_trace, .user = &trace};
    const struct leati_ws_session_options options = options_make(&tracer, false);
    struct leati_ws_session *session = session_make_with(&options);
    struct leati_byte_queue out;
    leati_byte_queue_init(&out, NULL);
    static const char payload[70000];

    must(!leati_ws_session_write(session, LEATI_WS_OP_TEXT, "hello", 5, &out), "text");
    must(!leati_ws_session_write(session, LEATI_WS_OP_PING, "", 0, &out), "ping");
    must(!leati_ws_session_write_part(session, LEAT_MESSAGE_BINARY, payload, sizeof(payload), true,
                                      false, &out),
         "first part");
    must(!leati_ws_session_write_part(session, LEAT_MESSAGE_BINARY, "x", 1, false, true, &out),
         "last part");
    must(leati_ws_session_write_part(session, LEAT_MESSAGE_TEXT, "\xff", 1, true, true, &out) ==
             LEAT_E_PARAMETER,
         "a part that is refused");
    must(!leati_ws_session_write_close(session, 1000, "bye", 3, &out), "close");
    cr_expect_str_eq(trace.lines, "sent text 0x1 fin=1 rsv=0 masked=1 5\n"
                                  "sent ping 0x9 fin=1 rsv=0 masked=1 0\n"
                                  "sent binary 0x2 fin=0 rsv=0 masked=1 70000\n"
                                  "sent continuation 0x0 fin=1 rsv=0 masked=1 1\n"
                                  "sent close 0x8 fin=1 rsv=0 masked=1 5\n");
    leati_byte_queue_clear(&out);
    leati_ws_session_free(session);
}

Test(trace, frames_that_come, .timeout = 10)
{
    struct bytes stream = {0};
    bytes_add_frame(&stream,
                    &(struct raw_frame){.opcode = 2, .payload = "abc", .len = 3, .not_fin = true});
    bytes_add_frame(&stream, &(struct raw_frame){.opcode = 10});
    bytes_add_frame(&stream, &(struct raw_frame){.opcode = 0, .payload = "d", .len = 1});
    bytes_add_frame(&stream, &(struct raw_frame){.opcode = 3, .rsv = 2});
    for (size_t chunk = 0; chunk < 3; chunk++) {
        struct trace trace = {0};
        const struct leati_tracer tracer = {.fn = on_trace, .user = &trace};
        const struct leati_ws_session_options options = options_make(&tracer, false);
        struct seen_list seen = session_run_with(&options, &stream, chunk);
        /* Also the one that breaks the protocol: that is when one wants to see it. */
        cr_expect_str_eq(trace.lines, "got binary 0x2 fin=0 rsv=0 masked=0 3\n"
                                      "got pong 0xa fin=1 rsv=0 masked=0 0\n"
                                      "got continuation 0x0 fin=1 rsv=0 masked=0 1\n"
                                      "got reserved 0x3 fin=1 rsv=2 masked=0 0\n");
        cr_expect_eq(seen.items[seen.count - 1].kind, LEATI_WS_VIOLATION);
        seen_free(&seen);
    }
    bytes_free(&stream);
}

Test(trace, nobody_listens, .timeout = 10)
{
    const struct leati_tracer tracer = {0};
    const struct leati_ws_session_options options = options_make(&tracer, true);
    struct leati_ws_session *session = session_make_with(&options);
    struct leati_byte_queue out;
    leati_byte_queue_init(&out, NULL);
    cr_expect_eq(leati_ws_session_write(session, LEATI_WS_OP_TEXT, "hello", 5, &out), LEAT_OK);
    cr_expect_eq(out.len, 7);
    leati_byte_queue_clear(&out);
    leati_ws_session_free(session);
}
