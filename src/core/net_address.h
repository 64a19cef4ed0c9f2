/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Addresses as the public structs have them.
 */
#ifndef LEATI_CORE_NET_ADDRESS_H
#define LEATI_CORE_NET_ADDRESS_H

#include <leat/net_address.h>

#include "core/address.h"

void leati_net_address_from(const struct leati_address *address,
                            struct leat_net_address *ret_address);
/** A literal, or a name that fits. */
void leati_net_address_of_host(const char *host, uint16_t port,
                               struct leat_net_address *ret_address);
/** The same for "host:port" of leati_host_port_format(). */
void leati_net_address_of_text(const char *text, struct leat_net_address *ret_address);
/** "IPv4", "IPv6" or "Domain". */
const char *leati_net_family_name(enum leat_address_family family);
/** getsockname(2) or getpeername(2). @return 0 or errno. */
int leati_net_address_of(int fd, int (*get)(int fd, struct sockaddr *address, socklen_t *size),
                         struct leat_net_address *ret_address);

#endif
