/* SPDX-License-Identifier: Apache-2.0 */
#include "core/net_address.h"

#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void leati_net_address_from(const struct leati_address *address,
                            struct leat_net_address *ret_address)
{
    if (address->any.sa_family == AF_UNIX) {
        *ret_address = (struct leat_net_address){.family = LEAT_ADDRESS_LOCAL};
        return;
    }
    leati_address_format_host(address, ret_address->address, sizeof(ret_address->address));
    ret_address->family =
        address->any.sa_family == AF_INET6 ? LEAT_ADDRESS_IPV6 : LEAT_ADDRESS_IPV4;
    ret_address->port = leati_address_port(address);
}

const char *leati_net_family_name(enum leat_address_family family)
{
    if (family == LEAT_ADDRESS_DOMAIN)
        return "Domain";
    return family == LEAT_ADDRESS_IPV6 ? "IPv6" : "IPv4";
}

int leati_net_address_of(int fd, int (*get)(int fd, struct sockaddr *address, socklen_t *size),
                         struct leat_net_address *ret_address)
{
    struct leati_address address;
    socklen_t size = sizeof(address);
    memset(&address, 0, sizeof(address));
    if (get(fd, &address.any, &size) < 0)
        return errno;
    leati_address_unmap(&address); /* a dual-stack socket has IPv4 connections so */
    leati_net_address_from(&address, ret_address);
    return 0;
}

void leati_net_address_of_host(const char *host, uint16_t port,
                               struct leat_net_address *ret_address)
{
    struct leati_address literal;
    if (leati_address_parse(host, port, &literal)) {
        leati_net_address_from(&literal, ret_address);
        return;
    }
    snprintf(ret_address->address, sizeof(ret_address->address), "%s", host);
    ret_address->family = LEAT_ADDRESS_DOMAIN;
    ret_address->port = port;
}

void leati_net_address_of_text(const char *text, struct leat_net_address *ret_address)
{
    char host[LEAT_NET_ADDRESS_SIZE];
    uint64_t port = 0;
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    if (colon)
        (void)leati_text_parse_u64(colon + 1, strlen(colon + 1), UINT16_MAX, &port);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= sizeof(host))
        len = sizeof(host) - 1;
    memcpy(host, text, len);
    host[len] = '\0';
    leati_net_address_of_host(host, (uint16_t)port, ret_address);
}
