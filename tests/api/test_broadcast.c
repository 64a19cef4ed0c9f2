/* SPDX-License-Identifier: Apache-2.0 */
/* One message to many connections, topics, and readers that are too slow. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/raw_socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

INTEGRATION_SUITE(broadcast);

enum { CLIENTS = 12, RAW_MAX = 4 };

/* A server whose connections subscribe as they come, and clients that count what they get. */
struct crowd {
    struct both_ends ends;
    leat_topic *topic;
    leat_websocket *clients[CLIENTS];
    leat_websocket *connections[CLIENTS]; /* in the order in which they came; NULL = closed */
    unsigned count, opened, received, closed;
    char last[64];
    uint64_t bytes;
};

static void on_opened(leat_websocket *ws, void *user)
{
    (void)ws;
    ((struct crowd *)user)->opened++;
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct crowd *crowd = user;
    (void)ws;
    (void)type;
    crowd->received++;
    crowd->bytes += len;
    memset(crowd->last, 0, sizeof(crowd->last));
    memcpy(crowd->last, data, len < 63 ? len : 63);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    (void)ws;
    (void)event;
    ((struct crowd *)user)->closed++;
}

static void on_server_event(struct both_ends *ends, const char *callback)
{
    struct crowd *crowd = ends->user;
    if (strcmp(callback, "connected") == 0) {
        cr_assert(crowd->count < CLIENTS);
        crowd->connections[crowd->count++] = ends->connection;
        cr_assert(leat_topic_subscribe(crowd->topic, ends->connection) == LEAT_OK);
        cr_assert(leat_topic_subscribe(crowd->topic, ends->connection) == LEAT_OK,
                  "once is enough");
    }
}

static void crowd_init(struct crowd *crowd, const struct leat_topic_options *options)
{
    *crowd = (struct crowd){.ends = {.loop = NULL}};
    both_ends_init(&crowd->ends);
    /* A slow reader does not answer a Close frame. */
    cr_assert(leat_config_set_phase_timeout(crowd->ends.server_config, LEAT_PHASE_CLOSE, 500) ==
              LEAT_OK);
    crowd->ends.user = crowd;
    crowd->ends.on_event = on_server_event;
    cr_assert(leat_topic_new(options, &crowd->topic) == LEAT_OK);
    both_ends_listen(&crowd->ends);
}

static void crowd_until(struct crowd *crowd, const unsigned *number, unsigned least)
{
    for (int i = 0; *number < least && i < 20000; i++)
        cr_assert(leat_loop_dispatch(crowd->ends.loop, 1000) == LEAT_OK);
    cr_assert(*number >= least, "%u of %u", *number, least);
}

static void crowd_connect(struct crowd *crowd, unsigned count)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks), .opened = on_opened, .message = on_message, .closed = on_closed};
    for (unsigned i = 0; i < count; i++) {
        cr_assert(leat_websocket_new(crowd->ends.loop, &callbacks, crowd, &crowd->clients[i]) ==
                  LEAT_OK);
        cr_assert(leat_websocket_connect(crowd->clients[i], url_of("ws", crowd->ends.port, "/"),
                                         crowd->ends.client_config) == LEAT_OK);
    }
    crowd_until(crowd, &crowd->opened, count);
    crowd_until(crowd, &crowd->ends.connected, count);
}

static void crowd_done(struct crowd *crowd)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        leat_websocket_free(crowd->clients[i]);
    leat_topic_free(crowd->topic);
    both_ends_done(&crowd->ends);
}

static leat_prepared_message *prepare(const char *text)
{
    leat_prepared_message *message;
    cr_assert(leat_prepared_message_new(LEAT_MESSAGE_TEXT, text, strlen(text), &message) ==
              LEAT_OK);
    return message;
}

/* Publishes, and gives the message up at once. */
static size_t publish(struct crowd *crowd, const char *text, const leat_websocket *except)
{
    size_t count = 0;
    leat_prepared_message *message = prepare(text);
    cr_assert(leat_topic_publish(crowd->topic, message, except, &count) == LEAT_OK);
    leat_prepared_message_free(message);
    return count;
}

Test(broadcast, all_subscribers_get_it_but_one)
{
    struct crowd crowd;
    crowd_init(&crowd, NULL);
    crowd_connect(&crowd, CLIENTS);
    cr_expect(leat_topic_get_subscriber_count(crowd.topic) == CLIENTS);
    cr_expect(publish(&crowd, "to all", NULL) == CLIENTS);
    crowd_until(&crowd, &crowd.received, CLIENTS);
    cr_expect_str_eq(crowd.last, "to all");
    cr_expect(publish(&crowd, "to most", crowd.connections[3]) == CLIENTS - 1);
    crowd_until(&crowd, &crowd.received, 2 * CLIENTS - 1);
    cr_expect(leat_topic_unsubscribe(crowd.topic, crowd.connections[0]));
    cr_expect(!leat_topic_unsubscribe(crowd.topic, crowd.connections[0]));
    cr_expect(publish(&crowd, "", NULL) == CLIENTS - 1, "an empty one");
    crowd_until(&crowd, &crowd.received, 3 * CLIENTS - 2);
    cr_expect_str_eq(crowd.last, "");
    crowd_done(&crowd);
}

Test(broadcast, not_a_message)
{
    leat_prepared_message *message;
    cr_expect(leat_prepared_message_new(LEAT_MESSAGE_TEXT, "\xff", 1, &message) ==
              LEAT_E_PARAMETER);
    cr_expect(leat_prepared_message_new((enum leat_message_type)3, "x", 1, &message) ==
              LEAT_E_PARAMETER);
    cr_expect(leat_prepared_message_new(LEAT_MESSAGE_BINARY, "\xff", 1, &message) == LEAT_OK);
    leat_prepared_message_free(message);
    const struct leat_topic_options bad = {.size = sizeof(bad),
                                           .slow_reader = (enum leat_slow_reader)9};
    leat_topic *topic;
    cr_expect(leat_topic_new(&bad, &topic) == LEAT_E_PARAMETER);
}

/* One that is closed, or freed, is not a subscriber any more; nor may it become one. */
Test(broadcast, who_goes_leaves)
{
    struct crowd crowd;
    crowd_init(&crowd, NULL);
    crowd_connect(&crowd, 4);
    leat_websocket_free(crowd.clients[0]);
    crowd.clients[0] = NULL;
    both_ends_until_server_closed(&crowd.ends);
    cr_expect(leat_topic_get_subscriber_count(crowd.topic) == 3);
    cr_expect(publish(&crowd, "still here", NULL) == 3);
    crowd_until(&crowd, &crowd.received, 3);
    leat_websocket *ws;
    static const struct leat_websocket_callbacks none = {.size = sizeof(none)};
    cr_assert(leat_websocket_new(crowd.ends.loop, &none, NULL, &ws) == LEAT_OK);
    cr_expect(leat_topic_subscribe(crowd.topic, ws) == LEAT_E_SOCKET_BASE + ENOTCONN);
    leat_websocket_free(ws);
    leat_topic_free(crowd.topic);
    crowd.topic = NULL;
    cr_assert(leat_topic_new(NULL, &crowd.topic) == LEAT_OK);
    crowd_done(&crowd);
}

/* ---- frees in callbacks --------------------------------------------------------------------- */

static void on_closed_publish(struct both_ends *ends, const char *callback)
{
    struct crowd *crowd = ends->user;
    on_server_event(ends, callback);
    if (strcmp(callback, "server closed") == 0 && crowd->topic)
        publish(crowd, "somebody has left", NULL);
    if (strcmp(callback, "server message") == 0) {
        publish(crowd, "before", NULL);
        leat_websocket_free(ends->connection);
        publish(crowd, "behind", NULL);
        leat_topic_free(crowd->topic);
        crowd->topic = NULL;
        cr_assert(leat_topic_new(NULL, &crowd->topic) == LEAT_OK);
    }
}

/* The connection that speaks is freed inside of its own callback, amidst what it has published, and
 * so is the topic. */
Test(broadcast, free_in_callbacks)
{
    struct crowd crowd;
    crowd_init(&crowd, NULL);
    crowd.ends.on_event = on_closed_publish;
    crowd_connect(&crowd, 6);
    crowd.ends.connection = crowd.connections[5];
    cr_assert(leat_websocket_send(crowd.clients[5], LEAT_MESSAGE_TEXT, "go", 2) == LEAT_OK);
    crowd_until(&crowd, &crowd.closed, 1);
    crowd_until(&crowd, &crowd.received, 10);
    cr_expect_str_eq(crowd.last, "behind");
    cr_expect(crowd.received >= 10);
    leat_websocket_server_free(crowd.ends.server);
    crowd.ends.server = NULL;
    cr_expect(leat_topic_get_subscriber_count(crowd.topic) == 0);
    crowd_done(&crowd);
}

/* ---- slow readers ---------------------------------------------------------------------------- */

enum { BIG = 30000, MANY = 1200 };

static int slow_open(struct crowd *crowd)
{
    int fd = raw_connect(NULL, crowd->ends.port);
    unsigned before = crowd->ends.connected;
    cr_assert(raw_send(fd, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    crowd_until(crowd, &crowd->ends.connected, before + 1);
    return fd;
}

static void publish_many(struct crowd *crowd, unsigned count)
{
    char *text = malloc(BIG + 1);
    cr_assert(text);
    memset(text, 'x', BIG);
    text[BIG] = '\0';
    for (unsigned i = 0; i < count; i++) {
        snprintf(text, 16, "%05u", i);
        text[5] = ' ';
        publish(crowd, text, NULL);
        /* Who reads has read before the next one comes. */
        if (crowd->opened > 0)
            crowd_until(crowd, &crowd->received, (i + 1) * crowd->opened);
        else
            cr_assert(leat_loop_dispatch(crowd->ends.loop, 0) == LEAT_OK);
    }
    free(text);
}

/* Reads `expected` messages of BIG, or until the server closes; returns how many there were, and the
 * number of the last one. */
static unsigned slow_read(struct crowd *crowd, int fd, unsigned expected, unsigned *ret_last)
{
    enum { CAP = BIG + 4096, FRAME = BIG + 4 };
    uint8_t *bytes = malloc(CAP);
    size_t have = 0;
    unsigned count = 0;
    bool in_head = true;
    cr_assert(bytes);
    while (count < expected) {
        ssize_t n = recv(fd, bytes + have, CAP - have, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        cr_assert(leat_loop_dispatch(crowd->ends.loop, n < 0 ? 10 : 0) == LEAT_OK);
        have += n > 0 ? (size_t)n : 0;
        uint8_t *end = in_head ? memmem(bytes, have, "\r\n\r\n", 4) : NULL;
        if (end) {
            have -= (size_t)(end + 4 - bytes);
            memmove(bytes, end + 4, have);
            in_head = false;
        }
        for (; !in_head && have >= FRAME && bytes[0] == 0x81 && count < expected; count++) {
            char number[6] = "";
            memcpy(number, bytes + 4, 5);
            *ret_last = (unsigned)strtoul(number, NULL, 10);
            have -= FRAME;
            memmove(bytes, bytes + FRAME, have);
        }
    }
    free(bytes);
    return count;
}

static void slow_reader_run(enum leat_slow_reader policy)
{
    const struct leat_topic_options options = {
        .size = sizeof(options), .slow_reader = policy, .queue_bytes = 100000, .queue_messages = 5};
    struct crowd crowd;
    unsigned last = 0;
    crowd_init(&crowd, &options);
    crowd_connect(&crowd, 2);
    int fd = slow_open(&crowd);
    publish_many(&crowd, MANY);
    cr_expect(crowd.received == 2 * MANY && crowd.bytes == 2ull * MANY * BIG,
              "those who read have everything");
    uint64_t dropped = leat_topic_get_dropped_count(crowd.topic);
    cr_expect(dropped > 0);
    bool closes = policy == LEAT_SLOW_READER_CLOSE;
    unsigned expected = closes ? MANY : MANY - (unsigned)dropped;
    unsigned count = slow_read(&crowd, fd, expected, &last);
    if (closes) {
        cr_expect(count > 0 && count < MANY && last == count - 1, "%u, the last: %u", count, last);
        crowd_until(&crowd, &crowd.ends.server_closed, 1);
        cr_expect(leat_topic_get_subscriber_count(crowd.topic) == 2);
    } else {
        cr_expect(count == expected, "%u of %u", count, expected);
        cr_expect(last == (policy == LEAT_SLOW_READER_DROP_OLDEST ? MANY - 1 : count - 1), "%u",
                  last);
    }
    close(fd);
    crowd_done(&crowd);
}

Test(broadcast, slow_reader_loses_the_oldest)
{
    slow_reader_run(LEAT_SLOW_READER_DROP_OLDEST);
}

Test(broadcast, slow_reader_loses_the_newest)
{
    slow_reader_run(LEAT_SLOW_READER_DROP_NEWEST);
}

Test(broadcast, slow_reader_is_closed)
{
    slow_reader_run(LEAT_SLOW_READER_CLOSE);
}

/* ---- compression ----------------------------------------------------------------------------- */

static void compressed_run(bool takes_over)
{
    struct leat_compression compression = {.size = sizeof(compression),
                                           .threshold_bytes = 1,
                                           .server_no_context_takeover = !takes_over};
    struct crowd crowd = {.ends = {.loop = NULL}};
    both_ends_init(&crowd.ends);
    crowd.ends.user = &crowd;
    crowd.ends.on_event = on_server_event;
    cr_assert(leat_topic_new(NULL, &crowd.topic) == LEAT_OK);
    cr_assert(leat_config_set_compression(crowd.ends.server_config, &compression) == LEAT_OK);
    cr_assert(leat_config_set_compression(crowd.ends.client_config, &compression) == LEAT_OK);
    both_ends_listen(&crowd.ends);
    crowd_connect(&crowd, 3);
    cr_assert(leat_websocket_is_compressed(crowd.connections[0]));
    /* Own messages before, between and behind: each refers to what came before, if it may. */
    for (unsigned i = 0; i < 5; i++) {
        static const char own[] = "own words, own words, own words, shared words";
        for (unsigned k = 0; k < 3; k++)
            cr_assert(leat_websocket_send(crowd.connections[k], LEAT_MESSAGE_TEXT, own,
                                          sizeof(own) - 1) == LEAT_OK);
        crowd_until(&crowd, &crowd.received, 6 * i + 3);
        cr_expect_str_eq(crowd.last, own);
        cr_expect(publish(&crowd, "shared words, shared words, shared words, own words", NULL) ==
                  3);
        crowd_until(&crowd, &crowd.received, 6 * i + 6);
        cr_expect_str_eq(crowd.last, "shared words, shared words, shared words, own words");
    }
    cr_expect(publish(&crowd, "q", NULL) == 3, "one that would be longer");
    crowd_until(&crowd, &crowd.received, 33);
    cr_expect_str_eq(crowd.last, "q");
    crowd_done(&crowd);
}

Test(broadcast, compressed_without_a_context)
{
    compressed_run(false);
}

Test(broadcast, compressed_amidst_a_context)
{
    compressed_run(true);
}

/* Clients may send prepared messages as well, and be subscribers; amidst a message in parts it waits. */
Test(broadcast, from_a_client_and_amidst_parts)
{
    struct crowd crowd;
    crowd_init(&crowd, NULL);
    crowd_connect(&crowd, 1);
    leat_prepared_message *message = prepare("from here");
    cr_assert(leat_websocket_send_prepared(crowd.clients[0], message) == LEAT_OK);
    both_ends_until_received(&crowd.ends, &crowd.ends.at_server, 1);
    cr_expect_str_eq(crowd.ends.at_server.data, "from here");
    cr_assert(leat_websocket_send_part(crowd.connections[0], LEAT_MESSAGE_TEXT, "a", 1, true,
                                       false) == LEAT_OK);
    cr_expect(leat_websocket_send_prepared(crowd.connections[0], message) == LEAT_E_PARAMETER);
    cr_expect(publish(&crowd, "waits", NULL) == 1);
    cr_assert(leat_websocket_send_part(crowd.connections[0], LEAT_MESSAGE_TEXT, "b", 1, false,
                                       true) == LEAT_OK);
    crowd_until(&crowd, &crowd.received, 2);
    cr_expect_str_eq(crowd.last, "waits");
    leat_prepared_message_free(message);
    crowd_done(&crowd);
}

/* ---- one subscriber --------------------------------------------------------------------------- */

static leat_topic *topic_of_one(struct both_ends *ends, enum leat_slow_reader policy)
{
    const struct leat_topic_options options = {.size = sizeof(options), .slow_reader = policy};
    leat_topic *topic;
    both_ends_open(ends);
    cr_assert(leat_topic_new(&options, &topic) == LEAT_OK);
    cr_assert(leat_topic_subscribe(topic, ends->connection) == LEAT_OK);
    return topic;
}

/* Nothing waits to leave any more. */
static void settle(const struct both_ends *ends)
{
    do
        cr_assert(leat_loop_dispatch(ends->loop, 1) == LEAT_OK);
    while (leat_websocket_get_buffered_bytes(ends->connection) > 0);
}

/* The kernel takes the last part whole, so that nothing is left whose leaving would be noticed; no Ping
 * helps either. */
Test(broadcast, behind_parts_that_leave_at_once)
{
    static uint8_t part[270000];
    struct both_ends ends;
    both_ends_init(&ends);
    cr_assert(leat_config_set_ping_interval(ends.server_config, 0) == LEAT_OK);
    cr_assert(leat_config_set_ping_interval(ends.client_config, 0) == LEAT_OK);
    leat_topic *topic = topic_of_one(&ends, LEAT_SLOW_READER_DROP_OLDEST);
    leat_prepared_message *message = prepare("behind");
    for (unsigned i = 0; i < 30; i++) {
        size_t count;
        cr_assert(leat_websocket_send_part(ends.connection, LEAT_MESSAGE_BINARY, part, 1, true,
                                           false) == LEAT_OK);
        settle(&ends);
        cr_assert(leat_topic_publish(topic, message, NULL, &count) == LEAT_OK && count == 1);
        settle(&ends);
        cr_assert(leat_websocket_send_part(ends.connection, LEAT_MESSAGE_BINARY, part, sizeof(part),
                                           false, true) == LEAT_OK);
        both_ends_until_received(&ends, &ends.at_client, 2 * i + 2);
        cr_expect(ends.at_client.bytes == (i + 1) * (1 + sizeof(part) + strlen("behind")));
    }
    leat_prepared_message_free(message);
    leat_topic_free(topic);
    both_ends_done(&ends);
}

/* It can never be queued: nobody waits for it, and nobody is too slow because of it. */
Test(broadcast, longer_than_all_queues_may_be)
{
    static char text[2 << 20];
    memset(text, 'x', sizeof(text) - 1);
    for (int policy = LEAT_SLOW_READER_DROP_OLDEST; policy <= LEAT_SLOW_READER_CLOSE; policy++) {
        struct both_ends ends;
        size_t count;
        both_ends_init(&ends);
        cr_assert(leat_config_set_server_queue_limit(ends.server_config, 1 << 20) == LEAT_OK);
        leat_topic *topic = topic_of_one(&ends, (enum leat_slow_reader)policy);
        leat_prepared_message *small = prepare("small"), *large = prepare(text);
        /* In one round only the first goes to the kernel at once. */
        cr_assert(leat_topic_publish(topic, small, NULL, &count) == LEAT_OK && count == 1);
        cr_assert(leat_topic_publish(topic, large, NULL, &count) == LEAT_OK);
        cr_expect(count == 0 && leat_topic_get_dropped_count(topic) == 1, "policy %d: %zu", policy,
                  count);
        for (unsigned i = 0; i < 100; i++)
            cr_assert(leat_topic_publish(topic, small, NULL, &count) == LEAT_OK && count == 1);
        both_ends_until_received(&ends, &ends.at_client, 101);
        /* The same where it already waits when that is noticed: behind a message in parts. */
        cr_assert(leat_websocket_send_part(ends.connection, LEAT_MESSAGE_TEXT, "a", 1, true,
                                           false) == LEAT_OK);
        cr_assert(leat_topic_publish(topic, large, NULL, &count) == LEAT_OK);
        cr_assert(leat_topic_publish(topic, small, NULL, &count) == LEAT_OK && count == 1);
        cr_assert(leat_websocket_send_part(ends.connection, LEAT_MESSAGE_TEXT, "b", 1, false,
                                           true) == LEAT_OK);
        both_ends_until_received(&ends, &ends.at_client, 103);
        cr_expect(leat_topic_get_dropped_count(topic) == 2 && ends.server_closed == 0);
        leat_prepared_message_free(small);
        leat_prepared_message_free(large);
        leat_topic_free(topic);
        both_ends_done(&ends);
    }
}
