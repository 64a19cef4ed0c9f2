/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Addresses of sockets and of names.
 */
#ifndef LEATI_TESTING_RESOLVE_H
#define LEATI_TESTING_RESOLVE_H

#include "testing/peer.h"

#include <sys/socket.h>

/** Makes an IPv4-mapped address the IPv4 address that it is: what a dual-stack socket says. */
void leati_testing_address_unmap(struct sockaddr_storage *address);
/** An IPv4 or IPv6 literal; a mapped one is IPv4. */
bool leati_testing_address_parse(const char *text, uint16_t port,
                                 struct sockaddr_storage *ret_address);
socklen_t leati_testing_address_size(const struct sockaddr_storage *address);
/** A literal or a name. @return how many addresses, 0 = there is no such host. */
size_t leati_peer_resolve(struct leati_peer *p, const char *host, uint16_t port, int socket_type,
                          struct sockaddr_storage *ret_addresses, size_t cap);
/** Whether localhost is ::1 first, which is all that a proxy tries that tries one address. */
bool leati_testing_localhost_is_v6(void);

#endif
