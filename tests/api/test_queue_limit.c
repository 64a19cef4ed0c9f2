/* SPDX-License-Identifier: Apache-2.0 */
/* What may wait on all connections of a server together. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/raw_socket.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

INTEGRATION_SUITE(queue_limit);

/* Two raw clients that read nothing, one of which is sent more, and one that reads. */
Test(queue_limit, the_longest_queue_pays, .timeout = 60)
{
    static char payload[64 << 10];
    enum { LIMIT = 4 << 20 };
    struct both_ends ends;
    leat_websocket *all[3];
    both_ends_init(&ends);
    cr_assert(leat_config_set_server_queue_limit(NULL, 1) == LEAT_E_PARAMETER);
    cr_assert(leat_config_set_server_queue_limit(ends.server_config, LIMIT) == LEAT_OK);
    both_ends_open(&ends);
    leat_websocket *reader = ends.connection;
    int fds[2];
    for (unsigned i = 0; i < 2; i++) {
        fds[i] = raw_connect(NULL, ends.port);
        cr_assert(raw_send(fds[i], RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
        both_ends_until_counted(&ends, &ends.connected, 2 + i);
        all[1 + i] = ends.connection;
    }
    all[0] = reader;
    unsigned kept = 0;
    for (unsigned i = 0; i < 1000 && ends.server_closed == 0; i++) {
        int code = leat_websocket_send(all[1], LEAT_MESSAGE_BINARY, payload, sizeof(payload));
        cr_assert(code == LEAT_OK || code == LEAT_E_SOCKET_BASE + ENOBUFS, "%d", code);
        if (code != LEAT_OK)
            break;
        if (i % 2 == 0)
            cr_assert(leat_websocket_send(all[2], LEAT_MESSAGE_BINARY, payload, 1000) == LEAT_OK);
        cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
        kept = i;
    }
    cr_expect(kept > 10);
    both_ends_until_server_closed(&ends);
    cr_expect(ends.server_close.error.code == LEAT_E_SOCKET_BASE + ENOBUFS, "%s",
              ends.server_close.error.text);
    cr_expect(strstr(ends.server_close.error.text, "bytes wait for this client") != NULL, "%s",
              ends.server_close.error.text);
    struct leat_websocket_server_counters counters = both_ends_counters(&ends);
    cr_expect(counters.overflowed == 1);
    cr_expect(counters.queued_bytes < LIMIT / 4, "the memory is free again");
    /* Nobody else notices. */
    cr_expect(leat_websocket_send(all[2], LEAT_MESSAGE_BINARY, payload, 1000) == LEAT_OK);
    cr_expect(leat_websocket_send(reader, LEAT_MESSAGE_BINARY, payload, sizeof(payload)) ==
              LEAT_OK);
    both_ends_until_received(&ends, &ends.at_client, 1);
    /* More than fits at all ends nobody. */
    static char huge[LIMIT + 1];
    cr_expect(leat_websocket_send(reader, LEAT_MESSAGE_BINARY, huge, sizeof(huge)) ==
              LEAT_E_SOCKET_BASE + ENOBUFS);
    cr_expect(both_ends_counters(&ends).overflowed == 1);
    close(fds[0]);
    close(fds[1]);
    both_ends_done(&ends);
}

/* A client behind a Unix socket, whose kernel takes little. */
static leat_websocket *local_open(struct both_ends *ends, const char *name, int *ret_fd)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    unsigned connected = ends->connected;
    memcpy(un.sun_path + 1, name, strlen(name));
    *ret_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(*ret_fd, (const struct sockaddr *)&un,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))) == 0);
    cr_assert(raw_send(*ret_fd, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    both_ends_until_counted(ends, &ends->connected, connected + 1);
    return ends->connection;
}

static void queue(struct both_ends *ends, leat_websocket *ws, size_t bytes)
{
    static uint8_t payload[60000];
    while (leat_websocket_get_buffered_bytes(ws) < bytes) {
        cr_assert(leat_websocket_send(ws, LEAT_MESSAGE_BINARY, payload, sizeof(payload)) ==
                  LEAT_OK);
        cr_assert(leat_loop_dispatch(ends->loop, 0) == LEAT_OK);
    }
}

/* What a slow reader has read counts no more, although its queue was never empty. */
Test(queue_limit, what_has_left_counts_no_more, .timeout = 60)
{
    static uint8_t payload[2 << 20], bytes[65536];
    enum { LIMIT = 4 << 20 };
    struct both_ends ends;
    char name[64];
    int fds[3];
    both_ends_init(&ends);
    snprintf(name, sizeof(name), "leat-queue-%d", (int)getpid());
    cr_assert(leat_config_set_server_queue_limit(ends.server_config, LIMIT) == LEAT_OK);
    cr_assert(leat_config_set_send_queue_limit(ends.server_config, LIMIT) == LEAT_OK);
    cr_assert(both_ends_make_server(&ends) == LEAT_OK);
    cr_assert(leat_websocket_server_start(ends.server, sandbox_format("ws+unix:@%s", name), 0,
                                          ends.server_config) == LEAT_OK);
    leat_websocket *slow = local_open(&ends, name, &fds[0]);
    leat_websocket *other = local_open(&ends, name, &fds[1]);
    leat_websocket *last = local_open(&ends, name, &fds[2]);
    queue(&ends, slow, 3 << 20);
    while (leat_websocket_get_buffered_bytes(slow) > 250000) {
        cr_assert(recv(fds[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0);
        cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    }
    cr_assert(leat_websocket_get_buffered_bytes(slow) > 0);
    queue(&ends, other, 300000);
    cr_expect(leat_websocket_send(last, LEAT_MESSAGE_BINARY, payload, sizeof(payload)) == LEAT_OK);
    cr_expect(both_ends_counters(&ends).overflowed == 0);
    cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    cr_expect(ends.server_closed == 0, "%s", ends.server_close.error.text);
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
    both_ends_done(&ends);
}

/* What the kernel leaves of a topic's message is queued behind what has left of it: it counts, too. */
Test(queue_limit, a_topic_keeps_to_it, .timeout = 60)
{
    static uint8_t payload[6 << 20];
    enum { LIMIT = 8 << 20, CLIENTS = 6 };
    struct both_ends ends;
    char name[64];
    int fds[CLIENTS];
    leat_websocket *all[CLIENTS];
    leat_prepared_message *message;
    leat_topic *topic;
    both_ends_init(&ends);
    snprintf(name, sizeof(name), "leat-topic-%d", (int)getpid());
    cr_assert(leat_config_set_server_queue_limit(ends.server_config, LIMIT) == LEAT_OK);
    cr_assert(both_ends_make_server(&ends) == LEAT_OK);
    cr_assert(leat_websocket_server_start(ends.server, sandbox_format("ws+unix:@%s", name), 0,
                                          ends.server_config) == LEAT_OK);
    cr_assert(leat_topic_new(NULL, &topic) == LEAT_OK);
    for (size_t i = 0; i < CLIENTS; i++) {
        all[i] = local_open(&ends, name, &fds[i]);
        cr_assert(leat_topic_subscribe(topic, all[i]) == LEAT_OK);
    }
    cr_assert(leat_prepared_message_new(LEAT_MESSAGE_BINARY, payload, sizeof(payload), &message) ==
              LEAT_OK);
    cr_assert(leat_topic_publish(topic, message, NULL, NULL) == LEAT_OK);
    leat_prepared_message_free(message);
    struct leat_websocket_server_counters counters = both_ends_counters(&ends);
    cr_expect(counters.queued_bytes <= LIMIT, "%llu bytes",
              (unsigned long long)counters.queued_bytes);
    cr_expect(counters.overflowed == CLIENTS - 1, "%llu", (unsigned long long)counters.overflowed);
    /* Those that had to go take nothing more. */
    unsigned refused = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        refused +=
            leat_websocket_send(all[i], LEAT_MESSAGE_TEXT, "x", 1) == LEAT_E_SOCKET_BASE + EBADF;
    cr_expect(refused == CLIENTS - 1, "%u", refused);
    both_ends_until_counted(&ends, &ends.server_closed, CLIENTS - 1);
    leat_topic_free(topic);
    for (size_t i = 0; i < CLIENTS; i++)
        close(fds[i]);
    both_ends_done(&ends);
}
