/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that are there and do nothing: the codes of the send queue and of the blocking face, which
 * are others over TLS. */
#include "fault/fault.h"

#include <criterion/criterion.h>
#include <errno.h>

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

/** More than the kernel keeps for a peer that does not read. */
static const uint8_t too_much[32 << 20];

static int fill_the_queue(struct client_run *run)
{
    static const uint8_t block[1 << 16];
    int code = LEAT_OK;
    for (int i = 0; i < 10000 && code == LEAT_OK; ++i)
        code = leat_websocket_send(run->ws, LEAT_MESSAGE_BINARY, block, sizeof(block));
    return code;
}

static int wait_for_nothing(leat_blocking_websocket *ws)
{
    struct leat_message message;
    return leat_blocking_websocket_recv(ws, &message, 20, NULL);
}

static int send_too_much(leat_blocking_websocket *ws)
{
    return leat_blocking_websocket_send(ws, LEAT_MESSAGE_BINARY, too_much, sizeof(too_much), 50, NULL);
}

static int short_send_timeout(leat_config *config)
{
    return leat_config_set_send_timeout(config, 50);
}

static int send_for_ever(struct client_run *run)
{
    cr_assert(leat_websocket_send(run->ws, LEAT_MESSAGE_BINARY, too_much, sizeof(too_much)) ==
              LEAT_OK);
    client_run_until_closed(run);
    cr_expect(run->close.close_code == 1006 && run->close.error.sys_errno == ETIMEDOUT, "%u %s",
              run->close.close_code, run->close.error.text);
    return run->close.error.code;
}

static int blocking_send_for_ever(leat_blocking_websocket *ws)
{
    return leat_blocking_websocket_send(ws, LEAT_MESSAGE_BINARY, too_much, sizeof(too_much), -1, NULL);
}

static int fill_with_messages(struct client_run *run)
{
    int code = LEAT_OK;
    for (int i = 0; i < 10 && code == LEAT_OK; ++i)
        code = leat_websocket_send(run->ws, LEAT_MESSAGE_TEXT, "x", 1);
    return code;
}

static int few_messages(leat_config *config)
{
    return leat_config_set_send_queue_messages(config, 4);
}

static const struct leat_testing_tls tls_good = {.cert_path = "server.pem", .key_path = "server.key"};
static const struct leat_script_row stalls[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
static const struct leat_script_row tls_stalls[] = {
    {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};

#define CLEAR(errno_) .moment = FAULT_ACTION, .server = stalls, .code = LEAT_E_SOCKET_BASE + (errno_)
#define TLS(code_)                                                                                 \
    .moment = FAULT_ACTION, .server = tls_stalls, .url = "wss://127.0.0.1:%u/", .code = (code_)

static const struct fault faults[] = {
    {.name = "the send queue is full", CLEAR(EAGAIN), .act = fill_the_queue},
    {.name = "the send queue is full of messages", CLEAR(EAGAIN), .configure = few_messages,
     .act = fill_with_messages},
    {.name = "the peer takes nothing for too long", CLEAR(ETIMEDOUT),
     .configure = short_send_timeout, .act = send_for_ever,
     .blocking_act = blocking_send_for_ever},
    {.name = "no message comes in time", CLEAR(ETIMEDOUT), .blocking_act = wait_for_nothing},
    {.name = "the peer does not read in time", CLEAR(ETIMEDOUT), .blocking_act = send_too_much},
    {.name = "the send queue is full, over TLS", TLS(LEAT_E_TLS_WRITE), .act = fill_the_queue},
    {.name = "the send queue is full of messages, over TLS", TLS(LEAT_E_TLS_WRITE),
     .configure = few_messages, .act = fill_with_messages},
    {.name = "the peer takes nothing for too long, over TLS", TLS(LEAT_E_TLS_WRITE),
     .configure = short_send_timeout, .act = send_for_ever,
     .blocking_act = blocking_send_for_ever},
    {.name = "no message comes in time, over TLS", TLS(LEAT_E_TLS_READ),
     .blocking_act = wait_for_nothing},
    {.name = "the peer does not read in time, over TLS", TLS(LEAT_E_TLS_WRITE),
     .blocking_act = send_too_much},
};

FAULT_TABLE(sending);
