/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * One name that a host may stand for, and what both families say of it.
 */
#ifndef LEATI_DNS_CANDIDATE_H
#define LEATI_DNS_CANDIDATE_H

#include "core/address.h"
#include "dns/dns.h"
#include "dns/resolver.h"

enum leati_family_state {
    LEATI_FAMILY_UNWANTED,
    LEATI_FAMILY_QUEUED, /**< asked for when the one before it is answered: single-request */
    LEATI_FAMILY_PENDING,
    LEATI_FAMILY_ANSWERED,
};

/** In this order they are asked for. */
enum {
    LEATI_FAMILY_V4,
    LEATI_FAMILY_V6,
    LEATI_FAMILY_COUNT,
};

struct leati_candidate;

/** What one family's query has found. */
struct leati_family_part {
    struct leati_candidate *candidate;
    enum leati_family_state state;
    int status;
    bool told; /**< whoever asks has got these */
    size_t count;
    struct leati_address addresses[LEATI_DNS_MAX_ADDRESSES];
};

struct leati_candidate {
    struct leati_candidate *next; /**< the owner's */
    struct leati_resolver *resolver;
    void (*changed)(void *user); /**< runs inside of c-ares; NULL = nobody waits any more */
    void *user;
    uint16_t port;
    uint64_t until_ms;  /**< when the next one gets its chance beside this one; 0 = never */
    uint64_t settle_ms; /**< when not to wait any more for the other family; 0 = not known yet */
    struct leati_family_part parts[LEATI_FAMILY_COUNT];
    char name[];
};

/** For the families of `family` (AF_UNSPEC = both). NULL: no memory. */
struct leati_candidate *leati_candidate_new(const char *name, int family, uint16_t port);

/** Looks into /etc/hosts, and makes "localhost" and all below it what they are (RFC 6761 section
 * 6.3). @return ARES_SUCCESS, ARES_ENOMEM; there may be no address. */
int leati_candidate_look_up(struct leati_candidate *candidate, struct leati_resolver *resolver);
/** Asks DNS. `changed` may run at once. @return false: no memory. */
bool leati_candidate_ask(struct leati_candidate *candidate, struct leati_resolver *resolver,
                         void (*changed)(void *user), void *user);
/** Asks for what is queued, if its time has come. @return false: no memory. */
bool leati_candidate_ask_next(struct leati_candidate *candidate);
/** The owner's end: the memory goes with the last answer. Not from inside of `changed`. */
void leati_candidate_drop(struct leati_candidate *candidate);

bool leati_candidate_is_pending(const struct leati_candidate *candidate);
bool leati_candidate_has_addresses(const struct leati_candidate *candidate);
/** Why there is no address: what is pending has timed out. */
int leati_candidate_status(const struct leati_candidate *candidate);
/** Takes those addresses that were not taken before, in their order (RFC 6724). Room for
 * LEATI_DNS_MAX_ADDRESSES. @return how many. */
size_t leati_candidate_take(struct leati_candidate *candidate, struct leati_address *ret_addresses);

#endif
