/* SPDX-License-Identifier: Apache-2.0 */
#include "ws.h"

#include "exit_status.h"
#include "report.h"
#include "signals.h"
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- the end ---------------------------------------------------------------------------- */

void ws_close(struct ws *s)
{
    s->closing = true;
    if (leat_websocket_close(s->ws, s->options.close_code, s->options.close_reason) != LEAT_OK)
        s->ended = true; /* there is no connection, at most the wait for the next */
}

void ws_fail(struct ws *s, const char *format, ...)
{
    va_list args;
    tool_line_editor_hide(s->editor);
    fflush(stdout);
    fputs("leat ws: ", stderr);
    va_start(args, format);
    tool_print_formatted(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    s->status = TOOL_EXIT_FAILED;
    ws_close(s);
}

void ws_input_ended(struct ws *s)
{
    /* Until they have come; or for ever, because that was asked for. */
    bool waits = s->options.receive_only || (s->options.count > 0 && !s->options.linger_is_set);
    if (!waits && !s->closing)
        leat_timer_start(s->linger_timer,
                         s->is_interactive && !s->options.linger_is_set ? 0 : s->options.linger_ms);
}

/* A message that comes is taken for an answer, which lets others be waited for anew, as long as
 * some are missing: a server that has more to say, or always something, does not keep us. */
static bool awaits_answers(const struct ws *s)
{
    uint64_t awaited = s->sent_count > s->options.count ? s->sent_count : s->options.count;
    return s->received_count < awaited;
}

static void on_lingered(leat_timer *timer, void *user)
{
    struct ws *s = user;
    /* Answers can only come when the peer has been told everything. */
    if (leat_websocket_get_buffered_bytes(s->ws) > 0)
        leat_timer_start(timer, s->options.linger_ms);
    else
        ws_close(s);
}

/* ---- what comes ------------------------------------------------------------------------- */

static void on_part(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                    size_t len, bool is_first, bool is_last, void *user)
{
    struct ws *s = user;
    (void)ws;
    if (s->options.count > 0 && s->received_count >= s->options.count)
        return;
    ws_print_payload(s, false, type, data, len);
    if (!s->output_failed)
        ws_print_part(s, type, data, len, is_first, is_last);
    if (!is_last)
        return;
    s->received_count++;
    if (s->options.count > 0 && s->received_count >= s->options.count)
        ws_close(s);
    else if (s->input.ended && s->input.used == s->input.len && !s->closing && awaits_answers(s))
        ws_input_ended(s);
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    on_part(ws, type, data, len, true, true, user);
}

static void on_opened(leat_websocket *ws, void *user)
{
    struct ws *s = user;
    (void)ws;
    s->open = s->was_open = true;
    s->blocked = false;
    s->input.part_is_open = false;
    if (s->reconnect)
        leat_reconnect_opened(s->reconnect);
    ws_print_opened(s);
    ws_keep_resend(s);
    if (s->options.pings)
        leat_timer_start(s->ping_timer, s->options.ping_ms);
    ws_input_pump(s);
}

static void on_writable(leat_websocket *ws, void *user)
{
    struct ws *s = user;
    (void)ws;
    s->blocked = false;
    ws_input_pump(s);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct ws *s = user;
    uint32_t delay_ms;
    s->open = false;
    leat_timer_stop(s->linger_timer);
    leat_timer_stop(s->ping_timer);
    memcpy(s->close_reason, event->reason, event->reason_len + 1);
    s->close = *event;
    s->close.reason = s->close_reason;
    s->error = event->error;
    if (s->error.code != LEAT_OK && !s->was_open)
        tool_answer_take(ws, &s->answer);
    ws_print_closed(s, event);
    if (s->reconnect && !s->closing && leat_reconnect_is_advised(event) &&
        leat_reconnect_next_delay_ms(s->reconnect, &delay_ms)) {
        const struct tool_story story = ws_story(s);
        ws_tell(s, "%s",
                event->error.code ? tool_story_heading(&story, LEAT_LANGUAGE_EN)
                                  : "closed by the server");
        ws_print_reconnect(s, delay_ms);
        leat_timer_start(s->reconnect_timer, delay_ms);
        return;
    }
    s->ended = true;
}

/* ---- pings ------------------------------------------------------------------------------ */

static void on_ping_due(leat_timer *timer, void *user)
{
    struct ws *s = user;
    uint64_t number = ++s->ping_number;
    s->ping_us[number % WS_PINGS_MAX] = ws_now_us();
    /* One that finds the send queue full is left out: what is queued tells that we live. */
    if (leat_websocket_ping(s->ws, &number, sizeof(number)) != LEAT_OK)
        s->ping_number--;
    leat_timer_start(timer, s->options.ping_ms);
}

static void on_pong(leat_websocket *ws, const uint8_t *payload, size_t len, void *user)
{
    struct ws *s = user;
    uint64_t number = 0;
    (void)ws;
    if (len == sizeof(number))
        memcpy(&number, payload, sizeof(number));
    bool is_answer =
        number > 0 && number <= s->ping_number && s->ping_number - number < WS_PINGS_MAX;
    ws_print_payload(s, false, LEAT_MESSAGE_BINARY, payload, len);
    ws_print_pong(s, is_answer, is_answer ? ws_now_us() - s->ping_us[number % WS_PINGS_MAX] : 0);
}

/* ---- connecting ------------------------------------------------------------------------- */

static int session_connect(struct ws *s)
{
    int code = leat_websocket_connect(s->ws, s->url, s->connection.config);
    if (code == LEAT_OK)
        return code;
    leat_websocket_get_error(s->ws, &s->error);
    s->error.code = code;
    const struct leat_close_event event = {.error = s->error, .reason = ""};
    ws_print_closed(s, &event);
    s->ended = true;
    return code;
}

static void on_reconnect_due(leat_timer *timer, void *user)
{
    (void)timer;
    session_connect(user);
}

static void on_trace(const struct leat_trace_event *event, void *user)
{
    ws_print_trace(user, event);
}

/* --max-time. A connection that is not open has its own deadline for that. */
static void on_end_due(leat_timer *timer, void *user)
{
    struct ws *s = user;
    (void)timer;
    if (!s->was_open && !s->options.reconnects)
        return;
    ws_say(s, "--max-time is over");
    ws_close(s);
}

static int session_start(struct ws *s)
{
    const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks),
        .opened = on_opened,
        .message = on_message,
        .pong = on_pong,
        .writable = on_writable,
        .closed = on_closed,
        .message_part = s->options.stream ? on_part : NULL,
    };
    const struct leat_reconnect_options reconnect = {
        .size = sizeof(reconnect),
        .max_attempts = s->options.reconnect_max,
    };
    int code = leat_loop_new(&s->loop);
    if (code == LEAT_OK)
        code = leat_timer_new(s->loop, on_lingered, s, &s->linger_timer);
    if (code == LEAT_OK)
        code = leat_timer_new(s->loop, on_ping_due, s, &s->ping_timer);
    if (code == LEAT_OK)
        code = leat_timer_new(s->loop, on_reconnect_due, s, &s->reconnect_timer);
    if (code == LEAT_OK)
        code = leat_timer_new(s->loop, on_end_due, s, &s->end_timer);
    if (code == LEAT_OK && s->options.reconnects)
        code = leat_reconnect_new(&reconnect, &s->reconnect);
    if (code == LEAT_OK)
        code = leat_websocket_new(s->loop, &callbacks, s, &s->ws);
    if (code == LEAT_OK && s->options.trace)
        code = leat_config_set_trace(s->connection.config, on_trace, s);
    if (code != LEAT_OK) {
        s->error.code = code;
        return code;
    }
    if (s->connection.max_time_ms > 0)
        leat_timer_start(s->end_timer, s->connection.max_time_ms);
    ws_say(s, "connecting to %s", s->url);
    return session_connect(s);
}

/* ---- the loop --------------------------------------------------------------------------- */

static void handle_signals(struct ws *s)
{
    struct tool_signals signals = tool_signals_take();
    if (signals.resized)
        tool_line_editor_resized(s->editor);
    if (signals.resumed)
        tool_line_editor_resumed(s->editor);
    if (!signals.end || s->ended)
        return;
    s->end_signal = signals.end;
    ws_close(s);
}

/* Waits for one thing to happen. @return whether `input_fd` is readable, if it is one. */
static bool session_step(struct ws *s, int input_fd)
{
    struct pollfd fds[] = {
        {.fd = leat_loop_get_fd(s->loop), .events = POLLIN},
        {.fd = s->signal_fd, .events = POLLIN},
        {.fd = input_fd, .events = POLLIN},
    };
    if (poll(fds, 3, -1) < 0) {
        if (errno != EINTR) {
            s->error.code = LEAT_E_SOCKET_BASE + errno;
            s->ended = true;
        }
        return false;
    }
    if (fds[1].revents)
        handle_signals(s);
    int code = s->ended ? LEAT_OK : leat_loop_dispatch(s->loop, 0);
    if (code != LEAT_OK) {
        s->error.code = code;
        s->ended = true;
    }
    ws_keep_settle(s);
    ws_flush(s);
    return fds[2].revents != 0;
}

/* For the line editor: something was typed, or it is over. */
static bool wait_for_key(void *user)
{
    struct ws *s = user;
    while (!s->ended && !s->closing)
        if (session_step(s, STDIN_FILENO))
            return !s->closing && !s->ended;
    return false;
}

static void run_interactive(struct ws *s)
{
    s->editor = tool_line_editor_new("> ", !s->options.no_history, wait_for_key, s);
    if (!s->editor)
        return; /* then as from a pipe, with what the terminal itself can do */
    while (!s->ended && !s->closing) {
        if (!s->open || s->blocked) {
            session_step(s, -1);
            continue;
        }
        size_t len;
        const char *line = tool_line_editor_read(s->editor, &len);
        if (!line)
            break;
        ws_input_line(s, line, len);
        ws_flush(s);
    }
    tool_line_editor_free(s->editor);
    s->editor = NULL;
    if (!s->ended && !s->closing) {
        s->input.ended = true;
        ws_input_pump(s);
    }
}

struct tool_story ws_story(const struct ws *s)
{
    return (struct tool_story){
        .error = &s->error,
        .answer = s->answer.status ? &s->answer : NULL,
        .was_open = s->was_open,
        .is_secure = strncasecmp(s->url, "wss:", 4) == 0,
        .is_of_proxy = tool_connection_is_of_proxy(&s->connection, &s->error),
    };
}

/* Many servers hang up where RFC 6455 section 5.5.1 wants a Close frame in answer to ours. Everything
 * that we had to say is said. */
static bool hung_up_on_our_close(const struct ws *s)
{
    return s->closing && s->was_open && s->error.code == LEAT_E_WS_CONNECT &&
           s->error.native_code == 1006 && s->error.sys_errno == 0;
}

/* A person has seen most of it already. */
static void report_end(struct ws *s)
{
    if (s->end_signal || s->output_failed)
        return;
    if (hung_up_on_our_close(s)) {
        ws_say(s, "the server hung up and did not answer the Close frame");
    } else if (s->error.code != LEAT_OK) {
        const struct tool_story story = ws_story(s);
        tool_report(stderr, &story, tool_language());
    } else if (s->close.closed_by == LEAT_CLOSED_BY_REMOTE &&
               (s->says_status || !tool_close_is_normal(s->close.close_code))) {
        fprintf(stderr, "leat ws: closed by the server: %u%s", s->close.close_code,
                s->close.reason_len ? " " : "");
        tool_print_safe(stderr, s->close_reason, s->close.reason_len);
        fputc('\n', stderr);
        tool_report_remedies(stderr, tool_close_remedies(s->close.close_code, tool_language()),
                             tool_language());
    }
}

static int end_status(struct ws *s)
{
    if (s->status != TOOL_EXIT_OK)
        return s->status;
    if (s->end_signal || s->pipe_is_broken)
        return TOOL_EXIT_OK;
    if (s->error.code != LEAT_OK && !hung_up_on_our_close(s))
        return tool_connection_exit_status(&s->connection, &s->error, s->was_open,
                                           leat_websocket_get_http_status(s->ws));
    if (s->close.closed_by == LEAT_CLOSED_BY_REMOTE && !tool_close_is_normal(s->close.close_code))
        return TOOL_EXIT_CLOSED;
    if (s->options.count > 0 && s->received_count < s->options.count) {
        fprintf(stderr, "leat ws: only %llu of %u messages came\n",
                (unsigned long long)s->received_count, s->options.count);
        return TOOL_EXIT_CLOSED;
    }
    return TOOL_EXIT_OK;
}

int ws_run(struct ws *s)
{
    s->start_us = ws_now_us();
    s->json.out = stdout;
    s->signal_fd = tool_signals_catch();
    if (session_start(s) == LEAT_OK && s->is_interactive)
        run_interactive(s);
    while (s->ws && !s->ended)
        if (session_step(s, ws_input_fd(s)))
            ws_input_read(s);
    ws_flush(s);
    report_end(s);
    return end_status(s);
}

void ws_done(struct ws *s)
{
    leat_websocket_free(s->ws);
    leat_reconnect_free(s->reconnect);
    leat_timer_free(s->linger_timer);
    leat_timer_free(s->ping_timer);
    leat_timer_free(s->reconnect_timer);
    leat_timer_free(s->end_timer);
    leat_loop_free(s->loop);
    tool_connection_done(&s->connection);
    ws_input_done(s);
    ws_keep_done(s);
}
