/* SPDX-License-Identifier: Apache-2.0 */
/* leat serve control: servers that others make, change and ask while it runs. */
#include "serve.h"

#include "exit_status.h"
#include "files.h"
#include "options.h"
#include "report.h"
#include "terminal.h"

#include <leat/testing_control.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct control_state {
    const char *host;
    uint32_t port;
    const char *unix_path;
    const char *token_path;
    const char *pcapng;
    uint32_t pcapng_mib;
    bool until_eof;
};

static const struct tool_option control_options[] = {
    {.name = "host",
     .is_usual = true,
     .argument = "ADDRESS",
     .help = "listen on this address (127.0.0.1)",
     .detail = "One that others reach needs --token-file.",
     .set = tool_set_string,
     .offset = offsetof(struct control_state, host)},
    {.name = "port",
     .letter = 'p',
     .is_usual = true,
     .argument = "PORT",
     .value = TOOL_VALUE_NUMBER,
     .help = "listen on this port (8474; 0: any free one)",
     .set = tool_set_u32,
     .offset = offsetof(struct control_state, port),
     .max = 65535},
    {.name = "unix",
     .is_usual = true,
     .argument = "PATH",
     .value = TOOL_VALUE_FILE,
     .help = "listen on a Unix socket instead",
     .set = tool_set_string,
     .offset = offsetof(struct control_state, unix_path)},
    {.name = "token-file",
     .is_usual = true,
     .argument = "FILE",
     .value = TOOL_VALUE_FILE,
     .help = "file whose first line requests must show",
     .detail = "As \"Authorization: Bearer LINE\", or as the password of Basic.",
     .set = tool_set_string,
     .offset = offsetof(struct control_state, token_path)},
    TOOL_SERVE_CAPTURE_OPTIONS(struct control_state),
    {.name = "until-eof",
     .is_usual = true,
     .help = "end with standard input too",
     .detail = "For a parent that may die: all ends when the pipe to it is closed.",
     .set = tool_set_flag,
     .offset = offsetof(struct control_state, until_eof)},
    {0},
};

static bool input_has_ended(void)
{
    char dropped[512];
    ssize_t len = read(STDIN_FILENO, dropped, sizeof(dropped));
    return len == 0 || (len < 0 && errno != EINTR && errno != EAGAIN);
}

static void control_wait(int signal_fd, bool until_eof)
{
    struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN},
                           {.fd = until_eof ? STDIN_FILENO : -1, .events = POLLIN}};
    for (bool is_over = false; !is_over;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        struct signalfd_siginfo taken; /* or it would come once signals are let through again */
        is_over = (fds[0].revents != 0 && read(signal_fd, &taken, sizeof(taken)) > 0) ||
                  (fds[1].revents != 0 && input_has_ended());
    }
}

/* A failure to listen, as that of the other servers. */
static int control_fail(const struct tool_command *command, int code, const char *text)
{
    bool is_socket = code > LEAT_E_SOCKET_BASE && code < LEAT_E_SOCKET_BASE + 200;
    struct leat_error error = {.code = is_socket ? LEAT_E_WS_PORT : code,
                               .sys_errno = is_socket ? code - LEAT_E_SOCKET_BASE : 0};
    if (code == LEAT_E_PARAMETER) {
        tool_usage_error(command, "%s", text);
        return TOOL_EXIT_USAGE;
    }
    error.layer = is_socket ? LEAT_LAYER_TCP : error.layer;
    tool_format(error.text, sizeof(error.text), "%s", text);
    tool_report_error(stderr, &error, tool_language());
    return tool_exit_status(&error, false);
}

static int control_run(const struct tool_command *command, const struct control_state *state,
                       const char *token)
{
    struct leat_testing_problem problem = {.text = "out of memory"};
    leat_testing_control *control = NULL;
    sigset_t signals = tool_serve_end_signals();
    signal(SIGPIPE, SIG_IGN);
    int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    leat_testing_capture *capture = NULL;
    int code = tool_serve_capture(state->pcapng, state->pcapng_mib, &capture, &problem);
    if (code == LEAT_OK)
        code = leat_testing_control_new(
            LEAT_TESTING_CONTROL_OPTIONS(.address = state->host, .port = (uint16_t)state->port,
                                         .unix_path = state->unix_path, .token = token,
                                         .capture = capture),
            &control, &problem);
    int status = code == LEAT_OK ? TOOL_EXIT_OK : control_fail(command, code, problem.text);
    if (code == LEAT_OK) {
        bool is_read;
        errno = 0;
        puts(leat_testing_control_get_url(control));
        status = tool_serve_flush(command, &is_read);
        if (is_read)
            control_wait(signal_fd, state->until_eof);
    }
    leat_testing_control_free(control);
    leat_testing_capture_free(capture);
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
    if (signal_fd >= 0)
        close(signal_fd);
    return status;
}

static int control_command(const struct tool_command *command, int argc, char **argv)
{
    struct control_state state = {.port = LEAT_TESTING_CONTROL_PORT};
    struct tool_line line;
    char *token = NULL;
    int status = TOOL_EXIT_USAGE;
    if (!tool_options_parse(command, argc, argv, &state, &line, &status))
        return status;
    if (state.token_path && !(token = tool_read_first_line(state.token_path))) {
        tool_usage_error(command, "cannot read %s: %s", state.token_path, strerror(errno));
        return TOOL_EXIT_USAGE;
    }
    status = control_run(command, &state, token);
    if (token)
        explicit_bzero(token, strlen(token));
    free(token);
    return status;
}

static const struct tool_section sections[] = {
    {"options", control_options, 0},
    {0},
};

static const struct tool_example examples[] = {
    {"leat serve control --port 0", "the first line is its URL"},
    {"leat serve control &\ncurl -d '{\"name\":\"p\",\"kind\":\"socks5\"}' localhost:8474/servers",
     "a proxy, made by HTTP"},
    {0},
};

const struct tool_command tool_serve_control = {
    .path = "serve control",
    .summary = "servers made and changed by HTTP and JSON as it runs",
    .detail =
        "POST /servers makes one ({\"name\":\"p\",\"kind\":\"socks5\",\"faults\":\"reply=refuse "
        "5\"}), GET "
        "lists them, PATCH /servers/p changes it, DELETE removes it; /servers/p/wait?step=reply "
        "waits, /servers/p/events?follow=1 tells what happens, /servers/p/seen counts, POST "
        "/certificates makes certificates. All of it: leat/testing_control.h.\n\n"
        "It also speaks the interface of toxiproxy 2 on the port of toxiproxy, so that clients of "
        "that work with it: POST /proxies, POST /proxies/NAME/toxics.",
    .sections = sections,
    .examples = examples,
    .run = control_command,
};
