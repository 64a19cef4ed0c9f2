/* SPDX-License-Identifier: Apache-2.0 */
/* leat ws: lines in, messages out, and back. The loop of leat sits in a poll(2) beside stdin. */
#include "connection.h"
#include "exit_status.h"
#include "options.h"
#include "report.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** How long answers may still come after the end of standard input. */
#define DEFAULT_LINGER_MS 1000u
#define READ_BYTES        65536u
/** The longest line that is taken as one message. */
#define LINE_MAX_BYTES ((size_t)16 << 20)

struct line_buffer {
    char *data;
    size_t len, cap;
};

struct session {
    struct tool_connection connection;
    leat_loop *loop;
    leat_websocket *ws;
    leat_timer *linger_timer;
    uint32_t linger_ms;
    bool open;
    bool blocked; /* the send queue is full: standard input waits */
    bool input_ended;
    bool closed;
    struct line_buffer input;
    struct leat_error error;
    bool failed_locally;
};

/* ---- output --------------------------------------------------------------------------- */

static void end_session(struct session *s)
{
    if (leat_websocket_close(s->ws, 1000, NULL) != LEAT_OK)
        s->closed = true;
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct session *s = user;
    (void)ws;
    if (type == LEAT_MESSAGE_TEXT) {
        fwrite(data, 1, len, stdout);
        putchar('\n');
    } else {
        fprintf(stderr, "leat ws: %zu bytes of binary message not shown\n", len);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        s->input_ended = true;
        end_session(s);
    } else if (s->input_ended) {
        leat_timer_start(s->linger_timer, s->linger_ms);
    }
}

/* ---- input ---------------------------------------------------------------------------- */

static void fail_locally(struct session *s, const char *text)
{
    fprintf(stderr, "leat ws: %s\n", text);
    s->failed_locally = true;
    s->input_ended = true;
    end_session(s);
}

/* Sends the whole lines that were read; stops when the queue is full. */
static void send_lines(struct session *s)
{
    size_t used = 0;
    while (s->open && !s->blocked && used < s->input.len) {
        const char *line = s->input.data + used;
        const char *end = memchr(line, '\n', s->input.len - used);
        if (!end && !s->input_ended)
            break;
        size_t len = end ? (size_t)(end - line) : s->input.len - used;
        int code = leat_websocket_send(s->ws, LEAT_MESSAGE_TEXT, line, len);
        if (code == LEAT_E_TLS_WRITE || code == LEAT_E_SOCKET_BASE + EAGAIN) {
            s->blocked = true;
            break;
        }
        used += len + (end != NULL);
        if (code == LEAT_E_PARAMETER)
            fprintf(stderr, "leat ws: a line that is not UTF-8 was not sent\n");
        else if (code != LEAT_OK)
            break;
    }
    memmove(s->input.data, s->input.data + used, s->input.len - used);
    s->input.len -= used;
    if (s->input_ended && s->input.len == 0 && s->open)
        leat_timer_start(s->linger_timer, s->linger_ms);
}

static bool input_reserve(struct line_buffer *input)
{
    if (input->cap - input->len >= READ_BYTES)
        return true;
    if (input->len > LINE_MAX_BYTES)
        return false;
    char *grown = realloc(input->data, input->cap + READ_BYTES);
    if (!grown)
        return false;
    input->data = grown;
    input->cap += READ_BYTES;
    return true;
}

static void read_input(struct session *s)
{
    if (!input_reserve(&s->input)) {
        fail_locally(s, "a line is too long");
        return;
    }
    ssize_t n = read(STDIN_FILENO, s->input.data + s->input.len, s->input.cap - s->input.len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0)
        perror("leat ws: standard input");
    if (n <= 0)
        s->input_ended = true;
    else
        s->input.len += (size_t)n;
    send_lines(s);
}

/* ---- events --------------------------------------------------------------------------- */

static void on_opened(leat_websocket *ws, void *user)
{
    struct session *s = user;
    (void)ws;
    s->open = true;
}

static void on_writable(leat_websocket *ws, void *user)
{
    struct session *s = user;
    (void)ws;
    s->blocked = false;
    send_lines(s);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct session *s = user;
    (void)ws;
    s->closed = true;
    s->open = false;
    s->error = event->error;
    if (event->closed_by == LEAT_CLOSED_BY_REMOTE && event->error.code == LEAT_OK)
        fprintf(stderr, "leat ws: closed by the server: %u%s%s\n", event->close_code,
                event->reason_len ? " " : "", event->reason);
}

static void on_lingered(leat_timer *timer, void *user)
{
    (void)timer;
    end_session(user);
}

static const struct leat_websocket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .opened = on_opened,
    .message = on_message,
    .writable = on_writable,
    .closed = on_closed,
};

/* ---- the command ---------------------------------------------------------------------- */

static const struct tool_option ws_options[] = {
    {.name = "linger",
     .is_usual = true,
     .argument = "TIME",
     .value = TOOL_VALUE_DURATION,
     .help = "wait for answers after the end of input (1)",
     .set = tool_set_duration_ms,
     .offset = offsetof(struct session, linger_ms)},
    {0},
};

static const struct tool_section ws_sections[] = {
    {"options", ws_options, 0},
    TOOL_CONNECTION_SECTIONS(offsetof(struct session, connection)),
    {0       },
};

static int session_start(struct session *s, const char *url)
{
    int code = leat_loop_new(&s->loop);
    if (code == LEAT_OK)
        code = leat_timer_new(s->loop, on_lingered, s, &s->linger_timer);
    if (code == LEAT_OK)
        code = leat_websocket_new(s->loop, &callbacks, s, &s->ws);
    if (code == LEAT_OK) {
        code = leat_websocket_connect(s->ws, url, s->connection.config);
        leat_websocket_get_error(s->ws, &s->error);
    }
    return code;
}

static int session_run(struct session *s)
{
    int code = LEAT_OK;
    while (code == LEAT_OK && !s->closed) {
        bool reads = s->open && !s->blocked && !s->input_ended;
        struct pollfd fds[2] = {
            {.fd = leat_loop_fd(s->loop),     .events = POLLIN},
            {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
        };
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return LEAT_E_SOCKET_BASE + errno;
        if (fds[1].revents)
            read_input(s);
        code = leat_loop_dispatch(s->loop, 0);
    }
    return code;
}

static int ws_command(const struct tool_command *command, int argc, char **argv)
{
    struct session s = {.linger_ms = DEFAULT_LINGER_MS};
    struct tool_line line;
    int status = TOOL_EXIT_FAILED;
    if (!tool_connection_init(&s.connection))
        return status;
    if (tool_options_parse(command, argc, argv, &s, &line, &status)) {
        status = TOOL_EXIT_USAGE;
        if (tool_connection_finish(&s.connection, command)) {
            int code = session_start(&s, line.arguments[0]);
            if (code == LEAT_OK)
                code = session_run(&s);
            if (code != LEAT_OK)
                s.error.code = code;
            if (s.error.code != LEAT_OK)
                tool_report_error(stderr, &s.error, tool_language());
            status = s.failed_locally ? TOOL_EXIT_FAILED : tool_exit_status(&s.error, false);
        }
    }
    leat_websocket_free(s.ws);
    leat_timer_free(s.linger_timer);
    leat_loop_free(s.loop);
    tool_connection_done(&s.connection);
    free(s.input.data);
    return status;
}

const struct tool_command tool_ws = {
    .path = "ws",
    .argument = "URL",
    .value = TOOL_VALUE_URL,
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "send lines as messages, print messages as lines",
    .sections = ws_sections,
    .run = ws_command,
};
