/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * An IP address with a port, and its text.
 *
 * May include: util, public headers. May be included by: everybody above util.
 */
#ifndef LEATI_CORE_ADDRESS_H
#define LEATI_CORE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/** Room for "[v6%scope]:port" with the final NUL. */
#define LEATI_ADDRESS_TEXT_SIZE 80

struct leati_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

/** Parses an IPv4 or IPv6 literal (no brackets; a zone only on link-local IPv6, unicast or
 * multicast). */
bool leati_address_parse(const char *host, uint16_t port, struct leati_address *ret_address);
socklen_t leati_address_size(const struct leati_address *address);
uint16_t leati_address_port(const struct leati_address *address);
void leati_address_set_port(struct leati_address *address, uint16_t port);
/** "127.0.0.1:80" or "[::1]:80". */
void leati_address_format(const struct leati_address *address, char *buf, size_t cap);
/** The address alone: "127.0.0.1", "::1", "fe80::1%eth0". */
void leati_address_format_host(const struct leati_address *address, char *buf, size_t cap);
/** "host:port", with brackets if the host is an IPv6 literal. */
void leati_host_port_format(const char *host, uint16_t port, char *buf, size_t cap);

#endif
