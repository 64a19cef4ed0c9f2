/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/sort.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#define MAX_COUNT 64

/* RFC 4291 section 2.7 */
enum scope {
    SCOPE_LINK_LOCAL = 0x2,
    SCOPE_SITE_LOCAL = 0x5,
    SCOPE_GLOBAL = 0xe,
};

struct policy {
    uint8_t prefix[16];
    unsigned prefix_bits;
    unsigned precedence;
    unsigned label;
};

/* RFC 6724 section 2.1, the longest prefix first. */
static const struct policy policies[] = {
    {{[15] = 1}, 128, 50, 0},                /* ::1 */
    {{[10] = 0xff, [11] = 0xff}, 96, 35, 4}, /* ::ffff:0:0, that is IPv4 */
    {{0}, 96, 1, 3},                         /* ::a.b.c.d */
    {{0x20, 0x01}, 32, 5, 5},                /* Teredo */
    {{0x20, 0x02}, 16, 30, 2},               /* 6to4 */
    {{0x3f, 0xfe}, 16, 1, 12},               /* 6bone */
    {{0xfe, 0xc0}, 10, 1, 11},               /* site-local */
    {{0xfc}, 7, 3, 13},                      /* unique local */
    {{0}, 0, 40, 1},
};

struct candidate {
    struct leati_address address;
    bool reachable;
    bool same_scope; /* as the source's */
    bool same_label;
    unsigned precedence;
    enum scope scope;
    unsigned prefix_bits; /* that an IPv6 address and its source have in common */
};

/* IPv4 as ::ffff:a.b.c.d, so that one table serves both. */
static struct in6_addr in6_of(const struct leati_address *address)
{
    struct in6_addr in6 = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

    if (address->any.sa_family == AF_INET6)
        return address->v6.sin6_addr;
    memcpy(in6.s6_addr + 12, &address->v4.sin_addr, 4);
    return in6;
}

static unsigned common_bits(const uint8_t *a, const uint8_t *b)
{
    for (unsigned i = 0; i < 16; i++)
        if (a[i] != b[i])
            return 8 * i + (unsigned)__builtin_clz((unsigned)(a[i] ^ b[i])) - 24;
    return 128;
}

static const struct policy *policy_of(const struct leati_address *address)
{
    const struct policy *policy = policies;
    struct in6_addr in6 = in6_of(address);

    while (common_bits(in6.s6_addr, policy->prefix) < policy->prefix_bits)
        policy++;
    return policy;
}

static enum scope scope_of(const struct leati_address *address)
{
    struct in6_addr in6 = in6_of(address);
    const uint8_t *bytes = in6.s6_addr;

    /* RFC 6724 section 3.2: 127/8 and 169.254/16 are link-local; private addresses are global. */
    if (IN6_IS_ADDR_V4MAPPED(&in6))
        return bytes[12] == 127 || (bytes[12] == 169 && bytes[13] == 254) ? SCOPE_LINK_LOCAL
                                                                          : SCOPE_GLOBAL;
    if (IN6_IS_ADDR_MULTICAST(&in6))
        return (enum scope)(bytes[1] & 0xf);
    /* Section 3.4: the loopback address is treated as link-local. */
    if (IN6_IS_ADDR_LINKLOCAL(&in6) || IN6_IS_ADDR_LOOPBACK(&in6))
        return SCOPE_LINK_LOCAL;
    return IN6_IS_ADDR_SITELOCAL(&in6) ? SCOPE_SITE_LOCAL : SCOPE_GLOBAL;
}

static void candidate_init(struct candidate *candidate, const struct leati_address *address,
                           leati_dns_source_fn source_fn, void *user)
{
    const struct policy *policy = policy_of(address);
    struct leati_address source;

    *candidate = (struct candidate){
        .address = *address,
        .precedence = policy->precedence,
        .scope = scope_of(address),
    };
    candidate->reachable = source_fn(address, &source, user);
    if (!candidate->reachable)
        return;
    candidate->same_scope = scope_of(&source) == candidate->scope;
    candidate->same_label = policy_of(&source)->label == policy->label;
    if (address->any.sa_family == AF_INET6) {
        struct in6_addr from = in6_of(&source), to = in6_of(address);
        candidate->prefix_bits = common_bits(from.s6_addr, to.s6_addr);
    }
}

/* Section 6. Rules 3, 4 and 7 need what the kernel does not tell about its addresses. */
static bool candidate_is_better(const struct candidate *a, const struct candidate *b)
{
    if (a->reachable != b->reachable) /* rule 1 */
        return a->reachable;
    if (a->same_scope != b->same_scope) /* rule 2 */
        return a->same_scope;
    if (a->same_label != b->same_label) /* rule 5 */
        return a->same_label;
    if (a->precedence != b->precedence) /* rule 6 */
        return a->precedence > b->precedence;
    if (a->scope != b->scope) /* rule 8 */
        return a->scope < b->scope;
    if (a->address.any.sa_family == AF_INET6 && b->address.any.sa_family == AF_INET6)
        return a->prefix_bits > b->prefix_bits; /* rule 9 */
    return false;                               /* rule 10 */
}

void leati_dns_sort_by(struct leati_address *addresses, size_t count, leati_dns_source_fn source,
                       void *user)
{
    struct candidate sorted[MAX_COUNT];

    assert(count <= MAX_COUNT);
    for (size_t i = 0; i < count; i++) {
        struct candidate candidate;
        size_t at = i;
        candidate_init(&candidate, &addresses[i], source, user);
        for (; at > 0 && candidate_is_better(&candidate, &sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = candidate;
    }
    for (size_t i = 0; i < count; i++)
        addresses[i] = sorted[i].address;
}

/* A connected datagram socket has chosen its source, and nothing was sent. */
static bool kernel_source(const struct leati_address *destination, struct leati_address *ret_source,
                          void *user)
{
    socklen_t size = sizeof(*ret_source);
    int fd = socket(destination->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);

    (void)user;
    if (fd < 0)
        return false;
    bool reachable = connect(fd, &destination->any, leati_address_size(destination)) == 0 &&
                     getsockname(fd, &ret_source->any, &size) == 0;
    close(fd);
    return reachable;
}

bool leati_dns_reachable(const struct leati_address *destination)
{
    struct leati_address source;

    return kernel_source(destination, &source, NULL);
}

void leati_dns_sort(struct leati_address *addresses, size_t count)
{
    if (count > 1)
        leati_dns_sort_by(addresses, count, kernel_source, NULL);
}
