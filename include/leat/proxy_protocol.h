/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The PROXY protocol: the header in front of a connection that says whose it is.
 */
#ifndef LEAT_PROXY_PROTOCOL_H
#define LEAT_PROXY_PROTOCOL_H

#include <leat/config.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Versions of the PROXY protocol of HAProxy (proxy-protocol.txt). */
enum leat_proxy_protocol {
    LEAT_PROXY_PROTOCOL_NONE,
    LEAT_PROXY_PROTOCOL_1, /**< a line of text */
    LEAT_PROXY_PROTOCOL_2, /**< bytes */
};

/**
 * Sends the header of the PROXY protocol in front of everything that goes to the server, TLS and the
 * upgrade, for servers that expect it (HAProxy `accept-proxy`, nginx `listen ... proxy_protocol`);
 * others do not understand what follows. Proxies do not get it: it travels behind them.
 *
 * The header says who connects to whom. Straight to the server these are the addresses of the
 * connection. Through a proxy, or a local socket, the server's side has other ones than this machine,
 * so the header names nobody (UNKNOWN, LOCAL), unless there is a `client`.
 *
 * @param client an IPv4 or IPv6 literal, for a program that connects for somebody else: it is told
 *        instead of this machine's address. NULL or "" = this machine
 * For WebSockets, TCP and TLS sockets, and for each connection anew.
 * @return LEAT_OK, LEAT_E_PARAMETER (no such version, not an address, a client without a version).
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_sent_proxy_protocol(leat_config *config,
                                                                 enum leat_proxy_protocol version,
                                                                 const char *client);

#ifdef __cplusplus
}
#endif

#endif
