/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/too_early.h"

#define STATUS_TOO_EARLY 425

bool leati_route_may_be_early(const struct leati_route *route)
{
    const struct leati_settings *settings = route->settings;

    return settings->early_data && !route->was_too_early &&
           !leati_tls_shared_is_too_early(settings->tls_shared, leati_route_origin_text(route));
}

/* The head of the answer is whole. */
static bool answer_is_too_early(const struct leati_route *route)
{
    return route->on_top == LEATI_ON_TOP_UPGRADE && route->agreement && route->agreement->head &&
           route->agreement->status == STATUS_TOO_EARLY;
}

bool leati_chain_came_too_early(const struct leati_chain *chain, const struct leati_layer *layer)
{
    const struct leati_route *route = chain->route;

    return layer && layer == route->upgrade && route->secure && !route->was_too_early &&
           answer_is_too_early(route) && leati_tls_layer_took_early_data(layer->lower);
}

void leati_chain_be_later(struct leati_chain *chain)
{
    struct leati_route *route = chain->route;

    leati_tls_shared_note_too_early(route->settings->tls_shared, leati_route_origin_text(route));
    route->was_too_early = true;
    leati_failure_done(&chain->failure);
}

void leati_chain_tell_too_early(struct leati_chain *chain)
{
    const struct leati_route *route = chain->route;

    if (!answer_is_too_early(route))
        return;
    if (leati_chain_came_too_early(chain, route->upgrade))
        leati_failure_append(&chain->failure, ": the request is sent again, not as early data");
    else
        leati_failure_append(&chain->failure, ", although the request was not early data");
}
