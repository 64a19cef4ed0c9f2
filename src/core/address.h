/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * An IP address with a port, and its text.
 */
#ifndef LEATI_CORE_ADDRESS_H
#define LEATI_CORE_ADDRESS_H

#include "core/failure.h"

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

/** Reads an IPv4 or IPv6 literal (no brackets; a zone only on link-local IPv6, unicast or
 * multicast). One that is mapped (::ffff:192.0.2.1) is read as the IPv4 address that it is.
 * @return 0; ENOENT: it is no literal, so it may be a name; ENODEV: it is one whose zone is no
 *         interface of this machine; EINVAL: it has a zone and is not link-local. */
int leati_address_read(const char *host, uint16_t port, struct leati_address *ret_address);
/** What is wrong with a literal for which leati_address_read() says ENODEV or EINVAL. */
struct leati_reason leati_literal_reason(const char *host, int sys_errno);
/** The same for callers that do not ask why an address cannot be used. */
bool leati_address_parse(const char *host, uint16_t port, struct leati_address *ret_address);
/** Makes an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) the IPv4 address that it is. To be
 * called wherever addresses come in: from the kernel, from DNS, from proxies. */
void leati_address_unmap(struct leati_address *address);
/** leati_errno_reason() of what a system call has said about an address; the kernel's EINVAL for a
 * link-local address without a zone is explained. */
struct leati_reason leati_address_reason(const struct leati_address *address, int sys_errno);
socklen_t leati_address_size(const struct leati_address *address);
/** Whether they are one IP address with one port. Zones are not compared: who tells an
 * address may not know that it has one. */
bool leati_address_matches(const struct leati_address *a, const struct leati_address *b);
/** The same, in one zone. */
bool leati_address_equals(const struct leati_address *a, const struct leati_address *b);
uint16_t leati_address_port(const struct leati_address *address);
void leati_address_set_port(struct leati_address *address, uint16_t port);
/** "127.0.0.1:80", "[::1]:80", or "local" for AF_UNIX, of which nothing else is kept. */
void leati_address_format(const struct leati_address *address, char *buf, size_t cap);
/** The address alone: "127.0.0.1", "::1", "fe80::1%eth0". */
void leati_address_format_host(const struct leati_address *address, char *buf, size_t cap);
/** "host:port", with brackets if the host is an IPv6 literal. */
void leati_host_port_format(const char *host, uint16_t port, char *buf, size_t cap);

#endif
