/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings and their replay, by plain sockets; with real clients: tests/cli/replay.py. */
#include "support/alloc_failure.h"
#include "testing/rig.h"

#include <leat/testing_control.h>
#include <leat/testing_recording.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(testing_replay, .init = rig_folder_make, .fini = rig_folder_remove);

#define HEAD "{\"leat_recording\":1,\"kind\":\"tcp\",\"address\":\"127.0.0.1:1\",\"tls\":false}\n"

static void recording_write(const char *text)
{
    FILE *file = fopen(rig_path, "w");
    cr_assert(file);
    cr_assert(fputs(text, file) >= 0);
    cr_assert(fclose(file) == 0);
}

static char *recording_read(void)
{
    static char text[1 << 20];
    FILE *file = fopen(rig_path, "r");
    cr_assert(file);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

#define REPLAY(...)                                                                                \
    rig_start(                                                                                     \
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_REPLAY, .replay_path = rig_path, __VA_ARGS__))

static int client_of(const leat_testing_server *server)
{
    int fd = raw_connect("127.0.0.1", leat_testing_server_get_port(server));
    cr_assert(fd >= 0);
    return fd;
}

/* What was wrong with the clients of a server, once they are gone. Static. */
static const char *problem_of(leat_testing_server *server)
{
    static struct leat_testing_seen seen;
    cr_assert(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
    leat_testing_server_get_seen(server, &seen);
    return seen.problem;
}

/* ---- there and back -------------------------------------------------------------------------- */

/* Speaks SOCKS5 with a proxy in front of a greeter. */
static void greeter_visit(const leat_testing_server *proxy, uint16_t port)
{
    struct rig_output output;
    int fd = rig_socks5(proxy, port, 0);
    rig_read(fd, &output);
    close(fd);
    cr_expect(output.len == strlen(RIG_GREETING) &&
              memcmp(output.data, RIG_GREETING, output.len) == 0);
}

Test(testing_replay, what_was_recorded_is_said_again_without_the_destination)
{
    leat_testing_server *greeter = rig_greeter();
    uint16_t port = leat_testing_server_get_port(greeter);
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .record_path = rig_path));
    greeter_visit(proxy, port);
    greeter_visit(proxy, port);
    cr_assert(leat_testing_server_wait_idle(proxy, RIG_WAIT_MS));
    cr_expect(leat_testing_server_get_unrecorded(proxy) == 0);
    leat_testing_server_free(proxy);
    leat_testing_server_free(greeter);
    struct stat st;
    cr_assert(stat(rig_path, &st) == 0);
    cr_expect((st.st_mode & 0777) == 0600);

    leat_testing_server *replay = REPLAY();
    cr_expect(strncmp(leat_testing_server_get_url(replay), "socks5h://", 10) == 0);
    for (int i = 0; i < 3; ++i) /* the third has the first one's again */
        greeter_visit(replay, port);
    cr_expect_str_eq(problem_of(replay), "");
    cr_expect(leat_testing_server_wait_step(replay, "method", 3, 0));
    cr_expect(leat_testing_server_wait_step(replay, "send", 3, 0));
    leat_testing_server_free(replay);
}

Test(testing_replay, a_recording_of_a_replay_is_the_same)
{
    static char again_path[80];
    recording_write(HEAD "{\"time_ms\":0,\"connection\":1,\"client\":\"a\"}\n"
                         "{\"time_ms\":1,\"connection\":1,\"server_hex\":\"00ff0d0a\"}\n"
                         "{\"time_ms\":2,\"connection\":1,\"server_end\":\"fin\"}\n");
    snprintf(again_path, sizeof(again_path), "%s.again", rig_path);
    leat_testing_server *replay = REPLAY(.record_path = again_path);
    int fd = client_of(replay);
    RIG_SEND(fd, "a");
    RIG_EXPECT(fd, "\x00\xff\r\n");
    close(fd);
    cr_expect_str_eq(problem_of(replay), "");
    leat_testing_server_free(replay);
    cr_assert(rename(again_path, rig_path) == 0);
    char *text = recording_read();
    cr_expect(strstr(text, "\"kind\":\"tcp\""), "%s", text); /* as the first one */
    cr_expect(strstr(text, "\"client\":\"a\"") && strstr(text, "\"server_hex\":\"00ff0d0a\"") &&
                  strstr(text, "\"server_end\":\"fin\""),
              "%s", text);
    replay = REPLAY(.faults = "send=delay 1");
    leat_testing_server_free(replay);
}

Test(testing_replay, a_reset_is_one_again)
{
    struct rig_output output;
    recording_write(HEAD "{\"time_ms\":0,\"connection\":1,\"server\":\"bye\"}\n"
                         "{\"time_ms\":2,\"connection\":1,\"server_end\":\"reset\"}\n");
    leat_testing_server *replay = REPLAY();
    int fd = client_of(replay);
    rig_read(fd, &output);
    close(fd);
    cr_expect(output.len == 3 && output.end == ECONNRESET, "%d", output.end);
    leat_testing_server_free(replay);
}

Test(testing_replay, the_client_ends_first_and_gets_the_rest)
{
    struct rig_output output;
    recording_write(HEAD "{\"time_ms\":0,\"connection\":1,\"client\":\"all\"}\n"
                         "{\"time_ms\":1,\"connection\":1,\"client_end\":\"fin\"}\n"
                         "{\"time_ms\":2,\"connection\":1,\"server\":\"got it\"}\n"
                         "{\"time_ms\":3,\"connection\":1,\"server_end\":\"fin\"}\n");
    leat_testing_server *replay = REPLAY();
    int fd = client_of(replay);
    RIG_SEND(fd, "all");
    cr_assert(shutdown(fd, SHUT_WR) == 0);
    rig_read(fd, &output);
    close(fd);
    cr_expect(output.len == 6 && output.end == 0);
    cr_expect_str_eq(problem_of(replay), "");
    leat_testing_server_free(replay);
}

Test(testing_replay, it_takes_as_long_as_then)
{
    recording_write(HEAD "{\"time_ms\":1000,\"connection\":1,\"client\":\"a\"}\n"
                         "{\"time_ms\":1120,\"connection\":1,\"server\":\"b\"}\n"
                         "{\"time_ms\":1240.5,\"connection\":1,\"server\":\"c\"}\n");
    leat_testing_server *replay = REPLAY(.keeps_times = true);
    int fd = client_of(replay);
    RIG_SEND(fd, "a");
    RIG_EXPECT(fd, "bc");
    close(fd);
    cr_assert(leat_testing_server_wait_idle(replay, RIG_WAIT_MS));
    struct leat_testing_event end = {0};
    for (size_t i = 0; leat_testing_server_get_event(replay, i, &end); ++i) {
    }
    cr_expect(end.time_us >= 240000, "%llu", (unsigned long long)end.time_us);
    leat_testing_server_free(replay);
}

/* ---- faults ---------------------------------------------------------------------------------- */

#define TWO_ANSWERS                                                                                \
    HEAD "{\"time_ms\":0,\"connection\":1,\"step\":\"accept\"}\n"                                  \
         "{\"time_ms\":0,\"connection\":1,\"client\":\"one\"}\n"                                   \
         "{\"time_ms\":1,\"connection\":1,\"server\":\"eins\"}\n"                                  \
         "{\"time_ms\":2,\"connection\":1,\"client\":\"two\"}\n"                                   \
         "{\"time_ms\":3,\"connection\":1,\"server\":\"zwei\"}\n"

Test(testing_replay, one_fault_in_it)
{
    struct rig_output output;
    recording_write(TWO_ANSWERS);
    leat_testing_server *replay = REPLAY(.faults = "send#2=truncate 2;then=reset");
    int fd = client_of(replay);
    RIG_SEND(fd, "one");
    RIG_EXPECT(fd, "eins");
    RIG_SEND(fd, "two");
    rig_read(fd, &output);
    close(fd);
    cr_expect(output.len == 2 && memcmp(output.data, "zw", 2) == 0 && output.end == ECONNRESET);
    cr_expect(leat_testing_server_set_faults(replay, "send#1=\"drei\"", NULL) == LEAT_OK);
    fd = client_of(replay);
    RIG_SEND(fd, "one");
    RIG_EXPECT(fd, "drei");
    RIG_SEND(fd, "two");
    RIG_EXPECT(fd, "zwei");
    close(fd);
    leat_testing_server_free(replay);
}

Test(testing_replay, faults_that_it_cannot_have)
{
    static const char *const faults[][2] = {
        {"message=skip", "no step message, but accept send"},
        {"send=refuse", "no refusal of its own"},
        {"tls=close", "without TLS"},
        {"datagram=skip", "no step datagram"},
    };
    recording_write(TWO_ANSWERS);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); ++i) {
        struct leat_testing_problem problem = {0};
        leat_testing_server *server = NULL;
        int code = leat_testing_server_new(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_REPLAY,
                                                                .replay_path = rig_path,
                                                                .faults = faults[i][0]),
                                           &server, &problem);
        cr_expect(code == LEAT_E_PARAMETER);
        cr_expect(strstr(problem.text, faults[i][1]), "%s", problem.text);
    }
}

/* ---- clients that differ --------------------------------------------------------------------- */

static const char *difference_of(enum leat_testing_match match, const char *says)
{
    static char problem[256];
    struct rig_output output;
    leat_testing_server *replay = REPLAY(.match = match);
    int fd = client_of(replay);
    cr_assert(raw_send(fd, says, strlen(says)));
    shutdown(fd, SHUT_WR);
    rig_read(fd, &output);
    close(fd);
    snprintf(problem, sizeof(problem), "%s", problem_of(replay));
    leat_testing_server_free(replay);
    return problem;
}

Test(testing_replay, bytes_that_differ)
{
    recording_write(TWO_ANSWERS);
    cr_expect_str_eq(difference_of(LEAT_TESTING_MATCH_MESSAGES, "onetwo"), "");
    cr_expect_str_eq(difference_of(LEAT_TESTING_MATCH_EXACT, "onetwo"), "");
    cr_expect_str_eq(difference_of(LEAT_TESTING_MATCH_ANY, "123456"), "");
    cr_expect_str_eq(
        difference_of(LEAT_TESTING_MATCH_MESSAGES, "onetWo"),
        "line 5: the client differs: its byte 2 is 57 where 77 was recorded, behind \"t\"");
    cr_expect_str_eq(difference_of(LEAT_TESTING_MATCH_MESSAGES, "onetw"),
                     "line 5: the client has ended after 2 of the 3 bytes that it sent then");
    cr_expect_str_eq(difference_of(LEAT_TESTING_MATCH_MESSAGES, "onetwo!"),
                     "the end: the client says more than then: \"!\"");
    cr_expect_str_eq(difference_of(LEAT_TESTING_MATCH_ANY, "123456789"), "");
}

#define WITH_HEAD                                                                                  \
    HEAD "{\"time_ms\":0,\"connection\":1,\"client\":\"GET /x HTTP/1.1\\r\\nHost: a.test:1\\r\\n"  \
         "User-Agent: one\\r\\nAccept: */*\\r\\nProxy-Authorization: Digest x\\r\\n\\r\\n\"}\n"    \
         "{\"time_ms\":1,\"connection\":1,\"server\":\"ok\"}\n"

Test(testing_replay, heads_that_differ)
{
    enum leat_testing_match messages = LEAT_TESTING_MATCH_MESSAGES;
    recording_write(WITH_HEAD);
    cr_expect_str_eq(difference_of(messages,
                                   "GET /x HTTP/1.1\r\naccept:  */*\r\nUser-Agent: two\r\n"
                                   "Host: a.test:22222\r\nProxy-Authorization: Digest y\r\n\r\n"),
                     "");
    cr_expect_str_eq(difference_of(LEAT_TESTING_MATCH_ANY, "POST / HTTP/1.0\r\n\r\n"), "");
    cr_expect_str_eq(
        difference_of(messages, "GET /y HTTP/1.1\r\nHost: a.test:1\r\n\r\n"),
        "line 2: the client says \"GET /y HTTP/1.1\" where it said \"GET /x HTTP/1.1\"");
    cr_expect_str_eq(
        difference_of(messages, "GET /x HTTP/1.1\r\nHost: b.test:1\r\nAccept: */*\r\n\r\n"),
        "line 2: the client does not say \"Host: a.test:1\"");
    cr_expect_str_eq(difference_of(messages, "GET /x HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n"
                                             "Accept: */*\r\n\r\n"),
                     "line 2: the client says \"Accept: */*\", which it did not then");
    cr_expect(
        strstr(difference_of(LEAT_TESTING_MATCH_EXACT, "GET /x HTTP/1.1\r\nhost: a.test:1\r\n\r\n"),
               "its byte 18 is 68 where 48"));
    cr_expect(strstr(difference_of(messages, "GET /x HT"), "line 2: no whole head") ||
              strstr(difference_of(messages, "GET /x HT"), "no whole HTTP head"));
}

Test(testing_replay, tls_that_was_only_carried_is_told)
{
    recording_write(HEAD
                    "{\"time_ms\":0,\"connection\":1,\"client_hex\":\"16030100050100000155\"}\n");
    cr_expect(strstr(difference_of(LEAT_TESTING_MATCH_MESSAGES, "\x16\x03\x01\x01\x05\x01"),
                     "line 2: TLS with somebody else begins here"));
}

/* ---- WebSocket ------------------------------------------------------------------------------- */

/* RFC 6455 section 1.3 for the recorded key; the other one's was computed by hand. */
#define WITH_FRAMES                                                                                \
    "{\"leat_recording\":1,\"kind\":\"websocket\",\"tls\":false}\n"                                \
    "{\"time_ms\":0,\"connection\":7,\"client\":\"GET / HTTP/1.1\\r\\nUpgrade: websocket\\r\\n"    \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n\"}\n"                                 \
    "{\"time_ms\":1,\"connection\":7,\"server\":\"HTTP/1.1 101 Yes\\r\\nSec-WebSocket-Accept: "    \
    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\\r\\n\"}\n"                                                \
    "{\"time_ms\":2,\"connection\":7,\"client_hex\":\"8182010203\"}\n"                             \
    "{\"time_ms\":3,\"connection\":7,\"client_hex\":\"046969\"}\n"                                 \
    "{\"time_ms\":4,\"connection\":7,\"server_hex\":\"81026869\"}\n"

Test(testing_replay, another_key_gets_its_own_accept_and_masks_may_differ)
{
    static const char *const expected = "HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: "
                                        "HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n";
    recording_write(WITH_FRAMES);
    leat_testing_server *replay = REPLAY();
    int fd = client_of(replay);
    RIG_SEND(fd, "GET / HTTP/1.1\r\nUpgrade: websocket\r\n"
                 "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n");
    rig_expect(fd, expected, strlen(expected));
    RIG_SEND(fd, "\x81\x82\x00\x00\x00\x00hk"); /* 69 ^ 01, 69 ^ 02 */
    RIG_EXPECT(fd, "\x81\x02hi");
    close(fd);
    cr_expect_str_eq(problem_of(replay), "");
    leat_testing_server_free(replay);
    cr_expect(strstr(difference_of(LEAT_TESTING_MATCH_MESSAGES,
                                   "GET / HTTP/1.1\r\nUpgrade: websocket\r\n"
                                   "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n"
                                   "\x82\x82\x01\x01\x01\x01ij"),
                     "line 4: the client's frame begins with 82 where 81"));
}

/* ---- files that are wrong -------------------------------------------------------------------- */

#define LINE "{\"time_ms\":1,\"connection\":1,"

Test(testing_replay, files_that_are_refused)
{
    static const char *const files[][2] = {
        {"", "it is empty"},
        {"\n \n", "it is empty"},
        {"{}\n", "line 1: this is no recording"},
        {"{\"leat_recording\":2,\"kind\":\"tcp\"}\n", "line 1: a recording of version 2"},
        {"{\"leat_recording\":1,\"kind\":\"ftp\"}\n", "line 1: kind"},
        {"{\"leat_recording\":1,\"kind\":\"replay\"}\n", "line 1: kind"},
        {"\x7f"
         "ELF\x02\x01",
         "line 1: JSON"},
        {HEAD, "no connection in it"},
        {HEAD "[]\n", "line 2: it is a JSON object"},
        {HEAD "{\"time_ms\":1,\n", "line 2: JSON"},
        {HEAD LINE "\"client\":\"a\"}{}\n", "line 2: JSON"},
        {HEAD LINE "\"clients\":\"a\"}\n", "line 2: there is no member clients"},
        {HEAD LINE "\"client\":1}\n", "line 2: client is a string"},
        {HEAD LINE "\"client\":\"a\",\"server\":\"b\"}\n", "line 2: client and server in one line"},
        {HEAD LINE "\"text\":\"a\"}\n", "line 2: neither"},
        {HEAD LINE "\"client\":\"\",\"text\":\"a\"}\n", "line 2: text belongs"},
        {HEAD LINE "\"client_hex\":\"0\"}\n", "line 2: client_hex has half a byte"},
        {HEAD LINE "\"server_hex\":\"00g0\"}\n", "line 2: server_hex: character 3 is"},
        {HEAD LINE "\"step\":\"datagram\"}\n", "line 2: there is no step datagram"},
        {HEAD LINE "\"step\":\"\"}\n", "line 2: there is no step"},
        {HEAD LINE "\"client_end\":\"now\"}\n", "line 2: client_end is fin or reset"},
        {HEAD "{\"time_ms\":-1,\"connection\":1,\"client\":\"\"}\n", "line 2: time_ms"},
        {HEAD "{\"time_ms\":1e300,\"connection\":1,\"client\":\"\"}\n", "line 2: time_ms"},
        {HEAD "{\"connection\":1,\"client\":\"\"}\n", "line 2: time_ms"},
        {HEAD "{\"time_ms\":1,\"connection\":0,\"client\":\"\"}\n", "line 2: connection"},
        {HEAD "{\"time_ms\":1,\"connection\":65536,\"client\":\"\"}\n", "line 2: connection"},
        {HEAD "{\"time_ms\":1,\"connection\":1.5,\"client\":\"\"}\n", "line 2: connection"},
        {HEAD LINE "\"client\":\"\"}\n\n{\"time_ms\":0,\"connection\":1,\"client\":\"\"}\n",
         "line 4: time_ms is before"},
        {HEAD LINE "\"server_end\":\"fin\"}\n" LINE "\"step\":\"head\"}\n" LINE
                   "\"server\":\"x\"}\n",
         "line 4: the server of connection has ended in line 2"},
        {HEAD LINE "\"client_end\":\"fin\"}\n" LINE "\"client_end\":\"fin\"}\n",
         "line 3: the client"},
        {HEAD "{\"full\":false}\n", "line 2: full is true"},
        {HEAD "{\"full\":true}\n" LINE "\"client\":\"\"}\n", "line 3: something behind"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); ++i) {
        struct leat_testing_problem problem = {0};
        leat_testing_server *server = NULL;
        recording_write(files[i][0]);
        int code = leat_testing_server_new(
            LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_REPLAY, .replay_path = rig_path), &server,
            &problem);
        cr_expect(code == LEAT_E_PARAMETER, "%s", files[i][0]);
        cr_expect(strstr(problem.text, files[i][1]), "%s instead of %s", problem.text, files[i][1]);
        cr_expect(strstr(problem.text, rig_path), "%s", problem.text);
    }
}

Test(testing_replay, paths_that_are_refused)
{
    struct leat_testing_problem problem = {0};
    leat_testing_server *server = NULL;
    struct leat_testing_options options = {.size = sizeof(options), .kind = LEAT_TESTING_REPLAY};
    cr_expect(leat_testing_server_new(&options, &server, &problem) == LEAT_E_PARAMETER);
    cr_expect(strstr(problem.text, "a replay needs a recording"), "%s", problem.text);
    options.replay_path = "/nowhere/file";
    cr_expect(leat_testing_server_new(&options, &server, &problem) == LEAT_E_SOCKET_BASE + ENOENT);
    cr_assert(mkfifo(rig_path, 0600) == 0); /* which nobody writes to */
    options.replay_path = rig_path;
    cr_expect(leat_testing_server_new(&options, &server, &problem) == LEAT_E_PARAMETER);
    cr_expect(strstr(problem.text, "not a regular file"), "%s", problem.text);
    options = (struct leat_testing_options){
        .size = sizeof(options), .kind = LEAT_TESTING_CONNECT, .record_path = rig_path};
    cr_expect(leat_testing_server_new(&options, &server, &problem) == LEAT_E_SOCKET_BASE + ENXIO);
    cr_expect(strstr(problem.text, "cannot record to"), "%s", problem.text);
    options.replay_path = rig_path;
    cr_expect(leat_testing_server_new(&options, &server, &problem) == LEAT_E_PARAMETER);
    options = (struct leat_testing_options){.size = sizeof(options),
                                            .kind = LEAT_TESTING_UDP,
                                            .to = "127.0.0.1:9",
                                            .record_path = rig_path};
    cr_expect(leat_testing_server_new(&options, &server, &problem) == LEAT_E_PARAMETER);
    cr_expect(strstr(problem.text, "datagrams cannot be recorded"), "%s", problem.text);
    cr_expect_null(server);
}

Test(testing_replay, of_a_full_recording_the_end_is_missing)
{
    recording_write(TWO_ANSWERS "{\"full\":true}\n");
    cr_expect_str_eq(difference_of(LEAT_TESTING_MATCH_MESSAGES, "onetwo"),
                     "the recording was full here");
}

Test(testing_replay, a_disk_that_is_full_ends_it_with_a_whole_line)
{
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .record_path = rig_path));
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = 600;
    cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    for (int i = 0; i < 10; ++i) {
        struct rig_output output;
        int fd = client_of(server);
        RIG_SEND(fd, "GET / HTTP/1.1\r\n\r\n");
        rig_read(fd, &output);
        close(fd);
        cr_assert(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
    }
    cr_expect(leat_testing_server_get_unrecorded(server) > 0);
    leat_testing_server_free(server);
    char *text = recording_read();
    cr_expect(strlen(text) > 100 && text[strlen(text) - 1] == '\n', "%s", text);
    server = REPLAY();
    leat_testing_server_free(server);
}

/* ---- memory, forks, JSON --------------------------------------------------------------------- */

static bool replay_attempt(void)
{
    leat_testing_server *server = NULL;
    int code = leat_testing_server_new(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_REPLAY, .replay_path = rig_path), &server, NULL);
    leat_testing_server_free(server);
    cr_expect(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    return code == LEAT_OK;
}

Test(testing_replay, without_memory)
{
    recording_write(WITH_FRAMES);
    cr_expect(alloc_failure_run_all(replay_attempt) >= 20);
}

Test(testing_replay, a_child_leaves_it_alone)
{
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .record_path = rig_path));
    struct stat before, after;
    cr_assert(stat(rig_path, &before) == 0);
    pid_t child = fork();
    if (child == 0) {
        bool is_nothing = leat_testing_server_get_unrecorded(server) == 0;
        leat_testing_server_free(server);
        _exit(is_nothing ? 0 : 1);
    }
    int status = -1;
    cr_assert(waitpid(child, &status, 0) == child);
    cr_expect(status == 0);
    cr_assert(stat(rig_path, &after) == 0);
    cr_expect(before.st_size == after.st_size);
    leat_testing_server_free(server);
}

Test(testing_replay, by_json)
{
    struct leat_testing_problem problem = {0};
    leat_testing_server *server = NULL;
    char json[256];
    recording_write(TWO_ANSWERS);
    snprintf(json, sizeof(json),
             "{\"kind\":\"replay\",\"replay\":\"%s\",\"match\":\"any\",\"keep_times\":true}",
             rig_path);
    cr_assert(leat_testing_server_new_json(json, SIZE_MAX, NULL, &server, &problem) == LEAT_OK,
              "%s", problem.text);
    int fd = client_of(server);
    RIG_SEND(fd, "???");
    RIG_EXPECT(fd, "eins");
    close(fd);
    leat_testing_server_free(server);
    server = NULL;
    cr_expect(leat_testing_server_new_json("{\"kind\":\"replay\"}", SIZE_MAX, NULL, &server,
                                           &problem) == LEAT_E_PARAMETER);
    cr_expect(strncmp(problem.text, "replay: ", 8) == 0, "%s", problem.text);
    cr_expect(leat_testing_server_new_json("{\"kind\":\"echo\",\"record\":\"/nowhere/x\"}",
                                           SIZE_MAX, NULL, &server,
                                           &problem) == LEAT_E_SOCKET_BASE + ENOENT);
    cr_expect(strncmp(problem.text, "record: ", 8) == 0, "%s", problem.text);
}
