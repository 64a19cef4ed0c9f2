/* SPDX-License-Identifier: Apache-2.0 */
/* Which proxies UDP goes through, and where the last of them is. */
#include "conn/route_private.h"

/* Datagrams go straight to the relay of the last proxy: past those before it only if the program says so,
 * because nothing hides from the last one then where they come from. */
int leati_route_check_udp_proxy(const struct leati_settings *settings,
                                struct leati_failure *failure)
{
    const struct leati_fault fault = {.code = LEAT_E_PARAMETER};
    if (settings->system_proxy)
        return leati_failure_set(failure, &fault,
                                 "the environment names no proxies for UDP: set one by its URL");
    const struct leati_url *last = &settings->proxies[settings->proxy_count - 1];
    if (!leati_url_is_socks5(last))
        return leati_failure_set(failure, &fault, "UDP goes through a SOCKS5 proxy, not through %s",
                                 leati_url_is_socks4(last) ? "SOCKS4" : "HTTP CONNECT");
    if (settings->proxy_count > 1 && !settings->udp_past_proxies)
        return leati_failure_set(
            failure, &fault,
            "UDP does not go through several proxies: datagrams would go straight to the last "
            "one, which leat_config_set_udp_past_proxies() allows");
    return LEAT_OK;
}

const struct leati_address *leati_route_last_address(const struct leati_route *route,
                                                     struct leati_address *literal)
{
    const struct leati_hop *last = &route->hops[route->hop_count - 1];
    if (last->address_count > 0)
        return &last->addresses[last->address_next];
    return last->host && leati_address_parse(last->host, last->port, literal) ? literal : NULL;
}
