/* SPDX-License-Identifier: Apache-2.0 */
/* The relay for any protocol, with TLS on either side, and conditions of the link on real sockets. */
#include "testing/rig.h"

#include "support/certificates.h"

#include <leat/testing_conditions.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>

TestSuite(relay, .fini = sandbox_done, .timeout = 120);

/* An echo of RIG_GREETING's length, again and again. */
static leat_testing_server *echo_start(void)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ, .number = 1},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("!")},
        {LEAT_SCRIPT_READ, .number = 1},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("!")},
        {LEAT_SCRIPT_READ, .number = 1},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("!")},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE},
    };
    return script_server_start(script);
}

static leat_testing_server *relay_to(const leat_testing_server *to, const char *conditions)
{
    return rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_TCP,
                                          .to = leat_testing_server_get_address(to),
                                          .conditions = conditions, .is_changeable = true));
}

static uint64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* A byte there and one back. @return what it took. */
static uint64_t round_trip_us(int fd)
{
    uint64_t start_us = clock_us();
    RIG_SEND(fd, "?");
    RIG_EXPECT(fd, "!");
    return clock_us() - start_us;
}

Test(relay, carries_both_ways_and_says_what_it_does)
{
    leat_testing_server *to = echo_start();
    leat_testing_server *relay = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_TCP, .to = leat_testing_server_get_address(to)));
    cr_expect_str_eq(leat_testing_server_get_url(relay),
                     sandbox_format("tcp://127.0.0.1:%u", leat_testing_server_get_port(relay)));
    int fd = raw_connect(NULL, leat_testing_server_get_port(relay));
    (void)round_trip_us(fd);
    (void)round_trip_us(fd);
    cr_expect(shutdown(fd, SHUT_WR) == 0 && raw_recv_end(fd) == 0);
    close(fd);
    cr_expect(leat_testing_server_wait_idle(relay, RIG_WAIT_MS));
    cr_expect(leat_testing_server_wait_step(relay, "connect", 1, 0) &&
              leat_testing_server_wait_step(relay, "relay", 1, 0));
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(relay, &seen);
    cr_expect(seen.bytes_in == 2 && seen.bytes_out == 2 && seen.problem[0] == '\0', "%s",
              seen.problem);
    leat_testing_server_free(relay);
    leat_testing_server_free(to);
}

Test(relay, names_a_destination_that_is_not_there)
{
    uint16_t port = 0;
    int listener = raw_listen(&port);
    close(listener);
    leat_testing_server *relay = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_TCP, .to = sandbox_format("127.0.0.1:%u", port)));
    int fd = raw_connect(NULL, leat_testing_server_get_port(relay));
    cr_expect(raw_recv_end(fd) == 0);
    close(fd);
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(relay, &seen);
    cr_expect(strstr(seen.problem, "refused"), "%s", seen.problem);
    leat_testing_server_free(relay);
}

Test(relay, refuses_destinations_that_are_none)
{
    static const char *const bad[] = {NULL,     "",       "host",       "host:",    ":1",
                                      "host:0", "::1:80", "host:70000", "host:1:2", "[]:1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        leat_testing_server *relay = NULL;
        struct leat_testing_problem problem = {0};
        int code = leat_testing_server_new(
            LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_TCP, .to = bad[i]), &relay, &problem);
        cr_expect(code == LEAT_E_PARAMETER && strstr(problem.text, "HOST:PORT"), "%s: %s", bad[i],
                  problem.text);
    }
}

/* wss through a relay that takes TLS off, and ws through one that puts it on, to a server of leat. */
Test(relay, has_tls_on_either_side)
{
    const struct leat_testing_tls tls = {.cert_path = certificate_path("server.pem"),
                                         .key_path = certificate_path("server.key")};
    const struct leat_testing_to_tls to_tls = {.name = "localhost",
                                               .ca_path = certificate_path("ca.pem")};
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .tls = &tls));
    leat_testing_server *puts_on =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_TCP, .to_tls = &to_tls,
                                       .to = leat_testing_server_get_address(server)));
    leat_testing_server *takes_off =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_TCP, .tls = &tls,
                                       .to = leat_testing_server_get_address(puts_on)));
    int fd;
    cr_expect(raw_upgrade(NULL, leat_testing_server_get_port(puts_on), &fd) == 101);
    close(fd);
    leat_config *config = NULL;
    leat_blocking_websocket *ws = NULL;
    struct leat_error error = {0};
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_ca_path(config, certificate_path("ca.pem")) == LEAT_OK);
    const char *url =
        sandbox_format("wss://localhost:%u/", leat_testing_server_get_port(takes_off));
    int code = leat_blocking_websocket_connect(url, config, &ws, &error);
    cr_assert(code == LEAT_OK, "%s", error.text);
    static char big[300000];
    memset(big, 'a', sizeof(big));
    cr_assert(leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, big, sizeof(big), RIG_WAIT_MS,
                                           &error) == LEAT_OK,
              "%s", error.text);
    struct leat_message message;
    cr_assert(leat_blocking_websocket_recv(ws, &message, RIG_WAIT_MS, &error) == LEAT_OK, "%s",
              error.text);
    cr_expect(message.len == sizeof(big) && memcmp(message.data, big, sizeof(big)) == 0);
    leat_blocking_websocket_free(ws);
    leat_config_free(config);
    leat_testing_server_free(takes_off);
    leat_testing_server_free(puts_on);
    leat_testing_server_free(server);
}

Test(relay, judges_the_destination)
{
    const struct leat_testing_tls tls = {.cert_path = certificate_path("server.pem"),
                                         .key_path = certificate_path("server.key")};
    const struct leat_testing_to_tls cases[] = {
        {.name = "other.test", .ca_path = certificate_path("ca.pem")},
        {.name = "localhost", .ca_path = certificate_path("server.pem")},
        {.no_verify = true, .name = "other.test"},
    };
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .tls = &tls));
    for (size_t i = 0; i < 3; ++i) {
        int fd = -1;
        struct leat_testing_seen seen;
        leat_testing_server *relay =
            rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_TCP, .to_tls = &cases[i],
                                           .to = leat_testing_server_get_address(server)));
        int status = raw_upgrade(NULL, leat_testing_server_get_port(relay), &fd);
        close(fd);
        leat_testing_server_get_seen(relay, &seen);
        cr_expect(status == (cases[i].no_verify ? 101 : 0), "%zu: %d", i, status);
        cr_expect(cases[i].no_verify == !strstr(seen.problem, "TLS to the destination"), "%s",
                  seen.problem);
        leat_testing_server_free(relay);
    }
    leat_testing_server_free(server);
}

/* ---- conditions ------------------------------------------------------------------------------ */

Test(relay, each_round_trip_takes_its_time)
{
    leat_testing_server *to = echo_start();
    leat_testing_server *relay = relay_to(to, "latency=80");
    int fd = raw_connect(NULL, leat_testing_server_get_port(relay));
    for (int i = 0; i < 3; ++i) {
        uint64_t took_us = round_trip_us(fd);
        cr_expect(took_us >= 80000, "%d: %llu us", i, (unsigned long long)took_us);
    }
    close(fd);
    leat_testing_server_free(relay);
    leat_testing_server_free(to);
}

Test(relay, conditions_hold_for_each_kind_of_server_and_its_handshake)
{
    leat_testing_server *greeter = rig_greeter();
    leat_testing_server *proxy = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .conditions = "both:latency=20;slice=3"));
    uint64_t start_us = clock_us();
    int fd = rig_socks5(proxy, leat_testing_server_get_port(greeter), 0);
    RIG_EXPECT(fd, RIG_GREETING);
    cr_expect(clock_us() - start_us >= 80000, "two round trips of 40 ms");
    cr_expect(raw_recv_end(fd) == 0);
    close(fd);
    leat_testing_server_free(proxy);
    proxy = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .is_changeable = true,
                                           .faults = "relay=drop-after 3,reset"));
    fd = rig_socks5(proxy, leat_testing_server_get_port(greeter), 0);
    RIG_EXPECT(fd, "hel");
    cr_expect(raw_recv_end(fd) == ECONNRESET, "a fault goes through the link");
    close(fd);
    leat_testing_server_free(proxy);
    leat_testing_server_free(greeter);
}

Test(relay, ends_as_its_conditions_say)
{
    static const struct {
        const char *conditions;
        size_t len;
        int end;
        uint64_t least_us;
    } cases[] = {
        {"", 200000, 0, 0},
        {"limit=4096", 4096, 0, 0},
        {"timeout=60", 0, 0, 60000},
        {"reset=60", 0, ECONNRESET, 60000},
        {"slow-close=60", 200000, 0, 60000},
        {"bandwidth=2000000", 200000, 0, 80000},
        {"latency=5 5;slice=1000 100", 200000, 0, 0},
        {"latency=60 @0%", 200000, 0, 0},
    };
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("0123456789"), .repeat = 20000},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *to = script_server_start(script);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        static struct rig_output output;
        leat_testing_server *relay = relay_to(to, cases[i].conditions);
        uint64_t start_us = clock_us();
        int fd = raw_connect(NULL, leat_testing_server_get_port(relay));
        size_t len = 0;
        ssize_t got;
        while ((got = recv(fd, output.data, sizeof(output.data), 0)) > 0)
            len += (size_t)got;
        int end = got == 0 ? 0 : errno;
        uint64_t took_us = clock_us() - start_us;
        cr_expect(len == cases[i].len && end == cases[i].end && took_us >= cases[i].least_us,
                  "%s: %zu bytes, end %d, %llu us", cases[i].conditions, len, end,
                  (unsigned long long)took_us);
        close(fd);
        cr_expect(leat_testing_server_wait_idle(relay, RIG_WAIT_MS), "%s", cases[i].conditions);
        leat_testing_server_free(relay);
    }
    leat_testing_server_free(to);
}

Test(relay, conditions_change_while_connections_are_open)
{
    leat_testing_server *to = echo_start();
    leat_testing_server *relay = relay_to(to, NULL);
    struct leat_testing_problem problem = {0};
    int fd = raw_connect(NULL, leat_testing_server_get_port(relay));
    (void)round_trip_us(fd);
    cr_assert(leat_testing_server_set_conditions(relay, "latency=80", NULL) == LEAT_OK);
    cr_expect(round_trip_us(fd) >= 80000, "it holds at once");
    cr_assert(leat_testing_server_set_conditions(relay, "timeout=0", NULL) == LEAT_OK);
    RIG_SEND(fd, "?");
    cr_assert(leat_testing_server_set_conditions(relay, "reset=0", NULL) == LEAT_OK);
    cr_expect(raw_recv_end(fd) == ECONNRESET);
    close(fd);
    cr_expect(leat_testing_server_set_conditions(relay, "latnecy=80", &problem) ==
                  LEAT_E_PARAMETER &&
              problem.text[0] != '\0');
    cr_expect(leat_testing_server_set_conditions(relay, "loss=1%", &problem) == LEAT_E_PARAMETER &&
              strstr(problem.text, "datagrams"));
    leat_testing_server_free(relay);
    relay = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_TCP, .to = leat_testing_server_get_address(to)));
    cr_expect(leat_testing_server_set_conditions(relay, "", &problem) == LEAT_E_PARAMETER &&
              strstr(problem.text, "is_changeable"));
    leat_testing_server_free(relay);
    leat_testing_server_free(to);
}

/* A client that never ends, one that never reads, and a server that is freed meanwhile. */
Test(relay, nobody_keeps_it_from_ending)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("0123456789"), .repeat = 2000000},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *to = script_server_start(script);
    leat_testing_server *relay = relay_to(to, "latency=10");
    int fds[20];
    for (size_t i = 0; i < 20; ++i)
        fds[i] = raw_connect(NULL, leat_testing_server_get_port(relay));
    cr_assert(leat_testing_server_wait_step(relay, "relay", 20, RIG_WAIT_MS));
    for (size_t i = 0; i < 20; i += 2)
        raw_reset(fds[i]);
    leat_testing_server_free(relay);
    for (size_t i = 1; i < 20; i += 2)
        close(fds[i]);
    leat_testing_server_free(to);
}
