/* SPDX-License-Identifier: Apache-2.0 */
/* Whole programs, compiled as they are with only -I and -l, and run. */
#include "ohos/common.h"
#include "support/patience.h"

#define COMPILE_TIMEOUT_MS PATIENCE_MS(20000)
#define RUN_TIMEOUT_MS     PATIENCE_MS(10000)

NDK_SUITE(programs);

/* What a build with a sanitizer needs, and "" otherwise. */
static const char sanitize_flag[] = LEAT_TEST_SANITIZE;

static const char *source_path(const char *name)
{
    return sandbox_format("%s/%s", LEAT_TEST_SOURCE_DIR, name);
}

static void run_expect(const char *const *argv, int timeout_ms, struct process **ret_process)
{
    const char *environment[] = {
        sandbox_format("LD_LIBRARY_PATH=%s", LEAT_TEST_LIBRARY_DIR),
        sandbox_format("LEAT_TEST_CA=%s", certificate_path("ca.pem")),
        "TSAN_OPTIONS=die_after_fork=0",
        NULL,
    };
    struct process *process =
        process_start(&(struct process_options){.argv = argv, .environment = environment});
    int status = process_wait(process, timeout_ms);
    char *output = file_read(process->output_path);
    char *error = file_read(process->error_path);
    cr_assert(status == 0, "%s %s: status %d\n%s\n%s", argv[0], argv[1], status, output, error);
    free(output);
    free(error);
    *ret_process = process;
}

/* Compiles one or two sources into a program. */
static const char *compile(const char *const *compiler, const char *source, const char *second)
{
    struct process *process;
    const char *program = sandbox_path("program");
    const char *argv[20] = {compiler[0], compiler[1]};
    size_t n = 2;
    argv[n++] = "-I" LEAT_TEST_INCLUDE_DIR;
    argv[n++] = source;
    if (second)
        argv[n++] = second;
    argv[n++] = "-L" LEAT_TEST_LIBRARY_DIR;
    argv[n++] = "-lnet_websocket";
    if (second)
        argv[n++] = "-lleat";
    if (sanitize_flag[0] != '\0')
        argv[n++] = sanitize_flag;
    argv[n++] = "-Wall";
    argv[n++] = "-Wextra";
    argv[n++] = "-Wpedantic";
    argv[n++] = "-Werror";
    argv[n++] = "-o";
    argv[n++] = program;
    run_expect(argv, COMPILE_TIMEOUT_MS, &process);
    return program;
}

static const char *const c11[] = {LEAT_TEST_CC, "-std=c11"};
static const char *const cpp17[] = {LEAT_TEST_CXX, "-std=c++17"};

static void output_expect(const struct process *process, const char *const *lines)
{
    char *output = file_read(process->output_path);
    for (size_t i = 0; lines[i]; i++)
        cr_expect(strstr(output, lines[i]), "no \"%s\" in:\n%s", lines[i], output);
    free(output);
}

static const char *const c_lines[] = {
    "onOpen: 101 Switching Protocols\n", "onMessage: 18 bytes: hello from the NDK\n",
    "onMessage: 3 bytes: \x01\n", "onClose: 1000 Actively Close\n", NULL};
static const char *const cpp_lines[] = {"open 101 Switching Protocols\n",
                                        "received hello from C++\n", NULL};

Test(programs, c11_as_it_is)
{
    struct process *process;
    const char *program = compile(c11, source_path("examples/ohos_ndk.c"), NULL);
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    run_expect((const char *const[]){program, url, NULL}, RUN_TIMEOUT_MS, &process);
    output_expect(process, c_lines);
}

Test(programs, c11_over_tls)
{
    struct process *process;
    const char *program =
        compile((const char *const[]){LEAT_TEST_CC, "-std=gnu11"},
                source_path("examples/ohos_ndk.c"), source_path("tests/ohos/programs/trust.c"));
    const char *url = url_of("wss", python_server_start(&tls_server), "/echo");
    run_expect((const char *const[]){program, url, NULL}, RUN_TIMEOUT_MS, &process);
    output_expect(process, c_lines);
}

static void cpp_expect(const char *second, const struct server_options *server, const char *scheme)
{
    struct process *process;
    const char *program = compile(cpp17, source_path("tests/ohos/programs/client.cpp"), second);
    const char *url = url_of(scheme, python_server_start(server), "/echo");
    run_expect((const char *const[]){program, url, NULL}, RUN_TIMEOUT_MS, &process);
    output_expect(process, cpp_lines);
}

Test(programs, cpp17_as_it_is)
{
    cpp_expect(NULL, &plain_server, "ws");
}

/* trust.c is an object by then: a C++ compiler would take it for C++. */
Test(programs, cpp17_over_tls)
{
    struct process *process;
    const char *object = sandbox_path("trust.o");
    const char *argv[] = {LEAT_TEST_CC, "-I" LEAT_TEST_INCLUDE_DIR,
                          "-c",         source_path("tests/ohos/programs/trust.c"),
                          "-o",         object,
                          NULL};
    run_expect(argv, COMPILE_TIMEOUT_MS, &process);
    cpp_expect(object, &tls_server, "wss");
}

/* ---- the end of the process ------------------------------------------------------------------ */

static void at_exit_expect(const char *url, const char *how)
{
    struct process *process;
    const char *program = compile((const char *const[]){LEAT_TEST_CC, "-std=gnu11"},
                                  source_path("tests/ohos/programs/at_exit.c"), NULL);
    run_expect((const char *const[]){program, url, how, NULL}, RUN_TIMEOUT_MS, &process);
}

Test(programs, exit_with_open_connections)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    at_exit_expect(url, "open");
}

Test(programs, exit_inside_a_callback)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    at_exit_expect(url, "inside");
}

Test(programs, exit_right_after_destroy_says_goodbye)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    struct leat_testing_seen seen;
    at_exit_expect(url_of("ws", leat_testing_server_get_port(peer), "/"), "destroyed");
    peer_content_expect(peer);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.frame_first_byte == 0x88 && seen.frame_len == 2);
    leat_testing_server_free(peer);
}

Test(programs, fork_with_an_open_connection)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    at_exit_expect(url, "fork");
}
