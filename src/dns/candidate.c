/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/candidate.h"

#include "dns/sort.h"
#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

static const int families[LEATI_FAMILY_COUNT] = {
    [LEATI_FAMILY_V4] = AF_INET,
    [LEATI_FAMILY_V6] = AF_INET6,
};

struct leati_candidate *leati_candidate_new(const char *name, int family, uint16_t port)
{
    size_t size = strlen(name) + 1;
    struct leati_candidate *candidate = leati_calloc(1, sizeof(*candidate) + size);

    if (!candidate)
        return NULL;
    memcpy(candidate->name, name, size);
    candidate->port = port;
    for (int i = 0; i < LEATI_FAMILY_COUNT; i++) {
        struct leati_family_part *part = &candidate->parts[i];
        part->candidate = candidate;
        part->status = ARES_ENODATA;
        if (family == AF_UNSPEC || family == families[i])
            part->state = LEATI_FAMILY_QUEUED;
    }
    return candidate;
}

/* ---- addresses -------------------------------------------------------------------------- */

static struct leati_family_part *part_of(struct leati_candidate *candidate,
                                         const struct leati_address *address)
{
    return &candidate
                ->parts[address->any.sa_family == AF_INET6 ? LEATI_FAMILY_V6 : LEATI_FAMILY_V4];
}

/* `part` has brought it; it may be of the other family, if it is mapped. */
static void part_add(struct leati_family_part *part, const struct leati_address *address)
{
    struct leati_candidate *candidate = part->candidate;

    if (part_of(candidate, address)->state == LEATI_FAMILY_UNWANTED ||
        part->count == LEATI_DNS_MAX_ADDRESSES)
        return;
    part->addresses[part->count] = *address;
    leati_address_set_port(&part->addresses[part->count++], candidate->port);
}

/* `part` NULL: each to that of its family. */
static void info_take(struct leati_candidate *candidate, struct leati_family_part *part,
                      const struct ares_addrinfo *info)
{
    for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next) {
        struct leati_address address;
        if (node->ai_family != AF_INET && node->ai_family != AF_INET6)
            continue;
        memset(&address, 0, sizeof(address));
        memcpy(&address, node->ai_addr,
               node->ai_family == AF_INET ? sizeof(address.v4) : sizeof(address.v6));
        leati_address_unmap(&address);
        part_add(part ? part : part_of(candidate, &address), &address);
    }
}

bool leati_candidate_has_addresses(const struct leati_candidate *candidate)
{
    return candidate->parts[LEATI_FAMILY_V4].count + candidate->parts[LEATI_FAMILY_V6].count > 0;
}

size_t leati_candidate_take(struct leati_candidate *candidate, struct leati_address *ret_addresses)
{
    size_t counts[LEATI_FAMILY_COUNT] = {0}, count = 0;

    for (int i = 0; i < LEATI_FAMILY_COUNT; i++) {
        struct leati_family_part *part = &candidate->parts[i];
        if (part->state != LEATI_FAMILY_ANSWERED || part->told)
            continue;
        part->told = true;
        counts[i] = part->count;
    }
    /* If they are too many, the longer list loses its end. */
    while (counts[LEATI_FAMILY_V4] + counts[LEATI_FAMILY_V6] > LEATI_DNS_MAX_ADDRESSES)
        counts[counts[LEATI_FAMILY_V4] > counts[LEATI_FAMILY_V6] ? LEATI_FAMILY_V4
                                                                 : LEATI_FAMILY_V6]--;
    for (int i = LEATI_FAMILY_COUNT; i-- > 0; count += counts[i])
        memcpy(ret_addresses + count, candidate->parts[i].addresses,
               counts[i] * sizeof(*ret_addresses));
    leati_dns_sort(ret_addresses, count);
    return count;
}

/* ---- what this machine knows ------------------------------------------------------------ */

static bool is_localhost(const char *name)
{
    static const char localhost[] = "localhost";
    size_t len = strlen(name), localhost_len = sizeof(localhost) - 1;

    return len >= localhost_len && leati_text_is_nocase(name + len - localhost_len, localhost) &&
           (len == localhost_len || name[len - localhost_len - 1] == '.');
}

static void candidate_add_loopback(struct leati_candidate *candidate)
{
    static const char *const loopback[] = {"::1", "127.0.0.1"};

    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
        struct leati_address address;
        if (leati_address_parse(loopback[i], 0, &address))
            part_add(part_of(candidate, &address), &address);
    }
}

struct hosts_lookup {
    struct leati_candidate *candidate;
    int status;
};

static void hosts_on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct hosts_lookup *lookup = arg;

    (void)timeouts;
    lookup->status = status;
    if (status == ARES_SUCCESS && info)
        info_take(lookup->candidate, NULL, info);
    if (info)
        ares_freeaddrinfo(info);
}

int leati_candidate_look_up(struct leati_candidate *candidate, struct leati_resolver *resolver)
{
    struct hosts_lookup lookup = {.candidate = candidate, .status = ARES_ENOTFOUND};

    candidate->resolver = resolver;
    leati_resolver_look_up(resolver, candidate->name, hosts_on_answer, &lookup);
    if (lookup.status == ARES_ENOMEM) {
        leati_resolver_retire(resolver);
        return ARES_ENOMEM;
    }
    if (!leati_candidate_has_addresses(candidate) && is_localhost(candidate->name))
        candidate_add_loopback(candidate);
    for (int i = 0; i < LEATI_FAMILY_COUNT; i++)
        if (candidate->parts[i].state == LEATI_FAMILY_QUEUED)
            candidate->parts[i].state = LEATI_FAMILY_ANSWERED;
    return ARES_SUCCESS;
}

/* ---- what DNS knows --------------------------------------------------------------------- */

static size_t pending_count(const struct leati_candidate *candidate)
{
    size_t count = 0;

    for (int i = 0; i < LEATI_FAMILY_COUNT; i++)
        count += candidate->parts[i].state == LEATI_FAMILY_PENDING;
    return count;
}

bool leati_candidate_is_pending(const struct leati_candidate *candidate)
{
    for (int i = 0; i < LEATI_FAMILY_COUNT; i++)
        if (candidate->parts[i].state == LEATI_FAMILY_PENDING ||
            candidate->parts[i].state == LEATI_FAMILY_QUEUED)
            return true;
    return false;
}

static void part_on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct leati_family_part *part = arg;
    struct leati_candidate *candidate = part->candidate;

    (void)timeouts;
    part->state = LEATI_FAMILY_ANSWERED;
    /* While somebody waits, only the resolver without memory cancels. */
    part->status = status == ARES_ECANCELLED && candidate->changed ? ARES_ENOMEM : status;
    if (part->status == ARES_ENOMEM)
        leati_resolver_retire(candidate->resolver);
    leati_resolver_answered(candidate->resolver, candidate->changed);
    if (status == ARES_SUCCESS && info)
        info_take(candidate, part, info);
    if (info)
        ares_freeaddrinfo(info);
    if (!candidate->changed) {
        if (pending_count(candidate) == 0)
            leati_free(candidate);
        return;
    }
    /* The channel goes with its loop: there is nobody to tell. */
    if (status != ARES_EDESTRUCTION)
        candidate->changed(candidate->user);
}

static bool part_ask(struct leati_family_part *part)
{
    struct leati_candidate *candidate = part->candidate;

    part->state = LEATI_FAMILY_PENDING;
    return leati_resolver_ask(candidate->resolver, candidate->name,
                              families[part - candidate->parts], part_on_answer, part);
}

bool leati_candidate_ask_next(struct leati_candidate *candidate)
{
    bool one_at_a_time = candidate->resolver->conf.single_request;
    bool asked = true;

    for (int i = 0; i < LEATI_FAMILY_COUNT; i++) {
        struct leati_family_part *part = &candidate->parts[i];
        if (part->state == LEATI_FAMILY_QUEUED && !(one_at_a_time && pending_count(candidate) > 0))
            asked &= part_ask(part);
    }
    return asked;
}

bool leati_candidate_ask(struct leati_candidate *candidate, struct leati_resolver *resolver,
                         void (*changed)(void *user), void *user)
{
    candidate->resolver = resolver;
    candidate->changed = changed;
    candidate->user = user;
    if (resolver->conf.no_aaaa)
        candidate->parts[LEATI_FAMILY_V6].state = LEATI_FAMILY_UNWANTED;
    return leati_candidate_ask_next(candidate);
}

void leati_candidate_drop(struct leati_candidate *candidate)
{
    size_t pending = pending_count(candidate);

    if (pending == 0) {
        leati_free(candidate);
        return;
    }
    candidate->changed = NULL;
    leati_resolver_abandon(candidate->resolver, pending);
}

/* That the name does not exist is true of both families; that it has no address of one family says
 * little. */
int leati_candidate_status(const struct leati_candidate *candidate)
{
    int status[LEATI_FAMILY_COUNT];

    for (int i = 0; i < LEATI_FAMILY_COUNT; i++) {
        const struct leati_family_part *part = &candidate->parts[i];
        status[i] = part->state == LEATI_FAMILY_PENDING || part->state == LEATI_FAMILY_QUEUED
                        ? ARES_ETIMEOUT
                        : part->status;
        if (status[i] == ARES_SUCCESS)
            status[i] = ARES_ENODATA;
    }
    int v4 = status[LEATI_FAMILY_V4], v6 = status[LEATI_FAMILY_V6];
    if (v4 == ARES_ENOMEM || v6 == ARES_ENOMEM)
        return ARES_ENOMEM;
    if (v4 == ARES_ENOTFOUND || v6 == ARES_ENOTFOUND)
        return ARES_ENOTFOUND;
    return v4 == ARES_ENODATA ? v6 : v4;
}
