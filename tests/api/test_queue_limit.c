/* SPDX-License-Identifier: Apache-2.0 */
/* What may wait on all connections of a server together. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/raw_socket.h"

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
