/* SPDX-License-Identifier: Apache-2.0 */
/* TCP: 2301000 + errno. What the kernel itself can be made to refuse is here; every other errno
 * comes by the shim, in every_errno.c. */
#include "fault/fault.h"
#include "support/worlds.h"

#include <criterion/criterion.h>
#include <errno.h>

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

#define TCP(errno_) .code = LEAT_E_SOCKET_BASE + (errno_), .layer = LEAT_LAYER_TCP, .sys_errno = (errno_)

static int send_text(struct client_run *run)
{
    return leat_websocket_send(run->ws, LEAT_MESSAGE_TEXT, "x", 1);
}

static int close_in_order(struct client_run *run)
{
    return leat_websocket_close(run->ws, 1000, NULL);
}

static int close_and_send(struct client_run *run)
{
    cr_expect(close_in_order(run) == LEAT_OK);
    client_run_until_closed(run);
    return send_text(run);
}

static int blocking_close_and_send(leat_blocking_websocket *ws)
{
    cr_expect(leat_blocking_websocket_close(ws, 1000, NULL, NULL) == LEAT_OK);
    return leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, "x", 1, 0, NULL);
}

static int close_at_once(struct client_run *run)
{
    cr_expect(client_run_connect(run, "ws://127.0.0.1:1/") == LEAT_OK);
    cr_expect(close_in_order(run) == LEAT_OK);
    client_run_until_closed(run);
    return run->close.error.code;
}

static const struct leat_script_row echoes[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
static const struct leat_script_row resets_first[] = {{LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_RESET}};
static const struct leat_script_row resets_at_once[] = {{LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_RESET}};
static const struct leat_script_row resets_in_the_head[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 101 Swi")}, {LEAT_SCRIPT_RESET}};
static const struct leat_script_row resets_later[] = {
    LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SEND_FRAME, LEAT_SCRIPT_BYTES("x"), .number = 0x81}, {LEAT_SCRIPT_RESET}};
static const struct dns_record two_addresses[] = {
    {.name = "two.test", .v4 = {"127.0.0.1", "127.0.0.2"}}, {NULL}};

static const struct fault faults[] = {
    {.name = "refused port", .server = peer_refusing, TCP(ECONNREFUSED), .text = "127.0.0.1:"},
    {.name = "two addresses, both refuse", .server = peer_refusing, .dns = two_addresses,
     .url = "ws://two.test:%u/", TCP(ECONNREFUSED), .text = "127.0.0.2:"},
    {.name = "no answer within the deadline of TCP", .server = peer_unanswering,
     .deadline = {LEAT_PHASE_TCP, 50}, TCP(ETIMEDOUT), .text = "127.0.0.1:"},
    {.name = "no answer within the deadline of the whole connect", .server = peer_unanswering,
     .connect_timeout_ms = 50, TCP(ETIMEDOUT)},
    {.name = "there is no route", .world = world_without_route,
     .url = "ws://" WORLD_ELSEWHERE ":%u/", TCP(ENETUNREACH)},
    {.name = "the route says unreachable", .world = world_with_unreachable_route,
     .url = "ws://" WORLD_ELSEWHERE ":%u/", TCP(EHOSTUNREACH)},
    {.name = "the route prohibits", .world = world_with_prohibited_route,
     .url = "ws://" WORLD_ELSEWHERE ":%u/", TCP(EACCES)},
    {.name = "the route is a black hole", .world = world_with_blackhole_route,
     .url = "ws://" WORLD_ELSEWHERE ":%u/", TCP(EINVAL)},
    {.name = "no local port is left", .world = world_without_free_ports,
     .url = "ws://127.0.0.1:9/?%u", TCP(EADDRNOTAVAIL)},
    {.name = "no descriptor is left", .world = world_without_descriptors, TCP(EMFILE)},
    {.name = "reset before the request", .server = resets_first, .peer_is_first = true,
     TCP(ECONNRESET)},
    {.name = "reset instead of an answer", .server = resets_at_once, TCP(ECONNRESET)},
    {.name = "reset in the middle of the answer", .server = resets_in_the_head, TCP(ECONNRESET)},
    {.name = "reset of an open connection", .moment = FAULT_OPEN, .server = resets_later,
     TCP(ECONNRESET)},
    {.name = "send before connect", .moment = FAULT_IDLE, .act = send_text,
     .code = LEAT_E_SOCKET_BASE + ENOTCONN},
    {.name = "close before connect", .moment = FAULT_IDLE, .act = close_in_order,
     .code = LEAT_E_SOCKET_BASE + ENOTCONN},
    {.name = "close while connecting", .moment = FAULT_IDLE, .act = close_at_once,
     .code = LEAT_E_SOCKET_BASE + ECANCELED},
    {.name = "send after close", .moment = FAULT_ACTION, .server = echoes, .act = close_and_send,
     .blocking_act = blocking_close_and_send, .code = LEAT_E_SOCKET_BASE + EBADF},
};

FAULT_TABLE(tcp);
