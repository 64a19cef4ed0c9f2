/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp/proxy_header.h"

#include "core/exchange.h"
#include "tcp/tcp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { HEADER_SEND, HEADER_DONE, HEADER_FAILED };

struct proxy_header {
    struct leati_engine base;
    struct leati_proxy_protocol header;
    const struct leati_layer *tcp;
    bool is_direct;
    uint8_t bytes[LEATI_PROXY_PROTOCOL_WRITE_BYTES];
    char text[128];
};

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
static void header_start(struct leati_engine *e)
{
    struct proxy_header *h = (void *)e;
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
    e->output = h->bytes;
    e->output_len = leati_proxy_protocol_write(&h->header, h->bytes);
}

static void header_sent(struct leati_engine *e)
{
    leati_engine_set_state(e, HEADER_DONE);
}

static void header_expire(struct leati_engine *e, uint64_t waited_ms)
{
    e->sys_errno = ETIMEDOUT;
    leati_engine_fail(e, LEAT_E_SOCKET_BASE + ETIMEDOUT, 0,
                      "the header of the PROXY protocol could not be sent within %" PRIu64 " ms",
                      waited_ms);
}

static void header_describe(const struct leati_engine *e, char *buf, size_t cap)
{
    const struct proxy_header *h = (const void *)e;
    char source[LEATI_ADDRESS_TEXT_SIZE], destination[LEATI_ADDRESS_TEXT_SIZE];
    if (h->header.is_local) {
        snprintf(buf, cap, "version %d, names nobody", h->header.version);
        return;
    }
    leati_address_format(&h->header.source, source, sizeof(source));
    leati_address_format(&h->header.destination, destination, sizeof(destination));
    snprintf(buf, cap, "version %d, %s to %s", h->header.version, source, destination);
}

static const struct leati_engine_state header_states[] = {
    [HEADER_SEND] = {"SEND", LEATI_EXCHANGE_OURS},
    [HEADER_DONE] = {"DONE", LEATI_EXCHANGE_DONE},
    [HEADER_FAILED] = {"FAILED", LEATI_EXCHANGE_FAILED},
};

/* It is never the peer's turn. */
static const struct leati_engine_ops header_ops = {
    .layer = LEATI_EXCHANGE_LAYER("proxy_protocol", LEAT_LAYER_TCP),
    .states = header_states,
    .failed = HEADER_FAILED,
    .start = header_start,
    .sent = header_sent,
    .expire = header_expire,
    .describe = header_describe,
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
    struct leati_layer *layer =
        leati_exchange_new(&header_ops, sizeof(struct proxy_header), 0,
                           "no memory for the header of the PROXY protocol", failure);
    if (!layer)
        return LEAT_E_SYSTEM_INTERNAL;
    struct proxy_header *h = leati_exchange_engine(layer);
    leati_engine_init(&h->base, &header_ops, h->text, sizeof(h->text));
    h->header.version = options->version;
    h->header.source = *options->client;
    h->header.destination =
        options->destination
            ? *options->destination
            : destination_unknown(options->client->any.sa_family, options->destination_port);
    h->tcp = options->tcp;
    h->is_direct = options->is_direct;
    *ret_layer = layer;
    return LEAT_OK;
}
