/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/next_address.h"

#include "http/response.h"
#include "tcp/tcp.h"
#include "util/alloc.h"

#include <errno.h>

/* ---- who failed, and what that leaves ---------------------------------------------------- */

/* With fast open TCP counts as open before the answer to its SYN has come; nothing else is refused
 * with these. */
bool leati_chain_was_refused(const struct leati_chain *chain)
{
    int sys_errno = chain->failure.sys_errno;
    return chain->route->settings && chain->route->settings->tcp_fast_open &&
           (sys_errno == ECONNREFUSED || sys_errno == EHOSTUNREACH || sys_errno == ENETUNREACH);
}

/* TLS with a proxy that broke off, or did not go on. */
static bool tls_was_lost(const struct leati_chain *chain, const struct leati_layer *l)
{
    return l->ops->layer == LEAT_LAYER_TLS && leati_route_hop(chain->route, l->hop)->proxy &&
           (l->sticky == LEAT_E_TLS_SYSCALL || l->sticky == LEAT_E_TLS_READ);
}

static unsigned layer_retry(const struct leati_chain *chain, const struct leati_layer *l)
{
    return tls_was_lost(chain, l) ? (unsigned)LEATI_RETRY_PROXY : l->retry;
}

/* The lowest one that has failed in such a way; NULL = none. */
static const struct leati_layer *culprit_find(const struct leati_chain *chain)
{
    const struct leati_layer *culprit = NULL;
    for (const struct leati_layer *l = chain->top; l; l = l->lower)
        if (layer_retry(chain, l) != 0)
            culprit = l;
    return culprit;
}

/* Whether the layer above TCP has had its turn. */
static bool first_hop_was_reached(const struct leati_chain *chain)
{
    const struct leati_layer *l = chain->top;
    while (l && l->lower != chain->tcp)
        l = l->lower;
    return l && l->state != LEATI_LAYER_NEW && !leati_chain_was_refused(chain);
}

/* ---- the next one ------------------------------------------------------------------------ */

/* TCP dials the addresses of the first hop, so it knows which of them are left. */
static bool first_hop_next(struct leati_chain *chain)
{
    struct leati_hop *first = chain->route->hops;
    size_t count = leati_tcp_layer_remaining(chain->tcp, true, first->addresses);
    if (count == 0)
        return false;
    first->address_count = count;
    leati_route_first_addresses(chain->route);
    return true;
}

static bool later_hop_next(struct leati_chain *chain, struct leati_hop *hop)
{
    struct leati_hop *first = chain->route->hops;
    if (!leati_route_next_address(chain->route, hop))
        return false;
    first->address_count = leati_tcp_layer_remaining(chain->tcp, false, first->addresses);
    return true;
}

/* `tried` becomes the address that did not lead further. As leati_chain_next_address(). */
static int hop_next(struct leati_chain *chain, struct leati_hop *hop, char *tried, size_t cap)
{
    bool advanced = false;
    if (chain->route->unix_path) {
        /* Its one address has been tried; TCP did not dial. */
        if (hop == chain->route->hops || hop->address_count == 0)
            return hop->query ? LEATI_AGAIN : LEATI_EOF;
        leati_address_format(&hop->addresses[hop->address_next], tried, cap);
        advanced = leati_route_next_address(chain->route, hop);
    } else if (hop == chain->route->hops) {
        leati_address_format(leati_tcp_layer_remote(chain->tcp), tried, cap);
        advanced = first_hop_next(chain);
    } else if (hop->address_count > 0) {
        leati_address_format(&hop->addresses[hop->address_next], tried, cap);
        advanced = later_hop_next(chain, hop);
    }
    if (advanced)
        return LEAT_OK;
    return hop->query ? LEATI_AGAIN : LEATI_EOF;
}

static int chain_advance(struct leati_chain *chain, char *tried, size_t cap)
{
    struct leati_route *route = chain->route;
    if (leati_chain_was_refused(chain))
        return hop_next(chain, route->hops, tried, cap);
    const struct leati_layer *culprit = culprit_find(chain);
    if (!culprit)
        return LEATI_EOF;
    struct leati_hop *hop = leati_route_hop(route, culprit->hop);
    bool is_last = hop + 1 == route->hops + route->hop_count;
    unsigned retry = layer_retry(chain, culprit);
    int next = LEATI_EOF;
    if ((retry & LEATI_RETRY_TARGET) && !is_last)
        next = hop_next(chain, hop + 1, tried, cap);
    if (next == LEATI_EOF && (retry & LEATI_RETRY_PROXY))
        next = hop_next(chain, hop, tried, cap);
    return next;
}

/* ---- what is reported in the end --------------------------------------------------------- */

static void refusal_drop(struct leati_route *route)
{
    leati_http_response_free(route->refusal);
    route->refusal = NULL;
}

void leati_chain_forget_attempts(struct leati_chain *chain)
{
    leati_failure_done(&chain->route->earlier);
    leati_free(chain->route->tried);
    chain->route->tried = NULL;
    refusal_drop(chain->route);
}

/* The verdict of a proxy says more than that the next one cannot be reached, so it is kept. */
static void failure_set_aside(struct leati_chain *chain, const char *tried)
{
    char *list = leati_asprintf("%s%s%s: %d", chain->route->tried ? chain->route->tried : "",
                                chain->route->tried ? ", " : "", tried, chain->failure.code);
    if (list) {
        leati_free(chain->route->tried);
        chain->route->tried = list;
    }
    if (first_hop_was_reached(chain) || chain->route->earlier.code == LEAT_OK) {
        leati_failure_done(&chain->route->earlier);
        chain->route->earlier = chain->failure;
        refusal_drop(chain->route);
        chain->route->refusal = leati_route_take_response(chain->route, chain->top);
    } else {
        leati_failure_done(&chain->failure);
    }
    leati_failure_init(&chain->failure);
}

int leati_chain_next_address(struct leati_chain *chain, uint64_t now_ms)
{
    char tried[LEATI_ADDRESS_TEXT_SIZE];
    if (!chain->tcp || chain->failure.code == LEAT_E_SYSTEM_INTERNAL ||
        (chain->limit_ms != 0 && now_ms >= chain->limit_ms) ||
        chain->route->attempts + 1 >= LEATI_CHAIN_MAX_ATTEMPTS)
        return LEATI_EOF;
    int code = chain_advance(chain, tried, sizeof(tried));
    if (code != LEAT_OK)
        return code;
    chain->route->attempts++;
    failure_set_aside(chain, tried);
    /* If the socket is bound, the next connection has the same local port, and may have the same
     * peer. */
    if (chain->route->opener)
        leati_tcp_layer_reset(chain->tcp);
    return LEAT_OK;
}

int leati_chain_conclude(struct leati_chain *chain, int code)
{
    if (chain->route->attempts == 0 || code == LEAT_E_SYSTEM_INTERNAL)
        return code;
    bool was_reached = first_hop_was_reached(chain);
    if (was_reached) {
        refusal_drop(chain->route);
    } else {
        leati_failure_done(&chain->failure);
        chain->failure = chain->route->earlier;
        leati_failure_init(&chain->route->earlier);
    }
    if (chain->route->tried && (was_reached || chain->route->attempts > 1)) {
        char *list = leati_asprintf(" (tried before: %s)", chain->route->tried);
        if (list)
            leati_failure_append(&chain->failure, list);
        leati_free(list);
    }
    return chain->failure.code;
}
