/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams that leave and come together, and what happens in the middle of them. */
#include "sockets/udp_run.h"

#include "support/alloc_failure.h"
#include "support/process.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(udp_batch, .fini = sandbox_done, .timeout = 50);

#define SOCKET_CODE(e) (LEAT_E_SOCKET_BASE + (e))
#define LONGEST        65507u

static struct {
    int peers[2];
    uint16_t ports[2], nobody;
    size_t count;
} world;

static void world_init(struct udp_run *run)
{
    memset(&world, 0, sizeof(world));
    for (size_t i = 0; i < 2; i++)
        world.peers[i] = udp_plain_open("127.0.0.1", &world.ports[i]);
    close(udp_plain_open("127.0.0.1", &world.nobody));
    udp_run_init(run);
}

static void world_done(struct udp_run *run)
{
    udp_run_done(run);
    close(world.peers[0]);
    close(world.peers[1]);
}

/* ---- out --------------------------------------------------------------------------------- */

/* Of every length from 0 on in turn, and the number of the datagram wherever it has room. */
static size_t numbered(uint8_t *data, size_t i)
{
    size_t len = i / 3 * 7 % 300;
    memset(data, (int)(i & 0xff), len);
    return len;
}

static void peer_expect_number(int peer, size_t i)
{
    uint8_t data[300], wanted[300];
    uint16_t from;
    size_t len = numbered(wanted, i);
    cr_assert_eq(udp_plain_recv(peer, data, sizeof(data), &from), len, "datagram %zu", i);
    cr_assert_eq(memcmp(data, wanted, len), 0, "datagram %zu", i);
}

static void send_numbered(struct udp_run *run, size_t i, const char *address, uint16_t port)
{
    uint8_t data[300];
    size_t len = numbered(data, i);
    cr_assert_eq(leat_udp_socket_send(run->udp, data, len, address, port), LEAT_OK, "%zu", i);
}

static void hook_burst(struct udp_run *run, const char *event)
{
    if (strcmp(event, "listening") != 0)
        return;
    for (size_t i = 0; i < world.count; i++)
        send_numbered(run, i, "127.0.0.1", world.ports[i / 5 % 2]);
    run->hook_count++;
}

Test(udp_batch, a_burst_keeps_lengths_and_order)
{
    struct udp_run run;
    world_init(&run);
    world.count = 200;
    run.hook = hook_burst;
    udp_run_listen(&run, "127.0.0.1");
    for (size_t i = 0; i < world.count; i++)
        peer_expect_number(world.peers[i / 5 % 2], i);
    cr_expect_eq(leat_udp_socket_get_buffered_bytes(run.udp), 0);
    cr_expect_eq(run.error_count, 0);
    world_done(&run);
}

Test(udp_batch, a_short_queue_refuses_nothing_that_the_kernel_takes)
{
    struct udp_run run;
    world_init(&run);
    world.count = 150;
    run.hook = hook_burst;
    cr_assert_eq(leat_config_set_send_queue_limit(run.config, 600), LEAT_OK);
    udp_run_listen(&run, "127.0.0.1");
    for (size_t i = 0; i < world.count; i++)
        peer_expect_number(world.peers[i / 5 % 2], i);
    cr_expect_eq(run.writable_count, 0);
    world_done(&run);
}

static void hook_burst_and_close(struct udp_run *run, const char *event)
{
    hook_burst(run, event);
    if (strcmp(event, "listening") == 0)
        cr_expect_eq(leat_udp_socket_close(run->udp), LEAT_OK);
}

static void hook_burst_and_free(struct udp_run *run, const char *event)
{
    hook_burst(run, event);
    leat_udp_socket_free(run->udp);
    run->udp = NULL;
}

static void burst_at_the_end(void (*hook)(struct udp_run *, const char *))
{
    struct udp_run run;
    world_init(&run);
    world.count = 90;
    run.hook = hook;
    udp_run_listen(&run, "127.0.0.1");
    for (size_t i = 0; i < world.count; i++)
        peer_expect_number(world.peers[i / 5 % 2], i);
    udp_run_settle(&run);
    world_done(&run);
}

Test(udp_batch, close_sends_what_was_sent_before_it)
{
    burst_at_the_end(hook_burst_and_close);
}

Test(udp_batch, free_sends_what_was_sent_before_it)
{
    burst_at_the_end(hook_burst_and_free);
}

/* ---- what fails in between ----------------------------------------------------------------- */

static void hook_every_other_to_nobody(struct udp_run *run, const char *event)
{
    if (strcmp(event, "listening") != 0)
        return;
    for (size_t i = 0; i < world.count; i++) {
        udp_run_send(run, "lost", "127.0.0.1", world.nobody);
        udp_run_send(run, "lost as well", "127.0.0.1", world.nobody);
        send_numbered(run, i, "127.0.0.1", world.ports[0]);
    }
}

/* What ICMP says about one datagram comes out of the call for the next. */
Test(udp_batch, icmp_is_of_whom_nobody_hears)
{
    struct udp_run run;
    world_init(&run);
    world.count = 20;
    run.hook = hook_every_other_to_nobody;
    udp_run_listen(&run, "127.0.0.1");
    for (size_t i = 0; i < world.count; i++)
        peer_expect_number(world.peers[0], i);
    udp_run_until_error(&run, 2 * world.count, SOCKET_CODE(ECONNREFUSED),
                        "did not take a datagram");
    udp_run_settle(&run);
    cr_expect_eq(run.error_count, 2 * world.count);
    for (size_t i = 0; i < run.error_count; i++)
        cr_expect_str_eq(run.errors[i].hop, sandbox_format("127.0.0.1:%u", world.nobody));
    world_done(&run);
}

/* More than a network of 1,500 bytes takes, and may not be cut. */
#define TOO_LONG 1600

static void hook_too_long_in_the_middle(struct udp_run *run, const char *event)
{
    static const uint8_t zeros[TOO_LONG];
    int never_cut = IP_PMTUDISC_DO;
    if (strcmp(event, "listening") != 0)
        return;
    cr_assert_eq(setsockopt(leat_udp_socket_get_socket_fd(run->udp), IPPROTO_IP, IP_MTU_DISCOVER,
                            &never_cut, sizeof(never_cut)),
                 0);
    for (size_t i = 0; i < world.count; i++) {
        if (i % 10 == 5)
            cr_assert_eq(
                leat_udp_socket_send(run->udp, zeros, sizeof(zeros), "127.0.0.1", world.ports[0]),
                LEAT_OK);
        send_numbered(run, i, "127.0.0.1", world.ports[0]);
    }
}

/* A network of its own, in which not every datagram fits. */
static void short_network_enter(void)
{
    if (!udp_own_network())
        cr_skip_test("the kernel gives no network of its own");
    const char *const argv[] = {"ip", "link", "set", "lo", "mtu", "1500", NULL};
    struct process *ip = process_start(&(struct process_options){.argv = argv});
    cr_assert_eq(process_wait(ip, UDP_RUN_TIMEOUT_MS), 0);
}

Test(udp_batch, one_that_is_too_long_is_reported_alone)
{
    struct udp_run run;
    short_network_enter();
    world_init(&run);
    world.count = 30;
    run.hook = hook_too_long_in_the_middle;
    udp_run_bind(&run, "127.0.0.1");
    udp_run_settle(&run);
    cr_assert_eq(run.listening_count, 1);
    for (size_t i = 0; i < world.count; i++)
        peer_expect_number(world.peers[0], i);
    udp_run_settle(&run);
    cr_expect_eq(run.error_count, 3);
    for (size_t i = 0; i < run.error_count; i++) {
        cr_expect_eq(run.errors[i].code, SOCKET_CODE(EMSGSIZE), "%s", run.errors[i].text);
        cr_expect_str_eq(run.errors[i].hop, sandbox_format("127.0.0.1:%u", world.ports[0]));
    }
    world_done(&run);
}

static void hook_stubborn(struct udp_run *run, const char *event)
{
    static const uint8_t zeros[TOO_LONG];
    if (strcmp(event, "error") == 0 && run->error_count < UDP_RUN_EVENTS - 1)
        run->hook_count += leat_udp_socket_send(run->udp, zeros, sizeof(zeros), "127.0.0.1",
                                                world.ports[0]) != LEAT_OK;
    else
        hook_too_long_in_the_middle(run, event);
}

/* A program that sends again whatever fails is told by the call, or in another round. */
Test(udp_batch, sending_again_what_fails_does_not_go_round_for_ever)
{
    struct udp_run run;
    short_network_enter();
    world_init(&run);
    world.count = 8;
    run.hook = hook_stubborn;
    udp_run_bind(&run, "127.0.0.1");
    udp_run_settle(&run);
    cr_assert_eq(run.listening_count, 1);
    for (size_t i = 0; i < world.count; i++)
        peer_expect_number(world.peers[0], i);
    udp_run_settle(&run);
    cr_expect_geq(run.error_count, 1);
    cr_expect_eq(run.hook_count, 1);
    world_done(&run);
}

/* ---- in ---------------------------------------------------------------------------------- */

#define WAITING 40

static void hook_third(struct udp_run *run, const char *event)
{
    if (strcmp(event, "message") == 0 && run->message_count == 3)
        cr_expect_eq(leat_udp_socket_close(run->udp), LEAT_OK);
}

static void hook_third_free(struct udp_run *run, const char *event)
{
    (void)event;
    if (run->message_count < 3)
        return;
    leat_udp_socket_free(run->udp);
    run->udp = NULL;
}

static void end_in_the_middle(void (*hook)(struct udp_run *, const char *), unsigned closed_count)
{
    struct udp_run run;
    world_init(&run);
    udp_run_listen(&run, "127.0.0.1");
    for (int i = 0; i < WAITING; i++)
        udp_plain_send(world.peers[0], "more", 4, "127.0.0.1", udp_run_port(&run));
    run.hook = hook;
    udp_run_settle(&run);
    udp_run_settle(&run);
    cr_expect_eq(run.message_count, 3);
    cr_expect_eq(run.closed_count, closed_count);
    world_done(&run);
}

Test(udp_batch, nothing_is_delivered_behind_close)
{
    end_in_the_middle(hook_third, 1);
}

Test(udp_batch, nothing_is_delivered_behind_free)
{
    end_in_the_middle(hook_third_free, 0);
}

static const size_t lengths[] = {10, 3000, LONGEST, 0, 5, 2047, 2048, 2049, 7, 60000, 1, 1, 2};
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static void pattern_fill(uint8_t *data, size_t len, size_t seed)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 31 + (i >> 8) + seed * 77);
}

static void lengths_message(leat_udp_socket *udp, const uint8_t *data, size_t len,
                            const struct leat_remote_info *remote, void *user)
{
    static uint8_t wanted[LONGEST];
    size_t *count = user;
    (void)udp;
    cr_assert_eq(len, lengths[*count % LENGTHS], "datagram %zu: %zu", *count, len);
    pattern_fill(wanted, len, *count);
    cr_assert_eq(memcmp(data, wanted, len), 0, "datagram %zu", *count);
    cr_assert_eq(remote->port, world.ports[*count % 2]);
    cr_assert_str_eq(remote->address, "127.0.0.1");
    (*count)++;
}

Test(udp_batch, long_and_short_ones_come_whole)
{
    static const struct leat_udp_socket_callbacks callbacks = {.size = sizeof(callbacks),
                                                               .message = lengths_message};
    static uint8_t data[LONGEST];
    struct udp_run run;
    size_t count = 0;
    world_init(&run);
    udp_run_listen(&run, "127.0.0.1");
    cr_assert_eq(leat_udp_socket_set_callbacks(run.udp, &callbacks, &count), LEAT_OK);
    for (size_t round = 0; round < 6; round++) {
        for (size_t i = 0; i < LENGTHS; i++) {
            size_t number = round * LENGTHS + i;
            pattern_fill(data, lengths[i], number);
            udp_plain_send(world.peers[number % 2], data, lengths[i], "127.0.0.1",
                           udp_run_port(&run));
        }
        udp_run_until(&run, &count, (round + 1) * LENGTHS);
    }
    world_done(&run);
}

/* ---- without memory ---------------------------------------------------------------------- */

static struct {
    size_t received;
    bool is_done;
} echo;

static void echo_listening(leat_udp_socket *udp, void *user)
{
    uint16_t *port = user;
    for (int i = 0; i < 10; i++)
        cr_expect_eq(leat_udp_socket_send(udp, "ping", 4, "127.0.0.1", *port), LEAT_OK);
}

static void echo_message(leat_udp_socket *udp, const uint8_t *data, size_t len,
                         const struct leat_remote_info *remote, void *user)
{
    (void)user;
    cr_expect(len == 4 && memcmp(data, "ping", 4) == 0);
    if (++echo.received < 30)
        cr_expect_eq(leat_udp_socket_send(udp, data, len, remote->address, remote->port), LEAT_OK);
    echo.is_done = echo.received == 39;
}

/* Datagrams to oneself. Without memory for a batch each leaves, and comes, alone. */
static bool echo_attempt(void)
{
    static const struct leat_udp_socket_callbacks callbacks = {
        .size = sizeof(callbacks), .listening = echo_listening, .message = echo_message};
    leat_loop *loop = NULL;
    leat_udp_socket *udp = NULL;
    struct leat_net_address local;
    uint16_t port = 0;
    memset(&echo, 0, sizeof(echo));
    int code = leat_loop_new(&loop);
    if (code == LEAT_OK)
        code = leat_udp_socket_new(loop, &callbacks, &port, &udp);
    if (code == LEAT_OK)
        code = leat_udp_socket_bind(udp, "127.0.0.1", 0, NULL);
    if (code == LEAT_OK) {
        cr_assert_eq(leat_udp_socket_get_local_address(udp, &local), LEAT_OK);
        port = local.port;
    }
    for (int i = 0; code == LEAT_OK && !echo.is_done; i++) {
        cr_assert_lt(i, 1000);
        code = leat_loop_dispatch(loop, UDP_RUN_TIMEOUT_MS);
    }
    cr_expect(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
    leat_udp_socket_free(udp);
    leat_loop_free(loop);
    return code == LEAT_OK;
}

Test(udp_batch, no_memory_for_a_batch)
{
    cr_expect_gt(alloc_failure_run_all(echo_attempt), 2);
}
