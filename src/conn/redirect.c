/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure says about the redirects that led to it. */
#include "conn/route.h"

#include "util/alloc.h"
#include "util/readable.h"

#include <string.h>

#define SHOWN_BYTES 200u

/* A query may hold a token. */
static struct leati_excerpt url_excerpt(const char *url)
{
    return leati_excerpt_of(url, strcspn(url, "?#"), SHOWN_BYTES);
}

static struct leati_excerpt origin_excerpt(const struct leati_route *route)
{
    struct leati_excerpt excerpt;

    leati_readable_format(excerpt.text, SHOWN_BYTES + 1, "%s://%s%.*s", route->origin.scheme,
                          leati_route_origin_text(route), (int)strcspn(route->origin.target, "?"),
                          route->origin.target);
    return excerpt;
}

static struct leati_excerpt location_excerpt(const struct leati_route *route, const char *location)
{
    struct leati_failure unused;
    struct leati_excerpt excerpt;
    char *url = NULL;

    leati_failure_init(&unused);
    if (leati_url_resolve_redirect(&route->origin, location, &unused, &url) == LEAT_OK)
        excerpt = url_excerpt(url);
    else
        excerpt = url_excerpt(location);
    leati_free(url);
    leati_failure_done(&unused);
    return excerpt;
}

/* A response that would lead on. */
static void tell_where_it_leads(const struct leati_route *route, struct leati_failure *failure)
{
    char text[SHOWN_BYTES + 64];
    const char *location = route->agreement ? route->agreement->location : NULL;

    if (!location || route->redirects_left > 0)
        return;
    leati_readable_format(text, sizeof(text), ", to %s; %s", location_excerpt(route, location).text,
                          route->redirects_followed == 0 ? "redirects are not followed"
                                                         : "no more redirects are followed");
    leati_failure_surround(failure, "", text);
}

void leati_route_tell_redirects(const struct leati_route *route, struct leati_failure *failure)
{
    char text[SHOWN_BYTES + 64];
    unsigned count = route->redirects_followed;

    /* Once it was open the route is trimmed, and the redirects have nothing to do with it. */
    if (!route->origin.target)
        return;
    tell_where_it_leads(route, failure);
    if (count == 0)
        return;
    leati_readable_format(text, sizeof(text), "after %u redirect%s, at %s: ", count,
                          count > 1 ? "s" : "", origin_excerpt(route).text);
    leati_failure_surround(failure, text, "");
}
