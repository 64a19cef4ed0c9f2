/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the files that plan routes share. */
#ifndef LEATI_CONN_ROUTE_PRIVATE_H
#define LEATI_CONN_ROUTE_PRIVATE_H

#include "conn/route.h"
#include "util/readable.h"

/** Whether the origin's host is allowed. @return LEAT_OK, LEAT_E_WS_DOMAIN, recorded. */
int leati_route_check_policy(const struct leati_route *route, struct leati_failure *failure);

/** Fresh credentials for the SOCKS5 proxies on the way, if the settings want them. The hops are there.
 * @return LEAT_OK; LEAT_E_PARAMETER, recorded: there is no such proxy, or one has credentials already;
 *         LEAT_E_SYSTEM_INTERNAL. */
int leati_route_isolate(struct leati_route *route, struct leati_failure *failure);

/** There is at least one proxy, or the environment names them.
 * @return LEAT_OK; LEAT_E_PARAMETER, recorded: UDP does not go through them. */
int leati_route_check_udp_proxy(const struct leati_settings *settings,
                                struct leati_failure *failure);

/** For a URL of url/local_url.h: connects. The settings are there. @return LEAT_OK; recorded:
 * LEAT_E_WS_URL, LEAT_E_WS_DOMAIN, LEAT_E_SOCKET_BASE + errno; LEAT_E_SYSTEM_INTERNAL. */
int leati_route_plan_local(struct leati_route *route, const char *url,
                           struct leati_failure *failure);

/** Connects to a local socket, at once, unless its server's queue is full: for `adopted_fd` and
 * `adopted_server`.
 * @return LEAT_OK; recorded in `failure`: LEAT_E_WS_URL (an empty abstract name),
 *         LEAT_E_SOCKET_BASE + errno. */
int leati_route_connect_local(struct leati_route *route, const char *path,
                              struct leati_failure *failure);

/** All hops up to `via`, each as it is spoken to. NULL without memory. */
char *leati_route_way(const struct leati_route *route, const struct leati_hop *via);

/** The credentials of a proxy; NULL = none. */
struct leati_route_login {
    const char *user, *password;
};

struct leati_gss;

/** The host of a proxy's service in Kerberos. */
const char *leati_route_service_host(const struct leati_hop *via);

/** Whether proxies are shown who we are by GSS-API. */
bool leati_route_allows_gss(const struct leati_route *route);
/** Of a route with a SOCKS5 proxy. @return LEAT_OK; LEAT_E_PARAMETER, recorded. */
int leati_route_check_protection(const struct leati_route *route, struct leati_failure *failure);
/** A new context for the SOCKS5 proxy at `via`; NULL without memory. */
struct leati_gss *leati_route_socks5_gss(const struct leati_route *route,
                                         const struct leati_route_dial *dial,
                                         const struct leati_hop *via,
                                         const struct leati_route_login *login);

#endif
