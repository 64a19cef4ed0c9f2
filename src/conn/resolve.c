/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/resolve.h"

#include "dns/dns.h"
#include "tcp/tcp.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

static int hop_add_addresses(struct leati_hop *hop, const struct leati_address *list, size_t count)
{
    if (!leati_resize(&hop->addresses, hop->address_count + count, sizeof(*list)))
        return LEAT_E_SYSTEM_INTERNAL;
    memcpy(hop->addresses + hop->address_count, list, count * sizeof(*list));
    hop->address_count += count;
    return LEAT_OK;
}

static void trace_answer(struct leati_chain *chain, int result)
{
    const struct leati_hop *hop = chain->route->lookup;
    char text[256] = "";
    size_t pos = 0;
    for (size_t i = 0; i < hop->address_count; i++) {
        char host[LEATI_ADDRESS_TEXT_SIZE];
        leati_address_format_host(&hop->addresses[i], host, sizeof(host));
        leati_readable_append(text, sizeof(text), &pos, "%s%s", i ? ", " : "", host);
    }
    leati_trace_phase_end(&chain->tracer, LEAT_LAYER_DNS, "dns", hop->text,
                          chain->route->phase_start_us, result,
                          result == LEAT_OK ? text : chain->failure.text);
}

static int answer_fail(struct leati_hop *hop, const struct leati_dns_answer *answer, int code)
{
    struct leati_chain *chain = hop->chain;
    const struct leati_failure *failure = answer->failure;
    if (answer->lacks_family)
        return leati_route_lacks_family(chain->route, hop, &chain->failure);
    struct leati_fault fault = leati_failure_fault(failure);
    fault.code = code;
    fault.layer = LEAT_LAYER_DNS;
    return leati_failure_set(&chain->failure, &fault, "%s",
                             failure->text ? failure->text : "out of memory");
}

/* TCP dials the addresses of the first hop by itself, also those that come late. */
static int hop_take_late(struct leati_hop *hop, const struct leati_dns_answer *answer)
{
    struct leati_chain *chain = hop->chain;
    int code = hop_add_addresses(hop, answer->addresses, answer->count);
    if (code == LEAT_OK && hop == chain->route->hops && chain->tcp)
        code = leati_tcp_layer_add(chain->tcp, answer->addresses, answer->count);
    return code;
}

static void hop_answered(const struct leati_dns_answer *answer, void *user)
{
    struct leati_hop *hop = user;
    struct leati_chain *chain = hop->chain;
    bool is_first = hop->address_count == 0;
    int code = answer->failure->code;
    if (!answer->more)
        hop->query = NULL;
    if (code == LEAT_OK)
        code = is_first ? hop_add_addresses(hop, answer->addresses, answer->count)
                        : hop_take_late(hop, answer);
    if (code != LEAT_OK)
        code = answer_fail(hop, answer, code);
    if (is_first)
        trace_answer(chain, code);
    else if (code != LEAT_OK)
        leati_chain_abort(chain);
    leati_chain_wake(chain);
}

static int chain_ask(struct leati_chain *chain)
{
    const struct leati_settings *settings = chain->route->settings;
    struct leati_hop *hop = chain->route->lookup;
    bool is_dialled = hop == chain->route->hops;
    uint32_t timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_DNS];
    uint64_t deadline_ms = timeout_ms ? leati_clock_ms() + timeout_ms : 0;
    if (chain->limit_ms && (!deadline_ms || chain->limit_ms < deadline_ms))
        deadline_ms = chain->limit_ms;
    hop->chain = chain;
    const struct leati_dns_options options = {
        .loop = chain->loop,
        .servers = settings->dns_servers,
        .host = hop->host,
        .is_absolute = hop->host_is_absolute,
        .family = leati_route_hop_family(chain->route, hop),
        .port = hop->port,
        .dials = is_dialled,
        .deadline_ms = deadline_ms,
        .fn = hop_answered,
        .user = hop,
    };
    chain->route->phase_start_us = leati_clock_us();
    leati_trace_phase_start(&chain->tracer, LEAT_LAYER_DNS, "dns", hop->text,
                            chain->route->phase_start_us);
    int code = leati_dns_start(&options, &chain->failure, &hop->query);
    return code == LEAT_OK ? LEATI_AGAIN : code;
}

void leati_chain_stop_lookups(struct leati_chain *chain)
{
    for (size_t i = 0; chain->route && i < chain->route->hop_count; i++) {
        struct leati_hop *hop = &chain->route->hops[i];
        if (hop->query)
            leati_dns_cancel(hop->query);
        hop->query = NULL;
    }
}

/* A literal that cannot be used is not a name either: DNS is not asked for it. */
static int literal_fail(struct leati_chain *chain, const struct leati_hop *hop, int sys_errno)
{
    const struct leati_fault fault = leati_errno_fault(LEAT_LAYER_TCP, sys_errno, hop->text);
    return leati_failure_set(&chain->failure, &fault, "%s",
                             leati_literal_reason(hop->host, sys_errno).text);
}

/* The addresses that the program gives, of the family that is of use. */
static int hop_take_known(struct leati_chain *chain, struct leati_hop *hop)
{
    int family = leati_route_hop_family(chain->route, hop);
    for (size_t i = 0; i < hop->known->count; i++) {
        struct leati_address address = hop->known->addresses[i];
        if (family != AF_UNSPEC && address.any.sa_family != family)
            continue;
        leati_address_set_port(&address, hop->port);
        if (hop_add_addresses(hop, &address, 1) != LEAT_OK)
            return LEAT_E_SYSTEM_INTERNAL;
    }
    return hop->address_count > 0 ? LEAT_OK
                                  : leati_route_lacks_family(chain->route, hop, &chain->failure);
}

int leati_chain_resolve(struct leati_chain *chain)
{
    struct leati_address literal;
    if (chain->failure.code != LEAT_OK)
        return chain->failure.code;
    while ((chain->route->lookup = leati_route_next_lookup(chain->route))) {
        struct leati_hop *hop = chain->route->lookup;
        if (hop->query)
            return LEATI_AGAIN;
        if (hop->known) {
            int known = hop_take_known(chain, hop);
            if (known != LEAT_OK)
                return known;
            continue;
        }
        int sys_errno = leati_address_read(hop->host, hop->port, &literal);
        if (sys_errno == ENOENT)
            return chain_ask(chain);
        int code = sys_errno == 0 ? hop_add_addresses(hop, &literal, 1)
                                  : literal_fail(chain, hop, sys_errno);
        if (code != LEAT_OK)
            return code;
    }
    return LEAT_OK;
}
