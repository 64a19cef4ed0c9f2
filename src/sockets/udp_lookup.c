/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams that wait for their name to become an address. */
#include "sockets/udp_private.h"

#include "config/settings.h"
#include "dns/dns.h"
#include "socks5/udp_header.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

/* All datagrams that wait for one name. */
struct leati_udp_lookup {
    struct leati_udp_lookup *next;
    struct leat_udp_socket *udp;
    struct leati_dns_query *query;
    struct leati_udp_datagrams datagrams;
    bool is_absolute;
    char host[];
};

static void lookup_free(struct leati_udp_lookup *lookup)
{
    if (lookup->query)
        leati_dns_cancel(lookup->query);
    leati_udp_datagrams_drop(lookup->udp, &lookup->datagrams);
    leati_free(lookup);
}

static void lookup_unlink(struct leati_udp_lookup *lookup)
{
    struct leati_udp_lookup **link = &lookup->udp->lookups;
    while (*link != lookup)
        link = &(*link)->next;
    *link = lookup->next;
}

void leati_udp_lookups_drop(struct leat_udp_socket *udp)
{
    struct leati_udp_lookup *lookup;
    while ((lookup = udp->lookups)) {
        udp->lookups = lookup->next;
        lookup_free(lookup);
    }
}

void leati_udp_lookups_earliest(const struct leat_udp_socket *udp, uint64_t *at_ms)
{
    for (const struct leati_udp_lookup *lookup = udp->lookups; lookup; lookup = lookup->next)
        leati_udp_datagrams_earliest(&lookup->datagrams, at_ms);
}

bool leati_udp_lookups_expire_one(struct leat_udp_socket *udp, uint64_t now_ms)
{
    char hop[LEAT_ERROR_HOP_SIZE];
    struct leati_udp_datagram *datagram = NULL;
    struct leati_udp_lookup *lookup = udp->lookups;
    while (lookup && !(datagram = leati_udp_datagrams_take_expired(&lookup->datagrams, now_ms)))
        lookup = lookup->next;
    if (!datagram)
        return false;
    uint32_t timeout_ms = datagram->timeout_ms;
    leati_host_port_format(lookup->host, datagram->port, hop, sizeof(hop));
    leati_udp_datagram_forget(udp, datagram);
    leati_udp_report_expired(udp, hop, timeout_ms, "its name had no address");
    return true;
}

/* ---- names ------------------------------------------------------------------------------- */

/* Takes the address of its name into a datagram: to send to, or to tell the relay. */
static void datagram_take_address(const struct leat_udp_socket *udp,
                                  struct leati_udp_datagram *datagram,
                                  const struct leati_address *address)
{
    struct leati_socks5_address destination;
    datagram->to = *address;
    leati_address_set_port(&datagram->to, datagram->port);
    if (!udp->association)
        return;
    leati_socks5_address_from_ip(&datagram->to, &destination);
    datagram->header_len = leati_socks5_udp_header_write(&destination, datagram->bytes);
}

static void lookup_fail(struct leati_udp_lookup *lookup, const struct leati_dns_answer *answer)
{
    struct leat_udp_socket *udp = lookup->udp;
    char hop[LEAT_ERROR_HOP_SIZE];
    char text[LEAT_ERROR_TEXT_SIZE - 64];
    const struct leati_failure *failure = answer->failure;
    struct leati_fault fault = leati_failure_fault(failure);
    fault.layer = LEAT_LAYER_DNS;
    fault.hop = hop;
    uint16_t port = lookup->datagrams.first ? lookup->datagrams.first->port : 0;
    leati_host_port_format(lookup->host, port, hop, sizeof(hop));
    if (answer->lacks_family)
        leati_readable_format(text, sizeof(text),
                              "%s has no %s address, which the socket is bound to", lookup->host,
                              udp->family == AF_INET6 ? "IPv6" : "IPv4");
    else
        leati_readable_format(text, sizeof(text), "%s",
                              failure->text ? failure->text : "out of memory");
    size_t count = leati_udp_datagrams_drop(udp, &lookup->datagrams);
    lookup_free(lookup);
    if (count > 0)
        leati_udp_report(udp, &fault, "%s (datagrams dropped: %zu)", text, count);
}

static void lookup_answered(const struct leati_dns_answer *answer, void *user)
{
    struct leati_udp_lookup *lookup = user;
    struct leat_udp_socket *udp = lookup->udp;
    struct leati_udp_datagram *datagram;
    leati_udp_enter(udp);
    /* Only the first address is used: UDP does not tell that one does not answer. */
    if (answer->more)
        leati_dns_cancel(lookup->query);
    lookup->query = NULL;
    lookup_unlink(lookup);
    if (answer->count == 0) {
        lookup_fail(lookup, answer);
    } else {
        while ((datagram = leati_udp_datagrams_take_first(&lookup->datagrams))) {
            datagram_take_address(udp, datagram, &answer->addresses[0]);
            leati_udp_datagrams_append(&udp->queue, datagram);
        }
        lookup_free(lookup);
    }
    if (leati_udp_is_bound(udp))
        leati_udp_flush(udp);
    leati_udp_leave(udp);
}

static struct leati_udp_lookup *lookup_find(const struct leat_udp_socket *udp, const char *host,
                                            bool is_absolute)
{
    struct leati_udp_lookup *lookup = udp->lookups;
    while (lookup && (lookup->is_absolute != is_absolute || strcmp(lookup->host, host) != 0))
        lookup = lookup->next;
    return lookup;
}

/* NULL: refused. */
static struct leati_udp_lookup *lookup_start(struct leat_udp_socket *udp, const char *host,
                                             bool is_absolute)
{
    size_t size = strlen(host) + 1;
    struct leati_udp_lookup *lookup = leati_calloc(1, sizeof(*lookup) + size);
    if (!lookup) {
        leati_udp_no_memory(udp);
        return NULL;
    }
    memcpy(lookup->host, host, size);
    lookup->udp = udp;
    lookup->is_absolute = is_absolute;
    uint32_t timeout_ms = udp->settings->phase_timeout_ms[LEAT_PHASE_DNS];
    const struct leati_dns_options options = {
        .loop = udp->loop,
        .servers = udp->settings->dns_servers,
        .host = lookup->host,
        .is_absolute = is_absolute,
        /* A relay sends to addresses of both. */
        .family = udp->association ? AF_UNSPEC : udp->family,
        .deadline_ms = timeout_ms ? leati_clock_ms() + timeout_ms : 0,
        .fn = lookup_answered,
        .user = lookup,
    };
    if (leati_dns_start(&options, &udp->failure, &lookup->query) != LEAT_OK) {
        leati_free(lookup);
        return NULL;
    }
    lookup->next = udp->lookups;
    udp->lookups = lookup;
    return lookup;
}

int leati_udp_send_to_name(struct leat_udp_socket *udp, const char *host, bool is_absolute,
                           uint16_t port, const void *data, size_t len)
{
    size_t header_cap = udp->association ? LEATI_SOCKS5_UDP_HEADER_IP_MAX_BYTES : 0;
    struct leati_udp_datagram *datagram = leati_udp_datagram_new(udp, header_cap, data, len);
    if (!datagram)
        return udp->failure.code;
    datagram->port = port;
    struct leati_udp_lookup *lookup = lookup_find(udp, host, is_absolute);
    if (!lookup)
        lookup = lookup_start(udp, host, is_absolute);
    if (!lookup) {
        leati_udp_datagram_forget(udp, datagram);
        return udp->failure.code;
    }
    leati_udp_datagrams_append(&lookup->datagrams, datagram);
    return LEAT_OK;
}
