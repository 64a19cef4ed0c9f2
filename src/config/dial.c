/* SPDX-License-Identifier: Apache-2.0 */
#include "config/dial.h"

#include "util/alloc.h"

#include <string.h>

int leati_dial_family(const struct leati_dial_settings *dial)
{
    return dial->local.any.sa_family != AF_UNSPEC ? dial->local.any.sa_family : dial->family;
}

const struct leati_known_host *leati_dial_known_host(const struct leati_dial_settings *dial,
                                                     const char *host, uint16_t port)
{
    for (size_t i = 0; i < dial->known_host_count; i++) {
        const struct leati_known_host *known = &dial->known_hosts[i];
        if ((known->port == 0 || known->port == port) && strcmp(known->host, host) == 0)
            return known;
    }
    return NULL;
}

const struct leati_detour *leati_dial_detour(const struct leati_dial_settings *dial,
                                             const char *host, uint16_t port)
{
    for (size_t i = 0; i < dial->detour_count; i++) {
        const struct leati_detour *detour = &dial->detours[i];
        if ((detour->port == 0 || detour->port == port) &&
            (!detour->host || strcmp(detour->host, host) == 0))
            return detour;
    }
    return NULL;
}

void leati_dial_clear(struct leati_dial_settings *dial)
{
    leati_free(dial->interface);
    leati_free(dial->unix_path);
    for (size_t i = 0; i < dial->known_host_count; i++) {
        leati_free(dial->known_hosts[i].host);
        leati_free(dial->known_hosts[i].addresses);
    }
    leati_free(dial->known_hosts);
    for (size_t i = 0; i < dial->detour_count; i++) {
        leati_free(dial->detours[i].host);
        leati_free(dial->detours[i].to_host);
    }
    leati_free(dial->detours);
    *dial = (struct leati_dial_settings){0};
}

static bool copy_known_hosts(struct leati_dial_settings *dst, const struct leati_dial_settings *src)
{
    if (src->known_host_count == 0)
        return true;
    dst->known_hosts = leati_calloc(src->known_host_count, sizeof(*dst->known_hosts));
    if (!dst->known_hosts)
        return false;
    /* Counted first: a copy that stopped half-way is freed like a whole one. */
    dst->known_host_count = src->known_host_count;
    for (size_t i = 0; i < src->known_host_count; i++) {
        const struct leati_known_host *from = &src->known_hosts[i];
        struct leati_known_host *to = &dst->known_hosts[i];
        to->port = from->port;
        to->count = from->count;
        to->host = leati_strdup(from->host);
        to->addresses = leati_calloc(from->count, sizeof(*to->addresses));
        if (!to->host || !to->addresses)
            return false;
        memcpy(to->addresses, from->addresses, from->count * sizeof(*to->addresses));
    }
    return true;
}

static bool copy_detours(struct leati_dial_settings *dst, const struct leati_dial_settings *src)
{
    if (src->detour_count == 0)
        return true;
    dst->detours = leati_calloc(src->detour_count, sizeof(*dst->detours));
    if (!dst->detours)
        return false;
    dst->detour_count = src->detour_count;
    for (size_t i = 0; i < src->detour_count; i++) {
        const struct leati_detour *from = &src->detours[i];
        struct leati_detour *to = &dst->detours[i];
        to->port = from->port;
        to->to_port = from->to_port;
        to->to_is_absolute = from->to_is_absolute;
        if (!leati_strdup_optional(&to->host, from->host) ||
            !leati_strdup_optional(&to->to_host, from->to_host))
            return false;
    }
    return true;
}

bool leati_dial_copy(struct leati_dial_settings *dst, const struct leati_dial_settings *src)
{
    dst->family = src->family;
    dst->local = src->local;
    return leati_strdup_optional(&dst->interface, src->interface) &&
           leati_strdup_optional(&dst->unix_path, src->unix_path) && copy_known_hosts(dst, src) &&
           copy_detours(dst, src);
}
