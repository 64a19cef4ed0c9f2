/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leat in a poll(2) loop of the program's own: lines of standard input leave as messages, messages
 * come out as lines. The loop waits for two descriptors, and one of them stands for all of leat.
 *
 *     poll_loop wss://HOST/PATH [CA_FILE]
 *
 *     cc -Iinclude examples/poll_loop.c -Lbuild/release/lib -lleat -o poll_loop
 */
#include <leat/leat.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct program {
    leat_websocket *ws;
    bool open, ended, failed;
    char line[4096];
    size_t line_len;
};

static void on_opened(leat_websocket *ws, void *user)
{
    struct program *program = user;
    (void)ws;
    program->open = true;
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    (void)ws;
    (void)type;
    (void)user;
    printf("%.*s\n", (int)len, (const char *)data);
    fflush(stdout);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct program *program = user;
    (void)ws;
    program->ended = true;
    program->failed = event->error.code != LEAT_OK;
    if (program->failed)
        fprintf(stderr, "%d %s %s\n", event->error.code, leat_strerror(event->error.code),
                event->error.text);
}

static const struct leat_websocket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

/* Sends what is complete of the line buffer. A line longer than the buffer leaves in pieces. */
static void send_lines(struct program *program)
{
    char *start = program->line;
    size_t left = program->line_len;
    char *newline;

    while ((newline = memchr(start, '\n', left))) {
        size_t len = (size_t)(newline - start);
        int code = leat_websocket_send(program->ws, LEAT_MESSAGE_TEXT, start, len);
        if (code != LEAT_OK)
            fprintf(stderr, "not sent: %s\n", leat_strerror(code));
        start = newline + 1;
        left -= len + 1;
    }
    if (left == sizeof(program->line)) {
        fprintf(stderr, "not sent: the line is too long\n");
        left = 0;
    }
    memmove(program->line, start, left);
    program->line_len = left;
}

static void on_input(struct program *program)
{
    size_t held = program->line_len;
    if (held >= sizeof(program->line))
        return; /* send_lines() leaves room */
    ssize_t len = read(STDIN_FILENO, program->line + held, sizeof(program->line) - held);
    if (len > 0) {
        program->line_len += (size_t)len;
        send_lines(program);
    } else if (leat_websocket_close(program->ws, 1000, NULL) == LEAT_OK) {
        program->open = false; /* the end of input: `closed` follows */
    }
}

static int run(struct program *program, leat_loop *loop)
{
    struct pollfd fds[] = {
        {.fd = leat_loop_get_fd(loop), .events = POLLIN},
        {.fd = STDIN_FILENO, .events = POLLIN},
    };

    while (!program->ended) {
        /* Input is left where it is until the connection can take it. */
        nfds_t count = program->open ? 2 : 1;
        if (poll(fds, count, -1) < 0 && errno != EINTR)
            return LEAT_E_SOCKET_BASE + errno;
        if (count == 2 && fds[1].revents)
            on_input(program);
        int code = leat_loop_dispatch(loop, 0);
        if (code != LEAT_OK)
            return code;
    }
    return LEAT_OK;
}

static int start(struct program *program, leat_loop *loop, const char *url, const char *ca_path)
{
    leat_config *config = NULL;
    int code = leat_config_new(&config);
    if (code == LEAT_OK && ca_path)
        code = leat_config_set_ca_path(config, ca_path);
    if (code == LEAT_OK)
        code = leat_websocket_new(loop, &callbacks, program, &program->ws);
    if (code == LEAT_OK)
        code = leat_websocket_connect(program->ws, url, config);
    leat_config_free(config);
    return code;
}

int main(int argc, char **argv)
{
    struct program program = {0};
    leat_loop *loop = NULL;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s URL [CA_FILE]\n", argv[0]);
        return 2;
    }
    int code = leat_loop_new(&loop);
    if (code == LEAT_OK)
        code = start(&program, loop, argv[1], argv[2]);
    if (code == LEAT_OK)
        code = run(&program, loop);
    if (code != LEAT_OK)
        fprintf(stderr, "%d %s\n", code, leat_strerror(code));
    leat_websocket_free(program.ws);
    leat_loop_free(loop);
    return code != LEAT_OK || program.failed;
}
