/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/admission.h"

#include "util/alloc.h"

#include <errno.h>
#include <string.h>

#define FIRST_BUCKETS 64u

struct leati_admission_client {
    struct leati_admission_client *next;
    struct in6_addr key;
    size_t open;
    size_t handshakes;
    struct leati_handshake *oldest, *newest;
};

/* ---- clients --------------------------------------------------------------------------- */

/* IPv4 as an IPv4-mapped address, of IPv6 the network. */
/* Those who come by a local socket have no address: they are counted together, in total only. The key
 * is a multicast address, which nobody comes from. */
static const struct in6_addr local_key = {.s6_addr = {0xff, 0xff}};

static bool client_is_local(const struct leati_admission_client *client)
{
    return memcmp(&client->key, &local_key, sizeof(local_key)) == 0;
}

static struct in6_addr client_key(const struct leati_address *address)
{
    if (address->any.sa_family == AF_UNIX)
        return local_key;
    struct in6_addr key = {0};
    if (address->any.sa_family == AF_INET6) {
        if (IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
            return address->v6.sin6_addr;
        memcpy(key.s6_addr, address->v6.sin6_addr.s6_addr, 8);
        return key;
    }
    key.s6_addr[10] = key.s6_addr[11] = 0xff;
    memcpy(&key.s6_addr[12], &address->v4.sin_addr, 4);
    return key;
}

/* FNV-1a. A client that aims at collisions needs addresses for it, and costs us short walks only.
 */
static size_t key_hash(const struct in6_addr *key)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < sizeof(key->s6_addr); i++)
        hash = (hash ^ key->s6_addr[i]) * 1099511628211u;
    return (size_t)(hash ^ (hash >> 32));
}

/* The link that points to the client, or to the end of its bucket. */
static struct leati_admission_client **client_link(const struct leati_admission *admission,
                                                   const struct in6_addr *key)
{
    struct leati_admission_client **link =
        &admission->buckets[key_hash(key) & (admission->bucket_count - 1)];
    while (*link && memcmp(&(*link)->key, key, sizeof(*key)) != 0)
        link = &(*link)->next;
    return link;
}

void leati_admission_done(struct leati_admission *admission)
{
    for (size_t i = 0; i < admission->bucket_count; i++) {
        for (struct leati_admission_client *client = admission->buckets[i]; client;) {
            struct leati_admission_client *next = client->next;
            leati_free(client);
            client = next;
        }
    }
    while (admission->oldest) {
        struct leati_handshake *handshake = admission->oldest;
        admission->oldest = handshake->newer;
        leati_free(handshake);
    }
    leati_free(admission->buckets);
    *admission = (struct leati_admission){0};
}

static bool table_grow(struct leati_admission *admission)
{
    struct leati_admission_client **old = admission->buckets;
    size_t old_count = admission->bucket_count;
    size_t count = old_count ? old_count * 2 : FIRST_BUCKETS;
    struct leati_admission_client **buckets = leati_calloc(count, sizeof(buckets[0]));
    if (!buckets)
        return false;
    admission->buckets = buckets;
    admission->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct leati_admission_client *client = old[i]; client;) {
            struct leati_admission_client *next = client->next;
            client->next = NULL;
            *client_link(admission, &client->key) = client;
            client = next;
        }
    }
    leati_free(old);
    return true;
}

static struct leati_admission_client *client_of(struct leati_admission *admission,
                                                const struct leati_address *address)
{
    if (admission->client_count >= admission->bucket_count && !table_grow(admission))
        return NULL;
    struct in6_addr key = client_key(address);
    struct leati_admission_client **link = client_link(admission, &key);
    if (*link)
        return *link;
    struct leati_admission_client *client = leati_calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    client->key = key;
    admission->client_count++;
    return *link = client;
}

static void client_drop_unused(struct leati_admission *admission,
                               struct leati_admission_client *client)
{
    if (client->open > 0 || client->handshakes > 0)
        return;
    *client_link(admission, &client->key) = client->next;
    leati_free(client);
    admission->client_count--;
}

/* ---- handshakes, the newest one last ------------------------------------------------------- */

static void handshake_begin(struct leati_admission *admission, struct leati_guest *guest)
{
    struct leati_admission_client *client = guest->client;
    struct leati_handshake *handshake = guest->handshake;
    guest->state = LEATI_GUEST_HANDSHAKE;
    *handshake = (struct leati_handshake){
        .guest = guest, .older = admission->newest, .own_older = client->newest};
    *(handshake->older ? &handshake->older->newer : &admission->oldest) = handshake;
    *(handshake->own_older ? &handshake->own_older->own_newer : &client->oldest) = handshake;
    admission->newest = client->newest = handshake;
    admission->handshakes++;
    client->handshakes++;
}

static void handshake_end(struct leati_admission *admission, struct leati_guest *guest)
{
    struct leati_admission_client *client = guest->client;
    struct leati_handshake *handshake = guest->handshake;
    struct leati_handshake *older = handshake->older, *newer = handshake->newer;
    struct leati_handshake *own_older = handshake->own_older, *own_newer = handshake->own_newer;
    *(older ? &older->newer : &admission->oldest) = newer;
    *(newer ? &newer->older : &admission->newest) = older;
    *(own_older ? &own_older->own_newer : &client->oldest) = own_newer;
    *(own_newer ? &own_newer->own_older : &client->newest) = own_older;
    admission->handshakes--;
    client->handshakes--;
    leati_free(handshake);
    guest->handshake = NULL;
}

/* ---- guests ---------------------------------------------------------------------------------- */

bool leati_admission_enter(struct leati_admission *admission, struct leati_guest *guest,
                           const struct leati_address *address)
{
    guest->handshake = leati_malloc(sizeof(*guest->handshake));
    guest->client = guest->handshake ? client_of(admission, address) : NULL;
    if (!guest->client) {
        leati_free(guest->handshake);
        guest->handshake = NULL;
        return false;
    }
    handshake_begin(admission, guest);
    return true;
}

static size_t at_least(size_t number, size_t least)
{
    return number > least ? number : least;
}

struct leati_guest *leati_admission_excess(const struct leati_admission *admission,
                                           const struct leati_admission_limits *limits,
                                           const struct leati_guest *guest)
{
    const struct leati_admission_client *client = guest->client;
    if (!client_is_local(client) &&
        client->handshakes > at_least(limits->open_of_one, LEATI_ADMISSION_MIN_HANDSHAKES_OF_ONE))
        return client->oldest->guest;
    if (admission->handshakes > at_least(limits->open, LEATI_ADMISSION_MIN_HANDSHAKES))
        return admission->oldest->guest;
    return NULL;
}

static enum leati_admission_verdict judge(const struct leati_admission *admission,
                                          const struct leati_admission_limits *limits,
                                          const struct leati_admission_client *client)
{
    if (admission->open >= limits->open)
        return LEATI_ADMISSION_FULL;
    if (client && !client_is_local(client) && client->open >= limits->open_of_one)
        return LEATI_ADMISSION_FULL_FOR_CLIENT;
    return LEATI_ADMISSION_OK;
}

enum leati_admission_verdict leati_admission_judge(const struct leati_admission *admission,
                                                   const struct leati_admission_limits *limits,
                                                   const struct leati_address *address)
{
    const struct in6_addr key = client_key(address);

    return judge(admission, limits, admission->bucket_count ? *client_link(admission, &key) : NULL);
}

enum leati_admission_verdict leati_admission_judge_guest(
    const struct leati_admission *admission, const struct leati_admission_limits *limits,
    const struct leati_guest *guest)
{
    return judge(admission, limits, guest->client);
}

void leati_admission_open(struct leati_admission *admission, struct leati_guest *guest)
{
    handshake_end(admission, guest);
    guest->state = LEATI_GUEST_OPEN;
    admission->open++;
    guest->client->open++;
}

void leati_admission_leave(struct leati_admission *admission, struct leati_guest *guest)
{
    switch (guest->state) {
    case LEATI_GUEST_AWAY:
        return;
    case LEATI_GUEST_HANDSHAKE:
        handshake_end(admission, guest);
        break;
    case LEATI_GUEST_OPEN:
        admission->open--;
        guest->client->open--;
        break;
    }
    client_drop_unused(admission, guest->client);
    *guest = (struct leati_guest){.state = LEATI_GUEST_AWAY, .reported = guest->reported};
}

/* ---- words ----------------------------------------------------------------------------------- */

const char leati_admission_excess_text[] =
    "too many handshakes are not done: this one, the oldest, had to make room";

const char *leati_admission_verdict_text(enum leati_admission_verdict verdict)
{
    switch (verdict) {
    case LEATI_ADMISSION_OK:
        break;
    case LEATI_ADMISSION_FULL:
        return "there are too many connections";
    case LEATI_ADMISSION_FULL_FOR_CLIENT:
        return "there are too many connections of this client";
    }
    return "";
}

bool leati_admission_is_shortage(int sys_errno)
{
    return sys_errno == EMFILE || sys_errno == ENFILE || sys_errno == ENOBUFS ||
           sys_errno == ENOMEM;
}
