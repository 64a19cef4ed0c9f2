/* SPDX-License-Identifier: Apache-2.0 */
/* What a program does to a UDP socket inside of its callbacks, and without memory. */
#include "sockets/udp_run.h"

#include "support/alloc_failure.h"
#include "support/dns_server.h"
#include "support/sandbox.h"
#include "support/script_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(udp_callbacks, .fini = sandbox_done, .timeout = 50);

static const struct dns_record names[] = {
    {.name = "echo.test", .behaviour = DNS_ANSWER, .v4 = {"127.0.0.1"}},
    {.name = "silent.test", .behaviour = DNS_SILENCE},
    {.name = NULL},
};

static void hook_free(struct udp_run *run, const char *event)
{
    (void)event;
    leat_udp_socket_free(run->udp);
    run->udp = NULL;
    run->hook_count++;
}

static void hook_close(struct udp_run *run, const char *event)
{
    if (strcmp(event, "closed") == 0)
        return;
    cr_expect_eq(leat_udp_socket_close(run->udp), LEAT_OK);
    run->hook_count++;
}

static void hook_rebind(struct udp_run *run, const char *event)
{
    if (strcmp(event, "closed") == 0 && run->hook_count++ == 0)
        cr_expect_eq(leat_udp_socket_bind(run->udp, "127.0.0.1", 0, NULL), LEAT_OK);
}

static void run_until_hooked(struct udp_run *run)
{
    for (int i = 0; run->hook_count == 0; i++) {
        cr_assert_lt(i, 1000);
        cr_assert_eq(leat_loop_dispatch(run->loop, UDP_RUN_TIMEOUT_MS), LEAT_OK);
    }
    udp_run_settle(run);
}

/* Two messages wait, and the first one's callback does `hook`. */
static void hook_in_message(void (*hook)(struct udp_run *, const char *), unsigned closed_count)
{
    struct udp_run run;
    uint16_t port;
    int peer = udp_plain_open("127.0.0.1", &port);
    udp_run_init(&run);
    udp_run_listen(&run, "127.0.0.1");
    udp_plain_send(peer, "one", 3, "127.0.0.1", udp_run_port(&run));
    udp_plain_send(peer, "two", 3, "127.0.0.1", udp_run_port(&run));
    run.hook = hook;
    run_until_hooked(&run);
    cr_expect_eq(run.message_count, 1);
    cr_expect_eq(run.closed_count, closed_count);
    udp_run_done(&run);
    close(peer);
}

Test(udp_callbacks, free_inside_of_message)
{
    hook_in_message(hook_free, 0);
}

Test(udp_callbacks, close_inside_of_message)
{
    hook_in_message(hook_close, 1);
}

static void hook_in_error(void (*hook)(struct udp_run *, const char *), unsigned closed_count)
{
    struct udp_run run;
    uint16_t nobody;
    close(udp_plain_open("127.0.0.1", &nobody));
    udp_run_init(&run);
    udp_run_listen(&run, "127.0.0.1");
    udp_run_send(&run, "one", "127.0.0.1", nobody);
    udp_run_send(&run, "two", "127.0.0.1", nobody);
    run.hook = hook;
    run_until_hooked(&run);
    cr_expect_eq(run.error_count, 1);
    cr_expect_eq(run.closed_count, closed_count);
    udp_run_done(&run);
}

Test(udp_callbacks, free_inside_of_error)
{
    hook_in_error(hook_free, 0);
}

Test(udp_callbacks, close_inside_of_error)
{
    hook_in_error(hook_close, 1);
}

Test(udp_callbacks, free_inside_of_listening_and_closed)
{
    struct udp_run run;
    udp_run_init(&run);
    run.hook = hook_free;
    udp_run_bind(&run, "127.0.0.1");
    run_until_hooked(&run);
    cr_expect_eq(run.listening_count, 1);
    udp_run_done(&run);

    udp_run_init(&run);
    udp_run_listen(&run, "127.0.0.1");
    cr_expect_eq(leat_udp_socket_close(run.udp), LEAT_OK);
    run.hook = hook_free;
    run_until_hooked(&run);
    cr_expect_eq(run.closed_count, 1);
    udp_run_done(&run);
}

Test(udp_callbacks, bind_inside_of_closed)
{
    struct udp_run run;
    udp_run_init(&run);
    udp_run_listen(&run, "127.0.0.1");
    cr_expect_eq(leat_udp_socket_close(run.udp), LEAT_OK);
    run.hook = hook_rebind;
    run_until_hooked(&run);
    cr_expect_eq(run.listening_count, 2);
    cr_expect_geq(leat_udp_socket_get_socket_fd(run.udp), 0);
    udp_run_done(&run);
}

Test(udp_callbacks, free_while_everything_waits)
{
    struct udp_run run;
    udp_run_init(&run);
    struct dns_server *server = dns_server_start(names);
    cr_assert(server);
    cr_assert_eq(leat_config_set_dns_servers(run.config, dns_server_address(server)), LEAT_OK);
    size_t descriptors = open_descriptor_count();
    udp_run_bind(&run, "127.0.0.1");
    udp_run_send(&run, "lost", "silent.test", 9);
    udp_run_send(&run, "lost", "echo.test", 9);
    leat_udp_socket_free(run.udp);
    run.udp = NULL;
    udp_run_settle(&run);
    cr_expect_eq(run.listening_count + run.closed_count, 0);
    udp_run_done(&run);
    cr_expect_leq(open_descriptor_count(), descriptors);
    dns_server_free(server);
}

/* ---- without memory ---------------------------------------------------------------------- */

/* What one run without memory has come to. */
struct outcome {
    bool received, failed, closed;
    int code;
};

static void memory_message(leat_udp_socket *udp, const uint8_t *data, size_t len,
                           const struct leat_remote_info *remote, void *user)
{
    (void)udp;
    (void)remote;
    struct outcome *outcome = user;
    outcome->received = len == 4 && memcmp(data, "ping", 4) == 0;
}

static void memory_error(leat_udp_socket *udp, const struct leat_error *error, void *user)
{
    (void)udp;
    struct outcome *outcome = user;
    outcome->failed = true;
    outcome->code = error->code;
}

static void memory_closed(leat_udp_socket *udp, void *user)
{
    (void)udp;
    struct outcome *outcome = user;
    outcome->closed = true;
}

static const struct leat_udp_socket_callbacks memory_callbacks = {
    .size = sizeof(memory_callbacks),
    .message = memory_message,
    .error = memory_error,
    .closed = memory_closed,
};

static struct {
    const char *dns_servers;
    const char *proxy;
    const char *host;
    uint16_t port;
    int relay_fd; /* -1 = somebody else answers */
} memory_world;

/* The relay sends back what has come, if anything has. */
static void memory_relay(void)
{
    uint8_t buf[512];
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    ssize_t n = recvfrom(memory_world.relay_fd, buf, sizeof(buf), MSG_DONTWAIT,
                         (struct sockaddr *)&from, &size);
    if (n > 0)
        (void)sendto(memory_world.relay_fd, buf, (size_t)n, 0, (struct sockaddr *)&from, size);
}

static bool memory_run(leat_loop *loop, const leat_config *config)
{
    struct outcome outcome = {.received = false};
    leat_udp_socket *udp = NULL;
    int code = leat_udp_socket_new(loop, &memory_callbacks, &outcome, &udp);
    if (code == LEAT_OK)
        code = leat_udp_socket_bind(udp, "127.0.0.1", 0, config);
    if (code == LEAT_OK)
        code = leat_udp_socket_send(udp, "ping", 4, memory_world.host, memory_world.port);
    while (code == LEAT_OK && !outcome.received && !outcome.failed && !outcome.closed) {
        code = leat_loop_dispatch(loop, 5);
        if (memory_world.relay_fd >= 0)
            memory_relay();
    }
    leat_udp_socket_free(udp);
    cr_expect(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL ||
                  code == LEAT_E_SOCKET_BASE + EHOSTUNREACH,
              "%d", code);
    return outcome.received;
}

static bool memory_attempt(void)
{
    leat_loop *loop = NULL;
    leat_config *config = NULL;
    bool received = false;
    int code = leat_loop_new(&loop);
    if (code == LEAT_OK)
        code = leat_config_new(&config);
    if (code == LEAT_OK && memory_world.dns_servers)
        code = leat_config_set_dns_servers(config, memory_world.dns_servers);
    if (code == LEAT_OK && memory_world.proxy)
        code = leat_config_set_proxy(config, memory_world.proxy);
    if (code == LEAT_OK)
        received = memory_run(loop, config);
    leat_config_free(config);
    leat_loop_free(loop);
    return received;
}

Test(udp_callbacks, no_memory_for_a_name)
{
    struct dns_server *server = dns_server_start(names);
    cr_assert(server);
    memory_world.dns_servers = dns_server_address(server);
    memory_world.host = "echo.test";
    memory_world.port = udp_echo_start("127.0.0.1");
    memory_world.relay_fd = -1;
    cr_expect_gt(alloc_failure_run_all(memory_attempt), 10);
    dns_server_free(server);
}

Test(udp_callbacks, no_memory_for_a_proxy)
{
    static uint8_t reply[10] = "\x05\x00\x00\x01\x7f\x00\x00\x01";
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_SOCKS5_GREETING},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")},
        {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("\x05\x03\x00\x01\0\0\0\0\0\0")},
        {LEAT_SCRIPT_SEND, .data = reply, .len = sizeof(reply)},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE},
    };
    uint16_t port;
    memory_world.relay_fd = udp_plain_open("127.0.0.1", &port);
    reply[8] = (uint8_t)(port >> 8);
    reply[9] = (uint8_t)(port & 0xff);
    leat_testing_server *proxy = script_server_start(script);
    cr_assert(proxy);
    memory_world.proxy =
        sandbox_format("socks5h://127.0.0.1:%u", leat_testing_server_get_port(proxy));
    memory_world.host = "example.com";
    memory_world.port = 9;
    cr_expect_gt(alloc_failure_run_all(memory_attempt), 10);
    leat_testing_server_free(proxy);
    close(memory_world.relay_fd);
}
