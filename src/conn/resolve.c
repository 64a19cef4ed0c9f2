/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/resolve.h"

#include "util/alloc.h"
#include "util/readable.h"
#include "util/clock.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

static int hop_take_addresses(struct leati_hop *hop, const struct leati_address *list, size_t count)
{
    hop->addresses = leati_malloc(count * sizeof(*list));
    if (!hop->addresses)
        return LEAT_E_SYSTEM_INTERNAL;
    memcpy(hop->addresses, list, count * sizeof(*list));
    hop->address_count = count;
    return LEAT_OK;
}

static void trace_answer(struct leati_chain *chain, int result)
{
    const struct leati_hop *hop = chain->lookup;
    char text[256] = "";
    size_t pos = 0;
    for (size_t i = 0; i < hop->address_count; i++) {
        char host[LEATI_ADDRESS_TEXT_SIZE];
        leati_address_format_host(&hop->addresses[i], host, sizeof(host));
        leati_readable_append(text, sizeof(text), &pos, "%s%s", i ? ", " : "", host);
    }
    leati_trace_phase_end(&chain->tracer, LEAT_LAYER_DNS, "dns", hop->text, chain->phase_start_us,
                          result, result == LEAT_OK ? text : chain->failure.text);
}

static void chain_answered(const struct leati_dns_answer *answer, void *user)
{
    struct leati_chain *chain = user;
    if (answer->more)
        leati_dns_cancel(chain->query);
    chain->query = NULL;
    int code = answer->failure->code;
    if (answer->lacks_family)
        code = leati_route_lacks_family(chain->route, chain->lookup, &chain->failure);
    else if (code == LEAT_OK)
        code = hop_take_addresses(chain->lookup, answer->addresses, answer->count);
    if (code != LEAT_OK) {
        const struct leati_fault fault = {
            .code = code,
            .layer = LEAT_LAYER_DNS,
            .sys_errno = answer->failure->sys_errno,
            .native_code = answer->failure->native_code,
            .hop = answer->failure->hop,
        };
        leati_failure_set(&chain->failure, &fault, "%s",
                          answer->failure->text ? answer->failure->text : "out of memory");
    }
    trace_answer(chain, code);
    leati_chain_wake(chain);
}

static int chain_ask(struct leati_chain *chain)
{
    const struct leati_settings *settings = chain->route->settings;
    const struct leati_hop *hop = chain->lookup;
    bool is_dialled = hop == chain->route->hops;
    uint32_t timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_DNS];
    uint64_t deadline_ms = timeout_ms ? leati_clock_ms() + timeout_ms : 0;
    if (chain->limit_ms && (!deadline_ms || chain->limit_ms < deadline_ms))
        deadline_ms = chain->limit_ms;
    const struct leati_dns_options options = {
        .loop = chain->loop,
        .servers = settings->dns_servers,
        .host = hop->host,
        .is_absolute = hop->host_is_absolute,
        .family = is_dialled ? chain->route->dial_family : AF_UNSPEC,
        .port = hop->port,
        .dials = is_dialled,
        .deadline_ms = deadline_ms,
        .fn = chain_answered,
        .user = chain,
    };
    chain->phase_start_us = leati_clock_us();
    leati_trace_phase_start(&chain->tracer, LEAT_LAYER_DNS, "dns", hop->text,
                            chain->phase_start_us);
    int code = leati_dns_start(&options, &chain->failure, &chain->query);
    return code == LEAT_OK ? LEATI_AGAIN : code;
}

/* A literal that is of no use is no name either: it is asked for nowhere. */
static int literal_fail(struct leati_chain *chain, const struct leati_hop *hop, int sys_errno)
{
    char text[256];
    const struct leati_fault fault = {
        .code = LEAT_E_SOCKET_BASE + sys_errno,
        .layer = LEAT_LAYER_TCP,
        .sys_errno = sys_errno,
        .hop = hop->text,
    };
    leati_address_fault_format(hop->host, sys_errno, text, sizeof(text));
    return leati_failure_set(&chain->failure, &fault, "%s", text);
}

int leati_chain_resolve(struct leati_chain *chain)
{
    struct leati_address literal;
    if (chain->failure.code != LEAT_OK)
        return chain->failure.code;
    if (chain->query)
        return LEATI_AGAIN;
    while ((chain->lookup = leati_route_next_lookup(chain->route)) != NULL) {
        struct leati_hop *hop = chain->lookup;
        int sys_errno = leati_address_read(hop->host, hop->port, &literal);
        if (sys_errno == ENOENT)
            return chain_ask(chain);
        int code = sys_errno == 0 ? hop_take_addresses(hop, &literal, 1)
                                  : literal_fail(chain, hop, sys_errno);
        if (code != LEAT_OK)
            return code;
    }
    return LEAT_OK;
}
