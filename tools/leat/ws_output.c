/* SPDX-License-Identifier: Apache-2.0 */
#include "ws.h"

#include "report.h"
#include "terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio_ext.h>
#include <string.h>
#include <time.h>

enum {
    /* A terminal is not given more of a binary message. */
    SHOWN_BYTES = 256,
};

uint64_t ws_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* ---- JSON ------------------------------------------------------------------------------- */

static void event_begin(struct ws *s, const char *name)
{
    struct timespec now;
    struct tm utc;
    char seconds[32], text[48];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof(text), "%s.%06uZ", seconds, (unsigned)(now.tv_nsec / 1000));
    tool_line_editor_hide(s->editor);
    tool_json_object(&s->json, NULL);
    tool_json_string(&s->json, "event", name);
    tool_json_string(&s->json, "time", text);
    tool_json_thousandths(&s->json, "elapsed_ms", ws_now_us() - s->start_us);
}

static void event_end(struct ws *s)
{
    tool_json_object_end(&s->json);
    tool_json_end(&s->json);
}

static const char *type_name(enum leat_message_type type)
{
    return type == LEAT_MESSAGE_TEXT ? "text" : "binary";
}

static void json_hex(struct tool_json *json, const char *name, const uint8_t *data, size_t len)
{
    tool_json_string_begin(json, name);
    for (size_t i = 0; i < len; i++)
        fprintf(json->out, "%02x", data[i]);
    tool_json_string_end(json);
}

static void json_message(struct ws *s, enum leat_message_type type, const uint8_t *data, size_t len)
{
    event_begin(s, "message");
    tool_json_string(&s->json, "type", type_name(type));
    tool_json_number(&s->json, "length", (int64_t)len);
    if (type == LEAT_MESSAGE_TEXT && !s->options.hex)
        tool_json_text(&s->json, "text", (const char *)data, len);
    else
        json_hex(&s->json, "hex", data, len);
    event_end(s);
}

/* ---- messages --------------------------------------------------------------------------- */

static void print_hex(const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        putchar(digits[data[i] >> 4]);
        putchar(digits[data[i] & 15]);
    }
}

/* A terminal gets lines, none of which it takes for a command. */
static void print_lines(const char *text, size_t len)
{
    for (bool more = true; more;) {
        const char *end = memchr(text, '\n', len);
        size_t line_len = end ? (size_t)(end - text) : len;
        tool_print_safe(stdout, text, line_len);
        more = end;
        if (more) {
            fputs("\n  ", stdout);
            text += line_len + 1;
            len -= line_len + 1;
        }
    }
}

static void print_on_terminal(struct ws *s, enum leat_message_type type, const uint8_t *data,
                              size_t len, bool is_first, bool is_last)
{
    tool_line_editor_hide(s->editor);
    if (is_first && s->is_interactive)
        printf("%s<%s ", tool_style(stdout, TOOL_STYLE_CYAN), tool_style(stdout, TOOL_STYLE_PLAIN));
    if (type == LEAT_MESSAGE_TEXT && !s->options.hex) {
        print_lines((const char *)data, len);
    } else {
        size_t shown = s->options.hex || len < SHOWN_BYTES ? len : SHOWN_BYTES;
        print_hex(data, shown);
        if (shown < len)
            printf("... (%zu bytes)", len);
    }
    if (is_last)
        putchar('\n');
}

void ws_print_part(struct ws *s, enum leat_message_type type, const uint8_t *data, size_t len,
                   bool is_first, bool is_last)
{
    if (s->options.json) {
        json_message(s, type, data, len);
        return;
    }
    if (s->prints_on_terminal) {
        print_on_terminal(s, type, data, len, is_first, is_last);
        return;
    }
    if (s->options.hex)
        print_hex(data, len);
    else
        fwrite(data, 1, len, stdout);
    if (is_last && s->options.null)
        putchar('\0');
    else if (is_last && (s->options.hex || !s->options.binary))
        putchar('\n');
}

/* ---- what else happens ------------------------------------------------------------------ */

static void say(struct ws *s, const char *format, va_list args)
{
    tool_line_editor_hide(s->editor);
    fflush(stdout);
    fputs(tool_style(stderr, TOOL_STYLE_DIM), stderr);
    fputs("leat ws: ", stderr);
    tool_print_formatted(stderr, format, args);
    fprintf(stderr, "%s\n", tool_style(stderr, TOOL_STYLE_PLAIN));
}

void ws_say(struct ws *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (s->says_status)
        say(s, format, args);
    va_end(args);
}

void ws_tell(struct ws *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (s->says_asked)
        say(s, format, args);
    va_end(args);
}

void ws_print_opened(struct ws *s)
{
    const char *protocol = leat_websocket_get_subprotocol(s->ws);
    bool is_compressed = leat_websocket_is_compressed(s->ws);
    ws_say(s, "connected to %s%s%s%s", leat_websocket_get_peer(s->ws), *protocol ? ", " : "",
           protocol, is_compressed ? ", compressed" : "");
    if (!s->options.json)
        return;
    const char *name, *value;
    event_begin(s, "open");
    tool_json_string(&s->json, "url", s->url);
    tool_json_string(&s->json, "peer", leat_websocket_get_peer(s->ws));
    tool_json_string(&s->json, "subprotocol", *protocol ? protocol : NULL);
    tool_json_bool(&s->json, "compressed", is_compressed);
    tool_json_array(&s->json, "headers");
    for (size_t i = 0; leat_websocket_get_http_header_at(s->ws, i, &name, &value); i++) {
        tool_json_array(&s->json, NULL);
        tool_json_string(&s->json, NULL, name);
        tool_json_string(&s->json, NULL, value);
        tool_json_array_end(&s->json);
    }
    tool_json_array_end(&s->json);
    event_end(s);
}

void ws_print_sent(struct ws *s, enum leat_message_type type, size_t len)
{
    if (!s->options.json)
        return;
    event_begin(s, "sent");
    tool_json_string(&s->json, "type", type_name(type));
    tool_json_number(&s->json, "length", (int64_t)len);
    event_end(s);
}

void ws_print_pong(struct ws *s, bool is_answer, uint64_t round_trip_us)
{
    if (is_answer && s->options.pings)
        ws_tell(s, "pong after %" PRIu64 ".%03u ms", round_trip_us / 1000,
                (unsigned)(round_trip_us % 1000));
    if (!s->options.json)
        return;
    event_begin(s, "pong");
    if (is_answer)
        tool_json_thousandths(&s->json, "round_trip_ms", round_trip_us);
    event_end(s);
}

void ws_print_reconnect(struct ws *s, uint32_t delay_ms)
{
    uint32_t attempt = leat_reconnect_get_attempts(s->reconnect);
    ws_tell(s, "connecting again in %u.%u s, attempt %u", delay_ms / 1000, delay_ms % 1000 / 100,
            attempt);
    if (!s->options.json)
        return;
    event_begin(s, "reconnect");
    tool_json_number(&s->json, "delay_ms", delay_ms);
    tool_json_number(&s->json, "attempt", attempt);
    event_end(s);
}

static void remedies_write(struct ws *s, const struct leat_close_event *event)
{
    const struct tool_story story = ws_story(s);
    const char *line = event->error.code != LEAT_OK
                           ? tool_story_remedies(&story, tool_language())
                           : tool_close_remedies(event->close_code, tool_language());
    tool_json_array(&s->json, "remedies");
    while (*line) {
        size_t len = strcspn(line, "\n");
        tool_json_text(&s->json, NULL, line, len);
        line += len + (line[len] == '\n');
    }
    tool_json_array_end(&s->json);
}

void ws_print_closed(struct ws *s, const struct leat_close_event *event)
{
    static const char *const who[] = {"nobody", "local", "remote"};
    if (!s->options.json)
        return;
    event_begin(s, "closed");
    tool_json_string(&s->json, "by", who[event->closed_by]);
    tool_json_number(&s->json, "code", event->close_code);
    tool_json_text(&s->json, "reason", event->reason, event->reason_len);
    if (event->error.code != LEAT_OK)
        tool_error_describe(&s->json, "error", &event->error);
    else
        tool_json_null(&s->json, "error");
    tool_answer_describe(&s->json, "answer", &s->answer);
    remedies_write(s, event);
    event_end(s);
}

/* ---- the trace -------------------------------------------------------------------------- */

static void trace_json(struct ws *s, const struct leat_trace_event *event)
{
    const struct leat_trace_frame *frame = event->frame;
    event_begin(s, frame ? "frame" : "phase");
    if (frame) {
        tool_json_string(&s->json, "direction", frame->is_sent ? "sent" : "received");
        tool_json_string(&s->json, "opcode", event->text);
        tool_json_number(&s->json, "opcode_number", frame->opcode);
        tool_json_bool(&s->json, "fin", frame->fin);
        tool_json_number(&s->json, "rsv", frame->rsv);
        tool_json_bool(&s->json, "masked", frame->masked);
        tool_json_number(&s->json, "length", (int64_t)frame->payload_len);
    } else {
        tool_json_string(&s->json, "name", event->name);
        tool_json_string(&s->json, "hop", event->hop);
        tool_json_thousandths(&s->json, "duration_ms", event->end_us - event->start_us);
        tool_json_number(&s->json, "result", event->result);
        tool_json_string(&s->json, "text", event->text);
    }
    event_end(s);
}

void ws_print_trace(struct ws *s, const struct leat_trace_event *event)
{
    const struct leat_trace_frame *frame = event->frame;
    if (event->kind != LEAT_TRACE_FRAME && event->kind != LEAT_TRACE_PHASE_END)
        return;
    if (s->options.json) {
        trace_json(s, event);
        return;
    }
    tool_line_editor_hide(s->editor);
    fflush(stdout);
    uint64_t at_us = event->end_us > s->start_us ? event->end_us - s->start_us : 0;
    fprintf(stderr, "%s%8" PRIu64 ".%03u ms  ", tool_style(stderr, TOOL_STYLE_DIM), at_us / 1000,
            (unsigned)(at_us % 1000));
    if (frame) {
        fprintf(stderr, "%s %-12s fin=%d rsv=%u masked=%d length=%" PRIu64,
                frame->is_sent ? ">" : "<", event->text, frame->fin, frame->rsv, frame->masked,
                frame->payload_len);
    } else {
        fprintf(stderr, "* %-12s ", event->name);
        tool_print_safe(stderr, event->hop, strlen(event->hop));
        fputs(event->text[0] ? "  " : "", stderr);
        tool_print_safe(stderr, event->text, strlen(event->text));
    }
    fprintf(stderr, "%s\n", tool_style(stderr, TOOL_STYLE_PLAIN));
}

/* Enough to see what it is; the whole is what --json prints. */
enum { PAYLOAD_SHOWN_BYTES = 64 };

void ws_print_payload(struct ws *s, bool is_sent, enum leat_message_type type, const uint8_t *data,
                      size_t len)
{
    if (!s->options.traces_payload || s->options.json)
        return;
    size_t shown = len < PAYLOAD_SHOWN_BYTES ? len : PAYLOAD_SHOWN_BYTES;
    bool is_text = type == LEAT_MESSAGE_TEXT;
    while (is_text && shown < len && shown > 0 && (data[shown] & 0xc0) == 0x80)
        shown--; /* no half of a character */
    tool_line_editor_hide(s->editor);
    fflush(stdout);
    fprintf(stderr, "%s%16s%s ", tool_style(stderr, TOOL_STYLE_DIM), "", is_sent ? ">" : "<");
    if (is_text)
        tool_print_safe(stderr, (const char *)data, shown);
    for (size_t i = 0; !is_text && i < shown; i++)
        fprintf(stderr, "%s%02x", i ? " " : "", data[i]);
    if (shown < len)
        fprintf(stderr, "... (%zu bytes)", len);
    fprintf(stderr, "%s\n", tool_style(stderr, TOOL_STYLE_PLAIN));
}

void ws_flush(struct ws *s)
{
    if (!s->output_failed && (fflush(stdout) != 0 || ferror(stdout))) {
        s->output_failed = true;
        int reason = errno;
        s->pipe_is_broken = reason == EPIPE;
        __fpurge(stdout); /* it is said once */
        clearerr(stdout);
        if (s->pipe_is_broken)
            ws_close(s);
        else
            ws_fail(s, "cannot write the output: %s", strerror(reason));
    }
    tool_line_editor_show(s->editor);
}
