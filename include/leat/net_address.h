/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Addresses and states as all socket objects tell them, named as in the HarmonyOS Network Kit.
 */
#ifndef LEAT_NET_ADDRESS_H
#define LEAT_NET_ADDRESS_H

#include <leat/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Room for a host name of RFC 1928 (255 bytes) or an address, with the final NUL. */
#define LEAT_NET_ADDRESS_SIZE 256

/** What the text of an address is, with the numbers of NetAddress.family. */
enum leat_address_family {
    LEAT_ADDRESS_LOCAL =
        0, /**< a path, or "@" and an abstract name, of a local socket; "" without one */
    LEAT_ADDRESS_IPV4 = 1,
    LEAT_ADDRESS_IPV6 = 2,
    LEAT_ADDRESS_DOMAIN = 3, /**< a name */
};

/** An address and a port, as a value. */
struct leat_net_address {
    /** "127.0.0.1", "::1", "fe80::1%eth0", "example.com"; no brackets. */
    char address[LEAT_NET_ADDRESS_SIZE];
    enum leat_address_family family; /**< of `address` */
    uint16_t port;                   /**< in the byte order of the machine */
};

/** Where a message came from (SocketRemoteInfo). Borrowed until the callback returns. */
struct leat_remote_info {
    const char *address; /**< as in struct leat_net_address */
    const char *family;  /**< "IPv4", "IPv6", or "Domain" for a name */
    uint16_t port;       /**< in the byte order of the machine */
    size_t size;         /**< bytes of the message */
};

/** What state a socket is in (SocketStateBase). */
struct leat_socket_state {
    bool is_bound;     /**< it has a local address */
    bool is_close;     /**< closed, or never opened */
    bool is_connected; /**< the connection stands */
};

#ifdef __cplusplus
}
#endif

#endif
