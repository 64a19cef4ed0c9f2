/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp/proxy_header.h"

#include "core/exchange.h"
#include "tcp/tcp.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct proxy_header {
    struct leati_exchange exchange;
    struct leati_proxy_protocol header;
    const struct leati_layer *tcp;
    bool is_direct;
    uint8_t bytes[LEATI_PROXY_PROTOCOL_WRITE_BYTES];
    size_t len, sent;
    char failure[128]; /* "" = none */
};

static struct proxy_header *header_of(struct leati_exchange *x)
{
    return (struct proxy_header *)x;
}

static const struct proxy_header *header_of_const(const struct leati_exchange *x)
{
    return (const struct proxy_header *)x;
}

static struct leati_address end_address(int fd, int (*get)(int, struct sockaddr *, socklen_t *))
{
    struct leati_address address = {.any.sa_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    if (get(fd, &address.any, &size) != 0)
        address.any.sa_family = AF_UNSPEC;
    leati_address_unmap(&address);
    return address;
}

static bool is_ip(const struct leati_address *address)
{
    return address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6;
}

/* The addresses are there once TCP is. What a program says about the client counts everywhere. */
static void header_start(struct leati_exchange *x)
{
    struct proxy_header *h = header_of(x);
    int fd = leati_tcp_layer_fd(h->tcp);
    struct leati_address local = end_address(fd, getsockname);
    bool has_client = is_ip(&h->header.source);
    if (h->is_direct)
        h->header.destination = end_address(fd, getpeername);
    if (h->is_direct && !has_client)
        h->header.source = local;
    else if (has_client && is_ip(&local))
        leati_address_set_port(&h->header.source, leati_address_port(&local));
    h->header.is_local = !is_ip(&h->header.source) || !is_ip(&h->header.destination);
    h->len = leati_proxy_protocol_write(&h->header, h->bytes);
}

static enum leati_exchange_turn header_turn(const struct leati_exchange *x)
{
    const struct proxy_header *h = header_of_const(x);
    if (h->failure[0])
        return LEATI_EXCHANGE_FAILED;
    return h->sent < h->len || h->len == 0 ? LEATI_EXCHANGE_OURS : LEATI_EXCHANGE_DONE;
}

static size_t header_output(const struct leati_exchange *x, const uint8_t **ret_data)
{
    const struct proxy_header *h = header_of_const(x);
    *ret_data = h->bytes + h->sent;
    return h->len - h->sent;
}

static void header_sent(struct leati_exchange *x, size_t len)
{
    header_of(x)->sent += len;
}

/* It is never the peer's turn. */
static size_t header_need(const struct leati_exchange *x)
{
    (void)x;
    return 0;
}

static void header_feed(struct leati_exchange *x, const uint8_t *data, size_t len, size_t *ret_used)
{
    (void)x;
    (void)data;
    (void)len;
    *ret_used = 0;
}

static void header_end(struct leati_exchange *x)
{
    (void)x;
}

static void header_expire(struct leati_exchange *x, uint64_t waited_ms)
{
    struct proxy_header *h = header_of(x);
    leati_readable_format(
        h->failure, sizeof(h->failure),
        "the header of the PROXY protocol could not be sent within %" PRIu64 " ms", waited_ms);
}

static struct leati_exchange_verdict header_verdict(const struct leati_exchange *x)
{
    return (struct leati_exchange_verdict){
        .code = LEAT_E_SOCKET_BASE + ETIMEDOUT,
        .sys_errno = ETIMEDOUT,
        .text = header_of_const(x)->failure,
    };
}

static void header_done(struct leati_exchange *x)
{
    (void)x;
}

static void header_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct proxy_header *h = header_of_const((const struct leati_exchange *)l);
    char source[LEATI_ADDRESS_TEXT_SIZE], destination[LEATI_ADDRESS_TEXT_SIZE];
    if (h->header.is_local) {
        snprintf(buf, cap, "version %d, names nobody", h->header.version);
        return;
    }
    leati_address_format(&h->header.source, source, sizeof(source));
    leati_address_format(&h->header.destination, destination, sizeof(destination));
    snprintf(buf, cap, "version %d, %s to %s", h->header.version, source, destination);
}

static const struct leati_exchange_ops header_ops = {
    .layer = LEATI_EXCHANGE_LAYER("proxy_protocol", LEAT_LAYER_TCP, header_describe),
    .start = header_start,
    .turn = header_turn,
    .output = header_output,
    .sent = header_sent,
    .need = header_need,
    .feed = header_feed,
    .end = header_end,
    .expire = header_expire,
    .lower_failed = leati_exchange_keep_lower,
    .verdict = header_verdict,
    .done = header_done,
};

/* Of what the name of the destination stands for, its family's unspecified address. */
static struct leati_address destination_unknown(int family, uint16_t port)
{
    struct leati_address address = {.v6 = {.sin6_family = AF_INET6}};
    if (family == AF_INET)
        address.v4 = (struct sockaddr_in){.sin_family = AF_INET};
    leati_address_set_port(&address, port);
    return address;
}

int leati_proxy_header_layer_new(const struct leati_proxy_header_options *options,
                                 struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct proxy_header *h = leati_calloc(1, sizeof(*h));
    if (!h) {
        const struct leati_fault fault = {.code = LEAT_E_SYSTEM_INTERNAL, .layer = LEAT_LAYER_TCP};
        return leati_failure_set(failure, &fault, "no memory for the header of the PROXY protocol");
    }
    h->header.version = options->version;
    h->header.source = *options->client;
    h->header.destination =
        options->destination
            ? *options->destination
            : destination_unknown(options->client->any.sa_family, options->destination_port);
    h->tcp = options->tcp;
    h->is_direct = options->is_direct;
    leati_exchange_init(&h->exchange, &header_ops, 0);
    *ret_layer = &h->exchange.base;
    return LEAT_OK;
}
