/* SPDX-License-Identifier: Apache-2.0 */
/* No connection keeps the others of its loop waiting, whatever it is sent and however fast it is read:
 * what one dispatch does for it has a limit. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/raw_socket.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

INTEGRATION_SUITE(turns);

/* ---- reading --------------------------------------------------------------------------------- */

enum { MESSAGES = 40, MESSAGE_BYTES = 256 << 10, MESSAGES_A_TURN = (1 << 20) / MESSAGE_BYTES };

/* Short ones on the wire, long ones behind the inflater. */
static void unpacked_by_turns(bool in_parts)
{
    const struct leat_compression compression = {.size = sizeof(compression)};
    uint8_t *payload = calloc(1, MESSAGE_BYTES);
    struct both_ends ends;
    cr_assert(payload);
    both_ends_init(&ends);
    ends.server_in_parts = in_parts;
    cr_assert(leat_config_set_compression(ends.server_config, &compression) == LEAT_OK);
    cr_assert(leat_config_set_compression(ends.client_config, &compression) == LEAT_OK);
    both_ends_open(&ends);
    for (unsigned i = 0; i < MESSAGES; i++) {
        payload[0] = (uint8_t)i;
        cr_assert(leat_websocket_send(ends.client, LEAT_MESSAGE_BINARY, payload, MESSAGE_BYTES) ==
                  LEAT_OK);
    }
    while (ends.at_server.messages < MESSAGES && ends.server_closed == 0) {
        unsigned before = ends.at_server.messages;
        ends.at_server.data_len = 0;
        cr_assert(leat_loop_dispatch(ends.loop, 1000) == LEAT_OK);
        unsigned count = ends.at_server.messages - before;
        cr_expect(count <= MESSAGES_A_TURN + 1, "%u in one turn", count);
        if (!in_parts && count > 0)
            cr_expect((uint8_t)ends.at_server.data[0] == before, "they are in order");
    }
    cr_expect(ends.at_server.bytes == (uint64_t)MESSAGES * MESSAGE_BYTES);
    /* And it goes on. */
    cr_assert(leat_websocket_send(ends.client, LEAT_MESSAGE_TEXT, "end", 3) == LEAT_OK);
    both_ends_until_received(&ends, &ends.at_server, MESSAGES + 1);
    both_ends_done(&ends);
    free(payload);
}

Test(turns, what_is_unpacked_counts, .timeout = 120)
{
    unpacked_by_turns(false);
    unpacked_by_turns(true);
}

/* ---- writing --------------------------------------------------------------------------------- */

enum { SENT_BYTES = 64 << 20, PART_BYTES = 16 << 10, WRITABLES_A_TURN = 17 };

static void *read_all(void *user)
{
    static char bytes[1 << 20];
    while (recv(*(int *)user, bytes, sizeof(bytes), 0) > 0) {
    }
    return NULL;
}

/* As the header says: until it is refused, and on in `writable`. */
static void send_until_refused(struct both_ends *ends, const char *callback)
{
    static uint8_t payload[PART_BYTES];
    size_t *sent = ends->user;
    if (strcmp(callback, "server writable") != 0)
        return;
    while (*sent < SENT_BYTES && leat_websocket_send(ends->connection, LEAT_MESSAGE_BINARY, payload,
                                                     sizeof(payload)) == LEAT_OK)
        *sent += sizeof(payload);
}

Test(turns, who_is_always_writable_lets_others_run, .timeout = 120)
{
    struct both_ends ends;
    pthread_t reader;
    size_t sent = 0;
    both_ends_init(&ends);
    ends.user = &sent;
    ends.on_event = send_until_refused;
    cr_assert(leat_config_set_send_queue_limit(ends.server_config, 2 * PART_BYTES) == LEAT_OK);
    both_ends_listen(&ends);
    int fd = both_ends_raw_open(&ends);
    cr_assert(pthread_create(&reader, NULL, read_all, &fd) == 0);
    send_until_refused(&ends, "server writable");
    while (sent < SENT_BYTES && ends.server_closed == 0) {
        unsigned before = ends.server_writable;
        cr_assert(leat_loop_dispatch(ends.loop, 1000) == LEAT_OK);
        unsigned count = ends.server_writable - before;
        cr_expect(count <= WRITABLES_A_TURN, "%u in one turn", count);
    }
    cr_expect(sent == SENT_BYTES);
    shutdown(fd, SHUT_RDWR);
    pthread_join(reader, NULL);
    close(fd);
    both_ends_done(&ends);
}
