/* SPDX-License-Identifier: Apache-2.0 */
/* Captures and diagrams, by their C interface; what is in the files: tests/cli/capture.py. */
#include "support/alloc_failure.h"
#include "testing/rig.h"

#include <leat/testing_capture.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(testing_capture, .init = rig_folder_make, .fini = rig_folder_remove);

/* Says something to a server and waits for its end. */
static void server_use(leat_testing_server *server)
{
    struct rig_output output;
    int fd = raw_connect("127.0.0.1", leat_testing_server_get_port(server));
    cr_assert(fd >= 0);
    RIG_SEND(fd, "GET / HTTP/1.1\r\n\r\n");
    rig_read(fd, &output);
    close(fd);
    cr_assert(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
}

Test(testing_capture, two_servers_in_one_file)
{
    leat_testing_capture *capture = NULL;
    cr_assert(leat_testing_capture_new(rig_path, 0, &capture, NULL) == LEAT_OK);
    leat_testing_server *servers[2];
    for (size_t i = 0; i < 2; ++i) {
        servers[i] =
            rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .capture = capture));
        uint64_t before = leat_testing_capture_get_packets(capture);
        server_use(servers[i]);
        cr_expect(leat_testing_capture_get_packets(capture) >= before + 3 + 2 + 2);
    }
    cr_expect(leat_testing_capture_get_dropped(capture) == 0);
    leat_testing_server_free(servers[0]);
    leat_testing_server_free(servers[1]);
    leat_testing_capture_free(capture);
}

Test(testing_capture, behind_the_limit_nothing_is_written)
{
    leat_testing_capture *capture = NULL;
    struct stat st;
    cr_assert(leat_testing_capture_new(rig_path, LEAT_TESTING_CAPTURE_BYTES_MIN, &capture, NULL) ==
              LEAT_OK);
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .capture = capture));
    for (int i = 0; i < 20; ++i)
        server_use(server);
    leat_testing_server_free(server);
    cr_expect(leat_testing_capture_get_dropped(capture) > 0);
    cr_assert(stat(rig_path, &st) == 0);
    cr_expect(st.st_size <= (off_t)LEAT_TESTING_CAPTURE_BYTES_MIN);
    leat_testing_capture_free(capture);
}

Test(testing_capture, what_is_refused)
{
    struct leat_testing_problem problem = {0};
    leat_testing_capture *capture = NULL;
    cr_expect(leat_testing_capture_new(rig_path, 1, &capture, &problem) == LEAT_E_PARAMETER);
    cr_expect(strstr(problem.text, "limit"), "%s", problem.text);
    cr_expect(leat_testing_capture_new("/nowhere/file", 0, &capture, &problem) ==
              LEAT_E_SOCKET_BASE + ENOENT);
    cr_expect(strstr(problem.text, "/nowhere/file"), "%s", problem.text);
    cr_assert(mkfifo(rig_path, 0600) == 0); /* which nobody reads */
    cr_expect(leat_testing_capture_new(rig_path, 0, &capture, &problem) ==
              LEAT_E_SOCKET_BASE + ENXIO);
    cr_expect(leat_testing_capture_new("/dev/null", 0, &capture, &problem) == LEAT_E_PARAMETER);
    cr_expect_null(capture);
}

static bool capture_attempt(void)
{
    leat_testing_capture *capture = NULL;
    int code = leat_testing_capture_new(rig_path, 0, &capture, NULL);
    leat_testing_capture_free(capture);
    cr_expect(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    return code == LEAT_OK;
}

Test(testing_capture, without_memory)
{
    cr_expect(alloc_failure_run_all(capture_attempt) >= 3);
}

Test(testing_capture, a_child_leaves_it_alone)
{
    leat_testing_capture *capture = NULL;
    cr_assert(leat_testing_capture_new(rig_path, 0, &capture, NULL) == LEAT_OK);
    struct stat before, after;
    cr_assert(stat(rig_path, &before) == 0);
    pid_t child = fork();
    if (child == 0) {
        leat_testing_capture_free(capture);
        _exit(leat_testing_capture_get_packets(NULL) == 0 ? 0 : 1);
    }
    int status = -1;
    cr_assert(waitpid(child, &status, 0) == child);
    cr_expect(status == 0);
    cr_assert(stat(rig_path, &after) == 0);
    cr_expect(after.st_size == before.st_size);
    leat_testing_capture_free(capture);
}

Test(testing_capture, diagram)
{
    char text[4096] = "";
    leat_testing_server *server = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET));
    server_use(server);
    cr_assert(leat_testing_server_save_diagram(server, rig_path, NULL) == LEAT_OK);
    FILE *file = fopen(rig_path, "r");
    cr_assert(file);
    cr_assert(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    cr_expect(strncmp(text, "sequenceDiagram\n    participant c1 as client 1\n", 47) == 0, "%s",
              text);
    cr_expect(strstr(text, "    c1->>s: head GET / HTTP/1.1 ["), "%s", text);
    struct leat_testing_problem problem = {0};
    cr_expect(leat_testing_server_save_diagram(server, "/nowhere/file", &problem) ==
              LEAT_E_SOCKET_BASE + ENOENT);
    cr_expect(strstr(problem.text, "/nowhere/file"), "%s", problem.text);
    leat_testing_server_free(server);
}
