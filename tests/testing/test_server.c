/* SPDX-License-Identifier: Apache-2.0 */
/* What all kinds have in common: options, addresses, waiting, the log, the end. */
#include "testing/rig.h"

#include "support/alloc_failure.h"
#include "support/certificates.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

TestSuite(server, .fini = sandbox_done, .timeout = 60);

/* ---- options --------------------------------------------------------------------------------- */

static void refusal_expect(const struct leat_testing_options *options, int code, const char *detail)
{
    leat_testing_server *server = NULL;
    struct leat_testing_problem problem = {0};
    cr_expect(leat_testing_server_new(options, &server, &problem) == code);
    cr_expect(!server);
    cr_expect(strstr(problem.text, detail), "%s, not: %s", detail, problem.text);
    cr_expect(leat_testing_server_new(options, &server, NULL) == code);
}
#define REFUSAL_EXPECT(detail, ...)                                                                \
    refusal_expect(LEAT_TESTING_OPTIONS(__VA_ARGS__), LEAT_E_PARAMETER, detail)

Test(server, refuses_options)
{
    static const struct leat_testing_name bad_name[] = {{"a.test", "nowhere"}, {NULL, NULL}};
    static const struct leat_testing_fault bad_step[] = {
        {.step = (enum leat_testing_step)99, .action = LEAT_TESTING_ACTION_CLOSE}};
    static const struct leat_testing_fault bad_action[] = {
        {.step = LEAT_TESTING_STEP_ACCEPT, .action = (enum leat_testing_action)99}};
    static const struct leat_testing_fault no_bytes[] = {
        {.step = LEAT_TESTING_STEP_ACCEPT, .action = LEAT_TESTING_ACTION_BYTES, .len = 1}};
    static const struct leat_testing_message long_ping = {
        LEAT_TESTING_MESSAGE_PING,
        "0123456789012345678901234567890123456789012345678901234567890123456789"
        "01234567890123456789012345678901234567890123456789012345",
        126};
    static const struct leat_testing_message no_type = {(enum leat_testing_message_type)3, "", 0};
    static const struct leat_testing_message no_data = {LEAT_TESTING_MESSAGE_TEXT, NULL, 1};
    const struct leat_testing_tls missing = {.cert_path = "/nowhere/a.pem", .key_path = "/b.pem"};
    const struct leat_testing_tls wrong_key = {.cert_path = certificate_path("server.pem"),
                                               .key_path = certificate_path("client.key")};
    const struct leat_testing_tls nothing = {.cert_path = NULL};

    refusal_expect(NULL, LEAT_E_PARAMETER, "options are missing");
    refusal_expect(&(struct leat_testing_options){.size = 0}, LEAT_E_PARAMETER,
                   "options are missing");
    REFUSAL_EXPECT("fewer messages than 1", .kind = LEAT_TESTING_WEBSOCKET, .message_count = 1);
    REFUSAL_EXPECT("fewer faults than 1", .fault_count = 1);
    REFUSAL_EXPECT("no kind of server number 10", .kind = (enum leat_testing_kind)10);
    REFUSAL_EXPECT("localhost is not an IPv4 or IPv6 address", .address = "localhost");
    REFUSAL_EXPECT("user and password", .user = "");
    REFUSAL_EXPECT("the name a.test", .names = bad_name);
    REFUSAL_EXPECT("found 'repli', expected a step", .faults = "repli=close");
    REFUSAL_EXPECT("a socks5 server has no step upgrade", .faults = "upgrade=close");
    REFUSAL_EXPECT("a websocket server has no step reply", .kind = LEAT_TESTING_WEBSOCKET,
                   .faults = "reply=close");
    REFUSAL_EXPECT("without TLS there is no step tls", .kind = LEAT_TESTING_CONNECT,
                   .faults = "tls=close");
    REFUSAL_EXPECT("fault 1: no such step", .fault_list = bad_step, .fault_count = 1);
    REFUSAL_EXPECT("fault 1: no such action", .fault_list = bad_action, .fault_count = 1);
    REFUSAL_EXPECT("fault 2: bytes without data", .faults = "accept=delay 1",
                   .fault_list = no_bytes, .fault_count = 1);
    REFUSAL_EXPECT("a Ping or Pong", .kind = LEAT_TESTING_WEBSOCKET, .messages = &long_ping,
                   .message_count = 1);
    REFUSAL_EXPECT("message 1 has no type", .kind = LEAT_TESTING_WEBSOCKET, .messages = &no_type,
                   .message_count = 1);
    REFUSAL_EXPECT("message 1 has no data", .kind = LEAT_TESTING_WEBSOCKET, .messages = &no_data,
                   .message_count = 1);
    REFUSAL_EXPECT("close reason", .kind = LEAT_TESTING_WEBSOCKET,
                   .close_reason = (const char *)long_ping.data);
    REFUSAL_EXPECT("needs a script", .kind = LEAT_TESTING_SCRIPT);
    REFUSAL_EXPECT("has no TLS", .kind = LEAT_TESTING_SOCKS5, .tls = &wrong_key);
    REFUSAL_EXPECT("/nowhere/a.pem and /b.pem", .kind = LEAT_TESTING_CONNECT, .tls = &missing);
    REFUSAL_EXPECT("mismatch", .kind = LEAT_TESTING_WEBSOCKET, .tls = &wrong_key);
    REFUSAL_EXPECT("no certificate and no key", .kind = LEAT_TESTING_CONNECT, .tls = &nothing);
}

Test(server, a_port_in_use)
{
    leat_testing_server *first = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5));
    uint16_t port = leat_testing_server_get_port(first);
    refusal_expect(
        LEAT_TESTING_OPTIONS(.port = port), LEAT_E_SOCKET_BASE + EADDRINUSE,
        sandbox_format("cannot listen on 127.0.0.1 port %u: Address already in use", port));
    refusal_expect(LEAT_TESTING_OPTIONS(.address = "203.0.113.1"),
                   LEAT_E_SOCKET_BASE + EADDRNOTAVAIL, "cannot listen on 203.0.113.1 port 0");
    leat_testing_server_free(first);
    /* and once it is free again, although its connections linger */
    leat_testing_server *second =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .port = port));
    cr_expect(leat_testing_server_get_port(second) == port);
    leat_testing_server_free(second);
}

Test(server, all_addresses)
{
    static const struct leat_script_row script[] = {{LEAT_SCRIPT_CLOSE}};
    static const struct {
        const char *address, *host;
    } cases[] = {
        {NULL, "127.0.0.1"}, {"127.0.0.3", "127.0.0.3"}, {"0.0.0.0", "127.0.0.1"}, {"::1", "[::1]"},
        {"::", "[::1]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        leat_testing_server *server = script_server_new(
            &(struct leat_testing_options){.scripts = {script}, .address = cases[i].address});
        unsigned port = leat_testing_server_get_port(server);
        cr_expect_str_eq(leat_testing_server_get_address(server),
                         sandbox_format("%s:%u", cases[i].host, port));
        cr_expect_str_eq(leat_testing_server_get_url(server),
                         sandbox_format("tcp://%s:%u", cases[i].host, port));
        leat_testing_server_free(server);
    }
}

/* What a dual-stack socket calls ::ffff:127.0.0.1. */
Test(server, a_client_over_ipv4_is_one)
{
    struct leat_testing_event event;
    if (!machine_has_ipv6())
        cr_skip_test("no ::1");
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .address = "::"));
    int fd = raw_connect(NULL, leat_testing_server_get_port(server));
    cr_assert(leat_testing_server_wait_step(server, "accept", 1, RIG_WAIT_MS));
    cr_assert(leat_testing_server_get_event(server, 0, &event));
    cr_expect_str_eq(event.step, "accept");
    cr_expect_eq(strncmp(event.text, "127.0.0.1:", 10), 0, "%s", event.text);
    close(fd);
    leat_testing_server_free(server);
}

Test(server, options_are_copied)
{
    char faults[] = "method=05,00", user[] = "u", name[] = "a.test", address[] = "127.0.0.1";
    char message[] = "hi", protocol[] = "p", headers[] = "X: 1\r\n";
    struct leat_testing_name names[] = {{name, address}, {NULL, NULL}};
    const char *protocols[] = {protocol, NULL};
    struct leat_testing_message messages[] = {{LEAT_TESTING_MESSAGE_TEXT, message, 2}};
    uint8_t data[] = {'!'};
    struct leat_testing_fault list[] = {{.step = LEAT_TESTING_STEP_UPGRADE,
                                         .then = true,
                                         .action = LEAT_TESTING_ACTION_BYTES,
                                         .data = data,
                                         .len = 1}};
    leat_testing_server *socks5 =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .faults = faults,
                                       .names = names, .address = address));
    leat_testing_server *websocket = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .user = user, .messages = messages,
                             .message_count = 1, .subprotocols = protocols, .headers = headers,
                             .fault_list = list, .fault_count = 1));
    memset(faults, '?', sizeof(faults) - 1);
    memset(name, '?', 1);
    memset(message, '?', 2);
    memset(protocol, '?', 1);
    memset(headers, '?', 1);
    memset(data, '?', 1);
    memset(list, 0xff, sizeof(list));
    memset(messages, 0xff, sizeof(messages));

    char head[1024];
    int fd = raw_connect(NULL, leat_testing_server_get_port(websocket));
    RIG_SEND(fd, RAW_UPGRADE_WITH("/", "Sec-WebSocket-Protocol: p\r\n"));
    cr_assert(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)));
    cr_expect(strstr(head, "\r\nX: 1\r\n") && strstr(head, "Protocol: p\r\n"), "%s", head);
    RIG_EXPECT(fd, "!\x81\x02hi");
    close(fd);
    fd = raw_connect(NULL, leat_testing_server_get_port(socks5));
    RIG_SEND(fd, "\x05\x01\x00");
    RIG_EXPECT(fd, "\x05\x00");
    close(fd);
    leat_testing_server_free(websocket);
    leat_testing_server_free(socks5);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void *connect_later(void *user)
{
    leat_testing_server *server = user;
    for (int i = 0; i < 3; ++i) {
        int fd = raw_connect(NULL, leat_testing_server_get_port(server));
        RIG_SEND(fd, "\x05\x01\x00");
        RIG_EXPECT(fd, "\x05\x00");
        close(fd);
    }
    return NULL;
}

Test(server, a_test_waits_for_a_step)
{
    leat_testing_server *server = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5));
    pthread_t thread;
    cr_expect(!leat_testing_server_wait_step(server, "greeting", 1, 0));
    cr_expect(!leat_testing_server_wait_step(server, "greeting", 1, 5));
    cr_expect(!leat_testing_server_wait_idle(server, 0), "nobody has come yet");
    cr_assert(pthread_create(&thread, NULL, connect_later, server) == 0);
    cr_expect(leat_testing_server_wait_step(server, "greeting", 3, RIG_WAIT_MS));
    cr_expect(leat_testing_server_wait_step(server, "greeting", 2, 0));
    cr_expect(!leat_testing_server_wait_step(server, "greeting", 4, 0));
    cr_expect(!leat_testing_server_wait_step(server, "request", 1, 0));
    cr_expect(!leat_testing_server_wait_step(server, "no such step", 1, 0));
    cr_assert(pthread_join(thread, NULL) == 0);
    cr_expect(leat_testing_server_wait_step(server, "end", 3, RIG_WAIT_MS));
    cr_expect(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
    leat_testing_server_free(server);
}

Test(server, one_release_lets_one_go)
{
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .faults = "method=hold"));
    int fds[2];
    for (int i = 0; i < 2; ++i) {
        fds[i] = raw_connect(NULL, leat_testing_server_get_port(server));
        RIG_SEND(fds[i], "\x05\x01\x00");
        cr_assert(leat_testing_server_wait_step(server, "method", (unsigned)i + 1, RIG_WAIT_MS));
    }
    leat_testing_server_release(server);
    struct leat_testing_seen seen;
    do { /* either of them */
        leat_testing_server_get_seen(server, &seen);
    } while (seen.bytes_out < 2);
    cr_expect(seen.bytes_out == 2 && seen.live == 2);
    leat_testing_server_release(server);
    RIG_EXPECT(fds[0], "\x05\x00");
    RIG_EXPECT(fds[1], "\x05\x00");
    close(fds[0]);
    close(fds[1]);
    leat_testing_server_free(server);
}

/* ---- the log --------------------------------------------------------------------------------- */

struct log {
    char text[4096];
    size_t len;
    unsigned concurrent;
    leat_testing_server *to_release;
};

static void log_write(const struct leat_testing_event *event, void *user)
{
    struct log *log = user;
    cr_expect(log->concurrent++ == 0);
    log->len += (size_t)snprintf(log->text + log->len, sizeof(log->text) - log->len, "%u %s: %s\n",
                                 event->connection, event->step, event->text);
    if (strcmp(event->step, "method") == 0 && log->to_release)
        leat_testing_server_release(log->to_release);
    log->concurrent--;
}

Test(server, the_log_tells_everything_but_passwords)
{
    struct log log = {.len = 0};
    leat_testing_server *to = rig_greeter();
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .user = "alice",
                                       .password = "secret", .log = log_write, .log_user = &log));
    unsigned port = leat_testing_server_get_port(to);
    int fd = raw_connect(NULL, leat_testing_server_get_port(server));
    RIG_SEND(fd, "\x05\x02\x00\x02\x01\x05"
                 "alice\x06"
                 "secret\x05\x01\x00\x01\x7f\x00\x00\x01");
    uint8_t be_port[] = {(uint8_t)(port >> 8), (uint8_t)port};
    cr_assert(raw_send(fd, be_port, 2));
    RIG_EXPECT(fd, "\x05\x02\x01\x00\x05\x00\x00");
    cr_expect(raw_recv_end(fd) == 0);
    close(fd);
    cr_expect(leat_testing_server_wait_idle(server, RIG_WAIT_MS));

    const char *expected = sandbox_format("1 greeting: 2 methods\n1 method: 02\n1 auth: alice\n"
                                          "1 auth-reply: 00\n1 request: connect 127.0.0.1:%u\n"
                                          "1 connect: 127.0.0.1:%u\n1 reply: 00 succeeded\n"
                                          "1 relay: 127.0.0.1:%u\n1 end: \n",
                                          port, port, port);
    cr_expect(strncmp(log.text, "1 accept: 127.0.0.1:", 20) == 0, "%s", log.text);
    cr_expect_str_eq(strchr(log.text, '\n') + 1, expected);

    struct leat_testing_event event, last = {.time_us = 0};
    size_t count = 0;
    for (; leat_testing_server_get_event(server, count, &event); ++count) {
        cr_expect(event.time_us >= last.time_us && event.bytes_in >= last.bytes_in);
        last = event;
    }
    cr_expect(count == 10, "%zu", count);
    cr_expect_str_eq(last.step, "end");
    cr_expect(last.bytes_in == 4 + 14 + 10 && last.bytes_out == 2 + 2 + 10 + 5);
    leat_testing_server_free(server);
    leat_testing_server_free(to);
}

/* What was wrong with one connection is told at its end, and at no other's. */
Test(server, a_problem_belongs_to_its_connection)
{
    struct log log = {.len = 0};
    struct leat_testing_seen seen;
    leat_testing_server *server = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .log = log_write, .log_user = &log));
    static const char *const greetings[] = {"GET / HTTP/1.1\r\n\r\n", "\x05\x01"};
    for (int i = 0; i < 2; ++i) {
        int fd = raw_connect(NULL, leat_testing_server_get_port(server));
        cr_assert(raw_send(fd, greetings[i], strlen(greetings[i])));
        cr_assert(shutdown(fd, SHUT_WR) == 0);
        (void)raw_recv_end(fd);
        close(fd);
        cr_expect(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
    }
    const char *first = strstr(log.text, "1 end: ");
    const char *second = strstr(log.text, "2 end: ");
    cr_assert(first && second, "%s", log.text);
    cr_expect(first[7] != '\n' && second[7] != '\n', "%s", log.text);
    cr_expect(strncmp(first + 7, second + 7, 20) != 0, "%s", log.text);
    leat_testing_server_get_seen(server, &seen);
    cr_expect(strncmp(first + 7, seen.problem, strlen(seen.problem)) == 0, "the first is kept");
    leat_testing_server_free(server);
}

Test(server, the_log_can_be_printed)
{
    struct log log = {.len = 0};
    leat_testing_server *server = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .log = log_write, .log_user = &log));
    int fd = raw_connect(NULL, leat_testing_server_get_port(server));
    RIG_SEND(fd, "CONNECT \x1b[2J\x07\x7f\xc3\xa9:1\r\n\r\n");
    cr_assert(shutdown(fd, SHUT_WR) == 0);
    (void)raw_recv_end(fd);
    close(fd);
    cr_expect(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
    cr_expect(strstr(log.text, "1 head: CONNECT ?[2J??\xc3\xa9:1\n"), "%s", log.text);
    leat_testing_server_free(server);
}

Test(server, the_log_may_release)
{
    struct log log = {.len = 0};
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .log = log_write,
                                       .log_user = &log, .faults = "method=hold"));
    log.to_release = server;
    int fd = raw_connect(NULL, leat_testing_server_get_port(server));
    RIG_SEND(fd, "\x05\x01\x00");
    RIG_EXPECT(fd, "\x05\x00");
    close(fd);
    leat_testing_server_free(server);
}

/* The newest event of a step. */
static const char *text_of(leat_testing_server *server, const char *step)
{
    static char text[512];
    struct leat_testing_event event;
    text[0] = '\0';
    for (size_t i = 0; leat_testing_server_get_event(server, i, &event); ++i) {
        if (strcmp(event.step, step) == 0)
            snprintf(text, sizeof(text), "%s", event.text);
    }
    return text;
}

Test(server, a_step_tells_what_its_faults_make_of_it)
{
    static const struct {
        const char *faults, *step, *text;
    } rows[] = {
        {"", "method", "00"},
        {"method=split 1;then=delay 1", "method", "00; fault: split 1"},
        {"method#2=skip", "method", "00"},
        {"connection=2;method=skip", "method", "00"},
        {"method=delay 1,05,ff", "method", "00; fault: delay 1, 05,ff"},
        {"method=00*17", "method",
         "00; fault: 00,00,00,00,00,00,00,00,00,00,00,00,00,00,00,00,...(17 bytes)"},
        {"method=refuse", "method", "00; fault: refuse"},
        {"method=truncate 1,drop-after 100,reset", "method",
         "00; fault: truncate 1, drop-after 100"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        leat_testing_server *server =
            rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .faults = rows[i].faults));
        int fd = raw_connect("127.0.0.1", leat_testing_server_get_port(server));
        RIG_SEND(fd, "\x05\x01\x00");
        cr_expect(leat_testing_server_wait_step(server, "method", 1, RIG_WAIT_MS));
        cr_expect_str_eq(text_of(server, rows[i].step), rows[i].text);
        close(fd);
        leat_testing_server_free(server);
    }
}

Test(server, keeps_only_so_many_events)
{
    enum { CONNECTIONS = LEAT_TESTING_EVENTS_MAX / 2 + 1 };
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .faults = "accept=reset"));
    struct leat_testing_event event;
    for (unsigned i = 0; i < CONNECTIONS; ++i)
        raw_expect_reset(leat_testing_server_get_port(server));
    cr_expect(leat_testing_server_wait_step(server, "end", CONNECTIONS, RIG_WAIT_MS));
    uint64_t lost = leat_testing_server_get_lost_events(server);
    cr_expect(lost == 2, "%llu", (unsigned long long)lost); /* accept and end of each */
    cr_expect(!leat_testing_server_get_event(server, 1, &event));
    cr_expect(leat_testing_server_get_event(server, 2, &event));
    cr_expect(leat_testing_server_get_event(server, LEAT_TESTING_EVENTS_MAX + 1, &event));
    cr_expect_str_eq(event.step, "end");
    cr_expect(!leat_testing_server_get_event(server, LEAT_TESTING_EVENTS_MAX + 2, &event));
    cr_expect(!leat_testing_server_get_event(server, SIZE_MAX, &event));
    leat_testing_server_free(server);
}

/* ---- limits and the end ---------------------------------------------------------------------- */

Test(server, one_connection_too_many_waits)
{
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .faults = "greeting=stall"));
    int fds[LEAT_TESTING_CONNECTIONS_MAX + 1];
    for (size_t i = 0; i <= LEAT_TESTING_CONNECTIONS_MAX; ++i)
        fds[i] = raw_connect(NULL, leat_testing_server_get_port(server));
    cr_expect(
        leat_testing_server_wait_step(server, "accept", LEAT_TESTING_CONNECTIONS_MAX, RIG_WAIT_MS));
    cr_expect(
        !leat_testing_server_wait_step(server, "accept", LEAT_TESTING_CONNECTIONS_MAX + 1, 20));
    close(fds[0]);
    cr_expect(leat_testing_server_wait_step(server, "accept", LEAT_TESTING_CONNECTIONS_MAX + 1,
                                            RIG_WAIT_MS));
    for (size_t i = 1; i <= LEAT_TESTING_CONNECTIONS_MAX; ++i)
        close(fds[i]);
    leat_testing_server_free(server);
}

Test(server, without_descriptors_a_client_waits)
{
    leat_testing_server *server = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5));
    struct rlimit limit, few;
    int taken[64];
    size_t count = 0;
    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    few = (struct rlimit){.rlim_cur = 64, .rlim_max = limit.rlim_max};
    cr_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
    while (count < 64 && (taken[count] = dup(STDOUT_FILENO)) >= 0)
        ++count;
    cr_assert(count > 1 && count < 64);
    close(taken[--count]);
    int fd = raw_connect(NULL, leat_testing_server_get_port(server)); /* takes the last one */
    cr_expect(!leat_testing_server_wait_step(server, "accept", 1, 30));
    close(taken[--count]);
    cr_expect(leat_testing_server_wait_step(server, "accept", 1, RIG_WAIT_MS));
    close(fd);
    while (count > 0)
        close(taken[--count]);
    cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    leat_testing_server_free(server);
}

Test(server, a_long_head_ends_the_connection)
{
    static const struct leat_testing_options kinds[] = {
        {.size = sizeof(kinds[0]), .kind = LEAT_TESTING_CONNECT},
        {.size = sizeof(kinds[0]), .kind = LEAT_TESTING_WEBSOCKET},
    };
    char *bytes = malloc(1 << 20);
    memset(bytes, 'a', 1 << 20);
    for (size_t i = 0; i < 2; ++i) {
        leat_testing_server *server = rig_start(&kinds[i]);
        int fd = raw_connect(NULL, leat_testing_server_get_port(server));
        (void)raw_send(fd, bytes, 1 << 20);
        (void)raw_recv_end(fd);
        close(fd);
        cr_expect(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
        struct leat_testing_seen seen;
        leat_testing_server_get_seen(server, &seen);
        cr_expect(strstr(seen.problem, "an HTTP head of"), "%s", seen.problem);
        leat_testing_server_free(server);
    }
    free(bytes);
}

Test(server, is_gone_once_it_is_freed)
{
    size_t before = open_descriptor_count();
    for (int i = 0; i < 20; ++i) {
        leat_testing_server *to = rig_greeter();
        leat_testing_server *server = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5));
        int fds[5];
        for (int n = 0; n < 5; ++n) {
            fds[n] = n % 2 ? rig_socks5(server, leat_testing_server_get_port(to), 0)
                           : raw_connect(NULL, leat_testing_server_get_port(server));
        }
        leat_testing_server_free(server);
        for (int n = 0; n < 5; ++n) {
            (void)raw_recv_end(fds[n]);
            close(fds[n]);
        }
        leat_testing_server_free(to);
    }
    cr_expect(open_descriptor_count() == before);
    leat_testing_server_free(NULL);
}

static const struct leat_testing_tls *memory_tls;

static bool start_everything(void)
{
    static const char *const protocols[] = {"a", "b", NULL};
    static const struct leat_testing_name names[] = {{"a", "127.0.0.1"}, {NULL, NULL}};
    static const struct leat_testing_message messages[] = {{LEAT_TESTING_MESSAGE_TEXT, "hi", 2}};
    leat_testing_server *server = NULL;
    struct leat_testing_problem problem = {0};
    int code = leat_testing_server_new(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .faults = "upgrade=01,delay 1",
                             .user = "u", .password = "p", .names = names,
                             .subprotocols = protocols, .messages = messages, .message_count = 1,
                             .headers = "A: b\r\n", .close_code = 1000, .close_reason = "r",
                             .tls = memory_tls),
        &server, &problem);
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d %s", code, problem.text);
    leat_testing_server_free(server);
    return code == LEAT_OK;
}

Test(server, every_allocation_fails_once)
{
    const struct leat_testing_tls tls = {.cert_path = certificate_path("server.pem"),
                                         .key_path = certificate_path("server.key")};
    memory_tls = &tls;
    int failed = alloc_failure_run_all(start_everything);
    cr_expect(failed > 15, "%d", failed);
}

static atomic_int fails_at;

static bool fails_in_any_thread(void)
{
    return atomic_fetch_sub(&fails_at, 1) == 1;
}

/* Without memory a connection ends, and the server goes on. */
Test(server, a_connection_without_memory_ends)
{
    leati_alloc_fail_hook = fails_in_any_thread; /* before there are others */
    leat_testing_server *server = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET));
    bool served = false;
    for (int n = 1; n < 100 && !served; ++n) {
        char byte;
        int fd = raw_connect(NULL, leat_testing_server_get_port(server));
        cr_assert(leat_testing_server_wait_step(server, "accept", (unsigned)n, RIG_WAIT_MS));
        atomic_store(&fails_at, n);
        RIG_SEND(fd, RAW_UPGRADE("/") "\x81\x81\x00\x00\x00\x00x\x88\x80\x00\x00\x00\x00");
        ssize_t got;
        size_t len = 0;
        while ((got = recv(fd, &byte, 1, 0)) > 0)
            ++len;
        served = atomic_load(&fails_at) > 0;
        cr_expect(len == 0 || len == 129 || len == 132 || len == 134, "%d: %zu bytes", n, len);
        close(fd);
    }
    cr_expect(served);
    leat_testing_server_free(server);
    leati_alloc_fail_hook = NULL;
}
