/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Names to addresses by c-ares: /etc/hosts, then A and AAAA at the same time, in the order of
 * RFC 6724. When one family has answered, the other is waited for only a little longer, and may be
 * told later (RFC 8305 section 3).
 *
 * A name may stand for several, by the search list of resolv.conf(5). They are asked for one after
 * the other, as resolver(3) does, until one has an address. A name whose server is silent is passed
 * over, too, when its share of the time is over; its answer, if it comes while no address has been
 * found, still goes first. "localhost" and names below it are never asked for (RFC 6761 section
 * 6.3).
 *
 * The only folder that sees c-ares.
 */
#ifndef LEATI_DNS_DNS_H
#define LEATI_DNS_DNS_H

#include <leat/loop.h>

#include "core/address.h"
#include "core/failure.h"

/** The most addresses that an answer gives. */
#define LEATI_DNS_MAX_ADDRESSES 16

/** RFC 8305 section 8, Resolution Delay. */
#define LEATI_DNS_RESOLUTION_DELAY_MS 50

struct leati_dns_query;

struct leati_dns_answer {
    /** LEAT_OK, or the fault: LEAT_E_SOCKET_BASE + EHOSTUNREACH (no such name, no address, server
     * failure), + ETIMEDOUT, LEAT_E_SYSTEM_INTERNAL; layer DNS, native = c-ares status, the text
     * names the host. Borrowed. */
    const struct leati_failure *failure;
    const struct leati_address *addresses; /**< with the port asked for */
    size_t count;
    /** The other family is still being asked for: `fn` comes once more, with LEAT_OK and what was
     * found then, perhaps nothing, or with LEAT_E_SYSTEM_INTERNAL. The query may be cancelled in
     * here. */
    bool more;
    /** Of a failure: the name is there, or may be, but has no address of the family asked for. */
    bool lacks_family;
};

typedef void (*leati_dns_fn)(const struct leati_dns_answer *answer, void *user);

struct leati_dns_options {
    leat_loop *loop;
    const char *servers; /**< as leat_config_set_dns_servers(); NULL = the system's */
    const char *host;    /**< a name without a final dot; literals are the caller's
                              (leati_address_read()) */
    bool is_absolute;    /**< it had a final dot: no search list counts */
    int family;          /**< the only one that is of use, AF_UNSPEC = both */
    uint16_t port;
    /** The addresses are dialled from here: those of IPv6 need not wait for IPv4. */
    bool dials;
    uint64_t deadline_ms; /**< CLOCK_MONOTONIC; 0 = none but c-ares' own tries */
    /** How long to wait for the other family when one has given addresses; 0 =
     * LEATI_DNS_RESOLUTION_DELAY_MS. */
    uint32_t resolution_delay_ms;
    /** Runs from dispatch, never inside start: once, or twice if the first answer says `more`. Then
     * the query is gone. */
    leati_dns_fn fn;
    void *user;
};

/** Asks. One resolver per loop and server list is kept and shared; it is made anew when
 * /etc/resolv.conf has changed.
 * @return LEAT_OK; LEAT_E_SYSTEM_INTERNAL (no memory), LEAT_E_SOCKET_BASE + EHOSTUNREACH (c-ares
 * cannot be set up: unreadable configuration); both recorded in `failure`. */
int leati_dns_start(const struct leati_dns_options *options, struct leati_failure *failure,
                    struct leati_dns_query **ret_query);
/** Forgets a query that is not gone; its `fn` will not be called any more. */
void leati_dns_cancel(struct leati_dns_query *query);
/** Whether it is a list "addr[:port][,addr[:port]...]", IPv6 in brackets. */
bool leati_dns_servers_valid(const char *servers);

#endif
