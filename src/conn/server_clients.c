/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/server_clients.h"

#include "util/alloc.h"

#include <string.h>

#define FIRST_BUCKETS 64u

struct leati_address_count {
    struct leati_address_count *next;
    struct in6_addr address; /* IPv4 as an IPv4-mapped address */
    size_t count;
};

static struct in6_addr address_key(const struct leati_address *address)
{
    struct in6_addr key = {0};
    if (address->any.sa_family == AF_INET6)
        return address->v6.sin6_addr;
    key.s6_addr[10] = key.s6_addr[11] = 0xff;
    memcpy(&key.s6_addr[12], &address->v4.sin_addr, 4);
    return key;
}

/* FNV-1a. A client that aims at collisions needs addresses for it, and costs us short walks only.
 */
static size_t address_hash(const struct in6_addr *key)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < sizeof(key->s6_addr); i++)
        hash = (hash ^ key->s6_addr[i]) * 1099511628211u;
    return (size_t)(hash ^ (hash >> 32));
}

/* The link that points to the entry, or to the end of its bucket. */
static struct leati_address_count **find_link(const struct leati_address_counts *counts,
                                              const struct in6_addr *key)
{
    struct leati_address_count **link =
        &counts->buckets[address_hash(key) & (counts->bucket_count - 1)];
    while (*link && memcmp(&(*link)->address, key, sizeof(*key)) != 0)
        link = &(*link)->next;
    return link;
}

void leati_address_counts_done(struct leati_address_counts *counts)
{
    for (size_t i = 0; i < counts->bucket_count; i++) {
        for (struct leati_address_count *entry = counts->buckets[i]; entry;) {
            struct leati_address_count *next = entry->next;
            leati_free(entry);
            entry = next;
        }
    }
    leati_free(counts->buckets);
    *counts = (struct leati_address_counts){0};
}

size_t leati_address_counts_get(const struct leati_address_counts *counts,
                                const struct leati_address *address)
{
    if (counts->bucket_count == 0)
        return 0;
    struct in6_addr key = address_key(address);
    const struct leati_address_count *entry = *find_link(counts, &key);
    return entry ? entry->count : 0;
}

static bool counts_grow(struct leati_address_counts *counts)
{
    size_t bucket_count = counts->bucket_count ? counts->bucket_count * 2 : FIRST_BUCKETS;
    struct leati_address_counts grown = {
        .buckets = leati_calloc(bucket_count, sizeof(struct leati_address_count *)),
        .bucket_count = bucket_count,
        .address_count = counts->address_count,
    };
    if (!grown.buckets)
        return false;
    for (size_t i = 0; i < counts->bucket_count; i++) {
        for (struct leati_address_count *entry = counts->buckets[i]; entry;) {
            struct leati_address_count *next = entry->next;
            struct leati_address_count **link = find_link(&grown, &entry->address);
            entry->next = NULL;
            *link = entry;
            entry = next;
        }
    }
    leati_free(counts->buckets);
    *counts = grown;
    return true;
}

bool leati_address_counts_add(struct leati_address_counts *counts,
                              const struct leati_address *address)
{
    if (counts->address_count >= counts->bucket_count && !counts_grow(counts))
        return false;
    struct in6_addr key = address_key(address);
    struct leati_address_count **link = find_link(counts, &key);
    if (!*link) {
        *link = leati_calloc(1, sizeof(**link));
        if (!*link)
            return false;
        (*link)->address = key;
        counts->address_count++;
    }
    (*link)->count++;
    return true;
}

void leati_address_counts_remove(struct leati_address_counts *counts,
                                 const struct leati_address *address)
{
    if (counts->bucket_count == 0)
        return;
    struct in6_addr key = address_key(address);
    struct leati_address_count **link = find_link(counts, &key);
    struct leati_address_count *entry = *link;
    if (!entry || --entry->count > 0)
        return;
    *link = entry->next;
    leati_free(entry);
    counts->address_count--;
}
