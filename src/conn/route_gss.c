/* SPDX-License-Identifier: Apache-2.0 */
/* Who the program is for a proxy, above all by GSS-API. */
#include "conn/route_private.h"

#include "gss/gss.h"
#include "socks5/gss_protection.h"
#include "socks5/socks5.h"
#include "util/alloc.h"

bool leati_route_allows_gss(const struct leati_route *route)
{
    return route->settings->proxy_auth_schemes & LEAT_PROXY_AUTH_NEGOTIATE;
}

/* A proxy behind a local socket has no name, and is on this machine. */
const char *leati_route_service_host(const struct leati_hop *via)
{
    return via->proxy->unix_path || !*via->host ? "localhost" : via->host;
}

/* A protection that was demanded is not given up by whoever forgets to allow its means. */
int leati_route_check_protection(const struct leati_route *route, struct leati_failure *failure)
{
    const struct leati_fault fault = {.code = LEAT_E_PARAMETER, .layer = LEAT_LAYER_SOCKS5};

    if (route->settings->socks5_protection < LEAT_SOCKS5_PROTECTION_INTEGRITY)
        return LEAT_OK;
    if (leati_route_allows_gss(route))
        return LEAT_OK;
    return leati_failure_set(
        failure, &fault,
        "a protection of SOCKS5 is set, and GSS-API, by which it comes, is not "
        "allowed: leat_config_set_proxy_auth_schemes()");
}

struct leati_gss *leati_route_socks5_gss(const struct leati_route *route,
                                         const struct leati_route_dial *dial,
                                         const struct leati_hop *via,
                                         const struct leati_route_login *login)
{
    const struct leati_gss_options options = {
        .loop = dial->loop,
        .ready = dial->ready,
        .user = dial->user,
        .mechanism = LEATI_GSS_KERBEROS,
        .protects = true,
        .service = route->settings->proxy_service ? route->settings->proxy_service : "rcmd",
        .host = leati_route_service_host(via),
        .user_name = login->user,
        .password = login->password,
    };
    return leati_gss_new(&options);
}

char *leati_route_way(const struct leati_route *route, const struct leati_hop *via)
{
    char *way = leati_strdup("");
    for (const struct leati_hop *hop = route->hops; way && hop <= via; hop++) {
        char *longer = leati_asprintf("%s%s://%s ", way, hop->proxy->scheme, hop->text);
        leati_free(way);
        way = longer;
    }
    return way;
}
