/* SPDX-License-Identifier: Apache-2.0 */
/* The example programs do what their comments say, run as a user runs them. */
#include "integration/common.h"
#include "support/patience.h"
#include "support/raw_socket.h"
#include "support/proxies.h"
#include "support/server_run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TestSuite(examples, .fini = sandbox_done, .timeout = 100);

#define PROGRAM_TIMEOUT_MS PATIENCE_MS(20000)
#define EXAMPLE(name)      LEAT_EXAMPLES_DIR "/" name

static struct process *program_start(const char *const *argv)
{
    return process_start(&(struct process_options){.argv = argv, .has_input = true});
}

static void program_expect_end(struct process *process, int expected_status)
{
    int status = process_wait(process, PROGRAM_TIMEOUT_MS);
    char *error = file_read(process->error_path);
    cr_expect_eq(status, expected_status, "%s ended with %d: %s", process->name, status, error);
    free(error);
}

/* Runs a program to its end and compares all that it has printed. */
static void program_expect_output(const char *const *argv, const char *expected)
{
    struct process *process = program_start(argv);
    program_expect_end(process, 0);
    char *output = file_read(process->output_path);
    cr_expect_str_eq(output, expected);
    free(output);
}

static const char *wss_echo_url(void)
{
    return url_of("wss", python_server_start(&(struct server_options){.cert = "server.pem"}),
                  "/echo");
}

static void say(struct process *process, const char *line)
{
    cr_assert_eq(write(process->input_fd, line, strlen(line)), (ssize_t)strlen(line));
}

static void end_input(struct process *process)
{
    close(process->input_fd);
    process->input_fd = -1;
}

Test(examples, echo_client)
{
    const char *url = wss_echo_url();
    const char *const argv[] = {EXAMPLE("echo_client"), url, "hello", certificate_path("ca.pem"),
                                NULL};
    program_expect_output(argv, "hello\n");
}

Test(examples, echo_client_names_the_certificate)
{
    const char *url = wss_echo_url();
    const char *const argv[] = {EXAMPLE("echo_client"), url, "hello",
                                certificate_path("unknown-ca.pem"), NULL};
    struct process *process = program_start(argv);
    program_expect_end(process, 1);
    char *error = file_read(process->error_path);
    cr_expect_eq(strncmp(error, "2303504 ", 8), 0, "%s", error);
    free(error);
}

Test(examples, echo_bench)
{
    const char *url = wss_echo_url();
    const char *proxy =
        sandbox_format("socks5h://alice:secret@127.0.0.1:%u", microsocks_start("alice", "secret"));
    const char *const argv[] = {EXAMPLE("echo_bench"), url, proxy, certificate_path("ca.pem"),
                                NULL};
    struct process *process = program_start(argv);
    program_expect_end(process, 0);
    char *output = file_read(process->output_path);
    cr_expect(strstr(output, "1000 messages of 64 bytes there and back: median "), "%s", output);
    free(output);
}

Test(examples, poll_loop)
{
    char rest[64];
    const char *url = wss_echo_url();
    const char *const argv[] = {EXAMPLE("poll_loop"), url, certificate_path("ca.pem"), NULL};
    struct process *process = program_start(argv);

    say(process, "one\ntwo\n");
    process_wait_line(process, "two", rest, sizeof(rest));
    say(process, "three\n");
    process_wait_line(process, "three", rest, sizeof(rest));
    end_input(process);
    program_expect_end(process, 0);
    char *output = file_read(process->output_path);
    cr_expect_str_eq(output, "one\ntwo\nthree\n");
    free(output);
}

/* Both loops run at once: a timer of the foreign one sends, leat's descriptor brings the answers.
 */
static void foreign_loop_expect(const char *program)
{
    const char *url = wss_echo_url();
    const char *const argv[] = {program, url, certificate_path("ca.pem"), NULL};
    if (access(program, X_OK) != 0)
        cr_skip("%s was not built: its library is not installed", program);
    program_expect_output(argv, "tick 1\ntick 2\ntick 3\n");
}

Test(examples, uv_loop)
{
    foreign_loop_expect(EXAMPLE("uv_loop"));
}

Test(examples, libevent_loop)
{
    foreign_loop_expect(EXAMPLE("libevent_loop"));
}

Test(examples, asio_loop)
{
    foreign_loop_expect(EXAMPLE("asio_loop"));
}

Test(examples, glib_loop)
{
    foreign_loop_expect(EXAMPLE("glib_loop"));
}

/* What libproxy finds is asked for on another thread: here the environment's. */
static void desktop_proxy_expect(const char *setting, const char *proxy)
{
    const char *url =
        url_of("wss", python_server_start(&(struct server_options){.cert = "server.pem"}), "/echo");
    const char *const argv[] = {EXAMPLE("desktop_proxy"), url, "hello", certificate_path("ca.pem"),
                                NULL};
    /* libproxy 0.5 keeps what it has from GLib; what leat loses is told as ever. */
    const char *leaks = sandbox_format("LSAN_OPTIONS=print_suppressions=0:suppressions=%s",
                                       sandbox_write("leaks", "leak:libglib-2.0.so\n"));
    const char *const environment[] = {
        setting, "no_proxy=", "NO_PROXY=", "XDG_CURRENT_DESKTOP=", leaks, NULL};
    if (access(argv[0], X_OK) != 0)
        cr_skip("desktop_proxy was not built: libproxy is not installed");
    struct process *process =
        process_start(&(struct process_options){.argv = argv, .environment = environment});
    program_expect_end(process, 0);
    char *output = file_read(process->output_path);
    cr_expect(strstr(output, proxy) && strstr(output, "\nhello\n"), "%s", output);
    free(output);
}

Test(examples, desktop_proxy)
{
    const char *proxy = sandbox_format("http://127.0.0.1:%u", tinyproxy_start(NULL, NULL));
    desktop_proxy_expect(sandbox_format("https_proxy=%s", proxy), proxy);
    desktop_proxy_expect("UNRELATED=1", "proxy: none\n");
}

Test(examples, reconnect_comes_back_after_a_loss)
{
    static const struct leat_script_row lost[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_RESET}};
    static const struct leat_script_row refused_for_now[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")},
        {LEAT_SCRIPT_CLOSE},
    };
    static const struct leat_script_row good[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("again"), .number = 0x81},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\x03\xe8"), .number = 0x88},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_CLOSE},
    };
    const struct leat_testing_options options = {.scripts = {lost, refused_for_now, good}};
    leat_testing_server *peer = script_server_new(&options);
    cr_assert_not_null(peer);
    const char *url = url_of("ws", leat_testing_server_get_port(peer), "/");
    const char *const argv[] = {EXAMPLE("reconnect"), url, NULL};

    struct process *process = program_start(argv);
    program_expect_end(process, 0);
    char *output = file_read(process->output_path);
    const char *expected =
        sandbox_format("connected to 127.0.0.1:%u\nconnected to "
                       "127.0.0.1:%u\nagain\n",
                       leat_testing_server_get_port(peer), leat_testing_server_get_port(peer));
    cr_expect_str_eq(output, expected);
    free(output);
    peer_content_expect(peer);
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(peer, &seen);
    cr_expect_eq(seen.connections, 3);
    leat_testing_server_free(peer);
}

Test(examples, reconnect_gives_up_where_nothing_would_change)
{
    static const struct leat_script_row forbidden[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *peer = script_server_start(forbidden);
    cr_assert_not_null(peer);
    const char *url = url_of("ws", leat_testing_server_get_port(peer), "/");
    const char *const argv[] = {EXAMPLE("reconnect"), url, NULL};

    struct process *process = program_start(argv);
    program_expect_end(process, 1);
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(peer, &seen);
    cr_expect_eq(seen.connections, 1);
    leat_testing_server_free(peer);
}

static bool one_closed(const struct server_seen *seen)
{
    return seen->closed == 1;
}

static void send_file_expect(size_t bytes)
{
    struct server_run *server =
        server_run_start(&(struct server_run_options){.cert = "server.pem"});
    const char *url = url_of("wss", server_run_port(server), "/echo");
    const char *path = sandbox_path("file");
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert_eq(ftruncate(fileno(file), (off_t)bytes), 0);
    fclose(file);
    const char *const argv[] = {EXAMPLE("send_file"), url, path, certificate_path("ca.pem"), NULL};

    program_expect_output(argv, sandbox_format("%zu bytes\n", bytes));
    struct server_seen seen;
    cr_expect(server_run_wait(server, one_closed));
    server_run_seen(server, &seen);
    cr_expect_eq(seen.messages, 1u);
    cr_expect_eq(seen.bytes, bytes);
    cr_expect_str_empty(seen.problem);
    server_run_free(server);
}

/* More than the queue holds. */
Test(examples, send_file)
{
    send_file_expect(3u << 20);
}

/* Whole parts only: the last one is empty. */
Test(examples, send_file_of_whole_parts)
{
    send_file_expect(32768);
}

Test(examples, send_file_that_is_empty)
{
    send_file_expect(0);
}

static struct process *guest_start(const char *url)
{
    const char *const argv[] = {EXAMPLE("poll_loop"), url, certificate_path("ca.pem"), NULL};
    return program_start(argv);
}

Test(examples, broadcast_server)
{
    char address[128], rest[128];
    const char *const argv[] = {EXAMPLE("broadcast_server"), "0", certificate_path("server.pem"),
                                certificate_path("server.key"), NULL};
    struct process *server = program_start(argv);
    process_wait_line(server, "listening on ", address, sizeof(address));
    const char *room = sandbox_format("%s/room", address);
    const char *other = sandbox_format("%s/other", address);

    /* Who has heard himself is in the room. */
    struct process *ann = guest_start(room), *bob = guest_start(room), *eve = guest_start(other);
    say(ann, "ann is here\n");
    process_wait_line(ann, "ann is here", rest, sizeof(rest));
    say(bob, "bob is here\n");
    process_wait_line(bob, "bob is here", rest, sizeof(rest));
    say(ann, "hello\n");
    process_wait_line(bob, "hello", rest, sizeof(rest));
    process_wait_line(ann, "hello", rest, sizeof(rest));
    say(eve, "is anybody here?\n");
    process_wait_line(eve, "is anybody here?", rest, sizeof(rest));

    cr_assert_eq(kill(server->pid, SIGTERM), 0);
    program_expect_end(server, 0);
    program_expect_end(ann, 0);
    program_expect_end(bob, 0);
    program_expect_end(eve, 0);
    char *heard = file_read(eve->output_path);
    cr_expect_str_eq(heard, "is anybody here?\n");
    free(heard);
}

/* What an operator asks, by a socket: nothing of leat is at that end. */
static void http_expect(const char *url, const char *target, const char *text)
{
    char answer[8192] = "";
    unsigned port = (unsigned)strtoul(strrchr(url, ':') + 1, NULL, 10);
    int fd = raw_connect(NULL, (uint16_t)port);
    const char *request =
        sandbox_format("GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", target);
    cr_assert(raw_send(fd, request, strlen(request)));
    cr_expect(raw_recv_until(fd, text, answer, sizeof(answer)), "%s: %s", target, answer);
    close(fd);
}

Test(examples, metrics_server)
{
    char address[128], rest[128];
    const char *const argv[] = {EXAMPLE("metrics_server"), "0", NULL};
    const char *const guest_argv[] = {EXAMPLE("poll_loop"), NULL, NULL};
    struct process *server = program_start(argv);
    process_wait_line(server, "listening on ", address, sizeof(address));
    const char *const with_url[] = {guest_argv[0], address, NULL};
    struct process *guest = program_start(with_url);
    say(guest, "hello\n");
    process_wait_line(guest, "hello", rest, sizeof(rest));
    http_expect(address, "/metrics", "\nleat_open 1\n");
    http_expect(address, "/metrics", "\nleat_received_bytes_total 5\n");
    http_expect(address, "/healthz", "\r\n\r\nok\n");
    http_expect(address, "/elsewhere", "404 Not Found");
    cr_assert_eq(kill(server->pid, SIGTERM), 0);
    program_expect_end(server, 0);
    program_expect_end(guest, 0);
}
