/* SPDX-License-Identifier: Apache-2.0 */
/* A peer can make us hold at most the configured limits, measured. Each of them sends at least 64
 * MiB or as much as it is let. */
#include "links/common.h"
#include "links/hostile.h"

#include <stdio.h>
#include <sys/socket.h>
#include <zlib.h>

LINKS_SUITE(memory);

#define MESSAGE_LIMIT ((size_t)1 << 20)
#define QUEUE_LIMIT   ((size_t)256 << 10)
/* What a connection needs beside its queue and its message: the objects themselves, the loop's
 * buffers, the kernel's copy of one read. */
#define SLACK ((size_t)128 << 10)
/* A buffer that grows is there twice for a moment. */
#define MESSAGE_PEAK (2 * MESSAGE_LIMIT)

#define FLOOD_BYTES ((size_t)64 << 20)

static void limits_set(leat_config *config)
{
    cr_assert(leat_config_set_max_message_bytes(config, MESSAGE_LIMIT) == LEAT_OK);
    cr_assert(leat_config_set_send_queue_limit(config, QUEUE_LIMIT) == LEAT_OK);
    cr_assert(leat_config_set_ping_interval(config, 0) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(config, LEAT_PHASE_CLOSE, 1000) == LEAT_OK);
}

static void peak_expect(size_t limit)
{
    size_t peak = memory_watch_peak();
    cr_expect(peak <= limit + SLACK, "%zu bytes were held, %zu are allowed", peak, limit + SLACK);
    cr_expect(peak > 0, "nothing was measured");
}

/* What a connection needs to inflate: src/ws/deflate.h. */
#define INFLATER ((size_t)48 << 10)

static void compression_set(leat_config *config)
{
    const struct leat_compression compression = {.size = sizeof(compression)};
    limits_set(config);
    cr_assert(leat_config_set_compression(config, &compression) == LEAT_OK);
}

static bool compresses;

/* ---- what they send; the same for both ends but for the mask
 * ------------------------------------------ */

static uint8_t mask_bit; /* 0x80 for a client */

/* The header of a frame whose masking key, if any, is 0. */
static size_t header_write(uint8_t buf[14], uint8_t first, uint64_t announced)
{
    size_t at = 0;
    buf[at++] = first;
    if (announced < 126) {
        buf[at++] = (uint8_t)(mask_bit | announced);
    } else if (announced < 65536) {
        buf[at++] = mask_bit | 126;
        buf[at++] = (uint8_t)(announced >> 8);
        buf[at++] = (uint8_t)announced;
    } else {
        buf[at++] = mask_bit | 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            buf[at++] = (uint8_t)(announced >> shift);
    }
    if (mask_bit) {
        memset(buf + at, 0, 4);
        at += 4;
    }
    return at;
}

/* `announced` is what its length says. */
static bool frame_send(int fd, uint8_t first, uint64_t announced, size_t len)
{
    static uint8_t buf[14 + 65536];
    size_t at = header_write(buf, first, announced);
    memset(buf + at, 'x', len);
    return raw_send(fd, buf, at + len);
}

static bool payload_send(int fd, uint8_t first, const uint8_t *data, size_t len)
{
    uint8_t header[14];
    return raw_send(fd, header, header_write(header, first, len)) && raw_send(fd, data, len);
}

static void rest_send(int fd, size_t total)
{
    static uint8_t data[65536];
    memset(data, 'x', sizeof(data));
    for (size_t sent = 0; sent < total && raw_send(fd, data, sizeof(data)); sent += sizeof(data)) {
    }
}

static void announces_too_much(int fd)
{
    frame_send(fd, 0x82, (uint64_t)1 << 40, 0);
    rest_send(fd, FLOOD_BYTES);
    raw_recv_end(fd);
}

static void fragments_for_ever(int fd)
{
    bool open = frame_send(fd, 0x02, 4096, 4096);
    for (size_t i = 0; i < FLOOD_BYTES / 4096 && open; ++i)
        open = frame_send(fd, 0x00, 4096, 4096);
    raw_recv_end(fd);
}

static void empty_fragments(int fd)
{
    bool open = frame_send(fd, 0x01, 0, 0);
    for (size_t i = 0; i < 1000000 && open; ++i)
        open = frame_send(fd, 0x00, 0, 0);
    raw_reset(fd);
}

static void pings_and_does_not_read(int fd)
{
    static uint8_t burst[65536];
    size_t frame = (size_t)2 + 125 + (mask_bit ? 4 : 0);
    size_t len = 0;
    for (; len + frame <= sizeof(burst); len += frame) {
        burst[len] = 0x89;
        burst[len + 1] = (uint8_t)(mask_bit | 125);
    }
    const struct timeval wait = {.tv_sec = 2};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    for (size_t sent = 0; sent < FLOOD_BYTES && raw_send(fd, burst, len); sent += len) {
    }
}

/* 64 MiB of zeros, a thousandth on the wire; in one message, or many that are within the limit. */
static void bomb_send(int fd, size_t total, size_t message_bytes)
{
    static uint8_t zeros[65536];
    static uint8_t out[65536 + 14];
    z_stream stream = {0};
    size_t in_message = 0;
    bool open = deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    for (size_t sent = 0; sent < total && open; sent += sizeof(zeros)) {
        bool is_first = in_message == 0;
        in_message += sizeof(zeros);
        bool is_last = in_message >= message_bytes;
        stream.next_in = zeros;
        stream.avail_in = sizeof(zeros);
        stream.next_out = out;
        stream.avail_out = sizeof(out);
        deflate(&stream, Z_SYNC_FLUSH);
        size_t len = sizeof(out) - stream.avail_out - (is_last ? 4 : 0);
        uint8_t first = (uint8_t)((is_first ? 0x42 : 0) | (is_last ? 0x80 : 0));
        open = payload_send(fd, first, out, len);
        in_message = is_last ? 0 : in_message;
    }
    deflateEnd(&stream);
}

static void bomb(int fd)
{
    bomb_send(fd, FLOOD_BYTES, FLOOD_BYTES);
    raw_recv_end(fd);
}

static void bombs_within_the_limit(int fd)
{
    bomb_send(fd, FLOOD_BYTES, MESSAGE_LIMIT);
    raw_reset(fd);
}

static void asks_and_does_not_read(int fd)
{
    const struct timeval wait = {.tv_sec = 2};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    for (size_t sent = 0; sent < FLOOD_BYTES && frame_send(fd, 0x82, 60000, 60000); sent += 60000) {
    }
}

/* ---- our client
 * ------------------------------------------------------------------------------------ */

static bool dispatch_to_the_end(struct client_run *run)
{
    uint64_t end_ms = clock_ms() + CLIENT_RUN_TIMEOUT_MS;
    while (run->closed_count == 0 && clock_ms() < end_ms) {
        cr_assert(leat_loop_dispatch(run->loop, 100) == LEAT_OK);
        memory_watch_sample();
    }
    return run->closed_count > 0;
}

static void client_expect(hostile_fn play, size_t limit, uint16_t close_code)
{
    struct client_run run;
    pid_t pid;
    mask_bit = 0;
    uint16_t port = hostile_server_start(play, 1, &pid);
    client_run_init(&run);
    run.drop_messages = true;
    (compresses ? compression_set : limits_set)(run.config);
    memory_watch_start();
    cr_assert(client_run_connect(&run, url_of("ws", port, "/")) == LEAT_OK);
    bool ended = dispatch_to_the_end(&run);
    peak_expect(limit);
    if (close_code != 0) {
        cr_expect(ended && run.close.close_code == close_code, "%u: %s", run.close.close_code,
                  run.close.error.text);
    }
    client_run_done(&run);
    hostile_stop(pid);
}

Test(memory, server_announces_more_than_the_limit)
{
    client_expect(announces_too_much, 0, 1009);
}

Test(memory, server_never_ends_its_fragments)
{
    client_expect(fragments_for_ever, MESSAGE_PEAK, 1009);
}

Test(memory, server_pings_and_does_not_read)
{
    client_expect(pings_and_does_not_read, 0, 1006);
}

static void longest_then_fin(int fd)
{
    frame_send(fd, 0x82, MESSAGE_LIMIT, 0);
    rest_send(fd, MESSAGE_LIMIT - 65536);
    shutdown(fd, SHUT_WR);
    raw_recv_end(fd);
}

Test(memory, server_sends_the_longest_message)
{
    client_expect(longest_then_fin, MESSAGE_PEAK, 1006);
}

Test(memory, server_sends_a_bomb)
{
    compresses = true;
    client_expect(bomb, MESSAGE_PEAK + INFLATER, 1009);
}

Test(memory, server_sends_bombs_within_the_limit)
{
    compresses = true;
    client_expect(bombs_within_the_limit, MESSAGE_PEAK + INFLATER, 1006);
}

/* ---- messages in parts
 * ------------------------------------------------------------------------------ */

struct parts {
    size_t bytes, calls;
    bool began, ended, closed;
};

static void part_came(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                      size_t len, bool is_first, bool is_last, void *user)
{
    struct parts *parts = user;
    (void)ws;
    (void)data;
    cr_expect(type == LEAT_MESSAGE_BINARY);
    cr_expect(is_first == !parts->began, "part %zu", parts->calls);
    parts->began = true;
    parts->ended = is_last;
    parts->bytes += len;
    ++parts->calls;
}

static void parts_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    (void)ws;
    (void)event;
    ((struct parts *)user)->closed = true;
}

static void fin_send(int fd)
{
    shutdown(fd, SHUT_WR);
    raw_recv_end(fd);
}

static void one_long_message(int fd)
{
    frame_send(fd, 0x82, FLOOD_BYTES, 0);
    rest_send(fd, FLOOD_BYTES);
    fin_send(fd);
}

static void one_long_message_in_fragments(int fd)
{
    frame_send(fd, 0x02, 60000, 60000);
    for (size_t sent = 60000; sent + 60000 < FLOOD_BYTES; sent += 60000)
        frame_send(fd, 0x00, 60000, 60000);
    frame_send(fd, 0x80, FLOOD_BYTES % 60000, FLOOD_BYTES % 60000);
    fin_send(fd);
}

static void one_long_bomb(int fd)
{
    bomb_send(fd, FLOOD_BYTES, FLOOD_BYTES);
    fin_send(fd);
}

/* 64 MiB pass through, and are never held. */
static void parts_expect(hostile_fn play, size_t limit)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks), .message_part = part_came, .closed = parts_closed};
    const struct leat_compression compression = {.size = sizeof(compression)};
    struct parts parts = {0};
    struct client_run run;
    leat_websocket *ws = NULL;
    pid_t pid;
    uint16_t port = hostile_server_start(play, 1, &pid);
    client_run_init(&run);
    cr_assert(leat_config_set_compression(run.config, &compression) == LEAT_OK);
    cr_assert(leat_websocket_new(run.loop, &callbacks, &parts, &ws) == LEAT_OK);
    memory_watch_start();
    cr_assert(leat_websocket_connect(ws, url_of("ws", port, "/"), run.config) == LEAT_OK);
    uint64_t end_ms = clock_ms() + CLIENT_RUN_TIMEOUT_MS;
    while (!parts.closed && clock_ms() < end_ms)
        cr_assert(leat_loop_dispatch(run.loop, 100) == LEAT_OK);
    peak_expect(limit);
    cr_expect(parts.ended && parts.bytes == FLOOD_BYTES, "%zu bytes in %zu parts", parts.bytes,
              parts.calls);
    leat_websocket_free(ws);
    client_run_done(&run);
    hostile_stop(pid);
}

Test(memory, parts_of_a_long_message_are_not_held)
{
    parts_expect(one_long_message, 0);
}

Test(memory, parts_of_a_long_message_in_fragments_are_not_held)
{
    parts_expect(one_long_message_in_fragments, 0);
}

Test(memory, parts_of_a_long_compressed_message_are_not_held)
{
    parts_expect(one_long_bomb, INFLATER);
}

static void endless_head(int fd)
{
    static const char line[] = "X-Header: 0123456789abcdef0123456789abcdef\r\n";
    bool open = raw_send(fd, "HTTP/1.1 101 Switching Protocols\r\n", 34);
    for (size_t sent = 0; sent < FLOOD_BYTES && open; sent += sizeof(line) - 1)
        open = raw_send(fd, line, sizeof(line) - 1);
}

static void endless_body(int fd)
{
    static const char head[] = "HTTP/1.1 404 Not Found\r\n\r\n";
    raw_send(fd, head, sizeof(head) - 1);
    rest_send(fd, FLOOD_BYTES);
}

static void refusal_expect(hostile_fn play, const char *proxy_scheme)
{
    struct client_run run;
    pid_t pid;
    uint16_t port = hostile_server_start(play, 0, &pid);
    client_run_init(&run);
    limits_set(run.config);
    const char *url = url_of("ws", port, "/");
    if (proxy_scheme) {
        cr_assert(leat_config_set_proxy(run.config, url_of(proxy_scheme, port, "")) == LEAT_OK);
        url = "ws://localhost:9/";
    }
    memory_watch_start();
    cr_assert(client_run_connect(&run, url) == LEAT_OK);
    bool ended = dispatch_to_the_end(&run);
    peak_expect(0);
    cr_expect(ended && run.close.error.code == LEAT_E_WS_CONNECT, "%d: %s", run.close.error.code,
              run.close.error.text);
    client_run_done(&run);
    hostile_stop(pid);
}

Test(memory, answer_without_an_end)
{
    refusal_expect(endless_head, NULL);
    refusal_expect(endless_body, NULL);
}

Test(memory, answer_of_a_proxy_without_an_end)
{
    refusal_expect(endless_head, "http");
    refusal_expect(endless_body, "http");
}

/* ---- our server
 * ------------------------------------------------------------------------------------ */

static bool one_gone(const struct server_seen *seen)
{
    return seen->closed + seen->refused > 0;
}

static void server_expect(hostile_fn play, size_t limit, uint16_t close_code)
{
    static const char request[] =
        RAW_UPGRADE_WITH("/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    struct server_run *server = server_run_start(
        &(struct server_run_options){.configure = compresses ? compression_set : limits_set});
    struct server_seen seen;
    mask_bit = 0x80;
    memory_watch_start();
    pid_t pid = hostile_client_start(play, request, server_run_port(server));
    bool ended = server_run_wait(server, one_gone);
    peak_expect(limit);
    server_run_seen(server, &seen);
    cr_expect(ended && seen.close.close_code == close_code, "%u: %s", seen.close.close_code,
              seen.close.error.text);
    server_run_free(server);
    hostile_stop(pid);
}

Test(memory, client_announces_more_than_the_limit)
{
    server_expect(announces_too_much, 0, 1009);
}

Test(memory, client_never_ends_its_fragments)
{
    server_expect(fragments_for_ever, MESSAGE_PEAK, 1009);
}

Test(memory, client_pings_and_does_not_read)
{
    server_expect(pings_and_does_not_read, 0, 1006);
}

/* RFC 6455 section 5.5.3: of the Pings of a peer that does not read it is enough to answer the
 * latest, and that one must be answered; one that reads gets every answer. */
static size_t pongs_after(size_t pings, uint32_t *ret_last)
{
    struct server_run *server =
        server_run_start(&(struct server_run_options){.configure = limits_set});
    static uint8_t burst[256 * 131], pong[127];
    int fd;
    size_t count = 0;
    *ret_last = 0;
    cr_assert(raw_upgrade(NULL, server_run_port(server), &fd) == 101);
    for (uint32_t sent = 0; sent < pings;) {
        size_t len = 0;
        for (; len < sizeof(burst) && sent < pings; len += 131) {
            ++sent;
            memset(burst + len, 0, 131);
            burst[len] = 0x89;
            burst[len + 1] = 0x80 | 125;
            memcpy(burst + len + 6, &sent, sizeof(sent));
        }
        cr_assert(raw_send(fd, burst, len));
    }
    while (*ret_last < pings && recv(fd, pong, sizeof(pong), MSG_WAITALL) == sizeof(pong)) {
        uint32_t number;
        cr_assert(pong[0] == 0x8a && pong[1] == 125);
        memcpy(&number, pong + 2, sizeof(number));
        cr_assert(number > *ret_last, "%u behind %u", number, *ret_last);
        *ret_last = number;
        ++count;
    }
    close(fd);
    server_run_free(server);
    return count;
}

Test(memory, of_many_pings_the_latest_is_answered)
{
    uint32_t last;
    size_t many = FLOOD_BYTES / 131;
    size_t count = pongs_after(many, &last);
    cr_expect(last == many && count < many, "%zu Pongs for %zu Pings, the last for %u", count, many,
              last);
    count = pongs_after(30, &last);
    cr_expect(last == 30 && count == 30, "%zu Pongs, the last for %u", count, last);
}

Test(memory, client_asks_and_does_not_read)
{
    /* server_run keeps one message that was refused, too */
    server_expect(asks_and_does_not_read, QUEUE_LIMIT + 60000, 1006);
}

Test(memory, client_sends_empty_fragments)
{
    server_expect(empty_fragments, 0, 1006);
}

Test(memory, client_sends_a_bomb)
{
    compresses = true;
    server_expect(bomb, MESSAGE_PEAK + INFLATER, 1009);
}

#define MANY 200

/* Many that each send most of a head, or nothing. */
Test(memory, clients_that_do_not_finish_their_heads)
{
    static char head[15000];
    struct server_run *server =
        server_run_start(&(struct server_run_options){.configure = limits_set});
    int fds[MANY];
    size_t len = (size_t)snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nX: ");
    memset(head + len, 'x', sizeof(head) - len);
    memory_watch_start();
    for (int i = 0; i < MANY; ++i) {
        fds[i] = raw_connect(NULL, server_run_port(server));
        cr_assert(raw_send(fds[i], head, sizeof(head)));
    }
    /* the server has read them all when it has served one more */
    int fd;
    cr_expect(raw_upgrade(NULL, server_run_port(server), &fd) == 101);
    /* 16 KiB of head are allowed, in a buffer that doubles, and the objects of a connection */
    peak_expect((size_t)MANY * (2 * 16384 + 8192));
    for (int i = 0; i < MANY; ++i)
        close(fds[i]);
    close(fd);
    server_run_free(server);
}
