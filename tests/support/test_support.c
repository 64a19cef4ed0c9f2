/* SPDX-License-Identifier: Apache-2.0 */
/* The tools of the tests, on their own: plain sockets against the scripted peer and the DNS server,
 * and every real peer started once. */
#include "support/certificates.h"
#include "support/dns_server.h"
#include "support/patience.h"
#include "support/peers.h"
#include "support/sandbox.h"
#include "support/script_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS PATIENCE_MS(5000)

TestSuite(support, .fini = sandbox_done, .timeout = 60);

static int port_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void bytes_send(int fd, const void *data, size_t len)
{
    cr_assert(send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len, "%s", strerror(errno));
}

static void bytes_expect(int fd, const void *expected, size_t len)
{
    char buf[1024];
    cr_assert(recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len, "%s", strerror(errno));
    cr_expect(memcmp(buf, expected, len) == 0);
}

static void problem_expect(leat_testing_server *peer, const char *problem)
{
    struct leat_testing_seen seen;
    cr_expect(leat_testing_server_wait_idle(peer, WAIT_MS));
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(strcmp(seen.problem, problem) == 0, "%s", seen.problem);
}

Test(support, peer_plays_its_script)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("hello")},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("wor"), .hold = true},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("ld"), .split = 1, .repeat = 2},
        {LEAT_SCRIPT_READ, .number = 2, .label = "two"},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *peer = script_server_start(script);
    int fd = port_connect(leat_testing_server_get_port(peer));
    bytes_send(fd, "hel", 3);
    bytes_send(fd, "lo", 2);
    bytes_expect(fd, "worldld", 7);
    cr_expect(leat_testing_server_wait_step(peer, "two", 1, WAIT_MS));
    cr_expect(!leat_testing_server_wait_step(peer, "three", 1, 1));
    bytes_send(fd, "xy", 2);
    char byte;
    cr_expect(recv(fd, &byte, 1, 0) == 0);
    close(fd);
    problem_expect(peer, "");
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.connections == 1 && seen.flights == 2 && seen.bytes_in == 7 &&
              seen.bytes_out == 7);
    leat_testing_server_free(peer);
}

Test(support, peer_reports_what_the_script_does_not_say)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("hello")}, {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    int fd = port_connect(leat_testing_server_get_port(peer));
    bytes_send(fd, "help!", 5);
    problem_expect(peer, "other bytes came than were expected");
    close(fd);
    leat_testing_server_free(peer);
}

Test(support, peer_resets)
{
    static const struct leat_script_row script[] = {{LEAT_SCRIPT_READ, .number = 1},
                                                    {LEAT_SCRIPT_RESET}};
    leat_testing_server *peer = script_server_start(script);
    int fd = port_connect(leat_testing_server_get_port(peer));
    char byte = 0;
    bytes_send(fd, &byte, 1);
    cr_expect(recv(fd, &byte, 1, 0) == -1 && errno == ECONNRESET);
    close(fd);
    leat_testing_server_free(peer);
}

Test(support, peer_waits_and_is_freed_in_the_middle)
{
    static const struct leat_script_row waits[] = {{LEAT_SCRIPT_WAIT, .label = "waits"},
                                                   {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("x")},
                                                   {LEAT_SCRIPT_WAIT},
                                                   {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row stalls[] = {{LEAT_SCRIPT_STALL, .label = "stalls"},
                                                    {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer =
        script_server_new(&(struct leat_testing_options){.scripts = {waits, stalls}});
    int first = port_connect(leat_testing_server_get_port(peer));
    cr_expect(leat_testing_server_wait_step(peer, "waits", 1, WAIT_MS));
    int second = port_connect(leat_testing_server_get_port(peer));
    cr_expect(leat_testing_server_wait_step(peer, "stalls", 1, WAIT_MS));
    leat_testing_server_release(peer);
    bytes_expect(first, "x", 1);
    leat_testing_server_free(peer);
    close(first);
    close(second);
}

Test(support, peer_is_a_proxy)
{
    static const struct leat_script_row target_script[] = {
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("ping")},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("pong")},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row proxy_script[] = {
        LEAT_SCRIPT_SOCKS5_OPEN, {LEAT_SCRIPT_RELAY}, {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *target = script_server_start(target_script);
    leat_testing_server *proxy = script_server_start(proxy_script);
    int fd = port_connect(leat_testing_server_get_port(proxy));
    uint16_t port = leat_testing_server_get_port(target);
    const uint8_t request[] = {5,
                               1,
                               0,
                               3,
                               9,
                               'e',
                               'c',
                               'h',
                               'o',
                               '.',
                               't',
                               'e',
                               's',
                               't',
                               (uint8_t)(port >> 8),
                               (uint8_t)port};
    bytes_send(fd, "\x05\x01\x00", 3);
    bytes_expect(fd, "\x05\x00", 2);
    bytes_send(fd, request, sizeof(request));
    bytes_expect(fd, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10);
    bytes_send(fd, "ping", 4);
    bytes_expect(fd, "pong", 4);
    close(fd);
    problem_expect(target, "");
    problem_expect(proxy, "");
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(strcmp(seen.host, "echo.test") == 0 && seen.port == port);
    cr_expect(seen.method_count == 1 && seen.methods[0] == 0);
    leat_testing_server_free(proxy);
    leat_testing_server_free(target);
}

Test(support, dns_server_answers_and_counts)
{
    static const struct dns_record records[] = {
        {.name = "echo.test", .v4 = {"127.0.0.1"}, .v6 = {"::1"}}, {NULL}};
    static const uint8_t query[] = {0x12, 0x34, 1,   0, 0,   1,   0,   0,   0, 0, 0, 0, 4, 'E',
                                    'C',  'h',  'o', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};
    struct dns_server *server = dns_server_start(records);
    cr_assert(server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port =
        htons((uint16_t)strtoul(strchr(dns_server_address(server), ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    bytes_send(fd, query, sizeof(query));
    uint8_t answer[512];
    ssize_t len = recv(fd, answer, sizeof(answer), 0);
    cr_assert(len == (ssize_t)sizeof(query) + 16);
    cr_expect(answer[0] == 0x12 && answer[1] == 0x34 && answer[7] == 1);
    cr_expect(memcmp(answer + len - 4, "\x7f\x00\x00\x01", 4) == 0);
    cr_expect(dns_server_query_count(server) == 1);
    close(fd);
    dns_server_free(server);
}

Test(support, certificates_are_there)
{
    cr_expect(access(certificate_path("ca.pem"), R_OK) == 0);
    cr_expect(access(certificate_path("server.key"), R_OK) == 0);
}

Test(support, ports_refuse_and_do_not_answer)
{
    cr_expect(port_connect(refusing_port()) == -1 && errno == ECONNREFUSED);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(unanswering_port())};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_expect(connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1);
    cr_expect(errno == EINPROGRESS);
    close(fd);
}

Test(support, processes_end_with_their_status)
{
    const char *const argv[] = {"sh", "-c", "echo ready 5; read word; exit $word", NULL};
    struct process *process =
        process_start(&(struct process_options){.argv = argv, .has_input = true});
    char text[8];
    process_wait_line(process, "ready ", text, sizeof(text));
    cr_expect(strcmp(text, "5") == 0);
    cr_expect(write(process->input_fd, "7\n", 2) == 2);
    cr_expect(process_wait(process, WAIT_MS) == 7);
}

static void greeting_expect(uint16_t port, const char *methods, size_t count, const char *answer)
{
    int fd = port_connect(port);
    cr_assert(fd >= 0);
    char greeting[8] = {5, (char)count};
    memcpy(greeting + 2, methods, count);
    bytes_send(fd, greeting, 2 + count);
    bytes_expect(fd, answer, 2);
    close(fd);
}

Test(support, every_proxy_starts)
{
    greeting_expect(microsocks_start(NULL, NULL), "\x00", 1, "\x05\x00");
    greeting_expect(microsocks_start("alice", "secret"), "\x02", 1, "\x05\x02");
    greeting_expect(dante_start(), "\x00", 1, "\x05\x00");
    greeting_expect(ssh_proxy_start(), "\x00", 1, "\x05\x00");
}

Test(support, every_server_starts)
{
    static const struct server_options plain = {0};
    static const struct server_options tls = {.cert = "server.pem"};
    static const char request[] = "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    uint16_t port = python_server_start(&plain);
    uint16_t ports[] = {port, node_server_start(&plain)};
    for (size_t i = 0; i < 2; ++i) {
        int fd = port_connect(ports[i]);
        bytes_send(fd, request, sizeof(request) - 1);
        bytes_expect(fd, "HTTP/1.1 101", 12);
        close(fd);
    }
    uint16_t tls_port;
    const char *const arguments[] = {"-cert", certificate_path("server.pem"), "-key",
                                     certificate_path("server.key"), NULL};
    cr_expect(python_server_start(&tls) != 0 && node_server_start(&tls) != 0);
    cr_expect(nginx_start(&tls, port) != 0);
    cr_expect(openssl_server_start(arguments, &tls_port));
}
