/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DNS server answers to a connection that asks for a name: records of any kind, in any
 * order, cut, twice, over UDP and TCP, or nothing. In a network namespace of its own, so that
 * nobody is dialled. The first byte chooses the name and what is set; the rest is what the server
 * does, one after the other: see step_run().
 */
#include "fuzz/wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUERIES_MAX 16
#define QUERY_BYTES 600
#define ROUNDS_MAX  1000

struct query {
    struct sockaddr_in from;
    uint8_t bytes[QUERY_BYTES];
    size_t len;
};

static leat_loop *loop;
static int udp, tcp_listener, tcp;
static struct query queries[QUERIES_MAX];
static size_t query_count, query_now;
static uint8_t answer[4096 + 2]; /* with a length in front, for TCP */
static size_t answer_len;
static unsigned records;
static unsigned closed_count;

/* ---- the server ----------------------------------------------------------------------------- */

static void queries_take(void)
{
    while (query_count < QUERIES_MAX) {
        struct query *query = &queries[query_count];
        socklen_t size = sizeof(query->from);
        ssize_t len = recvfrom(udp, query->bytes, sizeof(query->bytes), MSG_DONTWAIT,
                               (struct sockaddr *)&query->from, &size);
        if (len < 12)
            return;
        query->len = (size_t)len;
        query_count++;
    }
}

static void answer_add(const void *data, size_t len)
{
    if (len > 0 && answer_len + len <= sizeof(answer)) {
        memcpy(answer + answer_len, data, len);
        answer_len += len;
    }
}

/* The header with these flags, and the question as it came, but for the EDNS record behind it. */
static void answer_begin(struct fuzz_input *input)
{
    struct query *query = &queries[query_now];
    uint8_t flags[] = {(uint8_t)(0x81 ^ fuzz_take(input)), (uint8_t)(0x80 ^ fuzz_take(input))};
    size_t end = 12;
    queries_take();
    answer_len = 2;
    records = 0;
    if (query_count == 0)
        return;
    while (end < query->len && query->bytes[end] != 0)
        end += 1u + query->bytes[end];
    end = end + 5 < query->len ? end + 5 : query->len;
    answer_add(query->bytes, 2);
    answer_add(flags, 2);
    answer_add("\0\1\0\0\0\0\0\0", 8);
    answer_add(query->bytes + 12, end - 12);
}

static void answer_record(struct fuzz_input *input, uint8_t kind)
{
    static const uint16_t types[] = {1, 28, 5, 6, 2, 41, 16, 65};
    uint16_t type = types[kind & 7];
    size_t usual = type == 1 ? 4 : type == 28 ? 16 : 8;
    struct fuzz_input data = fuzz_take_bytes(input, kind & 8 ? fuzz_take(input) : usual);
    const uint8_t head[] = {0xc0, 12, (uint8_t)(type >> 8), (uint8_t)type, 0, 1, 0, 0, 0,
                            60,   0,  (uint8_t)data.len};
    answer_add(head, sizeof(head));
    answer_add(data.data, data.len);
    records++;
}

/* How many records there are, or are said to be. */
static void answer_count(size_t count)
{
    if (answer_len > 9)
        answer[9] = (uint8_t)count;
}

static void answer_send(void)
{
    const struct query *query = &queries[query_now];
    if (query_count == 0 || answer_len <= 2)
        return;
    (void)sendto(udp, answer + 2, answer_len - 2, MSG_DONTWAIT,
                 (const struct sockaddr *)&query->from, sizeof(query->from));
}

static void answer_send_tcp(void)
{
    uint8_t query[2 + QUERY_BYTES];
    if (tcp < 0)
        tcp = fuzz_accept(tcp_listener);
    size_t len = fuzz_recv(tcp, query, sizeof(query));
    if (len > 4 && answer_len > 4)
        memcpy(answer + 2, query + 2, 2); /* another number */
    answer[0] = (uint8_t)((answer_len - 2) >> 8);
    answer[1] = (uint8_t)(answer_len - 2);
    fuzz_send(tcp, answer, answer_len);
}

static void query_next(void)
{
    queries_take();
    if (query_count > 0)
        query_now = (query_now + 1) % query_count;
}

static void step_run(struct fuzz_input *input)
{
    uint8_t what = fuzz_take(input);
    struct fuzz_input bytes;
    switch (what >> 4 & 7) {
    case 0:
        answer_begin(input);
        break;
    case 1:
    case 2:
        answer_record(input, what & 15);
        break;
    case 3:
        bytes = fuzz_take_bytes(input, (what & 15u) * 4 + 1);
        answer_add(bytes.data, bytes.len);
        break;
    case 4:
        answer_count(what & 15 ? what & 15u : records);
        break;
    case 5:
        if (what & 1)
            answer_send_tcp();
        else
            answer_send();
        break;
    case 6:
        (void)fuzz_turn(loop, 1 + (what & 15));
        break;
    default:
        query_next();
        break;
    }
}

/* ---- the client ----------------------------------------------------------------------------- */

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    (void)ws;
    (void)user;
    fuzz_error_check(&event->error);
    FUZZ_MUST(event->error.code >= LEAT_E_SOCKET_BASE && event->close_code == 0);
    closed_count++;
}

/* c-ares goes on by TCP where UDP is cut, to the same port. */
static void server_make(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    udp = fuzz_bind_udp(ret_port);
    address.sin_port = htons(*ret_port);
    tcp_listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    FUZZ_MUST(tcp_listener >= 0);
    (void)bind(tcp_listener, (const struct sockaddr *)&address, sizeof(address));
    (void)listen(tcp_listener, 4);
    tcp = -1;
    query_count = query_now = 0;
    answer_len = 2;
    records = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const urls[] = {"ws://name.test:1/", "ws://name.test.:1/", "ws://name:1/",
                                       "ws://a.b.c.d.e.name.test:1/"};
    const struct leat_websocket_callbacks callbacks = {.size = sizeof(callbacks),
                                                       .closed = on_closed};
    struct fuzz_input input = {data, size};
    uint8_t choice = fuzz_take(&input);
    char servers[64];
    leat_config *config;
    leat_websocket *ws;
    uint16_t port;
    if (!fuzz_network_leave())
        return 0;
    int free_descriptor = fuzz_free_descriptor();
    server_make(&port);
    snprintf(servers, sizeof(servers), "127.0.0.1:%u", port);
    closed_count = 0;
    FUZZ_MUST(leat_loop_new(&loop) == LEAT_OK && leat_config_new(&config) == LEAT_OK);
    FUZZ_MUST(leat_config_set_dns_servers(config, servers) == LEAT_OK);
    FUZZ_MUST(leat_websocket_new(loop, &callbacks, NULL, &ws) == LEAT_OK);
    FUZZ_MUST(leat_websocket_connect(ws, urls[choice & 3], config) == LEAT_OK);
    (void)fuzz_turn(loop, 4);
    while (input.len > 0)
        step_run(&input);
    FUZZ_MUST(fuzz_turn(loop, ROUNDS_MAX));
    FUZZ_MUST(closed_count <= 1);

    leat_websocket_free(ws);
    leat_config_free(config);
    leat_loop_free(loop);
    fuzz_reset(tcp);
    close(udp);
    close(tcp_listener);
    FUZZ_MUST(fuzz_free_descriptor() == free_descriptor);
    return 0;
}
