/* SPDX-License-Identifier: Apache-2.0 */
/* UDP through SOCKS5: dante, and proxies that do what a table says. The relay of those is a plain
 * socket of the test. */
#include "sockets/udp_run.h"

#include "support/dns_server.h"
#include "support/peers.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"
#include "support/script_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(udp_proxy, .fini = sandbox_done, .timeout = 50);

#define SOCKET_CODE(e) (LEAT_E_SOCKET_BASE + (e))
#define TO_9           "\x01\x7f\x00\x00\x01\x00\x09" /* 127.0.0.1:9 */

static const struct dns_record names[] = {
    {.name = "echo.test", .behaviour = DNS_ANSWER, .v4 = {"127.0.0.1"}},
    {.name = "six.test", .behaviour = DNS_ANSWER, .v6 = {"::1"}},
    {.name = NULL},
};

static struct dns_server *dns_for(struct udp_run *run)
{
    struct dns_server *server = dns_server_start(names);
    cr_assert(server);
    cr_assert_eq(leat_config_set_dns_servers(run->config, dns_server_address(server)), LEAT_OK);
    return server;
}

static void proxy_set(struct udp_run *run, const char *scheme, uint16_t port)
{
    cr_assert_eq(
        leat_config_set_proxy(run->config, sandbox_format("%s://127.0.0.1:%u", scheme, port)),
        LEAT_OK);
}

/* ---- dante ------------------------------------------------------------------------------- */

Test(udp_proxy, dante_carries_datagrams_to_each_destination)
{
    struct udp_run run;
    uint16_t dante = dante_start();
    uint16_t one = udp_echo_start("127.0.0.1"), two = udp_echo_start("127.0.0.1");
    udp_run_init(&run);
    proxy_set(&run, "socks5h", dante);
    udp_run_listen(&run, "127.0.0.1");
    for (size_t i = 0; i < 4; i++) {
        udp_run_send(&run, i % 2 ? "to two" : "to one", "127.0.0.1", i % 2 ? two : one);
        udp_run_until_messages(&run, i + 1);
        udp_run_expect(&run, i, i % 2 ? "to two" : "to one", "127.0.0.1", "IPv4",
                       i % 2 ? two : one);
    }
    udp_run_send(&run, "", "127.0.0.1", one);
    udp_run_until_messages(&run, 5);
    udp_run_expect(&run, 4, "", "127.0.0.1", "IPv4", one);
    cr_expect(strstr(run.trace, "udp udp ASSOCIATING > OPEN"), "%s", run.trace);
    cr_expect_eq(leat_udp_socket_close(run.udp), LEAT_OK);
    udp_run_until_closed(&run);
    cr_expect_eq(run.error_count, 0);
    udp_run_done(&run);
}

Test(udp_proxy, dante_resolves_names)
{
    struct udp_run run;
    uint16_t dante = dante_start();
    uint16_t port = udp_echo_start(localhost_address());
    udp_run_init(&run);
    proxy_set(&run, "socks5h", dante);
    struct dns_server *server = dns_for(&run);
    udp_run_listen(&run, "0.0.0.0");
    udp_run_send(&run, "by name", "localhost", port);
    udp_run_until_messages(&run, 1);
    cr_expect_str_eq(run.messages[0].data, "by name");
    cr_expect_eq(run.messages[0].port, port);
    cr_expect_eq(dns_server_query_count(server), 0, "a name was resolved here");
    udp_run_done(&run);
    dns_server_free(server);
}

Test(udp_proxy, names_are_resolved_here_if_asked)
{
    struct udp_run run;
    uint16_t dante = dante_start();
    uint16_t port = udp_echo_start("127.0.0.1");
    udp_run_init(&run);
    proxy_set(&run, "socks5", dante);
    struct dns_server *server = dns_for(&run);
    udp_run_bind(&run, "127.0.0.1");
    /* Before there is a relay, and while the name is not known. */
    udp_run_send(&run, "one", "echo.test", port);
    udp_run_send(&run, "two", "127.0.0.1", port);
    udp_run_until_messages(&run, 2);
    cr_expect_eq(run.messages[0].port, port);
    cr_expect_gt(dns_server_query_count(server), 0);
    udp_run_send(&run, "lost", "nobody.test", port);
    udp_run_until_error(&run, 1, SOCKET_CODE(EHOSTUNREACH), "nobody.test");
    cr_expect_eq(run.closed_count, 0);
    udp_run_done(&run);
    dns_server_free(server);
}

/* ---- scripted proxies -------------------------------------------------------------------- */

#define GREETED                                                                                    \
    {LEAT_SCRIPT_READ_SOCKS5_GREETING}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")},         \
    {                                                                                              \
        LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("\x05\x03\x00\x01\0\0\0\0\0\0"),                     \
            .label = "associate"                                                                   \
    }

/* A run, the proxy that it talks to, and the socket that is the proxy's relay. */
struct bench {
    struct udp_run run;
    leat_testing_server *proxy;
    int relay_fd;
    uint16_t relay_port;
    uint8_t reply[10];
    struct leat_script_row script[8];
};

/* The proxy answers with `host` (four bytes) and its relay's port, as soon as it is released if
 * `waits`; then it waits to be released, and ends. */
static void bench_init(struct bench *bench, const char *scheme, const char *host, bool waits,
                       enum leat_script_action end)
{
    const struct leat_script_row script[] = {
        GREETED,
        {LEAT_SCRIPT_WAIT},
        {LEAT_SCRIPT_SEND, .data = bench->reply, .len = sizeof(bench->reply)},
        {LEAT_SCRIPT_WAIT},
        {end},
    };
    memset(bench, 0, sizeof(*bench));
    bench->relay_fd = udp_plain_open("127.0.0.1", &bench->relay_port);
    memcpy(bench->reply, "\x05\x00\x00\x01", 4);
    memcpy(bench->reply + 4, host, 4);
    bench->reply[8] = (uint8_t)(bench->relay_port >> 8);
    bench->reply[9] = (uint8_t)(bench->relay_port & 0xff);
    memcpy(bench->script, script, sizeof(script));
    bench->proxy = script_server_start(bench->script);
    cr_assert(bench->proxy);
    if (!waits)
        leat_testing_server_release(bench->proxy);
    udp_run_init(&bench->run);
    proxy_set(&bench->run, scheme, leat_testing_server_get_port(bench->proxy));
}

/* Until the proxy has read the request: what was not yet said is no problem of its script. */
static void bench_until_associate(struct bench *bench)
{
    while (!leat_testing_server_wait_step(bench->proxy, "associate", 1, 0))
        cr_assert_eq(leat_loop_dispatch(bench->run.loop, 10), LEAT_OK);
}

static void bench_done(struct bench *bench)
{
    struct leat_testing_seen seen;
    udp_run_done(&bench->run);
    leat_testing_server_get_seen(bench->proxy, &seen);
    cr_expect_str_eq(seen.problem, "");
    leat_testing_server_free(bench->proxy);
    close(bench->relay_fd);
}

static void relay_expect(struct bench *bench, const void *datagram, size_t len)
{
    uint8_t received[1024];
    uint16_t from;
    size_t received_len = udp_plain_recv(bench->relay_fd, received, sizeof(received), &from);
    cr_expect_eq(received_len, len);
    cr_expect_eq(memcmp(received, datagram, len), 0);
    cr_expect_eq(from, udp_run_port(&bench->run));
}

static void relay_send(struct bench *bench, const void *datagram, size_t len)
{
    udp_plain_send(bench->relay_fd, datagram, len, "127.0.0.1", udp_run_port(&bench->run));
}

#define BYTES(s) (s), sizeof(s) - 1

Test(udp_proxy, each_datagram_has_the_header_of_its_destination)
{
    struct bench bench;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", false, LEAT_SCRIPT_CLOSE);
    udp_run_listen(&bench.run, "127.0.0.1");
    udp_run_send(&bench.run, "a", "127.0.0.1", 9);
    relay_expect(&bench, BYTES("\0\0\0" TO_9 "a"));
    udp_run_send(&bench.run, "b", "::1", 0x1234);
    relay_expect(&bench, BYTES("\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34"
                               "b"));
    udp_run_send(&bench.run, "c", "Example.COM.", 53);
    relay_expect(&bench, BYTES("\0\0\0\x03\x0b"
                               "example.com\0\x35"
                               "c"));
    udp_run_send(&bench.run, "", "10.1.2.3", 65535);
    relay_expect(&bench, BYTES("\0\0\0\x01\x0a\x01\x02\x03\xff\xff"));
    bench_done(&bench);
}

Test(udp_proxy, headers_are_read_by_their_type)
{
    struct bench bench;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", false, LEAT_SCRIPT_CLOSE);
    udp_run_listen(&bench.run, "127.0.0.1");
    relay_send(&bench, BYTES("\0\0\0" TO_9 "four"));
    relay_send(&bench, BYTES("\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34"
                             "six"));
    relay_send(&bench, BYTES("\0\0\0\x03\x0b"
                             "example.com\0\x35"
                             "name"));
    relay_send(&bench, BYTES("\0\0\0" TO_9));
    udp_run_until_messages(&bench.run, 4);
    udp_run_expect(&bench.run, 0, "four", "127.0.0.1", "IPv4", 9);
    udp_run_expect(&bench.run, 1, "six", "::1", "IPv6", 0x1234);
    udp_run_expect(&bench.run, 2, "name", "example.com", "Domain", 53);
    udp_run_expect(&bench.run, 3, "", "127.0.0.1", "IPv4", 9);
    bench_done(&bench);
}

Test(udp_proxy, what_is_not_the_relays_is_dropped_and_counted)
{
    struct bench bench;
    struct leat_udp_drops drops;
    uint16_t port;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", false, LEAT_SCRIPT_CLOSE);
    int stranger = udp_plain_open("127.0.0.1", &port);
    udp_run_listen(&bench.run, "127.0.0.1");
    udp_plain_send(stranger, BYTES("\0\0\0" TO_9 "forged"), "127.0.0.1", udp_run_port(&bench.run));
    relay_send(&bench, BYTES(""));
    relay_send(&bench, BYTES("garbage"));
    relay_send(&bench, BYTES("\0\0\0\x01\x7f\0\0"));
    relay_send(&bench, BYTES("\0\0\0\x02\x7f\0\0\x01\0\x09x"));
    relay_send(&bench, BYTES("\0\0\x01" TO_9 "first"));
    relay_send(&bench, BYTES("\0\0\x82" TO_9 "last"));
    relay_send(&bench, BYTES("\0\0\0" TO_9 "whole"));
    udp_run_until_messages(&bench.run, 1);
    udp_run_expect(&bench.run, 0, "whole", "127.0.0.1", "IPv4", 9);
    leat_udp_socket_get_drops(bench.run.udp, &drops);
    cr_expect_eq(drops.wrong_source, 1);
    cr_expect_eq(drops.malformed, 4);
    cr_expect_eq(drops.fragments, 2);
    close(stranger);
    bench_done(&bench);
}

Test(udp_proxy, a_relay_without_an_address_is_where_the_proxy_is)
{
    struct bench bench;
    bench_init(&bench, "socks5h", "\0\0\0\0", false, LEAT_SCRIPT_CLOSE);
    udp_run_listen(&bench.run, "127.0.0.1");
    udp_run_send(&bench.run, "a", "127.0.0.1", 9);
    relay_expect(&bench, BYTES("\0\0\0" TO_9 "a"));
    relay_send(&bench, BYTES("\0\0\0" TO_9 "b"));
    udp_run_until_messages(&bench.run, 1);
    bench_done(&bench);
}

Test(udp_proxy, over_ipv6)
{
    static uint8_t reply[22] = "\x05\x00\x00\x04"; /* [::], and a port to come */
    static const struct leat_script_row script[] = {
        GREETED,
        {LEAT_SCRIPT_SEND, .data = reply, .len = sizeof(reply)},
        {LEAT_SCRIPT_WAIT},
        {LEAT_SCRIPT_CLOSE},
    };
    const struct leat_testing_options options = {.scripts = {script}, .address = "::1"};
    struct udp_run run;
    uint16_t relay_port, from;
    uint8_t received[64];
    if (!machine_has_ipv6())
        cr_skip_test("this machine has no ::1");
    int relay = udp_plain_open("::1", &relay_port);
    reply[20] = (uint8_t)(relay_port >> 8);
    reply[21] = (uint8_t)(relay_port & 0xff);
    leat_testing_server *proxy = script_server_new(&options);
    cr_assert(proxy);
    udp_run_init(&run);
    cr_assert_eq(
        leat_config_set_proxy(
            run.config, sandbox_format("socks5h://[::1]:%u", leat_testing_server_get_port(proxy))),
        LEAT_OK);
    udp_run_listen(&run, "::");
    /* The family of the destination is the relay's business. */
    udp_run_send(&run, "a", "127.0.0.1", 9);
    cr_expect_eq(udp_plain_recv(relay, received, sizeof(received), &from), 11);
    cr_expect_eq(memcmp(received, "\0\0\0" TO_9 "a", 11), 0);
    udp_plain_send(relay, received, 11, "::1", from);
    udp_run_until_messages(&run, 1);
    udp_run_expect(&run, 0, "a", "127.0.0.1", "IPv4", 9);
    udp_run_done(&run);
    leat_testing_server_free(proxy);
    close(relay);
}

Test(udp_proxy, with_a_password)
{
    struct bench bench;
    struct leat_testing_seen seen;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", true, LEAT_SCRIPT_CLOSE);
    const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x02")},
        {LEAT_SCRIPT_READ_SOCKS5_AUTH},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01\x00")},
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("\x05\x03\x00\x01\0\0\0\0\0\0")},
        {LEAT_SCRIPT_SEND, .data = bench.reply, .len = sizeof(bench.reply)},
        {LEAT_SCRIPT_WAIT},
        {LEAT_SCRIPT_CLOSE},
    };
    memcpy(bench.script, script, sizeof(script));
    cr_assert_eq(leat_config_set_proxy(bench.run.config,
                                       sandbox_format("socks5h://alice:hunter2@127.0.0.1:%u",
                                                      leat_testing_server_get_port(bench.proxy))),
                 LEAT_OK);
    udp_run_listen(&bench.run, "127.0.0.1");
    udp_run_send(&bench.run, "a", "127.0.0.1", 9);
    relay_expect(&bench, BYTES("\0\0\0" TO_9 "a"));
    leat_testing_server_get_seen(bench.proxy, &seen);
    cr_expect_str_eq(seen.user, "alice");
    cr_expect_str_eq(seen.password, "hunter2");
    cr_expect(!strstr(bench.run.trace, "hunter2"));
    bench_done(&bench);
}

/* Nothing belongs there, and nothing comes of it. */
Test(udp_proxy, a_proxy_that_talks_on_the_control_connection)
{
    struct bench bench;
    static uint8_t chatter[65536];
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", false, LEAT_SCRIPT_CLOSE);
    struct leat_script_row *step = &bench.script[5];
    cr_assert_eq(step->action, LEAT_SCRIPT_WAIT);
    *step = (struct leat_script_row){LEAT_SCRIPT_SEND, .data = chatter, .len = sizeof(chatter),
                                     .repeat = 64};
    step[1] = (struct leat_script_row){LEAT_SCRIPT_WAIT, .label = "told"};
    step[2] = (struct leat_script_row){LEAT_SCRIPT_CLOSE};
    udp_run_listen(&bench.run, "127.0.0.1");
    while (!leat_testing_server_wait_step(bench.proxy, "told", 1, 0))
        cr_assert_eq(leat_loop_dispatch(bench.run.loop, 10), LEAT_OK);
    udp_run_send(&bench.run, "a", "127.0.0.1", 9);
    relay_expect(&bench, BYTES("\0\0\0" TO_9 "a"));
    cr_expect_eq(bench.run.error_count + bench.run.message_count, 0);
    bench_done(&bench);
}

/* A socket that is bound to the loopback interface reaches nothing else. */
Test(udp_proxy, a_relay_that_the_socket_cannot_reach)
{
    struct bench bench;
    bench_init(&bench, "socks5h", "\xc0\0\x02\x07", false, LEAT_SCRIPT_CLOSE);
    udp_run_bind(&bench.run, "127.0.0.1");
    udp_run_send(&bench.run, "a", "example.com", 9);
    udp_run_until_error(&bench.run, 1, SOCKET_CODE(EINVAL),
                        "sending to example.com:9: EINVAL (Invalid argument)");
    udp_run_send_refused(&bench.run, "127.0.0.1", 9, SOCKET_CODE(EINVAL), "127.0.0.1:9: EINVAL");
    cr_expect_eq(bench.run.closed_count, 0);
    bench_done(&bench);
}

Test(udp_proxy, what_is_sent_before_the_relay_is_there_waits)
{
    struct bench bench;
    struct leat_udp_drops drops;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", true, LEAT_SCRIPT_CLOSE);
    udp_run_bind(&bench.run, "127.0.0.1");
    udp_run_send(&bench.run, "a", "127.0.0.1", 9);
    udp_run_send(&bench.run, "b", "example.com", 9);
    relay_send(&bench, BYTES("\0\0\0" TO_9 "too early"));
    bench_until_associate(&bench);
    udp_run_settle(&bench.run);
    cr_expect_eq(bench.run.listening_count, 0);
    cr_expect_gt(leat_udp_socket_get_buffered_bytes(bench.run.udp), 2);
    leat_testing_server_release(bench.proxy);
    while (leat_udp_socket_get_buffered_bytes(bench.run.udp) > 0)
        cr_assert_eq(leat_loop_dispatch(bench.run.loop, 1000), LEAT_OK);
    relay_expect(&bench, BYTES("\0\0\0" TO_9 "a"));
    relay_expect(&bench, BYTES("\0\0\0\x03\x0b"
                               "example.com\0\x09"
                               "b"));
    leat_udp_socket_get_drops(bench.run.udp, &drops);
    cr_expect_eq(drops.wrong_source, 1);
    cr_expect_eq(bench.run.message_count, 0);
    bench_done(&bench);
}

Test(udp_proxy, the_queue_has_a_limit)
{
    struct bench bench;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", true, LEAT_SCRIPT_CLOSE);
    cr_assert_eq(leat_config_set_send_queue_limit(bench.run.config, 4000), LEAT_OK);
    udp_run_bind(&bench.run, "127.0.0.1");
    size_t accepted = 0;
    while (leat_udp_socket_send(bench.run.udp, "", 0, "127.0.0.1", 9) == LEAT_OK) {
        accepted++;
        cr_assert_lt(accepted, 1000, "empty datagrams need memory too");
    }
    cr_expect_gt(accepted, 5);
    udp_run_send_refused(&bench.run, "127.0.0.1", 9, SOCKET_CODE(EAGAIN), "queue is full");
    cr_expect_leq(leat_udp_socket_get_buffered_bytes(bench.run.udp), 4000);
    leat_testing_server_release(bench.proxy);
    while (bench.run.writable_count == 0)
        cr_assert_eq(leat_loop_dispatch(bench.run.loop, 1000), LEAT_OK);
    cr_expect_eq(bench.run.writable_count, 1);
    for (size_t i = 0; i < accepted; i++)
        relay_expect(&bench, BYTES("\0\0\0" TO_9));
    bench_done(&bench);
}

Test(udp_proxy, socket_timeout_while_the_proxy_is_silent)
{
    struct bench bench;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", true, LEAT_SCRIPT_CLOSE);
    udp_run_set_timeout(&bench.run, 30);
    udp_run_bind(&bench.run, "127.0.0.1");
    udp_run_send(&bench.run, "a", "example.com", 9);
    udp_run_send(&bench.run, "b", "127.0.0.1", 9);
    udp_run_until_error(&bench.run, 1, SOCKET_CODE(ETIMEDOUT),
                        "sending to example.com:9: ETIMEDOUT, the proxy had no relay for it");
    udp_run_until_error(&bench.run, 2, SOCKET_CODE(ETIMEDOUT), "127.0.0.1:9");
    cr_expect_eq(bench.run.closed_count, 0);
    bench_until_associate(&bench);
    bench_done(&bench);
}

/* The program stands still beyond the timeout, and the relay's address has come meanwhile. */
Test(udp_proxy, socket_timeout_behind_an_answer_that_lies_in_the_kernel)
{
    struct bench bench;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", true, LEAT_SCRIPT_CLOSE);
    uint16_t proxy = leat_testing_server_get_port(bench.proxy);
    struct pollfd due = {.fd = leat_loop_get_fd(bench.run.loop), .events = POLLIN};
    udp_run_set_timeout(&bench.run, 50);
    udp_run_bind(&bench.run, "127.0.0.1");
    while (!leat_testing_server_wait_step(bench.proxy, "associate", 1, 0) || poll(&due, 1, 0) > 0)
        cr_assert_eq(leat_loop_dispatch(bench.run.loop, 1), LEAT_OK);
    udp_run_send(&bench.run, "a", "127.0.0.1", 9);
    cr_assert_eq(poll(&due, 1, UDP_RUN_TIMEOUT_MS), 1, "only the timer can make it readable");
    leat_testing_server_release(bench.proxy);
    cr_assert_eq(raw_arrived(proxy, false, UDP_RUN_TIMEOUT_MS), 1);
    cr_assert_eq(leat_loop_dispatch(bench.run.loop, 0), LEAT_OK);
    relay_expect(&bench, BYTES("\0\0\0" TO_9 "a"));
    cr_expect_eq(bench.run.error_count, 0);
    bench_done(&bench);
}

Test(udp_proxy, the_relay_is_not_there)
{
    struct bench bench;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", false, LEAT_SCRIPT_CLOSE);
    udp_run_listen(&bench.run, "127.0.0.1");
    close(bench.relay_fd);
    udp_run_send(&bench.run, "a", "10.1.2.3", 9);
    udp_run_until_error(&bench.run, 1, SOCKET_CODE(ECONNREFUSED),
                        sandbox_format("the proxy's relay 127.0.0.1:%u", bench.relay_port));
    cr_expect_eq(bench.run.closed_count, 0);
    bench.relay_fd = -1;
    bench_done(&bench);
}

Test(udp_proxy, the_largest_datagram_leaves_room_for_the_header)
{
    struct bench bench;
    struct leat_error error;
    static uint8_t data[65536];
    static uint8_t received[65536];
    uint16_t from;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", false, LEAT_SCRIPT_CLOSE);
    udp_run_listen(&bench.run, "127.0.0.1");
    leat_udp_socket *udp = bench.run.udp;
    cr_expect_eq(leat_udp_socket_send(udp, data, 65498, "127.0.0.1", 9), SOCKET_CODE(EMSGSIZE));
    leat_udp_socket_get_error(udp, &error);
    cr_expect(strstr(error.text, "at most 65497 are possible"), "%s", error.text);
    cr_expect_eq(leat_udp_socket_send(udp, data, 65490, "name", 9), LEAT_OK);
    cr_expect_eq(udp_plain_recv(bench.relay_fd, received, sizeof(received), &from), 65501);
    cr_expect_eq(leat_udp_socket_send(udp, data, 65497, "127.0.0.1", 9), LEAT_OK);
    cr_expect_eq(udp_plain_recv(bench.relay_fd, received, sizeof(received), &from), 65507);
    bench_done(&bench);
}

Test(udp_proxy, what_socks5_cannot_say)
{
    struct bench bench;
    char name[300];
    memset(name, 'x', sizeof(name));
    name[256] = '\0';
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", false, LEAT_SCRIPT_CLOSE);
    udp_run_listen(&bench.run, "127.0.0.1");
    udp_run_send_refused(&bench.run, name, 9, LEAT_E_SOCKS5_SERIALIZE, "longer than 255 bytes");
    udp_run_send_refused(&bench.run, "", 9, LEAT_E_SOCKS5_SERIALIZE, "empty");
    udp_run_send_refused(&bench.run, "127.0.0.1", 0, LEAT_E_SOCKS5_SERIALIZE, "port is 0");
    cr_expect_eq(leat_multicast_socket_add_membership(bench.run.udp, "239.0.0.1", 0, "lo"),
                 SOCKET_CODE(EOPNOTSUPP));
    bench_done(&bench);
}

/* ---- the end of the association ---------------------------------------------------------- */

Test(udp_proxy, the_proxy_ends_the_association)
{
    struct bench bench;
    struct leat_error error;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", false, LEAT_SCRIPT_CLOSE);
    udp_run_listen(&bench.run, "127.0.0.1");
    leat_testing_server_release(bench.proxy);
    udp_run_until_closed(&bench.run);
    udp_run_until_error(&bench.run, 1, LEAT_E_SOCKS5_RECV,
                        "the proxy closed the control connection, which ends the association");
    cr_expect_eq(bench.run.errors[0].layer, LEAT_LAYER_SOCKS5);
    cr_expect_str_eq(bench.run.errors[0].hop,
                     sandbox_format("127.0.0.1:%u", leat_testing_server_get_port(bench.proxy)));
    leat_udp_socket_get_error(bench.run.udp, &error);
    cr_expect_eq(error.code, LEAT_E_SOCKS5_RECV);
    udp_run_send_refused(&bench.run, "127.0.0.1", 9, SOCKET_CODE(EBADF), "not bound");
    bench_done(&bench);
}

Test(udp_proxy, the_control_connection_breaks)
{
    struct bench bench;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", false, LEAT_SCRIPT_RESET);
    udp_run_listen(&bench.run, "127.0.0.1");
    leat_testing_server_release(bench.proxy);
    udp_run_until_closed(&bench.run);
    udp_run_until_error(&bench.run, 1, LEAT_E_SOCKS5_RECV, "the control connection broke");
    cr_expect_eq(bench.run.errors[0].sys_errno, ECONNRESET);
    bench_done(&bench);
}

static void hook_free_at_error(struct udp_run *run, const char *event)
{
    if (strcmp(event, "error") != 0)
        return;
    leat_udp_socket_free(run->udp);
    run->udp = NULL;
    run->hook_count++;
}

static void hook_close_at_error(struct udp_run *run, const char *event)
{
    if (strcmp(event, "error") != 0)
        return;
    cr_expect_eq(leat_udp_socket_close(run->udp), LEAT_OK);
    run->hook_count++;
}

static void hook_at_the_end(void (*hook)(struct udp_run *, const char *), unsigned closed_count)
{
    struct bench bench;
    bench_init(&bench, "socks5h", "\x7f\0\0\x01", false, LEAT_SCRIPT_CLOSE);
    udp_run_listen(&bench.run, "127.0.0.1");
    bench.run.hook = hook;
    leat_testing_server_release(bench.proxy);
    while (bench.run.hook_count == 0)
        cr_assert_eq(leat_loop_dispatch(bench.run.loop, UDP_RUN_TIMEOUT_MS), LEAT_OK);
    udp_run_settle(&bench.run);
    cr_expect_eq(bench.run.closed_count, closed_count);
    bench_done(&bench);
}

Test(udp_proxy, free_when_the_association_ends)
{
    hook_at_the_end(hook_free_at_error, 0);
}

Test(udp_proxy, close_when_the_association_ends)
{
    hook_at_the_end(hook_close_at_error, 1);
}

Test(udp_proxy, close_and_free_while_associating)
{
    struct bench bench;
    for (int round = 0; round < 2; round++) {
        bench_init(&bench, "socks5h", "\x7f\0\0\x01", true, LEAT_SCRIPT_CLOSE);
        udp_run_bind(&bench.run, "127.0.0.1");
        udp_run_send(&bench.run, "a", "127.0.0.1", 9);
        if (round == 0) {
            cr_expect_eq(leat_udp_socket_close(bench.run.udp), LEAT_OK);
            udp_run_until_closed(&bench.run);
            cr_expect_eq(leat_udp_socket_get_buffered_bytes(bench.run.udp), 0);
        }
        udp_run_done(&bench.run);
        leat_testing_server_free(bench.proxy);
        close(bench.relay_fd);
    }
}
