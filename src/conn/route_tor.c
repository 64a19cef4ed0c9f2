/* SPDX-License-Identifier: Apache-2.0 */
/* Circuits of Tor that are not shared: connections with other credentials go by other ones
 * (IsolateSOCKSAuth of tor(1)), and Tor takes whatever it is given for that. */
#include "conn/route_private.h"

#include "util/alloc.h"
#include "util/random.h"

#include <stdio.h>

static bool text_fill(char text[LEATI_ROUTE_ISOLATION_SIZE])
{
    uint8_t bytes[(LEATI_ROUTE_ISOLATION_SIZE - 1) / 2];
    if (!leati_random_bytes(bytes, sizeof(bytes)))
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    leati_wipe(bytes, sizeof(bytes));
    return true;
}

/* Why connections cannot be kept apart, NULL = they can: never in silence. */
static const char *isolation_problem(const struct leati_route *route)
{
    size_t count = 0;
    for (const struct leati_hop *hop = route->hops; hop < route->hops + route->hop_count; hop++) {
        if (!hop->proxy || !leati_url_is_socks5(hop->proxy))
            continue;
        if (hop->proxy->user || route->settings->proxy_user)
            return "Tor isolation makes credentials of its own for SOCKS5 proxies, and there are "
                   "some already: leave one of them out";
        count++;
    }
    return count > 0 ? NULL : "Tor isolation is set, and there is no SOCKS5 proxy on the way";
}

int leati_route_isolate(struct leati_route *route, struct leati_failure *failure)
{
    const struct leati_fault fault = {.code = LEAT_E_PARAMETER, .layer = LEAT_LAYER_SOCKS5};
    if (!route->settings->tor_isolation || route->skips_proxies)
        return LEAT_OK;
    const char *problem = isolation_problem(route);
    if (problem)
        return leati_failure_set(failure, &fault, "%s", problem);
    return text_fill(route->isolation_user) && text_fill(route->isolation_password)
               ? LEAT_OK
               : LEAT_E_SYSTEM_INTERNAL;
}
