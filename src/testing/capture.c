/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng (draft-ietf-opsawg-pcapng), with packets that are made up around what was read and sent. */
#include "testing/capture.h"
#include "testing/file.h"
#include "testing/peer.h"
#include "testing/resolve.h"
#include "util/alloc.h"
#include "util/fork.h"
#include "util/readable.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_SECTION    0x0a0d0d0au
#define BLOCK_INTERFACE  1u
#define BLOCK_STATISTICS 5u
#define BLOCK_PACKET     6u
#define BLOCK_SECRETS    10u
#define SECRETS_TLS      0x544c534bu
#define OPTION_COMMENT   1u
#define OPTION_USERAPPL  4u
#define OPTION_RECEIVED  4u
#define OPTION_DROPPED   5u
#define LINK_ETHERNET    1u

#define ETHERNET_BYTES 14u
#define TCP_BYTES      20u
/* Ethernet, IPv6 and TCP. */
#define HEADERS_MAX (ETHERNET_BYTES + 40u + TCP_BYTES)
/* One packet; longer pieces are several. */
#define SEGMENT_BYTES 32768u
/* What waits for secrets. */
#define HELD_BYTES_MAX (256u << 10)

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

struct leat_testing_capture {
    int fd;
    uint64_t bytes_max;
    unsigned fork_count;
    pthread_mutex_t lock; /* of all below */
    uint64_t written, packets, dropped;
    bool is_full;
    unsigned unix_clients; /* that have a port of their own */
};

/* ---- blocks ---------------------------------------------------------------------------------- */

/* A block while it is written; `data` is NULL without memory, and everything is dropped then. */
struct block {
    uint8_t *data;
    size_t len, cap;
};

static void block_put(struct block *block, const void *data, size_t len)
{
    if (!block->data || len > block->cap - block->len)
        return;
    if (len > 0)
        memcpy(block->data + block->len, data, len);
    block->len += len;
}

static void block_put_u16(struct block *block, uint16_t value)
{
    block_put(block, &value, sizeof(value));
}

static void block_put_u32(struct block *block, uint32_t value)
{
    block_put(block, &value, sizeof(value));
}

static void block_pad(struct block *block)
{
    block_put(block, "\0\0\0", (4 - block->len % 4) % 4);
}

static void block_option(struct block *block, uint16_t option, const void *data, size_t len)
{
    block_put_u16(block, option);
    block_put_u16(block, (uint16_t)len);
    block_put(block, data, len);
    block_pad(block);
}

static void block_begin(struct block *block, uint32_t type, size_t room)
{
    *block = (struct block){.cap = room + 64};
    block->data = leati_malloc(block->cap);
    block_put_u32(block, type);
    block_put_u32(block, 0); /* its length */
}

static void block_end(struct block *block)
{
    uint32_t len = (uint32_t)block->len + 4;
    block_put_u32(block, len);
    if (block->data)
        memcpy(block->data + 4, &len, sizeof(len));
}

/* `packets` of them, whole blocks; those that the limit forbids are dropped, and all behind them. */
static void blocks_write(leat_testing_capture *capture, const uint8_t *data, size_t len,
                         size_t packets)
{
    pthread_mutex_lock(&capture->lock);
    capture->is_full |= !data || len > capture->bytes_max - capture->written;
    if (!capture->is_full) {
        capture->is_full = !leati_testing_file_write(capture->fd, data, len);
        if (capture->is_full) {
            /* Half a block would spoil the file. */
            (void)!ftruncate(capture->fd, (off_t)capture->written);
        } else {
            capture->written += len;
            capture->packets += packets;
        }
    }
    capture->dropped += capture->is_full ? packets : 0;
    pthread_mutex_unlock(&capture->lock);
}

static uint64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void block_put_time(struct block *block)
{
    uint64_t now_us = wall_us();
    block_put_u32(block, (uint32_t)(now_us >> 32));
    block_put_u32(block, (uint32_t)now_us);
}

/* ---- packets --------------------------------------------------------------------------------- */

static uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)(data[i] << 8 | data[i + 1]);
    sum += len % 2 != 0 ? (uint32_t)data[len - 1] << 8 : 0;
    return (sum & 0xffff) + (sum >> 16);
}

static void checksum_store(uint8_t *at, uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    at[0] = (uint8_t)(~sum >> 8);
    at[1] = (uint8_t)~sum;
}

static uint8_t *store_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *store_u32(uint8_t *at, uint32_t value)
{
    return store_u16(store_u16(at, value >> 16), value & 0xffff);
}

/* Ethernet and IP. @return the sum of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1). */
static uint32_t ip_write(const struct leati_capture_flow *flow, bool to_client, size_t tcp_len,
                         uint8_t *at)
{
    static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    const uint8_t *from = flow->addresses[to_client], *to = flow->addresses[!to_client];
    size_t address_len = flow->is_v6 ? 16 : 4;
    memcpy(at, macs[!to_client], 6);
    memcpy(at + 6, macs[to_client], 6);
    uint8_t *ip = store_u16(at + 12, flow->is_v6 ? 0x86dd : 0x0800);
    if (flow->is_v6) {
        store_u16(store_u32(ip, 0x60000000), (uint32_t)tcp_len);
        ip[6] = IPPROTO_TCP;
        ip[7] = 64;
        memcpy(ip + 8, from, 16);
        memcpy(ip + 24, to, 16);
    } else {
        store_u16(store_u16(ip, 0x4500), (uint32_t)tcp_len + 20);
        store_u32(ip + 4, 0x4000); /* DF */
        ip[8] = 64;
        ip[9] = IPPROTO_TCP;
        memcpy(ip + 12, from, 4);
        memcpy(ip + 16, to, 4);
        store_u16(ip + 10, 0);
        checksum_store(ip + 10, checksum_add(0, ip, 20));
    }
    uint32_t sum = checksum_add(0, from, address_len);
    return checksum_add(sum, to, address_len) + IPPROTO_TCP + (uint32_t)tcp_len;
}

/* @return how many bytes. */
static size_t headers_write(const struct leati_capture_flow *flow, bool to_client, unsigned flags,
                            const uint8_t *data, size_t len, uint8_t ret_headers[HEADERS_MAX])
{
    size_t before = ETHERNET_BYTES + (flow->is_v6 ? 40u : 20u);
    uint32_t sum = ip_write(flow, to_client, TCP_BYTES + len, ret_headers);
    uint8_t *tcp = ret_headers + before;
    uint8_t *at = store_u16(store_u16(tcp, flow->ports[to_client]), flow->ports[!to_client]);
    at = store_u32(at, flow->next[to_client]);
    at = store_u32(at, flags & TCP_ACK ? flow->next[!to_client] : 0);
    at = store_u16(at, 0x5000 | flags);
    at = store_u16(at, 65535);
    store_u32(at, 0); /* checksum, urgent pointer */
    sum += checksum_add(0, tcp, TCP_BYTES) + checksum_add(0, data, len);
    checksum_store(tcp + 16, sum);
    return before + TCP_BYTES;
}

static void held_flush(struct leati_capture_flow *flow)
{
    if (flow->held)
        blocks_write(flow->capture, flow->held, flow->held_len, flow->held_count);
    leati_free(flow->held);
    flow->held = NULL;
    flow->held_len = flow->held_count = 0;
}

/* Keeps a block for later. false: it is to be written now. */
static bool block_hold(struct leati_capture_flow *flow, const struct block *block)
{
    if (!block->data || flow->held_len + block->len > HELD_BYTES_MAX)
        return false;
    if (!leati_resize(&flow->held, flow->held_len + block->len, 1))
        return false;
    memcpy(flow->held + flow->held_len, block->data, block->len);
    flow->held_len += block->len;
    ++flow->held_count;
    return true;
}

static void packet_write(struct leati_capture_flow *flow, bool to_client, unsigned flags,
                         const uint8_t *data, size_t len)
{
    struct block block;
    uint8_t headers[HEADERS_MAX];
    size_t headers_len = headers_write(flow, to_client, flags, data, len, headers);
    uint32_t packet_len = (uint32_t)(headers_len + len);
    block_begin(&block, BLOCK_PACKET, packet_len + sizeof(flow->comment));
    block_put_u32(&block, 0); /* the interface */
    block_put_time(&block);
    block_put_u32(&block, packet_len);
    block_put_u32(&block, packet_len);
    block_put(&block, headers, headers_len);
    block_put(&block, data, len);
    block_pad(&block);
    if (flow->comment[0] != '\0') {
        block_option(&block, OPTION_COMMENT, flow->comment, strlen(flow->comment));
        block_put_u32(&block, 0);
        flow->comment[0] = '\0';
    }
    block_end(&block);
    if (to_client || !flow->is_holding || !block_hold(flow, &block)) {
        held_flush(flow);
        blocks_write(flow->capture, block.data, block.len, 1);
    }
    leati_free(block.data);
    flow->next[to_client] += (uint32_t)len + (flags & (TCP_SYN | TCP_FIN) ? 1u : 0u);
}

/* ---- a connection ---------------------------------------------------------------------------- */

static uint16_t address_copy(const struct sockaddr_storage *address, bool is_v6,
                             uint8_t ret_bytes[16])
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    memcpy(ret_bytes, is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, is_v6 ? 16 : 4);
    return ntohs(is_v6 ? v6->sin6_port : v4->sin_port);
}

/* A Unix socket has no ports: each client gets one. */
static void unix_name(struct leati_capture_flow *flow)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    memcpy(flow->addresses[0], loopback, sizeof(loopback));
    memcpy(flow->addresses[1], loopback, sizeof(loopback));
    pthread_mutex_lock(&flow->capture->lock);
    flow->ports[0] = (uint16_t)(1024 + flow->capture->unix_clients++ % 64000);
    pthread_mutex_unlock(&flow->capture->lock);
    flow->ports[1] = 1;
}

void leati_capture_begin(struct leati_peer *p)
{
    struct leati_capture_flow *flow = &p->flow;
    struct sockaddr_storage client = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(client);
    flow->capture = p->dispatch_fd < 0 ? p->server->options.capture : NULL;
    if (!flow->capture)
        return;
    (void)getpeername(p->fd, (struct sockaddr *)&client, &size);
    leati_testing_address_unmap(&client);
    flow->is_v6 = client.ss_family == AF_INET6;
    if ((flow->is_v6 || client.ss_family == AF_INET) && client.ss_family == p->local.ss_family) {
        flow->ports[0] = address_copy(&client, flow->is_v6, flow->addresses[0]);
        flow->ports[1] = address_copy(&p->local, flow->is_v6, flow->addresses[1]);
    } else {
        unix_name(flow);
    }
    packet_write(flow, false, TCP_SYN, NULL, 0);
    packet_write(flow, true, TCP_SYN | TCP_ACK, NULL, 0);
    packet_write(flow, false, TCP_ACK, NULL, 0);
}

void leati_capture_bytes(struct leati_peer *p, bool to_client, const void *data, size_t len)
{
    struct leati_capture_flow *flow = &p->flow;
    for (size_t at = 0; flow->capture && at < len;) {
        size_t part = len - at < SEGMENT_BYTES ? len - at : SEGMENT_BYTES;
        packet_write(flow, to_client, TCP_PSH | TCP_ACK, (const uint8_t *)data + at, part);
        at += part;
    }
}

void leati_capture_end(struct leati_peer *p, bool to_client, bool is_reset)
{
    struct leati_capture_flow *flow = &p->flow;
    if (!flow->capture || flow->has_ended[to_client])
        return;
    flow->has_ended[to_client] = true;
    packet_write(flow, to_client, (is_reset ? TCP_RST : TCP_FIN) | TCP_ACK, NULL, 0);
}

void leati_capture_step(struct leati_peer *p, const char *step, const char *text)
{
    struct leati_capture_flow *flow = &p->flow;
    size_t len = strlen(flow->comment);
    if (flow->capture)
        leati_readable_append(flow->comment, sizeof(flow->comment), &len, "%s%s%s%s",
                              len > 0 ? "; " : "", step, text[0] ? " " : "", text);
}

void leati_capture_hold(struct leati_peer *p, bool is_holding)
{
    p->flow.is_holding = is_holding;
    if (p->flow.capture && !is_holding)
        held_flush(&p->flow);
}

void leati_capture_secret(struct leati_peer *p, const char *line)
{
    struct block block;
    size_t len = strlen(line);
    if (!p->flow.capture)
        return;
    block_begin(&block, BLOCK_SECRETS, len);
    block_put_u32(&block, SECRETS_TLS);
    block_put_u32(&block, (uint32_t)len + 1);
    block_put(&block, line, len);
    block_put(&block, "\n", 1);
    block_pad(&block);
    block_end(&block);
    blocks_write(p->flow.capture, block.data, block.len, 0);
    if (block.data)
        leati_wipe(block.data, block.cap);
    leati_free(block.data);
}

void leati_capture_done(struct leati_peer *p)
{
    if (!p->flow.capture)
        return;
    leati_capture_end(p, true, p->ending == LEATI_PEER_RESET);
    held_flush(&p->flow);
}

/* ---- the object ------------------------------------------------------------------------------ */

static bool head_write(leat_testing_capture *capture)
{
    static const char application[] = "libleat-testing";
    struct block block;
    block_begin(&block, BLOCK_SECTION, 64);
    block_put_u32(&block, 0x1a2b3c4d);
    block_put_u16(&block, 1);
    block_put_u16(&block, 0);
    block_put(&block, "\377\377\377\377\377\377\377\377", 8); /* a length that is not known */
    block_option(&block, OPTION_USERAPPL, application, sizeof(application) - 1);
    block_put_u32(&block, 0);
    block_end(&block);
    blocks_write(capture, block.data, block.len, 0);
    leati_free(block.data);

    block_begin(&block, BLOCK_INTERFACE, 64);
    block_put_u16(&block, LINK_ETHERNET);
    block_put_u16(&block, 0);
    block_put_u32(&block, 0); /* packets of any length */
    block_end(&block);
    blocks_write(capture, block.data, block.len, 0);
    leati_free(block.data);
    return !capture->is_full;
}

/* How much was left out. It has its place beyond the limit. */
static void tail_write(leat_testing_capture *capture)
{
    struct block block;
    block_begin(&block, BLOCK_STATISTICS, 64);
    block_put_u32(&block, 0);
    block_put_time(&block);
    uint64_t received = capture->packets + capture->dropped;
    block_option(&block, OPTION_RECEIVED, &received, sizeof(received));
    block_option(&block, OPTION_DROPPED, &capture->dropped, sizeof(capture->dropped));
    block_put_u32(&block, 0);
    block_end(&block);
    if (block.data && !leati_testing_file_write(capture->fd, block.data, block.len))
        (void)!ftruncate(capture->fd, (off_t)capture->written);
    leati_free(block.data);
}

int leat_testing_capture_new(const char *path, uint64_t bytes_max,
                             leat_testing_capture **ret_capture,
                             struct leat_testing_problem *ret_problem)
{
    const char *reason = "no memory, or no room on the disk";
    leat_testing_capture *capture = NULL;
    int code = LEAT_E_SYSTEM_INTERNAL;
    if (!path || !ret_capture)
        return LEAT_E_PARAMETER;
    if (bytes_max == 0)
        bytes_max = LEAT_TESTING_CAPTURE_BYTES_DEFAULT;
    if (bytes_max < LEAT_TESTING_CAPTURE_BYTES_MIN) {
        reason = "the limit is too small for a capture";
        code = LEAT_E_PARAMETER;
        goto fail;
    }
    capture = leati_calloc(1, sizeof(*capture));
    if (!capture)
        goto fail;
    pthread_mutex_init(&capture->lock, NULL);
    capture->fd = -1;
    capture->bytes_max = bytes_max;
    capture->fork_count = leati_fork_count();
    code = leati_testing_file_open(path, &capture->fd, &reason);
    if (code == LEAT_OK && !head_write(capture))
        code = LEAT_E_SYSTEM_INTERNAL;
    if (code != LEAT_OK)
        goto fail;
    *ret_capture = capture;
    return LEAT_OK;
fail:
    if (ret_problem) {
        *ret_problem = (struct leat_testing_problem){0};
        leati_readable_format(ret_problem->text, sizeof(ret_problem->text),
                              "cannot capture to %s: %s", path, reason ? reason : "unknown reason");
    }
    if (capture && capture->fd >= 0)
        close(capture->fd);
    leati_free(capture);
    return code;
}

void leat_testing_capture_free(leat_testing_capture *capture)
{
    if (!capture)
        return;
    if (capture->fork_count != leati_fork_count()) {
        close(capture->fd);
        return;
    }
    tail_write(capture);
    close(capture->fd);
    pthread_mutex_destroy(&capture->lock);
    leati_free(capture);
}

uint64_t leat_testing_capture_get_packets(leat_testing_capture *capture)
{
    if (!capture || capture->fork_count != leati_fork_count())
        return 0;
    pthread_mutex_lock(&capture->lock);
    uint64_t packets = capture->packets;
    pthread_mutex_unlock(&capture->lock);
    return packets;
}

uint64_t leat_testing_capture_get_dropped(leat_testing_capture *capture)
{
    if (!capture || capture->fork_count != leati_fork_count())
        return 0;
    pthread_mutex_lock(&capture->lock);
    uint64_t dropped = capture->dropped;
    pthread_mutex_unlock(&capture->lock);
    return dropped;
}
