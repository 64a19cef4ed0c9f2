/* SPDX-License-Identifier: Apache-2.0 */
/* As test_late.c, where what has come is more than one round of the loop reads. */
#include "links/common.h"
#include "support/net_namespace.h"

#include <fcntl.h>

LINKS_SUITE(late_reads);

/* Bytes of a network namespace's connections that the kernel keeps: more than a pump reads. */
static void kernel_keeps_much(void)
{
    static const char bytes[] = "4096 33554432 33554432";
    net_namespaces_init();
    for (int i = 0; i < 2; ++i) {
        int fd = open(i == 0 ? "/proc/sys/net/ipv4/tcp_rmem" : "/proc/sys/net/ipv4/tcp_wmem",
                      O_WRONLY | O_CLOEXEC);
        cr_assert(fd >= 0 && write(fd, bytes, sizeof(bytes) - 1) > 0, "%s", strerror(errno));
        close(fd);
    }
}

static uint8_t large[4 << 20];

Test(late_reads, message_that_takes_more_than_one_round_to_read)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_WAIT, .label = "held"},
        {LEAT_SCRIPT_SEND_FRAME, .data = large, .len = sizeof(large), .number = 0x82},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE}};
    leat_blocking_websocket *ws = NULL;
    struct leat_error error;
    struct leat_message message;
    kernel_keeps_much();
    leat_testing_server *peer = script_server_start(script);
    uint16_t port = leat_testing_server_get_port(peer);
    cr_assert(leat_blocking_websocket_connect(url_of("ws", port, "/"), NULL, &ws, &error) ==
                  LEAT_OK,
              "%s", error.text);
    leat_testing_server_release(peer);
    raw_wait_unread(port, (int)sizeof(large) + 10);
    int code = leat_blocking_websocket_recv(ws, &message, 0, NULL);
    cr_expect(code == LEAT_OK && message.len == sizeof(large), "%d", code);
    leat_blocking_websocket_free(ws);
    leat_testing_server_free(peer);
}

Test(late_reads, close_frame_behind_more_than_one_round_reads)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_WAIT, .label = "held"},
        {LEAT_SCRIPT_SEND_FRAME, .data = large, .len = sizeof(large), .number = 0x82},
        {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("\x03\xe8"), .number = 0x88},
        {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    const uint32_t timeout_ms = 2000;
    kernel_keeps_much();
    leat_testing_server *peer = script_server_start(script);
    uint16_t port = leat_testing_server_get_port(peer);
    client_run_init(&run);
    cr_assert(leat_config_set_phase_timeout(run.config, LEAT_PHASE_CLOSE, timeout_ms) == LEAT_OK);
    client_run_open(&run, url_of("ws", port, "/"));
    cr_assert(leat_websocket_close(run.ws, 1000, NULL) == LEAT_OK);
    while (!leat_testing_server_wait_step(peer, "held", 1, 0))
        cr_assert(leat_loop_dispatch(run.loop, 1) == LEAT_OK);
    uint64_t end_ms = clock_ms() + timeout_ms;
    leat_testing_server_release(peer);
    raw_wait_unread(port, (int)sizeof(large) + 14);
    clock_pass(end_ms);
    client_run_until_closed(&run);
    cr_expect(run.close.error.code == LEAT_OK, "%s", run.close.error.text);
    client_run_done(&run);
    leat_testing_server_free(peer);
}
